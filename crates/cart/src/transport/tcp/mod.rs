//! Frames over TCP: the transport of embedded mode.
//!
//! A context has one listener, and each pair of contexts a connection for each direction of requests: who opens it sends
//! requests on it and gets the replies. So one of the two can always stop reading without a deadlock: who accepted a
//! connection reads no further requests from it while too many replies to it have not been taken; who opened it
//! always reads. Whoever takes nothing for so long that even more piles up is cut off.
//!
//! Processes of one machine and one user meet at a Unix socket that is named after the address, which costs half of what
//! a connection through the network does. Its name is abstract, so that it is known where the address is: in the same
//! network namespace.
//!
//! Nothing waits, except [`poll`](Transport::poll) for as long as it is told to.

use std::collections::{HashMap, VecDeque};
use std::io::{self, IoSlice};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use gurt_client::{Facility, error};
use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendFlags, SocketAddrUnix, SocketFlags, SocketType, sockopt,
};

use super::session::{Gone, Large, Own, Session};
use super::{Arrival, Limits, Payload, Transport};
use crate::rpc::Link;
use crate::wire::{Head, Hello, MaxFrame};

/// One context's listener and connections.
pub struct Tcp {
    epoll: OwnedFd,
    listener: Option<TcpListener>,
    /// The same for processes of this machine.
    local: Option<OwnedFd>,
    /// Whether they are looked for.
    shortcut: bool,
    own: Hello,
    limits: Limits,
    connections: HashMap<Link, Connection>,
    /// Connections that others have opened, ever and now.
    accepted: u64,
    accepted_now: usize,
    /// Bytes that peers have not taken.
    queued: usize,
    /// Connections that did not say yet who they are, since when.
    unknown: VecDeque<(Instant, Link)>,
    /// Until when nobody is accepted.
    paused: Option<Instant>,
    /// What has become known outside of a poll.
    pending: Vec<Arrival>,
    /// The connection on which something came last.
    hot: Option<Link>,
    /// When all were looked at.
    looked: Instant,
    events: Events,
    scratch: Box<[u8]>,
}

/// Room for what a poll finds; empty between polls.
struct Events(Vec<epoll::Event>);

// SAFETY: an event is the number that we have given it, although it could be a pointer.
unsafe impl Send for Events {}

#[derive(Debug)]
struct Connection {
    socket: OwnedFd,
    /// It is being opened, and this goes first.
    opening: Option<Hello>,
    session: Session,
    queue: VecDeque<Bytes>,
    queued: usize,
    interest: epoll::EventFlags,
}

