//! Processes that meet over TCP, in one program.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use bytes::Bytes;

use super::settings::Options;
use super::*;
use crate::rpc::{Answer, Call, IncomingId, Rpc};
use crate::swim::{Action, Status};

const ECHO: u32 = 0x0a00_0000;
const HOLD: u32 = ECHO + 1;
const LIMIT: Duration = Duration::from_secs(60);
const MILLI: Duration = Duration::from_millis(1);

/// Answers what it is asked, or keeps it.
struct Tester {
    held: Mutex<Vec<IncomingId>>,
    news: Mutex<Vec<News>>,
    differ: AtomicU64,
    /// How many times more what has failed is sent again.
    again: AtomicU64,
}

impl Attachments for Tester {
    type Request = Sender<Result<Answer>>;
    type Transfer = ();
    type Memory = Vec<u8>;
}

impl User for Tester {
    type Context = ();

    fn handle(&self, network: &Arc<Network<Self>>, event: Event<Self>) {
        match event {
            Event::Request(incoming) if incoming.opcode == ECHO => {
                assert!(network.reply(incoming.id, Ok(()), incoming.body));
            }
            Event::Request(incoming) => lock(&self.held).push(incoming.id),
            Event::Completed { attached, result: Err(_) } if self.again.load(Ordering::Relaxed) > 0 => {
                self.again.fetch_sub(1, Ordering::Relaxed);
                let again = call(1, HOLD);
                network.with(|context, now| context.send(now, again, Attached::User(attached)));
            }
            // Who has asked may be gone.
            Event::Completed { attached, result } => drop(attached.send(result)),
            _ => unreachable!("nothing else is sent"),
        }
    }

    fn rank_changed(&self, news: News) {
        lock(&self.news).push(news);
    }

    fn clocks_differ(&self) {
        self.differ.fetch_add(1, Ordering::Relaxed);
    }
}

/// One clock for all, which never stands still.
fn stamp() -> u64 {
    static CLOCK: AtomicU64 = AtomicU64::new(1000);
    CLOCK.fetch_add(1, Ordering::Relaxed)
}

fn clock() -> Clock {
    Clock { stamp, heard: |hlc| hlc > 0, millis: |_| 0 }
}

fn node(clock: Clock, variables: &'static [(&str, &str)]) -> Arc<Node<Tester>> {
    let (held, news, differ, again) = Default::default();
    let known = |name: &str| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.to_string())
    };
    let settings = Settings::new(true, &Options::default(), known);
    let node = Node::new(Tester { held, news, differ, again }, "test", true, settings, clock);
    node.register(ECHO, 0, vec![Rpc::default(); 2]).unwrap();
    node
}

/// So many processes of one context each, or two for the failure detector, who know each other.
fn system(count: u32, contexts: u32, variables: &'static [(&str, &str)]) -> Vec<Arc<Node<Tester>>> {
    let nodes: Vec<_> = (0..count).map(|_| node(clock(), variables)).collect();
    let mut entries = Vec::new();
    for (rank, node) in (0..).zip(&nodes) {
        for tag in 0..contexts {
            assert_eq!(node.open(0).unwrap().tag(), tag);
        }
        node.join(rank, 1).unwrap();
        let uri = node.read(|directory| directory.own_uri(0));
        entries.push(Entry { rank, incarnation: 0, uri });
    }
    for node in &nodes {
        node.modify(Change::Replace, &entries, 2).unwrap();
    }
    nodes
}

fn call(rank: Rank, opcode: u32) -> Call {
    let body = Bytes::from_static(b"body");
    Call { group: None, rank, tag: 0, opcode, flags: 0, body, timeout: None }
}

fn send(node: &Node<Tester>, rank: Rank, opcode: u32) -> Receiver<Result<Answer>> {
    let (attached, result) = channel();
    let call = call(rank, opcode);
    let network = node.network(0).unwrap();
    network.with(|context, now| context.send(now, call, Attached::User(attached))).unwrap();
    result
}

/// Lets all make progress until something is there.
fn until<T>(nodes: &[Arc<Node<Tester>>], mut what: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = what() {
            return found;
        }
        for network in nodes.iter().flat_map(|node| node.networks()) {
            network.progress(Some(MILLI)).unwrap();
        }
        assert!(begin.elapsed() < LIMIT);
    }
}

fn close(nodes: &[Arc<Node<Tester>>]) {
    for node in nodes {
        for network in node.networks() {
            node.close(&network, true).unwrap();
        }
    }
}

