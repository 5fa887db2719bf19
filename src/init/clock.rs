//! The hybrid logical clock of an engine that was started again.

use gurt_client::{Facility, info};
use std::thread;
use std::time::Duration;

/// The wait until no stamp of the hybrid logical clock from before the start can be ahead of it.
///
/// Before the start other engines may have seen stamps of this one that are up to the clock's uncertainty ahead
/// of it. It must not give out a stamp for a second time, so nobody reads the clock in between.
pub struct ClockRecovery {
    /// The latest stamp that there may be.
    bound: u64,
}

impl ClockRecovery {
    /// Notes the time of the start.
    pub fn begin() -> Self {
        // SAFETY: take no pointer.
        ClockRecovery { bound: unsafe { abi::d_hlc_epsilon_get_bound(abi::d_hlc_get()) } }
    }

    /// Waits until that time is surely over, unless the start took so long already.
    pub fn end(self) {
        // SAFETY: take no pointer.
        let wait = left(self.bound, unsafe { abi::d_hlc_get() })
            .map(|stamps| Duration::from_nanos(unsafe { abi::d_hlc2nsec(stamps) }));
        if let Some(wait) = wait {
            info!(Facility::SERVER, "waiting {wait:?} for the clock's uncertainty to pass");
            thread::sleep(wait);
        }
    }
}

/// How far `now` is before `bound`, if it is.
fn left(bound: u64, now: u64) -> Option<u64> {
    bound.checked_sub(now).filter(|&left| left > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_waited_for_only_while_it_is_behind() {
        assert_eq!(left(100, 40), Some(60));
        assert_eq!(left(100, 100), None);
        assert_eq!(left(100, 101), None);
    }
}
