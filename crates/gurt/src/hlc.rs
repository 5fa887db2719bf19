//! Hybrid logical clock and its tracker: hlc.c, hlct.c.
//!
//! A timestamp is the time since 2021 in 1/16 ns, whose 18 lowest bits (16 µs) are not time but a counter
//! that orders events within. It never goes back, and never behind a timestamp received from elsewhere.

use abi::timespec;
use core::ffi::c_int;
use gurt_client::{Der, Facility, Result, info};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Units of a timestamp in a nanosecond.
const NSEC: u64 = 16;
/// 2021-01-01 00:00:00 UTC, the beginning of timestamps, in seconds since 1970.
const START_SEC: u64 = 1_609_459_200;
/// The bits of the counter.
const LOGICAL: u64 = 0x3ffff;
const NSEC_PER_SEC: u64 = abi::NSEC_PER_SEC as u64;

/// The last timestamp given.
static CLOCK: AtomicU64 = AtomicU64::new(0);
/// How far the clocks of two hosts may differ.
static EPSILON: AtomicU64 = AtomicU64::new(NSEC_PER_SEC * NSEC);
/// The latest timestamp heard of: hlct.c.
static TRACKED: AtomicU64 = AtomicU64::new(0);

/// The time part of a timestamp for now.
fn physical_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = since.as_secs().checked_sub(START_SEC);
    let now = now.expect("the system clock is set to a time before 2021, which timestamps cannot express");
    (now * NSEC_PER_SEC + u64::from(since.subsec_nanos())).wrapping_mul(NSEC) & !LOGICAL
}

/// The timestamp after `last`, at time `now`.
fn tick(last: u64, now: u64) -> u64 {
    if last & !LOGICAL < now { now } else { last + 1 }
}

/// The timestamp after `last` and after `received`, at time `now`.
fn tick_received(last: u64, received: u64, now: u64) -> u64 {
    let (last_time, received_time) = (last & !LOGICAL, received & !LOGICAL);
    if last_time < received_time {
        if received_time < now { now } else { received + 1 }
    } else if last_time < now {
        now
    } else if now <= received_time {
        last.max(received) + 1
    } else {
        last + 1
    }
}

/// Moves the clock on; returns what it then shows.
fn advance(next: impl Fn(u64) -> u64) -> u64 {
    let former = CLOCK.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |last| Some(next(last)));
    next(former.unwrap_or_else(|last| last))
}

/// Checks how far a received timestamp is ahead: the lead, and whether that is too much.
fn lead(received: u64, now: u64, epsilon: u64) -> (u64, Result) {
    let lead = (received & !LOGICAL).saturating_sub(now);
    (lead, if lead > epsilon { Err(Der::new(abi::DER_HLC_SYNC.into())) } else { Ok(()) })
}

