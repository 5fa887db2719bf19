//! Calls of the engine to the control plane: `drpc_client.c`.

use core::ffi::{CStr, c_char, c_int, c_uint, c_void};
use core::{ptr, slice};
use std::ffi::CString;
use std::sync::{Mutex, PoisonError};
use std::thread;

use abi::*;
use gurt_client::{Der, Facility, Result, debug, error, info};

use super::upcall::{Request, Response, Unpacked, answers, ask, label, rank_list, repeated, requests, tell};
use super::uuid::Uuid;

/// First and longest sleep in milliseconds between two looks at a call that a thread makes.
const SLEEPS: core::ops::RangeInclusive<u32> = 1..=64;

requests! {
    Srv__NotifyReadyReq: srv__notify_ready_req__init, srv__notify_ready_req__get_packed_size,
        srv__notify_ready_req__pack;
    Srv__GetPoolSvcReq: srv__get_pool_svc_req__init, srv__get_pool_svc_req__get_packed_size,
        srv__get_pool_svc_req__pack;
    Srv__PoolFindByLabelReq: srv__pool_find_by_label_req__init, srv__pool_find_by_label_req__get_packed_size,
        srv__pool_find_by_label_req__pack;
    Srv__ListPoolsReq: srv__list_pools_req__init, srv__list_pools_req__get_packed_size, srv__list_pools_req__pack;
}

answers! {
    Srv__GetPoolSvcResp: srv__get_pool_svc_resp__unpack, srv__get_pool_svc_resp__free_unpacked;
    Srv__PoolFindByLabelResp: srv__pool_find_by_label_resp__unpack, srv__pool_find_by_label_resp__free_unpacked;
    Srv__ListPoolsResp: srv__list_pools_resp__unpack, srv__list_pools_resp__free_unpacked;
}

const fn der(code: daos_errno) -> Der {
    Der::new(code as i64)
}

/// The control plane's socket file, between `drpc_init` and `drpc_fini`.
static SERVER: Mutex<Option<CString>> = Mutex::new(None);

fn with_server<R>(work: impl FnOnce(&mut Option<CString>) -> R) -> R {
    work(&mut SERVER.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A call to the control plane.
#[derive(Clone, Copy)]
struct Call<'a> {
    module: i32,
    method: i32,
    body: &'a [u8],
    /// Whether to wait for the response.
    wait: bool,
}

impl Call<'_> {
    /// Makes the call on a connection of its own, because calls on one cannot overlap.
    fn run(&self) -> Result<Response> {
        let path = with_server(|path| path.clone()).ok_or_else(|| {
            error!(Facility::SERVER, "cannot call the control plane: the dRPC client is not initialised");
            der(DER_UNINIT)
        })?;
        let mut ctx = ptr::null_mut();
        // SAFETY: the path is a string; the context lives until it is closed, below.
        unsafe {
            Der::check(drpc_connect(path.as_ptr().cast_mut(), &raw mut ctx))?;
            (*ctx).yield_ = Some(ABT_thread_yield);
            let result = self.send(ctx);
            drpc_close(ctx);
            result.inspect_err(|err| {
                let Call { module, method, .. } = self;
                error!(Facility::SERVER, "dRPC call to method {method} of module {module} fails: {err}");
            })
        }
    }

    /// Makes the call on `ctx`.
    ///
    /// # Safety
    /// `ctx` is a connected context, which nobody else uses.
    unsafe fn send(&self, ctx: *mut drpc) -> Result<Response> {
        let mut call = ptr::null_mut();
        let mut response = ptr::null_mut();
        let flags = if self.wait { R_SYNC as c_int } else { 0 };
        // SAFETY: the caller vouches for the context; the call is ours, and its body only lent to it.
        unsafe {
            Der::check(drpc_call_create(ctx, self.module, self.method, &raw mut call))?;
            let empty = (*call).body;
            (*call).body.data = self.body.as_ptr().cast_mut();
            (*call).body.len = self.body.len();
            let rc = drpc_call(ctx, flags, call, &raw mut response);
            (*call).body = empty;
            drpc_call_free(call);
            Der::check(rc)?;
        }
        // SAFETY: stored by the call, and ours.
        Ok(unsafe { Response::from_raw(response) })
    }

    /// Makes the call on a thread of its own, while the calling ULT sleeps.
    fn run_aside(&self) -> Result<Response> {
        /// What the thread returns: the address of the response.
        struct Made(Result<usize>);
        let sleeper = Sleeper::new()?;
        thread::scope(|scope| {
            let made = thread::Builder::new()
                .name("daos_drpc".into())
                .spawn_scoped(scope, || {
                    Made(self.run().map(|response| response.into_raw().expose_provenance()))
                })
                .map_err(|err| {
                    error!(Facility::SERVER, "cannot create a thread for a dRPC call: {err}");
                    Der::from_errno(err.raw_os_error().unwrap_or(libc::EAGAIN))
                })?;
            let mut sleep = *SLEEPS.start();
            while !made.is_finished() {
                sleeper.sleep(sleep);
                sleep = (2 * sleep).min(*SLEEPS.end());
            }
            let Made(made) = made.join().expect("a call does not panic");
            // SAFETY: the thread has given it up.
            made.map(|address| unsafe { Response::from_raw(ptr::with_exposed_provenance_mut(address)) })
        })
    }
}

