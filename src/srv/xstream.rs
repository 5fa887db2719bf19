//! The life of one xstream: from its allocation to the end of its progress ULT.

use core::ffi::{c_int, c_uint, c_void};
use core::ptr::{self, NonNull};
use core::time::Duration;
use std::ffi::CString;
use std::time::Instant;

use gurt_client::{Der, Facility, Result, debug, error, warn};

use super::beneath::Cpus;
use super::layers::Layers;
use super::memory;
use super::role::{Kind, Role, SWIM};
use crate::inline;

/// How often a stop that does not come to its end says what it waits for.
const DRAIN_REPORT: Duration = Duration::from_secs(10);

/// What an xstream needs to start.
pub struct Launch<'a> {
    /// What it is for.
    pub role: Role,
    /// Where it runs.
    pub cpus: &'a Cpus,
    /// Set when the engine opens for business; until then its progress ULT waits.
    pub barrier: abi::ABT_future,
}

/// What the progress ULT is started with.
struct Start {
    dx: NonNull<abi::dss_xstream>,
    role: Role,
    cpus: Cpus,
    barrier: abi::ABT_future,
    /// Gets the result of the start, a C return code.
    outcome: abi::ABT_eventual,
}

/// An ABT object that is freed unless it is handed on.
struct Guard<F: FnMut()>(Option<F>);

impl<F: FnMut()> Guard<F> {
    fn new(undo: F) -> Self {
        Guard(Some(undo))
    }

    fn disarm(mut self) {
        self.0 = None;
    }
}

impl<F: FnMut()> Drop for Guard<F> {
    fn drop(&mut self) {
        if let Some(undo) = &mut self.0 {
            undo();
        }
    }
}

/// Starts an xstream and waits until it is up: `dss_start_one_xstream`. On failure nothing is left of it.
pub fn start(launch: &Launch<'_>) -> Result<NonNull<abi::dss_xstream>> {
    let dx = alloc(launch)?;
    // SAFETY: in each guard, what it undoes has just been done, and the guards made after it are gone by then.
    unsafe {
        let freed = Guard::new(|| free(dx));
        Der::check(abi::dss_sched_init(dx.as_ptr()))?;
        let unscheduled = Guard::new(|| abi::dss_sched_fini(dx.as_ptr()));
        Der::check(abi::dss_chore_queue_init(dx.as_ptr()))?;
        let unqueued = Guard::new(|| abi::dss_chore_queue_fini(dx.as_ptr()));
        memory::init(&mut (*dx.as_ptr()).dx_mem_stats, launch.role.xs_id);
        // Rank 0 is the primary xstream's, which runs the main thread.
        let rank = launch.role.xs_id as c_int + 1;
        inline::abt(abi::ABT_xstream_create_with_rank(
            (*dx.as_ptr()).dx_sched,
            rank,
            &raw mut (*dx.as_ptr()).dx_xstream,
        ))?;
        let joined = Guard::new(|| join(dx));
        run_progress(dx, launch)?;
        joined.disarm();
        unqueued.disarm();
        unscheduled.disarm();
        freed.disarm();
    }
    let role = &launch.role;
    debug!(Facility::SERVER, "started {role}: {role:?} on CPUs {}", launch.cpus);
    Ok(dx)
}

