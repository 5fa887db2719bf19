//! The table of facilities, which C's macros read without a lock.
//!
//! It has room for all 256 facilities that a line's flags can name, never moves and is never freed. Writers
//! hold the lock on the log; readers, here and in C, do not.

use super::Log;
use abi::dlog_fac;
use core::ffi::{CStr, c_char, c_int};
use core::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, Ordering};
use std::sync::{Mutex, PoisonError};

/// Facilities that exist at most: as many as `DLOG_FACMASK` can name.
const MAX_FACILITIES: usize = abi::DLOG_FACMASK as usize + 1;
/// Name of facility 0, to which lines of unknown facilities go.
const FACILITY_0: &CStr = c"CLOG";

/// The table that `d_log_xst.dlog_facs` points to.
static mut FACILITIES: [dlog_fac; MAX_FACILITIES] =
    [dlog_fac { fac_aname: ptr::null_mut(), fac_lname: ptr::null_mut(), fac_mask: 0, is_enabled: true };
        MAX_FACILITIES];

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
    let pointer = |name: Option<&'static CStr>| name.map_or(ptr::null_mut(), |name| name.as_ptr().cast_mut());
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

/// A string that lives forever, shared with all equal ones: lines may be formatted from it at any time.
pub fn intern(text: &CStr) -> &'static CStr {
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

/// Where the table begins.
pub fn table() -> *mut dlog_fac {
    (&raw mut FACILITIES).cast()
}
