//! `abi/replaced.json`: which C files this library replaces, by which feature, and where it differs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::Result;

/// The file's content.
pub struct Replaced {
    /// C file → the feature that replaces it; `embedded` stands for all layers beneath the engine.
    pub files: BTreeMap<String, String>,
    /// Symbol of a replaced file → why the library does not have it.
    pub absent: BTreeMap<String, String>,
    /// Symbol of a C file that is not replaced → why the library has it all the same.
    pub single: BTreeMap<String, String>,
    /// Symbol that no C file has → what it is for.
    pub extensions: BTreeMap<String, String>,
}

impl Replaced {
    /// Reads `abi/replaced.json`.
    pub fn load(root: &Path) -> Result<Replaced> {
        let path = root.join("abi/replaced.json");
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut parts: BTreeMap<String, BTreeMap<String, String>> =
            serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut part = |name: &str| parts.remove(name).ok_or(format!("{}: no {name}", path.display()));
        Ok(Replaced {
            files: part("files")?,
            absent: part("absent")?,
            single: part("single")?,
            extensions: part("extensions")?,
        })
    }
}
