//! `ABT_mutex`.

use crate::arch::Passage;
use crate::error::{Error, Result};
use crate::kernel::mutex_word::{MutexWord, Queue};
use crate::sync::waiter::{WaitList, Waiter, Woken};
use crate::xstream;
use core::cell::Cell;
use core::mem::MaybeUninit;
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

    /// Takes the mutex if it is free or already the caller's, else begins to wait with a waiter at `place`;
    /// after that the caller must try again.
    ///
    /// # Safety
    /// `place` is valid until the passage is over.
    #[inline]
    pub(crate) unsafe fn lock_or_wait(&self, place: *mut Waiter) -> Option<Passage> {
        let queue = Place { list: &self.waiters, place };
        if !self.recursive {
            return self.word.lock_or_wait(&queue);
        }
        let me = caller();
        if self.enter_again(me) {
            return None;
        }
        let passage = self.word.lock_or_wait(&queue);
        if passage.is_none() {
            self.owner.store(me, Ordering::Relaxed);
        }
        passage
    }

    /// Takes the mutex, waiting until it is free.
    pub(crate) fn lock(&self) {
        let mut place = MaybeUninit::uninit();
        // SAFETY: the place outlives each passage.
        while let Some(passage) = unsafe { self.lock_or_wait(place.as_mut_ptr()) } {
            passage.take();
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
        self.word.unlock(&Place { list: &self.waiters, place: core::ptr::null_mut() });
    }
}

/// The wait list, and room for the caller's waiter if it may wait.
struct Place<'a> {
    list: &'a WaitList,
    place: *mut Waiter,
}

impl Queue for Place<'_> {
    type Waiter = Woken;
    type Wait = Passage;

    fn begin_if(&self, announce: impl FnOnce() -> bool) -> Option<Passage> {
        let list = self.list.lock();
        // SAFETY: the place is valid, as `lock_or_wait` was promised; `unlock` never waits.
        announce().then(|| unsafe { list.begin(self.place, false) })
    }

    fn take_first(&self, empty: impl FnOnce()) -> Option<Woken> {
        let mut list = self.list.lock();
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
