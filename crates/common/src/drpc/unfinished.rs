//! What sessions have begun and not finished: a message received in part, responses that the peer has not taken.
//!
//! `struct drpc` has no room for it and belongs to C, so it is kept here by the session's address. Most sessions
//! never have anything unfinished and then cost nothing.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use gurt_client::Result;

use super::assembly::Assembly;
use super::channel::{Mode, Socket};
use super::chunk::Outgoing;

/// A response, for whoever asks whether it has been sent: its address and sequence number.
pub type Token = (usize, i64);

/// What one session has not finished.
#[derive(Default)]
struct Session {
    incoming: Assembly,
    /// In the order in which they were given to be sent: packets of two messages must not mix.
    outgoing: VecDeque<(Token, Outgoing)>,
    /// Responses that were sent along with another one, and whose own senders have not asked since.
    sent: Vec<Token>,
}

impl Session {
    fn is_finished(&self) -> bool {
        !self.incoming.is_partial() && self.outgoing.is_empty() && self.sent.is_empty()
    }

    /// Sends as much as the socket takes; whether any was.
    fn flush(&mut self, socket: Socket) -> Result<bool> {
        let mut progress = false;
        while let Some((_, message)) = self.outgoing.front_mut() {
            while let Some(packet) = message.packet() {
                match socket.send(packet, Mode::Try) {
                    Ok(()) => message.advance(),
                    Err(err) if err.rc() == -(abi::DER_AGAIN as i32) => return Ok(progress),
                    Err(err) => {
                        // The peer has left, or lost its place in the stream: nothing more can be sent.
                        self.outgoing.clear();
                        self.sent.clear();
                        return Err(err);
                    }
                }
                progress = true;
            }
            self.sent.extend(self.outgoing.pop_front().map(|(token, _)| token));
        }
        Ok(progress)
    }
}

/// The sessions of this process by address.
struct Table {
    sessions: Mutex<BTreeMap<usize, Session>>,
    /// Entries, to be asked without the lock.
    count: AtomicUsize,
}

static TABLE: Table = Table { sessions: Mutex::new(BTreeMap::new()), count: AtomicUsize::new(0) };

/// How far a response has got.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sent {
    /// The peer has all of it.
    All,
    /// The socket is full. Whether it took anything this time.
    Blocked { progress: bool },
}

impl Table {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<usize, Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works on what the session has not finished, and keeps what is still unfinished then.
    fn with<R>(&self, session: usize, work: impl FnOnce(&mut Session) -> R) -> R {
        let mut sessions = self.lock();
        let mut entry = sessions.remove(&session).unwrap_or_default();
        let result = work(&mut entry);
        if !entry.is_finished() {
            sessions.insert(session, entry);
        }
        self.count.store(sessions.len(), Relaxed);
        result
    }
}

/// Takes the part of a message that has arrived on `session`; to be given back by [`keep_incoming`].
pub fn take_incoming(session: usize) -> Assembly {
    // Only the session's own thread puts an assembly in: if there is one, it sees the count.
    if TABLE.count.load(Relaxed) == 0 {
        return Assembly::default();
    }
    TABLE.with(session, |entry| std::mem::take(&mut entry.incoming))
}

/// Keeps the part of a message that has arrived on `session`.
pub fn keep_incoming(session: usize, incoming: Assembly) {
    if incoming.is_partial() {
        TABLE.with(session, |entry| entry.incoming = incoming);
    }
}

/// Whether the response `token` has been given to [`send`], which has not said yet that it was sent.
pub fn is_known(session: usize, token: Token) -> bool {
    TABLE.count.load(Relaxed) != 0
        && TABLE.lock().get(&session).is_some_and(|entry| {
            entry.sent.contains(&token) || entry.outgoing.iter().any(|(t, _)| *t == token)
        })
}

/// Sends `message`, if given, after what `session` has not sent yet; otherwise more of that.
pub fn send(session: usize, socket: Socket, token: Token, message: Option<Outgoing>) -> Result<Sent> {
    TABLE.with(session, |entry| {
        entry.outgoing.extend(message.map(|message| (token, message)));
        let progress = entry.flush(socket)?;
        entry.sent.retain(|t| *t != token);
        let queued = entry.outgoing.iter().any(|(t, _)| *t == token);
        Ok(if queued { Sent::Blocked { progress } } else { Sent::All })
    })
}

/// Forgets `session`, which is about to be closed.
pub fn forget(session: usize) {
    if TABLE.count.load(Relaxed) != 0 {
        TABLE.with(session, |entry| *entry = Session::default());
    }
}
