//! `drpc_internal.h`: the engine side of dRPC.

use crate::*;
use core::ffi::{c_char, c_int};
#[repr(C)]
#[derive(Clone, Copy)]
pub struct drpc_progress_context {
    pub listener_ctx: *mut drpc,
    pub session_ctx_list: d_list_t,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct drpc_call_ctx {
    pub session: *mut drpc,
    pub call: *mut Drpc__Call,
    pub resp: *mut Drpc__Response,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct drpc_list {
    pub ctx: *mut drpc,
    pub link: d_list_t,
}
unsafe extern "C" {
    pub static mut drpc_listener_socket_path: *mut c_char;
    pub fn drpc_progress_context_create(listener: *mut drpc) -> *mut drpc_progress_context;
    pub fn drpc_progress_context_close(ctx: *mut drpc_progress_context);
    pub fn drpc_progress(ctx: *mut drpc_progress_context, timeout: c_int) -> c_int;
    pub fn drpc_listener_init() -> c_int;
    pub fn drpc_listener_fini() -> c_int;
    pub fn drpc_init() -> c_int;
    pub fn drpc_fini();
    pub fn drpc_notify_ready(check_mode: bool) -> c_int;
}
