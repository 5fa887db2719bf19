//! An engine process: started with options, watched, stopped.

use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How an engine is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// The executable.
    pub program: PathBuf,
    /// Where `lib<name>.so` of its modules are.
    pub module_dir: PathBuf,
    /// Where `libdaos_engine.so` is.
    pub library_dir: PathBuf,
    /// Names of the modules, in the order of loading.
    pub modules: Vec<String>,
    /// Number of targets.
    pub targets: u32,
    /// Number of helper xstreams.
    pub helpers: u32,
    /// Further environment variables.
    pub environment: Vec<(String, String)>,
}

impl Options {
    /// An engine of 2 targets and 1 helper: `program`, which loads `modules` out of `module_dir`.
    pub fn new(program: impl Into<PathBuf>, module_dir: impl Into<PathBuf>, modules: &[&str]) -> Self {
        let program = program.into();
        Self {
            library_dir: library_dir(&program),
            program,
            module_dir: module_dir.into(),
            modules: modules.iter().map(|&name| name.into()).collect(),
            targets: 2,
            helpers: 1,
            environment: Vec::new(),
        }
    }

    /// The same with other numbers of targets and helpers.
    pub fn with_xstreams(mut self, targets: u32, helpers: u32) -> Self {
        (self.targets, self.helpers) = (targets, helpers);
        self
    }

    /// The arguments of the process.
    pub fn arguments(&self, socket_dir: &Path) -> Vec<String> {
        let path = socket_dir.display().to_string();
        let numbers = [self.targets.to_string(), self.helpers.to_string()];
        let [targets, helpers] = numbers;
        let modules = self.modules.join(",");
        ["-t", &targets, "-x", &helpers, "-m", &modules, "-d", &path, "-s", &path].map(String::from).to_vec()
    }
}

/// What a process holds at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Number of threads.
    pub threads: usize,
    /// Number of open file descriptors.
    pub descriptors: usize,
    /// Resident memory in KiB.
    pub resident_kib: usize,
}

/// A running engine. Dropped, it is killed.
pub struct Engine {
    child: Child,
    directory: PathBuf,
}

impl Engine {
    /// Starts the process; its sockets and its logs go into `directory`.
    pub fn start(options: &Options, directory: &Path) -> io::Result<Self> {
        let output = File::create(directory.join("engine.out"))?;
        let child = Command::new(&options.program)
            .args(options.arguments(directory))
            .env("LD_LIBRARY_PATH", search_path(options))
            .env("D_LOG_FILE", directory.join("engine.log"))
            .env("D_LOG_MASK", std::env::var("D_LOG_MASK").unwrap_or_else(|_| "INFO".into()))
            // Two targets, a helper and the system's xstreams are more than some machines have cores.
            .env("DAOS_TARGET_OVERSUBSCRIBE", "1")
            .envs(options.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        Ok(Self { child, directory: directory.into() })
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its exit status if it has ended.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Asks the process to stop, as an administrator would.
    pub fn terminate(&self) -> io::Result<()> {
        self.signal(Signal::TERM)
    }

    /// Sends any signal.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        let pid =
            i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(kill_process(pid, signal)?)
    }

    /// Waits for the end of the process, at most for `limit`.
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.exited() {
                return Some(status);
            }
            if Instant::now() >= end {
                return None;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// The last `lines` lines of what it printed and of its log.
    pub fn log_tail(&self, lines: usize) -> String {
        let mut tail = String::new();
        for name in ["engine.out", "engine.log"] {
            let text = self.read_log(name);
            let all: Vec<&str> = text.lines().collect();
            for line in &all[all.len().saturating_sub(lines)..] {
                tail += &format!("{name}: {line}\n");
            }
        }
        tail
    }

    /// Everything that it printed and logged.
    pub fn log(&self) -> String {
        self.read_log("engine.out") + &self.read_log("engine.log")
    }

    fn read_log(&self, name: &str) -> String {
        let bytes = std::fs::read(self.directory.join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// What the process holds now.
    pub fn usage(&self) -> io::Result<Usage> {
        let process = PathBuf::from(format!("/proc/{}", self.child.id()));
        let status = std::fs::read_to_string(process.join("status"))?;
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.split_whitespace().next()).and_then(|word| word.parse().ok())
        };
        Ok(Usage {
            threads: number("Threads:").ok_or(io::ErrorKind::InvalidData)?,
            descriptors: std::fs::read_dir(process.join("fd"))?.count(),
            resident_kib: number("VmRSS:").ok_or(io::ErrorKind::InvalidData)?,
        })
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if self.exited().is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Where the library is that was built with the executable `program`: cargo always leaves it in `deps`, but
/// puts it beside the executable only for `cargo build`, so that after `cargo test` an older one may be there.
pub fn library_dir(program: &Path) -> PathBuf {
    let beside = program.parent().unwrap_or(Path::new("."));
    let deps = beside.join("deps");
    if deps.join("libdaos_engine.so").exists() { deps } else { beside.into() }
}

/// The modules' folder, the library's, then what the dynamic linker searches anyway.
fn search_path(options: &Options) -> OsString {
    let inherited = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let own = [options.module_dir.clone(), options.library_dir.clone()];
    let rest = std::env::split_paths(&inherited).filter(|path| !path.as_os_str().is_empty());
    // Only a folder with a colon in its name cannot be joined: then the modules are not found, and the engine
    // says so.
    std::env::join_paths(own.into_iter().chain(rest)).unwrap_or_default()
}
