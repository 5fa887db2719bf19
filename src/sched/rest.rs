//! For how long an xstream naps that cannot be woken.
// Where a push wakes an xstream there are no naps.
#![cfg_attr(feature = "embedded", allow(dead_code))]

use core::time::Duration;

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
