//! Collective requests: `crt_corpc.c`.
//!
//! The root and every rank on the way do the same: look at the request (*pre-forward*), send it to the children in the
//! tree, handle it here, add up (*aggregate*) what the children answer, and when all have, conclude. All work out the
//! tree for themselves, so they must agree on the group: another version fails the request with `-DER_GRPVER`. A child
//! that fails or does not answer fails the whole request, which ends nevertheless only when all others have answered:
//! once, and with the first error.
//!
//! Memory that goes along with the request is read from the parent before anything else.

use std::sync::Arc;

use bytes::Bytes;
use gurt_client::{Der, Result};

use super::bulk::{self, Op, Transfer, Via};
use super::context::{Admission, Context, Pending, Whose};
use super::window::Key;
use super::{Answer, Attachments, Event, Incoming, IncomingId, Memory, Nanos, Now, RequestId, Rpc, der};
use crate::Rank;
use crate::group::Selection;
use crate::tree::Topology;
use crate::wire::{self, Request};

/// `CRT_RPC_FLAG_FILTER_INVERT`: the filter says who alone takes part.
pub const FILTER_INVERT: u32 = 1 << 1;
/// `CRT_RPC_FLAG_CO_FAILOUT`: a rank that cannot send the request on does not handle it either.
pub const FAILOUT: u32 = 1 << 2;
/// `CRT_RPC_FLAG_COLL`.
const COLLECTIVE: u32 = 1 << 16;
/// `CRT_RPC_FLAG_PRIMARY_GRP`.
const PRIMARY_GROUP: u32 = 1 << 17;

/// A request to many: what `crt_corpc_req_create` is told.
#[derive(Clone, Debug)]
pub struct Broadcast {
    /// The group; none for the primary one.
    pub group: Option<Arc<str>>,
    /// Who is left out, or with [`FILTER_INVERT`] who alone takes part; by the primary group.
    pub filter: Vec<Rank>,
    /// The context that handles it, everywhere.
    pub tag: u32,
    /// What.
    pub opcode: u32,
    /// [`FILTER_INVERT`], [`FAILOUT`].
    pub flags: u32,
    /// How it spreads.
    pub topology: Topology,
    /// The input.
    pub body: Bytes,
    /// Registered memory that goes along.
    pub bulk: Option<bulk::Key>,
    /// How long to wait, if not as long as the context says.
    pub timeout: Option<Nanos>,
}

/// A collective request at one rank: `struct crt_corpc_info`.
pub(super) struct Collective<R> {
    owner: Owner<R>,
    opcode: u32,
    rpc: Rpc,
    flags: u32,
    tag: u32,
    source: Option<Rank>,
    source_tag: u32,
    target: Option<Rank>,
    hlc: u64,
    timeout: Nanos,
    deadline: Nanos,
    body: Bytes,
    head: wire::Collective,
    /// The memory here that goes along with it, and whether it was made for it.
    bulk: Option<bulk::Key>,
    bulk_made: bool,
    stage: Stage,
    own: Own,
    output: Bytes,
    /// Children that have not answered.
    children: usize,
    /// What children answered before this rank had an output.
    held: Vec<Result<Bytes>>,
    /// Nothing has been aggregated, and there is no own output.
    first: bool,
    result: Result,
}

/// Where a collective request came from.
enum Owner<R> {
    /// From here.
    Root(R),
    /// From the parent.
    Parent(Key, u64),
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Bulk,
    PreForward,
    Spread,
    Gathered,
}

/// This rank's own part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Own {
    /// None.
    Excluded,
    /// The handler runs, or will.
    Asked,
    /// It has replied.
    Done,
}

impl<R> Collective<R> {
    /// Who the parent is; none at the root.
    pub(super) fn parent(&self) -> Option<Key> {
        match self.owner {
            Owner::Root(_) => None,
            Owner::Parent(key, _) => Some(key),
        }
    }

    fn incoming(&self, id: u64) -> Incoming {
        Incoming {
            id: IncomingId::Collective(id),
            opcode: self.opcode,
            flags: self.flags,
            source: self.source,
            source_tag: self.source_tag,
            target: self.target,
            hlc: self.hlc,
            deadline: self.deadline,
            body: self.body.clone(),
            bulk: self.bulk,
            wants_reply: true,
        }
    }
}

