//! The transport over Mercury, from opening its library to the last call, with a libna of our own (`libna.c`) that keeps
//! to the rules of the real one and checks that we do; and with the real one, if `CART_TEST_PROVIDERS` names providers
//! (`sm ofi+tcp`) and the dynamic linker finds it.
//!
//! The dynamic linker looks at its variables when a process starts, so each test runs in a process of its own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs};

use bytes::Bytes;
use cart::rpc::Link;
use cart::transport::{AnyTransport, Arrival, Limits, Payload, Place, Transport, open};
use cart::wire::{Head, Hello, Moved};

// Provides the symbols of the log.
extern crate gurt as _;

/// Set in the process of a test.
const INSIDE: &str = "CART_TEST_INSIDE";
const PROVIDERS: &str = "CART_TEST_PROVIDERS";
const GOOD: &str = "good";
const BAD: &str = "bad";
const LINK: Link = Link::opened(1);

/// What stands for libna.
enum Libna<'a> {
    /// Ours, compiled with this option.
    Mock(&'a str),
    /// This text.
    Text(&'a str),
    /// One without functions.
    Hollow,
    /// That of the system.
    Real,
}

/// Goes on in the test's own process. In the first one it runs that, and returns false.
fn inside(test: &str, libna: &Libna<'_>) -> bool {
    if env::var(INSIDE).as_deref() == Ok(test) {
        return true;
    }
    let program = env::current_exe().unwrap();
    let mut run = Command::new(program);
    run.args([test, "--exact", "--nocapture"]).env(INSIDE, test);
    let folder = folder(test);
    match libna {
        Libna::Mock(option) => {
            compile(&folder, &[option, concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mercury/libna.c")])
        }
        Libna::Hollow => compile(&folder, &["-x", "c", "/dev/null"]),
        Libna::Text(text) => fs::write(folder.join("libna.so.6"), text).unwrap(),
        Libna::Real => {}
    }
    if !matches!(libna, Libna::Real) {
        run.env("LD_LIBRARY_PATH", &folder);
    }
    let output = run.output().unwrap();
    let text =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success(), "{}: {text}", output.status);
    assert!(text.contains("1 passed"), "{text}");
    false
}

fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("mercury-{test}"));
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn compile(folder: &Path, arguments: &[&str]) {
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-g", "-Wall", "-Wextra", "-Werror", "-o"]).arg(folder.join("libna.so.6"));
    let status = cc.args(arguments).status().expect("a C compiler");
    assert!(status.success());
}

fn hello(rank: u32) -> Hello {
    Hello { group: "group".into(), rank: Some(rank), tag: 0, incarnation: rank.into(), channel: 7 }
}

fn start(rank: u32, provider: &str, interface: &str) -> AnyTransport {
    let place = Place { provider, interface: Some(interface), listen: true, ..Place::default() };
    open(hello(rank), place, Limits::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn refusal(provider: &str) -> String {
    let place = Place { provider, listen: true, ..Place::default() };
    open(hello(1), place, Limits::default()).err().expect("it is refused").to_string()
}

/// A transport and what has come.
struct Side(AnyTransport, Vec<Arrival>);

impl Side {
    fn new(rank: u32, provider: &str, interface: &str) -> Self {
        Side(start(rank, provider, interface), Vec::new())
    }

    fn poll(&mut self) {
        self.0.poll(Some(Duration::from_millis(1)), &mut self.1).unwrap();
    }

    /// Another may speak to it for so long.
    fn until(&mut self, mut other: Option<&mut Side>, mut done: impl FnMut(&[Arrival]) -> bool) {
        let begin = Instant::now();
        while !done(&self.1) {
            self.poll();
            if let Some(other) = &mut other {
                other.poll();
            }
            assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", self.1.len());
        }
    }

    fn frames(&self) -> impl Iterator<Item = (Link, u64, &Bytes)> {
        self.1.iter().filter_map(|arrival| match arrival {
            Arrival::Frame(link, Head::Data(moved), body) => Some((*link, moved.id, body)),
            _ => None,
        })
    }

    fn connected(&self) -> Link {
        let found = self.1.iter().find_map(|arrival| match arrival {
            Arrival::Connected(link, _) => Some(*link),
            _ => None,
        });
        found.expect("it is connected")
    }
}

fn head(id: usize) -> Head {
    Head::Data(Moved { id: id as u64, status: 0 })
}

fn body(id: usize, size: usize) -> Bytes {
    (0..size).map(|byte| (byte * 7 + id) as u8).collect()
}

const SIZES: [usize; 9] = [0, 1, 100, 2900, 3000, 70_000, 8, 1_000_000, 0];

fn send_all(side: &mut Side, link: Link) {
    for (id, size) in SIZES.into_iter().enumerate() {
        side.0.send(link, &head(id), Payload::Bytes(body(id, size)));
    }
}

fn assert_all(side: &Side, link: Link) {
    for (at, ((from, id, content), size)) in side.frames().zip(SIZES).enumerate() {
        assert_eq!((from, id), (link, at as u64));
        assert!(*content == body(at, size), "{at}");
    }
}

/// Frames both ways between two transports of this process, and how they part.
fn between_two(provider: &str, interface: &str) {
    let (mut client, mut server) = (Side::new(1, provider, interface), Side::new(2, provider, interface));
    let uri = server.0.uri().unwrap();
    assert!(uri.contains("://"), "{uri}");
    client.0.connect(LINK, &uri, &hello(1));
    client.until(Some(&mut server), |arrivals| !arrivals.is_empty());
    assert!(
        matches!(&client.1[..], [Arrival::Connected(LINK, hello)] if hello.rank == Some(2)),
        "{:?}",
        client.1
    );
    let accepted = server.connected();
    send_all(&mut client, LINK);
    send_all(&mut server, accepted);
    client.until(Some(&mut server), |arrivals| arrivals.len() > SIZES.len());
    server.until(Some(&mut client), |arrivals| arrivals.len() > SIZES.len());
    assert_all(&client, LINK);
    assert_all(&server, accepted);
    // The one closes it, the other is told.
    server.0.close(accepted);
    client.until(Some(&mut server), |arrivals| matches!(arrivals.last(), Some(Arrival::Lost(LINK))));
    // The one is gone, the other is told.
    let again = Link::opened(2);
    client.0.connect(again, &uri, &hello(1));
    client.until(Some(&mut server), |arrivals| matches!(arrivals.last(), Some(Arrival::Connected(..))));
    drop(server);
    client.until(None, |arrivals| matches!(arrivals.last(), Some(Arrival::Lost(lost)) if *lost == again));
    // Nobody is there any more.
    let third = Link::opened(3);
    client.0.connect(third, &uri, &hello(1));
    client.until(None, |arrivals| matches!(arrivals.last(), Some(Arrival::Lost(lost)) if *lost == third));
}

/// A server in a process of its own sends everything back.
fn between_two_processes(test: &str, provider: &str, interface: &str) {
    const SERVER: &str = "CART_TEST_SERVER";
    if env::var_os(SERVER).is_some() {
        let mut side = Side::new(2, provider, interface);
        println!("\nlistens {}", side.0.uri().unwrap());
        loop {
            side.poll();
            for arrival in side.1.split_off(0) {
                match arrival {
                    Arrival::Frame(link, head, body) => side.0.send(link, &head, Payload::Bytes(body)),
                    Arrival::Lost(_) => return,
                    Arrival::Connected(..) => {}
                }
            }
        }
    }
    let mut server = Command::new(env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .envs([(SERVER, "1"), (PROVIDERS, provider)])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // It stays open: the server has more to say when it ends.
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines().map_while(Result::ok);
    let uri = lines.find_map(|line| line.strip_prefix("listens ").map(str::to_owned)).unwrap();
    let mut client = Side::new(1, provider, interface);
    client.0.connect(LINK, &uri.into(), &hello(1));
    client.until(None, |arrivals| !arrivals.is_empty());
    client.connected();
    send_all(&mut client, LINK);
    client.until(None, |arrivals| arrivals.len() > SIZES.len());
    assert_all(&client, LINK);
    drop(client);
    assert!(server.wait().unwrap().success());
}

#[test]
fn frames_over_a_good_network() {
    if inside("frames_over_a_good_network", &Libna::Mock("-O1")) {
        between_two("mock+dgram", GOOD);
    }
}

#[test]
fn frames_over_a_bad_network() {
    if inside("frames_over_a_bad_network", &Libna::Mock("-O1")) {
        between_two("mock+dgram", BAD);
    }
}

#[test]
fn frames_between_processes() {
    if inside("frames_between_processes", &Libna::Mock("-O1")) {
        between_two_processes("frames_between_processes", "mock+dgram", BAD);
    }
}

#[test]
fn the_real_libna() {
    let providers = env::var(PROVIDERS).unwrap_or_default();
    if providers.is_empty() || !inside("the_real_libna", &Libna::Real) {
        return;
    }
    for provider in providers.split_whitespace() {
        between_two_processes("the_real_libna", provider, "lo");
        between_two(provider, "lo");
    }
}

#[test]
fn a_provider_that_mercury_does_not_know_is_refused() {
    if inside("a_provider_that_mercury_does_not_know_is_refused", &Libna::Mock("-O1")) {
        let text = refusal("ofi+tcp");
        assert!(text.contains("ofi+tcp://"), "{text}");
        let text = refusal("");
        assert!(text.contains("D_PROVIDER"), "{text}");
    }
}

#[test]
fn another_version_is_refused() {
    if inside("another_version_is_refused", &Libna::Mock("-DMOCK_MAJOR=5")) {
        let text = refusal("mock+dgram");
        assert!(text.contains("5.1.2") && text.contains("2.4.1"), "{text}");
    }
}

#[test]
fn what_is_no_libna_is_refused() {
    if inside("what_is_no_libna_is_refused", &Libna::Hollow) {
        let text = refusal("sm");
        assert!(text.contains("NA_Version_get"), "{text}");
    }
}

#[test]
fn what_is_missing_is_named() {
    // A library that cannot be opened, so that one of the system is not found instead.
    if inside("what_is_missing_is_named", &Libna::Text("no library")) {
        let text = refusal("ofi+verbs;ofi_rxm");
        for part in ["ofi+verbs;ofi_rxm", "libna.so.6", "Mercury 2.4.1", "LD_LIBRARY_PATH"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
