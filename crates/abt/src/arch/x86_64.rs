//! x86-64 System V: everything of this runtime that is written in assembly.

use crate::sync::waiter::Waiter;
use core::arch::{asm, global_asm, naked_asm};
use core::ffi::{c_int, c_void};
use core::mem::offset_of;
use core::sync::atomic::{AtomicU8, Ordering};

/// Where a context that is not running continues: the registers that a C function must preserve and that
/// the compiler cannot be told to save around inline assembly.
///
/// The remaining callee-saved registers (r12 to r15) are declared clobbered by the switch, so the compiler
/// saves those that are live, and only those.
#[repr(C)]
pub(crate) struct Context {
    rsp: usize,
    rip: usize,
    rbx: usize,
    rbp: usize,
    mxcsr: u32,
    x87_control: u16,
    /// Whether everything above is valid. Set by the very last store of a switch away from this context;
    /// the stores of an x86 processor become visible in order, so whoever sees it set may resume.
    saved: AtomicU8,
}

/// MXCSR without the sticky exception flags, which are not preserved across calls.
const MXCSR_CONTROL: u32 = 0xffc0;

impl Context {
    /// A context that has never run.
    pub(crate) const fn new() -> Self {
        Context { rsp: 0, rip: 0, rbx: 0, rbp: 0, mxcsr: 0x1f80, x87_control: 0x37f, saved: AtomicU8::new(0) }
    }

    /// Makes this context call `entry(arg)` on the stack that ends at `top`. It starts with the floating-point
    /// control words of the caller, as a new POSIX thread does.
    pub(crate) fn start_at(
        &mut self,
        top: *mut u8,
        entry: extern "C" fn(*const c_void) -> !,
        arg: *const c_void,
    ) {
        self.rsp = top as usize & !15;
        self.rip = context_entry as *const () as usize;
        self.rbx = arg as usize;
        self.rbp = entry as *const () as usize;
        // SAFETY: both instructions only store a control word to the given place.
        unsafe {
            asm!("stmxcsr [{}]", in(reg) &raw mut self.mxcsr, options(nostack, preserves_flags));
            asm!("fnstcw [{}]", in(reg) &raw mut self.x87_control, options(nostack, preserves_flags));
        }
        self.saved.store(1, Ordering::Release);
    }

    /// Whether the context has been saved completely, so that it may be resumed.
    pub(crate) fn is_saved(this: *const Context) -> bool {
        // SAFETY: `this` points into a live descriptor, and `saved` is atomic.
        unsafe { (*this).saved.load(Ordering::Acquire) != 0 }
    }
}

/// The first code of a context: goes to the entry function with its argument, as if it had been called from
/// address 0, where unwinders stop. A call would leave the processor one predicted return too many.
#[unsafe(naked)]
extern "C" fn context_entry() {
    naked_asm!(
        ".cfi_startproc",
        ".cfi_undefined rip",
        "mov rdi, rbx",
        "mov rax, rbp",
        "xor ebp, ebp",
        "push 0",
        "jmp rax",
        ".cfi_endproc",
    )
}

/// Saves the running context in `from` and resumes `to`. Returns when something resumes `from`.
///
/// It has no call and no `ret`: it is inlined, and leaves by an indirect jump. The processor predicts a `ret`
/// from the calls that it has seen, which a change of stacks makes wrong, while an indirect jump is
/// predicted from the history of branches. Loading MXCSR or the x87 control word is slow, so they are
/// compared and loaded only when their control bits differ.
///
/// # Safety
/// `from` and `to` must differ and be live; `to` must be saved, and no one else may resume it. After the
/// return the caller may be on another OS thread: nothing thread-local may be kept across.
#[inline(always)]
pub(crate) unsafe fn switch(from: *mut Context, to: *mut Context) {
    // SAFETY: all registers that are not restored here are declared clobbered; the stack of this context
    // is not touched until it is resumed with the same rsp.
    unsafe {
        asm!(
            "lea rax, [rip + 2f]",
            "mov [rdi + {rsp}], rsp",
            "mov [rdi + {rip}], rax",
            "mov [rdi + {rbx}], rbx",
            "mov [rdi + {rbp}], rbp",
            "stmxcsr [rdi + {mxcsr}]",
            "fnstcw [rdi + {x87}]",
            "mov rcx, [rsi + {rip}]",
            "mov byte ptr [rsi + {saved}], 0",
            "mov eax, [rdi + {mxcsr}]",
            "xor eax, [rsi + {mxcsr}]",
            "and eax, {control}",
            "movzx edx, word ptr [rdi + {x87}]",
            "xor dx, [rsi + {x87}]",
            "or eax, edx",
            "jz 3f",
            "ldmxcsr [rsi + {mxcsr}]",
            "fldcw [rsi + {x87}]",
            "3:",
            "mov rbx, [rsi + {rbx}]",
            "mov rbp, [rsi + {rbp}]",
            "mov rsp, [rsi + {rsp}]",
            "mov byte ptr [rdi + {saved}], 1",
            "jmp rcx",
            "2:",
            rsp = const offset_of!(Context, rsp),
            rip = const offset_of!(Context, rip),
            rbx = const offset_of!(Context, rbx),
            rbp = const offset_of!(Context, rbp),
            mxcsr = const offset_of!(Context, mxcsr),
            x87 = const offset_of!(Context, x87_control),
            saved = const offset_of!(Context, saved),
            control = const MXCSR_CONTROL,
            inout("rdi") from => _,
            inout("rsi") to => _,
            out("r12") _, out("r13") _, out("r14") _, out("r15") _,
            clobber_abi("sysv64"),
            options(nostack),
        );
    }
}

