//! RPC: what a context sends, gets and waits for. `crt_rpc.c`, `crt_context.c`, `crt_corpc.c`, `crt_bulk.c`.
//!
//! [`Context`] is one context of one process as a value. It is told the time, the wishes of its user and what has
//! arrived; it says what to send ([`Output`]) and whom to call ([`Event`]). It knows no clock, no socket and no thread,
//! calls nobody, and what its user attaches to requests, transfers and memory it only keeps ([`Attachments`]).
//!
//! - A **request** ends once, with a reply or an error, whatever the network does. It is handled at most once: the
//!   receiver remembers what it has taken from each life of a sender ([`window`]), so that a request can be sent again
//!   on a new connection.
//! - A **collective** request goes down a tree over a group and its replies come up again; see [`collective`].
//! - A **transfer** moves bytes between memory of two contexts, in pieces; see [`bulk`].
//!
//! The user drives it in three steps that repeat: call what he wishes or what has happened, drain
//! [`next_output`](Context::next_output) into the transport, then handle [`next_event`](Context::next_event).
//! [`transport`](crate::transport) has the first and the second.

pub mod bulk;
pub mod collective;
mod context;
mod groups;
mod lookup;
mod protocols;
pub mod query;
#[cfg(test)]
mod tests;
mod timers;
pub mod window;

pub use context::Context;
pub use groups::Groups;
pub use protocols::{Collectively, Invalid, Protocols, Rpc, URI_LOOKUP};
pub use query::PROTO_QUERY;

use std::io::IoSlice;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use gurt_client::{Der, Result};

use crate::Rank;
use crate::wire::{Head, MaxFrame};

/// Nanoseconds on a clock that never goes back.
pub type Nanos = u64;

/// Nanoseconds in a millisecond.
pub(crate) const MILLI: Nanos = 1_000_000;
/// Nanoseconds in a second.
pub(crate) const SECOND: Nanos = 1_000 * MILLI;

/// A moment as a context sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// For all waiting.
    pub nanos: Nanos,
    /// For what is sent: the hybrid logical clock.
    pub hlc: u64,
}

/// What the user of a context attaches to what it keeps for him.
pub trait Attachments {
    /// To a request that he sends: whom to tell.
    type Request;
    /// To a transfer: whom to tell.
    type Transfer;
    /// Memory that he registers.
    type Memory: Memory;
}

/// Bytes in one or more places: what a scatter-gather list describes.
pub trait Memory: Sized {
    /// How many bytes there are.
    fn size(&self) -> u64;
    /// The places of a range, in order. The range lies within.
    fn slices<'a>(&'a self, range: Range<u64>, slices: &mut Vec<IoSlice<'a>>);
    /// Writes bytes that fit from the offset on.
    fn write(&mut self, offset: u64, bytes: &[u8]);
    /// Memory for a collective request's bulk on its way; none if there is not enough.
    fn allocate(size: usize) -> Option<Self>;
}

impl Memory for Vec<u8> {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn slices<'a>(&'a self, range: Range<u64>, slices: &mut Vec<IoSlice<'a>>) {
        slices.push(IoSlice::new(&self[range.start as usize..range.end as usize]));
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) {
        self[offset as usize..][..bytes.len()].copy_from_slice(bytes);
    }

    fn allocate(size: usize) -> Option<Self> {
        let mut memory = Vec::new();
        memory.try_reserve_exact(size).ok()?;
        memory.resize(size, 0);
        Some(memory)
    }
}

/// Who a context is.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Its number in the process: the tag of its endpoint.
    pub tag: u32,
    /// This life of it: never the same for two, in the whole system.
    pub incarnation: u64,
    /// Where it listens.
    pub uri: Option<Arc<str>>,
    /// Random bits that nobody else knows: names of memory come from them.
    pub secret: u128,
}

