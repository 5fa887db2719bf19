//! The callbacks by which CaRT asks this rank: `iv_cache_ops`.
//!
//! `ivo_on_get` takes a reference to the namespace and one to the entry, and makes the value's buffers;
//! `ivo_on_put` gives all of that back, also while the namespace stops. In between the other callbacks are given
//! what `ivo_on_get` made, CaRT's `arg`. Without it they find the entry by its key.

use core::ffi::{c_int, c_void};
use core::ptr::{self, NonNull};

use abi::{
    Boundary, CRT_IV_FLAG_PENDING_FETCH, CRT_IV_NO_ALLOC, DER_GRPVER, DER_INVAL, DER_IVCB_FORWARD, DER_NOMEM,
    DER_NOTLEADER, DSS_XS_SELF, crt_generic_cb_t, crt_iv_key_t, crt_iv_namespace_t, crt_iv_ops,
    crt_iv_perm_t, crt_iv_ver_t, d_rank_t, d_sg_list_t, ds_iv_entry, ds_iv_key,
};
use gurt_client::{Der, Facility, Result, alloc, debug, error, warn};

use super::entry::{self, Held};
use super::namespace::{self, InUse};
use super::{class, der, outcome, sgl};

/// `struct iv_priv_entry`: what `ivo_on_get` gives to CaRT. Classes get its address as `priv` of `ivc_ent_fetch`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Private {
    entry: *mut ds_iv_entry,
    /// What the class's `ivc_ent_get` stored.
    of_class: *mut c_void,
}

/// What a callback works on.
///
/// The entry goes before the namespace that it belongs to.
struct Call {
    entry: Held,
    in_use: InUse,
    key: ds_iv_key,
    of_class: *mut c_void,
}

impl Call {
    /// Finds namespace, key and entry; the entry is made if there is none.
    ///
    /// # Safety
    /// `key` is CaRT's; `private` is null or came from [`get`].
    unsafe fn new(ivns: crt_iv_namespace_t, key: *mut crt_iv_key_t, private: *mut c_void) -> Result<Self> {
        let in_use = InUse::of_cart(ivns)?;
        // SAFETY: see the function; who has `private` holds its entry.
        unsafe {
            let mut key = class::unpack(key)?;
            let private = private.cast::<Private>().as_ref();
            let (entry, of_class) = match private.and_then(|it| Some((NonNull::new(it.entry)?, it.of_class)))
            {
                Some((entry, of_class)) => (Held::new(entry.cast()), of_class),
                None => (entry::lookup_or_create(in_use.namespace(), &mut key)?, ptr::null_mut()),
            };
            Ok(Call { entry, in_use, key, of_class })
        }
    }

    fn leader(&self) -> d_rank_t {
        namespace::leader(self.in_use.namespace())
    }
}

fn self_rank() -> d_rank_t {
    // SAFETY: takes no argument.
    unsafe { abi::dss_self_rank() }
}

fn rc_of(result: Result) -> c_int {
    Der::rc_of(result)
}

/// Reads a variable, from the cache if it is valid, or from what the leader knows; or sends the fetch on.
unsafe fn fetch(mut call: Call, flags: u32, value: *mut d_sg_list_t, private: *mut c_void) -> Result {
    let valid = call.entry.is_valid(&mut call.key);
    debug!(
        Facility::SERVER,
        "FETCH: Key [{}:{}] entry {:p} valid {valid}",
        call.key.rank,
        call.key.class_id,
        call.entry.as_ptr()
    );
    if !valid {
        let (own, leader) = (self_rank(), call.leader());
        let refusal = if call.key.rank == own && own != leader {
            // It was this rank's turn when the request was sent, and ranks learn of a new leader one by one.
            Some(DER_NOTLEADER)
        } else if own != leader {
            // Behind another fetch there is nobody to send it on: the requester tries again.
            Some(if flags & CRT_IV_FLAG_PENDING_FETCH == 0 { DER_IVCB_FORWARD } else { DER_NOTLEADER })
        } else {
            None
        };
        if let Some(refusal) = refusal {
            return Err(der(refusal));
        }
    }
    // SAFETY: a live entry, CaRT's value; the class is given what the original gives it.
    let read = unsafe {
        match call.entry.ops().ivc_ent_fetch {
            Some(fetch) => outcome(fetch(call.entry.as_ptr(), &raw mut call.key, value, private.cast())),
            None => sgl::copy(value, call.entry.value()),
        }
    };
    read.map_err(|err| {
        let behind = flags & CRT_IV_FLAG_PENDING_FETCH != 0 && err == der(DER_IVCB_FORWARD);
        if behind { der(DER_NOTLEADER) } else { err }
    })
}

