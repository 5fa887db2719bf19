//! Text of bounded length, formatted without allocating.

use core::fmt::{self, Write};

/// A string of at most `N - 1` bytes on the stack, followed by a NUL for C. What does not fit is cut off, and
/// a NUL inside becomes `?`.
pub struct StackText<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> StackText<N> {
    /// An empty string.
    pub const fn new() -> Self {
        StackText { bytes: [0; N], len: 0 }
    }

    /// The text, without its NUL.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// The text as C reads it.
    pub fn as_ptr(&self) -> *const core::ffi::c_char {
        self.bytes.as_ptr().cast()
    }

    /// Appends bytes, as many as fit.
    pub fn push(&mut self, bytes: &[u8]) {
        let room = N - 1 - self.len;
        for (to, &from) in self.bytes[self.len..].iter_mut().zip(bytes.iter().take(room)) {
            *to = if from == 0 { b'?' } else { from };
        }
        self.len += bytes.len().min(room);
    }
}

impl<const N: usize> Default for StackText<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Write for StackText<N> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.push(s.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_to_its_room_and_holds_no_nul() {
        let mut text = StackText::<8>::new();
        write!(text, "a\0b").unwrap();
        assert_eq!(text.as_bytes(), b"a?b");
        write!(text, "{}", 1234567).unwrap();
        assert_eq!(text.as_bytes(), b"a?b1234");
        assert_eq!(text.bytes[7], 0);
    }
}
