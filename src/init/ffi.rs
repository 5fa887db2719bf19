//! The symbols of `init.c`.

use core::ffi::{c_char, c_int};

abi::export! {
    /// `main` (init.c): see [`abi::daos_engine_main`].
    pub unsafe fn daos_engine_main(_argc: c_int, _argv: *mut *mut c_char) -> c_int {
        0
    }
}
