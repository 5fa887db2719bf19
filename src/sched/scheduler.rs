//! State of an xstream's scheduler.

use core::cell::{Cell, RefCell};
use core::ffi::c_int;
use core::ptr::{self, NonNull};
use core::sync::atomic::Ordering;
use std::rc::Rc;

use super::Work;
use super::beneath::Idle;
use super::clock::coarse_ms;
use super::cycle::Pool;
use super::metrics::Metrics;
use super::queue::Queues;
use super::request::Request;
use super::sleep::Sleepers;
use super::watch::{Monitor, Vitals, Watchdog};

thread_local! {
    /// The scheduler that runs on this thread.
    static CURRENT: Cell<*const Scheduler> = const { Cell::new(ptr::null()) };
}

/// State of one xstream's scheduler. Everything but the vitals is touched by the xstream's own thread only.
pub struct Scheduler {
    pub(super) dx: NonNull<abi::dss_xstream>,
    pub(super) xs_id: c_int,
    pub(super) pools: [abi::ABT_pool; abi::DSS_POOL_CNT as usize],
    pub(super) queues: RefCell<Queues<Work>>,
    pub(super) sleepers: RefCell<Sleepers<Rc<Request>>>,
    pub(super) stopping: Cell<bool>,
    /// How long after a change space may be freed, in milliseconds.
    pub(super) gc_delay: Cell<u64>,
    pub(super) idle: Idle,
    pub(super) metrics: Metrics,
    pub(super) watchdog: RefCell<Watchdog>,
    pub(super) monitor: RefCell<Monitor>,
    pub(super) vitals: Vitals,
    /// Kept to spare an allocation a cycle.
    pub(super) due: RefCell<Vec<Work>>,
}

impl Scheduler {
    /// The scheduler of `dx`, over the pools that `dx` has.
    ///
    /// # Safety
    /// `dx` outlives the scheduler; its ids and pools are set.
    pub unsafe fn new(dx: NonNull<abi::dss_xstream>) -> Self {
        // SAFETY: the caller vouches for dx.
        let (xs_id, pools) = unsafe { ((*dx.as_ptr()).dx_xs_id, (*dx.as_ptr()).dx_pools) };
        Scheduler {
            dx,
            xs_id,
            pools,
            queues: RefCell::default(),
            sleepers: RefCell::default(),
            stopping: Cell::new(false),
            gc_delay: Cell::default(),
            idle: Idle::default(),
            metrics: Metrics::new(xs_id, coarse_ms()),
            watchdog: RefCell::default(),
            monitor: RefCell::default(),
            vitals: Vitals::default(),
            due: RefCell::default(),
        }
    }

    /// The scheduler that runs the caller; `None` outside of the engine's xstreams.
    pub fn current<'a>() -> Option<&'a Self> {
        // SAFETY: set while `run` is on this thread's stack, below every ULT and tasklet of the xstream; the
        // scheduler is freed after its xstream has been joined.
        unsafe { CURRENT.get().as_ref() }
    }

    /// The scheduler of `dx`.
    ///
    /// # Safety
    /// `dx` has been through `dss_sched_init` and not through `dss_sched_fini`.
    pub unsafe fn of<'a>(dx: NonNull<abi::dss_xstream>) -> &'a Self {
        let mut data = ptr::null_mut();
        // SAFETY: the caller vouches for dx, whose scheduler keeps the pointer that `dss_sched_init` gave it.
        unsafe {
            abi::ABT_sched_get_data((*dx.as_ptr()).dx_sched, &raw mut data);
            &*data.cast::<Scheduler>()
        }
    }

    /// The xstream's id.
    pub fn xs_id(&self) -> c_int {
        self.xs_id
    }

    /// The part of the xstream that C code sees. Other xstreams write the busy timestamp in it and read the
    /// rest, as in C, so no reference to it may be formed.
    pub(super) fn info(&self) -> *mut abi::sched_info {
        // SAFETY: dx outlives the scheduler.
        unsafe { &raw mut (*self.dx.as_ptr()).dx_sched_info }
    }

    /// `si_cur_ts`: the time at which this cycle began, in milliseconds.
    pub fn now(&self) -> u64 {
        // SAFETY: a plain word of a live xstream.
        unsafe { (&raw const (*self.info()).si_cur_ts).read_volatile() }
    }

    /// `si_cur_seq`: how many units have run.
    pub fn sequence(&self) -> u64 {
        self.vitals.units.load(Ordering::Relaxed)
    }

    pub(super) fn pool(&self, pool: Pool) -> abi::ABT_pool {
        self.pools[pool as usize]
    }

    /// The scheduler runs on this thread from now on, or not any more.
    pub fn set_current(current: *const Self) {
        CURRENT.set(current);
    }
}
