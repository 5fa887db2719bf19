//! The hash table.

use super::functions;
use crate::debug::d_assert;
use crate::lock::{Guard, Kind, Lock};
use abi::{d_hash_bucket, d_hash_lock, d_hash_table, d_hash_table_ops_t, d_hash_traverse_cb_t, d_list_t};
use core::ffi::{c_int, c_uint, c_void};
use core::ptr;
use gurt_client::{Der, Facility, Result, alloc, debug, error, list, warn};

const INVAL: Der = Der::new(abi::DER_INVAL as i64);
const NOMEM: Der = Der::new(abi::DER_NOMEM as i64);

/// The two ends of a chain: recently used records are at the front if the table keeps them so.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Front,
    Back,
}

/// A key, as the owner's functions take it.
#[derive(Clone, Copy)]
pub(super) struct Key {
    at: *const c_void,
    size: c_uint,
}

impl Key {
    /// Names a key, which must have bytes.
    pub(super) fn new(at: *const c_void, size: c_uint) -> Self {
        d_assert!(!at.is_null() && size != 0);
        Key { at, size }
    }
}

/// A record, known by the link in it.
pub(super) type Record = *mut d_list_t;

/// A table of C's.
///
/// Made by [`Table::of`], whose promise covers everything that is done with it: that the table is initialised,
/// that its owner's functions work as `d_hash_table_ops_t` says, that records and keys that are passed along
/// are such functions' records and keys, alive, and that whoever calls keeps others out if the table does not
/// lock.
#[derive(Clone, Copy)]
pub(super) struct Table(*mut d_hash_table);

impl Table {
    /// # Safety
    /// See [`Table`].
    pub(super) unsafe fn of(table: *mut d_hash_table) -> Self {
        Table(table)
    }

    pub(super) fn has(self, feature: abi::d_hash_feats) -> bool {
        // SAFETY: see Table.
        unsafe { (*self.0).ht_feats & feature != 0 }
    }

    fn ops(self) -> d_hash_table_ops_t {
        // SAFETY: see Table.
        unsafe { *(*self.0).ht_ops }
    }

    fn len(self) -> u32 {
        // SAFETY: see Table.
        1 << unsafe { (*self.0).ht_bits }
    }

    /// Head of a chain.
    fn chain(self, at: u32) -> *mut d_list_t {
        // SAFETY: see Table; `at` is below `len`.
        unsafe { &raw mut (*(*self.0).ht_buckets.add(at as usize)).hb_head }
    }

    fn kind(self) -> Kind {
        match () {
            _ if self.has(abi::D_HASH_FT_NOLOCK) => Kind::None,
            _ if self.has(abi::D_HASH_FT_MUTEX) => Kind::Mutex,
            _ if self.has(abi::D_HASH_FT_RWLOCK) => Kind::ReadWrite,
            _ => Kind::Spin,
        }
    }

    /// The lock of a chain, which may be that of all.
    fn lock(self, at: u32) -> Lock {
        // SAFETY: see Table; there is one lock, or one for each chain.
        unsafe {
            let place = match self.kind() {
                Kind::None => ptr::null_mut(),
                _ if self.has(abi::D_HASH_FT_GLOCK) => &raw mut (*self.0).ht_lock,
                _ => (*self.0).ht_locks.add(at as usize),
            };
            Lock::at(self.kind(), place.cast())
        }
    }

    /// Number of locks.
    fn locks(self) -> u32 {
        match self.kind() {
            Kind::None => 0,
            _ if self.has(abi::D_HASH_FT_GLOCK) => 1,
            _ => self.len(),
        }
    }

    /// The chain of a key.
    fn place_of(self, key: Key) -> u32 {
        let hash = match self.ops().hop_key_hash {
            // SAFETY: see Table.
            Some(hash) => unsafe { hash(self.0, key.at, key.size) },
            // SAFETY: a key has that many bytes.
            None => functions::string_u32(unsafe {
                core::slice::from_raw_parts(key.at.cast(), key.size as usize)
            }),
        };
        hash & (self.len() - 1)
    }

