//! `gurt/heap.h`: the binary heap.

use crate::*;
use core::ffi::{c_int, c_uint, c_void};
pub const DBH_SHIFT: u32 = 9;
pub const DBH_SIZE: u32 = 512;
pub const DBH_MASK: u32 = 511;
pub const DBH_POISON: u32 = 3735928559;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_binheap_node {
    pub chn_idx: u32,
}
pub const DBH_FT_NOLOCK: d_bh_feats = 1;
pub const DBH_FT_RWLOCK: d_bh_feats = 2;
pub type d_bh_feats = c_uint;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_binheap_ops {
    pub hop_enter: Option<unsafe extern "C" fn(h: *mut d_binheap, e: *mut d_binheap_node) -> c_int>,
    pub hop_exit: Option<unsafe extern "C" fn(h: *mut d_binheap, e: *mut d_binheap_node) -> c_int>,
    pub hop_compare: Option<unsafe extern "C" fn(a: *mut d_binheap_node, b: *mut d_binheap_node) -> bool>,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_binheap {
    /// The lock, by kind.
    ///
    /// C: anonymous.
    pub d_bh_lock: d_binheap_lock,
    pub d_bh_feats: u32,
    pub d_bh_nodes3: *mut *mut *mut *mut d_binheap_node,
    pub d_bh_nodes2: *mut *mut *mut d_binheap_node,
    pub d_bh_nodes1: *mut *mut d_binheap_node,
    pub d_bh_ops: *mut d_binheap_ops,
    pub d_bh_priv: *mut c_void,
    pub d_bh_nodes_cnt: u32,
    pub d_bh_hwm: u32,
}
/// Lock of a [`d_binheap`], by its kind.
///
/// C: in place.
#[repr(C)]
#[derive(Clone, Copy)]
pub union d_binheap_lock {
    pub d_bh_mutex: pthread_mutex_t,
    pub d_bh_rwlock: pthread_rwlock_t,
}
unsafe extern "C" {
    /// heap.c: a new heap with room for `count` nodes.
    pub fn d_binheap_create(
        feats: u32,
        count: u32,
        priv_: *mut c_void,
        ops: *mut d_binheap_ops,
        h: *mut *mut d_binheap,
    ) -> c_int;
    /// heap.c: makes `*h` an empty heap with room for `count` nodes.
    pub fn d_binheap_create_inplace(
        feats: u32,
        count: u32,
        priv_: *mut c_void,
        ops: *mut d_binheap_ops,
        h: *mut d_binheap,
    ) -> c_int;
    /// heap.c: the same for a heap from `d_binheap_create`.
    pub fn d_binheap_destroy(h: *mut d_binheap);
    /// heap.c: frees the array and the lock; the nodes are their owner's.
    pub fn d_binheap_destroy_inplace(h: *mut d_binheap);
    /// heap.c: the node at a position, of which 0 is the root; null beyond the end.
    pub fn d_binheap_find(h: *mut d_binheap, idx: u32) -> *mut d_binheap_node;
    /// heap.c: adds a node.
    pub fn d_binheap_insert(h: *mut d_binheap, e: *mut d_binheap_node) -> c_int;
    /// heap.c: takes a node out, wherever it is.
    pub fn d_binheap_remove(h: *mut d_binheap, e: *mut d_binheap_node);
    /// heap.c: takes the first node out; null if there is none.
    pub fn d_binheap_remove_root(h: *mut d_binheap) -> *mut d_binheap_node;
}
