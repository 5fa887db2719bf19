//! The rank of this engine: what CaRT (crt_group.c) keeps of it, until the RPC fabric brings the rest.
//!
//! The control plane assigns the rank by dRPC: the handler of SetRank calls `crt_rank_self_set`, everybody
//! else asks `crt_group_rank`. Without a fabric there is one group, the system's, and nobody else in it.

use core::ffi::{CStr, c_char, c_int};
use core::sync::atomic::{AtomicU32, Ordering};
use gurt_client::{Der, Facility, Result, error, info};
use std::ffi::CString;
use std::sync::LazyLock;

/// The rank, `CRT_NO_RANK` before it is assigned.
static SELF: AtomicU32 = AtomicU32::new(abi::CRT_NO_RANK);

fn assign(rank: abi::d_rank_t, version: u32) -> Result {
    let refuse = |why: &str| {
        error!(Facility::SERVER, "cannot take rank {rank} at group version {version}: {why}");
        Err(Der::new(abi::DER_INVAL.into()))
    };
    if rank == abi::CRT_NO_RANK {
        return refuse("the number stands for no rank");
    }
    if version == 0 {
        return refuse("versions count from 1");
    }
    match SELF.compare_exchange(abi::CRT_NO_RANK, rank, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => info!(Facility::SERVER, "this engine is rank {rank}, from group version {version}"),
        Err(assigned) => return refuse(&format!("this engine is rank {assigned}")),
    }
    // SAFETY: takes a number.
    unsafe { abi::d_log_rank_setup(rank as c_int) };
    Ok(())
}

fn current() -> Option<abi::d_rank_t> {
    Some(SELF.load(Ordering::Acquire)).filter(|&rank| rank != abi::CRT_NO_RANK)
}

abi::export! {
    /// `crt_rank_self_set` (crt_group.c): makes `rank` the rank of this engine, which joins at group version
    /// `group_version_min`. Once; 0, or `-DER_INVAL` for no rank, version 0, or a second time.
    pub fn crt_rank_self_set(rank: abi::d_rank_t, group_version_min: u32) -> c_int {
        Der::rc_of(assign(rank, group_version_min))
    }

    /// `crt_group_rank` (crt_group.c): stores this engine's rank at `rank`. `_grp` names a group; there is but
    /// one. 0, `-DER_NONEXIST` (and `CRT_NO_RANK`) before the rank is assigned, `-DER_INVAL` for a null `rank`.
    pub unsafe fn crt_group_rank(_grp: *mut abi::crt_group_t, rank: *mut abi::d_rank_t) -> c_int {
        if rank.is_null() {
            return Der::new(abi::DER_INVAL.into()).rc();
        }
        let current = current();
        // SAFETY: not null, and the caller vouches for the rest.
        unsafe { rank.write(current.unwrap_or(abi::CRT_NO_RANK)) };
        if current.is_some() { 0 } else { Der::new(abi::DER_NONEXIST.into()).rc() }
    }

    /// `crt_self_uri_get` (crt_group.c): stores in `uri`, to be freed by `D_FREE`, where this engine can be
    /// reached: not at all without a fabric. The URI names machine and process for whoever reads it in a log, and
    /// its scheme is that of no provider. 0, `-DER_INVAL` or `-DER_NOMEM`.
    pub unsafe fn crt_self_uri_get(_tag: c_int, uri: *mut *mut c_char) -> c_int {
        if uri.is_null() {
            return Der::new(abi::DER_INVAL.into()).rc();
        }
        // SAFETY: a string, set before there are calls; the copy belongs to the caller.
        unsafe {
            let host = CStr::from_ptr((&raw const abi::dss_hostname).cast()).to_string_lossy();
            let text = CString::new(format!("embedded://{host}/{}", std::process::id())).expect("no NUL in it");
            let copy = abi::d_strndup(text.as_ptr(), text.count_bytes());
            uri.write(copy);
            if copy.is_null() { Der::new(abi::DER_NOMEM.into()).rc() } else { 0 }
        }
    }

    /// `crt_self_incarnation_get` (crt_group.c): stores when this engine was first asked, in HLC time, as its
    /// incarnation: a later process has a later one. 0 or `-DER_INVAL`.
    pub unsafe fn crt_self_incarnation_get(incarnation: *mut u64) -> c_int {
        static INCARNATION: LazyLock<u64> = LazyLock::new(|| {
            // SAFETY: takes no argument.
            unsafe { abi::d_hlc_get() }
        });
        if incarnation.is_null() {
            return Der::new(abi::DER_INVAL.into()).rc();
        }
        // SAFETY: not null, and the caller vouches for the rest.
        unsafe { incarnation.write(*INCARNATION) };
        0
    }

    /// `crt_finalize` (crt_init.c): leaves the group; the engine has no rank any more. 0.
    pub fn crt_finalize() -> c_int {
        SELF.store(abi::CRT_NO_RANK, Ordering::Release);
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::ptr;

    const INVAL: c_int = -(abi::DER_INVAL as c_int);

    fn ask() -> (c_int, abi::d_rank_t) {
        let mut rank = 0;
        // SAFETY: one rank is written.
        let rc = unsafe { crt_group_rank(ptr::null_mut(), &raw mut rank) };
        (rc, rank)
    }

    /// One test, because there is one rank in a process.
    #[test]
    fn the_rank_is_assigned_once_until_the_group_is_left() {
        assert_eq!(ask(), (-(abi::DER_NONEXIST as c_int), abi::CRT_NO_RANK));
        assert_eq!(crt_rank_self_set(abi::CRT_NO_RANK, 1), INVAL);
        assert_eq!(crt_rank_self_set(3, 0), INVAL);
        assert_eq!(crt_rank_self_set(3, 1), 0);
        assert_eq!(ask(), (0, 3));
        assert_eq!(crt_rank_self_set(4, 1), INVAL);
        assert_eq!(ask(), (0, 3));
        // SAFETY: null is checked.
        assert_eq!(unsafe { crt_group_rank(ptr::null_mut(), ptr::null_mut()) }, INVAL);
        assert_eq!(crt_finalize(), 0);
        assert_eq!(ask(), (-(abi::DER_NONEXIST as c_int), abi::CRT_NO_RANK));
    }
}
