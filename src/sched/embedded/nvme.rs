//! There is no NVMe.

use core::ptr::NonNull;

/// Whether the xstream `dx` has a ULT that polls NVMe. Who puts a unit into that pool gets it run.
pub fn is_polled(_dx: NonNull<abi::dss_xstream>) -> bool {
    true
}

/// Whether NVMe has so much to do that it should be polled soon.
pub fn is_busy() -> bool {
    false
}
