//! Xstreams without the rest of an engine: brought up through the C symbols, as init.c does.

use std::ffi::{CString, c_int, c_uint, c_void};
use std::path::PathBuf;
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The variables that lay out an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    pub targets: u32,
    pub offload: u32,
}

impl Layout {
    pub fn xstreams(&self) -> c_int {
        (3 + self.targets + self.offload) as c_int
    }

    fn helper_pool(&self) -> bool {
        !self.offload.is_multiple_of(self.targets)
    }

    fn publish(&self) {
        unsafe {
            (&raw mut abi::dss_tgt_nr).write(self.targets);
            (&raw mut abi::dss_tgt_offload_xs_nr).write(self.offload);
            (&raw mut abi::dss_helper_pool).write(self.helper_pool());
            (&raw mut abi::dss_core_offset).write(0);
        }
    }
}

/// What lies beneath the xstreams: storage, logging, Argobots, the network. One at a time in a process.
pub struct Runtime {
    directory: PathBuf,
    _socket_dir: CString,
    _alone: MutexGuard<'static, ()>,
}

impl Runtime {
    pub fn start() -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let directory = std::env::temp_dir().join(format!("daos-engine-xstreams-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let socket_dir = CString::new(directory.to_str().unwrap()).unwrap();
        unsafe {
            assert_eq!(abi::ds_tls_key_create(), 0);
            abi::daos_register_key(&raw mut abi::daos_srv_modkey);
            (&raw mut abi::dss_socket_dir).write(socket_dir.as_ptr());
            assert_eq!(abi::drpc_init(), 0);
            assert_eq!(abi::ABT_init(0, ptr::null_mut()), abi::ABT_SUCCESS);
            let flags = abi::CRT_FLAG_BIT_SERVER | abi::CRT_FLAG_BIT_AUTO_SWIM_DISABLE;
            assert_eq!(abi::crt_init_opt(c"test".as_ptr().cast_mut(), flags, ptr::null_mut()), 0);
        }
        Runtime { directory, _socket_dir: socket_dir, _alone: alone }
    }

    /// Starts xstreams; they stop when the result is dropped.
    pub fn xstreams(&self, layout: Layout) -> Result<Xstreams<'_>, c_int> {
        layout.publish();
        match unsafe { abi::dss_srv_init() } {
            0 => {
                unsafe { abi::dss_xstreams_open_barrier(false) };
                Ok(Xstreams { layout, _runtime: self })
            }
            rc => Err(rc),
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        unsafe {
            assert_eq!(abi::crt_finalize(), 0);
            assert_eq!(abi::ABT_finalize(), abi::ABT_SUCCESS);
            abi::drpc_fini();
            abi::daos_unregister_key(&raw mut abi::daos_srv_modkey);
            abi::ds_tls_key_delete();
        }
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// Running xstreams.
pub struct Xstreams<'a> {
    pub layout: Layout,
    _runtime: &'a Runtime,
}

impl Xstreams<'_> {
    /// Runs `body` as a ULT of xstream `xs_id` and waits for its result.
    pub fn on<T: Send>(&self, xs_id: c_int, body: impl FnOnce() -> T + Send) -> T {
        let mut result = None;
        let ult = self.spawn(xs_id, || result = Some(body()));
        ult.join();
        result.expect("the ULT has run")
    }

    /// Starts `body` as a ULT of xstream `xs_id`.
    pub fn spawn<'s>(&'s self, xs_id: c_int, body: impl FnOnce() + Send + 's) -> Ult<'s> {
        unsafe { Ult::start((*abi::dss_get_xstream(xs_id)).dx_pools[abi::DSS_POOL_GENERIC as usize], body) }
    }

    /// Runs `body` on every xstream, one after the other.
    pub fn everywhere<T: Send>(&self, body: impl Fn() -> T + Send + Sync) -> Vec<T> {
        (0..self.layout.xstreams()).map(|xs_id| self.on(xs_id, &body)).collect()
    }
}

impl Drop for Xstreams<'_> {
    fn drop(&mut self) {
        unsafe { assert_eq!(abi::dss_srv_fini(true), 0) };
    }
}

