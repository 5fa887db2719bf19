//! The end of a work unit, and those who wait for it.

use super::super::primitives::{AtomicPtr, Ordering};
use super::inbox::Linked;
use core::ptr;

/// A list of waiters until the end comes, and the fact that it has come.
pub(crate) struct Ending<W: Linked>(AtomicPtr<W>);

/// Value of an ending that has come. Not the address of a waiter: it is odd.
fn ended<W>() -> *mut W {
    ptr::without_provenance_mut(1)
}

impl<W: Linked> Ending<W> {
    pub(crate) fn new() -> Self {
        Ending(AtomicPtr::new(ptr::null_mut()))
    }

    /// A new life begins.
    pub(crate) fn reset(&self) {
        self.0.store(ptr::null_mut(), Ordering::Relaxed);
    }

    /// Whether the end has come; then all that was done before is visible.
    pub(crate) fn has_come(&self) -> bool {
        self.0.load(Ordering::Acquire) == ended()
    }

    /// Registers a waiter, to be woken at the end. False if that has come already.
    ///
    /// # Safety
    /// The waiter is live, and stays until it is woken.
    pub(crate) unsafe fn register(&self, waiter: *mut W) -> bool {
        let mut head = self.0.load(Ordering::Acquire);
        while head != ended() {
            // SAFETY: the waiter is still the caller's.
            unsafe { *W::link(waiter) = head };
            match self.0.compare_exchange_weak(head, waiter, Ordering::Release, Ordering::Acquire) {
                Ok(_) => return true,
                Err(newer) => head = newer,
            }
        }
        false
    }

    /// Declares the end and returns the list of those to be woken. This is the last access: who learns of the
    /// end may free the unit.
    #[inline(always)]
    pub(crate) fn declare(&self) -> *mut W {
        self.0.swap(ended(), Ordering::AcqRel)
    }
}
