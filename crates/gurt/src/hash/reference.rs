//! Records that count their own references: `struct d_rlink`, the link in handles and UUID records.

use crate::debug::d_assert;
use abi::{d_list_t, d_rlink};
use gurt_client::list;
use std::sync::atomic::{AtomicU32, Ordering};

/// The bit that says that a record is initialised: the first of the bit field.
const INITIALISED: u32 = 1;

/// The number of references.
///
/// # Safety
/// `link` is a record, alive for as long as the result is used.
unsafe fn count<'a>(link: *mut d_rlink) -> &'a AtomicU32 {
    // SAFETY: by the caller's promise; C code changes the number through this library only.
    unsafe { AtomicU32::from_ptr(&raw mut (*link).rl_ref) }
}

/// Makes `*link` a record in no table, with one reference: its creator's.
///
/// # Safety
/// `link` is valid for writes.
pub unsafe fn init(link: *mut d_rlink) {
    // SAFETY: by the caller's promise.
    unsafe {
        list::init(&raw mut (*link).rl_link);
        (*link).rl_flags |= INITIALISED;
        count(link).store(1, Ordering::Relaxed);
    }
}

/// Whether a record is initialised.
///
/// # Safety
/// `link` is valid for reads.
pub unsafe fn is_initialised(link: *const d_rlink) -> bool {
    // SAFETY: by the caller's promise.
    unsafe { (*link).rl_flags & INITIALISED != 0 }
}

/// Whether a record is in use nowhere: not initialised, or without references.
///
/// # Safety
/// `link` is valid for reads.
pub unsafe fn is_unused(link: *mut d_rlink) -> bool {
    // SAFETY: by the caller's promise.
    unsafe {
        if !is_initialised(link) {
            return true;
        }
        let unused = count(link).load(Ordering::Acquire) == 0;
        d_assert!(!unused || list::is_empty(&raw const (*link).rl_link));
        unused
    }
}

/// Whether a record has one reference only.
///
/// # Safety
/// `link` is a record.
pub unsafe fn is_last(link: *mut d_rlink) -> bool {
    // SAFETY: by the caller's promise.
    unsafe { count(link) }.load(Ordering::Acquire) == 1
}

/// Takes a reference.
///
/// # Safety
/// `link` points to the list link of a record.
pub unsafe fn take(link: *mut d_list_t) {
    // SAFETY: by the caller's promise. Who takes a reference has one, or the table's lock, so nothing need be
    // ordered.
    unsafe { count(link.cast()) }.fetch_add(1, Ordering::Relaxed);
}

/// Gives a reference back; true if it was the last one.
///
/// # Safety
/// `link` points to the list link of a record.
pub unsafe fn give(link: *mut d_list_t) -> bool {
    // SAFETY: by the caller's promise. What each holder did must be visible to the one that frees the record.
    let former = unsafe { count(link.cast()) }.fetch_sub(1, Ordering::AcqRel);
    d_assert!(former > 0);
    former == 1
}

// `take` and `give` find the record at the address of its list link.
const _: () = assert!(core::mem::offset_of!(d_rlink, rl_link) == 0);
