//! The layers beneath the engine in embedded mode, see [`super::layers`].
//!
//! There is no telemetry, no placement and no NVMe, and thus nothing to start.

use super::ladder::{Ladder, Missed};
use super::machine::Machine;
use super::options::Options;
use core::ptr;
use gurt_client::{Result, env};
use topology::Topology;

/// The machine as the kernel describes it.
pub struct Hardware(Machine);

impl Hardware {
    /// This machine; a sentence says why it cannot be described.
    pub fn discover() -> core::result::Result<Self, String> {
        let found =
            Topology::discover().map_err(|err| format!("cannot find the cores of this machine: {err}"))?;
        let node = |node| found.cores_of_node(node).map(|core| core as u32).collect();
        let nodes = (0..found.node_count()).map(node).collect();
        Ok(Hardware(Machine { cores: found.cores().len() as u32, nodes }))
    }

    /// Its cores and NUMA nodes.
    pub fn machine(&self) -> &Machine {
        &self.0
    }

    /// Sets the variables that only hwloc could fill: none, see [`abi::dss_topo`].
    pub fn publish(&self) {}

    /// What `dss_numa` points to; without sets of cores, see [`abi::dss_numa`].
    pub fn numa_nodes(&mut self, _first_core: u32) -> Result<Vec<abi::dss_numa_info>> {
        let describe = |node| abi::dss_numa_info {
            ni_idx: node as i32,
            ni_core_nr: self.0.cores_of(node) as i32,
            ni_coremap: ptr::null_mut(),
        };
        Ok((0..self.0.node_count()).map(describe).collect())
    }
}

/// Whether all engines that this one can meet are on this machine, and thus have the same clock: CaRT listens on the
/// loopback interface unless another one is named.
pub fn share_one_clock() -> bool {
    [c"D_INTERFACE", c"OFI_INTERFACE"].into_iter().all(|name| env::text(name).is_none_or(|it| it.is_empty()))
}

impl Ladder {
    /// Nothing is measured.
    pub fn start_telemetry(&mut self, _options: &Options) -> core::result::Result<(), Missed> {
        Ok(())
    }

    /// The engine itself uses no b+trees.
    pub fn register_trees(&mut self) -> core::result::Result<(), Missed> {
        Ok(())
    }

    /// There is no table of handles, and no placement.
    pub fn start_handles(&mut self) -> core::result::Result<(), Missed> {
        Ok(())
    }

    /// There is no NVMe.
    pub fn start_nvme(&mut self, _options: &Options) -> core::result::Result<(), Missed> {
        Ok(())
    }
}

/// Nobody measures when the engine was ready.
pub fn note_ready(_rank: abi::d_rank_t) {}

/// Nor when a rank was gone.
pub fn note_event(_dead: bool) {}
