//! The kernels under the model checker: every interleaving, with every value that the memory orderings allow.
//!
//! The kernels' own files are compiled here a second time, with loom's primitives in the place of the
//! standard ones.
// As C code does, the tests call the interface with what it asks for.
#![allow(clippy::undocumented_unsafe_blocks)]
#![allow(dead_code)]

mod primitives {
    pub(crate) use loom::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

    use std::time::Duration;

    pub(crate) use loom::cell::UnsafeCell;

    loom::lazy_static! {
        static ref SLEEPERS: (loom::sync::Mutex<()>, loom::sync::Condvar) = Default::default();
    }

    /// As the system call: whoever changes the word and wakes afterwards is not missed.
    pub(crate) fn futex_wait(word: &AtomicU32, expected: u32, _timeout: Option<Duration>) {
        let guard = SLEEPERS.0.lock().unwrap();
        if word.load(Ordering::Relaxed) == expected {
            drop(SLEEPERS.1.wait(guard).unwrap());
        }
    }

    pub(crate) fn futex_wake(_word: *const AtomicU32) {
        let _guard = SLEEPERS.0.lock().unwrap();
        SLEEPERS.1.notify_all();
    }

    pub(crate) fn spin(_turn: &mut u32) {
        loom::thread::yield_now();
    }
}

#[path = "../src/kernel/mod.rs"]
mod kernel;

use kernel::ending::Ending;
use kernel::inbox::{Inbox, Linked};
use kernel::mutex_word::{MutexWord, Queue};
use kernel::parker::Parker;
use kernel::spin::SpinLock;
use kernel::watcher::Watcher;
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;
use std::collections::VecDeque;

/// Explores all interleavings with up to two preemptions: more take minutes, and have shown nothing that two
/// do not.
fn check(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.check(model);
}

fn unpark(parker: &Parker) {
    unsafe { Parker::unpark(parker) };
}

#[test]
fn a_spin_lock_excludes() {
    check(|| {
        let shared = Arc::new((SpinLock::new(), UnsafeCell::new(0)));
        let add = |shared: &(SpinLock, UnsafeCell<i32>)| {
            shared.0.lock();
            shared.1.with_mut(|value| unsafe { *value += 1 });
            shared.0.unlock();
        };
        let other = shared.clone();
        let thread = thread::spawn(move || add(&other));
        add(&shared);
        thread.join().unwrap();
        shared.1.with(|value| assert_eq!(unsafe { *value }, 2));
    });
}

#[test]
fn a_parker_passes_on_what_was_done_before() {
    check(|| {
        let shared = Arc::new((Parker::new(), UnsafeCell::new(0)));
        let other = shared.clone();
        let thread = thread::spawn(move || {
            other.1.with_mut(|value| unsafe { *value = 1 });
            unpark(&other.0);
        });
        while !shared.0.park(None) {}
        shared.1.with(|value| assert_eq!(unsafe { *value }, 1));
        thread.join().unwrap();
    });
}

