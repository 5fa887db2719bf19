//! What comes out of a stream of bytes between two contexts: first who the other is, then frames.
//!
//! Each transport that carries bytes in order gives them to a [`Session`], in any portions.

use std::sync::Arc;

use bytes::Bytes;
use gurt_client::{Facility, debug, error, warn};
use rustix::io::Errno;

use super::Arrival;
use crate::rpc::Link;
use crate::wire::{Head, Hello, Malformed, MaxFrame, PREFIX, Prefix};

/// Bodies from this size on are put where they stay as they arrive.
pub(super) const LARGE: usize = 16 << 10;
/// Before it is known who sends, a frame is small.
const FIRST: MaxFrame = MaxFrame { head: 1 << 10, body: 0 };

/// What has arrived of a stream and is no frame yet.
#[derive(Debug)]
pub(super) struct Session {
    link: Link,
    /// The other has said who it is.
    open: bool,
    /// Bytes of a frame that has not arrived in full.
    begun: Vec<u8>,
    /// A frame whose large body is arriving.
    large: Option<Large>,
}

/// A frame whose body is arriving.
#[derive(Debug)]
pub(super) struct Large {
    head: Head,
    /// What has arrived of it.
    pub body: Vec<u8>,
    /// How much it will be.
    pub size: usize,
}

/// What a session has to know of its side.
#[derive(Clone, Copy)]
pub(super) struct Own<'a> {
    /// Who this side is.
    pub hello: &'a Hello,
    /// How large a frame may be.
    pub max: MaxFrame,
}

/// Why a connection ends.
#[derive(Debug)]
pub(super) enum Gone {
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

impl Gone {
    /// Says why a connection ends, if somebody should look at it.
    pub fn explain(&self, link: Link) {
        match self {
            Gone::Closed => debug!(Facility::MISC, "{link:?} was closed by the other side"),
            Gone::Malformed(malformed) => error!(Facility::MISC, "{link:?} is closed: {malformed}"),
            Gone::Group(group) => warn!(
                Facility::MISC,
                "{link:?} is closed: its other side is of group {group}; give both the same name if they belong together"
            ),
        }
    }
}

impl Session {
    /// One of a connection that has just been made.
    pub fn new(link: Link) -> Self {
        Session { link, open: false, begun: Vec::new(), large: None }
    }

    /// Whether the other has said who it is.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// The frame whose body is arriving: the next bytes belong to it.
    pub fn large(&mut self) -> Option<&mut Large> {
        self.large.as_mut()
    }

    /// How many bytes are kept.
    #[cfg(test)]
    pub fn kept(&self) -> usize {
        self.begun.len() + self.large.as_ref().map_or(0, |large| large.body.len())
    }

    /// Takes the next bytes. Returns whether these were the first of one who has opened the connection, and is to be
    /// welcomed.
    pub fn take(
        &mut self,
        mut bytes: &[u8],
        own: Own<'_>,
        arrivals: &mut Vec<Arrival>,
    ) -> Result<bool, Gone> {
        let was_open = self.open;
        while !bytes.is_empty() {
            if let Some(large) = &mut self.large {
                bytes = large.take(bytes);
                self.complete(arrivals);
            } else if self.begun.is_empty() {
                bytes = self.frames(bytes, own, arrivals)?;
                if self.large.is_none() {
                    self.begun.extend_from_slice(bytes);
                    break;
                }
            } else {
                let mut begun = std::mem::take(&mut self.begun);
                begun.extend_from_slice(bytes);
                let left = self.frames(&begun, own, arrivals)?.len();
                if self.large.is_some() {
                    bytes = &bytes[bytes.len() - left..];
                } else {
                    begun.drain(..begun.len() - left);
                    self.begun = begun;
                    break;
                }
            }
        }
        Ok(!was_open && self.open && !self.link.is_opened())
    }

    /// If the large body has arrived, so has its frame.
    pub fn complete(&mut self, arrivals: &mut Vec<Arrival>) {
        if let Some(Large { head, body, .. }) = self.large.take_if(|large| large.body.len() == large.size) {
            arrivals.push(Arrival::Frame(self.link, head, body.into()));
        }
    }

