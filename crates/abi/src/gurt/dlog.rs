//! `gurt/dlog.h`, `gurt/debug_setup.h`: log masks, facilities, entry points.

use crate::va_list;
use core::ffi::{c_char, c_int, c_uint};
pub const DLOG_FLV_LOGPID: u32 = 1;
pub const DLOG_FLV_FQDN: u32 = 2;
pub const DLOG_FLV_FAC: u32 = 4;
pub const DLOG_FLV_YEAR: u32 = 8;
pub const DLOG_FLV_TAG: u32 = 16;
pub const DLOG_FLV_STDOUT: u32 = 32;
pub const DLOG_FLV_STDERR: u32 = 64;
pub const DLOG_FLV_DEFAULT: u32 = 29;
pub const DLOG_STDERR: u32 = 536870912;
pub const DLOG_STDOUT: u32 = 268435456;
pub const DLOG_PRIMASK: u32 = 268435200;
pub const DLOG_PRISHIFT: u32 = 24;
pub const DLOG_DPRISHIFT: u32 = 8;
pub const DLOG_PRINDMASK: u32 = 251658240;
pub const DLOG_FACMASK: u32 = 255;
pub const DLOG_UNINIT: u32 = 2147483648;
pub type d_dbug_t = u64;
pub const DLOG_EMIT: c_uint = 134217728;
pub const DLOG_EMERG: c_uint = 117440512;
pub const DLOG_ALERT: c_uint = 100663296;
pub const DLOG_CRIT: c_uint = 83886080;
pub const DLOG_ERR: c_uint = 67108864;
pub const DLOG_WARN: c_uint = 50331648;
pub const DLOG_NOTE: c_uint = 33554432;
pub const DLOG_INFO: c_uint = 16777216;
pub const DLOG_DBG: c_uint = 16776960;
pub const D_LOG_SET_AS_DEFAULT: d_log_flag_bits = 1;
pub type d_log_flag_bits = c_uint;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlog_fac {
    pub fac_aname: *mut c_char,
    pub fac_lname: *mut c_char,
    pub fac_mask: c_int,
    pub is_enabled: bool,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_log_xstate {
    pub tag: *mut c_char,
    pub dlog_facs: *mut dlog_fac,
    pub nodename: *mut c_char,
    pub fac_cnt: c_int,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_debug_data {
    pub dd_mask: d_dbug_t,
    pub dd_prio_err: d_dbug_t,
    pub dbg_bit_cnt: c_int,
    pub dbg_grp_cnt: c_int,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_debug_priority {
    pub dd_name: *mut c_char,
    pub dd_prio: d_dbug_t,
    pub dd_name_size: usize,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_debug_bit {
    pub db_bit: *mut d_dbug_t,
    pub db_name: *mut c_char,
    pub db_lname: *mut c_char,
    pub db_name_size: usize,
    pub db_lname_size: usize,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_debug_grp {
    pub dg_name: *mut c_char,
    pub dg_name_size: usize,
    pub dg_mask: d_dbug_t,
}
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
