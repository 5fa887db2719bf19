//! A context: its requests, its connections and what others ask of it.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use gurt_client::{Der, Result};

use super::bulk::Bulk;
use super::collective::Collective;
use super::lookup::{Located, Lookups};
use super::timers::{Timer, Timers};
use super::window::{self, Key, Verdict, Window};
use super::{
    Answer, Attachments, Body, Call, Event, Groups, Identity, Incoming, IncomingId, Limits, Link, MILLI,
    Nanos, Now, Output, PROTO_QUERY, Protocols, RequestId, Rpc, SECOND, Settings, URI_LOOKUP, der, query,
};
use crate::Rank;
use crate::wire::{self, Head, Hello, Reply, Request};

/// One context of one process: `struct crt_context`.
pub struct Context<A: Attachments> {
    pub(super) identity: Identity,
    pub(super) settings: Settings,
    pub(super) groups: Groups,
    pub(super) protocols: Arc<Protocols>,
    outputs: VecDeque<Output>,
    pub(super) events: VecDeque<Event<A>>,
    /// What it sends to itself.
    loopback: VecDeque<(Head, Bytes)>,
    /// Requests that may go, and are not on their way yet.
    pub(super) ready: VecDeque<u64>,
    /// The last number that was given to anything.
    last: u64,
    /// The last moment that it was told.
    pub(super) now: Now,
    pub(super) timers: Timers,
    pub(super) requests: HashMap<u64, Pending<A::Request>>,
    /// Of all requests.
    bytes: usize,
    queues: HashMap<Rank, Queue>,
    pub(super) targets: HashMap<u64, Target>,
    target_of: HashMap<Arc<str>, u64>,
    links: HashMap<Link, Role>,
    senders: HashMap<Key, Sender>,
    /// Bytes of replies that are kept.
    kept: usize,
    /// Bytes of requests that are handled here.
    running: usize,
    forgetting: bool,
    pub(super) lookups: Lookups,
    pub(super) collectives: HashMap<u64, Collective<A::Request>>,
    pub(super) bulk: Bulk<A>,
}

/// A request that has not ended.
pub(super) struct Pending<R> {
    pub(super) whose: Whose<R>,
    /// By the primary group.
    pub(super) rank: Rank,
    pub(super) tag: u32,
    pub(super) opcode: u32,
    pub(super) rpc: Rpc,
    pub(super) flags: u32,
    pub(super) body: Bytes,
    pub(super) collective: Option<wire::Collective>,
    pub(super) timeout: Nanos,
    pub(super) deadline: Nanos,
    pub(super) admission: Admission,
    /// To which peer it goes, once that is known.
    pub(super) target: Option<u64>,
    /// To which life of it it was sent.
    pub(super) sent_to: Option<u64>,
}

/// Who wants to know how a request ends.
pub(super) enum Whose<R> {
    /// The user.
    User(R),
    /// A collective request.
    Child(u64),
    /// Those who wait to know where an endpoint listens.
    Lookup { rank: Rank, tag: u32, tries: u32 },
}

/// Where a request stands with the credits of its rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It has not been counted yet.
    New,
    /// It waits for a credit.
    Queued,
    /// It has one.
    Credited,
    /// It needs none.
    Free,
}

/// The requests to a rank: `struct crt_ep_inflight`.
#[derive(Default)]
struct Queue {
    credited: usize,
    bytes: usize,
    waiting: VecDeque<u64>,
}

/// A peer that this context sends to.
pub(super) struct Target {
    uri: Arc<str>,
    pub(super) link: Link,
    pub(super) phase: Phase,
    failures: u32,
    pub(super) requests: BTreeSet<u64>,
    pub(super) transfers: BTreeSet<u64>,
}

/// How a peer is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It is not, and need not be.
    Idle,
    /// It is tried.
    Connecting,
    /// It is, in this life.
    Up(u64),
    /// It will be tried.
    Waiting,
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug)]
enum Role {
    Target(u64),
    Sender(Key),
}

