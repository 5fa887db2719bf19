//! `crt_debug.c`: log facilities.

use core::ffi::{CStr, c_int};

/// Entries of a facility's cache: 9 priorities and 7 debug bits of gurt.
const CACHE: usize = 16;

/// A log facility: its names, where its number is kept, and where the masks are that gurt has resolved for it.
struct Variables {
    name: &'static CStr,
    long_name: &'static CStr,
    number: fn() -> *mut c_int,
    cache: fn() -> *mut [c_int; CACHE],
}

/// A string literal with its NUL.
const fn text(literal: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(literal.as_bytes()) {
        Ok(text) => text,
        Err(_) => panic!("a NUL in a name"),
    }
}

macro_rules! facilities {
    ($($name:literal $long_name:literal $number:ident $cache:ident,)*) => {
        abi::export_data! {$(
            #[doc = concat!("The number of facility `", $name, "` (crt_debug.c).")]
            pub static mut $number: c_int = 0;
            #[doc = concat!("The masks of facility `", $name, "` (crt_debug.c) as resolved so far, one a priority or bit.")]
            pub static mut $cache: [c_int; CACHE] = [abi::DLOG_UNINIT as c_int; CACHE];
        )*}

        static FACILITIES: &[Variables] = &[$(Variables {
            name: text(concat!($name, "\0")),
            long_name: text(concat!($long_name, "\0")),
            number: || &raw mut abi::$number,
            cache: || &raw mut abi::$cache,
        },)*];
    };
}

facilities! {
    "crt" "cart" crt_crt_logfac crt_crt_logfac_cache,
    "rpc" "rpc" crt_rpc_logfac crt_rpc_logfac_cache,
    "bulk" "bulk" crt_bulk_logfac crt_bulk_logfac_cache,
    "corpc" "corpc" crt_corpc_logfac crt_corpc_logfac_cache,
    "grp" "group" crt_grp_logfac crt_grp_logfac_cache,
    "lm" "livenessmap" crt_lm_logfac crt_lm_logfac_cache,
    "hg" "mercury" crt_hg_logfac crt_hg_logfac_cache,
    "external" "external" crt_external_logfac crt_external_logfac_cache,
    "st" "self_test" crt_st_logfac crt_st_logfac_cache,
    "iv" "iv" crt_iv_logfac crt_iv_logfac_cache,
    "ctl" "ctl" crt_ctl_logfac crt_ctl_logfac_cache,
}

abi::export! {
    /// `crt_setup_log_fac` (crt_debug.c): registers the facilities with the log. 0, or a negative number when there is no
    /// room for more.
    pub fn crt_setup_log_fac() -> c_int {
        for facility in FACILITIES {
            // SAFETY: NUL-terminated names, and our own variables, which live forever.
            unsafe {
                let number = abi::d_log_allocfacility(facility.name.as_ptr(), facility.long_name.as_ptr());
                if number < 0 {
                    return number;
                }
                (facility.number)().write(number);
                abi::d_log_add_cache((facility.cache)().cast(), CACHE as c_int);
            }
        }
        // SAFETY: reads the environment.
        unsafe { abi::d_log_sync_mask() };
        0
    }
}
