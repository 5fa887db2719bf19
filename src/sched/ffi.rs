//! The C symbols of `sched.c`.

use core::ffi::{CStr, c_char, c_int, c_uint, c_void};
use core::ptr::{self, NonNull};
use std::rc::Rc;

use gurt_client::{Der, Facility, Result, error, warn};

use super::clock::coarse_ms;
use super::request::Request;
use super::run;
use super::scheduler::Scheduler;
use crate::inline::{self, UltFn};

abi::export_data! {
    /// `sched_prio_disabled` (sched.c): run every request at once, whatever its type is;
    /// `DAOS_SCHED_PRIO_DISABLED`.
    pub static mut sched_prio_disabled: bool = false;
    /// `sched_relax_intvl` (sched.c): how long an idle xstream naps where pushes cannot wake it, in
    /// milliseconds, 1 to 100; `DAOS_SCHED_RELAX_INTVL`.
    pub static mut sched_relax_intvl: c_uint = abi::SCHED_RELAX_INTVL_DEFAULT;
    /// `sched_relax_mode` (sched.c): a `SCHED_RELAX_MODE_*`; `DAOS_SCHED_RELAX_MODE`.
    pub static mut sched_relax_mode: c_uint = abi::SCHED_RELAX_MODE_NET;
    /// `sched_unit_runtime_max` (sched.c): how long a unit may run before the watchdog names it, in
    /// milliseconds; 0 for no watchdog; `DAOS_SCHED_UNIT_RUNTIME_MAX`.
    pub static mut sched_unit_runtime_max: c_uint = 32;
    /// `sched_watchdog_all` (sched.c): watch all xstreams, not only system and SWIM;
    /// `DAOS_SCHED_WATCHDOG_ALL`.
    pub static mut sched_watchdog_all: bool = false;
    /// `sched_inactive_max` (sched.c): how long a system or main xstream may be kept by one unit, in
    /// milliseconds; 0 for no monitor; `DAOS_SCHED_INACTIVE_MAX`.
    pub static mut sched_inactive_max: c_uint = 300_000;
    /// `sched_monitor_kill` (sched.c): whether the monitor then kills the engine;
    /// `DAOS_SCHED_MONITOR_KILL`.
    pub static mut sched_monitor_kill: bool = true;
}

/// The `init` function of the scheduler. Nothing to do: `dss_sched_init` attaches the state.
unsafe extern "C" fn init(_sched: abi::ABT_sched, _config: abi::ABT_sched_config) -> c_int {
    abi::ABT_SUCCESS
}

/// The `free` function of the scheduler: frees its state.
unsafe extern "C" fn free(sched: abi::ABT_sched) -> c_int {
    let boundary = abi::Boundary::enter("sched_free");
    let mut data = ptr::null_mut();
    // SAFETY: Argobots passes a scheduler of ours whose xstream has ended; its data is the box that
    // `dss_sched_init` gave it, or null when it did not get that far.
    unsafe {
        abi::ABT_sched_get_data(sched, &raw mut data);
        if !data.is_null() {
            drop(Box::from_raw(data.cast::<Scheduler>()));
        }
    }
    boundary.leave();
    abi::ABT_SUCCESS
}

/// Creates the pools of `dx`; on failure none is left.
unsafe fn create_pools(dx: NonNull<abi::dss_xstream>) -> Result {
    for index in 0..abi::DSS_POOL_CNT as usize {
        // SAFETY: the caller vouches for dx. Automatic pools are freed with their scheduler; several producers,
        // because any xstream may create ULTs here.
        let created = inline::abt(unsafe {
            abi::ABT_pool_create_basic(
                abi::ABT_POOL_FIFO,
                abi::ABT_POOL_ACCESS_MPSC,
                1,
                &raw mut (*dx.as_ptr()).dx_pools[index],
            )
        });
        if let Err(err) = created {
            // SAFETY: the pools below index were just created.
            unsafe { free_pools(dx, index) };
            return Err(err);
        }
    }
    Ok(())
}

