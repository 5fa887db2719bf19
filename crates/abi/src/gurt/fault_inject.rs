//! `gurt/fault_inject.h`: fault injection points.

use crate::*;
use core::ffi::{c_char, c_int, c_uint, c_ushort};
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_fault_attr_t {
    pub fa_id: u32,
    pub fa_interval: u32,
    pub fa_max_faults: u64,
    pub fa_num_faults: u64,
    pub fa_num_hits: u64,
    pub fa_argument: *mut c_char,
    pub fa_lock: pthread_spinlock_t,
    pub fa_err_code: i32,
    pub fa_rand_state: [c_ushort; 3],
    pub fa_probability_x: u32,
    pub fa_probability_y: u32,
}
unsafe extern "C" {
    pub static mut d_fault_inject: c_uint;
    pub static mut d_fault_config_file: c_uint;
    pub static mut d_fault_attr_mem: *mut d_fault_attr_t;
    pub fn d_fault_inject_init() -> c_int;
    pub fn d_fault_inject_fini() -> c_int;
    pub fn d_fault_inject_enable() -> c_int;
    pub fn d_fault_inject_disable() -> c_int;
    pub fn d_fault_inject_is_enabled() -> bool;
    pub fn d_fault_inject_thread_enable(enabled: bool);
    pub fn d_fault_inject_thread_default_enable(enabled: bool);
    pub fn d_should_fail(fault_attr_ptr: *mut d_fault_attr_t) -> bool;
    pub fn d_fault_attr_set(fault_id: u32, fa_in: d_fault_attr_t) -> c_int;
    pub fn d_fault_attr_err_code(fault_id: u32) -> c_int;
    pub fn d_fault_attr_lookup(fault_id: u32) -> *mut d_fault_attr_t;
}
