//! `check_engine.pb-c.h`: what the checker's engine side asks of the control plane, in the layout of protobuf-c.

use crate::*;
use core::ffi::c_char;

/// Reports an inconsistency.
pub type Shared__CheckReportReq = _Shared__CheckReportReq;

/// The control plane has the report.
pub type Shared__CheckReportResp = _Shared__CheckReportResp;

/// Asks for the pools that the control plane knows.
pub type Shared__CheckListPoolReq = _Shared__CheckListPoolReq;

/// A pool of a list.
pub type Shared__CheckListPoolResp__OnePool = _Shared__CheckListPoolResp__OnePool;

/// The pools that the control plane knows.
pub type Shared__CheckListPoolResp = _Shared__CheckListPoolResp;

/// Makes a pool known to the control plane, or what has changed of it.
pub type Shared__CheckRegPoolReq = _Shared__CheckRegPoolReq;

/// The control plane knows the pool.
pub type Shared__CheckRegPoolResp = _Shared__CheckRegPoolResp;

/// Makes the control plane forget a pool.
pub type Shared__CheckDeregPoolReq = _Shared__CheckDeregPoolReq;

/// The control plane has forgotten the pool.
pub type Shared__CheckDeregPoolResp = _Shared__CheckDeregPoolResp;

/// Reports an inconsistency.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct _Shared__CheckReportReq {
    /// What protobuf-c needs of every message.
    pub base: ProtobufCMessage,
    /// The report.
    pub report: *mut Chk__CheckReport,
}

/// The control plane has the report.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct _Shared__CheckReportResp {
    /// What protobuf-c needs of every message.
    pub base: ProtobufCMessage,
    /// 0 or `-DER_*`.
    pub status: i32,
}

/// Asks for the pools that the control plane knows.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct _Shared__CheckListPoolReq {
    /// What protobuf-c needs of every message.
    pub base: ProtobufCMessage,
}

/// A pool of a list.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct _Shared__CheckListPoolResp__OnePool {
    /// What protobuf-c needs of every message.
    pub base: ProtobufCMessage,
    /// The pool's UUID, in lower case with hyphens.
    pub uuid: *mut c_char,
    /// The pool's label.
    pub label: *mut c_char,
    /// Entries in `svcreps`.
    pub n_svcreps: usize,
    /// Ranks that serve the pool.
    pub svcreps: *mut u32,
}

/// The pools that the control plane knows.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct _Shared__CheckListPoolResp {
    /// What protobuf-c needs of every message.
    pub base: ProtobufCMessage,
    /// 0 or `-DER_*`.
    pub status: i32,
    /// Entries in `pools`.
    pub n_pools: usize,
    /// The pools.
    pub pools: *mut *mut Shared__CheckListPoolResp__OnePool,
}

/// Makes a pool known to the control plane, or what has changed of it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct _Shared__CheckRegPoolReq {
    /// What protobuf-c needs of every message.
    pub base: ProtobufCMessage,
    /// Number of the checker's event.
    pub seq: u64,
    /// The pool's UUID, in lower case with hyphens.
    pub uuid: *mut c_char,
    /// The pool's label.
    pub label: *mut c_char,
    /// Entries in `svcreps`.
    pub n_svcreps: usize,
    /// Ranks that serve the pool.
    pub svcreps: *mut u32,
}

/// The control plane knows the pool.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct _Shared__CheckRegPoolResp {
    /// What protobuf-c needs of every message.
    pub base: ProtobufCMessage,
    /// 0 or `-DER_*`.
    pub status: i32,
}

/// Makes the control plane forget a pool.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct _Shared__CheckDeregPoolReq {
    /// What protobuf-c needs of every message.
    pub base: ProtobufCMessage,
    /// Number of the checker's event.
    pub seq: u64,
    /// The pool's UUID, in lower case with hyphens.
    pub uuid: *mut c_char,
}

/// The control plane has forgotten the pool.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct _Shared__CheckDeregPoolResp {
    /// What protobuf-c needs of every message.
    pub base: ProtobufCMessage,
    /// 0 or `-DER_*`.
    pub status: i32,
}

