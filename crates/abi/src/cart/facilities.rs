//! `crt_debug.h`: log facilities of CaRT.

use core::ffi::c_int;

unsafe extern "C" {
    /// crt_debug.c: the number of log facility `crt`: everything else.
    pub static mut crt_crt_logfac: c_int;
    /// crt_debug.c: what the log says about each level and stream of facility `crt`.
    pub static mut crt_crt_logfac_cache: [c_int; 16];
    /// crt_debug.c: the number of log facility `rpc`: requests.
    pub static mut crt_rpc_logfac: c_int;
    /// crt_debug.c: what the log says about each level and stream of facility `rpc`.
    pub static mut crt_rpc_logfac_cache: [c_int; 16];
    /// crt_debug.c: the number of log facility `bulk`: bulk transfers.
    pub static mut crt_bulk_logfac: c_int;
    /// crt_debug.c: what the log says about each level and stream of facility `bulk`.
    pub static mut crt_bulk_logfac_cache: [c_int; 16];
    /// crt_debug.c: the number of log facility `corpc`: collective requests.
    pub static mut crt_corpc_logfac: c_int;
    /// crt_debug.c: what the log says about each level and stream of facility `corpc`.
    pub static mut crt_corpc_logfac_cache: [c_int; 16];
    /// crt_debug.c: the number of log facility `grp`: groups.
    pub static mut crt_grp_logfac: c_int;
    /// crt_debug.c: what the log says about each level and stream of facility `grp`.
    pub static mut crt_grp_logfac_cache: [c_int; 16];
    /// crt_debug.c: the number of log facility `lm`: who is alive.
    pub static mut crt_lm_logfac: c_int;
    /// crt_debug.c: what the log says about each level and stream of facility `lm`.
    pub static mut crt_lm_logfac_cache: [c_int; 16];
    /// crt_debug.c: the number of log facility `hg`: the transport.
    pub static mut crt_hg_logfac: c_int;
    /// crt_debug.c: what the log says about each level and stream of facility `hg`.
    pub static mut crt_hg_logfac_cache: [c_int; 16];
    /// crt_debug.c: the number of log facility `external`: users of CaRT.
    pub static mut crt_external_logfac: c_int;
    /// crt_debug.c: what the log says about each level and stream of facility `external`.
    pub static mut crt_external_logfac_cache: [c_int; 16];
    /// crt_debug.c: the number of log facility `st`: the self-test.
    pub static mut crt_st_logfac: c_int;
    /// crt_debug.c: what the log says about each level and stream of facility `st`.
    pub static mut crt_st_logfac_cache: [c_int; 16];
    /// crt_debug.c: the number of log facility `iv`: incast variables.
    pub static mut crt_iv_logfac: c_int;
    /// crt_debug.c: what the log says about each level and stream of facility `iv`.
    pub static mut crt_iv_logfac_cache: [c_int; 16];
    /// crt_debug.c: the number of log facility `ctl`: control by cart_ctl.
    pub static mut crt_ctl_logfac: c_int;
    /// crt_debug.c: what the log says about each level and stream of facility `ctl`.
    pub static mut crt_ctl_logfac_cache: [c_int; 16];

    /// Registers the facilities with the log, which is open. 0 or a negative number.
    pub fn crt_setup_log_fac() -> c_int;
}