#[test]
fn two_permits_are_one() {
    check(|| {
        let parker = Arc::new(Parker::new());
        let threads = [0, 1].map(|_| {
            let parker = parker.clone();
            thread::spawn(move || unpark(&parker))
        });
        while !parker.park(None) {}
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

unsafe extern "C" fn count(arg: *mut core::ffi::c_void) {
    let calls = unsafe { &*arg.cast::<UnsafeCell<u32>>() };
    calls.with_mut(|calls| unsafe { *calls += 1 });
}

#[test]
fn a_call_that_was_taken_back_is_not_made() {
    check(|| {
        let watcher = Arc::new(Watcher::new());
        let other = watcher.clone();
        let pusher = thread::spawn(move || other.wake());
        let calls = Box::into_raw(Box::new(UnsafeCell::new(0)));
        watcher.set(Some((count, calls.cast())));
        watcher.set(None);
        // Whoever still called would find it gone, or race with this.
        let calls = unsafe { Box::from_raw(calls) };
        calls.with(|calls| assert!(unsafe { *calls } <= 1));
        drop(calls);
        pusher.join().unwrap();
    });
}

/// An element with something to pass on.
struct Item {
    next: *mut Item,
    value: UnsafeCell<usize>,
}

unsafe impl Linked for Item {
    unsafe fn link(this: *mut Item) -> *mut *mut Item {
        unsafe { &raw mut (*this).next }
    }
}

impl Item {
    fn new(value: usize) -> *mut Item {
        Box::into_raw(Box::new(Item { next: std::ptr::null_mut(), value: UnsafeCell::new(value) }))
    }

    fn consume(item: *mut Item) -> (usize, *mut Item) {
        let item = unsafe { Box::from_raw(item) };
        (item.value.with(|value| unsafe { *value }), item.next)
    }
}

/// What is in the inbox now, in order.
fn take(inbox: &Inbox<Item>) -> Vec<usize> {
    let Some((mut item, last, count)) = inbox.take_all() else { return Vec::new() };
    let mut values = Vec::new();
    while !item.is_null() {
        let at_end = item == last;
        let (value, next) = Item::consume(item);
        assert_eq!(at_end, next.is_null());
        values.push(value);
        item = next;
    }
    assert_eq!(values.len(), count);
    values
}

#[test]
fn an_inbox_loses_nothing_and_keeps_each_pushers_order() {
    check(|| {
        let inbox = Arc::new(Inbox::new());
        let pushers = [10, 20].map(|first| {
            let inbox = inbox.clone();
            thread::spawn(move || {
                for value in first..first + 2 {
                    unsafe { inbox.push(Item::new(value)) };
                }
            })
        });
        let mut seen = take(&inbox);
        pushers.into_iter().for_each(|pusher| pusher.join().unwrap());
        seen.extend(take(&inbox));
        assert!(inbox.is_empty());
        let of = |first| seen.iter().copied().filter(|value| value / 10 * 10 == first).collect::<Vec<_>>();
        assert_eq!((of(10), of(20), seen.len()), (vec![10, 11], vec![20, 21], 4));
    });
}

#[test]
fn two_consumers_of_an_inbox_share_it() {
    check(|| {
        let inbox = Arc::new(Inbox::new());
        let other = inbox.clone();
        let pusher = thread::spawn(move || {
            for value in 0..2 {
                unsafe { other.push(Item::new(value)) };
            }
        });
        let other = inbox.clone();
        let consumer = thread::spawn(move || take(&other));
        let mut seen = take(&inbox);
        seen.extend(consumer.join().unwrap());
        pusher.join().unwrap();
        seen.extend(take(&inbox));
        seen.sort();
        assert_eq!(seen, [0, 1]);
    });
}

/// Waiters of a mutex: OS threads, in a list with a lock.
struct Waiters(loom::sync::Mutex<VecDeque<Arc<Parker>>>);

impl Queue for Waiters {
    type Waiter = Arc<Parker>;
    type Wait = Arc<Parker>;

    fn begin_if(&self, announce: impl FnOnce() -> bool) -> Option<Arc<Parker>> {
        let mut list = self.0.lock().unwrap();
        announce().then(|| {
            let parker = Arc::new(Parker::new());
            list.push_back(parker.clone());
            parker
        })
    }

    fn take_first(&self, empty: impl FnOnce()) -> Option<Arc<Parker>> {
        let mut list = self.0.lock().unwrap();
        let first = list.pop_front();
        if list.is_empty() {
            empty();
        }
        first
    }

    fn wake(waiter: Arc<Parker>) {
        unpark(&waiter);
    }
}

/// `threads` OS threads lock, add and unlock; loom reports a deadlock if one sleeps for ever.
fn mutex_model(threads: usize) {
    check(move || {
        let shared = Arc::new((
            MutexWord::new(),
            Waiters(loom::sync::Mutex::new(VecDeque::new())),
            UnsafeCell::new(0),
        ));
        let add = |shared: &(MutexWord, Waiters, UnsafeCell<usize>)| {
            while let Some(parker) = shared.0.lock_or_wait(&shared.1) {
                while !parker.park(None) {}
            }
            shared.2.with_mut(|value| unsafe { *value += 1 });
            shared.0.unlock(&shared.1);
        };
        let others: Vec<_> = (1..threads)
            .map(|_| {
                let shared = shared.clone();
                thread::spawn(move || add(&shared))
            })
            .collect();
        add(&shared);
        others.into_iter().for_each(|other| other.join().unwrap());
        shared.2.with(|value| assert_eq!(unsafe { *value }, threads));
    });
}

#[test]
fn a_mutex_excludes_and_wakes_who_waits() {
    mutex_model(2);
}

#[test]
fn a_mutex_wakes_one_after_the_other() {
    mutex_model(3);
}

/// One who waits for an ending.
struct Joiner {
    next: *mut Joiner,
    parker: Parker,
}

unsafe impl Linked for Joiner {
    unsafe fn link(this: *mut Joiner) -> *mut *mut Joiner {
        unsafe { &raw mut (*this).next }
    }
}

#[test]
fn an_ending_wakes_all_who_wait_and_nobody_waits_after_it() {
    check(|| {
        let shared = Arc::new((Ending::<Joiner>::new(), UnsafeCell::new(0)));
        let joiners = [0, 1].map(|_| {
            let shared = shared.clone();
            thread::spawn(move || {
                let mut joiner = Joiner { next: std::ptr::null_mut(), parker: Parker::new() };
                if unsafe { shared.0.register(&raw mut joiner) } {
                    while !joiner.parker.park(None) {}
                }
                assert!(shared.0.has_come());
                shared.1.with(|value| assert_eq!(unsafe { *value }, 7));
            })
        });
        shared.1.with_mut(|value| unsafe { *value = 7 });
        let mut joiner = shared.0.declare();
        while !joiner.is_null() {
            let next = unsafe { (*joiner).next };
            unsafe { Parker::unpark(&raw const (*joiner).parker) };
            joiner = next;
        }
        joiners.into_iter().for_each(|joiner| joiner.join().unwrap());
    });
}
