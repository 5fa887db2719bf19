//! `srv_internal.h`: shared between the C files of src/engine.

use crate::*;
use core::ffi::{c_char, c_int, c_uint, c_void};
pub const DSS_HOSTNAME_MAX_LEN: u32 = 255;
pub const DRPC_XS_NR: u32 = 1;
pub const DSS_SYS_XS_NR_DEFAULT: u32 = 3;
pub const DSS_CHORE_CREDITS_MIN: u32 = 1024;
pub const DSS_CHORE_CREDITS_DEF: u32 = 4096;
pub const SCHED_RELAX_INTVL_MAX: u32 = 100;
pub const SCHED_RELAX_INTVL_DEFAULT: u32 = 1;
pub const DSS_POOL_NET_POLL: c_uint = 0;
pub const DSS_POOL_NVME_POLL: c_uint = 1;
pub const DSS_POOL_GENERIC: c_uint = 2;
pub const DSS_POOL_CNT: c_uint = 3;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sched_stats {
    pub ss_total_time: *mut d_tm_node_t,
    pub ss_relax_time: *mut d_tm_node_t,
    pub ss_wq_len: *mut d_tm_node_t,
    pub ss_sq_len: *mut d_tm_node_t,
    pub ss_cycle_duration: *mut d_tm_node_t,
    pub ss_cycle_size: *mut d_tm_node_t,
    pub ss_total_reject: *mut d_tm_node_t,
    pub ss_busy_ts: u64,
    pub ss_watchdog_ts: u64,
    pub ss_last_unit: *mut c_void,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sched_hist_seq {
    pub sm_last_seq: u64,
    pub sm_last_ts: u64,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sched_info {
    pub si_cur_ts: u64,
    pub si_cur_seq: u64,
    pub si_ult_start: u64,
    pub si_cur_id: u64,
    pub si_ult_func: *mut c_void,
    pub si_stats: sched_stats,
    pub si_idle_list: d_list_t,
    pub si_sleep_list: d_list_t,
    pub si_fifo_list: d_list_t,
    pub si_purge_list: d_list_t,
    pub si_pool_hash: *mut d_hash_table,
    pub si_heap: d_binheap,
    pub si_hist_seqs: *mut sched_hist_seq,
    pub si_total_req_cnt: u32,
    pub si_req_cnt: [u32; 5],
    pub si_sleep_cnt: c_int,
    pub si_wait_cnt: c_int,
    pub si_kicked_req_cnt: [u32; 5],
    /// Bit 0 says that the scheduler is stopping.
    ///
    /// C: bit fields `si_stop:1`.
    pub si_flags: c_uint,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct mem_stats {
    pub ms_total_usage: *mut d_tm_node_t,
    pub ms_mallinfo: *mut d_tm_node_t,
    pub ms_current: u64,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dss_chore_queue {
    pub chq_list: d_list_t,
    pub chq_credits: i32,
    pub chq_stop: bool,
    pub chq_mutex: ABT_mutex,
    pub chq_cond: ABT_cond,
    pub chq_ult: ABT_thread,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dss_xstream {
    pub dx_name: [c_char; 32],
    pub dx_shutdown: ABT_future,
    pub dx_stopping: ABT_future,
    pub dx_cpuset: hwloc_cpuset_t,
    pub dx_xstream: ABT_xstream,
    pub dx_pools: [ABT_pool; 3],
    pub dx_sched: ABT_sched,
    pub dx_progress: ABT_thread,
    pub dx_sched_info: sched_info,
    pub dx_sched_dsc: tse_sched_t,
    pub dx_rpc_cntrs: [dss_rpc_cntr; 3],
    pub dx_xs_id: c_int,
    pub dx_tgt_id: c_int,
    pub dx_ctx_id: c_int,
    pub dx_timeout: c_uint,
    pub dx_main_xs: bool,
    pub dx_comm: bool,
    pub dx_iofw: bool,
    pub dx_dsc_started: bool,
    pub dx_mem_stats: mem_stats,
    pub dx_progress_started: bool,
    pub dx_tag: c_int,
    pub dx_chore_queue: dss_chore_queue,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct engine_metrics {
    pub started_time: *mut d_tm_node_t,
    pub ready_time: *mut d_tm_node_t,
    pub rank_id: *mut d_tm_node_t,
    pub dead_rank_events: *mut d_tm_node_t,
    pub last_event_time: *mut d_tm_node_t,
    pub meminfo: *mut d_tm_node_t,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dss_numa_info {
    pub ni_idx: c_int,
    pub ni_core_nr: c_int,
    pub ni_coremap: hwloc_bitmap_t,
}
pub const SCHED_RELAX_MODE_NET: sched_cpu_relax_mode = 0;
pub const SCHED_RELAX_MODE_SLEEP: sched_cpu_relax_mode = 1;
pub const SCHED_RELAX_MODE_DISABLED: sched_cpu_relax_mode = 2;
pub const SCHED_RELAX_MODE_INVALID: sched_cpu_relax_mode = 3;
pub type sched_cpu_relax_mode = c_uint;
unsafe extern "C" {
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
    /// srv.c: counts an allocation of an xstream, whose `struct mem_stats` is `arg`. The gauges that it feeds
    /// in DAOS are telemetry's.
    pub fn dss_mem_total_alloc_track(arg: *mut c_void, bytes: daos_size_t);
    /// srv.c: notes a release of memory of an xstream; only telemetry would show it.
    pub fn dss_mem_total_free_track(arg: *mut c_void, bytes: daos_size_t);
    pub fn dss_engine_metrics_init() -> c_int;
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
    pub fn dss_register_dbtree_classes() -> c_int;
}