/// What a function that may switch decides: from where to where, or not at all and the result to return.
#[repr(C)]
#[must_use]
pub(crate) struct Passage {
    /// The running context; null for no switch.
    from: *mut Context,
    /// The context to resume, or the result.
    to: *mut Context,
}

impl Passage {
    /// Switch.
    ///
    /// # Safety
    /// As for [`switch`], and the passage must be taken at once.
    #[inline(always)]
    pub(crate) unsafe fn switch(from: *mut Context, to: *mut Context) -> Passage {
        Passage { from, to }
    }

    /// Whether it is a switch.
    #[inline(always)]
    pub(crate) fn is_switch(&self) -> bool {
        !self.from.is_null()
    }

    /// Does what the passage says, in the middle of a function.
    #[inline(always)]
    pub(crate) fn take(self) {
        if self.is_switch() {
            // SAFETY: promised by whoever made the passage.
            unsafe { switch(self.from, self.to) };
        }
    }

    /// Return `result` at once.
    #[inline(always)]
    pub(crate) fn stay(result: c_int) -> Passage {
        Passage { from: core::ptr::null_mut(), to: core::ptr::without_provenance_mut(result as u32 as usize) }
    }
}

/// The switch of a passage in rax (from) and rdx (to), as in [`switch`], up to the label 2, where `from` goes
/// on. The callee-saved registers but rbx and rbp have been pushed.
macro_rules! switch_rax_to_rdx {
    () => {
        concat!(
            "lea rcx, [rip + 2f]\n",
            "mov [rax + {rsp}], rsp\n",
            "mov [rax + {rip}], rcx\n",
            "mov [rax + {rbx}], rbx\n",
            "mov [rax + {rbp}], rbp\n",
            "stmxcsr [rax + {mxcsr}]\n",
            "fnstcw [rax + {x87}]\n",
            "mov rcx, [rdx + {rip}]\n",
            "mov byte ptr [rdx + {saved}], 0\n",
            "mov edi, [rax + {mxcsr}]\n",
            "xor edi, [rdx + {mxcsr}]\n",
            "and edi, {control}\n",
            "movzx esi, word ptr [rax + {x87}]\n",
            "xor si, [rdx + {x87}]\n",
            "or edi, esi\n",
            "jz 3f\n",
            "ldmxcsr [rdx + {mxcsr}]\n",
            "fldcw [rdx + {x87}]\n",
            "3:\n",
            "mov rbx, [rdx + {rbx}]\n",
            "mov rbp, [rdx + {rbp}]\n",
            "mov rsp, [rdx + {rsp}]\n",
            "mov byte ptr [rax + {saved}], 1\n",
            "jmp rcx\n",
            "2:",
        )
    };
}

/// Pushes r12 to r15; the arguments are their distances from the canonical frame address.
macro_rules! push_callee_saved {
    ($r12:literal, $r13:literal, $r14:literal, $r15:literal) => {
        concat!(
            "push r12\n.cfi_def_cfa_offset ",
            $r12,
            "\n.cfi_offset r12, -",
            $r12,
            "\n",
            "push r13\n.cfi_def_cfa_offset ",
            $r13,
            "\n.cfi_offset r13, -",
            $r13,
            "\n",
            "push r14\n.cfi_def_cfa_offset ",
            $r14,
            "\n.cfi_offset r14, -",
            $r14,
            "\n",
            "push r15\n.cfi_def_cfa_offset ",
            $r15,
            "\n.cfi_offset r15, -",
            $r15,
        )
    };
}

