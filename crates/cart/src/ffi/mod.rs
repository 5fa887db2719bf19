//! CaRT as C sees it: thin shells over the cores, one file a C file.

pub mod proc;