/// Frees the first `count` pools of `dx`.
unsafe fn free_pools(dx: NonNull<abi::dss_xstream>, count: usize) {
    for index in 0..count {
        // SAFETY: the caller vouches for the pools; no scheduler has them.
        unsafe { abi::ABT_pool_free(&raw mut (*dx.as_ptr()).dx_pools[index]) };
    }
}

/// Creates pools and scheduler of `dx`.
unsafe fn create(dx: NonNull<abi::dss_xstream>) -> Result {
    // SAFETY: the caller vouches for dx.
    unsafe {
        init_info(dx);
        create_pools(dx)?;
        let mut definition = abi::ABT_sched_def {
            type_: abi::ABT_SCHED_TYPE_ULT,
            init: Some(init),
            run: Some(run::run),
            free: Some(free),
            get_migr_pool: None,
        };
        let created = inline::abt(abi::ABT_sched_create(
            &raw mut definition,
            abi::DSS_POOL_CNT as c_int,
            (&raw mut (*dx.as_ptr()).dx_pools).cast(),
            abi::ABT_SCHED_CONFIG_NULL,
            &raw mut (*dx.as_ptr()).dx_sched,
        ));
        if let Err(err) = created {
            free_pools(dx, abi::DSS_POOL_CNT as usize);
            return Err(err);
        }
        let state = Box::into_raw(Box::new(Scheduler::new(dx)));
        abi::ABT_sched_set_data((*dx.as_ptr()).dx_sched, state.cast());
    }
    Ok(())
}

/// Initialises the part of `dx` that the scheduler keeps up to date.
unsafe fn init_info(dx: NonNull<abi::dss_xstream>) {
    // SAFETY: the caller vouches for dx, which nobody else knows yet; it starts as zeroes.
    unsafe {
        let info = &raw mut (*dx.as_ptr()).dx_sched_info;
        (*info).si_cur_ts = coarse_ms();
        (*info).si_stats.ss_busy_ts = (*info).si_cur_ts;
        for list in [
            &raw mut (*info).si_idle_list,
            &raw mut (*info).si_sleep_list,
            &raw mut (*info).si_fifo_list,
            &raw mut (*info).si_purge_list,
        ] {
            list.write(abi::d_list_t { next: list, prev: list });
        }
    }
}

/// The scheduler of the caller, and the request behind `handle`; an error is logged when there is none or the
/// request is of another xstream, whose state must not be touched from here.
unsafe fn own_request<'a>(
    symbol: &str,
    handle: *mut abi::sched_request,
) -> Option<(&'a Scheduler, Rc<Request>)> {
    assert!(!handle.is_null(), "{symbol}: null request");
    let Some(current) = Scheduler::current() else {
        error!(Facility::SERVER, "{symbol}: the caller is on no xstream");
        return None;
    };
    // SAFETY: the caller vouches for the handle. The home does not change; only when it is this xstream are the
    // counts of the request touched.
    let home = unsafe { (*handle.cast::<Request>()).home };
    if home != current.xs_id() {
        error!(
            Facility::SERVER,
            "{symbol}: the caller is on xs {}, the request on xs {home}; use it there",
            current.xs_id()
        );
        return None;
    }
    // SAFETY: as above.
    Some((current, unsafe { Request::borrow(handle) }))
}

/// Whether `attr` is usable.
unsafe fn check_attr(symbol: &str, attr: *const abi::sched_req_attr) -> Option<abi::sched_req_attr> {
    if attr.is_null() {
        error!(Facility::SERVER, "{symbol}: null attributes");
        return None;
    }
    // SAFETY: the caller vouches for a pointer that is not null.
    let attr = unsafe { *attr };
    if attr.sra_type >= abi::SCHED_REQ_TYPE_MAX {
        error!(Facility::SERVER, "{symbol}: unknown request type {}", attr.sra_type);
        return None;
    }
    Some(attr)
}

