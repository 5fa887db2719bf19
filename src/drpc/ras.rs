//! Events for the administrator: `drpc_ras.c`.
//!
//! An event is logged, so that it is known even when nobody listens, and sent to the control plane.

use core::ffi::{CStr, c_char, c_int};
use core::fmt::{self, Display, Write};
use core::ptr;
use std::ffi::CString;

use abi::*;
use gurt_client::{Der, Facility, Result, error, info, warn};

use super::upcall::{Request, requests, tell};
use super::uuid::Uuid;

requests! {
    Shared__RASEvent: shared__rasevent__init, shared__rasevent__get_packed_size, shared__rasevent__pack;
    Shared__ClusterEventReq: shared__cluster_event_req__init, shared__cluster_event_req__get_packed_size,
        shared__cluster_event_req__pack;
}

const fn der(code: daos_errno) -> Der {
    Der::new(code as i64)
}

/// What has happened, and what it has to do with. What is none is left out.
struct Event<'a> {
    id: ras_event_t,
    type_: ras_type_t,
    severity: ras_sev_t,
    message: Option<&'a CStr>,
    hardware: Option<&'a CStr>,
    rank: d_rank_t,
    incarnation: u64,
    job: Option<&'a CStr>,
    pool: Option<Uuid>,
    container: Option<Uuid>,
    object: Option<daos_obj_id_t>,
    action: Option<&'a CStr>,
    details: Details<'a>,
}

