//! The queue that other execution streams push to: one atomic exchange a push, drained in batches.

use super::super::primitives::{AtomicPtr, Ordering};
use core::ptr;

/// An element of an [`Inbox`], which links it by a field of its own.
///
/// # Safety
/// `link` must return the address of the same field each time, which nothing else uses while the element is
/// in the inbox.
pub(crate) unsafe trait Linked {
    /// Where the element keeps the address of the next one.
    unsafe fn link(this: *mut Self) -> *mut *mut Self;
}

/// A stack of elements, last in first out, until [`Inbox::take_all`] turns it around.
pub(crate) struct Inbox<T: Linked>(AtomicPtr<T>);

impl<T: Linked> Inbox<T> {
    pub(crate) fn new() -> Self {
        Inbox(AtomicPtr::new(ptr::null_mut()))
    }

    /// Whether there is nothing to take. Sequentially consistent, because a scheduler that is about to sleep
    /// first says so and then looks, while a pusher first pushes and then looks for sleepers.
    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.load(Ordering::SeqCst).is_null()
    }

    /// Adds `element`, which the inbox owns from now on.
    ///
    /// # Safety
    /// `element` is live and in no other queue.
    pub(crate) unsafe fn push(&self, element: *mut T) {
        let mut head = self.0.load(Ordering::Relaxed);
        loop {
            // SAFETY: the element is still the caller's.
            unsafe { *T::link(element) = head };
            match self.0.compare_exchange_weak(head, element, Ordering::SeqCst, Ordering::Relaxed) {
                Ok(_) => return,
                Err(newer) => head = newer,
            }
        }
    }

    /// Takes everything and returns it as a list in the order of the pushes: first, last and how many.
    pub(crate) fn take_all(&self) -> Option<(*mut T, *mut T, usize)> {
        let mut from = self.0.swap(ptr::null_mut(), Ordering::Acquire);
        let last = from;
        let mut list: *mut T = ptr::null_mut();
        let mut count = 0;
        while !from.is_null() {
            // SAFETY: the whole chain is ours since the swap; it was linked before the pushes published it.
            let next = unsafe { core::mem::replace(&mut *T::link(from), list) };
            list = from;
            from = next;
            count += 1;
        }
        (count > 0).then_some((list, last, count))
    }
}
