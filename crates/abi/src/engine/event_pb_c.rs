//! `event.pb-c.h`: RAS events in the layout of protobuf-c.

use crate::*;
use core::ffi::{c_char, c_int, c_uint};

/// What the change of an engine's state is about.
pub type Shared__RASEvent__EngineStateEventInfo = _Shared__RASEvent__EngineStateEventInfo;

/// What the change of a pool's service is about.
pub type Shared__RASEvent__PoolSvcEventInfo = _Shared__RASEvent__PoolSvcEventInfo;

/// An event for the administrator.
pub type Shared__RASEvent = _Shared__RASEvent;

/// Tells the control plane of an event.
pub type Shared__ClusterEventReq = _Shared__ClusterEventReq;

/// The control plane has heard of an event.
pub type Shared__ClusterEventResp = _Shared__ClusterEventResp;

/// The event has no member of the union.
pub const SHARED__RASEVENT__EXTENDED_INFO__NOT_SET: Shared__RASEvent__ExtendedInfoCase = 0;
/// It has `str_info`.
pub const SHARED__RASEVENT__EXTENDED_INFO_STR_INFO: Shared__RASEvent__ExtendedInfoCase = 17;
/// It has `engine_state_info`.
pub const SHARED__RASEVENT__EXTENDED_INFO_ENGINE_STATE_INFO: Shared__RASEvent__ExtendedInfoCase = 18;
/// It has `pool_svc_info`.
pub const SHARED__RASEVENT__EXTENDED_INFO_POOL_SVC_INFO: Shared__RASEvent__ExtendedInfoCase = 19;
/// Makes the enumeration as large as an int.
pub const _SHARED__RASEVENT__EXTENDED_INFO_IS_INT_SIZE: Shared__RASEvent__ExtendedInfoCase = 2147483647;

/// Which member of an event's union counts: the number of its field.
pub type Shared__RASEvent__ExtendedInfoCase = c_uint;

/// What the change of an engine's state is about.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct _Shared__RASEvent__EngineStateEventInfo {
    /// What protobuf-c needs of every message.
    pub base: ProtobufCMessage,
    /// The engine's number on its host.
    pub instance: u32,
    /// Whether the engine is in an error state.
    pub errored: c_int,
    /// The error.
    pub error: *mut c_char,
}

/// What the change of a pool's service is about.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct _Shared__RASEvent__PoolSvcEventInfo {
    /// What protobuf-c needs of every message.
    pub base: ProtobufCMessage,
    /// Entries in `svc_reps`.
    pub n_svc_reps: usize,
    /// Ranks that serve the pool.
    pub svc_reps: *mut u32,
    /// Term of the service's leader.
    pub version: u64,
}

/// An event for the administrator.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct _Shared__RASEvent {
    /// What protobuf-c needs of every message.
    pub base: ProtobufCMessage,
    /// A `ras_event_t`.
    pub id: u32,
    /// What has happened, for humans.
    pub msg: *mut c_char,
    /// When: ISO 8601 with microseconds and the offset of the time zone.
    pub timestamp: *mut c_char,
    /// A `ras_type_t`.
    pub type_: u32,
    /// A `ras_sev_t`.
    pub severity: u32,
    /// Host.
    pub hostname: *mut c_char,
    /// Rank; `CRT_NO_RANK` if none.
    pub rank: u32,
    /// Incarnation of the rank; 0 if the event is about none.
    pub incarnation: u64,
    /// Piece of hardware; empty if none.
    pub hw_id: *mut c_char,
    /// Process.
    pub proc_id: u64,
    /// Id of the xstream.
    pub thread_id: u64,
    /// Job; empty if none.
    pub job_id: *mut c_char,
    /// Pool; empty if none.
    pub pool_uuid: *mut c_char,
    /// Container; empty if none.
    pub cont_uuid: *mut c_char,
    /// Object; empty if none.
    pub obj_id: *mut c_char,
    /// What to do automatically; empty if nothing.
    pub ctl_op: *mut c_char,
    /// Which member of the union counts.
    pub extended_info_case: Shared__RASEvent__ExtendedInfoCase,
    /// What depends on the event.
    ///
    /// C: anonymous.
    pub extended_info: Shared__RASEvent__ExtendedInfo,
}

/// What depends on the event.
///
/// C: in place.
#[repr(C)]
#[derive(Clone, Copy)]
pub union Shared__RASEvent__ExtendedInfo {
    /// Text for those who know the event.
    pub str_info: *mut c_char,
    /// Change of an engine's state.
    pub engine_state_info: *mut Shared__RASEvent__EngineStateEventInfo,
    /// Change of a pool's service.
    pub pool_svc_info: *mut Shared__RASEvent__PoolSvcEventInfo,
}

/// Tells the control plane of an event.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct _Shared__ClusterEventReq {
    /// What protobuf-c needs of every message.
    pub base: ProtobufCMessage,
    /// Number of the event.
    pub sequence: u64,
    /// The event.
    pub event: *mut Shared__RASEvent,
}

/// The control plane has heard of an event.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct _Shared__ClusterEventResp {
    /// What protobuf-c needs of every message.
    pub base: ProtobufCMessage,
    /// Number of the event.
    pub sequence: u64,
    /// 0 or `-DER_*`.
    pub status: i32,
}

