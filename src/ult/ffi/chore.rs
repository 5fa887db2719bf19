//! Chores: small tasks that yield by returning, run in turn by one ULT on an offload xstream.

use core::ffi::{c_int, c_void};
use core::ptr;

use abi::{
    DER_AGAIN, DER_CANCELED, DER_INVAL, DSS_CHORE_DONE, DSS_CHORE_NEW, DSS_CHORE_YIELD, DSS_POOL_GENERIC,
    DSS_XS_IOFW, d_list_t, dss_chore, dss_chore_queue, dss_chore_status, dss_xstream,
};
use gurt_client::{Der, Facility, Result, error, list, list_entry};

use super::argobots::Locked;
use super::create;
use crate::inline::{self, Layout};
use crate::ult::chore::Credits;

/// Calls a chore's function once. It says by `DSS_CHORE_YIELD` that it wants to be called again; after anything
/// else the chore may be gone.
///
/// # Safety
/// `chore` is alive, and nobody else runs it.
unsafe fn step(chore: *mut dss_chore) -> dss_chore_status {
    // SAFETY: see the function.
    unsafe {
        // Registering a chore without a function fails; here is only what C code may have changed since.
        let Some(func) = (*chore).cho_func else { return DSS_CHORE_DONE };
        let status = func(chore, (*chore).cho_status == DSS_CHORE_YIELD);
        match status {
            DSS_CHORE_YIELD => (*chore).cho_status = status,
            DSS_CHORE_DONE => {}
            _ => error!(
                Facility::SERVER,
                "chore {chore:p}: returned {status}, neither DSS_CHORE_YIELD nor DSS_CHORE_DONE; taken as done"
            ),
        }
        status
    }
}

/// Runs a chore to its end.
///
/// # Safety
/// As for [`step`].
unsafe fn run_to_end(chore: *mut dss_chore) {
    // SAFETY: see the function.
    while unsafe { step(chore) } == DSS_CHORE_YIELD {
        inline::yield_now();
    }
}

/// The ULT of a chore where there are no offload xstreams.
///
/// # Safety
/// As for [`step`].
unsafe extern "C" fn chore_ult(chore: *mut c_void) {
    // SAFETY: see the function.
    unsafe { run_to_end(chore.cast()) }
}

/// Queues a chore, or runs it in a ULT of its own where there are no offload xstreams.
///
/// # Safety
/// `chore` is valid, and not queued.
unsafe fn register(chore: *mut dss_chore) -> Result {
    let Some(info) = inline::module_info() else {
        error!(Facility::SERVER, "dss_chore_register: called on a thread that is no xstream");
        return Err(Der::new(DER_INVAL.into()));
    };
    // SAFETY: see the function; the information is this xstream's own.
    unsafe {
        if (*chore).cho_func.is_none() || (*chore).cho_credits <= 0 {
            let credits = (*chore).cho_credits;
            error!(Facility::SERVER, "a chore needs a function and credits, this one has {credits} of these");
            return Err(Der::new(DER_INVAL.into()));
        }
        list::init(&raw mut (*chore).cho_link);
        (*chore).cho_status = DSS_CHORE_NEW;
        (*chore).cho_hint = ptr::null_mut();
        let target = (*info.as_ptr()).dmi_tgt_id;
        // A queue on a main xstream would get too little of it when it is long.
        if Layout::current().offload == 0 {
            return create::create(Some(chore_ult), chore.cast(), DSS_XS_IOFW, target, 0, ptr::null_mut(), 0);
        }
        let dx = create::xstream_for(DSS_XS_IOFW, target)?;
        enqueue(&raw mut (*dx.as_ptr()).dx_chore_queue, chore)
    }
}

