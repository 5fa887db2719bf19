//! The scheduler of an xstream, `sched.c`.
