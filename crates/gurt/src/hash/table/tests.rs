//! The table against std's map, and each feature on its own.

use super::*;
use crate::lock::RWLOCK;
use gurt_client::list_entry;
use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};

/// A record. Freed ones are only marked, so that tests can look at them.
#[repr(C)]
struct Item {
    link: d_list_t,
    key: AtomicU32,
    references: AtomicI32,
    freed: AtomicBool,
}

/// Fields of the record that a link is part of; never all of it, for its links change meanwhile.
macro_rules! field {
    ($link:expr, $field:ident) => {
        // SAFETY: all records of these tests are items, and alive.
        unsafe { &(*list_entry!($link, Item, link)).$field }
    };
}

/// Key of a record.
fn key_of(link: *mut d_list_t) -> u32 {
    field!(link, key).load(Ordering::Relaxed)
}

unsafe extern "C" fn key_cmp(
    _: *mut d_hash_table,
    link: *mut d_list_t,
    key: *const c_void,
    _: c_uint,
) -> bool {
    // SAFETY: keys are numbers of 32 bits.
    key_of(link) == unsafe { *key.cast::<u32>() }
}

unsafe extern "C" fn key_init(table: *mut d_hash_table, link: *mut d_list_t, _: *mut c_void) {
    // SAFETY: the private pointer is a counter.
    let key = unsafe { (*(*table).ht_priv.cast::<AtomicU32>()).fetch_add(1, Ordering::Relaxed) };
    field!(link, key).store(key, Ordering::Relaxed)
}

unsafe extern "C" fn rec_hash(_: *mut d_hash_table, link: *mut d_list_t) -> u32 {
    functions::string_u32(&key_of(link).to_ne_bytes())
}

unsafe extern "C" fn addref(_: *mut d_hash_table, link: *mut d_list_t) {
    field!(link, references).fetch_add(1, Ordering::Relaxed);
}

unsafe extern "C" fn decref(_: *mut d_hash_table, link: *mut d_list_t) -> bool {
    field!(link, references).fetch_sub(1, Ordering::AcqRel) == 1
}

unsafe extern "C" fn free(_: *mut d_hash_table, link: *mut d_list_t) {
    field!(link, freed).store(true, Ordering::Relaxed)
}

const OPS: d_hash_table_ops_t = d_hash_table_ops_t {
    hop_key_cmp: Some(key_cmp),
    hop_key_init: Some(key_init),
    hop_key_hash: None,
    hop_rec_hash: Some(rec_hash),
    hop_rec_addref: Some(addref),
    hop_rec_decref: Some(decref),
    hop_rec_ndecref: None,
    hop_rec_free: Some(free),
};

/// A table for one test, with its operations and counter.
struct Tested {
    table: *mut d_hash_table,
    ops: *mut d_hash_table_ops_t,
    counter: *mut AtomicU32,
}

impl Tested {
    fn with_ops(feats: u32, bits: u32, ops: d_hash_table_ops_t) -> Self {
        let ops = Box::into_raw(Box::new(ops));
        let counter = Box::into_raw(Box::new(AtomicU32::new(100)));
        let mut table = ptr::null_mut();
        // SAFETY: places of ours.
        let rc = unsafe { abi::d_hash_table_create(feats, bits, counter.cast(), ops, &mut table) };
        assert_eq!(rc, 0);
        Tested { table, ops, counter }
    }

    fn new(feats: u32, bits: u32) -> Self {
        Self::with_ops(feats, bits, OPS)
    }

    fn find(&self, key: u32) -> Option<*mut d_list_t> {
        // SAFETY: a table of ours.
        let link = unsafe { abi::d_hash_rec_find(self.table, (&raw const key).cast(), 4) };
        (!link.is_null()).then_some(link)
    }

    fn insert(&self, link: *mut d_list_t, exclusive: bool) -> c_int {
        let key = key_of(link);
        // SAFETY: a table of ours, and an item.
        unsafe { abi::d_hash_rec_insert(self.table, (&raw const key).cast(), 4, link, exclusive) }
    }

