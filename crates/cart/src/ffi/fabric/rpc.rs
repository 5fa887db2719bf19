//! What stands behind a `crt_rpc_t`: `struct crt_rpc_priv` of `crt_rpc.c` and `crt_hg.c`.
//!
//! Who makes a request owns what its input points to; what a reply is unpacked to is freed with the request. Who handles
//! one owns what its output points to; what the request was unpacked to is freed with it. Pieces of memory
//! (`d_iov_t`) that were unpacked lie in the message, which lives as long.

use abi::{
    crt_cb_info, crt_cb_t, crt_context_t, crt_endpoint_t, crt_proc_cb_t, crt_proto_query_cb_t, crt_rpc_t,
};
use core::cell::UnsafeCell;
use core::ffi::{c_char, c_int, c_void};
use core::ptr;
use std::ffi::CString;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use gurt_client::{Der, Facility, Result, alloc, debug, error, warn};

use super::bulk::Bulk;
use super::corpc::Whole;
use super::events::Argument;
use super::group::Group;
use super::proc::Handle;
use super::register::{self, Format};
use super::{Context, der, invalid, lock, node, outcome};
use crate::Rank;
use crate::rpc::{Answer, Incoming, IncomingId, Nanos, RequestId, SECOND};

/// A request, or one that has come in. What C sees of it is at its beginning.
#[repr(C)]
pub(crate) struct Rpc {
    public: UnsafeCell<crt_rpc_t>,
    pub(super) network: Arc<Context>,
    pub(super) format: Format,
    /// Input and output, if there are any.
    buffer: *mut c_void,
    pub(super) role: Role,
    pub(super) state: Mutex<State>,
}

// SAFETY: its user passes a `crt_rpc_t` from thread to thread, and uses what is in it by one at a time. The rest is
// under a lock, or does not change.
unsafe impl Send for Rpc {}
// SAFETY: as above.
unsafe impl Sync for Rpc {}

/// What an RPC is at this side.
pub(crate) enum Role {
    /// A request to one other.
    Origin,
    /// A request to many, that begins here.
    Whole(Whole),
    /// A request of another.
    Target { source: Option<Rank>, destination: Rank, tag: u32, deadline: Nanos },
    /// The reply of a child to a collective request.
    Reply,
}

#[derive(Default)]
pub(crate) struct State {
    /// Whether it is known where it goes.
    addressed: bool,
    /// How many seconds its sender waits.
    pub timeout: u32,
    complete: crt_cb_t,
    arg: Argument,
    /// The request, while it is under way.
    pub request: Option<RequestId>,
    /// What it is here, if it came in, or its own part did.
    pub incoming: Option<IncomingId>,
    /// The same until it is answered.
    pub answer: Option<IncomingId>,
    input_unpacked: bool,
    output_unpacked: bool,
    /// What pieces of memory of the input point into, and those of the output.
    input_message: Vec<u8>,
    output_messages: Vec<Vec<u8>>,
    /// The group of the endpoint.
    group: Option<Arc<Group>>,
    /// Who sent it, as text.
    origin: Option<CString>,
    /// The memory that came along.
    pub bulk: Option<Arc<Bulk>>,
    /// The first error of those who bring replies together.
    pub failed: Option<Der>,
}

/// To whom the end of a request is told.
pub(crate) enum Sent {
    /// The sender of an RPC.
    Rpc(Arc<Rpc>),
    /// Who asks for a protocol.
    Query(Query),
}

/// The question which versions of a protocol a peer knows.
#[derive(Clone, Copy)]
pub(crate) struct Query {
    pub callback: crt_proto_query_cb_t,
    pub arg: *mut c_void,
}

// SAFETY: the user's argument, which his function takes on any thread.
unsafe impl Send for Query {}

impl Sent {
    /// Tells that a request has ended.
    pub fn complete(self, result: Result<Answer>) {
        match self {
            Sent::Rpc(rpc) => rpc.complete(result),
            Sent::Query(query) => register::answered(query, result),
        }
    }
}

