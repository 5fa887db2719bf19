//! `crt_bulk.c`: memory that others may reach, and transfers.
//!
//! A handle is of memory here, which is registered with one context, or says how memory of another process is reached. It
//! is counted; memory is not registered any more when nobody has a handle of it, and no transfer runs.

use abi::{CRT_BULK_GET, CRT_BULK_PUT, CRT_BULK_RO, CRT_BULK_RW, CRT_BULK_WO};
use abi::{crt_bulk_cb_info, crt_bulk_cb_t, crt_bulk_desc, crt_bulk_opid_t, crt_bulk_perm_t, crt_bulk_t};
use abi::{crt_context_t, d_iov_t, d_sg_list_t};
use core::ffi::{c_int, c_uint, c_void};
use core::mem::ManuallyDrop;
use core::ops::Range;
use core::slice;
use std::io::IoSlice;
use std::sync::Arc;

use gurt_client::{Der, Facility, Result, error, warn};

use super::events::Argument;
use super::request::borrowed;
use super::rpc::Role;
use super::{Context, context, der, invalid, lock, outcome, rc, store};
use crate::rpc::bulk::{Key, Op, Transfer, TransferId, Via};
use crate::rpc::{Memory, SECOND};
use crate::wire::{Permission, Region};

/// Memory in one or more places, lent by who has registered it, or made for a collective request.
pub(crate) struct Pieces {
    places: Vec<Place>,
    size: u64,
    /// Where the only place is, if it is our own.
    _own: Option<Box<[u8]>>,
}

#[derive(Clone, Copy)]
struct Place {
    start: *mut u8,
    length: usize,
}

// SAFETY: whoever registers memory lends it to all threads, until he takes it back.
unsafe impl Send for Pieces {}
// SAFETY: as above.
unsafe impl Sync for Pieces {}

impl Pieces {
    fn new(places: Vec<Place>, own: Option<Box<[u8]>>) -> Self {
        let size = places.iter().map(|place| place.length as u64).sum();
        Pieces { places, size, _own: own }
    }

    /// The places of a range.
    fn within(&self, range: Range<u64>) -> impl Iterator<Item = Place> {
        let mut begin = 0;
        self.places.iter().filter_map(move |place| {
            let end = begin + place.length as u64;
            let (from, to) = (range.start.max(begin), range.end.min(end));
            let skip = from.saturating_sub(begin) as usize;
            begin = end;
            if from >= to {
                return None;
            }
            // SAFETY: it stays within the place.
            let start = unsafe { place.start.add(skip) };
            Some(Place { start, length: (to - from) as usize })
        })
    }
}

impl Memory for Pieces {
    fn size(&self) -> u64 {
        self.size
    }

    fn slices<'a>(&'a self, range: Range<u64>, slices: &mut Vec<IoSlice<'a>>) {
        // SAFETY: the memory is lent, and read by the system only; who changes it meanwhile sends what he likes.
        slices.extend(
            self.within(range)
                .map(|place| IoSlice::new(unsafe { slice::from_raw_parts(place.start, place.length) })),
        );
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) {
        let mut left = bytes;
        for place in self.within(offset..offset + bytes.len() as u64) {
            let (now, later) = left.split_at(place.length);
            left = later;
            // SAFETY: the memory is lent to be written to, and is no part of a message.
            unsafe { place.start.copy_from_nonoverlapping(now.as_ptr(), now.len()) };
        }
    }

    fn allocate(size: usize) -> Option<Self> {
        let mut memory = Vec::new();
        memory.try_reserve_exact(size).ok()?;
        memory.resize(size, 0);
        let mut memory = memory.into_boxed_slice();
        let place = Place { start: memory.as_mut_ptr(), length: size };
        Some(Pieces::new(vec![place], Some(memory)))
    }
}

/// What stands behind a `crt_bulk_t`.
pub(crate) enum Bulk {
    /// Memory here.
    Local {
        network: Arc<Context>,
        key: Key,
        places: Lent,
        /// Whether it is not registered any more when this goes.
        owned: bool,
    },
    /// Memory of another.
    Remote(Region),
}

/// Where memory is.
pub(crate) struct Lent(Vec<Place>);

// SAFETY: the places are only told, to who has lent them.
unsafe impl Send for Lent {}
// SAFETY: as above.
unsafe impl Sync for Lent {}

