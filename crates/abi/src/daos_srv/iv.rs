//! `daos_srv/iv.h`: the engine's incast variables.

use crate::*;
use core::ffi::{c_char, c_int, c_uint, c_void};

/// Bytes of a key.
pub const IV_KEY_BUF_SIZE: u32 = 48;

/// A namespace of incast variables: those of one pool, or of the system.
#[repr(C)]
pub struct ds_iv_ns {
    /// Rank that leads it.
    pub iv_master_rank: d_rank_t,
    /// Its number.
    pub iv_ns_id: c_uint,
    /// Term of its leader.
    pub iv_master_term: u64,
    /// In the list of all namespaces.
    pub iv_ns_link: d_list_t,
    /// Its entries.
    pub iv_entry_list: d_list_t,
    /// CaRT's side of it.
    pub iv_ns: crt_iv_namespace_t,
    /// Its pool.
    pub iv_pool_uuid: uuid_t,
    /// Protects `iv_done_cond`.
    pub iv_mutex: ABT_mutex,
    /// Signalled when a reference goes while it is being stopped.
    pub iv_done_cond: ABT_cond,
    /// References; the last one frees it.
    pub iv_refcount: c_int,
    /// Bit 0 says that the namespace is being stopped.
    ///
    /// C: bit fields `iv_stop:1`.
    pub iv_flags: u32,
}

/// A class of variables: how they are packed and stored.
#[repr(C)]
pub struct ds_iv_class {
    /// In the list of all classes.
    pub iv_class_list: d_list_t,
    /// CaRT's callbacks.
    pub iv_class_crt_cbs: *mut crt_iv_ops,
    /// An `iv_key`.
    pub iv_class_id: c_int,
    /// CaRT's number of the callbacks.
    pub iv_cart_class_id: c_int,
    /// The class's own callbacks.
    pub iv_class_ops: *mut ds_iv_class_ops,
}

/// The key of a variable.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ds_iv_key {
    /// Rank to which the variable belongs.
    pub rank: d_rank_t,
    /// An `iv_key`.
    pub class_id: c_int,
    /// Version that the system runs.
    pub version: daos_version_t,
    /// What else tells variables of a class apart.
    pub key_buf: [c_char; 48],
}

/// A variable in this rank's cache.
#[repr(C)]
pub struct ds_iv_entry {
    /// Its namespace.
    pub ns: *mut ds_iv_ns,
    /// Its class.
    pub iv_class: *mut ds_iv_class,
    /// Its key.
    pub iv_key: ds_iv_key,
    /// Its value.
    pub iv_value: d_sg_list_t,
    /// In the namespace's list.
    pub iv_link: d_list_t,
    /// References.
    pub iv_ref: c_uint,
    /// Bit 0: the value is valid; bit 1: the entry is to be deleted.
    ///
    /// C: bit fields `iv_valid:1`, `iv_to_delete:1`.
    pub iv_flags: c_uint,
}

/// Makes the key that CaRT sees; 0 or a DAOS error code.
pub type ds_iv_key_pack_t = Option<
    unsafe extern "C" fn(
        iv_class: *mut ds_iv_class,
        iv_key: *mut ds_iv_key,
        iov_key: *mut crt_iv_key_t,
    ) -> c_int,
>;

/// Reads the key that CaRT sees; 0 or a DAOS error code.
pub type ds_iv_key_unpack_t = Option<
    unsafe extern "C" fn(
        iv_class: *mut ds_iv_class,
        iov_key: *mut crt_iv_key_t,
        iv_key: *mut ds_iv_key,
    ) -> c_int,
>;

/// Whether two keys are equal.
pub type ds_iv_key_cmp_t = Option<unsafe extern "C" fn(key1: *mut c_void, key2: *mut c_void) -> bool>;

/// Prepares an entry; 0 or a DAOS error code.
pub type ds_iv_ent_init_t =
    Option<unsafe extern "C" fn(iv_key: *mut ds_iv_key, data: *mut c_void, entry: *mut ds_iv_entry) -> c_int>;

/// Takes a reference to an entry's value; 0 or a DAOS error code.
pub type ds_iv_ent_get_t =
    Option<unsafe extern "C" fn(ent: *mut ds_iv_entry, priv_: *mut *mut c_void) -> c_int>;

/// Gives it back.
pub type ds_iv_ent_put_t = Option<unsafe extern "C" fn(ent: *mut ds_iv_entry, priv_: *mut c_void)>;

/// Frees a value; 0 or a DAOS error code.
pub type ds_iv_ent_destroy_t = Option<unsafe extern "C" fn(sgl: *mut d_sg_list_t) -> c_int>;

