//! What a request does on its xstream: yield, sleep, wake, queue.

use core::ffi::{c_int, c_uint, c_void};
use core::ptr;
use std::rc::Rc;

use gurt_client::{Facility, Result, error};

use super::Work;
use super::clock::precise_ns;
use super::kind::Kind;
use super::parameter;
use super::pool::{Pool, Turn};
use super::queue::is_overloaded;
use super::request::{self, Request};
use super::scheduler::Scheduler;
use super::watch::Symbol;
use crate::inline::{self, UltFn};

impl Scheduler {
    /// The kind by which a request is queued, or `None` when it runs at once: anonymous, or not on a main
    /// xstream, or the engine is told not to prioritise or to stop.
    fn queued_as(&self, kind: Option<Kind>) -> Option<Kind> {
        // SAFETY: written before the xstream started.
        let main = unsafe { (*self.dx.as_ptr()).dx_main_xs };
        kind.filter(|_| main && !self.stopping.get() && !parameter!(sched_prio_disabled))
    }

    /// The pool to which a request with `attr` belongs; none for an anonymous one.
    pub fn pool_of(&self, attr: &abi::sched_req_attr) -> Option<Rc<Pool>> {
        Kind::new(attr.sra_type).map(|_| self.queues.borrow_mut().pool(attr.sra_pool_id))
    }

    /// Queues a request whose ULT is to be resumed, if it has a queue.
    fn queue(&self, request: &Rc<Request>) -> bool {
        let (Some(kind), Some(pool)) = (self.queued_as(request.kind()), &request.pool) else { return false };
        self.queues.borrow_mut().push(request.entry(pool.clone(), kind, self.now()));
        true
    }

    /// Lets other units run. The request waits in its queue where its type has one.
    pub fn yield_request(&self, request: &Rc<Request>) {
        if self.queue(request) { suspend() } else { inline::yield_now() }
    }

    /// Suspends the calling ULT for `msec` milliseconds, or until it is woken; at a stop or after an abort it
    /// only yields.
    pub fn sleep(&self, request: &Rc<Request>, msec: u32) {
        if msec == 0 || self.stopping.get() || request.is_aborted() {
            return self.yield_request(request);
        }
        let due = precise_ns() + u64::from(msec) * 1_000_000;
        let alarm = self.sleepers.borrow_mut().insert(due, request.clone());
        request.set_alarm(alarm);
        self.count_sleepers();
        suspend();
    }

    /// Resumes the request's ULT if it sleeps.
    pub fn wake(&self, request: &Rc<Request>) {
        if let Some(alarm) = request.take_alarm() {
            self.sleepers.borrow_mut().remove(alarm);
            self.count_sleepers();
            resume(request);
        }
    }

    /// Queues `func(arg)` as a request with `attr`, or starts it at once. `-DER_OVERLOAD_RETRY` when it would
    /// time out; `attr` then says in which place to come again.
    pub fn enqueue(&self, attr: &mut abi::sched_req_attr, func: UltFn, arg: *mut c_void) -> Result {
        if attr.sra_enqueue_id == 0 {
            attr.sra_enqueue_id = self.next_enqueue_id();
        } else {
            attr.sra_flags |= abi::SCHED_REQ_FL_RESENT;
        }
        let may_reject = attr.sra_flags & abi::SCHED_REQ_FL_NO_REJECT == 0;
        if may_reject && is_overloaded(self.queues.borrow().queued(), attr.sra_timeout) {
            self.metrics.reject();
            return Err(gurt_client::Der::new(abi::DER_OVERLOAD_RETRY as i64));
        }
        let periodic = attr.sra_flags & abi::SCHED_REQ_FL_PERIODIC != 0;
        let flags = if periodic { abi::DSS_ULT_FL_PERIODIC } else { 0 };
        match self.queued_as(Kind::new(attr.sra_type)) {
            None => self.create(func, arg, flags),
            Some(kind) => {
                let work = Work::Create { func, arg, flags };
                let mut queues = self.queues.borrow_mut();
                let pool = queues.pool(attr.sra_pool_id);
                queues.push(request::entry(attr, pool, kind, self.now(), work));
                Ok(())
            }
        }
    }