/// A peer that sends to this context.
#[derive(Default)]
struct Sender {
    link: Option<Link>,
    window: Window,
}

/// The number of this context among its own targets.
const SELF: u64 = 0;
/// `CRT_TIMEOUT_MAX`: nobody can make this side remember anything for longer.
const MAX_TIMEOUT: Nanos = 3600 * SECOND;
/// How often peers that have gone are forgotten.
const FORGET: Nanos = SECOND;

impl<A: Attachments> Context<A> {
    /// A context that knows these groups and protocols.
    pub fn new(identity: Identity, settings: Settings, groups: Groups, protocols: Arc<Protocols>) -> Self {
        let own = Key { incarnation: identity.incarnation, channel: SELF };
        let target = Target {
            uri: "".into(),
            link: Link::SELF,
            phase: Phase::Up(identity.incarnation),
            failures: 0,
            requests: BTreeSet::new(),
            transfers: BTreeSet::new(),
        };
        Context {
            bulk: Bulk::new(identity.secret),
            identity,
            settings,
            groups,
            protocols,
            outputs: VecDeque::new(),
            events: VecDeque::new(),
            loopback: VecDeque::new(),
            ready: VecDeque::new(),
            last: SELF,
            now: Now::default(),
            timers: Timers::default(),
            requests: HashMap::new(),
            bytes: 0,
            queues: HashMap::new(),
            targets: HashMap::from([(SELF, target)]),
            target_of: HashMap::new(),
            links: HashMap::new(),
            senders: HashMap::from([(own, Sender { link: Some(Link::SELF), ..Sender::default() })]),
            kept: 0,
            running: 0,
            forgetting: false,
            lookups: Lookups::default(),
            collectives: HashMap::new(),
        }
    }

    /// Who it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The groups that it knows.
    pub fn groups(&self) -> &Groups {
        &self.groups
    }

    /// The groups have changed.
    pub fn set_groups(&mut self, groups: Groups) {
        self.groups = groups;
    }

    /// RPCs have been registered.
    pub fn set_protocols(&mut self, protocols: Arc<Protocols>) {
        self.protocols = protocols;
    }

    /// The next thing to do for the transport. All are to be taken before an event is.
    pub fn next_output(&mut self) -> Option<Output> {
        loop {
            let output = self.outputs.pop_front()?;
            match self.still_valid(output) {
                Some(output) => return Some(output),
                None => continue,
            }
        }
    }

    /// The next thing to do for the user.
    pub fn next_event(&mut self) -> Option<Event<A>> {
        self.events.pop_front()
    }

    /// Whether nothing is left over: no request, no transfer, no collective request.
    pub fn is_settled(&self) -> bool {
        self.requests.is_empty()
            && self.collectives.is_empty()
            && self.queues.is_empty()
            && self.bytes == 0
            && self.bulk.is_settled()
            && self.targets.values().all(|target| target.requests.is_empty() && target.transfers.is_empty())
    }

    /// Whether requests of this context have not ended.
    pub fn has_requests(&self) -> bool {
        !self.requests.is_empty() || self.has_broadcasts()
    }

    /// Gives up all requests of a protocol, whatever its version.
    pub fn abort_protocol(&mut self, now: Now, base: u32) {
        self.now = now;
        self.abort_where(|pending| pending.opcode & super::protocols::BASE == base);
        self.settle();
    }

    /// When something is due next.
    pub fn due(&self) -> Option<Nanos> {
        self.timers.next()
    }

    /// Whether there is something to do for the user.
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// Gives up all that this context wants of others: requests, transfers and collective requests that began here end
    /// with `-DER_CANCELED`.
    pub fn abandon(&mut self, now: Now) {
        self.now = now;
        // A lookup that ends may begin another one, as long as somebody waits for it.
        while !self.requests.is_empty() {
            self.abort_where(|_| true);
        }
        self.abandon_transfers();
        self.abandon_broadcasts();
        self.settle();
    }

    pub(super) fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    // Requests.

