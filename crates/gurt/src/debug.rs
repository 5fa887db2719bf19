//! Debug bits, their groups, and the start of logging: debug.c.
//!
//! A debug line carries a bit (`DB_IO`, `DB_MD`, …) that says what it is about. The bits in use are in a
//! dictionary, and `DD_MASK` lists by name those to be logged; groups are names for several bits. The two
//! dictionaries are exported arrays, so they are kept in C's layout and changed under one lock.

use crate::log;
use abi::{d_dbug_t, d_debug_bit, d_debug_data, d_debug_grp, d_log_id_cb_t};
use core::ffi::{CStr, c_char, c_int, c_uint};
use core::ptr;
use gurt_client::{Der, Facility, Level, Result, env};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The alternative assert function of unit tests.
type AltAssert = Option<unsafe extern "C" fn(c_int, *const c_char, *const c_char, c_int)>;

/// Name of the pseudo bit that stands for all of them.
const ALL: &CStr = c"all";

/// Masks that C's macros keep for each facility: nine priorities, seven debug bits.
const CACHED: usize = 16;

macro_rules! facilities {
    ($($name:literal $number:ident $cache:ident;)*) => {
        abi::export_data! {$(
            #[doc = concat!("Number of facility `", $name, "` (debug.c).")]
            pub static mut $number: c_int = 0;
            #[doc = concat!("Masks of facility `", $name, "` that C's macros keep (debug.c).")]
            pub static mut $cache: [c_int; CACHED] = [abi::DLOG_UNINIT as c_int; CACHED];
        )*}

        /// Name, number and masks of libgurt's facilities.
        fn facilities() -> [(&'static CStr, *mut c_int, *mut c_int); 5] {
            [$((
                CStr::from_bytes_with_nul(concat!($name, "\0").as_bytes()).unwrap_or_default(),
                &raw mut abi::$number,
                (&raw mut abi::$cache).cast(),
            )),*]
        }
    };
}

facilities! {
    "misc" d_misc_logfac d_misc_logfac_cache;
    "mem" d_mem_logfac d_mem_logfac_cache;
    "swim" d_swim_logfac d_swim_logfac_cache;
    "fi" d_fi_logfac d_fi_logfac_cache;
    "telem" d_telem_logfac d_telem_logfac_cache;
}

abi::export_data! {
    /// `DB_ALL` (debug.c): all debug bits.
    pub static mut DB_ALL: d_dbug_t = 0;
    /// `DB_ANY` (debug.c): lines of no category.
    pub static mut DB_ANY: d_dbug_t = 0;
    /// `DB_TRACE` (debug.c): very verbose lines.
    pub static mut DB_TRACE: d_dbug_t = 0;
    /// `DB_MEM` (debug.c): memory.
    pub static mut DB_MEM: d_dbug_t = 0;
    /// `DB_NET` (debug.c): network.
    pub static mut DB_NET: d_dbug_t = 0;
    /// `DB_IO` (debug.c): input and output.
    pub static mut DB_IO: d_dbug_t = 0;
    /// `DB_TEST` (debug.c): tests.
    pub static mut DB_TEST: d_dbug_t = 0;
    /// `d_dbglog_data` (debug.c): what `DD_MASK` and `DD_STDERR` select, and how many bits and groups exist.
    pub static mut d_dbglog_data: d_debug_data =
        d_debug_data { dd_mask: 0, dd_prio_err: 0, dbg_bit_cnt: 0, dbg_grp_cnt: 0 };
    /// `d_alt_assert` (debug.c): called by a failed assertion before it aborts.
    pub static mut d_alt_assert: AltAssert = None;
    /// `d_dbg_bit_dict` (debug.c): the seven bits above, and ten for the taking.
    pub static mut d_dbg_bit_dict: [d_debug_bit; 17] = [
        named(&raw mut abi::DB_ALL, ALL),
        named(&raw mut abi::DB_ANY, c"any"),
        named(&raw mut abi::DB_TRACE, c"trace"),
        named(&raw mut abi::DB_MEM, c"mem"),
        named(&raw mut abi::DB_NET, c"net"),
        named(&raw mut abi::DB_IO, c"io"),
        named(&raw mut abi::DB_TEST, c"test"),
        free(0), free(1), free(2), free(3), free(4), free(5), free(6), free(7), free(8), free(9),
    ];
    /// `d_dbg_grp_dict` (debug.c).
    pub static mut d_dbg_grp_dict: [d_debug_grp; 10] =
        [d_debug_grp { dg_name: ptr::null_mut(), dg_name_size: 0, dg_mask: 0 }; 10];
}

/// Values of the bits that have no variable of their own.
static mut FREE_BITS: [d_dbug_t; 10] = [0; 10];

/// Entry of a bit that has a name from the start.
const fn named(bit: *mut d_dbug_t, name: &'static CStr) -> d_debug_bit {
    let (text, size) = (name.as_ptr().cast_mut(), name.count_bytes() + 1);
    d_debug_bit { db_bit: bit, db_name: text, db_lname: text, db_name_size: size, db_lname_size: size }
}

/// Entry that is free.
const fn free(number: usize) -> d_debug_bit {
    d_debug_bit {
        // SAFETY: only the address is taken, within the array.
        db_bit: unsafe { (&raw mut FREE_BITS).cast::<d_dbug_t>().add(number) },
        db_name: ptr::null_mut(),
        db_lname: ptr::null_mut(),
        db_name_size: 0,
        db_lname_size: 0,
    }
}

/// How often logging was initialised and not yet finalised.
static REFERENCES: Mutex<u32> = Mutex::new(0);

fn references() -> MutexGuard<'static, u32> {
    REFERENCES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The dictionaries, while their lock is held.
struct Dictionaries {
    bits: &'static mut [d_debug_bit; 17],
    groups: &'static mut [d_debug_grp; 10],
    data: &'static mut d_debug_data,
    _lock: MutexGuard<'static, ()>,
}

/// Whether a name in a dictionary is `wanted`, in whatever case.
fn is_named(name: *const c_char, wanted: &[u8]) -> bool {
    // SAFETY: null, or the string with which the entry was registered, which its owner keeps.
    !name.is_null() && unsafe { CStr::from_ptr(name) }.to_bytes().eq_ignore_ascii_case(wanted)
}

/// A bit's value.
fn value(bit: &d_debug_bit) -> d_dbug_t {
    // SAFETY: each entry points to a variable that lives forever.
    unsafe { *bit.db_bit }
}

impl Dictionaries {
    fn lock() -> Self {
        static LOCK: Mutex<()> = Mutex::new(());
        let lock = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the variables are changed nowhere else, and here under the lock. C code reads
        // `d_dbglog_data`, whose fields are words.
        unsafe {
            Dictionaries {
                bits: (&raw mut abi::d_dbg_bit_dict).as_mut_unchecked(),
                groups: (&raw mut abi::d_dbg_grp_dict).as_mut_unchecked(),
                data: (&raw mut abi::d_dbglog_data).as_mut_unchecked(),
                _lock: lock,
            }
        }
    }

    /// The lowest bit that nobody has.
    fn unused_bit(&self) -> Option<d_dbug_t> {
        let ours = self.bits.iter().filter(|bit| !is_named(bit.db_name, ALL.to_bytes()));
        let used = ours.fold(0, |used, bit| used | value(bit));
        (abi::DLOG_DPRISHIFT..abi::DLOG_PRISHIFT).map(|shift| 1 << shift).find(|bit| used & bit == 0)
    }

    /// Gives a value to the bit `name`, which gets an entry if it has none.
    fn allocate_bit(&mut self, name: *mut c_char, long: *mut c_char) -> Option<d_dbug_t> {
        // SAFETY: strings that the caller registers and keeps; the long one may be null.
        let (text, long_size) = unsafe {
            (CStr::from_ptr(name), if long.is_null() { 0 } else { CStr::from_ptr(long).count_bytes() + 1 })
        };
        let known = self.bits.iter().position(|bit| is_named(bit.db_name, text.to_bytes()));
        let at = known.or_else(|| self.bits.iter().position(|bit| bit.db_name.is_null()))?;
        if known.is_some() && value(&self.bits[at]) != 0 {
            return Some(value(&self.bits[at]));
        }
        let bit = match is_named(ALL.as_ptr(), text.to_bytes()) {
            true => abi::DLOG_DBG.into(),
            false => {
                let bit = self.unused_bit()?;
                self.data.dbg_bit_cnt += 1;
                bit
            }
        };
        let entry = &mut self.bits[at];
        if known.is_none() {
            *entry = d_debug_bit {
                db_name: name,
                db_lname: long,
                db_name_size: text.count_bytes() + 1,
                db_lname_size: long_size,
                ..*entry
            };
        }
        // SAFETY: each entry points to a variable that lives forever.
        unsafe { *entry.db_bit = bit };
        Some(bit)
    }

    /// Takes a bit's name and value away.
    fn release_bit(&mut self, name: &CStr) -> Option<()> {
        let entry = self.bits.iter_mut().find(|bit| is_named(bit.db_name, name.to_bytes()))?;
        if value(entry) != 0 {
            self.data.dbg_bit_cnt -= 1;
        }
        *entry = d_debug_bit {
            db_name: ptr::null_mut(),
            db_lname: ptr::null_mut(),
            db_name_size: 0,
            db_lname_size: 0,
            ..*entry
        };
        // SAFETY: each entry points to a variable that lives forever.
        unsafe { *entry.db_bit = 0 };
        Some(())
    }

    /// Takes the values of all bits away; their names stay, for the next start.
    fn reset_bits(&mut self) {
        for entry in self.bits.iter().filter(|bit| !is_named(bit.db_name, ALL.to_bytes())) {
            // SAFETY: each entry points to a variable that lives forever.
            unsafe { *entry.db_bit = 0 };
        }
        self.data.dbg_bit_cnt = 0;
    }

    /// Gives values to all bits that have names.
    fn assign_bits(&mut self) -> Result {
        for at in 0..self.bits.len() {
            let d_debug_bit { db_name, db_lname, .. } = self.bits[at];
            if !db_name.is_null() {
                self.allocate_bit(db_name, db_lname).ok_or(Der::new(abi::DER_UNINIT.into()))?;
            }
        }
        Ok(())
    }

    /// Makes `name` stand for several bits.
    fn allocate_group(&mut self, name: *mut c_char, mask: d_dbug_t) -> Option<()> {
        // SAFETY: a string that the caller registers and keeps.
        let size = unsafe { CStr::from_ptr(name) }.count_bytes() + 1;
        let entry = self.groups.iter_mut().find(|group| group.dg_name.is_null())?;
        *entry = d_debug_grp { dg_name: name, dg_name_size: size, dg_mask: mask };
        self.data.dbg_grp_cnt += 1;
        Some(())
    }

    /// Takes a group away.
    fn release_group(&mut self, name: &CStr) -> Option<()> {
        let entry = self.groups.iter_mut().find(|group| is_named(group.dg_name, name.to_bytes()))?;
        *entry = d_debug_grp { dg_name: ptr::null_mut(), dg_name_size: 0, dg_mask: 0 };
        self.data.dbg_grp_cnt -= 1;
        Some(())
    }

    /// Selects the bits and groups that `names`, separated by commas, list.
    fn select(&mut self, names: &CStr) {
        self.data.dd_mask = 0;
        for name in names.to_bytes().split(|&byte| byte == b',') {
            let bit =
                self.bits.iter().find(|bit| is_named(bit.db_name, name) || is_named(bit.db_lname, name));
            let group = self.groups.iter().find(|group| is_named(group.dg_name, name));
            self.data.dd_mask |= bit.map_or(0, value) | group.map_or(0, |group| group.dg_mask);
        }
    }
}

/// The priority of `DD_STDERR`; 0 if it is not set.
fn stderr_priority() -> d_dbug_t {
    let Some(name) = env::text(c"DD_STDERR") else { return 0 };
    let priorities = [
        ("emit", abi::DLOG_EMIT),
        ("fatal", abi::DLOG_EMERG),
        ("alert", abi::DLOG_ALERT),
        ("crit", abi::DLOG_CRIT),
        ("err", abi::DLOG_ERR),
        ("warn", abi::DLOG_WARN),
        ("note", abi::DLOG_NOTE),
        ("info", abi::DLOG_INFO),
        ("debug", abi::DLOG_DBG),
    ];
    match priorities.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)) {
        Some((_, priority)) => (*priority).into(),
        None => {
            eprintln!(
                "DD_STDERR={name} is no priority and is ignored; use one of emit, fatal, alert, crit, err, warn, note, info, debug"
            );
            0
        }
    }
}

