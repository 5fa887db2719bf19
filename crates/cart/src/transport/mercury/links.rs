//! Connections over a network that knows none: it carries pieces to addresses.
//!
//! A connection is two tokens, one of each side, that nobody else knows; every piece has both. What is said on it is the
//! stream that goes over TCP, cut into numbered parts ([`stream`](super::stream)). A part that does not come in time,
//! or a peer that does not answer, ends the connection. Nothing is sent again: the network is reliable, or its failure
//! is one that the layers above have to know of.
//!
//! This is a value: it is told what has come and how late it is, and is asked for what is to be sent.

use std::collections::{HashMap, HashSet, VecDeque};

use bytes::Bytes;
use gurt_client::{Facility, warn};

use super::peer::{End, Peer};
use super::piece::{HEADER, Header, Kind};
use crate::rpc::{Link, MILLI, Nanos};
use crate::transport::session::Own;
use crate::transport::{Arrival, Limits, Payload};
use crate::wire::{Head, Hello, Malformed};

/// When a peer is asked whether it is there, and when it is given up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// After so long without a word from it, while it has not said that it has taken what was sent.
    pub waiting: Nanos,
    /// After so long in any case.
    pub idle: Nanos,
    /// So long after that it is lost; and so long after a part is missed, the connection.
    pub lost: Nanos,
}

impl Default for Patience {
    fn default() -> Self {
        Patience { waiting: 2_000 * MILLI, idle: 30_000 * MILLI, lost: 10_000 * MILLI }
    }
}

/// The most that is said to those with whom there is no connection, and waits to be sent.
const NOTICES: usize = 1024;

/// All connections of one context, and what is on its way on them. An address of the network is an `A`.
#[derive(Debug)]
pub(super) struct Links<A> {
    own: Hello,
    limits: Limits,
    patience: Patience,
    /// The most parts on their way on a connection in one direction.
    window: u64,
    peers: HashMap<Link, Peer<A>>,
    tokens: HashMap<u64, Link>,
    /// Of connections that others have opened, by their tokens.
    opened: HashMap<u64, Link>,
    accepted: u64,
    /// Bytes that wait to be sent, or to be given on.
    kept: usize,
    /// Those with something to send.
    ready: VecDeque<Link>,
    /// Those that are not listened to, because they do not take what is sent to them.
    held: HashSet<Link>,
    /// What is said to those with whom there is no connection.
    notices: VecDeque<(A, Header)>,
    /// What has become known while nobody asked.
    pending: Vec<Arrival>,
    next_round: Nanos,
    random: fastrand::Rng,
}

impl<A: Clone> Links<A> {
    pub fn new(own: Hello, limits: Limits, patience: Patience, window: u64, random: fastrand::Rng) -> Self {
        Links {
            own,
            limits,
            patience,
            window,
            peers: HashMap::new(),
            tokens: HashMap::new(),
            opened: HashMap::new(),
            accepted: 0,
            kept: 0,
            ready: VecDeque::new(),
            held: HashSet::new(),
            notices: VecDeque::new(),
            pending: Vec::new(),
            next_round: 0,
            random,
        }
    }

    pub fn set_hello(&mut self, own: Hello) {
        self.own = own;
    }

    /// Opens a connection.
    pub fn connect(&mut self, now: Nanos, link: Link, address: A, hello: &Hello) {
        let token = self.token();
        let peer = Peer::new(address, token, None, link, self.window, now);
        self.peers.insert(link, peer);
        self.tokens.insert(token, link);
        self.send(link, &Head::Hello(hello.clone()), Payload::Bytes(Bytes::new()));
    }

    /// A connection could not even be begun.
    pub fn lose(&mut self, link: Link) {
        self.remove(link);
        self.pending.push(Arrival::Lost(link));
    }

    /// Adds a frame to the stream of a connection.
    pub fn send(&mut self, link: Link, head: &Head, body: Payload<'_>) {
        let Some(peer) = self.peers.get_mut(&link) else { return };
        let before = peer.kept();
        let sent = peer.send(head, body, self.limits.frame);
        self.kept = self.kept + peer.kept() - before;
        if sent.is_err() || peer.outgoing.queued() > self.limits.peer || self.kept > self.limits.all {
            self.notify(link);
            return self.lose(link);
        }
        self.enlist(link);
    }

    /// Closes a connection.
    pub fn close(&mut self, link: Link) {
        self.notify(link);
        self.remove(link);
    }

    /// Closes all.
    pub fn close_all(&mut self) {
        let links: Vec<_> = self.peers.keys().copied().collect();
        links.into_iter().for_each(|link| self.close(link));
    }

