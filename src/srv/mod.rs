//! Xstreams: their life, their binding to CPUs and their progress loop, `srv.c`.
//!
//! `role` and `placement` are the rules: what an xstream is for, and which core it gets. `table` knows the
//! xstreams that there are, `xstream` is the life of one, `service` that of all together; docs/shutdown.md
//! tells the order in which they end. `settings` reads the environment, `cpu` binds threads, `ffi` is the C
//! interface.
//!
//! What lies beneath the progress ULT in DAOS, the network of CaRT, NVMe and the client's task scheduler, has
//! no counterpart in embedded mode. The ULT then has nothing to poll: once its xstream is up, it sleeps until
//! the stop, and so does the xstream when nobody else has work for it.

#[cfg(not(feature = "embedded"))]
compile_error!("feature `srv` needs feature `embedded`; over CaRT and bio, use DAOS's own srv.c");

mod cpu;
mod ffi;
mod placement;
mod role;
mod service;
mod settings;
mod table;
mod xstream;
