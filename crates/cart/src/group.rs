//! Groups of ranks: who is in one, and the paths by which a message spreads over it. The membership part of
//! `crt_group.c`, and `crt_tree_get_children` and its siblings.
//!
//! The *primary* group is all engines of a system. Its ranks are permanent: one that left comes back with its
//! number. A *secondary* group names some of them by numbers of its own, and what it knows of its version is only
//! what its owner says. The version of a primary group grows with every change, and nodes that work together
//! compare theirs first: with the same version they have the same members, and so the same trees.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::Rank;
use crate::tree::{Topology, Tree};

/// The ranks of a group, ascending and each once. Cheap to copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members(Arc<[Rank]>);

impl Members {
    /// All members, ascending.
    pub fn as_slice(&self) -> &[Rank] {
        &self.0
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `rank` is one of them.
    pub fn contains(&self, rank: Rank) -> bool {
        self.position(rank).is_some()
    }

    /// Where `rank` stands among them.
    pub fn position(&self, rank: Rank) -> Option<u32> {
        // There are no more positions than ranks.
        self.0.binary_search(&rank).ok().map(|at| at as u32)
    }

    /// What a change makes of them.
    pub fn change(&self, change: Change, ranks: &[Rank]) -> Difference {
        if change == Change::Add && ranks.iter().all(|&rank| self.contains(rank)) {
            let (added, removed) = Default::default();
            let kept = ranks.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
            return Difference { added, removed, kept, members: self.clone() };
        }
        let asked: BTreeSet<_> = ranks.iter().copied().collect();
        let old: BTreeSet<_> = self.0.iter().copied().collect();
        let new: BTreeSet<_> = match change {
            Change::Add => &old | &asked,
            Change::Remove => &old - &asked,
            Change::Replace => asked.clone(),
        };
        Difference {
            added: (&new - &old).into_iter().collect(),
            removed: (&old - &new).into_iter().collect(),
            kept: if change == Change::Remove { Vec::new() } else { (&old & &asked).into_iter().collect() },
            members: new.into_iter().collect(),
        }
    }

    /// Those who take part in a message for some of the group only.
    pub fn select(&self, selection: Selection<'_>) -> Result<Members, NotMembers> {
        match selection {
            Selection::All => Ok(self.clone()),
            Selection::Except(ranks) => Ok(self.iter().filter(|rank| !ranks.contains(rank)).collect()),
            Selection::Only(ranks) => {
                let strangers = ranks.iter().filter(|&&rank| !self.contains(rank)).count();
                if strangers > 0 { Err(NotMembers(strangers)) } else { Ok(ranks.iter().copied().collect()) }
            }
        }
    }

    /// The way of a message that begins at `root`; none if that is no member.
    pub fn spread(&self, topology: Topology, root: Rank) -> Option<Spread<'_>> {
        let tree = Tree::new(topology, self.len() as u32, self.position(root)?)?;
        Some(Spread { members: self, tree })
    }

    fn iter(&self) -> impl Iterator<Item = Rank> {
        self.0.iter().copied()
    }
}

impl FromIterator<Rank> for Members {
    fn from_iter<I: IntoIterator<Item = Rank>>(ranks: I) -> Self {
        let mut ranks: Vec<_> = ranks.into_iter().collect();
        ranks.sort_unstable();
        ranks.dedup();
        Members(ranks.into())
    }
}

/// How a list of ranks changes a group: `enum crt_group_mod_op_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// They come in.
    Add,
    /// They go.
    Remove,
    /// They are the members from now on.
    Replace,
}

/// What comes of a change. All lists ascend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Who was no member.
    pub added: Vec<Rank>,
    /// Who is none any more.
    pub removed: Vec<Rank>,
    /// Who was named and had been a member before: it may have come back in a new life.
    pub kept: Vec<Rank>,
    /// The members from now on.
    pub members: Members,
}

/// Which members a collective RPC is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection<'a> {
    /// All.
    All,
    /// All but these, who need not be members.
    Except(&'a [Rank]),
    /// These, who must be members (`CRT_RPC_FLAG_FILTER_INVERT`).
    Only(&'a [Rank]),
}

/// So many ranks were chosen that are no members (`-DER_OOG`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotMembers(pub usize);

/// The way of a message over a group.
#[derive(Clone, Copy, Debug)]
pub struct Spread<'a> {
    members: &'a Members,
    tree: Tree,
}

impl Spread<'_> {
    /// From whom `rank` gets it; none for the root, and for who is no member.
    pub fn parent(&self, rank: Rank) -> Option<Rank> {
        let parent = self.tree.parent(self.members.position(rank)?)?;
        Some(self.members.0[parent as usize])
    }

    /// To whom `rank` passes it on, in order; to nobody if it is no member.
    pub fn children(&self, rank: Rank) -> impl Iterator<Item = Rank> {
        let position = self.members.position(rank);
        let children = position.into_iter().flat_map(|position| self.tree.children(position));
        children.map(|child| self.members.0[child as usize])
    }
}

