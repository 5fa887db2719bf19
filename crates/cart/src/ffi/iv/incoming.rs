//! Requests of other ranks.

use core::ffi::{CStr, c_int};
use core::{ptr, slice};

use abi::{
    Boundary, CRT_BULK_GET, CRT_BULK_PUT, CRT_BULK_RW, crt_bulk_cb_info, crt_bulk_desc, crt_bulk_op_t,
    crt_bulk_perm_t, crt_bulk_t, crt_context_t, crt_iv_fetch_in, crt_iv_fetch_out, crt_iv_sync_in,
    crt_iv_sync_out, crt_iv_update_in, crt_iv_update_out, crt_rpc_t, d_iov_t, d_sg_list_t,
};
use gurt_client::{Der, Result, error};

use super::value::Value;
use super::{INVAL, IV, NO_VECTOR, NONEXIST, SharedNamespace, entrust, outcome, reclaim, registry, sync};
use crate::iv::{Header, Kind, Received};

/// A request of another rank, with a reference to it.
pub struct Incoming {
    rpc: *mut crt_rpc_t,
    kind: Kind,
    /// What the value of a spread points at.
    pieces: Vec<d_iov_t>,
}

// SAFETY: who has the value has the reference; CaRT's functions may be called on any thread.
unsafe impl Send for Incoming {}

impl Drop for Incoming {
    fn drop(&mut self) {
        // SAFETY: the reference of `new`.
        unsafe { abi::crt_req_decref(self.rpc) }
    }
}

/// What a request says, whatever its kind.
struct Fields<'a> {
    number: u32,
    group: *const core::ffi::c_char,
    version: u32,
    class: u32,
    key: &'a d_iov_t,
    sync: Option<&'a d_iov_t>,
    root: u32,
    origin: u32,
}

impl Incoming {
    /// The request that CaRT calls the handler of `kind` with.
    ///
    /// # Safety
    /// `rpc` is such a request, with input and output of that kind.
    pub unsafe fn new(rpc: *mut crt_rpc_t, kind: Kind) -> Self {
        // SAFETY: see the function.
        unsafe { abi::crt_req_addref(rpc) };
        Incoming { rpc, kind, pieces: Vec::new() }
    }

    /// The input as that of its kind.
    fn input<T>(&self) -> &T {
        // SAFETY: by the promise of `new`; each kind asks for its own structure. Input is not written to.
        unsafe { &*(*self.rpc).cr_input.cast() }
    }

    fn context(&self) -> crt_context_t {
        // SAFETY: a request that is held.
        unsafe { (*self.rpc).cr_ctx }
    }

