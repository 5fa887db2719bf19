//! The example modules of `ffi-examples/`: how they are built, their ids, and their messages.

use crate::library_dir;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Those that go together, in the order in which they are loaded: all but `echo` and `iv_demo`, which take the dRPC
/// modules of `latency` and `hello`.
pub const ALL: [&str; 4] = ["mgmt_mini", "hello", "counter", "latency"];

/// `hello` greets whoever calls it.
pub mod hello {
    /// Its dRPC module, `DRPC_MODULE_TEST`.
    pub const MODULE: i32 = 0;
    /// The body is a name, the answer's body a greeting; both may be empty.
    pub const GREET: i32 = 1;
}

/// `counter` keeps state on every xstream and runs code on them in every way that there is.
pub mod counter {
    /// Its dRPC module, `DRPC_MODULE_SEC_AGENT`, whose slot an engine leaves free.
    pub const MODULE: i32 = 1;
    /// Answers a [`Report`].
    pub const REPORT: i32 = 1;
    /// Creates and joins an [`Amount`] of ULTs across the xstreams.
    pub const SPREAD: i32 = 2;
    /// Adds up the targets' ULTs in a collective with reduction.
    pub const SUM: i32 = 3;
    /// Does an [`Amount`] of chores of three steps each.
    pub const CHORES: i32 = 4;
    /// Offloads an [`Amount`] of computations, each the sum of 1 to 1000.
    pub const OFFLOAD: i32 = 5;

    /// One execution stream.
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Xstream {
        /// `daos_sys_0`, `daos_io_1`, `daos_off_5` and the like.
        #[prost(string, tag = "1")]
        pub name: String,
        /// Its number in the engine.
        #[prost(int32, tag = "2")]
        pub xs_id: i32,
        /// The target that it serves; negative if none.
        #[prost(int32, tag = "3")]
        pub tgt_id: i32,
        /// The CPU on which it ran last.
        #[prost(int32, tag = "4")]
        pub cpu: i32,
        /// The CPUs to which it is bound, as `0-3,8`.
        #[prost(string, tag = "5")]
        pub cpus: String,
        /// ULTs that the module ran there, other than those below.
        #[prost(uint64, tag = "6")]
        pub ults: u64,
        /// Tasklets that it ran there.
        #[prost(uint64, tag = "7")]
        pub tasks: u64,
        /// Steps of chores.
        #[prost(uint64, tag = "8")]
        pub chores: u64,
        /// Offloaded computations.
        #[prost(uint64, tag = "9")]
        pub offloads: u64,
    }

    /// What the module counted.
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Report {
        /// All execution streams of the engine.
        #[prost(message, repeated, tag = "1")]
        pub xstreams: Vec<Xstream>,
        /// How often its ticking ULT woke up.
        #[prost(uint64, tag = "2")]
        pub ticks: u64,
    }

    /// How much work to do.
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Amount {
        /// The number of pieces.
        #[prost(uint32, tag = "1")]
        pub amount: u32,
    }

    /// What the work came to.
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Outcome {
        /// 0 or `-DER_*`.
        #[prost(int32, tag = "1")]
        pub status: i32,
        /// Pieces done.
        #[prost(uint64, tag = "2")]
        pub count: u64,
        /// What they add up to.
        #[prost(uint64, tag = "3")]
        pub sum: u64,
    }
}

/// `latency` measures on each target how late a sleeping ULT wakes up.
pub mod latency {
    /// Its dRPC module, `DRPC_MODULE_SEC`, whose slot an engine leaves free.
    pub const MODULE: i32 = 4;
    /// Answers a [`Report`].
    pub const REPORT: i32 = 1;

    /// The delays of one target, in microseconds. Percentiles are powers of two.
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Target {
        /// The target's number.
        #[prost(uint32, tag = "1")]
        pub id: u32,
        /// Sleeps so far.
        #[prost(uint64, tag = "2")]
        pub samples: u64,
        /// Half of the delays were shorter.
        #[prost(uint32, tag = "3")]
        pub p50_us: u32,
        /// 99 of 100 delays were shorter.
        #[prost(uint32, tag = "4")]
        pub p99_us: u32,
        /// The longest delay.
        #[prost(uint32, tag = "5")]
        pub max_us: u32,
    }

