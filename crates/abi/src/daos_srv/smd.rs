//! `daos_srv/smd.h`: what a storage device is used for.

use core::ffi::c_uint;

/// Data.
pub const SMD_DEV_TYPE_DATA: smd_dev_type = 0;
/// Metadata.
pub const SMD_DEV_TYPE_META: smd_dev_type = 1;
/// The write-ahead log.
pub const SMD_DEV_TYPE_WAL: smd_dev_type = 2;
/// Number of uses.
pub const SMD_DEV_TYPE_MAX: smd_dev_type = 3;

/// Use of a storage device.
pub type smd_dev_type = c_uint;
