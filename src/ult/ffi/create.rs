//! Creating ULTs and waiting for what they compute.

use core::cell::Cell;
use core::ffi::{c_int, c_uint, c_void};
use core::ptr::{self, NonNull};

use abi::{
    ABT_thread, DER_INVAL, DER_NONEXIST, DSS_ULT_FL_PERIODIC, DSS_XS_OFFLOAD, DSS_XS_SELF, daos_module_info,
    dss_xstream,
};
use gurt_client::{Der, Facility, Result, error};

use super::argobots::{self, Future, StackSize};
use super::memory::Zeroed;
use crate::inline::{self, Layout, UltFn};
use crate::ult::placement::{self, Misplaced, Place, Purpose, Sockets};
use crate::wait;

type ExecFn = Option<unsafe extern "C" fn(arg: *mut c_void) -> c_int>;

/// The sockets over which the engine spreads; none on an engine on one socket.
fn sockets() -> Option<Sockets> {
    // SAFETY: these variables are set before the xstreams start and not changed while they run.
    let sockets = unsafe {
        if (&raw const abi::dss_numa_nr).read() <= 1 {
            return None;
        }
        Sockets {
            targets: (&raw const abi::dss_tgt_per_numa_nr).read(),
            offload: (&raw const abi::dss_offload_per_numa_nr).read(),
            forward_neighbor: (&raw const abi::dss_forward_neighbor).read(),
        }
    };
    (sockets.targets > 0).then_some(sockets)
}

/// A number below `n`, evenly spread, from a generator of the calling OS thread.
fn pick(n: u32) -> u32 {
    thread_local! {
        static STATE: Cell<u32> = const { Cell::new(0) };
    }
    STATE.with(|state| {
        // Each thread starts elsewhere: at the address of its own state.
        let seed = if state.get() == 0 { (&raw const *state as usize >> 4) as u32 | 1 } else { state.get() };
        // xorshift32, which never reaches 0.
        let mut x = seed;
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        state.set(x);
        ((u64::from(x) * u64::from(n)) >> 32) as u32
    })
}

/// The started xstream with this id.
pub fn xstream(id: u32) -> Result<NonNull<dss_xstream>> {
    // SAFETY: takes no argument.
    let count = unsafe { abi::dss_xstream_cnt() };
    let dx = match c_int::try_from(id) {
        // SAFETY: below the number of xstreams, which is all that dss_get_xstream demands.
        Ok(id) if id < count => NonNull::new(unsafe { abi::dss_get_xstream(id) }),
        _ => None,
    };
    dx.ok_or_else(|| {
        error!(
            Facility::SERVER,
            "no xstream {id} (of {count}): it has not started, or the engine has stopped"
        );
        Der::new(DER_NONEXIST.into())
    })
}

/// The xstream for a new ULT: what `xs_type` and `tgt_id` of the C functions stand for.
///
/// Fails with -DER_INVAL on an unknown type or target, and with -DER_NONEXIST when that xstream does not run.
pub fn xstream_for(xs_type: c_int, tgt_id: c_int) -> Result<NonNull<dss_xstream>> {
    let layout = Layout::current();
    let purpose = Purpose::new(xs_type, tgt_id, layout.targets).map_err(|misplaced| {
        match misplaced {
            Misplaced::UnknownType => {
                error!(Facility::SERVER, "no xstream type {xs_type}: see enum dss_xs_type")
            }
            Misplaced::UnknownTarget => {
                error!(Facility::SERVER, "no target {tgt_id} for a ULT: the engine has {}", layout.targets)
            }
        }
        Der::new(DER_INVAL.into())
    })?;
    match placement::place(&layout, sockets().as_ref(), purpose, pick) {
        Place::Xstream(id) => xstream(id),
        Place::Own => inline::current_xstream().ok_or_else(|| {
            error!(Facility::SERVER, "DSS_XS_SELF on a thread that is no xstream: name a type and a target");
            Der::new(DER_NONEXIST.into())
        }),
    }
}

/// Creates a ULT: the whole of `dss_ult_create` and, with `DSS_ULT_FL_PERIODIC`, of `dss_ult_periodic`.
///
/// # Safety
/// `func` may be called with `arg` on the chosen xstream; `ult` is null or valid for a write.
pub unsafe fn create(
    func: UltFn,
    arg: *mut c_void,
    xs_type: c_int,
    tgt_id: c_int,
    stack_size: usize,
    ult: *mut ABT_thread,
    flags: c_uint,
) -> Result {
    if func.is_none() {
        error!(Facility::SERVER, "a ULT needs a function");
        return Err(Der::new(DER_INVAL.into()));
    }
    let dx = xstream_for(xs_type, tgt_id)?;
    let stack = StackSize::new(stack_size)?;
    // SAFETY: see the function; `xstream_for` returns started xstreams.
    unsafe { inline::create_thread(dx, func, arg, stack.attr(), ult, flags) }
}