const LISTENER: u64 = u64::MAX;
const LOCAL: u64 = u64::MAX - 1;
/// Who polls without waiting looks at all connections so often; in between only at the one on which something came last,
/// which costs half.
const LOOK: Duration = Duration::from_micros(5);
/// For how long nobody is accepted when the system cannot.
const PAUSE: Duration = Duration::from_millis(100);
/// How long a connection may be silent before the other side's machine is asked whether it is there, and how long it has
/// to answer.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// How many of this machine can wait to be accepted.
const BACKLOG: i32 = 1024;
/// Bytes that are read at a time.
const SCRATCH: usize = 64 << 10;
/// Bytes that are read of a connection before what has come is handled: a piece of a transfer, so that its memory is used
/// again for the next one.
const TURN: usize = 256 << 10;
/// Pieces of memory that the system takes at a time (`UIO_MAXIOV`); more are an error to it.
const PIECES: usize = 1024;
/// Bytes that go to a process of this machine at a time.
const LOCAL_BUFFER: usize = 4 << 20;
impl Tcp {
    /// A transport for a context that says this of itself. Without an address it does not listen; port 0 stands for
    /// any.
    pub fn new(own: Hello, listen: Option<SocketAddr>, limits: Limits) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let listener = listen.map(TcpListener::bind).transpose()?;
        let mut local = None;
        if let Some(listener) = &listener {
            listener.set_nonblocking(true)?;
            epoll::add(&epoll, listener, epoll::EventData::new_u64(LISTENER), epoll::EventFlags::IN)?;
            // Without it the others come through the network.
            local = local_listener(listener.local_addr()?).ok();
        }
        if let Some(local) = &local {
            epoll::add(&epoll, local, epoll::EventData::new_u64(LOCAL), epoll::EventFlags::IN)?;
        }
        Ok(Tcp {
            epoll,
            listener,
            local,
            shortcut: true,
            own,
            limits,
            connections: HashMap::new(),
            accepted: 0,
            accepted_now: 0,
            queued: 0,
            unknown: VecDeque::new(),
            paused: None,
            pending: Vec::new(),
            hot: None,
            looked: Instant::now(),
            events: Events(Vec::with_capacity(64)),
            scratch: vec![0; SCRATCH].into(),
        })
    }

    /// Where it listens.
    pub fn uri(&self) -> Option<Arc<str>> {
        let address = self.listener.as_ref()?.local_addr().ok()?;
        Some(format!("tcp://{address}").into())
    }

    /// This process has a rank now: what is said of it on new connections.
    pub fn set_hello(&mut self, own: Hello) {
        self.own = own;
    }

    /// Whether processes of this machine are spoken to at their Unix socket, as they are at first.
    pub fn set_shortcut(&mut self, shortcut: bool) {
        self.shortcut = shortcut;
    }

    fn open(&mut self, link: Link, uri: &str, hello: &Hello) -> io::Result<()> {
        let address = uri.strip_prefix("tcp://").and_then(|address| address.parse::<SocketAddr>().ok());
        let address = address.ok_or(io::ErrorKind::InvalidInput)?;
        let writable = epoll::EventFlags::OUT;
        if self.shortcut
            && let Some(socket) = local_peer(address)
        {
            through_memory(&socket)?;
            return self.add(link, socket, Some(hello.clone()), writable);
        }
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
        match rustix::net::connect(&socket, &address) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(error.into()),
        }
        through_network(&socket)?;
        self.add(link, socket, Some(hello.clone()), writable)
    }

    fn add(
        &mut self,
        link: Link,
        socket: OwnedFd,
        opening: Option<Hello>,
        interest: epoll::EventFlags,
    ) -> io::Result<()> {
        epoll::add(&self.epoll, &socket, epoll::EventData::new_u64(link.0), interest)?;
        let connection = Connection {
            socket,
            opening,
            session: Session::new(link),
            queue: VecDeque::new(),
            queued: 0,
            interest,
        };
        self.connections.insert(link, connection);
        self.accepted_now += usize::from(!link.is_opened());
        self.unknown.push_back((Instant::now(), link));
        Ok(())
    }

    fn accept(&mut self, local: bool) {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let accepted = match (local, &self.local, &self.listener) {
            (true, Some(listener), _) => rustix::net::accept_with(listener, flags),
            (false, _, Some(listener)) => rustix::net::accept_with(listener, flags),
            _ => return,
        };
        // As many as there are now; the next wait returns at once if there are more.
        let socket = match accepted {
            Ok(socket) => socket,
            Err(Errno::AGAIN | Errno::INTR | Errno::CONNABORTED) => return,
            Err(error) => return self.pause(error),
        };
        if self.unknown.len() >= self.limits.unknown {
            let connections = &self.connections;
            self.unknown
                .retain(|(_, link)| connections.get(link).is_some_and(|other| !other.session.is_open()));
        }
        if self.accepted_now >= self.limits.accepted || self.unknown.len() >= self.limits.unknown {
            return;
        }
        self.accepted += 1;
        let link = Link::accepted(self.accepted);
        let ready = if local { through_memory(&socket) } else { through_network(&socket) };
        // Whoever it was will come again.
        let _ =
            ready.map_err(io::Error::from).and_then(|()| self.add(link, socket, None, epoll::EventFlags::IN));
    }

    /// Accepts nobody for a while, as the system cannot at the moment; those who come wait.
    fn pause(&mut self, error: Errno) {
        error!(
            Facility::MISC,
            "tcp: no connection can be accepted for now: {error}; allow the process more open files"
        );
        self.paused = Some(Instant::now() + PAUSE);
        self.heed_listeners(epoll::EventFlags::empty());
    }

    fn heed_listeners(&self, interest: epoll::EventFlags) {
        let network = self.listener.as_ref().map(|listener| (listener.as_fd(), LISTENER));
        let local = self.local.as_ref().map(|listener| (listener.as_fd(), LOCAL));
        for (listener, number) in network.into_iter().chain(local) {
            // They were added when they were made.
            let _ = epoll::modify(&self.epoll, listener, epoll::EventData::new_u64(number), interest);
        }
    }

    /// Something has happened to a connection.
    fn attend(&mut self, link: Link, what: epoll::EventFlags, arrivals: &mut Vec<Arrival>) {
        let Some(connection) = self.connections.get_mut(&link) else { return };
        let before = connection.queued;
        let mut result = Ok(());
        if let Some(hello) = connection.opening.take() {
            result = connection.opened(&Head::Hello(hello), self.limits.frame);
        }
        let broken = epoll::EventFlags::ERR | epoll::EventFlags::HUP;
        if result.is_ok() && what.contains(epoll::EventFlags::OUT) {
            result = connection.flush();
        }
        let watched = connection.interest & epoll::EventFlags::IN;
        if result.is_ok() && what.intersects(watched | broken) {
            let own = Own { hello: &self.own, max: self.limits.frame };
            result = connection.read(&mut self.scratch, own, arrivals);
        }
        self.queued = self.queued + connection.queued - before;
        match result {
            Ok(()) => self.watch(link),
            Err(gone) => {
                gone.explain(link);
                self.drop_connection(link);
                arrivals.push(Arrival::Lost(link));
            }
        }
    }

    /// Watches for what a connection can do next.
    fn watch(&mut self, link: Link) {
        let Some(connection) = self.connections.get_mut(&link) else { return };
        let paused = !link.is_opened() && connection.queued > self.limits.pause;
        let mut interest = epoll::EventFlags::empty();
        interest.set(epoll::EventFlags::IN, !paused);
        interest.set(epoll::EventFlags::OUT, !connection.queue.is_empty() || connection.opening.is_some());
        if interest != connection.interest {
            connection.interest = interest;
            let data = epoll::EventData::new_u64(link.0);
            // Of a socket that is watched it cannot fail.
            let _ = epoll::modify(&self.epoll, &connection.socket, data, interest);
        }
    }

    fn drop_connection(&mut self, link: Link) {
        if let Some(connection) = self.connections.remove(&link) {
            self.queued -= connection.queued;
            self.accepted_now -= usize::from(!link.is_opened());
        }
    }

    fn lose(&mut self, link: Link) {
        self.drop_connection(link);
        self.pending.push(Arrival::Lost(link));
    }

    /// Closes what has not said who it is for too long.
    fn expire_unknown(&mut self, arrivals: &mut Vec<Arrival>) {
        while let Some(&(since, link)) = self.unknown.front() {
            let open = self.connections.get(&link).is_none_or(|connection| connection.session.is_open());
            if !open && since.elapsed() < self.limits.handshake {
                return;
            }
            self.unknown.pop_front();
            if !open {
                self.drop_connection(link);
                arrivals.push(Arrival::Lost(link));
            }
        }
    }
}

