//! The symbols of `server_iv.c`.
//!
//! Everything that is reachable from a namespace belongs to the system xstream: its ULTs take turns, and none of
//! them is interrupted but where it waits or a class's callback does. No borrow is held across either.

mod cache;
mod class;
mod entry;
mod exports;
mod namespace;
mod nap;
mod operation;
mod sgl;

use core::ffi::c_int;
use gurt_client::{Der, Result};

/// The error of a `DER_*` constant.
const fn der(code: abi::daos_errno) -> Der {
    Der::new(code as i64)
}

/// The result of a class's callback, which returns 0 or `-DER_*`.
fn outcome(rc: c_int) -> Result {
    if rc == 0 { Ok(()) } else { Err(Der::new(-i64::from(rc))) }
}
