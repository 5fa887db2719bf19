//! Transfers between registered memory of two contexts: `crt_bulk.c`.
//!
//! Who transfers does all the work: he asks for piece after piece, or sends it, with so many on their way at a time, and
//! each is answered. The owner of the memory keeps nothing of a transfer; he checks each piece for itself: that the
//! memory is registered, that it may be read or written, and that the piece lies within.
//!
//! When a transfer has ended, for whatever reason, its pieces are forgotten: what still arrives touches nothing.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::IoSlice;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use gurt_client::{Der, Result};

use super::context::{Context, Phase};
use super::timers::Timer;
use super::{Attachments, Body, Event, IncomingId, Link, Memory, Nanos, Now, Output, der};
use crate::wire::{Head, Moved, Permission, Piece, Region};

/// The name of registered memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key(pub(super) u64);

/// The most bytes that a peer can ask for at a time.
const MAX_PIECE: u32 = 1 << 20;

/// What to transfer: `struct crt_bulk_desc`.
#[derive(Clone, Debug)]
pub struct Transfer {
    /// Which way.
    pub op: Op,
    /// How the owner of the other memory is reached.
    pub via: Via,
    /// The other's memory.
    pub remote: Region,
    /// Where in it.
    pub remote_offset: u64,
    /// The memory here.
    pub local: Key,
    /// Where in it.
    pub local_offset: u64,
    /// How many bytes.
    pub length: u64,
    /// How long it may take.
    pub timeout: Nanos,
}

/// The way of a transfer: `crt_bulk_op_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// To the other: `CRT_BULK_PUT`.
    Put,
    /// From the other: `CRT_BULK_GET`.
    Get,
}

/// How the owner of memory is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// It has sent this request: `crt_bulk_transfer`.
    Sender(IncomingId),
    /// The memory says where its owner listens: `crt_bulk_bind_transfer`.
    Bound,
}

/// The number of a transfer: `crt_bulk_opid_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TransferId(pub(crate) u64);

/// Who wants to know how a transfer ends.
pub(super) enum Whose<T> {
    User(T),
    Collective(u64),
}

/// The memory and the transfers of a context.
pub(super) struct Bulk<A: Attachments> {
    secret: u128,
    registered: u64,
    regions: HashMap<u64, Registered<A::Memory>>,
    /// Bytes of memory made for collective requests.
    made: u64,
    active: HashMap<u64, Active<A::Transfer>>,
    queue: VecDeque<(u64, Transfer, Whose<A::Transfer>)>,
    pieces: HashMap<u64, Sent>,
}

struct Registered<M> {
    memory: M,
    permission: Permission,
    bound: bool,
    made: bool,
}

struct Active<T> {
    whose: Whose<T>,
    what: Transfer,
    /// The connection, once there is one.
    link: Option<Link>,
    /// The peer, if it had to be connected.
    target: Option<u64>,
    /// How much is on its way or there.
    issued: u64,
    /// How much is there.
    moved: u64,
    pieces: BTreeSet<u64>,
}

/// A piece that was not answered yet.
struct Sent {
    transfer: u64,
    link: Link,
    /// Where in the memory here.
    offset: u64,
    length: u32,
}

impl<A: Attachments> Bulk<A> {
    pub(super) fn new(secret: u128) -> Self {
        Bulk {
            secret,
            registered: 0,
            regions: HashMap::new(),
            made: 0,
            active: HashMap::new(),
            queue: VecDeque::new(),
            pieces: HashMap::new(),
        }
    }

    pub(super) fn is_settled(&self) -> bool {
        self.active.is_empty() && self.queue.is_empty() && self.pieces.is_empty() && self.made == 0
    }

    pub(super) fn transfers(&self) -> usize {
        self.active.len() + self.queue.len()
    }

    pub(super) fn has_transfer(&self, id: u64) -> bool {
        self.active.contains_key(&id) || self.queue.iter().any(|(queued, ..)| *queued == id)
    }

    pub(super) fn made(&self) -> u64 {
        self.made
    }

    /// The memory of a piece that a peer may touch.
    fn checked(
        &mut self,
        piece: Piece,
        may: impl FnOnce(Permission) -> bool,
    ) -> Result<&mut Registered<A::Memory>> {
        let region = self.regions.get_mut(&piece.key).ok_or(der::NONEXIST)?;
        if !may(region.permission) {
            return Err(der::NO_PERM);
        }
        let end = piece.offset.checked_add(piece.length.into());
        match end {
            Some(end) if end <= region.memory.size() && piece.length <= MAX_PIECE => Ok(region),
            _ => Err(der::INVAL),
        }
    }
}