    /// Sends a request: `crt_req_send`. It ends with [`Event::Completed`], also if it cannot be sent.
    pub fn send(&mut self, now: Now, call: Call, attached: A::Request) -> RequestId {
        self.now = now;
        let rank = self.groups.primary_rank(call.group.as_deref(), call.rank);
        let timeout = call.timeout.unwrap_or(self.settings.timeout);
        let pending = Pending {
            whose: Whose::User(attached),
            rank: rank.unwrap_or(call.rank),
            tag: call.tag,
            opcode: call.opcode,
            rpc: self.protocols.get(call.opcode).unwrap_or_default(),
            flags: call.flags,
            body: call.body,
            collective: None,
            timeout,
            deadline: now.nanos.saturating_add(timeout),
            admission: Admission::New,
            target: None,
            sent_to: None,
        };
        let id = self.issue(pending, rank.map(drop));
        self.settle();
        RequestId(id)
    }

    /// Gives a request up: `crt_req_abort`. It ends with `-DER_CANCELED`; nothing happens if it has ended.
    pub fn abort(&mut self, now: Now, id: RequestId) {
        self.now = now;
        if self.collectives.contains_key(&id.0) {
            self.abort_where(|pending| matches!(pending.whose, Whose::Child(parent) if parent == id.0));
        } else if self.requests.contains_key(&id.0) {
            self.finish(id.0, Err(der::CANCELED));
        }
        self.settle();
    }

    /// Gives up all requests to a rank of the primary group: `crt_rank_abort`.
    pub fn abort_rank(&mut self, now: Now, rank: Rank) {
        self.now = now;
        self.abort_where(|pending| pending.rank == rank);
        self.settle();
    }

    fn abort_where(&mut self, which: impl Fn(&Pending<A::Request>) -> bool) {
        let mut ids: Vec<_> = self.requests.iter().filter(|(_, p)| which(p)).map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids.into_iter().for_each(|id| self.finish(id, Err(der::CANCELED)));
    }

    /// Takes up a request, unless something was wrong with it before.
    pub(super) fn issue(&mut self, pending: Pending<A::Request>, valid: Result) -> u64 {
        let id = self.number();
        let size = pending.body.len();
        let limits = self.settings.limits;
        let queued = self.queues.get(&pending.rank).map_or(0, |queue| queue.bytes);
        let free = pending.admission == Admission::Free;
        let valid = valid.and_then(|()| match self.protocols.get(pending.opcode) {
            None => Err(der::UNREG),
            Some(_) if size > limits.frame.body => Err(der::OVERFLOW),
            Some(_) if self.bytes + size > limits.bytes || queued + size > limits.peer_bytes => {
                Err(der::OVERLOAD)
            }
            Some(_) => Ok(()),
        });
        self.bytes += size;
        if valid.is_ok() {
            self.timers.push(pending.deadline, Timer::Request(id));
        }
        let (rank, front) = (pending.rank, pending.rpc.queue_front);
        self.requests.insert(id, pending);
        match valid {
            Err(error) => self.finish(id, Err(error)),
            Ok(()) if free => self.ready.push_back(id),
            Ok(()) => self.admit(id, rank, size, front),
        }
        self.compact();
        id
    }

    /// Lets a request go, or wait for a credit.
    fn admit(&mut self, id: u64, rank: Rank, size: usize, front: bool) {
        let credits = self.settings.credits;
        let queue = self.queues.entry(rank).or_default();
        queue.bytes += size;
        let go = credits == 0 || queue.credited < credits;
        if go {
            queue.credited += 1;
            self.ready.push_back(id);
        } else if front {
            queue.waiting.push_front(id);
        } else {
            queue.waiting.push_back(id);
        }
        if let Some(pending) = self.requests.get_mut(&id) {
            pending.admission = if go { Admission::Credited } else { Admission::Queued };
        }
    }

