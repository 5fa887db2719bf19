//! The functions themselves.

use core::ffi::{c_int, c_void};
use core::{ptr, slice};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use abi::{
    crt_context_t, crt_group_t, crt_init_options_t, crt_iv_class, crt_iv_comp_cb_t, crt_iv_key_t,
    crt_iv_namespace_destroy_cb_t, crt_iv_namespace_t, crt_iv_shortcut_t, crt_iv_sync_out, crt_iv_sync_t,
    crt_iv_ver_t, crt_rpc_t, d_sg_list_t,
};
use gurt_client::{Der, Result, debug, error, info};

use super::class::Class;
use super::fabric::{Cart, DEFAULT_INLINE_LIMIT, INLINE_LIMIT};
use super::group::Group;
use super::incoming::Incoming;
use super::value::Value;
use super::{Address, FORWARD, INVAL, IV, Namespace, SharedNamespace, registry, sync};
use crate::iv::{Completion, Header, Id, Kind, Shortcut, SyncPolicy};
use crate::tree::Topology;

/// Room that a message takes besides the value, in bytes.
const OVERHEAD: u32 = 1024;

/// The namespace of a handle, for `what`.
fn namespace(ivns: crt_iv_namespace_t, what: &str) -> Result<SharedNamespace> {
    registry::get(ivns).inspect_err(|_| {
        error!(IV, "{what}: {ivns:p} is no IV namespace; it has been destroyed, or never was one")
    })
}

/// Says what is wrong with an argument of `what`.
fn invalid(what: &str, argument: &str) -> Der {
    error!(IV, "{what}: {argument}");
    INVAL
}

/// A call of crt_iv_fetch and its siblings, as its arguments have it.
struct Request {
    namespace: SharedNamespace,
    class: u32,
    /// A copy: the user may free his when he is told.
    key: Vec<u8>,
    shortcut: Shortcut,
    done: Completion<Value>,
    told: Told,
}

/// What the user was told before the function returned.
#[derive(Clone, Default)]
struct Told(Arc<AtomicI32>);

impl Told {
    /// What the function returns: 0, or `-DER_*` of which the user has been told.
    fn rc(&self) -> c_int {
        self.0.load(Ordering::Acquire)
    }
}

/// The callback that an operation ends with.
struct Callback {
    ivns: Address<c_void>,
    class: u32,
    /// As the user gave it: callbacks keep its memory, or free it.
    key: crt_iv_key_t,
    function: unsafe extern "C" fn(
        crt_iv_namespace_t,
        u32,
        *mut crt_iv_key_t,
        *mut crt_iv_ver_t,
        *mut d_sg_list_t,
        c_int,
        *mut c_void,
    ) -> c_int,
    arg: Address<c_void>,
    told: Told,
}

// SAFETY: the user's memory and callback, which he has promised to keep until he is told.
unsafe impl Send for Callback {}

impl Callback {
    fn call(self, result: Result, value: *mut d_sg_list_t) {
        let Callback { ivns, class, mut key, function, arg, told } = self;
        let rc = Der::rc_of(result);
        // SAFETY: as `crt_iv_comp_cb_t` says it is to be called. Neither key nor value is used afterwards.
        unsafe { function(ivns.get(), class, &raw mut key, ptr::null_mut(), value, rc, arg.get()) };
        told.0.store(rc, Ordering::Release);
    }
}

/// The arguments that all of them have.
struct Arguments {
    ivns: crt_iv_namespace_t,
    class: u32,
    key: *mut crt_iv_key_t,
    shortcut: crt_iv_shortcut_t,
    done: crt_iv_comp_cb_t,
    arg: *mut c_void,
}

