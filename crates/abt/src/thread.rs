//! Work units: ULTs, tasklets and the schedulers of execution streams.

use crate::arch::Context;
use crate::handle::Handle;
use crate::kernel::ending::Ending;
use crate::kernel::inbox::Linked;
use crate::pool::Pool;
use crate::stack::StackRef;
use crate::sync::waiter::Waiter;
use core::cell::{Cell, UnsafeCell};
use core::ffi::c_void;
use core::ptr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// What a unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Runs on a stack of its own and may block.
    Ult,
    /// Runs on the scheduler's stack to its end.
    Tasklet,
    /// The caller of `ABT_init`.
    Primary,
    /// The main scheduler of an execution stream.
    Scheduler,
}

/// What a unit does at the moment. Readable from any OS thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum State {
    /// In the free list.
    Free,
    /// In a pool, or just taken from one.
    Ready,
    /// On some execution stream.
    Running,
    /// In the wait list of a synchronization object.
    Waiting,
    /// Suspended by itself, until `ABT_thread_resume`.
    Suspended,
    /// Done.
    Terminated,
}

impl State {
    fn from_u32(value: u32) -> State {
        [State::Free, State::Ready, State::Running, State::Waiting, State::Suspended, State::Terminated]
            [value as usize]
    }
}

/// A unit's function, as C passes it.
pub(crate) type Function = unsafe extern "C" fn(*mut c_void);

extern "C" fn nothing(_: *mut c_void) {}

/// Descriptor of a unit: two cache lines, the first for switching and queueing, the second for starting and
/// ending.
///
/// The `Cell`s belong to whoever owns the unit at the moment: the pool that it is in, the execution stream
/// that runs it, the object that it waits for. Ownership passes through atomics with release and acquire.
#[repr(C, align(128))]
pub(crate) struct Thread {
    context: UnsafeCell<Context>,
    kind: Cell<Kind>,
    named: Cell<bool>,
    state: AtomicU32,
    link: Cell<*mut Thread>,
    pool: Cell<Option<Handle<Pool>>>,

    func: Cell<Function>,
    arg: Cell<*mut c_void>,
    /// The end, and those who wait for it.
    ending: Ending<Waiter>,
    /// The unit that runs this one and goes on when it stops.
    parent: Cell<Option<Handle<Thread>>>,
    stack: Cell<Option<StackRef>>,
    /// 0 until somebody asks.
    id: AtomicU64,
    stack_pages: Cell<u32>,
    /// Rank of the execution stream that ran it last; -1 for none.
    rank: AtomicU32,
}

const _: () = assert!(size_of::<Thread>() == 128);

// SAFETY: the link is a field of the descriptor, used by one queue at a time.
unsafe impl Linked for Thread {
    unsafe fn link(this: *mut Thread) -> *mut *mut Thread {
        // SAFETY: the caller owns the live descriptor.
        unsafe { (*this).link.as_ptr() }
    }
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

impl Thread {
    fn blank() -> Thread {
        Thread {
            context: UnsafeCell::new(Context::new()),
            kind: Cell::new(Kind::Ult),
            named: Cell::new(false),
            state: AtomicU32::new(State::Free as u32),
            link: Cell::new(ptr::null_mut()),
            pool: Cell::new(None),
            func: Cell::new(nothing),
            arg: Cell::new(ptr::null_mut()),
            ending: Ending::new(),
            parent: Cell::new(None),
            stack: Cell::new(None),
            id: AtomicU64::new(0),
            stack_pages: Cell::new(0),
            rank: AtomicU32::new(u32::MAX),
        }
    }

    /// Makes a free descriptor a unit that is ready to be queued. A ULT gets its stack when it first runs.
    #[inline]
    pub(crate) fn initialize(
        &self,
        kind: Kind,
        named: bool,
        (func, arg): (Function, *mut c_void),
        pages: u32,
        pool: Option<Handle<Pool>>,
    ) {
        self.pool.set(pool);
        self.kind.set(kind);
        self.named.set(named);
        self.func.set(func);
        self.arg.set(arg);
        self.stack_pages.set(pages);
        self.ending.reset();
        self.id.store(0, Ordering::Relaxed);
        self.rank.store(u32::MAX, Ordering::Relaxed);
        self.set_state(State::Ready);
    }

