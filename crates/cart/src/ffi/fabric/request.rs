//! `crt_rpc.c`: requests and replies.

use abi::{crt_cb_info, crt_cb_t, crt_context_t, crt_endpoint_t, crt_opcode_t, crt_rpc_t, d_rank_t};
use core::ffi::{c_char, c_int, c_void};
use core::mem::ManuallyDrop;
use core::ptr;
use std::sync::Arc;

use bytes::Bytes;
use gurt_client::{Facility, Result, error};

use super::rpc::{Endpoint, Role, Rpc, Sent};
use super::{context, corpc, der, invalid, lock, node, rc, store};
use crate::node::Attached;
use crate::rpc::{Call, IncomingId, SECOND};

/// The RPC behind a pointer of C, which does not give its count back.
///
/// # Safety
/// The pointer is null, or of an RPC that the caller has a count of.
pub(super) unsafe fn borrowed(name: &str, rpc: *mut crt_rpc_t) -> Result<ManuallyDrop<Arc<Rpc>>> {
    if rpc.is_null() {
        return Err(invalid(name, "there is no request, the pointer is null"));
    }
    // SAFETY: by the caller's promise.
    Ok(ManuallyDrop::new(unsafe { Arc::from_raw(rpc.cast::<Rpc>().cast_const()) }))
}

/// # Safety
/// As [`crt_req_create`].
unsafe fn create(ctx: crt_context_t, endpoint: *mut crt_endpoint_t, opcode: u32) -> Result<*mut crt_rpc_t> {
    const NAME: &str = "crt_req_create";
    node(NAME)?;
    // SAFETY: by the caller's promise.
    let network = unsafe { context(NAME, ctx)? };
    let rpc = Rpc::new(&network, opcode, Role::Origin)?;
    if !endpoint.is_null() {
        // SAFETY: by the caller's promise.
        rpc.address(&unsafe { Endpoint::read(NAME, endpoint)? })?;
    }
    Ok(rpc.into_c())
}

/// Sends a request, which completes once if that does not fail.
fn send(rpc: &Arc<Rpc>) -> Result {
    let sent = match &rpc.role {
        Role::Origin => {
            let endpoint =
                rpc.endpoint().ok_or_else(|| invalid("crt_req_send", "the request has no endpoint"))?;
            // SAFETY: read only.
            let opcode = unsafe { (*rpc.public()).cr_opc };
            let call = Call {
                group: endpoint.group(),
                rank: endpoint.rank,
                tag: endpoint.tag,
                opcode,
                flags: 0,
                body: rpc.pack_input()?,
                timeout: Some(u64::from(lock(&rpc.state).timeout) * SECOND),
            };
            rpc.network.with(|context, now| {
                let id = context.send(now, call, Attached::User(Sent::Rpc(rpc.clone())));
                lock(&rpc.state).request = Some(id);
            })
        }
        Role::Whole(whole) => {
            let what = corpc::broadcast(rpc, whole)?;
            rpc.network.with(|context, now| {
                let id = context.broadcast(now, what, Attached::User(Sent::Rpc(rpc.clone())));
                lock(&rpc.state).request = Some(id);
                // It may have ended, which is still to be told.
                if context.gathers(IncomingId::Collective(id.0)) {
                    lock(&rpc.network.attached.collectives).insert(id.0, rpc.clone());
                }
            })
        }
        Role::Target { .. } | Role::Reply => {
            return Err(invalid("crt_req_send", "this request has come in, and is not to be sent"));
        }
    };
    // Its context is gone.
    sent.ok_or(der::CANCELED)
}

fn reply(rpc: &Arc<Rpc>) -> Result {
    let id = lock(&rpc.state)
        .answer
        .take()
        .ok_or_else(|| invalid("crt_reply_send", "the request is answered, or its sender wants no reply"))?;
    let gathers = matches!(id, IncomingId::Collective(_)) && rpc.format.gathers();
    // What the others answer is added first.
    let packed = if gathers { Ok(Bytes::new()) } else { rpc.pack_output() };
    match packed {
        Ok(body) => rpc.network.reply(id, Ok(()), body),
        Err(error) => {
            error!(Facility::RPC, "crt_reply_send: the output cannot be packed: {error}");
            rpc.network.reply(id, Err(error), Bytes::new())
        }
    };
    packed_result(&rpc.network)
}

/// Nobody can be answered by way of a context that is gone.
fn packed_result(network: &super::Context) -> Result {
    network.with(|_, _| ()).ok_or(der::CANCELED)
}

