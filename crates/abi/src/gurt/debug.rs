//! `gurt/debug.h`: debug bits and assertions.

use crate::*;
use core::ffi::{c_char, c_int};
unsafe extern "C" {
    pub static mut d_alt_assert:
        Option<unsafe extern "C" fn(arg1: c_int, arg2: *const c_char, arg3: *const c_char, arg4: c_int)>;
    pub static mut DB_ALL: d_dbug_t;
    pub static mut DB_ANY: d_dbug_t;
    pub static mut DB_TRACE: d_dbug_t;
    pub static mut DB_MEM: d_dbug_t;
    pub static mut DB_NET: d_dbug_t;
    pub static mut DB_IO: d_dbug_t;
    pub static mut DB_TEST: d_dbug_t;
    pub static mut d_misc_logfac: c_int;
    pub static mut d_misc_logfac_cache: [c_int; 16];
    pub static mut d_mem_logfac: c_int;
    pub static mut d_mem_logfac_cache: [c_int; 16];
    pub static mut d_swim_logfac: c_int;
    pub static mut d_swim_logfac_cache: [c_int; 16];
    pub static mut d_fi_logfac: c_int;
    pub static mut d_fi_logfac_cache: [c_int; 16];
    pub static mut d_telem_logfac: c_int;
    pub static mut d_telem_logfac_cache: [c_int; 16];
    pub static mut d_dbg_bit_dict: [d_debug_bit; 17];
    pub static mut d_dbg_grp_dict: [d_debug_grp; 10];
    pub fn d_log_getdbgbit(dbgbit: *mut d_dbug_t, bitname: *mut c_char) -> c_int;
    pub fn d_register_alt_assert(
        alt_assert: Option<
            unsafe extern "C" fn(arg1: c_int, arg2: *const c_char, arg3: *const c_char, arg4: c_int),
        >,
    ) -> c_int;
    pub fn d_log_memory(ptr: *const u8, size: usize);
}