/// How a ULT sleeps: an anonymous request of the scheduler.
struct Sleeper(*mut sched_request);

impl Sleeper {
    fn new() -> Result<Self> {
        // SAFETY: all zeroes is a request of type 0, for no pool.
        let mut attr: sched_req_attr = unsafe { core::mem::zeroed() };
        attr.sra_type = SCHED_REQ_ANONYM;
        // SAFETY: the attributes are copied; no ULT means the calling one.
        let request = unsafe { sched_req_get(&raw mut attr, ABT_THREAD_NULL) };
        if request.is_null() {
            error!(Facility::SERVER, "cannot get a scheduler request for a dRPC call");
            return Err(der(DER_NOMEM));
        }
        Ok(Sleeper(request))
    }

    fn sleep(&self, msec: u32) {
        // SAFETY: a live request.
        unsafe { sched_req_sleep(self.0, msec) }
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        // SAFETY: a live request, given up.
        unsafe { sched_req_put(self.0) }
    }
}

/// The status of a response as a result. That something does not exist is an answer, no error.
fn answered(what: std::fmt::Arguments<'_>, status: i32) -> Result {
    match Der::check(status) {
        Ok(_) => Ok(()),
        Err(err) => {
            if err == der(DER_NONEXIST) {
                debug!(Facility::SERVER, "the control plane does not know {what}");
            } else {
                error!(Facility::SERVER, "the control plane cannot tell about {what}: {err}");
            }
            Err(err)
        }
    }
}

/// The URI under which CaRT knows this engine, freed when dropped.
struct SelfUri(*mut c_char);

impl SelfUri {
    fn get() -> Result<Self> {
        let mut uri = ptr::null_mut();
        // SAFETY: a string is stored, which is ours then.
        Der::check(unsafe { crt_self_uri_get(0, &raw mut uri) })?;
        Ok(SelfUri(uri))
    }
}

impl Drop for SelfUri {
    fn drop(&mut self) {
        // SAFETY: CaRT's memory, given up.
        unsafe { d_free(self.0.cast()) }
    }
}

/// The number of network contexts: one for the system and the SWIM xstream, one a target, and one for the first
/// helper of each.
fn contexts() -> u32 {
    // SAFETY: set before the engine gets ready.
    let (targets, helpers) =
        unsafe { ((&raw const dss_tgt_nr).read(), (&raw const dss_tgt_offload_xs_nr).read()) };
    DAOS_TGT0_OFFSET + targets + helpers.min(targets)
}

fn notify_ready(check_mode: bool) -> Result {
    let uri = SelfUri::get()?;
    let mut request = Srv__NotifyReadyReq::new();
    // SAFETY: one number is stored; the variables are set before the engine gets ready.
    unsafe {
        Der::check(crt_self_incarnation_get(&raw mut request.incarnation))?;
        request.drpclistenersock = (&raw const drpc_listener_socket_path).read();
        request.instanceidx = (&raw const dss_instance_idx).read();
        request.ntgts = (&raw const dss_tgt_nr).read();
    }
    request.uri = uri.0;
    request.nctxs = contexts();
    request.check_mode = check_mode.into();
    info!(Facility::SERVER, "telling the control plane that the engine is ready");
    // SAFETY: both strings outlive the call.
    unsafe { tell(DRPC_METHOD_SRV_NOTIFY_READY, &request, DSS_DRPC_NO_SCHED) }
}

