//! Memory that C code frees: the allocation functions of misc.c.
//!
//! `D_ALLOC*` and `D_FREE` are macros around these, for Rust `gurt_client::alloc`. An xstream may account for
//! its memory with tracking callbacks, which are told of each allocation and each release.

use abi::{d_alloc_track_cb_t, va_list};
use core::ffi::{c_char, c_int, c_void};
use core::ptr;
use gurt_client::{Facility, info};
use std::cell::Cell;

unsafe extern "C" {
    fn vasprintf(strp: *mut *mut c_char, fmt: *const c_char, ap: va_list) -> c_int;
    fn aligned_alloc(alignment: usize, size: usize) -> *mut c_void;
}

thread_local! {
    /// First argument of the tracking callbacks; null on threads that do not track.
    static TRACK_ARG: Cell<*mut c_void> = const { Cell::new(ptr::null_mut()) };
}

abi::export_data! {
    /// `d_alloc_track_cb` (misc.c): told the size of each allocation.
    pub static mut d_alloc_track_cb: d_alloc_track_cb_t = None;
    /// `d_free_track_cb` (misc.c): told the size of what is freed.
    pub static mut d_free_track_cb: d_alloc_track_cb_t = None;
}

/// Bytes that malloc gave for `block`, which both callbacks are told, so that their sums balance.
///
/// # Safety
/// `block` comes from malloc's family and is not freed, or is null.
unsafe fn usable(block: *mut c_void) -> usize {
    // SAFETY: by the caller's promise.
    unsafe { libc::malloc_usable_size(block) }
}

/// Tells `callback` of `size` bytes if this thread tracks its memory.
fn track(callback: impl FnOnce() -> *const d_alloc_track_cb_t, size: impl FnOnce() -> usize) {
    let arg = TRACK_ARG.get();
    if arg.is_null() {
        return;
    }
    // SAFETY: `callback` is one of the two exported variables, which d_set_alloc_track_cb sets before any
    // thread has an argument; the callback is called as it was registered.
    unsafe {
        if let Some(callback) = *callback() {
            callback(arg, size());
        }
    }
}

/// Reports the new `block` and passes it on.
///
/// # Safety
/// As [`usable`].
unsafe fn tracked(block: *mut c_void) -> *mut c_void {
    if !block.is_null() {
        // SAFETY: by the caller's promise.
        track(|| &raw const abi::d_alloc_track_cb, || unsafe { usable(block) });
    }
    block
}

abi::export! {
    /// `d_set_alloc_track_cb` (misc.c): tracks the allocations of the calling thread from now on.
    pub fn d_set_alloc_track_cb(alloc_cb: d_alloc_track_cb_t, free_cb: d_alloc_track_cb_t, arg: *mut c_void) {
        // SAFETY: plain stores; DAOS sets the same callbacks from each xstream.
        unsafe {
            abi::d_alloc_track_cb = alloc_cb;
            abi::d_free_track_cb = free_cb;
        }
        TRACK_ARG.set(arg);
        info!(Facility::MISC, "memory track is enabled for the engine.");
    }

    /// `d_free` (misc.c).
    pub unsafe fn d_free(ptr: *mut c_void) {
        if !ptr.is_null() {
            // SAFETY: the caller's block, not yet freed.
            track(|| &raw const abi::d_free_track_cb, || unsafe { usable(ptr) });
        }
        // SAFETY: the caller gives the block up.
        unsafe { libc::free(ptr) }
    }

    /// `d_calloc` (misc.c): `nmemb * size` zeroed bytes, null when there are none.
    pub fn d_calloc(nmemb: usize, size: usize) -> *mut c_void {
        // SAFETY: calloc takes any arguments and returns a new block or null.
        unsafe { tracked(libc::calloc(nmemb, size)) }
    }

    /// `d_malloc` (misc.c): `size` bytes of any content.
    pub fn d_malloc(size: usize) -> *mut c_void {
        // SAFETY: malloc takes any argument and returns a new block or null.
        unsafe { tracked(libc::malloc(size)) }
    }

    /// `d_realloc` (misc.c).
    pub unsafe fn d_realloc(ptr: *mut c_void, size: usize) -> *mut c_void {
        // SAFETY: the caller's block; it is only measured before realloc takes it.
        unsafe {
            let old = if TRACK_ARG.get().is_null() { 0 } else { usable(ptr) };
            let block = libc::realloc(ptr, size);
            if !block.is_null() {
                track(|| &raw const abi::d_free_track_cb, || old);
            }
            tracked(block)
        }
    }

    /// `d_strndup` (misc.c): a copy of at most `n` bytes of a string.
    pub unsafe fn d_strndup(s: *const c_char, n: usize) -> *mut c_char {
        // SAFETY: the caller's string.
        unsafe { tracked(libc::strndup(s, n).cast()).cast() }
    }

    /// `d_realpath` (misc.c): errno as realpath leaves it.
    pub unsafe fn d_realpath(path: *const c_char, resolved_path: *mut c_char) -> *mut c_char {
        // SAFETY: the caller's string and buffer; only a block that realpath allocated is measured.
        unsafe {
            let path = libc::realpath(path, resolved_path);
            if resolved_path.is_null() { tracked(path.cast()).cast() } else { path }
        }
    }

    /// `d_aligned_alloc` (misc.c): `size` bytes at a multiple of `alignment`, a power of two.
    pub fn d_aligned_alloc(alignment: usize, size: usize, zero: bool) -> *mut c_void {
        // SAFETY: aligned_alloc returns a new block of `size` bytes or null.
        unsafe {
            let block = tracked(aligned_alloc(alignment, size));
            if zero && !block.is_null() {
                ptr::write_bytes(block.cast::<u8>(), 0, size);
            }
            block
        }
    }
}

