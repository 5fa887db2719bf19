//! Loading modules, `module.c`.