/// Copies the value for a reader; 0, a DAOS error code, or -DER_IVCB_FORWARD to ask the parent.
pub type ds_iv_ent_fetch_t = Option<
    unsafe extern "C" fn(
        entry: *mut ds_iv_entry,
        key: *mut ds_iv_key,
        dst: *mut d_sg_list_t,
        priv_: *mut *mut c_void,
    ) -> c_int,
>;

/// Stores a new value at the root; the same.
pub type ds_iv_ent_update_t = Option<
    unsafe extern "C" fn(
        entry: *mut ds_iv_entry,
        key: *mut ds_iv_key,
        src: *mut d_sg_list_t,
        priv_: *mut *mut c_void,
    ) -> c_int,
>;

/// Stores a value that comes from the root, or drops it without one; the same.
pub type ds_iv_ent_refresh_t = Option<
    unsafe extern "C" fn(
        entry: *mut ds_iv_entry,
        key: *mut ds_iv_key,
        src: *mut d_sg_list_t,
        ref_rc: c_int,
        priv_: *mut *mut c_void,
    ) -> c_int,
>;

/// Makes room for a value; 0 or a DAOS error code.
pub type ds_iv_value_alloc_t =
    Option<unsafe extern "C" fn(ent: *mut ds_iv_entry, key: *mut ds_iv_key, sgl: *mut d_sg_list_t) -> c_int>;

/// Whether an entry may answer for a key.
pub type ds_iv_ent_valid_t = Option<unsafe extern "C" fn(ent: *mut ds_iv_entry, key: *mut ds_iv_key) -> bool>;

/// Before a value goes to the children; 0 or a DAOS error code.
pub type ds_iv_pre_sync_t = Option<
    unsafe extern "C" fn(entry: *mut ds_iv_entry, key: *mut ds_iv_key, value: *mut d_sg_list_t) -> c_int,
>;

/// Callbacks of a class.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ds_iv_class_ops {
    /// May be null, then the key goes as it is.
    pub ivc_key_pack: ds_iv_key_pack_t,
    /// May be null.
    pub ivc_key_unpack: ds_iv_key_unpack_t,
    /// May be null, then there is one variable of the class.
    pub ivc_key_cmp: ds_iv_key_cmp_t,
    /// Must be there.
    pub ivc_ent_init: ds_iv_ent_init_t,
    /// May be null.
    pub ivc_ent_get: ds_iv_ent_get_t,
    /// May be null.
    pub ivc_ent_put: ds_iv_ent_put_t,
    /// Must be there.
    pub ivc_ent_destroy: ds_iv_ent_destroy_t,
    /// Must be there.
    pub ivc_ent_fetch: ds_iv_ent_fetch_t,
    /// Must be there.
    pub ivc_ent_update: ds_iv_ent_update_t,
    /// Must be there.
    pub ivc_ent_refresh: ds_iv_ent_refresh_t,
    /// Must be there.
    pub ivc_value_alloc: ds_iv_value_alloc_t,
    /// May be null, then `iv_valid` says it.
    pub ivc_ent_valid: ds_iv_ent_valid_t,
    /// May be null.
    pub ivc_pre_sync: ds_iv_pre_sync_t,
}

/// The pool map.
pub const IV_POOL_MAP: iv_key = 1;
/// Properties of a pool.
pub const IV_POOL_PROP: iv_key = 2;
/// Connections of a pool.
pub const IV_POOL_CONN: iv_key = 3;
/// State of a rebuild.
pub const IV_REBUILD: iv_key = 4;
/// Object ids.
pub const IV_OID: iv_key = 5;
/// Snapshots of a container.
pub const IV_CONT_SNAP: iv_key = 6;
/// Capabilities of a container handle.
pub const IV_CONT_CAPA: iv_key = 7;
/// Properties of a container.
pub const IV_CONT_PROP: iv_key = 8;
/// Pool handles.
pub const IV_POOL_HDL: iv_key = 9;
/// Epochs that a rank reports to the container's leader.
pub const IV_CONT_TRACK_EPOCH_REPORT: iv_key = 10;
/// Epochs that the leader tells all ranks.
pub const IV_CONT_TRACK_EPOCH: iv_key = 11;
/// State of the checker.
pub const IV_CHK: iv_key = 12;

/// Classes of variables.
pub type iv_key = c_uint;

