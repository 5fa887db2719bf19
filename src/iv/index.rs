//! Where the entry of a key is: a hash table over the entries of a namespace.
//!
//! A class whose keys are all one has one entry for each protocol version, and the table finds it or knows that
//! there is none. A class with a comparison of its own may call keys equal whose bytes differ, and nothing but that
//! comparison knows. For such a class the table remembers under which spellings an entry was asked for: a key that
//! was seen before is found at once, one that is new must be compared with the entries, once.

use std::collections::HashMap;
use std::hash::Hash;

/// What of a key tells entries apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Spelling {
    /// Class of the variable.
    pub class: i32,
    /// Protocol version that the requester speaks.
    pub protocol: u8,
    /// The rest of the key, for a class that has more than one variable.
    pub rest: Option<[u8; abi::IV_KEY_BUF_SIZE as usize]>,
}

/// Spellings that are remembered for an entry; the oldest is forgotten for one more.
const SPELLINGS: usize = 4;

/// The hash table; `E` identifies an entry.
pub struct Index<E> {
    entries: HashMap<Spelling, E>,
    spellings: HashMap<E, Vec<Spelling>>,
}

impl<E: Copy + Eq + Hash> Index<E> {
    /// No entries.
    pub fn new() -> Self {
        Index { entries: HashMap::new(), spellings: HashMap::new() }
    }

    /// The entry that is known by this spelling.
    pub fn get(&self, spelling: &Spelling) -> Option<E> {
        self.entries.get(spelling).copied()
    }

    /// Remembers that `spelling` means `entry`.
    pub fn remember(&mut self, spelling: Spelling, entry: E) {
        if let Some(previous) = self.entries.insert(spelling, entry) {
            self.drop_spelling(previous, &spelling);
        }
        let spellings = self.spellings.entry(entry).or_default();
        if spellings.len() == SPELLINGS {
            self.entries.remove(&spellings.remove(0));
        }
        spellings.push(spelling);
    }

    /// Forgets an entry.
    pub fn forget(&mut self, entry: E) {
        for spelling in self.spellings.remove(&entry).unwrap_or_default() {
            self.entries.remove(&spelling);
        }
    }

    fn drop_spelling(&mut self, entry: E, spelling: &Spelling) {
        if let Some(spellings) = self.spellings.get_mut(&entry) {
            spellings.retain(|known| known != spelling);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spelling(class: i32, rest: Option<u8>) -> Spelling {
        Spelling { class, protocol: 1, rest: rest.map(|byte| [byte; 48]) }
    }

    #[test]
    fn an_entry_is_found_by_every_spelling_until_it_is_forgotten() {
        let mut index = Index::new();
        index.remember(spelling(1, None), 'a');
        index.remember(spelling(2, Some(1)), 'b');
        index.remember(spelling(2, Some(2)), 'b');
        assert_eq!(index.get(&spelling(1, None)), Some('a'));
        assert_eq!(index.get(&spelling(2, Some(2))), Some('b'));
        assert_eq!(index.get(&spelling(2, None)), None);
        assert_eq!(index.get(&Spelling { protocol: 2, ..spelling(1, None) }), None);
        index.forget('b');
        assert_eq!([1, 2].map(|byte| index.get(&spelling(2, Some(byte)))), [None, None]);
        assert_eq!(index.get(&spelling(1, None)), Some('a'));
    }

    #[test]
    fn spellings_of_an_entry_are_bounded() {
        let mut index = Index::new();
        for byte in 0..100 {
            index.remember(spelling(2, Some(byte)), 'a');
        }
        let known = (0..100).filter(|&byte| index.get(&spelling(2, Some(byte))).is_some()).count();
        assert_eq!((known, index.entries.len()), (SPELLINGS, SPELLINGS));
        assert_eq!(index.get(&spelling(2, Some(99))), Some('a'));
    }

    #[test]
    fn a_spelling_may_come_to_mean_another_entry() {
        let mut index = Index::new();
        index.remember(spelling(2, Some(1)), 'a');
        index.remember(spelling(2, Some(1)), 'b');
        index.forget('a');
        assert_eq!(index.get(&spelling(2, Some(1))), Some('b'));
    }

    proptest! {
        /// Whatever happens, both maps say the same, and no entry that was forgotten is found.
        #[test]
        fn both_directions_agree(steps in prop::collection::vec((0..4_u8, 0..6_u8, any::<bool>()), 0..200)) {
            let mut index = Index::new();
            for (entry, byte, forget) in steps {
                if forget {
                    index.forget(entry);
                    prop_assert!(!index.entries.values().any(|&known| known == entry));
                } else {
                    index.remember(spelling(1, Some(byte)), entry);
                    prop_assert_eq!(index.get(&spelling(1, Some(byte))), Some(entry));
                }
                let listed: usize = index.spellings.values().map(Vec::len).sum();
                prop_assert_eq!(listed, index.entries.len());
                for (spelling, entry) in &index.entries {
                    prop_assert!(index.spellings[entry].contains(spelling));
                }
            }
        }
    }
}
