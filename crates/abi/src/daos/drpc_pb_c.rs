//! `daos/drpc.pb-c.h`: `Drpc__Call` and `Drpc__Response` in the layout of protobuf-c.

use crate::*;
use core::ffi::{c_uint, c_void};

/// A call.
pub type Drpc__Call = _Drpc__Call;

/// The answer to a call.
pub type Drpc__Response = _Drpc__Response;

/// The method was called.
pub const DRPC__STATUS__SUCCESS: _Drpc__Status = 0;
/// The method will be called.
pub const DRPC__STATUS__SUBMITTED: _Drpc__Status = 1;
/// The call failed.
pub const DRPC__STATUS__FAILURE: _Drpc__Status = 2;
/// There is no such module.
pub const DRPC__STATUS__UNKNOWN_MODULE: _Drpc__Status = 3;
/// The module has no such method.
pub const DRPC__STATUS__UNKNOWN_METHOD: _Drpc__Status = 4;
/// The message is not a call.
pub const DRPC__STATUS__FAILED_UNMARSHAL_CALL: _Drpc__Status = 5;
/// The method cannot read the body.
pub const DRPC__STATUS__FAILED_UNMARSHAL_PAYLOAD: _Drpc__Status = 6;
/// The response cannot be packed.
pub const DRPC__STATUS__FAILED_MARSHAL: _Drpc__Status = 7;
/// Makes the enumeration as large as an int.
pub const _DRPC__STATUS_IS_INT_SIZE: _Drpc__Status = 2147483647;

/// Outcome of a call as far as dRPC is concerned; what the method has to say is in the body.
pub type _Drpc__Status = c_uint;

/// Outcome of a call.
pub type Drpc__Status = _Drpc__Status;

/// A call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct _Drpc__Call {
    /// What protobuf-c needs of every message.
    pub base: ProtobufCMessage,
    /// A `drpc_module`.
    pub module: i32,
    /// A method of that module.
    pub method: i32,
    /// The response will have it too.
    pub sequence: i64,
    /// The method's own message, packed.
    pub body: ProtobufCBinaryData,
}

/// The answer to a call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct _Drpc__Response {
    /// What protobuf-c needs of every message.
    pub base: ProtobufCMessage,
    /// That of the call.
    pub sequence: i64,
    /// Outcome.
    pub status: Drpc__Status,
    /// The method's own message, packed.
    pub body: ProtobufCBinaryData,
}

/// protobuf-c's type of a function that takes a call.
pub type Drpc__Call_Closure =
    Option<unsafe extern "C" fn(message: *const Drpc__Call, closure_data: *mut c_void)>;

/// protobuf-c's type of a function that takes a response.
pub type Drpc__Response_Closure =
    Option<unsafe extern "C" fn(message: *const Drpc__Response, closure_data: *mut c_void)>;

unsafe extern "C" {
    /// drpc.pb-c.c: gives `message` its default values.
    pub fn drpc__call__init(message: *mut Drpc__Call);
    /// drpc.pb-c.c: bytes that `drpc__call__pack` writes.
    pub fn drpc__call__get_packed_size(message: *const Drpc__Call) -> usize;
    /// drpc.pb-c.c: writes the message to `out`, returns the number of bytes.
    pub fn drpc__call__pack(message: *const Drpc__Call, out: *mut u8) -> usize;
    /// drpc.pb-c.c: appends the message to `buffer`, returns the number of bytes.
    pub fn drpc__call__pack_to_buffer(message: *const Drpc__Call, buffer: *mut ProtobufCBuffer) -> usize;
    /// drpc.pb-c.c: the message in `data`, or null when there is none or no memory.
    pub fn drpc__call__unpack(
        allocator: *mut ProtobufCAllocator,
        len: usize,
        data: *const u8,
    ) -> *mut Drpc__Call;
    /// drpc.pb-c.c: frees the message and what it owns; null is ignored.
    pub fn drpc__call__free_unpacked(message: *mut Drpc__Call, allocator: *mut ProtobufCAllocator);
    /// drpc.pb-c.c: gives `message` its default values.
    pub fn drpc__response__init(message: *mut Drpc__Response);
    /// drpc.pb-c.c: bytes that `drpc__response__pack` writes.
    pub fn drpc__response__get_packed_size(message: *const Drpc__Response) -> usize;
    /// drpc.pb-c.c: writes the message to `out`, returns the number of bytes.
    pub fn drpc__response__pack(message: *const Drpc__Response, out: *mut u8) -> usize;
    /// drpc.pb-c.c: appends the message to `buffer`, returns the number of bytes.
    pub fn drpc__response__pack_to_buffer(
        message: *const Drpc__Response,
        buffer: *mut ProtobufCBuffer,
    ) -> usize;
    /// drpc.pb-c.c: the message in `data`, or null when there is none or no memory.
    pub fn drpc__response__unpack(
        allocator: *mut ProtobufCAllocator,
        len: usize,
        data: *const u8,
    ) -> *mut Drpc__Response;
    /// drpc.pb-c.c: frees the message and what it owns; null is ignored.
    pub fn drpc__response__free_unpacked(message: *mut Drpc__Response, allocator: *mut ProtobufCAllocator);
    /// drpc.pb-c.c: the values of `Drpc__Status`.
    pub static drpc__status__descriptor: ProtobufCEnumDescriptor;
    /// drpc.pb-c.c: the layout of `Drpc__Call`.
    pub static drpc__call__descriptor: ProtobufCMessageDescriptor;
    /// drpc.pb-c.c: the layout of `Drpc__Response`.
    pub static drpc__response__descriptor: ProtobufCMessageDescriptor;
}