    /// The chain of a record. An owner who cannot tell has one lock for all, and any chain will do.
    fn place_of_record(self, record: Record) -> u32 {
        // SAFETY: see Table.
        self.ops().hop_rec_hash.map_or(0, |hash| unsafe { hash(self.0, record) }) & (self.len() - 1)
    }

    /// Locks what protects a record. Tables that do not lock are not asked for its hash.
    fn lock_record(self, record: Record, read_only: bool) -> Option<Guard> {
        let lock = (self.kind() != Kind::None).then(|| self.lock(self.place_of_record(record)))?;
        Some(if read_only { lock.read() } else { lock.write() })
    }

    pub(super) fn addref(self, record: Record) {
        if let Some(addref) = self.ops().hop_rec_addref {
            // SAFETY: see Table.
            unsafe { addref(self.0, record) }
        }
    }

    /// Gives a reference back; true if it was the last one and the record is to be freed.
    pub(super) fn decref(self, record: Record) -> bool {
        // SAFETY: see Table.
        self.ops().hop_rec_decref.is_some_and(|decref| unsafe { decref(self.0, record) })
    }

    pub(super) fn free(self, record: Record) {
        if let Some(free) = self.ops().hop_rec_free {
            // SAFETY: see Table.
            unsafe { free(self.0, record) }
        }
    }

    /// Whether the table itself holds a reference on each of its records.
    fn references(self) -> bool {
        !self.has(abi::D_HASH_FT_EPHEMERAL)
    }

    /// Looks for a record in a chain; one that is found goes to an end if the table keeps them by use.
    fn find_in(self, at: u32, key: Key, to: Option<End>) -> Option<Record> {
        let compare = self.ops().hop_key_cmp?;
        let chain = self.chain(at);
        // SAFETY: see Table; the chain's lock is held.
        unsafe {
            let found = list::iter(chain).find(|&record| compare(self.0, record, key.at, key.size))?;
            if let Some(end) = to.filter(|_| self.has(abi::D_HASH_FT_LRU)) {
                list::del_init(found);
                match end {
                    End::Front => list::add(found, chain),
                    End::Back => list::add_tail(found, chain),
                }
            }
            Some(found)
        }
    }

    fn insert_in(self, at: u32, record: Record) {
        if self.references() {
            self.addref(record);
        }
        // SAFETY: see Table; the chain's lock is held.
        unsafe { list::add(record, self.chain(at)) }
    }

    /// Takes a record out of its chain; true if it is to be freed.
    fn unlink(self, record: Record) -> bool {
        // SAFETY: see Table; the chain's lock is held.
        unsafe { list::del_init(record) };
        self.references() && self.decref(record)
    }

    pub(super) fn find(self, key: Key) -> Option<Record> {
        let at = self.place_of(key);
        let by_use = self.has(abi::D_HASH_FT_LRU);
        let _locked = if by_use { self.lock(at).write() } else { self.lock(at).read() };
        let found = self.find_in(at, key, Some(End::Front));
        found.inspect(|&record| self.addref(record))
    }

    /// Inserts a record; if it is to be the only one of its key, it may turn out that there is one.
    pub(super) fn insert(self, key: Key, record: Record, exclusive: bool) -> Result {
        let at = self.place_of(key);
        let _locked = self.lock(at).write();
        if exclusive && self.find_in(at, key, None).is_some() {
            debug!(Facility::MEM, "Dup key detected");
            return Err(Der::new(abi::DER_EXIST.into()));
        }
        self.insert_in(at, record);
        Ok(())
    }

    /// The record of that key; `record`, which is inserted, if there was none.
    fn find_insert(self, key: Key, record: Record) -> Record {
        let at = self.place_of(key);
        let _locked = self.lock(at).write();
        match self.find_in(at, key, Some(End::Front)) {
            Some(found) => {
                self.addref(found);
                found
            }
            None => {
                self.insert_in(at, record);
                record
            }
        }
    }

