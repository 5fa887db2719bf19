//! The lock of the list of modules, `loaded_mod_list_lock`.

use core::sync::atomic::{AtomicU64, Ordering};

use abi::{ABT_SUCCESS, DER_BUSY};
use gurt_client::{Der, Facility, Result, error};

use crate::inline;

/// Pause between two attempts to get the lock on an xstream, in milliseconds.
const RETRY_MSEC: u64 = 1;

/// Who holds the lock, while somebody does: the OS thread, and the ULT on it. Zeroes otherwise.
static HOLDER: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];

/// The lock of the list, held until this value is dropped.
///
/// It is a pthread mutex, as in C, and modules run under it. Two things go well here that hang in C: a module
/// that calls for the lock again gets -DER_BUSY, and a ULT that finds the lock taken lets the other ULTs of its
/// xstream run, one of which may be the holder.
pub struct ListLock(());

impl ListLock {
    /// Takes the lock for the function `symbol`.
    pub fn take(symbol: &str) -> Result<Self> {
        let me = caller();
        if [0, 1].map(|i| HOLDER[i].load(Ordering::Relaxed)) == me {
            error!(
                Facility::SERVER,
                "{symbol}: called by a module out of its sm_init, sm_setup or sm_cleanup"
            );
            return Err(Der::new(DER_BUSY.into()));
        }
        let mutex = &raw mut abi::loaded_mod_list_lock;
        // SAFETY: a mutex that is never destroyed.
        unsafe {
            while libc::pthread_mutex_trylock(mutex) != 0 {
                if inline::current_xstream().is_none() {
                    libc::pthread_mutex_lock(mutex);
                    break;
                }
                abi::dss_sleep(RETRY_MSEC);
            }
        }
        HOLDER.iter().zip(me).for_each(|(holder, me)| holder.store(me, Ordering::Relaxed));
        Ok(ListLock(()))
    }
}

impl Drop for ListLock {
    fn drop(&mut self) {
        HOLDER.iter().for_each(|holder| holder.store(0, Ordering::Relaxed));
        // SAFETY: locked by `take`; a ULT of the engine stays on its OS thread.
        unsafe { libc::pthread_mutex_unlock(&raw mut abi::loaded_mod_list_lock) };
    }
}

/// The calling OS thread and ULT; the latter is 0 outside of Argobots.
fn caller() -> [u64; 2] {
    let mut ult = 0;
    // SAFETY: both take nothing or write one number.
    unsafe {
        let thread = libc::gettid().cast_unsigned().into();
        let known = abi::ABT_self_get_thread_id(&raw mut ult) == ABT_SUCCESS;
        [thread, if known { ult } else { 0 }]
    }
}
