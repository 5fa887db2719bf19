//! A network in one program, in virtual time: for tests of everything above it, thousands of processes at a time.
//!
//! It loses, delays, repeats and reorders frames, cuts processes off, breaks connections and kills, as it is told and by
//! its seed: with the same seed everything happens again in the same order. Frames go through the encoding of
//! [`wire`](crate::wire), as between real processes.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::{Arrival, Payload, Transport};
use crate::rpc::{Link, Nanos};
use crate::wire::{Head, Hello, MaxFrame, PREFIX, Prefix};

/// The number of a place where a process lives: its address is [`uri`].
pub type Place = usize;

/// Where the process of a place listens.
pub fn uri(place: Place) -> Arc<str> {
    format!("sim://{place}").into()
}

/// How bad the network is.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    /// How many frames in a hundred are lost.
    pub loss: u32,
    /// How many arrive twice.
    pub repeats: u32,
    /// Frames may overtake each other.
    pub reorder: bool,
    /// How long a frame takes at least and at most.
    pub delay: (Nanos, Nanos),
}

impl Default for Faults {
    /// None, and a delay of some microseconds.
    fn default() -> Self {
        Faults { loss: 0, repeats: 0, reorder: false, delay: (2_000, 10_000) }
    }
}

/// The network with all its places.
#[derive(Debug, Default)]
pub struct Net {
    now: Nanos,
    numbers: u64,
    queue: BinaryHeap<Reverse<(Nanos, u64)>>,
    events: HashMap<u64, Event>,
    places: Vec<State>,
    ends: BTreeMap<(Place, Link), End>,
    random: fastrand::Rng,
    frames: u64,
    /// How bad it is now.
    pub faults: Faults,
}

/// What a place is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    up: bool,
    /// Those in different parts do not reach each other.
    part: u32,
}

/// One end of a connection.
#[derive(Clone, Copy, Debug)]
struct End {
    other: (Place, Link),
    /// When the last frame arrives there.
    last: Nanos,
}

#[derive(Clone, Debug)]
enum Event {
    Open { from: (Place, Link), to: Place, hello: Hello },
    Welcome { to: (Place, Link), hello: Hello },
    Frame { to: (Place, Link), bytes: Vec<u8> },
    Lost { to: (Place, Link) },
    Wake(Place),
}

/// What happens next.
#[derive(Debug)]
pub enum Step {
    /// Something arrives at a place.
    Arrival(Place, Arrival),
    /// A place wanted to be woken.
    Wake(Place),
    /// Somebody wants to connect to a place: [`Net::accept`] with its part of the handshake.
    Accept(Place, Opening),
}

/// A connection that is being opened.
#[derive(Debug)]
pub struct Opening {
    from: (Place, Link),
    hello: Hello,
}

impl Net {
    /// A network of so many places, each with a process.
    pub fn new(places: usize, seed: u64) -> Self {
        Net {
            places: vec![State { up: true, part: 0 }; places],
            random: fastrand::Rng::with_seed(seed),
            ..Net::default()
        }
    }

    /// The virtual time.
    pub fn now(&self) -> Nanos {
        self.now
    }

