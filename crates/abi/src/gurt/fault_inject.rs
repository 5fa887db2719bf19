//! `gurt/fault_inject.h`: fault injection points.

use crate::*;
use core::ffi::{c_char, c_int, c_uint, c_ushort};

/// A fault that can be injected.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_fault_attr_t {
    /// Its number.
    pub fa_id: u32,
    /// It can happen every so many times only; 0 or 1 every time.
    pub fa_interval: u32,
    /// How often it may happen; 0 without a bound.
    pub fa_max_faults: u64,
    /// How often it has happened.
    pub fa_num_faults: u64,
    /// How often the place was reached.
    pub fa_num_hits: u64,
    /// For the place; may be null.
    pub fa_argument: *mut c_char,
    /// Protects the structure.
    pub fa_lock: pthread_spinlock_t,
    /// The error to return.
    pub fa_err_code: i32,
    /// State of `nrand48`.
    pub fa_rand_state: [c_ushort; 3],
    /// Numerator of its probability.
    pub fa_probability_x: u32,
    /// Denominator of its probability.
    pub fa_probability_y: u32,
}

unsafe extern "C" {
    /// fault_inject.c: faults are injected if this is not 0.
    pub static mut d_fault_inject: c_uint;
    /// fault_inject.c: a configuration was read.
    pub static mut d_fault_config_file: c_uint;
    /// fault_inject.c: the rule of fault 0, failing allocations.
    pub static mut d_fault_attr_mem: *mut d_fault_attr_t;
    /// fault_inject.c: starts with the rules of `D_FI_CONFIG`, or counts one more user.
    pub fn d_fault_inject_init() -> c_int;
    /// fault_inject.c: forgets all rules when the last user does.
    pub fn d_fault_inject_fini() -> c_int;
    /// fault_inject.c: switches on; -DER_NOSYS if no configuration was read.
    pub fn d_fault_inject_enable() -> c_int;
    /// fault_inject.c: switches off.
    pub fn d_fault_inject_disable() -> c_int;
    /// fault_inject.c: the state of the switch.
    pub fn d_fault_inject_is_enabled() -> bool;
    /// fault_inject.c: whether the calling thread is injected faults.
    pub fn d_fault_inject_thread_enable(enabled: bool);
    /// fault_inject.c: whether threads are that did not say.
    pub fn d_fault_inject_thread_default_enable(enabled: bool);
    /// fault_inject.c: whether this occurrence of a fault is to happen; null never.
    pub fn d_should_fail(fault_attr_ptr: *mut d_fault_attr_t) -> bool;
    /// fault_inject.c: sets or replaces a rule.
    pub fn d_fault_attr_set(fault_id: u32, fa_in: d_fault_attr_t) -> c_int;
    /// fault_inject.c: the error code of a fault; -DER_INVAL if it has no rule.
    pub fn d_fault_attr_err_code(fault_id: u32) -> c_int;
    /// fault_inject.c: the rule of a fault, or null.
    pub fn d_fault_attr_lookup(fault_id: u32) -> *mut d_fault_attr_t;
}
