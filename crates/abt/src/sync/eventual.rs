//! `ABT_eventual`.

use crate::arch::Passage;
use crate::error::{Error, Result};
use crate::sync::waiter::{WaitList, Waiter};
use core::ffi::c_void;
use core::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

/// A value of fixed size that is set once and may be waited for.
pub(crate) struct Eventual {
    ready: AtomicBool,
    waiters: WaitList,
    /// Address of the buffer that waiters get to see; null if the size is 0.
    value: *mut u8,
    size: usize,
}

impl Eventual {
    pub(crate) fn new(size: usize) -> Eventual {
        let value = match size {
            0 => ptr::null_mut(),
            // Words, so that any type is aligned in it.
            _ => Box::into_raw(vec![0u128; size.div_ceil(16)].into_boxed_slice()).cast(),
        };
        Eventual { ready: AtomicBool::new(false), waiters: WaitList::new(), value, size }
    }

    /// Begins to wait until it is set, with a waiter at `place`. `None` if it is.
    ///
    /// # Safety
    /// `place` is valid until the passage is over.
    #[inline]
    pub(crate) unsafe fn begin_wait(&self, place: *mut Waiter) -> Option<Passage> {
        if self.ready.load(Ordering::Acquire) {
            return None;
        }
        let list = self.waiters.lock();
        // SAFETY: promised by the caller.
        (!self.ready.load(Ordering::Relaxed)).then(|| unsafe { list.begin(place, false) })
    }

    /// Address of the value.
    pub(crate) fn value(&self) -> *mut c_void {
        self.value.cast()
    }

    /// Sets it to `size` bytes from `value` and wakes all who wait.
    ///
    /// # Safety
    /// `value` points to `size` readable bytes, unless that is 0.
    pub(crate) unsafe fn set(&self, value: *const c_void, size: usize) -> Result {
        if size > self.size {
            return Err(Error::INV_EVENTUAL);
        }
        let mut list = self.waiters.lock();
        if self.ready.load(Ordering::Relaxed) {
            return Err(Error::EVENTUAL);
        }
        if size > 0 {
            // SAFETY: the caller vouches for the source; the buffer has room, and nobody reads it yet.
            unsafe { ptr::copy_nonoverlapping(value.cast(), self.value, size) };
        }
        self.ready.store(true, Ordering::Release);
        let all = list.take_all();
        // Who sees the value may free this object; it takes the lock first.
        drop(list);
        all.wake();
        Ok(())
    }

    /// It may be set again. Whoever resets it has made sure that nobody sets it or begins to wait meanwhile.
    pub(crate) fn reset(&self) {
        self.ready.store(false, Ordering::Release);
    }

    /// Waits until whoever has set it is done with it, so that it can be freed.
    pub(crate) fn settle(&self) {
        drop(self.waiters.lock());
    }
}

impl Drop for Eventual {
    fn drop(&mut self) {
        if !self.value.is_null() {
            let words = ptr::slice_from_raw_parts_mut(self.value.cast::<u128>(), self.size.div_ceil(16));
            // SAFETY: made from such a box by `new`.
            drop(unsafe { Box::from_raw(words) });
        }
    }
}
