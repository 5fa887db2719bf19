//! `cargo xtask demo`: an engine with two targets and the example modules, from its start to its end; then four engines
//! that share variables.

mod variables;

use crate::{Result, cargo, cmake, setup, target};
use harness::examples::{self, Warnings, counter, hello, latency};
use harness::message::Status;
use harness::{Failure, Options, System};
use prost::Message;
use std::process::ExitCode;
use std::time::Instant;

/// ULTs that the counter module creates and joins.
const ULTS: u32 = 100_000;
const CHORES: u32 = 1000;
const OFFLOADS: u32 = 1000;
const PINGS: usize = 2000;

/// Builds everything, then tells the story of one engine, and that of four.
pub fn run() -> Result<ExitCode> {
    setup::run()?;
    let options = build()?;
    tell(&options).and_then(|()| variables::tell(&options)).map_err(|failure| failure.to_string())?;
    Ok(ExitCode::SUCCESS)
}

/// The release build of the library, the executable and the examples.
fn build() -> Result<Options> {
    println!("build: the engine by cargo, the example modules by CMake");
    // cargo shows its progress itself.
    let status = cargo().args(["build", "--release", "--package", "daos-engine"]).status();
    if !status.map_err(|error| format!("cannot start cargo: {error}"))?.success() {
        return Err("cargo build failed; what it said stands above".into());
    }
    let built = cmake::build("examples", "release", Warnings::Allow)?;
    Ok(Options::new(target().join("release/daos_engine"), built.modules(), &examples::ALL))
}

fn tell(options: &Options) -> std::result::Result<(), Failure> {
    chapter("The engine starts");
    let start = Instant::now();
    let mut system = System::start(options)?;
    let ready = system.ready().clone();
    println!("  daos_engine {}", options.arguments(system.directory()).join(" "));
    say("NotifyReady", start, format!("pid {}, {} targets", system.engine().pid(), ready.ntgts));

    chapter("The control plane brings it up");
    let start = Instant::now();
    system.set_rank(0)?;
    say("SetRank", start, "rank 0");
    let start = Instant::now();
    system.set_up()?;
    say("SetUp", start, "modules are set up, the engine serves");
    ping(&mut system)?;

    chapter("A C module answers");
    let start = Instant::now();
    let answer = system.call(hello::MODULE, hello::GREET, b"newcomer".to_vec())?;
    if answer.status() != Status::Success {
        return Err(system.failure(format!("hello answered {:?}", answer.status())));
    }
    say("hello", start, format!("\"{}\"", String::from_utf8_lossy(&answer.body)));

    work(&mut system)?;
    show_xstreams(&mut system)?;
    show_latency(&mut system)?;

    chapter("The engine stops");
    let start = Instant::now();
    system.prepare_shutdown(0)?;
    let status = system.stop()?;
    say("SIGTERM", start, status);
    if status.success() { Ok(()) } else { Err(system.failure("the engine did not end with exit status 0")) }
}

fn ping(system: &mut System) -> std::result::Result<(), Failure> {
    let start = Instant::now();
    let mut times = Vec::with_capacity(PINGS);
    for _ in 0..PINGS {
        let sent = Instant::now();
        system.ping(0)?;
        times.push(sent.elapsed());
    }
    times.sort_unstable();
    let (p50, p99) = (times[PINGS / 2].as_micros(), times[PINGS * 99 / 100].as_micros());
    say("PingRank", start, format!("{PINGS} times, one after another: p50 {p50} µs, p99 {p99} µs"));
    Ok(())
}

/// Every way of running code on the engine's xstreams.
fn work(system: &mut System) -> std::result::Result<(), Failure> {
    chapter("It runs code on its xstreams");
    let (done, start) = count(system, counter::SPREAD, ULTS)?;
    say("ULTs", start, format!("{} created and joined across targets and helpers", done.count));
    expect(system, "ULTs that ran", done.count, ULTS.into())?;

    let (sum, start) = count(system, counter::SUM, 0)?;
    say(
        "collective",
        start,
        format!("{} targets add up to {} ULTs; the helpers ran the rest", sum.count, sum.sum),
    );

    let (done, start) = count(system, counter::CHORES, CHORES)?;
    say("chores", start, format!("{} done in {} steps", done.count, done.sum));
    expect(system, "chores done", done.count, CHORES.into())?;

    let (done, start) = count(system, counter::OFFLOAD, OFFLOADS)?;
    say("offload", start, format!("{} sums computed by the helper", done.count));
    expect(system, "the sum of all sums", done.sum, u64::from(OFFLOADS) * 500_500)
}

fn count(
    system: &mut System,
    method: i32,
    amount: u32,
) -> std::result::Result<(counter::Outcome, Instant), Failure> {
    let start = Instant::now();
    let body = counter::Amount { amount }.encode_to_vec();
    let outcome: counter::Outcome = system.ask(counter::MODULE, method, body)?;
    if outcome.status != 0 {
        return Err(system.failure(format!("counter's method {method} returned {}", outcome.status)));
    }
    Ok((outcome, start))
}

fn expect(system: &System, what: &str, found: u64, wanted: u64) -> std::result::Result<(), Failure> {
    if found == wanted { Ok(()) } else { Err(system.failure(format!("{what}: {found} instead of {wanted}"))) }
}

fn show_xstreams(system: &mut System) -> std::result::Result<(), Failure> {
    let report: counter::Report = system.ask(counter::MODULE, counter::REPORT, Vec::new())?;
    chapter("Its xstreams");
    println!(
        "  {:<16} {:>3} {:>6} {:>4} {:>9} {:>8} {:>6} {:>7} {:>8}",
        "name", "id", "target", "cpu", "bound to", "ULTs", "tasks", "chores", "offloads"
    );
    for xs in &report.xstreams {
        let target = if xs.tgt_id < 0 { "-".into() } else { xs.tgt_id.to_string() };
        println!(
            "  {:<16} {:>3} {:>6} {:>4} {:>9} {:>8} {:>6} {:>7} {:>8}",
            xs.name, xs.xs_id, target, xs.cpu, xs.cpus, xs.ults, xs.tasks, xs.chores, xs.offloads
        );
    }
    Ok(())
}

fn show_latency(system: &mut System) -> std::result::Result<(), Failure> {
    let report: latency::Report = system.ask(latency::MODULE, latency::REPORT, Vec::new())?;
    chapter("A C++ module measured how late sleeping ULTs wake up");
    for target in &report.targets {
        println!(
            "  target {}         {} sleeps: p50 below {} µs, p99 below {} µs, longest {} µs",
            target.id, target.samples, target.p50_us, target.p99_us, target.max_us
        );
    }
    Ok(())
}

fn chapter(title: &str) {
    println!("\n{title}");
}

/// One line of the story: what, how long since `start`, and what came of it.
fn say(what: &str, start: Instant, outcome: impl std::fmt::Display) {
    println!("  {what:<12} {:>8.2} ms   {outcome}", start.elapsed().as_secs_f64() * 1e3);
}
