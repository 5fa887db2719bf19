//! Reports of what exists.
// As C code does, the tests call the interface with what it asks for.
#![allow(clippy::undocumented_unsafe_blocks)]

mod common;

use abi::*;
use common::*;
use core::ffi::c_void;
use core::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};

#[test]
fn reports_tell_what_they_are_asked_for() {
    with_abt(|| unsafe {
        let (xstream, pool) = basic_xstream(4);
        let text = printed(|file| assert_eq!(ABT_info_print_config(file), OK));
        assert!(text.contains("default ULT stack size: 16 KB"), "{text}");
        assert!(text.contains("cur. # of ESs: 2"), "{text}");

        let text = printed(|file| assert_eq!(ABT_info_print_all_xstreams(file), OK));
        assert!(text.starts_with("# of created ESs: 2"), "{text}");
        assert_eq!(text.matches("== ES (").count(), 2, "{text}");

        let text = printed(|file| assert_eq!(ABT_info_print_xstream(file, xstream), OK));
        assert_eq!(field(&text, "rank"), Some("4"));
        assert_eq!(field(&text, "type"), Some("SECONDARY"));
        assert_eq!(field(&text, "state"), Some("RUNNING"));

        let mut eventual = ABT_EVENTUAL_NULL;
        assert_eq!(ABT_eventual_create(0, &mut eventual), OK);
        let waits = Send_(eventual);
        let thread = spawn(pool, move || assert_eq!(ABT_eventual_wait(waits.get(), null_mut()), OK));
        let blocked = || {
            let text = printed(|file| assert_eq!(ABT_info_print_thread(file, thread), OK));
            field(&text, "state") == Some("BLOCKED")
        };
        while !blocked() {
            std::thread::yield_now();
        }
        let text = printed(|file| assert_eq!(ABT_info_print_pool(file, pool), OK));
        assert_eq!(field(&text, "num_blocked"), Some("1"), "{text}");
        assert_eq!(field(&text, "size"), Some("0"), "{text}");

        let mut sched = ABT_SCHED_NULL;
        assert_eq!(ABT_xstream_get_main_sched(xstream, &mut sched), OK);
        let text = printed(|file| assert_eq!(ABT_info_print_sched(file, sched), OK));
        assert_eq!(field(&text, "kind"), Some("BASIC"), "{text}");
        assert_eq!(field(&text, "has_unit"), Some("yes"), "{text}");
        assert_eq!(text.matches("== POOL (").count(), 1, "{text}");

        assert_eq!(ABT_eventual_set(eventual, null_mut(), 0), OK);
        finish(thread);
        assert_eq!(ABT_eventual_free(&mut eventual), OK);
        finish_xstream(xstream);
    });
}

static PRINTED: AtomicUsize = AtomicUsize::new(0);
static LATE: AtomicI32 = AtomicI32::new(-1);

unsafe extern "C" fn count_dump(late: ABT_bool, arg: *mut c_void) {
    assert_eq!(arg, 5usize as *mut c_void);
    LATE.store(late, Ordering::Relaxed);
    PRINTED.fetch_add(1, Ordering::Release);
}

/// Triggers a dump and returns what it printed and whether the time ran out. The primary ULT takes part by
/// yielding.
fn dump(timeout: f64, take_part: bool) -> (String, ABT_bool) {
    let before = PRINTED.load(Ordering::Acquire);
    let text = printed(|file| unsafe {
        let rc =
            ABT_info_trigger_print_all_thread_stacks(file, timeout, Some(count_dump), 5usize as *mut c_void);
        assert_eq!(rc, OK);
        while PRINTED.load(Ordering::Acquire) == before {
            if take_part {
                assert_eq!(ABT_thread_yield(), OK);
            }
            std::thread::yield_now();
        }
    });
    (text, LATE.load(Ordering::Relaxed))
}

/// Waits on an eventual.
///
/// # Safety
/// It is one.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn abt_test_innermost(eventual: *mut c_void) {
    unsafe { assert_eq!(ABT_eventual_wait(eventual.cast(), null_mut()), OK) };
    std::hint::black_box(());
}

