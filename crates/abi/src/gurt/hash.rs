//! `gurt/hash.h`: the chained hash table, handle hash and UUID hash.

use crate::*;
use core::ffi::{c_int, c_uint, c_void};

/// Whether tables count their depth; they do not.
pub const D_HASH_DEBUG: u32 = 0;
/// Bits of the largest handle table.
pub const D_HHASH_BITS: u32 = 16;
/// Bits of a handle that hold its type.
pub const D_HTYPE_BITS: u32 = 4;
/// Those bits.
pub const D_HTYPE_MASK: u32 = 15;

/// How a table's records are compared, hashed and counted.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_hash_table_ops_t {
    /// Whether a record has a key. Must be there.
    pub hop_key_cmp: Option<
        unsafe extern "C" fn(
            htable: *mut d_hash_table,
            link: *mut d_list_t,
            key: *const c_void,
            ksize: c_uint,
        ) -> bool,
    >,
    /// Makes the key of a record that is inserted without one. May be null.
    pub hop_key_init:
        Option<unsafe extern "C" fn(htable: *mut d_hash_table, link: *mut d_list_t, arg: *mut c_void)>,
    /// Hash of a key. May be null.
    pub hop_key_hash:
        Option<unsafe extern "C" fn(htable: *mut d_hash_table, key: *const c_void, ksize: c_uint) -> u32>,
    /// Hash of a record's key. Must be there for a table with a lock a bucket.
    pub hop_rec_hash: Option<unsafe extern "C" fn(htable: *mut d_hash_table, link: *mut d_list_t) -> u32>,
    /// Takes a reference to a record. May be null.
    pub hop_rec_addref: Option<unsafe extern "C" fn(htable: *mut d_hash_table, link: *mut d_list_t)>,
    /// Gives a reference back; whether it was the last. May be null.
    pub hop_rec_decref: Option<unsafe extern "C" fn(htable: *mut d_hash_table, link: *mut d_list_t) -> bool>,
    /// Gives several back; 1 if the last was among them, 0, or a DAOS error code. May be null.
    pub hop_rec_ndecref:
        Option<unsafe extern "C" fn(htable: *mut d_hash_table, link: *mut d_list_t, count: c_int) -> c_int>,
    /// Frees a record without references. May be null.
    pub hop_rec_free: Option<unsafe extern "C" fn(htable: *mut d_hash_table, link: *mut d_list_t)>,
}

/// The user locks.
pub const D_HASH_FT_NOLOCK: d_hash_feats = 1;
/// Locks are mutexes, not spin locks.
pub const D_HASH_FT_MUTEX: d_hash_feats = 2;
/// Locks are read-write locks.
pub const D_HASH_FT_RWLOCK: d_hash_feats = 4;
/// The table holds no reference: a record leaves it with its last one.
pub const D_HASH_FT_EPHEMERAL: d_hash_feats = 8;
/// A record that is found moves to the front of its bucket.
pub const D_HASH_FT_LRU: d_hash_feats = 16;
/// `hop_key_init` is called without a lock.
pub const D_HASH_FT_NO_KEYINIT_LOCK: d_hash_feats = 32;
/// One lock for all buckets.
pub const D_HASH_FT_GLOCK: d_hash_feats = 32768;

/// Features of a table.
pub type d_hash_feats = c_uint;

/// A table's lock, by its features.
#[repr(C)]
#[derive(Clone, Copy)]
pub union d_hash_lock {
    /// Spin lock.
    pub spin: pthread_spinlock_t,
    /// Mutex.
    pub mutex: pthread_mutex_t,
    /// Read-write lock.
    pub rwlock: pthread_rwlock_t,
}

/// A bucket.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_hash_bucket {
    /// Its records.
    pub hb_head: d_list_t,
}

/// A hash table of intrusive records.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_hash_table {
    /// The lock of the table.
    pub ht_lock: d_hash_lock,
    /// It has 2 to this buckets.
    pub ht_bits: u32,
    /// Its features.
    pub ht_feats: u32,
    /// The user's.
    pub ht_priv: *mut c_void,
    /// Its functions.
    pub ht_ops: *mut d_hash_table_ops_t,
    /// Its buckets.
    pub ht_buckets: *mut d_hash_bucket,
    /// A lock for each bucket.
    pub ht_locks: *mut d_hash_lock,
}

/// Called for each record; any value but 0 ends the traversal.
pub type d_hash_traverse_cb_t = Option<unsafe extern "C" fn(link: *mut d_list_t, arg: *mut c_void) -> c_int>;

/// Type of a handle that is a pointer.
pub const D_HTYPE_PTR: c_uint = 0;

/// Functions of a record in a handle table.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_hlink_ops {
    /// Frees it; may be null.
    pub hop_free: Option<unsafe extern "C" fn(hlink: *mut d_hlink)>,
}

/// A record whose references are counted.
#[repr(C)]
pub struct d_rlink {
    /// Its place in the bucket.
    pub rl_link: d_list_t,
    /// References to the record.
    ///
    /// C: atomic.
    pub rl_ref: u32,
    /// Bit 0 says that the link is initialised.
    ///
    /// C: bit fields `rl_initialized:1`.
    pub rl_flags: u32,
}

