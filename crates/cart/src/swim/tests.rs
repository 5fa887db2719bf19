//! Many nodes on a network that loses, delays and cuts.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use proptest::prelude::*;

use super::*;

/// A request that a node holds: its number.
type Request = u64;

/// What happens to a message at its destination.
#[derive(Clone, Debug)]
enum Event {
    Ask { number: Request, from: Rank, to: Rank, about: Rank, updates: Vec<Update> },
    Answer { number: Request, outcome: Outcome, updates: Vec<Update> },
    Timeout { number: Request },
    Wake { rank: Rank },
}

/// A node and when it is up.
struct Node {
    detector: Detector<Request>,
    up: bool,
    wake: Millis,
}

/// The network: a queue of events in virtual time.
struct Net {
    now: Millis,
    nodes: Vec<Node>,
    queue: BinaryHeap<Reverse<(Millis, u64)>>,
    events: BTreeMap<u64, Event>,
    /// Who asked whom about whom.
    asked: BTreeMap<Request, (Rank, Rank, Rank)>,
    count: u64,
    random: fastrand::Rng,
    /// Messages lost, in percent.
    loss: u32,
    /// Cut off from all others.
    cut: Option<Rank>,
    told: Vec<(Millis, Rank, Rank, Status)>,
}

impl Net {
    fn new(size: Rank, seed: u64, loss: u32) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let nodes = (0..size).map(|me| {
            let mut detector = Detector::new(Settings::default(), Moment { millis: 0, stamp: 1 });
            detector.set_self(Some(me));
            (0..size).for_each(|rank| assert!(detector.add(rank, 1)));
            detector.shuffle(&mut random);
            Node { detector, up: true, wake: 0 }
        });
        let nodes = nodes.collect();
        let mut net = Net {
            now: 0,
            nodes,
            queue: BinaryHeap::new(),
            events: BTreeMap::new(),
            asked: BTreeMap::new(),
            count: 0,
            random,
            loss,
            cut: None,
            told: Vec::new(),
        };
        (0..size).for_each(|rank| net.push(0, Event::Wake { rank }));
        net
    }

    fn push(&mut self, after: Millis, event: Event) {
        self.count += 1;
        self.events.insert(self.count, event);
        self.queue.push(Reverse((self.now + after, self.count)));
    }

    fn passes(&mut self, from: Rank, to: Rank) -> bool {
        let cut = self.cut.is_some_and(|rank| (rank == from) != (rank == to));
        !cut && self.random.u32(0..100) >= self.loss
    }

    fn moment(&self) -> Moment {
        Moment { millis: self.now, stamp: 2 + self.now }
    }

    fn run(&mut self, until: Millis) {
        while let Some(&Reverse((at, number))) = self.queue.peek().filter(|event| event.0.0 <= until) {
            self.queue.pop();
            self.now = at;
            let event = self.events.remove(&number).unwrap();
            self.handle(event);
        }
        self.now = until;
    }

    fn handle(&mut self, event: Event) {
        let now = self.moment();
        let mut actions = Vec::new();
        let node = match event {
            Event::Wake { rank } => {
                let node = &mut self.nodes[rank as usize];
                if !node.up || node.wake > self.now {
                    return;
                }
                rank
            }
            Event::Ask { number, from, to, about, updates } => {
                let node = &mut self.nodes[to as usize];
                if !node.up {
                    return;
                }
                if about == to {
                    let (outcome, updates) = node.detector.pinged(now, from, &updates, &mut actions);
                    self.answer(number, outcome, updates);
                } else {
                    node.detector.asked_for_ping(now, number, from, about, &updates, &mut actions);
                }
                to
            }
            Event::Answer { number, outcome, updates } => {
                let Some((from, to, about)) = self.asked.remove(&number) else { return };
                let node = &mut self.nodes[from as usize];
                if !node.up {
                    return;
                }
                node.detector.ended(now, to, about, outcome, &updates, &mut actions);
                from
            }
            Event::Timeout { number } => {
                let Some((from, to, about)) = self.asked.remove(&number) else { return };
                self.nodes[from as usize].detector.ended(
                    now,
                    to,
                    about,
                    Outcome::TimedOut,
                    &[],
                    &mut actions,
                );
                from
            }
        };
        if let Some(Progress { next }) = self.nodes[node as usize].detector.progress(now, &mut actions) {
            assert!(next > self.now, "a node wants to be called for ever");
            self.nodes[node as usize].wake = next;
            self.push(next - self.now, Event::Wake { rank: node });
        }
        for action in actions {
            match action {
                Action::Ask { to, about, updates } => {
                    self.count += 1;
                    let number = self.count;
                    self.asked.insert(number, (node, to, about));
                    if self.passes(node, to) {
                        let delay = self.random.u64(1..5);
                        self.push(delay, Event::Ask { number, from: node, to, about, updates });
                    }
                    self.push(3000, Event::Timeout { number });
                }
                Action::Answer { request, outcome, updates } => self.answer(request, outcome, updates),
                Action::Tell { rank, status, .. } => self.told.push((self.now, node, rank, status)),
            }
        }
    }

    fn answer(&mut self, number: Request, outcome: Outcome, updates: Vec<Update>) {
        let Some(&(from, to, _)) = self.asked.get(&number) else { return };
        if self.passes(to, from) {
            let delay = self.random.u64(1..5);
            self.push(delay, Event::Answer { number, outcome, updates });
        }
    }

    /// What all nodes that are up believe of `rank`.
    fn beliefs(&self, rank: Rank) -> Vec<Status> {
        let up = self.nodes.iter().enumerate().filter(|(me, node)| node.up && *me != rank as usize);
        up.map(|(_, node)| node.detector.state(rank).unwrap().status).collect()
    }
}

