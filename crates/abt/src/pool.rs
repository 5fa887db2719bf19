//! Pools of units that are ready to run.

use crate::error::{Error, Result};
use crate::handle::Handle;
use crate::kernel::inbox::Inbox;
use crate::kernel::spin::SpinLock;
use crate::thread::Thread;
use crate::xstream::Xstream;
use core::cell::{Cell, UnsafeCell};
use core::ffi::c_void;
use core::ptr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// A first-in first-out list of units, linked through their descriptors.
struct Queue {
    head: *mut Thread,
    tail: *mut Thread,
}

impl Queue {
    const fn new() -> Self {
        Queue { head: ptr::null_mut(), tail: ptr::null_mut() }
    }

    #[inline(always)]
    fn push(&mut self, unit: Handle<Thread>) {
        unit.set_link(ptr::null_mut());
        self.append(unit.as_ptr(), unit.as_ptr());
    }

    #[inline(always)]
    fn append(&mut self, first: *mut Thread, last: *mut Thread) {
        match Handle::from_ptr(self.tail) {
            Some(tail) => tail.set_link(first),
            None => self.head = first,
        }
        self.tail = last;
    }

    #[inline(always)]
    fn pop(&mut self) -> Option<Handle<Thread>> {
        let unit = Handle::from_ptr(self.head)?;
        self.head = unit.link();
        if self.head.is_null() {
            self.tail = ptr::null_mut();
        }
        Some(unit)
    }
}

/// A pool, in one of two modes.
///
/// *Owned*: one execution stream has the pool in its main scheduler and is its only consumer. What that
/// stream pushes goes to `local` without atomic operations; what others push goes to the inbox, which the
/// owner drains in batches before its own pushes and pops, so the order is that of the pushes.
///
/// *Shared*: nobody owns it, or it has several consumers. All pushes go to the inbox; consumers drain it to
/// `queue` under a lock. A foreign consumer of an owned pool makes it shared: it asks, and the owner moves
/// its units over at its next operation.
#[repr(C)]
pub(crate) struct Pool {
    // Of the owner.
    owner: AtomicPtr<Xstream>,
    /// Set for good once a second consumer shows up.
    shared: AtomicBool,
    local: UnsafeCell<Queue>,
    local_len: AtomicUsize,
    local_blocked: AtomicI32,
    access: u32,
    automatic: bool,
    id: u64,
    /// Schedulers that have this pool.
    schedulers: AtomicI32,
    data: Cell<*mut c_void>,
    // Of everyone.
    remote: Remote,
}

#[repr(align(64))]
struct Remote {
    inbox: Inbox<Thread>,
    inbox_len: AtomicUsize,
    blocked: AtomicI32,
    /// Consumers that sleep and want to be woken by a push.
    sleepers: AtomicU32,
    lock: SpinLock,
    queue: UnsafeCell<Queue>,
    queue_len: AtomicUsize,
    consumers: Mutex<Vec<Handle<Xstream>>>,
}

static NEXT_ID: AtomicU64 = AtomicU64::new(0);

/// Numbers pools from 0 again, when the runtime starts.
pub(crate) fn reset_ids() {
    NEXT_ID.store(0, Ordering::Relaxed);
}

impl Pool {
    /// `ABT_pool_create_basic`: `kind` and `access` are `ABT_POOL_*` and `ABT_POOL_ACCESS_*`. Kinds differ in
    /// how schedulers of Argobots poll them; here all are first in first out.
    pub(crate) fn create(kind: u32, access: u32, automatic: bool) -> Result<Handle<Pool>> {
        if !(abi::ABT_POOL_ACCESS_PRIV..=abi::ABT_POOL_ACCESS_MPMC).contains(&access) {
            return Err(Error::INV_POOL_ACCESS);
        }
        if !(abi::ABT_POOL_FIFO..=abi::ABT_POOL_RANDWS).contains(&kind) {
            return Err(Error::INV_POOL_KIND);
        }
        Ok(Handle::new(Pool {
            owner: AtomicPtr::new(ptr::null_mut()),
            shared: AtomicBool::new(false),
            local: UnsafeCell::new(Queue::new()),
            local_len: AtomicUsize::new(0),
            local_blocked: AtomicI32::new(0),
            access,
            automatic,
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            schedulers: AtomicI32::new(0),
            data: Cell::new(ptr::null_mut()),
            remote: Remote {
                inbox: Inbox::new(),
                inbox_len: AtomicUsize::new(0),
                blocked: AtomicI32::new(0),
                sleepers: AtomicU32::new(0),
                lock: SpinLock::new(),
                queue: UnsafeCell::new(Queue::new()),
                queue_len: AtomicUsize::new(0),
                consumers: Mutex::new(Vec::new()),
            },
        }))
    }

