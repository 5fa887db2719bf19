//! NotifyReady, SetRank, SetUp, PingRank, PrepShutdown: a control plane's view.

use crate::{engine_with, serving, stop};
use harness::System;
use harness::message::{Status, method, module};

#[test]
fn an_engine_goes_from_ready_to_serving_and_answers_2000_pings() {
    let mut system = System::start(&engine_with(&["mgmt_mini"])).unwrap();
    let ready = system.ready().clone();
    assert_eq!((ready.ntgts, ready.instance_idx, ready.check_mode), (2, 0, false));
    assert!(ready.incarnation > 0);
    assert!(ready.drpc_listener_sock.starts_with(&system.directory().display().to_string()));

    system.set_rank(7).unwrap();
    system.set_up().unwrap();
    for _ in 0..2000 {
        system.ping(7).unwrap();
    }
    system.prepare_shutdown(7).unwrap();
    stop(system);
}

#[test]
fn it_says_on_which_rank_it_started() {
    let mut system = System::start(&engine_with(&["mgmt_mini"])).unwrap();
    system.set_rank(5).unwrap();
    system.set_up().unwrap();
    system.ping(5).unwrap();
    system.stop().unwrap();
    let log = system.engine().log();
    assert!(log.contains("started on rank 5"), "{log}");
}

#[test]
fn what_mgmt_does_not_know_gets_the_right_status() {
    let mut system = serving();
    let unknown = system.call(module::MGMT, 299, Vec::new()).unwrap();
    assert_eq!(unknown.status(), Status::UnknownMethod);
    for method in [method::SET_RANK, method::PING_RANK, method::PREP_SHUTDOWN] {
        let garbage = system.call(module::MGMT, method, vec![0xff; 9]).unwrap();
        assert_eq!(garbage.status(), Status::FailedUnmarshalPayload, "method {method}");
        assert!(garbage.body.is_empty());
    }
    stop(system);
}
