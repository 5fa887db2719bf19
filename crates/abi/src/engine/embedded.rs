//! What `libdaos_engine` adds to the ABI of DAOS. Nothing of DAOS needs these symbols.

use core::ffi::{c_char, c_int};

unsafe extern "C" {
    /// `main` of init.c: runs an engine with the command line of `daos_engine` until a signal ends it, and
    /// returns the exit status of the process. The executable's `main` calls it; DAOS has no library and thus
    /// no name for it.
    pub fn daos_engine_main(argc: c_int, argv: *mut *mut c_char) -> c_int;

    /// Starts an engine in this process with the command line of `daos_engine` and waits until the control
    /// plane has set it up: what `daos_engine` does before it waits for signals, and the same code. 0,
    /// `-DER_INVAL` for a command line that cannot be followed, `-DER_ALREADY` when an engine runs, or why it
    /// did not start; then nothing of it is left. The calling thread becomes the primary ULT.
    pub fn daos_engine_start(argc: c_int, argv: *mut *mut c_char) -> c_int;

    /// Stops the engine that `daos_engine_start` has started, and gives back all that it held; another may be
    /// started. To be called by the thread that started it. 0, `-DER_UNINIT` when there is none,
    /// `-DER_NO_PERM` on another thread.
    pub fn daos_engine_stop() -> c_int;
}
