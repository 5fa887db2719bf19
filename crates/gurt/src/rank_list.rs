//! Lists of ranks, and of ranges of ranks: part of misc.c.
//!
//! The lists are C's: a structure and an array, both from `D_ALLOC`, freed by whoever owns them. The
//! functions here look at the array as a slice and work on that.

use abi::{d_rank_list_t, d_rank_range_list_t, d_rank_range_t, d_rank_t, d_string_t};
use core::ffi::{CStr, c_char, c_int};
use core::fmt::Write;
use core::ptr;
use gurt_client::{Der, Facility, Result, alloc, debug, error};
use std::ffi::CString;

const INVAL: Der = Der::new(abi::DER_INVAL as i64);
const NOMEM: Der = Der::new(abi::DER_NOMEM as i64);

/// The ranks of a list; none for a null list.
///
/// # Safety
/// `list` is null or a list whose array holds `rl_nr` ranks, which nobody changes during `'a`.
unsafe fn ranks<'a>(list: *const d_rank_list_t) -> &'a [d_rank_t] {
    // SAFETY: by the caller's promise.
    unsafe { ranks_mut(list.cast_mut()) }
}

/// The same, to change them.
///
/// # Safety
/// As [`ranks`], and nobody else looks at them during `'a`.
unsafe fn ranks_mut<'a>(list: *mut d_rank_list_t) -> &'a mut [d_rank_t] {
    // SAFETY: by the caller's promise.
    unsafe {
        match list.as_ref() {
            Some(list) if !list.rl_ranks.is_null() => {
                core::slice::from_raw_parts_mut(list.rl_ranks, list.rl_nr as usize)
            }
            _ => &mut [],
        }
    }
}

/// A new list of `ranks`.
fn list_of(ranks: &[d_rank_t]) -> Result<*mut d_rank_list_t> {
    let mut array = alloc::copied(ranks).ok_or(NOMEM)?;
    let list = alloc::boxed(d_rank_list_t { rl_ranks: array, rl_nr: ranks.len() as u32 });
    list.map(|list| list.as_ptr()).ok_or_else(|| {
        // SAFETY: just allocated, and in no list.
        unsafe { alloc::free(core::mem::replace(&mut array, ptr::null_mut())) };
        NOMEM
    })
}

/// Puts new ranks into a list, in an array of their own.
///
/// # Safety
/// `list` owns its array.
unsafe fn replace(list: &mut d_rank_list_t, ranks: &[d_rank_t]) -> Result {
    let array = alloc::copied(ranks).ok_or(NOMEM)?;
    // SAFETY: the list's own array.
    unsafe { alloc::free(core::mem::replace(&mut list.rl_ranks, array)) };
    list.rl_nr = ranks.len() as u32;
    Ok(())
}

/// Changes the number of ranks; new ones are 0.
///
/// # Safety
/// `list` owns its array.
unsafe fn resize(list: &mut d_rank_list_t, size: u32) -> Result {
    // SAFETY: the list's own array.
    unsafe { alloc::resize(&mut list.rl_ranks, list.rl_nr as usize, size as usize).ok_or(NOMEM)? };
    list.rl_nr = size;
    Ok(())
}

/// Whether a rank is among others, for many look-ups.
fn membership(ranks: &[d_rank_t]) -> impl Fn(d_rank_t) -> bool + use<> {
    let mut sorted = ranks.to_vec();
    sorted.sort_unstable();
    move |rank| sorted.binary_search(&rank).is_ok()
}

/// Moves those that `keep` wants to the front, in order; returns how many there are.
fn retain(ranks: &mut [d_rank_t], mut keep: impl FnMut(&[d_rank_t], d_rank_t) -> bool) -> usize {
    let mut kept = 0;
    for at in 0..ranks.len() {
        if keep(&ranks[..kept], ranks[at]) {
            ranks[kept] = ranks[at];
            kept += 1;
        }
    }
    kept
}

/// The ranges that sorted ranks form. A rank that occurs twice begins a new range.
fn ranges(sorted: &[d_rank_t]) -> Vec<d_rank_range_t> {
    let mut ranges: Vec<d_rank_range_t> = Vec::new();
    for &rank in sorted {
        match ranges.last_mut() {
            Some(range) if range.hi.checked_add(1) == Some(rank) => range.hi = rank,
            _ => ranges.push(d_rank_range_t { lo: rank, hi: rank }),
        }
    }
    ranges
}

