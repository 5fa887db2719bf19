//! Headers of `gurt/`.

mod common;
mod debug;
mod dlog;
mod fault_inject;
mod hash;
mod heap;
mod list;
mod telemetry;
mod telemetry_producer;
mod types;

pub use common::*;
pub use debug::*;
pub use dlog::*;
pub use fault_inject::*;
pub use hash::*;
pub use heap::*;
pub use list::*;
pub use telemetry::*;
pub use telemetry_producer::*;
pub use types::*;
