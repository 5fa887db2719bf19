//! What `libdaos_engine` adds to the ABI of DAOS. Nothing of DAOS needs these symbols.

use core::ffi::{c_char, c_int};
unsafe extern "C" {
    /// `main` of init.c: runs an engine with the command line of `daos_engine` until a signal ends it, and
    /// returns the exit status of the process. The executable's `main` calls it; DAOS has no library and thus
    /// no name for it.
    pub fn daos_engine_main(argc: c_int, argv: *mut *mut c_char) -> c_int;
}
