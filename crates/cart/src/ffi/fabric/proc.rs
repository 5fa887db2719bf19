//! `crt_proc_*` (crt_hg_proc.c) over [`crate::proc`].
//!
//! A `crt_proc_t` is a [`Handle`]. The C functions that use it are those of a module, which the RPC layer calls with
//! [`Handle::as_c`], or those of who packs by itself, with `crt_proc_create`.
//!
//! What is unpacked is allocated as DAOS's `D_ALLOC` does and belongs to who unpacks, who frees it by the same function
//! with `CRT_PROC_FREE`. Memory of `d_iov_t` is not: it lies in the message. What fails to be unpacked leaves nothing
//! behind.

use abi::{crt_bulk_t, crt_proc_op_t, crt_proc_t, d_iov_t, d_rank_list_t, d_sg_list_t, d_string_t, uuid_t};
use core::ffi::{CStr, c_int, c_void};
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::{ptr, slice};
use gurt_client::{Der, Facility, Result, alloc, error};

use super::bulk;
use crate::proc::{Malformed, Reader, Writer};

const INVAL: Der = Der::new(abi::DER_INVAL as i64);
const NOMEM: Der = Der::new(abi::DER_NOMEM as i64);
/// What C says of a message that it cannot read.
const HG: Der = Der::new(abi::DER_HG as i64);

/// The target of a `crt_proc_t`, and what it does.
pub struct Handle<'m> {
    work: Work<'m>,
    message: PhantomData<&'m mut [u8]>,
}

enum Work<'m> {
    Encode(Writer<'m>),
    /// With the start of the message, as C gave it: C may write to the pieces of memory that lie in it.
    Decode(Reader<'m>, *mut u8),
    Free,
}

impl<'m> Handle<'m> {
    /// Packs a message, see [`Handle::into_bytes`].
    pub fn encoder() -> Self {
        Handle { work: Work::Encode(Writer::default()), message: PhantomData }
    }

    /// Unpacks a message, into which pieces of memory of what is unpacked point.
    pub fn decoder(message: &'m mut [u8]) -> Self {
        let start = message.as_mut_ptr();
        Handle { work: Work::Decode(Reader::new(message), start), message: PhantomData }
    }

    /// Frees what was unpacked.
    pub fn freer() -> Self {
        Handle { work: Work::Free, message: PhantomData }
    }

    /// The handle as C functions take it, for as long as nobody else uses it.
    pub fn as_c(&mut self) -> crt_proc_t {
        ptr::from_mut(self).cast()
    }

    /// The message of an [`Handle::encoder`].
    pub fn into_bytes(self) -> Option<Vec<u8>> {
        match self.work {
            Work::Encode(writer) => writer.into_bytes(),
            Work::Decode(..) | Work::Free => None,
        }
    }

    fn op(&self) -> crt_proc_op_t {
        match self.work {
            Work::Encode(_) => abi::CRT_PROC_ENCODE,
            Work::Decode(..) => abi::CRT_PROC_DECODE,
            Work::Free => abi::CRT_PROC_FREE,
        }
    }
}

impl Work<'_> {
    /// # Safety
    /// Unless `op` is `CRT_PROC_FREE`, `buf` is null or has `size` bytes, for as long as the result is used.
    unsafe fn new(buf: *mut c_void, size: usize, op: crt_proc_op_t) -> Result<Self> {
        if op == abi::CRT_PROC_FREE {
            return Ok(Work::Free);
        }
        if buf.is_null() {
            error!(Facility::MISC, "there is no buffer to pack to or unpack from");
            return Err(INVAL);
        }
        // SAFETY: by the caller's promise.
        unsafe {
            match op {
                abi::CRT_PROC_ENCODE => Ok(Work::Encode(Writer::new(slice::from_raw_parts_mut(
                    buf.cast::<MaybeUninit<u8>>(),
                    size,
                )))),
                abi::CRT_PROC_DECODE => {
                    Ok(Work::Decode(Reader::new(slice::from_raw_parts(buf.cast(), size)), buf.cast()))
                }
                _ => {
                    error!(Facility::MISC, "{op} is no operation: pack (0), unpack (1) or free (2)");
                    Err(INVAL)
                }
            }
        }
    }
}

