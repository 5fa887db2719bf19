//! From the command line to a running engine and back, `init.c`.
//!
//! [`options`] understands the command line, [`plan`] decides how many xstreams fit on the machine, [`engine`]
//! starts the components in DAOS's order and stops them in the opposite one, [`state`] is where the start waits
//! for the control plane, [`signals`] and [`dump`] are what the process does while the engine runs.
//!
//! [`network`] starts CaRT, and hears of other ranks. [`layers`] is what else lies beneath the engine and is started
//! with it: everything of DAOS's own, `system.rs`, or next to nothing in embedded mode, `embedded.rs`.

mod clock;
mod dump;
mod engine;
mod ffi;
mod getopt;
mod ladder;
#[cfg_attr(feature = "embedded", path = "embedded.rs")]
#[cfg_attr(not(feature = "embedded"), path = "system.rs")]
mod layers;
mod log_ids;
mod machine;
mod network;
mod options;
mod plan;
mod process;
mod signals;
mod state;
mod static_group;
mod variables;

use core::fmt::Arguments;
use std::io::Write;

/// `D_PRINT`: a line for whoever started the process.
fn print(line: Arguments<'_>) {
    // Nobody may listen any more, which is no reason to fail.
    let _ = writeln!(std::io::stdout(), "{line}");
}
