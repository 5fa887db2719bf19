//! How a Rust function becomes a variadic C symbol.
//!
//! Stable Rust can declare and call variadic functions but not define them. On x86-64 the caller of one
//! leaves the arguments where any callee finds its own: the first six integers in registers, floating-point
//! values in vector registers (their number in `al`), the rest on the stack. [`variadic!`] defines a few
//! instructions that store those registers as `va_start` would, describe them in a `va_list`, and call a
//! Rust function with a pointer to it. Nothing else in the workspace knows about this.

use crate::__va_list_tag;
use core::ffi::{c_int, c_long, c_uint, c_ulong};

/// A type that can be read from a `va_list`.
///
/// # Safety
/// The type must be passed as one 8-byte general-purpose or one vector register, as `FLOAT` says, and hold
/// its value in the first `size_of::<Self>()` bytes of it. C promotes narrower integers to `int` and `float`
/// to `double`, so those have no implementation.
pub unsafe trait VaArg: Copy {
    /// Whether values travel in vector registers.
    const FLOAT: bool = false;
}

// SAFETY: integers of at most 8 bytes and pointers are class INTEGER, `double` is class SSE.
unsafe impl VaArg for c_int {}
// SAFETY: as above.
unsafe impl VaArg for c_uint {}
// SAFETY: as above.
unsafe impl VaArg for c_long {}
// SAFETY: as above.
unsafe impl VaArg for c_ulong {}
// SAFETY: as above.
unsafe impl VaArg for usize {}
// SAFETY: as above.
unsafe impl<T> VaArg for *const T {}
// SAFETY: as above.
unsafe impl<T> VaArg for *mut T {}
// SAFETY: a function pointer, or null for None: class INTEGER.
unsafe impl VaArg for Option<unsafe extern "C" fn()> {}
// SAFETY: as above.
unsafe impl VaArg for f64 {
    const FLOAT: bool = true;
}

impl __va_list_tag {
    /// The next argument: `va_arg(ap, T)`.
    ///
    /// # Safety
    /// The caller of the variadic function must have passed a `T` at this place.
    pub unsafe fn arg<T: VaArg>(&mut self) -> T {
        let (offset, end, size) =
            if T::FLOAT { (&mut self.fp_offset, 176, 16) } else { (&mut self.gp_offset, 48, 8) };
        let place = if *offset < end {
            let place = self.reg_save_area.wrapping_byte_add(*offset as usize);
            *offset += size;
            place
        } else {
            let place = self.overflow_arg_area;
            self.overflow_arg_area = place.wrapping_byte_add(8);
            place
        };
        // SAFETY: an argument is there, by the caller's promise; places are 8-byte aligned.
        unsafe { place.cast::<T>().read() }
    }
}

