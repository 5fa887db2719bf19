//! `ABT_rwlock`.

use crate::arch::Passage;
use crate::error::{Error, Result};
use crate::sync::waiter::{WaitList, Waiter};
use core::cell::Cell;

/// A readers-writer lock. Readers come in whenever no writer holds it, even when one waits: a reader may so
/// lock it again.
pub(crate) struct RwLock {
    readers: Cell<usize>,
    writer: Cell<bool>,
    /// Also guards the two fields. Tagged waiters are writers. Who is woken holds the lock already.
    waiters: WaitList,
}

impl RwLock {
    pub(crate) fn new() -> RwLock {
        RwLock { readers: Cell::new(0), writer: Cell::new(false), waiters: WaitList::new() }
    }

    /// Takes the lock as a reader, or begins to wait for it with a waiter at `place`.
    ///
    /// # Safety
    /// `place` is valid until the passage is over.
    pub(crate) unsafe fn read_or_wait(&self, place: *mut Waiter) -> Option<Passage> {
        let list = self.waiters.lock();
        if self.writer.get() {
            // SAFETY: promised by the caller.
            return Some(unsafe { list.begin(place, false) });
        }
        self.readers.set(self.readers.get() + 1);
        None
    }

    /// Takes the lock as a writer, or begins to wait for it with a waiter at `place`.
    ///
    /// # Safety
    /// `place` is valid until the passage is over.
    pub(crate) unsafe fn write_or_wait(&self, place: *mut Waiter) -> Option<Passage> {
        let list = self.waiters.lock();
        if self.writer.get() || self.readers.get() > 0 {
            // SAFETY: promised by the caller.
            return Some(unsafe { list.begin(place, true) });
        }
        self.writer.set(true);
        None
    }

    /// Releases what the caller holds, and hands the lock to the first who waits, together with all other
    /// readers if that is one.
    pub(crate) fn unlock(&self) -> Result {
        let mut list = self.waiters.lock();
        if self.writer.get() {
            self.writer.set(false);
        } else if self.readers.get() > 0 {
            self.readers.set(self.readers.get() - 1);
        } else {
            return Err(Error::RWLOCK);
        }
        if self.readers.get() > 0 {
            return Ok(());
        }
        let next = match list.first_tag() {
            None => return Ok(()),
            Some(true) => {
                self.writer.set(true);
                list.take_first()
            }
            Some(false) => {
                let readers = &self.readers;
                list.take_matching(|waiter| {
                    if !waiter.tag() {
                        readers.set(readers.get() + 1);
                    }
                    !waiter.tag()
                })
            }
        };
        drop(list);
        next.wake();
        Ok(())
    }
}
