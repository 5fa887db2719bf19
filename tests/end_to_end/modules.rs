//! Modules that cannot be loaded: the engine does not start, and its log says why.

use crate::{PATIENCE, engine_with, examples};
use harness::{Engine, Options};
use std::path::Path;

/// Starts an engine that must fail; returns its log.
fn fails(options: &Options) -> String {
    let directory = tempfile::tempdir().unwrap();
    // A control plane is there: only the module can be the reason.
    let _control_plane = harness::ControlPlane::listen(directory.path()).unwrap();
    let mut engine = Engine::start(options, directory.path()).unwrap();
    let status = engine.wait(PATIENCE).expect("it gives up");
    assert_eq!(status.code(), Some(1), "{status}\n{}", engine.log_tail(20));
    engine.log()
}

/// An engine that looks for its modules in `directory`.
fn looking_in(directory: &Path, modules: &[&str]) -> Options {
    Options { module_dir: directory.into(), ..engine_with(modules) }
}

#[test]
fn a_missing_module_is_named() {
    let log = fails(&engine_with(&["mgmt_mini", "nowhere"]));
    assert!(log.contains("libnowhere.so"), "{log}");
}

#[test]
fn a_file_that_is_no_library_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("libtext.so"), "no library at all").unwrap();
    let log = fails(&looking_in(directory.path(), &["text"]));
    assert!(log.contains("libtext.so"), "{log}");
}

#[test]
fn a_library_without_the_modules_symbol_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::copy(examples().modules().join("libhello.so"), directory.path().join("libother.so")).unwrap();
    let log = fails(&looking_in(directory.path(), &["other"]));
    assert!(log.contains("other_module"), "{log}");
}

#[test]
fn the_same_module_twice_is_refused() {
    let log = fails(&engine_with(&["mgmt_mini", "hello", "hello"]));
    assert!(log.contains("hello"), "{log}");
}

#[test]
fn a_name_that_is_too_long_is_refused() {
    let long = "m".repeat(40);
    let log = fails(&engine_with(&[&long]));
    assert!(log.contains(&long), "{log}");
}
