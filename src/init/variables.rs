//! The variables of `init.c`, and those of `srv.c` that the command line decides.
//!
//! They are C's, readable by every module. Before and after an engine runs they have the values that DAOS
//! gives them at build time; while one runs they say what its command line and the machine decided.

use super::layers::Hardware;
use super::options::Options;
use super::plan::{Mode, Plan};
use core::ffi::{CStr, c_char, c_int, c_uint};
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use gurt_client::{Der, Result, env};
use std::ffi::CString;

const SYSTEM: &CStr = c"daos_server";
const STORAGE: &CStr = c"/mnt/daos";
const SOCKET_DIR: &CStr = c"/var/run/daos_server";

/// Stands for "not given" in `dss_core_offset` and `dss_numa_node`.
const UNSET: c_int = -1;

abi::export_data! {
    /// `daos_sysname` (init.c): name of the DAOS system, which is the name of CaRT's group too.
    pub static mut daos_sysname: *mut c_char = SYSTEM.as_ptr().cast_mut();
    /// `dss_hostname` (init.c): name of this host.
    pub static mut dss_hostname: [c_char; abi::DSS_HOSTNAME_MAX_LEN as usize] =
        [0; abi::DSS_HOSTNAME_MAX_LEN as usize];
    /// `dss_storage_path` (init.c): where the storage is mounted.
    pub static mut dss_storage_path: *const c_char = STORAGE.as_ptr();
    /// `dss_nvme_conf` (init.c): path of the NVMe configuration, or null.
    pub static mut dss_nvme_conf: *const c_char = ptr::null();
    /// `dss_socket_dir` (init.c): directory of the sockets.
    pub static mut dss_socket_dir: *const c_char = SOCKET_DIR.as_ptr();
    /// `dss_nvme_mem_size` (init.c): memory for SPDK, in MiB.
    pub static mut dss_nvme_mem_size: c_uint = 0;
    /// `dss_nvme_hugepage_size` (init.c): size of a huge page, in MiB.
    pub static mut dss_nvme_hugepage_size: c_uint = 0;
    /// `dss_instance_idx` (init.c): index of this engine on its host.
    pub static mut dss_instance_idx: c_uint = 0;
    /// `dss_topo` (init.c): hwloc's description of the machine; null in embedded mode, where nobody loads one.
    pub static mut dss_topo: abi::hwloc_topology_t = ptr::null_mut();
    /// `dss_core_depth` (init.c): depth of cores in `dss_topo`; 0 in embedded mode.
    pub static mut dss_core_depth: c_int = 0;
    /// `dss_core_nr` (init.c): number of physical cores that the process may use.
    pub static mut dss_core_nr: c_int = 0;
    /// `dss_core_offset` (init.c): index of the first core to use.
    pub static mut dss_core_offset: c_uint = UNSET as c_uint;
    /// `dss_numa_node` (init.c): the NUMA node to which all xstreams are bound, or -1.
    pub static mut dss_numa_node: c_int = UNSET;
    /// `dss_forward_neighbor` (init.c): whether I/O work is forwarded to neighbours (`DAOS_FORWARD_NEIGHBOR`).
    pub static mut dss_forward_neighbor: bool = false;
    /// `dss_numa` (init.c): the NUMA nodes, by index, when cores are chosen by node; else null. In embedded mode
    /// `ni_coremap` is null.
    pub static mut dss_numa: *mut abi::dss_numa_info = ptr::null_mut();
    /// `dss_numa_nr` (init.c): number of NUMA nodes that are used.
    pub static mut dss_numa_nr: c_int = 1;
    /// `dss_storage_tiers` (init.c): how many kinds of storage a target has; 2 by default.
    pub static mut dss_storage_tiers: c_uint = 2;
}

/// Whether the engine was started for a consistency check: `engine_in_check`.
pub static CHECK: AtomicBool = AtomicBool::new(false);

/// The version with which the engine joins its system, packed: `dss_get_join_version`.
pub static JOIN_VERSION: AtomicU32 = AtomicU32::new(0);

/// The settings of a running engine: what the variables point to. Dropped, the variables are as at build time.
pub struct Published {
    _strings: Vec<CString>,
    nodes: Vec<abi::dss_numa_info>,
    _hardware: Option<Hardware>,
}

