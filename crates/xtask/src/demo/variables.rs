//! The second act: four engines that share variables.

use super::{chapter, say};
use harness::examples::iv_demo::{Class, Outcome, Request, Sync, UPDATE};
use harness::variables::{Traffic, operate};
use harness::{Cluster, Connection, Failure, Options};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

type Result<T = ()> = std::result::Result<T, Failure>;

const ENGINES: u32 = 4;
/// How often each operation of the table is run.
const ROUNDS: usize = 200;
/// How long the failure detector may take to be sure.
const DETECTION: Duration = Duration::from_secs(60);
/// How the failure detector is set: sure within seconds, where DAOS takes half a minute.
const SWIM: [(&str, &str); 2] = [("SWIM_PROTOCOL_PERIOD_LEN", "200"), ("SWIM_SUSPECT_TIMEOUT", "2000")];

/// Tells the story of four engines; `options` are those of the first act.
pub fn tell(options: &Options) -> Result {
    let mut options = options.clone().with_xstreams(1, 0);
    options.modules = ["mgmt_mini", "iv_demo"].map(String::from).to_vec();
    options.environment.extend(SWIM.map(|(name, value)| (name.to_owned(), value.to_owned())));

    let mut cluster = start(&options)?;
    spread(&mut cluster)?;
    climb(&mut cluster)?;
    change_leader(&mut cluster)?;
    let rows = measure(&mut cluster)?;
    lose_one(&mut cluster)?;
    show(&rows);

    chapter("The engines stop");
    let start = Instant::now();
    cluster.stop()?;
    say("SIGTERM", start, "all that were left ended with exit status 0");
    Ok(())
}

fn start(options: &Options) -> Result<Cluster> {
    chapter("Second act: four engines share variables");
    let start = Instant::now();
    let mut cluster = Cluster::start(options, ENGINES)?;
    let uris: Vec<_> = cluster.group().engines.iter().map(|member| member.uri.as_str()).collect();
    say("NotifyReady", start, format!("four engines, at {}", uris.join(", ")));
    let start = Instant::now();
    cluster.bring_up()?;
    say("SetUp", start, "each knows its rank and the group");
    let start = Instant::now();
    cluster.lead(0, 1)?;
    say("lead", start, "rank 0 leads: updates go to it, and from it to all");
    Ok(cluster)
}

/// One line: what was done, how long the engine took, and what came of it.
fn told(what: &str, outcome: &Outcome, text: impl std::fmt::Display) {
    println!("  {what:<12} {:>8.2} ms   {text}", outcome.nsec as f64 / 1e6);
}

/// The texts of a note, as each rank reads it.
fn read_everywhere(cluster: &mut Cluster, note: &Request) -> Result<Vec<String>> {
    cluster.ranks().map(|rank| Ok(cluster.fetch(rank, note)?.text)).collect()
}

fn expect<T: PartialEq + std::fmt::Debug>(
    cluster: &mut Cluster,
    what: &str,
    found: &T,
    wanted: &T,
) -> Result {
    if found == wanted {
        return Ok(());
    }
    let witness = cluster.ranks().next().unwrap_or_default();
    Err(cluster.engine(witness).failure(format!("{what}: {found:?} instead of {wanted:?}")))
}

/// An update, a cold fetch, an invalidation.
fn spread(cluster: &mut Cluster) -> Result {
    chapter("A value spreads");
    let note = Request::note("motd", "written by rank 3", Sync::Eager);
    let outcome = cluster.update(3, &note)?;
    told("update", &outcome, "rank 3 writes a note, eagerly");
    let (texts, traffic) = cluster.watch(Class::Note, |cluster| read_everywhere(cluster, &note))?;
    expect(cluster, "the note", &texts, &vec![note.text.clone(); ENGINES as usize])?;
    println!(
        "  {:<12} {:>11}   every rank has it, {} fetches went over the network",
        "", "", traffic.refreshes
    );

    let lonely = Request::note("lonely", "known to rank 0 alone", Sync::None);
    cluster.update(0, &lonely)?;
    let cold = cluster.fetch(2, &lonely)?;
    expect(cluster, "the cold fetch", &cold.text, &lonely.text)?;
    told("fetch", &cold, "rank 2 does not know a note of rank 0, and asks");
    told("fetch", &cluster.fetch(2, &lonely)?, "again: it was cached on the way");

    let outcome = cluster.invalidate(1, &note)?;
    told("invalidate", &outcome, "rank 1 makes the first note invalid everywhere");
    Ok(())
}

/// A class whose values only go to the leader.
fn climb(cluster: &mut Cluster) -> Result {
    chapter("A sum that only the leader keeps");
    for rank in cluster.ranks() {
        cluster.update(rank, &Request::tally("votes", u64::from(rank) + 1))?;
    }
    let outcome = cluster.fetch(3, &Request::tally("votes", 0))?;
    expect(cluster, "the sum", &outcome.sum, &10)?;
    told("fetch", &outcome, "each rank has added its rank and one; rank 3 reads 10");
    Ok(())
}

fn change_leader(cluster: &mut Cluster) -> Result {
    chapter("The leader changes");
    let start = Instant::now();
    cluster.lead(1, 2)?;
    say("lead", start, "rank 1 leads from term 2 on");
    let note = Request::note("motd", "written under the new leader", Sync::Eager);
    let outcome = cluster.update(2, &note)?;
    let texts = read_everywhere(cluster, &note)?;
    expect(cluster, "the note", &texts, &vec![note.text.clone(); ENGINES as usize])?;
    told("update", &outcome, "rank 2 writes, every rank has it");
    Ok(())
}

