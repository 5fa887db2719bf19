//! What the scheduler of an xstream tells of itself by telemetry, under the names of the C original.

use core::cell::Cell;
use core::ffi::{CStr, c_int};
use core::time::Duration;

use gurt_client::telemetry::{Metric, MetricKind};
use gurt_client::{Facility, warn};

/// The metrics of one xstream, `struct sched_stats`.
pub struct Metrics {
    total_time: Metric,
    relax_time: Metric,
    wait_queue: Metric,
    sleep_queue: Metric,
    cycle_duration: Metric,
    cycle_size: Metric,
    total_reject: Metric,
    /// Up to when the time was counted, in milliseconds.
    counted: Cell<u64>,
    /// What was relaxed but not counted yet.
    relaxed: Cell<Duration>,
    /// Lengths of the queues as they were told last.
    told: Cell<(u64, u64)>,
}

/// What a cycle has to tell.
#[derive(Clone, Copy, Debug)]
pub struct CycleReport {
    /// The time, in milliseconds.
    pub now: u64,
    /// Units that it runs.
    pub units: u64,
    /// Requests that wait to be run.
    pub queued: u64,
    /// Requests that sleep.
    pub sleeping: u64,
}

impl Metrics {
    /// Registers the metrics of xstream `xs_id`, whose clock stands at `now` (milliseconds).
    pub fn new(xs_id: c_int, now: u64) -> Self {
        let add = |kind, what: &CStr, unit: &CStr, name: &str| {
            Metric::add(kind, what, unit, format_args!("sched/{name}/xs_{xs_id}")).unwrap_or_else(|err| {
                warn!(Facility::SERVER, "no metric sched/{name}/xs_{xs_id}: {err}");
                Metric::NONE
            })
        };
        let (counter, gauge, stats) = (MetricKind::Counter, MetricKind::Gauge, MetricKind::StatsGauge);
        Metrics {
            total_time: add(counter, c"Total running time", c"ms", "total_time"),
            relax_time: add(counter, c"Total relaxing time", c"ms", "relax_time"),
            wait_queue: add(gauge, c"Wait queue length", c"req", "wait_queue"),
            sleep_queue: add(gauge, c"Sleep queue length", c"req", "sleep_queue"),
            cycle_duration: add(stats, c"Schedule cycle duration", c"ms", "cycle_duration"),
            cycle_size: add(stats, c"Schedule cycle size", c"ULT", "cycle_size"),
            total_reject: add(counter, c"Total rejected requests", c"req", "total_reject"),
            counted: Cell::new(now),
            relaxed: Cell::default(),
            told: Cell::default(),
        }
    }

    /// A cycle begins.
    pub fn cycle(&self, report: &CycleReport) {
        let duration = report.now - self.counted.replace(report.now);
        // Most cycles take less than a tick and change nothing: telling that again would only cost time.
        if duration > 0 {
            self.total_time.inc_counter(duration);
        }
        let lengths = (report.queued, report.sleeping);
        if self.told.replace(lengths) != lengths {
            self.wait_queue.set_gauge(report.queued);
            self.sleep_queue.set_gauge(report.sleeping);
        }
        if report.units > 0 {
            self.cycle_duration.set_gauge(duration);
            self.cycle_size.set_gauge(report.units);
        }
    }

    /// The xstream gives the CPU back for at most `time`.
    pub fn relax(&self, time: Duration) {
        let relaxed = self.relaxed.get() + time;
        let whole = relaxed.as_millis() as u64;
        if whole > 0 {
            self.relax_time.inc_counter(whole);
        }
        self.relaxed.set(relaxed - Duration::from_millis(whole));
    }

    /// A request was rejected.
    pub fn reject(&self) {
        self.total_reject.inc_counter(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_counted_in_whole_milliseconds_and_none_is_lost() {
        let metrics = Metrics::new(0, 1000);
        metrics.cycle(&CycleReport { now: 1004, units: 0, queued: 1, sleeping: 2 });
        assert_eq!((metrics.counted.get(), metrics.told.get()), (1004, (1, 2)));
        for _ in 0..5 {
            metrics.relax(Duration::from_micros(700));
        }
        assert_eq!(metrics.relaxed.get(), Duration::from_micros(500));
    }
}