/// Appends a chore to a queue if that has credits for it.
///
/// # Safety
/// The queue is initialised; `chore` is as for [`register`].
unsafe fn enqueue(queue: *mut dss_chore_queue, chore: *mut dss_chore) -> Result {
    // SAFETY: see the function; the rest of the queue is accessed under its lock only.
    unsafe {
        let _locked = Locked::new((*queue).chq_mutex);
        if (*queue).chq_stop {
            return Err(Der::new(DER_CANCELED.into()));
        }
        let mut credits = Credits((*queue).chq_credits);
        let urgent = (*chore).cho_flags & 1 != 0;
        if let Err(left) = credits.take((*chore).cho_credits, urgent) {
            (*chore).cho_credits = left;
            return Err(Der::new(DER_AGAIN.into()));
        }
        (*queue).chq_credits = credits.0;
        (*chore).cho_hint = queue.cast();
        list::add_tail(&raw mut (*chore).cho_link, &raw mut (*queue).chq_list);
        abi::ABT_cond_broadcast((*queue).chq_cond);
    }
    Ok(())
}

/// The ULT of a queue: runs its chores in turn until the queue stops and is empty.
///
/// # Safety
/// `queue` is an initialised queue that outlives the ULT.
unsafe extern "C" fn queue_ult(queue: *mut c_void) {
    let queue: *mut dss_chore_queue = queue.cast();
    let mut turn = d_list_t { next: ptr::null_mut(), prev: ptr::null_mut() };
    let turn = &raw mut turn;
    // SAFETY: see the function. `turn` and `again` are this ULT's own lists, of chores that it alone runs.
    unsafe {
        list::init(turn);
        while next_turn(queue, turn) {
            let mut again = d_list_t { next: ptr::null_mut(), prev: ptr::null_mut() };
            let again = &raw mut again;
            list::init(again);
            while let Some(link) = list::pop_front(turn) {
                let chore = list_entry!(link, dss_chore, cho_link);
                if step(chore) == DSS_CHORE_YIELD {
                    list::add_tail(link, again);
                }
                inline::yield_now();
            }
            list::splice_init(again, turn);
        }
    }
}

/// Puts the chores that were queued before those of `turn`, which want to be called again; waits when there are
/// neither. False when the queue has stopped and everything is done.
///
/// # Safety
/// As for [`queue_ult`].
unsafe fn next_turn(queue: *mut dss_chore_queue, turn: *mut d_list_t) -> bool {
    // SAFETY: see the function; under the lock of the queue, which waiting gives up meanwhile.
    unsafe {
        let _locked = Locked::new((*queue).chq_mutex);
        loop {
            list::splice_init(&raw mut (*queue).chq_list, turn);
            if !list::is_empty(turn) {
                return true;
            }
            if (*queue).chq_stop {
                return false;
            }
            abi::sched_cond_wait_for_business((*queue).chq_cond, (*queue).chq_mutex);
        }
    }
}

/// Makes an empty queue with all its credits.
///
/// # Safety
/// `queue` is valid for writes.
unsafe fn init(queue: *mut dss_chore_queue) -> Result {
    // SAFETY: see the function; the variable is set before the first xstream starts.
    unsafe {
        list::init(&raw mut (*queue).chq_list);
        (*queue).chq_stop = false;
        (*queue).chq_credits = i32::try_from((&raw const abi::dss_chore_credits).read()).unwrap_or(i32::MAX);
        (*queue).chq_ult = abi::ABT_THREAD_NULL;
        inline::abt(abi::ABT_mutex_create(&raw mut (*queue).chq_mutex))?;
        inline::abt(abi::ABT_cond_create(&raw mut (*queue).chq_cond)).inspect_err(|_| {
            abi::ABT_mutex_free(&raw mut (*queue).chq_mutex);
        })
    }
}

abi::export_data! {
    /// `dss_chore_credits` (ult.c): credits of the chore queue of each offload xstream. srv.c sets it, from
    /// `DAOS_IO_CHORE_CREDITS`, before the xstreams start.
    pub static mut dss_chore_credits: u32 = 0;
}

