//! Which core each xstream runs on: the rules of `dss_start_xs_id`.

use super::role::{Kind, Role, SWIM};
use crate::inline::Layout;

/// Where cores are taken from; decided by init.c.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// All cores of the machine, in their order.
    Machine,
    /// The cores of this NUMA node: `dss_numa_node`.
    Node(usize),
    /// Targets and helpers spread evenly over all NUMA nodes: `dss_numa_nr` is above 1.
    Spread {
        /// Targets of each node: `dss_tgt_per_numa_nr`.
        targets: u32,
        /// Helpers of each node: `dss_offload_per_numa_nr`.
        offload: u32,
    },
}

impl Mode {
    /// Spread as srv.c's variables say.
    pub fn spread() -> Self {
        // SAFETY: written before the xstreams start.
        unsafe {
            Mode::Spread {
                targets: (&raw const abi::dss_tgt_per_numa_nr).read(),
                offload: (&raw const abi::dss_offload_per_numa_nr).read(),
            }
        }
    }
}

/// The cores of a machine by their logical indices.
#[derive(Clone, Debug)]
pub struct Cores {
    /// How many there are, at least 1: `dss_core_nr`.
    pub count: usize,
    /// Where to begin without NUMA: `dss_core_offset`.
    pub first: usize,
    /// With NUMA: those of each node that xstreams may have, ascending.
    pub free: Vec<Vec<usize>>,
}

/// Hands out cores to xstreams, which must ask in the order of their start.
#[derive(Debug)]
pub struct Placement {
    cores: Cores,
    layout: Layout,
    mode: Mode,
}

impl Placement {
    /// Takes from `cores` what `mode` says, for the xstreams of `layout`.
    pub fn new(cores: Cores, layout: Layout, mode: Mode) -> Self {
        Placement { cores, layout, mode }
    }

    /// Where cores are taken from.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The index of the core for the xstream of `role`; `None` when its NUMA node has none left.
    pub fn core_of(&mut self, role: &Role) -> Option<usize> {
        match self.mode {
            Mode::Machine => Some((self.offset(role) + self.cores.first) % self.cores.count),
            Mode::Node(node) => {
                // The system xstreams share the first core; with cores to spare, SWIM and dRPC share another.
                let keeps = role.xs_id > SWIM || (role.xs_id == 0 && self.has_spare_cores());
                self.take(node, keeps)
            }
            Mode::Spread { targets, offload } => {
                let node = match (role.kind, role.target) {
                    // SWIM has the first core of the second node, system and dRPC that of the first.
                    (Kind::System, _) => u32::from(role.xs_id == SWIM),
                    (_, Some(target)) => target / targets.max(1),
                    (_, None) => (role.xs_id - self.layout.system - self.layout.targets) / offload.max(1),
                };
                self.take(node as usize, role.xs_id != 0)
            }
        }
    }

    /// Without NUMA: the system xstreams share the first core; with cores to spare, SWIM has one of its own.
    fn offset(&self, role: &Role) -> usize {
        let spare = self.has_spare_cores();
        match role.kind {
            Kind::System if role.xs_id == SWIM => usize::from(spare),
            Kind::System => 0,
            Kind::Main | Kind::Offload => role.xs_id as usize - if spare { 1 } else { 2 },
        }
    }

    /// Whether the machine has more cores than there are targets.
    fn has_spare_cores(&self) -> bool {
        self.cores.count > self.layout.targets as usize
    }

