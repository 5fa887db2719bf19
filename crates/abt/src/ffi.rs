//! The C interface: `abt.h`, as far as DAOS uses it. Each function checks its handles, converts, calls the
//! core and converts the result; error codes are those of Argobots.

use crate::arch::Passage;
use crate::error::{Error, Result, code};
use crate::handle::Handle;
use crate::info;
use crate::pool::Pool;
use crate::runtime;
use crate::sched::{self, ConfigValue, Definition, Sched, SchedConfig, UserDefinition};
use crate::stack;
use crate::sync::cond::Cond;
use crate::sync::eventual::Eventual;
use crate::sync::future::Future;
use crate::sync::mutex::Mutex;
use crate::sync::rwlock::RwLock;
use crate::sync::waiter::Waiter;
use crate::thread::{Function, Kind, Thread};
use crate::xstream::{self, Xstream};
use abi::*;
use core::cell::Cell;
use core::ffi::{c_char, c_int, c_void};
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const SUCCESS: c_int = ABT_SUCCESS;
const TRUE: ABT_bool = ABT_TRUE;
const FALSE: ABT_bool = ABT_FALSE;

abi::export_data! {
    /// `ABT_sched_config_var_end`: ends the arguments of `ABT_sched_config_create`.
    pub static mut ABT_sched_config_var_end: ABT_sched_config_var =
        ABT_sched_config_var { idx: -1, type_: ABT_SCHED_CONFIG_INT };
}

fn to_bool(value: bool) -> ABT_bool {
    if value { TRUE } else { FALSE }
}

/// An `ABT_thread_attr`.
struct ThreadAttr {
    stack_size: Cell<usize>,
}

/// An `ABT_mutex_attr`.
struct MutexAttr {
    recursive: Cell<bool>,
}

/// Frees what `*handle` names and sets it to `null`.
///
/// # Safety
/// `handle` is valid, and what it names was made by `Handle::new` of the same type.
unsafe fn free<T, O>(handle: *mut *mut O, null: *mut O, missing: Error, last: impl FnOnce(&T)) -> Result {
    // SAFETY: promised by the caller.
    unsafe {
        let object = Handle::<T>::from_c(*handle).ok_or(missing)?;
        last(&object);
        object.free();
        *handle = null;
    }
    Ok(())
}

// ---- Environment ----

abi::export! {
    /// `ABT_init` (global.c): starts the runtime, unless it is up; counts its calls.
    pub fn ABT_init(_argc: c_int, _argv: *mut *mut c_char) -> c_int {
        code(runtime::init())
    }

    /// `ABT_finalize` (global.c): ends the runtime at the last call. Only the primary ULT may.
    pub fn ABT_finalize() -> c_int {
        code(runtime::finalize())
    }

    /// `ABT_get_wtime` (timer.c): seconds since the epoch.
    pub fn ABT_get_wtime() -> f64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
    }
}

// ---- Execution streams ----

fn create_xstream(sched: Option<Handle<Sched>>, rank: c_int) -> Result<Handle<Xstream>> {
    let runtime = runtime::get()?;
    if rank < 0 {
        return Err(Error::INV_XSTREAM_RANK);
    }
    let (sched, ours) = match sched {
        Some(sched) if sched.main().is_some() => return Err(Error::INV_SCHED),
        Some(sched) => (sched, false),
        None => (Sched::create_basic()?, true),
    };
    let created = Xstream::create(&runtime, sched, Some(rank), false);
    if created.is_err() && ours {
        Sched::destroy(sched, false);
    }
    created
}

fn free_xstream(xs: Handle<Xstream>) -> Result {
    let runtime = runtime::get()?;
    if xs.is_primary() || xstream::current() == Some(xs) {
        return Err(Error::INV_XSTREAM);
    }
    xs.join()?;
    Xstream::destroy(xs, &runtime, false);
    Ok(())
}

abi::export! {
    /// `ABT_xstream_create_with_rank` (stream.c): an execution stream with a scheduler (null: the built-in
    /// one) and a rank that no other has.
    pub unsafe fn ABT_xstream_create_with_rank(sched: ABT_sched, rank: c_int, newxstream: *mut ABT_xstream) -> c_int {
        let created = create_xstream(Handle::from_c(sched), rank);
        // SAFETY: the caller passes a valid place for the handle.
        unsafe { *newxstream = created.map_or(ABT_XSTREAM_NULL, Handle::to_c) };
        code(created.map(drop))
    }

    /// `ABT_xstream_free` (stream.c): joins and frees an execution stream.
    pub unsafe fn ABT_xstream_free(xstream: *mut ABT_xstream) -> c_int {
        // SAFETY: the caller passes a valid place of a handle.
        let handle = unsafe { &mut *xstream };
        let result = Handle::from_c(*handle).ok_or(Error::INV_XSTREAM).and_then(free_xstream);
        if result.is_ok() {
            *handle = ABT_XSTREAM_NULL;
        }
        code(result)
    }

    /// `ABT_xstream_join` (stream.c): waits until its scheduler has nothing left to run.
    pub fn ABT_xstream_join(xstream: ABT_xstream) -> c_int {
        code(Handle::<Xstream>::from_c(xstream).ok_or(Error::INV_XSTREAM).and_then(|xs| xs.join()))
    }

    /// `ABT_xstream_get_main_sched` (stream.c).
    pub unsafe fn ABT_xstream_get_main_sched(xstream: ABT_xstream, sched: *mut ABT_sched) -> c_int {
        let Some(xs) = Handle::<Xstream>::from_c(xstream) else { return Error::INV_XSTREAM.code() };
        // SAFETY: the caller passes a valid place for the handle.
        unsafe { *sched = xs.sched().to_c() };
        SUCCESS
    }

    /// `ABT_xstream_check_events` (stream.c): a scheduler must call it from time to time.
    pub fn ABT_xstream_check_events(sched: ABT_sched) -> c_int {
        code(check_events(Handle::from_c(sched)))
    }

    /// `ABTX_pool_wait`, which Argobots does not have: parks a scheduler until one of its pools has a unit.
    pub unsafe fn ABTX_pool_wait(pools: *const ABT_pool, num_pools: c_int, timeout_ns: u64) -> c_int {
        // SAFETY: the caller passes an array of `num_pools` handles.
        match unsafe { wait_for_units(pools, num_pools, timeout_ns) } {
            Ok(true) => SUCCESS,
            Ok(false) => Error::COND_TIMEDOUT.code(),
            Err(error) => error.code(),
        }
    }

    /// `ABTX_pool_watch`, which Argobots does not have: has `wake` called when one of the pools gets a unit.
    pub unsafe fn ABTX_pool_watch(
        pools: *const ABT_pool,
        num_pools: c_int,
        wake: Option<unsafe extern "C" fn(arg: *mut c_void)>,
        arg: *mut c_void,
    ) -> c_int {
        let begun = wake.ok_or(Error::INV_ARG).and_then(|wake| {
            // SAFETY: the caller passes an array of `num_pools` handles.
            let (xs, pools) = unsafe { scheduler_and_pools(pools, num_pools) }?;
            Ok(sched::watch_for_units(xs, &pools, (wake, arg)))
        });
        match begun {
            Ok(true) => SUCCESS,
            Ok(false) => Error::POOL.code(),
            Err(error) => error.code(),
        }
    }

    /// `ABTX_pool_unwatch`, which Argobots does not have: ends `ABTX_pool_watch`.
    pub unsafe fn ABTX_pool_unwatch(pools: *const ABT_pool, num_pools: c_int) -> c_int {
        // SAFETY: the caller passes an array of `num_pools` handles.
        code(unsafe { scheduler_and_pools(pools, num_pools) }.map(|(xs, pools)| sched::end_watch(xs, &pools)))
    }
}