impl Request {
    /// Checks them. What is wrong is returned, and the callback is not called.
    ///
    /// # Safety
    /// The key is null or a vector with as many bytes as it says.
    unsafe fn new(what: &str, arguments: Arguments) -> Result<Self> {
        let Arguments { ivns, class, key, shortcut, done, arg } = arguments;
        // SAFETY: see the function.
        let user_key = match unsafe { key.as_ref() } {
            Some(vector) if !vector.iov_buf.is_null() && vector.iov_buf_len > 0 => *vector,
            _ => return Err(invalid(what, "there is no key")),
        };
        let function = done.ok_or_else(|| invalid(what, "there is no callback to tell when it is done"))?;
        let shortcut = match shortcut {
            abi::CRT_IV_SHORTCUT_NONE => Shortcut::None,
            abi::CRT_IV_SHORTCUT_TO_ROOT => Shortcut::ToRoot,
            _ => return Err(invalid(what, "the shortcut is neither none (0) nor to the root (1)")),
        };
        let namespace = namespace(ivns, what)?;
        if namespace.class(class).is_err() {
            error!(IV, "{what}: IV namespace {} has no class {class}", namespace.id());
            return Err(INVAL);
        }
        let told = Told::default();
        let callback = Callback {
            ivns: Address(ivns),
            class,
            key: user_key,
            function,
            arg: Address(arg),
            told: told.clone(),
        };
        let done = move |result: Result, value: Option<&mut Value>| {
            callback.call(result, value.map_or(ptr::null_mut(), Value::as_mut_ptr));
        };
        // SAFETY: see the function.
        let key = unsafe { slice::from_raw_parts(user_key.iov_buf.cast::<u8>(), user_key.iov_buf_len) };
        Ok(Request { namespace, class, key: key.to_vec(), shortcut, done: Box::new(done), told })
    }

    fn fetch(self) -> c_int {
        let Request { namespace, class, key, shortcut, done, told } = self;
        namespace.fetch(class, &key, shortcut, done);
        told.rc()
    }

    fn update(self, value: Option<Value>, sync: SyncPolicy) -> c_int {
        let Request { namespace, class, key, shortcut, done, told } = self;
        namespace.update(class, &key, value, shortcut, sync, done);
        told.rc()
    }
}

/// Makes a namespace, and stores the handle under which it is known.
///
/// # Safety
/// As `crt_iv_namespace_create_priv` is to be called.
unsafe fn create(
    (context, topology): (crt_context_t, c_int),
    group: *mut crt_group_t,
    (classes, count): (*mut crt_iv_class, u32),
    number: u32,
    private: *mut c_void,
    ivns: *mut crt_iv_namespace_t,
) -> Result {
    const WHAT: &str = "crt_iv_namespace_create";
    if context.is_null() || ivns.is_null() {
        return Err(invalid(WHAT, "there is no context, or no place for the namespace"));
    }
    if classes.is_null() && count > 0 {
        return Err(invalid(WHAT, "there are no classes"));
    }
    let shape = Topology::try_from(topology).map_err(|wrong| {
        error!(IV, "{WHAT}: {wrong}");
        INVAL
    })?;
    // SAFETY: see the function.
    let (group, classes) = unsafe {
        let classes = if count == 0 { &[] } else { slice::from_raw_parts(classes, count as usize) };
        (Group::new(group)?, classes)
    };
    let handle = registry::new_handle();
    // SAFETY: see the function.
    let class = |(id, class)| unsafe { Class::new(handle, id, class) };
    let classes = classes.iter().enumerate().map(class).collect::<Result<_>>()?;
    let id = Id { group: group.name().to_string_lossy().into(), number };
    let cart = Cart::new(handle, context, group, topology, private);
    registry::add(handle, Namespace::new(id, shape, classes, cart))?;
    // SAFETY: see the function.
    unsafe { ivns.write(handle) };
    Ok(())
}

/// Hands a request of another rank to its namespace.
///
/// # Safety
/// `rpc` is a request of `kind`.
unsafe fn dispatch(rpc: *mut crt_rpc_t, kind: Kind, handle: fn(&SharedNamespace, Header, Incoming)) {
    // SAFETY: see the function.
    let incoming = unsafe { Incoming::new(rpc, kind) };
    match incoming.read() {
        Ok((namespace, header)) => handle(&namespace, header, incoming),
        Err(error) => incoming.answer(Err(error)),
    }
}

