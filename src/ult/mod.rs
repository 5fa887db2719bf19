//! ULTs and collectives on xstreams, `ult.c`.
