//! The fetches that are on their way to another rank, and who waits for them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// One table a namespace. `W` is who waits.
pub struct InProgress<W>(Mutex<Table<W>>);

/// Who waits, by class and key.
type Table<W> = HashMap<(u32, Vec<u8>), Vec<W>>;

impl<W> Default for InProgress<W> {
    fn default() -> Self {
        InProgress(Mutex::new(HashMap::new()))
    }
}

impl<W> InProgress<W> {
    /// The name under which the fetch of a key is known: that of another key if the user takes both for the same.
    fn name(table: &Table<W>, class: u32, key: &[u8], same: Option<Same<'_>>) -> Vec<u8> {
        let known =
            same.and_then(|same| table.keys().find(|(other, known)| *other == class && same(known, key)));
        known.map_or_else(|| key.to_vec(), |(_, known)| known.clone())
    }

    /// Begins a fetch, if there is none of the key. If there is one, `waiter` waits for it; else it comes back.
    pub fn begin(&self, class: u32, key: &[u8], same: Option<Same<'_>>, waiter: W) -> Option<W> {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = (class, Self::name(&table, class, key, same));
        match table.get_mut(&name) {
            Some(waiting) => {
                waiting.push(waiter);
                None
            }
            None => {
                table.insert(name, Vec::new());
                Some(waiter)
            }
        }
    }

    /// Those who wait for the fetch of a key. When nobody does any more, it has ended: who comes later begins anew.
    pub fn take(&self, class: u32, key: &[u8], same: Option<Same<'_>>) -> Vec<W> {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = (class, Self::name(&table, class, key, same));
        match table.get_mut(&name) {
            Some(waiting) if !waiting.is_empty() => std::mem::take(waiting),
            _ => {
                table.remove(&name);
                Vec::new()
            }
        }
    }

    /// How many fetches are on their way.
    pub fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// A user's comparison of keys.
pub type Same<'a> = &'a dyn Fn(&[u8], &[u8]) -> bool;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_goes_and_the_others_wait_for_it() {
        let table = InProgress::default();
        assert_eq!(table.begin(1, b"a", None, 1), Some(1));
        assert_eq!(table.begin(1, b"a", None, 2), None);
        assert_eq!(table.begin(1, b"b", None, 3), Some(3));
        assert_eq!(table.begin(2, b"a", None, 4), Some(4));
        assert_eq!(table.take(1, b"a", None), [2]);
        assert_eq!(table.begin(1, b"a", None, 5), None, "still in progress while those before are served");
        assert_eq!(table.take(1, b"a", None), [5]);
        assert!(table.take(1, b"a", None).is_empty());
        assert_eq!(table.begin(1, b"a", None, 6), Some(6));
        assert_eq!(table.len(), 3);
    }

    #[test]
    fn users_may_take_different_keys_for_the_same() {
        let table = InProgress::default();
        let same: Same<'_> = &|one, other| one.eq_ignore_ascii_case(other);
        assert_eq!(table.begin(1, b"a", Some(same), 1), Some(1));
        assert_eq!(table.begin(1, b"A", Some(same), 2), None);
        assert_eq!(table.take(1, b"A", Some(same)), [2]);
        assert!(table.take(1, b"A", Some(same)).is_empty());
        assert_eq!(table.len(), 0);
    }
}
