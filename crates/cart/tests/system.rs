//! Whole systems in virtual time: processes that run RPC, failure detection and incast variables together, over the
//! same code as in a real one, on a network that loses, repeats, reorders, cuts and kills.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, Weak};

use bytes::Bytes;
use cart::Rank;
use cart::group::{Members, Primary};
use cart::iv::{
    Access, Answer, Done, Event as IvEvent, Fabric, Header, Id, Mode, Namespace, News, Ops, Received,
    Shortcut, SyncPolicy, View,
};
use cart::rpc::collective::Broadcast;
use cart::rpc::{
    Attachments, Call, Collectively, Context, Event, Groups, Identity, Incoming, IncomingId, Nanos, Now,
    Protocols, Rpc, Settings,
};
use cart::swim::{
    Action, Detector, Moment, Outcome, Progress, Settings as SwimSettings, State, Status, Update,
};
use cart::transport::sim::{self, Faults, Net, Place, Step};
use cart::transport::{deliver, flush};
use cart::tree::{Ratio, Topology};
use cart::wire::Hello;
use gurt_client::{Der, Result};

// Provides the symbols that error messages need.
extern crate gurt as _;

const MILLI: Nanos = 1_000_000;
const SECOND: Nanos = 1_000 * MILLI;

const BASE: u32 = 0xf400_0000;
const FETCH: u32 = BASE;
const UPDATE: u32 = BASE + 1;
const SYNC: u32 = BASE + 2;
const PING: u32 = BASE + 3;
const ECHO: u32 = BASE + 4;

const KEY: &[u8] = b"key";
const GROUP: &str = "system";

fn protocols() -> Arc<Protocols> {
    let plain = Rpc::default();
    let spread = Collectively { pre_forward: true, aggregate: false };
    let rpcs = vec![plain, plain, Rpc { collectively: Some(spread), ..plain }, plain, plain];
    let mut protocols = Protocols::default();
    protocols.register(BASE, 0, rpcs).unwrap();
    Arc::new(protocols)
}

struct Shell;

/// Called with what came of a request.
type Then = Box<dyn FnOnce(&Node, Result<Bytes>) + Send>;

impl Attachments for Shell {
    type Request = Then;
    type Transfer = ();
    type Memory = Vec<u8>;
}

/// One life of a process.
struct Node {
    rank: Rank,
    core: Mutex<Core>,
    namespace: OnceLock<Arc<Namespace<Wire, Cache>>>,
    topology: Topology,
    /// Completions that are due.
    open: AtomicI64,
    /// How deep in the tree the last spread found this rank, and how many came.
    depth: AtomicU32,
    spreads: AtomicU32,
}

struct Core {
    context: Context<Shell>,
    now: Now,
    detector: Detector<IncomingId>,
    wake: Nanos,
}

/// The network as a namespace of one process has it.
struct Wire(Weak<Node>);

/// A request for a namespace.
struct Request {
    id: IncomingId,
    value: Option<Vec<u8>>,
}

fn encode(header: &Header, value: Option<&Vec<u8>>) -> Bytes {
    let sync = header.sync.map_or(9, |sync| match (sync.mode, sync.event) {
        (Mode::None, _) => 0,
        (Mode::Eager, IvEvent::Update) => 1,
        (Mode::Eager, IvEvent::Notify) => 2,
        (Mode::Lazy, IvEvent::Update) => 3,
        (Mode::Lazy, IvEvent::Notify) => 4,
    });
    let mut bytes = Vec::new();
    for field in [header.version, header.class, header.root, header.origin, sync, value.is_some().into()] {
        bytes.extend(field.to_le_bytes());
    }
    bytes.extend(value.into_iter().flatten());
    bytes.into()
}

