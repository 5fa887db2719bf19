//! `srv_internal.h`: shared between the C files of src/engine.

use crate::*;
use core::ffi::{c_char, c_int, c_uint, c_void};

/// Longest name of a host, without the NUL.
pub const DSS_HOSTNAME_MAX_LEN: u32 = 255;
/// Number of xstreams that listen for dRPC.
pub const DRPC_XS_NR: u32 = 1;
/// Number of xstreams that serve no target: system, SWIM, dRPC.
pub const DSS_SYS_XS_NR_DEFAULT: u32 = 3;
/// Least credits of a chore queue.
pub const DSS_CHORE_CREDITS_MIN: u32 = 1024;
/// Credits of a chore queue unless the environment says otherwise.
pub const DSS_CHORE_CREDITS_DEF: u32 = 4096;
/// Longest time that an idle xstream sleeps, in milliseconds.
pub const SCHED_RELAX_INTVL_MAX: u32 = 100;
/// Time that an idle xstream sleeps unless the environment says otherwise, in milliseconds.
pub const SCHED_RELAX_INTVL_DEFAULT: u32 = 1;
/// Of the ULT that polls the network.
pub const DSS_POOL_NET_POLL: c_uint = 0;
/// Of the ULT that polls NVMe.
pub const DSS_POOL_NVME_POLL: c_uint = 1;
/// Of all others.
pub const DSS_POOL_GENERIC: c_uint = 2;
/// Number of pools of an xstream.
pub const DSS_POOL_CNT: c_uint = 3;

/// What the scheduler measures. The nodes are null without telemetry.
#[repr(C)]
pub struct sched_stats {
    /// Time in all, in milliseconds.
    pub ss_total_time: *mut d_tm_node_t,
    /// Time that the CPU was given back, in milliseconds.
    pub ss_relax_time: *mut d_tm_node_t,
    /// Requests that wait.
    pub ss_wq_len: *mut d_tm_node_t,
    /// Requests that sleep.
    pub ss_sq_len: *mut d_tm_node_t,
    /// Time of a cycle, in milliseconds.
    pub ss_cycle_duration: *mut d_tm_node_t,
    /// Units of a cycle.
    pub ss_cycle_size: *mut d_tm_node_t,
    /// Requests that were rejected.
    pub ss_total_reject: *mut d_tm_node_t,
    /// When there was something to do last, in milliseconds.
    pub ss_busy_ts: u64,
    /// When the watchdog spoke last, in milliseconds.
    pub ss_watchdog_ts: u64,
    /// The unit that ran last.
    pub ss_last_unit: *mut c_void,
}

/// How far an xstream was when the monitor looked last.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sched_hist_seq {
    /// Its sequence number.
    pub sm_last_seq: u64,
    /// When that was seen first, in milliseconds.
    pub sm_last_ts: u64,
}

/// An xstream's scheduler.
#[repr(C)]
pub struct sched_info {
    /// When the cycle began, in monotonic milliseconds.
    pub si_cur_ts: u64,
    /// Units that have run.
    pub si_cur_seq: u64,
    /// When the last unit began to run, in milliseconds.
    pub si_ult_start: u64,
    /// Number of the last request that was rejected.
    pub si_cur_id: u64,
    /// Function of the last unit.
    pub si_ult_func: *mut c_void,
    /// What is measured.
    pub si_stats: sched_stats,
    /// Requests that are not in use.
    pub si_idle_list: d_list_t,
    /// Requests that sleep, by their time.
    pub si_sleep_list: d_list_t,
    /// I/O requests in their order.
    pub si_fifo_list: d_list_t,
    /// Pools of which nothing is known any more.
    pub si_purge_list: d_list_t,
    /// Pools, by UUID.
    pub si_pool_hash: *mut d_hash_table,
    /// Requests that were rejected and came again, by their numbers.
    pub si_heap: d_binheap,
    /// What the monitor knows of each xstream.
    pub si_hist_seqs: *mut sched_hist_seq,
    /// Requests in use.
    pub si_total_req_cnt: u32,
    /// The same by type.
    pub si_req_cnt: [u32; 5],
    /// Requests that sleep.
    pub si_sleep_cnt: c_int,
    /// Requests that wait for long.
    pub si_wait_cnt: c_int,
    /// Requests that were let go in this cycle, by type.
    pub si_kicked_req_cnt: [u32; 5],
    /// Bit 0 says that the scheduler is stopping.
    ///
    /// C: bit fields `si_stop:1`.
    pub si_flags: c_uint,
}

