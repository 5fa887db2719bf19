//! The state of a mutex in one word: the fast paths are one atomic operation each.

use super::super::primitives::{AtomicU32, Ordering};

const LOCKED: u32 = 1;
const WAITERS: u32 = 2;

/// Whether a mutex is held, and whether its wait list may hold someone.
///
/// The word says nothing of who is next: a waiter that is woken competes with whoever comes along. `WAITERS`
/// changes only under the lock of the wait list.
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
                || self.try_lock_again())
    }

    #[cold]
    fn try_lock_again(&self) -> bool {
        self.0.fetch_or(LOCKED, Ordering::Acquire) & LOCKED == 0
    }

    /// Announces a waiter, under the lock of the wait list. False if the mutex turned out to be free, and the
    /// caller should try again instead of waiting.
    pub(crate) fn announce_waiter(&self) -> bool {
        self.0.fetch_or(WAITERS, Ordering::Relaxed) & LOCKED != 0
    }

    /// Releases the mutex if nobody may be waiting. This is the last access to the mutex if it succeeds.
    #[inline(always)]
    pub(crate) fn try_unlock(&self) -> bool {
        self.0.compare_exchange(LOCKED, 0, Ordering::Release, Ordering::Relaxed).is_ok()
    }

    /// The wait list is empty: said under its lock, by the holder.
    pub(crate) fn clear_waiters(&self) {
        self.0.fetch_and(!WAITERS, Ordering::Relaxed);
    }

    /// Releases the mutex with a waiter in hand, who will be woken next and so keeps the mutex alive.
    pub(crate) fn unlock_for_waiter(&self) {
        self.0.fetch_and(!LOCKED, Ordering::Release);
    }

    /// Whether somebody holds the mutex.
    pub(crate) fn is_locked(&self) -> bool {
        self.0.load(Ordering::Relaxed) & LOCKED != 0
    }
}