    /// Gives back what a request had, and lets others go.
    fn release(&mut self, pending: &Pending<A::Request>) {
        let Some(queue) = self.queues.get_mut(&pending.rank) else { return };
        match pending.admission {
            Admission::New | Admission::Free => return,
            Admission::Queued => {}
            Admission::Credited => queue.credited -= 1,
        }
        queue.bytes -= pending.body.len();
        while self.settings.credits == 0 || queue.credited < self.settings.credits {
            let Some(next) = queue.waiting.pop_front() else { break };
            // Those that have ended are still in the queue.
            if let Some(pending) = self.requests.get_mut(&next) {
                pending.admission = Admission::Credited;
                queue.credited += 1;
                self.ready.push_back(next);
            }
        }
        if queue.credited == 0 && queue.waiting.is_empty() {
            self.queues.remove(&pending.rank);
        }
    }

    /// Ends a request.
    pub(super) fn finish(&mut self, id: u64, result: Result<Answer>) {
        let Some(pending) = self.requests.remove(&id) else { return };
        self.bytes -= pending.body.len();
        if let Some(target) = pending.target.and_then(|target| self.targets.get_mut(&target)) {
            target.requests.remove(&id);
        }
        self.release(&pending);
        match pending.whose {
            Whose::User(attached) => self.events.push_back(Event::Completed { attached, result }),
            Whose::Child(parent) => self.child_ended(parent, result),
            Whose::Lookup { rank, tag, tries } => self.looked_up(rank, tag, tries, result),
        }
    }

    /// Sends a request on its way, wherever that leads.
    fn route(&mut self, id: u64) {
        let Some(pending) = self.requests.get(&id) else { return };
        let (rank, tag) = (pending.rank, pending.tag);
        match self.locate(rank, tag) {
            Located::Here => self.assign(id, SELF),
            Located::At(uri) => match self.target(&uri) {
                Ok(target) => self.assign(id, target),
                Err(error) => self.finish(id, Err(error)),
            },
            Located::Ask(contact) => self.ask(contact, rank, tag, id),
            Located::Unknown => self.finish(id, Err(der::OOG)),
        }
    }

    /// The peer that listens there.
    pub(super) fn target(&mut self, uri: &Arc<str>) -> Result<u64> {
        if Some(uri) == self.identity.uri.as_ref() {
            return Ok(SELF);
        }
        if let Some(&target) = self.target_of.get(uri) {
            return Ok(target);
        }
        if self.targets.len() > self.settings.limits.peers {
            self.drop_idle_target()?;
        }
        let number = self.number();
        let target = Target {
            uri: uri.clone(),
            link: Link::SELF,
            phase: Phase::Idle,
            failures: 0,
            requests: BTreeSet::new(),
            transfers: BTreeSet::new(),
        };
        self.targets.insert(number, target);
        self.target_of.insert(uri.clone(), number);
        Ok(number)
    }

    /// Makes room for another peer.
    fn drop_idle_target(&mut self) -> Result {
        let idle = |(&number, target): (&u64, &Target)| {
            let idle = number != SELF && target.requests.is_empty() && target.transfers.is_empty();
            idle.then_some(number)
        };
        let number = self.targets.iter().filter_map(idle).min().ok_or(der::OVERLOAD)?;
        if let Some(target) = self.targets.remove(&number) {
            self.target_of.remove(&target.uri);
            if self.links.remove(&target.link).is_some() {
                self.outputs.push_back(Output::Close(target.link));
            }
        }
        Ok(())
    }

    fn assign(&mut self, id: u64, number: u64) {
        let (Some(pending), Some(target)) = (self.requests.get_mut(&id), self.targets.get_mut(&number))
        else {
            return;
        };
        pending.target = Some(number);
        target.requests.insert(id);
        match target.phase {
            Phase::Up(_) => self.transmit(id),
            Phase::Idle => self.connect(number),
            Phase::Connecting | Phase::Waiting => {}
        }
    }