impl<A: Attachments> Context<A> {
    /// Sends a request to many, whose tree begins here. It ends with [`Event::Completed`], also if it cannot be sent.
    pub fn broadcast(&mut self, now: Now, what: Broadcast, attached: A::Request) -> RequestId {
        self.now = now;
        let id = self.number();
        match self.at_root(what) {
            Ok(make) => {
                self.collectives.insert(id, make(Owner::Root(attached)));
                self.begin(id);
            }
            Err(error) => self.events.push_back(Event::Completed { attached, result: Err(error) }),
        }
        self.settle();
        RequestId(id)
    }

    /// Whether a collective request has not ended at this rank.
    pub fn gathers(&self, id: IncomingId) -> bool {
        matches!(id, IncomingId::Collective(id) if self.collectives.contains_key(&id))
    }

    pub(super) fn has_broadcasts(&self) -> bool {
        self.collectives.values().any(|collective| collective.parent().is_none())
    }

    pub(super) fn abandon_broadcasts(&mut self) {
        let own = self.collectives.iter().filter(|(_, collective)| collective.parent().is_none());
        let mut own: Vec<_> = own.map(|(id, _)| *id).collect();
        own.sort_unstable();
        own.into_iter().for_each(|id| self.end_collective(id, Err(der::CANCELED), Bytes::new()));
    }

    #[allow(clippy::type_complexity, reason = "what belongs to the request must not be lost on an error")]
    fn at_root(
        &self,
        what: Broadcast,
    ) -> Result<impl FnOnce(Owner<A::Request>) -> Collective<A::Request> + use<A>> {
        let (_, version, me) = self.groups.group(what.group.as_deref())?;
        let me = me.ok_or(der::GRPVER)?;
        let primary = self.groups.primary.rank().ok_or(der::GRPVER)?;
        let rpc = self.protocols.get(what.opcode).ok_or(der::UNREG)?;
        if what.body.len() > self.settings.limits.frame.body {
            return Err(der::OVERFLOW);
        }
        // The root is in the tree in any case; if it was left out, it only passes the request on.
        let only = what.flags & FILTER_INVERT != 0;
        let mut filter = what.filter;
        let named = filter.contains(&primary);
        let excluded = named != only;
        match (excluded, only) {
            (true, true) => filter.push(primary),
            (true, false) => filter.retain(|&rank| rank != primary),
            (false, _) => {}
        }
        let bulk = what.bulk.map(|key| self.describe(key).ok_or(der::INVAL)).transpose()?;
        let timeout = what.timeout.unwrap_or(self.settings.timeout);
        let primary_group = if what.group.is_none() { PRIMARY_GROUP } else { 0 };
        let flags = what.flags & (FILTER_INVERT | FAILOUT) | COLLECTIVE | primary_group;
        let (now, source_tag) = (self.now, self.identity.tag);
        Ok(move |owner| Collective {
            owner,
            opcode: what.opcode,
            rpc,
            flags,
            tag: what.tag,
            source: Some(primary),
            source_tag,
            target: Some(primary),
            hlc: now.hlc,
            timeout,
            deadline: now.nanos.saturating_add(timeout),
            body: what.body,
            head: wire::Collective {
                group: what.group,
                version,
                topology: what.topology,
                root: me,
                filter: filter.into(),
                bulk,
            },
            bulk: what.bulk,
            bulk_made: false,
            stage: Stage::PreForward,
            own: if excluded { Own::Excluded } else { Own::Asked },
            output: Bytes::new(),
            children: 0,
            held: Vec::new(),
            first: excluded,
            result: Ok(()),
        })
    }

    /// A collective request has come from the parent.
    pub(super) fn take_collective(
        &mut self,
        key: Key,
        request: Request,
        rpc: Rpc,
        deadline: Nanos,
        body: Bytes,
    ) {
        let id = self.number();
        let Some(head) = request.collective else { return };
        let remote = head.bulk.clone();
        let collective = Collective {
            owner: Owner::Parent(key, request.id),
            opcode: request.opcode,
            rpc,
            flags: request.flags,
            tag: request.tag,
            source: request.source,
            source_tag: request.source_tag,
            target: request.target,
            hlc: request.hlc,
            timeout: deadline - self.now.nanos,
            deadline,
            body,
            head,
            bulk: None,
            bulk_made: false,
            stage: Stage::Bulk,
            own: Own::Asked,
            output: Bytes::new(),
            children: 0,
            held: Vec::new(),
            first: false,
            result: Ok(()),
        };
        self.collectives.insert(id, collective);
        match remote.map(|remote| self.pull(id, remote)) {
            None => self.begin(id),
            Some(Ok(())) => {}
            Some(Err(error)) => self.bulk_pulled(id, Err(error)),
        }
    }

