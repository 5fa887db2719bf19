//! The environment, through gurt's lock: safe against `d_setenv` in other threads.

use core::ffi::CStr;
use core::ptr;
use std::ffi::CString;

/// The value of a variable; None if it is not set.
pub fn string(name: &CStr) -> Option<CString> {
    let mut value = ptr::null_mut();
    // SAFETY: writes null or a string that d_freeenv_str frees.
    unsafe {
        abi::d_agetenv_str(&mut value, name.as_ptr());
        let copy = (!value.is_null()).then(|| CStr::from_ptr(value).to_owned());
        abi::d_freeenv_str(&mut value);
        copy
    }
}

/// The same as text, with what is no UTF-8 replaced.
pub fn text(name: &CStr) -> Option<String> {
    string(name).map(|value| value.to_string_lossy().into_owned())
}

/// Whether a variable switches something on: false for 0, true for any other value; None if it is not set.
pub fn flag(name: &CStr) -> Option<bool> {
    let mut on = false;
    // SAFETY: writes the flag if the variable is set.
    let rc = unsafe { abi::d_getenv_bool(name.as_ptr(), &mut on) };
    (rc == 0).then_some(on)
}

/// A number; None if the variable is not set or holds none in the range.
pub fn number(name: &CStr) -> Option<u32> {
    let mut number = 0;
    // SAFETY: writes the number if there is one.
    let rc = unsafe { abi::d_getenv_uint(name.as_ptr(), &mut number) };
    (rc == 0).then_some(number)
}
