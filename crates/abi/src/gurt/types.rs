//! `gurt/types.h`: ranks, I/O vectors, scatter/gather lists.

use crate::*;
use core::ffi::{c_char, c_int, c_void};
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_uuid {
    pub uuid: uuid_t,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_iov_t {
    pub iov_buf: *mut c_void,
    pub iov_buf_len: usize,
    pub iov_len: usize,
}
pub type d_rank_t = u32;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_rank_list_t {
    pub rl_ranks: *mut d_rank_t,
    pub rl_nr: u32,
}
pub type d_rank_list_ptr_t = *mut d_rank_list_t;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_rank_range_t {
    pub lo: d_rank_t,
    pub hi: d_rank_t,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_rank_range_list_t {
    pub rrl_ranges: *mut d_rank_range_t,
    pub rrl_nr: u32,
}
pub type d_string_t = *mut c_char;
pub type d_const_string_t = *const c_char;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_sg_list_t {
    pub sg_nr: u32,
    pub sg_nr_out: u32,
    pub sg_iovs: *mut d_iov_t,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_string_buffer_t {
    pub status: c_int,
    pub str_size: usize,
    pub buf_size: usize,
    pub str_: *mut c_char,
}
