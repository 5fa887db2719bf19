//! Stacks of ULTs: mapped one by one, each with a guard page below, kept for reuse.

use crate::arch;
use core::cell::Cell;
use core::ptr::{self, NonNull};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Unit of sizes and protection.
pub(crate) const PAGE: usize = 4096;
/// Below every stack: touching it is what an overflow looks like. More than one page, so that a frame of some
/// kilobytes without stack probes does not step over it; it costs address space only.
const GUARD: usize = 4 * PAGE;
/// Stacks of the same offset in their page would compete for the same lines of the L1 cache, so their tops
/// are set off by up to `COLOURS - 1` times `COLOUR` bytes, taken from a page beyond the promised size.
const COLOUR: usize = 128;
const COLOURS: usize = 12;
/// Kept beside the stacks in use: per execution stream and size, and in all for everyone.
const KEPT_LOCALLY: usize = 128;
const KEPT_GLOBALLY: usize = 256;
/// `madvise` advice of Linux 6.13: a guard that needs no mapping of its own.
const MADV_GUARD_INSTALL: libc::c_int = 102;

/// A stack that is not in use, or that a running ULT stands on. The record lies at the upper end of the
/// mapping, above the first frame.
pub(crate) struct Stack {
    /// Next in a list of free stacks.
    link: Cell<Option<StackRef>>,
    /// Lowest address of the mapping: the guard.
    base: *mut u8,
    /// Length of the mapping, with guard and colour page.
    mapped: usize,
    /// Usable size in pages: the size class.
    pages: u32,
    colour: u32,
    guarded: bool,
    valgrind_id: usize,
}

/// A stack by address. Whoever holds it owns the stack: it is not given to two ULTs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct StackRef(NonNull<Stack>);

// SAFETY: an address; ownership of the memory moves with it.
unsafe impl Send for StackRef {}

/// Number of mapped stacks, and of those without a guard because the system refused one.
pub(crate) static MAPPED: AtomicUsize = AtomicUsize::new(0);
pub(crate) static UNGUARDED: AtomicUsize = AtomicUsize::new(0);

/// Size class of a stack of at least `size` bytes.
pub(crate) fn pages_for(size: usize) -> u32 {
    size.clamp(PAGE, u32::MAX as usize).div_ceil(PAGE) as u32
}

