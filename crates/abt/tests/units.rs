//! ULTs, tasklets, schedulers and execution streams, through the C interface.
// As C code does, the tests call the interface with what it asks for.
#![allow(clippy::undocumented_unsafe_blocks)]

mod common;

use abi::*;
use common::*;
use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};

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
    });
}

#[test]
fn a_hundred_thousand_ults_across_xstreams() {
    const COUNT: usize = 100_000;
    static STATS: user_sched::Stats =
        user_sched::Stats { runs: AtomicUsize::new(0), freed: std::sync::atomic::AtomicBool::new(false) };
    with_abt(|| unsafe {
        let (xstream1, pool1) = basic_xstream(1);
        let (mut sched, pools) = user_sched::create(&STATS);
        let mut xstream2 = ABT_XSTREAM_NULL;
        assert_eq!(ABT_xstream_create_with_rank(sched, 2, &mut xstream2), OK);
        let ran = Arc::new(AtomicUsize::new(0));
        // ULTs on either side create their children on the other, join half of them and leave the rest.
        let creators: Vec<_> = [(pool1, pools[1]), (pools[0], pool1)]
            .into_iter()
            .map(|(pool, target)| {
                let (ran, target) = (ran.clone(), Send_(target));
                spawn(pool, move || {
                    for _ in 0..COUNT / 200 {
                        let named: Vec<_> = (0..50)
                            .map(|_| {
                                let (first, second) = (ran.clone(), ran.clone());
                                spawn_unnamed(target.get(), move || {
                                    first.fetch_add(1, Ordering::Relaxed);
                                });
                                Send_(spawn(target.get(), move || {
                                    ABT_thread_yield();
                                    second.fetch_add(1, Ordering::Relaxed);
                                }))
                            })
                            .collect();
                        named.into_iter().for_each(|thread| finish(thread.get()));
                    }
                })
            })
            .collect();
        creators.into_iter().for_each(finish);
        finish_xstream(xstream1);
        finish_xstream(xstream2);
        assert_eq!(ran.load(Ordering::Relaxed), COUNT);
        assert_eq!(ABT_sched_free(&mut sched), OK);
    });
}

#[test]
fn a_pool_is_first_in_first_out_for_its_owner_and_others() {
    with_abt(|| {
        let (xstream, pool) = basic_xstream(1);
        let order = Arc::new(std::sync::Mutex::new(Vec::new()));
        let push = |list: &Arc<std::sync::Mutex<Vec<usize>>>, i: usize| {
            let list = list.clone();
            move || list.lock().unwrap().push(i)
        };
        let own = order.clone();
        let pool_of_ult = Send_(pool);
        // The ULT holds its execution stream while it pushes, and lets a plain thread push in between.
        finish(spawn(pool, move || {
            for i in 0..300 {
                if i % 3 == 0 {
                    let (job, target) = (push(&own, i), pool_of_ult);
                    std::thread::spawn(move || spawn_unnamed(target.get(), job)).join().unwrap();
                } else {
                    spawn_unnamed(pool_of_ult.get(), push(&own, i));
                }
            }
        }));
        finish_xstream(xstream);
        assert_eq!(*order.lock().unwrap(), (0..300).collect::<Vec<_>>());
    });
}

