//! What happens when: a heap of deadlines.
//!
//! A deadline that is not needed any more stays in the heap until its time comes, or until such ones are the
//! majority; taking it out at once would cost more than it is worth for requests that are answered in microseconds.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Nanos;

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// A request of this number waits no longer.
    Request(u64),
    /// A transfer of this number waits no longer.
    Transfer(u64),
    /// A connection is tried again.
    Reconnect(u64),
    /// Peers that have gone are forgotten.
    Forget,
}

/// The heap.
#[derive(Debug, Default)]
pub struct Timers(BinaryHeap<Reverse<(Nanos, Timer)>>);

/// Below this many it does not matter how many are needed.
const FEW: usize = 256;

impl Timers {
    /// Adds a deadline.
    pub fn push(&mut self, at: Nanos, timer: Timer) {
        self.0.push(Reverse((at, timer)));
    }

    /// The next that is due.
    pub fn pop(&mut self, now: Nanos) -> Option<(Nanos, Timer)> {
        let due = self.next().is_some_and(|at| at <= now);
        if due { self.0.pop().map(|Reverse(timer)| timer) } else { None }
    }

    /// When the next is due.
    pub fn next(&self) -> Option<Nanos> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    /// How many there are, needed or not.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes out those that are not needed, if there are many more than `needed`.
    pub fn compact(&mut self, needed: usize, is_needed: impl Fn(Nanos, Timer) -> bool) {
        if self.0.len() > FEW.max(2 * needed) {
            self.0.retain(|Reverse((at, timer))| is_needed(*at, *timer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_needed_does_not_pile_up() {
        let mut timers = Timers::default();
        for id in 0..100_000 {
            timers.push(1000 + id, Timer::Request(id));
            timers.compact(10, |_, timer| timer > Timer::Request(id.saturating_sub(10)));
            assert!(timers.0.len() <= FEW + 1);
        }
        assert_eq!(timers.pop(999), None);
        let due: Vec<_> = std::iter::from_fn(|| timers.pop(1_000_000)).collect();
        assert!(due.is_sorted());
        assert_eq!(due.last(), Some(&(100_999, Timer::Request(99_999))));
    }
}
