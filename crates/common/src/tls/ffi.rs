//! The C ABI of `common/tls.c`.

use core::ffi::{c_int, c_uint, c_void};
use std::cell::Cell;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering::*};

use abi::{daos_module_key, daos_thread_local_storage, pthread_mutex_t};
use gurt_client::{Facility, alloc, error};

use super::{KEYS, KeyTable, ModuleKey, Storage};

abi::export_data! {
    /// `daos_module_keys_lock` (tls.c): taken by whoever registers or unregisters a key.
    pub static mut daos_module_keys_lock: pthread_mutex_t = libc::PTHREAD_MUTEX_INITIALIZER;
}

/// The keys of this process.
static TABLE: KeyTable<daos_module_key> = KeyTable::new();

/// Holds `daos_module_keys_lock`.
struct KeysLock;

impl KeysLock {
    fn take() -> Self {
        // SAFETY: a valid mutex, never destroyed.
        unsafe { libc::pthread_mutex_lock(&raw mut abi::daos_module_keys_lock) };
        KeysLock
    }
}

impl Drop for KeysLock {
    fn drop(&mut self) {
        // SAFETY: locked by this thread.
        unsafe { libc::pthread_mutex_unlock(&raw mut abi::daos_module_keys_lock) };
    }
}

impl ModuleKey for daos_module_key {
    fn tags(&self) -> u32 {
        self.dmk_tags
    }

    fn make(&self, tags: u32, xs_id: i32, tgt_id: i32) -> Option<NonNull<()>> {
        // SAFETY: the module vouches for its function.
        self.dmk_init.and_then(|init| NonNull::new(unsafe { init(tags as c_int, xs_id, tgt_id) }.cast()))
    }

    fn destroy(&self, tags: u32, value: NonNull<()>) {
        if let Some(fini) = self.dmk_fini {
            // SAFETY: the module vouches for its function; the value is what its dmk_init returned.
            unsafe { fini(tags as c_int, value.as_ptr().cast()) }
        }
    }
}

abi::export! {
    /// `daos_register_key` (tls.c): gives `key` a free index.
    ///
    /// When there is none the key is left with the index -1; when it is registered already, as it is. Both are
    /// logged.
    pub unsafe fn daos_register_key(key: *mut daos_module_key) {
        let Some(mut key) = NonNull::new(key) else {
            return error!(Facility::COMMON, "cannot register a null TLS key");
        };
        let registered = {
            let _lock = KeysLock::take();
            TABLE.register(key)
        };
        match registered {
            // SAFETY: the caller hands over a live key, which nobody else uses before it is registered.
            Ok(index) => unsafe { key.as_mut().dmk_index = index as c_int },
            Err(err) if err.rc() == -(abi::DER_EXIST as c_int) => {
                error!(Facility::COMMON, "TLS key {key:p} is registered already; keeping its index");
            }
            Err(_) => {
                // SAFETY: as above.
                unsafe { key.as_mut().dmk_index = -1 };
                error!(
                    Facility::COMMON,
                    "cannot register TLS key {key:p}: all {KEYS} are taken; load fewer modules"
                );
            }
        }
    }

    /// `daos_unregister_key` (tls.c): frees the index of `key`; null is ignored, an unknown key logged.
    pub unsafe fn daos_unregister_key(key: *mut daos_module_key) {
        let Some(key) = NonNull::new(key) else { return };
        let _lock = KeysLock::take();
        if TABLE.unregister(key).is_err() {
            error!(Facility::COMMON, "cannot unregister TLS key {key:p}: it is not registered");
        }
    }

    /// `daos_get_module_key` (tls.c): the key at `index`, or null.
    pub fn daos_get_module_key(index: c_int) -> *mut daos_module_key {
        let key = usize::try_from(index).ok().and_then(|index| TABLE.get(index));
        key.map_or(ptr::null_mut(), NonNull::as_ptr)
    }
}

