//! `gurt/common.h`: allocation, environment, rank lists, clocks.

use crate::*;
use core::ffi::{c_char, c_int, c_long, c_uchar, c_uint, c_void};
pub const D_ON_VALGRIND: u32 = 0;
pub const D_RAND_MAX: u32 = 2147483647;
pub const DGOLDEN_RATIO_PRIME_64: i64 = -3750763034362895579;
pub const DGOLDEN_RATIO_PRIME_32: u32 = 2654404609;
pub const NSEC_PER_SEC: u32 = 1000000000;
pub const NSEC_PER_MSEC: u32 = 1000000;
pub const NSEC_PER_USEC: u32 = 1000;
pub type d_alloc_track_cb_t = Option<unsafe extern "C" fn(arg: *mut c_void, size: usize)>;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_backoff_seq {
    pub bos_flags: u8,
    pub bos_nzeros: u8,
    pub bos_factor: u16,
    pub bos_max: u32,
    pub bos_next: u32,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_vec_pointers {
    pub p_buf: *mut *mut c_void,
    pub p_cap: u32,
    pub p_len: u32,
}
unsafe extern "C" {
    pub static mut d_alloc_track_cb: d_alloc_track_cb_t;
    pub static mut d_free_track_cb: d_alloc_track_cb_t;
    pub fn d_srand(arg1: c_long);
    pub fn d_rand() -> c_long;
    pub fn d_randd() -> f64;
    pub fn d_free(ptr: *mut c_void);
    pub fn d_calloc(nmemb: usize, size: usize) -> *mut c_void;
    pub fn d_malloc(size: usize) -> *mut c_void;
    pub fn d_realloc(arg1: *mut c_void, arg2: usize) -> *mut c_void;
    pub fn d_strndup(s: *const c_char, n: usize) -> *mut c_char;
    pub fn d_asprintf(strp: *mut *mut c_char, fmt: *const c_char, ...) -> c_int;
    pub fn d_asprintf2(rc: *mut c_int, fmt: *const c_char, ...) -> *mut c_char;
    pub fn d_aligned_alloc(alignment: usize, size: usize, zero: bool) -> *mut c_void;
    pub fn d_realpath(path: *const c_char, resolved_path: *mut c_char) -> *mut c_char;
    pub fn d_hash_mix64(key: u64) -> u64;
    pub fn d_hash_mix96(a: u32, b: u32, c: u32) -> u32;
    pub fn d_hash_srch_u64(hashes: *mut u64, nhashes: c_uint, value: u64) -> c_uint;
    pub fn d_hash_string_u32(string: *const c_char, len: c_uint) -> u32;
    pub fn d_hash_murmur64(key: *const c_uchar, key_len: c_uint, seed: c_uint) -> u64;
    pub fn d_hash_jump(key: u64, num_buckets: u32) -> u32;
    pub fn d_rank_list_dup(dst: *mut *mut d_rank_list_t, src: *const d_rank_list_t) -> c_int;
    pub fn d_rank_list_dup_sort_uniq(dst: *mut *mut d_rank_list_t, src: *const d_rank_list_t) -> c_int;
    pub fn d_rank_list_filter(src_set: *mut d_rank_list_t, dst_set: *mut d_rank_list_t, exclude: bool);
    pub fn d_rank_list_merge(src_set: *mut d_rank_list_t, merge_set: *mut d_rank_list_t) -> c_int;
    pub fn d_rank_list_alloc(size: u32) -> *mut d_rank_list_t;
    pub fn d_rank_list_resize(ptr: *mut d_rank_list_t, size: u32) -> c_int;
    pub fn d_rank_list_free(rank_list: *mut d_rank_list_t);
    pub fn d_rank_list_copy(dst: *mut d_rank_list_t, src: *mut d_rank_list_t) -> c_int;
    pub fn d_rank_list_shuffle(rank_list: *mut d_rank_list_t);
    pub fn d_rank_list_sort(rank_list: *mut d_rank_list_t);
    pub fn d_rank_list_bsearch(rank_list: *mut d_rank_list_t, rank: d_rank_t, idx: *mut c_int) -> bool;
    pub fn d_rank_list_find(rank_list: *mut d_rank_list_t, rank: d_rank_t, idx: *mut c_int) -> bool;
    pub fn d_rank_list_del_at(list: *mut d_rank_list_t, idx: c_int);
    pub fn d_rank_list_del(rank_list: *mut d_rank_list_t, rank: d_rank_t) -> c_int;
    pub fn d_rank_list_identical(rank_list1: *mut d_rank_list_t, rank_list2: *mut d_rank_list_t) -> bool;
    pub fn d_rank_in_rank_list(rank_list: *mut d_rank_list_t, rank: d_rank_t) -> bool;
    pub fn d_idx_in_rank_list(rank_list: *mut d_rank_list_t, rank: d_rank_t, idx: *mut u32) -> c_int;
    pub fn d_rank_list_append(rank_list: *mut d_rank_list_t, rank: d_rank_t) -> c_int;
    pub fn d_rank_list_dump(rank_list: *mut d_rank_list_t, name: d_string_t, name_len: c_int) -> c_int;
    pub fn uint32_array_to_rank_list(ints: *mut u32, len: usize) -> *mut d_rank_list_t;
    pub fn rank_list_to_uint32_array(rl: *mut d_rank_list_t, ints: *mut *mut u32, len: *mut usize) -> c_int;
    pub fn d_rank_list_to_str(rank_list: *mut d_rank_list_t, rank_str: *mut *mut c_char) -> c_int;
    pub fn d_rank_range_list_alloc(size: u32) -> *mut d_rank_range_list_t;
    pub fn d_rank_range_list_realloc(
        range_list: *mut d_rank_range_list_t,
        size: u32,
    ) -> *mut d_rank_range_list_t;
    pub fn d_rank_range_list_create_from_ranks(rank_list: *mut d_rank_list_t) -> *mut d_rank_range_list_t;
    pub fn d_rank_range_list_str(list: *mut d_rank_range_list_t, ranks_str: *mut *mut c_char) -> c_int;
    pub fn d_rank_range_list_free(range_list: *mut d_rank_range_list_t);
    pub fn d_isenv_def(name: *mut c_char) -> bool;
    pub fn d_getenv_str(str_val: *mut c_char, str_size: usize, name: *const c_char) -> c_int;
    pub fn d_agetenv_str(str_val: *mut *mut c_char, name: *const c_char) -> c_int;
    pub fn d_freeenv_str(str_val: *mut *mut c_char);
    pub fn d_getenv_bool(name: *const c_char, bool_val: *mut bool) -> c_int;
    pub fn d_getenv_char(name: *const c_char, char_val: *mut c_char) -> c_int;
    pub fn d_getenv_int(name: *const c_char, uint_val: *mut c_uint) -> c_int;
    pub fn d_getenv_uint(name: *const c_char, uint_val: *mut c_uint) -> c_int;
    pub fn d_getenv_uint32_t(name: *const c_char, uint32_val: *mut u32) -> c_int;
    pub fn d_getenv_uint64_t(name: *const c_char, uint64_val: *mut u64) -> c_int;
    pub fn d_putenv(name: *mut c_char) -> c_int;
    pub fn d_setenv(name: *const c_char, value: *const c_char, overwrite: c_int) -> c_int;
    pub fn d_unsetenv(name: *const c_char) -> c_int;
    pub fn d_clearenv() -> c_int;
    pub fn d_write_string_buffer(buf: *mut d_string_buffer_t, fmt: *const c_char, ...) -> c_int;
    pub fn d_free_string(buf: *mut d_string_buffer_t);
    pub fn d_set_alloc_track_cb(alloc_cb: d_alloc_track_cb_t, free_cb: d_alloc_track_cb_t, arg: *mut c_void);
    pub fn d_backoff_seq_init(seq: *mut d_backoff_seq, nzeros: u8, factor: u16, next: u32, max: u32)
    -> c_int;
    pub fn d_backoff_seq_fini(seq: *mut d_backoff_seq);
    pub fn d_backoff_seq_next(seq: *mut d_backoff_seq) -> u32;
    pub fn d_stand_div(array: *mut f64, nr: c_int) -> f64;
    pub fn d_hlc_get() -> u64;
    pub fn d_hlc_get_msg(msg: u64, hlc_out: *mut u64, offset: *mut u64) -> c_int;
    pub fn d_hlc2nsec(hlc: u64) -> u64;
    pub fn d_nsec2hlc(nsec: u64) -> u64;
    pub fn d_hlc2unixnsec(hlc: u64) -> u64;
    pub fn d_hlc2timespec(hlc: u64, ts: *mut timespec) -> c_int;
    pub fn d_timespec2hlc(ts: timespec, hlc: *mut u64) -> c_int;
    pub fn d_unixnsec2hlc(unixnsec: u64) -> u64;
    pub fn d_hlc_epsilon_set(epsilon: u64);
    pub fn d_hlc_epsilon_get() -> u64;
    pub fn d_hlc_epsilon_get_bound(hlc: u64) -> u64;
    pub fn d_hlc_age2sec(hlc: u64) -> u64;
    pub fn d_hlct_get() -> u64;
    pub fn d_hlct_sync(msg: u64);
    pub fn d_vec_pointers_init(pointers: *mut d_vec_pointers, cap: u32) -> c_int;
    pub fn d_vec_pointers_fini(pointers: *mut d_vec_pointers);
    pub fn d_vec_pointers_append(pointers: *mut d_vec_pointers, pointer: *mut c_void) -> c_int;
    pub fn d_signal_stack_enable(enabled: bool);
    pub fn d_signal_register();
}
