//! `daos_pool.h`: what a pool has of each kind of storage.

use core::ffi::c_uint;

/// Index of what lies in persistent memory, or in memory that stands for it.
pub const DAOS_MEDIA_SCM: daos_media_type_t = 0;
/// Index of what lies on NVMe.
pub const DAOS_MEDIA_NVME: daos_media_type_t = 1;
/// Number of kinds.
pub const DAOS_MEDIA_MAX: daos_media_type_t = 2;

/// A kind of storage.
pub type daos_media_type_t = c_uint;

/// Storage of one target, by `DAOS_MEDIA_*`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct daos_space {
    /// All of it, in bytes.
    pub s_total: [u64; 2],
    /// What is free, in bytes.
    pub s_free: [u64; 2],
}