    /// Puts a request on the connection of its target, which is up.
    fn transmit(&mut self, id: u64) {
        let source = self.groups.primary.rank();
        let Some(pending) = self.requests.get_mut(&id) else { return };
        let Some(target) = pending.target.and_then(|target| self.targets.get(&target)) else { return };
        let Phase::Up(incarnation) = target.phase else { return };
        pending.sent_to = Some(incarnation);
        let left = pending.deadline.saturating_sub(self.now.nanos).div_ceil(MILLI);
        let request = Request {
            id,
            floor: target.requests.first().copied().unwrap_or(id),
            opcode: pending.opcode,
            flags: pending.flags,
            hlc: self.now.hlc,
            source,
            source_tag: self.identity.tag,
            target: Some(pending.rank),
            tag: pending.tag,
            timeout: left.min(u32::MAX.into()) as u32,
            collective: pending.collective.clone(),
        };
        let (link, body, one_way) = (target.link, pending.body.clone(), pending.rpc.no_reply);
        self.send_on(link, Head::Request(request), Body::Bytes(body));
        if one_way {
            self.finish(id, Ok(Answer { hlc: self.now.hlc, body: Bytes::new() }));
        }
    }

    pub(super) fn send_on(&mut self, link: Link, head: Head, body: Body) {
        if link != Link::SELF {
            return self.outputs.push_back(Output::Send { link, head, body });
        }
        let body = match body {
            Body::Bytes(bytes) => bytes,
            Body::Memory { key, range } => self.copy_of(key, range),
        };
        self.loopback.push_back((head, body));
    }

    /// Does what has become possible. Nothing calls itself, however many wait.
    pub(super) fn settle(&mut self) {
        loop {
            if let Some(id) = self.ready.pop_front() {
                self.route(id);
            } else if let Some((head, body)) = self.loopback.pop_front() {
                self.handle(Link::SELF, head, body);
            } else if !self.start_transfers() {
                return;
            }
        }
    }

    // Connections.

    pub(super) fn connect(&mut self, number: u64) {
        let link = Link::opened(self.number());
        let Some(target) = self.targets.get_mut(&number) else { return };
        (target.link, target.phase) = (link, Phase::Connecting);
        let hello = Hello {
            group: self.groups.name.clone(),
            rank: self.groups.primary.rank(),
            tag: self.identity.tag,
            incarnation: self.identity.incarnation,
            channel: number,
        };
        self.outputs.push_back(Output::Connect { link, uri: target.uri.clone(), hello });
        self.links.insert(link, Role::Target(number));
    }

    /// A connection is there, and the peer at its other end has said who it is.
    pub fn connected(&mut self, now: Now, link: Link, hello: &Hello) {
        self.now = now;
        match self.links.get(&link) {
            Some(&Role::Target(number)) => self.target_up(number, hello.incarnation),
            Some(Role::Sender(_)) => {}
            None if link.is_opened() => self.outputs.push_back(Output::Close(link)),
            None => self.accept(link, hello),
        }
        self.settle();
    }

    fn target_up(&mut self, number: u64, incarnation: u64) {
        let Some(target) = self.targets.get_mut(&number) else { return };
        target.phase = Phase::Up(incarnation);
        target.failures = 0;
        let ids: Vec<_> = target.requests.iter().copied().collect();
        for id in ids {
            let Some(pending) = self.requests.get(&id) else { continue };
            // A former life of the peer may have handled it, and nobody can tell any more.
            if pending.sent_to.is_some_and(|life| life != incarnation) {
                self.finish(id, Err(der::UNREACH));
            } else {
                self.transmit(id);
            }
        }
        self.target_up_for_transfers(number);
    }

    fn accept(&mut self, link: Link, hello: &Hello) {
        let key = Key { incarnation: hello.incarnation, channel: hello.channel };
        let known = self.senders.contains_key(&key);
        let own = hello.incarnation == self.identity.incarnation;
        if own || !known && !self.room_for_sender() {
            return self.outputs.push_back(Output::Close(link));
        }
        let before = self.senders.entry(key).or_default().link.replace(link);
        self.links.insert(link, Role::Sender(key));
        if let Some(before) = before {
            self.outputs.push_back(Output::Close(before));
            self.forget_link(before);
        }
        if !self.forgetting {
            self.forgetting = true;
            self.timers.push(self.now.nanos + FORGET, Timer::Forget);
        }
    }

