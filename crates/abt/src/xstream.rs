//! Execution streams, and how they pass from unit to unit.

use crate::arch::{self, Context, Passage};
use crate::error::{Error, Result};
use crate::handle::Handle;
use crate::kernel::parker::Parker;
use crate::kernel::watcher::{Wake, Watcher};
use crate::overflow::SignalStack;
use crate::runtime::{self, Runtime};
use crate::sched::Sched;
use crate::stack::{StackCache, StackRef};
use crate::sync::waiter::Waiter;
use crate::thread::{self, Kind, State, Thread, ThreadCache};
use core::cell::{Cell, RefCell, UnsafeCell};
use core::ffi::c_void;
use core::mem::MaybeUninit;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often a scheduler that checks events gives back stacks which it did not need.
const TRIM_INTERVAL: Duration = Duration::from_secs(1);

/// An OS thread that runs units.
///
/// All `Cell`s belong to that OS thread.
pub(crate) struct Xstream {
    rank: i32,
    primary: bool,
    running: AtomicBool,
    sched: Handle<Sched>,
    /// The unit that runs the main scheduler.
    main: Handle<Thread>,
    /// The unit that runs now.
    current: Cell<Handle<Thread>>,
    /// How many more times units may pass on to each other before the built-in scheduler gets its turn; 0
    /// under a user's scheduler, which decides itself.
    budget: Cell<u32>,
    /// A unit that was popped on behalf of the scheduler and must be run by it.
    handoff: Cell<Option<Handle<Thread>>>,
    threads: UnsafeCell<ThreadCache>,
    stacks: RefCell<StackCache>,
    last_trim: Cell<Instant>,
    /// Where the registers of a unit that has ended go.
    scratch: UnsafeCell<Context>,
    parker: Parker,
    /// Wakes the main scheduler where it sleeps elsewhere.
    watcher: Watcher,
    os_thread: Mutex<Option<JoinHandle<()>>>,
    /// Kernel id of the OS thread; 0 before it runs.
    tid: AtomicU32,
    /// Last request for a dump of all stacks that this execution stream has answered.
    pub(crate) dumps_done: AtomicU32,
}

/// The execution stream that runs on this OS thread.
#[inline(always)]
pub(crate) fn current() -> Option<Handle<Xstream>> {
    Handle::from_ptr(arch::local().cast())
}

/// As [`current`], where the runtime itself has made sure that there is one.
#[inline(always)]
fn here() -> Handle<Xstream> {
    current().expect("units run on execution streams")
}

/// The execution stream and the unit that the caller is; an error for other OS threads.
#[inline(always)]
pub(crate) fn current_unit() -> Result<(Handle<Xstream>, Handle<Thread>)> {
    let xs = current().ok_or(Error::INV_XSTREAM)?;
    Ok((xs, xs.current()))
}

/// As [`current_unit`] for a caller that must not be a tasklet.
pub(crate) fn current_yieldable() -> Result<(Handle<Xstream>, Handle<Thread>)> {
    let (xs, unit) = current_unit()?;
    if unit.kind() == Kind::Tasklet { Err(Error::INV_THREAD) } else { Ok((xs, unit)) }
}

/// Whether the caller is a tasklet, which some functions refuse.
pub(crate) fn in_tasklet() -> bool {
    current().is_some_and(|xs| xs.current().kind() == Kind::Tasklet)
}

impl Xstream {
    pub(crate) fn rank(&self) -> i32 {
        self.rank
    }

    pub(crate) fn is_primary(&self) -> bool {
        self.primary
    }

    pub(crate) fn is_running(&self) -> bool {
        self.running.load(Ordering::Acquire)
    }

    pub(crate) fn sched(&self) -> Handle<Sched> {
        self.sched
    }

    pub(crate) fn main(&self) -> Handle<Thread> {
        self.main
    }

    pub(crate) fn tid(&self) -> u32 {
        self.tid.load(Ordering::Relaxed)
    }

    #[inline(always)]
    pub(crate) fn current(&self) -> Handle<Thread> {
        self.current.get()
    }

