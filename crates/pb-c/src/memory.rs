//! Fields in memory, as a descriptor says: where they are, whether they are there, their values.

use core::ffi::{CStr, c_char, c_int, c_uint, c_void};
use core::slice;

use abi::*;
use prost::encoding::WireType;

use crate::wire::{self, Malformed};

/// What a field holds: `PROTOBUF_C_TYPE_*`, by what matters in memory and on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// int32 and enum: on the wire as an int64.
    Int32,
    /// sint32: zigzag.
    Sint32,
    /// uint32.
    Uint32,
    /// bool: an int in memory.
    Bool,
    /// int64 and uint64.
    Int64,
    /// sint64: zigzag.
    Sint64,
    /// fixed32, sfixed32 and float.
    Fixed32,
    /// fixed64, sfixed64 and double.
    Fixed64,
    /// string.
    String,
    /// bytes.
    Bytes,
    /// message.
    Message,
}

impl Kind {
    /// Of a field; none when protobuf-c has no such type.
    pub fn of(field: &ProtobufCFieldDescriptor) -> Option<Kind> {
        Some(match field.type_ {
            PROTOBUF_C_TYPE_INT32 | PROTOBUF_C_TYPE_ENUM => Kind::Int32,
            PROTOBUF_C_TYPE_SINT32 => Kind::Sint32,
            PROTOBUF_C_TYPE_UINT32 => Kind::Uint32,
            PROTOBUF_C_TYPE_BOOL => Kind::Bool,
            PROTOBUF_C_TYPE_INT64 | PROTOBUF_C_TYPE_UINT64 => Kind::Int64,
            PROTOBUF_C_TYPE_SINT64 => Kind::Sint64,
            PROTOBUF_C_TYPE_FIXED32 | PROTOBUF_C_TYPE_SFIXED32 | PROTOBUF_C_TYPE_FLOAT => Kind::Fixed32,
            PROTOBUF_C_TYPE_FIXED64 | PROTOBUF_C_TYPE_SFIXED64 | PROTOBUF_C_TYPE_DOUBLE => Kind::Fixed64,
            PROTOBUF_C_TYPE_STRING => Kind::String,
            PROTOBUF_C_TYPE_BYTES => Kind::Bytes,
            PROTOBUF_C_TYPE_MESSAGE => Kind::Message,
            _ => return None,
        })
    }

    /// Bytes of a value in memory.
    pub fn size(self) -> usize {
        match self {
            Kind::Int32 | Kind::Sint32 | Kind::Uint32 | Kind::Bool | Kind::Fixed32 => 4,
            Kind::Int64 | Kind::Sint64 | Kind::Fixed64 => 8,
            Kind::String | Kind::Message => size_of::<*const c_void>(),
            Kind::Bytes => size_of::<ProtobufCBinaryData>(),
        }
    }

    /// How a value is written.
    pub fn wire_type(self) -> WireType {
        match self {
            Kind::Fixed32 => WireType::ThirtyTwoBit,
            Kind::Fixed64 => WireType::SixtyFourBit,
            Kind::String | Kind::Bytes | Kind::Message => WireType::LengthDelimited,
            _ => WireType::Varint,
        }
    }

    /// Takes a number off the wire and stores it at `place`.
    ///
    /// # Safety
    /// `place` has room for a value of this kind, which is no string, bytes or message.
    pub unsafe fn store(self, place: *mut u8, wire: &mut &[u8]) -> Result<(), Malformed> {
        // SAFETY: the caller vouches for the place; it is aligned as C aligns members.
        unsafe {
            match self {
                Kind::Fixed32 => place.cast::<[u8; 4]>().write(wire::take_fixed(wire)?),
                Kind::Fixed64 => place.cast::<[u8; 8]>().write(wire::take_fixed(wire)?),
                Kind::Bool => place.cast::<c_int>().write(c_int::from(wire::take_varint(wire)? != 0)),
                Kind::Int32 | Kind::Uint32 => place.cast::<u32>().write(wire::take_varint(wire)? as u32),
                Kind::Sint32 => {
                    let value = wire::take_varint(wire)? as u32;
                    place.cast::<u32>().write(value >> 1 ^ (value & 1).wrapping_neg());
                }
                Kind::Int64 => place.cast::<u64>().write(wire::take_varint(wire)?),
                Kind::Sint64 => {
                    let value = wire::take_varint(wire)?;
                    place.cast::<u64>().write(value >> 1 ^ (value & 1).wrapping_neg());
                }
                Kind::String | Kind::Bytes | Kind::Message => return Err(Malformed),
            }
        }
        Ok(())
    }

    /// The value at `place`.
    ///
    /// # Safety
    /// `place` holds a value of this kind, which stays.
    pub unsafe fn load<'a>(self, place: *const u8) -> Value<'a> {
        // SAFETY: the caller vouches for the place and for what it points to.
        unsafe {
            match self {
                Kind::Int32 => Value::Varint(i64::from(place.cast::<i32>().read()) as u64),
                Kind::Sint32 => {
                    let value = place.cast::<i32>().read();
                    Value::Varint(u64::from((value << 1 ^ value >> 31) as u32))
                }
                Kind::Uint32 => Value::Varint(u64::from(place.cast::<u32>().read())),
                Kind::Bool => Value::Varint(u64::from(place.cast::<c_int>().read() != 0)),
                Kind::Int64 => Value::Varint(place.cast::<u64>().read()),
                Kind::Sint64 => {
                    let value = place.cast::<i64>().read();
                    Value::Varint((value << 1 ^ value >> 63) as u64)
                }
                Kind::Fixed32 => Value::Fixed32(place.cast::<[u8; 4]>().read()),
                Kind::Fixed64 => Value::Fixed64(place.cast::<[u8; 8]>().read()),
                Kind::String => {
                    let text = place.cast::<*const c_char>().read();
                    Value::Bytes(if text.is_null() { &[] } else { CStr::from_ptr(text).to_bytes() })
                }
                Kind::Bytes => {
                    let ProtobufCBinaryData { len, data } = place.cast::<ProtobufCBinaryData>().read();
                    Value::Bytes(bytes(data, len))
                }
                Kind::Message => Value::Message(place.cast::<*const ProtobufCMessage>().read()),
            }
        }
    }
}

