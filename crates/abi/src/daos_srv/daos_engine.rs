//! `daos_srv/daos_engine.h`: what the engine offers to modules.

use crate::*;
use core::ffi::{c_char, c_int, c_uchar, c_uint, c_void};

/// Longest address, URI or PCI, with its NUL.
pub const ADDR_STR_MAX_LEN: u32 = 128;
/// Bytes of an xstream's name, with its NUL.
pub const DSS_XS_NAME_LEN: u32 = 32;
/// The module needs the client's stack.
pub const DSS_FAC_LOAD_CLI: u32 = 1;
/// `sched_req_space_check`: there is no lack of space.
pub const SCHED_SPACE_PRESS_NONE: u32 = 0;
/// Bytes of a deep stack.
pub const DSS_DEEP_STACK_SZ: u32 = 65536;

/// What the engine keeps for modules on each xstream; modules know it as `dss_module_info`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_module_info {
    /// Network context, null if the xstream has none.
    pub dmi_ctx: crt_context_t,
    /// NVMe context, null if the xstream has none.
    pub dmi_nvme_ctxt: *mut bio_xs_context,
    /// The xstream.
    pub dmi_xstream: *mut dss_xstream,
    /// Its id, from 0.
    pub dmi_xs_id: c_int,
    /// Its target, -1 if none.
    pub dmi_tgt_id: c_int,
    /// Number of its network context, -1 if none.
    pub dmi_ctx_id: c_int,
    /// Bit 0: the batched commit of DTX has started; bit 1: the engine is shutting down.
    ///
    /// C: bit fields `dmi_dtx_batched_started:1`, `dmi_srv_shutting_down:1`.
    pub dmi_flags: u32,
    /// Version that the system runs.
    pub dmi_version: daos_version_t,
    /// Containers whose transactions are committed in batches; the DTX module's.
    pub dmi_dtx_batched_cont_open_list: d_list_t,
    /// Pools of those containers.
    pub dmi_dtx_batched_pool_list: d_list_t,
    /// Profile of the xstream, null while profiling is off.
    pub dmi_dp: *mut daos_profile,
    /// The DTX module's request for committing.
    pub dmi_dtx_cmt_req: *mut sched_request,
    /// The DTX module's request for aggregation.
    pub dmi_dtx_agg_req: *mut sched_request,
}

/// A module's handler of dRPC calls. A table of them ends with one whose handler is null.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dss_drpc_handler {
    /// A `drpc_module`.
    pub module_id: c_int,
    /// Answers calls to that module.
    pub handler: drpc_handler_t,
}

/// An update.
pub const SCHED_REQ_UPDATE: c_uint = 0;
/// A fetch.
pub const SCHED_REQ_FETCH: c_uint = 1;
/// Garbage collection.
pub const SCHED_REQ_GC: c_uint = 2;
/// Scrubbing.
pub const SCHED_REQ_SCRUB: c_uint = 3;
/// Migration of objects.
pub const SCHED_REQ_MIGRATE: c_uint = 4;
/// Number of types that belong to a pool.
pub const SCHED_REQ_MAX: c_uint = 5;
/// A request of no pool.
pub const SCHED_REQ_ANONYM: c_uint = 5;
/// Number of types.
pub const SCHED_REQ_TYPE_MAX: c_uint = 6;
/// It may not be held back.
pub const SCHED_REQ_FL_NO_DELAY: c_uint = 1;
/// It comes at regular intervals and does not make an idle xstream busy.
pub const SCHED_REQ_FL_PERIODIC: c_uint = 2;
/// It may not be rejected.
pub const SCHED_REQ_FL_NO_REJECT: c_uint = 4;
/// It was rejected before.
pub const SCHED_REQ_FL_RESENT: c_uint = 8;

/// What the scheduler must know of a request.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sched_req_attr {
    /// Its pool.
    pub sra_pool_id: uuid_t,
    /// A `SCHED_REQ_*` type.
    pub sra_type: u32,
    /// `SCHED_REQ_FL_*` bits.
    pub sra_flags: u32,
    /// How long its sender waits, in seconds; 0 for ever.
    pub sra_timeout: u32,
    /// Number that it got when it was rejected, 0 otherwise.
    pub sra_enqueue_id: u64,
}

