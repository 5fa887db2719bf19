//! A class: the callbacks of `struct crt_iv_ops`.

use core::ffi::{c_int, c_void};
use core::ptr::{self, NonNull};

use abi::{
    Boundary, CRT_IV_FLAG_PENDING_FETCH, CRT_IV_FLAG_ROOT, CRT_IV_NO_ALLOC, CRT_IV_PERM_READ,
    CRT_IV_PERM_WRITE, CRT_NO_RANK, crt_generic_cb_t, crt_iv_class, crt_iv_key_t, crt_iv_namespace_t,
    crt_iv_ops, crt_iv_perm_t, d_sg_list_t,
};
use gurt_client::{Result, error};

use super::value::Value;
use super::{Address, FORWARD, INVAL, IV, entrust, outcome, reclaim, vector};
use crate::Rank;
use crate::iv::{Access, Answer, Kind, News, Ops};

/// A class of a namespace. The user's table stays where it is for as long as the namespace.
pub struct Class {
    handle: Address<c_void>,
    ops: NonNull<crt_iv_ops>,
}

// SAFETY: a table of functions that CaRT may call on any thread on which it makes progress.
unsafe impl Send for Class {}
// SAFETY: as above.
unsafe impl Sync for Class {}

/// What `ivo_on_get` stored.
pub type Private = Address<c_void>;

/// Calls a callback that [`Class::new`] has seen to be there.
macro_rules! call {
    ($class:expr, $callback:ident($($arg:expr),*)) => {{
        let class: &Class = $class;
        // SAFETY: the user's table, see the type.
        let callback = unsafe { class.ops.as_ref() }.$callback.expect("checked when the namespace was made");
        // SAFETY: as `struct crt_iv_ops` says it is to be called.
        unsafe { callback(class.handle.get(), $($arg),*) }
    }};
}

/// What a callback returns that may send a request on.
fn answer(rc: c_int) -> Result<Answer> {
    if rc == FORWARD { Ok(Answer::Forward) } else { outcome(rc).map(|()| Answer::Done) }
}

impl Class {
    /// Class number `id` of a namespace. `-DER_INVAL` unless all callbacks are there that must be.
    ///
    /// # Safety
    /// Its table is null or stays where it is.
    pub unsafe fn new(handle: crt_iv_namespace_t, id: usize, class: &crt_iv_class) -> Result<Self> {
        // SAFETY: see the function.
        let missing = match unsafe { class.ivc_ops.as_ref() } {
            None => Some("ivc_ops"),
            Some(ops) => [
                ("ivo_on_fetch", ops.ivo_on_fetch.is_none()),
                ("ivo_on_update", ops.ivo_on_update.is_none()),
                ("ivo_on_refresh", ops.ivo_on_refresh.is_none()),
                ("ivo_on_hash", ops.ivo_on_hash.is_none()),
                ("ivo_on_get", ops.ivo_on_get.is_none()),
                ("ivo_on_put", ops.ivo_on_put.is_none()),
            ]
            .into_iter()
            .find_map(|(name, missing)| missing.then_some(name)),
        };
        match (NonNull::new(class.ivc_ops), missing) {
            (Some(ops), None) => Ok(Class { handle: Address(handle), ops }),
            (_, missing) => {
                error!(IV, "IV class {id} has no {}", missing.unwrap_or("ivc_ops"));
                Err(INVAL)
            }
        }
    }

    fn ops(&self) -> &crt_iv_ops {
        // SAFETY: the user's table, see the type.
        unsafe { self.ops.as_ref() }
    }

    fn on_get(&self, key: &[u8], permission: crt_iv_perm_t, value: *mut d_sg_list_t) -> Result<Private> {
        let (mut key, mut private) = (vector(key), ptr::null_mut());
        outcome(call!(self, ivo_on_get(&raw mut key, 0, permission, value, &raw mut private)))?;
        Ok(Address(private))
    }
}

/// The permission bits of an access.
fn permission(access: Access) -> crt_iv_perm_t {
    match access {
        Access::Read => CRT_IV_PERM_READ,
        Access::Write => CRT_IV_PERM_WRITE,
        Access::Borrowed => CRT_IV_PERM_READ | CRT_IV_NO_ALLOC,
    }
}

impl Ops for Class {
    type Value = Value;
    type Private = Private;

    fn hash(&self, key: &[u8]) -> Result<Rank> {
        let (mut key, mut root) = (vector(key), CRT_NO_RANK);
        outcome(call!(self, ivo_on_hash(&raw mut key, &raw mut root)))?;
        Ok(root)
    }

