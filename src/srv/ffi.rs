//! The C symbols of `srv.c`.

use core::ffi::{CStr, c_int, c_uint, c_void};
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicU64, Ordering};
use std::ffi::CString;

use gurt_client::{Der, Facility, error, warn};

use super::memory;
use super::role::Role;
use super::service::{self, DUMP, MONITOR, XSTREAMS};
use super::xstream;
use crate::inline::{self, Layout};

/// An xstream without object RPCs for this long is not busy, in milliseconds.
const BUSY_FOR: u64 = 5000;
/// `dmi_srv_shutting_down` in `dmi_flags`.
const SHUTTING_DOWN: c_uint = 1 << 1;

/// The hybrid logical clock when the engine started.
static START_EPOCH: AtomicU64 = AtomicU64::new(0);

abi::export_data! {
    /// `dss_tgt_offload_xs_nr` (srv.c): number of offload xstreams of all targets.
    pub static mut dss_tgt_offload_xs_nr: c_uint = 0;
    /// `dss_offload_per_numa_nr` (srv.c): offload xstreams of each NUMA node, in multi-socket mode.
    pub static mut dss_offload_per_numa_nr: c_uint = 0;
    /// `dss_tgt_per_numa_nr` (srv.c): targets of each NUMA node, in multi-socket mode.
    pub static mut dss_tgt_per_numa_nr: c_uint = 0;
    /// `dss_tgt_nr` (srv.c): number of targets; 0 after the stop.
    pub static mut dss_tgt_nr: c_uint = 0;
    /// `dss_sys_xs_nr` (srv.c): number of system xstreams: system, SWIM, dRPC.
    pub static mut dss_sys_xs_nr: c_uint = abi::DSS_SYS_XS_NR_DEFAULT;
    /// `dss_helper_pool` (srv.c): whether all targets share the offload xstreams.
    pub static mut dss_helper_pool: bool = false;
    /// `dss_nvme_bypass_health_check` (srv.c): no collection of NVMe health data.
    pub static mut dss_nvme_bypass_health_check: bool = false;
    /// `daos_srv_modkey` (srv.c): the key of `struct dss_module_info`, on every xstream.
    pub static mut daos_srv_modkey: abi::daos_module_key = abi::daos_module_key {
        dmk_tags: abi::DAOS_SERVER_TAG,
        dmk_index: -1,
        dmk_init: Some(module_info_init),
        dmk_fini: Some(module_info_fini),
    };
}

unsafe extern "C" fn module_info_init(_tags: c_int, _xs_id: c_int, _tgt_id: c_int) -> *mut c_void {
    // SAFETY: zeroed memory, or null, which the caller reports. All fields may be zero.
    unsafe { abi::d_calloc(1, size_of::<abi::daos_module_info>()) }
}

unsafe extern "C" fn module_info_fini(_tags: c_int, data: *mut c_void) {
    // SAFETY: from module_info_init.
    unsafe { abi::d_free(data) };
}

/// Set on every xstream when the engine begins to stop.
unsafe extern "C" fn note_shutdown(_arg: *mut c_void) {
    xstream::set_info_flag(SHUTTING_DOWN);
}

/// The checksum of an offloaded task; DAOS computes none.
unsafe extern "C" fn compute_checksum(_arg: *mut c_void) -> c_int {
    0
}

/// The RPC counter `id` of the current xstream.
fn rpc_counter(symbol: &str, id: abi::dss_rpc_cntr_id) -> *mut abi::dss_rpc_cntr {
    assert!(id < abi::DSS_RC_MAX, "{symbol}: no RPC counter {id}");
    let dx = inline::current_xstream();
    let dx = dx.unwrap_or_else(|| panic!("{symbol}: the caller is on no xstream"));
    // SAFETY: a live xstream. Its counters are touched on its thread only.
    unsafe { (&raw mut (*dx.as_ptr()).dx_rpc_cntrs).cast::<abi::dss_rpc_cntr>().add(id as usize) }
}

/// Binds the calling thread to the CPUs of xstream `dx`.
unsafe fn bind_like(dx: NonNull<abi::dss_xstream>) -> c_int {
    // SAFETY: the caller passes a live xstream; its id does not change.
    let xs_id = unsafe { (*dx.as_ptr()).dx_xs_id } as u32;
    let Some(cpus) = service::cpus_of(xs_id as usize) else {
        error!(Facility::SERVER, "xs {xs_id} has no CPUs: it is not of the running service");
        return Der::new(abi::DER_NONEXIST.into()).rc();
    };
    Der::rc_of(xstream::bind(&Role::new(xs_id, &Layout::current()), &cpus))
}

