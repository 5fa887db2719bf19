//! Namespaces: what modules see of them, what else is kept, and how they come and go.

use core::cell::{Cell, RefCell};
use core::ffi::{c_int, c_uint, c_void};
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use abi::{
    ABT_SUCCESS, CRT_NO_RANK, CRT_TREE_KNOMIAL, CRT_TREE_TYPE_SHIFT, DER_BUSY, DER_INVAL, DER_NOMEM,
    DER_NONEXIST, DER_SHUTDOWN, IV_CONT_PROP, IV_CONT_SNAP, IV_CONT_TRACK_EPOCH, crt_context_t, crt_group_t,
    crt_iv_namespace_t, ds_iv_ns, uuid_t,
};
use gurt_client::{Facility, Result, alloc, debug, error, info, list};

use super::entry::{self, Entry};
use super::nap::Naps;
use super::{class, der, operation, outcome};
use crate::inline;
use crate::iv::index::Index;
use crate::iv::life::{Life, Released};
use crate::iv::request::KeyText;
use crate::iv::retry::{Patience, Pauses};

/// `iv_stop` in `iv_flags`.
const STOP: u32 = 1 << 0;
/// `ds_iv_ns_reint_prep` waits for so long, in milliseconds.
const REINTEGRATION_LIMIT: u64 = 30_000;

/// The branch ratio of the tree, which must be the same on all ranks.
const TREE_RATIO: u32 = 4;
/// `crt_tree_topo(CRT_TREE_KNOMIAL, 4)`.
const TREE: u32 = CRT_TREE_KNOMIAL << CRT_TREE_TYPE_SHIFT | TREE_RATIO;

/// A namespace: what modules see of it first.
#[repr(C)]
pub struct Namespace {
    /// What modules see.
    pub public: ds_iv_ns,
    /// Where the entry of a key is.
    pub index: RefCell<Index<NonNull<Entry>>>,
    /// Requests that pause before they are sent again.
    pub naps: Naps,
    /// CaRT is done with it; it is freed when nobody naps in it any more.
    gone: Cell<bool>,
}

/// A namespace's address.
#[derive(Clone, Copy)]
struct Address(NonNull<Namespace>);

// SAFETY: an address. It is followed on the system xstream, or by the main thread when no xstream runs.
unsafe impl Send for Address {}

/// The namespaces that CaRT knows, by its handles.
static NAMESPACES: LazyLock<Mutex<HashMap<usize, Address>>> = LazyLock::new(Mutex::default);
/// The number of the next namespace.
static NEXT_ID: AtomicI32 = AtomicI32::new(1);
/// How long requests are tried again, in seconds; 0 for no limit.
static RETRY_LIMIT: AtomicU32 = AtomicU32::new(0);

fn namespaces() -> MutexGuard<'static, HashMap<usize, Address>> {
    NAMESPACES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Requests are tried again for `seconds`, 0 for no limit.
pub fn set_retry_limit(seconds: u32) {
    RETRY_LIMIT.store(seconds, Ordering::Relaxed);
}

/// How often a request of `class` is tried again.
pub fn patience(class: i32) -> Patience {
    let seconds = RETRY_LIMIT.load(Ordering::Relaxed);
    Patience::for_class(class, (seconds > 0).then(|| u64::from(seconds) * 1000))
}

/// Reads the state of `ns`, lets `change` change it, and writes it back.
fn change<R>(ns: NonNull<Namespace>, change: impl FnOnce(&mut Life) -> R) -> R {
    // SAFETY: whoever names a namespace has a reference to it, or found it in the table; nothing here yields.
    unsafe {
        let public = &raw mut (*ns.as_ptr()).public;
        let mut life = Life { references: (*public).iv_refcount, stopping: (*public).iv_flags & STOP != 0 };
        let result = change(&mut life);
        (*public).iv_refcount = life.references;
        let others = (*public).iv_flags & !STOP;
        (*public).iv_flags = others | if life.stopping { STOP } else { 0 };
        result
    }
}

/// Whether requests are refused.
pub fn is_stopping(ns: NonNull<Namespace>) -> bool {
    change(ns, |life| life.stopping)
}

