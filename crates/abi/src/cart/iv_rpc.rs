//! `crt_rpc.h`: requests between the ranks of a group that libcart itself makes and handles, for incast variables.

use crate::*;
use core::ffi::{c_int, c_void};

/// Asks a rank for a value.
pub const CRT_OPC_IV_FETCH: u32 = 0xF402_0000;
/// Sends an update, or without a value an invalidation, towards the root.
pub const CRT_OPC_IV_UPDATE: u32 = 0xF402_0001;
/// Tells all ranks of an update or an invalidation.
pub const CRT_OPC_IV_SYNC: u32 = 0xF402_0002;

/// Input of `CRT_OPC_IV_FETCH`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct crt_iv_fetch_in {
    /// Number of the namespace in the group.
    pub ifi_ivns_id: u32,
    /// Version of the group at the sender.
    pub ifi_grp_ver: u32,
    /// The group.
    pub ifi_ivns_group: crt_group_id_t,
    /// The key.
    pub ifi_key: d_iov_t,
    /// The sender's buffers, or null: then the value comes with the reply.
    pub ifi_value_bulk: crt_bulk_t,
    /// The class.
    pub ifi_class_id: i32,
    /// The root of the key, in the group.
    pub ifi_root_node: d_rank_t,
}

/// Output of `CRT_OPC_IV_FETCH`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct crt_iv_fetch_out {
    /// The value, unless it went into the sender's buffers.
    pub ifo_sgl: d_sg_list_t,
    /// 0 or `-DER_*`.
    pub ifo_rc: i32,
}

/// Input of `CRT_OPC_IV_UPDATE`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct crt_iv_update_in {
    /// Number of the namespace in the group.
    pub ivu_ivns_id: u32,
    /// Version of the group at the sender.
    pub ivu_grp_ver: u32,
    /// The group.
    pub ivu_ivns_group: crt_group_id_t,
    /// The key.
    pub ivu_key: d_iov_t,
    /// A `crt_iv_sync_t`.
    pub ivu_sync_type: d_iov_t,
    /// The sender's buffers with the value, or null.
    pub ivu_iv_value_bulk: crt_bulk_t,
    /// Without those the value; without pieces it is an invalidation.
    pub ivu_iv_sgl: d_sg_list_t,
    /// The root of the key, in the group.
    pub ivu_root_node: d_rank_t,
    /// Where the update began, in the group.
    pub ivu_caller_node: d_rank_t,
    /// The class.
    pub ivu_class_id: u32,
    /// 0.
    pub padding: u32,
}

/// Output of `CRT_OPC_IV_UPDATE`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct crt_iv_update_out {
    /// 0 or `-DER_*`, as an `int` that was widened.
    pub ivo_rc: u64,
    /// What a bidirectional update has become, unless it went into the sender's buffers.
    pub ivo_iv_sgl: d_sg_list_t,
}

/// Input of `CRT_OPC_IV_SYNC`. A large value goes along as the collective request's bulk memory.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct crt_iv_sync_in {
    /// Number of the namespace in the group.
    pub ivs_ivns_id: u32,
    /// Version of the group at the sender.
    pub ivs_grp_ver: u32,
    /// The group.
    pub ivs_ivns_group: crt_group_id_t,
    /// The key.
    pub ivs_key: d_iov_t,
    /// A `crt_iv_sync_t`.
    pub ivs_sync_type: d_iov_t,
    /// A small value.
    pub ivs_sync_sgl: d_sg_list_t,
    /// The class.
    pub ivs_class_id: u32,
}

/// Output of `CRT_OPC_IV_SYNC`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct crt_iv_sync_out {
    /// 0 or `-DER_*`, the first of all ranks.
    pub ivs_rc: i32,
}

unsafe extern "C" {
    /// Says from which size on values are transferred in bulk: 1 KiB less than what fits into one piece, by the
    /// options of `crt_init_opt`, which may be null.
    pub fn crt_iv_init(ops: *mut crt_init_options_t);
    /// Handles `CRT_OPC_IV_FETCH`.
    pub fn crt_hdlr_iv_fetch(rpc_req: *mut crt_rpc_t);
    /// Handles `CRT_OPC_IV_UPDATE`.
    pub fn crt_hdlr_iv_update(rpc_req: *mut crt_rpc_t);
    /// Handles `CRT_OPC_IV_SYNC`.
    pub fn crt_hdlr_iv_sync(rpc_req: *mut crt_rpc_t);
    /// `co_aggregate` of `CRT_OPC_IV_SYNC`: the first error goes on. 0.
    pub fn crt_iv_sync_corpc_aggregate(
        source: *mut crt_rpc_t,
        result: *mut crt_rpc_t,
        arg: *mut c_void,
    ) -> c_int;
    /// `co_pre_forward` of `CRT_OPC_IV_SYNC`: calls `ivo_pre_sync`. 0, or `-DER_*`, and then no child is told.
    pub fn crt_iv_sync_corpc_pre_forward(rpc: *mut crt_rpc_t, arg: *mut c_void) -> c_int;
}
