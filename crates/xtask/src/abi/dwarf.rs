//! The C interface that a library's debugging information tells: types of functions and variables.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use gimli::{AttributeValue, DwAt, EndianSlice, RunTimeEndian, UnitOffset};
use object::{Object, ObjectSection};

use super::Result;

type Reader<'a> = EndianSlice<'a, RunTimeEndian>;
type Entry<'a> = gimli::DebuggingInformationEntry<Reader<'a>>;

/// How far pointers are followed.
const DEPTH: u32 = 8;

/// A type as far as callers depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// `void`.
    Void,
    /// An integer, enumeration or truth value; whether it has a sign, where the language says.
    Integer(u64, Option<bool>),
    /// A floating-point number.
    Float(u64),
    /// A pointer to data.
    Pointer(Box<Type>),
    /// A pointer to a function, which may be null.
    Function(Box<Signature>),
    /// A structure or union: name, and size unless it is opaque.
    Aggregate(String, Option<u64>),
    /// An array of that many elements.
    Array(Box<Type>, Option<u64>),
    /// What is not looked at: a type too far behind pointers, or one that C does not have.
    Other(String),
}

/// The types of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Of the parameters, in order.
    pub parameters: Vec<Type>,
    /// Of the result.
    pub result: Type,
    /// More parameters follow.
    pub variadic: bool,
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A function.
    Function(Signature),
    /// A variable.
    Variable(Type),
}

impl Type {
    /// Whether a caller that has the one can work with the other.
    pub fn is_compatible(&self, other: &Type) -> bool {
        match (self, other) {
            (Type::Integer(a, sign_a), Type::Integer(b, sign_b)) => {
                a == b && (sign_a.is_none() || sign_b.is_none() || sign_a == sign_b)
            }
            (Type::Pointer(a), Type::Pointer(b)) => a.is_compatible(b),
            (Type::Function(a), Type::Function(b)) => a.is_compatible(b),
            (Type::Array(a, count_a), Type::Array(b, count_b)) => {
                a.is_compatible(b) && (count_a == count_b || count_a.is_none() || count_b.is_none())
            }
            // What one side keeps opaque has no size there.
            (Type::Aggregate(a, size_a), Type::Aggregate(b, size_b)) => {
                a == b && (size_a == size_b || size_a.is_none() || size_b.is_none())
            }
            (Type::Other(_), _) | (_, Type::Other(_)) => true,
            (a, b) => a == b,
        }
    }
}

impl Signature {
    /// As for types.
    pub fn is_compatible(&self, other: &Signature) -> bool {
        let mut parameters = self.parameters.iter().zip(&other.parameters);
        self.parameters.len() == other.parameters.len()
            && self.variadic == other.variadic
            && parameters.all(|(a, b)| a.is_compatible(b))
            && self.result.is_compatible(&other.result)
    }
}

impl Item {
    /// As for types.
    pub fn is_compatible(&self, other: &Item) -> bool {
        match (self, other) {
            (Item::Function(a), Item::Function(b)) => a.is_compatible(b),
            (Item::Variable(a), Item::Variable(b)) => a.is_compatible(b),
            _ => false,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Void => write!(f, "void"),
            Type::Integer(size, Some(false)) => write!(f, "u{}", size * 8),
            Type::Integer(size, Some(true)) => write!(f, "i{}", size * 8),
            Type::Integer(size, None) => write!(f, "int{}", size * 8),
            Type::Float(size) => write!(f, "f{}", size * 8),
            Type::Pointer(to) => write!(f, "{to}*"),
            Type::Function(signature) => write!(f, "fn{signature}"),
            Type::Aggregate(name, Some(size)) => write!(f, "{name}:{size}"),
            Type::Aggregate(name, None) => write!(f, "{name}"),
            Type::Array(of, Some(count)) => write!(f, "{of}[{count}]"),
            Type::Array(of, None) => write!(f, "{of}[]"),
            Type::Other(name) => write!(f, "?{name}"),
        }
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parameters: Vec<String> = self.parameters.iter().map(Type::to_string).collect();
        parameters.extend(self.variadic.then(|| "...".into()));
        write!(f, "({}) -> {}", parameters.join(", "), self.result)
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Item::Function(signature) => signature.fmt(f),
            Item::Variable(ty) => ty.fmt(f),
        }
    }
}

