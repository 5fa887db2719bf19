//! `cart/types.h`: RPCs, their protocols, endpoints, bulk transfers.

use crate::*;
use core::ffi::{c_char, c_int, c_uint, c_void};
use libc::off_t;

/// Result of an operation: 0 or `-DER_*`.
pub type crt_status_t = c_int;

/// Name of a group of engines: printable ASCII without quotes, backslash and semicolon.
pub type crt_group_id_t = d_string_t;

/// Bytes of the longest name of a group, with its NUL.
pub const CRT_GROUP_ID_MAX_LEN: u32 = 64;
/// Bytes of the longest URI, with its NUL.
pub const CRT_ADDR_STR_MAX_LEN: u32 = 128;

/// A way to reach a fabric, as an entry of a list.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct crt_protocol_info {
    /// The next entry, or null.
    pub next: *mut crt_protocol_info,
    /// Mercury's class of plugins.
    pub class_name: *mut c_char,
    /// The protocol, as `D_PROVIDER` names it.
    pub protocol_name: *mut c_char,
    /// The device.
    pub device_name: *mut c_char,
}

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

/// `crt_init_opt`: serves requests, as engines do and clients do not.
pub const CRT_FLAG_BIT_SERVER: crt_init_flag_bits = 1;
/// `crt_init_opt`: SWIM starts with `crt_swim_init` only.
pub const CRT_FLAG_BIT_AUTO_SWIM_DISABLE: crt_init_flag_bits = 2;

/// Flags of `crt_init_opt`.
pub type crt_init_flag_bits = c_uint;

/// How the RPC layer is set up.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct crt_init_options {
    /// Time limit of RPCs, in seconds; 0 for the default.
    pub cio_crt_timeout: c_int,
    /// What is given below.
    ///
    /// C: bit fields `cio_sep_override:1`, `cio_use_sep:1`, `cio_fault_inject:1`, `cio_use_sensors:1`, `cio_use_expected_size:1`, `cio_use_unexpected_size:1`.
    pub cio_flags: u32,
    /// Most contexts that there can be.
    pub cio_ctx_max_num: c_int,
    /// Requests to one endpoint that may be under way.
    pub cio_ep_credits: c_int,
    /// Largest reply that is sent in one piece, in bytes.
    pub cio_max_expected_size: u32,
    /// Largest request that is sent in one piece, in bytes.
    pub cio_max_unexpected_size: u32,
    /// Number of the context that SWIM uses.
    pub cio_swim_crt_idx: c_int,
    /// The provider, null for `D_PROVIDER`.
    pub cio_provider: *mut c_char,
    /// The interface, null for `D_INTERFACE`.
    pub cio_interface: *mut c_char,
    /// The domain, null for `D_DOMAIN`.
    pub cio_domain: *mut c_char,
    /// The port, null for `D_PORT`.
    pub cio_port: *mut c_char,
    /// The key, null for `D_PROVIDER_AUTH_KEY`.
    pub cio_auth_key: *mut c_char,
    /// Whether one thread uses each context.
    pub cio_thread_mode_single: bool,
    /// Whether to poll without waiting.
    pub cio_progress_busy: bool,
    /// Whether memory of devices is used.
    pub cio_mem_device: bool,
}

/// How the RPC layer is set up.
pub type crt_init_options_t = crt_init_options;

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

/// Handle of several of them.
pub type crt_bulk_array_t = *mut c_void;

/// Handle of a bulk transfer under way.
pub type crt_bulk_opid_t = *mut c_void;

/// Bytes of the largest structure of a request; more goes by bulk transfer.
pub const CRT_MAX_INPUT_SIZE: u32 = 0x400_0000;
/// Bytes of the largest structure of a reply.
pub const CRT_MAX_OUTPUT_SIZE: u32 = 0x400_0000;

/// Only the ranks of the list get the collective RPC, instead of all others.
pub const CRT_RPC_FLAG_FILTER_INVERT: crt_rpc_flags = 2;
/// A rank that fails to forward the collective RPC does not handle it either.
pub const CRT_RPC_FLAG_CO_FAILOUT: crt_rpc_flags = 4;

/// Flags of `crt_corpc_req_create`.
pub type crt_rpc_flags = c_uint;

/// To the memory of the peer.
pub const CRT_BULK_PUT: crt_bulk_op_t = 104;
/// From the memory of the peer.
pub const CRT_BULK_GET: crt_bulk_op_t = 105;

/// Which way a bulk transfer goes.
pub type crt_bulk_op_t = c_uint;

/// Peers may read and write.
pub const CRT_BULK_RW: crt_bulk_perm_t = 136;
/// Peers may read.
pub const CRT_BULK_RO: crt_bulk_perm_t = 137;
/// Peers may write.
pub const CRT_BULK_WO: crt_bulk_perm_t = 138;