impl<A: Attachments> Context<A> {
    // Memory.

    /// Registers memory, so that others can be allowed to reach it: `crt_bulk_create`.
    pub fn register(&mut self, memory: A::Memory, permission: Permission) -> Key {
        self.register_as(memory, permission, false)
    }

    fn register_as(&mut self, memory: A::Memory, permission: Permission, made: bool) -> Key {
        let bulk = &mut self.bulk;
        bulk.registered += 1;
        // A keyed hash: who knows some names cannot guess others.
        let mut hasher = DefaultHasher::new();
        (bulk.secret, bulk.registered).hash(&mut hasher);
        let mut key = hasher.finish();
        while bulk.regions.contains_key(&key) {
            key = key.wrapping_add(1);
        }
        bulk.regions.insert(key, Registered { memory, permission, bound: false, made });
        Key(key)
    }

    /// Registers memory made for a collective request.
    pub(super) fn make(&mut self, memory: A::Memory) -> Key {
        self.bulk.made += memory.size();
        self.register_as(memory, Permission::ReadWrite, true)
    }

    /// Lets others than the receiver of its description reach memory: `crt_bulk_bind`. False if it is not registered,
    /// or this context listens nowhere.
    pub fn bind(&mut self, key: Key) -> bool {
        let listens = self.identity.uri.is_some();
        let region = self.bulk.regions.get_mut(&key.0).filter(|_| listens);
        region.map(|region| region.bound = true).is_some()
    }

    /// What another context needs to reach memory.
    pub fn describe(&self, key: Key) -> Option<Region> {
        let region = self.bulk.regions.get(&key.0)?;
        Some(Region {
            incarnation: self.identity.incarnation,
            key: key.0,
            length: region.memory.size(),
            permission: region.permission,
            uri: self.identity.uri.clone().filter(|_| region.bound),
        })
    }

    /// Registered memory.
    pub fn memory(&self, key: Key) -> Option<&A::Memory> {
        Some(&self.bulk.regions.get(&key.0)?.memory)
    }

    /// Takes memory back: `crt_bulk_free`. Nobody touches it from now on; transfers with it end with
    /// `-DER_CANCELED`.
    pub fn unregister(&mut self, key: Key) -> Option<A::Memory> {
        let Registered { memory, made, .. } = self.bulk.regions.remove(&key.0)?;
        if made {
            self.bulk.made -= memory.size();
        }
        self.end_transfers(der::CANCELED, |active| active.what.local == key);
        Some(memory)
    }

    // Transfers from here.

    /// Begins a transfer. It ends with [`Event::Transferred`], also if it cannot begin.
    pub fn transfer(&mut self, now: Now, what: Transfer, attached: A::Transfer) -> TransferId {
        self.now = now;
        let id = self.transfer_for(what, Whose::User(attached));
        self.settle();
        id
    }

    pub(super) fn transfer_for(&mut self, what: Transfer, whose: Whose<A::Transfer>) -> TransferId {
        let id = self.number();
        match self.check_transfer(&what) {
            Ok(()) => {
                self.timers.push(self.now.nanos.saturating_add(what.timeout), Timer::Transfer(id));
                self.bulk.queue.push_back((id, what, whose));
                self.compact();
            }
            Err(error) => self.tell(whose, Err(error)),
        }
        TransferId(id)
    }

    fn check_transfer(&self, what: &Transfer) -> Result {
        let local = self.bulk.regions.get(&what.local.0).ok_or(der::INVAL)?;
        let within = |offset: u64, size| offset.checked_add(what.length).is_some_and(|end| end <= size);
        let valid = what.length > 0
            && within(what.local_offset, local.memory.size())
            && within(what.remote_offset, what.remote.length);
        let allowed = match what.op {
            Op::Get => what.remote.permission.readable() && local.permission.writable(),
            Op::Put => what.remote.permission.writable() && local.permission.readable(),
        };
        match (valid, allowed) {
            (true, true) => Ok(()),
            (true, false) => Err(der::NO_PERM),
            (false, _) => Err(der::INVAL),
        }
    }

    /// Gives a transfer up: `crt_bulk_abort`. It ends with `-DER_CANCELED`; nothing happens if it has ended.
    pub fn abort_transfer(&mut self, now: Now, id: TransferId) {
        self.now = now;
        self.end_transfer(id.0, Err(der::CANCELED));
        self.settle();
    }

