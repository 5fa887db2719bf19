//! `daos_srv/ras.h`: RAS events.

use crate::*;
use core::ffi::{c_char, c_int, c_uint};

/// Bytes of a text of an event.
pub const DAOS_RAS_STR_FIELD_SIZE: u32 = 128;
/// Bytes of an event's name.
pub const DAOS_RAS_ID_FIELD_SIZE: u32 = 64;
/// Not known.
pub const RAS_UNKNOWN_EVENT: ras_event_t = 0;
/// Storage must be formatted.
pub const RAS_ENGINE_FORMAT_REQUIRED: ras_event_t = 1;
/// An engine has died.
pub const RAS_ENGINE_DIED: ras_event_t = 2;
/// An engine has failed an assertion.
pub const RAS_ENGINE_ASSERTED: ras_event_t = 3;
/// An engine's clock differs from others.
pub const RAS_ENGINE_CLOCK_DRIFT: ras_event_t = 4;
/// An engine has ended itself.
pub const RAS_ENGINE_SELF_TERMINATED: ras_event_t = 5;
/// A pool is corrupt.
pub const RAS_POOL_CORRUPTION_DETECTED: ras_event_t = 6;
/// A rebuild has begun.
pub const RAS_POOL_REBUILD_START: ras_event_t = 7;
/// A rebuild has ended.
pub const RAS_POOL_REBUILD_END: ras_event_t = 8;
/// A rebuild has failed.
pub const RAS_POOL_REBUILD_FAILED: ras_event_t = 9;
/// Other ranks serve a pool now.
pub const RAS_POOL_REPS_UPDATE: ras_event_t = 10;
/// A pool's durable format is not supported.
pub const RAS_POOL_DF_INCOMPAT: ras_event_t = 11;
/// A pool will be destroyed later.
pub const RAS_POOL_DEFER_DESTROY: ras_event_t = 12;
/// A pool did not start.
pub const RAS_POOL_START_FAILED: ras_event_t = 13;
/// A container's durable format is not supported.
pub const RAS_CONT_DF_INCOMPAT: ras_event_t = 14;
/// A database's durable format is not supported.
pub const RAS_RDB_DF_INCOMPAT: ras_event_t = 15;
/// A rank is alive.
pub const RAS_SWIM_RANK_ALIVE: ras_event_t = 16;
/// A rank is dead.
pub const RAS_SWIM_RANK_DEAD: ras_event_t = 17;
/// The system did not start.
pub const RAS_SYSTEM_START_FAILED: ras_event_t = 18;
/// The system did not stop.
pub const RAS_SYSTEM_STOP_FAILED: ras_event_t = 19;
/// A device was set faulty.
pub const RAS_DEVICE_SET_FAULTY: ras_event_t = 20;
/// A device has a media error.
pub const RAS_DEVICE_MEDIA_ERROR: ras_event_t = 21;
/// A device was unplugged.
pub const RAS_DEVICE_UNPLUGGED: ras_event_t = 22;
/// A device was plugged in.
pub const RAS_DEVICE_PLUGGED: ras_event_t = 23;
/// A device was replaced.
pub const RAS_DEVICE_REPLACE: ras_event_t = 24;
/// The system uses another fabric provider.
pub const RAS_SYSTEM_FABRIC_PROV_CHANGED: ras_event_t = 25;
/// An engine could not join.
pub const RAS_ENGINE_JOIN_FAILED: ras_event_t = 26;
/// A device's link has another speed.
pub const RAS_DEVICE_LINK_SPEED_CHANGED: ras_event_t = 27;
/// A device's link has another width.
pub const RAS_DEVICE_LINK_WIDTH_CHANGED: ras_event_t = 28;
/// A device's LED was set.
pub const RAS_DEVICE_LED_SET: ras_event_t = 29;

/// Events for the administrator; their names are in `RAS_EVENT_LIST` of ras.h.
pub type ras_event_t = c_uint;

/// Either.
pub const RAS_TYPE_ANY: ras_type_t = 0;
/// Something changes its state, and others react to it.
pub const RAS_TYPE_STATE_CHANGE: ras_type_t = 1;
/// For information.
pub const RAS_TYPE_INFO: ras_type_t = 2;

/// What an event is for.
pub type ras_type_t = c_uint;

/// Not known.
pub const RAS_SEV_UNKNOWN: ras_sev_t = 0;
/// Error.
pub const RAS_SEV_ERROR: ras_sev_t = 1;
/// Warning.
pub const RAS_SEV_WARNING: ras_sev_t = 2;
/// Notice.
pub const RAS_SEV_NOTICE: ras_sev_t = 3;

/// How severe an event is.
pub type ras_sev_t = c_uint;

unsafe extern "C" {
    /// drpc_ras.c, weak: logs an event and tells the control plane of it, without waiting for it.
    ///
    /// `msg` must not be empty; what the event has nothing to do with is null. Without a `rank` it is this engine's.
    pub fn ds_notify_ras_event(
        id: ras_event_t,
        msg: *mut c_char,
        type_: ras_type_t,
        sev: ras_sev_t,
        hwid: *mut c_char,
        rank: *mut d_rank_t,
        inc: *mut u64,
        jobid: *mut c_char,
        pool: *mut uuid_t,
        cont: *mut uuid_t,
        objid: *mut daos_obj_id_t,
        ctlop: *mut c_char,
        data: *mut c_char,
    );
    /// drpc_ras.c, weak: the same with a message as of printf. One of more than `DAOS_RAS_STR_FIELD_SIZE - 1` bytes
    /// is cut, and ends with a dollar sign.
    pub fn ds_notify_ras_eventf(
        id: ras_event_t,
        type_: ras_type_t,
        sev: ras_sev_t,
        hwid: *mut c_char,
        rank: *mut d_rank_t,
        inc: *mut u64,
        jobid: *mut c_char,
        pool: *mut uuid_t,
        cont: *mut uuid_t,
        objid: *mut daos_obj_id_t,
        ctlop: *mut c_char,
        data: *mut c_char,
        fmt: *const c_char,
        ...
    );
    /// drpc_ras.c: tells the control plane which ranks serve a pool; waits for it. `version` is the term of the
    /// leader. 0 or `-DER_*`.
    pub fn ds_notify_pool_svc_update(pool: *mut uuid_t, svcl: *mut d_rank_list_t, version: u64) -> c_int;
    /// drpc_ras.c: tells the control plane that SWIM takes a rank for dead, without waiting for it. 0 or `-DER_*`.
    pub fn ds_notify_swim_rank_dead(rank: d_rank_t, incarnation: u64) -> c_int;
    /// drpc_ras.c: tells the control plane that this rank, which is excluded, ends, without waiting for it. 0 or
    /// `-DER_*`.
    pub fn ds_notify_rank_self_terminated(rank: d_rank_t, incarnation: u64) -> c_int;
}
