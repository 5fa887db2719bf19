//! `daos/drpc.h`: the dRPC channel (src/common/drpc.c).

use crate::*;
use core::ffi::{c_char, c_int, c_uint, c_void};
#[repr(C)]
#[derive(Clone, Copy)]
pub struct drpc_alloc {
    pub alloc: ProtobufCAllocator,
    pub oom: bool,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct unixcomm {
    pub fd: c_int,
    pub flags: c_int,
}
pub type drpc_handler_t = Option<unsafe extern "C" fn(arg1: *mut Drpc__Call, arg2: *mut Drpc__Response)>;
pub type drpc_thread_yielder_t = Option<unsafe extern "C" fn() -> c_int>;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct drpc {
    pub comm: *mut unixcomm,
    pub sequence: c_int,
    pub ref_count: u32,
    pub handler: drpc_handler_t,
    pub yield_: drpc_thread_yielder_t,
}
pub const R_SYNC: rpcflags = 1;
pub type rpcflags = c_uint;
unsafe extern "C" {
    pub fn daos_drpc_alloc(arg: *mut c_void, size: usize) -> *mut c_void;
    pub fn daos_drpc_free(allocater_data: *mut c_void, pointer: *mut c_void);
    pub fn drpc_call_create(ctx: *mut drpc, module: i32, method: i32, callp: *mut *mut Drpc__Call) -> c_int;
    pub fn drpc_call_free(call: *mut Drpc__Call);
    pub fn drpc_response_create(call: *mut Drpc__Call) -> *mut Drpc__Response;
    pub fn drpc_response_free(resp: *mut Drpc__Response);
    pub fn drpc_call(
        ctx: *mut drpc,
        flags: c_int,
        msg: *mut Drpc__Call,
        resp: *mut *mut Drpc__Response,
    ) -> c_int;
    pub fn drpc_connect(sockaddr: *mut c_char, arg1: *mut *mut drpc) -> c_int;
    pub fn drpc_listen(sockaddr: *mut c_char, handler: drpc_handler_t) -> *mut drpc;
    pub fn drpc_is_valid_listener(ctx: *mut drpc) -> bool;
    pub fn drpc_accept(listener_ctx: *mut drpc, drpc: *mut *mut drpc) -> c_int;
    pub fn drpc_recv_call(ctx: *mut drpc, call: *mut *mut Drpc__Call) -> c_int;
    pub fn drpc_send_response(ctx: *mut drpc, resp: *mut Drpc__Response) -> c_int;
    pub fn drpc_close(ctx: *mut drpc) -> c_int;
    pub fn drpc_add_ref(ctx: *mut drpc) -> c_int;
}
