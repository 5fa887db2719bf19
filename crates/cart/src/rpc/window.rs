//! What a context remembers of the requests of a peer, so that it handles each at most once.
//!
//! A sender numbers its requests, and says with each from which number on they matter to it (the *floor*). The receiver
//! remembers those from there on: that they run, or what was answered. A request that comes again, because its
//! connection was lost or the network repeats, is answered with what is remembered, or not at all.
//!
//! What is remembered of a peer is forgotten when it is not connected and no request of it could still be sent again:
//! each says for how long it waits.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::Nanos;
use crate::wire::Reply;

/// Whose requests: a life of a context, and which of its connections' numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The life.
    pub incarnation: u64,
    /// The target's number there: a context may know one of its peers by two addresses.
    pub channel: u64,
}

/// What was taken from a peer.
#[derive(Debug, Default)]
pub struct Window {
    floor: u64,
    taken: BTreeMap<u64, Taken>,
    kept: usize,
    running: usize,
    /// Until when a request of the peer may be sent again.
    pub deadline: Nanos,
}

#[derive(Debug)]
enum Taken {
    /// It is being handled, and has so many bytes.
    Running(usize),
    /// It was answered, and the answer is gone, or there is none.
    Over,
    /// It was answered.
    Answered(Reply, Bytes),
}

/// How much a peer may have running.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests, with those whose answers are kept.
    pub requests: usize,
    /// Bytes of requests.
    pub bytes: usize,
}

/// What to do with a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Handle it.
    New,
    /// Nothing: it is being handled, or nobody waits for it any more.
    Ignore,
    /// Answer as before.
    Again(Reply, Bytes),
    /// Say that the answer is gone.
    Gone,
    /// There are too many.
    Full,
}

impl Window {
    /// Takes a request of `size` bytes whose sender waits for none before `floor`.
    pub fn take(&mut self, id: u64, floor: u64, size: usize, limits: Limits) -> Verdict {
        // No request says that it does not matter itself.
        self.raise_floor(floor.min(id));
        if id < self.floor {
            return Verdict::Ignore;
        }
        match self.taken.get(&id) {
            Some(Taken::Running(_)) => Verdict::Ignore,
            Some(Taken::Over) => Verdict::Gone,
            Some(Taken::Answered(reply, body)) => Verdict::Again(*reply, body.clone()),
            None if self.taken.len() >= limits.requests || self.running + size > limits.bytes => {
                Verdict::Full
            }
            None => {
                self.taken.insert(id, Taken::Running(size));
                self.running += size;
                Verdict::New
            }
        }
    }

    /// Forgets what does not matter any more. What still runs takes room nevertheless, whatever the sender says.
    fn raise_floor(&mut self, floor: u64) {
        if floor <= self.floor {
            return;
        }
        self.floor = floor;
        let below = self.taken.range(..floor);
        let over: Vec<_> = below.filter(|(_, taken)| !taken.runs()).map(|(id, _)| *id).collect();
        for id in over {
            self.kept -= self.taken.remove(&id).map_or(0, |taken| taken.kept());
        }
    }

    /// Notes the answer to a request, and keeps it if there is room for so many bytes. False if it is not one that runs.
    pub fn answer(&mut self, reply: Reply, body: &Bytes, room: usize) -> bool {
        let matters = reply.id >= self.floor;
        if !self.end(reply.id) {
            return false;
        }
        let answered = Taken::Answered(reply, body.clone());
        if matters && self.kept + answered.kept() <= room {
            self.kept += answered.kept();
            self.taken.insert(reply.id, answered);
        }
        true
    }

    /// Notes that a request has no answer. False if it is not one that runs.
    pub fn end(&mut self, id: u64) -> bool {
        let Some(Taken::Running(size)) = self.taken.get(&id) else { return false };
        self.running -= size;
        if id >= self.floor {
            self.taken.insert(id, Taken::Over);
        } else {
            self.taken.remove(&id);
        }
        true
    }

    /// How many bytes the requests have that are being handled.
    pub fn running(&self) -> usize {
        self.running
    }

    /// How many bytes of replies it keeps.
    pub fn kept(&self) -> usize {
        self.kept
    }
}

impl Taken {
    fn runs(&self) -> bool {
        matches!(self, Taken::Running(_))
    }

    fn kept(&self) -> usize {
        match self {
            Taken::Answered(_, body) => size_of::<Taken>() + body.len(),
            Taken::Running(_) | Taken::Over => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { requests: 9, bytes: 100 };
    const FEW: Limits = Limits { requests: 3, bytes: 100 };
    const BODY: Bytes = Bytes::from_static(b"body");

    fn reply(id: u64) -> Reply {
        Reply { id, hlc: 1, status: 0 }
    }

    #[test]
    fn a_request_runs_once_and_is_answered_again() {
        let mut window = Window::default();
        assert_eq!(window.take(5, 5, 1, LIMITS), Verdict::New);
        assert_eq!(window.take(5, 5, 1, LIMITS), Verdict::Ignore);
        assert!(window.answer(reply(5), &BODY, 1000));
        assert!(!window.answer(reply(5), &BODY, 1000), "answered already");
        assert_eq!(window.take(5, 5, 1, LIMITS), Verdict::Again(reply(5), BODY));
        assert_eq!(window.take(6, 6, 1, LIMITS), Verdict::New);
        assert_eq!((window.take(5, 5, 1, LIMITS), window.kept()), (Verdict::Ignore, 0));
        assert!(window.end(6));
        assert_eq!(window.take(6, 6, 1, LIMITS), Verdict::Gone);
    }

    #[test]
    fn requests_come_in_any_order() {
        let mut window = Window::default();
        assert_eq!(window.take(7, 3, 1, LIMITS), Verdict::New);
        assert_eq!(window.take(3, 3, 1, LIMITS), Verdict::New);
        assert_eq!(window.take(2, 2, 1, LIMITS), Verdict::Ignore);
        assert_eq!(window.take(4, 9, 1, LIMITS), Verdict::New, "a floor above the request itself is none");
    }

    #[test]
    fn neither_requests_nor_replies_pile_up() {
        let mut window = Window::default();
        assert!((1..=3).all(|id| window.take(id, 1, 1, FEW) == Verdict::New));
        assert_eq!(window.take(4, 1, 1, FEW), Verdict::Full);
        let large = Bytes::from(vec![0; 1000]);
        assert!(window.answer(reply(1), &large, 1500));
        assert!(window.answer(reply(2), &large, 1500));
        assert_eq!(window.take(2, 1, 1, FEW), Verdict::Gone);
        assert!(window.kept() < 1500);
        assert_eq!(window.take(9, 9, 1, FEW), Verdict::New);
        assert_eq!(window.kept(), 0);
        // 3 runs, though nobody waits for it.
        assert_eq!(window.take(10, 10, 99, FEW), Verdict::Full);
        assert!(window.answer(reply(3), &large, 1500));
        assert_eq!(window.take(10, 10, 99, FEW), Verdict::New);
        assert_eq!(window.take(11, 10, 1, FEW), Verdict::Full);
    }
}
