//! Pauses that can be cut short: `dss_sleep` for requests that wait for a leader.

use core::cell::RefCell;
use core::ptr::NonNull;

use abi::{DER_NOMEM, DER_SHUTDOWN, sched_req_attr, sched_request};
use gurt_client::Result;

use super::der;
use super::namespace::{self, InUse};

/// The sleepers of a namespace.
#[derive(Default)]
pub struct Naps(RefCell<Vec<NonNull<sched_request>>>);

impl Naps {
    /// Whether nobody sleeps.
    pub fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Wakes all sleepers.
    ///
    /// # Safety
    /// The caller runs on their xstream, the system's.
    pub unsafe fn wake(&self) {
        for request in self.0.borrow().iter() {
            // SAFETY: a sleeper ends its request after it has taken it off the list. Waking makes a ULT ready and
            // does not run it.
            unsafe { abi::sched_req_wakeup(request.as_ptr()) };
        }
    }
}

/// Sleeps for `pause` milliseconds, or until something happens to the namespace. -DER_SHUTDOWN if that was its stop
/// or its end; then the caller may not use it any more.
///
/// The sleeper gives its reference back, so that nobody waits for it. A namespace that ends meanwhile is freed by the
/// last one who wakes.
pub fn nap(in_use: InUse, pause: u32) -> Result {
    let ns = in_use.namespace();
    let mut attr = sched_req_attr {
        sra_pool_id: [0; 16],
        sra_type: abi::SCHED_REQ_ANONYM,
        sra_flags: 0,
        sra_timeout: 0,
        sra_enqueue_id: 0,
    };
    // SAFETY: a request of the calling ULT, which is ended here; the namespace is not freed while it is listed.
    unsafe {
        let request = NonNull::new(abi::sched_req_get(&raw mut attr, abi::ABT_THREAD_NULL));
        let request = request.ok_or(der(DER_NOMEM))?;
        (*ns.as_ptr()).naps.0.borrow_mut().push(request);
        drop(in_use);
        if !namespace::is_stopping(ns) {
            abi::sched_req_sleep(request.as_ptr(), pause);
        }
        (*ns.as_ptr()).naps.0.borrow_mut().retain(|&other| other != request);
        abi::sched_req_put(request.as_ptr());
        let stopping = namespace::is_stopping(ns);
        namespace::free_if_gone(ns);
        if stopping { Err(der(DER_SHUTDOWN)) } else { Ok(()) }
    }
}