impl Transport for Tcp {
    fn connect(&mut self, link: Link, uri: &Arc<str>, hello: &Hello) {
        if let Err(error) = self.open(link, uri, hello) {
            error!(
                Facility::MISC,
                "cannot connect to {uri}: {error}; an address is tcp://host:port with a numeric host"
            );
            self.lose(link);
        }
    }

    fn send(&mut self, link: Link, head: &Head, body: Payload<'_>) {
        let Some(connection) = self.connections.get_mut(&link) else { return };
        let before = connection.queued;
        let sent = connection.send(head, body, self.limits.frame);
        self.queued = self.queued + connection.queued - before;
        if sent.is_err() || connection.queued > self.limits.peer || self.queued > self.limits.all {
            self.lose(link);
        } else if connection.queued > 0 {
            self.watch(link);
        }
    }

    fn close(&mut self, link: Link) {
        self.drop_connection(link);
    }

    fn poll(&mut self, wait: Option<Duration>, arrivals: &mut Vec<Arrival>) -> io::Result<()> {
        let before = arrivals.len();
        self.expire_unknown(arrivals);
        if self.paused.is_some_and(|end| end <= Instant::now()) {
            self.paused = None;
            self.heed_listeners(epoll::EventFlags::IN);
        }
        arrivals.append(&mut self.pending);
        let wait = if arrivals.len() > before { Some(Duration::ZERO) } else { wait };
        let wait = wait.into_iter().chain(self.patience()).min();
        if wait == Some(Duration::ZERO)
            && let Some(link) = self.hot
            && self.looked.elapsed() < LOOK
        {
            self.attend(link, epoll::EventFlags::IN, arrivals);
            return Ok(());
        }
        let wait = wait.and_then(|wait| wait.try_into().ok());
        let mut events = std::mem::take(&mut self.events.0);
        match epoll::wait(&self.epoll, spare_capacity(&mut events), wait.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            match { event.data }.u64() {
                LISTENER => self.accept(false),
                LOCAL => self.accept(true),
                number => {
                    self.attend(Link(number), event.flags, arrivals);
                    let open = |connection: &Connection| connection.session.is_open();
                    self.hot = Some(Link(number)).filter(|link| self.connections.get(link).is_some_and(open));
                }
            }
        }
        events.clear();
        self.events.0 = events;
        self.looked = Instant::now();
        Ok(())
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.epoll.as_fd())
    }

    fn patience(&self) -> Option<Duration> {
        let known = match (self.pending.is_empty(), self.unknown.is_empty()) {
            (false, _) => Some(Duration::ZERO),
            (true, false) => Some(self.limits.handshake),
            (true, true) => None,
        };
        let paused = self.paused.map(|end| end.saturating_duration_since(Instant::now()));
        known.into_iter().chain(paused).min()
    }
}

