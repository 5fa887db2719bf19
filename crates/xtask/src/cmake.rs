//! The C side: configured and built by CMake, tested by CTest, in `target/cmake-<profile>`.

use crate::command::{Outcome, run, run_quietly};
use crate::{Result, root, target};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

const BUILD_LIMIT: Duration = Duration::from_secs(300);
const TEST_LIMIT: Duration = Duration::from_secs(600);

/// Where the C programs built against the library of `profile` (`debug`, `release`) go.
pub fn directory(profile: &str) -> PathBuf {
    target().join(format!("cmake-{profile}"))
}

/// Builds the examples, and the C tests if `tests`, against the library of `profile`.
pub fn build(profile: &str, tests: bool) -> Result<()> {
    let mut configure = Command::new("cmake");
    configure.arg("-S").arg(root()).arg("-B").arg(directory(profile));
    configure.arg(format!("-DDAOS_ENGINE_LIB_DIR={}", target().join(profile).display()));
    configure.arg(format!("-DDAOS_ENGINE_TESTS={}", if tests { "ON" } else { "OFF" }));
    expect_success(run_quietly(configure, BUILD_LIMIT)?, "cmake could not configure the C side")?;

    let mut build = Command::new("cmake");
    build.arg("--build").arg(directory(profile)).args(["--parallel"]);
    expect_success(run_quietly(build, BUILD_LIMIT)?, "the C side does not compile")
}

/// Runs every registered C test; the output is CTest's.
pub fn test(profile: &str) -> Result<Outcome> {
    let mut ctest = Command::new("ctest");
    ctest.arg("--test-dir").arg(directory(profile)).args(["--output-on-failure", "--parallel", "2"]);
    run(ctest, TEST_LIMIT)
}

fn expect_success(outcome: Outcome, sentence: &str) -> Result<()> {
    if outcome.success {
        return Ok(());
    }
    print!("{}", outcome.output);
    Err(sentence.into())
}
