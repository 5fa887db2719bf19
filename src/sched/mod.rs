//! The scheduler of an xstream, `sched.c`.
//!
//! Every xstream runs one scheduler over three pools (network poll, NVMe poll, everything else) in cycles:
//! `cycle` says in which order. A cycle begins by looking at the clock, waking the sleepers that are due
//! (`sleep`) and starting the queued requests that may run (`queue`): `throttle` says how many, from what has run
//! lately (`window`) and how full the pool is (`pool`). `watch` names the ULTs that do not yield.
//!
//! These know nothing of Argobots. `scheduler` holds their state for one xstream; over Argobots, `run` is its
//! loop, `turns` what requests do there, `space` what is asked of VOS, `monitor` how the SWIM xstream looks after
//! the others; `ffi` is the C interface. What lies beneath, and thereby what an idle xstream does, differs:
//! `embedded` and `system` are the two sides of the same interface.
//!
//! Of `struct sched_info`, which C code sees in `struct dss_xstream`, the clock, the sequence numbers, the
//! busy timestamp, the last unit and the counts of sleeping and waiting ULTs are kept; its lists stay empty,
//! because requests live here.

#[cfg(feature = "embedded")]
mod embedded;
#[cfg(not(feature = "embedded"))]
mod system;

#[cfg(feature = "embedded")]
use embedded as beneath;
#[cfg(not(feature = "embedded"))]
use system as beneath;

mod clock;
mod cycle;
mod ffi;
mod kind;
mod metrics;
mod monitor;
mod pool;
mod queue;
mod request;
mod rest;
mod run;
mod scheduler;
mod sleep;
mod space;
mod throttle;
mod turns;
mod watch;
mod window;

use core::ffi::{c_uint, c_void};
use std::rc::Rc;

use crate::inline::UltFn;
use request::Request;

/// Reads one of the exported parameters. They are set before the xstreams start.
macro_rules! parameter {
    ($name:ident) => {
        // SAFETY: a plain variable, reached where the executable may have put it.
        unsafe { (&raw const abi::$name).read() }
    };
}
pub(crate) use parameter;

/// What a queued entry does when it is its turn.
enum Work {
    /// Resumes the request's ULT.
    Resume(Rc<Request>),
    /// Creates a ULT.
    Create {
        /// Its function.
        func: UltFn,
        /// The argument.
        arg: *mut c_void,
        /// `DSS_ULT_FL_*`.
        flags: c_uint,
    },
}
