//! `daos_srv/bio.h`: NVMe storage, as far as the engine itself needs it.

use crate::*;
use core::ffi::{c_char, c_int, c_uint, c_void};

/// Stands for the system xstream where bio wants a target.
pub const BIO_SYS_TGT_ID: u32 = 1024;
/// `bio_nvme_ctl`: whether all xstreams have their contexts; the argument is a `bool`.
pub const BIO_CTL_NOTIFY_STARTED: c_uint = 0;

unsafe extern "C" {
    /// Tells bio how memory is registered with the network.
    pub fn bio_register_bulk_ops(
        bulk_create: Option<
            unsafe extern "C" fn(
                ctxt: *mut c_void,
                sgl: *mut d_sg_list_t,
                perm: c_uint,
                bulk_hdl: *mut *mut c_void,
            ) -> c_int,
        >,
        bulk_free: Option<unsafe extern "C" fn(bulk_hdl: *mut c_void) -> c_int>,
    );
    /// Starts bio. `nvme_conf` is the path of the configuration, null for none; sizes are in MiB; `bypass`
    /// leaves health data out. 0 or `-DER_*`.
    pub fn bio_nvme_init(
        nvme_conf: *const c_char,
        numa_node: c_int,
        mem_size: c_uint,
        hugepage_size: c_uint,
        tgt_nr: c_uint,
        bypass: bool,
    ) -> c_int;
    /// Ends bio.
    pub fn bio_nvme_fini();
    /// Whether there are devices of a kind; `SMD_DEV_TYPE_MAX` asks for any kind.
    pub fn bio_nvme_configured(type_: smd_dev_type) -> bool;
    /// Changes the state of bio: `BIO_CTL_*`. 0 or `-DER_*`.
    pub fn bio_nvme_ctl(cmd: c_uint, arg: *mut c_void) -> c_int;
    /// Makes the context of the calling xstream for target `tgt_id`; `self_polling` when nobody will call
    /// `bio_nvme_poll`. 0 or `-DER_*`.
    pub fn bio_xsctxt_alloc(pctxt: *mut *mut bio_xs_context, tgt_id: c_int, self_polling: bool) -> c_int;
    /// Frees the context of the calling xstream; null is ignored.
    pub fn bio_xsctxt_free(ctxt: *mut bio_xs_context);
    /// Completes I/O of the context: 1 if there was something to do, 0 if not, -1 if its thread has ended.
    pub fn bio_nvme_poll(ctxt: *mut bio_xs_context) -> c_int;
    /// Whether the context waits for I/O or has something else to do.
    pub fn bio_need_nvme_poll(ctxt: *mut bio_xs_context) -> bool;
}
