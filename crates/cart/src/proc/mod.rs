//! How the input and output of an RPC become bytes: the format of `crt_hg_proc.c`, which is that of Mercury's proc.
//!
//! Values follow each other without padding, numbers in the order of bytes of x86-64:
//!
//! | value | bytes |
//! | --- | --- |
//! | number, UUID, bytes | as in memory |
//! | string | `u64`: bytes with its NUL; these; `u8`: whether it is a constant; `u8`: 0. No string: a `u64` of 0 |
//! | list of ranks | `u32`: how many; a `u32` each. No list: a `u32` of 0 |
//! | piece of memory | `u64`: bytes that there are; `u64`: bytes in use; these |
//! | list of pieces | `u32`: how many; `u32`: how many of them in use; the pieces |
//! | handle of memory | `u64`: bytes; what the transport needs to reach it. No handle: a `u64` of 0 |
//!
//! DAOS builds Mercury without checksums, so there are none.
//!
//! A [`Reader`] takes nothing on trust: a length is good only if the message has as many bytes, so that who allocates
//! what a length says never allocates more than a message can fill.

#[cfg(test)]
mod tests;

use core::ffi::CStr;
use core::fmt;
use core::mem::MaybeUninit;
use core::ops::Range;

/// Bytes of a piece of memory that holds nothing.
const EMPTY_PIECE: usize = 16;

/// Why bytes are no message, or a value can be in none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// It ends before a value does.
    Short {
        /// Bytes of the value.
        needed: u64,
        /// Bytes that are left.
        left: usize,
    },
    /// A string has no NUL at its end.
    Unterminated,
    /// A piece of memory has more bytes in use than there are.
    Overfull {
        /// Bytes in use.
        used: u64,
        /// Bytes that there are.
        room: u64,
    },
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Malformed::Short { needed, left } => {
                write!(f, "the message has {left} bytes left, and the next value {needed}")
            }
            Malformed::Unterminated => write!(f, "a string has no NUL at its end"),
            Malformed::Overfull { used, room } => {
                write!(f, "a piece of memory of {room} bytes has {used} in use")
            }
        }
    }
}

impl std::error::Error for Malformed {}

/// Packs a message.
#[derive(Debug)]
pub struct Writer<'b> {
    place: Place<'b>,
    used: usize,
}

#[derive(Debug)]
enum Place<'b> {
    Growing(Vec<u8>),
    Fixed(&'b mut [MaybeUninit<u8>]),
    Overrun,
}

impl Default for Writer<'_> {
    fn default() -> Self {
        Writer { place: Place::Growing(Vec::new()), used: 0 }
    }
}

impl<'b> Writer<'b> {
    /// Packs into `room`. When that is full the rest is only counted.
    pub fn new(room: &'b mut [MaybeUninit<u8>]) -> Self {
        Writer { place: Place::Fixed(room), used: 0 }
    }

    /// Bytes of the message so far; none of them count if they are more than there was room for.
    pub fn used(&self) -> usize {
        self.used
    }

    /// The message, if it was not packed into a buffer of somebody else.
    pub fn into_bytes(self) -> Option<Vec<u8>> {
        match self.place {
            Place::Growing(bytes) => Some(bytes),
            Place::Fixed(_) | Place::Overrun => None,
        }
    }

    /// Packs bytes as they are, those of numbers as well.
    #[inline]
    pub fn put(&mut self, bytes: &[u8]) {
        let range = self.used..self.used + bytes.len();
        self.used = range.end;
        match &mut self.place {
            Place::Growing(message) => message.extend_from_slice(bytes),
            Place::Fixed(room) => match room.get_mut(range) {
                Some(room) => room.iter_mut().zip(bytes).for_each(|(to, &from)| {
                    to.write(from);
                }),
                None => self.place = Place::Overrun,
            },
            Place::Overrun => {}
        }
    }

    /// Packs a string: `crt_proc_d_string_t`, or `crt_proc_d_const_string_t` if it is `constant`.
    pub fn put_string(&mut self, string: Option<&CStr>, constant: bool) {
        let Some(string) = string else { return self.put(&0u64.to_le_bytes()) };
        let bytes = string.to_bytes_with_nul();
        self.put(&(bytes.len() as u64).to_le_bytes());
        self.put(bytes);
        self.put(&[constant.into(), 0]);
    }

    /// Packs a list of ranks: `crt_proc_d_rank_list_t`. At most 2^32 - 1 of them.
    pub fn put_ranks(&mut self, ranks: &[u32]) {
        self.put(&(ranks.len() as u32).to_le_bytes());
        for rank in ranks {
            self.put(&rank.to_le_bytes());
        }
    }

