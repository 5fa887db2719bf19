//! What one xstream stands on: its network context, and what else there is.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};

use gurt_client::Result;

use super::beneath::Others;
use super::network::Network;
use super::role::Role;
use crate::inline;

/// The layers of an xstream, made and freed on its thread. Freed in the order of the fields, which is the opposite of
/// that in which they are made.
pub struct Layers {
    others: Others,
    network: Option<Network>,
}

impl Layers {
    /// Opens the layers of the calling xstream that its role needs, and lets it rest until there is work.
    ///
    /// # Safety
    /// Runs on the xstream `dx`, whose module info is filled in.
    pub unsafe fn open(dx: NonNull<abi::dss_xstream>, role: &Role) -> Result<Self> {
        // SAFETY: the caller vouches for dx.
        unsafe {
            let network = role.context.map(|number| Network::open(dx, role, number)).transpose()?;
            let others = Others::open(dx, role)?;
            allow_rest(dx);
            Ok(Layers { others, network })
        }
    }

    /// Starts the ULTs that poll beside the progress ULT.
    ///
    /// # Safety
    /// Runs on the xstream `dx`.
    pub unsafe fn start_polling(&self, dx: NonNull<abi::dss_xstream>) -> Result {
        // SAFETY: the caller vouches for dx.
        unsafe { self.others.start_polling(dx) }
    }

    /// Polls the network until the xstream has to stop; without one, waits for that.
    ///
    /// # Safety
    /// Runs on the xstream `dx`.
    pub unsafe fn serve(&self, dx: NonNull<abi::dss_xstream>) {
        let dx = dx.as_ptr();
        // SAFETY: the caller vouches for dx. The scheduler of this thread sets `dx_timeout` and reads
        // `dx_progress_started` between two runs of this ULT.
        unsafe {
            let Some(network) = &self.network else {
                abi::ABT_future_wait((*dx).dx_shutdown);
                return;
            };
            (&raw mut (*dx).dx_progress_started).write(true);
            loop {
                network.progress((&raw const (*dx).dx_timeout).read_volatile());
                if inline::is_set((*dx).dx_shutdown) {
                    break;
                }
                inline::yield_now();
            }
            (&raw mut (*dx).dx_progress_started).write(false);
            // Lets the scheduler take back what it has arranged for the poll, before the network goes.
            inline::yield_now();
        }
    }

    /// Lets replies come in for which ULTs may wait while the xstream drains.
    pub fn poll(&self) {
        if let Some(network) = &self.network {
            network.progress(0);
        }
    }
}

/// Lets the xstream `dx` rest as soon as it has nothing to do.
///
/// To its scheduler an xstream that has just started is a busy one, which polls without a pause for eight seconds.
/// Where xstreams share cores, those that wait for the engine to open would take the CPU from those that are still
/// to start.
///
/// # Safety
/// Runs on the xstream `dx`.
unsafe fn allow_rest(dx: NonNull<abi::dss_xstream>) {
    // SAFETY: the caller vouches for dx. Who gives it work writes the timestamp too, as an atomic word.
    unsafe {
        let busy = &raw mut (*dx.as_ptr()).dx_sched_info.si_stats.ss_busy_ts;
        AtomicU64::from_ptr(busy).store(0, Ordering::Relaxed);
    }
}
