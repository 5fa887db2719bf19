//! Which transport a provider string stands for.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::Duration;

use super::mercury::Mercury;
use super::tcp::Tcp;
use super::{Arrival, Limits, Payload, Transport, interface};
use crate::rpc::Link;
use crate::wire::{Head, Hello};

/// How a context is to be reached.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place<'a> {
    /// Which transport: `tcp`, which needs nothing else, or a provider of Mercury, `ofi+tcp`, `ofi+verbs;ofi_rxm`,
    /// `sm`, `ucx+…`. With `tcp;network` even processes of one machine speak through the network. `D_PROVIDER`.
    pub provider: &'a str,
    /// The network interface, or an address of it: `D_INTERFACE`. None stands for loopback with `tcp`, and leaves it to
    /// Mercury.
    pub interface: Option<&'a str>,
    /// The network's device, where the interface does not say which: `D_DOMAIN`. For Mercury only.
    pub domain: Option<&'a str>,
    /// The port of this context. None stands for any that is free.
    pub port: Option<u16>,
    /// Whether others can connect to it: a client need not be reached.
    pub listen: bool,
}

/// A transport as its provider string has chosen it.
pub enum AnyTransport {
    /// `tcp`.
    Tcp(Box<Tcp>),
    /// Any other.
    Mercury(Box<Mercury>),
}

/// Opens the transport of a context that says this of itself.
pub fn open(own: Hello, place: Place<'_>, limits: Limits) -> io::Result<AnyTransport> {
    match place.provider {
        "tcp" | "tcp;network" => {
            let address = place.interface.map_or(Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)), interface::address)?;
            let listen = place.listen.then(|| SocketAddr::new(address, place.port.unwrap_or(0)));
            let mut tcp = Tcp::new(own, listen, limits)?;
            tcp.set_shortcut(place.provider == "tcp");
            Ok(AnyTransport::Tcp(tcp.into()))
        }
        "" => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the provider has no name; set D_PROVIDER to tcp, or to one of Mercury such as ofi+tcp",
        )),
        _ => Ok(AnyTransport::Mercury(Mercury::new(own, place, limits)?.into())),
    }
}

impl AnyTransport {
    /// Where it listens.
    pub fn uri(&self) -> Option<Arc<str>> {
        match self {
            AnyTransport::Tcp(tcp) => tcp.uri(),
            AnyTransport::Mercury(mercury) => mercury.uri(),
        }
    }

    /// This process has a rank now: what is said of it on new connections.
    pub fn set_hello(&mut self, own: Hello) {
        match self {
            AnyTransport::Tcp(tcp) => tcp.set_hello(own),
            AnyTransport::Mercury(mercury) => mercury.set_hello(own),
        }
    }
}

impl Transport for AnyTransport {
    fn connect(&mut self, link: Link, uri: &Arc<str>, hello: &Hello) {
        match self {
            AnyTransport::Tcp(tcp) => tcp.connect(link, uri, hello),
            AnyTransport::Mercury(mercury) => mercury.connect(link, uri, hello),
        }
    }

    fn send(&mut self, link: Link, head: &Head, body: Payload<'_>) {
        match self {
            AnyTransport::Tcp(tcp) => tcp.send(link, head, body),
            AnyTransport::Mercury(mercury) => mercury.send(link, head, body),
        }
    }

    fn close(&mut self, link: Link) {
        match self {
            AnyTransport::Tcp(tcp) => tcp.close(link),
            AnyTransport::Mercury(mercury) => mercury.close(link),
        }
    }

    fn poll(&mut self, wait: Option<Duration>, arrivals: &mut Vec<Arrival>) -> io::Result<()> {
        match self {
            AnyTransport::Tcp(tcp) => tcp.poll(wait, arrivals),
            AnyTransport::Mercury(mercury) => mercury.poll(wait, arrivals),
        }
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        match self {
            AnyTransport::Tcp(tcp) => tcp.descriptor(),
            AnyTransport::Mercury(mercury) => mercury.descriptor(),
        }
    }

    fn patience(&self) -> Option<Duration> {
        match self {
            AnyTransport::Tcp(tcp) => tcp.patience(),
            AnyTransport::Mercury(mercury) => mercury.patience(),
        }
    }
}