    /// How many frames were sent.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// What one process sees of the network.
    pub fn at(&mut self, place: Place) -> Port<'_> {
        Port { net: self, place }
    }

    /// Kills a process: its connections break.
    pub fn crash(&mut self, place: Place) {
        self.places[place].up = false;
        self.break_where(|(at, _), end| at == place || end.other.0 == place);
    }

    /// There is a process again.
    pub fn restart(&mut self, place: Place) {
        self.places[place].up = true;
    }

    /// Whether there is a process.
    pub fn is_up(&self, place: Place) -> bool {
        self.places[place].up
    }

    /// Puts a place into a part of the network, which the others do not reach. Nobody is told.
    pub fn set_part(&mut self, place: Place, part: u32) {
        self.places[place].part = part;
    }

    /// Breaks all connections of a place, and what is on its way on them.
    pub fn reset(&mut self, place: Place) {
        self.break_where(|(at, _), end| at == place || end.other.0 == place);
    }

    /// Calls a process at that time.
    pub fn wake(&mut self, place: Place, at: Nanos) {
        self.schedule(at, Event::Wake(place));
    }

    /// What happens next, until then. None, and it is then, if nothing does.
    pub fn step(&mut self, until: Nanos) -> Option<Step> {
        while let Some(&Reverse((at, number))) = self.queue.peek().filter(|next| next.0.0 <= until) {
            self.queue.pop();
            self.now = at;
            let step = self.events.remove(&number).and_then(|event| self.happen(event));
            if step.is_some() {
                return step;
            }
        }
        self.now = self.now.max(until);
        None
    }

    /// Whether nothing is going to happen, with or without a process that wants to be woken.
    pub fn is_quiet(&self) -> bool {
        self.events.values().all(|event| matches!(event, Event::Wake(_)))
    }

    /// Completes the handshake.
    pub fn accept(&mut self, place: Place, opening: Opening, own: Hello) -> Arrival {
        let link = Link::accepted(self.number());
        let Opening { from, hello } = opening;
        self.ends.insert((place, link), End { other: from, last: self.now });
        self.ends.insert(from, End { other: (place, link), last: self.now });
        let at = self.now + self.delay();
        // Nothing that comes on the new connection may come before the handshake.
        if let Some(end) = self.ends.get_mut(&(place, link)) {
            end.last = at;
        }
        self.schedule(at, Event::Welcome { to: from, hello: own });
        Arrival::Connected(link, hello)
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    fn schedule(&mut self, at: Nanos, event: Event) {
        let number = self.number();
        self.queue.push(Reverse((at, number)));
        self.events.insert(number, event);
    }

    fn delay(&mut self) -> Nanos {
        let (least, most) = self.faults.delay;
        self.random.u64(least..=most)
    }

    fn reaches(&self, from: Place, to: Place) -> bool {
        let (from, to) = (self.places[from], self.places[to]);
        from.up && to.up && from.part == to.part
    }

    fn happen(&mut self, event: Event) -> Option<Step> {
        match event {
            Event::Wake(place) => self.places[place].up.then_some(Step::Wake(place)),
            Event::Open { from, to, hello } if self.reaches(from.0, to) => {
                Some(Step::Accept(to, Opening { from, hello }))
            }
            Event::Open { from, .. } => {
                let at = self.now + self.delay();
                self.schedule(at, Event::Lost { to: from });
                None
            }
            Event::Welcome { to, hello } => self
                .arrive(to, |link| Arrival::Connected(link, hello))
                .filter(|_| self.ends.contains_key(&to)),
            Event::Frame { to, bytes } if self.ends.contains_key(&to) => {
                let (head, body) = decode(&bytes);
                self.arrive(to, |link| Arrival::Frame(link, head, body))
            }
            Event::Frame { .. } => None,
            Event::Lost { to } => self.arrive(to, Arrival::Lost),
        }
    }

    fn arrive(&self, (place, link): (Place, Link), arrival: impl FnOnce(Link) -> Arrival) -> Option<Step> {
        self.places[place].up.then(|| Step::Arrival(place, arrival(link)))
    }

    fn break_where(&mut self, which: impl Fn((Place, Link), &End) -> bool) {
        let broken: Vec<_> =
            self.ends.iter().filter(|(at, end)| which(**at, end)).map(|(at, _)| *at).collect();
        for at in broken {
            self.ends.remove(&at);
            let when = self.now + self.delay();
            self.schedule(when, Event::Lost { to: at });
        }
    }
}

fn decode(bytes: &[u8]) -> (Head, bytes::Bytes) {
    let decoded = bytes.split_first_chunk::<PREFIX>().and_then(|(prefix, rest)| {
        let prefix = Prefix::decode(prefix, MaxFrame::default()).ok()?;
        let (head, body) = rest.split_at_checked(prefix.head)?;
        Some((Head::decode(prefix, head).ok()?, bytes::Bytes::copy_from_slice(body)))
    });
    decoded.expect("a frame that was encoded is decoded")
}

/// The network as one process sees it.
#[derive(Debug)]
pub struct Port<'a> {
    net: &'a mut Net,
    place: Place,
}

impl Transport for Port<'_> {
    fn connect(&mut self, link: Link, uri: &Arc<str>, hello: &Hello) {
        let from = (self.place, link);
        let at = self.net.now + self.net.delay();
        let place = uri.strip_prefix("sim://").and_then(|place| place.parse().ok());
        let event = match place.filter(|&place: &Place| place < self.net.places.len()) {
            Some(to) => Event::Open { from, to, hello: hello.clone() },
            None => Event::Lost { to: from },
        };
        self.net.schedule(at, event);
    }

    fn send(&mut self, link: Link, head: &Head, body: Payload<'_>) {
        let net = &mut *self.net;
        net.frames += 1;
        let Some(&End { other, last }) = net.ends.get(&(self.place, link)) else { return };
        let lost = net.random.u32(0..100) < net.faults.loss;
        if lost || !net.reaches(self.place, other.0) {
            return;
        }
        let mut bytes = Vec::new();
        let body = body.into_bytes();
        if head.encode(body.len(), MaxFrame::default(), &mut bytes).is_err() {
            return net.break_where(|at, _| at == (self.place, link) || at == other);
        }
        bytes.extend(&body);
        let copies = 1 + u32::from(net.random.u32(0..100) < net.faults.repeats);
        for _ in 0..copies {
            let mut at = net.now + net.delay();
            if !net.faults.reorder {
                at = at.max(last);
            }
            if let Some(end) = net.ends.get_mut(&(self.place, link)) {
                end.last = end.last.max(at);
            }
            net.schedule(at, Event::Frame { to: other, bytes: bytes.clone() });
        }
    }

    fn close(&mut self, link: Link) {
        let Some(end) = self.net.ends.remove(&(self.place, link)) else { return };
        if self.net.ends.remove(&end.other).is_some() {
            let at = self.net.now + self.net.delay();
            self.net.schedule(at, Event::Lost { to: end.other });
        }
    }

    /// What arrives is a [`Step`] of the network; here is nothing to wait for.
    fn poll(&mut self, _: Option<Duration>, _: &mut Vec<Arrival>) -> io::Result<()> {
        Ok(())
    }
}