    /// Inserts a record whose key the owner makes up, by default while the whole table is locked.
    pub(super) fn insert_anonymous(self, record: Record, arg: *mut c_void) -> Result {
        let init = self.ops().hop_key_init.ok_or(INVAL)?;
        // SAFETY: see Table.
        let place = || unsafe {
            init(self.0, record, arg);
            self.place_of_record(record)
        };
        if self.has(abi::D_HASH_FT_NO_KEYINIT_LOCK) {
            let at = place();
            let _locked = self.lock(at).write();
            self.insert_in(at, record);
        } else {
            let _all: Vec<Guard> = (0..self.locks()).map(|at| self.lock(at).write()).collect();
            let at = place();
            self.insert_in(at, record);
        }
        Ok(())
    }

    fn delete(self, key: Key) -> bool {
        let at = self.place_of(key);
        let locked = self.lock(at).write();
        let Some(record) = self.find_in(at, key, None) else { return false };
        let last = self.unlink(record);
        drop(locked);
        if last {
            self.free(record);
        }
        true
    }

    /// Takes a record out; false if it is in no table any more.
    pub(super) fn delete_at(self, record: Record) -> bool {
        let locked = self.lock_record(record, false);
        if is_unlinked(record) {
            return false;
        }
        let last = self.unlink(record);
        drop(locked);
        if last {
            self.free(record);
        }
        true
    }

    /// Makes a record the least recently used of its chain.
    fn evict_at(self, record: Record) -> bool {
        if !self.has(abi::D_HASH_FT_LRU) {
            return false;
        }
        let at = self.place_of_record(record);
        let _locked = self.lock(at).write();
        let chain = self.chain(at);
        // SAFETY: see Table; the chain's lock is held.
        unsafe {
            if (*chain).prev == record {
                return false;
            }
            list::del_init(record);
            list::add_tail(record, chain);
        }
        true
    }

    fn evict(self, key: Key) -> bool {
        if !self.has(abi::D_HASH_FT_LRU) {
            return false;
        }
        let at = self.place_of(key);
        let _locked = self.lock(at).write();
        self.find_in(at, key, Some(End::Back)).is_some()
    }

    pub(super) fn addref_locked(self, record: Record) {
        let _locked = self.lock_record(record, true);
        self.addref(record);
    }

    /// Gives references back, as `give` does it; frees the record with the last one.
    ///
    /// A record that goes must be in no table. Ephemeral records are taken out here; others their owner must
    /// have deleted, or else the table would be left with a freed record.
    fn release(self, record: Record, give: impl FnOnce() -> (bool, Result)) -> Result {
        let locked = self.lock_record(record, self.references());
        let (last, result) = give();
        if last {
            if !self.references() && !is_unlinked(record) {
                // SAFETY: see Table; the chain's lock is held.
                unsafe { list::del_init(record) };
            }
            d_assert!(is_unlinked(record));
        }
        drop(locked);
        if last {
            self.free(record);
        }
        result
    }

    pub(super) fn decref_locked(self, record: Record) {
        let released = self.release(record, || (self.decref(record), Ok(())));
        debug_assert!(released.is_ok());
    }

    /// Gives `count` references back, or as many as there are; the latter is an error.
    fn decref_many(self, count: c_int, record: Record) -> Result {
        if count <= 0 {
            return Err(INVAL);
        }
        self.release(record, || match self.ops().hop_rec_ndecref {
            Some(many) => {
                // SAFETY: see Table.
                let rc = unsafe { many(self.0, record, count) };
                (rc >= 1, Der::check(rc).map(|_| ()))
            }
            None => {
                let given = (1..=count).find(|_| self.decref(record));
                (given.is_some(), if given.is_some_and(|given| given < count) { Err(INVAL) } else { Ok(()) })
            }
        })
    }

    /// Calls `visit` for each record, until it returns something else than 0.
    pub(super) fn traverse(self, mut visit: impl FnMut(Record) -> c_int) -> Result<c_int> {
        // SAFETY: see Table.
        if unsafe { (*self.0).ht_buckets.is_null() } {
            error!(Facility::MEM, "hash table {:p} is not initialised", self.0);
            return Err(Der::new(abi::DER_UNINIT.into()));
        }
        for at in 0..self.len() {
            let _locked = self.lock(at).read();
            // SAFETY: see Table; the chain's lock is held.
            let rc = unsafe { list::iter(self.chain(at)) }.map(&mut visit).find(|&rc| rc != 0);
            if let Some(rc) = rc {
                return Ok(rc);
            }
        }
        Ok(0)
    }

