//! dRPC calls: many at a time, large ones, and the C client.

use crate::{PATIENCE, examples, program, serving, stop};
use harness::examples::hello;
use harness::message::{Call, Status};
use harness::{System, library_dir};
use std::process::Command;
use std::time::{Duration, Instant};

#[test]
fn each_of_128_connections_gets_its_own_answers() {
    let mut system = serving();
    let connections: Vec<_> = (0..128).map(|_| system.connect().unwrap()).collect();
    std::thread::scope(|scope| {
        for (number, mut connection) in connections.into_iter().enumerate() {
            scope.spawn(move || {
                for round in 0..20 {
                    let name = format!("caller {number}, round {round}");
                    let answer =
                        connection.call(hello::MODULE, hello::GREET, name.clone().into_bytes()).unwrap();
                    assert_eq!(answer.status(), Status::Success);
                    assert_eq!(String::from_utf8(answer.body).unwrap(), format!("Hello, {name}!"));
                }
            });
        }
    });
    system.ping(0).unwrap();
    stop(system);
}

#[test]
fn bodies_of_several_packets_go_both_ways() {
    let mut system = serving();
    for length in [131_000, 131_072, 300_000, 4 << 20] {
        let name = "x".repeat(length);
        let answer = system.call(hello::MODULE, hello::GREET, name.clone().into_bytes()).unwrap();
        assert_eq!(answer.status(), Status::Success, "{length} bytes");
        assert_eq!(answer.body, format!("Hello, {name}!").into_bytes());
    }
    stop(system);
}

#[test]
fn a_call_without_sequence_or_body_is_answered_by_an_empty_message() {
    let system = serving();
    let mut connection = system.connect().unwrap();
    let call = Call { module: hello::MODULE, method: hello::GREET, sequence: 0, body: Vec::new() };
    // All fields of the answer have their default values: it is packed into no bytes at all.
    let answer = connection.exchange(&call).unwrap();
    assert_eq!((answer.sequence, answer.status(), answer.body.len()), (0, Status::Success, 0));
    assert_eq!(
        connection.call(hello::MODULE, hello::GREET, b"again".to_vec()).unwrap().body,
        b"Hello, again!"
    );
    stop(system);
}

#[test]
fn connections_come_and_go_without_a_trace() {
    let mut system = serving();
    // The first calls allocate what later ones use again.
    let visit = |system: &mut System| {
        for _ in 0..300 {
            let mut connection = system.connect().unwrap();
            connection.call(hello::MODULE, hello::GREET, b"visitor".to_vec()).unwrap();
        }
        // A session ends when the listener next looks; a call on an older one comes after that.
        system.ping(0).unwrap();
    };
    visit(&mut system);
    let before = system.engine().usage().unwrap();
    visit(&mut system);
    let settled = eventually(|| system.engine().usage().unwrap().descriptors <= before.descriptors);
    let after = system.engine().usage().unwrap();
    assert!(settled, "{before:?} became {after:?}");
    assert_eq!(after.threads, before.threads);
    stop(system);
}

#[test]
fn the_c_client_prints_the_answer_and_returns_the_status() {
    let system = serving();
    let run = |arguments: &[&str]| {
        Command::new(examples().drpc_client())
            .arg(&system.ready().drpc_listener_sock)
            .args(arguments)
            .env("LD_LIBRARY_PATH", library_dir(program()))
            .output()
            .unwrap()
    };
    let answer = run(&["0", "1", "C"]);
    assert!(answer.status.success(), "{answer:?}");
    assert_eq!(String::from_utf8_lossy(&answer.stdout), "status 0, 9 bytes\nHello, C!\n");
    assert_eq!(run(&["0", "99"]).status.code(), Some(Status::UnknownMethod as i32));
    assert_eq!(run(&["3", "1"]).status.code(), Some(Status::UnknownModule as i32));
    stop(system);

    let nobody = Command::new(examples().drpc_client())
        .args(["/no/such/socket", "0", "1"])
        .env("LD_LIBRARY_PATH", library_dir(program()))
        .output()
        .unwrap();
    assert_eq!(nobody.status.code(), Some(65), "{nobody:?}");
}

/// Whether `condition` becomes true before our patience ends.
fn eventually(mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}
