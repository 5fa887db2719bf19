//! The binary heap: heap.c.
//!
//! Nodes are embedded in C's objects and know their place, so that any of them can be removed. The array of
//! nodes is one block, where the original has three levels of fragments: `d_bh_nodes1` points to it and
//! `d_bh_hwm` is its capacity. It doubles when it is full, so that an insertion costs constant time for it.

use crate::debug::d_assert;
use crate::lock::{Guard, Kind, Lock};
use abi::{d_binheap, d_binheap_lock, d_binheap_node, d_binheap_ops};
use core::cell::Cell;
use core::ffi::{c_int, c_void};
use core::ptr;
use gurt_client::{Der, Facility, Result, alloc, error};

const INVAL: Der = Der::new(abi::DER_INVAL as i64);
const NOMEM: Der = Der::new(abi::DER_NOMEM as i64);

/// The order of a heap, on whatever its slots hold.
///
/// Slots are cells because a comparison may look at the heap that it is called from.
mod order {
    use super::Cell;

    /// What the algorithms need to know of items.
    pub trait Items {
        /// An item.
        type Item: Copy;
        /// Whether `a` is to be removed before `b`.
        fn precedes(&self, a: Self::Item, b: Self::Item) -> bool;
        /// `item` is now in slot `at`.
        fn placed(&self, item: Self::Item, at: usize);
    }

    /// Moves the item in slot `at` towards the root as far as it belongs; returns whether it moved.
    pub fn bubble<I: Items>(items: &I, slots: &[Cell<I::Item>], at: usize) -> bool {
        let item = slots[at].get();
        let mut to = at;
        while to > 0 {
            let parent = (to - 1) / 2;
            let above = slots[parent].get();
            if items.precedes(above, item) {
                break;
            }
            slots[to].set(above);
            items.placed(above, to);
            to = parent;
        }
        slots[to].set(item);
        items.placed(item, to);
        to != at
    }

    /// Moves the item in slot `at` away from the root as far as it belongs.
    pub fn sink<I: Items>(items: &I, slots: &[Cell<I::Item>], at: usize) {
        let item = slots[at].get();
        let mut to = at;
        while let Some(below) = slots.get(2 * to + 1) {
            let mut child = (2 * to + 1, below.get());
            if let Some(other) = slots.get(2 * to + 2)
                && items.precedes(other.get(), child.1)
            {
                child = (2 * to + 2, other.get());
            }
            if items.precedes(item, child.1) {
                break;
            }
            slots[to].set(child.1);
            items.placed(child.1, to);
            to = child.0;
        }
        slots[to].set(item);
        items.placed(item, to);
    }

    /// Fills slot `at`, whose item was taken out, with the last item; `slots` still includes the latter.
    pub fn fill<I: Items>(items: &I, slots: &[Cell<I::Item>], at: usize) {
        let (last, rest) = slots.split_last().expect("an item was taken out of a slot");
        if at < rest.len() {
            rest[at].set(last.get());
            if !bubble(items, rest, at) {
                sink(items, rest, at);
            }
        }
    }
}

/// A heap of C's, on which C vouches for ownership of its array and for its nodes.
#[derive(Clone, Copy)]
struct Heap(*mut d_binheap);

impl order::Items for Heap {
    type Item = *mut d_binheap_node;

    fn precedes(&self, a: *mut d_binheap_node, b: *mut d_binheap_node) -> bool {
        // SAFETY: nodes of the heap, given to its owner's function; that there is one was checked.
        unsafe { (*(*self.0).d_bh_ops).hop_compare.is_some_and(|compare| compare(a, b)) }
    }

    fn placed(&self, node: *mut d_binheap_node, at: usize) {
        // SAFETY: a node of the heap.
        unsafe { (*node).chn_idx = at as u32 }
    }
}

impl Heap {
    /// Takes over a heap of C's.
    ///
    /// # Safety
    /// `heap` is initialised, its nodes are alive, and its lock (or owner) keeps others out while this is used.
    unsafe fn of(heap: *mut d_binheap) -> Option<Self> {
        (!heap.is_null()).then_some(Heap(heap))
    }

    fn kind(self) -> Kind {
        // SAFETY: the promise of `of`.
        kind(unsafe { (*self.0).d_bh_feats })
    }

