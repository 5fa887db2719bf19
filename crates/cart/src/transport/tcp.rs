//! Frames over TCP: the transport of embedded mode.
//!
//! A context has one listener, and each pair of contexts a connection for each direction of requests: who opens it sends
//! requests on it and gets the replies. So one of the two can always stop reading without a deadlock: who accepted a
//! connection reads no further requests from it while too many replies to it have not been taken; who opened it
//! always reads. Whoever takes nothing for so long that even more piles up is cut off.
//!
//! Nothing waits, except [`poll`](Transport::poll) for as long as it is told to; another thread can end that with a
//! [`Waker`].

use std::collections::{HashMap, VecDeque};
use std::io::{self, IoSlice};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use gurt_client::{Facility, debug, error, warn};
use rustix::buffer::spare_capacity;
use rustix::event::{EventfdFlags, epoll, eventfd};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SendAncillaryBuffer, SendFlags, SocketFlags, SocketType, sockopt};

use super::{Arrival, Payload, Transport};
use crate::rpc::Link;
use crate::wire::{Head, Hello, Malformed, MaxFrame, PREFIX, Prefix};

/// What a transport keeps at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The size of a frame.
    pub frame: MaxFrame,
    /// Connections that others have opened.
    pub accepted: usize,
    /// Of those, how many have not said yet who they are.
    pub unknown: usize,
    /// How long they have time to.
    pub handshake: Duration,
    /// From so many bytes on that a peer has not taken, it is not read from.
    pub pause: usize,
    /// At so many it is cut off.
    pub peer: usize,
    /// And at so many for all, whoever should get more.
    pub all: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            frame: MaxFrame::default(),
            accepted: 16 << 10,
            unknown: 256,
            handshake: Duration::from_secs(5),
            pause: 4 << 20,
            peer: 512 << 20,
            all: 2 << 30,
        }
    }
}

/// One context's listener and connections.
pub struct Tcp {
    epoll: OwnedFd,
    listener: Option<TcpListener>,
    waker: Waker,
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
    /// What has become known outside of a poll.
    pending: Vec<Arrival>,
    events: Vec<epoll::Event>,
    scratch: Box<[u8]>,
}

/// Ends the waiting of a transport from any thread.
#[derive(Clone, Debug)]
pub struct Waker(Arc<OwnedFd>);

impl Waker {
    /// Ends the current wait, or the next.
    pub fn wake(&self) {
        // It can only fail when it is about to end a wait in any case.
        let _ = rustix::io::write(&*self.0, &1u64.to_ne_bytes());
    }
}

#[derive(Debug)]
struct Connection {
    socket: OwnedFd,
    phase: Phase,
    /// Bytes of a frame that has not arrived in full.
    begun: Vec<u8>,
    /// A frame whose large body is arriving.
    large: Option<Large>,
    queue: VecDeque<Bytes>,
    queued: usize,
    interest: epoll::EventFlags,
}

#[derive(Debug)]
struct Large {
    head: Head,
    body: Vec<u8>,
    size: usize,
}

#[derive(Debug)]
enum Phase {
    /// It is being opened, and this goes first.
    Opening(Hello),
    /// The other has to say who it is.
    Handshake,
    /// It has.
    Open,
}

/// Why a connection ends.
enum Gone {
    /// The other side has closed it, or the network.
    Closed,
    /// The other side does not keep to the protocol.
    Malformed(Malformed),
    /// It belongs to another system.
    Group(Arc<str>),
}

impl From<Errno> for Gone {
    fn from(_: Errno) -> Self {
        Gone::Closed
    }
}

impl From<Malformed> for Gone {
    fn from(malformed: Malformed) -> Self {
        Gone::Malformed(malformed)
    }
}

