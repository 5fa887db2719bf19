//! What DAOS's headers define inline and each C file of the engine thus compiles for itself: the current xstream
//! (`daos_srv/daos_engine.h`), the creation of ULTs on an xstream (`srv_internal.h`), and how xstreams are
//! numbered (the macros at the end of `srv_internal.h`).
//!
//! These are no component: nothing here is exported or owns state.
// A library of single files uses some of it only.
#![cfg_attr(not(all(feature = "srv", feature = "sched", feature = "ult")), allow(dead_code))]

use core::ffi::{c_int, c_uint, c_void};
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};

use gurt_client::{Der, Result};

/// The function of a ULT or tasklet, as C passes it.
pub type UltFn = Option<unsafe extern "C" fn(arg: *mut c_void)>;

/// `dss_abterr2der`: an Argobots return code as a DAOS error.
pub fn abt(rc: c_int) -> Result {
    match rc {
        abi::ABT_SUCCESS => Ok(()),
        abi::ABT_ERR_MEM => Err(Der::new(abi::DER_NOMEM as i64)),
        _ => Err(Der::new(abi::DER_INVAL as i64)),
    }
}

/// `dss_get_module_info`: what this thread knows of its xstream; `None` on threads that are no xstream of the
/// engine, where the C original aborts.
pub fn module_info() -> Option<NonNull<abi::daos_module_info>> {
    // SAFETY: takes no argument; returns this thread's storage or null.
    let storage = NonNull::new(unsafe { abi::dss_tls_get() })?;
    // SAFETY: written when the key is registered, before there are xstreams.
    let index = usize::try_from(unsafe { (&raw const abi::daos_srv_modkey.dmk_index).read() }).ok()?;
    // SAFETY: the storage of a live thread; its table has a value for every registered key.
    NonNull::new(unsafe { (*storage.as_ptr()).dtls_values.add(index).read() }.cast())
}

/// `dss_current_xstream`: the xstream of this thread, once it has started.
pub fn current_xstream() -> Option<NonNull<abi::dss_xstream>> {
    // SAFETY: the module info lives as long as this thread's storage.
    NonNull::new(unsafe { (*module_info()?.as_ptr()).dmi_xstream })
}

/// Whether the future `future` of an xstream (`dx_stopping`, `dx_shutdown`) is set.
///
/// # Safety
/// `future` is a live future.
pub unsafe fn is_set(future: abi::ABT_future) -> bool {
    let mut state = 0;
    // SAFETY: the caller vouches for the future.
    let rc = unsafe { abi::ABT_future_test(future, &raw mut state) };
    assert_eq!(rc, abi::ABT_SUCCESS, "ABT_future_test");
    state != 0
}

/// `sched_xstream_stopping`: whether the current xstream refuses new ULTs. Threads that are no xstream may
/// always create some.
pub fn stopping() -> bool {
    // SAFETY: a running xstream's future is live.
    current_xstream().is_some_and(|dx| unsafe { is_set((*dx.as_ptr()).dx_stopping) })
}

/// Common part of [`create_thread`] and [`create_task`]: refuses on a stopping xstream, and notes that `dx` has
/// become busy unless the unit is a periodical one.
///
/// # Safety
/// `dx` is a started xstream.
unsafe fn admit(dx: NonNull<abi::dss_xstream>, flags: c_uint) -> Result<abi::ABT_pool> {
    if stopping() {
        return Err(Der::new(abi::DER_SHUTDOWN as i64));
    }
    // SAFETY: the caller vouches for dx. Other xstreams write the timestamps too, as in C; as atomics, so that a
    // lost update costs nothing but a slightly early relaxation.
    unsafe {
        let info = &raw mut (*dx.as_ptr()).dx_sched_info;
        if flags & abi::DSS_ULT_FL_PERIODIC == 0 {
            let now = AtomicU64::from_ptr(&raw mut (*info).si_cur_ts).load(Ordering::Relaxed);
            AtomicU64::from_ptr(&raw mut (*info).si_stats.ss_busy_ts).store(now, Ordering::Relaxed);
        }
        Ok((*dx.as_ptr()).dx_pools[abi::DSS_POOL_GENERIC as usize])
    }
}

