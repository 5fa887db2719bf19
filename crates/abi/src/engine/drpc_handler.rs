//! `drpc_handler.h`: the table of dRPC handlers.

use crate::*;
use core::ffi::c_int;
unsafe extern "C" {
    pub fn drpc_hdlr_init() -> c_int;
    pub fn drpc_hdlr_fini() -> c_int;
    pub fn drpc_hdlr_register(module_id: c_int, handler: drpc_handler_t) -> c_int;
    pub fn drpc_hdlr_register_all(handlers: *mut dss_drpc_handler) -> c_int;
    pub fn drpc_hdlr_get_handler(module_id: c_int) -> drpc_handler_t;
    pub fn drpc_hdlr_unregister(module_id: c_int) -> c_int;
    pub fn drpc_hdlr_unregister_all(handlers: *mut dss_drpc_handler) -> c_int;
    pub fn drpc_hdlr_process_msg(request: *mut Drpc__Call, resp: *mut Drpc__Response);
}