    /// The bytes that wait to be sent or to be given on.
    #[cfg(test)]
    pub fn kept(&self) -> usize {
        self.kept
    }

    /// This side's and the other's token of a connection.
    #[cfg(test)]
    pub fn tokens(&self, link: Link) -> (u64, u64) {
        (self.peers[&link].token, self.peers[&link].other.unwrap_or(0))
    }

    /// Whether there is something to send.
    pub fn has_output(&self) -> bool {
        !self.ready.is_empty() || !self.notices.is_empty()
    }

    /// Writes the next piece: to whom it goes, on which connection if it is one's, and its size. None if nothing is to be
    /// sent now.
    pub fn next_piece(&mut self, piece: &mut [u8]) -> Option<(A, Option<Link>, usize)> {
        if let Some((address, header)) = self.notices.pop_front() {
            header.encode(piece, 0);
            return Some((address, None, HEADER));
        }
        loop {
            let link = self.ready.pop_front()?;
            let Some(peer) = self.peers.get_mut(&link) else { continue };
            peer.ready = false;
            let before = peer.kept();
            let Some(size) = peer.next_piece(piece) else { continue };
            let address = peer.address.clone();
            self.kept = self.kept + peer.kept() - before;
            self.enlist(link);
            return Some((address, Some(link), size));
        }
    }

    /// A piece of a connection could not be sent. Whether the connection was still there, and is lost now.
    pub fn failed(&mut self, link: Link) -> bool {
        let known = self.peers.contains_key(&link);
        if known {
            self.lose(link);
        }
        known
    }

    /// A piece has come.
    pub fn receive(&mut self, now: Nanos, piece: &[u8], source: Option<&A>, arrivals: &mut Vec<Arrival>) {
        let Some((header, payload)) = Header::decode(piece) else { return };
        let link = match header.kind {
            Kind::Open => self.opened.get(&header.from).copied(),
            _ => self.tokens.get(&header.to).copied(),
        };
        let Some(link) = link else {
            match source {
                Some(source) if header.kind == Kind::Open && header.number == 0 => {
                    self.accept(now, header, payload, source, arrivals);
                }
                Some(source) if header.kind != Kind::Close => self.refuse(source.clone(), header),
                _ => {}
            }
            return;
        };
        let result = self.attend(now, link, header, payload, arrivals);
        self.conclude(link, result, arrivals);
    }

    /// Whether something has become known while nobody asked.
    pub fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Tells what that is.
    pub fn take_pending(&mut self, arrivals: &mut Vec<Arrival>) {
        arrivals.append(&mut self.pending);
    }

    /// Gives on what could not be before, ends what is over, and asks those that were silent.
    pub fn progress(&mut self, now: Nanos, arrivals: &mut Vec<Arrival>) {
        self.relieve(arrivals);
        if now >= self.next_round {
            self.round(now, arrivals);
            let handshake = u64::try_from(self.limits.handshake.as_nanos()).unwrap_or(Nanos::MAX);
            self.next_round = now + (handshake / 4).min(self.patience.waiting / 2);
        }
    }

    /// When to do that again at the latest.
    pub fn next_round(&self) -> Option<Nanos> {
        (!self.peers.is_empty()).then_some(self.next_round)
    }

    fn round(&mut self, now: Nanos, arrivals: &mut Vec<Arrival>) {
        let handshake = u64::try_from(self.limits.handshake.as_nanos()).unwrap_or(Nanos::MAX);
        let patience = self.patience;
        let mut asked = Vec::new();
        let mut over = Vec::new();
        for (&link, peer) in &mut self.peers {
            let since = |then: Nanos| now.saturating_sub(then);
            let silent = if peer.outgoing.is_waited_for() { patience.waiting } else { patience.idle };
            if !peer.session.is_open() {
                if since(peer.since) > handshake {
                    over.push((link, "nobody answers at its address"));
                }
            } else if peer.missing.is_some_and(|(_, missing)| since(missing) > patience.lost) {
                over.push((link, "part of what the other side sent has not come"));
            } else if let Some(then) = peer.asked {
                if since(then) > patience.lost {
                    over.push((link, "the other side does not answer"));
                }
            } else if since(peer.heard) > silent {
                peer.ask(now);
                asked.push(link);
            }
        }
        asked.into_iter().for_each(|link| self.enlist(link));
        for (link, why) in over {
            self.conclude(link, Err(End::Silent(why)), arrivals);
        }
    }