    /// Makes room for another sender, if there is none: of those that are not connected any more goes who has been
    /// quiet for longest.
    fn room_for_sender(&mut self) -> bool {
        if self.senders.len() <= self.settings.limits.peers {
            return true;
        }
        let gone = self.senders.iter().filter(|(_, sender)| sender.link.is_none());
        let quiet = gone.min_by_key(|(key, sender)| (sender.window.deadline, **key)).map(|(key, _)| *key);
        let Some(sender) = quiet.and_then(|key| self.senders.remove(&key)) else { return false };
        self.kept -= sender.window.kept();
        self.running -= sender.window.running();
        true
    }

    /// Does something with what is remembered of a peer, and counts what that changes.
    fn with_window<T>(&mut self, key: Key, what: impl FnOnce(&mut Window) -> T) -> Option<T> {
        let window = &mut self.senders.get_mut(&key)?.window;
        let (kept, running) = (window.kept(), window.running());
        let done = what(window);
        self.kept = self.kept + window.kept() - kept;
        self.running = self.running + window.running() - running;
        Some(done)
    }

    /// A connection is gone, or could not be made.
    pub fn lost(&mut self, now: Now, link: Link) {
        self.now = now;
        if let Some(Role::Target(number)) = self.forget_link(link) {
            self.target_down(number);
        }
        self.settle();
    }

    fn forget_link(&mut self, link: Link) -> Option<Role> {
        let role = self.links.remove(&link)?;
        self.link_lost_for_transfers(link);
        if let Role::Sender(key) = role
            && let Some(sender) = self.senders.get_mut(&key)
            && sender.link == Some(link)
        {
            sender.link = None;
        }
        Some(role)
    }

    fn target_down(&mut self, number: u64) {
        let Some(target) = self.targets.get_mut(&number) else { return };
        target.failures += 1;
        if target.requests.is_empty() && target.transfers.is_empty() {
            target.phase = Phase::Idle;
            target.failures = 0;
        } else if target.failures < self.settings.attempts {
            target.phase = Phase::Waiting;
            let delay = self.settings.reconnect << (2 * (target.failures - 1)).min(20);
            self.timers.push(self.now.nanos + delay, Timer::Reconnect(number));
        } else {
            target.phase = Phase::Idle;
            target.failures = 0;
            let uri = target.uri.clone();
            let (requests, transfers) =
                (std::mem::take(&mut target.requests), std::mem::take(&mut target.transfers));
            requests.into_iter().for_each(|id| self.finish(id, Err(der::UNREACH)));
            transfers.into_iter().for_each(|id| self.end_transfer(id, Err(der::UNREACH)));
            self.lookups.forget(&uri);
        }
    }

    /// The peer at the other end does not keep to the protocol.
    fn violated(&mut self, link: Link) {
        self.outputs.push_back(Output::Close(link));
        if let Some(Role::Target(number)) = self.forget_link(link) {
            self.target_down(number);
        }
    }

    // What comes in.

    /// A frame has arrived.
    pub fn receive(&mut self, now: Now, link: Link, head: Head, body: Bytes) {
        self.now = now;
        // What comes on a connection that was closed is nobody's.
        if self.links.contains_key(&link) {
            self.handle(link, head, body);
            self.settle();
        }
    }

    fn handle(&mut self, link: Link, head: Head, body: Bytes) {
        let role = self.links.get(&link).copied();
        match head {
            Head::Request(request) => match role {
                Some(Role::Sender(key)) => self.take(link, key, request, body),
                None if link == Link::SELF => {
                    let key = Key { incarnation: self.identity.incarnation, channel: SELF };
                    self.take(link, key, request, body);
                }
                _ => self.violated(link),
            },
            Head::Reply(reply) => match role {
                Some(Role::Target(number)) => self.replied(number, reply, body),
                None if link == Link::SELF => self.replied(SELF, reply, body),
                _ => self.violated(link),
            },
            Head::Read(piece) => self.serve_read(link, piece),
            Head::Write(piece) => self.serve_write(link, piece, &body),
            Head::Data(moved) => self.piece_moved(link, moved, Some(&body)),
            Head::Written(moved) => self.piece_moved(link, moved, None),
            Head::Hello(_) | Head::Welcome(_) => self.violated(link),
        }
    }

