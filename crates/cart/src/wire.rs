//! Frames: what two contexts say to each other over a connection of our own transports.
//!
//! A frame is a prefix, a head and a body. The prefix has the sizes of the other two, so that a receiver knows what
//! to expect before it keeps anything; the head says what the frame is for; the body is bytes that this layer does
//! not look at, and is never copied here. All numbers are little-endian. `docs/fabric.md` has the table.
//!
//! Whatever a peer sends, decoding ends with a frame or with [`Malformed`], and takes no more memory than the bytes
//! that it was given.

use std::fmt;
use std::sync::Arc;

use crate::Rank;
use crate::tree::Topology;

/// The version of the frames; peers of another one are refused.
pub const VERSION: u8 = 1;
/// The bytes of a prefix.
pub const PREFIX: usize = 12;
/// The first bytes of the head of a [`Head::Hello`] and a [`Head::Welcome`].
const MAGIC: [u8; 4] = *b"CaRT";
/// No rank: `CRT_NO_RANK`.
const NO_RANK: u32 = u32::MAX;

/// The prefix of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// What kind of frame it is.
    kind: u8,
    /// The bytes of the head.
    pub head: usize,
    /// The bytes of the body.
    pub body: usize,
}

/// How large a frame may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxFrame {
    /// The largest head.
    pub head: usize,
    /// The largest body.
    pub body: usize,
}

impl Default for MaxFrame {
    /// A body as CaRT allows it (`CRT_MAX_INPUT_SIZE`, 64 MiB) with what mercury may put before it, and a head that
    /// can name a quarter of a million ranks.
    fn default() -> Self {
        MaxFrame { head: 1 << 20, body: (64 << 20) + (64 << 10) }
    }
}

/// What is wrong with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// It has another version.
    Version(u8),
    /// There is no such kind.
    Kind(u8),
    /// It is larger than it may be.
    TooLong {
        /// The size of head or body.
        size: usize,
        /// How much it may be.
        limit: usize,
    },
    /// The head ends too early, or goes on too long.
    Size,
    /// A text is not UTF-8.
    Text,
    /// A number stands for nothing.
    Value(u32),
    /// It does not begin as a handshake does: this is no peer.
    Magic,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Malformed::Version(version) => {
                write!(f, "the frame has version {version}, this side speaks {VERSION}: run the same release")
            }
            Malformed::Kind(kind) => write!(f, "there is no frame of kind {kind}"),
            Malformed::TooLong { size, limit } => {
                write!(f, "part of a frame would have {size} bytes; {limit} are allowed: send more by bulk")
            }
            Malformed::Size => write!(f, "the head of a frame does not have the size of its fields"),
            Malformed::Text => write!(f, "a text in a frame is not UTF-8"),
            Malformed::Value(value) => write!(f, "{value:#x} in the head of a frame stands for nothing"),
            Malformed::Magic => write!(f, "the peer does not speak this protocol"),
        }
    }
}

impl std::error::Error for Malformed {}

/// Who a peer is: exchanged first on every connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The name of the primary group (`crt_group_id_t`); peers of another one are refused.
    pub group: Arc<str>,
    /// Its rank there; a client has none.
    pub rank: Option<Rank>,
    /// Its context.
    pub tag: u32,
    /// Which life of that context this is: never the same for two.
    pub incarnation: u64,
    /// Which of its peers the other side is to it: requests are numbered for each.
    pub channel: u64,
}

/// A request: `struct crt_common_hdr` on its way there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its number at the sender, higher than any before.
    pub id: u64,
    /// Requests to this receiver with lower numbers are over: the sender waits for none of their replies.
    pub floor: u64,
    /// Which RPC: base, version and index.
    pub opcode: u32,
    /// `enum crt_rpc_flags`.
    pub flags: u32,
    /// When it was sent, by the hybrid logical clock.
    pub hlc: u64,
    /// The sender's rank in the primary group; a client has none.
    pub source: Option<Rank>,
    /// The sender's context.
    pub source_tag: u32,
    /// For whom it is, by the primary group, if the sender knows.
    pub target: Option<Rank>,
    /// For which context.
    pub tag: u32,
    /// For how many milliseconds somebody waits for the reply.
    pub timeout: u32,
    /// What a collective request says besides.
    pub collective: Option<Collective>,
}

