//! `daos/common.h`: fault locations.

use core::ffi::c_uint;
pub const DAOS_FAIL_MASK_LOC: u32 = 65535;
pub const DAOS_FAIL_ONCE: u32 = 16777216;
pub const DAOS_FAIL_SOME: u32 = 33554432;
pub const DAOS_FAIL_ALWAYS: u32 = 67108864;
pub const DAOS_FAIL_ID_MASK: u32 = 16777215;
pub const DAOS_FAIL_GROUP_MASK: u32 = 16711680;
pub const DAOS_FAIL_GROUP_SHIFT: u32 = 16;
pub const DAOS_FAIL_UNIT_TEST_GROUP: c_uint = 1;
pub const DAOS_FAIL_SYS_TEST_GROUP: c_uint = 2;
pub const DAOS_FAIL_MAX_GROUP: c_uint = 3;
/// `enum` of `daos_mgmt.h`: parameters of [`crate::dss_parameters_set`].
pub const DMG_KEY_FAIL_LOC: c_uint = 0;
/// See [`DMG_KEY_FAIL_LOC`].
pub const DMG_KEY_FAIL_VALUE: c_uint = 1;
/// See [`DMG_KEY_FAIL_LOC`].
pub const DMG_KEY_FAIL_NUM: c_uint = 2;
/// How many keys there are.
pub const DMG_KEY_NUM: c_uint = 3;
unsafe extern "C" {
    /// Sets the fault location of this process (src/common/fail_loc.c).
    pub fn daos_fail_loc_set(id: u64);
    /// Sets the value that goes with the fault location.
    pub fn daos_fail_value_set(val: u64);
    /// Sets how often the fault location hits.
    pub fn daos_fail_num_set(num: u64);
}
