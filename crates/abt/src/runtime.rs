//! The runtime as a whole: started by `ABT_init`, ended by `ABT_finalize`.

use crate::error::{Error, Result};
use crate::handle::Handle;
use crate::overflow;
use crate::pool;
use crate::sched::Sched;
use crate::stack::{self, StackCache};
use crate::sync::timer;
use crate::thread::{self, Function, Kind, Thread};
use crate::xstream::{self, Xstream};
use core::ffi::c_void;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Mutex, MutexGuard};

/// What is configured and what exists.
pub(crate) struct Runtime {
    pub(crate) config: Config,
    /// By rank.
    xstreams: Mutex<Vec<Handle<Xstream>>>,
    primary: Handle<Thread>,
    overflow: overflow::Handler,
}

/// Settings from the environment: `ABT_<name>` or `ABT_ENV_<name>`.
#[derive(Clone)]
pub(crate) struct Config {
    /// `MAX_NUM_XSTREAMS`: only told, not enforced. Default: processors.
    pub(crate) max_xstreams: usize,
    /// `THREAD_STACKSIZE` in bytes. Default: 16 KiB.
    pub(crate) thread_stack_size: usize,
    /// `SCHED_STACKSIZE` in bytes. Default: 4 MiB.
    pub(crate) sched_stack_size: usize,
    /// `SCHED_EVENT_FREQ`: units between two looks of the built-in scheduler at events. Default: 50.
    pub(crate) event_frequency: u32,
    /// `PRINT_CONFIG`: `ABT_init` prints the configuration.
    pub(crate) print: bool,
}

fn variable(name: &str) -> Option<String> {
    let get = |prefix| std::env::var(format!("{prefix}{name}")).ok();
    get("ABT_").or_else(|| get("ABT_ENV_"))
}

fn number(name: &str, default: usize, least: usize) -> usize {
    let value = variable(name).and_then(|text| text.trim().parse::<usize>().ok());
    value.unwrap_or(default).clamp(least, usize::MAX / 4)
}

impl Config {
    fn from_environment() -> Config {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let yes =
            |text: String| matches!(text.to_ascii_lowercase().as_str(), "1" | "y" | "yes" | "true" | "on");
        Config {
            max_xstreams: number("MAX_NUM_XSTREAMS", processors, 1),
            thread_stack_size: number("THREAD_STACKSIZE", 16384, 512).next_multiple_of(64),
            sched_stack_size: number("SCHED_STACKSIZE", 4 << 20, 65536),
            event_frequency: number("SCHED_EVENT_FREQ", 50, 1).min(u32::MAX as usize) as u32,
            print: variable("PRINT_CONFIG").is_some_and(yes),
        }
    }
}

/// How many times `ABT_init` was called without `ABT_finalize`.
static INITIALIZED: Mutex<u32> = Mutex::new(0);
static RUNTIME: AtomicPtr<Runtime> = AtomicPtr::new(core::ptr::null_mut());

/// The runtime, if it is up.
pub(crate) fn get() -> Result<Handle<Runtime>> {
    Handle::from_ptr(RUNTIME.load(Ordering::Acquire)).ok_or(Error::UNINITIALIZED)
}

/// The caller of `ABT_init`.
pub(crate) fn primary_unit() -> Result<Handle<Thread>> {
    Ok(get()?.primary)
}

/// Units between two looks of the built-in scheduler at events.
pub(crate) fn event_frequency() -> u32 {
    get().map_or(1, |runtime| runtime.config.event_frequency)
}

extern "C" fn primary_function(_: *mut c_void) {}

/// `ABT_init`: the caller becomes the primary ULT on the primary execution stream.
pub(crate) fn init() -> Result {
    let mut count = INITIALIZED.lock().unwrap_or_else(|e| e.into_inner());
    if *count == 0 {
        start()?;
    }
    *count += 1;
    Ok(())
}

fn start() -> Result {
    let config = Config::from_environment();
    pool::reset_ids();
    let stack = StackCache::default().take(stack::pages_for(config.sched_stack_size)).ok_or(Error::MEM)?;
    let primary = thread::take_global();
    let sched = Sched::create_basic()?;
    let function = (primary_function as Function, core::ptr::null_mut());
    primary.initialize(Kind::Primary, true, function, 0, Some(sched.pools()[0]));
    let runtime = Handle::new(Runtime {
        config,
        xstreams: Mutex::new(Vec::new()),
        primary,
        overflow: overflow::Handler::install(),
    });
    let xs = Xstream::create(&runtime, sched, None, true)?;
    RUNTIME.store(runtime.as_ptr(), Ordering::Release);
    xs.become_primary(primary, stack);
    if runtime.config.print {
        // SAFETY: C's standard output stream is always there.
        unsafe { crate::info::print_config_to_stdout(&runtime) };
    }
    Ok(())
}

/// `ABT_finalize`: by the primary ULT, which first lets everything that is left run.
pub(crate) fn finalize() -> Result {
    let mut count = INITIALIZED.lock().unwrap_or_else(|e| e.into_inner());
    if *count == 0 {
        return Err(Error::UNINITIALIZED);
    }
    if *count > 1 {
        *count -= 1;
        return Ok(());
    }
    let (xs, unit) = xstream::current_unit()?;
    if !xs.is_primary() {
        return Err(Error::INV_XSTREAM);
    }
    if unit.kind() != Kind::Primary {
        return Err(Error::INV_THREAD);
    }
    // Units that still run may call `ABT_init` or `ABT_finalize`.
    drop(count);
    xs.finish_primary(unit);
    end(xs, unit);
    *INITIALIZED.lock().unwrap_or_else(|e| e.into_inner()) = 0;
    Ok(())
}

fn end(xs: Handle<Xstream>, primary: Handle<Thread>) {
    let Ok(runtime) = get() else { return };
    RUNTIME.store(core::ptr::null_mut(), Ordering::Release);
    timer::stop();
    if let Some(stack) = xs.main().stack() {
        stack::put_global(stack);
    }
    Xstream::destroy(xs, &runtime, true);
    thread::put_global(primary);
    runtime.overflow.remove();
    let all_ended = runtime.xstreams().is_empty();
    // SAFETY: nobody finds it any more; execution streams that were not joined have no part of it.
    unsafe { runtime.free() };
    // An execution stream that was not joined still runs units.
    if all_ended {
        thread::clear();
        stack::clear_global();
    }
}

impl Runtime {
    pub(crate) fn xstreams(&self) -> MutexGuard<'_, Vec<Handle<Xstream>>> {
        self.xstreams.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Wakes every scheduler that sleeps, unless the list is in use: for a signal handler.
    pub(crate) fn wake_all_if_unlocked(&self) {
        if let Ok(list) = self.xstreams.try_lock() {
            list.iter().for_each(|xs| xs.wake());
        }
    }

    pub(crate) fn sched_stack_size(&self) -> usize {
        self.config.sched_stack_size
    }
}