const LISTENER: u64 = u64::MAX;
const WAKER: u64 = u64::MAX - 1;
/// How long a connection may be silent before the other side's machine is asked whether it is there, and how long it has
/// to answer.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// Bytes that are read at a time.
const SCRATCH: usize = 64 << 10;
/// Bodies from this size on are read to where they stay.
const LARGE: usize = 16 << 10;
/// Bytes that are read of a connection before others have their turn.
const TURN: usize = 4 << 20;
/// Before it is known who sends, a frame is small.
const FIRST: MaxFrame = MaxFrame { head: 1 << 10, body: 0 };

impl Tcp {
    /// A transport for a context that says this of itself. Without an address it does not listen; port 0 stands for
    /// any.
    pub fn new(own: Hello, listen: Option<SocketAddr>, limits: Limits) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let waker = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        epoll::add(&epoll, &waker, epoll::EventData::new_u64(WAKER), epoll::EventFlags::IN)?;
        let listener = listen.map(TcpListener::bind).transpose()?;
        if let Some(listener) = &listener {
            listener.set_nonblocking(true)?;
            epoll::add(&epoll, listener, epoll::EventData::new_u64(LISTENER), epoll::EventFlags::IN)?;
        }
        Ok(Tcp {
            epoll,
            listener,
            waker: Waker(Arc::new(waker)),
            own,
            limits,
            connections: HashMap::new(),
            accepted: 0,
            accepted_now: 0,
            queued: 0,
            unknown: VecDeque::new(),
            pending: Vec::new(),
            events: Vec::with_capacity(64),
            scratch: vec![0; SCRATCH].into(),
        })
    }

    /// Where it listens.
    pub fn uri(&self) -> Option<Arc<str>> {
        let address = self.listener.as_ref()?.local_addr().ok()?;
        Some(format!("tcp://{address}").into())
    }

    /// What ends a wait.
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// This process has a rank now: what is said of it on new connections.
    pub fn set_hello(&mut self, own: Hello) {
        self.own = own;
    }

    fn open(&mut self, link: Link, uri: &str, hello: &Hello) -> io::Result<()> {
        let address = uri.strip_prefix("tcp://").and_then(|address| address.parse::<SocketAddr>().ok());
        let address = address.ok_or(io::ErrorKind::InvalidInput)?;
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
        match rustix::net::connect(&socket, &address) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(error.into()),
        }
        let writable = epoll::EventFlags::OUT;
        self.add(link, socket, Phase::Opening(hello.clone()), writable)
    }

    fn add(
        &mut self,
        link: Link,
        socket: OwnedFd,
        phase: Phase,
        interest: epoll::EventFlags,
    ) -> io::Result<()> {
        sockopt::set_tcp_nodelay(&socket, true)?;
        // Of a machine that is gone nothing else would tell.
        sockopt::set_socket_keepalive(&socket, true)?;
        sockopt::set_tcp_keepidle(&socket, KEEPALIVE)?;
        sockopt::set_tcp_keepintvl(&socket, KEEPALIVE / 3)?;
        sockopt::set_tcp_keepcnt(&socket, 3)?;
        epoll::add(&self.epoll, &socket, epoll::EventData::new_u64(link.0), interest)?;
        let connection = Connection {
            socket,
            phase,
            begun: Vec::new(),
            large: None,
            queue: VecDeque::new(),
            queued: 0,
            interest,
        };
        self.connections.insert(link, connection);
        self.accepted_now += usize::from(!link.is_opened());
        self.unknown.push_back((Instant::now(), link));
        Ok(())
    }

    fn accept(&mut self) {
        let Some(listener) = &self.listener else { return };
        // As many as there are now; the next wait returns at once if there are more.
        let Ok((socket, _)) = listener.accept() else { return };
        if self.unknown.len() >= self.limits.unknown {
            let connections = &self.connections;
            self.unknown.retain(|(_, link)| connections.get(link).is_some_and(|other| !other.is_open()));
        }
        if self.accepted_now >= self.limits.accepted || self.unknown.len() >= self.limits.unknown {
            return;
        }
        self.accepted += 1;
        let link = Link::accepted(self.accepted);
        let ready = socket.set_nonblocking(true);
        // Whoever it was will come again.
        let _ = ready
            .and_then(|()| self.add(link, TcpStream::into(socket), Phase::Handshake, epoll::EventFlags::IN));
    }

    /// Something has happened to a connection.
    fn attend(&mut self, link: Link, what: epoll::EventFlags, arrivals: &mut Vec<Arrival>) {
        let Some(connection) = self.connections.get_mut(&link) else { return };
        let before = connection.queued;
        let mut result = Ok(());
        if let Phase::Opening(hello) = &connection.phase {
            let hello = Head::Hello(hello.clone());
            result = connection.opened(&hello, self.limits.frame);
        }
        let broken = epoll::EventFlags::ERR | epoll::EventFlags::HUP;
        if result.is_ok() && what.contains(epoll::EventFlags::OUT) {
            result = connection.flush();
        }
        if result.is_ok() && what.intersects(epoll::EventFlags::IN | broken) {
            let own = Own { hello: &self.own, link, max: self.limits.frame };
            result = connection.read(&mut self.scratch, own, arrivals);
        }
        self.queued = self.queued + connection.queued - before;
        match result {
            Ok(()) => self.watch(link),
            Err(gone) => {
                explain(link, &gone);
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
        interest.set(
            epoll::EventFlags::OUT,
            !connection.queue.is_empty() || matches!(connection.phase, Phase::Opening(_)),
        );
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
            let open = self.connections.get(&link).is_none_or(Connection::is_open);
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
        arrivals.append(&mut self.pending);
        let mut wait = if arrivals.len() > before { Some(Duration::ZERO) } else { wait };
        if !self.unknown.is_empty() {
            wait = Some(wait.map_or(self.limits.handshake, |wait| wait.min(self.limits.handshake)));
        }
        let wait = wait.and_then(|wait| wait.try_into().ok());
        let mut events = std::mem::take(&mut self.events);
        events.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut events), wait.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            match { event.data }.u64() {
                LISTENER => self.accept(),
                WAKER => drop(rustix::io::read(&*self.waker.0, &mut [0; 8])),
                number => self.attend(Link(number), event.flags, arrivals),
            }
        }
        self.events = events;
        Ok(())
    }
}

