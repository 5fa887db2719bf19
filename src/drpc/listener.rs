//! The ULT that runs the dRPC server: `drpc_listener.c`.

use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem;
use core::ptr::{self, NonNull};
use std::ffi::CString;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use abi::{ABT_mutex, ABT_thread, drpc_progress_context};
use gurt_client::{Der, Facility, Result, alloc, error, info};

use crate::inline;

/// Shortest and longest time in milliseconds for which the listener waits for an event.
///
/// It waits in a system call, so that other ULTs of the dRPC xstream have to wait as well: briefly while there is
/// traffic, and never for long. The longest costs 31 wake-ups a second, a thousandth of a core.
const WAITS: core::ops::RangeInclusive<c_int> = 1..=32;

abi::export_data! {
    /// `drpc_listener_socket_path` (drpc_listener.c): the socket file, from init to fini.
    pub static mut drpc_listener_socket_path: *mut c_char = ptr::null_mut();
}

/// The listener of this process.
struct Listener {
    running: bool,
    /// Guards `running` toward the listener's ULT, which may be waiting for it.
    mutex: ABT_mutex,
    thread: ABT_thread,
    /// Descriptor of the listening socket, -1 without one.
    fd: c_int,
}

// SAFETY: the handles are passed to Argobots only, which takes them from any thread.
unsafe impl Send for Listener {}

static LISTENER: Mutex<Listener> =
    Mutex::new(Listener { running: false, mutex: ptr::null_mut(), thread: ptr::null_mut(), fd: -1 });

/// The listener's variables. Never kept across a call that may yield.
fn listener() -> MutexGuard<'static, Listener> {
    LISTENER.lock().unwrap_or_else(PoisonError::into_inner)
}

fn mutex() -> ABT_mutex {
    listener().mutex
}

/// Reads or writes `running` under the mutex.
fn running(change: impl FnOnce(&mut bool)) -> bool {
    let mutex = mutex();
    // SAFETY: the mutex lives from init to fini.
    unsafe { abi::ABT_mutex_lock(mutex) };
    let now = {
        let mut listener = listener();
        change(&mut listener.running);
        listener.running
    };
    // SAFETY: as above.
    unsafe { abi::ABT_mutex_unlock(mutex) };
    now
}

/// The wait after one that ended with an event or without.
fn next_wait(wait: c_int, event: bool) -> c_int {
    if event { *WAITS.start() } else { (2 * wait).min(*WAITS.end()) }
}

/// The listener's ULT.
unsafe extern "C" fn run(ctx: *mut c_void) {
    let ctx = ctx.cast::<drpc_progress_context>();
    info!(Facility::DRPC, "the dRPC listener starts");
    const TIMED_OUT: Result<c_int> = Err(Der::new(abi::DER_TIMEDOUT as i64));
    const AGAIN: Result<c_int> = Err(Der::new(abi::DER_AGAIN as i64));
    let mut wait = *WAITS.start();
    let mut failures = 0u64;
    while running(|_| {}) {
        // SAFETY: start has handed the context over.
        let result = Der::check(unsafe { abi::drpc_progress(ctx, wait) });
        let failed = result.is_err() && result != TIMED_OUT && result != AGAIN;
        if let Err(err) = result
            && failed
            && running(|_| {})
        {
            failures += 1;
            if failures.is_power_of_two() {
                error!(Facility::DRPC, "the dRPC listener makes no progress, {failures} times by now: {err}");
            }
            // As long as it would have waited for an event: what has failed may do so again at once.
            thread::sleep(Duration::from_millis(wait as u64));
        } else {
            failures = 0;
        }
        wait = next_wait(wait, result != TIMED_OUT && !failed);
        inline::yield_now();
    }
    info!(Facility::DRPC, "the dRPC listener stops");
    // SAFETY: nobody else uses the context.
    unsafe { abi::drpc_progress_context_close(ctx) };
}

/// `generate_socket_path`: the path is unique in the machine, as the process id is.
fn make_path() -> Result {
    // SAFETY: the directory is a string, set before the engine starts; ours is freed by whoever frees memory of C.
    unsafe {
        let mut path = CStr::from_ptr((&raw const abi::dss_socket_dir).read()).to_bytes().to_vec();
        path.extend_from_slice(format!("/daos_engine_{}.sock", std::process::id()).as_bytes());
        let path = CString::new(path).expect("no NUL in a C string or a number");
        let copy = abi::d_strndup(path.as_ptr(), path.count_bytes());
        (&raw mut abi::drpc_listener_socket_path).write(copy);
        NonNull::new(copy).map(drop).ok_or(Der::new(abi::DER_NOMEM.into()))
    }
}

