//! Memory from `d_calloc`: what C code frees by `D_FREE`, or what fault injection is to reach.

use core::ptr::NonNull;

use abi::DER_NOMEM;
use gurt_client::{Der, Result};

/// An array of zeroed elements, freed when it goes out of scope.
pub struct Zeroed<T: Copy>(NonNull<T>);

impl<T: Copy> Zeroed<T> {
    /// Allocates `count` elements, all bytes 0; fails with -DER_NOMEM.
    ///
    /// # Safety
    /// All bytes 0 are a valid `T`.
    pub unsafe fn new(count: usize) -> Result<Self> {
        // SAFETY: takes any size and returns null or that much memory, aligned for any type of C.
        let memory = unsafe { abi::d_calloc(count, size_of::<T>()) };
        NonNull::new(memory.cast()).map(Zeroed).ok_or(Der::new(DER_NOMEM.into()))
    }

    /// The first element.
    pub fn as_ptr(&self) -> *mut T {
        self.0.as_ptr()
    }

    /// Gives the memory away: whoever takes it frees it by `d_free`.
    pub fn into_raw(self) -> *mut T {
        let memory = self.as_ptr();
        core::mem::forget(self);
        memory
    }

    /// Takes memory over that [`into_raw`](Self::into_raw) gave away.
    ///
    /// # Safety
    /// `memory` came from there, and nobody else owns it.
    pub unsafe fn from_raw(memory: *mut T) -> Self {
        // SAFETY: into_raw never returns null.
        Zeroed(unsafe { NonNull::new_unchecked(memory) })
    }
}

impl<T: Copy> Drop for Zeroed<T> {
    fn drop(&mut self) {
        // SAFETY: from d_calloc and owned by this value.
        unsafe { abi::d_free(self.as_ptr().cast()) };
    }
}