    fn fields(&self) -> Fields<'_> {
        match self.kind {
            Kind::Fetch => {
                let it: &crt_iv_fetch_in = self.input();
                Fields {
                    number: it.ifi_ivns_id,
                    group: it.ifi_ivns_group,
                    version: it.ifi_grp_ver,
                    class: it.ifi_class_id.cast_unsigned(),
                    key: &it.ifi_key,
                    sync: None,
                    root: it.ifi_root_node,
                    origin: it.ifi_root_node,
                }
            }
            Kind::Update => {
                let it: &crt_iv_update_in = self.input();
                Fields {
                    number: it.ivu_ivns_id,
                    group: it.ivu_ivns_group,
                    version: it.ivu_grp_ver,
                    class: it.ivu_class_id,
                    key: &it.ivu_key,
                    sync: Some(&it.ivu_sync_type),
                    root: it.ivu_root_node,
                    origin: it.ivu_caller_node,
                }
            }
            Kind::Sync => {
                let it: &crt_iv_sync_in = self.input();
                Fields {
                    number: it.ivs_ivns_id,
                    group: it.ivs_ivns_group,
                    version: it.ivs_grp_ver,
                    class: it.ivs_class_id,
                    key: &it.ivs_key,
                    sync: Some(&it.ivs_sync_type),
                    root: abi::CRT_NO_RANK,
                    origin: abi::CRT_NO_RANK,
                }
            }
        }
    }

    /// The namespace that the request is for, and what it says. An error, and a line in the log, if it makes no sense.
    pub fn read(&self) -> Result<(SharedNamespace, Header)> {
        let Fields { number, group, version, class, key, sync, root, origin } = self.fields();
        if group.is_null() || key.iov_buf.is_null() || key.iov_len == 0 {
            error!(IV, "a peer sent an IV request without a group or a key");
            return Err(INVAL);
        }
        // SAFETY: a string, and a vector, that CaRT has unpacked.
        let (group, key) =
            unsafe { (CStr::from_ptr(group), slice::from_raw_parts(key.iov_buf.cast::<u8>(), key.iov_len)) };
        // SAFETY: as above.
        let sync = sync.map(|sync| unsafe { sync::from_wire(sync) }).transpose()?;
        let Some(namespace) = registry::find(group, number) else {
            let expected = sync.is_some_and(|sync| sync.expects_namespace);
            error!(
                IV,
                "IV namespace {}:{number}, for which a peer sent a request, does not exist at this rank; it is made \
                 later or has been destroyed{}",
                group.to_string_lossy(),
                if expected { ". The peer expects it to exist at all ranks" } else { "" }
            );
            return Err(NONEXIST);
        };
        if namespace.class(class).is_err() {
            error!(
                IV,
                "IV namespace {} has no class {class}, of which a peer sent a request",
                namespace.id()
            );
            return Err(INVAL);
        }
        let header = Header {
            namespace: namespace.id().clone(),
            version,
            class,
            key: key.to_vec(),
            root,
            origin,
            sync,
        };
        Ok((namespace, header))
    }

    /// The sender's buffers, or null; of a spread this rank's own.
    fn bulk(&self) -> crt_bulk_t {
        match self.kind {
            Kind::Fetch => self.input::<crt_iv_fetch_in>().ifi_value_bulk,
            Kind::Update => self.input::<crt_iv_update_in>().ivu_iv_value_bulk,
            // SAFETY: a request that is held.
            Kind::Sync => unsafe { (*self.rpc).cr_co_bulk_hdl },
        }
    }

    /// The value in the request, which it stays in.
    fn value_within(&self) -> Value {
        let list = match self.kind {
            Kind::Fetch => return Value::EMPTY,
            Kind::Update => self.input::<crt_iv_update_in>().ivu_iv_sgl,
            Kind::Sync => self.input::<crt_iv_sync_in>().ivs_sync_sgl,
        };
        // SAFETY: unpacked by CaRT; used while the request is held.
        unsafe { Value::new(list) }
    }

    /// Whether there is a value with it.
    pub fn has_value(&self) -> bool {
        !self.bulk().is_null() || self.value_within().list().sg_nr > 0
    }

    /// The value of a spread, valid as long as the request.
    pub fn spread_value(&mut self) -> Result<Value> {
        let bulk = self.bulk();
        if bulk.is_null() {
            return Ok(self.value_within());
        }
        let mut count = 0;
        // SAFETY: a handle of this rank, see `bulk`. A handle whose memory is registered later has one piece.
        if unsafe { abi::crt_bulk_get_sgnum(bulk, &raw mut count) } != 0 || count == 0 {
            count = 1;
        }
        self.pieces = vec![NO_VECTOR; count as usize];
        let mut list = d_sg_list_t { sg_nr: count, sg_nr_out: 0, sg_iovs: self.pieces.as_mut_ptr() };
        // SAFETY: a handle, and a list with room for as many pieces as it says, which may be replaced.
        outcome(unsafe { abi::crt_bulk_access(bulk, &raw mut list) })?;
        // SAFETY: the memory of the request's handle.
        Ok(unsafe { Value::new(list) })
    }

    /// Fills `value` with that of an update.
    pub fn receive<F>(self, mut value: Value, done: Box<dyn FnOnce(Received<F>) + Send>)
    where
        F: crate::iv::Fabric<Value = Value, Incoming = Incoming>,
    {
        if self.bulk().is_null() {
            let result = value.fill(&self.value_within());
            return done(Received { incoming: self, result, value, at_once: true });
        }
        let then = move |result, incoming, value| {
            done(Received { incoming, result, value, at_once: false });
        };
        self.transfer(CRT_BULK_GET, value, Box::new(then));
    }

    /// Answers with a result only.
    pub fn answer(self, result: Result) {
        self.reply(result, None);
    }

    /// Answers with a value, in the sender's buffers if it has given any, and gives the value back.
    pub fn answer_with(self, value: Value, done: Box<dyn FnOnce(Value) + Send>) {
        if self.bulk().is_null() {
            self.reply(Ok(()), Some(&value));
            return done(value);
        }
        let then = move |result, incoming: Incoming, value| {
            incoming.reply(result, None);
            done(value);
        };
        self.transfer(CRT_BULK_PUT, value, Box::new(then));
    }

    fn reply(&self, result: Result, value: Option<&Value>) {
        let (rc, list) = (Der::rc_of(result), value.map(Value::list));
        // SAFETY: a request that is held, with output of its kind, which nobody else writes to before the reply.
        let sent = unsafe {
            let output = (*self.rpc).cr_output;
            match self.kind {
                Kind::Fetch => {
                    let output = output.cast::<crt_iv_fetch_out>();
                    (*output).ifo_rc = rc;
                    list.into_iter().for_each(|list| (*output).ifo_sgl = list);
                }
                Kind::Update => {
                    let output = output.cast::<crt_iv_update_out>();
                    (*output).ivo_rc = i64::from(rc).cast_unsigned();
                    list.into_iter().for_each(|list| (*output).ivo_iv_sgl = list);
                }
                Kind::Sync => (*output.cast::<crt_iv_sync_out>()).ivs_rc = rc,
            }
            outcome(abi::crt_reply_send(self.rpc))
        };
        if let Err(error) = sent {
            error!(IV, "the reply to an IV request is lost: {error}; its sender will wait until its timeout");
        }
    }

    /// Transfers between `value` and the sender's buffers.
    fn transfer(self, op: crt_bulk_op_t, value: Value, then: Then) {
        let bulk = match Bulk::new(self.context(), &value, CRT_BULK_RW) {
            Ok(bulk) => bulk,
            Err(error) => return then(Err(error), self, value),
        };
        let mut desc = crt_bulk_desc {
            bd_rpc: self.rpc,
            bd_bulk_op: op,
            bd_remote_hdl: self.bulk(),
            bd_remote_off: 0,
            bd_local_hdl: bulk.0,
            bd_local_off: 0,
            bd_len: value.size(),
        };
        let arg = entrust(Box::new(Transfer { incoming: self, value, bulk, then }));
        // SAFETY: what the descriptor names is kept until the transfer has ended.
        let rc = unsafe { abi::crt_bulk_transfer(&raw mut desc, Some(transferred), arg, ptr::null_mut()) };
        if rc != 0 {
            // SAFETY: nobody calls `transferred` then.
            unsafe { reclaim::<Transfer>(arg) }.end(outcome(rc));
        }
    }
}

