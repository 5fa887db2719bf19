//! The cores of this machine and their NUMA nodes, read from `/sys`.
//!
//! Stands for what DAOS asks of hwloc, so that the embedded library needs nothing installed. Cores are counted
//! without hyper-threads, as DAOS counts them, and numbered as hwloc numbers them: package by package, within a
//! package by their first CPU. Only CPUs that this process may run on are seen.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

/// One physical core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Core {
    /// Its CPUs (hyper-threads), in ascending order; at least one.
    pub cpus: Vec<usize>,
    /// Its NUMA node: an index below [`Topology::node_count`].
    pub node: usize,
}

/// The cores that this process may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology {
    cores: Vec<Core>,
    nodes: usize,
}

impl Topology {
    /// Reads the topology of this machine, restricted to the CPUs that the calling thread may run on.
    pub fn discover() -> io::Result<Self> {
        Self::read(Path::new("/sys/devices/system"), &allowed_cpus()?)
    }

    /// Reads a tree that looks like `/sys/devices/system`.
    fn read(system: &Path, allowed: &[usize]) -> io::Result<Self> {
        let nodes = read_nodes(&system.join("node"))?;
        let mut cores: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
        for &cpu in allowed {
            let topology = system.join(format!("cpu/cpu{cpu}/topology"));
            // A kernel without topology files: every CPU is a core of its own.
            let package = read_number(&topology.join("physical_package_id")).unwrap_or(0);
            let core = read_number(&topology.join("core_id")).unwrap_or(cpu);
            cores.entry((package, core)).or_default().push(cpu);
        }
        let mut cores: Vec<(usize, Core)> = cores
            .into_iter()
            .map(|((package, _), cpus)| {
                let node = nodes.iter().position(|node| node.contains(&cpus[0])).unwrap_or(0);
                (package, Core { cpus, node })
            })
            .collect();
        cores.sort_by_key(|(package, core)| (*package, core.cpus[0]));
        let cores: Vec<Core> = cores.into_iter().map(|(_, core)| core).collect();
        if cores.is_empty() {
            return Err(io::Error::other("no CPU that this process may run on"));
        }
        Ok(Topology { cores, nodes: nodes.len().max(1) })
    }

    /// All cores; a core's index is the number that the rest of the engine uses.
    pub fn cores(&self) -> &[Core] {
        &self.cores
    }

    /// Number of NUMA nodes, at least 1.
    pub fn node_count(&self) -> usize {
        self.nodes
    }

    /// Indices of the cores of `node`, in ascending order.
    pub fn cores_of_node(&self, node: usize) -> impl Iterator<Item = usize> {
        self.cores.iter().enumerate().filter(move |(_, core)| core.node == node).map(|(index, _)| index)
    }
}

/// The CPUs of each NUMA node that has any, in the order of the node numbers.
fn read_nodes(dir: &Path) -> io::Result<Vec<Vec<usize>>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        // A kernel without NUMA.
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(err) => return Err(err),
    };
    let mut nodes = BTreeMap::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let Some(number) = name.to_str().and_then(|name| name.strip_prefix("node")?.parse::<usize>().ok())
        else {
            continue;
        };
        let cpus = parse_list(&fs::read_to_string(entry.path().join("cpulist"))?);
        if !cpus.is_empty() {
            nodes.insert(number, cpus);
        }
    }
    Ok(nodes.into_values().collect())
}

fn read_number(path: &Path) -> Option<usize> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// Parses the kernel's list format: `0-3,8,10-11`.
fn parse_list(list: &str) -> Vec<usize> {
    list.trim()
        .split(',')
        .filter_map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            Some(first.parse::<usize>().ok()?..=last.parse::<usize>().ok()?)
        })
        .flatten()
        .collect()
}

