//! The message log: dlog.c.
//!
//! C's macros decide inline whether a line is written: they read [`d_log_xst`](abi::d_log_xst) and its table
//! of facilities without a lock. So that table never moves and is never freed; it has room for all 256
//! facilities that a line's flags can name. Everything else is in one [`Log`] behind one lock, which is held
//! while a line is dated and put into the file's buffer, never while it is formatted and never across
//! anything that yields.

mod facility;
mod ffi;
mod file;
mod mask;
mod settings;

use abi::d_log_id_cb_t;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::fmt::Write;
use core::ptr;
use file::LogFile;
use gurt_client::StackText;
use std::cell::Cell;
use std::ffi::CString;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Longest line, newline included; what is longer is cut.
const LINE: usize = 1023;

unsafe extern "C" {
    /// C's standard streams: lines for the terminal keep their order with what C code prints there.
    static stdout: *mut libc::FILE;
    static stderr: *mut libc::FILE;
}

/// The log, while it is open.
static LOG: Mutex<Option<Log>> = Mutex::new(None);
/// Arrays of masks that C's macros keep, to be reset when masks change.
static CACHES: Mutex<Vec<Cache>> = Mutex::new(Vec::new());
/// The callback that tells xstream and ULT, a [`d_log_id_cb_t`]; null if there is none.
static ID_CALLBACK: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
/// The file's descriptors are not ours any more: [`d_log_disable_logging`].
static DISABLED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// This thread holds the lock on [`LOG`]: a signal handler that logs must not wait for itself.
    static HOLDING: Cell<bool> = const { Cell::new(false) };
    /// Process and thread or xstream id for the tag; `u32::MAX` until known.
    static IDS: Cell<(u32, u32)> = const { Cell::new((u32::MAX, u32::MAX)) };
}

/// Runs `work` on the log, under its lock. None if this thread is already in it: then a signal interrupted it.
fn with_log<R>(work: impl FnOnce(&mut Option<Log>) -> R) -> Option<R> {
    if HOLDING.get() {
        return None;
    }
    let mut log = LOG.lock().unwrap_or_else(PoisonError::into_inner);
    HOLDING.set(true);
    let result = work(&mut log);
    HOLDING.set(false);
    Some(result)
}

/// An open log: what a line needs besides its text.
struct Log {
    tag: &'static CStr,
    nodename: CString,
    /// `DLOG_FLV_*`.
    flavor: u32,
    default_mask: c_int,
    /// From this priority on lines also go to stderr; 0: none do.
    stderr_mask: c_int,
    /// From this priority on lines are written out at once.
    flush_mask: c_int,
    file: Option<LogFile>,
    /// `D_LOG_FILE_APPEND_RANK` is set and the rank not yet in the file's name.
    append_rank: bool,
    stdout_is_terminal: bool,
    stderr_is_terminal: bool,
    clock: Clock,
    /// Second of the last flush.
    flushed: u64,
}

/// Who writes a line.
struct Writer {
    process: u32,
    xstream: u32,
    ult: u64,
}

/// A line on its way to the terminal: header and text, the former without date and tag if that is a terminal.
struct Printed {
    to_stdout: Option<Vec<u8>>,
    to_stderr: Option<Vec<u8>>,
}

impl Log {
    /// Puts one line into the file; returns what is to be printed once the lock is released.
    fn write(&mut self, flags: c_int, writer: &Writer, text: &[u8]) -> Printed {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut header = StackText::<320>::new();
        let dated = self.header(&mut header, flags, now, writer);
        let header = header.as_bytes();

        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let text = &text[..text.len().min(LINE - 1 - header.len())];
        let priority = flags & abi::DLOG_PRIMASK as c_int;
        let flush = self.flush_mask == abi::DLOG_DBG as c_int
            || priority >= self.flush_mask
            || now.as_secs() > self.flushed;
        if flush {
            self.flushed = now.as_secs();
        }
        if let Some(file) = &mut self.file
            && !DISABLED.load(Ordering::Relaxed)
        {
            file.append(&[header, text, b"\n"], flush);
        }
        let print = |wanted: bool, terminal: bool| {
            wanted.then(|| [&header[if terminal { dated } else { 0 }..], text, b"\n"].concat())
        };
        let emit = flags & abi::DLOG_PRINDMASK as c_int == abi::DLOG_EMIT as c_int;
        Printed {
            to_stdout: print(!emit && self.prints(flags, abi::DLOG_STDOUT), self.stdout_is_terminal),
            to_stderr: print(!emit && self.prints(flags, abi::DLOG_STDERR), self.stderr_is_terminal),
        }
    }

