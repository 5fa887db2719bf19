//! UUIDs in log lines.

/// Length of a UUID as text, with the NUL: `DAOS_UUID_STR_SIZE`.
pub const TEXT_SIZE: usize = 37;
/// How many UUIDs one log line may print: `DF_UUID_MAX`.
const TEXTS: usize = 8;

/// The text of a UUID in lower case, or `?` without one; NUL-terminated.
fn text(uuid: Option<&[u8; 16]>) -> [u8; TEXT_SIZE] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; TEXT_SIZE];
    let Some(uuid) = uuid else {
        text[0] = b'?';
        return text;
    };
    let mut at = 0;
    for (i, byte) in uuid.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            text[at] = b'-';
            at += 1;
        }
        text[at] = DIGITS[usize::from(byte >> 4)];
        text[at + 1] = DIGITS[usize::from(byte & 15)];
        at += 2;
    }
    text
}

/// The buffers of a thread, used in turn so that one line may print several UUIDs.
pub struct Texts {
    buffers: [[u8; TEXT_SIZE]; TEXTS],
    next: usize,
}

impl Texts {
    /// Empty buffers.
    pub const fn new() -> Self {
        Texts { buffers: [[0; TEXT_SIZE]; TEXTS], next: 0 }
    }

    /// Prints `uuid`; the text holds until [`TEXTS`] more have been printed.
    pub fn print(&mut self, uuid: Option<&[u8; 16]>) -> &mut [u8; TEXT_SIZE] {
        let buffer = &mut self.buffers[self.next];
        self.next = (self.next + 1) % TEXTS;
        *buffer = text(uuid);
        buffer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_texts_stand_side_by_side() {
        let mut texts = Texts::new();
        let addresses: Vec<_> = (0..9).map(|n| texts.print(Some(&[n; 16])).as_ptr()).collect();
        assert_eq!(addresses[0], addresses[8]);
        assert!((1..8).all(|i| addresses[i] != addresses[i - 1]));
        let uuid =
            [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0xff];
        assert_eq!(texts.print(Some(&uuid)), b"01234567-89ab-cdef-0011-2233445566ff\0");
        assert_eq!(texts.print(None)[..2], *b"?\0");
    }
}
