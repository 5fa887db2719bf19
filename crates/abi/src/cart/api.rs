//! `cart/api.h`: RPC, groups and ranks, as far as the engine needs them without a fabric.

use crate::*;
use core::ffi::{c_char, c_int};

unsafe extern "C" {
    /// Stores the URI of this engine's context `tag`, to be freed by `D_FREE`.
    pub fn crt_self_uri_get(tag: c_int, uri: *mut *mut c_char) -> c_int;
    /// Stores the incarnation of this engine: when it joined its group, in HLC time.
    pub fn crt_self_incarnation_get(incarnation: *mut u64) -> c_int;
    /// Makes `rank` the rank of this engine, which joins its group at version `group_version_min` (from 1).
    /// Once; 0 or `-DER_INVAL`.
    pub fn crt_rank_self_set(rank: d_rank_t, group_version_min: u32) -> c_int;
    /// Stores the rank of this engine in `grp`, null for the primary group, at `rank`. 0, `-DER_NONEXIST` (and
    /// `CRT_NO_RANK`) before the rank is set, or `-DER_INVAL`.
    pub fn crt_group_rank(grp: *mut crt_group_t, rank: *mut d_rank_t) -> c_int;
    /// Leaves the group and ends the RPC layer. 0 or `-DER_*`.
    pub fn crt_finalize() -> c_int;

    /// Registers a protocol with its handlers; `cart/api.h`.
    pub fn crt_proto_register(cpf: *mut crt_proto_format) -> c_int;
}
