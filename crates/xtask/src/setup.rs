//! `cargo xtask setup`: what the C side needs beyond a Rust toolchain.
//!
//! A need is met when its program runs or its header compiles, whichever package brought it; packages are
//! only asked for when something is missing.

use crate::command;
use crate::{Result, root};
use std::process::{Command, ExitCode};
use std::time::Duration;

/// How to find out whether something is there.
enum Probe {
    /// A program on the search path.
    Program(&'static str),
    /// A header that the C compiler finds.
    Header(&'static str),
}

/// One thing that the project's commands call or include.
struct Need {
    probe: Probe,
    /// The Debian package that brings it.
    package: &'static str,
    purpose: &'static str,
}

const fn program(name: &'static str, package: &'static str, purpose: &'static str) -> Need {
    Need { probe: Probe::Program(name), package, purpose }
}

const fn header(path: &'static str, package: &'static str, purpose: &'static str) -> Need {
    Need { probe: Probe::Header(path), package, purpose }
}

const NEEDS: &[Need] = &[
    program("cc", "gcc", "compiles the C modules and tests"),
    program("c++", "g++", "compiles the C++ module"),
    program("make", "make", "runs what CMake writes"),
    program("cmake", "cmake", "builds the examples and the C tests"),
    program("pkg-config", "pkg-config", "finds libraries"),
    program("protoc-c", "protobuf-c-compiler", "translates the messages of the C modules"),
    program("valgrind", "valgrind", "checks the memory accesses of the C tests"),
    program("clang-format", "clang-format", "checks the format of C code"),
    program("abidiff", "abigail-tools", "compares the library with a C reference of its headers"),
    program("strip", "binutils", "removes debugging information, for a test of those who need it"),
    header("stdlib.h", "libc6-dev", "the C library"),
    header("cmocka.h", "libcmocka-dev", "the framework of the C tests"),
    header("protobuf-c/protobuf-c.h", "libprotobuf-c-dev", "dRPC messages as C structures"),
    header("hwloc.h", "libhwloc-dev", "included by DAOS's headers"),
    header("uuid/uuid.h", "uuid-dev", "included by DAOS's headers"),
];

/// Installing packages needs the network, which may be slow.
const INSTALL_LIMIT: Duration = Duration::from_secs(600);

/// Installs what is missing; does nothing where nothing is.
pub fn run() -> Result<ExitCode> {
    let missing = missing();
    if missing.is_empty() {
        println!("setup: all {} tools and headers are present", NEEDS.len());
        return Ok(ExitCode::SUCCESS);
    }
    println!("setup: missing on this machine:");
    for need in &missing {
        println!("  {:<26} {:<20} {}", need.name(), need.package, need.purpose);
    }
    install(&packages(&missing))?;
    let still = self::missing();
    if still.is_empty() {
        println!("setup: installed");
        return Ok(ExitCode::SUCCESS);
    }
    let names: Vec<_> = still.iter().map(|need| need.name()).collect();
    Err(format!("still missing after the installation: {}", names.join(", ")))
}

impl Need {
    fn name(&self) -> &'static str {
        match self.probe {
            Probe::Program(name) | Probe::Header(name) => name,
        }
    }

    fn is_met(&self) -> bool {
        match self.probe {
            Probe::Program(name) => on_search_path(name),
            Probe::Header(path) => compiles(path),
        }
    }
}

fn missing() -> Vec<&'static Need> {
    NEEDS.iter().filter(|need| !need.is_met()).collect()
}

fn packages(needs: &[&'static Need]) -> Vec<&'static str> {
    let mut packages: Vec<_> = needs.iter().map(|need| need.package).collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}

fn on_search_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

fn compiles(header: &str) -> bool {
    let mut cc = Command::new("cc");
    cc.args(["-E", "-x", "c", "-include", header, "/dev/null"]).current_dir(root());
    command::run_quietly(cc, Duration::from_secs(60)).is_ok_and(|outcome| outcome.success)
}

/// Installs Debian packages as root or through sudo.
fn install(packages: &[&str]) -> Result<()> {
    let by_hand = format!("install these Debian packages (or your system's own): {}", packages.join(" "));
    if !on_search_path("apt-get") {
        return Err(format!("there is no apt-get here; {by_hand}"));
    }
    let sudo = !rustix::process::geteuid().is_root();
    if sudo && !on_search_path("sudo") {
        return Err(format!("not root, and there is no sudo; as root, {by_hand}"));
    }
    println!("setup: installing {}", packages.join(" "));
    // Lists that are too old name packages that are gone; but without the network the installed lists
    // may still do, so only the installation's own failure counts.
    let _ = command::run_quietly(apt_get(sudo, &["update"]), INSTALL_LIMIT)?;
    let mut arguments = vec!["install", "-y", "--no-install-recommends"];
    arguments.extend(packages);
    let outcome = command::run_quietly(apt_get(sudo, &arguments), INSTALL_LIMIT)?;
    if outcome.success {
        return Ok(());
    }
    print!("{}", outcome.output);
    Err(format!("apt-get failed; {by_hand}"))
}

fn apt_get(sudo: bool, arguments: &[&str]) -> Command {
    let mut command = if sudo {
        let mut command = Command::new("sudo");
        command.args(["--", "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        command
    } else {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    command.args(arguments);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_tell_present_from_absent() {
        assert!(on_search_path("sh"));
        assert!(!on_search_path("no-such-program"));
        assert!(compiles("stdlib.h"));
        assert!(!compiles("no/such/header.h"));
    }

    #[test]
    fn a_package_is_asked_for_once() {
        let two = [program("a", "same", ""), program("b", "same", "")];
        let needs: Vec<&'static Need> = Vec::leak(Vec::from(two)).iter().collect();
        assert_eq!(packages(&needs), ["same"]);
    }
}