/// # Safety
/// `pools` has `num_pools` handles.
unsafe fn wait_for_units(pools: *const ABT_pool, num_pools: c_int, timeout_ns: u64) -> Result<bool> {
    // SAFETY: see the function.
    let (xs, pools) = unsafe { scheduler_and_pools(pools, num_pools) }?;
    Ok(sched::wait_for_units(xs, &pools, Duration::from_nanos(timeout_ns)))
}

/// The calling execution stream, and the pools that its scheduler names.
///
/// # Safety
/// `pools` has `num_pools` handles.
unsafe fn scheduler_and_pools(
    pools: *const ABT_pool,
    num_pools: c_int,
) -> Result<(Handle<Xstream>, Vec<Handle<Pool>>)> {
    let xs = xstream::current().ok_or(Error::INV_XSTREAM)?;
    let num_pools = usize::try_from(num_pools).map_err(|_| Error::INV_ARG)?;
    if num_pools == 0 || pools.is_null() {
        return Err(Error::INV_POOL);
    }
    // SAFETY: the caller vouches for the array.
    let pools = unsafe { core::slice::from_raw_parts(pools, num_pools) };
    let pools: Result<Vec<_>> =
        pools.iter().map(|&pool| Handle::from_c(pool).ok_or(Error::INV_POOL)).collect();
    Ok((xs, pools?))
}

/// The body of `ABT_xstream_run_unit`.
pub(crate) extern "C" fn xstream_run_unit(unit: ABT_unit, pool: ABT_pool) -> Passage {
    body("ABT_xstream_run_unit", || {
        let pool = Handle::<Pool>::from_c(pool).ok_or(Error::INV_POOL)?;
        let unit = Handle::<Thread>::from_c(unit).ok_or(Error::INV_UNIT)?;
        let (xs, _) = xstream::current_yieldable()?;
        unit.set_pool(Some(pool));
        xs.run_by_passage(unit)
    })
}

fn check_events(sched: Option<Handle<Sched>>) -> Result {
    runtime::get()?;
    let (xs, unit) = xstream::current_unit()?;
    let sched = sched.ok_or(Error::INV_SCHED)?;
    if sched.main() != Some(unit) {
        return Err(Error::INV_THREAD);
    }
    sched::check_events(xs);
    xs.trim_stacks();
    Ok(())
}

// ---- Schedulers ----

unsafe fn create_sched(
    def: *mut ABT_sched_def,
    num_pools: c_int,
    pools: *mut ABT_pool,
    config: ABT_sched_config,
) -> Result<Handle<Sched>> {
    let num_pools = usize::try_from(num_pools).map_err(|_| Error::INV_ARG)?;
    // SAFETY: the caller of `ABT_sched_create` passes a definition and an array of `num_pools` handles.
    let (def, pools) = unsafe {
        (*def, if num_pools == 0 { &[][..] } else { core::slice::from_raw_parts(pools, num_pools) })
    };
    let pools: Vec<_> = pools.iter().map(|&pool| Handle::from_c(pool)).collect();
    let run = def.run.ok_or(Error::INV_ARG)?;
    let automatic =
        Handle::<SchedConfig>::from_c(config).and_then(|config| config.automatic()).unwrap_or(false);
    let def = Definition::User(UserDefinition { init: def.init, run, free: def.free });
    Sched::create(def, &pools, automatic, config)
}

