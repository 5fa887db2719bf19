//! How far the engine is: the state that `dss_init_state_set` of init.c moves, and the wait for it.

use super::signals::{Attention, Ended, Waker};
use gurt_client::{Facility, info};
use std::sync::{Mutex, MutexGuard, PoisonError};

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

/// Waits until the control plane has set the engine up or one of the signals of `attention` ends the wait.
pub fn wait_set_up(attention: &Attention) -> Ended {
    info!(Facility::SERVER, "waiting for the control plane to set up the engine");
    let waker = Waker::for_this_thread();
    lock().waiter = Some(waker);
    let ended = attention.until(is_set_up);
    lock().waiter = None;
    ended
}
