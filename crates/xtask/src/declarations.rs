//! What `crates/abi` declares, read from its source.
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use syn::punctuated::Punctuated;

/// Where the declarations stand.
pub const SOURCE: &str = "crates/abi/src";

/// Everything that `crates/abi` declares, by Rust name.
#[derive(Default)]
pub struct Declarations {
    /// Structs and unions.
    pub aggregates: BTreeMap<String, Aggregate>,
    /// Enumerations: integer types of which there are constants.
    pub enums: BTreeMap<String, PathBuf>,
    /// Constants and their types.
    pub constants: BTreeMap<String, Constant>,
    /// Functions and variables.
    pub symbols: BTreeMap<String, PathBuf>,
    /// Other type aliases.
    pub aliases: BTreeMap<String, PathBuf>,
}

/// A struct or union.
pub struct Aggregate {
    /// `struct` or `union`.
    pub keyword: &'static str,
    /// Its file below [`SOURCE`].
    pub file: PathBuf,
    /// Its members; none if it is opaque.
    pub fields: Vec<Field>,
    /// C writes it where it is used.
    pub in_place: bool,
}

/// A member as Rust has it.
pub struct Field {
    /// Its name in Rust.
    pub rust: String,
    /// What C has there.
    pub c: CField,
}

/// A member as C has it.
pub enum CField {
    /// A member of this name.
    Named(String),
    /// Bit fields that share a word: name and width each.
    Bits(Vec<(String, u32)>),
    /// A struct or union without a name.
    Anonymous,
}

/// The type of a constant.
pub struct Constant {
    /// Its file below [`SOURCE`].
    pub file: PathBuf,
    /// A handle: a number that is cast to a pointer.
    pub is_pointer: bool,
}

impl Declarations {
    /// Reads all files of `crates/abi`.
    pub fn load(root: &Path) -> Result<Declarations, Box<dyn Error>> {
        let directory = root.join(SOURCE);
        let mut all = Declarations::default();
        for path in files_below(&directory)? {
            let file = path.strip_prefix(&directory)?.to_owned();
            let source = syn::parse_file(&fs::read_to_string(&path)?)
                .map_err(|error| format!("{}: {error}", path.display()))?;
            // `Boundary` is Rust's own.
            if file != Path::new("export.rs") {
                all.read(&file, &source);
            }
        }
        Ok(all)
    }

    /// Adds what one file declares.
    pub fn read(&mut self, file: &Path, source: &syn::File) {
        for name in enum_types(source) {
            self.enums.insert(name, file.to_owned());
        }
        source.items.iter().for_each(|item| self.add(file, item));
    }

    fn add(&mut self, file: &Path, item: &syn::Item) {
        let file = file.to_owned();
        match item {
            syn::Item::Struct(item) => {
                let syn::Fields::Named(fields) = &item.fields else { return };
                let aggregate = Aggregate::new("struct", file, &item.attrs, &fields.named);
                self.aggregates.insert(item.ident.to_string(), aggregate);
            }
            syn::Item::Union(item) => {
                let aggregate = Aggregate::new("union", file, &item.attrs, &item.fields.named);
                self.aggregates.insert(item.ident.to_string(), aggregate);
            }
            syn::Item::Const(item) => {
                let name = type_name(&item.ty).unwrap_or_default();
                let integer = self.enums.contains_key(&name) || is_integer(&name);
                self.constants.insert(item.ident.to_string(), Constant { file, is_pointer: !integer });
            }
            syn::Item::Type(item) if !self.enums.contains_key(&item.ident.to_string()) => {
                self.aliases.insert(item.ident.to_string(), file);
            }
            syn::Item::ForeignMod(block) => {
                for item in &block.items {
                    match item {
                        syn::ForeignItem::Fn(item) => {
                            self.symbols.insert(item.sig.ident.to_string(), file.clone())
                        }
                        syn::ForeignItem::Static(item) => {
                            self.symbols.insert(item.ident.to_string(), file.clone())
                        }
                        _ => None,
                    };
                }
            }
            _ => {}
        }
    }
}

