//! The pieces whose correctness is a matter of memory ordering.
//!
//! They use only the primitives of `super::primitives`, so that the model checker of `tests/models.rs` can
//! compile the same files with its own primitives and explore every interleaving.

pub(crate) mod ending;
pub(crate) mod inbox;
pub(crate) mod mutex_word;
pub(crate) mod parker;
pub(crate) mod spin;
pub(crate) mod watcher;
