//! Requests of this rank: `ds_iv_fetch`, `ds_iv_update`, `ds_iv_invalidate`.

use core::cell::UnsafeCell;
use core::ffi::{c_int, c_uint, c_void};
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicUsize, Ordering};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use abi::{
    ABT_SUCCESS, CRT_IV_SYNC_EAGER, CRT_IV_SYNC_LAZY, DER_INVAL, DER_SHUTDOWN, DSS_DEEP_STACK_SZ, DSS_XS_SYS,
    crt_iv_key_t, crt_iv_namespace_t, crt_iv_sync_t, crt_iv_ver_t, d_sg_list_t, ds_iv_key,
};
use gurt_client::{Facility, Level, Result, debug, error, log, warn};

use super::namespace::{self, InUse, Namespace};
use super::{class, der, nap, outcome, sgl};
use crate::inline;
use crate::iv::request::{ClassName, KeyText, Opcode, Rank};
use crate::iv::retry::{Attempt, Next, Pauses, is_ordinary};

/// A request that goes on for so long, in milliseconds, is worth a line in the log.
const REMARKABLE: u64 = 10_000;

/// What a module wants.
#[derive(Clone, Copy)]
pub struct Request {
    /// What is done.
    pub opcode: Opcode,
    /// The value: to be filled by a fetch, sent by an update; may be null.
    pub value: *mut d_sg_list_t,
    /// How it is spread; fetches are not.
    pub sync: Option<crt_iv_sync_t>,
    /// A `crt_iv_shortcut_t`.
    pub shortcut: c_uint,
    /// Errors that pass are tried again.
    pub retry: bool,
}

impl Request {
    fn mode(&self) -> Option<c_uint> {
        self.sync.map(|sync| sync.ivs_mode)
    }
}

/// What becomes of an operation, and where a fetched value goes.
struct Outcome {
    value: *mut d_sg_list_t,
    result: Option<c_int>,
}

/// One attempt in CaRT's hands. It outlives whoever waits for it, as CaRT keeps pointing at the key.
struct Operation {
    ns: NonNull<Namespace>,
    opcode: Opcode,
    key: UnsafeCell<ds_iv_key>,
    packed: UnsafeCell<crt_iv_key_t>,
    outcome: Mutex<Outcome>,
    done: abi::ABT_future,
}

// SAFETY: the key is written before the operation is shared; the namespace is only compared; Argobots' futures may
// be used from any thread.
unsafe impl Send for Operation {}
// SAFETY: as above.
unsafe impl Sync for Operation {}

impl Drop for Operation {
    fn drop(&mut self) {
        // SAFETY: made with the operation.
        unsafe { abi::ABT_future_free(&raw mut self.done) };
    }
}

/// The operations that CaRT has not called back for, by the number that it knows them by. A number instead of an
/// address: a callback that comes twice, or late, finds nothing.
static IN_FLIGHT: LazyLock<Mutex<HashMap<usize, Arc<Operation>>>> = LazyLock::new(Mutex::default);
/// The next number.
static NEXT: AtomicUsize = AtomicUsize::new(1);