/// A schedule request; the engine's own.
#[repr(C)]
pub struct sched_request {
    _opaque: [u8; 0],
}

/// How a module's RPCs are scheduled.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dss_module_ops {
    /// Fills in the attributes of an RPC's request; 0 or a DAOS error code.
    pub dms_get_req_attr:
        Option<unsafe extern "C" fn(rpc: *mut crt_rpc_t, attr: *mut sched_req_attr) -> c_int>,
    /// Stores attributes in the reply to an RPC that is rejected; 0 or a DAOS error code.
    pub dms_set_req: Option<unsafe extern "C" fn(rpc: *mut crt_rpc_t, attr: *mut sched_req_attr) -> c_int>,
}

/// A server module: the variable `<name>_module` of `lib<name>.so`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dss_module {
    /// Its name, the one in the library's.
    pub sm_name: *const c_char,
    /// Its id, below `DAOS_MAX_MODULE`.
    pub sm_mod_id: c_int,
    /// Version of its interface.
    pub sm_ver: c_int,
    /// `DSS_FAC_*` bits.
    pub sm_facs: u64,
    /// Its storage on xstreams; may be null.
    pub sm_key: *mut daos_module_key,
    /// Called once when it is loaded, before the xstreams start; 0 or a DAOS error code.
    pub sm_init: Option<unsafe extern "C" fn() -> c_int>,
    /// Called once before it is unloaded, after the xstreams have stopped.
    pub sm_fini: Option<unsafe extern "C" fn() -> c_int>,
    /// Called on the system xstream when the control plane sets the engine up; may be null.
    pub sm_setup: Option<unsafe extern "C" fn() -> c_int>,
    /// Called before the xstreams stop; may be null.
    pub sm_cleanup: Option<unsafe extern "C" fn() -> c_int>,
    /// Entries in use of the next three, 0 to 2.
    pub sm_proto_count: c_int,
    /// Its RPC protocols.
    pub sm_proto_fmt: [*mut crt_proto_format; 2],
    /// How many RPCs of each protocol are for clients only.
    pub sm_cli_count: [u32; 2],
    /// Handlers of each protocol's RPCs.
    pub sm_handlers: [*mut daos_rpc_handler; 2],
    /// Handlers of its dRPC calls; may be null.
    pub sm_drpc_handlers: *mut dss_drpc_handler,
    /// How its RPCs are scheduled; may be null.
    pub sm_mod_ops: *mut dss_module_ops,
    /// Its metrics of each pool; may be null.
    pub sm_metrics: *mut daos_module_metrics,
}

/// The calling xstream.
pub const DSS_XS_SELF: dss_xs_type = -1;
/// The main xstream of a target.
pub const DSS_XS_VOS: dss_xs_type = 0;
/// The helper that forwards a target's I/O.
pub const DSS_XS_IOFW: dss_xs_type = 1;
/// The helper that computes for a target.
pub const DSS_XS_OFFLOAD: dss_xs_type = 2;
/// The system xstream.
pub const DSS_XS_SYS: dss_xs_type = 3;
/// The xstream of SWIM.
pub const DSS_XS_SWIM: dss_xs_type = 4;
/// The xstream that listens for dRPC.
pub const DSS_XS_DRPC: dss_xs_type = 5;

/// Where a ULT is to run.
pub type dss_xs_type = c_int;

/// It comes at regular intervals and does not make an idle xstream busy.
pub const DSS_ULT_FL_PERIODIC: dss_ult_flags = 1;
/// Its stack has `DSS_DEEP_STACK_SZ` bytes.
pub const DSS_ULT_DEEP_STACK: dss_ult_flags = 2;

/// Flags of ULTs and collectives.
pub type dss_ult_flags = c_uint;

/// What a collective has for one target.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dss_stream_arg_type {
    /// What `co_func` has returned there.
    pub st_rc: c_int,
    /// The collective itself; the engine's own.
    pub st_coll_args: *mut c_void,
    /// What `co_reduce_arg_alloc` has made, to be filled in by `co_func`.
    pub st_arg: *mut c_void,
}

