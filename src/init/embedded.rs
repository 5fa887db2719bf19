//! The layers beneath the engine in embedded mode, see [`super::layers`].
//!
//! There is no telemetry, no network, no placement and no NVMe, and thus nothing to start but the rank. Nor does
//! the start wait until the hybrid logical clock has passed its uncertainty: without a network no stamp of a former
//! run can come back.

use super::ladder::{Ladder, Missed};
use super::machine::Machine;
use super::options::Options;
use core::ptr;
use gurt_client::{Der, Result};
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

/// See the module's description.
pub struct ClockRecovery(());

impl ClockRecovery {
    /// Does nothing.
    pub fn begin() -> Self {
        ClockRecovery(())
    }

    /// Does nothing.
    pub fn end(self) {}
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

    /// Joins the system's group, with one context that says where this engine is. There is no rank yet: SetRank's
    /// handler is a module's.
    pub fn start_network(&mut self) -> core::result::Result<(), Missed> {
        let missed = |step| move |error| Missed { step, error };
        let flags = abi::CRT_FLAG_BIT_SERVER | abi::CRT_FLAG_BIT_AUTO_SWIM_DISABLE;
        // SAFETY: the name is a string, and the options may be null.
        Der::check(unsafe { abi::crt_init_opt(abi::daos_sysname, flags, ptr::null_mut()) })
            .map_err(missed("start the network"))?;
        self.rung("network", || {
            // SAFETY: takes no argument; nobody asks for the rank any more.
            unsafe { abi::crt_finalize() };
        });
        let mut context = ptr::null_mut();
        // SAFETY: one handle is written.
        Der::check(unsafe { abi::crt_context_create(&raw mut context) }).map_err(missed("make a context"))?;
        let context = context as usize;
        self.rung("context", move || {
            // SAFETY: from above, and nobody else knows of it.
            unsafe { abi::crt_context_destroy(context as abi::crt_context_t, 1) };
        });
        Ok(())
    }

    /// There are no incast variables.
    pub fn start_incast_variables(&mut self) -> core::result::Result<(), Missed> {
        Ok(())
    }

    /// There is no NVMe.
    pub fn start_nvme(&mut self, _options: &Options) -> core::result::Result<(), Missed> {
        Ok(())
    }
}

/// Nobody tells of other ranks.
pub fn watch_ranks(_options: &Options) -> core::result::Result<(), Missed> {
    Ok(())
}

/// Undoes [`watch_ranks`].
pub fn unwatch_ranks() {}

/// Nobody measures when the engine was ready.
pub fn note_ready(_rank: abi::d_rank_t) {}
