//! `cart/iv.h`: incast variables, values that a group of ranks shares along a tree.

use crate::*;
use core::ffi::{c_int, c_uint, c_void};

/// A namespace of incast variables, owned by CaRT.
pub type crt_iv_namespace_t = *mut c_void;

/// A version that a user gives to a value; 0 where there are no versions.
pub type crt_iv_ver_t = u32;

/// A key: any string of bytes.
pub type crt_iv_key_t = d_iov_t;

/// How a request gets to the root.
pub type crt_iv_shortcut_t = c_uint;

/// Along the tree.
pub const CRT_IV_SHORTCUT_NONE: crt_iv_shortcut_t = 0;
/// Directly.
pub const CRT_IV_SHORTCUT_TO_ROOT: crt_iv_shortcut_t = 1;

/// What a callback is told of the request, as bits.
pub type crt_iv_flag_t = c_uint;

/// This rank is the root.
pub const CRT_IV_FLAG_ROOT: crt_iv_flag_t = 1;
/// The fetch waited for another one of the same key.
pub const CRT_IV_FLAG_PENDING_FETCH: crt_iv_flag_t = 2;

/// What a value is asked for, as bits.
pub type crt_iv_perm_t = c_uint;

/// To be read: `ivo_on_fetch` follows.
pub const CRT_IV_PERM_READ: crt_iv_perm_t = 1;
/// To be written: `ivo_on_update` or `ivo_on_refresh` follows.
pub const CRT_IV_PERM_WRITE: crt_iv_perm_t = 2;
/// The caller has buffers of its own.
pub const CRT_IV_NO_ALLOC: crt_iv_perm_t = 4;

/// When the other ranks hear of an update.
pub type crt_iv_sync_mode_t = c_uint;

/// Never.
pub const CRT_IV_SYNC_NONE: crt_iv_sync_mode_t = 0;
/// Before the update completes.
pub const CRT_IV_SYNC_EAGER: crt_iv_sync_mode_t = 1;
/// After the update has completed.
pub const CRT_IV_SYNC_LAZY: crt_iv_sync_mode_t = 2;

/// What the other ranks hear of an update.
pub type crt_iv_sync_event_t = c_uint;

/// Nothing.
pub const CRT_IV_SYNC_EVENT_NONE: crt_iv_sync_event_t = 0;
/// The value.
pub const CRT_IV_SYNC_EVENT_UPDATE: crt_iv_sync_event_t = 1;
/// That there is a new value.
pub const CRT_IV_SYNC_EVENT_NOTIFY: crt_iv_sync_event_t = 2;

/// Further wishes, as bits.
pub type crt_iv_sync_flag_t = c_uint;

/// A rank without the namespace aborts.
pub const CRT_IV_SYNC_FLAG_NS_ERRORS_FATAL: crt_iv_sync_flag_t = 1;
/// The value goes to the root and comes back changed; mode none, event update.
pub const CRT_IV_SYNC_BIDIRECTIONAL: crt_iv_sync_flag_t = 2;

/// How an update is spread.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct crt_iv_sync_t {
    /// When the other ranks hear of it.
    pub ivs_mode: crt_iv_sync_mode_t,
    /// What they hear.
    pub ivs_event: crt_iv_sync_event_t,
    /// `crt_iv_sync_flag_t` bits.
    pub ivs_flags: u32,
}

/// Reads the value for a fetch; 0, `-DER_IVCB_FORWARD` to ask the parent, or another `-DER_*`.
pub type crt_iv_on_fetch_cb_t = Option<
    unsafe extern "C" fn(
        ivns: crt_iv_namespace_t,
        iv_key: *mut crt_iv_key_t,
        iv_ver: *mut crt_iv_ver_t,
        flags: u32,
        iv_value: *mut d_sg_list_t,
        arg: *mut c_void,
    ) -> c_int,
>;

/// Takes a value that goes from a leaf to the root; 0, `-DER_IVCB_FORWARD` to send it on, or another `-DER_*`.
pub type crt_iv_on_update_cb_t = Option<
    unsafe extern "C" fn(
        ivns: crt_iv_namespace_t,
        iv_key: *mut crt_iv_key_t,
        iv_ver: crt_iv_ver_t,
        flags: u32,
        iv_value: *mut d_sg_list_t,
        arg: *mut c_void,
    ) -> c_int,
>;

/// Before a fetch of another rank is handled: calls `cb(cb_arg)`, at once or in a ULT.
pub type crt_iv_pre_fetch_cb_t = Option<
    unsafe extern "C" fn(
        ivns: crt_iv_namespace_t,
        iv_key: *mut crt_iv_key_t,
        cb: crt_generic_cb_t,
        cb_arg: *mut c_void,
    ),
>;