/// Where a request goes.
pub(crate) struct Endpoint {
    pub group: Arc<Group>,
    pub rank: Rank,
    pub tag: u32,
}

impl Endpoint {
    /// # Safety
    /// It is null, or an endpoint whose group lives.
    pub unsafe fn read(name: &str, endpoint: *const crt_endpoint_t) -> Result<Self> {
        // SAFETY: by the caller's promise.
        unsafe {
            let Some(endpoint) = endpoint.as_ref() else {
                return Err(invalid(name, "there is no endpoint, the pointer is null"));
            };
            let group = Group::of(&*node(name)?, endpoint.ep_grp);
            Ok(Endpoint { group, rank: endpoint.ep_rank, tag: endpoint.ep_tag })
        }
    }

    /// The group's name; none for the primary one.
    pub fn group(&self) -> Option<Arc<str>> {
        self.group.secondary()
    }
}

impl Rpc {
    /// An RPC with zeroed input and output; `-DER_UNREG` if its opcode is not registered.
    pub fn new(network: &Arc<Context>, opcode: u32, role: Role) -> Result<Arc<Self>> {
        let Some(format) = network.node().user.formats.get(opcode) else {
            error!(Facility::RPC, "opcode {opcode:#x} is not registered; call crt_proto_register first");
            return Err(der::UNREG);
        };
        let (input, output) = (format.packing.crf_size_in, format.packing.crf_size_out);
        // The input of the parent stands for that of a reply.
        let input = if matches!(role, Role::Reply) { 0 } else { input };
        let start = input.next_multiple_of(16);
        let mut buffer = ptr::null_mut();
        if input + output > 0 {
            buffer = alloc::allocate(start + output).ok_or(der::NOMEM)?.as_ptr();
        }
        let place = |at, size| {
            // SAFETY: the buffer has both.
            if size == 0 { ptr::null_mut() } else { unsafe { buffer.cast::<u8>().add(at).cast() } }
        };
        let public = crt_rpc_t {
            cr_ctx: Arc::as_ptr(network).cast_mut().cast(),
            cr_ep: crt_endpoint_t { ep_grp: ptr::null_mut(), ep_rank: 0, ep_tag: 0 },
            cr_opc: opcode,
            cr_input: place(0, input),
            cr_output: place(start, output),
            cr_input_size: input,
            cr_output_size: output,
            cr_co_bulk_hdl: ptr::null_mut(),
        };
        let state = State { timeout: network.attached.timeout(network), ..State::default() };
        let network = network.clone();
        Ok(Arc::new(Rpc { public: public.into(), network, format, buffer, role, state: state.into() }))
    }

    /// What C sees; nobody else writes to it at the moment.
    pub fn as_c(self: &Arc<Self>) -> *mut crt_rpc_t {
        Arc::as_ptr(self).cast_mut().cast()
    }

    /// The RPC with a count that C gives back.
    pub fn into_c(self: Arc<Self>) -> *mut crt_rpc_t {
        Arc::into_raw(self).cast_mut().cast()
    }

    pub(super) fn public(&self) -> *mut crt_rpc_t {
        self.public.get()
    }

    /// Where it goes.
    pub fn address(&self, endpoint: &Endpoint) -> Result {
        let mut state = lock(&self.state);
        if state.addressed {
            return Err(invalid("crt_req_set_endpoint", "the request has an endpoint already"));
        }
        state.addressed = true;
        state.group = Some(endpoint.group.clone());
        // SAFETY: only its maker uses it before it is sent.
        unsafe {
            (*self.public()).cr_ep = crt_endpoint_t {
                ep_grp: endpoint.group.as_c(),
                ep_rank: endpoint.rank,
                ep_tag: endpoint.tag,
            };
        }
        Ok(())
    }

    /// Where it goes, as it is now; none if nobody has said so.
    pub fn endpoint(&self) -> Option<Endpoint> {
        let state = lock(&self.state);
        let group = state.group.clone().filter(|_| state.addressed)?;
        // SAFETY: written by its user alone, who has just called.
        let endpoint = unsafe { (*self.public()).cr_ep };
        Some(Endpoint { group, rank: endpoint.ep_rank, tag: endpoint.ep_tag })
    }

