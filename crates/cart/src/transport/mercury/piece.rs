//! Pieces: what two contexts say to each other in one message of the network.
//!
//! All numbers are little-endian; `docs/fabric.md` has the table.

/// The version of the pieces; others are not looked at.
const VERSION: u8 = 1;
/// The bytes before the payload of a piece.
pub(super) const HEADER: usize = 40;

/// What a piece is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The first part of the stream of a new connection, from who opens it.
    Open,
    /// A part of the stream.
    Data,
    /// Nothing but what every piece says.
    Here,
    /// An answer is asked for.
    Probe,
    /// The connection is over, or there is none such.
    Close,
}

impl Kind {
    const ALL: [Kind; 5] = [Kind::Open, Kind::Data, Kind::Here, Kind::Probe, Kind::Close];
}

/// What every piece says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// What it is for.
    pub kind: Kind,
    /// The receiver's token of the connection: 0 as long as the sender does not know it.
    pub to: u64,
    /// The sender's.
    pub from: u64,
    /// The number of this part of the stream, or of the next.
    pub number: u64,
    /// So many parts of the other stream have been taken.
    pub taken: u64,
}

impl Header {
    /// Writes it to the front of a piece.
    pub fn encode(self, piece: &mut [u8], payload: usize) {
        let kind = Kind::ALL.iter().position(|kind| *kind == self.kind).unwrap_or_default();
        piece[..4].copy_from_slice(&[VERSION, kind as u8, 0, 0]);
        // A piece is no larger than a message of the network.
        piece[4..8].copy_from_slice(&(payload as u32).to_le_bytes());
        let numbers = [self.to, self.from, self.number, self.taken];
        for (field, number) in piece[8..HEADER].chunks_exact_mut(8).zip(numbers) {
            field.copy_from_slice(&number.to_le_bytes());
        }
    }

    /// Takes a piece apart into header and payload; none if it is not well-formed.
    pub fn decode(piece: &[u8]) -> Option<(Self, &[u8])> {
        let (header, payload) = piece.split_first_chunk::<HEADER>()?;
        let [VERSION, kind, 0, 0, s0, s1, s2, s3, numbers @ ..] = header else { return None };
        let kind = *Kind::ALL.get(usize::from(*kind))?;
        if payload.len() != u32::from_le_bytes([*s0, *s1, *s2, *s3]) as usize {
            return None;
        }
        let (numbers, _) = numbers.as_chunks::<8>();
        let [to, from, number, taken] = [0, 1, 2, 3].map(|at| u64::from_le_bytes(numbers[at]));
        Some((Header { kind, to, from, number, taken }, payload))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_piece_is_taken_apart_as_it_was_put_together(
            kind in prop::sample::select(Kind::ALL.to_vec()),
            [to, from, number, taken] in any::<[u64; 4]>(),
            payload in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            let header = Header { kind, to, from, number, taken };
            let mut piece = vec![0xff; HEADER];
            header.encode(&mut piece, payload.len());
            piece.extend(&payload);
            prop_assert_eq!(Header::decode(&piece), Some((header, &payload[..])));
            prop_assert_eq!(Header::decode(&piece[..piece.len() - 1]), None);
            for (at, wrong) in [(0, VERSION + 1), (1, 5), (2, 1), (4, !piece[4])] {
                let mut piece = piece.clone();
                piece[at] = wrong;
                prop_assert_eq!(Header::decode(&piece), None);
            }
        }

        #[test]
        fn any_bytes_are_a_piece_or_not(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = Header::decode(&bytes);
        }
    }
}
