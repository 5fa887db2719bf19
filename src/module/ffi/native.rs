//! A module in C's terms: a `struct dss_module` and the registrations that it asks for.

use core::ffi::{CStr, c_char, c_int};
use core::iter;
use core::ptr::NonNull;

use abi::{
    DAOS_MODULE_KEYS_NR, DAOS_NR_MODULE, DER_EXIST, DER_NOSPACE, daos_module_key, daos_module_metrics,
    dss_drpc_handler, dss_module,
};
use gurt_client::{Der, Result};

use super::{network, registry};
use crate::module::description::{Description, Metrics};
use crate::module::lifecycle::Module;

/// A `struct dss_module` of a library that is mapped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Native(NonNull<dss_module>);

impl Native {
    /// Takes a module's structure.
    ///
    /// # Safety
    /// It is one, and stays mapped and unchanged for as long as this value and its copies are used; its callbacks
    /// may be called as `daos_engine.h` says.
    pub unsafe fn new(module: NonNull<dss_module>) -> Self {
        Native(module)
    }

    /// The structure's address.
    pub fn as_ptr(self) -> *mut dss_module {
        self.0.as_ptr()
    }

    fn get(&self) -> &dss_module {
        // SAFETY: see `new`.
        unsafe { self.0.as_ref() }
    }

    /// `sm_name`; empty when that is null, which [`describe`](Self::describe) tells.
    pub fn name(&self) -> String {
        self.text(self.get().sm_name).unwrap_or_default()
    }

    fn text(&self, text: *const c_char) -> Option<String> {
        // SAFETY: see `new`: null or a C string.
        (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
    }

    /// What counts of the structure before the module comes up.
    pub fn describe(&self) -> Description {
        let module = self.get();
        Description {
            name: self.text(module.sm_name),
            id: module.sm_mod_id,
            init: module.sm_init.is_some(),
            fini: module.sm_fini.is_some(),
            protocols: module.sm_proto_count,
            metrics: self
                .metrics()
                .map(|metrics| Metrics { tags: metrics.dmm_tags, counted: metrics.dmm_nr_metrics.is_some() }),
        }
    }

    /// `sm_mod_id`, which was checked when the module was loaded.
    pub fn id(&self) -> usize {
        self.get().sm_mod_id as usize
    }

    /// `sm_facs`.
    pub fn facilities(&self) -> u64 {
        self.get().sm_facs
    }

    /// `sm_metrics`.
    pub fn metrics(&self) -> Option<&daos_module_metrics> {
        // SAFETY: see `new`: null or valid.
        unsafe { self.get().sm_metrics.as_ref() }
    }

    /// Where a pool's array of metrics has this module's, if it has any.
    pub fn metrics_slot(&self) -> Option<usize> {
        (self.metrics().is_some() && self.id() < DAOS_NR_MODULE as usize).then(|| self.id())
    }

    /// Calls `sm_setup`, if there is one.
    pub fn setup(&self) -> c_int {
        // SAFETY: see `new`.
        self.get().sm_setup.map_or(0, |setup| unsafe { setup() })
    }

    /// Calls `sm_cleanup`, if there is one.
    pub fn cleanup(&self) -> c_int {
        // SAFETY: see `new`.
        self.get().sm_cleanup.map_or(0, |cleanup| unsafe { cleanup() })
    }

    /// `sm_drpc_handlers`, up to the entry without a handler that ends them.
    fn drpc_handlers(&self) -> impl Iterator<Item = dss_drpc_handler> {
        let mut next = self.get().sm_drpc_handlers;
        iter::from_fn(move || {
            // SAFETY: see `new`: null, or an array with such an end, beyond which this does not go.
            let entry = unsafe { next.as_ref() }.filter(|entry| entry.handler.is_some())?;
            // SAFETY: the entry is not the last.
            next = unsafe { next.add(1) };
            Some(*entry)
        })
    }
}

/// Whether this key has an index.
fn is_registered(key: *mut daos_module_key) -> bool {
    // SAFETY: the indices are all valid.
    (0..DAOS_MODULE_KEYS_NR as c_int).any(|index| unsafe { abi::daos_get_module_key(index) } == key)
}

impl Module for Native {
    fn init(&mut self) -> c_int {
        // SAFETY: see `new`; modules without it are not loaded.
        self.get().sm_init.map_or(0, |init| unsafe { init() })
    }

    fn fini(&mut self) -> c_int {
        // SAFETY: see `new`; modules without it are not loaded.
        self.get().sm_fini.map_or(0, |fini| unsafe { fini() })
    }

    fn register_key(&mut self) -> Result {
        let key = self.get().sm_key;
        if key.is_null() {
            return Ok(());
        }
        if is_registered(key) {
            return Err(Der::new(DER_EXIST.into()));
        }
        // SAFETY: see `new`: the key lives as long as the module.
        unsafe { abi::daos_register_key(key) };
        // Registering returns nothing: whether there was room shows in the table.
        if is_registered(key) { Ok(()) } else { Err(Der::new(DER_NOSPACE.into())) }
    }

    fn unregister_key(&mut self) {
        // SAFETY: null, or registered.
        unsafe { abi::daos_unregister_key(self.get().sm_key) }
    }

    fn protocols(&self) -> usize {
        self.get().sm_proto_count as usize
    }

    fn register_protocol(&mut self, index: usize) -> Result {
        // SAFETY: see `new`: a protocol's format and handlers are as daos_engine.h says.
        unsafe { network::register_protocol(self.get(), index) }
    }

    fn unregister_protocol(&mut self, _index: usize) {
        // CaRT has no way to take a protocol back.
    }

    fn handlers(&self) -> usize {
        self.drpc_handlers().count()
    }

    fn register_handler(&mut self, index: usize) -> Result {
        let handler = self.drpc_handlers().nth(index).expect("below handlers()");
        // SAFETY: see `new`: a function that stays mapped for as long as it is registered.
        Der::check(unsafe { abi::drpc_hdlr_register(handler.module_id, handler.handler) }).map(drop)
    }

    fn unregister_handler(&mut self, index: usize) {
        let handler = self.drpc_handlers().nth(index).expect("below handlers()");
        // SAFETY: takes a number.
        unsafe { abi::drpc_hdlr_unregister(handler.module_id) };
    }

    fn withdraw(&mut self) {
        registry::forget(*self);
    }
}
