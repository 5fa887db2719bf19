//! The groups as a context sees them at a moment, and where their members listen.

use std::collections::BTreeMap;
use std::sync::Arc;

use gurt_client::Result;

use super::der;
use crate::Rank;
use crate::group::{Members, Primary, Secondary};

/// All groups of a process. Cheap to copy; a context is given a new one when something changes.
#[derive(Clone, Debug)]
pub struct Groups {
    /// The name of the primary group.
    pub name: Arc<str>,
    /// The primary group.
    pub primary: Primary,
    /// The secondary groups.
    pub secondaries: BTreeMap<Arc<str>, Arc<Secondary>>,
    /// Where contexts listen, by primary rank and tag: of others those that are known, of this process all.
    pub uris: Arc<BTreeMap<(Rank, u32), Arc<str>>>,
}

impl Groups {
    /// A primary group of this name with nobody in it.
    pub fn new(name: &str) -> Self {
        Groups {
            name: name.into(),
            primary: Primary::default(),
            secondaries: BTreeMap::new(),
            uris: Arc::default(),
        }
    }

    /// The number of a rank of a group in the primary group; none if it is no member. Anybody may be asked for in the
    /// primary group, who is not known yet.
    pub(super) fn primary_rank(&self, group: Option<&str>, rank: Rank) -> Result<Rank> {
        match group {
            None => Ok(rank),
            Some(name) => self.secondaries.get(name).and_then(|group| group.primary(rank)).ok_or(der::OOG),
        }
    }

    /// The members of a group by its own numbers, its version, and this process in it.
    pub(super) fn group(&self, name: Option<&str>) -> Result<(&Members, u32, Option<Rank>)> {
        match name {
            None => Ok((self.primary.members(), self.primary.version(), self.primary.rank())),
            Some(name) => {
                // Who does not know a group has not heard the news.
                let group = self.secondaries.get(name).ok_or(der::GRPVER)?;
                let me = self.primary.rank().and_then(|rank| group.secondary(rank));
                Ok((group.members(), group.version(), me))
            }
        }
    }

    /// The numbers in a group of ranks of the primary one. Those of strangers are left out, or kept for what they are
    /// if all are asked for.
    pub(super) fn in_group(&self, name: Option<&str>, ranks: &[Rank], all: bool) -> Result<Vec<Rank>> {
        let Some(name) = name else { return Ok(ranks.to_vec()) };
        let group = self.secondaries.get(name).ok_or(der::GRPVER)?;
        let found: Vec<_> = ranks.iter().filter_map(|&rank| group.secondary(rank)).collect();
        if all && found.len() < ranks.len() { Err(der::OOG) } else { Ok(found) }
    }
}