impl Drop for Bulk {
    fn drop(&mut self) {
        if let Bulk::Local { network, key, owned: true, .. } = self {
            network.with(|context, _| context.unregister(*key));
        }
    }
}

impl Bulk {
    fn create(network: &Arc<Context>, iovs: &[d_iov_t], permission: Permission) -> Option<Arc<Self>> {
        let place = |iov: &d_iov_t| Place { start: iov.iov_buf.cast(), length: iov.iov_buf_len };
        let places: Vec<_> = iovs.iter().map(place).collect();
        let pieces = Pieces::new(places.clone(), None);
        let key = network.with(|context, _| context.register(pieces, permission))?;
        let (network, places) = (network.clone(), Lent(places));
        Some(Arc::new(Bulk::Local { network, key, places, owned: true }))
    }

    /// A handle of memory that somebody else has registered, and takes back.
    pub fn borrowed(network: &Arc<Context>, key: Key) -> Option<Arc<Self>> {
        let places = network.with(|context, _| Some(Lent(context.memory(key)?.places.clone())))??;
        Some(Arc::new(Bulk::Local { network: network.clone(), key, places, owned: false }))
    }

    /// The handle as C knows it, which is not counted.
    pub fn as_c(self: &Arc<Self>) -> crt_bulk_t {
        Arc::as_ptr(self).cast_mut().cast()
    }

    /// The handle behind that of C, which keeps its count; none for null.
    ///
    /// # Safety
    /// It is null, or a handle that the caller has a count of.
    pub unsafe fn counted(bulk: crt_bulk_t) -> Option<Arc<Self>> {
        // SAFETY: by the caller's promise.
        unsafe { borrow(bulk) }.map(|bulk| Arc::clone(&bulk))
    }

    /// Its name, if it is of memory of this context.
    pub fn key_in(&self, network: &Arc<Context>) -> Option<Key> {
        match self {
            Bulk::Local { network: own, key, .. } if Arc::ptr_eq(own, network) => Some(*key),
            Bulk::Local { .. } | Bulk::Remote(_) => None,
        }
    }

    /// How another reaches it.
    fn region(&self) -> Result<Region> {
        match self {
            Bulk::Remote(region) => Ok(region.clone()),
            Bulk::Local { network, key, .. } => {
                network.with(|context, _| context.describe(*key)).flatten().ok_or_else(|| {
                    error!(
                        Facility::BULK,
                        "the context of a bulk handle is destroyed, so nobody can reach its memory"
                    );
                    der::CANCELED
                })
            }
        }
    }
}

/// # Safety
/// As [`Bulk::counted`].
unsafe fn borrow(bulk: crt_bulk_t) -> Option<ManuallyDrop<Arc<Bulk>>> {
    // SAFETY: by the caller's promise.
    (!bulk.is_null()).then(|| ManuallyDrop::new(unsafe { Arc::from_raw(bulk.cast::<Bulk>().cast_const()) }))
}

/// # Safety
/// As [`Bulk::counted`].
unsafe fn required(name: &str, bulk: crt_bulk_t) -> Result<ManuallyDrop<Arc<Bulk>>> {
    // SAFETY: by the caller's promise.
    unsafe { borrow(bulk) }.ok_or_else(|| invalid(name, "the bulk handle is null"))
}

/// How the memory of a handle, which is not null, is reached by a peer.
///
/// # Safety
/// As [`Bulk::counted`].
pub(super) unsafe fn pack(bulk: crt_bulk_t) -> Result<Vec<u8>> {
    let mut reached = Vec::new();
    // SAFETY: by the caller's promise.
    unsafe { required("crt_proc_crt_bulk_t", bulk)? }.region()?.encode(&mut reached);
    Ok(reached)
}

/// A handle of memory that is reached so; for [`free`].
pub(super) fn unpack(reached: &[u8]) -> Result<crt_bulk_t> {
    match Region::decode(&mut &*reached) {
        Ok(region) => Ok(Arc::into_raw(Arc::new(Bulk::Remote(region))).cast_mut().cast()),
        Err(malformed) => {
            error!(Facility::BULK, "a bulk handle in a message cannot be read: {malformed}");
            Err(Der::new(abi::DER_HG.into()))
        }
    }
}

