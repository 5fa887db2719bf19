//! `daos_types.h`: sizes, epochs and handles.

pub type daos_size_t = u64;
pub type daos_off_t = u64;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_handle_t {
    pub cookie: u64,
}
pub type daos_epoch_t = u64;
