//! Contexts on a simulated network, each with a user who echoes, adds up and keeps count.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use gurt_client::{Der, Result};
use proptest::prelude::*;

use super::bulk::{Op, Transfer, Via};
use super::collective::{Broadcast, FAILOUT, FILTER_INVERT};
use super::*;
use crate::group::{Change, Secondary};
use crate::transport::sim::{self, Net, Place, Step};
use crate::transport::{deliver, flush};
use crate::tree::{Ratio, Topology};
use crate::wire::{self, Hello, Permission, Region};

const BASE: u32 = 0x0900_0000;
/// Replies with its input.
const ECHO: u32 = BASE;
/// Has no reply.
const ONE_WAY: u32 = BASE + 1;
/// Never replies.
const SILENT: u32 = BASE + 2;
/// Collective: replies with the number of ranks that handled it.
const COUNT: u32 = BASE + 3;
/// Collective, without functions.
const PLAIN: u32 = BASE + 4;
/// Replies with the bytes of the memory that its input describes, and fills that memory with 7.
const PULL: u32 = BASE + 5;
/// Waits until its target leaves the group.
const PATIENT: u32 = BASE + 6;
/// As ECHO, but goes before others.
const URGENT: u32 = BASE + 7;

struct Test;

impl Attachments for Test {
    type Request = u64;
    type Transfer = u64;
    type Memory = Vec<u8>;
}

fn protocols() -> Arc<Protocols> {
    let plain = Rpc::default();
    let functions = Collectively { pre_forward: true, aggregate: true };
    let rpcs = vec![
        plain,
        Rpc { no_reply: true, ..plain },
        plain,
        Rpc { collectively: Some(functions), ..plain },
        plain,
        plain,
        Rpc { no_timeout: true, ..plain },
        Rpc { queue_front: true, ..plain },
    ];
    let mut protocols = Protocols::default();
    protocols.register(BASE, 0, rpcs).unwrap();
    Arc::new(protocols)
}

/// One process with one context.
struct Process {
    context: Context<Test>,
    life: u64,
    wake: Option<Nanos>,
    /// How requests ended.
    ended: BTreeMap<u64, Result<Bytes>>,
    /// How transfers ended.
    transferred: BTreeMap<u64, Result>,
    /// How often each input was handled.
    handled: BTreeMap<Bytes, u32>,
    /// The handlers that never reply.
    silent: Vec<IncomingId>,
    /// Requests whose memory is being read, and where it is read to.
    pulling: HashMap<u64, (IncomingId, bulk::Key)>,
    /// What collective requests have come to.
    counts: HashMap<IncomingId, u64>,
    refuse_forward: bool,
}

struct World {
    net: Net,
    groups: Groups,
    settings: Settings,
    processes: Vec<Process>,
    sent: u64,
}

impl World {
    fn new(size: usize, seed: u64) -> Self {
        Self::with(size, seed, Settings { timeout: SECOND, ..Settings::default() })
    }

    fn with(size: usize, seed: u64, settings: Settings) -> Self {
        let mut groups = Groups::new("group");
        let uris = (0..size).map(|place| ((place as Rank, 0), sim::uri(place)));
        groups.uris = Arc::new(uris.collect());
        let mut world = World { net: Net::new(size, seed), groups, settings, processes: Vec::new(), sent: 0 };
        for place in 0..size {
            let process = world.start(place, 1);
            world.processes.push(process);
        }
        world
    }

    fn groups_of(&self, rank: Rank) -> Groups {
        let mut groups = self.groups.clone();
        groups.primary.join(rank, 1).unwrap();
        let all: Vec<_> = groups.uris.keys().map(|(rank, _)| *rank).collect();
        groups.primary.modify(Change::Replace, &all, 1).unwrap();
        groups
    }

    fn start(&self, place: Place, life: u64) -> Process {
        let identity = Identity {
            tag: 0,
            incarnation: place as u64 * 1000 + life,
            uri: Some(sim::uri(place)),
            secret: place as u128,
        };
        let groups = self.groups_of(place as Rank);
        Process {
            context: Context::new(identity, self.settings, groups, protocols()),
            life,
            wake: None,
            ended: BTreeMap::new(),
            transferred: BTreeMap::new(),
            handled: BTreeMap::new(),
            silent: Vec::new(),
            pulling: HashMap::new(),
            counts: HashMap::new(),
            refuse_forward: false,
        }
    }

    fn now(&self) -> Now {
        Now { nanos: self.net.now(), hlc: self.net.now() + 1 }
    }

    fn restart(&mut self, place: Place) {
        self.net.restart(place);
        let life = self.processes[place].life + 1;
        let mut process = self.start(place, life);
        process.handled = std::mem::take(&mut self.processes[place].handled);
        self.processes[place] = process;
    }