    pub(super) fn is_empty(self) -> bool {
        self.traverse(|_| 1) != Ok(1)
    }

    /// Allocates chains and locks.
    fn init(self) -> Result {
        let table = self.0;
        let len = self.len() as usize;
        // SAFETY: see Table, except that chains and locks come into being here.
        unsafe {
            (*table).ht_buckets = alloc::array::<d_hash_bucket>(len).ok_or(NOMEM)?.as_ptr();
            (0..self.len()).for_each(|at| list::init(self.chain(at)));
            if self.kind() != Kind::None && !self.has(abi::D_HASH_FT_GLOCK) {
                (*table).ht_locks = alloc::array::<d_hash_lock>(len).ok_or(NOMEM)?.as_ptr();
            }
            for at in 0..self.locks() {
                if let Err(err) = self.lock(at).init() {
                    (0..at).for_each(|at| self.lock(at).destroy());
                    return Err(err);
                }
            }
        }
        Ok(())
    }

    /// Frees the memory of chains and locks.
    fn free_memory(self) {
        // SAFETY: see Table; the table is not used again.
        unsafe {
            alloc::free((*self.0).ht_buckets);
            alloc::free((*self.0).ht_locks);
            self.0.write(empty());
        }
    }

    /// Takes all records out, unless there are some and that is not wanted, and frees what the table holds.
    pub(super) fn destroy(self, force: bool) -> Result {
        // SAFETY: see Table.
        if unsafe { (*self.0).ht_buckets.is_null() } {
            error!(Facility::MEM, "hash table {:p} is not initialised", self.0);
            return Err(Der::new(abi::DER_UNINIT.into()));
        }
        for at in 0..self.len() {
            // SAFETY: see Table; its owner lets nobody use it any more.
            while let Some(record) = unsafe { list::iter(self.chain(at)).next() } {
                if !force {
                    debug!(Facility::MEM, "Warning, non-empty hash");
                    return Err(Der::new(abi::DER_BUSY.into()));
                }
                self.delete_at(record);
            }
        }
        (0..self.locks()).for_each(|at| self.lock(at).destroy());
        self.free_memory();
        Ok(())
    }
}

/// Whether a record is in no table.
fn is_unlinked(record: Record) -> bool {
    // SAFETY: an initialised link; see Table.
    unsafe { list::is_empty(record) }
}

/// A table without anything.
fn empty() -> d_hash_table {
    d_hash_table {
        // SAFETY: a union of locks, for which zeroes are a value.
        ht_lock: unsafe { core::mem::zeroed() },
        ht_bits: 0,
        ht_feats: 0,
        ht_priv: ptr::null_mut(),
        ht_ops: ptr::null_mut(),
        ht_buckets: ptr::null_mut(),
        ht_locks: ptr::null_mut(),
    }
}

/// Makes `*table` a hash table.
///
/// # Safety
/// `table` is valid for writes, `ops` null or valid as long as the table.
pub(super) unsafe fn create_inplace(
    feats: u32,
    bits: u32,
    private: *mut c_void,
    ops: *mut d_hash_table_ops_t,
    table: *mut d_hash_table,
) -> Result {
    // SAFETY: by the caller's promise.
    unsafe {
        if table.is_null() || bits >= 32 || ops.as_ref().is_none_or(|ops| ops.hop_key_cmp.is_none()) {
            error!(Facility::MEM, "a hash table of 2^{bits} chains needs operations with hop_key_cmp");
            return Err(INVAL);
        }
        let mut feats = feats;
        if (*ops).hop_rec_hash.is_none() && feats & abi::D_HASH_FT_NOLOCK == 0 {
            feats |= abi::D_HASH_FT_GLOCK;
            warn!(Facility::MEM, "hop_rec_hash() is not provided: the hash table will have one lock for all");
        }
        *table = d_hash_table { ht_bits: bits, ht_feats: feats, ht_priv: private, ht_ops: ops, ..empty() };
        let table = Table(table);
        table.init().inspect_err(|_| table.free_memory())
    }
}