    pub(crate) fn access(&self) -> u32 {
        self.access
    }

    pub(crate) fn is_automatic(&self) -> bool {
        self.automatic
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn data(&self) -> *mut c_void {
        self.data.get()
    }

    /// A scheduler takes the pool.
    pub(crate) fn retain(&self) {
        self.schedulers.fetch_add(1, Ordering::AcqRel);
    }

    /// A scheduler lets go of the pool; returns how many still have it.
    pub(crate) fn release(&self) -> i32 {
        self.schedulers.fetch_sub(1, Ordering::AcqRel) - 1
    }

    pub(crate) fn schedulers(&self) -> i32 {
        self.schedulers.load(Ordering::Acquire)
    }

    #[inline(always)]
    fn is_mine(&self, me: Option<Handle<Xstream>>) -> bool {
        me.is_some_and(|xs| xs.as_ptr() == self.owner.load(Ordering::Relaxed))
    }

    /// The owner's queue.
    ///
    /// # Safety
    /// The caller runs on the owner, and keeps the reference only for one operation.
    #[inline(always)]
    #[allow(clippy::mut_from_ref)]
    unsafe fn local(&self) -> &mut Queue {
        // SAFETY: only the owner's OS thread gets here, and it does one thing at a time.
        unsafe { &mut *self.local.get() }
    }

    /// Adds a unit. Its context need not be saved yet: whoever pops it waits for that.
    #[inline]
    pub(crate) fn push(&self, unit: Handle<Thread>, me: Option<Handle<Xstream>>) {
        if self.is_mine(me) {
            self.drain_inbox();
            // SAFETY: we are the owner.
            unsafe { self.local() }.push(unit);
            self.add_local_len(1);
        } else {
            self.push_remote(unit);
        }
    }

    fn push_remote(&self, unit: Handle<Thread>) {
        self.remote.inbox_len.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller owns the unit, which is in no queue.
        unsafe { self.remote.inbox.push(unit.as_ptr()) };
        if self.remote.sleepers.load(Ordering::SeqCst) != 0 {
            self.wake_consumers();
        }
    }

    #[cold]
    fn wake_consumers(&self) {
        for xs in self.consumers().iter() {
            xs.wake();
        }
    }

    fn consumers(&self) -> std::sync::MutexGuard<'_, Vec<Handle<Xstream>>> {
        self.remote.consumers.lock().unwrap_or_else(|e| e.into_inner())
    }