/// Rank of the leader, `CRT_NO_RANK` while none is known.
pub fn leader(ns: NonNull<Namespace>) -> abi::d_rank_t {
    // SAFETY: as in `change`.
    unsafe { (*ns.as_ptr()).public.iv_master_rank }
}

/// Its pool, for the log.
pub fn pool(ns: NonNull<Namespace>) -> impl core::fmt::Display {
    struct Pool(uuid_t);
    impl core::fmt::Display for Pool {
        fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
            write!(f, "{}", KeyText(&self.0))
        }
    }
    // SAFETY: as in `change`.
    Pool(unsafe { (*ns.as_ptr()).public.iv_pool_uuid })
}

/// A reference to a namespace.
pub struct InUse(NonNull<Namespace>);

impl InUse {
    /// The namespace for which CaRT calls; -DER_SHUTDOWN if it is stopping, -DER_NONEXIST if there is none.
    pub fn of_cart(ivns: crt_iv_namespace_t) -> Result<Self> {
        let Some(Address(ns)) = namespaces().get(&ivns.addr()).copied() else {
            return Err(der(DER_NONEXIST));
        };
        match change(ns, Life::enter) {
            Ok(()) => Ok(InUse(ns)),
            Err(_) => {
                debug!(Facility::SERVER, "pool {}: IV is stopping", pool(ns));
                Err(der(DER_SHUTDOWN))
            }
        }
    }

    /// Takes a reference for who has one.
    pub fn take(ns: NonNull<Namespace>) -> Self {
        change(ns, Life::take);
        InUse(ns)
    }

    /// Gives the reference away, to [`InUse::from_raw`].
    pub fn into_raw(self) -> NonNull<Namespace> {
        let ns = self.0;
        core::mem::forget(self);
        ns
    }

    /// A reference that was given away.
    pub fn from_raw(ns: NonNull<Namespace>) -> Self {
        InUse(ns)
    }

    /// The namespace.
    pub fn namespace(&self) -> NonNull<Namespace> {
        self.0
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        put(self.0);
    }
}

/// Takes a reference, for [`put`].
pub fn get(ns: NonNull<Namespace>) {
    change(ns, Life::take);
}

/// Gives a reference back; the last one ends the namespace.
pub fn put(ns: NonNull<Namespace>) {
    match change(ns, Life::release) {
        Released::InUse => {}
        // SAFETY: made with the namespace.
        Released::Idle => unsafe {
            abi::ABT_cond_broadcast((*ns.as_ptr()).public.iv_done_cond);
        },
        Released::Last => {
            // SAFETY: alive until it is ended; references are given back on the system xstream.
            unsafe { (*ns.as_ptr()).naps.wake() };
            end(ns);
        }
        Released::Excess => {
            error!(Facility::SERVER, "a reference to IV namespace {ns:p} was given back twice")
        }
    }
}

/// Has CaRT end a namespace, which is freed when CaRT has done that.
fn end(ns: NonNull<Namespace>) {
    // SAFETY: it was made; CaRT calls back once.
    unsafe {
        debug!(Facility::SERVER, "pool {}: ending IV namespace {}", pool(ns), (*ns.as_ptr()).public.iv_ns_id);
        let handle = (*ns.as_ptr()).public.iv_ns;
        abi::crt_iv_namespace_destroy(handle, Some(ended), ns.as_ptr().cast());
    }
}

/// CaRT has ended a namespace.
unsafe extern "C" fn ended(ivns: crt_iv_namespace_t, ns: *mut c_void) {
    let boundary = abi::Boundary::enter("crt_iv_namespace_destroy_cb_t of server_iv");
    namespaces().remove(&ivns.addr());
    if let Some(ns) = NonNull::new(ns.cast::<Namespace>()) {
        // SAFETY: nobody finds it any more, but who naps in it comes back.
        unsafe {
            entry::remove_all(ns, |_| true);
            ns.as_ref().gone.set(true);
            free_if_gone(ns);
        }
    }
    boundary.leave();
}

