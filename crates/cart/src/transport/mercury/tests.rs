//! Two sides and a network that is as bad as a test wants it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use super::links::{Links, Patience};
use super::piece::{HEADER, Header, Kind};
use crate::rpc::{Link, MILLI, Nanos};
use crate::transport::{Arrival, Limits, Payload};
use crate::wire::{Head, Hello, MaxFrame, Moved};

const WINDOW: u64 = 8;
const CLIENT: usize = 0;
const SERVER: usize = 1;
const LINK: Link = Link(2);

fn hello(group: &str, rank: u32) -> Hello {
    Hello { group: group.into(), rank: Some(rank), tag: 0, incarnation: rank.into(), channel: 7 }
}

fn side(rank: u32, limits: Limits) -> Links<usize> {
    let own = hello("group", rank);
    Links::new(own, limits, Patience::default(), WINDOW, fastrand::Rng::with_seed(rank.into()))
}

/// Two sides, at the addresses 0 and 1, and what is on its way.
struct Pair {
    sides: [Links<usize>; 2],
    arrivals: [Vec<Arrival>; 2],
    network: Vec<(usize, usize, Vec<u8>)>,
    now: Nanos,
    piece: usize,
}

impl Pair {
    fn new(limits: Limits, piece: usize) -> Self {
        Pair {
            sides: [side(1, limits), side(2, limits)],
            arrivals: Default::default(),
            network: Vec::new(),
            now: 0,
            piece,
        }
    }

    /// One whose client has a connection.
    fn connected(limits: Limits, piece: usize) -> Self {
        let mut pair = Pair::new(limits, piece);
        pair.connect();
        pair.settle();
        assert!(matches!(pair.arrivals[CLIENT][..], [Arrival::Connected(LINK, _)]), "{:?}", pair.arrivals);
        assert!(matches!(pair.arrivals[SERVER][..], [Arrival::Connected(..)]), "{:?}", pair.arrivals);
        pair
    }

    fn connect(&mut self) {
        self.sides[CLIENT].connect(self.now, LINK, SERVER, &hello("group", 1));
    }

    /// The server's number of the connection.
    fn accepted(&self) -> Link {
        let connected = self.arrivals[SERVER].iter().rev().find_map(|arrival| match arrival {
            Arrival::Connected(link, _) => Some(*link),
            _ => None,
        });
        connected.unwrap()
    }

    fn send(&mut self, side: usize, id: u64, size: usize) {
        let link = if side == CLIENT { LINK } else { self.accepted() };
        self.sides[side].send(link, &head(id), Payload::Bytes(body(id, size)));
    }

    /// Puts on the network what both want to send.
    fn pump(&mut self) {
        for (from, side) in self.sides.iter_mut().enumerate() {
            let mut piece = vec![0xee; self.piece];
            while let Some((to, _, size)) = side.next_piece(&mut piece) {
                self.network.push((to, from, piece[..size].to_vec()));
            }
        }
    }

    fn carry(&mut self, to: usize, from: usize, piece: &[u8]) {
        self.sides[to].receive(self.now, piece, Some(&from), &mut self.arrivals[to]);
        self.attend();
    }

    fn attend(&mut self) {
        for (side, arrivals) in self.sides.iter_mut().zip(&mut self.arrivals) {
            side.take_pending(arrivals);
            side.progress(self.now, arrivals);
        }
    }

    /// A good network, until nothing is on its way.
    fn settle(&mut self) {
        self.pump();
        while !self.network.is_empty() {
            for (to, from, piece) in std::mem::take(&mut self.network) {
                self.carry(to, from, &piece);
            }
            self.pump();
        }
        self.attend();
    }

    /// Lets time pass, with a network that carries what the condition says.
    fn pass(&mut self, time: Nanos, mut carries: impl FnMut(&Header) -> bool) {
        for _ in 0..time / (500 * MILLI) {
            self.now += 500 * MILLI;
            self.attend();
            self.pump();
            for (to, from, piece) in std::mem::take(&mut self.network) {
                if carries(&Header::decode(&piece).unwrap().0) {
                    self.carry(to, from, &piece);
                }
            }
        }
    }

    /// The frames that have come, or whether the connection was lost.
    fn frames(&self, side: usize) -> Vec<(u64, Bytes)> {
        let frames = self.arrivals[side].iter().filter_map(|arrival| match arrival {
            Arrival::Frame(_, Head::Data(moved), body) => Some((moved.id, body.clone())),
            _ => None,
        });
        frames.collect()
    }

    fn is_lost(&self, side: usize) -> bool {
        matches!(self.arrivals[side].last(), Some(Arrival::Lost(_)))
    }
}

fn head(id: u64) -> Head {
    Head::Data(Moved { id, status: 0 })
}

fn body(id: u64, size: usize) -> Bytes {
    (0..size).map(|byte| (byte as u64 * 7 + id) as u8).collect()
}

