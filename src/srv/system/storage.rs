//! Storage: the engine's own database, and the NVMe contexts of xstreams.

use core::ffi::{CStr, c_int, c_void};
use core::ptr::{self, NonNull};

use gurt_client::{Der, Facility, Result, error};

use crate::inline;
use crate::srv::role::{Kind, Role};

/// What all xstreams stand on: the main thread's storage in VOS, and the engine's database. Dropped, both are closed.
pub struct Ground {
    _database: Database,
    _storage: MainStorage,
}

impl Ground {
    /// Opens both, and tells bio how it registers memory with the network.
    pub fn open() -> Result<Self> {
        let storage = MainStorage::open()?;
        let database = Database::open()?;
        // SAFETY: CaRT's functions take what bio hands them.
        unsafe {
            abi::bio_register_bulk_ops(Some(abi::crt_bulk_create), Some(abi::crt_bulk_free));
        }
        Ok(Ground { _database: database, _storage: storage })
    }

    /// Tells bio that all xstreams have their contexts, or that they are about to lose them.
    pub fn announce(&self, mut up: bool) -> Result {
        // SAFETY: bio reads a bool.
        Der::check(unsafe { abi::bio_nvme_ctl(abi::BIO_CTL_NOTIFY_STARTED, (&raw mut up).cast()) })
            .inspect_err(|err| {
                error!(Facility::SERVER, "cannot tell bio whether the xstreams are up: {err}")
            })?;
        Ok(())
    }
}

/// The main thread's storage in VOS.
struct MainStorage(());

impl MainStorage {
    fn open() -> Result<Self> {
        // SAFETY: takes a number.
        Der::check(unsafe {
            abi::vos_standalone_tls_init((abi::DAOS_SERVER_TAG - abi::DAOS_TGT_TAG) as c_int)
        })
        .inspect_err(|err| error!(Facility::SERVER, "cannot make VOS's storage of the main thread: {err}"))?;
        Ok(MainStorage(()))
    }
}

impl Drop for MainStorage {
    fn drop(&mut self) {
        // SAFETY: made by `open`.
        unsafe { abi::vos_standalone_tls_fini() };
    }
}

/// The engine's database.
struct Database(());

impl Database {
    fn open() -> Result<Self> {
        // SAFETY: strings of init.c, which change only when an engine starts.
        unsafe {
            let storage = (&raw const abi::dss_storage_path).read();
            Der::check(abi::vos_sys_db_init((&raw const abi::dss_nvme_conf).read(), storage)).inspect_err(
                |err| {
                    let storage = CStr::from_ptr(storage).to_string_lossy();
                    error!(Facility::SERVER, "cannot open the engine's database below {storage}: {err}");
                },
            )?;
        }
        Ok(Database(()))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // SAFETY: opened by `open`.
        unsafe { abi::vos_db_fini() };
    }
}

/// The NVMe context of an xstream. Dropped, it is freed.
pub struct Nvme {
    context: NonNull<abi::bio_xs_context>,
}

impl Nvme {
    /// Makes the context of the calling xstream; none if its role has no use for one.
    pub fn open(role: &Role) -> Result<Option<Self>> {
        if !uses_nvme(role) {
            return Ok(None);
        }
        let target = role.target.unwrap_or(abi::BIO_SYS_TGT_ID) as c_int;
        let mut context = ptr::null_mut();
        // SAFETY: writes a handle.
        Der::check(unsafe { abi::bio_xsctxt_alloc(&raw mut context, target, false) })
            .inspect_err(|err| error!(Facility::SERVER, "{role}: cannot make an NVMe context: {err}"))?;
        let context = NonNull::new(context).ok_or(Der::new(abi::DER_NOMEM.into()))?;
        if let Some(info) = inline::module_info() {
            // SAFETY: the engine's own data of this thread.
            unsafe { (*info.as_ptr()).dmi_nvme_ctxt = context.as_ptr() };
        }
        Ok(Some(Nvme { context }))
    }

    /// Starts the ULT that polls; it ends when `dx_shutdown` is set.
    ///
    /// # Safety
    /// Runs on the xstream `dx`, whose module info has the context.
    pub unsafe fn start_polling(&self, dx: NonNull<abi::dss_xstream>) -> Result {
        let mut attr = abi::ABT_THREAD_ATTR_NULL;
        // SAFETY: the caller vouches for dx, which outlives its ULTs; the attribute is freed once.
        unsafe {
            inline::abt(abi::ABT_thread_attr_create(&raw mut attr))?;
            let pool = (*dx.as_ptr()).dx_pools[abi::DSS_POOL_NVME_POLL as usize];
            let stack = abi::DSS_DEEP_STACK_SZ as usize;
            let created = inline::abt(abi::ABT_thread_attr_set_stacksize(attr, stack)).and_then(|()| {
                let arg = dx.as_ptr().cast();
                inline::abt(abi::ABT_thread_create(pool, Some(poll), arg, attr, ptr::null_mut()))
            });
            abi::ABT_thread_attr_free(&raw mut attr);
            created.inspect_err(|err| error!(Facility::SERVER, "cannot start the ULT that polls NVMe: {err}"))
        }
    }
}

impl Drop for Nvme {
    fn drop(&mut self) {
        // SAFETY: made by `open` on this xstream; the ULT that polls has ended.
        unsafe { abi::bio_xsctxt_free(self.context.as_ptr()) };
    }
}

/// `dss_xstream_has_nvme`: targets have NVMe; the system xstream has, when the engine's metadata lies there.
fn uses_nvme(role: &Role) -> bool {
    // SAFETY: takes a number.
    role.kind == Kind::Main
        || (role.xs_id == 0 && unsafe { abi::bio_nvme_configured(abi::SMD_DEV_TYPE_META) })
}

/// `dss_nvme_poll_ult`: polls until xstream `arg`, this one, has to stop.
unsafe extern "C" fn poll(arg: *mut c_void) {
    let boundary = abi::Boundary::enter("dss_nvme_poll_ult");
    let dx = arg.cast::<abi::dss_xstream>();
    if let Some(info) = inline::module_info() {
        // SAFETY: an xstream, its storage and its context outlive its ULTs.
        unsafe {
            while !inline::is_set((*dx).dx_shutdown) {
                abi::bio_nvme_poll((*info.as_ptr()).dmi_nvme_ctxt);
                inline::yield_now();
            }
        }
    }
    boundary.leave();
}