/// Writes a heading to a C stream.
unsafe fn print(fp: *mut abi::FILE, heading: String) {
    if let Ok(heading) = CString::new(heading) {
        // SAFETY: the caller passes an open stream.
        unsafe { libc::fputs(heading.as_ptr(), fp) };
    }
}

/// Logs that one of the runtime's reports failed; the dump goes on.
fn check_print(what: &str, rc: c_int) {
    if rc != abi::ABT_SUCCESS {
        warn!(Facility::SERVER, "{what} failed with Argobots' error {rc}; the dump is incomplete");
    }
}

/// The part of the dump that is about one xstream.
unsafe fn dump_xstream(fp: *mut abi::FILE, dx: NonNull<abi::dss_xstream>) {
    // SAFETY: the caller passes an open stream, and an xstream that is not freed meanwhile.
    unsafe {
        let dx = dx.as_ptr();
        let name = CStr::from_ptr((&raw const (*dx).dx_name).cast()).to_string_lossy().into_owned();
        print(fp, format!("== per ES ({:p}) details == {name}\n", (*dx).dx_xstream));
        check_print("ABT_info_print_xstream", abi::ABT_info_print_xstream(fp, (*dx).dx_xstream));
        if (*dx).dx_progress != abi::ABT_THREAD_NULL {
            print(
                fp,
                format!("== ES ({:p}) progress ULT ({:p}) == {name}\n", (*dx).dx_xstream, (*dx).dx_progress),
            );
            check_print("ABT_info_print_thread", abi::ABT_info_print_thread(fp, (*dx).dx_progress));
        }
        check_print("ABT_info_print_sched", abi::ABT_info_print_sched(fp, (*dx).dx_sched));
        for pool in (*dx).dx_pools {
            print(fp, format!("== per POOL ({pool:p}) details == {name}\n"));
            check_print("ABT_info_print_pool", abi::ABT_info_print_pool(fp, pool));
        }
    }
}