/// What only events of one kind have.
enum Details<'a> {
    None,
    Text(&'a CStr),
    PoolService { replicas: &'a [d_rank_t], term: u64 },
}

impl Event<'_> {
    /// An event about a rank and nothing else.
    fn about(
        id: ras_event_t,
        type_: ras_type_t,
        message: &CStr,
        rank: d_rank_t,
        incarnation: u64,
    ) -> Event<'_> {
        Event {
            id,
            type_,
            severity: RAS_SEV_NOTICE,
            message: Some(message),
            hardware: None,
            rank,
            incarnation,
            job: None,
            pool: None,
            container: None,
            object: None,
            action: None,
            details: Details::None,
        }
    }

    /// Logs the event and sends it to the control plane; with `wait` also hears that it has arrived.
    fn raise(&self, wait: bool) -> Result {
        let name = event_name(self.id);
        let stamp = Stamp::now(self.message)
            .inspect_err(|err| error!(Facility::SERVER, "failed to init RAS event {name}: {err}"))?;
        self.log(&stamp);
        self.send(&stamp, wait)
            .inspect_err(|err| error!(Facility::SERVER, "failed to send RAS event {name} over dRPC: {err}"))
    }

    /// The line that log analysers look for.
    fn log(&self, stamp: &Stamp<'_>) {
        let mut line = String::new();
        let mut put = |name: &str, value: Option<&dyn Display>| {
            if let Some(value) = value {
                write!(line, " {name}: [{value}]").expect("a string takes any text");
            }
        };
        let text = |text: Option<&CStr>| text.map(|text| text.to_string_lossy().into_owned());
        put("id", Some(&event_name(self.id)));
        put("ts", Some(&stamp.time.to_string_lossy()));
        put("host", Some(&stamp.host.to_string_lossy()));
        put("type", Some(&type_name(self.type_)));
        put("sev", Some(&severity_name(self.severity)));
        put("msg", Some(&stamp.message.to_string_lossy()));
        put("pid", Some(&stamp.process));
        put("tid", Some(&stamp.xstream));
        put("hwid", text(self.hardware).as_ref().map(|it| it as _));
        put("rank", (self.rank != CRT_NO_RANK).then_some(&self.rank));
        put("inc", (self.incarnation != 0).then_some(&format_args!("{:x}", self.incarnation)));
        put("jobid", text(self.job).as_ref().map(|it| it as _));
        put("pool", self.pool.as_ref().map(|it| it as _));
        put("container", self.container.as_ref().map(|it| it as _));
        put("objid", self.object.map(ObjectId).as_ref().map(|it| it as _));
        put("ctlop", text(self.action).as_ref().map(|it| it as _));
        if let Details::Text(details) = self.details {
            put("data", Some(&details.to_string_lossy()));
        }
        match self.severity {
            RAS_SEV_NOTICE => info!(Facility::SERVER, "&&& RAS EVENT{line}"),
            RAS_SEV_WARNING => warn!(Facility::SERVER, "&&& RAS EVENT{line}"),
            _ => error!(Facility::SERVER, "&&& RAS EVENT{line}"),
        }
    }

    fn send(&self, stamp: &Stamp<'_>, wait: bool) -> Result {
        let owned = |text: &dyn Display| CString::new(text.to_string()).expect("no NUL in what is printed");
        let pool = self.pool.map(|pool| owned(&pool));
        let container = self.container.map(|container| owned(&container));
        let object = self.object.map(|object| owned(&ObjectId(object)));

        let mut event = Shared__RASEvent::new();
        event.id = self.id;
        event.msg = pointer(Some(stamp.message));
        event.timestamp = pointer(Some(&stamp.time));
        event.type_ = self.type_;
        event.severity = self.severity;
        event.hostname = pointer(Some(&stamp.host));
        event.rank = self.rank;
        event.incarnation = self.incarnation;
        event.hw_id = pointer(self.hardware);
        event.proc_id = stamp.process;
        event.thread_id = stamp.xstream;
        event.job_id = pointer(self.job);
        event.pool_uuid = pointer(pool.as_deref());
        event.cont_uuid = pointer(container.as_deref());
        event.obj_id = pointer(object.as_deref());
        event.ctl_op = pointer(self.action);

        // SAFETY: the function gives a message its default values.
        let mut service = unsafe {
            let mut service = core::mem::MaybeUninit::uninit();
            shared__rasevent__pool_svc_event_info__init(service.as_mut_ptr());
            service.assume_init()
        };
        match self.details {
            Details::None => {}
            Details::Text(text) => {
                event.extended_info_case = SHARED__RASEVENT__EXTENDED_INFO_STR_INFO;
                event.extended_info.str_info = pointer(Some(text));
            }
            Details::PoolService { replicas, term } => {
                service.n_svc_reps = replicas.len();
                service.svc_reps = replicas.as_ptr().cast_mut();
                service.version = term;
                event.extended_info_case = SHARED__RASEVENT__EXTENDED_INFO_POOL_SVC_INFO;
                event.extended_info.pool_svc_info = &raw mut service;
            }
        }
        let mut request = Shared__ClusterEventReq::new();
        request.event = &raw mut event;
        let flags = if wait { 0 } else { DSS_DRPC_NO_RESP };
        // SAFETY: all that the messages point to outlives the call.
        unsafe { tell(DRPC_METHOD_SRV_CLUSTER_EVENT, &request, flags) }
    }
}

/// When and where an event is raised, and its message, which it must have.
struct Stamp<'a> {
    /// ISO 8601.
    time: CString,
    host: CString,
    process: u64,
    xstream: u64,
    message: &'a CStr,
}

impl<'a> Stamp<'a> {
    fn now(message: Option<&'a CStr>) -> Result<Self> {
        let refuse = |why: &str, code| {
            error!(Facility::SERVER, "{why}");
            Err(der(code))
        };
        let time = timestamp()?;
        // SAFETY: null, or what the calling xstream knows about itself.
        let Some(info) = (unsafe { get_module_info().as_ref() }) else {
            return refuse("failed to retrieve xstream id", DER_UNINIT);
        };
        let host = host();
        if host.is_empty() {
            return refuse("missing hostname parameter", DER_UNINIT);
        }
        let Some(message) = message.filter(|message| !message.is_empty()) else {
            return refuse("missing msg parameter", DER_INVAL);
        };
        let process = std::process::id().into();
        Ok(Stamp { time, host, process, xstream: info.dmi_xs_id as u64, message })
    }
}

