//! The clocks of the scheduler.

/// `daos_getmtime_coarse`: the clock of `sched_cur_msec`.
pub fn coarse_ms() -> u64 {
    let now = clock(libc::CLOCK_MONOTONIC_COARSE);
    now.tv_sec as u64 * 1000 + now.tv_nsec as u64 / 1_000_000
}

/// The clock of the sleepers, in nanoseconds.
pub fn precise_ns() -> u64 {
    let now = clock(libc::CLOCK_MONOTONIC);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

fn clock(id: libc::clockid_t) -> libc::timespec {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one timespec.
    unsafe { libc::clock_gettime(id, &raw mut now) };
    now
}
