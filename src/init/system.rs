//! The layers beneath the engine when they are DAOS's own, see [`super::layers`]: hwloc, telemetry, the handle table,
//! placement and NVMe.

use super::ladder::{Ladder, Missed};
use super::machine::Machine;
use super::options::Options;
use core::ffi::c_int;
use core::ptr;
use gurt_client::telemetry::{self, Metric};
use gurt_client::{Der, Facility, Result, warn};
use std::io;

/// A C function that returns 0 or `-DER_*`.
fn check(rc: c_int) -> Result {
    Der::check(rc).map(drop)
}

/// hwloc's description of the machine.
struct Topology(abi::hwloc_topology_t);

impl Topology {
    fn load() -> io::Result<Self> {
        let mut handle = ptr::null_mut();
        // SAFETY: writes the handle of a new topology.
        if unsafe { abi::hwloc_topology_init(&raw mut handle) } != 0 {
            return Err(io::Error::last_os_error());
        }
        let topology = Topology(handle);
        // SAFETY: a new topology.
        match unsafe { abi::hwloc_topology_load(handle) } {
            0 => Ok(topology),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// The level of a kind of objects, which may be one of `HWLOC_TYPE_DEPTH_*`.
    fn depth_of(&self, kind: abi::hwloc_obj_type_t) -> c_int {
        // SAFETY: a loaded topology.
        unsafe { abi::hwloc_get_type_depth(self.0, kind) }
    }

    /// The CPUs of each object of a level, which live as long as the topology.
    fn cpus_at(&self, depth: c_int) -> Vec<abi::hwloc_cpuset_t> {
        // SAFETY: a loaded topology; there are no objects at a level that it does not have.
        let count = unsafe { abi::hwloc_get_nbobjs_by_depth(self.0, depth) };
        let cpus = |index| {
            // SAFETY: an index below the count; null or an object that lives as long as the topology.
            unsafe { abi::hwloc_get_obj_by_depth(self.0, depth, index).as_ref() }.map(|object| object.cpuset)
        };
        (0..count).filter_map(cpus).collect()
    }
}

impl Drop for Topology {
    fn drop(&mut self) {
        // SAFETY: made by hwloc_topology_init, and nobody has it any more.
        unsafe { abi::hwloc_topology_destroy(self.0) };
    }
}

/// A set of cores of hwloc's.
struct CoreMap(abi::hwloc_bitmap_t);

impl CoreMap {
    fn of(cores: &[u32]) -> Result<Self> {
        // SAFETY: takes no argument.
        let map = CoreMap(unsafe { abi::hwloc_bitmap_alloc() });
        // SAFETY: a live set, once it is not null.
        let complete =
            !map.0.is_null() && cores.iter().all(|&core| unsafe { abi::hwloc_bitmap_set(map.0, core) } == 0);
        if complete { Ok(map) } else { Err(Der::new(abi::DER_NOMEM.into())) }
    }
}

impl Drop for CoreMap {
    fn drop(&mut self) {
        // SAFETY: null, or a set that nobody has any more.
        unsafe { abi::hwloc_bitmap_free(self.0) };
    }
}

/// The machine as hwloc describes it.
pub struct Hardware {
    topology: Topology,
    core_depth: c_int,
    machine: Machine,
    /// Sets that `dss_numa` leads to.
    core_maps: Vec<CoreMap>,
}

impl Hardware {
    /// This machine; a sentence says why it cannot be described.
    pub fn discover() -> core::result::Result<Self, String> {
        let topology =
            Topology::load().map_err(|err| format!("hwloc cannot find the cores of this machine: {err}"))?;
        let core_depth = topology.depth_of(abi::HWLOC_OBJ_CORE);
        let cores = topology.cpus_at(core_depth);
        if cores.is_empty() {
            return Err("hwloc finds no core in this machine; `lstopo` shows what it finds".into());
        }
        let near = |node| {
            // SAFETY: both sets belong to objects of the topology.
            let is_near = |core| unsafe { abi::hwloc_bitmap_isincluded(core, node) } != 0;
            (0u32..).zip(&cores).filter(|&(_, &core)| is_near(core)).map(|(index, _)| index).collect()
        };
        let mut nodes: Vec<Vec<u32>> =
            topology.cpus_at(topology.depth_of(abi::HWLOC_OBJ_NUMANODE)).into_iter().map(near).collect();
        if nodes.is_empty() {
            nodes.push((0..cores.len() as u32).collect());
        }
        let machine = Machine { cores: cores.len() as u32, nodes };
        Ok(Hardware { topology, core_depth, machine, core_maps: Vec::new() })
    }

    /// Its cores and NUMA nodes.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Sets `dss_topo` and `dss_core_depth`, which last as long as `self`.
    pub fn publish(&self) {
        // SAFETY: written before the first other thread of the engine starts.
        unsafe {
            abi::dss_topo = self.topology.0;
            abi::dss_core_depth = self.core_depth;
        }
    }

    /// What `dss_numa` points to: each node with its cores from number `first_core` on, from which xstreams take
    /// theirs. The sets last as long as `self`.
    pub fn numa_nodes(&mut self, first_core: u32) -> Result<Vec<abi::dss_numa_info>> {
        let maps = self.machine.nodes.iter().map(|cores| CoreMap::of(offered(cores, first_core)));
        self.core_maps = maps.collect::<Result<_>>()?;
        let describe = |(index, map): (usize, &CoreMap)| abi::dss_numa_info {
            ni_idx: index as c_int,
            ni_core_nr: self.machine.cores_of(index as u32) as c_int,
            ni_coremap: map.0,
        };
        Ok(self.core_maps.iter().enumerate().map(describe).collect())
    }
}

/// Whether all engines that this one can meet are on this machine: nobody knows.
pub fn share_one_clock() -> bool {
    false
}

/// One of the engine's metrics; none where telemetry has not been started.
fn metric(choose: impl FnOnce(abi::engine_metrics) -> *mut abi::d_tm_node_t) -> Metric {
    // SAFETY: a variable of srv_metrics.c, which changes when telemetry starts and ends only; a node of it is
    // updated before that end.
    unsafe { Metric::from_ptr(choose((&raw const abi::dss_engine_metrics).read())) }
}

impl Ladder {
    /// Starts telemetry with the engine's own metrics. Without the latter the engine runs as well.
    pub fn start_telemetry(&mut self, options: &Options) -> core::result::Result<(), Missed> {
        // SAFETY: written by this thread.
        let size = metrics_size(unsafe { abi::dss_tgt_nr });
        let up = || telemetry::init(options.instance, size, abi::D_TM_SERVER_PROCESS);
        // SAFETY: the variables that lead to metrics are cleared before.
        self.climb("telemetry", up, || unsafe { telemetry::fini() })?;
        // SAFETY: telemetry runs.
        if let Err(err) = check(unsafe { abi::dss_engine_metrics_init() }) {
            warn!(Facility::SERVER, "there will be no metrics of the engine itself: {err}");
        }
        self.rung("metrics", || {
            // SAFETY: telemetry still runs.
            unsafe { abi::dss_engine_metrics_fini() };
        });
        metric(|metrics| metrics.started_time).record_timestamp();
        Ok(())
    }

    /// Registers the classes of b+trees that engine and modules use; they stay.
    pub fn register_trees(&mut self) -> core::result::Result<(), Missed> {
        // SAFETY: takes no argument.
        self.climb("b+trees", || check(unsafe { abi::dss_register_dbtree_classes() }), || {})
    }

    /// Starts what stands on the network: the table of handles, which hold pointers on a server, and placement.
    pub fn start_handles(&mut self) -> core::result::Result<(), Missed> {
        // SAFETY: takes a number.
        let up = || check(unsafe { abi::daos_hhash_init_feats(abi::D_HASH_FT_GLOCK | abi::D_HASH_FT_LRU) });
        self.climb("handles", up, || {
            // SAFETY: made above; the modules that held handles are gone.
            unsafe { abi::daos_hhash_fini() };
        })?;
        // SAFETY: takes no argument.
        self.climb("placement", || check(unsafe { abi::pl_init() }), || unsafe { abi::pl_fini() })?;
        // SAFETY: the table that was made above.
        let rc = unsafe { abi::d_hhash_set_ptrtype(abi::daos_ht.dht_hhash) };
        check(rc).map_err(|error| Missed { step: "handles", error })
    }

    /// Starts NVMe by the configuration that the command line names, if it names one.
    pub fn start_nvme(&mut self, _options: &Options) -> core::result::Result<(), Missed> {
        let up = || {
            // SAFETY: all variables are published, the path lives as long as the engine.
            check(unsafe {
                abi::bio_nvme_init(
                    abi::dss_nvme_conf,
                    abi::dss_numa_node,
                    abi::dss_nvme_mem_size,
                    abi::dss_nvme_hugepage_size,
                    abi::dss_tgt_nr,
                    abi::dss_nvme_bypass_health_check,
                )
            })
        };
        // SAFETY: started above; no xstream polls it any more.
        self.climb("NVMe", up, || unsafe { abi::bio_nvme_fini() })
    }
}

/// Measures when the engine was ready, and its rank.
pub fn note_ready(rank: abi::d_rank_t) {
    metric(|metrics| metrics.ready_time).record_timestamp();
    metric(|metrics| metrics.rank_id).set_gauge(rank.into());
}

/// Measures when a rank was last heard to be gone, and how many the failure detector has found `dead`.
pub fn note_event(dead: bool) {
    metric(|metrics| metrics.last_event_time).record_timestamp();
    if dead {
        metric(|metrics| metrics.dead_rank_events).inc_counter(1);
    }
}

/// Shared memory that the metrics of an engine with `targets` targets may take, in bytes: a high estimate, with
/// room for links to pools.
fn metrics_size(targets: u32) -> u64 {
    const OF_ENGINE: u64 = 1024;
    const OF_TARGET: u64 = 128;
    (OF_ENGINE + OF_TARGET * u64::from(targets)) * u64::from(abi::D_TM_METRIC_SIZE)
}

/// The cores of a node that xstreams may take, without the first ones.
fn offered(cores: &[u32], first_core: u32) -> &[u32] {
    cores.get(first_core as usize..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_grow_with_the_targets() {
        assert_eq!(metrics_size(0), 1024 * 624);
        assert_eq!(metrics_size(16), (1024 + 128 * 16) * 624);
    }

    #[test]
    fn the_first_cores_of_a_node_are_left_alone() {
        assert_eq!(offered(&[4, 5, 6], 0), [4, 5, 6]);
        assert_eq!(offered(&[4, 5, 6], 2), [6]);
        assert!(offered(&[4], 2).is_empty());
    }
}