unsafe extern "C" {
    /// check_engine.pb-c.c: gives `message` its default values.
    pub fn shared__check_report_req__init(message: *mut Shared__CheckReportReq);
    /// check_engine.pb-c.c: bytes that `shared__check_report_req__pack` writes.
    pub fn shared__check_report_req__get_packed_size(message: *const Shared__CheckReportReq) -> usize;
    /// check_engine.pb-c.c: writes the message to `out`, returns the number of bytes.
    pub fn shared__check_report_req__pack(message: *const Shared__CheckReportReq, out: *mut u8) -> usize;
    /// check_engine.pb-c.c: appends the message to `buffer`, returns the number of bytes.
    pub fn shared__check_report_req__pack_to_buffer(
        message: *const Shared__CheckReportReq,
        buffer: *mut ProtobufCBuffer,
    ) -> usize;
    /// check_engine.pb-c.c: the message in `data`, or null when there is none or no memory.
    pub fn shared__check_report_req__unpack(
        allocator: *mut ProtobufCAllocator,
        len: usize,
        data: *const u8,
    ) -> *mut Shared__CheckReportReq;
    /// check_engine.pb-c.c: frees the message and what it owns; null is ignored.
    pub fn shared__check_report_req__free_unpacked(
        message: *mut Shared__CheckReportReq,
        allocator: *mut ProtobufCAllocator,
    );
    /// check_engine.pb-c.c: gives `message` its default values.
    pub fn shared__check_report_resp__init(message: *mut Shared__CheckReportResp);
    /// check_engine.pb-c.c: bytes that `shared__check_report_resp__pack` writes.
    pub fn shared__check_report_resp__get_packed_size(message: *const Shared__CheckReportResp) -> usize;
    /// check_engine.pb-c.c: writes the message to `out`, returns the number of bytes.
    pub fn shared__check_report_resp__pack(message: *const Shared__CheckReportResp, out: *mut u8) -> usize;
    /// check_engine.pb-c.c: appends the message to `buffer`, returns the number of bytes.
    pub fn shared__check_report_resp__pack_to_buffer(
        message: *const Shared__CheckReportResp,
        buffer: *mut ProtobufCBuffer,
    ) -> usize;
    /// check_engine.pb-c.c: the message in `data`, or null when there is none or no memory.
    pub fn shared__check_report_resp__unpack(
        allocator: *mut ProtobufCAllocator,
        len: usize,
        data: *const u8,
    ) -> *mut Shared__CheckReportResp;
    /// check_engine.pb-c.c: frees the message and what it owns; null is ignored.
    pub fn shared__check_report_resp__free_unpacked(
        message: *mut Shared__CheckReportResp,
        allocator: *mut ProtobufCAllocator,
    );
    /// check_engine.pb-c.c: gives `message` its default values.
    pub fn shared__check_list_pool_req__init(message: *mut Shared__CheckListPoolReq);
    /// check_engine.pb-c.c: bytes that `shared__check_list_pool_req__pack` writes.
    pub fn shared__check_list_pool_req__get_packed_size(message: *const Shared__CheckListPoolReq) -> usize;
    /// check_engine.pb-c.c: writes the message to `out`, returns the number of bytes.
    pub fn shared__check_list_pool_req__pack(message: *const Shared__CheckListPoolReq, out: *mut u8)
    -> usize;
    /// check_engine.pb-c.c: appends the message to `buffer`, returns the number of bytes.
    pub fn shared__check_list_pool_req__pack_to_buffer(
        message: *const Shared__CheckListPoolReq,
        buffer: *mut ProtobufCBuffer,
    ) -> usize;
    /// check_engine.pb-c.c: the message in `data`, or null when there is none or no memory.
    pub fn shared__check_list_pool_req__unpack(
        allocator: *mut ProtobufCAllocator,
        len: usize,
        data: *const u8,
    ) -> *mut Shared__CheckListPoolReq;
    /// check_engine.pb-c.c: frees the message and what it owns; null is ignored.
    pub fn shared__check_list_pool_req__free_unpacked(
        message: *mut Shared__CheckListPoolReq,
        allocator: *mut ProtobufCAllocator,
    );
    /// check_engine.pb-c.c: gives `message` its default values.
    pub fn shared__check_list_pool_resp__one_pool__init(message: *mut Shared__CheckListPoolResp__OnePool);
    /// check_engine.pb-c.c: gives `message` its default values.
    pub fn shared__check_list_pool_resp__init(message: *mut Shared__CheckListPoolResp);
    /// check_engine.pb-c.c: bytes that `shared__check_list_pool_resp__pack` writes.
    pub fn shared__check_list_pool_resp__get_packed_size(message: *const Shared__CheckListPoolResp) -> usize;
    /// check_engine.pb-c.c: writes the message to `out`, returns the number of bytes.
    pub fn shared__check_list_pool_resp__pack(
        message: *const Shared__CheckListPoolResp,
        out: *mut u8,
    ) -> usize;
    /// check_engine.pb-c.c: appends the message to `buffer`, returns the number of bytes.
    pub fn shared__check_list_pool_resp__pack_to_buffer(
        message: *const Shared__CheckListPoolResp,
        buffer: *mut ProtobufCBuffer,
    ) -> usize;
    /// check_engine.pb-c.c: the message in `data`, or null when there is none or no memory.
    pub fn shared__check_list_pool_resp__unpack(
        allocator: *mut ProtobufCAllocator,
        len: usize,
        data: *const u8,
    ) -> *mut Shared__CheckListPoolResp;
    /// check_engine.pb-c.c: frees the message and what it owns; null is ignored.
    pub fn shared__check_list_pool_resp__free_unpacked(
        message: *mut Shared__CheckListPoolResp,
        allocator: *mut ProtobufCAllocator,
    );
    /// check_engine.pb-c.c: gives `message` its default values.
    pub fn shared__check_reg_pool_req__init(message: *mut Shared__CheckRegPoolReq);
    /// check_engine.pb-c.c: bytes that `shared__check_reg_pool_req__pack` writes.
    pub fn shared__check_reg_pool_req__get_packed_size(message: *const Shared__CheckRegPoolReq) -> usize;
    /// check_engine.pb-c.c: writes the message to `out`, returns the number of bytes.
    pub fn shared__check_reg_pool_req__pack(message: *const Shared__CheckRegPoolReq, out: *mut u8) -> usize;
    /// check_engine.pb-c.c: appends the message to `buffer`, returns the number of bytes.
    pub fn shared__check_reg_pool_req__pack_to_buffer(
        message: *const Shared__CheckRegPoolReq,
        buffer: *mut ProtobufCBuffer,
    ) -> usize;
    /// check_engine.pb-c.c: the message in `data`, or null when there is none or no memory.
    pub fn shared__check_reg_pool_req__unpack(
        allocator: *mut ProtobufCAllocator,
        len: usize,
        data: *const u8,
    ) -> *mut Shared__CheckRegPoolReq;
    /// check_engine.pb-c.c: frees the message and what it owns; null is ignored.
    pub fn shared__check_reg_pool_req__free_unpacked(
        message: *mut Shared__CheckRegPoolReq,
        allocator: *mut ProtobufCAllocator,
    );
    /// check_engine.pb-c.c: gives `message` its default values.
    pub fn shared__check_reg_pool_resp__init(message: *mut Shared__CheckRegPoolResp);
    /// check_engine.pb-c.c: bytes that `shared__check_reg_pool_resp__pack` writes.
    pub fn shared__check_reg_pool_resp__get_packed_size(message: *const Shared__CheckRegPoolResp) -> usize;
    /// check_engine.pb-c.c: writes the message to `out`, returns the number of bytes.
    pub fn shared__check_reg_pool_resp__pack(message: *const Shared__CheckRegPoolResp, out: *mut u8)
    -> usize;
    /// check_engine.pb-c.c: appends the message to `buffer`, returns the number of bytes.
    pub fn shared__check_reg_pool_resp__pack_to_buffer(
        message: *const Shared__CheckRegPoolResp,
        buffer: *mut ProtobufCBuffer,
    ) -> usize;
    /// check_engine.pb-c.c: the message in `data`, or null when there is none or no memory.
    pub fn shared__check_reg_pool_resp__unpack(
        allocator: *mut ProtobufCAllocator,
        len: usize,
        data: *const u8,
    ) -> *mut Shared__CheckRegPoolResp;
    /// check_engine.pb-c.c: frees the message and what it owns; null is ignored.
    pub fn shared__check_reg_pool_resp__free_unpacked(
        message: *mut Shared__CheckRegPoolResp,
        allocator: *mut ProtobufCAllocator,
    );
    /// check_engine.pb-c.c: gives `message` its default values.
    pub fn shared__check_dereg_pool_req__init(message: *mut Shared__CheckDeregPoolReq);
    /// check_engine.pb-c.c: bytes that `shared__check_dereg_pool_req__pack` writes.
    pub fn shared__check_dereg_pool_req__get_packed_size(message: *const Shared__CheckDeregPoolReq) -> usize;
    /// check_engine.pb-c.c: writes the message to `out`, returns the number of bytes.
    pub fn shared__check_dereg_pool_req__pack(
        message: *const Shared__CheckDeregPoolReq,
        out: *mut u8,
    ) -> usize;
    /// check_engine.pb-c.c: appends the message to `buffer`, returns the number of bytes.
    pub fn shared__check_dereg_pool_req__pack_to_buffer(
        message: *const Shared__CheckDeregPoolReq,
        buffer: *mut ProtobufCBuffer,
    ) -> usize;
    /// check_engine.pb-c.c: the message in `data`, or null when there is none or no memory.
    pub fn shared__check_dereg_pool_req__unpack(
        allocator: *mut ProtobufCAllocator,
        len: usize,
        data: *const u8,
    ) -> *mut Shared__CheckDeregPoolReq;
    /// check_engine.pb-c.c: frees the message and what it owns; null is ignored.
    pub fn shared__check_dereg_pool_req__free_unpacked(
        message: *mut Shared__CheckDeregPoolReq,
        allocator: *mut ProtobufCAllocator,
    );
    /// check_engine.pb-c.c: gives `message` its default values.
    pub fn shared__check_dereg_pool_resp__init(message: *mut Shared__CheckDeregPoolResp);
    /// check_engine.pb-c.c: bytes that `shared__check_dereg_pool_resp__pack` writes.
    pub fn shared__check_dereg_pool_resp__get_packed_size(
        message: *const Shared__CheckDeregPoolResp,
    ) -> usize;
    /// check_engine.pb-c.c: writes the message to `out`, returns the number of bytes.
    pub fn shared__check_dereg_pool_resp__pack(
        message: *const Shared__CheckDeregPoolResp,
        out: *mut u8,
    ) -> usize;
    /// check_engine.pb-c.c: appends the message to `buffer`, returns the number of bytes.
    pub fn shared__check_dereg_pool_resp__pack_to_buffer(
        message: *const Shared__CheckDeregPoolResp,
        buffer: *mut ProtobufCBuffer,
    ) -> usize;
    /// check_engine.pb-c.c: the message in `data`, or null when there is none or no memory.
    pub fn shared__check_dereg_pool_resp__unpack(
        allocator: *mut ProtobufCAllocator,
        len: usize,
        data: *const u8,
    ) -> *mut Shared__CheckDeregPoolResp;
    /// check_engine.pb-c.c: frees the message and what it owns; null is ignored.
    pub fn shared__check_dereg_pool_resp__free_unpacked(
        message: *mut Shared__CheckDeregPoolResp,
        allocator: *mut ProtobufCAllocator,
    );
    /// check_engine.pb-c.c: the layout of `Shared__CheckReportReq`.
    pub static shared__check_report_req__descriptor: ProtobufCMessageDescriptor;
    /// check_engine.pb-c.c: the layout of `Shared__CheckReportResp`.
    pub static shared__check_report_resp__descriptor: ProtobufCMessageDescriptor;
    /// check_engine.pb-c.c: the layout of `Shared__CheckListPoolReq`.
    pub static shared__check_list_pool_req__descriptor: ProtobufCMessageDescriptor;
    /// check_engine.pb-c.c: the layout of `Shared__CheckListPoolResp__OnePool`.
    pub static shared__check_list_pool_resp__one_pool__descriptor: ProtobufCMessageDescriptor;
    /// check_engine.pb-c.c: the layout of `Shared__CheckListPoolResp`.
    pub static shared__check_list_pool_resp__descriptor: ProtobufCMessageDescriptor;
    /// check_engine.pb-c.c: the layout of `Shared__CheckRegPoolReq`.
    pub static shared__check_reg_pool_req__descriptor: ProtobufCMessageDescriptor;
    /// check_engine.pb-c.c: the layout of `Shared__CheckRegPoolResp`.
    pub static shared__check_reg_pool_resp__descriptor: ProtobufCMessageDescriptor;
    /// check_engine.pb-c.c: the layout of `Shared__CheckDeregPoolReq`.
    pub static shared__check_dereg_pool_req__descriptor: ProtobufCMessageDescriptor;
    /// check_engine.pb-c.c: the layout of `Shared__CheckDeregPoolResp`.
    pub static shared__check_dereg_pool_resp__descriptor: ProtobufCMessageDescriptor;
}
