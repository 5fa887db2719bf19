//! The `daos_engine` executable: a process around `libdaos_engine.so`, which it needs instead of containing it
//! (see `build.rs`), so that modules find the engine's symbols in the global scope.
#![no_main]

use core::ffi::{c_char, c_int};

/// The process's entry point, called by the C runtime.
#[unsafe(no_mangle)]
extern "C" fn main(argc: c_int, argv: *mut *mut c_char) -> c_int {
    // SAFETY: the C runtime passes argc strings and a closing null.
    unsafe { abi::daos_engine_main(argc, argv) }
}