/// Fills `pools` with the pools of a response; what has been filled in is freed when one fails.
fn fill_pools(pools: &mut [daos_mgmt_pool_info_t], from: &[*mut Srv__ListPoolsResp__Pool]) -> Result {
    for (done, &pool) in from.iter().enumerate() {
        // SAFETY: the response has a message there.
        match describe_pool(unsafe { &*pool }) {
            Ok((uuid, label, ranks)) => {
                let info = &mut pools[done];
                (info.mgpi_uuid, info.mgpi_label, info.mgpi_svc) = (uuid.0, label, ranks);
            }
            Err(err) => {
                for info in &mut pools[..done] {
                    // SAFETY: filled in above.
                    unsafe {
                        d_free(info.mgpi_label.cast());
                        d_rank_list_free(info.mgpi_svc);
                    }
                    (info.mgpi_label, info.mgpi_svc) = (ptr::null_mut(), ptr::null_mut());
                }
                return Err(err);
            }
        }
    }
    Ok(())
}

/// The UUID, and label and ranks in memory of C.
fn describe_pool(pool: &Srv__ListPoolsResp__Pool) -> Result<(Uuid, *mut c_char, *mut d_rank_list_t)> {
    // SAFETY: a message that was unpacked holds strings and as many ranks as it says; the label is ours.
    unsafe {
        let uuid = Uuid::from_c(pool.uuid).ok_or_else(|| {
            error!(Facility::SERVER, "the control plane lists a pool whose UUID makes no sense");
            der(DER_INVAL)
        })?;
        let label = label(pool.label)?;
        let ranks = rank_list(pool.svcreps, pool.n_svcreps).inspect_err(|_| d_free(label.cast()))?;
        Ok((uuid, label, ranks))
    }
}

