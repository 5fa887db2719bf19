//! `gurt/common.h`: allocation, environment, rank lists, clocks.

use crate::*;
use core::ffi::{c_char, c_int, c_long, c_uchar, c_uint, c_void};

/// Whether the process runs under valgrind; the headers know when D_HAS_VALGRIND is defined.
pub const D_ON_VALGRIND: u32 = 0;
/// Largest number of `d_rand`.
pub const D_RAND_MAX: u32 = 2147483647;
/// Multiplier of `d_u64_hash`.
pub const DGOLDEN_RATIO_PRIME_64: i64 = -3750763034362895579;
/// Multiplier of `d_u32_hash`.
pub const DGOLDEN_RATIO_PRIME_32: u32 = 2654404609;
/// Nanoseconds of a second.
pub const NSEC_PER_SEC: u32 = 1000000000;
/// Nanoseconds of a millisecond.
pub const NSEC_PER_MSEC: u32 = 1000000;
/// Nanoseconds of a microsecond.
pub const NSEC_PER_USEC: u32 = 1000;

/// Called with the bytes of each allocation, or of what is freed.
pub type d_alloc_track_cb_t = Option<unsafe extern "C" fn(arg: *mut c_void, size: usize)>;

/// Random waiting times with a bound that grows.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_backoff_seq {
    /// Reserved; 0.
    pub bos_flags: u8,
    /// How often the time is 0 first.
    pub bos_nzeros: u8,
    /// By how much the bound grows each time.
    pub bos_factor: u16,
    /// Largest bound.
    pub bos_max: u32,
    /// Next bound.
    pub bos_next: u32,
}

/// A growing array of pointers.
#[repr(C)]
pub struct d_vec_pointers {
    /// The pointers.
    pub p_buf: *mut *mut c_void,
    /// How many there is room for.
    pub p_cap: u32,
    /// How many there are.
    pub p_len: u32,
}