#[test]
fn processes_speak_to_each_other() {
    let nodes = system(3, 1, &[]);
    for (from, to) in [(0, 1), (1, 2), (2, 2)] {
        let result = send(&nodes[from], to, ECHO);
        let answer = until(&nodes, || result.try_recv().ok()).unwrap();
        assert_eq!(&answer.body[..], b"body");
    }
    close(&nodes);
}

#[test]
fn a_reply_by_another_thread_ends_the_wait() {
    let nodes = system(2, 1, &[]);
    let result = send(&nodes[0], 1, HOLD);
    let id = until(&nodes, || lock(&nodes[1].user.held).pop());
    thread::scope(|scope| {
        let (here, there) = (nodes[0].network(0).unwrap(), nodes[1].network(0).unwrap());
        let waits = scope.spawn(move || while !here.progress(None).unwrap() {});
        assert!(there.reply(id, Ok(()), Bytes::new()));
        waits.join().unwrap();
    });
    assert!(result.try_recv().unwrap().is_ok());
    close(&nodes);
}

#[test]
fn what_another_thread_sends_to_this_process_itself_is_handled() {
    let nodes = system(1, 1, &[]);
    thread::scope(|scope| {
        let network = nodes[0].network(0).unwrap();
        let waits = scope.spawn(move || while !network.progress(None).unwrap() {});
        let result = send(&nodes[0], 0, ECHO);
        waits.join().unwrap();
        assert!(until(&nodes, || result.try_recv().ok()).is_ok());
    });
    close(&nodes);
}

#[test]
fn any_number_of_threads_use_a_context() {
    const THREADS: usize = 3;
    const REQUESTS: usize = 300;
    let nodes = system(2, 1, &[]);
    let over = std::sync::atomic::AtomicBool::new(false);
    thread::scope(|scope| {
        let drivers: Vec<_> = nodes
            .iter()
            .flat_map(|node| [node.network(0).unwrap(), node.network(0).unwrap()])
            .map(|network| {
                let over = &over;
                scope.spawn(move || {
                    while !over.load(Ordering::Relaxed) {
                        network.progress(None).unwrap();
                    }
                })
            })
            .collect();
        let senders: Vec<_> = (0..THREADS)
            .map(|thread| {
                let nodes = &nodes;
                scope.spawn(move || {
                    for at in 0..REQUESTS {
                        // To the other, and to itself.
                        let result = send(&nodes[thread % 2], (at % 2) as Rank, ECHO);
                        assert!(result.recv_timeout(LIMIT).expect("an end").is_ok());
                    }
                })
            })
            .collect();
        senders.into_iter().for_each(|sender| sender.join().unwrap());
        over.store(true, Ordering::Relaxed);
        while drivers.iter().any(|driver| !driver.is_finished()) {
            nodes.iter().for_each(|node| node.network(0).unwrap().wake());
            thread::sleep(MILLI);
        }
    });
    close(&nodes);
}

#[test]
fn who_is_woken_returns() {
    let nodes = system(1, 1, &[]);
    let network = nodes[0].network(0).unwrap();
    network.wake();
    assert_eq!(network.progress(None), Ok(false), "woken before");
    thread::scope(|scope| {
        let waits = network.clone();
        let waits = scope.spawn(move || waits.progress(None));
        network.wake();
        assert_eq!(waits.join().unwrap(), Ok(false));
    });
    assert_eq!(network.progress(Some(MILLI)), Ok(false));
    close(&nodes);
}

#[test]
fn who_was_told_of_a_rank_has_his_turn() {
    let nodes = system(1, 2, &[]);
    let begin = Instant::now();
    nodes[0].swim_act(vec![Action::Tell { rank: 7, status: Status::Dead, incarnation: 0 }]);
    assert!(!nodes[0].network(1).unwrap().progress(Some(LIMIT)).unwrap());
    assert!(begin.elapsed() < LIMIT);
    close(&nodes);
}