/// Pops what [`push_callee_saved`] has pushed; the arguments are what is left on the stack after each.
macro_rules! pop_callee_saved {
    ($r15:literal, $r14:literal, $r13:literal, $r12:literal) => {
        concat!(
            "pop r15\n.cfi_def_cfa_offset ",
            $r15,
            "\n.cfi_restore r15\n",
            "pop r14\n.cfi_def_cfa_offset ",
            $r14,
            "\n.cfi_restore r14\n",
            "pop r13\n.cfi_def_cfa_offset ",
            $r13,
            "\n.cfi_restore r13\n",
            "pop r12\n.cfi_def_cfa_offset ",
            $r12,
            "\n.cfi_restore r12",
        )
    };
}

/// Returns to the caller by a jump.
macro_rules! return_by_jump {
    () => {
        "pop rcx\n.cfi_def_cfa_offset 0\n.cfi_register rip, rcx\njmp rcx"
    };
}

/// Defines the C function `$name`, which calls `$target` with the same arguments and does what the returned
/// [`Passage`] says. It returns 0 after a switch.
///
/// Nothing returns across the switch by `ret`, which the processor would predict from a call made on another
/// stack.
macro_rules! switching {
    ($(#[$meta:meta])* pub unsafe fn $name:ident($($arg:ident: $ty:ty),*), $target:path) => {
        const _: unsafe extern "C" fn($($ty),*) -> c_int = abi::$name;
        const _: extern "C" fn($($ty),*) -> Passage = $target;

        $(#[$meta])*
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        pub unsafe extern "C" fn $name($($arg: $ty),*) -> c_int {
            naked_asm!(
                ".cfi_startproc",
                "sub rsp, 8",
                ".cfi_def_cfa_offset 16",
                "call {target}",
                "add rsp, 8",
                ".cfi_def_cfa_offset 8",
                "test rax, rax",
                "jz 4f",
                ".cfi_remember_state",
                push_callee_saved!("16", "24", "32", "40"),
                switch_rax_to_rdx!(),
                pop_callee_saved!("32", "24", "16", "8"),
                "xor eax, eax",
                return_by_jump!(),
                ".cfi_restore_state",
                "4:",
                "mov eax, edx",
                "ret",
                ".cfi_endproc",
                target = sym $target,
                rsp = const offset_of!(Context, rsp),
                rip = const offset_of!(Context, rip),
                rbx = const offset_of!(Context, rbx),
                rbp = const offset_of!(Context, rbp),
                mxcsr = const offset_of!(Context, mxcsr),
                x87 = const offset_of!(Context, x87_control),
                saved = const offset_of!(Context, saved),
                control = const MXCSR_CONTROL,
            )
        }
    };
}

/// The first of some types.
macro_rules! first_type {
    ($first:ty $(, $other:ty)*) => {
        $first
    };
}

/// Defines the C function `$name` of one or two arguments, which may block. It calls `$begin` with its
/// arguments (a missing second one is undefined) and room for a [`Waiter`]; as long as the returned
/// [`Passage`] says so, it switches and, once resumed, calls `$again` with the same.
///
/// As with [`switching`], nothing returns across the switch by `ret`.
macro_rules! blocking {
    ($(#[$meta:meta])* pub unsafe fn $name:ident($arg:ident: $ty:ty), $begin:path, $again:path) => {
        const _: unsafe extern "C" fn($ty) -> c_int = abi::$name;
        blocking! { @define $(#[$meta])* $name($arg: $ty; usize), $begin, $again }
    };
    ($(#[$meta:meta])* pub unsafe fn $name:ident($arg:ident: $ty:ty, $arg2:ident: $ty2:ty),
     $begin:path, $again:path) => {
        const _: unsafe extern "C" fn($ty, $ty2) -> c_int = abi::$name;
        blocking! { @define $(#[$meta])* $name($arg: $ty, $arg2: $ty2; $ty2), $begin, $again }
    };
    (@define $(#[$meta:meta])* $name:ident($($arg:ident: $ty:ty),*; $second:ty), $begin:path, $again:path) => {
        const _: [unsafe extern "C" fn(first_type!($($ty),*), $second, *mut Waiter) -> Passage; 2] =
            [$begin, $again];

        $(#[$meta])*
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        pub unsafe extern "C" fn $name($($arg: $ty),*) -> c_int {
            naked_asm!(
                ".cfi_startproc",
                // The waiter at 0, the arguments at 32 and 40.
                "sub rsp, 56",
                ".cfi_def_cfa_offset 64",
                "mov [rsp + 32], rdi",
                "mov [rsp + 40], rsi",
                "mov rdx, rsp",
                "call {begin}",
                "test rax, rax",
                "jz 4f",
                ".cfi_remember_state",
                push_callee_saved!("72", "80", "88", "96"),
                "5:",
                switch_rax_to_rdx!(),
                "mov rdi, [rsp + 64]",
                "mov rsi, [rsp + 72]",
                "lea rdx, [rsp + 32]",
                "call {again}",
                "test rax, rax",
                "jnz 5b",
                "mov eax, edx",
                pop_callee_saved!("88", "80", "72", "64"),
                "add rsp, 56",
                ".cfi_def_cfa_offset 8",
                return_by_jump!(),
                ".cfi_restore_state",
                "4:",
                "mov eax, edx",
                "add rsp, 56",
                ".cfi_def_cfa_offset 8",
                "ret",
                ".cfi_endproc",
                begin = sym $begin,
                again = sym $again,
                rsp = const offset_of!(Context, rsp),
                rip = const offset_of!(Context, rip),
                rbx = const offset_of!(Context, rbx),
                rbp = const offset_of!(Context, rbp),
                mxcsr = const offset_of!(Context, mxcsr),
                x87 = const offset_of!(Context, x87_control),
                saved = const offset_of!(Context, saved),
                control = const MXCSR_CONTROL,
            )
        }
    };
}

const _: () = assert!(size_of::<Waiter>() <= 32 && align_of::<Waiter>() <= 16);

blocking! {
    /// `ABT_thread_join(thread)` (thread.c): waits until a ULT or tasklet has ended.
    pub unsafe fn ABT_thread_join(thread: abi::ABT_thread), crate::ffi::thread_join, crate::ffi::done::<abi::ABT_thread, usize>
}
blocking! {
    /// `ABT_thread_free(thread)` (thread.c): joins and frees a named ULT or tasklet.
    pub unsafe fn ABT_thread_free(thread: *mut abi::ABT_thread),
    crate::ffi::thread_free, crate::ffi::thread_free_joined
}
blocking! {
    /// `ABT_mutex_lock(mutex)` (mutex.c).
    pub unsafe fn ABT_mutex_lock(mutex: abi::ABT_mutex), crate::ffi::mutex_lock, crate::ffi::mutex_lock
}
blocking! {
    /// `ABT_cond_wait(cond, mutex)` (cond.c): releases the mutex, waits for a signal, takes the mutex again.
    pub unsafe fn ABT_cond_wait(cond: abi::ABT_cond, mutex: abi::ABT_mutex),
    crate::ffi::cond_wait, crate::ffi::cond_lock_again
}
blocking! {
    /// `ABT_rwlock_rdlock(rwlock)` (rwlock.c).
    pub unsafe fn ABT_rwlock_rdlock(rwlock: abi::ABT_rwlock), crate::ffi::rwlock_rdlock, crate::ffi::done::<abi::ABT_rwlock, usize>
}
blocking! {
    /// `ABT_rwlock_wrlock(rwlock)` (rwlock.c).
    pub unsafe fn ABT_rwlock_wrlock(rwlock: abi::ABT_rwlock), crate::ffi::rwlock_wrlock, crate::ffi::done::<abi::ABT_rwlock, usize>
}
blocking! {
    /// `ABT_eventual_wait(eventual, value)` (eventual.c): until it is set; then `value`, if not null, gets the
    /// address of the value.
    pub unsafe fn ABT_eventual_wait(eventual: abi::ABT_eventual, value: *mut *mut c_void),
    crate::ffi::eventual_wait, crate::ffi::done::<abi::ABT_eventual, *mut *mut c_void>
}
blocking! {
    /// `ABT_future_wait(future)` (futures.c).
    pub unsafe fn ABT_future_wait(future: abi::ABT_future), crate::ffi::future_wait, crate::ffi::done::<abi::ABT_future, usize>
}

switching! {
    /// `ABT_thread_yield` (thread.c): lets other units run. Does nothing outside a ULT.
    pub unsafe fn ABT_thread_yield(), crate::ffi::thread_yield
}
switching! {
    /// `ABT_xstream_run_unit(unit, pool)` (stream.c): a scheduler runs a unit that it has popped, and makes
    /// `pool` the unit's pool.
    pub unsafe fn ABT_xstream_run_unit(unit: abi::ABT_unit, pool: abi::ABT_pool), crate::ffi::xstream_run_unit
}
switching! {
    /// `ABT_self_suspend` (self.c): stops the calling ULT until `ABT_thread_resume`.
    pub unsafe fn ABT_self_suspend(), crate::ffi::self_suspend
}

// The pointer to the execution stream that this OS thread runs. Not a Rust thread-local for two reasons: the
// initial-exec model makes it one load, where a shared library's default model calls a function; and inline
// assembly is never moved or merged by the compiler, so a ULT that continues on another OS thread reads that
// thread's pointer.
global_asm!(
    ".pushsection .tbss.abt_local,\"awT\",@nobits",
    ".balign 8",
    ".globl abt_local_xstream",
    ".hidden abt_local_xstream",
    ".type abt_local_xstream, @object",
    ".size abt_local_xstream, 8",
    "abt_local_xstream:",
    ".zero 8",
    ".popsection",
);

/// The pointer that [`set_local`] stored on this OS thread; null at first.
#[inline(always)]
pub(crate) fn local() -> *mut c_void {
    let value: *mut c_void;
    // SAFETY: reads the variable defined above.
    unsafe {
        asm!(
            "mov {0}, qword ptr [rip + abt_local_xstream@GOTTPOFF]",
            "mov {0}, qword ptr fs:[{0}]",
            out(reg) value,
            options(nostack, preserves_flags, readonly),
        );
    }
    value
}

/// Stores the pointer that [`local`] reads on this OS thread.
#[inline(always)]
pub(crate) fn set_local(value: *mut c_void) {
    // SAFETY: writes the variable defined above.
    unsafe {
        asm!(
            "mov {0}, qword ptr [rip + abt_local_xstream@GOTTPOFF]",
            "mov qword ptr fs:[{0}], {1}",
            out(reg) _,
            in(reg) value,
            options(nostack, preserves_flags),
        );
    }
}

/// Asks valgrind, if it runs this process, for one of its services; elsewhere a few instructions of nothing.
#[inline(always)]
fn valgrind(request: usize, arg1: usize, arg2: usize) -> usize {
    let args = [request, arg1, arg2, 0, 0, 0];
    let mut result = 0usize;
    // SAFETY: the rotations add up to 128 bits and the exchange is of a register with itself, so nothing
    // changes unless valgrind recognizes the sequence; it then reads `args` and sets rdx.
    unsafe {
        asm!(
            "rol rdi, 3", "rol rdi, 13", "rol rdi, 61", "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") args.as_ptr(),
            inout("rdx") result,
            options(nostack),
        );
    }
    result
}

/// Tells valgrind of a stack, so that it does not take a switch for a very large frame. Returns its id there.
pub(crate) fn announce_stack(low: *const u8, high: *const u8) -> usize {
    valgrind(0x1501, low as usize, high as usize)
}

/// Tells valgrind that the stack is gone.
pub(crate) fn withdraw_stack(id: usize) {
    valgrind(0x1502, id, 0);
}

/// Calls `visit(arg)` in such a way that whoever unwinds the stack from there continues not with the caller
/// but with the saved context `of`: its call frame information says that the registers before the call are
/// those in the context.
///
/// # Safety
/// The context is saved and stays so meanwhile.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn visit_as(
    of: *const Context,
    visit: unsafe extern "C" fn(*mut c_void),
    arg: *mut c_void,
) {
    naked_asm!(
        ".cfi_startproc",
        "push rbx",
        ".cfi_def_cfa_offset 16",
        ".cfi_offset rbx, -16",
        "mov rbx, rdi",
        "mov rdi, rdx",
        ".cfi_remember_state",
        // CFA: the saved rsp, [rbx + 0]; rip, rbx and rbp: at rbx + 8, 16 and 24.
        ".cfi_escape 0x0f, 3, 0x73, 0, 0x06",
        ".cfi_escape 0x10, 16, 2, 0x73, 8",
        ".cfi_escape 0x10, 3, 2, 0x73, 16",
        ".cfi_escape 0x10, 6, 2, 0x73, 24",
        "call rsi",
        ".cfi_restore_state",
        "pop rbx",
        ".cfi_def_cfa_offset 8",
        "ret",
        ".cfi_endproc",
    )
}

// The offsets that the call frame information above is written with.
const _: () = assert!(
    offset_of!(Context, rsp) == 0
        && offset_of!(Context, rip) == 8
        && offset_of!(Context, rbx) == 16
        && offset_of!(Context, rbp) == 24
);
