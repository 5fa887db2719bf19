//! `daos/metrics.h`: per-pool metrics hooks of a module.

use crate::*;
use core::ffi::{c_char, c_int, c_void};

/// Shared-memory key of the client's metrics.
pub const DC_TM_JOB_ROOT_ID: u32 = 256;

/// Metrics that a module has for each pool.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_module_metrics {
    /// On which xstreams: `DAOS_SYS_TAG` or `DAOS_TGT_TAG`.
    pub dmm_tags: daos_module_tag,
    /// Makes the metrics below `path` for a target, -1 for the system xstream; null on failure.
    pub dmm_init: Option<unsafe extern "C" fn(path: *const c_char, tgt_id: c_int) -> *mut c_void>,
    /// Frees what `dmm_init` has returned.
    pub dmm_fini: Option<unsafe extern "C" fn(data: *mut c_void)>,
    /// How many metrics a pool has in all.
    pub dmm_nr_metrics: Option<unsafe extern "C" fn() -> c_int>,
}