#[test]
fn a_pool_counts_what_is_ready_and_what_is_blocked() {
    with_abt(|| unsafe {
        let mut pool = ABT_POOL_NULL;
        let rc = ABT_pool_create_basic(ABT_POOL_FIFO, ABT_POOL_ACCESS_MPMC, ABT_FALSE, &mut pool);
        assert_eq!(rc, OK);
        let sizes = |pool| {
            let (mut ready, mut total) = (0, 0);
            assert_eq!(ABT_pool_get_size(pool, &mut ready), OK);
            assert_eq!(ABT_pool_get_total_size(pool, &mut total), OK);
            (ready, total)
        };
        let mut eventual = ABT_EVENTUAL_NULL;
        assert_eq!(ABT_eventual_create(0, &mut eventual), OK);
        let waits = Send_(eventual);
        let threads: Vec<_> = (0..4)
            .map(|i| {
                spawn(pool, move || {
                    if i % 2 == 0 {
                        assert_eq!(ABT_eventual_wait(waits.get(), std::ptr::null_mut()), OK);
                    }
                })
            })
            .collect();
        assert_eq!(sizes(pool), (4, 4));
        // The primary ULT acts as the scheduler of this pool.
        let run_one = || {
            let mut unit = ABT_UNIT_NULL;
            assert_eq!(ABT_pool_pop(pool, &mut unit), OK);
            assert_ne!(unit, ABT_UNIT_NULL);
            assert_eq!(ABT_xstream_run_unit(unit, pool), OK);
        };
        run_one();
        assert_eq!(sizes(pool), (3, 4), "one is blocked");
        run_one();
        assert_eq!(sizes(pool), (2, 3), "one has ended");
        run_one();
        run_one();
        assert_eq!(sizes(pool), (0, 2));
        let mut unit = ABT_UNIT_NULL;
        assert_eq!(ABT_pool_pop(pool, &mut unit), OK);
        assert_eq!(unit, ABT_UNIT_NULL);
        assert_eq!(ABT_eventual_set(eventual, std::ptr::null_mut(), 0), OK);
        assert_eq!(sizes(pool), (2, 2));
        run_one();
        run_one();
        assert_eq!(sizes(pool), (0, 0));
        threads.into_iter().for_each(finish);
        assert_eq!(ABT_eventual_free(&mut eventual), OK);
        assert_eq!(ABT_pool_free(&mut pool), OK);
        assert_eq!(pool, ABT_POOL_NULL);
    });
}