/// What goes along with a collective request: `struct crt_corpc_hdr`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collective {
    /// The group; none for the primary one.
    pub group: Option<Arc<str>>,
    /// Its version at the root.
    pub version: u32,
    /// How it spreads.
    pub topology: Topology,
    /// Where it began, by the numbers of the group.
    pub root: Rank,
    /// Who is left out, or (`CRT_RPC_FLAG_FILTER_INVERT`) who alone takes part, by the primary group.
    pub filter: Arc<[Rank]>,
    /// Memory of the sender to be read before the request is handled.
    pub bulk: Option<Region>,
}

/// Memory of a context that others may read or write: a bulk handle on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// Which life of the context has registered it.
    pub incarnation: u64,
    /// Its name there, which cannot be guessed.
    pub key: u64,
    /// Its bytes.
    pub length: u64,
    /// What others may do.
    pub permission: Permission,
    /// Where its owner listens, if it was bound (`crt_bulk_bind`): then others than the receiver of this can reach it.
    pub uri: Option<Arc<str>>,
}

/// What others may do with memory: `crt_bulk_perm_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// `CRT_BULK_RW`.
    ReadWrite,
    /// `CRT_BULK_RO`.
    Read,
    /// `CRT_BULK_WO`.
    Write,
}

impl Permission {
    /// Whether others may read it.
    pub fn readable(self) -> bool {
        self != Permission::Write
    }

    /// Whether others may write to it.
    pub fn writable(self) -> bool {
        self != Permission::Read
    }
}

/// A reply: `struct crt_common_hdr` on its way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The number of the request.
    pub id: u64,
    /// When it was sent, by the hybrid logical clock.
    pub hlc: u64,
    /// 0, or a `-DER_*`.
    pub status: i32,
}

/// One piece of a transfer: its answer has the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The number of the piece at the side that transfers.
    pub id: u64,
    /// The memory.
    pub key: u64,
    /// Where in it.
    pub offset: u64,
    /// How many bytes.
    pub length: u32,
}

/// What became of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The number of the piece.
    pub id: u64,
    /// 0, or a `-DER_*`.
    pub status: i32,
}

/// The head of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Head {
    /// The first on a connection, from the side that opened it.
    Hello(Hello),
    /// The answer to that.
    Welcome(Hello),
    /// A request; the body is its input.
    Request(Request),
    /// A reply; the body is the output.
    Reply(Reply),
    /// The wish to read a piece of memory; no body.
    Read(Piece),
    /// The piece that was asked for, or what was wrong.
    Data(Moved),
    /// The body belongs into a piece of memory.
    Write(Piece),
    /// It is there, or what was wrong; no body.
    Written(Moved),
}

impl Prefix {
    /// Reads a prefix, and refuses what nobody may send.
    pub fn decode(bytes: &[u8; PREFIX], max: MaxFrame) -> Result<Self, Malformed> {
        let [version, kind, _, _, sizes @ ..] = *bytes;
        if version != VERSION {
            return Err(Malformed::Version(version));
        }
        let [h0, h1, h2, h3, b0, b1, b2, b3] = sizes;
        let part = |size: [u8; 4], limit| {
            let size = u32::from_le_bytes(size) as usize;
            if size > limit { Err(Malformed::TooLong { size, limit }) } else { Ok(size) }
        };
        let head = part([h0, h1, h2, h3], max.head)?;
        Ok(Prefix { kind, head, body: part([b0, b1, b2, b3], max.body)? })
    }
}

impl Head {
    fn kind(&self) -> u8 {
        match self {
            Head::Hello(_) => 1,
            Head::Welcome(_) => 2,
            Head::Request(_) => 3,
            Head::Reply(_) => 4,
            Head::Read(_) => 5,
            Head::Data(_) => 6,
            Head::Write(_) => 7,
            Head::Written(_) => 8,
        }
    }

    /// Appends prefix and head of a frame whose body has the given size.
    pub fn encode(&self, body: usize, max: MaxFrame, out: &mut Vec<u8>) -> Result<(), Malformed> {
        if body > max.body {
            return Err(Malformed::TooLong { size: body, limit: max.body });
        }
        let start = out.len();
        out.extend([VERSION, self.kind(), 0, 0, 0, 0, 0, 0]);
        // It is at most `max.body`, which a prefix can say.
        out.extend((body as u32).to_le_bytes());
        match self {
            Head::Hello(hello) | Head::Welcome(hello) => hello.encode(out),
            Head::Request(request) => request.encode(out),
            Head::Reply(Reply { id, hlc, status }) => {
                out.extend(id.to_le_bytes());
                out.extend(hlc.to_le_bytes());
                out.extend(status.to_le_bytes());
            }
            Head::Read(piece) | Head::Write(piece) => {
                out.extend(piece.id.to_le_bytes());
                out.extend(piece.key.to_le_bytes());
                out.extend(piece.offset.to_le_bytes());
                out.extend(piece.length.to_le_bytes());
            }
            Head::Data(moved) | Head::Written(moved) => {
                out.extend(moved.id.to_le_bytes());
                out.extend(moved.status.to_le_bytes());
            }
        }
        let head = out.len() - start - PREFIX;
        if head > max.head {
            out.truncate(start);
            return Err(Malformed::TooLong { size: head, limit: max.head });
        }
        out[start + 4..start + 8].copy_from_slice(&(head as u32).to_le_bytes());
        Ok(())
    }