    /// Whom to tell.
    pub fn set_callback(&self, complete: crt_cb_t, arg: *mut c_void) {
        let mut state = lock(&self.state);
        (state.complete, state.arg) = (complete, Argument(arg));
    }

    /// The input as bytes.
    pub fn pack_input(&self) -> Result<Bytes> {
        // SAFETY: the input belongs to the RPC, its user fills it.
        unsafe {
            let public = self.public();
            pack(self.format.packing.crf_proc_in, (*public).cr_input, (*public).cr_input_size)
        }
    }

    /// The output as bytes.
    pub fn pack_output(&self) -> Result<Bytes> {
        // SAFETY: as above.
        unsafe {
            let public = self.public();
            pack(self.format.packing.crf_proc_out, (*public).cr_output, (*public).cr_output_size)
        }
    }

    /// Fills the output, which is freed with the RPC if it is `owned`.
    pub fn unpack_output(&self, body: Bytes, owned: bool) -> Result {
        // SAFETY: the output belongs to the RPC.
        let (output, size) = unsafe { ((*self.public()).cr_output, (*self.public()).cr_output_size) };
        if size == 0 {
            return Ok(());
        }
        let mut message = Vec::from(body);
        // SAFETY: as above; the message lives as long as the RPC.
        let unpacked = unsafe { unpack(self.format.packing.crf_proc_out, &mut message, output) };
        let mut state = lock(&self.state);
        state.output_unpacked |= unpacked.is_ok() && owned;
        state.output_messages.push(message);
        unpacked
    }

    /// Frees the bytes of the request, which nobody uses any more.
    pub fn release_input(&self) {
        lock(&self.state).input_message = Vec::new();
    }

    /// Ends a request: fills its output and calls whoever sent it.
    pub fn complete(self: Arc<Self>, result: Result<Answer>) {
        let (callback, arg) = {
            let mut state = lock(&self.state);
            if let (Role::Whole(_), Some(id)) = (&self.role, state.request.take()) {
                lock(&self.network.attached.collectives).remove(&id.0);
            }
            (state.complete.take(), state.arg.0)
        };
        let Some(callback) = callback else { return };
        let one = matches!(self.role, Role::Origin);
        let result = result.and_then(|answer| match one && !self.format.no_reply {
            true => self.unpack_output(answer.body, true),
            false => Ok(()),
        });
        if let Err(error) = result {
            // SAFETY: read only.
            let (opcode, rank) = unsafe { ((*self.public()).cr_opc, (*self.public()).cr_ep.ep_rank) };
            debug!(Facility::RPC, "request {opcode:#x} to rank {rank} has failed: {error}");
        }
        let info = crt_cb_info { cci_rpc: self.as_c(), cci_arg: arg, cci_rc: Der::rc_of(result) };
        // SAFETY: the user's function, with his argument; the RPC lives until it is back.
        unsafe { callback(&raw const info) };
    }

    /// A request of another, with its input, whose bytes it takes.
    pub fn from_incoming(network: &Arc<Context>, incoming: &mut Incoming) -> Result<Arc<Self>> {
        let me = network.node().read(|directory| directory.groups().primary.rank());
        let destination = incoming.target.or(me).unwrap_or(abi::CRT_NO_RANK);
        let (source, tag) = (incoming.source, network.tag());
        let role = Role::Target { source, destination, tag, deadline: incoming.deadline };
        let rpc = Rpc::new(network, incoming.opcode, role)?;
        let left = incoming.deadline.saturating_sub(network.node().now().nanos).div_ceil(SECOND);
        lock(&rpc.state).timeout = left as u32;
        // SAFETY: nobody else knows of it yet.
        let (input, size) = unsafe {
            let public = rpc.public();
            (*public).cr_ep = crt_endpoint_t { ep_grp: ptr::null_mut(), ep_rank: destination, ep_tag: tag };
            ((*public).cr_input, (*public).cr_input_size)
        };
        if size > 0 {
            let mut message = Vec::from(std::mem::take(&mut incoming.body));
            // SAFETY: the input belongs to the RPC, with which the message lives.
            unsafe { unpack(rpc.format.packing.crf_proc_in, &mut message, input)? };
            let mut state = lock(&rpc.state);
            (state.input_message, state.input_unpacked) = (message, true);
        }
        if let Some(key) = incoming.bulk {
            let bulk = Bulk::borrowed(network, key).ok_or(der::NONEXIST)?;
            // SAFETY: as above.
            unsafe { (*rpc.public()).cr_co_bulk_hdl = bulk.as_c() };
            lock(&rpc.state).bulk = Some(bulk);
        }
        Ok(rpc)
    }

