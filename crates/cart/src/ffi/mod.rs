//! CaRT as C sees it: thin shells over the cores, one file a C file.

#[cfg(feature = "fabric")]
mod fabric;
#[cfg(feature = "iv")]
mod iv;