/// Exports variadic functions under their C names.
///
/// Written as a Rust function whose fixed arguments are followed by `; ap`: in the body `ap` is a
/// `&mut __va_list_tag` that stands at the first variable argument. The body gets the panic boundary of
/// [`export!`](crate::export), and the signature is checked against the declaration.
///
/// ```ignore
/// abi::variadic! {
///     /// `d_asprintf` (misc.c): formats into memory that it allocates.
///     pub unsafe fn d_asprintf(strp: *mut *mut c_char, fmt: *const c_char; ap) -> c_int {
///         unsafe { vasprintf(strp, fmt, ap) }
///     }
/// }
/// ```
///
/// The fixed arguments, of any number, must be [`VaArg`](crate::VaArg), and so must the result. `pub weak unsafe fn`
/// makes the symbol weak, as with [`export!`](crate::export), of a function without result.
#[macro_export]
macro_rules! variadic {
    () => {};
    ($(#[$meta:meta])* pub unsafe fn $name:ident($($arg:ident: $ty:ty),+ $(,)?; $ap:ident) -> $ret:ty $body:block $($rest:tt)*) => {
        $crate::variadic! { @define #[unsafe(no_mangle)] $(#[$meta])* $name($($arg: $ty),+; $ap) -> $ret $body }
        const _: unsafe extern "C" fn($($ty),+, ...) -> $ret = $crate::$name;
        $crate::variadic! { $($rest)* }
    };
    ($(#[$meta:meta])* pub weak unsafe fn $name:ident($($arg:ident: $ty:ty),+ $(,)?; $ap:ident) $body:block $($rest:tt)*) => {
        $crate::variadic! { @define $(#[$meta])* $name($($arg: $ty),+; $ap) -> () $body }
        const _: unsafe extern "C" fn($($ty),+, ...) = $crate::$name;
        $crate::weak_symbol!($name);
        $crate::variadic! { $($rest)* }
    };
    (@define $(#[$meta:meta])* $name:ident($($arg:ident: $ty:ty),+; $ap:ident) -> $ret:ty $body:block) => {
        $(#[$meta])*
        ///
        /// Variadic: what follows the fixed arguments is found through a `va_list`.
        #[cfg(target_arch = "x86_64")]
        #[unsafe(naked)]
        pub unsafe extern "C" fn $name() {
            unsafe extern "C" fn collected(list: *mut $crate::__va_list_tag) -> $ret {
                let boundary = $crate::Boundary::enter(stringify!($name));
                // SAFETY: the instructions below built the list, on their own stack frame.
                let $ap = unsafe { &mut *list };
                // SAFETY: the fixed arguments come first, of the types that the declaration gives.
                $(let $arg: $ty = unsafe { $ap.arg() };)+
                #[allow(clippy::redundant_closure_call)]
                let result = (move || -> $ret { $body })();
                boundary.leave();
                result
            }
            // Frame: 176 bytes of save area, then the va_list (24), then 16 that keep the stack aligned;
            // above it the return address and the arguments that the caller put on the stack.
            core::arch::naked_asm!(
                ".cfi_startproc",
                "sub rsp, 216",
                ".cfi_adjust_cfa_offset 216",
                "mov [rsp], rdi",
                "mov [rsp + 8], rsi",
                "mov [rsp + 16], rdx",
                "mov [rsp + 24], rcx",
                "mov [rsp + 32], r8",
                "mov [rsp + 40], r9",
                // The caller says in `al` whether it used vector registers.
                "test al, al",
                "je 2f",
                "movaps [rsp + 48], xmm0",
                "movaps [rsp + 64], xmm1",
                "movaps [rsp + 80], xmm2",
                "movaps [rsp + 96], xmm3",
                "movaps [rsp + 112], xmm4",
                "movaps [rsp + 128], xmm5",
                "movaps [rsp + 144], xmm6",
                "movaps [rsp + 160], xmm7",
                "2:",
                "mov dword ptr [rsp + 176], 0",
                "mov dword ptr [rsp + 180], 48",
                "lea rax, [rsp + 224]",
                "mov [rsp + 184], rax",
                "mov [rsp + 192], rsp",
                "lea rdi, [rsp + 176]",
                "call {collected}",
                "add rsp, 216",
                ".cfi_adjust_cfa_offset -216",
                "ret",
                ".cfi_endproc",
                collected = sym collected,
            )
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_come_from_the_save_area_then_from_the_stack() {
        let mut saved = [0u64; 22];
        saved[4] = 40;
        saved[5] = (-50i32) as u32 as u64;
        saved[20] = 1.5f64.to_bits();
        let mut stack = [7u64, 2.5f64.to_bits(), 9];
        let mut list = __va_list_tag {
            gp_offset: 32,
            fp_offset: 160,
            overflow_arg_area: stack.as_mut_ptr().cast(),
            reg_save_area: saved.as_mut_ptr().cast(),
        };
        // SAFETY: the places hold these types.
        unsafe {
            assert_eq!(list.arg::<usize>(), 40);
            assert_eq!(list.arg::<c_int>(), -50);
            assert_eq!(list.arg::<f64>(), 1.5);
            assert_eq!(list.arg::<c_ulong>(), 7);
            assert_eq!(list.arg::<f64>(), 2.5);
            assert_eq!(list.arg::<c_int>(), 9);
        }
    }
}
