//! Entries: the variables in this rank's cache, and who holds them.
//!
//! An entry has one reference for being in the cache and one for each holder. A class takes an entry out by setting
//! `iv_to_delete`: then nobody finds it any more, and the last holder frees it.

use core::ffi::c_uint;
use core::ptr::{self, NonNull};

use abi::{DER_INVAL, DER_NOMEM, d_sg_list_t, ds_iv_class_ops, ds_iv_entry, ds_iv_key};
use gurt_client::{Facility, Result, alloc, debug, error, list, list_entry};

use super::namespace::Namespace;
use super::{class, der, outcome, sgl};
use crate::inline;
use crate::iv::index::Spelling;

/// `iv_valid` in `iv_flags`.
const VALID: c_uint = 1 << 0;
/// `iv_to_delete` in `iv_flags`.
const TO_DELETE: c_uint = 1 << 1;

/// An entry: what modules see of it first.
#[repr(C)]
pub struct Entry {
    public: ds_iv_entry,
    /// It is not in the cache any more.
    removed: bool,
}

/// A reference to an entry.
pub struct Held(NonNull<Entry>);

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: the reference was taken when this value was made.
        unsafe { release(self.0) }
    }
}

impl Held {
    /// Takes a reference.
    ///
    /// # Safety
    /// `entry` is one of [`lookup_or_create`], and alive.
    pub unsafe fn new(entry: NonNull<Entry>) -> Self {
        // SAFETY: see the function.
        unsafe { (*entry.as_ptr()).public.iv_ref += 1 };
        Held(entry)
    }

    /// Gives the reference away, to [`Held::from_raw`].
    pub fn into_raw(self) -> *mut ds_iv_entry {
        let entry = self.as_ptr();
        core::mem::forget(self);
        entry
    }

    /// The entry that a callback was given back.
    ///
    /// # Safety
    /// `entry` came from [`Held::into_raw`].
    pub unsafe fn from_raw(entry: *mut ds_iv_entry) -> Self {
        // SAFETY: see the function: not null, and an Entry begins with what modules see.
        Held(unsafe { NonNull::new_unchecked(entry.cast()) })
    }

    /// The entry as the class's callbacks get it.
    pub fn as_ptr(&self) -> *mut ds_iv_entry {
        self.0.as_ptr().cast()
    }

    /// Its class's callbacks.
    pub fn ops(&self) -> &'static ds_iv_class_ops {
        // SAFETY: an entry has a class, which stays registered while it has entries.
        unsafe { class::ops(NonNull::new_unchecked((*self.as_ptr()).iv_class)) }
    }

    /// Its value.
    pub fn value(&self) -> *mut d_sg_list_t {
        // SAFETY: a member of a live entry.
        unsafe { &raw mut (*self.as_ptr()).iv_value }
    }

    /// Whether it may answer for `key`.
    pub fn is_valid(&self, key: &mut ds_iv_key) -> bool {
        // SAFETY: a live entry and its class's callback.
        unsafe {
            (*self.as_ptr()).iv_flags & VALID != 0
                && self.ops().ivc_ent_valid.is_none_or(|valid| valid(self.as_ptr(), key))
        }
    }

    /// Its value may be used from now on.
    pub fn make_valid(&self) {
        // SAFETY: a live entry.
        unsafe { (*self.as_ptr()).iv_flags |= VALID };
    }

    /// Takes it out of the cache if its class wants that.
    pub fn remove_if_wanted(&self) {
        // SAFETY: a live entry.
        unsafe {
            if (*self.as_ptr()).iv_flags & TO_DELETE != 0 {
                remove(self.0);
            }
        }
    }

    /// Takes it out of the cache unless there are other holders.
    pub fn remove_unless_shared(&self) {
        // SAFETY: a live entry. Two references are this one and the cache's.
        unsafe {
            if (*self.as_ptr()).iv_ref <= 2 {
                remove(self.0);
            }
        }
    }

    /// Its namespace.
    pub fn namespace(&self) -> NonNull<Namespace> {
        // SAFETY: set when the entry was made; a Namespace begins with what modules see.
        unsafe { NonNull::new_unchecked((*self.as_ptr()).ns.cast()) }
    }
}

/// Gives a reference back.
unsafe fn release(entry: NonNull<Entry>) {
    // SAFETY: the caller's reference.
    unsafe {
        let public = &raw mut (*entry.as_ptr()).public;
        (*public).iv_ref -= 1;
        if (*public).iv_ref == 0 {
            free(entry);
        }
    }
}

/// Takes an entry out of the cache, once; frees it if nobody holds it.
unsafe fn remove(entry: NonNull<Entry>) {
    // SAFETY: a live entry, on its namespace's list until it is removed.
    unsafe {
        let this = entry.as_ptr();
        if (*this).removed {
            return;
        }
        (*this).removed = true;
        list::del_init(&raw mut (*this).public.iv_link);
        (*(*this).public.ns.cast::<Namespace>()).index.borrow_mut().forget(entry);
        release(entry);
    }
}

/// Frees an entry and its value.
unsafe fn free(entry: NonNull<Entry>) {
    // SAFETY: nobody has it any more. The class is null if it could not make the value.
    unsafe {
        let value = &raw mut (*entry.as_ptr()).public.iv_value;
        if !(*value).sg_iovs.is_null() {
            let destroy =
                NonNull::new((*entry.as_ptr()).public.iv_class).and_then(|it| class::ops(it).ivc_ent_destroy);
            match destroy {
                Some(destroy) => {
                    destroy(value);
                }
                None => sgl::fini(value),
            }
        }
        alloc::free(entry.as_ptr());
    }
}