    fn run(&mut self, duration: Nanos) {
        let until = self.net.now() + duration;
        while let Some(step) = self.net.step(until) {
            let place = match step {
                Step::Wake(place) => place,
                Step::Arrival(place, arrival) => {
                    let now = self.now();
                    deliver(&mut self.processes[place].context, now, arrival);
                    place
                }
                Step::Accept(place, opening) => {
                    let identity = self.processes[place].context.identity();
                    let own = Hello {
                        group: "group".into(),
                        rank: Some(place as Rank),
                        tag: 0,
                        incarnation: identity.incarnation,
                        channel: 0,
                    };
                    let arrival = self.net.accept(place, opening, own);
                    let now = self.now();
                    deliver(&mut self.processes[place].context, now, arrival);
                    place
                }
            };
            self.turn(place);
        }
    }

    /// Lets a process do what it has to.
    fn turn(&mut self, place: Place) {
        let now = self.now();
        let process = &mut self.processes[place];
        let next = process.context.progress(now);
        loop {
            flush(&mut process.context, &mut self.net.at(place));
            let Some(event) = process.context.next_event() else { break };
            process.handle(now, event);
        }
        let next = next.into_iter().chain(process.context.progress(now)).min();
        if let Some(next) =
            next.filter(|&next| process.wake.is_none_or(|wake| wake <= now.nanos || next < wake))
        {
            process.wake = Some(next);
            self.net.wake(place, next.max(now.nanos + 1));
        }
    }

    fn call(&self, rank: Rank, opcode: u32, body: &str) -> Call {
        Call {
            group: None,
            rank,
            tag: 0,
            opcode,
            flags: 0,
            body: Bytes::copy_from_slice(body.as_bytes()),
            timeout: None,
        }
    }

    fn send(&mut self, from: Place, call: Call) -> u64 {
        self.sent += 1;
        let (now, sent) = (self.now(), self.sent);
        self.processes[from].context.send(now, call, sent);
        self.turn(from);
        sent
    }

    fn broadcast(&mut self, from: Place, what: Broadcast) -> u64 {
        self.sent += 1;
        let (now, sent) = (self.now(), self.sent);
        self.processes[from].context.broadcast(now, what, sent);
        self.turn(from);
        sent
    }

    fn output(&self, at: Place, request: u64) -> Result<&[u8]> {
        let ended = self.processes[at].ended.get(&request).expect("it has ended");
        ended.as_ref().map(|body| &body[..]).map_err(|error| *error)
    }

    fn ended(&self, at: Place, request: u64) -> Result<&str> {
        self.output(at, request).map(|body| std::str::from_utf8(body).unwrap())
    }

    fn check_settled(&self) {
        for (place, process) in self.processes.iter().enumerate() {
            assert!(process.context.is_settled(), "place {place}");
            assert!(process.counts.is_empty() && process.pulling.is_empty());
        }
    }
}

impl Process {
    fn handle(&mut self, now: Now, event: Event<Test>) {
        match event {
            Event::Request(incoming) => self.request(now, incoming),
            Event::Completed { attached, result } => {
                let result = result.map(|answer| answer.body);
                assert!(self.ended.insert(attached, result).is_none(), "{attached} has ended twice");
            }
            Event::PreForward(incoming) => {
                let result = if self.refuse_forward { Err(der::GRPVER) } else { Ok(()) };
                self.context.forward(now, incoming.id, result);
            }
            Event::Aggregate { id, body, first } => {
                let count = self.counts.entry(id).or_default();
                assert!(!first || *count == 0);
                *count += std::str::from_utf8(&body).unwrap().parse::<u64>().unwrap();
            }
            Event::Gathered { id, result } => {
                let count = self.counts.remove(&id).unwrap_or_default();
                self.context.conclude(now, id, result, count.to_string().into());
            }
            Event::Transferred { attached, result } => {
                let known = self.transferred.insert(attached, result);
                assert_eq!(known, None, "transfer {attached} has ended twice");
                if let Some((id, key)) = self.pulling.remove(&attached) {
                    let body = self.context.unregister(key).unwrap();
                    self.context.reply(now, id, result, body.into());
                }
            }
        }
    }

    fn request(&mut self, now: Now, incoming: Incoming) {
        *self.handled.entry(incoming.body.clone()).or_default() += 1;
        match incoming.opcode {
            ECHO | URGENT | PLAIN => {
                let body = match incoming.bulk {
                    Some(key) => self.context.memory(key).unwrap().clone().into(),
                    None => incoming.body,
                };
                assert!(self.context.reply(now, incoming.id, Ok(()), body.clone()));
                assert!(!self.context.reply(now, incoming.id, Ok(()), body), "a second reply");
            }
            ONE_WAY => {
                assert!(!incoming.wants_reply);
                match incoming.body.starts_with(b"keep") {
                    true => self.silent.push(incoming.id),
                    false => {
                        assert!(!self.context.reply(now, incoming.id, Ok(()), Bytes::new()), "nobody waits")
                    }
                }
            }
            SILENT | PATIENT => self.silent.push(incoming.id),
            COUNT => {
                *self.counts.entry(incoming.id).or_default() += 1;
                assert!(self.context.reply(now, incoming.id, Ok(()), Bytes::new()));
            }
            PULL => {
                let remote = Region::decode(&mut &incoming.body[..]).unwrap();
                let length = remote.length;
                let local = self.context.register(vec![0; length as usize], Permission::ReadWrite);
                let number = self.pulling.len() as u64 + 1_000_000 + self.transferred.len() as u64;
                self.pulling.insert(number, (incoming.id, local));
                let what = Transfer {
                    op: Op::Get,
                    via: Via::Sender(incoming.id),
                    remote,
                    remote_offset: 0,
                    local,
                    local_offset: 0,
                    length,
                    timeout: SECOND,
                };
                self.context.transfer(now, what, number);
            }
            opcode => panic!("{opcode:#x}"),
        }
    }
}

