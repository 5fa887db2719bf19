//! Headers of `daos_srv/`.

mod daos_engine;
mod iv;
mod ras;

pub use daos_engine::*;
pub use iv::*;
pub use ras::*;