/// Gives a count back.
///
/// # Safety
/// It is a handle that the caller has a count of, which he gives back.
pub(super) unsafe fn free(bulk: crt_bulk_t) {
    // SAFETY: by the caller's promise.
    if let Some(bulk) = unsafe { borrow(bulk) } {
        drop(ManuallyDrop::into_inner(bulk));
    }
}

/// A transfer under way.
pub(crate) struct Moving {
    what: crt_bulk_desc,
    complete: crt_bulk_cb_t,
    arg: Argument,
    /// They stay as long.
    _handles: [Arc<Bulk>; 2],
}

// SAFETY: what the user has described, for his function, which is called on any thread.
unsafe impl Send for Moving {}

impl Moving {
    /// Tells that it has ended.
    pub fn complete(mut self, result: Result) {
        let Some(callback) = self.complete else { return };
        let info = crt_bulk_cb_info {
            bci_bulk_desc: &raw mut self.what,
            bci_arg: self.arg.0,
            bci_rc: Der::rc_of(result),
            bci_complete_cb: callback as *mut c_void,
        };
        // SAFETY: the user's function, with his argument.
        if let Err(error) = outcome(unsafe { callback(&raw const info) }) {
            warn!(Facility::BULK, "the function that was told of a bulk transfer has failed: {error}");
        }
    }
}

/// # Safety
/// As [`crt_bulk_transfer`].
unsafe fn transfer(
    name: &str,
    desc: *mut crt_bulk_desc,
    complete: crt_bulk_cb_t,
    arg: *mut c_void,
    opid: *mut crt_bulk_opid_t,
    bound: bool,
) -> Result {
    // SAFETY: by the caller's promise.
    let (what, rpc, remote, local) = unsafe {
        let Some(&what) = desc.as_ref() else {
            return Err(invalid(name, "there is no descriptor, the pointer is null"));
        };
        let rpc = borrowed(name, what.bd_rpc)?;
        (what, rpc, required(name, what.bd_remote_hdl)?, required(name, what.bd_local_hdl)?)
    };
    let op = match what.bd_bulk_op {
        CRT_BULK_PUT => Op::Put,
        CRT_BULK_GET => Op::Get,
        _ => return Err(invalid(name, "the operation is neither CRT_BULK_PUT nor CRT_BULK_GET")),
    };
    let (Ok(remote_offset), Ok(local_offset)) =
        (u64::try_from(what.bd_remote_off), u64::try_from(what.bd_local_off))
    else {
        return Err(invalid(name, "an offset is negative"));
    };
    let network = &rpc.network;
    let Some(key) = local.key_in(network) else {
        return Err(invalid(name, "the local bulk handle is not of memory of the request's context"));
    };
    let (source, seconds) = {
        let state = lock(&rpc.state);
        (state.incoming, state.timeout)
    };
    let left = match &rpc.role {
        Role::Target { deadline, .. } => deadline.saturating_sub(network.node().now().nanos),
        Role::Origin | Role::Whole(_) | Role::Reply => u64::from(seconds) * SECOND,
    };
    if left == 0 {
        return Err(der::TIMEDOUT);
    }
    let via = match (bound, source) {
        (true, _) => Via::Bound,
        (false, Some(id)) => Via::Sender(id),
        (false, None) => {
            return Err(invalid(
                name,
                "the request has not come in, so it has no sender whose memory could be reached",
            ));
        }
    };
    let length = what.bd_len as u64;
    let remote_region = remote.region()?;
    let transfer = Transfer {
        op,
        via,
        remote: remote_region,
        remote_offset,
        local: key,
        local_offset,
        length,
        timeout: left,
    };
    let _handles = [Arc::clone(&remote), Arc::clone(&local)];
    let moving = Moving { what, complete, arg: Argument(arg), _handles };
    let begun = network.with(|context, now| {
        let id = context.transfer(now, transfer, moving);
        if !opid.is_null() {
            // SAFETY: not null, and the caller vouches for the rest.
            unsafe { opid.write(id.0 as usize as crt_bulk_opid_t) };
        }
    });
    begun.ok_or(der::CANCELED)
}