    /// Composes what stands before the text; returns the length of its first part, date to tag.
    fn header(&mut self, line: &mut StackText<320>, flags: c_int, now: Duration, writer: &Writer) -> usize {
        let year = if self.has(abi::DLOG_FLV_YEAR) { 0 } else { "YYYY/".len() };
        line.push(&self.clock.date(now.as_secs())[year..]);
        // Writing into a StackText cannot fail.
        let _ = write!(line, ".{:06} ", now.subsec_micros());
        line.push(self.nodename.as_bytes());
        line.push(b" ");
        if self.has(abi::DLOG_FLV_TAG) {
            line.push(self.tag.to_bytes());
            if self.has(abi::DLOG_FLV_LOGPID) {
                let Writer { process, xstream, ult } = *writer;
                let _ = write!(line, "{}/{}/{ult}]", process as i32, xstream as i32);
            }
            line.push(b" ");
        }
        let dated = line.as_bytes().len();
        if self.has(abi::DLOG_FLV_FAC) {
            let number = flags & abi::DLOG_FACMASK as c_int;
            match facility::name(number) {
                Some(name) => {
                    line.push(name.to_bytes());
                    line.push(&b"    "[name.to_bytes().len().min(4)..]);
                }
                None => _ = write!(line, "{number:<4}"),
            }
            line.push(b" ");
        }
        let _ = write!(line, "{} ", mask::name(flags));
        dated
    }

    fn has(&self, flavor: u32) -> bool {
        self.flavor & flavor != 0
    }

    /// Whether a line is printed to the stream that `stream` (`DLOG_STDOUT` or `DLOG_STDERR`) stands for.
    fn prints(&self, flags: c_int, stream: u32) -> bool {
        let asked = flags & stream as c_int != 0;
        if stream == abi::DLOG_STDOUT {
            return asked || self.has(abi::DLOG_FLV_STDOUT);
        }
        let priority = flags & abi::DLOG_PRIMASK as c_int;
        let severe = self.stderr_mask != 0 && priority >= self.stderr_mask;
        let merged = self.file.as_ref().is_some_and(LogFile::holds_stderr);
        !merged && (asked || severe || self.has(abi::DLOG_FLV_STDERR))
    }
}

/// The date as lines show it, computed once a second.
struct Clock {
    second: u64,
    text: StackText<20>,
}

