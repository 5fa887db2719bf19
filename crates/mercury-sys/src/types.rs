//! The layouts of `na_types.h` and `na.h`.

use core::ffi::{c_char, c_int, c_uint, c_ulong, c_void};
use core::marker::{PhantomData, PhantomPinned};
use core::mem::{offset_of, size_of};
use core::ptr::null_mut;

/// The major version of the layer whose layouts these are: it changes with the ABI.
pub const MAJOR: c_uint = 6;
/// The version of [`InitInfo`]: `NA_VERSION(6, 0)`.
pub const INIT_VERSION: c_uint = MAJOR << 16;
/// Only one thread at a time uses class and contexts: `NA_THREAD_MODE_SINGLE`.
pub const THREAD_MODE_SINGLE: u8 = 3;
/// Progress never blocks: `NA_NO_BLOCK`.
pub const NO_BLOCK: u8 = 1;
/// A buffer to send from: `NA_SEND`.
pub const SEND: c_ulong = 1;
/// A buffer to receive to: `NA_RECV`.
pub const RECV: c_ulong = 2;
/// An operation with one completion: `NA_OP_SINGLE`.
pub const OP_SINGLE: c_ulong = 0;

macro_rules! opaque {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[repr(C)]
        pub struct $name {
            _opaque: [u8; 0],
            _pinned: PhantomData<(*mut u8, PhantomPinned)>,
        }
    )*};
}

opaque! {
    /// `na_context_t`.
    Context;
    /// `na_addr_t`.
    Addr;
    /// `na_op_id_t`.
    OpId;
}

/// `na_return_t`.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Return(pub c_uint);

impl Return {
    /// `NA_SUCCESS`.
    pub const SUCCESS: Return = Return(0);
    /// `NA_OVERFLOW`.
    pub const OVERFLOW: Return = Return(13);
    /// `NA_OPNOTSUPPORTED`.
    pub const NOT_SUPPORTED: Return = Return(16);
    /// `NA_CANCELED`.
    pub const CANCELED: Return = Return(21);
}

/// `struct na_init_info`.
#[repr(C)]
#[derive(Debug)]
pub struct InitInfo {
    /// Which subnet, if any is as good: null.
    pub ip_subnet: *const c_char,
    /// Null, or a key that all processes share.
    pub auth_key: *const c_char,
    /// How large an unexpected message should be able to be; 0 leaves it to the plugin.
    pub max_unexpected_size: usize,
    /// The same of expected messages.
    pub max_expected_size: usize,
    /// 0 or [`NO_BLOCK`].
    pub progress_mode: u8,
    /// `enum na_addr_format`; 0 leaves it to the plugin.
    pub addr_format: c_uint,
    /// How many contexts the class will have.
    pub max_contexts: u8,
    /// 0 or [`THREAD_MODE_SINGLE`].
    pub thread_mode: u8,
    /// Whether memory of devices is transferred.
    pub request_mem_device: bool,
    /// `enum na_traffic_class`; 0 leaves it to the plugin.
    pub traffic_class: c_uint,
}

impl Default for InitInfo {
    /// `NA_INIT_INFO_INITIALIZER`.
    fn default() -> Self {
        InitInfo {
            ip_subnet: null_mut(),
            auth_key: null_mut(),
            max_unexpected_size: 0,
            max_expected_size: 0,
            progress_mode: 0,
            addr_format: 0,
            max_contexts: 1,
            thread_mode: 0,
            request_mem_device: false,
            traffic_class: 0,
        }
    }
}

/// `struct na_cb_info`: what a callback is told.
#[repr(C)]
pub struct CbInfo {
    /// Of a received message.
    pub info: CbDetail,
    /// What was given with the operation.
    pub arg: *mut c_void,
    /// `na_cb_type_t`.
    pub kind: c_uint,
    /// How the operation has ended.
    pub ret: Return,
}

/// The union in `struct na_cb_info`.
#[repr(C)]
pub union CbDetail {
    /// An unexpected message.
    pub recv_unexpected: RecvUnexpected,
    /// The largest member's size.
    multi_recv_unexpected: [u64; 5],
}

