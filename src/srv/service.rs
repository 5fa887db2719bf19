//! All xstreams together: start, barrier, stop.

use core::ffi::{c_int, c_void};
use core::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gurt_client::{Der, Facility, Result, error, info};

use super::beneath::{Cpus, Ground, Machine};
use super::role::Role;
use super::settings::Settings;
use super::table::{CAPACITY, Gate, Table};
use super::xstream::{self, Launch};
use crate::inline::{self, Layout};

/// The xstreams of this process.
pub static XSTREAMS: Table<abi::dss_xstream> = Table::new();
/// Open while the scheduler's monitor may look at the xstreams: while the engine is open for business.
pub static MONITOR: Gate = Gate::new();
/// Open while the xstreams may be dumped.
pub static DUMP: Gate = Gate::new();
/// The running service. Locked for moments only, never while a ULT may yield.
static SERVICE: Mutex<Option<Service>> = Mutex::new(None);

/// What there is between start and stop.
struct Service {
    /// Set when the engine opens for business.
    barrier: Future,
    /// Where each xstream runs, by id.
    cpus: Vec<Cpus>,
    /// What all xstreams stand on.
    ground: Arc<Ground>,
    /// Whether the dRPC listener was started.
    listening: bool,
}

/// A future's handle, usable on any thread.
#[derive(Clone, Copy)]
struct Future(abi::ABT_future);

// SAFETY: Argobots' handles may be used on any thread.
unsafe impl Send for Future {}

fn service() -> MutexGuard<'static, Option<Service>> {
    SERVICE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts all xstreams and the dRPC listener: `dss_srv_init`. On failure nothing is left running.
pub fn start() -> Result {
    if service().is_some() {
        error!(Facility::SERVER, "the xstreams of this process have been started already");
        return Err(Der::new(abi::DER_ALREADY.into()));
    }
    let layout = check(Layout::current())?;
    Settings::from_environment().apply();
    let cpus = place(&layout)?;
    let ground = Arc::new(Ground::open()?);
    let mut barrier = abi::ABT_FUTURE_NULL;
    // SAFETY: writes one handle.
    inline::abt(unsafe { abi::ABT_future_create(1, None, &raw mut barrier) })?;
    *service() = Some(Service { barrier: Future(barrier), cpus, ground: ground.clone(), listening: false });
    XSTREAMS.open(layout.xstreams() as usize);
    DUMP.open();
    let started =
        start_xstreams(&layout, barrier).and_then(|()| ground.announce(true)).and_then(|()| start_listener());
    drop(ground);
    if let Err(err) = started {
        stop();
        return Err(err);
    }
    info!(Facility::SERVER, "{} xstreams are up: {layout:?}", layout.xstreams());
    Ok(())
}

/// Refuses layouts that srv.c asserts against.
fn check(layout: Layout) -> Result<Layout> {
    let even = layout.helper_pool || (layout.targets > 0 && layout.offload.is_multiple_of(layout.targets));
    if layout.targets == 0 || !even || layout.xstreams() as usize > CAPACITY {
        error!(Facility::SERVER, "cannot run xstreams like this: {layout:?}; at most {CAPACITY} in all");
        return Err(Der::new(abi::DER_INVAL.into()));
    }
    Ok(layout)
}

/// Decides where each xstream runs.
fn place(layout: &Layout) -> Result<Vec<Cpus>> {
    let machine = Machine::discover()?;
    let mut placement = machine.placement(*layout);
    let mut cpus: Vec<Option<Cpus>> = vec![None; layout.xstreams() as usize];
    for xs_id in Role::start_order(layout) {
        let role = Role::new(xs_id, layout);
        let core = placement.core_of(&role).ok_or_else(|| {
            error!(Facility::SERVER, "no core is left for {role} ({:?})", placement.mode());
            Der::new(abi::DER_INVAL.into())
        })?;
        cpus[xs_id as usize] = Some(machine.cpus(core)?);
    }
    Ok(cpus.into_iter().flatten().collect())
}

fn start_xstreams(layout: &Layout, barrier: abi::ABT_future) -> Result {
    for xs_id in Role::start_order(layout) {
        let role = Role::new(xs_id, layout);
        let cpus = cpus_of(xs_id as usize).ok_or(Der::new(abi::DER_NONEXIST.into()))?;
        let dx = xstream::start(&Launch { role, cpus: &cpus, barrier })
            .inspect_err(|err| error!(Facility::SERVER, "cannot start {role}: {err}"))?;
        XSTREAMS.insert(xs_id as usize, dx);
    }
    Ok(())
}

/// Where the xstream with this id runs.
pub fn cpus_of(xs_id: usize) -> Option<Cpus> {
    service().as_ref()?.cpus.get(xs_id).cloned()
}