/// Ranges as users read them: `[0-3,5]`.
fn spelt(ranges: &[d_rank_range_t]) -> String {
    let part = |range: &d_rank_range_t| match range {
        d_rank_range_t { lo, hi } if lo == hi => lo.to_string(),
        d_rank_range_t { lo, hi } => format!("{lo}-{hi}"),
    };
    format!("[{}]", ranges.iter().map(part).collect::<Vec<_>>().join(","))
}

/// Stores a string where C expects one that it will free.
///
/// # Safety
/// `out` is a place for a pointer.
unsafe fn give(out: *mut *mut c_char, text: String) -> Result {
    let text = CString::new(text).map_err(|_| INVAL)?;
    let copy = alloc::copied(text.as_bytes_with_nul()).ok_or(NOMEM)?;
    // SAFETY: by the caller's promise.
    unsafe { *out = copy.cast() };
    Ok(())
}

/// Position of the first `rank`.
fn position(ranks: &[d_rank_t], rank: d_rank_t) -> Option<usize> {
    ranks.iter().position(|&other| other == rank)
}

/// What a search returns: whether there is a position, which goes to `*idx` if that is not null.
///
/// # Safety
/// `idx` is null or a place for an int.
unsafe fn found(at: Option<usize>, idx: *mut c_int) -> bool {
    if let (Some(at), false) = (at, idx.is_null()) {
        // SAFETY: by the caller's promise.
        unsafe { *idx = at as c_int };
    }
    at.is_some()
}

