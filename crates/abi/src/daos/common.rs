//! `daos/common.h`: fault locations, copies of scatter/gather lists.

use crate::{crt_init_options_t, d_hhash, d_sg_list_t};
use core::ffi::{c_char, c_int, c_uint, c_void};

/// Bits of a fault location that number it within its group.
pub const DAOS_FAIL_MASK_LOC: u32 = 65535;
/// The fault happens once.
pub const DAOS_FAIL_ONCE: u32 = 16777216;
/// The fault happens as often as `daos_fail_num_set` has said.
pub const DAOS_FAIL_SOME: u32 = 33554432;
/// The fault happens every time.
pub const DAOS_FAIL_ALWAYS: u32 = 67108864;
/// Bits of a fault location that identify it.
pub const DAOS_FAIL_ID_MASK: u32 = 16777215;
/// Bits of a fault location that hold its group.
pub const DAOS_FAIL_GROUP_MASK: u32 = 16711680;
/// Position of those bits.
pub const DAOS_FAIL_GROUP_SHIFT: u32 = 16;
/// Faults for unit tests.
pub const DAOS_FAIL_UNIT_TEST_GROUP: c_uint = 1;
/// Faults for tests of a system.
pub const DAOS_FAIL_SYS_TEST_GROUP: c_uint = 2;
/// Number of the group behind the last.
pub const DAOS_FAIL_MAX_GROUP: c_uint = 3;
/// The fault that loses a request on its way to the scheduler.
pub const DAOS_FAIL_LOST_REQ: u32 = 65650;
/// The fault that keeps the checker from registering a pool.
pub const DAOS_CHK_LEADER_FAIL_REGPOOL: u32 = 65715;
/// `enum` of `daos_mgmt.h`: parameters of [`crate::dss_parameters_set`].
pub const DMG_KEY_FAIL_LOC: c_uint = 0;
/// See [`DMG_KEY_FAIL_LOC`].
pub const DMG_KEY_FAIL_VALUE: c_uint = 1;
/// See [`DMG_KEY_FAIL_LOC`].
pub const DMG_KEY_FAIL_NUM: c_uint = 2;
/// How many keys there are.
pub const DMG_KEY_NUM: c_uint = 3;

/// The process's table of handles.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_hhash_table {
    /// It, or null.
    pub dht_hhash: *mut d_hhash,
}

unsafe extern "C" {
    /// The process's table of handles (src/common/misc.c).
    pub static mut daos_ht: daos_hhash_table;
    /// Makes the table of handles; `feats` are `D_HASH_FT_*`. 0 or `-DER_*`; -DER_ALREADY if there is one.
    pub fn daos_hhash_init_feats(feats: u32) -> c_int;
    /// Frees the table of handles. 0 or `-DER_UNINIT`.
    pub fn daos_hhash_fini() -> c_int;
    /// How the RPC layer of a server or client with `crt_nr` contexts is set up; `DAOS_RPC_SIZE_LIMIT` counts. In
    /// static memory.
    pub fn daos_crt_init_opt_get(server: bool, crt_nr: c_int) -> *mut crt_init_options_t;
    /// The armed fault location with its `DAOS_FAIL_*` flags, 0 for none (src/common/fail_loc.c).
    pub static mut daos_fail_loc: u64;
    /// The value that goes with it.
    pub static mut daos_fail_value: u64;
    /// How often a `DAOS_FAIL_SOME` location hits.
    pub static mut daos_fail_num: u64;
    /// Arms a fault location, or disarms with 0.
    pub fn daos_fail_loc_set(id: u64);
    /// Disarms.
    pub fn daos_fail_loc_reset();
    /// Sets the value that goes with the fault location.
    pub fn daos_fail_value_set(val: u64);
    /// The value that goes with the fault location.
    pub fn daos_fail_value_get() -> u64;
    /// Sets how often the fault location hits.
    pub fn daos_fail_num_set(num: u64);
    /// The fault value that names `nr` shards, 1 to 4.
    pub fn daos_shard_fail_value(shards: *mut u16, nr: c_int) -> u64;
    /// Whether the fault value names `shard`.
    pub fn daos_shard_in_fail_value(shard: u16) -> bool;
    /// 1 when the place `id` shall fail now, else 0.
    pub fn daos_fail_check(id: u64) -> c_int;
    /// Starts fault injection.
    pub fn daos_fail_init() -> c_int;
    /// Ends fault injection.
    pub fn daos_fail_fini();
    /// Copies the data of `src`, vector by vector, to the buffers of `dst` (src/common/misc.c). 0, or
    /// `-DER_INVAL` if one of them is too small.
    pub fn daos_sgl_copy_data(dst: *mut d_sg_list_t, src: *mut d_sg_list_t) -> c_int;
    /// The same with new buffers, which `d_sgl_fini` frees.
    pub fn daos_sgl_alloc_copy_data(dst: *mut d_sg_list_t, src: *mut d_sg_list_t) -> c_int;
    /// The text of a UUID for a log line (src/common/debug.c).
    pub fn DP_UUID(uuid: *const c_void) -> *mut c_char;
}