    /// What a child has answered to this collective request.
    pub fn child(self: &Arc<Self>, body: Bytes) -> Result<Arc<Self>> {
        // SAFETY: read only.
        let public = unsafe { *self.public() };
        let child = Rpc::new(&self.network, public.cr_opc, Role::Reply)?;
        // SAFETY: nobody else knows of it yet; the parent's input lives longer.
        unsafe {
            (*child.public()).cr_input = public.cr_input;
            (*child.public()).cr_input_size = public.cr_input_size;
            (*child.public()).cr_ep = public.cr_ep;
        }
        child.unpack_output(body, true)?;
        Ok(child)
    }

    /// Has it handled, by whom the user has named, or at once.
    pub fn handle(self: Arc<Self>, id: IncomingId, wants_reply: bool) {
        {
            let mut state = lock(&self.state);
            state.incoming = Some(id);
            state.answer = Some(id).filter(|_| wants_reply);
        }
        if self.format.handler.is_none() {
            return self.fail(der::UNREG);
        }
        let Some(tasks) = self.network.attached.tasks() else { return self.run() };
        let ctx: crt_context_t = Arc::as_ptr(&self.network).cast_mut().cast();
        let Some(task) = tasks.requests else { return self.run() };
        // Two counts, as CaRT gives: whoever answers instead of having the handler run takes both back.
        let counted = [self.clone(), self.clone()].map(Self::into_c)[0];
        // SAFETY: the user's function, with his argument and an RPC that is counted for the handler.
        let scheduled = unsafe { task(ctx.cast(), counted.cast(), Some(handle), tasks.arg.0) };
        if let Err(error) = outcome(scheduled) {
            // SAFETY: what the handler would have given back.
            drop(unsafe { Self::from_task(counted.cast()) });
            self.fail(error);
        }
    }

    /// Takes back what was counted for a task.
    ///
    /// # Safety
    /// Once for each RPC that was given to a task.
    unsafe fn from_task(rpc: *mut c_void) -> Arc<Self> {
        let rpc = rpc.cast::<Self>().cast_const();
        // SAFETY: two counts, by the caller's promise.
        unsafe {
            Arc::decrement_strong_count(rpc);
            Arc::from_raw(rpc)
        }
    }

    /// Calls the handler.
    fn run(self: Arc<Self>) {
        if let Some(handler) = self.format.handler {
            // SAFETY: the user's function; the RPC lives until it is back.
            unsafe { handler(self.as_c()) };
        }
    }

    /// Who sent it, as a text that lives as long.
    pub fn origin(&self) -> *mut c_char {
        let text = match &self.role {
            Role::Target { source: Some(rank), .. } => format!("rank {rank}"),
            Role::Target { source: None, .. } => "client".to_owned(),
            Role::Origin | Role::Whole(_) | Role::Reply => "self".to_owned(),
        };
        let text = || CString::new(text).unwrap_or_default();
        lock(&self.state).origin.get_or_insert_with(text).as_ptr().cast_mut()
    }

    /// Answers with an error.
    pub fn fail(&self, error: Der) {
        let answer = lock(&self.state).answer.take();
        if let Some(id) = answer {
            self.network.reply(id, Err(error), Bytes::new());
        }
    }
}

/// Runs a handler for whom `crt_context_register_rpc_task` names.
///
/// # Safety
/// `rpc` was given to a task, which does not use it again.
unsafe extern "C" fn handle(rpc: *mut c_void) {
    let boundary = abi::Boundary::enter("the handler of an RPC");
    // SAFETY: by the caller's promise.
    unsafe { Rpc::from_task(rpc) }.run();
    boundary.leave();
}

