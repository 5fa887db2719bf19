//! Log lines through `d_vlog`, with DAOS's facilities and masks.
//!
//! A line looks as those of DAOS's macros do, `<file>:<line> <function>() <message>`, so DAOS's log parser
//! reads it. A masked line costs the loads of [`enabled`]; its arguments are not even evaluated. A line that
//! is written is formatted on the stack.

use core::ffi::{c_int, c_void};
use core::fmt::{Arguments, Write};

use crate::StackText;

/// Severity of a line: the `DLOG_*` priorities of `gurt/dlog.h`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u32)]
pub enum Level {
    /// `D_DEBUG(DB_ALL, …)`: written when any debug bit of the mask is on.
    Debug = abi::DLOG_DBG,
    /// `D_INFO`.
    Info = abi::DLOG_INFO,
    /// `D_NOTE`.
    Note = abi::DLOG_NOTE,
    /// `D_WARN`.
    Warn = abi::DLOG_WARN,
    /// `D_ERROR`.
    Error = abi::DLOG_ERR,
    /// `D_CRIT`.
    Crit = abi::DLOG_CRIT,
    /// `D_FATAL`: a failed assertion.
    Fatal = abi::DLOG_EMERG,
}

/// A log facility: where its number is kept, a `d_*_logfac` or `daos_*_logfac` variable.
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
    /// `DD_FAC(misc)`: libgurt.
    MISC = d_misc_logfac;
    /// `DD_FAC(mem)`: libgurt's hash tables and heaps.
    MEM = d_mem_logfac;
    /// `DD_FAC(fi)`: fault injection.
    FI = d_fi_logfac;
    /// `DD_FAC(rpc)`: CaRT's requests and contexts.
    RPC = crt_rpc_logfac;
    /// `DD_FAC(corpc)`: its collective requests.
    CORPC = crt_corpc_logfac;
    /// `DD_FAC(bulk)`: its transfers.
    BULK = crt_bulk_logfac;
    /// `DD_FAC(grp)`: its groups.
    GRP = crt_grp_logfac;
    /// `DD_FAC(swim)`: its failure detector.
    SWIM = d_swim_logfac;
    /// `DD_FAC(iv)`: CaRT's incast variables.
    IV = crt_iv_logfac;
}

/// Whether, and how, a line is to be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Route {
    /// Masked out.
    Nowhere,
    /// To the log, with these flags for `d_vlog`.
    Log(c_int),
    /// Nobody has opened the log; warnings and errors go to stderr rather than be lost.
    Stderr,
}

/// Where a line of `level` for `facility` goes: `d_log_check` of `gurt/dlog.h`.
#[inline]
pub fn route(level: Level, facility: Facility) -> Route {
    if cfg!(miri) {
        // Miri knows no variables of C.
        return Route::Nowhere;
    }
    // SAFETY: as C's inline d_log_check reads it: initialised with logging and then only changed by
    // d_log_setmasks; the facility table holds fac_cnt entries.
    unsafe {
        let state = &raw const abi::d_log_xst;
        if (*state).tag.is_null() {
            return if level >= Level::Warn { Route::Stderr } else { Route::Nowhere };
        }
        let facility = (facility.0)();
        let facility = if (0..(*state).fac_cnt).contains(&facility) { facility } else { 0 };
        let entry = (*state).dlog_facs.add(facility as usize);
        let (bits, mask) = (level as c_int, (*entry).fac_mask);
        let masked = if level >= Level::Info { bits < mask } else { bits & mask == 0 };
        if masked || (!(*entry).is_enabled && level < Level::Error) {
            return Route::Nowhere;
        }
        Route::Log(bits | facility)
    }
}

/// Where in the source a line comes from.
#[derive(Clone, Copy)]
pub struct Origin {
    /// `file!()`.
    pub file: &'static str,
    /// `line!()`.
    pub line: u32,
    /// Type name of an item declared in the function, which begins with the function's path.
    pub inner: fn() -> &'static str,
}

impl Origin {
    /// Name of the function, without path, closures and the item itself.
    fn function(&self) -> &'static str {
        let path = (self.inner)();
        let path = path.strip_suffix("::__here").unwrap_or(path);
        let path = path.trim_end_matches("::{{closure}}");
        path.rsplit("::").next().unwrap_or(path)
    }
}

/// Writes one line where `route` says. Called by the macros, which add the position.
#[cold]
pub fn emit(route: Route, origin: &Origin, message: Arguments<'_>) {
    let Origin { file, line, .. } = origin;
    let function = origin.function();
    let flags = match route {
        Route::Nowhere => return,
        Route::Stderr => return eprintln!("{file}:{line} {function}() {message}"),
        Route::Log(flags) => flags,
    };
    let mut text = StackText::<1024>::new();
    // The text accepts everything; only a Display of the caller's could fail, and then its line is short.
    let _ = writeln!(text, "{file}:{line} {function}() {message}");
    let mut registers = [text.as_ptr().cast::<c_void>(); 6];
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

/// Logs one line at a level: `log!(Level::Note, Facility::SERVER, "rank {rank} joined")`. No newline at the
/// end.
#[macro_export]
macro_rules! log {
    ($level:expr, $fac:expr, $($arg:tt)*) => {{
        let route = $crate::route($level, $fac);
        if route != $crate::Route::Nowhere {
            fn __here() {}
            let inner = || ::core::any::type_name_of_val(&__here);
            $crate::emit(route, &$crate::Origin { file: file!(), line: line!(), inner }, format_args!($($arg)*))
        }
    }};
}

/// `D_CRIT` with a facility: the process will not get far.
#[macro_export]
macro_rules! crit {
    ($fac:expr, $($arg:tt)*) => { $crate::log!($crate::Level::Crit, $fac, $($arg)*) };
}

/// `D_ERROR` with a facility: `error!(Facility::SERVER, "cannot open {path}: {err}")`.
#[macro_export]
macro_rules! error {
    ($fac:expr, $($arg:tt)*) => { $crate::log!($crate::Level::Error, $fac, $($arg)*) };
}

/// `D_WARN` with a facility.
#[macro_export]
macro_rules! warn {
    ($fac:expr, $($arg:tt)*) => { $crate::log!($crate::Level::Warn, $fac, $($arg)*) };
}

/// `D_INFO` with a facility.
#[macro_export]
macro_rules! info {
    ($fac:expr, $($arg:tt)*) => { $crate::log!($crate::Level::Info, $fac, $($arg)*) };
}

/// `D_DEBUG(DB_ALL, …)` with a facility.
#[macro_export]
macro_rules! debug {
    ($fac:expr, $($arg:tt)*) => { $crate::log!($crate::Level::Debug, $fac, $($arg)*) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_function_is_named_even_inside_closures() {
        fn __here() {}
        let inner = || core::any::type_name_of_val(&__here);
        let origin = Origin { file: "", line: 0, inner };
        assert_eq!(origin.function(), "the_function_is_named_even_inside_closures");
        let closure = || {
            fn __here() {}
            Origin { file: "", line: 0, inner: || core::any::type_name_of_val(&__here) }.function()
        };
        assert_eq!(closure(), "the_function_is_named_even_inside_closures");
    }
}
