//! NVMe, which a ULT of the xstream polls.

use core::ptr::NonNull;

use crate::inline;

/// `dss_xstream_has_nvme` (srv_internal.h): whether the xstream `dx` has a ULT that polls NVMe.
pub fn is_polled(dx: NonNull<abi::dss_xstream>) -> bool {
    // SAFETY: a live xstream, of which these do not change; bio can be asked at any time.
    unsafe {
        (*dx.as_ptr()).dx_main_xs
            || ((*dx.as_ptr()).dx_xs_id == 0 && abi::bio_nvme_configured(abi::SMD_DEV_TYPE_META))
    }
}

/// Whether so much I/O of the calling xstream is under way that NVMe should be polled soon.
pub fn is_busy() -> bool {
    // SAFETY: the module information of a running xstream; its NVMe context is null or live.
    inline::module_info()
        .is_some_and(|info| unsafe { abi::bio_need_nvme_poll((*info.as_ptr()).dmi_nvme_ctxt) })
}