fn start_listener() -> Result {
    // SAFETY: the xstreams are up.
    Der::check(unsafe { abi::drpc_listener_init() })
        .inspect_err(|err| error!(Facility::SERVER, "cannot start the dRPC listener: {err}"))?;
    if let Some(service) = &mut *service() {
        service.listening = true;
    }
    Ok(())
}

/// Lets the progress ULTs go on, and the monitor start or end its work: `dss_xstreams_open_barrier`.
pub fn open_barrier(stopping: bool) {
    if let Some(barrier) = service().as_ref().map(|service| service.barrier) {
        // SAFETY: the future lives until the service is taken away, which the caller does not do meanwhile.
        unsafe {
            if !inline::is_set(barrier.0) {
                abi::ABT_future_set(barrier.0, core::ptr::null_mut());
            }
        }
    }
    if stopping { MONITOR.close() } else { MONITOR.open() }
}

/// Stops listener and xstreams: `dss_srv_fini`. See docs/shutdown.md for the order. Does nothing when nothing
/// was started.
pub fn stop() {
    let Some(listening) = service().as_ref().map(|service| service.listening) else { return };
    if listening {
        // SAFETY: it was started.
        if let Err(err) = Der::check(unsafe { abi::drpc_listener_fini() }) {
            error!(Facility::SERVER, "the dRPC listener did not stop cleanly: {err}");
        }
    }
    stop_xstreams();
    // Not within an `if let`, which would hold the lock while storage is closed.
    let ended = service().take();
    if let Some(mut service) = ended {
        // SAFETY: nobody waits for it any more.
        unsafe { abi::ABT_future_free(&raw mut service.barrier.0) };
    }
}

/// Stops what was started of the xstreams: `dss_xstreams_fini`.
fn stop_xstreams() {
    open_barrier(true);
    DUMP.close();
    let ground = service().as_ref().map(|service| service.ground.clone());
    if let Some(ground) = ground {
        // Reported; the stop goes on.
        let _ = ground.announce(false);
    }
    let started: Vec<NonNull<abi::dss_xstream>> = XSTREAMS.started().collect();
    // SAFETY: these xstreams are up. Each step is done for all before the next one begins.
    unsafe {
        for dx in &started {
            set_future((*dx.as_ptr()).dx_stopping);
        }
        // Whoever looked at `dx_stopping` before it was set has created its ULT by now.
        on_every_xstream(nothing);
        for dx in &started {
            set_future((*dx.as_ptr()).dx_shutdown);
        }
        // Who sleeps in the network looks at `dx_shutdown` when it is woken.
        on_every_xstream(nothing);
        for dx in &started {
            abi::ABT_thread_free(&raw mut (*dx.as_ptr()).dx_progress);
        }
        for dx in &started {
            xstream::join(*dx);
        }
        for dx in XSTREAMS.close() {
            abi::dss_chore_queue_fini(dx.as_ptr());
            abi::dss_sched_fini(dx.as_ptr());
            xstream::free(dx);
        }
        (&raw mut abi::dss_tgt_nr).write(0);
    }
}

/// Sets a future of an xstream.
unsafe fn set_future(future: abi::ABT_future) {
    // SAFETY: the caller passes a live future that has not been set.
    unsafe { abi::ABT_future_set(future, core::ptr::null_mut()) };
}

unsafe extern "C" fn nothing(_arg: *mut c_void) {}

/// Runs `task` once on every started xstream, all at the same time, and waits until it has run everywhere.
pub fn on_every_xstream(task: unsafe extern "C" fn(arg: *mut c_void)) {
    let tasks: Vec<abi::ABT_task> = XSTREAMS.started().filter_map(|dx| create_task(dx, task)).collect();
    for mut task in tasks {
        // SAFETY: created above; joins it first.
        unsafe { abi::ABT_task_free(&raw mut task) };
    }
}

fn create_task(
    dx: NonNull<abi::dss_xstream>,
    task: unsafe extern "C" fn(arg: *mut c_void),
) -> Option<abi::ABT_task> {
    let mut handle = abi::ABT_TASK_NULL;
    // SAFETY: a started xstream; the task needs no argument.
    let created = inline::abt(unsafe {
        let pool = (*dx.as_ptr()).dx_pools[abi::DSS_POOL_GENERIC as usize];
        abi::ABT_task_create(pool, Some(task), core::ptr::null_mut(), &raw mut handle)
    });
    if let Err(err) = created {
        // SAFETY: a started xstream; its id does not change.
        let xs_id: c_int = unsafe { (*dx.as_ptr()).dx_xs_id };
        error!(Facility::SERVER, "cannot create a tasklet on xs {xs_id}: {err}");
        return None;
    }
    Some(handle)
}
