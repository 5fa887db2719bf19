//! How the engine asks the control plane: a message of protobuf-c's there, another one back.
//!
//! The messages' functions and `dss_drpc_call` belong to other C files, and are called as such.

use core::ffi::{c_char, c_uint, c_void};
use core::ops::Deref;
use core::{ptr, slice};

use abi::{Drpc__Response, d_rank_list_t};
use gurt_client::{Der, Facility, Result, error};

/// A message that is sent.
///
/// # Safety
/// [`Request::new`] gives all members their default values, [`Request::pack`] writes a message of this type.
pub unsafe trait Request: Sized {
    /// With default values.
    fn new() -> Self;

    /// On the wire.
    ///
    /// # Safety
    /// What the members point to is what their types say: null or strings, arrays and messages.
    unsafe fn pack(&self) -> Vec<u8>;
}

/// A message that comes back.
///
/// # Safety
/// [`Answer::unpack`] returns a message of this type, or null, and [`Answer::free`] frees it.
pub unsafe trait Answer: Sized {
    /// From the wire; null if there is no such message or no memory.
    fn unpack(wire: &[u8]) -> *mut Self;

    /// Frees it.
    ///
    /// # Safety
    /// `message` came from [`Answer::unpack`], and nobody uses it any more.
    unsafe fn free(message: *mut Self);
}

/// Makes messages requests: `<type>: <init>, <get_packed_size>, <pack>;`.
macro_rules! requests {
    ($($message:ident: $init:ident, $size:ident, $pack:ident;)+) => {$(
        // SAFETY: these are the functions of this message.
        unsafe impl $crate::drpc::upcall::Request for abi::$message {
            fn new() -> Self {
                let mut message = core::mem::MaybeUninit::uninit();
                // SAFETY: the function initialises the message.
                unsafe {
                    abi::$init(message.as_mut_ptr());
                    message.assume_init()
                }
            }

            unsafe fn pack(&self) -> Vec<u8> {
                // SAFETY: the caller vouches for the message; there is as much room as it says.
                unsafe {
                    let mut wire = Vec::with_capacity(abi::$size(self));
                    let written = abi::$pack(self, wire.as_mut_ptr());
                    assert!(written <= wire.capacity(), "a message takes the room that it says");
                    wire.set_len(written);
                    wire
                }
            }
        }
    )+};
}
pub(crate) use requests;

/// Makes messages answers: `<type>: <unpack>, <free_unpacked>;`.
macro_rules! answers {
    ($($message:ident: $unpack:ident, $free:ident;)+) => {$(
        // SAFETY: these are the functions of this message.
        unsafe impl $crate::drpc::upcall::Answer for abi::$message {
            fn unpack(wire: &[u8]) -> *mut Self {
                // SAFETY: that many bytes; no allocator means malloc.
                unsafe { abi::$unpack(core::ptr::null_mut(), wire.len(), wire.as_ptr()) }
            }

            unsafe fn free(message: *mut Self) {
                // SAFETY: the caller vouches for it.
                unsafe { abi::$free(message, core::ptr::null_mut()) }
            }
        }
    )+};
}
pub(crate) use answers;

/// A message that has come back, freed when dropped.
pub struct Unpacked<M: Answer>(*mut M);

impl<M: Answer> Deref for Unpacked<M> {
    type Target = M;

    fn deref(&self) -> &M {
        // SAFETY: not null, and ours.
        unsafe { &*self.0 }
    }
}

impl<M: Answer> Drop for Unpacked<M> {
    fn drop(&mut self) {
        // SAFETY: unpacked, and given up.
        unsafe { M::free(self.0) }
    }
}

/// A response of the control plane, freed when dropped.
pub struct Response(*mut Drpc__Response);

impl Response {
    /// Takes over what `drpc_call` or `dss_drpc_call` has stored.
    ///
    /// # Safety
    /// `response` is null or a live response, which nobody else frees.
    pub unsafe fn from_raw(response: *mut Drpc__Response) -> Self {
        Response(response)
    }

    /// Gives it to a caller that frees it.
    pub fn into_raw(self) -> *mut Drpc__Response {
        let response = self.0;
        core::mem::forget(self);
        response
    }