/// Calls what waits.
///
/// # Safety
/// As for that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn abt_test_outermost(eventual: *mut c_void) {
    unsafe { abt_test_innermost(eventual) };
    std::hint::black_box(());
}

/// Suspends itself.
///
/// # Safety
/// In a ULT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn abt_test_suspended(_: *mut c_void) {
    unsafe { assert_eq!(ABT_self_suspend(), OK) };
    std::hint::black_box(());
}

/// Whether a line of the dump names a place in `function`.
fn names(text: &str, function: unsafe extern "C" fn(*mut c_void)) -> bool {
    let from = function as usize;
    let addresses = text.lines().filter(|line| line.starts_with('#'));
    addresses
        .filter_map(|line| line.split_whitespace().nth(1)?.strip_prefix("0x"))
        .filter_map(|hex| usize::from_str_radix(hex, 16).ok())
        .any(|address| (from..from + 512).contains(&address))
}

#[test]
fn dumps_show_blocked_ults_as_often_as_wanted() {
    static STATS: user_sched::Stats =
        user_sched::Stats { runs: AtomicUsize::new(0), freed: AtomicBool::new(false) };
    with_abt(|| unsafe {
        let (basic, basic_pool) = basic_xstream(1);
        let (mut sched, pools) = user_sched::create(&STATS);
        let mut user = ABT_XSTREAM_NULL;
        assert_eq!(ABT_xstream_create_with_rank(sched, 2, &mut user), OK);
        let mut eventual = ABT_EVENTUAL_NULL;
        assert_eq!(ABT_eventual_create(0, &mut eventual), OK);
        let mut threads = [ABT_THREAD_NULL; 20];
        for (i, thread) in threads.iter_mut().enumerate() {
            let pool = [basic_pool, pools[0], pools[2]][i % 3];
            let rc = ABT_thread_create(
                pool,
                Some(abt_test_outermost),
                eventual.cast(),
                ABT_THREAD_ATTR_NULL,
                thread,
            );
            assert_eq!(rc, OK);
        }
        let mut suspended = [ABT_THREAD_NULL; 2];
        for (thread, pool) in suspended.iter_mut().zip([basic_pool, pools[0]]) {
            let rc =
                ABT_thread_create(pool, Some(abt_test_suspended), null_mut(), ABT_THREAD_ATTR_NULL, thread);
            assert_eq!(rc, OK);
        }
        let count = threads.len() + suspended.len();
        let blocked = |pool| {
            let text = printed(|file| assert_eq!(ABT_info_print_pool(file, pool), OK));
            field(&text, "num_blocked").unwrap().parse::<usize>().unwrap()
        };
        while blocked(basic_pool) + blocked(pools[0]) + blocked(pools[2]) < count {
            std::thread::yield_now();
        }
        for _ in 0..3 {
            let (text, late) = dump(60.0, true);
            assert_eq!(late, ABT_FALSE, "{text}");
            for thread in threads.into_iter().chain(suspended) {
                assert!(text.contains(&format!("({thread:p})")), "{thread:p} in {text}");
            }
            assert_eq!(text.matches("state     : BLOCKED").count(), count, "{text}");
            assert_eq!(text.matches("BLOCKED (suspended)").count(), suspended.len(), "{text}");
            assert!(names(&text, abt_test_suspended), "{text}");
            assert!(names(&text, abt_test_innermost) && names(&text, abt_test_outermost), "{text}");
            assert!(text.contains("End of ULT stacks dump"), "{text}");
        }
        // The primary execution stream does not answer, being held by this code; the others do.
        let (text, late) = dump(0.01, false);
        assert_eq!(late, ABT_TRUE, "{text}");
        assert!(text.contains("1 execution streams did not answer"), "{text}");
        assert!(names(&text, abt_test_innermost), "{text}");
        assert_eq!(ABT_eventual_set(eventual, null_mut(), 0), OK);
        for thread in suspended {
            assert_eq!(ABT_thread_resume(thread), OK);
        }
        threads.into_iter().chain(suspended).for_each(finish);
        assert_eq!(ABT_eventual_free(&mut eventual), OK);
        finish_xstream(basic);
        finish_xstream(user);
        assert_eq!(ABT_sched_free(&mut sched), OK);
    });
}
