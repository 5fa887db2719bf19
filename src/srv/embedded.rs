//! What lies beneath xstreams in embedded mode, beside the network: the cores of this machine. The same interface as
//! `system`.

use core::fmt;
use core::ptr::{self, NonNull};
use std::io;

use gurt_client::{Der, Facility, Result, error};
use topology::{CpuList, Topology};

use super::placement::{Cores, Mode, Placement};
use super::role::Role;
use crate::inline::Layout;

/// The CPUs of a core, to which an xstream is bound.
#[derive(Clone)]
pub struct Cpus(CpuList);

impl Cpus {
    /// Binds the calling thread, and the memory that it touches first, to these CPUs.
    pub fn bind_current_thread(&self) -> io::Result<()> {
        let set = self.0.to_cpu_set();
        // SAFETY: the kernel reads the set, whose size is passed. A thread that runs on a core allocates from that
        // core's memory node by default, so there is nothing to do for memory.
        let rc = unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) };
        if rc != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }

    /// For `dx_cpuset`: null, as there is no hwloc.
    pub fn handle(&self) -> abi::hwloc_cpuset_t {
        ptr::null_mut()
    }
}

impl fmt::Display for Cpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &self.0[..])
    }
}

/// This machine.
pub struct Machine(Topology);

impl Machine {
    /// Looks at this machine.
    pub fn discover() -> Result<Self> {
        Topology::discover().map(Machine).map_err(|err| {
            error!(Facility::SERVER, "cannot learn which cores this machine has: {err}");
            Der::new(abi::DER_MISC.into())
        })
    }

    /// What decides on which core an xstream runs.
    pub fn placement(&self, layout: Layout) -> Placement {
        let (mode, first_core) = core_mode();
        let free = |node| self.0.cores_of_node(node).skip(first_core).collect();
        let free = (0..self.0.node_count()).map(free).collect();
        Placement::new(Cores { count: self.0.cores().len(), first: first_core, free }, layout, mode)
    }

    /// The CPUs of the core with this logical index.
    pub fn cpus(&self, core: usize) -> Result<Cpus> {
        let core = self.0.cores().get(core).ok_or(Der::new(abi::DER_INVAL.into()))?;
        Ok(Cpus(core.cpus.clone()))
    }
}

/// Where init.c lets cores be taken from, and the first of them.
fn core_mode() -> (Mode, usize) {
    // SAFETY: variables of init.c and srv.c, written before the xstreams start.
    unsafe {
        let first_core = (&raw const abi::dss_core_offset).read();
        let mode = if (&raw const abi::dss_numa_nr).read() > 1 {
            Mode::spread()
        } else {
            match usize::try_from((&raw const abi::dss_numa_node).read()) {
                Ok(node) => Mode::Node(node),
                Err(_) => Mode::Machine,
            }
        };
        // The value of "not set".
        (mode, if first_core == u32::MAX { 0 } else { first_core as usize })
    }
}

/// What all xstreams stand on.
pub struct Ground(());

impl Ground {
    /// There is nothing to open.
    pub fn open() -> Result<Self> {
        Ok(Ground(()))
    }

    /// Nobody wants to know that all xstreams are up, or about to end.
    pub fn announce(&self, _up: bool) -> Result {
        Ok(())
    }
}

/// What one xstream stands on beside the network: nothing.
pub struct Others(());

impl Others {
    /// There is nothing to open.
    ///
    /// # Safety
    /// None is needed.
    pub unsafe fn open(_dx: NonNull<abi::dss_xstream>, _role: &Role) -> Result<Self> {
        Ok(Others(()))
    }

    /// There is nothing to poll.
    ///
    /// # Safety
    /// None is needed.
    pub unsafe fn start_polling(&self, _dx: NonNull<abi::dss_xstream>) -> Result {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_thread_runs_on_its_cpus_only() {
        let allowed = CpuList::of_process().unwrap();
        let last: CpuList = allowed.last().copied().into_iter().collect();
        let expected = last.clone();
        std::thread::spawn(move || {
            Cpus(last).bind_current_thread().unwrap();
            // SAFETY: no memory is involved.
            assert_eq!(unsafe { libc::sched_getcpu() }, expected[0] as i32);
        })
        .join()
        .unwrap();
    }

    #[test]
    fn cpus_that_are_not_there_are_refused() {
        assert!(Cpus(CpuList::default()).bind_current_thread().is_err());
    }
}
