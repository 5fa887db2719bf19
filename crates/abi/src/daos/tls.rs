//! `daos/tls.h`: module keys and per-xstream storage (src/common/tls.c).

use core::ffi::{c_int, c_uint, c_void};
pub const DAOS_MODULE_KEYS_NR: u32 = 10;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_thread_local_storage {
    pub dtls_tag: u32,
    pub dtls_values: *mut *mut c_void,
}
pub const DAOS_SYS_TAG: daos_module_tag = 1;
pub const DAOS_TGT_TAG: daos_module_tag = 2;
pub const DAOS_RDB_TAG: daos_module_tag = 4;
pub const DAOS_OFF_TAG: daos_module_tag = 8;
pub const DAOS_CLI_TAG: daos_module_tag = 16;
pub const DAOS_SERVER_TAG: daos_module_tag = 255;
pub type daos_module_tag = c_uint;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_module_key {
    pub dmk_tags: daos_module_tag,
    pub dmk_index: c_int,
    pub dmk_init: Option<unsafe extern "C" fn(tags: c_int, xs_id: c_int, tgt_id: c_int) -> *mut c_void>,
    pub dmk_fini: Option<unsafe extern "C" fn(tags: c_int, data: *mut c_void)>,
}
unsafe extern "C" {
    /// Taken by whoever registers or unregisters a key.
    pub static mut daos_module_keys_lock: crate::pthread_mutex_t;
    pub fn dss_tls_get() -> *mut daos_thread_local_storage;
    pub fn dc_tls_get(tag: c_uint) -> *mut daos_thread_local_storage;
    pub fn dc_tls_reset();
    pub fn ds_tls_key_create() -> c_int;
    pub fn dc_tls_key_create() -> c_int;
    pub fn ds_tls_key_delete();
    pub fn dc_tls_key_delete();
    pub fn daos_get_module_key(index: c_int) -> *mut daos_module_key;
    pub fn daos_register_key(key: *mut daos_module_key);
    pub fn daos_unregister_key(key: *mut daos_module_key);
    pub fn dc_tls_init(tag: c_int, pid: u32) -> *mut daos_thread_local_storage;
    pub fn dc_tls_fini();
    pub fn dss_tls_init(tag: c_int, xs_id: c_int, tgt_id: c_int) -> *mut daos_thread_local_storage;
    pub fn dss_tls_fini(dtls: *mut daos_thread_local_storage);
}
