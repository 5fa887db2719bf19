//! Names of code addresses.

use core::ffi::{CStr, c_void};
use core::fmt;
use core::mem::MaybeUninit;

/// A code address, shown with the name of its function and object as far as the dynamic linker knows them.
pub(crate) struct Symbol(pub(crate) usize);

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)?;
        let mut info = MaybeUninit::<libc::Dl_info>::zeroed();
        // SAFETY: any address may be asked for; the strings live as long as the object is loaded.
        unsafe {
            if libc::dladdr(self.0 as *const c_void, info.as_mut_ptr()) == 0 {
                return Ok(());
            }
            let info = info.assume_init();
            if !info.dli_sname.is_null() {
                let name = CStr::from_ptr(info.dli_sname).to_string_lossy();
                write!(f, " {name}+{:#x}", self.0 - info.dli_saddr as usize)?;
            }
            if !info.dli_fname.is_null() {
                let file = CStr::from_ptr(info.dli_fname).to_string_lossy();
                write!(f, " ({file}+{:#x})", self.0 - info.dli_fbase as usize)?;
            }
        }
        Ok(())
    }
}
