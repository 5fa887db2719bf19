//! Xstreams: their life, their binding to CPUs and their progress loop, `srv.c`.