    /// Begins to read what goes along with a request into memory made for it.
    fn pull(&mut self, id: u64, remote: wire::Region) -> Result {
        let room = self.settings.limits.collective_bulk.saturating_sub(self.bulk.made());
        let size = remote.length;
        let memory =
            if size <= room { usize::try_from(size).ok().and_then(A::Memory::allocate) } else { None };
        let local = self.make(memory.ok_or(der::NOMEM)?);
        let Some(collective) = self.collectives.get_mut(&id) else { return Ok(()) };
        (collective.bulk, collective.bulk_made) = (Some(local), true);
        let transfer = Transfer {
            op: Op::Get,
            via: Via::Sender(IncomingId::Collective(id)),
            remote,
            remote_offset: 0,
            local,
            local_offset: 0,
            length: size,
            timeout: collective.timeout,
        };
        self.transfer_for(transfer, bulk::Whose::Collective(id));
        Ok(())
    }

    /// It is there, or will not come.
    pub(super) fn bulk_pulled(&mut self, id: u64, result: Result) {
        match result {
            Ok(()) => {
                let region = self.collectives.get(&id).and_then(|collective| collective.bulk);
                let region = region.and_then(|key| self.describe(key));
                if let Some(collective) = self.collectives.get_mut(&id) {
                    collective.head.bulk = region;
                    self.begin(id);
                }
            }
            Err(error) => {
                self.fail(id, error);
                // Who has not got all of it does not handle it.
                self.own_part(id, false);
            }
        }
    }

    fn begin(&mut self, id: u64) {
        let Some(collective) = self.collectives.get_mut(&id) else { return };
        if collective.rpc.collectively.is_some_and(|functions| functions.pre_forward) {
            collective.stage = Stage::PreForward;
            self.events.push_back(Event::PreForward(collective.incoming(id)));
        } else {
            self.spread(id);
        }
    }

    /// A collective request may go on, or not: what `co_pre_forward` has said.
    pub fn forward(&mut self, now: Now, id: IncomingId, result: Result) {
        self.now = now;
        let IncomingId::Collective(id) = id else { return };
        if self.collectives.get(&id).is_some_and(|collective| collective.stage == Stage::PreForward) {
            match result {
                Ok(()) => self.spread(id),
                Err(error) => {
                    self.fail(id, error);
                    self.own_part(id, true);
                }
            }
        }
        self.settle();
    }

    /// Sends it to the children, and handles it here.
    fn spread(&mut self, id: u64) {
        let Some(collective) = self.collectives.get_mut(&id) else { return };
        collective.stage = Stage::Spread;
        let head = collective.head.clone();
        let flags = collective.flags;
        match self.children(&head, flags) {
            Err(error) => self.fail(id, error),
            Ok(children) => {
                if let Some(collective) = self.collectives.get_mut(&id) {
                    // Before the first may fail.
                    collective.children = children.len();
                }
                children.into_iter().for_each(|rank| self.send_to_child(id, &head, rank));
            }
        }
        self.own_part(id, true);
    }

    /// To whom this rank sends it, by the primary group.
    fn children(&self, head: &wire::Collective, flags: u32) -> Result<Vec<Rank>> {
        let name = head.group.as_deref();
        let (members, version, me) = self.groups.group(name)?;
        let me = me.filter(|_| version == head.version).ok_or(der::GRPVER)?;
        let only = flags & FILTER_INVERT != 0;
        let filter = self.groups.in_group(name, &head.filter, only)?;
        let selection = match (only, filter.is_empty()) {
            (true, _) => Selection::Only(&filter),
            (false, true) => Selection::All,
            (false, false) => Selection::Except(&filter),
        };
        let members = members.select(selection).map_err(|_| der::OOG)?;
        let spread =
            members.spread(head.topology, head.root).filter(|_| members.contains(me)).ok_or(der::OOG)?;
        spread.children(me).map(|child| self.groups.primary_rank(name, child)).collect()
    }

