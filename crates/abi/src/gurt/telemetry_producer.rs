//! `gurt/telemetry_producer.h`: makes and updates metrics.
//!
//! A null metric is ignored by all that update one.

use crate::*;
use core::ffi::{c_char, c_int};

/// `d_tm_init`: an engine's, one thread a metric.
pub const D_TM_SERVER_PROCESS: c_int = 0;
/// `d_tm_init`: several threads update a metric.
pub const D_TM_SERIALIZATION: c_int = 1;
/// `d_tm_init`: the shared memory outlives the process.
pub const D_TM_RETAIN_SHMEM: c_int = 2;
/// `d_tm_init`: the same, while there is somebody else's metric in it.
pub const D_TM_RETAIN_SHMEM_IF_NON_EMPTY: c_int = 4;
/// `d_tm_init`: uses the shared memory that there is.
pub const D_TM_OPEN_OR_CREATE: c_int = 8;
/// `d_tm_init`: several processes add metrics.
pub const D_TM_MULTIPLE_WRITER_LOCK: c_int = 16;
/// `d_tm_init`: ordinary memory, which nobody else reads.
pub const D_TM_NO_SHMEM: c_int = 32;

unsafe extern "C" {
    /// telemetry.c: sets a counter.
    pub fn d_tm_set_counter(metric: *mut d_tm_node_t, value: u64);
    /// telemetry.c: adds to a counter.
    pub fn d_tm_inc_counter(metric: *mut d_tm_node_t, value: u64);
    /// telemetry.c: sets a timestamp to now.
    pub fn d_tm_record_timestamp(metric: *mut d_tm_node_t);
    /// telemetry.c: sets a `D_TM_MEMINFO` to what `mallinfo` says.
    pub fn d_tm_record_meminfo(metric: *mut d_tm_node_t);
    /// telemetry.c: reads a clock, one of `D_TM_CLOCK_*`.
    pub fn d_tm_take_timer_snapshot(metric: *mut d_tm_node_t, clk_id: c_int);
    /// telemetry.c: begins a duration.
    pub fn d_tm_mark_duration_start(metric: *mut d_tm_node_t, clk_id: c_int);
    /// telemetry.c: ends it.
    pub fn d_tm_mark_duration_end(metric: *mut d_tm_node_t);
    /// telemetry.c: sets a gauge.
    pub fn d_tm_set_gauge(metric: *mut d_tm_node_t, value: u64);
    /// telemetry.c: adds to a gauge.
    pub fn d_tm_inc_gauge(metric: *mut d_tm_node_t, value: u64);
    /// telemetry.c: subtracts from a gauge.
    pub fn d_tm_dec_gauge(metric: *mut d_tm_node_t, value: u64);
    /// telemetry.c: makes the tree of metrics of instance `id`, in `mem_size` bytes.
    pub fn d_tm_init(id: c_int, mem_size: u64, flags: c_int) -> c_int;
    /// telemetry.c: the same, with a name of one's own for the root.
    pub fn d_tm_init_with_name(id: c_int, mem_size: u64, flags: c_int, root_name: *const c_char) -> c_int;
    /// telemetry.c: gives a metric a histogram, of which each bucket is a counter below `path`.
    pub fn d_tm_init_histogram(
        node: *mut d_tm_node_t,
        path: *mut c_char,
        num_buckets: c_int,
        initial_width: c_int,
        multiplier: c_int,
        unit: *const c_char,
    ) -> c_int;
    /// telemetry.c: adds a metric at the path that `fmt` gives, and the directories above it; stores the one that
    /// is there if there is one already. 0 or `-DER_*`.
    pub fn d_tm_add_metric(
        node: *mut *mut d_tm_node_t,
        metric_type: c_int,
        desc: *mut c_char,
        units: *mut c_char,
        fmt: *const c_char,
        ...
    ) -> c_int;
    /// telemetry.c: adds a directory with `size_bytes` of shared memory of its own.
    pub fn d_tm_add_ephemeral_dir(
        node: *mut *mut d_tm_node_t,
        size_bytes: usize,
        fmt: *const c_char,
        ...
    ) -> c_int;
    /// telemetry.c: hangs other shared memory in at a path.
    pub fn d_tm_attach_path_segment(key: key_t, fmt: *const c_char, ...) -> c_int;
    /// telemetry.c: removes a directory that `d_tm_add_ephemeral_dir` has added.
    pub fn d_tm_del_ephemeral_dir(fmt: *const c_char, ...) -> c_int;
    /// telemetry.c: the same, if there is nothing of others in it.
    pub fn d_tm_try_del_ephemeral_dir(fmt: *const c_char, ...) -> c_int;
    /// telemetry.c: undoes `d_tm_init`.
    pub fn d_tm_fini();
}
