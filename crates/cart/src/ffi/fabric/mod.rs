//! The C functions of CaRT (`cart/api.h`) over a process ([`crate::node`]), of which there is one.
//!
//! A `crt_context_t` is a [`Network`] and a `crt_rpc_t`, a `crt_group_t`, a `crt_bulk_t` the beginning of what stands
//! behind it; all are counted, and C gives its count back by the function that ends them. No lock is held while a
//! function of the user runs: it may wait, as a ULT does, or call any of these functions.

mod bulk;
mod context;
mod corpc;
mod debug;
mod events;
mod group;
mod incast;
mod init;
mod proc;
mod register;
mod request;
mod rpc;
mod swim;

#[cfg(feature = "iv")]
pub use context::iv_response_task;

use core::ffi::{CStr, c_char, c_int};
use core::mem::ManuallyDrop;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use abi::crt_context_t;
use gurt_client::{Der, Facility, Result, error};

use crate::node::{Network, News, Node, User};
use crate::rpc::{Attachments, Event};
use bulk::{Moving, Pieces};
use events::Watchers;
use group::Handles;
use register::Formats;
use rpc::Sent;

/// The C functions as the user of the process.
pub(crate) struct Shell {
    formats: Formats,
    watchers: Watchers,
    handles: Mutex<Handles>,
}

/// A context, as the C functions know it.
pub(crate) type Context = Network<Shell>;

impl Attachments for Shell {
    type Request = Sent;
    type Transfer = Moving;
    type Memory = Pieces;
}

impl User for Shell {
    type Context = context::Attached;

    fn handle(&self, network: &Arc<Context>, event: Event<Self>) {
        match event {
            Event::Request(incoming) => rpc::arrived(network, incoming),
            Event::Completed { attached, result } => attached.complete(result),
            Event::PreForward(incoming) => corpc::pre_forward(network, incoming),
            Event::Aggregate { id, body, first } => corpc::aggregate(network, id, body, first),
            Event::Gathered { id, result } => corpc::gathered(network, id, result),
            Event::Transferred { attached, result } => attached.complete(result),
        }
    }

    fn rank_changed(&self, news: News) {
        self.watchers.tell(news);
    }

    fn clocks_differ(&self) {
        self.watchers.clocks_differ();
    }
}

/// Locks what no function of the user is called under.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The process; `-DER_UNINIT` before `crt_init_opt` and after `crt_finalize`.
fn node(name: &str) -> Result<Arc<Node<Shell>>> {
    init::current().ok_or_else(|| {
        error!(Facility::RPC, "{name}: CaRT is not started; call crt_init_opt first");
        der::UNINIT
    })
}

/// The context behind a handle, which the caller does not give back; `-DER_INVAL` for null.
///
/// # Safety
/// The handle is null or of a context that is not destroyed while the result is used.
unsafe fn context(name: &str, ctx: crt_context_t) -> Result<ManuallyDrop<Arc<Context>>> {
    if ctx.is_null() {
        return Err(invalid(name, "the context is null"));
    }
    // SAFETY: the handle has a count of its own, which is not given back.
    Ok(ManuallyDrop::new(unsafe { Arc::from_raw(ctx.cast::<Context>().cast_const()) }))
}

/// Says why an argument is none.
#[cold]
fn invalid(name: &str, why: &str) -> Der {
    error!(Facility::RPC, "{name}: {why}");
    der::INVAL
}

/// A string of C, `-DER_INVAL` for null.
///
/// # Safety
/// It is null or a string that lives as long as the result.
unsafe fn text<'a>(name: &str, string: *const c_char) -> Result<&'a CStr> {
    if string.is_null() {
        return Err(invalid(name, "a string is null"));
    }
    // SAFETY: by the caller's promise.
    Ok(unsafe { CStr::from_ptr(string) })
}

/// Stores a value where C wants it, `-DER_INVAL` for null.
///
/// # Safety
/// `place` is null or may be written to.
unsafe fn store<T>(name: &str, place: *mut T, value: T) -> Result {
    if place.is_null() {
        return Err(invalid(name, "there is no place for the result, the pointer is null"));
    }
    // SAFETY: by the caller's promise.
    unsafe { place.write(value) };
    Ok(())
}

/// Stores a copy of a string, to be freed by `D_FREE`.
///
/// # Safety
/// As [`store`].
unsafe fn store_string(name: &str, place: *mut *mut c_char, string: &str) -> Result {
    // SAFETY: so many bytes of the string are read.
    let copy = unsafe { abi::d_strndup(string.as_ptr().cast(), string.len()) };
    if copy.is_null() {
        return Err(der::NOMEM);
    }
    // SAFETY: by the caller's promise; the copy goes with nobody if there is no place.
    unsafe { store(name, place, copy).inspect_err(|_| gurt_client::alloc::free(copy)) }
}

/// What a C function returns.
fn rc(result: Result) -> c_int {
    Der::rc_of(result)
}

/// The result of a function of the user: 0, or any other number for an error.
fn outcome(rc: c_int) -> Result {
    match rc {
        0 => Ok(()),
        rc => Err(Der::new(i64::from(rc.unsigned_abs()))),
    }
}

/// The errors of this layer.
mod der {
    use gurt_client::Der;

    pub const BUSY: Der = Der::new(abi::DER_BUSY as i64);
    pub const CANCELED: Der = Der::new(abi::DER_CANCELED as i64);
    pub const EXIST: Der = Der::new(abi::DER_EXIST as i64);
    pub const GRPVER: Der = Der::new(abi::DER_GRPVER as i64);
    pub const INVAL: Der = Der::new(abi::DER_INVAL as i64);
    pub const MISC: Der = Der::new(abi::DER_MISC as i64);
    pub const NOMEM: Der = Der::new(abi::DER_NOMEM as i64);
    pub const NONEXIST: Der = Der::new(abi::DER_NONEXIST as i64);
    pub const NOREPLY: Der = Der::new(abi::DER_NOREPLY as i64);
    pub const NOSYS: Der = Der::new(abi::DER_NOSYS as i64);
    pub const NO_PERM: Der = Der::new(abi::DER_NO_PERM as i64);
    pub const OOG: Der = Der::new(abi::DER_OOG as i64);
    pub const TIMEDOUT: Der = Der::new(abi::DER_TIMEDOUT as i64);
    pub const TRUNC: Der = Der::new(abi::DER_TRUNC as i64);
    pub const UNINIT: Der = Der::new(abi::DER_UNINIT as i64);
    pub const UNREG: Der = Der::new(abi::DER_UNREG as i64);
}
