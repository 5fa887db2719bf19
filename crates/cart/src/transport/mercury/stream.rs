//! One direction each of two streams of bytes, cut into numbered parts: in which order they go and come, and how many
//! are on their way.

use std::collections::{BTreeMap, VecDeque};

use bytes::{Buf, Bytes};

/// What is to be sent.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// The most parts that the other has not taken.
    window: u64,
    /// The number of the next part.
    next: u64,
    /// So many the other has taken.
    taken: u64,
    queue: VecDeque<Bytes>,
    /// The bytes in the queue.
    queued: usize,
}

/// What has come.
#[derive(Debug)]
pub(super) struct Incoming {
    window: u64,
    /// The number of the part that is the next in order.
    next: u64,
    /// What the other knows of that.
    told: u64,
    /// Parts that cannot be given on yet.
    early: BTreeMap<u64, Bytes>,
    /// The bytes in those.
    kept: usize,
}

/// What to do with a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is the next: it has been counted, and is given on now.
    Next,
    /// It is kept until those before have come.
    Kept,
    /// It has been there before.
    Repeated,
    /// Nobody who keeps to the protocol sends it.
    Malformed,
}

impl Outgoing {
    pub fn new(window: u64) -> Self {
        Outgoing { window, next: 0, taken: 0, queue: VecDeque::new(), queued: 0 }
    }

    /// Adds to the end of the stream.
    pub fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.queued += bytes.len();
            self.queue.push_back(bytes);
        }
    }

    /// How many bytes wait.
    pub fn queued(&self) -> usize {
        self.queued
    }

    /// The number of the next part.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Whether a part may go.
    pub fn is_ready(&self) -> bool {
        self.queued > 0 && self.next - self.taken < self.window
    }

    /// Whether there are parts that the other has not said it has taken.
    pub fn is_waited_for(&self) -> bool {
        self.next > self.taken
    }

    /// Takes the next part from the stream, as much as there is room. How many bytes it has.
    pub fn take(&mut self, room: &mut [u8]) -> usize {
        let mut filled = 0;
        while let Some(first) = self.queue.front_mut() {
            let count = first.len().min(room.len() - filled);
            first.copy_to_slice(&mut room[filled..filled + count]);
            filled += count;
            if !first.is_empty() {
                break;
            }
            self.queue.pop_front();
        }
        self.queued -= filled;
        self.next += 1;
        filled
    }

    /// The other says how many parts it has taken. Whether that can be.
    pub fn taken(&mut self, count: u64) -> bool {
        if count > self.next {
            return false;
        }
        // Pieces may overtake each other, and say less than is known then.
        self.taken = self.taken.max(count);
        true
    }
}

impl Incoming {
    pub fn new(window: u64) -> Self {
        Incoming { window, next: 0, told: 0, early: BTreeMap::new(), kept: 0 }
    }

    /// How many parts have been taken; the other is told now.
    pub fn tell(&mut self) -> u64 {
        self.told = self.next;
        self.next
    }

    /// Whether the other should be told, before it has to stop.
    pub fn is_to_be_told(&self) -> bool {
        self.next - self.told >= (self.window / 2).max(1)
    }

    /// The number of the part that is the next in order.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// How many bytes are kept.
    pub fn kept(&self) -> usize {
        self.kept
    }

    /// Whether some part is missing, where the other has sent all before that number.
    pub fn is_missing(&self, end: u64) -> bool {
        let end = self.early.last_key_value().map_or(end, |(last, _)| end.max(last + 1));
        end.saturating_sub(self.next) > self.early.len() as u64
    }

    /// A part has come; `held` if none can be given on now.
    pub fn arrive(&mut self, number: u64, payload: &[u8], held: bool) -> Verdict {
        let Some(ahead) = number.checked_sub(self.next) else { return Verdict::Repeated };
        if ahead >= self.window {
            return Verdict::Malformed;
        }
        if self.early.contains_key(&number) {
            return Verdict::Repeated;
        }
        if ahead == 0 && !held {
            self.next += 1;
            return Verdict::Next;
        }
        self.kept += payload.len();
        self.early.insert(number, Bytes::copy_from_slice(payload));
        Verdict::Kept
    }