/// Frees a namespace that has ended, unless somebody naps in it.
///
/// # Safety
/// `ns` is not used after.
pub unsafe fn free_if_gone(ns: NonNull<Namespace>) {
    // SAFETY: see the function.
    unsafe {
        if ns.as_ref().gone.get() && ns.as_ref().naps.is_empty() {
            free(ns);
        }
    }
}

unsafe fn free(ns: NonNull<Namespace>) {
    // SAFETY: made by `create`, and not used any more.
    unsafe {
        let this = ns.as_ptr();
        abi::ABT_cond_free(&raw mut (*this).public.iv_done_cond);
        abi::ABT_mutex_free(&raw mut (*this).public.iv_mutex);
        this.drop_in_place();
        alloc::free(this);
    }
}

/// A namespace that CaRT does not know yet.
unsafe fn allocate(pool: uuid_t) -> Result<NonNull<Namespace>> {
    let ns = alloc::allocate(size_of::<Namespace>()).ok_or(der(DER_NOMEM))?.cast::<Namespace>();
    let (mut mutex, mut cond) = (abi::ABT_MUTEX_NULL, abi::ABT_COND_NULL);
    // SAFETY: memory for a namespace; handles that are written are freed when it is.
    unsafe {
        let made = inline::abt(abi::ABT_mutex_create(&raw mut mutex)).and_then(|()| {
            inline::abt(abi::ABT_cond_create(&raw mut cond)).inspect_err(|_| {
                abi::ABT_mutex_free(&raw mut mutex);
            })
        });
        if let Err(err) = made {
            alloc::free(ns.as_ptr());
            return Err(err);
        }
        let unlinked = abi::d_list_t { next: ptr::null_mut(), prev: ptr::null_mut() };
        ns.write(Namespace {
            public: ds_iv_ns {
                iv_master_rank: CRT_NO_RANK,
                iv_ns_id: NEXT_ID.fetch_add(1, Ordering::Relaxed).cast_unsigned(),
                iv_master_term: 0,
                iv_ns_link: unlinked,
                iv_entry_list: unlinked,
                iv_ns: ptr::null_mut(),
                iv_pool_uuid: pool,
                iv_mutex: mutex,
                iv_done_cond: cond,
                iv_refcount: Life::NEW.references,
                iv_flags: 0,
            },
            index: RefCell::new(Index::new()),
            naps: Naps::default(),
            gone: Cell::new(false),
        });
        // The original links namespaces to a list that nobody else can reach.
        list::init(&raw mut (*ns.as_ptr()).public.iv_ns_link);
        list::init(&raw mut (*ns.as_ptr()).public.iv_entry_list);
    }
    Ok(ns)
}

/// `ds_iv_ns_create`.
///
/// # Safety
/// `ctx` and `group` are CaRT's.
pub unsafe fn create(
    ctx: crt_context_t,
    pool: uuid_t,
    group: *mut crt_group_t,
) -> Result<NonNull<Namespace>> {
    let mut classes = class::for_cart();
    // SAFETY: see the function; CaRT copies the classes.
    unsafe {
        let ns = allocate(pool)?;
        let handle = &raw mut (*ns.as_ptr()).public.iv_ns;
        let first = if classes.is_empty() { ptr::null_mut() } else { classes.as_mut_ptr() };
        let count = u32::try_from(classes.len()).unwrap_or(u32::MAX);
        let made =
            outcome(abi::crt_iv_namespace_create(ctx, group, TREE.cast_signed(), first, count, 0, handle));
        if let Err(err) = made {
            error!(Facility::SERVER, "pool {}: cannot create an IV namespace: {err}", KeyText(&pool));
            free(ns);
            return Err(err);
        }
        namespaces().insert((*handle).addr(), Address(ns));
        Ok(ns)
    }
}

/// `ds_iv_ns_update`: notes the leader of a later term, and sends what waits for it.
pub fn update(ns: NonNull<Namespace>, rank: c_uint, term: u64) {
    // SAFETY: the caller's reference; takes no argument.
    unsafe {
        let public = &raw mut (*ns.as_ptr()).public;
        if term <= (*public).iv_master_term {
            return;
        }
        info!(
            Facility::SERVER,
            "update iv_ns {} master rank {}->{rank} term {}->{term} myrank {} ns {ns:p}",
            (*public).iv_ns_id,
            (*public).iv_master_rank,
            (*public).iv_master_term,
            abi::dss_self_rank()
        );
        (*public).iv_master_rank = rank;
        (*public).iv_master_term = term;
        (*ns.as_ptr()).naps.wake();
    }
}