    /// Reads the head that follows a prefix.
    pub fn decode(prefix: Prefix, head: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields(head);
        let head = match prefix.kind {
            1 => Head::Hello(Hello::decode(&mut fields)?),
            2 => Head::Welcome(Hello::decode(&mut fields)?),
            3 => Head::Request(Request::decode(&mut fields)?),
            4 => Head::Reply(Reply { id: fields.u64()?, hlc: fields.u64()?, status: fields.i32()? }),
            5 => Head::Read(Piece::decode(&mut fields)?),
            6 => Head::Data(Moved { id: fields.u64()?, status: fields.i32()? }),
            7 => Head::Write(Piece::decode(&mut fields)?),
            8 => Head::Written(Moved { id: fields.u64()?, status: fields.i32()? }),
            kind => return Err(Malformed::Kind(kind)),
        };
        if fields.0.is_empty() { Ok(head) } else { Err(Malformed::Size) }
    }
}

impl Hello {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend(MAGIC);
        put_text(out, &self.group);
        out.extend(self.rank.unwrap_or(NO_RANK).to_le_bytes());
        out.extend(self.tag.to_le_bytes());
        out.extend(self.incarnation.to_le_bytes());
        out.extend(self.channel.to_le_bytes());
    }

    fn decode(fields: &mut Fields<'_>) -> Result<Self, Malformed> {
        if fields.chunk()? != MAGIC {
            return Err(Malformed::Magic);
        }
        Ok(Hello {
            group: fields.text()?,
            rank: fields.rank()?,
            tag: fields.u32()?,
            incarnation: fields.u64()?,
            channel: fields.u64()?,
        })
    }
}

impl Request {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.id.to_le_bytes());
        out.extend(self.floor.to_le_bytes());
        out.extend(self.hlc.to_le_bytes());
        let (source, target) = (self.source.unwrap_or(NO_RANK), self.target.unwrap_or(NO_RANK));
        for field in [self.opcode, self.flags, source, self.source_tag, target, self.tag, self.timeout] {
            out.extend(field.to_le_bytes());
        }
        if let Some(collective) = &self.collective {
            collective.encode(out);
        }
    }

    fn decode(fields: &mut Fields<'_>) -> Result<Self, Malformed> {
        Ok(Request {
            id: fields.u64()?,
            floor: fields.u64()?,
            hlc: fields.u64()?,
            opcode: fields.u32()?,
            flags: fields.u32()?,
            source: fields.rank()?,
            source_tag: fields.u32()?,
            target: fields.rank()?,
            tag: fields.u32()?,
            timeout: fields.u32()?,
            collective: if fields.0.is_empty() { None } else { Some(Collective::decode(fields)?) },
        })
    }
}

impl Collective {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.version.to_le_bytes());
        out.extend(i32::from(self.topology).to_le_bytes());
        out.extend(self.root.to_le_bytes());
        put_option(out, self.group.as_deref(), put_text);
        // There are fewer ranks than a number can say.
        out.extend((self.filter.len() as u32).to_le_bytes());
        self.filter.iter().for_each(|rank| out.extend(rank.to_le_bytes()));
        put_option(out, self.bulk.as_ref(), |out, region| region.encode(out));
    }

    fn decode(fields: &mut Fields<'_>) -> Result<Self, Malformed> {
        let version = fields.u32()?;
        let topology = fields.i32()?;
        let topology = Topology::try_from(topology).map_err(|_| Malformed::Value(topology as u32))?;
        Ok(Collective {
            version,
            topology,
            root: fields.u32()?,
            group: fields.option(Fields::text)?,
            filter: fields.ranks()?,
            bulk: fields.option(Region::take)?,
        })
    }
}