/// The same for an update.
pub type crt_iv_pre_update_cb_t = Option<
    unsafe extern "C" fn(
        ivns: crt_iv_namespace_t,
        iv_key: *mut crt_iv_key_t,
        cb: crt_generic_cb_t,
        cb_arg: *mut c_void,
    ),
>;

/// The same for a refresh.
pub type crt_iv_pre_refresh_cb_t = Option<
    unsafe extern "C" fn(
        ivns: crt_iv_namespace_t,
        iv_key: *mut crt_iv_key_t,
        cb: crt_generic_cb_t,
        cb_arg: *mut c_void,
    ),
>;

/// Takes what comes from the root: a value, the news that it is invalid, or, with a null value, that the request
/// failed with `rc`. 0 or `-DER_*`.
pub type crt_iv_on_refresh_cb_t = Option<
    unsafe extern "C" fn(
        ivns: crt_iv_namespace_t,
        iv_key: *mut crt_iv_key_t,
        iv_ver: crt_iv_ver_t,
        iv_value: *mut d_sg_list_t,
        invalidate: bool,
        rc: c_int,
        arg: *mut c_void,
    ) -> c_int,
>;

/// Stores the rank that is the root for a key at `root`; 0 or `-DER_*`. May not yield: CaRT holds a lock.
pub type crt_iv_on_hash_cb_t = Option<
    unsafe extern "C" fn(ivns: crt_iv_namespace_t, iv_key: *mut crt_iv_key_t, root: *mut d_rank_t) -> c_int,
>;

/// Makes buffers for a value, unless `iv_value` is null or brings its own, and stores at `arg` what the other
/// callbacks get. 0, and then `ivo_on_put` follows, or `-DER_*`.
pub type crt_iv_on_get_cb_t = Option<
    unsafe extern "C" fn(
        ivns: crt_iv_namespace_t,
        iv_key: *mut crt_iv_key_t,
        iv_ver: crt_iv_ver_t,
        permission: crt_iv_perm_t,
        iv_value: *mut d_sg_list_t,
        arg: *mut *mut c_void,
    ) -> c_int,
>;

/// Gives back what `ivo_on_get` made.
pub type crt_iv_on_put_cb_t =
    Option<unsafe extern "C" fn(ivns: crt_iv_namespace_t, iv_value: *mut d_sg_list_t, arg: *mut c_void)>;

/// Whether two keys are equal. May not yield: CaRT holds a lock.
pub type crt_iv_keys_match_cb_t = Option<
    unsafe extern "C" fn(ivns: crt_iv_namespace_t, key1: *mut crt_iv_key_t, key2: *mut crt_iv_key_t) -> bool,
>;

/// Before an update is spread to the children; 0 or `-DER_*`.
pub type crt_iv_pre_sync_cb_t = Option<
    unsafe extern "C" fn(
        ivns: crt_iv_namespace_t,
        iv_key: *mut crt_iv_key_t,
        iv_ver: crt_iv_ver_t,
        iv_value: *mut d_sg_list_t,
        arg: *mut c_void,
    ) -> c_int,
>;

/// Callbacks of a class of incast variables.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct crt_iv_ops {
    /// May be null: handled at once.
    pub ivo_pre_fetch: crt_iv_pre_fetch_cb_t,
    /// Must be there.
    pub ivo_on_fetch: crt_iv_on_fetch_cb_t,
    /// May be null: handled at once.
    pub ivo_pre_update: crt_iv_pre_update_cb_t,
    /// Must be there.
    pub ivo_on_update: crt_iv_on_update_cb_t,
    /// May be null: handled at once.
    pub ivo_pre_refresh: crt_iv_pre_refresh_cb_t,
    /// Must be there.
    pub ivo_on_refresh: crt_iv_on_refresh_cb_t,
    /// Must be there.
    pub ivo_on_hash: crt_iv_on_hash_cb_t,
    /// Must be there.
    pub ivo_on_get: crt_iv_on_get_cb_t,
    /// Must be there.
    pub ivo_on_put: crt_iv_on_put_cb_t,
    /// May be null: keys are equal if their bytes are.
    pub ivo_keys_match: crt_iv_keys_match_cb_t,
    /// May be null.
    pub ivo_pre_sync: crt_iv_pre_sync_cb_t,
}

/// `CRT_IV_CLASS_UPDATE_IN_ORDER`: all ranks see updates in the same order.
pub const CRT_IV_CLASS_UPDATE_IN_ORDER: u32 = 1;
/// `CRT_IV_CLASS_DISCARD_CACHE`: values are dropped when the tree changes.
pub const CRT_IV_CLASS_DISCARD_CACHE: u32 = 2;

/// A class of incast variables.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct crt_iv_class {
    /// Its number; what counts is its place in the array of classes.
    pub ivc_id: u32,
    /// `CRT_IV_CLASS_*` bits.
    pub ivc_feats: u32,
    /// Its callbacks.
    pub ivc_ops: *mut crt_iv_ops,
}

