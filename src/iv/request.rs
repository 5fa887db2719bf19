//! What a request is, in words: for the one line that a failed request leaves in the log.

use core::fmt;

/// What is done to a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    /// Read.
    Fetch,
    /// Written.
    Update,
    /// Made invalid.
    Invalidate,
}

impl fmt::Display for Opcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Opcode::Fetch => "fetch",
            Opcode::Update => "update",
            Opcode::Invalidate => "invalidate",
        })
    }
}

/// A class by its number, and its name if it is one of DAOS's.
pub struct ClassName(pub i32);

impl fmt::Display for ClassName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0.cast_unsigned() {
            abi::IV_POOL_MAP => "pool map",
            abi::IV_POOL_PROP => "pool properties",
            abi::IV_POOL_CONN => "pool connections",
            abi::IV_REBUILD => "rebuild",
            abi::IV_OID => "object ids",
            abi::IV_CONT_SNAP => "container snapshots",
            abi::IV_CONT_CAPA => "container capabilities",
            abi::IV_CONT_PROP => "container properties",
            abi::IV_POOL_HDL => "pool handles",
            abi::IV_CONT_TRACK_EPOCH_REPORT => "epoch report",
            abi::IV_CONT_TRACK_EPOCH => "epochs",
            abi::IV_CHK => "checker",
            _ => return write!(f, "class {}", self.0),
        };
        write!(f, "class {} ({name})", self.0)
    }
}

/// A key: its first 16 bytes, which are a UUID wherever there is more than one variable of a class in DAOS.
pub struct KeyText<'a>(pub &'a [u8]);

impl fmt::Display for KeyText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().take(16).enumerate() {
            let dash = if matches!(i, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{dash}{byte:02x}")?;
        }
        Ok(())
    }
}

/// A rank, or that there is none.
pub struct Rank(pub abi::d_rank_t);

impl fmt::Display for Rank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            abi::CRT_NO_RANK => f.write_str("no rank"),
            rank => write!(f, "rank {rank}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_class_key_rank_and_opcode() {
        let key: Vec<u8> = (0..48).collect();
        let text = format!("{} {} {}: {}", Opcode::Update, ClassName(8), KeyText(&key), Rank(3));
        assert_eq!(
            text,
            "update class 8 (container properties) 00010203-0405-0607-0809-0a0b0c0d0e0f: rank 3"
        );
        assert_eq!(format!("{} {}", ClassName(77), Rank(abi::CRT_NO_RANK)), "class 77 no rank");
    }
}
