//! `daos_types.h`: sizes, epochs and handles.

/// A size in bytes.
pub type daos_size_t = u64;

/// An offset in bytes.
pub type daos_off_t = u64;

/// Handle of a pool, container or object; all zeros for none.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_handle_t {
    /// Its value.
    pub cookie: u64,
}

/// Id of an object, 128 bits.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_obj_id_t {
    /// The lower half.
    pub lo: u64,
    /// The upper half.
    pub hi: u64,
}

/// A reading of the hybrid logical clock.
pub type daos_epoch_t = u64;

/// `DAOS_PROP_LABEL_MAX_LEN` of `daos_prop.h`: longest label, without the NUL.
pub const DAOS_PROP_LABEL_MAX_LEN: usize = 127;

/// `daos_mgmt_pool_info_t` of `daos_mgmt.h`: a pool of the system.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_mgmt_pool_info_t {
    /// UUID.
    pub mgpi_uuid: crate::uuid_t,
    /// Label, owned.
    pub mgpi_label: crate::d_string_t,
    /// Ranks of its service, owned.
    pub mgpi_svc: *mut crate::d_rank_list_t,
    /// Rank of the service's leader.
    pub mgpi_ldr: crate::d_rank_t,
}
