//! Fault locations: `common/fail_loc.c`.
//!
//! Code that a test may want to fail asks [`daos_fail_check`] with the number of its place. A test arms one
//! location at a time, with how often it shall hit and a value for the place to use.

use core::ffi::c_int;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use gurt_client::{Facility, debug, error};

/// How many shards fit into a fault value.
const SHARDS: usize = 4;

abi::export_data! {
    /// `daos_fail_loc` (fail_loc.c): the armed location with its `DAOS_FAIL_*` flags, 0 for none.
    pub static mut daos_fail_loc: u64 = 0;
    /// `daos_fail_value` (fail_loc.c): the value that goes with it.
    pub static mut daos_fail_value: u64 = 0;
    /// `daos_fail_num` (fail_loc.c): how often a `DAOS_FAIL_SOME` location hits.
    pub static mut daos_fail_num: u64 = 0;
}

/// The variables, which any thread may read and write.
macro_rules! shared {
    ($name:ident) => {
        // SAFETY: aligned, lives forever; C code accesses it by single word moves.
        unsafe { AtomicU64::from_ptr(&raw mut abi::$name) }
    };
}

/// `DAOS_FAIL_GROUP_GET`: the group that a location belongs to.
fn group(location: u64) -> u32 {
    ((location & u64::from(abi::DAOS_FAIL_GROUP_MASK)) >> abi::DAOS_FAIL_GROUP_SHIFT) as u32
}

/// How many times an armed location may hit, 0 for always; `None` when its flags do not say.
fn limit(location: u64, some: u64) -> Option<u64> {
    let has = |flag: u32| location & u64::from(flag) != 0;
    if has(abi::DAOS_FAIL_ONCE) {
        Some(1)
    } else if has(abi::DAOS_FAIL_SOME) {
        Some(some)
    } else if has(abi::DAOS_FAIL_ALWAYS) {
        Some(0)
    } else {
        None
    }
}

/// The value that names up to four shards: each plus one in 16 bits of its own.
fn shards_to_value(shards: &[u16]) -> Option<u64> {
    if shards.is_empty() || shards.len() > SHARDS || shards.contains(&u16::MAX) {
        return None;
    }
    Some(shards.iter().rev().fold(0, |value, &shard| value << 16 | u64::from(shard + 1)))
}

/// Whether `value` names `shard`.
fn value_has_shard(value: u64, shard: u16) -> bool {
    let wanted = u64::from(shard) + 1;
    (0..SHARDS).any(|i| value >> (16 * i) & 0xffff == wanted)
}

