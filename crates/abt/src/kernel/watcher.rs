//! How an OS thread is woken that does not sleep in its [`Parker`](super::parker::Parker): by a call.

use super::super::primitives::UnsafeCell;
use super::spin::SpinLock;
use core::ffi::c_void;

/// Ends the sleep of whoever gave it, and does not wait itself.
pub(crate) type Wake = unsafe extern "C" fn(arg: *mut c_void);

/// The call that wakes a thread while there is one. Once it is taken back it is not made any more, so that what
/// its argument points to may go.
pub(crate) struct Watcher {
    lock: SpinLock,
    call: UnsafeCell<Option<(Wake, *mut c_void)>>,
}

// SAFETY: the call is read and written under the lock; its giver lets any thread make it.
unsafe impl Send for Watcher {}
// SAFETY: as above.
unsafe impl Sync for Watcher {}

impl Watcher {
    pub(crate) fn new() -> Self {
        Watcher { lock: SpinLock::new(), call: UnsafeCell::new(None) }
    }

    /// From now on `call` is made by [`Watcher::wake`]; `None` takes it back.
    pub(crate) fn set(&self, call: Option<(Wake, *mut c_void)>) {
        self.lock.lock();
        // SAFETY: the lock is held.
        self.call.with_mut(|place| unsafe { *place = call });
        self.lock.unlock();
    }

    /// Makes the call, if there is one.
    pub(crate) fn wake(&self) {
        self.lock.lock();
        // SAFETY: the lock is held, so the call has not been taken back.
        self.call.with(|place| unsafe {
            if let Some((wake, arg)) = *place {
                wake(arg);
            }
        });
        self.lock.unlock();
    }
}
