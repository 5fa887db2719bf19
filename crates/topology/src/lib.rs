//! The cores and NUMA nodes of this machine, in the order in which hwloc would number them.
//!
//! DAOS asks libhwloc; in embedded mode the engine needs nothing installed, so it reads `/sys` itself. Two
//! components use this: `init` decides from it how many xstreams fit, `srv` which core each one gets.

mod cpu_list;
mod sysfs;

use std::io;
use std::path::Path;

pub use cpu_list::{CpuList, ParseCpuListError};

/// The cores that this process may use, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology {
    cores: Vec<Core>,
    nodes: usize,
}

/// A physical core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Core {
    /// Its CPUs (hardware threads) that the process may use, at least one.
    pub cpus: CpuList,
    /// Index of its NUMA node, below [`Topology::node_count`].
    pub node: usize,
}

impl Topology {
    /// This machine, restricted to the CPUs on which the main thread of this process may run: a container's
    /// limits and `taskset` are honoured.
    pub fn discover() -> io::Result<Self> {
        Self::read(Path::new("/sys/devices/system"), &CpuList::of_process()?)
    }

    /// The machine that the kernel describes below `system` (`/sys/devices/system`), restricted to `allowed`.
    pub fn read(system: &Path, allowed: &CpuList) -> io::Result<Self> {
        sysfs::read(system, allowed)
    }

    /// A machine that is described instead of discovered: `cores` in their order, each with a node below
    /// `nodes`.
    ///
    /// # Panics
    /// If there is no core, or one of a node that there is not.
    pub fn described(cores: Vec<Core>, nodes: usize) -> Self {
        assert!(!cores.is_empty(), "a machine has a core");
        assert!(cores.iter().all(|core| core.node < nodes), "a core of a node that there is not");
        Topology { cores, nodes }
    }

    /// All cores. The position is the core's logical index: cores of one package, and within it of one NUMA
    /// node and one cache, are neighbours, however the firmware numbers CPUs.
    pub fn cores(&self) -> &[Core] {
        &self.cores
    }

    /// Number of NUMA nodes that have CPUs, at least 1.
    pub fn node_count(&self) -> usize {
        self.nodes
    }

    /// Logical indices of the cores of `node`, ascending.
    pub fn cores_of_node(&self, node: usize) -> impl Iterator<Item = usize> {
        (0..self.cores.len()).filter(move |&core| self.cores[core].node == node)
    }
}