/// A `pthread_key_t` that can be created and deleted: where each thread keeps its storage.
///
/// The thread's own library function is used rather than Rust's thread-locals because it is the cheaper one in a
/// shared library, and because a ULT that has moved to another thread must see that thread's value.
struct ThreadKey(AtomicU32);

impl ThreadKey {
    /// No key: pthread_getspecific returns null for it.
    const NONE: u32 = u32::MAX;

    const fn new() -> Self {
        ThreadKey(AtomicU32::new(Self::NONE))
    }

    /// As pthread_key_create: 0 or an errno.
    fn create(&self) -> c_int {
        let mut key = 0;
        // SAFETY: writes one key.
        let rc = unsafe { libc::pthread_key_create(&raw mut key, None) };
        if rc == 0 {
            self.0.store(key, Release);
        }
        rc
    }

    fn delete(&self) {
        let key = self.0.swap(Self::NONE, AcqRel);
        if key != Self::NONE {
            // SAFETY: takes any key.
            unsafe { libc::pthread_key_delete(key) };
        }
    }

    #[inline(always)]
    fn get(&self) -> *mut daos_thread_local_storage {
        // SAFETY: takes any key and knows which are valid.
        unsafe { libc::pthread_getspecific(self.0.load(Relaxed)) }.cast()
    }

    /// As pthread_setspecific: 0 or an errno.
    fn set(&self, storage: *mut daos_thread_local_storage) -> c_int {
        // SAFETY: as above.
        unsafe { libc::pthread_setspecific(self.0.load(Acquire), storage.cast()) }
    }
}

/// The engine's side: storages of xstreams.
static SERVER: ThreadKey = ThreadKey::new();
/// The client library's side.
static CLIENT: ThreadKey = ThreadKey::new();

thread_local! {
    /// Whether this thread has made a client storage since the last `dc_tls_reset`.
    static CLIENT_READY: Cell<bool> = const { Cell::new(false) };
}

/// What lies behind `dtls_values`: the table that C code reads, then what only this file knows.
#[repr(C)]
#[derive(Clone, Copy)]
struct Table {
    values: [*mut (); KEYS],
    makers: [*mut daos_module_key; KEYS],
}

/// The safe view of a storage.
///
/// # Safety
/// `dtls` came from [`storage_create`] and nobody else uses its table meanwhile.
unsafe fn view<'a>(dtls: NonNull<daos_thread_local_storage>) -> Storage<'a, daos_module_key> {
    // SAFETY: dtls_values points to a Table.
    unsafe {
        let dtls = dtls.as_ref();
        let table = &mut *dtls.dtls_values.cast::<Table>();
        Storage::new(dtls.dtls_tag, &mut table.values, &mut table.makers)
    }
}

/// `daos_tls_init`: the storage of the calling thread, filled, or null.
fn storage_create(key: &ThreadKey, tags: u32, xs_id: c_int, tgt_id: c_int) -> *mut daos_thread_local_storage {
    let empty = Table { values: [ptr::null_mut(); KEYS], makers: [ptr::null_mut(); KEYS] };
    let Some(table) = alloc::boxed(empty) else { return ptr::null_mut() };
    let header =
        daos_thread_local_storage { dtls_tag: tags, dtls_values: table.as_ptr().cast::<*mut c_void>() };
    let Some(dtls) = alloc::boxed(header) else {
        // SAFETY: made above.
        unsafe { alloc::free(table.as_ptr()) };
        return ptr::null_mut();
    };
    // SAFETY: made above; registered keys are alive.
    if let Err(err) = unsafe { view(dtls).fill(&TABLE, xs_id, tgt_id) } {
        error!(Facility::COMMON, "cannot make the TLS of xstream {xs_id}, target {tgt_id}: {err}");
        // SAFETY: made above and not published.
        unsafe { storage_free(dtls) };
        return ptr::null_mut();
    }
    let rc = key.set(dtls.as_ptr());
    if rc != 0 {
        error!(Facility::COMMON, "cannot attach the TLS of xstream {xs_id} to its thread: errno {rc}");
        // SAFETY: made above and not published.
        unsafe { storage_free(dtls) };
        return ptr::null_mut();
    }
    dtls.as_ptr()
}

