//! The cores of this machine, as hwloc knows them: init.c has loaded the topology.

use core::ffi::{c_int, c_uint};
use core::fmt;
use core::ptr::NonNull;
use std::io;
use std::sync::Arc;

use gurt_client::{Der, Facility, Result, debug, error, info};

use crate::inline::Layout;
use crate::srv::placement::{Cores, Mode, Placement};

/// The CPUs of a core, to which an xstream is bound.
#[derive(Clone)]
pub struct Cpus(Arc<Bitmap>);

impl Cpus {
    /// Binds the calling thread to these CPUs, strictly where that can be had, and its memory near them.
    pub fn bind_current_thread(&self) -> io::Result<()> {
        let set = self.handle();
        let bind = |flags| {
            // SAFETY: the topology lives as long as the engine, the set as long as self.
            if unsafe { abi::hwloc_set_cpubind(topology(), set, flags) } == 0 {
                Ok(())
            } else {
                Err(io::Error::last_os_error())
            }
        };
        if let Err(err) = bind(abi::HWLOC_CPUBIND_THREAD | abi::HWLOC_CPUBIND_STRICT) {
            info!(Facility::SERVER, "cannot bind strictly to CPUs {self}: {err}");
            bind(abi::HWLOC_CPUBIND_THREAD)?;
        }
        // Not all systems can; then the kernel's default, the node of the core that touches it first, is as good.
        // SAFETY: as above.
        let rc = unsafe {
            abi::hwloc_set_membind(topology(), set, abi::HWLOC_MEMBIND_BIND, abi::HWLOC_MEMBIND_THREAD)
        };
        if rc != 0 {
            debug!(Facility::SERVER, "cannot bind memory near CPUs {self}: {}", io::Error::last_os_error());
        }
        Ok(())
    }

    /// For `dx_cpuset`; valid as long as self.
    pub fn handle(&self) -> abi::hwloc_cpuset_t {
        self.0.0.as_ptr()
    }
}

impl fmt::Display for Cpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.members()).finish()
    }
}

/// A set of numbers that hwloc has allocated.
struct Bitmap(NonNull<abi::hwloc_bitmap_s>);

// SAFETY: never changed once it is made, and freed once.
unsafe impl Send for Bitmap {}
// SAFETY: as above.
unsafe impl Sync for Bitmap {}

impl Bitmap {
    /// A copy.
    ///
    /// # Safety
    /// `set` is a set of hwloc.
    unsafe fn copy(set: abi::hwloc_bitmap_t) -> Result<Self> {
        // SAFETY: the caller vouches for the set.
        let copy = unsafe { abi::hwloc_bitmap_dup(set) };
        NonNull::new(copy).map(Bitmap).ok_or(Der::new(abi::DER_NOMEM.into()))
    }

    fn members(&self) -> impl Iterator<Item = usize> {
        // SAFETY: lives as long as self.
        unsafe { members(self.0.as_ptr()) }
    }
}

impl Drop for Bitmap {
    fn drop(&mut self) {
        // SAFETY: made by `copy`.
        unsafe { abi::hwloc_bitmap_free(self.0.as_ptr()) };
    }
}

/// The numbers in a set, ascending.
///
/// # Safety
/// `set` is a set of hwloc that lives as long as the iterator.
unsafe fn members(set: abi::hwloc_bitmap_t) -> impl Iterator<Item = usize> {
    // SAFETY: the caller vouches for the set; -1 is before the first and behind the last.
    let next = move |after: c_int| unsafe { abi::hwloc_bitmap_next(set, after) };
    core::iter::successors(Some(next(-1)), move |&last| Some(next(last)))
        .take_while(|&id| id >= 0)
        .map(|id| id as usize)
}

fn topology() -> abi::hwloc_topology_t {
    // SAFETY: init.c sets it before the xstreams start.
    unsafe { (&raw const abi::dss_topo).read() }
}

/// This machine.
pub struct Machine {
    /// `dss_core_nr`.
    cores: usize,
}

impl Machine {
    /// Takes over what init.c has found.
    pub fn discover() -> Result<Self> {
        // SAFETY: init.c sets it before the xstreams start.
        let cores = unsafe { (&raw const abi::dss_core_nr).read() };
        match usize::try_from(cores) {
            Ok(cores) if cores > 0 && !topology().is_null() => Ok(Machine { cores }),
            _ => {
                error!(Facility::SERVER, "hwloc finds no cores on this machine");
                Err(Der::new(abi::DER_INVAL.into()))
            }
        }
    }

    /// What decides on which core an xstream runs.
    pub fn placement(&self, layout: Layout) -> Placement {
        let (mode, free) = core_mode();
        // SAFETY: init.c sets it before the xstreams start.
        let first = unsafe { (&raw const abi::dss_core_offset).read() };
        // The value of "not set".
        let first = if first == u32::MAX { 0 } else { first as usize };
        Placement::new(Cores { count: self.cores, first, free }, layout, mode)
    }

    /// The CPUs of the core with this logical index.
    pub fn cpus(&self, core: usize) -> Result<Cpus> {
        // SAFETY: the topology is loaded; its objects live as long as it does, and cores have CPUs.
        unsafe {
            let depth = (&raw const abi::dss_core_depth).read();
            let core = abi::hwloc_get_obj_by_depth(topology(), depth, core as c_uint);
            match core.as_ref() {
                Some(core) => Bitmap::copy(core.cpuset).map(|set| Cpus(Arc::new(set))),
                None => {
                    error!(Facility::SERVER, "hwloc has no such core at depth {depth}");
                    Err(Der::new(abi::DER_INVAL.into()))
                }
            }
        }
    }
}

/// Where init.c lets cores be taken from, and, by NUMA node, those that it has left for xstreams.
fn core_mode() -> (Mode, Vec<Vec<usize>>) {
    // SAFETY: variables of init.c, written before the xstreams start. With nodes, there are as many as hwloc has
    // at the depth of NUMA nodes, and each has its set.
    unsafe {
        let nodes = (&raw const abi::dss_numa).read();
        if nodes.is_null() {
            return (Mode::Machine, Vec::new());
        }
        let depth = abi::hwloc_get_type_depth(topology(), abi::HWLOC_OBJ_NUMANODE);
        let count = abi::hwloc_get_nbobjs_by_depth(topology(), depth) as usize;
        let free = (0..count).map(|node| members((*nodes.add(node)).ni_coremap).collect()).collect();
        let mode = match usize::try_from((&raw const abi::dss_numa_node).read()) {
            Ok(node) => Mode::Node(node),
            Err(_) => Mode::spread(),
        };
        (mode, free)
    }
}
