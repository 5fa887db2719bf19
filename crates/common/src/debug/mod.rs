//! Log facilities and debug bits of DAOS, above gurt's log: `common/debug.c`.

mod bypass;
pub mod ffi;
mod uuid;
