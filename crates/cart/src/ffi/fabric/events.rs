//! Who is told of ranks and of clocks: the event callbacks of `crt_group.c` and `crt_rpc.c`.

use abi::{CRT_EVS_GRPMOD, CRT_EVS_SWIM, CRT_EVT_ALIVE, CRT_EVT_DEAD, crt_event_cb, crt_hlc_error_cb};
use core::ffi::{c_int, c_void};
use std::sync::Mutex;

use gurt_client::Result;

use super::{der, invalid, lock, node, rc};
use crate::node::News;

/// Who wants to know.
#[derive(Default)]
pub(crate) struct Watchers {
    ranks: Mutex<Vec<(crt_event_cb, Argument)>>,
    clocks: Mutex<Option<(crt_hlc_error_cb, Argument)>>,
}

/// A pointer of the user's, for a function of his.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Argument(pub *mut c_void);

impl Default for Argument {
    fn default() -> Self {
        Argument(core::ptr::null_mut())
    }
}

// SAFETY: the user's functions are called by any thread, and know what they do with it.
unsafe impl Send for Argument {}
// SAFETY: as above.
unsafe impl Sync for Argument {}

/// Whether two functions are the same one.
fn same(one: crt_event_cb, other: crt_event_cb) -> bool {
    one.map(|function| function as usize) == other.map(|function| function as usize)
}

impl Watchers {
    fn add(&self, callback: crt_event_cb, argument: Argument) -> Result {
        let mut ranks = lock(&self.ranks);
        if ranks.iter().any(|&(known, arg)| same(known, callback) && arg == argument) {
            return Err(der::EXIST);
        }
        ranks.push((callback, argument));
        Ok(())
    }

    fn remove(&self, callback: crt_event_cb, argument: Argument) -> Result {
        let mut ranks = lock(&self.ranks);
        let at = ranks.iter().position(|&(known, arg)| same(known, callback) && arg == argument);
        ranks.remove(at.ok_or(der::NONEXIST)?);
        Ok(())
    }

    /// Tells of a rank.
    pub fn tell(&self, news: News) {
        let source = if news.detected { CRT_EVS_SWIM } else { CRT_EVS_GRPMOD };
        let kind = if news.alive { CRT_EVT_ALIVE } else { CRT_EVT_DEAD };
        let watchers = lock(&self.ranks).clone();
        for (callback, Argument(arg)) in watchers {
            if let Some(callback) = callback {
                // SAFETY: the user's function, with his argument.
                unsafe { callback(news.rank, news.incarnation, source, kind, arg) };
            }
        }
    }

    /// Tells of clocks that differ.
    pub fn clocks_differ(&self) {
        let watcher = *lock(&self.clocks);
        if let Some((Some(callback), Argument(arg))) = watcher {
            // SAFETY: as above.
            unsafe { callback(arg) };
        }
    }
}

abi::export! {
    /// `crt_register_event_cb` (crt_group.c): has a function told of ranks that come and go. 0, `-DER_EXIST` if it is,
    /// with this argument.
    pub unsafe fn crt_register_event_cb(event_handler: crt_event_cb, arg: *mut c_void) -> c_int {
        if event_handler.is_none() {
            return invalid("crt_register_event_cb", "the function is null").rc();
        }
        rc(node("crt_register_event_cb").and_then(|node| node.user.watchers.add(event_handler, Argument(arg))))
    }

    /// `crt_unregister_event_cb` (crt_group.c): undoes that; a call under way ends nevertheless. 0 or `-DER_NONEXIST`.
    pub unsafe fn crt_unregister_event_cb(event_handler: crt_event_cb, arg: *mut c_void) -> c_int {
        rc(node("crt_unregister_event_cb").and_then(|node| node.user.watchers.remove(event_handler, Argument(arg))))
    }

    /// `crt_register_hlc_error_cb` (crt_rpc.c): has this function, and no other, told that the clocks of two engines
    /// differ by more than is allowed. 0.
    pub unsafe fn crt_register_hlc_error_cb(event_handler: crt_hlc_error_cb, arg: *mut c_void) -> c_int {
        rc(node("crt_register_hlc_error_cb").map(|node| {
            *lock(&node.user.watchers.clocks) = Some((event_handler, Argument(arg)));
        }))
    }
}
