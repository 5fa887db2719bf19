//! RPC protocols, which CaRT keeps.

use abi::dss_module;
use gurt_client::{Der, Result};

/// `daos_rpc_register` of `daos/rpc.h`: registers a module's protocol number `index`, if it has a format, with the
/// handlers of all its RPCs, or without any with those RPCs only that clients send.
///
/// # Safety
/// A format has as many RPCs as `cpf_count` says, and there are as many handlers, if any.
pub unsafe fn register_protocol(module: &dss_module, index: usize) -> Result {
    // SAFETY: see the function; nobody else uses the format before it is registered.
    let Some(format) = (unsafe { module.sm_proto_fmt[index].as_mut() }) else { return Ok(()) };
    let handlers = module.sm_handlers[index];
    if handlers.is_null() {
        format.cpf_count = module.sm_cli_count[index];
    } else {
        for i in 0..format.cpf_count as usize {
            // SAFETY: see the function.
            let (rpc, handler) = unsafe { (&mut *format.cpf_prf.add(i), &*handlers.add(i)) };
            rpc.prf_hdlr = handler.dr_hdlr;
            rpc.prf_co_ops = handler.dr_corpc_ops;
        }
    }
    // SAFETY: see the function; the format stays for as long as the module is mapped.
    Der::check(unsafe { abi::crt_proto_register(format) }).map(drop)
}
