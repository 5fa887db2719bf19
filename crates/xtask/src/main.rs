//! The project's commands: `cargo xtask setup`, `demo`, `test`, `install` and others.
//!
//! Each command lives in a file of its own and returns a [`Result`] whose error is one
//! sentence that says what failed and what to do; it is printed last, with exit status 1.

mod abi;
mod cmake;
mod command;
mod declarations;
mod demo;
mod facts;
mod features;
mod headers;
mod install;
mod setup;
mod test;

use clap::{Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What a command returns: an error is the sentence that the user reads.
type Result<T> = std::result::Result<T, String>;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's commands", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write what is generated from the facts of abi/, or make all checks against them
    Abi {
        /// Compare declarations, headers and the library, which must be built, with the facts
        #[arg(long)]
        check: bool,
    },
    /// Check what the library exports and needs with each feature alone, and with all but each
    Features {
        /// Only build the static libraries of some features into this folder: libdaos_engine-<feature>.a
        #[arg(long)]
        into: Option<PathBuf>,
        /// `drpc-progress` and the like
        #[arg(requires = "into", required = false)]
        features: Vec<String>,
    },
    /// Write the C headers of include/ from crates/abi
    Headers {
        /// Only fail if they are not up to date
        #[arg(long)]
        check: bool,
    },
    /// Build the library and the executable, and install them with headers, pkg-config file and CMake package
    Install {
        /// Where to; not where DAOS itself is installed
        #[arg(long, required_unless_present = "check")]
        prefix: Option<PathBuf>,
        /// Only install the debug build, which must be there, in the target folder, and try it
        #[arg(long, conflicts_with = "prefix")]
        check: bool,
        /// Arguments for `cargo build`, after `--`: `--no-default-features --features system,engine`
        #[arg(last = true)]
        cargo: Vec<String>,
    },
    /// Install what the C side needs and this machine lacks (Debian packages)
    Setup,
    /// Start an engine with the example modules, drive it, show what it does, stop it; then four that share variables
    Demo,
    /// Run every check of the project; the last line is `N passed, N failed`
    Test,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Abi { check: false } => {
            abi::write(&root()).map(|()| ExitCode::SUCCESS).map_err(|error| error.to_string())
        }
        Command::Abi { check: true } => abi::check(&root(), &target().join("debug"), &target().join("abi"))
            .map(|made| {
                println!("{made} facts hold");
                ExitCode::SUCCESS
            })
            .map_err(|error| error.to_string()),
        Command::Features { into: Some(directory), features } => {
            features::build_each(&features, &directory).map(|()| ExitCode::SUCCESS)
        }
        Command::Features { into: None, .. } => match abi::features::check(&root()) {
            Ok((_, wrong)) if !wrong.is_empty() => Err(wrong.join(
                "
",
            )),
            Ok((right, _)) => {
                println!("{right} libraries are as they must be");
                Ok(ExitCode::SUCCESS)
            }
            Err(error) => Err(error.to_string()),
        },
        Command::Headers { check } => {
            headers::run(&root(), check).map(|()| ExitCode::SUCCESS).map_err(|error| error.to_string())
        }
        Command::Install { prefix: Some(prefix), cargo, .. } => install::run(&prefix, &cargo),
        Command::Install { prefix: None, .. } => install::check().map(|made| {
            println!("{made} programs work with the installation");
            ExitCode::SUCCESS
        }),
        Command::Setup => setup::run(),
        Command::Demo => demo::run(),
        Command::Test => test::run(),
    };
    match outcome {
        Ok(code) => code,
        Err(sentence) => {
            eprintln!("error: {sentence}");
            ExitCode::FAILURE
        }
    }
}

/// The root of the workspace, wherever the command is called from.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("crates/xtask lies two below")
        .to_path_buf()
}

/// Where cargo puts what it builds: `CARGO_TARGET_DIR`, or `target` of the workspace.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// The cargo that started this command.
fn cargo() -> std::process::Command {
    let mut cargo = std::process::Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root());
    cargo
}
