//! What a library exports against the C files that its features replace.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::binary::{Defined, Runtime, Symbols};
use super::{Abi, Result};

/// Compares both forms of the library with `features`; returns the number of checks.
pub fn check(
    abi: &Abi,
    features: &BTreeSet<String>,
    libraries: &Path,
    wrong: &mut Vec<String>,
) -> Result<usize> {
    let mut made = 0;
    let profile = libraries.file_name().unwrap_or_default().to_string_lossy();
    let shared = libraries.join("libdaos_engine.so");
    made +=
        compare(abi, features, &format!("{profile} libdaos_engine.so"), &Symbols::of_shared(&shared)?, wrong);
    let archive =
        Symbols::of_archive(&libraries.join("libdaos_engine.a"))?.without_runtime(&Runtime::load()?);
    made += compare(abi, features, &format!("{profile} libdaos_engine.a"), &archive, wrong);
    Ok(made)
}

/// Compares what `library` defines with what it must have with these features on: nothing is missing, nothing
/// unexplained, each has the right kind, weakness and size. Returns the number of checks.
pub fn compare(
    abi: &Abi,
    features: &BTreeSet<String>,
    library: &str,
    symbols: &Symbols,
    wrong: &mut Vec<String>,
) -> usize {
    let expected = expected(abi, features);
    for (file, names) in by_file(abi, &expected) {
        if !names.iter().any(|name| symbols.defined.contains_key(*name)) {
            wrong.push(format!("{library} exports nothing of {file}"));
            continue;
        }
        for name in names {
            match symbols.defined.get(name) {
                None => wrong.push(format!("{library} lacks {name} of {file}")),
                Some(defined) => compare_one(abi, library, name, *defined, wrong),
            }
        }
    }
    for name in symbols.defined.keys().filter(|name| !expected.contains(name.as_str())) {
        wrong.push(format!("{library} exports {name}, which abi/replaced.json does not explain"));
    }
    expected.len() + symbols.defined.len()
}

/// Symbols by the C file that has them; the library's own stand for themselves.
fn by_file<'a>(abi: &'a Abi, names: &BTreeSet<&'a str>) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut files: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in names {
        let symbol = abi.facts.symbols.get(*name).filter(|_| !abi.replaced.single.contains_key(*name));
        let file = symbol.map_or(*name, |symbol| symbol.file.as_deref().unwrap_or("abt.h"));
        files.entry(file).or_default().push(name);
    }
    files
}

/// Compares kind, weakness and size with the fact, if there is one.
fn compare_one(abi: &Abi, library: &str, name: &str, defined: Defined, wrong: &mut Vec<String>) {
    let Some(fact) = abi.facts.symbols.get(name) else { return };
    if defined.is_function != fact.is_function {
        let kind = if defined.is_function { "function" } else { "variable" };
        wrong.push(format!("{library}: {name} is a {kind}, not what the facts have"));
    }
    if defined.is_weak != fact.is_weak {
        let weak = if defined.is_weak { "weak" } else { "not weak" };
        wrong.push(format!("{library}: {name} is {weak}, not what the facts have"));
    }
    if let Some(size) = fact.size.filter(|size| *size != defined.size) {
        wrong.push(format!("{library}: {name} has {} bytes instead of {size}", defined.size));
    }
}

/// Every symbol that a library with these features must have.
pub fn expected<'a>(abi: &'a Abi, features: &BTreeSet<String>) -> BTreeSet<&'a str> {
    let replaced = &abi.replaced;
    let of_files = abi.facts.symbols.iter().filter(|(name, symbol)| {
        let feature = replaced.feature_of(symbol.file.as_deref());
        let used = symbol.file.is_some() || is_provided_of_argobots(abi, name);
        feature.is_some_and(|feature| features.contains(feature))
            && used
            && !replaced.absent.contains_key(*name)
    });
    let single = replaced.single.keys().filter(|_| features.contains("embedded"));
    let own = replaced.extensions.iter().filter(|(_, extension)| features.contains(&extension.feature));
    let names = of_files.map(|(name, _)| name).chain(single).chain(own.map(|(name, _)| name));
    names.map(String::as_str).collect()
}

/// Argobots has more functions than DAOS uses; those that `crates/abi` declares are provided.
fn is_provided_of_argobots(abi: &Abi, name: &str) -> bool {
    let used = abi.facts.uses.get("libabt").is_some_and(|used| used.contains(name));
    used || abi.declarations.symbols.contains_key(name)
}
