//! Engines that a file tells their group, without a control plane.

use crate::{PATIENCE, engine_with};
use harness::examples::echo::{Answer, CALL, Call, MODULE};
use harness::{Connection, Engine, Options};
use prost::Message;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The network contexts of an engine with one target: system, SWIM, the target.
const CONTEXTS: u16 = 3;

/// The first of `CONTEXTS` ports in a row that nobody uses now.
fn free_ports(from: u16) -> u16 {
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let mut bases = (from..from + 5000).step_by(CONTEXTS.into());
    bases.find(|&base| (base..base + CONTEXTS).all(is_free)).expect("free ports")
}

fn options(group: &Path, port: u16) -> Options {
    let mut options = engine_with(&["echo"]).with_xstreams(1, 0);
    for (name, value) in [
        ("DAOS_ENGINE_GROUP", group.display().to_string()),
        ("D_INTERFACE", "lo".into()),
        ("D_PORT", port.to_string()),
    ] {
        options.environment.push((name.into(), value));
    }
    options
}

fn wait_serving(engine: &mut Engine) {
    let end = Instant::now() + PATIENCE;
    while !engine.log().contains("started on rank") {
        assert!(engine.exited().is_none() && Instant::now() < end, "{}", engine.log_tail(20));
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

fn socket(directory: &Path, engine: &Engine) -> PathBuf {
    directory.join(format!("daos_engine_{}.sock", engine.pid()))
}

#[test]
fn two_engines_of_a_file_find_each_other() {
    // Below the ports that the kernel gives out by itself; those of this process are few.
    let from = 20_000 + (std::process::id() % 1000) as u16 * 6;
    let first = free_ports(from);
    let second = free_ports(first + CONTEXTS);
    let directory = tempfile::tempdir().unwrap();
    let group = directory.path().join("group");
    let text = format!("# two engines\n0 tcp://127.0.0.1:{first}\n1 tcp://127.0.0.1:{second}\n");
    std::fs::write(&group, text).unwrap();
    let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut engines = [(0, first), (1, second)]
        .map(|(at, port)| Engine::start(&options(&group, port), directories[at].path()).unwrap());
    engines.iter_mut().for_each(wait_serving);
    for (rank, engine) in engines.iter().enumerate() {
        let path = socket(directories[rank].path(), engine);
        let mut connection = Connection::open(&path, PATIENCE).unwrap();
        let call = Call { rank: 1 - rank as u32, text: "hello".into(), ..Call::default() };
        let answer = connection.call(MODULE, CALL, call.encode_to_vec()).unwrap();
        let answer = Answer::decode(answer.body.as_slice()).unwrap();
        assert_eq!((answer.status, answer.text.as_str(), answer.rank), (0, "hello", call.rank));
    }
    for engine in &mut engines {
        engine.terminate().unwrap();
        assert!(engine.wait(PATIENCE).expect("it stops").success(), "{}", engine.log_tail(20));
    }
}

#[test]
fn a_file_that_does_not_fit_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let group = directory.path().join("group");
    for (text, said) in [
        (None, "cannot read the group file"),
        (Some("0 tcp://127.0.0.1:1\nnobody\n"), "line 2"),
        (Some("0 tcp://127.0.0.1:1\n"), "has no rank with the URI tcp://127.0.0.1:"),
    ] {
        if let Some(text) = text {
            std::fs::write(&group, text).unwrap();
        }
        let place = tempfile::tempdir().unwrap();
        // Any port will do.
        let mut engine = Engine::start(&options(&group, 0), place.path()).unwrap();
        let status = engine.wait(PATIENCE).expect("it gives up");
        assert_eq!(status.code(), Some(1), "{}", engine.log_tail(20));
        assert!(engine.log().contains(said), "{}", engine.log());
    }
}
