//! Messages between memory and wire, by their descriptors: the functions that protoc-c generates.
//!
//! The public functions have in common that `M` is the structure that `descriptor` describes: [`messages!`] takes care
//! of that.
//!
//! [`messages!`]: crate::messages

use core::ffi::{c_uint, c_void};
use core::{ptr, slice};
use std::ptr::NonNull;

use abi::*;
use prost::encoding::WireType;

use crate::memory::{Kind, Member, Value, bytes, fields};
use crate::wire::{self, Count, Field, MAX_UNKNOWN, Out};

/// How deep messages may lie in messages, as for every implementation of protobuf.
const MAX_DEPTH: u32 = 100;

/// How a message lies in memory and on the wire.
type Descriptor = *const ProtobufCMessageDescriptor;

/// The bytes are no message, or memory is short.
struct Failed;

impl From<wire::Malformed> for Failed {
    fn from(_: wire::Malformed) -> Self {
        Failed
    }
}

/// The message behind `message`, whose descriptor must be its type's: another one is a bug of the caller, from
/// which there is no way back, as protobuf-c's assertion has it.
///
/// # Safety
/// `message` points to an initialised message.
unsafe fn check<M>(descriptor: Descriptor, message: *const M) -> *mut ProtobufCMessage {
    let message = message.cast_mut().cast::<ProtobufCMessage>();
    // SAFETY: the caller vouches for it; every message begins with a base.
    let its = unsafe { (*message).descriptor };
    assert!(ptr::eq(its, descriptor), "the message is not of this type");
    message
}

/// `init`: gives a message its default values.
///
/// # Safety
/// `message` has room for one.
pub unsafe fn init<M>(descriptor: Descriptor, message: *mut M) {
    // SAFETY: the caller vouches for the room; all zeroes are valid for every member, and the descriptor is ours.
    unsafe {
        message.write_bytes(0, 1);
        let message = message.cast::<ProtobufCMessage>();
        let descriptor = &*descriptor;
        (*message).descriptor = descriptor;
        for field in fields(descriptor) {
            let Some(member) = Member::new(message, field) else { continue };
            if member.kind == Kind::String && !member.is_repeated() && !member.is_of_union() {
                member.place().cast::<*const c_void>().write(field.default_value);
            }
        }
    }
}

/// `get_packed_size`.
///
/// # Safety
/// As for [`pack`].
pub unsafe fn packed_size<M>(descriptor: Descriptor, message: *const M) -> usize {
    // SAFETY: the caller vouches for the message.
    unsafe { size(check(descriptor, message)) }
}

