//! `crt_register.c`: protocols with their handlers, and the question which a peer knows.

use abi::{CRT_RPC_FEAT_NO_REPLY, CRT_RPC_FEAT_NO_TIMEOUT, CRT_RPC_FEAT_QUEUE_FRONT};
use abi::{crt_context_t, crt_endpoint_t, crt_opcode_t, crt_proto_format, crt_proto_query_cb_t};
use core::ffi::{c_int, c_void};
use core::slice;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use gurt_client::{Der, Facility, Result, error};

use super::rpc::{Endpoint, Query, Sent};
use super::{context, der, invalid, node, rc};
use crate::node::Attached;
use crate::rpc::{Call, Collectively, Invalid, PROTO_QUERY, Rpc, SECOND, query};

/// The bits of an opcode that name its protocol: `CRT_PROTO_BASEOPC_MASK`.
const BASE: u32 = 0xff00_0000;
const INDEX: u32 = 0xffff;

/// How an RPC is packed and handled: `struct crt_opc_info`.
#[derive(Clone, Copy)]
pub(crate) struct Format {
    pub packing: abi::crt_req_format,
    pub handler: abi::crt_rpc_cb_t,
    pub collective: Option<abi::crt_corpc_ops>,
    pub no_reply: bool,
}

// SAFETY: functions of the user, who registers them for all threads.
unsafe impl Send for Format {}
// SAFETY: as above.
unsafe impl Sync for Format {}

const NOTHING: abi::crt_req_format =
    abi::crt_req_format { crf_proc_in: None, crf_proc_out: None, crf_size_in: 0, crf_size_out: 0 };

impl Format {
    /// Whether replies to it are brought together here before it is answered.
    pub fn gathers(&self) -> bool {
        self.collective.is_some_and(|ops| ops.co_aggregate.is_some() || ops.co_post_reply.is_some())
    }

    fn rpc(&self, flags: u32) -> Rpc {
        Rpc {
            no_reply: self.no_reply,
            no_timeout: flags & CRT_RPC_FEAT_NO_TIMEOUT != 0,
            queue_front: flags & CRT_RPC_FEAT_QUEUE_FRONT != 0,
            collectively: self.collective.map(|ops| Collectively {
                pre_forward: ops.co_pre_forward.is_some(),
                aggregate: self.gathers(),
            }),
        }
    }
}

/// The RPCs that are registered, by base and version.
#[derive(Default)]
pub(crate) struct Formats(RwLock<HashMap<u32, Arc<[Format]>>>);

impl Formats {
    pub fn get(&self, opcode: u32) -> Option<Format> {
        let formats = self.0.read().unwrap_or_else(PoisonError::into_inner);
        formats.get(&(opcode & !INDEX))?.get((opcode & INDEX) as usize).copied()
    }

    fn put(&self, name: u32, formats: Vec<Format>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(name, formats.into());
    }
}

/// # Safety
/// As [`crt_proto_register`].
unsafe fn register(cpf: *mut crt_proto_format) -> Result {
    const NAME: &str = "crt_proto_register";
    // SAFETY: null or a description with as many RPCs as it says.
    let (base, version, rpcs) = unsafe {
        let Some(cpf) = cpf.as_ref() else {
            return Err(invalid(NAME, "there is no protocol, the pointer is null"));
        };
        if cpf.cpf_prf.is_null() {
            return Err(invalid(NAME, "the protocol has no RPCs, the pointer to them is null"));
        }
        (cpf.cpf_base, cpf.cpf_ver, slice::from_raw_parts(cpf.cpf_prf, cpf.cpf_count as usize))
    };
    if base == 0 || base == BASE {
        error!(Facility::RPC, "{NAME}: {base:#x} is no base of a protocol; 0 and {BASE:#x} are reserved");
        return Err(der::INVAL);
    }
    let formats: Vec<_> = rpcs
        .iter()
        .map(|rpc| Format {
            // SAFETY: null or what they point to.
            packing: unsafe { rpc.prf_req_fmt.as_ref() }.copied().unwrap_or(NOTHING),
            handler: rpc.prf_hdlr,
            // SAFETY: as above.
            collective: unsafe { rpc.prf_co_ops.as_ref() }.copied(),
            no_reply: rpc.prf_flags & CRT_RPC_FEAT_NO_REPLY != 0,
        })
        .collect();
    let large = |format: &&Format| {
        format.packing.crf_size_in > abi::CRT_MAX_INPUT_SIZE as usize
            || format.packing.crf_size_out > abi::CRT_MAX_OUTPUT_SIZE as usize
    };
    if let Some(at) = formats.iter().position(|format| large(&format)) {
        error!(Facility::RPC, "{NAME}: the structures of RPC {at} of {base:#x} are larger than 64 MiB");
        return Err(der::INVAL);
    }
    let kinds = formats.iter().zip(rpcs).map(|(format, rpc)| format.rpc(rpc.prf_flags)).collect();
    let node = node(NAME)?;
    let name = base | version << 16;
    match node.register(base, version, kinds) {
        Ok(()) => {
            node.user.formats.put(name, formats);
            Ok(())
        }
        Err(Invalid::Numbers) => {
            error!(
                Facility::RPC,
                "{NAME}: base {base:#x}, version {version} and {} RPCs are not those of a protocol: a base has its \
                 highest 8 bits, versions go to 255, RPCs to 65536",
                rpcs.len()
            );
            Err(der::INVAL)
        }
        Err(Invalid::Exists) => {
            error!(Facility::RPC, "{NAME}: version {version} of protocol {base:#x} is registered already");
            Err(der::EXIST)
        }
    }
}