/// A primary group, as one of its engines or a client sees it.
#[derive(Clone, Debug, Default)]
pub struct Primary {
    members: Members,
    version: u32,
    joined: Option<Joined>,
}

/// Since when an engine is in its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joined {
    /// As which rank.
    pub rank: Rank,
    /// The first version with it: older news is about a former life.
    pub version: u32,
}

/// Why a group stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// This engine has not joined yet, so it cannot tell new from old (`-DER_GRPVER`).
    NotJoined,
    /// The change is older than what is known, or than this engine (`-DER_GRPVER`).
    Outdated {
        /// The version of the change.
        version: u32,
        /// What it would have to be at least.
        least: u32,
    },
    /// There is nobody in the list (`-DER_INVAL`).
    Nobody,
    /// This engine has a rank already (`-DER_INVAL`).
    HasJoined(Rank),
}

impl Primary {
    /// A group as somebody else describes it: what a client attaches to, and an engine joins.
    pub fn attached(members: Members, version: u32) -> Self {
        Primary { members, version, joined: None }
    }

    /// The members.
    pub fn members(&self) -> &Members {
        &self.members
    }

    /// The version; 0 before the first change.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// This engine's rank, once it has one.
    pub fn rank(&self) -> Option<Rank> {
        self.joined.map(|joined| joined.rank)
    }

    /// Since when this engine is a member.
    pub fn joined(&self) -> Option<Joined> {
        self.joined
    }

    /// This engine is `rank`, and a member, from `version` on (at least 1): `crt_rank_self_set`. Once.
    pub fn join(&mut self, rank: Rank, version: u32) -> Result<(), Refused> {
        if let Some(rank) = self.rank() {
            return Err(Refused::HasJoined(rank));
        }
        self.joined = Some(Joined { rank, version });
        self.members = self.members.change(Change::Add, &[rank]).members;
        Ok(())
    }

    /// Adds a member, whatever the version: `crt_group_primary_rank_add`. False if it is one.
    pub fn add(&mut self, rank: Rank) -> bool {
        let Err(at) = self.members.0.binary_search(&rank) else { return false };
        let (before, after) = self.members.0.split_at(at);
        self.members = Members([before, &[rank], after].concat().into());
        true
    }

    /// Takes a member out, whatever the version: `crt_group_rank_remove`. False if it is none.
    pub fn remove(&mut self, rank: Rank) -> bool {
        let Ok(at) = self.members.0.binary_search(&rank) else { return false };
        let (before, after) = self.members.0.split_at(at);
        self.members = Members([before, &after[1..]].concat().into());
        true
    }

    /// The group has this version from now on: `crt_group_version_set`.
    pub fn set_version(&mut self, version: u32) {
        self.version = version;
    }

    /// Changes the group, which has the given version afterwards: `crt_group_primary_modify`.
    pub fn modify(&mut self, change: Change, ranks: &[Rank], version: u32) -> Result<Difference, Refused> {
        if ranks.is_empty() {
            return Err(Refused::Nobody);
        }
        let joined = self.joined.ok_or(Refused::NotJoined)?;
        let least = joined.version.max(self.version.saturating_add(1));
        if version < least {
            return Err(Refused::Outdated { version, least });
        }
        let difference = self.members.change(change, ranks);
        self.members = difference.members.clone();
        self.version = version;
        Ok(difference)
    }
}

/// A secondary group: numbers of its own for some ranks of the primary one.
#[derive(Clone, Debug, Default)]
pub struct Secondary {
    members: Members,
    version: u32,
    to_primary: BTreeMap<Rank, Rank>,
    from_primary: BTreeMap<Rank, Rank>,
}

impl Secondary {
    /// The members, by the numbers of this group.
    pub fn members(&self) -> &Members {
        &self.members
    }

    /// The version that its owner gave it.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The group has this version from now on: `crt_group_version_set`.
    pub fn set_version(&mut self, version: u32) {
        self.version = version;
    }

    /// The primary rank of a member: `crt_group_rank_s2p`.
    pub fn primary(&self, rank: Rank) -> Option<Rank> {
        self.to_primary.get(&rank).copied()
    }

    /// The number here of a primary rank: `crt_group_rank_p2s`.
    pub fn secondary(&self, primary: Rank) -> Option<Rank> {
        self.from_primary.get(&primary).copied()
    }

    /// Changes the group: `crt_group_secondary_modify`. The list has pairs of a number here and a primary rank; a
    /// removal looks at the first only.
    pub fn modify(
        &mut self,
        change: Change,
        pairs: &[(Rank, Rank)],
        version: u32,
    ) -> Result<Difference, Refused> {
        if pairs.is_empty() {
            return Err(Refused::Nobody);
        }
        let ranks: Vec<_> = pairs.iter().map(|pair| pair.0).collect();
        let difference = self.members.change(change, &ranks);
        for rank in &difference.removed {
            self.forget(*rank);
        }
        for &(rank, primary) in pairs.iter().filter(|pair| difference.added.binary_search(&pair.0).is_ok()) {
            self.to_primary.insert(rank, primary);
            self.from_primary.insert(primary, rank);
        }
        self.members = difference.members.clone();
        self.version = version;
        Ok(difference)
    }

