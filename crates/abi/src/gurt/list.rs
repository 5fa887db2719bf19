//! `gurt/list.h`: intrusive lists.

#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_list_head {
    pub next: *mut d_list_head,
    pub prev: *mut d_list_head,
}
pub type d_list_t = d_list_head;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_hlist_node {
    pub next: *mut d_hlist_node,
    pub pprev: *mut *mut d_hlist_node,
}
pub type d_hlist_node_t = d_hlist_node;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_hlist_head {
    pub first: *mut d_hlist_node_t,
}
pub type d_hlist_head_t = d_hlist_head;
