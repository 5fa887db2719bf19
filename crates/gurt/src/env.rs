//! The environment, read and changed by several threads: the `d_getenv_*` part of misc.c.
//!
//! libc's functions are safe only while nobody changes the environment. These take a lock, so they are safe
//! among themselves; code that calls `setenv` directly remains outside of that.

use core::ffi::{CStr, c_char, c_int, c_uint};
use gurt_client::{Der, Result};
use std::sync::{PoisonError, RwLock};

/// Readers copy values out under it.
static LOCK: RwLock<()> = RwLock::new(());

unsafe extern "C" {
    fn clearenv() -> c_int;
}

/// Hands the value of a variable to `read`.
fn with_value<R>(name: &CStr, read: impl FnOnce(&CStr) -> Result<R>) -> Result<R> {
    let _reading = LOCK.read().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: the lock keeps the value in place; its content is only borrowed for `read`.
    let value = unsafe {
        let value = libc::getenv(name.as_ptr());
        (!value.is_null()).then(|| CStr::from_ptr(value))
    };
    read(value.ok_or(NONEXIST)?)
}

const NONEXIST: Der = Der::new(abi::DER_NONEXIST as i64);
const INVAL: Der = Der::new(abi::DER_INVAL as i64);

/// The number at the beginning of `text`, 0 if there is none: `atoi`.
pub(crate) fn leading_int(text: &str) -> i64 {
    let text = text.trim_start();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    text[..text.len() - digits.len() + end].parse().unwrap_or(0)
}

/// An integer as `strtoll` and `strtoull` read it in base 10: sign and digits, nothing after them.
fn parse_integer(text: &[u8]) -> Option<(bool, u64)> {
    let blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'\x0b';
    let text = &text[text.iter().take_while(|byte| blank(byte)).count()..];
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let number = digits.iter().try_fold(0u64, |sum, &byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    });
    (!digits.is_empty()).then_some((negative, number?))
}

/// What `d_getenv_bool` makes of a value: everything but a zero is true.
fn parse_bool(text: &[u8]) -> bool {
    !matches!(parse_integer(text), Some((_, 0)))
}

/// What `d_getenv_uint*` make of a value, for an integer of `bits` bits.
///
/// A negative number stands for its two's complement, as in C, provided that it fits. In less than 64 bits
/// `-0` and numbers from the most negative one down are refused; that is what DAOS does.
fn parse_unsigned(text: &[u8], bits: u32) -> Result<u64> {
    let (negative, number) = parse_integer(text).ok_or(INVAL)?;
    if bits == 64 {
        return Ok(if negative { number.wrapping_neg() } else { number });
    }
    let max = (1u64 << bits) - 1;
    if negative {
        let complement = number.checked_sub(1).filter(|complement| *complement < max).ok_or(INVAL)?;
        return Ok(!complement & max);
    }
    if number <= max { Ok(number) } else { Err(INVAL) }
}

/// Reads a variable into `*out`, which keeps its value on failure.
///
/// # Safety
/// `name` is null or a string, `out` null or a place for a `T`.
unsafe fn read_into<T>(name: *const c_char, out: *mut T, parse: impl FnOnce(&[u8]) -> Result<T>) -> c_int {
    if name.is_null() || out.is_null() {
        return INVAL.rc();
    }
    // SAFETY: the caller's string.
    let value = with_value(unsafe { CStr::from_ptr(name) }, |value| parse(value.to_bytes()));
    // SAFETY: the caller's place.
    Der::rc_of(value.map(|value| unsafe { out.write(value) }))
}

/// Runs one of libc's functions that change the environment.
fn change(function: impl FnOnce() -> c_int) -> c_int {
    let _changing = LOCK.write().unwrap_or_else(PoisonError::into_inner);
    function()
}