    fn delete(&self, key: u32) -> bool {
        // SAFETY: a table of ours.
        unsafe { abi::d_hash_rec_delete(self.table, (&raw const key).cast(), 4) }
    }

    /// Keys in the order of a traversal.
    fn keys(&self) -> Vec<u32> {
        unsafe extern "C" fn collect(link: *mut d_list_t, keys: *mut c_void) -> c_int {
            // SAFETY: the vector below.
            unsafe { (*keys.cast::<Vec<u32>>()).push(key_of(link)) };
            0
        }
        let mut keys: Vec<u32> = Vec::new();
        // SAFETY: a table of ours.
        let rc = unsafe { abi::d_hash_table_traverse(self.table, Some(collect), (&raw mut keys).cast()) };
        assert_eq!(rc, 0);
        keys
    }
}

impl Drop for Tested {
    fn drop(&mut self) {
        // SAFETY: all of it ours.
        unsafe {
            assert_eq!(abi::d_hash_table_destroy(self.table, true), 0);
            drop(Box::from_raw(self.ops));
            drop(Box::from_raw(self.counter));
        }
    }
}

/// A record, as its link. Kept by a vector that frees all of them in the end.
#[derive(Default)]
struct Items(Vec<*mut Item>);

impl Items {
    fn add(&mut self, key: u32) -> *mut d_list_t {
        let null = ptr::null_mut();
        let link = d_list_t { next: null, prev: null };
        let made = Box::into_raw(Box::new(Item {
            link,
            key: AtomicU32::new(key),
            references: AtomicI32::new(1),
            freed: AtomicBool::new(false),
        }));
        self.0.push(made);
        // SAFETY: just made.
        unsafe {
            let link = &raw mut (*made).link;
            list::init(link);
            link
        }
    }
}

impl Drop for Items {
    fn drop(&mut self) {
        // SAFETY: made by `add`; tests drop their table first.
        self.0.drain(..).for_each(|item| drop(unsafe { Box::from_raw(item) }));
    }
}

/// References and whether the record was freed.
fn state(link: *mut d_list_t) -> (i32, bool) {
    (field!(link, references).load(Ordering::Acquire), field!(link, freed).load(Ordering::Relaxed))
}

/// Every way to lock that Miri knows.
fn lockings() -> Vec<u32> {
    let mut all = vec![abi::D_HASH_FT_NOLOCK, abi::D_HASH_FT_MUTEX, RWLOCK];
    if !cfg!(miri) {
        all.push(0);
    }
    let global = |&feats: &u32| feats | abi::D_HASH_FT_GLOCK;
    let globals: Vec<u32> = all.iter().map(global).collect();
    all.into_iter().chain(globals).collect()
}

#[test]
fn a_table_holds_a_reference_on_its_records() {
    for feats in lockings() {
        let mut items = Items::default();
        let tested = Tested::new(feats, 2);
        let (a, b) = (items.add(1), items.add(1));
        assert_eq!(tested.insert(a, true), 0);
        assert_eq!(state(a), (2, false));
        assert_eq!(tested.insert(b, true), -(abi::DER_EXIST as c_int));
        assert_eq!(tested.find(1), Some(a));
        assert_eq!(state(a), (3, false));
        assert_eq!(tested.find(2), None);
        // SAFETY: a table and items of ours.
        unsafe {
            abi::d_hash_rec_decref(tested.table, a);
            abi::d_hash_rec_addref(tested.table, a);
            assert_eq!(abi::d_hash_rec_first(tested.table), a);
            assert!(!abi::d_hash_rec_unlinked(a));
            assert!(tested.delete(1) && !tested.delete(1));
            assert!(abi::d_hash_rec_unlinked(a));
            assert!(!abi::d_hash_rec_delete_at(tested.table, a));
            assert!(abi::d_hash_rec_first(tested.table).is_null());
            assert_eq!(state(a), (2, false));
            assert_eq!(abi::d_hash_rec_ndecref(tested.table, 2, a), 0);
        }
        assert_eq!(state(a), (0, true));
    }
}

