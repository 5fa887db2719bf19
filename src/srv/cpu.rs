//! Binding of threads to cores.

use std::io;

use topology::CpuList;

/// Binds the calling thread, and the memory that it touches first, to `cpus`.
pub fn bind_current_thread(cpus: &CpuList) -> io::Result<()> {
    let set = cpus.to_cpu_set();
    // SAFETY: the kernel reads the set, whose size is passed. A thread that runs on a core allocates from that
    // core's memory node by default, so there is nothing to do for memory.
    let rc = unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) };
    if rc != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
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
            bind_current_thread(&last).unwrap();
            // SAFETY: no memory is involved.
            assert_eq!(unsafe { libc::sched_getcpu() }, expected[0] as i32);
        })
        .join()
        .unwrap();
    }

    #[test]
    fn cpus_that_are_not_there_are_refused() {
        assert!(bind_current_thread(&CpuList::default()).is_err());
    }
}