type Then = Box<dyn FnOnce(Result, Incoming, Value) + Send>;

/// A transfer under way.
struct Transfer {
    incoming: Incoming,
    value: Value,
    bulk: Bulk,
    then: Then,
}

impl Transfer {
    fn end(self, result: Result) {
        let Transfer { incoming, value, bulk, then } = self;
        drop(bulk);
        then(result, incoming, value);
    }
}

/// Called when a transfer has ended.
unsafe extern "C" fn transferred(info: *const crt_bulk_cb_info) -> c_int {
    let boundary = Boundary::enter("the end of a transfer of an IV value");
    // SAFETY: CaRT gives back what `transfer` gave away, once.
    let (transfer, rc) = unsafe { (reclaim::<Transfer>((*info).bci_arg), (*info).bci_rc) };
    transfer.end(outcome(rc));
    boundary.leave();
    0
}

/// A handle of registered memory.
pub struct Bulk(crt_bulk_t);

// SAFETY: CaRT's handles may be named on any thread.
unsafe impl Send for Bulk {}

impl Bulk {
    /// Registers the memory of a value, which must stay as long as the handle.
    pub fn new(context: crt_context_t, value: &Value, permission: crt_bulk_perm_t) -> Result<Self> {
        let (mut list, mut bulk) = (value.list(), ptr::null_mut());
        // SAFETY: a context, a list that is read, and a place for the handle.
        outcome(unsafe { abi::crt_bulk_create(context, &raw mut list, permission, &raw mut bulk) })?;
        Ok(Bulk(bulk))
    }

    /// The handle as CaRT takes it.
    pub fn as_c(&self) -> crt_bulk_t {
        self.0
    }
}

impl Drop for Bulk {
    fn drop(&mut self) {
        // SAFETY: a handle of `new`, whose transfers have ended.
        if let Err(error) = outcome(unsafe { abi::crt_bulk_free(self.0) }) {
            error!(IV, "the memory of an IV value stays registered: {error}");
        }
    }
}