/// `pack`: returns the number of bytes written.
///
/// # Safety
/// `message` points to an initialised message, `out` to room for [`packed_size`] bytes.
pub unsafe fn pack<M>(descriptor: Descriptor, message: *const M, out: *mut u8) -> usize {
    /// Memory that is known to suffice.
    struct Room {
        next: *mut u8,
        written: usize,
    }
    impl Out for Room {
        fn put(&mut self, bytes: &[u8]) {
            // SAFETY: the caller of `pack` vouches for as much room as the message takes.
            unsafe { self.next.add(self.written).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
            self.written += bytes.len();
        }
    }
    let mut room = Room { next: out, written: 0 };
    // SAFETY: the caller vouches for the message.
    unsafe { write(check(descriptor, message), &mut room) };
    room.written
}

/// `pack_to_buffer`: returns the number of bytes appended.
///
/// # Safety
/// As for [`pack`]; `buffer` is a valid buffer.
pub unsafe fn pack_to_buffer<M>(
    descriptor: Descriptor,
    message: *const M,
    buffer: *mut ProtobufCBuffer,
) -> usize {
    // SAFETY: the caller vouches for both.
    unsafe {
        let message = check(descriptor, message);
        let mut packed = Vec::with_capacity(size(message));
        write(message, &mut packed);
        if let Some(append) = (*buffer).append
            && !packed.is_empty()
        {
            append(buffer, packed.len(), packed.as_ptr());
        }
        packed.len()
    }
}

/// `unpack`: null when the bytes are no message or memory is short.
///
/// # Safety
/// `data` points to `len` bytes, `allocator` is null or valid.
pub unsafe fn unpack<M>(
    descriptor: Descriptor,
    allocator: *mut ProtobufCAllocator,
    len: usize,
    data: *const u8,
) -> *mut M {
    let allocator = Allocator(allocator);
    // SAFETY: the caller vouches for both; a message that is read in part is as valid as a whole one.
    unsafe {
        let Ok(message) = allocator.message(descriptor) else { return ptr::null_mut() };
        if read(message, bytes(data, len), allocator, MAX_DEPTH).is_err() {
            free(message, allocator);
            return ptr::null_mut();
        }
        message.cast()
    }
}

/// `free_unpacked`; null is ignored.
///
/// # Safety
/// `message` was unpacked with `allocator`, and nobody uses it any more.
pub unsafe fn free_unpacked<M>(descriptor: Descriptor, message: *mut M, allocator: *mut ProtobufCAllocator) {
    if !message.is_null() {
        // SAFETY: the caller vouches for it.
        unsafe { free(check(descriptor, message), Allocator(allocator)) }
    }
}

/// The caller's allocator.
#[derive(Clone, Copy)]
struct Allocator(*mut ProtobufCAllocator);

impl Allocator {
    /// `size` bytes, at least 1.
    ///
    /// # Safety
    /// The allocator is null or valid.
    unsafe fn alloc(self, size: usize) -> Result<NonNull<u8>, Failed> {
        // SAFETY: the caller vouches for it.
        let memory = unsafe {
            match self.0.as_ref() {
                None => libc::malloc(size),
                Some(ProtobufCAllocator { alloc: Some(alloc), allocator_data, .. }) => {
                    alloc(*allocator_data, size)
                }
                Some(_) => ptr::null_mut(),
            }
        };
        NonNull::new(memory.cast()).ok_or(Failed)
    }

    /// A copy of `bytes`; null when there are none.
    ///
    /// # Safety
    /// As for [`Allocator::alloc`].
    unsafe fn copy(self, bytes: &[u8]) -> Result<*mut u8, Failed> {
        if bytes.is_empty() {
            return Ok(ptr::null_mut());
        }
        // SAFETY: the caller vouches for the allocator, and it for the size.
        unsafe {
            let memory = self.alloc(bytes.len())?.as_ptr();
            memory.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            Ok(memory)
        }
    }

    /// A copy of `text` as a C string.
    ///
    /// # Safety
    /// As for [`Allocator::alloc`].
    unsafe fn copy_string(self, text: &[u8]) -> Result<*mut u8, Failed> {
        // SAFETY: the caller vouches for the allocator, and it for the size.
        unsafe {
            let memory = self.alloc(text.len() + 1)?.as_ptr();
            memory.copy_from_nonoverlapping(text.as_ptr(), text.len());
            memory.add(text.len()).write(0);
            Ok(memory)
        }
    }

    /// A message with default values; [`Failed`] without a descriptor.
    ///
    /// # Safety
    /// As for [`Allocator::alloc`]; the descriptor is null or complete.
    unsafe fn message(self, descriptor: Descriptor) -> Result<*mut ProtobufCMessage, Failed> {
        // SAFETY: the caller vouches for both; the message gets as much room as its descriptor says.
        unsafe {
            let descriptor = descriptor.as_ref().ok_or(Failed)?;
            let init = descriptor.message_init.ok_or(Failed)?;
            let message = self.alloc(descriptor.sizeof_message)?.cast().as_ptr();
            init(message);
            Ok(message)
        }
    }

    /// Enlarges an array of `len` elements of `size` bytes by `more`, at least 1, which are zero.
    ///
    /// # Safety
    /// As for [`Allocator::alloc`]; `array` is null or of that length and of this allocator.
    unsafe fn enlarge(self, array: &mut *mut u8, len: usize, more: usize, size: usize) -> Result<(), Failed> {
        let old = len * size;
        let new = len.checked_add(more).and_then(|len| len.checked_mul(size)).ok_or(Failed)?;
        // SAFETY: the caller vouches for the array; the new one has room for it and for more.
        unsafe {
            let larger = self.alloc(new)?.as_ptr();
            if old != 0 {
                larger.copy_from_nonoverlapping(*array, old);
            }
            larger.add(old).write_bytes(0, new - old);
            self.free(*array);
            *array = larger;
        }
        Ok(())
    }

    /// Frees what [`Allocator::alloc`] returned; null is ignored.
    ///
    /// # Safety
    /// As for [`Allocator::alloc`], and nobody uses `memory` any more.
    unsafe fn free<T>(self, memory: *mut T) {
        if memory.is_null() {
            return;
        }
        // SAFETY: the caller vouches for both.
        unsafe {
            match self.0.as_ref() {
                None => libc::free(memory.cast()),
                Some(ProtobufCAllocator { free: Some(free), allocator_data, .. }) => {
                    free(*allocator_data, memory.cast());
                }
                Some(_) => {}
            }
        }
    }
}

/// Bytes that [`write`] writes.
///
/// # Safety
/// As for [`write`].
unsafe fn size(message: *mut ProtobufCMessage) -> usize {
    let mut count = Count::default();
    // SAFETY: the caller vouches for it.
    unsafe { write(message, &mut count) };
    count.0
}

/// Writes a message: its fields in the order of their numbers, then the unknown ones.
///
/// # Safety
/// `message` is an initialised message.
unsafe fn write(message: *mut ProtobufCMessage, out: &mut impl Out) {
    // SAFETY: the caller vouches for the message, its descriptor for its members.
    unsafe {
        for field in fields(&*(*message).descriptor) {
            let Some(member) = Member::new(message, field) else { continue };
            if member.is_repeated() {
                write_repeated(&member, out);
                continue;
            }
            let value = member.kind.load(member.place());
            if member.is_present(&value) {
                out.put_key(field.id, member.kind.wire_type());
                write_value(&value, out);
            }
        }
        for field in unknown_fields(&*message) {
            out.put_varint(u64::from(field.tag) << 3 | u64::from(field.wire_type));
            out.put(bytes(field.data, field.len));
        }
    }
}

/// Writes the values of a repeated field.
///
/// # Safety
/// As for [`write`], for the message of the member.
unsafe fn write_repeated(member: &Member<'_>, out: &mut impl Out) {
    let Member { field, kind, .. } = *member;
    // SAFETY: the caller vouches for the message: there are as many values as it says.
    unsafe {
        let (values, count) = (member.values().read(), member.count().read());
        if values.is_null() || count == 0 {
            return;
        }
        let values = (0..count).map(|i| kind.load(values.add(i * kind.size())));
        if member.is_packed() {
            let mut length = Count::default();
            values.clone().for_each(|value| write_value(&value, &mut length));
            out.put_key(field.id, WireType::LengthDelimited);
            out.put_varint(length.0 as u64);
            values.for_each(|value| write_value(&value, out));
        } else {
            values.for_each(|value| {
                out.put_key(field.id, kind.wire_type());
                write_value(&value, out);
            });
        }
    }
}

/// Writes what follows the key.
///
/// # Safety
/// As for [`write`], when the value is a message.
unsafe fn write_value(value: &Value<'_>, out: &mut impl Out) {
    match value {
        Value::Varint(value) => out.put_varint(*value),
        Value::Fixed32(value) => out.put(value),
        Value::Fixed64(value) => out.put(value),
        Value::Bytes(value) => {
            out.put_varint(value.len() as u64);
            out.put(value);
        }
        Value::Message(message) if message.is_null() => out.put_varint(0),
        // SAFETY: the caller vouches for the message.
        Value::Message(message) => unsafe {
            out.put_varint(size(message.cast_mut()) as u64);
            write(message.cast_mut(), out);
        },
    }
}

/// The unknown fields of a message.
///
/// # Safety
/// The message was unpacked by protobuf-c's rules.
unsafe fn unknown_fields(base: &ProtobufCMessage) -> &[ProtobufCMessageUnknownField] {
    if base.n_unknown_fields == 0 {
        return &[];
    }
    // SAFETY: the caller vouches for it.
    unsafe { slice::from_raw_parts(base.unknown_fields, base.n_unknown_fields as usize) }
}

/// Reads the fields of `wire` into a message. When it fails the message has some of them.
///
/// # Safety
/// `message` is an initialised message, whose memory is `allocator`'s, which is null or valid.
unsafe fn read(
    message: *mut ProtobufCMessage,
    wire: &[u8],
    allocator: Allocator,
    depth: u32,
) -> Result<(), Failed> {
    let depth = depth.checked_sub(1).ok_or(Failed)?;
    // SAFETY: the caller vouches for the message, its descriptor for its members.
    unsafe {
        let known = fields(&*(*message).descriptor);
        let index = |number| known.binary_search_by_key(&number, |field| field.id).ok();
        let member = |field| Member::new(message, field).ok_or(Failed);

        // First everything is counted, so that arrays get their room at once.
        let mut counts = vec![0; known.len()];
        let mut unknown = 0;
        for field in Field::all(wire) {
            let field = field?;
            match index(field.number) {
                Some(i) => counts[i] += values_in(&member(&known[i])?, &field)?,
                None => unknown += 1,
            }
        }
        if unknown > MAX_UNKNOWN {
            return Err(Failed);
        }
        for (field, &count) in known.iter().zip(&counts) {
            if count == 0 && field.label == PROTOBUF_C_LABEL_REQUIRED {
                return Err(Failed);
            }
            let member = member(field)?;
            if count != 0 && member.is_repeated() {
                let len = member.count().read();
                allocator.enlarge(&mut *member.values(), len, count, member.kind.size())?;
            }
        }
        let base = message;
        if unknown != 0 {
            let array = (&raw mut (*base).unknown_fields).cast::<*mut u8>();
            let size = size_of::<ProtobufCMessageUnknownField>();
            allocator.enlarge(&mut *array, (*base).n_unknown_fields as usize, unknown, size)?;
        }

        for field in Field::all(wire) {
            let field = field?;
            match index(field.number) {
                Some(i) => read_field(&member(&known[i])?, &field, allocator, depth)?,
                None => {
                    let data = allocator.copy(field.raw)?;
                    let place = (*base).unknown_fields.add((*base).n_unknown_fields as usize);
                    place.write(ProtobufCMessageUnknownField {
                        tag: field.number,
                        wire_type: field.wire_type as c_uint,
                        len: field.raw.len(),
                        data,
                    });
                    (*base).n_unknown_fields += 1;
                }
            }
        }
    }
    Ok(())
}

/// How many values of a member a field has: several when they are packed.
fn values_in(member: &Member<'_>, field: &Field<'_>) -> Result<usize, Failed> {
    if field.wire_type == member.kind.wire_type() {
        return Ok(1);
    }
    if !member.is_repeated() {
        return Err(Failed);
    }
    // What is no number comes one by one, and has matched above.
    let packed = field.bytes()?;
    Ok(match member.kind.wire_type() {
        WireType::ThirtyTwoBit => packed.len() / 4,
        WireType::SixtyFourBit => packed.len() / 8,
        _ => packed.iter().filter(|&&byte| byte < 0x80).count(),
    })
}

/// Reads one field.
///
/// # Safety
/// As for [`read`]; a repeated member has room for the values of the field.
unsafe fn read_field(
    member: &Member<'_>,
    field: &Field<'_>,
    allocator: Allocator,
    depth: u32,
) -> Result<(), Failed> {
    // SAFETY: the caller vouches for the message and for the room.
    unsafe {
        if !member.is_repeated() {
            if member.is_of_union() {
                clear_union(member, allocator);
                // Until there is a value the union has none.
                member.quantifier().write(0);
                member.place().write_bytes(0, member.kind.size());
            }
            read_value(member, member.place(), field, allocator, depth)?;
            if member.is_of_union() {
                member.quantifier().write(member.field.id);
            } else if member.field.label == PROTOBUF_C_LABEL_OPTIONAL && member.field.quantifier_offset != 0 {
                member.quantifier().write(1);
            }
            return Ok(());
        }
        let values = member.values().read();
        let next = || values.add(member.count().read() * member.kind.size());
        if field.wire_type == member.kind.wire_type() {
            let read = read_value(member, next(), field, allocator, depth);
            // Also when it failed: a message may own something by then.
            *member.count() += 1;
            return read;
        }
        let mut packed = field.bytes()?;
        while !packed.is_empty() {
            member.kind.store(next(), &mut packed)?;
            *member.count() += 1;
        }
    }
    Ok(())
}

/// Reads a value into `place`, which holds one of the member's kind: it is replaced, or merged with.
///
/// # Safety
/// As for [`read`].
unsafe fn read_value(
    member: &Member<'_>,
    place: *mut u8,
    field: &Field<'_>,
    allocator: Allocator,
    depth: u32,
) -> Result<(), Failed> {
    // SAFETY: the caller vouches for the place.
    unsafe {
        match member.kind {
            Kind::String => {
                let copy = allocator.copy_string(field.bytes()?)?;
                free_value(member, place, allocator);
                place.cast::<*mut u8>().write(copy);
            }
            Kind::Bytes => {
                let value = field.bytes()?;
                let data = allocator.copy(value)?;
                free_value(member, place, allocator);
                place.cast::<ProtobufCBinaryData>().write(ProtobufCBinaryData { len: value.len(), data });
            }
            Kind::Message => {
                let value = field.bytes()?;
                let place = place.cast::<*mut ProtobufCMessage>();
                if member.is_unowned(place.read()) {
                    place.write(allocator.message(member.field.descriptor.cast())?);
                }
                // In a union the message would be lost unless it counts by now.
                if member.is_of_union() {
                    member.quantifier().write(member.field.id);
                }
                read(place.read(), value, allocator, depth)?;
            }
            number => number.store(place, &mut &*field.raw)?,
        }
    }
    Ok(())
}

/// Frees what the union of `member` holds.
///
/// # Safety
/// As for [`free`], for the message of the member.
unsafe fn clear_union(member: &Member<'_>, allocator: Allocator) {
    // SAFETY: the caller vouches for the message, its descriptor for its members.
    unsafe {
        let message = member.message();
        let holder = fields(&*(*message).descriptor).iter().find(|field| {
            field.quantifier_offset == member.field.quantifier_offset
                && field.flags & PROTOBUF_C_FIELD_FLAG_ONEOF != 0
                && field.id == member.quantifier().read()
        });
        if let Some(holder) = holder.and_then(|field| Member::new(message, field)) {
            free_value(&holder, holder.place(), allocator);
        }
    }
}

/// Frees a message and what it owns.
///
/// # Safety
/// `message` is an initialised message, whose memory is `allocator`'s, and nobody uses it any more.
unsafe fn free(message: *mut ProtobufCMessage, allocator: Allocator) {
    // SAFETY: the caller vouches for the message, its descriptor for its members.
    unsafe {
        for field in fields(&*(*message).descriptor) {
            let Some(member) = Member::new(message, field) else { continue };
            if member.is_repeated() {
                let values = member.values().read();
                if !values.is_null() {
                    let size = member.kind.size();
                    (0..member.count().read())
                        .for_each(|i| free_value(&member, values.add(i * size), allocator));
                }
                allocator.free(values);
            } else if member.counts() {
                free_value(&member, member.place(), allocator);
            }
        }
        unknown_fields(&*message).iter().for_each(|field| allocator.free(field.data));
        allocator.free((*message).unknown_fields);
        allocator.free(message);
    }
}

/// Frees what the value at `place` owns.
///
/// # Safety
/// As for [`free`], for the message of the member.
unsafe fn free_value(member: &Member<'_>, place: *mut u8, allocator: Allocator) {
    // SAFETY: the caller vouches for the value.
    unsafe {
        match member.kind {
            Kind::String => {
                let text = place.cast::<*mut u8>().read();
                if !member.is_unowned(text) {
                    allocator.free(text);
                }
            }
            Kind::Bytes => allocator.free(place.cast::<ProtobufCBinaryData>().read().data),
            Kind::Message => {
                let message = place.cast::<*mut ProtobufCMessage>().read();
                if !member.is_unowned(message) {
                    free(message, allocator);
                }
            }
            _ => {}
        }
    }
}