/// What peers may do with memory.
pub type crt_bulk_perm_t = c_uint;

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

/// `prf_flags`: there is no reply; the request is done when it was sent.
pub const CRT_RPC_FEAT_NO_REPLY: u32 = 2;
/// `prf_flags`: waits for the reply for as long as the peer is in the group.
pub const CRT_RPC_FEAT_NO_TIMEOUT: u32 = 4;
/// `prf_flags`: the first in the queue of an endpoint whose credits are used up, not the last.
pub const CRT_RPC_FEAT_QUEUE_FRONT: u32 = 8;

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

/// What a peer says of a protocol.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct crt_proto_query_cb_info {
    /// Of who asked.
    pub pq_arg: *mut c_void,
    /// The highest version that both know; valid with a `pq_rc` of 0.
    pub pq_ver: c_int,
    /// 0 or `-DER_*`: `-DER_NONEXIST` for a protocol that the peer does not know, `-DER_UNREG` for a version.
    pub pq_rc: c_int,
}

/// Called when a peer has said which versions of a protocol it knows, or no answer will come.
pub type crt_proto_query_cb_t = Option<unsafe extern "C" fn(cb_info: *mut crt_proto_query_cb_info)>;

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

/// What has become of a request.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct crt_cb_info {
    /// The request.
    pub cci_rpc: *mut crt_rpc_t,
    /// The sender's.
    pub cci_arg: *mut c_void,
    /// 0 when there is a reply, or a DAOS error code.
    pub cci_rc: c_int,
}

/// Called when a reply is there, or none will come.
pub type crt_cb_t = Option<unsafe extern "C" fn(cb_info: *const crt_cb_info)>;

/// A bulk transfer.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct crt_bulk_desc {
    /// The request for which it is done, whose sender is the peer.
    pub bd_rpc: *mut crt_rpc_t,
    /// Which way it goes.
    pub bd_bulk_op: crt_bulk_op_t,
    /// The peer's memory.
    pub bd_remote_hdl: crt_bulk_t,
    /// Where in it, in bytes.
    pub bd_remote_off: off_t,
    /// Memory of our own.
    pub bd_local_hdl: crt_bulk_t,
    /// Where in it, in bytes.
    pub bd_local_off: off_t,
    /// Bytes.
    pub bd_len: usize,
}

/// What has become of a bulk transfer.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct crt_bulk_cb_info {
    /// What was asked for.
    pub bci_bulk_desc: *mut crt_bulk_desc,
    /// Of who asked.
    pub bci_arg: *mut c_void,
    /// 0 or `-DER_*`: `-DER_TIMEDOUT` if the request's deadline has passed.
    pub bci_rc: c_int,
    /// CaRT's own.
    pub bci_complete_cb: *mut c_void,
}

/// Called when a bulk transfer is done; 0 or `-DER_*`.
pub type crt_bulk_cb_t = Option<unsafe extern "C" fn(cb_info: *const crt_bulk_cb_info) -> c_int>;

/// Whether to go on: 0 to continue, more to stop with success, less to stop with that error.
pub type crt_progress_cond_cb_t = Option<unsafe extern "C" fn(arg: *mut c_void) -> c_int>;

/// The group has the ranks of the list, and no others.
pub const CRT_GROUP_MOD_OP_REPLACE: crt_group_mod_op_t = 0;
/// Those of the list join it.
pub const CRT_GROUP_MOD_OP_ADD: crt_group_mod_op_t = 1;
/// Those of the list leave it.
pub const CRT_GROUP_MOD_OP_REMOVE: crt_group_mod_op_t = 2;
/// How many there are.
pub const CRT_GROUP_MOD_OP_COUNT: crt_group_mod_op_t = 3;

/// How a group changes.
pub type crt_group_mod_op_t = c_uint;

/// Requests that may be under way.
pub const CRT_QUOTA_RPCS: crt_quota_type_t = 0;
/// Bulk handles that there may be.
pub const CRT_QUOTA_BULKS: crt_quota_type_t = 1;
/// How many there are.
pub const CRT_QUOTA_COUNT: crt_quota_type_t = 2;

/// What a context can be short of.
pub type crt_quota_type_t = c_uint;

/// `CRT_NO_RANK`: stands for no rank.
pub const CRT_NO_RANK: u32 = 0xffff_ffff;
/// `CRT_NO_INCARNATION`: the incarnation is not known, or there is none.
pub const CRT_NO_INCARNATION: u32 = 0;

/// A function that was given to somebody else to be called, now or in a ULT of its own.
pub type crt_generic_cb_t = Option<unsafe extern "C" fn(arg: *mut c_void)>;
