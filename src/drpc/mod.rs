//! dRPC in the engine: the server that answers the control plane, and the client that calls it.
//!
//! A listener ULT on the dRPC xstream waits for clients and their calls ([`listener`], [`progress`]); each call
//! is answered by a ULT of its own on the system xstream, through the handler that a module has registered
//! ([`handler`]). The other way, the engine calls the control plane ([`client`]).

#[cfg(feature = "drpc-client")]
pub mod client;
#[cfg(feature = "drpc-handler")]
pub mod handler;
#[cfg(feature = "drpc-listener")]
pub mod listener;
#[cfg(feature = "drpc-progress")]
pub mod progress;