    #[inline(always)]
    pub(crate) fn kind(&self) -> Kind {
        self.kind.get()
    }

    /// Whether the unit has a stack of its own, so that it can block while others run.
    #[inline(always)]
    pub(crate) fn is_ult(&self) -> bool {
        matches!(self.kind.get(), Kind::Ult | Kind::Primary)
    }

    #[inline(always)]
    pub(crate) fn is_named(&self) -> bool {
        self.named.get()
    }

    pub(crate) fn state(&self) -> State {
        State::from_u32(self.state.load(Ordering::Acquire))
    }

    #[inline(always)]
    pub(crate) fn set_state(&self, state: State) {
        self.state.store(state as u32, Ordering::Release);
    }

    /// Changes the state if it is `from`; of several that try, one succeeds.
    pub(crate) fn change_state(&self, from: State, to: State) -> bool {
        self.state.compare_exchange(from as u32, to as u32, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    #[inline(always)]
    pub(crate) fn context(&self) -> *mut Context {
        self.context.get()
    }

    #[inline(always)]
    pub(crate) fn pool(&self) -> Option<Handle<Pool>> {
        self.pool.get()
    }

    #[inline(always)]
    pub(crate) fn set_pool(&self, pool: Option<Handle<Pool>>) {
        self.pool.set(pool);
    }

    #[inline(always)]
    pub(crate) fn parent(&self) -> Option<Handle<Thread>> {
        self.parent.get()
    }

    #[inline(always)]
    pub(crate) fn set_parent(&self, parent: Option<Handle<Thread>>) {
        self.parent.set(parent);
    }

    /// Pool and parent of a ULT that runs. To be asked before the ULT is pushed or published: after that, who
    /// pops it sets them anew.
    #[inline(always)]
    pub(crate) fn whereabouts(&self) -> (Handle<Pool>, Handle<Thread>) {
        let parent = self.parent.get().expect("a running ULT has a parent");
        (self.pool.get().expect("a ULT has a pool"), parent)
    }

    #[inline(always)]
    pub(crate) fn stack(&self) -> Option<StackRef> {
        self.stack.get()
    }

    #[inline(always)]
    pub(crate) fn set_stack(&self, stack: Option<StackRef>) {
        self.stack.set(stack);
    }

    #[inline(always)]
    pub(crate) fn stack_pages(&self) -> u32 {
        self.stack_pages.get()
    }

    #[inline(always)]
    pub(crate) fn function(&self) -> (Function, *mut c_void) {
        (self.func.get(), self.arg.get())
    }

    #[inline(always)]
    pub(crate) fn link(&self) -> *mut Thread {
        self.link.get()
    }

    #[inline(always)]
    pub(crate) fn set_link(&self, next: *mut Thread) {
        self.link.set(next);
    }

    /// Rank of the execution stream that ran the unit last.
    pub(crate) fn rank(&self) -> i32 {
        self.rank.load(Ordering::Relaxed) as i32
    }

    #[inline(always)]
    pub(crate) fn set_rank(&self, rank: i32) {
        self.rank.store(rank as u32, Ordering::Relaxed);
    }

    /// A number that no other unit of this process ever had; given when first asked for.
    pub(crate) fn id(&self) -> u64 {
        let id = self.id.load(Ordering::Relaxed);
        if id != 0 {
            return id - 1;
        }
        let new = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        match self.id.compare_exchange(0, new, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => new - 1,
            Err(other) => other - 1,
        }
    }

    /// Whether the end has come and the descriptor may be freed.
    pub(crate) fn has_ended(&self) -> bool {
        self.ending.has_come()
    }

    /// Registers a waiter for the end. False if the end has come already.
    pub(crate) fn add_joiner(&self, waiter: &Waiter) -> bool {
        // SAFETY: a waiter that was registered waits, and so stays until it is woken.
        unsafe { self.ending.register(ptr::from_ref(waiter).cast_mut()) }
    }

    /// Announces the end and wakes those who wait for it. The last access to the descriptor of a named unit:
    /// its owner may free it at once.
    #[inline]
    pub(crate) fn announce_end(&self) {
        self.set_state(State::Terminated);
        let mut waiter = self.ending.declare();
        while !waiter.is_null() {
            // SAFETY: a registered waiter stays until it is woken, and the next one is read before.
            waiter = unsafe { Waiter::wake(waiter) };
        }
    }
}

/// Descriptors are allocated in slabs that stay until the runtime ends, so that all units can be listed at
/// any time without a register that every creation would have to lock.
const SLAB: usize = 64;
/// Free descriptors that an execution stream keeps to itself.
const KEPT: usize = 4 * SLAB;

/// All descriptors, and those of them that nobody holds.
struct Descriptors {
    slabs: Vec<Box<[Thread]>>,
    free: Vec<Handle<Thread>>,
}

// SAFETY: descriptors are shared between OS threads by design (see `Thread`).
unsafe impl Send for Descriptors {}

static DESCRIPTORS: Mutex<Descriptors> = Mutex::new(Descriptors { slabs: Vec::new(), free: Vec::new() });

fn descriptors() -> std::sync::MutexGuard<'static, Descriptors> {
    DESCRIPTORS.lock().unwrap_or_else(|e| e.into_inner())
}

impl Descriptors {
    fn take(&mut self) -> Handle<Thread> {
        if self.free.is_empty() {
            // Not by way of an array on the stack: that may be a ULT's, and small.
            let slab: Box<[Thread]> = (0..SLAB).map(|_| Thread::blank()).collect();
            self.free.extend(slab.iter().map(Handle::from_ref));
            self.slabs.push(slab);
        }
        self.free.pop().expect("a slab was just added")
    }
}

/// Free descriptors of one execution stream, linked.
pub(crate) struct ThreadCache {
    head: *mut Thread,
    count: usize,
}

impl ThreadCache {
    pub(crate) fn new() -> Self {
        ThreadCache { head: ptr::null_mut(), count: 0 }
    }

