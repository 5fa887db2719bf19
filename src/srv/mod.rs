//! Xstreams: their life, their binding to CPUs and their progress loop, `srv.c`.
//!
//! `role` and `placement` are the rules: what an xstream is for, and which core it gets. `table` knows the
//! xstreams that there are, `xstream` is the life of one, `service` that of all together; docs/shutdown.md
//! tells the order in which they end. `settings` reads the environment, `memory` counts what an xstream has
//! allocated, `ffi` is the C interface.
//!
//! What lies beneath an xstream has one interface and two bodies. `system` is DAOS's: hwloc binds threads, and
//! the progress ULT polls the network of CaRT, NVMe through bio, and runs the client's tasks. `embedded` has
//! nothing of that: the kernel binds threads, and the progress ULT has nothing to poll. Once its xstream is up,
//! it sleeps until the stop, and so does the xstream when nobody else has work for it.

mod ffi;
mod memory;
mod placement;
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
