//! What the environment says about the log.

use super::{debug_bits, file, mask};
use crate::env::leading_int;
use core::ffi::{CStr, c_int};
use file::LogFile;
use gurt_client::env;
use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// `D_LOG_SIZE` is at least this,
const MIN_SIZE: u64 = 1 << 20;
/// and this if it is not set.
const DEFAULT_SIZE: u64 = 1 << 31;
/// Everything that the environment says about the log.
pub struct Settings {
    options: file::Options,
    /// From this priority on lines are written out at once.
    pub flush_mask: c_int,
    append_pid: bool,
    /// The rank is to be added to the file's name.
    pub append_rank: bool,
}

impl Settings {
    /// Reads them.
    pub fn from_env() -> Self {
        let on = |name| env::text(name).is_some_and(|value| value != "0");
        let positive = |name| env::text(name).is_some_and(|value| leading_int(&value) > 0);
        let size = env::text(c"D_LOG_SIZE").map(|size| mask::parse_size(&size));
        let flush = env::text(c"D_LOG_FLUSH");
        Settings {
            options: file::Options {
                truncate: positive(c"D_LOG_TRUNCATE"),
                with_stderr: positive(c"D_LOG_STDERR_IN_LOG"),
                limit: size.map_or(DEFAULT_SIZE, |size| size.max(MIN_SIZE)),
            },
            flush_mask: flush
                .and_then(|name| mask::parse_priority(name.as_bytes(), debug_bits()))
                .unwrap_or(abi::DLOG_WARN as c_int),
            append_pid: on(c"D_LOG_FILE_APPEND_PID"),
            append_rank: on(c"D_LOG_FILE_APPEND_RANK"),
        }
    }
}

/// Opens the log file; a log without one goes to stderr, which one message says.
pub fn open_file(path: Option<&CStr>, settings: &Settings) -> (Option<LogFile>, u32) {
    let Some(path) = path.map(CStr::to_bytes).filter(|path| !path.is_empty()) else { return (None, 0) };
    let mut path = path.to_owned();
    if settings.append_pid {
        path.extend_from_slice(format!(".{}", std::process::id()).as_bytes());
    }
    let path = Path::new(OsStr::from_bytes(&path));
    match LogFile::open(path, settings.options.clone()) {
        Ok(file) => (Some(file), 0),
        Err(err) => {
            eprintln!("cannot open the log file {}: {err}; logging to stderr instead", path.display());
            (None, abi::DLOG_FLV_STDERR)
        }
    }
}

/// This host's name, without its domain unless `full`.
pub fn nodename(full: bool) -> CString {
    // SAFETY: uname fills the structure that it is given, with strings that end in it.
    let name = unsafe {
        let mut names: libc::utsname = core::mem::zeroed();
        libc::uname(&mut names);
        CStr::from_ptr(names.nodename.as_ptr()).to_owned()
    };
    let len = name.as_bytes().iter().take_while(|&&byte| full || byte != b'.').count();
    CString::new(&name.as_bytes()[..len]).expect("a part of a C string has no NUL")
}

pub fn is_terminal(descriptor: c_int) -> bool {
    // SAFETY: isatty takes any number.
    unsafe { libc::isatty(descriptor) == 1 }
}

/// Whether `DD_SUBSYS` (`subsystems`), a list separated by commas, lets a facility through.
fn lets_through(subsystems: Option<&str>, name: &str) -> bool {
    subsystems.is_none_or(|list| {
        list.get(..3).is_some_and(|all| all.eq_ignore_ascii_case("all"))
            || list.split(',').any(|entry| entry.trim().eq_ignore_ascii_case(name))
    })
}

/// Whether the environment lets a facility through.
pub fn is_enabled(name: &CStr) -> bool {
    lets_through(env::text(c"DD_SUBSYS").as_deref(), &name.to_string_lossy())
}