fn in_flight() -> MutexGuard<'static, HashMap<usize, Arc<Operation>>> {
    IN_FLIGHT.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Operation {
    fn new(ns: NonNull<Namespace>, key: &ds_iv_key, request: &Request) -> Result<Arc<Self>> {
        let mut done = abi::ABT_FUTURE_NULL;
        // SAFETY: writes one handle.
        inline::abt(unsafe { abi::ABT_future_create(1, None, &raw mut done) })?;
        let fetched = if request.opcode == Opcode::Fetch { request.value } else { ptr::null_mut() };
        let packed = crt_iv_key_t { iov_buf: ptr::null_mut(), iov_buf_len: 0, iov_len: 0 };
        let operation = Arc::new(Operation {
            ns,
            opcode: request.opcode,
            key: UnsafeCell::new(*key),
            packed: UnsafeCell::new(packed),
            outcome: Mutex::new(Outcome { value: fetched, result: None }),
            done,
        });
        // SAFETY: not shared yet; both live as long as the operation.
        unsafe { class::pack(operation.packed.get(), operation.key.get())? };
        Ok(operation)
    }

    fn outcome(&self) -> MutexGuard<'_, Outcome> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the wait with the result that `finish` makes of where the value goes, unless it has ended.
    fn complete(&self, finish: impl FnOnce(*mut d_sg_list_t) -> c_int) {
        let mut outcome = self.outcome();
        if outcome.result.is_none() {
            outcome.result = Some(finish(outcome.value));
            drop(outcome);
            // SAFETY: alive, and set here only, once.
            let rc = unsafe { abi::ABT_future_set(self.done, ptr::null_mut()) };
            assert_eq!(rc, ABT_SUCCESS, "ABT_future_set");
        }
    }

    fn wait(&self) -> c_int {
        // SAFETY: alive as long as this value.
        let rc = unsafe { abi::ABT_future_wait(self.done) };
        // The value that CaRT still reads or writes belongs to the caller: going on would be worse.
        assert_eq!(rc, ABT_SUCCESS, "ABT_future_wait");
        self.outcome().result.unwrap_or(der(DER_INVAL).rc())
    }
}

/// `ds_iv_fini`: keeps no memory for operations.
pub fn fini() {
    in_flight().shrink_to_fit();
}

/// Has everybody who waits for a fetch in `ns` go on with -DER_SHUTDOWN. What CaRT still brings is dropped.
///
/// An update is waited for: CaRT reads the value that its sender keeps.
pub fn abandon_fetches(ns: NonNull<Namespace>) {
    let fetches: Vec<_> =
        in_flight().values().filter(|it| it.ns == ns && it.opcode == Opcode::Fetch).cloned().collect();
    for fetch in fetches {
        fetch.complete(|_| der(DER_SHUTDOWN).rc());
    }
}

/// `ds_iv_done`: CaRT is done with an operation.
unsafe extern "C" fn done(
    _ivns: crt_iv_namespace_t,
    _class: u32,
    _key: *mut crt_iv_key_t,
    _version: *mut crt_iv_ver_t,
    value: *mut d_sg_list_t,
    rc: c_int,
    number: *mut c_void,
) -> c_int {
    let boundary = abi::Boundary::enter("crt_iv_comp_cb_t of server_iv");
    let operation = in_flight().remove(&number.addr());
    match operation {
        // Only a fetch brings a value. An update gets its own back, of which the sender may have set a part.
        Some(operation) if rc == 0 && operation.opcode == Opcode::Fetch => {
            // SAFETY: the value is CaRT's during this call; the caller's is there while nobody has ended the wait.
            operation.complete(|wanted| unsafe { hand_over(wanted, value) });
        }
        Some(operation) => operation.complete(|_| rc),
        None => warn!(Facility::SERVER, "CaRT completed an IV request twice (rc {rc}); ignored"),
    }
    boundary.leave();
    0
}

/// Copies a fetched value to where its reader wants it, if there is room: readers that only want the value cached
/// bring too little on purpose.
unsafe fn hand_over(wanted: *mut d_sg_list_t, value: *mut d_sg_list_t) -> c_int {
    // SAFETY: null or valid lists, see the caller.
    unsafe {
        let Some(from) = value.as_ref() else { return 0 };
        if let Err(err) = sgl::check_filled(from) {
            return err.rc();
        }
        let Some(to) = wanted.as_ref() else { return 0 };
        let first = |list: &d_sg_list_t| list.sg_iovs.as_ref().filter(|_| list.sg_nr > 0).copied();
        let (Some(room), Some(fetched)) = (first(to), first(from)) else { return 0 };
        if fetched.iov_len == 0 || room.iov_buf_len < fetched.iov_len {
            debug!(
                Facility::SERVER,
                "an IV value of {} bytes stays in the cache, its reader has room for {}",
                fetched.iov_len,
                room.iov_buf_len
            );
            return 0;
        }
        namespace::rc_of(sgl::copy(wanted, value))
    }
}

