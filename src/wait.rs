//! Waiting for a return code that something else will set: a callback, or another ULT.
// Who waits is compiled only with the files that do.
#![cfg_attr(not(any(feature = "rpc", feature = "srv-cli")), allow(dead_code))]

use core::ffi::{c_int, c_void};
use core::ptr;

use abi::{ABT_SUCCESS, ABT_UNIT_TYPE_TASK, DER_INVAL};
use gurt_client::{Der, Facility, Result, error};

use crate::inline;

/// Fails with -DER_INVAL when the caller is a tasklet, which has no stack of its own and cannot wait.
///
/// The C original ignores that its wait fails then, and frees what is still used by who was to be waited for.
pub fn check_may_wait(symbol: &str) -> Result {
    let mut kind = 0;
    // SAFETY: writes one value.
    let rc = unsafe { abi::ABT_self_get_type(&raw mut kind) };
    if rc == ABT_SUCCESS && kind == ABT_UNIT_TYPE_TASK {
        error!(Facility::SERVER, "{symbol}: called by a tasklet, which cannot wait; call it from a ULT");
        return Err(Der::new(DER_INVAL.into()));
    }
    Ok(())
}

/// A return code that is still to come: an eventual of one `int`.
///
/// It is dropped after it was set, or when nobody will set it.
pub struct Outcome(abi::ABT_eventual);

impl Outcome {
    /// One that is not set yet, for `symbol` to wait for: -DER_INVAL when the caller cannot wait, -DER_NOMEM when
    /// memory is short.
    pub fn new(symbol: &str) -> Result<Self> {
        check_may_wait(symbol)?;
        let mut eventual = ptr::null_mut();
        // SAFETY: writes a handle.
        inline::abt(unsafe { abi::ABT_eventual_create(size_of::<c_int>() as c_int, &raw mut eventual) })?;
        Ok(Outcome(eventual))
    }

    /// What a callback passes to [`set`](Self::set).
    pub fn handle(&self) -> *mut c_void {
        self.0.cast()
    }

    /// Sets the return code and wakes who waits for it.
    ///
    /// # Safety
    /// `handle` came from [`handle`](Self::handle) of an outcome that still lives and was not set yet.
    pub unsafe fn set(handle: *mut c_void, mut rc: c_int) {
        // SAFETY: see the function; the value is copied.
        let set = unsafe {
            abi::ABT_eventual_set(handle.cast(), (&raw mut rc).cast(), size_of::<c_int>() as c_int)
        };
        assert_eq!(set, ABT_SUCCESS, "ABT_eventual_set");
    }

    /// Blocks the calling ULT or thread until the return code is set.
    pub fn wait(self) -> c_int {
        let mut value = ptr::null_mut();
        // SAFETY: a live eventual.
        let rc = unsafe { abi::ABT_eventual_wait(self.0, &raw mut value) };
        // The eventual is on its way to be freed: going on would be worse.
        assert_eq!(rc, ABT_SUCCESS, "ABT_eventual_wait");
        // SAFETY: what was set, valid until the eventual is freed.
        unsafe { value.cast::<c_int>().read() }
    }
}

impl Drop for Outcome {
    fn drop(&mut self) {
        // SAFETY: this value's own, which nobody will set any more.
        unsafe { abi::ABT_eventual_free(&raw mut self.0) };
    }
}