/// The time of now in the local zone, `2026-01-31T23:59:59.123456+0100`.
fn timestamp() -> Result<CString> {
    let mut zone: [c_char; 6] = [0; 6];
    // SAFETY: all zeroes are a time; the functions write to places that have room for what they write.
    let (now, local) = unsafe {
        let (mut now, mut local) = (core::mem::zeroed::<libc::timeval>(), core::mem::zeroed::<libc::tm>());
        libc::gettimeofday(&raw mut now, ptr::null_mut());
        if libc::localtime_r(&now.tv_sec, &raw mut local).is_null() {
            error!(Facility::SERVER, "localtime() failed");
            return Err(der(DER_UNINIT));
        }
        libc::strftime(zone.as_mut_ptr(), zone.len(), c"%z".as_ptr(), &local);
        (now, local)
    };
    // SAFETY: strftime ends what it writes with a NUL; what it does not write are NULs.
    let zone = unsafe { CStr::from_ptr(zone.as_ptr()) };
    let text = format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}{}",
        local.tm_year + 1900,
        local.tm_mon + 1,
        local.tm_mday,
        local.tm_hour,
        local.tm_min,
        local.tm_sec,
        now.tv_usec,
        zone.to_string_lossy(),
    );
    Ok(CString::new(text).expect("no NUL in digits"))
}

/// The name of the host, as the engine has found it when it started.
fn host() -> CString {
    // SAFETY: written before the engine starts.
    let host = unsafe { (&raw const dss_hostname).read() };
    let host: Vec<u8> = host.iter().map(|&c| c as u8).take_while(|&c| c != 0).collect();
    CString::new(host).expect("ends before the first NUL")
}

/// `DF_OID`.
struct ObjectId(daos_obj_id_t);

impl Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0.hi, self.0.lo)
    }
}

/// A string for a message, which only reads it.
fn pointer(text: Option<&CStr>) -> *mut c_char {
    text.map_or(ptr::null_mut(), |text| text.as_ptr().cast_mut())
}

/// A string of C.
///
/// # Safety
/// `text` is null or a string that stays.
unsafe fn string<'a>(text: *const c_char) -> Option<&'a CStr> {
    // SAFETY: the caller vouches for it.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) })
}

/// A UUID of C; none when it is null in either sense.
///
/// # Safety
/// `uuid` is null or a UUID.
unsafe fn uuid(uuid: *const uuid_t) -> Option<Uuid> {
    // SAFETY: the caller vouches for it.
    unsafe { uuid.as_ref() }.map(|&uuid| Uuid(uuid)).filter(|uuid| !uuid.is_null())
}

/// This engine's rank; `CRT_NO_RANK` before it has one.
fn self_rank() -> d_rank_t {
    let mut rank = CRT_NO_RANK;
    // SAFETY: no group means the system's; a number is stored.
    if unsafe { crt_group_rank(ptr::null_mut(), &raw mut rank) } == 0 { rank } else { CRT_NO_RANK }
}

