//! A lock for a handful of instructions.

use super::super::primitives::{AtomicU32, Ordering, spin};

/// Guards a few loads and stores. Never held across anything that can block or switch, except that a wait
/// list's lock is released by a ULT just before it switches away.
pub(crate) struct SpinLock(AtomicU32);

impl SpinLock {
    pub(crate) fn new() -> Self {
        SpinLock(AtomicU32::new(0))
    }

    #[inline(always)]
    pub(crate) fn lock(&self) {
        if !self.try_lock() {
            self.lock_contended();
        }
    }

    #[inline(always)]
    fn try_lock(&self) -> bool {
        self.0.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[cold]
    fn lock_contended(&self) {
        let mut turn = 0;
        while !self.try_lock() {
            spin(&mut turn);
        }
    }

    #[inline(always)]
    pub(crate) fn unlock(&self) {
        self.0.store(0, Ordering::Release);
    }
}
