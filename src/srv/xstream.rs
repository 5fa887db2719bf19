//! The life of one xstream: from its allocation to the end of its progress ULT.

use core::ffi::{c_int, c_uint, c_void};
use core::ptr::{self, NonNull};
use core::time::Duration;
use std::ffi::CString;
use std::time::Instant;

use gurt_client::{Der, Facility, Result, debug, error, warn};
use topology::CpuList;

use super::cpu;
use super::role::{Kind, Role, SWIM};
use crate::inline;

/// How often a stop that does not come to its end says what it waits for.
const DRAIN_REPORT: Duration = Duration::from_secs(10);

/// What an xstream needs to start.
pub struct Launch<'a> {
    /// What it is for.
    pub role: Role,
    /// Where it runs.
    pub cpus: &'a CpuList,
    /// Set when the engine opens for business; until then its progress ULT waits.
    pub barrier: abi::ABT_future,
}

/// What the progress ULT is started with.
struct Start {
    dx: NonNull<abi::dss_xstream>,
    role: Role,
    cpus: CpuList,
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
    let dx = alloc(&launch.role)?;
    // SAFETY: in each guard, what it undoes has just been done, and the guards made after it are gone by then.
    unsafe {
        let freed = Guard::new(|| free(dx));
        Der::check(abi::dss_sched_init(dx.as_ptr()))?;
        let unscheduled = Guard::new(|| abi::dss_sched_fini(dx.as_ptr()));
        Der::check(abi::dss_chore_queue_init(dx.as_ptr()))?;
        let unqueued = Guard::new(|| abi::dss_chore_queue_fini(dx.as_ptr()));
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
    debug!(Facility::SERVER, "started {role}: {role:?} on CPUs {:?}", &launch.cpus[..]);
    Ok(dx)
}

/// Allocates an xstream with the fields that its role determines.
fn alloc(role: &Role) -> Result<NonNull<abi::dss_xstream>> {
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
        Ok(storage) => {
            start.report(Ok(()));
            // SAFETY: dx lives until this ULT has ended; the barrier, until all of them have.
            unsafe {
                if role.xs_id != SWIM {
                    // Collectives take no locks, so nobody goes before all xstreams are there.
                    abi::ABT_future_wait(start.barrier);
                    set_version();
                }
                abi::ABT_future_wait((*dx.as_ptr()).dx_shutdown);
                close(dx, &role, storage);
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

/// Thread-local storage of an xstream.
type Storage = NonNull<abi::daos_thread_local_storage>;

/// Brings the xstream up, on its thread. On failure nothing is left to close.
fn open(start: &Start) -> Result<Storage> {
    let (dx, role) = (start.dx, &start.role);
    bind(role, &start.cpus)?;
    name_thread(role);
    // SAFETY: once a thread, before anybody uses its storage.
    let storage = unsafe { abi::dss_tls_init(role.tag as c_int, role.xs_id as c_int, or_none(role.target)) };
    let storage = NonNull::new(storage).ok_or(Der::new(abi::DER_NOMEM.into())).inspect_err(|_| {
        error!(Facility::SERVER, "{role}: the thread-local data of a module could not be made");
    })?;
    let closed = || {
        // SAFETY: made above.
        unsafe { abi::dss_tls_fini(storage.as_ptr()) }
    };
    let Some(info) = inline::module_info() else {
        error!(Facility::SERVER, "{role}: daos_srv_modkey is not registered; the engine must do that first");
        closed();
        return Err(Der::new(abi::DER_UNINIT.into()));
    };
    // SAFETY: the engine's own data of this thread.
    unsafe { fill_module_info(info, dx, role) };
    if role.has_chores() {
        // SAFETY: the queue was made with the xstream.
        if let Err(err) = Der::check(unsafe { abi::dss_chore_queue_start(dx.as_ptr()) }) {
            error!(Facility::SERVER, "{role}: cannot start the chore queue: {err}");
            // SAFETY: this thread's xstream.
            unsafe { drain(dx, role) };
            closed();
            return Err(err);
        }
    }
    Ok(storage)
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
pub fn bind(role: &Role, cpus: &CpuList) -> Result {
    cpu::bind_current_thread(cpus).map_err(|err| {
        error!(Facility::SERVER, "{role}: cannot bind to CPUs {:?}: {err}", &cpus[..]);
        Der::new(abi::DER_INVAL.into())
    })
}

fn name_thread(role: &Role) {
    if let Ok(name) = CString::new(role.to_string()) {
        // SAFETY: a C string of less than 16 bytes.
        unsafe { libc::pthread_setname_np(libc::pthread_self(), name.as_ptr()) };
    }
}

/// Takes the xstream down: first its chores, then all other ULTs, then the thread-local data that they used.
///
/// # Safety
/// Runs on the xstream `dx`, opened with `storage`.
unsafe fn close(dx: NonNull<abi::dss_xstream>, role: &Role, storage: Storage) {
    // SAFETY: the caller vouches for everything.
    unsafe {
        if role.has_chores() {
            abi::dss_chore_queue_stop(dx.as_ptr());
        }
        drain(dx, role);
        abi::dss_tls_fini(storage.as_ptr());
    }
}

/// Waits until the calling ULT is the only one of its xstream: `wait_all_exited`.
///
/// # Safety
/// Runs on the xstream `dx`.
unsafe fn drain(dx: NonNull<abi::dss_xstream>, role: &Role) {
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
