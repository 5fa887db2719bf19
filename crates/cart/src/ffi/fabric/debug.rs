//! `crt_debug.c`: the log facility of incast variables, whose file has a feature of its own. All else of CaRT is logged
//! as `misc`.

use core::ffi::c_int;
use core::sync::atomic::{AtomicI32, Ordering};

abi::export_data! {
    /// `crt_iv_logfac` (crt_debug.c): number of the facility `iv`.
    pub static mut crt_iv_logfac: c_int = 0;
}

/// Gives the facility its number, as the log has been opened.
pub fn setup() {
    // SAFETY: two strings. A number below 0 says that there is no room for another facility; lines of facility 0 are
    // logged as well.
    let number = unsafe { abi::d_log_allocfacility(c"iv".as_ptr(), c"iv".as_ptr()) }.max(0);
    // SAFETY: a variable of four bytes, which readers may read meanwhile.
    unsafe { AtomicI32::from_ptr(&raw mut abi::crt_iv_logfac) }.store(number, Ordering::Relaxed);
}
