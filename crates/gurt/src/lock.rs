//! The locks inside C's hash tables and heaps: pthread locks of the kind that the owner chose.

use crate::debug::d_assert;
use core::ffi::{c_int, c_void};
use core::ptr;
use gurt_client::{Der, Facility, Result, error};

/// Feature bit of hash tables for tests of read-write locks, which Miri does not know.
#[cfg(test)]
pub const RWLOCK: u32 = if cfg!(miri) { abi::D_HASH_FT_MUTEX } else { abi::D_HASH_FT_RWLOCK };

/// What protects a structure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Nothing: the owner does.
    None,
    /// `pthread_spinlock_t`.
    Spin,
    /// `pthread_mutex_t`.
    Mutex,
    /// `pthread_rwlock_t`.
    ReadWrite,
}

/// A lock of some kind at a place in a C structure.
#[derive(Clone, Copy)]
pub struct Lock {
    kind: Kind,
    place: *mut c_void,
}

impl Lock {
    /// Names a lock.
    ///
    /// # Safety
    /// `place` is the memory of such a lock, for as long as this value or a guard of it is used; unless
    /// [`Lock::init`] comes first, the lock is initialised.
    pub unsafe fn at(kind: Kind, place: *mut c_void) -> Self {
        Lock { kind, place }
    }

    /// Initialises the lock.
    pub fn init(self) -> Result {
        let Lock { kind, place } = self;
        // SAFETY: memory of such a lock.
        let rc = unsafe {
            match kind {
                Kind::None => 0,
                Kind::Spin => libc::pthread_spin_init(place.cast(), libc::PTHREAD_PROCESS_PRIVATE),
                Kind::Mutex => libc::pthread_mutex_init(place.cast(), ptr::null()),
                Kind::ReadWrite => libc::pthread_rwlock_init(place.cast(), ptr::null()),
            }
        };
        if rc != 0 {
            error!(Facility::MEM, "cannot initialise a {kind:?} lock: error {rc}");
            return Err(Der::from_errno(rc));
        }
        Ok(())
    }

    /// Gives up what the lock holds; nobody uses it any more.
    pub fn destroy(self) {
        let Lock { kind, place } = self;
        // SAFETY: an initialised lock of this kind.
        held(unsafe {
            match kind {
                Kind::None => 0,
                Kind::Spin => libc::pthread_spin_destroy(place.cast()),
                Kind::Mutex => libc::pthread_mutex_destroy(place.cast()),
                Kind::ReadWrite => libc::pthread_rwlock_destroy(place.cast()),
            }
        })
    }

    /// Locks for reading only, where the kind makes a difference.
    #[must_use]
    pub fn read(self) -> Guard {
        match self.kind {
            Kind::ReadWrite => {
                // SAFETY: an initialised lock of this kind.
                held(unsafe { libc::pthread_rwlock_rdlock(self.place.cast()) });
                Guard(self)
            }
            _ => self.write(),
        }
    }

    /// Locks.
    #[must_use]
    pub fn write(self) -> Guard {
        let Lock { kind, place } = self;
        // SAFETY: an initialised lock of this kind.
        held(unsafe {
            match kind {
                Kind::None => 0,
                Kind::Spin => libc::pthread_spin_lock(place.cast()),
                Kind::Mutex => libc::pthread_mutex_lock(place.cast()),
                Kind::ReadWrite => libc::pthread_rwlock_wrlock(place.cast()),
            }
        });
        Guard(self)
    }
}

/// Unlocks when dropped.
pub struct Guard(Lock);

impl Drop for Guard {
    fn drop(&mut self) {
        let Lock { kind, place } = self.0;
        // SAFETY: the lock is held by this thread: it made the guard.
        held(unsafe {
            match kind {
                Kind::None => 0,
                Kind::Spin => libc::pthread_spin_unlock(place.cast()),
                Kind::Mutex => libc::pthread_mutex_unlock(place.cast()),
                Kind::ReadWrite => libc::pthread_rwlock_unlock(place.cast()),
            }
        })
    }
}

/// Pthread reports a misused lock, for instance one that this thread holds already: nothing is safe then.
fn held(rc: c_int) {
    d_assert!(rc == 0);
}
