//! Ends the wait of a thread in `crt_progress` from any other.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::io::Errno;

/// What wakes those who wait for a context. It costs two memory accesses as long as nobody waits.
#[derive(Debug)]
pub struct Bell {
    eventfd: OwnedFd,
    waiting: AtomicU32,
    rung: AtomicBool,
}

/// Why a wait has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// By [`Bell::ring`].
    Rung,
    /// There may be something to take, or the time is up.
    Look,
}

impl Bell {
    /// A bell that has not been rung.
    pub fn new() -> io::Result<Self> {
        let eventfd = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Bell { eventfd, waiting: AtomicU32::new(0), rung: AtomicBool::new(false) })
    }

    /// Ends the wait of somebody, or the next one.
    pub fn ring(&self) {
        if !self.rung.swap(true, Ordering::SeqCst) {
            self.nudge();
        }
    }

    /// Has those who wait look again.
    pub fn nudge(&self) {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            // It can only fail when it is about to end a wait in any case.
            let _ = rustix::io::write(&self.eventfd, &1u64.to_ne_bytes());
        }
    }

    /// From here on [`nudge`](Self::nudge) and [`ring`](Self::ring) end the [`wait`](Self::wait) that follows.
    pub fn enter(&self) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
    }

    /// Waits, after [`enter`](Self::enter), until the descriptor is readable, the time is up, or somebody wakes.
    pub fn wait(&self, descriptor: Option<BorrowedFd<'_>>, time: Duration) -> Woken {
        if !self.rung.load(Ordering::SeqCst) {
            let time = time.try_into().ok();
            let own = PollFd::new(&self.eventfd, PollFlags::IN);
            let woken = match descriptor {
                Some(fd) => {
                    let mut fds = [own, PollFd::from_borrowed_fd(fd, PollFlags::IN)];
                    poll(&mut fds, time.as_ref()).map(|_| !fds[0].revents().is_empty())
                }
                None => {
                    let mut fds = [own];
                    poll(&mut fds, time.as_ref()).map(|_| !fds[0].revents().is_empty())
                }
            };
            if woken != Ok(false) && woken != Err(Errno::INTR) {
                // Taken by another one who waits, if not by this one.
                let _ = rustix::io::read(self.eventfd.as_fd(), &mut [0; 8]);
            }
        }
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        if self.rung.swap(false, Ordering::SeqCst) { Woken::Rung } else { Woken::Look }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn a_wait_ends_when_another_thread_says_so() {
        let bell = Bell::new().unwrap();
        std::thread::scope(|scope| {
            bell.enter();
            scope.spawn(|| bell.ring());
            assert_eq!(bell.wait(None, LONG), Woken::Rung);
        });
        bell.enter();
        assert_eq!(bell.wait(None, Duration::from_millis(1)), Woken::Look, "rung once for one wait");
        bell.ring();
        bell.enter();
        assert_eq!(bell.wait(None, LONG), Woken::Rung, "rung before");
    }

    #[test]
    fn who_is_nudged_looks_again() {
        let bell = Bell::new().unwrap();
        bell.nudge();
        bell.enter();
        bell.nudge();
        assert_eq!(bell.wait(None, LONG), Woken::Look);
    }
}
