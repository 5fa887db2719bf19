//! What a `struct dss_module` says of itself, and whether a module may be like that.

use core::ffi::c_int;
use core::fmt;

use abi::{
    DAOS_MAX_MODULE, DAOS_MAX_PROTOCOLS, DAOS_NR_MODULE, DAOS_SYS_TAG, DAOS_TGT_TAG, DER_INVAL,
    daos_module_tag,
};
use gurt_client::Der;

/// The longest name of a module, in bytes.
pub const NAME_MAX: usize = 32;

/// Ids are below this: `DAOS_MAX_MODULE`.
pub const IDS: usize = DAOS_MAX_MODULE as usize;

/// What counts of a `struct dss_module` before it comes up.
#[derive(Clone, Debug)]
pub struct Description {
    /// `sm_name`; none when that is null.
    pub name: Option<String>,
    /// `sm_mod_id`.
    pub id: c_int,
    /// Whether there is an `sm_init`.
    pub init: bool,
    /// Whether there is an `sm_fini`.
    pub fini: bool,
    /// `sm_proto_count`.
    pub protocols: c_int,
    /// `sm_metrics`.
    pub metrics: Option<Metrics>,
}

/// What counts of a `struct daos_module_metrics`.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// `dmm_tags`.
    pub tags: daos_module_tag,
    /// Whether there is a `dmm_nr_metrics`.
    pub counted: bool,
}

/// Why a library is no module that the engine can use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// `sm_name` is null.
    NoName,
    /// `sm_name` is not the name under which the module was asked for.
    OtherName(String),
    /// `sm_mod_id` is not in `0..DAOS_MAX_MODULE`.
    IdOutOfRange(c_int),
    /// There is no `sm_init`.
    NoInit,
    /// There is no `sm_fini`.
    NoFini,
    /// `sm_proto_count` is not in `0..=DAOS_MAX_PROTOCOLS`.
    ProtocolCount(c_int),
    /// Per-pool metrics, but an id for which the arrays of pools and containers have no place.
    MetricsId(c_int),
    /// Per-pool metrics of no xstream, or of others than system and target ones.
    MetricsTags(daos_module_tag),
}

impl Unfit {
    /// What the C functions return for it.
    pub fn der(&self) -> Der {
        Der::new(DER_INVAL.into())
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unfit::NoName => write!(f, "its sm_name is null"),
            Unfit::OtherName(name) => write!(f, "its sm_name is \"{name}\""),
            Unfit::IdOutOfRange(id) => write!(f, "its sm_mod_id {id} is not between 0 and {}", IDS - 1),
            Unfit::NoInit => write!(f, "it has no sm_init"),
            Unfit::NoFini => write!(f, "it has no sm_fini"),
            Unfit::ProtocolCount(count) => {
                write!(f, "its sm_proto_count {count} is not between 0 and {DAOS_MAX_PROTOCOLS}")
            }
            Unfit::MetricsId(id) => write!(
                f,
                "it has sm_metrics, for which its sm_mod_id {id} must be below {DAOS_NR_MODULE} (DAOS_NR_MODULE)"
            ),
            Unfit::MetricsTags(tags) => {
                write!(f, "its dmm_tags {tags:#x} are not DAOS_SYS_TAG, DAOS_TGT_TAG or both")
            }
        }
    }
}

impl Description {
    /// Checks a module that was asked for as `name`.
    pub fn check(&self, name: &str) -> Result<(), Unfit> {
        match &self.name {
            None => return Err(Unfit::NoName),
            Some(own) if own != name => return Err(Unfit::OtherName(own.clone())),
            Some(_) => {}
        }
        if !(0..IDS as c_int).contains(&self.id) {
            return Err(Unfit::IdOutOfRange(self.id));
        }
        if !self.init {
            return Err(Unfit::NoInit);
        }
        if !self.fini {
            return Err(Unfit::NoFini);
        }
        if !(0..=DAOS_MAX_PROTOCOLS as c_int).contains(&self.protocols) {
            return Err(Unfit::ProtocolCount(self.protocols));
        }
        self.metrics.as_ref().map_or(Ok(()), |metrics| self.check_metrics(metrics))
    }

    fn check_metrics(&self, metrics: &Metrics) -> Result<(), Unfit> {
        if self.id >= DAOS_NR_MODULE as c_int {
            return Err(Unfit::MetricsId(self.id));
        }
        let known = DAOS_SYS_TAG | DAOS_TGT_TAG;
        if metrics.counted && (metrics.tags == 0 || metrics.tags & !known != 0) {
            return Err(Unfit::MetricsTags(metrics.tags));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abi::DAOS_OFF_TAG;

    fn good() -> Description {
        Description { name: Some("good".into()), id: 5, init: true, fini: true, protocols: 0, metrics: None }
    }

    fn check(change: impl FnOnce(&mut Description)) -> Result<(), Unfit> {
        let mut description = good();
        change(&mut description);
        description.check("good")
    }

    #[test]
    fn a_complete_module_is_fit() {
        assert_eq!(check(|_| {}), Ok(()));
        assert_eq!(check(|m| m.id = 0), Ok(()));
        assert_eq!(check(|m| m.id = 63), Ok(()));
        assert_eq!(check(|m| m.protocols = 2), Ok(()));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        assert_eq!(check(|m| m.name = None), Err(Unfit::NoName));
        assert_eq!(check(|m| m.name = Some("goo".into())), Err(Unfit::OtherName("goo".into())));
        assert_eq!(check(|m| m.id = -1), Err(Unfit::IdOutOfRange(-1)));
        assert_eq!(check(|m| m.id = 64), Err(Unfit::IdOutOfRange(64)));
        assert_eq!(check(|m| m.init = false), Err(Unfit::NoInit));
        assert_eq!(check(|m| m.fini = false), Err(Unfit::NoFini));
        assert_eq!(check(|m| m.protocols = 3), Err(Unfit::ProtocolCount(3)));
        assert_eq!(check(|m| m.protocols = -1), Err(Unfit::ProtocolCount(-1)));
    }

    #[test]
    fn metrics_need_a_place_and_known_tags() {
        let with = |id, tags, counted| {
            check(|m| {
                m.id = id;
                m.metrics = Some(Metrics { tags, counted });
            })
        };
        assert_eq!(with(12, DAOS_SYS_TAG, true), Ok(()));
        assert_eq!(with(12, DAOS_SYS_TAG | DAOS_TGT_TAG, true), Ok(()));
        assert_eq!(with(13, DAOS_SYS_TAG, true), Err(Unfit::MetricsId(13)));
        assert_eq!(with(1, 0, true), Err(Unfit::MetricsTags(0)));
        assert_eq!(with(1, DAOS_OFF_TAG, true), Err(Unfit::MetricsTags(DAOS_OFF_TAG)));
        assert_eq!(with(1, DAOS_OFF_TAG, false), Ok(()), "nobody counts these");
    }
}
