//! The macros of `include/` at work: the programs of `c-tests/headers` use every one that takes arguments, and
//! compile without a warning.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::{Result, c_side};
use crate::command;
use crate::declarations::files_below;

const PROGRAMS: &str = "c-tests/headers";
const LIMIT: Duration = Duration::from_secs(120);

/// Compiles the programs and looks for macros that none of them uses; returns the number of checks.
pub fn check(root: &Path, scratch: &Path, wrong: &mut Vec<String>) -> Result<usize> {
    let mut programs = String::new();
    let mut made = 0;
    for path in files_below(&root.join(PROGRAMS))? {
        programs += &fs::read_to_string(&path)?;
        // Statement expressions and `##__VA_ARGS__` are GNU's, as in DAOS.
        for optimize in ["-O0", "-O2"] {
            let mut compiler = Command::new("cc");
            compiler.args(["-std=gnu11", optimize]).args(c_side::WARNINGS).arg("-I");
            compiler.arg(root.join("include")).arg("-c").arg(&path).arg("-o").arg(scratch.join("macros.o"));
            let outcome = command::run_quietly(compiler, LIMIT)?;
            if !outcome.success {
                wrong.push(format!("{}:\n{}", path.display(), outcome.output));
            }
            made += 1;
        }
    }
    let mut headers = String::new();
    for header in c_side::headers(root)? {
        headers += &fs::read_to_string(root.join("include").join(header))?;
    }
    let macros = macros(&headers);
    for name in unused(&macros, &programs) {
        wrong.push(format!("no program of {PROGRAMS} uses the macro {name}"));
    }
    Ok(made + macros.values().filter(|it| it.takes_arguments).count())
}

/// A macro, or several of one name.
#[derive(Default)]
struct Macro {
    takes_arguments: bool,
    body: String,
}

/// All macros that a header leaves defined.
fn macros(headers: &str) -> BTreeMap<String, Macro> {
    let mut macros: BTreeMap<String, Macro> = BTreeMap::new();
    for line in headers.replace("\\\n", " ").lines() {
        if let Some(definition) = line.strip_prefix("#define ") {
            let end = definition.find(|c| !is_word(c)).unwrap_or(definition.len());
            let (name, rest) = definition.split_at(end);
            let entry = macros.entry(name.to_owned()).or_default();
            entry.takes_arguments |= rest.starts_with('(');
            entry.body += rest;
        } else if let Some(name) = line.strip_prefix("#undef ") {
            macros.remove(name.trim());
        }
    }
    macros
}

/// Macros with arguments to which the programs do not lead.
fn unused<'a>(macros: &'a BTreeMap<String, Macro>, programs: &str) -> Vec<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = words(programs).collect();
    while let Some(word) = open.pop() {
        // `CAT(PREFIX_, x)` leads to all that begin so.
        let pasted = macros.range(word.to_owned()..).take_while(|(name, _)| name.starts_with(word));
        let named = pasted.filter(|(name, _)| *name == word || word.ends_with('_'));
        for (name, it) in named {
            if reached.insert(name.as_str()) {
                open.extend(words(&it.body));
            }
        }
    }
    let unused = macros.iter().filter(|(name, it)| it.takes_arguments && !reached.contains(name.as_str()));
    unused.map(|(name, _)| name.as_str()).collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c| !is_word(c)).filter(|word| !word.is_empty())
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_macro_is_used_through_others() {
        let macros = macros(
            "#define OUTER(x) \\\n\tINNER(x)\n#define INNER(x) CAT(CASE_, x)\n#define CAT(a, b) a##b\n\
             #define CASE_1(x) x\n#define LONELY(x) x\n#define NUMBER 1\n#define GONE(x)\n#undef GONE\n",
        );
        assert_eq!(unused(&macros, "int f = OUTER(1);"), ["LONELY"]);
        assert_eq!(unused(&macros, "int f = INNER(LONELY(1));"), ["OUTER"]);
    }
}
