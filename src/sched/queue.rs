//! Requests that wait to be run: by pool and type, and for I/O one queue in the order of arrival.
//!
//! Every cycle of the scheduler takes out what may run ([`Queues::take_due`]). Requests of an I/O type run in the
//! order in which they came, across all pools; a request that was rejected and sent again runs in the place that
//! it had the first time, which its enqueue id says. The other types have a queue per pool and type.
//!
//! What may run in one cycle is limited ([`Limits`]) so that the stacks of its ULTs stay within 100 MiB. Space
//! pressure, which limits it further in DAOS, is known only where there is storage.

use std::collections::{BTreeMap, VecDeque};

/// Number of request types that belong to a pool: `SCHED_REQ_MAX`.
pub const KINDS: usize = abi::SCHED_REQ_MAX as usize;

/// Type of a request that belongs to a pool: the `SCHED_REQ_*` of the same names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// An update by a client.
    Update = abi::SCHED_REQ_UPDATE,
    /// A fetch by a client.
    Fetch = abi::SCHED_REQ_FETCH,
    /// Garbage collection and aggregation.
    Gc = abi::SCHED_REQ_GC,
    /// Checksum scrubbing.
    Scrub = abi::SCHED_REQ_SCRUB,
    /// Rebuild and reintegration.
    Migrate = abi::SCHED_REQ_MIGRATE,
}

impl Kind {
    /// The kind of `sra_type`; `None` for `SCHED_REQ_ANONYM` and for values that are no type.
    pub fn new(sra_type: u32) -> Option<Self> {
        [Kind::Update, Kind::Fetch, Kind::Gc, Kind::Scrub, Kind::Migrate].get(sra_type as usize).copied()
    }

    /// Whether a client waits for it.
    pub fn is_io(self) -> bool {
        matches!(self, Kind::Update | Kind::Fetch)
    }
}

/// A pool's UUID.
pub type PoolId = abi::uuid_t;

/// One request in a queue.
#[derive(Clone, Debug)]
pub struct Entry<T> {
    /// What to run.
    pub item: T,
    /// Its pool.
    pub pool: PoolId,
    /// Its type.
    pub kind: Kind,
    /// `SCHED_REQ_FL_NO_DELAY`: it runs in the next cycle whatever the limits are.
    pub no_delay: bool,
    /// `SCHED_REQ_FL_RESENT`: it came before and was rejected then; `enqueue_id` says when.
    pub resent: bool,
    /// Its place among the requests of this xstream, ascending from 1.
    pub enqueue_id: u64,
    /// How long its sender waits, in milliseconds; 0 for ever.
    pub timeout: u32,
    /// When it was queued, in milliseconds.
    pub enqueued_at: u64,
}

/// The most I/O requests of one pool that one cycle starts: 100 MiB of ULT stacks of 16 KiB.
pub const MAX_KICKED: u32 = (100 << 20) / 16384;
/// How long a cycle may take with that many requests of 20 µs, in milliseconds.
pub const MAX_CYCLE_TIME: u32 = MAX_KICKED * 20 / 1000;

/// How many requests of each type one cycle may still start for a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits([u32; KINDS]);

impl Limits {
    /// Everything that is queued, unless that is more I/O than one cycle should start: then the types share the
    /// maximum in proportion.
    pub fn of(queued: &[u32; KINDS]) -> Self {
        let mut limits = *queued;
        let io: u64 = queued[Kind::Update as usize] as u64 + queued[Kind::Fetch as usize] as u64;
        if io > MAX_KICKED as u64 {
            for kind in [Kind::Update, Kind::Fetch] {
                let limit = &mut limits[kind as usize];
                *limit = (*limit as u64 * MAX_KICKED as u64 / io) as u32;
            }
        }
        Limits(limits)
    }

    /// Takes one of `kind`, if any is left.
    fn take(&mut self, kind: Kind) -> bool {
        let left = &mut self.0[kind as usize];
        let granted = *left > 0;
        *left = left.saturating_sub(1);
        granted
    }
}

/// Requests of one pool.
#[derive(Debug)]
struct Pool<T> {
    /// Requests of the types that are no I/O.
    system: [VecDeque<Entry<T>>; KINDS],
    /// All requests of each type, I/O included.
    queued: [u32; KINDS],
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Pool { system: Default::default(), queued: [0; KINDS] }
    }
}

/// The queued requests of one xstream.
#[derive(Debug)]
pub struct Queues<T> {
    pools: BTreeMap<PoolId, Pool<T>>,
    io: VecDeque<Entry<T>>,
    /// I/O requests that came before, by their place; the second number keeps equal places apart.
    resent: BTreeMap<(u64, u64), Entry<T>>,
    next_resent: u64,
    queued: [u32; KINDS],
}

