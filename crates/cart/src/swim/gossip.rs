//! What a node has to tell, and how often it has told it.

use super::{Members, State};
use crate::Rank;

/// What a node believes of a member, on its way to another: `struct swim_member_update`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Update {
    /// The member.
    pub rank: Rank,
    /// What is believed of it.
    pub state: State,
}

/// News that go along with a message besides what the message is about: `SWIM_PIGGYBACK_ENTRIES`.
pub const NEWS_IN_A_MESSAGE: usize = 8;
/// How often one is told: `SWIM_PIGGYBACK_TX_COUNT`. Enough to reach all of 2^50 members, if each tells others.
pub const TELLINGS: u32 = 50;

/// The members of whom there is news. The news itself is what is believed of them when it is told.
#[derive(Clone, Debug, Default)]
pub struct Gossip {
    /// Those whose news was told least often first.
    news: Vec<News>,
}

#[derive(Clone, Copy, Debug)]
struct News {
    rank: Rank,
    told: u32,
}

impl Gossip {
    /// There is news of a member, to be told to as many as possible.
    pub fn spread(&mut self, rank: Rank) {
        self.note(rank, 0);
    }

    /// There is news of a member that need not go far.
    pub fn whisper(&mut self, rank: Rank) {
        self.note(rank, TELLINGS);
    }

    fn note(&mut self, rank: Rank, told: u32) {
        self.news.retain(|news| news.rank != rank);
        let at = self.news.partition_point(|news| news.told < told);
        self.news.insert(at, News { rank, told });
    }

    /// The gossip for a message: first what is believed of those in `first`, then as much news as there is room
    /// for, what was told least often first. None when one of `first` is no member.
    pub fn tell(&mut self, members: &Members, first: &[Rank]) -> Option<Vec<Update>> {
        let update = |rank| members.get(rank).map(|state| Update { rank, state });
        let mut updates = first.iter().map(|&rank| update(rank)).collect::<Option<Vec<_>>>()?;
        // Who has left the group is no news any more.
        self.news.retain(|news| members.get(news.rank).is_some());
        let mut room = NEWS_IN_A_MESSAGE;
        for news in &mut self.news {
            // What the message says anyway needs no room.
            if !first.contains(&news.rank) {
                if room == 0 {
                    continue;
                }
                room -= 1;
                updates.extend(update(news.rank));
            }
            news.told += 1;
        }
        self.news.retain(|news| news.told <= TELLINGS);
        self.news.sort_by_key(|news| news.told);
        Some(updates)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    fn members(count: Rank) -> Members {
        let mut members = Members::default();
        for rank in 0..count {
            members.add(rank, State { incarnation: 1, status: Status::Alive, delay: 0 });
        }
        members
    }

    fn told(updates: &[Update]) -> Vec<Rank> {
        updates.iter().map(|update| update.rank).collect()
    }

    #[test]
    fn all_news_gets_its_turn_however_much_there_is() {
        let members = members(100);
        let mut gossip = Gossip::default();
        (0..50).for_each(|rank| gossip.spread(rank));
        let mut heard = vec![0; 100];
        for _ in 0..7 {
            for rank in told(&gossip.tell(&members, &[99]).unwrap()) {
                heard[rank as usize] += 1;
            }
        }
        assert_eq!(heard[99], 7);
        assert!(heard[..50].iter().all(|&times| (1..=2).contains(&times)), "{heard:?}");
    }

    #[test]
    fn news_grows_old() {
        let members = members(3);
        let mut gossip = Gossip::default();
        gossip.spread(1);
        gossip.whisper(2);
        let messages: Vec<_> = (0..60).map(|_| told(&gossip.tell(&members, &[0]).unwrap())).collect();
        assert_eq!(messages[0], [0, 1, 2]);
        assert_eq!(messages.iter().filter(|told| told.contains(&1)).count(), TELLINGS as usize + 1);
        assert_eq!(messages.iter().filter(|told| told.contains(&2)).count(), 1);
    }

    #[test]
    fn nobody_is_mentioned_twice_and_no_stranger_at_all() {
        let mut members = members(3);
        let mut gossip = Gossip::default();
        gossip.spread(1);
        gossip.spread(2);
        assert_eq!(told(&gossip.tell(&members, &[1, 0]).unwrap()), [1, 0, 2]);
        members.remove(2);
        assert_eq!(told(&gossip.tell(&members, &[1, 0]).unwrap()), [1, 0]);
        assert_eq!(gossip.tell(&members, &[2]), None);
    }
}