impl Region {
    /// Appends what another context needs to reach this memory: the input or output of an RPC carries it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.incarnation.to_le_bytes());
        out.extend(self.key.to_le_bytes());
        out.extend(self.length.to_le_bytes());
        out.push(match self.permission {
            Permission::ReadWrite => 0,
            Permission::Read => 1,
            Permission::Write => 2,
        });
        put_option(out, self.uri.as_deref(), put_text);
    }

    /// Takes a region from the front of an input or output.
    pub fn decode(bytes: &mut &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields(bytes);
        let region = Region::take(&mut fields)?;
        *bytes = fields.0;
        Ok(region)
    }

    fn take(fields: &mut Fields<'_>) -> Result<Self, Malformed> {
        Ok(Region {
            incarnation: fields.u64()?,
            key: fields.u64()?,
            length: fields.u64()?,
            permission: match fields.u8()? {
                0 => Permission::ReadWrite,
                1 => Permission::Read,
                2 => Permission::Write,
                other => return Err(Malformed::Value(other.into())),
            },
            uri: fields.option(Fields::text)?,
        })
    }
}

impl Piece {
    fn decode(fields: &mut Fields<'_>) -> Result<Self, Malformed> {
        Ok(Piece { id: fields.u64()?, key: fields.u64()?, offset: fields.u64()?, length: fields.u32()? })
    }
}

/// Appends a text with its length.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    // Names and addresses are short; what would not fit would not be read either.
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(text.as_bytes());
}

fn put_option<T>(out: &mut Vec<u8>, value: Option<T>, put: impl FnOnce(&mut Vec<u8>, T)) {
    out.push(value.is_some().into());
    if let Some(value) = value {
        put(out, value);
    }
}

/// The fields of a head that have not been read.
pub(crate) struct Fields<'a>(pub &'a [u8]);