#[test]
fn a_context_ends_when_it_is_forced_to() {
    let nodes = system(2, 1, &[]);
    let result = send(&nodes[0], 1, HOLD);
    let id = until(&nodes, || lock(&nodes[1].user.held).pop());
    let network = nodes[0].network(0).unwrap();
    assert_eq!(nodes[0].close(&network, false), Err(der::BUSY));
    assert!(result.try_recv().is_err());
    nodes[0].close(&network, true).unwrap();
    assert_eq!(result.try_recv().unwrap(), Err(Der::new(abi::DER_CANCELED.into())));
    assert!(nodes[0].network(0).is_none());
    assert_eq!(network.with(|_, _| ()), None);
    assert_eq!(network.progress(None), Err(der::UNINIT));
    assert!(!network.reply(id, Ok(()), Bytes::new()));
    // The number is free again.
    assert_eq!(nodes[0].open(0).unwrap().tag(), 0);
    close(&nodes);
}

#[test]
fn who_sends_again_while_a_context_ends_is_told_again() {
    let nodes = system(2, 1, &[]);
    let held = send(&nodes[0], 1, HOLD);
    nodes[0].user.again.store(3, Ordering::Relaxed);
    close(&nodes[..1]);
    let result = held.try_recv().expect("it has ended");
    assert_eq!(result.unwrap_err(), Der::new(abi::DER_CANCELED.into()));
    assert_eq!(nodes[0].user.again.load(Ordering::Relaxed), 0);
    close(&nodes[1..]);
}

#[test]
fn a_context_does_not_end_among_those_who_send_for_ever() {
    let nodes = system(2, 1, &[]);
    let held = send(&nodes[0], 1, HOLD);
    nodes[0].user.again.store(u64::MAX, Ordering::Relaxed);
    let network = nodes[0].network(0).unwrap();
    assert_eq!(nodes[0].close(&network, true), Err(der::BUSY));
    assert!(held.try_recv().is_err());
    nodes[0].user.again.store(0, Ordering::Relaxed);
    close(&nodes);
    assert!(held.try_recv().is_ok());
}

#[test]
fn who_has_another_clock_is_refused() {
    let wrong = Clock { stamp: || 0, ..clock() };
    let nodes = [node(wrong, &[]), node(clock(), &[])];
    let mut entries = Vec::new();
    for (rank, node) in (0..).zip(&nodes) {
        let uri = node.open(0).unwrap().uri().cloned();
        node.join(rank, 1).unwrap();
        entries.push(Entry { rank, incarnation: 0, uri });
    }
    for node in &nodes {
        node.modify(Change::Replace, &entries, 2).unwrap();
    }
    let result = send(&nodes[0], 1, ECHO);
    assert_eq!(until(&nodes, || result.try_recv().ok()), Err(der::HLC_SYNC));
    assert!(nodes[1].user.differ.load(Ordering::Relaxed) > 0);
    close(&nodes);
}

#[test]
fn contexts_are_as_many_as_may_be() {
    let strange = node(clock(), &[("D_INTERFACE", "no such interface")]);
    assert_eq!(strange.open(0).map(drop), Err(der::INVAL));
    let (held, news, differ, again) = Default::default();
    let settings = Settings { contexts: 1, ..Settings::new(false, &Options::default(), |_| None) };
    let one = Node::new(Tester { held, news, differ, again }, "test", false, settings, clock());
    let network = one.open(0).unwrap();
    assert_eq!(one.open(0).map(drop), Err(der::AGAIN));
    one.close(&network, false).unwrap();
}

#[test]
fn the_dead_are_found() {
    const FAST: &[(&str, &str)] =
        &[("SWIM_PROTOCOL_PERIOD_LEN", "20"), ("SWIM_PING_TIMEOUT", "500"), ("SWIM_SUSPECT_TIMEOUT", "1000")];
    let mut nodes = system(3, 2, FAST);
    for node in &nodes {
        node.start_swim(SWIM_CONTEXT).unwrap();
        assert_eq!(node.start_swim(SWIM_CONTEXT), Err(der::ALREADY));
    }
    let known =
        |node: &Node<Tester>| (0..3).all(|rank| node.state(rank).is_some_and(|it| it.incarnation > 0));
    until(&nodes, || nodes.iter().all(|node| known(node)).then_some(()));
    let gone = nodes.remove(1);
    close(&[gone]);
    let dead = |node: &Node<Tester>| node.state(1).is_some_and(|state| state.status == Status::Dead);
    until(&nodes, || nodes.iter().all(|node| dead(node)).then_some(()));
    for node in &nodes {
        let news = lock(&node.user.news);
        let deaths: Vec<_> = news.iter().filter(|news| news.detected && !news.alive).collect();
        assert_eq!(deaths.iter().map(|news| news.rank).collect::<Vec<_>>(), [1]);
    }
    close(&nodes);
}