/// # Safety
/// As [`crt_bulk_create`].
unsafe fn create(
    ctx: crt_context_t,
    sgl: *mut d_sg_list_t,
    permission: crt_bulk_perm_t,
) -> Result<crt_bulk_t> {
    const NAME: &str = "crt_bulk_create";
    let permission = match permission {
        CRT_BULK_RW => Permission::ReadWrite,
        CRT_BULK_RO => Permission::Read,
        CRT_BULK_WO => Permission::Write,
        _ => return Err(invalid(NAME, "there is no such permission")),
    };
    // SAFETY: by the caller's promise.
    let (network, iovs) = unsafe {
        let network = context(NAME, ctx)?;
        match sgl.as_ref() {
            Some(sgl) if sgl.sg_nr > 0 && !sgl.sg_iovs.is_null() => {
                (network, slice::from_raw_parts(sgl.sg_iovs, sgl.sg_nr as usize))
            }
            _ => return Err(invalid(NAME, "the list has no pieces of memory")),
        }
    };
    if iovs.iter().any(|iov| iov.iov_buf.is_null() || iov.iov_buf_len == 0) {
        return Err(invalid(NAME, "a piece of memory is null or has no bytes"));
    }
    let bulk = Bulk::create(&network, iovs, permission).ok_or(der::CANCELED)?;
    Ok(Arc::into_raw(bulk).cast_mut().cast())
}

/// # Safety
/// As [`crt_bulk_access`].
unsafe fn access(bulk: crt_bulk_t, sgl: *mut d_sg_list_t) -> Result {
    const NAME: &str = "crt_bulk_access";
    // SAFETY: by the caller's promise.
    let (bulk, sgl) = unsafe {
        let bulk = required(NAME, bulk)?;
        (bulk, sgl.as_mut().ok_or_else(|| invalid(NAME, "there is no list, the pointer is null"))?)
    };
    let Bulk::Local { places: Lent(places), .. } = &**bulk else {
        return Err(invalid(NAME, "the memory of the handle is another's"));
    };
    sgl.sg_nr_out = places.len() as u32;
    if (sgl.sg_nr as usize) < places.len() {
        return Err(der::TRUNC);
    }
    if sgl.sg_iovs.is_null() {
        return Err(invalid(NAME, "the list has no pieces, the pointer to them is null"));
    }
    for (at, place) in places.iter().enumerate() {
        let (start, length) = (place.start.cast(), place.length);
        let iov = d_iov_t { iov_buf: start, iov_buf_len: length, iov_len: length };
        // SAFETY: the list has room for so many.
        unsafe { sgl.sg_iovs.add(at).write(iov) };
    }
    Ok(())
}