impl<T> Default for Queues<T> {
    fn default() -> Self {
        Queues {
            pools: BTreeMap::new(),
            io: VecDeque::new(),
            resent: BTreeMap::new(),
            next_resent: 0,
            queued: [0; KINDS],
        }
    }
}

impl<T> Queues<T> {
    /// Adds a request behind those of its queue.
    pub fn push(&mut self, entry: Entry<T>) {
        let pool = self.pools.entry(entry.pool).or_default();
        pool.queued[entry.kind as usize] += 1;
        self.queued[entry.kind as usize] += 1;
        if !entry.kind.is_io() {
            pool.system[entry.kind as usize].push_back(entry);
        } else if entry.resent {
            self.resent.insert((entry.enqueue_id, self.next_resent), entry);
            self.next_resent += 1;
        } else {
            self.io.push_back(entry);
        }
    }

    /// Requests of each type that are queued.
    pub fn queued(&self) -> &[u32; KINDS] {
        &self.queued
    }

    /// Whether nothing is queued.
    pub fn is_empty(&self) -> bool {
        self.queued == [0; KINDS]
    }

    /// Takes out what this cycle may run at `now` (milliseconds), in the order in which it is to run. `all`
    /// lifts the limits.
    pub fn take_due(&mut self, now: u64, all: bool, due: &mut Vec<T>) {
        if self.is_empty() {
            return;
        }
        let mut limits: BTreeMap<PoolId, Limits> =
            self.pools.iter().map(|(id, pool)| (*id, Limits::of(&pool.queued))).collect();
        let mut may_run = |entry: &Entry<T>| {
            let granted = limits.get_mut(&entry.pool).is_some_and(|limits| limits.take(entry.kind));
            granted || all || entry.no_delay || has_expired(entry, now)
        };
        let mut taken: Vec<Entry<T>> = Vec::new();
        for pool in self.pools.values_mut() {
            for kind in [Kind::Gc, Kind::Scrub, Kind::Migrate] {
                let queue = &mut pool.system[kind as usize];
                while queue.front().is_some_and(&mut may_run) {
                    taken.extend(queue.pop_front());
                }
            }
        }
        self.take_io(&mut may_run, &mut taken);
        for entry in taken {
            self.forget(&entry);
            due.push(entry.item);
        }
    }

    /// The part of [`Queues::take_due`] that merges new and resent I/O by their places.
    fn take_io(&mut self, may_run: &mut impl FnMut(&Entry<T>) -> bool, taken: &mut Vec<Entry<T>>) {
        let mut io = core::mem::take(&mut self.io).into_iter().peekable();
        let mut resent = core::mem::take(&mut self.resent).into_iter().peekable();
        loop {
            let resent_first = match (resent.peek(), io.peek()) {
                (Some(((place, _), _)), Some(entry)) => *place < entry.enqueue_id,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (None, None) => break,
            };
            if resent_first {
                let Some((place, entry)) = resent.next() else { break };
                if may_run(&entry) {
                    taken.push(entry);
                } else {
                    self.resent.insert(place, entry);
                }
            } else {
                let Some(entry) = io.next() else { break };
                if may_run(&entry) {
                    taken.push(entry);
                } else {
                    self.io.push_back(entry);
                }
            }
        }
    }

    fn forget(&mut self, entry: &Entry<T>) {
        self.queued[entry.kind as usize] -= 1;
        if let Some(pool) = self.pools.get_mut(&entry.pool) {
            pool.queued[entry.kind as usize] -= 1;
            if pool.queued == [0; KINDS] {
                self.pools.remove(&entry.pool);
            }
        }
    }
}

/// Whether the sender would give up before another cycle is over.
fn has_expired<T>(entry: &Entry<T>, now: u64) -> bool {
    entry.timeout > MAX_CYCLE_TIME
        && now.saturating_sub(entry.enqueued_at) > (entry.timeout - MAX_CYCLE_TIME) as u64
}

/// How long a request of each I/O type takes, in microseconds.
const LATENCY: [(Kind, u64); 2] = [(Kind::Update, 10), (Kind::Fetch, 5)];
/// How long a reply is under way, in milliseconds.
const ROUND_TRIP: u64 = 100;
/// More I/O requests than this are never queued.
const MAX_QUEUED: u64 = 1 << 20;

/// Whether a request whose sender waits `timeout` milliseconds would time out behind `queued`: then it is
/// rejected at once, with a hint when to come again. Background work is reckoned as half of the I/O.
pub fn is_overloaded(queued: &[u32; KINDS], timeout: u32) -> bool {
    let requests: u64 = LATENCY.iter().map(|(kind, _)| queued[*kind as usize] as u64).sum();
    let micros: u64 = LATENCY.iter().map(|(kind, latency)| queued[*kind as usize] as u64 * latency).sum();
    let io = micros / 1000;
    let estimate = io + io / 2 + MAX_CYCLE_TIME as u64 + ROUND_TRIP;
    estimate > timeout as u64 || requests > MAX_QUEUED
}

