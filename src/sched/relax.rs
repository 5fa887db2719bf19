//! How an idle xstream spends its time: asleep.
//!
//! In embedded mode there is nothing to poll, so an xstream sleeps until another thread pushes a unit to one of
//! its pools (`ABTX_pool_wait` of the runtime wakes it within microseconds) or its first sleeper is due. Over
//! another Argobots no push can wake it: there it naps for `sched_relax_intvl`, and only after eight quiet
//! seconds, as the C engine does.

use core::time::Duration;

/// The longest sleep; a net under the wake-ups, and short enough not to matter.
const LONGEST: Duration = Duration::from_secs(1);
/// The longest sleep of an xstream that drains its ULTs: its progress ULT has to look again and again.
pub const DRAINING: Duration = Duration::from_millis(1);
/// Idle cycles of a draining xstream before it starts to sleep between them.
pub const DRAINING_SPINS: u32 = 64;

/// How long to sleep when the next known event is `next` nanoseconds away.
pub fn duration(next: Option<u64>) -> Duration {
    next.map_or(LONGEST, |next| Duration::from_nanos(next).min(LONGEST))
}

/// Sleeps until one of `pools` has a unit, but no longer than `duration`.
#[cfg(feature = "embedded")]
pub fn sleep(pools: &[abi::ABT_pool], duration: Duration) {
    let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    // SAFETY: the pools of this xstream live as long as its scheduler.
    unsafe { abi::ABTX_pool_wait(pools.as_ptr(), pools.len() as core::ffi::c_int, nanos) };
}

/// Naps; see the module's description.
#[cfg(not(feature = "embedded"))]
pub fn sleep(_pools: &[abi::ABT_pool], duration: Duration) {
    // SAFETY: set before the xstreams start.
    let nap = Duration::from_millis(unsafe { (&raw const abi::sched_relax_intvl).read() }.into());
    std::thread::sleep(duration.min(nap));
}

/// Whether an xstream that was last busy at `busy` may sleep at `now` (milliseconds).
pub fn is_allowed(busy: u64, now: u64) -> bool {
    /// Quiet time before the first nap where a push cannot end it.
    const QUIET: u64 = 8000;
    cfg!(feature = "embedded") || now.saturating_sub(busy) >= QUIET
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_xstream_sleeps_until_the_next_event_but_never_for_ever() {
        assert_eq!(duration(Some(1_500_000)), Duration::from_micros(1500));
        assert_eq!(duration(Some(0)), Duration::ZERO);
        assert_eq!(duration(Some(u64::MAX)), LONGEST);
        assert_eq!(duration(None), LONGEST);
    }
}
