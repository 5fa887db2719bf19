//! The client's stack within the engine: its tasks run on a scheduler that each xstream has. Replaces `srv_cli.c`.

use core::ffi::{c_int, c_void};
use core::ptr::{self, NonNull};

use abi::{
    DER_INVAL, DER_UNINIT, DSS_DEEP_STACK_SZ, DSS_XS_SELF, dss_xstream, tse_sched_t, tse_task_cb_t,
    tse_task_t,
};
use gurt_client::{Der, Facility, Result, error};

use crate::inline;
use crate::wait::Outcome;

/// The current xstream.
fn xstream(symbol: &str) -> Result<NonNull<dss_xstream>> {
    inline::current_xstream().ok_or_else(|| {
        error!(
            Facility::SERVER,
            "{symbol}: called on a thread that is no xstream; call it in a ULT of the engine"
        );
        Der::new(DER_UNINIT.into())
    })
}

/// Runs the scheduler of the xstream `arg` until that exits: the body of a ULT.
unsafe extern "C" fn progress(arg: *mut c_void) {
    let dx = arg.cast::<dss_xstream>();
    // SAFETY: an xstream outlives its ULTs.
    while !unsafe { abi::dss_xstream_exiting(dx) } {
        // SAFETY: as above; srv.c has made the scheduler before the xstream runs.
        unsafe { abi::tse_sched_progress(&raw mut (*dx).dx_sched_dsc) };
        inline::yield_now();
    }
}

/// Has the scheduler of the current xstream run from now on.
fn start_progress() -> Result {
    let dx = xstream("dsc_task_run")?.as_ptr();
    // SAFETY: only ULTs of this xstream look at this member; see `progress`. Tasks recover erasure-coded data on the
    // stack of the new ULT, so it is a deep one.
    unsafe {
        if (*dx).dx_dsc_started {
            return Ok(());
        }
        let stack = DSS_DEEP_STACK_SZ as usize;
        Der::check(abi::dss_ult_create(Some(progress), dx.cast(), DSS_XS_SELF, 0, stack, ptr::null_mut()))?;
        (*dx).dx_dsc_started = true;
    }
    Ok(())
}

/// What a task calls when it completes, before anybody else: it may have the task run again.
struct Retry {
    callback: tse_task_cb_t,
    arg: *mut c_void,
    arg_size: c_int,
}

/// Completion callback of a task for which somebody waits.
unsafe extern "C" fn on_completion(task: *mut tse_task_t, arg: *mut c_void) -> c_int {
    // SAFETY: the scheduler passes its copy of the handle that `prepare` has registered, once.
    unsafe { Outcome::set(arg.cast::<*mut c_void>().read(), (*task).dt_result) };
    0
}

/// Makes everything ready for a task to run. The callbacks that were registered before an error stay so.
///
/// # Safety
/// `task` is a task that was not scheduled yet, and `retry.arg` has `retry.arg_size` bytes or is null.
unsafe fn prepare(task: *mut tse_task_t, retry: &Retry, outcome: &mut Option<Outcome>, sync: bool) -> Result {
    start_progress()?;
    if sync {
        let mut handle = outcome.insert(Outcome::new("dsc_task_run")?).handle();
        // SAFETY: the scheduler copies the handle.
        let rc = unsafe {
            abi::tse_task_register_comp_cb(
                task,
                Some(on_completion),
                (&raw mut handle).cast(),
                size_of_val(&handle),
            )
        };
        Der::check(rc)?;
    }
    if retry.callback.is_some() {
        let Ok(arg_size) = usize::try_from(retry.arg_size) else {
            error!(Facility::SERVER, "dsc_task_run: the argument of retry_cb has {} bytes", retry.arg_size);
            return Err(Der::new(DER_INVAL.into()));
        };
        // The last to be registered is the first to be called.
        // SAFETY: see the function.
        let rc = unsafe { abi::tse_task_register_comp_cb(task, retry.callback, retry.arg, arg_size) };
        Der::check(rc)?;
    }
    Ok(())
}

/// Runs a task; when it cannot run it is completed with the error.
///
/// # Safety
/// As for [`prepare`].
unsafe fn run(task: *mut tse_task_t, retry: &Retry, sync: bool) -> c_int {
    let mut outcome = None;
    // SAFETY: see the function.
    if let Err(err) = unsafe { prepare(task, retry, &mut outcome, sync) } {
        // Completing sets the outcome if its callback was registered, so that has to live until then.
        // SAFETY: see the function.
        unsafe { abi::tse_task_complete(task, err.rc()) };
        return err.rc();
    }
    // SAFETY: see the function; from here on the task is its scheduler's, which may have freed it.
    let scheduled = unsafe { abi::tse_task_schedule(task, true) };
    let completed = outcome.map_or(0, Outcome::wait);
    if scheduled != 0 { scheduled } else { completed }
}

abi::export! {
    /// `dsc_task_run` (srv_cli.c): runs a task of the client's stack on the current xstream; with `sync` the calling
    /// ULT sleeps until it is complete. `retry_cb`, unless null, is called with a copy of the `arg_size` bytes at
    /// `arg` when the task completes, before any other callback, and may have it run again.
    ///
    /// Returns what the task has come to with `sync`, without it 0; or the error for which it could not run, with
    /// which it is then complete: -DER_UNINIT on a thread that is no xstream, -DER_NOMEM, -DER_INVAL for a negative
    /// size.
    pub unsafe fn dsc_task_run(
        task: *mut tse_task_t,
        retry_cb: tse_task_cb_t,
        arg: *mut c_void,
        arg_size: c_int,
        sync: bool,
    ) -> c_int {
        // SAFETY: as the caller's contract says.
        unsafe { run(task, &Retry { callback: retry_cb, arg, arg_size }, sync) }
    }

    /// `dsc_scheduler` (srv_cli.c): the scheduler of the current xstream for tasks of the client's stack; null on a
    /// thread that is no xstream.
    pub fn dsc_scheduler() -> *mut tse_sched_t {
        match xstream("dsc_scheduler") {
            // SAFETY: a live xstream.
            Ok(dx) => unsafe { &raw mut (*dx.as_ptr()).dx_sched_dsc },
            Err(_) => ptr::null_mut(),
        }
    }
}