fn broadcast(opcode: u32) -> Broadcast {
    Broadcast {
        group: None,
        filter: Vec::new(),
        tag: 0,
        opcode,
        flags: 0,
        topology: Topology::Knomial(Ratio::new(4).unwrap()),
        body: Bytes::from_static(b"all"),
        bulk: None,
        timeout: None,
    }
}

#[test]
fn a_request_is_answered_by_others_and_by_oneself() {
    let mut world = World::new(2, 1);
    let other = world.send(0, world.call(1, ECHO, "other"));
    let own = world.send(0, world.call(0, ECHO, "own"));
    let one_way = world.send(0, world.call(1, ONE_WAY, "one way"));
    world.run(SECOND);
    assert_eq!([other, own, one_way].map(|id| world.ended(0, id)), [Ok("other"), Ok("own"), Ok("")]);
    assert_eq!(world.processes[1].handled[&b"one way"[..]], 1);
    world.check_settled();
}

#[test]
fn a_peer_says_which_versions_of_a_protocol_it_knows() {
    let mut world = World::new(2, 1);
    let ask = |world: &mut World, base, versions: &[u32]| {
        let call = Call { body: query::question(base, versions), ..world.call(1, PROTO_QUERY, "") };
        let id = world.send(0, call);
        world.run(SECOND);
        query::highest(world.output(0, id)?)
    };
    assert_eq!(ask(&mut world, BASE, &[0, 1]), Ok(0));
    assert_eq!(ask(&mut world, BASE, &[1]), Err(der::UNREG));
    assert_eq!(ask(&mut world, BASE + 0x0100_0000, &[0]), Err(der::NONEXIST));
    world.check_settled();
}

#[test]
fn what_cannot_be_sent_or_handled_ends_with_the_reason() {
    let mut world = World::new(2, 1);
    let unregistered = world.send(0, world.call(1, BASE + 99, ""));
    let nobody = world.send(0, world.call(7, ECHO, ""));
    let no_context = world.send(0, Call { tag: 3, ..world.call(1, ECHO, "") });
    let silent = world.send(0, world.call(1, SILENT, ""));
    let aborted = world.send(0, world.call(1, SILENT, "aborted"));
    let stranger = world.send(0, Call { group: Some("pool".into()), ..world.call(1, ECHO, "") });
    world.run(SECOND / 2);
    let now = world.now();
    let context = &mut world.processes[0].context;
    let id = *context.requests.iter().find(|(_, pending)| pending.body == "aborted").unwrap().0;
    context.abort(now, RequestId(id));
    context.abort(now, RequestId(id));
    world.turn(0);
    assert_eq!(world.ended(0, aborted), Err(der::CANCELED));
    world.run(SECOND);
    assert_eq!(world.ended(0, unregistered), Err(der::UNREG));
    assert_eq!(world.ended(0, nobody), Err(der::OOG));
    assert_eq!(world.ended(0, no_context), Err(der::OOG));
    assert_eq!(world.ended(0, silent), Err(der::TIMEDOUT));
    assert_eq!(world.ended(0, stranger), Err(der::OOG));
    world.check_settled();
    // An answer that comes too late is nobody's.
    let late = world.processes[1].silent.clone();
    let now = world.now();
    for id in late {
        world.processes[1].context.reply(now, id, Ok(()), Bytes::new());
    }
    world.turn(1);
    world.run(SECOND);
    world.check_settled();
}

#[test]
fn a_request_for_another_rank_or_of_an_unknown_kind_is_refused_there() {
    let mut world = World::new(3, 1);
    // Rank 0 believes that rank 1 lives where rank 2 does.
    let mut groups = world.groups_of(0);
    groups.uris = Arc::new([((1, 0), sim::uri(2))].into());
    world.processes[0].context.set_groups(groups);
    let mistaken = world.send(0, world.call(1, ECHO, ""));
    world.processes[2].context.set_protocols(Arc::default());
    let unknown = world.send(1, world.call(2, ECHO, ""));
    world.run(SECOND);
    assert_eq!(world.ended(0, mistaken), Err(der::BAD_TARGET));
    assert_eq!(world.ended(1, unknown), Err(der::UNREG));
}