/// Allocates an xstream with the fields that its role and place determine.
fn alloc(launch: &Launch<'_>) -> Result<NonNull<abi::dss_xstream>> {
    let role = &launch.role;
    // SAFETY: d_calloc returns zeroed memory of that size, or null; all of dss_xstream's fields may be zero.
    let dx = NonNull::new(unsafe { abi::d_calloc(1, size_of::<abi::dss_xstream>()) })
        .ok_or(Der::new(abi::DER_NOMEM.into()))?
        .cast::<abi::dss_xstream>();
    // SAFETY: nobody else knows the xstream yet.
    let xstream = unsafe { &mut *dx.as_ptr() };
    xstream.dx_xstream = abi::ABT_XSTREAM_NULL;
    xstream.dx_pools = [abi::ABT_POOL_NULL; abi::DSS_POOL_CNT as usize];
    xstream.dx_sched = abi::ABT_SCHED_NULL;
    xstream.dx_progress = abi::ABT_THREAD_NULL;
    xstream.dx_stopping = abi::ABT_FUTURE_NULL;
    xstream.dx_shutdown = abi::ABT_FUTURE_NULL;
    // The length that DSS_XS_NAME_LEN allows is more than the kernel's 16.
    for (to, from) in xstream.dx_name.iter_mut().zip(role.to_string().bytes()) {
        *to = from as _;
    }
    xstream.dx_cpuset = launch.cpus.handle();
    xstream.dx_xs_id = role.xs_id as c_int;
    xstream.dx_tgt_id = or_none(role.target);
    xstream.dx_ctx_id = -1;
    xstream.dx_tag = role.tag as c_int;
    xstream.dx_main_xs = role.kind == Kind::Main;
    xstream.dx_comm = role.context.is_some();
    xstream.dx_iofw = role.forwards_io;
    for future in [&mut xstream.dx_stopping, &mut xstream.dx_shutdown] {
        // SAFETY: writes one handle.
        let created = inline::abt(unsafe { abi::ABT_future_create(1, None, future) });
        if let Err(err) = created {
            // SAFETY: not started.
            unsafe { free(dx) };
            return Err(err);
        }
    }
    Ok(dx)
}

/// -1 for none, as C has it.
fn or_none(id: Option<u32>) -> c_int {
    id.map_or(-1, |id| id as c_int)
}

/// Frees an xstream that has no scheduler (any more).
///
/// # Safety
/// Nobody uses `dx` any more.
pub unsafe fn free(dx: NonNull<abi::dss_xstream>) {
    // SAFETY: the caller vouches for dx; null handles are left alone.
    unsafe {
        for future in [&raw mut (*dx.as_ptr()).dx_stopping, &raw mut (*dx.as_ptr()).dx_shutdown] {
            if *future != abi::ABT_FUTURE_NULL {
                abi::ABT_future_free(future);
            }
        }
        abi::d_free(dx.as_ptr().cast());
    }
}

/// Joins the Argobots xstream of `dx`, whose progress ULT has ended.
///
/// # Safety
/// `dx` was started.
pub unsafe fn join(dx: NonNull<abi::dss_xstream>) {
    // SAFETY: the caller vouches for dx.
    unsafe {
        abi::ABT_xstream_join((*dx.as_ptr()).dx_xstream);
        abi::ABT_xstream_free(&raw mut (*dx.as_ptr()).dx_xstream);
    }
}

/// Creates the progress ULT and waits for the outcome of its start. When that is an error, the ULT has ended.
///
/// # Safety
/// The xstream of `dx` runs.
unsafe fn run_progress(dx: NonNull<abi::dss_xstream>, launch: &Launch<'_>) -> Result {
    let mut outcome = abi::ABT_EVENTUAL_NULL;
    let mut attr = abi::ABT_THREAD_ATTR_NULL;
    // SAFETY: each guard frees what was just created; the ULT gets a box that it takes over.
    unsafe {
        inline::abt(abi::ABT_eventual_create(size_of::<c_int>() as c_int, &raw mut outcome))?;
        let _outcome = Guard::new(move || {
            abi::ABT_eventual_free(&raw mut outcome);
        });
        inline::abt(abi::ABT_thread_attr_create(&raw mut attr))?;
        let _attr = Guard::new(move || {
            abi::ABT_thread_attr_free(&raw mut attr);
        });
        inline::abt(abi::ABT_thread_attr_set_stacksize(attr, abi::DSS_DEEP_STACK_SZ as usize))?;
        let start =
            Start { dx, role: launch.role, cpus: launch.cpus.clone(), barrier: launch.barrier, outcome };
        let start = Box::into_raw(Box::new(start));
        let created = inline::abt(abi::ABT_thread_create(
            (*dx.as_ptr()).dx_pools[abi::DSS_POOL_NET_POLL as usize],
            Some(progress),
            start.cast(),
            attr,
            &raw mut (*dx.as_ptr()).dx_progress,
        ));
        if let Err(err) = created {
            drop(Box::from_raw(start));
            return Err(err);
        }
        let mut rc: *mut c_void = ptr::null_mut();
        abi::ABT_eventual_wait(outcome, &raw mut rc);
        let outcome = Der::check(rc.cast::<c_int>().read());
        if outcome.is_err() {
            abi::ABT_thread_free(&raw mut (*dx.as_ptr()).dx_progress);
        }
        outcome.map(drop)
    }
}

