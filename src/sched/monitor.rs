//! The monitor: the SWIM xstream looks after the others.

use core::ffi::{CStr, c_int};
use core::ptr::NonNull;
use core::sync::atomic::Ordering;

use gurt_client::{Facility, error, warn};

use super::parameter;
use super::scheduler::Scheduler;
use super::watch::{Symbol, ThreadState};

/// The xstream that monitors the others: SWIM's, whose units are few and short.
pub const MONITOR_XSTREAM: c_int = 1;

impl Scheduler {
    /// Finds units that keep the system or a main xstream from running others.
    pub(super) fn look_after_others(&self) {
        let max = u64::from(parameter!(sched_inactive_max));
        if max == 0 || !self.monitor.borrow_mut().is_due(self.now()) {
            return;
        }
        // SAFETY: takes no argument. While it holds, no xstream is freed.
        if !unsafe { abi::dss_sched_monitor_enter() } {
            return;
        }
        // SAFETY: between enter and exit the table of xstreams does not change.
        let count = unsafe { abi::dss_xstream_cnt() };
        for index in 0..count {
            // SAFETY: as above.
            let Some(dx) = NonNull::new(unsafe { abi::dss_get_xstream(index) }) else { continue };
            // SAFETY: a started xstream; its ids do not change.
            let monitored = unsafe { (*dx.as_ptr()).dx_xs_id == 0 || (*dx.as_ptr()).dx_main_xs };
            if monitored {
                self.look_after(index as usize, dx, max);
            }
        }
        // SAFETY: takes no argument.
        unsafe { abi::dss_sched_monitor_exit() };
    }

    fn look_after(&self, index: usize, dx: NonNull<abi::dss_xstream>, max: u64) {
        // SAFETY: a started xstream. Only the vitals of the other scheduler are touched, which are atomic.
        let vitals = unsafe { &Self::of(dx).vitals };
        let Some(stuck) = self.monitor.borrow_mut().look(index, vitals, self.now(), max) else { return };
        let thread = ThreadState::of(vitals.thread.load(Ordering::Relaxed));
        let state = thread.map_or_else(|| "thread state unknown".to_owned(), |thread| thread.to_string());
        // SAFETY: a started xstream; its ids do not change.
        let (xs_id, tgt_id) = unsafe { ((*dx.as_ptr()).dx_xs_id, (*dx.as_ptr()).dx_tgt_id) };
        warn!(
            Facility::SERVER,
            "SCHED_MONITOR: {} has not yielded for {} ms on xs {xs_id} (tgt {tgt_id}, {}); {state}",
            Symbol(vitals.func.load(Ordering::Relaxed)),
            stuck.for_ms,
            name_of(dx),
        );
        if !stuck.too_long || !parameter!(sched_monitor_kill) {
            return;
        }
        if thread.is_some_and(|thread| thread.is_held()) {
            warn!(
                Facility::SERVER,
                "SCHED_MONITOR: the thread is stopped from outside; not killing the engine"
            );
            self.monitor.borrow_mut().pardon(index, self.now());
            return;
        }
        error!(
            Facility::SERVER,
            "SCHED_MONITOR: killing the engine: nothing ran on xs {xs_id} for more than {max} ms \
             (DAOS_SCHED_INACTIVE_MAX; DAOS_SCHED_MONITOR_KILL=0 to keep it alive)"
        );
        // SAFETY: no memory is involved.
        unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
    }
}

/// The name of an xstream.
pub fn name_of(dx: NonNull<abi::dss_xstream>) -> String {
    // SAFETY: a live xstream, whose name is written once and ends in a NUL.
    unsafe { CStr::from_ptr((&raw const (*dx.as_ptr()).dx_name).cast()) }.to_string_lossy().into_owned()
}