abi::export! {
    /// `crt_iv_init` (crt_iv.c): says from which size on values are transferred in bulk.
    pub unsafe fn crt_iv_init(ops: *mut crt_init_options_t) {
        // SAFETY: null or the caller's options.
        let sizes = unsafe { ops.as_ref() }.map(|ops| [ops.cio_max_expected_size, ops.cio_max_unexpected_size]);
        // A value travels in requests and in replies, so the smaller of both counts. 0 stands for CaRT's default.
        let smallest = sizes.and_then(|sizes| sizes.into_iter().filter(|&size| size > OVERHEAD).min());
        let limit = smallest.map_or(DEFAULT_INLINE_LIMIT, |size| size - OVERHEAD);
        INLINE_LIMIT.store(limit, Ordering::Relaxed);
        info!(IV, "IV values of more than {limit} bytes are transferred in bulk");
    }

    /// `crt_iv_namespace_create` (crt_iv.c): makes a namespace for the ranks of `grp`.
    pub unsafe fn crt_iv_namespace_create(
        crt_ctx: crt_context_t,
        grp: *mut crt_group_t,
        tree_topo: c_int,
        iv_classes: *mut crt_iv_class,
        num_classes: u32,
        iv_ns_id: u32,
        ivns: *mut crt_iv_namespace_t,
    ) -> c_int {
        let (over, classes) = ((crt_ctx, tree_topo), (iv_classes, num_classes));
        // SAFETY: as this function is to be called.
        Der::rc_of(unsafe { create(over, grp, classes, iv_ns_id, ptr::null_mut(), ivns) })
    }

    /// `crt_iv_namespace_create_priv` (crt_iv.c): the same, with a pointer of the user's.
    pub unsafe fn crt_iv_namespace_create_priv(
        crt_ctx: crt_context_t,
        grp: *mut crt_group_t,
        tree_topo: c_int,
        iv_classes: *mut crt_iv_class,
        num_classes: u32,
        iv_ns_id: u32,
        user_priv: *mut c_void,
        ivns: *mut crt_iv_namespace_t,
    ) -> c_int {
        let (over, classes) = ((crt_ctx, tree_topo), (iv_classes, num_classes));
        // SAFETY: as this function is to be called.
        Der::rc_of(unsafe { create(over, grp, classes, iv_ns_id, user_priv, ivns) })
    }

    /// `crt_iv_namespace_id_get` (crt_iv.c): stores the number of a namespace.
    pub unsafe fn crt_iv_namespace_id_get(ivns: *mut crt_iv_namespace_t, id: *mut u32) -> c_int {
        const WHAT: &str = "crt_iv_namespace_id_get";
        if id.is_null() {
            return invalid(WHAT, "there is no place for the number").rc();
        }
        match namespace(ivns.cast(), WHAT) {
            Ok(namespace) => {
                // SAFETY: the caller's place for it.
                unsafe { id.write(namespace.id().number) };
                0
            }
            Err(_) => INVAL.rc(),
        }
    }

    /// `crt_iv_namespace_priv_set` (crt_iv.c): replaces the user's pointer of a namespace.
    pub fn crt_iv_namespace_priv_set(ivns: *mut crt_iv_namespace_t, priv_: *mut c_void) -> c_int {
        match namespace(ivns.cast(), "crt_iv_namespace_priv_set") {
            Ok(namespace) => {
                namespace.fabric().private.store(priv_, Ordering::Release);
                0
            }
            Err(_) => INVAL.rc(),
        }
    }

    /// `crt_iv_namespace_priv_get` (crt_iv.c): stores the user's pointer of a namespace.
    pub unsafe fn crt_iv_namespace_priv_get(ivns: *mut crt_iv_namespace_t, priv_: *mut *mut c_void) -> c_int {
        const WHAT: &str = "crt_iv_namespace_priv_get";
        if priv_.is_null() {
            return invalid(WHAT, "there is no place for the pointer").rc();
        }
        match namespace(ivns.cast(), WHAT) {
            Ok(namespace) => {
                // SAFETY: the caller's place for it.
                unsafe { priv_.write(namespace.fabric().private.load(Ordering::Acquire)) };
                0
            }
            Err(_) => INVAL.rc(),
        }
    }

    /// `crt_iv_namespace_destroy` (crt_iv.c): ends a namespace.
    pub unsafe fn crt_iv_namespace_destroy(
        ivns: crt_iv_namespace_t,
        cb: crt_iv_namespace_destroy_cb_t,
        cb_arg: *mut c_void,
    ) -> c_int {
        match registry::remove(ivns) {
            // Who holds it last, here or in a request, calls the callback.
            Some(namespace) => namespace.fabric().on_end(cb, cb_arg),
            None => debug!(IV, "{ivns:p} is no IV namespace any more"),
        }
        0
    }

    /// `crt_iv_fetch` (crt_iv.c): asks for a value.
    pub unsafe fn crt_iv_fetch(
        ivns: crt_iv_namespace_t,
        class_id: u32,
        iv_key: *mut crt_iv_key_t,
        _iv_ver: *mut crt_iv_ver_t,
        shortcut: crt_iv_shortcut_t,
        fetch_comp_cb: crt_iv_comp_cb_t,
        cb_arg: *mut c_void,
    ) -> c_int {
        let arguments =
            Arguments { ivns, class: class_id, key: iv_key, shortcut, done: fetch_comp_cb, arg: cb_arg };
        // SAFETY: as this function is to be called.
        unsafe { Request::new("crt_iv_fetch", arguments) }.map_or_else(Der::rc, Request::fetch)
    }

    /// `crt_iv_update` (crt_iv.c): sends a value to the root, which spreads.
    pub unsafe fn crt_iv_update(
        ivns: crt_iv_namespace_t,
        class_id: u32,
        iv_key: *mut crt_iv_key_t,
        _iv_ver: *mut crt_iv_ver_t,
        iv_value: *mut d_sg_list_t,
        shortcut: crt_iv_shortcut_t,
        sync_type: crt_iv_sync_t,
        update_comp_cb: crt_iv_comp_cb_t,
        cb_arg: *mut c_void,
    ) -> c_int {
        const WHAT: &str = "crt_iv_update";
        let arguments =
            Arguments { ivns, class: class_id, key: iv_key, shortcut, done: update_comp_cb, arg: cb_arg };
        // SAFETY: as this function is to be called.
        let request = unsafe { Request::new(WHAT, arguments) }.and_then(|request| Ok((request, sync::policy(&sync_type)?)));
        let (request, sync) = match request {
            Ok(request) => request,
            Err(error) => return error.rc(),
        };
        // SAFETY: null or the caller's value.
        match unsafe { iv_value.as_ref() } {
            Some(list) if list.sg_nr > 0 && !list.sg_iovs.is_null() => {
                // SAFETY: the pieces stay until the callback was called.
                request.update(Some(unsafe { Value::new(*list) }), sync)
            }
            _ => {
                let error = invalid(WHAT, "there is no value; to tell that one is invalid is crt_iv_invalidate's");
                (request.done)(Err(error), None);
                error.rc()
            }
        }
    }

    /// `crt_iv_invalidate` (crt_iv.c): tells all ranks that a value is invalid.
    pub unsafe fn crt_iv_invalidate(
        ivns: crt_iv_namespace_t,
        class_id: u32,
        iv_key: *mut crt_iv_key_t,
        _iv_ver: *mut crt_iv_ver_t,
        shortcut: crt_iv_shortcut_t,
        sync_type: crt_iv_sync_t,
        invali_comp_cb: crt_iv_comp_cb_t,
        cb_arg: *mut c_void,
    ) -> c_int {
        let arguments =
            Arguments { ivns, class: class_id, key: iv_key, shortcut, done: invali_comp_cb, arg: cb_arg };
        // SAFETY: as this function is to be called.
        let request = unsafe { Request::new("crt_iv_invalidate", arguments) };
        request
            .and_then(|request| Ok(request.update(None, sync::policy(&sync_type)?)))
            .unwrap_or_else(Der::rc)
    }

    /// `crt_iv_get_nchildren` (crt_iv.c): stores how many children this rank has in the tree for a key.
    pub unsafe fn crt_iv_get_nchildren(
        ivns: crt_iv_namespace_t,
        class_id: u32,
        iv_key: *mut crt_iv_key_t,
        nchildren: *mut u32,
    ) -> c_int {
        const WHAT: &str = "crt_iv_get_nchildren";
        // SAFETY: null or the caller's vector.
        let vector = match unsafe { iv_key.as_ref() } {
            Some(vector) if !vector.iov_buf.is_null() && !nchildren.is_null() => vector,
            _ => return invalid(WHAT, "there is no key, or no place for the number").rc(),
        };
        // SAFETY: a vector has as many bytes as it says.
        let key = unsafe { slice::from_raw_parts(vector.iov_buf.cast::<u8>(), vector.iov_buf_len) };
        match namespace(ivns, WHAT).and_then(|namespace| namespace.children(class_id, key)) {
            Ok(children) => {
                // SAFETY: the caller's place for it.
                unsafe { nchildren.write(children) };
                0
            }
            Err(error) => error.rc(),
        }
    }

    /// `crt_hdlr_iv_fetch` (crt_iv.c): handles another rank's fetch.
    pub unsafe fn crt_hdlr_iv_fetch(rpc_req: *mut crt_rpc_t) {
        // SAFETY: CaRT calls this with such a request.
        unsafe { dispatch(rpc_req, Kind::Fetch, Namespace::handle_fetch) }
    }

    /// `crt_hdlr_iv_update` (crt_iv.c): handles another rank's update or invalidation.
    pub unsafe fn crt_hdlr_iv_update(rpc_req: *mut crt_rpc_t) {
        // SAFETY: as above.
        unsafe { dispatch(rpc_req, Kind::Update, Namespace::handle_update) }
    }

    /// `crt_hdlr_iv_sync` (crt_iv.c): handles the news of another rank's update or invalidation.
    pub unsafe fn crt_hdlr_iv_sync(rpc_req: *mut crt_rpc_t) {
        // SAFETY: as above.
        unsafe { dispatch(rpc_req, Kind::Sync, Namespace::handle_spread) }
    }

    /// `crt_iv_sync_corpc_aggregate` (crt_iv.c): keeps the first error of all ranks. That a class has sent news on is
    /// none, though C peers pass it on.
    pub unsafe fn crt_iv_sync_corpc_aggregate(
        source: *mut crt_rpc_t,
        result: *mut crt_rpc_t,
        _arg: *mut c_void,
    ) -> c_int {
        // SAFETY: CaRT calls this with two such requests that have been answered.
        unsafe {
            let from = &*(*source).cr_output.cast::<crt_iv_sync_out>();
            let to = &mut *(*result).cr_output.cast::<crt_iv_sync_out>();
            if to.ivs_rc == 0 || (to.ivs_rc == FORWARD && from.ivs_rc != 0) {
                to.ivs_rc = from.ivs_rc;
            }
        }
        0
    }

    /// `crt_iv_sync_corpc_pre_forward` (crt_iv.c): before this rank tells its children.
    pub unsafe fn crt_iv_sync_corpc_pre_forward(rpc: *mut crt_rpc_t, _arg: *mut c_void) -> c_int {
        // SAFETY: CaRT calls this with such a request.
        let mut incoming = unsafe { Incoming::new(rpc, Kind::Sync) };
        Der::rc_of(incoming.read().and_then(|(namespace, header)| namespace.before_spread(&header, &mut incoming)))
    }
}
