//! Who keeps an xstream from yielding.
//!
//! Two watchers. The *watchdog* of an xstream times each unit and names one that took too long, after it has
//! yielded. The *monitor*, run by the SWIM xstream every two seconds, finds the unit that does not come back at
//! all: it compares how many units the other xstreams have run.

use core::ffi::{CStr, c_void};
use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU64, Ordering};

/// How often the monitor looks, in milliseconds.
pub const MONITOR_INTERVAL: u64 = 2000;
/// A unit that does not yield is reported after this time, then each time it has doubled; in milliseconds.
const FIRST_REPORT: u64 = 10_000;
/// The watchdog names the same function at most this often, in milliseconds.
const WATCHDOG_PAUSE: u64 = 2000;

/// What a scheduler shows to the monitor, which runs on another thread.
#[derive(Debug, Default)]
pub struct Vitals {
    /// Units run so far.
    pub units: AtomicU64,
    /// Whether one is running now; an xstream that sleeps because it has nothing to do is not stuck.
    pub running: AtomicBool,
    /// Function of the unit that runs or ran last.
    pub func: AtomicPtr<c_void>,
    /// Kernel's id of the thread.
    pub thread: AtomicI32,
}

impl Vitals {
    /// A unit of `func` is about to run.
    pub fn enter(&self, func: *mut c_void) {
        self.func.store(func, Ordering::Relaxed);
        self.running.store(true, Ordering::Relaxed);
    }

    /// It is back.
    pub fn leave(&self) {
        self.running.store(false, Ordering::Relaxed);
        // One writer: no read-modify-write needed.
        self.units.store(self.units.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }
}

/// The monitor's memory of one xstream.
#[derive(Clone, Copy, Debug, Default)]
struct Sighting {
    units: u64,
    since: u64,
    reported: u64,
}

/// A unit that has not yielded for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stuck {
    /// For how long at least, in milliseconds.
    pub for_ms: u64,
    /// Whether that is longer than any unit may run.
    pub too_long: bool,
}

/// Compares what the xstreams did between two looks.
#[derive(Debug, Default)]
pub struct Monitor {
    seen: Vec<Option<Sighting>>,
    looked_at: Option<u64>,
}

impl Monitor {
    /// Whether it is time to look again at `now` (milliseconds). A look that comes far too late says that this
    /// process did not run for a while; what the others did not do in that time is not held against them.
    pub fn is_due(&mut self, now: u64) -> bool {
        let elapsed = match self.looked_at {
            Some(last) if now < last + MONITOR_INTERVAL => return false,
            Some(last) => now - last,
            None => MONITOR_INTERVAL,
        };
        self.looked_at = Some(now);
        let lost = elapsed.saturating_sub(2 * MONITOR_INTERVAL);
        for sighting in self.seen.iter_mut().flatten() {
            sighting.since += lost;
        }
        true
    }

    /// When it is time to look again.
    pub fn next_due(&self) -> u64 {
        self.looked_at.map_or(0, |last| last + MONITOR_INTERVAL)
    }

    /// Looks at xstream `index`. `max` is the longest that a unit may run, in milliseconds.
    pub fn look(&mut self, index: usize, vitals: &Vitals, now: u64, max: u64) -> Option<Stuck> {
        if self.seen.len() <= index {
            self.seen.resize(index + 1, None);
        }
        let units = vitals.units.load(Ordering::Relaxed);
        let running = vitals.running.load(Ordering::Relaxed);
        let seen = &mut self.seen[index];
        let Some(sighting) = seen.as_mut().filter(|sighting| running && sighting.units == units) else {
            *seen = Some(Sighting { units, since: now, reported: 0 });
            return None;
        };
        let for_ms = now.saturating_sub(sighting.since);
        let too_long = for_ms > max;
        if too_long || (for_ms >= FIRST_REPORT && for_ms >= 2 * sighting.reported) {
            sighting.reported = for_ms;
            return Some(Stuck { for_ms, too_long });
        }
        None
    }

    /// Gives xstream `index` another full term.
    pub fn pardon(&mut self, index: usize, now: u64) {
        if let Some(Some(sighting)) = self.seen.get_mut(index) {
            sighting.since = now;
            sighting.reported = 0;
        }
    }
}

/// Decides which long units the watchdog names.
#[derive(Debug, Default)]
pub struct Watchdog {
    last_func: usize,
    named_at: u64,
}

impl Watchdog {
    /// Whether to name the function at address `func`, which took `elapsed` of at most `max` milliseconds and
    /// yielded at `now`.
    pub fn barks(&mut self, func: usize, elapsed: u64, max: u64, now: u64) -> bool {
        if elapsed <= max || (self.last_func == func && now.saturating_sub(self.named_at) <= WATCHDOG_PAUSE) {
            return false;
        }
        self.last_func = func;
        self.named_at = now;
        true
    }
}

/// A code address, shown as `function+0x10 (libmodule.so)`, or as the offset in its library where the function
/// has no name there.
pub struct Symbol(pub *const c_void);

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: all zeroes is a valid Dl_info.
        let mut info: libc::Dl_info = unsafe { core::mem::zeroed() };
        // SAFETY: dladdr takes any address; on success the names live as long as the library is loaded, which
        // holds a function that a ULT of ours is in.
        let (name, library) = unsafe {
            if libc::dladdr(self.0, &raw mut info) == 0 || info.dli_fname.is_null() {
                return write!(f, "{:p}", self.0);
            }
            let name = (!info.dli_sname.is_null()).then(|| CStr::from_ptr(info.dli_sname).to_string_lossy());
            (name, CStr::from_ptr(info.dli_fname).to_string_lossy())
        };
        let library = library.rsplit('/').next().unwrap_or_default();
        match name {
            Some(name) => match self.0 as usize - info.dli_saddr as usize {
                0 => write!(f, "{name} ({library})"),
                offset => write!(f, "{name}+{offset:#x} ({library})"),
            },
            None => write!(f, "{library}+{:#x}", self.0 as usize - info.dli_fbase as usize),
        }
    }
}

