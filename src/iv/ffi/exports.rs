//! The functions of `server_iv.c`.

use core::ffi::{c_int, c_uint, c_void};
use core::ptr;

use abi::{
    CRT_IV_SYNC_EVENT_NOTIFY, CRT_IV_SYNC_EVENT_UPDATE, DER_INVAL, crt_context_t, crt_group_t, crt_iv_key_t,
    crt_iv_ops, crt_iv_sync_t, d_sg_list_t, ds_iv_class, ds_iv_class_ops, ds_iv_key, ds_iv_ns, uuid_t,
};
use gurt_client::{Facility, Result, env, error};

use super::namespace::{self, of_module, rc_of};
use super::operation::{self, Request};
use super::{class, der};
use crate::iv::request::Opcode;

/// Runs `act` on the namespace of a function that returns nothing.
fn on(ns: *mut ds_iv_ns, symbol: &str, act: impl FnOnce(ptr::NonNull<namespace::Namespace>)) {
    // What is wrong has been logged.
    let _ = of_module(ns, symbol).map(act);
}

/// A request of a module.
unsafe fn request(ns: *mut ds_iv_ns, key: *mut ds_iv_key, request: Request) -> c_int {
    let checked: Result<_> = of_module(ns, "ds_iv_*").and_then(|ns| {
        // SAFETY: null, or the caller's key.
        let key = unsafe { key.as_mut() }.ok_or_else(|| {
            error!(Facility::SERVER, "IV {} without a key", request.opcode);
            der(DER_INVAL)
        })?;
        Ok((ns, key))
    });
    match checked {
        // SAFETY: as the caller's contract says.
        Ok((ns, key)) => unsafe { operation::run(ns, key, &request) },
        Err(err) => err.rc(),
    }
}

fn sync(mode: c_uint, event: c_uint, flags: c_uint) -> Option<crt_iv_sync_t> {
    Some(crt_iv_sync_t { ivs_mode: mode, ivs_event: event, ivs_flags: flags })
}

