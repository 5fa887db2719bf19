//! The classes that modules have registered.

use core::ptr::NonNull;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use abi::{
    DER_EXIST, DER_INVAL, DER_NOMEM, DER_NONEXIST, crt_iv_class, crt_iv_key_t, crt_iv_ops, d_list_t,
    ds_iv_class, ds_iv_class_ops, ds_iv_key,
};
use gurt_client::{Der, Facility, Result, alloc, error, list};

use super::{der, outcome};
use crate::iv::classes::{Classes, Taken};

/// A structure of C, which may be named on any thread.
struct Shared<T>(NonNull<T>);

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Shared<T> {}

impl<T> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

// SAFETY: an address; who follows it says why that may be done.
unsafe impl<T> Send for Shared<T> {}

/// Registered by modules when they are loaded, on the main thread; looked up on the system xstream.
static CLASSES: LazyLock<Mutex<Classes<Shared<crt_iv_ops>, Shared<ds_iv_class>>>> =
    LazyLock::new(|| Mutex::new(Classes::new()));

fn classes() -> MutexGuard<'static, Classes<Shared<crt_iv_ops>, Shared<ds_iv_class>>> {
    CLASSES.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Refused(Der);

impl From<Taken> for Refused {
    fn from(_: Taken) -> Self {
        Refused(der(DER_EXIST))
    }
}

/// Registers a class.
///
/// # Safety
/// The callbacks are null or live until [`unregister`].
pub unsafe fn register(id: u32, crt_ops: *mut crt_iv_ops, class_ops: *mut ds_iv_class_ops) -> Result {
    let (Some(crt_ops), Some(class_ops)) = (NonNull::new(crt_ops), NonNull::new(class_ops)) else {
        error!(Facility::SERVER, "IV class {id}: registered without callbacks");
        return Err(der(DER_INVAL));
    };
    // SAFETY: see the function.
    if unsafe { class_ops.as_ref() }.ivc_ent_init.is_none() {
        error!(Facility::SERVER, "IV class {id}: registered without ivc_ent_init, which makes its entries");
        return Err(der(DER_INVAL));
    }
    classes()
        .register(id, Shared(crt_ops), |place| {
            let class = alloc::allocate(size_of::<ds_iv_class>()).ok_or(Refused(der(DER_NOMEM)))?.cast();
            let link = d_list_t { next: core::ptr::null_mut(), prev: core::ptr::null_mut() };
            // SAFETY: just allocated for it.
            unsafe {
                class.write(ds_iv_class {
                    iv_class_list: link,
                    iv_class_crt_cbs: crt_ops.as_ptr(),
                    iv_class_id: id.cast_signed(),
                    iv_cart_class_id: c_place(place),
                    iv_class_ops: class_ops.as_ptr(),
                });
                // The original links classes to a list that nobody else can reach.
                list::init(&raw mut (*class.as_ptr()).iv_class_list);
            }
            Ok(Shared(class))
        })
        .map_err(|Refused(err)| err)
}

fn c_place(place: usize) -> core::ffi::c_int {
    core::ffi::c_int::try_from(place).expect("as many classes as modules register by hand")
}

/// Forgets a class.
///
/// # Safety
/// No entry of the class is left.
pub unsafe fn unregister(id: u32) {
    let class = classes().unregister(id);
    if let Some(Shared(class)) = class {
        // SAFETY: allocated by `register`; nobody finds it any more.
        unsafe { alloc::free(class.as_ptr()) };
    }
}

/// Forgets all classes.
///
/// # Safety
/// No entry is left.
pub unsafe fn clear() {
    for Shared(class) in classes().clear() {
        // SAFETY: as in `unregister`.
        unsafe { alloc::free(class.as_ptr()) };
    }
}

/// The class `id`.
pub fn lookup(id: u32) -> Option<NonNull<ds_iv_class>> {
    classes().get(id).map(|Shared(class)| class)
}

/// The class `id`; without it -DER_NONEXIST and a line in the log.
pub fn get(id: i32) -> Result<NonNull<ds_iv_class>> {
    lookup(id.cast_unsigned()).ok_or_else(|| {
        error!(Facility::SERVER, "no IV class {id}: the module that has it is not loaded on this engine");
        der(DER_NONEXIST)
    })
}

/// The classes as CaRT wants them: callbacks by their place.
pub fn for_cart() -> Vec<crt_iv_class> {
    let entry =
        |&Shared(ops): &Shared<crt_iv_ops>| crt_iv_class { ivc_id: 0, ivc_feats: 0, ivc_ops: ops.as_ptr() };
    classes().places().iter().map(entry).collect()
}

/// The callbacks of a class.
///
/// # Safety
/// `class` is registered.
pub unsafe fn ops(class: NonNull<ds_iv_class>) -> &'static ds_iv_class_ops {
    // SAFETY: see the function; modules keep their callbacks in variables of theirs.
    unsafe { &*class.as_ref().iv_class_ops }
}

/// `iv_key_pack`: makes of `key` what CaRT sees. Without a function of the class's own the result points at `key`.
///
/// # Safety
/// Both are valid.
pub unsafe fn pack(packed: *mut crt_iv_key_t, key: *mut ds_iv_key) -> Result {
    // SAFETY: see the function.
    unsafe {
        let class = get((*key).class_id)?;
        match ops(class).ivc_key_pack {
            Some(pack) => outcome(pack(class.as_ptr(), key, packed)),
            None => {
                let len = size_of::<ds_iv_key>();
                packed.write(crt_iv_key_t { iov_buf: key.cast(), iov_buf_len: len, iov_len: len });
                Ok(())
            }
        }
    }
}

/// `iv_key_unpack`: the key that another rank has packed.
///
/// # Safety
/// `packed` is null or a vector with as many bytes as it says.
pub unsafe fn unpack(packed: *mut crt_iv_key_t) -> Result<ds_iv_key> {
    // Rank and class come first in every form of a key.
    const HEAD: usize = core::mem::offset_of!(ds_iv_key, version);
    // SAFETY: see the function. Whatever bytes there are make a key; its class may have written a part only.
    unsafe {
        let mut key: ds_iv_key = core::mem::zeroed();
        let Some(vector) = packed.as_ref().filter(|v| !v.iov_buf.is_null() && v.iov_len >= HEAD) else {
            error!(Facility::SERVER, "a peer sent an IV key that is too short to name its class");
            return Err(der(DER_INVAL));
        };
        let class_id = vector.iov_buf.cast::<ds_iv_key>();
        let class = get((&raw const (*class_id).class_id).read_unaligned())?;
        match ops(class).ivc_key_unpack {
            Some(unpack) => outcome(unpack(class.as_ptr(), packed, &raw mut key))?,
            None if vector.iov_len < size_of::<ds_iv_key>() => {
                let (len, want) = (vector.iov_len, size_of::<ds_iv_key>());
                error!(
                    Facility::SERVER,
                    "a peer sent an IV key of {len} bytes, of class {} it has {want}",
                    { (*class.as_ptr()).iv_class_id }
                );
                return Err(der(DER_INVAL));
            }
            None => key = vector.iov_buf.cast::<ds_iv_key>().read_unaligned(),
        }
        Ok(key)
    }
}