fn decode(bytes: &[u8]) -> (Header, Option<Vec<u8>>) {
    let field = |at: usize| u32::from_le_bytes(bytes[4 * at..4 * at + 4].try_into().unwrap());
    let policy =
        |mode, event| Some(SyncPolicy { mode, event, bidirectional: false, expects_namespace: false });
    let header = Header {
        namespace: Id { group: GROUP.into(), number: 1 },
        version: field(0),
        class: field(1),
        key: KEY.to_vec(),
        root: field(2),
        origin: field(3),
        sync: match field(4) {
            0 => policy(Mode::None, IvEvent::Update),
            1 => policy(Mode::Eager, IvEvent::Update),
            2 => policy(Mode::Eager, IvEvent::Notify),
            3 => policy(Mode::Lazy, IvEvent::Update),
            4 => policy(Mode::Lazy, IvEvent::Notify),
            _ => None,
        },
    };
    (header, (field(5) == 1).then(|| bytes[24..].to_vec()))
}

impl Wire {
    fn node(&self) -> Arc<Node> {
        self.0.upgrade().expect("a process outlives its namespaces")
    }
}

impl Fabric for Wire {
    type Value = Vec<u8>;
    type Incoming = Request;

    fn view(&self) -> View {
        let node = self.node();
        let core = node.core();
        let primary = &core.context.groups().primary;
        View { version: primary.version(), me: primary.rank() }
    }

    fn members(&self) -> Members {
        self.node().core().context.groups().primary.members().clone()
    }

    fn fetch(&self, to: Rank, header: &Header, value: Vec<u8>, done: Done<Vec<u8>>) {
        let then = move |_: &Node, result: Result<Bytes>| match result {
            Ok(new) => done(Ok(()), new.to_vec()),
            Err(error) => done(Err(error), value),
        };
        self.node().send(to, FETCH, encode(header, None), Box::new(then));
    }

    fn update(&self, to: Rank, header: &Header, value: Option<Vec<u8>>, done: Done<Option<Vec<u8>>>) {
        let body = encode(header, value.as_ref());
        let then = move |_: &Node, result: Result<Bytes>| done(result.map(drop), value);
        self.node().send(to, UPDATE, body, Box::new(then));
    }

    fn spread(&self, header: &Header, value: Option<Vec<u8>>, done: Done<Option<Vec<u8>>>) {
        let node = self.node();
        let what = Broadcast {
            group: None,
            filter: vec![node.rank],
            tag: 0,
            opcode: SYNC,
            flags: 0,
            topology: node.topology,
            body: encode(header, value.as_ref()),
            bulk: None,
            timeout: None,
        };
        let then = move |_: &Node, result: Result<Bytes>| done(result.map(drop), value);
        let mut core = node.core();
        let now = core.now;
        core.context.broadcast(now, what, Box::new(then));
    }

    fn spread_copy(&self, header: &Header, value: Option<&mut Vec<u8>>) -> Result {
        self.spread(header, value.cloned(), Box::new(|_, _| ()));
        Ok(())
    }

    fn receive(&self, incoming: Request, _: Vec<u8>, done: Box<dyn FnOnce(Received<Self>) + Send>) {
        let value = incoming.value.clone().unwrap();
        done(Received { incoming, result: Ok(()), value, at_once: true });
    }

    fn answer(&self, incoming: Request, result: Result) {
        self.node().reply(incoming.id, result, Bytes::new());
    }

    fn answer_with(&self, incoming: Request, value: Vec<u8>, done: Box<dyn FnOnce(Vec<u8>) + Send>) {
        self.node().reply(incoming.id, Ok(()), value.clone().into());
        done(value);
    }

    fn has_value(&self, incoming: &Request) -> bool {
        incoming.value.is_some()
    }

    fn spread_value(&self, incoming: &mut Request) -> Result<Vec<u8>> {
        Ok(incoming.value.clone().unwrap())
    }
}

/// The user of the variables: a cache. Values are numbers; the greater is the newer.
struct Cache {
    leader: Arc<AtomicU32>,
    rank: Rank,
    value: Mutex<Option<u64>>,
    /// Values that were given out and have not come back.
    out: AtomicI64,
}

fn number(value: &[u8]) -> u64 {
    u64::from_le_bytes(value.try_into().unwrap())
}

impl Cache {
    fn store(&self, new: u64) {
        let mut value = self.value.lock().unwrap();
        *value = Some(value.map_or(new, |known| known.max(new)));
    }
}

impl Ops for Cache {
    type Value = Vec<u8>;
    type Private = ();