    fn send_to_child(&mut self, id: u64, head: &wire::Collective, rank: Rank) {
        let Some(collective) = self.collectives.get(&id) else { return };
        let pending = Pending {
            whose: Whose::Child(id),
            rank,
            tag: collective.tag,
            opcode: collective.opcode,
            rpc: collective.rpc,
            flags: collective.flags,
            body: collective.body.clone(),
            collective: Some(head.clone()),
            timeout: collective.timeout,
            deadline: collective.deadline,
            admission: Admission::New,
            target: None,
            sent_to: None,
        };
        self.issue(pending, Ok(()));
    }

    /// This rank's own part: it has none if it was left out, has failed and shall not, or does not have it all.
    fn own_part(&mut self, id: u64, complete: bool) {
        let Some(collective) = self.collectives.get_mut(&id) else { return };
        collective.stage = Stage::Spread;
        let failed_out = collective.result.is_err() && collective.flags & FAILOUT != 0;
        if failed_out || !complete {
            collective.own = Own::Excluded;
        }
        if collective.own == Own::Asked {
            let incoming = collective.incoming(id);
            self.events.push_back(Event::Request(incoming));
        }
        self.aggregate_held(id);
        self.gather(id);
    }

    fn fail(&mut self, id: u64, error: Der) {
        if let Some(collective) = self.collectives.get_mut(&id) {
            collective.result = collective.result.and(Err(error));
        }
    }

    /// This rank's handler has replied.
    pub(super) fn own_reply(&mut self, id: u64, result: Result, output: Bytes) -> bool {
        let Some(collective) =
            self.collectives.get_mut(&id).filter(|collective| collective.own == Own::Asked)
        else {
            return false;
        };
        collective.own = Own::Done;
        collective.output = output;
        collective.result = collective.result.and(result);
        self.aggregate_held(id);
        self.gather(id);
        true
    }

    /// A child has answered, or will not.
    pub(super) fn child_ended(&mut self, id: u64, result: Result<Answer>) {
        let Some(collective) = self.collectives.get_mut(&id) else { return };
        collective.children -= 1;
        collective.result = collective.result.and(result.as_ref().map(|_| ()).map_err(|error| *error));
        if collective.rpc.collectively.is_some_and(|functions| functions.aggregate) {
            collective.held.push(result.map(|answer| answer.body));
        }
        self.aggregate_held(id);
        self.gather(id);
    }

    /// Adds what children have answered to the own output, once there is one.
    fn aggregate_held(&mut self, id: u64) {
        let Some(collective) = self.collectives.get_mut(&id) else { return };
        if collective.own == Own::Asked || collective.stage != Stage::Spread {
            return;
        }
        // An answer that did not come has nothing to add.
        for body in collective.held.drain(..).flatten() {
            let first = std::mem::take(&mut collective.first);
            self.events.push_back(Event::Aggregate { id: IncomingId::Collective(id), body, first });
        }
    }

    /// Ends it when nobody is missing.
    fn gather(&mut self, id: u64) {
        let Some(collective) = self.collectives.get_mut(&id) else { return };
        if collective.stage != Stage::Spread || collective.children > 0 || collective.own == Own::Asked {
            return;
        }
        collective.stage = Stage::Gathered;
        let result = collective.result;
        if collective.rpc.collectively.is_some_and(|functions| functions.aggregate) {
            self.events.push_back(Event::Gathered { id: IncomingId::Collective(id), result });
        } else {
            let output = std::mem::take(&mut collective.output);
            self.end_collective(id, result, output);
        }
    }

    /// Ends a collective request that has been [gathered](Event::Gathered) with what has become of its output.
    pub fn conclude(&mut self, now: Now, id: IncomingId, result: Result, output: Bytes) {
        self.now = now;
        if let IncomingId::Collective(id) = id
            && self.collectives.get(&id).is_some_and(|collective| collective.stage == Stage::Gathered)
        {
            self.end_collective(id, result, output);
        }
        self.settle();
    }

    fn end_collective(&mut self, id: u64, result: Result, output: Bytes) {
        let Some(collective) = self.collectives.remove(&id) else { return };
        if let Some(key) = collective.bulk.filter(|_| collective.bulk_made) {
            self.unregister(key);
        }
        match collective.owner {
            Owner::Root(attached) => {
                let result = result.map(|()| Answer { hlc: self.now.hlc, body: output });
                self.events.push_back(Event::Completed { attached, result });
            }
            Owner::Parent(key, request) => {
                self.answer(key, request, result, output);
            }
        }
    }
}