abi::export! {
    /// `d_hlc_get` (hlc.c): a new timestamp, later than all before.
    pub fn d_hlc_get() -> u64 {
        let now = physical_now();
        advance(|last| tick(last, now))
    }

    /// `d_hlc_get_msg` (hlc.c): a new timestamp, also later than `msg`, to `*hlc_out`; how far `msg` is ahead
    /// of this host's clock to `*offset`. -DER_HLC_SYNC if that is more than epsilon.
    pub unsafe fn d_hlc_get_msg(msg: u64, hlc_out: *mut u64, offset: *mut u64) -> c_int {
        let now = physical_now();
        let (lead, within) = lead(msg, now, EPSILON.load(Ordering::Relaxed));
        // SAFETY: places of the caller's, or null.
        unsafe {
            if let Some(offset) = offset.as_mut() {
                *offset = lead;
            }
            if let Err(err) = within {
                return err.rc();
            }
            let timestamp = advance(|last| tick_received(last, msg, now));
            if let Some(out) = hlc_out.as_mut() {
                *out = timestamp;
            }
        }
        0
    }

    /// `d_hlc2nsec` (hlc.c): nanoseconds since 2021, or of a difference.
    pub fn d_hlc2nsec(hlc: u64) -> u64 {
        hlc / NSEC
    }

    /// `d_nsec2hlc` (hlc.c): the opposite.
    pub fn d_nsec2hlc(nsec: u64) -> u64 {
        nsec.wrapping_mul(NSEC)
    }

    /// `d_hlc2unixnsec` (hlc.c): nanoseconds since 1970.
    pub fn d_hlc2unixnsec(hlc: u64) -> u64 {
        hlc / NSEC + START_SEC * NSEC_PER_SEC
    }

    /// `d_unixnsec2hlc` (hlc.c): the opposite; 0 for a time that timestamps cannot express.
    pub fn d_unixnsec2hlc(unixnsec: u64) -> u64 {
        let since = unixnsec.checked_sub(START_SEC * NSEC_PER_SEC);
        since.and_then(|since| since.checked_mul(NSEC)).unwrap_or(0)
    }

    /// `d_hlc2timespec` (hlc.c): time since 1970.
    pub unsafe fn d_hlc2timespec(hlc: u64, ts: *mut timespec) -> c_int {
        // SAFETY: the caller's place, or null.
        let Some(ts) = (unsafe { ts.as_mut() }) else { return Der::new(abi::DER_INVAL.into()).rc() };
        let nsec = hlc / NSEC;
        ts.tv_sec = (nsec / NSEC_PER_SEC + START_SEC) as i64;
        ts.tv_nsec = (nsec % NSEC_PER_SEC) as i64;
        0
    }

    /// `d_timespec2hlc` (hlc.c): the opposite.
    pub unsafe fn d_timespec2hlc(ts: timespec, hlc: *mut u64) -> c_int {
        // SAFETY: the caller's place, or null.
        let Some(hlc) = (unsafe { hlc.as_mut() }) else { return Der::new(abi::DER_INVAL.into()).rc() };
        let since = (ts.tv_sec as u64).wrapping_sub(START_SEC).wrapping_mul(NSEC_PER_SEC);
        *hlc = since.wrapping_add(ts.tv_nsec as u64).wrapping_mul(NSEC);
        0
    }

    /// `d_hlc_epsilon_set` (hlc.c): how far the clocks of two hosts may differ, rounded up to 16 µs.
    pub fn d_hlc_epsilon_set(epsilon: u64) {
        let epsilon = epsilon.saturating_add(LOGICAL) & !LOGICAL;
        EPSILON.store(epsilon, Ordering::Relaxed);
        info!(Facility::MISC, "set maximum system clock offset to {epsilon} (1/16 ns)");
    }

    /// `d_hlc_epsilon_get` (hlc.c).
    pub fn d_hlc_epsilon_get() -> u64 {
        EPSILON.load(Ordering::Relaxed)
    }

    /// `d_hlc_epsilon_get_bound` (hlc.c): the latest timestamp that an event before `hlc` may have.
    pub fn d_hlc_epsilon_get_bound(hlc: u64) -> u64 {
        hlc.wrapping_add(EPSILON.load(Ordering::Relaxed)) | LOGICAL
    }

    /// `d_hlc_age2sec` (hlc.c): seconds since a timestamp, 0 if it is in the future.
    pub fn d_hlc_age2sec(hlc: u64) -> u64 {
        physical_now().saturating_sub(hlc) / NSEC / NSEC_PER_SEC
    }

    /// `d_hlct_get` (hlct.c): the latest timestamp heard of.
    pub fn d_hlct_get() -> u64 {
        TRACKED.load(Ordering::SeqCst)
    }

    /// `d_hlct_sync` (hlct.c): hears of a timestamp.
    pub fn d_hlct_sync(msg: u64) {
        TRACKED.fetch_max(msg, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: u64 = LOGICAL + 1;

    #[test]
    fn time_goes_on_or_the_counter_does() {
        assert_eq!(tick(5 * T + 3, 6 * T), 6 * T);
        assert_eq!(tick(5 * T + 3, 5 * T), 5 * T + 4);
        assert_eq!(tick(5 * T + 3, 2 * T), 5 * T + 4);
    }

    #[test]
    fn a_received_timestamp_is_exceeded() {
        assert_eq!(tick_received(T, 3 * T + 7, 2 * T), 3 * T + 8);
        assert_eq!(tick_received(T, 2 * T + 7, 3 * T), 3 * T);
        assert_eq!(tick_received(2 * T + 9, 2 * T + 7, 3 * T), 3 * T);
        assert_eq!(tick_received(2 * T + 9, 2 * T + 7, 2 * T), 2 * T + 10);
        assert_eq!(tick_received(2 * T + 5, 2 * T + 7, 2 * T), 2 * T + 8);
        assert_eq!(tick_received(4 * T + 5, 2 * T + 7, 3 * T), 4 * T + 6);
    }

    #[test]
    fn too_far_ahead_is_an_error() {
        let too_far = Err(Der::new(abi::DER_HLC_SYNC.into()));
        assert_eq!(lead(5 * T + 9, 2 * T, 3 * T), (3 * T, Ok(())));
        assert_eq!(lead(6 * T, 2 * T, 3 * T), (4 * T, too_far));
        assert_eq!(lead(T, 2 * T, 0), (0, Ok(())));
    }

    #[test]
    fn timestamps_only_rise() {
        // SAFETY: no preconditions; the places are ours.
        unsafe {
            let mut last = abi::d_hlc_get();
            for _ in 0..1000 {
                let next = abi::d_hlc_get();
                assert!(next > last);
                last = next;
            }
            let (mut got, mut offset) = (0, 1);
            assert_eq!(abi::d_hlc_get_msg(last + 5, &mut got, &mut offset), 0);
            assert!(got > last + 5);
            let far = last + abi::d_hlc_epsilon_get() * 10;
            assert_eq!(abi::d_hlc_get_msg(far, &mut got, &mut offset), -(abi::DER_HLC_SYNC as c_int));
            assert!(offset > abi::d_hlc_epsilon_get());
        }
    }

    #[test]
    fn conversions() {
        let mut ts = timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: no preconditions; the places are ours.
        unsafe {
            assert_eq!(abi::d_hlc2nsec(160), 10);
            assert_eq!(abi::d_nsec2hlc(10), 160);
            assert_eq!(abi::d_hlc2unixnsec(16), START_SEC * NSEC_PER_SEC + 1);
            assert_eq!(abi::d_unixnsec2hlc(START_SEC * NSEC_PER_SEC + 1), 16);
            assert_eq!(abi::d_unixnsec2hlc(1), 0);
            assert_eq!(abi::d_unixnsec2hlc(u64::MAX), 0);
            let hlc = abi::d_nsec2hlc(3 * NSEC_PER_SEC + 7);
            assert_eq!(abi::d_hlc2timespec(hlc, &mut ts), 0);
            assert_eq!((ts.tv_sec, ts.tv_nsec), (START_SEC as i64 + 3, 7));
            let mut back = 0;
            assert_eq!(abi::d_timespec2hlc(ts, &mut back), 0);
            assert_eq!(back, hlc);
            assert_eq!(abi::d_hlc_epsilon_get_bound(0), abi::d_hlc_epsilon_get() | LOGICAL);
        }
    }

    #[test]
    fn the_tracker_keeps_the_latest() {
        // SAFETY: no preconditions.
        unsafe {
            abi::d_hlct_sync(10);
            abi::d_hlct_sync(4);
            assert_eq!(abi::d_hlct_get(), 10);
        }
    }
}
