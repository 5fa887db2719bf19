//! Frames over the networks that Mercury knows: OFI (TCP, verbs, …), shared memory, UCX.
//!
//! Mercury's network layer (libna) carries messages, small ones, to addresses. [`links`] makes connections of that, and
//! [`port`] is the network itself. Each context has a class of its own, as CaRT's do, and so an address of its own.

mod links;
mod peer;
mod piece;
mod port;
mod stream;
#[cfg(test)]
mod tests;

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gurt_client::{Facility, error, warn};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::{Arrival, Limits, Payload, Place, Transport};
use crate::rpc::{Link, Nanos};
use crate::wire::{Head, Hello};
use links::{Links, Patience};
use port::{Address, Happened, Port};

/// Messages as large as this are asked for; a network may have a size of its own.
const MESSAGE: usize = 64 << 10;
/// Bytes on their way on a connection in one direction, about.
const WINDOW: usize = 1 << 20;
/// How long a wait is at most where the network has nothing to wait for.
const SLICE: Duration = Duration::from_millis(1);
/// How long the end of a transport waits until the others have been told.
const FAREWELL: Duration = Duration::from_millis(200);
/// What is sent on no connection.
const NO_LINK: u64 = u64::MAX;

/// One context's address in a network of Mercury, and its connections.
pub struct Mercury {
    // Before the port: it has addresses.
    links: Links<Address>,
    port: Port,
    listen: bool,
    begin: Instant,
}

// SAFETY: class, context and addresses are this value's own and go with it; libna keeps nothing of a thread, and is
// never used by two threads at a time (`NA_THREAD_MODE_SINGLE`).
unsafe impl Send for Mercury {}

impl Mercury {
    /// Opens the network of a place for a context that says this of itself.
    pub fn new(own: Hello, place: Place<'_>, limits: Limits) -> io::Result<Self> {
        let info = info_string(place);
        let port = Port::open(&info, place.listen, MESSAGE).map_err(|error| {
            io::Error::other(format!("the provider {} cannot be used: {error}", place.provider))
        })?;
        let window = (WINDOW / port.message()).clamp(16, 64) as u64;
        let links = Links::new(own, limits, Patience::default(), window, fastrand::Rng::new());
        Ok(Mercury { links, port, listen: place.listen, begin: Instant::now() })
    }

    /// Where it listens.
    pub fn uri(&self) -> Option<Arc<str>> {
        self.listen.then(|| self.port.uri().clone())
    }

    /// This process has a rank now: what is said of it on new connections.
    pub fn set_hello(&mut self, own: Hello) {
        self.links.set_hello(own);
    }

    fn now(&self) -> Nanos {
        self.begin.elapsed().as_nanos() as Nanos
    }

    /// Takes what has come.
    fn receive(&mut self, now: Nanos, arrivals: &mut Vec<Arrival>) -> io::Result<()> {
        let links = &mut self.links;
        let mut failed = Vec::new();
        let result = self.port.progress(|happened| match happened {
            Happened::Received(piece, source) => links.receive(now, piece, source.as_ref(), arrivals),
            Happened::Failed(NO_LINK, _) => {}
            Happened::Failed(link, why) => failed.push((link, why)),
        });
        for (link, why) in failed {
            self.fail(link, &why);
        }
        result.map_err(io::Error::other)
    }

    /// Sends what there is to send, as long as the network takes it.
    fn flush(&mut self) {
        while self.links.has_output() && self.port.can_send() {
            let links = &mut self.links;
            let sent = self.port.send(|piece| {
                let (to, link, size) = links.next_piece(piece)?;
                Some((to, link.map_or(NO_LINK, |link| link.0), size))
            });
            match sent {
                Ok(true) | Err(NO_LINK) => {}
                Ok(false) => return,
                Err(link) => self.fail(link, "it is not taken"),
            }
        }
    }

    fn fail(&mut self, link: u64, why: &str) {
        if self.links.failed(Link(link)) {
            warn!(Facility::MISC, "{:?} is lost: Mercury cannot send: {why}", Link(link));
            self.port.cancel(link);
        }
    }

    /// Waits until something happens, for so long.
    fn wait(&self, wait: Option<Duration>) -> io::Result<()> {
        let Some(fd) = self.port.fd() else {
            std::thread::sleep(wait.map_or(SLICE, |wait| wait.min(SLICE)));
            return Ok(());
        };
        let wait = wait.and_then(|wait| wait.try_into().ok());
        match poll(&mut [PollFd::from_borrowed_fd(fd, PollFlags::IN)], wait.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl Transport for Mercury {
    fn connect(&mut self, link: Link, uri: &Arc<str>, hello: &Hello) {
        match self.port.lookup(uri) {
            Ok(address) => {
                let now = self.now();
                self.links.connect(now, link, address, hello);
            }
            Err(error) => {
                error!(Facility::MISC, "cannot connect to {uri}: {error}");
                self.links.lose(link);
            }
        }
    }

    fn send(&mut self, link: Link, head: &Head, body: Payload<'_>) {
        self.links.send(link, head, body);
        self.flush();
    }

    fn close(&mut self, link: Link) {
        self.links.close(link);
        self.flush();
    }

    fn poll(&mut self, wait: Option<Duration>, arrivals: &mut Vec<Arrival>) -> io::Result<()> {
        // Reading the clock takes as long as the rest, so who polls without waiting has it read once.
        let begin = (wait != Some(Duration::ZERO)).then(Instant::now);
        loop {
            let now = self.now();
            self.receive(now, arrivals)?;
            self.links.progress(now, arrivals);
            self.flush();
            self.links.take_pending(arrivals);
            if !arrivals.is_empty() {
                return Ok(());
            }
            let left = begin.map_or(wait, |begin| wait.map(|wait| wait.saturating_sub(begin.elapsed())));
            if left == Some(Duration::ZERO) {
                return Ok(());
            }
            let patience = self.patience();
            if patience != Some(Duration::ZERO) {
                self.wait(left.into_iter().chain(patience).min())?;
            }
        }
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.port.fd()
    }

    fn patience(&self) -> Option<Duration> {
        if self.links.has_pending() || !self.port.can_wait() {
            return Some(Duration::ZERO);
        }
        let round = self.links.next_round()?;
        Some(Duration::from_nanos(round.saturating_sub(self.now())))
    }
}

impl Drop for Mercury {
    /// Tells the others: they would have to find out.
    fn drop(&mut self) {
        self.links.close_all();
        let begin = Instant::now();
        while (self.links.has_output() || self.port.is_sending()) && begin.elapsed() < FAREWELL {
            self.flush();
            if self.receive(self.now(), &mut Vec::new()).is_err() {
                return;
            }
        }
    }
}

/// `provider://[domain/][interface][:port]`, as CaRT gives it to Mercury.
fn info_string(place: Place<'_>) -> String {
    let Place { provider, domain, interface, port, .. } = place;
    let mut info = format!("{provider}://");
    if ["sm", "na+sm"].contains(&provider) {
        // It is in this machine, and numbers itself.
        return info;
    }
    info.extend(domain);
    if let (Some(_), Some(_)) = (domain, interface) {
        info.push('/');
    }
    info.extend(interface);
    if let Some(port) = port {
        info.push_str(&format!(":{port}"));
    }
    info
}