    /// The first core of `node` that is left; it stays there for the next one unless this one `keeps` it.
    fn take(&mut self, node: usize, keeps: bool) -> Option<usize> {
        let left = self.cores.free.get_mut(node)?;
        let core = *left.first()?;
        if keeps {
            left.remove(0);
        }
        Some(core)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `nodes` nodes with `cores` cores each.
    fn machine(nodes: usize, cores: usize) -> Cores {
        let node = |node| (node * cores..(node + 1) * cores).collect();
        Cores { count: nodes * cores, first: 0, free: (0..nodes).map(node).collect() }
    }

    /// The same from core number `first` (of each node, with NUMA) on.
    fn from_core(first: usize, mut cores: Cores) -> Cores {
        cores.first = first;
        cores.free.iter_mut().for_each(|node| drop(node.drain(..first.min(node.len()))));
        cores
    }

    fn layout(targets: u32, offload: u32) -> Layout {
        Layout { system: 3, targets, offload, helper_pool: !offload.is_multiple_of(targets) }
    }

    /// The cores of all xstreams, by their ids.
    fn cores(machine: &Cores, layout: Layout, mode: Mode, first_core: usize) -> Vec<Option<usize>> {
        let mut placement = Placement::new(from_core(first_core, machine.clone()), layout, mode);
        let mut cores = vec![None; layout.xstreams() as usize];
        for xs_id in Role::start_order(&layout) {
            cores[xs_id as usize] = placement.core_of(&Role::new(xs_id, &layout));
        }
        cores
    }

    fn all(cores: &[usize]) -> Vec<Option<usize>> {
        cores.iter().copied().map(Some).collect()
    }

    #[test]
    fn a_machine_with_cores_to_spare_gives_swim_its_own() {
        let machine = machine(1, 8);
        assert_eq!(cores(&machine, layout(2, 2), Mode::Machine, 0), all(&[0, 1, 0, 2, 3, 4, 5]));
        assert_eq!(cores(&machine, layout(2, 2), Mode::Machine, 2), all(&[2, 3, 2, 4, 5, 6, 7]));
    }

    #[test]
    fn an_oversubscribed_machine_starts_over_at_its_first_core() {
        assert_eq!(cores(&machine(1, 2), layout(2, 1), Mode::Machine, 0), all(&[0, 0, 0, 1, 0, 1]));
        assert_eq!(cores(&machine(1, 1), layout(4, 0), Mode::Machine, 0), all(&[0, 0, 0, 0, 0, 0, 0]));
    }

    #[test]
    fn a_numa_node_keeps_its_xstreams_together() {
        let machine = machine(2, 8);
        assert_eq!(
            cores(&machine, layout(2, 2), Mode::Node(1), 0),
            all(&[8, 9, 9, 10, 12, 11, 13]),
            "system has a core of its own, SWIM and dRPC share one, offload xstreams follow the targets"
        );
        assert_eq!(cores(&machine, layout(2, 0), Mode::Node(0), 3), all(&[3, 4, 4, 5, 6]));
    }

    #[test]
    fn a_numa_node_without_cores_left_says_so() {
        let spare = cores(&machine(2, 4), layout(3, 0), Mode::Node(0), 0);
        assert_eq!(spare, [Some(0), Some(1), Some(1), Some(2), Some(3), None]);
        // No core to spare: all system xstreams share the first one.
        let tight = cores(&machine(1, 4), layout(4, 0), Mode::Node(0), 0);
        assert_eq!(tight, [Some(0), Some(0), Some(0), Some(1), Some(2), Some(3), None]);
    }

    #[test]
    fn targets_and_helpers_spread_evenly_over_nodes() {
        let machine = machine(2, 8);
        let mode = Mode::Spread { targets: 2, offload: 1 };
        let placed = cores(&machine, Layout { helper_pool: true, ..layout(4, 2) }, mode, 0);
        assert_eq!(placed, all(&[0, 8, 0, 1, 2, 9, 10, 3, 11]));
        let mode = Mode::Spread { targets: 1, offload: 1 };
        assert_eq!(cores(&machine, layout(2, 2), mode, 0), all(&[0, 8, 0, 1, 2, 9, 10]));
    }

    #[test]
    fn each_target_has_its_helper_on_its_own_node() {
        let layout = layout(4, 8);
        let placed = cores(&machine(2, 8), layout, Mode::Spread { targets: 2, offload: 4 }, 0);
        for target in 0..layout.targets {
            let main = layout.main_xstream(target) as usize;
            let nodes: Vec<_> = placed[main..=main + 2].iter().map(|core| core.unwrap() / 8).collect();
            assert_eq!(nodes, [target as usize / 2; 3], "target {target}");
        }
    }

    #[test]
    fn cores_that_a_node_keeps_for_others_are_not_given_out() {
        let mut machine = machine(1, 8);
        machine.free[0] = vec![2, 5, 7];
        assert_eq!(cores(&machine, layout(1, 0), Mode::Node(0), 0), all(&[2, 5, 5, 7]));
    }

    #[test]
    fn with_numa_no_two_targets_share_a_core() {
        for (nodes, per_node) in [(2, 16), (4, 8)] {
            let machine = machine(nodes, per_node);
            let layout = Layout { helper_pool: true, ..layout(8, 4) };
            let mode = Mode::Spread { targets: 8 / nodes as u32, offload: 4 / nodes as u32 };
            let mut placed = cores(&machine, layout, mode, 0)[3..].to_vec();
            assert!(placed.iter().all(Option::is_some));
            placed.sort_unstable();
            placed.dedup();
            assert_eq!(placed.len(), 12);
        }
    }
}