abi::export! {
    /// `dss_chore_register` (ult.c): has `chore` run by another xstream that forwards requests of the caller's
    /// target: by the chore queue of an offload xstream, or in a ULT of its own where there are none.
    ///
    /// The caller sets `cho_func` and `cho_credits`, at least 1, and keeps the chore alive until it is done.
    /// Returns 0; -DER_AGAIN when the queue has too few credits left, with their number in `cho_credits`;
    /// -DER_CANCELED when the queue is stopping; -DER_INVAL without a function or credits, or on an xstream that
    /// has no target; and the errors of `dss_ult_create`.
    pub unsafe fn dss_chore_register(chore: *mut dss_chore) -> c_int {
        // SAFETY: as the caller's contract says.
        Der::rc_of(unsafe { register(chore) })
    }

    /// `dss_chore_deregister` (ult.c): gives back the credits of a chore that was registered. Does nothing to one
    /// that holds none.
    pub unsafe fn dss_chore_deregister(chore: *mut dss_chore) {
        // SAFETY: the hint is null, or the queue on which `dss_chore_register` put the chore.
        unsafe {
            let queue: *mut dss_chore_queue = (*chore).cho_hint.cast();
            if queue.is_null() {
                return;
            }
            (*chore).cho_hint = ptr::null_mut();
            let _locked = Locked::new((*queue).chq_mutex);
            let mut credits = Credits((*queue).chq_credits);
            credits.give_back((*chore).cho_credits);
            (*queue).chq_credits = credits.0;
        }
    }

    /// `dss_chore_diy` (ult.c): runs `chore` to its end in the calling ULT, which yields as often as it does.
    pub unsafe fn dss_chore_diy(chore: *mut dss_chore) {
        // SAFETY: the caller owns the chore, so that it is still there when it is done.
        unsafe {
            list::init(&raw mut (*chore).cho_link);
            (*chore).cho_status = DSS_CHORE_NEW;
            run_to_end(chore);
            (*chore).cho_status = DSS_CHORE_DONE;
        }
    }

    /// `dss_chore_queue_init` (ult.c): makes the chore queue of an xstream that is about to start.
    pub unsafe fn dss_chore_queue_init(dx: *mut dss_xstream) -> c_int {
        // SAFETY: the caller owns the xstream's structure.
        Der::rc_of(unsafe { init(&raw mut (*dx).dx_chore_queue) }.inspect_err(|err| {
            error!(Facility::SERVER, "cannot make a chore queue: {err}");
        }))
    }

    /// `dss_chore_queue_start` (ult.c): starts the ULT that runs the chores of an xstream.
    pub unsafe fn dss_chore_queue_start(dx: *mut dss_xstream) -> c_int {
        // SAFETY: the queue was made, and lives until dss_chore_queue_stop has joined the ULT.
        let created = inline::abt(unsafe {
            let queue = &raw mut (*dx).dx_chore_queue;
            let pool = (*dx).dx_pools[DSS_POOL_GENERIC as usize];
            abi::ABT_thread_create(
                pool,
                Some(queue_ult),
                queue.cast(),
                abi::ABT_THREAD_ATTR_NULL,
                &raw mut (*queue).chq_ult,
            )
        });
        Der::rc_of(created.inspect_err(|err| error!(Facility::SERVER, "cannot start a chore queue: {err}")))
    }

    /// `dss_chore_queue_stop` (ult.c): refuses further chores, and waits until those in the queue are done.
    pub unsafe fn dss_chore_queue_stop(dx: *mut dss_xstream) {
        // SAFETY: the queue was started.
        unsafe {
            let queue = &raw mut (*dx).dx_chore_queue;
            {
                let _locked = Locked::new((*queue).chq_mutex);
                (*queue).chq_stop = true;
                abi::ABT_cond_broadcast((*queue).chq_cond);
            }
            abi::ABT_thread_free(&raw mut (*queue).chq_ult);
        }
    }

    /// `dss_chore_queue_fini` (ult.c): frees what `dss_chore_queue_init` made.
    pub unsafe fn dss_chore_queue_fini(dx: *mut dss_xstream) {
        // SAFETY: the queue is stopped, or was never started.
        unsafe {
            let queue = &raw mut (*dx).dx_chore_queue;
            abi::ABT_cond_free(&raw mut (*queue).chq_cond);
            abi::ABT_mutex_free(&raw mut (*queue).chq_mutex);
        }
    }
}