/// A ULT that can be waited for.
pub struct Ult<'s> {
    handle: abi::ABT_thread,
    _scope: std::marker::PhantomData<&'s ()>,
}

unsafe impl Send for Ult<'_> {}

impl<'s> Ult<'s> {
    unsafe fn start(pool: abi::ABT_pool, body: impl FnOnce() + Send + 's) -> Self {
        let body: Box<dyn FnOnce() + Send + 's> = Box::new(body);
        let arg: *mut c_void = Box::into_raw(Box::new(body)).cast();
        let mut handle = abi::ABT_THREAD_NULL;
        let mut attr = abi::ABT_THREAD_ATTR_NULL;
        unsafe {
            // Test bodies format text, which takes more than the default of 16 KiB in a debug build.
            assert_eq!(abi::ABT_thread_attr_create(&raw mut attr), abi::ABT_SUCCESS);
            assert_eq!(abi::ABT_thread_attr_set_stacksize(attr, 256 << 10), abi::ABT_SUCCESS);
            let rc = abi::ABT_thread_create(pool, Some(run), arg, attr, &raw mut handle);
            assert_eq!(rc, abi::ABT_SUCCESS);
            abi::ABT_thread_attr_free(&raw mut attr);
        }
        Ult { handle, _scope: std::marker::PhantomData }
    }

    pub fn join(mut self) {
        assert_eq!(unsafe { abi::ABT_thread_free(&raw mut self.handle) }, abi::ABT_SUCCESS);
    }
}

/// The function of every ULT of the tests. A panic in it fails the test by aborting it, with its message.
unsafe extern "C" fn run(arg: *mut c_void) {
    let body = unsafe { Box::from_raw(arg.cast::<Box<dyn FnOnce() + Send>>()) };
    body();
}

/// What the calling ULT's xstream is, as a module learns it.
pub fn module_info() -> abi::daos_module_info {
    unsafe {
        let storage = abi::dss_tls_get();
        let index = (&raw const abi::daos_srv_modkey.dmk_index).read() as usize;
        (*storage).dtls_values.add(index).cast::<*mut abi::daos_module_info>().read().read()
    }
}

/// A key that notes for which xstreams it was made and freed, and may refuse to be made.
pub struct Witness {
    key: Box<abi::daos_module_key>,
}

/// What [`Witness`] keys have noted: `(what, tag, xs_id, tgt_id)`.
pub static NOTES: Mutex<Vec<(&str, c_int, c_int, c_int)>> = Mutex::new(Vec::new());
/// The xstream for which no data can be made.
pub static REFUSED: Mutex<Option<c_int>> = Mutex::new(None);

unsafe extern "C" fn note_init(tags: c_int, xs_id: c_int, tgt_id: c_int) -> *mut c_void {
    if *REFUSED.lock().unwrap() == Some(xs_id) {
        return ptr::null_mut();
    }
    NOTES.lock().unwrap().push(("init", tags, xs_id, tgt_id));
    Box::into_raw(Box::new((xs_id, tgt_id))).cast()
}

unsafe extern "C" fn note_fini(tags: c_int, data: *mut c_void) {
    let (xs_id, tgt_id) = unsafe { *Box::from_raw(data.cast::<(c_int, c_int)>()) };
    NOTES.lock().unwrap().push(("fini", tags, xs_id, tgt_id));
}

impl Witness {
    pub fn register(tags: c_uint) -> Self {
        NOTES.lock().unwrap().clear();
        let mut key = Box::new(abi::daos_module_key {
            dmk_tags: tags,
            dmk_index: -1,
            dmk_init: Some(note_init),
            dmk_fini: Some(note_fini),
        });
        unsafe { abi::daos_register_key(&raw mut *key) };
        Witness { key }
    }

    /// The notes of one kind, without that kind.
    pub fn notes(&self, what: &str) -> Vec<(c_int, c_int, c_int)> {
        let notes = NOTES.lock().unwrap();
        notes.iter().filter(|note| note.0 == what).map(|note| (note.1, note.2, note.3)).collect()
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        unsafe { abi::daos_unregister_key(&raw mut *self.key) };
    }
}
