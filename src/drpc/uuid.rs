//! UUIDs as text: `uuid_unparse_lower` and `uuid_parse` of libuuid.

use core::ffi::{CStr, c_char};
use core::fmt;

/// A UUID, printed in lower case with hyphens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Uuid(pub abi::uuid_t);

impl Uuid {
    /// Reads a UUID; none when the text is not one.
    pub fn parse(text: &[u8]) -> Option<Uuid> {
        if text.len() != 36 {
            return None;
        }
        let mut uuid = [0; 16];
        let mut at = 0;
        for (i, byte) in uuid.iter_mut().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                (text[at] == b'-').then_some(())?;
                at += 1;
            }
            let digit = |c: u8| char::from(c).to_digit(16);
            *byte = (digit(text[at])? << 4 | digit(text[at + 1])?) as u8;
            at += 2;
        }
        Some(Uuid(uuid))
    }

    /// Reads a UUID of C.
    ///
    /// # Safety
    /// `text` is null or a string.
    pub unsafe fn from_c(text: *const c_char) -> Option<Uuid> {
        // SAFETY: the caller vouches for it.
        (!text.is_null())
            .then(|| unsafe { CStr::from_ptr(text) })
            .and_then(|text| Uuid::parse(text.to_bytes()))
    }

    /// Whether all bytes are zero: `uuid_is_null`.
    pub fn is_null(&self) -> bool {
        self.0 == [0; 16]
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_are_read_and_written() {
        let text = "01234567-89ab-cdef-0011-2233445566ff";
        let uuid = Uuid::parse(text.as_bytes()).expect("well-formed");
        assert_eq!((uuid.0[0], uuid.0[15]), (0x01, 0xff));
        assert_eq!(uuid.to_string(), text);
        for bad in ["", "0", "01234567-89ab-cdef-0011-2233445566f", "01234567+89ab-cdef-0011-2233445566ff"] {
            assert_eq!(Uuid::parse(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(Uuid::parse(b"0123456789ab-cdef-0011-2233445566ff-"), None);
    }
}