abi::export! {
    /// `d_hash_table_create_inplace` (hash.c): makes `*htable` a table of 2^`bits` chains.
    pub unsafe fn d_hash_table_create_inplace(
        feats: u32,
        bits: u32,
        priv_: *mut c_void,
        hops: *mut d_hash_table_ops_t,
        htable: *mut d_hash_table,
    ) -> c_int {
        // SAFETY: the caller's structure and operations.
        Der::rc_of(unsafe { create_inplace(feats, bits, priv_, hops, htable) })
    }

    /// `d_hash_table_create` (hash.c): a new table, null if that fails.
    pub unsafe fn d_hash_table_create(
        feats: u32,
        bits: u32,
        priv_: *mut c_void,
        hops: *mut d_hash_table_ops_t,
        htable_pp: *mut *mut d_hash_table,
    ) -> c_int {
        // SAFETY: the caller's place and operations.
        unsafe {
            *htable_pp = ptr::null_mut();
            let Some(table) = alloc::boxed(empty()).map(|table| table.as_ptr()) else { return NOMEM.rc() };
            match create_inplace(feats, bits, priv_, hops, table) {
                Ok(()) => *htable_pp = table,
                Err(err) => {
                    alloc::free(table);
                    return err.rc();
                }
            }
        }
        0
    }

    /// `d_hash_table_destroy_inplace` (hash.c): frees what a table holds; -DER_BUSY if it has records and
    /// `force` does not say to delete them.
    pub unsafe fn d_hash_table_destroy_inplace(htable: *mut d_hash_table, force: bool) -> c_int {
        // SAFETY: the caller's table.
        Der::rc_of(unsafe { Table::of(htable) }.destroy(force))
    }

    /// `d_hash_table_destroy` (hash.c): the same for a table from `d_hash_table_create`, which is freed.
    pub unsafe fn d_hash_table_destroy(htable: *mut d_hash_table, force: bool) -> c_int {
        // SAFETY: the caller's table, which it gives up.
        unsafe { Der::rc_of(Table::of(htable).destroy(force).map(|()| alloc::free(htable))) }
    }

    /// `d_hash_table_traverse` (hash.c): calls `cb` for each record until it returns something else than 0,
    /// which is then the result. `cb` must not use the table, except one without locks.
    pub unsafe fn d_hash_table_traverse(htable: *mut d_hash_table, cb: d_hash_traverse_cb_t, arg: *mut c_void) -> c_int {
        let Some(callback) = cb else {
            error!(Facility::MEM, "no function to traverse hash table {htable:p} with");
            return INVAL.rc();
        };
        // SAFETY: the caller's table and function.
        unsafe { Table::of(htable).traverse(|record| callback(record, arg)).unwrap_or_else(Der::rc) }
    }

    /// `d_hash_rec_find` (hash.c): the record of a key, with a reference; null if there is none.
    pub unsafe fn d_hash_rec_find(htable: *mut d_hash_table, key: *const c_void, ksize: c_uint) -> *mut d_list_t {
        // SAFETY: the caller's table and key.
        unsafe { Table::of(htable) }.find(Key::new(key, ksize)).unwrap_or(ptr::null_mut())
    }

    /// `d_hash_rec_find_insert` (hash.c): the record of a key, with a reference; if there is none, `link`,
    /// which is then inserted.
    pub unsafe fn d_hash_rec_find_insert(
        htable: *mut d_hash_table,
        key: *const c_void,
        ksize: c_uint,
        link: *mut d_list_t,
    ) -> *mut d_list_t {
        // SAFETY: the caller's table, key and record.
        unsafe { Table::of(htable) }.find_insert(Key::new(key, ksize), link)
    }

    /// `d_hash_rec_insert` (hash.c): inserts a record; -DER_EXIST if it is to be exclusive and its key is
    /// there already.
    pub unsafe fn d_hash_rec_insert(
        htable: *mut d_hash_table,
        key: *const c_void,
        ksize: c_uint,
        link: *mut d_list_t,
        exclusive: bool,
    ) -> c_int {
        // SAFETY: the caller's table, key and record.
        Der::rc_of(unsafe { Table::of(htable) }.insert(Key::new(key, ksize), link, exclusive))
    }

    /// `d_hash_rec_insert_anonym` (hash.c): inserts a record whose key `hop_key_init` makes up from `arg`.
    pub unsafe fn d_hash_rec_insert_anonym(htable: *mut d_hash_table, link: *mut d_list_t, arg: *mut c_void) -> c_int {
        // SAFETY: the caller's table and record.
        Der::rc_of(unsafe { Table::of(htable) }.insert_anonymous(link, arg))
    }

    /// `d_hash_rec_delete` (hash.c): takes the record of a key out; false if there is none.
    pub unsafe fn d_hash_rec_delete(htable: *mut d_hash_table, key: *const c_void, ksize: c_uint) -> bool {
        // SAFETY: the caller's table and key.
        unsafe { Table::of(htable) }.delete(Key::new(key, ksize))
    }

    /// `d_hash_rec_delete_at` (hash.c): takes a record out; false if it is out already.
    pub unsafe fn d_hash_rec_delete_at(htable: *mut d_hash_table, link: *mut d_list_t) -> bool {
        // SAFETY: the caller's table and record.
        unsafe { Table::of(htable) }.delete_at(link)
    }

    /// `d_hash_rec_evict` (hash.c): makes the record of a key the one that is found last; false if there is
    /// none, or the table does not keep records by use.
    pub unsafe fn d_hash_rec_evict(htable: *mut d_hash_table, key: *const c_void, ksize: c_uint) -> bool {
        // SAFETY: the caller's table and key.
        unsafe { Table::of(htable) }.evict(Key::new(key, ksize))
    }

    /// `d_hash_rec_evict_at` (hash.c): the same for a record; false also if it is the last already.
    pub unsafe fn d_hash_rec_evict_at(htable: *mut d_hash_table, link: *mut d_list_t) -> bool {
        // SAFETY: the caller's table and record.
        unsafe { Table::of(htable) }.evict_at(link)
    }

    /// `d_hash_rec_addref` (hash.c): takes a reference on a record.
    pub unsafe fn d_hash_rec_addref(htable: *mut d_hash_table, link: *mut d_list_t) {
        // SAFETY: the caller's table and record.
        unsafe { Table::of(htable) }.addref_locked(link)
    }

    /// `d_hash_rec_decref` (hash.c): gives a reference back, and frees the record if it was the last one.
    pub unsafe fn d_hash_rec_decref(htable: *mut d_hash_table, link: *mut d_list_t) {
        // SAFETY: the caller's table and record.
        unsafe { Table::of(htable) }.decref_locked(link)
    }

    /// `d_hash_rec_ndecref` (hash.c): gives several references back; -DER_INVAL if there were fewer.
    pub unsafe fn d_hash_rec_ndecref(htable: *mut d_hash_table, count: c_int, link: *mut d_list_t) -> c_int {
        // SAFETY: the caller's table and record.
        Der::rc_of(unsafe { Table::of(htable) }.decref_many(count, link))
    }

    /// `d_hash_rec_unlinked` (hash.c): whether a record is in no table.
    pub unsafe fn d_hash_rec_unlinked(link: *mut d_list_t) -> bool {
        // SAFETY: the caller's record.
        unsafe { list::is_empty(link) }
    }

    /// `d_hash_rec_first` (hash.c): some record of a table, without a reference; null if there is none.
    pub unsafe fn d_hash_rec_first(htable: *mut d_hash_table) -> *mut d_list_t {
        let mut first = ptr::null_mut();
        // SAFETY: the caller's table.
        let visited = unsafe { Table::of(htable) }.traverse(|record| {
            first = record;
            1
        });
        if visited.is_ok() { first } else { ptr::null_mut() }
    }

    /// `d_hash_table_debug` (hash.c): as in builds of DAOS without `D_HASH_DEBUG`, there is nothing to tell.
    pub fn d_hash_table_debug(_htable: *mut d_hash_table) {}
}

#[cfg(test)]
mod tests;
