//! Argobots 1.2 in Rust: execution streams, ULTs, tasklets, pools, schedulers and what they wait on.