    fn accept(
        &mut self,
        now: Nanos,
        header: Header,
        payload: &[u8],
        source: &A,
        arrivals: &mut Vec<Arrival>,
    ) {
        if self.opened.len() >= self.limits.accepted {
            return self.refuse(source.clone(), header);
        }
        self.accepted += 1;
        let (link, token) = (Link::accepted(self.accepted), self.token());
        let peer = Peer::new(source.clone(), token, Some(header.from), link, self.window, now);
        self.peers.insert(link, peer);
        self.tokens.insert(token, link);
        self.opened.insert(header.from, link);
        let result = self.attend(now, link, header, payload, arrivals).and_then(|()| {
            // Who has not said who it is by then has a name that is too long for any.
            let open = self.peers.get(&link).is_some_and(|peer| peer.session.is_open());
            if open { Ok(()) } else { Err(End::Refused(Malformed::Size.into())) }
        });
        self.conclude(link, result, arrivals);
    }

    /// A piece of a connection has come.
    fn attend(
        &mut self,
        now: Nanos,
        link: Link,
        header: Header,
        payload: &[u8],
        arrivals: &mut Vec<Arrival>,
    ) -> Result<(), End> {
        let Some(peer) = self.peers.get_mut(&link) else { return Ok(()) };
        let before = peer.kept();
        let held = !link.is_opened() && peer.outgoing.queued() > self.limits.pause;
        if held {
            self.held.insert(link);
        }
        let own = Own { hello: &self.own, max: self.limits.frame };
        let result = peer.attend(now, header, payload, held, own, arrivals);
        self.kept = self.kept + peer.kept() - before;
        if self.kept > self.limits.all {
            return Err(End::Silent("more would be kept than all connections together may"));
        }
        self.enlist(link);
        result
    }

    /// Listens again to those that have taken what was sent to them.
    fn relieve(&mut self, arrivals: &mut Vec<Arrival>) {
        let own = Own { hello: &self.own, max: self.limits.frame };
        let mut results = Vec::new();
        self.held.retain(|&link| {
            let Some(peer) = self.peers.get_mut(&link) else { return false };
            if peer.outgoing.queued() > self.limits.pause {
                return true;
            }
            let before = peer.kept();
            results.push((link, peer.give_on(own, arrivals)));
            self.kept = self.kept + peer.kept() - before;
            false
        });
        for (link, result) in results {
            self.enlist(link);
            self.conclude(link, result, arrivals);
        }
    }

    /// If a connection has ended, says so to both sides.
    fn conclude(&mut self, link: Link, result: Result<(), End>, arrivals: &mut Vec<Arrival>) {
        match result {
            Ok(()) => return,
            Err(End::Known) => {}
            Err(End::Refused(gone)) => {
                gone.explain(link);
                self.notify(link);
            }
            Err(End::Silent(why)) => {
                warn!(Facility::MISC, "{link:?} is closed: {why}");
                self.notify(link);
            }
        }
        self.remove(link);
        arrivals.push(Arrival::Lost(link));
    }

    /// If a connection has something to send, it has its turn.
    fn enlist(&mut self, link: Link) {
        if let Some(peer) = self.peers.get_mut(&link)
            && !peer.ready
            && peer.has_output()
        {
            peer.ready = true;
            self.ready.push_back(link);
        }
    }

    /// Tells the other side that a connection is over.
    fn notify(&mut self, link: Link) {
        if let Some(peer) = self.peers.get(&link)
            && let Some(to) = peer.other
        {
            let (address, from) = (peer.address.clone(), peer.token);
            self.announce(address, Header { kind: Kind::Close, to, from, number: 0, taken: 0 });
        }
    }

    /// Tells somebody that there is no such connection.
    fn refuse(&mut self, source: A, of: Header) {
        self.announce(source, Header { kind: Kind::Close, to: of.from, from: of.to, number: 0, taken: 0 });
    }

    fn announce(&mut self, address: A, header: Header) {
        // Who is not told notices when it gets no answer.
        if self.notices.len() < NOTICES {
            self.notices.push_back((address, header));
        }
    }

    fn remove(&mut self, link: Link) {
        let Some(peer) = self.peers.remove(&link) else { return };
        self.kept -= peer.kept();
        self.tokens.remove(&peer.token);
        if let (false, Some(other)) = (link.is_opened(), peer.other) {
            self.opened.remove(&other);
        }
        self.held.remove(&link);
    }

    /// A number that nobody can know, for a new connection.
    fn token(&mut self) -> u64 {
        loop {
            let token = self.random.u64(1..);
            if !self.tokens.contains_key(&token) {
                return token;
            }
        }
    }
}
