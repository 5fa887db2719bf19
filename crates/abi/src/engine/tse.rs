//! `daos/tse.h`: size of a task scheduler, held by value in an xstream.

use core::ffi::{c_int, c_void};

/// A task scheduler of the client's stack.
#[repr(C)]
pub struct tse_sched_t {
    /// What its tasks have come to.
    pub ds_result: c_int,
    /// The user's.
    pub ds_udata: *mut c_void,
    /// Its own.
    pub ds_private: tse_sched_private,
}

/// Private state of a [`tse_sched_t`].
///
/// C: in place.
#[repr(C)]
pub struct tse_sched_private {
    /// Memory.
    pub ds_space: [u64; 48],
}
