//! Real engine processes with real modules under a control plane: what an administrator, a control plane and
//! a hostile peer can see. Everything goes over the process's sockets, signals, files and exit status.

mod abuse;
mod boot;
mod bring_up;
mod calls;
mod group_file;
mod modules;
mod rpc;
mod variables;
mod work;

use harness::examples::{self, Built};
use harness::{Options, System};
use std::path::Path;
use std::time::Duration;

/// What a loaded machine may take for anything that a healthy engine does at once.
const PATIENCE: Duration = Duration::from_secs(30);

/// The executable that cargo built for this test.
fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_daos_engine"))
}

/// The example modules.
fn examples() -> &'static Built {
    examples::for_test(program())
}

/// An engine of 2 targets and 1 helper that loads `modules`.
fn engine_with(modules: &[&str]) -> Options {
    Options::new(program(), examples().modules(), modules)
}

/// An engine with all example modules, up and serving.
fn serving() -> System {
    System::start_up(&engine_with(&examples::ALL)).unwrap_or_else(|failure| panic!("{failure}"))
}

/// Stops an engine, which must end well.
fn stop(mut system: System) {
    let status = system.stop().unwrap_or_else(|failure| panic!("{failure}"));
    assert!(status.success(), "{status}\n{}", system.engine().log_tail(20));
}
