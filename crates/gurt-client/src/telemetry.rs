//! Metrics: `gurt/telemetry_producer.h`.
//!
//! Over a libgurt without telemetry, this workspace's (feature `embedded`), there are no metrics: each is
//! [`Metric::NONE`], which takes every update and forgets it. So callers are written once, for both.

use core::ffi::{CStr, c_int};
use core::fmt::{Arguments, Write};
use core::ptr;

use crate::{Der, Result, StackText};

#[cfg(not(feature = "embedded"))]
use abi as producer;
#[cfg(feature = "embedded")]
use absent as producer;

/// What a metric tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i32)]
pub enum MetricKind {
    /// A number that only grows.
    Counter = abi::D_TM_COUNTER,
    /// When something happened last.
    Timestamp = abi::D_TM_TIMESTAMP,
    /// A number that goes up and down.
    Gauge = abi::D_TM_GAUGE,
    /// A gauge with minimum, maximum, mean and deviation.
    StatsGauge = abi::D_TM_STATS_GAUGE,
    /// What the allocator holds.
    MemInfo = abi::D_TM_MEMINFO,
}

/// A metric, as C's structures hold it: a `struct d_tm_node_t *`, null if there is none.
///
/// Updates of one that is not there, or of another kind, are ignored; the latter are logged.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Metric(*mut abi::d_tm_node_t);

// SAFETY: the node lies in memory that outlives all who count in it; by DAOS's rule one thread updates a metric at
// a time, and a race between two costs an update, as it does in C.
unsafe impl Send for Metric {}
// SAFETY: as above.
unsafe impl Sync for Metric {}

impl Metric {
    /// No metric.
    pub const NONE: Metric = Metric(ptr::null_mut());

    /// The metric that a C structure holds.
    ///
    /// # Safety
    /// `node` is null or came from `d_tm_add_metric`, and `d_tm_fini` was not called since.
    pub unsafe fn from_ptr(node: *mut abi::d_tm_node_t) -> Metric {
        Metric(node)
    }

    /// The pointer for a C structure.
    pub fn as_ptr(self) -> *mut abi::d_tm_node_t {
        self.0
    }

    /// `d_tm_add_metric`: adds a metric at `path` (`format_args!("sched/relax_time/xs_{id}")`), of which the last
    /// part is its name, or finds the one that is there.
    ///
    /// The description has at most 127 bytes, the unit at most 31, the path at most 255. Nothing is logged; callers
    /// go on with [`Metric::NONE`].
    pub fn add(kind: MetricKind, desc: &CStr, unit: &CStr, path: Arguments<'_>) -> Result<Metric> {
        // Longer than libgurt takes, so that it sees, and refuses, a path that is too long.
        let mut text = StackText::<{ 2 * abi::D_TM_MAX_NAME_LEN as usize }>::new();
        // The text accepts everything; only a Display of the caller's could fail, and then its path is short.
        let _ = text.write_fmt(path);
        let mut node = ptr::null_mut();
        // SAFETY: all strings end in NUL and are only read; the format takes one string.
        let rc = unsafe {
            producer::d_tm_add_metric(
                &mut node,
                kind as c_int,
                desc.as_ptr().cast_mut(),
                unit.as_ptr().cast_mut(),
                c"%s".as_ptr(),
                text.as_ptr(),
            )
        };
        Der::check(rc).map(|_| Metric(node))
    }
}

macro_rules! updates {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $ty:ty)?) = $function:ident;)*) => {
        impl Metric {$(
            $(#[$doc])*
            #[inline]
            pub fn $name(self $(, $arg: $ty)?) {
                // SAFETY: a metric that is still there, see `from_ptr`, or null.
                unsafe { producer::$function(self.0 $(, $arg)?) }
            }
        )*}
    };
}

updates! {
    /// `d_tm_set_counter`.
    set_counter(value: u64) = d_tm_set_counter;
    /// `d_tm_inc_counter`.
    inc_counter(by: u64) = d_tm_inc_counter;
    /// `d_tm_set_gauge`.
    set_gauge(value: u64) = d_tm_set_gauge;
    /// `d_tm_inc_gauge`.
    inc_gauge(by: u64) = d_tm_inc_gauge;
    /// `d_tm_dec_gauge`.
    dec_gauge(by: u64) = d_tm_dec_gauge;
    /// `d_tm_record_timestamp`: now.
    record_timestamp() = d_tm_record_timestamp;
    /// `d_tm_record_meminfo`: what `mallinfo` says.
    record_meminfo() = d_tm_record_meminfo;
}

/// `d_tm_init`: makes the tree of metrics of engine `id` in `mem_size` bytes of shared memory; `flags` are
/// `D_TM_SERVER_PROCESS` and what follows it.
pub fn init(id: u32, mem_size: u64, flags: c_int) -> Result {
    // SAFETY: takes any numbers.
    let rc = unsafe { producer::d_tm_init(id as c_int, mem_size, flags) };
    Der::check(rc).map(drop)
}

/// `d_tm_fini`: removes them.
///
/// # Safety
/// No [`Metric`] but [`Metric::NONE`] is used from then on.
pub unsafe fn fini() {
    // SAFETY: may be called at any time, also twice; the rest is the caller's.
    unsafe { producer::d_tm_fini() }
}

/// A libgurt without telemetry: adding a metric succeeds and gives none.
#[cfg(feature = "embedded")]
mod absent {
    use super::{c_int, ptr};
    use abi::d_tm_node_t;
    use core::ffi::c_char;

    /// # Safety
    /// `node` can be written.
    pub unsafe fn d_tm_add_metric(
        node: *mut *mut d_tm_node_t,
        _kind: c_int,
        _desc: *mut c_char,
        _unit: *mut c_char,
        _format: *const c_char,
        _path: *const c_char,
    ) -> c_int {
        // SAFETY: the caller's.
        unsafe { node.write(ptr::null_mut()) };
        0
    }

    macro_rules! nothing {
        ($($name:ident($($ty:ty),*) $(-> $ret:ty = $value:expr)?;)*) => {$(
            /// # Safety
            /// None is needed.
            #[inline(always)]
            pub unsafe fn $name($(_: $ty),*) $(-> $ret)? {
                $($value)?
            }
        )*};
    }

    nothing! {
        d_tm_set_counter(*mut d_tm_node_t, u64);
        d_tm_inc_counter(*mut d_tm_node_t, u64);
        d_tm_set_gauge(*mut d_tm_node_t, u64);
        d_tm_inc_gauge(*mut d_tm_node_t, u64);
        d_tm_dec_gauge(*mut d_tm_node_t, u64);
        d_tm_record_timestamp(*mut d_tm_node_t);
        d_tm_record_meminfo(*mut d_tm_node_t);
        d_tm_init(c_int, u64, c_int) -> c_int = 0;
        d_tm_fini();
    }
}

#[cfg(all(test, feature = "embedded"))]
mod tests {
    use super::*;

    #[test]
    fn without_telemetry_there_is_no_metric_and_updates_are_forgotten() {
        init(0, 1 << 20, abi::D_TM_SERVER_PROCESS).unwrap();
        let metric =
            Metric::add(MetricKind::Counter, c"Requests", c"req", format_args!("net/xs_{}", 3)).unwrap();
        assert!(metric.as_ptr().is_null());
        metric.inc_counter(1);
        // SAFETY: the metric is none.
        unsafe { fini() };
        metric.record_timestamp();
    }
}
