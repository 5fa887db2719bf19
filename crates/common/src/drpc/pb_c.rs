//! The C ABI of `common/drpc.pb-c.c`: calls and responses in the memory layout of protobuf-c.
//!
//! The descriptors are real: libprotobuf-c's generic functions (`protobuf_c_message_unpack`, …) work by them.
//! The functions here do not use libprotobuf-c, and follow its rules: messages are allocated and freed by the
//! caller's allocator (malloc and free without one), bytes without content are null, the last of repeated fields
//! wins, and unknown fields are kept and written back.

use core::ffi::{CStr, c_uint, c_void};
use core::{mem, ptr, slice};
use std::mem::{MaybeUninit, offset_of};
use std::ptr::NonNull;

use abi::*;

use super::message::{Call, Malformed, Response, Unknown};

/// The caller's allocator.
#[derive(Clone, Copy)]
struct Allocator(*mut ProtobufCAllocator);

impl Allocator {
    /// `size` bytes, at least 1; `None` when the allocator has none.
    ///
    /// # Safety
    /// The allocator is null or valid.
    unsafe fn alloc(self, size: usize) -> Option<NonNull<c_void>> {
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
        NonNull::new(memory)
    }

    /// A copy of `bytes`; null when there are none.
    ///
    /// # Safety
    /// As for [`Allocator::alloc`].
    unsafe fn copy(self, bytes: &[u8]) -> Option<*mut u8> {
        if bytes.is_empty() {
            return Some(ptr::null_mut());
        }
        // SAFETY: the caller vouches for the allocator, and it for the size.
        unsafe {
            let memory = self.alloc(bytes.len())?.cast::<u8>().as_ptr();
            memory.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            Some(memory)
        }
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

/// A message of this file: its C structure, and the view of it that [`super::message`] reads and writes.
trait Message: Copy + Sized {
    type View<'a>;

    fn descriptor() -> *const ProtobufCMessageDescriptor;
    /// The structure of a message with default values: `DRPC__CALL__INIT`.
    fn initial() -> Self;
    fn base(&mut self) -> &mut ProtobufCMessage;
    fn body(&mut self) -> &mut ProtobufCBinaryData;

    /// # Safety
    /// The body is null or has `body.len` bytes.
    unsafe fn view(&self) -> Self::View<'_>;
    /// Takes all values over but the body, and returns that.
    fn assign<'a>(&mut self, view: Self::View<'a>) -> &'a [u8];

    fn decode(wire: &[u8]) -> Result<(Self::View<'_>, Vec<Unknown<'_>>), Malformed>;
    fn encoded_len(view: &Self::View<'_>) -> usize;
    fn encode(view: &Self::View<'_>, out: &mut impl prost::bytes::BufMut);
}

/// The bytes of a `bytes` field.
///
/// # Safety
/// `data` is null or points to `len` bytes that stay.
unsafe fn bytes<'a>(data: *const u8, len: usize) -> &'a [u8] {
    // SAFETY: the caller vouches for it.
    if data.is_null() { &[] } else { unsafe { slice::from_raw_parts(data, len) } }
}

/// The unknown fields of a message.
///
/// # Safety
/// The message was unpacked by protobuf-c's rules.
unsafe fn unknown_fields(base: &ProtobufCMessage) -> impl Iterator<Item = Unknown<'_>> {
    let fields = if base.n_unknown_fields == 0 {
        &[]
    } else {
        // SAFETY: the caller vouches for it.
        unsafe { slice::from_raw_parts(base.unknown_fields, base.n_unknown_fields as usize) }
    };
    fields.iter().map(|field| Unknown {
        number: field.tag,
        wire_type: field.wire_type as u8,
        // SAFETY: as above.
        raw: unsafe { bytes(field.data, field.len) },
    })
}

/// The message behind `message`, whose descriptor must be its type's: another one is a bug of the caller, from
/// which there is no way back, as protobuf-c's assertion has it.
///
/// # Safety
/// `message` points to an initialised message.
unsafe fn check<'a, M: Message>(message: *const M) -> &'a mut M {
    // SAFETY: the caller vouches for it; C calls these functions with messages that it owns.
    let message = unsafe { &mut *message.cast_mut() };
    assert!(ptr::eq(message.base().descriptor, M::descriptor()), "the message is not of this type");
    message
}

/// `get_packed_size`.
///
/// # Safety
/// As for [`check`].
unsafe fn packed_size<M: Message>(message: *const M) -> usize {
    // SAFETY: the caller vouches for the message.
    unsafe {
        let message = check(message);
        let unknown: usize = unknown_fields(message.base()).map(|field| field.encoded_len()).sum();
        M::encoded_len(&message.view()) + unknown
    }
}

/// Writes the message to `out`, which has room for it.
///
/// # Safety
/// As for [`check`].
unsafe fn write<M: Message>(message: *const M, out: &mut impl prost::bytes::BufMut) {
    // SAFETY: the caller vouches for the message.
    unsafe {
        let message = check(message);
        M::encode(&message.view(), out);
        unknown_fields(message.base()).for_each(|field| field.encode(out));
    }
}

/// `pack`: returns the number of bytes written.
///
/// # Safety
/// As for [`check`]; `out` has room for [`packed_size`] bytes.
unsafe fn pack<M: Message>(message: *const M, out: *mut u8) -> usize {
    // SAFETY: the caller vouches for both.
    unsafe {
        let size = packed_size(message);
        if size != 0 {
            write(message, &mut slice::from_raw_parts_mut(out.cast::<MaybeUninit<u8>>(), size));
        }
        size
    }
}

/// `pack_to_buffer`: returns the number of bytes appended.
///
/// # Safety
/// As for [`check`]; `buffer` is a valid buffer.
unsafe fn pack_to_buffer<M: Message>(message: *const M, buffer: *mut ProtobufCBuffer) -> usize {
    // SAFETY: the caller vouches for both.
    unsafe {
        let mut packed = Vec::with_capacity(packed_size(message));
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
unsafe fn unpack<M: Message>(allocator: *mut ProtobufCAllocator, len: usize, data: *const u8) -> *mut M {
    let allocator = Allocator(allocator);
    // SAFETY: the caller vouches for the bytes.
    let Ok((view, unknown)) = M::decode(unsafe { bytes(data, len) }) else {
        return ptr::null_mut();
    };
    // SAFETY: the caller vouches for the allocator; the memory has the size of what is written to it, and a
    // message that is filled in part is as valid as a whole one.
    unsafe {
        let Some(memory) = allocator.alloc(size_of::<M>()) else { return ptr::null_mut() };
        let message = memory.cast::<M>();
        message.write(M::initial());
        if fill(&mut *message.as_ptr(), view, &unknown, allocator).is_none() {
            free_unpacked(message.as_ptr(), allocator.0);
            return ptr::null_mut();
        }
        message.as_ptr()
    }
}

/// Copies what was read into `message`; `None` when memory is short.
///
/// # Safety
/// `allocator` is null or valid.
unsafe fn fill<M: Message>(
    message: &mut M,
    view: M::View<'_>,
    unknown: &[Unknown<'_>],
    allocator: Allocator,
) -> Option<()> {
    let body = message.assign(view);
    // SAFETY: the caller vouches for the allocator; the array has room for all fields.
    unsafe {
        *message.body() = ProtobufCBinaryData { len: 0, data: allocator.copy(body)? };
        message.body().len = body.len();
        if unknown.is_empty() {
            return Some(());
        }
        let array = allocator.alloc(unknown.len() * size_of::<ProtobufCMessageUnknownField>())?;
        let base = message.base();
        base.unknown_fields = array.cast().as_ptr();
        for field in unknown {
            base.unknown_fields.add(base.n_unknown_fields as usize).write(ProtobufCMessageUnknownField {
                tag: field.number,
                wire_type: field.wire_type.into(),
                len: field.raw.len(),
                data: allocator.copy(field.raw)?,
            });
            base.n_unknown_fields += 1;
        }
    }
    Some(())
}

/// `free_unpacked`; null is ignored.
///
/// # Safety
/// As for [`check`]; what the message points to came from `allocator`.
unsafe fn free_unpacked<M: Message>(message: *mut M, allocator: *mut ProtobufCAllocator) {
    if message.is_null() {
        return;
    }
    let allocator = Allocator(allocator);
    // SAFETY: the caller vouches for both.
    unsafe {
        let checked = check(message);
        allocator.free(checked.body().data);
        let base = checked.base();
        for i in 0..base.n_unknown_fields as usize {
            allocator.free((*base.unknown_fields.add(i)).data);
        }
        allocator.free(base.unknown_fields);
        allocator.free(message);
    }
}

const fn base(descriptor: *const ProtobufCMessageDescriptor) -> ProtobufCMessage {
    ProtobufCMessage { descriptor, n_unknown_fields: 0, unknown_fields: ptr::null_mut() }
}

const NO_BYTES: ProtobufCBinaryData = ProtobufCBinaryData { len: 0, data: ptr::null_mut() };

impl Message for Drpc__Call {
    type View<'a> = Call<'a>;

    fn descriptor() -> *const ProtobufCMessageDescriptor {
        &raw const abi::drpc__call__descriptor
    }
    fn initial() -> Self {
        Drpc__Call { base: base(Self::descriptor()), module: 0, method: 0, sequence: 0, body: NO_BYTES }
    }
    fn base(&mut self) -> &mut ProtobufCMessage {
        &mut self.base
    }
    fn body(&mut self) -> &mut ProtobufCBinaryData {
        &mut self.body
    }
    unsafe fn view(&self) -> Call<'_> {
        // SAFETY: the caller vouches for the body.
        let body = unsafe { bytes(self.body.data, self.body.len) };
        Call { module: self.module, method: self.method, sequence: self.sequence, body }
    }
    fn assign<'a>(&mut self, view: Self::View<'a>) -> &'a [u8] {
        (self.module, self.method, self.sequence) = (view.module, view.method, view.sequence);
        view.body
    }
    fn decode(wire: &[u8]) -> Result<(Call<'_>, Vec<Unknown<'_>>), Malformed> {
        Call::decode(wire)
    }
    fn encoded_len(view: &Call<'_>) -> usize {
        view.encoded_len()
    }
    fn encode(view: &Call<'_>, out: &mut impl prost::bytes::BufMut) {
        view.encode(out);
    }
}

impl Message for Drpc__Response {
    type View<'a> = Response<'a>;

    fn descriptor() -> *const ProtobufCMessageDescriptor {
        &raw const abi::drpc__response__descriptor
    }
    fn initial() -> Self {
        let status = DRPC__STATUS__SUCCESS;
        Drpc__Response { base: base(Self::descriptor()), sequence: 0, status, body: NO_BYTES }
    }
    fn base(&mut self) -> &mut ProtobufCMessage {
        &mut self.base
    }
    fn body(&mut self) -> &mut ProtobufCBinaryData {
        &mut self.body
    }
    unsafe fn view(&self) -> Response<'_> {
        // SAFETY: the caller vouches for the body.
        let body = unsafe { bytes(self.body.data, self.body.len) };
        Response { sequence: self.sequence, status: self.status as i32, body }
    }
    fn assign<'a>(&mut self, view: Self::View<'a>) -> &'a [u8] {
        (self.sequence, self.status) = (view.sequence, view.status as Drpc__Status);
        view.body
    }
    fn decode(wire: &[u8]) -> Result<(Response<'_>, Vec<Unknown<'_>>), Malformed> {
        Response::decode(wire)
    }
    fn encoded_len(view: &Response<'_>) -> usize {
        view.encoded_len()
    }
    fn encode(view: &Response<'_>, out: &mut impl prost::bytes::BufMut) {
        view.encode(out);
    }
}

