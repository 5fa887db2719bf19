//! A backtrace for signals that kill the process: signals.c.
//!
//! The handler first writes to stderr, with nothing but system calls, since whatever raised the signal may
//! hold any lock. Then it logs the same, unless the log itself was interrupted or the signal stack is too
//! small for that, and lets the former handler or the system finish the process.

use crate::log;
use core::ffi::{CStr, c_int, c_void};
use core::fmt::Write;
use gurt_client::{Facility, StackText, error};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Once, OnceLock};

/// The signals that are handled, and a lower-case hint of what they mean.
const SIGNALS: [(c_int, &str); 6] = [
    (libc::SIGILL, "Illegal instruction"),
    (libc::SIGFPE, "Floating point exception"),
    (libc::SIGBUS, "Bus error"),
    (libc::SIGSEGV, "Segmentation fault"),
    (libc::SIGABRT, "Aborted"),
    (libc::SIGTRAP, "Trace/breakpoint trap"),
];

/// Frames shown at most; their addresses take 1 KiB of the handler's stack.
const MAX_FRAMES: usize = 128;

/// Stack that logging needs; the alternative stacks that threads come with are smaller.
const SIGNAL_STACK: usize = 64 << 10;

/// Whether handlers are installed if `DAOS_SIGNAL_REGISTER` does not say.
static DEFAULT: AtomicBool = AtomicBool::new(false);
/// The handlers that were there before, in the order of [`SIGNALS`].
static mut FORMER: [libc::sigaction; 6] = [const {
    // SAFETY: a structure of integers, a null pointer and a set of no signals.
    unsafe { core::mem::zeroed() }
}; 6];

/// Writes one line to stderr without any lock.
fn line(text: &StackText<256>) {
    // SAFETY: readable bytes; a failure leaves nothing to be done.
    unsafe {
        libc::write(libc::STDERR_FILENO, text.as_bytes().as_ptr().cast(), text.as_bytes().len());
        libc::write(libc::STDERR_FILENO, c"\n".as_ptr().cast(), 1);
    }
}

/// Says which signal came, and where it struck.
fn describe(signal: c_int, name: &str, info: *const libc::siginfo_t) -> StackText<256> {
    let mut text = StackText::new();
    let process = std::process::id();
    let _ = write!(text, "*** Process {process} received signal {signal} ({name}) ***");
    if matches!(signal, libc::SIGILL | libc::SIGFPE | libc::SIGSEGV | libc::SIGBUS) {
        // SAFETY: for these signals the kernel fills in an address.
        if let Some(info) = unsafe { info.as_ref() } {
            // SAFETY: as above.
            let _ = write!(text, " at address {:p}", unsafe { info.si_addr() });
        }
    }
    text
}

extern "C" fn handle(signal: c_int, info: *mut libc::siginfo_t, _context: *mut c_void) {
    let Some(at) = SIGNALS.iter().position(|(number, _)| *number == signal) else { return };
    let text = describe(signal, SIGNALS[at].1, info);
    line(&text);
    let mut frames = [core::ptr::null_mut::<c_void>(); MAX_FRAMES];
    // SAFETY: room for as many frames; the second call writes to the descriptor and allocates nothing. The
    // first frame is this function.
    let count = unsafe {
        let count = libc::backtrace(frames.as_mut_ptr(), MAX_FRAMES as c_int);
        let count = count.clamp(0, MAX_FRAMES as c_int);
        if count > 1 {
            libc::backtrace_symbols_fd(frames.as_ptr().add(1), count - 1, libc::STDERR_FILENO);
        }
        count as usize
    };
    if log::can_be_used() && has_room() {
        error!(Facility::MISC, "{}", String::from_utf8_lossy(text.as_bytes()));
        for frame in &frames[..count][1.min(count)..] {
            error!(Facility::MISC, "Frame {}", symbol(*frame));
        }
        log::sync();
    }
    // SAFETY: the former handler, saved before this one was installed. Raising the signal again is what makes
    // it run, or the process dump core.
    unsafe {
        libc::sigaction(signal, &raw const FORMER[at], core::ptr::null_mut());
        libc::raise(signal);
    }
}

/// This thread's alternative signal stack.
fn signal_stack() -> libc::stack_t {
    // SAFETY: a structure of integers and a null pointer, which the call fills in.
    unsafe {
        let mut stack: libc::stack_t = core::mem::zeroed();
        libc::sigaltstack(core::ptr::null(), &mut stack);
        stack
    }
}

