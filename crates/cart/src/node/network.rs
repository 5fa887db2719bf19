//! A context of this process on its transport: `struct crt_context`.
//!
//! Any thread may use it. A lock guards the core and the transport; it is held for no wait and for no call of the user,
//! who may come back. Who wants something sent has it sent at once, by himself; what comes of it is handled by those who
//! call [`Network::progress`], of whom each waits without the lock.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use gurt_client::{Der, Facility, Result, error};

use super::bell::{Bell, Woken};
use super::{Attached, Carried, Node, User, der, swim};
use crate::rpc::{Answer, Context, Event, Identity, Incoming, IncomingId, Now};
use crate::transport::{AnyTransport, Arrival, Transport, flush, turn};
use crate::wire::Hello;

/// A context.
pub struct Network<U: User> {
    /// The user's.
    pub attached: U::Context,
    node: Arc<Node<U>>,
    identity: Identity,
    descriptor: Option<OwnedFd>,
    bell: Bell,
    inner: Mutex<Inner<U>>,
}

struct Inner<U: User> {
    context: Context<Carried<U>>,
    /// None when it is closed.
    carrier: Option<AnyTransport>,
    arrivals: Vec<Arrival>,
    /// The last change of the groups that the core knows.
    known: u64,
    /// What is to be handled, and whose turn has not come.
    events: VecDeque<Event<Carried<U>>>,
    /// The collective requests of which something is being handled.
    handling: Vec<u64>,
}

/// How often those whose requests are given up may send others, while a context ends.
const FAREWELLS: usize = 1000;
/// A transport without a descriptor is looked at so often,
const POLL: Duration = Duration::from_millis(1);
/// and everything at least so often.
const LOOK: Duration = Duration::from_secs(1);

impl<U: User> Network<U> {
    pub(super) fn new(
        node: Arc<Node<U>>,
        carrier: AnyTransport,
        identity: Identity,
        context: Context<Carried<U>>,
    ) -> io::Result<Self> {
        let descriptor = carrier.descriptor().map(|fd| fd.try_clone_to_owned()).transpose()?;
        let (arrivals, known, events, handling) = Default::default();
        let inner = Mutex::new(Inner { context, carrier: Some(carrier), arrivals, known, events, handling });
        Ok(Network { attached: U::Context::default(), node, identity, descriptor, bell: Bell::new()?, inner })
    }

    /// The process.
    pub fn node(&self) -> &Arc<Node<U>> {
        &self.node
    }

    /// Its number in the process.
    pub fn tag(&self) -> u32 {
        self.identity.tag
    }

    /// Where it listens.
    pub fn uri(&self) -> Option<&Arc<str>> {
        self.identity.uri.as_ref()
    }

    fn lock(&self) -> MutexGuard<'_, Inner<U>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the core, and sends what comes of it. None if the context is closed.
    pub fn with<T>(&self, what: impl FnOnce(&mut Context<Carried<U>>, Now) -> T) -> Option<T> {
        let mut inner = self.lock();
        let Inner { context, carrier: Some(carrier), known, .. } = &mut *inner else { return None };
        if let Some(groups) = self.node.news(known) {
            context.set_groups(groups);
        }
        let due = context.due();
        let done = what(context, self.node.now());
        flush(context, carrier);
        let earlier = match (context.due(), due) {
            (Some(now), Some(before)) => now < before,
            (now, _) => now.is_some(),
        };
        if earlier || context.has_events() || carrier.patience() == Some(Duration::ZERO) {
            // Who waits does not know of it.
            self.bell.nudge();
        }
        Some(done)
    }

    /// What is said of this context from now on.
    pub(super) fn introduce(&self, hello: Hello) {
        if let Some(carrier) = &mut self.lock().carrier {
            carrier.set_hello(Hello {
                tag: self.identity.tag,
                incarnation: self.identity.incarnation,
                ..hello
            });
        }
    }

    /// Ends the wait of a thread in [`progress`](Self::progress), or the next one.
    pub fn wake(&self) {
        self.bell.ring();
    }

    /// Answers a request. False if nobody waits for it any more.
    pub fn reply(&self, id: IncomingId, result: Result, body: Bytes) -> bool {
        self.with(|context, now| context.reply(now, id, result, body)) == Some(true)
    }

    // Progress.

    /// Sends and receives, and handles what has happened; waits for something to happen as long as it is told to, for
    /// ever without a limit. Whether anything was handled.
    pub fn progress(self: &Arc<Self>, limit: Option<Duration>) -> Result<bool> {
        // Who polls without waiting has no clock read for it.
        let end = limit.filter(|limit| !limit.is_zero()).map(|limit| Instant::now() + limit);
        self.turn()?;
        let mut handled = self.handle_events();
        loop {
            let due = self.node.attend_swim(self);
            if handled {
                return Ok(true);
            }
            let left = end.map_or(limit, |end| Some(end.saturating_duration_since(Instant::now())));
            if left == Some(Duration::ZERO) {
                return Ok(false);
            }
            let woken = self.wait(left.into_iter().chain(due).min());
            self.turn()?;
            handled = self.handle_events();
            if woken == Woken::Rung {
                return Ok(handled);
            }
        }
    }

    fn turn(&self) -> Result {
        let mut inner = self.lock();
        let Inner { context, carrier: Some(carrier), arrivals, known, .. } = &mut *inner else {
            error!(Facility::RPC, "context {} is destroyed, and cannot make progress", self.tag());
            return Err(der::UNINIT);
        };
        if let Some(groups) = self.node.news(known) {
            context.set_groups(groups);
        }
        let done = turn(context, carrier, || self.node.now(), Some(Duration::ZERO), arrivals);
        done.map_err(|error| {
            error!(Facility::RPC, "context {}: the network has failed: {error}", self.tag());
            Der::from_io(&error)
        })
    }