/// Removes the socket file and the variable that names it.
fn remove_path() {
    // SAFETY: null or the string of make_path, which nobody uses any more.
    unsafe {
        let path = (&raw mut abi::drpc_listener_socket_path).replace(ptr::null_mut());
        if !path.is_null() {
            libc::unlink(path);
            alloc::free(path);
        }
    }
}

/// Listens on the socket file and makes a context for it.
fn open() -> Result<NonNull<drpc_progress_context>> {
    // SAFETY: the path is a string; listener and context are live once they are not null.
    unsafe {
        let path = (&raw const abi::drpc_listener_socket_path).read();
        // What an engine with this process id has left behind.
        libc::unlink(path);
        let Some(drpc) = NonNull::new(abi::drpc_listen(path, Some(abi::drpc_hdlr_process_msg))) else {
            error!(Facility::DRPC, "cannot listen as {}", CStr::from_ptr(path).to_string_lossy());
            return Err(Der::new(abi::DER_MISC.into()));
        };
        let fd = (*drpc.as_ref().comm).fd;
        let Some(ctx) = NonNull::new(abi::drpc_progress_context_create(drpc.as_ptr())) else {
            abi::drpc_close(drpc.as_ptr());
            return Err(Der::new(abi::DER_NOMEM.into()));
        };
        listener().fd = fd;
        Ok(ctx)
    }
}

/// Listens, and starts the ULT.
fn start() -> Result {
    let ctx = open()?;
    let mut thread = ptr::null_mut();
    // Before the ULT is there, so that a stop that follows at once is not undone by its start.
    listener().running = true;
    // SAFETY: the ULT takes the context over when it is created.
    let rc = unsafe {
        abi::dss_ult_create(Some(run), ctx.as_ptr().cast(), abi::DSS_XS_DRPC, 0, 0, &raw mut thread)
    };
    if let Err(err) = Der::check(rc) {
        error!(Facility::DRPC, "cannot create the dRPC listener's ULT: {err}");
        let mut listener = listener();
        (listener.running, listener.fd) = (false, -1);
        // SAFETY: no ULT has taken the context.
        unsafe { abi::drpc_progress_context_close(ctx.as_ptr()) };
        return Err(err);
    }
    listener().thread = thread;
    Ok(())
}

/// Ends the ULT and waits for it.
fn stop() -> Result {
    let (thread, fd) = {
        let mut listener = listener();
        (listener.thread, mem::replace(&mut listener.fd, -1))
    };
    running(|running| {
        // Wakes the listener, which closes the socket only after it has seen what follows.
        // SAFETY: takes no pointer.
        unsafe { libc::shutdown(fd, libc::SHUT_RDWR) };
        *running = false;
    });
    // SAFETY: null or the listener's ULT.
    inline::abt(unsafe { abi::ABT_thread_join(thread) })
}

abi::export! {
    /// `drpc_listener_init` (drpc_listener.c): listens as `daos_engine_<pid>.sock` in the socket directory and
    /// starts the listener's ULT on the dRPC xstream. 0 or `-DER_*`.
    pub fn drpc_listener_init() -> c_int {
        let result = make_path().and_then(|()| {
            let mut mutex = ptr::null_mut();
            // SAFETY: one handle is written.
            inline::abt(unsafe { abi::ABT_mutex_create(&raw mut mutex) })
                .inspect_err(|err| error!(Facility::DRPC, "cannot create the dRPC listener's mutex: {err}"))?;
            *listener() = Listener { running: false, mutex, thread: ptr::null_mut(), fd: -1 };
            // SAFETY: without a ULT nobody uses the mutex.
            start().inspect_err(|_| unsafe {
                abi::ABT_mutex_free(&raw mut mutex);
            })
        });
        Der::rc_of(result.inspect_err(|_| remove_path()))
    }

    /// `drpc_listener_fini` (drpc_listener.c): stops the listener, waits for its ULT and closes all sessions. 0,
    /// or the last failure.
    pub fn drpc_listener_fini() -> c_int {
        let mut result = stop();
        let (mut thread, mut mutex) = {
            let mut listener = listener();
            (mem::replace(&mut listener.thread, ptr::null_mut()), mem::replace(&mut listener.mutex, ptr::null_mut()))
        };
        // SAFETY: the ULT has ended; nobody waits for the mutex any more.
        unsafe {
            for freed in [abi::ABT_thread_free(&raw mut thread), abi::ABT_mutex_free(&raw mut mutex)] {
                result = inline::abt(freed).and(result);
            }
        }
        if let Err(err) = result {
            error!(Facility::DRPC, "the dRPC listener does not end as it should: {err}");
        }
        remove_path();
        Der::rc_of(result)
    }
}
