//! How many requests of each kind a cycle may start for a pool.
//!
//! Where there is space, clients go first, and what the system does for itself gets a share of the CPU. Under
//! space pressure, what gives space back gets its share, the larger the higher the pressure, and who takes space
//! has to wait for it. Shares are measured in the weights of the [window](super::window) and of what is queued.

use core::fmt;

use super::kind::{Kind, PerKind};
use super::window::Weights;

/// One kind of storage of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Medium {
    /// All of it, in bytes.
    pub total: u64,
    /// What clients may still take, in bytes.
    pub left: u64,
}

impl Medium {
    /// Whether more than `percent` of it is left.
    fn has_more_than(&self, percent: u32) -> bool {
        u128::from(self.left) > u128::from(self.total) * u128::from(percent) / 100
    }
}

impl fmt::Display for Medium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} bytes left", self.left, self.total)
    }
}

/// A level of space pressure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// More than this many percent of each medium are left.
    free: u32,
    /// Percent of the CPU that garbage collection and aggregation get.
    gc: u32,
}

/// The levels, from `SCHED_SPACE_PRESS_NONE` on.
const LEVELS: [Level; 6] = [
    Level { free: 40, gc: 10 },
    Level { free: 30, gc: 30 },
    Level { free: 20, gc: 45 },
    Level { free: 10, gc: 60 },
    Level { free: 5, gc: 75 },
    Level { free: 0, gc: 90 },
];

/// Space pressure of a pool: 0, `SCHED_SPACE_PRESS_NONE`, to 5.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pressure(u8);

impl Pressure {
    /// The pressure of a pool with these media: that of the fullest one.
    pub fn of(media: impl IntoIterator<Item = Medium> + Clone) -> Self {
        let fits = |level: &Level| media.clone().into_iter().all(|medium| medium.has_more_than(level.free));
        let highest = LEVELS.len() - 1;
        Pressure(LEVELS[..highest].iter().position(fits).unwrap_or(highest) as u8)
    }

    /// Its number.
    pub fn number(self) -> u8 {
        self.0
    }

    /// Whether there is any.
    pub fn is_felt(self) -> bool {
        u32::from(self.0) != abi::SCHED_SPACE_PRESS_NONE
    }

    fn level(self) -> Level {
        LEVELS[usize::from(self.0)]
    }

    /// Whether nothing is more urgent than to free space.
    fn is_highest(self) -> bool {
        usize::from(self.0) == LEVELS.len() - 1
    }
}

/// What decides how many requests of a pool may start.
#[derive(Clone, Debug)]
pub struct Situation<'a> {
    /// Its space pressure.
    pub pressure: Pressure,
    /// What it has started lately.
    pub started: &'a Weights,
    /// Counts the cycles, so that the kinds take turns.
    pub generation: u8,
    /// Whether something of it that frees space has work to do.
    pub gc_pending: bool,
    /// Whether it is under this pressure since so short a time that space may still be freed.
    pub pressure_recent: bool,
}

/// The most I/O requests of one pool that one cycle starts: 100 MiB of ULT stacks of 16 KiB.
pub const MAX_KICKED: u32 = (100 << 20) / 16384;

/// Percent of the CPU that rebuild and reintegration get where there is space.
const REBUILD: u32 = 30;
/// Where there is space, less than this in the window says that the CPU has time for everything.
const BUSY: u64 = 2500;

/// Requests of each kind that may start, of those that are queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits(PerKind<u32>);

impl Limits {
    /// Everything that is queued, unless that is more I/O than one cycle should start: then the kinds share the
    /// maximum in proportion.
    pub fn of(queued: &PerKind<u32>) -> Self {
        let mut limits = *queued;
        let io = u64::from(queued[Kind::Update as usize]) + u64::from(queued[Kind::Fetch as usize]);
        if io > u64::from(MAX_KICKED) {
            for kind in [Kind::Update, Kind::Fetch] {
                let limit = &mut limits[kind as usize];
                *limit = (u64::from(*limit) * u64::from(MAX_KICKED) / io) as u32;
            }
        }
        Limits(limits)
    }

    /// No request.
    pub const NONE: Limits = Limits([0; super::kind::KINDS]);

    /// Lowers the limits to what the pool's situation allows.
    pub fn throttle(&mut self, situation: &Situation<'_>) {
        if situation.pressure.is_felt() {
            self.free_space(situation);
        } else {
            self.serve_clients(situation);
        }
    }