abi::export! {
    /// `ABT_sched_create` (sched/sched.c): a scheduler with the user's functions. Null pools are replaced by
    /// new ones.
    pub unsafe fn ABT_sched_create(
        def: *mut ABT_sched_def, num_pools: c_int, pools: *mut ABT_pool, config: ABT_sched_config,
        newsched: *mut ABT_sched,
    ) -> c_int {
        // SAFETY: passed on.
        let created = unsafe { create_sched(def, num_pools, pools, config) };
        // SAFETY: the caller passes a valid place for the handle.
        unsafe { *newsched = created.map_or(ABT_SCHED_NULL, Handle::to_c) };
        code(created.map(drop))
    }

    /// `ABT_sched_free` (sched/sched.c): frees a scheduler that no execution stream uses, and its automatic
    /// pools.
    pub unsafe fn ABT_sched_free(sched: *mut ABT_sched) -> c_int {
        // SAFETY: the caller passes a valid place of a handle.
        let handle = unsafe { &mut *sched };
        let result = runtime::get().and_then(|_| {
            let sched = Handle::<Sched>::from_c(*handle).ok_or(Error::INV_SCHED)?;
            if sched.main().is_some() { Err(Error::SCHED) } else { Ok(sched) }
        });
        if let Ok(sched) = result {
            Sched::destroy(sched, false);
            *handle = ABT_SCHED_NULL;
        }
        code(result.map(drop))
    }

    /// `ABT_sched_set_data` (sched/sched.c).
    pub fn ABT_sched_set_data(sched: ABT_sched, data: *mut c_void) -> c_int {
        let Some(sched) = Handle::<Sched>::from_c(sched) else { return Error::INV_SCHED.code() };
        sched.data().store(data, Ordering::Relaxed);
        SUCCESS
    }

    /// `ABT_sched_get_data` (sched/sched.c).
    pub unsafe fn ABT_sched_get_data(sched: ABT_sched, data: *mut *mut c_void) -> c_int {
        let Some(sched) = Handle::<Sched>::from_c(sched) else { return Error::INV_SCHED.code() };
        // SAFETY: the caller passes a valid place for the pointer.
        unsafe { *data = sched.data().load(Ordering::Relaxed) };
        SUCCESS
    }

    /// `ABT_sched_get_num_pools` (sched/sched.c).
    pub unsafe fn ABT_sched_get_num_pools(sched: ABT_sched, num_pools: *mut c_int) -> c_int {
        let Some(sched) = Handle::<Sched>::from_c(sched) else { return Error::INV_SCHED.code() };
        // SAFETY: the caller passes a valid place for the number.
        unsafe { *num_pools = sched.pools().len() as c_int };
        SUCCESS
    }

    /// `ABT_sched_get_pools` (sched/sched.c): `max_pools` pools from index `idx` on.
    pub unsafe fn ABT_sched_get_pools(sched: ABT_sched, max_pools: c_int, idx: c_int, pools: *mut ABT_pool) -> c_int {
        let Some(sched) = Handle::<Sched>::from_c(sched) else { return Error::INV_SCHED.code() };
        let (Ok(count), Ok(from)) = (usize::try_from(max_pools), usize::try_from(idx)) else {
            return Error::INV_ARG.code();
        };
        let Some(wanted) = sched.pools().get(from..from + count) else { return Error::SCHED.code() };
        for (i, pool) in wanted.iter().enumerate() {
            // SAFETY: the caller passes room for `max_pools` handles.
            unsafe { *pools.add(i) = pool.to_c() };
        }
        SUCCESS
    }

    /// `ABT_sched_has_to_stop` (sched/sched.c): whether somebody joins and nothing is left to run.
    pub unsafe fn ABT_sched_has_to_stop(sched: ABT_sched, stop: *mut ABT_bool) -> c_int {
        // SAFETY: the caller passes a valid place for the answer.
        let stop = unsafe { &mut *stop };
        *stop = FALSE;
        let Some(sched) = Handle::<Sched>::from_c(sched) else { return Error::INV_SCHED.code() };
        if xstream::current().is_none() {
            return Error::INV_XSTREAM.code();
        }
        *stop = to_bool(sched.has_to_stop());
        SUCCESS
    }

    /// `ABT_sched_config_free` (sched/sched_config.c).
    pub unsafe fn ABT_sched_config_free(config: *mut ABT_sched_config) -> c_int {
        // SAFETY: passed on.
        code(unsafe { free::<SchedConfig, _>(config, ABT_SCHED_CONFIG_NULL, Error::INV_SCHED_CONFIG, |_| ()) })
    }
}

abi::variadic! {
    /// `ABT_sched_config_create` (sched/sched_config.c): pairs of `ABT_sched_config_var` and value, ended by
    /// `ABT_sched_config_var_end`.
    pub unsafe fn ABT_sched_config_create(config: *mut ABT_sched_config; values) -> c_int {
        let new = SchedConfig::default();
        // SAFETY: promised by the caller; a variable is a struct of two ints, passed as one word.
        unsafe {
            loop {
                let variable = values.arg::<u64>();
                let (index, kind) = (variable as u32 as i32, (variable >> 32) as u32);
                if index == abi::ABT_sched_config_var_end.idx {
                    break;
                }
                let value = match kind {
                    ABT_SCHED_CONFIG_INT => ConfigValue::Int(values.arg()),
                    ABT_SCHED_CONFIG_DOUBLE => ConfigValue::Double(values.arg()),
                    ABT_SCHED_CONFIG_PTR => ConfigValue::Pointer(values.arg()),
                    _ => return Error::INV_ARG.code(),
                };
                new.set(index, value);
            }
            *config = Handle::new(new).to_c();
        }
        SUCCESS
    }

    /// `ABT_sched_config_read` (sched/sched_config.c): `num_vars` pointers that receive the values of the
    /// variables 0, 1, …; a null pointer skips one.
    pub unsafe fn ABT_sched_config_read(config: ABT_sched_config, num_vars: c_int; places) -> c_int {
        let Some(config) = Handle::<SchedConfig>::from_c(config) else { return Error::INV_SCHED_CONFIG.code() };
        for index in 0..num_vars {
            // SAFETY: promised by the caller.
            unsafe {
                let place = places.arg::<*mut c_void>();
                if place.is_null() {
                    continue;
                }
                match config.get(index) {
                    Some(ConfigValue::Int(value)) => *place.cast() = value,
                    Some(ConfigValue::Double(value)) => *place.cast() = value,
                    Some(ConfigValue::Pointer(value)) => *place.cast() = value,
                    None => {}
                }
            }
        }
        SUCCESS
    }
}

// ---- Pools ----