#[test]
fn no_more_requests_than_credits_are_on_their_way_and_urgent_ones_go_first() {
    let mut world = World::with(2, 1, Settings { timeout: SECOND, credits: 2, ..Settings::default() });
    for body in ["1", "2", "3", "4"] {
        world.send(0, world.call(1, ECHO, body));
    }
    let urgent = world.send(0, world.call(1, URGENT, "urgent"));
    let mut order = Vec::new();
    for _ in 0..10_000 {
        world.run(1_000);
        let on_their_way =
            world.processes[0].context.requests.values().filter(|pending| pending.target.is_some()).count();
        assert!(on_their_way <= 2);
        for id in world.processes[0].ended.keys() {
            if !order.contains(id) {
                order.push(*id);
            }
        }
    }
    assert_eq!(order[2], urgent);
    assert_eq!(order.len(), 5);
    world.check_settled();
}

#[test]
fn requests_beyond_the_limits_are_refused() {
    let mut settings = Settings { timeout: SECOND, ..Settings::default() };
    settings.limits.peer_bytes = 100;
    settings.limits.requests = 3;
    let mut world = World::with(2, 1, settings);
    let large = world.send(0, world.call(1, ECHO, &"x".repeat(101)));
    assert_eq!(world.ended(0, large), Err(der::OVERLOAD));
    let silent: Vec<_> = (0..4).map(|_| world.send(0, world.call(1, SILENT, "x"))).collect();
    world.run(SECOND / 2);
    assert_eq!(world.ended(0, silent[3]), Err(der::OVERLOAD));
    assert_eq!(world.processes[1].silent.len(), 3);
    world.run(SECOND);
    world.check_settled();
}

#[test]
fn what_wants_no_reply_takes_up_room_until_it_has_been_handled() {
    let mut settings = Settings { timeout: SECOND, ..Settings::default() };
    settings.limits.peer_bytes = 100;
    let mut world = World::with(2, 1, settings);
    let keep = format!("keep {}", "x".repeat(60));
    for handled in [1, 1] {
        world.send(0, world.call(1, ONE_WAY, &keep));
        world.run(SECOND / 10);
        assert_eq!(world.processes[1].silent.len(), handled);
    }
    let (now, first) = (world.now(), world.processes[1].silent[0]);
    assert!(!world.processes[1].context.reply(now, first, Ok(()), Bytes::new()), "nobody waits");
    world.send(0, world.call(1, ONE_WAY, &keep));
    world.run(SECOND / 10);
    assert_eq!(world.processes[1].silent.len(), 2);
}

#[test]
fn a_request_without_timeout_waits_as_long_as_its_target_is_a_member() {
    let mut world = World::new(2, 1);
    let patient = world.send(0, world.call(1, PATIENT, ""));
    world.run(10 * SECOND);
    assert!(!world.processes[0].ended.contains_key(&patient));
    let mut groups = world.groups_of(0);
    groups.primary.modify(Change::Remove, &[1], 2).unwrap();
    world.processes[0].context.set_groups(groups);
    world.run(2 * SECOND);
    assert_eq!(world.ended(0, patient), Err(der::TIMEDOUT));
}

#[test]
fn a_lost_connection_is_made_again_and_no_handler_runs_twice() {
    let mut world = World::new(2, 1);
    let silent = world.send(0, world.call(1, SILENT, "slow"));
    let echo = world.send(0, world.call(1, ECHO, "echo"));
    world.run(SECOND / 10);
    world.net.reset(0);
    world.run(SECOND / 10);
    assert_eq!(world.processes[1].handled[&b"slow"[..]], 1);
    // The answer finds the new connection.
    let (now, slow) = (world.now(), world.processes[1].silent[0]);
    assert!(world.processes[1].context.reply(now, slow, Ok(()), Bytes::from_static(b"at last")));
    world.turn(1);
    world.run(SECOND);
    assert_eq!((world.ended(0, silent), world.ended(0, echo)), (Ok("at last"), Ok("echo")));
    world.check_settled();
}

#[test]
fn a_new_life_of_a_peer_gets_nothing_that_an_old_one_may_have_handled() {
    let mut world = World::new(2, 1);
    let sent = world.send(0, world.call(1, SILENT, "sent"));
    world.run(SECOND / 10);
    world.net.crash(1);
    world.restart(1);
    world.run(SECOND / 10);
    assert_eq!(world.ended(0, sent), Err(der::UNREACH));
    let new = world.send(0, world.call(1, ECHO, "new"));
    world.run(SECOND);
    assert_eq!(world.ended(0, new), Ok("new"));
    assert_eq!(world.processes[1].handled[&b"sent"[..]], 1);
}

