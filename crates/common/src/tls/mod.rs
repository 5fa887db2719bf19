//! Storage that each xstream has of its own, one value a module: `common/tls.c`.
//!
//! A module registers a key ([`KeyTable`]) that says on which kinds of xstream it wants a value and how to make
//! and destroy it. When an xstream starts it gets a [`Storage`] with a value for each key that fits; when it
//! stops, the values go in reverse order. [`ffi`] keeps the one table of the process, and each thread's
//! storages: one for the engine's side, one for the client library that may live in the same process.

mod core;
pub mod ffi;

pub use self::core::{KEYS, KeyTable, ModuleKey, Storage};
