//! Link-time identity of the library, how executables of this package find it, and in system mode where DAOS's
//! own libraries are.
//!
//! In DAOS the engine is an executable to whose symbols modules bind when they are opened. Here those symbols
//! live in `libdaos_engine.so`, which therefore must be in the global scope: the executable *needs* the shared
//! library instead of holding a copy of its code.

use std::ffi::OsString;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, io};
use system_libs::{Search, libraries, object_arguments};

const LIBRARY: &str = "libdaos_engine.so";
/// Changes when the ABI does; DAOS 2.x keeps one.
const SONAME: &str = "libdaos_engine.so.2";
/// The weak symbols of each feature: those that `pub weak` of `abi::export!` and `abi::variadic!` makes.
const WEAK: [(&str, &[&str]); 2] = [
    ("CARGO_FEATURE_DRPC_RAS", &["ds_notify_ras_event", "ds_notify_ras_eventf"]),
    ("CARGO_FEATURE_ULT", &["dss_main_exec", "dss_offload_exec"]),
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,{SONAME}");
    // Where DAOS installs modules. The library opens them, so it is its search path that counts.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-rpath,$ORIGIN/daos_srv:$ORIGIN/../lib64/daos_srv");

    // Nothing is beneath the embedded library but the C library: a symbol that is missing is a mistake of ours.
    if env::var_os("CARGO_FEATURE_EMBEDDED").is_some() {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,defs");
    }

    export_weak_symbols();

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
    if env::var_os("CARGO_FEATURE_SYSTEM").is_some()
        && let Err(sentence) = link_system()
    {
        println!("cargo::error=feature `system`: {sentence}");
    }
}

/// Tells the linker of DAOS's own libraries, and of the client's objects, in which modules expect functions that
/// the executable has in DAOS.
fn link_system() -> Result<(), String> {
    for variable in ["DAOS_PREFIX", "DAOS_ENGINE_OBJECTS"] {
        println!("cargo:rerun-if-env-changed={variable}");
    }
    let search = Search::new(env::var_os("DAOS_PREFIX").map(PathBuf::from));
    let has = |feature: &str| {
        let variable = format!("CARGO_FEATURE_{}", feature.to_uppercase().replace('-', "_"));
        env::var_os(variable).is_some()
    };
    let found = search.find(&libraries(has)).map_err(|missing| missing.to_string())?;
    let client = match env::var("DAOS_ENGINE_OBJECTS") {
        Ok(words) => object_arguments(&words)?,
        Err(_) if search.find_daos("daos").is_some() => vec!["-Wl,--no-as-needed,-ldaos,--as-needed".into()],
        Err(_) => {
            println!(
                "cargo:warning=neither DAOS_ENGINE_OBJECTS nor libdaos.so: the executable daos_engine lacks the \
                 client's functions and will not start, see docs/linking.md"
            );
            Vec::new()
        }
    };

    for key in ["rustc-cdylib-link-arg", "rustc-link-arg-bins", "rustc-link-arg-tests"] {
        let argument = |word: &str| println!("cargo:{key}={word}");
        for folder in &found.folders {
            argument(&format!("-L{}", folder.display()));
            argument(&format!("-Wl,-rpath,{}", folder.display()));
        }
        if key == "rustc-link-arg-bins" {
            argument("-Wl,--export-dynamic");
            client.iter().for_each(|word| argument(word));
        }
        // A library that nobody calls is not loaded.
        argument("-Wl,--push-state,--as-needed");
        found.names.iter().for_each(|name| argument(&format!("-l{name}")));
        argument("-Wl,--pop-state");
    }
    Ok(())
}

/// Has the shared library export the weak symbols, which rustc does not know: to the list of exported symbols that
/// it gives the linker comes a second one.
///
/// lld, rustc's linker on x86-64 Linux, takes two lists, others do not. For those `abi::export!` lets rustc know
/// the symbols, at the price of a warning: that is what `weak_by_assembler` means.
fn export_weak_symbols() {
    println!("cargo:rustc-check-cfg=cfg(weak_by_assembler)");
    let on = |feature: &&(&str, &[&str])| env::var_os(feature.0).is_some();
    let names: String =
        WEAK.iter().filter(on).flat_map(|(_, names)| *names).map(|name| format!(" {name};")).collect();
    if names.is_empty() {
        return;
    }
    let list = out_dir().join("weak-symbols.map");
    fs::write(&list, format!("{{ global:{names} }};\n")).expect("cargo's output directory can be written");
    if takes_two_lists(&list) {
        println!("cargo:rustc-cdylib-link-arg=-Wl,--version-script={}", list.display());
    } else {
        println!("cargo:rustc-cfg=weak_by_assembler");
    }
}

/// Whether the linker in use links a shared library with a list of exported symbols beside rustc's own.
fn takes_two_lists(list: &Path) -> bool {
    // What the list names must exist.
    let names = fs::read_to_string(list).expect("written above");
    let names = names.trim_start_matches("{ global:").trim_end_matches(" };\n");
    let symbols: String =
        names.split_terminator(';').map(|name| format!("{name}: .byte 0\n.globl {name}\n")).collect();
    let source = out_dir().join("weak_symbols.rs");
    fs::write(&source, format!("core::arch::global_asm!({symbols:?});\n")).expect("as above");

    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let linker = env::var_os("RUSTC_LINKER").map(|linker| {
        let mut flag = OsString::from("-Clinker=");
        flag.push(linker);
        flag
    });
    let mut rustc = Command::new(env::var_os("RUSTC").expect("cargo sets RUSTC"));
    rustc
        .args(["--crate-type=cdylib", "--edition=2024", "--target"])
        .arg(env::var_os("TARGET").expect("cargo sets TARGET"))
        .args(flags.split_terminator('\x1f'))
        .args(linker)
        .arg(format!("-Clink-arg=-Wl,--version-script={}", list.display()))
        .arg("-o")
        .arg(out_dir().join("weak_symbols.so"))
        .arg(source);
    rustc.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn out_dir() -> PathBuf {
    PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"))
}

/// Where cargo leaves the artefacts of this profile: `OUT_DIR` is `<profile>/build/<package>/out`.
fn profile_dir() -> PathBuf {
    let out = out_dir();
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
