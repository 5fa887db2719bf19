//! The C symbols of dlog.c.

use super::settings::{self, Settings};
use super::*;
use abi::{d_log_xstate, va_list};
use std::sync::Once;

unsafe extern "C" {
    fn vsnprintf(s: *mut c_char, n: usize, fmt: *const c_char, ap: va_list) -> c_int;
}

abi::export_data! {
    /// `d_log_xst` (dlog.c): what C's inline `d_log_check` reads.
    pub static mut d_log_xst: d_log_xstate = d_log_xstate {
        tag: ptr::null_mut(),
        dlog_facs: ptr::null_mut(),
        nodename: ptr::null_mut(),
        fac_cnt: 0,
    };
}

abi::export! {
    /// `d_log_open` (dlog.c): opens the log; -1 if it is open already or an argument is invalid.
    pub unsafe fn d_log_open(
        tag: *mut c_char,
        maxfac_hint: c_int,
        default_mask: c_int,
        stderr_mask: c_int,
        logfile: *mut c_char,
        flags: c_int,
        id_cb: d_log_id_cb_t,
    ) -> c_int {
        let bad_mask = |mask: c_int| mask & !(abi::DLOG_PRIMASK as c_int) != 0;
        if is_open() || tag.is_null() || maxfac_hint < 0 || bad_mask(default_mask) || bad_mask(stderr_mask) {
            eprintln!("d_log_open: the log is open already, or an argument is invalid");
            return -1;
        }
        // SAFETY: strings of the caller's; the file's name may be null.
        let (tag, path) = unsafe {
            (CStr::from_ptr(tag), (!logfile.is_null()).then(|| CStr::from_ptr(logfile)))
        };
        let settings = Settings::from_env();
        let (file, fallback) = settings::open_file(path, &settings);
        let flavor = flags as u32 | fallback;
        let bracket: &[u8] = if flavor & abi::DLOG_FLV_LOGPID != 0 { b"[" } else { b"" };
        let tag = CString::new([tag.to_bytes(), bracket].concat()).expect("a C string has no NUL");
        let log = Log {
            tag: facility::intern(&tag),
            nodename: settings::nodename(flavor & abi::DLOG_FLV_FQDN != 0),
            flavor,
            default_mask,
            stderr_mask,
            flush_mask: settings.flush_mask,
            append_rank: settings.append_rank && file.is_some(),
            file,
            stdout_is_terminal: settings::is_terminal(libc::STDOUT_FILENO),
            stderr_is_terminal: settings::is_terminal(libc::STDERR_FILENO),
            clock: Clock { second: u64::MAX, text: StackText::new() },
            flushed: 0,
        };
        ID_CALLBACK.store(id_cb.map_or(ptr::null_mut(), |callback| callback as *mut c_void), Ordering::Release);
        DISABLED.store(false, Ordering::Relaxed);
        with_log(|slot| {
            let nodename = facility::intern(&log.nodename);
            facility::ensure(&log, (maxfac_hint - 1).max(0));
            // SAFETY: the lock is held; the tag comes last because it is what readers look at first.
            unsafe {
                abi::d_log_xst.dlog_facs = facility::table();
                abi::d_log_xst.nodename = nodename.as_ptr().cast_mut();
                AtomicPtr::from_ptr(&raw mut abi::d_log_xst.tag)
                    .store(log.tag.as_ptr().cast_mut(), Ordering::Release);
            }
            *slot = Some(log);
        });
        static AT_EXIT: Once = Once::new();
        // SAFETY: a function that takes nothing and stays loaded as long as this library.
        AT_EXIT.call_once(|| _ = unsafe { libc::atexit(sync_at_exit) });
        0
    }

    /// `d_log_close` (dlog.c): writes out and closes the log, if it is open.
    pub fn d_log_close() {
        if is_open() {
            close();
        }
    }

    /// `d_vlog` (dlog.c): formats and writes one line; `flags` come from `d_log_check`, 0 writes nothing.
    pub unsafe fn d_vlog(flags: c_int, fmt: *const c_char, ap: va_list) {
        if flags == 0 {
            return;
        }
        let errno = errno::Saved::new();
        let mut text = [0u8; LINE + 1];
        // SAFETY: the caller's format and arguments; vsnprintf writes no more than the array holds.
        let len = unsafe { vsnprintf(text.as_mut_ptr().cast(), text.len(), fmt, ap) };
        // A format that cannot be printed leaves an empty line, which at least has a date.
        let len = usize::try_from(len).unwrap_or(0).min(LINE);
        write(flags, &text[..len]);
        drop(errno);
    }

    /// `d_log_sync` (dlog.c): writes out the buffer and waits until it is on storage.
    pub fn d_log_sync() {
        sync();
    }

    /// `d_log_disable_logging` (dlog.c): stops writing to the file without closing it, as a process does that
    /// closes all descriptors itself.
    pub fn d_log_disable_logging() {
        DISABLED.store(true, Ordering::Relaxed);
    }

    /// `d_log_reset` (dlog.c): forgets the calling thread's ids, which a fork changes.
    pub fn d_log_reset() {
        IDS.set((u32::MAX, u32::MAX));
    }

    /// `d_log_rank_setup` (dlog.c): adds the rank to the log file's name if `D_LOG_FILE_APPEND_RANK` is set.
    pub fn d_log_rank_setup(rank: c_int) {
        with_log(|log| {
            if let Some(Log { file: Some(file), append_rank, .. }) = log
                && core::mem::take(append_rank)
                && let Err(err) = file.rename(&format!(".rank={rank}"))
            {
                eprintln!("{}: cannot add the rank to the log file's name: {err}", file.path().display());
            }
        });
    }

    /// `d_log_add_cache` (dlog.c): registers `nr` masks to be reset to `DLOG_UNINIT` when masks change.
    pub fn d_log_add_cache(cache: *mut c_int, nr: c_int) {
        caches().push(Cache { masks: cache, nr });
    }

    /// `d_logfac_is_enabled` (dlog.c): whether `DD_SUBSYS` lets a facility through.
    pub unsafe fn d_logfac_is_enabled(fac_name: *const c_char) -> bool {
        // SAFETY: the caller's string.
        settings::is_enabled(unsafe { CStr::from_ptr(fac_name) })
    }

    /// `d_log_namefacility` (dlog.c): names a facility, which is created if need be. 0 or -1.
    pub unsafe fn d_log_namefacility(facility: c_int, aname: *const c_char, lname: *const c_char) -> c_int {
        if aname.is_null() || lname.is_null() {
            return -1;
        }
        // SAFETY: the caller's strings.
        let (short, long) = unsafe { (CStr::from_ptr(aname), CStr::from_ptr(lname)) };
        let enabled = settings::is_enabled(short) || settings::is_enabled(long);
        let named = with_log(|log| {
            facility::ensure(log.as_ref()?, facility)?;
            facility::set_names(facility, Some(facility::intern(short)), Some(facility::intern(long)));
            facility::enabled(facility).store(enabled, Ordering::Relaxed);
            Some(())
        });
        if named.flatten().is_some() { 0 } else { -1 }
    }

    /// `d_log_allocfacility` (dlog.c): number of a new facility, or -1.
    pub unsafe fn d_log_allocfacility(aname: *const c_char, lname: *const c_char) -> c_int {
        let number = with_log(|log| {
            let number = facility::count();
            facility::ensure(log.as_ref()?, number).map(|()| number)
        });
        // SAFETY: the caller's strings.
        let named = |number: &c_int| unsafe { abi::d_log_namefacility(*number, aname, lname) } == 0;
        number.flatten().filter(named).unwrap_or(-1)
    }

    /// `d_log_setlogmask` (dlog.c): sets the mask of one facility; returns the former one, or -1.
    pub fn d_log_setlogmask(facility: c_int, mask: c_int) -> c_int {
        let former = with_log(|log| {
            facility::ensure(log.as_ref()?, facility)?;
            Some(facility::mask(facility).swap(mask & abi::DLOG_PRIMASK as c_int, Ordering::Relaxed))
        });
        former.flatten().unwrap_or(-1)
    }

    /// `d_log_setmasks` (dlog.c): sets masks as in `D_LOG_MASK`; `mlen` < 0: the string ends at its NUL.
    /// Returns the last former mask, or -1 if a facility is unknown.
    pub unsafe fn d_log_setmasks(mstr: *const c_char, mlen: c_int) -> c_int {
        if !is_open() || mstr.is_null() {
            return -1;
        }
        // SAFETY: the caller's string, of that length or ending in a NUL.
        set_masks(unsafe {
            match usize::try_from(mlen) {
                Ok(len) => core::slice::from_raw_parts(mstr.cast(), len),
                Err(_) => CStr::from_ptr(mstr).to_bytes(),
            }
        })
    }

    /// `d_log_getmasks` (dlog.c): the masks as text, from byte `discard` on and at most `len` bytes of it.
    /// With a null buffer returns the length of all, else the number of bytes copied. The text ends in a
    /// newline, and unless `unterm` in a NUL, both of which count.
    pub unsafe fn d_log_getmasks(buf: *mut c_char, discard: c_int, len: c_int, unterm: c_int) -> c_int {
        if !is_open() {
            return 0;
        }
        let mut text = masks_as_text().into_bytes();
        text.extend_from_slice(if unterm == 0 { b"\n\0" } else { b"\n" });
        if buf.is_null() {
            return text.len() as c_int;
        }
        let rest = text.get(usize::try_from(discard).unwrap_or(0)..).unwrap_or_default();
        let rest = &rest[..rest.len().min(usize::try_from(len).unwrap_or(0))];
        // SAFETY: the caller's buffer of `len` bytes.
        unsafe { ptr::copy_nonoverlapping(rest.as_ptr(), buf.cast(), rest.len()) };
        rest.len() as c_int
    }
}

/// The calling thread's `errno`, kept over calls that change it.
mod errno {
    use super::c_int;

    /// Puts `errno` back when dropped.
    pub struct Saved(c_int);

    impl Saved {
        pub fn new() -> Self {
            // SAFETY: the address of the thread's own errno.
            Saved(unsafe { *libc::__errno_location() })
        }
    }

    impl Drop for Saved {
        fn drop(&mut self) {
            // SAFETY: as above.
            unsafe { *libc::__errno_location() = self.0 }
        }
    }
}
