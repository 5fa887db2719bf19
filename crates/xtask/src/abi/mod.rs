//! `cargo xtask abi`: proves that what this project declares, writes down in headers and exports is the ABI
//! of the facts in `abi/`.
//!
//! - [`layout`] writes a Rust test that compares each declaration of `crates/abi` with its fact.
//! - [`c_side`] compiles and runs a C program that does the same with `include/`.
//! - [`macros`] compiles programs that use every macro of `include/`.
//! - [`symbols`] compares what the library exports with the C files that it replaces; [`features`] does so for
//!   each of those files alone, and for all but one.
//! - [`reference`] compares the library's debugging information with that of a C library of the same headers.
//! - [`matrix`] writes `abi/MATRIX.md`.

mod binary;
mod c_side;
mod dwarf;
pub mod features;
mod layout;
mod macros;
mod matrix;
mod reference;
mod replaced;
mod symbols;

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::Path;

use crate::declarations::Declarations;
use crate::facts::Facts;
use crate::features::Features;
use replaced::Replaced;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What the checks compare.
struct Abi {
    facts: Facts,
    declarations: Declarations,
    replaced: Replaced,
    /// Features of the embedded library, the default.
    embedded: BTreeSet<String>,
}

impl Abi {
    fn load(root: &Path) -> Result<Abi> {
        Ok(Abi {
            facts: Facts::load(root)?,
            declarations: Declarations::load(root)?,
            replaced: Replaced::load(root)?,
            embedded: Features::load()?.of_bundle("default"),
        })
    }
}

/// Writes the generated files.
pub fn write(root: &Path) -> Result<()> {
    let abi = Abi::load(root)?;
    for (path, text) in [layout::generate(&abi)?, matrix::generate(root, &abi)?] {
        let path = root.join(path);
        if fs::read_to_string(&path).is_ok_and(|old| old == text) {
            continue;
        }
        fs::create_dir_all(path.parent().expect("a file lies in a directory"))?;
        fs::write(path, text)?;
    }
    Ok(())
}

/// Makes all checks. `libraries` is the directory with `libdaos_engine.so` and `.a`, `scratch` one for what
/// is compiled. The number of checks made, or all that is wrong.
pub fn check(root: &Path, libraries: &Path, scratch: &Path) -> Result<usize> {
    let abi = Abi::load(root)?;
    let mut wrong = Vec::new();
    let mut made = 0;
    for (path, text) in [layout::generate(&abi)?, matrix::generate(root, &abi)?] {
        made += 1;
        if fs::read_to_string(root.join(path)).ok().as_deref() != Some(&text) {
            wrong.push(format!("{path} is not up to date, run `cargo xtask abi`"));
        }
    }
    made += c_side::check(root, &abi, scratch, &mut wrong)?;
    made += macros::check(root, scratch, &mut wrong)?;
    made += symbols::check(&abi, &abi.embedded, libraries, &mut wrong)?;
    made += reference::check(root, &abi, &abi.embedded, libraries, scratch, &mut wrong)?;
    if wrong.is_empty() { Ok(made) } else { Err(wrong.join("\n").into()) }
}

/// Compares what the libraries in `libraries` export with the facts: the part of [`check`] that optimization could
/// change.
pub fn check_exports(root: &Path, libraries: &Path) -> Result<usize> {
    let abi = Abi::load(root)?;
    let mut wrong = Vec::new();
    let made = symbols::check(&abi, &abi.embedded, libraries, &mut wrong)?;
    if wrong.is_empty() { Ok(made) } else { Err(wrong.join("\n").into()) }
}