/// `struct na_cb_info_recv_unexpected`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct RecvUnexpected {
    /// Its size, with the header of the plugin.
    pub actual_buf_size: usize,
    /// Who sent it: the receiver's to free.
    pub source: *mut Addr,
    /// Its tag.
    pub tag: u32,
}

/// `na_cb_t`.
pub type Callback = unsafe extern "C" fn(*const CbInfo);

/// `struct na_class`: an open network.
#[repr(C)]
pub struct Class {
    ops: *const ClassOps,
    plugin_class: *mut c_void,
    protocol_name: *mut c_char,
    progress_mode: u8,
    listen: bool,
}

/// A function of the table that is not called here.
type Other = Option<unsafe extern "C" fn()>;

/// From a buffer with its size and plugin data, to an address, its context and with a tag.
type SendUnexpected = unsafe extern "C" fn(
    *mut Class,
    *mut Context,
    Callback,
    *mut c_void,
    *const c_void,
    usize,
    *mut c_void,
    *mut Addr,
    u8,
    u32,
    *mut OpId,
) -> Return;

/// To a buffer with its size and plugin data.
type ReceiveUnexpected = unsafe extern "C" fn(
    *mut Class,
    *mut Context,
    Callback,
    *mut c_void,
    *mut c_void,
    usize,
    *mut c_void,
    *mut OpId,
) -> Return;

/// `struct na_class_ops`: the plugin's functions.
#[repr(C)]
struct ClassOps {
    class_name: *const c_char,
    get_protocol_info: Other,
    check_protocol: Other,
    initialize: Other,
    finalize: Other,
    cleanup: Other,
    has_opt_feature: Other,
    context_create: Other,
    context_destroy: Other,
    op_create: Other,
    op_destroy: Other,
    addr_lookup: Other,
    addr_free: Other,
    addr_set_remove: Other,
    addr_self: Other,
    addr_dup: Other,
    addr_cmp: Other,
    addr_is_self: Other,
    addr_to_string: Other,
    addr_get_serialize_size: Other,
    addr_serialize: Other,
    addr_deserialize: Other,
    msg_get_max_unexpected_size: Option<unsafe extern "C" fn(*const Class) -> usize>,
    msg_get_max_expected_size: Other,
    msg_get_unexpected_header_size: Option<unsafe extern "C" fn(*const Class) -> usize>,
    msg_get_expected_header_size: Other,
    msg_get_max_tag: Other,
    msg_buf_alloc: Other,
    msg_buf_free: Other,
    msg_init_unexpected: Other,
    msg_send_unexpected: Option<SendUnexpected>,
    msg_recv_unexpected: Option<ReceiveUnexpected>,
    msg_multi_recv_unexpected: Other,
    msg_init_expected: Other,
    msg_send_expected: Other,
    msg_recv_expected: Other,
    mem_handle_create: Other,
    mem_handle_create_segments: Other,
    mem_handle_free: Other,
    mem_handle_get_max_segments: Other,
    mem_register: Other,
    mem_deregister: Other,
    mem_handle_get_serialize_size: Other,
    mem_handle_serialize: Other,
    mem_handle_deserialize: Other,
    put: Other,
    get: Other,
    poll_get_fd: Option<unsafe extern "C" fn(*mut Class, *mut Context) -> c_int>,
    poll_try_wait: Option<unsafe extern "C" fn(*mut Class, *mut Context) -> bool>,
    poll: Option<unsafe extern "C" fn(*mut Class, *mut Context, *mut c_uint) -> Return>,
    poll_wait: Other,
    cancel: Other,
}

const _: () = {
    assert!(size_of::<InitInfo>() == 48);
    assert!(offset_of!(InitInfo, addr_format) == 36);
    assert!(offset_of!(InitInfo, request_mem_device) == 42);
    assert!(offset_of!(InitInfo, traffic_class) == 44);
    assert!(size_of::<CbInfo>() == 56);
    assert!(offset_of!(CbInfo, arg) == 40);
    assert!(offset_of!(CbInfo, ret) == 52);
    assert!(offset_of!(RecvUnexpected, tag) == 16);
    assert!(size_of::<Class>() == 32);
    assert!(size_of::<ClassOps>() == 52 * 8);
    assert!(offset_of!(ClassOps, msg_send_unexpected) == 30 * 8);
    assert!(offset_of!(ClassOps, poll) == 49 * 8);
};