/// The progress ULT, `dss_srv_handler`: brings the xstream up, waits for the stop, and takes it down again, so
/// that all that belongs to the thread is made and freed on the thread.
unsafe extern "C" fn progress(arg: *mut c_void) {
    let boundary = abi::Boundary::enter("dss_srv_handler");
    // SAFETY: run_progress passes a box.
    let start = unsafe { Box::from_raw(arg.cast::<Start>()) };
    let (dx, role) = (start.dx, start.role);
    match open(&start) {
        Ok(up) => {
            start.report(Ok(()));
            // SAFETY: dx lives until this ULT has ended; the barrier, until all of them have.
            unsafe {
                if role.xs_id != SWIM {
                    // Collectives take no locks, so nobody goes before all xstreams are there.
                    abi::ABT_future_wait(start.barrier);
                    set_version();
                }
                up.layers.serve(dx);
                close(dx, &role, up);
            }
            debug!(Facility::SERVER, "{role} has stopped");
        }
        Err(err) => {
            // SAFETY: this xstream's scheduler; it shall end as soon as it is joined.
            unsafe { abi::sched_stop(dx.as_ptr()) };
            start.report(Err(err));
        }
    }
    drop(start);
    boundary.leave();
}

impl Start {
    /// Tells who started the xstream how it went.
    fn report(&self, outcome: Result) {
        let mut rc = Der::rc_of(outcome);
        // SAFETY: the eventual lives until it has been set; it copies the value.
        unsafe { abi::ABT_eventual_set(self.outcome, (&raw mut rc).cast(), size_of::<c_int>() as c_int) };
    }
}

/// What an xstream has while it is up. Dropped on its thread: first the layers, which use the storage.
struct Up {
    layers: Layers,
    _storage: Storage,
}

/// Thread-local storage of an xstream, freed when it is dropped.
struct Storage(NonNull<abi::daos_thread_local_storage>);

impl Storage {
    /// Makes the storage of the calling thread.
    fn open(role: &Role) -> Result<Self> {
        // SAFETY: once a thread, before anybody uses its storage.
        let storage =
            unsafe { abi::dss_tls_init(role.tag as c_int, role.xs_id as c_int, or_none(role.target)) };
        NonNull::new(storage).map(Storage).ok_or_else(|| {
            error!(Facility::SERVER, "{role}: the thread-local data of a module could not be made");
            Der::new(abi::DER_NOMEM.into())
        })
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        // SAFETY: made by `open` on this thread.
        unsafe { abi::dss_tls_fini(self.0.as_ptr()) };
    }
}

/// Brings the xstream up, on its thread. On failure nothing is left to close.
fn open(start: &Start) -> Result<Up> {
    let (dx, role) = (start.dx, &start.role);
    bind(role, &start.cpus)?;
    // SAFETY: this thread's xstream, which is freed after its thread has ended.
    unsafe { memory::track(dx) };
    name_thread(role);
    let storage = Storage::open(role)?;
    let Some(info) = inline::module_info() else {
        error!(Facility::SERVER, "{role}: daos_srv_modkey is not registered; the engine must do that first");
        return Err(Der::new(abi::DER_UNINIT.into()));
    };
    // SAFETY: the engine's own data of this thread.
    unsafe { fill_module_info(info, dx, role) };
    // SAFETY: this thread's xstream.
    unsafe {
        let up = Up { layers: Layers::open(dx, role)?, _storage: storage };
        if let Err(err) = start_ults(dx, role, &up.layers) {
            // Those that were started have to end.
            abi::ABT_future_set((*dx.as_ptr()).dx_shutdown, ptr::null_mut());
            drain(dx, role, &up.layers);
            return Err(err);
        }
        Ok(up)
    }
}