/// `iv_op_internal`: one attempt.
///
/// # Safety
/// The caller has a reference to `ns`, which it may wait with; the request's value is null or valid.
unsafe fn attempt(ns: NonNull<Namespace>, key: &mut ds_iv_key, request: &Request) -> Result<c_int> {
    key.rank = namespace::leader(ns);
    let class = class::get(key.class_id)?;
    let operation = Operation::new(ns, key, request)?;
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let sync = request.sync.unwrap_or(crt_iv_sync_t { ivs_mode: 0, ivs_event: 0, ivs_flags: 0 });
    in_flight().insert(number, operation.clone());
    let (key, arg) = (operation.packed.get(), ptr::without_provenance_mut(number));
    // SAFETY: the operation keeps key and packed key in place until CaRT calls back; the value of an update is the
    // caller's, who waits.
    let rc = unsafe {
        let class = class.as_ref().iv_cart_class_id.cast_unsigned();
        let handle = (*ns.as_ptr()).public.iv_ns;
        let version = ptr::null_mut();
        match request.opcode {
            Opcode::Fetch => abi::crt_iv_fetch(handle, class, key, version, 0, Some(done), arg),
            Opcode::Update => abi::crt_iv_update(
                handle,
                class,
                key,
                version,
                request.value,
                request.shortcut,
                sync,
                Some(done),
                arg,
            ),
            Opcode::Invalidate => {
                abi::crt_iv_invalidate(handle, class, key, version, 0, sync, Some(done), arg)
            }
        }
    };
    if rc != 0 {
        // CaRT may have called back with its error, or not; it will not any more.
        in_flight().remove(&number);
        return Ok(rc);
    }
    Ok(operation.wait())
}

/// `_iv_op`: attempts until the result is final. Returns it, and writes the one line about a failure.
///
/// # Safety
/// `ns` is alive, the request's value is null or valid.
unsafe fn perform(ns: NonNull<Namespace>, key: &mut ds_iv_key, request: &Request) -> c_int {
    if namespace::is_stopping(ns) {
        return der(DER_SHUTDOWN).rc();
    }
    let mut pauses = Pauses::new(namespace::patience(key.class_id));
    let pool = namespace::pool(ns).to_string();
    let mut remarked = false;
    loop {
        let in_use = InUse::take(ns);
        // SAFETY: see the function.
        let rc = unsafe { attempt(ns, key, request) }.unwrap_or_else(gurt_client::Der::rc);
        let attempted = Attempt {
            rc,
            retry: request.retry,
            stopping: namespace::is_stopping(ns),
            spread: matches!(request.mode(), Some(CRT_IV_SYNC_LAZY | CRT_IV_SYNC_EAGER)),
            led: key.rank != abi::CRT_NO_RANK,
        };
        let again = match attempted.next() {
            Next::Return | Next::LeaderChanged => false,
            Next::Again => true,
            // SAFETY: takes no argument.
            Next::AgainUnlessInCheck => unsafe { !abi::engine_in_check() },
        };
        let pause = if again { pauses.next() } else { None };
        let Some(pause) = pause else {
            report(&pool, key, request, rc, pauses.waited);
            return rc;
        };
        if pauses.waited >= REMARKABLE && !remarked {
            remarked = true;
            warn!(Facility::SERVER, "{}, tried again for 10 s", describe(&pool, key, request, rc));
        }
        let leader = namespace::leader(ns);
        match nap::nap(in_use, pause) {
            Ok(()) if namespace::leader(ns) != leader => pauses.restart(),
            Ok(()) => {}
            Err(err) => {
                report(&pool, key, request, err.rc(), pauses.waited);
                return err.rc();
            }
        }
    }
}

