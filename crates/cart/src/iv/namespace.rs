//! One rank's part in a namespace.

use std::fmt;
use std::sync::Arc;

use gurt_client::{Der, Result};

use super::in_progress::{InProgress, Same};
use super::{
    Access, Answer, Event, Fabric, Header, Kind, Mode, News, Ops, Received, Shortcut, SyncPolicy, View,
};
use crate::Rank;
use crate::tree::Topology;

/// The name of a namespace, the same at all its ranks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Id {
    /// The group.
    pub group: Arc<str>,
    /// Its number in the group.
    pub number: u32,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.group, self.number)
    }
}

/// Told what came of a request, with the value: once, whatever happens.
pub type Completion<V> = Box<dyn FnOnce(Result, Option<&mut V>) + Send>;

/// A namespace at one rank: `struct crt_ivns_internal`.
pub struct Namespace<F: Fabric, O: Ops<Value = F::Value>> {
    id: Id,
    topology: Topology,
    classes: Vec<O>,
    fabric: F,
    fetches: InProgress<Waiter<F>>,
}

/// For whom a value is fetched.
enum Waiter<F: Fabric> {
    /// A fetch that began at this rank.
    Local(Completion<F::Value>),
    /// One that came from another.
    Remote(F::Incoming),
}

/// A value of the user with what he remembers of it.
struct Held<O: Ops> {
    value: O::Value,
    private: O::Private,
}

const INVAL: Der = Der::new(abi::DER_INVAL as i64);
const GRPVER: Der = Der::new(abi::DER_GRPVER as i64);
const OOG: Der = Der::new(abi::DER_OOG as i64);

impl<F: Fabric, O: Ops<Value = F::Value>> Namespace<F, O> {
    /// A namespace with these classes, which go by their place in the list.
    pub fn new(id: Id, topology: Topology, classes: Vec<O>, fabric: F) -> Arc<Self> {
        Arc::new(Namespace { id, topology, classes, fabric, fetches: InProgress::default() })
    }

    /// Its name.
    pub fn id(&self) -> &Id {
        &self.id
    }

    /// The network beneath.
    pub fn fabric(&self) -> &F {
        &self.fabric
    }

    /// How many fetches wait for another rank.
    pub fn fetches_in_progress(&self) -> usize {
        self.fetches.len()
    }

    /// The callbacks of a class: `-DER_INVAL` if there is none of the number.
    pub fn class(&self, class: u32) -> Result<&O> {
        self.classes.get(class as usize).ok_or(INVAL)
    }

    /// How many children this rank has in the tree of a key: `crt_iv_get_nchildren`.
    pub fn children(&self, class: u32, key: &[u8]) -> Result<u32> {
        let me = self.fabric.view().me.ok_or(GRPVER)?;
        let root = self.class(class)?.hash(key)?;
        let members = self.fabric.members();
        let spread = members.spread(self.topology, root).filter(|_| members.contains(me)).ok_or(OOG)?;
        Ok(spread.children(me).count() as u32)
    }

    /// To whom a request goes that this rank does not answer, in the group of `view`. The root's own go to itself.
    fn next(&self, view: &View, root: Rank, shortcut: Shortcut) -> Result<Rank> {
        let next = match (shortcut, view.me) {
            (Shortcut::ToRoot, _) => root,
            (Shortcut::None, Some(me)) if me == root => root,
            (Shortcut::None, Some(me)) => {
                let members = self.fabric.members();
                members.spread(self.topology, root).and_then(|spread| spread.parent(me)).ok_or(OOG)?
            }
            (Shortcut::None, None) => return Err(OOG),
        };
        // The root, and the tree, are those of a version.
        if self.fabric.version() == view.version { Ok(next) } else { Err(GRPVER) }
    }

    fn header(&self, class: u32, key: &[u8], view: &View, root: Rank, sync: Option<SyncPolicy>) -> Header {
        Header {
            namespace: self.id.clone(),
            version: view.version,
            class,
            key: key.to_vec(),
            root,
            origin: view.me.unwrap_or(root),
            sync,
        }
    }

    /// What an incoming request has to agree with.
    fn check(&self, header: &Header) -> Result<&O> {
        if self.fabric.version() != header.version {
            return Err(GRPVER);
        }
        self.class(header.class)
    }

    // Fetch.