impl Fields<'_> {
    fn chunk<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (chunk, rest) = self.0.split_first_chunk().ok_or(Malformed::Size)?;
        self.0 = rest;
        Ok(*chunk)
    }

    fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.chunk::<1>()?[0])
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        self.chunk().map(u32::from_le_bytes)
    }

    pub(crate) fn i32(&mut self) -> Result<i32, Malformed> {
        self.chunk().map(i32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, Malformed> {
        self.chunk().map(u64::from_le_bytes)
    }

    fn rank(&mut self) -> Result<Option<Rank>, Malformed> {
        self.u32().map(|rank| (rank != NO_RANK).then_some(rank))
    }

    fn bytes(&mut self, size: usize) -> Result<&[u8], Malformed> {
        let (bytes, rest) = self.0.split_at_checked(size).ok_or(Malformed::Size)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(crate) fn text(&mut self) -> Result<Arc<str>, Malformed> {
        let size = self.u32()? as usize;
        std::str::from_utf8(self.bytes(size)?).map(Arc::from).map_err(|_| Malformed::Text)
    }

    fn ranks(&mut self) -> Result<Arc<[Rank]>, Malformed> {
        let size = (self.u32()? as usize).checked_mul(size_of::<Rank>()).ok_or(Malformed::Size)?;
        let (ranks, _) = self.bytes(size)?.as_chunks();
        Ok(ranks.iter().map(|&rank| Rank::from_le_bytes(rank)).collect())
    }

    fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        match self.u8()? {
            0 => Ok(None),
            1 => read(self).map(Some),
            other => Err(Malformed::Value(other.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Ratio;
    use proptest::prelude::*;

    fn text() -> impl Strategy<Value = Arc<str>> {
        "[a-z0-9_:/.]{0,40}".prop_map(Arc::from)
    }

    fn rank() -> impl Strategy<Value = Option<Rank>> {
        prop::option::of(0..NO_RANK)
    }

    fn region() -> impl Strategy<Value = Region> {
        let permission =
            prop::sample::select(vec![Permission::ReadWrite, Permission::Read, Permission::Write]);
        (any::<(u64, u64, u64)>(), permission, prop::option::of(text())).prop_map(
            |((incarnation, key, length), permission, uri)| Region {
                incarnation,
                key,
                length,
                permission,
                uri,
            },
        )
    }

    fn collective() -> impl Strategy<Value = Collective> {
        let ranks = prop::collection::vec(any::<u32>(), 0..20);
        (any::<(u32, u32)>(), prop::option::of(text()), 2..65u32, ranks, prop::option::of(region())).prop_map(
            |((version, root), group, ratio, filter, bulk)| Collective {
                group,
                version,
                topology: Topology::Knomial(Ratio::new(ratio).unwrap()),
                root,
                filter: filter.into(),
                bulk,
            },
        )
    }

    fn head() -> impl Strategy<Value = Head> {
        let hello = (text(), rank(), any::<(u32, u64, u64)>()).prop_map(
            |(group, rank, (tag, incarnation, channel))| Hello { group, rank, tag, incarnation, channel },
        );
        let request =
            (any::<(u64, u64, u64)>(), any::<[u32; 5]>(), rank(), rank(), prop::option::of(collective()))
                .prop_map(|((id, floor, hlc), numbers, source, target, collective)| {
                    let [opcode, flags, source_tag, tag, timeout] = numbers;
                    Head::Request(Request {
                        id,
                        floor,
                        opcode,
                        flags,
                        hlc,
                        source,
                        source_tag,
                        target,
                        tag,
                        timeout,
                        collective,
                    })
                });
        let reply =
            any::<(u64, u64, i32)>().prop_map(|(id, hlc, status)| Head::Reply(Reply { id, hlc, status }));
        let piece = any::<(u64, u64, u64, u32, bool)>().prop_map(|(id, key, offset, length, read)| {
            let piece = Piece { id, key, offset, length };
            if read { Head::Read(piece) } else { Head::Write(piece) }
        });
        let moved = any::<(u64, i32, bool)>().prop_map(|(id, status, data)| {
            let moved = Moved { id, status };
            if data { Head::Data(moved) } else { Head::Written(moved) }
        });
        let hello = (hello, any::<bool>())
            .prop_map(|(hello, welcome)| if welcome { Head::Welcome(hello) } else { Head::Hello(hello) });
        prop_oneof![hello, request, reply, piece, moved]
    }

    fn decode(frame: &[u8]) -> Result<(Head, usize), Malformed> {
        let (prefix, rest) = frame.split_first_chunk().ok_or(Malformed::Size)?;
        let prefix = Prefix::decode(prefix, MaxFrame::default())?;
        let head = rest.get(..prefix.head).ok_or(Malformed::Size)?;
        Ok((Head::decode(prefix, head)?, prefix.body))
    }

    proptest! {
        #[test]
        fn what_is_sent_arrives(head in head(), body in 0..1000usize) {
            let mut frame = Vec::new();
            head.encode(body, MaxFrame::default(), &mut frame).unwrap();
            prop_assert_eq!(decode(&frame), Ok((head, body)));
        }

        #[test]
        fn a_head_that_is_cut_or_goes_on_is_refused(head in head(), cut: prop::sample::Index) {
            let mut frame = Vec::new();
            head.encode(0, MaxFrame::default(), &mut frame).unwrap();
            let (prefix, head) = frame.split_at(PREFIX);
            let mut prefix = Prefix::decode(prefix.try_into().unwrap(), MaxFrame::default()).unwrap();
            prefix.head = cut.index(head.len());
            // Only a request may end early: where what it says of a collective one would begin.
            let early = match Head::decode(prefix, &head[..prefix.head]) {
                Ok(Head::Request(request)) => request.collective.is_none(),
                other => other.is_err(),
            };
            prop_assert!(early);
            prop_assert!(Head::decode(prefix, &[head, &[0]].concat()).is_err());
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 0..10u8) {
            let _ = decode(&bytes);
            let _ = Head::decode(Prefix { kind, head: bytes.len(), body: 0 }, &bytes);
            let _ = Region::decode(&mut &bytes[..]);
        }
    }

    #[test]
    fn what_is_too_long_is_neither_sent_nor_expected() {
        let max = MaxFrame { head: 16, body: 100 };
        let reply = Head::Reply(Reply { id: 1, hlc: 2, status: 0 });
        let mut out = vec![7];
        assert_eq!(reply.encode(101, max, &mut out), Err(Malformed::TooLong { size: 101, limit: 100 }));
        assert_eq!(reply.encode(100, max, &mut out), Err(Malformed::TooLong { size: 20, limit: 16 }));
        assert_eq!(out, [7]);
        reply.encode(101, MaxFrame::default(), &mut out).unwrap();
        let prefix = out[1..1 + PREFIX].try_into().unwrap();
        assert_eq!(Prefix::decode(prefix, max), Err(Malformed::TooLong { size: 20, limit: 16 }));
        let max = MaxFrame { head: 20, ..max };
        assert_eq!(Prefix::decode(prefix, max), Err(Malformed::TooLong { size: 101, limit: 100 }));
    }
}
