//! `crt_swim.c`: the failure detector.

use abi::{
    SWIM_MEMBER_ALIVE, SWIM_MEMBER_DEAD, SWIM_MEMBER_INACTIVE, SWIM_MEMBER_SUSPECT, swim_member_state,
};
use abi::{crt_group_t, d_rank_t};
use core::ffi::c_int;

use gurt_client::Result;

use super::group::{Kind, get};
use super::{Shell, der, invalid, node, rc, store};
use crate::Rank;
use crate::node::Node;
use crate::swim::Status;

fn state(node: &Node<Shell>, rank: Rank) -> Result<swim_member_state> {
    let state = node.state(rank).ok_or(der::NONEXIST)?;
    let status = match state.status {
        Status::Alive => SWIM_MEMBER_ALIVE,
        Status::Suspect => SWIM_MEMBER_SUSPECT,
        Status::Dead => SWIM_MEMBER_DEAD,
        Status::Inactive => SWIM_MEMBER_INACTIVE,
    };
    Ok(swim_member_state { sms_incarnation: state.incarnation, sms_status: status, sms_delay: state.delay })
}

abi::export! {
    /// `crt_self_incarnation_get` (crt_swim.c): stores this life of the process, in HLC time. 0, `-DER_INVAL`,
    /// `-DER_UNINIT`.
    pub unsafe fn crt_self_incarnation_get(incarnation: *mut u64) -> c_int {
        const NAME: &str = "crt_self_incarnation_get";
        // SAFETY: by the caller's promise.
        rc(node(NAME).and_then(|node| unsafe { store(NAME, incarnation, node.incarnation()) }))
    }

    /// `crt_rank_state_get` (crt_swim.c): stores what the failure detector believes of a rank of the primary group. 0,
    /// `-DER_NONEXIST` if that is nothing, `-DER_INVAL`.
    pub unsafe fn crt_rank_state_get(grp: *mut crt_group_t, rank: d_rank_t, place: *mut swim_member_state) -> c_int {
        const NAME: &str = "crt_rank_state_get";
        if grp.is_null() {
            return invalid(NAME, "there is no group, the pointer is null").rc();
        }
        // SAFETY: by the caller's promise.
        unsafe {
            get(NAME, grp, place, |node, group| {
                group.require(NAME, Kind::Primary)?;
                state(node, rank)
            })
        }
    }

    /// `crt_swim_init` (crt_swim.c): starts the failure detector, on context 1. 0, `-DER_ALREADY` if it runs, `-DER_INVAL`
    /// for another context, `-DER_UNINIT`.
    pub fn crt_swim_init(crt_ctx_idx: c_int) -> c_int {
        rc(node("crt_swim_init").and_then(|node| node.start_swim(crt_ctx_idx as u32)))
    }

    /// `crt_swim_fini` (crt_swim.c): ends it.
    pub fn crt_swim_fini() {
        if let Ok(node) = node("crt_swim_fini") {
            node.stop_swim();
        }
    }
}