/// What a collective has for all targets.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dss_coll_stream_args {
    /// By target.
    pub csa_streams: *mut dss_stream_arg_type,
}

/// The functions of a collective.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dss_coll_ops {
    /// Runs on each target; its argument is `ca_func_args`, or the target's `dss_stream_arg_type` if there
    /// are arguments to reduce. 0 or a DAOS error code.
    pub co_func: Option<unsafe extern "C" fn(f_args: *mut c_void) -> c_int>,
    /// Merges the arguments of one target into the aggregator; may be null.
    pub co_reduce: Option<unsafe extern "C" fn(a_args: *mut c_void, s_args: *mut c_void)>,
    /// Makes `st_arg` of a target; 0 or a DAOS error code. May be null.
    pub co_reduce_arg_alloc:
        Option<unsafe extern "C" fn(args: *mut dss_stream_arg_type, a_args: *mut c_void) -> c_int>,
    /// Frees `st_arg`; must be there if `co_reduce_arg_alloc` is.
    pub co_reduce_arg_free: Option<unsafe extern "C" fn(args: *mut dss_stream_arg_type)>,
}

/// The arguments of a collective.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dss_coll_args {
    /// For `co_func`.
    pub ca_func_args: *mut c_void,
    /// For `co_reduce`.
    pub ca_aggregator: *mut c_void,
    /// A bit for each target that takes part; null for all of them.
    pub ca_tgt_bitmap: *mut u8,
    /// Bytes of the bitmap.
    pub ca_tgt_bitmap_sz: u32,
    /// The engine's own.
    pub ca_stream_args: dss_coll_stream_args,
}

/// Object RPCs.
pub const DSS_RC_OBJ: dss_rpc_cntr_id = 0;
/// Container RPCs.
pub const DSS_RC_CONT: dss_rpc_cntr_id = 1;
/// Pool RPCs.
pub const DSS_RC_POOL: dss_rpc_cntr_id = 2;
/// Number of counters.
pub const DSS_RC_MAX: dss_rpc_cntr_id = 3;

/// Counters of RPCs.
pub type dss_rpc_cntr_id = c_uint;

/// Counts RPCs of one kind on one xstream. Times are monotonic milliseconds.
#[repr(C)]
pub struct dss_rpc_cntr {
    /// Since when it counts.
    pub rc_stime: u64,
    /// When the last RPC came.
    pub rc_active_time: u64,
    /// RPCs at work.
    pub rc_active: u64,
    /// RPCs in all.
    pub rc_total: u64,
    /// RPCs that failed.
    pub rc_errors: u64,
}

/// Below all kinds.
pub const DSS_OFFLOAD_MIN: c_int = -1;
/// Compute in a ULT.
pub const DSS_OFFLOAD_ULT: c_int = 1;
/// Compute on an accelerator.
pub const DSS_OFFLOAD_ACC: c_int = 2;
/// Above all kinds.
pub const DSS_OFFLOAD_MAX: c_int = 7;

/// Something to compute.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dss_acc_task {
    /// `DSS_OFFLOAD_ULT` or `DSS_OFFLOAD_ACC`.
    pub at_offload_type: c_int,
    /// What to compute; the accelerator's.
    pub at_opcode: c_int,
    /// The argument of `at_cb`.
    pub at_params: *mut c_void,
    /// Computes; 0 or a DAOS error code.
    pub at_cb: Option<unsafe extern "C" fn(cb_args: *mut c_void) -> c_int>,
}

/// The engine has begun to start.
pub const DSS_INIT_STATE_INIT: dss_init_state = 0;
/// The control plane has said that modules may be set up.
pub const DSS_INIT_STATE_SET_UP: dss_init_state = 1;

/// How far the start of the engine is.
pub type dss_init_state = c_uint;

/// Writing failed.
pub const MET_WRITE: dss_media_error_type = 0;
/// Reading failed.
pub const MET_READ: dss_media_error_type = 1;
/// Unmapping failed.
pub const MET_UNMAP: dss_media_error_type = 2;
/// A checksum is wrong.
pub const MET_CSUM: dss_media_error_type = 3;
/// I/O does not end.
pub const MET_IO_STALLED: dss_media_error_type = 4;

