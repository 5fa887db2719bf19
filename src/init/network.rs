//! The network of an engine: CaRT, what it tells of other ranks, and incast variables.

use super::ladder::{Ladder, Missed};
use super::layers;
use super::options::Options;
use core::ffi::{c_int, c_void};
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};
use gurt_client::{Der, Facility, Result, debug, error, warn};

/// A C function that returns 0 or `-DER_*`.
fn check(rc: c_int) -> Result {
    Der::check(rc).map(drop)
}

impl Ladder {
    /// Starts CaRT, in the group of the system's name.
    pub fn start_network(&mut self) -> core::result::Result<(), Missed> {
        let up = || {
            // SAFETY: the name of the system is published; the settings are static memory of libdaos_common.
            check(unsafe {
                let settings = abi::daos_crt_init_opt_get(true, abi::dss_ctx_nr_get() as c_int);
                abi::crt_init_opt(abi::daos_sysname, abi::CRT_FLAG_BIT_SERVER, settings)
            })
        };
        self.climb("network", up, || {
            // SAFETY: started above; all contexts have been destroyed with their xstreams.
            if let Err(err) = check(unsafe { abi::crt_finalize() }) {
                error!(Facility::SERVER, "the network did not end cleanly: {err}");
            }
        })
    }

    /// Starts incast variables.
    pub fn start_incast_variables(&mut self) -> core::result::Result<(), Missed> {
        let up = || {
            // SAFETY: takes no argument; CaRT runs.
            unsafe { abi::ds_iv_init() };
            Ok(())
        };
        // SAFETY: started above; no xstream uses them any more.
        self.climb("incast variables", up, || unsafe { abi::ds_iv_fini() })
    }
}

/// Whether CaRT calls [`rank_changed`].
static WATCHING: AtomicBool = AtomicBool::new(false);

/// Has CaRT tell of ranks that die, unless the engine checks consistency, and of clocks that differ.
pub fn watch_ranks(options: &Options) -> core::result::Result<(), Missed> {
    let missed = |error| Missed { step: "watch over ranks", error };
    if !options.check {
        // SAFETY: a function that may be called on any thread.
        check(unsafe { abi::crt_register_event_cb(Some(rank_changed), ptr::null_mut()) }).map_err(missed)?;
        WATCHING.store(true, Ordering::Release);
    }
    // SAFETY: as above; gone when CaRT ends.
    check(unsafe { abi::crt_register_hlc_error_cb(Some(clocks_differ), ptr::null_mut()) }).map_err(missed)
}

/// Undoes [`watch_ranks`].
pub fn unwatch_ranks() {
    if WATCHING.swap(false, Ordering::AcqRel) {
        // SAFETY: the pair that was registered.
        unsafe { abi::crt_unregister_event_cb(Some(rank_changed), ptr::null_mut()) };
    }
}

/// What an engine does when it hears of a rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reaction {
    /// Nothing: only dead ranks matter.
    Ignore,
    /// Takes notice.
    Note,
    /// Tells the control plane that the rank is dead: the failure detector says so.
    Report,
    /// Ends itself at once: others have excluded it, and do not wait for it any more.
    EndSelf,
}

/// What to do about a rank that is or is not `own`.
fn reaction(source: abi::crt_event_source, kind: abi::crt_event_type, own: bool) -> Reaction {
    match (kind, source) {
        (abi::CRT_EVT_DEAD, abi::CRT_EVS_SWIM) => Reaction::Report,
        (abi::CRT_EVT_DEAD, abi::CRT_EVS_GRPMOD) if own => Reaction::EndSelf,
        (abi::CRT_EVT_DEAD, _) => Reaction::Note,
        _ => Reaction::Ignore,
    }
}

/// `dss_crt_event_cb` of init.c.
unsafe extern "C" fn rank_changed(
    rank: abi::d_rank_t,
    incarnation: u64,
    source: abi::crt_event_source,
    kind: abi::crt_event_type,
    _arg: *mut c_void,
) {
    // SAFETY: takes no argument; only this event needs the own rank.
    let own = source == abi::CRT_EVS_GRPMOD && rank == unsafe { abi::dss_self_rank() };
    let reaction = reaction(source, kind, own);
    if reaction == Reaction::Ignore {
        return debug!(Facility::SERVER, "ignoring event {kind} of source {source}");
    }
    layers::note_event(reaction == Reaction::Report);
    let told = match reaction {
        // SAFETY: takes numbers.
        Reaction::Report => unsafe { abi::ds_notify_swim_rank_dead(rank, incarnation) },
        Reaction::EndSelf => {
            warn!(Facility::SERVER, "the group has excluded this engine (rank {rank}): raising SIGKILL");
            // SAFETY: takes numbers. daos_server may then start the rank anew.
            unsafe { abi::ds_notify_rank_self_terminated(rank, incarnation) }
        }
        Reaction::Ignore | Reaction::Note => 0,
    };
    if let Err(err) = check(told) {
        error!(Facility::SERVER, "cannot tell the control plane that rank {rank} is dead: {err}");
    }
    if reaction == Reaction::EndSelf {
        // SAFETY: a signal to this process.
        unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
    }
}

/// `dss_crt_hlc_error_cb` of init.c. The rank of the event is filled in by who sends it.
unsafe extern "C" fn clocks_differ(_arg: *mut c_void) {
    // SAFETY: null stands for what the event is not about; the text has no conversions.
    unsafe {
        abi::ds_notify_ras_eventf(
            abi::RAS_ENGINE_CLOCK_DRIFT,
            abi::RAS_TYPE_INFO,
            abi::RAS_SEV_ERROR,
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            c"clock drift detected".as_ptr(),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_dead_ranks_matter() {
        use abi::{CRT_EVS_GRPMOD, CRT_EVS_SWIM, CRT_EVS_UNKNOWN, CRT_EVT_ALIVE, CRT_EVT_DEAD};
        for source in [CRT_EVS_UNKNOWN, CRT_EVS_SWIM, CRT_EVS_GRPMOD] {
            assert_eq!(reaction(source, CRT_EVT_ALIVE, true), Reaction::Ignore);
        }
        assert_eq!(reaction(CRT_EVS_SWIM, CRT_EVT_DEAD, false), Reaction::Report);
        assert_eq!(reaction(CRT_EVS_GRPMOD, CRT_EVT_DEAD, false), Reaction::Note);
        assert_eq!(reaction(CRT_EVS_GRPMOD, CRT_EVT_DEAD, true), Reaction::EndSelf);
        assert_eq!(reaction(CRT_EVS_UNKNOWN, CRT_EVT_DEAD, true), Reaction::Note);
    }
}