    /// The next part, if it has been kept.
    pub fn pop(&mut self) -> Option<Bytes> {
        let part = self.early.remove(&self.next)?;
        self.next += 1;
        self.kept -= part.len();
        Some(part)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Parts of a stream on a network that lets them overtake and repeats them.
        #[test]
        fn a_stream_comes_as_it_went(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..50),
            room in 1..40usize,
            window in 1..20u64,
            choices in prop::collection::vec((any::<prop::sample::Index>(), 0..4u8), 1..50),
        ) {
            let stream = pieces.concat();
            let (mut outgoing, mut incoming) = (Outgoing::new(window), Incoming::new(window));
            pieces.into_iter().for_each(|piece| outgoing.push(piece.into()));
            prop_assert_eq!(outgoing.queued(), stream.len());
            let (mut network, mut come, mut choices) = (Vec::new(), Vec::new(), choices.iter().cycle());
            let mut repeats = 0;
            while come.len() < stream.len() {
                while outgoing.is_ready() {
                    let mut part = vec![0; room];
                    let number = outgoing.next();
                    let size = outgoing.take(&mut part);
                    part.truncate(size);
                    network.push((number, part));
                    prop_assert!(network.len() as u64 <= window * 2 + 100);
                }
                let (index, what) = choices.next().unwrap();
                repeats += usize::from(*what == 0);
                let at = index.index(network.len());
                let (number, part) = if *what == 0 && repeats < 100 {
                    network[at].clone()
                } else {
                    network.swap_remove(at)
                };
                match incoming.arrive(number, &part, false) {
                    Verdict::Next => come.extend(part),
                    Verdict::Malformed => prop_assert!(false, "{number}"),
                    Verdict::Kept | Verdict::Repeated => {}
                }
                while let Some(part) = incoming.pop() {
                    come.extend(part);
                }
                prop_assert!(incoming.kept() as u64 <= window * room as u64);
                if incoming.is_to_be_told() {
                    prop_assert!(outgoing.taken(incoming.tell()));
                }
                prop_assert!(!network.is_empty() || outgoing.is_ready() || come.len() == stream.len());
            }
            prop_assert_eq!(come, stream);
            prop_assert_eq!((outgoing.queued(), incoming.kept()), (0, 0));
            prop_assert!(!incoming.is_missing(outgoing.next()));
        }
    }

    #[test]
    fn what_is_missing_is_noticed() {
        let mut incoming = Incoming::new(8);
        assert!(!incoming.is_missing(0));
        assert!(incoming.is_missing(1));
        assert_eq!(incoming.arrive(1, b"b", false), Verdict::Kept);
        assert!(incoming.is_missing(0));
        assert_eq!(incoming.arrive(0, b"a", true), Verdict::Kept);
        assert!(!incoming.is_missing(2), "it is only held");
        assert_eq!(incoming.arrive(8, b"x", false), Verdict::Malformed);
        assert_eq!(incoming.arrive(u64::MAX, b"x", false), Verdict::Malformed);
        assert_eq!(incoming.pop().as_deref(), Some(&b"a"[..]));
        assert_eq!(incoming.arrive(0, b"a", false), Verdict::Repeated);
    }

    #[test]
    fn nobody_can_have_taken_what_was_not_sent() {
        let mut outgoing = Outgoing::new(1);
        outgoing.push(Bytes::from_static(b"ab"));
        assert!(outgoing.is_ready());
        assert_eq!(outgoing.take(&mut [0; 1]), 1);
        assert!(!outgoing.is_ready() && outgoing.is_waited_for());
        assert!(!outgoing.taken(2));
        let mut outgoing = Outgoing::new(1);
        assert!(outgoing.taken(0));
    }
}