impl Connection {
    /// The connection is there, or not.
    fn opened(&mut self, hello: &Head, max: MaxFrame) -> Result<(), Gone> {
        sockopt::socket_error(&self.socket)??;
        self.send(hello, Payload::Bytes(Bytes::new()), max)
    }

    fn send(&mut self, head: &Head, body: Payload<'_>, max: MaxFrame) -> Result<(), Gone> {
        let mut bytes = Vec::with_capacity(128);
        head.encode(body.len(), max, &mut bytes)?;
        if !self.queue.is_empty() {
            self.enqueue(bytes.into());
            self.enqueue(body.into_bytes());
            return Ok(());
        }
        let mut slices = Vec::with_capacity(2);
        slices.push(IoSlice::new(&bytes));
        match &body {
            Payload::Bytes(bytes) => slices.push(IoSlice::new(bytes)),
            Payload::Borrowed(borrowed) => slices.extend(borrowed.iter().copied()),
        }
        let sent = write(self.socket.as_fd(), &slices)?;
        let (head_left, body_sent) = (bytes.len().saturating_sub(sent), sent.saturating_sub(bytes.len()));
        if head_left > 0 {
            self.enqueue(bytes.split_off(sent).into());
        }
        match body {
            Payload::Bytes(body) => self.enqueue(body.slice(body_sent..)),
            Payload::Borrowed(slices) => {
                let mut skip = body_sent;
                let mut left = Vec::new();
                for slice in slices {
                    let from = skip.min(slice.len());
                    skip -= from;
                    left.extend_from_slice(&slice[from..]);
                }
                self.enqueue(left.into());
            }
        }
        Ok(())
    }