impl StackRef {
    /// Maps a new stack; `None` if there is no memory for it.
    fn map(pages: u32) -> Option<StackRef> {
        let mapped = GUARD + (pages as usize + 1) * PAGE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_STACK;
        // SAFETY: a new mapping at a place of the system's choice.
        let base =
            unsafe { libc::mmap(ptr::null_mut(), mapped, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
        if base == libc::MAP_FAILED {
            return None;
        }
        // Guards by mprotect split the mapping, and their number is limited (vm.max_map_count), so a stack
        // may have to do without.
        // SAFETY: within the new mapping.
        let guarded = unsafe {
            libc::madvise(base, GUARD, MADV_GUARD_INSTALL) == 0
                || libc::mprotect(base, GUARD, libc::PROT_NONE) == 0
        };
        let serial = MAPPED.fetch_add(1, Ordering::Relaxed);
        if !guarded {
            UNGUARDED.fetch_add(1, Ordering::Relaxed);
        }
        let base = base.cast::<u8>();
        let top = base.wrapping_add(mapped);
        let record = top.wrapping_sub(size_of::<Stack>().next_multiple_of(64)).cast::<Stack>();
        let colour = (serial % COLOURS * COLOUR) as u32;
        let valgrind_id = arch::announce_stack(base.wrapping_add(GUARD), top);
        // SAFETY: inside the mapping, aligned, and nothing else is there.
        unsafe {
            record.write(Stack { link: Cell::new(None), base, mapped, pages, colour, guarded, valgrind_id })
        };
        NonNull::new(record).map(StackRef)
    }

    /// Gives the memory back to the system.
    fn unmap(self) {
        let Stack { base, mapped, guarded, valgrind_id, .. } = *self.get();
        arch::withdraw_stack(valgrind_id);
        MAPPED.fetch_sub(1, Ordering::Relaxed);
        if !guarded {
            UNGUARDED.fetch_sub(1, Ordering::Relaxed);
        }
        // SAFETY: the whole mapping, which nobody uses: it was in a cache.
        unsafe {
            if libc::munmap(base.cast(), mapped) != 0 {
                // Cutting it out of a larger mapping would exceed the number of mappings: without its pages
                // it costs address space only.
                libc::madvise(base.cast(), mapped, libc::MADV_DONTNEED);
            }
        }
    }

    fn get(&self) -> &Stack {
        // SAFETY: the mapping exists as long as somebody holds the reference.
        unsafe { self.0.as_ref() }
    }

    /// Address above the first frame.
    pub(crate) fn top(self) -> *mut u8 {
        self.0.as_ptr().cast::<u8>().wrapping_sub(self.get().colour as usize)
    }

    /// Usable size class.
    pub(crate) fn pages(self) -> u32 {
        self.get().pages
    }

    /// Usable size in bytes, as it was asked for.
    pub(crate) fn size(self) -> usize {
        self.pages() as usize * PAGE
    }

    /// The addresses whose access means an overflow.
    pub(crate) fn guard(self) -> core::ops::Range<usize> {
        self.get().base as usize..self.get().base as usize + GUARD
    }

    /// The addresses between guard and top.
    pub(crate) fn usable(self) -> core::ops::Range<usize> {
        self.get().base as usize + GUARD..self.top() as usize
    }
}

/// Free stacks of one size, last in first out, so that the one taken is warm in the cache.
#[derive(Default)]
struct Shelf {
    pages: u32,
    head: Option<StackRef>,
    count: usize,
    /// Fewest at any time since the last [`StackCache::trim`]: that many were not needed.
    lowest: usize,
}

impl Shelf {
    fn take(&mut self) -> Option<StackRef> {
        let stack = self.head?;
        self.head = stack.get().link.take();
        self.count -= 1;
        self.lowest = self.lowest.min(self.count);
        Some(stack)
    }

    fn put(&mut self, stack: StackRef) {
        stack.get().link.set(self.head);
        self.head = Some(stack);
        self.count += 1;
    }
}

/// The free stacks of one execution stream. Two sizes are in common use (the default and one larger), so a
/// few shelves suffice.
#[derive(Default)]
pub(crate) struct StackCache {
    shelves: [Shelf; 4],
}

impl StackCache {
    /// A stack of `pages` pages; `None` if there is no memory for one.
    #[inline]
    pub(crate) fn take(&mut self, pages: u32) -> Option<StackRef> {
        if let Some(shelf) = self.shelves.iter_mut().find(|shelf| shelf.pages == pages)
            && let Some(stack) = shelf.take()
        {
            return Some(stack);
        }
        take_global(pages).or_else(|| StackRef::map(pages))
    }

    /// Takes back a stack. The caller may still stand on it: it is left alone until the next `take`, which
    /// the caller's execution stream makes only after it has switched away.
    #[inline]
    pub(crate) fn put(&mut self, stack: StackRef) {
        let pages = stack.pages();
        if let Some(shelf) = self.shelves.iter_mut().find(|shelf| shelf.pages == pages) {
            if shelf.count >= KEPT_LOCALLY
                && let Some(other) = shelf.take()
            {
                put_global(other);
            }
            shelf.put(stack);
        } else {
            self.put_on_new_shelf(stack);
        }
    }

    #[cold]
    fn put_on_new_shelf(&mut self, stack: StackRef) {
        let index = self.shelves.iter().position(|shelf| shelf.head.is_none()).unwrap_or(0);
        let shelf = &mut self.shelves[index];
        while let Some(other) = shelf.take() {
            put_global(other);
        }
        *shelf = Shelf { pages: stack.pages(), ..Shelf::default() };
        shelf.put(stack);
    }

    /// Gives back half of what was not needed since the last call, and some of what is spare. Never called on
    /// a cached stack.
    pub(crate) fn trim(&mut self) {
        trim_global();
        for shelf in &mut self.shelves {
            for _ in 0..shelf.lowest.div_ceil(2) {
                if let Some(stack) = shelf.take() {
                    stack.unmap();
                }
            }
            shelf.lowest = shelf.count;
        }
    }

    /// Gives back everything. Never called on a cached stack.
    pub(crate) fn clear(&mut self) {
        clear_global();
        for shelf in &mut self.shelves {
            while let Some(stack) = shelf.take() {
                stack.unmap();
            }
        }
    }
}

impl Drop for StackCache {
    fn drop(&mut self) {
        self.clear();
    }
}

/// What overflows the caches of execution streams, and what external threads give back.
static SPARE: Mutex<Vec<StackRef>> = Mutex::new(Vec::new());

fn take_global(pages: u32) -> Option<StackRef> {
    let mut spare = SPARE.lock().unwrap_or_else(|e| e.into_inner());
    let index = spare.iter().rposition(|stack| stack.pages() == pages)?;
    Some(spare.swap_remove(index))
}

/// Keeps a stack for whoever needs one, or gives it back to the system. It must not be in use.
pub(crate) fn put_global(stack: StackRef) {
    let mut spare = SPARE.lock().unwrap_or_else(|e| e.into_inner());
    if spare.len() < KEPT_GLOBALLY {
        spare.push(stack);
    } else {
        drop(spare);
        stack.unmap();
    }
}

/// Gives an eighth of the spare stacks back to the system.
fn trim_global() {
    let stacks: Vec<StackRef> = {
        let mut spare = SPARE.lock().unwrap_or_else(|e| e.into_inner());
        let kept = spare.len() - spare.len().div_ceil(8);
        spare.drain(kept..).collect()
    };
    stacks.into_iter().for_each(StackRef::unmap);
}

/// Gives every spare stack back to the system.
pub(crate) fn clear_global() {
    let stacks = core::mem::take(&mut *SPARE.lock().unwrap_or_else(|e| e.into_inner()));
    stacks.into_iter().for_each(StackRef::unmap);
}
