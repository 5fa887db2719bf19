//! From the command line to a running engine and back, `init.c`.
//!
//! [`options`] understands the command line, [`plan`] decides how many xstreams fit on the machine, [`engine`]
//! starts the components in DAOS's order and stops them in the opposite one, [`state`] is where the start waits
//! for the control plane, [`signals`] and [`dump`] are what the process does while the engine runs.
//!
//! What DAOS starts besides does not exist in embedded mode, and is left out here: telemetry, the b+tree
//! classes, the network, the handle hash, placement, incast variables and NVMe. Nor does the start wait until
//! the hybrid logical clock has passed its uncertainty: without a network no stamp of a former run can come
//! back.

#[cfg(not(feature = "embedded"))]
compile_error!("feature `init` needs feature `embedded`; over CaRT and bio, use DAOS's own init.c");

mod dump;
mod engine;
mod ffi;
mod getopt;
mod ladder;
mod log_ids;
mod options;
mod plan;
mod process;
mod signals;
mod state;
mod variables;

use core::fmt::Arguments;
use std::io::Write;

/// `D_PRINT`: a line for whoever started the process.
fn print(line: Arguments<'_>) {
    // Nobody may listen any more, which is no reason to fail.
    let _ = writeln!(std::io::stdout(), "{line}");
}