    /// Wakes the main scheduler if it sleeps.
    pub(crate) fn wake(&self) {
        // First, as whoever is unparked may go away.
        self.watcher.wake();
        // SAFETY: the parker is part of this live object.
        unsafe { Parker::unpark(&raw const self.parker) };
    }

    /// Sleeps until woken; see [`Xstream::wake`]. Returns whether it was woken.
    pub(crate) fn sleep(&self, timeout: Option<Duration>) -> bool {
        self.parker.park(timeout)
    }

    /// The main scheduler is about to sleep where `call` wakes it, or, with `None`, does not any more.
    pub(crate) fn watch(&self, call: Option<(Wake, *mut c_void)>) {
        self.watcher.set(call);
    }

    #[inline(always)]
    #[allow(clippy::mut_from_ref)]
    fn threads(&self) -> &mut ThreadCache {
        // SAFETY: only this OS thread gets here, and no reference is kept across another call.
        unsafe { &mut *self.threads.get() }
    }

    pub(crate) fn take_handoff(&self) -> Option<Handle<Thread>> {
        self.handoff.take()
    }

    /// The built-in scheduler lets its units pass on to each other `count` times.
    pub(crate) fn grant(&self, count: u32) {
        self.budget.set(count);
    }

    fn own_handle(&self) -> Handle<Xstream> {
        Handle::from_ref(self)
    }

    /// Gives back stacks that were not needed lately.
    pub(crate) fn trim_stacks(&self) {
        let now = Instant::now();
        if now.duration_since(self.last_trim.get()) >= TRIM_INTERVAL {
            self.last_trim.set(now);
            self.stacks.borrow_mut().trim();
        }
    }

    /// Gives back all cached stacks: the execution stream has nothing to do.
    pub(crate) fn clear_stacks(&self) {
        self.stacks.borrow_mut().clear();
    }
}

/// A new unit's descriptor.
#[inline]
pub(crate) fn new_thread(me: Option<Handle<Xstream>>) -> Handle<Thread> {
    match me {
        Some(xs) => xs.threads().take(),
        None => thread::take_global(),
    }
}

/// Frees the descriptor of a unit that has ended.
#[inline]
pub(crate) fn free_thread(unit: Handle<Thread>, me: Option<Handle<Xstream>>) {
    match me {
        Some(xs) => xs.threads().put(unit),
        None => thread::put_global(unit),
    }
}

// ---- Passing from unit to unit ----

impl Xstream {
    /// Runs `unit`, which was popped from a pool, until it ends, blocks or yields. The caller is a scheduler,
    /// or a ULT that acts as one.
    #[inline]
    pub(crate) fn run(&self, unit: Handle<Thread>) -> Result {
        let caller = self.current();
        if self.begin(unit, caller)? {
            // SAFETY: the unit is ours and its context is saved; `caller` is the running one.
            unsafe { arch::switch(caller.context(), unit.context()) };
        }
        Ok(())
    }

    /// As [`Xstream::run`], but leaves the switch to the caller's caller.
    #[inline]
    pub(crate) fn run_by_passage(&self, unit: Handle<Thread>) -> Result<Passage> {
        let caller = self.current();
        if self.begin(unit, caller)? {
            // SAFETY: as in `run`.
            Ok(unsafe { Passage::switch(caller.context(), unit.context()) })
        } else {
            Ok(Passage::stay(abi::ABT_SUCCESS))
        }
    }

    /// Prepares to switch from `caller` to `unit`. False for a tasklet, which has been run.
    #[inline(always)]
    fn begin(&self, unit: Handle<Thread>, caller: Handle<Thread>) -> Result<bool> {
        if unit.kind() == Kind::Tasklet {
            self.run_tasklet(unit, caller);
            return Ok(false);
        }
        if let Err(error) = self.prepare(unit) {
            // Out of memory for a stack: the unit stays where it was.
            if let Some(pool) = unit.pool() {
                pool.push(unit, Some(self.own_handle()));
            }
            return Err(error);
        }
        unit.set_parent(Some(caller));
        self.make_current(unit);
        Ok(true)
    }