/// The parameters of a context. Those of CaRT by default, where CaRT has them.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long a request waits, if it does not say: `CRT_TIMEOUT`.
    pub timeout: Nanos,
    /// How many requests may be on their way to a rank; the others queue. 0: any number. `CRT_CREDIT_EP_CTX`.
    pub credits: usize,
    /// How often a connection is tried before all who wait for it are told (`-DER_UNREACH`).
    pub attempts: u32,
    /// How long after a failure a connection is tried again; four times as long after each other failure.
    pub reconnect: Nanos,
    /// How many bytes one frame of a transfer has.
    pub piece: u32,
    /// How many pieces of a transfer are on their way at a time.
    pub pieces: usize,
    /// How many transfers are; the others queue.
    pub transfers: usize,
    /// What others may take of this process.
    pub limits: Limits,
}

/// What a context keeps at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The size of a frame.
    pub frame: MaxFrame,
    /// Bytes of own requests to one rank, and of requests of a peer that are handled here; further ones fail
    /// (`-DER_OVERLOAD_RETRY`).
    pub peer_bytes: usize,
    /// Bytes of own requests to all, and of all requests that are handled here.
    pub bytes: usize,
    /// Peers that it is connected to, and as many that are connected to it.
    pub peers: usize,
    /// Requests of a peer that have not been answered; further ones are refused (`-DER_OVERLOAD_RETRY`).
    pub requests: usize,
    /// Bytes of replies that are kept for a peer in case it asks again, and sixteen times as many for all.
    pub replies: usize,
    /// Bytes of memory for the bulk of collective requests on their way.
    pub collective_bulk: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            timeout: 60 * SECOND,
            credits: 256,
            attempts: 3,
            reconnect: 10 * MILLI,
            piece: 256 << 10,
            pieces: 8,
            transfers: 64,
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            frame: MaxFrame::default(),
            peer_bytes: 256 << 20,
            bytes: 1 << 30,
            peers: 16 << 10,
            requests: 16 << 10,
            replies: 4 << 20,
            collective_bulk: 256 << 20,
        }
    }
}

/// A connection. The context numbers those that it opens ([`Link::opened`]), the transport those that others open
/// ([`Link::accepted`]). No number is used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Link(pub(crate) u64);

impl Link {
    /// From the context to itself; the transport does not see it.
    pub(crate) const SELF: Link = Link(0);

    /// The `number`th that this side has opened.
    pub const fn opened(number: u64) -> Self {
        Link(2 * number)
    }

    /// The `number`th that others have opened.
    pub fn accepted(number: u64) -> Self {
        Link(2 * number + 1)
    }

    /// Whether this side has opened it.
    pub fn is_opened(self) -> bool {
        self.0.is_multiple_of(2)
    }
}

/// The number of a request of this context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(pub(crate) u64);

/// The name of a request that came in, until it has been answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IncomingId {
    /// From one other.
    Single(window::Key, u64),
    /// From one other, who waits for no reply.
    OneWay(window::Key, u64),
    /// As part of a collective request.
    Collective(u64),
}

/// A request to be sent.
#[derive(Clone, Debug)]
pub struct Call {
    /// The group; none for the primary one.
    pub group: Option<Arc<str>>,
    /// To whom, by the numbers of the group.
    pub rank: Rank,
    /// To which context there.
    pub tag: u32,
    /// What.
    pub opcode: u32,
    /// `enum crt_rpc_flags`.
    pub flags: u32,
    /// The input.
    pub body: Bytes,
    /// How long to wait for the reply, if not as long as the context says.
    pub timeout: Option<Nanos>,
}

/// A request to be handled here.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// Its name, for the reply.
    pub id: IncomingId,
    /// What.
    pub opcode: u32,
    /// `enum crt_rpc_flags`.
    pub flags: u32,
    /// Who sent it, by the primary group; none for a client. Of a collective request it is the parent.
    pub source: Option<Rank>,
    /// From which context.
    pub source_tag: u32,
    /// For which rank of the primary group it was meant.
    pub target: Option<Rank>,
    /// When it was sent, by the sender's hybrid logical clock.
    pub hlc: u64,
    /// Until when the sender waits.
    pub deadline: Nanos,
    /// The input.
    pub body: Bytes,
    /// The memory that came along with a collective request.
    pub bulk: Option<bulk::Key>,
    /// Whether somebody waits for a reply.
    pub wants_reply: bool,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// When it was sent, by the other's hybrid logical clock.
    pub hlc: u64,
    /// The output.
    pub body: Bytes,
}

