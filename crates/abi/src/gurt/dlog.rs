//! `gurt/dlog.h`, `gurt/debug_setup.h`: log masks, facilities, entry points.

use crate::va_list;
use core::ffi::{c_char, c_int, c_uint};

/// The tag has the process id.
pub const DLOG_FLV_LOGPID: u32 = 1;
/// The host's name is complete.
pub const DLOG_FLV_FQDN: u32 = 2;
/// Lines name the facility.
pub const DLOG_FLV_FAC: u32 = 4;
/// Lines have the year.
pub const DLOG_FLV_YEAR: u32 = 8;
/// Lines have the tag.
pub const DLOG_FLV_TAG: u32 = 16;
/// Everything goes to standard output as well.
pub const DLOG_FLV_STDOUT: u32 = 32;
/// Everything goes to standard error as well.
pub const DLOG_FLV_STDERR: u32 = 64;
/// What the log uses.
pub const DLOG_FLV_DEFAULT: u32 = 29;
/// The message goes to standard error as well.
pub const DLOG_STDERR: u32 = 536870912;
/// The message goes to standard output as well.
pub const DLOG_STDOUT: u32 = 268435456;
/// Bits of a message's level and debug streams.
pub const DLOG_PRIMASK: u32 = 268435200;
/// Position of the level.
pub const DLOG_PRISHIFT: u32 = 24;
/// Position of the debug streams.
pub const DLOG_DPRISHIFT: u32 = 8;
/// Bits of the level.
pub const DLOG_PRINDMASK: u32 = 251658240;
/// Bits of the facility.
pub const DLOG_FACMASK: u32 = 255;
/// A word of a facility's cache that is not known yet.
pub const DLOG_UNINIT: u32 = 2147483648;

/// A mask of debug streams.
pub type d_dbug_t = u64;

/// Always logged.
pub const DLOG_EMIT: c_uint = 134217728;
/// The process cannot go on.
pub const DLOG_EMERG: c_uint = 117440512;
/// Somebody must act.
pub const DLOG_ALERT: c_uint = 100663296;
/// Critical.
pub const DLOG_CRIT: c_uint = 83886080;
/// Error.
pub const DLOG_ERR: c_uint = 67108864;
/// Warning.
pub const DLOG_WARN: c_uint = 50331648;
/// Worth a note.
pub const DLOG_NOTE: c_uint = 33554432;
/// Information.
pub const DLOG_INFO: c_uint = 16777216;
/// All debug streams.
pub const DLOG_DBG: c_uint = 16776960;
/// The group is the default.
pub const D_LOG_SET_AS_DEFAULT: d_log_flag_bits = 1;

/// Flags of `d_log_dbg_grp_alloc`.
pub type d_log_flag_bits = c_uint;

/// A facility of the log.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlog_fac {
    /// Its short name.
    pub fac_aname: *mut c_char,
    /// Its long name; may be null.
    pub fac_lname: *mut c_char,
    /// Lowest level that is logged, or bits of the debug streams that are.
    pub fac_mask: c_int,
    /// Whether less than errors is logged at all.
    pub is_enabled: bool,
}

/// The part of the log's state that inline functions read.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_log_xstate {
    /// First part of each line's tag; null while the log is not open.
    pub tag: *mut c_char,
    /// Facilities, by number.
    pub dlog_facs: *mut dlog_fac,
    /// Name of the host.
    pub nodename: *mut c_char,
    /// Entries in `dlog_facs`.
    pub fac_cnt: c_int,
}

/// What `DD_MASK` and `DD_STDERR` have set.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_debug_data {
    /// Debug streams that are on.
    pub dd_mask: d_dbug_t,
    /// Level from which messages go to standard error as well.
    pub dd_prio_err: d_dbug_t,
    /// Debug streams that are registered.
    pub dbg_bit_cnt: c_int,
    /// Groups that are registered.
    pub dbg_grp_cnt: c_int,
}

/// A level.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_debug_priority {
    /// Its name.
    pub dd_name: *mut c_char,
    /// Its bits.
    pub dd_prio: d_dbug_t,
    /// Bytes of its name.
    pub dd_name_size: usize,
}

/// A debug stream.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_debug_bit {
    /// The variable that holds its bit.
    pub db_bit: *mut d_dbug_t,
    /// Its short name.
    pub db_name: *mut c_char,
    /// Its long name.
    pub db_lname: *mut c_char,
    /// Bytes of its short name.
    pub db_name_size: usize,
    /// Bytes of its long name.
    pub db_lname_size: usize,
}

/// A group of debug streams.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_debug_grp {
    /// Its name.
    pub dg_name: *mut c_char,
    /// Bytes of its name.
    pub dg_name_size: usize,
    /// Its streams.
    pub dg_mask: d_dbug_t,
}

