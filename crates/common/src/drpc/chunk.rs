//! Messages as packets: each begins with a header (`struct drpc_header`), then carries up to
//! [`MAX_DATA`] bytes of the message.

use gurt_client::{Der, Result};

/// Largest packet in bytes: `UNIXCOMM_MAXMSGSIZE`.
pub const PACKET: usize = 1 << 17;
/// Length of the header in bytes: `DRPC_HEADER_LEN`.
pub const HEADER: usize = 24;
/// Message bytes that one packet can carry: `DRPC_MAX_DATA_SIZE`.
pub const MAX_DATA: usize = PACKET - HEADER;

/// `struct drpc_header`; on the wire in the machine's byte order, because both ends are one machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// Length of the whole message.
    pub total: u64,
    /// Length of this packet's part of it.
    pub len: u64,
    /// Position of this part, from 0.
    pub index: u32,
    /// Number of parts.
    pub count: u32,
}

impl Header {
    /// Splits a packet into header and data; `None` when it is too short for a header.
    pub fn split(packet: &[u8]) -> Option<(Header, &[u8])> {
        let (header, data) = packet.split_first_chunk::<HEADER>()?;
        let word = |at| u64::from_ne_bytes(*header[at..].first_chunk().expect("within the header"));
        let half = |at| u32::from_ne_bytes(*header[at..].first_chunk().expect("within the header"));
        Some((Header { total: word(0), len: word(8), index: half(16), count: half(20) }, data))
    }

    /// The header on the wire.
    pub fn to_bytes(self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..8].copy_from_slice(&self.total.to_ne_bytes());
        bytes[8..16].copy_from_slice(&self.len.to_ne_bytes());
        bytes[16..20].copy_from_slice(&self.index.to_ne_bytes());
        bytes[20..].copy_from_slice(&self.count.to_ne_bytes());
        bytes
    }
}

/// A message on its way out, with the place where it has got to.
///
/// One buffer holds room for a header, then the message. The header of a later packet overwrites the end of the
/// one before, which has been sent by then, so that no packet has to be copied together.
#[derive(Debug)]
pub struct Outgoing {
    buffer: Vec<u8>,
    next: usize,
}

impl Outgoing {
    /// A message of `len` bytes that `fill` appends to the buffer. `DER_NOMEM` when memory is short.
    pub fn new(len: usize, fill: impl FnOnce(&mut Vec<u8>)) -> Result<Self> {
        let mut buffer = Vec::new();
        buffer.try_reserve_exact(HEADER + len).map_err(|_| Der::new(abi::DER_NOMEM.into()))?;
        buffer.resize(HEADER, 0);
        fill(&mut buffer);
        debug_assert_eq!(buffer.len(), HEADER + len);
        Ok(Outgoing { buffer, next: 0 })
    }

    fn len(&self) -> usize {
        self.buffer.len() - HEADER
    }

    /// Number of packets: at least one, because an empty message is a message too.
    fn count(&self) -> usize {
        self.len().div_ceil(MAX_DATA).max(1)
    }

    /// The packet to send next; `None` when all are sent.
    pub fn packet(&mut self) -> Option<&[u8]> {
        if self.next == self.count() {
            return None;
        }
        let start = self.next * MAX_DATA;
        let len = (self.len() - start).min(MAX_DATA);
        let header = Header {
            total: self.len() as u64,
            len: len as u64,
            index: self.next as u32,
            count: self.count() as u32,
        };
        self.buffer[start..start + HEADER].copy_from_slice(&header.to_bytes());
        Some(&self.buffer[start..start + HEADER + len])
    }

    /// The packet has been sent.
    pub fn advance(&mut self) {
        self.next += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_has_drpc_headers_layout() {
        let header = Header { total: 1 << 40 | 2, len: 3, index: 4, count: 5 };
        let mut expected = [0; HEADER];
        for (at, byte) in [(0, 2), (5, 1), (8, 3), (16, 4), (20, 5)] {
            expected[at] = byte;
        }
        assert_eq!(header.to_bytes(), expected);
        assert_eq!(Header::split(&expected), Some((header, &[][..])));
        assert_eq!(Header::split(&expected[..HEADER - 1]), None);
    }

    #[test]
    fn an_empty_message_is_one_packet() {
        let mut outgoing = Outgoing::new(0, |_| {}).expect("memory");
        let packet = outgoing.packet().expect("one packet").to_vec();
        assert_eq!(packet, Header { total: 0, len: 0, index: 0, count: 1 }.to_bytes());
        outgoing.advance();
        assert_eq!(outgoing.packet(), None);
    }

    #[test]
    fn a_packet_that_is_asked_for_again_is_the_same() {
        let mut outgoing =
            Outgoing::new(MAX_DATA + 1, |buffer| buffer.resize(HEADER + MAX_DATA + 1, 7)).expect("memory");
        outgoing.advance();
        let packet = outgoing.packet().expect("the last").to_vec();
        assert_eq!(outgoing.packet().expect("the last"), packet);
        assert_eq!(packet.len(), HEADER + 1);
    }
}