abi::export! {
    /// `daos_fail_loc_reset` (fail_loc.c): disarms.
    pub fn daos_fail_loc_reset() {
        daos_fail_loc_set(0);
    }

    /// `daos_fail_check` (fail_loc.c): 1 when the place `fail_loc` shall fail now, else 0.
    pub fn daos_fail_check(fail_loc: u64) -> c_int {
        let armed = shared!(daos_fail_loc).load(Relaxed);
        let mask = u64::from(abi::DAOS_FAIL_MASK_LOC);
        let here = armed != 0 && armed & mask == fail_loc & mask;
        // SAFETY: these take any number, and the attribute that the one returns the other takes.
        unsafe {
            let injecting = abi::d_fault_inject_is_enabled();
            if !here && !injecting {
                return 0;
            }
            let mut attr = core::ptr::null_mut();
            if injecting {
                attr = abi::d_fault_attr_lookup((fail_loc & u64::from(abi::DAOS_FAIL_ID_MASK)) as u32);
            }
            if attr.is_null() {
                attr = abi::d_fault_attr_lookup(group(fail_loc));
            }
            if attr.is_null() || !abi::d_should_fail(attr) {
                return 0;
            }
        }
        debug!(Facility::COMMON, "fault location {fail_loc:#x} hits, armed is {armed:#x}");
        1
    }

    /// `daos_fail_loc_set` (fail_loc.c): arms `fail_loc`, or disarms with 0. A location of an unknown group, or
    /// a `DAOS_FAIL_SOME` one before [`daos_fail_num_set`], is logged and ignored.
    pub fn daos_fail_loc_set(fail_loc: u64) {
        let fa_id = if fail_loc == 0 { abi::DAOS_FAIL_UNIT_TEST_GROUP } else { group(fail_loc) };
        if fa_id >= abi::DAOS_FAIL_MAX_GROUP {
            return error!(Facility::COMMON, "fault location {fail_loc:#x} has the unknown group {fa_id}");
        }
        let some = shared!(daos_fail_num).load(Relaxed);
        if let Some(fa_max_faults) = limit(fail_loc, some) {
            if fa_max_faults == 0 && fail_loc & u64::from(abi::DAOS_FAIL_ALWAYS) == 0 {
                return error!(
                    Facility::COMMON,
                    "fault location {fail_loc:#x} shall hit some times, but daos_fail_num is 0"
                );
            }
            // SAFETY: all zeroes is what C code passes to begin with; the attribute is copied.
            unsafe {
                let attr: abi::d_fault_attr_t = mem::zeroed();
                abi::d_fault_attr_set(fa_id, abi::d_fault_attr_t {
                    fa_id,
                    fa_probability_x: 1,
                    fa_probability_y: 1,
                    fa_max_faults,
                    ..attr
                });
            }
        }
        shared!(daos_fail_loc).store(fail_loc, Relaxed);
        debug!(Facility::COMMON, "fault location set to {fail_loc:#x}");
    }

    /// `daos_shard_fail_value` (fail_loc.c): the fault value that names `nr` shards, 1 to 4; 0 when it cannot.
    pub unsafe fn daos_shard_fail_value(shards: *mut u16, nr: c_int) -> u64 {
        let value = match usize::try_from(nr) {
            // SAFETY: the caller passes nr shards.
            Ok(nr @ 1..=SHARDS) => shards_to_value(unsafe { core::slice::from_raw_parts(shards, nr) }),
            _ => None,
        };
        value.unwrap_or_else(|| {
            error!(Facility::COMMON, "{nr} shards do not make a fault value: 1 to {SHARDS} below 65535 do");
            0
        })
    }

    /// `daos_shard_in_fail_value` (fail_loc.c): whether the fault value names `shard`.
    pub fn daos_shard_in_fail_value(shard: u16) -> bool {
        value_has_shard(daos_fail_value_get(), shard)
    }

    /// `daos_fail_num_set` (fail_loc.c): how often the next `DAOS_FAIL_SOME` location hits.
    pub fn daos_fail_num_set(num: u64) {
        shared!(daos_fail_num).store(num, Relaxed);
    }

    /// `daos_fail_value_set` (fail_loc.c): the value that goes with the armed location.
    pub fn daos_fail_value_set(val: u64) {
        shared!(daos_fail_value).store(val, Relaxed);
    }

    /// `daos_fail_value_get` (fail_loc.c): see [`daos_fail_value_set`].
    pub fn daos_fail_value_get() -> u64 {
        shared!(daos_fail_value).load(Relaxed)
    }

    /// `daos_fail_init` (fail_loc.c): starts fault injection, if gurt was built with it. 0 or `-DER_*`.
    pub fn daos_fail_init() -> c_int {
        // SAFETY: all zeroes is what C code passes; the attribute is copied.
        unsafe {
            let rc = abi::d_fault_inject_init();
            if rc != 0 && rc != -(abi::DER_NOSYS as c_int) {
                return rc;
            }
            let rc = abi::d_fault_attr_set(abi::DAOS_FAIL_UNIT_TEST_GROUP, mem::zeroed());
            if rc != 0 {
                // As DAOS: not worth refusing to start for.
                error!(Facility::COMMON, "fault locations stay off: {rc} from d_fault_attr_set");
                abi::d_fault_inject_fini();
            }
        }
        0
    }

    /// `daos_fail_fini` (fail_loc.c): ends fault injection.
    pub fn daos_fail_fini() {
        // SAFETY: takes no argument.
        unsafe { abi::d_fault_inject_fini() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_make_a_value() {
        let value = shards_to_value(&[0, 7, 65534]).expect("three shards fit");
        assert_eq!(value, 0xffff_0008_0001);
        assert!(value_has_shard(value, 0) && value_has_shard(value, 7) && value_has_shard(value, 65534));
        assert!(!value_has_shard(value, 1) && !value_has_shard(value, u16::MAX));
        assert_eq!(shards_to_value(&[]), None);
        assert_eq!(shards_to_value(&[1; 5]), None);
        assert_eq!(shards_to_value(&[u16::MAX]), None);
    }

    #[test]
    fn flags_limit_hits() {
        let location = |flags: u32| u64::from(flags) | 1 << abi::DAOS_FAIL_GROUP_SHIFT | 3;
        assert_eq!(limit(location(abi::DAOS_FAIL_ONCE), 9), Some(1));
        assert_eq!(limit(location(abi::DAOS_FAIL_SOME), 9), Some(9));
        assert_eq!(limit(location(abi::DAOS_FAIL_ALWAYS), 9), Some(0));
        assert_eq!(limit(location(0), 9), None);
        assert_eq!(group(location(0)), abi::DAOS_FAIL_UNIT_TEST_GROUP);
    }
}