#[test]
fn who_cannot_be_reached_is_given_up_soon() {
    let mut world = World::new(2, 1);
    world.net.crash(1);
    let gone = world.send(0, world.call(1, ECHO, ""));
    world.run(SECOND / 10);
    assert_eq!(world.ended(0, gone), Err(der::UNREACH));
    world.check_settled();
}

#[test]
fn other_contexts_are_found_by_asking_the_first() {
    let mut world = World::new(3, 1);
    // Only rank 1 knows where its context 5 listens: where rank 2 does, which has a context 0 only.
    let mut groups = world.groups_of(1);
    let mut uris = (*groups.uris).clone();
    uris.insert((1, 5), sim::uri(2));
    groups.uris = Arc::new(uris);
    world.processes[1].context.set_groups(groups);
    let found = world.send(0, Call { tag: 5, ..world.call(1, ECHO, "") });
    let again = world.send(0, Call { tag: 5, ..world.call(1, ECHO, "") });
    world.run(SECOND);
    assert_eq!([found, again].map(|id| world.ended(0, id)), [Err(der::BAD_TARGET); 2]);
    // A client that knows of rank 1 only asks it for rank 2.
    let mut client = Groups::new("group");
    client.uris = Arc::new([((1, 0), sim::uri(1))].into());
    world.processes[0].context.set_groups(client);
    let through = world.send(0, world.call(2, ECHO, "hello"));
    let unknown = world.send(0, world.call(9, ECHO, "hello"));
    world.run(SECOND);
    assert_eq!((world.ended(0, through), world.ended(0, unknown)), (Ok("hello"), Err(der::OOG)));
    world.check_settled();
}

#[test]
fn a_collective_request_reaches_all_with_one_message_each() {
    for size in [1, 2, 5, 64, 100] {
        let mut world = World::new(size, 1);
        let count = world.broadcast(size - 1, broadcast(COUNT));
        world.run(SECOND);
        assert_eq!(world.ended(size - 1, count), Ok(size.to_string().as_str()));
        // A request and a reply each.
        assert_eq!(world.net.frames(), 2 * (size as u64 - 1));
        assert!(world.processes.iter().all(|process| process.handled[&b"all"[..]] == 1));
        world.check_settled();
    }
}

#[test]
fn some_can_be_left_out_or_chosen() {
    let mut world = World::new(9, 1);
    let except = world.broadcast(2, Broadcast { filter: vec![2, 3], ..broadcast(COUNT) });
    world.run(SECOND);
    assert_eq!(world.ended(2, except), Ok("7"));
    assert!([2, 3].iter().all(|&rank: &usize| world.processes[rank].handled.is_empty()));
    let flags = FILTER_INVERT;
    let only = world.broadcast(2, Broadcast { filter: vec![3, 4], flags, ..broadcast(COUNT) });
    world.run(SECOND);
    assert_eq!(world.ended(2, only), Ok("2"));
    assert!(world.processes[2].handled.is_empty());
    let stranger = world.broadcast(2, Broadcast { filter: vec![30], flags, ..broadcast(COUNT) });
    let alone = world.broadcast(2, Broadcast { filter: vec![2], flags, ..broadcast(PLAIN) });
    world.run(SECOND);
    assert_eq!((world.ended(2, stranger), world.ended(2, alone)), (Err(der::OOG), Ok("all")));
    world.check_settled();
}

#[test]
fn a_secondary_group_has_its_own_tree() {
    let mut world = World::new(6, 1);
    let mut secondary = Secondary::default();
    secondary.modify(Change::Replace, &[(0, 4), (1, 1), (2, 3), (3, 2)], 5).unwrap();
    let secondary = Arc::new(secondary);
    for rank in 0..6 {
        let mut groups = world.groups_of(rank);
        groups.secondaries.insert("pool".into(), secondary.clone());
        world.processes[rank as usize].context.set_groups(groups);
    }
    let pool: Arc<str> = "pool".into();
    let to = world.send(0, Call { group: Some(pool.clone()), ..world.call(2, ECHO, "third") });
    let count = world.broadcast(3, Broadcast { group: Some(pool.clone()), ..broadcast(COUNT) });
    let except = Broadcast { group: Some(pool.clone()), filter: vec![1], ..broadcast(COUNT) };
    let except = world.broadcast(3, except);
    world.run(SECOND);
    assert_eq!(world.processes[3].handled[&b"third"[..]], 1);
    assert_eq!(world.ended(0, to), Ok("third"));
    assert_eq!((world.ended(3, count), world.ended(3, except)), (Ok("4"), Ok("3")));
    let stranger = world.broadcast(0, Broadcast { group: Some(pool), ..broadcast(COUNT) });
    assert_eq!(world.ended(0, stranger), Err(der::GRPVER));
    world.check_settled();
}

#[test]
fn a_collective_request_fails_when_a_child_does_but_others_handle_it() {
    let mut world = World::new(20, 1);
    world.net.crash(4);
    let dead = world.broadcast(0, broadcast(COUNT));
    world.run(2 * SECOND);
    assert_eq!(world.ended(0, dead), Err(der::UNREACH));
    let handled = world.processes.iter().filter(|process| !process.handled.is_empty()).count();
    // 4 has 5, 6 and 7 below it.
    assert_eq!(handled, 16);
    world.check_settled();
}

