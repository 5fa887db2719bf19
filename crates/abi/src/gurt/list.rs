//! `gurt/list.h`: intrusive lists.

/// A link of a list, or its head; an empty head points to itself.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_list_head {
    /// Next link; the head after the last.
    pub next: *mut d_list_head,
    /// Link before.
    pub prev: *mut d_list_head,
}

/// A link of a list, or its head.
pub type d_list_t = d_list_head;

/// A link of a list with a small head.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_hlist_node {
    /// Next link, null after the last.
    pub next: *mut d_hlist_node,
    /// What points to this link; null if it is in no list.
    pub pprev: *mut *mut d_hlist_node,
}

/// A link of a list with a small head.
pub type d_hlist_node_t = d_hlist_node;

/// The head of such a list.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_hlist_head {
    /// First link, null if the list is empty.
    pub first: *mut d_hlist_node_t,
}

/// The head of such a list.
pub type d_hlist_head_t = d_hlist_head;
