//! `cargo xtask test`: every check of the project, those that fail fastest first.
//!
//! A stage that fails does not stop the others. The end lists what failed, and its last line is
//! `N passed, N failed`: the sum of Rust tests, C tests and checks.

use crate::command::{self, Outcome};
use crate::{Result, abi, cargo, cmake, headers, install, root, setup, target};
use harness::examples::Warnings;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

/// For whatever compiles or checks.
const CHECK_LIMIT: Duration = Duration::from_secs(600);
/// For the Rust tests, their compilation included.
const TEST_LIMIT: Duration = Duration::from_secs(780);

/// One stage: its name in the summary, and what it does.
type Stage = (&'static str, fn() -> Result<Tally>);

/// New checks are hooked in here.
const STAGES: &[Stage] = &[
    ("Rust format", || check(cargo_with(&["fmt", "--all", "--check"]))),
    ("C format", c_format),
    ("clippy", || {
        check(cargo_with(&["clippy", "-q", "--workspace", "--all-targets", "--", "-D", "warnings"]))
    }),
    ("library and executable", || check(cargo_with(&["build", "-q", "--workspace"]))),
    ("C headers", || {
        headers::run(&root(), true).map_err(|error| error.to_string())?;
        Ok(Tally::success())
    }),
    ("ABI", || {
        let made = abi::check(&root(), &target().join("debug"), &target().join("abi"));
        made.map(|passed| Tally { passed, failed: Vec::new() }).map_err(|error| error.to_string())
    }),
    ("installation", || install::check().map(|passed| Tally { passed, failed: Vec::new() })),
    ("release library", || {
        let built = check(cargo_with(&["build", "-q", "--release", "--lib"]))?;
        if !built.failed.is_empty() {
            return Ok(built);
        }
        let made = abi::check_exports(&root(), &target().join("release"));
        made.map(|passed| Tally { passed, failed: Vec::new() }).map_err(|error| error.to_string())
    }),
    ("features", || {
        let outcome = abi::features::check(&root());
        outcome.map(|(passed, failed)| Tally { passed, failed }).map_err(|error| error.to_string())
    }),
    // They run where cargo-fuzz and a nightly toolchain are; here they must compile.
    ("fuzz targets", || {
        let manifest = root().join("fuzz/Cargo.toml");
        let mut cargo = cargo_with(&["check", "-q", "--locked", "--manifest-path"]);
        cargo.arg(manifest).arg("--target-dir").arg(target().join("fuzz"));
        check(cargo)
    }),
    ("Rust tests", rust_tests),
    ("C tests", c_tests),
];

/// Sets the machine up, runs all stages, prints the summary.
pub fn run() -> Result<ExitCode> {
    setup::run()?;
    let mut total = Tally::default();
    for (name, stage) in STAGES {
        println!("\n== {name}");
        let start = Instant::now();
        let tally = stage().unwrap_or_else(Tally::failure);
        println!("== {name}: {tally} in {:.1} s", start.elapsed().as_secs_f32());
        total.add(name, tally);
    }
    println!();
    for failure in &total.failed {
        println!("FAILED  {failure}");
    }
    println!("{total}");
    Ok(if total.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What passed, and the names of what did not.
#[derive(Default)]
struct Tally {
    passed: usize,
    failed: Vec<String>,
}

impl Tally {
    fn success() -> Self {
        Self { passed: 1, failed: Vec::new() }
    }

    fn failure(sentence: String) -> Self {
        println!("{sentence}");
        Self { passed: 0, failed: vec![sentence] }
    }

    fn add(&mut self, stage: &str, other: Tally) {
        self.passed += other.passed;
        self.failed.extend(other.failed.into_iter().map(|name| format!("{stage}: {name}")));
    }

    /// A suite whose program failed without a failed test of its own (it did not compile, it crashed)
    /// counts as one failure.
    fn or_failure(mut self, success: bool, sentence: &str) -> Self {
        if !success && self.failed.is_empty() {
            self.failed.push(sentence.into());
        }
        self
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed.len())
    }
}

fn cargo_with(arguments: &[&str]) -> Command {
    let mut cargo = cargo();
    cargo.args(arguments);
    cargo
}

/// A program whose exit status is the verdict.
fn check(command: Command) -> Result<Tally> {
    let outcome = command::run(command, CHECK_LIMIT)?;
    Ok(if outcome.success { Tally::success() } else { Tally::failure("see its output above".into()) })
}

/// All C and C++ code that people write must be as clang-format leaves it.
fn c_format() -> Result<Tally> {
    let files: Vec<_> =
        ["c-tests", "ffi-examples"].iter().flat_map(|dir| c_files(&root().join(dir))).collect();
    if files.is_empty() {
        return Ok(Tally::default());
    }
    let mut format = Command::new("clang-format");
    format.args(["--dry-run", "--Werror"]).args(files).current_dir(root());
    check(format)
}

fn c_files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    entries
        .flat_map(|path| match path.extension().and_then(|extension| extension.to_str()) {
            _ if path.is_dir() => c_files(&path),
            Some("c" | "h" | "cpp" | "hpp") => vec![path],
            _ => Vec::new(),
        })
        .collect()
}

fn rust_tests() -> Result<Tally> {
    let outcome = command::run(cargo_with(&["test", "--workspace", "--no-fail-fast"]), TEST_LIMIT)?;
    Ok(of_cargo(&outcome).or_failure(outcome.success, "cargo test"))
}

fn c_tests() -> Result<Tally> {
    let outcome = cmake::test(&cmake::build("all", "debug", Warnings::Deny)?)?;
    Ok(of_ctest(&outcome).or_failure(outcome.success, "ctest"))
}

/// Reads `test result:` lines for the counts and `test … FAILED` lines for the names.
fn of_cargo(outcome: &Outcome) -> Tally {
    let mut tally = Tally::default();
    for line in outcome.output.lines() {
        if let Some(result) = line.strip_prefix("test result:") {
            tally.passed += number_before(result, " passed");
        } else if let Some(name) =
            line.strip_prefix("test ").and_then(|line| line.strip_suffix(" ... FAILED"))
        {
            tally.failed.push(name.into());
        }
    }
    tally
}

/// Reads CTest's last lines: `N% tests passed, N tests failed out of N`, then one line a failure.
fn of_ctest(outcome: &Outcome) -> Tally {
    let Some(at) = outcome.output.rfind("% tests passed, ") else { return Tally::default() };
    let summary = &outcome.output[at..];
    let all: Option<usize> =
        summary.lines().next().and_then(|line| line.rsplit(' ').next()).and_then(|n| n.parse().ok());
    let failed: Vec<String> = summary
        .lines()
        .filter_map(|line| line.trim().split_once(" - "))
        .map(|(_, name)| name.trim().into())
        .collect();
    Tally { passed: all.unwrap_or(0).saturating_sub(failed.len()), failed }
}

/// The number that stands before `word` in `text`; 0 if there is none.
fn number_before(text: &str, word: &str) -> usize {
    let before = text.split(word).next().unwrap_or_default();
    before.rsplit(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(output: &str) -> Outcome {
        Outcome { success: false, output: output.into() }
    }

    #[test]
    fn cargo_results_add_up() {
        let tally = of_cargo(&outcome(
            "test a::b ... ok\ntest a::c ... FAILED\n\
             test result: FAILED. 1 passed; 1 failed; 0 ignored\n\
             test result: ok. 12 passed; 0 failed; 0 ignored\n",
        ));
        assert_eq!((tally.passed, tally.failed), (13, vec!["a::c".to_string()]));
    }

    #[test]
    fn ctest_failures_are_named() {
        let tally = of_ctest(&outcome(
            "75% tests passed, 1 tests failed out of 4\n\nThe following tests FAILED:\n\t  3 - tls.static (Failed)\n",
        ));
        assert_eq!((tally.passed, tally.failed), (3, vec!["tls.static (Failed)".to_string()]));
    }

    #[test]
    fn a_suite_that_does_not_run_counts_as_failed() {
        let tally = of_cargo(&outcome("error: could not compile")).or_failure(false, "cargo test");
        assert_eq!((tally.passed, tally.failed.len()), (0, 1));
    }
}
