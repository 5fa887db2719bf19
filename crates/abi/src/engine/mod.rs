//! Internal headers of src/engine.

mod drpc_handler;
mod drpc_internal;
mod embedded;
mod module;
mod srv_internal;
mod tse;

pub use drpc_handler::*;
pub use drpc_internal::*;
pub use embedded::*;
pub use module::*;
pub use srv_internal::*;
pub use tse::*;