/// Stores a value that goes to the leader, or sends it on.
unsafe fn update(call: &mut Call, value: *mut d_sg_list_t) -> Result {
    if value.is_null() {
        error!(Facility::SERVER, "IV update of class {} without a value", call.key.class_id);
        return Err(der(DER_INVAL));
    }
    if call.leader() != call.key.rank {
        debug!(
            Facility::SERVER,
            "key id {} master rank {} != {}",
            call.key.class_id,
            call.leader(),
            call.key.rank
        );
        return Err(der(DER_GRPVER));
    }
    // SAFETY: a live entry and CaRT's value.
    unsafe {
        match call.entry.ops().ivc_ent_update {
            Some(update) => {
                outcome(update(call.entry.as_ptr(), &raw mut call.key, value, call.of_class.cast()))
            }
            None => sgl::copy(call.entry.value(), value),
        }
    }
}

/// Stores what comes from the leader, or hears that the request failed with `refresh_rc`.
unsafe fn refresh(call: &mut Call, value: *mut d_sg_list_t, refresh_rc: c_int) -> Result {
    // SAFETY: a live entry and CaRT's value.
    unsafe {
        match call.entry.ops().ivc_ent_refresh {
            Some(refresh) => outcome(refresh(
                call.entry.as_ptr(),
                &raw mut call.key,
                value,
                refresh_rc,
                call.of_class.cast(),
            ))?,
            None if value.is_null() => {}
            None => sgl::copy(call.entry.value(), value)?,
        }
    }
    outcome(refresh_rc)
}

/// After an update or refresh: the value is valid if all went well, and the entry goes if its class wants that.
fn settle(call: Call, stored: Result, invalidate: bool) -> Result {
    match stored {
        // A class that makes an entry invalid says so itself.
        Ok(()) if !invalidate => call.entry.make_valid(),
        Ok(()) => {}
        Err(err) => debug!(Facility::SERVER, "key id {} update failed: {err}", call.key.class_id),
    }
    call.entry.remove_if_wanted();
    stored
}

/// Gets what the following callbacks work with.
unsafe fn get(
    ivns: crt_iv_namespace_t,
    key: *mut crt_iv_key_t,
    permission: crt_iv_perm_t,
    value: *mut d_sg_list_t,
    private: *mut *mut c_void,
) -> Result {
    // SAFETY: CaRT's pointers.
    unsafe {
        let mut call = Call::new(ivns, key, ptr::null_mut())?;
        let prepared = prepare(&mut call, permission, value);
        if prepared.is_err() {
            // An entry that was made for nothing goes; one that holds a value is worth keeping.
            if (*call.entry.as_ptr()).iv_flags == 0 {
                call.entry.remove_unless_shared();
            }
        }
        private.write(prepared?.as_ptr().cast());
        let Call { entry, in_use, .. } = call;
        // Both are given back by `put`.
        entry.into_raw();
        in_use.into_raw();
        Ok(())
    }
}

/// Makes the value's buffers, and asks the class for what it needs.
unsafe fn prepare(
    call: &mut Call,
    permission: crt_iv_perm_t,
    value: *mut d_sg_list_t,
) -> Result<NonNull<Private>> {
    let ops = call.entry.ops();
    let allocates = !value.is_null() && permission & CRT_IV_NO_ALLOC == 0;
    // SAFETY: CaRT's list, which may not be initialised; a live entry.
    unsafe {
        if allocates {
            let Some(make) = ops.ivc_value_alloc else {
                error!(Facility::SERVER, "IV class {} has no ivc_value_alloc", call.key.class_id);
                return Err(der(DER_INVAL));
            };
            outcome(make(call.entry.as_ptr(), &raw mut call.key, value))?;
        } else if !value.is_null() {
            (*value).sg_nr = 1;
        }
        let mut of_class = ptr::null_mut();
        let got = match ops.ivc_ent_get {
            Some(get) => outcome(get(call.entry.as_ptr(), &raw mut of_class)),
            None => Ok(()),
        };
        let private = got.and_then(|()| {
            alloc::boxed(Private { entry: call.entry.as_ptr(), of_class }).ok_or_else(|| {
                if let Some(put) = ops.ivc_ent_put {
                    put(call.entry.as_ptr(), of_class);
                }
                der(DER_NOMEM)
            })
        });
        if private.is_err() && allocates {
            sgl::fini(value);
        }
        private
    }
}