#[test]
fn ranks_of_other_versions_and_ranks_that_refuse_fail_it() {
    let mut world = World::new(4, 1);
    let mut groups = world.groups_of(2);
    groups.primary.modify(Change::Add, &[9], 2).unwrap();
    world.processes[2].context.set_groups(groups);
    let version = world.broadcast(0, broadcast(PLAIN));
    world.run(SECOND);
    assert_eq!(world.ended(0, version), Err(der::GRPVER));
    assert_eq!(world.processes[2].handled[&b"all"[..]], 1, "handled nevertheless");
    world.processes[3].refuse_forward = true;
    let refused = world.broadcast(3, Broadcast { flags: FAILOUT, ..broadcast(COUNT) });
    world.run(SECOND);
    assert_eq!(world.ended(3, refused), Err(der::GRPVER));
    assert_eq!(world.processes[3].handled[&b"all"[..]], 1, "not this time");
    world.check_settled();
}

#[test]
fn memory_goes_along_with_a_collective_request() {
    let mut world = World::new(20, 1);
    let memory: Vec<u8> = (0..1_000_000).map(|byte| byte as u8).collect();
    let key = world.processes[0].context.register(memory.clone(), Permission::Read);
    let plain = world.broadcast(0, Broadcast { bulk: Some(key), ..broadcast(PLAIN) });
    world.run(SECOND);
    assert_eq!(world.processes[0].ended[&plain].as_deref(), Ok(&memory[..]));
    assert!(world.processes.iter().all(|process| process.handled[&b"all"[..]] == 1));
    assert_eq!(world.processes[0].context.unregister(key), Some(memory));
    world.check_settled();
}

fn region(world: &World, place: Place, key: bulk::Key) -> Bytes {
    let mut bytes = Vec::new();
    world.processes[place].context.describe(key).unwrap().encode(&mut bytes);
    bytes.into()
}

#[test]
fn memory_is_read_piece_by_piece() {
    let mut world = World::new(2, 1);
    let memory: Vec<u8> = (0..5_000_001).map(|byte| (byte % 251) as u8).collect();
    let key = world.processes[0].context.register(memory.clone(), Permission::Read);
    let body = region(&world, 0, key);
    let pull = world.send(0, Call { body, ..world.call(1, PULL, "") });
    world.run(SECOND);
    assert!(world.processes[0].ended[&pull].as_deref() == Ok(&memory[..]));
    world.check_settled();
}

fn transfer(op: Op, remote: Region, local: bulk::Key, length: u64) -> Transfer {
    let (remote_offset, local_offset) = (0, 0);
    Transfer { op, via: Via::Bound, remote, remote_offset, local, local_offset, length, timeout: SECOND }
}

#[test]
fn bound_memory_can_be_reached_by_anybody_who_was_told() {
    let mut world = World::new(3, 1);
    let there = world.processes[1].context.register(vec![1; 1000], Permission::ReadWrite);
    assert!(world.processes[1].context.bind(there));
    let remote = world.processes[1].context.describe(there).unwrap();
    let here = world.processes[0].context.register(vec![9; 100], Permission::ReadWrite);
    let put =
        Transfer { remote_offset: 900, local_offset: 50, ..transfer(Op::Put, remote.clone(), here, 50) };
    let now = world.now();
    world.processes[0].context.transfer(now, put, 1);
    world.turn(0);
    world.run(SECOND);
    assert_eq!(world.processes[0].transferred[&1], Ok(()));
    let memory = world.processes[1].context.memory(there).unwrap();
    assert!(memory[..900].iter().all(|&byte| byte == 1) && memory[900..950].iter().all(|&byte| byte == 9));
    assert_eq!(memory[950..], [1; 50]);
    // A description that says more than is true does not help.
    let lie = Region { length: 2000, ..remote.clone() };
    let now = world.now();
    let beyond = Transfer { remote_offset: 950, ..transfer(Op::Get, lie, here, 100) };
    world.processes[0].context.transfer(now, beyond, 2);
    let unknown = transfer(Op::Get, Region { key: remote.key ^ 1, ..remote.clone() }, here, 10);
    world.processes[0].context.transfer(now, unknown, 3);
    let overflow = Transfer { remote_offset: u64::MAX, ..transfer(Op::Get, remote.clone(), here, 10) };
    world.processes[0].context.transfer(now, overflow, 4);
    let empty = transfer(Op::Get, remote.clone(), here, 0);
    world.processes[0].context.transfer(now, empty, 5);
    let unbound = transfer(Op::Get, Region { uri: None, ..remote }, here, 10);
    world.processes[0].context.transfer(now, unbound, 6);
    world.turn(0);
    world.run(SECOND);
    let ended: Vec<_> = (2..7).map(|number| world.processes[0].transferred[&number]).collect();
    assert_eq!(
        ended,
        [Err(der::INVAL), Err(der::NONEXIST), Err(der::INVAL), Err(der::INVAL), Err(der::INVAL)]
    );
    world.check_settled();
}

