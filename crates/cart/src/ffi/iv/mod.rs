//! The symbols of `crt_iv.c` over [`crate::iv`].
//!
//! Beneath it is the public interface of CaRT, by its C symbols: ours or libcart's. What goes over the wire is what C
//! peers send and understand: the structures of `crt_rpc.h`.
//!
//! - [`registry`] knows the namespaces of the process, by their handles and by their names;
//! - [`class`] calls a class's callbacks, `struct crt_iv_ops`;
//! - [`fabric`] sends what a namespace wants to send, by [`call`]s, and answers what came in, an [`incoming`].
//!
//! No lock is held while anything of these calls a callback or CaRT: both may yield, and may come back.

mod call;
mod class;
mod exports;
mod fabric;
mod group;
mod incoming;
mod registry;
mod response;
mod sync;
mod value;

use core::ffi::{c_int, c_void};
use core::ptr;
use std::sync::Arc;

use gurt_client::{Der, Facility, Result};

/// The log facility of `crt_iv.c`.
const IV: Facility = Facility::IV;

const INVAL: Der = Der::new(abi::DER_INVAL as i64);
const NONEXIST: Der = Der::new(abi::DER_NONEXIST as i64);

/// What a class's callback returns for a request that goes on to the parent.
const FORWARD: c_int = -(abi::DER_IVCB_FORWARD as c_int);

/// A namespace over CaRT, with classes of C.
type Namespace = crate::iv::Namespace<fabric::Cart, class::Class>;
type SharedNamespace = Arc<Namespace>;

/// An address that is named on any thread. Who follows it says why that may be done.
pub struct Address<T>(*mut T);

impl<T> Clone for Address<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Address<T> {}

// SAFETY: an address only, see the type.
unsafe impl<T> Send for Address<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Address<T> {}

impl<T> Address<T> {
    /// The address. A method, so that a closure takes the whole value, which may change threads.
    fn get(self) -> *mut T {
        self.0
    }
}

/// The result that C returns or sends as 0 or `-DER_*`.
fn outcome(rc: c_int) -> Result {
    if rc == 0 { Ok(()) } else { Err(Der::new(-i64::from(rc))) }
}

/// A vector for callbacks of C, which read it.
fn vector(bytes: &[u8]) -> abi::d_iov_t {
    abi::d_iov_t { iov_buf: bytes.as_ptr().cast_mut().cast(), iov_buf_len: bytes.len(), iov_len: bytes.len() }
}

const NO_VECTOR: abi::d_iov_t = abi::d_iov_t { iov_buf: ptr::null_mut(), iov_buf_len: 0, iov_len: 0 };

/// Hands a value over to C, which gives it back by [`reclaim`].
fn entrust<T>(value: Box<T>) -> *mut c_void {
    Box::into_raw(value).cast()
}

/// Takes back what C was given.
///
/// # Safety
/// `arg` came from [`entrust`] of the same type, and this is the only time.
unsafe fn reclaim<T>(arg: *mut c_void) -> Box<T> {
    // SAFETY: by the caller's promise.
    unsafe { Box::from_raw(arg.cast()) }
}