unsafe extern "C" {
    /// event.pb-c.c: gives `message` its default values.
    pub fn shared__rasevent__engine_state_event_info__init(
        message: *mut Shared__RASEvent__EngineStateEventInfo,
    );
    /// event.pb-c.c: gives `message` its default values.
    pub fn shared__rasevent__pool_svc_event_info__init(message: *mut Shared__RASEvent__PoolSvcEventInfo);
    /// event.pb-c.c: gives `message` its default values.
    pub fn shared__rasevent__init(message: *mut Shared__RASEvent);
    /// event.pb-c.c: bytes that `shared__rasevent__pack` writes.
    pub fn shared__rasevent__get_packed_size(message: *const Shared__RASEvent) -> usize;
    /// event.pb-c.c: writes the message to `out`, returns the number of bytes.
    pub fn shared__rasevent__pack(message: *const Shared__RASEvent, out: *mut u8) -> usize;
    /// event.pb-c.c: appends the message to `buffer`, returns the number of bytes.
    pub fn shared__rasevent__pack_to_buffer(
        message: *const Shared__RASEvent,
        buffer: *mut ProtobufCBuffer,
    ) -> usize;
    /// event.pb-c.c: the message in `data`, or null when there is none or no memory.
    pub fn shared__rasevent__unpack(
        allocator: *mut ProtobufCAllocator,
        len: usize,
        data: *const u8,
    ) -> *mut Shared__RASEvent;
    /// event.pb-c.c: frees the message and what it owns; null is ignored.
    pub fn shared__rasevent__free_unpacked(
        message: *mut Shared__RASEvent,
        allocator: *mut ProtobufCAllocator,
    );
    /// event.pb-c.c: gives `message` its default values.
    pub fn shared__cluster_event_req__init(message: *mut Shared__ClusterEventReq);
    /// event.pb-c.c: bytes that `shared__cluster_event_req__pack` writes.
    pub fn shared__cluster_event_req__get_packed_size(message: *const Shared__ClusterEventReq) -> usize;
    /// event.pb-c.c: writes the message to `out`, returns the number of bytes.
    pub fn shared__cluster_event_req__pack(message: *const Shared__ClusterEventReq, out: *mut u8) -> usize;
    /// event.pb-c.c: appends the message to `buffer`, returns the number of bytes.
    pub fn shared__cluster_event_req__pack_to_buffer(
        message: *const Shared__ClusterEventReq,
        buffer: *mut ProtobufCBuffer,
    ) -> usize;
    /// event.pb-c.c: the message in `data`, or null when there is none or no memory.
    pub fn shared__cluster_event_req__unpack(
        allocator: *mut ProtobufCAllocator,
        len: usize,
        data: *const u8,
    ) -> *mut Shared__ClusterEventReq;
    /// event.pb-c.c: frees the message and what it owns; null is ignored.
    pub fn shared__cluster_event_req__free_unpacked(
        message: *mut Shared__ClusterEventReq,
        allocator: *mut ProtobufCAllocator,
    );
    /// event.pb-c.c: gives `message` its default values.
    pub fn shared__cluster_event_resp__init(message: *mut Shared__ClusterEventResp);
    /// event.pb-c.c: bytes that `shared__cluster_event_resp__pack` writes.
    pub fn shared__cluster_event_resp__get_packed_size(message: *const Shared__ClusterEventResp) -> usize;
    /// event.pb-c.c: writes the message to `out`, returns the number of bytes.
    pub fn shared__cluster_event_resp__pack(message: *const Shared__ClusterEventResp, out: *mut u8) -> usize;
    /// event.pb-c.c: appends the message to `buffer`, returns the number of bytes.
    pub fn shared__cluster_event_resp__pack_to_buffer(
        message: *const Shared__ClusterEventResp,
        buffer: *mut ProtobufCBuffer,
    ) -> usize;
    /// event.pb-c.c: the message in `data`, or null when there is none or no memory.
    pub fn shared__cluster_event_resp__unpack(
        allocator: *mut ProtobufCAllocator,
        len: usize,
        data: *const u8,
    ) -> *mut Shared__ClusterEventResp;
    /// event.pb-c.c: frees the message and what it owns; null is ignored.
    pub fn shared__cluster_event_resp__free_unpacked(
        message: *mut Shared__ClusterEventResp,
        allocator: *mut ProtobufCAllocator,
    );
    /// event.pb-c.c: the layout of `Shared__RASEvent__EngineStateEventInfo`.
    pub static shared__rasevent__engine_state_event_info__descriptor: ProtobufCMessageDescriptor;
    /// event.pb-c.c: the layout of `Shared__RASEvent__PoolSvcEventInfo`.
    pub static shared__rasevent__pool_svc_event_info__descriptor: ProtobufCMessageDescriptor;
    /// event.pb-c.c: the layout of `Shared__RASEvent`.
    pub static shared__rasevent__descriptor: ProtobufCMessageDescriptor;
    /// event.pb-c.c: the layout of `Shared__ClusterEventReq`.
    pub static shared__cluster_event_req__descriptor: ProtobufCMessageDescriptor;
    /// event.pb-c.c: the layout of `Shared__ClusterEventResp`.
    pub static shared__cluster_event_resp__descriptor: ProtobufCMessageDescriptor;
}
