//! What the scheduler of an xstream knows of a pool that has requests there.

use core::cell::{Cell, RefCell};
use core::fmt;

use super::kind::{KINDS, Kind, PerKind};
use super::throttle::{Limits, Medium, Pressure, Situation};
use super::window::Window;

/// A pool's UUID.
pub type PoolId = abi::uuid_t;

/// How old the knowledge of a pool's space may get, in milliseconds.
const SPACE_AGE: u64 = 2000;

/// What VOS says of a pool's space on this target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// The media that the pool uses, with what clients may take of them.
    Media {
        /// Memory, persistent or not.
        scm: Medium,
        /// NVMe, if it is used.
        nvme: Option<Medium>,
        /// Memory whose content cannot be evicted, if that is counted.
        non_evictable: Option<Medium>,
    },
    /// The pool is not open here.
    NoPool,
    /// There is no VOS.
    NoStorage,
    /// Not to be had now.
    Unknown,
}

impl Space {
    fn pressure(&self) -> Option<Pressure> {
        match *self {
            Space::Media { scm, nvme, non_evictable } => {
                Some(Pressure::of([Some(scm), nvme, non_evictable].into_iter().flatten()))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Space::Media { scm, nvme, non_evictable } = self else { return f.write_str("unknown") };
        write!(f, "SCM {scm}")?;
        if let Some(nvme) = nvme {
            write!(f, ", NVMe {nvme}")?;
        }
        if let Some(memory) = non_evictable {
            write!(f, ", memory that cannot be evicted {memory}")?;
        }
        Ok(())
    }
}

/// A pool as its xstream sees it. Its requests hold it; it is forgotten when it has none and VOS does not know it
/// any more.
#[derive(Debug)]
pub struct Pool {
    /// Its UUID.
    pub id: PoolId,
    /// The cycle in which it was met.
    since: u64,
    /// Queued requests of each kind, I/O included.
    queued: Cell<PerKind<u32>>,
    /// What this cycle may still start.
    limits: Cell<Limits>,
    window: RefCell<Window>,
    /// Whether its space is known, so that it is throttled.
    has_storage: Cell<bool>,
    pressure: Cell<Pressure>,
    /// Since when it is under this pressure, in milliseconds.
    pressure_since: Cell<u64>,
    /// When VOS is to be asked again, in milliseconds.
    next_look: Cell<u64>,
    /// Requests that free space, and how many of them sleep.
    gc: Cell<(u32, u32)>,
}

/// What all pools of a cycle have in common.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    /// Its number.
    pub cycle: u64,
    /// When it began, in milliseconds.
    pub now: u64,
    /// Whether everything is to be started, whatever the limits are.
    pub all: bool,
    /// How long after a change space may be freed, in milliseconds.
    pub gc_delay: u64,
}

impl Pool {
    /// A pool that is met in cycle `since`.
    pub fn new(id: PoolId, since: u64) -> Self {
        Pool {
            id,
            since,
            queued: Cell::default(),
            limits: Cell::new(Limits::NONE),
            window: RefCell::default(),
            has_storage: Cell::new(true),
            pressure: Cell::default(),
            pressure_since: Cell::default(),
            next_look: Cell::default(),
            gc: Cell::default(),
        }
    }

    // ---- requests -------------------------------------------------------------------------------------------

    /// A request of `kind` was queued.
    pub fn queue(&self, kind: Kind) {
        let mut queued = self.queued.get();
        queued[kind as usize] += 1;
        self.queued.set(queued);
    }

    /// A request of `kind` was started.
    pub fn start(&self, kind: Kind) {
        let mut queued = self.queued.get();
        queued[kind as usize] -= 1;
        self.queued.set(queued);
        self.window.borrow_mut().note(kind);
    }

    /// Whether no request of it is queued.
    pub fn is_idle(&self) -> bool {
        self.queued.get() == [0; KINDS]
    }

    /// Decides what this cycle may start.
    pub fn begin(&self, turn: &Turn) {
        let mut limits = Limits::of(&self.queued.get());
        if self.has_storage.get() {
            let mut window = self.window.borrow_mut();
            window.advance(turn.cycle);
            limits.throttle(&Situation {
                pressure: self.pressure.get(),
                started: window.weights(),
                generation: (turn.cycle - self.since) as u8,
                gc_pending: self.gc_pending(),
                pressure_recent: turn.now - self.pressure_since.get() < turn.gc_delay,
            });
        }
        self.limits.set(limits);
    }

    /// Takes one request of `kind` from what this cycle may start; false when nothing is left.
    pub fn take(&self, kind: Kind) -> bool {
        let mut limits = self.limits.get();
        let granted = limits.take(kind);
        self.limits.set(limits);
        granted
    }

    // ---- space ----------------------------------------------------------------------------------------------

    /// Whether what is known of its space is too old at `now` (milliseconds).
    pub fn is_stale(&self, now: u64) -> bool {
        now >= self.next_look.get()
    }

    /// When that will be.
    pub fn next_look(&self) -> u64 {
        self.next_look.get()
    }

    /// Space pressure, as far as it is known.
    pub fn pressure(&self) -> Pressure {
        self.pressure.get()
    }