    /// A reply: late ones and repeated ones find no request.
    fn replied(&mut self, number: u64, reply: Reply, body: Bytes) {
        if self.requests.get(&reply.id).is_some_and(|pending| pending.target == Some(number)) {
            let result = Der::check(reply.status).map(|_| Answer { hlc: reply.hlc, body });
            self.finish(reply.id, result);
        }
    }

    /// A request.
    fn take(&mut self, link: Link, key: Key, request: Request, body: Bytes) {
        let deadline = self.now.nanos + (Nanos::from(request.timeout) * MILLI).min(MAX_TIMEOUT);
        let Limits { requests, peer_bytes, bytes: all, .. } = self.settings.limits;
        let room = all.saturating_sub(self.running);
        let verdict = self.with_window(key, |window| {
            window.deadline = window.deadline.max(deadline);
            let bytes = peer_bytes.min(window.running() + room);
            window.take(request.id, request.floor, body.len(), window::Limits { requests, bytes })
        });
        let Some(verdict) = verdict else { return };
        let reply = |status| Head::Reply(Reply { id: request.id, hlc: self.now.hlc, status });
        match verdict {
            Verdict::Ignore => return,
            Verdict::Again(reply, body) => {
                return self.send_on(link, Head::Reply(reply), Body::Bytes(body));
            }
            Verdict::Gone => return self.send_on(link, reply(der::NOREPLY.rc()), Body::EMPTY),
            Verdict::Full => return self.send_on(link, reply(der::OVERLOAD.rc()), Body::EMPTY),
            Verdict::New => {}
        }
        let me = self.groups.primary.rank();
        let mistaken = me.is_some() && request.target.is_some() && request.target != me;
        let rpc = match self.protocols.get(request.opcode) {
            _ if mistaken || request.tag != self.identity.tag => Err(der::BAD_TARGET),
            None => Err(der::UNREG),
            Some(rpc) => Ok(rpc),
        };
        match rpc {
            Err(error) => {
                self.answer(key, request.id, Err(error), Bytes::new());
            }
            Ok(_) if request.opcode == URI_LOOKUP => {
                let (result, body) = match self.where_is(&body) {
                    Ok(body) => (Ok(()), body),
                    Err(error) => (Err(error), Bytes::new()),
                };
                self.answer(key, request.id, result, body);
            }
            Ok(_) if request.opcode == PROTO_QUERY => {
                let (result, body) = match query::answer(&self.protocols, &body) {
                    Ok(body) => (Ok(()), body),
                    Err(error) => (Err(error), Bytes::new()),
                };
                self.answer(key, request.id, result, body);
            }
            Ok(rpc) if request.collective.is_some() => {
                self.take_collective(key, request, rpc, deadline, body)
            }
            Ok(rpc) => {
                let id = match rpc.no_reply {
                    true => IncomingId::OneWay(key, request.id),
                    false => IncomingId::Single(key, request.id),
                };
                self.events.push_back(Event::Request(Incoming {
                    id,
                    opcode: request.opcode,
                    flags: request.flags,
                    source: request.source,
                    source_tag: request.source_tag,
                    target: request.target,
                    hlc: request.hlc,
                    deadline,
                    body,
                    bulk: None,
                    wants_reply: !rpc.no_reply,
                }));
            }
        }
    }

    /// Answers a request: `crt_reply_send`. False if nobody waits for it any more, or it was answered before. One whose
    /// sender waits for no reply has been handled, and takes up no room here any more.
    pub fn reply(&mut self, now: Now, id: IncomingId, result: Result, body: Bytes) -> bool {
        self.now = now;
        let answered = match id {
            IncomingId::Single(key, id) => self.answer(key, id, result, body),
            IncomingId::OneWay(key, id) => {
                self.with_window(key, |window| window.end(id));
                false
            }
            IncomingId::Collective(id) => self.own_reply(id, result, body),
        };
        self.settle();
        answered
    }