    /// Its body; `DER_IO` when the status is not success.
    pub fn body(&self) -> Result<&[u8]> {
        // SAFETY: null or a live response, ours.
        let response = unsafe { self.0.as_ref() }.ok_or(Der::new(abi::DER_PROTO.into()))?;
        if response.status != abi::DRPC__STATUS__SUCCESS {
            error!(Facility::SERVER, "received erroneous dRPC response: {}", response.status);
            return Err(Der::new(abi::DER_IO.into()));
        }
        if response.body.data.is_null() {
            return Ok(&[]);
        }
        // SAFETY: the body has that many bytes.
        Ok(unsafe { slice::from_raw_parts(response.body.data, response.body.len) })
    }
}

impl Drop for Response {
    fn drop(&mut self) {
        // SAFETY: null or a live response, given up.
        unsafe { abi::drpc_response_free(self.0) }
    }
}

/// Sends `request` to `method` of the control plane's service module, and waits for the response unless `flags` has
/// `DSS_DRPC_NO_RESP`, when there is none.
///
/// # Safety
/// As for [`Request::pack`].
unsafe fn call<Q: Request>(method: c_uint, request: &Q, flags: c_uint) -> Result<Response> {
    // SAFETY: the caller vouches for the request.
    let body = unsafe { request.pack() };
    let mut response = ptr::null_mut();
    // SAFETY: the body has that many bytes, which the call only reads; what it stores is ours.
    unsafe {
        let data = body.as_ptr().cast_mut().cast::<c_void>();
        let module = abi::DRPC_MODULE_SRV as i32;
        Der::check(abi::dss_drpc_call(module, method as i32, data, body.len(), flags, &raw mut response))?;
        Ok(Response::from_raw(response))
    }
}

/// Sends `request`, and ignores what the control plane may say besides success. With `DSS_DRPC_NO_RESP` in `flags`
/// nothing is waited for.
///
/// # Safety
/// As for [`Request::pack`].
pub unsafe fn tell<Q: Request>(method: c_uint, request: &Q, flags: c_uint) -> Result {
    // SAFETY: the caller vouches for the request.
    let response = unsafe { call(method, request, flags) }?;
    if flags & abi::DSS_DRPC_NO_RESP == 0 {
        response.body()?;
    }
    Ok(())
}

/// Sends `request`, and returns the answer.
///
/// # Safety
/// As for [`Request::pack`].
pub unsafe fn ask<Q: Request, A: Answer>(method: c_uint, request: &Q) -> Result<Unpacked<A>> {
    // SAFETY: the caller vouches for the request.
    let response = unsafe { call(method, request, 0) }?;
    let answer = A::unpack(response.body()?);
    if answer.is_null() {
        error!(
            Facility::SERVER,
            "cannot unpack the response to dRPC method {method}: malformed, or no memory"
        );
        return Err(Der::new(abi::DER_NOMEM.into()));
    }
    Ok(Unpacked(answer))
}

/// The elements of a repeated field.
///
/// # Safety
/// `values` has `count` of them, or is null, and they stay.
pub unsafe fn repeated<'a, T>(values: *const T, count: usize) -> &'a [T] {
    // SAFETY: the caller vouches for it.
    if values.is_null() { &[] } else { unsafe { slice::from_raw_parts(values, count) } }
}

/// A list of `count` ranks that C frees.
///
/// # Safety
/// As for [`repeated`].
pub unsafe fn rank_list(ranks: *mut u32, count: usize) -> Result<*mut d_rank_list_t> {
    // SAFETY: the ranks are copied.
    let list = unsafe { abi::uint32_array_to_rank_list(ranks, count) };
    if list.is_null() { Err(Der::new(abi::DER_NOMEM.into())) } else { Ok(list) }
}

/// A copy of a pool's label that C frees.
///
/// # Safety
/// `label` is null or a string.
pub unsafe fn label(label: *const c_char) -> Result<*mut c_char> {
    let label = if label.is_null() { c"".as_ptr() } else { label };
    // SAFETY: a string is copied.
    let copy = unsafe { abi::d_strndup(label, abi::DAOS_PROP_LABEL_MAX_LEN) };
    if copy.is_null() { Err(Der::new(abi::DER_NOMEM.into())) } else { Ok(copy) }
}
