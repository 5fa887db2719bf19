//! Fields on the wire: a key, which is a number and a wire type, and a value.

use prost::bytes::Buf;
use prost::encoding::{self, WireType};

/// Unknown fields that one message may carry.
///
/// They are kept, and cost far more memory than wire; nothing sends any today.
pub const MAX_UNKNOWN: usize = 1024;

/// The bytes are no message: malformed protobuf, a field of the wrong type, or too many unknown fields.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Malformed;

impl From<prost::DecodeError> for Malformed {
    fn from(_: prost::DecodeError) -> Self {
        Malformed
    }
}

/// A field as it stands on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field<'a> {
    /// Field number.
    pub number: u32,
    /// How the value is written.
    pub wire_type: WireType,
    /// What follows the key, the length of a length-delimited value included.
    pub raw: &'a [u8],
}

impl<'a> Field<'a> {
    /// Takes the next field from `wire`.
    pub fn take(wire: &mut &'a [u8]) -> Result<Self, Malformed> {
        let (number, wire_type) = encoding::decode_key(wire)?;
        let rest = *wire;
        let skip = match wire_type {
            WireType::Varint => {
                encoding::decode_varint(wire)?;
                0
            }
            WireType::ThirtyTwoBit => 4,
            WireType::SixtyFourBit => 8,
            WireType::LengthDelimited => {
                usize::try_from(encoding::decode_varint(wire)?).map_err(|_| Malformed)?
            }
            // Long out of use; protobuf-c does not read them either.
            WireType::StartGroup | WireType::EndGroup => return Err(Malformed),
        };
        if skip > wire.len() {
            return Err(Malformed);
        }
        wire.advance(skip);
        Ok(Field { number, wire_type, raw: &rest[..rest.len() - wire.len()] })
    }

    /// All fields of a message; ends behind the first that is malformed.
    pub fn all(mut wire: &'a [u8]) -> impl Iterator<Item = Result<Self, Malformed>> {
        std::iter::from_fn(move || {
            let field = (!wire.is_empty()).then(|| Field::take(&mut wire))?;
            if field.is_err() {
                wire = &[];
            }
            Some(field)
        })
    }

    /// The value of a length-delimited field.
    pub fn bytes(&self) -> Result<&'a [u8], Malformed> {
        encoding::check_wire_type(WireType::LengthDelimited, self.wire_type)?;
        let mut raw = self.raw;
        encoding::decode_varint(&mut raw)?;
        Ok(raw)
    }
}

/// Takes the next varint from `wire`.
pub fn take_varint(wire: &mut &[u8]) -> Result<u64, Malformed> {
    Ok(encoding::decode_varint(wire)?)
}

/// Takes the next `N` bytes from `wire`.
pub fn take_fixed<const N: usize>(wire: &mut &[u8]) -> Result<[u8; N], Malformed> {
    let (value, rest) = wire.split_first_chunk().ok_or(Malformed)?;
    *wire = rest;
    Ok(*value)
}

/// Where a message is written.
pub trait Out {
    /// Appends `bytes`.
    fn put(&mut self, bytes: &[u8]);

    /// Appends a varint.
    fn put_varint(&mut self, value: u64) {
        let mut buffer = [0; 10];
        let mut rest = &mut buffer[..];
        encoding::encode_varint(value, &mut rest);
        let left = rest.len();
        self.put(&buffer[..buffer.len() - left]);
    }

    /// Appends the key of field `number`.
    fn put_key(&mut self, number: u32, wire_type: WireType) {
        self.put_varint(u64::from(number) << 3 | wire_type as u64);
    }
}

/// Counts what would be written.
#[derive(Default)]
pub struct Count(pub usize);

impl Out for Count {
    fn put(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }
}

impl Out for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn malformed_wire_is_refused() {
        let cases: [&[u8]; 7] = [
            b"\xff\xff\xff\xff\xff",                         // an endless key
            b"\x08",                                         // a key without value
            b"\x22\x05abc",                                  // bytes cut short
            b"\x22\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", // a length beyond memory
            b"\x0d\x01\x02\x03",                             // a fixed32 cut short
            b"\x0b\x0c",                                     // a group
            b"\x00\x01",                                     // field number 0
        ];
        for wire in cases {
            assert_eq!(Field::take(&mut &*wire), Err(Malformed), "{wire:?}");
        }
    }

    proptest! {
        /// Whatever the bytes: no panic, and what is read is written back as it was.
        #[test]
        fn fields_are_what_they_were(wire in proptest::collection::vec(any::<u8>(), 0..100)) {
            for field in Field::all(&wire).map_while(Result::ok) {
                let mut again = Vec::new();
                again.put_key(field.number, field.wire_type);
                again.put(field.raw);
                prop_assert_eq!(Field::take(&mut &*again), Ok(field));
            }
        }

        #[test]
        fn varints_come_back(value: u64) {
            let mut wire = Vec::new();
            wire.put_varint(value);
            prop_assert_eq!(take_varint(&mut &*wire), Ok(value));
        }
    }
}
