//! Code on xstreams, driven through the example modules.

use crate::{engine_with, serving, stop};
use harness::System;
use harness::examples::counter::{Amount, CHORES, MODULE, OFFLOAD, Outcome, REPORT, Report, SPREAD, SUM};
use harness::examples::latency;
use prost::Message;

fn report(system: &mut System) -> Report {
    system.ask(MODULE, REPORT, Vec::new()).unwrap()
}

fn run(system: &mut System, method: i32, amount: u32) -> Outcome {
    let outcome: Outcome = system.ask(MODULE, method, Amount { amount }.encode_to_vec()).unwrap();
    assert_eq!(outcome.status, 0, "method {method}");
    outcome
}

#[test]
fn every_xstream_has_its_storage_and_its_cpu() {
    let mut system = serving();
    let mut xstreams = report(&mut system).xstreams;
    xstreams.sort_by_key(|xs| xs.xs_id);
    let names: Vec<_> = xstreams.iter().map(|xs| xs.name.as_str()).collect();
    assert_eq!(names, ["daos_sys_0", "daos_sys_1", "daos_sys_2", "daos_io_0", "daos_io_1", "daos_off_5"]);
    let targets: Vec<_> =
        xstreams.iter().filter(|xs| xs.name.starts_with("daos_io")).map(|xs| xs.tgt_id).collect();
    assert_eq!(targets, [0, 1]);
    for xs in &xstreams {
        assert!(xs.cpu >= 0, "{xs:?}");
        assert!(!xs.cpus.is_empty(), "{xs:?}");
    }
    stop(system);
}

#[test]
fn a_hundred_thousand_ults_are_created_and_joined_across_xstreams() {
    const ULTS: u32 = 100_000;
    let mut system = serving();
    assert_eq!(run(&mut system, SPREAD, ULTS).count, u64::from(ULTS));

    let xstreams = report(&mut system).xstreams;
    assert_eq!(xstreams.iter().map(|xs| xs.ults).sum::<u64>(), u64::from(ULTS));
    for xs in &xstreams {
        let serves = xs.name.starts_with("daos_io") || xs.name.starts_with("daos_off");
        assert_eq!(xs.ults > 0, serves, "{xs:?}");
    }

    let on_targets =
        xstreams.iter().filter(|xs| xs.name.starts_with("daos_io")).map(|xs| xs.ults).sum::<u64>();
    let sum = run(&mut system, SUM, 0);
    assert_eq!((sum.count, sum.sum), (2, on_targets));
    stop(system);
}

#[test]
fn chores_and_offloads_run_on_the_helper() {
    let mut system = serving();
    let chores = run(&mut system, CHORES, 200);
    assert_eq!((chores.count, chores.sum), (200, 600));
    let offloads = run(&mut system, OFFLOAD, 200);
    assert_eq!((offloads.count, offloads.sum), (200, 200 * 500_500));

    for xs in report(&mut system).xstreams {
        let expected = if xs.name.starts_with("daos_off") { (600, 200) } else { (0, 0) };
        assert_eq!((xs.chores, xs.offloads), expected, "{xs:?}");
    }
    stop(system);
}

#[test]
fn without_helpers_the_targets_do_their_work() {
    let options = engine_with(&["mgmt_mini", "counter"]).with_xstreams(2, 0);
    let mut system = System::start_up(&options).unwrap();
    assert_eq!(run(&mut system, CHORES, 50).sum, 150);
    assert_eq!(run(&mut system, OFFLOAD, 50).count, 50);
    for xs in report(&mut system).xstreams {
        let is_target = xs.name.starts_with("daos_io");
        assert!(is_target || (xs.chores, xs.offloads) == (0, 0), "{xs:?}");
    }
    stop(system);
}

#[test]
fn helpers_share_the_work_as_their_number_allows() {
    // Targets, helpers, and whether some helpers compute while others forward.
    for (targets, helpers, split) in [(2, 2, false), (2, 4, true), (2, 3, true), (3, 2, false)] {
        let options = engine_with(&["mgmt_mini", "counter"]).with_xstreams(targets, helpers);
        let mut system = System::start_up(&options).unwrap();
        assert_eq!(run(&mut system, SPREAD, 3000).count, 3000);
        assert_eq!(run(&mut system, SUM, 0).count, u64::from(targets));
        assert_eq!(run(&mut system, CHORES, 100).sum, 300);
        assert_eq!(run(&mut system, OFFLOAD, 100).count, 100);
        let xstreams = report(&mut system).xstreams;
        for xs in &xstreams {
            let what = format!("{targets} targets, {helpers} helpers: {xs:?}");
            assert!(xs.name.starts_with("daos_off") || (xs.chores, xs.offloads) == (0, 0), "{what}");
            assert!(!split || xs.chores == 0 || xs.offloads == 0, "{what}");
        }
        assert_eq!(xstreams.iter().map(|xs| xs.chores).sum::<u64>(), 300);
        assert_eq!(xstreams.iter().map(|xs| xs.offloads).sum::<u64>(), 100);
        stop(system);
    }
}

#[test]
fn sleeping_ults_wake_up_while_calls_are_answered() {
    let mut system = serving();
    let before = report(&mut system).ticks;
    // Calls until the sleepers have been seen to wake: each call gives them time.
    let woke = (0..10_000).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(2));
        let samples: latency::Report = system.ask(latency::MODULE, latency::REPORT, Vec::new()).unwrap();
        let enough = samples.targets.len() == 2 && samples.targets.iter().all(|target| target.samples > 2);
        enough && report(&mut system).ticks > before
    });
    assert!(woke);
    stop(system);
}
