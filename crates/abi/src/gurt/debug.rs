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
    pub fn d_log_getdbgbit(dbgbit: *mut d_dbug_t, bitname: *mut c_char) -> c_int;
    pub fn d_register_alt_assert(
        alt_assert: Option<
            unsafe extern "C" fn(arg1: c_int, arg2: *const c_char, arg3: *const c_char, arg4: c_int),
        >,
    ) -> c_int;
    pub fn d_log_memory(ptr: *const u8, size: usize);
}