    /// Packs the sizes of a piece of memory, before its `used` bytes: `crt_proc_d_iov_t`.
    pub fn put_sizes(&mut self, room: u64, used: u64) -> Result<(), Malformed> {
        if used > room {
            return Err(Malformed::Overfull { used, room });
        }
        self.put(&room.to_le_bytes());
        self.put(&used.to_le_bytes());
        Ok(())
    }

    /// Packs what says how many pieces follow, and how many of them are in use: `crt_proc_d_sg_list_t`.
    pub fn put_count(&mut self, pieces: u32, used: u32) {
        self.put(&pieces.to_le_bytes());
        self.put(&used.to_le_bytes());
    }

    /// Packs a handle of memory, of which the transport says how it can be reached: `crt_proc_crt_bulk_t`.
    pub fn put_handle(&mut self, reached: &[u8]) {
        self.put(&(reached.len() as u64).to_le_bytes());
        self.put(reached);
    }
}

/// Unpacks a message.
#[derive(Clone, Debug)]
pub struct Reader<'m> {
    message: &'m [u8],
    used: usize,
}

/// A piece of memory in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Bytes that there are where it comes from.
    pub room: u64,
    /// Where in the message those in use are.
    pub bytes: Range<usize>,
}

impl<'m> Reader<'m> {
    /// Unpacks from the front of `message`.
    pub fn new(message: &'m [u8]) -> Self {
        Reader { message, used: 0 }
    }

    /// Bytes that were unpacked so far.
    pub fn used(&self) -> usize {
        self.used
    }

    fn left(&self) -> usize {
        self.message.len() - self.used
    }

    /// That `count` values of at least `size` bytes each may follow.
    #[inline]
    fn holds(&self, count: u64, size: usize) -> Result<(), Malformed> {
        let needed = count.saturating_mul(size as u64);
        if needed > self.left() as u64 {
            return Err(Malformed::Short { needed, left: self.left() });
        }
        Ok(())
    }

    /// The next bytes, as they are.
    #[inline]
    pub fn take(&mut self, count: u64) -> Result<&'m [u8], Malformed> {
        self.holds(count, 1)?;
        let bytes = &self.message[self.used..][..count as usize];
        self.used += bytes.len();
        Ok(bytes)
    }

    fn number<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        Ok(self.take(N as u64)?.try_into().expect("as many bytes as were asked for"))
    }

    /// A number: `crt_proc_uint32_t`.
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        self.number().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, Malformed> {
        self.number().map(u64::from_le_bytes)
    }

    /// A string: `crt_proc_d_string_t` and `crt_proc_d_const_string_t`. It ends at its first NUL.
    pub fn string(&mut self) -> Result<Option<&'m CStr>, Malformed> {
        let length = self.u64()?;
        if length == 0 {
            return Ok(None);
        }
        let bytes = self.take(length)?;
        self.take(2)?;
        if bytes.last() != Some(&0) {
            return Err(Malformed::Unterminated);
        }
        Ok(Some(CStr::from_bytes_until_nul(bytes).expect("there is a NUL at its end")))
    }

    /// A list of ranks: `crt_proc_d_rank_list_t`.
    pub fn ranks(&mut self) -> Result<impl ExactSizeIterator<Item = u32> + use<'m>, Malformed> {
        let count = self.u32()?;
        let (ranks, _) = self.take(u64::from(count) * 4)?.as_chunks();
        Ok(ranks.iter().map(|&rank| u32::from_le_bytes(rank)))
    }

    /// A piece of memory: `crt_proc_d_iov_t`.
    pub fn piece(&mut self) -> Result<Piece, Malformed> {
        let (room, used) = (self.u64()?, self.u64()?);
        if used > room {
            return Err(Malformed::Overfull { used, room });
        }
        let start = self.used;
        self.take(used)?;
        Ok(Piece { room, bytes: start..self.used })
    }

    /// How many pieces of memory follow, and how many of them are in use: `crt_proc_d_sg_list_t`.
    pub fn count(&mut self) -> Result<(u32, u32), Malformed> {
        let (pieces, used) = (self.u32()?, self.u32()?);
        self.holds(pieces.into(), EMPTY_PIECE)?;
        Ok((pieces, used))
    }

    /// How a handle of memory can be reached, which is for the transport to read; nothing if there is no handle:
    /// `crt_proc_crt_bulk_t`.
    pub fn handle(&mut self) -> Result<&'m [u8], Malformed> {
        let length = self.u64()?;
        self.take(length)
    }
}
