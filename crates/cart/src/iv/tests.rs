//! Many ranks on a network that loses, delays, repeats and cuts, in virtual time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use gurt_client::Der;
use proptest::prelude::*;

use super::*;
use crate::tree::{Ratio, Topology};

type Node = Namespace<Wire, Cache>;
type Task = Box<dyn FnOnce() + Send>;

const TIMEDOUT: Der = Der::new(abi::DER_TIMEDOUT as i64);

/// The network: what happens when.
#[derive(Default)]
struct Net {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    now: u64,
    count: u64,
    queue: BinaryHeap<Reverse<(u64, u64)>>,
    tasks: HashMap<u64, Task>,
    nodes: Vec<Weak<Node>>,
    views: Vec<View>,
    members: Vec<Members>,
    down: Vec<bool>,
    /// Ranks below this number cannot reach those above, while there is a partition.
    partition: Option<Rank>,
    random: fastrand::Rng,
    /// In percent.
    loss: u32,
    repeats: u32,
    /// Requests sent along the tree of a spread, and its deepest level so far.
    spread: u64,
    depth: u64,
}

impl State {
    fn note_spread(&mut self, children: usize, depth: u64) {
        self.spread += children as u64;
        if children > 0 {
            self.depth = self.depth.max(depth);
        }
    }
}

impl Net {
    fn later(&self, after: u64, task: Task) {
        let mut state = self.state.lock().unwrap();
        state.count += 1;
        let number = state.count;
        let at = state.now + after;
        state.queue.push(Reverse((at, number)));
        state.tasks.insert(number, task);
    }

    /// Runs until nothing happens any more.
    fn run(&self) {
        loop {
            let task = {
                let mut state = self.state.lock().unwrap();
                let Some(Reverse((at, number))) = state.queue.pop() else { return };
                state.now = at;
                state.tasks.remove(&number)
            };
            task.unwrap()();
        }
    }

    /// How long each copy of a message takes that arrives.
    fn copies(&self, from: Rank, to: Rank) -> Vec<u64> {
        let mut state = self.state.lock().unwrap();
        let cut = state.partition.is_some_and(|cut| (from < cut) != (to < cut));
        if cut
            || state.down[from as usize]
            || state.down[to as usize]
            || state.random.u32(0..100) < state.loss
        {
            return Vec::new();
        }
        let count = 1 + usize::from(state.random.u32(0..100) < state.repeats);
        (0..count).map(|_| state.random.u64(1..10)).collect()
    }

    fn node(&self, rank: Rank) -> Option<Arc<Node>> {
        let state = self.state.lock().unwrap();
        state.nodes[rank as usize].upgrade().filter(|_| !state.down[rank as usize])
    }
}

/// The network as one rank has it.
struct Wire {
    net: Arc<Net>,
    rank: Rank,
}

/// A request that came in: its value, and the way back.
#[derive(Clone)]
struct Incoming {
    value: Option<Vec<u8>>,
    back: Arc<dyn Fn(Result, Option<Vec<u8>>) + Send + Sync>,
}

type Reply = Box<dyn FnOnce(Result, Option<Vec<u8>>) + Send>;

impl Wire {
    /// Sends a request. `handle` gets each copy of it that arrives, `done` the first answer or the timeout.
    fn request(
        &self,
        to: Rank,
        value: Option<Vec<u8>>,
        handle: impl Fn(Arc<Node>, Incoming) + Clone + Send + 'static,
        done: Reply,
    ) {
        let done = Arc::new(Mutex::new(Some(done)));
        let complete = {
            let done = done.clone();
            move |result: Result, value: Option<Vec<u8>>| {
                let done = done.lock().unwrap().take();
                done.into_iter().for_each(|done| done(result, value.clone()));
            }
        };
        for delay in self.net.copies(self.rank, to) {
            let (net, from, handle, complete) =
                (self.net.clone(), self.rank, handle.clone(), complete.clone());
            let back = {
                let net = net.clone();
                move |result: Result, value: Option<Vec<u8>>| {
                    for delay in net.copies(to, from) {
                        let (complete, value) = (complete.clone(), value.clone());
                        net.later(delay, Box::new(move || complete(result, value)));
                    }
                }
            };
            let incoming = Incoming { value: value.clone(), back: Arc::new(back) };
            let arrive = move || net.node(to).into_iter().for_each(|node| handle(node, incoming.clone()));
            self.net.later(delay, Box::new(arrive));
        }
        self.net.later(TIMEOUT, Box::new(move || complete(Err(TIMEDOUT), None)));
    }

