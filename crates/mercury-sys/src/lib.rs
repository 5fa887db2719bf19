//! Mercury's network abstraction layer as of Mercury 2.4.1: what of `na.h` and `na_types.h` a transport of messages
//! needs.
//!
//! Nothing is linked. [`Library::open`] opens `libna.so.6` when somebody asks for it, so this compiles and starts where
//! there is no Mercury. Half of `na.h` is inline functions over a table of the class: [`Class`] has the methods that
//! stand for them. All layouts are those of x86-64.

mod library;
mod types;

pub use library::{Library, LoadError};
pub use types::*;