#[test]
fn deadlines_of_transfers_that_have_ended_do_not_pile_up() {
    let mut world = World::new(2, 1);
    let there = world.processes[1].context.register(vec![1; 10], Permission::Read);
    assert!(world.processes[1].context.bind(there));
    let remote = world.processes[1].context.describe(there).unwrap();
    let now = world.now();
    let context = &mut world.processes[0].context;
    let here = context.register(vec![9; 10], Permission::ReadWrite);
    for number in 0..10_000 {
        let id = context.transfer(now, transfer(Op::Get, remote.clone(), here, 10), number);
        context.abort_transfer(now, id);
    }
    assert!(context.timers.len() < 1000, "{}", context.timers.len());
}

#[test]
fn memory_is_written_and_read_only_as_allowed() {
    for (permission, op, lie) in
        [(Permission::Read, Op::Put, Permission::Write), (Permission::Write, Op::Get, Permission::Read)]
    {
        let mut world = World::new(2, 1);
        let there = world.processes[1].context.register(vec![1; 10], permission);
        assert!(world.processes[1].context.bind(there));
        let remote = world.processes[1].context.describe(there).unwrap();
        let here = world.processes[0].context.register(vec![9; 10], Permission::ReadWrite);
        let now = world.now();
        let lying = Region { permission: lie, ..remote.clone() };
        world.processes[0].context.transfer(now, transfer(op, remote, here, 10), 1);
        world.processes[0].context.transfer(now, transfer(op, lying, here, 10), 2);
        world.turn(0);
        world.run(SECOND);
        assert_eq!(world.processes[0].transferred[&1], Err(der::NO_PERM));
        assert_eq!(world.processes[0].transferred[&2], Err(der::NO_PERM));
        assert_eq!(world.processes[1].context.memory(there), Some(&vec![1; 10]));
        assert_eq!(world.processes[0].context.memory(here), Some(&vec![9; 10]));
    }
}

#[test]
fn a_transfer_that_has_ended_touches_nothing() {
    for moment in 0..60 {
        let mut world = World::new(2, moment);
        let there = world.processes[1].context.register(vec![1; 3_000_000], Permission::Read);
        assert!(world.processes[1].context.bind(there));
        let remote = world.processes[1].context.describe(there).unwrap();
        let here = world.processes[0].context.register(vec![0; 3_000_000], Permission::ReadWrite);
        let now = world.now();
        let what = transfer(Op::Get, remote, here, 3_000_000);
        let id = world.processes[0].context.transfer(now, what, 1);
        world.turn(0);
        world.run(moment * 1_000);
        let now = world.now();
        world.processes[0].context.abort_transfer(now, id);
        world.turn(0);
        let ended = world.processes[0].transferred[&1];
        assert!(ended == Ok(()) || ended == Err(der::CANCELED));
        let memory = world.processes[0].context.memory(here).unwrap().clone();
        world.run(SECOND);
        assert!(world.processes[0].context.memory(here) == Some(&memory));
        world.check_settled();
    }
}

#[test]
fn memory_that_is_taken_back_ends_its_transfers() {
    let mut world = World::new(2, 1);
    let there = world.processes[1].context.register(vec![1; 3_000_000], Permission::ReadWrite);
    assert!(world.processes[1].context.bind(there));
    let remote = world.processes[1].context.describe(there).unwrap();
    let here = world.processes[0].context.register(vec![0; 3_000_000], Permission::ReadWrite);
    let now = world.now();
    let what = transfer(Op::Put, remote.clone(), here, 3_000_000);
    world.processes[0].context.transfer(now, what, 1);
    world.run(15_000);
    assert!(world.processes[0].context.unregister(here).is_some());
    world.turn(0);
    assert_eq!(world.processes[0].transferred[&1], Err(der::CANCELED));
    // And at the other end.
    let here = world.processes[0].context.register(vec![0; 3_000_000], Permission::ReadWrite);
    let now = world.now();
    world.processes[0].context.transfer(now, transfer(Op::Get, remote, here, 3_000_000), 2);
    world.turn(0);
    assert!(world.processes[1].context.unregister(there).is_some());
    world.run(SECOND);
    assert_eq!(world.processes[0].transferred[&2], Err(der::NONEXIST));
    world.check_settled();
}

