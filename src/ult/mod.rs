//! ULTs on the xstreams of the engine: creating them, waiting for what they compute, running one function on
//! all targets, and chores. Replaces `ult.c`.
//!
//! The core decides: [`placement`] which xstream runs a ULT, [`collective`] in which order a collective call
//! proceeds and which error it reports, [`chore`] whether a chore may be queued. The shell in [`ffi`] exports the
//! C symbols and works with Argobots handles and the C structures.

mod chore;
mod collective;
mod ffi;
mod placement;
