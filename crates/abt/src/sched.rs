//! Schedulers: the user's, and the built-in one.

use crate::error::{Error, Result};
use crate::handle::Handle;
use crate::kernel::watcher::Wake;
use crate::pool::Pool;
use crate::thread::Thread;
use crate::xstream::{self, Xstream};
use crate::{info, runtime};
use core::cell::Cell;
use core::ffi::c_void;
use core::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::time::Duration;

/// Requests to a scheduler.
const FINISH: u32 = 1;

/// The built-in scheduler looks that many times for work before it sleeps.
const SPINS: u32 = 2000;
/// If it sleeps that long without being woken, it gives back its cached stacks.
const IDLE: Duration = Duration::from_millis(100);

/// A scheduler and its pools.
pub(crate) struct Sched {
    pools: Box<[Handle<Pool>]>,
    def: Definition,
    automatic: bool,
    /// The unit of the execution stream whose main scheduler this is.
    main: AtomicPtr<Thread>,
    request: AtomicU32,
    data: AtomicPtr<c_void>,
}

/// Who decides what runs next.
#[derive(Clone, Copy)]
pub(crate) enum Definition {
    /// The first unit of the first pool that has one.
    Basic,
    /// A user's `ABT_sched_def`.
    User(UserDefinition),
}

/// The functions of an `ABT_sched_def`.
#[derive(Clone, Copy)]
pub(crate) struct UserDefinition {
    pub(crate) init: abi::ABT_sched_init_fn,
    pub(crate) run: unsafe extern "C" fn(abi::ABT_sched),
    pub(crate) free: abi::ABT_sched_free_fn,
}

impl Sched {
    /// Creates a scheduler over `pools`; for those that are `None` a pool is made, which goes with it.
    pub(crate) fn create(
        def: Definition,
        pools: &[Option<Handle<Pool>>],
        automatic: bool,
        config: abi::ABT_sched_config,
    ) -> Result<Handle<Sched>> {
        let pools: Result<Box<[_]>> = pools
            .iter()
            .map(|pool| match pool {
                Some(pool) => Ok(*pool),
                None => Pool::create(abi::ABT_POOL_FIFO, abi::ABT_POOL_ACCESS_MPSC, true),
            })
            .collect();
        let sched = Handle::new(Sched {
            pools: pools?,
            def,
            automatic,
            main: AtomicPtr::new(ptr::null_mut()),
            request: AtomicU32::new(0),
            data: AtomicPtr::new(ptr::null_mut()),
        });
        for pool in sched.pools.iter() {
            pool.retain();
            if pool.schedulers() > 1 {
                pool.share();
            }
        }
        if let Definition::User(UserDefinition { init: Some(init), .. }) = def {
            // SAFETY: the user's function, called as the interface says.
            let code = unsafe { init(sched.to_c(), config) };
            if let Err(error) = Error::from_user(code) {
                sched.release_pools(false);
                // SAFETY: nobody else has seen it, except the user's function, which refused it.
                unsafe { sched.free() };
                return Err(error);
            }
        }
        Ok(sched)
    }

    /// The built-in scheduler with a pool of its own.
    pub(crate) fn create_basic() -> Result<Handle<Sched>> {
        let pool = Pool::create(abi::ABT_POOL_FIFO, abi::ABT_POOL_ACCESS_MPMC, true)?;
        Sched::create(Definition::Basic, &[Some(pool)], true, abi::ABT_SCHED_CONFIG_NULL)
    }

    /// Frees a scheduler that is not in use, and its pools that are automatic and in no other scheduler.
    pub(crate) fn destroy(this: Handle<Sched>, force: bool) {
        if let Definition::User(UserDefinition { free: Some(free), .. }) = this.def {
            // SAFETY: the user's function, called as the interface says.
            unsafe { free(this.to_c()) };
        }
        this.release_pools(force);
        // SAFETY: the caller gives up its handle.
        unsafe { this.free() };
    }

    fn release_pools(&self, force: bool) {
        for pool in self.pools.iter() {
            if (pool.release() == 0 && pool.is_automatic()) || force {
                // SAFETY: no scheduler has it any more, and its creator left it to us.
                unsafe { pool.free() };
            }
        }
    }

    pub(crate) fn pools(&self) -> &[Handle<Pool>] {
        &self.pools
    }

    pub(crate) fn is_automatic(&self) -> bool {
        self.automatic
    }

    pub(crate) fn definition(&self) -> &Definition {
        &self.def
    }

    pub(crate) fn data(&self) -> &AtomicPtr<c_void> {
        &self.data
    }

    pub(crate) fn request(&self) -> u32 {
        self.request.load(Ordering::Acquire)
    }

    /// The unit that runs it, if it is a main scheduler.
    pub(crate) fn main(&self) -> Option<Handle<Thread>> {
        Handle::from_ptr(self.main.load(Ordering::Acquire))
    }

    pub(crate) fn set_main(&self, unit: Handle<Thread>) {
        self.main.store(unit.as_ptr(), Ordering::Release);
        self.request.store(0, Ordering::Release);
    }

    /// Its execution stream is gone.
    pub(crate) fn set_unused(&self) {
        self.main.store(ptr::null_mut(), Ordering::Release);
    }

    /// Asks it to end once its pools are empty and no unit of theirs is blocked.
    pub(crate) fn finish(&self) {
        self.request.fetch_or(FINISH, Ordering::SeqCst);
    }

    /// Whether a unit is left. Units that are blocked count only for a pool that is in no other scheduler:
    /// else they may go on elsewhere. Blocked ones are counted first, because they are pushed before they
    /// are taken off that count.
    pub(crate) fn has_unit(&self) -> bool {
        let left = |pool: &Handle<Pool>| {
            let counts = pool.access() == abi::ABT_POOL_ACCESS_PRIV || pool.schedulers() == 1;
            (counts && pool.blocked() != 0) || !pool.is_empty()
        };
        self.pools.iter().any(left)
    }