    pub(super) fn answer(&mut self, key: Key, id: u64, result: Result, body: Bytes) -> bool {
        let fits = body.len() <= self.settings.limits.frame.body;
        let (result, body) = if fits { (result, body) } else { (Err(der::OVERFLOW), Bytes::new()) };
        let limit = self.settings.limits.replies;
        let room = if self.kept < 16 * limit { limit } else { 0 };
        let reply = Reply { id, hlc: self.now.hlc, status: Der::rc_of(result) };
        if self.with_window(key, |window| window.answer(reply, &body, room)) != Some(true) {
            return false;
        }
        // Without a connection it is kept until the peer asks again.
        if let Some(link) = self.senders.get(&key).and_then(|sender| sender.link) {
            self.send_on(link, Head::Reply(reply), Body::Bytes(body));
        }
        true
    }

    /// The connection on which a peer's last request came, if it is still there.
    pub(super) fn link_of(&self, id: IncomingId) -> Option<Link> {
        match id {
            IncomingId::Single(key, _) | IncomingId::OneWay(key, _) => self.senders.get(&key)?.link,
            IncomingId::Collective(id) => match self.collectives.get(&id)?.parent() {
                Some(key) => self.senders.get(&key)?.link,
                None => Some(Link::SELF),
            },
        }
    }

    // Time.

    /// Does what is due. Returns when something will be.
    pub fn progress(&mut self, now: Now) -> Option<Nanos> {
        self.now = now;
        while let Some((at, timer)) = self.timers.pop(now.nanos) {
            match timer {
                Timer::Request(id) => self.timed_out(id, at),
                Timer::Transfer(id) => self.end_transfer(id, Err(der::TIMEDOUT)),
                Timer::Reconnect(number) => self.reconnect(number),
                Timer::Forget => self.forget_gone(),
            }
        }
        self.settle();
        self.timers.next()
    }

    fn timed_out(&mut self, id: u64, at: Nanos) {
        let Some(pending) = self.requests.get_mut(&id).filter(|pending| pending.deadline == at) else {
            return;
        };
        if pending.rpc.no_timeout && self.groups.primary.members().contains(pending.rank) {
            // Not at once again, however short it is.
            pending.deadline = self.now.nanos + pending.timeout.max(MILLI);
            self.timers.push(pending.deadline, Timer::Request(id));
        } else {
            self.finish(id, Err(der::TIMEDOUT));
        }
    }

    fn reconnect(&mut self, number: u64) {
        let Some(target) = self.targets.get_mut(&number).filter(|target| target.phase == Phase::Waiting)
        else {
            return;
        };
        if target.requests.is_empty() && target.transfers.is_empty() {
            target.phase = Phase::Idle;
        } else {
            self.connect(number);
        }
    }

    fn forget_gone(&mut self) {
        let (kept, running) = (&mut self.kept, &mut self.running);
        self.senders.retain(|_, sender| {
            let stays = sender.link.is_some() || sender.window.deadline > self.now.nanos;
            if !stays {
                *kept -= sender.window.kept();
                *running -= sender.window.running();
            }
            stays
        });
        // This context itself is always there.
        self.forgetting = self.senders.len() > 1;
        if self.forgetting {
            self.timers.push(self.now.nanos + FORGET, Timer::Forget);
        }
    }

    /// Forgets deadlines that are not needed any more, if there are many.
    pub(super) fn compact(&mut self) {
        let needed = self.requests.len() + self.bulk.transfers() + self.targets.len() + 1;
        let (requests, bulk) = (&self.requests, &self.bulk);
        self.timers.compact(needed, |at, timer| match timer {
            Timer::Request(id) => requests.get(&id).is_some_and(|pending| pending.deadline == at),
            Timer::Transfer(id) => bulk.has_transfer(id),
            Timer::Reconnect(_) | Timer::Forget => true,
        });
    }
}
