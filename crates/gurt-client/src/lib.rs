//! Rust's view of libgurt's C ABI: error codes, logging, allocation, lists, environment and metrics, whoever
//! provides the symbols.
//!
//! `crates/gurt` is one provider (embedded mode), DAOS's libgurt the other (system mode); the engine's
//! components use this crate and cannot tell which of them answers.

pub mod alloc;
pub mod env;
mod error;
pub mod list;
mod log;
pub mod telemetry;
mod text;

pub use error::{Der, Result};
pub use log::{Facility, Level, Origin, Route, emit, route};
pub use text::StackText;
