//! Handles: 64-bit keys that the table makes up, which carry a type; or, in a table of pointers, the address
//! of the object.

use super::reference;
use super::table::{self, Key, Table};
use crate::debug::d_assert;
use abi::{d_hash_table, d_hash_table_ops_t, d_hhash, d_hhash_traverse_cb_t, d_hlink, d_hlink_ops, d_list_t};
use core::ffi::{c_int, c_uint, c_void};
use core::ptr;
use gurt_client::{Der, Facility, alloc, error, list_entry};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What a `struct d_hhash` is; C knows it by its address only.
#[repr(C)]
#[derive(Clone, Copy)]
struct Handles {
    /// Number of the next handle.
    cookie: u64,
    table: d_hash_table,
    /// Handles are addresses; the table itself remains empty.
    pointers: bool,
}

/// The object that a record's link is part of.
///
/// # Safety
/// `link` is the list link of a handle's record.
unsafe fn object(link: *mut d_list_t) -> *mut d_hlink {
    // SAFETY: by the caller's promise; the records are the first member of handles, links of records.
    unsafe { list_entry!(link.cast::<abi::d_rlink>(), d_hlink, hl_link) }
}

/// The place of a handle in the table; its type does not spread.
fn hash(key: u64) -> u32 {
    (key >> abi::D_HTYPE_BITS) as u32
}

unsafe extern "C" fn key_init(htable: *mut d_hash_table, link: *mut d_list_t, arg: *mut c_void) {
    // SAFETY: called by the table for a record of ours, with the type that `d_hhash_link_insert` passes.
    unsafe {
        let handles = list_entry!(htable, Handles, table);
        let cookie = AtomicU64::from_ptr(&raw mut (*handles).cookie).fetch_add(1, Ordering::Relaxed);
        let kind = u64::from(*arg.cast::<c_int>() as u32 & abi::D_HTYPE_MASK);
        (*object(link)).hl_key = (cookie << abi::D_HTYPE_BITS) | kind;
    }
}

unsafe extern "C" fn key_hash(_: *mut d_hash_table, key: *const c_void, ksize: c_uint) -> u32 {
    d_assert!(ksize as usize == size_of::<u64>());
    // SAFETY: a handle, as the size says.
    hash(unsafe { key.cast::<u64>().read_unaligned() })
}

unsafe extern "C" fn key_cmp(
    _: *mut d_hash_table,
    link: *mut d_list_t,
    key: *const c_void,
    ksize: c_uint,
) -> bool {
    d_assert!(ksize as usize == size_of::<u64>());
    // SAFETY: a record of ours, and a handle, as the size says.
    unsafe { (*object(link)).hl_key == key.cast::<u64>().read_unaligned() }
}

unsafe extern "C" fn rec_hash(_: *mut d_hash_table, link: *mut d_list_t) -> u32 {
    // SAFETY: a record of ours.
    hash(unsafe { (*object(link)).hl_key })
}

unsafe extern "C" fn rec_addref(_: *mut d_hash_table, link: *mut d_list_t) {
    // SAFETY: a record of ours.
    unsafe { reference::take(link) }
}

unsafe extern "C" fn rec_decref(_: *mut d_hash_table, link: *mut d_list_t) -> bool {
    // SAFETY: a record of ours.
    unsafe { reference::give(link) }
}

unsafe extern "C" fn rec_free(_: *mut d_hash_table, link: *mut d_list_t) {
    // SAFETY: a record of ours, which its owner's function may free.
    unsafe {
        let object = object(link);
        if let Some(free) = (*object).hl_ops.as_ref().and_then(|ops| ops.hop_free) {
            free(object);
        }
    }
}

static OPS: d_hash_table_ops_t = d_hash_table_ops_t {
    hop_key_cmp: Some(key_cmp),
    hop_key_init: Some(key_init),
    hop_key_hash: Some(key_hash),
    hop_rec_hash: Some(rec_hash),
    hop_rec_addref: Some(rec_addref),
    hop_rec_decref: Some(rec_decref),
    hop_rec_ndecref: None,
    hop_rec_free: Some(rec_free),
};

/// The table of handles.
///
/// # Safety
/// `hhash` came from `d_hhash_create`, and what is said at [`Table`] holds.
unsafe fn table(hhash: *mut d_hhash) -> Table {
    // SAFETY: by the caller's promise.
    unsafe { Table::of(&raw mut (*hhash.cast::<Handles>()).table) }
}

