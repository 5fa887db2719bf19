//! CaRT as C sees it: thin shells over the cores, one file a C file.

#[cfg(feature = "iv")]
mod iv;
#[cfg(feature = "fabric")]
pub mod proc;