#[test]
fn on_a_good_network_nobody_is_suspected() {
    let mut net = Net::new(20, 1, 0);
    net.run(600_000);
    assert_eq!(net.told, []);
    assert!((0..20).all(|rank| net.beliefs(rank).iter().all(|&status| status == Status::Alive)));
}

/// It may happen by chance, once in some hundred systems, so these are always the same ones.
#[test]
fn a_loss_of_one_message_in_five_kills_nobody() {
    for seed in 0..8 {
        let mut net = Net::new(5 + 3 * seed as Rank, seed, 20);
        net.run(150_000);
        let dead: Vec<_> = net.told.iter().filter(|told| told.3 == Status::Dead).collect();
        assert!(dead.is_empty(), "seed {seed}: {dead:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn a_crash_is_known_to_all_in_time_and_to_nobody_too_soon(seed: u64, size in 3..40u32) {
        let mut net = Net::new(size, seed, 2);
        net.run(30_000);
        net.told.clear();
        net.nodes[1].up = false;
        // A round through all members, the suspicion, and the news: so long it may take.
        let limit = 30_000 + 1000 * Millis::from(size) + 2 * 20_000 + 10_000;
        net.run(limit);
        prop_assert!(net.beliefs(1).iter().all(|&status| status == Status::Dead), "{:?}", net.beliefs(1));
        prop_assert!(net.told.iter().all(|&(at, _, rank, status)| {
            status == Status::Alive || (rank == 1 && at >= 50_000)
        }), "{:?}", net.told);
    }

    #[test]
    fn who_was_cut_off_for_less_than_a_suspicion_lives_on(seed: u64, size in 4..20u32) {
        let mut net = Net::new(size, seed, 0);
        net.run(20_000);
        net.cut = Some(0);
        net.run(30_000);
        net.cut = None;
        net.run(200_000);
        for rank in 0..size {
            let beliefs = net.beliefs(rank);
            prop_assert!(beliefs.iter().all(|&status| status == Status::Alive), "{rank}: {beliefs:?}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_history(seed: u64) {
        let history = || {
            let mut net = Net::new(8, seed, 30);
            net.nodes[3].up = false;
            net.run(120_000);
            (net.told, net.count)
        };
        prop_assert_eq!(history(), history());
    }
}

#[test]
fn the_own_death_is_survived_by_a_new_incarnation() {
    let mut detector: Detector<()> = Detector::new(Settings::default(), Moment { millis: 0, stamp: 5 });
    detector.set_self(Some(0));
    detector.add(0, 0);
    detector.add(1, 1);
    let rumour = Update { rank: 0, state: State { incarnation: 9, status: Status::Dead, delay: 0 } };
    let mut actions = Vec::new();
    let (outcome, told) = detector.pinged(Moment { millis: 1, stamp: 7 }, 1, &[rumour], &mut actions);
    assert_eq!(outcome, Outcome::Answered);
    assert!(told.iter().any(|update| update.rank == 0 && update.state.incarnation == 10));
    assert_eq!(detector.incarnation(), 10);
    assert_eq!(actions, [Action::Tell { rank: 0, status: Status::Alive, incarnation: 10 }]);
}

#[test]
fn strangers_and_the_dead_start_no_rumours() {
    let mut detector: Detector<()> = Detector::new(Settings::default(), Moment { millis: 0, stamp: 1 });
    detector.set_self(Some(0));
    (0..3).for_each(|rank| assert!(detector.add(rank, 1)));
    let now = Moment { millis: 1, stamp: 2 };
    let mut actions = Vec::new();
    let death = |rank| Update { rank, state: State { incarnation: 1, status: Status::Dead, delay: 0 } };
    assert_eq!(detector.pinged(now, 7, &[death(2)], &mut actions), (Outcome::NotReady, vec![]));
    assert_eq!(detector.state(2).unwrap().status, Status::Alive);
    detector.pinged(now, 2, &[death(1)], &mut actions);
    assert_eq!(detector.state(1).unwrap().status, Status::Dead);
    detector.pinged(now, 1, &[death(2)], &mut actions);
    assert_eq!(detector.state(2).unwrap().status, Status::Alive);
}

#[test]
fn after_a_long_absence_the_others_have_time_to_answer() {
    let mut detector: Detector<()> = Detector::new(Settings::default(), Moment { millis: 0, stamp: 1 });
    detector.set_self(Some(0));
    (0..2).for_each(|rank| assert!(detector.add(rank, 1)));
    let mut actions = Vec::new();
    let at = |millis| Moment { millis, stamp: 2 };
    detector.progress(at(3001), &mut actions);
    assert!(matches!(actions.pop(), Some(Action::Ask { to: 1, about: 1, .. })));
    // The process was stopped for a minute, its answer lies in a queue.
    detector.progress(at(63_001), &mut actions);
    assert_eq!(detector.state(1).unwrap().status, Status::Alive);
}

#[test]
fn who_asks_others_in_vain_hears_their_gossip() {
    let mut detector: Detector<()> = Detector::new(Settings::default(), Moment { millis: 0, stamp: 5 });
    detector.set_self(Some(0));
    (0..4).for_each(|rank| assert!(detector.add(rank, 1)));
    let rumour = Update { rank: 0, state: State { incarnation: 9, status: Status::Dead, delay: 0 } };
    let mut actions = Vec::new();
    detector.ended(Moment { millis: 1, stamp: 7 }, 1, 2, Outcome::TimedOut, &[rumour], &mut actions);
    assert_eq!(detector.incarnation(), 10);
}

#[test]
fn who_hears_nobody_goes_on_asking() {
    let settings = Settings { period: 400, suspect_timeout: 10_000, ping_timeout: 130, subgroup: 2 };
    let mut detector: Detector<()> = Detector::new(settings, Moment { millis: 0, stamp: 1 });
    detector.set_self(Some(0));
    (0..5).for_each(|rank| assert!(detector.add(rank, 1)));
    let (mut now, mut asked) = (0, 0);
    while now < 600_000 {
        let mut actions = Vec::new();
        now = detector.progress(Moment { millis: now, stamp: 2 }, &mut actions).unwrap().next;
        if actions.iter().any(|action| matches!(action, Action::Ask { .. })) {
            asked = now;
        }
        assert!(now - asked < 10_000, "silent since {asked}");
    }
    // Nor is anybody dead: it is this node that is cut off.
    assert!((1..5).all(|rank| detector.state(rank).unwrap().status != Status::Dead));
}

#[test]
fn a_slow_network_gets_longer_timeouts() {
    let mut detector: Detector<()> = Detector::new(Settings::default(), Moment { millis: 0, stamp: 1 });
    detector.set_self(Some(0));
    (0..2).for_each(|rank| assert!(detector.add(rank, 1)));
    let from = Update { rank: 1, state: State { incarnation: 1, status: Status::Alive, delay: 0 } };
    (0..=10).for_each(|_| detector.measure(1, 800, &[from]));
    assert_eq!(detector.settings().ping_timeout, 1800);
    assert_eq!(detector.settings().suspect_timeout, 40_000);
    (0..=1000).for_each(|_| detector.measure(1, 1100, &[from]));
    assert_eq!(detector.settings().ping_timeout, 2198);
}
