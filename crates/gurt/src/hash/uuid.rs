//! Records by UUID, which may be told apart further by a function of their owner.

use super::reference;
use super::table::{Key, Table};
use crate::debug::d_assert;
use abi::{d_hash_table, d_hash_table_ops_t, d_list_t, d_ulink, d_ulink_ops, d_uuid};
use core::ffi::{c_int, c_uint, c_void};
use core::ptr;
use gurt_client::{Der, Facility, error, list_entry};

/// The key that the table's functions get: a UUID, and what the owner compares with.
#[repr(C)]
struct Wanted {
    uuid: *const d_uuid,
    args: *mut c_void,
}

impl Wanted {
    fn key(&self) -> Key {
        Key::new(ptr::from_ref(self).cast(), size_of::<Wanted>() as c_uint)
    }
}

/// The object that a record's link is part of.
///
/// # Safety
/// `link` is the list link of a UUID record.
unsafe fn object(link: *mut d_list_t) -> *mut d_ulink {
    // SAFETY: by the caller's promise; the records are the first member of objects, links of records.
    unsafe { list_entry!(link.cast::<abi::d_rlink>(), d_ulink, ul_link) }
}

/// A UUID's first bytes, random enough.
fn hash(uuid: &d_uuid) -> u32 {
    let [a, b, c, d, ..] = uuid.uuid;
    u32::from_ne_bytes([a, b, c, d])
}

unsafe extern "C" fn key_hash(_: *mut d_hash_table, key: *const c_void, ksize: c_uint) -> u32 {
    d_assert!(ksize as usize == size_of::<Wanted>());
    // SAFETY: a key of ours, as the size says.
    hash(unsafe { &*(*key.cast::<Wanted>()).uuid })
}

unsafe extern "C" fn key_cmp(
    _: *mut d_hash_table,
    link: *mut d_list_t,
    key: *const c_void,
    ksize: c_uint,
) -> bool {
    d_assert!(ksize as usize == size_of::<Wanted>());
    // SAFETY: a record of ours, and a key of ours, as the size says.
    unsafe {
        let (object, wanted) = (object(link), &*key.cast::<Wanted>());
        if (*object).ul_uuid.uuid != (*wanted.uuid).uuid {
            return false;
        }
        let compare = (*object).ul_ops.as_ref().and_then(|ops| ops.uop_cmp);
        compare.is_none_or(|compare| compare(object, wanted.args))
    }
}

unsafe extern "C" fn rec_hash(_: *mut d_hash_table, link: *mut d_list_t) -> u32 {
    // SAFETY: a record of ours.
    hash(unsafe { &(*object(link)).ul_uuid })
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
        if let Some(free) = (*object).ul_ops.as_ref().and_then(|ops| ops.uop_free) {
            free(object);
        }
    }
}

static OPS: d_hash_table_ops_t = d_hash_table_ops_t {
    hop_key_cmp: Some(key_cmp),
    hop_key_init: None,
    hop_key_hash: Some(key_hash),
    hop_rec_hash: Some(rec_hash),
    hop_rec_addref: Some(rec_addref),
    hop_rec_decref: Some(rec_decref),
    hop_rec_ndecref: None,
    hop_rec_free: Some(rec_free),
};

/// The list link of a record.
///
/// # Safety
/// `ulink` is an object.
unsafe fn link(ulink: *mut d_ulink) -> *mut d_list_t {
    // SAFETY: by the caller's promise.
    unsafe { &raw mut (*ulink).ul_link.rl_link }
}

