//! A C library of the same declarations, against which the debugging information of ours is compared.
//!
//! Its source defines each function and variable as the headers declare it, with the text of the facts, so that
//! the compiler refuses it where the two differ. `abidiff` compares the sets of symbols with their versions, kinds
//! and sizes; it cannot compare types across languages, because DWARF calls an `int` of Rust `i32`. Those are
//! compared here: number, class, size and sign of parameters and results, names and sizes of structures, also
//! behind pointers and in callbacks.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::dwarf::{self, Item};
use super::{Abi, Result, c_side, symbols};
use crate::command;
use crate::declarations::files_below;

const LIMIT: Duration = Duration::from_secs(300);
/// What abidiff is not to report: no type of Rust has the name that C gives it.
const SUPPRESSIONS: &str = "[suppress_type]
name_regexp = .*
[suppress_variable]
name_regexp = .*
change_kind = variable-subtype-change
";

/// Compares the shared library in `libraries`; returns the number of checks.
pub fn check(
    root: &Path,
    abi: &Abi,
    features: &BTreeSet<String>,
    libraries: &Path,
    scratch: &Path,
    wrong: &mut Vec<String>,
) -> Result<usize> {
    let names: Vec<&str> = symbols::expected(abi, features)
        .into_iter()
        .filter(|name| abi.declarations.symbols.contains_key(*name) && abi.facts.symbols.contains_key(*name))
        .collect();
    let reference = compile(scratch, "reference", &source(abi, &c_side::headers(root)?, &names), root)?;
    let library = libraries.join("libdaos_engine.so");
    let assembly = assembly(root)?;
    let typed: Vec<&str> = names.iter().copied().filter(|name| !assembly.contains(*name)).collect();
    compare_types(&reference, &library, &typed, wrong)?;
    compare_symbols(&reference, &library, scratch, wrong)?;
    Ok(names.len() + 1)
}

/// Functions that are written in assembly have no types; the macro compares them at compile time.
fn assembly(root: &Path) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for path in files_below(&root.join("crates/abt/src/arch"))? {
        let source = fs::read_to_string(path)?;
        let functions = source.split(" fn ").skip(1).filter_map(|rest| rest.split('(').next());
        names.extend(functions.filter(|name| name.starts_with("ABT")).map(str::to_owned));
    }
    Ok(names)
}

/// C that defines all of `names`.
fn source(abi: &Abi, headers: &[String], names: &[&str]) -> String {
    let mut text = String::new();
    for header in headers {
        text += &format!("#include <{header}>\n");
    }
    for name in names {
        let symbol = &abi.facts.symbols[*name];
        let weak = if symbol.is_weak { "__attribute__((weak)) " } else { "" };
        let declaration = &symbol.declaration;
        let body = if symbol.is_function { "{ __builtin_trap(); }" } else { ";" };
        // Infallible for a string.
        let _ = writeln!(text, "{weak}{declaration} {body}");
    }
    text
}

/// Builds `lib<name>.so` with debugging information.
fn compile(scratch: &Path, name: &str, source: &str, root: &Path) -> Result<PathBuf> {
    fs::create_dir_all(scratch)?;
    let path = scratch.join(format!("{name}.c"));
    fs::write(&path, source)?;
    let library = scratch.join(format!("lib{name}.so"));
    let mut compiler = Command::new("cc");
    compiler.args(["-std=gnu11", "-w", "-g", "-O0", "-fPIC", "-shared", "-D_GNU_SOURCE", "-I"]);
    compiler.arg(root.join("include")).arg(&path).arg("-o").arg(&library);
    let outcome = command::run_quietly(compiler, LIMIT)?;
    if !outcome.success {
        return Err(format!("the C reference {name} does not compile:\n{}", outcome.output).into());
    }
    Ok(library)
}

