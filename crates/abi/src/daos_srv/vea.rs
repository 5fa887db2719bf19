//! `daos_srv/vea.h`: the allocator of NVMe blocks.

/// What the allocator is set to.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct vea_attr {
    /// Version of its format.
    pub va_compat: u32,
    /// Size of a block, in bytes.
    pub va_blk_sz: u32,
    /// Blocks of the header.
    pub va_hdr_blks: u32,
    /// From how many blocks on an extent is large.
    pub va_large_thresh: u32,
    /// Number of blocks.
    pub va_tot_blks: u64,
    /// Blocks that are free.
    pub va_free_blks: u64,
}

/// What the allocator has done.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct vea_stat {
    /// Free blocks, as stored.
    pub vs_free_persistent: u64,
    /// Free blocks, as of now.
    pub vs_free_transient: u64,
    /// Reservations where a hint said.
    pub vs_resrv_hint: u64,
    /// Reservations of large extents.
    pub vs_resrv_large: u64,
    /// Reservations of small extents.
    pub vs_resrv_small: u64,
    /// Reservations within a bitmap.
    pub vs_resrv_bitmap: u64,
    /// Large free fragments.
    pub vs_frags_large: u64,
    /// Small free fragments.
    pub vs_frags_small: u64,
    /// Fragments of bitmaps.
    pub vs_frags_bitmap: u64,
    /// Fragments that are not to be reused yet.
    pub vs_frags_aging: u64,
}
