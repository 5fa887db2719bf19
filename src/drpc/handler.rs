//! Which module answers which calls: `drpc_handler.c`.

use core::ffi::c_int;
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};

use abi::{Drpc__Call, Drpc__Response, drpc_handler_t, dss_drpc_handler};
use gurt_client::{Der, Facility, Result, error};

/// Number of dRPC modules: ids run from 0.
const MODULES: usize = abi::NUM_DRPC_MODULES as usize;

/// A handler: answers a call by filling in the response.
type Handler = unsafe extern "C" fn(call: *mut Drpc__Call, response: *mut Drpc__Response);

/// The handlers by module id.
#[derive(Default)]
struct Table([Option<Handler>; MODULES]);

const fn der(code: abi::daos_errno) -> Der {
    Der::new(code as i64)
}

impl Table {
    fn slot(&mut self, module_id: c_int) -> Result<&mut Option<Handler>> {
        usize::try_from(module_id).ok().and_then(|id| self.0.get_mut(id)).ok_or(der(abi::DER_INVAL))
    }

    fn register(&mut self, module_id: c_int, handler: drpc_handler_t) -> Result {
        let slot = self.slot(module_id)?;
        let handler = handler.ok_or(der(abi::DER_INVAL))?;
        if slot.is_some() {
            return Err(der(abi::DER_EXIST));
        }
        *slot = Some(handler);
        Ok(())
    }
}

/// The table between `drpc_hdlr_init` and `drpc_hdlr_fini`. Not locked while a handler runs.
static TABLE: RwLock<Option<Table>> = RwLock::new(None);

fn table() -> RwLockWriteGuard<'static, Option<Table>> {
    TABLE.write().unwrap_or_else(PoisonError::into_inner)
}

/// Changes the table; `DER_UNINIT` when there is none.
fn change<R>(work: impl FnOnce(&mut Table) -> Result<R>) -> Result<R> {
    work(table().as_mut().ok_or(der(abi::DER_UNINIT))?)
}

fn find(module_id: c_int) -> Result<Handler> {
    let table = TABLE.read().unwrap_or_else(PoisonError::into_inner);
    let table = table.as_ref().ok_or(der(abi::DER_UNINIT))?;
    let slot = usize::try_from(module_id).ok().and_then(|id| table.0.get(id)).ok_or(der(abi::DER_INVAL))?;
    slot.ok_or(der(abi::DER_NONEXIST))
}

/// Logs why a module's handler cannot be `what`, and returns the code for C.
fn code(what: &str, module_id: c_int, result: Result) -> c_int {
    if let Err(err) = result {
        error!(Facility::DRPC, "cannot {what} the dRPC handler of module {module_id}: {err}");
    }
    Der::rc_of(result)
}

/// The handlers of a list that ends with one without function.
///
/// # Safety
/// `handlers` is null or such a list, which outlives the iterator.
unsafe fn entries(mut handlers: *mut dss_drpc_handler) -> impl Iterator<Item = dss_drpc_handler> {
    core::iter::from_fn(move || {
        // SAFETY: the caller vouches for the list; its last entry is not stepped over.
        let entry = unsafe { handlers.as_ref() }.filter(|entry| entry.handler.is_some()).copied()?;
        handlers = handlers.wrapping_add(1);
        Some(entry)
    })
}