/// Memory that an xstream has taken. The nodes are null without telemetry.
#[repr(C)]
pub struct mem_stats {
    /// Bytes.
    pub ms_total_usage: *mut d_tm_node_t,
    /// What the allocator says.
    pub ms_mallinfo: *mut d_tm_node_t,
    /// Bytes.
    pub ms_current: u64,
}

/// Chores of an offload xstream.
#[repr(C)]
pub struct dss_chore_queue {
    /// They.
    pub chq_list: d_list_t,
    /// Credits that are left.
    pub chq_credits: i32,
    /// Whether it is being stopped.
    pub chq_stop: bool,
    /// Protects it.
    pub chq_mutex: ABT_mutex,
    /// Signalled when there is something to do.
    pub chq_cond: ABT_cond,
    /// Runs the chores.
    pub chq_ult: ABT_thread,
}

/// An xstream.
#[repr(C)]
pub struct dss_xstream {
    /// Its name.
    pub dx_name: [c_char; 32],
    /// Set when its scheduler has to stop.
    pub dx_shutdown: ABT_future,
    /// Set when it takes no new ULTs.
    pub dx_stopping: ABT_future,
    /// CPUs on which it runs; null if it is not bound.
    pub dx_cpuset: hwloc_cpuset_t,
    /// Argobots's side of it.
    pub dx_xstream: ABT_xstream,
    /// Its pools, by `DSS_POOL_*`.
    pub dx_pools: [ABT_pool; 3],
    /// Argobots's side of its scheduler.
    pub dx_sched: ABT_sched,
    /// The ULT that polls.
    pub dx_progress: ABT_thread,
    /// Its scheduler.
    pub dx_sched_info: sched_info,
    /// Tasks of the client's stack.
    pub dx_sched_dsc: tse_sched_t,
    /// RPCs of each kind.
    pub dx_rpc_cntrs: [dss_rpc_cntr; 3],
    /// Its id, from 0.
    pub dx_xs_id: c_int,
    /// Its target, -1 if none.
    pub dx_tgt_id: c_int,
    /// Number of its network context, -1 if none.
    pub dx_ctx_id: c_int,
    /// How long it polls the network, in microseconds.
    pub dx_timeout: c_uint,
    /// Whether it is the main xstream of a target.
    pub dx_main_xs: bool,
    /// Whether it has a network context.
    pub dx_comm: bool,
    /// Whether it forwards I/O.
    pub dx_iofw: bool,
    /// Whether the client's stack has a ULT here.
    pub dx_dsc_started: bool,
    /// Its memory.
    pub dx_mem_stats: mem_stats,
    /// Whether it has begun to poll the network.
    pub dx_progress_started: bool,
    /// Its `daos_module_tag`.
    pub dx_tag: c_int,
    /// Its chores.
    pub dx_chore_queue: dss_chore_queue,
}

/// Metrics of the engine; null without telemetry.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct engine_metrics {
    /// When it started.
    pub started_time: *mut d_tm_node_t,
    /// When it was set up.
    pub ready_time: *mut d_tm_node_t,
    /// Its rank.
    pub rank_id: *mut d_tm_node_t,
    /// Ranks that died.
    pub dead_rank_events: *mut d_tm_node_t,
    /// When the last one did.
    pub last_event_time: *mut d_tm_node_t,
    /// Its memory.
    pub meminfo: *mut d_tm_node_t,
}

/// A NUMA node.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dss_numa_info {
    /// Its index.
    pub ni_idx: c_int,
    /// Its cores.
    pub ni_core_nr: c_int,
    /// Those of its cores that are free.
    pub ni_coremap: hwloc_bitmap_t,
}

/// Wait within the network's poll.
pub const SCHED_RELAX_MODE_NET: sched_cpu_relax_mode = 0;
/// Sleep.
pub const SCHED_RELAX_MODE_SLEEP: sched_cpu_relax_mode = 1;
/// Spin.
pub const SCHED_RELAX_MODE_DISABLED: sched_cpu_relax_mode = 2;
/// No mode at all.
pub const SCHED_RELAX_MODE_INVALID: sched_cpu_relax_mode = 3;

/// What an idle xstream does.
pub type sched_cpu_relax_mode = c_uint;

