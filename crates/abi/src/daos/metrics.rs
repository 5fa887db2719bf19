//! `daos/metrics.h`: per-pool metrics hooks of a module.

use crate::*;
use core::ffi::{c_char, c_int, c_void};

/// Shared-memory key of the client's metrics.
pub const DC_TM_JOB_ROOT_ID: u32 = 256;
/// Bytes of shared memory that a node takes, about.
pub const NODE_BYTES: u32 = 216;
/// The same for a bucket of a histogram.
pub const BUCKET_BYTES: u32 = 240;
/// The same for a metric, most of which have no histogram.
pub const PER_METRIC_BYTES: u32 = 536;

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

unsafe extern "C" {
    /// metrics.c: adds the metrics of module `id`, which may be null, to those that the client's stack has for each
    /// pool. 0 or `-DER_NOMEM`.
    pub fn daos_metrics_init(tag: daos_module_tag, id: u32, metrics: *mut daos_module_metrics) -> c_int;
    /// metrics.c: forgets all that `daos_metrics_init` has added.
    pub fn daos_metrics_fini();
    /// metrics.c: makes the metrics of a pool below `path` and stores each module's in `metrics`, by module id. 0 or
    /// `-DER_NOMEM`, after which none is left.
    pub fn daos_module_init_metrics(
        tag: daos_module_tag,
        metrics: *mut *mut c_void,
        path: *const c_char,
        tgt_id: c_int,
    ) -> c_int;
    /// metrics.c: frees them.
    pub fn daos_module_fini_metrics(tag: daos_module_tag, metrics: *mut *mut c_void);
    /// metrics.c: how many metrics a pool has in all modules together.
    pub fn daos_module_nr_pool_metrics() -> c_int;
}
