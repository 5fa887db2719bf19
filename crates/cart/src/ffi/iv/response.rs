//! What comes back to a [`Call`].

use core::ffi::{c_int, c_void};

use abi::{Boundary, crt_cb_info, crt_context_t, crt_rpc_t};
use gurt_client::warn;

use super::call::Call;
use super::{IV, entrust, outcome, reclaim};

/// A reply that is handled in a ULT of its own.
struct Deferred {
    rpc: *mut crt_rpc_t,
    rc: c_int,
    call: Call,
}

/// Called by CaRT when a request has ended.
///
/// The reply is handled where the context's user wants it, by `iv_resp_cb` of `crt_context_register_rpc_task`. An
/// error that CaRT itself has found is handled here: the memory that went along is taken back before anybody could
/// free it, though the peer may still want to write to it.
pub unsafe extern "C" fn completed(info: *const crt_cb_info) {
    let boundary = Boundary::enter("the end of an IV request");
    // SAFETY: CaRT gives back what `Call::send` gave away, once, with a request that stays for this call.
    unsafe {
        let crt_cb_info { cci_rpc: rpc, cci_arg, cci_rc: rc } = *info;
        let call = reclaim::<Call>(cci_arg);
        let found_here = [abi::DER_TIMEDOUT, abi::DER_EXCLUDED, abi::DER_CANCELED];
        let task = match found_here.iter().any(|&error| rc == -(error as c_int)) {
            true => None,
            false => task_of((*rpc).cr_ctx),
        };
        match task {
            Some((task, arg)) => defer(rpc, rc, *call, task, arg),
            None => respond(rpc, rc, *call),
        }
    }
    boundary.leave();
}

type Task = unsafe extern "C" fn(
    *mut crt_context_t,
    *mut c_void,
    Option<unsafe extern "C" fn(*mut c_void)>,
    *mut c_void,
) -> c_int;

/// # Safety
/// As [`completed`]; the task is that of the request's context.
unsafe fn defer(rpc: *mut crt_rpc_t, rc: c_int, call: Call, task: Task, task_arg: *mut c_void) {
    let arg = entrust(Box::new(Deferred { rpc, rc, call }));
    // SAFETY: see the function. The request is held until the task has run; the task's first argument is the context
    // itself, whatever its type says.
    unsafe {
        abi::crt_req_addref(rpc);
        let failed = task((*rpc).cr_ctx.cast(), arg, Some(run_deferred), task_arg);
        if failed != 0 {
            warn!(IV, "no ULT for the reply to an IV request ({failed}); it is handled without one");
            run_deferred(arg);
        }
    }
}

unsafe extern "C" fn run_deferred(arg: *mut c_void) {
    let boundary = Boundary::enter("the reply to an IV request");
    // SAFETY: what `defer` gave away, with a reference to the request.
    unsafe {
        let Deferred { rpc, rc, call } = *reclaim::<Deferred>(arg);
        respond(rpc, rc, call);
        abi::crt_req_decref(rpc);
    }
    boundary.leave();
}

/// # Safety
/// `rpc` is the request of `call`, which has ended with `rc`.
unsafe fn respond(rpc: *mut crt_rpc_t, rc: c_int, mut call: Call) {
    // SAFETY: see the function; without an error there is a reply.
    let result = outcome(rc).and_then(|()| unsafe { call.take_reply(rpc) });
    call.end(result);
}

/// What CaRT's users have registered for replies of a context, with its argument.
///
/// # Safety
/// `context` exists.
unsafe fn task_of(context: crt_context_t) -> Option<(Task, *mut c_void)> {
    #[cfg(feature = "fabric")]
    // SAFETY: see the function.
    return unsafe { crate::ffi::fabric::iv_response_task(context) };
    #[cfg(not(feature = "fabric"))]
    {
        // SAFETY: see the function.
        let context = unsafe { &*context.cast::<libcart::Context>() };
        Some((context.cc_iv_resp_cb?, context.cc_rpc_cb_arg))
    }
}

// Beside our own fabric only its tests use it.
#[cfg_attr(feature = "fabric", allow(dead_code))]
mod libcart {
    //! A context as libcart 2.8 has it: there is no function that tells what was registered.

    use core::ffi::c_void;

    use abi::crt_rpc_task_t;

    /// The first members of `struct crt_context`.
    #[repr(C)]
    pub struct Context {
        others: [u64; 25],
        pub cc_rpc_cb_arg: *mut c_void,
        pub cc_rpc_cb: crt_rpc_task_t,
        pub cc_iv_resp_cb: crt_rpc_task_t,
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use core::mem::offset_of;

        /// The offset of a member by the facts of libcart.
        fn fact(member: &str) -> usize {
            let facts = include_str!("../../../../../abi/daos-2.8.0/structs.json");
            let facts: serde_json::Value = serde_json::from_str(facts).unwrap();
            let members = facts["struct crt_context"]["members"].as_array().unwrap();
            let found = members.iter().find(|it| it["name"] == member).unwrap();
            found["offset"].as_u64().unwrap() as usize
        }

        #[test]
        fn members_are_where_libcart_has_them() {
            assert_eq!(offset_of!(Context, cc_rpc_cb_arg), fact("cc_rpc_cb_arg"));
            assert_eq!(offset_of!(Context, cc_rpc_cb), fact("cc_rpc_cb"));
            assert_eq!(offset_of!(Context, cc_iv_resp_cb), fact("cc_iv_resp_cb"));
        }
    }
}
