//! CaRT, the collective and RPC transport beneath the engine.
//!
//! The cores hold no state of the process: a node is a value, and thousands of them can live in one program.

// Provides the symbols of the log to the tests.
#[cfg(test)]
extern crate gurt as _;

pub mod ffi;
pub mod group;
pub mod iv;
#[cfg(feature = "fabric")]
pub mod node;
pub mod proc;
pub mod rpc;
pub mod swim;
pub mod transport;
pub mod tree;
pub mod wire;

/// The number of a process in its group: `d_rank_t`.
pub type Rank = u32;
