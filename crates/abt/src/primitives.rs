//! What the kernels are built from: atomics of the standard library and the futex system calls.

pub(crate) use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use core::cell;
use core::ptr;
use libc::{FUTEX_PRIVATE_FLAG, FUTEX_WAIT, FUTEX_WAKE, SYS_futex};
use std::time::Duration;

/// Sleeps while `word` holds `expected`, at most for `timeout`. May return early for no reason.
pub(crate) fn futex_wait(word: &AtomicU32, expected: u32, timeout: Option<Duration>) {
    let limit = timeout.map(|t| libc::timespec {
        tv_sec: t.as_secs().min(i32::MAX as u64) as libc::time_t,
        tv_nsec: t.subsec_nanos() as libc::c_long,
    });
    let limit = limit.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: `word` and `limit` are valid for the call; the kernel only reads them.
    unsafe { libc::syscall(SYS_futex, word.as_ptr(), FUTEX_WAIT | FUTEX_PRIVATE_FLAG, expected, limit) };
}

/// Wakes one sleeper on the address of a word, which need not exist any more.
pub(crate) fn futex_wake(word: *const AtomicU32) {
    // SAFETY: the kernel uses the address as a key only.
    unsafe { libc::syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1) };
}

/// Tells the processor that this is a spin loop, and the system, from time to time, that others may run.
#[inline]
pub(crate) fn spin(turn: &mut u32) {
    *turn = *turn % 32 + 1;
    if *turn == 32 {
        std::thread::yield_now();
    } else {
        // Longer from turn to turn, so that those who wait leave the cache line to the one who is at work.
        for _ in 0..*turn {
            core::hint::spin_loop();
        }
    }
}

/// `core::cell::UnsafeCell` with the accessors of the model checker's.
pub(crate) struct UnsafeCell<T>(cell::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        UnsafeCell(cell::UnsafeCell::new(value))
    }

    /// Gives `read` the value, which nobody else writes meanwhile.
    #[inline(always)]
    pub(crate) fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
        read(self.0.get())
    }

    /// Gives `write` the value, which nobody else touches meanwhile.
    #[inline(always)]
    pub(crate) fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
        write(self.0.get())
    }
}
