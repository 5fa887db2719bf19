//! `daos/drpc.h`: the dRPC channel (src/common/drpc.c).

use crate::*;
use core::ffi::{c_char, c_int, c_uint, c_void};

/// A protobuf-c allocator that notes when there is no memory.
#[repr(C)]
pub struct drpc_alloc {
    /// The allocator; its data points to this structure.
    pub alloc: ProtobufCAllocator,
    /// Whether an allocation has failed.
    pub oom: bool,
}

/// A Unix domain socket.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct unixcomm {
    /// Its descriptor.
    pub fd: c_int,
    /// What `fcntl` has set on it.
    pub flags: c_int,
}

/// Answers a call: fills in a response that is prepared as a success without a body.
pub type drpc_handler_t = Option<unsafe extern "C" fn(arg1: *mut Drpc__Call, arg2: *mut Drpc__Response)>;

/// Lets other units run while dRPC waits; 0.
pub type drpc_thread_yielder_t = Option<unsafe extern "C" fn() -> c_int>;

/// One end of a dRPC connection, or a listener. References are counted.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct drpc {
    /// Its socket.
    pub comm: *mut unixcomm,
    /// Number of the last call that was sent.
    pub sequence: c_int,
    /// References; the last one closes it.
    pub ref_count: u32,
    /// Answers calls that a listener's connections receive; null on a client.
    pub handler: drpc_handler_t,
    /// Called while a client waits; may be null.
    pub yield_: drpc_thread_yielder_t,
}

/// Wait for the response.
pub const R_SYNC: rpcflags = 1;

/// Flags of `drpc_call`.
pub type rpcflags = c_uint;

unsafe extern "C" {
    /// drpc.c: zeroed memory for protobuf-c. On failure null, and `oom` of the `struct drpc_alloc` behind
    /// `arg` is set.
    pub fn daos_drpc_alloc(arg: *mut c_void, size: usize) -> *mut c_void;
    /// drpc.c: frees memory of `daos_drpc_alloc`; null is ignored.
    pub fn daos_drpc_free(allocater_data: *mut c_void, pointer: *mut c_void);
    /// drpc.c: a call to `method` of `module`, to be freed by `drpc_call_free`. 0, `-DER_INVAL` or
    /// `-DER_NOMEM`.
    pub fn drpc_call_create(ctx: *mut drpc, module: i32, method: i32, callp: *mut *mut Drpc__Call) -> c_int;
    /// drpc.c: frees a call; null is ignored.
    pub fn drpc_call_free(call: *mut Drpc__Call);
    /// drpc.c: a response to `call`, to be freed by `drpc_response_free`; without a call its sequence number
    /// is -1. Null when memory is short.
    pub fn drpc_response_create(call: *mut Drpc__Call) -> *mut Drpc__Response;
    /// drpc.c: frees a response; null is ignored.
    pub fn drpc_response_free(resp: *mut Drpc__Response);
    /// drpc.c: sends the call `msg`, numbered by the context, and stores in `resp` the response, or without
    /// `R_SYNC` in `flags` one with the status `SUBMITTED`, to be freed by `drpc_response_free`.
    ///
    /// 0; `-DER_INVAL`, `-DER_NOMEM`, the error of the socket, or what is wrong with the response.
    pub fn drpc_call(
        ctx: *mut drpc,
        flags: c_int,
        msg: *mut Drpc__Call,
        resp: *mut *mut Drpc__Response,
    ) -> c_int;
    /// drpc.c: a context connected to the socket file `sockaddr`, to be closed by `drpc_close`. 0 or
    /// `-DER_*`, with null stored.
    pub fn drpc_connect(sockaddr: *mut c_char, arg1: *mut *mut drpc) -> c_int;
    /// drpc.c: a context that listens as the socket file `sockaddr`, which must not exist yet; `handler` is
    /// to answer the calls. To be closed by `drpc_close`. Null on failure.
    pub fn drpc_listen(sockaddr: *mut c_char, handler: drpc_handler_t) -> *mut drpc;
    /// drpc.c: whether `ctx` has a socket and a handler, as listeners and their sessions have.
    pub fn drpc_is_valid_listener(ctx: *mut drpc) -> bool;
    /// drpc.c: stores in `session` a context for the next client of the listener. 0 or `-DER_*`.
    pub fn drpc_accept(listener_ctx: *mut drpc, drpc: *mut *mut drpc) -> c_int;
    /// drpc.c: stores in `call` the next call of the session, to be freed by `drpc_call_free`.
    ///
    /// 0; `-DER_AGAIN` when none is whole yet, what has come being kept; `-DER_PROTO` for one that makes no
    /// sense; or another error, after which the session is of no more use.
    pub fn drpc_recv_call(ctx: *mut drpc, call: *mut *mut Drpc__Call) -> c_int;
    /// drpc.c: sends `resp` on the session.
    ///
    /// 0; `-DER_AGAIN` when the peer does not take it, in which case calling again with the same response
    /// sends the rest; or the error of the socket.
    pub fn drpc_send_response(ctx: *mut drpc, resp: *mut Drpc__Response) -> c_int;
    /// drpc.c: gives up a reference to the context; the last one closes and frees it. 0, or `-DER_INVAL` for
    /// a context that is closed already.
    pub fn drpc_close(ctx: *mut drpc) -> c_int;
    /// drpc.c: adds a reference, to be given up by `drpc_close`. 0 or `-DER_INVAL`.
    pub fn drpc_add_ref(ctx: *mut drpc) -> c_int;
}
