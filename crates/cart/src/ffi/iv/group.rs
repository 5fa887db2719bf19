//! The group of a namespace.

use core::ptr;
use std::ffi::CStr;
use std::sync::Arc;

use abi::{CRT_NO_RANK, crt_group_t, d_rank_t};
use gurt_client::{Der, Result, error};

use super::{INVAL, IV, outcome};
use crate::Rank;
use crate::group::Members;
use crate::iv::View;

/// A group by its name: the group itself may be destroyed before the namespace.
pub struct Group {
    name: Arc<CStr>,
    primary: bool,
}

impl Group {
    /// A group of CaRT, null for the primary one.
    ///
    /// # Safety
    /// `group` is null or a group that exists.
    pub unsafe fn new(group: *mut crt_group_t) -> Result<Self> {
        // SAFETY: takes null for the primary group.
        let primary = unsafe { abi::crt_group_lookup(ptr::null_mut()) };
        let group = if group.is_null() { primary } else { group };
        // SAFETY: see the function, and what crt_group_lookup returns.
        match unsafe { group.as_ref() } {
            Some(known) if !known.cg_grpid.is_null() => {
                // SAFETY: a group's name is a string.
                let name = unsafe { CStr::from_ptr(known.cg_grpid) }.into();
                Ok(Group { name, primary: group == primary })
            }
            _ => {
                error!(IV, "an IV namespace needs a group, and there is none before crt_init_opt");
                Err(INVAL)
            }
        }
    }

    /// Its name.
    pub fn name(&self) -> &Arc<CStr> {
        &self.name
    }

    /// The group as CaRT takes it. `-DER_NONEXIST` if it has been destroyed.
    fn lookup(&self) -> Result<*mut crt_group_t> {
        if self.primary {
            return Ok(ptr::null_mut());
        }
        // SAFETY: a string, which is only read.
        let group = unsafe { abi::crt_group_lookup(self.name.as_ptr().cast_mut()) };
        if group.is_null() { Err(super::NONEXIST) } else { Ok(group) }
    }

    /// Calls `with` with the group as CaRT takes it.
    pub fn with<T>(&self, with: impl FnOnce(*mut crt_group_t) -> Result<T>) -> Result<T> {
        with(self.lookup()?)
    }

    /// Its version; 0 if it has been destroyed.
    pub fn version(&self) -> u32 {
        let mut version = 0;
        // SAFETY: a group and a place for the version. Without one it stays 0.
        let _ = self.with(|group| outcome(unsafe { abi::crt_group_version(group, &raw mut version) }));
        version
    }

    /// As this rank sees it; nobody if it has been destroyed.
    pub fn view(&self) -> View {
        let version = self.version();
        let mut me = CRT_NO_RANK;
        // SAFETY: a group and a place for the rank.
        let known = self.with(|group| outcome(unsafe { abi::crt_group_rank(group, &raw mut me) }));
        View { version, me: known.ok().map(|()| me).filter(|&me| me != CRT_NO_RANK) }
    }

    /// Its members; nobody if it has been destroyed.
    pub fn members(&self) -> Members {
        let list = self.with(|group| {
            let mut list = ptr::null_mut();
            // SAFETY: a group and a place for the list, which is ours then.
            outcome(unsafe { abi::crt_group_ranks_get(group, &raw mut list) })?;
            Ok(list)
        });
        let Ok(list) = list else { return Members::default() };
        // SAFETY: a list of as many ranks as it says, which is not used after it was freed.
        unsafe {
            let ranks: &[d_rank_t] = match list.as_ref() {
                Some(list) if !list.rl_ranks.is_null() => {
                    core::slice::from_raw_parts(list.rl_ranks, list.rl_nr as usize)
                }
                _ => &[],
            };
            let members = ranks.iter().copied().collect();
            abi::d_rank_list_free(list);
            members
        }
    }

    /// The rank in the primary group of one in this. `-DER_OOG` if there is none.
    pub fn primary_rank(&self, rank: Rank) -> Result<Rank> {
        if self.primary {
            return Ok(rank);
        }
        self.with(|group| {
            let mut primary = CRT_NO_RANK;
            // SAFETY: a group, not null, and a place for the rank.
            outcome(unsafe { abi::crt_group_rank_s2p(group, rank, &raw mut primary) })?;
            if primary == CRT_NO_RANK { Err(Der::new(abi::DER_OOG.into())) } else { Ok(primary) }
        })
    }
}
