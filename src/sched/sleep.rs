//! Who sleeps on an xstream, and until when.

use std::collections::BTreeMap;

/// When a sleeper is due, and its ticket: sleepers that are due at the same instant wake in the order in which
/// they went to sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alarm {
    due: u64,
    ticket: u64,
}

/// The sleepers of one xstream, by the time at which they are due. Times are nanoseconds of one monotonic clock.
#[derive(Debug)]
pub struct Sleepers<T> {
    by_alarm: BTreeMap<Alarm, T>,
    next_ticket: u64,
}

impl<T> Default for Sleepers<T> {
    fn default() -> Self {
        Sleepers { by_alarm: BTreeMap::new(), next_ticket: 0 }
    }
}

impl<T> Sleepers<T> {
    /// Adds a sleeper that is due at `due`. The alarm identifies it until it wakes.
    pub fn insert(&mut self, due: u64, sleeper: T) -> Alarm {
        let alarm = Alarm { due, ticket: self.next_ticket };
        self.next_ticket += 1;
        self.by_alarm.insert(alarm, sleeper);
        alarm
    }

    /// Takes a sleeper out before it is due; `None` when it has woken already.
    pub fn remove(&mut self, alarm: Alarm) -> Option<T> {
        self.by_alarm.remove(&alarm)
    }

    /// Takes the first sleeper that is due at `now`.
    pub fn pop_due(&mut self, now: u64) -> Option<T> {
        let entry = self.by_alarm.first_entry()?;
        (entry.key().due <= now).then(|| entry.remove())
    }

    /// Takes the first sleeper, due or not.
    pub fn pop(&mut self) -> Option<T> {
        self.by_alarm.pop_first().map(|(_, sleeper)| sleeper)
    }

    /// When the first sleeper is due.
    pub fn next_due(&self) -> Option<u64> {
        self.by_alarm.first_key_value().map(|(alarm, _)| alarm.due)
    }

    /// How many sleep.
    pub fn len(&self) -> usize {
        self.by_alarm.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due_at(sleepers: &mut Sleepers<char>, now: u64) -> String {
        core::iter::from_fn(|| sleepers.pop_due(now)).collect()
    }

    #[test]
    fn sleepers_wake_in_the_order_of_their_alarms() {
        let mut sleepers = Sleepers::default();
        for (due, name) in [(30, 'c'), (10, 'a'), (20, 'b'), (10, 'A')] {
            sleepers.insert(due, name);
        }
        assert_eq!(sleepers.next_due(), Some(10));
        assert_eq!(due_at(&mut sleepers, 9), "");
        assert_eq!(due_at(&mut sleepers, 20), "aAb");
        assert_eq!(sleepers.next_due(), Some(30));
        assert_eq!(sleepers.pop(), Some('c'));
        assert_eq!(sleepers.next_due(), None);
    }

    #[test]
    fn a_sleeper_that_was_woken_early_is_not_due_any_more() {
        let mut sleepers = Sleepers::default();
        let first = sleepers.insert(10, 'a');
        sleepers.insert(10, 'b');
        assert_eq!(sleepers.remove(first), Some('a'));
        assert_eq!(sleepers.remove(first), None);
        assert_eq!(sleepers.len(), 1);
        assert_eq!(due_at(&mut sleepers, 10), "b");
    }
}