    /// Starts a transfer that waits, if another may be on its way. Whether there was one.
    pub(super) fn start_transfers(&mut self) -> bool {
        if self.bulk.active.len() >= self.settings.transfers {
            return false;
        }
        let Some((id, what, whose)) = self.bulk.queue.pop_front() else { return false };
        match self.way(&what) {
            Err(error) => self.tell(whose, Err(error)),
            Ok((link, target)) => {
                let (issued, moved, pieces) = Default::default();
                self.bulk.active.insert(id, Active { whose, what, link, target, issued, moved, pieces });
                self.join_target(id, target);
                self.advance(id);
            }
        }
        true
    }

    /// The connection for a transfer, or the peer to be connected.
    fn way(&mut self, what: &Transfer) -> Result<(Option<Link>, Option<u64>)> {
        match what.via {
            Via::Sender(id) => Ok((Some(self.link_of(id).ok_or(der::UNREACH)?), None)),
            Via::Bound => {
                let uri: &Arc<str> = what.remote.uri.as_ref().ok_or(der::INVAL)?;
                let number = self.target(uri)?;
                Ok((None, Some(number)))
            }
        }
    }

    /// Notes that a peer is needed, and connects it.
    fn join_target(&mut self, id: u64, number: Option<u64>) {
        let Some(number) = number else { return };
        let Some(target) = self.targets.get_mut(&number) else { return };
        target.transfers.insert(id);
        let (phase, link) = (target.phase, target.link);
        match phase {
            Phase::Up(_) => {
                if let Some(active) = self.bulk.active.get_mut(&id) {
                    active.link = Some(link);
                }
            }
            Phase::Idle => self.connect(number),
            Phase::Connecting | Phase::Waiting => {}
        }
    }

    pub(super) fn target_up_for_transfers(&mut self, number: u64) {
        let Some(target) = self.targets.get(&number) else { return };
        let (link, ids) = (target.link, target.transfers.clone());
        for id in ids {
            if let Some(active) = self.bulk.active.get_mut(&id) {
                active.link = Some(link);
            }
            self.advance(id);
        }
    }

    pub(super) fn link_lost_for_transfers(&mut self, link: Link) {
        self.end_transfers(der::UNREACH, |active| active.link == Some(link));
    }

    /// Puts as many pieces on their way as may be.
    fn advance(&mut self, id: u64) {
        while let Some((link, op, piece, local)) = self.next_piece(id) {
            let (head, body) = match op {
                Op::Get => (Head::Read(piece), Body::EMPTY),
                Op::Put => {
                    let range = local..local + u64::from(piece.length);
                    let key = Key(self.bulk.active[&id].what.local.0);
                    (Head::Write(piece), Body::Memory { key, range })
                }
            };
            self.send_on(link, head, body);
        }
    }

    /// The next piece of a transfer, and where it is in the memory here.
    fn next_piece(&mut self, id: u64) -> Option<(Link, Op, Piece, u64)> {
        let number = self.number();
        let most = self.settings.piece.clamp(1, MAX_PIECE);
        let active = self.bulk.active.get_mut(&id)?;
        let (link, left) = (active.link?, active.what.length - active.issued);
        if left == 0 || active.pieces.len() >= self.settings.pieces.max(1) {
            return None;
        }
        let length = left.min(most.into()) as u32;
        let (local, remote) =
            (active.what.local_offset + active.issued, active.what.remote_offset + active.issued);
        active.issued += u64::from(length);
        active.pieces.insert(number);
        self.bulk.pieces.insert(number, Sent { transfer: id, link, offset: local, length });
        let piece = Piece { id: number, key: active.what.remote.key, offset: remote, length };
        Some((link, active.what.op, piece, local))
    }

