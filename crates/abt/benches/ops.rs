//! What the operations of the runtime cost, in ns: medians of some rounds, on one execution stream with the
//! built-in scheduler. `abt_ops.c` beside this file measures more, and any implementation of abt.h.
//!
//! `cargo bench -p abt`

extern crate abt as _;

use abi::*;
use core::ffi::{c_int, c_void};
use core::ptr::null_mut;
use std::time::Instant;

const ROUNDS: usize = 15;
const OK: c_int = ABT_SUCCESS;

/// The pool of the execution stream that runs the measured code.
#[derive(Clone, Copy)]
struct Here(ABT_pool);

fn spawn(
    pool: ABT_pool,
    func: unsafe extern "C" fn(*mut c_void),
    arg: *mut c_void,
    attr: ABT_thread_attr,
) -> ABT_thread {
    let mut thread = ABT_THREAD_NULL;
    // SAFETY: valid arguments; `arg` is what `func` expects.
    unsafe { assert_eq!(ABT_thread_create(pool, Some(func), arg, attr, &mut thread), OK) };
    thread
}

fn finish(mut thread: ABT_thread) {
    // SAFETY: a handle of `spawn`.
    unsafe { assert_eq!(ABT_thread_free(&mut thread), OK) };
}

/// Prints the median time of `count` operations, which `round` performs.
fn report(name: &str, count: usize, mut round: impl FnMut()) {
    round();
    let mut samples: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            round();
            start.elapsed().as_secs_f64() * 1e9 / count as f64
        })
        .collect();
    samples.sort_by(f64::total_cmp);
    println!("{name:<24} {:10.1} ns", samples[ROUNDS / 2]);
}

unsafe extern "C" fn yield_many(count: *mut c_void) {
    for _ in 0..count.addr() {
        // SAFETY: may be called anywhere.
        unsafe { ABT_thread_yield() };
    }
}

unsafe extern "C" fn nothing(_: *mut c_void) {}

unsafe extern "C" fn answer(eventuals: *mut c_void) {
    // SAFETY: the argument is the array of `ping_pong`, with two live eventuals.
    unsafe {
        let [ping, pong] = *eventuals.cast::<[ABT_eventual; 2]>();
        for _ in 0..PINGS {
            ABT_eventual_wait(ping, null_mut());
            ABT_eventual_reset(ping);
            ABT_eventual_set(pong, null_mut(), 0);
        }
    }
}

const PINGS: usize = 10_000;

fn ping_pong(pool: ABT_pool) {
    let mut eventuals = [ABT_EVENTUAL_NULL; 2];
    // SAFETY: the eventuals are valid from their creation until they are freed.
    unsafe {
        for eventual in &mut eventuals {
            assert_eq!(ABT_eventual_create(0, eventual), OK);
        }
        let [ping, pong] = eventuals;
        let thread = spawn(pool, answer, (&raw mut eventuals).cast(), ABT_THREAD_ATTR_NULL);
        for _ in 0..PINGS {
            ABT_eventual_set(ping, null_mut(), 0);
            ABT_eventual_wait(pong, null_mut());
            ABT_eventual_reset(pong);
        }
        finish(thread);
        for eventual in &mut eventuals {
            assert_eq!(ABT_eventual_free(eventual), OK);
        }
    }
}

unsafe extern "C" fn measure(pool: *mut c_void) {
    // SAFETY: the argument is that of `main`.
    let Here(pool) = unsafe { *pool.cast() };
    for ults in [1, 4, 100] {
        let count = 400_000 / ults;
        report(&format!("yield, {ults} ULTs"), count * ults, || {
            let arg = core::ptr::without_provenance_mut(count);
            let threads: Vec<_> =
                (0..ults).map(|_| spawn(pool, yield_many, arg, ABT_THREAD_ATTR_NULL)).collect();
            threads.into_iter().for_each(finish);
        });
    }
    for kib in [16, 64] {
        let mut attr = ABT_THREAD_ATTR_NULL;
        // SAFETY: the attributes are valid from their creation until they are freed.
        unsafe {
            assert_eq!(ABT_thread_attr_create(&mut attr), OK);
            assert_eq!(ABT_thread_attr_set_stacksize(attr, kib << 10), OK);
        }
        report(&format!("create and join, {kib} KiB"), 20_000, || {
            (0..20_000).for_each(|_| finish(spawn(pool, nothing, null_mut(), attr)));
        });
        report(&format!("create 100, join 100, {kib} KiB"), 20_000, || {
            for _ in 0..200 {
                let threads: [_; 100] = core::array::from_fn(|_| spawn(pool, nothing, null_mut(), attr));
                threads.into_iter().for_each(finish);
            }
        });
        // SAFETY: as above.
        unsafe { assert_eq!(ABT_thread_attr_free(&mut attr), OK) };
    }
    let mut mutex = ABT_MUTEX_NULL;
    // SAFETY: the mutex is valid from its creation until it is freed.
    unsafe { assert_eq!(ABT_mutex_create(&mut mutex), OK) };
    report("lock and unlock", 200_000, || {
        for _ in 0..200_000 {
            // SAFETY: as above.
            unsafe {
                ABT_mutex_lock(mutex);
                ABT_mutex_unlock(mutex);
            }
        }
    });
    // SAFETY: as above.
    unsafe { assert_eq!(ABT_mutex_free(&mut mutex), OK) };
    report("eventual there and back", PINGS, || ping_pong(pool));
}

fn main() {
    // SAFETY: the calls are in the order that abt.h wants, with valid places.
    unsafe {
        assert_eq!(ABT_init(0, null_mut()), OK);
        let (mut xstream, mut sched, mut pool) = (ABT_XSTREAM_NULL, ABT_SCHED_NULL, ABT_POOL_NULL);
        assert_eq!(ABT_xstream_create_with_rank(ABT_SCHED_NULL, 1, &mut xstream), OK);
        assert_eq!(ABT_xstream_get_main_sched(xstream, &mut sched), OK);
        assert_eq!(ABT_sched_get_pools(sched, 1, 0, &mut pool), OK);
        let mut attr = ABT_THREAD_ATTR_NULL;
        assert_eq!(ABT_thread_attr_create(&mut attr), OK);
        assert_eq!(ABT_thread_attr_set_stacksize(attr, 1 << 20), OK);
        let mut here = Here(pool);
        finish(spawn(pool, measure, (&raw mut here).cast(), attr));
        assert_eq!(ABT_thread_attr_free(&mut attr), OK);
        assert_eq!(ABT_xstream_free(&mut xstream), OK);
        assert_eq!(ABT_finalize(), OK);
    }
}
