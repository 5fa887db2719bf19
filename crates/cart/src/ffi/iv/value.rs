//! Values: lists of pieces of memory.

use core::{ptr, slice};

use abi::{d_iov_t, d_sg_list_t};
use gurt_client::{Der, Result, error};

use super::{IV, vector};

/// A `d_sg_list_t` whose memory belongs to the user of the namespace, or lies in a request.
pub struct Value(d_sg_list_t);

// SAFETY: the user hands the memory over from thread to thread with the list.
unsafe impl Send for Value {}

impl Value {
    /// A list without pieces, for `ivo_on_get` to fill.
    pub const EMPTY: Value = Value(d_sg_list_t { sg_nr: 0, sg_nr_out: 0, sg_iovs: ptr::null_mut() });

    /// The value of a list.
    ///
    /// # Safety
    /// The list's pieces, and their memory, stay until the value is dropped.
    pub unsafe fn new(list: d_sg_list_t) -> Self {
        Value(list)
    }

    /// The list as it is.
    pub fn list(&self) -> d_sg_list_t {
        self.0
    }

    /// The list for a callback, which may change it.
    pub fn as_mut_ptr(&mut self) -> *mut d_sg_list_t {
        &raw mut self.0
    }

    fn pieces(&self) -> &[d_iov_t] {
        if self.0.sg_iovs.is_null() {
            return &[];
        }
        // SAFETY: by the promise of `new`, and that of `ivo_on_get`.
        unsafe { slice::from_raw_parts(self.0.sg_iovs, self.0.sg_nr as usize) }
    }

    fn pieces_mut(&mut self) -> &mut [d_iov_t] {
        if self.0.sg_iovs.is_null() {
            return &mut [];
        }
        // SAFETY: as in `pieces`; who has the value has its pieces.
        unsafe { slice::from_raw_parts_mut(self.0.sg_iovs, self.0.sg_nr as usize) }
    }

    /// Bytes of all pieces.
    pub fn size(&self) -> usize {
        self.pieces().iter().map(|piece| piece.iov_buf_len).sum()
    }

    /// Takes what is in use of `from`, piece by piece: `d_sgl_buf_copy`. `-DER_OVERFLOW` if it has more room.
    pub fn fill(&mut self, from: &Value) -> Result {
        let (to, from) = (self.pieces_mut(), from.pieces());
        let fits = to.len() >= from.len()
            && to.iter().zip(from).all(|(to, from)| to.iov_buf_len >= from.iov_buf_len);
        if !fits {
            let sizes = |pieces: &[d_iov_t]| pieces.iter().map(|piece| piece.iov_buf_len).collect::<Vec<_>>();
            error!(
                IV,
                "an IV value of pieces of {:?} bytes does not fit into those of {:?} that this rank's class made; \
                 the ranks' classes differ",
                sizes(from),
                sizes(to)
            );
            return Err(Der::new(abi::DER_OVERFLOW.into()));
        }
        for (to, from) in to.iter_mut().zip(from) {
            let used = from.iov_len.min(from.iov_buf_len);
            if used > 0 {
                // SAFETY: both have as many bytes; they may be the same memory.
                unsafe { ptr::copy(from.iov_buf.cast::<u8>(), to.iov_buf.cast(), used) };
            }
            (to.iov_buf_len, to.iov_len) = (from.iov_buf_len, from.iov_len);
        }
        Ok(())
    }
}

/// A copy of a value, with memory of its own.
pub struct Copied {
    /// Pointed at by the list.
    _memory: Vec<Vec<u8>>,
    pieces: Vec<d_iov_t>,
}

// SAFETY: the pieces point into the memory beside them.
unsafe impl Send for Copied {}

impl Copied {
    /// Copies a value.
    pub fn new(value: &Value) -> Self {
        let bytes = |piece: &d_iov_t| match piece.iov_buf_len {
            0 => Vec::new(),
            // SAFETY: a piece has as many bytes as it says.
            len => unsafe { slice::from_raw_parts(piece.iov_buf.cast::<u8>(), len) }.to_vec(),
        };
        let memory: Vec<_> = value.pieces().iter().map(bytes).collect();
        let piece = |(copy, piece): (&Vec<u8>, &d_iov_t)| d_iov_t { iov_len: piece.iov_len, ..vector(copy) };
        let pieces = memory.iter().zip(value.pieces()).map(piece).collect();
        Copied { _memory: memory, pieces }
    }

    /// The value, valid as long as the copy.
    pub fn value(&mut self) -> Value {
        // As many as a list has.
        let sg_nr = self.pieces.len() as u32;
        Value(d_sg_list_t { sg_nr, sg_nr_out: 0, sg_iovs: self.pieces.as_mut_ptr() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Memory {
        _bytes: Vec<Vec<u8>>,
        pieces: Vec<d_iov_t>,
    }

    fn memory(content: &[&[u8]]) -> Memory {
        let bytes: Vec<Vec<u8>> = content.iter().map(|bytes| bytes.to_vec()).collect();
        let pieces = bytes.iter().map(|bytes| vector(bytes)).collect();
        Memory { _bytes: bytes, pieces }
    }

    impl Memory {
        fn value(&mut self) -> Value {
            let list = d_sg_list_t {
                sg_nr: self.pieces.len() as u32,
                sg_nr_out: 0,
                sg_iovs: self.pieces.as_mut_ptr(),
            };
            // SAFETY: dropped before the memory, in these tests.
            unsafe { Value::new(list) }
        }
    }

    fn content(value: &Value) -> Vec<Vec<u8>> {
        // SAFETY: pieces of the tests.
        let bytes = |piece: &d_iov_t| unsafe {
            slice::from_raw_parts(piece.iov_buf.cast::<u8>(), piece.iov_len).to_vec()
        };
        value.pieces().iter().map(bytes).collect()
    }

    #[test]
    fn a_value_takes_what_fits() {
        let (mut from, mut to) = (memory(&[b"abc", b""]), memory(&[b"12345", b"6", b"7"]));
        let mut value = to.value();
        assert_eq!(value.size(), 7);
        value.fill(&from.value()).unwrap();
        assert_eq!(content(&value), [&b"abc"[..], b"", b"7"]);
        assert_eq!(value.size(), 4);
    }

    #[test]
    fn a_larger_value_changes_nothing() {
        let (mut larger, mut longer, mut to) =
            (memory(&[b"a", b"abc"]), memory(&[b"a", b"b", b"c"]), memory(&[b"12", b"34"]));
        let mut value = to.value();
        assert!(value.fill(&larger.value()).is_err());
        assert!(value.fill(&longer.value()).is_err());
        assert_eq!(content(&value), [b"12", b"34"]);
        let mut empty = Value::EMPTY;
        assert!(empty.fill(&value).is_err());
        value.fill(&Value::EMPTY).unwrap();
    }

    #[test]
    fn a_copy_has_its_own_memory() {
        let mut from = memory(&[b"abc", b""]);
        let mut copy = Copied::new(&from.value());
        from.value().fill(&memory(&[b"xyz"]).value()).unwrap();
        assert_eq!(content(&copy.value()), [&b"abc"[..], b""]);
        assert_eq!(content(&from.value()), [&b"xyz"[..], b""]);
    }
}