    pub(crate) fn has_to_stop(&self) -> bool {
        self.request() & FINISH != 0 && !self.has_unit()
    }

    /// The first unit that is ready, as the built-in scheduler wants it.
    #[inline(always)]
    pub(crate) fn pop(&self, me: Option<Handle<Xstream>>) -> Option<Handle<Thread>> {
        match &*self.pools {
            [pool] => pool.pop(me),
            pools => pools.iter().find_map(|pool| pool.pop(me)),
        }
    }

    /// Runs units until it has to stop.
    pub(crate) fn run(&self) {
        match &self.def {
            // SAFETY: the user's function, called as the interface says.
            Definition::User(def) => unsafe { (def.run)(Handle::from_ref(self).to_c()) },
            Definition::Basic => self.run_basic(),
        }
    }

    fn run_basic(&self) {
        let xs = xstream::current().expect("a scheduler runs on an execution stream");
        let grant = runtime::event_frequency();
        let mut idle = 0;
        loop {
            if let Some(unit) = xs.take_handoff().or_else(|| self.pop(Some(xs))) {
                xs.grant(grant);
                idle = 0;
                if xs.run(unit).is_err() {
                    // No memory for a stack: perhaps later.
                    std::thread::yield_now();
                }
                check_events(xs);
                continue;
            }
            check_events(xs);
            if self.has_to_stop() {
                break;
            }
            idle += 1;
            if idle < SPINS {
                core::hint::spin_loop();
            } else {
                self.sleep(xs);
            }
        }
        xs.grant(0);
    }

    /// Sleeps until somebody pushes a unit or wants something.
    fn sleep(&self, xs: Handle<Xstream>) {
        self.pools.iter().for_each(|pool| pool.add_sleeper());
        let nothing_to_do =
            || self.pools.iter().all(|pool| pool.is_empty()) && self.request() == 0 && !info::is_dump_due(xs);
        if nothing_to_do() && !xs.sleep(Some(IDLE)) {
            xs.clear_stacks();
            if nothing_to_do() {
                // During a dump somebody must notice that its time is up.
                xs.sleep(info::is_dump_active().then_some(IDLE));
            }
        }
        self.pools.iter().for_each(|pool| pool.remove_sleeper());
    }
}

/// Sleeps on behalf of a user's scheduler, which is on `xs`, until one of its `pools` has a unit, somebody wants
/// something of the scheduler, or `timeout` has passed. Returns whether there is a unit.
pub(crate) fn wait_for_units(xs: Handle<Xstream>, pools: &[Handle<Pool>], timeout: Duration) -> bool {
    let empty = || pools.iter().all(|pool| pool.is_empty());
    if !empty() {
        return true;
    }
    pools.iter().for_each(|pool| pool.add_sleeper());
    if empty() && xs.sched().request() == 0 && !info::is_dump_due(xs) {
        xs.sleep(Some(timeout));
    }
    pools.iter().for_each(|pool| pool.remove_sleeper());
    !empty()
}

/// Begins to watch `pools` for a user's scheduler on `xs` that is about to sleep elsewhere: a push of another thread
/// makes `call`, and so does who wants something of the scheduler. False if there is something to do already; then
/// nothing is watched.
pub(crate) fn watch_for_units(
    xs: Handle<Xstream>,
    pools: &[Handle<Pool>],
    call: (Wake, *mut c_void),
) -> bool {
    xs.watch(Some(call));
    pools.iter().for_each(|pool| pool.add_sleeper());
    let quiet =
        pools.iter().all(|pool| pool.is_empty()) && xs.sched().request() == 0 && !info::is_dump_due(xs);
    if !quiet {
        end_watch(xs, pools);
    }
    quiet
}

/// Ends what [`watch_for_units`] has begun. The call is not made any more.
pub(crate) fn end_watch(xs: Handle<Xstream>, pools: &[Handle<Pool>]) {
    pools.iter().for_each(|pool| pool.remove_sleeper());
    xs.watch(None);
}

/// What a scheduler does from time to time beside running units.
pub(crate) fn check_events(xs: Handle<Xstream>) {
    if info::is_dump_due(xs) {
        info::dump_own_units(xs);
    }
}

/// A value of an `ABT_sched_config`.
#[derive(Clone, Copy)]
pub(crate) enum ConfigValue {
    Int(i32),
    Double(f64),
    Pointer(*mut c_void),
}

/// An `ABT_sched_config`: values by index.
#[derive(Default)]
pub(crate) struct SchedConfig(Cell<Vec<(i32, ConfigValue)>>);

/// Index of the predefined variable `ABT_sched_config_automatic`.
const AUTOMATIC: i32 = -3;

impl SchedConfig {
    pub(crate) fn set(&self, index: i32, value: ConfigValue) {
        let mut values = self.0.take();
        values.retain(|(other, _)| *other != index);
        values.push((index, value));
        self.0.set(values);
    }

    pub(crate) fn get(&self, index: i32) -> Option<ConfigValue> {
        let values = self.0.take();
        let found = values.iter().find(|(other, _)| *other == index).map(|&(_, value)| value);
        self.0.set(values);
        found
    }

    /// Whether the scheduler is to be freed with its execution stream, if the configuration says so or not.
    pub(crate) fn automatic(&self) -> Option<bool> {
        match self.get(AUTOMATIC)? {
            ConfigValue::Int(value) => Some(value != 0),
            _ => None,
        }
    }
}
