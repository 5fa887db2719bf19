//! The loaded modules: `loaded_mod_list`, whose entries are in the order in which they were loaded, and the table
//! by ids.

use core::fmt;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, Ordering};

use abi::{DER_EXIST, d_list_t, dss_module};
use gurt_client::{Der, Facility, Result, error, list, list_entry};

use super::lock::ListLock;
use super::native::Native;
use crate::module::description::IDS;
use crate::module::lifecycle;
use crate::module::loader::Library;

/// A loaded module: `struct loaded_mod` of module.c, member for member.
#[repr(C)]
pub struct Loaded {
    library: Library,
    module: Native,
    link: d_list_t,
    /// Whether it is up.
    started: bool,
}

/// An entry of the list. It is valid for as long as the lock is held under which it was found, or until it is
/// removed.
#[derive(Clone, Copy)]
pub struct Entry(NonNull<Loaded>);

/// The loaded modules by their ids, for `dss_module_get`, which any xstream calls at any time.
static BY_ID: [AtomicPtr<dss_module>; IDS] = [const { AtomicPtr::new(ptr::null_mut()) }; IDS];

/// Why a module has no place among those that are loaded.
pub enum Taken {
    /// One of its name is there.
    Name,
    /// The one of this name has its id.
    Id(usize, String),
}

impl Taken {
    /// What the C functions return for it.
    pub fn der(&self) -> Der {
        Der::new(DER_EXIST.into())
    }
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Taken::Name => write!(f, "it is loaded already"),
            Taken::Id(id, owner) => write!(f, "its sm_mod_id {id} is that of module {owner}"),
        }
    }
}

fn entry(link: *mut d_list_t) -> Entry {
    // SAFETY: links on the list are members of a `Loaded`.
    Entry(unsafe { NonNull::new_unchecked(list_entry!(link, Loaded, link)) })
}

/// The modules in the order in which they were loaded. The entry at hand may be removed.
pub fn loaded(_locked: &ListLock) -> impl Iterator<Item = Entry> {
    // SAFETY: the list is always valid, and the lock is held.
    unsafe { list::iter(&raw mut abi::loaded_mod_list) }.map(entry)
}

/// The modules, the last loaded first. The entry at hand may be removed.
pub fn loaded_reversed(_locked: &ListLock) -> impl Iterator<Item = Entry> {
    // SAFETY: as in `loaded`.
    unsafe { list::iter_rev(&raw mut abi::loaded_mod_list) }.map(entry)
}

/// The modules in the order in which they were loaded, for the metrics hooks, which cannot take the lock: a
/// module's `sm_setup`, which runs under it, may wait for xstreams that call them.
///
/// # Safety
/// The engine neither loads nor unloads modules meanwhile. It does so only before its pools are opened and after
/// they are closed.
pub unsafe fn loaded_while_pools_are_open() -> impl Iterator<Item = Native> {
    // SAFETY: see the function.
    unsafe { list::iter(&raw mut abi::loaded_mod_list) }.map(|link| module(entry(link)))
}

/// The module of an entry.
pub fn module(entry: Entry) -> Native {
    // SAFETY: entries are valid while they are used.
    unsafe { (*entry.0.as_ptr()).module }
}

/// The module with this id, or null.
pub fn by_id(id: i32) -> *mut dss_module {
    match usize::try_from(id).ok().and_then(|id| BY_ID.get(id)) {
        Some(slot) => slot.load(Ordering::Acquire),
        None => ptr::null_mut(),
    }
}

/// Takes a module out of the table by ids; it is still on the list.
pub fn forget(module: Native) {
    BY_ID[module.id()].store(ptr::null_mut(), Ordering::Release);
}

/// Appends a module that was checked to the list and enters it into the table.
pub fn insert(locked: &ListLock, library: Library, new: Native) -> core::result::Result<(), Taken> {
    if loaded(locked).any(|entry| module(entry).name() == new.name()) {
        return Err(Taken::Name);
    }
    if let Some(owner) = loaded(locked).map(module).find(|module| module.id() == new.id()) {
        return Err(Taken::Id(new.id(), owner.name()));
    }
    let link = d_list_t { next: ptr::null_mut(), prev: ptr::null_mut() };
    let loaded = Box::into_raw(Box::new(Loaded { library, module: new, link, started: false }));
    // SAFETY: a new entry for a valid list, under its lock.
    unsafe { list::add_tail(&raw mut (*loaded).link, &raw mut abi::loaded_mod_list) };
    BY_ID[new.id()].store(new.as_ptr(), Ordering::Release);
    Ok(())
}

/// Takes an entry off the list.
pub fn remove(_locked: &ListLock, entry: Entry) -> Loaded {
    // SAFETY: an entry of the list, under its lock; it came from Box::into_raw and is used by nobody after.
    unsafe {
        list::del_init(&raw mut (*entry.0.as_ptr()).link);
        *Box::from_raw(entry.0.as_ptr())
    }
}

/// Brings a module up, unless it is. When that fails its entry is to be removed.
pub fn start(_locked: &ListLock, entry: Entry) -> Result {
    // SAFETY: a valid entry; only the holder of the lock looks at this member.
    let started = unsafe { &mut (*entry.0.as_ptr()).started };
    if *started {
        return Ok(());
    }
    let mut native = module(entry);
    lifecycle::start(&mut native).map_err(|(step, err)| {
        error!(Facility::SERVER, "cannot start module {}: {step}: {err}", native.name());
        err
    })?;
    *started = true;
    Ok(())
}

/// Takes a module down that is off the list, if it is up, and closes its library.
pub fn unload(loaded: Loaded) {
    let Loaded { library, mut module, started, .. } = loaded;
    if !started {
        forget(module);
        return;
    }
    let rc = lifecycle::stop(&mut module);
    if rc != 0 {
        let name = module.name();
        error!(Facility::SERVER, "module {name}: its sm_fini returned {rc}; its library stays mapped");
        library.keep();
    }
}
