//! `daos_srv/iv.h`: types of incast variables.

use crate::*;
use core::ffi::{c_char, c_int, c_uint, c_void};
pub const IV_KEY_BUF_SIZE: u32 = 48;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ds_iv_ns {
    pub iv_master_rank: d_rank_t,
    pub iv_ns_id: c_uint,
    pub iv_master_term: u64,
    pub iv_ns_link: d_list_t,
    pub iv_entry_list: d_list_t,
    pub iv_ns: crt_iv_namespace_t,
    pub iv_pool_uuid: uuid_t,
    pub iv_mutex: ABT_mutex,
    pub iv_done_cond: ABT_cond,
    pub iv_refcount: c_int,
    /// Bit 0 says that the namespace is being stopped.
    ///
    /// C: bit fields `iv_stop:1`.
    pub iv_flags: u32,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ds_iv_class {
    pub iv_class_list: d_list_t,
    pub iv_class_crt_cbs: *mut crt_iv_ops,
    pub iv_class_id: c_int,
    pub iv_cart_class_id: c_int,
    pub iv_class_ops: *mut ds_iv_class_ops,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ds_iv_key {
    pub rank: d_rank_t,
    pub class_id: c_int,
    pub version: daos_version_t,
    pub key_buf: [c_char; 48],
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ds_iv_entry {
    pub ns: *mut ds_iv_ns,
    pub iv_class: *mut ds_iv_class,
    pub iv_key: ds_iv_key,
    pub iv_value: d_sg_list_t,
    pub iv_link: d_list_t,
    pub iv_ref: c_uint,
    /// Bit 0: the value is valid; bit 1: the entry is to be deleted.
    ///
    /// C: bit fields `iv_valid:1`, `iv_to_delete:1`.
    pub iv_flags: c_uint,
}
pub type ds_iv_key_pack_t = Option<
    unsafe extern "C" fn(
        iv_class: *mut ds_iv_class,
        iv_key: *mut ds_iv_key,
        iov_key: *mut crt_iv_key_t,
    ) -> c_int,
>;
pub type ds_iv_key_unpack_t = Option<
    unsafe extern "C" fn(
        iv_class: *mut ds_iv_class,
        iov_key: *mut crt_iv_key_t,
        iv_key: *mut ds_iv_key,
    ) -> c_int,
>;
pub type ds_iv_key_cmp_t = Option<unsafe extern "C" fn(key1: *mut c_void, key2: *mut c_void) -> bool>;
pub type ds_iv_ent_init_t =
    Option<unsafe extern "C" fn(iv_key: *mut ds_iv_key, data: *mut c_void, entry: *mut ds_iv_entry) -> c_int>;
pub type ds_iv_ent_get_t =
    Option<unsafe extern "C" fn(ent: *mut ds_iv_entry, priv_: *mut *mut c_void) -> c_int>;
pub type ds_iv_ent_put_t = Option<unsafe extern "C" fn(ent: *mut ds_iv_entry, priv_: *mut c_void)>;
pub type ds_iv_ent_destroy_t = Option<unsafe extern "C" fn(sgl: *mut d_sg_list_t) -> c_int>;
pub type ds_iv_ent_fetch_t = Option<
    unsafe extern "C" fn(
        entry: *mut ds_iv_entry,
        key: *mut ds_iv_key,
        dst: *mut d_sg_list_t,
        priv_: *mut *mut c_void,
    ) -> c_int,
>;
pub type ds_iv_ent_update_t = Option<
    unsafe extern "C" fn(
        entry: *mut ds_iv_entry,
        key: *mut ds_iv_key,
        src: *mut d_sg_list_t,
        priv_: *mut *mut c_void,
    ) -> c_int,
>;
pub type ds_iv_ent_refresh_t = Option<
    unsafe extern "C" fn(
        entry: *mut ds_iv_entry,
        key: *mut ds_iv_key,
        src: *mut d_sg_list_t,
        ref_rc: c_int,
        priv_: *mut *mut c_void,
    ) -> c_int,
>;
pub type ds_iv_value_alloc_t =
    Option<unsafe extern "C" fn(ent: *mut ds_iv_entry, key: *mut ds_iv_key, sgl: *mut d_sg_list_t) -> c_int>;
pub type ds_iv_ent_valid_t = Option<unsafe extern "C" fn(ent: *mut ds_iv_entry, key: *mut ds_iv_key) -> bool>;
pub type ds_iv_pre_sync_t = Option<
    unsafe extern "C" fn(entry: *mut ds_iv_entry, key: *mut ds_iv_key, value: *mut d_sg_list_t) -> c_int,
>;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ds_iv_class_ops {
    pub ivc_key_pack: ds_iv_key_pack_t,
    pub ivc_key_unpack: ds_iv_key_unpack_t,
    pub ivc_key_cmp: ds_iv_key_cmp_t,
    pub ivc_ent_init: ds_iv_ent_init_t,
    pub ivc_ent_get: ds_iv_ent_get_t,
    pub ivc_ent_put: ds_iv_ent_put_t,
    pub ivc_ent_destroy: ds_iv_ent_destroy_t,
    pub ivc_ent_fetch: ds_iv_ent_fetch_t,
    pub ivc_ent_update: ds_iv_ent_update_t,
    pub ivc_ent_refresh: ds_iv_ent_refresh_t,
    pub ivc_value_alloc: ds_iv_value_alloc_t,
    pub ivc_ent_valid: ds_iv_ent_valid_t,
    pub ivc_pre_sync: ds_iv_pre_sync_t,
}
pub const IV_POOL_MAP: iv_key = 1;
pub const IV_POOL_PROP: iv_key = 2;
pub const IV_POOL_CONN: iv_key = 3;
pub const IV_REBUILD: iv_key = 4;
pub const IV_OID: iv_key = 5;
pub const IV_CONT_SNAP: iv_key = 6;
pub const IV_CONT_CAPA: iv_key = 7;
pub const IV_CONT_PROP: iv_key = 8;
pub const IV_POOL_HDL: iv_key = 9;
pub const IV_CONT_TRACK_EPOCH_REPORT: iv_key = 10;
pub const IV_CONT_TRACK_EPOCH: iv_key = 11;
pub const IV_CHK: iv_key = 12;
pub type iv_key = c_uint;
