//! `gurt/heap.h`: the binary heap.

use crate::*;
use core::ffi::{c_int, c_uint, c_void};

/// Bits of an index within a block of node pointers.
pub const DBH_SHIFT: u32 = 9;
/// Node pointers of a block.
pub const DBH_SIZE: u32 = 512;
/// Those bits.
pub const DBH_MASK: u32 = 511;
/// Index of a node that is in no heap.
pub const DBH_POISON: u32 = 3735928559;

/// A node, within a structure of its owner's.
#[repr(C)]
pub struct d_binheap_node {
    /// Where it is in the heap.
    pub chn_idx: u32,
}

/// The user locks.
pub const DBH_FT_NOLOCK: d_bh_feats = 1;
/// The lock is a read-write lock, not a mutex.
pub const DBH_FT_RWLOCK: d_bh_feats = 2;

/// Features of a heap.
pub type d_bh_feats = c_uint;

/// Functions of a heap.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_binheap_ops {
    /// Called before a node enters; any value but 0 keeps it out. May be null.
    pub hop_enter: Option<unsafe extern "C" fn(h: *mut d_binheap, e: *mut d_binheap_node) -> c_int>,
    /// Called after a node has left. May be null.
    pub hop_exit: Option<unsafe extern "C" fn(h: *mut d_binheap, e: *mut d_binheap_node) -> c_int>,
    /// Whether the first comes before the second. Must be there.
    pub hop_compare: Option<unsafe extern "C" fn(a: *mut d_binheap_node, b: *mut d_binheap_node) -> bool>,
}

/// A binary heap.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_binheap {
    /// The lock, by kind.
    ///
    /// C: anonymous.
    pub d_bh_lock: d_binheap_lock,
    /// Its features.
    pub d_bh_feats: u32,
    /// Blocks of blocks of blocks of nodes.
    pub d_bh_nodes3: *mut *mut *mut *mut d_binheap_node,
    /// Blocks of blocks of nodes.
    pub d_bh_nodes2: *mut *mut *mut d_binheap_node,
    /// The first block of nodes.
    pub d_bh_nodes1: *mut *mut d_binheap_node,
    /// Its functions.
    pub d_bh_ops: *mut d_binheap_ops,
    /// The user's.
    pub d_bh_priv: *mut c_void,
    /// Nodes that there are.
    pub d_bh_nodes_cnt: u32,
    /// Nodes that there is room for.
    pub d_bh_hwm: u32,
}

/// Lock of a [`d_binheap`], by its kind.
///
/// C: in place.
#[repr(C)]
#[derive(Clone, Copy)]
pub union d_binheap_lock {
    /// Mutex.
    pub d_bh_mutex: pthread_mutex_t,
    /// Read-write lock.
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