/// A message or the room for one.
#[derive(Clone, Copy, Debug)]
pub struct Buffer {
    /// Where it is: from `NA_Msg_buf_alloc`.
    pub start: *mut c_void,
    /// Its bytes.
    pub size: usize,
    /// What the plugin keeps of it.
    pub plugin_data: *mut c_void,
}

/// The inline functions of `na.h`.
///
/// # Safety
///
/// Of all that are unsafe: the class, the context and the operation are live, belong together and are used by no other
/// thread now; buffer and operation are used by nothing else until the callback has run, which happens in
/// `NA_Trigger`, with `arg`.
impl Class {
    fn ops(&self) -> &ClassOps {
        // SAFETY: a class always has a table, which lives as long as its library.
        unsafe { &*self.ops }
    }

    /// `NA_Msg_get_max_unexpected_size`: the largest message, with its header.
    pub fn max_unexpected_size(&self) -> usize {
        // SAFETY: the function is the class's own.
        self.ops().msg_get_max_unexpected_size.map_or(0, |size| unsafe { size(self) })
    }

    /// `NA_Msg_get_unexpected_header_size`: how many bytes at the front of a message belong to the plugin.
    pub fn unexpected_header_size(&self) -> usize {
        // SAFETY: the function is the class's own.
        self.ops().msg_get_unexpected_header_size.map_or(0, |size| unsafe { size(self) })
    }

    /// `NA_Msg_send_unexpected`, to the only context there, without a tag.
    ///
    /// # Safety
    ///
    /// Those of all; the address is live.
    pub unsafe fn send_unexpected(
        class: *mut Class,
        context: *mut Context,
        callback: Callback,
        arg: *mut c_void,
        message: Buffer,
        to: *mut Addr,
        op: *mut OpId,
    ) -> Return {
        let Buffer { start, size, plugin_data } = message;
        // SAFETY: the caller's promise.
        unsafe {
            match (*class).ops().msg_send_unexpected {
                Some(send) => send(class, context, callback, arg, start, size, plugin_data, to, 0, 0, op),
                None => Return::NOT_SUPPORTED,
            }
        }
    }

    /// `NA_Msg_recv_unexpected`.
    ///
    /// # Safety
    ///
    /// Those of all.
    pub unsafe fn recv_unexpected(
        class: *mut Class,
        context: *mut Context,
        callback: Callback,
        arg: *mut c_void,
        room: Buffer,
        op: *mut OpId,
    ) -> Return {
        let Buffer { start, size, plugin_data } = room;
        // SAFETY: the caller's promise.
        unsafe {
            match (*class).ops().msg_recv_unexpected {
                Some(receive) => receive(class, context, callback, arg, start, size, plugin_data, op),
                None => Return::NOT_SUPPORTED,
            }
        }
    }

    /// `NA_Poll_get_fd`: a descriptor that becomes readable when there is something to do; negative if the plugin has none.
    ///
    /// # Safety
    ///
    /// Those of all.
    pub unsafe fn poll_get_fd(class: *mut Class, context: *mut Context) -> c_int {
        // SAFETY: the caller's promise.
        unsafe { (*class).ops().poll_get_fd.map_or(-1, |fd| fd(class, context)) }
    }

    /// `NA_Poll_try_wait`, if nothing waits to be triggered: whether the descriptor can be waited for.
    ///
    /// # Safety
    ///
    /// Those of all.
    pub unsafe fn poll_try_wait(class: *mut Class, context: *mut Context) -> bool {
        // SAFETY: the caller's promise.
        unsafe {
            (*class).progress_mode & NO_BLOCK == 0
                && (*class).ops().poll_try_wait.is_none_or(|try_wait| try_wait(class, context))
        }
    }

    /// `NA_Poll`: what has completed waits to be triggered afterwards.
    ///
    /// # Safety
    ///
    /// Those of all.
    pub unsafe fn poll(class: *mut Class, context: *mut Context) -> Return {
        // SAFETY: the caller's promise; the count may be null.
        unsafe {
            match (*class).ops().poll {
                Some(poll) => poll(class, context, null_mut()),
                None => Return::NOT_SUPPORTED,
            }
        }
    }
}