/// Whether the stack that a handler runs on is large enough for logging.
fn has_room() -> bool {
    let stack = signal_stack();
    stack.ss_flags & libc::SS_ONSTACK == 0 || stack.ss_size >= SIGNAL_STACK
}

/// Memory for a signal stack.
struct SignalStack(*mut u8);

// SAFETY: an address, handed to the system and used by nobody else.
unsafe impl Send for SignalStack {}
// SAFETY: as above.
unsafe impl Sync for SignalStack {}

/// Gives the calling thread an alternative stack that is large enough, for good.
fn provide_signal_stack() {
    let stack = signal_stack();
    if stack.ss_flags & libc::SS_ONSTACK != 0 || stack.ss_size >= SIGNAL_STACK {
        return;
    }
    // Kept for good, and in view of leak checkers.
    static MEMORY: OnceLock<SignalStack> = OnceLock::new();
    let memory =
        MEMORY.get_or_init(|| SignalStack(Box::leak(vec![0; SIGNAL_STACK].into_boxed_slice()).as_mut_ptr()));
    let stack = libc::stack_t { ss_sp: memory.0.cast(), ss_flags: 0, ss_size: SIGNAL_STACK };
    // SAFETY: memory that nothing else uses: handlers are installed once. What the thread had remains its
    // former owner's.
    unsafe { libc::sigaltstack(&stack, core::ptr::null_mut()) };
}

/// Name and offset of the function that an address is in.
fn symbol(address: *const c_void) -> String {
    // SAFETY: dladdr takes any address, and strings that it finds belong to loaded objects.
    unsafe {
        let mut info: libc::Dl_info = core::mem::zeroed();
        if libc::dladdr(address, &mut info) == 0 || info.dli_fname.is_null() {
            return format!("[{address:p}]");
        }
        let file = CStr::from_ptr(info.dli_fname).to_string_lossy();
        if info.dli_sname.is_null() {
            return format!("{file}(+{:#x}) [{address:p}]", address.addr() - info.dli_fbase.addr());
        }
        let name = CStr::from_ptr(info.dli_sname).to_string_lossy();
        format!("{file}({name}+{:#x}) [{address:p}]", address.addr() - info.dli_saddr.addr())
    }
}

/// Installs the handler, which runs on the alternative stack if the thread has one: the stack may be what
/// overflowed.
fn install() {
    provide_signal_stack();
    // SAFETY: backtrace loads a library on its first call, which must not be in the handler; the structures
    // are complete, and FORMER is written here only, once.
    unsafe {
        let mut frame = core::ptr::null_mut();
        libc::backtrace(&mut frame, 1);
        for (at, (signal, _)) in SIGNALS.iter().enumerate() {
            let mut action: libc::sigaction = core::mem::zeroed();
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            action.sa_sigaction = handle as *const () as usize;
            if libc::sigaction(*signal, &action, &raw mut FORMER[at]) != 0 {
                let err = std::io::Error::last_os_error();
                error!(Facility::MISC, "cannot install a handler for signal {signal}: {err}");
            }
        }
    }
}

abi::export! {
    /// `d_signal_stack_enable` (signals.c): whether handlers are installed if `DAOS_SIGNAL_REGISTER` does not
    /// say.
    pub fn d_signal_stack_enable(enabled: bool) {
        DEFAULT.store(enabled, Ordering::Relaxed)
    }

    /// `d_signal_register` (signals.c): installs the handlers if they are wanted, once.
    pub fn d_signal_register() {
        static REGISTERED: Once = Once::new();
        let mut enabled = DEFAULT.load(Ordering::Relaxed);
        // SAFETY: a string and a place of ours.
        unsafe { abi::d_getenv_bool(c"DAOS_SIGNAL_REGISTER".as_ptr(), &mut enabled) };
        if enabled {
            REGISTERED.call_once(install);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_is_told() {
        let text = describe(libc::SIGSEGV, "Segmentation fault", core::ptr::null());
        let text = std::str::from_utf8(text.as_bytes()).unwrap();
        assert!(text.ends_with("received signal 11 (Segmentation fault) ***"), "{text}");
    }

    #[test]
    #[cfg_attr(miri, ignore = "dladdr")]
    fn symbols_are_named() {
        // SAFETY: the address of a function is only looked up.
        let text = symbol(libc::malloc as *const c_void);
        assert!(text.contains("malloc+0x0"), "{text}");
        assert_eq!(symbol(core::ptr::without_provenance(16)), "[0x10]");
    }
}
