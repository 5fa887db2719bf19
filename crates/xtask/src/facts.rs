//! The facts of `abi/`: what DAOS's and Argobots's C ABIs look like, as measured from their builds.
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// Directories of `abi/` that hold facts, one a release.
pub const RELEASES: [&str; 2] = ["argobots-1.2", "daos-2.8.0"];

/// All facts, of both releases.
#[derive(Default)]
pub struct Facts {
    /// typedef → its target, `struct {}` and the like for one that is not known by a tag.
    pub typedefs: BTreeMap<String, String>,
    /// `struct x`, `union x` or a typedef's name → layout.
    pub structs: BTreeMap<String, Layout>,
    /// `enum x`, a typedef's name, or `anonymous <first constant>` → constant → value.
    pub enums: BTreeMap<String, BTreeMap<String, i128>>,
    /// Macro → value, a number or a string.
    pub constants: BTreeMap<String, Value>,
    /// Function or variable → what is known of it.
    pub symbols: BTreeMap<String, Symbol>,
    /// Inline function → its C declaration.
    pub inlines: BTreeMap<String, String>,
    /// Library → those of its symbols that others of DAOS use.
    pub uses: BTreeMap<String, BTreeSet<String>>,
}

/// Size, alignment and members of a struct or union.
pub struct Layout {
    /// In bytes.
    pub size: u64,
    /// In bytes.
    pub align: u64,
    /// In order.
    pub members: Vec<Member>,
}

/// A member of a struct or union.
pub struct Member {
    /// None for a struct or union that C gives no name.
    pub name: Option<String>,
    /// Its C type.
    pub ty: String,
    /// From the start of the outermost struct, in bytes; for a bit field that of its word.
    pub offset: u64,
    /// Of its type, in bytes.
    pub size: u64,
    /// First bit, counted from `offset`, and width.
    pub bits: Option<(u64, u64)>,
    /// Members of a type that is written in place.
    pub members: Vec<Member>,
}

/// A global symbol.
pub struct Symbol {
    /// A function, otherwise a variable.
    pub is_function: bool,
    /// The C file that defines it, `engine/srv.c`; none for Argobots's.
    pub file: Option<String>,
    /// Whether others may define it too; theirs is the one that counts.
    pub is_weak: bool,
    /// Of a variable, in bytes.
    pub size: Option<u64>,
    /// Its C declaration without storage class.
    pub declaration: String,
}

impl Facts {
    /// Reads `abi/*/*.json`.
    pub fn load(root: &Path) -> Result<Facts, Box<dyn Error>> {
        Ok(Facts {
            typedefs: read(root, "typedefs", text)?,
            structs: read(root, "structs", layout)?,
            enums: read(root, "enums", |value| {
                Some(value.as_object()?.iter().map(|(k, v)| (k.clone(), integer(v))).collect())
            })?,
            constants: read(root, "constants", |value| Some(value.clone()))?,
            symbols: read(root, "symbols", symbol)?,
            inlines: read(root, "inlines", text)?,
            uses: read(root, "uses", |value| Some(value.as_object()?.keys().cloned().collect()))?,
        })
    }

    /// What `name` is a typedef of, if it is one.
    pub fn typedef(&self, name: &str) -> Option<&str> {
        self.typedefs.get(name).map(String::as_str)
    }

    /// The C name and layout of a struct or union that Rust calls `name`.
    pub fn layout(&self, keyword: &str, name: &str) -> Option<(String, &Layout)> {
        [format!("{keyword} {name}"), name.to_owned()]
            .into_iter()
            .find_map(|key| self.structs.get(&key).map(|layout| (key, layout)))
    }

    /// The value of an enumerator or of a macro that is a number.
    pub fn value(&self, name: &str) -> Option<i128> {
        let enumerator = self.enums.values().find_map(|values| values.get(name).copied());
        enumerator.or_else(|| self.constants.get(name).filter(|value| value.is_number()).map(integer))
    }
}

/// Reads one kind of facts of all releases that have it.
fn read<T>(
    root: &Path,
    kind: &str,
    convert: impl Fn(&Value) -> Option<T>,
) -> Result<BTreeMap<String, T>, Box<dyn Error>> {
    let mut all = BTreeMap::new();
    for release in RELEASES {
        let path = root.join("abi").join(release).join(format!("{kind}.json"));
        let Ok(source) = fs::read_to_string(&path) else { continue };
        let facts: BTreeMap<String, Value> =
            serde_json::from_str(&source).map_err(|error| format!("{}: {error}", path.display()))?;
        for (name, value) in facts {
            let fact = convert(&value).ok_or_else(|| format!("{}: cannot read {name}", path.display()))?;
            all.insert(name, fact);
        }
    }
    Ok(all)
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn integer(value: &Value) -> i128 {
    value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from)).unwrap_or_default()
}

fn layout(value: &Value) -> Option<Layout> {
    Some(Layout {
        size: value["size"].as_u64()?,
        align: value["align"].as_u64()?,
        members: members(&value["members"])?,
    })
}

fn members(value: &Value) -> Option<Vec<Member>> {
    value.as_array().map_or(Some(Vec::new()), |members| members.iter().map(member).collect())
}

fn member(value: &Value) -> Option<Member> {
    let bits =
        value["bits"].as_array().and_then(|bits| Some((bits.first()?.as_u64()?, bits.get(1)?.as_u64()?)));
    Some(Member {
        name: text(&value["name"]),
        ty: text(&value["type"])?,
        offset: value["offset"].as_u64()?,
        size: value["size"].as_u64()?,
        bits,
        members: members(&value["members"])?,
    })
}

fn symbol(value: &Value) -> Option<Symbol> {
    Some(Symbol {
        is_function: value["kind"] == "func",
        file: text(&value["file"]),
        is_weak: value["weak"] == true,
        size: value["size"].as_u64(),
        declaration: text(&value["declaration"])?,
    })
}
