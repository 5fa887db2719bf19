//! What sessions have begun and not finished: a message received in part, responses that the peer has not taken.
//!
//! `struct drpc` has no room for it and belongs to C, so it is kept here by the session's address. Most sessions
//! never have anything unfinished and then cost nothing.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gurt_client::{Facility, Result, error};

use super::assembly::Assembly;
use super::channel::{Mode, Socket};
use super::chunk::Outgoing;

/// Bytes of messages received in part, of all sessions, above which the one that has waited longest has to go.
const MAX_PARTIAL: usize = 64 << 20;
/// How long a session may leave a message unfinished. It is seen when another one receives a part of a message: what
/// a single one holds is bounded anyway.
const PARTIAL_LIMIT: Duration = Duration::from_secs(60);

/// A response, for whoever asks whether it has been sent: its address and sequence number.
pub type Token = (usize, i64);

/// What one session has not finished.
#[derive(Default)]
struct Session {
    incoming: Assembly,
    /// Where its packets come from, and when the last one came; none without a message in part.
    arrived: Option<(Socket, Instant)>,
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
                        // The peer has left, or lost its place in the stream: nothing more can be sent, and it
                        // must not wait for it.
                        socket.hang_up();
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

    /// Ends the connections of sessions that leave a message unfinished for too long, and if the others have more than
    /// `max` bytes, of those which have done so longest, up to all but `current`.
    fn bound_partial(&self, current: usize, max: usize, limit: Duration) {
        let mut sessions = self.lock();
        let mut partial: Vec<(Instant, usize)> = sessions
            .iter()
            .filter_map(|(&session, entry)| entry.arrived.map(|(_, since)| (since, session)))
            .filter(|&(_, session)| session != current)
            .collect();
        partial.sort();
        let mut held: usize = sessions.values().map(|entry| entry.incoming.held()).sum();
        for (since, session) in partial {
            if held <= max && since.elapsed() <= limit {
                break;
            }
            let Some(entry) = sessions.get_mut(&session) else { continue };
            held -= entry.incoming.held();
            entry.incoming = Assembly::default();
            if let Some((socket, _)) = entry.arrived.take() {
                error!(
                    Facility::COMMON,
                    "the peer of dRPC socket {} does not finish its message; closing the connection",
                    socket.0
                );
                socket.hang_up();
            }
            if entry.is_finished() {
                sessions.remove(&session);
            }
        }
        self.count.store(sessions.len(), Relaxed);
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
    TABLE.with(session, |entry| {
        entry.arrived = None;
        std::mem::take(&mut entry.incoming)
    })
}

/// Keeps the part of a message that has arrived on `session` through `socket`.
pub fn keep_incoming(session: usize, socket: Socket, incoming: Assembly) {
    if incoming.is_partial() {
        TABLE.with(session, |entry| {
            entry.incoming = incoming;
            entry.arrived = Some((socket, Instant::now()));
        });
        TABLE.bound_partial(session, MAX_PARTIAL, PARTIAL_LIMIT);
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

#[cfg(test)]
mod tests {
    use super::super::chunk::Header;
    use super::*;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixDatagram;

    /// The first part of a message, of `len` bytes.
    fn part(len: usize) -> Assembly {
        let mut packet =
            Header { total: 2 * len as u64, len: len as u64, index: 0, count: 2 }.to_bytes().to_vec();
        packet.resize(packet.len() + len, 7);
        let mut assembly = Assembly::default();
        assert!(matches!(assembly.push(&packet), Ok(None)));
        assembly
    }

    #[test]
    fn who_does_not_finish_a_message_has_to_go() {
        let table = Table { sessions: Mutex::new(BTreeMap::new()), count: AtomicUsize::new(0) };
        let pairs: Vec<_> = (0..3).map(|_| UnixDatagram::pair().expect("a socket pair")).collect();
        for (session, (ours, _)) in pairs.iter().enumerate() {
            table.with(session, |entry| {
                entry.incoming = part(1000);
                entry.arrived = Some((Socket(ours.as_raw_fd()), Instant::now()));
            });
        }
        let held = || table.lock().keys().copied().collect::<Vec<_>>();
        table.bound_partial(2, 3000, Duration::MAX);
        assert_eq!(held(), [0, 1, 2], "there is enough for all");
        table.bound_partial(2, 2999, Duration::MAX);
        assert_eq!(held(), [1, 2], "the one that has waited longest");
        assert!(pairs[0].0.send(b"x").is_err(), "its connection is down");
        assert!(pairs[1].0.send(b"x").is_ok());
        table.bound_partial(2, 0, Duration::ZERO);
        assert_eq!(held(), [2], "never the one that has just sent something");
    }
}
