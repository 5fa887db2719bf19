//! Rest in the network's poll, which a message ends at once, and for how long an xstream naps that nothing else
//! can wake.
// Where a push wakes an xstream there are no naps.
#![cfg_attr(feature = "embedded", allow(dead_code))]

use core::ffi::c_uint;
use core::time::Duration;

use super::scheduler::Scheduler;

impl Scheduler {
    /// Whether this xstream polls the network.
    pub(super) fn polls_network(&self) -> bool {
        // SAFETY: a plain word of a live xstream, written by its own ULT that polls the network.
        unsafe { (&raw const (*self.dx.as_ptr()).dx_progress_started).read_volatile() }
    }

    /// How long the next poll of the network may wait for a message.
    pub(super) fn set_network_timeout(&self, timeout: Duration) {
        // Up: a sleeper that is due in a moment is not due yet.
        let micros = timeout.as_nanos().div_ceil(1000).try_into().unwrap_or(u32::MAX);
        // SAFETY: a plain word of a live xstream, which its own ULT reads that polls the network.
        unsafe { (&raw mut (*self.dx.as_ptr()).dx_timeout).write_volatile(micros) };
    }
}

/// How an xstream rests between two cycles.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rest {
    /// Not at all.
    Awake,
    /// It lets threads run that wait for its CPU, and goes on as soon as none does.
    ///
    /// The kernel lets a thread that polls use up its time, some milliseconds, before others have theirs. Where
    /// there are more xstreams and clients than cores, what is waited for would come that much later.
    Yield,
    /// For milliseconds: see [`nap`].
    Nap,
}

impl Rest {
    /// How to rest in a cycle of `units` units when `sched_relax_mode` is `mode`. `is_quiet` says whether nothing
    /// has happened for long.
    pub fn new(units: usize, mode: c_uint, is_quiet: impl FnOnce() -> bool) -> Self {
        if units > 0 || mode == abi::SCHED_RELAX_MODE_DISABLED {
            Rest::Awake
        } else if is_quiet() {
            Rest::Nap
        } else {
            Rest::Yield
        }
    }
}

/// How long nothing must have happened before the first nap, in milliseconds.
pub const QUIET: u64 = 8000;

/// How long to nap: `interval` milliseconds, `sched_relax_intvl`, or until the next event, which is `next`
/// nanoseconds away. In whole milliseconds, as CaRT waits, and never for none of them.
pub fn nap(interval: u32, next: Option<u64>) -> Duration {
    let interval = interval.clamp(1, abi::SCHED_RELAX_INTVL_MAX);
    let next = next.map_or(u64::MAX, |next| next.div_ceil(1_000_000).max(1));
    Duration::from_millis(next.min(interval.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_xstream_rests_unless_it_is_told_not_to() {
        let rest = |units, mode, quiet| Rest::new(units, mode, || quiet);
        for mode in [abi::SCHED_RELAX_MODE_NET, abi::SCHED_RELAX_MODE_SLEEP] {
            assert_eq!(rest(1, mode, true), Rest::Awake);
            assert_eq!(rest(0, mode, false), Rest::Yield);
            assert_eq!(rest(0, mode, true), Rest::Nap);
        }
        assert_eq!(rest(0, abi::SCHED_RELAX_MODE_DISABLED, true), Rest::Awake);
    }

    #[test]
    fn naps_are_short_and_end_with_the_next_event() {
        let millis = |interval, next| nap(interval, next).as_millis();
        assert_eq!(millis(1, None), 1);
        assert_eq!(millis(100, None), 100);
        assert_eq!(millis(100, Some(2_500_000)), 3);
        assert_eq!(millis(100, Some(2_000_000)), 2);
        assert_eq!(millis(100, Some(0)), 1, "CaRT would not wait at all");
        assert_eq!(millis(0, None), 1, "nor for 0 ms");
        assert_eq!(millis(1000, None), 100);
    }
}
