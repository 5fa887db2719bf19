//! What carries frames between contexts: one trait, and above it the same code for all.

mod interface;
mod limits;
pub mod mercury;
mod open;
mod session;
pub mod sim;
pub mod tcp;

use std::io::{self, IoSlice};
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub use limits::Limits;
pub use open::{AnyTransport, Place, open};

use crate::rpc::{Attachments, Body, Context, Link, Memory, Now, Output};
use crate::wire::{Head, Hello};

/// Connections between contexts. On each the frames arrive in order and once, or it is lost; one that is lost has a
/// new number when it is opened again.
pub trait Transport {
    /// Opens a connection, with this side's part of the handshake. It ends with [`Arrival::Connected`] or
    /// [`Arrival::Lost`].
    fn connect(&mut self, link: Link, uri: &Arc<str>, hello: &Hello);
    /// Sends a frame. Never waits: what cannot go yet is kept, up to a limit at which the connection is lost.
    fn send(&mut self, link: Link, head: &Head, body: Payload<'_>);
    /// Closes a connection; nothing arrives from it any more.
    fn close(&mut self, link: Link);
    /// Takes what has arrived, and waits for something as long as it is allowed to: 0 for not at all, none for ever.
    fn poll(&mut self, wait: Option<Duration>, arrivals: &mut Vec<Arrival>) -> io::Result<()>;
    /// What becomes readable when there is something to take, so that it can be waited for without the transport. Who
    /// has none is polled at short intervals.
    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
    /// How long such a wait may last at most before [`poll`](Self::poll) is called in any case: 0 if there is something
    /// to take already, none for as long as one likes.
    fn patience(&self) -> Option<Duration> {
        None
    }
}

/// The body of a frame on its way.
#[derive(Clone, Debug)]
pub enum Payload<'a> {
    /// Bytes that can be kept.
    Bytes(Bytes),
    /// Bytes that must be taken now.
    Borrowed(&'a [IoSlice<'a>]),
}

impl Payload<'_> {
    /// How many bytes there are.
    pub fn len(&self) -> usize {
        match self {
            Payload::Bytes(bytes) => bytes.len(),
            Payload::Borrowed(slices) => slices.iter().map(|slice| slice.len()).sum(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that can be kept.
    pub fn into_bytes(self) -> Bytes {
        match self {
            Payload::Bytes(bytes) => bytes,
            Payload::Borrowed(slices) => {
                slices.iter().map(|slice| &**slice).collect::<Vec<_>>().concat().into()
            }
        }
    }
}

/// What has arrived.
#[derive(Clone, Debug)]
pub enum Arrival {
    /// A connection is there, opened by this side or by another, and the other has said who it is.
    Connected(Link, Hello),
    /// A frame.
    Frame(Link, Head, Bytes),
    /// A connection is gone, or could not be made.
    Lost(Link),
}

/// Gives a context what has arrived.
pub fn deliver<A: Attachments>(context: &mut Context<A>, now: Now, arrival: Arrival) {
    match arrival {
        Arrival::Connected(link, hello) => context.connected(now, link, &hello),
        Arrival::Frame(link, head, body) => context.receive(now, link, head, body),
        Arrival::Lost(link) => context.lost(now, link),
    }
}

/// Gives a transport what a context wants to send.
pub fn flush<A: Attachments>(context: &mut Context<A>, transport: &mut impl Transport) {
    while let Some(output) = context.next_output() {
        match output {
            Output::Connect { link, uri, hello } => transport.connect(link, &uri, &hello),
            Output::Close(link) => transport.close(link),
            Output::Send { link, head, body: Body::Bytes(bytes) } => {
                transport.send(link, &head, Payload::Bytes(bytes));
            }
            Output::Send { link, head, body: Body::Memory { key, range } } => {
                let mut slices = Vec::new();
                if let Some(memory) = context.memory(key) {
                    memory.slices(range, &mut slices);
                }
                transport.send(link, &head, Payload::Borrowed(&slices));
            }
        }
    }
}

/// One turn of a context on a transport: sends what is to be sent, waits for something to arrive as long as it is allowed
/// to, or until something is due, and takes it. The events are the caller's.
pub fn turn<A: Attachments>(
    context: &mut Context<A>,
    transport: &mut impl Transport,
    clock: impl Fn() -> Now,
    wait: Option<Duration>,
    arrivals: &mut Vec<Arrival>,
) -> io::Result<()> {
    let now = clock();
    let due = context.progress(now).map(|at| Duration::from_nanos(at.saturating_sub(now.nanos)));
    flush(context, transport);
    transport.poll(wait.into_iter().chain(due).min(), arrivals)?;
    if !arrivals.is_empty() {
        let now = clock();
        arrivals.drain(..).for_each(|arrival| deliver(context, now, arrival));
        flush(context, transport);
    }
    Ok(())
}