abi::export! {
    /// `d_uhash_create` (hash.c): a table of records by UUID with 2^`bits` chains, null if that fails.
    pub unsafe fn d_uhash_create(feats: u32, bits: u32, htable: *mut *mut d_hash_table) -> c_int {
        // SAFETY: the caller's place, and static operations.
        unsafe {
            abi::d_hash_table_create(feats, bits, ptr::null_mut(), (&raw const OPS).cast_mut(), htable)
        }
    }

    /// `d_uhash_destroy` (hash.c): takes all records out and frees the table.
    pub unsafe fn d_uhash_destroy(htable: *mut d_hash_table) {
        // SAFETY: the caller gives the table up. It is initialised, so destroying it succeeds.
        unsafe { abi::d_hash_table_destroy(htable, true) };
    }

    /// `d_uhash_ulink_init` (hash.c): prepares an object for a table; its creator has a reference.
    pub unsafe fn d_uhash_ulink_init(ulink: *mut d_ulink, ul_ops: *mut d_ulink_ops) {
        // SAFETY: the caller's object.
        unsafe {
            (*ulink).ul_ops = ul_ops;
            reference::init(&raw mut (*ulink).ul_link);
        }
    }

    /// `d_uhash_link_empty` (hash.c): whether an object is in use nowhere.
    pub unsafe fn d_uhash_link_empty(ulink: *mut d_ulink) -> bool {
        // SAFETY: the caller's object.
        unsafe { reference::is_unused(&raw mut (*ulink).ul_link) }
    }

    /// `d_uhash_link_last_ref` (hash.c): whether an object has one reference only.
    pub unsafe fn d_uhash_link_last_ref(ulink: *mut d_ulink) -> bool {
        // SAFETY: the caller's object.
        unsafe { reference::is_last(&raw mut (*ulink).ul_link) }
    }

    /// `d_uhash_link_addref` (hash.c): takes a reference.
    pub unsafe fn d_uhash_link_addref(htable: *mut d_hash_table, ulink: *mut d_ulink) {
        // SAFETY: the caller's table and object.
        unsafe { Table::of(htable).addref_locked(link(ulink)) }
    }

    /// `d_uhash_link_putref` (hash.c): gives a reference back, and frees the object if it was the last one.
    pub unsafe fn d_uhash_link_putref(htable: *mut d_hash_table, ulink: *mut d_ulink) {
        // SAFETY: the caller's table and object.
        unsafe { Table::of(htable).decref_locked(link(ulink)) }
    }

    /// `d_uhash_link_delete` (hash.c): takes an object out.
    pub unsafe fn d_uhash_link_delete(htable: *mut d_hash_table, ulink: *mut d_ulink) {
        // SAFETY: the caller's table and object.
        unsafe { Table::of(htable).delete_at(link(ulink)) };
    }

    /// `d_uhash_link_insert` (hash.c): inserts an object under a UUID; -DER_EXIST if that is taken.
    pub unsafe fn d_uhash_link_insert(
        htable: *mut d_hash_table,
        key: *mut d_uuid,
        cmp_args: *mut c_void,
        ulink: *mut d_ulink,
    ) -> c_int {
        // SAFETY: the caller's table, UUID and object.
        unsafe {
            d_assert!(reference::is_initialised(&raw const (*ulink).ul_link));
            (*ulink).ul_uuid = *key;
            let wanted = Wanted { uuid: key, args: cmp_args };
            let inserted = Table::of(htable).insert(wanted.key(), link(ulink), true);
            if let Err(err) = inserted {
                error!(Facility::MEM, "cannot insert into the table of UUIDs: {err}");
            }
            Der::rc_of(inserted)
        }
    }

    /// `d_uhash_link_lookup` (hash.c): the object of a UUID, with a reference; null if there is none.
    pub unsafe fn d_uhash_link_lookup(
        htable: *mut d_hash_table,
        key: *mut d_uuid,
        cmp_args: *mut c_void,
    ) -> *mut d_ulink {
        let wanted = Wanted { uuid: key, args: cmp_args };
        // SAFETY: the caller's table and UUID.
        unsafe { Table::of(htable).find(wanted.key()).map_or(ptr::null_mut(), |link| object(link)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An object whose owner tells equal UUIDs apart by a number.
    #[repr(C)]
    struct Object {
        link: d_ulink,
        number: u32,
        freed: bool,
    }

    unsafe extern "C" fn free(ulink: *mut d_ulink) {
        // SAFETY: links are the first members of objects.
        unsafe { (*ulink.cast::<Object>()).freed = true }
    }

    unsafe extern "C" fn compare(ulink: *mut d_ulink, number: *mut c_void) -> bool {
        // SAFETY: as above; the tests look for numbers.
        unsafe { (*ulink.cast::<Object>()).number == *number.cast::<u32>() }
    }

    static mut LINK_OPS: d_ulink_ops = d_ulink_ops { uop_free: Some(free), uop_cmp: Some(compare) };

    #[test]
    fn records_are_told_apart_by_uuid_and_owner() {
        let mut uuids = [d_uuid { uuid: [7; 16] }, d_uuid { uuid: [8; 16] }];
        // SAFETY: tables and objects of ours, for which zeroes are a value before they are initialised.
        unsafe {
            let mut htable = ptr::null_mut();
            assert_eq!(abi::d_uhash_create(crate::lock::RWLOCK, 3, &mut htable), 0);
            let mut objects: [Object; 3] = core::mem::zeroed();
            let objects = objects.as_mut_ptr();
            let ulink = |at: usize| objects.add(at).cast::<d_ulink>();
            let mut numbers = [0u32, 1, 9];
            let number = |at: usize, numbers: &mut [u32; 3]| (&raw mut numbers[at]).cast::<c_void>();
            for at in 0..3 {
                (*objects.add(at)).number = (at % 2) as u32;
                abi::d_uhash_ulink_init(ulink(at), &raw mut LINK_OPS);
            }
            let insert = abi::d_uhash_link_insert;
            assert_eq!(insert(htable, &mut uuids[0], number(0, &mut numbers), ulink(0)), 0);
            assert_eq!(insert(htable, &mut uuids[0], number(1, &mut numbers), ulink(1)), 0);
            let again = insert(htable, &mut uuids[0], number(0, &mut numbers), ulink(2));
            assert_eq!(again, -(abi::DER_EXIST as c_int));

            let lookup = abi::d_uhash_link_lookup;
            assert_eq!(lookup(htable, &mut uuids[0], number(1, &mut numbers)), ulink(1));
            assert!(lookup(htable, &mut uuids[0], number(2, &mut numbers)).is_null());
            assert!(lookup(htable, &mut uuids[1], number(1, &mut numbers)).is_null());

            abi::d_uhash_link_putref(htable, ulink(1));
            abi::d_uhash_link_delete(htable, ulink(1));
            assert!(abi::d_uhash_link_last_ref(ulink(1)) && !(*objects.add(1)).freed);
            abi::d_uhash_link_putref(htable, ulink(1));
            assert!((*objects.add(1)).freed && abi::d_uhash_link_empty(ulink(1)));
            abi::d_uhash_link_putref(htable, ulink(2));

            abi::d_uhash_link_addref(htable, ulink(0));
            abi::d_uhash_link_putref(htable, ulink(0));
            abi::d_uhash_destroy(htable);
            assert!(abi::d_uhash_link_last_ref(ulink(0)));
        }
    }
}
