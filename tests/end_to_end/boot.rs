//! Starting and stopping, and what an administrator reads when a start fails.

use crate::{PATIENCE, engine_with, stop};
use harness::{Engine, System};
use rustix::process::Signal;

/// Starts an engine where nobody listens as control plane.
fn alone(modules: &[&str]) -> (Engine, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::start(&engine_with(modules), directory.path()).unwrap();
    (engine, directory)
}

#[test]
fn without_a_control_plane_it_says_so_and_ends() {
    let (mut engine, _directory) = alone(&["mgmt_mini"]);
    let status = engine.wait(PATIENCE).expect("it ends instead of waiting for ever");
    assert!(!status.success());
    assert!(engine.log().contains("daos_server.sock"), "{}", engine.log());
}

#[test]
fn sigterm_stops_an_engine_that_still_waits_to_be_set_up() {
    let mut system = System::start(&engine_with(&["mgmt_mini"])).unwrap();
    let status = system.stop().unwrap();
    assert!(status.success(), "{status}\n{}", system.engine().log_tail(20));
}

#[test]
fn sigterm_and_sigint_stop_a_serving_engine() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut system = System::start_up(&engine_with(&["mgmt_mini", "hello"])).unwrap();
        system.engine().signal(signal).unwrap();
        let status = system.engine().wait(PATIENCE).expect("it stops");
        assert!(status.success(), "{signal:?}: {status}\n{}", system.engine().log_tail(20));
    }
}

#[test]
fn the_listener_is_gone_after_the_stop() {
    let system = System::start_up(&engine_with(&["mgmt_mini"])).unwrap();
    let socket = std::path::PathBuf::from(&system.ready().drpc_listener_sock);
    assert!(socket.exists());
    stop(system);
    assert!(!socket.exists());
}

#[test]
fn every_number_of_targets_and_helpers_boots() {
    // Helpers of their own for each target, a shared pool of them, none at all.
    for (targets, helpers) in [(1, 0), (1, 1), (2, 0), (2, 2), (4, 1), (3, 6)] {
        let options = engine_with(&["mgmt_mini", "counter"]).with_xstreams(targets, helpers);
        let system = System::start_up(&options)
            .unwrap_or_else(|failure| panic!("-t {targets} -x {helpers}: {failure}"));
        assert_eq!(system.ready().ntgts, targets);
        stop(system);
    }
}
