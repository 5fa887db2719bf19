//! The intrusive lists of `gurt/list.h`: the inline functions that C compiles into every user of a `d_list_t`.
//!
//! A head and its entries are `d_list_t` links that point at each other, in a ring. Who holds an entry's link
//! finds the entry by the link's offset ([`entry`]), as `d_list_entry` does.
//!
//! # Safety
//! Every function here follows the links that it is given: the caller says that they are initialised, that
//! the ring they belong to is alive, and that nobody else changes that ring meanwhile.

use abi::d_list_t;

/// `D_INIT_LIST_HEAD`: an empty list, or an entry that is on none.
///
/// # Safety
/// `link` is valid for writes.
pub unsafe fn init(link: *mut d_list_t) {
    // SAFETY: see the function.
    unsafe { *link = d_list_t { next: link, prev: link } }
}

/// `d_list_empty`: whether `head` has no entries.
///
/// # Safety
/// See the [module](self).
pub unsafe fn is_empty(head: *const d_list_t) -> bool {
    // SAFETY: see the module.
    unsafe { core::ptr::eq((*head).next, head) }
}

/// Puts `link` between two neighbours.
///
/// # Safety
/// See the [module](self).
unsafe fn insert(link: *mut d_list_t, prev: *mut d_list_t, next: *mut d_list_t) {
    // SAFETY: see the module.
    unsafe {
        *link = d_list_t { next, prev };
        (*prev).next = link;
        (*next).prev = link;
    }
}

/// `d_list_add`: makes `link`, which is on no list, the first entry of `head`.
///
/// # Safety
/// See the [module](self).
pub unsafe fn add(link: *mut d_list_t, head: *mut d_list_t) {
    // SAFETY: see the module.
    unsafe { insert(link, head, (*head).next) }
}

/// `d_list_add_tail`: makes `link`, which is on no list, the last entry of `head`.
///
/// # Safety
/// See the [module](self).
pub unsafe fn add_tail(link: *mut d_list_t, head: *mut d_list_t) {
    // SAFETY: see the module.
    unsafe { insert(link, (*head).prev, head) }
}

/// `d_list_del_init`: takes `link` off its list.
///
/// # Safety
/// See the [module](self).
pub unsafe fn del_init(link: *mut d_list_t) {
    // SAFETY: see the module.
    unsafe {
        let d_list_t { next, prev } = *link;
        (*next).prev = prev;
        (*prev).next = next;
        init(link);
    }
}

/// `d_list_splice_init`: moves all entries of `from` before the first one of `to`; `from` is empty after.
///
/// # Safety
/// See the [module](self).
pub unsafe fn splice_init(from: *mut d_list_t, to: *mut d_list_t) {
    // SAFETY: see the module.
    unsafe {
        if is_empty(from) {
            return;
        }
        let (first, last, after) = ((*from).next, (*from).prev, (*to).next);
        (*first).prev = to;
        (*to).next = first;
        (*last).next = after;
        (*after).prev = last;
        init(from);
    }
}

/// Takes the first entry's link off `head`, if there is one.
///
/// # Safety
/// See the [module](self).
pub unsafe fn pop_front(head: *mut d_list_t) -> Option<*mut d_list_t> {
    // SAFETY: see the module.
    unsafe {
        if is_empty(head) {
            return None;
        }
        let first = (*head).next;
        del_init(first);
        Some(first)
    }
}

/// The links of all entries of `head`, first to last: `d_list_for_each_safe`.
///
/// The entry that was returned last may be taken off the list, or freed, before the next one is asked for.
///
/// # Safety
/// See the [module](self); for as long as the iterator is used.
pub unsafe fn iter(head: *mut d_list_t) -> Iter {
    // SAFETY: see the module.
    Iter { head, next: unsafe { (*head).next }, forward: true }
}

/// The links of all entries of `head`, last to first: `d_list_for_each_entry_reverse_safe`.
///
/// # Safety
/// As for [`iter`].
pub unsafe fn iter_rev(head: *mut d_list_t) -> Iter {
    // SAFETY: see the module.
    Iter { head, next: unsafe { (*head).prev }, forward: false }
}

