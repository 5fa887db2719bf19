//! The groups of a process, where their members listen, and how they change. The rest of `crt_group.c`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::Rank;
use crate::group::{Change, Difference, Primary, Refused, Secondary};
use crate::rpc::Groups;

/// All groups.
#[derive(Debug)]
pub struct Directory {
    groups: Groups,
    /// Where the contexts of this process listen.
    own: BTreeMap<u32, Arc<str>>,
    /// The name of this process' own primary group, while it looks at another one.
    home: Arc<str>,
    auto_remove: bool,
}

/// A member, as a change of the primary group names it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its rank.
    pub rank: Rank,
    /// Its life; 0: not known.
    pub incarnation: u64,
    /// Where its first context listens.
    pub uri: Option<Arc<str>>,
}

/// Why something about a group was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// There is a group of this name.
    Exists,
    /// There is none.
    Unknown,
    /// The rank is no member, or no member of the primary group.
    NoMember,
    /// A client looks at one group at a time.
    OneView,
}

impl Directory {
    /// A primary group with nobody in it.
    pub fn new(name: &str) -> Self {
        let groups = Groups::new(name);
        Directory { home: groups.name.clone(), groups, own: BTreeMap::new(), auto_remove: false }
    }

    /// The groups as contexts are to see them.
    pub fn groups(&self) -> &Groups {
        &self.groups
    }

    /// Where a context of a rank of the primary group listens, if that is known.
    pub fn uri(&self, rank: Rank, tag: u32) -> Option<Arc<str>> {
        if self.groups.primary.rank() == Some(rank) {
            return self.own.get(&tag).cloned();
        }
        self.groups.uris.get(&(rank, tag)).cloned()
    }

    /// Where a context of this process listens.
    pub fn own_uri(&self, tag: u32) -> Option<Arc<str>> {
        self.own.get(&tag).cloned()
    }

    fn uris(&mut self) -> &mut BTreeMap<(Rank, u32), Arc<str>> {
        Arc::make_mut(&mut self.groups.uris)
    }

    /// A context of this process listens there.
    pub fn listen(&mut self, tag: u32, uri: Arc<str>) {
        if let Some(me) = self.groups.primary.rank() {
            self.uris().insert((me, tag), uri.clone());
        }
        self.own.insert(tag, uri);
    }

    /// A context of this process is gone.
    pub fn unlisten(&mut self, tag: u32) {
        self.own.remove(&tag);
        if let Some(me) = self.groups.primary.rank() {
            self.uris().remove(&(me, tag));
        }
    }

    /// This process has a rank: `crt_rank_self_set`.
    pub fn join(&mut self, rank: Rank, version: u32) -> Result<(), Refused> {
        self.groups.primary.join(rank, version)?;
        let own = self.own.clone();
        self.uris().extend(own.into_iter().map(|(tag, uri)| ((rank, tag), uri)));
        Ok(())
    }

    /// Adds a rank to the primary group, which listens there: `crt_group_primary_rank_add`.
    /// False if it is a member.
    pub fn add(&mut self, rank: Rank, uri: Arc<str>) -> bool {
        self.uris().insert((rank, 0), uri);
        self.groups.primary.add(rank)
    }

    /// Takes a rank out of the primary group: `crt_group_rank_remove`.
    pub fn remove(&mut self, rank: Rank) -> Result<(), Wrong> {
        if !self.groups.primary.remove(rank) {
            return Err(Wrong::NoMember);
        }
        self.left(rank);
        Ok(())
    }

    /// Changes the primary group: `crt_group_primary_modify`.
    pub fn modify(&mut self, change: Change, entries: &[Entry], version: u32) -> Result<Difference, Refused> {
        let ranks: Vec<_> = entries.iter().map(|entry| entry.rank).collect();
        let difference = self.groups.primary.modify(change, &ranks, version)?;
        for &rank in &difference.removed {
            self.left(rank);
        }
        let me = self.groups.primary.rank();
        for entry in entries.iter().filter(|entry| change != Change::Remove && Some(entry.rank) != me) {
            if let Some(uri) = &entry.uri {
                self.uris().insert((entry.rank, 0), uri.clone());
            }
        }
        Ok(difference)
    }

    /// A rank is no member any more.
    fn left(&mut self, rank: Rank) {
        if self.groups.primary.rank() != Some(rank) {
            self.uris().retain(|(member, _), _| *member != rank);
        }
        if self.auto_remove {
            for group in self.groups.secondaries.values_mut() {
                Arc::make_mut(group).primary_left(rank);
            }
        }
    }

    /// The primary group has this version: `crt_group_version_set`.
    pub fn set_version(&mut self, version: u32) {
        self.groups.primary.set_version(version);
    }

    /// Whether ranks that leave the primary group leave secondary ones too: `crt_group_auto_rank_remove`.
    pub fn set_auto_remove(&mut self, on: bool) {
        self.auto_remove = on;
    }

