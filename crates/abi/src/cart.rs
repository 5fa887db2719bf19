//! `cart/types.h` and `cart/api.h`: what a module declares of its RPC protocols, and the rank of an engine.

use crate::*;
use core::ffi::{c_char, c_int, c_void};
pub type crt_group_id_t = d_string_t;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct crt_group {
    pub cg_grpid: crt_group_id_t,
}
pub type crt_group_t = crt_group;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct crt_endpoint_t {
    pub ep_grp: *mut crt_group_t,
    pub ep_rank: d_rank_t,
    pub ep_tag: u32,
}
pub type crt_context_t = *mut c_void;
pub type crt_opcode_t = u32;
pub type crt_rpc_input_t = *mut c_void;
pub type crt_rpc_output_t = *mut c_void;
pub type crt_bulk_t = *mut c_void;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct crt_rpc {
    pub cr_ctx: crt_context_t,
    pub cr_ep: crt_endpoint_t,
    pub cr_opc: crt_opcode_t,
    pub cr_input: crt_rpc_input_t,
    pub cr_output: crt_rpc_output_t,
    pub cr_input_size: usize,
    pub cr_output_size: usize,
    pub cr_co_bulk_hdl: crt_bulk_t,
}
pub type crt_rpc_t = crt_rpc;
pub type crt_proc_t = *mut c_void;
pub type crt_proc_cb_t = Option<unsafe extern "C" fn(proc_: crt_proc_t, data: *mut c_void) -> c_int>;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct crt_req_format {
    pub crf_proc_in: crt_proc_cb_t,
    pub crf_proc_out: crt_proc_cb_t,
    pub crf_size_in: usize,
    pub crf_size_out: usize,
}
pub type crt_rpc_cb_t = Option<unsafe extern "C" fn(rpc: *mut crt_rpc_t)>;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct crt_proto_rpc_format {
    pub prf_req_fmt: *mut crt_req_format,
    pub prf_hdlr: crt_rpc_cb_t,
    pub prf_co_ops: *mut crt_corpc_ops,
    pub prf_flags: u32,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct crt_proto_format {
    pub cpf_name: *const c_char,
    pub cpf_ver: u32,
    pub cpf_count: u32,
    pub cpf_prf: *mut crt_proto_rpc_format,
    pub cpf_base: crt_opcode_t,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct crt_corpc_ops {
    pub co_aggregate: Option<
        unsafe extern "C" fn(source: *mut crt_rpc_t, result: *mut crt_rpc_t, arg: *mut c_void) -> c_int,
    >,
    pub co_pre_forward: Option<unsafe extern "C" fn(rpc: *mut crt_rpc_t, arg: *mut c_void) -> c_int>,
    pub co_post_reply: Option<unsafe extern "C" fn(rpc: *mut crt_rpc_t, arg: *mut c_void) -> c_int>,
}
/// `CRT_NO_RANK`: stands for no rank.
pub const CRT_NO_RANK: d_rank_t = u32::MAX;
unsafe extern "C" {
    /// Stores the URI of this engine's context `tag`, to be freed by `D_FREE`.
    pub fn crt_self_uri_get(tag: c_int, uri: *mut *mut c_char) -> c_int;
    /// Stores the incarnation of this engine: when it joined its group, in HLC time.
    pub fn crt_self_incarnation_get(incarnation: *mut u64) -> c_int;
    /// Makes `rank` the rank of this engine, which joins its group at version `group_version_min` (from 1).
    /// Once; 0 or `-DER_INVAL`.
    pub fn crt_rank_self_set(rank: d_rank_t, group_version_min: u32) -> c_int;
    /// Stores the rank of this engine in `grp`, null for the primary group, at `rank`. 0, `-DER_NONEXIST` (and
    /// `CRT_NO_RANK`) before the rank is set, or `-DER_INVAL`.
    pub fn crt_group_rank(grp: *mut crt_group_t, rank: *mut d_rank_t) -> c_int;
    /// Leaves the group and ends the RPC layer. 0 or `-DER_*`.
    pub fn crt_finalize() -> c_int;
}
unsafe extern "C" {
    /// Registers a protocol with its handlers; `cart/api.h`.
    pub fn crt_proto_register(cpf: *mut crt_proto_format) -> c_int;
}
