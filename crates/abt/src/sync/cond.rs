//! `ABT_cond`.

use crate::arch::Passage;
use crate::error::{Error, Result};
use crate::sync::mutex::Mutex;
use crate::sync::timer;
use crate::sync::waiter::{Locked, WaitList, Waiter};
use core::cell::Cell;
use core::ptr;
use std::time::{Duration, SystemTime};

/// A condition variable. It belongs to the first mutex that it is waited on with, for good.
pub(crate) struct Cond {
    mutex: Cell<*const Mutex>,
    waiters: WaitList,
}

impl Cond {
    pub(crate) fn new() -> Cond {
        Cond { mutex: Cell::new(ptr::null()), waiters: WaitList::new() }
    }

    /// Prepares to be freed. False if somebody waits.
    pub(crate) fn retire(&self) -> bool {
        let unused = self.waiters.lock().is_empty();
        if unused {
            timer::forget(self);
        }
        unused
    }

    pub(crate) fn waiters(&self) -> &WaitList {
        &self.waiters
    }

    /// Locks the list and releases `mutex`, which the caller holds.
    fn enter(&self, mutex: &Mutex) -> Result<Locked<'_>> {
        let list = self.waiters.lock();
        if self.mutex.get().is_null() {
            self.mutex.set(mutex);
        } else if !ptr::eq(self.mutex.get(), mutex) {
            return Err(Error::INV_MUTEX);
        }
        Ok(list)
    }

    /// Releases `mutex` and begins to wait for a signal, with a waiter at `place`. The caller must take the
    /// mutex again after that.
    ///
    /// # Safety
    /// `place` is valid until the passage is over.
    pub(crate) unsafe fn begin_wait(&self, mutex: &Mutex, place: *mut Waiter) -> Result<Passage> {
        let mut list = self.enter(mutex)?;
        // SAFETY: promised by the caller.
        let waiter = unsafe { Waiter::place(place, false) };
        list.add(waiter);
        Ok(waiter.begin(|| {
            drop(list);
            mutex.unlock();
        }))
    }

    /// Releases `mutex`, waits for a signal until `deadline` at the latest (then `COND_TIMEDOUT`), and takes
    /// `mutex` again.
    pub(crate) fn wait_until(&self, mutex: &Mutex, deadline: SystemTime) -> Result {
        let mut list = self.enter(mutex)?;
        let waiter = Waiter::new();
        list.add(&waiter);
        let signalled = if waiter.is_ult() {
            timer::wait_ult(self, &waiter, deadline, || {
                drop(list);
                mutex.unlock();
            })
        } else {
            drop(list);
            mutex.unlock();
            self.park_until(&waiter, deadline)
        };
        mutex.lock();
        if signalled { Ok(()) } else { Err(Error::COND_TIMEDOUT) }
    }

    fn park_until(&self, waiter: &Waiter, deadline: SystemTime) -> bool {
        loop {
            let left = deadline.duration_since(SystemTime::now()).unwrap_or(Duration::ZERO);
            if waiter.park_timeout(left) {
                return true;
            }
            if left.is_zero() {
                let still_waiting = self.waiters.lock().remove(waiter);
                // If not, the signal is on its way.
                while !still_waiting && !waiter.park_timeout(Duration::MAX) {}
                return !still_waiting;
            }
        }
    }

    pub(crate) fn signal(&self) {
        let first = self.waiters.lock().take_first();
        first.wake();
    }

    pub(crate) fn broadcast(&self) {
        let all = self.waiters.lock().take_all();
        all.wake();
    }
}
