//! One round of the dRPC server: `drpc_progress.c`.
//!
//! [`drpc_progress`](ffi) polls the listener and its sessions, accepts clients, receives calls and starts a ULT
//! for each, which runs the handler and sends the response. Peers may do anything; what one of them holds is
//! bounded ([`limits`]), and responses that it does not take wait in [`stalled`] without holding up anybody.

mod ffi;
mod limits;
mod stalled;
