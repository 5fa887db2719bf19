//! References to the runtime's objects, as C holds them.

use core::ops::Deref;
use core::ptr::NonNull;

/// A copyable reference to an object that C owns by handle: its address.
///
/// Everything in an object that may change is a `Cell` or an atomic, so shared references suffice. The
/// object lives until [`Handle::free`], called by the `ABT_*_free` function (or the runtime's own equivalent);
/// that no handle is used after that is the same promise that a C caller gives for every handle.
pub(crate) struct Handle<T>(NonNull<T>);

impl<T> Clone for Handle<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Handle<T> {}

impl<T> PartialEq for Handle<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<T> Eq for Handle<T> {}

// SAFETY: a handle is an address; what may be done with the object from which OS thread is up to the object.
unsafe impl<T> Send for Handle<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Handle<T> {}

impl<T> Deref for Handle<T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the object lives until its handle is freed (see the type).
        unsafe { self.0.as_ref() }
    }
}

impl<T> Handle<T> {
    /// Moves `value` to the heap.
    pub(crate) fn new(value: T) -> Self {
        Handle(NonNull::from(Box::leak(Box::new(value))))
    }

    /// Drops an object made by [`Handle::new`].
    ///
    /// # Safety
    /// It came from `new`, and no copy of this handle is used any more.
    pub(crate) unsafe fn free(self) {
        // SAFETY: promised by the caller.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }

    /// The object that C names `raw`; `None` for the null pointer and for Argobots' null handles, which are
    /// the addresses 1 to 0x15.
    #[inline(always)]
    pub(crate) fn from_c<O>(raw: *mut O) -> Option<Self> {
        if raw.addr() < 4096 { None } else { NonNull::new(raw.cast()).map(Handle) }
    }

    /// The address, as C's handle type.
    #[inline(always)]
    pub(crate) fn to_c<O>(self) -> *mut O {
        self.0.as_ptr().cast()
    }

    /// The address.
    #[inline(always)]
    pub(crate) fn as_ptr(self) -> *mut T {
        self.0.as_ptr()
    }

    /// The object at `ptr`, which is not null.
    #[inline(always)]
    pub(crate) fn from_ref(object: &T) -> Self {
        Handle(NonNull::from(object))
    }

    /// The object at `ptr`, or `None`.
    #[inline(always)]
    pub(crate) fn from_ptr(ptr: *mut T) -> Option<Self> {
        NonNull::new(ptr).map(Handle)
    }
}
