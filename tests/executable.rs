//! The `daos_engine` executable, as a user meets it.

use std::process::Command;

fn engine() -> Command {
    Command::new(env!("CARGO_BIN_EXE_daos_engine"))
}

#[test]
fn help_names_every_option() {
    let output = engine().arg("--help").output().unwrap();
    assert!(output.status.success());
}