/// What the network does next.
#[derive(Clone, Debug)]
enum Step {
    Carry(prop::sample::Index),
    Repeat(prop::sample::Index),
    Send(usize, usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => any::<prop::sample::Index>().prop_map(Step::Carry),
        1 => any::<prop::sample::Index>().prop_map(Step::Repeat),
        2 => (0..2usize, 0..3000usize).prop_map(|(side, size)| Step::Send(side, size)),
    ];
    prop::collection::vec(step, 1..150)
}

proptest! {
    #[test]
    fn frames_come_in_order_and_once_whatever_overtakes_and_is_repeated(
        steps in steps(),
        piece in HEADER + 150..2000,
    ) {
        let mut pair = Pair::connected(Limits::default(), piece);
        let mut sent = [Vec::new(), Vec::new()];
        for step in steps {
            pair.pump();
            match step {
                Step::Send(side, size) => {
                    let id = sent[side].len() as u64;
                    pair.send(side, id, size);
                    sent[side].push((id, body(id, size)));
                }
                Step::Carry(index) if !pair.network.is_empty() => {
                    let at = index.index(pair.network.len());
                    let (to, from, piece) = pair.network.swap_remove(at);
                    pair.carry(to, from, &piece);
                }
                Step::Repeat(index) if !pair.network.is_empty() => {
                    let (to, from, piece) = pair.network[index.index(pair.network.len())].clone();
                    pair.carry(to, from, &piece);
                }
                Step::Carry(_) | Step::Repeat(_) => {}
            }
            for side in [CLIENT, SERVER] {
                let come = pair.frames(side);
                prop_assert_eq!(&come[..], &sent[1 - side][..come.len()]);
            }
        }
        pair.network.reverse();
        pair.settle();
        for side in [CLIENT, SERVER] {
            prop_assert_eq!(&pair.frames(side), &sent[1 - side]);
            prop_assert!(!pair.is_lost(side));
            prop_assert_eq!(pair.sides[side].kept(), 0);
        }
    }

    #[test]
    fn what_is_lost_ends_the_connection_in_time(
        sizes in prop::collection::vec(0..2000usize, 1..10),
        lost in any::<prop::sample::Index>(),
        kind in prop::sample::select(vec![Kind::Data, Kind::Data, Kind::Here, Kind::Probe]),
    ) {
        let mut pair = Pair::connected(Limits::default(), 300);
        for (id, size) in sizes.iter().enumerate() {
            pair.send(CLIENT, id as u64, *size);
        }
        let (mut seen, at) = (0, lost.index(6));
        pair.pass(60_000 * MILLI, |header| {
            seen += usize::from(header.kind == kind);
            header.kind != kind || seen != at + 1
        });
        let come = pair.frames(SERVER);
        for (id, (arrived, content)) in come.iter().enumerate() {
            prop_assert_eq!(*arrived, id as u64);
            prop_assert_eq!(content, &body(id as u64, sizes[id]));
        }
        let whole = come.len() == sizes.len();
        prop_assert!(whole || (pair.is_lost(CLIENT) && pair.is_lost(SERVER)), "{:?}", pair.arrivals);
    }

    #[test]
    fn any_piece_is_taken_or_refused(
        pieces in prop::collection::vec(
            (0..5u8, any::<[u8; 4]>(), any::<[u64; 2]>(), prop::collection::vec(any::<u8>(), 0..60), 0..2usize),
            1..50,
        ),
    ) {
        let limits = Limits { accepted: 4, ..Limits::default() };
        let mut pair = Pair::connected(limits, 300);
        for (kind, [to, from, a, b], [number, taken], payload, side) in pieces {
            if pair.is_lost(CLIENT) || pair.is_lost(SERVER) {
                break;
            }
            let link = if side == CLIENT { LINK } else { pair.accepted() };
            let (own, other) = pair.sides[side].tokens(link);
            let pick = |choice: u8, known: u64, number: u64| match choice % 4 {
                0 => 0,
                1 => number,
                _ => known,
            };
            let small = |choice: u8, number: u64| if choice < 200 { number % 20 } else { number };
            let kind = [Kind::Open, Kind::Data, Kind::Here, Kind::Probe, Kind::Close][usize::from(kind)];
            let header = Header {
                kind,
                to: pick(to, own, number),
                from: pick(from, other, taken),
                number: small(a, number),
                taken: small(b, taken),
            };
            let mut piece = vec![0; HEADER];
            header.encode(&mut piece, payload.len());
            piece.extend(&payload);
            pair.carry(side, 1 - side, &piece);
            pair.pump();
            prop_assert!(pair.network.len() < 100);
            pair.network.clear();
        }
    }
}

