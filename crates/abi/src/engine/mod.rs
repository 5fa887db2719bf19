//! Internal headers of src/engine.

mod check_engine_pb_c;
mod drpc_handler;
mod drpc_internal;
mod embedded;
mod event_pb_c;
mod module;
mod srv_internal;
mod srv_pb_c;

pub use check_engine_pb_c::*;
pub use drpc_handler::*;
pub use drpc_internal::*;
pub use embedded::*;
pub use event_pb_c::*;
pub use module::*;
pub use srv_internal::*;
pub use srv_pb_c::*;
