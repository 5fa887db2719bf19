//! `abi/replaced.json`: which C files this library replaces, by which feature, and where it differs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use super::Result;

/// The file's content.
pub struct Replaced {
    /// C file → the feature that replaces it; `embedded` stands for all layers beneath the engine.
    pub files: BTreeMap<String, String>,
    /// Symbol of a replaced file → why the library does not have it.
    pub absent: BTreeMap<String, String>,
    /// Symbol of a C file that is not replaced → why the embedded library has it all the same.
    pub single: BTreeMap<String, String>,
    /// Symbol that no C file has → what it is for.
    pub extensions: BTreeMap<String, Extension>,
}

/// A symbol of the library's own.
pub struct Extension {
    /// The feature that brings it.
    pub feature: String,
    /// What it is for.
    pub purpose: String,
}

impl Replaced {
    /// Reads `abi/replaced.json`.
    pub fn load(root: &Path) -> Result<Replaced> {
        let path = root.join("abi/replaced.json");
        let wrong = |error: String| format!("{}: {error}", path.display());
        let source = fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
        let parts: Value = serde_json::from_str(&source).map_err(|error| wrong(error.to_string()))?;
        let part = |name: &str| parts[name].as_object().ok_or_else(|| wrong(format!("no {name}")));
        let extension = |value: &Value| {
            Some(Extension { feature: text(&value["feature"])?, purpose: text(&value["purpose"])? })
        };
        Ok(Replaced {
            files: convert(part("files")?, text).map_err(wrong)?,
            absent: convert(part("absent")?, text).map_err(wrong)?,
            single: convert(part("single")?, text).map_err(wrong)?,
            extensions: convert(part("extensions")?, extension).map_err(wrong)?,
        })
    }

    /// The feature that brings the symbols of a C file, if it is replaced.
    pub fn feature_of(&self, file: Option<&str>) -> Option<&str> {
        // Argobots has no C file here, its header stands for all.
        self.files.get(file.unwrap_or("abt.h")).map(String::as_str)
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn convert<T>(
    part: &Map<String, Value>,
    value: impl Fn(&Value) -> Option<T>,
) -> std::result::Result<BTreeMap<String, T>, String> {
    let entry = |(name, json): (&String, &Value)| {
        Ok((name.clone(), value(json).ok_or_else(|| format!("cannot read {name}"))?))
    };
    part.iter().map(entry).collect()
}
