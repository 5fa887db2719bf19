//! `daos_srv/vos_types.h`: types of the versioned object store.

use crate::*;

/// How full a pool's part on this target is.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct vos_pool_space {
    /// All of it and what is free.
    pub vps_space: daos_space,
    /// What is kept for the system, by `DAOS_MEDIA_*`, in bytes.
    pub vps_space_sys: [daos_size_t; 2],
    /// The allocator of NVMe blocks.
    pub vps_vea_attr: vea_attr,
    /// What that has done.
    pub vps_vea_stat: vea_stat,
    /// Memory whose content cannot be evicted to NVMe, in bytes; 0 where everything stays in memory.
    pub vps_ne_total: u64,
    /// What is free of it, in bytes.
    pub vps_ne_free: u64,
    /// Size of the file that stands for memory, in bytes.
    pub vps_mem_bytes: u64,
}
