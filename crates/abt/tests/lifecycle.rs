//! Starting and ending the runtime over and over leaves nothing behind. Alone in its process, which it counts.
// As C code does, the tests call the interface with what it asks for.
#![allow(clippy::undocumented_unsafe_blocks)]

mod common;

use abi::*;
use common::*;

/// OS threads, mappings and resident KiB of this process.
fn holdings() -> [usize; 3] {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    [
        std::fs::read_dir("/proc/self/task").unwrap().count(),
        std::fs::read_to_string("/proc/self/maps").unwrap().lines().count(),
        resident.trim().trim_end_matches(" kB").parse().unwrap(),
    ]
}

fn cycle() {
    with_abt(|| unsafe {
        let (xstream, pool) = basic_xstream(1);
        let threads: Vec<_> = (0..10).map(|_| spawn(pool, || assert_eq!(ABT_thread_yield(), OK))).collect();
        threads.into_iter().for_each(finish);
        finish_xstream(xstream);
    });
}

#[test]
fn a_thousand_cycles_of_init_and_finalize() {
    for _ in 0..100 {
        cycle();
    }
    let before = holdings();
    for _ in 0..1000 {
        cycle();
    }
    let after = holdings();
    // The watchdogs of the last tests may still be about to end.
    assert!(after[0] <= before[0] + 1, "threads: {before:?} {after:?}");
    assert!(after[1] <= before[1] + 20, "mappings: {before:?} {after:?}");
    assert!(after[2] <= before[2] + 2048, "memory: {before:?} {after:?}");
}