    fn get(&self, key: &[u8], access: Access) -> Result<(Value, Private)> {
        let mut value = Value::EMPTY;
        let private = self.on_get(key, permission(access), value.as_mut_ptr())?;
        Ok((value, private))
    }

    fn get_private(&self, key: &[u8], access: Access) -> Result<Private> {
        self.on_get(key, permission(access), ptr::null_mut())
    }

    fn put(&self, value: Option<Value>, private: Private) {
        let mut value = value;
        let list = value.as_mut().map_or(ptr::null_mut(), Value::as_mut_ptr);
        call!(self, ivo_on_put(list, private.get()));
    }

    fn fetch(&self, key: &[u8], merged: bool, value: &mut Value, private: Private) -> Result<Answer> {
        let flags = if merged { CRT_IV_FLAG_PENDING_FETCH } else { 0 };
        let (mut key, version) = (vector(key), ptr::null_mut());
        answer(call!(self, ivo_on_fetch(&raw mut key, version, flags, value.as_mut_ptr(), private.get())))
    }

    fn update(&self, key: &[u8], is_root: bool, value: &mut Value, private: Private) -> Result<Answer> {
        let flags = if is_root { CRT_IV_FLAG_ROOT } else { 0 };
        let mut key = vector(key);
        answer(call!(self, ivo_on_update(&raw mut key, 0, flags, value.as_mut_ptr(), private.get())))
    }

    fn refresh(&self, key: &[u8], news: News<'_, Value>, private: Option<Private>) -> Result<Answer> {
        let (value, invalid, rc) = match news {
            News::Value(value) => (value.as_mut_ptr(), false, 0),
            News::Changed => (ptr::null_mut(), false, 0),
            News::Invalid => (ptr::null_mut(), true, 0),
            News::Failed(error) => (ptr::null_mut(), false, error.rc()),
        };
        let private = private.map_or(ptr::null_mut(), Address::get);
        let mut key = vector(key);
        answer(call!(self, ivo_on_refresh(&raw mut key, 0, value, invalid, rc, private)))
    }

    fn before_spread(&self, key: &[u8], value: Option<&mut Value>, private: Private) -> Result {
        // The callback reads a value.
        match (self.ops().ivo_pre_sync, value) {
            (Some(pre_sync), Some(value)) => {
                let (mut key, list) = (vector(key), value.as_mut_ptr());
                // SAFETY: as `struct crt_iv_ops` says.
                outcome(unsafe { pre_sync(self.handle.get(), &raw mut key, 0, list, private.get()) })
            }
            _ => Ok(()),
        }
    }

    fn wants_before_spread(&self) -> bool {
        self.ops().ivo_pre_sync.is_some()
    }

    fn handle(&self, kind: Kind, key: &[u8], handler: Box<dyn FnOnce() + Send>) {
        let ops = self.ops();
        // Three types of one shape.
        type Run = Option<
            unsafe extern "C" fn(crt_iv_namespace_t, *mut crt_iv_key_t, crt_generic_cb_t, *mut c_void),
        >;
        let run: Run = match kind {
            Kind::Fetch => ops.ivo_pre_fetch,
            Kind::Update => ops.ivo_pre_update,
            Kind::Sync => ops.ivo_pre_refresh,
        };
        let Some(run) = run else { return handler() };
        let key = key.to_vec();
        let task = entrust(Box::new(Task { vector: vector(&key), handler, _key: key }));
        // SAFETY: as `struct crt_iv_ops` says: the task runs once, and until then its key is in place.
        unsafe {
            let vector = &raw mut (*task.cast::<Task>()).vector;
            run(self.handle.get(), vector, Some(run_task), task);
        }
    }

    fn same(&self, one: &[u8], other: &[u8]) -> bool {
        let Some(matches) = self.ops().ivo_keys_match else { return one == other };
        let (mut one, mut other) = (vector(one), vector(other));
        // SAFETY: as `struct crt_iv_ops` says.
        unsafe { matches(self.handle.get(), &raw mut one, &raw mut other) }
    }

    fn compares_bytes(&self) -> bool {
        self.ops().ivo_keys_match.is_none()
    }
}

/// The handling of a request that the user runs when he thinks fit.
struct Task {
    /// The key as the user's callback sees it.
    vector: crt_iv_key_t,
    handler: Box<dyn FnOnce() + Send>,
    /// Pointed at by the vector.
    _key: Vec<u8>,
}

/// `cb` of `ivo_pre_*`.
unsafe extern "C" fn run_task(arg: *mut c_void) {
    let boundary = Boundary::enter("the handling of an IV request");
    // SAFETY: what `handle` gave away; its user calls it once.
    let task = unsafe { reclaim::<Task>(arg) };
    (task.handler)();
    boundary.leave();
}