abi::export! {
    /// `dss_ctx_nr_get` (srv.c): number of network contexts that the configured xstreams have.
    pub fn dss_ctx_nr_get() -> c_uint {
        Layout::current().contexts()
    }

    /// `dss_srv_init` (srv.c): starts all xstreams and the dRPC listener. On failure nothing is left running.
    pub fn dss_srv_init() -> c_int {
        Der::rc_of(service::start())
    }

    /// `dss_srv_fini` (srv.c): stops the dRPC listener and all xstreams. Always 0.
    pub fn dss_srv_fini(_force: bool) -> c_int {
        service::stop();
        0
    }

    /// `dss_xstreams_open_barrier` (srv.c): lets the xstreams that wait since their start go on, and the
    /// scheduler's monitor begin, or end when `stopping`.
    pub fn dss_xstreams_open_barrier(stopping: bool) {
        service::open_barrier(stopping);
    }

    /// `dss_sched_monitor_enter` (srv.c): whether xstreams may be looked at; then `dss_sched_monitor_exit`
    /// must follow.
    pub fn dss_sched_monitor_enter() -> bool {
        MONITOR.enter()
    }

    /// `dss_sched_monitor_exit` (srv.c): ends what `dss_sched_monitor_enter` began.
    pub fn dss_sched_monitor_exit() {
        MONITOR.exit();
    }

    /// `dss_xstream_cnt` (srv.c): number of xstreams, those included that are about to start.
    pub fn dss_xstream_cnt() -> c_int {
        XSTREAMS.count() as c_int
    }

    /// `dss_get_xstream` (srv.c): the xstream with this id, or for `DSS_XS_SELF` the caller's; null while it
    /// has not started. An id that there is not aborts.
    pub fn dss_get_xstream(stream_id: c_int) -> *mut abi::dss_xstream {
        if stream_id == abi::DSS_XS_SELF {
            return inline::current_xstream().map_or(ptr::null_mut(), NonNull::as_ptr);
        }
        let found = usize::try_from(stream_id).ok().and_then(|id| XSTREAMS.get(id));
        let Some(xstream) = found else {
            panic!("dss_get_xstream: no xstream {stream_id}: there are {}", XSTREAMS.count());
        };
        xstream.map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    /// `dss_xstream_exiting` (srv.c): whether the xstream is being stopped.
    pub unsafe fn dss_xstream_exiting(dxs: *mut abi::dss_xstream) -> bool {
        // SAFETY: the caller passes a live xstream.
        unsafe { inline::is_set((*dxs).dx_shutdown) }
    }

    /// `dss_xstream_set_affinity` (srv.c): binds the calling thread to the CPUs of an xstream.
    pub unsafe fn dss_xstream_set_affinity(dxs: *mut abi::dss_xstream) -> c_int {
        match NonNull::new(dxs) {
            // SAFETY: the caller passes a live xstream.
            Some(dx) => unsafe { bind_like(dx) },
            None => Der::new(abi::DER_INVAL.into()).rc(),
        }
    }

    /// `dss_bind_to_xstream_cpuset` (srv.c): binds the calling thread to the CPUs of a target's main xstream.
    pub fn dss_bind_to_xstream_cpuset(tgt_id: c_int) {
        let layout = Layout::current();
        let target = u32::try_from(tgt_id).ok().filter(|target| *target < layout.targets);
        let id = target.map(|target| layout.main_xstream(target) as usize);
        match id.and_then(|id| XSTREAMS.get(id)).flatten() {
            // SAFETY: a started xstream.
            Some(dx) => drop(unsafe { bind_like(dx) }),
            None => error!(Facility::SERVER, "cannot bind to the CPUs of target {tgt_id}: it is not running"),
        }
    }

    /// `dss_xstream_is_busy` (srv.c): whether the current xstream had an object RPC in the last five seconds.
    pub fn dss_xstream_is_busy() -> bool {
        let counter = rpc_counter("dss_xstream_is_busy", abi::DSS_RC_OBJ);
        // SAFETY: a counter of this xstream.
        abi_now() < unsafe { (*counter).rc_active_time } + BUSY_FOR
    }

    /// `dss_rpc_cntr_get` (srv.c): an RPC counter of the current xstream.
    pub fn dss_rpc_cntr_get(id: abi::dss_rpc_cntr_id) -> *mut abi::dss_rpc_cntr {
        rpc_counter("dss_rpc_cntr_get", id)
    }

    /// `dss_rpc_cntr_enter` (srv.c): counts an RPC that begins.
    pub fn dss_rpc_cntr_enter(id: abi::dss_rpc_cntr_id) {
        // SAFETY: a counter of this xstream, which only this thread touches.
        let counter = unsafe { &mut *rpc_counter("dss_rpc_cntr_enter", id) };
        counter.rc_active_time = abi_now();
        counter.rc_active += 1;
        counter.rc_total += 1;
        if counter.rc_stime == 0 {
            counter.rc_stime = counter.rc_active_time;
        }
    }

    /// `dss_rpc_cntr_exit` (srv.c): counts the end of an RPC that began here. One that did not aborts.
    pub fn dss_rpc_cntr_exit(id: abi::dss_rpc_cntr_id, failed: bool) {
        // SAFETY: a counter of this xstream, which only this thread touches.
        let counter = unsafe { &mut *rpc_counter("dss_rpc_cntr_exit", id) };
        assert!(counter.rc_active > 0, "dss_rpc_cntr_exit: no RPC is active in counter {id}");
        counter.rc_active -= 1;
        counter.rc_errors += u64::from(failed);
    }

    /// `dss_sleep` (srv.c): suspends the calling ULT for `msec` milliseconds, fewer when the engine stops.
    pub fn dss_sleep(msec: u64) -> c_int {
        if inline::current_xstream().is_none() {
            error!(Facility::SERVER, "the caller is on no xstream");
            return Der::new(abi::DER_INVAL.into()).rc();
        }
        // SAFETY: a request of the calling ULT, which is ended before this returns.
        unsafe {
            let mut attr = abi::sched_req_attr {
                sra_pool_id: [0; 16],
                sra_type: abi::SCHED_REQ_ANONYM,
                sra_flags: 0,
                sra_timeout: 0,
                sra_enqueue_id: 0,
            };
            let request = abi::sched_req_get(&raw mut attr, abi::ABT_THREAD_NULL);
            if request.is_null() {
                return Der::new(abi::DER_NOMEM.into()).rc();
            }
            abi::sched_req_sleep(request, u32::try_from(msec).unwrap_or(u32::MAX));
            abi::sched_req_put(request);
        }
        0
    }

    /// `dss_acc_offload` (srv.c): runs a computation on an offload xstream (`DSS_OFFLOAD_ULT`) or an accelerator
    /// (`DSS_OFFLOAD_ACC`). DAOS has no computation to offload, so nothing but the hand-over happens.
    pub unsafe fn dss_acc_offload(at_args: *mut abi::dss_acc_task) -> c_int {
        if at_args.is_null() {
            error!(Facility::SERVER, "no task");
            return Der::new(abi::DER_INVAL.into()).rc();
        }
        // SAFETY: the caller passes a task.
        let (kind, params) = unsafe { ((*at_args).at_offload_type, (*at_args).at_params) };
        if kind <= abi::DSS_OFFLOAD_MIN || kind >= abi::DSS_OFFLOAD_MAX {
            error!(Facility::SERVER, "unknown type of offload {kind}");
            return Der::new(abi::DER_INVAL.into()).rc();
        }
        if kind != abi::DSS_OFFLOAD_ULT {
            return 0;
        }
        let Some(info) = inline::module_info() else {
            error!(Facility::SERVER, "the caller is on no xstream");
            return Der::new(abi::DER_INVAL.into()).rc();
        };
        // SAFETY: this thread's module info; the function does not follow its argument.
        unsafe {
            let target = (*info.as_ptr()).dmi_tgt_id;
            let (callback, none) = (None, ptr::null_mut());
            abi::dss_ult_execute(
                Some(compute_checksum),
                params,
                callback,
                none,
                abi::DSS_XS_OFFLOAD,
                target,
                0,
            )
        }
    }

    /// `dss_parameters_set` (srv.c): sets a parameter of fault injection, `DMG_KEY_FAIL_*`.
    pub fn dss_parameters_set(key_id: c_uint, value: u64) -> c_int {
        // SAFETY: plain numbers.
        unsafe {
            match key_id {
                abi::DMG_KEY_FAIL_LOC => abi::daos_fail_loc_set(value),
                abi::DMG_KEY_FAIL_VALUE => abi::daos_fail_value_set(value),
                abi::DMG_KEY_FAIL_NUM => abi::daos_fail_num_set(value),
                _ => {
                    error!(Facility::SERVER, "no parameter {key_id}");
                    return Der::new(abi::DER_INVAL.into()).rc();
                }
            }
        }
        0
    }

    /// `dss_srv_shutting_down` (srv.c): whether the engine has begun to stop. It cannot begin before the
    /// calling xstream enters its scheduler.
    pub fn dss_srv_shutting_down() -> bool {
        // SAFETY: this thread's module info.
        inline::module_info().is_some_and(|info| unsafe { (*info.as_ptr()).dmi_flags } & SHUTTING_DOWN != 0)
    }

    /// `dss_srv_set_shutting_down` (srv.c): when it returns, `dss_srv_shutting_down` is true on every xstream.
    pub fn dss_srv_set_shutting_down() {
        service::on_every_xstream(note_shutdown);
    }

    /// `dss_get_start_epoch` (srv.c): the hybrid logical clock when the engine started.
    pub fn dss_get_start_epoch() -> abi::daos_epoch_t {
        START_EPOCH.load(Ordering::Relaxed)
    }

    /// `dss_set_start_epoch` (srv.c): notes the hybrid logical clock as the start of the engine.
    pub fn dss_set_start_epoch() {
        // SAFETY: takes no argument.
        START_EPOCH.store(unsafe { abi::d_hlc_get() }, Ordering::Relaxed);
    }

    /// `dss_has_enough_helper` (srv.c): whether there are offload xstreams.
    pub fn dss_has_enough_helper() -> bool {
        Layout::current().offload > 0
    }

    /// `dss_mem_total_alloc_track` (srv.c): counts an allocation of an xstream, whose `struct mem_stats` is
    /// `arg`.
    pub unsafe fn dss_mem_total_alloc_track(arg: *mut c_void, bytes: abi::daos_size_t) {
        // SAFETY: the caller passes the statistics of its xstream.
        match unsafe { arg.cast::<abi::mem_stats>().as_mut() } {
            Some(stats) => memory::count_allocation(stats, bytes),
            None => panic!("dss_mem_total_alloc_track: no statistics"),
        }
    }

    /// `dss_mem_total_free_track` (srv.c): counts a release of memory of an xstream, whose `struct mem_stats` is
    /// `arg`.
    pub unsafe fn dss_mem_total_free_track(arg: *mut c_void, bytes: abi::daos_size_t) {
        // SAFETY: the caller passes the statistics of its xstream.
        match unsafe { arg.cast::<abi::mem_stats>().as_mut() } {
            Some(stats) => memory::count_release(stats, bytes),
            None => panic!("dss_mem_total_free_track: no statistics"),
        }
    }

    /// `dss_dump_ABT_state` (srv.c): writes what the runtime knows of all xstreams to `fp`.
    pub unsafe fn dss_dump_ABT_state(fp: *mut abi::FILE) {
        if fp.is_null() {
            return;
        }
        // SAFETY: the caller passes an open stream; between enter and exit no xstream is freed.
        unsafe {
            print(fp, " == ABT config ==\n".into());
            check_print("ABT_info_print_config", abi::ABT_info_print_config(fp));
            print(fp, " == List of all ESs ==\n".into());
            check_print("ABT_info_print_all_xstreams", abi::ABT_info_print_all_xstreams(fp));
            if !DUMP.enter() {
                print(fp, " == no xstreams ==\n".into());
                return;
            }
            for dx in XSTREAMS.started() {
                dump_xstream(fp, dx);
            }
            DUMP.exit();
        }
    }
}

/// `sched_cur_msec`, of sched.c.
fn abi_now() -> u64 {
    // SAFETY: takes no argument.
    unsafe { abi::sched_cur_msec() }
}
