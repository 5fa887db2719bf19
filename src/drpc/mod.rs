//! dRPC in the engine: the server that answers the control plane, and the client that calls it.
//!
//! A listener ULT on the dRPC xstream waits for clients and their calls ([`listener`], [`progress`]); each call
//! is answered by a ULT of its own on the system xstream, through the handler that a module has registered
//! ([`handler`]). The other way, the engine calls the control plane ([`client`]): with events ([`ras`]), for the
//! checker ([`chk`]). The messages of these calls are in `pb_c`.

#[cfg(feature = "drpc-chk")]
pub mod chk;
#[cfg(feature = "drpc-client")]
pub mod client;
#[cfg(feature = "drpc-handler")]
pub mod handler;
#[cfg(feature = "drpc-listener")]
pub mod listener;
#[cfg(any(feature = "check-engine-pb-c", feature = "event-pb-c", feature = "srv-pb-c"))]
mod pb_c;
#[cfg(feature = "drpc-progress")]
pub mod progress;
#[cfg(feature = "drpc-ras")]
pub mod ras;
// What the three calling files share; each alone uses a part of it.
#[cfg(any(feature = "drpc-chk", feature = "drpc-client", feature = "drpc-ras"))]
#[cfg_attr(not(feature = "drpc"), allow(dead_code, unused_macros, unused_imports))]
mod upcall;
#[cfg(any(feature = "drpc-chk", feature = "drpc-client", feature = "drpc-ras"))]
#[cfg_attr(not(feature = "drpc"), allow(dead_code))]
mod uuid;