/// Gives back what [`get`] made.
unsafe fn put(value: *mut d_sg_list_t, private: *mut c_void) {
    let Some(private) = NonNull::new(private.cast::<Private>()) else {
        return warn!(Facility::SERVER, "CaRT gives back an IV value that it did not get");
    };
    // SAFETY: from `get`; the namespace's reference was taken there too.
    unsafe {
        let Private { entry, of_class } = *private.as_ptr();
        alloc::free(private.as_ptr());
        let entry = Held::from_raw(entry);
        let in_use = InUse::from_raw(entry.namespace());
        sgl::fini(value);
        if let Some(put) = entry.ops().ivc_ent_put {
            put(entry.as_ptr(), of_class);
        }
        // The namespace goes last.
        drop(entry);
        drop(in_use);
    }
}

/// The root for a key: the leader, as long as requester and this rank agree who that is.
unsafe fn hash(ivns: crt_iv_namespace_t, key: *mut crt_iv_key_t) -> Result<d_rank_t> {
    // SAFETY: CaRT's key.
    let rank = unsafe { class::unpack(key)? }.rank;
    let leader =
        if rank == abi::CRT_NO_RANK { rank } else { namespace::leader(InUse::of_cart(ivns)?.namespace()) };
    if rank == abi::CRT_NO_RANK || rank != leader {
        debug!(Facility::SERVER, "IV key of leader {rank}, which is {leader} here");
        return Err(der(DER_NOTLEADER));
    }
    Ok(rank)
}

/// Has a request handled by a ULT, outside of CaRT's progress.
unsafe extern "C" fn ivc_pre_cb(
    _ivns: crt_iv_namespace_t,
    _key: *mut crt_iv_key_t,
    func: crt_generic_cb_t,
    arg: *mut c_void,
) {
    let boundary = Boundary::enter("iv_cache_ops.ivo_pre_fetch");
    // SAFETY: CaRT's function, which it has called once, on this xstream.
    unsafe {
        // EC aggregation updates a variable at regular intervals, which shall not keep an idle xstream awake.
        let rc = abi::dss_ult_periodic(func, arg, DSS_XS_SELF, 0, 0, ptr::null_mut());
        if let (Err(err), Some(func)) = (outcome(rc), func) {
            error!(Facility::SERVER, "no ULT for an IV request of another rank: {err}; handled at once");
            func(arg);
        }
    }
    boundary.leave();
}

unsafe extern "C" fn ivc_on_fetch(
    ivns: crt_iv_namespace_t,
    key: *mut crt_iv_key_t,
    _version: *mut crt_iv_ver_t,
    flags: u32,
    value: *mut d_sg_list_t,
    private: *mut c_void,
) -> c_int {
    let boundary = Boundary::enter("iv_cache_ops.ivo_on_fetch");
    // SAFETY: CaRT's pointers, by its contract.
    let rc = unsafe {
        let read = Call::new(ivns, key, private).and_then(|it| fetch(it, flags, value, private));
        if let Err(err) = read
            && flags & CRT_IV_FLAG_PENDING_FETCH != 0
        {
            // CaRT forgets this result when it completes a fetch of this rank that waited for another one.
            sgl::mark_failed(value, err);
        }
        rc_of(read)
    };
    boundary.leave();
    rc
}

