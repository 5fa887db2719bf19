//! The namespaces of the process.
//!
//! A handle is a number that is never used again: one that is not valid any more is nobody's.

use core::ffi::CStr;
use core::ptr;
use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use abi::crt_iv_namespace_t;
use gurt_client::{Der, Result, error};

use super::{IV, NONEXIST, SharedNamespace};

#[derive(Default)]
struct Table {
    /// How many there were so far.
    made: usize,
    by_handle: HashMap<usize, SharedNamespace>,
    /// The handles of all groups' namespaces of a number.
    by_number: HashMap<u32, Vec<usize>>,
}

static TABLE: LazyLock<RwLock<Table>> = LazyLock::new(RwLock::default);

fn table() -> RwLockReadGuard<'static, Table> {
    TABLE.read().unwrap_or_else(PoisonError::into_inner)
}

fn table_mut() -> RwLockWriteGuard<'static, Table> {
    TABLE.write().unwrap_or_else(PoisonError::into_inner)
}

impl Table {
    fn find(&self, group: &CStr, number: u32) -> Option<&SharedNamespace> {
        let handles = self.by_number.get(&number)?;
        let mut namespaces = handles.iter().filter_map(|handle| self.by_handle.get(handle));
        namespaces.find(|namespace| **namespace.fabric().group().name() == *group)
    }
}

/// A handle for a new namespace.
pub fn new_handle() -> crt_iv_namespace_t {
    let mut table = table_mut();
    table.made += 1;
    ptr::without_provenance_mut(table.made)
}

/// Makes a namespace known. `-DER_EXIST`, and a line in the log, if there is one of its name.
pub fn add(handle: crt_iv_namespace_t, namespace: SharedNamespace) -> Result {
    let number = namespace.id().number;
    let mut table = table_mut();
    if table.find(namespace.fabric().group().name(), number).is_some() {
        drop(table);
        error!(
            IV,
            "IV namespace {} exists already; each of a group needs a number of its own",
            namespace.id()
        );
        return Err(Der::new(abi::DER_EXIST.into()));
    }
    table.by_number.entry(number).or_default().push(handle.addr());
    table.by_handle.insert(handle.addr(), namespace);
    Ok(())
}

/// The namespace of a handle. `-DER_NONEXIST` if it has been destroyed.
pub fn get(handle: crt_iv_namespace_t) -> Result<SharedNamespace> {
    table().by_handle.get(&handle.addr()).cloned().ok_or(NONEXIST)
}

/// The namespace of a name, for requests of other ranks.
pub fn find(group: &CStr, number: u32) -> Option<SharedNamespace> {
    table().find(group, number).cloned()
}

/// Forgets the namespace of a handle, which ends when its last request does.
pub fn remove(handle: crt_iv_namespace_t) -> Option<SharedNamespace> {
    let mut table = table_mut();
    let namespace = table.by_handle.remove(&handle.addr())?;
    let number = namespace.id().number;
    if let Some(handles) = table.by_number.get_mut(&number) {
        handles.retain(|other| *other != handle.addr());
        if handles.is_empty() {
            table.by_number.remove(&number);
        }
    }
    Some(namespace)
}