    /// Passes a spread on to the children, whose level is `depth`.
    fn pass_on(&self, header: &Header, value: &Option<Vec<u8>>, depth: u64, done: Arc<Gather>) {
        let members = self.members();
        let spread = members.spread(topology(), header.origin);
        let children: Vec<_> =
            spread.into_iter().flat_map(|spread| spread.children(self.rank).collect::<Vec<_>>()).collect();
        self.net.state.lock().unwrap().note_spread(children.len(), depth);
        done.expect(children.len());
        for child in children {
            let header = header.clone();
            let handle = move |node: Arc<Node>, mut incoming: Incoming| {
                if let Err(error) = node.before_spread(&header, &mut incoming) {
                    return (incoming.back)(Err(error), None);
                }
                let Incoming { value, back } = incoming;
                let gather = Gather::new(Box::new(move |result| back(result, None)));
                node.fabric().pass_on(&header, &value, depth + 1, gather.clone());
                let own = move |result, _| gather.add(result);
                node.handle_spread(header.clone(), Incoming { value, back: Arc::new(own) });
            };
            let done = done.clone();
            self.request(child, value.clone(), handle, Box::new(move |result, _| done.add(result)));
        }
    }
}

/// Waits for several answers; the first error is the result.
struct Gather(Mutex<Gathered>);

/// How many are missing, what came so far, and what to do with it.
type Gathered = (usize, Result, Option<Box<dyn FnOnce(Result) + Send>>);

/// Where the result of a request will be.
type Place = Arc<Mutex<Option<Result<u64>>>>;

impl Gather {
    /// Waits for one answer: one's own.
    fn new(done: Box<dyn FnOnce(Result) + Send>) -> Arc<Self> {
        Arc::new(Gather(Mutex::new((1, Ok(()), Some(done)))))
    }

    fn expect(&self, more: usize) {
        self.0.lock().unwrap().0 += more;
    }

    fn add(&self, result: Result) {
        let (done, result) = {
            let mut gather = self.0.lock().unwrap();
            gather.0 -= 1;
            gather.1 = gather.1.and(result);
            if gather.0 > 0 {
                return;
            }
            (gather.2.take(), gather.1)
        };
        done.into_iter().for_each(|done| done(result));
    }
}

impl Fabric for Wire {
    type Value = Vec<u8>;
    type Incoming = Incoming;

    fn view(&self) -> View {
        self.net.state.lock().unwrap().views[self.rank as usize]
    }

    fn members(&self) -> Members {
        self.net.state.lock().unwrap().members[self.rank as usize].clone()
    }

    fn fetch(&self, to: Rank, header: &Header, value: Vec<u8>, done: Done<Vec<u8>>) {
        let header = header.clone();
        let handle = move |node: Arc<Node>, incoming| node.handle_fetch(header.clone(), incoming);
        self.request(to, None, handle, Box::new(move |result, new| done(result, new.unwrap_or(value))));
    }

    fn update(&self, to: Rank, header: &Header, value: Option<Vec<u8>>, done: Done<Option<Vec<u8>>>) {
        let header = header.clone();
        let handle = move |node: Arc<Node>, incoming| node.handle_update(header.clone(), incoming);
        let sent = value.clone();
        self.request(to, sent, handle, Box::new(move |result, new| done(result, new.or(value))));
    }

    fn spread(&self, header: &Header, value: Option<Vec<u8>>, done: Done<Option<Vec<u8>>>) {
        let sent = value.clone();
        let gather = Gather::new(Box::new(move |result| done(result, value)));
        self.pass_on(header, &sent, 1, gather.clone());
        gather.add(Ok(()));
    }

