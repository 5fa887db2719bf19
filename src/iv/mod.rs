//! Incast variables of the engine: values that the ranks of a pool share, with the pool's leader as their root.
//! Replaces `server_iv.c`.
//!
//! CaRT (`crt_iv_*`) moves requests along a tree of ranks and asks each rank through callbacks. This component is
//! those callbacks, `iv_cache_ops`, over a cache of entries for each namespace, and the functions by which modules
//! fetch, update and invalidate variables, with their retries. All of it runs on the system xstream.
//!
//! The core decides: [`classes`] which classes there are, [`index`] where the entry of a key is, [`life`] who may
//! still use a namespace, [`retry`] what a failed request leads to. The shell in [`ffi`] keeps the C structures
//! that modules see, calls the classes, and exports the symbols.

#![cfg_attr(not(feature = "server-iv"), allow(dead_code))]

mod classes;
#[cfg(feature = "server-iv")]
mod ffi;
mod index;
mod life;
mod request;
mod retry;
