//! Modules: the shared libraries `lib<name>.so` that bring the engine's services. Replaces `module.c`.
//!
//! The core decides: [`description`] whether what a library calls a module may be one, [`lifecycle`] in which
//! order a module comes up and goes down, and what is taken back when a step fails. [`loader`] opens libraries.
//! The shell in [`ffi`] keeps the list and the table of loaded modules and exports the C symbols.

mod description;
mod ffi;
mod lifecycle;
mod loader;