/// Everything at once on a bad network; then it heals.
fn chaos(seed: u64) -> (Vec<BTreeMap<u64, Result<Bytes>>>, u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let size = random.usize(2..12);
    let mut world = World::with(size, seed, Settings { timeout: SECOND, credits: 3, ..Settings::default() });
    let mut expected: Vec<Vec<u64>> = vec![Vec::new(); size];
    for step in 0..60 {
        world.net.faults = sim::Faults {
            loss: random.u32(0..20),
            repeats: random.u32(0..30),
            reorder: random.bool(),
            delay: (1_000, random.u64(1_000..100 * MILLI)),
        };
        let (from, to) = (random.usize(0..size), random.u32(0..size as Rank));
        match random.u32(0..12) {
            0 => world.net.reset(from),
            1 => world.net.set_part(from, random.u32(0..2)),
            2 => {
                world.net.crash(from);
                world.restart(from);
                expected[from].clear();
            }
            3 => {
                let key = world.processes[from].context.register(vec![step as u8; 600_000], Permission::Read);
                let body = region(&world, from, key);
                expected[from].push(world.send(from, Call { body, ..world.call(to, PULL, "") }));
            }
            4..6 => expected[from].push(world.broadcast(from, broadcast(COUNT))),
            6 => expected[from].push(world.send(from, world.call(to, SILENT, &format!("silent {step}")))),
            7 => expected[from].push(world.send(from, world.call(to, ONE_WAY, &format!("one way {step}")))),
            _ => expected[from].push(world.send(from, world.call(to, ECHO, &format!("echo {step}")))),
        }
        if random.bool() {
            world.run(random.u64(0..300 * MILLI));
        }
    }
    world.net.faults = sim::Faults::default();
    (0..size).for_each(|place| world.net.set_part(place, 0));
    world.run(10 * SECOND);
    for (place, expected) in expected.iter().enumerate() {
        let ended: Vec<_> = world.processes[place].ended.keys().copied().collect();
        assert_eq!(&ended, expected, "place {place}");
    }
    for process in &world.processes {
        let twice: Vec<_> =
            process.handled.iter().filter(|(body, times)| **body != "all" && **times > 1).collect();
        let handled_twice =
            twice.iter().any(|(body, _)| body.starts_with(b"echo") || body.starts_with(b"silent"));
        assert!(!handled_twice, "{twice:?}");
    }
    world.check_settled();
    for place in 0..size {
        for rank in 0..size as Rank {
            let echo = world.send(place, world.call(rank, ECHO, "healed"));
            world.run(SECOND / 10);
            assert_eq!(world.ended(place, echo), Ok("healed"), "from {place} to {rank}");
        }
    }
    world.check_settled();
    (world.processes.into_iter().map(|process| process.ended).collect(), world.net.frames())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn whatever_happens_every_request_ends_once_and_is_handled_at_most_once(seed: u64) {
        chaos(seed);
    }
}

#[test]
fn a_seed_replays_exactly() {
    assert_eq!(chaos(42), chaos(42));
}

proptest! {
    #[test]
    fn hostile_frames_do_no_harm(
        heads in prop::collection::vec((any::<[u64; 4]>(), 0..8usize, any::<[u32; 4]>()), 1..50),
    ) {
        let mut world = World::new(2, 1);
        let memory = world.processes[0].context.register(vec![3; 100], Permission::Read);
        world.send(0, world.call(1, SILENT, "pending"));
        world.run(SECOND / 2);
        let now = world.now();
        let context = &mut world.processes[0].context;
        let hello =
            Hello { group: "group".into(), rank: None, tag: 0, incarnation: 77, channel: 1 };
        let bodies = [Bytes::new(), Bytes::from_static(b"body")];
        for (number, ([id, key, offset, floor], kind, [opcode, status, length, tag])) in
            heads.into_iter().enumerate()
        {
            let link = Link::accepted(1000 + number as u64);
            context.connected(now, link, &hello);
            let piece = wire::Piece { id, key, offset, length };
            let moved = wire::Moved { id: id % 10, status: status as i32 };
            let head = match kind {
                0 => Head::Hello(hello.clone()),
                1 => Head::Reply(wire::Reply { id: id % 10, hlc: key, status: status as i32 }),
                2 => Head::Read(piece),
                3 => Head::Write(piece),
                4 => Head::Data(moved),
                5 => Head::Written(moved),
                _ => Head::Request(wire::Request {
                    id,
                    floor,
                    opcode: if kind == 6 { ECHO } else { opcode },
                    flags: status,
                    hlc: key,
                    source: Some(1),
                    source_tag: tag,
                    target: Some(0),
                    tag: 0,
                    timeout: length,
                    collective: None,
                }),
            };
            let body = bodies[number % 2].clone();
            context.receive(now, link, head, body);
        }
        prop_assert_eq!(context.memory(memory), Some(&vec![3; 100]));
        while let Some(output) = context.next_output() {
            let touches = matches!(&output, Output::Send { body: Body::Memory { .. }, .. });
            prop_assert!(!touches);
        }
        world.turn(0);
        world.run(SECOND);
        // The own request ended in its own way.
        prop_assert_eq!(world.ended(0, 1), Err(der::TIMEDOUT));
        prop_assert!(Der::check(-1).is_err());
    }
}