abi::export! {
    /// `ABT_pool_create_basic` (pool/pool.c).
    pub unsafe fn ABT_pool_create_basic(
        kind: ABT_pool_kind, access: ABT_pool_access, automatic: ABT_bool, newpool: *mut ABT_pool,
    ) -> c_int {
        let created = Pool::create(kind, access, automatic != FALSE);
        // SAFETY: the caller passes a valid place for the handle.
        unsafe { *newpool = created.map_or(ABT_POOL_NULL, Handle::to_c) };
        code(created.map(drop))
    }

    /// `ABT_pool_free` (pool/pool.c): an empty pool that no scheduler has.
    pub unsafe fn ABT_pool_free(pool: *mut ABT_pool) -> c_int {
        // SAFETY: passed on.
        code(unsafe { free::<Pool, _>(pool, ABT_POOL_NULL, Error::INV_POOL, |_| ()) })
    }

    /// `ABT_pool_get_size` (pool/pool.c): units that are ready.
    pub unsafe fn ABT_pool_get_size(pool: ABT_pool, size: *mut usize) -> c_int {
        let Some(pool) = Handle::<Pool>::from_c(pool) else { return Error::INV_POOL.code() };
        // SAFETY: the caller passes a valid place for the number.
        unsafe { *size = pool.len() };
        SUCCESS
    }

    /// `ABT_pool_get_total_size` (pool/pool.c): units that are ready or blocked.
    pub unsafe fn ABT_pool_get_total_size(pool: ABT_pool, size: *mut usize) -> c_int {
        let Some(pool) = Handle::<Pool>::from_c(pool) else { return Error::INV_POOL.code() };
        let blocked = pool.blocked().max(0) as usize;
        // SAFETY: the caller passes a valid place for the number.
        unsafe { *size = blocked + pool.len() };
        SUCCESS
    }

    /// `ABT_pool_pop` (pool/pool.c): the unit that was pushed first, or `ABT_UNIT_NULL`.
    pub unsafe fn ABT_pool_pop(pool: ABT_pool, unit: *mut ABT_unit) -> c_int {
        let Some(pool) = Handle::<Pool>::from_c(pool) else { return Error::INV_POOL.code() };
        let popped = pool.pop(xstream::current());
        // SAFETY: the caller passes a valid place for the handle.
        unsafe { *unit = popped.map_or(ABT_UNIT_NULL, Handle::to_c) };
        SUCCESS
    }

    /// `ABT_unit_get_thread` (unit.c): the ULT or tasklet that a popped unit is.
    pub unsafe fn ABT_unit_get_thread(unit: ABT_unit, thread: *mut ABT_thread) -> c_int {
        let Some(unit) = Handle::<Thread>::from_c(unit) else { return Error::INV_UNIT.code() };
        // SAFETY: the caller passes a valid place for the handle.
        unsafe { *thread = unit.to_c() };
        SUCCESS
    }
}

// ---- ULTs and tasklets ----

#[inline]
fn create_unit(
    pool: ABT_pool,
    kind: Kind,
    named: bool,
    function: Option<Function>,
    arg: *mut c_void,
    attr: ABT_thread_attr,
) -> Result<Handle<Thread>> {
    let runtime = runtime::get()?;
    let pool = Handle::<Pool>::from_c(pool).ok_or(Error::INV_POOL)?;
    let function = function.ok_or(Error::INV_ARG)?;
    let size =
        Handle::<ThreadAttr>::from_c(attr).map_or(runtime.config.thread_stack_size, |a| a.stack_size.get());
    let me = xstream::current();
    let unit = xstream::new_thread(me);
    unit.initialize(kind, named, (function, arg), stack::pages_for(size), Some(pool));
    pool.push(unit, me);
    Ok(unit)
}

/// Begins to wait for a unit that the caller may wait for. `None` if it has ended.
///
/// # Safety
/// As for `begin_join`.
unsafe fn begin_join(unit: Option<Handle<Thread>>, place: *mut Waiter) -> Result<Option<Passage>> {
    let unit = unit.ok_or(Error::INV_THREAD)?;
    let itself = xstream::current().is_some_and(|xs| xs.current() == unit);
    if itself || matches!(unit.kind(), Kind::Primary | Kind::Scheduler) {
        return Err(Error::INV_THREAD);
    }
    // SAFETY: promised by the caller.
    Ok(unsafe { xstream::begin_join(unit, place) })
}

/// Frees the unit that `*thread` names, which has ended.
unsafe fn free_ended(thread: *mut ABT_thread) {
    // SAFETY: the caller passes a valid place of a handle.
    let handle = unsafe { &mut *thread };
    if let Some(unit) = Handle::from_c(*handle) {
        xstream::free_thread(unit, xstream::current());
    }
    *handle = ABT_THREAD_NULL;
}

/// The result of a blocking function that has not waited, or has been woken already: what it does then.
fn unless_switch(passage: Option<Passage>, then: impl FnOnce() -> c_int) -> Passage {
    match passage {
        Some(passage) if passage.is_switch() => passage,
        _ => Passage::stay(then()),
    }
}

/// Runs the body of a function with entry code in assembly, with a panic boundary.
#[inline(always)]
fn body(symbol: &'static str, run: impl FnOnce() -> Result<Passage>) -> Passage {
    let boundary = Boundary::enter(symbol);
    let passage = run().unwrap_or_else(|error| Passage::stay(error.code()));
    boundary.leave();
    passage
}

/// What follows the wait of a blocking function that has nothing left to do.
pub(crate) unsafe extern "C" fn done<A, B>(_: A, _: B, _: *mut Waiter) -> Passage {
    Passage::stay(SUCCESS)
}

/// The body of `ABT_thread_join`.
pub(crate) unsafe extern "C" fn thread_join(thread: ABT_thread, _: usize, place: *mut Waiter) -> Passage {
    body("ABT_thread_join", || {
        // SAFETY: the entry code keeps the place.
        let passage = unsafe { begin_join(Handle::from_c(thread), place)? };
        Ok(unless_switch(passage, || SUCCESS))
    })
}

/// The body of `ABT_thread_free`.
pub(crate) unsafe extern "C" fn thread_free(
    thread: *mut ABT_thread,
    _: usize,
    place: *mut Waiter,
) -> Passage {
    body("ABT_thread_free", || {
        runtime::get()?;
        // SAFETY: the caller passes a valid place of a handle; the entry code keeps the waiter's.
        unsafe {
            let passage = begin_join(Handle::from_c(*thread), place)?;
            Ok(unless_switch(passage, || {
                free_ended(thread);
                SUCCESS
            }))
        }
    })
}

/// What follows the wait of `ABT_thread_free`.
pub(crate) unsafe extern "C" fn thread_free_joined(
    thread: *mut ABT_thread,
    _: usize,
    _: *mut Waiter,
) -> Passage {
    // SAFETY: the caller passes a valid place of a handle.
    unsafe { free_ended(thread) };
    Passage::stay(SUCCESS)
}

