//! Headers of `cart/`.

mod api;
mod iv;
mod types;

pub use api::*;
pub use iv::*;
pub use types::*;
