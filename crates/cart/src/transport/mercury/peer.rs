//! One connection: its two tokens, its two streams, and whether the other side is still there.

use bytes::Bytes;

use super::piece::{HEADER, Header, Kind};
use super::stream::{Incoming, Outgoing, Verdict};
use crate::rpc::{Link, Nanos};
use crate::transport::session::{Gone, Own, Session};
use crate::transport::{Arrival, Payload};
use crate::wire::{Head, Hello, Malformed, MaxFrame};

/// One connection to an address `A` of the network.
#[derive(Debug)]
pub(super) struct Peer<A> {
    pub address: A,
    /// This side's token.
    pub token: u64,
    /// The other's, as soon as it is known.
    pub other: Option<u64>,
    pub session: Session,
    pub outgoing: Outgoing,
    incoming: Incoming,
    /// The other has sent all parts before that one.
    sent: u64,
    /// It is among those that have something to send.
    pub ready: bool,
    /// It is to be told what was taken.
    owes: bool,
    /// It is to be asked whether it is there.
    asks: bool,
    /// Since when it exists.
    pub since: Nanos,
    /// When it last said something.
    pub heard: Nanos,
    /// When it was asked for a word, if it has not given one since.
    pub asked: Option<Nanos>,
    /// Which part is missing, and since when.
    pub missing: Option<(u64, Nanos)>,
}

/// Why a connection ends.
#[derive(Debug)]
pub(super) enum End {
    /// The other side has ended it.
    Known,
    /// The other side does not keep to the protocol, or belongs elsewhere.
    Refused(Gone),
    /// For this reason.
    Silent(&'static str),
}

impl From<Gone> for End {
    fn from(gone: Gone) -> Self {
        End::Refused(gone)
    }
}

impl From<Malformed> for End {
    fn from(malformed: Malformed) -> Self {
        End::Refused(malformed.into())
    }
}

impl<A> Peer<A> {
    pub fn new(address: A, token: u64, other: Option<u64>, link: Link, window: u64, now: Nanos) -> Self {
        Peer {
            address,
            token,
            other,
            session: Session::new(link),
            outgoing: Outgoing::new(window),
            incoming: Incoming::new(window),
            sent: 0,
            ready: false,
            owes: false,
            asks: false,
            since: now,
            heard: now,
            asked: None,
            missing: None,
        }
    }

    /// The bytes that wait to be sent or to be given on.
    pub fn kept(&self) -> usize {
        self.outgoing.queued() + self.incoming.kept()
    }

    /// Whether there is something to send now.
    pub fn has_output(&self) -> bool {
        self.may_send() || (self.other.is_some() && (self.owes || self.asks))
    }

    /// Whether a part of the stream may go. Who opens a connection says who it is, and nothing more until it knows the
    /// other's token.
    fn may_send(&self) -> bool {
        self.outgoing.is_ready() && (self.other.is_some() || self.outgoing.next() == 0)
    }

    /// It is asked for a word.
    pub fn ask(&mut self, now: Nanos) {
        self.asked = Some(now);
        self.asks = true;
    }

    /// Adds a frame to the stream.
    pub fn send(&mut self, head: &Head, body: Payload<'_>, max: MaxFrame) -> Result<(), Malformed> {
        let mut bytes = Vec::with_capacity(128);
        head.encode(body.len(), max, &mut bytes)?;
        self.outgoing.push(bytes.into());
        self.outgoing.push(body.into_bytes());
        Ok(())
    }

    /// Writes the next piece, and returns its size; none if there is nothing to send.
    pub fn next_piece(&mut self, piece: &mut [u8]) -> Option<usize> {
        if !self.has_output() {
            return None;
        }
        let number = self.outgoing.next();
        let (kind, size) = if self.may_send() {
            let kind = if self.other.is_none() { Kind::Open } else { Kind::Data };
            (kind, self.outgoing.take(&mut piece[HEADER..]))
        } else if std::mem::take(&mut self.asks) {
            (Kind::Probe, 0)
        } else {
            (Kind::Here, 0)
        };
        self.owes = false;
        let (to, from) = (self.other.unwrap_or(0), self.token);
        Header { kind, to, from, number, taken: self.incoming.tell() }.encode(piece, size);
        Some(HEADER + size)
    }

    /// A piece has come. If it is `held`, nothing is given on now.
    pub fn attend(
        &mut self,
        now: Nanos,
        header: Header,
        payload: &[u8],
        held: bool,
        own: Own<'_>,
        arrivals: &mut Vec<Arrival>,
    ) -> Result<(), End> {
        if self.other.is_some_and(|other| other != header.from) {
            // Of a former life of the peer, or of somebody who guesses.
            return Ok(());
        }
        if header.kind == Kind::Close {
            return Err(End::Known);
        }
        if !self.outgoing.taken(header.taken) {
            return Err(Malformed::Size.into());
        }
        self.other = Some(header.from);
        (self.heard, self.asked) = (now, None);
        let mut end = header.number;
        match header.kind {
            Kind::Open | Kind::Data => {
                end = end.saturating_add(1);
                match self.incoming.arrive(header.number, payload, held) {
                    Verdict::Next => {
                        self.take(payload, own, arrivals)?;
                        self.give_on(own, arrivals)?;
                    }
                    Verdict::Kept => {}
                    // It may not know that it has come.
                    Verdict::Repeated => self.owes = true,
                    Verdict::Malformed => return Err(Malformed::Size.into()),
                }
            }
            Kind::Probe => self.owes = true,
            Kind::Here | Kind::Close => {}
        }
        self.sent = self.sent.max(end);
        let next = self.incoming.next();
        self.missing = match self.missing {
            _ if !self.incoming.is_missing(self.sent) => None,
            Some((number, since)) if number == next => Some((number, since)),
            _ => Some((next, now)),
        };
        self.owes |= self.incoming.is_to_be_told();
        Ok(())
    }

    /// Gives on what was kept and is the next.
    pub fn give_on(&mut self, own: Own<'_>, arrivals: &mut Vec<Arrival>) -> Result<(), End> {
        while let Some(part) = self.incoming.pop() {
            self.take(&part, own, arrivals)?;
        }
        self.owes |= self.incoming.is_to_be_told();
        Ok(())
    }

    fn take(&mut self, part: &[u8], own: Own<'_>, arrivals: &mut Vec<Arrival>) -> Result<(), End> {
        if self.session.take(part, own, arrivals)? {
            let welcome: Hello = own.hello.clone();
            self.send(&Head::Welcome(welcome), Payload::Bytes(Bytes::new()), own.max)?;
        }
        Ok(())
    }
}