    fn hash(&self, _: &[u8]) -> Result<Rank> {
        Ok(self.leader.load(Ordering::Relaxed))
    }

    fn get(&self, _: &[u8], _: Access) -> Result<(Vec<u8>, ())> {
        self.out.fetch_add(1, Ordering::Relaxed);
        Ok((vec![0; 8], ()))
    }

    fn get_private(&self, _: &[u8], _: Access) -> Result<()> {
        self.out.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn put(&self, _: Option<Vec<u8>>, (): ()) {
        self.out.fetch_sub(1, Ordering::Relaxed);
    }

    fn fetch(&self, _: &[u8], _: bool, value: &mut Vec<u8>, (): ()) -> Result<Answer> {
        match *self.value.lock().unwrap() {
            Some(known) => {
                value.copy_from_slice(&known.to_le_bytes());
                Ok(Answer::Done)
            }
            None => Ok(Answer::Forward),
        }
    }

    fn update(&self, _: &[u8], _: bool, value: &mut Vec<u8>, (): ()) -> Result<Answer> {
        if self.leader.load(Ordering::Relaxed) != self.rank {
            return Ok(Answer::Forward);
        }
        self.store(number(value));
        Ok(Answer::Done)
    }

    fn refresh(&self, _: &[u8], news: News<'_, Vec<u8>>, _: Option<()>) -> Result<Answer> {
        match news {
            News::Value(value) => self.store(number(value)),
            News::Invalid => *self.value.lock().unwrap() = None,
            News::Changed | News::Failed(_) => {}
        }
        Ok(Answer::Done)
    }

    fn wants_before_spread(&self) -> bool {
        true
    }
}

fn encode_gossip(about: Rank, updates: &[Update]) -> Bytes {
    let mut bytes = about.to_le_bytes().to_vec();
    for Update { rank, state } in updates {
        let status = match state.status {
            Status::Alive => 0u32,
            Status::Suspect => 1,
            Status::Dead => 2,
            Status::Inactive => 3,
        };
        bytes.extend(state.incarnation.to_le_bytes());
        [*rank, status, state.delay].iter().for_each(|field| bytes.extend(field.to_le_bytes()));
    }
    bytes.into()
}

fn decode_gossip(bytes: &[u8]) -> (Rank, Vec<Update>) {
    let (about, updates) = bytes.split_first_chunk().unwrap();
    let update = |bytes: &[u8; 20]| {
        let field = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        let status = [Status::Alive, Status::Suspect, Status::Dead, Status::Inactive][field(12) as usize];
        let incarnation = u64::from_le_bytes(bytes[..8].try_into().unwrap());
        Update { rank: field(8), state: State { incarnation, status, delay: field(16) } }
    };
    (Rank::from_le_bytes(*about), updates.as_chunks().0.iter().map(update).collect())
}

impl Node {
    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap()
    }

    fn namespace(&self) -> &Arc<Namespace<Wire, Cache>> {
        self.namespace.get().unwrap()
    }

    fn cache(&self) -> &Cache {
        self.namespace().class(0).unwrap()
    }

    fn send(&self, rank: Rank, opcode: u32, body: Bytes, then: Then) {
        let mut core = self.core();
        let now = core.now;
        let timeout = (opcode == PING).then_some(SECOND / 2);
        let call = Call { group: None, rank, tag: 0, opcode, flags: 0, body, timeout };
        core.context.send(now, call, then);
    }

    fn reply(&self, id: IncomingId, result: Result, body: Bytes) {
        let mut core = self.core();
        let now = core.now;
        core.context.reply(now, id, result, body);
    }

    /// A completion that has to be called once, and where its result will be.
    fn completion(self: &Arc<Self>) -> (cart::iv::Completion<Vec<u8>>, Place64) {
        self.open.fetch_add(1, Ordering::Relaxed);
        let (node, place) = (self.clone(), Place64::default());
        let result = place.clone();
        let done = move |done: Result, value: Option<&mut Vec<u8>>| {
            node.open.fetch_sub(1, Ordering::Relaxed);
            *result.lock().unwrap() = Some(done.map(|()| value.map_or(0, |value| number(value))));
        };
        (Box::new(done), place)
    }