abi::export! {
    /// `crt_bulk_create` (crt_bulk.c): registers memory with a context, of which others may then be told. 0, `-DER_INVAL`
    /// or `-DER_NOMEM`.
    pub unsafe fn crt_bulk_create(
        crt_ctx: crt_context_t,
        sgl: *mut d_sg_list_t,
        bulk_perm: crt_bulk_perm_t,
        bulk_hdl: *mut crt_bulk_t,
    ) -> c_int {
        const NAME: &str = "crt_bulk_create";
        if bulk_hdl.is_null() {
            return invalid(NAME, "there is no place for the handle").rc();
        }
        // SAFETY: not null, and the caller vouches for the rest.
        rc(unsafe { create(crt_ctx, sgl, bulk_perm).and_then(|bulk| store(NAME, bulk_hdl, bulk)) })
    }

    /// `crt_bulk_bind` (crt_bulk.c): lets others than those who get a handle of its owner reach its memory. 0,
    /// `-DER_INVAL`.
    pub unsafe fn crt_bulk_bind(bulk_hdl: crt_bulk_t, crt_ctx: crt_context_t) -> c_int {
        const NAME: &str = "crt_bulk_bind";
        // SAFETY: by the caller's promise.
        rc(unsafe {
            context(NAME, crt_ctx).and_then(|_| match &**required(NAME, bulk_hdl)? {
                Bulk::Local { network, key, .. } if network.with(|context, _| context.bind(*key)) == Some(true) => Ok(()),
                Bulk::Local { .. } => Err(invalid(NAME, "the context of the handle listens nowhere")),
                Bulk::Remote(_) => Err(invalid(NAME, "the memory of the handle is another's")),
            })
        })
    }

    /// `crt_bulk_addref` (crt_bulk.c): counts another user of a handle. 0 or `-DER_INVAL`.
    pub unsafe fn crt_bulk_addref(bulk_hdl: crt_bulk_t) -> c_int {
        // SAFETY: by the caller's promise; the copy has a count of its own, which is C's.
        rc(unsafe { required("crt_bulk_addref", bulk_hdl) }.map(|bulk| core::mem::forget(Arc::clone(&bulk))))
    }

    /// `crt_bulk_free` (crt_bulk.c): gives a handle back; transfers that run end first. 0 or `-DER_INVAL`.
    pub unsafe fn crt_bulk_free(bulk_hdl: crt_bulk_t) -> c_int {
        // SAFETY: by the caller's promise, who gives a count back.
        rc(unsafe { required("crt_bulk_free", bulk_hdl) }.map(|bulk| drop(ManuallyDrop::into_inner(bulk))))
    }

    /// `crt_bulk_access` (crt_bulk.c): stores where the memory of an own handle is. 0, `-DER_TRUNC` if the list has too
    /// little room, and `sg_nr_out` says how much is needed; `-DER_INVAL`.
    pub unsafe fn crt_bulk_access(bulk_hdl: crt_bulk_t, sgl: *mut d_sg_list_t) -> c_int {
        // SAFETY: by the caller's promise.
        rc(unsafe { access(bulk_hdl, sgl) })
    }

    /// `crt_bulk_transfer` (crt_bulk.c): moves bytes between own memory and that of who sent the request. 0, and
    /// `complete_cb` is told from `crt_progress`: `-DER_TIMEDOUT` when the request's time is up; or `-DER_INVAL`,
    /// `-DER_TIMEDOUT`.
    pub unsafe fn crt_bulk_transfer(
        bulk_desc: *mut crt_bulk_desc,
        complete_cb: crt_bulk_cb_t,
        arg: *mut c_void,
        opid: *mut crt_bulk_opid_t,
    ) -> c_int {
        // SAFETY: by the caller's promise.
        rc(unsafe { transfer("crt_bulk_transfer", bulk_desc, complete_cb, arg, opid, false) })
    }

    /// `crt_bulk_bind_transfer` (crt_bulk.c): the same with the memory of who has bound the handle.
    pub unsafe fn crt_bulk_bind_transfer(
        bulk_desc: *mut crt_bulk_desc,
        complete_cb: crt_bulk_cb_t,
        arg: *mut c_void,
        opid: *mut crt_bulk_opid_t,
    ) -> c_int {
        // SAFETY: by the caller's promise.
        rc(unsafe { transfer("crt_bulk_bind_transfer", bulk_desc, complete_cb, arg, opid, true) })
    }

    /// `crt_bulk_get_len` (crt_bulk.c): stores how many bytes a handle is of. 0 or `-DER_INVAL`.
    pub unsafe fn crt_bulk_get_len(bulk_hdl: crt_bulk_t, bulk_len: *mut usize) -> c_int {
        const NAME: &str = "crt_bulk_get_len";
        // SAFETY: by the caller's promise.
        rc(unsafe {
            required(NAME, bulk_hdl).and_then(|bulk| {
                let length = match &**bulk {
                    Bulk::Local { places: Lent(places), .. } => places.iter().map(|place| place.length).sum(),
                    Bulk::Remote(region) => region.length as usize,
                };
                store(NAME, bulk_len, length)
            })
        })
    }

    /// `crt_bulk_get_sgnum` (crt_bulk.c): stores how many pieces of memory a handle is of, 1 for that of another. 0 or
    /// `-DER_INVAL`.
    pub unsafe fn crt_bulk_get_sgnum(bulk_hdl: crt_bulk_t, bulk_sgnum: *mut c_uint) -> c_int {
        const NAME: &str = "crt_bulk_get_sgnum";
        // SAFETY: by the caller's promise.
        rc(unsafe {
            required(NAME, bulk_hdl).and_then(|bulk| {
                let count = match &**bulk {
                    Bulk::Local { places: Lent(places), .. } => places.len(),
                    Bulk::Remote(_) => 1,
                };
                store(NAME, bulk_sgnum, count as c_uint)
            })
        })
    }

    /// `crt_bulk_abort` (crt_bulk.c): gives a transfer up, whose function is then told `-DER_CANCELED`; nothing if it has
    /// ended. 0.
    pub unsafe fn crt_bulk_abort(crt_ctx: crt_context_t, opid: crt_bulk_opid_t) -> c_int {
        // SAFETY: by the caller's promise.
        if let Ok(network) = unsafe { context("crt_bulk_abort", crt_ctx) } {
            network.with(|context, now| context.abort_transfer(now, TransferId(opid as usize as u64)));
        }
        0
    }
}