/// The ULT that a new request is for, and whether the request owns it.
fn request_ult(ult: abi::ABT_thread) -> Option<(abi::ABT_thread, bool)> {
    if ult == abi::ABT_THREAD_NULL {
        let mut own = abi::ABT_THREAD_NULL;
        // SAFETY: writes one handle.
        let rc = unsafe { abi::ABT_thread_self(&raw mut own) };
        if rc != abi::ABT_SUCCESS {
            error!(Facility::SERVER, "the caller is no ULT ({rc})");
            return None;
        }
        return Some((own, false));
    }
    let mut unnamed = 0;
    // SAFETY: the caller passes a live ULT.
    let rc = unsafe { abi::ABT_thread_is_unnamed(ult, &raw mut unnamed) };
    if rc != abi::ABT_SUCCESS || unnamed != 0 {
        error!(Facility::SERVER, "not a ULT that can be freed ({rc}); unnamed ones cannot");
        return None;
    }
    Some((ult, true))
}

/// Body of both `sched_cond_wait`s.
unsafe fn cond_wait(cond: abi::ABT_cond, mutex: abi::ABT_mutex, business: bool) {
    // SAFETY: the caller vouches for cond and mutex.
    unsafe {
        match Scheduler::current() {
            Some(current) => current.wait(cond, mutex, business),
            None => {
                abi::ABT_cond_wait(cond, mutex);
            }
        }
    }
}