    /// All targets.
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Report {
        /// In the order of their numbers.
        #[prost(message, repeated, tag = "1")]
        pub targets: Vec<Target>,
    }
}

/// `echo` sends RPCs from engine to engine.
pub mod echo {
    /// Its dRPC module, `DRPC_MODULE_SEC`, whose slot an engine leaves free.
    pub const MODULE: i32 = 4;
    /// Sends a [`Call`] to another rank; answers an [`Answer`].
    pub const CALL: i32 = 1;
    /// Counts all ranks by a collective RPC; answers an [`Answer`].
    pub const COUNT: i32 = 2;

    /// What to ask of whom.
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Call {
        /// The rank.
        #[prost(uint32, tag = "1")]
        pub rank: u32,
        /// The network context: 0 is the system's, 2 that of target 0.
        #[prost(uint32, tag = "2")]
        pub tag: u32,
        /// What comes back.
        #[prost(string, tag = "3")]
        pub text: String,
        /// How long the other waits before it answers, in milliseconds.
        #[prost(uint32, tag = "4")]
        pub delay_ms: u32,
        /// How long this one waits, in seconds; 0 for the default.
        #[prost(uint32, tag = "5")]
        pub timeout: u32,
    }

    /// What came back.
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Answer {
        /// 0 or `-DER_*`.
        #[prost(int32, tag = "1")]
        pub status: i32,
        /// What was sent.
        #[prost(string, tag = "2")]
        pub text: String,
        /// Who has answered.
        #[prost(uint32, tag = "3")]
        pub rank: u32,
        /// On which xstream.
        #[prost(int32, tag = "4")]
        pub xstream: i32,
        /// How many have answered.
        #[prost(uint32, tag = "5")]
        pub count: u32,
        /// How long it took, in nanoseconds.
        #[prost(uint64, tag = "6")]
        pub nsec: u64,
    }
}

/// `iv_demo` shares variables between engines.
pub mod iv_demo {
    /// Its dRPC module, `DRPC_MODULE_TEST`.
    pub const MODULE: i32 = 0;
    /// Writes the variable of a [`Request`]; answers an [`Outcome`].
    pub const UPDATE: i32 = 1;
    /// Reads it; answers an [`Outcome`].
    pub const FETCH: i32 = 2;
    /// Makes it invalid; answers an [`Outcome`].
    pub const INVALIDATE: i32 = 3;
    /// Tells the engine its [`Leader`]; answers an [`Outcome`].
    pub const LEAD: i32 = 4;
    /// Answers a [`Report`].
    pub const REPORT: i32 = 5;

    /// A class of variables.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
    #[repr(i32)]
    pub enum Class {
        /// A text, which every rank keeps.
        Note = 0,
        /// A sum, which only the leader keeps.
        Tally = 1,
    }

    /// When the other ranks hear of an update.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
    #[repr(i32)]
    pub enum Sync {
        /// Never.
        None = 0,
        /// Before it completes.
        Eager = 1,
        /// After it has completed.
        Lazy = 2,
    }

    /// What is to be done with a variable.
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Request {
        /// Its class.
        #[prost(enumeration = "Class", tag = "1")]
        pub class: i32,
        /// Its key, of at most 47 bytes.
        #[prost(string, tag = "2")]
        pub key: String,
        /// The text of a note to write, of at most 127 bytes.
        #[prost(string, tag = "3")]
        pub text: String,
        /// What to add to a tally.
        #[prost(uint64, tag = "4")]
        pub amount: u64,
        /// When others hear of it.
        #[prost(enumeration = "Sync", tag = "5")]
        pub sync: i32,
    }

    /// What came of it.
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Outcome {
        /// 0 or `-DER_*`.
        #[prost(int32, tag = "1")]
        pub status: i32,
        /// How long it took at the engine, in nanoseconds.
        #[prost(uint64, tag = "2")]
        pub nsec: u64,
        /// The text of the note that was fetched.
        #[prost(string, tag = "3")]
        pub text: String,
        /// The rank that wrote it.
        #[prost(uint32, tag = "4")]
        pub writer: u32,
        /// The sum of the tally that was fetched.
        #[prost(uint64, tag = "5")]
        pub sum: u64,
    }