/// One engine is killed while another one writes on and on.
fn lose_one(cluster: &mut Cluster) -> Result {
    const WRITER: u32 = 3;
    const KILLED: u32 = 0;
    chapter("An engine dies while updates go on");
    let connection = cluster.engine(WRITER).connect()?;
    let stop = AtomicBool::new(false);
    let written = thread::scope(|scope| {
        let writer = scope.spawn(|| write_on(connection, &stop));
        let outcome = kill_and_exclude(cluster, KILLED);
        stop.store(true, Ordering::Relaxed);
        let written = writer.join().expect("the writer does not panic");
        outcome.and(written.map_err(|error| cluster.engine(WRITER).failure(error)))
    })?;
    let last = written.last.clone();
    let texts = read_everywhere(cluster, &Request::note("counter", "", Sync::None))?;
    expect(cluster, "the last note", &texts, &vec![last; ENGINES as usize - 1])?;
    println!(
        "  {:<12} {:>8.2} ms   was the longest of {} updates; every rank that is left has the last one",
        "updates",
        written.longest.as_secs_f64() * 1e3,
        written.count
    );
    Ok(())
}

fn kill_and_exclude(cluster: &mut Cluster, rank: u32) -> Result {
    // Some updates with everybody there.
    thread::sleep(Duration::from_millis(200));
    let start = Instant::now();
    cluster.kill(rank)?;
    say("SIGKILL", start, format!("rank {rank} is gone"));
    let witness = cluster.wait_dead(rank, DETECTION)?;
    say("SWIM", start, format!("rank {witness} tells that rank {rank} is dead"));
    cluster.exclude(rank)?;
    say("GroupUpdate", start, "the others go on without it");
    thread::sleep(Duration::from_millis(200));
    Ok(())
}

/// What a writer has written.
struct Written {
    count: u32,
    longest: Duration,
    last: String,
}

/// Writes a note again and again until it is told to stop.
fn write_on(mut connection: Connection, stop: &AtomicBool) -> std::io::Result<Written> {
    let mut written = Written { count: 0, longest: Duration::ZERO, last: String::new() };
    while !stop.load(Ordering::Relaxed) {
        written.count += 1;
        written.last = format!("update {}", written.count);
        let start = Instant::now();
        let note = Request::note("counter", &written.last, Sync::Eager);
        let outcome = operate(&mut connection, UPDATE, &note)?;
        if outcome.status != 0 {
            return Err(std::io::Error::other(format!(
                "update {} returned {}",
                written.count, outcome.status
            )));
        }
        written.longest = written.longest.max(start.elapsed());
    }
    Ok(written)
}

/// A line of the table.
struct Row {
    what: &'static str,
    /// Of the whole system, for one operation.
    traffic: Traffic,
    /// At the engine, in nanoseconds, sorted.
    times: Vec<u64>,
}

/// Runs one operation many times: `prepare`, then `act`, which is measured.
fn row(
    cluster: &mut Cluster,
    what: &'static str,
    mut prepare: impl FnMut(&mut Cluster, usize) -> Result,
    mut act: impl FnMut(&mut Cluster, usize) -> Result<Outcome>,
) -> Result<Row> {
    prepare(cluster, 0)?;
    let (first, traffic) = cluster.watch(Class::Note, |cluster| act(cluster, 0))?;
    let mut times = vec![first.nsec];
    for round in 1..ROUNDS {
        prepare(cluster, round)?;
        times.push(act(cluster, round)?.nsec);
    }
    times.sort_unstable();
    Ok(Row { what, traffic, times })
}

/// The operations, at rank 3 with rank 1 as the leader.
fn measure(cluster: &mut Cluster) -> Result<Vec<Row>> {
    let here = |_: &mut Cluster, _: usize| Ok(());
    let text = |round: usize| format!("round {round}");
    let note = |round: usize, sync| Request::note("table", &text(round), sync);
    let cold = |round: usize| Request::note(&format!("cold {round}"), "cold", Sync::None);
    Ok(vec![
        row(
            cluster,
            "fetch, cached",
            |cluster, round| cluster.update(3, &note(round, Sync::Eager)).map(drop),
            |cluster, round| cluster.fetch(3, &note(round, Sync::None)),
        )?,
        row(
            cluster,
            "fetch, cold",
            |cluster, round| cluster.update(1, &cold(round)).map(drop),
            |cluster, round| cluster.fetch(3, &cold(round)),
        )?,
        row(cluster, "update, leader only", here, |cluster, round| {
            cluster.update(3, &note(round, Sync::None))
        })?,
        row(cluster, "update, eager", here, |cluster, round| cluster.update(3, &note(round, Sync::Eager)))?,
        row(cluster, "invalidate, eager", here, |cluster, round| {
            cluster.invalidate(3, &note(round, Sync::Eager))
        })?,
    ])
}

fn show(rows: &[Row]) {
    chapter("Hops and latency, at rank 3 with rank 1 as the leader");
    println!(
        "  {:<22} {:>10} {:>13} {:>13} {:>10} {:>10}",
        "operation", "hops up", "values down", "invalidated", "p50 µs", "p99 µs"
    );
    for Row { what, traffic, times } in rows {
        let at = |hundredth: usize| times[(times.len() * hundredth / 100).min(times.len() - 1)] as f64 / 1e3;
        println!(
            "  {what:<22} {:>10} {:>13} {:>13} {:>10.1} {:>10.1}",
            traffic.updates.saturating_sub(1),
            traffic.refreshes,
            traffic.invalidations,
            at(50),
            at(99)
        );
    }
}