abi::export! {
    /// `drpc__call__init` (drpc.pb-c.c): gives `message` its default values.
    pub unsafe fn drpc__call__init(message: *mut Drpc__Call) {
        // SAFETY: the caller vouches for it.
        unsafe { message.write(Drpc__Call::initial()) }
    }

    /// `drpc__call__get_packed_size` (drpc.pb-c.c): bytes that [`drpc__call__pack`] writes.
    pub unsafe fn drpc__call__get_packed_size(message: *const Drpc__Call) -> usize {
        // SAFETY: the caller vouches for it.
        unsafe { packed_size(message) }
    }

    /// `drpc__call__pack` (drpc.pb-c.c): writes the message to `out`, returns the number of bytes.
    pub unsafe fn drpc__call__pack(message: *const Drpc__Call, out: *mut u8) -> usize {
        // SAFETY: the caller vouches for it.
        unsafe { pack(message, out) }
    }

    /// `drpc__call__pack_to_buffer` (drpc.pb-c.c): appends the message to `buffer`, returns the number of bytes.
    pub unsafe fn drpc__call__pack_to_buffer(
        message: *const Drpc__Call,
        buffer: *mut ProtobufCBuffer,
    ) -> usize {
        // SAFETY: the caller vouches for it.
        unsafe { pack_to_buffer(message, buffer) }
    }

    /// `drpc__call__unpack` (drpc.pb-c.c): the message in `data`, or null when there is none or no memory.
    pub unsafe fn drpc__call__unpack(
        allocator: *mut ProtobufCAllocator,
        len: usize,
        data: *const u8,
    ) -> *mut Drpc__Call {
        // SAFETY: the caller vouches for it.
        unsafe { unpack(allocator, len, data) }
    }

    /// `drpc__call__free_unpacked` (drpc.pb-c.c): frees the message and what it owns; null is ignored.
    pub unsafe fn drpc__call__free_unpacked(message: *mut Drpc__Call, allocator: *mut ProtobufCAllocator) {
        // SAFETY: the caller vouches for it.
        unsafe { free_unpacked(message, allocator) }
    }

    /// `drpc__response__init` (drpc.pb-c.c): gives `message` its default values.
    pub unsafe fn drpc__response__init(message: *mut Drpc__Response) {
        // SAFETY: the caller vouches for it.
        unsafe { message.write(Drpc__Response::initial()) }
    }

    /// `drpc__response__get_packed_size` (drpc.pb-c.c): bytes that [`drpc__response__pack`] writes.
    pub unsafe fn drpc__response__get_packed_size(message: *const Drpc__Response) -> usize {
        // SAFETY: the caller vouches for it.
        unsafe { packed_size(message) }
    }

    /// `drpc__response__pack` (drpc.pb-c.c): writes the message to `out`, returns the number of bytes.
    pub unsafe fn drpc__response__pack(message: *const Drpc__Response, out: *mut u8) -> usize {
        // SAFETY: the caller vouches for it.
        unsafe { pack(message, out) }
    }

    /// `drpc__response__pack_to_buffer` (drpc.pb-c.c): appends the message to `buffer`, returns the number of
    /// bytes.
    pub unsafe fn drpc__response__pack_to_buffer(
        message: *const Drpc__Response,
        buffer: *mut ProtobufCBuffer,
    ) -> usize {
        // SAFETY: the caller vouches for it.
        unsafe { pack_to_buffer(message, buffer) }
    }

    /// `drpc__response__unpack` (drpc.pb-c.c): the message in `data`, or null when there is none or no memory.
    pub unsafe fn drpc__response__unpack(
        allocator: *mut ProtobufCAllocator,
        len: usize,
        data: *const u8,
    ) -> *mut Drpc__Response {
        // SAFETY: the caller vouches for it.
        unsafe { unpack(allocator, len, data) }
    }

    /// `drpc__response__free_unpacked` (drpc.pb-c.c): frees the message and what it owns; null is ignored.
    pub unsafe fn drpc__response__free_unpacked(
        message: *mut Drpc__Response,
        allocator: *mut ProtobufCAllocator,
    ) {
        // SAFETY: the caller vouches for it.
        unsafe { free_unpacked(message, allocator) }
    }
}