/// A record in a handle table.
#[repr(C)]
pub struct d_hlink {
    /// Its place and references.
    pub hl_link: d_rlink,
    /// Its handle.
    pub hl_key: u64,
    /// Its functions; may be null.
    pub hl_ops: *mut d_hlink_ops,
}

/// A handle table; gurt's own.
#[repr(C)]
pub struct d_hhash {
    _opaque: [u8; 0],
}

/// Called for each record; any value but 0 ends the traversal.
pub type d_hhash_traverse_cb_t = Option<unsafe extern "C" fn(link: *mut d_hlink, arg: *mut c_void) -> c_int>;

/// Functions of a record in a UUID table.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_ulink_ops {
    /// Frees it; may be null.
    pub uop_free: Option<unsafe extern "C" fn(ulink: *mut d_ulink)>,
    /// Whether a record is the one that is looked for, beyond its UUID; may be null.
    pub uop_cmp: Option<unsafe extern "C" fn(ulink: *mut d_ulink, cmp_args: *mut c_void) -> bool>,
}

/// A record in a UUID table.
#[repr(C)]
pub struct d_ulink {
    /// Its place and references.
    pub ul_link: d_rlink,
    /// Its UUID.
    pub ul_uuid: d_uuid,
    /// Its functions; may be null.
    pub ul_ops: *mut d_ulink_ops,
}

