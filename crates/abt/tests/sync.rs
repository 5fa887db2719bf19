//! Synchronization objects between ULTs of several execution streams and plain OS threads.
// As C code does, the tests call the interface with what it asks for.
#![allow(clippy::undocumented_unsafe_blocks)]

mod common;

use abi::*;
use common::*;
use core::ffi::{c_int, c_void};
use core::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Runs `job` as two ULTs on each of two execution streams, on two OS threads, and as the primary ULT.
fn everywhere(job: impl Fn() + Send + Sync + 'static) {
    let job = Arc::new(job);
    let call = || {
        let job = job.clone();
        move || job()
    };
    let xstreams = [basic_xstream(1), basic_xstream(2)];
    let ults: Vec<_> = (0..4).map(|i| spawn(xstreams[i % 2].1, call())).collect();
    let threads: Vec<_> = (0..2).map(|_| std::thread::spawn(call())).collect();
    job();
    ults.into_iter().for_each(finish);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    xstreams.into_iter().for_each(|(xstream, _)| finish_xstream(xstream));
}

const PARTIES: usize = 7;

struct Guarded(std::cell::UnsafeCell<usize>);
unsafe impl Send for Guarded {}
unsafe impl Sync for Guarded {}

impl Guarded {
    /// Adds one in a way that loses updates unless it is exclusive.
    fn add_one(&self, yield_within: bool) {
        unsafe {
            let value = std::hint::black_box(*self.0.get());
            if yield_within {
                ABT_thread_yield();
            }
            *self.0.get() = value + 1;
        }
    }
}

fn new_mutex(recursive: bool) -> ABT_mutex {
    let (mut mutex, mut attr) = (ABT_MUTEX_NULL, ABT_MUTEX_ATTR_NULL);
    unsafe {
        if !recursive {
            assert_eq!(ABT_mutex_create(&mut mutex), OK);
            return mutex;
        }
        assert_eq!(ABT_mutex_attr_create(&mut attr), OK);
        assert_eq!(ABT_mutex_attr_set_recursive(attr, ABT_TRUE), OK);
        assert_eq!(ABT_mutex_create_with_attr(attr, &mut mutex), OK);
        assert_eq!(ABT_mutex_attr_free(&mut attr), OK);
    }
    mutex
}

#[test]
fn a_mutex_excludes() {
    with_abt(|| unsafe {
        let mutex = Send_(new_mutex(false));
        let value = Arc::new(Guarded(0.into()));
        let shared = value.clone();
        everywhere(move || {
            for i in 0..2000 {
                assert_eq!(ABT_mutex_lock(mutex.get()), OK);
                shared.add_one(i % 16 == 0);
                assert_eq!(ABT_mutex_unlock(mutex.get()), OK);
            }
        });
        assert_eq!(*value.0.get(), 2000 * PARTIES);
        assert_eq!(ABT_mutex_trylock(mutex.get()), OK);
        assert_eq!(ABT_mutex_trylock(mutex.get()), ABT_ERR_MUTEX_LOCKED);
        assert_eq!(ABT_mutex_unlock(mutex.get()), OK);
        assert_eq!(ABT_mutex_free(&mut mutex.get()), OK);
    });
}

#[test]
fn a_recursive_mutex_lets_its_holder_in_again() {
    with_abt(|| unsafe {
        let mutex = Send_(new_mutex(true));
        let value = Arc::new(Guarded(0.into()));
        let shared = value.clone();
        everywhere(move || {
            for i in 0..1000 {
                assert_eq!(ABT_mutex_lock(mutex.get()), OK);
                assert_eq!(ABT_mutex_lock(mutex.get()), OK);
                assert_eq!(ABT_mutex_trylock(mutex.get()), OK);
                assert_eq!(ABT_mutex_unlock(mutex.get()), OK);
                assert_eq!(ABT_mutex_unlock(mutex.get()), OK);
                shared.add_one(i % 16 == 0);
                assert_eq!(ABT_mutex_unlock(mutex.get()), OK);
            }
        });
        assert_eq!(*value.0.get(), 1000 * PARTIES);
        assert_eq!(ABT_mutex_lock(mutex.get()), OK);
        std::thread::spawn(move || assert_eq!(ABT_mutex_trylock(mutex.get()), ABT_ERR_MUTEX_LOCKED))
            .join()
            .unwrap();
        assert_eq!(ABT_mutex_unlock(mutex.get()), OK);
        assert_eq!(ABT_mutex_free(&mut mutex.get()), OK);
    });
}

