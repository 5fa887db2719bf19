//! RPCs of a module from one engine to another.

use crate::{engine_with, examples, program};
use harness::examples::echo::{Answer, CALL, COUNT, Call, MODULE};
use harness::{Cluster, System, library_dir};
use prost::Message;
use rustix::process::Signal;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

/// The system's network context, and that of target 0.
const SYSTEM: u32 = 0;
const TARGET: u32 = 2;

/// `size` engines that serve the RPCs of `echo`.
fn echoes(size: u32) -> Cluster {
    let options = engine_with(&["mgmt_mini", "echo"]);
    Cluster::start_up(&options, size).unwrap_or_else(|failure| panic!("{failure}"))
}

fn to(rank: u32, tag: u32, text: &str) -> Call {
    Call { rank, tag, text: text.into(), ..Call::default() }
}

fn call(engine: &mut System, call: &Call) -> Answer {
    engine.ask(MODULE, CALL, call.encode_to_vec()).unwrap_or_else(|failure| panic!("{failure}"))
}

fn rc(code: abi::daos_errno) -> i32 {
    -i32::try_from(code).unwrap()
}

#[test]
fn a_request_is_handled_on_the_xstream_of_its_context() {
    let mut cluster = echoes(2);
    for (from, to_rank) in [(0, 1), (1, 0), (0, 0)] {
        for (tag, xstream) in [(SYSTEM, 0), (TARGET, 3), (TARGET + 1, 4)] {
            let text = format!("from {from} to {to_rank}, context {tag}");
            let answer = call(cluster.engine(from), &to(to_rank, tag, &text));
            assert_eq!((answer.status, answer.text.as_str()), (0, text.as_str()));
            assert_eq!((answer.rank, answer.xstream), (to_rank, xstream), "{text}");
        }
    }
    let long = "x".repeat(100_000);
    assert_eq!(call(cluster.engine(0), &to(1, TARGET, &long)).text, long);
    cluster.stop().unwrap();
}

#[test]
fn many_ults_have_requests_under_way_at_a_time() {
    let mut cluster = echoes(2);
    let connections: Vec<_> = (0..16).map(|_| cluster.engine(0).connect().unwrap()).collect();
    thread::scope(|scope| {
        for (caller, mut connection) in connections.into_iter().enumerate() {
            scope.spawn(move || {
                for round in 0..50 {
                    let text = format!("caller {caller}, round {round}");
                    let body = to(1, TARGET, &text).encode_to_vec();
                    let answer = connection.call(MODULE, CALL, body).unwrap();
                    let answer = Answer::decode(answer.body.as_slice()).unwrap();
                    assert_eq!((answer.status, answer.text), (0, text));
                }
            });
        }
    });
    cluster.stop().unwrap();
}

#[test]
fn all_ranks_are_counted_along_a_tree() {
    let mut cluster = echoes(5);
    for rank in cluster.ranks() {
        let engine = cluster.engine(rank);
        let answer: Answer = engine.ask(MODULE, COUNT, Vec::new()).unwrap();
        assert_eq!((answer.status, answer.count), (0, 5), "rank {rank}\n{}", engine.engine().log_tail(20));
    }
    cluster.stop().unwrap();
}

#[test]
fn who_does_not_answer_in_time_is_given_up() {
    let mut cluster = echoes(2);
    let slow = Call { delay_ms: 3000, timeout: 1, ..to(1, TARGET, "slow") };
    assert_eq!(call(cluster.engine(0), &slow).status, rc(abi::DER_TIMEDOUT));
    // The answer that comes too late harms nobody.
    let patient = Call { delay_ms: 300, timeout: 30, ..to(1, TARGET, "patient") };
    assert_eq!(call(cluster.engine(0), &patient).text, "patient");

    // A process that stands still has no time to say anything.
    cluster.engine(1).engine().signal(Signal::STOP).unwrap();
    let stopped = Call { timeout: 1, ..to(1, SYSTEM, "stopped") };
    assert_eq!(call(cluster.engine(0), &stopped).status, rc(abi::DER_TIMEDOUT));
    cluster.engine(1).engine().signal(Signal::CONT).unwrap();
    assert_eq!(call(cluster.engine(0), &to(1, SYSTEM, "goes on")).text, "goes on");
    cluster.stop().unwrap();
}

#[test]
fn what_nobody_knows_is_refused() {
    let options = [engine_with(&["mgmt_mini", "echo"]), engine_with(&["mgmt_mini"])];
    let mut cluster = Cluster::start_each(&options).unwrap();
    cluster.bring_up().unwrap();
    let engine = cluster.engine(0);
    assert_eq!(call(engine, &to(1, TARGET, "unknown RPC")).status, rc(abi::DER_UNREG));
    assert_eq!(call(engine, &to(7, TARGET, "unknown rank")).status, rc(abi::DER_OOG));
    assert_ne!(call(engine, &to(1, 77, "unknown context")).status, 0);
    assert_eq!(call(engine, &to(0, TARGET, "still there")).text, "still there");
    cluster.stop().unwrap();
}

#[test]
fn a_peer_that_dies_ends_what_it_was_asked() {
    let mut cluster = echoes(2);
    let mut connection = cluster.engine(0).connect().unwrap();
    thread::scope(|scope| {
        let under_way = scope.spawn(move || {
            let endless = Call { delay_ms: 600_000, timeout: 25, ..to(1, TARGET, "endless") };
            let answer = connection.call(MODULE, CALL, endless.encode_to_vec()).unwrap();
            Answer::decode(answer.body.as_slice()).unwrap()
        });
        // It need not have arrived: then it is refused.
        thread::sleep(Duration::from_millis(200));
        cluster.kill(1).unwrap();
        let answer = under_way.join().unwrap();
        assert_ne!(answer.status, 0);
        assert_ne!(answer.status, rc(abi::DER_TIMEDOUT), "the connection was lost long before");
    });
    assert_ne!(call(cluster.engine(0), &to(1, TARGET, "nobody there")).status, 0);
    cluster.stop().unwrap();
}

/// Runs a program that measures; what it prints.
fn measured(program_in_c: &Path, args: &[&str]) -> String {
    let output = Command::new(program_in_c)
        .args(args)
        .env("LD_LIBRARY_PATH", library_dir(program()))
        .env_remove("D_PROVIDER")
        .env_remove("D_INTERFACE")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_program_in_c_measures_round_trips() {
    let said = measured(&examples().fabric_latency(), &["20", "3"]);
    assert_eq!(said.lines().count(), 3, "{said}");
}

#[test]
fn a_program_in_c_measures_incast_variables() {
    // Small values go in requests and replies, large ones in bulk.
    for size in ["8", "100000"] {
        let said = measured(&examples().iv_latency(), &["5", size]);
        assert_eq!(said.lines().count(), 1 + 3 * 3, "{said}");
    }
}
