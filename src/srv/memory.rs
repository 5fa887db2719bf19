//! What each xstream has allocated: `struct mem_stats`, fed by libgurt when `D_MEMORY_TRACK` is set.

use core::ffi::c_void;
use core::ptr::NonNull;

use gurt_client::telemetry::{Metric, MetricKind};
use gurt_client::{Facility, env, warn};

/// Asking the allocator what it holds takes long, so that is done once in so many allocations.
const MEMINFO_INTERVAL: u64 = 10;

/// Makes the metrics of an xstream's memory; without them it is not counted. `dss_mem_stats_init`.
pub fn init(stats: &mut abi::mem_stats, xs_id: u32) {
    let add = |kind, desc, unit, path| {
        Metric::add(kind, desc, unit, path).unwrap_or_else(|err| {
            warn!(Facility::SERVER, "cannot make the metric {path}: {err}");
            Metric::NONE
        })
    };
    let usage = format_args!("mem/total_mem/xs_{xs_id}");
    stats.ms_total_usage = add(MetricKind::Gauge, c"Total memory usage", c"byte", usage).as_ptr();
    let arena = format_args!("mem/meminfo/xs_{xs_id}");
    stats.ms_mallinfo = add(MetricKind::MemInfo, c"Total memory arena", c"", arena).as_ptr();
    stats.ms_current = 0;
}

/// Has libgurt report what the calling thread allocates and frees, if `D_MEMORY_TRACK` says so.
///
/// # Safety
/// Runs on the xstream `dx`, which outlives its thread.
pub unsafe fn track(dx: NonNull<abi::dss_xstream>) {
    if env::flag(c"D_MEMORY_TRACK").unwrap_or(false) {
        // SAFETY: the statistics live as long as the xstream.
        unsafe {
            let stats = &raw mut (*dx.as_ptr()).dx_mem_stats;
            abi::d_set_alloc_track_cb(Some(allocated), Some(freed), stats.cast());
        }
    }
}

unsafe extern "C" fn allocated(stats: *mut c_void, bytes: usize) {
    // SAFETY: libgurt passes what `track` has registered.
    if let Some(stats) = unsafe { stats.cast::<abi::mem_stats>().as_mut() } {
        count_allocation(stats, bytes as u64);
    }
}

unsafe extern "C" fn freed(stats: *mut c_void, bytes: usize) {
    // SAFETY: as above.
    if let Some(stats) = unsafe { stats.cast::<abi::mem_stats>().as_mut() } {
        count_release(stats, bytes as u64);
    }
}

/// Counts an allocation.
pub fn count_allocation(stats: &mut abi::mem_stats, bytes: u64) {
    // SAFETY: metrics of `init`, or none.
    let (usage, arena) =
        unsafe { (Metric::from_ptr(stats.ms_total_usage), Metric::from_ptr(stats.ms_mallinfo)) };
    usage.inc_gauge(bytes);
    if stats.ms_current.is_multiple_of(MEMINFO_INTERVAL) {
        arena.record_meminfo();
    }
    stats.ms_current += 1;
}

/// Counts a release of memory.
pub fn count_release(stats: &mut abi::mem_stats, bytes: u64) {
    // SAFETY: a metric of `init`, or none.
    unsafe { Metric::from_ptr(stats.ms_total_usage) }.dec_gauge(bytes);
}
