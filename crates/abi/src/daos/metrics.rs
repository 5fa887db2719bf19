//! `daos/metrics.h`: per-pool metrics hooks of a module.

use crate::*;
use core::ffi::{c_char, c_int, c_void};
pub const DC_TM_JOB_ROOT_ID: u32 = 256;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_module_metrics {
    pub dmm_tags: daos_module_tag,
    pub dmm_init: Option<unsafe extern "C" fn(path: *const c_char, tgt_id: c_int) -> *mut c_void>,
    pub dmm_fini: Option<unsafe extern "C" fn(data: *mut c_void)>,
    pub dmm_nr_metrics: Option<unsafe extern "C" fn() -> c_int>,
}
