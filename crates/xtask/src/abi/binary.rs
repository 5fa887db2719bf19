//! The symbols of a library as the linker sees them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use object::read::archive::ArchiveFile;
use object::{Object, ObjectSymbol, SymbolKind};

use super::Result;
use crate::command;

const LIMIT: Duration = Duration::from_secs(60);

/// What a library defines and what it needs, by C name.
#[derive(Default)]
pub struct Symbols {
    /// Defined global symbols.
    pub defined: BTreeMap<String, Defined>,
    /// Global symbols that are left to other libraries.
    pub undefined: BTreeSet<String>,
}

/// A defined symbol.
#[derive(Clone, Copy)]
pub struct Defined {
    /// A function, otherwise a variable.
    pub is_function: bool,
    /// Another definition takes precedence.
    pub is_weak: bool,
    /// In bytes.
    pub size: u64,
}

impl Symbols {
    /// The dynamic symbols of a shared library.
    pub fn of_shared(path: &Path) -> Result<Symbols> {
        let data = read(path)?;
        let file = object::File::parse(&*data).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut symbols = Symbols::default();
        file.dynamic_symbols().for_each(|symbol| symbols.add(&symbol));
        Ok(symbols)
    }

    /// The symbols of all objects of a static library.
    pub fn of_archive(path: &Path) -> Result<Symbols> {
        let data = read(path)?;
        let wrong = |error: object::Error| format!("{}: {error}", path.display());
        let mut symbols = Symbols::default();
        for member in ArchiveFile::parse(&*data).map_err(wrong)?.members() {
            // Members that are no objects carry the compiler's metadata.
            let member = member.map_err(wrong)?.data(&*data).map_err(wrong)?;
            if let Ok(file) = object::File::parse(member) {
                file.symbols().for_each(|symbol| symbols.add(&symbol));
            }
        }
        symbols.undefined.retain(|name| !symbols.defined.contains_key(name));
        Ok(symbols)
    }

    /// Leaves out what is Rust's own.
    pub fn without_runtime(mut self, runtime: &Runtime) -> Symbols {
        self.defined.retain(|name, _| !runtime.defines(name));
        self.undefined.retain(|name| !runtime.defines(name) && !runtime.undefined.contains(name));
        self
    }

    fn add<'data>(&mut self, symbol: &impl ObjectSymbol<'data>) {
        let Ok(name) = symbol.name() else { return };
        if name.is_empty() || !symbol.is_global() && !symbol.is_weak() {
            return;
        }
        if symbol.is_undefined() {
            self.undefined.insert(name.to_owned());
        } else if matches!(symbol.kind(), SymbolKind::Text | SymbolKind::Data | SymbolKind::Unknown) {
            let is_function = symbol.kind() == SymbolKind::Text;
            let defined = Defined { is_function, is_weak: symbol.is_weak(), size: symbol.size() };
            self.defined.insert(name.to_owned(), defined);
        }
    }
}

/// What every static library of Rust has: the standard library and the compiler's helpers.
pub struct Runtime {
    defined: BTreeSet<String>,
    /// Some of it is weak: functions of C libraries newer than this machine's.
    undefined: BTreeSet<String>,
}

impl Runtime {
    /// Reads the standard library that `rustc` links.
    pub fn load() -> Result<Runtime> {
        let mut runtime = Runtime { defined: BTreeSet::new(), undefined: BTreeSet::new() };
        for entry in fs::read_dir(standard_library()?)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "rlib") {
                let symbols = Symbols::of_archive(&path)?;
                runtime.defined.extend(symbols.defined.into_keys());
                runtime.undefined.extend(symbols.undefined);
            }
        }
        Ok(runtime)
    }

    fn defines(&self, name: &str) -> bool {
        // Mangled names, the allocator's among them; `DW.ref.` is the compiler's reference to the personality.
        let own = ["_R", "_ZN", "__rust", "DW.ref.", "anon."].iter().any(|prefix| name.starts_with(prefix));
        own || self.defined.contains(name)
    }
}

fn standard_library() -> Result<PathBuf> {
    Ok(PathBuf::from(first_line("rustc", "--print=target-libdir")?))
}

/// All that the C library and the compiler's run-time library define.
pub fn c_library() -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for library in ["libc.so.6", "libm.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2"] {
        let path = first_line("cc", &format!("-print-file-name={library}"))?;
        names.extend(Symbols::of_shared(Path::new(&path))?.defined.into_keys());
    }
    Ok(names)
}

fn first_line(program: &str, argument: &str) -> Result<String> {
    let mut command = Command::new(program);
    command.arg(argument);
    let outcome = command::run_quietly(command, LIMIT)?;
    if !outcome.success {
        return Err(format!("{program} {argument}: {}", outcome.output).into());
    }
    Ok(outcome.output.lines().next().unwrap_or_default().to_owned())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    Ok(fs::read(path).map_err(|error| format!("{}: {error}; build it first", path.display()))?)
}