/// A value in the form in which it goes over the wire.
pub enum Value<'a> {
    /// An integer.
    Varint(u64),
    /// Four bytes.
    Fixed32([u8; 4]),
    /// Eight bytes.
    Fixed64([u8; 8]),
    /// A string or bytes.
    Bytes(&'a [u8]),
    /// A message; null is one without fields.
    Message(*const ProtobufCMessage),
}

impl Value<'_> {
    /// Whether proto3 leaves it out.
    pub fn is_default(&self) -> bool {
        match self {
            Value::Varint(value) => *value == 0,
            Value::Fixed32(value) => *value == [0; 4],
            Value::Fixed64(value) => *value == [0; 8],
            Value::Bytes(value) => value.is_empty(),
            Value::Message(message) => message.is_null(),
        }
    }
}

/// `len` bytes at `data`.
///
/// # Safety
/// `data` is null or points to `len` bytes that stay.
pub unsafe fn bytes<'a>(data: *const u8, len: usize) -> &'a [u8] {
    // SAFETY: the caller vouches for it.
    if data.is_null() { &[] } else { unsafe { slice::from_raw_parts(data, len) } }
}

/// The fields of a message, in the order of their numbers.
///
/// # Safety
/// The descriptor is complete.
pub unsafe fn fields(descriptor: &ProtobufCMessageDescriptor) -> &[ProtobufCFieldDescriptor] {
    if descriptor.n_fields == 0 {
        return &[];
    }
    // SAFETY: the caller vouches for it.
    unsafe { slice::from_raw_parts(descriptor.fields, descriptor.n_fields as usize) }
}

/// A field of one message in memory.
#[derive(Clone, Copy)]
pub struct Member<'a> {
    /// What the descriptor says.
    pub field: &'a ProtobufCFieldDescriptor,
    /// What it holds.
    pub kind: Kind,
    /// The message.
    message: *mut u8,
}

impl<'a> Member<'a> {
    /// # Safety
    /// `message` is an initialised message, of whose descriptor `field` is a part.
    pub unsafe fn new(message: *mut ProtobufCMessage, field: &'a ProtobufCFieldDescriptor) -> Option<Self> {
        Some(Member { field, kind: Kind::of(field)?, message: message.cast() })
    }

    /// The message that the member is of.
    pub fn message(&self) -> *mut ProtobufCMessage {
        self.message.cast()
    }

    /// Whether the field has any number of values.
    pub fn is_repeated(&self) -> bool {
        self.field.label == PROTOBUF_C_LABEL_REPEATED
    }

    /// Whether the field belongs to a union of which one counts.
    pub fn is_of_union(&self) -> bool {
        self.field.flags & PROTOBUF_C_FIELD_FLAG_ONEOF != 0
    }

    /// Whether the values of a repeated field are written one behind the other under one key.
    pub fn is_packed(&self) -> bool {
        self.field.flags & PROTOBUF_C_FIELD_FLAG_PACKED != 0
    }

    /// Where the value is, or the pointer to the values of a repeated field.
    pub fn place(&self) -> *mut u8 {
        self.message.wrapping_add(self.field.offset as usize)
    }

    /// Where it is said whether the value is there: the number of a union's field that counts, or a boolean.
    pub fn quantifier(&self) -> *mut c_uint {
        self.message.wrapping_add(self.field.quantifier_offset as usize).cast()
    }

    /// The number of values of a repeated field.
    pub fn count(&self) -> *mut usize {
        self.quantifier().cast()
    }

    /// The pointer to the values of a repeated field.
    pub fn values(&self) -> *mut *mut u8 {
        self.place().cast()
    }

    /// Whether this is the field of its union that counts; so is one that is in no union.
    pub fn counts(&self) -> bool {
        // SAFETY: the message has that member, as `new` was promised.
        !self.is_of_union() || unsafe { self.quantifier().read() } == self.field.id
    }

    /// Whether `pointer`, a value of a string or message, is nobody's memory: null, or the field's default.
    pub fn is_unowned<T>(&self, pointer: *const T) -> bool {
        pointer.is_null() || pointer.cast::<c_void>() == self.field.default_value
    }

    /// Whether the value of a field that is not repeated is written.
    ///
    /// # Safety
    /// As for [`Kind::load`].
    pub unsafe fn is_present(&self, value: &Value<'_>) -> bool {
        let points = matches!(self.kind, Kind::String | Kind::Message);
        // SAFETY: the message has these members, as `new` was promised.
        unsafe {
            if self.is_of_union() {
                return self.counts()
                    && !(points && self.is_unowned(self.place().cast::<*const c_void>().read()));
            }
            match self.field.label {
                PROTOBUF_C_LABEL_REQUIRED => true,
                PROTOBUF_C_LABEL_OPTIONAL if points => {
                    !self.is_unowned(self.place().cast::<*const c_void>().read())
                }
                PROTOBUF_C_LABEL_OPTIONAL => self.quantifier().read() != 0,
                _ => !value.is_default(),
            }
        }
    }
}
