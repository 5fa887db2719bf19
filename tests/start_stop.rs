//! Engines start and stop as often as one likes, and leave nothing behind.

use harness::message::{DaosResponse, NotifyReady, Rank, SetRank, Status, method, module};
use harness::{Connection, ControlPlane, Options, System, examples};
use prost::Message;
use std::ffi::{CString, c_char, c_int};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};
use std::{env, fs, ptr};

/// Cycles of starting, serving and stopping within one process.
const CYCLES: usize = 1000;
/// Cycles after which nothing is expected to be allocated for the first time any more.
const WARM_UP: usize = 100;
/// For all cycles; a healthy machine needs a fraction.
const LIMIT: Duration = Duration::from_secs(240);

/// What the process holds between two engines.
#[derive(Clone, Copy, Debug)]
struct Held {
    threads: usize,
    descriptors: usize,
    mappings: usize,
    heap_bytes: usize,
    resident_kib: usize,
}

impl Held {
    fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        Held {
            threads: fs::read_dir("/proc/self/task").unwrap().count(),
            descriptors: fs::read_dir("/proc/self/fd").unwrap().count(),
            mappings: fs::read_to_string("/proc/self/maps").unwrap().lines().count(),
            // SAFETY: takes no argument; counts what malloc has given out, over all arenas.
            heap_bytes: unsafe { libc::mallinfo2() }.uordblks,
            resident_kib: resident.split_whitespace().next().unwrap().parse().unwrap(),
        }
    }

    /// Panics if `later`, after `cycle`, is more than `self` by what a leak in each cycle would make.
    fn assert_no_less_than(&self, later: &Held, cycle: usize) {
        let text = format!("after {WARM_UP} cycles {self:?}, after {cycle} {later:?}");
        let cycles = cycle - WARM_UP;
        assert_eq!(self.threads, later.threads, "{text}");
        assert_eq!(self.descriptors, later.descriptors, "{text}");
        // malloc may map an arena or two more.
        assert!(later.mappings <= self.mappings + 10, "{text}");
        assert!(later.heap_bytes <= self.heap_bytes + cycles, "{text}");
        assert!(later.resident_kib <= self.resident_kib + 2048, "{text}");
    }
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_daos_engine");

fn modules() -> PathBuf {
    examples::for_test(Path::new(PROGRAM)).modules()
}

/// The process in which engines come and go, started by the test below.
#[test]
#[ignore = "runs in a process of its own, started by a_thousand_engines_in_one_process"]
fn guest() {
    let directory = env::var("GUEST_SOCKETS").expect("started by the other test");
    let words = ["guest", "-t", "2", "-x", "1", "-m", "mgmt_mini,hello,counter", "-d", &directory];
    let words = words.map(|word| CString::new(word).unwrap());
    let mut argv: Vec<*mut c_char> = words.iter().map(|word| word.as_ptr().cast_mut()).collect();
    argv.push(ptr::null_mut());

    let mut warm = None;
    for cycle in 1..=CYCLES {
        // SAFETY: the strings outlive the call; this thread stops what it has started.
        unsafe {
            assert_eq!(abi::daos_engine_start(words.len() as c_int, argv.as_mut_ptr()), 0, "cycle {cycle}");
            assert_eq!(abi::daos_engine_stop(), 0, "cycle {cycle}");
        }
        if cycle % WARM_UP == 0 {
            let held = Held::now();
            println!("cycle {cycle}: {held:?}");
            warm.get_or_insert(held).assert_no_less_than(&held, cycle);
        }
    }
}

fn start_guest(sockets: &Path, modules: &Path) -> Child {
    let inherited = env::var("LD_LIBRARY_PATH").unwrap_or_default();
    let output = File::create(sockets.join("guest.out")).unwrap();
    Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "guest", "--nocapture"])
        .env("GUEST_SOCKETS", sockets)
        .env("LD_LIBRARY_PATH", format!("{}:{inherited}", modules.display()))
        .env("D_LOG_FILE", sockets.join("guest.log"))
        .env("D_LOG_MASK", "ERR")
        // Freed memory that malloc keeps for a thread would count as given out.
        .env("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0")
        .env("DAOS_TARGET_OVERSUBSCRIBE", "1")
        .stdout(output.try_clone().unwrap())
        .stderr(output)
        .spawn()
        .unwrap()
}

/// What daos_server does once an engine is ready, and one call more.
fn bring_up(ready: &NotifyReady) {
    let socket = Path::new(&ready.drpc_listener_sock);
    let mut engine = Connection::open(socket, Duration::from_secs(30)).unwrap();
    let rank = SetRank { rank: 1, map_version: 1, daos_version: 0x0208_0001 }.encode_to_vec();
    let ping = Rank { rank: 1 }.encode_to_vec();
    // The engine stops as soon as it is set up: SetUp comes last, and only its effect is waited for.
    for (method, body) in [(method::SET_RANK, rank), (method::PING_RANK, ping)] {
        let answer = engine.call(module::MGMT, method, body).unwrap();
        assert_eq!(answer.status(), Status::Success);
        assert_eq!(DaosResponse::decode(answer.body.as_slice()).unwrap().status, 0);
    }
    let _ = engine.call(module::MGMT, method::SET_UP, Vec::new());
}

#[test]
fn a_thousand_engines_in_one_process() {
    let sockets = tempfile::tempdir().unwrap();
    let control_plane = ControlPlane::listen(sockets.path()).unwrap();
    let mut guest = start_guest(sockets.path(), &modules());
    let end = Instant::now() + LIMIT;
    let mut engines = 0;
    while guest.try_wait().unwrap().is_none() {
        if let Some(ready) = control_plane.wait_ready(Duration::from_millis(10)) {
            bring_up(&ready);
            engines += 1;
        } else if Instant::now() > end {
            guest.kill().unwrap();
        }
    }
    let status = guest.wait().unwrap();
    let read = |name| fs::read_to_string(sockets.path().join(name)).unwrap_or_default();
    let output = read("guest.out") + &read("guest.log");
    assert!(status.success(), "after {engines} engines: {status}\n{output}");
    assert_eq!(engines, CYCLES);
}

#[test]
fn processes_come_up_and_end_with_success() {
    let options = Options::new(PROGRAM, modules(), &["mgmt_mini", "hello"]);
    for cycle in 0..20 {
        let mut system = System::start_up(&options).unwrap_or_else(|err| panic!("cycle {cycle}: {err}"));
        system.ping(0).unwrap();
        assert!(system.stop().unwrap().success(), "cycle {cycle}: {}", system.failure("no clean exit"));
    }
}