abi::export! {
    /// `ABT_thread_create` (thread.c): a ULT, ready in `pool`. Unnamed if `newthread` is null: it then frees
    /// itself when it ends.
    pub unsafe fn ABT_thread_create(
        pool: ABT_pool, thread_func: Option<unsafe extern "C" fn(*mut c_void)>, arg: *mut c_void,
        attr: ABT_thread_attr, newthread: *mut ABT_thread,
    ) -> c_int {
        if newthread.is_null() {
            return code(create_unit(pool, Kind::Ult, false, thread_func, arg, attr).map(drop));
        }
        // SAFETY: the caller passes a valid place for the handle.
        unsafe { *newthread = ABT_THREAD_NULL };
        let created = create_unit(pool, Kind::Ult, true, thread_func, arg, attr);
        if let Ok(unit) = created {
            // SAFETY: as above.
            unsafe { *newthread = unit.to_c() };
        }
        code(created.map(drop))
    }

    /// `ABT_thread_self` (thread.c): the calling ULT.
    pub unsafe fn ABT_thread_self(thread: *mut ABT_thread) -> c_int {
        // SAFETY: the caller passes a valid place for the handle.
        let thread = unsafe { &mut *thread };
        *thread = ABT_THREAD_NULL;
        let unit = runtime::get().and_then(|_| xstream::current_yieldable());
        if let Ok((_, unit)) = unit {
            *thread = unit.to_c();
        }
        code(unit.map(drop))
    }

    /// `ABT_thread_resume` (thread.c): makes a ULT ready that has suspended itself.
    pub fn ABT_thread_resume(thread: ABT_thread) -> c_int {
        code(Handle::from_c(thread).ok_or(Error::INV_THREAD).and_then(xstream::resume_suspended))
    }

    /// `ABT_thread_is_unnamed` (thread.c). The primary ULT, which nobody created, is unnamed.
    pub unsafe fn ABT_thread_is_unnamed(thread: ABT_thread, is_unnamed: *mut ABT_bool) -> c_int {
        let Some(unit) = Handle::<Thread>::from_c(thread) else { return Error::INV_THREAD.code() };
        // SAFETY: the caller passes a valid place for the answer.
        unsafe { *is_unnamed = to_bool(!unit.is_named() || unit.kind() == Kind::Primary) };
        SUCCESS
    }

    /// `ABT_thread_get_thread_func` (thread.c): the function that the ULT runs; null for the primary ULT.
    pub unsafe fn ABT_thread_get_thread_func(
        thread: ABT_thread, thread_func: *mut Option<unsafe extern "C" fn(*mut c_void)>,
    ) -> c_int {
        let Some(unit) = Handle::<Thread>::from_c(thread) else { return Error::INV_THREAD.code() };
        // SAFETY: the caller passes a valid place for the pointer.
        unsafe { *thread_func = (unit.kind() != Kind::Primary).then_some(unit.function().0) };
        SUCCESS
    }

    /// `ABT_thread_attr_create` (thread_attr.c): attributes with the default stack size.
    pub unsafe fn ABT_thread_attr_create(newattr: *mut ABT_thread_attr) -> c_int {
        // SAFETY: the caller passes a valid place for the handle.
        let newattr = unsafe { &mut *newattr };
        *newattr = ABT_THREAD_ATTR_NULL;
        let Ok(runtime) = runtime::get() else { return Error::UNINITIALIZED.code() };
        *newattr = Handle::new(ThreadAttr { stack_size: Cell::new(runtime.config.thread_stack_size) }).to_c();
        SUCCESS
    }

    /// `ABT_thread_attr_free` (thread_attr.c).
    pub unsafe fn ABT_thread_attr_free(attr: *mut ABT_thread_attr) -> c_int {
        // SAFETY: passed on.
        code(unsafe { free::<ThreadAttr, _>(attr, ABT_THREAD_ATTR_NULL, Error::INV_THREAD_ATTR, |_| ()) })
    }

    /// `ABT_thread_attr_set_stacksize` (thread_attr.c): in bytes; rounded up to pages.
    pub fn ABT_thread_attr_set_stacksize(attr: ABT_thread_attr, stacksize: usize) -> c_int {
        if runtime::get().is_err() {
            return Error::UNINITIALIZED.code();
        }
        let Some(attr) = Handle::<ThreadAttr>::from_c(attr) else { return Error::INV_THREAD_ATTR.code() };
        attr.stack_size.set(stacksize);
        SUCCESS
    }

    /// `ABT_task_create` (task.c): a tasklet, which runs on the scheduler's stack.
    pub unsafe fn ABT_task_create(
        pool: ABT_pool, task_func: Option<unsafe extern "C" fn(*mut c_void)>, arg: *mut c_void,
        newtask: *mut ABT_task,
    ) -> c_int {
        if newtask.is_null() {
            return code(create_unit(pool, Kind::Tasklet, false, task_func, arg, ABT_THREAD_ATTR_NULL).map(drop));
        }
        // SAFETY: the caller passes a valid place for the handle.
        unsafe { *newtask = ABT_TASK_NULL };
        let created = create_unit(pool, Kind::Tasklet, true, task_func, arg, ABT_THREAD_ATTR_NULL);
        if let Ok(unit) = created {
            // SAFETY: as above.
            unsafe { *newtask = unit.to_c() };
        }
        code(created.map(drop))
    }

    /// `ABT_task_free` (task.c): joins and frees a named tasklet.
    pub unsafe fn ABT_task_free(task: *mut ABT_task) -> c_int {
        // SAFETY: passed on.
        match unsafe { abi::ABT_thread_free(task) } {
            ABT_ERR_INV_THREAD => ABT_ERR_INV_TASK,
            SUCCESS => {
                // SAFETY: the caller passes a valid place of a handle.
                unsafe { *task = ABT_TASK_NULL };
                SUCCESS
            }
            error => error,
        }
    }

    /// `ABT_self_get_thread_id` (self.c): a number of the calling unit.
    pub unsafe fn ABT_self_get_thread_id(id: *mut ABT_unit_id) -> c_int {
        let unit = xstream::current_unit();
        if let Ok((_, unit)) = unit {
            // SAFETY: the caller passes a valid place for the number.
            unsafe { *id = unit.id() };
        }
        code(unit.map(drop))
    }

    /// `ABT_self_get_type` (self.c): what the caller is.
    pub unsafe fn ABT_self_get_type(type_: *mut ABT_unit_type) -> c_int {
        // SAFETY: the caller passes a valid place for the answer.
        let type_ = unsafe { &mut *type_ };
        *type_ = ABT_UNIT_TYPE_EXT;
        let unit = runtime::get().and_then(|_| xstream::current_unit());
        if let Ok((_, unit)) = unit {
            *type_ = if unit.kind() == Kind::Tasklet { ABT_UNIT_TYPE_TASK } else { ABT_UNIT_TYPE_THREAD };
        }
        code(unit.map(drop))
    }
}

