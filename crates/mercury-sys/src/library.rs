//! Opening libna.

use core::ffi::{CStr, c_char, c_uint, c_ulong, c_void};
use core::fmt;
use std::sync::OnceLock;

use crate::types::{Addr, Class, Context, InitInfo, MAJOR, OpId, Return};

/// The file, by its soname: its number is the ABI's.
const FILE: &CStr = c"libna.so.6";

/// Why Mercury cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// There is no such library, or it cannot be opened: the dynamic linker's words.
    NotOpened(String),
    /// It lacks a function.
    NoSymbol(&'static str),
    /// It has another version.
    Version([c_uint; 3]),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = FILE.to_string_lossy();
        match self {
            LoadError::NotOpened(reason) => write!(
                f,
                "{reason}; install Mercury 2.4.1 (DAOS's package mercury) or add the directory of its {file} to \
                 LD_LIBRARY_PATH"
            ),
            LoadError::NoSymbol(symbol) => {
                write!(f, "{file} lacks {symbol}, so it is not Mercury's: take that of Mercury 2.4.1")
            }
            LoadError::Version([major, minor, patch]) => write!(
                f,
                "{file} has version {major}.{minor}.{patch} of the network layer, {MAJOR}.x is needed: take that of \
                 Mercury 2.4.1"
            ),
        }
    }
}

impl std::error::Error for LoadError {}

macro_rules! library {
    ($($(#[$doc:meta])* $field:ident = $symbol:ident($($arg:ty),*) $(-> $result:ty)?;)*) => {
        /// The functions of an open libna, under the names of `na.h`.
        #[derive(Debug)]
        pub struct Library {
            $($(#[$doc])* pub $field: unsafe extern "C" fn($($arg),*) $(-> $result)?,)*
        }

        impl Library {
            /// # Safety
            ///
            /// The handle is that of a libna of this ABI, and stays open.
            unsafe fn resolve(handle: *mut c_void) -> Result<Self, LoadError> {
                Ok(Library {
                    $($field: {
                        let symbol = concat!(stringify!($symbol), "\0").as_ptr().cast();
                        // SAFETY: a live handle and a C string.
                        let found = unsafe { libc::dlsym(handle, symbol) };
                        if found.is_null() {
                            return Err(LoadError::NoSymbol(stringify!($symbol)));
                        }
                        // SAFETY: a function of this name has this signature in na.h.
                        unsafe {
                            core::mem::transmute::<
                                *mut c_void,
                                unsafe extern "C" fn($($arg),*) $(-> $result)?,
                            >(found)
                        }
                    },)*
                })
            }
        }
    };
}

library! {
    /// Its version.
    version_get = NA_Version_get(*mut c_uint, *mut c_uint, *mut c_uint);
    /// Opens a network.
    initialize_opt2 = NA_Initialize_opt2(*const c_char, bool, c_uint, *const InitInfo) -> *mut Class;
    /// Closes it.
    finalize = NA_Finalize(*mut Class) -> Return;
    /// Makes a context.
    context_create = NA_Context_create(*mut Class) -> *mut Context;
    /// Ends a context.
    context_destroy = NA_Context_destroy(*mut Class, *mut Context) -> Return;
    /// Makes an operation that is used again and again.
    op_create = NA_Op_create(*mut Class, c_ulong) -> *mut OpId;
    /// Ends an operation.
    op_destroy = NA_Op_destroy(*mut Class, *mut OpId);
    /// The address that a text stands for.
    addr_lookup = NA_Addr_lookup(*mut Class, *const c_char, *mut *mut Addr) -> Return;
    /// Gives an address back.
    addr_free = NA_Addr_free(*mut Class, *mut Addr);
    /// This side's address.
    addr_self = NA_Addr_self(*mut Class, *mut *mut Addr) -> Return;
    /// An address as text.
    addr_to_string = NA_Addr_to_string(*mut Class, *mut c_char, *mut usize, *mut Addr) -> Return;
    /// Memory for a message.
    msg_buf_alloc = NA_Msg_buf_alloc(*mut Class, usize, c_ulong, *mut *mut c_void) -> *mut c_void;
    /// Gives that back.
    msg_buf_free = NA_Msg_buf_free(*mut Class, *mut c_void, *mut c_void);
    /// Writes the plugin's header into a message.
    msg_init_unexpected = NA_Msg_init_unexpected(*mut Class, *mut c_void, usize) -> Return;
    /// Runs callbacks.
    trigger = NA_Trigger(*mut Context, c_uint, *mut c_uint) -> Return;
    /// Ends an operation early: its callback runs all the same.
    cancel = NA_Cancel(*mut Class, *mut Context, *mut OpId) -> Return;
    /// The name of an error.
    error_to_string = NA_Error_to_string(Return) -> *const c_char;
}

impl Library {
    /// Opens the library, the first time, and leaves it open.
    pub fn open() -> Result<&'static Library, LoadError> {
        static LIBRARY: OnceLock<Library> = OnceLock::new();
        if let Some(library) = LIBRARY.get() {
            return Ok(library);
        }
        // Global: its plugins, which it opens itself, look for its functions there.
        // SAFETY: a C string. The library's constructors run; who installs a libna vouches for them.
        let handle = unsafe { libc::dlopen(FILE.as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
        if handle.is_null() {
            return Err(LoadError::NotOpened(last_error()));
        }
        // SAFETY: it is never closed; whether its ABI is the right one is asked before anything else is called.
        let library = unsafe { Library::resolve(handle)? };
        let version = library.version();
        if version[0] != MAJOR {
            return Err(LoadError::Version(version));
        }
        Ok(LIBRARY.get_or_init(|| library))
    }

    /// The version of the network layer: major, minor, patch. That of Mercury 2.4.1 is 6.0.0.
    pub fn version(&self) -> [c_uint; 3] {
        let [mut major, mut minor, mut patch] = [0; 3];
        // SAFETY: all three may be written to; this function is the same in all versions.
        unsafe { (self.version_get)(&mut major, &mut minor, &mut patch) };
        [major, minor, patch]
    }

    /// What went wrong, as Mercury names it.
    pub fn describe(&self, error: Return) -> String {
        // SAFETY: it returns a text of its own for any number.
        unsafe {
            match (self.error_to_string)(error) {
                text if text.is_null() => format!("{error:?}"),
                text => CStr::from_ptr(text).to_string_lossy().into_owned(),
            }
        }
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