    #[inline(always)]
    fn add_local_len(&self, n: usize) {
        self.local_len.store(self.local_len.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
    }

    /// Moves what others pushed behind what is here. On the owner only.
    #[inline(always)]
    fn drain_inbox(&self) {
        if !self.remote.inbox.is_empty() {
            self.drain_inbox_now();
        }
    }

    #[cold]
    fn drain_inbox_now(&self) {
        if let Some((first, last, count)) = self.remote.inbox.take_all() {
            // SAFETY: we are the owner.
            unsafe { self.local() }.append(first, last);
            self.add_local_len(count);
            self.remote.inbox_len.fetch_sub(count, Ordering::Relaxed);
        }
    }

    /// Takes the unit that was pushed first.
    #[inline]
    pub(crate) fn pop(&self, me: Option<Handle<Xstream>>) -> Option<Handle<Thread>> {
        if self.is_mine(me) && !self.shared.load(Ordering::Relaxed) {
            self.drain_inbox();
            // SAFETY: we are the owner.
            let unit = unsafe { self.local() }.pop()?;
            self.add_local_len(usize::MAX);
            Some(unit)
        } else {
            self.pop_shared(me)
        }
    }

    fn pop_shared(&self, me: Option<Handle<Xstream>>) -> Option<Handle<Thread>> {
        if self.is_mine(me) {
            self.disown();
        } else if !self.owner.load(Ordering::Acquire).is_null() {
            self.share();
            return None;
        }
        self.remote.lock.lock();
        // An owner may have come meanwhile.
        let unit = if self.owner.load(Ordering::Acquire).is_null() { self.pop_queue() } else { None };
        self.remote.lock.unlock();
        unit
    }

    /// Under the lock, without owner.
    fn pop_queue(&self) -> Option<Handle<Thread>> {
        // SAFETY: the lock is held.
        let queue = unsafe { &mut *self.remote.queue.get() };
        if let Some((first, last, count)) = self.remote.inbox.take_all() {
            queue.append(first, last);
            self.remote.queue_len.fetch_add(count, Ordering::Relaxed);
            self.remote.inbox_len.fetch_sub(count, Ordering::Relaxed);
        }
        let unit = queue.pop()?;
        self.remote.queue_len.fetch_sub(1, Ordering::Relaxed);
        Some(unit)
    }

    /// Asks the owner to share the pool.
    pub(crate) fn share(&self) {
        if !self.shared.swap(true, Ordering::AcqRel) {
            self.wake_consumers();
        }
    }

    /// An execution stream, which is the caller, begins to consume this pool; it will own it unless it is
    /// shared.
    pub(crate) fn attach(&self, me: Handle<Xstream>) {
        let mut consumers = self.consumers();
        consumers.push(me);
        if consumers.len() > 1 || self.schedulers() > 1 {
            drop(consumers);
            return self.share();
        }
        if self.shared.load(Ordering::Acquire) {
            return;
        }
        self.remote.lock.lock();
        // SAFETY: the lock is held.
        let queue = core::mem::replace(unsafe { &mut *self.remote.queue.get() }, Queue::new());
        let count = self.remote.queue_len.swap(0, Ordering::Relaxed);
        if count > 0 {
            // SAFETY: there is no owner, and we are about to be it.
            unsafe { self.local() }.append(queue.head, queue.tail);
            self.add_local_len(count);
        }
        self.owner.store(me.as_ptr(), Ordering::Release);
        self.remote.lock.unlock();
    }

    /// The caller does not consume this pool any more.
    pub(crate) fn detach(&self, me: Handle<Xstream>) {
        if self.is_mine(Some(me)) {
            self.disown();
        }
        let mut consumers = self.consumers();
        if let Some(index) = consumers.iter().position(|&xs| xs == me) {
            consumers.swap_remove(index);
        }
    }

    /// The owner gives the pool to everyone.
    #[cold]
    fn disown(&self) {
        self.remote.lock.lock();
        // SAFETY: we are the owner.
        let local = core::mem::replace(unsafe { self.local() }, Queue::new());
        let count = self.local_len.swap(0, Ordering::Relaxed);
        if count > 0 {
            // SAFETY: the lock is held.
            unsafe { &mut *self.remote.queue.get() }.append(local.head, local.tail);
            self.remote.queue_len.fetch_add(count, Ordering::Relaxed);
        }
        self.owner.store(ptr::null_mut(), Ordering::Release);
        self.remote.lock.unlock();
        self.wake_consumers();
    }

    /// Number of units that are ready.
    pub(crate) fn len(&self) -> usize {
        self.local_len.load(Ordering::Relaxed)
            + self.remote.queue_len.load(Ordering::Relaxed)
            + self.remote.inbox_len.load(Ordering::Acquire)
    }

    /// Whether no unit is ready. A pusher whose wake-up would miss a consumer that has announced to sleep is
    /// seen here.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.remote.inbox.is_empty() && self.len() == 0
    }

    /// Number of units of this pool that are blocked.
    pub(crate) fn blocked(&self) -> i32 {
        self.local_blocked.load(Ordering::Acquire) + self.remote.blocked.load(Ordering::Acquire)
    }

    /// A unit of this pool blocks (1) or is ready again (-1). It is counted as ready before it is taken off
    /// the blocked ones, so that it is never missed by both counts.
    #[inline(always)]
    pub(crate) fn count_blocked(&self, change: i32, me: Option<Handle<Xstream>>) {
        if self.is_mine(me) {
            self.local_blocked.store(self.local_blocked.load(Ordering::Relaxed) + change, Ordering::Release);
        } else {
            self.remote.blocked.fetch_add(change, Ordering::AcqRel);
        }
    }

    /// A consumer announces that it will sleep, and must look for units after this.
    pub(crate) fn add_sleeper(&self) {
        self.remote.sleepers.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn remove_sleeper(&self) {
        self.remote.sleepers.fetch_sub(1, Ordering::SeqCst);
    }

    /// Whether `me` may take all units of this pool as standing still: nobody else consumes it.
    pub(crate) fn is_owned_by(&self, me: Handle<Xstream>) -> bool {
        self.is_mine(Some(me))
    }
}
