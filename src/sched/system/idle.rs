//! How an idle xstream spends its time: it polls, as long as nobody else wants its CPU; after a while it takes short
//! naps, in the network's poll where it has a network.
//!
//! Neither a message nor a unit that another thread pushes to a pool can be waited for together, so a nap has to
//! be short, and an xstream naps only when nothing has happened for a while. A nap is passed within `crt_progress`,
//! which a message ends at once: the ULT that polls the network reads the time for it from `dx_timeout`.

use core::cell::Cell;
use core::time::Duration;

use crate::sched::cycle::Pool;
use crate::sched::parameter;
use crate::sched::rest::{QUIET, Rest, nap};
use crate::sched::scheduler::Scheduler;

/// What an xstream remembers of its idle times.
#[derive(Debug, Default)]
pub struct Idle {
    /// Whether the next poll of the network may nap.
    in_network: Cell<bool>,
}

impl Scheduler {
    /// Rests, or has the network's poll nap, if there is nothing to do in a cycle of `units` units. Returns whether
    /// time has passed.
    pub fn relax(&self, units: usize) -> bool {
        if self.idle.in_network.replace(false) {
            self.set_network_timeout(Duration::ZERO);
        }
        match Rest::new(units, parameter!(sched_relax_mode), || self.is_quiet()) {
            Rest::Awake => false,
            Rest::Yield => {
                std::thread::yield_now();
                true
            }
            Rest::Nap => self.nap(),
        }
    }

    /// Naps, or has the network's poll nap. Returns whether time has passed.
    fn nap(&self) -> bool {
        let nap = nap(parameter!(sched_relax_intvl), self.next_event());
        self.metrics.relax(nap);
        if self.polls_network() && parameter!(sched_relax_mode) != abi::SCHED_RELAX_MODE_SLEEP {
            self.set_network_timeout(nap);
            self.idle.in_network.set(true);
            return false;
        }
        std::thread::sleep(nap);
        true
    }

    /// Whether the next poll of the network may nap.
    pub fn rests_in_network(&self) -> bool {
        self.idle.in_network.get()
    }

    /// Whether nothing has happened for long, and nothing is about to.
    fn is_quiet(&self) -> bool {
        if self.stopping.get() || !self.queues.borrow().is_empty() {
            return false;
        }
        // SAFETY: plain words of a live xstream; other xstreams write the timestamp too.
        let (busy, waiting) = unsafe {
            (
                (&raw const (*self.info()).si_stats.ss_busy_ts).read_volatile(),
                (&raw const (*self.info()).si_wait_cnt).read_volatile(),
            )
        };
        self.now().saturating_sub(busy) >= QUIET && self.blocked() <= self.sleeping() + waiting as usize
    }

    /// ULTs of the generic pool that are not ready.
    ///
    /// One that neither sleeps nor waits for long waits for another xstream, which will soon wake it.
    fn blocked(&self) -> usize {
        let mut size = 0;
        // SAFETY: the pool lives as long as the scheduler.
        let rc = unsafe { abi::ABT_pool_get_total_size(self.pool(Pool::Generic), &raw mut size) };
        if rc == abi::ABT_SUCCESS { size } else { usize::MAX }
    }
}
