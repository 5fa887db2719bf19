//! Putting a message together from the packets of a peer that may send anything.
//!
//! An [`Assembly`] is a state machine without input or output of its own: each packet goes in, and a whole
//! message, nothing, or the reason to hang up comes out. It takes memory for what has arrived, never for what a
//! header promises, and at most [`MAX_MESSAGE`].

use std::borrow::Cow;

use gurt_client::{Der, Result};

use super::chunk::{Header, MAX_DATA};

/// Largest message in bytes.
///
/// DAOS has no limit. The largest messages of its control plane, group maps of thousands of ranks, are below
/// 1 MiB.
pub const MAX_MESSAGE: usize = 16 << 20;

/// The part of a message that has arrived. Empty between messages.
#[derive(Debug, Default)]
pub struct Assembly {
    message: Vec<u8>,
    total: usize,
    count: u32,
    /// Index that the next packet must have; 0 between messages.
    next: u32,
}

const fn der(code: abi::daos_errno) -> Der {
    Der::new(code as i64)
}

impl Assembly {
    /// Whether part of a message has arrived.
    pub fn is_partial(&self) -> bool {
        self.next != 0
    }

    /// Bytes of memory that it takes.
    pub fn held(&self) -> usize {
        self.message.capacity()
    }

    /// Takes a packet; returns the message when it is complete, in place if it is the only packet.
    ///
    /// The errors are those of DAOS: `DER_TRUNC` for a packet shorter or longer than it may be, `DER_PROTO` for a
    /// header that makes no sense, `DER_MISMATCH` for a packet that is missing or comes twice; and `DER_OVERFLOW`
    /// for a message above [`MAX_MESSAGE`]. After an error the assembly is of no more use.
    pub fn push<'p>(&mut self, packet: &'p [u8]) -> Result<Option<Cow<'p, [u8]>>> {
        let (header, data) = Header::split(packet).ok_or(der(abi::DER_TRUNC))?;
        if !self.is_partial() {
            self.begin(&header)?;
        }
        let data = self.check(&header, data)?;
        let missing = self.total - self.message.len() - data.len();
        if missing == 0 && !self.is_partial() {
            return Ok(Some(Cow::Borrowed(data)));
        }
        if missing != 0 && (data.is_empty() || self.next + 1 == self.count) {
            // No progress, or none to come.
            return Err(der(abi::DER_PROTO));
        }
        self.append(data)?;
        if missing != 0 {
            self.next += 1;
            return Ok(None);
        }
        Ok(Some(Cow::Owned(std::mem::take(self).message)))
    }

    /// The first packet of a message says how long it is.
    fn begin(&mut self, header: &Header) -> Result {
        if header.count == 0 {
            return Err(der(abi::DER_PROTO));
        }
        self.total = usize::try_from(header.total).unwrap_or(usize::MAX);
        if self.total > MAX_MESSAGE {
            return Err(der(abi::DER_OVERFLOW));
        }
        self.count = header.count;
        Ok(())
    }

    /// The packet's part of the message, if it is the one that must come now.
    fn check<'p>(&self, header: &Header, data: &'p [u8]) -> Result<&'p [u8]> {
        let len = usize::try_from(header.len).unwrap_or(usize::MAX);
        if len > MAX_DATA || len > self.total - self.message.len() {
            return Err(der(abi::DER_TRUNC));
        }
        if header.count != self.count || header.index >= self.count {
            return Err(der(abi::DER_PROTO));
        }
        if header.index != self.next {
            return Err(der(abi::DER_MISMATCH));
        }
        data.get(..len).ok_or(der(abi::DER_TRUNC))
    }

    /// Keeps `data`, in memory that grows with what arrives: at most twice that, and never above the total.
    fn append(&mut self, data: &[u8]) -> Result {
        let needed = self.message.len() + data.len();
        if needed > self.message.capacity() {
            let capacity = (2 * self.message.capacity()).max(needed).min(self.total);
            self.message.try_reserve_exact(capacity - self.message.len()).map_err(|_| der(abi::DER_NOMEM))?;
        }
        self.message.extend_from_slice(data);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::chunk::{HEADER, Outgoing};
    use super::*;
    use proptest::prelude::*;

    fn packet(total: u64, len: u64, index: u32, count: u32, data: &[u8]) -> Vec<u8> {
        let mut packet = Header { total, len, index, count }.to_bytes().to_vec();
        packet.extend_from_slice(data);
        packet
    }

    /// Pushes packets until one is refused or a message is whole.
    fn push_all(packets: &[Vec<u8>]) -> Result<Option<Vec<u8>>> {
        let mut assembly = Assembly::default();
        for packet in packets {
            if let Some(message) = assembly.push(packet)? {
                return Ok(Some(message.into_owned()));
            }
        }
        Ok(None)
    }

    #[test]
    fn one_packet_is_taken_in_place() {
        let packet = packet(3, 3, 0, 1, b"abcdef");
        let mut assembly = Assembly::default();
        // What follows the data is ignored, as by DAOS.
        assert!(matches!(assembly.push(&packet), Ok(Some(Cow::Borrowed(b"abc")))));
        assert!(matches!(assembly.push(&packet), Ok(Some(Cow::Borrowed(b"abc")))));
    }

    #[test]
    fn an_empty_message_is_a_message() {
        assert_eq!(push_all(&[packet(0, 0, 0, 1, b"")]), Ok(Some(vec![])));
    }

    #[test]
    fn abuse_is_refused_with_its_code() {
        let full = vec![0; MAX_DATA + 1];
        let big = MAX_DATA as u64 + 1;
        let cases: [(&str, Vec<Vec<u8>>, abi::daos_errno); 14] = [
            ("nothing", vec![vec![]], abi::DER_TRUNC),
            ("short header", vec![vec![0; HEADER - 1]], abi::DER_TRUNC),
            ("no chunks", vec![packet(3, 3, 0, 0, b"abc")], abi::DER_PROTO),
            ("huge total", vec![packet(1 << 60, 3, 0, 1, b"abc")], abi::DER_OVERFLOW),
            (
                "total above the limit",
                vec![packet(MAX_MESSAGE as u64 + 1, 1, 0, 200, b"a")],
                abi::DER_OVERFLOW,
            ),
            ("more than the packet", vec![packet(100_000, 100_000, 0, 1, b"abc")], abi::DER_TRUNC),
            ("more than a packet", vec![packet(big, big, 0, 1, &full)], abi::DER_TRUNC),
            ("more than the message", vec![packet(2, 3, 0, 1, b"abc")], abi::DER_TRUNC),
            ("wrong index", vec![packet(9, 3, 3, 4, b"abc")], abi::DER_MISMATCH),
            ("index beyond count", vec![packet(9, 3, 4, 4, b"abc")], abi::DER_PROTO),
            (
                "index repeats",
                vec![packet(6, 3, 0, 2, b"abc"), packet(6, 3, 0, 2, b"abc")],
                abi::DER_MISMATCH,
            ),
            ("count changes", vec![packet(6, 3, 0, 2, b"abc"), packet(6, 3, 1, 9, b"abc")], abi::DER_PROTO),
            ("too few packets", vec![packet(6, 3, 0, 1, b"abc")], abi::DER_PROTO),
            ("packets without data", vec![packet(6, 0, 0, u32::MAX, b"")], abi::DER_PROTO),
        ];
        for (name, packets, code) in cases {
            assert_eq!(push_all(&packets), Err(der(code)), "{name}");
        }
    }

    #[test]
    fn memory_follows_what_arrives() {
        let mut assembly = Assembly::default();
        let first = packet(MAX_MESSAGE as u64, 10, 0, 200, &[0; 10]);
        assert_eq!(assembly.push(&first), Ok(None));
        assert!(assembly.message.capacity() <= 20);
    }

    proptest! {
        #[test]
        fn messages_survive_their_packets(len in 0..5 * MAX_DATA, seed: u8) {
            let byte = |at: usize| (at as u8).wrapping_mul(31).wrapping_add(seed);
            let message: Vec<u8> = (0..len).map(byte).collect();
            let mut outgoing = Outgoing::new(len, |buffer| buffer.extend_from_slice(&message))?;
            let mut packets = Vec::new();
            while let Some(packet) = outgoing.packet() {
                packets.push(packet.to_vec());
                outgoing.advance();
            }
            prop_assert_eq!(push_all(&packets), Ok(Some(message)));
        }

        /// Random packets, among them near-valid ones: no panic, and memory stays below what has arrived.
        #[test]
        fn any_packets_are_taken_or_refused(
            packets in proptest::collection::vec(
                (0..6u64, 0..6u64, 0..3u32, 0..4u32, proptest::collection::vec(any::<u8>(), 0..6), any::<bool>()),
                0..12,
            )
        ) {
            let mut assembly = Assembly::default();
            let mut arrived = 0;
            for (total, len, index, count, data, cut) in packets {
                let mut packet = packet(total << 1, len, index, count, &data);
                if cut {
                    packet.truncate(data.len() * 5);
                }
                arrived += packet.len();
                match assembly.push(&packet) {
                    Ok(Some(message)) => prop_assert!(message.len() <= arrived),
                    Ok(None) => prop_assert!(assembly.is_partial()),
                    Err(_) => assembly = Assembly::default(),
                }
                prop_assert!(assembly.message.capacity() <= 2 * arrived);
            }
        }
    }
}
