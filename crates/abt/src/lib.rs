//! Argobots 1.2 in Rust: execution streams, ULTs, tasklets, pools, schedulers and what they wait on.
//!
//! The C interface is `abt.h`; its functions are in [`ffi`], which checks handles and converts, and calls
//! the modules that do the work:
//!
//! | module | has |
//! | --- | --- |
//! | `arch` | the stack switch and everything else in assembly |
//! | `kernel` | the pieces that are about memory ordering, model-checked |
//! | `stack`, `thread` | stacks, work units, and their memory |
//! | `pool`, `sched`, `xstream` | who runs what, and passing from unit to unit |
//! | `sync` | mutex, condition variable, readers-writer lock, eventual, future |
//! | `runtime`, `info`, `overflow` | start and end, reports, stack overflows |

mod arch;
mod error;
pub mod ffi;
mod handle;
mod info;
mod kernel;
mod overflow;
mod pool;
mod primitives;
mod runtime;
mod sched;
mod stack;
mod symbol;
mod sync;
mod thread;
mod unwind;
mod xstream;
