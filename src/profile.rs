//! Profiling a target: how long the steps of an update take. Replaces `profile.c`.
//!
//! Modules count into the profile of their xstream, `dmi_dp` of `struct dss_module_info`; this starts and ends it.

use core::ffi::{c_char, c_int};
use core::ptr::{self, NonNull};

use abi::{DER_NONEXIST, DER_UNINIT, daos_module_info};
use gurt_client::{Der, Facility, Result, error};

use crate::inline;

/// What the engine knows of the current xstream.
fn module_info(symbol: &str) -> Result<NonNull<daos_module_info>> {
    inline::module_info().ok_or_else(|| {
        error!(
            Facility::SERVER,
            "{symbol}: called on a thread that is no xstream; call it in a ULT of the engine"
        );
        Der::new(DER_UNINIT.into())
    })
}

/// Writes the profile of an xstream out and frees it; whether there was one.
///
/// # Safety
/// `info` is that of the current xstream.
unsafe fn end(info: NonNull<daos_module_info>) -> bool {
    // SAFETY: see the function; only this xstream uses its profile.
    unsafe {
        let profile = core::mem::replace(&mut (*info.as_ptr()).dmi_dp, ptr::null_mut());
        if profile.is_null() {
            return false;
        }
        abi::daos_profile_dump(profile);
        abi::daos_profile_destroy(profile);
    }
    true
}

/// Starts a profile, after the end of the one that runs, if there is one.
///
/// # Safety
/// `path` is null or a C string.
unsafe fn start(path: *mut c_char, avg: c_int) -> Result {
    let info = module_info("srv_profile_start")?;
    let mut rank = 0;
    // SAFETY: writes one number.
    Der::check(unsafe { abi::crt_group_rank(ptr::null_mut(), &raw mut rank) })
        .inspect_err(|err| error!(Facility::SERVER, "cannot profile without a rank: {err}"))?;
    // SAFETY: the current xstream's own; see the function.
    let rc = unsafe {
        end(info);
        let info = info.as_ptr();
        abi::daos_profile_init(&raw mut (*info).dmi_dp, path, avg, rank.cast_signed(), (*info).dmi_tgt_id)
    };
    Der::check(rc).inspect_err(|err| error!(Facility::SERVER, "cannot start a profile: {err}"))?;
    Ok(())
}

/// Ends the profile.
fn stop() -> Result {
    let info = module_info("srv_profile_stop")?;
    // SAFETY: the current xstream's.
    if unsafe { end(info) } {
        return Ok(());
    }
    error!(Facility::SERVER, "there is no profile to stop; start one by srv_profile_start");
    Err(Der::new(DER_NONEXIST.into()))
}

abi::export! {
    /// `srv_profile_start` (profile.c): profiles the target of the current xstream from now on. Each value is the mean
    /// of `avg`, or for -1 of all until the end. They go to `profile-<rank>-<target>.dump` in the folder `path`, or in
    /// the working directory if that is null.
    ///
    /// A profile that runs is ended before. Returns 0, the error of `crt_group_rank` when there is no rank yet,
    /// -DER_NOMEM, or -DER_UNINIT on a thread that is no xstream.
    pub unsafe fn srv_profile_start(path: *mut c_char, avg: c_int) -> c_int {
        // SAFETY: as the caller's contract says.
        Der::rc_of(unsafe { start(path, avg) })
    }

    /// `srv_profile_stop` (profile.c): writes the profile of the current xstream to its file and ends it.
    ///
    /// Returns 0, -DER_NONEXIST when there is none, or -DER_UNINIT on a thread that is no xstream.
    pub fn srv_profile_stop() -> c_int {
        Der::rc_of(stop())
    }
}
