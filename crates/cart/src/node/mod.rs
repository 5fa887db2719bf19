//! A process: its contexts on their transports, its groups, its failure detector. What is global in CaRT,
//! `struct crt_gdata`, as a value.
//!
//! Its user, who handles requests and keeps what belongs to them, is a [`User`]: the C functions (`ffi`), or a test.

mod bell;
mod directory;
mod network;
pub mod settings;
pub mod swim;
#[cfg(test)]
mod tests;

pub use directory::{Directory, Entry, Wrong};
pub use network::Network;

use std::collections::BTreeMap;
use std::io;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gurt_client::{Der, Facility, Result, error};

use crate::Rank;
use crate::group::{Change, Refused};
use crate::rpc::{Attachments, Context, Event, Groups, Identity, Invalid, Now, Protocols, Rpc};
use crate::transport::{self, Place};
use crate::wire::Hello;
use settings::{SWIM_CONTEXT, Settings};
use swim::Swim;

/// Who uses a process.
pub trait User:
    Attachments<Request: Send, Transfer: Send, Memory: Send> + Sized + Send + Sync + 'static
{
    /// What belongs to a context.
    type Context: Default + Send + Sync;

    /// Something has happened to a context. No lock is held; events of a collective request come one after the other.
    fn handle(&self, network: &Arc<Network<Self>>, event: Event<Self>);
    /// A rank has come or gone.
    fn rank_changed(&self, news: News);
    /// The clocks of this process and of another differ by more than is allowed.
    fn clocks_differ(&self);
}

/// The news of a rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct News {
    /// Which.
    pub rank: Rank,
    /// In which life; 0: not known.
    pub incarnation: u64,
    /// Whether the failure detector says so (`CRT_EVS_SWIM`), or the group has changed (`CRT_EVS_GRPMOD`).
    pub detected: bool,
    /// Whether it has come (`CRT_EVT_ALIVE`), or gone (`CRT_EVT_DEAD`).
    pub alive: bool,
}

/// The clock that is sent along with messages: the hybrid logical clock, or what a client knows of it.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Its time.
    pub stamp: fn() -> u64,
    /// A message of this time has come. False if it differs by more than is allowed.
    pub heard: fn(u64) -> bool,
    /// A difference in milliseconds.
    pub millis: fn(u64) -> u64,
}

/// The attachments of all requests: those of the user, and the failure detector's.
pub struct Carried<U>(PhantomData<U>);

/// What belongs to a request.
pub enum Attached<R> {
    /// The user's.
    User(R),
    /// The failure detector's.
    Swim(swim::Asked),
}

impl<U: User> Attachments for Carried<U> {
    type Request = Attached<U::Request>;
    type Transfer = U::Transfer;
    type Memory = U::Memory;
}