#[test]
fn a_condition_variable_passes_a_token_around() {
    with_abt(|| unsafe {
        let mutex = Send_(new_mutex(false));
        let mut cond = ABT_COND_NULL;
        assert_eq!(ABT_cond_create(&mut cond), OK);
        let cond = Send_(cond);
        let (next, place) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let turns = next.clone();
        everywhere(move || {
            let me = place.fetch_add(1, Ordering::Relaxed);
            for turn in 0..200 {
                assert_eq!(ABT_mutex_lock(mutex.get()), OK);
                while next.load(Ordering::Relaxed) != turn * PARTIES + me {
                    assert_eq!(ABT_cond_wait(cond.get(), mutex.get()), OK);
                }
                next.fetch_add(1, Ordering::Relaxed);
                assert_eq!(ABT_cond_broadcast(cond.get()), OK);
                assert_eq!(ABT_mutex_unlock(mutex.get()), OK);
            }
        });
        assert_eq!(turns.load(Ordering::Relaxed), 200 * PARTIES);
        assert_eq!(ABT_cond_free(&mut cond.get()), OK);
        assert_eq!(ABT_mutex_free(&mut mutex.get()), OK);
    });
}

fn after(time: Duration) -> timespec {
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + time;
    timespec { tv_sec: at.as_secs() as _, tv_nsec: at.subsec_nanos() as _ }
}

#[test]
fn a_timed_wait_ends_by_signal_or_time() {
    with_abt(|| unsafe {
        let mutex = Send_(new_mutex(false));
        let mut cond = ABT_COND_NULL;
        assert_eq!(ABT_cond_create(&mut cond), OK);
        let cond = Send_(cond);
        everywhere(move || {
            assert_eq!(ABT_mutex_lock(mutex.get()), OK);
            for time in [Duration::ZERO, Duration::from_millis(3)] {
                let deadline = after(time);
                let rc = ABT_cond_timedwait(cond.get(), mutex.get(), &deadline);
                assert_eq!(rc, ABT_ERR_COND_TIMEDOUT);
                assert!(after(Duration::ZERO).tv_sec >= deadline.tv_sec);
            }
            assert_eq!(ABT_mutex_unlock(mutex.get()), OK);
        });
        // Now with signals; no wait of an hour ends by time.
        let (waiting, signals) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (entered, given) = (waiting.clone(), signals.clone());
        let signaller = std::thread::spawn(move || {
            while signals.load(Ordering::Relaxed) < PARTIES {
                ABT_mutex_lock(mutex.get());
                if waiting.load(Ordering::Relaxed) > signals.load(Ordering::Relaxed) {
                    signals.fetch_add(1, Ordering::Relaxed);
                    assert_eq!(ABT_cond_signal(cond.get()), OK);
                }
                ABT_mutex_unlock(mutex.get());
                std::thread::yield_now();
            }
        });
        everywhere(move || {
            assert_eq!(ABT_mutex_lock(mutex.get()), OK);
            entered.fetch_add(1, Ordering::Relaxed);
            assert_eq!(ABT_cond_timedwait(cond.get(), mutex.get(), &after(Duration::from_secs(3600))), OK);
            assert_eq!(ABT_mutex_unlock(mutex.get()), OK);
        });
        signaller.join().unwrap();
        assert_eq!(given.load(Ordering::Relaxed), PARTIES);
        assert_eq!(ABT_cond_free(&mut cond.get()), OK);
        assert_eq!(ABT_mutex_free(&mut mutex.get()), OK);
    });
}