/// Starts the ULTs that an xstream has from its start to its end.
///
/// # Safety
/// Runs on the xstream `dx`, whose `layers` those are.
unsafe fn start_ults(dx: NonNull<abi::dss_xstream>, role: &Role, layers: &Layers) -> Result {
    // SAFETY: the caller vouches for dx, whose queue was made with it.
    unsafe {
        layers.start_polling(dx)?;
        if role.has_chores() {
            Der::check(abi::dss_chore_queue_start(dx.as_ptr())).inspect_err(|err| {
                error!(Facility::SERVER, "{role}: cannot start the chore queue: {err}");
            })?;
        }
    }
    Ok(())
}

/// Fills in what modules read about their xstream.
///
/// # Safety
/// `info` is this thread's and `dx` this thread's xstream.
unsafe fn fill_module_info(info: NonNull<abi::daos_module_info>, dx: NonNull<abi::dss_xstream>, role: &Role) {
    // SAFETY: the caller vouches for both.
    unsafe {
        let info = &mut *info.as_ptr();
        info.dmi_xs_id = role.xs_id as c_int;
        info.dmi_tgt_id = or_none(role.target);
        info.dmi_ctx_id = or_none(role.context);
        (*dx.as_ptr()).dx_ctx_id = info.dmi_ctx_id;
        for list in [&raw mut info.dmi_dtx_batched_cont_open_list, &raw mut info.dmi_dtx_batched_pool_list] {
            list.write(abi::d_list_t { next: list, prev: list });
        }
        info.dmi_xstream = dx.as_ptr();
    }
}

/// Notes the version with which the engine joined the system, known once it is open.
fn set_version() {
    if let Some(info) = inline::module_info() {
        // SAFETY: the engine's own data of this thread.
        unsafe { (*info.as_ptr()).dmi_version = abi::dss_get_join_version() };
    }
}

/// Binds the calling thread, which is the xstream's.
pub fn bind(role: &Role, cpus: &Cpus) -> Result {
    cpus.bind_current_thread().map_err(|err| {
        error!(Facility::SERVER, "{role}: cannot bind to CPUs {cpus}: {err}");
        Der::new(abi::DER_INVAL.into())
    })
}

fn name_thread(role: &Role) {
    if let Ok(name) = CString::new(role.to_string()) {
        // SAFETY: a C string of less than 16 bytes.
        unsafe { libc::pthread_setname_np(libc::pthread_self(), name.as_ptr()) };
    }
}

/// Takes the xstream down: first its chores, then all other ULTs, then what they used.
///
/// # Safety
/// Runs on the xstream `dx`, whose `up` that is.
unsafe fn close(dx: NonNull<abi::dss_xstream>, role: &Role, up: Up) {
    // SAFETY: the caller vouches for everything.
    unsafe {
        if role.has_chores() {
            abi::dss_chore_queue_stop(dx.as_ptr());
        }
        drain(dx, role, &up.layers);
    }
}

/// Waits until the calling ULT is the only one of its xstream: `wait_all_exited`.
///
/// # Safety
/// Runs on the xstream `dx`, whose `layers` those are.
unsafe fn drain(dx: NonNull<abi::dss_xstream>, role: &Role, layers: &Layers) {
    // SAFETY: the caller vouches for dx.
    unsafe { abi::sched_stop(dx.as_ptr()) };
    let mut report_at = Instant::now() + DRAIN_REPORT;
    loop {
        // SAFETY: as above. The running ULT is in no pool.
        let left: usize = unsafe { (*dx.as_ptr()).dx_pools }.into_iter().map(total_size).sum();
        if left == 0 {
            return;
        }
        if Instant::now() >= report_at {
            warn!(Facility::SERVER, "{role} cannot stop yet: {left} ULTs have not ended");
            report_at += DRAIN_REPORT;
        }
        layers.poll();
        inline::yield_now();
    }
}

/// Units in a pool, blocked ones included.
fn total_size(pool: abi::ABT_pool) -> usize {
    let mut size = 0;
    // SAFETY: a pool of a live xstream.
    unsafe { abi::ABT_pool_get_total_size(pool, &raw mut size) };
    size
}

/// Sets bit `bit` of the flags in the calling thread's module info.
pub fn set_info_flag(bit: c_uint) {
    if let Some(info) = inline::module_info() {
        // SAFETY: the engine's own data of this thread.
        unsafe { (*info.as_ptr()).dmi_flags |= bit };
    }
}
