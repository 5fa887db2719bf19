//! What CaRT hands to an xstream: requests, which wait for their turn in the scheduler, and replies to requests
//! for incast variables.

use core::ffi::{c_int, c_void};
use core::ptr::NonNull;

use gurt_client::{Der, Facility, error};

use crate::inline::{self, UltFn};

/// `dss_rpc_hdlr`: has the scheduler of xstream `arg` run `handler` for the request `rpc` when it is its turn. What
/// else it returns is the answer to the request.
pub unsafe extern "C" fn enqueue(
    _context: *mut abi::crt_context_t,
    rpc: *mut c_void,
    handler: UltFn,
    arg: *mut c_void,
) -> c_int {
    let boundary = abi::Boundary::enter("dss_rpc_hdlr");
    // SAFETY: takes a number.
    let lost = unsafe { abi::daos_fail_check(abi::DAOS_FAIL_LOST_REQ.into()) } != 0;
    // SAFETY: CaRT passes the request and what was registered with the context.
    let rc = if lost { 0 } else { unsafe { schedule(rpc.cast(), handler, arg.cast()) } };
    boundary.leave();
    rc
}

/// # Safety
/// `rpc` is a request for the xstream `dx`, this one, and `handler` its handler.
unsafe fn schedule(rpc: *mut abi::crt_rpc_t, handler: UltFn, dx: *mut abi::dss_xstream) -> c_int {
    const RETRY: c_int = -(abi::DER_OVERLOAD_RETRY as c_int);
    // SAFETY: the caller vouches for the request and the xstream; the attributes are read and written meanwhile.
    unsafe {
        let ops = module_ops((*rpc).cr_opc);
        let mut attr = attributes(rpc, ops);
        let rc = abi::sched_req_enqueue(dx, &raw mut attr, handler, rpc.cast());
        if rc != RETRY {
            return rc;
        }
        // Overloaded. Whose protocol has a place for it is told when to come again; all others time out.
        if let Some(set) = ops.and_then(|ops| (*ops.as_ptr()).dms_set_req)
            && set(rpc, &raw mut attr) == RETRY
        {
            let rc = abi::crt_reply_send(rpc);
            if rc == 0 {
                // The handler will not run, which gives back two counts of the request.
                abi::crt_req_decref(rpc);
                abi::crt_req_decref(rpc);
            }
            return rc;
        }
    }
    Der::new(abi::DER_TIMEDOUT.into()).rc()
}

/// What the module that serves an RPC says about scheduling; none for the RPCs of CaRT itself.
fn module_ops(opcode: abi::crt_opcode_t) -> Option<NonNull<abi::dss_module_ops>> {
    let id = (opcode >> abi::MODID_OFFSET) & abi::MODID_MASK;
    // SAFETY: takes any number; a module outlives the xstreams, and so do its functions.
    unsafe {
        let module = NonNull::new(abi::dss_module_get(id as c_int))?;
        NonNull::new((*module.as_ptr()).sm_mod_ops)
    }
}

/// What the scheduler must know of a request: what its module says, or that it belongs to no pool.
///
/// # Safety
/// `rpc` is a request of the module whose `ops` those are.
unsafe fn attributes(
    rpc: *mut abi::crt_rpc_t,
    ops: Option<NonNull<abi::dss_module_ops>>,
) -> abi::sched_req_attr {
    let mut attr = abi::sched_req_attr {
        sra_pool_id: [0; 16],
        sra_type: 0,
        sra_flags: 0,
        sra_timeout: 0,
        sra_enqueue_id: 0,
    };
    // SAFETY: the caller vouches for request and functions.
    unsafe {
        if let Err(err) = Der::check(abi::crt_req_get_timeout(rpc, &raw mut attr.sra_timeout)) {
            error!(Facility::SERVER, "request {:#x} does not tell its timeout: {err}", (*rpc).cr_opc);
        }
        // Seconds to milliseconds.
        attr.sra_timeout = attr.sra_timeout.saturating_mul(1000);
        let get = ops.and_then(|ops| (*ops.as_ptr()).dms_get_req_attr);
        if get.is_none_or(|get| get(rpc, &raw mut attr) != 0) {
            attr.sra_type = abi::SCHED_REQ_ANONYM;
        }
    }
    attr
}

/// `dss_iv_resp_hdlr`: continues in a ULT of xstream `arg` what waited for the reply to a request for an incast
/// variable. Aggregation updates variables at intervals, which is no reason to keep an idle xstream awake.
pub unsafe extern "C" fn continue_iv(
    _context: *mut abi::crt_context_t,
    reply: *mut c_void,
    handler: UltFn,
    arg: *mut c_void,
) -> c_int {
    let boundary = abi::Boundary::enter("dss_iv_resp_hdlr");
    let created = match NonNull::new(arg.cast::<abi::dss_xstream>()) {
        // SAFETY: CaRT passes the reply, its handler and what was registered with the context.
        Some(dx) => unsafe {
            let (attr, thread) = (abi::ABT_THREAD_ATTR_NULL, core::ptr::null_mut());
            inline::create_thread(dx, handler, reply, attr, thread, abi::DSS_ULT_FL_PERIODIC)
        },
        None => Err(Der::new(abi::DER_INVAL.into())),
    };
    boundary.leave();
    Der::rc_of(created)
}
