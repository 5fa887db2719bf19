//! The `daos_engine` executable where it does not come up.

use harness::{Engine, Options};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, accept, bind, listen, socket};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

fn engine(arguments: &[&str]) -> Output {
    let log = tempfile::tempdir().unwrap();
    Command::new(env!("CARGO_BIN_EXE_daos_engine"))
        .args(arguments)
        .env("D_LOG_FILE", log.path().join("engine.log"))
        .env("DAOS_TARGET_OVERSUBSCRIBE", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Runs an engine that must fail; what it says on standard error.
#[track_caller]
fn failure(arguments: &[&str]) -> String {
    let output = engine(arguments);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {text}");
    text
}

#[test]
fn help_goes_to_standard_output() {
    let output = engine(&["--help"]);
    assert!(output.status.success());
    assert!(output.stderr.is_empty());
    assert!(String::from_utf8(output.stdout).unwrap().contains("-x, --xshelpernr=N"));
}

#[test]
fn an_unknown_option_is_named_and_the_help_follows() {
    let text = failure(&["--quick"]);
    assert!(text.contains("unrecognized option '--quick'") && text.contains("--targets"), "{text}");
}

#[test]
fn a_number_that_is_none_is_named() {
    assert!(failure(&["-t", "two"]).contains("invalid numeric value: 'two' (set by -t)"));
}

#[test]
fn without_a_control_plane_the_message_says_where_it_was_looked_for() {
    let sockets = tempfile::tempdir().unwrap();
    let path = sockets.path().to_str().unwrap();
    let text = failure(&["-t", "1", "-x", "1", "-d", path]);
    assert!(text.contains(&format!("{path}/daos_server.sock")), "{text}");
    assert!(text.contains("start daos_server"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn a_socket_directory_that_is_not_there_is_named() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("nowhere");
    let text = failure(&["-t", "1", "-d", path.to_str().unwrap()]);
    assert!(text.contains(&format!("no directory {}", path.display())), "{text}");
    assert!(!path.exists());
}

#[test]
fn a_module_that_is_not_there_is_named() {
    let sockets = tempfile::tempdir().unwrap();
    let text = failure(&["-t", "1", "-m", "nowhere", "-d", sockets.path().to_str().unwrap()]);
    assert!(text.contains("cannot load module nowhere"), "{text}");
}

#[test]
fn a_numa_node_that_is_not_there_is_named() {
    assert!(failure(&["-t", "1", "-p", "4000"]).contains("no NUMA node 4000"));
}

#[test]
fn a_mute_control_plane_does_not_keep_the_engine_from_stopping() {
    let sockets = tempfile::tempdir().unwrap();
    let limit = Duration::from_secs(60);
    let listener = socket(AddressFamily::UNIX, SocketType::SEQPACKET, None).unwrap();
    bind(&listener, &SocketAddrUnix::new(sockets.path().join("daos_server.sock")).unwrap()).unwrap();
    listen(&listener, 1).unwrap();
    set_socket_timeout(&listener, Timeout::Recv, Some(limit)).unwrap();

    let options = Options::new(env!("CARGO_BIN_EXE_daos_engine"), ".", &[]);
    let mut engine = Engine::start(&options, sockets.path()).unwrap();
    let _connection = accept(&listener).expect("the engine connects");
    engine.terminate().unwrap();
    let status = engine.wait(limit).expect("the engine stops");
    assert!(status.success(), "{status}: {}", engine.log_tail(20));
}
