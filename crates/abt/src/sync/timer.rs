//! Waking ULTs at a time: one OS thread for all of them, started by the first timed wait.

use crate::sync::cond::Cond;
use crate::sync::waiter::Waiter;
use crate::xstream;
use core::cell::Cell;
use core::ptr;
use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::SystemTime;

/// A ULT that waits for a condition until a deadline. Lives on its stack.
struct Entry {
    cond: *const Cond,
    waiter: *const Waiter,
    expired: Cell<bool>,
}

struct Timer {
    /// By deadline; the number tells equal deadlines apart.
    entries: BTreeMap<(SystemTime, u64), *const Entry>,
    next: u64,
    thread: Option<JoinHandle<()>>,
    stop: bool,
}

// SAFETY: an entry stays on its ULT's stack until it is removed from here, under the lock.
unsafe impl Send for Timer {}

static TIMER: Mutex<Timer> =
    Mutex::new(Timer { entries: BTreeMap::new(), next: 0, thread: None, stop: false });
static CHANGED: Condvar = Condvar::new();

fn timer() -> MutexGuard<'static, Timer> {
    TIMER.lock().unwrap_or_else(|e| e.into_inner())
}

/// Stops the calling ULT, whose waiter is in the list of `cond`, until it is woken or `deadline` has passed.
/// Returns whether it was woken. `publish` releases what others need to wake it.
pub(crate) fn wait_ult(cond: &Cond, waiter: &Waiter, deadline: SystemTime, publish: impl FnOnce()) -> bool {
    let entry = Entry { cond, waiter, expired: Cell::new(false) };
    let key = Cell::new((deadline, 0));
    let passage = waiter.begin(|| {
        publish();
        key.set(add(deadline, &entry));
    });
    passage.take();
    if !entry.expired.get() {
        // Also waits for the timer to be done with the entry if it is looking at it.
        timer().entries.remove(&key.get());
    }
    !entry.expired.get()
}

fn add(deadline: SystemTime, entry: &Entry) -> (SystemTime, u64) {
    let mut timer = timer();
    let key = (deadline, timer.next);
    // SAFETY: the waiter is on the stack of the caller.
    if !unsafe { &*entry.waiter }.is_still_waiting() {
        // Woken already: who woke it may have freed the condition.
        return key;
    }
    timer.next += 1;
    timer.entries.insert(key, ptr::from_ref(entry));
    if timer.thread.is_none() {
        timer.thread = std::thread::Builder::new().name("abt_timer".into()).spawn(run).ok();
    }
    CHANGED.notify_one();
    key
}

/// `cond`, on which nobody waits, is about to be freed: drops what ULTs that were woken have not removed yet.
pub(crate) fn forget(cond: &Cond) {
    // SAFETY: an entry stays until it is removed from here.
    timer().entries.retain(|_, entry| !ptr::eq(unsafe { (**entry).cond }, cond));
}

/// The life of the timer's OS thread.
fn run() {
    let mut timer = timer();
    while !timer.stop {
        let now = SystemTime::now();
        timer = match timer.entries.first_key_value().map(|(key, _)| *key) {
            None => CHANGED.wait(timer).unwrap_or_else(|e| e.into_inner()),
            Some(key) if key.0 > now => {
                let left = key.0.duration_since(now).unwrap_or_default();
                CHANGED.wait_timeout(timer, left).unwrap_or_else(|e| e.into_inner()).0
            }
            Some(key) => {
                if let Some(entry) = timer.entries.remove(&key) {
                    expire(entry);
                }
                timer
            }
        };
    }
}

/// The deadline of an entry has passed: wakes its ULT unless somebody else does. Under the timer's lock, so
/// that the ULT cannot leave [`wait_ult`] meanwhile if it was woken by somebody else.
fn expire(entry: *const Entry) {
    // SAFETY: the entry was registered, so its ULT is still in `wait_ult`.
    unsafe {
        let (cond, waiter) = (&*(*entry).cond, &*(*entry).waiter);
        if cond.waiters().lock().remove(waiter) {
            (*entry).expired.set(true);
            Waiter::wake(ptr::from_ref(waiter).cast_mut());
        }
    }
}

/// Ends the OS thread, when the runtime ends.
pub(crate) fn stop() {
    debug_assert!(xstream::current().is_none());
    let thread = {
        let mut timer = timer();
        timer.stop = true;
        CHANGED.notify_one();
        timer.thread.take()
    };
    if let Some(thread) = thread {
        // A panic of the thread has been reported already.
        let _ = thread.join();
    }
    timer().stop = false;
}
