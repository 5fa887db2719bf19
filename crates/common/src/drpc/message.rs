//! Calls and responses on the wire.
//!
//! `drpc.proto` has two messages of a few fields. They are read and written in place, by prost's encodings, so
//! that a body of megabytes is not copied on the way.

use prost::bytes::{Buf, BufMut};
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

/// `drpc.Call`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Call<'a> {
    /// Which module shall answer: `DRPC_MODULE_*`.
    pub module: i32,
    /// Which of its methods.
    pub method: i32,
    /// Number that the response repeats.
    pub sequence: i64,
    /// The method's argument, a message of its own.
    pub body: &'a [u8],
}

/// `drpc.Response`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Response<'a> {
    /// Number of the call that this answers.
    pub sequence: i64,
    /// `DRPC__STATUS__*`.
    pub status: i32,
    /// The method's result, a message of its own.
    pub body: &'a [u8],
}

/// A field that the message does not know, as it stood on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unknown<'a> {
    /// Field number.
    pub number: u32,
    /// Wire type: 0, 1, 2 or 5.
    pub wire_type: u8,
    /// What follows the key, the length of length-delimited fields included.
    pub raw: &'a [u8],
}

/// A field's key and its bytes.
struct Field<'a> {
    number: u32,
    wire_type: WireType,
    raw: &'a [u8],
}

impl<'a> Field<'a> {
    /// Takes the next field from `wire`.
    fn take(wire: &mut &'a [u8]) -> Result<Self, Malformed> {
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

    /// The value of an integer or enum.
    fn integer(&self) -> Result<i64, Malformed> {
        encoding::check_wire_type(WireType::Varint, self.wire_type)?;
        Ok(encoding::decode_varint(&mut &*self.raw)? as i64)
    }

    /// The value of `bytes`.
    fn bytes(&self) -> Result<&'a [u8], Malformed> {
        encoding::check_wire_type(WireType::LengthDelimited, self.wire_type)?;
        let mut raw = self.raw;
        encoding::decode_varint(&mut raw)?;
        Ok(raw)
    }

    fn unknown(self) -> Unknown<'a> {
        Unknown { number: self.number, wire_type: self.wire_type as u8, raw: self.raw }
    }
}

/// Reads all fields of `wire`: `set` takes those that it knows and returns the others.
fn decode<'a>(
    mut wire: &'a [u8],
    mut set: impl FnMut(Field<'a>) -> Result<Option<Field<'a>>, Malformed>,
) -> Result<Vec<Unknown<'a>>, Malformed> {
    let mut unknown = Vec::new();
    while !wire.is_empty() {
        if let Some(field) = set(Field::take(&mut wire)?)? {
            if unknown.len() == MAX_UNKNOWN {
                return Err(Malformed);
            }
            unknown.push(field.unknown());
        }
    }
    Ok(unknown)
}

/// Length of a `bytes` field on the wire; absent when empty, as all fields of proto3.
fn bytes_len(number: u32, bytes: &[u8]) -> usize {
    if bytes.is_empty() {
        return 0;
    }
    encoding::key_len(number) + encoding::encoded_len_varint(bytes.len() as u64) + bytes.len()
}

fn put_bytes(number: u32, bytes: &[u8], out: &mut impl BufMut) {
    if !bytes.is_empty() {
        encoding::encode_key(number, WireType::LengthDelimited, out);
        encoding::encode_varint(bytes.len() as u64, out);
        out.put_slice(bytes);
    }
}

/// Length of an integer field on the wire. An int32 is the int64 of the same value.
fn integer_len(number: u32, value: i64) -> usize {
    if value == 0 { 0 } else { encoding::int64::encoded_len(number, &value) }
}

fn put_integer(number: u32, value: i64, out: &mut impl BufMut) {
    if value != 0 {
        encoding::int64::encode(number, &value, out);
    }
}

impl<'a> Call<'a> {
    /// Reads a call, and the fields that it does not know.
    pub fn decode(wire: &'a [u8]) -> Result<(Self, Vec<Unknown<'a>>), Malformed> {
        let mut call = Call::default();
        let unknown = decode(wire, |field| {
            match field.number {
                1 => call.module = field.integer()? as i32,
                2 => call.method = field.integer()? as i32,
                3 => call.sequence = field.integer()?,
                4 => call.body = field.bytes()?,
                _ => return Ok(Some(field)),
            }
            Ok(None)
        })?;
        Ok((call, unknown))
    }

    /// Length on the wire.
    pub fn encoded_len(&self) -> usize {
        integer_len(1, self.module.into())
            + integer_len(2, self.method.into())
            + integer_len(3, self.sequence)
            + bytes_len(4, self.body)
    }

    /// Writes the call; `out` must have room for [`Call::encoded_len`] bytes.
    pub fn encode(&self, out: &mut impl BufMut) {
        put_integer(1, self.module.into(), out);
        put_integer(2, self.method.into(), out);
        put_integer(3, self.sequence, out);
        put_bytes(4, self.body, out);
    }
}

impl<'a> Response<'a> {
    /// Reads a response, and the fields that it does not know.
    pub fn decode(wire: &'a [u8]) -> Result<(Self, Vec<Unknown<'a>>), Malformed> {
        let mut response = Response::default();
        let unknown = decode(wire, |field| {
            match field.number {
                1 => response.sequence = field.integer()?,
                2 => response.status = field.integer()? as i32,
                3 => response.body = field.bytes()?,
                _ => return Ok(Some(field)),
            }
            Ok(None)
        })?;
        Ok((response, unknown))
    }