/// Tells the log which xstream and ULT calls it.
pub type d_log_id_cb_t = Option<unsafe extern "C" fn(xs_id: *mut u32, ult_id: *mut u64)>;

unsafe extern "C" {
    /// dlog.c: what C's inline `d_log_check` reads.
    pub static mut d_log_xst: d_log_xstate;
    /// debug.c: what `DD_MASK` and `DD_STDERR` select, and how many bits and groups exist.
    pub static mut d_dbglog_data: d_debug_data;
    /// debug.c: gives a bit back. 0 or -1.
    pub fn d_log_dbg_bit_dealloc(name: *mut c_char) -> c_int;
    /// debug.c: the bit of that name, a new one if there is none. 0 or -1.
    pub fn d_log_dbg_bit_alloc(dbgbit: *mut d_dbug_t, name: *mut c_char, lname: *mut c_char) -> c_int;
    /// debug.c: gives a group back. 0 or -1.
    pub fn d_log_dbg_grp_dealloc(grpname: *mut c_char) -> c_int;
    /// debug.c: names a group of bits, and selects it if `flags` holds `D_LOG_SET_AS_DEFAULT`. 0 or -1.
    pub fn d_log_dbg_grp_alloc(dbgmask: d_dbug_t, grpname: *mut c_char, flags: u32) -> c_int;
    /// dlog.c: formats and writes one line; `flags` come from `d_log_check`, 0 writes nothing.
    pub fn d_vlog(flags: c_int, fmt: *const c_char, ap: va_list);
    /// dlog.c: names a facility, which is created if need be. 0 or -1.
    pub fn d_log_namefacility(facility: c_int, aname: *const c_char, lname: *const c_char) -> c_int;
    /// dlog.c: whether `DD_SUBSYS` lets a facility through.
    pub fn d_logfac_is_enabled(fac_name: *const c_char) -> bool;
    /// dlog.c: number of a new facility, or -1.
    pub fn d_log_allocfacility(aname: *const c_char, lname: *const c_char) -> c_int;
    /// debug.c: opens the log as the environment says, by default on stdout with warnings and errors.
    pub fn d_log_init() -> c_int;
    /// debug.c: opens the log, or counts one more user of it.
    pub fn d_log_init_adv(
        log_tag: *mut c_char,
        log_file: *mut c_char,
        flavor: c_uint,
        def_mask: d_dbug_t,
        err_mask: d_dbug_t,
        id_cb: d_log_id_cb_t,
    ) -> c_int;
    /// debug.c: closes the log when its last user does.
    pub fn d_log_fini();
    /// dlog.c: writes out and closes the log, if it is open.
    pub fn d_log_close();
    /// dlog.c: adds the rank to the log file's name if `D_LOG_FILE_APPEND_RANK` is set.
    pub fn d_log_rank_setup(rank: c_int);
    /// debug.c: applies `D_LOG_MASK` and `DD_MASK`, as after new facilities came.
    pub fn d_log_sync_mask();
    /// debug.c: applies masks in the syntax of `D_LOG_MASK` and `DD_MASK`; null changes nothing.
    pub fn d_log_sync_mask_ex(log_mask: *const c_char, dd_mask: *const c_char);
    /// dlog.c: opens the log; -1 if it is open already or an argument is invalid.
    pub fn d_log_open(
        tag: *mut c_char,
        maxfac_hint: c_int,
        default_mask: c_int,
        stderr_mask: c_int,
        logfile: *mut c_char,
        flags: c_int,
        id_cb: d_log_id_cb_t,
    ) -> c_int;
    /// dlog.c: sets the mask of one facility; returns the former one, or -1.
    pub fn d_log_setlogmask(facility: c_int, mask: c_int) -> c_int;
    /// dlog.c: sets masks as in `D_LOG_MASK`; `mlen` < 0: the string ends at its NUL. Returns the last former
    /// mask, or -1 if a facility is unknown.
    pub fn d_log_setmasks(mstr: *const c_char, mlen: c_int) -> c_int;
    /// dlog.c: the masks as text, from byte `discard` on and at most `len` bytes of it. With a null buffer
    /// returns the length of all, else the number of bytes copied. The text ends in a newline, and unless
    /// `unterm` in a NUL, both of which count.
    pub fn d_log_getmasks(buf: *mut c_char, discard: c_int, len: c_int, unterm: c_int) -> c_int;
    /// dlog.c: registers `nr` masks to be reset to `DLOG_UNINIT` when masks change.
    pub fn d_log_add_cache(cache: *mut c_int, nr: c_int);
    /// dlog.c: writes out the buffer and waits until it is on storage.
    pub fn d_log_sync();
    /// dlog.c: stops writing to the file without closing it, as a process does that closes all descriptors
    /// itself.
    pub fn d_log_disable_logging();
    /// dlog.c: forgets the calling thread's ids, which a fork changes.
    pub fn d_log_reset();
}
