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