    fn run_tasklet(&self, unit: Handle<Thread>, caller: Handle<Thread>) {
        self.make_current(unit);
        let (func, arg) = unit.function();
        // SAFETY: the creator promised that the function may be called with its argument.
        unsafe { func(arg) };
        self.current.set(caller);
        self.finish(unit);
    }

    #[inline(always)]
    fn make_current(&self, unit: Handle<Thread>) {
        unit.set_state(State::Running);
        unit.set_rank(self.rank);
        self.current.set(unit);
    }

    /// Gives a ULT that has never run its stack; waits until one that has is off its former processor.
    #[inline(always)]
    fn prepare(&self, unit: Handle<Thread>) -> Result {
        if unit.stack().is_none() && unit.kind() == Kind::Ult {
            let stack = self.stacks.borrow_mut().take(unit.stack_pages()).ok_or(Error::MEM)?;
            unit.set_stack(Some(stack));
            start_on(unit, stack);
        } else if !Context::is_saved(unit.context()) {
            wait_until_saved(unit);
        }
        Ok(())
    }

    /// The next unit that the running one, whose parent is given, may pass on to directly: under the built-in
    /// scheduler, as long as that has granted it.
    #[inline(always)]
    fn next(&self, unit: Handle<Thread>, parent: Handle<Thread>) -> Next {
        let budget = self.budget.get();
        if budget == 0 || parent != self.main {
            return Next::Scheduler;
        }
        self.budget.set(budget - 1);
        match self.sched.pop(Some(self.own_handle())) {
            None => Next::Nobody,
            // Resumed while it is about to stop.
            Some(next) if next == unit => Next::Unit(next),
            Some(next) => {
                if next.kind() != Kind::Tasklet && self.prepare(next).is_ok() {
                    next.set_parent(Some(parent));
                    Next::Unit(next)
                } else {
                    self.handoff.set(Some(next));
                    Next::Scheduler
                }
            }
        }
    }

    /// Leaves `unit`, which others may resume from now on or even before, for `to`.
    #[inline(always)]
    fn leave(&self, unit: Handle<Thread>, to: Handle<Thread>) -> Passage {
        self.make_current(to);
        // SAFETY: `to` is either popped and prepared, or the parent that waits in `run` on this OS thread.
        unsafe { Passage::switch(unit.context(), to.context()) }
    }

    /// A unit has ended, or is about to leave its stack for good: frees it or tells those who wait.
    #[inline(always)]
    fn finish(&self, unit: Handle<Thread>) {
        if unit.is_named() {
            unit.announce_end();
        } else {
            self.threads().put(unit);
        }
    }
}

/// Whom a unit passes on to.
enum Next {
    Unit(Handle<Thread>),
    Nobody,
    Scheduler,
}

#[cold]
fn wait_until_saved(unit: Handle<Thread>) {
    let mut turn = 0;
    while !Context::is_saved(unit.context()) {
        crate::primitives::spin(&mut turn);
    }
}

fn start_on(unit: Handle<Thread>, stack: StackRef) {
    // SAFETY: the unit has never run, so nobody else uses its context.
    unsafe { &mut *unit.context() }.start_at(stack.top(), ult_entry, unit.as_ptr().cast());
}

/// First code on a stack. When its ULT ends and the next one is new and fits, that goes on here, without any
/// switch.
extern "C" fn ult_entry(unit: *const c_void) -> ! {
    let mut unit =
        Handle::from_ptr(unit.cast::<Thread>().cast_mut()).expect("a ULT starts with its descriptor");
    loop {
        let (func, arg) = unit.function();
        // SAFETY: the creator promised that the function may be called with its argument.
        unsafe { func(arg) };
        match end_ult(here(), unit) {
            Some(next) => unit = next,
            None => unreachable!("a ULT that has ended is not resumed"),
        }
    }
}

