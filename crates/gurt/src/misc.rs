//! What is left of misc.c: growing strings and arrays of pointers, the standard deviation.

use abi::{d_string_buffer_t, d_vec_pointers, va_list};
use core::ffi::{c_char, c_int, c_void};
use core::ptr;
use gurt_client::alloc;

unsafe extern "C" {
    fn vsnprintf(s: *mut c_char, n: usize, fmt: *const c_char, ap: va_list) -> c_int;
}

const NOMEM: c_int = -(abi::DER_NOMEM as c_int);

/// The standard deviation of all values there are: no sample, so divided by their number.
fn standard_deviation(values: &[f64]) -> f64 {
    let mean = |sum: f64| sum / values.len() as f64;
    let average = mean(values.iter().sum());
    mean(values.iter().map(|value| (value - average).powi(2)).sum()).sqrt()
}

/// Appends formatted text to a buffer, which grows as needed; `status` goes to the buffer and to C.
///
/// # Safety
/// The arguments match the format.
unsafe fn append(buf: &mut d_string_buffer_t, fmt: *const c_char, ap: va_list) -> c_int {
    if buf.str_.is_null() {
        (buf.str_size, buf.buf_size) = (0, 0);
    }
    // SAFETY: a copy of the list for each pass; the first pass measures, the second has room for its result.
    unsafe {
        let (mut measured, mut written) = (*ap, *ap);
        let len = vsnprintf(ptr::null_mut(), 0, fmt, &mut measured);
        let Ok(len) = usize::try_from(len) else { return -(abi::DER_TRUNC as c_int) };
        let needed = buf.str_size + len + 1;
        if needed > buf.buf_size {
            let size = needed.next_power_of_two().max(64);
            if alloc::resize(&mut buf.str_, buf.buf_size, size).is_none() {
                return NOMEM;
            }
            buf.buf_size = size;
        }
        vsnprintf(buf.str_.add(buf.str_size), buf.buf_size - buf.str_size, fmt, &mut written);
        buf.str_size += len;
    }
    0
}

abi::variadic! {
    /// `d_write_string_buffer` (misc.c): appends formatted text; after a failure the buffer takes no more
    /// until it is freed.
    pub unsafe fn d_write_string_buffer(buf: *mut d_string_buffer_t, fmt: *const c_char; ap) -> c_int {
        // SAFETY: the caller's buffer, format and arguments.
        unsafe {
            match buf.as_mut() {
                Some(buf) if buf.status == 0 => {
                    buf.status = append(buf, fmt, ap);
                    buf.status
                }
                _ => -(abi::DER_NO_PERM as c_int),
            }
        }
    }
}

abi::export! {
    /// `d_free_string` (misc.c): frees a buffer's text; the buffer can be used again.
    pub unsafe fn d_free_string(buf: *mut d_string_buffer_t) {
        // SAFETY: the caller's buffer, which owns its text.
        unsafe {
            if let Some(buf) = buf.as_mut() && !buf.str_.is_null() {
                alloc::free(buf.str_);
                *buf = d_string_buffer_t { status: 0, str_size: 0, buf_size: 0, str_: ptr::null_mut() };
            }
        }
    }

    /// `d_stand_div` (misc.c): standard deviation of `nr` values.
    pub unsafe fn d_stand_div(array: *mut f64, nr: c_int) -> f64 {
        let nr = usize::try_from(nr).unwrap_or(0);
        // SAFETY: the caller's array.
        standard_deviation(if nr == 0 { &[] } else { unsafe { core::slice::from_raw_parts(array, nr) } })
    }

    /// `d_vec_pointers_init` (misc.c): an empty array with room for `cap` pointers.
    pub unsafe fn d_vec_pointers_init(pointers: *mut d_vec_pointers, cap: u32) -> c_int {
        let mut buf = ptr::null_mut();
        if cap > 0 {
            let Some(array) = alloc::array::<*mut c_void>(cap as usize) else { return NOMEM };
            buf = array.as_ptr();
        }
        // SAFETY: the caller's structure.
        unsafe { *pointers = d_vec_pointers { p_buf: buf, p_cap: cap, p_len: 0 } };
        0
    }

    /// `d_vec_pointers_fini` (misc.c): frees the array, not what it points to.
    pub unsafe fn d_vec_pointers_fini(pointers: *mut d_vec_pointers) {
        // SAFETY: the caller's structure, which owns its array.
        unsafe {
            alloc::free((*pointers).p_buf);
            *pointers = d_vec_pointers { p_buf: ptr::null_mut(), p_cap: 0, p_len: 0 };
        }
    }

    /// `d_vec_pointers_append` (misc.c): adds a pointer; the array doubles when it is full.
    pub unsafe fn d_vec_pointers_append(pointers: *mut d_vec_pointers, pointer: *mut c_void) -> c_int {
        // SAFETY: the caller's structure, which owns its array of `p_cap` pointers.
        unsafe {
            let vec = &mut *pointers;
            if vec.p_len == vec.p_cap {
                let Some(cap) = vec.p_cap.checked_mul(2) else { return NOMEM };
                let cap = cap.max(1);
                if alloc::resize(&mut vec.p_buf, vec.p_cap as usize, cap as usize).is_none() {
                    return NOMEM;
                }
                vec.p_cap = cap;
            }
            *vec.p_buf.add(vec.p_len as usize) = pointer;
            vec.p_len += 1;
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    #[test]
    #[cfg_attr(miri, ignore = "assembly")]
    fn strings_grow() {
        let mut buf = d_string_buffer_t { status: 0, str_size: 0, buf_size: 0, str_: ptr::null_mut() };
        let long = "y".repeat(1000) + "\0";
        // SAFETY: the arguments match the formats; the text is freed here.
        unsafe {
            assert_eq!(
                abi::d_write_string_buffer(&mut buf, c"%d-%s;".as_ptr(), 7 as c_int, c"x".as_ptr()),
                0
            );
            assert_eq!(CStr::from_ptr(buf.str_), c"7-x;");
            assert_eq!((buf.str_size, buf.buf_size), (4, 64));
            assert_eq!(abi::d_write_string_buffer(&mut buf, c"%s".as_ptr(), long.as_ptr()), 0);
            assert_eq!(CStr::from_ptr(buf.str_).count_bytes(), 1004);
            buf.status = -1;
            let refused = abi::d_write_string_buffer(&mut buf, c"more".as_ptr());
            assert_eq!(refused, -(abi::DER_NO_PERM as c_int));
            abi::d_free_string(&mut buf);
        }
        assert!(buf.str_.is_null() && buf.status == 0 && buf.str_size == 0);
    }

    #[test]
    fn pointers_are_kept_in_order() {
        let mut vec = d_vec_pointers { p_buf: ptr::null_mut(), p_cap: 9, p_len: 9 };
        // SAFETY: a structure of ours.
        unsafe {
            assert_eq!(abi::d_vec_pointers_init(&mut vec, 0), 0);
            for value in 0..5usize {
                assert_eq!(abi::d_vec_pointers_append(&mut vec, ptr::without_provenance_mut(value)), 0);
            }
            assert_eq!((vec.p_len, vec.p_cap), (5, 8));
            for value in 0..5usize {
                assert_eq!((*vec.p_buf.add(value)).addr(), value);
            }
            abi::d_vec_pointers_fini(&mut vec);
        }
        assert!(vec.p_buf.is_null());
    }

    #[test]
    fn deviation_of_a_population() {
        let mut values = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
        // SAFETY: an array of ours.
        assert_eq!(unsafe { abi::d_stand_div(values.as_mut_ptr(), 8) }, 2.0);
    }
}