/// Iterator over the links of a list, see [`iter`].
pub struct Iter {
    head: *mut d_list_t,
    next: *mut d_list_t,
    forward: bool,
}

impl Iterator for Iter {
    type Item = *mut d_list_t;

    fn next(&mut self) -> Option<*mut d_list_t> {
        if self.next == self.head {
            return None;
        }
        let link = self.next;
        // SAFETY: who made the iterator said that the list stays alive while it is used.
        self.next = unsafe { if self.forward { (*link).next } else { (*link).prev } };
        Some(link)
    }
}

/// `d_list_entry`: the structure of type `$type` whose member `$member` is the link that `$link` points at.
#[macro_export]
macro_rules! list_entry {
    ($link:expr, $type:ty, $member:ident) => {
        $link.byte_sub(::core::mem::offset_of!($type, $member)).cast::<$type>()
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::ptr::null_mut;

    #[repr(C)]
    struct Item {
        value: u32,
        link: d_list_t,
    }

    fn item(value: u32) -> *mut Item {
        let item =
            Box::into_raw(Box::new(Item { value, link: d_list_t { next: null_mut(), prev: null_mut() } }));
        // SAFETY: just allocated.
        unsafe { init(&raw mut (*item).link) };
        item
    }

    fn head() -> *mut d_list_t {
        let head = Box::into_raw(Box::new(d_list_t { next: null_mut(), prev: null_mut() }));
        // SAFETY: just allocated.
        unsafe { init(head) };
        head
    }

    /// Values of the entries, first to last; checks that the way back gives the same.
    fn values(head: *mut d_list_t) -> Vec<u32> {
        // SAFETY: the tests keep all items alive until `free`.
        unsafe {
            let value = |link: *mut d_list_t| (*list_entry!(link, Item, link)).value;
            let forward: Vec<u32> = iter(head).map(value).collect();
            let mut back: Vec<u32> = iter_rev(head).map(value).collect();
            back.reverse();
            assert_eq!(forward, back);
            forward
        }
    }

    fn free(head: *mut d_list_t) {
        // SAFETY: head and items came from Box::into_raw; iter allows the entry to go.
        unsafe {
            for link in iter(head) {
                drop(Box::from_raw(list_entry!(link, Item, link)));
            }
            drop(Box::from_raw(head));
        }
    }

    #[test]
    fn entries_keep_the_order_in_which_they_are_added() {
        let head = head();
        // SAFETY: fresh items on a fresh list.
        unsafe {
            assert!(is_empty(head));
            for value in 1..=3 {
                add_tail(&raw mut (*item(value)).link, head);
            }
            add(&raw mut (*item(0)).link, head);
        }
        assert_eq!(values(head), [0, 1, 2, 3]);
        free(head);
    }

    #[test]
    fn an_entry_that_is_taken_off_belongs_to_no_list() {
        let head = head();
        // SAFETY: fresh items on a fresh list.
        unsafe {
            let items = [0, 1, 2].map(item);
            items.iter().for_each(|&i| add_tail(&raw mut (*i).link, head));
            del_init(&raw mut (*items[1]).link);
            assert_eq!(values(head), [0, 2]);
            assert!(is_empty(&raw const (*items[1]).link));
            assert_eq!(pop_front(head), Some(&raw mut (*items[0]).link));
            assert_eq!(values(head), [2]);
            drop(Box::from_raw(items[0]));
            drop(Box::from_raw(items[1]));
        }
        free(head);
    }

    #[test]
    fn a_spliced_list_comes_before_the_entries_that_are_there() {
        let (from, to) = (head(), head());
        // SAFETY: fresh items on fresh lists.
        unsafe {
            splice_init(from, to);
            assert!(is_empty(to));
            for value in [3, 4] {
                add_tail(&raw mut (*item(value)).link, to);
            }
            for value in [1, 2] {
                add_tail(&raw mut (*item(value)).link, from);
            }
            splice_init(from, to);
            assert!(is_empty(from));
            assert_eq!(pop_front(from), None);
        }
        assert_eq!(values(to), [1, 2, 3, 4]);
        free(from);
        free(to);
    }
}