/// A process.
pub struct Node<U: User> {
    /// Its user.
    pub user: U,
    settings: Settings,
    server: bool,
    clock: Clock,
    begin: Instant,
    directory: Mutex<Directory>,
    /// How often the groups have changed.
    changes: AtomicU64,
    protocols: Mutex<Arc<Protocols>>,
    networks: Mutex<BTreeMap<u32, Arc<Network<U>>>>,
    swim: Mutex<Swim>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<U: User> Node<U> {
    /// A process with the primary group `group` and nobody in it, that is a server of it or none.
    pub fn new(user: U, group: &str, server: bool, settings: Settings, clock: Clock) -> Arc<Self> {
        let begin = Instant::now();
        let swim = Swim::new(settings.swim, (clock.stamp)());
        Arc::new(Node {
            user,
            settings,
            server,
            clock,
            begin,
            directory: Mutex::new(Directory::new(group)),
            changes: AtomicU64::new(0),
            protocols: Mutex::default(),
            networks: Mutex::default(),
            swim: Mutex::new(swim),
        })
    }

    /// Its parameters.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whether it serves requests, as engines do and clients do not.
    pub fn is_server(&self) -> bool {
        self.server
    }

    /// This moment.
    pub fn now(&self) -> Now {
        Now { nanos: self.begin.elapsed().as_nanos() as u64, hlc: (self.clock.stamp)() }
    }

    /// A message was sent at this time. False if the clock of its sender differs too much.
    fn heard(&self, hlc: u64) -> bool {
        let near = (self.clock.heard)(hlc);
        if !near {
            self.user.clocks_differ();
        }
        near
    }

    // Contexts.

    /// Makes a context on the interface of that number: `crt_context_create`. `-DER_AGAIN` if there are as many as may
    /// be.
    pub fn open(self: &Arc<Self>, interface: usize) -> Result<Arc<Network<U>>> {
        let mut networks = lock(&self.networks);
        let free = (0..self.settings.contexts).find(|tag| !networks.contains_key(tag));
        let Some(tag) = free else {
            error!(
                Facility::RPC,
                "there are {} contexts already, CRT_CTX_NUM allows no more",
                networks.len()
            );
            return Err(der::AGAIN);
        };
        let of = |list: &[String]| list.get(interface).filter(|name| !name.is_empty()).cloned();
        let (name, domain) = (of(&self.settings.interfaces), of(&self.settings.domains));
        let (name, domain) = (name.as_deref(), domain.as_deref());
        let network = self.listen(tag, name, domain).map_err(|error| {
            let (provider, place, port) = (&self.settings.provider, name.unwrap_or("loopback"), self.port(tag));
            error!(
                Facility::RPC,
                "context {tag} cannot listen by provider {provider} (D_PROVIDER) at {place} (D_INTERFACE), port {} \
                 (D_PORT): {error}",
                port.unwrap_or(0)
            );
            match error.kind() {
                io::ErrorKind::InvalidInput => der::NONEXIST,
                io::ErrorKind::AddrNotAvailable => der::INVAL,
                _ => Der::from_io(&error),
            }
        })?;
        let network = Arc::new(network);
        networks.insert(tag, network.clone());
        drop(networks);
        if let Some(uri) = network.uri() {
            self.change(|directory| directory.listen(tag, uri.clone()));
        }
        Ok(network)
    }

    /// The port of a context; none for any.
    fn port(&self, tag: u32) -> Option<u16> {
        match self.settings.port {
            0 => None,
            first => u16::try_from(u32::from(first) + tag).ok(),
        }
    }

    fn listen(
        self: &Arc<Self>,
        tag: u32,
        interface: Option<&str>,
        domain: Option<&str>,
    ) -> io::Result<Network<U>> {
        let mut random = [[0; 8]; 3];
        for part in &mut random {
            rustix::rand::getrandom(&mut part[..], rustix::rand::GetRandomFlags::empty())?;
        }
        let [incarnation, high, low] = random.map(u64::from_ne_bytes);
        let secret = u128::from(high) << 64 | u128::from(low);
        let groups = lock(&self.directory).groups().clone();
        let hello =
            Hello { group: groups.name.clone(), rank: groups.primary.rank(), tag, incarnation, channel: 0 };
        let provider = &*self.settings.provider;
        let open = |port| {
            let place = Place { provider, interface, domain, port, listen: true };
            transport::open(hello.clone(), place, transport::Limits::default())
        };
        let carrier = match open(self.port(tag)) {
            Err(error) if self.settings.adjust_port && error.kind() == io::ErrorKind::AddrInUse => {
                open(None)?
            }
            result => result?,
        };
        let identity = Identity { tag, incarnation, uri: carrier.uri(), secret };
        let protocols = lock(&self.protocols).clone();
        let context = Context::new(identity.clone(), self.settings.rpc, groups, protocols);
        Network::new(self.clone(), carrier, identity, context)
    }

    /// Ends a context: `crt_context_destroy`.
    pub fn close(&self, network: &Arc<Network<U>>, force: bool) -> Result {
        let tag = network.tag();
        if tag == SWIM_CONTEXT {
            self.stop_swim();
        }
        network.close(force)?;
        lock(&self.networks).remove(&tag);
        self.change(|directory| directory.unlisten(tag));
        Ok(())
    }

    /// The context of a number.
    pub fn network(&self, tag: u32) -> Option<Arc<Network<U>>> {
        lock(&self.networks).get(&tag).cloned()
    }

    /// All contexts.
    pub fn networks(&self) -> Vec<Arc<Network<U>>> {
        lock(&self.networks).values().cloned().collect()
    }

    // Protocols.

    /// Registers a version of a protocol: `crt_proto_register`.
    pub fn register(&self, base: u32, version: u32, rpcs: Vec<Rpc>) -> std::result::Result<(), Invalid> {
        let protocols = {
            let mut protocols = lock(&self.protocols);
            Arc::make_mut(&mut protocols).register(base, version, rpcs)?;
            protocols.clone()
        };
        for network in self.networks() {
            network.with(|context, _| context.set_protocols(protocols.clone()));
        }
        Ok(())
    }

    // Groups.

    /// Looks at the groups.
    pub fn read<T>(&self, what: impl FnOnce(&Directory) -> T) -> T {
        what(&lock(&self.directory))
    }

    /// Changes the groups. Each context takes notice before it does anything else.
    pub fn change<T>(&self, what: impl FnOnce(&mut Directory) -> T) -> T {
        let mut directory = lock(&self.directory);
        let done = what(&mut directory);
        self.changes.fetch_add(1, Ordering::Release);
        done
    }

    /// The groups, if they have changed since the caller was told the last time.
    fn news(&self, known: &mut u64) -> Option<Groups> {
        if self.changes.load(Ordering::Acquire) == *known {
            return None;
        }
        let directory = lock(&self.directory);
        *known = self.changes.load(Ordering::Acquire);
        Some(directory.groups().clone())
    }

    fn introduce(&self) {
        let groups = self.read(|directory| directory.groups().clone());
        let (group, rank) = (groups.name, groups.primary.rank());
        for network in self.networks() {
            network.introduce(Hello { group: group.clone(), rank, tag: 0, incarnation: 0, channel: 0 });
        }
    }

    /// This process has a rank: `crt_rank_self_set`.
    pub fn join(&self, rank: Rank, version: u32) -> std::result::Result<(), Refused> {
        self.change(|directory| directory.join(rank, version))?;
        self.introduce();
        self.swim_joined(rank);
        Ok(())
    }

    /// This process, a client, looks at a group: `crt_group_view_create`.
    pub fn view(&self, group: &Arc<str>) -> std::result::Result<(), Wrong> {
        self.change(|directory| directory.view(group))?;
        self.introduce();
        Ok(())
    }

    /// It looks no longer.
    pub fn unview(&self) {
        self.change(Directory::unview);
        self.introduce();
    }

    /// Adds a rank to the primary group: `crt_group_primary_rank_add`.
    pub fn add(&self, rank: Rank, uri: Arc<str>) {
        if self.change(|directory| directory.add(rank, uri)) {
            self.swim_changed(&[(rank, 0)], &[], &[]);
        }
    }

    /// Takes a rank out of the primary group: `crt_group_rank_remove`.
    pub fn remove(&self, rank: Rank) -> std::result::Result<(), Wrong> {
        self.change(|directory| directory.remove(rank))?;
        self.swim_changed(&[], &[rank], &[]);
        Ok(())
    }

    /// Changes the primary group, and tells of it: `crt_group_primary_modify`.
    pub fn modify(
        &self,
        change: Change,
        entries: &[Entry],
        version: u32,
    ) -> std::result::Result<(), Refused> {
        let difference = self.change(|directory| directory.modify(change, entries, version))?;
        let incarnation =
            |rank: Rank| entries.iter().find(|entry| entry.rank == rank).map_or(0, |entry| entry.incarnation);
        let lives = |ranks: &[Rank]| ranks.iter().map(|&rank| (rank, incarnation(rank))).collect::<Vec<_>>();
        let (added, kept) = (lives(&difference.added), lives(&difference.kept));
        self.swim_changed(&added, &[], &[]);
        for &(rank, incarnation) in &added {
            self.user.rank_changed(News { rank, incarnation, detected: false, alive: true });
        }
        for &rank in &difference.removed {
            self.user.rank_changed(News { rank, incarnation: 0, detected: false, alive: false });
        }
        self.swim_changed(&[], &difference.removed, &kept);
        Ok(())
    }
}

/// The errors of this layer.
pub(crate) mod der {
    use super::Der;

    pub const AGAIN: Der = Der::new(abi::DER_AGAIN as i64);
    pub const ALREADY: Der = Der::new(abi::DER_ALREADY as i64);
    pub const BUSY: Der = Der::new(abi::DER_BUSY as i64);
    pub const HLC_SYNC: Der = Der::new(abi::DER_HLC_SYNC as i64);
    pub const INVAL: Der = Der::new(abi::DER_INVAL as i64);
    pub const NONEXIST: Der = Der::new(abi::DER_NONEXIST as i64);
    pub const UNINIT: Der = Der::new(abi::DER_UNINIT as i64);
}

/// A number of milliseconds.
fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}