/// Ends `unit` on its own stack, which from here on belongs to the execution stream. Returns a ULT to run on
/// the same stack, or not at all.
fn end_ult(xs: Handle<Xstream>, unit: Handle<Thread>) -> Option<Handle<Thread>> {
    let stack = unit.stack().expect("a running ULT has a stack");
    let parent = unit.parent().expect("a running ULT has a parent");
    unit.set_stack(None);
    let passes_on = xs.budget.get() > 0 && parent == xs.main;
    xs.finish(unit);
    if passes_on {
        xs.budget.set(xs.budget.get() - 1);
        if let Some(next) = xs.sched.pop(Some(xs)) {
            if next.kind() == Kind::Ult && next.stack().is_none() && next.stack_pages() == stack.pages() {
                next.set_parent(Some(parent));
                next.set_stack(Some(stack));
                xs.make_current(next);
                return Some(next);
            }
            if next.kind() != Kind::Tasklet && xs.prepare(next).is_ok() {
                next.set_parent(Some(parent));
                xs.stacks.borrow_mut().put(stack);
                return leave_for_good(xs, next);
            }
            xs.handoff.set(Some(next));
        }
    }
    xs.stacks.borrow_mut().put(stack);
    leave_for_good(xs, parent)
}

fn leave_for_good(xs: Handle<Xstream>, to: Handle<Thread>) -> Option<Handle<Thread>> {
    xs.make_current(to);
    // SAFETY: `to` waits in `run` or was popped and prepared; nobody resumes the scratch context.
    unsafe { arch::switch(xs.scratch.get(), to.context()) };
    None
}

/// Lets others run. The caller must be a ULT, else nothing happens.
#[inline(always)]
pub(crate) fn yield_now() -> Passage {
    let stay = Passage::stay(abi::ABT_SUCCESS);
    let Some(xs) = current() else { return stay };
    let unit = xs.current();
    if !unit.is_ult() {
        return stay;
    }
    let (pool, parent) = unit.whereabouts();
    let next = xs.next(unit, parent);
    if matches!(next, Next::Nobody) {
        return stay;
    }
    unit.set_state(State::Ready);
    pool.push(unit, Some(xs));
    match next {
        Next::Unit(next) => xs.leave(unit, next),
        Next::Nobody | Next::Scheduler => xs.leave(unit, parent),
    }
}

/// Stops the running ULT until [`resume`]: by the passage. `publish` makes it known to whoever will resume it,
/// which may happen even before the passage has left the ULT's stack.
#[inline]
pub(crate) fn block(unit: Handle<Thread>, publish: impl FnOnce()) -> Passage {
    stop(unit, State::Waiting, publish)
}

/// Stops the running ULT until `ABT_thread_resume`.
#[inline]
pub(crate) fn suspend(unit: Handle<Thread>) -> Passage {
    stop(unit, State::Suspended, || ())
}

#[inline(always)]
fn stop(unit: Handle<Thread>, state: State, publish: impl FnOnce()) -> Passage {
    let xs = here();
    let (pool, parent) = unit.whereabouts();
    pool.count_blocked(1, Some(xs));
    unit.set_state(state);
    publish();
    // From here on the ULT may be somebody else's: only its context is still written to.
    match xs.next(unit, parent) {
        // It was resumed already and is first in the pool: it never stopped.
        Next::Unit(next) if next == unit => {
            xs.make_current(unit);
            Passage::stay(abi::ABT_SUCCESS)
        }
        Next::Unit(next) => xs.leave(unit, next),
        Next::Nobody | Next::Scheduler => xs.leave(unit, parent),
    }
}

/// Makes a ULT that was stopped by [`block`] ready again.
#[inline]
pub(crate) fn resume(unit: Handle<Thread>) {
    unit.set_state(State::Ready);
    push_resumed(unit);
}

/// `ABT_thread_resume`: makes a ULT that has suspended itself ready again.
pub(crate) fn resume_suspended(unit: Handle<Thread>) -> Result {
    if !unit.is_ult() {
        return Err(if unit.kind() == Kind::Tasklet { Error::INV_THREAD } else { Error::THREAD });
    }
    if !unit.change_state(State::Suspended, State::Ready) {
        return Err(Error::THREAD);
    }
    push_resumed(unit);
    Ok(())
}