/// Types from the debugging information of both.
fn compare_types(reference: &Path, library: &Path, names: &[&str], wrong: &mut Vec<String>) -> Result<()> {
    let (theirs, ours) = (dwarf::items(reference)?, dwarf::items(library)?);
    for name in names {
        match (theirs.get(*name), ours.get(*name)) {
            (Some(theirs), Some(ours)) if theirs.is_compatible(ours) => {}
            // In assembly too, see `abi::variadic!`.
            (Some(Item::Function(signature)), _) if signature.variadic => {}
            (Some(theirs), Some(ours)) => wrong.push(format!("{name} is {ours}, in C {theirs}")),
            (None, _) => wrong.push(format!("{name} has no debugging information in the C reference")),
            (_, None) => wrong.push(format!("{name} has no debugging information in the library")),
        }
    }
    Ok(())
}

/// Symbols by abidiff.
fn compare_symbols(reference: &Path, library: &Path, scratch: &Path, wrong: &mut Vec<String>) -> Result<()> {
    let suppressions = scratch.join("types.abignore");
    fs::write(&suppressions, SUPPRESSIONS)?;
    let mut abidiff = Command::new("abidiff");
    abidiff.args(["--fail-no-debug-info", "--no-added-syms", "--ignore-soname", "--suppressions"]);
    abidiff.arg(&suppressions).arg(reference).arg(library);
    let outcome = command::run_quietly(abidiff, LIMIT)?;
    if !outcome.success {
        wrong.push(format!("abidiff:\n{}", outcome.output));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const C: &str = "struct point { int x, y; }; typedef void (*done_t)(struct point *at);
        int move_to(struct point *at, unsigned long steps, done_t done) { (void)at; (void)steps; (void)done; return 0; }
        int limit = 3;";

    /// What is wrong with `ours` as a library for [`C`].
    fn compared(name: &str, ours: &str) -> Result<Vec<String>> {
        let scratch = std::env::temp_dir().join(format!("xtask-reference-{}-{name}", std::process::id()));
        let root = crate::root();
        let reference = compile(&scratch, "reference", C, &root)?;
        let library = compile(&scratch, "ours", ours, &root)?;
        let mut wrong = Vec::new();
        compare_types(&reference, &library, &["move_to", "limit"], &mut wrong)?;
        compare_symbols(&reference, &library, &scratch, &mut wrong)?;
        fs::remove_dir_all(scratch)?;
        Ok(wrong)
    }

    #[test]
    fn the_same_declarations_pass() {
        assert_eq!(compared("same", C).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn other_types_are_told() {
        let changes = [
            ("parameter", "unsigned long steps", "unsigned int steps"),
            ("sign", "unsigned long steps", "long steps"),
            ("order", "struct point *at, unsigned long steps", "unsigned long steps, struct point *at"),
            ("result", "int move_to", "long move_to"),
            ("struct", "int x, y", "int x, y, z"),
            ("callback", "(*done_t)(struct point *at)", "(*done_t)(struct point *at, int rc)"),
            ("variadic", "done_t done) {", "done_t done, ...) {"),
            ("variable", "int limit", "short limit"),
        ];
        for (name, from, to) in changes {
            assert!(C.contains(from), "{from}");
            let wrong = compared(name, &C.replace(from, to)).unwrap();
            assert!(wrong.iter().any(|line| line.contains(", in C ")), "{name}: {wrong:?}");
        }
    }

    #[test]
    fn abidiff_tells_what_is_missing() {
        let wrong = compared("missing", &C.replace("int move_to", "static int move_to")).unwrap();
        assert!(
            wrong.iter().any(|line| line.starts_with("abidiff") && line.contains("1 Removed")),
            "{wrong:?}"
        );
        let wrong = compared("gone", &C.replace("int limit = 3;", "")).unwrap();
        assert!(wrong.iter().any(|line| line.starts_with("abidiff") && line.contains("limit")), "{wrong:?}");
    }

    #[test]
    fn without_debugging_information_nothing_passes() {
        let scratch = std::env::temp_dir().join(format!("xtask-reference-{}-strip", std::process::id()));
        let library = compile(&scratch, "ours", C, &crate::root()).unwrap();
        let stripped = Command::new("strip").arg(&library).status().unwrap();
        assert!(stripped.success());
        assert!(dwarf::items(&library).unwrap_err().to_string().contains("no debugging information"));
        fs::remove_dir_all(scratch).unwrap();
    }
}