/// Why a value is not packed, unpacked or freed.
enum Failure {
    /// What is said of the message.
    Malformed(Malformed),
    /// What was said where it was found.
    Said(Der),
    /// The handle is for another operation than this one.
    Operation(crt_proc_op_t),
    /// The handle is null.
    NoHandle,
}

impl Failure {
    /// Says it, unless that was done, and makes it what the C function `name` returns.
    #[cold]
    fn report(self, name: &str) -> c_int {
        match self {
            Failure::Malformed(malformed) => {
                error!(
                    Facility::MISC,
                    "{name}: {malformed}; the message is damaged, or its sender has another version of the protocol"
                );
                HG.rc()
            }
            Failure::Said(err) => err.rc(),
            Failure::Operation(op) => {
                error!(Facility::MISC, "{name}: asked for operation {op}, and the handle is for another one");
                INVAL.rc()
            }
            Failure::NoHandle => {
                error!(Facility::MISC, "{name}: the handle is null");
                INVAL.rc()
            }
        }
    }
}

impl From<Malformed> for Failure {
    fn from(malformed: Malformed) -> Self {
        Failure::Malformed(malformed)
    }
}

impl From<Der> for Failure {
    fn from(err: Der) -> Self {
        Failure::Said(err)
    }
}

type Done = core::result::Result<(), Failure>;

/// What a function is called for.
enum Call<'a, 'm> {
    Encode(&'a mut Writer<'m>),
    Decode(&'a mut Reader<'m>, *mut u8),
    Free,
}