    fn spread_copy(&self, header: &Header, value: Option<&mut Vec<u8>>) -> Result {
        self.spread(header, value.cloned(), Box::new(|_, _| ()));
        Ok(())
    }

    fn receive(&self, incoming: Incoming, _: Vec<u8>, done: Box<dyn FnOnce(Received<Self>) + Send>) {
        let value = incoming.value.clone().unwrap();
        // As a value that is fetched does: it comes later.
        let at_once = self.net.state.lock().unwrap().random.bool();
        let received = move || done(Received { incoming, result: Ok(()), value, at_once });
        if at_once { received() } else { self.net.later(3, Box::new(received)) }
    }

    fn answer(&self, incoming: Incoming, result: Result) {
        (incoming.back)(result, None);
    }

    fn answer_with(&self, incoming: Incoming, value: Vec<u8>, done: Box<dyn FnOnce(Vec<u8>) + Send>) {
        (incoming.back)(Ok(()), Some(value.clone()));
        done(value);
    }

    fn has_value(&self, incoming: &Incoming) -> bool {
        incoming.value.is_some()
    }

    fn spread_value(&self, incoming: &mut Incoming) -> Result<Vec<u8>> {
        Ok(incoming.value.clone().unwrap())
    }
}

/// The user: a cache of one rank. Values are numbers; the greater is the newer.
struct Cache {
    leader: Arc<AtomicU32>,
    values: Mutex<BTreeMap<Vec<u8>, u64>>,
    /// Values that were given out and have not come back, of all ranks.
    out: Arc<AtomicI64>,
    fetches: AtomicU64,
    notified: AtomicU64,
    before: AtomicU64,
}

fn number(value: &[u8]) -> u64 {
    u64::from_le_bytes(value.try_into().unwrap())
}

impl Cache {
    fn store(&self, key: &[u8], value: u64) {
        let mut values = self.values.lock().unwrap();
        let known = values.entry(key.to_vec()).or_insert(value);
        *known = value.max(*known);
    }
}

impl Ops for Cache {
    type Value = Vec<u8>;
    type Private = u64;

    fn hash(&self, _: &[u8]) -> Result<Rank> {
        Ok(self.leader.load(Ordering::Relaxed))
    }

    fn get(&self, _: &[u8], _: Access) -> Result<(Vec<u8>, u64)> {
        self.out.fetch_add(1, Ordering::Relaxed);
        Ok((vec![0; 8], 7))
    }

    fn get_private(&self, _: &[u8], _: Access) -> Result<u64> {
        self.out.fetch_add(1, Ordering::Relaxed);
        Ok(7)
    }

    fn put(&self, _: Option<Vec<u8>>, private: u64) {
        assert_eq!(private, 7);
        self.out.fetch_sub(1, Ordering::Relaxed);
    }

    fn fetch(&self, key: &[u8], _: bool, value: &mut Vec<u8>, _: u64) -> Result<Answer> {
        self.fetches.fetch_add(1, Ordering::Relaxed);
        match self.values.lock().unwrap().get(key) {
            Some(known) => {
                value.copy_from_slice(&known.to_le_bytes());
                Ok(Answer::Done)
            }
            None => Ok(Answer::Forward),
        }
    }

    fn update(&self, key: &[u8], _: bool, value: &mut Vec<u8>, _: u64) -> Result<Answer> {
        if self.values.lock().unwrap().contains_key(&b"root"[..]) {
            // What a root makes of a value shows in a bidirectional update.
            let new = number(value) + 1;
            self.store(key, new);
            value.copy_from_slice(&new.to_le_bytes());
            return Ok(Answer::Done);
        }
        Ok(Answer::Forward)
    }

    fn refresh(&self, key: &[u8], news: News<'_, Vec<u8>>, private: Option<u64>) -> Result<Answer> {
        assert!(private.is_none_or(|private| private == 7));
        match news {
            News::Value(value) => self.store(key, number(value)),
            News::Changed => drop(self.notified.fetch_add(1, Ordering::Relaxed)),
            News::Invalid => drop(self.values.lock().unwrap().remove(key)),
            News::Failed(_) => {}
        }
        Ok(Answer::Done)
    }