    /// Takes one of `kind`, if any is left.
    pub fn take(&mut self, kind: Kind) -> bool {
        let left = &mut self.0[kind as usize];
        let granted = *left > 0;
        *left = left.saturating_sub(1);
        granted
    }

    fn has(&self, kind: Kind) -> bool {
        self.0[kind as usize] > 0
    }

    /// Where there is space: whatever is no I/O gets its share of the CPU, if there is I/O at all.
    fn serve_clients(&mut self, situation: &Situation<'_>) {
        let queued = Weights::of(&self.0);
        let started = situation.started;
        let io: u64 =
            [Kind::Update, Kind::Fetch].iter().map(|kind| started.get(*kind) + queued.get(*kind)).sum();
        if io == 0 {
            return;
        }
        let rebuilds = started.get(Kind::Migrate) != 0 || self.has(Kind::Migrate);
        let share = if rebuilds { REBUILD } else { situation.pressure.level().gc };
        let goal = (io * 100 / u64::from(100 - share)).max(BUSY);
        let Some(mut available) = goal.checked_sub(started.total()).filter(|available| *available > 0) else {
            for kind in [Kind::Gc, Kind::Migrate, Kind::Scrub] {
                self.0[kind as usize] = 0;
            }
            return;
        };
        self.share_in_turn(&mut available, situation.generation, Kind::Gc);
        self.share_scrub(available, situation.generation);
    }

    /// Under space pressure: the share of what frees space is kept up, from below and from above, if there is
    /// anything else at all.
    fn free_space(&mut self, situation: &Situation<'_>) {
        const OTHERS: [Kind; 3] = [Kind::Update, Kind::Fetch, Kind::Migrate];
        let started = situation.started;
        if OTHERS.iter().all(|kind| started.get(*kind) == 0 && !self.has(*kind)) {
            return;
        }
        let queued = Weights::of(&self.0);
        let share = situation.pressure.level().gc;
        let total = started.total() + queued.total();
        let gc = started.get(Kind::Gc) + queued.get(Kind::Gc);
        let goal = total * u64::from(share) / 100;
        let scrub = if gc < goal {
            self.hold_back_takers(situation, total - gc, total - goal)
        } else {
            if gc > goal && self.has(Kind::Gc) {
                let mut available = room(gc, goal, started.get(Kind::Gc), share);
                self.share(&mut available, Kind::Gc);
            }
            queued.get(Kind::Scrub)
        };
        self.share_scrub(scrub, situation.generation);
    }

    /// Lets updates and migration take what leaves the others, now at `taken`, at `goal`. Returns what is
    /// available after that.
    ///
    /// Nobody is held back when nothing is there to free space; nor for ever under the highest pressure, so that
    /// clients learn that the pool is full.
    fn hold_back_takers(&mut self, situation: &Situation<'_>, taken: u64, goal: u64) -> u64 {
        let may_free =
            if situation.pressure.is_highest() { situation.pressure_recent } else { situation.gc_pending };
        if !may_free {
            return 0;
        }
        let started = situation.started.total() - situation.started.get(Kind::Gc);
        let mut available = room(taken, goal, started, 100 - situation.pressure.level().gc);
        self.share_in_turn(&mut available, situation.generation, Kind::Update);
        available
    }

    /// Shares `available` between migration and `other`, each the first in every other cycle.
    fn share_in_turn(&mut self, available: &mut u64, generation: u8, other: Kind) {
        let order = if generation % 2 == 1 { [Kind::Migrate, other] } else { [other, Kind::Migrate] };
        order.into_iter().for_each(|kind| self.share(available, kind));
    }

    /// Scrubbing gets what is left, and in one of 256 cycles its turn in any case.
    fn share_scrub(&mut self, mut available: u64, generation: u8) {
        if generation != 0 {
            self.share(&mut available, Kind::Scrub);
        }
    }

    /// Lowers the limit of `kind` to what `available` allows, and takes that from it.
    fn share(&mut self, available: &mut u64, kind: Kind) {
        let limit = &mut self.0[kind as usize];
        let wanted = u64::from(*limit) * kind.weight();
        if *available <= wanted {
            *limit = (*available / kind.weight()).min(u64::from(*limit)) as u32;
            *available = 0;
        } else {
            *available -= wanted;
        }
    }
}

