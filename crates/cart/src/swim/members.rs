//! The members of the group, as one node sees them.

use std::collections::BTreeMap;

use super::{State, Status};
use crate::Rank;

/// The members, and the order in which they are pinged.
#[derive(Clone, Debug, Default)]
pub struct Members {
    states: BTreeMap<Rank, State>,
    /// All members, in random order once they have been shuffled.
    order: Vec<Rank>,
    /// Where in the order the next target is looked for.
    next: usize,
    /// How many are alive or suspected.
    living: usize,
}

/// Whether a member counts as one that takes part.
fn lives(status: Status) -> bool {
    matches!(status, Status::Alive | Status::Suspect)
}

impl Members {
    /// Adds a member; false if it is one.
    pub fn add(&mut self, rank: Rank, state: State) -> bool {
        if self.states.contains_key(&rank) {
            return false;
        }
        self.states.insert(rank, state);
        self.order.push(rank);
        self.living += usize::from(lives(state.status));
        true
    }

    /// Takes a member out; false if it is none.
    pub fn remove(&mut self, rank: Rank) -> bool {
        let Some(state) = self.states.remove(&rank) else { return false };
        self.living -= usize::from(lives(state.status));
        // Those that follow keep their turn.
        if let Some(at) = self.order.iter().position(|&member| member == rank) {
            self.order.remove(at);
            self.next -= usize::from(at < self.next);
        }
        true
    }

    pub fn get(&self, rank: Rank) -> Option<State> {
        self.states.get(&rank).copied()
    }

    /// Changes what is believed of a member.
    pub fn set(&mut self, rank: Rank, state: State) {
        if let Some(known) = self.states.get_mut(&rank) {
            self.living -= usize::from(lives(known.status));
            self.living += usize::from(lives(state.status));
            *known = state;
        }
    }

    /// A member's delay, to note a new one.
    pub fn delay_mut(&mut self, rank: Rank) -> Option<&mut u32> {
        self.states.get_mut(&rank).map(|state| &mut state.delay)
    }

    /// How many are alive or suspected.
    pub fn living(&self) -> usize {
        self.living
    }

    /// All members, by rank.
    pub fn iter(&self) -> impl Iterator<Item = (Rank, State)> {
        self.states.iter().map(|(&rank, &state)| (rank, state))
    }

    /// Puts the order at random and begins anew.
    pub fn shuffle(&mut self, random: &mut fastrand::Rng) {
        random.shuffle(&mut self.order);
        self.next = 0;
    }

    /// The next in the order who suits; none after everybody was looked at.
    pub fn next(&mut self, suits: impl Fn(Rank, Status) -> bool) -> Option<Rank> {
        for _ in 0..self.order.len() {
            let rank = *self.order.get(self.next).or(self.order.first())?;
            self.next = (self.next + 1) % self.order.len();
            if self.get(rank).is_some_and(|state| suits(rank, state.status)) {
                return Some(rank);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(ranks: impl IntoIterator<Item = Rank>) -> Members {
        let mut members = Members::default();
        for rank in ranks {
            assert!(members.add(rank, State { incarnation: 1, status: Status::Alive, delay: 0 }));
        }
        members
    }

    #[test]
    fn everybody_has_a_turn_before_anybody_has_two() {
        let mut members = members(0..10);
        members.shuffle(&mut fastrand::Rng::with_seed(1));
        for _ in 0..3 {
            let mut round: Vec<_> = (0..10).map(|_| members.next(|_, _| true).unwrap()).collect();
            round.sort();
            assert_eq!(round, (0..10).collect::<Vec<_>>());
        }
    }

    #[test]
    fn who_leaves_takes_nobodys_turn() {
        for (leaves, expected) in
            [(0, vec![2, 3, 1]), (1, vec![2, 3, 0]), (2, vec![3, 0, 1]), (3, vec![2, 0, 1])]
        {
            let mut members = members(0..4);
            members.next(|rank, _| rank == 1);
            assert!(members.remove(leaves));
            assert!(!members.remove(leaves));
            let round: Vec<_> = (0..3).map(|_| members.next(|_, _| true).unwrap()).collect();
            assert_eq!(round, expected, "without {leaves}");
        }
    }

    #[test]
    fn nobody_is_found_where_nobody_suits() {
        assert_eq!(members([]).next(|_, _| true), None);
        assert_eq!(members(0..3).next(|_, _| false), None);
    }

    #[test]
    fn the_living_are_counted() {
        let mut members = members(0..3);
        members.set(1, State { incarnation: 1, status: Status::Dead, delay: 0 });
        members.set(2, State { incarnation: 1, status: Status::Suspect, delay: 0 });
        assert_eq!(members.living(), 2);
        members.remove(1);
        members.remove(0);
        assert_eq!(members.living(), 1);
    }
}