/// Both ends of a request.
fn ends(rpc: &Rpc) -> (d_rank_t, d_rank_t, u32) {
    let me = || rpc.network.node().read(|directory| directory.groups().primary.rank());
    let none = abi::CRT_NO_RANK;
    match &rpc.role {
        Role::Target { source, destination, tag, .. } => (source.unwrap_or(none), *destination, *tag),
        Role::Origin | Role::Whole(_) | Role::Reply => {
            let endpoint = rpc.endpoint();
            let to = endpoint.as_ref().map(|to| {
                let primary = |name: &str| {
                    rpc.network.node().read(|directory| {
                        directory.secondary(name).ok().and_then(|group| group.primary(to.rank))
                    })
                };
                let rank = match to.group() {
                    Some(name) => primary(&name).unwrap_or(none),
                    None => to.rank,
                };
                (rank, to.tag)
            });
            let (rank, tag) = to.unwrap_or((none, 0));
            (me().unwrap_or(none), rank, tag)
        }
    }
}

/// # Safety
/// As [`borrowed`] and [`store`].
unsafe fn get<T>(name: &str, rpc: *mut crt_rpc_t, place: *mut T, value: impl FnOnce(&Rpc) -> T) -> c_int {
    // SAFETY: by the caller's promise.
    rc(unsafe { borrowed(name, rpc).and_then(|rpc| store(name, place, value(&rpc))) })
}