#[test]
fn a_pool_with_two_schedulers_is_shared() {
    static STATS: [user_sched::Stats; 2] = [const {
        user_sched::Stats { runs: AtomicUsize::new(0), freed: std::sync::atomic::AtomicBool::new(false) }
    }; 2];
    with_abt(|| unsafe {
        let mut pool = ABT_POOL_NULL;
        let rc = ABT_pool_create_basic(ABT_POOL_FIFO, ABT_POOL_ACCESS_MPMC, ABT_TRUE, &mut pool);
        assert_eq!(rc, OK);
        let mut scheds = [ABT_SCHED_NULL; 2];
        let mut xstreams = [ABT_XSTREAM_NULL; 2];
        let mut mutex = ABT_MUTEX_NULL;
        assert_eq!(ABT_mutex_create(&mut mutex), OK);
        let lock = Send_(mutex);
        // The second one comes while the first one is at work.
        let done = Arc::new(AtomicUsize::new(0));
        for i in 0..2 {
            scheds[i] = user_sched::create_over(&STATS[i], &mut [pool; 3]);
            assert_eq!(ABT_xstream_create_with_rank(scheds[i], 1 + i as i32, &mut xstreams[i]), OK);
            for _ in 0..200 {
                let done = done.clone();
                spawn_unnamed(pool, move || {
                    for turn in 0..200 {
                        // Stopped and resumed by units of the other execution stream, too.
                        assert_eq!(ABT_mutex_lock(lock.get()), OK);
                        if turn % 8 == 0 {
                            ABT_thread_yield();
                        }
                        assert_eq!(ABT_mutex_unlock(lock.get()), OK);
                        ABT_thread_yield();
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                });
            }
        }
        xstreams.into_iter().for_each(finish_xstream);
        assert_eq!(done.load(Ordering::Relaxed), 400);
        assert_eq!(ABT_mutex_free(&mut mutex), OK);
        for sched in &mut scheds {
            assert_eq!(ABT_sched_free(sched), OK);
        }
    });
}

#[test]
fn suspended_ults_go_on_when_resumed_from_anywhere() {
    with_abt(|| unsafe {
        let (xstream, pool) = basic_xstream(1);
        let turns = Arc::new(AtomicUsize::new(0));
        let counter = turns.clone();
        let thread = spawn(pool, move || {
            for _ in 0..1000 {
                counter.fetch_add(1, Ordering::Relaxed);
                assert_eq!(ABT_self_suspend(), OK);
            }
        });
        let mut resumed = 0;
        while resumed < 1000 {
            // Refused as long as it is not suspended.
            match ABT_thread_resume(thread) {
                OK => resumed += 1,
                error => {
                    assert_eq!(error, ABT_ERR_THREAD);
                    std::thread::yield_now();
                }
            }
        }
        finish(thread);
        assert_eq!(turns.load(Ordering::Relaxed), 1000);
        finish_xstream(xstream);
    });
}

#[test]
fn units_know_themselves() {
    unsafe fn kind() -> (i32, ABT_unit_type) {
        let mut kind = 99;
        (unsafe { ABT_self_get_type(&mut kind) }, kind)
    }
    unsafe extern "C" fn tasklet(_: *mut core::ffi::c_void) {
        unsafe {
            assert_eq!(kind(), (OK, ABT_UNIT_TYPE_TASK));
            let mut thread = ABT_THREAD_NULL;
            assert_eq!(ABT_thread_self(&mut thread), ABT_ERR_INV_THREAD);
            assert_eq!(ABT_self_suspend(), ABT_ERR_INV_THREAD);
            assert_eq!(ABT_thread_yield(), OK);
        }
    }
    with_abt(|| unsafe {
        let (xstream, pool) = basic_xstream(1);
        assert_eq!(kind(), (OK, ABT_UNIT_TYPE_THREAD));
        std::thread::spawn(|| assert_eq!(kind(), (ABT_ERR_INV_XSTREAM, ABT_UNIT_TYPE_EXT))).join().unwrap();

        // The primary ULT: nobody created it, so it has neither a name nor a function.
        let (mut me, mut unnamed, mut func) = (ABT_THREAD_NULL, 99, Some(tasklet as unsafe extern "C" fn(_)));
        assert_eq!(ABT_thread_self(&mut me), OK);
        assert_eq!(ABT_thread_is_unnamed(me, &mut unnamed), OK);
        assert_eq!(unnamed, ABT_TRUE);
        assert_eq!(ABT_thread_get_thread_func(me, &mut func), OK);
        assert!(func.is_none());

        let mut ids = [0; 2];
        for id in &mut ids {
            let place = Send_(std::ptr::from_mut(id));
            finish(spawn(pool, move || {
                let mut me = ABT_THREAD_NULL;
                assert_eq!(ABT_thread_self(&mut me), OK);
                assert_eq!(ABT_self_get_thread_id(place.get()), OK);
                let mut again = !0;
                assert_eq!(ABT_self_get_thread_id(&mut again), OK);
                assert_eq!(again, *place.get());
                let mut unnamed = 99;
                assert_eq!(ABT_thread_is_unnamed(me, &mut unnamed), OK);
                assert_eq!(unnamed, ABT_FALSE);
            }));
        }
        assert_ne!(ids[0], ids[1]);
        spawn_unnamed(pool, || {
            let mut me = ABT_THREAD_NULL;
            let mut unnamed = 99;
            assert_eq!(ABT_thread_self(&mut me), OK);
            assert_eq!(ABT_thread_is_unnamed(me, &mut unnamed), OK);
            assert_eq!(unnamed, ABT_TRUE);
        });
        let (func, arg) = boxed(|| ());
        let (mut thread, mut found) = (ABT_THREAD_NULL, None);
        assert_eq!(ABT_thread_create(pool, func, arg, ABT_THREAD_ATTR_NULL, &mut thread), OK);
        assert_eq!(ABT_thread_get_thread_func(thread, &mut found), OK);
        assert_eq!(found.map(|f| f as usize), func.map(|f| f as usize));
        finish(thread);
        let mut task = ABT_TASK_NULL;
        assert_eq!(ABT_task_create(pool, Some(tasklet), std::ptr::null_mut(), &mut task), OK);
        assert_eq!(ABT_task_create(pool, Some(tasklet), std::ptr::null_mut(), std::ptr::null_mut()), OK);
        assert_eq!(ABT_task_free(&mut task), OK);
        assert_eq!(task, ABT_TASK_NULL);
        finish_xstream(xstream);
    });
}

#[inline(never)]
fn stack_address() -> usize {
    std::ptr::from_ref(&std::hint::black_box(0u8)).addr()
}

#[test]
fn an_attribute_sets_the_stack_size() {
    /// Goes down the stack for as many bytes.
    #[inline(never)]
    fn use_stack(bytes: usize, from: usize) -> usize {
        let here = std::hint::black_box([1u8; 256]);
        if from - here.as_ptr().addr() > bytes { 1 } else { use_stack(bytes, from) + here[0] as usize }
    }
    with_abt(|| unsafe {
        let (xstream, pool) = basic_xstream(1);
        let mut attr = ABT_THREAD_ATTR_NULL;
        assert_eq!(ABT_thread_attr_create(&mut attr), OK);
        assert_eq!(ABT_thread_attr_set_stacksize(attr, 1 << 20), OK);
        for _ in 0..3 {
            let (func, arg) = boxed(|| assert!(use_stack(900 << 10, stack_address()) > 0));
            let mut thread = ABT_THREAD_NULL;
            assert_eq!(ABT_thread_create(pool, func, arg, attr, &mut thread), OK);
            finish(thread);
        }
        assert_eq!(ABT_thread_attr_free(&mut attr), OK);
        assert_eq!(attr, ABT_THREAD_ATTR_NULL);
        finish_xstream(xstream);
    });
}

#[test]
fn floating_point_control_survives_switches() {
    /// Rounding mode bits of MXCSR, and the x87 control word.
    fn control() -> (u32, u16) {
        let (mut mxcsr, mut x87) = (0u32, 0u16);
        unsafe {
            std::arch::asm!("stmxcsr [{}]", in(reg) &mut mxcsr);
            std::arch::asm!("fnstcw [{}]", in(reg) &mut x87);
        }
        (mxcsr & 0xffc0, x87)
    }
    unsafe fn set_control(mxcsr: u32, x87: u16) {
        unsafe {
            std::arch::asm!("ldmxcsr [{}]", in(reg) &mxcsr);
            std::arch::asm!("fldcw [{}]", in(reg) &x87);
        }
    }
    with_abt(|| {
        let (xstream, pool) = basic_xstream(1);
        // Round to nearest, down, up, to zero; x87 in single, double and extended precision.
        let modes = [(0x1f80, 0x37f), (0x3f80, 0x67f), (0x5f80, 0x87f), (0x7f80, 0xf7f)];
        let threads: Vec<_> = modes
            .into_iter()
            .map(|(mxcsr, x87)| {
                spawn(pool, move || unsafe {
                    set_control(mxcsr, x87);
                    for _ in 0..100 {
                        ABT_thread_yield();
                        assert_eq!(control(), (mxcsr & 0xffc0, x87));
                        let third = std::hint::black_box(1.0f64) / std::hint::black_box(3.0);
                        assert_eq!(third > 0.333_333_333_333_333_3, mxcsr == 0x5f80);
                    }
                    set_control(0x1f80, 0x37f);
                })
            })
            .collect();
        threads.into_iter().for_each(finish);
        finish_xstream(xstream);
        assert_eq!(control(), (0x1f80, 0x37f));
    });
}

#[test]
fn a_ult_goes_on_where_another_xstream_pops_it() {
    static STATS: [user_sched::Stats; 2] = [const {
        user_sched::Stats { runs: AtomicUsize::new(0), freed: std::sync::atomic::AtomicBool::new(false) }
    }; 2];
    with_abt(|| unsafe {
        let mut pool = ABT_POOL_NULL;
        assert_eq!(ABT_pool_create_basic(ABT_POOL_FIFO, ABT_POOL_ACCESS_MPMC, ABT_TRUE, &mut pool), OK);
        let mut scheds = [0, 1].map(|i| user_sched::create_over(&STATS[i], &mut [pool; 3]));
        let mut xstreams = [ABT_XSTREAM_NULL; 2];
        for i in 0..2 {
            assert_eq!(ABT_xstream_create_with_rank(scheds[i], 1 + i as i32, &mut xstreams[i]), OK);
        }
        let tids = Arc::new(std::sync::Mutex::new(std::collections::HashSet::new()));
        let seen = tids.clone();
        // Until it was on both.
        finish(spawn(pool, move || {
            while seen.lock().unwrap().len() < 2 {
                seen.lock().unwrap().insert(libc::gettid());
                ABT_thread_yield();
            }
        }));
        xstreams.into_iter().for_each(finish_xstream);
        assert_eq!(tids.lock().unwrap().len(), 2);
        for sched in &mut scheds {
            assert_eq!(ABT_sched_free(sched), OK);
        }
    });
}

#[test]
fn finalize_lets_what_is_left_on_the_primary_xstream_run() {
    let ran = Arc::new(AtomicUsize::new(0));
    let counter = ran.clone();
    with_abt(move || {
        let pool = primary_pool();
        for _ in 0..10 {
            let (counter, pool) = (counter.clone(), Send_(pool));
            spawn_unnamed(pool.get(), move || unsafe {
                assert_eq!(ABT_thread_yield(), OK);
                let inner = counter.clone();
                finish(spawn(pool.get(), move || {
                    inner.fetch_add(1, Ordering::Relaxed);
                }));
                counter.fetch_add(1, Ordering::Relaxed);
            });
        }
    });
    assert_eq!(ran.load(Ordering::Relaxed), 20);
}

#[test]
fn the_primary_ult_yields_to_others_and_waits_for_them() {
    with_abt(|| unsafe {
        let pool = primary_pool();
        let ran = Arc::new(AtomicUsize::new(0));
        let counter = ran.clone();
        let thread = spawn(pool, move || {
            counter.fetch_add(1, Ordering::Relaxed);
            ABT_thread_yield();
            counter.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(ABT_thread_yield(), OK);
        assert_eq!(ran.load(Ordering::Relaxed), 1);
        finish(thread);
        assert_eq!(ran.load(Ordering::Relaxed), 2);
    });
}

/// Tells a sleeper by a channel.
unsafe extern "C" fn ring(arg: *mut c_void) {
    let bell = unsafe { &*arg.cast::<Sender<()>>() };
    // Nobody may listen any more.
    let _ = bell.send(());
}

#[test]
fn a_push_wakes_who_sleeps_elsewhere() {
    with_abt(|| {
        let (xstream, pool) = basic_xstream(1);
        let (wakes, at_work) = (Send_(pool), Arc::new(AtomicUsize::new(0)));
        let (asleep, sleeps) = channel();
        let worked = at_work.clone();
        // The ULT holds its execution stream while it sleeps.
        let sleeper = spawn(pool, move || unsafe {
            let pools = [wakes.get()];
            let (bell, rings) = channel::<()>();
            let arg = (&raw const bell).cast_mut().cast();
            for round in 1..=100 {
                assert_eq!(ABTX_pool_watch(pools.as_ptr(), 1, Some(ring), arg), OK);
                asleep.send(()).unwrap();
                rings.recv().unwrap();
                assert_eq!(ABTX_pool_unwatch(pools.as_ptr(), 1), OK);
                // With something to do it does not sleep.
                assert_eq!(ABTX_pool_watch(pools.as_ptr(), 1, Some(ring), arg), ABT_ERR_POOL);
                while worked.load(Ordering::Relaxed) < round {
                    ABT_thread_yield();
                }
                while rings.try_recv().is_ok() {}
            }
            assert_eq!(ABTX_pool_watch(pools.as_ptr(), 1, None, arg), ABT_ERR_INV_ARG);
        });
        for _ in 0..100 {
            sleeps.recv().unwrap();
            let done = at_work.clone();
            spawn_unnamed(pool, move || {
                done.fetch_add(1, Ordering::Relaxed);
            });
        }
        finish(sleeper);
        finish_xstream(xstream);
        assert_eq!(
            std::thread::spawn(move || unsafe { ABTX_pool_unwatch([ABT_POOL_NULL].as_ptr(), 1) })
                .join()
                .unwrap(),
            ABT_ERR_INV_XSTREAM
        );
    });
}