impl Drop for Rpc {
    fn drop(&mut self) {
        let public = *self.public.get_mut();
        let state = self.state.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(id) = state.answer.take() {
            warn!(Facility::RPC, "nobody has answered request {:#x}; its sender is told so", public.cr_opc);
            self.network.reply(id, Err(der::NOREPLY), Bytes::new());
        }
        if let Some(id @ IncomingId::OneWay(..)) = state.incoming {
            self.network.reply(id, Ok(()), Bytes::new());
        }
        let packing = self.format.packing;
        // SAFETY: what was unpacked is freed once; the messages live until then.
        unsafe {
            if state.output_unpacked {
                free(packing.crf_proc_out, public.cr_output);
            }
            if state.input_unpacked {
                free(packing.crf_proc_in, public.cr_input);
            }
            alloc::free(self.buffer);
        }
    }
}

/// # Safety
/// The function packs what `data` points to.
unsafe fn pack(function: crt_proc_cb_t, data: *mut c_void, size: usize) -> Result<Bytes> {
    let Some(function) = function.filter(|_| size > 0) else { return Ok(Bytes::new()) };
    let mut handle = Handle::encoder();
    // SAFETY: by the caller's promise; nobody else uses the handle.
    outcome(unsafe { function(handle.as_c(), data) })?;
    Ok(handle.into_bytes().unwrap_or_default().into())
}

/// # Safety
/// The function unpacks to where `data` points, and leaves nothing behind if that fails; the message lives as long as what
/// was unpacked.
unsafe fn unpack(function: crt_proc_cb_t, message: &mut [u8], data: *mut c_void) -> Result {
    let Some(function) = function else { return Ok(()) };
    let mut handle = Handle::decoder(message);
    // SAFETY: by the caller's promise; nobody else uses the handle.
    outcome(unsafe { function(handle.as_c(), data) })
}

/// # Safety
/// The function frees what it has unpacked to where `data` points.
unsafe fn free(function: crt_proc_cb_t, data: *mut c_void) {
    if let Some(function) = function {
        let mut handle = Handle::freer();
        // SAFETY: by the caller's promise; nobody else uses the handle.
        let freed: c_int = unsafe { function(handle.as_c(), data) };
        if freed != 0 {
            warn!(Facility::RPC, "what was unpacked of a message could not be freed: {freed}");
        }
    }
}

/// A request has come, or this rank's own part of a collective one.
pub(super) fn arrived(network: &Arc<Context>, mut incoming: Incoming) {
    let id = incoming.id;
    let known = match id {
        IncomingId::Collective(id) => lock(&network.attached.collectives).get(&id).cloned(),
        IncomingId::Single(..) | IncomingId::OneWay(..) => None,
    };
    let rpc = match known {
        Some(rpc) => Ok(rpc),
        None => Rpc::from_incoming(network, &mut incoming),
    };
    match rpc {
        Ok(rpc) => {
            if let IncomingId::Collective(id) = id {
                let mut collectives = lock(&network.attached.collectives);
                match rpc.format.gathers() || matches!(rpc.role, Role::Whole(_)) {
                    true => drop(collectives.insert(id, rpc.clone())),
                    // Nothing follows but its reply.
                    false => drop(collectives.remove(&id)),
                }
            }
            rpc.handle(id, incoming.wants_reply);
        }
        Err(error) => refuse(network, &incoming, error),
    }
}

/// A request cannot be handled.
pub(super) fn refuse(network: &Context, incoming: &Incoming, error: Der) {
    error!(
        Facility::RPC,
        "request {:#x} of rank {} cannot be handled: {error}",
        incoming.opcode,
        incoming.source.map_or(-1, i64::from)
    );
    // As CaRT: what is wrong with the bytes is for the log.
    let error = if error == der::NOMEM || error == der::UNREG { error } else { der::MISC };
    network.reply(incoming.id, Err(error), Bytes::new());
}