#[inline(always)]
fn push_resumed(unit: Handle<Thread>) {
    let me = current();
    let pool = unit.pool().expect("a ULT has a pool");
    pool.push(unit, me);
    pool.count_blocked(-1, me);
}

/// Begins to wait for the end of a unit, with a waiter at `place`. `None` if the end has come.
///
/// # Safety
/// `place` is valid until the passage is over.
#[inline]
pub(crate) unsafe fn begin_join(unit: Handle<Thread>, place: *mut Waiter) -> Option<Passage> {
    if unit.has_ended() {
        return None;
    }
    // SAFETY: promised by the caller.
    let waiter = unsafe { Waiter::place(place, false) };
    if waiter.is_ult() {
        // The ULT must be complete as a stopped one before it can be found by the unit that ends; if that
        // has ended already, it resumes itself.
        Some(waiter.begin(|| {
            if !unit.add_joiner(waiter) {
                resume(here().current());
            }
        }))
    } else if unit.add_joiner(waiter) {
        Some(waiter.begin(|| ()))
    } else {
        None
    }
}

/// Waits for the end of a unit.
pub(crate) fn join(unit: Handle<Thread>) {
    let mut place = MaybeUninit::uninit();
    // SAFETY: the place outlives the passage.
    if let Some(passage) = unsafe { begin_join(unit, place.as_mut_ptr()) } {
        passage.take();
    }
}

// ---- Starting and ending execution streams ----

impl Xstream {
    /// Creates an execution stream with `sched` as its main scheduler. Only the primary one has no OS thread
    /// of its own to start.
    pub(crate) fn create(
        runtime: &Runtime,
        sched: Handle<Sched>,
        rank: Option<i32>,
        primary: bool,
    ) -> Result<Handle<Xstream>> {
        let mut list = runtime.xstreams();
        let rank = free_rank(&list, rank).ok_or(Error::INV_XSTREAM_RANK)?;
        let main = thread::take_global();
        main.initialize(Kind::Scheduler, true, (run_main, sched.to_c()), 0, None);
        let xs = Handle::new(Xstream {
            rank,
            primary,
            running: AtomicBool::new(true),
            sched,
            main,
            current: Cell::new(main),
            budget: Cell::new(0),
            handoff: Cell::new(None),
            threads: UnsafeCell::new(ThreadCache::new()),
            stacks: RefCell::new(StackCache::default()),
            last_trim: Cell::new(Instant::now()),
            scratch: UnsafeCell::new(Context::new()),
            parker: Parker::new(),
            watcher: Watcher::new(),
            os_thread: Mutex::new(None),
            tid: AtomicU32::new(0),
            dumps_done: AtomicU32::new(crate::info::dumps_requested()),
        });
        sched.set_main(main);
        if !primary && let Err(error) = xs.start(runtime.sched_stack_size()) {
            sched.set_unused();
            // SAFETY: the execution stream never came to life.
            unsafe { xs.free() };
            free_thread(main, current());
            return Err(error);
        }
        let at = list.partition_point(|other| other.rank < rank);
        list.insert(at, xs);
        Ok(xs)
    }

    fn start(&self, stack_size: usize) -> Result {
        let me = self.own_handle();
        let os_thread = std::thread::Builder::new()
            .name(format!("abt_xs_{}", self.rank))
            .stack_size(stack_size)
            .spawn(move || me.live())
            .map_err(|_| Error::SYS)?;
        *self.os_thread.lock().unwrap_or_else(|e| e.into_inner()) = Some(os_thread);
        Ok(())
    }

    /// The life of a secondary execution stream, on its OS thread.
    fn live(&self) {
        let signal_stack = SignalStack::install();
        self.enter();
        self.main.set_state(State::Running);
        self.sched.run();
        self.leave_pools();
        arch::set_local(core::ptr::null_mut());
        // SAFETY: the caches belong to this OS thread, which runs no more units.
        drop(unsafe { core::mem::replace(&mut *self.threads.get(), ThreadCache::new()) });
        self.clear_stacks();
        drop(signal_stack);
        self.running.store(false, Ordering::Release);
        self.main.announce_end();
    }

