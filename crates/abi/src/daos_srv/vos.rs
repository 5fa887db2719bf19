//! `daos_srv/vos.h`: the versioned object store, as far as the engine needs it.

use crate::*;
use core::ffi::{c_char, c_int, c_uchar, c_uint};

unsafe extern "C" {
    /// Gives VOS the storage of a thread with `tags` that is no xstream: the main thread's. 0 or `-DER_NOMEM`.
    pub fn vos_standalone_tls_init(tags: c_int) -> c_int;
    /// Takes it back.
    pub fn vos_standalone_tls_fini();
    /// Opens the engine's own database, below `storage_path`, or on NVMe when the configuration `nvme_conf` has
    /// room for metadata. 0 or `-DER_*`.
    pub fn vos_sys_db_init(nvme_conf: *const c_char, storage_path: *const c_char) -> c_int;
    /// Closes it.
    pub fn vos_db_fini();
    /// Stores how full the pool `pool_id`, open on the calling xstream, is; 0, `-DER_NONEXIST` when it is not
    /// open there, or `-DER_*`.
    pub fn vos_pool_query_space(pool_id: *mut c_uchar, vps: *mut vos_pool_space) -> c_int;
    /// How long after a change aggregation takes it up, in seconds.
    pub fn vos_get_agg_gap() -> u32;
    /// Creates the part of pool `uuid` on this target in the file `path`; sizes in bytes. With `poh` it stays
    /// open. 0 or `-DER_*`.
    pub fn vos_pool_create(
        path: *const c_char,
        uuid: *mut c_uchar,
        scm_sz: daos_size_t,
        data_sz: daos_size_t,
        meta_sz: daos_size_t,
        flags: c_uint,
        version: u32,
        poh: *mut daos_handle_t,
    ) -> c_int;
    /// Opens the part of pool `uuid` on this target in the file `path`. 0 or `-DER_*`.
    pub fn vos_pool_open(
        path: *const c_char,
        uuid: *mut c_uchar,
        flags: c_uint,
        poh: *mut daos_handle_t,
    ) -> c_int;
}
