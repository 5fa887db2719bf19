//! The inside of the DAOS I/O engine, behind the C ABI of DAOS.
//!
//! One module a component, one file a C source file of DAOS's `src/engine`, one cargo feature a file: with the
//! feature on, the library exports all symbols of that file, with it off none of them. Components call each
//! other through the C symbols that [`abi`] declares, never through Rust paths, so that either side may be the
//! C original.

// In embedded mode everything beneath the engine is part of the library: naming the crates links them whole,
// and the library exports their symbols as well.
#[cfg(feature = "embedded")]
extern crate abt as _;
#[cfg(feature = "embedded")]
extern crate common as _;
#[cfg(feature = "embedded")]
extern crate gurt as _;
#[cfg(feature = "embedded")]
extern crate topology;

mod drpc;
#[cfg(feature = "init")]
mod init;
#[cfg(feature = "module")]
mod module;
#[cfg(feature = "sched")]
mod sched;
#[cfg(feature = "srv")]
mod srv;
#[cfg(feature = "ult")]
mod ult;

// Not every feature uses all of it.
#[cfg_attr(not(feature = "engine"), allow(dead_code))]
mod inline;
#[cfg(feature = "embedded")]
mod rank;