/// The body of `ABT_thread_yield`.
pub(crate) extern "C" fn thread_yield() -> Passage {
    body("ABT_thread_yield", || Ok(xstream::yield_now()))
}

/// The body of `ABT_self_suspend`.
pub(crate) extern "C" fn self_suspend() -> Passage {
    body("ABT_self_suspend", || {
        let (_, unit) = xstream::current_yieldable()?;
        if unit.is_ult() { Ok(xstream::suspend(unit)) } else { Err(Error::INV_THREAD) }
    })
}

// ---- Synchronization ----

/// For functions that a tasklet must not call.
fn refuse_tasklet(error: Error) -> Result {
    if xstream::in_tasklet() { Err(error) } else { Ok(()) }
}

/// The body of `ABT_mutex_lock`, and what follows each of its waits.
pub(crate) unsafe extern "C" fn mutex_lock(mutex: ABT_mutex, _: usize, place: *mut Waiter) -> Passage {
    body("ABT_mutex_lock", || {
        let mutex = Handle::<Mutex>::from_c(mutex).ok_or(Error::INV_MUTEX)?;
        // SAFETY: the entry code keeps the place.
        Ok(unsafe { lock_or_wait(&mutex, place) })
    })
}

/// Locks a mutex, or returns the switch that waits for it.
unsafe fn lock_or_wait(mutex: &Mutex, place: *mut Waiter) -> Passage {
    // SAFETY: passed on.
    while let Some(passage) = unsafe { mutex.lock_or_wait(place) } {
        if passage.is_switch() {
            return passage;
        }
    }
    Passage::stay(SUCCESS)
}

/// The body of `ABT_cond_wait`.
pub(crate) unsafe extern "C" fn cond_wait(cond: ABT_cond, mutex: ABT_mutex, place: *mut Waiter) -> Passage {
    body("ABT_cond_wait", || {
        refuse_tasklet(Error::COND)?;
        let cond = Handle::<Cond>::from_c(cond).ok_or(Error::INV_COND)?;
        let mutex = Handle::<Mutex>::from_c(mutex).ok_or(Error::INV_MUTEX)?;
        // SAFETY: the entry code keeps the place.
        unsafe {
            let passage = cond.begin_wait(&mutex, place)?;
            Ok(if passage.is_switch() { passage } else { lock_or_wait(&mutex, place) })
        }
    })
}

/// What follows the waits of `ABT_cond_wait`: it takes the mutex again.
pub(crate) unsafe extern "C" fn cond_lock_again(
    _: ABT_cond,
    mutex: ABT_mutex,
    place: *mut Waiter,
) -> Passage {
    // SAFETY: passed on.
    unsafe { mutex_lock(mutex, 0, place) }
}

/// The body of `ABT_rwlock_rdlock`.
pub(crate) unsafe extern "C" fn rwlock_rdlock(rwlock: ABT_rwlock, _: usize, place: *mut Waiter) -> Passage {
    body("ABT_rwlock_rdlock", || {
        let rwlock = Handle::<RwLock>::from_c(rwlock).ok_or(Error::INV_RWLOCK)?;
        refuse_tasklet(Error::RWLOCK)?;
        // SAFETY: the entry code keeps the place.
        Ok(unless_switch(unsafe { rwlock.read_or_wait(place) }, || SUCCESS))
    })
}

/// The body of `ABT_rwlock_wrlock`.
pub(crate) unsafe extern "C" fn rwlock_wrlock(rwlock: ABT_rwlock, _: usize, place: *mut Waiter) -> Passage {
    body("ABT_rwlock_wrlock", || {
        let rwlock = Handle::<RwLock>::from_c(rwlock).ok_or(Error::INV_RWLOCK)?;
        refuse_tasklet(Error::RWLOCK)?;
        // SAFETY: the entry code keeps the place.
        Ok(unless_switch(unsafe { rwlock.write_or_wait(place) }, || SUCCESS))
    })
}

/// The body of `ABT_eventual_wait`.
pub(crate) unsafe extern "C" fn eventual_wait(
    eventual: ABT_eventual,
    value: *mut *mut c_void,
    place: *mut Waiter,
) -> Passage {
    body("ABT_eventual_wait", || {
        let object = Handle::<Eventual>::from_c(eventual).ok_or(Error::INV_EVENTUAL)?;
        refuse_tasklet(Error::EVENTUAL)?;
        // The address is known before: once woken, this must not touch an object that may be gone.
        if !value.is_null() {
            // SAFETY: the caller passes a valid place for the pointer.
            unsafe { *value = object.value() };
        }
        // SAFETY: the entry code keeps the place.
        Ok(unless_switch(unsafe { object.begin_wait(place) }, || SUCCESS))
    })
}

/// The body of `ABT_future_wait`.
pub(crate) unsafe extern "C" fn future_wait(future: ABT_future, _: usize, place: *mut Waiter) -> Passage {
    body("ABT_future_wait", || {
        let future = Handle::<Future>::from_c(future).ok_or(Error::INV_FUTURE)?;
        refuse_tasklet(Error::FUTURE)?;
        // SAFETY: the entry code keeps the place.
        Ok(unless_switch(unsafe { future.begin_wait(place) }, || SUCCESS))
    })
}

