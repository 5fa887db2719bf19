//! `daos_version.h`: versions of the API and of the protocol.

/// Version of the API, first part.
pub const DAOS_API_VERSION_MAJOR: u32 = 2;
/// Version of the API, second part.
pub const DAOS_API_VERSION_MINOR: u32 = 8;
/// Version of the API, third part.
pub const DAOS_API_VERSION_FIX: u32 = 0;
/// Version of DAOS, first part.
pub const DAOS_VERSION_MAJOR: u32 = 2;
/// Version of DAOS, second part.
pub const DAOS_VERSION_MINOR: u32 = 8;
/// Version of DAOS, third part.
pub const DAOS_VERSION_FIX: u32 = 0;
/// Version of the protocol between ranks; spelled as in DAOS.
pub const DAOS_VERSION_PROTOCAL: u32 = 1;

/// A version as one number.
#[repr(C)]
#[derive(Clone, Copy)]
pub union daos_version_t {
    /// The number.
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
    /// Protocol between ranks.
    pub protocol: u8,
    /// Third part.
    pub patch: u8,
    /// Second part.
    pub minor: u8,
    /// First part.
    pub major: u8,
}
