//! What the kernel says about cores and NUMA nodes below `/sys/devices/system`.

use crate::{Core, CpuList, Topology};
use std::cmp::Reverse;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// A core before it has its place among the others.
struct Found {
    cpus: CpuList,
    node: usize,
    /// Lowest CPU of each set that encloses the core (package, die, NUMA node, cache), from the largest set
    /// to the core itself. Ordered by it, cores that share more stand closer together.
    position: Vec<usize>,
}

pub(crate) fn read(system: &Path, allowed: &CpuList) -> io::Result<Topology> {
    let nodes = numa_nodes(system)?;
    let mut cores: Vec<Found> = Vec::new();
    for &cpu in allowed.iter() {
        if !cores.iter().any(|core| core.cpus.contains(&cpu)) {
            cores.push(core_of(system, cpu, allowed, &nodes)?);
        }
    }
    if cores.is_empty() {
        return Err(io::Error::other("no CPU that this process may run on"));
    }
    cores.sort_by(|a, b| a.position.cmp(&b.position));
    let cores = cores.into_iter().map(|Found { cpus, node, .. }| Core { cpus, node }).collect();
    Ok(Topology::described(cores, nodes.len().max(1)))
}

/// Describes the core to which `cpu` belongs.
fn core_of(system: &Path, cpu: usize, allowed: &CpuList, nodes: &[CpuList]) -> io::Result<Found> {
    let dir = system.join(format!("cpu/cpu{cpu}"));
    let alone: CpuList = [cpu].into_iter().collect();
    let threads = topology_list(&dir, &["core_cpus_list", "thread_siblings_list"])?.unwrap_or(alone);
    let node = nodes.iter().position(|node| node.contains(&cpu));

    let mut enclosing = vec![threads.clone()];
    enclosing.extend(topology_list(&dir, &["package_cpus_list", "core_siblings_list"])?);
    enclosing.extend(topology_list(&dir, &["die_cpus_list"])?);
    enclosing.extend(node.map(|node| nodes[node].clone()));
    enclosing.extend(caches(&dir)?);
    enclosing.sort_by_key(|set| Reverse(set.len()));

    let position = enclosing.iter().filter_map(|set| set.first().copied()).collect();
    Ok(Found { cpus: threads.intersection(allowed), node: node.unwrap_or(0), position })
}

/// The first of `names` that `topology/` of a CPU has; older kernels know some sets by other names.
fn topology_list(cpu: &Path, names: &[&str]) -> io::Result<Option<CpuList>> {
    for name in names {
        if let Some(list) = list(&cpu.join("topology").join(name))? {
            return Ok(Some(list));
        }
    }
    Ok(None)
}

/// The CPUs that share each cache with a CPU.
fn caches(cpu: &Path) -> io::Result<Vec<CpuList>> {
    let dirs = numbered(&cpu.join("cache"), "index")?;
    dirs.into_iter().filter_map(|(_, dir)| list(&dir.join("shared_cpu_list")).transpose()).collect()
}

/// The NUMA nodes that have CPUs, in the order of their numbers. Memory without CPUs (CXL, HBM) is no place
/// to run a thread, and not counted.
fn numa_nodes(system: &Path) -> io::Result<Vec<CpuList>> {
    let mut nodes = Vec::new();
    for (_, dir) in numbered(&system.join("node"), "node")? {
        nodes.extend(list(&dir.join("cpulist"))?.filter(|cpus| !cpus.is_empty()));
    }
    Ok(nodes)
}

/// Entries of `dir` named `prefix` and a number, by number; none when there is no such directory.
fn numbered(dir: &Path, prefix: &str) -> io::Result<Vec<(usize, PathBuf)>> {
    let entries = match fs::read_dir(dir) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(prefix)).and_then(|n| n.parse().ok());
        found.extend(number.map(|number: usize| (number, entry.path())));
    }
    found.sort_unstable();
    Ok(found)
}

