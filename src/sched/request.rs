//! A request: a ULT's standing with the scheduler of its xstream.

use core::cell::Cell;
use core::ffi::c_int;
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};
use std::rc::Rc;

use super::kind::Kind;
use super::pool::Pool;
use super::queue::Entry;
use super::sleep::Alarm;

/// What `struct sched_request` stands for. It belongs to the xstream on which it was made; only the abort flag
/// may be read on others.
pub struct Request {
    /// The xstream's id.
    pub home: c_int,
    /// Type and flags, as its maker gave them.
    attr: abi::sched_req_attr,
    /// Its pool; none for an anonymous one.
    pub pool: Option<Rc<Pool>>,
    /// The ULT that sleeps and yields by this request.
    pub ult: Cell<abi::ABT_thread>,
    /// Whether the request frees its ULT.
    pub owns_ult: bool,
    /// Set while it sleeps.
    alarm: Cell<Option<Alarm>>,
    aborted: AtomicBool,
}

impl Request {
    /// A request of the ULT `ult` on xstream `home`.
    pub fn new(
        home: c_int,
        attr: &abi::sched_req_attr,
        pool: Option<Rc<Pool>>,
        ult: abi::ABT_thread,
        owns_ult: bool,
    ) -> Rc<Self> {
        let request = Request {
            home,
            attr: *attr,
            pool,
            ult: Cell::new(ult),
            owns_ult,
            alarm: Cell::new(None),
            aborted: AtomicBool::new(false),
        };
        request.gc_pool().inspect(|pool| pool.count_gc(1));
        Rc::new(request)
    }

    /// Its pool, if it frees space there.
    fn gc_pool(&self) -> Option<&Pool> {
        self.pool.as_deref().filter(|_| self.kind() == Some(Kind::Gc))
    }

    /// It falls asleep.
    pub fn set_alarm(&self, alarm: Alarm) {
        self.alarm.set(Some(alarm));
        self.gc_pool().inspect(|pool| pool.count_gc_asleep(1));
    }

    /// It wakes, if it is asleep; returns the alarm.
    pub fn take_alarm(&self) -> Option<Alarm> {
        let alarm = self.alarm.take()?;
        self.gc_pool().inspect(|pool| pool.count_gc_asleep(-1));
        Some(alarm)
    }

    /// Its type; `None` for an anonymous one.
    pub fn kind(&self) -> Option<Kind> {
        Kind::new(self.attr.sra_type)
    }

    /// Asks the ULT to end.
    pub fn abort(&self) {
        self.aborted.store(true, Ordering::Release);
    }

    /// Whether the ULT was asked to end.
    pub fn is_aborted(&self) -> bool {
        self.aborted.load(Ordering::Acquire)
    }

    /// This request as an entry of a queue.
    pub fn entry(self: &Rc<Self>, pool: Rc<Pool>, kind: Kind, now: u64) -> Entry<super::Work> {
        entry(&self.attr, pool, kind, now, super::Work::Resume(self.clone()))
    }

    /// Hands the request out as a C handle.
    pub fn into_handle(self: Rc<Self>) -> *mut abi::sched_request {
        Rc::into_raw(self).cast_mut().cast()
    }

    /// The request behind a C handle that stays valid.
    ///
    /// # Safety
    /// `handle` comes from [`Request::into_handle`] and was not taken back; the calling thread is the request's
    /// xstream.
    pub unsafe fn borrow(handle: *mut abi::sched_request) -> Rc<Self> {
        // SAFETY: the caller vouches for the handle, which holds one count.
        unsafe {
            Rc::increment_strong_count(handle.cast::<Request>());
            Rc::from_raw(handle.cast())
        }
    }

    /// Takes a C handle back.
    ///
    /// # Safety
    /// As for [`Request::borrow`]; the handle is not used again.
    pub unsafe fn from_handle(handle: *mut abi::sched_request) -> Rc<Self> {
        // SAFETY: the caller vouches for the handle.
        unsafe { Rc::from_raw(handle.cast()) }
    }

    /// Reads the abort flag behind a C handle, on any thread.
    ///
    /// # Safety
    /// `handle` comes from [`Request::into_handle`] and was not taken back.
    pub unsafe fn handle_is_aborted(handle: *const abi::sched_request) -> bool {
        // SAFETY: the caller vouches for the handle; the flag is atomic and nothing else is touched.
        unsafe { (*ptr::addr_of!((*handle.cast::<Request>()).aborted)).load(Ordering::Acquire) }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.gc_pool().inspect(|pool| pool.count_gc(-1));
    }
}

/// The queue entry of anything with request attributes.
pub fn entry<T>(attr: &abi::sched_req_attr, pool: Rc<Pool>, kind: Kind, now: u64, item: T) -> Entry<T> {
    Entry {
        item,
        pool,
        kind,
        no_delay: attr.sra_flags & abi::SCHED_REQ_FL_NO_DELAY != 0,
        resent: attr.sra_flags & abi::SCHED_REQ_FL_RESENT != 0,
        enqueue_id: attr.sra_enqueue_id,
        timeout: attr.sra_timeout,
        enqueued_at: now,
    }
}
