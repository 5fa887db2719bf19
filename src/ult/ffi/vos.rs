//! VOS pools, opened on a stack that is deep enough for the libraries beneath.

use core::ffi::{c_char, c_int, c_uchar, c_uint, c_void};

use abi::{DER_NOSYS, DSS_DEEP_STACK_SZ, DSS_XS_SELF, daos_handle_t, daos_size_t};
use gurt_client::{Der, Facility, error};

use super::create;
use crate::storage;

/// The return code where no module has brought VOS.
fn no_storage(symbol: &str) -> c_int {
    error!(Facility::SERVER, "{symbol}: no storage module is loaded (libvos_srv.so of DAOS provides it)");
    Der::new(DER_NOSYS.into()).rc()
}

/// Runs `work` in a ULT with a deep stack on this xstream, and returns what it returns.
fn on_deep_stack<F: FnMut() -> c_int>(mut work: F) -> c_int {
    unsafe extern "C" fn run<F: FnMut() -> c_int>(work: *mut c_void) -> c_int {
        // SAFETY: the closure is on the stack of the ULT that waits for this one.
        unsafe { (*work.cast::<F>())() }
    }
    let work = &raw mut work;
    // SAFETY: `run` gets the closure that it is made for, and `execute` waits for it.
    unsafe { create::execute(Some(run::<F>), work.cast(), DSS_XS_SELF, 0, DSS_DEEP_STACK_SZ as usize) }
        .unwrap_or_else(Der::rc)
}

abi::export! {
    /// `dss_vos_pool_create` (ult.c): `vos_pool_create` in a ULT with a deep stack on this xstream; sizes in
    /// bytes. Returns what that does; -DER_NOSYS when no module provides it; and the errors of
    /// `dss_ult_execute`.
    pub unsafe fn dss_vos_pool_create(
        path: *const c_char,
        uuid: *mut c_uchar,
        scm_size: daos_size_t,
        data_sz: daos_size_t,
        meta_sz: daos_size_t,
        flags: c_uint,
        version: u32,
        pool: *mut daos_handle_t,
    ) -> c_int {
        let Some(create) = storage::pool_create() else { return no_storage("dss_vos_pool_create") };
        // SAFETY: the caller vouches for the arguments.
        on_deep_stack(|| unsafe { create(path, uuid, scm_size, data_sz, meta_sz, flags, version, pool) })
    }

    /// `dss_vos_pool_open` (ult.c): `vos_pool_open` in a ULT with a deep stack on this xstream. Returns as
    /// [`dss_vos_pool_create`].
    pub unsafe fn dss_vos_pool_open(
        path: *const c_char,
        uuid: *mut c_uchar,
        flags: c_uint,
        pool: *mut daos_handle_t,
    ) -> c_int {
        let Some(open) = storage::pool_open() else { return no_storage("dss_vos_pool_open") };
        // SAFETY: the caller vouches for the arguments.
        on_deep_stack(|| unsafe { open(path, uuid, flags, pool) })
    }
}
