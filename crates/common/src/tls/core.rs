//! Keys and storages, without the C ABI around them.

use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, Ordering::*};

use gurt_client::{Der, Result};

/// How many keys there can be at a time: `DAOS_MODULE_KEYS_NR`.
pub const KEYS: usize = abi::DAOS_MODULE_KEYS_NR as usize;

/// What a storage needs of a registered key.
///
/// Values are opaque addresses; [`Storage`] neither follows nor frees them.
pub trait ModuleKey {
    /// The kinds of xstream that get a value: `dmk_tags`.
    fn tags(&self) -> u32;
    /// Makes the value of one xstream: `dmk_init`. `None` is a failure.
    fn make(&self, tags: u32, xs_id: i32, tgt_id: i32) -> Option<NonNull<()>>;
    /// Destroys a value that [`ModuleKey::make`] made: `dmk_fini`.
    fn destroy(&self, tags: u32, value: NonNull<()>);
}

/// The registered keys by index.
///
/// Reading is lock-free, because every look-up of an xstream's value does it; writers take turns by a lock of
/// the caller.
pub struct KeyTable<K>([AtomicPtr<K>; KEYS]);

impl<K> KeyTable<K> {
    /// A table without keys.
    pub const fn new() -> Self {
        KeyTable([const { AtomicPtr::new(ptr::null_mut()) }; KEYS])
    }

    /// Gives `key` the first free index.
    ///
    /// `DER_EXIST` when it has one already, `DER_NOSPACE` when all are taken.
    pub fn register(&self, key: NonNull<K>) -> Result<usize> {
        if self.0.iter().any(|slot| slot.load(Relaxed) == key.as_ptr()) {
            return Err(Der::new(abi::DER_EXIST.into()));
        }
        let index = self
            .0
            .iter()
            .position(|slot| slot.load(Relaxed).is_null())
            .ok_or(Der::new(abi::DER_NOSPACE.into()))?;
        self.0[index].store(key.as_ptr(), Release);
        Ok(index)
    }

    /// Takes `key` out of the table; `DER_NONEXIST` when it is not in it.
    pub fn unregister(&self, key: NonNull<K>) -> Result {
        let slot = self
            .0
            .iter()
            .find(|slot| slot.load(Relaxed) == key.as_ptr())
            .ok_or(Der::new(abi::DER_NONEXIST.into()))?;
        slot.store(ptr::null_mut(), Release);
        Ok(())
    }

    /// The key at `index`; `None` when there is none.
    #[inline]
    pub fn get(&self, index: usize) -> Option<NonNull<K>> {
        NonNull::new(self.0.get(index)?.load(Acquire))
    }
}

impl<K> Default for KeyTable<K> {
    fn default() -> Self {
        Self::new()
    }
}

/// The values of one xstream, and which key made each.
///
/// A key may come and go while an xstream runs: a value is destroyed only by the key that made it, and a key
/// that came later has none.
pub struct Storage<'a, K> {
    tags: u32,
    values: &'a mut [*mut (); KEYS],
    makers: &'a mut [*mut K; KEYS],
}

impl<'a, K: ModuleKey> Storage<'a, K> {
    /// A storage over two arrays that the caller owns, all null if it is a new one.
    pub fn new(tags: u32, values: &'a mut [*mut (); KEYS], makers: &'a mut [*mut K; KEYS]) -> Self {
        Storage { tags, values, makers }
    }

    /// Makes the value of each key of `table` that has one of this storage's tags, in the order of the indices.
    ///
    /// When a key fails, what the others made is destroyed in reverse order: all or nothing.
    ///
    /// # Safety
    /// Keys stay alive while they are in the table.
    pub unsafe fn fill(&mut self, table: &KeyTable<K>, xs_id: i32, tgt_id: i32) -> Result {
        for index in 0..KEYS {
            let Some(key) = table.get(index) else { continue };
            // SAFETY: the key is in the table.
            let key_ref = unsafe { key.as_ref() };
            if key_ref.tags() & self.tags == 0 {
                continue;
            }
            let Some(value) = key_ref.make(self.tags, xs_id, tgt_id) else {
                // SAFETY: the caller vouches for the keys.
                unsafe { self.clear(table) };
                return Err(Der::new(abi::DER_NOMEM.into()));
            };
            self.values[index] = value.as_ptr();
            self.makers[index] = key.as_ptr();
        }
        Ok(())
    }