/// How much may start so that a kind, which has `current` with all that is queued, gets `percent` of the sum,
/// which is `goal` now: what is taken away from the kind is taken away from the sum too. `started` of it has been
/// started already.
fn room(current: u64, goal: u64, started: u64, percent: u32) -> u64 {
    let excess = (current - goal) * 100 / u64::from(100 - percent);
    current.saturating_sub(excess).saturating_sub(started)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pool whose media have these many percent left.
    fn pressure(percents: &[u64]) -> u8 {
        let media: Vec<_> = percents.iter().map(|left| Medium { total: 1000, left: left * 10 }).collect();
        Pressure::of(media).number()
    }

    #[test]
    fn pressure_rises_with_the_fullest_medium() {
        let left = [100, 41, 40, 31, 30, 21, 20, 11, 10, 6, 5, 0];
        assert_eq!(left.map(|left| pressure(&[left])), [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
        assert_eq!(pressure(&[90, 15, 35]), 3);
        assert_eq!(pressure(&[90, 90, 5]), 5);
        assert_eq!(Pressure::of([]).number(), 0);
        let huge = Medium { total: u64::MAX, left: u64::MAX / 2 };
        assert_eq!(Pressure::of([huge]).number(), 0);
    }

    #[test]
    fn the_share_of_what_frees_space_rises_with_the_pressure() {
        assert_eq!(LEVELS.map(|level| level.gc), [10, 30, 45, 60, 75, 90]);
        assert_eq!(LEVELS.map(|level| level.free), [40, 30, 20, 10, 5, 0]);
    }

    #[test]
    fn limits_are_shared_in_proportion() {
        assert_eq!(Limits::of(&[1, 2, 3, 4, 5]), Limits([1, 2, 3, 4, 5]));
        let limits = Limits::of(&[3 * MAX_KICKED, MAX_KICKED, 9, 9, 9]);
        assert_eq!(limits, Limits([MAX_KICKED / 4 * 3, MAX_KICKED / 4, 9, 9, 9]));
        assert_eq!(MAX_KICKED, 6400);
    }

    /// A situation to vary.
    struct Case {
        pressure: u8,
        /// Started requests, by kind.
        started: PerKind<u32>,
        generation: u8,
        gc_pending: bool,
        pressure_recent: bool,
    }

    const CALM: Case =
        Case { pressure: 0, started: [0; 5], generation: 2, gc_pending: true, pressure_recent: true };

    impl Case {
        fn limits(&self, queued: PerKind<u32>) -> PerKind<u32> {
            let mut limits = Limits::of(&queued);
            limits.throttle(&Situation {
                pressure: Pressure(self.pressure),
                started: &Weights::of(&self.started),
                generation: self.generation,
                gc_pending: self.gc_pending,
                pressure_recent: self.pressure_recent,
            });
            limits.0
        }
    }

    #[test]
    fn without_io_the_system_runs_at_full_speed() {
        assert_eq!(CALM.limits([0, 0, 5000, 5000, 5000]), [0, 0, 5000, 5000, 5000]);
    }

    #[test]
    fn where_there_is_space_the_system_shares_what_clients_leave() {
        // 10,000 of fetches: the goal is 11,111 with garbage collection only, so that has 1,111: 277 of 4.
        let busy = Case { started: [0, 10_000, 0, 0, 0], ..CALM };
        assert_eq!(busy.limits([7, 0, 1000, 0, 0]), [7, 0, 281, 0, 0], "7 updates add 15 to it");
        assert_eq!(busy.limits([0, 0, 1000, 10, 0]), [0, 0, 277, 0, 0]);
        assert_eq!(busy.limits([0, 0, 100, 1000, 0]), [0, 0, 100, 237, 0], "711 left for scrubbing");
        // With a rebuild the goal is 14,285.
        assert_eq!(busy.limits([0, 0, 1000, 0, 2000]), [0, 0, 1000, 0, 142]);
        let odd = Case { generation: 3, ..busy };
        assert_eq!(odd.limits([0, 0, 1000, 0, 2000]), [0, 0, 71, 0, 2000]);
    }

    #[test]
    fn a_cpu_with_time_to_spare_does_everything_and_a_busy_one_nothing_but_io() {
        let idle = Case { started: [0, 10, 0, 0, 0], ..CALM };
        assert_eq!(idle.limits([0, 0, 100, 100, 100]), [0, 0, 100, 100, 100]);
        let full = Case { started: [0, 9000, 250, 0, 0], ..CALM };
        assert_eq!(full.limits([0, 0, 9, 9, 0]), [0, 0, 0, 0, 0], "10,000 are the goal and done");
        assert_eq!(full.limits([3, 4, 0, 0, 0]), [3, 4, 0, 0, 0], "I/O is never held back here");
    }

    #[test]
    fn scrubbing_gets_one_turn_of_256() {
        let busy = Case { started: [0, 10_000, 0, 0, 0], ..CALM };
        assert_eq!(busy.limits([0, 0, 1000, 10, 0])[Kind::Scrub as usize], 0);
        let turn = Case { generation: 0, ..busy };
        assert_eq!(turn.limits([0, 0, 1000, 10, 0])[Kind::Scrub as usize], 10);
    }

    #[test]
    fn under_pressure_nothing_is_held_back_without_io() {
        let case = Case { pressure: 5, started: [0, 0, 10, 10, 0], ..CALM };
        assert_eq!(case.limits([0, 0, 500, 500, 0]), [0, 0, 500, 500, 0]);
    }

    #[test]
    fn under_pressure_updates_wait_for_those_who_free_space() {
        // Level 3: 60 percent are theirs. They have 600 of 1,000 + 2,000 of updates = 3,000; the goal is 1,800.
        // Others have 2,400 and may have 1,200: 2,000 percent of 60 are taken away, 400 are left.
        let case = Case { pressure: 3, started: [0, 400, 150, 0, 0], ..CALM };
        assert_eq!(case.limits([1000, 50, 0, 0, 0]), [0, 50, 0, 0, 0]);
        let later = Case { started: [0, 400, 300, 0, 0], ..case };
        // 1,200 of 3,600; others 2,400 with a goal of 1,440: 1,600 too many, 800 of which 400 are done.
        assert_eq!(later.limits([1000, 0, 0, 0, 0]), [200, 0, 0, 0, 0]);
        assert_eq!(later.limits([900, 0, 0, 0, 100]), [200, 0, 0, 0, 0]);
        let odd = Case { generation: 1, ..later };
        assert_eq!(odd.limits([900, 0, 0, 0, 100]), [100, 0, 0, 0, 100]);
    }

    #[test]
    fn who_frees_space_gets_no_more_than_its_share() {
        // Level 1: 30 percent. 400 + 4 * 200 of 2,000: 600 would be right, so 600 / 0.7 = 857 are too many.
        let case = Case { pressure: 1, started: [0, 800, 50, 0, 0], ..CALM };
        assert_eq!(case.limits([0, 0, 250, 0, 0]), [0, 0, 35, 0, 0]);
        assert_eq!(case.limits([0, 0, 250, 5, 0])[Kind::Scrub as usize], 5, "its share is kept");
    }

    #[test]
    fn updates_wait_only_while_space_may_be_freed() {
        let queued = [1000, 0, 0, 0, 0];
        let sleeping = Case { pressure: 3, started: [0, 400, 150, 0, 0], gc_pending: false, ..CALM };
        assert_eq!(sleeping.limits(queued), queued);
        let full = Case { pressure: 5, gc_pending: false, ..sleeping };
        assert_eq!(full.limits(queued)[0], 0, "the highest pressure waits for sleepers too");
        let hopeless = Case { pressure_recent: false, gc_pending: true, ..full };
        assert_eq!(hopeless.limits(queued), queued, "but not for ever");
    }

    #[test]
    fn no_situation_overflows_or_raises_a_limit() {
        let counts = [0, 1, 77, 1_000_000, u32::MAX];
        for pressure in 0..=5 {
            for generation in [0, 1, 2, 255] {
                for n in 0..625_usize {
                    let pick = |shift: usize| counts[n / 5_usize.pow(shift as u32 % 4) % 5];
                    let queued = [pick(0), pick(1), pick(2), pick(3), pick(1)];
                    let started = [pick(3), pick(2), pick(1), pick(0), pick(0)];
                    let case = Case { pressure, started, generation, ..CALM };
                    let limits = case.limits(queued);
                    assert!(limits.iter().zip(queued).all(|(limit, queued)| *limit <= queued), "{limits:?}");
                }
            }
        }
    }
}