/// A function that a ULT runs for [`dss_ult_execute`], and who waits for it.
#[derive(Clone, Copy)]
struct Execution {
    func: unsafe extern "C" fn(arg: *mut c_void) -> c_int,
    arg: *mut c_void,
    /// What the function returned, once the future is set.
    status: c_int,
    /// Set when the function has returned; null in asynchronous mode.
    done: abi::ABT_future,
}

/// Synchronous mode: the execution is on the stack of the ULT that waits.
///
/// # Safety
/// `execution` is an [`Execution`] that lives until its future is set.
unsafe extern "C" fn run_and_report(execution: *mut c_void) {
    let execution: *mut Execution = execution.cast();
    // SAFETY: see the function. The future is read before it is set, as the execution may be gone after.
    unsafe {
        (*execution).status = ((*execution).func)((*execution).arg);
        argobots::set((*execution).done);
    }
}

/// What a ULT runs in asynchronous mode.
#[derive(Clone, Copy)]
struct Errand {
    func: ExecFn,
    arg: *mut c_void,
    then: UltFn,
    then_arg: *mut c_void,
}

/// Asynchronous mode: nobody waits.
///
/// # Safety
/// `errand` came from `Zeroed::<Errand>::into_raw` and its functions may be called.
unsafe extern "C" fn run_and_call_back(errand: *mut c_void) {
    // SAFETY: see the function.
    unsafe {
        let Errand { func, arg, then, then_arg } = *Zeroed::<Errand>::from_raw(errand.cast()).as_ptr();
        if let (Some(func), Some(then)) = (func, then) {
            func(arg);
            then(then_arg);
        }
    }
}

/// Runs `func(arg)` in a ULT, waits for it and returns what it returned, or why there is no such ULT.
///
/// # Safety
/// As for [`create`].
pub unsafe fn execute(
    func: ExecFn,
    arg: *mut c_void,
    xs_type: c_int,
    tgt_id: c_int,
    stack_size: usize,
) -> Result<c_int> {
    let Some(func) = func else {
        error!(Facility::SERVER, "dss_ult_execute: no function");
        return Err(Der::new(DER_INVAL.into()));
    };
    wait::check_may_wait("dss_ult_execute")?;
    let future = Future::new(1)?;
    let mut execution = Execution { func, arg, status: 0, done: future.handle() };
    let shared = &raw mut execution;
    // SAFETY: the execution stays here until the ULT, if there is one, has set the future.
    unsafe {
        create(Some(run_and_report), shared.cast(), xs_type, tgt_id, stack_size, ptr::null_mut(), 0)?;
        future.wait();
        Ok((*shared).status)
    }
}

/// Runs `func(arg)`, then `then(then_arg)`, in a ULT for which nobody waits.
///
/// # Safety
/// As for [`create`], for both functions.
unsafe fn execute_async(errand: Errand, xs_type: c_int, tgt_id: c_int, stack_size: usize) -> Result {
    if errand.func.is_none() {
        error!(Facility::SERVER, "dss_ult_execute: no function");
        return Err(Der::new(DER_INVAL.into()));
    }
    // SAFETY: null pointers and absent functions are valid; the ULT takes the errand over, but if there is none
    // it is still ours.
    unsafe {
        let owned = Zeroed::<Errand>::new(1)?;
        *owned.as_ptr() = errand;
        let raw = owned.into_raw();
        let created =
            create(Some(run_and_call_back), raw.cast(), xs_type, tgt_id, stack_size, ptr::null_mut(), 0);
        if created.is_err() {
            drop(Zeroed::from_raw(raw));
        }
        created
    }
}

/// A ULT on every xstream, or on every main xstream; stops at the first failure.
///
/// # Safety
/// `func` may be called with `arg` on all of them at once.
unsafe fn create_all(func: UltFn, arg: *mut c_void, main_only: bool) -> Result {
    if func.is_none() {
        error!(Facility::SERVER, "dss_ult_create_all: no function");
        return Err(Der::new(DER_INVAL.into()));
    }
    // SAFETY: takes no argument.
    let count = unsafe { abi::dss_xstream_cnt() };
    for id in 0..count.cast_unsigned() {
        let dx = xstream(id)?;
        // SAFETY: see the function; started xstreams stay until the engine stops, and what a ULT of theirs is
        // cannot change.
        unsafe {
            if !main_only || (*dx.as_ptr()).dx_main_xs {
                inline::create_thread(dx, func, arg, abi::ABT_THREAD_ATTR_NULL, ptr::null_mut(), 0)?;
            }
        }
    }
    Ok(())
}