#[test]
fn ephemeral_records_leave_with_their_last_reference() {
    let mut items = Items::default();
    let tested = Tested::new(abi::D_HASH_FT_MUTEX | abi::D_HASH_FT_EPHEMERAL, 2);
    let link = items.add(7);
    assert_eq!(tested.insert(link, true), 0);
    assert_eq!(state(link), (1, false));
    assert_eq!(tested.find(7), Some(link));
    // SAFETY: a table and items of ours.
    unsafe {
        abi::d_hash_rec_decref(tested.table, link);
        assert_eq!(state(link), (1, false));
        abi::d_hash_rec_decref(tested.table, link);
    }
    assert_eq!(state(link), (0, true));
    assert_eq!(tested.find(7), None);
}

#[test]
fn too_many_references_given_back_leave_no_freed_record_behind() {
    let mut items = Items::default();
    let tested = Tested::new(abi::D_HASH_FT_MUTEX | abi::D_HASH_FT_EPHEMERAL, 2);
    let link = items.add(7);
    assert_eq!(tested.insert(link, true), 0);
    // SAFETY: a table and items of ours.
    unsafe {
        let invalid = -(abi::DER_INVAL as c_int);
        assert_eq!(abi::d_hash_rec_ndecref(tested.table, 0, link), invalid);
        assert_eq!(abi::d_hash_rec_ndecref(tested.table, 2, link), invalid);
    }
    assert_eq!(state(link), (0, true));
    assert_eq!(tested.find(7), None);
}

#[test]
fn the_owner_may_count_several_references_at_once() {
    unsafe extern "C" fn many(_: *mut d_hash_table, link: *mut d_list_t, count: c_int) -> c_int {
        let references = field!(link, references);
        match references.load(Ordering::Relaxed) - count {
            left if left < 0 => -(abi::DER_INVAL as c_int),
            left => {
                references.store(left, Ordering::Relaxed);
                (left == 0).into()
            }
        }
    }
    let mut items = Items::default();
    let ops = d_hash_table_ops_t { hop_rec_ndecref: Some(many), ..OPS };
    let tested = Tested::with_ops(abi::D_HASH_FT_EPHEMERAL | abi::D_HASH_FT_NOLOCK, 2, ops);
    let link = items.add(7);
    assert_eq!(tested.insert(link, true), 0);
    // SAFETY: a table and items of ours.
    unsafe {
        abi::d_hash_rec_addref(tested.table, link);
        assert_eq!(abi::d_hash_rec_ndecref(tested.table, 3, link), -(abi::DER_INVAL as c_int));
        assert_eq!(state(link), (2, false));
        assert_eq!(abi::d_hash_rec_ndecref(tested.table, 2, link), 0);
    }
    assert_eq!((state(link), tested.find(7)), ((0, true), None));
}

#[test]
fn records_are_kept_by_use_if_wanted() {
    let mut items = Items::default();
    let tested = Tested::new(RWLOCK | abi::D_HASH_FT_LRU, 0);
    let links = [1, 2, 3].map(|key| items.add(key));
    links.iter().for_each(|&link| assert_eq!(tested.insert(link, true), 0));
    assert_eq!(tested.keys(), [3, 2, 1]);
    tested.find(1);
    assert_eq!(tested.keys(), [1, 3, 2]);
    let key = 3u32;
    // SAFETY: a table and items of ours.
    unsafe {
        assert!(abi::d_hash_rec_evict(tested.table, (&raw const key).cast(), 4));
        assert_eq!(tested.keys(), [1, 2, 3]);
        assert!(abi::d_hash_rec_evict_at(tested.table, links[0]));
        assert!(!abi::d_hash_rec_evict_at(tested.table, links[0]));
    }
    assert_eq!(tested.keys(), [2, 3, 1]);
}