    /// Gets the value of a key, from here or from the way to the root: `crt_iv_fetch`.
    pub fn fetch(self: &Arc<Self>, class: u32, key: &[u8], shortcut: Shortcut, done: Completion<F::Value>) {
        let here = || {
            let ops = self.class(class)?;
            // Before the root is asked for: a tree is that of a version.
            let version = self.fabric.version();
            let root = ops.hash(key)?;
            Ok((ops, version, root, ops.get(key, Access::Read)?))
        };
        let (ops, version, root, (mut value, private)) = match here() {
            Ok(here) => here,
            Err(error) => return done(Err(error), None),
        };
        match ops.fetch(key, false, &mut value, private) {
            Ok(Answer::Done) => {
                done(Ok(()), Some(&mut value));
                ops.put(Some(value), private);
            }
            Ok(Answer::Forward) => {
                ops.put(Some(value), private);
                let view = View { version, ..self.fabric.view() };
                let next = self.next(&view, root, shortcut);
                self.climb(class, key, &view, root, next, Waiter::Local(done));
            }
            Err(error) => {
                done(Err(error), None);
                ops.put(Some(value), private);
            }
        }
    }

    /// Handles another rank's fetch.
    pub fn handle_fetch(self: &Arc<Self>, header: Header, incoming: F::Incoming) {
        let ops = match self.check(&header) {
            Ok(ops) => ops,
            Err(error) => return self.fabric.answer(incoming, Err(error)),
        };
        let namespace = self.clone();
        let key = header.key.clone();
        ops.handle(Kind::Fetch, &key, Box::new(move || namespace.fetch_here(&header, incoming)));
    }

    fn fetch_here(self: &Arc<Self>, header: &Header, incoming: F::Incoming) {
        let key = &header.key;
        // The group may have changed while this waited for its turn.
        let got = self.check(header).and_then(|ops| Ok((ops, ops.get(key, Access::Read)?)));
        let (ops, (mut value, private)) = match got {
            Ok(got) => got,
            Err(error) => return self.fabric.answer(incoming, Err(error)),
        };
        match ops.fetch(key, false, &mut value, private) {
            Ok(Answer::Done) => self.answer_with(header.class, incoming, Held { value, private }),
            Ok(Answer::Forward) => {
                ops.put(Some(value), private);
                let view = self.fabric.view();
                let next = match view.me {
                    // The root has nobody to ask.
                    Some(me) if me == header.root => Err(INVAL),
                    _ if view.version != header.version => Err(GRPVER),
                    _ => self.next(&view, header.root, Shortcut::None),
                };
                self.climb(header.class, key, &view, header.root, next, Waiter::Remote(incoming));
            }
            Err(error) => {
                self.fabric.answer(incoming, Err(error));
                ops.put(Some(value), private);
            }
        }
    }

