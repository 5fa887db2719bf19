//! `daos/rpc.h`: module ids, RPC handlers and tags.

use crate::*;
use core::ffi::c_uint;

/// Bits of an opcode that number the RPC, after the shift.
pub const OPCODE_MASK: u32 = 65535;
/// Position of those bits.
pub const OPCODE_OFFSET: u32 = 0;
/// Bits of an opcode that hold the version, after the shift.
pub const RPC_VERSION_MASK: u32 = 255;
/// Position of those bits.
pub const RPC_VERSION_OFFSET: u32 = 16;
/// Bits of an opcode that hold the module, after the shift.
pub const MODID_MASK: u32 = 255;
/// Position of those bits.
pub const MODID_OFFSET: u32 = 24;
/// Bits that a module id needs.
pub const MOD_ID_BITS: u32 = 7;
/// Version of the RPCs of the VOS module.
pub const DAOS_VOS_VERSION: u32 = 1;
/// Version of the RPCs of the management module.
pub const DAOS_MGMT_VERSION: u32 = 4;
/// Version of the RPCs of the pool module.
pub const DAOS_POOL_VERSION: u32 = 7;
/// Version of the RPCs of the container module.
pub const DAOS_CONT_VERSION: u32 = 9;
/// Version of the RPCs of the object module.
pub const DAOS_OBJ_VERSION: u32 = 10;
/// Version of the RPCs of the rebuild module.
pub const DAOS_REBUILD_VERSION: u32 = 5;
/// Version of the RPCs of replicated services.
pub const DAOS_RSVC_VERSION: u32 = 5;
/// Version of the RPCs of the replicated database.
pub const DAOS_RDB_VERSION: u32 = 5;
/// Version of the RPCs of its test module.
pub const DAOS_RDBT_VERSION: u32 = 3;
/// Version of the RPCs of the security module.
pub const DAOS_SEC_VERSION: u32 = 1;
/// Version of the RPCs of distributed transactions.
pub const DAOS_DTX_VERSION: u32 = 4;
/// Version of the RPCs of the pipeline module.
pub const DAOS_PIPELINE_VERSION: u32 = 1;
/// Version of the RPCs of the checker.
pub const DAOS_CHK_VERSION: u32 = 1;
/// Most protocols that a module may have.
pub const DAOS_MAX_PROTOCOLS: u32 = 2;
/// Network context of target 0; those before it belong to system and SWIM.
pub const DAOS_TGT0_OFFSET: u32 = 2;
/// Versioned object store.
pub const DAOS_VOS_MODULE: daos_module_id = 0;
/// Storage management.
pub const DAOS_MGMT_MODULE: daos_module_id = 1;
/// Pool service.
pub const DAOS_POOL_MODULE: daos_module_id = 2;
/// Container service.
pub const DAOS_CONT_MODULE: daos_module_id = 3;
/// Object service.
pub const DAOS_OBJ_MODULE: daos_module_id = 4;
/// Rebuild.
pub const DAOS_REBUILD_MODULE: daos_module_id = 5;
/// Replicated services.
pub const DAOS_RSVC_MODULE: daos_module_id = 6;
/// Replicated database.
pub const DAOS_RDB_MODULE: daos_module_id = 7;
/// Test of the replicated database.
pub const DAOS_RDBT_MODULE: daos_module_id = 8;
/// Security.
pub const DAOS_SEC_MODULE: daos_module_id = 9;
/// Distributed transactions.
pub const DAOS_DTX_MODULE: daos_module_id = 10;
/// Pipelines.
pub const DAOS_PIPELINE_MODULE: daos_module_id = 11;
/// Checker.
pub const DAOS_CHK_MODULE: daos_module_id = 12;
/// Number of modules that DAOS has.
pub const DAOS_NR_MODULE: daos_module_id = 13;
/// Modules that an engine can hold: bits of a 64-bit mask.
pub const DAOS_MAX_MODULE: daos_module_id = 64;

/// Ids of modules.
pub type daos_module_id = c_uint;

/// The version of each module's RPCs in one protocol.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_protocol_table {
    /// The protocol.
    pub protocol: u8,
    /// By module id.
    pub versions: [u8; 13],
}

/// There is no reply.
pub const DAOS_RPC_NO_REPLY: daos_rpc_flags = 2;

/// Flags of an RPC.
pub type daos_rpc_flags = c_uint;

/// What handles an RPC. A table of them ends with one that is all zeros.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_rpc_handler {
    /// The RPC.
    pub dr_opc: crt_opcode_t,
    /// Its handler.
    pub dr_hdlr: crt_rpc_cb_t,
    /// For a collective RPC, otherwise null.
    pub dr_corpc_ops: *mut crt_corpc_ops,
}

/// I/O on a target.
pub const DAOS_REQ_IO: daos_rpc_type = 0;
/// Management; system xstream.
pub const DAOS_REQ_MGMT: daos_rpc_type = 1;
/// Pool service; system xstream.
pub const DAOS_REQ_POOL: daos_rpc_type = 2;
/// Replicated database; system xstream.
pub const DAOS_REQ_RDB: daos_rpc_type = 3;
/// Container service; system xstream.
pub const DAOS_REQ_CONT: daos_rpc_type = 4;
/// Rebuild; system xstream.
pub const DAOS_REQ_REBUILD: daos_rpc_type = 5;
/// Incast variables; system xstream.
pub const DAOS_REQ_IV: daos_rpc_type = 6;
/// Collective RPC; system xstream.
pub const DAOS_REQ_BCAST: daos_rpc_type = 7;
/// Liveness; SWIM xstream.
pub const DAOS_REQ_SWIM: daos_rpc_type = 8;
/// Anything else on a target.
pub const DAOS_REQ_TGT: daos_rpc_type = 9;
/// Checker; system xstream.
pub const DAOS_REQ_CHK: daos_rpc_type = 10;

/// What a request is for, which says to which context it goes.
pub type daos_rpc_type = c_uint;

/// What requests begin with that an overloaded server may reject.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_req_comm_in {
    /// Number that the server gave the request when it rejected it, 0 the first time.
    pub req_in_enqueue_id: u64,
    /// Reserved; zeros.
    pub req_in_paddings: [u64; 4],
}

/// What their replies begin with.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_req_comm_out {
    /// Number with which to send the request again.
    pub req_out_enqueue_id: u64,
    /// Version that the system runs.
    pub req_out_version: daos_version_t,
    /// Reserved; 0.
    pub req_out_padding: u32,
    /// Reserved; zeros.
    pub req_out_paddings: [u64; 3],
}
