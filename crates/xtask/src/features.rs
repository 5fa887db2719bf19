//! The features of `Cargo.toml`, one a C source file, and static libraries with a choice of them.

use crate::{Result, cargo, command, target};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

const BUILD_LIMIT: Duration = Duration::from_secs(600);
/// The profile of `Cargo.toml` that they are built with.
const PROFILE: &str = "feature";

/// Feature → what it turns on.
pub struct Features(BTreeMap<String, Vec<String>>);

impl Features {
    /// Asks cargo.
    pub fn load() -> Result<Features> {
        let mut command = cargo();
        command.args(["metadata", "--no-deps", "--offline", "--quiet", "--format-version", "1"]);
        let outcome = command::run_quietly(command, BUILD_LIMIT)?;
        let metadata: Value = serde_json::from_str(&outcome.output)
            .map_err(|error| format!("cargo metadata: {error}: {}", outcome.output))?;
        let packages = metadata["packages"].as_array().into_iter().flatten();
        let features = packages
            .filter(|package| package["name"] == "daos-engine")
            .find_map(|package| serde_json::from_value(package["features"].clone()).ok());
        features.map(Features).ok_or_else(|| "cargo metadata: no features of daos-engine".into())
    }

    /// A feature and all that it turns on.
    pub fn of_bundle(&self, bundle: &str) -> BTreeSet<String> {
        let mut on = BTreeSet::new();
        let mut open = vec![bundle];
        while let Some(feature) = open.pop() {
            if let Some((name, more)) = self.0.get_key_value(feature)
                && on.insert(name.clone())
            {
                open.extend(more.iter().map(String::as_str));
            }
        }
        on
    }

    /// Those that turn on no other.
    pub fn single(&self) -> impl Iterator<Item = &str> {
        let is_bundle = |more: &Vec<String>| more.iter().any(|other| self.0.contains_key(other));
        self.0.iter().filter(move |(_, more)| !is_bundle(more)).map(|(name, _)| name.as_str())
    }
}

/// Builds the library of each of `features` alone: `libdaos_engine-<feature>.a` in `directory`.
pub fn build_each(features: &[String], directory: &Path) -> Result<()> {
    std::fs::create_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    for feature in features {
        let library = build(&target(), std::slice::from_ref(feature))
            .map_err(|said| format!("the library of {feature} does not build: {said}"))?;
        replace(&library, &directory.join(format!("libdaos_engine-{feature}.a")))?;
    }
    Ok(())
}

/// Builds the static library of these features and no others, in cargo's target folder `workshop`. The next build
/// there overwrites it.
pub fn build(workshop: &Path, features: &[String]) -> Result<PathBuf> {
    let mut command = cargo();
    command.env("CARGO_TARGET_DIR", workshop);
    command.args(["rustc", "--quiet", "--lib", "--crate-type", "staticlib", "--profile", PROFILE]);
    command.args(["--no-default-features", "--features", &features.join(",")]);
    let outcome = command::run_quietly(command, BUILD_LIMIT)?;
    if !outcome.success {
        let errors: Vec<&str> = outcome.output.lines().filter(|line| line.starts_with("error")).collect();
        return Err(errors.join("; "));
    }
    Ok(workshop.join(PROFILE).join("libdaos_engine.a"))
}

/// Makes `path` another name of `library`; left alone if it is that already, so that nothing is linked again.
fn replace(library: &Path, path: &Path) -> Result<()> {
    let modified = |path: &Path| std::fs::metadata(path).and_then(|data| data.modified()).ok();
    if modified(path).is_some_and(|time| modified(library) == Some(time)) {
        return Ok(());
    }
    let _ = std::fs::remove_file(path);
    std::fs::hard_link(library, path).map_err(|error| format!("{}: {error}", path.display()))
}