abi::export! {
    /// `drpc_hdlr_init` (drpc_handler.c): an empty table. 0.
    pub fn drpc_hdlr_init() -> c_int {
        *table() = Some(Table::default());
        0
    }

    /// `drpc_hdlr_fini` (drpc_handler.c): no table any more. 0.
    pub fn drpc_hdlr_fini() -> c_int {
        *table() = None;
        0
    }

    /// `drpc_hdlr_register` (drpc_handler.c): lets `handler` answer the calls to the module `module_id`.
    ///
    /// 0; `-DER_UNINIT` without a table, `-DER_INVAL` for an id out of range or no handler, `-DER_EXIST` when the
    /// module has one.
    pub fn drpc_hdlr_register(module_id: c_int, handler: drpc_handler_t) -> c_int {
        code("register", module_id, change(|table| table.register(module_id, handler)))
    }

    /// `drpc_hdlr_register_all` (drpc_handler.c): registers a list of handlers, null for none, that ends with
    /// one without function. As many as possible: 0, or the code of the last that failed.
    pub unsafe fn drpc_hdlr_register_all(handlers: *mut dss_drpc_handler) -> c_int {
        if let Err(err) = change(|_| Ok(())) {
            error!(Facility::DRPC, "cannot register dRPC handlers: {err}");
            return err.rc();
        }
        // SAFETY: the caller passes null or such a list.
        let entries = unsafe { entries(handlers) };
        entries.fold(0, |rc, entry| match drpc_hdlr_register(entry.module_id, entry.handler) {
            0 => rc,
            failure => failure,
        })
    }

    /// `drpc_hdlr_get_handler` (drpc_handler.c): the handler of the module `module_id`, or null.
    pub fn drpc_hdlr_get_handler(module_id: c_int) -> drpc_handler_t {
        find(module_id)
            .inspect_err(|err| error!(Facility::DRPC, "no dRPC handler for module {module_id}: {err}"))
            .ok()
    }

    /// `drpc_hdlr_unregister` (drpc_handler.c): the module `module_id` answers no more calls. 0, also when it had
    /// no handler; `-DER_UNINIT` or `-DER_INVAL`.
    pub fn drpc_hdlr_unregister(module_id: c_int) -> c_int {
        code("unregister", module_id, change(|table| table.slot(module_id).map(|slot| *slot = None)))
    }

    /// `drpc_hdlr_unregister_all` (drpc_handler.c): unregisters a list as [`drpc_hdlr_register_all`] takes it. 0,
    /// or `-DER_UNINIT`; an entry that fails is logged.
    pub unsafe fn drpc_hdlr_unregister_all(handlers: *mut dss_drpc_handler) -> c_int {
        if let Err(err) = change(|_| Ok(())) {
            error!(Facility::DRPC, "cannot unregister dRPC handlers: {err}");
            return err.rc();
        }
        // SAFETY: the caller passes null or such a list.
        for entry in unsafe { entries(handlers) } {
            drpc_hdlr_unregister(entry.module_id);
        }
        0
    }

    /// `drpc_hdlr_process_msg` (drpc_handler.c): lets the handler of `request`'s module fill in `resp`. Without
    /// one the status becomes `UNKNOWN_MODULE`.
    pub unsafe fn drpc_hdlr_process_msg(request: *mut Drpc__Call, resp: *mut Drpc__Response) {
        // SAFETY: the caller passes live messages; the handler may change both.
        unsafe {
            if request.is_null() || resp.is_null() {
                return error!(Facility::DRPC, "cannot handle a dRPC call without a message and a response");
            }
            match abi::drpc_hdlr_get_handler((*request).module) {
                Some(handler) => handler(request, resp),
                None => (*resp).status = abi::DRPC__STATUS__UNKNOWN_MODULE,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    unsafe extern "C" fn answer(_: *mut Drpc__Call, _: *mut Drpc__Response) {}

    #[test]
    fn a_module_has_one_handler() {
        let mut table = Table::default();
        assert_eq!(table.register(0, Some(answer)), Ok(()));
        assert_eq!(table.register(0, Some(answer)), Err(der(abi::DER_EXIST)));
        assert_eq!(table.register(1, None), Err(der(abi::DER_INVAL)));
        for id in [-1, MODULES as c_int, c_int::MAX, c_int::MIN] {
            assert_eq!(table.register(id, Some(answer)), Err(der(abi::DER_INVAL)));
        }
        assert_eq!(table.register(MODULES as c_int - 1, Some(answer)), Ok(()));
    }

    #[test]
    fn a_list_ends_with_an_entry_without_function() {
        let entry = |module_id, handler| dss_drpc_handler { module_id, handler };
        let mut list =
            [entry(3, Some(answer)), entry(1, Some(answer)), entry(0, None), entry(2, Some(answer))];
        // SAFETY: the list has an end; null is no list.
        let (ids, none) = unsafe {
            let ids: Vec<_> = entries(list.as_mut_ptr()).map(|entry| entry.module_id).collect();
            (ids, entries(core::ptr::null_mut()).count())
        };
        assert_eq!((ids, none), (vec![3, 1], 0));
    }
}
