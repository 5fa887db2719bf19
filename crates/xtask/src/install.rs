//! `cargo xtask install --prefix DIR`: the library, the executable, the headers and what finds them, laid out as
//! DAOS installs itself.
//!
//! ```text
//! bin/daos_engine
//! include/                           abt.h, daos_srv/, …
//! lib64/libdaos_engine.so.2          libdaos_engine.so leads to it
//! lib64/libdaos_engine.a
//! lib64/daos_srv/                    for modules
//! lib64/pkgconfig/daos_engine.pc
//! share/cmake/DaosEngine/            where CMake looks on every distribution
//! ```
//!
//! A library of embedded mode is Argobots, gurt and libdaos_common as well: links by their sonames let compiled
//! modules load that need them.

use crate::{Result, cargo, command, root, target};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

const LIBRARY: &str = "libdaos_engine.so";
const SONAME: &str = "libdaos_engine.so.2";
/// What modules of DAOS 2.8 need by name, and embedded mode has.
const REPLACED: [&str; 3] = ["libabt.so.1", "libgurt.so.4", "libdaos_common_pmem.so"];
const LIMIT: Duration = Duration::from_secs(300);

/// Builds with `arguments` for cargo, and installs below `prefix`.
pub fn run(prefix: &Path, arguments: &[String]) -> Result<ExitCode> {
    refuse_daos(prefix)?;
    let mut build = cargo();
    build.args(["build", "--release", "--package", "daos-engine"]).args(arguments);
    let status = build.status().map_err(|error| format!("cannot start cargo: {error}"))?;
    if !status.success() {
        return Err("cargo build failed; what it said stands above".into());
    }
    lay_out(&target().join("release"), prefix)?;
    println!("installed below {}", prefix.display());
    Ok(ExitCode::SUCCESS)
}

/// DAOS's own installation keeps its executable, and its headers, of which ours are a part.
fn refuse_daos(prefix: &Path) -> Result<()> {
    if ["lib64/libgurt.so", "lib/libgurt.so"].iter().any(|library| prefix.join(library).exists()) {
        return Err(format!(
            "DAOS is installed in {}: its daos_engine and headers would be replaced, choose another prefix",
            prefix.display()
        ));
    }
    Ok(())
}

/// Copies what cargo has left in `built`.
fn lay_out(built: &Path, prefix: &Path) -> Result<()> {
    let lib = prefix.join("lib64");
    copy(&built.join(LIBRARY), &lib.join(SONAME))?;
    link(SONAME, &lib.join(LIBRARY))?;
    copy(&built.join("libdaos_engine.a"), &lib.join("libdaos_engine.a"))?;
    create(&lib.join("daos_srv"))?;
    let embedded = exports(&lib.join(SONAME), "ABT_init")?;
    for name in REPLACED {
        let path = lib.join(name);
        if embedded {
            link(SONAME, &path)?;
        } else if path.is_symlink() {
            // A former installation was embedded.
            remove(&path)?;
        }
    }
    // There is none without the feature `init`.
    if built.join("daos_engine").is_file() {
        copy(&built.join("daos_engine"), &prefix.join("bin/daos_engine"))?;
    }
    copy_below(&root().join("include"), &prefix.join("include"))?;
    let config = prefix.join("share/cmake/DaosEngine/DaosEngineConfig.cmake");
    copy(&root().join("cmake/DaosEngineConfig.cmake"), &config)?;
    let template = read(&root().join("cmake/daos_engine.pc.in"))?;
    let module = template.replace("@VERSION@", env!("CARGO_PKG_VERSION"));
    write(&lib.join("pkgconfig/daos_engine.pc"), &module)
}

/// Installs the debug build, and lets pkg-config and CMake build programs of somebody else's against it, which
/// must run; and builds over DAOS's libraries. The number of checks made.
pub fn check() -> Result<usize> {
    let prefix = target().join("install");
    if prefix.exists() {
        fs::remove_dir_all(&prefix).map_err(|error| format!("cannot clear {}: {error}", prefix.display()))?;
    }
    lay_out(&target().join("debug"), &prefix)?;
    let scratch = target().join("install-check");
    create(&scratch)?;

    let mut engine = Command::new(prefix.join("bin/daos_engine"));
    engine.arg("--help");
    expect(engine)?;
    for (kind, query) in [("shared", "--libs"), ("static", "--variable=whole")] {
        let program = scratch.join(format!("names_{kind}"));
        compile_by_pkg_config(&prefix, query, &program)?;
        let mut names = Command::new(&program);
        names.env("LD_LIBRARY_PATH", prefix.join("lib64"));
        // A program that holds the library itself is none of those names.
        names.args(REPLACED.iter().filter(|_| kind == "shared"));
        expect(names)?;
    }
    let build = scratch.join("cmake");
    let mut configure = Command::new("cmake");
    configure.arg("-S").arg(root().join("c-tests/package")).arg("-B").arg(&build);
    configure.arg(format!("-DCMAKE_PREFIX_PATH={}", prefix.display()));
    configure.arg(format!("-DEXAMPLES={}", root().join("ffi-examples").display()));
    expect(configure)?;
    let mut make = Command::new("cmake");
    make.arg("--build").arg(&build);
    expect(make)?;
    expect(Command::new(build.join("names")))?;
    expect(Command::new(build.join("replaced")))?;
    check_system(&scratch)?;
    Ok(7)
}

