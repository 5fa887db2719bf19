//! What a pool's requests have cost lately: the weights of those that were started in the last 10,000 cycles.
//!
//! Only cycles in which something was started are kept, so that a pool without requests costs neither time nor
//! memory.

use std::collections::VecDeque;

use super::kind::{Kind, PerKind};

/// Cycles that count.
pub const CYCLES: u64 = 10_000;

/// Sums of the weights of started requests, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weights(PerKind<u64>);

impl Weights {
    /// The weights of `counts` requests of each kind.
    pub fn of(counts: &PerKind<u32>) -> Self {
        Weights(Kind::ALL.map(|kind| u64::from(counts[kind as usize]) * kind.weight()))
    }

    /// The weight of one kind.
    pub fn get(&self, kind: Kind) -> u64 {
        self.0[kind as usize]
    }

    /// The weight of all kinds together.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// The window of one pool. Cycles are those of its xstream, by their numbers.
#[derive(Debug, Default)]
pub struct Window {
    /// The cycles in which something was started, and what, the oldest first.
    cycles: VecDeque<(u64, Weights)>,
    /// Their sum, without the current one's.
    sums: Weights,
    /// The current cycle.
    cycle: u64,
    /// What it has started.
    current: Weights,
}

impl Window {
    /// Cycle `cycle` begins: what the one before it has started counts now, what is too old does not any more.
    pub fn advance(&mut self, cycle: u64) {
        if self.current != Weights::default() {
            for (sum, weight) in self.sums.0.iter_mut().zip(self.current.0) {
                *sum += weight;
            }
            self.cycles.push_back((self.cycle, core::mem::take(&mut self.current)));
        }
        self.cycle = cycle;
        while let Some((_, old)) = self.cycles.pop_front_if(|(age, _)| *age + CYCLES < cycle) {
            for (sum, weight) in self.sums.0.iter_mut().zip(old.0) {
                *sum -= weight;
            }
        }
    }

    /// A request was started in the current cycle.
    pub fn note(&mut self, kind: Kind) {
        self.current.0[kind as usize] += kind.weight();
    }

    /// What was started in the last cycles, the current one not included.
    pub fn weights(&self) -> &Weights {
        &self.sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_cycle_started_counts_from_the_next_one_on() {
        let mut window = Window::default();
        window.advance(1);
        window.note(Kind::Gc);
        window.note(Kind::Gc);
        window.note(Kind::Fetch);
        assert_eq!(window.weights().total(), 0);
        window.advance(2);
        assert_eq!(window.weights(), &Weights([0, 1, 8, 0, 0]));
        assert_eq!(window.weights().total(), 9);
    }

    #[test]
    fn it_ends_to_count_after_ten_thousand_cycles() {
        let mut window = Window::default();
        window.advance(7);
        window.note(Kind::Update);
        window.advance(7 + CYCLES);
        assert_eq!(window.weights().get(Kind::Update), 2);
        window.advance(8 + CYCLES);
        assert_eq!(window.weights().get(Kind::Update), 0);
        assert!(window.cycles.is_empty());
    }

    /// The same as an array of all cycles, of which each overwrites the oldest.
    #[test]
    fn it_sums_what_an_array_of_all_cycles_sums() {
        let mut window = Window::default();
        let mut array = vec![Weights::default(); CYCLES as usize];
        let mut current = Weights::default();
        let mut random = 12345_u64;
        for cycle in 1..3 * CYCLES {
            array[(cycle % CYCLES) as usize] = core::mem::take(&mut current);
            // A pool without requests is not asked every cycle.
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            if random >> 62 != 0 {
                continue;
            }
            window.advance(cycle);
            for kind in Kind::ALL {
                if cycle % 97 == 0 {
                    let sum: u64 = array.iter().map(|weights| weights.get(kind)).sum();
                    assert_eq!(window.weights().get(kind), sum, "{kind:?} in cycle {cycle}");
                }
                if random >> (40 + kind as u64) & 1 == 1 {
                    window.note(kind);
                    current.0[kind as usize] += kind.weight();
                }
            }
        }
    }
}
