//! Opening the libraries of modules.

use core::ffi::{CStr, c_void};
use core::fmt;
use core::ptr::NonNull;
use std::env;
use std::ffi::CString;

use super::description::NAME_MAX;

/// A library that is mapped into the process until this value is dropped: the handle of `dlopen`.
#[repr(transparent)]
pub struct Library(NonNull<c_void>);

/// Why there is no module in a library, or no library.
#[derive(Debug, PartialEq, Eq)]
pub enum LoadError {
    /// The name has no characters, too many, or some that are no part of a file name.
    BadName(&'static str),
    /// The dynamic linker did not find or accept the file; its words.
    NotOpened {
        /// What was asked for.
        file: String,
        /// The text of `dlerror`.
        reason: String,
    },
    /// The library lacks the symbol of the module; the dynamic linker's words.
    NoSymbol {
        /// The symbol.
        symbol: String,
        /// The text of `dlerror`.
        reason: String,
    },
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::BadName(why) => write!(f, "its name {why}"),
            LoadError::NotOpened { file, reason } => {
                if !reason.contains(file.as_str()) {
                    write!(f, "{file}: ")?;
                }
                f.write_str(reason)?;
                // The linker's words begin with the path of a file that it found and refused, or with the name of
                // one that it looked for in vain: the module, or a library that it needs.
                if reason.split(':').next().is_some_and(|file| file.contains('/')) {
                    return Ok(());
                }
                let paths = env::var("LD_LIBRARY_PATH").unwrap_or_else(|_| "not set".into());
                write!(
                    f,
                    "; searched LD_LIBRARY_PATH ({paths}), the rpath of the engine and the system's directories: add \
                     the directory of the module to LD_LIBRARY_PATH"
                )
            }
            LoadError::NoSymbol { symbol, reason } => {
                write!(f, "it does not define struct dss_module {symbol}: {reason}")
            }
        }
    }
}

/// Opens `lib<name>.so`, whose symbols become visible to modules that are opened later, and finds
/// `<name>_module` in it.
pub fn open(name: &str) -> Result<(Library, NonNull<c_void>), LoadError> {
    check_name(name)?;
    let library = Library::open(&format!("lib{name}.so"))?;
    let module = library.symbol(&format!("{name}_module"))?;
    Ok((library, module))
}

fn check_name(name: &str) -> Result<(), LoadError> {
    match name {
        "" => Err(LoadError::BadName("is empty")),
        _ if name.len() > NAME_MAX => Err(LoadError::BadName("is longer than 32 bytes")),
        _ if name.contains(['/', '\0']) => Err(LoadError::BadName("is no part of a file name")),
        _ => Ok(()),
    }
}

impl Library {
    fn open(file: &str) -> Result<Self, LoadError> {
        let c_file = CString::new(file).expect("checked for NUL");
        // SAFETY: a C string. The library's constructors run; who puts a library where modules are looked for
        // vouches for them.
        let handle = unsafe { libc::dlopen(c_file.as_ptr(), libc::RTLD_LAZY | libc::RTLD_GLOBAL) };
        NonNull::new(handle)
            .map(Library)
            .ok_or_else(|| LoadError::NotOpened { file: file.into(), reason: last_error() })
    }

    fn symbol(&self, symbol: &str) -> Result<NonNull<c_void>, LoadError> {
        let c_symbol = CString::new(symbol).expect("checked for NUL");
        // SAFETY: a live handle and a C string.
        let found = unsafe { libc::dlsym(self.0.as_ptr(), c_symbol.as_ptr()) };
        NonNull::new(found).ok_or_else(|| LoadError::NoSymbol { symbol: symbol.into(), reason: last_error() })
    }

    /// Leaves the library mapped for good: code of it may still be running.
    pub fn keep(self) {
        core::mem::forget(self);
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        // SAFETY: the handle is this value's own.
        unsafe { libc::dlclose(self.0.as_ptr()) };
    }
}

/// What the dynamic linker says of this thread's last failure.
fn last_error() -> String {
    // SAFETY: returns null or a string that stays until this thread's next call of the dynamic linker.
    unsafe {
        match libc::dlerror() {
            text if text.is_null() => "no reason given".into(),
            text => CStr::from_ptr(text).to_string_lossy().into_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_no_part_of_a_file_name_are_refused() {
        for name in ["", "a/b", "../x", "a\0b", &"x".repeat(33)] {
            assert!(matches!(open(name), Err(LoadError::BadName(_))), "{name:?}");
        }
        let longest = "x".repeat(32);
        assert!(matches!(open(&longest), Err(LoadError::NotOpened { .. })));
    }

    #[test]
    fn a_missing_file_is_reported_with_where_it_was_looked_for() {
        let text = open("no_such_module").err().unwrap().to_string();
        assert!(text.contains("libno_such_module.so"), "{text}");
        assert!(text.contains("LD_LIBRARY_PATH"), "{text}");
    }

    #[test]
    fn a_file_that_was_found_is_not_said_to_be_missing() {
        for reason in ["/a/libx.so: file too short", "modules/libx.so: invalid ELF header"] {
            let text = LoadError::NotOpened { file: "libx.so".into(), reason: reason.into() }.to_string();
            assert_eq!(text, reason);
        }
    }

    #[test]
    fn a_library_without_the_symbol_is_no_module() {
        let library = Library::open("libc.so.6").unwrap();
        let text = library.symbol("quux_module").unwrap_err().to_string();
        assert!(text.contains("struct dss_module quux_module"), "{text}");
        assert!(text.contains("undefined symbol"), "{text}");
    }
}