    fn update(self: &Arc<Self>, value: Option<u64>, mode: Mode) -> Place64 {
        let (done, place) = self.completion();
        let sync =
            SyncPolicy { mode, event: IvEvent::Update, bidirectional: false, expects_namespace: false };
        let value = value.map(|value| value.to_le_bytes().to_vec());
        self.namespace().update(0, KEY, value, Shortcut::None, sync, done);
        place
    }

    fn fetch(self: &Arc<Self>) -> Place64 {
        let (done, place) = self.completion();
        self.namespace().fetch(0, KEY, Shortcut::None, done);
        place
    }

    fn echo(self: &Arc<Self>, to: Rank) {
        self.open.fetch_add(1, Ordering::Relaxed);
        let then = |node: &Node, _: Result<Bytes>| {
            node.open.fetch_sub(1, Ordering::Relaxed);
        };
        self.send(to, ECHO, Bytes::from_static(b"echo"), Box::new(then));
    }

    fn handle(&self, event: Event<Shell>) {
        match event {
            Event::Request(incoming) => self.request(incoming),
            Event::Completed { attached, result } => attached(self, result.map(|answer| answer.body)),
            Event::PreForward(incoming) => {
                let (header, value) = decode(&incoming.body);
                let mut request = Request { id: incoming.id, value };
                // At the root the value is where it came from.
                let result = match incoming.source == Some(self.rank) {
                    true => Ok(()),
                    false => self.namespace().before_spread(&header, &mut request),
                };
                let mut core = self.core();
                let now = core.now;
                core.context.forward(now, incoming.id, result);
            }
            Event::Aggregate { .. } | Event::Gathered { .. } | Event::Transferred { .. } => {
                unreachable!("nobody aggregates or transfers")
            }
        }
    }

    fn request(&self, incoming: Incoming) {
        let Incoming { id, opcode, body, source, .. } = incoming;
        match opcode {
            ECHO => self.reply(id, Ok(()), body),
            PING => {
                let (about, updates) = decode_gossip(&body);
                let Some(from) = source else { return };
                self.swim(|detector, now, actions| {
                    if about == self.rank {
                        let (outcome, updates) = detector.pinged(now, from, &updates, actions);
                        actions.push(Action::Answer { request: id, outcome, updates });
                    } else {
                        detector.asked_for_ping(now, id, from, about, &updates, actions);
                    }
                });
            }
            _ => {
                let (header, value) = decode(&body);
                let request = Request { id, value };
                match opcode {
                    FETCH => self.namespace().handle_fetch(header, request),
                    UPDATE => self.namespace().handle_update(header, request),
                    _ => {
                        self.spreads.fetch_add(1, Ordering::Relaxed);
                        self.namespace().handle_spread(header, request);
                    }
                }
            }
        }
    }

    /// Calls the detector, and does what it wants.
    fn swim(&self, call: impl FnOnce(&mut Detector<IncomingId>, Moment, &mut Vec<Action<IncomingId>>)) {
        let mut actions = Vec::new();
        {
            let mut core = self.core();
            let now = moment(core.now);
            call(&mut core.detector, now, &mut actions);
            if let Some(Progress { next }) = core.detector.progress(now, &mut actions) {
                core.wake = next * MILLI;
            }
        }
        for action in actions {
            match action {
                Action::Ask { to, about, updates } => {
                    let then = move |node: &Node, result: Result<Bytes>| node.pinged(to, about, result);
                    self.send(to, PING, encode_gossip(about, &updates), Box::new(then));
                }
                Action::Answer { request, outcome, updates } => {
                    let code = match outcome {
                        Outcome::Answered => 0,
                        Outcome::NotReady => 1,
                        Outcome::TimedOut => 2,
                        Outcome::Failed => 3,
                    };
                    self.reply(request, Ok(()), encode_gossip(code, &updates));
                }
                Action::Tell { .. } => {}
            }
        }
    }