unsafe extern "C" {
    /// hash.c: a new table, null if that fails.
    pub fn d_hash_table_create(
        feats: u32,
        bits: u32,
        priv_: *mut c_void,
        hops: *mut d_hash_table_ops_t,
        htable_pp: *mut *mut d_hash_table,
    ) -> c_int;
    /// hash.c: makes `*htable` a table of 2^`bits` chains.
    pub fn d_hash_table_create_inplace(
        feats: u32,
        bits: u32,
        priv_: *mut c_void,
        hops: *mut d_hash_table_ops_t,
        htable: *mut d_hash_table,
    ) -> c_int;
    /// hash.c: calls `cb` for each record until it returns something else than 0, which is then the result.
    /// `cb` must not use the table, except one without locks.
    pub fn d_hash_table_traverse(
        htable: *mut d_hash_table,
        cb: d_hash_traverse_cb_t,
        arg: *mut c_void,
    ) -> c_int;
    /// hash.c: the same for a table from `d_hash_table_create`, which is freed.
    pub fn d_hash_table_destroy(htable: *mut d_hash_table, force: bool) -> c_int;
    /// hash.c: frees what a table holds; -DER_BUSY if it has records and `force` does not say to delete them.
    pub fn d_hash_table_destroy_inplace(htable: *mut d_hash_table, force: bool) -> c_int;
    /// hash.c: the record of a key, with a reference; null if there is none.
    pub fn d_hash_rec_find(htable: *mut d_hash_table, key: *const c_void, ksize: c_uint) -> *mut d_list_t;
    /// hash.c: the record of a key, with a reference; if there is none, `link`, which is then inserted.
    pub fn d_hash_rec_find_insert(
        htable: *mut d_hash_table,
        key: *const c_void,
        ksize: c_uint,
        link: *mut d_list_t,
    ) -> *mut d_list_t;
    /// hash.c: inserts a record; -DER_EXIST if it is to be exclusive and its key is there already.
    pub fn d_hash_rec_insert(
        htable: *mut d_hash_table,
        key: *const c_void,
        ksize: c_uint,
        link: *mut d_list_t,
        exclusive: bool,
    ) -> c_int;
    /// hash.c: inserts a record whose key `hop_key_init` makes up from `arg`.
    pub fn d_hash_rec_insert_anonym(
        htable: *mut d_hash_table,
        link: *mut d_list_t,
        arg: *mut c_void,
    ) -> c_int;
    /// hash.c: takes the record of a key out; false if there is none.
    pub fn d_hash_rec_delete(htable: *mut d_hash_table, key: *const c_void, ksize: c_uint) -> bool;
    /// hash.c: takes a record out; false if it is out already.
    pub fn d_hash_rec_delete_at(htable: *mut d_hash_table, link: *mut d_list_t) -> bool;
    /// hash.c: makes the record of a key the one that is found last; false if there is none, or the table
    /// does not keep records by use.
    pub fn d_hash_rec_evict(htable: *mut d_hash_table, key: *const c_void, ksize: c_uint) -> bool;
    /// hash.c: the same for a record; false also if it is the last already.
    pub fn d_hash_rec_evict_at(htable: *mut d_hash_table, link: *mut d_list_t) -> bool;
    /// hash.c: takes a reference on a record.
    pub fn d_hash_rec_addref(htable: *mut d_hash_table, link: *mut d_list_t);
    /// hash.c: gives a reference back, and frees the record if it was the last one.
    pub fn d_hash_rec_decref(htable: *mut d_hash_table, link: *mut d_list_t);
    /// hash.c: gives several references back; -DER_INVAL if there were fewer.
    pub fn d_hash_rec_ndecref(htable: *mut d_hash_table, count: c_int, link: *mut d_list_t) -> c_int;
    /// hash.c: whether a record is in no table.
    pub fn d_hash_rec_unlinked(link: *mut d_list_t) -> bool;
    /// hash.c: some record of a table, without a reference; null if there is none.
    pub fn d_hash_rec_first(htable: *mut d_hash_table) -> *mut d_list_t;
    /// hash.c: as in builds of DAOS without `D_HASH_DEBUG`, there is nothing to tell.
    pub fn d_hash_table_debug(htable: *mut d_hash_table);
    /// hash.c: a table of handles with 2^`bits` chains, null if that fails.
    pub fn d_hhash_create(feats: u32, bits: u32, hhash: *mut *mut d_hhash) -> c_int;
    /// hash.c: takes all handles out and frees the table.
    pub fn d_hhash_destroy(hhash: *mut d_hhash);
    /// hash.c: prepares an object for a table; its creator has a reference.
    pub fn d_hhash_hlink_init(hlink: *mut d_hlink, hl_ops: *mut d_hlink_ops);
    /// hash.c: gives an object a handle of a type, `D_HTYPE_PTR` in a table of pointers and only there.
    pub fn d_hhash_link_insert(hhash: *mut d_hhash, hlink: *mut d_hlink, type_: c_int);
    /// hash.c: the object of a handle, with a reference; null if there is none.
    pub fn d_hhash_link_lookup(hhash: *mut d_hhash, key: u64) -> *mut d_hlink;
    /// hash.c: takes a reference.
    pub fn d_hhash_link_getref(hhash: *mut d_hhash, hlink: *mut d_hlink);
    /// hash.c: gives a reference back, and frees the object if it was the last one.
    pub fn d_hhash_link_putref(hhash: *mut d_hhash, hlink: *mut d_hlink);
    /// hash.c: takes an object's handle away; false if it has none.
    pub fn d_hhash_link_delete(hhash: *mut d_hhash, hlink: *mut d_hlink) -> bool;
    /// hash.c: whether an object is in use nowhere.
    pub fn d_hhash_link_empty(hlink: *mut d_hlink) -> bool;
    /// hash.c: the handle of an object.
    pub fn d_hhash_link_key(hlink: *mut d_hlink, key: *mut u64);
    /// hash.c: the type of a handle.
    pub fn d_hhash_key_type(key: u64) -> c_int;
    /// hash.c: whether a handle is an address.
    pub fn d_hhash_key_isptr(key: u64) -> bool;
    /// hash.c: makes handles addresses; -DER_ALREADY if there are others.
    pub fn d_hhash_set_ptrtype(hhash: *mut d_hhash) -> c_int;
    /// hash.c: whether handles are addresses.
    pub fn d_hhash_is_ptrtype(hhash: *mut d_hhash) -> bool;
    /// hash.c: calls `cb` for each object of a type until it returns something else than 0, which is then the
    /// result.
    pub fn d_hhash_traverse(
        hhash: *mut d_hhash,
        type_: c_int,
        cb: d_hhash_traverse_cb_t,
        arg: *mut c_void,
    ) -> c_int;
    /// hash.c: a table of records by UUID with 2^`bits` chains, null if that fails.
    pub fn d_uhash_create(feats: u32, bits: u32, htable: *mut *mut d_hash_table) -> c_int;
    /// hash.c: takes all records out and frees the table.
    pub fn d_uhash_destroy(htable: *mut d_hash_table);
    /// hash.c: prepares an object for a table; its creator has a reference.
    pub fn d_uhash_ulink_init(ulink: *mut d_ulink, ul_ops: *mut d_ulink_ops);
    /// hash.c: whether an object is in use nowhere.
    pub fn d_uhash_link_empty(ulink: *mut d_ulink) -> bool;
    /// hash.c: whether an object has one reference only.
    pub fn d_uhash_link_last_ref(ulink: *mut d_ulink) -> bool;
    /// hash.c: takes a reference.
    pub fn d_uhash_link_addref(htable: *mut d_hash_table, ulink: *mut d_ulink);
    /// hash.c: gives a reference back, and frees the object if it was the last one.
    pub fn d_uhash_link_putref(htable: *mut d_hash_table, ulink: *mut d_ulink);
    /// hash.c: takes an object out.
    pub fn d_uhash_link_delete(htable: *mut d_hash_table, ulink: *mut d_ulink);
    /// hash.c: inserts an object under a UUID; -DER_EXIST if that is taken.
    pub fn d_uhash_link_insert(
        htable: *mut d_hash_table,
        key: *mut d_uuid,
        cmp_args: *mut c_void,
        ulink: *mut d_ulink,
    ) -> c_int;
    /// hash.c: the object of a UUID, with a reference; null if there is none.
    pub fn d_uhash_link_lookup(
        htable: *mut d_hash_table,
        key: *mut d_uuid,
        cmp_args: *mut c_void,
    ) -> *mut d_ulink;
}
