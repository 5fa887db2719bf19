//! How an idle xstream spends its time: asleep.
//!
//! It sleeps until another thread pushes a unit to one of its pools or its first sleeper is due; where it has a network
//! context, also until a message arrives. Without one it is parked in its pools (`ABTX_pool_wait` of the runtime wakes it
//! within microseconds). With one it sleeps in the network's poll, `crt_progress`, and the runtime wakes that when there
//! is a push (`ABTX_pool_watch`).
//!
//! Waking a thread costs tens of microseconds, so an xstream that was needed again soon after it ran out of work
//! stays awake for a moment before it sleeps ([`Alertness`]), as long as that pays.

use core::cell::{Cell, RefCell};
use core::ffi::{c_int, c_void};
use core::time::Duration;

use crate::inline;
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
    /// Since when there is nothing to do but to poll the network.
    since: Cell<Option<u64>>,
    /// It stays awake for a moment, and polls.
    awake: Cell<bool>,
    /// A push wakes the network's poll.
    watching: Cell<bool>,
}

impl Scheduler {
    /// Sleeps if there is nothing to do in a cycle of `units` units, or has the network's poll sleep. Returns whether
    /// time has passed.
    pub fn relax(&self, units: usize) -> bool {
        self.end_watch();
        if units > 0 {
            self.idle.draining.set(0);
            self.end_idle_time();
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
        if self.polls_network() {
            self.rest_in_network();
            return false;
        }
        self.rest();
        true
    }

    /// Stays awake, if that promises to be short, or lets the next poll of the network sleep.
    fn rest_in_network(&self) {
        let now = precise_ns();
        let began = self.idle.since.get().unwrap_or_else(|| {
            self.idle.since.set(Some(now));
            self.idle.awake.set(self.idle.alertness.borrow_mut().stays_awake());
            now
        });
        if self.idle.awake.get() {
            if now - began < ALERT.as_nanos() as u64 {
                // Who makes the work may need this core.
                return std::thread::yield_now();
            }
            self.idle.awake.set(false);
            self.idle.alertness.borrow_mut().failed();
        }
        self.watch(duration(self.next_event()));
    }

    /// There is work again.
    fn end_idle_time(&self) {
        let Some(began) = self.idle.since.take() else { return };
        let idle = Duration::from_nanos(precise_ns() - began);
        let mut alertness = self.idle.alertness.borrow_mut();
        if self.idle.awake.take() {
            alertness.paid();
        }
        alertness.note(idle);
        self.metrics.relax(idle);
    }

    /// Lets the next poll of the network sleep for `longest`, until a message or a push.
    fn watch(&self, longest: Duration) {
        // SAFETY: the engine's own data of this thread.
        let context = inline::module_info().map(|info| unsafe { (*info.as_ptr()).dmi_ctx });
        let Some(context) = context.filter(|context| !context.is_null()) else { return };
        // SAFETY: pools of this xstream; the context is destroyed when nothing is watched any more.
        let rc = unsafe { abi::ABTX_pool_watch(self.watched().as_ptr(), 2, Some(wake), context) };
        if rc == abi::ABT_SUCCESS {
            self.idle.watching.set(true);
            self.set_network_timeout(longest);
        }
    }

    /// Whether the next poll of the network may sleep.
    pub fn rests_in_network(&self) -> bool {
        self.idle.watching.get()
    }

    /// The poll of the network is over, and the next one does not sleep.
    fn end_watch(&self) {
        if self.idle.watching.take() {
            self.set_network_timeout(Duration::ZERO);
            // SAFETY: as in `watch`, for the same pools.
            unsafe { abi::ABTX_pool_unwatch(self.watched().as_ptr(), 2) };
        }
    }

    /// The pools that others push to: all but that of the ULT that polls the network.
    fn watched(&self) -> [abi::ABT_pool; 2] {
        [self.pool(Pool::Nvme), self.pool(Pool::Generic)]
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

/// Ends the sleep of a network context.
unsafe extern "C" fn wake(context: *mut c_void) {
    // SAFETY: the context that was given with this function, and is watched.
    unsafe { abi::crtx_context_wake(context) };
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