    fn pinged(&self, to: Rank, about: Rank, result: Result<Bytes>) {
        let timed_out = Der::new(abi::DER_TIMEDOUT.into());
        let (outcome, updates) = match result {
            Ok(body) => {
                let (code, updates) = decode_gossip(&body);
                let outcomes = [Outcome::Answered, Outcome::NotReady, Outcome::TimedOut, Outcome::Failed];
                (outcomes[code as usize], updates)
            }
            Err(error) if error == timed_out => (Outcome::TimedOut, Vec::new()),
            Err(_) => (Outcome::Failed, Vec::new()),
        };
        self.swim(|detector, now, actions| detector.ended(now, to, about, outcome, &updates, actions));
    }
}

type Place64 = Arc<Mutex<Option<Result<u64>>>>;

fn moment(now: Now) -> Moment {
    Moment { millis: now.nanos / MILLI, stamp: now.hlc }
}

struct System {
    net: Net,
    nodes: Vec<Arc<Node>>,
    lives: Vec<u64>,
    groups: Groups,
    protocols: Arc<Protocols>,
    topology: Topology,
    leader: Arc<AtomicU32>,
    swim: bool,
    wakes: Vec<Nanos>,
    /// What was left when a process was killed is nobody's; keeps it alive until the end.
    killed: Vec<Arc<Node>>,
}

impl System {
    fn new(size: usize, seed: u64, ratio: u32, swim: bool) -> Self {
        let mut groups = Groups::new(GROUP);
        groups.primary = Primary::attached((0..size as Rank).collect(), 1);
        groups.uris = Arc::new((0..size).map(|place| ((place as Rank, 0), sim::uri(place))).collect());
        let mut system = System {
            net: Net::new(size, seed),
            nodes: Vec::new(),
            lives: vec![0; size],
            groups,
            protocols: protocols(),
            topology: Topology::Knomial(Ratio::new(ratio).unwrap()),
            leader: Arc::default(),
            swim,
            wakes: vec![0; size],
            killed: Vec::new(),
        };
        for place in 0..size {
            let node = system.start(place);
            system.nodes.push(node);
        }
        (0..size).for_each(|place| system.turn(place));
        system
    }

    fn now(&self) -> Now {
        Now { nanos: self.net.now(), hlc: self.net.now() + 2 }
    }

    fn groups_of(&self, rank: Rank) -> Groups {
        let mut groups = self.groups.clone();
        groups.primary.join(rank, 1).unwrap();
        groups
    }

    fn start(&mut self, place: Place) -> Arc<Node> {
        self.lives[place] += 1;
        let rank = place as Rank;
        let incarnation = place as u64 * 1_000 + self.lives[place];
        let identity = Identity { tag: 0, incarnation, uri: Some(sim::uri(place)), secret: place as u128 };
        let settings = Settings { timeout: SECOND, ..Settings::default() };
        let now = self.now();
        // A suspicion outlives all trouble before the healing: who was declared dead by everybody he could hear of it
        // from stays so.
        let swim = SwimSettings { period: 400, suspect_timeout: 10_000, ping_timeout: 130, subgroup: 2 };
        let mut detector = Detector::new(swim, moment(now));
        if self.swim {
            detector.set_self(Some(rank));
            for &member in self.groups.primary.members().as_slice() {
                detector.add(member, if member == rank { now.hlc } else { 0 });
            }
            detector.shuffle(&mut fastrand::Rng::with_seed(incarnation));
        }
        let node = Arc::new(Node {
            rank,
            core: Mutex::new(Core {
                context: Context::new(identity, settings, self.groups_of(rank), self.protocols.clone()),
                now,
                detector,
                wake: 0,
            }),
            namespace: OnceLock::new(),
            topology: self.topology,
            open: AtomicI64::new(0),
            depth: AtomicU32::new(0),
            spreads: AtomicU32::new(0),
        });
        let cache =
            Cache { leader: self.leader.clone(), rank, value: Mutex::default(), out: AtomicI64::new(0) };
        let id = Id { group: GROUP.into(), number: 1 };
        let namespace = Namespace::new(id, self.topology, vec![cache], Wire(Arc::downgrade(&node)));
        assert!(node.namespace.set(namespace).is_ok());
        node
    }

    fn kill(&mut self, place: Place) {
        self.net.crash(place);
        self.killed.push(self.nodes[place].clone());
    }

    fn restart(&mut self, place: Place) {
        self.net.restart(place);
        self.nodes[place] = self.start(place);
        self.turn(place);
    }

