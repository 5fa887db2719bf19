//! Headers of `daos_srv/`.

mod bio;
mod daos_chk;
mod daos_engine;
mod iv;
mod ras;
mod smd;
mod vea;
mod vos;
mod vos_types;

pub use bio::*;
pub use daos_chk::*;
pub use daos_engine::*;
pub use iv::*;
pub use ras::*;
pub use smd::*;
pub use vea::*;
pub use vos::*;
pub use vos_types::*;
