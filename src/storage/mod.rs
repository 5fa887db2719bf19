//! The functions of VOS, DAOS's versioned object store, which is not the engine's.
//!
//! Over DAOS's libraries it is one of them, libvos_srv. In embedded mode it comes, if at all, with a module and
//! is looked up when it is needed.
// A library of single files uses some of it only.
#![cfg_attr(not(all(feature = "sched", feature = "ult")), allow(dead_code, unused_imports))]

use core::ffi::{c_char, c_int, c_uchar, c_uint};

use abi::{daos_handle_t, daos_size_t, vos_pool_space};

#[cfg(feature = "embedded")]
mod embedded;
#[cfg(not(feature = "embedded"))]
mod system;

#[cfg(feature = "embedded")]
pub use embedded::{agg_gap, pool_create, pool_open, pool_query_space};
#[cfg(not(feature = "embedded"))]
pub use system::{agg_gap, pool_create, pool_open, pool_query_space};

/// `vos_pool_create`.
pub type PoolCreate = unsafe extern "C" fn(
    path: *const c_char,
    uuid: *mut c_uchar,
    scm_size: daos_size_t,
    data_size: daos_size_t,
    meta_size: daos_size_t,
    flags: c_uint,
    version: u32,
    pool: *mut daos_handle_t,
) -> c_int;

/// `vos_pool_open`.
pub type PoolOpen = unsafe extern "C" fn(
    path: *const c_char,
    uuid: *mut c_uchar,
    flags: c_uint,
    pool: *mut daos_handle_t,
) -> c_int;

/// `vos_pool_query_space`.
pub type PoolQuerySpace = unsafe extern "C" fn(uuid: *mut c_uchar, space: *mut vos_pool_space) -> c_int;

/// `vos_get_agg_gap`.
pub type AggGap = unsafe extern "C" fn() -> u32;
