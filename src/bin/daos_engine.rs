//! The `daos_engine` executable.

fn main() {}