    /// A new secondary group, whose members have the numbers from 0 on: `crt_group_secondary_create`.
    pub fn create(&mut self, name: &Arc<str>, primary: &[Rank]) -> Result<(), Wrong> {
        if *name == self.groups.name || self.groups.secondaries.contains_key(name) {
            return Err(Wrong::Exists);
        }
        let mut group = Secondary::default();
        let pairs: Vec<_> = (0..).zip(primary.iter().copied()).collect();
        if !pairs.is_empty() {
            let version = group.version();
            // It can only be refused for having nobody in it.
            let _ = group.modify(Change::Add, &pairs, version);
        }
        self.groups.secondaries.insert(name.clone(), Arc::new(group));
        Ok(())
    }

    /// Ends a secondary group: `crt_group_secondary_destroy`.
    pub fn destroy(&mut self, name: &str) -> Result<(), Wrong> {
        self.groups.secondaries.remove(name).map(drop).ok_or(Wrong::Unknown)
    }

    /// A secondary group.
    pub fn secondary(&self, name: &str) -> Result<&Secondary, Wrong> {
        self.groups.secondaries.get(name).map(|group| &**group).ok_or(Wrong::Unknown)
    }

    /// A secondary group, to be changed.
    pub fn secondary_mut(&mut self, name: &str) -> Result<&mut Secondary, Wrong> {
        self.groups.secondaries.get_mut(name).map(Arc::make_mut).ok_or(Wrong::Unknown)
    }

    /// This process, a client, looks at a group of servers: `crt_group_view_create`.
    pub fn view(&mut self, name: &Arc<str>) -> Result<(), Wrong> {
        if self.groups.name != self.home {
            return Err(Wrong::OneView);
        }
        self.show(name.clone());
        Ok(())
    }

    /// It looks no longer.
    pub fn unview(&mut self) {
        let home = self.home.clone();
        self.show(home);
    }

    fn show(&mut self, name: Arc<str>) {
        self.groups.name = name;
        self.groups.primary = Primary::default();
        self.groups.uris = Arc::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(rank: Rank) -> Entry {
        Entry { rank, incarnation: 1, uri: Some(format!("tcp://{rank}").into()) }
    }

    #[test]
    fn own_contexts_are_found_by_rank_once_there_is_one() {
        let mut directory = Directory::new("group");
        directory.listen(0, "tcp://here".into());
        assert_eq!(directory.uri(3, 0), None);
        directory.join(3, 1).unwrap();
        directory.listen(1, "tcp://here too".into());
        assert_eq!(directory.groups().uris.len(), 2);
        assert_eq!(directory.uri(3, 1).as_deref(), Some("tcp://here too"));
        directory.unlisten(0);
        assert_eq!((directory.uri(3, 0), directory.groups().uris.len()), (None, 1));
    }

    #[test]
    fn who_leaves_is_not_found_any_more() {
        let mut directory = Directory::new("group");
        directory.set_auto_remove(true);
        directory.join(0, 1).unwrap();
        directory.modify(Change::Add, &[entry(1), entry(2)], 2).unwrap();
        let name: Arc<str> = "pool".into();
        directory.create(&name, &[2, 1]).unwrap();
        assert_eq!(directory.create(&name, &[]), Err(Wrong::Exists));
        assert_eq!(directory.secondary("pool").unwrap().secondary(2), Some(0));
        let difference = directory.modify(Change::Remove, &[entry(2)], 3).unwrap();
        assert_eq!((difference.removed, directory.uri(2, 0)), (vec![2], None));
        assert_eq!(directory.secondary("pool").unwrap().members().as_slice(), [1]);
        assert_eq!((directory.remove(1), directory.remove(1)), (Ok(()), Err(Wrong::NoMember)));
        directory.destroy("pool").unwrap();
        assert_eq!(directory.destroy("pool"), Err(Wrong::Unknown));
    }

    #[test]
    fn who_stays_may_have_moved() {
        let mut directory = Directory::new("group");
        directory.join(0, 1).unwrap();
        directory.modify(Change::Replace, &[entry(0), entry(1)], 1).unwrap();
        let moved = Entry { uri: Some("tcp://there".into()), ..entry(1) };
        let difference = directory.modify(Change::Replace, &[entry(0), moved], 2).unwrap();
        assert_eq!((difference.added, difference.kept), (vec![], vec![0, 1]));
        assert_eq!(directory.uri(1, 0).as_deref(), Some("tcp://there"));
    }

    #[test]
    fn a_client_looks_at_one_group_at_a_time() {
        let mut directory = Directory::new("client");
        directory.view(&"servers".into()).unwrap();
        directory.add(4, "tcp://4".into());
        assert_eq!(&*directory.groups().name, "servers");
        assert_eq!(directory.view(&"others".into()), Err(Wrong::OneView));
        directory.unview();
        assert_eq!((&*directory.groups().name, directory.uri(4, 0)), ("client", None));
        directory.view(&"others".into()).unwrap();
    }
}