/// Called when a namespace is gone.
pub type crt_iv_namespace_destroy_cb_t =
    Option<unsafe extern "C" fn(ivns: crt_iv_namespace_t, cb_arg: *mut c_void)>;

/// Called when a fetch, update or invalidation is done, with 0 or `-DER_*` as `rc`. The value is null if there is
/// none; it belongs to CaRT.
pub type crt_iv_comp_cb_t = Option<
    unsafe extern "C" fn(
        ivns: crt_iv_namespace_t,
        class_id: u32,
        iv_key: *mut crt_iv_key_t,
        iv_ver: *mut crt_iv_ver_t,
        iv_value: *mut d_sg_list_t,
        rc: c_int,
        cb_arg: *mut c_void,
    ) -> c_int,
>;

unsafe extern "C" {
    /// Makes a namespace for the ranks of `grp`; copies the classes. 0 or `-DER_*`.
    pub fn crt_iv_namespace_create(
        crt_ctx: crt_context_t,
        grp: *mut crt_group_t,
        tree_topo: c_int,
        iv_classes: *mut crt_iv_class,
        num_classes: u32,
        iv_ns_id: u32,
        ivns: *mut crt_iv_namespace_t,
    ) -> c_int;
    /// The same, with a pointer of the user's.
    pub fn crt_iv_namespace_create_priv(
        crt_ctx: crt_context_t,
        grp: *mut crt_group_t,
        tree_topo: c_int,
        iv_classes: *mut crt_iv_class,
        num_classes: u32,
        iv_ns_id: u32,
        user_priv: *mut c_void,
        ivns: *mut crt_iv_namespace_t,
    ) -> c_int;
    /// Stores the id of the namespace `ivns`, which is passed as it is, not by its address. 0 or `-DER_INVAL`.
    pub fn crt_iv_namespace_id_get(ivns: *mut crt_iv_namespace_t, id: *mut u32) -> c_int;
    /// Replaces the user's pointer of `ivns`, passed as above. 0 or `-DER_INVAL`.
    pub fn crt_iv_namespace_priv_set(ivns: *mut crt_iv_namespace_t, priv_: *mut c_void) -> c_int;
    /// Stores the user's pointer of `ivns`, passed as above. 0 or `-DER_INVAL`.
    pub fn crt_iv_namespace_priv_get(ivns: *mut crt_iv_namespace_t, priv_: *mut *mut c_void) -> c_int;
    /// Ends a namespace; `cb` is called when the last request has gone, maybe at once. 0.
    pub fn crt_iv_namespace_destroy(
        ivns: crt_iv_namespace_t,
        cb: crt_iv_namespace_destroy_cb_t,
        cb_arg: *mut c_void,
    ) -> c_int;
    /// Asks for a value. The key stays with the caller, and in place, until `fetch_comp_cb` is called.
    /// 0 or `-DER_*`; with an error the callback may or may not have been called.
    pub fn crt_iv_fetch(
        ivns: crt_iv_namespace_t,
        class_id: u32,
        iv_key: *mut crt_iv_key_t,
        iv_ver: *mut crt_iv_ver_t,
        shortcut: crt_iv_shortcut_t,
        fetch_comp_cb: crt_iv_comp_cb_t,
        cb_arg: *mut c_void,
    ) -> c_int;
    /// Sends a value to the root, which spreads it as `sync_type` says. Key, value and result as above.
    pub fn crt_iv_update(
        ivns: crt_iv_namespace_t,
        class_id: u32,
        iv_key: *mut crt_iv_key_t,
        iv_ver: *mut crt_iv_ver_t,
        iv_value: *mut d_sg_list_t,
        shortcut: crt_iv_shortcut_t,
        sync_type: crt_iv_sync_t,
        update_comp_cb: crt_iv_comp_cb_t,
        cb_arg: *mut c_void,
    ) -> c_int;
    /// Tells all ranks that a value is invalid. Key and result as above.
    pub fn crt_iv_invalidate(
        ivns: crt_iv_namespace_t,
        class_id: u32,
        iv_key: *mut crt_iv_key_t,
        iv_ver: *mut crt_iv_ver_t,
        shortcut: crt_iv_shortcut_t,
        sync_type: crt_iv_sync_t,
        invali_comp_cb: crt_iv_comp_cb_t,
        cb_arg: *mut c_void,
    ) -> c_int;
    /// Stores how many children this rank has in the tree for a key. 0 or `-DER_*`.
    pub fn crt_iv_get_nchildren(
        ivns: crt_iv_namespace_t,
        class_id: u32,
        iv_key: *mut crt_iv_key_t,
        nchildren: *mut u32,
    ) -> c_int;
}