    fn next_enqueue_id(&self) -> u64 {
        // SAFETY: only this xstream's thread touches the counter.
        unsafe {
            let id = &raw mut (*self.info()).si_cur_id;
            *id += 1;
            *id
        }
    }

    fn create(&self, func: UltFn, arg: *mut c_void, flags: c_uint) -> Result {
        // SAFETY: dx is started; func and arg come from a C caller that hands them over.
        unsafe {
            inline::create_thread(self.dx, func, arg, abi::ABT_THREAD_ATTR_NULL, ptr::null_mut(), flags)
        }
    }

    /// Blocks the calling ULT on a condition variable for long; `business` says that what it waits for makes the
    /// xstream busy.
    ///
    /// # Safety
    /// `cond` and `mutex` are live and `mutex` is held by the caller.
    pub unsafe fn wait(&self, cond: abi::ABT_cond, mutex: abi::ABT_mutex, business: bool) {
        // SAFETY: the caller vouches for cond and mutex. The counter is touched by this xstream's thread only,
        // and no borrow is held while others run.
        unsafe {
            let waiting = &raw mut (*self.info()).si_wait_cnt;
            *waiting += 1;
            abi::ABT_cond_wait(cond, mutex);
            *waiting -= 1;
            if business {
                (&raw mut (*self.info()).si_stats.ss_busy_ts).write_volatile(self.now());
            }
        }
    }

    /// From now on nothing sleeps or queues here: wakes all sleepers and starts all requests.
    pub fn stop(&self) {
        self.stopping.set(true);
        // SAFETY: only this xstream's thread touches the bit.
        unsafe { (*self.info()).si_flags |= 1 };
        self.wake_due();
        self.start_due();
    }

    /// Wakes the sleepers that are due; at a stop, all.
    pub(super) fn wake_due(&self) {
        if self.sleepers.borrow().len() == 0 {
            return;
        }
        let now = precise_ns();
        loop {
            let mut sleepers = self.sleepers.borrow_mut();
            let woken = if self.stopping.get() { sleepers.pop() } else { sleepers.pop_due(now) };
            drop(sleepers);
            let Some(request) = woken else { break };
            request.take_alarm();
            if !self.queue(&request) {
                resume(&request);
            }
        }
        self.count_sleepers();
    }

    fn count_sleepers(&self) {
        // SAFETY: only this xstream's thread touches the counter.
        unsafe { (*self.info()).si_sleep_cnt = self.sleeping() as c_int };
    }

    /// How many requests sleep.
    pub(super) fn sleeping(&self) -> usize {
        self.sleepers.borrow().len()
    }

    /// Starts the queued requests that may run now; at a stop, all.
    pub(super) fn start_due(&self) {
        if self.queues.borrow().is_empty() {
            return;
        }
        let mut due = self.due.take();
        let mut queues = self.queues.borrow_mut();
        let turn = Turn {
            cycle: queues.cycle(),
            now: self.now(),
            all: self.stopping.get(),
            gc_delay: self.gc_delay.get(),
        };
        queues.take_due(&turn, &mut due);
        drop(queues);
        for work in due.drain(..) {
            match work {
                Work::Resume(request) => resume(&request),
                Work::Create { func, arg, flags } => {
                    if let Err(err) = self.create(func, arg, flags) {
                        let func = func.map_or(ptr::null(), |func| func as *const c_void);
                        error!(
                            Facility::SERVER,
                            "xs {}: dropped the request {}: cannot create its ULT: {err}",
                            self.xs_id,
                            Symbol(func)
                        );
                    }
                }
            }
        }
        self.due.replace(due);
    }
}

/// Suspends the calling ULT until it is resumed.
fn suspend() {
    // SAFETY: takes no argument. The caller is known to its sleepers or queues, which will resume it.
    unsafe { abi::ABT_self_suspend() };
}

/// Makes the request's ULT, which is suspended, ready again.
fn resume(request: &Request) {
    // SAFETY: the request's ULT lives while it is suspended.
    let rc = unsafe { abi::ABT_thread_resume(request.ult.get()) };
    if let Err(err) = inline::abt(rc) {
        error!(Facility::SERVER, "xs {}: cannot resume ULT {:?}: {err}", request.home, request.ult.get());
    }
}
