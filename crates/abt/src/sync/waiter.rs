//! Waiting: a record on the stack of whoever waits, and the queue of such records that an object keeps.

use crate::arch::Passage;
use crate::handle::Handle;
use crate::kernel::inbox::Linked;
use crate::kernel::parker::Parker;
use crate::kernel::spin::SpinLock;
use crate::thread::{State, Thread};
use crate::xstream;
use core::cell::{Cell, UnsafeCell};
use core::ptr;
use std::time::Duration;

/// One who waits: a ULT, or an OS thread that sleeps.
#[repr(align(8))]
pub(crate) struct Waiter {
    next: Cell<*mut Waiter>,
    /// The ULT that is suspended; `None` when the whole OS thread sleeps on the parker.
    ult: Option<Handle<Thread>>,
    parker: Parker,
    /// Meaning is up to the object (a reader or a writer).
    tag: Cell<bool>,
}

// SAFETY: the link is a field of the record, used by one list at a time.
unsafe impl Linked for Waiter {
    unsafe fn link(this: *mut Waiter) -> *mut *mut Waiter {
        // SAFETY: the caller owns the live record.
        unsafe { (*this).next.as_ptr() }
    }
}

impl Waiter {
    /// A waiter for the caller: its ULT if it is one, else its OS thread.
    pub(crate) fn new() -> Waiter {
        Self::tagged(false)
    }

    pub(crate) fn tagged(tag: bool) -> Waiter {
        let ult = xstream::current().map(|xs| xs.current()).filter(|unit| unit.is_ult());
        Waiter { next: Cell::new(ptr::null_mut()), ult, parker: Parker::new(), tag: Cell::new(tag) }
    }

    /// Makes a waiter for the caller at `place`.
    ///
    /// # Safety
    /// `place` is valid for as long as the reference is used.
    pub(crate) unsafe fn place<'a>(place: *mut Waiter, tag: bool) -> &'a Waiter {
        // SAFETY: promised by the caller.
        unsafe {
            place.write(Waiter::tagged(tag));
            &*place
        }
    }

    pub(crate) fn set_next(&self, next: *mut Waiter) {
        self.next.set(next);
    }

    pub(crate) fn tag(&self) -> bool {
        self.tag.get()
    }

    /// Begins to wait to be woken. `publish` makes the waiter known to whoever will wake it (it releases the
    /// lock of the list that the waiter is in), at a time when waking is possible already.
    ///
    /// A ULT waits by taking the passage; an OS thread has been woken when this returns, and so may have been
    /// a ULT whose passage is no switch.
    #[inline]
    pub(crate) fn begin(&self, publish: impl FnOnce()) -> Passage {
        match self.ult {
            Some(ult) => xstream::block(ult, publish),
            None => {
                publish();
                while !self.parker.park(None) {}
                Passage::stay(abi::ABT_SUCCESS)
            }
        }
    }

    /// Waits as an OS thread, at most for `timeout`. Returns whether it was woken.
    pub(crate) fn park_timeout(&self, timeout: Duration) -> bool {
        self.parker.park(Some(timeout))
    }

    /// Whether a ULT waits here, not an OS thread.
    pub(crate) fn is_ult(&self) -> bool {
        self.ult.is_some()
    }

    /// Whether the ULT that waits here has not been woken yet. To be asked by that ULT, on its way to stop.
    pub(crate) fn is_still_waiting(&self) -> bool {
        self.ult.is_some_and(|ult| ult.state() == State::Waiting)
    }

    /// Wakes the waiter, which may vanish at once, and returns the next one in its list.
    ///
    /// # Safety
    /// `this` waits, and nobody else wakes it.
    #[inline]
    pub(crate) unsafe fn wake(this: *mut Waiter) -> *mut Waiter {
        // SAFETY: the record stays until it is woken, which happens below.
        let (next, ult) = unsafe { ((*this).next.get(), (*this).ult) };
        match ult {
            Some(ult) => xstream::resume(ult),
            // SAFETY: as above.
            None => unsafe { Parker::unpark(&raw const (*this).parker) },
        }
        next
    }
}

/// First come, first served.
pub(crate) struct WaitList {
    lock: SpinLock,
    ends: UnsafeCell<Ends>,
}

struct Ends {
    head: *mut Waiter,
    tail: *mut Waiter,
}

// SAFETY: the ends are reached through a `Locked` only, which exists while the lock is held.
unsafe impl Sync for WaitList {}