/// Takes entries out of the cache of `ns`: those for whose class `which` says so.
///
/// # Safety
/// `ns` is alive.
pub unsafe fn remove_all(ns: NonNull<Namespace>, which: impl Fn(i32) -> bool) {
    // SAFETY: see the function. A class's ivc_ent_destroy does not change the list.
    unsafe {
        for link in list::iter(&raw mut (*ns.as_ptr()).public.iv_entry_list) {
            let entry = list_entry!(link, ds_iv_entry, iv_link);
            if which((*entry).iv_key.class_id) {
                remove(NonNull::new_unchecked(entry.cast()));
            }
        }
    }
}

fn protocol(key: &ds_iv_key) -> u8 {
    // SAFETY: both members of the union are plain numbers of the same bytes.
    unsafe { key.version.parts.protocol }
}

/// `key_equal`: whether `entry` is the one of `key`.
unsafe fn answers(entry: *mut ds_iv_entry, key: *mut ds_iv_key) -> bool {
    // SAFETY: a live entry with a class.
    unsafe {
        let own = &raw mut (*entry).iv_key;
        if (*own).class_id != (*key).class_id || protocol(&*own) != protocol(&*key) {
            return false;
        }
        let ops = class::ops(NonNull::new_unchecked((*entry).iv_class));
        ops.ivc_key_cmp
            .is_none_or(|equal| equal((&raw mut (*key).key_buf).cast(), (&raw mut (*own).key_buf).cast()))
    }
}

fn spelling(key: &ds_iv_key, ops: &ds_iv_class_ops) -> Spelling {
    let rest = ops.ivc_key_cmp.map(|_| key.key_buf.map(|c| c.cast_unsigned()));
    Spelling { class: key.class_id, protocol: protocol(key), rest }
}

/// The entry of `key`, if there is one.
unsafe fn find(ns: NonNull<Namespace>, key: *mut ds_iv_key, spelling: Spelling) -> Option<NonNull<Entry>> {
    // SAFETY: the caller's; entries on the list or in the index are alive.
    unsafe {
        let this = ns.as_ptr();
        let known = (*this).index.borrow().get(&spelling);
        if let Some(entry) = known.filter(|entry| answers(entry.as_ptr().cast(), key)) {
            return Some(entry);
        }
        // Only a class's own comparison can tell that a key not seen before means an entry that there is.
        spelling.rest?;
        for link in list::iter(&raw mut (*this).public.iv_entry_list) {
            let entry = list_entry!(link, ds_iv_entry, iv_link);
            if answers(entry, key) {
                let entry = NonNull::new_unchecked(entry.cast());
                (*this).index.borrow_mut().remember(spelling, entry);
                return Some(entry);
            }
        }
        None
    }
}

/// Makes the entry of `key`, not yet valid.
unsafe fn create(ns: NonNull<Namespace>, key: *mut ds_iv_key, spelling: Spelling) -> Result<NonNull<Entry>> {
    let entry = alloc::allocate(size_of::<Entry>()).ok_or(der(DER_NOMEM))?.cast::<Entry>();
    // SAFETY: zeroes are an entry without a value; the class's callback makes its value and key.
    unsafe {
        let public = &raw mut (*entry.as_ptr()).public;
        let class = class::get((*key).class_id).inspect_err(|_| alloc::free(entry.as_ptr()))?;
        (*public).iv_key.class_id = (*key).class_id;
        (*public).iv_key.rank = (*key).rank;
        let made = match class::ops(class).ivc_ent_init {
            Some(init) => outcome(init(key, ptr::null_mut(), public)),
            None => Err(der(DER_INVAL)),
        };
        if let Err(err) = made {
            free(entry);
            return Err(err);
        }
        (*public).iv_key.version = (*key).version;
        (*public).ns = ns.as_ptr().cast();
        (*public).iv_class = class.as_ptr();
        (*public).iv_flags &= !VALID;
        (*public).iv_ref = 1;
        list::add(&raw mut (*public).iv_link, &raw mut (*ns.as_ptr()).public.iv_entry_list);
        (*ns.as_ptr()).index.borrow_mut().remember(spelling, entry);
        Ok(entry)
    }
}

/// The entry of `key`, made if there is none.
///
/// # Safety
/// `ns` is alive; its entries belong to the system xstream, elsewhere this fails with -DER_INVAL.
pub unsafe fn lookup_or_create(ns: NonNull<Namespace>, key: &mut ds_iv_key) -> Result<Held> {
    // SAFETY: this xstream's own information.
    if inline::module_info().is_none_or(|info| unsafe { (*info.as_ptr()).dmi_xs_id } != 0) {
        error!(Facility::SERVER, "IV entries belong to the system xstream: call from a ULT of DSS_XS_SYS");
        return Err(der(DER_INVAL));
    }
    let key = &raw mut *key;
    // SAFETY: see the function.
    unsafe {
        let ops = class::ops(class::get((*key).class_id)?);
        let spelling = spelling(&*key, ops);
        let entry = match find(ns, key, spelling) {
            Some(entry) => entry,
            None => create(ns, key, spelling)?,
        };
        let held = Held::new(entry);
        debug!(
            Facility::SERVER,
            "IV entry {entry:p} of class {}: {} references",
            (*key).class_id,
            (*held.as_ptr()).iv_ref
        );
        Ok(held)
    }
}