    fn before_spread(&self, _: &[u8], value: Option<&mut Vec<u8>>, _: u64) -> Result {
        assert!(value.is_none_or(|value| value.len() == 8));
        self.before.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn wants_before_spread(&self) -> bool {
        true
    }
}

const TIMEOUT: u64 = 1000;
const KEY: &[u8] = b"key";

thread_local! {
    static RATIO: std::cell::Cell<u32> = const { std::cell::Cell::new(4) };
}

fn topology() -> Topology {
    Topology::Knomial(Ratio::new(RATIO.get()).unwrap())
}

/// A system of ranks with one namespace.
struct System {
    net: Arc<Net>,
    nodes: Vec<Arc<Node>>,
    leader: Arc<AtomicU32>,
    out: Arc<AtomicI64>,
    /// Completions that are still due.
    open: Arc<AtomicI64>,
}

impl System {
    fn new(size: Rank, seed: u64) -> Self {
        let net = Arc::new(Net::default());
        let members: Members = (0..size).collect();
        let (leader, out) = Default::default();
        let nodes: Vec<_> = (0..size)
            .map(|rank| {
                let cache = Cache {
                    leader: Arc::clone(&leader),
                    values: Mutex::default(),
                    out: Arc::clone(&out),
                    fetches: AtomicU64::new(0),
                    notified: AtomicU64::new(0),
                    before: AtomicU64::new(0),
                };
                let id = Id { group: "group".into(), number: 1 };
                Namespace::new(id, topology(), vec![cache], Wire { net: net.clone(), rank })
            })
            .collect();
        {
            let mut state = net.state.lock().unwrap();
            state.random = fastrand::Rng::with_seed(seed);
            state.nodes = nodes.iter().map(Arc::downgrade).collect();
            state.views = (0..size).map(|rank| View { version: 1, me: Some(rank) }).collect();
            state.members = vec![members; size as usize];
            state.down = vec![false; size as usize];
        }
        let system = System { net, nodes, leader, out, open: Arc::default() };
        system.lead(0);
        system
    }

    fn cache(&self, rank: Rank) -> &Cache {
        self.nodes[rank as usize].class(0).unwrap()
    }

    fn value(&self, rank: Rank) -> Option<u64> {
        self.cache(rank).values.lock().unwrap().get(KEY).copied()
    }

    /// Makes a rank the leader: the one that takes updates.
    fn lead(&self, rank: Rank) {
        self.cache(self.leader.swap(rank, Ordering::Relaxed)).values.lock().unwrap().remove(&b"root"[..]);
        self.cache(rank).values.lock().unwrap().insert(b"root".to_vec(), 0);
    }

    /// A completion that has to be called once, and where its result will be.
    fn completion(&self) -> (Completion<Vec<u8>>, Place) {
        let (open, result) = (self.open.clone(), Arc::new(Mutex::new(None)));
        open.fetch_add(1, Ordering::Relaxed);
        let place = result.clone();
        let done = move |result: Result, value: Option<&mut Vec<u8>>| {
            open.fetch_sub(1, Ordering::Relaxed);
            *place.lock().unwrap() = Some(result.map(|()| value.map_or(0, |value| number(value))));
        };
        (Box::new(done), result)
    }

    fn update(&self, rank: Rank, value: Option<u64>, mode: Mode, event: Event) -> Place {
        let (done, result) = self.completion();
        let sync = SyncPolicy { mode, event, bidirectional: false, expects_namespace: false };
        let value = value.map(|value| value.to_le_bytes().to_vec());
        self.nodes[rank as usize].update(0, KEY, value, Shortcut::None, sync, done);
        result
    }

    fn fetch(&self, rank: Rank, shortcut: Shortcut) -> Place {
        let (done, result) = self.completion();
        self.nodes[rank as usize].fetch(0, KEY, shortcut, done);
        result
    }

