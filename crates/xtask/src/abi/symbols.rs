//! What the library exports, shared and static, against the C files that it replaces.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::{Abi, Result};
use crate::command;

const LIMIT: Duration = Duration::from_secs(60);

/// A defined symbol: its letter of `nm` and its size.
type Defined = BTreeMap<String, (char, u64)>;

/// Compares both libraries; returns the number of checks.
pub fn check(abi: &Abi, libraries: &Path, wrong: &mut Vec<String>) -> Result<usize> {
    let shared = nm(&libraries.join("libdaos_engine.so"), &["--dynamic"])?;
    let archive = nm(&libraries.join("libdaos_engine.a"), &["--extern-only"])?;
    let expected = expected(abi);
    for (library, defined) in [("libdaos_engine.so", &shared), ("libdaos_engine.a", &archive)] {
        compare(abi, library, &expected, defined, wrong);
    }
    for name in shared.keys().filter(|name| !expected.contains(name.as_str())) {
        wrong.push(format!("libdaos_engine.so exports {name}, which abi/replaced.json does not explain"));
    }
    Ok(2 * expected.len() + shared.len())
}

/// Every symbol that the library must have.
fn expected(abi: &Abi) -> BTreeSet<&str> {
    let replaced = &abi.replaced;
    let of_files = abi.facts.symbols.iter().filter(|(name, symbol)| {
        let file = symbol.file.as_deref().unwrap_or("abt.h");
        let used = symbol.file.is_some() || is_provided_of_argobots(abi, name);
        replaced.files.contains_key(file) && used && !replaced.absent.contains_key(*name)
    });
    let of_files = of_files.map(|(name, _)| name.as_str());
    of_files
        .chain(replaced.single.keys().map(String::as_str))
        .chain(replaced.extensions.keys().map(String::as_str))
        .collect()
}

/// Argobots has more functions than DAOS uses; those that `crates/abi` declares are provided.
fn is_provided_of_argobots(abi: &Abi, name: &str) -> bool {
    abi.facts.used_of_argobots.contains(name) || abi.declarations.symbols.contains_key(name)
}

fn compare(abi: &Abi, library: &str, expected: &BTreeSet<&str>, defined: &Defined, wrong: &mut Vec<String>) {
    for name in expected {
        let Some((letter, size)) = defined.get(*name) else {
            wrong.push(format!("{library} lacks {name}"));
            continue;
        };
        let Some(fact) = abi.facts.symbols.get(*name) else { continue };
        let is_function = matches!(letter, 'T' | 'W' | 'i');
        if is_function != fact.is_function {
            wrong.push(format!("{library}: {name} is a {letter} of nm, not what the facts have"));
        }
        if let Some(fact) = fact.size.filter(|fact| fact != size) {
            wrong.push(format!("{library}: {name} has {size} bytes instead of {fact}"));
        }
    }
}

/// Symbols that a library defines. An archive has each once; only C names are of interest.
fn nm(library: &Path, arguments: &[&str]) -> Result<Defined> {
    let mut command = Command::new("nm");
    command.args(arguments).args(["--defined-only", "--print-size", "--format=bsd"]).arg(library);
    let outcome = command::run_quietly(command, LIMIT)?;
    if !outcome.success {
        return Err(format!("nm failed, build the library first:\n{}", outcome.output).into());
    }
    let mut defined = Defined::new();
    for line in outcome.output.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        // address, size, letter, name; the assembler's symbols may have no size.
        let (size, letter, name) = match words.as_slice() {
            [_, size, letter, name] => (u64::from_str_radix(size, 16).unwrap_or(0), letter, name),
            [_, letter, name] => (0, letter, name),
            _ => continue,
        };
        let name = name.split('@').next().unwrap_or(name);
        if let Some(letter) = letter.chars().next().filter(|_| letter.len() == 1) {
            defined.insert(name.to_owned(), (letter, size));
        }
    }
    Ok(defined)
}