fn allowed_cpus() -> io::Result<Vec<usize>> {
    // SAFETY: cpu_set_t is a plain bit array, for which all zeroes is the empty set.
    let mut set: libc::cpu_set_t = unsafe { core::mem::zeroed() };
    // SAFETY: the kernel writes at most the size that it is given.
    if unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the index stays below the set's size.
    Ok((0..libc::CPU_SETSIZE as usize).filter(|&cpu| unsafe { libc::CPU_ISSET(cpu, &set) }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A `/sys/devices/system` with `packages` packages (one NUMA node each) of `cores` cores of 2 CPUs,
    /// numbered as Intel machines number them: first all cores, then all their second hyper-threads.
    fn machine(packages: usize, cores: usize) -> tempdir::Dir {
        let dir = tempdir::Dir::new();
        for cpu in 0..packages * cores * 2 {
            let (package, core) = (cpu / cores % packages, cpu % cores);
            let topology = dir.0.join(format!("cpu/cpu{cpu}/topology"));
            fs::create_dir_all(&topology).unwrap();
            fs::write(topology.join("physical_package_id"), format!("{package}\n")).unwrap();
            fs::write(topology.join("core_id"), format!("{core}\n")).unwrap();
        }
        for package in 0..packages {
            let node = dir.0.join(format!("node/node{package}"));
            fs::create_dir_all(&node).unwrap();
            let (first, second) = (package * cores, (packages + package) * cores);
            let list = format!("{first}-{},{second}-{}\n", first + cores - 1, second + cores - 1);
            fs::write(node.join("cpulist"), list).unwrap();
        }
        dir
    }

    /// Directories that vanish with the test.
    mod tempdir {
        use std::path::PathBuf;
        use std::sync::atomic::{AtomicUsize, Ordering};

        pub struct Dir(pub PathBuf);

        impl Dir {
            pub fn new() -> Self {
                static NEXT: AtomicUsize = AtomicUsize::new(0);
                let number = NEXT.fetch_add(1, Ordering::Relaxed);
                let name = format!("daos-engine-topology-{}-{number}", std::process::id());
                let path = std::env::temp_dir().join(name);
                std::fs::create_dir_all(&path).unwrap();
                Dir(path)
            }
        }

        impl Drop for Dir {
            fn drop(&mut self) {
                let _ = std::fs::remove_dir_all(&self.0);
            }
        }
    }

    #[test]
    fn cores_are_counted_without_hyper_threads_and_numbered_by_package() {
        let dir = machine(2, 4);
        let topology = Topology::read(&dir.0, &(0..16).collect::<Vec<_>>()).unwrap();
        assert_eq!(topology.node_count(), 2);
        assert_eq!(topology.cores().len(), 8);
        assert_eq!(topology.cores()[0], Core { cpus: vec![0, 8], node: 0 });
        assert_eq!(topology.cores()[5], Core { cpus: vec![5, 13], node: 1 });
        assert_eq!(topology.cores_of_node(1).collect::<Vec<_>>(), [4, 5, 6, 7]);
    }

    #[test]
    fn cpus_that_the_process_may_not_use_are_not_seen() {
        let dir = machine(2, 4);
        let topology = Topology::read(&dir.0, &[1, 4, 12]).unwrap();
        assert_eq!(topology.cores(), [Core { cpus: vec![1], node: 0 }, Core { cpus: vec![4, 12], node: 1 }]);
    }

    #[test]
    fn a_kernel_without_numa_and_topology_files_has_one_node_and_a_core_per_cpu() {
        let dir = tempdir::Dir::new();
        let topology = Topology::read(&dir.0, &[0, 1, 2]).unwrap();
        assert_eq!(topology.node_count(), 1);
        assert_eq!(topology.cores().len(), 3);
        assert!(Topology::read(&dir.0, &[]).is_err());
    }

    #[test]
    fn this_machine_has_the_cpus_that_this_thread_may_run_on() {
        let topology = Topology::discover().unwrap();
        let mut cpus: Vec<usize> = topology.cores().iter().flat_map(|core| core.cpus.clone()).collect();
        cpus.sort_unstable();
        assert_eq!(cpus, allowed_cpus().unwrap());
    }

    #[test]
    fn kernel_lists() {
        assert_eq!(parse_list("0-3,8,10-11\n"), [0, 1, 2, 3, 8, 10, 11]);
        assert_eq!(parse_list("\n"), [0; 0]);
    }
}
