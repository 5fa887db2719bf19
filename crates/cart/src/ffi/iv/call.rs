//! Requests to other ranks.

use core::ffi::{CStr, c_char, c_int};
use std::sync::Arc;

use abi::{
    crt_bulk_t, crt_context_t, crt_iv_fetch_in, crt_iv_fetch_out, crt_iv_sync_in, crt_iv_sync_out,
    crt_iv_sync_t, crt_iv_update_in, crt_iv_update_out, crt_rpc_t, d_sg_list_t,
};
use gurt_client::Result;

use super::incoming::Bulk;
use super::response::completed;
use super::value::{Copied, Value};
use super::{entrust, outcome, reclaim, sync, vector};
use crate::iv::{Header, Kind, SyncPolicy};

/// Told what came of a call, with its value.
pub type Ended = Box<dyn FnOnce(Result, Option<Value>) + Send>;

/// A request that has not ended, and all that it points at.
pub struct Call {
    kind: Kind,
    key: Vec<u8>,
    group: Arc<CStr>,
    sync: crt_iv_sync_t,
    bidirectional: bool,
    value: Option<Value>,
    /// What `value` is a part of, if nobody else keeps it.
    _copied: Option<Copied>,
    bulk: Option<Bulk>,
    ended: Ended,
}

impl Call {
    /// A call that `header` describes.
    pub fn new(
        kind: Kind,
        header: &Header,
        group: &Arc<CStr>,
        value: Option<Value>,
        ended: Ended,
    ) -> Box<Self> {
        const NONE: crt_iv_sync_t = crt_iv_sync_t { ivs_mode: 0, ivs_event: 0, ivs_flags: 0 };
        Box::new(Call {
            kind,
            key: header.key.clone(),
            group: group.clone(),
            sync: header.sync.as_ref().map_or(NONE, sync::raw),
            bidirectional: header.sync.is_some_and(|SyncPolicy { bidirectional, .. }| bidirectional),
            value,
            _copied: None,
            bulk: None,
            ended,
        })
    }

    /// A spread with a copy of the value, whose end nobody waits for.
    pub fn with_copy(header: &Header, group: &Arc<CStr>, value: Option<&mut Value>) -> Box<Self> {
        let mut copied = value.map(|value| Copied::new(value));
        let value = copied.as_mut().map(Copied::value);
        Box::new(Call {
            _copied: copied,
            ..*Call::new(Kind::Sync, header, group, value, Box::new(|_, _| ()))
        })
    }

    /// Registers a value of more than `limit` bytes, and says what goes along with the request.
    pub fn register(&mut self, context: crt_context_t, limit: usize) -> Result<crt_bulk_t> {
        let permission = if self.kind == Kind::Sync { abi::CRT_BULK_RO } else { abi::CRT_BULK_RW };
        if let Some(value) = self.value.as_ref().filter(|value| value.size() > limit) {
            self.bulk = Some(Bulk::new(context, value, permission)?);
        }
        Ok(self.bulk())
    }

    fn bulk(&self) -> crt_bulk_t {
        self.bulk.as_ref().map_or(core::ptr::null_mut(), Bulk::as_c)
    }

    /// The value as it goes along within the request.
    fn value_within(&self) -> d_sg_list_t {
        let value = self.value.as_ref().filter(|_| self.bulk.is_none());
        value.map_or(Value::EMPTY.list(), Value::list)
    }

    /// Sends the request, which has been made for it. If that fails, it ends with the error.
    ///
    /// # Safety
    /// `rpc` is a new request of the call's kind.
    pub unsafe fn send(self: Box<Self>, rpc: *mut crt_rpc_t, header: &Header) {
        // SAFETY: see the function. What the input points at stays in place until the request has ended.
        unsafe {
            self.fill(rpc, header);
            let arg = entrust(self);
            let rc = abi::crt_req_send(rpc, Some(completed), arg);
            if rc != 0 {
                // Then `completed` is not called.
                reclaim::<Call>(arg).end(outcome(rc));
            }
        }
    }

    /// # Safety
    /// As [`send`](Self::send).
    unsafe fn fill(&self, rpc: *mut crt_rpc_t, header: &Header) {
        let Header { version, class, root, origin, .. } = *header;
        let (number, key) = (header.namespace.number, vector(&self.key));
        let group: *mut c_char = self.group.as_ptr().cast_mut();
        // CaRT packs it, and does not write to it.
        let sync = abi::d_iov_t {
            iov_buf: (&raw const self.sync).cast_mut().cast(),
            iov_buf_len: size_of::<crt_iv_sync_t>(),
            iov_len: size_of::<crt_iv_sync_t>(),
        };
        // SAFETY: the input of a request of that kind.
        unsafe {
            let input = (*rpc).cr_input;
            match self.kind {
                Kind::Fetch => input.cast::<crt_iv_fetch_in>().write(crt_iv_fetch_in {
                    ifi_ivns_id: number,
                    ifi_grp_ver: version,
                    ifi_ivns_group: group,
                    ifi_key: key,
                    ifi_value_bulk: self.bulk(),
                    ifi_class_id: class.cast_signed(),
                    ifi_root_node: root,
                }),
                Kind::Update => input.cast::<crt_iv_update_in>().write(crt_iv_update_in {
                    ivu_ivns_id: number,
                    ivu_grp_ver: version,
                    ivu_ivns_group: group,
                    ivu_key: key,
                    ivu_sync_type: sync,
                    ivu_iv_value_bulk: self.bulk(),
                    ivu_iv_sgl: self.value_within(),
                    ivu_root_node: root,
                    ivu_caller_node: origin,
                    ivu_class_id: class,
                    padding: 0,
                }),
                Kind::Sync => input.cast::<crt_iv_sync_in>().write(crt_iv_sync_in {
                    ivs_ivns_id: number,
                    ivs_grp_ver: version,
                    ivs_ivns_group: group,
                    ivs_key: key,
                    ivs_sync_type: sync,
                    ivs_sync_sgl: self.value_within(),
                    ivs_class_id: class,
                }),
            }
        }
    }

    /// Takes the value out of a reply.
    ///
    /// # Safety
    /// `rpc` is the request, which has been answered.
    pub unsafe fn take_reply(&mut self, rpc: *mut crt_rpc_t) -> Result {
        // SAFETY: the output of a request of that kind.
        let (rc, list) = unsafe {
            let output = (*rpc).cr_output;
            match self.kind {
                Kind::Fetch => {
                    let output = &*output.cast::<crt_iv_fetch_out>();
                    (output.ifo_rc, Some(output.ifo_sgl))
                }
                Kind::Update => {
                    let output = &*output.cast::<crt_iv_update_out>();
                    // It was an int once.
                    (output.ivo_rc as c_int, Some(output.ivo_iv_sgl).filter(|_| self.bidirectional))
                }
                Kind::Sync => match (*output.cast::<crt_iv_sync_out>()).ivs_rc {
                    // There is nobody to send it on to, but C peers pass on what their class says.
                    super::FORWARD => (0, None),
                    rc => (rc, None),
                },
            }
        };
        outcome(rc)?;
        match (&mut self.value, list) {
            // SAFETY: unpacked by CaRT, and copied before the reply goes.
            (Some(value), Some(list)) if self.bulk.is_none() => value.fill(&unsafe { Value::new(list) }),
            _ => Ok(()),
        }
    }

    /// Tells whoever waits what came of it.
    pub fn end(self, result: Result) {
        let Call { value, bulk, ended, .. } = self;
        // Nobody reaches the value any more when its user gets it back.
        drop(bulk);
        ended(result, value);
    }
}