/// What a connection has to know of its side.
#[derive(Clone, Copy)]
struct Own<'a> {
    hello: &'a Hello,
    link: Link,
    max: MaxFrame,
}

impl Connection {
    fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open)
    }

    /// The connection is there, or not.
    fn opened(&mut self, hello: &Head, max: MaxFrame) -> Result<(), Gone> {
        sockopt::socket_error(&self.socket)??;
        self.phase = Phase::Handshake;
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
            let (count, more) = if let Some(large) = &mut self.large {
                let Some(read) = large.read(&self.socket)? else { return Ok(()) };
                if large.body.len() == large.size
                    && let Some(Large { head, body, .. }) = self.large.take()
                {
                    self.frame(head, body.into(), own, arrivals)?;
                }
                read
            } else {
                let count = match rustix::io::read(&self.socket, &mut *scratch) {
                    Ok(0) => return Err(Gone::Closed),
                    Ok(count) => count,
                    Err(Errno::AGAIN | Errno::INTR) => return Ok(()),
                    Err(error) => return Err(error.into()),
                };
                self.take(&scratch[..count], own, arrivals)?;
                (count, count == scratch.len())
            };
            if !more {
                return Ok(());
            }
            turn = turn.saturating_sub(count);
        }
        Ok(())
    }

    /// Takes bytes apart into frames.
    fn take(&mut self, bytes: &[u8], own: Own<'_>, arrivals: &mut Vec<Arrival>) -> Result<(), Gone> {
        if self.begun.is_empty() {
            let left = self.frames(bytes, own, arrivals)?;
            self.begun.extend_from_slice(left);
        } else {
            let mut begun = std::mem::take(&mut self.begun);
            begun.extend_from_slice(bytes);
            let left = self.frames(&begun, own, arrivals)?.len();
            begun.drain(..begun.len() - left);
            self.begun = begun;
        }
        Ok(())
    }

    /// Takes the frames from the front of bytes, and returns the rest.
    fn frames<'a>(
        &mut self,
        mut bytes: &'a [u8],
        own: Own<'_>,
        arrivals: &mut Vec<Arrival>,
    ) -> Result<&'a [u8], Gone> {
        while let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX>() {
            let max = if self.is_open() { own.max } else { FIRST };
            let prefix = Prefix::decode(prefix, max)?;
            let Some((head, rest)) = rest.split_at_checked(prefix.head) else { break };
            if let Some((body, rest)) = rest.split_at_checked(prefix.body) {
                let head = Head::decode(prefix, head)?;
                bytes = rest;
                self.frame(head, Bytes::copy_from_slice(body), own, arrivals)?;
            } else if prefix.body >= LARGE {
                let head = Head::decode(prefix, head)?;
                // Not all that is announced: it may never come.
                let mut body = Vec::with_capacity(prefix.body.min(1 << 20));
                body.extend_from_slice(rest);
                self.large = Some(Large { head, body, size: prefix.body });
                return Ok(&[]);
            } else {
                break;
            }
        }
        Ok(bytes)
    }

    fn frame(
        &mut self,
        head: Head,
        body: Bytes,
        own: Own<'_>,
        arrivals: &mut Vec<Arrival>,
    ) -> Result<(), Gone> {
        if self.is_open() {
            arrivals.push(Arrival::Frame(own.link, head, body));
            return Ok(());
        }
        let hello = match (own.link.is_opened(), head) {
            (true, Head::Welcome(hello)) | (false, Head::Hello(hello)) => hello,
            _ => return Err(Malformed::Magic.into()),
        };
        if hello.group != own.hello.group {
            return Err(Gone::Group(hello.group));
        }
        if !own.link.is_opened() {
            self.send(&Head::Welcome(own.hello.clone()), Payload::Bytes(Bytes::new()), own.max)?;
        }
        self.phase = Phase::Open;
        arrivals.push(Arrival::Connected(own.link, hello));
        Ok(())
    }
}

