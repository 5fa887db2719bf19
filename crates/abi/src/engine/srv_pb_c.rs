//! `srv.pb-c.h`: what the engine asks of the control plane, in the layout of protobuf-c.

use crate::*;
use core::ffi::{c_char, c_int};

/// The engine is ready for dRPC.
pub type Srv__NotifyReadyReq = _Srv__NotifyReadyReq;

/// Asks which ranks serve a pool.
pub type Srv__GetPoolSvcReq = _Srv__GetPoolSvcReq;

/// The ranks that serve a pool.
pub type Srv__GetPoolSvcResp = _Srv__GetPoolSvcResp;

/// Asks for the pool of a label.
pub type Srv__PoolFindByLabelReq = _Srv__PoolFindByLabelReq;

/// The pool of a label.
pub type Srv__PoolFindByLabelResp = _Srv__PoolFindByLabelResp;

/// Asks for the pools of the system.
pub type Srv__ListPoolsReq = _Srv__ListPoolsReq;

/// A pool of a list.
pub type Srv__ListPoolsResp__Pool = _Srv__ListPoolsResp__Pool;

/// The pools of the system.
pub type Srv__ListPoolsResp = _Srv__ListPoolsResp;

/// The engine is ready for dRPC.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct _Srv__NotifyReadyReq {
    /// What protobuf-c needs of every message.
    pub base: ProtobufCMessage,
    /// Primary URI of CaRT.
    pub uri: *mut c_char,
    /// Contexts of CaRT.
    pub nctxs: u32,
    /// Path of the engine's dRPC socket.
    pub drpclistenersock: *mut c_char,
    /// The engine's number on its host.
    pub instanceidx: u32,
    /// Targets of the engine.
    pub ntgts: u32,
    /// Incarnation of the rank.
    pub incarnation: u64,
    /// Entries in `secondaryuris`.
    pub n_secondaryuris: usize,
    /// Secondary URIs of CaRT.
    pub secondaryuris: *mut *mut c_char,
    /// Entries in `secondarynctxs`.
    pub n_secondarynctxs: usize,
    /// Contexts of each secondary provider.
    pub secondarynctxs: *mut u32,
    /// Whether the engine runs to be checked.
    pub check_mode: c_int,
}

/// Asks which ranks serve a pool.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct _Srv__GetPoolSvcReq {
    /// What protobuf-c needs of every message.
    pub base: ProtobufCMessage,
    /// The pool's UUID, in lower case with hyphens.
    pub uuid: *mut c_char,
}

/// The ranks that serve a pool.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct _Srv__GetPoolSvcResp {
    /// What protobuf-c needs of every message.
    pub base: ProtobufCMessage,
    /// 0 or `-DER_*`.
    pub status: i32,
    /// Entries in `svcreps`.
    pub n_svcreps: usize,
    /// Ranks that serve the pool.
    pub svcreps: *mut u32,
}

/// Asks for the pool of a label.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct _Srv__PoolFindByLabelReq {
    /// What protobuf-c needs of every message.
    pub base: ProtobufCMessage,
    /// The pool's label.
    pub label: *mut c_char,
}

/// The pool of a label.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct _Srv__PoolFindByLabelResp {
    /// What protobuf-c needs of every message.
    pub base: ProtobufCMessage,
    /// 0 or `-DER_*`.
    pub status: i32,
    /// The pool's UUID, in lower case with hyphens.
    pub uuid: *mut c_char,
    /// Entries in `svcreps`.
    pub n_svcreps: usize,
    /// Ranks that serve the pool.
    pub svcreps: *mut u32,
}

/// Asks for the pools of the system.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct _Srv__ListPoolsReq {
    /// What protobuf-c needs of every message.
    pub base: ProtobufCMessage,
    /// Whether pools are listed that are not ready.
    pub include_all: c_int,
}

/// A pool of a list.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct _Srv__ListPoolsResp__Pool {
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

