//! How a Rust function becomes a C symbol: one macro for the whole workspace.
//!
//! The macro stands beside the declarations because it checks each definition against its declaration: a
//! signature that differs from the header's does not compile.

/// Stops a panic at the C boundary.
///
/// Lives on the stack of an exported function and is defused by [`Boundary::leave`] when that returns. When
/// a panic unwinds instead, the drop says which C symbol it came through and aborts the process, as a failed
/// `D_ASSERT` does in DAOS. It costs nothing on the way that does not panic.
pub struct Boundary(&'static str);

impl Boundary {
    /// Enters the exported function `symbol`.
    #[inline(always)]
    pub const fn enter(symbol: &'static str) -> Self {
        Boundary(symbol)
    }

    /// The function returns normally.
    #[inline(always)]
    pub const fn leave(self) {
        core::mem::forget(self);
    }
}

impl Drop for Boundary {
    #[cold]
    fn drop(&mut self) {
        eprintln!("{}: internal error: a panic reached the C boundary; aborting", self.0);
        std::process::abort();
    }
}

/// Exports functions under their C names.
///
/// Each item is written as a Rust function; it becomes `extern "C"`, keeps its name as the symbol, gets a
/// panic boundary, and is checked at compile time against its declaration in this crate.
///
/// ```ignore
/// abi::export! {
///     /// `dss_ctx_nr_get` (srv.c): number of network contexts of this engine.
///     pub fn dss_ctx_nr_get() -> c_uint {
///         context_count()
///     }
/// }
/// ```
///
/// `pub unsafe fn` marks a function that follows pointers which it was given; `pub fn` one that may be
/// called from C with any argument. `pub weak unsafe fn` makes the symbol weak: a program that has a function of
/// that name uses its own, also when it is linked with the static library.
#[macro_export]
macro_rules! export {
    () => {};
    ($(#[$meta:meta])* pub weak unsafe fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block $($rest:tt)*) => {
        $(#[$meta])*
        pub unsafe extern "C" fn $name($($arg: $ty),*) $(-> $ret)? {
            let boundary = $crate::Boundary::enter(stringify!($name));
            // A closure, so that `return` in the body comes back here.
            let body = move || $(-> $ret)? { $body };
            let result = body();
            boundary.leave();
            result
        }
        const _: unsafe extern "C" fn($($ty),*) $(-> $ret)? = $crate::$name;
        $crate::weak_symbol!($name);
        $crate::export! { $($rest)* }
    };
    ($(#[$meta:meta])* pub unsafe fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block $($rest:tt)*) => {
        $(#[$meta])*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($arg: $ty),*) $(-> $ret)? {
            let boundary = $crate::Boundary::enter(stringify!($name));
            // A closure, so that `return` in the body comes back here.
            let body = move || $(-> $ret)? { $body };
            let result = body();
            boundary.leave();
            result
        }
        const _: unsafe extern "C" fn($($ty),*) $(-> $ret)? = $crate::$name;
        $crate::export! { $($rest)* }
    };
    ($(#[$meta:meta])* pub fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block $($rest:tt)*) => {
        $(#[$meta])*
        #[unsafe(no_mangle)]
        pub extern "C" fn $name($($arg: $ty),*) $(-> $ret)? {
            let boundary = $crate::Boundary::enter(stringify!($name));
            // A closure, so that `return` in the body comes back here.
            let body = move || $(-> $ret)? { $body };
            let result = body();
            boundary.leave();
            result
        }
        const _: unsafe extern "C" fn($($ty),*) $(-> $ret)? = $crate::$name;
        $crate::export! { $($rest)* }
    };
}

/// Defines the weak symbol `$name`: a jump to the Rust function of that name, which has another symbol.
///
/// Stable Rust has no weak symbols, but assembly has. rustc does not know what assembly defines, and therefore does
/// not export it from a shared library; the package that uses this has to, see `export_weak_symbols` in its
/// `build.rs`. Where that is not possible, `cfg(weak_by_assembler)`, rustc gets to know the symbol as a function
/// without prologue, which it declares global; that this is taken back makes the assembler warn.
#[doc(hidden)]
#[macro_export]
macro_rules! weak_symbol {
    ($name:ident) => {
        #[cfg(not(weak_by_assembler))]
        core::arch::global_asm!(
            concat!(".pushsection .text.", stringify!($name), ",\"ax\",@progbits"),
            ".p2align 4",
            concat!(".weak ", stringify!($name)),
            concat!(".type ", stringify!($name), ",@function"),
            concat!(stringify!($name), ":"),
            ".cfi_startproc",
            "jmp {function}",
            ".cfi_endproc",
            concat!(".size ", stringify!($name), ",.-", stringify!($name)),
            ".popsection",
            function = sym $name,
        );
        #[cfg(weak_by_assembler)]
        const _: () = {
            #[unsafe(naked)]
            #[unsafe(export_name = stringify!($name))]
            unsafe extern "C" fn symbol() {
                core::arch::naked_asm!(
                    concat!(".weak ", stringify!($name)),
                    ".cfi_startproc",
                    "jmp {function}",
                    ".cfi_endproc",
                    function = sym $name,
                )
            }
        };
    };
}

/// Exports variables under their C names, each checked at compile time against its declaration.
///
/// ```ignore
/// abi::export_data! {
///     /// `dss_tgt_nr` (srv.c): number of targets of this engine.
///     pub static mut dss_tgt_nr: c_uint = 0;
/// }
/// ```
///
/// Read and write the variable as `abi::dss_tgt_nr`, never by the path of the definition: an executable may
/// hold its own copy, and only the access through the declaration reaches that.
#[macro_export]
macro_rules! export_data {
    ($($(#[$meta:meta])* pub static $name:ident: $ty:ty = $value:expr;)+) => {$(
        $(#[$meta])*
        #[unsafe(no_mangle)]
        pub static $name: $ty = $value;
        const _: fn() -> *const $ty = || &raw const $crate::$name;
    )+};
    ($($(#[$meta:meta])* pub static mut $name:ident: $ty:ty = $value:expr;)*) => {$(
        $(#[$meta])*
        #[unsafe(no_mangle)]
        pub static mut $name: $ty = $value;
        const _: fn() -> *mut $ty = || &raw mut $crate::$name;
    )*};
}
