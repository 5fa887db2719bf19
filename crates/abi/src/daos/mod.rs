//! Headers of `daos/` and the DAOS headers at the root.

mod common;
mod debug;
mod drpc_channel;
mod drpc_modules;
mod drpc_pb_c;
mod drpc_types;
mod errno;
mod metrics;
mod placement;
mod pool;
mod rpc;
mod tls;
mod tse;
mod types;
mod version;

pub use common::*;
pub use debug::*;
pub use drpc_channel::*;
pub use drpc_modules::*;
pub use drpc_pb_c::*;
pub use drpc_types::*;
pub use errno::*;
pub use metrics::*;
pub use placement::*;
pub use pool::*;
pub use rpc::*;
pub use tls::*;
pub use tse::*;
pub use types::*;
pub use version::*;
