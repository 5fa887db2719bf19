//! The C side: built by CMake in `target/cmake-<profile>`, tested by CTest.

use crate::command::{Outcome, run};
use crate::{Result, target};
use harness::examples::{self, Built, Warnings};
use std::process::Command;
use std::time::Duration;

const TEST_LIMIT: Duration = Duration::from_secs(600);

/// Builds `what` (`examples`, `all`) against the library of `profile` (`debug`, `release`).
pub fn build(what: &str, profile: &str, warnings: Warnings) -> Result<Built> {
    let directory = target().join(format!("cmake-{profile}"));
    examples::build(what, &directory, &target().join(profile), warnings).map_err(|said| {
        println!("{said}");
        "the C side was not built; what CMake said stands above".into()
    })
}

/// Runs every registered C test; the output is CTest's.
pub fn test(built: &Built) -> Result<Outcome> {
    let mut ctest = Command::new("ctest");
    ctest.arg("--test-dir").arg(built.directory()).args(["--output-on-failure", "--parallel", "2"]);
    run(ctest, TEST_LIMIT)
}
