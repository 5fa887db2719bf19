//! `gurt/debug.h`: debug bits and assertions.

use crate::*;
use core::ffi::{c_char, c_int};

unsafe extern "C" {
    /// debug.c: called by a failed assertion before it aborts.
    pub static mut d_alt_assert:
        Option<unsafe extern "C" fn(arg1: c_int, arg2: *const c_char, arg3: *const c_char, arg4: c_int)>;
    /// debug.c: all debug bits.
    pub static mut DB_ALL: d_dbug_t;
    /// debug.c: lines of no category.
    pub static mut DB_ANY: d_dbug_t;
    /// debug.c: very verbose lines.
    pub static mut DB_TRACE: d_dbug_t;
    /// debug.c: memory.
    pub static mut DB_MEM: d_dbug_t;
    /// debug.c: network.
    pub static mut DB_NET: d_dbug_t;
    /// debug.c: input and output.
    pub static mut DB_IO: d_dbug_t;
    /// debug.c: tests.
    pub static mut DB_TEST: d_dbug_t;
    /// debug.c: the number of log facility `misc`, -1 before it is registered.
    pub static mut d_misc_logfac: c_int;
    /// debug.c: what the log says about each level and stream of facility `misc`.
    pub static mut d_misc_logfac_cache: [c_int; 16];
    /// debug.c: the number of log facility `mem`, -1 before it is registered.
    pub static mut d_mem_logfac: c_int;
    /// debug.c: what the log says about each level and stream of facility `mem`.
    pub static mut d_mem_logfac_cache: [c_int; 16];
    /// debug.c: the number of log facility `swim`, -1 before it is registered.
    pub static mut d_swim_logfac: c_int;
    /// debug.c: what the log says about each level and stream of facility `swim`.
    pub static mut d_swim_logfac_cache: [c_int; 16];
    /// debug.c: the number of log facility `fi`, -1 before it is registered.
    pub static mut d_fi_logfac: c_int;
    /// debug.c: what the log says about each level and stream of facility `fi`.
    pub static mut d_fi_logfac_cache: [c_int; 16];
    /// debug.c: the number of log facility `telem`, -1 before it is registered.
    pub static mut d_telem_logfac: c_int;
    /// debug.c: what the log says about each level and stream of facility `telem`.
    pub static mut d_telem_logfac_cache: [c_int; 16];
    /// debug.c: the seven bits above, and ten for the taking.
    pub static mut d_dbg_bit_dict: [d_debug_bit; 17];
    /// debug.c: groups of debug streams that `DD_MASK` may name.
    pub static mut d_dbg_grp_dict: [d_debug_grp; 10];
    /// debug.c: the bit of that name. 0 or -1.
    pub fn d_log_getdbgbit(dbgbit: *mut d_dbug_t, bitname: *mut c_char) -> c_int;
    /// debug.c: what a failed assertion calls before it aborts.
    pub fn d_register_alt_assert(
        alt_assert: Option<
            unsafe extern "C" fn(arg1: c_int, arg2: *const c_char, arg3: *const c_char, arg4: c_int),
        >,
    ) -> c_int;
    /// debug.c: logs memory in hexadecimal, 16 bytes a line, as a fatal error.
    pub fn d_log_memory(ptr: *const u8, size: usize);
}