    /// Nothing is left over: no completion, no value of a user, no fetch.
    fn check_settled(&self) {
        assert_eq!(self.open.load(Ordering::Relaxed), 0, "completions that were not called");
        assert_eq!(self.out.load(Ordering::Relaxed), 0, "values that were not put back");
        assert!(self.nodes.iter().all(|node| node.fetches_in_progress() == 0));
    }
}

fn result(place: &Mutex<Option<Result<u64>>>) -> Result<u64> {
    place.lock().unwrap().expect("completed")
}

#[test]
fn an_update_reaches_ten_thousand_ranks_with_one_message_each() {
    for (ratio, depth) in [(4, 7), (32, 3)] {
        RATIO.set(ratio);
        let system = System::new(10_000, 1);
        let update = system.update(9_999, Some(5), Mode::Eager, Event::Update);
        system.net.run();
        assert_eq!(result(&update), Ok(5));
        assert!((0..10_000).all(|rank| system.value(rank).is_some_and(|value| value >= 5)));
        {
            let state = system.net.state.lock().unwrap();
            assert_eq!((state.spread, state.depth), (9_999, depth), "ratio {ratio}");
        }
        system.check_settled();
    }
    RATIO.set(4);
}

#[test]
fn a_fetch_climbs_to_the_root_and_fills_the_caches_on_its_way() {
    let system = System::new(64, 1);
    system.update(0, Some(7), Mode::None, Event::Update);
    // 63 is 333 in base 4: by way of 60 and 48 to 0.
    let fetch = system.fetch(63, Shortcut::None);
    system.net.run();
    assert_eq!(result(&fetch), Ok(8));
    let filled: Vec<_> = (0..64).filter(|&rank| system.value(rank).is_some()).collect();
    assert_eq!(filled, [0, 48, 60, 63]);
    let fetch = system.fetch(31, Shortcut::ToRoot);
    system.net.run();
    assert_eq!(result(&fetch), Ok(8));
    assert_eq!((system.value(31), system.value(28)), (Some(8), None));
    system.check_settled();
}

#[test]
fn fetches_of_a_key_that_meet_become_one() {
    let system = System::new(64, 1);
    system.update(0, Some(7), Mode::None, Event::Update);
    let fetches: Vec<_> =
        [60, 61, 62, 63, 63, 63].iter().map(|&rank| system.fetch(rank, Shortcut::None)).collect();
    system.net.run();
    assert!(fetches.iter().all(|fetch| result(fetch) == Ok(8)));
    assert_eq!(system.cache(0).fetches.load(Ordering::Relaxed), 1);
    system.check_settled();
}

#[test]
fn news_without_the_value_and_invalidation_reach_everybody() {
    let system = System::new(20, 1);
    system.update(3, Some(7), Mode::Eager, Event::Update);
    system.net.run();
    let notify = system.update(3, Some(9), Mode::Lazy, Event::Notify);
    system.net.run();
    assert_eq!(result(&notify), Ok(9));
    let told: u64 = (0..20).map(|rank| system.cache(rank).notified.load(Ordering::Relaxed)).sum();
    assert_eq!(told, 20);
    assert_eq!(system.value(5), Some(7));
    let before: u64 = (0..20).map(|rank| system.cache(rank).before.load(Ordering::Relaxed)).sum();
    assert_eq!(before, 2 * 19);
    let gone = system.update(3, None, Mode::Eager, Event::Update);
    system.net.run();
    assert_eq!(result(&gone), Ok(0));
    assert!((0..20).all(|rank| system.value(rank).is_none()));
    system.check_settled();
}

#[test]
fn a_bidirectional_update_comes_back_to_those_on_its_way() {
    let system = System::new(64, 1);
    let (done, back) = system.completion();
    let sync =
        SyncPolicy { mode: Mode::None, event: Event::Update, bidirectional: true, expects_namespace: false };
    system.nodes[63].update(0, KEY, Some(5u64.to_le_bytes().to_vec()), Shortcut::None, sync, done);
    system.net.run();
    assert_eq!(result(&back), Ok(6));
    let filled: Vec<_> = (0..64).filter(|&rank| system.value(rank) == Some(6)).collect();
    assert_eq!(filled, [0, 48, 60, 63]);
    let (done, refused) = system.completion();
    system.nodes[63].update(0, KEY, None, Shortcut::None, SyncPolicy { mode: Mode::Eager, ..sync }, done);
    assert_eq!(result(&refused), Err(Der::new(abi::DER_INVAL.into())));
    system.check_settled();
}

#[test]
fn ranks_at_different_versions_of_the_group_do_not_work_together() {
    let system = System::new(16, 1);
    system.update(0, Some(7), Mode::None, Event::Update);
    system.net.state.lock().unwrap().views[4].version = 2;
    let fetches = [5, 8].map(|rank| system.fetch(rank, Shortcut::None));
    let update = system.update(1, Some(8), Mode::Eager, Event::Update);
    let unknown = system.fetch(2, Shortcut::None);
    system.net.run();
    let mismatch = Err(Der::new(abi::DER_GRPVER.into()));
    assert_eq!(fetches.map(|fetch| result(&fetch)), [mismatch, Ok(8)]);
    assert_eq!(result(&update), mismatch);
    assert!(result(&unknown).is_ok());
    system.check_settled();
}

#[test]
fn an_unknown_class_is_refused_here_and_there() {
    let system = System::new(2, 1);
    let (done, here) = system.completion();
    system.nodes[1].fetch(3, KEY, Shortcut::None, done);
    assert_eq!(result(&here), Err(Der::new(abi::DER_INVAL.into())));
    assert_eq!(system.nodes[0].children(0, KEY), Ok(1));
    assert_eq!(system.nodes[1].children(0, KEY), Ok(0));
    system.net.run();
    system.check_settled();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Whatever is lost, repeated, cut, killed or elected: in the end all who live agree with the leader.
    #[test]
    fn all_who_live_agree_in_the_end(seed: u64, size in 2..40u32) {
        let system = System::new(size, seed);
        let mut random = fastrand::Rng::with_seed(seed ^ 1);
        let mut newest = 0;
        let mut killed = Vec::new();
        let mut results = Vec::new();
        for _ in 0..30 {
            {
                let mut state = system.net.state.lock().unwrap();
                state.loss = random.u32(0..30);
                state.repeats = random.u32(0..30);
                state.partition = random.bool().then(|| random.u32(0..size));
            }
            let rank = random.u32(0..size);
            if killed.contains(&rank) {
                continue;
            }
            match random.u32(0..10) {
                0 if killed.len() + 2 < size as usize && rank != system.leader.load(Ordering::Relaxed) => {
                    system.net.state.lock().unwrap().down[rank as usize] = true;
                    killed.push(rank);
                }
                1 => system.lead(rank),
                2..6 => {
                    newest += 10;
                    let modes = [Mode::None, Mode::Eager, Mode::Lazy];
                    results.push(system.update(rank, Some(newest), modes[random.usize(0..3)], Event::Update));
                }
                _ => results.push(system.fetch(rank, Shortcut::None)),
            }
            if random.bool() {
                system.net.run();
            }
        }
        // Healing: the network is good again, and the group is told who is left.
        system.net.run();
        {
            let mut state = system.net.state.lock().unwrap();
            (state.loss, state.repeats, state.partition) = (0, 0, None);
            let members: Members = (0..size).filter(|rank| !killed.contains(rank)).collect();
            state.members = vec![members; size as usize];
            state.views.iter_mut().for_each(|view| view.version = 2);
        }
        let leader = system.leader.load(Ordering::Relaxed);
        let last = system.update(leader, Some(newest + 10), Mode::Eager, Event::Update);
        system.net.run();
        prop_assert_eq!(result(&last), Ok(newest + 11));
        for rank in (0..size).filter(|rank| !killed.contains(rank)) {
            prop_assert_eq!(system.value(rank), Some(newest + 11), "rank {}", rank);
        }
        prop_assert!(results.iter().all(|place| place.lock().unwrap().is_some()));
        system.check_settled();
    }
}