impl Large {
    /// Reads on. How much, and whether there may be more; nothing if there is not now.
    fn read(&mut self, socket: &OwnedFd) -> Result<Option<(usize, bool)>, Gone> {
        let missing = self.size - self.body.len();
        if self.body.capacity() == self.body.len() {
            // As much again as has arrived.
            self.body.reserve_exact(missing.min(self.body.len().max(SCRATCH)));
        }
        let room = missing.min(self.body.capacity() - self.body.len());
        let spare = &mut self.body.spare_capacity_mut()[..room];
        let count = match rustix::io::read(socket, spare) {
            Ok(([], _)) => return Err(Gone::Closed),
            Ok((read, _)) => read.len(),
            Err(Errno::AGAIN | Errno::INTR) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        // SAFETY: the system has filled so many bytes of the spare capacity.
        unsafe { self.body.set_len(self.body.len() + count) };
        Ok(Some((count, count == room)))
    }
}

/// Writes as much as the socket takes.
fn write(socket: impl AsFd, slices: &[IoSlice<'_>]) -> Result<usize, Gone> {
    let mut control = SendAncillaryBuffer::default();
    match rustix::net::sendmsg(socket, slices, &mut control, SendFlags::NOSIGNAL) {
        Ok(sent) => Ok(sent),
        Err(Errno::AGAIN | Errno::INTR) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

/// Says why a connection ends, if somebody should look at it.
fn explain(link: Link, gone: &Gone) {
    match gone {
        Gone::Closed => debug!(Facility::MISC, "{link:?} was closed by the other side"),
        Gone::Malformed(malformed) => error!(Facility::MISC, "{link:?} is closed: {malformed}"),
        Gone::Group(group) => warn!(
            Facility::MISC,
            "{link:?} is closed: its other side is of group {group}; give both the same name if they belong together"
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use proptest::prelude::*;

    use super::*;
    use crate::wire::{Moved, Reply};

    fn hello(incarnation: u64) -> Hello {
        Hello { group: "group".into(), rank: Some(1), tag: 0, incarnation, channel: 7 }
    }

    fn listening(limits: Limits) -> Tcp {
        Tcp::new(hello(2), Some(([127, 0, 0, 1], 0).into()), limits).unwrap()
    }

    /// Polls two transports until the condition holds.
    fn until(
        one: (&mut Tcp, &mut Vec<Arrival>),
        other: (&mut Tcp, &mut Vec<Arrival>),
        mut done: impl FnMut(&[Arrival], &[Arrival]) -> bool,
    ) {
        let begin = Instant::now();
        while !done(one.1, other.1) {
            one.0.poll(Some(Duration::from_millis(1)), one.1).unwrap();
            other.0.poll(Some(Duration::from_millis(1)), other.1).unwrap();
            assert!(begin.elapsed() < Duration::from_secs(60), "{:?} {:?}", one.1, other.1);
        }
    }

    fn raw(transport: &Tcp) -> TcpStream {
        let address = transport.listener.as_ref().unwrap().local_addr().unwrap();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    }

    fn frame(head: &Head, body: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        head.encode(body.len(), MaxFrame::default(), &mut bytes).unwrap();
        bytes.extend(body);
        bytes
    }

    /// Polls until the other end has closed the connection.
    fn closed(transport: &mut Tcp, mut stream: TcpStream) -> Vec<Arrival> {
        let mut arrivals = Vec::new();
        stream.set_nonblocking(true).unwrap();
        let begin = Instant::now();
        loop {
            transport.poll(Some(Duration::from_millis(1)), &mut arrivals).unwrap();
            match stream.read(&mut [0; 1024]) {
                Ok(0) => return arrivals,
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return arrivals,
                _ => assert!(begin.elapsed() < Duration::from_secs(60)),
            }
        }
    }

    const REPLY: Head = Head::Reply(Reply { id: 1, hlc: 2, status: 0 });

    #[test]
    fn frames_of_all_sizes_arrive_in_order() {
        let mut server = listening(Limits::default());
        let mut client = Tcp::new(hello(1), None, Limits::default()).unwrap();
        let link = Link::opened(1);
        client.connect(link, &server.uri().unwrap(), &hello(1));
        let (mut here, mut there) = (Vec::new(), Vec::new());
        until((&mut client, &mut here), (&mut server, &mut there), |here, there| {
            matches!((here, there), ([Arrival::Connected(..)], [Arrival::Connected(..)]))
        });
        let sizes = [0, 1, 100, LARGE - 1, LARGE, SCRATCH + 1, 3_000_000, 8, 5_000_000, 0];
        let body = |size: usize| -> Bytes { (0..size).map(|byte| (byte * 7 + size) as u8).collect() };
        for (number, size) in sizes.into_iter().enumerate() {
            let body = body(size);
            let head = Head::Data(Moved { id: number as u64, status: 0 });
            if number % 2 == 0 {
                client.send(link, &head, Payload::Bytes(body));
            } else {
                let (front, back) = body.split_at(size / 3);
                client.send(link, &head, Payload::Borrowed(&[IoSlice::new(front), IoSlice::new(back)]));
            }
        }
        until((&mut client, &mut here), (&mut server, &mut there), |_, there| there.len() == 1 + sizes.len());
        for (number, (size, arrival)) in sizes.into_iter().zip(&there[1..]).enumerate() {
            let Arrival::Frame(_, Head::Data(moved), arrived) = arrival else { panic!("{arrival:?}") };
            assert_eq!((moved.id, arrived.len()), (number as u64, size));
            assert!(*arrived == body(size));
        }
        assert_eq!(client.queued, 0);
        let Arrival::Connected(accepted, _) = &there[0] else { panic!() };
        server.close(*accepted);
        until(
            (&mut client, &mut here),
            (&mut server, &mut there),
            |here, _| matches!(here.last(), Some(Arrival::Lost(lost)) if *lost == link),
        );
    }

    /// A connection whose handshake is over, without a network.
    fn open_connection() -> Connection {
        let (socket, _) = std::os::unix::net::UnixStream::pair().unwrap();
        Connection {
            socket: socket.into(),
            phase: Phase::Open,
            begun: Vec::new(),
            large: None,
            queue: VecDeque::new(),
            queued: 0,
            interest: epoll::EventFlags::IN,
        }
    }

    proptest! {
        #[test]
        fn frames_arrive_in_any_portions(
            sizes in prop::collection::vec(0..LARGE, 1..10),
            portions in prop::collection::vec(1..40_000usize, 1..50),
        ) {
            let frames = sizes.iter().map(|&size| frame(&REPLY, &vec![size as u8; size]));
            let stream = frames.collect::<Vec<_>>().concat();
            let (own, max) = (hello(2), MaxFrame::default());
            let (mut connection, mut arrivals) = (open_connection(), Vec::new());
            let (mut rest, mut portions) = (&stream[..], portions.iter().cycle());
            while !rest.is_empty() {
                let (portion, after) = rest.split_at(rest.len().min(*portions.next().unwrap()));
                rest = after;
                let own = Own { hello: &own, link: Link::accepted(1), max };
                prop_assert!(connection.take(portion, own, &mut arrivals).is_ok());
                prop_assert!(connection.begun.len() < LARGE + 100);
            }
            let arrived = arrivals.iter().map(|arrival| match arrival {
                Arrival::Frame(_, _, body) => body.len(),
                _ => usize::MAX,
            });
            prop_assert_eq!(arrived.collect::<Vec<_>>(), sizes);
        }

        #[test]
        fn any_bytes_are_taken_or_refused(
            portions in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 0..10),
            version: bool,
        ) {
            let (own, max) = (hello(2), MaxFrame::default());
            let (mut connection, mut arrivals) = (open_connection(), Vec::new());
            let mut arrived = 0;
            for mut portion in portions {
                if let (true, Some(first)) = (version, portion.first_mut()) {
                    *first = crate::wire::VERSION;
                }
                arrived += portion.len();
                let own = Own { hello: &own, link: Link::accepted(1), max };
                if connection.take(&portion, own, &mut arrivals).is_err() || connection.large.is_some() {
                    break;
                }
                prop_assert!(connection.begun.len() <= arrived);
            }
        }
    }

    #[test]
    fn who_is_not_there_or_of_another_system_is_lost() {
        let mut server = listening(Limits::default());
        let mut client = Tcp::new(hello(1), None, Limits::default()).unwrap();
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        client.connect(Link::opened(1), &format!("tcp://{nobody}").into(), &hello(1));
        client.connect(Link::opened(2), &"ofi+tcp://127.0.0.1:1".into(), &hello(1));
        let stranger = Hello { group: "other".into(), ..hello(1) };
        client.connect(Link::opened(3), &server.uri().unwrap(), &stranger);
        let (mut here, mut there) = (Vec::new(), Vec::new());
        until((&mut client, &mut here), (&mut server, &mut there), |here, _| here.len() == 3);
        assert!(here.iter().all(|arrival| matches!(arrival, Arrival::Lost(_))), "{here:?}");
        assert!(!there.iter().any(|arrival| matches!(arrival, Arrival::Connected(..))));
    }

    #[test]
    fn who_does_not_keep_to_the_protocol_is_cut_off() {
        let mut server = listening(Limits::default());
        let known = frame(&Head::Hello(hello(1)), b"");
        let announced = {
            // A body of 3 GiB.
            let mut bytes = frame(&REPLY, b"");
            bytes[8..12].copy_from_slice(&(3u32 << 30).to_le_bytes());
            [&known[..], &bytes].concat()
        };
        let hostile = [
            b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            vec![0; 100],
            frame(&REPLY, b""),
            frame(&Head::Welcome(hello(1)), b""),
            frame(&Head::Hello(hello(1)), b"x"),
            announced,
        ];
        for bytes in hostile {
            let mut stream = raw(&server);
            stream.write_all(&bytes).unwrap();
            let arrivals = closed(&mut server, stream);
            assert!(matches!(arrivals.last(), Some(Arrival::Lost(_))), "{arrivals:?}");
            assert!(server.connections.is_empty());
        }
    }

    #[test]
    fn what_is_announced_takes_no_memory_before_it_comes() {
        let mut server = listening(Limits::default());
        let mut stream = raw(&server);
        let large = frame(&REPLY, &[1; LARGE + 1]);
        let mut bytes = frame(&Head::Hello(hello(1)), b"");
        let at = bytes.len();
        bytes.extend(&large);
        bytes[at + 8..at + 12].copy_from_slice(&(64u32 << 20).to_le_bytes());
        stream.write_all(&bytes).unwrap();
        let mut arrivals = Vec::new();
        let begin = Instant::now();
        while server.connections.values().all(|connection| connection.large.is_none()) {
            server.poll(Some(Duration::from_millis(1)), &mut arrivals).unwrap();
            assert!(begin.elapsed() < Duration::from_secs(60));
        }
        let large = server.connections.values().find_map(|connection| connection.large.as_ref()).unwrap();
        assert!(large.body.capacity() <= 2 << 20);
    }

    #[test]
    fn who_says_nothing_has_to_go() {
        let limits = Limits { handshake: Duration::from_millis(20), unknown: 2, ..Limits::default() };
        let mut server = listening(limits);
        let silent: Vec<_> = (0..4).map(|_| raw(&server)).collect();
        for stream in silent {
            closed(&mut server, stream);
        }
        assert!(server.connections.is_empty());
    }

    #[test]
    fn who_takes_nothing_is_not_read_from_and_then_cut_off() {
        let mut server = listening(Limits { pause: 1 << 20, peer: 32 << 20, ..Limits::default() });
        let mut stream = raw(&server);
        stream.write_all(&frame(&Head::Hello(hello(1)), b"")).unwrap();
        let mut arrivals = Vec::new();
        while arrivals.is_empty() {
            server.poll(Some(Duration::from_millis(1)), &mut arrivals).unwrap();
        }
        let Some(Arrival::Connected(link, _)) = arrivals.pop() else { panic!() };
        let body = Bytes::from(vec![1; 1 << 20]);
        while server.queued <= 1 << 20 {
            server.send(link, &REPLY, Payload::Bytes(body.clone()));
        }
        stream.write_all(&frame(&REPLY, b"")).unwrap();
        for _ in 0..20 {
            server.poll(Some(Duration::from_millis(1)), &mut arrivals).unwrap();
        }
        assert!(arrivals.is_empty(), "{arrivals:?}");
        for _ in 0..64 {
            server.send(link, &REPLY, Payload::Bytes(body.clone()));
            assert!(server.queued <= 33 << 20);
        }
        server.poll(Some(Duration::ZERO), &mut arrivals).unwrap();
        assert!(matches!(arrivals[..], [Arrival::Lost(lost)] if lost == link), "{arrivals:?}");
        assert_eq!(server.queued, 0);
    }

    #[test]
    fn a_wait_ends_when_another_thread_says_so() {
        let mut transport = listening(Limits::default());
        let waker = transport.waker();
        let thread = std::thread::spawn(move || waker.wake());
        transport.poll(None, &mut Vec::new()).unwrap();
        thread.join().unwrap();
        let begin = Instant::now();
        transport.poll(Some(Duration::from_millis(20)), &mut Vec::new()).unwrap();
        assert!(begin.elapsed() >= Duration::from_millis(15), "woken once for one call");
    }
}