abi::export! {
    /// `ABT_mutex_create` (mutex.c).
    pub unsafe fn ABT_mutex_create(newmutex: *mut ABT_mutex) -> c_int {
        // SAFETY: the caller passes a valid place for the handle.
        unsafe { *newmutex = Handle::new(Mutex::new(false)).to_c() };
        SUCCESS
    }

    /// `ABT_mutex_create_with_attr` (mutex.c).
    pub unsafe fn ABT_mutex_create_with_attr(attr: ABT_mutex_attr, newmutex: *mut ABT_mutex) -> c_int {
        let recursive = Handle::<MutexAttr>::from_c(attr).is_some_and(|attr| attr.recursive.get());
        // SAFETY: the caller passes a valid place for the handle.
        unsafe { *newmutex = Handle::new(Mutex::new(recursive)).to_c() };
        SUCCESS
    }

    /// `ABT_mutex_free` (mutex.c).
    pub unsafe fn ABT_mutex_free(mutex: *mut ABT_mutex) -> c_int {
        // SAFETY: passed on.
        code(unsafe { free::<Mutex, _>(mutex, ABT_MUTEX_NULL, Error::INV_MUTEX, |_| ()) })
    }

    /// `ABT_mutex_trylock` (mutex.c): `ABT_ERR_MUTEX_LOCKED` if somebody holds it.
    pub fn ABT_mutex_trylock(mutex: ABT_mutex) -> c_int {
        let Some(mutex) = Handle::<Mutex>::from_c(mutex) else { return Error::INV_MUTEX.code() };
        code(mutex.try_lock())
    }

    /// `ABT_mutex_unlock` (mutex.c).
    pub fn ABT_mutex_unlock(mutex: ABT_mutex) -> c_int {
        let Some(mutex) = Handle::<Mutex>::from_c(mutex) else { return Error::INV_MUTEX.code() };
        mutex.unlock();
        SUCCESS
    }

    /// `ABT_mutex_attr_create` (mutex_attr.c).
    pub unsafe fn ABT_mutex_attr_create(newattr: *mut ABT_mutex_attr) -> c_int {
        // SAFETY: the caller passes a valid place for the handle.
        unsafe { *newattr = Handle::new(MutexAttr { recursive: Cell::new(false) }).to_c() };
        SUCCESS
    }

    /// `ABT_mutex_attr_free` (mutex_attr.c).
    pub unsafe fn ABT_mutex_attr_free(attr: *mut ABT_mutex_attr) -> c_int {
        // SAFETY: passed on.
        code(unsafe { free::<MutexAttr, _>(attr, ABT_MUTEX_ATTR_NULL, Error::INV_MUTEX_ATTR, |_| ()) })
    }

    /// `ABT_mutex_attr_set_recursive` (mutex_attr.c): whether the holder may lock it again.
    pub fn ABT_mutex_attr_set_recursive(attr: ABT_mutex_attr, recursive: ABT_bool) -> c_int {
        let Some(attr) = Handle::<MutexAttr>::from_c(attr) else { return Error::INV_MUTEX_ATTR.code() };
        attr.recursive.set(recursive == TRUE);
        SUCCESS
    }

    /// `ABT_cond_create` (cond.c).
    pub unsafe fn ABT_cond_create(newcond: *mut ABT_cond) -> c_int {
        // SAFETY: the caller passes a valid place for the handle.
        unsafe { *newcond = Handle::new(Cond::new()).to_c() };
        SUCCESS
    }

    /// `ABT_cond_free` (cond.c): `ABT_ERR_COND` if somebody waits.
    pub unsafe fn ABT_cond_free(cond: *mut ABT_cond) -> c_int {
        // SAFETY: the caller passes a valid place of a handle.
        if Handle::<Cond>::from_c(unsafe { *cond }).is_some_and(|cond| !cond.retire()) {
            return Error::COND.code();
        }
        // SAFETY: passed on.
        code(unsafe { free::<Cond, _>(cond, ABT_COND_NULL, Error::INV_COND, |_| ()) })
    }

    /// `ABT_cond_timedwait` (cond.c): until a time of the real-time clock; then `ABT_ERR_COND_TIMEDOUT`.
    pub unsafe fn ABT_cond_timedwait(cond: ABT_cond, mutex: ABT_mutex, abstime: *const timespec) -> c_int {
        let Some(cond) = Handle::<Cond>::from_c(cond) else { return Error::INV_COND.code() };
        let Some(mutex) = Handle::<Mutex>::from_c(mutex) else { return Error::INV_MUTEX.code() };
        // SAFETY: the caller passes a valid time.
        let abstime = unsafe { &*abstime };
        let since = Duration::new(abstime.tv_sec.max(0) as u64, 0)
            .saturating_add(Duration::from_nanos(abstime.tv_nsec.max(0) as u64));
        // A time beyond the clock's range never comes.
        let never = || SystemTime::now() + Duration::from_secs(1 << 32);
        code(cond.wait_until(&mutex, UNIX_EPOCH.checked_add(since).unwrap_or_else(never)))
    }

    /// `ABT_cond_signal` (cond.c): wakes one.
    pub fn ABT_cond_signal(cond: ABT_cond) -> c_int {
        let Some(cond) = Handle::<Cond>::from_c(cond) else { return Error::INV_COND.code() };
        cond.signal();
        SUCCESS
    }

    /// `ABT_cond_broadcast` (cond.c): wakes all.
    pub fn ABT_cond_broadcast(cond: ABT_cond) -> c_int {
        let Some(cond) = Handle::<Cond>::from_c(cond) else { return Error::INV_COND.code() };
        cond.broadcast();
        SUCCESS
    }

    /// `ABT_rwlock_create` (rwlock.c).
    pub unsafe fn ABT_rwlock_create(newrwlock: *mut ABT_rwlock) -> c_int {
        // SAFETY: the caller passes a valid place for the handle.
        unsafe { *newrwlock = Handle::new(RwLock::new()).to_c() };
        SUCCESS
    }

    /// `ABT_rwlock_free` (rwlock.c).
    pub unsafe fn ABT_rwlock_free(rwlock: *mut ABT_rwlock) -> c_int {
        // SAFETY: passed on.
        code(unsafe { free::<RwLock, _>(rwlock, ABT_RWLOCK_NULL, Error::INV_RWLOCK, |_| ()) })
    }

    /// `ABT_rwlock_unlock` (rwlock.c).
    pub fn ABT_rwlock_unlock(rwlock: ABT_rwlock) -> c_int {
        code(Handle::<RwLock>::from_c(rwlock).ok_or(Error::INV_RWLOCK).and_then(|rwlock| rwlock.unlock()))
    }

    /// `ABT_eventual_create` (eventual.c): for a value of `nbytes` bytes.
    pub unsafe fn ABT_eventual_create(nbytes: c_int, neweventual: *mut ABT_eventual) -> c_int {
        let Ok(nbytes) = usize::try_from(nbytes) else { return Error::INV_ARG.code() };
        // SAFETY: the caller passes a valid place for the handle.
        unsafe { *neweventual = Handle::new(Eventual::new(nbytes)).to_c() };
        SUCCESS
    }

    /// `ABT_eventual_free` (eventual.c).
    pub unsafe fn ABT_eventual_free(eventual: *mut ABT_eventual) -> c_int {
        // SAFETY: passed on.
        code(unsafe { free(eventual, ABT_EVENTUAL_NULL, Error::INV_EVENTUAL, Eventual::settle) })
    }

    /// `ABT_eventual_set` (eventual.c): `nbytes` bytes from `value`.
    pub unsafe fn ABT_eventual_set(eventual: ABT_eventual, value: *mut c_void, nbytes: c_int) -> c_int {
        let Some(eventual) = Handle::<Eventual>::from_c(eventual) else { return Error::INV_EVENTUAL.code() };
        let Ok(nbytes) = usize::try_from(nbytes) else { return Error::INV_ARG.code() };
        // SAFETY: the caller passes `nbytes` readable bytes.
        code(unsafe { eventual.set(value, nbytes) })
    }

    /// `ABT_eventual_reset` (eventual.c): it may be set again.
    pub fn ABT_eventual_reset(eventual: ABT_eventual) -> c_int {
        let Some(eventual) = Handle::<Eventual>::from_c(eventual) else { return Error::INV_EVENTUAL.code() };
        eventual.reset();
        SUCCESS
    }

    /// `ABT_future_create` (futures.c): ready when it has been set `num_compartments` times; `cb_func` then
    /// gets all values.
    pub unsafe fn ABT_future_create(
        num_compartments: u32, cb_func: Option<unsafe extern "C" fn(*mut *mut c_void)>, newfuture: *mut ABT_future,
    ) -> c_int {
        // SAFETY: the caller passes a valid place for the handle.
        unsafe { *newfuture = Handle::new(Future::new(num_compartments as usize, cb_func)).to_c() };
        SUCCESS
    }

    /// `ABT_future_free` (futures.c).
    pub unsafe fn ABT_future_free(future: *mut ABT_future) -> c_int {
        // SAFETY: passed on.
        code(unsafe { free(future, ABT_FUTURE_NULL, Error::INV_FUTURE, Future::settle) })
    }

    /// `ABT_future_test` (futures.c).
    pub unsafe fn ABT_future_test(future: ABT_future, is_ready: *mut ABT_bool) -> c_int {
        let Some(future) = Handle::<Future>::from_c(future) else { return Error::INV_FUTURE.code() };
        // SAFETY: the caller passes a valid place for the answer.
        unsafe { *is_ready = to_bool(future.is_ready()) };
        SUCCESS
    }

    /// `ABT_future_set` (futures.c): the next compartment; `ABT_ERR_FUTURE` if all are set.
    pub fn ABT_future_set(future: ABT_future, value: *mut c_void) -> c_int {
        code(Handle::<Future>::from_c(future).ok_or(Error::INV_FUTURE).and_then(|future| future.set(value)))
    }
}