abi::export! {
    /// `dss_sched_init` (sched.c): gives the new xstream `dx` its pools and scheduler.
    pub unsafe fn dss_sched_init(dx: *mut abi::dss_xstream) -> c_int {
        match NonNull::new(dx) {
            // SAFETY: the caller passes an xstream whose ids are set and which outlives its scheduler.
            Some(dx) => Der::rc_of(unsafe { create(dx) }),
            None => Der::new(abi::DER_INVAL as i64).rc(),
        }
    }

    /// `dss_sched_fini` (sched.c): frees scheduler and pools of `dx`, which has ended.
    pub unsafe fn dss_sched_fini(dx: *mut abi::dss_xstream) {
        // SAFETY: the caller passes an xstream that went through dss_sched_init and has been joined. The
        // scheduler's free function frees the state, and the automatic pools go with it.
        unsafe { abi::ABT_sched_free(&raw mut (*dx).dx_sched) };
    }

    /// `sched_stop` (sched.c): wakes all sleepers of the current xstream `dx` and starts all its requests; from
    /// now on sleeping there is yielding.
    pub unsafe fn sched_stop(dx: *mut abi::dss_xstream) {
        if let Some(dx) = NonNull::new(dx) {
            // SAFETY: the caller passes the xstream that it runs on.
            unsafe { Scheduler::of(dx) }.stop();
        }
    }

    /// `sched_req_enqueue` (sched.c): runs `func(arg)` as a ULT of the current xstream `dx` when it is its
    /// turn. `-DER_OVERLOAD_RETRY` when it would be too late then; `sra_enqueue_id` says where to come again.
    pub unsafe fn sched_req_enqueue(
        dx: *mut abi::dss_xstream,
        attr: *mut abi::sched_req_attr,
        func: UltFn,
        arg: *mut c_void,
    ) -> c_int {
        let Some(dx) = NonNull::new(dx).filter(|_| !attr.is_null() && func.is_some()) else {
            return Der::new(abi::DER_INVAL as i64).rc();
        };
        // SAFETY: the caller passes the xstream that it runs on and attributes of its own.
        Der::rc_of(unsafe { Scheduler::of(dx).enqueue(&mut *attr, func, arg) })
    }

    /// `sched_req_get` (sched.c): a request for the calling ULT, or for `ult`, which is then freed with it.
    /// Null on error.
    pub unsafe fn sched_req_get(
        attr: *mut abi::sched_req_attr,
        ult: abi::ABT_thread,
    ) -> *mut abi::sched_request {
        let Some(current) = Scheduler::current() else {
            error!(Facility::SERVER, "the caller is on no xstream");
            return ptr::null_mut();
        };
        // SAFETY: the caller passes attributes or null.
        let Some(attr) = (unsafe { check_attr("sched_req_get", attr) }) else { return ptr::null_mut() };
        let Some((ult, owns)) = request_ult(ult) else { return ptr::null_mut() };
        Request::new(current.xs_id(), &attr, current.pool_of(&attr), ult, owns).into_handle()
    }

    /// `sched_req_put` (sched.c): ends a request. A ULT that was passed to `sched_req_get`, or created by
    /// `sched_create_ult`, is joined and freed.
    pub unsafe fn sched_req_put(req: *mut abi::sched_request) {
        // SAFETY: the caller passes a request of its xstream.
        if unsafe { own_request("sched_req_put", req) }.is_none() {
            // Better a leak than a count that two threads change.
            return;
        }
        // SAFETY: the caller gives its request back.
        let request = unsafe { Request::from_handle(req) };
        if request.owns_ult {
            let mut ult = request.ult.get();
            // SAFETY: the request owns the ULT.
            let rc = unsafe { abi::ABT_thread_free(&raw mut ult) };
            assert_eq!(rc, abi::ABT_SUCCESS, "sched_req_put: ABT_thread_free");
        }
    }

    /// `sched_req_yield` (sched.c): lets other units run before the calling ULT, which is the request's.
    pub unsafe fn sched_req_yield(req: *mut abi::sched_request) {
        // SAFETY: the caller passes its request.
        match unsafe { own_request("sched_req_yield", req) } {
            Some((current, request)) => current.yield_request(&request),
            None => inline::yield_now(),
        }
    }

    /// `sched_req_sleep` (sched.c): suspends the calling ULT, which is the request's, for `msec` milliseconds
    /// or until it is woken.
    pub unsafe fn sched_req_sleep(req: *mut abi::sched_request, msec: u32) {
        // SAFETY: the caller passes its request.
        match unsafe { own_request("sched_req_sleep", req) } {
            Some((current, request)) => current.sleep(&request, msec),
            None => inline::yield_now(),
        }
    }

    /// `sched_req_wakeup` (sched.c): resumes the request's ULT if it sleeps. A null request sleeps never.
    pub unsafe fn sched_req_wakeup(req: *mut abi::sched_request) {
        if req.is_null() {
            return;
        }
        // SAFETY: the caller passes a request of its xstream.
        if let Some((current, request)) = unsafe { own_request("sched_req_wakeup", req) } {
            current.wake(&request);
        }
    }

    /// `sched_req_abort` (sched.c): asks the request's ULT to end, and wakes it.
    pub unsafe fn sched_req_abort(req: *mut abi::sched_request) {
        // SAFETY: the caller passes a request of its xstream.
        if let Some((current, request)) = unsafe { own_request("sched_req_abort", req) } {
            request.abort();
            current.wake(&request);
        }
    }

    /// `sched_req_wait` (sched.c): waits until the request's ULT has ended, after asking it to when `abort`.
    pub unsafe fn sched_req_wait(req: *mut abi::sched_request, abort: bool) {
        // SAFETY: the caller passes a request of its xstream.
        let Some((current, request)) = (unsafe { own_request("sched_req_wait", req) }) else { return };
        if abort {
            request.abort();
            current.wake(&request);
        }
        // SAFETY: the request's ULT lives until the request is put.
        let rc = unsafe { abi::ABT_thread_join(request.ult.get()) };
        assert_eq!(rc, abi::ABT_SUCCESS, "sched_req_wait: ABT_thread_join");
    }

    /// `sched_req_is_aborted` (sched.c): whether the request's ULT was asked to end. On any thread.
    pub unsafe fn sched_req_is_aborted(req: *mut abi::sched_request) -> bool {
        assert!(!req.is_null(), "sched_req_is_aborted: null request");
        // SAFETY: the caller passes a live request.
        unsafe { Request::handle_is_aborted(req) }
    }

    /// `sched_req_space_check` (sched.c): space pressure of the request's pool on this target, as VOS has told it
    /// in the last two seconds: `SCHED_SPACE_PRESS_NONE` to 5. A pool of which VOS knows nothing keeps the
    /// pressure that it had; one that it never knew, or no pool at all, has none.
    pub unsafe fn sched_req_space_check(req: *mut abi::sched_request) -> c_int {
        // SAFETY: the caller passes its request.
        let own = unsafe { own_request("sched_req_space_check", req) };
        let pressure =
            own.and_then(|(current, request)| request.pool.as_ref().map(|pool| current.pressure_of(pool)));
        pressure.map_or(abi::SCHED_SPACE_PRESS_NONE as c_int, |pressure| pressure.number().into())
    }

    /// `sched_cond_wait` (sched.c): `ABT_cond_wait` for a wait that may be long.
    pub unsafe fn sched_cond_wait(cond: abi::ABT_cond, mutex: abi::ABT_mutex) {
        // SAFETY: the caller passes live objects and holds the mutex.
        unsafe { cond_wait(cond, mutex, false) }
    }

    /// `sched_cond_wait_for_business` (sched.c): as `sched_cond_wait`, but the xstream counts as busy when it
    /// is over.
    pub unsafe fn sched_cond_wait_for_business(cond: abi::ABT_cond, mutex: abi::ABT_mutex) {
        // SAFETY: the caller passes live objects and holds the mutex.
        unsafe { cond_wait(cond, mutex, true) }
    }

    /// `sched_cur_msec` (sched.c): monotonic time at which the current cycle began, in milliseconds; outside of
    /// xstreams the time now.
    pub fn sched_cur_msec() -> u64 {
        Scheduler::current().map_or_else(coarse_ms, Scheduler::now)
    }

    /// `sched_cur_seq` (sched.c): how many units this xstream has run; it differs before and after a yield.
    pub fn sched_cur_seq() -> u64 {
        Scheduler::current().map_or(0, Scheduler::sequence)
    }

    /// `sched_exec_time` (sched.c): writes for how many milliseconds the running ULT has not yielded, and logs
    /// that under `ult_name`, unless null, when it is longer than `sched_unit_runtime_max`. `-DER_NOSYS` on
    /// xstreams that are not watched.
    pub unsafe fn sched_exec_time(msecs: *mut u64, ult_name: *const c_char) -> c_int {
        let Some(current) = Scheduler::current().filter(|current| current.is_watched()) else {
            return Der::new(abi::DER_NOSYS as i64).rc();
        };
        if msecs.is_null() {
            return Der::new(abi::DER_INVAL as i64).rc();
        }
        let elapsed = coarse_ms().saturating_sub(current.unit_started());
        // SAFETY: the caller passes a word to write, and a string or null.
        unsafe {
            *msecs = elapsed;
            let max = (&raw const abi::sched_unit_runtime_max).read();
            if elapsed > max.into() && !ult_name.is_null() {
                let name = CStr::from_ptr(ult_name).to_string_lossy();
                warn!(Facility::SERVER, "ULT {name} has run for {elapsed} ms; the limit is {max} ms");
            }
        }
        0
    }

    /// `sched_create_ult` (sched.c): creates a ULT on the current xstream with a request of its own, which
    /// `sched_req_put` ends. Null on error.
    pub unsafe fn sched_create_ult(
        attr: *mut abi::sched_req_attr,
        func: UltFn,
        arg: *mut c_void,
        stack_size: usize,
    ) -> *mut abi::sched_request {
        let Some(current) = Scheduler::current() else {
            error!(Facility::SERVER, "the caller is on no xstream");
            return ptr::null_mut();
        };
        // SAFETY: the caller passes attributes or null.
        let Some(attr) = (unsafe { check_attr("sched_create_ult", attr) }) else { return ptr::null_mut() };
        let mut ult = abi::ABT_THREAD_NULL;
        // SAFETY: func and arg come from a C caller that hands them over.
        let rc = unsafe { abi::dss_ult_create(func, arg, abi::DSS_XS_SELF, 0, stack_size, &raw mut ult) };
        if let Err(err) = Der::check(rc) {
            error!(Facility::SERVER, "cannot create a ULT on xs {}: {err}", current.xs_id());
            return ptr::null_mut();
        }
        Request::new(current.xs_id(), &attr, current.pool_of(&attr), ult, true).into_handle()
    }
}