abi::export! {
    /// `drpc_init` (drpc_client.c): the control plane is `daos_server.sock` in the socket directory. 0, or
    /// `-DER_ALREADY`.
    pub fn drpc_init() -> c_int {
        // SAFETY: a string, set before the engine starts.
        let mut path = unsafe { CStr::from_ptr((&raw const dss_socket_dir).read()) }.to_bytes().to_vec();
        path.extend_from_slice(b"/daos_server.sock");
        let path = CString::new(path).expect("no NUL in a C string");
        with_server(|server| {
            if server.is_some() {
                error!(Facility::SERVER, "the dRPC client is initialised already");
                return der(DER_ALREADY).rc();
            }
            *server = Some(path);
            0
        })
    }

    /// `drpc_fini` (drpc_client.c): undoes [`drpc_init`].
    pub fn drpc_fini() {
        with_server(|server| *server = None);
    }

    /// `dss_drpc_call` (drpc_client.c): calls `method` of the control plane's `module` with the `req_size` bytes at
    /// `req`, and stores the response in `resp`, to be freed by `drpc_response_free`.
    ///
    /// The calling ULT sleeps while a thread makes the call. With `DSS_DRPC_NO_SCHED` in `flags` the caller makes
    /// it, as it must where there is no scheduler; so it does with `DSS_DRPC_NO_RESP`, which waits for no response
    /// and ignores `resp`. 0 or `-DER_*`.
    pub unsafe fn dss_drpc_call(
        module: i32,
        method: i32,
        req: *mut c_void,
        req_size: usize,
        flags: c_uint,
        resp: *mut *mut Drpc__Response,
    ) -> c_int {
        let wait = flags & DSS_DRPC_NO_RESP == 0;
        if wait && resp.is_null() || req.is_null() && req_size != 0 {
            error!(Facility::SERVER, "dRPC call to module {module} without a request or a place for the response");
            return der(DER_INVAL).rc();
        }
        // SAFETY: the caller passes that many bytes, for as long as the call takes.
        let body = if req.is_null() { &[] } else { unsafe { slice::from_raw_parts(req.cast(), req_size) } };
        let call = Call { module, method, body, wait };
        let here = !wait || flags & DSS_DRPC_NO_SCHED != 0;
        match if here { call.run() } else { call.run_aside() } {
            Ok(response) => {
                if wait {
                    // SAFETY: not null, and the caller passes writable memory.
                    unsafe { resp.write(response.into_raw()) };
                }
                0
            }
            Err(err) => err.rc(),
        }
    }

    /// `drpc_notify_ready` (drpc_client.c): tells the control plane where the engine listens. 0 or `-DER_*`.
    pub fn drpc_notify_ready(check_mode: bool) -> c_int {
        Der::rc_of(notify_ready(check_mode))
    }

    /// `ds_get_pool_svc_ranks` (drpc_client.c): stores in `svc_ranks` the ranks of the service of the pool
    /// `pool_uuid`, to be freed by `d_rank_list_free`. 0 or `-DER_*`; `-DER_NONEXIST` for an unknown pool.
    pub unsafe fn ds_get_pool_svc_ranks(pool_uuid: *mut u8, svc_ranks: *mut *mut d_rank_list_t) -> c_int {
        // SAFETY: the caller passes a UUID.
        let uuid = Uuid(unsafe { pool_uuid.cast::<uuid_t>().read() });
        let text = CString::new(uuid.to_string()).expect("no NUL in a UUID");
        let mut request = Srv__GetPoolSvcReq::new();
        request.uuid = text.as_ptr().cast_mut();
        // SAFETY: the text outlives the call, the answer holds as many ranks as it says, and the caller passes
        // writable memory.
        Der::rc_of(unsafe {
            ask(DRPC_METHOD_SRV_GET_POOL_SVC, &request).and_then(|got: Unpacked<Srv__GetPoolSvcResp>| {
                answered(format_args!("the service of pool {uuid}"), got.status)?;
                svc_ranks.write(rank_list(got.svcreps, got.n_svcreps)?);
                Ok(())
            })
        })
    }

    /// `ds_pool_find_bylabel` (drpc_client.c): stores in `pool_uuid` and `svc_ranks` the UUID and the service ranks
    /// of the pool labelled `label`. 0 or `-DER_*`; `-DER_NONEXIST` for an unknown label.
    pub unsafe fn ds_pool_find_bylabel(
        label: *const c_char,
        pool_uuid: *mut u8,
        svc_ranks: *mut *mut d_rank_list_t,
    ) -> c_int {
        // SAFETY: the caller passes a string.
        let label = unsafe { CStr::from_ptr(label) }.to_bytes();
        let label = CString::new(&label[..label.len().min(DAOS_PROP_LABEL_MAX_LEN)]).expect("no NUL in a C string");
        let mut request = Srv__PoolFindByLabelReq::new();
        request.label = label.as_ptr().cast_mut();
        let label = label.to_string_lossy();
        // SAFETY: the label outlives the call, the answer holds strings and as many ranks as it says, and the caller
        // passes memory for both.
        Der::rc_of(unsafe {
            ask(DRPC_METHOD_SRV_POOL_FIND_BYLABEL, &request).and_then(|got: Unpacked<Srv__PoolFindByLabelResp>| {
                answered(format_args!("pool {label}"), got.status)?;
                let uuid = Uuid::from_c(got.uuid).ok_or_else(|| {
                    error!(Facility::SERVER, "the control plane gives pool {label} a UUID that makes no sense");
                    der(DER_IO)
                })?;
                svc_ranks.write(rank_list(got.svcreps, got.n_svcreps)?);
                pool_uuid.cast::<uuid_t>().write(uuid.0);
                Ok(())
            })
        })
    }

    /// `ds_get_pool_list` (drpc_client.c): stores the number of pools that are ready in `npools`, and describes
    /// them in `pools`, which has room for as many as `npools` says before; without `pools` they are counted only.
    ///
    /// 0; `-DER_OVERFLOW` when there are more; or another `-DER_*`.
    pub unsafe fn ds_get_pool_list(npools: *mut u64, pools: *mut daos_mgmt_pool_info_t) -> c_int {
        // SAFETY: the caller passes null or writable memory.
        let Some(npools) = (unsafe { npools.as_mut() }) else {
            error!(Facility::SERVER, "cannot list pools without a place for their number");
            return der(DER_INVAL).rc();
        };
        // Of all pools only those that are ready, as the default is.
        let request = Srv__ListPoolsReq::new();
        // SAFETY: the request points to nothing.
        let listed = unsafe { ask(DRPC_METHOD_SRV_LIST_POOLS, &request) };
        Der::rc_of(listed.and_then(|got: Unpacked<Srv__ListPoolsResp>| {
            // SAFETY: the answer holds as many messages as it says.
            let from = unsafe { repeated(got.pools, got.n_pools) };
            let count = from.len() as u64;
            if count > *npools && (*npools > 0 || !pools.is_null()) {
                error!(Facility::SERVER, "{count} pools do not fit into a list for {npools}");
                return Err(der(DER_OVERFLOW));
            }
            *npools = count;
            if pools.is_null() {
                return Ok(());
            }
            // SAFETY: the caller passes memory for at least that many.
            fill_pools(unsafe { slice::from_raw_parts_mut(pools, from.len()) }, from)
        }))
    }
}