    /// Asks the next rank for a value, unless somebody here does already. `waiter` gets what comes of it.
    fn climb(
        self: &Arc<Self>,
        class: u32,
        key: &[u8],
        view: &View,
        root: Rank,
        next: Result<Rank>,
        waiter: Waiter<F>,
    ) {
        let asked = next.and_then(|next| {
            let ops = self.class(class)?;
            Ok((next, ops, ops.get(key, Access::Write)?))
        });
        let (next, ops, (value, private)) = match asked {
            Ok(asked) => asked,
            Err(error) => return self.deliver_error(waiter, error),
        };
        let same = same(ops);
        let Some(waiter) = self.fetches.begin(class, key, same.as_ref().map(|same| same as Same<'_>), waiter)
        else {
            return ops.put(Some(value), private);
        };
        let done = {
            let (namespace, key) = (self.clone(), key.to_vec());
            move |result, value| namespace.fetched(class, &key, result, Held { value, private }, waiter)
        };
        if self.fabric.version() == view.version {
            self.fabric.fetch(next, &self.header(class, key, view, root, None), value, Box::new(done));
        } else {
            // The way to the root may be another by now.
            done(Err(GRPVER), value);
        }
    }

    /// The next rank has answered, or cannot be reached.
    fn fetched(
        self: &Arc<Self>,
        class: u32,
        key: &[u8],
        result: Result,
        mut held: Held<O>,
        waiter: Waiter<F>,
    ) {
        let Ok(ops) = self.class(class) else { return };
        let news = match result {
            Ok(()) => News::Value(&mut held.value),
            Err(error) => News::Failed(error),
        };
        // What the user's cache makes of it changes nothing for those who wait.
        let _ = ops.refresh(key, news, Some(held.private));
        // Those who waited come first after an error: who began may try again as soon as he hears of it, and they
        // would wait for that. They come last after a success: it may be his completion that makes the value usable.
        if result.is_err() {
            self.serve_waiting(class, key, result);
        }
        match waiter {
            Waiter::Remote(incoming) if result.is_ok() => self.answer_with(class, incoming, held),
            Waiter::Remote(incoming) => {
                self.fabric.answer(incoming, result);
                ops.put(Some(held.value), held.private);
            }
            Waiter::Local(done) => {
                done(result, Some(&mut held.value));
                ops.put(Some(held.value), held.private);
            }
        }
        if result.is_ok() {
            self.serve_waiting(class, key, result);
        }
    }

    /// Serves those who waited for a fetch that has ended, from what it has brought.
    fn serve_waiting(self: &Arc<Self>, class: u32, key: &[u8], result: Result) {
        let Ok(ops) = self.class(class) else { return };
        let same = same(ops);
        loop {
            let waiting = self.fetches.take(class, key, same.as_ref().map(|same| same as Same<'_>));
            if waiting.is_empty() {
                return;
            }
            for waiter in waiting {
                match result {
                    Ok(()) => self.serve(class, ops, key, waiter),
                    Err(error) => self.deliver_error(waiter, error),
                }
            }
        }
    }

    fn serve(self: &Arc<Self>, class: u32, ops: &O, key: &[u8], waiter: Waiter<F>) {
        let (mut value, private) = match ops.get(key, Access::Read) {
            Ok(got) => got,
            Err(error) => return self.deliver_error(waiter, error),
        };
        let answer = ops.fetch(key, true, &mut value, private);
        match (answer, waiter) {
            (Ok(Answer::Done), Waiter::Remote(incoming)) => {
                self.answer_with(class, incoming, Held { value, private })
            }
            (Ok(Answer::Done), Waiter::Local(done)) => {
                done(Ok(()), Some(&mut value));
                ops.put(Some(value), private);
            }
            // The user keeps nothing here.
            (Ok(Answer::Forward), waiter) => {
                ops.put(Some(value), private);
                self.deliver_error(waiter, Der::new(abi::DER_IVCB_FORWARD.into()));
            }
            (Err(error), waiter) => {
                ops.put(Some(value), private);
                self.deliver_error(waiter, error);
            }
        }
    }

    fn deliver_error(&self, waiter: Waiter<F>, error: Der) {
        match waiter {
            Waiter::Local(done) => done(Err(error), None),
            Waiter::Remote(incoming) => self.fabric.answer(incoming, Err(error)),
        }
    }

    /// Answers with a value, which goes back to the user afterwards.
    fn answer_with(self: &Arc<Self>, class: u32, incoming: F::Incoming, held: Held<O>) {
        let namespace = self.clone();
        let put = move |value| {
            if let Ok(ops) = namespace.class(class) {
                ops.put(Some(value), held.private);
            }
        };
        self.fabric.answer_with(incoming, held.value, Box::new(put));
    }

    // Update.

    /// Gives a key a new value, or with none makes it invalid: `crt_iv_update`, `crt_iv_invalidate`.
    pub fn update(
        self: &Arc<Self>,
        class: u32,
        key: &[u8],
        mut value: Option<F::Value>,
        shortcut: Shortcut,
        sync: SyncPolicy,
        done: Completion<F::Value>,
    ) {
        let here = || {
            if sync.bidirectional && (sync.mode, sync.event) != (Mode::None, Event::Update) {
                return Err(INVAL);
            }
            let view = self.fabric.view();
            let me = view.me.ok_or(GRPVER)?;
            let ops = self.class(class)?;
            let root = ops.hash(key)?;
            Ok((ops, view, me, root, ops.get_private(key, Access::Write)?))
        };
        let (ops, view, me, root, private) = match here() {
            Ok(here) => here,
            Err(error) => return done(Err(error), value.as_mut()),
        };
        let answer = match &mut value {
            Some(value) => ops.update(key, me == root, value, private),
            None => ops.refresh(key, News::Invalid, Some(private)),
        };
        let origin = Origin { class, key: key.to_vec(), sync, private, done };
        match answer {
            // It has not been anywhere from where it could come back changed.
            Ok(Answer::Done) if sync.bidirectional => self.end(origin, Ok(()), value),
            Ok(Answer::Done) => self.spread(origin, value),
            Ok(Answer::Forward) => match self.next(&view, root, shortcut) {
                Ok(next) => {
                    let namespace = self.clone();
                    let done = move |result, value| namespace.taken(origin, result, value);
                    self.fabric.update(
                        next,
                        &self.header(class, key, &view, root, Some(sync)),
                        value,
                        Box::new(done),
                    );
                }
                Err(error) => self.end(origin, Err(error), value),
            },
            Err(error) => self.end(origin, Err(error), value),
        }
    }

    /// At the origin: the update has been taken on the way to the root, or refused.
    fn taken(self: &Arc<Self>, origin: Origin<O>, result: Result, mut value: Option<F::Value>) {
        if result.is_ok() && !origin.sync.bidirectional {
            return self.spread(origin, value);
        }
        if let (true, Some(value), Ok(ops)) =
            (origin.sync.bidirectional, &mut value, self.class(origin.class))
        {
            came_back(ops, &origin.key, result, value, origin.private);
        }
        self.end(origin, result, value);
    }

    /// At the origin: tells all others.
    fn spread(self: &Arc<Self>, origin: Origin<O>, mut value: Option<F::Value>) {
        let sync = origin.sync;
        let ops = match self.class(origin.class) {
            Ok(ops) if sync.mode != Mode::None => ops,
            _ => return self.end(origin, Ok(()), value),
        };
        let news = match (&mut value, sync.event) {
            (None, _) => News::Invalid,
            (Some(value), Event::Update) => News::Value(value),
            (Some(_), Event::Notify) => News::Changed,
        };
        // The others hear of it whatever this rank's cache makes of it.
        let _ = ops.refresh(&origin.key, news, Some(origin.private));
        let view = self.fabric.view();
        let header = self.header(origin.class, &origin.key, &view, view.me.unwrap_or(0), Some(sync));
        if sync.mode == Mode::Lazy {
            let sent = self.fabric.spread_copy(&header, value.as_mut());
            return self.end(origin, sent, value);
        }
        let namespace = self.clone();
        self.fabric.spread(
            &header,
            value,
            Box::new(move |result, value| namespace.end(origin, result, value)),
        );
    }

    /// At the origin: tells whoever began.
    fn end(&self, origin: Origin<O>, result: Result, mut value: Option<F::Value>) {
        (origin.done)(result, value.as_mut());
        if let Ok(ops) = self.class(origin.class) {
            ops.put(None, origin.private);
        }
    }

    /// Handles another rank's update.
    pub fn handle_update(self: &Arc<Self>, header: Header, incoming: F::Incoming) {
        let got = self.check(&header).and_then(|ops| match self.fabric.has_value(&incoming) {
            true => Ok((ops, Some(ops.get(&header.key, Access::Write)?))),
            false => Ok((ops, None)),
        });
        let (ops, held) = match got {
            Ok(got) => got,
            Err(error) => return self.fabric.answer(incoming, Err(error)),
        };
        let Some((value, private)) = held else {
            match ops.refresh(&header.key, News::Invalid, None) {
                Ok(Answer::Forward) => self.forward(header, incoming, None),
                answer => self.fabric.answer(incoming, answer.map(|_| ())),
            }
            return;
        };
        let namespace = self.clone();
        let received = move |received: Received<F>| {
            let Received { incoming, result, value, at_once } = received;
            let Ok(ops) = namespace.class(header.class) else { return };
            let held = Held { value, private };
            if let Err(error) = result {
                namespace.fabric.answer(incoming, Err(error));
                ops.put(Some(held.value), private);
            } else if at_once {
                namespace.update_here(header, incoming, held);
            } else {
                let (key, other) = (header.key.clone(), namespace.clone());
                ops.handle(Kind::Update, &key, Box::new(move || other.update_here(header, incoming, held)));
            }
        };
        self.fabric.receive(incoming, value, Box::new(received));
    }

    fn update_here(self: &Arc<Self>, header: Header, incoming: F::Incoming, mut held: Held<O>) {
        let Ok(ops) = self.class(header.class) else { return };
        match ops.update(&header.key, false, &mut held.value, held.private) {
            Ok(Answer::Forward) => self.forward(header, incoming, Some(held)),
            Ok(Answer::Done) if header.sync.is_some_and(|sync| sync.bidirectional) => {
                self.answer_with(header.class, incoming, held);
            }
            answer => {
                self.fabric.answer(incoming, answer.map(|_| ()));
                ops.put(Some(held.value), held.private);
            }
        }
    }

    /// Sends an update on to the parent, and what comes of it back to the child.
    fn forward(self: &Arc<Self>, header: Header, incoming: F::Incoming, held: Option<Held<O>>) {
        let (value, private) =
            held.map_or((None, None), |Held { value, private }| (Some(value), Some(private)));
        let view = self.fabric.view();
        let next = match view.me {
            // The root has nobody to ask.
            Some(me) if me == header.root => Err(INVAL),
            _ if view.version != header.version => Err(GRPVER),
            _ => self.next(&view, header.root, Shortcut::None),
        };
        let done = {
            let (namespace, header) = (self.clone(), header.clone());
            move |result, value| namespace.forwarded(&header, incoming, result, value, private)
        };
        match next {
            Ok(next) => self.fabric.update(next, &header, value, Box::new(done)),
            Err(error) => done(Err(error), value),
        }
    }

    /// The parent has answered an update that was sent on.
    fn forwarded(
        self: &Arc<Self>,
        header: &Header,
        incoming: F::Incoming,
        result: Result,
        mut value: Option<F::Value>,
        private: Option<O::Private>,
    ) {
        let Ok(ops) = self.class(header.class) else { return };
        let bidirectional = header.sync.is_some_and(|sync| sync.bidirectional);
        if let (true, Some(value), Some(private)) = (bidirectional, &mut value, private) {
            came_back(ops, &header.key, result, value, private);
        }
        match (value, private) {
            (Some(value), Some(private)) if bidirectional && result.is_ok() => {
                self.answer_with(header.class, incoming, Held { value, private });
            }
            (value, private) => {
                self.fabric.answer(incoming, result);
                if let Some(private) = private {
                    ops.put(value, private);
                }
            }
        }
    }

    // Spread.

    /// Before this rank passes a spread on to its children. An error keeps it from them.
    pub fn before_spread(&self, header: &Header, incoming: &mut F::Incoming) -> Result {
        let ops = self.class(header.class)?;
        if !ops.wants_before_spread() {
            return Ok(());
        }
        let (held, private) = ops.get(&header.key, Access::Read)?;
        let result = match self.fabric.has_value(incoming) {
            true => self
                .fabric
                .spread_value(incoming)
                .and_then(|mut value| ops.before_spread(&header.key, Some(&mut value), private)),
            false => ops.before_spread(&header.key, None, private),
        };
        ops.put(Some(held), private);
        result
    }

    /// Handles the news of an update that began at another rank.
    pub fn handle_spread(self: &Arc<Self>, header: Header, incoming: F::Incoming) {
        let ops = match self.check(&header) {
            Ok(ops) => ops,
            Err(error) => return self.fabric.answer(incoming, Err(error)),
        };
        let (namespace, key) = (self.clone(), header.key.clone());
        let handler = move || {
            let mut incoming = incoming;
            let result = namespace.refresh_here(&header, &mut incoming);
            namespace.fabric.answer(incoming, result);
        };
        ops.handle(Kind::Sync, &key, Box::new(handler));
    }

    fn refresh_here(&self, header: &Header, incoming: &mut F::Incoming) -> Result {
        let ops = self.check(header)?;
        let key = &header.key;
        if !self.fabric.has_value(incoming) {
            return ops.refresh(key, News::Invalid, None).map(drop);
        }
        match header.sync.map(|sync| sync.event) {
            Some(Event::Update) => {
                let private = ops.get_private(key, Access::Borrowed)?;
                let value = self.fabric.spread_value(incoming);
                let refreshed =
                    value.and_then(|mut value| ops.refresh(key, News::Value(&mut value), Some(private)));
                ops.put(None, private);
                refreshed.map(drop)
            }
            Some(Event::Notify) => ops.refresh(key, News::Changed, None).map(drop),
            None => Err(INVAL),
        }
    }
}

/// An update at the rank where it began.
struct Origin<O: Ops> {
    class: u32,
    key: Vec<u8>,
    sync: SyncPolicy,
    private: O::Private,
    done: Completion<O::Value>,
}

/// Tells the user what a bidirectional update has become on its way.
fn came_back<O: Ops>(ops: &O, key: &[u8], result: Result, value: &mut O::Value, private: O::Private) {
    let news = match result {
        Ok(()) => News::Value(value),
        Err(error) => News::Failed(error),
    };
    // Those who wait are told whatever the user's cache makes of it.
    let _ = ops.refresh(key, news, Some(private));
}

/// The user's comparison of keys, if it is one of his own.
fn same<O: Ops>(ops: &O) -> Option<impl Fn(&[u8], &[u8]) -> bool> {
    (!ops.compares_bytes()).then_some(|one: &[u8], other: &[u8]| ops.same(one, other))
}