impl Published {
    /// Sets the variables that depend on `options` alone.
    pub fn options(options: &Options) -> Result<Self> {
        let c_string = |text: &str| CString::new(text).map_err(|_| Der::new(abi::DER_INVAL.into()));
        let system = c_string(&options.system)?;
        let storage = c_string(&options.storage)?;
        let socket_dir = c_string(&options.socket_dir)?;
        let nvme_config = options.nvme_config.as_deref().map(c_string).transpose()?;
        // SAFETY: written before the first other thread of the engine starts; the strings live as long as self,
        // whose drop takes the pointers back.
        unsafe {
            abi::daos_sysname = system.as_ptr().cast_mut();
            abi::dss_storage_path = storage.as_ptr();
            abi::dss_socket_dir = socket_dir.as_ptr();
            abi::dss_nvme_conf = nvme_config.as_ref().map_or(ptr::null(), |path| path.as_ptr());
            abi::dss_nvme_mem_size = options.mem_size;
            abi::dss_nvme_hugepage_size = options.hugepage_size;
            abi::dss_nvme_bypass_health_check = options.bypass_health_check;
            abi::dss_instance_idx = options.instance;
            abi::dss_storage_tiers = options.tiers;
        }
        CHECK.store(options.check, Ordering::Relaxed);
        publish_hostname();
        let strings = [system, storage, socket_dir].into_iter().chain(nvme_config).collect();
        Ok(Published { _strings: strings, nodes: Vec::new(), _hardware: None })
    }

    /// Sets the variables that depend on the machine.
    pub fn plan(&mut self, plan: &Plan, mut hardware: Hardware) -> Result {
        if plan.mode != Mode::Legacy {
            self.nodes = hardware.numa_nodes(plan.first_core)?;
        }
        hardware.publish();
        let machine = hardware.machine();
        let spread = if plan.mode == Mode::MultiSocket { machine.node_count() } else { 1 };
        // SAFETY: as in `options`; the nodes live as long as self.
        unsafe {
            abi::dss_core_nr = machine.cores as c_int;
            abi::dss_core_offset = plan.first_core;
            abi::dss_forward_neighbor = env::flag(c"DAOS_FORWARD_NEIGHBOR").unwrap_or(false);
            abi::dss_numa_node = if let Mode::Numa(node) = plan.mode { node as c_int } else { UNSET };
            abi::dss_numa = if self.nodes.is_empty() { ptr::null_mut() } else { self.nodes.as_mut_ptr() };
            abi::dss_numa_nr = spread as c_int;
            abi::dss_tgt_nr = plan.targets;
            abi::dss_tgt_offload_xs_nr = plan.helpers;
            abi::dss_helper_pool = plan.helper_pool;
            (abi::dss_tgt_per_numa_nr, abi::dss_offload_per_numa_nr) = match plan.mode {
                Mode::MultiSocket => (plan.targets / spread, plan.helpers / spread),
                Mode::Legacy | Mode::Numa(_) => (0, 0),
            };
        }
        self._hardware = Some(hardware);
        Ok(())
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        CHECK.store(false, Ordering::Relaxed);
        JOIN_VERSION.store(0, Ordering::Relaxed);
        // SAFETY: dropped when the last other thread of the engine has ended.
        unsafe {
            abi::daos_sysname = SYSTEM.as_ptr().cast_mut();
            abi::dss_storage_path = STORAGE.as_ptr();
            abi::dss_socket_dir = SOCKET_DIR.as_ptr();
            abi::dss_nvme_conf = ptr::null();
            abi::dss_nvme_mem_size = 0;
            abi::dss_nvme_hugepage_size = 0;
            abi::dss_nvme_bypass_health_check = false;
            abi::dss_instance_idx = 0;
            abi::dss_storage_tiers = 2;
            abi::dss_topo = ptr::null_mut();
            abi::dss_core_depth = 0;
            abi::dss_core_nr = 0;
            abi::dss_core_offset = UNSET as c_uint;
            abi::dss_forward_neighbor = false;
            abi::dss_numa_node = UNSET;
            abi::dss_numa = ptr::null_mut();
            abi::dss_numa_nr = 1;
            abi::dss_tgt_nr = 0;
            abi::dss_tgt_offload_xs_nr = 0;
            abi::dss_helper_pool = false;
            abi::dss_tgt_per_numa_nr = 0;
            abi::dss_offload_per_numa_nr = 0;
        }
    }
}

/// Asks the kernel for the name of this host; a longer one is cut.
fn publish_hostname() {
    let name = &raw mut abi::dss_hostname;
    // SAFETY: the whole array may be written; its last byte stays a NUL, which a cut name would lack.
    unsafe {
        name.write([0; abi::DSS_HOSTNAME_MAX_LEN as usize]);
        libc::gethostname(name.cast(), abi::DSS_HOSTNAME_MAX_LEN as usize - 1);
    }
}

/// The name of this host, as published.
pub fn hostname() -> String {
    // SAFETY: ends with a NUL, and changes only when an engine starts.
    unsafe { CStr::from_ptr((&raw const abi::dss_hostname).cast()) }.to_string_lossy().into_owned()
}
