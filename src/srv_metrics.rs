//! The metrics of the engine itself, `srv_metrics.c`: when it started and was ready, which rank it is, and what it
//! hears of other ranks.

use core::ffi::{CStr, c_int};
use core::ptr;

use gurt_client::telemetry::{Metric, MetricKind};
use gurt_client::{Der, Facility, Result, error};

const NONE: abi::engine_metrics = abi::engine_metrics {
    started_time: ptr::null_mut(),
    ready_time: ptr::null_mut(),
    rank_id: ptr::null_mut(),
    dead_rank_events: ptr::null_mut(),
    last_event_time: ptr::null_mut(),
    meminfo: ptr::null_mut(),
};

abi::export_data! {
    /// `dss_engine_metrics` (srv_metrics.c): the metrics, null until they are made.
    pub static mut dss_engine_metrics: abi::engine_metrics = NONE;
}

fn add(kind: MetricKind, desc: &CStr, unit: &CStr, path: &str) -> Result<*mut abi::d_tm_node_t> {
    Metric::add(kind, desc, unit, format_args!("{path}"))
        .map(Metric::as_ptr)
        .inspect_err(|err| error!(Facility::SERVER, "cannot make the metric {path}: {err}"))
}

/// Makes the metrics that there are, up to the first that cannot be made.
fn make(metrics: &mut abi::engine_metrics) -> Result {
    use MetricKind::{Counter, Gauge, Timestamp};
    metrics.started_time = add(Timestamp, c"Timestamp of last engine startup", c"", "started_at")?;
    metrics.ready_time = add(Timestamp, c"Timestamp when the engine became ready", c"", "servicing_at")?;
    metrics.rank_id = add(Gauge, c"Rank ID of this engine", c"", "rank")?;
    metrics.dead_rank_events =
        add(Counter, c"Number of dead rank events received", c"events", "events/dead_ranks")?;
    metrics.last_event_time =
        add(Timestamp, c"Timestamp of last received event", c"", "events/last_event_ts")?;
    Ok(())
}

abi::export! {
    /// `dss_engine_metrics_init` (srv_metrics.c): makes the engine's metrics; 0 or a DAOS error code.
    pub fn dss_engine_metrics_init() -> c_int {
        let mut metrics = NONE;
        let made = make(&mut metrics);
        // SAFETY: called before the engine's other threads start.
        unsafe { (&raw mut abi::dss_engine_metrics).write(metrics) };
        Der::rc_of(made)
    }

    /// `dss_engine_metrics_fini` (srv_metrics.c): nothing to do, as telemetry frees its metrics itself; 0.
    pub fn dss_engine_metrics_fini() -> c_int {
        0
    }
}