    /// Tells all who the members are, as the control plane does.
    fn tell(&mut self, members: Members, version: u32) {
        self.groups.primary = Primary::attached(members, version);
        for place in 0..self.nodes.len() {
            let groups = self.groups_of(place as Rank);
            self.nodes[place].core().context.set_groups(groups);
        }
    }

    fn run(&mut self, duration: Nanos) {
        let until = self.net.now() + duration;
        while let Some(step) = self.net.step(until) {
            let now = self.now();
            let place = match step {
                Step::Wake(place) => place,
                Step::Arrival(place, arrival) => {
                    deliver(&mut self.nodes[place].core().context, now, arrival);
                    place
                }
                Step::Accept(place, opening) => {
                    let mut core = self.nodes[place].core();
                    let incarnation = core.context.identity().incarnation;
                    let rank = Some(place as Rank);
                    let own = Hello { group: GROUP.into(), rank, tag: 0, incarnation, channel: 0 };
                    let arrival = self.net.accept(place, opening, own);
                    deliver(&mut core.context, now, arrival);
                    place
                }
            };
            self.turn(place);
        }
    }

    /// Lets a process do what it has to.
    fn turn(&mut self, place: Place) {
        let now = self.now();
        let node = self.nodes[place].clone();
        {
            let mut core = node.core();
            core.now = now;
            core.context.progress(now);
        }
        if self.swim && node.core().wake <= now.nanos {
            node.swim(|_, _, _| ());
        }
        loop {
            let event = {
                let mut core = node.core();
                flush(&mut core.context, &mut self.net.at(place));
                core.context.next_event()
            };
            let Some(event) = event else { break };
            if let Event::Request(Incoming { opcode: SYNC, source: Some(parent), .. }) = &event {
                let depth = self.nodes[*parent as usize].depth.load(Ordering::Relaxed) + 1;
                node.depth.store(depth, Ordering::Relaxed);
            }
            node.handle(event);
        }
        let mut core = node.core();
        let swim = self.swim.then_some(core.wake);
        let next = core.context.progress(now).into_iter().chain(swim).min();
        let wake = &mut self.wakes[place];
        if let Some(next) = next.filter(|&next| *wake <= now.nanos || next < *wake) {
            *wake = next.max(now.nanos + 1);
            self.net.wake(place, *wake);
        }
    }
}

#[test]
fn an_update_reaches_ten_thousand_ranks_with_one_request_each() {
    for (ratio, depth) in [(4, 7), (32, 3)] {
        let mut system = System::new(10_000, 1, ratio, false);
        let update = system.nodes[9_999].update(Some(5), Mode::Eager);
        system.turn(9_999);
        system.run(SECOND);
        assert_eq!(*update.lock().unwrap(), Some(Ok(5)));
        let all = || system.nodes.iter();
        assert!(all().all(|node| *node.cache().value.lock().unwrap() == Some(5)));
        let spreads: u32 = all().map(|node| node.spreads.load(Ordering::Relaxed)).sum();
        let deepest = all().map(|node| node.depth.load(Ordering::Relaxed)).max();
        assert_eq!((spreads, deepest), (9_999, Some(depth)), "ratio {ratio}");
        assert!(all().all(|node| node.core().context.is_settled()));
        assert!(all().all(|node| node.cache().out.load(Ordering::Relaxed) == 0));
    }
}