    #[inline]
    pub(crate) fn take(&mut self) -> Handle<Thread> {
        let Some(thread) = Handle::from_ptr(self.head) else { return self.refill() };
        self.head = thread.link();
        self.count -= 1;
        thread
    }

    #[cold]
    fn refill(&mut self) -> Handle<Thread> {
        let mut all = descriptors();
        for _ in 1..SLAB {
            self.link_in(all.take());
        }
        all.take()
    }

    fn link_in(&mut self, thread: Handle<Thread>) {
        thread.set_link(self.head);
        self.head = thread.as_ptr();
        self.count += 1;
    }

    #[inline]
    pub(crate) fn put(&mut self, thread: Handle<Thread>) {
        thread.set_state(State::Free);
        self.link_in(thread);
        if self.count > KEPT {
            self.give_back(SLAB);
        }
    }

    #[cold]
    fn give_back(&mut self, count: usize) {
        let mut all = descriptors();
        for _ in 0..count {
            let thread = self.take();
            all.free.push(thread);
        }
    }
}

impl Drop for ThreadCache {
    fn drop(&mut self) {
        self.give_back(self.count);
    }
}

/// A descriptor for an OS thread that is no execution stream.
pub(crate) fn take_global() -> Handle<Thread> {
    descriptors().take()
}

/// Returns a descriptor from such a thread.
pub(crate) fn put_global(thread: Handle<Thread>) {
    thread.set_state(State::Free);
    descriptors().free.push(thread);
}

/// Calls `visit` for every unit that exists. No descriptor is created or freed for good meanwhile.
pub(crate) fn for_each(mut visit: impl FnMut(Handle<Thread>)) {
    let all = descriptors();
    for thread in all.slabs.iter().flat_map(|slab| slab.iter()) {
        if thread.state() != State::Free {
            visit(Handle::from_ref(thread));
        }
    }
}

/// Frees all descriptors, when the runtime ends.
pub(crate) fn clear() {
    let mut all = descriptors();
    all.free = Vec::new();
    all.slabs = Vec::new();
    NEXT_ID.store(1, Ordering::Relaxed);
}
