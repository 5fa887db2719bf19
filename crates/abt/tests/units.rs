//! ULTs, tasklets, schedulers and execution streams, through the C interface.

mod common;

use abi::*;
use common::*;
use core::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn primary_pool() -> ABT_pool {
    // The primary execution stream has no handle of its own here; a ULT of it would do, but its pool is
    // where the primary ULT is, which ABT_info can tell. Tests use a second execution stream instead.
    unreachable!()
}

#[test]
fn a_thousand_cycles_of_init_and_finalize() {
    let threads_before = std::fs::read_dir("/proc/self/task").unwrap().count();
    for _ in 0..1000 {
        with_abt(|| unsafe {
            assert_eq!(ABT_thread_yield(), OK);
        });
    }
    let _ = primary_pool as fn() -> ABT_pool;
    assert!(std::fs::read_dir("/proc/self/task").unwrap().count() <= threads_before + 2);
}

#[test]
fn ults_of_another_xstream_run_and_are_joined() {
    with_abt(|| {
        let (xstream, pool) = basic_xstream(1);
        let sum = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..1000)
            .map(|i| {
                let sum = sum.clone();
                spawn(pool, move || {
                    unsafe { ABT_thread_yield() };
                    sum.fetch_add(i, Ordering::Relaxed);
                })
            })
            .collect();
        threads.into_iter().for_each(finish);
        assert_eq!(sum.load(Ordering::Relaxed), 499_500);
        finish_xstream(xstream);
    });
}

#[test]
fn a_user_scheduler_runs_its_pools() {
    static STATS: user_sched::Stats =
        user_sched::Stats { runs: AtomicUsize::new(0), freed: std::sync::atomic::AtomicBool::new(false) };
    with_abt(|| unsafe {
        let (mut sched, pools) = user_sched::create(&STATS);
        let mut xstream = ABT_XSTREAM_NULL;
        assert_eq!(ABT_xstream_create_with_rank(sched, 5, &mut xstream), OK);
        let done = Arc::new(AtomicUsize::new(0));
        for i in 0..300 {
            let done = done.clone();
            let pool = Send_(pools[i % 3]);
            let other = Send_(pools[(i + 1) % 3]);
            spawn_unnamed(pool.get(), move || {
                ABT_thread_yield();
                let inner = done.clone();
                finish(spawn(other.get(), move || {
                    inner.fetch_add(1, Ordering::Relaxed);
                }));
                done.fetch_add(1, Ordering::Relaxed);
            });
        }
        assert_eq!(ABT_sched_free(&mut sched), ABT_ERR_SCHED);
        finish_xstream(xstream);
        assert_eq!(done.load(Ordering::Relaxed), 600);
        assert!(STATS.runs.load(Ordering::Relaxed) >= 900);
        assert!(!STATS.freed.load(Ordering::Relaxed));
        assert_eq!(ABT_sched_free(&mut sched), OK);
        assert_eq!(sched, ABT_SCHED_NULL);
        assert!(STATS.freed.load(Ordering::Relaxed));
        let _ = ptr::null::<()>();
    });
}
