//! `daos/tse.h`: size of a task scheduler, held by value in an xstream.

use core::ffi::{c_int, c_void};
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tse_sched_t {
    pub ds_result: c_int,
    pub ds_udata: *mut c_void,
    pub ds_private: tse_sched_private,
}
/// Private state of a [`tse_sched_t`].
///
/// C: in place.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tse_sched_private {
    pub ds_space: [u64; 48],
}