    /// Who leads.
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Leader {
        /// Its rank.
        #[prost(uint32, tag = "1")]
        pub rank: u32,
        /// Since which term.
        #[prost(uint64, tag = "2")]
        pub term: u64,
    }

    /// How often the callbacks of a class have run at a rank.
    #[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
    pub struct Calls {
        /// Values on their way to the leader, at the leader too.
        #[prost(uint64, tag = "1")]
        pub updates: u64,
        /// Fetches that were answered from here.
        #[prost(uint64, tag = "2")]
        pub reads: u64,
        /// Values that came from the leader.
        #[prost(uint64, tag = "3")]
        pub refreshes: u64,
        /// News that a value is not valid any more.
        #[prost(uint64, tag = "4")]
        pub invalidations: u64,
    }

    /// What an engine knows.
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Report {
        /// Its rank.
        #[prost(uint32, tag = "1")]
        pub rank: u32,
        /// Who leads.
        #[prost(message, optional, tag = "2")]
        pub leader: Option<Leader>,
        /// By class.
        #[prost(message, repeated, tag = "3")]
        pub calls: Vec<Calls>,
    }
}

/// What CMake has built.
pub struct Built {
    /// Where it was built.
    directory: PathBuf,
}

impl Built {
    /// Where `lib<name>.so` of the modules are.
    pub fn modules(&self) -> PathBuf {
        self.directory.join("modules")
    }

    /// The program that calls one dRPC method.
    pub fn drpc_client(&self) -> PathBuf {
        self.directory.join("ffi-examples/drpc_client")
    }

    /// The program that measures round trips between two processes.
    pub fn fabric_latency(&self) -> PathBuf {
        self.directory.join("ffi-examples/fabric_latency")
    }

    /// The program that measures incast variables between two to eight processes.
    pub fn iv_latency(&self) -> PathBuf {
        self.directory.join("ffi-examples/iv_latency")
    }

    /// Where it was built, which is where CTest runs.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

/// Whether the compiler's warnings stop a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warnings {
    /// They do: for the project's own checks.
    Deny,
    /// They do not: compilers that did not exist yet may warn of something new.
    Allow,
}

/// Builds a target of the project's CMakeLists.txt (`examples`, or `all`) in `directory`, against the library
/// in `library_dir`. The error is what CMake or the compiler said.
pub fn build(
    target: &str,
    directory: &Path,
    library_dir: &Path,
    warnings: Warnings,
) -> Result<Built, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).ok_or("no workspace")?;
    let mut configure = Command::new("cmake");
    configure.arg("-S").arg(root).arg("-B").arg(directory);
    configure.arg(format!("-DDAOS_ENGINE_LIB_DIR={}", library_dir.display()));
    let deny = if warnings == Warnings::Deny { "ON" } else { "OFF" };
    configure.arg(format!("-DCMAKE_COMPILE_WARNING_AS_ERROR={deny}"));
    expect_success(configure)?;
    let mut build = Command::new("cmake");
    build.arg("--build").arg(directory).args(["--parallel", "--target", target]);
    expect_success(build)?;
    Ok(Built { directory: directory.into() })
}

/// The examples for a test whose engine is `program`, built once a process, in `cmake-<profile>` beside the
/// profile's folder. Panics with what CMake said.
pub fn for_test(program: &Path) -> &'static Built {
    static BUILT: OnceLock<Built> = OnceLock::new();
    BUILT.get_or_init(|| {
        let profile = program.parent().expect("cargo's absolute path");
        let name = profile.file_name().expect("the profile's folder").to_string_lossy();
        let directory = profile.with_file_name(format!("cmake-{name}"));
        build("examples", &directory, &library_dir(program), Warnings::Deny)
            .unwrap_or_else(|said| panic!("{said}"))
    })
}

fn expect_success(mut command: Command) -> Result<(), String> {
    let output = command.output().map_err(|error| {
        format!("cannot start cmake ({error}); `cargo xtask setup` installs what is missing")
    })?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    Err(String::from_utf8_lossy(&text).into_owned())
}