/// The pools of the system.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct _Srv__ListPoolsResp {
    /// What protobuf-c needs of every message.
    pub base: ProtobufCMessage,
    /// Entries in `pools`.
    pub n_pools: usize,
    /// The pools.
    pub pools: *mut *mut Srv__ListPoolsResp__Pool,
}

unsafe extern "C" {
    /// srv.pb-c.c: gives `message` its default values.
    pub fn srv__notify_ready_req__init(message: *mut Srv__NotifyReadyReq);
    /// srv.pb-c.c: bytes that `srv__notify_ready_req__pack` writes.
    pub fn srv__notify_ready_req__get_packed_size(message: *const Srv__NotifyReadyReq) -> usize;
    /// srv.pb-c.c: writes the message to `out`, returns the number of bytes.
    pub fn srv__notify_ready_req__pack(message: *const Srv__NotifyReadyReq, out: *mut u8) -> usize;
    /// srv.pb-c.c: appends the message to `buffer`, returns the number of bytes.
    pub fn srv__notify_ready_req__pack_to_buffer(
        message: *const Srv__NotifyReadyReq,
        buffer: *mut ProtobufCBuffer,
    ) -> usize;
    /// srv.pb-c.c: the message in `data`, or null when there is none or no memory.
    pub fn srv__notify_ready_req__unpack(
        allocator: *mut ProtobufCAllocator,
        len: usize,
        data: *const u8,
    ) -> *mut Srv__NotifyReadyReq;
    /// srv.pb-c.c: frees the message and what it owns; null is ignored.
    pub fn srv__notify_ready_req__free_unpacked(
        message: *mut Srv__NotifyReadyReq,
        allocator: *mut ProtobufCAllocator,
    );
    /// srv.pb-c.c: gives `message` its default values.
    pub fn srv__get_pool_svc_req__init(message: *mut Srv__GetPoolSvcReq);
    /// srv.pb-c.c: bytes that `srv__get_pool_svc_req__pack` writes.
    pub fn srv__get_pool_svc_req__get_packed_size(message: *const Srv__GetPoolSvcReq) -> usize;
    /// srv.pb-c.c: writes the message to `out`, returns the number of bytes.
    pub fn srv__get_pool_svc_req__pack(message: *const Srv__GetPoolSvcReq, out: *mut u8) -> usize;
    /// srv.pb-c.c: appends the message to `buffer`, returns the number of bytes.
    pub fn srv__get_pool_svc_req__pack_to_buffer(
        message: *const Srv__GetPoolSvcReq,
        buffer: *mut ProtobufCBuffer,
    ) -> usize;
    /// srv.pb-c.c: the message in `data`, or null when there is none or no memory.
    pub fn srv__get_pool_svc_req__unpack(
        allocator: *mut ProtobufCAllocator,
        len: usize,
        data: *const u8,
    ) -> *mut Srv__GetPoolSvcReq;
    /// srv.pb-c.c: frees the message and what it owns; null is ignored.
    pub fn srv__get_pool_svc_req__free_unpacked(
        message: *mut Srv__GetPoolSvcReq,
        allocator: *mut ProtobufCAllocator,
    );
    /// srv.pb-c.c: gives `message` its default values.
    pub fn srv__get_pool_svc_resp__init(message: *mut Srv__GetPoolSvcResp);
    /// srv.pb-c.c: bytes that `srv__get_pool_svc_resp__pack` writes.
    pub fn srv__get_pool_svc_resp__get_packed_size(message: *const Srv__GetPoolSvcResp) -> usize;
    /// srv.pb-c.c: writes the message to `out`, returns the number of bytes.
    pub fn srv__get_pool_svc_resp__pack(message: *const Srv__GetPoolSvcResp, out: *mut u8) -> usize;
    /// srv.pb-c.c: appends the message to `buffer`, returns the number of bytes.
    pub fn srv__get_pool_svc_resp__pack_to_buffer(
        message: *const Srv__GetPoolSvcResp,
        buffer: *mut ProtobufCBuffer,
    ) -> usize;
    /// srv.pb-c.c: the message in `data`, or null when there is none or no memory.
    pub fn srv__get_pool_svc_resp__unpack(
        allocator: *mut ProtobufCAllocator,
        len: usize,
        data: *const u8,
    ) -> *mut Srv__GetPoolSvcResp;
    /// srv.pb-c.c: frees the message and what it owns; null is ignored.
    pub fn srv__get_pool_svc_resp__free_unpacked(
        message: *mut Srv__GetPoolSvcResp,
        allocator: *mut ProtobufCAllocator,
    );
    /// srv.pb-c.c: gives `message` its default values.
    pub fn srv__pool_find_by_label_req__init(message: *mut Srv__PoolFindByLabelReq);
    /// srv.pb-c.c: bytes that `srv__pool_find_by_label_req__pack` writes.
    pub fn srv__pool_find_by_label_req__get_packed_size(message: *const Srv__PoolFindByLabelReq) -> usize;
    /// srv.pb-c.c: writes the message to `out`, returns the number of bytes.
    pub fn srv__pool_find_by_label_req__pack(message: *const Srv__PoolFindByLabelReq, out: *mut u8) -> usize;
    /// srv.pb-c.c: appends the message to `buffer`, returns the number of bytes.
    pub fn srv__pool_find_by_label_req__pack_to_buffer(
        message: *const Srv__PoolFindByLabelReq,
        buffer: *mut ProtobufCBuffer,
    ) -> usize;
    /// srv.pb-c.c: the message in `data`, or null when there is none or no memory.
    pub fn srv__pool_find_by_label_req__unpack(
        allocator: *mut ProtobufCAllocator,
        len: usize,
        data: *const u8,
    ) -> *mut Srv__PoolFindByLabelReq;
    /// srv.pb-c.c: frees the message and what it owns; null is ignored.
    pub fn srv__pool_find_by_label_req__free_unpacked(
        message: *mut Srv__PoolFindByLabelReq,
        allocator: *mut ProtobufCAllocator,
    );
    /// srv.pb-c.c: gives `message` its default values.
    pub fn srv__pool_find_by_label_resp__init(message: *mut Srv__PoolFindByLabelResp);
    /// srv.pb-c.c: bytes that `srv__pool_find_by_label_resp__pack` writes.
    pub fn srv__pool_find_by_label_resp__get_packed_size(message: *const Srv__PoolFindByLabelResp) -> usize;
    /// srv.pb-c.c: writes the message to `out`, returns the number of bytes.
    pub fn srv__pool_find_by_label_resp__pack(
        message: *const Srv__PoolFindByLabelResp,
        out: *mut u8,
    ) -> usize;
    /// srv.pb-c.c: appends the message to `buffer`, returns the number of bytes.
    pub fn srv__pool_find_by_label_resp__pack_to_buffer(
        message: *const Srv__PoolFindByLabelResp,
        buffer: *mut ProtobufCBuffer,
    ) -> usize;
    /// srv.pb-c.c: the message in `data`, or null when there is none or no memory.
    pub fn srv__pool_find_by_label_resp__unpack(
        allocator: *mut ProtobufCAllocator,
        len: usize,
        data: *const u8,
    ) -> *mut Srv__PoolFindByLabelResp;
    /// srv.pb-c.c: frees the message and what it owns; null is ignored.
    pub fn srv__pool_find_by_label_resp__free_unpacked(
        message: *mut Srv__PoolFindByLabelResp,
        allocator: *mut ProtobufCAllocator,
    );
    /// srv.pb-c.c: gives `message` its default values.
    pub fn srv__list_pools_req__init(message: *mut Srv__ListPoolsReq);
    /// srv.pb-c.c: bytes that `srv__list_pools_req__pack` writes.
    pub fn srv__list_pools_req__get_packed_size(message: *const Srv__ListPoolsReq) -> usize;
    /// srv.pb-c.c: writes the message to `out`, returns the number of bytes.
    pub fn srv__list_pools_req__pack(message: *const Srv__ListPoolsReq, out: *mut u8) -> usize;
    /// srv.pb-c.c: appends the message to `buffer`, returns the number of bytes.
    pub fn srv__list_pools_req__pack_to_buffer(
        message: *const Srv__ListPoolsReq,
        buffer: *mut ProtobufCBuffer,
    ) -> usize;
    /// srv.pb-c.c: the message in `data`, or null when there is none or no memory.
    pub fn srv__list_pools_req__unpack(
        allocator: *mut ProtobufCAllocator,
        len: usize,
        data: *const u8,
    ) -> *mut Srv__ListPoolsReq;
    /// srv.pb-c.c: frees the message and what it owns; null is ignored.
    pub fn srv__list_pools_req__free_unpacked(
        message: *mut Srv__ListPoolsReq,
        allocator: *mut ProtobufCAllocator,
    );
    /// srv.pb-c.c: gives `message` its default values.
    pub fn srv__list_pools_resp__pool__init(message: *mut Srv__ListPoolsResp__Pool);
    /// srv.pb-c.c: gives `message` its default values.
    pub fn srv__list_pools_resp__init(message: *mut Srv__ListPoolsResp);
    /// srv.pb-c.c: bytes that `srv__list_pools_resp__pack` writes.
    pub fn srv__list_pools_resp__get_packed_size(message: *const Srv__ListPoolsResp) -> usize;
    /// srv.pb-c.c: writes the message to `out`, returns the number of bytes.
    pub fn srv__list_pools_resp__pack(message: *const Srv__ListPoolsResp, out: *mut u8) -> usize;
    /// srv.pb-c.c: appends the message to `buffer`, returns the number of bytes.
    pub fn srv__list_pools_resp__pack_to_buffer(
        message: *const Srv__ListPoolsResp,
        buffer: *mut ProtobufCBuffer,
    ) -> usize;
    /// srv.pb-c.c: the message in `data`, or null when there is none or no memory.
    pub fn srv__list_pools_resp__unpack(
        allocator: *mut ProtobufCAllocator,
        len: usize,
        data: *const u8,
    ) -> *mut Srv__ListPoolsResp;
    /// srv.pb-c.c: frees the message and what it owns; null is ignored.
    pub fn srv__list_pools_resp__free_unpacked(
        message: *mut Srv__ListPoolsResp,
        allocator: *mut ProtobufCAllocator,
    );
    /// srv.pb-c.c: the layout of `Srv__NotifyReadyReq`.
    pub static srv__notify_ready_req__descriptor: ProtobufCMessageDescriptor;
    /// srv.pb-c.c: the layout of `Srv__GetPoolSvcReq`.
    pub static srv__get_pool_svc_req__descriptor: ProtobufCMessageDescriptor;
    /// srv.pb-c.c: the layout of `Srv__GetPoolSvcResp`.
    pub static srv__get_pool_svc_resp__descriptor: ProtobufCMessageDescriptor;
    /// srv.pb-c.c: the layout of `Srv__PoolFindByLabelReq`.
    pub static srv__pool_find_by_label_req__descriptor: ProtobufCMessageDescriptor;
    /// srv.pb-c.c: the layout of `Srv__PoolFindByLabelResp`.
    pub static srv__pool_find_by_label_resp__descriptor: ProtobufCMessageDescriptor;
    /// srv.pb-c.c: the layout of `Srv__ListPoolsReq`.
    pub static srv__list_pools_req__descriptor: ProtobufCMessageDescriptor;
    /// srv.pb-c.c: the layout of `Srv__ListPoolsResp__Pool`.
    pub static srv__list_pools_resp__pool__descriptor: ProtobufCMessageDescriptor;
    /// srv.pb-c.c: the layout of `Srv__ListPoolsResp`.
    pub static srv__list_pools_resp__descriptor: ProtobufCMessageDescriptor;
}
