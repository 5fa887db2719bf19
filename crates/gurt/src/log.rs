//! The message log: dlog.c.
//!
//! C's macros decide inline whether a line is written: they read [`d_log_xst`](abi::d_log_xst) and its table
//! of facilities without a lock. So that table never moves and is never freed; it has room for all 256
//! facilities that a line's flags can name. Everything else is in one [`Log`] behind one lock, which is held
//! while a line is dated and put into the file's buffer, never while it is formatted and never across
//! anything that yields.

mod file;
mod mask;

use abi::{d_log_id_cb_t, d_log_xstate, dlog_fac, va_list};
use core::ffi::{CStr, c_char, c_int, c_void};
use core::fmt::Write;
use core::ptr;
use file::LogFile;
use gurt_client::{StackText, env};
use std::cell::Cell;
use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, Ordering};
use std::sync::{Mutex, Once, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Longest line, newline included; what is longer is cut.
const LINE: usize = 1023;
/// `D_LOG_SIZE` is at least this,
const MIN_SIZE: u64 = 1 << 20;
/// and this if it is not set.
const DEFAULT_SIZE: u64 = 1 << 31;
/// Facilities that exist at most: as many as `DLOG_FACMASK` can name.
const MAX_FACILITIES: usize = abi::DLOG_FACMASK as usize + 1;
/// Name of facility 0, to which lines of unknown facilities go.
const FACILITY_0: &CStr = c"CLOG";

unsafe extern "C" {
    fn vsnprintf(s: *mut c_char, n: usize, fmt: *const c_char, ap: va_list) -> c_int;
    /// C's standard streams: lines for the terminal keep their order with what C code prints there.
    static stdout: *mut libc::FILE;
    static stderr: *mut libc::FILE;
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

/// The table that `d_log_xst.dlog_facs` points to.
static mut FACILITIES: [dlog_fac; MAX_FACILITIES] =
    [dlog_fac { fac_aname: ptr::null_mut(), fac_lname: ptr::null_mut(), fac_mask: 0, is_enabled: true };
        MAX_FACILITIES];

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

/// Access to the table of facilities. Writers hold the lock on [`LOG`]; readers, here and in C, do not.
mod facility {
    use super::*;

    /// Facilities that exist.
    pub fn count() -> c_int {
        // SAFETY: an int of the exported variable, written under the lock.
        unsafe { AtomicI32::from_ptr(&raw mut abi::d_log_xst.fac_cnt).load(Ordering::Acquire) }
    }

    pub fn set_count(count: c_int) {
        // SAFETY: as above.
        unsafe { AtomicI32::from_ptr(&raw mut abi::d_log_xst.fac_cnt).store(count, Ordering::Release) }
    }

    /// The entry of a facility; out of range, that of facility 0.
    fn entry(number: c_int) -> *mut dlog_fac {
        let number = if (0..MAX_FACILITIES as c_int).contains(&number) { number } else { 0 };
        // SAFETY: only the address is taken, within the array.
        unsafe { (&raw mut FACILITIES).cast::<dlog_fac>().add(number as usize) }
    }

    fn string(field: *mut *mut c_char) -> Option<&'static CStr> {
        // SAFETY: a name's field of the table: null or an interned string, which lives forever.
        unsafe {
            let name = AtomicPtr::from_ptr(field).load(Ordering::Acquire);
            (!name.is_null()).then(|| CStr::from_ptr(name))
        }
    }

    /// Short name.
    pub fn name(number: c_int) -> Option<&'static CStr> {
        // SAFETY: the address of a field.
        string(unsafe { &raw mut (*entry(number)).fac_aname })
    }

    /// Long name.
    pub fn long_name(number: c_int) -> Option<&'static CStr> {
        // SAFETY: the address of a field.
        string(unsafe { &raw mut (*entry(number)).fac_lname })
    }

    pub fn set_names(number: c_int, short: Option<&'static CStr>, long: Option<&'static CStr>) {
        let pointer =
            |name: Option<&'static CStr>| name.map_or(ptr::null_mut(), |name| name.as_ptr().cast_mut());
        // SAFETY: fields of the table; C reads them and never writes.
        unsafe {
            AtomicPtr::from_ptr(&raw mut (*entry(number)).fac_aname).store(pointer(short), Ordering::Release);
            AtomicPtr::from_ptr(&raw mut (*entry(number)).fac_lname).store(pointer(long), Ordering::Release);
        }
    }

    /// The field of a facility's mask.
    pub fn mask(number: c_int) -> &'static AtomicI32 {
        // SAFETY: a field of the table, which lives forever.
        unsafe { AtomicI32::from_ptr(&raw mut (*entry(number)).fac_mask) }
    }

    /// The field that says whether `DD_SUBSYS` lets a facility through.
    pub fn enabled(number: c_int) -> &'static AtomicBool {
        // SAFETY: a field of the table, which lives forever.
        unsafe { AtomicBool::from_ptr(&raw mut (*entry(number)).is_enabled) }
    }

    /// Makes sure that facility `number` exists, with the default mask.
    pub fn ensure(log: &Log, number: c_int) -> Option<()> {
        if !(0..MAX_FACILITIES as c_int).contains(&number) {
            return None;
        }
        for new in count()..=number {
            set_names(new, (new == 0).then_some(FACILITY_0), None);
            mask(new).store(log.default_mask, Ordering::Relaxed);
            enabled(new).store(true, Ordering::Relaxed);
        }
        set_count(count().max(number + 1));
        Some(())
    }

    /// The facility of that name, short or long, in whatever case.
    pub fn find(wanted: &[u8]) -> Option<c_int> {
        let is = |name: Option<&CStr>| name.is_some_and(|name| name.to_bytes().eq_ignore_ascii_case(wanted));
        (0..count()).find(|&number| is(name(number)) || is(long_name(number)))
    }
}