/// `sched_create_thread`: creates a ULT on `dx`; `-DER_SHUTDOWN` when the calling xstream is stopping.
///
/// # Safety
/// `dx` is a started xstream, `attr` `ABT_THREAD_ATTR_NULL` or live, `thread` null or writable; `func` may be called with `arg` on
/// another thread.
pub unsafe fn create_thread(
    dx: NonNull<abi::dss_xstream>,
    func: UltFn,
    arg: *mut c_void,
    attr: abi::ABT_thread_attr,
    thread: *mut abi::ABT_thread,
    flags: c_uint,
) -> Result {
    // SAFETY: the caller vouches for everything.
    unsafe {
        let pool = admit(dx, flags)?;
        abt(abi::ABT_thread_create(pool, func, arg, attr, thread))
    }
}

/// `sched_create_task`: creates a tasklet on `dx`; `-DER_SHUTDOWN` when the calling xstream is stopping.
///
/// # Safety
/// As for [`create_thread`].
pub unsafe fn create_task(
    dx: NonNull<abi::dss_xstream>,
    func: UltFn,
    arg: *mut c_void,
    task: *mut abi::ABT_task,
    flags: c_uint,
) -> Result {
    // SAFETY: the caller vouches for everything.
    unsafe {
        let pool = admit(dx, flags)?;
        abt(abi::ABT_task_create(pool, func, arg, task))
    }
}

/// How many xstreams of which kind an engine has, and thereby their ids.
///
/// The ids run from 0: system xstreams (system, SWIM, dRPC), then the targets. Without a helper pool each
/// target's main xstream is followed by its 0 to 2 offload xstreams; with one, all main xstreams come first,
/// then the offload xstreams that all targets share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// System xstreams: `dss_sys_xs_nr`, 3 in DAOS 2.8.
    pub system: u32,
    /// Targets, at least 1: `dss_tgt_nr`.
    pub targets: u32,
    /// Offload xstreams of all targets: `dss_tgt_offload_xs_nr`.
    pub offload: u32,
    /// Whether all targets share them: `dss_helper_pool`.
    pub helper_pool: bool,
}

impl Layout {
    /// The layout in force: reads the variables of srv.c.
    pub fn current() -> Self {
        // SAFETY: the variables are written while the engine starts and stops, by the main thread.
        unsafe {
            Layout {
                system: (&raw const abi::dss_sys_xs_nr).read(),
                targets: (&raw const abi::dss_tgt_nr).read(),
                offload: (&raw const abi::dss_tgt_offload_xs_nr).read(),
                helper_pool: (&raw const abi::dss_helper_pool).read(),
            }
        }
    }

    /// `DSS_XS_NR_TOTAL`: number of xstreams.
    pub fn xstreams(&self) -> u32 {
        self.system + self.targets + self.offload
    }

    /// `DSS_CTX_NR_TOTAL`: number of network contexts: one for the system and the SWIM xstream, one a target,
    /// one for each target's first offload xstream.
    pub fn contexts(&self) -> u32 {
        abi::DAOS_TGT0_OFFSET + self.targets + self.offload.min(self.targets)
    }

    /// Offload xstreams that belong to one target; 0 with a helper pool.
    pub fn offload_per_target(&self) -> u32 {
        if self.helper_pool || self.targets == 0 { 0 } else { self.offload / self.targets }
    }

    /// `DSS_MAIN_XS_ID`: the main xstream of `target`.
    pub fn main_xstream(&self, target: u32) -> u32 {
        self.system + target * (self.offload_per_target() + 1)
    }
}

/// `ABT_thread_yield`, ignoring its return code, which is an error only outside of ULTs.
pub fn yield_now() {
    // SAFETY: takes no argument.
    unsafe { abi::ABT_thread_yield() };
}