impl WaitList {
    pub(crate) fn new() -> Self {
        WaitList {
            lock: SpinLock::new(),
            ends: UnsafeCell::new(Ends { head: ptr::null_mut(), tail: ptr::null_mut() }),
        }
    }

    /// Locks the list, and whatever else its object keeps under the same lock.
    #[inline(always)]
    pub(crate) fn lock(&self) -> Locked<'_> {
        self.lock.lock();
        Locked(self)
    }
}

/// A locked wait list; unlocks when dropped.
pub(crate) struct Locked<'a>(&'a WaitList);

impl Drop for Locked<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.0.lock.unlock();
    }
}

/// Waiters that were taken out of a list, to be woken after it is unlocked.
#[must_use]
pub(crate) struct Woken(*mut Waiter);

impl Woken {
    /// Wakes them in the order in which they came.
    #[inline]
    pub(crate) fn wake(self) {
        let mut waiter = self.0;
        while !waiter.is_null() {
            // SAFETY: they were taken out of the list, so only we know them.
            waiter = unsafe { Waiter::wake(waiter) };
        }
    }
}

impl Locked<'_> {
    #[inline(always)]
    fn ends(&mut self) -> &mut Ends {
        // SAFETY: we hold the lock.
        unsafe { &mut *self.0.ends.get() }
    }

    #[inline(always)]
    pub(crate) fn is_empty(&mut self) -> bool {
        self.ends().head.is_null()
    }

    /// The first waiter's tag, if there is one.
    pub(crate) fn first_tag(&mut self) -> Option<bool> {
        let head = self.ends().head;
        // SAFETY: a waiter in the list stays until it is woken.
        (!head.is_null()).then(|| unsafe { (*head).tag() })
    }

    /// Makes a waiter for the caller at `place`, adds it, unlocks, and begins to wait.
    ///
    /// # Safety
    /// `place` is valid until the waiter has been woken.
    pub(crate) unsafe fn begin(mut self, place: *mut Waiter, tag: bool) -> Passage {
        // SAFETY: promised by the caller.
        let waiter = unsafe { Waiter::place(place, tag) };
        self.add(waiter);
        waiter.begin(move || drop(self))
    }

    /// Adds a waiter, which must then wait.
    pub(crate) fn add(&mut self, waiter: &Waiter) {
        let new = ptr::from_ref(waiter).cast_mut();
        waiter.set_next(ptr::null_mut());
        let ends = self.ends();
        if ends.head.is_null() {
            ends.head = new;
        } else {
            // SAFETY: a waiter in the list stays until it is woken.
            unsafe { (*ends.tail).set_next(new) };
        }
        ends.tail = new;
    }

    /// Takes the first waiter out.
    pub(crate) fn take_first(&mut self) -> Woken {
        let ends = self.ends();
        let first = ends.head;
        if !first.is_null() {
            // SAFETY: a waiter in the list stays until it is woken.
            unsafe {
                ends.head = (*first).next.get();
                (*first).set_next(ptr::null_mut());
            }
        }
        Woken(first)
    }

    /// Takes all waiters out.
    #[inline]
    pub(crate) fn take_all(&mut self) -> Woken {
        Woken(core::mem::replace(&mut self.ends().head, ptr::null_mut()))
    }

    /// Takes this waiter out. False if it is not in the list any more.
    pub(crate) fn remove(&mut self, waiter: &Waiter) -> bool {
        let taken = self.take_matching(|each| ptr::eq(each, waiter));
        !taken.is_empty()
    }

    /// Takes all waiters out that `matches` accepts.
    pub(crate) fn take_matching(&mut self, matches: impl Fn(&Waiter) -> bool) -> Woken {
        let mut kept = Ends { head: ptr::null_mut(), tail: ptr::null_mut() };
        let mut taken = Ends { head: ptr::null_mut(), tail: ptr::null_mut() };
        let mut at = self.ends().head;
        while !at.is_null() {
            // SAFETY: a waiter in the list stays until it is woken.
            let waiter = unsafe { &*at };
            let next = waiter.next.replace(ptr::null_mut());
            let list = if matches(waiter) { &mut taken } else { &mut kept };
            if list.head.is_null() {
                list.head = at;
            } else {
                // SAFETY: as above.
                unsafe { (*list.tail).set_next(at) };
            }
            list.tail = at;
            at = next;
        }
        *self.ends() = kept;
        Woken(taken.head)
    }
}

impl Woken {
    /// Whether there is nobody to wake.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_null()
    }
}
