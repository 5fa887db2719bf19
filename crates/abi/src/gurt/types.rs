//! `gurt/types.h`: ranks, I/O vectors, scatter/gather lists.

use crate::*;
use core::ffi::{c_char, c_int, c_void};

/// A UUID in a structure.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_uuid {
    /// The UUID.
    pub uuid: uuid_t,
}

/// A piece of memory.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_iov_t {
    /// The memory.
    pub iov_buf: *mut c_void,
    /// Bytes that there are.
    pub iov_buf_len: usize,
    /// Bytes that are in use.
    pub iov_len: usize,
}

/// Number of an engine in the system.
pub type d_rank_t = u32;

/// A list of ranks.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_rank_list_t {
    /// The ranks.
    pub rl_ranks: *mut d_rank_t,
    /// How many.
    pub rl_nr: u32,
}

/// A list of ranks.
pub type d_rank_list_ptr_t = *mut d_rank_list_t;

/// Ranks from one to another.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_rank_range_t {
    /// First.
    pub lo: d_rank_t,
    /// Last, included.
    pub hi: d_rank_t,
}

/// A list of ranges of ranks.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_rank_range_list_t {
    /// The ranges.
    pub rrl_ranges: *mut d_rank_range_t,
    /// How many.
    pub rrl_nr: u32,
}

/// A string.
pub type d_string_t = *mut c_char;

/// A string that is only read.
pub type d_const_string_t = *const c_char;

/// A scatter/gather list.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_sg_list_t {
    /// Pieces of memory.
    pub sg_nr: u32,
    /// How many of them are in use.
    pub sg_nr_out: u32,
    /// The pieces.
    pub sg_iovs: *mut d_iov_t,
}

/// A string that grows; all zeros at first.
#[repr(C)]
pub struct d_string_buffer_t {
    /// 0, or the DAOS error code of the first write that failed.
    pub status: c_int,
    /// Length.
    pub str_size: usize,
    /// Bytes of `str`.
    pub buf_size: usize,
    /// The string.
    pub str_: *mut c_char,
}
