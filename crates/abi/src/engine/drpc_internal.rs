//! `drpc_internal.h`: the engine side of dRPC.

use crate::*;
use core::ffi::{c_char, c_int};

/// A listener and its sessions.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct drpc_progress_context {
    /// The listener.
    pub listener_ctx: *mut drpc,
    /// Sessions, each a `drpc_list`.
    pub session_ctx_list: d_list_t,
}

/// What the ULT of a call needs.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct drpc_call_ctx {
    /// The session, referenced.
    pub session: *mut drpc,
    /// The call.
    pub call: *mut Drpc__Call,
    /// The response.
    pub resp: *mut Drpc__Response,
}

/// A session in a list.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct drpc_list {
    /// The session.
    pub ctx: *mut drpc,
    /// The link.
    pub link: d_list_t,
}

unsafe extern "C" {
    /// drpc_listener.c: the socket file, from init to fini.
    pub static mut drpc_listener_socket_path: *mut c_char;
    /// drpc_progress.c: a context for `listener`, without sessions. Null for no valid listener, or when
    /// memory is short.
    pub fn drpc_progress_context_create(listener: *mut drpc) -> *mut drpc_progress_context;
    /// drpc_progress.c: closes the sessions and the listener, and frees `ctx`.
    pub fn drpc_progress_context_close(ctx: *mut drpc_progress_context);
    /// drpc_progress.c: waits at most `timeout` milliseconds, for ever when negative, for something to happen
    /// on the sockets of `ctx`, and deals with it. It returns early when a peer is to be looked at again
    /// without an event.
    ///
    /// 0; `-DER_TIMEDOUT` when nothing happened; `-DER_AGAIN` when a call has not come whole; `-DER_INVAL`,
    /// `-DER_NOMEM`; `-DER_MISC` or another code when the listener fails. A failing session is closed.
    pub fn drpc_progress(ctx: *mut drpc_progress_context, timeout: c_int) -> c_int;
    /// drpc_listener.c: listens as `daos_engine_<pid>.sock` in the socket directory and starts the listener's
    /// ULT on the dRPC xstream. 0 or `-DER_*`.
    pub fn drpc_listener_init() -> c_int;
    /// drpc_listener.c: stops the listener, waits for its ULT and closes all sessions. 0, or the last
    /// failure.
    pub fn drpc_listener_fini() -> c_int;
    /// drpc_client.c: the control plane is `daos_server.sock` in the socket directory. 0, or `-DER_ALREADY`.
    pub fn drpc_init() -> c_int;
    /// drpc_client.c: undoes `drpc_init`.
    pub fn drpc_fini();
    /// drpc_client.c: tells the control plane where the engine listens. 0 or `-DER_*`.
    pub fn drpc_notify_ready(check_mode: bool) -> c_int;
}