    /// Destroys all values in reverse order of the indices. Returns how many had to be abandoned because the key
    /// that made them has left the table.
    ///
    /// # Safety
    /// As for [`Storage::fill`].
    pub unsafe fn clear(&mut self, table: &KeyTable<K>) -> usize {
        let mut abandoned = 0;
        for index in (0..KEYS).rev() {
            let Some(value) = NonNull::new(std::mem::replace(&mut self.values[index], ptr::null_mut()))
            else {
                continue;
            };
            match table.get(index) {
                // SAFETY: the key is in the table.
                Some(key) if key.as_ptr() == self.makers[index] => unsafe {
                    key.as_ref().destroy(self.tags, value)
                },
                _ => abandoned += 1,
            }
        }
        abandoned
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    /// Writes down what happens to it, in a log that several keys share.
    struct Spy {
        tags: u32,
        name: u8,
        fails: bool,
        log: Rc<RefCell<Vec<(char, u8)>>>,
    }

    impl ModuleKey for Spy {
        fn tags(&self) -> u32 {
            self.tags
        }
        fn make(&self, _: u32, _: i32, _: i32) -> Option<NonNull<()>> {
            self.log.borrow_mut().push(('+', self.name));
            if self.fails { None } else { Some(NonNull::from(self).cast()) }
        }
        fn destroy(&self, _: u32, value: NonNull<()>) {
            assert_eq!(value, NonNull::from(self).cast());
            self.log.borrow_mut().push(('-', self.name));
        }
    }

    type Log = Rc<RefCell<Vec<(char, u8)>>>;

    fn spies(log: &Log, tags: &[u32]) -> Vec<Spy> {
        (0..).zip(tags).map(|(name, &tags)| Spy { tags, name, fails: false, log: log.clone() }).collect()
    }

    fn table(spies: &[Spy]) -> KeyTable<Spy> {
        let table = KeyTable::new();
        for spy in spies {
            table.register(NonNull::from(spy)).expect("a free index");
        }
        table
    }

    #[test]
    fn indices_are_unique_reused_and_limited() {
        let spies = spies(&Log::default(), &[1; KEYS + 1]);
        let key = |i: usize| NonNull::from(&spies[i]);
        let table = KeyTable::new();
        for i in 0..KEYS {
            assert_eq!(table.register(key(i)), Ok(i));
        }
        assert_eq!(table.register(key(3)), Err(Der::new(abi::DER_EXIST.into())));
        assert_eq!(table.register(key(KEYS)), Err(Der::new(abi::DER_NOSPACE.into())));
        assert_eq!(table.unregister(key(4)), Ok(()));
        assert_eq!(table.unregister(key(4)), Err(Der::new(abi::DER_NONEXIST.into())));
        assert_eq!(table.get(4), None);
        assert_eq!(table.get(KEYS), None);
        assert_eq!(table.register(key(KEYS)), Ok(4));
    }

    #[test]
    fn values_follow_tags_and_go_in_reverse() {
        let log = Log::default();
        let spies = spies(&log, &[1, 2, 3]);
        let table = table(&spies);
        let (mut values, mut makers) = ([ptr::null_mut(); KEYS], [ptr::null_mut(); KEYS]);
        let mut storage = Storage::new(1, &mut values, &mut makers);
        // SAFETY: the spies outlive the table.
        unsafe {
            storage.fill(&table, 0, -1).expect("no spy fails");
            assert_eq!(storage.clear(&table), 0);
        }
        assert_eq!(*log.borrow(), [('+', 0), ('+', 2), ('-', 2), ('-', 0)]);
        assert!(values.iter().all(|value| value.is_null()));
    }

    #[test]
    fn a_failure_undoes_what_was_made() {
        let log = Log::default();
        let mut spies = spies(&log, &[1, 1, 1, 1]);
        spies[2].fails = true;
        let table = table(&spies);
        let (mut values, mut makers) = ([ptr::null_mut(); KEYS], [ptr::null_mut(); KEYS]);
        // SAFETY: the spies outlive the table.
        let result = unsafe { Storage::new(1, &mut values, &mut makers).fill(&table, 0, -1) };
        assert_eq!(result, Err(Der::new(abi::DER_NOMEM.into())));
        assert_eq!(*log.borrow(), [('+', 0), ('+', 1), ('+', 2), ('-', 1), ('-', 0)]);
    }

    #[test]
    fn a_value_is_destroyed_by_its_maker_only() {
        let log = Log::default();
        let spies = spies(&log, &[1, 1, 1]);
        let key = |i: usize| NonNull::from(&spies[i]);
        let table = KeyTable::new();
        table.register(key(0)).expect("a free index");
        let (mut values, mut makers) = ([ptr::null_mut(); KEYS], [ptr::null_mut(); KEYS]);
        let mut storage = Storage::new(1, &mut values, &mut makers);
        // SAFETY: the spies outlive the table.
        unsafe {
            storage.fill(&table, 0, -1).expect("no spy fails");
            table.unregister(key(0)).expect("it is there");
            // One takes its index, one comes new: neither has a value in this storage.
            table.register(key(1)).expect("a free index");
            table.register(key(2)).expect("a free index");
            assert_eq!(storage.clear(&table), 1);
        }
        assert_eq!(*log.borrow(), [('+', 0)]);
    }
}