unsafe extern "C" {
    /// srv_metrics.c: metrics of the engine.
    pub static mut dss_engine_metrics: engine_metrics;
    /// init.c: name of this host.
    pub static mut dss_hostname: [c_char; DSS_HOSTNAME_MAX_LEN as usize];
    /// init.c: hwloc's description of the machine; null in embedded mode, where nobody loads one.
    pub static mut dss_topo: hwloc_topology_t;
    /// init.c: depth of cores in `dss_topo`; 0 in embedded mode.
    pub static mut dss_core_depth: c_int;
    /// init.c: number of physical cores that the process may use.
    pub static mut dss_core_nr: c_int;
    /// init.c: index of the first core to use.
    pub static mut dss_core_offset: c_uint;
    /// init.c: the NUMA node to which all xstreams are bound, or -1.
    pub static mut dss_numa_node: c_int;
    /// init.c: number of NUMA nodes that are used.
    pub static mut dss_numa_nr: c_int;
    /// srv.c: number of system xstreams: system, SWIM, dRPC.
    pub static mut dss_sys_xs_nr: c_uint;
    /// srv.c: whether all targets share the offload xstreams.
    pub static mut dss_helper_pool: bool;
    /// init.c: the NUMA nodes, by index, when cores are chosen by node; else null. In embedded mode
    /// `ni_coremap` is null.
    pub static mut dss_numa: *mut dss_numa_info;
    /// init.c: whether I/O work is forwarded to neighbours (`DAOS_FORWARD_NEIGHBOR`).
    pub static mut dss_forward_neighbor: bool;
    /// srv.c: number of offload xstreams of all targets.
    pub static mut dss_tgt_offload_xs_nr: c_uint;
    /// srv.c: offload xstreams of each NUMA node, in multi-socket mode.
    pub static mut dss_offload_per_numa_nr: c_uint;
    /// srv.c: targets of each NUMA node, in multi-socket mode.
    pub static mut dss_tgt_per_numa_nr: c_uint;
    /// ult.c: credits of the chore queue of each offload xstream. srv.c sets it, from
    /// `DAOS_IO_CHORE_CREDITS`, before the xstreams start.
    pub static mut dss_chore_credits: u32;
    /// init.c: what the calling xstream knows of itself; null on other threads.
    pub fn get_module_info() -> *mut daos_module_info;
    /// module.c: makes the table of dRPC handlers. Returns 0 or -DER_NOMEM.
    pub fn dss_module_init() -> c_int;
    /// module.c: frees the table of dRPC handlers. `force` is ignored. Returns 0.
    pub fn dss_module_fini(force: bool) -> c_int;
    /// module.c: opens `lib<modname>.so` and looks `<modname>_module` up in it. The module is not initialised
    /// yet, but `dss_module_get` finds it.
    ///
    /// Returns 0; -DER_INVAL when there is no such library, or what it defines is no module; -DER_EXIST when
    /// a module of this name or id is loaded; -DER_NOSYS when it brings RPC protocols and the engine has no
    /// network. One line in the log says why.
    pub fn dss_module_load(modname: *const c_char) -> c_int;
    /// module.c: initialises all loaded modules and registers their TLS keys, RPC protocols and dRPC
    /// handlers. Adds their `sm_facs` to `*mod_fac`.
    ///
    /// Returns 0; -DER_INVAL when an `sm_init` fails; or the error of a registration. The module that failed
    /// and those after it are unloaded, those before it are up.
    pub fn dss_module_init_all(mod_fac: *mut u64) -> c_int;
    /// module.c: takes a module's registrations back, finalises it and closes its library. Returns 0, or
    /// -DER_ENOENT when no such module is loaded.
    pub fn dss_module_unload(modname: *const c_char) -> c_int;
    /// module.c: `dss_module_unload` for all modules, in the order in which they were loaded.
    pub fn dss_module_unload_all();
    /// module.c: calls `sm_cleanup` of all modules, the last loaded first, whatever they return. Returns the
    /// first failure, or 0.
    pub fn dss_module_cleanup_all() -> c_int;
    /// srv.c: starts all xstreams and the dRPC listener. On failure nothing is left running.
    pub fn dss_srv_init() -> c_int;
    /// srv.c: stops the dRPC listener and all xstreams. Always 0.
    pub fn dss_srv_fini(force: bool) -> c_int;
    /// srv.c: when it returns, `dss_srv_shutting_down` is true on every xstream.
    pub fn dss_srv_set_shutting_down();
    /// srv.c: writes what the runtime knows of all xstreams to `fp`.
    pub fn dss_dump_ABT_state(fp: *mut FILE);
    /// srv.c: lets the xstreams that wait since their start go on, and the scheduler's monitor begin, or end
    /// when `stopping`.
    pub fn dss_xstreams_open_barrier(stopping: bool);
    /// srv.c: the xstream with this id, or for `DSS_XS_SELF` the caller's; null while it has not started. An
    /// id that there is not aborts.
    pub fn dss_get_xstream(stream_id: c_int) -> *mut dss_xstream;
    /// srv.c: number of xstreams, those included that are about to start.
    pub fn dss_xstream_cnt() -> c_int;
    /// Declared in no header of DAOS: who needs it declares it.
    pub fn dss_bind_to_xstream_cpuset(tgt_id: c_int);
    /// srv.c: whether xstreams may be looked at; then `dss_sched_monitor_exit` must follow.
    pub fn dss_sched_monitor_enter() -> bool;
    /// srv.c: ends what `dss_sched_monitor_enter` began.
    pub fn dss_sched_monitor_exit();
    /// srv.c: counts an allocation of an xstream, whose `struct mem_stats` is `arg`.
    pub fn dss_mem_total_alloc_track(arg: *mut c_void, bytes: daos_size_t);
    /// srv.c: counts a release of memory of an xstream, whose `struct mem_stats` is `arg`.
    pub fn dss_mem_total_free_track(arg: *mut c_void, bytes: daos_size_t);
    /// srv_metrics.c: makes the engine's metrics; 0 or a DAOS error code.
    pub fn dss_engine_metrics_init() -> c_int;
    /// srv_metrics.c: frees them; 0.
    pub fn dss_engine_metrics_fini() -> c_int;
    /// sched.c: run every request at once, whatever its type is; `DAOS_SCHED_PRIO_DISABLED`.
    pub static mut sched_prio_disabled: bool;
    /// sched.c: how long an idle xstream naps where pushes cannot wake it, in milliseconds, 1 to 100;
    /// `DAOS_SCHED_RELAX_INTVL`.
    pub static mut sched_relax_intvl: c_uint;
    /// sched.c: a `SCHED_RELAX_MODE_*`; `DAOS_SCHED_RELAX_MODE`.
    pub static mut sched_relax_mode: c_uint;
    /// sched.c: how long a unit may run before the watchdog names it, in milliseconds; 0 for no watchdog;
    /// `DAOS_SCHED_UNIT_RUNTIME_MAX`.
    pub static mut sched_unit_runtime_max: c_uint;
    /// sched.c: watch all xstreams, not only system and SWIM; `DAOS_SCHED_WATCHDOG_ALL`.
    pub static mut sched_watchdog_all: bool;
    /// sched.c: how long a system or main xstream may be kept by one unit, in milliseconds; 0 for no monitor;
    /// `DAOS_SCHED_INACTIVE_MAX`.
    pub static mut sched_inactive_max: c_uint;
    /// sched.c: whether the monitor then kills the engine; `DAOS_SCHED_MONITOR_KILL`.
    pub static mut sched_monitor_kill: bool;
    /// sched.c: frees scheduler and pools of `dx`, which has ended.
    pub fn dss_sched_fini(dx: *mut dss_xstream);
    /// sched.c: gives the new xstream `dx` its pools and scheduler.
    pub fn dss_sched_init(dx: *mut dss_xstream) -> c_int;
    /// sched.c: runs `func(arg)` as a ULT of the current xstream `dx` when it is its turn.
    /// `-DER_OVERLOAD_RETRY` when it would be too late then; `sra_enqueue_id` says where to come again.
    pub fn sched_req_enqueue(
        dx: *mut dss_xstream,
        attr: *mut sched_req_attr,
        func: Option<unsafe extern "C" fn(arg1: *mut c_void)>,
        arg: *mut c_void,
    ) -> c_int;
    /// sched.c: wakes all sleepers of the current xstream `dx` and starts all its requests; from now on
    /// sleeping there is yielding.
    pub fn sched_stop(dx: *mut dss_xstream);
    /// ult.c: makes the chore queue of an xstream that is about to start.
    pub fn dss_chore_queue_init(dx: *mut dss_xstream) -> c_int;
    /// ult.c: starts the ULT that runs the chores of an xstream.
    pub fn dss_chore_queue_start(dx: *mut dss_xstream) -> c_int;
    /// ult.c: refuses further chores, and waits until those in the queue are done.
    pub fn dss_chore_queue_stop(dx: *mut dss_xstream);
    /// ult.c: frees what `dss_chore_queue_init` made.
    pub fn dss_chore_queue_fini(dx: *mut dss_xstream);
    /// server_iv.c: makes the engine ready for incast variables.
    pub fn ds_iv_init();
    /// server_iv.c: ends all namespaces and forgets all classes.
    pub fn ds_iv_fini();
    /// util.c: registers the classes of trees that the engine uses; 0 or a DAOS error code.
    pub fn dss_register_dbtree_classes() -> c_int;
}