abi::export! {
    /// `ds_iv_init` (server_iv.c): reads how long requests are tried again, `DAOS_IV_RETRY_LIMIT` in seconds; 0,
    /// as if it is not set, for as long as it takes.
    pub fn ds_iv_init() {
        namespace::set_retry_limit(env::number(c"DAOS_IV_RETRY_LIMIT").unwrap_or(0));
    }

    /// `ds_iv_fini` (server_iv.c): ends all namespaces and forgets all classes. No xstream runs any more.
    pub fn ds_iv_fini() {
        // SAFETY: as the caller's contract says.
        unsafe {
            namespace::end_all();
            class::clear();
            operation::fini();
        }
    }

    /// `iv_class_lookup` (server_iv.c): the class of this id, or null.
    pub fn iv_class_lookup(class_id: c_uint) -> *mut ds_iv_class {
        class::lookup(class_id).map_or(ptr::null_mut(), ptr::NonNull::as_ptr)
    }

    /// `ds_iv_class_register` (server_iv.c): registers the class `class_id`. Both tables of callbacks stay with the
    /// caller. All ranks register the same tables of CaRT's callbacks in the same order.
    ///
    /// Returns 0; -DER_EXIST if it is registered; -DER_INVAL without callbacks; -DER_NOMEM.
    pub unsafe fn ds_iv_class_register(
        class_id: c_uint,
        crt_ops: *mut crt_iv_ops,
        class_ops: *mut ds_iv_class_ops,
    ) -> c_int {
        // SAFETY: as the caller's contract says.
        rc_of(unsafe { class::register(class_id, crt_ops, class_ops) })
    }

    /// `ds_iv_class_unregister` (server_iv.c): forgets a class, of which there is no entry any more. 0, also if
    /// there is none.
    pub fn ds_iv_class_unregister(class_id: c_uint) -> c_int {
        // SAFETY: as the caller's contract says.
        unsafe { class::unregister(class_id) };
        0
    }

    /// `iv_key_pack` (server_iv.c): makes of `key_iv` what CaRT sees. 0, -DER_NONEXIST without its class, or what
    /// the class returns.
    pub unsafe fn iv_key_pack(key_iov: *mut crt_iv_key_t, key_iv: *mut ds_iv_key) -> c_int {
        // SAFETY: as the caller's contract says.
        rc_of(unsafe { class::pack(key_iov, key_iv) })
    }

    /// `iv_key_unpack` (server_iv.c): stores at `key_iv` what another rank has packed. 0; -DER_INVAL if it is too
    /// short; -DER_NONEXIST without its class; or what the class returns.
    pub unsafe fn iv_key_unpack(key_iv: *mut ds_iv_key, key_iov: *mut crt_iv_key_t) -> c_int {
        // SAFETY: as the caller's contract says.
        rc_of(unsafe { class::unpack(key_iov).map(|key| key_iv.write(key)) })
    }

    /// `ds_iv_ns_create` (server_iv.c): makes a namespace for the ranks of `grp`; stores its number at `ns_id`, and
    /// at `p_iv_ns` the namespace, with a reference that `ds_iv_ns_put` gives back. 0, -DER_NOMEM or what CaRT
    /// returns.
    pub unsafe fn ds_iv_ns_create(
        ctx: crt_context_t,
        pool_uuid: *mut u8,
        grp: *mut crt_group_t,
        ns_id: *mut c_uint,
        p_iv_ns: *mut *mut ds_iv_ns,
    ) -> c_int {
        // SAFETY: as the caller's contract says.
        rc_of(unsafe {
            namespace::create(ctx, pool_uuid.cast::<uuid_t>().read(), grp).map(|ns| {
                ns_id.write((*ns.as_ptr()).public.iv_ns_id);
                p_iv_ns.write(ns.as_ptr().cast());
            })
        })
    }

    /// `ds_iv_ns_update` (server_iv.c): notes that `master_rank` leads since `term`, unless a leader of that term
    /// or a later one is known.
    pub unsafe fn ds_iv_ns_update(ns: *mut ds_iv_ns, master_rank: c_uint, term: u64) {
        on(ns, "ds_iv_ns_update", |ns| namespace::update(ns, master_rank, term));
    }

    /// `ds_iv_ns_start` (server_iv.c): takes the reference that `ds_iv_ns_stop` gives back.
    pub unsafe fn ds_iv_ns_start(ns: *mut ds_iv_ns) {
        on(ns, "ds_iv_ns_start", namespace::get);
    }

    /// `ds_iv_ns_get` (server_iv.c): takes a reference.
    pub unsafe fn ds_iv_ns_get(ns: *mut ds_iv_ns) {
        on(ns, "ds_iv_ns_get", namespace::get);
    }

    /// `ds_iv_ns_put` (server_iv.c): gives a reference back; the last one ends the namespace.
    pub unsafe fn ds_iv_ns_put(ns: *mut ds_iv_ns) {
        on(ns, "ds_iv_ns_put", namespace::put);
    }

    /// `ds_iv_ns_leader_stop` (server_iv.c): refuses requests from now on, without waiting.
    pub unsafe fn ds_iv_ns_leader_stop(ns: *mut ds_iv_ns) {
        on(ns, "ds_iv_ns_leader_stop", namespace::leader_stop);
    }

    /// `ds_iv_ns_stop` (server_iv.c): refuses requests, lets fetches go with -DER_SHUTDOWN, waits for what CaRT has
    /// in flight, drops all variables.
    pub unsafe fn ds_iv_ns_stop(ns: *mut ds_iv_ns) {
        on(ns, "ds_iv_ns_stop", namespace::stop);
    }

    /// `ds_iv_ns_cleanup` (server_iv.c): drops all variables of this rank's cache.
    pub unsafe fn ds_iv_ns_cleanup(ns: *mut ds_iv_ns) {
        // SAFETY: as the caller's contract says.
        on(ns, "ds_iv_ns_cleanup", |ns| unsafe { super::entry::remove_all(ns, |_| true) });
    }

    /// `ds_iv_ns_reint_prep` (server_iv.c): waits for requests in flight, then drops the variables of containers that
    /// a reintegrated rank may not keep. 0, or -DER_BUSY after 30 s.
    pub unsafe fn ds_iv_ns_reint_prep(ns: *mut ds_iv_ns) -> c_int {
        rc_of(of_module(ns, "ds_iv_ns_reint_prep").and_then(namespace::prepare_reintegration))
    }

    /// `ds_iv_ns_id_get` (server_iv.c): the number of a namespace, 0 for null.
    pub unsafe fn ds_iv_ns_id_get(ns: *mut c_void) -> c_uint {
        // SAFETY: null, or the caller's namespace.
        unsafe { ns.cast::<ds_iv_ns>().as_ref() }.map_or(0, |ns| ns.iv_ns_id)
    }

    /// `ds_iv_fetch` (server_iv.c): reads the variable of `key` to `value`: from this rank's cache, or else from the
    /// first rank on the way to the leader that has it, which all ranks between then cache. `value` may be null,
    /// and stays as it is if it is too small: then the variable is only cached.
    ///
    /// With `retry`, errors that pass are tried again for `DAOS_IV_RETRY_LIMIT` seconds. 0; -DER_SHUTDOWN when the
    /// namespace stops; -DER_NONEXIST without its class; -DER_INVAL; or what CaRT and the class return.
    pub unsafe fn ds_iv_fetch(
        ns: *mut ds_iv_ns,
        key: *mut ds_iv_key,
        value: *mut d_sg_list_t,
        retry: bool,
    ) -> c_int {
        let fetch = Request { opcode: Opcode::Fetch, value, sync: None, shortcut: 0, retry };
        // SAFETY: as the caller's contract says.
        unsafe { request(ns, key, fetch) }
    }

    /// `ds_iv_update` (server_iv.c): writes the variable of `key` at the leader, and on the other ranks as
    /// `sync_mode`, a `crt_iv_sync_mode_t`, and `sync_flags` say. Mode lazy copies key and value and returns at once;
    /// a failure is then only logged. Results as of `ds_iv_fetch`.
    pub unsafe fn ds_iv_update(
        ns: *mut ds_iv_ns,
        key: *mut ds_iv_key,
        value: *mut d_sg_list_t,
        shortcut: c_uint,
        sync_mode: c_uint,
        sync_flags: c_uint,
        retry: bool,
    ) -> c_int {
        let sync = sync(sync_mode, CRT_IV_SYNC_EVENT_UPDATE, sync_flags);
        let update = Request { opcode: Opcode::Update, value, sync, shortcut, retry };
        // SAFETY: as the caller's contract says.
        unsafe { request(ns, key, update) }
    }

    /// `ds_iv_invalidate` (server_iv.c): makes the variable of `key` invalid on this rank, and on the others as
    /// `sync_mode` says. Results as of `ds_iv_update`. `shortcut` has no effect: an invalidation starts here.
    pub unsafe fn ds_iv_invalidate(
        ns: *mut ds_iv_ns,
        key: *mut ds_iv_key,
        shortcut: c_uint,
        sync_mode: c_uint,
        sync_flags: c_uint,
        retry: bool,
    ) -> c_int {
        let sync = sync(sync_mode, CRT_IV_SYNC_EVENT_NOTIFY, sync_flags);
        let invalidate = Request { opcode: Opcode::Invalidate, value: ptr::null_mut(), sync, shortcut, retry };
        // SAFETY: as the caller's contract says.
        unsafe { request(ns, key, invalidate) }
    }
}