    fn enqueue(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.queued += bytes.len();
            self.queue.push_back(bytes);
        }
    }

    /// Sends what waits.
    fn flush(&mut self) -> Result<(), Gone> {
        while !self.queue.is_empty() {
            let slices: Vec<_> = self.queue.iter().take(64).map(|bytes| IoSlice::new(bytes)).collect();
            let mut sent = write(self.socket.as_fd(), &slices)?;
            if sent == 0 {
                return Ok(());
            }
            self.queued -= sent;
            while let Some(first) = self.queue.front_mut() {
                if sent < first.len() {
                    first.advance(sent);
                    break;
                }
                sent -= first.len();
                self.queue.pop_front();
            }
        }
        Ok(())
    }

    /// Takes what has arrived.
    fn read(&mut self, scratch: &mut [u8], own: Own<'_>, arrivals: &mut Vec<Arrival>) -> Result<(), Gone> {
        let mut turn = TURN;
        while turn > 0 {
            let (count, more) = if let Some(large) = self.session.large() {
                let Some(read) = read_large(large, &self.socket)? else { return Ok(()) };
                self.session.complete(arrivals);
                read
            } else {
                let count = match rustix::io::read(&self.socket, &mut *scratch) {
                    Ok(0) => return Err(Gone::Closed),
                    Ok(count) => count,
                    Err(Errno::AGAIN | Errno::INTR) => return Ok(()),
                    Err(error) => return Err(error.into()),
                };
                if self.session.take(&scratch[..count], own, arrivals)? {
                    let welcome = Head::Welcome(own.hello.clone());
                    self.send(&welcome, Payload::Bytes(Bytes::new()), own.max)?;
                }
                (count, count == scratch.len())
            };
            if !more {
                return Ok(());
            }
            turn = turn.saturating_sub(count);
        }
        Ok(())
    }
}

/// Reads on of a large body. How much, and whether there may be more; nothing if there is not now.
fn read_large(large: &mut Large, socket: &OwnedFd) -> Result<Option<(usize, bool)>, Gone> {
    let missing = large.size - large.body.len();
    if large.body.capacity() == large.body.len() {
        // As much again as has arrived.
        large.body.reserve_exact(missing.min(large.body.len().max(SCRATCH)));
    }
    let room = missing.min(large.body.capacity() - large.body.len());
    let spare = &mut large.body.spare_capacity_mut()[..room];
    let count = match rustix::io::read(socket, spare) {
        Ok(([], _)) => return Err(Gone::Closed),
        Ok((read, _)) => read.len(),
        Err(Errno::AGAIN | Errno::INTR) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    // SAFETY: the system has filled so many bytes of the spare capacity.
    unsafe { large.body.set_len(large.body.len() + count) };
    Ok(Some((count, count == room)))
}

/// The name of the Unix socket of who listens there.
fn local_name(address: SocketAddr) -> Result<SocketAddrUnix, Errno> {
    SocketAddrUnix::new_abstract_name(format!("cart/tcp://{address}").as_bytes())
}

fn local_socket() -> Result<OwnedFd, Errno> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
}

/// Prepares a connection to a process of this machine: as much goes at a time as over TCP, whose buffers grow by
/// themselves.
fn through_memory(socket: &OwnedFd) -> Result<(), Errno> {
    sockopt::set_socket_send_buffer_size(socket, LOCAL_BUFFER)
}

/// Listens for processes of this machine.
fn local_listener(address: SocketAddr) -> Result<OwnedFd, Errno> {
    let socket = local_socket()?;
    rustix::net::bind(&socket, &local_name(address)?)?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(socket)
}

/// A connection to who listens there, if it is a process of this machine. Anybody can take a name, so it has to be one of
/// the same user, or of root.
fn local_peer(address: SocketAddr) -> Option<OwnedFd> {
    let socket = local_socket().ok()?;
    rustix::net::connect(&socket, &local_name(address).ok()?).ok()?;
    let peer = sockopt::socket_peercred(&socket).ok()?.uid;
    (peer == rustix::process::geteuid() || peer.is_root()).then_some(socket)
}

/// Prepares a connection through the network.
fn through_network(socket: &OwnedFd) -> Result<(), Errno> {
    sockopt::set_tcp_nodelay(socket, true)?;
    // Of a machine that is gone nothing else would tell.
    sockopt::set_socket_keepalive(socket, true)?;
    sockopt::set_tcp_keepidle(socket, KEEPALIVE)?;
    sockopt::set_tcp_keepintvl(socket, KEEPALIVE / 3)?;
    sockopt::set_tcp_keepcnt(socket, 3)
}

/// Writes as much as the socket takes.
fn write(socket: impl AsFd, slices: &[IoSlice<'_>]) -> Result<usize, Gone> {
    let mut control = SendAncillaryBuffer::default();
    let slices = &slices[..slices.len().min(PIECES)];
    match rustix::net::sendmsg(socket, slices, &mut control, SendFlags::NOSIGNAL) {
        Ok(sent) => Ok(sent),
        Err(Errno::AGAIN | Errno::INTR) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests;
