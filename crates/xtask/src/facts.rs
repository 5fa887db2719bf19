//! The facts of `abi/`: what DAOS's and Argobots's C ABIs look like, as measured from their builds.
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;

/// Directories of `abi/` that hold facts, one a release.
pub const RELEASES: [&str; 2] = ["argobots-1.2", "daos-2.8.0"];

/// All facts, of both releases.
pub struct Facts {
    /// typedef → its target, `struct {}` and the like for one that is not known by a tag.
    pub typedefs: BTreeMap<String, String>,
}

impl Facts {
    /// Reads `abi/*/*.json`.
    pub fn load(root: &Path) -> Result<Facts, Box<dyn Error>> {
        Ok(Facts { typedefs: read(root, "typedefs")? })
    }

    /// What `name` is a typedef of, if it is one.
    pub fn typedef(&self, name: &str) -> Option<&str> {
        self.typedefs.get(name).map(String::as_str)
    }
}

fn read<T: DeserializeOwned>(root: &Path, kind: &str) -> Result<BTreeMap<String, T>, Box<dyn Error>> {
    let mut all = BTreeMap::new();
    for release in RELEASES {
        let path = root.join("abi").join(release).join(format!("{kind}.json"));
        let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let facts: BTreeMap<String, T> =
            serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?;
        all.extend(facts);
    }
    Ok(all)
}