    /// Waits until there may be something to do.
    fn wait(&self, limit: Option<Duration>) -> Woken {
        let inner = self.lock();
        let Some(carrier) = &inner.carrier else { return Woken::Look };
        if inner.context.has_events() {
            return Woken::Look;
        }
        let now = self.node.now().nanos;
        let due = inner.context.due().map(|at| Duration::from_nanos(at.saturating_sub(now)));
        let poll = if self.descriptor.is_some() { LOOK } else { POLL };
        let time = [limit, due, carrier.patience()].into_iter().flatten().fold(poll, Duration::min);
        // Before others can change anything.
        self.bell.enter();
        drop(inner);
        self.bell.wait(self.descriptor.as_ref().map(AsFd::as_fd), time)
    }

    /// Handles all that has happened. Whether there was anything.
    pub fn handle_events(self: &Arc<Self>) -> bool {
        let mut handled = false;
        while let Some((event, key)) = self.take_event() {
            self.handle(event);
            handled = true;
            if let Some(key) = key {
                let mut inner = self.lock();
                inner.handling.retain(|other| *other != key);
                if !inner.events.is_empty() {
                    self.bell.nudge();
                }
            }
        }
        handled
    }

    /// The next event whose turn it is: those of one collective request are handled one after the other, whoever
    /// calls.
    #[allow(clippy::type_complexity, reason = "an event, and what is to be given back after it")]
    fn take_event(&self) -> Option<(Event<Carried<U>>, Option<u64>)> {
        let mut inner = self.lock();
        let Inner { context, events, handling, .. } = &mut *inner;
        while let Some(event) = context.next_event() {
            events.push_back(event);
        }
        let ready = |event: &Event<_>| collective(event).is_none_or(|key| !handling.contains(&key));
        let at = events.iter().position(ready)?;
        let event = events.remove(at)?;
        let key = collective(&event);
        handling.extend(key);
        Some((event, key))
    }

    fn handle(self: &Arc<Self>, event: Event<Carried<U>>) {
        let node = &self.node;
        match event {
            Event::Request(incoming) if swim::is_swim(incoming.opcode) => {
                node.heard(incoming.hlc);
                node.swim_request(self, incoming);
            }
            Event::Request(incoming) | Event::PreForward(incoming) if !node.heard(incoming.hlc) => {
                self.refuse(&incoming);
            }
            Event::Completed { attached: Attached::Swim(asked), result } => {
                if let Ok(answer) = &result {
                    node.heard(answer.hlc);
                }
                node.swim_completed(self, asked, result);
            }
            Event::Completed { attached: Attached::User(attached), result } => {
                let result = result.and_then(|answer: Answer| match node.heard(answer.hlc) {
                    true => Ok(answer),
                    false => Err(der::HLC_SYNC),
                });
                node.user.handle(self, Event::Completed { attached, result });
            }
            Event::Request(incoming) => node.user.handle(self, Event::Request(incoming)),
            Event::PreForward(incoming) => node.user.handle(self, Event::PreForward(incoming)),
            Event::Aggregate { id, body, first } => {
                node.user.handle(self, Event::Aggregate { id, body, first });
            }
            Event::Gathered { id, result } => node.user.handle(self, Event::Gathered { id, result }),
            Event::Transferred { attached, result } => {
                node.user.handle(self, Event::Transferred { attached, result });
            }
        }
    }

    /// A request from somebody whose clock differs too much.
    fn refuse(&self, incoming: &Incoming) {
        self.with(|context, now| {
            context.forward(now, incoming.id, Err(der::HLC_SYNC));
            context.reply(now, incoming.id, Err(der::HLC_SYNC), Bytes::new());
        });
    }

    /// Ends the context; `-DER_BUSY` if requests of it have not ended, unless it is forced.
    pub(super) fn close(self: &Arc<Self>, force: bool) -> Result {
        self.with(|context, now| context.abort_protocol(now, swim::BASE));
        self.handle_events();
        if !force && self.with(|context, _| context.has_requests()) == Some(true) {
            error!(
                Facility::RPC,
                "context {} has requests under way, and is not forced to give them up",
                self.tag()
            );
            return Err(der::BUSY);
        }
        for _ in 0..FAREWELLS {
            self.handle_events();
            let mut inner = self.lock();
            inner.context.abandon(self.node.now());
            if !inner.context.has_events() {
                // Nobody can want anything any more, and all have been told.
                inner.carrier = None;
                drop(inner);
                self.bell.ring();
                return Ok(());
            }
        }
        error!(
            Facility::RPC,
            "context {} cannot end: whoever is told that his request was given up sends another one, again and again",
            self.tag()
        );
        Err(der::BUSY)
    }
}

/// The collective request that an event is about.
fn collective<U: User>(event: &Event<Carried<U>>) -> Option<u64> {
    match event {
        Event::Request(Incoming { id, .. })
        | Event::PreForward(Incoming { id, .. })
        | Event::Aggregate { id, .. }
        | Event::Gathered { id, .. } => match id {
            IncomingId::Collective(id) => Some(*id),
            IncomingId::Single(..) | IncomingId::OneWay(..) => None,
        },
        Event::Completed { .. } | Event::Transferred { .. } => None,
    }
}
