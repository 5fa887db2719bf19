//! Sets of CPUs, and the notation in which the kernel prints them.

use std::ops::Deref;
use std::str::FromStr;
use std::{fmt, io, mem};

/// A set of CPU numbers, kept ascending and without repetition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CpuList(Vec<usize>);

impl CpuList {
    /// The CPUs on which the main thread of this process may run.
    pub fn of_process() -> io::Result<CpuList> {
        // SAFETY: a cpu_set_t is plain bits, for which zero is valid.
        let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
        // SAFETY: the kernel writes at most the size of the set, which is passed.
        let rc =
            unsafe { libc::sched_getaffinity(libc::getpid(), mem::size_of::<libc::cpu_set_t>(), &mut set) };
        if rc != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the numbers stay below the size of the set.
        Ok((0..libc::CPU_SETSIZE as usize).filter(|&cpu| unsafe { libc::CPU_ISSET(cpu, &set) }).collect())
    }

    /// The set in the form that `sched_setaffinity` takes. CPUs beyond `CPU_SETSIZE` cannot be expressed and
    /// are left out.
    pub fn to_cpu_set(&self) -> libc::cpu_set_t {
        // SAFETY: a cpu_set_t is plain bits, for which zero is valid.
        let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
        for cpu in self.iter().copied().filter(|&cpu| cpu < libc::CPU_SETSIZE as usize) {
            // SAFETY: the number is below the size of the set.
            unsafe { libc::CPU_SET(cpu, &mut set) };
        }
        set
    }

    /// The CPUs that are in both sets.
    pub fn intersection(&self, other: &CpuList) -> CpuList {
        self.iter().copied().filter(|cpu| other.contains(cpu)).collect()
    }
}

impl Deref for CpuList {
    type Target = [usize];

    /// The CPUs, ascending.
    fn deref(&self) -> &[usize] {
        &self.0
    }
}

impl FromIterator<usize> for CpuList {
    fn from_iter<I: IntoIterator<Item = usize>>(cpus: I) -> Self {
        let mut cpus: Vec<usize> = cpus.into_iter().collect();
        cpus.sort_unstable();
        cpus.dedup();
        CpuList(cpus)
    }
}

/// A text that is no list of CPUs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseCpuListError(String);

impl fmt::Display for ParseCpuListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a list of CPUs: {:?}", self.0)
    }
}

impl std::error::Error for ParseCpuListError {}

/// No kernel counts this many CPUs; a bound keeps a damaged file from filling memory.
const CPUS_MAX: usize = 1 << 20;

impl FromStr for CpuList {
    type Err = ParseCpuListError;

    /// Reads the kernel's notation: `0-3,8,10-11`; white space around it and an empty text are fine.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || ParseCpuListError(text.trim().to_owned());
        let number = |text: &str| text.parse::<usize>().ok().filter(|&n| n < CPUS_MAX).ok_or_else(malformed);
        let mut cpus = Vec::new();
        for range in text.trim().split(',').filter(|range| !range.is_empty()) {
            let (low, high) = range.split_once('-').unwrap_or((range, range));
            let (low, high) = (number(low)?, number(high)?);
            if low > high {
                return Err(malformed());
            }
            cpus.extend(low..=high);
        }
        Ok(cpus.into_iter().collect())
    }
}

impl fmt::Display for CpuList {
    /// Writes the kernel's notation.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, run) in self.0.chunk_by(|low, high| low + 1 == *high).enumerate() {
            let comma = if position == 0 { "" } else { "," };
            match *run {
                [only] => write!(f, "{comma}{only}")?,
                [low, .., high] => write!(f, "{comma}{low}-{high}")?,
                [] => unreachable!("chunk_by yields no empty run"),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_the_kernels_notation() {
        for text in ["", "0", "0-1", "0-3,8,10-11", "7,63-64"] {
            assert_eq!(text.parse::<CpuList>().unwrap().to_string(), text);
        }
        assert_eq!(" 3,1-2\n".parse::<CpuList>().unwrap().to_string(), "1-3");
    }

    #[test]
    fn refuses_what_is_no_list() {
        for text in ["a", "3-1", "1-", "-1", "1,,b", "0-99999999999"] {
            assert!(text.parse::<CpuList>().is_err(), "{text}");
        }
    }

    #[test]
    fn intersects() {
        let set = |text: &str| text.parse::<CpuList>().unwrap();
        assert_eq!(set("0-7").intersection(&set("2,6-9")), set("2,6-7"));
        assert!(set("0").intersection(&set("1")).is_empty());
    }

    #[test]
    #[cfg_attr(miri, ignore = "asks the kernel")]
    fn survives_the_way_through_a_cpu_set() {
        let here = CpuList::of_process().unwrap();
        let set = here.to_cpu_set();
        assert!(!here.is_empty());
        // SAFETY: the number is below the size of the set.
        let back: CpuList = (0..1024).filter(|&cpu| unsafe { libc::CPU_ISSET(cpu, &set) }).collect();
        assert_eq!(back, here);
    }
}