    /// Makes this OS thread the execution stream.
    pub(crate) fn enter(&self) {
        // SAFETY: a system call without arguments.
        self.tid.store(unsafe { libc::gettid() } as u32, Ordering::Relaxed);
        arch::set_local(self.own_handle().to_c());
        self.main.set_rank(self.rank);
        for pool in self.sched.pools() {
            pool.attach(self.own_handle());
        }
    }

    /// The scheduler is done with its pools.
    fn leave_pools(&self) {
        for pool in self.sched.pools() {
            pool.detach(self.own_handle());
        }
    }

    /// Waits until the execution stream has run everything and ended.
    pub(crate) fn join(&self) -> Result {
        if self.primary || current().is_some_and(|xs| xs.current() == self.main) {
            return Err(Error::INV_XSTREAM);
        }
        self.sched.finish();
        self.wake();
        join(self.main);
        let os_thread = self.os_thread.lock().unwrap_or_else(|e| e.into_inner()).take();
        if let Some(os_thread) = os_thread {
            // A panic of the thread has been reported and has aborted the process.
            let _ = os_thread.join();
        }
        Ok(())
    }

    /// Frees an execution stream that has ended, and its scheduler if that is automatic.
    pub(crate) fn destroy(this: Handle<Xstream>, runtime: &Runtime, force: bool) {
        runtime.xstreams().retain(|&other| other != this);
        let (sched, main) = (this.sched, this.main);
        // SAFETY: it has ended, and it is not listed any more.
        unsafe { this.free() };
        sched.set_unused();
        if force || sched.is_automatic() {
            Sched::destroy(sched, force);
        }
        free_thread(main, current());
    }
}

fn free_rank(list: &[Handle<Xstream>], wanted: Option<i32>) -> Option<i32> {
    match wanted {
        Some(rank) => (!list.iter().any(|xs| xs.rank == rank)).then_some(rank),
        None => (0..).find(|&rank| !list.iter().any(|xs| xs.rank == rank)),
    }
}

/// The unit of a main scheduler is never run as a unit.
unsafe extern "C" fn run_main(_: *mut c_void) {
    unreachable!("a main scheduler is not in any pool");
}

// ---- The primary execution stream ----

impl Xstream {
    /// The caller becomes the primary ULT `unit`, as if the main scheduler had popped it and were waiting.
    /// That scheduler gets a stack of its own and starts when the primary ULT first stops.
    pub(crate) fn become_primary(&self, unit: Handle<Thread>, stack: StackRef) {
        self.enter();
        self.main.set_stack(Some(stack));
        // SAFETY: the scheduler has not run yet.
        unsafe { &mut *self.main.context() }.start_at(stack.top(), primary_entry, self.own_handle().to_c());
        unit.set_parent(Some(self.main));
        self.make_current(unit);
    }

    /// The primary ULT lets the main scheduler run everything that is left; comes back when that is done.
    pub(crate) fn finish_primary(&self, unit: Handle<Thread>) {
        self.sched.finish();
        self.budget.set(0);
        self.leave(unit, self.main).take();
        arch::set_local(core::ptr::null_mut());
        self.running.store(false, Ordering::Release);
    }
}

/// The main scheduler of the primary execution stream.
extern "C" fn primary_entry(xs: *const c_void) -> ! {
    let xs = Handle::from_ptr(xs.cast::<Xstream>().cast_mut()).expect("it starts with its execution stream");
    xs.sched.run();
    xs.leave_pools();
    let primary = runtime::primary_unit().expect("the runtime is up");
    wait_until_saved(primary);
    xs.make_current(primary);
    // SAFETY: the primary ULT waits in `finish_primary`.
    unsafe { arch::switch(xs.scratch.get(), primary.context()) };
    unreachable!("the main scheduler has ended");
}
