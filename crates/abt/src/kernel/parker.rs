//! How an OS thread sleeps until another wakes it.

use super::super::primitives::{AtomicU32, Ordering, futex_wait, futex_wake};
use std::time::Duration;

const EMPTY: u32 = 0;
const PERMIT: u32 = 1;
const SLEEPING: u32 = 2;

/// One permit: [`Parker::unpark`] gives it, [`Parker::park`] takes it or sleeps until it is given.
pub(crate) struct Parker(AtomicU32);

impl Parker {
    pub(crate) fn new() -> Self {
        Parker(AtomicU32::new(EMPTY))
    }

    /// Takes the permit, sleeping for at most `timeout` until it is there. Returns whether it was.
    pub(crate) fn park(&self, timeout: Option<Duration>) -> bool {
        if self.0.swap(EMPTY, Ordering::Acquire) == PERMIT {
            return true;
        }
        if self.0.compare_exchange(EMPTY, SLEEPING, Ordering::Acquire, Ordering::Acquire).is_ok() {
            futex_wait(&self.0, SLEEPING, timeout);
        }
        self.0.swap(EMPTY, Ordering::Acquire) == PERMIT
    }

    /// Gives the permit and wakes the sleeper. The parker may be gone as soon as the permit is taken, so
    /// nothing of it is read after it was given.
    ///
    /// # Safety
    /// `this` must be live at the call.
    pub(crate) unsafe fn unpark(this: *const Parker) {
        // SAFETY: live, as the caller promises; a pointer to the only field.
        let word = unsafe { &raw const (*this).0 };
        // SAFETY: as above.
        if unsafe { &*word }.swap(PERMIT, Ordering::Release) == SLEEPING {
            futex_wake(word);
        }
    }
}
