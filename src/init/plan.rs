//! How many xstreams an engine runs and which cores it takes: the rules of `dss_topo_init` in init.c, over a
//! described machine. Which core each xstream gets is up to srv.c.

use super::machine::Machine;
use gurt_client::Der;
use std::fmt;

/// Cores kept for the system xstreams: `DAOS_TGT0_OFFSET`.
const SYSTEM_CORES: u32 = abi::DAOS_TGT0_OFFSET;

/// What the command line and the environment ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Number of targets, at least 1; as many as there are cores for when absent.
    pub targets: Option<u32>,
    /// Number of helper xstreams of all targets.
    pub helpers: u32,
    /// Index of the first core to use.
    pub first_core: Option<u32>,
    /// Use only cores of this node.
    pub numa_node: Option<u32>,
    /// Start even with more xstreams than cores.
    pub oversubscribe: bool,
}

/// Where the cores come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// All cores of the machine in their order.
    Legacy,
    /// The cores of one NUMA node.
    Numa(u32),
    /// Targets and helpers spread evenly over all NUMA nodes.
    MultiSocket,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mode::Legacy => "legacy",
            Mode::Numa(_) => "NUMA",
            Mode::MultiSocket => "Multi-socket NUMA",
        })
    }
}

/// The xstreams of an engine, and the cores for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Where the cores come from.
    pub mode: Mode,
    /// Number of targets: `dss_tgt_nr`.
    pub targets: u32,
    /// Number of helper xstreams of all targets: `dss_tgt_offload_xs_nr`.
    pub helpers: u32,
    /// Whether all targets share them: `dss_helper_pool`.
    pub helper_pool: bool,
    /// Index of the first core to use, in each node in multi-socket mode: `dss_core_offset`.
    pub first_core: u32,
    /// What the user should know; to be printed.
    pub remarks: Vec<String>,
}

/// A request that the machine cannot meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit(String);

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Unfit> for Der {
    fn from(_: Unfit) -> Self {
        Der::new(abi::DER_INVAL.into())
    }
}

impl Plan {
    /// Plans `request` on `machine`.
    pub fn new(request: &Request, machine: &Machine) -> Result<Plan, Unfit> {
        let nodes = machine.node_count();
        let mut remarks = Vec::new();
        let mode = match request.numa_node {
            Some(node) if node >= nodes => {
                return Err(Unfit(format!(
                    "there is no NUMA node {node} (set by -p): this machine has nodes 0 to {}",
                    nodes - 1
                )));
            }
            Some(node) => Mode::Numa(node),
            None => multi_socket(request, machine).unwrap_or_else(|why| {
                remarks.push(why.to_owned());
                Mode::Legacy
            }),
        };
        let cores = match mode {
            Mode::Numa(node) => machine.cores_of(node),
            Mode::Legacy | Mode::MultiSocket => machine.cores,
        };
        let first_core = request.first_core.unwrap_or(0);
        if first_core >= cores {
            return Err(Unfit(format!(
                "there is no core {first_core} (set by -f): there are {cores} to choose from, counted from 0"
            )));
        }
        let mut plan =
            Plan { mode, targets: 0, helpers: request.helpers, helper_pool: false, first_core, remarks };
        plan.fit(request, cores)?;
        if let Mode::Numa(node) = mode {
            plan.fit_node(node, cores, machine)?;
        }
        Ok(plan)
    }

    /// Checks that each xstream gets a core of the node of its own: other than those of a whole machine, they
    /// are given out once. The system and the SWIM xstream share one if the machine is small.
    fn fit_node(&self, node: u32, cores: u32, machine: &Machine) -> Result<(), Unfit> {
        let system = if u64::from(machine.cores) > u64::from(self.targets) { SYSTEM_CORES } else { 1 };
        let needed = u64::from(system) + u64::from(self.targets) + u64::from(self.helpers);
        let available = cores - self.first_core;
        if needed > u64::from(available) {
            return Err(Unfit(format!(
                "no room on NUMA node {node} (set by -p): {needed} cores are needed, {available} are there, and \
                 the cores of a node are not oversubscribed"
            )));
        }
        Ok(())
    }