/// What a seed leads to: for each rank its value, and all that was sent.
fn history(seed: u64) -> (BTreeMap<Rank, Option<u64>>, u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let size = random.usize(2..10);
    let mut system = System::new(size, seed, 4, true);
    let mut newest = 0;
    let mut dead = Vec::new();
    let mut results = Vec::new();
    system.run(SECOND);
    for _ in 0..30 {
        system.net.faults = Faults {
            loss: random.u32(0..30),
            repeats: random.u32(0..30),
            reorder: random.bool(),
            delay: (10_000, random.u64(10_000..20 * MILLI)),
        };
        let place = random.usize(0..size);
        let leader = system.leader.load(Ordering::Relaxed) as usize;
        if dead.contains(&place) {
            continue;
        }
        let node = system.nodes[place].clone();
        match random.u32(0..14) {
            // If most were dead, the others would take it for an outage of the network.
            0 if 2 * dead.len() + 2 < size && place != leader => {
                system.kill(place);
                dead.push(place);
            }
            1 => {
                system.kill(place);
                system.restart(place);
            }
            2 => system.leader.store(place as Rank, Ordering::Relaxed),
            3 => system.net.set_part(place, random.u32(0..2)),
            4 => system.net.reset(place),
            5..8 => {
                newest += 10;
                let modes = [Mode::None, Mode::Eager, Mode::Lazy];
                results.push((node.clone(), node.update(Some(newest), modes[random.usize(0..3)])));
            }
            8 => results.push((node.clone(), node.update(None, Mode::Eager))),
            9 => node.echo(random.u32(0..size as Rank)),
            _ => results.push((node.clone(), node.fetch())),
        }
        system.turn(place);
        if random.bool() {
            system.run(random.u64(0..300 * MILLI));
        }
    }
    // Healing: the network is good again, those who are left find out who is dead, and are told who is a member.
    system.net.faults = Faults::default();
    (0..size).for_each(|place| system.net.set_part(place, 0));
    let living: Vec<_> = (0..size).filter(|place| !dead.contains(place)).collect();
    let pairs = || living.iter().flat_map(|&one| (0..size).map(move |other| (one, other)));
    let mistakes = |system: &System| {
        let mistaken = |&(one, other): &(Place, Place)| {
            let expected = if dead.contains(&other) { Status::Dead } else { Status::Alive };
            one != other && system.nodes[one].core().detector.state(other as Rank).unwrap().status != expected
        };
        pairs().filter(mistaken).collect::<Vec<_>>()
    };
    let found_out = (0..90).any(|_| {
        system.run(SECOND);
        mistakes(&system).is_empty()
    });
    assert!(found_out, "who is mistaken about whom: {:?}", mistakes(&system));
    system.tell(living.iter().map(|&place| place as Rank).collect(), 2);
    let leader = system.leader.load(Ordering::Relaxed) as usize;
    let last = system.nodes[leader].update(Some(newest + 10), Mode::Eager);
    system.turn(leader);
    system.run(2 * SECOND);
    assert_eq!(*last.lock().unwrap(), Some(Ok(newest + 10)));
    let mut values = BTreeMap::new();
    for &place in &living {
        let node = &system.nodes[place];
        let value = *node.cache().value.lock().unwrap();
        assert_eq!(value, Some(newest + 10), "rank {place}");
        assert_eq!(node.open.load(Ordering::Relaxed), 0, "completions of rank {place} that were not called");
        assert_eq!(
            node.cache().out.load(Ordering::Relaxed),
            0,
            "values of rank {place} that were not put back"
        );
        assert_eq!(node.namespace().fetches_in_progress(), 0);
        values.insert(place as Rank, value);
    }
    for (node, result) in &results {
        let lives =
            Arc::ptr_eq(node, &system.nodes[node.rank as usize]) && system.net.is_up(node.rank as usize);
        assert!(!lives || result.lock().unwrap().is_some());
    }
    // Pings go on for ever: between two of them nothing is left.
    let settled = (0..1000).any(|_| {
        system.run(MILLI);
        living.iter().all(|&place| system.nodes[place].core().context.is_settled())
    });
    assert!(settled, "a request that does not end");
    (values, system.net.frames())
}

/// Names the seed of a system that fails.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the seed is {}", self.0);
        }
    }
}

#[test]
fn all_who_live_agree_in_the_end_whatever_happened() {
    let seeds: u64 = std::env::var("CART_SEEDS").map_or(1_000, |seeds| seeds.parse().unwrap());
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get());
    std::thread::scope(|scope| {
        for first in 0..threads as u64 {
            scope.spawn(move || {
                for seed in (first..seeds).step_by(threads) {
                    let _seed = Seed(seed);
                    history(seed);
                }
            });
        }
    });
}

#[test]
fn a_seed_replays_exactly() {
    for seed in [3, 17, 1234] {
        assert_eq!(history(seed), history(seed));
    }
}