/// `ds_iv_ns_leader_stop`: refuses requests, and has those that pause see it.
pub fn leader_stop(ns: NonNull<Namespace>) {
    change(ns, Life::stop);
    // SAFETY: the caller's reference.
    unsafe { (*ns.as_ptr()).naps.wake() };
}

/// `ds_iv_ns_stop`.
pub fn stop(ns: NonNull<Namespace>) {
    leader_stop(ns);
    operation::abandon_fetches(ns);
    // One that was never started has no reference for this.
    if change(ns, |life| life.is_shared()) {
        put(ns);
    }
    // SAFETY: the maker's reference keeps it while this waits.
    unsafe {
        let (mutex, cond) = ((*ns.as_ptr()).public.iv_mutex, (*ns.as_ptr()).public.iv_done_cond);
        if change(ns, |life| life.is_shared()) {
            let in_flight = change(ns, |life| life.references - 1);
            info!(Facility::SERVER, "pool {}: IV stops after {in_flight} requests in flight", pool(ns));
        }
        // Only what ABT_cond_wait needs: all others run on this xstream.
        abi::ABT_mutex_lock(mutex);
        while change(ns, |life| life.is_shared()) {
            let rc = abi::ABT_cond_wait(cond, mutex);
            assert_eq!(rc, ABT_SUCCESS, "ABT_cond_wait");
        }
        abi::ABT_mutex_unlock(mutex);
        entry::remove_all(ns, |_| true);
    }
    info!(Facility::SERVER, "pool {}: ns stopped", pool(ns));
}

/// `ds_iv_ns_reint_prep`: waits for requests in flight, then drops what a reintegrated rank may not keep.
pub fn prepare_reintegration(ns: NonNull<Namespace>) -> Result {
    let mut pauses = Pauses::new(Patience { pause: 1000, limit: Some(REINTEGRATION_LIMIT) });
    while change(ns, |life| life.is_busy()) {
        let Some(pause) = pauses.next() else {
            let in_flight = change(ns, |life| life.references - 2);
            let seconds = REINTEGRATION_LIMIT / 1000;
            error!(
                Facility::SERVER,
                "pool {}: {in_flight} IV requests are still in flight after {seconds} s; reintegrate again later",
                pool(ns)
            );
            return Err(der(DER_BUSY));
        };
        // SAFETY: takes a number; fails on threads that are no xstream, which cannot be here.
        outcome(unsafe { abi::dss_sleep(pause.into()) })?;
    }
    let stale = [IV_CONT_TRACK_EPOCH, IV_CONT_PROP, IV_CONT_SNAP];
    // SAFETY: the caller's reference.
    unsafe { entry::remove_all(ns, |class| stale.contains(&class.cast_unsigned())) };
    Ok(())
}

/// `ds_iv_fini`: ends all namespaces.
///
/// # Safety
/// No xstream runs.
pub unsafe fn end_all() {
    let all: Vec<_> = namespaces().values().copied().collect();
    for Address(ns) in all {
        // Those that have ended already are freed when CaRT lets them go.
        if change(ns, Life::end) {
            // SAFETY: see the function.
            unsafe { entry::remove_all(ns, |_| true) };
            end(ns);
        }
    }
    namespaces().shrink_to_fit();
}

/// The namespace of a pointer that a module gave.
pub fn of_module(ns: *mut ds_iv_ns, symbol: &str) -> Result<NonNull<Namespace>> {
    NonNull::new(ns.cast()).ok_or_else(|| {
        error!(Facility::SERVER, "{symbol}: no namespace");
        der(DER_INVAL)
    })
}

/// A C return code of a function that returns nothing but its failure.
pub fn rc_of(result: Result) -> c_int {
    gurt_client::Der::rc_of(result)
}