    fn lock(self) -> Lock {
        // SAFETY: the promise of `of`.
        unsafe { Lock::at(self.kind(), (&raw mut (*self.0).d_bh_lock).cast()) }
    }

    fn locked(self) -> Guard {
        self.lock().write()
    }

    fn len(self) -> usize {
        // SAFETY: the promise of `of`.
        unsafe { (*self.0).d_bh_nodes_cnt as usize }
    }

    fn set_len(self, len: usize) {
        // SAFETY: the promise of `of`.
        unsafe { (*self.0).d_bh_nodes_cnt = len as u32 }
    }

    fn slots<'a>(self) -> &'a [Cell<*mut d_binheap_node>] {
        // SAFETY: the promise of `of`; the array holds `len` nodes, and cells lie in memory as their content.
        unsafe {
            match (*self.0).d_bh_nodes1 {
                array if array.is_null() => &[],
                array => core::slice::from_raw_parts(array.cast(), self.len()),
            }
        }
    }

    fn get(self, at: usize) -> Option<*mut d_binheap_node> {
        self.slots().get(at).map(Cell::get)
    }

    /// Makes room for at least `capacity` nodes, in whole chunks of `DBH_SIZE`.
    fn reserve(self, capacity: u32) -> Result {
        // SAFETY: the promise of `of`; the array is resized by nobody else.
        unsafe {
            let heap = self.0;
            if capacity <= (*heap).d_bh_hwm {
                return Ok(());
            }
            let grown = capacity.checked_next_multiple_of(abi::DBH_SIZE).ok_or(NOMEM)?;
            let mut array = (*heap).d_bh_nodes1;
            alloc::resize(&mut array, (*heap).d_bh_hwm as usize, grown as usize).ok_or(NOMEM)?;
            ((*heap).d_bh_nodes1, (*heap).d_bh_hwm) = (array, grown);
        }
        Ok(())
    }

    fn insert(self, node: *mut d_binheap_node) -> Result {
        let at = self.len();
        let full = u32::try_from(at).map_err(|_| NOMEM)?;
        // SAFETY: the promise of `of`.
        let (hwm, enter) = unsafe { ((*self.0).d_bh_hwm, (*(*self.0).d_bh_ops).hop_enter) };
        if full == hwm {
            self.reserve(hwm.checked_mul(2).ok_or(NOMEM)?.max(1)).inspect_err(|err| {
                error!(Facility::MEM, "cannot grow a heap beyond {at} nodes: {err}");
            })?;
        }
        if let Some(enter) = enter {
            // SAFETY: the owner's function, called with its heap and the node that it inserts.
            Der::check(unsafe { enter(self.0, node) }).inspect_err(|err| {
                error!(Facility::MEM, "the heap's owner refuses a node: {err}");
            })?;
        }
        self.set_len(at + 1);
        // SAFETY: there is room for one more, see above.
        unsafe { (*self.0).d_bh_nodes1.add(at).write(node) };
        order::bubble(&self, self.slots(), at);
        Ok(())
    }

    fn remove(self, node: *mut d_binheap_node) {
        // SAFETY: the caller's node.
        let at = unsafe { (*node).chn_idx } as usize;
        // A node that is in no heap, or in another one: its index means nothing here.
        d_assert!(self.get(at) == Some(node));
        order::fill(&self, self.slots(), at);
        self.set_len(self.len() - 1);
        // SAFETY: the caller's node; the owner's function is called with its heap and a node of that.
        unsafe {
            (*node).chn_idx = abi::DBH_POISON;
            if let Some(exit) = (*(*self.0).d_bh_ops).hop_exit {
                exit(self.0, node);
            }
        }
    }
}

/// The kind of lock that `feats` ask for.
fn kind(feats: u32) -> Kind {
    match feats {
        feats if feats & abi::DBH_FT_NOLOCK != 0 => Kind::None,
        feats if feats & abi::DBH_FT_RWLOCK != 0 => Kind::ReadWrite,
        _ => Kind::Mutex,
    }
}