/// What the kernel says of a thread of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadState {
    /// `R` running, `S` sleeping, `D` in a device, `T`/`t` stopped; see proc(5).
    pub state: char,
    /// CPU time used so far, in milliseconds.
    pub cpu_ms: u64,
}

impl ThreadState {
    /// Asks for thread `thread`; `None` when it is gone.
    pub fn of(thread: i32) -> Option<Self> {
        Self::parse(&std::fs::read_to_string(format!("/proc/self/task/{thread}/stat")).ok()?)
    }

    fn parse(stat: &str) -> Option<Self> {
        // The second field is the name in parentheses, which may hold anything.
        let mut fields = stat.rsplit_once(") ")?.1.split(' ');
        let state = fields.next()?.chars().next()?;
        let ticks: Vec<u64> = fields.skip(10).take(2).filter_map(|field| field.parse().ok()).collect();
        // SAFETY: no memory is involved.
        let per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) }.max(1) as u64;
        let [user, system] = ticks[..] else { return None };
        Some(ThreadState { state, cpu_ms: (user + system) * 1000 / per_second })
    }

    /// Whether the thread is held by a debugger or a signal, so that its ULT cannot yield.
    pub fn is_held(&self) -> bool {
        matches!(self.state, 'T' | 't')
    }
}

impl fmt::Display for ThreadState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "thread state {}, {} ms of CPU used in all", self.state, self.cpu_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: u64 = 300_000;

    /// Looks every interval from `from` to `to`; returns the reports.
    fn watch(monitor: &mut Monitor, vitals: &Vitals, from: u64, to: u64) -> Vec<(u64, Stuck)> {
        (from..=to)
            .step_by(MONITOR_INTERVAL as usize)
            .filter_map(|now| {
                let stuck = monitor.is_due(now).then(|| monitor.look(3, vitals, now, MAX))??;
                Some((now, stuck))
            })
            .collect()
    }

    #[test]
    fn a_unit_that_does_not_yield_is_reported_ever_more_rarely_until_it_is_too_long() {
        let (mut monitor, vitals) = (Monitor::default(), Vitals::default());
        vitals.enter(core::ptr::null_mut());
        let reports = watch(&mut monitor, &vitals, 0, 302_000);
        let times: Vec<u64> = reports.iter().map(|(_, stuck)| stuck.for_ms).collect();
        assert_eq!(times, [10_000, 20_000, 40_000, 80_000, 160_000, 302_000]);
        assert!(reports.iter().all(|(_, stuck)| stuck.too_long == (stuck.for_ms > MAX)));
    }

    #[test]
    fn an_xstream_that_runs_units_or_has_none_is_not_stuck() {
        let (mut monitor, vitals) = (Monitor::default(), Vitals::default());
        assert_eq!(watch(&mut monitor, &vitals, 0, 1_000_000), []);
        for start in (1_002_000..2_000_000).step_by(8000) {
            vitals.enter(core::ptr::null_mut());
            assert_eq!(watch(&mut monitor, &vitals, start, start + 7999), []);
            vitals.leave();
        }
    }

    #[test]
    fn time_in_which_nobody_ran_is_not_held_against_a_unit() {
        let (mut monitor, vitals) = (Monitor::default(), Vitals::default());
        vitals.enter(core::ptr::null_mut());
        assert_eq!(watch(&mut monitor, &vitals, 0, 4000), []);
        // The machine was suspended for an hour.
        assert_eq!(watch(&mut monitor, &vitals, 3_604_000, 3_604_000), []);
        let reports = watch(&mut monitor, &vitals, 3_606_000, 3_700_000);
        assert_eq!(reports.first(), Some(&(3_606_000, Stuck { for_ms: 10_000, too_long: false })));
    }

    #[test]
    fn a_pardon_gives_another_term() {
        let (mut monitor, vitals) = (Monitor::default(), Vitals::default());
        vitals.enter(core::ptr::null_mut());
        assert!(watch(&mut monitor, &vitals, 0, 302_000).last().unwrap().1.too_long);
        monitor.pardon(3, 302_000);
        assert!(watch(&mut monitor, &vitals, 304_000, 600_000).iter().all(|(_, stuck)| !stuck.too_long));
    }

    #[test]
    fn the_watchdog_names_a_function_once_in_a_while() {
        let mut watchdog = Watchdog::default();
        assert!(!watchdog.barks(0x10, 32, 32, 5000));
        assert!(watchdog.barks(0x10, 33, 32, 5000));
        assert!(!watchdog.barks(0x10, 33, 32, 7000));
        assert!(watchdog.barks(0x20, 33, 32, 7000));
        assert!(watchdog.barks(0x10, 33, 32, 7001));
    }

    #[test]
    fn symbols_name_function_and_library() {
        let shown = Symbol(libc::malloc as *const c_void).to_string();
        assert!(shown.contains("malloc") && shown.contains("libc"), "{shown}");
        assert_eq!(Symbol(8 as *const c_void).to_string(), "0x8");
    }

    #[test]
    fn thread_states() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 183 0 0 0 120 30 0 0 20 0 1 0 3 4 5";
        let state = ThreadState::parse(stat).unwrap();
        assert_eq!((state.state, state.is_held()), ('S', false));
        // SAFETY: no memory is involved.
        let own = ThreadState::of(unsafe { libc::gettid() }).unwrap();
        assert_eq!(own.state, 'R');
        assert_eq!(ThreadState::of(-1), None);
    }
}