impl Clock {
    /// `YYYY/MM/DD hh:mm:ss` in local time, for seconds since 1970.
    fn date(&mut self, second: u64) -> &[u8] {
        if second != self.second {
            self.second = second;
            self.text = StackText::new();
            // SAFETY: localtime_r fills the structure that it is given.
            let tm = unsafe {
                let mut tm: libc::tm = core::mem::zeroed();
                libc::localtime_r(&(second as libc::time_t), &mut tm);
                tm
            };
            let _ = write!(self.text, "{:04}/{:02}/{:02} ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
            let _ = write!(self.text, "{:02}:{:02}:{:02}", tm.tm_hour, tm.tm_min, tm.tm_sec);
        }
        self.text.as_bytes()
    }
}

/// An array of `nr` masks that C's macros keep.
struct Cache {
    masks: *mut c_int,
    nr: c_int,
}

// SAFETY: an address of static memory, only used for atomic stores.
unsafe impl Send for Cache {}

/// Makes C's macros look at the masks again.
fn reset_caches(caches: &[Cache]) {
    for cache in caches {
        for at in 0..usize::try_from(cache.nr).unwrap_or(0) {
            // SAFETY: the owner registered that many ints, which its own code reads and writes at any time.
            unsafe { AtomicI32::from_ptr(cache.masks.add(at)) }
                .store(abi::DLOG_UNINIT as c_int, Ordering::Relaxed);
        }
    }
}

fn caches() -> std::sync::MutexGuard<'static, Vec<Cache>> {
    CACHES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether the log is open.
fn is_open() -> bool {
    // SAFETY: a pointer of the exported variable, written under the lock.
    unsafe { !AtomicPtr::from_ptr(&raw mut abi::d_log_xst.tag).load(Ordering::Acquire).is_null() }
}

/// Priority bits that `DD_MASK` selects for debug lines.
fn debug_bits() -> c_int {
    // SAFETY: a plain variable that changes under debug.c's lock.
    unsafe { abi::d_dbglog_data.dd_mask as c_int }
}

/// Ids of the thread, and of the ULT that runs on it, for the tag.
fn writer() -> Writer {
    let callback = ID_CALLBACK.load(Ordering::Acquire);
    // SAFETY: null or what d_log_open was given; a function pointer and its Option have the same layout.
    let callback = unsafe { core::mem::transmute::<*mut c_void, d_log_id_cb_t>(callback) };
    let (mut process, mut xstream) = IDS.get();
    if process == u32::MAX {
        process = std::process::id();
    }
    if xstream == u32::MAX {
        match callback {
            // SAFETY: the callback writes the id that it has a place for.
            Some(callback) => unsafe { callback(&mut xstream, ptr::null_mut()) },
            // SAFETY: gettid has no preconditions.
            None => xstream = unsafe { libc::gettid() } as u32,
        }
    }
    IDS.set((process, xstream));
    let mut ult = 0;
    if let Some(callback) = callback {
        // SAFETY: as above.
        unsafe { callback(ptr::null_mut(), &mut ult) };
    }
    Writer { process, xstream, ult }
}

/// Prints a line on one of C's streams.
fn print(stream: *mut libc::FILE, line: Option<Vec<u8>>) {
    if let Some(line) = line {
        // SAFETY: one of C's streams, which stay open, and that many readable bytes.
        unsafe {
            libc::fwrite(line.as_ptr().cast(), 1, line.len(), stream);
            libc::fflush(stream);
        }
    }
}

/// Writes one formatted line; `flags` are those of `d_log_check`.
pub(crate) fn write(flags: c_int, text: &[u8]) {
    let fac = flags & abi::DLOG_FACMASK as c_int;
    let flags = if fac < facility::count() { flags } else { flags & !(abi::DLOG_FACMASK as c_int) };
    let writer = writer();
    let printed = with_log(|log| match log {
        Some(log) => log.write(flags, &writer, text),
        None => Printed { to_stdout: None, to_stderr: Some(text.to_vec()) },
    });
    let Some(Printed { to_stdout, to_stderr }) = printed else { return };
    // SAFETY: C's streams exist from start to end of the process.
    unsafe {
        print(stderr, to_stderr);
        print(stdout, to_stdout);
    }
}

/// Closes the log. The facilities stay where they are, but nobody finds them any more.
fn close() {
    with_log(|log| {
        // SAFETY: the lock is held.
        unsafe { AtomicPtr::from_ptr(&raw mut abi::d_log_xst.tag) }.store(ptr::null_mut(), Ordering::Release);
        facility::set_count(0);
        if let Some(Log { file: Some(mut file), .. }) = log.take() {
            match DISABLED.load(Ordering::Relaxed) {
                true => file.abandon(),
                false => file.flush(),
            }
        }
    });
    let mut caches = caches();
    reset_caches(&caches);
    caches.clear();
}

/// Sets the masks of `D_LOG_MASK`; the result is `d_log_setmasks`'s.
fn set_masks(text: &[u8]) -> c_int {
    let Some(assignments) = mask::assignments(text) else { return -1 };
    let mut result = 0;
    for mask::Assignment { facility, priority } in assignments {
        let Some(mask) = mask::parse_priority(priority, debug_bits()) else {
            let (name, word) = (facility.unwrap_or_default().escape_ascii(), priority.escape_ascii());
            own_line(abi::DLOG_ERR, &format!("d_log_setmasks: {name}: unknown priority {word}"));
            continue;
        };
        let targets = match facility.map(|name| (name, facility::find(name))) {
            None => 0..facility::count(),
            Some((_, Some(number))) => number..number + 1,
            Some((name, None)) => {
                // Masks may name facilities that are registered later, so this is no error.
                let name = name.escape_ascii();
                own_line(abi::DLOG_DBG, &format!("d_log_setmasks: unknown facility {name}"));
                result = -1;
                continue;
            }
        };
        for number in targets {
            let former = abi_setlogmask(number, mask);
            if result != -1 {
                result = former;
            }
        }
    }
    reset_caches(&caches());
    result
}

/// `d_log_setlogmask` through its symbol.
fn abi_setlogmask(number: c_int, mask: c_int) -> c_int {
    // SAFETY: takes any numbers.
    unsafe { abi::d_log_setlogmask(number, mask) }
}

/// Logs a line of the log's own, as facility 0.
fn own_line(level: u32, text: &str) {
    let (level, mask) = (level as c_int, facility::mask(0).load(Ordering::Relaxed));
    if if level >= abi::DLOG_INFO as c_int { level >= mask } else { level & mask != 0 } {
        write(level, text.as_bytes());
    }
}

/// All masks, as `d_log_setmasks` would take them.
fn masks_as_text() -> String {
    let mut text = String::new();
    for number in 0..facility::count() {
        let name = facility::long_name(number).or(facility::name(number));
        let name = name.map_or_else(|| number.to_string(), |name| name.to_string_lossy().into_owned());
        let priority = mask::name(facility::mask(number).load(Ordering::Relaxed)).trim_end();
        let comma = if number > 0 { "," } else { "" };
        let _ = write!(text, "{comma}{name}={priority}");
    }
    text
}

/// Whether this thread may log: false in a signal handler that interrupted the log.
pub(crate) fn can_be_used() -> bool {
    !HOLDING.get()
}

/// Writes out the buffer and waits for the storage.
pub(crate) fn sync() {
    with_log(|log| {
        if let Some(Log { file: Some(file), .. }) = log
            && !DISABLED.load(Ordering::Relaxed)
        {
            file.sync();
        }
    });
}

extern "C" fn sync_at_exit() {
    sync();
}