impl Aggregate {
    fn new(
        keyword: &'static str,
        file: PathBuf,
        attrs: &[syn::Attribute],
        fields: &Punctuated<syn::Field, syn::Token![,]>,
    ) -> Self {
        let fields = fields.iter().filter(|field| !is_placeholder(field)).map(Field::new).collect();
        Aggregate { keyword, file, fields, in_place: has_note(attrs, "in place.") }
    }

    /// Whether only pointers to it exist.
    pub fn is_opaque(&self) -> bool {
        self.fields.is_empty()
    }
}

impl Field {
    fn new(field: &syn::Field) -> Self {
        let rust = field.ident.as_ref().expect("members have names").to_string();
        let c = if let Some(bits) = bit_fields(&field.attrs) {
            CField::Bits(bits)
        } else if has_note(&field.attrs, "anonymous.") {
            CField::Anonymous
        } else {
            CField::Named(c_name(&rust).to_owned())
        };
        Field { rust, c }
    }
}

/// The member that stands for the unknown body of an opaque struct.
pub fn is_placeholder(field: &syn::Field) -> bool {
    field.ident.as_ref().is_some_and(|ident| ident == "_opaque" || ident == "_unused")
}

/// The C name of a Rust one, which has a `_` behind it where the C name is a keyword of Rust.
pub fn c_name(rust: &str) -> &str {
    match rust {
        "type_" | "priv_" | "yield_" | "str_" | "proc_" | "ref_" => &rust[..rust.len() - 1],
        other => other,
    }
}

/// The bit fields that a member's documentation says C has in its place.
pub fn bit_fields(attrs: &[syn::Attribute]) -> Option<Vec<(String, u32)>> {
    let line = doc_lines(attrs).find_map(|line| line.strip_prefix("C: bit fields ").map(str::to_owned))?;
    let field = |bit: &str| {
        let (name, width) = bit.trim_matches('`').split_once(':').expect("`name:width`");
        (name.to_owned(), width.parse().expect("a width in bits"))
    };
    Some(line.trim_end_matches('.').split(", ").map(field).collect())
}

/// Whether an item's documentation has the line `C: <note>`.
pub fn has_note(attrs: &[syn::Attribute], note: &str) -> bool {
    doc_lines(attrs).any(|line| line.strip_prefix("C: ") == Some(note))
}

/// The lines of an item's documentation.
pub fn doc_lines(attrs: &[syn::Attribute]) -> impl Iterator<Item = String> {
    attrs.iter().filter(|attr| attr.path().is_ident("doc")).filter_map(|attr| match &attr.meta {
        syn::Meta::NameValue(pair) => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => {
                Some(text.value().trim().to_owned())
            }
            _ => None,
        },
        _ => None,
    })
}

/// Names of the C enumerations of a file.
pub fn enum_types(source: &syn::File) -> Vec<String> {
    let constants: Vec<String> = source
        .items
        .iter()
        .filter_map(|item| match item {
            syn::Item::Const(item) => type_name(&item.ty),
            _ => None,
        })
        .collect();
    let enum_name = |item: &syn::Item| match item {
        syn::Item::Type(item) => {
            let integer = matches!(type_name(&item.ty).as_deref(), Some("c_uint" | "c_int"));
            let name = item.ident.to_string();
            (integer && constants.contains(&name)).then_some(name)
        }
        _ => None,
    };
    source.items.iter().filter_map(enum_name).collect()
}

/// The name of a type that is a single identifier.
pub fn type_name(ty: &syn::Type) -> Option<String> {
    match ty {
        syn::Type::Path(path) => path.path.get_ident().map(ToString::to_string),
        _ => None,
    }
}

fn is_integer(name: &str) -> bool {
    name.starts_with("c_") || matches!(name, "u8" | "u16" | "u32" | "u64" | "usize" | "i32" | "i64")
}

/// All files below a directory, sorted; none if it does not exist.
pub fn files_below(directory: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = Vec::new();
    let Ok(entries) = fs::read_dir(directory) else { return Ok(files) };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
