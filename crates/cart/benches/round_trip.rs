//! How long a round trip takes between two processes of one machine: `cargo bench -p cart --bench round_trip`, by TCP or,
//! after `--`, by what is named: `tcp`, `tcp;network` for TCP without the shortcut between processes of one machine, and
//! providers of Mercury, such as `ofi+tcp` and `sm`.
//!
//! The first process starts itself again as the second, which answers. Both poll without waiting, so give each a core of
//! its own. Each line has the shortest, the median and the 99th percentile in microseconds.

use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cart::group::Primary;
use cart::rpc::bulk::{Op, Transfer, Via};
use cart::rpc::{
    Attachments, Call, Context, Event, Groups, Identity, IncomingId, Now, Protocols, Rpc, Settings,
};
use cart::transport::{AnyTransport, Limits, Place, flush, open, turn};
use cart::wire::{Hello, Permission, Region};

// Provides the symbols of the log.
extern crate gurt as _;

const ECHO: u32 = 0x0900_0000;
const PULL: u32 = ECHO + 1;
const MIB: usize = 1 << 20;
const SERVER: &str = "CART_BENCH_SERVER";

struct Shell;

impl Attachments for Shell {
    type Request = ();
    type Transfer = IncomingId;
    type Memory = Vec<u8>;
}

/// A process with one context.
struct Process {
    context: Context<Shell>,
    transport: AnyTransport,
    arrivals: Vec<cart::transport::Arrival>,
    /// Where bulk is read to.
    memory: cart::rpc::bulk::Key,
    completed: u64,
}

static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

fn now() -> Now {
    let nanos = BEGIN.elapsed().as_nanos() as u64;
    Now { nanos, hlc: nanos }
}

impl Process {
    fn new(rank: u32, provider: &str) -> Self {
        let incarnation = u64::from(std::process::id());
        let own = Hello { group: "bench".into(), rank: Some(rank), tag: 0, incarnation, channel: 0 };
        // Loopback, by the name that all providers understand.
        let place = Place { provider, interface: Some("lo"), listen: true, ..Place::default() };
        let transport = open(own, place, Limits::default()).unwrap_or_else(|error| panic!("{error}"));
        let identity = Identity { tag: 0, incarnation, uri: transport.uri(), secret: incarnation.into() };
        let mut protocols = Protocols::default();
        protocols.register(ECHO, 0, vec![Rpc::default(); 2]).expect("a new protocol");
        let mut context =
            Context::new(identity, Settings::default(), groups(rank, None), Arc::new(protocols));
        let memory = context.register(vec![0; MIB], Permission::ReadWrite);
        Process { context, transport, arrivals: Vec::new(), memory, completed: 0 }
    }

    fn turn(&mut self) {
        let poll = Some(Duration::ZERO);
        turn(&mut self.context, &mut self.transport, now, poll, &mut self.arrivals)
            .expect("the network is there");
        while let Some(event) = self.context.next_event() {
            match event {
                Event::Request(incoming) if incoming.opcode == ECHO => {
                    self.context.reply(now(), incoming.id, Ok(()), incoming.body);
                }
                Event::Request(incoming) => {
                    let remote = Region::decode(&mut &incoming.body[..]).expect("a description of memory");
                    let what = Transfer {
                        op: Op::Get,
                        via: Via::Sender(incoming.id),
                        length: remote.length,
                        remote,
                        remote_offset: 0,
                        local: self.memory,
                        local_offset: 0,
                        timeout: 1_000_000_000,
                    };
                    self.context.transfer(now(), what, incoming.id);
                }
                Event::Transferred { attached, result } => {
                    self.context.reply(now(), attached, result, Bytes::new());
                }
                Event::Completed { result, .. } => {
                    result.expect("a reply");
                    self.completed += 1;
                }
                Event::PreForward(_) | Event::Aggregate { .. } | Event::Gathered { .. } => {
                    unreachable!("nothing here is collective")
                }
            }
        }
        flush(&mut self.context, &mut self.transport);
    }

    fn round_trip(&mut self, opcode: u32, body: &Bytes) -> Duration {
        let begin = Instant::now();
        let (group, body) = (None, body.clone());
        let call = Call { group, rank: 1, tag: 0, opcode, flags: 0, body, timeout: None };
        let expected = self.completed + 1;
        self.context.send(now(), call, ());
        while self.completed < expected {
            self.turn();
        }
        begin.elapsed()
    }

    fn measure(&mut self, name: &str, opcode: u32, body: Bytes, count: usize) {
        // The first tenth warms up.
        let times = (0..count + count / 10).map(|_| self.round_trip(opcode, &body)).skip(count / 10);
        let mut times: Vec<_> = times.collect();
        times.sort_unstable();
        let micros = |at: usize| times[at].as_nanos() as f64 / 1000.0;
        let (least, median, most) = (micros(0), micros(count / 2), micros(count * 99 / 100));
        println!("{name:<28} {least:>10.1} {median:>10.1} {most:>10.1}");
    }
}

fn groups(rank: u32, server: Option<Arc<str>>) -> Groups {
    let mut groups = Groups::new("bench");
    groups.primary = Primary::attached([0, 1].into_iter().collect(), 1);
    groups.primary.join(rank, 1).expect("the first time");
    groups.uris = Arc::new(server.into_iter().map(|uri| ((1, 0), uri)).collect());
    groups
}

fn serve(provider: &str) {
    let mut process = Process::new(1, provider);
    println!("{}", process.transport.uri().expect("it listens"));
    // Until the other has gone, whose end of the pipe this is.
    let parent = std::thread::spawn(|| std::io::stdin().read_line(&mut String::new()));
    while !parent.is_finished() {
        (0..1000).for_each(|_| process.turn());
    }
}

fn measure(provider: &str) {
    let program = env::current_exe().expect("this program has a name");
    let server =
        Command::new(program).env(SERVER, provider).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut server = server.expect("the second process starts");
    let mut uri = String::new();
    let output = server.stdout.take().expect("its output is a pipe");
    BufReader::new(output).read_line(&mut uri).expect("it says where it listens");
    let mut client = Process::new(0, provider);
    client.context.set_groups(groups(0, Some(uri.trim().into())));
    println!("{:<28} {:>10} {:>10} {:>10}", format!("{provider}, microseconds"), "least", "median", "99 %");
    client.measure("8 B round trip", ECHO, Bytes::from_static(b"8 bytes!"), 20_000);
    client.measure("1 MiB round trip, inline", ECHO, vec![1; MIB].into(), 500);
    let mut region = Vec::new();
    client.context.describe(client.memory).expect("it is registered").encode(&mut region);
    client.measure("1 MiB round trip, bulk get", PULL, region.into(), 500);
    drop(server.stdin.take());
    server.wait().expect("the second process ends");
}

fn main() {
    if let Ok(provider) = env::var(SERVER) {
        return serve(&provider);
    }
    // cargo adds options of its own.
    let mut providers: Vec<_> = env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if providers.is_empty() {
        providers.push("tcp".into());
    }
    providers.iter().for_each(|provider| measure(provider));
}