    /// A piece was answered: with its bytes if it was asked for.
    pub(super) fn piece_moved(&mut self, link: Link, moved: Moved, bytes: Option<&Bytes>) {
        // Nobody but who was asked can answer.
        let Some(sent) = self.bulk.pieces.get(&moved.id).filter(|sent| sent.link == link) else { return };
        let (id, offset, length) = (sent.transfer, sent.offset, sent.length);
        self.bulk.pieces.remove(&moved.id);
        let Some(active) = self.bulk.active.get_mut(&id) else { return };
        active.pieces.remove(&moved.id);
        let region = self.bulk.regions.get_mut(&active.what.local.0);
        let result = match (Der::check(moved.status), active.what.op, bytes, region) {
            (Err(error), ..) => Err(error),
            (Ok(_), Op::Put, None, _) => Ok(()),
            (Ok(_), Op::Get, Some(bytes), Some(region)) if bytes.len() == length as usize => {
                region.memory.write(offset, bytes);
                Ok(())
            }
            _ => Err(der::PROTO),
        };
        active.moved += u64::from(length);
        let over = active.moved == active.what.length;
        match result {
            Err(_) => self.end_transfer(id, result),
            Ok(()) if over => self.end_transfer(id, Ok(())),
            Ok(()) => self.advance(id),
        }
    }

    /// Ends a transfer.
    pub(super) fn end_transfer(&mut self, id: u64, result: Result) {
        if let Some(active) = self.bulk.active.remove(&id) {
            for piece in active.pieces {
                self.bulk.pieces.remove(&piece);
            }
            if let Some(target) = active.target.and_then(|number| self.targets.get_mut(&number)) {
                target.transfers.remove(&id);
            }
            self.tell(active.whose, result);
        } else if let Some(at) = self.bulk.queue.iter().position(|(queued, ..)| *queued == id)
            && let Some((_, _, whose)) = self.bulk.queue.remove(at)
        {
            self.tell(whose, result);
        }
    }

    pub(super) fn abandon_transfers(&mut self) {
        while let Some((_, _, whose)) = self.bulk.queue.pop_front() {
            self.tell(whose, Err(der::CANCELED));
        }
        self.end_transfers(der::CANCELED, |_| true);
    }

    fn end_transfers(&mut self, error: Der, which: impl Fn(&Active<A::Transfer>) -> bool) {
        let mut ids: Vec<_> =
            self.bulk.active.iter().filter(|(_, active)| which(active)).map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids.into_iter().for_each(|id| self.end_transfer(id, Err(error)));
    }

    fn tell(&mut self, whose: Whose<A::Transfer>, result: Result) {
        match whose {
            Whose::User(attached) => self.events.push_back(Event::Transferred { attached, result }),
            Whose::Collective(id) => self.bulk_pulled(id, result),
        }
    }

    // Transfers of others.

    /// Another reads memory of this context.
    pub(super) fn serve_read(&mut self, link: Link, piece: Piece) {
        let checked = self.bulk.checked(piece, Permission::readable).map(drop);
        let body = match checked {
            Ok(()) => {
                let range = piece.offset..piece.offset + u64::from(piece.length);
                Body::Memory { key: Key(piece.key), range }
            }
            Err(_) => Body::EMPTY,
        };
        self.send_on(link, Head::Data(Moved { id: piece.id, status: Der::rc_of(checked) }), body);
    }

    /// Another writes to memory of this context.
    pub(super) fn serve_write(&mut self, link: Link, piece: Piece, bytes: &[u8]) {
        let checked = match self.bulk.checked(piece, Permission::writable) {
            Ok(_) if bytes.len() != piece.length as usize => Err(der::INVAL),
            Ok(region) => {
                region.memory.write(piece.offset, bytes);
                Ok(())
            }
            Err(error) => Err(error),
        };
        let moved = Moved { id: piece.id, status: Der::rc_of(checked) };
        self.send_on(link, Head::Written(moved), Body::EMPTY);
    }

    // On the way to the transport.

    /// A frame whose memory is gone says so, or is not sent.
    pub(super) fn still_valid(&self, output: Output) -> Option<Output> {
        match output {
            Output::Send { link, head, body: Body::Memory { key, range } } => {
                match (self.bulk.regions.contains_key(&key.0), head) {
                    (true, head) => Some(Output::Send { link, head, body: Body::Memory { key, range } }),
                    (false, Head::Data(moved)) => {
                        let head = Head::Data(Moved { status: der::CANCELED.rc(), ..moved });
                        Some(Output::Send { link, head, body: Body::EMPTY })
                    }
                    (false, _) => None,
                }
            }
            other => Some(other),
        }
    }

    /// The bytes of a piece of memory.
    pub(super) fn copy_of(&self, key: Key, range: Range<u64>) -> Bytes {
        let mut slices: Vec<IoSlice<'_>> = Vec::new();
        if let Some(memory) = self.memory(key) {
            memory.slices(range, &mut slices);
        }
        slices.iter().flat_map(|slice| slice.iter().copied()).collect()
    }
}