/// Builds a file of the engine over a DAOS of which only the names are there: the library must need those of its
/// libraries that it calls, and look for them where they are.
fn check_system(scratch: &Path) -> Result<()> {
    let prefix = scratch.join("daos");
    create(&prefix.join("lib64/daos_srv"))?;
    let called = "int dbtree_class_register(void) { return 0; }\n";
    let libraries = [("daos_common_pmem", called), ("gurt", ""), ("cart", ""), ("abt", "")];
    for (name, text) in libraries {
        let source = scratch.join(format!("{name}.c"));
        write(&source, text)?;
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-o"]).arg(prefix.join(format!("lib64/lib{name}.so"))).arg(source);
        expect(cc)?;
    }
    let mut build = cargo();
    build.args(["rustc", "--quiet", "--lib", "--crate-type", "cdylib", "--profile", "feature"]);
    build.args(["--no-default-features", "--features", "system,util"]);
    build.env("DAOS_PREFIX", &prefix).env_remove("DAOS_ENGINE_OBJECTS");
    expect(build)?;
    let mut readelf = Command::new("readelf");
    readelf.args(["--dynamic", "--wide"]).arg(target().join("feature").join(LIBRARY));
    let said = expect(readelf)?;
    let folder = prefix.join("lib64").display().to_string();
    for (text, expected) in [("[libdaos_common_pmem.so]", true), (&folder, true), ("[libcart.so]", false)] {
        if said.contains(text) != expected {
            return Err(format!("over DAOS's libraries, {text} should be there: {expected}:\n{said}"));
        }
    }
    Ok(())
}

fn compile_by_pkg_config(prefix: &Path, query: &str, program: &Path) -> Result<()> {
    let mut flags = Vec::new();
    for query in ["--cflags", query] {
        let mut pkg_config = Command::new("pkg-config");
        pkg_config.args([query, "daos_engine"]).env("PKG_CONFIG_PATH", prefix.join("lib64/pkgconfig"));
        let said = expect(pkg_config)?;
        flags.extend(said.split_whitespace().map(str::to_owned));
    }
    let mut cc = Command::new("cc");
    cc.arg(root().join("c-tests/package/names.c")).arg("-o").arg(program).args(flags);
    expect(cc).map(drop)
}

/// Runs a program that must succeed; what it has written.
fn expect(command: Command) -> Result<String> {
    let shown = format!("{command:?}");
    let outcome = command::run_quietly(command, LIMIT)?;
    if outcome.success { Ok(outcome.output) } else { Err(format!("{shown} failed:\n{}", outcome.output)) }
}

/// Whether a shared library exports a symbol.
fn exports(library: &Path, symbol: &str) -> Result<bool> {
    let mut nm = Command::new("nm");
    nm.args(["--dynamic", "--defined-only", "--format=posix"]).arg(library);
    let symbols = expect(nm)?;
    Ok(symbols.lines().any(|line| line.split([' ', '@']).next() == Some(symbol)))
}

fn fault(what: &str, path: &Path, error: &std::io::Error) -> String {
    format!("cannot {what} {}: {error}", path.display())
}

fn create(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory).map_err(|error| fault("create", directory, &error))
}

fn parent(path: &Path) -> Result<()> {
    create(path.parent().expect("a file lies in a directory"))
}

fn remove(path: &Path) -> Result<()> {
    fs::remove_file(path).map_err(|error| fault("remove", path, &error))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| fault("read", path, &error))
}

fn write(path: &Path, text: &str) -> Result<()> {
    parent(path)?;
    fs::write(path, text).map_err(|error| fault("write", path, &error))
}

/// Copies a file over what is there, also while that is being run.
fn copy(from: &Path, to: &Path) -> Result<()> {
    parent(to)?;
    if to.exists() {
        remove(to)?;
    }
    fs::copy(from, to).map(drop).map_err(|error| fault("copy", from, &error))
}

fn copy_below(from: &Path, to: &Path) -> Result<()> {
    for path in crate::declarations::files_below(from).map_err(|error| error.to_string())? {
        let relative: PathBuf = path.strip_prefix(from).expect("below it").into();
        copy(&path, &to.join(relative))?;
    }
    Ok(())
}

fn link(to: &str, path: &Path) -> Result<()> {
    if path.is_symlink() {
        remove(path)?;
    }
    symlink(to, path).map_err(|error| fault("create", path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installation_of_daos_is_left_alone() {
        let prefix = std::env::temp_dir().join(format!("install-{}", std::process::id()));
        refuse_daos(&prefix).unwrap();
        write(&prefix.join("lib64/libgurt.so"), "").unwrap();
        assert!(refuse_daos(&prefix).unwrap_err().contains("choose another prefix"));
        fs::remove_dir_all(&prefix).unwrap();
    }
}