/// What the user of a context has to do.
pub enum Event<A: Attachments> {
    /// Handle a request, and [`reply`](Context::reply).
    Request(Incoming),
    /// A request has ended.
    Completed {
        /// What belongs to it.
        attached: A::Request,
        /// The reply, or why there is none.
        result: Result<Answer>,
    },
    /// Look at a collective request before it goes on, and say whether it may: [`forward`](Context::forward).
    PreForward(Incoming),
    /// Add the output of a child to this rank's own.
    Aggregate {
        /// The request.
        id: IncomingId,
        /// The output of the child.
        body: Bytes,
        /// Whether there is nothing yet to add it to: the root takes no part.
        first: bool,
    },
    /// All children have been added: [`conclude`](Context::conclude) with what has become of them.
    Gathered {
        /// The request.
        id: IncomingId,
        /// Whether all went well.
        result: Result,
    },
    /// A transfer has ended. Its memory will not be touched any more.
    Transferred {
        /// What belongs to it.
        attached: A::Transfer,
        /// Whether all bytes are there.
        result: Result,
    },
}

/// What a transport has to do.
#[derive(Clone, Debug)]
pub enum Output {
    /// Open a connection.
    Connect {
        /// Under this number.
        link: Link,
        /// To there.
        uri: Arc<str>,
        /// This side's part of the handshake.
        hello: crate::wire::Hello,
    },
    /// Send a frame.
    Send {
        /// On this connection.
        link: Link,
        /// Its head.
        head: Head,
        /// Its body.
        body: Body,
    },
    /// Close a connection, without a word.
    Close(Link),
}

/// The body of a frame to be sent.
#[derive(Clone, Debug)]
pub enum Body {
    /// Bytes that belong to the frame.
    Bytes(Bytes),
    /// A piece of [registered memory](Context::memory), as it is when the frame is taken.
    Memory {
        /// The memory.
        key: bulk::Key,
        /// Where.
        range: Range<u64>,
    },
}

impl Body {
    pub(crate) const EMPTY: Body = Body::Bytes(Bytes::new());
}

/// The errors of this layer.
pub(crate) mod der {
    use super::Der;

    pub const INVAL: Der = Der::new(abi::DER_INVAL as i64);
    pub const UNREG: Der = Der::new(abi::DER_UNREG as i64);
    pub const UNREACH: Der = Der::new(abi::DER_UNREACH as i64);
    pub const TIMEDOUT: Der = Der::new(abi::DER_TIMEDOUT as i64);
    pub const CANCELED: Der = Der::new(abi::DER_CANCELED as i64);
    pub const OVERLOAD: Der = Der::new(abi::DER_OVERLOAD_RETRY as i64);
    pub const OOG: Der = Der::new(abi::DER_OOG as i64);
    pub const GRPVER: Der = Der::new(abi::DER_GRPVER as i64);
    pub const NOREPLY: Der = Der::new(abi::DER_NOREPLY as i64);
    pub const BAD_TARGET: Der = Der::new(abi::DER_BAD_TARGET as i64);
    pub const NO_PERM: Der = Der::new(abi::DER_NO_PERM as i64);
    pub const NOMEM: Der = Der::new(abi::DER_NOMEM as i64);
    pub const NONEXIST: Der = Der::new(abi::DER_NONEXIST as i64);
    pub const PROTO: Der = Der::new(abi::DER_PROTO as i64);
    pub const OVERFLOW: Der = Der::new(abi::DER_OVERFLOW as i64);
}