#[test]
fn tables_that_do_not_keep_records_by_use_evict_none() {
    let mut items = Items::default();
    let tested = Tested::new(abi::D_HASH_FT_NOLOCK, 0);
    let link = items.add(1);
    assert_eq!(tested.insert(link, true), 0);
    // SAFETY: a table and an item of ours.
    assert!(!unsafe { abi::d_hash_rec_evict_at(tested.table, link) });
}

#[test]
fn find_insert_takes_what_is_there() {
    let mut items = Items::default();
    let tested = Tested::new(abi::D_HASH_FT_MUTEX, 2);
    let (a, b, key) = (items.add(4), items.add(4), 4u32);
    // SAFETY: a table and items of ours.
    unsafe {
        let find_insert = |link| abi::d_hash_rec_find_insert(tested.table, (&raw const key).cast(), 4, link);
        assert_eq!(find_insert(a), a);
        assert_eq!(find_insert(b), a);
    }
    assert_eq!((state(a), state(b)), ((3, false), (1, false)));
}

#[test]
fn keys_can_be_made_up() {
    for feats in lockings() {
        for own_lock in [0, abi::D_HASH_FT_NO_KEYINIT_LOCK] {
            let mut items = Items::default();
            let tested = Tested::new(feats | own_lock, 2);
            let (a, b) = (items.add(0), items.add(0));
            // SAFETY: a table and items of ours.
            unsafe {
                assert_eq!(abi::d_hash_rec_insert_anonym(tested.table, a, ptr::null_mut()), 0);
                assert_eq!(abi::d_hash_rec_insert_anonym(tested.table, b, ptr::null_mut()), 0);
            }
            assert_eq!((tested.find(100), tested.find(101)), (Some(a), Some(b)));
        }
    }
    let tested = Tested::with_ops(abi::D_HASH_FT_MUTEX, 2, d_hash_table_ops_t { hop_key_init: None, ..OPS });
    let link = Items::default().add(0);
    // SAFETY: a table of ours; the record is not touched.
    let rc = unsafe { abi::d_hash_rec_insert_anonym(tested.table, link, ptr::null_mut()) };
    assert_eq!(rc, -(abi::DER_INVAL as c_int));
}

#[test]
fn a_table_with_records_is_busy() {
    let mut items = Items::default();
    let tested = Tested::new(abi::D_HASH_FT_NOLOCK, 3);
    let links: Vec<_> = (0..20).map(|key| items.add(key)).collect();
    links.iter().for_each(|&link| assert_eq!(tested.insert(link, true), 0));
    // SAFETY: a table of ours, which remains usable.
    assert_eq!(unsafe { abi::d_hash_table_destroy(tested.table, false) }, -(abi::DER_BUSY as c_int));
    assert_eq!(tested.keys().len(), 20);
    drop(tested);
    links.iter().for_each(|&link| assert_eq!(state(link), (1, false)));
}

#[test]
fn invalid_arguments() {
    let (mut table, mut ops) = (ptr::null_mut(), d_hash_table_ops_t { hop_key_cmp: None, ..OPS });
    let mut place = empty();
    let invalid = -(abi::DER_INVAL as c_int);
    // SAFETY: places of ours; null pointers are what is tested.
    unsafe {
        let mut create = |bits, ops| abi::d_hash_table_create(0, bits, ptr::null_mut(), ops, &mut table);
        assert_eq!([create(4, ptr::null_mut()), create(4, &mut ops)], [invalid; 2]);
        ops = OPS;
        let rc = abi::d_hash_table_create(0, 32, ptr::null_mut(), &mut ops, &mut table);
        assert!(rc == invalid && table.is_null());
        let uninit = -(abi::DER_UNINIT as c_int);
        assert_eq!(abi::d_hash_table_destroy_inplace(&mut place, true), uninit);
        unsafe extern "C" fn never(_: *mut d_list_t, _: *mut c_void) -> c_int {
            1
        }
        assert_eq!(abi::d_hash_table_traverse(&mut place, Some(never), ptr::null_mut()), uninit);
        assert_eq!(abi::d_hash_table_traverse(&mut place, None, ptr::null_mut()), invalid);
    }
}

