//! The per-pool metrics hooks of modules.

use core::ffi::{c_char, c_int, c_void};
use core::ptr;

use abi::{DAOS_SYS_TAG, DAOS_TGT_TAG, DER_NOMEM, daos_module_tag};
use gurt_client::{Der, Facility, Result, error};

use super::native::Native;
use super::registry;
use crate::inline::Layout;

/// An array of metrics, indexed by module ids: that of a pool, or of a target's part of one.
#[derive(Clone, Copy)]
struct Slots(*mut *mut c_void);

impl Slots {
    /// Where the metrics of `module` are, if it has some for xstreams with `tag`.
    ///
    /// # Safety
    /// The array has `DAOS_NR_MODULE` elements.
    unsafe fn of(self, module: &Native, tag: daos_module_tag) -> Option<*mut *mut c_void> {
        let tags = module.metrics()?.dmm_tags;
        // SAFETY: see the function.
        (tags & tag != 0).then_some(unsafe { self.0.add(module.metrics_slot()?) })
    }

    /// Makes the metrics of all modules for `tag`: all or none.
    ///
    /// # Safety
    /// As for [`of`](Self::of); the engine keeps its modules meanwhile, and `path` is what their hooks take.
    unsafe fn init(self, tag: daos_module_tag, path: *const c_char, tgt_id: c_int) -> Result {
        let mut made = Vec::new();
        // SAFETY: see the function.
        unsafe {
            for module in registry::loaded_while_pools_are_open() {
                let (Some(slot), Some(init)) =
                    (self.of(&module, tag), module.metrics().and_then(|metrics| metrics.dmm_init))
                else {
                    continue;
                };
                *slot = init(path, tgt_id);
                if (*slot).is_null() {
                    let name = module.name();
                    error!(Facility::SERVER, "module {name}: no metrics for target {tgt_id} of a pool");
                    made.iter().rev().for_each(|module| self.fini_one(module, tag));
                    return Err(Der::new(DER_NOMEM.into()));
                }
                made.push(module);
            }
        }
        Ok(())
    }

    /// Frees the metrics of one module, if it has some for `tag`.
    ///
    /// # Safety
    /// As for [`init`](Self::init).
    unsafe fn fini_one(self, module: &Native, tag: daos_module_tag) {
        // SAFETY: see the function; what is not null came from the module's dmm_init.
        unsafe {
            if let (Some(slot), Some(fini)) =
                (self.of(module, tag), module.metrics().and_then(|metrics| metrics.dmm_fini))
                && !(*slot).is_null()
            {
                fini(slot.replace(ptr::null_mut()));
            }
        }
    }
}

/// How many metrics a module makes for a pool, over all xstreams.
fn count(module: &Native, targets: u32) -> c_int {
    let Some(metrics) = module.metrics() else { return 0 };
    // SAFETY: the hook of a loaded module, which takes nothing.
    let each = metrics.dmm_nr_metrics.map_or(0, |nr_metrics| unsafe { nr_metrics() });
    let system = u32::from(metrics.dmm_tags & DAOS_SYS_TAG != 0);
    let targets = if metrics.dmm_tags & DAOS_TGT_TAG != 0 { targets } else { 0 };
    each.saturating_mul((system + targets) as c_int)
}

abi::export! {
    /// `dss_module_init_metrics` (module.c): has each module that has metrics for xstreams with `tag` make them,
    /// for the pool at `path` in the metrics tree and target `tgt_id`, into the element of `metrics` at the
    /// module's id. `metrics` has `DAOS_NR_MODULE` elements.
    ///
    /// Returns 0, or -DER_NOMEM when a module makes none; then those before it are freed.
    pub unsafe fn dss_module_init_metrics(
        tag: daos_module_tag,
        metrics: *mut *mut c_void,
        path: *const c_char,
        tgt_id: c_int,
    ) -> c_int {
        // SAFETY: as the caller's contract says.
        Der::rc_of(unsafe { Slots(metrics).init(tag, path, tgt_id) })
    }

    /// `dss_module_fini_metrics` (module.c): has each module free what `dss_module_init_metrics` made; those
    /// elements of `metrics` are null after.
    pub unsafe fn dss_module_fini_metrics(tag: daos_module_tag, metrics: *mut *mut c_void) {
        // SAFETY: as the caller's contract says.
        unsafe {
            for module in registry::loaded_while_pools_are_open() {
                Slots(metrics).fini_one(&module, tag);
            }
        }
    }

    /// `dss_module_nr_pool_metrics` (module.c): how many metrics all modules make for one pool: on the system
    /// xstream, on each target, or on both, as their tags say.
    pub fn dss_module_nr_pool_metrics() -> c_int {
        let targets = Layout::current().targets;
        // SAFETY: the engine asks while its modules are loaded.
        let modules = unsafe { registry::loaded_while_pools_are_open() };
        modules.map(|module| count(&module, targets)).fold(0, c_int::saturating_add)
    }
}
