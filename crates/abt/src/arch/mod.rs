//! What differs between processor architectures: the stack switch, the pointer to the running execution
//! stream and valgrind's client requests. One file each.

#[cfg(target_arch = "x86_64")]
mod x86_64;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86_64::*;

#[cfg(not(target_arch = "x86_64"))]
compile_error!("the ULT runtime has no stack switch for this architecture yet: see crates/abt/src/arch");