    /// Decides the numbers of targets and helpers: `dss_tgt_nr_check`.
    fn fit(&mut self, request: &Request, cores: u32) -> Result<(), Unfit> {
        let spare = cores.saturating_sub(SYSTEM_CORES).saturating_sub(self.helpers);
        self.targets = request.targets.unwrap_or(spare).max(1);
        let targets = u64::from(self.targets);
        if u64::from(self.helpers) > 2 * targets {
            self.helpers = helpers_at_most(self.targets, self.helpers);
            self.remarks.push(format!(
                "{} helper xstreams (set by -x) are more than 2 for each of {targets} targets: starting {}",
                request.helpers, self.helpers
            ));
        } else if self.helpers == 0 {
            self.remarks.push("an engine should have at least one helper xstream (-x)".into());
        }

        let needed = u64::from(SYSTEM_CORES) + targets + u64::from(self.helpers);
        if needed > u64::from(cores) {
            let shortage = format!(
                "{targets} targets and {} helper xstreams on {cores} cores, of which {SYSTEM_CORES} are kept for \
                 the system",
                self.helpers
            );
            if !request.oversubscribe {
                return Err(Unfit(format!(
                    "no room for {shortage}: set DAOS_TARGET_OVERSUBSCRIBE=1, or start fewer targets (-t) or \
                     helpers (-x)"
                )));
            }
            self.remarks.push(format!("starting {shortage}"));
        }
        self.helper_pool = !self.helpers.is_multiple_of(self.targets);
        Ok(())
    }
}

/// The number of helpers that `targets` may have when `helpers` are asked for.
fn helpers_at_most(targets: u32, helpers: u32) -> u32 {
    helpers.min(targets.saturating_mul(2))
}

