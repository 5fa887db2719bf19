//! `daos/debug.h`: log facilities and debug bits of DAOS.

use crate::*;
use core::ffi::{c_char, c_int, c_uint};

/// No debug stream.
pub const DB_NULL: u32 = 0;
/// Nothing is left out.
pub const IOBP_OFF: c_uint = 0;
/// Clients send no RPC.
pub const IOBP_CLI_RPC: c_uint = 1;
/// Servers transfer no bulk data.
pub const IOBP_SRV_BULK: c_uint = 2;
/// Servers do no I/O on targets.
pub const IOBP_TARGET: c_uint = 4;
/// Servers write nothing to NVMe.
pub const IOBP_NVME: c_uint = 8;
/// Servers cache no bulk handles.
pub const IOBP_SRV_BULK_CACHE: c_uint = 16;
/// Servers commit no write-ahead log.
pub const IOBP_WAL_COMMIT: c_uint = 32;

/// `struct io_bypass` of debug.c: a part of the I/O path that `DAOS_IO_BYPASS` may name.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct io_bypass {
    /// Its `IOBP_*` bit.
    pub iob_bit: c_int,
    /// Its name, null in the last entry.
    pub iob_str: *mut c_char,
}

unsafe extern "C" {
    /// All parts (src/common/debug.c).
    pub static mut io_bypass_dict: [io_bypass; 7];
    /// debug.c: debug stream of metadata.
    pub static mut DB_MD: d_dbug_t;
    /// debug.c: debug stream of placement.
    pub static mut DB_PL: d_dbug_t;
    /// debug.c: debug stream of management.
    pub static mut DB_MGMT: d_dbug_t;
    /// debug.c: debug stream of epochs.
    pub static mut DB_EPC: d_dbug_t;
    /// debug.c: debug stream of the durable format.
    pub static mut DB_DF: d_dbug_t;
    /// debug.c: debug stream of rebuild.
    pub static mut DB_REBUILD: d_dbug_t;
    /// debug.c: debug stream of security.
    pub static mut DB_SEC: d_dbug_t;
    /// debug.c: debug stream of checksums.
    pub static mut DB_CSUM: d_dbug_t;
    /// debug.c: the number of log facility `daos`, -1 before it is registered.
    pub static mut daos_daos_logfac: c_int;
    /// debug.c: what the log says about each level and stream of facility `daos`.
    pub static mut daos_daos_logfac_cache: [c_int; 24];
    /// debug.c: the number of log facility `array`, -1 before it is registered.
    pub static mut daos_array_logfac: c_int;
    /// debug.c: what the log says about each level and stream of facility `array`.
    pub static mut daos_array_logfac_cache: [c_int; 24];
    /// debug.c: the number of log facility `kv`, -1 before it is registered.
    pub static mut daos_kv_logfac: c_int;
    /// debug.c: what the log says about each level and stream of facility `kv`.
    pub static mut daos_kv_logfac_cache: [c_int; 24];
    /// debug.c: the number of log facility `common`, -1 before it is registered.
    pub static mut daos_common_logfac: c_int;
    /// debug.c: what the log says about each level and stream of facility `common`.
    pub static mut daos_common_logfac_cache: [c_int; 24];
    /// debug.c: the number of log facility `tree`, -1 before it is registered.
    pub static mut daos_tree_logfac: c_int;
    /// debug.c: what the log says about each level and stream of facility `tree`.
    pub static mut daos_tree_logfac_cache: [c_int; 24];
    /// debug.c: the number of log facility `vos`, -1 before it is registered.
    pub static mut daos_vos_logfac: c_int;
    /// debug.c: what the log says about each level and stream of facility `vos`.
    pub static mut daos_vos_logfac_cache: [c_int; 24];
    /// debug.c: the number of log facility `pmdk`, -1 before it is registered.
    pub static mut daos_pmdk_logfac: c_int;
    /// debug.c: what the log says about each level and stream of facility `pmdk`.
    pub static mut daos_pmdk_logfac_cache: [c_int; 24];
    /// debug.c: the number of log facility `dlck`, -1 before it is registered.
    pub static mut daos_dlck_logfac: c_int;
    /// debug.c: what the log says about each level and stream of facility `dlck`.
    pub static mut daos_dlck_logfac_cache: [c_int; 24];
    /// debug.c: the number of log facility `client`, -1 before it is registered.
    pub static mut daos_client_logfac: c_int;
    /// debug.c: what the log says about each level and stream of facility `client`.
    pub static mut daos_client_logfac_cache: [c_int; 24];
    /// debug.c: the number of log facility `server`, -1 before it is registered.
    pub static mut daos_server_logfac: c_int;
    /// debug.c: what the log says about each level and stream of facility `server`.
    pub static mut daos_server_logfac_cache: [c_int; 24];
    /// debug.c: the number of log facility `rdb`, -1 before it is registered.
    pub static mut daos_rdb_logfac: c_int;
    /// debug.c: what the log says about each level and stream of facility `rdb`.
    pub static mut daos_rdb_logfac_cache: [c_int; 24];
    /// debug.c: the number of log facility `rsvc`, -1 before it is registered.
    pub static mut daos_rsvc_logfac: c_int;
    /// debug.c: what the log says about each level and stream of facility `rsvc`.
    pub static mut daos_rsvc_logfac_cache: [c_int; 24];
    /// debug.c: the number of log facility `pool`, -1 before it is registered.
    pub static mut daos_pool_logfac: c_int;
    /// debug.c: what the log says about each level and stream of facility `pool`.
    pub static mut daos_pool_logfac_cache: [c_int; 24];
    /// debug.c: the number of log facility `container`, -1 before it is registered.
    pub static mut daos_container_logfac: c_int;
    /// debug.c: what the log says about each level and stream of facility `container`.
    pub static mut daos_container_logfac_cache: [c_int; 24];
    /// debug.c: the number of log facility `object`, -1 before it is registered.
    pub static mut daos_object_logfac: c_int;
    /// debug.c: what the log says about each level and stream of facility `object`.
    pub static mut daos_object_logfac_cache: [c_int; 24];
    /// debug.c: the number of log facility `placement`, -1 before it is registered.
    pub static mut daos_placement_logfac: c_int;
    /// debug.c: what the log says about each level and stream of facility `placement`.
    pub static mut daos_placement_logfac_cache: [c_int; 24];
    /// debug.c: the number of log facility `rebuild`, -1 before it is registered.
    pub static mut daos_rebuild_logfac: c_int;
    /// debug.c: what the log says about each level and stream of facility `rebuild`.
    pub static mut daos_rebuild_logfac_cache: [c_int; 24];
    /// debug.c: the number of log facility `mgmt`, -1 before it is registered.
    pub static mut daos_mgmt_logfac: c_int;
    /// debug.c: what the log says about each level and stream of facility `mgmt`.
    pub static mut daos_mgmt_logfac_cache: [c_int; 24];
    /// debug.c: the number of log facility `bio`, -1 before it is registered.
    pub static mut daos_bio_logfac: c_int;
    /// debug.c: what the log says about each level and stream of facility `bio`.
    pub static mut daos_bio_logfac_cache: [c_int; 24];
    /// debug.c: the number of log facility `tests`, -1 before it is registered.
    pub static mut daos_tests_logfac: c_int;
    /// debug.c: what the log says about each level and stream of facility `tests`.
    pub static mut daos_tests_logfac_cache: [c_int; 24];
    /// debug.c: the number of log facility `dfs`, -1 before it is registered.
    pub static mut daos_dfs_logfac: c_int;
    /// debug.c: what the log says about each level and stream of facility `dfs`.
    pub static mut daos_dfs_logfac_cache: [c_int; 24];
    /// debug.c: the number of log facility `duns`, -1 before it is registered.
    pub static mut daos_duns_logfac: c_int;
    /// debug.c: what the log says about each level and stream of facility `duns`.
    pub static mut daos_duns_logfac_cache: [c_int; 24];
    /// debug.c: the number of log facility `drpc`, -1 before it is registered.
    pub static mut daos_drpc_logfac: c_int;
    /// debug.c: what the log says about each level and stream of facility `drpc`.
    pub static mut daos_drpc_logfac_cache: [c_int; 24];
    /// debug.c: the number of log facility `security`, -1 before it is registered.
    pub static mut daos_security_logfac: c_int;
    /// debug.c: what the log says about each level and stream of facility `security`.
    pub static mut daos_security_logfac_cache: [c_int; 24];
    /// debug.c: the number of log facility `dtx`, -1 before it is registered.
    pub static mut daos_dtx_logfac: c_int;
    /// debug.c: what the log says about each level and stream of facility `dtx`.
    pub static mut daos_dtx_logfac_cache: [c_int; 24];
    /// debug.c: the number of log facility `chk`, -1 before it is registered.
    pub static mut daos_chk_logfac: c_int;
    /// debug.c: what the log says about each level and stream of facility `chk`.
    pub static mut daos_chk_logfac_cache: [c_int; 24];
    /// debug.c: the number of log facility `dfuse`, -1 before it is registered.
    pub static mut daos_dfuse_logfac: c_int;
    /// debug.c: what the log says about each level and stream of facility `dfuse`.
    pub static mut daos_dfuse_logfac_cache: [c_int; 24];
    /// debug.c: the number of log facility `il`, -1 before it is registered.
    pub static mut daos_il_logfac: c_int;
    /// debug.c: what the log says about each level and stream of facility `il`.
    pub static mut daos_il_logfac_cache: [c_int; 24];
    /// debug.c: the number of log facility `csum`, -1 before it is registered.
    pub static mut daos_csum_logfac: c_int;
    /// debug.c: what the log says about each level and stream of facility `csum`.
    pub static mut daos_csum_logfac_cache: [c_int; 24];
    /// debug.c: the number of log facility `pipeline`, -1 before it is registered.
    pub static mut daos_pipeline_logfac: c_int;
    /// debug.c: what the log says about each level and stream of facility `pipeline`.
    pub static mut daos_pipeline_logfac_cache: [c_int; 24];
    /// debug.c: the number of log facility `stack`, -1 before it is registered.
    pub static mut daos_stack_logfac: c_int;
    /// debug.c: what the log says about each level and stream of facility `stack`.
    pub static mut daos_stack_logfac_cache: [c_int; 24];
    /// debug.c: the number of log facility `ddb`, -1 before it is registered.
    pub static mut daos_ddb_logfac: c_int;
    /// debug.c: what the log says about each level and stream of facility `ddb`.
    pub static mut daos_ddb_logfac_cache: [c_int; 24];
    /// debug.c: `daos_debug_init_ex` at the priority `DLOG_ERR`.
    pub fn daos_debug_init(logfile: *mut c_char) -> c_int;
    /// debug.c: opens the log at priority `logmask` (`DLOG_*`), or adds a user to the open one. The file is
    /// that of `D_LOG_FILE`; `logfile` is ignored, as by DAOS. 0 or `-DER_*`.
    pub fn daos_debug_init_ex(logfile: *mut c_char, logmask: d_dbug_t) -> c_int;
    /// debug.c: the function that tells the log which xstream and ULT runs; to be called before the log is
    /// opened.
    pub fn daos_debug_set_id_cb(id_cb: d_log_id_cb_t);
    /// debug.c: closes the log when its last user leaves.
    pub fn daos_debug_fini();
    /// debug.c: `IOBP_*` bits, from `DAOS_IO_BYPASS`.
    pub static mut daos_io_bypass: c_uint;
}
