//! What the start over DAOS's own layers (`system.rs`) decides and computes.

/// What an engine does when it hears of a rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// Nothing: only dead ranks matter.
    Ignore,
    /// Takes notice.
    Note,
    /// Tells the control plane that the rank is dead: the failure detector says so.
    Report,
    /// Ends itself at once: others have excluded it, and do not wait for it any more.
    EndSelf,
}

/// What to do about a rank that is or is not `own`.
pub fn reaction(source: abi::crt_event_source, kind: abi::crt_event_type, own: bool) -> Reaction {
    match (kind, source) {
        (abi::CRT_EVT_DEAD, abi::CRT_EVS_SWIM) => Reaction::Report,
        (abi::CRT_EVT_DEAD, abi::CRT_EVS_GRPMOD) if own => Reaction::EndSelf,
        (abi::CRT_EVT_DEAD, _) => Reaction::Note,
        _ => Reaction::Ignore,
    }
}

/// How far `now` is before `bound`, if it is.
pub fn left(bound: u64, now: u64) -> Option<u64> {
    bound.checked_sub(now).filter(|&left| left > 0)
}

/// Shared memory that the metrics of an engine with `targets` targets may take, in bytes: a high estimate, with
/// room for links to pools.
pub fn metrics_size(targets: u32) -> u64 {
    const OF_ENGINE: u64 = 1024;
    const OF_TARGET: u64 = 128;
    (OF_ENGINE + OF_TARGET * u64::from(targets)) * u64::from(abi::D_TM_METRIC_SIZE)
}

/// The cores of a node that xstreams may take, without the first ones.
pub fn offered(cores: &[u32], first_core: u32) -> &[u32] {
    cores.get(first_core as usize..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_dead_ranks_matter() {
        use abi::{CRT_EVS_GRPMOD, CRT_EVS_SWIM, CRT_EVS_UNKNOWN, CRT_EVT_ALIVE, CRT_EVT_DEAD};
        for source in [CRT_EVS_UNKNOWN, CRT_EVS_SWIM, CRT_EVS_GRPMOD] {
            assert_eq!(reaction(source, CRT_EVT_ALIVE, true), Reaction::Ignore);
        }
        assert_eq!(reaction(CRT_EVS_SWIM, CRT_EVT_DEAD, false), Reaction::Report);
        assert_eq!(reaction(CRT_EVS_GRPMOD, CRT_EVT_DEAD, false), Reaction::Note);
        assert_eq!(reaction(CRT_EVS_GRPMOD, CRT_EVT_DEAD, true), Reaction::EndSelf);
        assert_eq!(reaction(CRT_EVS_UNKNOWN, CRT_EVT_DEAD, true), Reaction::Note);
    }

    #[test]
    fn the_clock_is_waited_for_only_while_it_is_behind() {
        assert_eq!(left(100, 40), Some(60));
        assert_eq!(left(100, 100), None);
        assert_eq!(left(100, 101), None);
    }

    #[test]
    fn metrics_grow_with_the_targets() {
        assert_eq!(metrics_size(0), 1024 * 624);
        assert_eq!(metrics_size(16), (1024 + 128 * 16) * 624);
    }

    #[test]
    fn the_first_cores_of_a_node_are_left_alone() {
        assert_eq!(offered(&[4, 5, 6], 0), [4, 5, 6]);
        assert_eq!(offered(&[4, 5, 6], 2), [6]);
        assert!(offered(&[4], 2).is_empty());
    }
}
