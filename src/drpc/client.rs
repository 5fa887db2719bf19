//! Calls of the engine to the control plane: `drpc_client.c`.

use core::ffi::{CStr, c_char, c_int, c_uint, c_void};
use core::{ptr, slice};
use std::ffi::CString;
use std::sync::{Mutex, PoisonError};
use std::thread;

use abi::{Drpc__Response, d_rank_list_t, daos_mgmt_pool_info_t};
use gurt_client::{Der, Facility, Result, debug, error, info};
use prost::Message;

/// First and longest sleep in milliseconds between two looks at a call that a thread makes.
const SLEEPS: core::ops::RangeInclusive<u32> = 1..=64;

/// The messages of `srv.proto` that the engine sends and receives.
mod srv {
    /// The engine is ready for dRPC. The response has no body.
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct NotifyReadyReq {
        #[prost(string, tag = "1")]
        pub uri: String,
        #[prost(uint32, tag = "2")]
        pub nctxs: u32,
        #[prost(string, tag = "3")]
        pub drpc_listener_sock: String,
        #[prost(uint32, tag = "4")]
        pub instance_idx: u32,
        #[prost(uint32, tag = "5")]
        pub ntgts: u32,
        #[prost(uint64, tag = "6")]
        pub incarnation: u64,
        #[prost(string, repeated, tag = "7")]
        pub secondary_uris: Vec<String>,
        #[prost(uint32, repeated, tag = "8")]
        pub secondary_nctxs: Vec<u32>,
        #[prost(bool, tag = "9")]
        pub check_mode: bool,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct GetPoolSvcReq {
        #[prost(string, tag = "1")]
        pub uuid: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct GetPoolSvcResp {
        #[prost(int32, tag = "1")]
        pub status: i32,
        #[prost(uint32, repeated, tag = "2")]
        pub svcreps: Vec<u32>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct PoolFindByLabelReq {
        #[prost(string, tag = "1")]
        pub label: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct PoolFindByLabelResp {
        #[prost(int32, tag = "1")]
        pub status: i32,
        #[prost(string, tag = "2")]
        pub uuid: String,
        #[prost(uint32, repeated, tag = "3")]
        pub svcreps: Vec<u32>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct ListPoolsReq {
        #[prost(bool, tag = "1")]
        pub include_all: bool,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct ListPoolsResp {
        #[prost(message, repeated, tag = "1")]
        pub pools: Vec<Pool>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Pool {
        #[prost(string, tag = "1")]
        pub uuid: String,
        #[prost(string, tag = "2")]
        pub label: String,
        #[prost(uint32, repeated, tag = "3")]
        pub svcreps: Vec<u32>,
    }
}

const fn der(code: abi::daos_errno) -> Der {
    Der::new(code as i64)
}

/// The control plane's socket file, between `drpc_init` and `drpc_fini`.
static SERVER: Mutex<Option<CString>> = Mutex::new(None);

fn with_server<R>(work: impl FnOnce(&mut Option<CString>) -> R) -> R {
    work(&mut SERVER.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A response, freed when dropped.
struct Response(*mut Drpc__Response);

impl Response {
    /// Its body; `DER_IO` when the status is not success.
    fn body(&self) -> Result<&[u8]> {
        // SAFETY: a live response, ours.
        let response = unsafe { self.0.as_ref() }.ok_or(der(abi::DER_PROTO))?;
        if response.status != abi::DRPC__STATUS__SUCCESS {
            error!(Facility::SERVER, "the control plane refuses a dRPC call: status {}", response.status);
            return Err(der(abi::DER_IO));
        }
        if response.body.data.is_null() {
            return Ok(&[]);
        }
        // SAFETY: the body has that many bytes.
        Ok(unsafe { slice::from_raw_parts(response.body.data, response.body.len) })
    }
}

impl Drop for Response {
    fn drop(&mut self) {
        // SAFETY: null or a live response, given up.
        unsafe { abi::drpc_response_free(self.0) }
    }
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
            der(abi::DER_UNINIT)
        })?;
        let mut ctx = ptr::null_mut();
        // SAFETY: the path is a string; the context lives until it is closed, below.
        unsafe {
            Der::check(abi::drpc_connect(path.as_ptr().cast_mut(), &raw mut ctx))?;
            (*ctx).yield_ = Some(abi::ABT_thread_yield);
            let result = self.send(ctx);
            abi::drpc_close(ctx);
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
    unsafe fn send(&self, ctx: *mut abi::drpc) -> Result<Response> {
        let mut call = ptr::null_mut();
        let mut response = ptr::null_mut();
        let flags = if self.wait { abi::R_SYNC as c_int } else { 0 };
        // SAFETY: the caller vouches for the context; the call is ours, and its body only lent to it.
        unsafe {
            Der::check(abi::drpc_call_create(ctx, self.module, self.method, &raw mut call))?;
            let empty = (*call).body;
            (*call).body.data = self.body.as_ptr().cast_mut();
            (*call).body.len = self.body.len();
            let rc = abi::drpc_call(ctx, flags, call, &raw mut response);
            (*call).body = empty;
            abi::drpc_call_free(call);
            Der::check(rc)?;
        }
        Ok(Response(response))
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
                    Made(self.run().map(|response| {
                        let address = response.0.expose_provenance();
                        std::mem::forget(response);
                        address
                    }))
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
            made.map(|address| Response(ptr::with_exposed_provenance_mut(address)))
        })
    }
}

/// How a ULT sleeps: an anonymous request of the scheduler.
struct Sleeper(*mut abi::sched_request);

impl Sleeper {
    fn new() -> Result<Self> {
        // SAFETY: all zeroes is a request of type 0, for no pool.
        let mut attr: abi::sched_req_attr = unsafe { core::mem::zeroed() };
        attr.sra_type = abi::SCHED_REQ_ANONYM;
        // SAFETY: the attributes are copied; no ULT means the calling one.
        let request = unsafe { abi::sched_req_get(&raw mut attr, abi::ABT_THREAD_NULL) };
        if request.is_null() {
            error!(Facility::SERVER, "cannot get a scheduler request for a dRPC call");
            return Err(der(abi::DER_NOMEM));
        }
        Ok(Sleeper(request))
    }

    fn sleep(&self, msec: u32) {
        // SAFETY: a live request.
        unsafe { abi::sched_req_sleep(self.0, msec) }
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        // SAFETY: a live request, given up.
        unsafe { abi::sched_req_put(self.0) }
    }
}

/// Sends `request` to a method of the control plane's service module, and returns the response's body as a message.
fn query<Q: Message, R: Message + Default>(method: c_uint, request: &Q, flags: c_uint) -> Result<R> {
    let body = request.encode_to_vec();
    let mut response = ptr::null_mut();
    let module = abi::DRPC_MODULE_SRV as i32;
    // SAFETY: the body has that many bytes, which the call only reads.
    let rc = unsafe {
        let body_data = body.as_ptr().cast_mut().cast::<c_void>();
        abi::dss_drpc_call(module, method as i32, body_data, body.len(), flags, &raw mut response)
    };
    Der::check(rc)?;
    R::decode(Response(response).body()?).map_err(|err| {
        error!(Facility::SERVER, "the response to dRPC method {method} makes no sense: {err}");
        der(abi::DER_PROTO)
    })
}

/// The status of a response as a result. That something does not exist is an answer, no error.
fn answered(what: std::fmt::Arguments<'_>, status: i32) -> Result {
    match Der::check(status) {
        Ok(_) => Ok(()),
        Err(err) => {
            if err == der(abi::DER_NONEXIST) {
                debug!(Facility::SERVER, "the control plane does not know {what}");
            } else {
                error!(Facility::SERVER, "the control plane cannot tell about {what}: {err}");
            }
            Err(err)
        }
    }
}

/// A list of ranks that C frees.
fn rank_list(ranks: &[u32]) -> Result<*mut d_rank_list_t> {
    // SAFETY: the ranks are copied.
    let list = unsafe { abi::uint32_array_to_rank_list(ranks.as_ptr().cast_mut(), ranks.len()) };
    if list.is_null() { Err(der(abi::DER_NOMEM)) } else { Ok(list) }
}

/// `uuid_unparse_lower`.
fn uuid_text(uuid: &[u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (i, byte) in uuid.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// `uuid_parse`.
fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let text = text.as_bytes();
    if text.len() != 36 {
        return None;
    }
    let mut uuid = [0; 16];
    let mut at = 0;
    for (i, byte) in uuid.iter_mut().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            (text[at] == b'-').then_some(())?;
            at += 1;
        }
        let digit = |c: u8| char::from(c).to_digit(16);
        *byte = (digit(text[at])? << 4 | digit(text[at + 1])?) as u8;
        at += 2;
    }
    Some(uuid)
}

/// A string of C as one of Rust, for messages.
///
/// # Safety
/// `text` is null or a string.
unsafe fn string(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: the caller vouches for it.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// The URI under which CaRT knows this engine.
fn self_uri() -> Result<String> {
    let mut uri = ptr::null_mut();
    // SAFETY: a string is stored, which is ours then.
    unsafe {
        Der::check(abi::crt_self_uri_get(0, &raw mut uri))?;
        let text = string(uri);
        abi::d_free(uri.cast());
        Ok(text)
    }
}

/// The number of network contexts: one for the system and the SWIM xstream, one a target, and one for the first
/// helper of each.
fn contexts() -> u32 {
    // SAFETY: set before the engine gets ready.
    let (targets, helpers) =
        unsafe { ((&raw const abi::dss_tgt_nr).read(), (&raw const abi::dss_tgt_offload_xs_nr).read()) };
    abi::DAOS_TGT0_OFFSET + targets + helpers.min(targets)
}

fn notify_ready(check_mode: bool) -> Result {
    let mut incarnation = 0;
    // SAFETY: one number is stored; the variables are set before the engine gets ready.
    let request = unsafe {
        let uri = self_uri()?;
        Der::check(abi::crt_self_incarnation_get(&raw mut incarnation))?;
        srv::NotifyReadyReq {
            uri,
            nctxs: contexts(),
            drpc_listener_sock: string((&raw const abi::drpc_listener_socket_path).read()),
            instance_idx: (&raw const abi::dss_instance_idx).read(),
            ntgts: (&raw const abi::dss_tgt_nr).read(),
            incarnation,
            check_mode,
            ..Default::default()
        }
    };
    info!(Facility::SERVER, "telling the control plane that the engine is ready");
    // The response has no body; what a future control plane may put there is ignored.
    let method = abi::DRPC_METHOD_SRV_NOTIFY_READY;
    query::<_, ()>(method, &request, abi::DSS_DRPC_NO_SCHED)
}

/// Fills `pools` with the pools of a response; what has been filled in is freed when one fails.
fn fill_pools(pools: &mut [daos_mgmt_pool_info_t], from: &[srv::Pool]) -> Result {
    for (done, pool) in from.iter().enumerate() {
        match describe_pool(pool) {
            Ok((uuid, label, ranks)) => {
                let info = &mut pools[done];
                (info.mgpi_uuid, info.mgpi_label, info.mgpi_svc) = (uuid, label, ranks);
            }
            Err(err) => {
                for info in &mut pools[..done] {
                    // SAFETY: filled in above.
                    unsafe {
                        abi::d_free(info.mgpi_label.cast());
                        abi::d_rank_list_free(info.mgpi_svc);
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
fn describe_pool(pool: &srv::Pool) -> Result<(abi::uuid_t, *mut c_char, *mut d_rank_list_t)> {
    let uuid = parse_uuid(&pool.uuid).ok_or_else(|| {
        error!(Facility::SERVER, "the control plane lists a pool with the UUID {:?}", pool.uuid);
        der(abi::DER_INVAL)
    })?;
    let text = CString::new(pool.label.replace('\0', "")).expect("no NUL is left");
    // SAFETY: a string is copied.
    let label = unsafe { abi::d_strndup(text.as_ptr(), abi::DAOS_PROP_LABEL_MAX_LEN) };
    if label.is_null() {
        return Err(der(abi::DER_NOMEM));
    }
    // SAFETY: allocated above.
    let ranks = rank_list(&pool.svcreps).inspect_err(|_| unsafe { abi::d_free(label.cast()) })?;
    Ok((uuid, label, ranks))
}

abi::export! {
    /// `drpc_init` (drpc_client.c): the control plane is `daos_server.sock` in the socket directory. 0, or
    /// `-DER_ALREADY`.
    pub fn drpc_init() -> c_int {
        // SAFETY: a string, set before the engine starts.
        let mut path = unsafe { CStr::from_ptr((&raw const abi::dss_socket_dir).read()) }.to_bytes().to_vec();
        path.extend_from_slice(b"/daos_server.sock");
        let path = CString::new(path).expect("no NUL in a C string");
        with_server(|server| {
            if server.is_some() {
                error!(Facility::SERVER, "the dRPC client is initialised already");
                return der(abi::DER_ALREADY).rc();
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
        let wait = flags & abi::DSS_DRPC_NO_RESP == 0;
        if wait && resp.is_null() || req.is_null() && req_size != 0 {
            error!(Facility::SERVER, "dRPC call to module {module} without a request or a place for the response");
            return der(abi::DER_INVAL).rc();
        }
        // SAFETY: the caller passes that many bytes, for as long as the call takes.
        let body = if req.is_null() { &[] } else { unsafe { slice::from_raw_parts(req.cast(), req_size) } };
        let call = Call { module, method, body, wait };
        let here = !wait || flags & abi::DSS_DRPC_NO_SCHED != 0;
        match if here { call.run() } else { call.run_aside() } {
            Ok(response) => {
                if wait {
                    // SAFETY: not null, and the caller passes writable memory.
                    unsafe { resp.write(response.0) };
                    std::mem::forget(response);
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
        let uuid = uuid_text(unsafe { &*pool_uuid.cast::<[u8; 16]>() });
        let request = srv::GetPoolSvcReq { uuid: uuid.clone() };
        let ranks = query(abi::DRPC_METHOD_SRV_GET_POOL_SVC, &request, 0).and_then(|got: srv::GetPoolSvcResp| {
            answered(format_args!("the service of pool {uuid}"), got.status)?;
            rank_list(&got.svcreps)
        });
        // SAFETY: the caller passes writable memory.
        Der::rc_of(ranks.map(|ranks| unsafe { svc_ranks.write(ranks) }))
    }

    /// `ds_pool_find_bylabel` (drpc_client.c): stores in `pool_uuid` and `svc_ranks` the UUID and the service ranks
    /// of the pool labelled `label`. 0 or `-DER_*`; `-DER_NONEXIST` for an unknown label.
    pub unsafe fn ds_pool_find_bylabel(
        label: *const c_char,
        pool_uuid: *mut u8,
        svc_ranks: *mut *mut d_rank_list_t,
    ) -> c_int {
        // SAFETY: the caller passes a string.
        let mut label = unsafe { string(label) };
        while label.len() > abi::DAOS_PROP_LABEL_MAX_LEN {
            label.pop();
        }
        let request = srv::PoolFindByLabelReq { label: label.clone() };
        let method = abi::DRPC_METHOD_SRV_POOL_FIND_BYLABEL;
        let found = query(method, &request, 0).and_then(|got: srv::PoolFindByLabelResp| {
            answered(format_args!("pool {label}"), got.status)?;
            let uuid = parse_uuid(&got.uuid).ok_or_else(|| {
                error!(Facility::SERVER, "the control plane says that pool {label} has the UUID {:?}", got.uuid);
                der(abi::DER_IO)
            })?;
            Ok((uuid, rank_list(&got.svcreps)?))
        });
        // SAFETY: the caller passes memory for both.
        Der::rc_of(found.map(|(uuid, ranks)| unsafe {
            pool_uuid.cast::<[u8; 16]>().write(uuid);
            svc_ranks.write(ranks);
        }))
    }

    /// `ds_get_pool_list` (drpc_client.c): stores the number of pools that are ready in `npools`, and describes
    /// them in `pools`, which has room for as many as `npools` says before; without `pools` they are counted only.
    ///
    /// 0; `-DER_OVERFLOW` when there are more; or another `-DER_*`.
    pub unsafe fn ds_get_pool_list(npools: *mut u64, pools: *mut daos_mgmt_pool_info_t) -> c_int {
        // SAFETY: the caller passes null or writable memory.
        let Some(npools) = (unsafe { npools.as_mut() }) else {
            error!(Facility::SERVER, "cannot list pools without a place for their number");
            return der(abi::DER_INVAL).rc();
        };
        let request = srv::ListPoolsReq { include_all: false };
        let listed = query(abi::DRPC_METHOD_SRV_LIST_POOLS, &request, 0).and_then(|got: srv::ListPoolsResp| {
            let count = got.pools.len() as u64;
            if count > *npools && (*npools > 0 || !pools.is_null()) {
                error!(Facility::SERVER, "{count} pools do not fit into a list for {npools}");
                return Err(der(abi::DER_OVERFLOW));
            }
            *npools = count;
            if pools.is_null() {
                return Ok(());
            }
            // SAFETY: the caller passes memory for at least that many.
            fill_pools(unsafe { slice::from_raw_parts_mut(pools, got.pools.len()) }, &got.pools)
        });
        Der::rc_of(listed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_are_read_and_written() {
        let text = "01234567-89ab-cdef-0011-2233445566ff";
        let uuid = parse_uuid(text).expect("well-formed");
        assert_eq!((uuid[0], uuid[15]), (0x01, 0xff));
        assert_eq!(uuid_text(&uuid), text);
        for bad in ["", "0", "01234567-89ab-cdef-0011-2233445566f", "01234567+89ab-cdef-0011-2233445566ff"] {
            assert_eq!(parse_uuid(bad), None, "{bad}");
        }
        assert_eq!(parse_uuid("0123456789ab-cdef-0011-2233445566ff-"), None);
    }
}