unsafe extern "C" {
    /// server_iv.c: the callbacks that classes of the engine share; a class's own are called inside.
    pub static mut iv_cache_ops: crt_iv_ops;

    /// server_iv.c: registers the class `class_id`, an `iv_key`, before the first namespace is made. 0,
    /// `-DER_EXIST`, `-DER_INVAL` or `-DER_NOMEM`.
    pub fn ds_iv_class_register(
        class_id: c_uint,
        ops: *mut crt_iv_ops,
        class_ops: *mut ds_iv_class_ops,
    ) -> c_int;
    /// server_iv.c: undoes [`ds_iv_class_register`]. 0, also if there is no such class.
    pub fn ds_iv_class_unregister(class_id: c_uint) -> c_int;
    /// server_iv.c: reads a variable: from this rank's cache, or else from the first rank towards the leader that
    /// has it. `value` may be null, and stays as it is when it is too small. With `retry`, errors that pass are
    /// not reported. 0, or `-DER_*`.
    pub fn ds_iv_fetch(ns: *mut ds_iv_ns, key: *mut ds_iv_key, value: *mut d_sg_list_t, retry: bool)
    -> c_int;
    /// server_iv.c: writes a variable at the leader, and on all ranks as `sync_mode` and `sync_flags` say. In mode
    /// lazy it returns at once, and key and value are copied. 0, or `-DER_*`.
    pub fn ds_iv_update(
        ns: *mut ds_iv_ns,
        key: *mut ds_iv_key,
        value: *mut d_sg_list_t,
        shortcut: c_uint,
        sync_mode: c_uint,
        sync_flags: c_uint,
        retry: bool,
    ) -> c_int;
    /// server_iv.c: makes a variable invalid, on this rank and on all others as `sync_mode` says. 0, or `-DER_*`.
    pub fn ds_iv_invalidate(
        ns: *mut ds_iv_ns,
        key: *mut ds_iv_key,
        shortcut: c_uint,
        sync_mode: c_uint,
        sync_flags: c_uint,
        retry: bool,
    ) -> c_int;
    /// server_iv.c: makes a namespace for a pool's ranks, with one reference, which [`ds_iv_ns_put`] gives back. 0,
    /// or `-DER_*`.
    pub fn ds_iv_ns_create(
        ctx: crt_context_t,
        pool_uuid: *mut u8,
        grp: *mut crt_group_t,
        ns_id: *mut c_uint,
        p_iv_ns: *mut *mut ds_iv_ns,
    ) -> c_int;
    /// server_iv.c: tells a namespace its leader, unless it knows one of this term or a later one.
    pub fn ds_iv_ns_update(ns: *mut ds_iv_ns, master_rank: c_uint, term: u64);
    /// server_iv.c: drops all variables of this rank's cache.
    pub fn ds_iv_ns_cleanup(ns: *mut ds_iv_ns);
    /// server_iv.c: waits for requests in flight, then drops what a reintegrated rank may not keep. 0, or
    /// `-DER_BUSY` after 30 s.
    pub fn ds_iv_ns_reint_prep(ns: *mut ds_iv_ns) -> c_int;
    /// server_iv.c: stops a namespace: refuses requests, waits for those in flight, drops all variables.
    pub fn ds_iv_ns_stop(ns: *mut ds_iv_ns);
    /// server_iv.c: refuses requests from now on, without waiting.
    pub fn ds_iv_ns_leader_stop(ns: *mut ds_iv_ns);
    /// server_iv.c: takes the reference that [`ds_iv_ns_stop`] gives back.
    pub fn ds_iv_ns_start(ns: *mut ds_iv_ns);
    /// server_iv.c: gives a reference back; the last one ends the namespace.
    pub fn ds_iv_ns_put(ns: *mut ds_iv_ns);
    /// server_iv.c: takes a reference.
    pub fn ds_iv_ns_get(ns: *mut ds_iv_ns);
    /// server_iv.c: the number of a namespace.
    pub fn ds_iv_ns_id_get(ns: *mut c_void) -> c_uint;

    /// server_iv.c: the class of this id, or null. Declared in no header of DAOS.
    pub fn iv_class_lookup(class_id: c_uint) -> *mut ds_iv_class;
    /// server_iv.c: makes the key that CaRT sees; 0 or `-DER_*`. Declared in no header of DAOS.
    pub fn iv_key_pack(key_iov: *mut crt_iv_key_t, key_iv: *mut ds_iv_key) -> c_int;
    /// server_iv.c: reads the key that CaRT sees; 0 or `-DER_*`. Declared in no header of DAOS.
    pub fn iv_key_unpack(key_iv: *mut ds_iv_key, key_iov: *mut crt_iv_key_t) -> c_int;
}
