//! How an idle xstream spends its time: asleep.
//!
//! There is nothing to poll, so an xstream sleeps until another thread pushes a unit to one of its pools
//! (`ABTX_pool_wait` of the runtime wakes it within microseconds) or its first sleeper is due.
//!
//! Waking a thread costs tens of microseconds, so an xstream that was needed again soon after it ran out of work
//! stays awake for a moment before it sleeps ([`Alertness`]), as long as that pays.

use core::cell::{Cell, RefCell};
use core::ffi::c_int;
use core::time::Duration;

use crate::sched::clock::precise_ns;
use crate::sched::cycle::Pool;
use crate::sched::parameter;
use crate::sched::scheduler::Scheduler;

/// The longest sleep; a net under the wake-ups, and short enough not to matter.
const LONGEST: Duration = Duration::from_secs(1);
/// The longest sleep of an xstream that drains its ULTs: its progress ULT has to look again and again.
const DRAINING: Duration = Duration::from_millis(1);
/// Idle cycles of a draining xstream before it starts to sleep between them.
const DRAINING_SPINS: u32 = 64;

/// How long an alert xstream stays awake: about what falling asleep and being woken take together.
const ALERT: Duration = Duration::from_micros(100);

/// Decides whether to stay awake for a moment when work runs out.
///
/// It pays when work came within [`ALERT`] the last time. Where it does not pay, because the next work comes
/// from a thread that needs the same core, it is tried ever more rarely.
#[derive(Debug, Default)]
struct Alertness {
    /// Whether work came soon the last time.
    soon: bool,
    /// How many times more not to try.
    rest: u32,
    /// How many times not to try after the next failure.
    penalty: u32,
}

impl Alertness {
    /// The longest row of times that it is not tried.
    const MAX_PENALTY: u32 = 256;

    /// Work has run out: whether to stay awake.
    fn stays_awake(&mut self) -> bool {
        if !self.soon {
            return false;
        }
        if self.rest > 0 {
            self.rest -= 1;
            return false;
        }
        true
    }

    /// Work came while staying awake.
    fn paid(&mut self) {
        self.penalty = 0;
    }

    /// Work did not come while staying awake.
    fn failed(&mut self) {
        self.penalty = (2 * self.penalty + 1).min(Self::MAX_PENALTY);
        self.rest = self.penalty;
    }

    /// Work came, `idle` after it had run out.
    fn note(&mut self, idle: Duration) {
        // Being woken is part of the time if the xstream slept.
        self.soon = idle <= 2 * ALERT;
    }
}

/// What an xstream remembers of its idle times.
#[derive(Debug, Default)]
pub struct Idle {
    alertness: RefCell<Alertness>,
    /// Idle cycles since it began to drain its ULTs.
    draining: Cell<u32>,
}

impl Scheduler {
    /// Sleeps if there is nothing to do in a cycle of `units` units. Returns whether it did.
    pub fn relax(&self, units: usize) -> bool {
        if units > 0 {
            self.idle.draining.set(0);
            return false;
        }
        if !self.queues.borrow().is_empty() {
            return false;
        }
        if self.stopping.get() {
            let cycles = self.idle.draining.get().saturating_add(1);
            self.idle.draining.set(cycles);
            let sleeps = cycles > DRAINING_SPINS;
            if sleeps {
                sleep(&[self.pool(Pool::Generic)], DRAINING);
            }
            return sleeps;
        }
        if parameter!(sched_relax_mode) == abi::SCHED_RELAX_MODE_DISABLED {
            return false;
        }
        self.rest();
        true
    }

    /// Waits until there is something to do, first awake, if that promises to be short, then asleep.
    fn rest(&self) {
        let began = precise_ns();
        let mut alertness = self.idle.alertness.borrow_mut();
        let longest = duration(self.next_event());
        if alertness.stays_awake() {
            if self.watch_pools(began + longest.min(ALERT).as_nanos() as u64) {
                alertness.paid();
            } else {
                alertness.failed();
            }
        }
        let awake = Duration::from_nanos(precise_ns() - began);
        if self.pools_are_empty() && awake < longest {
            sleep(&self.pools, longest - awake);
        }
        let idle = Duration::from_nanos(precise_ns() - began);
        alertness.note(idle);
        self.metrics.relax(idle);
    }

    /// Watches the pools until one has a unit, which it returns, or until `end`.
    fn watch_pools(&self, end: u64) -> bool {
        loop {
            for _ in 0..32 {
                if !self.pools_are_empty() {
                    return true;
                }
                core::hint::spin_loop();
            }
            if precise_ns() >= end {
                return false;
            }
            // Who makes the work may need this core.
            std::thread::yield_now();
        }
    }

    fn pools_are_empty(&self) -> bool {
        self.pools.iter().all(|pool| {
            let mut size = 0;
            // SAFETY: the pool lives as long as the scheduler.
            unsafe { abi::ABT_pool_get_size(*pool, &raw mut size) };
            size == 0
        })
    }
}

/// How long to sleep when the next known event is `next` nanoseconds away.
fn duration(next: Option<u64>) -> Duration {
    next.map_or(LONGEST, |next| Duration::from_nanos(next).min(LONGEST))
}

/// Sleeps until one of `pools` has a unit, but no longer than `duration`.
fn sleep(pools: &[abi::ABT_pool], duration: Duration) {
    let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    // SAFETY: the pools of this xstream live as long as its scheduler.
    unsafe { abi::ABTX_pool_wait(pools.as_ptr(), pools.len() as c_int, nanos) };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs out of work `times` times, each time for `idle`; returns how often it stayed awake. Work comes only
    /// after `idle` and, if the worker is `starved` by who stays awake, not before that gives up.
    fn rounds(alertness: &mut Alertness, times: u32, idle: Duration, starved: bool) -> u32 {
        let mut awake = 0;
        for _ in 0..times {
            if alertness.stays_awake() {
                awake += 1;
                if idle <= ALERT && !starved { alertness.paid() } else { alertness.failed() }
            }
            alertness.note(idle);
        }
        awake
    }

    #[test]
    fn staying_awake_is_for_those_who_are_needed_soon() {
        let mut alertness = Alertness::default();
        assert_eq!(rounds(&mut alertness, 1000, Duration::from_millis(5), false), 0);
        assert_eq!(rounds(&mut alertness, 1000, Duration::from_micros(20), false), 999);
        assert_eq!(rounds(&mut alertness, 1000, Duration::from_millis(5), false), 1);
    }

    #[test]
    fn staying_awake_in_vain_is_tried_ever_more_rarely() {
        let mut alertness = Alertness::default();
        assert!(rounds(&mut alertness, 10_000, Duration::from_micros(20), true) < 60);
        assert!(rounds(&mut alertness, 1000, Duration::from_micros(20), false) > 700, "it recovers");
    }

    #[test]
    fn an_idle_xstream_sleeps_until_the_next_event_but_never_for_ever() {
        assert_eq!(duration(Some(1_500_000)), Duration::from_micros(1500));
        assert_eq!(duration(Some(0)), Duration::ZERO);
        assert_eq!(duration(Some(u64::MAX)), LONGEST);
        assert_eq!(duration(None), LONGEST);
    }
}