/// What failed: opcode, class, key, from which rank to which, and why.
fn describe(pool: &str, key: &ds_iv_key, request: &Request, rc: c_int) -> String {
    // SAFETY: takes no argument.
    let own = unsafe { abi::dss_self_rank() };
    let bytes = key.key_buf.map(|c| c.cast_unsigned());
    let (class, text) = (ClassName(key.class_id), KeyText(&bytes));
    let why = gurt_client::Der::new(-i64::from(rc));
    let (from, to) = (Rank(own), Rank(key.rank));
    format!("pool {pool}: IV {} of {class}, key {text}, from {from} to leader {to}: {why}", request.opcode)
}

fn report(pool: &str, key: &ds_iv_key, request: &Request, rc: c_int, waited: u64) {
    if rc == 0 {
        return;
    }
    let level = if is_ordinary(rc) { Level::Debug } else { Level::Error };
    // The text is only made if somebody reads it.
    log!(level, Facility::SERVER, "{}, after {waited} ms of pauses", describe(pool, key, request, rc));
}

/// A request that nobody waits for.
struct Later {
    in_use: InUse,
    key: ds_iv_key,
    value: d_sg_list_t,
    request: Request,
}

impl Drop for Later {
    fn drop(&mut self) {
        // SAFETY: a copy of its own.
        unsafe { sgl::fini(&raw mut self.value) };
    }
}

/// `iv_op_ult`.
unsafe extern "C" fn run_later(later: *mut c_void) {
    let boundary = abi::Boundary::enter("ULT of a lazy IV request");
    // SAFETY: made by `later`, and given to this ULT.
    unsafe {
        let mut later: Box<Later> = Box::from_raw(later.cast());
        let mut request = later.request;
        request.value = if later.value.sg_nr == 0 { ptr::null_mut() } else { &raw mut later.value };
        // Its result was logged if it is bad.
        perform(later.in_use.namespace(), &mut later.key, &request);
    }
    boundary.leave();
}

/// `iv_op_async`: a lazy request, which this rank performs eagerly, in a ULT for which nobody waits.
unsafe fn later(ns: NonNull<Namespace>, key: &ds_iv_key, request: &Request) -> Result {
    let mut value = sgl::EMPTY;
    if !request.value.is_null() {
        // SAFETY: the caller's list; what a failure leaves is freed.
        unsafe {
            outcome(abi::daos_sgl_alloc_copy_data(&raw mut value, request.value))
                .inspect_err(|_| sgl::fini(&raw mut value))?;
        }
    }
    let sync = request.sync.map(|sync| crt_iv_sync_t { ivs_mode: CRT_IV_SYNC_EAGER, ..sync });
    let request = Request { sync, ..*request };
    let later = Box::into_raw(Box::new(Later { in_use: InUse::take(ns), key: *key, value, request }));
    // SAFETY: the ULT takes it over; if there is none it is still ours.
    unsafe {
        let stack = DSS_DEEP_STACK_SZ as usize;
        let rc = abi::dss_ult_create(Some(run_later), later.cast(), DSS_XS_SYS, 0, stack, ptr::null_mut());
        outcome(rc).inspect_err(|err| {
            error!(
                Facility::SERVER,
                "no ULT for a lazy IV {} of class {}: {err}", request.opcode, key.class_id
            );
            drop(Box::from_raw(later));
        })
    }
}

/// `iv_op`: a module's request. Notes in `key` the version and, at each attempt, the leader.
///
/// # Safety
/// `ns` is alive, the request's value is null or valid.
pub unsafe fn run(ns: NonNull<Namespace>, key: &mut ds_iv_key, request: &Request) -> c_int {
    if namespace::is_stopping(ns) {
        return der(DER_SHUTDOWN).rc();
    }
    let Some(info) = inline::module_info() else {
        error!(Facility::SERVER, "IV {} on a thread that is no xstream", request.opcode);
        return der(DER_INVAL).rc();
    };
    // SAFETY: this xstream's own information; see the function.
    unsafe {
        key.version = (*info.as_ptr()).dmi_version;
        if request.mode() == Some(CRT_IV_SYNC_LAZY) {
            return namespace::rc_of(later(ns, key, request));
        }
        perform(ns, key, request)
    }
}
