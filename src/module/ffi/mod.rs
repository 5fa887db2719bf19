//! The symbols of `module.c`.

mod lock;
mod metrics;
mod native;
mod network;
mod registry;

use core::ffi::{CStr, c_char, c_int};

use abi::{DER_INVAL, d_list_t, dss_module, pthread_mutex_t};
use gurt_client::{Der, Facility, Result, error, info};

use self::lock::ListLock;
use self::native::Native;
use super::loader;

/// Opens a module and puts it on the list; it is not up yet.
fn load(name: &str) -> Result {
    let (library, symbol) = loader::open(name).map_err(|err| {
        error!(Facility::SERVER, "cannot load module {name}: {err}");
        Der::new(DER_INVAL.into())
    })?;
    // SAFETY: the symbol <name>_module of a module is its struct dss_module, in the library's memory.
    let module = unsafe { Native::new(symbol.cast()) };
    module.describe().check(name).map_err(|unfit| {
        error!(Facility::SERVER, "cannot load module {name}: {unfit}");
        unfit.der()
    })?;
    let locked = ListLock::take("dss_module_load")?;
    registry::insert(&locked, library, module).map_err(|taken| {
        error!(Facility::SERVER, "cannot load module {name}: {taken}");
        taken.der()
    })
}

/// Brings all loaded modules up, in the order in which they were loaded, and collects their facilities. The
/// first that fails ends it: that one and those after it are unloaded.
fn init_all(facilities: &mut u64) -> Result {
    let locked = ListLock::take("dss_module_init_all")?;
    let mut result = Ok(());
    for entry in registry::loaded(&locked) {
        if result.is_ok() {
            result = registry::start(&locked, entry);
        } else {
            registry::unload(registry::remove(&locked, entry));
            continue;
        }
        match result {
            Ok(()) => *facilities |= registry::module(entry).facilities(),
            Err(_) => drop(registry::remove(&locked, entry)),
        }
    }
    result
}

/// Takes one module down and off the list.
fn unload(name: &str) -> Result {
    let entry = {
        let locked = ListLock::take("dss_module_unload")?;
        let found = registry::loaded(&locked).find(|&entry| registry::module(entry).name() == name);
        registry::remove(&locked, found.ok_or(Der::new(abi::DER_ENOENT.into()))?)
    };
    registry::unload(entry);
    Ok(())
}

/// Sets all modules up, in the order in which they were loaded, up to the first that fails.
fn setup_all() -> Result<c_int> {
    let locked = ListLock::take("dss_module_setup_all")?;
    for entry in registry::loaded(&locked) {
        let module = registry::module(entry);
        let rc = module.setup();
        if rc != 0 {
            error!(Facility::SERVER, "module {}: its sm_setup returned {rc}", module.name());
            return Ok(rc);
        }
    }
    Ok(0)
}

/// Cleans all modules up, the last loaded first, and returns the first failure.
fn cleanup_all() -> Result<c_int> {
    let locked = ListLock::take("dss_module_cleanup_all")?;
    let mut first_failure = 0;
    for entry in registry::loaded_reversed(&locked) {
        let module = registry::module(entry);
        info!(Facility::SERVER, "cleaning up module {}", module.name());
        let rc = module.cleanup();
        if rc != 0 {
            error!(Facility::SERVER, "module {}: its sm_cleanup returned {rc}; going on", module.name());
        }
        if first_failure == 0 {
            first_failure = rc;
        }
    }
    info!(Facility::SERVER, "cleaned up all modules");
    Ok(first_failure)
}

/// A module's name as C passes it.
///
/// # Safety
/// `name` is null or a C string.
unsafe fn name_of<'a>(symbol: &str, name: *const c_char) -> Result<&'a str> {
    // SAFETY: see the function.
    let name = (!name.is_null()).then(|| unsafe { CStr::from_ptr(name) });
    name.and_then(|name| name.to_str().ok()).ok_or_else(|| {
        error!(Facility::SERVER, "{symbol}: a module needs a name, in UTF-8");
        Der::new(DER_INVAL.into())
    })
}

