//! How far the engine is: the state that `dss_init_state_set` of init.c moves, and the wait for it.

use super::signals::{Attention, Ended, Waker};
use gurt_client::{Facility, info};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

struct State {
    reached: abi::dss_init_state,
    /// The thread that waits for a change.
    waiter: Option<Waker>,
}

static STATE: Mutex<State> = Mutex::new(State { reached: abi::DSS_INIT_STATE_INIT, waiter: None });

/// Held for a few instructions, in none of which a ULT may yield.
fn lock() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Back to `DSS_INIT_STATE_INIT`: an engine starts or has ended.
pub fn reset() {
    lock().reached = abi::DSS_INIT_STATE_INIT;
}

/// Whether the control plane has set the engine up.
pub fn is_set_up() -> bool {
    lock().reached == abi::DSS_INIT_STATE_SET_UP
}

/// Moves to `state`, from any thread or ULT.
pub fn set(state: abi::dss_init_state) {
    info!(Facility::SERVER, "setting server init state to {state}");
    let mut current = lock();
    current.reached = state;
    // Under the lock: the waiter signs off before it goes on, so the thread is still there.
    if let Some(waiter) = &current.waiter {
        waiter.wake();
    }
}

/// Waits for the end of a set-up that is under way: modules that are set up in part can neither be cleaned up, nor
/// left to themselves, as their ULTs would never end. The handler of SetUp has the modules set up under the lock of
/// their list, and moves the state just after.
pub fn await_set_up_under_way() {
    /// How long the lock must have been free.
    const SETTLED: Duration = Duration::from_millis(100);
    /// How often a long set-up is reported.
    const REPORT: Duration = Duration::from_secs(10);
    let start = Instant::now();
    let (mut busy_at, mut report_at) = (start, start + REPORT);
    while !is_set_up() && busy_at.elapsed() < SETTLED {
        if modules_are_changing() {
            busy_at = Instant::now();
        }
        if Instant::now() >= report_at {
            info!(Facility::SERVER, "stopping when the set-up of the modules has ended");
            report_at += REPORT;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Whether somebody holds the lock of the list of modules.
fn modules_are_changing() -> bool {
    let lock = &raw mut abi::loaded_mod_list_lock;
    // SAFETY: a mutex that is never destroyed; unlocked by the thread that has locked it.
    unsafe { libc::pthread_mutex_trylock(lock) != 0 || libc::pthread_mutex_unlock(lock) != 0 }
}

/// Waits until the control plane has set the engine up or one of the signals of `attention` ends the wait.
pub fn wait_set_up(attention: &Attention) -> Ended {
    info!(Facility::SERVER, "waiting for the control plane to set up the engine");
    let waker = Waker::for_this_thread();
    lock().waiter = Some(waker);
    let ended = attention.until(is_set_up);
    lock().waiter = None;
    ended
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// One test, because there is one state in a process.
    #[test]
    fn a_stop_waits_for_a_set_up_that_is_under_way_and_for_no_other() {
        await_set_up_under_way();
        assert!(!is_set_up());
        let (begun, begins) = mpsc::channel();
        let set_up = thread::spawn(move || {
            let lock = &raw mut abi::loaded_mod_list_lock;
            // SAFETY: a mutex that is never destroyed.
            unsafe { libc::pthread_mutex_lock(lock) };
            begun.send(()).unwrap();
            thread::sleep(Duration::from_millis(300));
            // SAFETY: locked above.
            unsafe { libc::pthread_mutex_unlock(lock) };
            thread::sleep(Duration::from_millis(10));
            set(abi::DSS_INIT_STATE_SET_UP);
        });
        begins.recv().unwrap();
        await_set_up_under_way();
        assert!(is_set_up());
        set_up.join().unwrap();
        reset();
    }
}