abi::export! {
    /// `crt_req_create` (crt_rpc.c): makes a request, with zeroed input and output and a count that `crt_req_send` takes.
    /// 0, `-DER_UNREG` for an opcode that is not registered, `-DER_INVAL`, `-DER_UNINIT`, `-DER_NOMEM`.
    pub unsafe fn crt_req_create(
        crt_ctx: crt_context_t,
        tgt_ep: *mut crt_endpoint_t,
        opc: crt_opcode_t,
        req: *mut *mut crt_rpc_t,
    ) -> c_int {
        const NAME: &str = "crt_req_create";
        if req.is_null() {
            return invalid(NAME, "there is no place for the request").rc();
        }
        // SAFETY: not null, and the caller vouches for the rest.
        rc(unsafe { create(crt_ctx, tgt_ep, opc).and_then(|rpc| store(NAME, req, rpc)) })
    }

    /// `crt_req_set_endpoint` (crt_rpc.c): sets where a request goes that was made without that. 0 or `-DER_INVAL`.
    pub unsafe fn crt_req_set_endpoint(req: *mut crt_rpc_t, tgt_ep: *mut crt_endpoint_t) -> c_int {
        const NAME: &str = "crt_req_set_endpoint";
        // SAFETY: by the caller's promise.
        rc(unsafe {
            borrowed(NAME, req).and_then(|rpc| rpc.address(&Endpoint::read(NAME, tgt_ep)?))
        })
    }

    /// `crt_req_set_timeout` (crt_rpc.c): sets how many seconds a request waits for its reply. 0, `-DER_INVAL` also for 0
    /// seconds.
    pub unsafe fn crt_req_set_timeout(req: *mut crt_rpc_t, timeout_sec: u32) -> c_int {
        const NAME: &str = "crt_req_set_timeout";
        if timeout_sec == 0 {
            return invalid(NAME, "a request cannot wait for 0 seconds").rc();
        }
        // SAFETY: by the caller's promise.
        rc(unsafe { borrowed(NAME, req) }.map(|rpc| lock(&rpc.state).timeout = timeout_sec))
    }

    /// `crt_req_get_timeout` (crt_rpc.c): stores how many seconds the sender of a request waits. 0 or `-DER_INVAL`.
    pub unsafe fn crt_req_get_timeout(req: *mut crt_rpc_t, timeout_sec: *mut u32) -> c_int {
        // SAFETY: by the caller's promise.
        unsafe { get("crt_req_get_timeout", req, timeout_sec, |rpc| lock(&rpc.state).timeout) }
    }

    /// `crt_req_addref` (crt_rpc.c): counts another user of a request.
    pub unsafe fn crt_req_addref(req: *mut crt_rpc_t) {
        // SAFETY: by the caller's promise; the copy has a count of its own, which is C's.
        if let Ok(rpc) = unsafe { borrowed("crt_req_addref", req) } {
            core::mem::forget(Arc::clone(&rpc));
        }
    }

    /// `crt_req_decref` (crt_rpc.c): takes that back. With the last user a request goes; who sent one that was not
    /// answered is told `-DER_NOREPLY`.
    pub unsafe fn crt_req_decref(req: *mut crt_rpc_t) {
        // SAFETY: by the caller's promise, who gives a count back.
        if let Ok(rpc) = unsafe { borrowed("crt_req_decref", req) } {
            drop(ManuallyDrop::into_inner(rpc));
        }
    }

    /// `crt_req_send` (crt_rpc.c): sends a request, and takes a count of it. 0, and then `complete_cb` is called once,
    /// from `crt_progress`, or from here if it cannot even be sent; without a callback the error is returned.
    pub unsafe fn crt_req_send(req: *mut crt_rpc_t, complete_cb: crt_cb_t, arg: *mut c_void) -> c_int {
        // SAFETY: by the caller's promise, who gives a count away.
        let rpc = match unsafe { borrowed("crt_req_send", req) } {
            Ok(rpc) => ManuallyDrop::into_inner(rpc),
            Err(error) => {
                let Some(callback) = complete_cb else { return error.rc() };
                let info = crt_cb_info { cci_rpc: ptr::null_mut(), cci_arg: arg, cci_rc: error.rc() };
                // SAFETY: the user's function, with his argument.
                unsafe { callback(&raw const info) };
                return 0;
            }
        };
        rpc.set_callback(complete_cb, arg);
        match send(&rpc) {
            Ok(()) => 0,
            Err(error) => {
                rpc.complete(Err(error));
                if complete_cb.is_some() { 0 } else { error.rc() }
            }
        }
    }

    /// `crt_reply_send` (crt_rpc.c): answers a request with its output. 0, `-DER_INVAL` if it is answered, or what the
    /// output's function says, and then the sender is told that too.
    pub unsafe fn crt_reply_send(req: *mut crt_rpc_t) -> c_int {
        // SAFETY: by the caller's promise.
        rc(unsafe { borrowed("crt_reply_send", req) }.and_then(|rpc| reply(&rpc)))
    }

    /// `crt_reply_send_input_free` (crt_rpc.c): the same, and pieces of memory of the input are not used any more.
    pub unsafe fn crt_reply_send_input_free(req: *mut crt_rpc_t) -> c_int {
        // SAFETY: by the caller's promise.
        rc(unsafe { borrowed("crt_reply_send_input_free", req) }.and_then(|rpc| {
            let replied = reply(&rpc);
            rpc.release_input();
            replied
        }))
    }

    /// `crt_req_abort` (crt_rpc.c): gives a request up, whose callback is then told `-DER_CANCELED`, from
    /// `crt_progress`; nothing if it has ended. 0 or `-DER_INVAL`.
    pub unsafe fn crt_req_abort(req: *mut crt_rpc_t) -> c_int {
        // SAFETY: by the caller's promise.
        rc(unsafe { borrowed("crt_req_abort", req) }.map(|rpc| {
            let request = lock(&rpc.state).request;
            if let Some(id) = request {
                rpc.network.with(|context, now| context.abort(now, id));
            }
        }))
    }

    /// `crt_req_src_rank_get` (crt_rpc.c): stores the rank that sent a request, `CRT_NO_RANK` for a client. 0 or
    /// `-DER_INVAL`.
    pub unsafe fn crt_req_src_rank_get(req: *mut crt_rpc_t, rank: *mut d_rank_t) -> c_int {
        // SAFETY: by the caller's promise.
        unsafe { get("crt_req_src_rank_get", req, rank, |rpc| ends(rpc).0) }
    }

    /// `crt_req_dst_rank_get` (crt_rpc.c): stores the rank that a request is for, by the primary group. 0 or `-DER_INVAL`.
    pub unsafe fn crt_req_dst_rank_get(req: *mut crt_rpc_t, rank: *mut d_rank_t) -> c_int {
        // SAFETY: by the caller's promise.
        unsafe { get("crt_req_dst_rank_get", req, rank, |rpc| ends(rpc).1) }
    }

    /// `crt_req_dst_tag_get` (crt_rpc.c): stores the context that a request is for. 0 or `-DER_INVAL`.
    pub unsafe fn crt_req_dst_tag_get(req: *mut crt_rpc_t, tag: *mut u32) -> c_int {
        // SAFETY: by the caller's promise.
        unsafe { get("crt_req_dst_tag_get", req, tag, |rpc| ends(rpc).2) }
    }

    /// `crt_req_src_timeout_get` (crt_rpc.c): stores how many seconds the sender of a request waits, as it said. 0 or
    /// `-DER_INVAL`.
    pub unsafe fn crt_req_src_timeout_get(rpc: *mut crt_rpc_t, timeout: *mut u32) -> c_int {
        // SAFETY: by the caller's promise.
        unsafe { get("crt_req_src_timeout_get", rpc, timeout, |rpc| lock(&rpc.state).timeout) }
    }

    /// `crt_req_origin_addr_get` (crt_hg.c): who sent a request, for messages; lives as long as the request.
    pub unsafe fn crt_req_origin_addr_get(rpc: *mut crt_rpc_t) -> *mut c_char {
        // SAFETY: by the caller's promise.
        match unsafe { borrowed("crt_req_origin_addr_get", rpc) } {
            Ok(rpc) => rpc.origin(),
            Err(_) => ptr::null_mut(),
        }
    }

    /// `crt_req_get_proto_ver` (crt_rpc.c): the version of a request's protocol, or `-DER_INVAL`.
    pub unsafe fn crt_req_get_proto_ver(req: *mut crt_rpc_t) -> c_int {
        // SAFETY: by the caller's promise.
        match unsafe { borrowed("crt_req_get_proto_ver", req) } {
            // SAFETY: read only.
            Ok(rpc) => (unsafe { (*rpc.public()).cr_opc } >> 16 & 0xff) as c_int,
            Err(error) => error.rc(),
        }
    }
}
