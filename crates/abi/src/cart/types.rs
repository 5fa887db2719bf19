//! `cart/types.h` and `cart/api.h`: what a module declares of its RPC protocols, and the rank of an engine.

use crate::*;
use core::ffi::{c_char, c_int, c_void};

/// Name of a group of engines.
pub type crt_group_id_t = d_string_t;

/// A group of engines, as a user of CaRT sees it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct crt_group {
    /// Its name.
    pub cg_grpid: crt_group_id_t,
}

/// A group of engines.
pub type crt_group_t = crt_group;

/// Where an RPC goes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct crt_endpoint_t {
    /// The group; null for the primary one.
    pub ep_grp: *mut crt_group_t,
    /// The rank within the group.
    pub ep_rank: d_rank_t,
    /// The network context of that rank.
    pub ep_tag: u32,
}

/// Handle of a network context.
pub type crt_context_t = *mut c_void;

/// Number of an RPC: module, version, index.
pub type crt_opcode_t = u32;

/// The structure of a request.
pub type crt_rpc_input_t = *mut c_void;

/// The structure of a reply.
pub type crt_rpc_output_t = *mut c_void;

/// Handle of memory for bulk transfers.
pub type crt_bulk_t = *mut c_void;

/// An RPC.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct crt_rpc {
    /// Its network context.
    pub cr_ctx: crt_context_t,
    /// Where it goes.
    pub cr_ep: crt_endpoint_t,
    /// Its number.
    pub cr_opc: crt_opcode_t,
    /// The request.
    pub cr_input: crt_rpc_input_t,
    /// The reply.
    pub cr_output: crt_rpc_output_t,
    /// Bytes of the request.
    pub cr_input_size: usize,
    /// Bytes of the reply.
    pub cr_output_size: usize,
    /// Bulk memory of a collective RPC; may be null.
    pub cr_co_bulk_hdl: crt_bulk_t,
}

/// An RPC.
pub type crt_rpc_t = crt_rpc;

/// Handle by which structures are packed and unpacked.
pub type crt_proc_t = *mut c_void;

/// Packs, unpacks or frees `data`; 0 or a DAOS error code.
pub type crt_proc_cb_t = Option<unsafe extern "C" fn(proc_: crt_proc_t, data: *mut c_void) -> c_int>;

/// How an RPC's request and reply are packed.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct crt_req_format {
    /// For the request.
    pub crf_proc_in: crt_proc_cb_t,
    /// For the reply.
    pub crf_proc_out: crt_proc_cb_t,
    /// Bytes of the request's structure.
    pub crf_size_in: usize,
    /// Bytes of the reply's structure.
    pub crf_size_out: usize,
}

/// Handles a request on the server.
pub type crt_rpc_cb_t = Option<unsafe extern "C" fn(rpc: *mut crt_rpc_t)>;

/// An RPC of a protocol.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct crt_proto_rpc_format {
    /// How it is packed.
    pub prf_req_fmt: *mut crt_req_format,
    /// Its handler on the server.
    pub prf_hdlr: crt_rpc_cb_t,
    /// For a collective RPC, otherwise null.
    pub prf_co_ops: *mut crt_corpc_ops,
    /// `CRT_RPC_FEAT_*` bits.
    pub prf_flags: u32,
}

/// A protocol: one version of a module's RPCs.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct crt_proto_format {
    /// Its name.
    pub cpf_name: *const c_char,
    /// Its version.
    pub cpf_ver: u32,
    /// Entries in `cpf_prf`.
    pub cpf_count: u32,
    /// Its RPCs, by index.
    pub cpf_prf: *mut crt_proto_rpc_format,
    /// Its number, which is that of the module in `MODID` position.
    pub cpf_base: crt_opcode_t,
}

/// What a collective RPC does at each rank.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct crt_corpc_ops {
    /// Merges one reply into another; 0 or a DAOS error code.
    pub co_aggregate: Option<
        unsafe extern "C" fn(source: *mut crt_rpc_t, result: *mut crt_rpc_t, arg: *mut c_void) -> c_int,
    >,
    /// Before the request goes on; may be null.
    pub co_pre_forward: Option<unsafe extern "C" fn(rpc: *mut crt_rpc_t, arg: *mut c_void) -> c_int>,
    /// After the reply was sent; may be null.
    pub co_post_reply: Option<unsafe extern "C" fn(rpc: *mut crt_rpc_t, arg: *mut c_void) -> c_int>,
}

/// `CRT_NO_RANK`: stands for no rank.
pub const CRT_NO_RANK: u32 = 0xffff_ffff;
