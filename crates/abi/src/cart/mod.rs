//! Headers of `cart/`.

mod api;
mod facilities;
mod iv;
mod iv_rpc;
mod swim;
mod types;

pub use api::*;
pub use facilities::*;
pub use iv::*;
pub use iv_rpc::*;
pub use swim::*;
pub use types::*;