    /// Length on the wire.
    pub fn encoded_len(&self) -> usize {
        integer_len(1, self.sequence) + integer_len(2, self.status.into()) + bytes_len(3, self.body)
    }

    /// Writes the response; `out` must have room for [`Response::encoded_len`] bytes.
    pub fn encode(&self, out: &mut impl BufMut) {
        put_integer(1, self.sequence, out);
        put_integer(2, self.status.into(), out);
        put_bytes(3, self.body, out);
    }
}

impl Unknown<'_> {
    /// Length on the wire.
    pub fn encoded_len(&self) -> usize {
        encoding::key_len(self.number) + self.raw.len()
    }

    /// Writes the field back as it stood.
    pub fn encode(&self, out: &mut impl BufMut) {
        encoding::encode_varint(u64::from(self.number) << 3 | u64::from(self.wire_type), out);
        out.put_slice(self.raw);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use prost::Message as _;

    /// `drpc.proto` as prost derives it: the judge of what is written by hand above.
    #[derive(Clone, PartialEq, prost::Message)]
    struct ProstCall {
        #[prost(int32, tag = "1")]
        module: i32,
        #[prost(int32, tag = "2")]
        method: i32,
        #[prost(int64, tag = "3")]
        sequence: i64,
        #[prost(bytes = "vec", tag = "4")]
        body: Vec<u8>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    struct ProstResponse {
        #[prost(int64, tag = "1")]
        sequence: i64,
        #[prost(int32, tag = "2")]
        status: i32,
        #[prost(bytes = "vec", tag = "3")]
        body: Vec<u8>,
    }

    proptest! {
        #[test]
        fn calls_are_what_prost_makes_of_them(
            module: i32, method: i32, sequence: i64, body: Vec<u8>,
        ) {
            let theirs = ProstCall { module, method, sequence, body: body.clone() }.encode_to_vec();
            let call = Call { module, method, sequence, body: &body };
            let mut ours = Vec::new();
            call.encode(&mut ours);
            prop_assert_eq!(&ours, &theirs);
            prop_assert_eq!(call.encoded_len(), theirs.len());
            prop_assert_eq!(Call::decode(&theirs), Ok((call, vec![])));
        }

        #[test]
        fn responses_are_what_prost_makes_of_them(sequence: i64, status: i32, body: Vec<u8>) {
            let theirs = ProstResponse { sequence, status, body: body.clone() }.encode_to_vec();
            let response = Response { sequence, status, body: &body };
            let mut ours = Vec::new();
            response.encode(&mut ours);
            prop_assert_eq!(&ours, &theirs);
            prop_assert_eq!(response.encoded_len(), theirs.len());
            prop_assert_eq!(Response::decode(&theirs), Ok((response, vec![])));
        }

        /// Whatever the bytes: no panic, and what is read agrees with prost where both read it.
        #[test]
        fn any_bytes_decode_or_fail(wire in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok((call, unknown)) = Call::decode(&wire) {
                if let Ok(theirs) = ProstCall::decode(&*wire) {
                    prop_assert_eq!(theirs.module, call.module);
                    prop_assert_eq!(theirs.method, call.method);
                    prop_assert_eq!(theirs.sequence, call.sequence);
                    prop_assert_eq!(&*theirs.body, call.body);
                }
                // Nothing is lost: known and unknown fields together read as the same message.
                let mut again = Vec::new();
                call.encode(&mut again);
                unknown.iter().for_each(|field| field.encode(&mut again));
                prop_assert_eq!(Call::decode(&again), Ok((call, unknown)));
            }
        }
    }

    #[test]
    fn defaults_take_no_bytes() {
        assert_eq!(Response::default().encoded_len(), 0);
        assert_eq!(Response::decode(&[]), Ok((Response::default(), vec![])));
    }

    #[test]
    fn the_last_of_repeated_fields_wins() {
        let (call, _) = Call::decode(b"\x08\x01\x22\x02ab\x08\x02\x22\x01c").expect("well-formed");
        assert_eq!((call.module, call.body), (2, &b"c"[..]));
    }

    #[test]
    fn unknown_fields_are_kept_within_bounds() {
        let mut wire = b"\x78\x05".repeat(MAX_UNKNOWN);
        let (call, unknown) = Call::decode(&wire).expect("just enough");
        assert_eq!(call, Call::default());
        assert_eq!(unknown[0], Unknown { number: 15, wire_type: 0, raw: b"\x05" });
        wire.extend(b"\x78\x05");
        assert_eq!(Call::decode(&wire), Err(Malformed));
    }

    #[test]
    fn malformed_wire_is_refused() {
        let cases: [&[u8]; 7] = [
            b"\xff\xff\xff\xff\xff",                         // an endless key
            b"\x08",                                         // a key without value
            b"\x22\x05abc",                                  // bytes cut short
            b"\x22\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", // a length beyond memory
            b"\x0d\x01\x02\x03\x04",                         // an integer as fixed32
            b"\x0b\x0c",                                     // a group
            b"\x00\x01",                                     // field number 0
        ];
        for wire in cases {
            assert_eq!(Call::decode(wire), Err(Malformed), "{wire:?}");
        }
    }
}
