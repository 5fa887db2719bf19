//! Incast variables that several engines share.

use crate::{PATIENCE, engine_with};
use harness::examples::iv_demo::{Class, Request, Sync, UPDATE};
use harness::variables::{Traffic, operate};
use harness::{Cluster, Failure, Options};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Engines as small as they can be, as there are up to nine.
fn options() -> Options {
    engine_with(&["mgmt_mini", "iv_demo"]).with_xstreams(1, 0)
}

/// `size` engines of which rank 0 leads.
fn sharing(options: &Options, size: u32) -> Cluster {
    let mut cluster = Cluster::start_up(options, size).unwrap_or_else(|failure| panic!("{failure}"));
    cluster.lead(0, 1).unwrap();
    cluster
}

/// What each rank reads.
fn texts(cluster: &mut Cluster, note: &Request) -> Vec<String> {
    let ranks = cluster.ranks();
    ranks.map(|rank| cluster.fetch(rank, note).unwrap_or_else(|failure| panic!("{failure}")).text).collect()
}

fn all_read(cluster: &mut Cluster, note: &Request) {
    let count = cluster.ranks().count();
    assert_eq!(texts(cluster, note), vec![note.text.clone(); count]);
}

fn watch<T>(
    cluster: &mut Cluster,
    class: Class,
    act: impl FnOnce(&mut Cluster) -> Result<T, Failure>,
) -> (T, Traffic) {
    cluster.watch(class, act).unwrap_or_else(|failure| panic!("{failure}"))
}

/// The story of the demo with `size` engines.
fn story(size: u32) {
    let mut cluster = sharing(&options(), size);
    let last = size - 1;

    // An update at the last rank climbs to the leader, and is on all others when it completes.
    let note = Request::note("motd", "first", Sync::Eager);
    let (_, traffic) = watch(&mut cluster, Class::Note, |cluster| cluster.update(last, &note));
    assert!(traffic.updates >= 2, "{traffic:?}");
    let ((), traffic) = watch(&mut cluster, Class::Note, |cluster| {
        all_read(cluster, &note);
        Ok(())
    });
    assert_eq!(traffic, Traffic { reads: size.into(), ..Traffic::default() }, "all read what they have");

    // A rank that knows nothing asks on the way to the leader, and keeps what it hears.
    let cold = Request::note("cold", "known to the leader", Sync::None);
    cluster.update(0, &cold).unwrap();
    let (first, traffic) = watch(&mut cluster, Class::Note, |cluster| cluster.fetch(last, &cold));
    assert_eq!(first.text, cold.text);
    assert!(traffic.refreshes >= 1 && traffic.reads == 1, "{traffic:?}");
    let (again, traffic) = watch(&mut cluster, Class::Note, |cluster| cluster.fetch(last, &cold));
    assert_eq!((again.text, traffic.refreshes), (cold.text, 0));

    // What is made invalid is asked for again.
    let (_, traffic) = watch(&mut cluster, Class::Note, |cluster| cluster.invalidate(last, &note));
    assert!(traffic.invalidations >= u64::from(last), "{traffic:?}");

    // A sum that only the leader keeps.
    for rank in cluster.ranks() {
        cluster.update(rank, &Request::tally("votes", 1 << rank)).unwrap();
    }
    let sum = cluster.fetch(last, &Request::tally("votes", 0)).unwrap().sum;
    assert_eq!(sum, (1 << size) - 1);

    // Under another leader.
    cluster.lead(last, 2).unwrap();
    let second = Request::note("motd", "second", Sync::Eager);
    cluster.update(0, &second).unwrap();
    all_read(&mut cluster, &second);
    let lazy = Request::note("lazy", "hears of it later", Sync::Lazy);
    cluster.update(0, &lazy).unwrap();
    let end = Instant::now() + PATIENCE;
    while texts(&mut cluster, &lazy).iter().any(|text| *text != lazy.text) {
        assert!(Instant::now() < end, "a lazy update did not arrive");
        thread::sleep(Duration::from_millis(5));
    }
    cluster.stop().unwrap();
}

#[test]
fn two_engines_share_variables() {
    story(2);
}

#[test]
fn three_engines_share_variables() {
    story(3);
}

#[test]
fn five_engines_share_variables() {
    story(5);
}

#[test]
fn nine_engines_share_variables() {
    story(9);
}

#[test]
fn updates_go_on_when_an_engine_dies() {
    const KILLED: u32 = 1;
    let mut options = options();
    // Sure within seconds. Nobody but the killed one may be taken for dead by a loaded machine.
    for (name, value) in [("SWIM_PROTOCOL_PERIOD_LEN", "200"), ("SWIM_SUSPECT_TIMEOUT", "3000")] {
        options.environment.push((name.into(), value.into()));
    }
    let mut cluster = sharing(&options, 4);
    let mut connection = cluster.engine(3).connect().unwrap();
    let (stop, written) = (AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let number = written.load(Ordering::Relaxed) + 1;
                let note = Request::note("counter", &number.to_string(), Sync::Eager);
                let outcome = operate(&mut connection, UPDATE, &note).unwrap();
                assert_eq!(outcome.status, 0, "update {number}");
                written.store(number, Ordering::Relaxed);
            }
        });
        let more = || {
            let (target, end) = (written.load(Ordering::Relaxed) + 10, Instant::now() + PATIENCE);
            while written.load(Ordering::Relaxed) < target {
                assert!(Instant::now() < end && !writer.is_finished(), "updates do not go on");
                thread::sleep(Duration::from_millis(5));
            }
        };
        more();
        cluster.kill(KILLED).unwrap();
        cluster.wait_dead(KILLED, PATIENCE).unwrap();
        cluster.exclude(KILLED).unwrap();
        more();
        stop.store(true, Ordering::Relaxed);
    });
    let last = Request::note("counter", &written.load(Ordering::Relaxed).to_string(), Sync::None);
    all_read(&mut cluster, &last);
    cluster.stop().unwrap();
}

#[test]
fn without_a_leader_a_request_waits_for_one() {
    let mut cluster = Cluster::start_up(&options(), 2).unwrap();
    let mut connection = cluster.engine(1).connect().unwrap();
    let note = Request::note("early", "written before anybody led", Sync::Eager);
    thread::scope(|scope| {
        let writer = scope.spawn(|| operate(&mut connection, UPDATE, &note).unwrap());
        thread::sleep(Duration::from_millis(100));
        cluster.lead(0, 1).unwrap();
        assert_eq!(writer.join().unwrap().status, 0);
    });
    all_read(&mut cluster, &note);
    cluster.stop().unwrap();
}