abi::export! {
    /// `d_isenv_def` (misc.c): whether a variable is set.
    pub unsafe fn d_isenv_def(name: *mut c_char) -> bool {
        // SAFETY: the caller's string.
        !name.is_null() && with_value(unsafe { CStr::from_ptr(name) }, |_| Ok(())).is_ok()
    }

    /// `d_getenv_str` (misc.c): copies a value into a buffer. -DER_NONEXIST, or -DER_TRUNC when only the
    /// beginning fits, which is then what the buffer holds.
    pub unsafe fn d_getenv_str(str_val: *mut c_char, str_size: usize, name: *const c_char) -> c_int {
        if str_val.is_null() || str_size == 0 || name.is_null() {
            return INVAL.rc();
        }
        // SAFETY: the caller's string.
        let name = unsafe { CStr::from_ptr(name) };
        Der::rc_of(with_value(name, |value| {
            let len = value.count_bytes().min(str_size - 1);
            // SAFETY: `len` bytes and a NUL fit into the caller's buffer of `str_size` bytes.
            unsafe {
                core::ptr::copy_nonoverlapping(value.as_ptr(), str_val, len);
                str_val.add(len).write(0);
            }
            if len < value.count_bytes() {
                eprintln!("ENV '{}' has been truncated", name.to_string_lossy());
                return Err(Der::new(abi::DER_TRUNC.into()));
            }
            Ok(())
        }))
    }

    /// `d_agetenv_str` (misc.c): a copy of a value, to be freed by `d_freeenv_str`; null if there is none.
    pub unsafe fn d_agetenv_str(str_val: *mut *mut c_char, name: *const c_char) -> c_int {
        if str_val.is_null() || name.is_null() {
            return INVAL.rc();
        }
        // SAFETY: the caller's place and string; strdup copies the value while the lock is held.
        unsafe {
            *str_val = core::ptr::null_mut();
            Der::rc_of(with_value(CStr::from_ptr(name), |value| {
                *str_val = libc::strdup(value.as_ptr());
                if (*str_val).is_null() { Err(Der::new(abi::DER_NOMEM.into())) } else { Ok(()) }
            }))
        }
    }

    /// `d_freeenv_str` (misc.c): frees what `d_agetenv_str` gave, and sets it to null.
    pub unsafe fn d_freeenv_str(str_val: *mut *mut c_char) {
        if !str_val.is_null() {
            // SAFETY: the caller's place, which holds null or a string from strdup.
            unsafe { libc::free(core::mem::replace(&mut *str_val, core::ptr::null_mut()).cast()) }
        }
    }

    /// `d_getenv_bool` (misc.c): false for a zero, true for anything else.
    pub unsafe fn d_getenv_bool(name: *const c_char, bool_val: *mut bool) -> c_int {
        // SAFETY: the caller's string and place.
        unsafe { read_into(name, bool_val, |value| Ok(parse_bool(value))) }
    }

    /// `d_getenv_char` (misc.c): a value of one character; -DER_INVAL if it is longer or empty.
    pub unsafe fn d_getenv_char(name: *const c_char, char_val: *mut c_char) -> c_int {
        // SAFETY: the caller's string and place.
        unsafe {
            read_into(name, char_val, |value| match value {
                [byte] => Ok(*byte as c_char),
                _ => Err(INVAL),
            })
        }
    }

    /// `d_getenv_uint` (misc.c): -DER_INVAL for what is no number or too large.
    pub unsafe fn d_getenv_uint(name: *const c_char, uint_val: *mut c_uint) -> c_int {
        // SAFETY: the caller's string and place.
        unsafe { read_into(name, uint_val, |value| Ok(parse_unsigned(value, c_uint::BITS)? as c_uint)) }
    }

    /// `d_getenv_int` (misc.c): the former name of `d_getenv_uint`.
    pub unsafe fn d_getenv_int(name: *const c_char, uint_val: *mut c_uint) -> c_int {
        // SAFETY: the caller's string and place.
        unsafe { abi::d_getenv_uint(name, uint_val) }
    }

    /// `d_getenv_uint32_t` (misc.c): as `d_getenv_uint`.
    pub unsafe fn d_getenv_uint32_t(name: *const c_char, uint32_val: *mut u32) -> c_int {
        // SAFETY: the caller's string and place.
        unsafe { abi::d_getenv_uint(name, uint32_val) }
    }

    /// `d_getenv_uint64_t` (misc.c): as `d_getenv_uint` with 64 bits.
    pub unsafe fn d_getenv_uint64_t(name: *const c_char, uint64_val: *mut u64) -> c_int {
        // SAFETY: the caller's string and place.
        unsafe { read_into(name, uint64_val, |value| parse_unsigned(value, u64::BITS)) }
    }

    /// `d_putenv` (misc.c): `putenv` under the lock; result and errno are libc's.
    pub unsafe fn d_putenv(name: *mut c_char) -> c_int {
        // SAFETY: the caller's string, which becomes part of the environment.
        change(|| unsafe { libc::putenv(name) })
    }

    /// `d_setenv` (misc.c): `setenv` under the lock; result and errno are libc's.
    pub unsafe fn d_setenv(name: *const c_char, value: *const c_char, overwrite: c_int) -> c_int {
        // SAFETY: the caller's strings, which are copied.
        change(|| unsafe { libc::setenv(name, value, overwrite) })
    }

    /// `d_unsetenv` (misc.c): `unsetenv` under the lock; result and errno are libc's.
    pub unsafe fn d_unsetenv(name: *const c_char) -> c_int {
        // SAFETY: the caller's string.
        change(|| unsafe { libc::unsetenv(name) })
    }

    /// `d_clearenv` (misc.c): `clearenv` under the lock.
    pub fn d_clearenv() -> c_int {
        // SAFETY: no preconditions; readers hold no reference outside the lock.
        change(|| unsafe { clearenv() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_zero_is_false() {
        for (text, value) in
            [("0", false), (" -00", false), ("+0", false), ("1", true), ("", true), ("no", true)]
        {
            assert_eq!(parse_bool(text.as_bytes()), value, "{text}");
        }
        assert!(parse_bool(b"0x0") && parse_bool(b"99999999999999999999") && parse_bool(b"0 "));
    }

    #[test]
    fn integers_of_32_bits() {
        let cases: [(&str, Option<u64>); 12] = [
            ("0", Some(0)),
            (" 42", Some(42)),
            ("+7", Some(7)),
            ("4294967295", Some(0xffff_ffff)),
            ("4294967296", None),
            ("-1", Some(0xffff_ffff)),
            ("-5", Some(0xffff_fffb)),
            ("-0", None),
            ("-4294967296", None),
            ("", None),
            ("12a", None),
            ("99999999999999999999", None),
        ];
        for (text, number) in cases {
            assert_eq!(parse_unsigned(text.as_bytes(), 32).ok(), number, "{text}");
        }
    }

    #[test]
    fn integers_of_64_bits() {
        assert_eq!(parse_unsigned(b"18446744073709551615", 64), Ok(u64::MAX));
        assert_eq!(parse_unsigned(b"-1", 64), Ok(u64::MAX));
        assert_eq!(parse_unsigned(b"18446744073709551616", 64), Err(INVAL));
    }

    #[test]
    fn atoi() {
        for (text, number) in [("12", 12), (" 3x", 3), ("-4", -4), ("x", 0), ("", 0), ("+", 0)] {
            assert_eq!(leading_int(text), number, "{text}");
        }
    }
}
