//! `ABT_future`.

use crate::arch::Passage;
use crate::error::{Error, Result};
use crate::sync::waiter::{WaitList, Waiter};
use core::cell::{Cell, UnsafeCell};
use core::ffi::c_void;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What runs when the last compartment is set, with the array of all values.
pub(crate) type Callback = unsafe extern "C" fn(*mut *mut c_void);

/// A number of compartments that are set one by one; ready when all are.
pub(crate) struct Future {
    /// Compartments that are set, as waiters may see them.
    set: AtomicUsize,
    /// Compartments that are taken; under the lock.
    taken: Cell<usize>,
    values: UnsafeCell<Box<[*mut c_void]>>,
    callback: Option<Callback>,
    waiters: WaitList,
}

impl Future {
    pub(crate) fn new(compartments: usize, callback: Option<Callback>) -> Future {
        Future {
            set: AtomicUsize::new(0),
            taken: Cell::new(0),
            values: UnsafeCell::new(vec![core::ptr::null_mut(); compartments].into_boxed_slice()),
            callback,
            waiters: WaitList::new(),
        }
    }

    fn compartments(&self) -> usize {
        // SAFETY: the length never changes.
        unsafe { (&*self.values.get()).len() }
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.set.load(Ordering::Acquire) == self.compartments()
    }

    /// Begins to wait until it is ready, with a waiter at `place`. `None` if it is.
    ///
    /// # Safety
    /// `place` is valid until the passage is over.
    pub(crate) unsafe fn begin_wait(&self, place: *mut Waiter) -> Option<Passage> {
        if self.is_ready() {
            return None;
        }
        let list = self.waiters.lock();
        // SAFETY: promised by the caller.
        (!self.is_ready()).then(|| unsafe { list.begin(place, false) })
    }

    /// Sets the next compartment. The one that sets the last runs the callback, then wakes all who wait.
    pub(crate) fn set(&self, value: *mut c_void) -> Result {
        let list = self.waiters.lock();
        let index = self.taken.get();
        if index >= self.compartments() {
            return Err(Error::FUTURE);
        }
        self.taken.set(index + 1);
        // SAFETY: under the lock, and the callback runs only after all are set.
        unsafe { (&mut *self.values.get())[index] = value };
        if index + 1 < self.compartments() {
            self.set.fetch_add(1, Ordering::Release);
            return Ok(());
        }
        drop(list);
        if let Some(callback) = self.callback {
            // SAFETY: the user's function, with an array of the promised length. No one else touches the
            // values any more: all compartments are taken.
            unsafe { callback((&mut *self.values.get()).as_mut_ptr()) };
        }
        let mut list = self.waiters.lock();
        self.set.fetch_add(1, Ordering::Release);
        let all = list.take_all();
        drop(list);
        all.wake();
        Ok(())
    }

    /// Waits until whoever has set it is done with it, so that it can be freed.
    pub(crate) fn settle(&self) {
        drop(self.waiters.lock());
    }
}
