//! From the command line to a running engine and back, `init.c`.

mod ffi;
mod getopt;
mod options;
mod plan;
