//! `cart/iv.h`: types of incast variables.

use crate::*;
use core::ffi::c_void;

/// A namespace of incast variables, owned by CaRT.
pub type crt_iv_namespace_t = *mut c_void;

/// Callbacks of a class of incast variables; opaque until CaRT comes.
#[repr(C)]
pub struct crt_iv_ops {
    _opaque: [u8; 0],
}

/// A key: any string of bytes.
pub type crt_iv_key_t = d_iov_t;
