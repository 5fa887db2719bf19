//! Stand-in for libgurt, the part that the engine and its modules use.
//!
//! Each module here is one C file of src/gurt, or one section of misc.c, and exports that file's symbols.

mod alloc;
mod backoff;
mod debug;
mod env;
mod errno;
mod fault_inject;
mod hash;
mod heap;
mod hlc;
mod lock;
mod log;
mod misc;
mod random;
mod rank_list;
mod signals;
