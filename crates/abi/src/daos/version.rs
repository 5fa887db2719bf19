//! `daos_version.h`: versions of the API and of the protocol.

pub const DAOS_API_VERSION_MAJOR: u32 = 2;
pub const DAOS_API_VERSION_MINOR: u32 = 8;
pub const DAOS_API_VERSION_FIX: u32 = 0;
pub const DAOS_VERSION_MAJOR: u32 = 2;
pub const DAOS_VERSION_MINOR: u32 = 8;
pub const DAOS_VERSION_FIX: u32 = 0;
pub const DAOS_VERSION_PROTOCAL: u32 = 1;
#[repr(C)]
#[derive(Clone, Copy)]
pub union daos_version_t {
    pub raw: u32,
    /// The version's parts.
    ///
    /// C: anonymous.
    pub parts: daos_version_parts,
}
/// The parts of a [`daos_version_t`].
///
/// C: in place.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_version_parts {
    pub protocol: u8,
    pub patch: u8,
    pub minor: u8,
    pub major: u8,
}