/// Whether handles are addresses.
///
/// # Safety
/// As [`table`].
unsafe fn holds_pointers<'a>(hhash: *mut d_hhash) -> &'a AtomicBool {
    // SAFETY: by the caller's promise.
    unsafe { AtomicBool::from_ptr(&raw mut (*hhash.cast::<Handles>()).pointers) }
}

/// The list link of a handle's record.
///
/// # Safety
/// `hlink` is a handle's object.
unsafe fn link(hlink: *mut d_hlink) -> *mut d_list_t {
    // SAFETY: by the caller's promise.
    unsafe { &raw mut (*hlink).hl_link.rl_link }
}

/// Whether a handle is an address: those are even, all other types odd.
fn is_pointer(key: u64) -> bool {
    key & 1 == 0
}

abi::export! {
    /// `d_hhash_create` (hash.c): a table of handles with 2^`bits` chains, null if that fails.
    pub unsafe fn d_hhash_create(feats: u32, bits: u32, hhash: *mut *mut d_hhash) -> c_int {
        // SAFETY: the caller's place; the table is made at once.
        unsafe {
            *hhash = ptr::null_mut();
            let Some(memory) = alloc::array::<Handles>(1) else { return -(abi::DER_NOMEM as c_int) };
            let handles = memory.as_ptr();
            (*handles).cookie = 1;
            // Handles are numbered atomically, so no lock is needed, let alone that of every chain.
            let feats = feats | abi::D_HASH_FT_NO_KEYINIT_LOCK;
            let ops = (&raw const OPS).cast_mut();
            let made = table::create_inplace(feats, bits, ptr::null_mut(), ops, &raw mut (*handles).table);
            match made {
                Ok(()) => *hhash = handles.cast(),
                Err(_) => alloc::free(handles),
            }
            Der::rc_of(made)
        }
    }

    /// `d_hhash_destroy` (hash.c): takes all handles out and frees the table.
    pub unsafe fn d_hhash_destroy(hhash: *mut d_hhash) {
        // SAFETY: the caller gives the table up. It is initialised, so destroying it succeeds.
        unsafe {
            let _ = table(hhash).destroy(true);
            alloc::free(hhash.cast::<Handles>());
        }
    }

    /// `d_hhash_set_ptrtype` (hash.c): makes handles addresses; -DER_ALREADY if there are others.
    pub unsafe fn d_hhash_set_ptrtype(hhash: *mut d_hhash) -> c_int {
        // SAFETY: the caller's table.
        unsafe {
            if !holds_pointers(hhash).load(Ordering::Relaxed) && !table(hhash).is_empty() {
                error!(Facility::MEM, "handle table {hhash:p} holds handles that are no pointers");
                return -(abi::DER_ALREADY as c_int);
            }
            holds_pointers(hhash).store(true, Ordering::Relaxed);
        }
        0
    }

    /// `d_hhash_is_ptrtype` (hash.c): whether handles are addresses.
    pub unsafe fn d_hhash_is_ptrtype(hhash: *mut d_hhash) -> bool {
        // SAFETY: the caller's table.
        unsafe { holds_pointers(hhash) }.load(Ordering::Relaxed)
    }

    /// `d_hhash_hlink_init` (hash.c): prepares an object for a table; its creator has a reference.
    pub unsafe fn d_hhash_hlink_init(hlink: *mut d_hlink, hl_ops: *mut d_hlink_ops) {
        // SAFETY: the caller's object.
        unsafe {
            (*hlink).hl_ops = hl_ops;
            reference::init(&raw mut (*hlink).hl_link);
        }
    }

    /// `d_hhash_link_insert` (hash.c): gives an object a handle of a type, `D_HTYPE_PTR` in a table of
    /// pointers and only there.
    pub unsafe fn d_hhash_link_insert(hhash: *mut d_hhash, hlink: *mut d_hlink, type_: c_int) {
        // SAFETY: the caller's table and object.
        unsafe {
            d_assert!(reference::is_initialised(&raw const (*hlink).hl_link));
            d_assert!((0..1 << abi::D_HTYPE_BITS).contains(&type_));
            let pointers = abi::d_hhash_is_ptrtype(hhash);
            d_assert!(pointers == (type_ == abi::D_HTYPE_PTR as c_int));
            if pointers {
                let key = hlink.expose_provenance() as u64;
                d_assert!(is_pointer(key));
                (*hlink).hl_key = key;
                reference::take(link(hlink));
            } else {
                let mut kind = type_;
                let inserted = table(hhash).insert_anonymous(link(hlink), (&raw mut kind).cast());
                d_assert!(inserted.is_ok());
            }
        }
    }

    /// `d_hhash_link_lookup` (hash.c): the object of a handle, with a reference; null if there is none.
    pub unsafe fn d_hhash_link_lookup(hhash: *mut d_hhash, key: u64) -> *mut d_hlink {
        // SAFETY: the caller's table; a handle that is an address is one of an object, as its owner vouches.
        unsafe {
            if !is_pointer(key) {
                let found = table(hhash).find(Key::new((&raw const key).cast(), size_of::<u64>() as c_uint));
                return found.map_or(ptr::null_mut(), |link| object(link));
            }
            let hlink = ptr::with_exposed_provenance_mut::<d_hlink>(key as usize);
            if hlink.is_null() || !abi::d_hhash_is_ptrtype(hhash) || (*hlink).hl_key != key {
                error!(Facility::MEM, "{key:#x} is no handle of table {hhash:p}");
                return ptr::null_mut();
            }
            reference::take(link(hlink));
            hlink
        }
    }

    /// `d_hhash_link_delete` (hash.c): takes an object's handle away; false if it has none.
    pub unsafe fn d_hhash_link_delete(hhash: *mut d_hhash, hlink: *mut d_hlink) -> bool {
        // SAFETY: the caller's table and object.
        unsafe {
            if !is_pointer((*hlink).hl_key) {
                return table(hhash).delete_at(link(hlink));
            }
            if !abi::d_hhash_is_ptrtype(hhash) {
                error!(Facility::MEM, "{:#x} is no handle of table {hhash:p}", (*hlink).hl_key);
                return false;
            }
            abi::d_hhash_link_putref(hhash, hlink);
            true
        }
    }

    /// `d_hhash_link_getref` (hash.c): takes a reference.
    pub unsafe fn d_hhash_link_getref(_hhash: *mut d_hhash, hlink: *mut d_hlink) {
        // SAFETY: the caller's object.
        unsafe { reference::take(link(hlink)) }
    }

    /// `d_hhash_link_putref` (hash.c): gives a reference back, and frees the object if it was the last one.
    pub unsafe fn d_hhash_link_putref(hhash: *mut d_hhash, hlink: *mut d_hlink) {
        // SAFETY: the caller's table and object.
        unsafe {
            let table = table(hhash);
            d_assert!(!table.has(abi::D_HASH_FT_EPHEMERAL));
            if table.decref(link(hlink)) {
                table.free(link(hlink));
            }
        }
    }

    /// `d_hhash_link_empty` (hash.c): whether an object is in use nowhere.
    pub unsafe fn d_hhash_link_empty(hlink: *mut d_hlink) -> bool {
        // SAFETY: the caller's object.
        unsafe { reference::is_unused(&raw mut (*hlink).hl_link) }
    }

    /// `d_hhash_link_key` (hash.c): the handle of an object.
    pub unsafe fn d_hhash_link_key(hlink: *mut d_hlink, key: *mut u64) {
        // SAFETY: the caller's object and place.
        unsafe { *key = (*hlink).hl_key }
    }

    /// `d_hhash_key_type` (hash.c): the type of a handle.
    pub fn d_hhash_key_type(key: u64) -> c_int {
        if is_pointer(key) { abi::D_HTYPE_PTR as c_int } else { (key & u64::from(abi::D_HTYPE_MASK)) as c_int }
    }

    /// `d_hhash_key_isptr` (hash.c): whether a handle is an address.
    pub fn d_hhash_key_isptr(key: u64) -> bool {
        is_pointer(key)
    }

    /// `d_hhash_traverse` (hash.c): calls `cb` for each object of a type until it returns something else than
    /// 0, which is then the result.
    pub unsafe fn d_hhash_traverse(
        hhash: *mut d_hhash,
        type_: c_int,
        cb: d_hhash_traverse_cb_t,
        arg: *mut c_void,
    ) -> c_int {
        let Some(callback) = cb else { return -(abi::DER_INVAL as c_int) };
        // SAFETY: the caller's table and function.
        unsafe {
            let visit = |link: *mut d_list_t| {
                let object = object(link);
                if abi::d_hhash_key_type((*object).hl_key) == type_ { callback(object, arg) } else { 0 }
            };
            table(hhash).traverse(visit).unwrap_or_else(Der::rc)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicI32;

    /// Objects alive.
    static ALIVE: AtomicI32 = AtomicI32::new(0);

    unsafe extern "C" fn free(hlink: *mut d_hlink) {
        ALIVE.fetch_sub(1, Ordering::Relaxed);
        // SAFETY: made by `object_in`.
        drop(unsafe { Box::from_raw(hlink) });
    }

    static mut LINK_OPS: d_hlink_ops = d_hlink_ops { hop_free: Some(free) };

    fn create(feats: u32) -> *mut d_hhash {
        let mut hhash = ptr::null_mut();
        // SAFETY: a place of ours.
        assert_eq!(unsafe { abi::d_hhash_create(feats, 4, &mut hhash) }, 0);
        hhash
    }

    /// A new object with a handle, and the latter.
    fn object_in(hhash: *mut d_hhash, kind: c_int) -> (*mut d_hlink, u64) {
        ALIVE.fetch_add(1, Ordering::Relaxed);
        let mut key = 0;
        // SAFETY: a new object, for which zeroes are a value before it is initialised.
        unsafe {
            let object = Box::into_raw(Box::new(core::mem::zeroed::<d_hlink>()));
            assert!(abi::d_hhash_link_empty(object));
            abi::d_hhash_hlink_init(object, &raw mut LINK_OPS);
            abi::d_hhash_link_insert(hhash, object, kind);
            assert!(!abi::d_hhash_link_empty(object));
            abi::d_hhash_link_key(object, &mut key);
            (object, key)
        }
    }

    #[test]
    fn handles_live_as_long_as_their_references() {
        // One test for all, because they count the objects that are alive.
        numbered_handles(abi::D_HASH_FT_NOLOCK);
        numbered_handles(crate::lock::RWLOCK);
        pointers();
    }

    fn numbered_handles(feats: u32) {
        let hhash = create(feats);
        let (first, first_key) = object_in(hhash, 3);
        let (_, second_key) = object_in(hhash, 5);
        // SAFETY: a table and objects of ours.
        unsafe {
            assert_eq!(first_key, 1 << 4 | 3);
            assert_eq!(second_key, 2 << 4 | 5);
            assert_eq!((abi::d_hhash_key_type(first_key), abi::d_hhash_key_isptr(first_key)), (3, false));
            assert_eq!(abi::d_hhash_link_lookup(hhash, first_key), first);
            abi::d_hhash_link_putref(hhash, first);
            assert!(abi::d_hhash_link_lookup(hhash, 9 << 4 | 3).is_null());
            assert!(abi::d_hhash_link_lookup(hhash, 0).is_null());
            unsafe extern "C" fn count(_: *mut d_hlink, arg: *mut c_void) -> c_int {
                // SAFETY: the counter below.
                unsafe { *arg.cast::<i32>() += 1 };
                0
            }
            let mut of_type_5 = 0;
            assert_eq!(abi::d_hhash_traverse(hhash, 5, Some(count), (&raw mut of_type_5).cast()), 0);
            assert_eq!(of_type_5, 1);
            assert_eq!(abi::d_hhash_set_ptrtype(hhash), -(abi::DER_ALREADY as c_int));

            // Ours remains after the table's is gone.
            assert!(abi::d_hhash_link_delete(hhash, first));
            assert!(!abi::d_hhash_link_delete(hhash, first));
            assert!(abi::d_hhash_link_lookup(hhash, first_key).is_null());
            assert_eq!(ALIVE.load(Ordering::Relaxed), 2);
            abi::d_hhash_link_putref(hhash, first);
            assert_eq!(ALIVE.load(Ordering::Relaxed), 1);

            let (second, _) = (abi::d_hhash_link_lookup(hhash, second_key), ());
            abi::d_hhash_link_putref(hhash, second);
            abi::d_hhash_link_putref(hhash, second);
            abi::d_hhash_destroy(hhash);
        }
        assert_eq!(ALIVE.load(Ordering::Relaxed), 0);
    }

    fn pointers() {
        let hhash = create(abi::D_HASH_FT_NOLOCK);
        // SAFETY: a table and objects of ours.
        unsafe {
            assert_eq!(abi::d_hhash_set_ptrtype(hhash), 0);
            assert!(abi::d_hhash_is_ptrtype(hhash));
            let (object, key) = object_in(hhash, abi::D_HTYPE_PTR as c_int);
            assert_eq!(key, object.addr() as u64);
            assert_eq!(abi::d_hhash_link_lookup(hhash, key), object);
            abi::d_hhash_link_putref(hhash, object);
            assert!(abi::d_hhash_link_delete(hhash, object));
            abi::d_hhash_link_putref(hhash, object);
            abi::d_hhash_destroy(hhash);
        }
        assert_eq!(ALIVE.load(Ordering::Relaxed), 0);
    }
}