abi::export! {
    /// `d_rank_list_alloc` (misc.c): a list of the ranks 0 to `size` - 1, or null.
    pub fn d_rank_list_alloc(size: u32) -> *mut d_rank_list_t {
        list_of(&(0..size).collect::<Vec<_>>()).unwrap_or(ptr::null_mut())
    }

    /// `d_rank_list_free` (misc.c): frees list and array; null is allowed.
    pub unsafe fn d_rank_list_free(rank_list: *mut d_rank_list_t) {
        if !rank_list.is_null() {
            // SAFETY: the caller gives list and array up.
            unsafe {
                alloc::free((*rank_list).rl_ranks);
                alloc::free(rank_list);
            }
        }
    }

    /// `d_rank_list_dup` (misc.c): a copy; of null, null.
    pub unsafe fn d_rank_list_dup(dst: *mut *mut d_rank_list_t, src: *const d_rank_list_t) -> c_int {
        if dst.is_null() {
            error!(Facility::MISC, "no place for the copy of rank list {src:p}");
            return INVAL.rc();
        }
        // SAFETY: the caller's list and place.
        unsafe {
            let copy = if src.is_null() { Ok(ptr::null_mut()) } else { list_of(ranks(src)) };
            Der::rc_of(copy.map(|copy| *dst = copy))
        }
    }

    /// `d_rank_list_dup_sort_uniq` (misc.c): a sorted copy without repetitions.
    pub unsafe fn d_rank_list_dup_sort_uniq(dst: *mut *mut d_rank_list_t, src: *const d_rank_list_t) -> c_int {
        // SAFETY: the caller's list and place; the copy is ours.
        unsafe {
            let rc = abi::d_rank_list_dup(dst, src);
            if rc == 0 && !(*dst).is_null() {
                let ranks = ranks_mut(*dst);
                ranks.sort_unstable();
                (**dst).rl_nr = retain(ranks, |kept, rank| kept.last() != Some(&rank)) as u32;
            }
            rc
        }
    }

    /// `d_rank_list_filter` (misc.c): takes those ranks out of `dst_set` that `src_set` has (`exclude`) or
    /// has not. The others keep their order.
    pub unsafe fn d_rank_list_filter(src_set: *mut d_rank_list_t, dst_set: *mut d_rank_list_t, exclude: bool) {
        // SAFETY: the caller's lists.
        unsafe {
            if src_set.is_null() || dst_set.is_null() || (*src_set).rl_ranks.is_null() {
                return;
            }
            let in_src = membership(ranks(src_set));
            let kept = retain(ranks_mut(dst_set), |_, rank| in_src(rank) != exclude);
            if !(*dst_set).rl_ranks.is_null() {
                (*dst_set).rl_nr = kept as u32;
            }
        }
    }

    /// `d_rank_list_merge` (misc.c): appends to `src_set` what `merge_set` has besides.
    pub unsafe fn d_rank_list_merge(src_set: *mut d_rank_list_t, merge_set: *mut d_rank_list_t) -> c_int {
        // SAFETY: the caller's lists; the first owns its array.
        unsafe {
            let Some(list) = src_set.as_mut() else { return INVAL.rc() };
            let known = membership(ranks(list));
            let new = ranks(merge_set).iter().filter(|&&rank| !known(rank));
            let all: Vec<_> = ranks(list).iter().chain(new).copied().collect();
            if all.len() == list.rl_nr as usize { 0 } else { Der::rc_of(replace(list, &all)) }
        }
    }

    /// `d_rank_list_resize` (misc.c): changes the number of ranks; new ones are 0.
    pub unsafe fn d_rank_list_resize(ptr: *mut d_rank_list_t, size: u32) -> c_int {
        // SAFETY: the caller's list, which owns its array.
        unsafe {
            let Some(list) = ptr.as_mut() else { return INVAL.rc() };
            Der::rc_of(resize(list, size))
        }
    }

    /// `d_rank_list_copy` (misc.c): makes `dst` equal to `src`.
    pub unsafe fn d_rank_list_copy(dst: *mut d_rank_list_t, src: *mut d_rank_list_t) -> c_int {
        if dst.is_null() || src.is_null() {
            error!(Facility::MISC, "cannot copy rank list {src:p} to {dst:p}");
            return INVAL.rc();
        }
        // SAFETY: the caller's lists, the first of which owns its array.
        unsafe {
            if (*dst).rl_nr != (*src).rl_nr {
                let rc = abi::d_rank_list_resize(dst, (*src).rl_nr);
                if rc != 0 {
                    return rc;
                }
            }
            ptr::copy((*src).rl_ranks, (*dst).rl_ranks, ranks(src).len());
            0
        }
    }

    /// `d_rank_list_shuffle` (misc.c): puts the ranks in a random order, by `d_rand`.
    pub unsafe fn d_rank_list_shuffle(rank_list: *mut d_rank_list_t) {
        // SAFETY: the caller's list.
        let ranks = unsafe { ranks_mut(rank_list) };
        for at in 0..ranks.len() {
            // SAFETY: no preconditions.
            ranks.swap(at, unsafe { abi::d_rand() } as usize % ranks.len());
        }
    }

    /// `d_rank_list_sort` (misc.c): ascending.
    pub unsafe fn d_rank_list_sort(rank_list: *mut d_rank_list_t) {
        // SAFETY: the caller's list.
        unsafe { ranks_mut(rank_list) }.sort_unstable()
    }

    /// `d_rank_list_bsearch` (misc.c): looks for a rank in a sorted list; its position goes to `*idx`.
    pub unsafe fn d_rank_list_bsearch(rank_list: *mut d_rank_list_t, rank: d_rank_t, idx: *mut c_int) -> bool {
        // SAFETY: the caller's list and place.
        unsafe { found(ranks(rank_list).binary_search(&rank).ok(), idx) }
    }

    /// `d_rank_list_find` (misc.c): looks for a rank; its first position goes to `*idx`.
    pub unsafe fn d_rank_list_find(rank_list: *mut d_rank_list_t, rank: d_rank_t, idx: *mut c_int) -> bool {
        // SAFETY: the caller's list and place.
        unsafe { found(position(ranks(rank_list), rank), idx) }
    }

    /// `d_rank_in_rank_list` (misc.c): whether a list has a rank.
    pub unsafe fn d_rank_in_rank_list(rank_list: *mut d_rank_list_t, rank: d_rank_t) -> bool {
        // SAFETY: the caller's list.
        unsafe { ranks(rank_list) }.contains(&rank)
    }

    /// `d_idx_in_rank_list` (misc.c): first position of a rank, or -DER_NONEXIST.
    pub unsafe fn d_idx_in_rank_list(rank_list: *mut d_rank_list_t, rank: d_rank_t, idx: *mut u32) -> c_int {
        if rank_list.is_null() || idx.is_null() {
            return INVAL.rc();
        }
        // SAFETY: the caller's list and place.
        unsafe {
            let at = position(ranks(rank_list), rank).ok_or(Der::new(abi::DER_NONEXIST.into()));
            Der::rc_of(at.map(|at| *idx = at as u32))
        }
    }

    /// `d_rank_list_del_at` (misc.c): takes the rank at a position out; the array stays as large.
    pub unsafe fn d_rank_list_del_at(list: *mut d_rank_list_t, idx: c_int) {
        // SAFETY: the caller's list.
        unsafe {
            let ranks = ranks_mut(list);
            crate::debug::d_assert!((0..ranks.len() as i64).contains(&idx.into()));
            ranks.copy_within(idx as usize + 1.., idx as usize);
            (*list).rl_nr -= 1;
        }
    }

    /// `d_rank_list_del` (misc.c): takes the first such rank out, if there is one, and makes the array
    /// smaller.
    pub unsafe fn d_rank_list_del(rank_list: *mut d_rank_list_t, rank: d_rank_t) -> c_int {
        // SAFETY: the caller's list, which owns its array.
        unsafe {
            let Some(list) = rank_list.as_mut() else {
                error!(Facility::MISC, "cannot take rank {rank} out of a null list");
                return INVAL.rc();
            };
            let Some(at) = position(ranks(list), rank) else {
                debug!(Facility::MISC, "Rank {rank} not in the rank list.");
                return 0;
            };
            ranks_mut(list).copy_within(at + 1.., at);
            let len = list.rl_nr - 1;
            Der::rc_of(resize(list, len))
        }
    }

    /// `d_rank_list_append` (misc.c): adds a rank at the end.
    pub unsafe fn d_rank_list_append(rank_list: *mut d_rank_list_t, rank: d_rank_t) -> c_int {
        // SAFETY: the caller's list, which owns its array.
        unsafe {
            let Some(list) = rank_list.as_mut() else { return INVAL.rc() };
            let Some(len) = list.rl_nr.checked_add(1) else { return NOMEM.rc() };
            let rc = abi::d_rank_list_resize(list, len);
            if rc == 0 {
                ranks_mut(list)[len as usize - 1] = rank;
            }
            rc
        }
    }

    /// `d_rank_list_identical` (misc.c): whether two lists have the same ranks, in whatever order; sorts the
    /// first.
    pub unsafe fn d_rank_list_identical(rank_list1: *mut d_rank_list_t, rank_list2: *mut d_rank_list_t) -> bool {
        if rank_list1 == rank_list2 {
            return true;
        }
        if rank_list1.is_null() || rank_list2.is_null() {
            return false;
        }
        // SAFETY: the caller's lists.
        unsafe {
            let mut other = ranks(rank_list2).to_vec();
            other.sort_unstable();
            let ranks = ranks_mut(rank_list1);
            ranks.len() == other.len() && {
                ranks.sort_unstable();
                *ranks == *other
            }
        }
    }

    /// `d_rank_list_dump` (misc.c): logs a list under a name of at most `name_len` characters.
    pub unsafe fn d_rank_list_dump(rank_list: *mut d_rank_list_t, name: d_string_t, name_len: c_int) -> c_int {
        if rank_list.is_null() || name.is_null() {
            return INVAL.rc();
        }
        // SAFETY: the caller's string and list.
        let (name, ranks) = unsafe { (CStr::from_ptr(name).to_string_lossy(), ranks(rank_list)) };
        if name.len() as i64 > name_len.into() {
            error!(Facility::MISC, "name parameter too long.");
            return INVAL.rc();
        }
        let mut text = String::new();
        // Writing to a String cannot fail.
        ranks.iter().for_each(|rank| _ = write!(text, "{rank} "));
        debug!(Facility::MISC, "{name}, {} ranks: {text}", ranks.len());
        0
    }

    /// `uint32_array_to_rank_list` (misc.c): a list of the numbers in an array, or null.
    pub unsafe fn uint32_array_to_rank_list(ints: *mut u32, len: usize) -> *mut d_rank_list_t {
        // SAFETY: the caller's array.
        let ints = if len == 0 { &[] } else { unsafe { core::slice::from_raw_parts(ints, len) } };
        list_of(ints).unwrap_or(ptr::null_mut())
    }

    /// `rank_list_to_uint32_array` (misc.c): the ranks in an array that the caller frees.
    pub unsafe fn rank_list_to_uint32_array(rl: *mut d_rank_list_t, ints: *mut *mut u32, len: *mut usize) -> c_int {
        // SAFETY: the caller's list and places; the array has room for its ranks.
        unsafe {
            let ranks = ranks(rl);
            let Some(array) = alloc::array::<u32>(ranks.len()) else { return NOMEM.rc() };
            ptr::copy_nonoverlapping(ranks.as_ptr(), array.as_ptr(), ranks.len());
            (*ints, *len) = (array.as_ptr(), ranks.len());
            0
        }
    }

    /// `d_rank_list_to_str` (misc.c): the ranks as ranges, `[0-3,5]`, in a string that the caller frees. Sorts
    /// the list. Of a null list, null.
    pub unsafe fn d_rank_list_to_str(rank_list: *mut d_rank_list_t, rank_str: *mut *mut c_char) -> c_int {
        if rank_str.is_null() {
            return INVAL.rc();
        }
        // SAFETY: the caller's list and place.
        unsafe {
            if rank_list.is_null() {
                *rank_str = ptr::null_mut();
                return 0;
            }
            let ranks = ranks_mut(rank_list);
            ranks.sort_unstable();
            Der::rc_of(give(rank_str, spelt(&ranges(ranks))))
        }
    }

    /// `d_rank_range_list_alloc` (misc.c): a list of `size` ranges, all 0-0, or null.
    pub fn d_rank_range_list_alloc(size: u32) -> *mut d_rank_range_list_t {
        range_list_of(&vec![d_rank_range_t { lo: 0, hi: 0 }; size as usize])
    }

    /// `d_rank_range_list_realloc` (misc.c): changes the number of ranges. A size of 0 frees the list; null
    /// when memory is short, and the list stays as it is.
    pub unsafe fn d_rank_range_list_realloc(
        range_list: *mut d_rank_range_list_t,
        size: u32,
    ) -> *mut d_rank_range_list_t {
        // SAFETY: the caller's list, which owns its array.
        unsafe {
            let Some(list) = range_list.as_mut() else { return abi::d_rank_range_list_alloc(size) };
            if size == 0 {
                abi::d_rank_range_list_free(list);
                return ptr::null_mut();
            }
            match alloc::resize(&mut list.rrl_ranges, list.rrl_nr as usize, size as usize) {
                Some(()) => {
                    list.rrl_nr = size;
                    list
                }
                None => ptr::null_mut(),
            }
        }
    }

    /// `d_rank_range_list_create_from_ranks` (misc.c): the ranges of a list of ranks, which it sorts; or null.
    pub unsafe fn d_rank_range_list_create_from_ranks(rank_list: *mut d_rank_list_t) -> *mut d_rank_range_list_t {
        // SAFETY: the caller's list.
        let ranks = unsafe { ranks_mut(rank_list) };
        ranks.sort_unstable();
        range_list_of(&ranges(ranks))
    }

    /// `d_rank_range_list_str` (misc.c): ranges as a string that the caller frees.
    pub unsafe fn d_rank_range_list_str(list: *mut d_rank_range_list_t, ranks_str: *mut *mut c_char) -> c_int {
        if list.is_null() || ranks_str.is_null() {
            return INVAL.rc();
        }
        // SAFETY: the caller's list and place.
        unsafe {
            let ranges = match *list {
                d_rank_range_list_t { rrl_ranges, .. } if rrl_ranges.is_null() => &[],
                d_rank_range_list_t { rrl_ranges, rrl_nr } => {
                    core::slice::from_raw_parts(rrl_ranges, rrl_nr as usize)
                }
            };
            Der::rc_of(give(ranks_str, spelt(ranges)))
        }
    }

    /// `d_rank_range_list_free` (misc.c): frees list and array; null is allowed.
    pub unsafe fn d_rank_range_list_free(range_list: *mut d_rank_range_list_t) {
        if !range_list.is_null() {
            // SAFETY: the caller gives list and array up.
            unsafe {
                alloc::free((*range_list).rrl_ranges);
                alloc::free(range_list);
            }
        }
    }
}