/// A heap without nodes, array or lock.
fn empty() -> d_binheap {
    d_binheap {
        // SAFETY: a union of locks, for which zeroes are a value.
        d_bh_lock: unsafe { core::mem::zeroed::<d_binheap_lock>() },
        d_bh_feats: 0,
        d_bh_nodes3: ptr::null_mut(),
        d_bh_nodes2: ptr::null_mut(),
        d_bh_nodes1: ptr::null_mut(),
        d_bh_ops: ptr::null_mut(),
        d_bh_priv: ptr::null_mut(),
        d_bh_nodes_cnt: 0,
        d_bh_hwm: 0,
    }
}

/// Whether the operations are usable; if not, says so.
///
/// # Safety
/// `ops` is null or valid.
unsafe fn usable(ops: *mut d_binheap_ops) -> bool {
    // SAFETY: by the caller's promise.
    let usable = unsafe { ops.as_ref().is_some_and(|ops| ops.hop_compare.is_some()) };
    if !usable {
        error!(Facility::MEM, "a heap needs operations with hop_compare");
    }
    usable
}

abi::export! {
    /// `d_binheap_create_inplace` (heap.c): makes `*h` an empty heap with room for `count` nodes.
    pub unsafe fn d_binheap_create_inplace(
        feats: u32,
        count: u32,
        priv_: *mut c_void,
        ops: *mut d_binheap_ops,
        h: *mut d_binheap,
    ) -> c_int {
        // SAFETY: the caller's structure and operations.
        unsafe {
            if !usable(ops) || h.is_null() {
                return INVAL.rc();
            }
            *h = d_binheap { d_bh_feats: feats, d_bh_priv: priv_, d_bh_ops: ops, ..empty() };
            let heap = Heap(h);
            let made = heap.lock().init().and_then(|()| {
                heap.reserve(count).inspect_err(|_| heap.lock().destroy())
            });
            if let Err(err) = made {
                error!(Facility::MEM, "cannot create a heap for {count} nodes: {err}");
                *h = empty();
            }
            Der::rc_of(made)
        }
    }

    /// `d_binheap_create` (heap.c): a new heap with room for `count` nodes.
    pub unsafe fn d_binheap_create(
        feats: u32,
        count: u32,
        priv_: *mut c_void,
        ops: *mut d_binheap_ops,
        h: *mut *mut d_binheap,
    ) -> c_int {
        // SAFETY: the caller's place and operations.
        unsafe {
            if !usable(ops) || h.is_null() {
                return INVAL.rc();
            }
            let Some(heap) = alloc::boxed(empty()) else { return NOMEM.rc() };
            let rc = abi::d_binheap_create_inplace(feats, count, priv_, ops, heap.as_ptr());
            if rc == 0 { *h = heap.as_ptr() } else { alloc::free(heap.as_ptr()) }
            rc
        }
    }

    /// `d_binheap_destroy_inplace` (heap.c): frees the array and the lock; the nodes are their owner's.
    pub unsafe fn d_binheap_destroy_inplace(h: *mut d_binheap) {
        // SAFETY: the caller gives the heap up; a heap of zeroes is allowed.
        unsafe {
            let Some(heap) = Heap::of(h) else { return error!(Facility::MEM, "no heap to destroy") };
            alloc::free((*h).d_bh_nodes1);
            heap.lock().destroy();
            *h = empty();
        }
    }

    /// `d_binheap_destroy` (heap.c): the same for a heap from `d_binheap_create`.
    pub unsafe fn d_binheap_destroy(h: *mut d_binheap) {
        // SAFETY: the caller gives the heap up.
        unsafe {
            abi::d_binheap_destroy_inplace(h);
            alloc::free(h);
        }
    }

    /// `d_binheap_find` (heap.c): the node at a position, of which 0 is the root; null beyond the end.
    pub unsafe fn d_binheap_find(h: *mut d_binheap, idx: u32) -> *mut d_binheap_node {
        // SAFETY: the caller's heap.
        let Some(heap) = (unsafe { Heap::of(h) }) else { return ptr::null_mut() };
        let _reading = heap.lock().read();
        heap.get(idx as usize).unwrap_or(ptr::null_mut())
    }

    /// `d_binheap_insert` (heap.c): adds a node.
    pub unsafe fn d_binheap_insert(h: *mut d_binheap, e: *mut d_binheap_node) -> c_int {
        // SAFETY: the caller's heap, and its node, which is in no heap.
        match unsafe { Heap::of(h) } {
            Some(heap) if !e.is_null() => {
                let _locked = heap.locked();
                Der::rc_of(heap.insert(e))
            }
            _ => INVAL.rc(),
        }
    }

    /// `d_binheap_remove` (heap.c): takes a node out, wherever it is.
    pub unsafe fn d_binheap_remove(h: *mut d_binheap, e: *mut d_binheap_node) {
        // SAFETY: the caller's heap and node.
        match unsafe { Heap::of(h) } {
            Some(heap) if !e.is_null() => {
                let _locked = heap.locked();
                heap.remove(e);
            }
            _ => error!(Facility::MEM, "no node to remove, or no heap"),
        }
    }

    /// `d_binheap_remove_root` (heap.c): takes the first node out; null if there is none.
    pub unsafe fn d_binheap_remove_root(h: *mut d_binheap) -> *mut d_binheap_node {
        // SAFETY: the caller's heap.
        let Some(heap) = (unsafe { Heap::of(h) }) else { return ptr::null_mut() };
        let _locked = heap.locked();
        match heap.get(0) {
            Some(root) => {
                heap.remove(root);
                root
            }
            None => ptr::null_mut(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// An object in a heap.
    #[repr(C)]
    struct Object {
        node: d_binheap_node,
        value: u32,
    }

    unsafe extern "C" fn compare(a: *mut d_binheap_node, b: *mut d_binheap_node) -> bool {
        // SAFETY: nodes are the first members of objects.
        unsafe { (*a.cast::<Object>()).value < (*b.cast::<Object>()).value }
    }

    unsafe extern "C" fn enter(heap: *mut d_binheap, node: *mut d_binheap_node) -> c_int {
        // SAFETY: as above; the private pointer is the test's counter.
        unsafe {
            *(*heap).d_bh_priv.cast::<i32>() += 1;
            if (*node.cast::<Object>()).value == u32::MAX { INVAL.rc() } else { 0 }
        }
    }

    unsafe extern "C" fn exit(heap: *mut d_binheap, _: *mut d_binheap_node) -> c_int {
        // SAFETY: the private pointer is the test's counter.
        unsafe { *(*heap).d_bh_priv.cast::<i32>() -= 1 };
        0
    }

    static mut OPS: d_binheap_ops =
        d_binheap_ops { hop_enter: Some(enter), hop_exit: Some(exit), hop_compare: Some(compare) };

    /// A heap for one test, with the count that its operations keep.
    struct Tested {
        heap: *mut d_binheap,
        entered: *mut i32,
    }

    impl Tested {
        fn new(feats: u32, count: u32) -> Self {
            let entered = Box::into_raw(Box::new(0));
            let mut heap = ptr::null_mut();
            // SAFETY: a place of ours, and static operations.
            let rc = unsafe { abi::d_binheap_create(feats, count, entered.cast(), &raw mut OPS, &mut heap) };
            assert_eq!(rc, 0);
            Tested { heap, entered }
        }

        fn insert(&self, value: u32) -> *mut Object {
            let object = Box::into_raw(Box::new(Object { node: d_binheap_node { chn_idx: 0 }, value }));
            // SAFETY: a heap of ours and a new object.
            assert_eq!(unsafe { abi::d_binheap_insert(self.heap, object.cast()) }, 0);
            object
        }

        fn remove(&self, object: *mut Object) {
            // SAFETY: an object of the heap, made by `insert`.
            unsafe {
                abi::d_binheap_remove(self.heap, object.cast());
                assert_eq!((*object).node.chn_idx, abi::DBH_POISON);
                drop(Box::from_raw(object));
            }
        }

        fn pop(&self) -> Option<u32> {
            // SAFETY: as above.
            unsafe {
                let root = abi::d_binheap_remove_root(self.heap).cast::<Object>();
                (!root.is_null()).then(|| Box::from_raw(root).value)
            }
        }
    }

    impl Drop for Tested {
        fn drop(&mut self) {
            while self.pop().is_some() {}
            // SAFETY: nobody uses the heap any more.
            unsafe {
                abi::d_binheap_destroy(self.heap);
                assert_eq!(*Box::from_raw(self.entered), 0);
            }
        }
    }

    #[test]
    fn nodes_come_out_in_order() {
        for feats in [0, abi::DBH_FT_NOLOCK, if cfg!(miri) { 0 } else { abi::DBH_FT_RWLOCK }] {
            let tested = Tested::new(feats, 0);
            for value in [5, 3, 8, 1, 9, 2, 7, 3] {
                tested.insert(value);
            }
            let order: Vec<u32> = core::iter::from_fn(|| tested.pop()).collect();
            assert_eq!(order, [1, 2, 3, 3, 5, 7, 8, 9]);
        }
    }

    #[test]
    fn a_heap_grows_past_its_first_chunk() {
        let tested = Tested::new(abi::DBH_FT_NOLOCK, 3);
        // SAFETY: a heap of ours.
        let capacity = || unsafe { (*tested.heap).d_bh_hwm };
        assert_eq!(capacity(), 512);
        for value in 0..1300u32 {
            tested.insert(value.reverse_bits());
        }
        assert_eq!(capacity(), 2048);
        let order: Vec<u32> = core::iter::from_fn(|| tested.pop()).collect();
        assert!(order.len() == 1300 && order.is_sorted());
    }

    #[test]
    fn refused_nodes_and_invalid_arguments() {
        let tested = Tested::new(0, 0);
        let mut object = Object { node: d_binheap_node { chn_idx: 0 }, value: u32::MAX };
        let node = (&raw mut object).cast();
        let mut heap = ptr::null_mut();
        let mut no_ops = d_binheap_ops { hop_enter: None, hop_exit: None, hop_compare: None };
        // SAFETY: places of ours; null pointers are what is tested.
        unsafe {
            assert_eq!(abi::d_binheap_insert(tested.heap, node), INVAL.rc());
            *tested.entered = 0;
            assert_eq!((*tested.heap).d_bh_nodes_cnt, 0);
            assert_eq!(abi::d_binheap_insert(ptr::null_mut(), node), INVAL.rc());
            assert_eq!(abi::d_binheap_insert(tested.heap, ptr::null_mut()), INVAL.rc());
            assert!(abi::d_binheap_find(tested.heap, 0).is_null());
            assert!(abi::d_binheap_remove_root(tested.heap).is_null());
            let create = abi::d_binheap_create;
            assert_eq!(create(0, 0, ptr::null_mut(), &mut no_ops, &mut heap), INVAL.rc());
            assert_eq!(create(0, 0, ptr::null_mut(), ptr::null_mut(), &mut heap), INVAL.rc());
            assert_eq!(create(0, 0, ptr::null_mut(), &raw mut OPS, ptr::null_mut()), INVAL.rc());
            abi::d_binheap_destroy_inplace(ptr::null_mut());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 64 }))]

        /// Against a sorted multiset: insertions, removals of any node and of the root.
        #[test]
        fn behaves_as_a_sorted_multiset(steps in prop::collection::vec((0u8..4, 0u32..50), 0..300)) {
            let tested = Tested::new(abi::DBH_FT_NOLOCK, 0);
            let mut model: BTreeMap<u32, Vec<*mut Object>> = BTreeMap::new();
            for (step, value) in steps {
                match step {
                    0 | 1 => model.entry(value).or_default().push(tested.insert(value)),
                    2 => if let Some(objects) = model.get_mut(&value) {
                        tested.remove(objects.swap_remove(0));
                        if objects.is_empty() {
                            model.remove(&value);
                        }
                    },
                    _ => {
                        // SAFETY: a heap of ours.
                        let root = unsafe { abi::d_binheap_find(tested.heap, 0) }.cast::<Object>();
                        let first = model.first_key_value().map(|(value, _)| *value);
                        prop_assert_eq!(tested.pop(), first);
                        if let Some(mut entry) = model.first_entry() {
                            entry.get_mut().retain(|object| *object != root);
                            if entry.get().is_empty() {
                                entry.remove();
                            }
                        }
                    }
                }
                // SAFETY: as above.
                let (len, entered) = unsafe { ((*tested.heap).d_bh_nodes_cnt as usize, *tested.entered) };
                prop_assert_eq!(len, model.values().map(Vec::len).sum::<usize>());
                prop_assert_eq!(entered as usize, len);
            }
        }
    }
}
