//! Scatter/gather lists.

use core::ptr;

use abi::d_sg_list_t;
use gurt_client::{Der, Result, alloc};

/// An empty list.
pub const EMPTY: d_sg_list_t = d_sg_list_t { sg_nr: 0, sg_nr_out: 0, sg_iovs: ptr::null_mut() };

/// `d_sgl_fini` of `gurt/common.h`, with the buffers.
///
/// # Safety
/// `sgl` is null or a list whose vectors and buffers came from `D_ALLOC` and are not used again.
pub unsafe fn fini(sgl: *mut d_sg_list_t) {
    // SAFETY: see the function.
    unsafe {
        if sgl.is_null() || (*sgl).sg_iovs.is_null() {
            return;
        }
        for i in 0..(*sgl).sg_nr as usize {
            alloc::free((*(*sgl).sg_iovs.add(i)).iov_buf);
        }
        alloc::free((*sgl).sg_iovs);
        *sgl = EMPTY;
    }
}

/// Notes in a list that it could not be filled: `sg_nr_out` holds the negative error, which is no number of vectors.
///
/// # Safety
/// `sgl` is null or a list.
pub unsafe fn mark_failed(sgl: *mut d_sg_list_t, err: Der) {
    // SAFETY: see the function.
    if let Some(list) = unsafe { sgl.as_mut() } {
        list.sg_nr_out = err.rc().cast_unsigned();
    }
}

/// Fails if a list was marked.
pub fn check_filled(list: &d_sg_list_t) -> Result {
    Der::check(list.sg_nr_out.cast_signed()).map(drop)
}

/// Copies the data of `from` to the buffers of `to`; fails if one of them is too small.
///
/// # Safety
/// Both are null or valid lists.
pub unsafe fn copy(to: *mut d_sg_list_t, from: *mut d_sg_list_t) -> Result {
    if to.is_null() || from.is_null() {
        return Err(super::der(abi::DER_INVAL));
    }
    // SAFETY: see the function.
    super::outcome(unsafe { abi::daos_sgl_copy_data(to, from) })
}