/// A string that lives forever, shared with all equal ones: lines may be formatted from it at any time.
fn intern(text: &CStr) -> &'static CStr {
    static INTERNED: Mutex<Vec<&'static CStr>> = Mutex::new(Vec::new());
    let mut interned = INTERNED.lock().unwrap_or_else(PoisonError::into_inner);
    match interned.iter().find(|known| **known == text) {
        Some(known) => known,
        None => {
            interned.push(Box::leak(text.to_owned().into_boxed_c_str()));
            interned[interned.len() - 1]
        }
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

/// Whether `DD_SUBSYS` (`subsystems`), a list separated by commas, lets a facility through.
fn lets_through(subsystems: Option<&str>, name: &str) -> bool {
    subsystems.is_none_or(|list| {
        list.get(..3).is_some_and(|all| all.eq_ignore_ascii_case("all"))
            || list.split(',').any(|entry| entry.trim().eq_ignore_ascii_case(name))
    })
}

/// Whether the environment lets a facility through.
fn is_enabled(name: &CStr) -> bool {
    lets_through(env::text(c"DD_SUBSYS").as_deref(), &name.to_string_lossy())
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

/// Everything that the environment says about the log.
struct Settings {
    options: file::Options,
    flush_mask: c_int,
    append_pid: bool,
    append_rank: bool,
}

impl Settings {
    fn from_env() -> Self {
        let on = |name| env::text(name).is_some_and(|value| value != "0");
        let positive = |name| env::text(name).is_some_and(|value| crate::env::leading_int(&value) > 0);
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
fn open_file(path: Option<&CStr>, settings: &Settings) -> (Option<LogFile>, u32) {
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
fn nodename(full: bool) -> CString {
    // SAFETY: uname fills the structure that it is given, with strings that end in it.
    let name = unsafe {
        let mut names: libc::utsname = core::mem::zeroed();
        libc::uname(&mut names);
        CStr::from_ptr(names.nodename.as_ptr()).to_owned()
    };
    let len = name.as_bytes().iter().take_while(|&&byte| full || byte != b'.').count();
    CString::new(&name.as_bytes()[..len]).expect("a part of a C string has no NUL")
}

fn is_terminal(descriptor: c_int) -> bool {
    // SAFETY: isatty takes any number.
    unsafe { libc::isatty(descriptor) == 1 }
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
        let (file, fallback) = open_file(path, &settings);
        let flavor = flags as u32 | fallback;
        let bracket: &[u8] = if flavor & abi::DLOG_FLV_LOGPID != 0 { b"[" } else { b"" };
        let tag = CString::new([tag.to_bytes(), bracket].concat()).expect("a C string has no NUL");
        let log = Log {
            tag: intern(&tag),
            nodename: nodename(flavor & abi::DLOG_FLV_FQDN != 0),
            flavor,
            default_mask,
            stderr_mask,
            flush_mask: settings.flush_mask,
            append_rank: settings.append_rank && file.is_some(),
            file,
            stdout_is_terminal: is_terminal(libc::STDOUT_FILENO),
            stderr_is_terminal: is_terminal(libc::STDERR_FILENO),
            clock: Clock { second: u64::MAX, text: StackText::new() },
            flushed: 0,
        };
        ID_CALLBACK.store(id_cb.map_or(ptr::null_mut(), |callback| callback as *mut c_void), Ordering::Release);
        DISABLED.store(false, Ordering::Relaxed);
        with_log(|slot| {
            let nodename = intern(&log.nodename);
            facility::ensure(&log, (maxfac_hint - 1).max(0));
            // SAFETY: the lock is held; the tag comes last because it is what readers look at first.
            unsafe {
                abi::d_log_xst.dlog_facs = (&raw mut FACILITIES).cast();
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
        is_enabled(unsafe { CStr::from_ptr(fac_name) })
    }

    /// `d_log_namefacility` (dlog.c): names a facility, which is created if need be. 0 or -1.
    pub unsafe fn d_log_namefacility(facility: c_int, aname: *const c_char, lname: *const c_char) -> c_int {
        if aname.is_null() || lname.is_null() {
            return -1;
        }
        // SAFETY: the caller's strings.
        let (short, long) = unsafe { (CStr::from_ptr(aname), CStr::from_ptr(lname)) };
        let enabled = is_enabled(short) || is_enabled(long);
        let named = with_log(|log| {
            facility::ensure(log.as_ref()?, facility)?;
            facility::set_names(facility, Some(intern(short)), Some(intern(long)));
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