/// Calls `body` for the operation `op`: that of the handle, or to free, which needs none.
///
/// # Safety
/// `proc_` is null or a [`Handle`] that nobody else uses.
#[inline]
unsafe fn run(
    name: &str,
    proc_: crt_proc_t,
    op: crt_proc_op_t,
    body: impl FnOnce(Call<'_, '_>) -> Done,
) -> c_int {
    // SAFETY: by the caller's promise.
    let handle = unsafe { proc_.cast::<Handle<'_>>().as_mut() };
    let done = match handle {
        Some(handle) => match (op, &mut handle.work) {
            (abi::CRT_PROC_FREE, _) => body(Call::Free),
            (abi::CRT_PROC_ENCODE, Work::Encode(writer)) => body(Call::Encode(writer)),
            (abi::CRT_PROC_DECODE, Work::Decode(reader, start)) => body(Call::Decode(reader, *start)),
            _ => Err(Failure::Operation(op)),
        },
        None if op == abi::CRT_PROC_FREE => body(Call::Free),
        None => Err(Failure::NoHandle),
    };
    match done {
        Ok(()) => 0,
        Err(failure) => failure.report(name),
    }
}

/// Packs or unpacks `size` bytes as they are.
///
/// # Safety
/// As [`run`]; unless it is to free, `data` has `size` bytes, to be read or written as `op` says.
// Of a known size for each kind of number.
#[inline(always)]
unsafe fn bytes(name: &str, proc_: crt_proc_t, op: crt_proc_op_t, data: *mut c_void, size: usize) -> c_int {
    if op != abi::CRT_PROC_FREE && data.is_null() && size > 0 {
        return null(name);
    }
    // SAFETY: by the caller's promise; the message is no part of what is unpacked from it.
    unsafe {
        run(name, proc_, op, |call| {
            match call {
                Call::Encode(_) | Call::Decode(..) if size == 0 => {}
                Call::Encode(writer) => writer.put(slice::from_raw_parts(data.cast(), size)),
                Call::Decode(reader, _) => {
                    let bytes = reader.take(size as u64)?;
                    ptr::copy_nonoverlapping(bytes.as_ptr(), data.cast(), size);
                }
                Call::Free => {}
            }
            Ok(())
        })
    }
}

#[cold]
fn null(name: &str) -> c_int {
    error!(Facility::MISC, "{name}: there is no value, the pointer to it is null");
    INVAL.rc()
}

/// Packs, unpacks or frees a string.
///
/// # Safety
/// As [`run`]; `data` is null or points to a string: to pack, null or with a NUL at its end; to free, what was unpacked.
unsafe fn string(
    name: &str,
    proc_: crt_proc_t,
    op: crt_proc_op_t,
    data: *mut d_string_t,
    constant: bool,
) -> c_int {
    if data.is_null() {
        return null(name);
    }
    // SAFETY: by the caller's promise.
    unsafe {
        run(name, proc_, op, |call| {
            match call {
                Call::Encode(writer) => {
                    let string = data.read();
                    writer.put_string((!string.is_null()).then(|| CStr::from_ptr(string)), constant);
                }
                Call::Decode(reader, _) => {
                    data.write(ptr::null_mut());
                    if let Some(string) = reader.string()? {
                        let copy = alloc::copied(string.to_bytes_with_nul()).ok_or(NOMEM)?;
                        data.write(copy.cast());
                    }
                }
                Call::Free => alloc::free(data.replace(ptr::null_mut())),
            }
            Ok(())
        })
    }
}

/// Packs or unpacks a piece of memory, or forgets it.
///
/// # Safety
/// `iov` is a piece of memory: to pack, of as many bytes as it has in use.
unsafe fn piece(call: Call<'_, '_>, iov: &mut d_iov_t) -> Done {
    match call {
        Call::Encode(writer) => {
            let (room, used) = (iov.iov_buf_len, iov.iov_len);
            if used > 0 && iov.iov_buf.is_null() {
                error!(Facility::MISC, "a piece of memory has {used} bytes in use, and its pointer is null");
                return Err(INVAL.into());
            }
            writer.put_sizes(room as u64, used as u64)?;
            if used > 0 {
                // SAFETY: by the caller's promise.
                writer.put(unsafe { slice::from_raw_parts(iov.iov_buf.cast(), used) });
            }
        }
        Call::Decode(reader, start) => {
            *iov = d_iov_t { iov_buf: ptr::null_mut(), iov_buf_len: 0, iov_len: 0 };
            let piece = reader.piece()?;
            iov.iov_buf_len = piece.room as usize;
            iov.iov_len = piece.bytes.len();
            if piece.room > 0 {
                // SAFETY: the piece lies in the message.
                iov.iov_buf = unsafe { start.add(piece.bytes.start) }.cast();
            }
        }
        Call::Free => *iov = d_iov_t { iov_buf: ptr::null_mut(), iov_buf_len: 0, iov_len: 0 },
    }
    Ok(())
}

/// The pieces of a list.
///
/// # Safety
/// The list has `sg_nr` pieces, unless its pointer is null.
unsafe fn pieces(sgl: &mut d_sg_list_t) -> Result<&mut [d_iov_t]> {
    match (sgl.sg_nr, sgl.sg_iovs.is_null()) {
        (0, _) => Ok(&mut []),
        // SAFETY: by the caller's promise.
        (count, false) => Ok(unsafe { slice::from_raw_parts_mut(sgl.sg_iovs, count as usize) }),
        (count, true) => {
            error!(Facility::MISC, "a list has {count} pieces of memory, and its pointer to them is null");
            Err(INVAL)
        }
    }
}

/// Unpacks a list of pieces of memory into `sgl`, whose pieces are null and stay so if that fails.
fn unpack_list(reader: &mut Reader<'_>, start: *mut u8, sgl: &mut d_sg_list_t) -> Done {
    let (count, used) = reader.count()?;
    let mut iovs = ptr::null_mut::<d_iov_t>();
    if count > 0 {
        iovs = alloc::array(count as usize).ok_or(NOMEM)?.as_ptr();
    }
    for at in 0..count as usize {
        // SAFETY: as many were allocated; nothing is packed.
        let done = unsafe { piece(Call::Decode(reader, start), &mut *iovs.add(at)) };
        if done.is_err() {
            // SAFETY: just allocated, and nobody else knows of it.
            unsafe { alloc::free(iovs) };
            return done;
        }
    }
    *sgl = d_sg_list_t { sg_nr: count, sg_nr_out: used, sg_iovs: iovs };
    Ok(())
}

/// # Safety
/// `list` is null or a list that holds its ranks.
unsafe fn ranks<'a>(list: *const d_rank_list_t) -> &'a [u32] {
    // SAFETY: by the caller's promise.
    match unsafe { list.as_ref() } {
        Some(list) if list.rl_nr > 0 && !list.rl_ranks.is_null() => {
            // SAFETY: by the caller's promise.
            unsafe { slice::from_raw_parts(list.rl_ranks, list.rl_nr as usize) }
        }
        _ => &[],
    }
}

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident: $type:ty;)*) => {
        abi::export! {$(
            $(#[$doc])*
            pub unsafe fn $name(proc_: crt_proc_t, proc_op: crt_proc_op_t, data: *mut $type) -> c_int {
                // SAFETY: by the caller's promise.
                unsafe { bytes(stringify!($name), proc_, proc_op, data.cast(), size_of::<$type>()) }
            }
        )*}
    };
}

