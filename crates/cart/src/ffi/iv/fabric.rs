//! The network beneath a namespace: CaRT's public interface.

use core::ffi::{c_int, c_void};
use core::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use abi::{
    CRT_OPC_IV_FETCH, CRT_OPC_IV_SYNC, CRT_OPC_IV_UPDATE, crt_context_t, crt_endpoint_t,
    crt_iv_namespace_destroy_cb_t, crt_opcode_t, crt_rpc_t, d_rank_list_t,
};
use gurt_client::{Der, Result};

use super::call::Call;
use super::group::Group;
use super::incoming::Incoming;
use super::value::Value;
use super::{Address, outcome};
use crate::Rank;
use crate::group::Members;
use crate::iv::{Done, Fabric, Header, Kind, Received, View};

/// Values of more bytes are transferred in bulk: `cg_iv_inline_limit`.
pub static INLINE_LIMIT: AtomicU32 = AtomicU32::new(DEFAULT_INLINE_LIMIT);
/// What CaRT has without options.
pub const DEFAULT_INLINE_LIMIT: u32 = 19 * 1024;

/// What a namespace is over.
pub struct Cart {
    handle: Address<c_void>,
    context: Address<c_void>,
    group: Group,
    topology: c_int,
    /// The user's: `crt_iv_namespace_priv_set`.
    pub private: AtomicPtr<c_void>,
    farewell: Mutex<crt_iv_namespace_destroy_cb_t>,
    farewell_arg: AtomicPtr<c_void>,
}

impl Cart {
    /// A namespace's network.
    pub fn new(
        handle: *mut c_void,
        context: crt_context_t,
        group: Group,
        topology: c_int,
        private: *mut c_void,
    ) -> Self {
        Cart {
            handle: Address(handle),
            context: Address(context),
            group,
            topology,
            private: AtomicPtr::new(private),
            farewell: Mutex::new(None),
            farewell_arg: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// The namespace's group.
    pub fn group(&self) -> &Group {
        &self.group
    }

    /// Has `farewell` called when the namespace is gone.
    pub fn on_end(&self, farewell: crt_iv_namespace_destroy_cb_t, arg: *mut c_void) {
        *self.farewell.lock().unwrap_or_else(PoisonError::into_inner) = farewell;
        self.farewell_arg.store(arg, Ordering::Relaxed);
    }

    /// Makes a request to `to`.
    fn request(&self, to: Rank, opcode: crt_opcode_t) -> Result<*mut crt_rpc_t> {
        let ep_rank = self.group.primary_rank(to)?;
        let mut endpoint = crt_endpoint_t { ep_grp: ptr::null_mut(), ep_rank, ep_tag: 0 };
        let mut rpc = ptr::null_mut();
        // SAFETY: the user's context, an endpoint, and a place for the request.
        outcome(unsafe { abi::crt_req_create(self.context.get(), &raw mut endpoint, opcode, &raw mut rpc) })?;
        Ok(rpc)
    }

    /// Makes a request to all others, with this rank as the tree's root.
    fn broadcast(&self, bulk: abi::crt_bulk_t) -> Result<*mut crt_rpc_t> {
        let me = self.group.view().me.ok_or(Der::new(abi::DER_GRPVER.into()))?;
        let mut me = self.group.primary_rank(me)?;
        let mut others_than = d_rank_list_t { rl_ranks: &raw mut me, rl_nr: 1 };
        let mut rpc = ptr::null_mut();
        self.group.with(|group| {
            // SAFETY: the user's context, a group, a list that is copied, and a place for the request.
            outcome(unsafe {
                abi::crt_corpc_req_create(
                    self.context.get(),
                    group,
                    &raw mut others_than,
                    CRT_OPC_IV_SYNC,
                    bulk,
                    ptr::null_mut(),
                    0,
                    self.topology,
                    &raw mut rpc,
                )
            })
        })?;
        Ok(rpc)
    }

    /// Sends a call; if that fails, it ends with the error.
    fn send(&self, mut call: Box<Call>, opcode: crt_opcode_t, to: Rank, header: &Header) {
        let limit = INLINE_LIMIT.load(Ordering::Relaxed) as usize;
        match call.register(self.context.get(), limit).and_then(|_| self.request(to, opcode)) {
            // SAFETY: a new request of that opcode.
            Ok(rpc) => unsafe { call.send(rpc, header) },
            Err(error) => call.end(Err(error)),
        }
    }

    /// Sends a call to all others; what fails before it is sent is returned with the call.
    fn send_to_all(
        &self,
        mut call: Box<Call>,
        header: &Header,
    ) -> core::result::Result<(), (Der, Box<Call>)> {
        let limit = INLINE_LIMIT.load(Ordering::Relaxed) as usize;
        match call.register(self.context.get(), limit).and_then(|bulk| self.broadcast(bulk)) {
            Ok(rpc) => {
                // SAFETY: a new request of that opcode.
                unsafe { call.send(rpc, header) };
                Ok(())
            }
            Err(error) => Err((error, call)),
        }
    }
}

impl Drop for Cart {
    fn drop(&mut self) {
        let farewell = self.farewell.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(farewell) = farewell {
            // SAFETY: the user's callback, after everything else of the namespace.
            unsafe { farewell(self.handle.get(), *self.farewell_arg.get_mut()) }
        }
    }
}

impl Fabric for Cart {
    type Value = Value;
    type Incoming = Incoming;

    fn view(&self) -> View {
        self.group.view()
    }

    fn version(&self) -> u32 {
        self.group.version()
    }

    fn members(&self) -> Members {
        self.group.members()
    }

    fn fetch(&self, to: Rank, header: &Header, value: Value, done: Done<Value>) {
        let ended = move |result, value: Option<Value>| done(result, value.unwrap_or(Value::EMPTY));
        let call = Call::new(Kind::Fetch, header, self.group.name(), Some(value), Box::new(ended));
        self.send(call, CRT_OPC_IV_FETCH, to, header);
    }

    fn update(&self, to: Rank, header: &Header, value: Option<Value>, done: Done<Option<Value>>) {
        let call = Call::new(Kind::Update, header, self.group.name(), value, done);
        self.send(call, CRT_OPC_IV_UPDATE, to, header);
    }

    fn spread(&self, header: &Header, value: Option<Value>, done: Done<Option<Value>>) {
        let call = Call::new(Kind::Sync, header, self.group.name(), value, done);
        if let Err((error, call)) = self.send_to_all(call, header) {
            call.end(Err(error));
        }
    }

    fn spread_copy(&self, header: &Header, value: Option<&mut Value>) -> Result {
        let call = Call::with_copy(header, self.group.name(), value);
        self.send_to_all(call, header).map_err(|(error, _)| error)
    }

    fn receive(&self, incoming: Incoming, value: Value, done: Box<dyn FnOnce(Received<Self>) + Send>) {
        incoming.receive(value, done);
    }

    fn answer(&self, incoming: Incoming, result: Result) {
        incoming.answer(result);
    }

    fn answer_with(&self, incoming: Incoming, value: Value, done: Box<dyn FnOnce(Value) + Send>) {
        incoming.answer_with(value, done);
    }

    fn has_value(&self, incoming: &Incoming) -> bool {
        incoming.has_value()
    }

    fn spread_value(&self, incoming: &mut Incoming) -> Result<Value> {
        incoming.spread_value()
    }
}
