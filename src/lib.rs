//! The inside of the DAOS I/O engine, behind the C ABI of DAOS.
//!
//! One module a component, one file a C source file of DAOS's `src/engine`, one cargo feature a file: with the
//! feature on, the library exports all symbols of that file, with it off none of them. Components call each
//! other through the C symbols that [`abi`] declares, never through Rust paths, so that either side may be the
//! C original.

// In embedded mode everything beneath the engine is part of the library: naming the crates links them whole,
// and the library exports their symbols as well.
#[cfg(feature = "embedded")]
extern crate abt as _;
#[cfg(any(feature = "embedded", feature = "crt-iv"))]
extern crate cart as _;
// Its files are switched one by one, as the engine's are.
#[cfg(any(
    feature = "embedded",
    feature = "common-drpc",
    feature = "common-drpc-pb-c",
    feature = "common-tls"
))]
extern crate common as _;
#[cfg(feature = "embedded")]
extern crate gurt as _;
#[cfg(feature = "embedded")]
extern crate topology;

#[cfg(all(feature = "embedded", feature = "system"))]
compile_error!(
    "features `embedded` and `system` exclude each other: build with --no-default-features --features system,…"
);

mod drpc;
#[cfg(feature = "init")]
mod init;
// Its core is tested in every build.
#[cfg(any(feature = "server-iv", test))]
mod iv;
#[cfg(feature = "module")]
mod module;
#[cfg(feature = "profile")]
mod profile;
#[cfg(feature = "rpc")]
mod rpc;
#[cfg(feature = "sched")]
mod sched;
#[cfg(feature = "srv")]
mod srv;
#[cfg(feature = "srv-cli")]
mod srv_cli;
#[cfg(feature = "srv-metrics")]
mod srv_metrics;
#[cfg(feature = "ult")]
mod ult;
#[cfg(feature = "util")]
mod util;

mod inline;
#[cfg(any(feature = "sched", feature = "ult"))]
mod storage;
#[cfg(any(feature = "rpc", feature = "srv-cli", feature = "ult"))]
mod wait;
