//! Headers of `cart/`.

mod api;
mod iv;
mod swim;
mod types;

pub use api::*;
pub use iv::*;
pub use swim::*;
pub use types::*;
