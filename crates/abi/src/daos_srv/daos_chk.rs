//! `daos_srv/daos_chk.h`: what the checker asks of the control plane.

use crate::*;
use core::ffi::{c_char, c_int, c_void};

/// A pool that the control plane knows.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct chk_list_pool {
    /// Its UUID.
    pub clp_uuid: uuid_t,
    /// Its label.
    pub clp_label: *mut c_char,
    /// Ranks that serve it.
    pub clp_svcreps: *mut d_rank_list_t,
}

unsafe extern "C" {
    /// drpc_chk.c: the pools that the control plane knows, to be freed with `ds_chk_free_pool_list`. Their number,
    /// or `-DER_*`.
    pub fn ds_chk_listpool_upcall(clp: *mut *mut chk_list_pool) -> c_int;
    /// drpc_chk.c: makes a pool known to the control plane, or the label and ranks that it has now. `seq` is the
    /// number of the checker's event. 0 or `-DER_*`.
    pub fn ds_chk_regpool_upcall(
        seq: u64,
        uuid: *mut u8,
        label: *mut c_char,
        svcreps: *mut d_rank_list_t,
    ) -> c_int;
    /// drpc_chk.c: makes the control plane forget a pool. `seq` is the number of the checker's event. 0 or `-DER_*`.
    pub fn ds_chk_deregpool_upcall(seq: u64, uuid: *mut u8) -> c_int;
    /// drpc_chk.c: hands a `Chk__CheckReport` to the control plane. 0, or `-DER_*`, or what the control plane
    /// decides: it may be positive.
    pub fn ds_chk_report_upcall(rpt: *mut c_void) -> c_int;
    /// drpc_chk.c: frees a list of `nr` pools.
    pub fn ds_chk_free_pool_list(clp: *mut chk_list_pool, nr: u32);
}
