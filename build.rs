//! Link-time identity of the library, and how executables of this package find it.
//!
//! In DAOS the engine is an executable to whose symbols modules bind when they are opened. Here those symbols
//! live in `libdaos_engine.so`, which therefore must be in the global scope: the executable *needs* the shared
//! library instead of holding a copy of its code.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

const LIBRARY: &str = "libdaos_engine.so";
/// Changes when the ABI does; DAOS 2.x keeps one.
const SONAME: &str = "libdaos_engine.so.2";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,{SONAME}");
    // Where DAOS installs modules. The library opens them, so it is its search path that counts.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-rpath,$ORIGIN/daos_srv:$ORIGIN/../lib64/daos_srv");

    // Nothing is beneath the embedded library but the C library: a symbol that is missing is a mistake of ours.
    if env::var_os("CARGO_FEATURE_EMBEDDED").is_some() {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,defs");
    }

    let profile = profile_dir();
    let built = profile.join("deps").join(LIBRARY);
    for kind in ["bins", "tests"] {
        println!("cargo:rustc-link-arg-{kind}={}", built.display());
        println!("cargo:rustc-link-arg-{kind}=-Wl,-rpath,$ORIGIN:$ORIGIN/../lib64");
        // A layer that is switched off leaves its symbols to another library, at run time.
        println!("cargo:rustc-link-arg-{kind}=-Wl,--allow-shlib-undefined");
    }
    for dir in [profile.clone(), profile.join("deps")] {
        link_soname(&dir).unwrap_or_else(|err| panic!("cannot link {SONAME} in {}: {err}", dir.display()));
    }
}

/// Where cargo leaves the artefacts of this profile: `OUT_DIR` is `<profile>/build/<package>/out`.
fn profile_dir() -> PathBuf {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    out.ancestors().nth(3).expect("OUT_DIR lies three levels below the profile").to_owned()
}

/// The name that the dynamic linker looks for, beside the file that cargo is about to build.
fn link_soname(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let link = dir.join(SONAME);
    match fs::remove_file(&link) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => Err(err),
        _ => symlink(LIBRARY, link),
    }
}