/// Whether targets and helpers can be spread over the NUMA nodes, and if not, why:
/// `dss_multi_socket_check`. Kept simple, as in DAOS: whatever is not even is left alone.
fn multi_socket(request: &Request, machine: &Machine) -> Result<Mode, &'static str> {
    let nodes = machine.node_count();
    let targets = request.targets.unwrap_or(0);
    let helpers =
        request.targets.map_or(request.helpers, |targets| helpers_at_most(targets, request.helpers));
    if request.first_core.is_some() {
        Err("the first core is given: not in multi-socket mode")
    } else if request.oversubscribe {
        Err("oversubscription is asked for: not in multi-socket mode")
    } else if nodes < 2 {
        Err("there is one NUMA node: not in multi-socket mode")
    } else if !helpers.is_multiple_of(nodes) {
        Err("the helpers do not split evenly over the NUMA nodes: not in multi-socket mode")
    } else if !targets.is_multiple_of(nodes) || request.targets.is_none() {
        Err("the targets do not split evenly over the NUMA nodes: not in multi-socket mode")
    } else if (1..nodes).any(|node| machine.cores_of(node) != machine.cores_of(0)) {
        Err("the NUMA nodes have different numbers of cores: not in multi-socket mode")
    } else {
        Ok(Mode::MultiSocket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine whose node `i` has `cores[i]` cores.
    fn machine(cores: &[u32]) -> Machine {
        let mut all = 0..cores.iter().sum();
        let nodes = cores.iter().map(|&count| all.by_ref().take(count as usize).collect()).collect();
        Machine { cores: cores.iter().sum(), nodes }
    }

    fn request(targets: u32, helpers: u32) -> Request {
        Request { targets: Some(targets), helpers, ..Request::default() }
    }

    #[track_caller]
    fn plan(request: Request, cores: &[u32]) -> Plan {
        Plan::new(&request, &machine(cores)).unwrap_or_else(|err| panic!("{request:?}: {err}"))
    }

    #[track_caller]
    fn unfit(request: Request, cores: &[u32]) -> String {
        Plan::new(&request, &machine(cores)).unwrap_err().to_string()
    }

    #[test]
    fn two_cores_are_kept_for_the_system() {
        assert_eq!(plan(request(4, 2), &[8]).targets, 4);
        let err = unfit(request(4, 3), &[8]);
        assert!(err.contains("DAOS_TARGET_OVERSUBSCRIBE=1"), "{err}");
        assert!(err.contains("4 targets and 3 helper xstreams on 8 cores"), "{err}");
    }

    #[test]
    fn oversubscription_starts_with_a_remark() {
        let plan = plan(Request { oversubscribe: true, ..request(4, 4) }, &[2]);
        assert_eq!((plan.targets, plan.helpers, plan.mode), (4, 4, Mode::Legacy));
        assert!(plan.remarks.iter().any(|remark| remark.contains("on 2 cores")), "{:?}", plan.remarks);
    }

    #[test]
    fn helpers_are_at_most_two_a_target() {
        let plan = plan(request(2, 9), &[16]);
        assert_eq!((plan.helpers, plan.helper_pool), (4, false));
        assert!(plan.remarks.iter().any(|remark| remark.contains("more than 2")), "{:?}", plan.remarks);
    }

    #[test]
    fn an_engine_without_helpers_is_remarked() {
        assert!(
            plan(request(1, 0), &[4]).remarks.iter().any(|remark| remark.contains("at least one helper"))
        );
        assert!(
            !plan(request(1, 1), &[4]).remarks.iter().any(|remark| remark.contains("at least one helper"))
        );
    }

    #[test]
    fn an_uneven_number_of_helpers_makes_a_pool() {
        for (targets, helpers, pool) in
            [(4, 1, true), (4, 6, true), (4, 4, false), (4, 8, false), (4, 0, false)]
        {
            assert_eq!(plan(request(targets, helpers), &[16]).helper_pool, pool, "{targets}, {helpers}");
        }
    }

    #[test]
    fn without_a_number_of_targets_the_cores_decide() {
        let any = Request { helpers: 2, ..Request::default() };
        assert_eq!(plan(any, &[16]).targets, 12);
        assert_eq!(plan(any, &[5]).targets, 1);
        assert!(unfit(any, &[2]).contains("1 targets"));
        assert_eq!(plan(Request { oversubscribe: true, ..any }, &[2]).targets, 1);
    }

    #[test]
    fn huge_numbers_are_refused_rather_than_wrapped() {
        assert!(unfit(request(u32::MAX, u32::MAX), &[8]).contains("no room"));
    }

    #[test]
    fn even_splits_over_sockets_use_all_of_them() {
        assert_eq!(plan(request(8, 2), &[8, 8]).mode, Mode::MultiSocket);
        assert_eq!(plan(request(8, 0), &[8, 8]).mode, Mode::MultiSocket);
        // Asked for 9, the 2 targets get 4 helpers, which do split evenly.
        assert_eq!(plan(request(2, 9), &[8, 8]).mode, Mode::MultiSocket);
    }

    #[test]
    fn anything_uneven_falls_back_to_legacy_and_says_why() {
        let even = request(4, 2);
        for (request, cores, why) in [
            (Request { first_core: Some(0), ..even }, &[8, 8][..], "first core"),
            (Request { oversubscribe: true, ..even }, &[8, 8], "oversubscription"),
            (even, &[16], "one NUMA node"),
            (request(4, 3), &[8, 8], "helpers"),
            (request(3, 2), &[8, 8], "targets"),
            (Request { targets: None, ..even }, &[8, 8], "targets"),
            (even, &[8, 6], "different numbers of cores"),
        ] {
            let plan = plan(request, cores);
            assert_eq!(plan.mode, Mode::Legacy, "{request:?}");
            assert!(plan.remarks[0].contains(why), "{:?}", plan.remarks);
        }
    }

    #[test]
    fn a_numa_node_offers_only_its_own_cores() {
        let on = |node| Request { numa_node: Some(node), ..request(4, 1) };
        assert_eq!(plan(on(1), &[4, 8]).mode, Mode::Numa(1));
        assert!(unfit(on(0), &[4, 8]).contains("on 4 cores"));
        assert!(unfit(on(2), &[4, 8]).contains("nodes 0 to 1"));
    }

    #[test]
    fn the_cores_of_a_node_are_given_out_once() {
        let on = |targets| Request { numa_node: Some(1), oversubscribe: true, ..request(targets, 1) };
        assert_eq!(plan(on(5), &[4, 8]).targets, 5);
        assert!(unfit(on(6), &[4, 8]).contains("9 cores are needed, 8 are there"));
        let from = |first| Request { first_core: Some(first), ..on(4) };
        assert_eq!(plan(from(1), &[4, 8]).first_core, 1);
        assert!(unfit(from(2), &[4, 8]).contains("7 cores are needed, 6 are there"));
        // As many targets as the machine has cores: the system's xstreams share a core.
        assert!(unfit(on(12), &[4, 8]).contains("14 cores are needed"));
    }

    #[test]
    fn the_first_core_must_exist() {
        let from = |first| Request { first_core: Some(first), ..request(1, 1) };
        assert_eq!(plan(from(7), &[8]).first_core, 7);
        assert!(unfit(from(8), &[8]).contains("there is no core 8"));
        assert!(unfit(Request { numa_node: Some(0), ..from(4) }, &[4, 8]).contains("there are 4"));
    }
}