/// `ras_event2str`.
fn event_name(id: ras_event_t) -> &'static str {
    match id {
        RAS_UNKNOWN_EVENT => "unknown_ras_event",
        RAS_ENGINE_FORMAT_REQUIRED => "engine_format_required",
        RAS_ENGINE_DIED => "engine_died",
        RAS_ENGINE_ASSERTED => "engine_asserted",
        RAS_ENGINE_CLOCK_DRIFT => "engine_clock_drift",
        RAS_ENGINE_SELF_TERMINATED => "engine_self_terminated",
        RAS_POOL_CORRUPTION_DETECTED => "pool_corruption_detected",
        RAS_POOL_REBUILD_START => "pool_rebuild_started",
        RAS_POOL_REBUILD_END => "pool_rebuild_finished",
        RAS_POOL_REBUILD_FAILED => "pool_rebuild_failed",
        RAS_POOL_REPS_UPDATE => "pool_replicas_updated",
        RAS_POOL_DF_INCOMPAT => "pool_durable_format_incompatible",
        RAS_POOL_DEFER_DESTROY => "pool_destroy_deferred",
        RAS_POOL_START_FAILED => "pool_start_failed",
        RAS_CONT_DF_INCOMPAT => "container_durable_format_incompatible",
        RAS_RDB_DF_INCOMPAT => "rdb_durable_format_incompatible",
        RAS_SWIM_RANK_ALIVE => "swim_rank_alive",
        RAS_SWIM_RANK_DEAD => "swim_rank_dead",
        RAS_SYSTEM_START_FAILED => "system_start_failed",
        RAS_SYSTEM_STOP_FAILED => "system_stop_failed",
        RAS_DEVICE_SET_FAULTY => "device_set_faulty",
        RAS_DEVICE_MEDIA_ERROR => "device_media_error",
        RAS_DEVICE_UNPLUGGED => "device_unplugged",
        RAS_DEVICE_PLUGGED => "device_plugged",
        RAS_DEVICE_REPLACE => "device_replace",
        RAS_SYSTEM_FABRIC_PROV_CHANGED => "system_fabric_provider_changed",
        RAS_ENGINE_JOIN_FAILED => "engine_join_failed",
        RAS_DEVICE_LINK_SPEED_CHANGED => "device_link_speed_changed",
        RAS_DEVICE_LINK_WIDTH_CHANGED => "device_link_width_changed",
        RAS_DEVICE_LED_SET => "device_led_set",
        _ => "unknown_unknown",
    }
}

/// `ras_type2str`.
fn type_name(type_: ras_type_t) -> &'static str {
    if type_ == RAS_TYPE_STATE_CHANGE { "STATE_CHANGE" } else { "INFO" }
}

/// `ras_sev2str`.
fn severity_name(severity: ras_sev_t) -> &'static str {
    match severity {
        RAS_SEV_ERROR => "ERROR",
        RAS_SEV_WARNING => "WARNING",
        _ => "NOTICE",
    }
}

unsafe extern "C" {
    fn vsnprintf(s: *mut c_char, n: usize, fmt: *const c_char, ap: va_list) -> c_int;
}

abi::export! {
    /// `ds_notify_ras_event` (drpc_ras.c): logs an event and sends it to the control plane, without waiting for it.
    ///
    /// Without `rank` the event is about this engine's. What keeps it from being sent is in the log.
    pub weak unsafe fn ds_notify_ras_event(
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
    ) {
        // SAFETY: the caller passes null or what the declaration says.
        let event = unsafe {
            Event {
                id,
                type_,
                severity: sev,
                message: string(msg),
                hardware: string(hwid),
                rank: rank.as_ref().copied().unwrap_or_else(self_rank),
                incarnation: inc.as_ref().copied().unwrap_or(0),
                job: string(jobid),
                pool: uuid(pool),
                container: uuid(cont),
                object: objid.as_ref().copied(),
                action: string(ctlop),
                details: Details::Text(string(data).unwrap_or(c"")),
            }
        };
        // The log has it.
        let _ = event.raise(false);
    }

    /// `ds_notify_pool_svc_update` (drpc_ras.c): tells the control plane that the ranks `svcl` serve a pool, by the
    /// word of the leader of term `version`; waits until it knows. 0 or `-DER_*`.
    pub unsafe fn ds_notify_pool_svc_update(pool: *mut uuid_t, svcl: *mut d_rank_list_t, version: u64) -> c_int {
        // SAFETY: the caller passes null or a UUID.
        let Some(pool) = (unsafe { uuid(pool) }) else {
            error!(Facility::SERVER, "invalid pool");
            return der(DER_INVAL).rc();
        };
        // SAFETY: the caller passes null or a list, which has as many ranks as it says.
        let replicas = unsafe {
            svcl.as_ref().filter(|list| list.rl_nr != 0 && !list.rl_ranks.is_null()).map(|list| {
                core::slice::from_raw_parts(list.rl_ranks, list.rl_nr as usize)
            })
        };
        let Some(replicas) = replicas else {
            error!(Facility::SERVER, "invalid service replicas");
            return der(DER_INVAL).rc();
        };
        let message = c"List of pool service replica ranks has been updated.";
        let event = Event {
            pool: Some(pool),
            details: Details::PoolService { replicas, term: version },
            ..Event::about(RAS_POOL_REPS_UPDATE, RAS_TYPE_STATE_CHANGE, message, self_rank(), 0)
        };
        Der::rc_of(event.raise(true))
    }

    /// `ds_notify_swim_rank_dead` (drpc_ras.c): tells the control plane that SWIM takes `rank` for dead, without
    /// waiting for it. 0 or `-DER_*`.
    pub fn ds_notify_swim_rank_dead(rank: d_rank_t, incarnation: u64) -> c_int {
        let message = c"SWIM marked rank as dead.";
        let event = Event::about(RAS_SWIM_RANK_DEAD, RAS_TYPE_STATE_CHANGE, message, rank, incarnation);
        Der::rc_of(event.raise(false))
    }

    /// `ds_notify_rank_self_terminated` (drpc_ras.c): tells the control plane that this engine's `rank` has been
    /// excluded and ends itself, without waiting for it. 0 or `-DER_*`.
    pub fn ds_notify_rank_self_terminated(rank: d_rank_t, incarnation: u64) -> c_int {
        let message = c"excluded rank self terminated detected";
        let event = Event::about(RAS_ENGINE_SELF_TERMINATED, RAS_TYPE_INFO, message, rank, incarnation);
        Der::rc_of(event.raise(false))
    }
}