    /// Takes the frames from the front of bytes, and returns the rest.
    fn frames<'a>(
        &mut self,
        mut bytes: &'a [u8],
        own: Own<'_>,
        arrivals: &mut Vec<Arrival>,
    ) -> Result<&'a [u8], Gone> {
        while let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX>() {
            let max = if self.open { own.max } else { FIRST };
            let prefix = Prefix::decode(prefix, max)?;
            let Some((head, rest)) = rest.split_at_checked(prefix.head) else { break };
            if let Some((body, rest)) = rest.split_at_checked(prefix.body) {
                let head = Head::decode(prefix, head)?;
                bytes = rest;
                self.frame(head, body, own, arrivals)?;
            } else if prefix.body >= LARGE {
                let head = Head::decode(prefix, head)?;
                // Not all that is announced: it may never come.
                let body = Vec::with_capacity(prefix.body.min(1 << 20));
                self.large = Some(Large { head, body, size: prefix.body });
                return Ok(rest);
            } else {
                break;
            }
        }
        Ok(bytes)
    }

    fn frame(
        &mut self,
        head: Head,
        body: &[u8],
        own: Own<'_>,
        arrivals: &mut Vec<Arrival>,
    ) -> Result<(), Gone> {
        if self.open {
            arrivals.push(Arrival::Frame(self.link, head, Bytes::copy_from_slice(body)));
            return Ok(());
        }
        let hello = match (self.link.is_opened(), head) {
            (true, Head::Welcome(hello)) | (false, Head::Hello(hello)) => hello,
            _ => return Err(Malformed::Magic.into()),
        };
        if hello.group != own.hello.group {
            return Err(Gone::Group(hello.group));
        }
        self.open = true;
        arrivals.push(Arrival::Connected(self.link, hello));
        Ok(())
    }
}

impl Large {
    /// Takes what belongs to it from the front of bytes, and returns the rest.
    fn take<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (own, rest) = bytes.split_at(bytes.len().min(self.size - self.body.len()));
        self.body.extend_from_slice(own);
        rest
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::{Reply, VERSION};

    const REPLY: Head = Head::Reply(Reply { id: 1, hlc: 2, status: 0 });

    fn hello() -> Hello {
        Hello { group: "group".into(), rank: Some(1), tag: 0, incarnation: 2, channel: 7 }
    }

    fn frame(head: &Head, body: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        head.encode(body.len(), MaxFrame::default(), &mut bytes).unwrap();
        bytes.extend(body);
        bytes
    }

    fn opened() -> Session {
        Session { open: true, ..Session::new(Link::accepted(1)) }
    }

    proptest! {
        #[test]
        fn frames_arrive_in_any_portions(
            sizes in prop::collection::vec(0..3 * LARGE, 1..10),
            portions in prop::collection::vec(1..40_000usize, 1..50),
        ) {
            let frames = sizes.iter().map(|&size| frame(&REPLY, &vec![size as u8; size]));
            let stream = frames.collect::<Vec<_>>().concat();
            let (hello, max) = (hello(), MaxFrame::default());
            let own = Own { hello: &hello, max };
            let (mut session, mut arrivals) = (opened(), Vec::new());
            let (mut rest, mut portions) = (&stream[..], portions.iter().cycle());
            while !rest.is_empty() {
                let (portion, after) = rest.split_at(rest.len().min(*portions.next().unwrap()));
                rest = after;
                prop_assert!(session.take(portion, own, &mut arrivals).is_ok());
                prop_assert!(session.begun.len() < LARGE + 100);
            }
            prop_assert_eq!(session.kept(), 0);
            prop_assert_eq!(arrivals.len(), sizes.len());
            for (arrival, size) in arrivals.into_iter().zip(sizes) {
                let Arrival::Frame(_, _, body) = arrival else { panic!("{arrival:?}") };
                prop_assert!(body == vec![size as u8; size]);
            }
        }

        #[test]
        fn any_bytes_are_taken_or_refused(
            portions in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 0..10),
            (version, open) in any::<(bool, bool)>(),
        ) {
            let hello = hello();
            let own = Own { hello: &hello, max: MaxFrame::default() };
            let (mut session, mut arrivals) = (Session { open, ..opened() }, Vec::new());
            let mut arrived = 0;
            for mut portion in portions {
                if let (true, Some(first)) = (version, portion.first_mut()) {
                    *first = VERSION;
                }
                arrived += portion.len();
                if session.take(&portion, own, &mut arrivals).is_err() {
                    break;
                }
                prop_assert!(session.kept() <= arrived);
            }
        }
    }

    #[test]
    fn who_opens_says_who_it_is_and_is_welcomed_once() {
        let hello = hello();
        let own = Own { hello: &hello, max: MaxFrame::default() };
        let mut session = Session::new(Link::accepted(1));
        let mut arrivals = Vec::new();
        let mut bytes = frame(&Head::Hello(hello.clone()), b"");
        bytes.extend(frame(&REPLY, b"body"));
        let (first, last) = bytes.split_at(20);
        assert!(!session.take(first, own, &mut arrivals).unwrap());
        assert!(session.take(last, own, &mut arrivals).unwrap());
        assert!(!session.take(&frame(&REPLY, b""), own, &mut arrivals).unwrap());
        assert!(matches!(arrivals[..], [Arrival::Connected(..), Arrival::Frame(..), Arrival::Frame(..)]));
        let mut session = Session::new(Link::opened(1));
        assert!(!session.take(&frame(&Head::Welcome(hello.clone()), b""), own, &mut arrivals).unwrap());
        assert!(session.is_open());
        let stranger = Hello { group: "other".into(), ..hello.clone() };
        let mut session = Session::new(Link::accepted(2));
        let result = session.take(&frame(&Head::Hello(stranger), b""), own, &mut arrivals);
        assert!(matches!(result, Err(Gone::Group(_))));
    }
}
