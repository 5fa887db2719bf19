//! Xstreams: their life, their binding to CPUs and their progress loop, `srv.c`.
//!
//! `role` and `placement` are the rules: what an xstream is for, and which core it gets. `table` knows the
//! xstreams that there are, `xstream` is the life of one, `service` that of all together; docs/shutdown.md
//! tells the order in which they end. `settings` reads the environment, `memory` counts what an xstream has
//! allocated, `ffi` is the C interface.
//!
//! The progress ULT of an xstream polls its network context, CaRT's (`network`); what comes in there waits for its
//! turn in the scheduler (`request`).
//!
//! What else lies beneath an xstream has one interface and two bodies. `system` is DAOS's: hwloc binds threads, bio
//! polls NVMe, and the client's tasks have a scheduler. `embedded` has the kernel, which binds threads, and nothing
//! of the rest.

mod ffi;
mod layers;
mod memory;
mod network;
mod placement;
mod request;
mod role;
mod service;
mod settings;
mod table;
mod xstream;

#[cfg(feature = "embedded")]
mod embedded;
#[cfg(not(feature = "embedded"))]
mod system;

#[cfg(feature = "embedded")]
use embedded as beneath;
#[cfg(not(feature = "embedded"))]
use system as beneath;
