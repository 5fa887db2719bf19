//! `daos/rpc.h`: module ids, RPC handlers and tags.

use crate::*;
use core::ffi::c_uint;
pub const OPCODE_MASK: u32 = 65535;
pub const OPCODE_OFFSET: u32 = 0;
pub const RPC_VERSION_MASK: u32 = 255;
pub const RPC_VERSION_OFFSET: u32 = 16;
pub const MODID_MASK: u32 = 255;
pub const MODID_OFFSET: u32 = 24;
pub const MOD_ID_BITS: u32 = 7;
pub const DAOS_VOS_VERSION: u32 = 1;
pub const DAOS_MGMT_VERSION: u32 = 4;
pub const DAOS_POOL_VERSION: u32 = 7;
pub const DAOS_CONT_VERSION: u32 = 9;
pub const DAOS_OBJ_VERSION: u32 = 10;
pub const DAOS_REBUILD_VERSION: u32 = 5;
pub const DAOS_RSVC_VERSION: u32 = 5;
pub const DAOS_RDB_VERSION: u32 = 5;
pub const DAOS_RDBT_VERSION: u32 = 3;
pub const DAOS_SEC_VERSION: u32 = 1;
pub const DAOS_DTX_VERSION: u32 = 4;
pub const DAOS_PIPELINE_VERSION: u32 = 1;
pub const DAOS_CHK_VERSION: u32 = 1;
pub const DAOS_MAX_PROTOCOLS: u32 = 2;
pub const DAOS_TGT0_OFFSET: u32 = 2;
pub const DAOS_VOS_MODULE: daos_module_id = 0;
pub const DAOS_MGMT_MODULE: daos_module_id = 1;
pub const DAOS_POOL_MODULE: daos_module_id = 2;
pub const DAOS_CONT_MODULE: daos_module_id = 3;
pub const DAOS_OBJ_MODULE: daos_module_id = 4;
pub const DAOS_REBUILD_MODULE: daos_module_id = 5;
pub const DAOS_RSVC_MODULE: daos_module_id = 6;
pub const DAOS_RDB_MODULE: daos_module_id = 7;
pub const DAOS_RDBT_MODULE: daos_module_id = 8;
pub const DAOS_SEC_MODULE: daos_module_id = 9;
pub const DAOS_DTX_MODULE: daos_module_id = 10;
pub const DAOS_PIPELINE_MODULE: daos_module_id = 11;
pub const DAOS_CHK_MODULE: daos_module_id = 12;
pub const DAOS_NR_MODULE: daos_module_id = 13;
pub const DAOS_MAX_MODULE: daos_module_id = 64;
pub type daos_module_id = c_uint;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_protocol_table {
    pub protocol: u8,
    pub versions: [u8; 13],
}
pub const DAOS_RPC_NO_REPLY: daos_rpc_flags = 2;
pub type daos_rpc_flags = c_uint;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_rpc_handler {
    pub dr_opc: crt_opcode_t,
    pub dr_hdlr: crt_rpc_cb_t,
    pub dr_corpc_ops: *mut crt_corpc_ops,
}
pub const DAOS_REQ_IO: daos_rpc_type = 0;
pub const DAOS_REQ_MGMT: daos_rpc_type = 1;
pub const DAOS_REQ_POOL: daos_rpc_type = 2;
pub const DAOS_REQ_RDB: daos_rpc_type = 3;
pub const DAOS_REQ_CONT: daos_rpc_type = 4;
pub const DAOS_REQ_REBUILD: daos_rpc_type = 5;
pub const DAOS_REQ_IV: daos_rpc_type = 6;
pub const DAOS_REQ_BCAST: daos_rpc_type = 7;
pub const DAOS_REQ_SWIM: daos_rpc_type = 8;
pub const DAOS_REQ_TGT: daos_rpc_type = 9;
pub const DAOS_REQ_CHK: daos_rpc_type = 10;
pub type daos_rpc_type = c_uint;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_req_comm_in {
    pub req_in_enqueue_id: u64,
    pub req_in_paddings: [u64; 4],
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_req_comm_out {
    pub req_out_enqueue_id: u64,
    pub req_out_version: daos_version_t,
    pub req_out_padding: u32,
    pub req_out_paddings: [u64; 3],
}
