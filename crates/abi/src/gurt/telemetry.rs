//! `gurt/telemetry_common.h`: metrics in shared memory, which tools outside the process read.

use crate::*;
use core::ffi::{c_char, c_int};

/// Version of the layout in shared memory.
pub const D_TM_VERSION: u32 = 1;
/// Bytes of a metric's path, its NUL included.
pub const D_TM_MAX_NAME_LEN: u32 = 256;
/// Bytes of a description, its NUL included.
pub const D_TM_MAX_DESC_LEN: u32 = 128;
/// Bytes of a unit, its NUL included.
pub const D_TM_MAX_UNIT_LEN: u32 = 32;
/// What a metric takes of shared memory, in bytes; a high estimate.
pub const D_TM_METRIC_SIZE: u32 = 624;
/// Bytes of a time as text, its NUL included.
pub const D_TM_TIME_BUFF_LEN: u32 = 26;
/// Key of the shared memory of the first engine of a host.
pub const D_TM_SHARED_MEMORY_KEY: u32 = 270803016;
/// Bytes of shared memory, unless `d_tm_init` says otherwise.
pub const D_TM_SHARED_MEMORY_SIZE: u32 = 1048576;

/// Node: a directory.
pub const D_TM_DIRECTORY: c_int = 1;
/// Node: a number that only grows.
pub const D_TM_COUNTER: c_int = 2;
/// Node: when something happened last.
pub const D_TM_TIMESTAMP: c_int = 4;
/// Node: the value of a clock.
pub const D_TM_TIMER_SNAPSHOT: c_int = 8;
/// Node: how long something took last.
pub const D_TM_DURATION: c_int = 16;
/// Node: a number that goes up and down.
pub const D_TM_GAUGE: c_int = 32;
/// Node: a gauge with minimum, maximum, mean and deviation.
pub const D_TM_STATS_GAUGE: c_int = 64;
/// With a snapshot or duration: the wall clock.
pub const D_TM_CLOCK_REALTIME: c_int = 128;
/// With a snapshot or duration: CPU time of the process.
pub const D_TM_CLOCK_PROCESS_CPUTIME: c_int = 256;
/// With a snapshot or duration: CPU time of the thread.
pub const D_TM_CLOCK_THREAD_CPUTIME: c_int = 512;
/// Node: leads to another piece of shared memory.
pub const D_TM_LINK: c_int = 1024;
/// Node: what the allocator holds.
pub const D_TM_MEMINFO: c_int = 2048;
/// All nodes.
pub const D_TM_ALL_NODES: c_int = 3199;

/// Statistics of the values that a gauge or duration has had.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_tm_stats_t {
    /// Smallest.
    pub dtm_min: u64,
    /// Largest.
    pub dtm_max: u64,
    /// Sum.
    pub dtm_sum: u64,
    /// Standard deviation.
    pub std_dev: f64,
    /// Mean.
    pub mean: f64,
    /// Sum of squares.
    pub sum_of_squares: f64,
    /// How many.
    pub sample_size: u64,
}

/// A bucket of a histogram.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_tm_bucket_t {
    /// Smallest value that it counts.
    pub dtb_min: u64,
    /// Largest value that it counts.
    pub dtb_max: u64,
    /// Its counter.
    pub dtb_bucket: *mut d_tm_node_t,
}

/// Counts values by size.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_tm_histogram_t {
    /// Its buckets.
    pub dth_buckets: *mut d_tm_bucket_t,
    /// Widths are powers of two, so that the bucket of a value needs no search.
    pub dth_fast_bucketing: bool,
    /// How many buckets.
    pub dth_num_buckets: c_int,
    /// Width of the first.
    pub dth_initial_width: c_int,
    /// How much wider each is than the one before.
    pub dth_value_multiplier: c_int,
}

/// What `mallinfo` says of the allocator.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_tm_meminfo_t {
    /// Bytes taken from the system.
    pub arena: u64,
    /// Free chunks.
    pub ordblks: u64,
    /// Bytes in use.
    pub uordblks: u64,
    /// Free bytes.
    pub fordblks: u64,
}

/// Value of a metric, by its kind.
///
/// C: in place.
#[repr(C)]
#[derive(Clone, Copy)]
pub union data {
    /// Counter, gauge, timestamp (seconds since 1970).
    pub value: u64,
    /// Snapshot, or duration and its start.
    pub tms: [timespec; 2],
    /// Allocator.
    pub meminfo: d_tm_meminfo_t,
}

/// What a metric is and has counted.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_tm_metric_t {
    /// Its value.
    pub dtm_data: data,
    /// Its statistics; null unless it has them.
    pub dtm_stats: *mut d_tm_stats_t,
    /// Its histogram; null unless it has one.
    pub dtm_histogram: *mut d_tm_histogram_t,
    /// What it tells, at most 127 bytes.
    pub dtm_desc: *mut c_char,
    /// In which unit, at most 31 bytes.
    pub dtm_units: *mut c_char,
}

/// A metric or directory in the tree of metrics.
#[repr(C)]
pub struct d_tm_node_t {
    /// First below it.
    pub dtn_child: *mut d_tm_node_t,
    /// Next beside it.
    pub dtn_sibling: *mut d_tm_node_t,
    /// Last part of its path.
    pub dtn_name: *mut c_char,
    /// One of `D_TM_*`, a duration's or snapshot's clock added.
    pub dtn_type: c_int,
    /// The shared memory that it is in.
    pub dtn_shmem_key: key_t,
    /// Held during updates if `dtn_protect`.
    pub dtn_lock: pthread_mutex_t,
    /// Its value; null for a directory.
    pub dtn_metric: *mut d_tm_metric_t,
    /// Whether several threads update it.
    pub dtn_protect: bool,
    /// Whether readers may look at it.
    ///
    /// C: atomic.
    pub dtn_readable: bool,
}

/// A list of nodes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_tm_nodeList_t {
    /// A node.
    pub dtnl_node: *mut d_tm_node_t,
    /// The others.
    pub dtnl_next: *mut d_tm_nodeList_t,
}