/// Every function and external variable that a library or object defines, by name. An error if there is no
/// debugging information.
pub fn items(path: &Path) -> Result<BTreeMap<String, Item>> {
    let data = fs::read(path).map_err(|error| format!("{}: {error}; build it first", path.display()))?;
    let file = object::File::parse(&*data)?;
    let section = |id: gimli::SectionId| -> Result<std::borrow::Cow<'_, [u8]>> {
        let section = file.section_by_name(id.name());
        Ok(section.map(|section| section.uncompressed_data()).transpose()?.unwrap_or_default())
    };
    let sections = gimli::DwarfSections::load(section)?;
    let endian = if file.is_little_endian() { RunTimeEndian::Little } else { RunTimeEndian::Big };
    let dwarf = sections.borrow(|section| EndianSlice::new(section, endian));
    let mut items = BTreeMap::new();
    let mut units = dwarf.units();
    while let Some(header) = units.next()? {
        let unit = Unit { dwarf: &dwarf, unit: dwarf.unit(header)? };
        unit.collect(&mut items)?;
    }
    if items.is_empty() {
        return Err(format!("{} has no debugging information to compare", path.display()).into());
    }
    Ok(items)
}

/// One compilation unit.
struct Unit<'a> {
    dwarf: &'a gimli::Dwarf<Reader<'a>>,
    unit: gimli::Unit<Reader<'a>>,
}

impl<'a> Unit<'a> {
    fn collect(&self, items: &mut BTreeMap<String, Item>) -> Result<()> {
        let mut entries = self.unit.entries();
        while let Some(entry) = entries.next_dfs()? {
            // C declares first: the definition then has only its place.
            let declared = match entry.attr_value(gimli::DW_AT_specification) {
                Some(AttributeValue::UnitRef(offset)) => self.unit.entry(offset)?,
                _ => entry.clone(),
            };
            let external = declared.attr(gimli::DW_AT_external).is_some();
            let item = match entry.tag() {
                gimli::DW_TAG_subprogram if entry.attr(gimli::DW_AT_low_pc).is_some() => {
                    Item::Function(self.signature(entry.offset(), DEPTH)?)
                }
                gimli::DW_TAG_variable if external && entry.attr(gimli::DW_AT_location).is_some() => {
                    Item::Variable(self.type_of(&declared, DEPTH)?)
                }
                _ => continue,
            };
            match self.name(&declared)? {
                Some(name) if external => drop(items.insert(name, item)),
                // Behind a weak symbol is a function of that name which is Rust's own.
                Some(name) => drop(items.entry(name).or_insert(item)),
                None => {}
            }
        }
        Ok(())
    }

    fn name(&self, entry: &Entry<'a>) -> Result<Option<String>> {
        let Some(value) = entry.attr_value(gimli::DW_AT_name) else { return Ok(None) };
        Ok(Some(self.dwarf.attr_string(&self.unit, value)?.to_string_lossy().into_owned()))
    }

    fn number(entry: &Entry<'a>, name: DwAt) -> Option<u64> {
        entry.attr_value(name).and_then(|value| value.udata_value())
    }

