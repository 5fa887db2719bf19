//! `ABT_info_print_*`, and the dump of all stacks.

use crate::error::Result;
use crate::handle::Handle;
use crate::pool::Pool;
use crate::runtime::{self, Runtime};
use crate::sched::{Definition, Sched};
use crate::stack;
use crate::symbol::Symbol;
use crate::thread::{self, Kind, State, Thread};
use crate::unwind;
use crate::xstream::Xstream;
use abi::FILE;
use core::ffi::{c_int, c_void};
use core::fmt::{self, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A C stream.
pub(crate) struct Stream(*mut FILE);

impl Stream {
    /// # Safety
    /// `file` is an open stream.
    pub(crate) unsafe fn new(file: *mut FILE) -> Stream {
        Stream(file)
    }

    /// Writes a whole report at once, so that others' output does not come in between.
    pub(crate) fn print(&self, text: &str) {
        // SAFETY: the stream is open; the buffer is valid.
        unsafe {
            libc::fwrite(text.as_ptr().cast(), 1, text.len(), self.0);
            libc::fflush(self.0);
        }
    }
}

fn yes(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

/// A report that cannot fail: it is put together in memory.
fn report(write: impl FnOnce(&mut String) -> fmt::Result) -> String {
    let mut text = String::new();
    write(&mut text).expect("writing to memory does not fail");
    text
}

/// `ABT_info_print_config`.
pub(crate) fn config(runtime: &Runtime) -> String {
    report(|out| {
        let config = &runtime.config;
        writeln!(out, "Argobots Configuration:")?;
        writeln!(
            out,
            " - version: 1.2 (interface), {} {}",
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION")
        )?;
        writeln!(out, " - # of cores: {}", std::thread::available_parallelism().map_or(1, usize::from))?;
        writeln!(out, " - max. # of ESs: {}", config.max_xstreams)?;
        writeln!(out, " - cur. # of ESs: {}", runtime.xstreams().len())?;
        writeln!(out, " - ES affinity: off")?;
        writeln!(out, " - valgrind support: yes")?;
        writeln!(out, " - external thread: enabled")?;
        writeln!(out, " - error check: enabled")?;
        writeln!(out, " - wait policy: passive")?;
        writeln!(out, " - context-switch: assembly, floating-point control words preserved")?;
        writeln!(out, " - default ULT stack size: {} KB", config.thread_stack_size / 1024)?;
        writeln!(out, " - default scheduler stack size: {} KB", config.sched_stack_size / 1024)?;
        writeln!(out, " - default scheduler event check frequency: {}", config.event_frequency)?;
        writeln!(out, " - stacks mapped: {}", stack::MAPPED.load(Ordering::Relaxed))?;
        writeln!(out, " - stacks without guard: {}", stack::UNGUARDED.load(Ordering::Relaxed))
    })
}

/// Prints the configuration on C's standard output.
///
/// # Safety
/// The standard streams are open.
pub(crate) unsafe fn print_config_to_stdout(runtime: &Runtime) {
    unsafe extern "C" {
        static stdout: *mut FILE;
    }
    // SAFETY: libc's own variable.
    unsafe { Stream::new(stdout) }.print(&config(runtime));
}

/// `ABT_info_print_all_xstreams`.
pub(crate) fn all_xstreams(runtime: &Runtime) -> String {
    report(|out| {
        let list = runtime.xstreams();
        writeln!(out, "# of created ESs: {}", list.len())?;
        list.iter().try_for_each(|xs| out.write_str(&xstream(*xs)))
    })
}

/// `ABT_info_print_xstream`.
pub(crate) fn xstream(xs: Handle<Xstream>) -> String {
    report(|out| {
        writeln!(out, "== ES ({:p}) ==", xs.as_ptr())?;
        writeln!(out, "rank         : {}", xs.rank())?;
        writeln!(out, "type         : {}", if xs.is_primary() { "PRIMARY" } else { "SECONDARY" })?;
        writeln!(out, "state        : {}", if xs.is_running() { "RUNNING" } else { "TERMINATED" })?;
        writeln!(out, "OS thread    : {}", xs.tid())?;
        writeln!(out, "thread       : {:p}", xs.current().as_ptr())?;
        writeln!(out, "main_sched   : {:p}", xs.sched().as_ptr())
    })
}

/// `ABT_info_print_sched`, with its pools.
pub(crate) fn sched(sched: Handle<Sched>) -> String {
    report(|out| {
        writeln!(out, "== SCHED ({:p}) ==", sched.as_ptr())?;
        match sched.definition() {
            Definition::Basic => writeln!(out, "kind     : BASIC")?,
            Definition::User(def) => writeln!(out, "kind     : USER ({})", Symbol(def.run as usize))?,
        }
        writeln!(out, "used     : {}", if sched.main().is_some() { "MAIN" } else { "NOT_USED" })?;
        writeln!(out, "automatic: {}", yes(sched.is_automatic()))?;
        writeln!(out, "request  : {:#x}", sched.request())?;
        writeln!(out, "num_pools: {}", sched.pools().len())?;
        writeln!(out, "has_unit : {}", yes(sched.has_unit()))?;
        writeln!(out, "thread   : {:p}", sched.main().map_or(core::ptr::null_mut(), Handle::as_ptr))?;
        writeln!(out, "data     : {:p}", sched.data().load(Ordering::Relaxed))?;
        sched.pools().iter().try_for_each(|each| indented(out, "  ", &pool(*each)))
    })
}

fn indented(out: &mut String, indent: &str, text: &str) -> fmt::Result {
    text.lines().try_for_each(|line| writeln!(out, "{indent}{line}"))
}

/// `ABT_info_print_pool`.
pub(crate) fn pool(pool: Handle<Pool>) -> String {
    const ACCESS: [&str; 5] = ["PRIV", "SPSC", "MPSC", "SPMC", "MPMC"];
    report(|out| {
        writeln!(out, "== POOL ({:p}) ==", pool.as_ptr())?;
        writeln!(out, "id            : {}", pool.id())?;
        writeln!(out, "access        : {}", ACCESS.get(pool.access() as usize).unwrap_or(&"UNKNOWN"))?;
        writeln!(out, "automatic     : {}", yes(pool.is_automatic()))?;
        writeln!(out, "num_scheds    : {}", pool.schedulers())?;
        writeln!(out, "is_empty      : {}", yes(pool.is_empty()))?;
        writeln!(out, "size          : {}", pool.len())?;
        writeln!(out, "num_blocked   : {}", pool.blocked())?;
        writeln!(out, "data          : {:p}", pool.data())
    })
}

fn state_name(state: State) -> &'static str {
    match state {
        State::Free => "FREE",
        State::Ready => "READY",
        State::Running => "RUNNING",
        State::Waiting => "BLOCKED",
        State::Suspended => "BLOCKED (suspended)",
        State::Terminated => "TERMINATED",
    }
}

/// `ABT_info_print_thread`, for ULTs, tasklets and schedulers.
pub(crate) fn thread(unit: Handle<Thread>) -> String {
    let kind = match unit.kind() {
        Kind::Primary => "PRIMARY",
        Kind::Scheduler => "MAIN_SCHED",
        Kind::Ult | Kind::Tasklet => "USER",
    };
    let (function, arg) = unit.function();
    report(|out| {
        writeln!(out, "== Thread ({:p}) ==", unit.as_ptr())?;
        writeln!(out, "id         : {}", unit.id())?;
        writeln!(out, "type       : {kind}")?;
        writeln!(out, "yieldable  : {}", yes(unit.kind() != Kind::Tasklet))?;
        writeln!(out, "state      : {}", state_name(unit.state()))?;
        writeln!(out, "last_ES    : {}", unit.rank())?;
        writeln!(out, "function   : {}", Symbol(function as usize))?;
        writeln!(out, "p_arg      : {arg:p}")?;
        writeln!(out, "pool       : {:p}", unit.pool().map_or(core::ptr::null_mut(), Handle::as_ptr))?;
        writeln!(out, "named      : {}", yes(unit.is_named()))?;
        writeln!(out, "stack      : {} B", unit.stack_pages() as usize * stack::PAGE)
    })
}

// ---- The dump of all stacks ----
//
// Each execution stream dumps the units of the pools that it owns, at a time when its scheduler runs, so that
// they stand still; nobody has to stop for the others. The one that completes the dump, or sees the deadline
// pass, prints it all at once.

/// What is called when a dump is printed: whether the time ran out, and the user's argument.
pub(crate) type DumpCallback = unsafe extern "C" fn(abi::ABT_bool, *mut c_void);

const IDLE: u32 = 0;
const STARTING: u32 = 1;
const ACTIVE: u32 = 2;

/// A requested dump; all atomics, because the request may come from a signal handler.
struct Request {
    phase: AtomicU32,
    number: AtomicU32,
    file: AtomicPtr<FILE>,
    /// Seconds, as the bits of a double; negative: none.
    timeout: AtomicU64,
    callback: AtomicPtr<c_void>,
    arg: AtomicPtr<c_void>,
}

static REQUEST: Request = Request {
    phase: AtomicU32::new(IDLE),
    number: AtomicU32::new(0),
    file: AtomicPtr::new(core::ptr::null_mut()),
    timeout: AtomicU64::new(0),
    callback: AtomicPtr::new(core::ptr::null_mut()),
    arg: AtomicPtr::new(core::ptr::null_mut()),
};

/// What has been dumped so far.
struct Progress {
    text: String,
    started: Option<Instant>,
    /// Those who have dumped their units.
    done: Vec<Handle<Xstream>>,
}

static PROGRESS: Mutex<Progress> =
    Mutex::new(Progress { text: String::new(), started: None, done: Vec::new() });

/// Number of the latest dump.
pub(crate) fn dumps_requested() -> u32 {
    REQUEST.number.load(Ordering::Acquire)
}

/// `ABT_info_trigger_print_all_thread_stacks`: async-signal-safe. Ignored while another dump is under way.
pub(crate) fn request_dump(file: *mut FILE, timeout: f64, callback: Option<DumpCallback>, arg: *mut c_void) {
    if REQUEST.phase.compare_exchange(IDLE, STARTING, Ordering::AcqRel, Ordering::Relaxed).is_err() {
        return;
    }
    REQUEST.file.store(file, Ordering::Relaxed);
    REQUEST.timeout.store(timeout.to_bits(), Ordering::Relaxed);
    REQUEST.callback.store(callback.map_or(core::ptr::null_mut(), |f| f as *mut c_void), Ordering::Relaxed);
    REQUEST.arg.store(arg, Ordering::Relaxed);
    REQUEST.number.fetch_add(1, Ordering::AcqRel);
    REQUEST.phase.store(ACTIVE, Ordering::SeqCst);
    if let Ok(runtime) = runtime::get() {
        runtime.wake_all_if_unlocked();
    }
}

/// Whether a dump is under way.
pub(crate) fn is_dump_active() -> bool {
    REQUEST.phase.load(Ordering::SeqCst) == ACTIVE
}

/// Whether an execution stream has something to do for a dump.
#[inline(always)]
pub(crate) fn is_dump_due(xs: Handle<Xstream>) -> bool {
    is_dump_active() && is_due_now(xs)
}

#[cold]
fn is_due_now(xs: Handle<Xstream>) -> bool {
    xs.dumps_done.load(Ordering::Relaxed) != dumps_requested()
        || PROGRESS.try_lock().is_ok_and(|progress| progress.is_late())
}

impl Progress {
    fn is_late(&self) -> bool {
        let timeout = f64::from_bits(REQUEST.timeout.load(Ordering::Relaxed));
        let timeout = Duration::try_from_secs_f64(timeout).unwrap_or(Duration::MAX);
        self.started.is_some_and(|started| started.elapsed() >= timeout)
    }
}

/// Dumps the units of the calling execution stream, and completes the dump if it is the last or time is up.
#[cold]
pub(crate) fn dump_own_units(xs: Handle<Xstream>) {
    let Ok(runtime) = runtime::get() else { return };
    let mut progress = PROGRESS.lock().unwrap_or_else(|e| e.into_inner());
    if REQUEST.phase.load(Ordering::Acquire) != ACTIVE {
        return;
    }
    let progress = &mut *progress;
    if progress.started.is_none() {
        progress.started = Some(Instant::now());
        progress.text = report(|out| writeln!(out, "Start of ULT stacks dump"));
    }
    if xs.dumps_done.swap(dumps_requested(), Ordering::Relaxed) != dumps_requested() {
        progress.text += &report(|out| own_units(out, xs));
        progress.done.push(xs);
    }
    let missing = missing_xstreams(&runtime, &progress.done);
    if missing == 0 || progress.is_late() {
        complete(progress, missing);
    }
}

fn missing_xstreams(runtime: &Runtime, done: &[Handle<Xstream>]) -> usize {
    runtime.xstreams().iter().filter(|xs| xs.is_running() && !done.contains(xs)).count()
}

fn complete(progress: &mut Progress, missing: usize) {
    let done = core::mem::take(&mut progress.done);
    progress.text += &report(|out| other_units(out, &done));
    if missing > 0 {
        progress.text += &report(|out| writeln!(out, "timeout: {missing} execution streams did not answer"));
    }
    progress.text += "End of ULT stacks dump\n";
    progress.started = None;
    // SAFETY: the requester promised an open stream.
    unsafe { Stream::new(REQUEST.file.load(Ordering::Relaxed)) }.print(&core::mem::take(&mut progress.text));
    let callback = REQUEST.callback.load(Ordering::Relaxed);
    let arg = REQUEST.arg.load(Ordering::Relaxed);
    REQUEST.phase.store(IDLE, Ordering::Release);
    if !callback.is_null() {
        // SAFETY: stored as a function of this type by `request_dump`.
        let callback = unsafe { core::mem::transmute::<*mut c_void, DumpCallback>(callback) };
        // SAFETY: the user's function, called as the interface says.
        unsafe { callback((missing > 0) as c_int, arg) };
    }
}

fn own_units(out: &mut String, xs: Handle<Xstream>) -> fmt::Result {
    writeln!(out, "= xstream[{}] ({:p}) =", xs.rank(), xs.as_ptr())?;
    for pool in xs.sched().pools() {
        writeln!(out, "== pool ({:p}) ==", pool.as_ptr())?;
        if pool.is_owned_by(xs) {
            units_where(out, true, |unit| unit.pool() == Some(*pool))?;
        }
    }
    Ok(())
}

/// Units that no execution stream has dumped: those of pools that are nobody's alone, or of execution
/// streams that did not answer.
fn other_units(out: &mut String, done: &[Handle<Xstream>]) -> fmt::Result {
    writeln!(out, "= units that may be running: no stacks =")?;
    units_where(out, false, |unit| {
        unit.pool().is_some_and(|pool| !done.iter().any(|xs| pool.is_owned_by(*xs)))
    })
}

fn units_where(out: &mut String, with_stacks: bool, wanted: impl Fn(Handle<Thread>) -> bool) -> fmt::Result {
    let mut result = Ok(());
    thread::for_each(|unit| {
        // The pool of a unit that has ended may be gone.
        if result.is_ok() && unit.state() != State::Terminated && wanted(unit) {
            result = one_unit(out, unit, with_stacks);
        }
    });
    result
}

fn one_unit(out: &mut String, unit: Handle<Thread>, with_stack: bool) -> fmt::Result {
    let state = unit.state();
    let what = if unit.kind() == Kind::Tasklet { "tasklet" } else { "ULT" };
    writeln!(out, "=== {what} ({:p}) ===", unit.as_ptr())?;
    writeln!(out, "id        : {}", unit.id())?;
    writeln!(out, "state     : {}", state_name(state))?;
    writeln!(out, "function  : {}", Symbol(unit.function().0 as usize))?;
    if with_stack
        && state != State::Running
        && unit.is_ult()
        && (unit.stack().is_some() || unit.kind() == Kind::Primary)
    {
        for (index, address) in unwind::frames(unit).iter().enumerate() {
            writeln!(out, "#{index} {}", Symbol(*address))?;
        }
    }
    Ok(())
}

/// Runs `print` for a stream and a handle that must not be null.
pub(crate) fn print_one<T>(
    file: *mut FILE,
    object: Option<Handle<T>>,
    missing: crate::error::Error,
    describe: impl FnOnce(Handle<T>) -> String,
) -> Result {
    let object = object.ok_or(missing)?;
    // SAFETY: the caller of `ABT_info_print_*` passes an open stream.
    unsafe { Stream::new(file) }.print(&describe(object));
    Ok(())
}
