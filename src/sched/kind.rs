//! The types of requests that belong to a pool, and what each costs.

/// Number of request types that belong to a pool: `SCHED_REQ_MAX`.
pub const KINDS: usize = abi::SCHED_REQ_MAX as usize;

/// A number for each [`Kind`], by its value.
pub type PerKind<T> = [T; KINDS];

/// Type of a request that belongs to a pool: the `SCHED_REQ_*` of the same names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// An update by a client.
    Update = abi::SCHED_REQ_UPDATE,
    /// A fetch by a client.
    Fetch = abi::SCHED_REQ_FETCH,
    /// Garbage collection and aggregation: what gives space back.
    Gc = abi::SCHED_REQ_GC,
    /// Checksum scrubbing.
    Scrub = abi::SCHED_REQ_SCRUB,
    /// Rebuild and reintegration.
    Migrate = abi::SCHED_REQ_MIGRATE,
}

impl Kind {
    /// All of them, in the order of their values.
    pub const ALL: PerKind<Kind> = [Kind::Update, Kind::Fetch, Kind::Gc, Kind::Scrub, Kind::Migrate];

    /// The kind of `sra_type`; `None` for `SCHED_REQ_ANONYM` and for values that are no type.
    pub fn new(sra_type: u32) -> Option<Self> {
        Self::ALL.get(sra_type as usize).copied()
    }

    /// Whether a client waits for it.
    pub fn is_io(self) -> bool {
        matches!(self, Kind::Update | Kind::Fetch)
    }

    /// How much CPU one takes, compared with a fetch.
    pub fn weight(self) -> u64 {
        match self {
            Kind::Update => 2,
            Kind::Fetch => 1,
            Kind::Gc => 4,
            Kind::Scrub => 3,
            Kind::Migrate => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_numbered_as_in_c() {
        for (number, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!((kind as usize, Kind::new(number as u32)), (number, Some(kind)));
        }
        assert_eq!(Kind::new(abi::SCHED_REQ_ANONYM), None);
        assert_eq!(Kind::new(u32::MAX), None);
        assert_eq!(Kind::ALL.map(Kind::weight), [2, 1, 4, 3, 2]);
    }
}
