//! The loop of the scheduler: cycles of units, and sleep when there are none.

use core::ffi::{c_int, c_void};
use core::ptr;
use core::sync::atomic::Ordering;

use gurt_client::{Facility, warn};

use super::beneath::nvme;
use super::clock::{coarse_ms, precise_ns};
use super::cycle::{Cycle, Pool, Step};
use super::metrics::CycleReport;
use super::monitor::{MONITOR_XSTREAM, name_of};
use super::parameter;
use super::scheduler::Scheduler;
use super::watch::Symbol;

/// Steps between two looks for a request to stop.
const EVENT_FREQUENCY: u32 = 512;
/// The xstream of the dRPC listener, which blocks in poll(2).
const DRPC_XSTREAM: c_int = 2;

impl Scheduler {
    // ---- one cycle ------------------------------------------------------------------------------------------

    /// Begins a cycle; returns how many units it is to run.
    fn begin_cycle(&self) -> usize {
        self.update_clock();
        if self.xs_id == MONITOR_XSTREAM {
            self.look_after_others();
        }
        self.look_at_pools();
        let mut units = self.ready_units();
        if self.relax(units) {
            self.update_clock();
            units = self.ready_units();
        }
        self.metrics.cycle(&CycleReport {
            now: self.now(),
            units: units as u64,
            queued: self.queues.borrow().queued().iter().map(|count| u64::from(*count)).sum(),
            sleeping: self.sleeping() as u64,
        });
        units
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

    /// Nanoseconds until the next thing that this xstream has to do by itself.
    pub(super) fn next_event(&self) -> Option<u64> {
        let sleeper = self.sleepers.borrow().next_due().map(|due| due.saturating_sub(precise_ns()));
        let monitors = self.xs_id == MONITOR_XSTREAM && parameter!(sched_inactive_max) != 0;
        let monitor =
            monitors.then(|| self.monitor.borrow().next_due().saturating_sub(self.now()) * 1_000_000);
        sleeper.into_iter().chain(monitor).min()
    }

    // ---- one unit -------------------------------------------------------------------------------------------

    /// Runs one unit of `pool`, if there is one.
    fn run_one(&self, pool: Pool) {
        // A poll of the network that may sleep does not keep anybody waiting.
        let rests = pool == Pool::Net && self.rests_in_network();
        let pool = self.pool(pool);
        let mut unit = abi::ABT_UNIT_NULL;
        // SAFETY: the pool lives as long as the scheduler and is popped by this xstream only.
        unsafe { abi::ABT_pool_pop(pool, &raw mut unit) };
        // A unit may be gone: who joins a ULT that has not started takes it out of its pool and runs it.
        if unit == abi::ABT_UNIT_NULL || unit.is_null() {
            return;
        }
        let watched = self.is_watched() && !rests;
        let func = function_of(unit);
        let started = if watched { coarse_ms() } else { 0 };
        // SAFETY: plain words of this xstream, written by its thread only.
        unsafe {
            (&raw mut (*self.info()).si_ult_func).write_volatile(func);
            (&raw mut (*self.info()).si_ult_start).write_volatile(started);
        }
        if !rests {
            self.vitals.enter(func);
        }
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

    // ---- the loop -------------------------------------------------------------------------------------------

    /// Runs cycles until Argobots asks to stop.
    fn run(&self, sched: abi::ABT_sched) {
        // SAFETY: no memory is involved.
        self.vitals.thread.store(unsafe { libc::gettid() }, Ordering::Relaxed);
        let mut cycle = Cycle::new();
        let mut steps = 0;
        loop {
            match cycle.next(|| !self.stopping.get() && nvme::is_busy()) {
                Step::Run(Pool::Nvme) if !nvme::is_polled(self.dx) => {}
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
    Scheduler::set_current(scheduler);
    scheduler.run(sched);
    Scheduler::set_current(ptr::null());
    boundary.leave();
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
