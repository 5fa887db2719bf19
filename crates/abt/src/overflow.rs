//! Naming the culprit of a stack overflow before the process dies of it.

use crate::xstream;
use core::ffi::{CStr, c_int, c_void};
use core::mem::MaybeUninit;
use core::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Size of the stack that the handler runs on. A previous handler that prints a backtrace needs room.
const SIGNAL_STACK: usize = 64 * 1024;

/// The calling OS thread's alternate signal stack: without one, an overflow could not even be noticed.
pub(crate) struct SignalStack {
    memory: *mut c_void,
    previous: libc::stack_t,
}

impl SignalStack {
    /// Sets it up on this OS thread; nothing if there is no memory.
    pub(crate) fn install() -> Option<SignalStack> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new mapping at a place of the system's choice.
        let memory = unsafe {
            libc::mmap(ptr::null_mut(), SIGNAL_STACK, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0)
        };
        if memory == libc::MAP_FAILED {
            return None;
        }
        let new = libc::stack_t { ss_sp: memory, ss_flags: 0, ss_size: SIGNAL_STACK };
        let mut previous = MaybeUninit::<libc::stack_t>::zeroed();
        // SAFETY: both structs are valid; the memory stays until `drop`.
        unsafe {
            libc::sigaltstack(&new, previous.as_mut_ptr());
            Some(SignalStack { memory, previous: previous.assume_init() })
        }
    }
}

impl Drop for SignalStack {
    fn drop(&mut self) {
        // SAFETY: the previous setting is valid, and after it nobody uses the memory.
        unsafe {
            libc::sigaltstack(&self.previous, ptr::null_mut());
            libc::munmap(self.memory, SIGNAL_STACK);
        }
    }
}

/// Action for SIGSEGV before this runtime installed its own.
static PREVIOUS: AtomicPtr<libc::sigaction> = AtomicPtr::new(ptr::null_mut());

/// The installed SIGSEGV handler, and the signal stack of the primary execution stream's OS thread.
pub(crate) struct Handler {
    signal_stack: core::cell::Cell<Option<SignalStack>>,
}

type Action = extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);

impl Handler {
    pub(crate) fn install() -> Handler {
        let signal_stack = SignalStack::install();
        let mut previous = Box::new(MaybeUninit::<libc::sigaction>::zeroed());
        // SAFETY: zero is a valid sigaction; the handler is async-signal-safe as long as nothing is wrong.
        unsafe {
            let mut action: libc::sigaction = core::mem::zeroed();
            action.sa_sigaction = on_fault as Action as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
            libc::sigemptyset(&mut action.sa_mask);
            libc::sigaction(libc::SIGSEGV, &action, previous.as_mut_ptr());
        }
        let old = PREVIOUS.swap(Box::into_raw(previous).cast(), Ordering::AcqRel);
        debug_assert!(old.is_null());
        Handler { signal_stack: core::cell::Cell::new(signal_stack) }
    }

    /// Restores what was before, unless somebody else has installed a handler since.
    pub(crate) fn remove(&self) {
        let previous = PREVIOUS.swap(ptr::null_mut(), Ordering::AcqRel);
        // SAFETY: `previous` came from the box of `install`, filled in by the system.
        unsafe {
            let mut now: libc::sigaction = core::mem::zeroed();
            libc::sigaction(libc::SIGSEGV, ptr::null(), &mut now);
            if now.sa_sigaction == on_fault as Action as usize {
                libc::sigaction(libc::SIGSEGV, previous, ptr::null_mut());
            }
            drop(Box::from_raw(previous));
        }
        self.signal_stack.take();
    }
}

