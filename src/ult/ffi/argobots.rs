//! Argobots handles that free themselves.

use core::ptr;

use abi::{ABT_SUCCESS, ABT_future, ABT_mutex, ABT_thread_attr};
use gurt_client::Result;

use crate::inline;

/// A future that is freed when it goes out of scope.
pub struct Future(ABT_future);

impl Future {
    /// A future that is ready once it was set `count` times.
    pub fn new(count: u32) -> Result<Self> {
        let mut future = abi::ABT_FUTURE_NULL;
        // SAFETY: writes one handle.
        inline::abt(unsafe { abi::ABT_future_create(count, None, &raw mut future) })?;
        Ok(Future(future))
    }

    /// The handle, for [`set`]; valid for as long as this value.
    pub fn handle(&self) -> ABT_future {
        self.0
    }

    /// Blocks the calling ULT or thread until the future is ready.
    pub fn wait(&self) {
        // SAFETY: a live future.
        let rc = unsafe { abi::ABT_future_wait(self.0) };
        // What the future guards is on its way to be freed: going on would be worse.
        assert_eq!(rc, ABT_SUCCESS, "ABT_future_wait");
    }
}

impl Drop for Future {
    fn drop(&mut self) {
        // SAFETY: created by `new` and freed nowhere else.
        unsafe { abi::ABT_future_free(&raw mut self.0) };
    }
}

/// Sets one part of the future `handle`.
///
/// # Safety
/// The future is alive and was set less often than it was made for.
pub unsafe fn set(handle: ABT_future) {
    // SAFETY: see the function.
    let rc = unsafe { abi::ABT_future_set(handle, ptr::null_mut()) };
    assert_eq!(rc, ABT_SUCCESS, "ABT_future_set");
}

/// The attributes of a new ULT.
pub struct StackSize(ABT_thread_attr);

impl StackSize {
    /// A stack of `bytes`; 0 means the default.
    pub fn new(bytes: usize) -> Result<Self> {
        let mut attr = StackSize(abi::ABT_THREAD_ATTR_NULL);
        if bytes > 0 {
            // SAFETY: writes one handle, then sets a size on it.
            inline::abt(unsafe { abi::ABT_thread_attr_create(&raw mut attr.0) })?;
            // SAFETY: just created.
            inline::abt(unsafe { abi::ABT_thread_attr_set_stacksize(attr.0, bytes) })?;
        }
        Ok(attr)
    }

    /// The handle; `ABT_THREAD_ATTR_NULL` for the default size. Valid for as long as this value.
    pub fn attr(&self) -> ABT_thread_attr {
        self.0
    }
}

impl Drop for StackSize {
    fn drop(&mut self) {
        if self.0 != abi::ABT_THREAD_ATTR_NULL {
            // SAFETY: created by `new` and freed nowhere else.
            unsafe { abi::ABT_thread_attr_free(&raw mut self.0) };
        }
    }
}

/// Holds an ABT mutex until it goes out of scope.
pub struct Locked(ABT_mutex);

impl Locked {
    /// Locks `mutex`; the calling ULT may yield meanwhile.
    ///
    /// # Safety
    /// `mutex` is alive and stays so while it is held.
    pub unsafe fn new(mutex: ABT_mutex) -> Self {
        // SAFETY: see the function.
        unsafe { abi::ABT_mutex_lock(mutex) };
        Locked(mutex)
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // SAFETY: locked by `new`.
        unsafe { abi::ABT_mutex_unlock(self.0) };
    }
}