abi::variadic! {
    /// `ds_notify_ras_eventf` (drpc_ras.c): [`ds_notify_ras_event`] with a message as of printf. One that is longer
    /// than `DAOS_RAS_STR_FIELD_SIZE - 1` bytes is cut, and ends with a dollar sign.
    pub weak unsafe fn ds_notify_ras_eventf(
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
        fmt: *const c_char;
        ap
    ) {
        let mut text: [c_char; DAOS_RAS_STR_FIELD_SIZE as usize] = [0; DAOS_RAS_STR_FIELD_SIZE as usize];
        // SAFETY: the caller's format and arguments; vsnprintf writes no more than the array holds.
        let len = unsafe { vsnprintf(text.as_mut_ptr(), text.len(), fmt, ap) };
        if usize::try_from(len).is_ok_and(|len| len >= text.len()) {
            text[text.len() - 2] = b'$' as c_char;
        }
        // A format that cannot be printed is better than nothing.
        let msg = if len < 0 { fmt.cast_mut() } else { text.as_mut_ptr() };
        // SAFETY: the message is a string; the rest is the caller's.
        unsafe {
            abi::ds_notify_ras_event(
                id, msg, type_, sev, hwid, rank, inc, jobid, pool, cont, objid, ctlop, data,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_iso_8601_with_microseconds_and_zone() {
        let time = timestamp().expect("there is a local time");
        let shape: String = time
            .to_str()
            .expect("digits")
            .chars()
            .map(|c| if c.is_ascii_digit() { '9' } else { c })
            .collect();
        assert!(
            ["+", "-"].iter().any(|sign| shape == format!("9999-99-99T99:99:99.999999{sign}9999")),
            "{time:?}"
        );
    }

    #[test]
    fn names_are_those_of_the_control_plane() {
        assert_eq!(event_name(RAS_SWIM_RANK_DEAD), "swim_rank_dead");
        assert_eq!(event_name(9999), "unknown_unknown");
        assert_eq!((type_name(RAS_TYPE_ANY), severity_name(RAS_SEV_UNKNOWN)), ("INFO", "NOTICE"));
        assert_eq!(ObjectId(daos_obj_id_t { lo: 1, hi: 2 }).to_string(), "2.1");
    }
}