numbers! {
    /// `crt_proc_int8_t` (crt_hg_proc.c): packs or unpacks a number.
    crt_proc_int8_t: i8;
    /// `crt_proc_uint8_t` (crt_hg_proc.c): the same.
    crt_proc_uint8_t: u8;
    /// `crt_proc_int16_t` (crt_hg_proc.c): the same.
    crt_proc_int16_t: i16;
    /// `crt_proc_uint16_t` (crt_hg_proc.c): the same.
    crt_proc_uint16_t: u16;
    /// `crt_proc_int32_t` (crt_hg_proc.c): the same.
    crt_proc_int32_t: i32;
    /// `crt_proc_uint32_t` (crt_hg_proc.c): the same.
    crt_proc_uint32_t: u32;
    /// `crt_proc_int64_t` (crt_hg_proc.c): the same.
    crt_proc_int64_t: i64;
    /// `crt_proc_uint64_t` (crt_hg_proc.c): the same.
    crt_proc_uint64_t: u64;
    /// `crt_proc_uuid_t` (crt_hg_proc.c): packs or unpacks a UUID.
    crt_proc_uuid_t: uuid_t;
}

abi::export! {
    /// `crt_proc_create` (crt_hg_proc.c): makes what packs to `buf`, unpacks from it, or frees. The context is not used.
    /// 0, `-DER_INVAL` without a buffer or for an operation that is none, or `-DER_NOMEM`.
    pub unsafe fn crt_proc_create(
        _crt_ctx: abi::crt_context_t,
        buf: *mut c_void,
        buf_size: usize,
        proc_op: crt_proc_op_t,
        proc_: *mut crt_proc_t,
    ) -> c_int {
        if proc_.is_null() {
            return null("crt_proc_create");
        }
        // SAFETY: the caller lends the buffer until it destroys the handle, or resets it.
        match unsafe { Work::new(buf, buf_size, proc_op) } {
            Ok(work) => {
                let handle = Box::new(Handle { work, message: PhantomData });
                // SAFETY: not null, and the caller vouches for the rest.
                unsafe { proc_.write(Box::into_raw(handle).cast()) };
                0
            }
            Err(err) => err.rc(),
        }
    }

    /// `crt_proc_destroy` (crt_hg_proc.c): ends what `crt_proc_create` has made; null is allowed. 0.
    pub unsafe fn crt_proc_destroy(proc_: crt_proc_t) -> c_int {
        if !proc_.is_null() {
            // SAFETY: from `crt_proc_create`, and the caller forgets it.
            drop(unsafe { Box::from_raw(proc_.cast::<Handle<'_>>()) });
        }
        0
    }

    /// `crt_proc_reset` (crt_hg_proc.c): starts again, as if just made. Errors as there.
    pub unsafe fn crt_proc_reset(
        proc_: crt_proc_t,
        buf: *mut c_void,
        buf_size: usize,
        proc_op: crt_proc_op_t,
    ) -> c_int {
        // SAFETY: from `crt_proc_create`, and used by the caller alone, who lends the buffer as there.
        let (handle, work) =
            unsafe { (proc_.cast::<Handle<'_>>().as_mut(), Work::new(buf, buf_size, proc_op)) };
        match (handle, work) {
            (None, _) => null("crt_proc_reset"),
            (_, Err(err)) => err.rc(),
            (Some(handle), Ok(work)) => {
                handle.work = work;
                0
            }
        }
    }

    /// `crp_proc_get_size_used` (crt_hg_proc.c): bytes that were packed or unpacked. More than the buffer has: the message
    /// did not fit, and there is none.
    pub unsafe fn crp_proc_get_size_used(proc_: crt_proc_t) -> usize {
        // SAFETY: null or a handle that the caller alone uses.
        match unsafe { proc_.cast::<Handle<'_>>().as_ref() }.map(|handle| &handle.work) {
            Some(Work::Encode(writer)) => writer.used(),
            Some(Work::Decode(reader, _)) => reader.used(),
            Some(Work::Free) | None => 0,
        }
    }

    /// `crt_proc_get_op` (crt_hg_proc.c): stores what a handle does. 0 or `-DER_INVAL`.
    pub unsafe fn crt_proc_get_op(proc_: crt_proc_t, proc_op: *mut crt_proc_op_t) -> c_int {
        // SAFETY: null, or a handle that the caller alone uses, and where to store.
        match unsafe { (proc_.cast::<Handle<'_>>().as_ref(), proc_op.as_mut()) } {
            (Some(handle), Some(op)) => {
                *op = handle.op();
                0
            }
            _ => null("crt_proc_get_op"),
        }
    }

    /// `crt_proc_memcpy` (crt_hg_proc.c): packs or unpacks bytes as they are.
    pub unsafe fn crt_proc_memcpy(
        proc_: crt_proc_t,
        proc_op: crt_proc_op_t,
        data: *mut c_void,
        data_size: usize,
    ) -> c_int {
        // SAFETY: by the caller's promise.
        unsafe { bytes("crt_proc_memcpy", proc_, proc_op, data, data_size) }
    }

    /// `crt_proc_bool` (crt_hg_proc.c): packs or unpacks a byte that is 0 or 1; any other is unpacked as 1.
    pub unsafe fn crt_proc_bool(proc_: crt_proc_t, proc_op: crt_proc_op_t, data: *mut bool) -> c_int {
        let mut byte = 0u8;
        // SAFETY: the caller vouches for a value that is not null, and is read as the byte that it is in memory.
        unsafe {
            if proc_op == abi::CRT_PROC_ENCODE && !data.is_null() {
                byte = data.cast::<u8>().read();
            } else if proc_op != abi::CRT_PROC_FREE && data.is_null() {
                return null("crt_proc_bool");
            }
            let rc = crt_proc_uint8_t(proc_, proc_op, &raw mut byte);
            if rc == 0 && proc_op == abi::CRT_PROC_DECODE {
                data.write(byte != 0);
            }
            rc
        }
    }

    /// `crt_proc_d_string_t` (crt_hg_proc.c): packs, unpacks or frees a string.
    pub unsafe fn crt_proc_d_string_t(proc_: crt_proc_t, proc_op: crt_proc_op_t, data: *mut d_string_t) -> c_int {
        // SAFETY: by the caller's promise.
        unsafe { string("crt_proc_d_string_t", proc_, proc_op, data, false) }
    }

    /// `crt_proc_d_const_string_t` (crt_hg_proc.c): the same.
    pub unsafe fn crt_proc_d_const_string_t(
        proc_: crt_proc_t,
        proc_op: crt_proc_op_t,
        data: *mut abi::d_const_string_t,
    ) -> c_int {
        // SAFETY: by the caller's promise.
        unsafe { string("crt_proc_d_const_string_t", proc_, proc_op, data.cast(), true) }
    }

    /// `crt_proc_d_rank_list_t` (crt_hg_proc.c): packs, unpacks or frees a list of ranks.
    pub unsafe fn crt_proc_d_rank_list_t(
        proc_: crt_proc_t,
        proc_op: crt_proc_op_t,
        data: *mut *mut d_rank_list_t,
    ) -> c_int {
        const NAME: &str = "crt_proc_d_rank_list_t";
        if data.is_null() {
            return null(NAME);
        }
        // SAFETY: by the caller's promise.
        unsafe {
            run(NAME, proc_, proc_op, |call| {
                match call {
                    Call::Encode(writer) => writer.put_ranks(ranks(data.read())),
                    Call::Decode(reader, _) => {
                        data.write(ptr::null_mut());
                        let ranks = reader.ranks()?;
                        if ranks.len() > 0 {
                            let list = abi::d_rank_list_alloc(ranks.len() as u32);
                            if list.is_null() {
                                return Err(NOMEM.into());
                            }
                            for (at, rank) in ranks.enumerate() {
                                (*list).rl_ranks.add(at).write(rank);
                            }
                            data.write(list);
                        }
                    }
                    Call::Free => abi::d_rank_list_free(data.replace(ptr::null_mut())),
                }
                Ok(())
            })
        }
    }

    /// `crt_proc_d_iov_t` (crt_hg_proc.c): packs or unpacks a piece of memory, or forgets it.
    pub unsafe fn crt_proc_d_iov_t(proc_: crt_proc_t, proc_op: crt_proc_op_t, data: *mut d_iov_t) -> c_int {
        const NAME: &str = "crt_proc_d_iov_t";
        // SAFETY: by the caller's promise.
        unsafe {
            match data.as_mut() {
                Some(iov) => run(NAME, proc_, proc_op, |call| piece(call, iov)),
                None => null(NAME),
            }
        }
    }

    /// `crt_proc_d_sg_list_t` (crt_hg_proc.c): packs, unpacks or frees a list of pieces of memory.
    pub unsafe fn crt_proc_d_sg_list_t(proc_: crt_proc_t, proc_op: crt_proc_op_t, data: *mut d_sg_list_t) -> c_int {
        const NAME: &str = "crt_proc_d_sg_list_t";
        // SAFETY: by the caller's promise.
        unsafe {
            let Some(sgl) = data.as_mut() else { return null(NAME) };
            run(NAME, proc_, proc_op, |call| match call {
                Call::Encode(writer) => {
                    let used = sgl.sg_nr_out;
                    let list = pieces(sgl)?;
                    writer.put_count(list.len() as u32, used);
                    for iov in list {
                        piece(Call::Encode(writer), iov)?;
                    }
                    Ok(())
                }
                Call::Decode(reader, start) => {
                    *sgl = d_sg_list_t { sg_nr: 0, sg_nr_out: 0, sg_iovs: ptr::null_mut() };
                    unpack_list(reader, start, sgl)
                }
                Call::Free => {
                    alloc::free(core::mem::replace(&mut sgl.sg_iovs, ptr::null_mut()));
                    Ok(())
                }
            })
        }
    }

    /// `crt_proc_crt_bulk_t` (crt_hg_proc.c): packs, unpacks or frees a handle of memory.
    pub unsafe fn crt_proc_crt_bulk_t(proc_: crt_proc_t, proc_op: crt_proc_op_t, bulk_hdl: *mut crt_bulk_t) -> c_int {
        const NAME: &str = "crt_proc_crt_bulk_t";
        if bulk_hdl.is_null() {
            return null(NAME);
        }
        // SAFETY: by the caller's promise.
        unsafe {
            run(NAME, proc_, proc_op, |call| {
                match call {
                    Call::Encode(writer) => {
                        let handle = bulk_hdl.read();
                        let reached = if handle.is_null() { Vec::new() } else { bulk::pack(handle)? };
                        writer.put_handle(&reached);
                    }
                    Call::Decode(reader, _) => {
                        bulk_hdl.write(ptr::null_mut());
                        match reader.handle()? {
                            [] => {}
                            reached => bulk_hdl.write(bulk::unpack(reached)?),
                        }
                    }
                    Call::Free => {
                        let handle = bulk_hdl.replace(ptr::null_mut());
                        if !handle.is_null() {
                            bulk::free(handle);
                        }
                    }
                }
                Ok(())
            })
        }
    }
}