/// What is wrong with a device.
pub type dss_media_error_type = c_uint;

/// Do not wait for the response; implies `DSS_DRPC_NO_SCHED`.
pub const DSS_DRPC_NO_RESP: dss_drpc_call_flag = 1;
/// Block the xstream until the response is there, instead of letting others run.
pub const DSS_DRPC_NO_SCHED: dss_drpc_call_flag = 2;

/// Flags of `dss_drpc_call`.
pub type dss_drpc_call_flag = c_uint;

/// It has not run yet.
pub const DSS_CHORE_NEW: dss_chore_status = 0;
/// It wants to run again.
pub const DSS_CHORE_YIELD: dss_chore_status = 1;
/// It is done.
pub const DSS_CHORE_DONE: dss_chore_status = 2;

/// State of a chore.
pub type dss_chore_status = c_uint;

/// Runs a part of a chore; what it returns says whether it wants to run again. It must not yield.
/// `is_reentrance` is false the first time.
pub type dss_chore_func_t =
    Option<unsafe extern "C" fn(chore: *mut dss_chore, is_reentrance: bool) -> dss_chore_status>;

/// Work for an offload xstream that is done in parts; within a structure of its owner's.
#[repr(C)]
pub struct dss_chore {
    /// The queue's.
    pub cho_link: d_list_t,
    /// State.
    pub cho_status: dss_chore_status,
    /// Does it.
    pub cho_func: dss_chore_func_t,
    /// Bit 0 says that the chore has priority.
    ///
    /// C: bit fields `cho_priority:1`.
    pub cho_flags: u32,
    /// Credits of the queue that it takes.
    pub cho_credits: i32,
    /// The queue in which it is; for the engine.
    pub cho_hint: *mut c_void,
}

