//! `daos/tls.h`: module keys and per-xstream storage (src/common/tls.c).

use core::ffi::{c_int, c_uint, c_void};

/// Most keys that there can be.
pub const DAOS_MODULE_KEYS_NR: u32 = 10;

/// What an xstream stores for modules.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_thread_local_storage {
    /// Tags of the xstream.
    pub dtls_tag: u32,
    /// What each key's `dmk_init` has made here, by index; null where it was not called.
    pub dtls_values: *mut *mut c_void,
}

/// The system xstream.
pub const DAOS_SYS_TAG: daos_module_tag = 1;
/// Main xstreams of targets.
pub const DAOS_TGT_TAG: daos_module_tag = 2;
/// The xstream of the replicated database.
pub const DAOS_RDB_TAG: daos_module_tag = 4;
/// Offload xstreams.
pub const DAOS_OFF_TAG: daos_module_tag = 8;
/// The client's stack.
pub const DAOS_CLI_TAG: daos_module_tag = 16;
/// Every xstream of the engine.
pub const DAOS_SERVER_TAG: daos_module_tag = 255;

/// Kinds of xstreams; bits.
pub type daos_module_tag = c_uint;

/// A module's key to its storage on xstreams.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_module_key {
    /// On which xstreams it has storage.
    pub dmk_tags: daos_module_tag,
    /// Its index, -1 while it is not registered; set by `daos_register_key`.
    pub dmk_index: c_int,
    /// Makes the storage when an xstream with one of the tags starts; null on failure.
    pub dmk_init: Option<unsafe extern "C" fn(tags: c_int, xs_id: c_int, tgt_id: c_int) -> *mut c_void>,
    /// Frees what `dmk_init` has made, on the xstream itself.
    pub dmk_fini: Option<unsafe extern "C" fn(tags: c_int, data: *mut c_void)>,
}

unsafe extern "C" {
    /// Taken by whoever registers or unregisters a key.
    pub static mut daos_module_keys_lock: crate::pthread_mutex_t;
    /// tls.c: the storage of the calling xstream, null on other threads.
    pub fn dss_tls_get() -> *mut daos_thread_local_storage;
    /// tls.c: the client storage of the calling thread, made with `tag` when there is none yet.
    pub fn dc_tls_get(tag: c_uint) -> *mut daos_thread_local_storage;
    /// tls.c: `dc_tls_fini`, after which `dc_tls_get` makes a new storage.
    pub fn dc_tls_reset();
    /// tls.c: to be called before `dss_tls_init`. 0 or a positive errno.
    pub fn ds_tls_key_create() -> c_int;
    /// tls.c: to be called before `dc_tls_init`. 0 or a positive errno.
    pub fn dc_tls_key_create() -> c_int;
    /// tls.c: undoes `ds_tls_key_create`.
    pub fn ds_tls_key_delete();
    /// tls.c: undoes `dc_tls_key_create`.
    pub fn dc_tls_key_delete();
    /// tls.c: the key at `index`, or null.
    pub fn daos_get_module_key(index: c_int) -> *mut daos_module_key;
    /// tls.c: gives `key` a free index.
    ///
    /// When there is none the key is left with the index -1; when it is registered already, as it is. Both
    /// are logged.
    pub fn daos_register_key(key: *mut daos_module_key);
    /// tls.c: frees the index of `key`; null is ignored, an unknown key logged.
    pub fn daos_unregister_key(key: *mut daos_module_key);
    /// tls.c: makes the client storage of the calling thread, or returns null.
    pub fn dc_tls_init(tag: c_int, pid: u32) -> *mut daos_thread_local_storage;
    /// tls.c: destroys the client storage of the calling thread, if there is one.
    pub fn dc_tls_fini();
    /// tls.c: makes the storage of the calling xstream; null when memory is short or a key's `dmk_init`
    /// fails, in which case nothing is left behind.
    pub fn dss_tls_init(tag: c_int, xs_id: c_int, tgt_id: c_int) -> *mut daos_thread_local_storage;
    /// tls.c: destroys the storage `dtls` of the calling xstream; null is ignored.
    pub fn dss_tls_fini(dtls: *mut daos_thread_local_storage);
}