    /// Takes note of what VOS says at `now`. Returns the pressure under which the pool has come.
    pub fn note_space(&self, space: &Space, now: u64) -> Option<Pressure> {
        self.next_look.set(now + SPACE_AGE);
        self.has_storage.set(*space != Space::NoStorage);
        let pressure = space.pressure()?;
        let changed = pressure != self.pressure.replace(pressure) && pressure.is_felt();
        changed.then(|| {
            self.pressure_since.set(now);
            pressure
        })
    }

    // ---- those who free space -------------------------------------------------------------------------------

    /// Requests that free space come or go.
    pub fn count_gc(&self, change: i32) {
        let (all, asleep) = self.gc.get();
        self.gc.set((all.saturating_add_signed(change), asleep));
    }

    /// Requests that free space fall asleep or wake.
    pub fn count_gc_asleep(&self, change: i32) {
        let (all, asleep) = self.gc.get();
        self.gc.set((all, asleep.saturating_add_signed(change)));
    }

    fn gc_pending(&self) -> bool {
        let (all, asleep) = self.gc.get();
        all > asleep
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media(left: u64) -> Space {
        let scm = Medium { total: 100, left };
        Space::Media { scm, nvme: None, non_evictable: None }
    }

    #[test]
    fn the_fullest_medium_counts_and_missing_ones_do_not() {
        let scm = Medium { total: 100, left: 90 };
        let nvme = Some(Medium { total: 100, left: 25 });
        let low = Some(Medium { total: 100, left: 3 });
        for (space, number) in [
            (Space::Media { scm, nvme: None, non_evictable: None }, 0),
            (Space::Media { scm, nvme, non_evictable: None }, 2),
            (Space::Media { scm, nvme, non_evictable: low }, 5),
        ] {
            assert_eq!(space.pressure().map(Pressure::number), Some(number));
        }
        for space in [Space::NoPool, Space::NoStorage, Space::Unknown] {
            assert_eq!(space.pressure(), None);
        }
        assert_eq!(
            Space::Media { scm, nvme, non_evictable: low }.to_string(),
            "SCM 90 of 100 bytes left, NVMe 25 of 100 bytes left, memory that cannot be evicted 3 of 100 bytes left"
        );
    }

    #[test]
    fn space_is_asked_for_every_two_seconds() {
        let pool = Pool::new([1; 16], 0);
        assert!(pool.is_stale(50_000));
        pool.note_space(&Space::Unknown, 50_000);
        assert!(!pool.is_stale(51_999));
        assert!(pool.is_stale(52_000));
    }

    #[test]
    fn a_change_of_pressure_is_told_once_and_an_unknown_one_is_kept() {
        let pool = Pool::new([1; 16], 0);
        assert_eq!(pool.note_space(&media(90), 1000), None);
        assert_eq!(pool.note_space(&media(15), 3000).map(Pressure::number), Some(3));
        assert_eq!(pool.note_space(&media(14), 5000), None);
        assert_eq!(pool.note_space(&Space::NoPool, 7000), None);
        assert_eq!((pool.pressure().number(), pool.pressure_since.get()), (3, 3000));
        assert_eq!(pool.note_space(&media(90), 9000), None, "relief is no news");
        assert_eq!(pool.pressure().number(), 0);
    }

    fn turn(cycle: u64, now: u64) -> Turn {
        Turn { cycle, now, all: false, gc_delay: 30_000 }
    }

    /// How many requests of `kind` the pool may start.
    fn granted(pool: &Pool, kind: Kind) -> usize {
        core::iter::from_fn(|| pool.take(kind).then_some(())).count()
    }

    #[test]
    fn the_highest_pressure_holds_updates_back_for_the_time_that_freeing_takes() {
        let pool = Pool::new([1; 16], 0);
        pool.note_space(&media(0), 1000);
        for _ in 0..100 {
            pool.queue(Kind::Update);
        }
        pool.begin(&turn(2, 1000));
        assert_eq!(granted(&pool, Kind::Update), 0);
        pool.begin(&turn(3, 30_999));
        assert_eq!(granted(&pool, Kind::Update), 0);
        pool.begin(&turn(4, 31_000));
        assert_eq!(granted(&pool, Kind::Update), 100);
    }

    #[test]
    fn sleepers_free_no_space() {
        let pool = Pool::new([1; 16], 0);
        pool.note_space(&media(15), 1000);
        pool.queue(Kind::Update);
        pool.begin(&turn(2, 1000));
        assert_eq!(granted(&pool, Kind::Update), 1, "nobody is there to free space");
        pool.count_gc(1);
        pool.begin(&turn(2, 1000));
        assert_eq!(granted(&pool, Kind::Update), 0);
        pool.count_gc_asleep(1);
        pool.begin(&turn(2, 1000));
        assert_eq!(granted(&pool, Kind::Update), 1);
        pool.count_gc_asleep(-1);
        pool.count_gc(-1);
        assert_eq!(pool.gc.get(), (0, 0));
    }

    #[test]
    fn without_storage_nothing_is_throttled() {
        let pool = Pool::new([1; 16], 0);
        pool.queue(Kind::Fetch);
        pool.begin(&turn(1, 1000));
        for _ in 0..10_000 {
            pool.queue(Kind::Fetch);
            pool.start(Kind::Fetch);
            pool.queue(Kind::Gc);
        }
        pool.begin(&turn(2, 1000));
        assert!(granted(&pool, Kind::Gc) < 1000);
        pool.note_space(&Space::NoStorage, 1000);
        pool.begin(&turn(2, 1000));
        assert_eq!(granted(&pool, Kind::Gc), 10_000);
    }
}