unsafe extern "C" {
    /// init.c: name of the DAOS system, which is the name of CaRT's group too.
    pub static mut daos_sysname: *mut c_char;
    /// srv.c: number of targets; 0 after the stop.
    pub static mut dss_tgt_nr: c_uint;
    /// init.c: where the storage is mounted.
    pub static mut dss_storage_path: *const c_char;
    /// init.c: path of the NVMe configuration, or null.
    pub static mut dss_nvme_conf: *const c_char;
    /// init.c: directory of the sockets.
    pub static mut dss_socket_dir: *const c_char;
    /// init.c: memory for SPDK, in MiB.
    pub static mut dss_nvme_mem_size: c_uint;
    /// init.c: size of a huge page, in MiB.
    pub static mut dss_nvme_hugepage_size: c_uint;
    /// init.c: index of this engine on its host.
    pub static mut dss_instance_idx: c_uint;
    /// Number of storage tiers (init.c): 1 to 4.
    pub static mut dss_storage_tiers: c_uint;
    /// srv.c: no collection of NVMe health data.
    pub static mut dss_nvme_bypass_health_check: bool;
    /// srv.c: binds the calling thread to the CPUs of an xstream.
    pub fn dss_xstream_set_affinity(dxs: *mut dss_xstream) -> c_int;
    /// srv.c: whether the xstream is being stopped.
    pub fn dss_xstream_exiting(dxs: *mut dss_xstream) -> bool;
    /// srv.c: whether the current xstream had an object RPC in the last five seconds.
    pub fn dss_xstream_is_busy() -> bool;
    /// srv.c: the hybrid logical clock when the engine started.
    pub fn dss_get_start_epoch() -> daos_epoch_t;
    /// srv.c: notes the hybrid logical clock as the start of the engine.
    pub fn dss_set_start_epoch();
    /// srv.c: whether there are offload xstreams.
    pub fn dss_has_enough_helper() -> bool;
    /// srv.c: the key of `struct dss_module_info`, on every xstream.
    pub static mut daos_srv_modkey: daos_module_key;
    /// srv.c: whether the engine has begun to stop. It cannot begin before the calling xstream enters its
    /// scheduler.
    pub fn dss_srv_shutting_down() -> bool;
    /// sched.c: a request for the calling ULT, or for `ult`, which is then freed with it. Null on error.
    pub fn sched_req_get(attr: *mut sched_req_attr, ult: ABT_thread) -> *mut sched_request;
    /// sched.c: ends a request. A ULT that was passed to `sched_req_get`, or created by `sched_create_ult`,
    /// is joined and freed.
    pub fn sched_req_put(req: *mut sched_request);
    /// sched.c: lets other units run before the calling ULT, which is the request's.
    pub fn sched_req_yield(req: *mut sched_request);
    /// sched.c: suspends the calling ULT, which is the request's, for `msec` milliseconds or until it is
    /// woken.
    pub fn sched_req_sleep(req: *mut sched_request, msec: u32);
    /// sched.c: resumes the request's ULT if it sleeps. A null request sleeps never.
    pub fn sched_req_wakeup(req: *mut sched_request);
    /// sched.c: asks the request's ULT to end, and wakes it.
    pub fn sched_req_abort(req: *mut sched_request);
    /// sched.c: waits until the request's ULT has ended, after asking it to when `abort`.
    pub fn sched_req_wait(req: *mut sched_request, abort: bool);
    /// sched.c: whether the request's ULT was asked to end. On any thread.
    pub fn sched_req_is_aborted(req: *mut sched_request) -> bool;
    /// sched.c: space pressure of the request's pool. Pressure is a property of VOS storage; a pool without
    /// any is never under pressure.
    pub fn sched_req_space_check(req: *mut sched_request) -> c_int;
    /// sched.c: `ABT_cond_wait` for a wait that may be long.
    pub fn sched_cond_wait(cond: ABT_cond, mutex: ABT_mutex);
    /// sched.c: as `sched_cond_wait`, but the xstream counts as busy when it is over.
    pub fn sched_cond_wait_for_business(cond: ABT_cond, mutex: ABT_mutex);
    /// sched.c: monotonic time at which the current cycle began, in milliseconds; outside of xstreams the
    /// time now.
    pub fn sched_cur_msec() -> u64;
    /// sched.c: how many units this xstream has run; it differs before and after a yield.
    pub fn sched_cur_seq() -> u64;
    /// sched.c: writes for how many milliseconds the running ULT has not yielded, and logs that under
    /// `ult_name`, unless null, when it is longer than `sched_unit_runtime_max`. `-DER_NOSYS` on xstreams
    /// that are not watched.
    pub fn sched_exec_time(msecs: *mut u64, ult_name: *const c_char) -> c_int;
    /// sched.c: creates a ULT on the current xstream with a request of its own, which `sched_req_put` ends.
    /// Null on error.
    pub fn sched_create_ult(
        attr: *mut sched_req_attr,
        func: Option<unsafe extern "C" fn(arg1: *mut c_void)>,
        arg: *mut c_void,
        stack_size: usize,
    ) -> *mut sched_request;
    /// rpc.c: sends a request and waits for the reply; the caller keeps its reference. 0 or a DAOS error code.
    pub fn dss_rpc_send(rpc: *mut crt_rpc_t) -> c_int;
    /// rpc.c: sends a reply, unless fault injection says at `fail_loc` that it be lost. 0 or a DAOS error code.
    pub fn dss_rpc_reply(rpc: *mut crt_rpc_t, fail_loc: c_uint) -> c_int;
    /// srv_cli.c: runs a task of the client's stack on the current xstream, and with `sync` waits until it is
    /// complete. `retry_cb`, unless null, gets a copy of the `arg_size` bytes at `arg` when the task completes, before
    /// anybody else, and may have it run again. 0 or a DAOS error code.
    pub fn dsc_task_run(
        task: *mut tse_task_t,
        retry_cb: tse_task_cb_t,
        arg: *mut c_void,
        arg_size: c_int,
        sync: bool,
    ) -> c_int;
    /// srv_cli.c: the task scheduler of the current xstream.
    pub fn dsc_scheduler() -> *mut tse_sched_t;
    /// profile.c: stops profiling and closes the files; 0.
    pub fn srv_profile_stop() -> c_int;
    /// profile.c: starts profiling to files below `path`, with averages over `avg` seconds if that is not 0;
    /// 0 or a DAOS error code.
    pub fn srv_profile_start(path: *mut c_char, avg: c_int) -> c_int;
    /// srv.c: sets a parameter of fault injection, `DMG_KEY_FAIL_*`.
    pub fn dss_parameters_set(key_id: c_uint, value: u64) -> c_int;
    /// ult.c: creates a ULT that runs `func(arg)` on the xstream for `xs_type` and, where that type needs
    /// one, target `tgt_id`. `stack_size` is in bytes, 0 for the default. With `ult` not null the caller gets
    /// the handle and frees it by `ABT_thread_free`.
    ///
    /// Returns 0; -DER_INVAL without `func` or on an unknown type or target; -DER_NONEXIST when the xstream
    /// does not run; -DER_SHUTDOWN when the calling xstream is stopping; -DER_NOMEM.
    pub fn dss_ult_create(
        func: Option<unsafe extern "C" fn(arg1: *mut c_void)>,
        arg: *mut c_void,
        xs_type: c_int,
        tgt_id: c_int,
        stack_size: usize,
        ult: *mut ABT_thread,
    ) -> c_int;
    /// ult.c: runs `func(arg)` in a new ULT. Without `user_cb` it waits and returns what `func` returned;
    /// with it, it returns at once, and the ULT calls `user_cb(cb_args)` after `func`, whose return value is
    /// lost.
    ///
    /// Returns the errors of `dss_ult_create` too, and -DER_INVAL when a tasklet wants to wait.
    pub fn dss_ult_execute(
        func: Option<unsafe extern "C" fn(arg1: *mut c_void) -> c_int>,
        arg: *mut c_void,
        user_cb: Option<unsafe extern "C" fn(arg1: *mut c_void)>,
        cb_args: *mut c_void,
        xs_type: c_int,
        tgt_id: c_int,
        stack_size: usize,
    ) -> c_int;
    /// ult.c: creates a ULT that runs `func(arg)` on each xstream of the engine, or with `main` on the main
    /// xstream of each target. Stops at the first failure and returns it; the ULTs before it run.
    pub fn dss_ult_create_all(
        func: Option<unsafe extern "C" fn(arg1: *mut c_void)>,
        arg: *mut c_void,
        main: bool,
    ) -> c_int;
    /// ult.c: `dss_ult_execute` on the offload xstream of the caller's target; waits.
    ///
    /// Returns -DER_INVAL when the caller is not on a main xstream.
    pub fn dss_offload_exec(
        func: Option<unsafe extern "C" fn(arg1: *mut c_void) -> c_int>,
        arg: *mut c_void,
    ) -> c_int;
    /// ult.c: `dss_ult_create` on the caller's own xstream.
    ///
    /// Returns -DER_INVAL when the caller is neither on a main xstream nor on the system xstream.
    pub fn dss_main_exec(func: Option<unsafe extern "C" fn(arg1: *mut c_void)>, arg: *mut c_void) -> c_int;
    /// ult.c: `dss_ult_create` for ULTs that come at regular intervals, which do not make an idle xstream
    /// count as busy.
    pub fn dss_ult_periodic(
        func: Option<unsafe extern "C" fn(arg1: *mut c_void)>,
        arg: *mut c_void,
        xs_type: c_int,
        tgt_id: c_int,
        stack_size: usize,
        ult: *mut ABT_thread,
    ) -> c_int;
    /// srv.c: suspends the calling ULT for `msec` milliseconds, fewer when the engine stops.
    pub fn dss_sleep(ms: u64) -> c_int;
    /// ult.c: runs `co_func` in a tasklet, which must not block, on the main xstream of every selected
    /// target, waits, and reduces what they report. See `collective::run` for the order of the callbacks.
    ///
    /// Returns the first failure in the order of the targets, or 0; -DER_INVAL without a function or with an
    /// allocation callback that has no free callback; -DER_CANCELED when the engine has stopped.
    pub fn dss_task_collective_reduce(
        ops: *mut dss_coll_ops,
        coll_args: *mut dss_coll_args,
        flags: c_uint,
    ) -> c_int;
    /// ult.c: `dss_task_collective_reduce` with ULTs, which may block. `flags` may hold `DSS_ULT_DEEP_STACK`.
    pub fn dss_thread_collective_reduce(
        ops: *mut dss_coll_ops,
        coll_args: *mut dss_coll_args,
        flags: c_uint,
    ) -> c_int;
    /// ult.c: `dss_task_collective_reduce` on all targets, without reduction.
    pub fn dss_task_collective(
        func: Option<unsafe extern "C" fn(arg1: *mut c_void) -> c_int>,
        arg: *mut c_void,
        flags: c_uint,
    ) -> c_int;
    /// ult.c: `dss_thread_collective_reduce` on all targets, without reduction.
    pub fn dss_thread_collective(
        func: Option<unsafe extern "C" fn(arg1: *mut c_void) -> c_int>,
        arg: *mut c_void,
        flags: c_uint,
    ) -> c_int;
    /// ult.c: a bitmap that selects all targets but the `exclude_cnt` ones in `exclude_tgts`, which may be
    /// null. `*p_bitmap`, of `*bitmap_sz` bytes, is the caller's, to be freed by `D_FREE`.
    ///
    /// Returns 0; -DER_INVAL when it should exclude a target that does not exist; -DER_CANCELED when the
    /// engine has no targets; -DER_NOMEM.
    pub fn dss_build_coll_bitmap(
        exclude_tgts: *mut c_int,
        exclude_cnt: u32,
        p_bitmap: *mut *mut u8,
        bitmap_sz: *mut u32,
    ) -> c_int;
    /// module.c: the loaded module with this id; null if there is none.
    pub fn dss_module_get(mod_id: c_int) -> *mut dss_module;
    /// module.c: has each module free what `dss_module_init_metrics` made; those elements of `metrics` are
    /// null after.
    pub fn dss_module_fini_metrics(tag: daos_module_tag, metrics: *mut *mut c_void);
    /// module.c: has each module that has metrics for xstreams with `tag` make them, for the pool at `path`
    /// in the metrics tree and target `tgt_id`, into the element of `metrics` at the module's id. `metrics`
    /// has `DAOS_NR_MODULE` elements.
    ///
    /// Returns 0, or -DER_NOMEM when a module makes none; then those before it are freed.
    pub fn dss_module_init_metrics(
        tag: daos_module_tag,
        metrics: *mut *mut c_void,
        path: *const c_char,
        tgt_id: c_int,
    ) -> c_int;
    /// module.c: how many metrics all modules make for one pool: on the system xstream, on each target, or on
    /// both, as their tags say.
    pub fn dss_module_nr_pool_metrics() -> c_int;
    /// srv.c: counts an RPC that begins.
    pub fn dss_rpc_cntr_enter(id: dss_rpc_cntr_id);
    /// srv.c: counts the end of an RPC that began here. One that did not aborts.
    pub fn dss_rpc_cntr_exit(id: dss_rpc_cntr_id, failed: bool);
    /// srv.c: an RPC counter of the current xstream.
    pub fn dss_rpc_cntr_get(id: dss_rpc_cntr_id) -> *mut dss_rpc_cntr;
    /// srv.c: runs a computation on an offload xstream (`DSS_OFFLOAD_ULT`) or an accelerator
    /// (`DSS_OFFLOAD_ACC`). DAOS has no computation to offload, so nothing but the hand-over happens.
    pub fn dss_acc_offload(at_args: *mut dss_acc_task) -> c_int;
    /// init.c: the rank of this engine; `CRT_NO_RANK` before the control plane has set it, where the original
    /// fails an assertion.
    pub fn dss_self_rank() -> d_rank_t;
    /// srv.c: number of network contexts that the configured xstreams have.
    pub fn dss_ctx_nr_get() -> c_uint;
    /// init.c: moves the engine to `state`. The handler of SetUp calls it when the modules are set up.
    pub fn dss_init_state_set(state: dss_init_state);
    /// module.c: calls `sm_setup` of all modules, in the order in which they were loaded. Stops at the first
    /// that fails and returns what it returned.
    pub fn dss_module_setup_all() -> c_int;
    /// drpc_client.c: calls `method` of the control plane's `module` with the `req_size` bytes at `req`, and
    /// stores the response in `resp`, to be freed by `drpc_response_free`.
    ///
    /// The calling ULT sleeps while a thread makes the call. With `DSS_DRPC_NO_SCHED` in `flags` the caller
    /// makes it, as it must where there is no scheduler; so it does with `DSS_DRPC_NO_RESP`, which waits for
    /// no response and ignores `resp`. 0 or `-DER_*`.
    pub fn dss_drpc_call(
        module: i32,
        method: i32,
        req: *mut c_void,
        req_size: usize,
        flags: c_uint,
        resp: *mut *mut Drpc__Response,
    ) -> c_int;
    /// Stores in `svc_ranks` the ranks of the service of the pool `pool_uuid`, as the control plane knows them; to
    /// be freed by `d_rank_list_free`.
    pub fn ds_get_pool_svc_ranks(pool_uuid: *mut u8, svc_ranks: *mut *mut d_rank_list_t) -> c_int;
    /// Looks up the pool labelled `label`: stores its UUID and the ranks of its service.
    pub fn ds_pool_find_bylabel(
        label: *const c_char,
        pool_uuid: *mut u8,
        svc_ranks: *mut *mut d_rank_list_t,
    ) -> c_int;
    /// Stores the number of pools in `npools` and describes them in `pools`, which may be null.
    pub fn ds_get_pool_list(npools: *mut u64, pools: *mut daos_mgmt_pool_info_t) -> c_int;
    /// ult.c: has `chore` run by another xstream that forwards requests of the caller's target: by the chore
    /// queue of an offload xstream, or in a ULT of its own where there are none.
    ///
    /// The caller sets `cho_func` and `cho_credits`, at least 1, and keeps the chore alive until it is done.
    /// Returns 0; -DER_AGAIN when the queue has too few credits left, with their number in `cho_credits`;
    /// -DER_CANCELED when the queue is stopping; -DER_INVAL without a function or credits, or on an xstream
    /// that has no target; and the errors of `dss_ult_create`.
    pub fn dss_chore_register(chore: *mut dss_chore) -> c_int;
    /// ult.c: gives back the credits of a chore that was registered. Does nothing to one that holds none.
    pub fn dss_chore_deregister(chore: *mut dss_chore);
    /// ult.c: runs `chore` to its end in the calling ULT, which yields as often as it does.
    pub fn dss_chore_diy(chore: *mut dss_chore);
    /// init.c: whether the engine was started for a consistency check.
    pub fn engine_in_check() -> bool;
    /// init.c: sets the version with which the engine joins its system.
    pub fn dss_set_join_version(version: daos_version_t);
    /// init.c: the version with which the engine joins its system.
    pub fn dss_get_join_version() -> daos_version_t;
    /// ult.c: `vos_pool_create` in a ULT with a deep stack on this xstream; sizes in bytes. Returns what that
    /// does; -DER_NOSYS when no module provides it; and the errors of `dss_ult_execute`.
    pub fn dss_vos_pool_create(
        path: *const c_char,
        uuid: *mut c_uchar,
        scm_size: daos_size_t,
        data_sz: daos_size_t,
        meta_sz: daos_size_t,
        flags: c_uint,
        version: u32,
        pool: *mut daos_handle_t,
    ) -> c_int;
    /// ult.c: `vos_pool_open` in a ULT with a deep stack on this xstream. Returns as `dss_vos_pool_create`.
    pub fn dss_vos_pool_open(
        path: *const c_char,
        uuid: *mut c_uchar,
        flags: c_uint,
        pool: *mut daos_handle_t,
    ) -> c_int;

    /// ult_errno.c: the name of an error code of Argobots, `ABT_ERR_OTHER` for an unknown one.
    pub fn dss_abterr2str(rc: c_int) -> *const c_char;

    /// ult_errno.c: what an error code of Argobots means.
    pub fn dss_abterr2desc(rc: c_int) -> *const c_char;
}