#[test]
fn a_peer_that_is_gone_is_noticed() {
    // While something is on its way, soon; otherwise late.
    for (busy, time) in [(true, 15_000), (false, 45_000)] {
        let mut pair = Pair::connected(Limits::default(), 300);
        if busy {
            pair.send(CLIENT, 1, 100);
        }
        pair.pass(time * MILLI, |_| false);
        assert!(pair.is_lost(CLIENT), "{busy}");
        assert_eq!(pair.sides[CLIENT].kept(), 0);
    }
    let mut pair = Pair::connected(Limits::default(), 300);
    pair.pass(300_000 * MILLI, |_| true);
    assert!(!pair.is_lost(CLIENT) && !pair.is_lost(SERVER), "silence alone ends nothing");
}

#[test]
fn nobody_at_an_address_is_noticed() {
    let mut pair = Pair::new(Limits::default(), 300);
    pair.connect();
    pair.pass(8_000 * MILLI, |_| false);
    assert!(matches!(pair.arrivals[CLIENT][..], [Arrival::Lost(LINK)]));
}

#[test]
fn a_peer_that_was_started_anew_says_so() {
    let mut pair = Pair::connected(Limits::default(), 300);
    pair.sides[SERVER] = side(3, Limits::default());
    pair.send(CLIENT, 1, 10);
    pair.settle();
    assert!(pair.is_lost(CLIENT));
}

#[test]
fn a_closed_connection_is_closed_on_both_sides() {
    let mut pair = Pair::connected(Limits::default(), 300);
    pair.sides[CLIENT].close(LINK);
    pair.settle();
    assert!(pair.is_lost(SERVER) && !pair.is_lost(CLIENT));
    // A late repetition of its beginning opens nothing that stays.
    let mut pair = Pair::new(Limits::default(), 300);
    pair.connect();
    pair.pump();
    let (to, from, first) = pair.network[0].clone();
    pair.settle();
    pair.sides[CLIENT].close(LINK);
    pair.settle();
    pair.carry(to, from, &first);
    pair.settle();
    assert!(pair.is_lost(SERVER));
}

#[test]
fn who_belongs_elsewhere_is_refused() {
    let mut pair = Pair::new(Limits::default(), 300);
    pair.sides[CLIENT].connect(0, LINK, SERVER, &hello("other", 1));
    pair.settle();
    assert!(matches!(pair.arrivals[CLIENT][..], [Arrival::Lost(LINK)]));
    assert!(matches!(pair.arrivals[SERVER][..], [Arrival::Lost(_)]));
    let limits = Limits { accepted: 0, ..Limits::default() };
    let mut pair = Pair::new(limits, 300);
    pair.connect();
    pair.settle();
    assert!(matches!(pair.arrivals[CLIENT][..], [Arrival::Lost(LINK)]));
    // Who has so long a name that it does not go into the first piece.
    let mut pair = Pair::new(Limits::default(), 300);
    let long: Arc<str> = "group".repeat(100).into();
    pair.sides[CLIENT].connect(0, LINK, SERVER, &Hello { group: long, ..hello("", 1) });
    pair.settle();
    assert!(pair.is_lost(CLIENT) && pair.is_lost(SERVER));
}

#[test]
fn who_takes_nothing_is_not_listened_to_and_then_cut_off() {
    let limits = Limits { pause: 1000, peer: 20_000, ..Limits::default() };
    let mut pair = Pair::connected(limits, 300);
    // Nothing of what the server says gets through, so nothing goes.
    while pair.sides[SERVER].kept() <= 1000 {
        pair.send(SERVER, 0, 200);
        pair.pump();
    }
    let (mine, theirs): (Vec<_>, Vec<_>) = pair.network.drain(..).partition(|(to, ..)| *to == CLIENT);
    assert!(theirs.is_empty());
    assert!(mine.len() as u64 <= WINDOW);
    pair.send(CLIENT, 1, 100);
    pair.pump();
    for (to, from, piece) in std::mem::take(&mut pair.network) {
        pair.carry(to, from, &piece);
    }
    assert!(pair.frames(SERVER).is_empty(), "it is held");
    for (to, from, piece) in mine {
        pair.carry(to, from, &piece);
    }
    pair.settle();
    assert_eq!(pair.frames(SERVER).len(), 1);
    while !pair.is_lost(SERVER) {
        pair.send(SERVER, 0, 5000);
        assert!(pair.sides[SERVER].kept() < 30_000);
        pair.attend();
    }
    assert_eq!(pair.sides[SERVER].kept(), 0);
    pair.settle();
    assert!(pair.is_lost(CLIENT));
}

#[test]
fn a_frame_that_is_too_large_ends_the_connection() {
    let limits = Limits { frame: MaxFrame { head: 1000, body: 1000 }, ..Limits::default() };
    let mut pair = Pair::connected(limits, 300);
    pair.send(CLIENT, 1, 1001);
    pair.settle();
    assert!(pair.is_lost(CLIENT) && pair.is_lost(SERVER));
    let limits = Limits { handshake: Duration::from_millis(10), ..limits };
    let mut pair = Pair::connected(limits, 300);
    pair.send(SERVER, 1, 1000);
    pair.settle();
    assert_eq!(pair.frames(CLIENT).len(), 1);
}