// ---- Information ----

abi::export! {
    /// `ABT_info_print_config` (info.c).
    pub unsafe fn ABT_info_print_config(fp: *mut FILE) -> c_int {
        code(runtime::get().and_then(|rt| info::print_one(fp, Some(rt), Error::UNINITIALIZED, |rt| info::config(&rt))))
    }

    /// `ABT_info_print_all_xstreams` (info.c).
    pub unsafe fn ABT_info_print_all_xstreams(fp: *mut FILE) -> c_int {
        code(runtime::get().and_then(|rt| {
            info::print_one(fp, Some(rt), Error::UNINITIALIZED, |rt| info::all_xstreams(&rt))
        }))
    }

    /// `ABT_info_print_xstream` (info.c).
    pub unsafe fn ABT_info_print_xstream(fp: *mut FILE, xstream: ABT_xstream) -> c_int {
        code(info::print_one(fp, Handle::from_c(xstream), Error::INV_XSTREAM, info::xstream))
    }

    /// `ABT_info_print_sched` (info.c): a scheduler with its pools.
    pub unsafe fn ABT_info_print_sched(fp: *mut FILE, sched: ABT_sched) -> c_int {
        code(info::print_one(fp, Handle::from_c(sched), Error::INV_SCHED, info::sched))
    }

    /// `ABT_info_print_pool` (info.c).
    pub unsafe fn ABT_info_print_pool(fp: *mut FILE, pool: ABT_pool) -> c_int {
        code(info::print_one(fp, Handle::from_c(pool), Error::INV_POOL, info::pool))
    }

    /// `ABT_info_print_thread` (info.c).
    pub unsafe fn ABT_info_print_thread(fp: *mut FILE, thread: ABT_thread) -> c_int {
        code(info::print_one(fp, Handle::from_c(thread), Error::INV_THREAD, info::thread))
    }

    /// `ABT_info_trigger_print_all_thread_stacks` (info.c): all execution streams dump their ULTs at the
    /// next opportunity; those that have not after `timeout` seconds (negative: ever) are left out.
    /// Async-signal-safe.
    pub unsafe fn ABT_info_trigger_print_all_thread_stacks(
        fp: *mut FILE, timeout: f64, cb_func: Option<unsafe extern "C" fn(ABT_bool, *mut c_void)>, arg: *mut c_void,
    ) -> c_int {
        info::request_dump(fp, timeout, cb_func, arg);
        SUCCESS
    }
}
