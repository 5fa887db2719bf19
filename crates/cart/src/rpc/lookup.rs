//! Where an endpoint listens: from the group's table, or by asking (`CRT_OPC_URI_LOOKUP`), as `crt_req_uri_lookup` does.
//!
//! A process of the group knows where the first context of each rank listens, and asks that for the others. A client
//! may know of one rank only, and asks it for all, or others if that does not help.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use gurt_client::{Der, Result};

use super::context::{Admission, Context, Pending, Whose};
use super::{Answer, Attachments, Nanos, Rpc, URI_LOOKUP, der};
use crate::Rank;
use crate::wire::{Fields, put_text};

/// `CRT_URI_LOOKUP_RETRY_MAX`.
const RETRIES: u32 = 8;

/// What is known of an endpoint.
pub(super) enum Located {
    /// It is this context.
    Here,
    /// It listens there.
    At(Arc<str>),
    /// This rank may know.
    Ask(Rank),
    /// Nobody can be asked.
    Unknown,
}

/// What was learned by asking, and who waits for more.
#[derive(Default)]
pub(super) struct Lookups {
    learned: HashMap<(Rank, u32), Arc<str>>,
    /// The requests that wait for each.
    waiting: HashMap<(Rank, u32), Vec<u64>>,
}

impl Lookups {
    /// Nobody could be reached there.
    pub(super) fn forget(&mut self, uri: &str) {
        self.learned.retain(|_, known| &**known != uri);
    }
}

impl<A: Attachments> Context<A> {
    pub(super) fn locate(&self, rank: Rank, tag: u32) -> Located {
        let me = self.groups.primary.rank();
        if me == Some(rank) && tag == self.identity.tag {
            return Located::Here;
        }
        if let Some(uri) = self.uri(rank, tag) {
            return Located::At(uri.clone());
        }
        if tag != 0 && self.uri(rank, 0).is_some() {
            return Located::Ask(rank);
        }
        match me {
            Some(_) => Located::Unknown,
            None => self.contact(0).map_or(Located::Unknown, Located::Ask),
        }
    }

    fn uri(&self, rank: Rank, tag: u32) -> Option<&Arc<str>> {
        self.groups.uris.get(&(rank, tag)).or_else(|| self.lookups.learned.get(&(rank, tag)))
    }

    /// Whom a client asks in its next try.
    fn contact(&self, tries: u32) -> Option<Rank> {
        let known = || self.groups.uris.keys().filter(|(_, tag)| *tag == 0).map(|(rank, _)| *rank);
        let count = known().count();
        known().nth((tries as usize).checked_rem(count)?)
    }

    /// Asks where an endpoint listens, for a request that wants to go there.
    pub(super) fn ask(&mut self, contact: Rank, rank: Rank, tag: u32, id: u64) {
        let waiting = self.lookups.waiting.entry((rank, tag)).or_default();
        waiting.push(id);
        if waiting.len() == 1 {
            let timeout = self.settings.timeout;
            self.ask_again(contact, rank, tag, 0, self.now.nanos.saturating_add(timeout));
        }
    }

    fn ask_again(&mut self, contact: Rank, rank: Rank, tag: u32, tries: u32, deadline: Nanos) {
        let mut body = Vec::new();
        put_text(&mut body, &self.groups.name);
        body.extend(rank.to_le_bytes());
        body.extend(tag.to_le_bytes());
        let pending = Pending {
            whose: Whose::Lookup { rank, tag, tries },
            rank: contact,
            tag: 0,
            opcode: URI_LOOKUP,
            rpc: Rpc::default(),
            flags: 0,
            body: body.into(),
            collective: None,
            timeout: self.settings.timeout,
            deadline,
            admission: Admission::Free,
            target: None,
            sent_to: None,
        };
        self.issue(pending, Ok(()));
    }

    /// Somebody has answered, or not.
    pub(super) fn looked_up(&mut self, rank: Rank, tag: u32, tries: u32, result: Result<Answer>) {
        let found = result.and_then(|answer| read_answer(&answer.body));
        let error = match found {
            Ok((uri, found)) => {
                self.lookups.learned.insert((rank, found), uri);
                if found == tag {
                    let waiting = self.lookups.waiting.remove(&(rank, tag)).unwrap_or_default();
                    return self.ready.extend(waiting);
                }
                // The one who was asked knows only whom to ask.
                return self.next_lookup(rank, rank, tag, tries);
            }
            Err(error) => error,
        };
        match self.contact(tries + 1) {
            Some(contact) if self.groups.primary.rank().is_none() && tries < RETRIES => {
                self.next_lookup(contact, rank, tag, tries);
            }
            _ => self.not_found(rank, tag, error),
        }
    }

    fn next_lookup(&mut self, contact: Rank, rank: Rank, tag: u32, tries: u32) {
        let waiting = self.lookups.waiting.get(&(rank, tag));
        // As long as one of those who want to know.
        let deadline =
            waiting.into_iter().flatten().filter_map(|id| Some(self.requests.get(id)?.deadline)).max();
        match deadline {
            Some(deadline) if tries < RETRIES => {
                self.ask_again(contact, rank, tag, tries + 1, deadline);
            }
            _ => self.not_found(rank, tag, der::OOG),
        }
    }

    fn not_found(&mut self, rank: Rank, tag: u32, error: Der) {
        let waiting = self.lookups.waiting.remove(&(rank, tag)).unwrap_or_default();
        waiting.into_iter().for_each(|id| self.finish(id, Err(error)));
    }

    /// Answers such a question: `crt_hdlr_uri_lookup`.
    pub(super) fn where_is(&self, question: &[u8]) -> Result<Bytes> {
        let mut fields = Fields(question);
        let mut read = || Ok((fields.text()?, fields.u32()?, fields.u32()?));
        let (group, rank, tag) = read().map_err(|_: crate::wire::Malformed| der::PROTO)?;
        let rank = match &*group {
            name if name == &*self.groups.name => rank,
            name if self.groups.secondaries.contains_key(name) => {
                self.groups.primary_rank(Some(name), rank)?
            }
            _ => return Err(der::INVAL),
        };
        let first = || Some((self.uri(rank, 0)?, 0));
        let (uri, found) = self.uri(rank, tag).map(|uri| (uri, tag)).or_else(first).ok_or(der::OOG)?;
        let mut answer = Vec::new();
        put_text(&mut answer, uri);
        answer.extend(found.to_le_bytes());
        Ok(answer.into())
    }
}

fn read_answer(body: &[u8]) -> Result<(Arc<str>, u32)> {
    let mut fields = Fields(body);
    let mut read = || Ok((fields.text()?, fields.u32()?));
    read().map_err(|_: crate::wire::Malformed| der::PROTO)
}
