//! The functions of `init.c`.

use super::variables::{CHECK, JOIN_VERSION};
use super::{process, state};
use core::ffi::{CStr, c_char, c_int};
use core::ptr;
use core::sync::atomic::Ordering;
use gurt_client::{Der, Facility, Result, error};

/// The words of a command line.
///
/// # Safety
/// `argv` is null or begins with `argc` strings, which outlive the result.
unsafe fn words<'a>(argc: c_int, argv: *mut *mut c_char) -> Result<Vec<&'a str>> {
    let count = if argv.is_null() { 0 } else { usize::try_from(argc).unwrap_or(0) };
    let word = |index| {
        // SAFETY: below argc.
        let word = unsafe { argv.add(index).read() };
        // SAFETY: a string, says the caller.
        let word = if word.is_null() { c"" } else { unsafe { CStr::from_ptr(word) } };
        word.to_str().map_err(|_| {
            eprintln!("daos_engine: not in UTF-8: {}", word.to_string_lossy());
            Der::new(abi::DER_INVAL.into())
        })
    };
    (0..count).map(word).collect()
}

abi::export! {
    /// `main` (init.c): see [`abi::daos_engine_main`].
    pub unsafe fn daos_engine_main(argc: c_int, argv: *mut *mut c_char) -> c_int {
        // SAFETY: the caller vouches for the strings.
        match unsafe { words(argc, argv) } {
            Ok(words) => process::run(&words),
            Err(_) => libc::EXIT_FAILURE,
        }
    }

    /// See [`abi::daos_engine_start`].
    pub unsafe fn daos_engine_start(argc: c_int, argv: *mut *mut c_char) -> c_int {
        // SAFETY: the caller vouches for the strings.
        Der::rc_of(unsafe { words(argc, argv) }.and_then(|words| process::start(&words)))
    }

    /// See [`abi::daos_engine_stop`].
    pub fn daos_engine_stop() -> c_int {
        Der::rc_of(process::stop())
    }

    /// `dss_init_state_set` (init.c): moves the engine to `state`. The handler of SetUp calls it when the
    /// modules are set up.
    pub fn dss_init_state_set(state: abi::dss_init_state) {
        state::set(state);
    }

    /// `engine_in_check` (init.c): whether the engine was started for a consistency check.
    pub fn engine_in_check() -> bool {
        CHECK.load(Ordering::Relaxed)
    }

    /// `dss_self_rank` (init.c): the rank of this engine; `CRT_NO_RANK` before the control plane has set it,
    /// where the original fails an assertion.
    pub fn dss_self_rank() -> abi::d_rank_t {
        let mut rank = abi::CRT_NO_RANK;
        // SAFETY: null stands for the primary group; one rank is written.
        let rc = unsafe { abi::crt_group_rank(ptr::null_mut(), &raw mut rank) };
        if let Err(err) = Der::check(rc) {
            error!(Facility::SERVER, "the rank of this engine is asked for before it is set: {err}");
            return abi::CRT_NO_RANK;
        }
        rank
    }

    /// `get_module_info` (init.c): what the calling xstream knows of itself; null on other threads.
    pub fn get_module_info() -> *mut abi::daos_module_info {
        crate::inline::module_info().map_or(ptr::null_mut(), |info| info.as_ptr())
    }

    /// `dss_set_join_version` (init.c): sets the version with which the engine joins its system. The calling xstream,
    /// the system's, knows it at once, the others when the engine opens.
    pub fn dss_set_join_version(version: abi::daos_version_t) {
        // SAFETY: both views of the union are 4 bytes without padding.
        JOIN_VERSION.store(unsafe { version.raw }, Ordering::Relaxed);
        if let Some(info) = crate::inline::module_info() {
            // SAFETY: the engine's own data of this thread.
            unsafe { (*info.as_ptr()).dmi_version = version };
        }
    }

    /// `dss_get_join_version` (init.c): the version with which the engine joins its system.
    pub fn dss_get_join_version() -> abi::daos_version_t {
        abi::daos_version_t { raw: JOIN_VERSION.load(Ordering::Relaxed) }
    }
}