/// A failed assertion: logs, tells the alternative assert function of unit tests, aborts.
#[cold]
pub(crate) fn assertion_failed(expression: &CStr, file: &CStr, line: u32) -> ! {
    let text = expression.to_string_lossy();
    gurt_client::log!(Level::Fatal, Facility::MISC, "Assertion '{text}' failed");
    log::sync();
    // SAFETY: a function pointer that a unit test registered, called as C's D_ASSERT does.
    unsafe {
        if let Some(alternative) = abi::d_alt_assert {
            alternative(0, expression.as_ptr(), file.as_ptr(), line as c_int);
        }
    }
    std::process::abort()
}

/// `D_ASSERT`: for what would corrupt memory if the process went on.
macro_rules! d_assert {
    ($condition:expr) => {
        if !$condition {
            const fn text(bytes: &'static [u8]) -> &'static core::ffi::CStr {
                match core::ffi::CStr::from_bytes_with_nul(bytes) {
                    Ok(text) => text,
                    Err(_) => c"?",
                }
            }
            $crate::debug::assertion_failed(
                const { text(concat!(stringify!($condition), "\0").as_bytes()) },
                const { text(concat!(file!(), "\0").as_bytes()) },
                line!(),
            )
        }
    };
}
pub(crate) use d_assert;

/// 0 for success, -1 for failure, as the functions of debug.c return it.
fn status(done: Option<()>) -> c_int {
    if done.is_some() { 0 } else { -1 }
}

/// Opens the log and gives the debug bits their values.
fn start(open: impl FnOnce(d_dbug_t) -> c_int) -> Result {
    let priority = stderr_priority();
    Dictionaries::lock().data.dd_prio_err = priority;
    let uninit = Der::new(abi::DER_UNINIT.into());
    if open(priority) != 0 {
        return Err(uninit);
    }
    Dictionaries::lock().assign_bits()?;
    for (name, number, cache) in facilities() {
        // SAFETY: static strings and variables.
        unsafe {
            *number = abi::d_log_allocfacility(name.as_ptr(), name.as_ptr());
            if *number < 0 {
                return Err(uninit);
            }
            abi::d_log_add_cache(cache, CACHED as c_int);
        }
    }
    Ok(())
}

abi::export! {
    /// `d_log_init_adv` (debug.c): opens the log, or counts one more user of it.
    pub unsafe fn d_log_init_adv(
        log_tag: *mut c_char,
        log_file: *mut c_char,
        flavor: c_uint,
        def_mask: d_dbug_t,
        err_mask: d_dbug_t,
        id_cb: d_log_id_cb_t,
    ) -> c_int {
        let mut references = references();
        if *references == 0 {
            let started = start(|priority| {
                let stderr_mask = if priority != 0 { priority } else { err_mask } as c_int;
                // SAFETY: the caller's strings and callback.
                unsafe {
                    abi::d_log_open(log_tag, 0, def_mask as c_int, stderr_mask, log_file, flavor as c_int, id_cb)
                }
            });
            if let Err(err) = started {
                eprintln!("cannot start logging: {err}");
                return err.rc();
            }
        }
        *references += 1;
        0
    }

    /// `d_log_init` (debug.c): opens the log as the environment says, by default on stdout with warnings and
    /// errors.
    pub fn d_log_init() -> c_int {
        let file = env::string(c"D_LOG_FILE").filter(|file| !file.is_empty());
        let flavor = abi::DLOG_FLV_DEFAULT | if file.is_none() { abi::DLOG_FLV_STDOUT } else { 0 };
        let path = file.as_ref().map_or(ptr::null_mut(), |file| file.as_ptr().cast_mut());
        let (tag, mask, stderr) = (c"CaRT".as_ptr().cast_mut(), abi::DLOG_WARN, abi::DLOG_EMERG);
        // SAFETY: the strings live for the call.
        unsafe {
            let rc = abi::d_log_init_adv(tag, path, flavor, mask.into(), stderr.into(), None);
            if rc == 0 {
                abi::d_log_sync_mask();
            }
            rc
        }
    }

    /// `d_log_fini` (debug.c): closes the log when its last user does.
    pub fn d_log_fini() {
        let mut references = references();
        match *references {
            0 => eprintln!("d_log_fini: logging was finalised more often than initialised"),
            1 => {
                Dictionaries::lock().reset_bits();
                // SAFETY: no preconditions.
                unsafe { abi::d_log_close() };
                *references = 0;
            }
            _ => *references -= 1,
        }
    }

    /// `d_log_sync_mask_ex` (debug.c): applies masks in the syntax of `D_LOG_MASK` and `DD_MASK`; null
    /// changes nothing.
    pub unsafe fn d_log_sync_mask_ex(log_mask: *const c_char, dd_mask: *const c_char) {
        // SAFETY: the caller's strings.
        unsafe {
            if !dd_mask.is_null() {
                Dictionaries::lock().select(CStr::from_ptr(dd_mask));
            }
            if !log_mask.is_null() {
                abi::d_log_setmasks(log_mask, -1);
            }
        }
    }

    /// `d_log_sync_mask` (debug.c): applies `D_LOG_MASK` and `DD_MASK`, as after new facilities came.
    pub fn d_log_sync_mask() {
        let (log_mask, dd_mask) = (env::string(c"D_LOG_MASK"), env::string(c"DD_MASK"));
        let pointer = |value: &Option<std::ffi::CString>| value.as_ref().map_or(ptr::null(), |value| value.as_ptr());
        // SAFETY: the strings live for the call.
        unsafe { abi::d_log_sync_mask_ex(pointer(&log_mask), pointer(&dd_mask)) }
    }

    /// `d_log_dbg_bit_alloc` (debug.c): the bit of that name, a new one if there is none. 0 or -1.
    pub unsafe fn d_log_dbg_bit_alloc(dbgbit: *mut d_dbug_t, name: *mut c_char, lname: *mut c_char) -> c_int {
        if name.is_null() || dbgbit.is_null() {
            return -1;
        }
        let bit = Dictionaries::lock().allocate_bit(name, lname);
        if bit.is_none() {
            eprintln!("cannot allocate a debug bit: all are in use");
        }
        // SAFETY: the caller's place.
        status(bit.map(|bit| unsafe { *dbgbit = bit }))
    }

    /// `d_log_dbg_bit_dealloc` (debug.c): gives a bit back. 0 or -1.
    pub unsafe fn d_log_dbg_bit_dealloc(name: *mut c_char) -> c_int {
        if name.is_null() {
            return -1;
        }
        // SAFETY: the caller's string.
        let name = unsafe { CStr::from_ptr(name) };
        let done = Dictionaries::lock().release_bit(name);
        if done.is_none() {
            eprintln!("there is no debug bit {} to give back", name.to_string_lossy());
        }
        status(done)
    }

    /// `d_log_dbg_grp_alloc` (debug.c): names a group of bits, and selects it if `flags` holds
    /// `D_LOG_SET_AS_DEFAULT`. 0 or -1.
    pub unsafe fn d_log_dbg_grp_alloc(dbgmask: d_dbug_t, grpname: *mut c_char, flags: u32) -> c_int {
        if grpname.is_null() || dbgmask == 0 {
            return -1;
        }
        let mut dictionaries = Dictionaries::lock();
        let done = dictionaries.allocate_group(grpname, dbgmask);
        if done.is_some() && flags & abi::D_LOG_SET_AS_DEFAULT != 0 {
            // SAFETY: the caller's string.
            dictionaries.select(unsafe { CStr::from_ptr(grpname) });
        }
        status(done)
    }

    /// `d_log_dbg_grp_dealloc` (debug.c): gives a group back. 0 or -1.
    pub unsafe fn d_log_dbg_grp_dealloc(grpname: *mut c_char) -> c_int {
        if grpname.is_null() {
            return -1;
        }
        // SAFETY: the caller's string.
        let name = unsafe { CStr::from_ptr(grpname) };
        let done = Dictionaries::lock().release_group(name);
        if done.is_none() {
            eprintln!("there is no group of debug bits {} to give back", name.to_string_lossy());
        }
        status(done)
    }

    /// `d_log_getdbgbit` (debug.c): the bit of that name. 0 or -1.
    pub unsafe fn d_log_getdbgbit(dbgbit: *mut d_dbug_t, bitname: *mut c_char) -> c_int {
        if bitname.is_null() {
            return 0;
        }
        let dictionaries = Dictionaries::lock();
        // SAFETY: the caller's string and place.
        unsafe {
            let name = CStr::from_ptr(bitname).to_bytes();
            let found = dictionaries.bits.iter().find(|bit| is_named(bit.db_name, name));
            status(found.map(|bit| *dbgbit = value(bit)))
        }
    }

    /// `d_register_alt_assert` (debug.c): what a failed assertion calls before it aborts.
    pub fn d_register_alt_assert(alt_assert: AltAssert) -> c_int {
        if alt_assert.is_none() {
            return Der::new(abi::DER_INVAL.into()).rc();
        }
        // SAFETY: a word that unit tests set before they assert.
        unsafe { abi::d_alt_assert = alt_assert };
        0
    }

    /// `d_log_memory` (debug.c): logs memory in hexadecimal, 16 bytes a line, as a fatal error.
    pub unsafe fn d_log_memory(ptr: *const u8, size: usize) {
        // Each line is logged before the next is read: reading may be what crashes.
        gurt_client::log!(Level::Fatal, Facility::MISC, "ptr={ptr:p}, size={size}");
        if ptr.is_null() {
            return;
        }
        for at in (0..size).step_by(16) {
            // SAFETY: the caller vouches for `size` bytes.
            let bytes = unsafe { core::slice::from_raw_parts(ptr.add(at), 16.min(size - at)) };
            let mut line = gurt_client::StackText::<64>::new();
            for byte in bytes {
                // A StackText takes everything; 48 bytes fit.
                let _ = core::fmt::Write::write_fmt(&mut line, format_args!("{byte:02x} "));
            }
            let hex = core::str::from_utf8(line.as_bytes()).unwrap_or_default();
            gurt_client::log!(Level::Fatal, Facility::MISC, "{:p}: {hex}", bytes.as_ptr());
        }
    }
}