    /// A primary rank has left the system: `crt_group_auto_rank_remove`. The version stays.
    pub fn primary_left(&mut self, primary: Rank) {
        if let Some(rank) = self.secondary(primary) {
            self.forget(rank);
            self.members = self.members.change(Change::Remove, &[rank]).members;
        }
    }

    fn forget(&mut self, rank: Rank) {
        if let Some(primary) = self.to_primary.remove(&rank) {
            self.from_primary.remove(&primary);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Ratio;
    use proptest::prelude::*;

    fn members(ranks: &[Rank]) -> Members {
        ranks.iter().copied().collect()
    }

    #[test]
    fn a_change_tells_who_came_who_went_and_who_was_there() {
        let group = members(&[1, 2, 3]);
        let difference = |change, ranks: &[Rank]| {
            let Difference { added, removed, kept, members } = group.change(change, ranks);
            (added, removed, kept, members.as_slice().to_vec())
        };
        assert_eq!(difference(Change::Add, &[3, 4, 4]), (vec![4], vec![], vec![3], vec![1, 2, 3, 4]));
        assert_eq!(difference(Change::Add, &[3, 1, 3]), (vec![], vec![], vec![1, 3], vec![1, 2, 3]));
        assert_eq!(difference(Change::Remove, &[3, 4]), (vec![], vec![3], vec![], vec![1, 2]));
        assert_eq!(difference(Change::Replace, &[5, 2]), (vec![5], vec![1, 3], vec![2], vec![2, 5]));
    }

    #[test]
    fn ranks_come_and_go_one_by_one() {
        let mut group = Primary::attached(members(&[2, 4]), 7);
        assert_eq!([group.add(3), group.add(1), group.add(5), group.add(3)], [true, true, true, false]);
        assert_eq!([group.remove(2), group.remove(2)], [true, false]);
        assert_eq!((group.members().as_slice(), group.version()), (&[1, 3, 4, 5][..], 7));
    }

    #[test]
    fn what_is_older_than_the_group_or_the_engine_changes_nothing() {
        let mut group = Primary::default();
        assert_eq!(group.modify(Change::Replace, &[1], 9), Err(Refused::NotJoined));
        group.join(7, 5).unwrap();
        assert_eq!(group.join(8, 6), Err(Refused::HasJoined(7)));
        assert_eq!(group.modify(Change::Add, &[1], 4), Err(Refused::Outdated { version: 4, least: 5 }));
        group.modify(Change::Add, &[1], 5).unwrap();
        assert_eq!(group.modify(Change::Add, &[2], 5), Err(Refused::Outdated { version: 5, least: 6 }));
        assert_eq!(group.modify(Change::Add, &[], 6), Err(Refused::Nobody));
        assert_eq!((group.members().as_slice(), group.version()), (&[1, 7][..], 5));
    }

    #[test]
    fn a_secondary_group_has_numbers_of_its_own() {
        let mut group = Secondary::default();
        group.modify(Change::Replace, &[(0, 10), (1, 20), (2, 30)], 1).unwrap();
        assert_eq!((group.primary(1), group.secondary(20)), (Some(20), Some(1)));
        group.modify(Change::Remove, &[(1, 0)], 2).unwrap();
        assert_eq!((group.primary(1), group.secondary(20)), (None, None));
        group.primary_left(30);
        assert_eq!((group.members().as_slice(), group.secondary(30), group.version()), (&[0][..], None, 2));
    }

    #[test]
    fn strangers_cannot_be_chosen_but_may_be_left_out() {
        let group = members(&[1, 2, 3]);
        assert_eq!(group.select(Selection::Only(&[2, 7, 8])), Err(NotMembers(2)));
        assert_eq!(group.select(Selection::Only(&[3, 2])).unwrap().as_slice(), [2, 3]);
        assert_eq!(group.select(Selection::Except(&[2, 7])).unwrap().as_slice(), [1, 3]);
    }

    proptest! {
        #[test]
        fn a_message_reaches_everybody_once(
            ranks in prop::collection::btree_set(0..1000u32, 1..200),
            root: prop::sample::Index,
            ratio in 2..65u32,
        ) {
            let group: Members = ranks.into_iter().collect();
            let root = *root.get(group.as_slice());
            let spread = group.spread(Topology::Knomial(Ratio::new(ratio).unwrap()), root).unwrap();
            let mut reached = vec![root];
            let mut next = 0;
            while let Some(&rank) = reached.get(next) {
                for child in spread.children(rank) {
                    prop_assert_eq!(spread.parent(child), Some(rank));
                    reached.push(child);
                }
                next += 1;
            }
            reached.sort_unstable();
            prop_assert_eq!(reached, group.as_slice());
        }
    }
}