#[test]
fn a_callback_ends_a_traversal() {
    unsafe extern "C" fn stop(_: *mut d_list_t, calls: *mut c_void) -> c_int {
        // SAFETY: the counter below.
        unsafe { *calls.cast::<i32>() += 1 };
        42
    }
    let mut items = Items::default();
    let tested = Tested::new(abi::D_HASH_FT_NOLOCK, 3);
    (0..5).for_each(|key| assert_eq!(tested.insert(items.add(key), true), 0));
    let mut calls = 0;
    // SAFETY: a table of ours.
    let rc = unsafe { abi::d_hash_table_traverse(tested.table, Some(stop), (&raw mut calls).cast()) };
    assert_eq!((rc, calls), (42, 1));
}

#[test]
fn threads_share_a_locked_table() {
    struct Shared(Tested);
    // SAFETY: the table locks.
    unsafe impl Sync for Shared {}
    let rounds = if cfg!(miri) { 20 } else { 2000 };
    for feats in lockings().into_iter().filter(|feats| feats & abi::D_HASH_FT_NOLOCK == 0) {
        let shared = Shared(Tested::new(feats | abi::D_HASH_FT_LRU, 2));
        std::thread::scope(|scope| {
            for thread in 0..4u32 {
                let shared = &shared;
                scope.spawn(move || {
                    let tested = &{ shared }.0;
                    let mut items = Items::default();
                    let own = items.add(thread);
                    for round in 0..rounds {
                        assert_eq!(tested.insert(own, true), 0);
                        if let Some(other) = tested.find((thread + round) % 4) {
                            // SAFETY: a record on which we have a reference. Its owner waits for that, below.
                            unsafe { abi::d_hash_rec_decref(tested.table, other) };
                        }
                        assert!(tested.delete(thread));
                        while state(own).0 != 1 {
                            std::thread::yield_now();
                        }
                    }
                });
            }
        });
        assert_eq!(shared.0.keys(), []);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 64 }))]

    /// Against std's map: exclusive insertions, look-ups and deletions, by key and by record.
    #[test]
    fn behaves_as_a_map(steps in prop::collection::vec((0u8..4, 0u32..40), 0..200), lru: bool) {
        let mut items = Items::default();
        let feats = RWLOCK | if lru { abi::D_HASH_FT_LRU } else { 0 };
        let tested = Tested::new(feats, 3);
        let mut model: HashMap<u32, *mut d_list_t> = HashMap::new();
        for (step, key) in steps {
            match step {
                0 => {
                    let link = items.add(key);
                    let inserted = tested.insert(link, true) == 0;
                    prop_assert_eq!(inserted, !model.contains_key(&key));
                    model.entry(key).or_insert(link);
                }
                1 => prop_assert_eq!(tested.delete(key), model.remove(&key).is_some()),
                2 => if let Some(link) = model.remove(&key) {
                    // SAFETY: a table and an item of ours.
                    let deleted = unsafe { abi::d_hash_rec_delete_at(tested.table, link) };
                    prop_assert!(deleted);
                },
                _ => {
                    let found = tested.find(key);
                    prop_assert_eq!(found, model.get(&key).copied());
                    // SAFETY: a table and an item of ours.
                    found.inspect(|&link| unsafe { abi::d_hash_rec_decref(tested.table, link) });
                }
            }
            let mut keys = tested.keys();
            keys.sort_unstable();
            let mut expected: Vec<u32> = model.keys().copied().collect();
            expected.sort_unstable();
            prop_assert_eq!(keys, expected);
        }
        drop(tested);
        for &item in &items.0 {
            // SAFETY: still alive; the creator's reference is left.
            prop_assert_eq!(state(unsafe { &raw mut (*item).link }), (1, false));
        }
    }
}