    fn children(&self, offset: UnitOffset) -> Result<Vec<Entry<'a>>> {
        let mut children = Vec::new();
        let mut tree = self.unit.entries_tree(Some(offset))?;
        let mut nodes = tree.root()?.children();
        while let Some(node) = nodes.next()? {
            children.push(node.entry().clone());
        }
        Ok(children)
    }

    /// Of a function, or of a type of functions.
    fn signature(&self, offset: UnitOffset, depth: u32) -> Result<Signature> {
        let mut parameters = Vec::new();
        let mut variadic = false;
        for child in self.children(offset)? {
            match child.tag() {
                gimli::DW_TAG_formal_parameter => parameters.push(self.type_of(&child, depth)?),
                gimli::DW_TAG_unspecified_parameters => variadic = true,
                _ => {}
            }
        }
        Ok(Signature { parameters, result: self.type_of(&self.unit.entry(offset)?, depth)?, variadic })
    }

    /// The type that an entry refers to.
    fn type_of(&self, entry: &Entry<'a>, depth: u32) -> Result<Type> {
        match entry.attr_value(gimli::DW_AT_type) {
            None => Ok(Type::Void),
            Some(AttributeValue::UnitRef(offset)) => self.named_type(offset, None, depth),
            Some(_) => Ok(Type::Other("elsewhere".into())),
        }
    }

    /// `name` is that of a typedef which leads here: it names a structure that has no name of its own.
    fn named_type(&self, offset: UnitOffset, name: Option<String>, depth: u32) -> Result<Type> {
        let entry = self.unit.entry(offset)?;
        let own = self.name(&entry)?;
        let size = Self::number(&entry, gimli::DW_AT_byte_size);
        let follow = |name| match entry.attr_value(gimli::DW_AT_type) {
            Some(AttributeValue::UnitRef(offset)) => self.named_type(offset, name, depth),
            _ => Ok(Type::Void),
        };
        match entry.tag() {
            gimli::DW_TAG_typedef => follow(own),
            gimli::DW_TAG_const_type
            | gimli::DW_TAG_volatile_type
            | gimli::DW_TAG_restrict_type
            | gimli::DW_TAG_atomic_type => follow(name),
            gimli::DW_TAG_base_type => Ok(base(&entry, own.as_deref(), size.unwrap_or(0))),
            gimli::DW_TAG_enumeration_type if own.as_deref() == Some("c_void") => Ok(Type::Void),
            gimli::DW_TAG_enumeration_type => Ok(Type::Integer(size.unwrap_or(0), None)),
            gimli::DW_TAG_pointer_type => self.pointer(&entry, depth),
            gimli::DW_TAG_subroutine_type => Ok(Type::Function(Box::new(self.signature(offset, depth)?))),
            gimli::DW_TAG_array_type => {
                let mut ty = self.type_of(&entry, depth)?;
                let dimensions = self.children(offset)?;
                for dimension in dimensions.iter().rev().filter(|it| it.tag() == gimli::DW_TAG_subrange_type)
                {
                    let count = Self::number(dimension, gimli::DW_AT_count).or_else(|| {
                        Self::number(dimension, gimli::DW_AT_upper_bound).map(|last| last.wrapping_add(1))
                    });
                    ty = Type::Array(Box::new(ty), count);
                }
                Ok(ty)
            }
            gimli::DW_TAG_structure_type | gimli::DW_TAG_union_type => {
                let own = own.or(name).unwrap_or_default();
                if own.starts_with("Option<") {
                    return self.option(offset, &own, depth);
                }
                // The C library's own is opaque in Rust, by the name of its typedef.
                if own == "_IO_FILE" {
                    return Ok(Type::Aggregate("FILE".into(), None));
                }
                // An opaque type of Rust has the size of its placeholder.
                Ok(Type::Aggregate(own, size.filter(|size| *size != 0)))
            }
            tag => Ok(Type::Other(tag.to_string())),
        }
    }

    fn pointer(&self, entry: &Entry<'a>, depth: u32) -> Result<Type> {
        if depth == 0 {
            return Ok(Type::Pointer(Box::new(Type::Other("deeper".into()))));
        }
        match self.type_of(entry, depth - 1)? {
            // `()` in Rust; a pointer to a function is one to its type.
            Type::Function(signature) => Ok(Type::Function(signature)),
            to => Ok(Type::Pointer(Box::new(to))),
        }
    }

    /// Rust's nullable pointer to a function: the member of the variant `Some`.
    fn option(&self, offset: UnitOffset, name: &str, depth: u32) -> Result<Type> {
        let mut open = self.children(offset)?;
        while let Some(entry) = open.pop() {
            let inner = match entry.tag() {
                gimli::DW_TAG_member if self.name(&entry)?.as_deref() == Some("__0") => {
                    return self.type_of(&entry, depth);
                }
                gimli::DW_TAG_structure_type | gimli::DW_TAG_variant_part | gimli::DW_TAG_variant => {
                    self.children(entry.offset())?
                }
                _ => Vec::new(),
            };
            open.extend(inner);
        }
        Ok(Type::Other(name.to_owned()))
    }
}

fn base(entry: &Entry<'_>, name: Option<&str>, size: u64) -> Type {
    match entry.attr_value(gimli::DW_AT_encoding) {
        Some(AttributeValue::Encoding(gimli::DW_ATE_float)) => Type::Float(size),
        Some(AttributeValue::Encoding(gimli::DW_ATE_boolean)) => Type::Integer(size, None),
        Some(AttributeValue::Encoding(gimli::DW_ATE_signed | gimli::DW_ATE_signed_char)) => {
            Type::Integer(size, Some(true))
        }
        // `()`.
        _ if size == 0 => Type::Void,
        Some(AttributeValue::Encoding(gimli::DW_ATE_unsigned | gimli::DW_ATE_unsigned_char)) => {
            Type::Integer(size, Some(false))
        }
        _ => Type::Other(name.unwrap_or_default().to_owned()),
    }
}