abi::export_data! {
    /// `loaded_mod_list` (module.c): head of the list of loaded modules.
    pub static mut loaded_mod_list: d_list_t =
        d_list_t { next: &raw mut abi::loaded_mod_list, prev: &raw mut abi::loaded_mod_list };
    /// `loaded_mod_list_lock` (module.c): held while the list changes, and during `sm_init`, `sm_setup` and
    /// `sm_cleanup`.
    pub static mut loaded_mod_list_lock: pthread_mutex_t = libc::PTHREAD_MUTEX_INITIALIZER;
}

abi::export! {
    /// `dss_module_get` (module.c): the loaded module with this id; null if there is none.
    pub fn dss_module_get(mod_id: c_int) -> *mut dss_module {
        registry::by_id(mod_id)
    }

    /// `dss_module_load` (module.c): opens `lib<modname>.so` and looks `<modname>_module` up in it. The module is
    /// not initialised yet, but `dss_module_get` finds it.
    ///
    /// Returns 0; -DER_INVAL when there is no such library, or what it defines is no module; -DER_EXIST when a
    /// module of this name or id is loaded. One line in the log says why.
    pub unsafe fn dss_module_load(modname: *const c_char) -> c_int {
        // SAFETY: as the caller's contract says.
        Der::rc_of(unsafe { name_of("dss_module_load", modname) }.and_then(load))
    }

    /// `dss_module_init_all` (module.c): initialises all loaded modules and registers their TLS keys, RPC
    /// protocols and dRPC handlers. Adds their `sm_facs` to `*mod_fac`.
    ///
    /// Returns 0; -DER_INVAL when an `sm_init` fails; or the error of a registration. The module that failed and
    /// those after it are unloaded, those before it are up.
    pub unsafe fn dss_module_init_all(mod_fac: *mut u64) -> c_int {
        let mut facilities = 0;
        let result = init_all(&mut facilities);
        // SAFETY: null, or valid as the caller's contract says.
        if let Some(mod_fac) = unsafe { mod_fac.as_mut() } {
            *mod_fac |= facilities;
        }
        Der::rc_of(result)
    }

    /// `dss_module_unload` (module.c): takes a module's registrations back, finalises it and closes its library.
    /// Returns 0, or -DER_ENOENT when no such module is loaded.
    pub unsafe fn dss_module_unload(modname: *const c_char) -> c_int {
        // SAFETY: as the caller's contract says.
        Der::rc_of(unsafe { name_of("dss_module_unload", modname) }.and_then(unload))
    }

    /// `dss_module_unload_all` (module.c): [`dss_module_unload`] for all modules, in the order in which they were
    /// loaded.
    pub fn dss_module_unload_all() {
        if let Ok(locked) = ListLock::take("dss_module_unload_all") {
            for entry in registry::loaded(&locked) {
                registry::unload(registry::remove(&locked, entry));
            }
        }
    }

    /// `dss_module_setup_all` (module.c): calls `sm_setup` of all modules, in the order in which they were loaded.
    /// Stops at the first that fails and returns what it returned.
    pub fn dss_module_setup_all() -> c_int {
        setup_all().unwrap_or_else(Der::rc)
    }

    /// `dss_module_cleanup_all` (module.c): calls `sm_cleanup` of all modules, the last loaded first, whatever
    /// they return. Returns the first failure, or 0.
    pub fn dss_module_cleanup_all() -> c_int {
        cleanup_all().unwrap_or_else(Der::rc)
    }

    /// `dss_module_init` (module.c): makes the table of dRPC handlers. Returns 0 or -DER_NOMEM.
    pub fn dss_module_init() -> c_int {
        // SAFETY: takes no argument.
        unsafe { abi::drpc_hdlr_init() }
    }

    /// `dss_module_fini` (module.c): frees the table of dRPC handlers. `force` is ignored. Returns 0.
    pub fn dss_module_fini(_force: bool) -> c_int {
        // SAFETY: takes no argument.
        unsafe { abi::drpc_hdlr_fini() }
    }
}