unsafe extern "C" {
    /// misc.c: told the size of each allocation.
    pub static mut d_alloc_track_cb: d_alloc_track_cb_t;
    /// misc.c: told the size of what is freed.
    pub static mut d_free_track_cb: d_alloc_track_cb_t;
    /// misc.c: restarts the generator.
    pub fn d_srand(arg1: c_long);
    /// misc.c: a number in [0, `D_RAND_MAX`].
    pub fn d_rand() -> c_long;
    /// misc.c: a number in [0, 1).
    pub fn d_randd() -> f64;
    /// misc.c: frees what one of these functions has allocated; null is allowed.
    pub fn d_free(ptr: *mut c_void);
    /// misc.c: `nmemb * size` zeroed bytes, null when there are none.
    pub fn d_calloc(nmemb: usize, size: usize) -> *mut c_void;
    /// misc.c: `size` bytes of any content.
    pub fn d_malloc(size: usize) -> *mut c_void;
    /// misc.c: changes the size of an allocation, which may move; null without memory.
    pub fn d_realloc(arg1: *mut c_void, arg2: usize) -> *mut c_void;
    /// misc.c: a copy of at most `n` bytes of a string.
    pub fn d_strndup(s: *const c_char, n: usize) -> *mut c_char;
    /// misc.c: formats into new memory, returns the length or -1.
    pub fn d_asprintf(strp: *mut *mut c_char, fmt: *const c_char, ...) -> c_int;
    /// misc.c: as `d_asprintf` with result and length swapped; null on failure.
    pub fn d_asprintf2(rc: *mut c_int, fmt: *const c_char, ...) -> *mut c_char;
    /// misc.c: `size` bytes at a multiple of `alignment`, a power of two.
    pub fn d_aligned_alloc(alignment: usize, size: usize, zero: bool) -> *mut c_void;
    /// misc.c: errno as realpath leaves it.
    pub fn d_realpath(path: *const c_char, resolved_path: *mut c_char) -> *mut c_char;
    /// hash.c: mixes the bits of a number.
    pub fn d_hash_mix64(key: u64) -> u64;
    /// hash.c: mixes the bits of three numbers.
    pub fn d_hash_mix96(a: u32, b: u32, c: u32) -> u32;
    /// hash.c: position of the last of the ascending `hashes` that is not above `value`.
    pub fn d_hash_srch_u64(hashes: *mut u64, nhashes: c_uint, value: u64) -> c_uint;
    /// hash.c: djb2 of `len` bytes.
    pub fn d_hash_string_u32(string: *const c_char, len: c_uint) -> u32;
    /// hash.c: MurmurHash64A of `key_len` bytes.
    pub fn d_hash_murmur64(key: *const c_uchar, key_len: c_uint, seed: c_uint) -> u64;
    /// hash.c: the bucket of a key, such that few keys move when buckets are added.
    pub fn d_hash_jump(key: u64, num_buckets: u32) -> u32;
    /// misc.c: a copy; of null, null.
    pub fn d_rank_list_dup(dst: *mut *mut d_rank_list_t, src: *const d_rank_list_t) -> c_int;
    /// misc.c: a sorted copy without repetitions.
    pub fn d_rank_list_dup_sort_uniq(dst: *mut *mut d_rank_list_t, src: *const d_rank_list_t) -> c_int;
    /// misc.c: takes those ranks out of `dst_set` that `src_set` has (`exclude`) or has not. The others keep
    /// their order.
    pub fn d_rank_list_filter(src_set: *mut d_rank_list_t, dst_set: *mut d_rank_list_t, exclude: bool);
    /// misc.c: appends to `src_set` what `merge_set` has besides.
    pub fn d_rank_list_merge(src_set: *mut d_rank_list_t, merge_set: *mut d_rank_list_t) -> c_int;
    /// misc.c: a list of the ranks 0 to `size` - 1, or null.
    pub fn d_rank_list_alloc(size: u32) -> *mut d_rank_list_t;
    /// misc.c: changes the number of ranks; new ones are 0.
    pub fn d_rank_list_resize(ptr: *mut d_rank_list_t, size: u32) -> c_int;
    /// misc.c: frees list and array; null is allowed.
    pub fn d_rank_list_free(rank_list: *mut d_rank_list_t);
    /// misc.c: makes `dst` equal to `src`.
    pub fn d_rank_list_copy(dst: *mut d_rank_list_t, src: *mut d_rank_list_t) -> c_int;
    /// misc.c: puts the ranks in a random order, by `d_rand`.
    pub fn d_rank_list_shuffle(rank_list: *mut d_rank_list_t);
    /// misc.c: ascending.
    pub fn d_rank_list_sort(rank_list: *mut d_rank_list_t);
    /// misc.c: looks for a rank in a sorted list; its position goes to `*idx`.
    pub fn d_rank_list_bsearch(rank_list: *mut d_rank_list_t, rank: d_rank_t, idx: *mut c_int) -> bool;
    /// misc.c: looks for a rank; its first position goes to `*idx`.
    pub fn d_rank_list_find(rank_list: *mut d_rank_list_t, rank: d_rank_t, idx: *mut c_int) -> bool;
    /// misc.c: takes the rank at a position out; the array stays as large.
    pub fn d_rank_list_del_at(list: *mut d_rank_list_t, idx: c_int);
    /// misc.c: takes the first such rank out, if there is one, and makes the array smaller.
    pub fn d_rank_list_del(rank_list: *mut d_rank_list_t, rank: d_rank_t) -> c_int;
    /// misc.c: whether two lists have the same ranks, in whatever order; sorts the first.
    pub fn d_rank_list_identical(rank_list1: *mut d_rank_list_t, rank_list2: *mut d_rank_list_t) -> bool;
    /// misc.c: whether a list has a rank.
    pub fn d_rank_in_rank_list(rank_list: *mut d_rank_list_t, rank: d_rank_t) -> bool;
    /// misc.c: first position of a rank, or -DER_NONEXIST.
    pub fn d_idx_in_rank_list(rank_list: *mut d_rank_list_t, rank: d_rank_t, idx: *mut u32) -> c_int;
    /// misc.c: adds a rank at the end.
    pub fn d_rank_list_append(rank_list: *mut d_rank_list_t, rank: d_rank_t) -> c_int;
    /// misc.c: logs a list under a name of at most `name_len` characters.
    pub fn d_rank_list_dump(rank_list: *mut d_rank_list_t, name: d_string_t, name_len: c_int) -> c_int;
    /// misc.c: a list of the numbers in an array, or null.
    pub fn uint32_array_to_rank_list(ints: *mut u32, len: usize) -> *mut d_rank_list_t;
    /// misc.c: the ranks in an array that the caller frees.
    pub fn rank_list_to_uint32_array(rl: *mut d_rank_list_t, ints: *mut *mut u32, len: *mut usize) -> c_int;
    /// misc.c: the ranks as ranges, `[0-3,5]`, in a string that the caller frees. Sorts the list. Of a null
    /// list, null.
    pub fn d_rank_list_to_str(rank_list: *mut d_rank_list_t, rank_str: *mut *mut c_char) -> c_int;
    /// misc.c: a list of `size` ranges, all 0-0, or null.
    pub fn d_rank_range_list_alloc(size: u32) -> *mut d_rank_range_list_t;
    /// misc.c: changes the number of ranges. A size of 0 frees the list; null when memory is short, and the
    /// list stays as it is.
    pub fn d_rank_range_list_realloc(
        range_list: *mut d_rank_range_list_t,
        size: u32,
    ) -> *mut d_rank_range_list_t;
    /// misc.c: the ranges of a list of ranks, which it sorts; or null.
    pub fn d_rank_range_list_create_from_ranks(rank_list: *mut d_rank_list_t) -> *mut d_rank_range_list_t;
    /// misc.c: ranges as a string that the caller frees.
    pub fn d_rank_range_list_str(list: *mut d_rank_range_list_t, ranks_str: *mut *mut c_char) -> c_int;
    /// misc.c: frees list and array; null is allowed.
    pub fn d_rank_range_list_free(range_list: *mut d_rank_range_list_t);
    /// misc.c: whether a variable is set.
    pub fn d_isenv_def(name: *mut c_char) -> bool;
    /// misc.c: copies a value into a buffer. -DER_NONEXIST, or -DER_TRUNC when only the beginning fits, which
    /// is then what the buffer holds.
    pub fn d_getenv_str(str_val: *mut c_char, str_size: usize, name: *const c_char) -> c_int;
    /// misc.c: a copy of a value, to be freed by `d_freeenv_str`; null if there is none.
    pub fn d_agetenv_str(str_val: *mut *mut c_char, name: *const c_char) -> c_int;
    /// misc.c: frees what `d_agetenv_str` gave, and sets it to null.
    pub fn d_freeenv_str(str_val: *mut *mut c_char);
    /// misc.c: false for a zero, true for anything else.
    pub fn d_getenv_bool(name: *const c_char, bool_val: *mut bool) -> c_int;
    /// misc.c: a value of one character; -DER_INVAL if it is longer or empty.
    pub fn d_getenv_char(name: *const c_char, char_val: *mut c_char) -> c_int;
    /// misc.c: the former name of `d_getenv_uint`.
    pub fn d_getenv_int(name: *const c_char, uint_val: *mut c_uint) -> c_int;
    /// misc.c: -DER_INVAL for what is no number or too large.
    pub fn d_getenv_uint(name: *const c_char, uint_val: *mut c_uint) -> c_int;
    /// misc.c: as `d_getenv_uint`.
    pub fn d_getenv_uint32_t(name: *const c_char, uint32_val: *mut u32) -> c_int;
    /// misc.c: as `d_getenv_uint` with 64 bits.
    pub fn d_getenv_uint64_t(name: *const c_char, uint64_val: *mut u64) -> c_int;
    /// misc.c: `putenv` under the lock; result and errno are libc's.
    pub fn d_putenv(name: *mut c_char) -> c_int;
    /// misc.c: `setenv` under the lock; result and errno are libc's.
    pub fn d_setenv(name: *const c_char, value: *const c_char, overwrite: c_int) -> c_int;
    /// misc.c: `unsetenv` under the lock; result and errno are libc's.
    pub fn d_unsetenv(name: *const c_char) -> c_int;
    /// misc.c: `clearenv` under the lock.
    pub fn d_clearenv() -> c_int;
    /// misc.c: appends formatted text; after a failure the buffer takes no more until it is freed.
    pub fn d_write_string_buffer(buf: *mut d_string_buffer_t, fmt: *const c_char, ...) -> c_int;
    /// misc.c: frees a buffer's text; the buffer can be used again.
    pub fn d_free_string(buf: *mut d_string_buffer_t);
    /// misc.c: tracks the allocations of the calling thread from now on.
    pub fn d_set_alloc_track_cb(alloc_cb: d_alloc_track_cb_t, free_cb: d_alloc_track_cb_t, arg: *mut c_void);
    /// misc.c: `nzeros` times 0, then at most `next`, `next * factor`, … up to `max`.
    pub fn d_backoff_seq_init(seq: *mut d_backoff_seq, nzeros: u8, factor: u16, next: u32, max: u32)
    -> c_int;
    /// misc.c: a sequence holds nothing, so there is nothing to do.
    pub fn d_backoff_seq_fini(seq: *mut d_backoff_seq);
    /// misc.c: a random number up to the bound that the sequence has reached.
    pub fn d_backoff_seq_next(seq: *mut d_backoff_seq) -> u32;
    /// misc.c: standard deviation of `nr` values.
    pub fn d_stand_div(array: *mut f64, nr: c_int) -> f64;
    /// hlc.c: a new timestamp, later than all before.
    pub fn d_hlc_get() -> u64;
    /// hlc.c: a new timestamp, also later than `msg`, to `*hlc_out`; how far `msg` is ahead of this host's
    /// clock to `*offset`. -DER_HLC_SYNC if that is more than epsilon.
    pub fn d_hlc_get_msg(msg: u64, hlc_out: *mut u64, offset: *mut u64) -> c_int;
    /// hlc.c: nanoseconds since 2021, or of a difference.
    pub fn d_hlc2nsec(hlc: u64) -> u64;
    /// hlc.c: the opposite.
    pub fn d_nsec2hlc(nsec: u64) -> u64;
    /// hlc.c: nanoseconds since 1970.
    pub fn d_hlc2unixnsec(hlc: u64) -> u64;
    /// hlc.c: time since 1970.
    pub fn d_hlc2timespec(hlc: u64, ts: *mut timespec) -> c_int;
    /// hlc.c: the opposite.
    pub fn d_timespec2hlc(ts: timespec, hlc: *mut u64) -> c_int;
    /// hlc.c: the opposite; 0 for a time that timestamps cannot express.
    pub fn d_unixnsec2hlc(unixnsec: u64) -> u64;
    /// hlc.c: how far the clocks of two hosts may differ, rounded up to 16 µs.
    pub fn d_hlc_epsilon_set(epsilon: u64);
    /// hlc.c: how far the clocks of two hosts may differ, in ticks of the hybrid logical clock.
    pub fn d_hlc_epsilon_get() -> u64;
    /// hlc.c: the latest timestamp that an event before `hlc` may have.
    pub fn d_hlc_epsilon_get_bound(hlc: u64) -> u64;
    /// hlc.c: seconds since a timestamp, 0 if it is in the future.
    pub fn d_hlc_age2sec(hlc: u64) -> u64;
    /// hlct.c: the latest timestamp heard of.
    pub fn d_hlct_get() -> u64;
    /// hlct.c: hears of a timestamp.
    pub fn d_hlct_sync(msg: u64);
    /// misc.c: an empty array with room for `cap` pointers.
    pub fn d_vec_pointers_init(pointers: *mut d_vec_pointers, cap: u32) -> c_int;
    /// misc.c: frees the array, not what it points to.
    pub fn d_vec_pointers_fini(pointers: *mut d_vec_pointers);
    /// misc.c: adds a pointer; the array doubles when it is full.
    pub fn d_vec_pointers_append(pointers: *mut d_vec_pointers, pointer: *mut c_void) -> c_int;
    /// signals.c: whether handlers are installed if `DAOS_SIGNAL_REGISTER` does not say.
    pub fn d_signal_stack_enable(enabled: bool);
    /// signals.c: installs the handlers if they are wanted, once.
    pub fn d_signal_register();
}