/// # Safety
/// As [`crt_proto_query_with_ctx`].
unsafe fn ask(
    tgt_ep: *mut crt_endpoint_t,
    base: u32,
    versions: *const u32,
    count: c_int,
    timeout: u32,
    query: Query,
    ctx: crt_context_t,
) -> Result {
    const NAME: &str = "crt_proto_query";
    let Ok(count) = usize::try_from(count) else {
        return Err(invalid(NAME, "a negative number of versions"));
    };
    if versions.is_null() {
        return Err(invalid(NAME, "there are no versions, the pointer is null"));
    }
    // SAFETY: by the caller's promise.
    let (network, endpoint, versions) = unsafe {
        let network = match ctx.is_null() {
            true => node(NAME)?.network(0).ok_or_else(|| invalid(NAME, "there is no context 0"))?,
            false => {
                let network = context(NAME, ctx)?;
                Arc::clone(&network)
            }
        };
        (network, Endpoint::read(NAME, tgt_ep)?, slice::from_raw_parts(versions, count))
    };
    // Never longer than any other request.
    let usual = u64::from(network.attached.timeout(&network));
    let timeout = if timeout == 0 { usual } else { usual.min(timeout.into()) };
    let call = Call {
        group: endpoint.group(),
        rank: endpoint.rank,
        tag: endpoint.tag,
        opcode: PROTO_QUERY,
        flags: 0,
        body: query::question(base, versions),
        timeout: Some(timeout * SECOND),
    };
    let sent = network.with(|context, now| context.send(now, call, Attached::User(Sent::Query(query))));
    sent.map(drop).ok_or(der::CANCELED)
}

/// What a peer has said of a protocol.
pub(super) fn answered(query: Query, result: Result<crate::rpc::Answer>) {
    let found = result.and_then(|answer| query::highest(&answer.body));
    let mut info = abi::crt_proto_query_cb_info {
        pq_arg: query.arg,
        pq_ver: found.map_or(0, |version| version as c_int),
        pq_rc: found.err().map_or(0, Der::rc),
    };
    if let Some(callback) = query.callback {
        // SAFETY: the user's function, with his argument.
        unsafe { callback(&raw mut info) };
    }
}

abi::export! {
    /// `crt_proto_register` (crt_register.c): registers all RPCs of a version of a protocol, with their handlers, null
    /// for a client. 0, `-DER_EXIST` if that is registered, `-DER_INVAL` for a base that is none.
    pub unsafe fn crt_proto_register(cpf: *mut crt_proto_format) -> c_int {
        // SAFETY: by the caller's promise.
        rc(unsafe { register(cpf) })
    }

    /// `crt_proto_query` (crt_register.c): asks by way of the first context, see [`crt_proto_query_with_ctx`].
    pub unsafe fn crt_proto_query(
        tgt_ep: *mut crt_endpoint_t,
        base_opc: crt_opcode_t,
        ver: *mut u32,
        count: c_int,
        timeout: u32,
        cb: crt_proto_query_cb_t,
        arg: *mut c_void,
    ) -> c_int {
        let query = Query { callback: cb, arg };
        // SAFETY: by the caller's promise.
        rc(unsafe { ask(tgt_ep, base_opc, ver, count, timeout, query, core::ptr::null_mut()) })
    }

    /// `crt_proto_query_with_ctx` (crt_register.c): asks which of `count` versions of a protocol a peer knows. 0, and `cb`
    /// is told later, from `crt_progress`; or `-DER_INVAL`.
    pub unsafe fn crt_proto_query_with_ctx(
        tgt_ep: *mut crt_endpoint_t,
        base_opc: crt_opcode_t,
        ver: *mut u32,
        count: c_int,
        timeout: u32,
        cb: crt_proto_query_cb_t,
        arg: *mut c_void,
        ctx: crt_context_t,
    ) -> c_int {
        let query = Query { callback: cb, arg };
        // SAFETY: by the caller's promise.
        rc(unsafe { ask(tgt_ep, base_opc, ver, count, timeout, query, ctx) })
    }
}
