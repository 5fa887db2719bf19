//! The C ABIs of DAOS 2.8 and Argobots 1.2, as Rust declarations.
//!
//! One module a C header: `daos_srv/daos_engine.h` is [`daos_srv`]`::daos_engine`. Layouts, constants and
//! signatures are written down here and nowhere else; `include/` is generated from this crate. The
//! `extern "C"` blocks are the seams: a layer calls the layer beneath through them, never through a Rust
//! path, so that either side of a seam may be the C original. Exported data is reached through them too,
//! even by the crate that defines it, because an executable may hold its own copy (a copy relocation).
//!
//! C has one namespace, and so has this crate: every item is re-exported at the root.
#![deny(missing_docs)]
#![allow(non_camel_case_types, non_snake_case, non_upper_case_globals)]
// Every declaration here is `unsafe` to call for the reason that C functions are.
#![allow(clippy::missing_safety_doc)]

mod deps;
mod export;
mod variadic;

pub mod abt;
pub mod cart;
pub mod daos;
pub mod daos_srv;
pub mod engine;
pub mod gurt;

pub use abt::*;
pub use cart::*;
pub use daos::*;
pub use daos_srv::*;
pub use deps::*;
pub use engine::*;
pub use export::Boundary;
pub use gurt::*;
pub use variadic::VaArg;