/// A new list of ranges, or null.
fn range_list_of(ranges: &[d_rank_range_t]) -> *mut d_rank_range_list_t {
    let Some(array) = alloc::copied(ranges) else { return ptr::null_mut() };
    match alloc::boxed(d_rank_range_list_t { rrl_ranges: array, rrl_nr: ranges.len() as u32 }) {
        Some(list) => list.as_ptr(),
        None => {
            // SAFETY: just allocated, and in no list.
            unsafe { alloc::free(array) };
            ptr::null_mut()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list for one test, freed at its end.
    struct List(*mut d_rank_list_t);

    impl List {
        fn new(ranks: &[u32]) -> Self {
            List(list_of(ranks).unwrap())
        }

        fn ranks(&self) -> &[u32] {
            // SAFETY: a valid list.
            unsafe { ranks(self.0) }
        }
    }

    impl Drop for List {
        fn drop(&mut self) {
            // SAFETY: a valid list that nobody uses any more.
            unsafe { abi::d_rank_list_free(self.0) }
        }
    }

    #[test]
    fn filter_keeps_the_order() {
        for (exclude, expected) in [(true, [9, 7, 9].as_slice()), (false, &[1, 3, 1])] {
            let (src, dst) = (List::new(&[1, 2, 3]), List::new(&[9, 1, 7, 3, 9, 1]));
            // SAFETY: valid lists.
            unsafe { abi::d_rank_list_filter(src.0, dst.0, exclude) };
            assert_eq!(dst.ranks(), expected);
        }
    }

    #[test]
    fn merge_appends_what_is_new() {
        let list = List::new(&[5, 1]);
        // SAFETY: valid lists.
        unsafe {
            assert_eq!(abi::d_rank_list_merge(list.0, List::new(&[1, 2, 5, 3]).0), 0);
            assert_eq!(abi::d_rank_list_merge(list.0, ptr::null_mut()), 0);
        }
        assert_eq!(list.ranks(), [5, 1, 2, 3]);
    }

    #[test]
    fn sort_uniq_copies() {
        let list = List::new(&[3, 1, 3, 2, 1]);
        let mut copy = ptr::null_mut();
        // SAFETY: valid lists.
        assert_eq!(unsafe { abi::d_rank_list_dup_sort_uniq(&mut copy, list.0) }, 0);
        assert_eq!(List(copy).ranks(), [1, 2, 3]);
        assert_eq!(list.ranks(), [3, 1, 3, 2, 1]);
    }

    #[test]
    fn append_and_delete() {
        let list = List::new(&[]);
        let mut at = -1;
        // SAFETY: valid lists and places.
        unsafe {
            for rank in [4, 2, 4] {
                assert_eq!(abi::d_rank_list_append(list.0, rank), 0);
            }
            assert!(abi::d_rank_list_find(list.0, 4, &mut at) && at == 0);
            assert_eq!(abi::d_rank_list_del(list.0, 4), 0);
            assert_eq!(abi::d_rank_list_del(list.0, 99), 0);
            assert_eq!(list.ranks(), [2, 4]);
            assert!(abi::d_rank_list_bsearch(list.0, 4, &mut at) && at == 1);
            assert!(!abi::d_rank_list_bsearch(list.0, 3, &mut at) && at == 1);
            abi::d_rank_list_del_at(list.0, 0);
        }
        assert_eq!(list.ranks(), [4]);
    }

    #[test]
    fn identical_lists_may_be_in_any_order() {
        // SAFETY: valid lists.
        let identical =
            |a: &[u32], b: &[u32]| unsafe { abi::d_rank_list_identical(List::new(a).0, List::new(b).0) };
        assert!(identical(&[3, 1, 2], &[2, 3, 1]));
        assert!(!identical(&[1, 1, 2], &[1, 2, 2]));
        assert!(!identical(&[1], &[1, 2]));
    }

    #[test]
    fn lists_as_text() {
        let text = |ranks: &[u32]| {
            let mut text = ptr::null_mut();
            // SAFETY: a valid list; the string is freed here.
            unsafe {
                assert_eq!(abi::d_rank_list_to_str(List::new(ranks).0, &mut text), 0);
                let owned = CStr::from_ptr(text).to_str().unwrap().to_owned();
                alloc::free(text);
                owned
            }
        };
        assert_eq!(text(&[5, 0, 2, 1, 7, 8]), "[0-2,5,7-8]");
        assert_eq!(text(&[]), "[]");
        assert_eq!(text(&[1, 1, 2]), "[1,1-2]");
        assert_eq!(text(&[u32::MAX, 0]), "[0,4294967295]");
        assert_eq!(text(&(0..1000).step_by(2).collect::<Vec<_>>()).len(), 1 + 5 + 2 * 45 + 3 * 450 + 499 + 1);
    }

    #[test]
    fn arrays_of_integers() {
        let list = List::new(&[3, 1]);
        let (mut ints, mut len) = (ptr::null_mut(), 0);
        // SAFETY: valid list and places; the array is freed here.
        unsafe {
            assert_eq!(abi::rank_list_to_uint32_array(list.0, &mut ints, &mut len), 0);
            assert_eq!(core::slice::from_raw_parts(ints, len), [3, 1]);
            assert_eq!(List(abi::uint32_array_to_rank_list(ints, len)).ranks(), [3, 1]);
            alloc::free(ints);
        }
    }
}