extern "C" fn on_fault(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the system passes a valid siginfo.
    let address = unsafe { (*info).si_addr() } as usize;
    report_overflow(address);
    let previous = PREVIOUS.load(Ordering::Acquire);
    // SAFETY: filled in by the system, and not freed before this handler is removed.
    let previous = if previous.is_null() { None } else { Some(unsafe { *previous }) };
    match previous {
        Some(action) if action.sa_sigaction > libc::SIG_IGN => {
            if action.sa_flags & libc::SA_SIGINFO != 0 {
                // SAFETY: installed as a handler of this signature.
                let handler = unsafe { core::mem::transmute::<usize, Action>(action.sa_sigaction) };
                handler(signal, info, context);
            } else {
                // SAFETY: installed as a handler of this signature.
                let handler =
                    unsafe { core::mem::transmute::<usize, extern "C" fn(c_int)>(action.sa_sigaction) };
                handler(signal);
            }
        }
        // Without a handler the instruction faults again on return, and the process dies as it should.
        _ => {
            // SAFETY: zero is the default action.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
    }
}

/// Says who has overflown which stack, if the address is in the guard of the running unit's stack.
fn report_overflow(address: usize) {
    let Some(xs) = xstream::current() else { return };
    let unit = xs.current();
    let Some(stack) = unit.stack() else { return };
    if !stack.guard().contains(&address) {
        return;
    }
    let function = unit.function().0 as usize;
    let usable = stack.usable();
    let mut text = Text::new();
    text.add("abt: stack overflow: ULT ").add_pointer(unit.as_ptr().addr());
    text.add(" running ").add_symbol(function);
    text.add(" on xstream ").add_number(xs.rank().max(0) as usize);
    text.add(" has used all of its ").add_number(stack.size()).add(" bytes of stack (");
    text.add_pointer(usable.start).add("-").add_pointer(usable.end).add("; fault at ").add_pointer(address);
    text.add("). Give the ULT a larger stack (ABT_thread_attr_set_stacksize, ABT_THREAD_STACKSIZE).\n");
    text.print();
}

/// A line that is put together without allocating.
struct Text {
    bytes: [u8; 512],
    len: usize,
}

impl Text {
    fn new() -> Text {
        Text { bytes: [0; 512], len: 0 }
    }

    fn add(&mut self, text: &str) -> &mut Self {
        self.add_bytes(text.as_bytes())
    }

    fn add_bytes(&mut self, bytes: &[u8]) -> &mut Self {
        let room = &mut self.bytes[self.len..];
        let count = bytes.len().min(room.len());
        room[..count].copy_from_slice(&bytes[..count]);
        self.len += count;
        self
    }

    fn add_digits(&mut self, mut value: usize, base: usize) -> &mut Self {
        let mut digits = [0u8; 20];
        let mut at = digits.len();
        loop {
            at -= 1;
            digits[at] = b"0123456789abcdef"[value % base];
            value /= base;
            if value == 0 {
                return self.add_bytes(&digits[at..]);
            }
        }
    }

    fn add_number(&mut self, value: usize) -> &mut Self {
        self.add_digits(value, 10)
    }

    fn add_pointer(&mut self, value: usize) -> &mut Self {
        self.add("0x").add_digits(value, 16)
    }

    /// The name of the function at `address`, if the dynamic linker knows it.
    fn add_symbol(&mut self, address: usize) -> &mut Self {
        let mut info = MaybeUninit::<libc::Dl_info>::zeroed();
        // SAFETY: any address may be asked for; the strings live as long as the object is loaded.
        unsafe {
            if libc::dladdr(address as *const c_void, info.as_mut_ptr()) == 0 {
                return self.add_pointer(address);
            }
            let info = info.assume_init();
            if !info.dli_sname.is_null() {
                self.add_bytes(CStr::from_ptr(info.dli_sname).to_bytes()).add(" ");
            }
            self.add("(").add_pointer(address);
            if !info.dli_fname.is_null() {
                self.add(" of ").add_bytes(CStr::from_ptr(info.dli_fname).to_bytes());
                self.add("+").add_pointer(address - info.dli_fbase as usize);
            }
            self.add(")")
        }
    }

    fn print(&self) {
        // SAFETY: a valid buffer; the error, if any, has nobody to be told to.
        unsafe { libc::write(libc::STDERR_FILENO, self.bytes.as_ptr().cast(), self.len) };
    }
}
