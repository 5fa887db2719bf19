//! The layers beneath the engine when they are DAOS's own, see [`super::layers`]: hwloc, telemetry, CaRT, the
//! handle table, placement, incast variables and NVMe.

use super::ladder::{Ladder, Missed};
use super::machine::Machine;
use super::options::Options;
use super::rules::{Reaction, left, metrics_size, offered, reaction};
use core::ffi::{c_int, c_void};
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};
use gurt_client::telemetry::{self, Metric};
use gurt_client::{Der, Facility, Result, debug, error, info, warn};
use std::io;
use std::thread;
use std::time::Duration;

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

    /// Starts CaRT, in the group of the system's name, and what stands on it: the table of handles, which hold
    /// pointers on a server, and placement.
    pub fn start_network(&mut self) -> core::result::Result<(), Missed> {
        let up = || {
            // SAFETY: the name of the system is published; the settings are static memory of libdaos_common.
            check(unsafe {
                let settings = abi::daos_crt_init_opt_get(true, abi::dss_ctx_nr_get() as c_int);
                abi::crt_init_opt(abi::daos_sysname, abi::CRT_FLAG_BIT_SERVER, settings)
            })
        };
        self.climb("network", up, || {
            // SAFETY: started above; all contexts have been destroyed with their xstreams.
            if let Err(err) = check(unsafe { abi::crt_finalize() }) {
                error!(Facility::SERVER, "the network did not end cleanly: {err}");
            }
        })?;
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

    /// Starts incast variables.
    pub fn start_incast_variables(&mut self) -> core::result::Result<(), Missed> {
        let up = || {
            // SAFETY: takes no argument; CaRT runs.
            unsafe { abi::ds_iv_init() };
            Ok(())
        };
        // SAFETY: started above; no xstream uses them any more.
        self.climb("incast variables", up, || unsafe { abi::ds_iv_fini() })
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

/// Whether CaRT calls [`rank_changed`].
static WATCHING: AtomicBool = AtomicBool::new(false);

/// Has CaRT tell of ranks that die, unless the engine checks consistency, and of clocks that differ.
pub fn watch_ranks(options: &Options) -> core::result::Result<(), Missed> {
    let missed = |error| Missed { step: "watch over ranks", error };
    if !options.check {
        // SAFETY: a function that may be called on any thread.
        check(unsafe { abi::crt_register_event_cb(Some(rank_changed), ptr::null_mut()) }).map_err(missed)?;
        WATCHING.store(true, Ordering::Release);
    }
    // SAFETY: as above; gone when CaRT ends.
    check(unsafe { abi::crt_register_hlc_error_cb(Some(clocks_differ), ptr::null_mut()) }).map_err(missed)
}

/// Undoes [`watch_ranks`].
pub fn unwatch_ranks() {
    if WATCHING.swap(false, Ordering::AcqRel) {
        // SAFETY: the pair that was registered.
        unsafe { abi::crt_unregister_event_cb(Some(rank_changed), ptr::null_mut()) };
    }
}

/// Measures when the engine was ready, and its rank.
pub fn note_ready(rank: abi::d_rank_t) {
    metric(|metrics| metrics.ready_time).record_timestamp();
    metric(|metrics| metrics.rank_id).set_gauge(rank.into());
}

/// `dss_crt_event_cb` of init.c.
unsafe extern "C" fn rank_changed(
    rank: abi::d_rank_t,
    incarnation: u64,
    source: abi::crt_event_source,
    kind: abi::crt_event_type,
    _arg: *mut c_void,
) {
    // SAFETY: takes no argument; only this event needs the own rank.
    let own = source == abi::CRT_EVS_GRPMOD && rank == unsafe { abi::dss_self_rank() };
    let reaction = reaction(source, kind, own);
    if reaction == Reaction::Ignore {
        return debug!(Facility::SERVER, "ignoring event {kind} of source {source}");
    }
    metric(|metrics| metrics.last_event_time).record_timestamp();
    let told = match reaction {
        Reaction::Report => {
            metric(|metrics| metrics.dead_rank_events).inc_counter(1);
            // SAFETY: takes numbers.
            unsafe { abi::ds_notify_swim_rank_dead(rank, incarnation) }
        }
        Reaction::EndSelf => {
            warn!(Facility::SERVER, "the group has excluded this engine (rank {rank}): raising SIGKILL");
            // SAFETY: takes numbers. daos_server may then start the rank anew.
            unsafe { abi::ds_notify_rank_self_terminated(rank, incarnation) }
        }
        Reaction::Ignore | Reaction::Note => 0,
    };
    if let Err(err) = check(told) {
        error!(Facility::SERVER, "cannot tell the control plane that rank {rank} is dead: {err}");
    }
    if reaction == Reaction::EndSelf {
        // SAFETY: a signal to this process.
        unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
    }
}

/// `dss_crt_hlc_error_cb` of init.c. The rank of the event is filled in by who sends it.
unsafe extern "C" fn clocks_differ(_arg: *mut c_void) {
    // SAFETY: null stands for what the event is not about; the text has no conversions.
    unsafe {
        abi::ds_notify_ras_eventf(
            abi::RAS_ENGINE_CLOCK_DRIFT,
            abi::RAS_TYPE_INFO,
            abi::RAS_SEV_ERROR,
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            c"clock drift detected".as_ptr(),
        );
    }
}
