//! An engine seen from outside.
//!
//! This crate plays everything around an engine process: the control plane that DAOS writes in Go
//! ([`ControlPlane`]), a dRPC client ([`Connection`]), and the process itself ([`Engine`]). It shares no code
//! with the engine, only the wire format, so that the two check each other. The demo and the end-to-end tests
//! are built on it.

mod cluster;
mod connection;
mod control_plane;
mod engine;
pub mod examples;
pub mod message;
mod system;
pub mod variables;

pub use cluster::Cluster;
pub use connection::{Connection, HEADER_LEN, Header, MAX_PACKET};
pub use control_plane::ControlPlane;
pub use engine::{Engine, Options, Usage, library_dir};
pub use system::{Failure, System};
