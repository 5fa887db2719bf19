//! `daos_srv/daos_engine.h`: what the engine offers to modules.

use crate::*;
use core::ffi::{c_char, c_int, c_uchar, c_uint, c_void};
pub const ADDR_STR_MAX_LEN: u32 = 128;
pub const DSS_XS_NAME_LEN: u32 = 32;
pub const DSS_FAC_LOAD_CLI: u32 = 1;
pub const SCHED_SPACE_PRESS_NONE: u32 = 0;
pub const DSS_DEEP_STACK_SZ: u32 = 65536;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_module_info {
    pub dmi_ctx: crt_context_t,
    pub dmi_nvme_ctxt: *mut bio_xs_context,
    pub dmi_xstream: *mut dss_xstream,
    pub dmi_xs_id: c_int,
    pub dmi_tgt_id: c_int,
    pub dmi_ctx_id: c_int,
    /// Bit 0: the batched commit of DTX has started; bit 1: the engine is shutting down.
    ///
    /// C: bit fields `dmi_dtx_batched_started:1`, `dmi_srv_shutting_down:1`.
    pub dmi_flags: u32,
    pub dmi_version: daos_version_t,
    pub dmi_dtx_batched_cont_open_list: d_list_t,
    pub dmi_dtx_batched_pool_list: d_list_t,
    pub dmi_dp: *mut daos_profile,
    pub dmi_dtx_cmt_req: *mut sched_request,
    pub dmi_dtx_agg_req: *mut sched_request,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dss_drpc_handler {
    pub module_id: c_int,
    pub handler: drpc_handler_t,
}
pub const SCHED_REQ_UPDATE: c_uint = 0;
pub const SCHED_REQ_FETCH: c_uint = 1;
pub const SCHED_REQ_GC: c_uint = 2;
pub const SCHED_REQ_SCRUB: c_uint = 3;
pub const SCHED_REQ_MIGRATE: c_uint = 4;
pub const SCHED_REQ_MAX: c_uint = 5;
pub const SCHED_REQ_ANONYM: c_uint = 5;
pub const SCHED_REQ_TYPE_MAX: c_uint = 6;
pub const SCHED_REQ_FL_NO_DELAY: c_uint = 1;
pub const SCHED_REQ_FL_PERIODIC: c_uint = 2;
pub const SCHED_REQ_FL_NO_REJECT: c_uint = 4;
pub const SCHED_REQ_FL_RESENT: c_uint = 8;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sched_req_attr {
    pub sra_pool_id: uuid_t,
    pub sra_type: u32,
    pub sra_flags: u32,
    pub sra_timeout: u32,
    pub sra_enqueue_id: u64,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sched_request {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dss_module_ops {
    pub dms_get_req_attr:
        Option<unsafe extern "C" fn(rpc: *mut crt_rpc_t, attr: *mut sched_req_attr) -> c_int>,
    pub dms_set_req: Option<unsafe extern "C" fn(rpc: *mut crt_rpc_t, attr: *mut sched_req_attr) -> c_int>,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dss_module {
    pub sm_name: *const c_char,
    pub sm_mod_id: c_int,
    pub sm_ver: c_int,
    pub sm_facs: u64,
    pub sm_key: *mut daos_module_key,
    pub sm_init: Option<unsafe extern "C" fn() -> c_int>,
    pub sm_fini: Option<unsafe extern "C" fn() -> c_int>,
    pub sm_setup: Option<unsafe extern "C" fn() -> c_int>,
    pub sm_cleanup: Option<unsafe extern "C" fn() -> c_int>,
    pub sm_proto_count: c_int,
    pub sm_proto_fmt: [*mut crt_proto_format; 2],
    pub sm_cli_count: [u32; 2],
    pub sm_handlers: [*mut daos_rpc_handler; 2],
    pub sm_drpc_handlers: *mut dss_drpc_handler,
    pub sm_mod_ops: *mut dss_module_ops,
    pub sm_metrics: *mut daos_module_metrics,
}
pub const DSS_XS_SELF: dss_xs_type = -1;
pub const DSS_XS_VOS: dss_xs_type = 0;
pub const DSS_XS_IOFW: dss_xs_type = 1;
pub const DSS_XS_OFFLOAD: dss_xs_type = 2;
pub const DSS_XS_SYS: dss_xs_type = 3;
pub const DSS_XS_SWIM: dss_xs_type = 4;
pub const DSS_XS_DRPC: dss_xs_type = 5;
pub type dss_xs_type = c_int;
pub const DSS_ULT_FL_PERIODIC: dss_ult_flags = 1;
pub const DSS_ULT_DEEP_STACK: dss_ult_flags = 2;
pub type dss_ult_flags = c_uint;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dss_stream_arg_type {
    pub st_rc: c_int,
    pub st_coll_args: *mut c_void,
    pub st_arg: *mut c_void,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dss_coll_stream_args {
    pub csa_streams: *mut dss_stream_arg_type,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dss_coll_ops {
    pub co_func: Option<unsafe extern "C" fn(f_args: *mut c_void) -> c_int>,
    pub co_reduce: Option<unsafe extern "C" fn(a_args: *mut c_void, s_args: *mut c_void)>,
    pub co_reduce_arg_alloc:
        Option<unsafe extern "C" fn(args: *mut dss_stream_arg_type, a_args: *mut c_void) -> c_int>,
    pub co_reduce_arg_free: Option<unsafe extern "C" fn(args: *mut dss_stream_arg_type)>,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dss_coll_args {
    pub ca_func_args: *mut c_void,
    pub ca_aggregator: *mut c_void,
    pub ca_tgt_bitmap: *mut u8,
    pub ca_tgt_bitmap_sz: u32,
    pub ca_stream_args: dss_coll_stream_args,
}
pub const DSS_RC_OBJ: dss_rpc_cntr_id = 0;
pub const DSS_RC_CONT: dss_rpc_cntr_id = 1;
pub const DSS_RC_POOL: dss_rpc_cntr_id = 2;
pub const DSS_RC_MAX: dss_rpc_cntr_id = 3;
pub type dss_rpc_cntr_id = c_uint;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dss_rpc_cntr {
    pub rc_stime: u64,
    pub rc_active_time: u64,
    pub rc_active: u64,
    pub rc_total: u64,
    pub rc_errors: u64,
}
pub const DSS_OFFLOAD_MIN: c_int = -1;
pub const DSS_OFFLOAD_ULT: c_int = 1;
pub const DSS_OFFLOAD_ACC: c_int = 2;
pub const DSS_OFFLOAD_MAX: c_int = 7;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dss_acc_task {
    pub at_offload_type: c_int,
    pub at_opcode: c_int,
    pub at_params: *mut c_void,
    pub at_cb: Option<unsafe extern "C" fn(cb_args: *mut c_void) -> c_int>,
}
pub const DSS_INIT_STATE_INIT: dss_init_state = 0;
pub const DSS_INIT_STATE_SET_UP: dss_init_state = 1;
pub type dss_init_state = c_uint;
pub const MET_WRITE: dss_media_error_type = 0;
pub const MET_READ: dss_media_error_type = 1;
pub const MET_UNMAP: dss_media_error_type = 2;
pub const MET_CSUM: dss_media_error_type = 3;
pub const MET_IO_STALLED: dss_media_error_type = 4;
pub type dss_media_error_type = c_uint;
pub const DSS_DRPC_NO_RESP: dss_drpc_call_flag = 1;
pub const DSS_DRPC_NO_SCHED: dss_drpc_call_flag = 2;
pub type dss_drpc_call_flag = c_uint;
pub const DSS_CHORE_NEW: dss_chore_status = 0;
pub const DSS_CHORE_YIELD: dss_chore_status = 1;
pub const DSS_CHORE_DONE: dss_chore_status = 2;
pub type dss_chore_status = c_uint;
pub type dss_chore_func_t =
    Option<unsafe extern "C" fn(chore: *mut dss_chore, is_reentrance: bool) -> dss_chore_status>;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dss_chore {
    pub cho_link: d_list_t,
    pub cho_status: dss_chore_status,
    pub cho_func: dss_chore_func_t,
    /// Bit 0 says that the chore has priority.
    ///
    /// C: bit fields `cho_priority:1`.
    pub cho_flags: u32,
    pub cho_credits: i32,
    pub cho_hint: *mut c_void,
}
unsafe extern "C" {
    pub static mut daos_sysname: *mut c_char;
    pub static mut dss_tgt_nr: c_uint;
    pub static mut dss_storage_path: *const c_char;
    pub static mut dss_nvme_conf: *const c_char;
    pub static mut dss_socket_dir: *const c_char;
    pub static mut dss_nvme_mem_size: c_uint;
    pub static mut dss_nvme_hugepage_size: c_uint;
    pub static mut dss_instance_idx: c_uint;
    /// Number of storage tiers (init.c): 1 to 4.
    pub static mut dss_storage_tiers: c_uint;
    pub static mut dss_nvme_bypass_health_check: bool;
    pub fn dss_xstream_set_affinity(dxs: *mut dss_xstream) -> c_int;
    pub fn dss_xstream_exiting(dxs: *mut dss_xstream) -> bool;
    pub fn dss_xstream_is_busy() -> bool;
    pub fn dss_get_start_epoch() -> daos_epoch_t;
    pub fn dss_set_start_epoch();
    pub fn dss_has_enough_helper() -> bool;
    pub static mut daos_srv_modkey: daos_module_key;
    pub fn dss_srv_shutting_down() -> bool;
    pub fn sched_req_get(attr: *mut sched_req_attr, ult: ABT_thread) -> *mut sched_request;
    pub fn sched_req_put(req: *mut sched_request);
    pub fn sched_req_yield(req: *mut sched_request);
    pub fn sched_req_sleep(req: *mut sched_request, msec: u32);
    pub fn sched_req_wakeup(req: *mut sched_request);
    pub fn sched_req_abort(req: *mut sched_request);
    pub fn sched_req_wait(req: *mut sched_request, abort: bool);
    pub fn sched_req_is_aborted(req: *mut sched_request) -> bool;
    pub fn sched_req_space_check(req: *mut sched_request) -> c_int;
    pub fn sched_cond_wait(cond: ABT_cond, mutex: ABT_mutex);
    pub fn sched_cond_wait_for_business(cond: ABT_cond, mutex: ABT_mutex);
    pub fn sched_cur_msec() -> u64;
    pub fn sched_cur_seq() -> u64;
    pub fn sched_exec_time(msecs: *mut u64, ult_name: *const c_char) -> c_int;
    pub fn sched_create_ult(
        attr: *mut sched_req_attr,
        func: Option<unsafe extern "C" fn(arg1: *mut c_void)>,
        arg: *mut c_void,
        stack_size: usize,
    ) -> *mut sched_request;
    pub fn srv_profile_stop() -> c_int;
    pub fn srv_profile_start(path: *mut c_char, avg: c_int) -> c_int;
    pub fn dss_parameters_set(key_id: c_uint, value: u64) -> c_int;
    pub fn dss_ult_create(
        func: Option<unsafe extern "C" fn(arg1: *mut c_void)>,
        arg: *mut c_void,
        xs_type: c_int,
        tgt_id: c_int,
        stack_size: usize,
        ult: *mut ABT_thread,
    ) -> c_int;
    pub fn dss_ult_execute(
        func: Option<unsafe extern "C" fn(arg1: *mut c_void) -> c_int>,
        arg: *mut c_void,
        user_cb: Option<unsafe extern "C" fn(arg1: *mut c_void)>,
        cb_args: *mut c_void,
        xs_type: c_int,
        tgt_id: c_int,
        stack_size: usize,
    ) -> c_int;
    pub fn dss_ult_create_all(
        func: Option<unsafe extern "C" fn(arg1: *mut c_void)>,
        arg: *mut c_void,
        main: bool,
    ) -> c_int;
    pub fn dss_offload_exec(
        func: Option<unsafe extern "C" fn(arg1: *mut c_void) -> c_int>,
        arg: *mut c_void,
    ) -> c_int;
    pub fn dss_main_exec(func: Option<unsafe extern "C" fn(arg1: *mut c_void)>, arg: *mut c_void) -> c_int;
    pub fn dss_ult_periodic(
        func: Option<unsafe extern "C" fn(arg1: *mut c_void)>,
        arg: *mut c_void,
        xs_type: c_int,
        tgt_id: c_int,
        stack_size: usize,
        ult: *mut ABT_thread,
    ) -> c_int;
    pub fn dss_sleep(ms: u64) -> c_int;
    pub fn dss_task_collective_reduce(
        ops: *mut dss_coll_ops,
        coll_args: *mut dss_coll_args,
        flags: c_uint,
    ) -> c_int;
    pub fn dss_thread_collective_reduce(
        ops: *mut dss_coll_ops,
        coll_args: *mut dss_coll_args,
        flags: c_uint,
    ) -> c_int;
    pub fn dss_task_collective(
        func: Option<unsafe extern "C" fn(arg1: *mut c_void) -> c_int>,
        arg: *mut c_void,
        flags: c_uint,
    ) -> c_int;
    pub fn dss_thread_collective(
        func: Option<unsafe extern "C" fn(arg1: *mut c_void) -> c_int>,
        arg: *mut c_void,
        flags: c_uint,
    ) -> c_int;
    pub fn dss_build_coll_bitmap(
        exclude_tgts: *mut c_int,
        exclude_cnt: u32,
        p_bitmap: *mut *mut u8,
        bitmap_sz: *mut u32,
    ) -> c_int;
    pub fn dss_module_get(mod_id: c_int) -> *mut dss_module;
    pub fn dss_module_fini_metrics(tag: daos_module_tag, metrics: *mut *mut c_void);
    pub fn dss_module_init_metrics(
        tag: daos_module_tag,
        metrics: *mut *mut c_void,
        path: *const c_char,
        tgt_id: c_int,
    ) -> c_int;
    pub fn dss_module_nr_pool_metrics() -> c_int;
    pub fn dss_rpc_cntr_enter(id: dss_rpc_cntr_id);
    pub fn dss_rpc_cntr_exit(id: dss_rpc_cntr_id, failed: bool);
    pub fn dss_rpc_cntr_get(id: dss_rpc_cntr_id) -> *mut dss_rpc_cntr;
    pub fn dss_acc_offload(at_args: *mut dss_acc_task) -> c_int;
    pub fn dss_self_rank() -> d_rank_t;
    pub fn dss_ctx_nr_get() -> c_uint;
    pub fn dss_init_state_set(state: dss_init_state);
    pub fn dss_module_setup_all() -> c_int;
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
    pub fn dss_chore_register(chore: *mut dss_chore) -> c_int;
    pub fn dss_chore_deregister(chore: *mut dss_chore);
    pub fn dss_chore_diy(chore: *mut dss_chore);
    pub fn engine_in_check() -> bool;
    pub fn dss_set_join_version(version: daos_version_t);
    pub fn dss_get_join_version() -> daos_version_t;
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
    pub fn dss_vos_pool_open(
        path: *const c_char,
        uuid: *mut c_uchar,
        flags: c_uint,
        pool: *mut daos_handle_t,
    ) -> c_int;
}
