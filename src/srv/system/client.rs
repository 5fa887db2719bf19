//! What an xstream has of the client's stack: the scheduler of its tasks, and the profile that it may keep.

use core::ptr::{self, NonNull};

use gurt_client::{Der, Facility, Result, error};

use crate::inline;
use crate::srv::role::Role;

/// The xstream's scheduler of client tasks, `dx_sched_dsc`: with it an engine calls the client's API. Dropped, it is
/// ended.
pub struct Tasks(NonNull<abi::dss_xstream>);

impl Tasks {
    /// Makes the scheduler; its tasks use the xstream's network context.
    ///
    /// # Safety
    /// Runs on the xstream `dx`, which outlives it.
    pub unsafe fn open(dx: NonNull<abi::dss_xstream>, role: &Role) -> Result<Self> {
        // SAFETY: the engine's own data of this thread.
        let context =
            inline::module_info().map_or(ptr::null_mut(), |info| unsafe { (*info.as_ptr()).dmi_ctx });
        // SAFETY: the caller vouches for dx, which has the memory.
        let rc = unsafe { abi::tse_sched_init(&raw mut (*dx.as_ptr()).dx_sched_dsc, None, context) };
        Der::check(rc).inspect_err(|err| {
            error!(Facility::SERVER, "{role}: cannot make the scheduler of client tasks: {err}");
        })?;
        Ok(Tasks(dx))
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        // SAFETY: made by `open`; nobody uses it any more.
        unsafe { abi::tse_sched_fini(&raw mut (*self.0.as_ptr()).dx_sched_dsc) };
    }
}

/// The profile of an xstream, `dmi_dp`, if profile.c has started one. Dropped, it is freed.
pub struct Profile;

impl Drop for Profile {
    fn drop(&mut self) {
        if let Some(info) = inline::module_info() {
            // SAFETY: the engine's own data of this thread.
            let profile = unsafe { ptr::replace(&raw mut (*info.as_ptr()).dmi_dp, ptr::null_mut()) };
            if !profile.is_null() {
                // SAFETY: nobody else has it.
                unsafe { abi::daos_profile_destroy(profile) };
            }
        }
    }
}
