//! Sending requests and replies out of ULTs. Replaces `rpc.c`.

use core::ffi::{c_int, c_uint};

use abi::{DER_INVAL, crt_cb_info, crt_rpc_t};
use gurt_client::{Der, Facility, error};

use crate::wait::Outcome;

/// Sends a request and waits until there is a reply, or none will come.
///
/// # Safety
/// `rpc` is null or a request that is ready to be sent.
unsafe fn send(rpc: *mut crt_rpc_t) -> c_int {
    if rpc.is_null() {
        error!(Facility::SERVER, "dss_rpc_send: no request; create one by crt_req_create");
        return Der::new(DER_INVAL.into()).rc();
    }
    let outcome = match Outcome::new("dss_rpc_send") {
        Ok(outcome) => outcome,
        Err(err) => return err.rc(),
    };
    // SAFETY: see the function; sending takes a reference, so that the caller's stays. The outcome lives until the
    // callback has come, which does not when sending fails.
    let rc = unsafe {
        abi::crt_req_addref(rpc);
        abi::crt_req_send(rpc, Some(on_completion), outcome.handle())
    };
    if rc != 0 { rc } else { outcome.wait() }
}

/// CaRT's callback: what has become of a request.
unsafe extern "C" fn on_completion(info: *const crt_cb_info) {
    // SAFETY: CaRT passes what `send` has passed to it, once.
    unsafe { Outcome::set((*info).cci_arg, (*info).cci_rc) }
}

abi::export! {
    /// `dss_rpc_send` (rpc.c): sends `rpc` and waits for the reply, in which the calling ULT sleeps. The caller keeps
    /// its reference.
    ///
    /// Returns 0 when there is a reply, or a DAOS error code.
    pub unsafe fn dss_rpc_send(rpc: *mut crt_rpc_t) -> c_int {
        // SAFETY: as the caller's contract says.
        unsafe { send(rpc) }
    }

    /// `dss_rpc_reply` (rpc.c): sends the reply of `rpc`, unless fault injection is armed for `fail_loc`: then the
    /// reply is lost, and 0 returned.
    pub unsafe fn dss_rpc_reply(rpc: *mut crt_rpc_t, fail_loc: c_uint) -> c_int {
        // SAFETY: takes any number.
        if unsafe { abi::daos_fail_check(fail_loc.into()) } != 0 {
            return 0;
        }
        // SAFETY: as the caller's contract says.
        let rc = unsafe { abi::crt_reply_send(rpc) };
        if let Err(err) = Der::check(rc) {
            error!(Facility::SERVER, "cannot send a reply: {err}");
        }
        rc
    }
}
