//! In which order an xstream serves its pools.
//!
//! A cycle polls the network once, runs the units that its start found in the generic pool, and polls NVMe
//! once. So that neither device starves behind many units, a poll is slipped in after 32 (network) or 64 (NVMe)
//! of them. NVMe that is still busy then is polled again and again, until it is the network's turn.

/// Units that run before the network is polled again.
const NET_AGE: u32 = 32;
/// Units that run before NVMe is polled again.
const NVME_AGE: u32 = 64;

/// A pool of an xstream: the `DSS_POOL_*` of the same names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Pool {
    /// Holds the ULT that polls the network.
    Net = abi::DSS_POOL_NET_POLL,
    /// Holds the ULT that polls NVMe.
    Nvme = abi::DSS_POOL_NVME_POLL,
    /// Holds all other units.
    Generic = abi::DSS_POOL_GENERIC,
}

/// What the scheduler is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Run one unit of this pool, if it has one.
    Run(Pool),
    /// Start the cycle: look at the clock, wake sleepers, start requests; then [`Cycle::begin`].
    Begin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Before the network poll.
    Poll,
    /// Before `begin`.
    Begin,
    /// This many units of the generic pool are left.
    Units(usize),
}

/// Where a scheduler stands in its cycle.
#[derive(Debug)]
pub struct Cycle {
    stage: Stage,
    net_age: u32,
    nvme_age: u32,
}

impl Cycle {
    /// Before the first cycle.
    pub fn new() -> Self {
        Cycle { stage: Stage::Poll, net_age: 0, nvme_age: 0 }
    }

    /// The next step. After [`Step::Begin`] the caller must call [`Cycle::begin`]. `nvme_is_busy` says whether NVMe
    /// should be polled again right after a poll.
    pub fn next(&mut self, nvme_is_busy: impl FnOnce() -> bool) -> Step {
        match self.stage {
            Stage::Poll => {
                self.stage = Stage::Begin;
                self.poll_net()
            }
            Stage::Begin => Step::Begin,
            Stage::Units(0) => {
                self.stage = Stage::Poll;
                self.poll_nvme()
            }
            Stage::Units(_) if self.net_age > NET_AGE => self.poll_net(),
            Stage::Units(_) if self.nvme_age > NVME_AGE || (self.nvme_age == 0 && nvme_is_busy()) => {
                self.poll_nvme()
            }
            Stage::Units(left) => {
                self.stage = Stage::Units(left - 1);
                self.net_age += 1;
                self.nvme_age += 1;
                Step::Run(Pool::Generic)
            }
        }
    }

    /// The cycle starts with `units` in the generic pool. Units that come later belong to the next cycle.
    pub fn begin(&mut self, units: usize) {
        self.stage = Stage::Units(units);
    }

    fn poll_net(&mut self) -> Step {
        self.net_age = 0;
        self.nvme_age += 1;
        Step::Run(Pool::Net)
    }

    fn poll_nvme(&mut self) -> Step {
        self.nvme_age = 0;
        self.net_age += 1;
        Step::Run(Pool::Nvme)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The steps of one cycle with `units` units, as letters: n, b, u, v.
    fn steps(cycle: &mut Cycle, units: usize, busy: bool) -> String {
        let mut steps = String::new();
        loop {
            let step = cycle.next(|| busy);
            steps.push(match step {
                Step::Run(Pool::Net) => 'n',
                Step::Run(Pool::Nvme) => 'v',
                Step::Run(Pool::Generic) => 'u',
                Step::Begin => 'b',
            });
            if step == Step::Begin {
                cycle.begin(units);
            }
            if cycle.stage == Stage::Poll {
                return steps;
            }
        }
    }

    #[test]
    fn a_cycle_polls_the_network_then_runs_units_then_polls_nvme() {
        let mut cycle = Cycle::new();
        assert_eq!(steps(&mut cycle, 0, false), "nbv");
        assert_eq!(steps(&mut cycle, 3, false), "nbuuuv");
        assert_eq!(steps(&mut cycle, 0, false), "nbv");
    }

    #[test]
    fn busy_nvme_is_polled_in_a_row_that_the_network_ends() {
        let mut cycle = Cycle::new();
        assert_eq!(steps(&mut cycle, 3, true), "nbuuuv", "nothing was polled yet in these");
        let many = steps(&mut cycle, 500, true);
        assert_eq!(many.matches('u').count(), 500);
        let rows: Vec<usize> = many.split(|step| step != 'v').map(str::len).filter(|row| *row > 0).collect();
        // The network was polled 30 units before: two polls of NVMe later it is its turn.
        assert_eq!(rows, [3, 3, 3, 3, 3, 3, 3, 1]);
        assert_eq!(steps(&mut cycle, 0, true), "nbv");
    }

    #[test]
    fn no_device_waits_for_more_units_than_its_age_allows() {
        let mut cycle = Cycle::new();
        let all: String = (0..3).map(|_| steps(&mut cycle, 500, false)).collect();
        assert_eq!(all.matches('u').count(), 1500);
        for (device, age) in [('n', NET_AGE), ('v', NVME_AGE)] {
            let longest = all.split(device).map(|part| part.matches('u').count()).max();
            assert!(longest <= Some(age as usize + 1), "{device}: {longest:?}");
        }
    }
}