/// Destroys the values of `dtls` and frees it.
///
/// # Safety
/// `dtls` came from [`storage_create`] and is not used again.
unsafe fn storage_free(dtls: NonNull<daos_thread_local_storage>) {
    // SAFETY: the caller vouches for it; registered keys are alive.
    let abandoned = unsafe { view(dtls).clear(&TABLE) };
    if abandoned != 0 {
        error!(
            Facility::COMMON,
            "{abandoned} TLS values are lost: their keys were unregistered while the xstream ran"
        );
    }
    // SAFETY: as above.
    unsafe {
        alloc::free(dtls.as_ref().dtls_values);
        alloc::free(dtls.as_ptr());
    }
}

abi::export! {
    /// `ds_tls_key_create` (tls.c): to be called before [`dss_tls_init`]. 0 or a positive errno.
    pub fn ds_tls_key_create() -> c_int {
        SERVER.create()
    }

    /// `ds_tls_key_delete` (tls.c): undoes [`ds_tls_key_create`].
    pub fn ds_tls_key_delete() {
        SERVER.delete();
    }

    /// `dss_tls_init` (tls.c): makes the storage of the calling xstream; null when memory is short or a key's
    /// `dmk_init` fails, in which case nothing is left behind.
    pub fn dss_tls_init(tag: c_int, xs_id: c_int, tgt_id: c_int) -> *mut daos_thread_local_storage {
        storage_create(&SERVER, tag as u32, xs_id, tgt_id)
    }

    /// `dss_tls_fini` (tls.c): destroys the storage `dtls` of the calling xstream; null is ignored.
    pub unsafe fn dss_tls_fini(dtls: *mut daos_thread_local_storage) {
        let Some(dtls) = NonNull::new(dtls) else { return };
        // SAFETY: the caller hands back what dss_tls_init returned.
        unsafe { storage_free(dtls) };
        SERVER.set(ptr::null_mut());
    }

    /// `dss_tls_get` (tls.c): the storage of the calling xstream, null on other threads.
    pub fn dss_tls_get() -> *mut daos_thread_local_storage {
        SERVER.get()
    }

    /// `dc_tls_key_create` (tls.c): to be called before [`dc_tls_init`]. 0 or a positive errno.
    pub fn dc_tls_key_create() -> c_int {
        CLIENT.create()
    }

    /// `dc_tls_key_delete` (tls.c): undoes [`dc_tls_key_create`].
    pub fn dc_tls_key_delete() {
        CLIENT.delete();
    }

    /// `dc_tls_init` (tls.c): makes the client storage of the calling thread, or returns null.
    pub fn dc_tls_init(tag: c_int, pid: u32) -> *mut daos_thread_local_storage {
        let dtls = storage_create(&CLIENT, tag as u32, -1, pid as c_int);
        if !dtls.is_null() {
            CLIENT_READY.set(true);
        }
        dtls
    }

    /// `dc_tls_fini` (tls.c): destroys the client storage of the calling thread, if there is one.
    pub fn dc_tls_fini() {
        if let Some(dtls) = NonNull::new(CLIENT.get()) {
            // SAFETY: only dc_tls_init sets the value of this key.
            unsafe { storage_free(dtls) };
            CLIENT.set(ptr::null_mut());
        }
    }

    /// `dc_tls_get` (tls.c): the client storage of the calling thread, made with `tag` when there is none yet.
    pub fn dc_tls_get(tag: c_uint) -> *mut daos_thread_local_storage {
        if CLIENT_READY.get() {
            return CLIENT.get();
        }
        dc_tls_init(tag as c_int, std::process::id())
    }

    /// `dc_tls_reset` (tls.c): [`dc_tls_fini`], after which [`dc_tls_get`] makes a new storage.
    pub fn dc_tls_reset() {
        if CLIENT_READY.replace(false) {
            dc_tls_fini();
        }
    }
}