#[test]
fn a_readers_writer_lock_excludes_writers_only() {
    with_abt(|| unsafe {
        let mut lock = ABT_RWLOCK_NULL;
        assert_eq!(ABT_rwlock_create(&mut lock), OK);
        let lock = Send_(lock);
        let value = Arc::new(Guarded(0.into()));
        let (readers, shared) = (Arc::new(AtomicUsize::new(0)), value.clone());
        everywhere(move || {
            for i in 0..500 {
                if i % 5 == 0 {
                    assert_eq!(ABT_rwlock_wrlock(lock.get()), OK);
                    assert_eq!(readers.load(Ordering::Relaxed), 0);
                    shared.add_one(i % 20 == 0);
                } else {
                    assert_eq!(ABT_rwlock_rdlock(lock.get()), OK);
                    readers.fetch_add(1, Ordering::Relaxed);
                    let before = *shared.0.get();
                    ABT_thread_yield();
                    assert_eq!(*shared.0.get(), before);
                    readers.fetch_sub(1, Ordering::Relaxed);
                }
                assert_eq!(ABT_rwlock_unlock(lock.get()), OK);
            }
        });
        assert_eq!(*value.0.get(), 100 * PARTIES);
        // Readers do not exclude each other, nor does the wish of a writer exclude a reader.
        assert_eq!(ABT_rwlock_rdlock(lock.get()), OK);
        let wrote = Arc::new(AtomicBool::new(false));
        let done = wrote.clone();
        let writer = std::thread::spawn(move || {
            assert_eq!(ABT_rwlock_wrlock(lock.get()), OK);
            done.store(true, Ordering::Relaxed);
            assert_eq!(ABT_rwlock_unlock(lock.get()), OK);
        });
        for _ in 0..100 {
            std::thread::yield_now();
            assert_eq!(ABT_rwlock_rdlock(lock.get()), OK);
            assert_eq!(ABT_rwlock_unlock(lock.get()), OK);
        }
        assert!(!wrote.load(Ordering::Relaxed));
        assert_eq!(ABT_rwlock_unlock(lock.get()), OK);
        writer.join().unwrap();
        assert_eq!(ABT_rwlock_unlock(lock.get()), ABT_ERR_RWLOCK);
        assert_eq!(ABT_rwlock_free(&mut lock.get()), OK);
    });
}

#[test]
fn an_eventual_shows_its_value_to_all_who_wait() {
    with_abt(|| unsafe {
        for round in 0..200u64 {
            let mut eventual = ABT_EVENTUAL_NULL;
            assert_eq!(ABT_eventual_create(8, &mut eventual), OK);
            let eventual = Send_(eventual);
            let setter = std::thread::spawn(move || {
                let mut value = round * 3;
                assert_eq!(ABT_eventual_set(eventual.get(), (&raw mut value).cast(), 8), OK);
            });
            if round % 20 == 0 {
                everywhere(move || expect_value(eventual.get(), round * 3));
            }
            expect_value(eventual.get(), round * 3);
            // At once, while the setter may still be at work.
            assert_eq!(ABT_eventual_free(&mut eventual.get()), OK);
            setter.join().unwrap();
        }
    });
}

unsafe fn expect_value(eventual: ABT_eventual, expected: u64) {
    let mut value = null_mut::<c_void>();
    unsafe {
        assert_eq!(ABT_eventual_wait(eventual, &mut value), OK);
        assert_eq!(*value.cast::<u64>(), expected);
    }
}

#[test]
fn eventuals_go_back_and_forth() {
    with_abt(|| unsafe {
        let (mut ping, mut pong) = (ABT_EVENTUAL_NULL, ABT_EVENTUAL_NULL);
        assert_eq!(ABT_eventual_create(0, &mut ping), OK);
        assert_eq!(ABT_eventual_create(0, &mut pong), OK);
        let (ping, pong) = (Send_(ping), Send_(pong));
        let (xstream, pool) = basic_xstream(1);
        let ult = spawn(pool, move || {
            for _ in 0..5000 {
                assert_eq!(ABT_eventual_wait(ping.get(), null_mut()), OK);
                assert_eq!(ABT_eventual_reset(ping.get()), OK);
                assert_eq!(ABT_eventual_set(pong.get(), null_mut(), 0), OK);
            }
        });
        for _ in 0..5000 {
            assert_eq!(ABT_eventual_set(ping.get(), null_mut(), 0), OK);
            assert_eq!(ABT_eventual_wait(pong.get(), null_mut()), OK);
            assert_eq!(ABT_eventual_reset(pong.get()), OK);
        }
        finish(ult);
        finish_xstream(xstream);
        assert_eq!(ABT_eventual_free(&mut ping.get()), OK);
        assert_eq!(ABT_eventual_free(&mut pong.get()), OK);
    });
}