unsafe extern "C" fn ivc_on_update(
    ivns: crt_iv_namespace_t,
    key: *mut crt_iv_key_t,
    _version: crt_iv_ver_t,
    _flags: u32,
    value: *mut d_sg_list_t,
    private: *mut c_void,
) -> c_int {
    let boundary = Boundary::enter("iv_cache_ops.ivo_on_update");
    // SAFETY: CaRT's pointers, by its contract.
    let rc = rc_of(unsafe { Call::new(ivns, key, private) }.and_then(|mut call| {
        // SAFETY: as above.
        let stored = unsafe { update(&mut call, value) };
        settle(call, stored, false)
    }));
    boundary.leave();
    rc
}

unsafe extern "C" fn ivc_on_refresh(
    ivns: crt_iv_namespace_t,
    key: *mut crt_iv_key_t,
    _version: crt_iv_ver_t,
    value: *mut d_sg_list_t,
    invalidate: bool,
    refresh_rc: c_int,
    private: *mut c_void,
) -> c_int {
    let boundary = Boundary::enter("iv_cache_ops.ivo_on_refresh");
    // SAFETY: CaRT's pointers, by its contract.
    let rc = rc_of(unsafe { Call::new(ivns, key, private) }.and_then(|mut call| {
        // SAFETY: as above.
        let stored = unsafe { refresh(&mut call, value, refresh_rc) };
        settle(call, stored, invalidate)
    }));
    boundary.leave();
    rc
}

/// CaRT calls this under a lock: nothing here waits.
unsafe extern "C" fn ivc_on_hash(
    ivns: crt_iv_namespace_t,
    key: *mut crt_iv_key_t,
    root: *mut d_rank_t,
) -> c_int {
    let boundary = Boundary::enter("iv_cache_ops.ivo_on_hash");
    // SAFETY: CaRT's pointers, by its contract.
    let rc = rc_of(unsafe { hash(ivns, key).map(|rank| root.write(rank)) });
    boundary.leave();
    rc
}

unsafe extern "C" fn ivc_on_get(
    ivns: crt_iv_namespace_t,
    key: *mut crt_iv_key_t,
    _version: crt_iv_ver_t,
    permission: crt_iv_perm_t,
    value: *mut d_sg_list_t,
    private: *mut *mut c_void,
) -> c_int {
    let boundary = Boundary::enter("iv_cache_ops.ivo_on_get");
    // SAFETY: CaRT's pointers, by its contract.
    let rc = rc_of(unsafe { get(ivns, key, permission, value, private) });
    boundary.leave();
    rc
}

unsafe extern "C" fn ivc_on_put(_ivns: crt_iv_namespace_t, value: *mut d_sg_list_t, private: *mut c_void) {
    let boundary = Boundary::enter("iv_cache_ops.ivo_on_put");
    // SAFETY: CaRT's pointers, by its contract.
    unsafe { put(value, private) };
    boundary.leave();
}

unsafe extern "C" fn ivc_pre_sync(
    ivns: crt_iv_namespace_t,
    key: *mut crt_iv_key_t,
    _version: crt_iv_ver_t,
    value: *mut d_sg_list_t,
    private: *mut c_void,
) -> c_int {
    let boundary = Boundary::enter("iv_cache_ops.ivo_pre_sync");
    // SAFETY: CaRT's pointers, by its contract.
    let rc = rc_of(unsafe {
        Call::new(ivns, key, private).and_then(|mut call| match call.entry.ops().ivc_pre_sync {
            Some(pre_sync) => outcome(pre_sync(call.entry.as_ptr(), &raw mut call.key, value)),
            None => Ok(()),
        })
    });
    boundary.leave();
    rc
}

abi::export_data! {
    /// `iv_cache_ops` (server_iv.c): the callbacks that the classes of the engine share.
    pub static mut iv_cache_ops: crt_iv_ops = crt_iv_ops {
        ivo_pre_fetch: Some(ivc_pre_cb),
        ivo_on_fetch: Some(ivc_on_fetch),
        ivo_pre_update: Some(ivc_pre_cb),
        ivo_on_update: Some(ivc_on_update),
        ivo_pre_refresh: Some(ivc_pre_cb),
        ivo_on_refresh: Some(ivc_on_refresh),
        ivo_on_hash: Some(ivc_on_hash),
        ivo_on_get: Some(ivc_on_get),
        ivo_on_put: Some(ivc_on_put),
        ivo_keys_match: None,
        ivo_pre_sync: Some(ivc_pre_sync),
    };
}
