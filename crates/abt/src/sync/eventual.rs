//! `ABT_eventual`.

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

    /// Waits until it is set, and returns the address of the value.
    #[inline]
    pub(crate) fn wait(&self) -> *mut c_void {
        if !self.ready.load(Ordering::Acquire) {
            let list = self.waiters.lock();
            if !self.ready.load(Ordering::Relaxed) {
                list.wait(&Waiter::new());
            }
        }
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

    pub(crate) fn reset(&self) {
        let _list = self.waiters.lock();
        self.ready.store(false, Ordering::Relaxed);
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
