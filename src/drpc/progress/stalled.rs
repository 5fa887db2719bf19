//! Responses that their peers do not take.
//!
//! The ULT that has made a response ends when the peer does not take it: it would hold up others of its xstream.
//! The listener offers the response again each round, until the peer takes it or has had its time.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a peer may leave a response untaken before its connection is closed.
pub const LIMIT: Duration = Duration::from_secs(5);

/// How offering a response went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Offer {
    /// The peer has it, or never will: the response is done with.
    Done,
    /// The peer does not take it now.
    Untaken,
}

/// Responses of type `T`, in the order in which they stalled.
pub struct Stalled<T>(Mutex<Waiting<T>>);

struct Waiting<T> {
    /// Whether there is a listener to offer them.
    open: bool,
    responses: Vec<(Instant, T)>,
}

impl<T> Stalled<T> {
    /// No responses, and no listener.
    pub const fn new() -> Self {
        Stalled(Mutex::new(Waiting { open: false, responses: Vec::new() }))
    }

    fn with<R>(&self, work: impl FnOnce(&mut Waiting<T>) -> R) -> R {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A listener is there. Returns the responses that are waiting for it, by what `see` sees of them.
    pub fn open<R>(&self, see: impl Fn(&T) -> R) -> Vec<R> {
        self.with(|waiting| {
            waiting.open = true;
            waiting.responses.iter().map(|(_, response)| see(response)).collect()
        })
    }

    /// Leaves `response` to the listener; gives it back when there is none.
    pub fn leave(&self, response: T) -> Option<T> {
        self.with(|waiting| {
            if !waiting.open {
                return Some(response);
            }
            waiting.responses.push((Instant::now(), response));
            None
        })
    }

    /// Offers each response by `offer`. One that is untaken for longer than [`LIMIT`] goes to `give_up`.
    pub fn offer(&self, mut offer: impl FnMut(&T) -> Offer, mut give_up: impl FnMut(T)) {
        // Taken out meanwhile: offering may run other ULTs, which leave more.
        let responses = self.with(|waiting| std::mem::take(&mut waiting.responses));
        if responses.is_empty() {
            return;
        }
        let mut untaken = Vec::new();
        for (since, response) in responses {
            match offer(&response) {
                Offer::Done => {}
                Offer::Untaken if since.elapsed() > LIMIT => give_up(response),
                Offer::Untaken => untaken.push((since, response)),
            }
        }
        self.with(|waiting| {
            untaken.append(&mut waiting.responses);
            waiting.responses = untaken;
        });
    }

    /// The listener leaves: returns the responses that nobody will offer any more.
    pub fn close(&self) -> impl Iterator<Item = T> + use<T> {
        let responses = self.with(|waiting| {
            waiting.open = false;
            std::mem::take(&mut waiting.responses)
        });
        responses.into_iter().map(|(_, response)| response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_listener_nothing_is_kept() {
        let stalled = Stalled::new();
        assert_eq!(stalled.leave(1), Some(1));
        assert_eq!(stalled.open(|&n| n), Vec::<i32>::new());
        assert_eq!(stalled.leave(2), None);
        assert_eq!(stalled.close().collect::<Vec<_>>(), [2]);
        assert_eq!(stalled.leave(3), Some(3));
    }

    #[test]
    fn untaken_responses_keep_their_order() {
        let stalled = Stalled::new();
        stalled.open(|_: &i32| ());
        for n in 1..=4 {
            assert_eq!(stalled.leave(n), None);
        }
        let offer = |&n: &i32| {
            if n == 1 {
                // As another ULT would, meanwhile.
                assert_eq!(stalled.leave(5), None);
            }
            if n % 2 == 0 { Offer::Done } else { Offer::Untaken }
        };
        stalled.offer(offer, |n| panic!("{n} has not had its time"));
        assert_eq!(stalled.open(|&n| n), [1, 3, 5]);
    }
}