#[cfg(test)]
mod tests {
    use super::*;

    const RED: PoolId = [1; 16];
    const BLUE: PoolId = [2; 16];

    fn entry(item: u32, pool: PoolId, kind: Kind) -> Entry<u32> {
        Entry {
            item,
            pool,
            kind,
            no_delay: false,
            resent: false,
            enqueue_id: item as u64,
            timeout: 0,
            enqueued_at: 0,
        }
    }

    fn due(queues: &mut Queues<u32>, now: u64, all: bool) -> Vec<u32> {
        let mut due = Vec::new();
        queues.take_due(now, all, &mut due);
        due
    }

    #[test]
    fn io_runs_in_the_order_of_arrival_across_pools_behind_the_background_work() {
        let mut queues = Queues::default();
        queues.push(entry(1, RED, Kind::Fetch));
        queues.push(entry(2, BLUE, Kind::Update));
        queues.push(entry(3, BLUE, Kind::Migrate));
        queues.push(entry(4, BLUE, Kind::Gc));
        queues.push(entry(5, RED, Kind::Scrub));
        queues.push(entry(6, RED, Kind::Fetch));
        assert_eq!(queues.queued(), &[1, 2, 1, 1, 1]);
        assert_eq!(due(&mut queues, 0, false), [5, 4, 3, 1, 2, 6]);
        assert!(queues.is_empty());
        assert!(queues.pools.is_empty(), "pools without requests are forgotten");
    }

    #[test]
    fn a_request_that_was_sent_again_keeps_its_place() {
        let mut queues = Queues::default();
        queues.push(entry(10, RED, Kind::Update));
        queues.push(Entry { resent: true, ..entry(12, RED, Kind::Update) });
        queues.push(Entry { resent: true, ..entry(7, RED, Kind::Update) });
        queues.push(entry(11, RED, Kind::Update));
        assert_eq!(due(&mut queues, 0, false), [7, 10, 11, 12]);
    }

    #[test]
    fn a_cycle_starts_no_more_io_of_a_pool_than_its_stacks_allow() {
        let mut queues = Queues::default();
        for item in 0..MAX_KICKED + 10 {
            queues.push(entry(item + 1, RED, Kind::Update));
        }
        queues.push(entry(1_000_000, BLUE, Kind::Update));
        queues.push(Entry { no_delay: true, ..entry(1_000_001, RED, Kind::Update) });
        let first = due(&mut queues, 0, false);
        assert_eq!(first.len(), MAX_KICKED as usize + 2);
        assert_eq!(first[first.len() - 2..], [1_000_000, 1_000_001]);
        assert_eq!(due(&mut queues, 0, false).len(), 10);
    }

    #[test]
    fn limits_are_shared_in_proportion() {
        assert_eq!(Limits::of(&[1, 2, 3, 4, 5]), Limits([1, 2, 3, 4, 5]));
        let limits = Limits::of(&[3 * MAX_KICKED, MAX_KICKED, 9, 9, 9]);
        assert_eq!(limits, Limits([MAX_KICKED / 4 * 3, MAX_KICKED / 4, 9, 9, 9]));
    }

    #[test]
    fn what_is_about_to_time_out_or_left_at_the_stop_runs_beyond_the_limits() {
        let mut queues = Queues::default();
        for item in 0..2 * MAX_KICKED {
            queues.push(entry(item + 1, RED, Kind::Fetch));
        }
        queues.push(Entry { timeout: 1000, enqueued_at: 5, ..entry(77_777, RED, Kind::Fetch) });
        let due_now = due(&mut queues, 5 + 1000 - MAX_CYCLE_TIME as u64 + 1, false);
        assert_eq!(due_now.len(), MAX_KICKED as usize + 1);
        assert_eq!(due_now.last(), Some(&77_777));
        assert_eq!(due(&mut queues, 0, true).len(), MAX_KICKED as usize);
        assert!(queues.is_empty());
    }

    #[test]
    fn overload_is_estimated_from_the_queued_io() {
        // Nothing queued: one cycle and one round trip.
        let least = MAX_CYCLE_TIME + ROUND_TRIP as u32;
        assert!(is_overloaded(&[0; KINDS], least - 1));
        assert!(!is_overloaded(&[0; KINDS], least));
        // 100,000 updates take a second, and background work half of that.
        assert!(is_overloaded(&[100_000, 0, 0, 0, 0], least + 1499));
        assert!(!is_overloaded(&[100_000, 0, 0, 0, 0], least + 1500));
        assert!(!is_overloaded(&[0, 0, u32::MAX, u32::MAX, u32::MAX], least));
        assert!(is_overloaded(&[(1 << 20) + 1, 0, 0, 0, 0], u32::MAX));
    }
}
