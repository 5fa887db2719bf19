//! Log lines through `d_vlog`, with DAOS's facilities and masks.

use core::ffi::{c_int, c_void};
use core::fmt::Arguments;
use std::ffi::CString;

/// Severity of a line: the `DLOG_*` priorities of `gurt/dlog.h`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Level {
    /// `D_CRIT`.
    Crit = abi::DLOG_CRIT,
    /// `D_ERROR`.
    Error = abi::DLOG_ERR,
    /// `D_WARN`.
    Warn = abi::DLOG_WARN,
    /// `D_NOTE`.
    Note = abi::DLOG_NOTE,
    /// `D_INFO`.
    Info = abi::DLOG_INFO,
    /// `D_DEBUG(DB_TRACE, …)`.
    Debug = abi::DLOG_DBG,
}

/// A log facility: where its number is kept, a `daos_*_logfac` variable.
#[derive(Clone, Copy)]
pub struct Facility(fn() -> c_int);

macro_rules! facilities {
    ($($(#[$doc:meta])* $name:ident = $var:ident;)*) => {
        impl Facility {$(
            $(#[$doc])*
            pub const $name: Facility = Facility(|| {
                // SAFETY: an int that is written once, when logging starts.
                unsafe { abi::$var }
            });
        )*}
    };
}

facilities! {
    /// `DD_FAC(server)`: the engine.
    SERVER = daos_server_logfac;
    /// `DD_FAC(drpc)`: the dRPC channel.
    DRPC = daos_drpc_logfac;
    /// `DD_FAC(common)`: libdaos_common.
    COMMON = daos_common_logfac;
}

/// The mask bits under which `level` of `facility` is to be logged, or 0 when it is masked out:
/// `d_log_check` of `gurt/dlog.h`.
fn enabled(level: Level, facility: c_int) -> c_int {
    // SAFETY: d_log_xst is initialised with logging and then only changed by d_log_setmasks; the facility
    // table holds fac_cnt entries.
    unsafe {
        let state = &raw const abi::d_log_xst;
        if (*state).tag.is_null() || facility < 0 || facility >= (*state).fac_cnt {
            return 0;
        }
        let mask = (*(*state).dlog_facs.add(facility as usize)).fac_mask;
        let level = level as c_int;
        let on = if level >= abi::DLOG_INFO as c_int { level >= mask } else { level & mask != 0 };
        if on { level | facility } else { 0 }
    }
}

/// Logs one line, if the facility's mask lets it through. Called by the macros, which add the position.
pub fn emit(level: Level, facility: Facility, file: &str, line: u32, message: Arguments<'_>) {
    let flags = enabled(level, (facility.0)());
    if flags == 0 {
        return;
    }
    let text = format!("{file}:{line} {message}\n");
    let text = CString::new(text.replace('\0', "\\0")).expect("no NUL is left");
    let mut registers = [text.as_ptr().cast::<c_void>().cast_mut(); 6];
    let mut ap = abi::__va_list_tag {
        gp_offset: 0,
        fp_offset: 48,
        overflow_arg_area: core::ptr::null_mut(),
        reg_save_area: registers.as_mut_ptr().cast(),
    };
    // SAFETY: the format takes one pointer argument, which va_arg reads at gp_offset of the save area; both
    // live until d_vlog returns.
    unsafe { abi::d_vlog(flags, c"%s".as_ptr(), &raw mut ap) }
}

/// `D_ERROR` with a facility: `error!(Facility::SERVER, "cannot open {path}: {err}")`. No newline at the end.
#[macro_export]
macro_rules! error {
    ($fac:expr, $($arg:tt)*) => { $crate::emit($crate::Level::Error, $fac, file!(), line!(), format_args!($($arg)*)) };
}

/// `D_WARN` with a facility.
#[macro_export]
macro_rules! warn {
    ($fac:expr, $($arg:tt)*) => { $crate::emit($crate::Level::Warn, $fac, file!(), line!(), format_args!($($arg)*)) };
}

/// `D_INFO` with a facility.
#[macro_export]
macro_rules! info {
    ($fac:expr, $($arg:tt)*) => { $crate::emit($crate::Level::Info, $fac, file!(), line!(), format_args!($($arg)*)) };
}

/// `D_DEBUG(DB_TRACE, …)` with a facility.
#[macro_export]
macro_rules! debug {
    ($fac:expr, $($arg:tt)*) => { $crate::emit($crate::Level::Debug, $fac, file!(), line!(), format_args!($($arg)*)) };
}
