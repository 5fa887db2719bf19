//! What lies beneath xstreams in DAOS, beside the network: hwloc, bio, VOS and the client's task scheduler. The same
//! interface as `embedded`.

mod client;
mod machine;
mod storage;

use core::ptr::NonNull;

use gurt_client::Result;

use super::role::Role;
use client::{Profile, Tasks};
use storage::Nvme;

pub use machine::{Cpus, Machine};
pub use storage::Ground;

/// What one xstream stands on beside the network. Freed in the order of the fields.
pub struct Others {
    _profile: Profile,
    nvme: Option<Nvme>,
    _tasks: Tasks,
}

impl Others {
    /// Opens what the role of the calling xstream needs.
    ///
    /// # Safety
    /// Runs on the xstream `dx`, whose module info is filled in and whose context, if it has one, is open.
    pub unsafe fn open(dx: NonNull<abi::dss_xstream>, role: &Role) -> Result<Self> {
        // SAFETY: the caller vouches for dx.
        let tasks = unsafe { Tasks::open(dx, role)? };
        Ok(Others { _profile: Profile, nvme: Nvme::open(role)?, _tasks: tasks })
    }

    /// Starts the ULT that polls NVMe, where there is any.
    ///
    /// # Safety
    /// Runs on the xstream `dx`.
    pub unsafe fn start_polling(&self, dx: NonNull<abi::dss_xstream>) -> Result {
        match &self.nvme {
            // SAFETY: the caller vouches for dx.
            Some(nvme) => unsafe { nvme.start_polling(dx) },
            None => Ok(()),
        }
    }
}