/// A field of proto3 in its descriptor.
const fn field(
    name: &'static CStr,
    id: u32,
    type_: c_uint,
    offset: usize,
    descriptor: *const c_void,
) -> ProtobufCFieldDescriptor {
    ProtobufCFieldDescriptor {
        name: name.as_ptr(),
        id,
        label: PROTOBUF_C_LABEL_NONE,
        type_,
        quantifier_offset: 0,
        offset: offset as c_uint,
        descriptor,
        default_value: ptr::null(),
        flags: 0,
        reserved_flags: 0,
        reserved2: ptr::null_mut(),
        reserved3: ptr::null_mut(),
    }
}

/// A message of package `drpc` whose fields are numbered from 1.
const fn message_descriptor(
    [name, short_name, c_name]: [&'static CStr; 3],
    size: usize,
    fields: &'static [ProtobufCFieldDescriptor],
    by_name: &'static [c_uint],
    ranges: &'static [ProtobufCIntRange; 2],
    init: InitFn,
) -> ProtobufCMessageDescriptor {
    ProtobufCMessageDescriptor {
        magic: PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
        name: name.as_ptr(),
        short_name: short_name.as_ptr(),
        c_name: c_name.as_ptr(),
        package_name: c"drpc".as_ptr(),
        sizeof_message: size,
        n_fields: fields.len() as c_uint,
        fields: fields.as_ptr(),
        fields_sorted_by_name: by_name.as_ptr(),
        n_field_ranges: 1,
        field_ranges: ranges.as_ptr(),
        message_init: Some(init),
        reserved1: ptr::null_mut(),
        reserved2: ptr::null_mut(),
        reserved3: ptr::null_mut(),
    }
}

/// `count` consecutive numbers from `first`, and the entry that ends a table of ranges.
const fn one_range(first: i32, count: u32) -> [ProtobufCIntRange; 2] {
    [
        ProtobufCIntRange { start_value: first, orig_index: 0 },
        ProtobufCIntRange { start_value: 0, orig_index: count },
    ]
}

type InitFn = unsafe extern "C" fn(*mut ProtobufCMessage);
// SAFETY: both types take one pointer; libprotobuf-c passes messages of the descriptor that names the function.
const CALL_INIT: InitFn =
    unsafe { mem::transmute(drpc__call__init as unsafe extern "C" fn(*mut Drpc__Call)) };
// SAFETY: as above.
const RESPONSE_INIT: InitFn =
    unsafe { mem::transmute(drpc__response__init as unsafe extern "C" fn(*mut Drpc__Response)) };

static CALL_FIELDS: [ProtobufCFieldDescriptor; 4] = [
    field(c"module", 1, PROTOBUF_C_TYPE_INT32, offset_of!(Drpc__Call, module), ptr::null()),
    field(c"method", 2, PROTOBUF_C_TYPE_INT32, offset_of!(Drpc__Call, method), ptr::null()),
    field(c"sequence", 3, PROTOBUF_C_TYPE_INT64, offset_of!(Drpc__Call, sequence), ptr::null()),
    field(c"body", 4, PROTOBUF_C_TYPE_BYTES, offset_of!(Drpc__Call, body), ptr::null()),
];
static CALL_BY_NAME: [c_uint; 4] = [3, 1, 0, 2];
static CALL_RANGES: [ProtobufCIntRange; 2] = one_range(1, 4);

static RESPONSE_FIELDS: [ProtobufCFieldDescriptor; 3] = [
    field(c"sequence", 1, PROTOBUF_C_TYPE_INT64, offset_of!(Drpc__Response, sequence), ptr::null()),
    field(
        c"status",
        2,
        PROTOBUF_C_TYPE_ENUM,
        offset_of!(Drpc__Response, status),
        (&raw const drpc__status__descriptor).cast(),
    ),
    field(c"body", 3, PROTOBUF_C_TYPE_BYTES, offset_of!(Drpc__Response, body), ptr::null()),
];
static RESPONSE_BY_NAME: [c_uint; 3] = [2, 0, 1];
static RESPONSE_RANGES: [ProtobufCIntRange; 2] = one_range(1, 3);

const fn status(name: &'static CStr, c_name: &'static CStr, value: Drpc__Status) -> ProtobufCEnumValue {
    ProtobufCEnumValue { name: name.as_ptr(), c_name: c_name.as_ptr(), value: value as i32 }
}

static STATUSES: [ProtobufCEnumValue; 8] = [
    status(c"SUCCESS", c"DRPC__STATUS__SUCCESS", DRPC__STATUS__SUCCESS),
    status(c"SUBMITTED", c"DRPC__STATUS__SUBMITTED", DRPC__STATUS__SUBMITTED),
    status(c"FAILURE", c"DRPC__STATUS__FAILURE", DRPC__STATUS__FAILURE),
    status(c"UNKNOWN_MODULE", c"DRPC__STATUS__UNKNOWN_MODULE", DRPC__STATUS__UNKNOWN_MODULE),
    status(c"UNKNOWN_METHOD", c"DRPC__STATUS__UNKNOWN_METHOD", DRPC__STATUS__UNKNOWN_METHOD),
    status(
        c"FAILED_UNMARSHAL_CALL",
        c"DRPC__STATUS__FAILED_UNMARSHAL_CALL",
        DRPC__STATUS__FAILED_UNMARSHAL_CALL,
    ),
    status(
        c"FAILED_UNMARSHAL_PAYLOAD",
        c"DRPC__STATUS__FAILED_UNMARSHAL_PAYLOAD",
        DRPC__STATUS__FAILED_UNMARSHAL_PAYLOAD,
    ),
    status(c"FAILED_MARSHAL", c"DRPC__STATUS__FAILED_MARSHAL", DRPC__STATUS__FAILED_MARSHAL),
];
static STATUSES_BY_NAME: [ProtobufCEnumValueIndex; 8] = {
    // Positions in STATUSES in the order of the names.
    let order = [7, 5, 6, 2, 1, 0, 4, 3];
    let mut sorted = [ProtobufCEnumValueIndex { name: ptr::null(), index: 0 }; 8];
    let mut i = 0;
    while i < order.len() {
        sorted[i] = ProtobufCEnumValueIndex { name: STATUSES[order[i]].name, index: order[i] as c_uint };
        i += 1;
    }
    sorted
};
static STATUS_RANGES: [ProtobufCIntRange; 2] = one_range(0, 8);

abi::export_data! {
    /// `drpc__call__descriptor` (drpc.pb-c.c): the layout of `Drpc__Call`.
    pub static drpc__call__descriptor: ProtobufCMessageDescriptor = message_descriptor(
        [c"drpc.Call", c"Call", c"Drpc__Call"],
        size_of::<Drpc__Call>(),
        &CALL_FIELDS,
        &CALL_BY_NAME,
        &CALL_RANGES,
        CALL_INIT,
    );

    /// `drpc__response__descriptor` (drpc.pb-c.c): the layout of `Drpc__Response`.
    pub static drpc__response__descriptor: ProtobufCMessageDescriptor = message_descriptor(
        [c"drpc.Response", c"Response", c"Drpc__Response"],
        size_of::<Drpc__Response>(),
        &RESPONSE_FIELDS,
        &RESPONSE_BY_NAME,
        &RESPONSE_RANGES,
        RESPONSE_INIT,
    );

    /// `drpc__status__descriptor` (drpc.pb-c.c): the values of `Drpc__Status`.
    pub static drpc__status__descriptor: ProtobufCEnumDescriptor = ProtobufCEnumDescriptor {
        magic: PROTOBUF_C__ENUM_DESCRIPTOR_MAGIC,
        name: c"drpc.Status".as_ptr(),
        short_name: c"Status".as_ptr(),
        c_name: c"Drpc__Status".as_ptr(),
        package_name: c"drpc".as_ptr(),
        n_values: STATUSES.len() as c_uint,
        values: STATUSES.as_ptr(),
        n_value_names: STATUSES_BY_NAME.len() as c_uint,
        values_by_name: STATUSES_BY_NAME.as_ptr(),
        n_value_ranges: 1,
        value_ranges: STATUS_RANGES.as_ptr(),
        reserved1: ptr::null_mut(),
        reserved2: ptr::null_mut(),
        reserved3: ptr::null_mut(),
        reserved4: ptr::null_mut(),
    };
}