/// Reads a list of CPUs; `None` when there is no such file.
fn list(path: &Path) -> io::Result<Option<CpuList>> {
    let text = match fs::read_to_string(path) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text?,
    };
    let malformed = |err| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {err}", path.display()));
    text.parse().map(Some).map_err(malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// A directory like `/sys/devices/system`, removed with the value.
    struct System(PathBuf);

    impl System {
        fn new() -> Self {
            static NEXT: AtomicUsize = AtomicUsize::new(0);
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let dir = std::env::temp_dir().join(format!("topology-{}-{number}", std::process::id()));
            fs::create_dir_all(&dir).unwrap();
            System(dir)
        }

        fn file(&self, path: &str, text: &str) {
            let path = self.0.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        /// A core of `threads` in the package of `package`, once for each of its CPUs.
        fn core(&self, threads: &str, package: &str) {
            for cpu in &*threads.parse::<CpuList>().unwrap() {
                self.file(&format!("cpu/cpu{cpu}/topology/core_cpus_list"), threads);
                self.file(&format!("cpu/cpu{cpu}/topology/package_cpus_list"), package);
            }
        }

        fn node(&self, number: usize, cpus: &str) {
            self.file(&format!("node/node{number}/cpulist"), cpus);
        }

        fn machine(&self, allowed: &str) -> Topology {
            read(&self.0, &allowed.parse().unwrap()).unwrap()
        }
    }

    impl Drop for System {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    /// Two sockets of two cores with two threads each; even CPUs on the first socket, as many machines count.
    fn interleaved() -> System {
        let system = System::new();
        for (threads, package) in
            [("0,4", "0,2,4,6"), ("1,5", "1,3,5,7"), ("2,6", "0,2,4,6"), ("3,7", "1,3,5,7")]
        {
            system.core(threads, package);
        }
        system.node(0, "0,2,4,6\n");
        system.node(1, "1,3,5,7\n");
        system
    }

    fn shape(machine: &Topology) -> Vec<(String, usize)> {
        machine.cores().iter().map(|core| (core.cpus.to_string(), core.node)).collect()
    }

    #[test]
    #[cfg_attr(miri, ignore = "reads files")]
    fn cores_of_one_socket_are_neighbours() {
        let machine = interleaved().machine("0-7");
        let expected = [("0,4", 0), ("2,6", 0), ("1,5", 1), ("3,7", 1)];
        assert_eq!(shape(&machine), expected.map(|(cpus, numa)| (cpus.to_owned(), numa)));
        assert_eq!(machine.node_count(), 2);
        assert_eq!(machine.cores_of_node(1).collect::<Vec<_>>(), [2, 3]);
    }

    #[test]
    #[cfg_attr(miri, ignore = "reads files")]
    fn only_allowed_cpus_count() {
        let machine = interleaved().machine("3,4");
        assert_eq!(shape(&machine), [("4".to_owned(), 0), ("3".to_owned(), 1)]);
        assert_eq!(machine.node_count(), 2);
    }

    #[test]
    #[cfg_attr(miri, ignore = "reads files")]
    fn cores_that_share_a_cache_are_neighbours() {
        let system = System::new();
        for (cpu, cache) in [(0, "0,2"), (1, "1,3"), (2, "0,2"), (3, "1,3")] {
            system.core(&cpu.to_string(), "0-3");
            system.file(&format!("cpu/cpu{cpu}/cache/index3/shared_cpu_list"), cache);
        }
        let order: Vec<_> = system.machine("0-3").cores().iter().map(|core| core.cpus.to_string()).collect();
        assert_eq!(order, ["0", "2", "1", "3"]);
    }

    #[test]
    #[cfg_attr(miri, ignore = "reads files")]
    fn memory_without_cpus_is_no_node() {
        let system = System::new();
        system.core("0", "0");
        system.node(0, "0");
        system.node(1, "\n");
        assert_eq!(system.machine("0").node_count(), 1);
    }

    #[test]
    #[cfg_attr(miri, ignore = "reads files")]
    fn a_silent_kernel_gives_a_core_for_each_cpu() {
        let machine = System::new().machine("0-1");
        assert_eq!(shape(&machine), [("0".to_owned(), 0), ("1".to_owned(), 0)]);
        assert_eq!(machine.node_count(), 1);
    }

    #[test]
    #[cfg_attr(miri, ignore = "reads files")]
    fn a_damaged_file_is_named() {
        let system = System::new();
        system.node(0, "zero");
        let err = read(&system.0, &"0".parse().unwrap()).unwrap_err();
        assert!(err.to_string().contains("node0/cpulist"), "{err}");
    }

    #[test]
    #[cfg_attr(miri, ignore = "reads files")]
    fn this_machine_has_a_core() {
        let machine = Topology::discover().unwrap();
        let cpus: usize = machine.cores().iter().map(|core| core.cpus.len()).sum();
        assert_eq!(cpus, CpuList::of_process().unwrap().len());
    }
}
