//! The `daos_engine` executable where it does not come up.

use std::process::{Command, Output, Stdio};

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
fn a_module_that_is_not_there_is_named() {
    let sockets = tempfile::tempdir().unwrap();
    let text = failure(&["-t", "1", "-m", "nowhere", "-d", sockets.path().to_str().unwrap()]);
    assert!(text.contains("cannot load module nowhere"), "{text}");
}

#[test]
fn a_numa_node_that_is_not_there_is_named() {
    assert!(failure(&["-t", "1", "-p", "4000"]).contains("no NUMA node 4000"));
}
