//! The scheduler of one xstream over Argobots: its state, and the loop that Argobots runs.

use core::cell::{Cell, RefCell};
use core::ffi::{CStr, c_int, c_uint, c_void};
use core::ptr::{self, NonNull};
use core::sync::atomic::Ordering;
use core::time::Duration;
use std::rc::Rc;

use gurt_client::{Facility, Result, error, warn};

use super::Work;
use super::cycle::{Cycle, Pool, Step};
use super::queue::{Kind, Queues};
use super::relax::{self, ALERT, Alertness};
use super::request::{self, Request};
use super::sleep::Sleepers;
use super::watch::{Monitor, Symbol, ThreadState, Vitals, Watchdog};
use crate::inline::{self, UltFn};

/// Steps between two looks for a request to stop.
const EVENT_FREQUENCY: u32 = 512;
/// The xstream that monitors the others: SWIM's, whose units are few and short.
const MONITOR_XSTREAM: c_int = 1;
/// The xstream of the dRPC listener, which blocks in poll(2).
const DRPC_XSTREAM: c_int = 2;

thread_local! {
    /// The scheduler that runs on this thread.
    static CURRENT: Cell<*const Scheduler> = const { Cell::new(ptr::null()) };
}

/// State of one xstream's scheduler. Everything but the vitals is touched by the xstream's own thread only.
pub struct Scheduler {
    dx: NonNull<abi::dss_xstream>,
    xs_id: c_int,
    pools: [abi::ABT_pool; abi::DSS_POOL_CNT as usize],
    queues: RefCell<Queues<Work>>,
    sleepers: RefCell<Sleepers<Rc<Request>>>,
    stopping: Cell<bool>,
    idle_cycles: Cell<u32>,
    alertness: RefCell<Alertness>,
    watchdog: RefCell<Watchdog>,
    monitor: RefCell<Monitor>,
    vitals: Vitals,
    /// Kept to spare an allocation a cycle.
    due: RefCell<Vec<Work>>,
}

/// `daos_getmtime_coarse`: the clock of `sched_cur_msec`.
pub fn coarse_ms() -> u64 {
    let now = clock(libc::CLOCK_MONOTONIC_COARSE);
    now.tv_sec as u64 * 1000 + now.tv_nsec as u64 / 1_000_000
}

