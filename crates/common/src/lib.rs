//! The part of libdaos_common that belongs to the engine: TLS, the dRPC channel, log facilities, fault locations, names of errors, lists of vectors.
//!
//! One module a C source file of DAOS's `src/common`, one cargo feature a file.

// Who provides the symbols beneath, in tests.
#[cfg(test)]
extern crate gurt as _;

#[cfg(feature = "debug")]
pub mod debug;
#[cfg(any(feature = "drpc", feature = "drpc-pb-c"))]
pub mod drpc;
#[cfg(feature = "fail-loc")]
pub mod fail_loc;
#[cfg(feature = "misc")]
pub mod misc;
#[cfg(feature = "tls")]
pub mod tls;
#[cfg(feature = "ult-errno")]
pub mod ult_errno;