/// How often the callback of a future ran, and with which sum of values.
static CALLS: AtomicUsize = AtomicUsize::new(0);
static SUM: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C" fn sum_up(values: *mut *mut c_void) {
    let values = unsafe { std::slice::from_raw_parts(values, PARTIES) };
    SUM.fetch_add(values.iter().map(|value| *value as usize).sum(), Ordering::Relaxed);
    CALLS.fetch_add(1, Ordering::Relaxed);
}

#[test]
fn a_future_calls_back_before_anybody_goes_on() {
    with_abt(|| unsafe {
        for round in 1..50 {
            let mut future = ABT_FUTURE_NULL;
            assert_eq!(ABT_future_create(PARTIES as u32, Some(sum_up), &mut future), OK);
            let future = Send_(future);
            let mut ready: c_int = 99;
            assert_eq!(ABT_future_test(future.get(), &mut ready), OK);
            assert_eq!(ready, ABT_FALSE);
            let calls = round - 1;
            assert_eq!(CALLS.load(Ordering::Relaxed), calls);
            everywhere(move || {
                assert_eq!(ABT_future_set(future.get(), 3usize as *mut c_void), OK);
                assert_eq!(ABT_future_wait(future.get()), OK);
                assert_eq!(CALLS.load(Ordering::Relaxed), round);
            });
            assert_eq!(ABT_future_test(future.get(), &mut ready), OK);
            assert_eq!(ready, ABT_TRUE);
            assert_eq!(SUM.load(Ordering::Relaxed), round * 3 * PARTIES);
            assert_eq!(ABT_future_set(future.get(), null_mut()), ABT_ERR_FUTURE);
            assert_eq!(ABT_future_free(&mut future.get()), OK);
        }
    });
}

/// A ULT waits with a deadline, is signalled, and the condition is freed, as nobody waits on it; then the
/// deadline passes before the ULT has run.
#[test]
fn a_condition_may_be_freed_before_the_one_who_was_signalled_runs() {
    with_abt(|| unsafe {
        let (mut mutex, mut cond) = (ABT_MUTEX_NULL, ABT_COND_NULL);
        assert_eq!(ABT_mutex_create(&mut mutex), OK);
        assert_eq!(ABT_cond_create(&mut cond), OK);
        let (m, c) = (mutex as usize, cond as usize);
        let (xstream, pool) = basic_xstream(1);
        let waits = spawn(pool, move || {
            let at = (SystemTime::now() + Duration::from_millis(100)).duration_since(UNIX_EPOCH).unwrap();
            let at = timespec { tv_sec: at.as_secs() as _, tv_nsec: at.subsec_nanos().into() };
            assert_eq!(ABT_mutex_lock(m as ABT_mutex), OK);
            ABT_cond_timedwait(c as ABT_cond, m as ABT_mutex, &at);
            assert_eq!(ABT_mutex_unlock(m as ABT_mutex), OK);
        });
        std::thread::sleep(Duration::from_millis(20));
        let occupies = spawn(pool, || std::thread::sleep(Duration::from_millis(200)));
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(ABT_mutex_lock(mutex), OK);
        assert_eq!(ABT_cond_signal(cond), OK);
        assert_eq!(ABT_mutex_unlock(mutex), OK);
        assert_eq!(ABT_cond_free(&mut cond), OK);
        // Whoever still used the condition would find it locked, and wait for ever.
        let reused: Vec<_> = (0..64).map(|_| Box::new([u64::MAX; 4])).collect();
        finish(waits);
        finish(occupies);
        assert!(reused.iter().all(|words| **words == [u64::MAX; 4]));
        finish_xstream(xstream);
        assert_eq!(ABT_mutex_free(&mut mutex), OK);
    });
}
