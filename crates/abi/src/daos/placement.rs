//! `daos/placement.h`: where objects lie; as far as the engine itself needs it.

use core::ffi::c_int;

unsafe extern "C" {
    /// pl_map.c: starts placement. 0 or `-DER_*`.
    pub fn pl_init() -> c_int;
    /// pl_map.c: ends it.
    pub fn pl_fini();
}
