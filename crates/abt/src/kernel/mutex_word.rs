//! A mutex in one word and a list of those who wait: the fast paths are one atomic operation each.

use super::super::primitives::{AtomicU32, Ordering};

const LOCKED: u32 = 1;
const WAITERS: u32 = 2;

/// Those who wait for a mutex, in a list with a lock of its own.
pub(crate) trait Queue {
    /// One who was taken out of the list.
    type Waiter;
    /// What the caller has to go through until it is woken.
    type Wait;

    /// Locks the list; if `announce` then says so, adds the caller, unlocks and begins to wait.
    fn begin_if(&self, announce: impl FnOnce() -> bool) -> Option<Self::Wait>;

    /// Locks the list, takes the first waiter out, and calls `empty` if nobody is left.
    fn take_first(&self, empty: impl FnOnce()) -> Option<Self::Waiter>;

    /// Wakes one who was taken out. It does not touch the list.
    fn wake(waiter: Self::Waiter);
}

/// Whether a mutex is held, and whether its list may hold someone.
///
/// The word says nothing of who is next: a waiter that is woken competes with whoever comes along. `WAITERS`
/// changes only under the lock of the list.
pub(crate) struct MutexWord(AtomicU32);

impl MutexWord {
    pub(crate) fn new() -> Self {
        MutexWord(AtomicU32::new(0))
    }

    /// Takes the mutex if it is free.
    #[inline(always)]
    pub(crate) fn try_lock(&self) -> bool {
        let state = self.0.load(Ordering::Relaxed);
        state & LOCKED == 0
            && (self.0.compare_exchange(state, state | LOCKED, Ordering::Acquire, Ordering::Relaxed).is_ok()
                || self.0.fetch_or(LOCKED, Ordering::Acquire) & LOCKED == 0)
    }

    /// Takes the mutex if it is free, else begins to wait; after the wait the caller must try again.
    #[inline(always)]
    pub(crate) fn lock_or_wait<Q: Queue>(&self, queue: &Q) -> Option<Q::Wait> {
        if self.try_lock() { None } else { self.lock_or_wait_contended(queue) }
    }

    #[cold]
    fn lock_or_wait_contended<Q: Queue>(&self, queue: &Q) -> Option<Q::Wait> {
        loop {
            // Without waiting if the mutex turns out to be free.
            let wait = queue.begin_if(|| self.0.fetch_or(WAITERS, Ordering::Relaxed) & LOCKED != 0);
            if wait.is_some() {
                return wait;
            }
            if self.try_lock() {
                return None;
            }
        }
    }

    /// Releases the mutex. If nobody waits, its last access is the one that releases it: the next holder may
    /// free it.
    #[inline(always)]
    pub(crate) fn unlock<Q: Queue>(&self, queue: &Q) {
        if !self.release_unless_waiters() {
            self.unlock_contended(queue);
        }
    }

    #[inline(always)]
    fn release_unless_waiters(&self) -> bool {
        self.0.compare_exchange(LOCKED, 0, Ordering::Release, Ordering::Relaxed).is_ok()
    }

    #[cold]
    fn unlock_contended<Q: Queue>(&self, queue: &Q) {
        while self.0.load(Ordering::Relaxed) & LOCKED != 0 {
            let first = queue.take_first(|| {
                self.0.fetch_and(!WAITERS, Ordering::Relaxed);
            });
            if let Some(first) = first {
                // The mutex lives at least until the waiter has had it.
                self.0.fetch_and(!LOCKED, Ordering::Release);
                return Q::wake(first);
            }
            if self.release_unless_waiters() {
                return;
            }
        }
    }
}