/// This xstream's information, for functions that only some xstreams may call.
fn caller(symbol: &str, allowed: impl FnOnce(&daos_module_info, &dss_xstream) -> bool) -> Result<c_int> {
    if let (Some(info), Some(dx)) = (inline::module_info(), inline::current_xstream()) {
        // SAFETY: this xstream's own structures; only what never changes is looked at.
        let (info, dx) = unsafe { (info.as_ref(), dx.as_ref()) };
        if allowed(info, dx) {
            return Ok(info.dmi_tgt_id);
        }
    }
    error!(Facility::SERVER, "{symbol}: called on an xstream that has no target, or on none");
    Err(Der::new(DER_INVAL.into()))
}

abi::export! {
    /// `dss_ult_create` (ult.c): creates a ULT that runs `func(arg)` on the xstream for `xs_type` and, where
    /// that type needs one, target `tgt_id`. `stack_size` is in bytes, 0 for the default. With `ult` not null
    /// the caller gets the handle and frees it by `ABT_thread_free`.
    ///
    /// Returns 0; -DER_INVAL without `func` or on an unknown type or target; -DER_NONEXIST when the xstream does
    /// not run; -DER_SHUTDOWN when the calling xstream is stopping; -DER_NOMEM.
    pub unsafe fn dss_ult_create(
        func: UltFn,
        arg: *mut c_void,
        xs_type: c_int,
        tgt_id: c_int,
        stack_size: usize,
        ult: *mut ABT_thread,
    ) -> c_int {
        // SAFETY: as the caller's contract says.
        Der::rc_of(unsafe { create(func, arg, xs_type, tgt_id, stack_size, ult, 0) })
    }

    /// `dss_ult_periodic` (ult.c): [`dss_ult_create`] for ULTs that come at regular intervals, which do not make
    /// an idle xstream count as busy.
    pub unsafe fn dss_ult_periodic(
        func: UltFn,
        arg: *mut c_void,
        xs_type: c_int,
        tgt_id: c_int,
        stack_size: usize,
        ult: *mut ABT_thread,
    ) -> c_int {
        // SAFETY: as the caller's contract says.
        Der::rc_of(unsafe { create(func, arg, xs_type, tgt_id, stack_size, ult, DSS_ULT_FL_PERIODIC) })
    }

    /// `dss_ult_execute` (ult.c): runs `func(arg)` in a new ULT. Without `user_cb` it waits and returns what
    /// `func` returned; with it, it returns at once, and the ULT calls `user_cb(cb_args)` after `func`, whose
    /// return value is lost.
    ///
    /// Returns the errors of [`dss_ult_create`] too, and -DER_INVAL when a tasklet wants to wait.
    pub unsafe fn dss_ult_execute(
        func: ExecFn,
        arg: *mut c_void,
        user_cb: UltFn,
        cb_args: *mut c_void,
        xs_type: c_int,
        tgt_id: c_int,
        stack_size: usize,
    ) -> c_int {
        if user_cb.is_some() {
            let errand = Errand { func, arg, then: user_cb, then_arg: cb_args };
            // SAFETY: as the caller's contract says.
            return Der::rc_of(unsafe { execute_async(errand, xs_type, tgt_id, stack_size) });
        }
        // SAFETY: as the caller's contract says.
        unsafe { execute(func, arg, xs_type, tgt_id, stack_size) }.unwrap_or_else(Der::rc)
    }

    /// `dss_ult_create_all` (ult.c): creates a ULT that runs `func(arg)` on each xstream of the engine, or with
    /// `main` on the main xstream of each target. Stops at the first failure and returns it; the ULTs before it
    /// run.
    pub unsafe fn dss_ult_create_all(func: UltFn, arg: *mut c_void, main: bool) -> c_int {
        // SAFETY: as the caller's contract says.
        Der::rc_of(unsafe { create_all(func, arg, main) })
    }

    /// `dss_offload_exec` (ult.c): [`dss_ult_execute`] on the offload xstream of the caller's target; waits.
    ///
    /// Returns -DER_INVAL when the caller is not on a main xstream.
    pub weak unsafe fn dss_offload_exec(func: ExecFn, arg: *mut c_void) -> c_int {
        caller("dss_offload_exec", |_, dx| dx.dx_main_xs)
            // SAFETY: as the caller's contract says.
            .and_then(|target| unsafe { execute(func, arg, DSS_XS_OFFLOAD, target, 0) })
            .unwrap_or_else(Der::rc)
    }

    /// `dss_main_exec` (ult.c): [`dss_ult_create`] on the caller's own xstream.
    ///
    /// Returns -DER_INVAL when the caller is neither on a main xstream nor on the system xstream.
    pub weak unsafe fn dss_main_exec(func: UltFn, arg: *mut c_void) -> c_int {
        let created = caller("dss_main_exec", |info, dx| dx.dx_main_xs || info.dmi_xs_id == 0)
            // SAFETY: as the caller's contract says.
            .and_then(|target| unsafe { create(func, arg, DSS_XS_SELF, target, 0, ptr::null_mut(), 0) });
        Der::rc_of(created)
    }
}