abi::variadic! {
    /// `d_asprintf` (misc.c): formats into new memory, returns the length or -1.
    pub unsafe fn d_asprintf(strp: *mut *mut c_char, fmt: *const c_char; ap) -> c_int {
        // SAFETY: the caller's format and arguments; on success `*strp` is a new block.
        unsafe {
            let len = vasprintf(strp, fmt, ap);
            if len >= 0 {
                tracked((*strp).cast());
            }
            len
        }
    }

    /// `d_asprintf2` (misc.c): as [`d_asprintf`] with result and length swapped; null on failure.
    pub unsafe fn d_asprintf2(rc: *mut c_int, fmt: *const c_char; ap) -> *mut c_char {
        let mut text = ptr::null_mut();
        // SAFETY: the caller's format and arguments; on success `text` is a new block.
        unsafe {
            *rc = vasprintf(&mut text, fmt, ap);
            if *rc < 0 { ptr::null_mut() } else { tracked(text.cast()).cast() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;
    use std::sync::atomic::{AtomicIsize, Ordering};

    #[test]
    #[cfg_attr(miri, ignore = "assembly")]
    fn more_arguments_than_registers_of_either_kind() {
        let mut text = ptr::null_mut();
        // SAFETY: the arguments match the format.
        let (len, result) = unsafe {
            let len = abi::d_asprintf(
                &mut text,
                c"%d %.1f %s %ld %d %.1f %d %d %d %.1f %.1f %.1f %.1f %.1f %.1f %.1f %s".as_ptr(),
                1 as c_int,
                0.5f64,
                c"two".as_ptr(),
                3 as core::ffi::c_long,
                4 as c_int,
                1.5f64,
                5 as c_int,
                6 as c_int,
                7 as c_int,
                2.5f64,
                3.5f64,
                4.5f64,
                5.5f64,
                6.5f64,
                7.5f64,
                8.5f64,
                c"end".as_ptr(),
            );
            (len, CStr::from_ptr(text).to_str().unwrap())
        };
        assert_eq!(result, "1 0.5 two 3 4 1.5 5 6 7 2.5 3.5 4.5 5.5 6.5 7.5 8.5 end");
        assert_eq!(len as usize, result.len());
        // SAFETY: the block is ours.
        unsafe { abi::d_free(text.cast()) };
    }

    #[test]
    #[cfg_attr(miri, ignore = "assembly")]
    fn asprintf2_gives_the_length_through_its_first_argument() {
        let mut len = 0;
        // SAFETY: the arguments match the format; the block is freed here.
        unsafe {
            let text = abi::d_asprintf2(&mut len, c"%s/%u".as_ptr(), c"dir".as_ptr(), 7u32);
            assert_eq!(CStr::from_ptr(text), c"dir/7");
            abi::d_free(text.cast());
        }
        assert_eq!(len, 5);
    }

    #[test]
    #[cfg_attr(miri, ignore = "malloc_usable_size")]
    fn what_is_freed_balances_what_was_allocated() {
        static BALANCE: AtomicIsize = AtomicIsize::new(0);
        unsafe extern "C" fn add(_: *mut c_void, size: usize) {
            BALANCE.fetch_add(size as isize, Ordering::Relaxed);
        }
        unsafe extern "C" fn sub(_: *mut c_void, size: usize) {
            BALANCE.fetch_sub(size as isize, Ordering::Relaxed);
        }
        let mut account = 0u8;
        // SAFETY: each block is freed once, or handed to realloc.
        unsafe {
            abi::d_set_alloc_track_cb(Some(add), Some(sub), (&raw mut account).cast());
            let mut len = 0;
            let mut printed = ptr::null_mut();
            abi::d_asprintf(&mut printed, c"%d".as_ptr(), 12345 as c_int);
            let blocks = [
                abi::d_malloc(10),
                abi::d_calloc(3, 7),
                abi::d_realloc(abi::d_malloc(1), 1000),
                abi::d_strndup(c"abcdef".as_ptr(), 3).cast(),
                abi::d_asprintf2(&mut len, c"%d".as_ptr(), 1 as c_int).cast(),
                printed.cast(),
                abi::d_aligned_alloc(64, 128, true),
                abi::d_realpath(c"/".as_ptr(), ptr::null_mut()).cast(),
            ];
            assert!(BALANCE.load(Ordering::Relaxed) > 1000);
            blocks.into_iter().for_each(|block| abi::d_free(block));
            abi::d_set_alloc_track_cb(Some(add), Some(sub), ptr::null_mut());
        }
        assert_eq!(BALANCE.load(Ordering::Relaxed), 0);
    }
}