/// The clock of the sleepers, in nanoseconds.
fn precise_ns() -> u64 {
    let now = clock(libc::CLOCK_MONOTONIC);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

fn clock(id: libc::clockid_t) -> libc::timespec {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one timespec.
    unsafe { libc::clock_gettime(id, &raw mut now) };
    now
}

/// Reads one of the exported parameters. They are set before the xstreams start.
macro_rules! parameter {
    ($name:ident) => {
        // SAFETY: a plain variable, reached where the executable may have put it.
        unsafe { (&raw const abi::$name).read() }
    };
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
            idle_cycles: Cell::new(0),
            alertness: RefCell::default(),
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
    fn info(&self) -> *mut abi::sched_info {
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

    fn pool(&self, pool: Pool) -> abi::ABT_pool {
        self.pools[pool as usize]
    }

    // ---- requests -------------------------------------------------------------------------------------------

    /// The kind by which a request is queued, or `None` when it runs at once: anonymous, or not on a main
    /// xstream, or the engine is told not to prioritise or to stop.
    fn queued_as(&self, kind: Option<Kind>) -> Option<Kind> {
        // SAFETY: written before the xstream started.
        let main = unsafe { (*self.dx.as_ptr()).dx_main_xs };
        kind.filter(|_| main && !self.stopping.get() && !parameter!(sched_prio_disabled))
    }

    /// Lets other units run. The request waits in its queue where its type has one.
    pub fn yield_request(&self, request: &Rc<Request>) {
        match self.queued_as(request.kind()) {
            None => inline::yield_now(),
            Some(kind) => {
                self.queues.borrow_mut().push(request.entry(kind, self.now()));
                suspend();
            }
        }
    }

    /// Suspends the calling ULT for `msec` milliseconds, or until it is woken; at a stop or after an abort it
    /// only yields.
    pub fn sleep(&self, request: &Rc<Request>, msec: u32) {
        if msec == 0 || self.stopping.get() || request.is_aborted() {
            return self.yield_request(request);
        }
        let due = precise_ns() + u64::from(msec) * 1_000_000;
        request.alarm.set(Some(self.sleepers.borrow_mut().insert(due, request.clone())));
        self.count_sleepers();
        suspend();
    }

    /// Resumes the request's ULT if it sleeps.
    pub fn wake(&self, request: &Rc<Request>) {
        if let Some(alarm) = request.alarm.take() {
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
        if may_reject && super::queue::is_overloaded(self.queues.borrow().queued(), attr.sra_timeout) {
            return Err(gurt_client::Der::new(abi::DER_OVERLOAD_RETRY as i64));
        }
        let periodic = attr.sra_flags & abi::SCHED_REQ_FL_PERIODIC != 0;
        let flags = if periodic { abi::DSS_ULT_FL_PERIODIC } else { 0 };
        match self.queued_as(Kind::new(attr.sra_type)) {
            None => self.create(func, arg, flags),
            Some(kind) => {
                let entry = request::entry(attr, kind, self.now(), Work::Create { func, arg, flags });
                self.queues.borrow_mut().push(entry);
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

    // ---- one cycle ------------------------------------------------------------------------------------------

    /// Begins a cycle; returns how many units it is to run.
    fn begin_cycle(&self) -> usize {
        self.update_clock();
        if self.xs_id == MONITOR_XSTREAM {
            self.look_after_others();
        }
        let units = self.ready_units();
        if units > 0 {
            self.idle_cycles.set(0);
            return units;
        }
        if !self.relax() {
            return 0;
        }
        self.update_clock();
        self.ready_units()
    }

    fn update_clock(&self) {
        let now = coarse_ms().max(self.now());
        // SAFETY: this xstream's thread is the only writer.
        unsafe { (&raw mut (*self.info()).si_cur_ts).write_volatile(now) };
    }

    /// Makes ready what is due; returns how many units of the generic pool are ready.
    fn ready_units(&self) -> usize {
        self.wake_due();
        self.start_due();
        let mut size = 0;
        // SAFETY: the pool lives as long as the scheduler.
        unsafe { abi::ABT_pool_get_size(self.pool(Pool::Generic), &raw mut size) };
        size
    }

    fn wake_due(&self) {
        if self.sleepers.borrow().len() == 0 {
            return;
        }
        let now = precise_ns();
        loop {
            let mut sleepers = self.sleepers.borrow_mut();
            let woken = if self.stopping.get() { sleepers.pop() } else { sleepers.pop_due(now) };
            drop(sleepers);
            let Some(request) = woken else { break };
            request.alarm.set(None);
            match self.queued_as(request.kind()) {
                None => resume(&request),
                Some(kind) => self.queues.borrow_mut().push(request.entry(kind, self.now())),
            }
        }
        self.count_sleepers();
    }

    fn count_sleepers(&self) {
        // SAFETY: only this xstream's thread touches the counter.
        unsafe { (*self.info()).si_sleep_cnt = self.sleepers.borrow().len() as c_int };
    }

    fn start_due(&self) {
        if self.queues.borrow().is_empty() {
            return;
        }
        let mut due = self.due.take();
        self.queues.borrow_mut().take_due(self.now(), self.stopping.get(), &mut due);
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

    /// Sleeps if there is nothing to do. Returns whether it did.
    fn relax(&self) -> bool {
        if !self.queues.borrow().is_empty() {
            return false;
        }
        if self.stopping.get() {
            self.idle_cycles.set(self.idle_cycles.get().saturating_add(1));
            let sleeps = self.idle_cycles.get() > relax::DRAINING_SPINS;
            if sleeps {
                relax::sleep(&[self.pool(Pool::Generic)], relax::DRAINING);
            }
            return sleeps;
        }
        // SAFETY: a plain word of a live xstream, which other xstreams write too.
        let busy = unsafe { (&raw const (*self.info()).si_stats.ss_busy_ts).read_volatile() };
        if parameter!(sched_relax_mode) == abi::SCHED_RELAX_MODE_DISABLED
            || !relax::is_allowed(busy, self.now())
        {
            return false;
        }
        self.rest();
        true
    }

    /// Waits until there is something to do, first awake, if that promises to be short, then asleep.
    fn rest(&self) {
        let began = precise_ns();
        let mut alertness = self.alertness.borrow_mut();
        let longest = relax::duration(self.next_event());
        if alertness.stays_awake() {
            if self.watch_pools(began + longest.min(ALERT).as_nanos() as u64) {
                alertness.paid();
            } else {
                alertness.failed();
            }
        }
        let awake = Duration::from_nanos(precise_ns() - began);
        if self.pools_are_empty() && awake < longest {
            relax::sleep(&self.pools, longest - awake);
        }
        alertness.note(Duration::from_nanos(precise_ns() - began));
    }

    /// Watches the pools until one has a unit, which it returns, or until `end`.
    fn watch_pools(&self, end: u64) -> bool {
        loop {
            for _ in 0..32 {
                if !self.pools_are_empty() {
                    return true;
                }
                core::hint::spin_loop();
            }
            if precise_ns() >= end {
                return false;
            }
            // Who makes the work may need this core.
            std::thread::yield_now();
        }
    }

    fn pools_are_empty(&self) -> bool {
        self.pools.iter().all(|pool| {
            let mut size = 0;
            // SAFETY: the pool lives as long as the scheduler.
            unsafe { abi::ABT_pool_get_size(*pool, &raw mut size) };
            size == 0
        })
    }

    /// Nanoseconds until the next thing that this xstream has to do by itself.
    fn next_event(&self) -> Option<u64> {
        let sleeper = self.sleepers.borrow().next_due().map(|due| due.saturating_sub(precise_ns()));
        let monitors = self.xs_id == MONITOR_XSTREAM && parameter!(sched_inactive_max) != 0;
        let monitor =
            monitors.then(|| self.monitor.borrow().next_due().saturating_sub(self.now()) * 1_000_000);
        sleeper.into_iter().chain(monitor).min()
    }

    // ---- one unit -------------------------------------------------------------------------------------------

    /// Runs one unit of `pool`, if there is one.
    fn run_one(&self, pool: Pool) {
        let pool = self.pool(pool);
        let mut unit = abi::ABT_UNIT_NULL;
        // SAFETY: the pool lives as long as the scheduler and is popped by this xstream only.
        unsafe { abi::ABT_pool_pop(pool, &raw mut unit) };
        // A unit may be gone: who joins a ULT that has not started takes it out of its pool and runs it.
        if unit == abi::ABT_UNIT_NULL || unit.is_null() {
            return;
        }
        let watched = self.is_watched();
        let func = function_of(unit);
        let started = if watched { coarse_ms() } else { 0 };
        // SAFETY: plain words of this xstream, written by its thread only.
        unsafe {
            (&raw mut (*self.info()).si_ult_func).write_volatile(func);
            (&raw mut (*self.info()).si_ult_start).write_volatile(started);
        }
        self.vitals.enter(func);
        // SAFETY: the unit was just popped from the pool.
        unsafe { abi::ABT_xstream_run_unit(unit, pool) };
        self.vitals.leave();
        // SAFETY: as above.
        unsafe { (&raw mut (*self.info()).si_cur_seq).write_volatile(self.sequence()) };
        if watched {
            self.check_runtime(func, started);
        }
    }

    /// Whether each unit's run time is measured: on the system and SWIM xstreams, on the others by
    /// `DAOS_SCHED_WATCHDOG_ALL`.
    pub fn is_watched(&self) -> bool {
        parameter!(sched_unit_runtime_max) != 0
            && (matches!(self.xs_id, 0 | 1) || (parameter!(sched_watchdog_all) && self.xs_id != DRPC_XSTREAM))
    }

    /// When the running unit was started, in milliseconds. Meaningful where [`Self::is_watched`].
    pub fn unit_started(&self) -> u64 {
        // SAFETY: a plain word of this xstream.
        unsafe { (&raw const (*self.info()).si_ult_start).read_volatile() }
    }

    fn check_runtime(&self, func: *mut c_void, started: u64) {
        let now = coarse_ms();
        let elapsed = now.saturating_sub(started);
        let max = parameter!(sched_unit_runtime_max).into();
        if self.watchdog.borrow_mut().barks(func as usize, elapsed, max, now) {
            warn!(
                Facility::SERVER,
                "WATCHDOG: {} ran for {elapsed} ms on xs {} ({}) without yielding; the limit is {max} ms",
                Symbol(func),
                self.xs_id,
                name_of(self.dx),
            );
        }
    }

    // ---- the others -----------------------------------------------------------------------------------------

    /// Finds units that keep the system or a main xstream from running others.
    fn look_after_others(&self) {
        let max = u64::from(parameter!(sched_inactive_max));
        if max == 0 || !self.monitor.borrow_mut().is_due(self.now()) {
            return;
        }
        // SAFETY: takes no argument. While it holds, no xstream is freed.
        if !unsafe { abi::dss_sched_monitor_enter() } {
            return;
        }
        // SAFETY: between enter and exit the table of xstreams does not change.
        let count = unsafe { abi::dss_xstream_cnt() };
        for index in 0..count {
            // SAFETY: as above.
            let Some(dx) = NonNull::new(unsafe { abi::dss_get_xstream(index) }) else { continue };
            // SAFETY: a started xstream; its ids do not change.
            let monitored = unsafe { (*dx.as_ptr()).dx_xs_id == 0 || (*dx.as_ptr()).dx_main_xs };
            if monitored {
                self.look_after(index as usize, dx, max);
            }
        }
        // SAFETY: takes no argument.
        unsafe { abi::dss_sched_monitor_exit() };
    }

    fn look_after(&self, index: usize, dx: NonNull<abi::dss_xstream>, max: u64) {
        // SAFETY: a started xstream. Only the vitals of the other scheduler are touched, which are atomic.
        let vitals = unsafe { &*(&raw const (*ptr::from_ref(Self::of(dx))).vitals) };
        let Some(stuck) = self.monitor.borrow_mut().look(index, vitals, self.now(), max) else { return };
        let thread = ThreadState::of(vitals.thread.load(Ordering::Relaxed));
        let state = thread.map_or_else(|| "thread state unknown".to_owned(), |thread| thread.to_string());
        // SAFETY: a started xstream; its ids do not change.
        let (xs_id, tgt_id) = unsafe { ((*dx.as_ptr()).dx_xs_id, (*dx.as_ptr()).dx_tgt_id) };
        warn!(
            Facility::SERVER,
            "SCHED_MONITOR: {} has not yielded for {} ms on xs {xs_id} (tgt {tgt_id}, {}); {state}",
            Symbol(vitals.func.load(Ordering::Relaxed)),
            stuck.for_ms,
            name_of(dx),
        );
        if !stuck.too_long || !parameter!(sched_monitor_kill) {
            return;
        }
        if thread.is_some_and(|thread| thread.is_held()) {
            warn!(
                Facility::SERVER,
                "SCHED_MONITOR: the thread is stopped from outside; not killing the engine"
            );
            self.monitor.borrow_mut().pardon(index, self.now());
            return;
        }
        error!(
            Facility::SERVER,
            "SCHED_MONITOR: killing the engine: nothing ran on xs {xs_id} for more than {max} ms \
             (DAOS_SCHED_INACTIVE_MAX; DAOS_SCHED_MONITOR_KILL=0 to keep it alive)"
        );
        // SAFETY: no memory is involved.
        unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
    }

    // ---- the loop -------------------------------------------------------------------------------------------

    /// Runs cycles until Argobots asks to stop.
    fn run(&self, sched: abi::ABT_sched) {
        // SAFETY: no memory is involved.
        self.vitals.thread.store(unsafe { libc::gettid() }, Ordering::Relaxed);
        let mut cycle = Cycle::new();
        let mut steps = 0;
        loop {
            match cycle.next() {
                Step::Run(pool) => self.run_one(pool),
                Step::Begin => {
                    let units = self.begin_cycle();
                    cycle.begin(units);
                    if units == 0 {
                        steps = EVENT_FREQUENCY;
                    }
                }
            }
            steps += 1;
            if steps >= EVENT_FREQUENCY {
                steps = 0;
                if handle_events(sched) {
                    break;
                }
            }
        }
    }
}

/// Whether Argobots asks the scheduler to stop; other events are handled here.
fn handle_events(sched: abi::ABT_sched) -> bool {
    let mut stop = 0;
    // SAFETY: the scheduler that is running.
    unsafe {
        abi::ABT_sched_has_to_stop(sched, &raw mut stop);
        if stop == 0 {
            abi::ABT_xstream_check_events(sched);
        }
    }
    stop != 0
}

/// The `run` function of the scheduler, called by Argobots on the xstream's thread.
///
/// # Safety
/// `sched` was created by `dss_sched_init`.
pub unsafe extern "C" fn run(sched: abi::ABT_sched) {
    let boundary = abi::Boundary::enter("sched_run");
    let mut data = ptr::null_mut();
    // SAFETY: the caller vouches for sched, whose data is its Scheduler.
    let scheduler = unsafe {
        abi::ABT_sched_get_data(sched, &raw mut data);
        &*data.cast::<Scheduler>()
    };
    CURRENT.set(scheduler);
    scheduler.run(sched);
    CURRENT.set(ptr::null());
    boundary.leave();
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

/// The function of a unit, for the watchers.
fn function_of(unit: abi::ABT_unit) -> *mut c_void {
    let mut thread = abi::ABT_THREAD_NULL;
    let mut func = None;
    // SAFETY: the unit was just popped and is alive.
    unsafe {
        abi::ABT_unit_get_thread(unit, &raw mut thread);
        abi::ABT_thread_get_thread_func(thread, &raw mut func);
    }
    func.map_or(ptr::null_mut(), |func| func as *mut c_void)
}

/// The name of an xstream.
fn name_of(dx: NonNull<abi::dss_xstream>) -> String {
    // SAFETY: a live xstream, whose name is written once and ends in a NUL.
    unsafe { CStr::from_ptr((&raw const (*dx.as_ptr()).dx_name).cast()) }.to_string_lossy().into_owned()
}
