//! Signals, as `main` of init.c treats them: all but faults are blocked in every thread of the engine, and the
//! main thread takes them one at a time. SIGTERM and SIGINT end the engine, SIGBUS does with a failure; SIGUSR1
//! and SIGUSR2 dump what the ULTs do.

use super::dump;
use core::ffi::c_int;
use gurt_client::{Facility, error};
use std::mem::MaybeUninit;
use std::{io, ptr};

/// Tells a waiting thread to look again. Ignored by default, so that a late one does no harm; nobody else sends
/// it to a thread of the engine.
const WAKE: c_int = libc::SIGURG;

/// Faults of the running code: never blocked, or the process would die without a trace.
const FAULTS: [c_int; 6] =
    [libc::SIGILL, libc::SIGFPE, libc::SIGBUS, libc::SIGSEGV, libc::SIGTRAP, libc::SIGABRT];

/// Signals that the main thread of the process takes. A SIGBUS that is sent (the kernel reports broken memory
/// like that) is taken here; one that a thread causes reaches its handler.
const TAKEN: [c_int; 5] = [libc::SIGBUS, libc::SIGINT, libc::SIGTERM, libc::SIGUSR1, libc::SIGUSR2];

/// Why a wait has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// What was waited for has come.
    Reached,
    /// This signal asks the engine to stop.
    Signal(c_int),
}

fn set_of(signals: &[c_int]) -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the set, which sigaddset then changes; the numbers are signals.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for &signal in signals {
            libc::sigaddset(set.as_mut_ptr(), signal);
        }
        set.assume_init()
    }
}

/// Changes the signal mask of this thread; returns the former one.
fn mask(how: c_int, set: &libc::sigset_t) -> io::Result<libc::sigset_t> {
    let mut former = MaybeUninit::uninit();
    // SAFETY: reads one set and initialises another.
    match unsafe { libc::pthread_sigmask(how, set, former.as_mut_ptr()) } {
        // SAFETY: initialised on success.
        0 => Ok(unsafe { former.assume_init() }),
        errno => Err(io::Error::from_raw_os_error(errno)),
    }
}

/// Blocks all signals but faults, in this thread and those that it will start.
pub fn block_all() -> io::Result<()> {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigfillset initialises the set, which sigdelset then changes.
    let set = unsafe {
        libc::sigfillset(set.as_mut_ptr());
        for fault in FAULTS {
            libc::sigdelset(set.as_mut_ptr(), fault);
        }
        set.assume_init()
    };
    mask(libc::SIG_SETMASK, &set).map(drop)
}

/// Wakes one thread out of [`Attention::until`].
pub struct Waker(libc::pthread_t);

impl Waker {
    /// A waker of the calling thread, to be used only while that lives.
    pub fn for_this_thread() -> Self {
        // SAFETY: takes no argument.
        Waker(unsafe { libc::pthread_self() })
    }

    /// Wakes the thread, now or as soon as it waits.
    pub fn wake(&self) {
        // SAFETY: the thread lives. No error is possible then.
        unsafe { libc::pthread_kill(self.0, WAKE) };
    }
}

/// The signals that a wait takes in besides what it waits for.
pub struct Attention(libc::sigset_t);

impl Attention {
    /// None: the process belongs to somebody else.
    pub fn none() -> Self {
        Attention(set_of(&[WAKE]))
    }

    /// Those of the engine's process.
    pub fn of_process() -> Self {
        let mut all = TAKEN.to_vec();
        all.push(WAKE);
        Attention(set_of(&all))
    }

    /// Waits until `reached`, which is looked at whenever a [`Waker`] of this thread is used, or until a signal
    /// asks the engine to stop; dumps on others. Blocks the thread, not just the ULT: nothing else has to run on
    /// the primary xstream.
    pub fn until(&self, reached: impl Fn() -> bool) -> Ended {
        let former = mask(libc::SIG_BLOCK, &set_of(&[WAKE]));
        let ended = loop {
            if reached() {
                break Ended::Reached;
            }
            match self.take() {
                WAKE => {}
                signal @ (libc::SIGUSR1 | libc::SIGUSR2) => dump::on_signal(signal),
                // What was reached before the signal is told first; the signal is taken in the next wait.
                signal if reached() => {
                    put_back(signal);
                    break Ended::Reached;
                }
                signal => break Ended::Signal(signal),
            }
        };
        discard_wakes();
        if let Ok(former) = former {
            // A mask that could be changed can be changed back.
            let _ = mask(libc::SIG_SETMASK, &former);
        }
        ended
    }

    /// The next signal of the set.
    fn take(&self) -> c_int {
        loop {
            // SAFETY: reads the set; a null siginfo_t is not written.
            let signal = unsafe { libc::sigwaitinfo(&self.0, ptr::null_mut()) };
            if signal > 0 {
                return signal;
            }
            let err = io::Error::last_os_error();
            if err.kind() != io::ErrorKind::Interrupted {
                error!(Facility::SERVER, "cannot wait for signals: {err}; stopping");
                return libc::SIGTERM;
            }
        }
    }
}

/// Makes a signal that was taken pending again, for this thread.
fn put_back(signal: c_int) {
    // SAFETY: takes a number; the signal is blocked, as all that are waited for, so it stays pending.
    unsafe { libc::raise(signal) };
}

/// Takes pending wakes of this thread away, before its former mask might let them through.
fn discard_wakes() {
    let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: reads the set and the time; a null siginfo_t is not written.
    while unsafe { libc::sigtimedwait(&set_of(&[WAKE]), ptr::null_mut(), &now) } > 0 {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn a_wait_ends_when_it_is_woken_and_the_condition_holds() {
        for _ in 0..100 {
            let done = AtomicBool::new(false);
            let waker = Waker::for_this_thread();
            let former = mask(libc::SIG_BLOCK, &set_of(&[WAKE])).unwrap();
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    waker.wake();
                    done.store(true, Ordering::SeqCst);
                    waker.wake();
                });
                assert_eq!(Attention::none().until(|| done.load(Ordering::SeqCst)), Ended::Reached);
            });
            mask(libc::SIG_SETMASK, &former).unwrap();
        }
    }

    #[test]
    fn a_taken_signal_ends_a_wait() {
        let former = mask(libc::SIG_BLOCK, &set_of(&[libc::SIGTERM])).unwrap();
        // SAFETY: the signal is blocked in this thread, to which alone it goes.
        unsafe { libc::pthread_kill(libc::pthread_self(), libc::SIGTERM) };
        assert_eq!(Attention::of_process().until(|| false), Ended::Signal(libc::SIGTERM));
        mask(libc::SIG_SETMASK, &former).unwrap();
    }

    #[test]
    fn what_is_reached_is_told_before_a_signal_that_came_meanwhile() {
        let former = mask(libc::SIG_BLOCK, &set_of(&[libc::SIGINT])).unwrap();
        let looks = std::cell::Cell::new(0);
        let reached = || looks.replace(looks.get() + 1) > 0;
        // SAFETY: the signal is blocked in this thread, to which alone it goes.
        unsafe { libc::pthread_kill(libc::pthread_self(), libc::SIGINT) };
        assert_eq!(Attention::of_process().until(reached), Ended::Reached);
        assert_eq!(Attention::of_process().until(|| false), Ended::Signal(libc::SIGINT));
        mask(libc::SIG_SETMASK, &former).unwrap();
    }
}
