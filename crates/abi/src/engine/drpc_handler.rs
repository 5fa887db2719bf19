//! `drpc_handler.h`: the table of dRPC handlers.

use crate::*;
use core::ffi::c_int;

unsafe extern "C" {
    /// drpc_handler.c: an empty table. 0.
    pub fn drpc_hdlr_init() -> c_int;
    /// drpc_handler.c: no table any more. 0.
    pub fn drpc_hdlr_fini() -> c_int;
    /// drpc_handler.c: lets `handler` answer the calls to the module `module_id`.
    ///
    /// 0; `-DER_UNINIT` without a table, `-DER_INVAL` for an id out of range or no handler, `-DER_EXIST` when
    /// the module has one.
    pub fn drpc_hdlr_register(module_id: c_int, handler: drpc_handler_t) -> c_int;
    /// drpc_handler.c: registers a list of handlers, null for none, that ends with one without function. As
    /// many as possible: 0, or the code of the last that failed.
    pub fn drpc_hdlr_register_all(handlers: *mut dss_drpc_handler) -> c_int;
    /// drpc_handler.c: the handler of the module `module_id`, or null.
    pub fn drpc_hdlr_get_handler(module_id: c_int) -> drpc_handler_t;
    /// drpc_handler.c: the module `module_id` answers no more calls. 0, also when it had no handler;
    /// `-DER_UNINIT` or `-DER_INVAL`.
    pub fn drpc_hdlr_unregister(module_id: c_int) -> c_int;
    /// drpc_handler.c: unregisters a list as `drpc_hdlr_register_all` takes it. 0, or `-DER_UNINIT`; an entry
    /// that fails is logged.
    pub fn drpc_hdlr_unregister_all(handlers: *mut dss_drpc_handler) -> c_int;
    /// drpc_handler.c: lets the handler of `request`'s module fill in `resp`. Without one the status becomes
    /// `UNKNOWN_MODULE`.
    pub fn drpc_hdlr_process_msg(request: *mut Drpc__Call, resp: *mut Drpc__Response);
}
