//! Requests that wait to be run: by pool and kind, and for I/O one queue in the order of arrival.
//!
//! Every cycle of the scheduler takes out what may run ([`Queues::take_due`]). Requests of an I/O kind run in the
//! order in which they came, across all pools; a request that was rejected and sent again runs in the place that
//! it had the first time, which its enqueue id says. The other kinds have a queue per pool and kind.
//!
//! How many of a pool's requests may run in one cycle is said by [`throttle`](super::throttle).

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use super::kind::{KINDS, Kind, PerKind};
use super::pool::{Pool, PoolId, Space, Turn};
use super::throttle::{MAX_KICKED, Pressure};

/// One request in a queue.
#[derive(Clone, Debug)]
pub struct Entry<T> {
    /// What to run.
    pub item: T,
    /// Its pool.
    pub pool: Rc<Pool>,
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

/// How long a cycle may take with as many requests of 20 µs as one may start, in milliseconds.
pub const MAX_CYCLE_TIME: u32 = MAX_KICKED * 20 / 1000;

/// A pool and its requests of the kinds that are no I/O.
#[derive(Debug)]
struct OfPool<T> {
    pool: Rc<Pool>,
    system: [VecDeque<Entry<T>>; KINDS],
}

/// The queued requests of one xstream.
#[derive(Debug)]
pub struct Queues<T> {
    pools: BTreeMap<PoolId, OfPool<T>>,
    io: VecDeque<Entry<T>>,
    /// I/O requests that came before, by their place; the second number keeps equal places apart.
    resent: BTreeMap<(u64, u64), Entry<T>>,
    next_resent: u64,
    queued: PerKind<u32>,
    /// The cycle.
    cycle: u64,
    /// When what is known of some pool's space will be too old, in milliseconds.
    next_look: u64,
}

impl<T> Default for Queues<T> {
    fn default() -> Self {
        Queues {
            pools: BTreeMap::new(),
            io: VecDeque::new(),
            resent: BTreeMap::new(),
            next_resent: 0,
            queued: [0; KINDS],
            cycle: 0,
            next_look: 0,
        }
    }
}

impl<T> Queues<T> {
    /// The pool with this UUID.
    pub fn pool(&mut self, id: PoolId) -> Rc<Pool> {
        let of_pool = self.pools.entry(id).or_insert_with(|| {
            // Its space is not known yet.
            self.next_look = 0;
            OfPool { pool: Rc::new(Pool::new(id, self.cycle)), system: Default::default() }
        });
        of_pool.pool.clone()
    }

    /// Adds a request behind those of its queue. Its pool came from [`Queues::pool`].
    pub fn push(&mut self, entry: Entry<T>) {
        entry.pool.queue(entry.kind);
        self.queued[entry.kind as usize] += 1;
        if !entry.kind.is_io() {
            let id = entry.pool.id;
            let new = || OfPool { pool: entry.pool.clone(), system: Default::default() };
            let of_pool = self.pools.entry(id).or_insert_with(new);
            of_pool.system[entry.kind as usize].push_back(entry);
        } else if entry.resent {
            self.resent.insert((entry.enqueue_id, self.next_resent), entry);
            self.next_resent += 1;
        } else {
            self.io.push_back(entry);
        }
    }

    /// Requests of each kind that are queued.
    pub fn queued(&self) -> &PerKind<u32> {
        &self.queued
    }

    /// Whether nothing is queued.
    pub fn is_empty(&self) -> bool {
        self.queued == [0; KINDS]
    }

    /// Begins a cycle at `now` (milliseconds). Returns the pools of whose space too little is known; the answers
    /// are for [`Queues::note_space`].
    pub fn begin_cycle(&mut self, now: u64) -> Vec<Rc<Pool>> {
        self.cycle += 1;
        if now < self.next_look {
            return Vec::new();
        }
        self.next_look = u64::MAX;
        self.pools.values().map(|of_pool| &of_pool.pool).filter(|pool| pool.is_stale(now)).cloned().collect()
    }

