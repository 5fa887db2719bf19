//! `ABT_mutex`.

use crate::error::{Error, Result};
use crate::kernel::mutex_word::{MutexWord, Queue};
use crate::sync::waiter::{WaitList, Waiter, Woken};
use crate::xstream;
use core::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A mutex, plain or recursive. Not fair: who comes along may overtake those who wait.
pub(crate) struct Mutex {
    word: MutexWord,
    recursive: bool,
    /// The holder of a recursive mutex, see [`caller`]; 0 for none.
    owner: AtomicUsize,
    /// How many times the holder has locked it beyond the first.
    depth: Cell<u32>,
    waiters: WaitList,
}

/// A number that tells the caller from all others: the address of its unit, or of its OS thread's data.
fn caller() -> usize {
    thread_local!(static MARK: u8 = const { 0 });
    match xstream::current() {
        Some(xs) => xs.current().as_ptr().addr(),
        None => MARK.with(|mark| core::ptr::from_ref(mark).addr()),
    }
}

impl Mutex {
    pub(crate) fn new(recursive: bool) -> Mutex {
        Mutex {
            word: MutexWord::new(),
            recursive,
            owner: AtomicUsize::new(0),
            depth: Cell::new(0),
            waiters: WaitList::new(),
        }
    }

    #[inline]
    pub(crate) fn lock(&self) {
        if !self.recursive {
            return self.word.lock(&self.waiters);
        }
        let me = caller();
        if !self.enter_again(me) {
            self.word.lock(&self.waiters);
            self.owner.store(me, Ordering::Relaxed);
        }
    }

    /// Only the holder can see itself as the owner, so this needs no lock.
    fn enter_again(&self, me: usize) -> bool {
        let again = self.owner.load(Ordering::Relaxed) == me;
        if again {
            self.depth.set(self.depth.get() + 1);
        }
        again
    }

    #[inline]
    pub(crate) fn try_lock(&self) -> Result {
        if self.recursive {
            let me = caller();
            if self.enter_again(me) {
                return Ok(());
            }
            if self.word.try_lock() {
                self.owner.store(me, Ordering::Relaxed);
                return Ok(());
            }
        } else if self.word.try_lock() {
            return Ok(());
        }
        Err(Error::MUTEX_LOCKED)
    }

    #[inline]
    pub(crate) fn unlock(&self) {
        if self.recursive {
            if self.depth.get() > 0 {
                self.depth.set(self.depth.get() - 1);
                return;
            }
            self.owner.store(0, Ordering::Relaxed);
        }
        self.word.unlock(&self.waiters);
    }
}

impl Queue for WaitList {
    type Waiter = Woken;

    fn wait_if(&self, announce: impl FnOnce() -> bool) {
        let list = self.lock();
        if announce() {
            list.wait(&Waiter::new());
        }
    }

    fn take_first(&self, empty: impl FnOnce()) -> Option<Woken> {
        let mut list = self.lock();
        let first = list.take_first();
        if list.is_empty() {
            empty();
        }
        (!first.is_empty()).then_some(first)
    }

    fn wake(waiter: Woken) {
        waiter.wake();
    }
}
