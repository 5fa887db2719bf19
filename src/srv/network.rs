//! An xstream's network context, CaRT's.

use core::cell::Cell;
use core::ffi::c_int;
use core::ptr::{self, NonNull};

use gurt_client::{Der, Facility, Result, error};

use super::request;
use super::role::Role;
use crate::inline;

/// The context of an xstream. Dropped, it gives up what is under way and is destroyed.
pub struct Network {
    context: abi::crt_context_t,
    /// What the last poll came to, so that a failure that lasts is one line in the log.
    last: Cell<c_int>,
}

impl Network {
    /// Makes the context of xstream `dx`. As the xstreams start one after the other, CaRT gives it `number`, on
    /// which everybody relies who sends RPCs here.
    ///
    /// # Safety
    /// Runs on the xstream `dx`, whose module info is filled in; dx outlives the context.
    pub unsafe fn open(dx: NonNull<abi::dss_xstream>, role: &Role, number: u32) -> Result<Self> {
        let mut context = ptr::null_mut();
        // SAFETY: CaRT writes a handle.
        Der::check(unsafe { abi::crt_context_create(&raw mut context) })
            .inspect_err(|err| error!(Facility::SERVER, "{role}: cannot make a network context: {err}"))?;
        let network = Network { context, last: Cell::new(0) };
        // SAFETY: the context was just made; requests get dx, which outlives it.
        Der::check(unsafe {
            let (requests, replies) = (Some(request::enqueue as _), Some(request::continue_iv as _));
            abi::crt_context_register_rpc_task(context, requests, replies, dx.as_ptr().cast())
        })
        .inspect_err(|err| error!(Facility::SERVER, "{role}: cannot have requests scheduled: {err}"))?;
        let mut index = -1;
        // SAFETY: as above.
        Der::check(unsafe { abi::crt_context_idx(context, &raw mut index) }).inspect_err(|err| {
            error!(Facility::SERVER, "{role}: its network context has no number: {err}")
        })?;
        if u32::try_from(index) != Ok(number) {
            error!(Facility::SERVER, "{role}: its network context has number {index} instead of {number}");
            return Err(Der::new(abi::DER_MISMATCH.into()));
        }
        if let Some(info) = inline::module_info() {
            // SAFETY: the engine's own data of this thread.
            unsafe { (*info.as_ptr()).dmi_ctx = context };
        }
        Ok(network)
    }

    /// Sends and receives what is pending; waits up to `timeout` microseconds for something to do.
    pub fn progress(&self, timeout: u32) {
        // SAFETY: a live context of this thread.
        let rc = unsafe { abi::crt_progress(self.context, timeout.into()) };
        let rc = if rc == Der::new(abi::DER_TIMEDOUT.into()).rc() { 0 } else { rc };
        // It may pass, so there is nothing to do but to go on.
        if self.last.replace(rc) != rc
            && let Err(err) = Der::check(rc)
        {
            error!(Facility::SERVER, "the network cannot be polled: {err}");
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        /// Whatever is under way.
        const FORCE: c_int = 1;
        // SAFETY: a live context of this thread, which nobody uses any more.
        if let Err(err) = Der::check(unsafe { abi::crt_context_destroy(self.context, FORCE) }) {
            error!(Facility::SERVER, "cannot destroy a network context: {err}");
        }
    }
}