    /// Takes note of what VOS says of a pool's space at `now`. A pool that there is not any more, and of which
    /// nobody but the caller holds a request, is forgotten. Returns the pressure under which it has come.
    pub fn note_space(&mut self, pool: Rc<Pool>, space: &Space, now: u64) -> Option<Pressure> {
        let changed = pool.note_space(space, now);
        // The two are the table's and the caller's.
        let unused = pool.is_idle() && Rc::strong_count(&pool) <= 2;
        if unused && matches!(space, Space::NoPool | Space::NoStorage) {
            self.pools.remove(&pool.id);
        }
        changed
    }

    /// When the next pool's space is to be asked for, once all answers of a cycle are noted.
    pub fn schedule_look(&mut self) {
        let next = self.pools.values().map(|of_pool| of_pool.pool.next_look()).min();
        self.next_look = next.unwrap_or(u64::MAX);
    }

    /// The number of this cycle.
    pub fn cycle(&self) -> u64 {
        self.cycle
    }

    /// Takes out what this cycle may run, in the order in which it is to run.
    pub fn take_due(&mut self, turn: &Turn, due: &mut Vec<T>) {
        if self.is_empty() {
            return;
        }
        let pools = self.pools.values().map(|of_pool| &of_pool.pool);
        pools.filter(|pool| !pool.is_idle()).for_each(|pool| pool.begin(turn));
        let may_run = |entry: &Entry<T>| {
            entry.pool.take(entry.kind) || turn.all || entry.no_delay || has_expired(entry, turn.now)
        };
        let queued = &mut self.queued;
        let mut start = |entry: Entry<T>| {
            queued[entry.kind as usize] -= 1;
            entry.pool.start(entry.kind);
            due.push(entry.item);
        };
        for of_pool in self.pools.values_mut() {
            for kind in [Kind::Gc, Kind::Scrub, Kind::Migrate] {
                let queue = &mut of_pool.system[kind as usize];
                while let Some(entry) = queue.pop_front_if(|entry| may_run(entry)) {
                    start(entry);
                }
            }
        }
        take_io(&mut self.io, &mut self.resent, may_run, start);
    }
}

/// Starts what may run of the I/O, new and resent merged by their places, and keeps the rest.
fn take_io<T>(
    io: &mut VecDeque<Entry<T>>,
    resent: &mut BTreeMap<(u64, u64), Entry<T>>,
    may_run: impl Fn(&Entry<T>) -> bool,
    mut start: impl FnMut(Entry<T>),
) {
    let mut again = core::mem::take(resent).into_iter().peekable();
    let mut start_again = |place, entry: Entry<T>, start: &mut dyn FnMut(Entry<T>)| {
        if may_run(&entry) {
            start(entry);
        } else {
            resent.insert(place, entry);
        }
    };
    for _ in 0..io.len() {
        let Some(entry) = io.pop_front() else { break };
        while let Some((place, earlier)) = again.next_if(|((place, _), _)| *place < entry.enqueue_id) {
            start_again(place, earlier, &mut start);
        }
        if may_run(&entry) {
            start(entry);
        } else {
            io.push_back(entry);
        }
    }
    again.for_each(|(place, entry)| start_again(place, entry, &mut start));
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
pub fn is_overloaded(queued: &PerKind<u32>, timeout: u32) -> bool {
    let requests: u64 = LATENCY.iter().map(|(kind, _)| queued[*kind as usize] as u64).sum();
    let micros: u64 = LATENCY.iter().map(|(kind, latency)| queued[*kind as usize] as u64 * latency).sum();
    let io = micros / 1000;
    let estimate = io + io / 2 + MAX_CYCLE_TIME as u64 + ROUND_TRIP;
    estimate > timeout as u64 || requests > MAX_QUEUED
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sched::throttle::Medium;

    const RED: PoolId = [1; 16];
    const BLUE: PoolId = [2; 16];

    /// Queues and the clock that their cycles go by.
    #[derive(Default)]
    struct Bench {
        queues: Queues<u32>,
        now: u64,
    }

    impl Bench {
        fn entry(&mut self, item: u32, pool: PoolId, kind: Kind) -> Entry<u32> {
            Entry {
                item,
                pool: self.queues.pool(pool),
                kind,
                no_delay: false,
                resent: false,
                enqueue_id: item.into(),
                timeout: 0,
                enqueued_at: 0,
            }
        }

        fn push(&mut self, item: u32, pool: PoolId, kind: Kind) {
            let entry = self.entry(item, pool, kind);
            self.queues.push(entry);
        }

        fn push_again(&mut self, item: u32, pool: PoolId) {
            let entry = self.entry(item, pool, Kind::Update);
            self.queues.push(Entry { resent: true, ..entry });
        }

        /// Runs a cycle in which VOS says that all pools have `space`.
        fn cycle(&mut self, space: Space) -> Vec<u32> {
            for pool in self.queues.begin_cycle(self.now) {
                self.queues.note_space(pool, &space, self.now);
            }
            self.queues.schedule_look();
            self.due(false)
        }

        fn due(&mut self, all: bool) -> Vec<u32> {
            let mut due = Vec::new();
            let turn = Turn { cycle: self.queues.cycle(), now: self.now, all, gc_delay: 30_000 };
            self.queues.take_due(&turn, &mut due);
            due
        }
    }

    #[test]
    fn io_runs_in_the_order_of_arrival_across_pools_behind_the_background_work() {
        let mut bench = Bench::default();
        bench.push(1, RED, Kind::Fetch);
        bench.push(2, BLUE, Kind::Update);
        bench.push(3, BLUE, Kind::Migrate);
        bench.push(4, BLUE, Kind::Gc);
        bench.push(5, RED, Kind::Scrub);
        bench.push(6, RED, Kind::Fetch);
        assert_eq!(bench.queues.queued(), &[1, 2, 1, 1, 1]);
        assert_eq!(bench.due(false), [5, 4, 3, 1, 2, 6]);
        assert!(bench.queues.is_empty());
    }

    #[test]
    fn a_request_that_was_sent_again_keeps_its_place() {
        let mut bench = Bench::default();
        bench.push(10, RED, Kind::Update);
        bench.push_again(12, RED);
        bench.push_again(7, RED);
        bench.push(11, RED, Kind::Update);
        assert_eq!(bench.due(false), [7, 10, 11, 12]);
    }

    #[test]
    fn what_may_not_run_yet_keeps_its_place() {
        let mut bench = Bench { now: 50_000, ..Bench::default() };
        for item in [3, 8] {
            bench.push(item, RED, Kind::Update);
            bench.push_again(item - 1, RED);
        }
        let scm = Medium { total: 100, left: 0 };
        let full = Space::Media { scm, nvme: None, non_evictable: None };
        assert!(bench.cycle(full).is_empty(), "all wait for space");
        bench.push(9, BLUE, Kind::Fetch);
        assert_eq!(bench.cycle(full), [9], "who takes no space does not wait");
        assert_eq!(bench.due(true), [2, 3, 7, 8], "nobody waits at the stop");
    }

    #[test]
    fn a_cycle_starts_no_more_io_of_a_pool_than_its_stacks_allow() {
        let mut bench = Bench::default();
        for item in 0..MAX_KICKED + 10 {
            bench.push(item + 1, RED, Kind::Update);
        }
        bench.push(1_000_000, BLUE, Kind::Update);
        let urgent = bench.entry(1_000_001, RED, Kind::Update);
        bench.queues.push(Entry { no_delay: true, ..urgent });
        let first = bench.due(false);
        assert_eq!(first.len(), MAX_KICKED as usize + 2);
        assert_eq!(first[first.len() - 2..], [1_000_000, 1_000_001]);
        assert_eq!(bench.due(false).len(), 10);
    }

    #[test]
    fn what_is_about_to_time_out_or_left_at_the_stop_runs_beyond_the_limits() {
        let mut bench = Bench::default();
        for item in 0..2 * MAX_KICKED {
            bench.push(item + 1, RED, Kind::Fetch);
        }
        let urgent = bench.entry(77_777, RED, Kind::Fetch);
        bench.queues.push(Entry { timeout: 1000, enqueued_at: 5, ..urgent });
        bench.now = 5 + 1000 - u64::from(MAX_CYCLE_TIME) + 1;
        let due_now = bench.due(false);
        assert_eq!(due_now.len(), MAX_KICKED as usize + 1);
        assert_eq!(due_now.last(), Some(&77_777));
        bench.now = 0;
        assert_eq!(bench.due(true).len(), MAX_KICKED as usize);
        assert!(bench.queues.is_empty());
    }

    #[test]
    fn what_was_started_lately_holds_the_system_back_from_the_next_cycle_on() {
        let mut bench = Bench { now: 10_000, ..Bench::default() };
        let scm = Medium { total: 100, left: 90 };
        let calm = Space::Media { scm, nvme: None, non_evictable: None };
        (0..2000).for_each(|item| bench.push(item + 1, RED, Kind::Fetch));
        (0..1000).for_each(|item| bench.push(item + 5001, RED, Kind::Gc));
        // The goal is 2,500, of which garbage collection may have everything as long as nothing was started.
        assert_eq!(bench.cycle(calm).len(), 2000 + 625);
        // 2,000 + 2,500 were started, the goal is still 2,500.
        assert_eq!(bench.cycle(calm).len(), 0);
        (0..2300).for_each(|item| bench.push(item + 9001, RED, Kind::Fetch));
        // 4,300 of fetches make 4,777, of which 4,500 are used: 277 are left.
        assert_eq!(bench.cycle(calm).len(), 2300 + 69);
    }

    #[test]
    fn vos_is_asked_for_a_new_pool_at_once_and_then_every_two_seconds() {
        let mut bench = Bench { now: 10_000, ..Bench::default() };
        let _red = bench.queues.pool(RED);
        bench.cycle(Space::Unknown);
        assert_eq!(bench.queues.begin_cycle(11_999).len(), 0);
        let _blue = bench.queues.pool(BLUE);
        assert_eq!(bench.queues.begin_cycle(11_999).len(), 1);
        bench.queues.schedule_look();
        assert_eq!(bench.queues.begin_cycle(12_000).len(), 2);
    }

    #[test]
    fn a_pool_is_forgotten_when_vos_does_not_know_it_and_it_has_no_requests() {
        let mut bench = Bench { now: 10_000, ..Bench::default() };
        bench.push(1, RED, Kind::Update);
        let blue = bench.queues.pool(BLUE);
        assert_eq!(bench.cycle(Space::NoPool), [1]);
        assert_eq!(bench.queues.pools.len(), 2);
        drop(blue);
        bench.now += 2000;
        bench.cycle(Space::Unknown);
        assert_eq!(bench.queues.pools.len(), 2);
        bench.now += 2000;
        bench.cycle(Space::NoPool);
        assert!(bench.queues.pools.is_empty());
    }

    #[test]
    fn overload_is_estimated_from_the_queued_io() {
        // Nothing queued: one cycle and one round trip.
        let least = MAX_CYCLE_TIME + ROUND_TRIP as u32;
        assert_eq!(least, 228);
        assert!(is_overloaded(&[0; KINDS], least - 1));
        assert!(!is_overloaded(&[0; KINDS], least));
        // 100,000 updates take a second, and background work half of that.
        assert!(is_overloaded(&[100_000, 0, 0, 0, 0], least + 1499));
        assert!(!is_overloaded(&[100_000, 0, 0, 0, 0], least + 1500));
        assert!(!is_overloaded(&[0, 0, u32::MAX, u32::MAX, u32::MAX], least));
        assert!(is_overloaded(&[(1 << 20) + 1, 0, 0, 0, 0], u32::MAX));
    }
}
