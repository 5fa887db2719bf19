//! Lists of vectors, and how the RPC layer is set up: what the engine uses of src/common/misc.c.

use core::cell::UnsafeCell;
use core::ffi::c_int;
use core::ptr;

use abi::{DER_INVAL, DER_NOMEM, crt_init_options_t, d_iov_t, d_sg_list_t};
use gurt_client::{Der, Facility, Result, alloc, env, error};

/// `DAOS_RPC_SIZE`: requests and replies up to so many bytes go in one piece.
const RPC_SIZE: u32 = 20_480;

/// Bits of `cio_flags`: `cio_use_sensors`, `cio_use_expected_size`, `cio_use_unexpected_size`.
const USE_SENSORS: u32 = 1 << 3;
const USE_SIZES: u32 = 1 << 4 | 1 << 5;

/// The one structure that `daos_crt_init_opt_get` fills in and returns.
struct Settings(UnsafeCell<crt_init_options_t>);

// SAFETY: written only by who is about to start the RPC layer, of which there is one in a process.
unsafe impl Sync for Settings {}

static SETTINGS: Settings = Settings(UnsafeCell::new(crt_init_options_t {
    cio_crt_timeout: 0,
    cio_flags: 0,
    cio_ctx_max_num: 0,
    cio_ep_credits: 0,
    cio_max_expected_size: 0,
    cio_max_unexpected_size: 0,
    cio_swim_crt_idx: 0,
    cio_provider: ptr::null_mut(),
    cio_interface: ptr::null_mut(),
    cio_domain: ptr::null_mut(),
    cio_port: ptr::null_mut(),
    cio_auth_key: ptr::null_mut(),
    cio_thread_mode_single: false,
    cio_progress_busy: false,
    cio_mem_device: false,
}));

/// The vectors of a list.
///
/// # Safety
/// `list` is null or a list with as many vectors as it says.
unsafe fn vectors<'a>(list: *mut d_sg_list_t) -> Result<&'a mut [d_iov_t]> {
    // SAFETY: see the function.
    let Some(list) = (unsafe { list.as_mut() }) else {
        return Err(Der::new(DER_INVAL.into()));
    };
    if list.sg_iovs.is_null() || list.sg_nr == 0 {
        return Ok(&mut []);
    }
    // SAFETY: see the function.
    Ok(unsafe { core::slice::from_raw_parts_mut(list.sg_iovs, list.sg_nr as usize) })
}

/// Copies what is in use of each vector.
///
/// # Safety
/// The vectors have the memory that they name.
unsafe fn copy(to: &mut [d_iov_t], from: &[d_iov_t]) -> Result {
    let (have, room) = (from.len(), to.len());
    let refuse = |why: &str| {
        error!(Facility::COMMON, "cannot copy a list of {have} vectors to one of {room}: {why}");
        Err(Der::new(DER_INVAL.into()))
    };
    if from.len() > to.len() {
        return refuse("there are too few");
    }
    for (to, from) in to.iter_mut().zip(from) {
        if from.iov_len == 0 {
            continue;
        }
        if from.iov_len > to.iov_buf_len || from.iov_buf.is_null() || to.iov_buf.is_null() {
            return refuse("a buffer is too small");
        }
        // SAFETY: see the function. The two may be the same.
        unsafe { ptr::copy(from.iov_buf.cast::<u8>(), to.iov_buf.cast(), from.iov_len) };
        to.iov_len = from.iov_len;
    }
    Ok(())
}

/// Frees vectors with their buffers.
///
/// # Safety
/// They are those of [`allocate`], or zeroes.
unsafe fn free(list: &mut d_sg_list_t) {
    // SAFETY: see the function.
    unsafe {
        for vector in vectors(list).into_iter().flatten() {
            alloc::free(vector.iov_buf);
        }
        alloc::free(list.sg_iovs);
    }
    *list = d_sg_list_t { sg_nr: 0, sg_nr_out: 0, sg_iovs: ptr::null_mut() };
}

/// A list with buffers as large as those of `like`; nothing is in use of them.
fn allocate(like: &[d_iov_t]) -> Option<d_sg_list_t> {
    let mut list = d_sg_list_t {
        sg_nr: u32::try_from(like.len()).ok()?,
        sg_nr_out: 0,
        sg_iovs: alloc::array::<d_iov_t>(like.len())?.as_ptr(),
    };
    // SAFETY: just allocated, as zeroes.
    let made = unsafe { vectors(&raw mut list) }.unwrap_or_default();
    for (made, like) in made.iter_mut().zip(like).filter(|(_, like)| like.iov_buf_len > 0) {
        let Some(buffer) = alloc::allocate(like.iov_buf_len) else {
            // SAFETY: made here.
            unsafe { free(&mut list) };
            return None;
        };
        (made.iov_buf, made.iov_buf_len) = (buffer.as_ptr(), like.iov_buf_len);
    }
    Some(list)
}

/// # Safety
/// Both are null or valid; what `to` has is not freed.
unsafe fn copy_to_new(to: *mut d_sg_list_t, from: *mut d_sg_list_t) -> Result {
    // SAFETY: see the function.
    let (Some(to), from) = (unsafe { to.as_mut() }, unsafe { vectors(from)? }) else {
        return Err(Der::new(DER_INVAL.into()));
    };
    if from.is_empty() {
        return Ok(());
    }
    let mut list = allocate(from).ok_or(Der::new(DER_NOMEM.into()))?;
    // SAFETY: see the function; made above.
    unsafe {
        copy(vectors(&raw mut list)?, from).inspect_err(|_| free(&mut list))?;
    }
    *to = list;
    Ok(())
}

abi::export! {
    /// `daos_sgl_copy_data` (misc.c): copies what is in use of each vector of `src` to the buffers of `dst`. 0, or
    /// `-DER_INVAL` if `dst` has too few vectors, or too small ones, or one of the two is null.
    pub unsafe fn daos_sgl_copy_data(dst: *mut d_sg_list_t, src: *mut d_sg_list_t) -> c_int {
        // SAFETY: as the caller's contract says.
        Der::rc_of(unsafe { vectors(dst).and_then(|to| copy(to, vectors(src)?)) })
    }

    /// `daos_sgl_alloc_copy_data` (misc.c): makes `dst` a copy of `src`, with vectors and buffers of its own, which
    /// `d_sgl_fini` frees. 0, `-DER_INVAL` or `-DER_NOMEM`, and then `dst` is as before.
    pub unsafe fn daos_sgl_alloc_copy_data(dst: *mut d_sg_list_t, src: *mut d_sg_list_t) -> c_int {
        // SAFETY: as the caller's contract says.
        Der::rc_of(unsafe { copy_to_new(dst, src) })
    }

    /// `daos_crt_init_opt_get` (misc.c): how the RPC layer of a server or client with `crt_nr` contexts is set up.
    /// `DAOS_RPC_SIZE_LIMIT` says up to how many bytes requests and replies go in one piece.
    pub fn daos_crt_init_opt_get(server: bool, crt_nr: c_int) -> *mut crt_init_options_t {
        let size = env::number(c"DAOS_RPC_SIZE_LIMIT").filter(|&size| size > 0).unwrap_or(RPC_SIZE);
        let settings = SETTINGS.0.get();
        // SAFETY: see `Settings`.
        unsafe {
            (*settings).cio_flags = USE_SIZES | if server { USE_SENSORS } else { 0 };
            (*settings).cio_max_expected_size = size;
            (*settings).cio_max_unexpected_size = size;
            (*settings).cio_ctx_max_num = crt_nr;
        }
        settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVAL: c_int = -(DER_INVAL as c_int);

    /// A list over `buffers`, of each of which so many bytes are in use.
    fn list(buffers: &mut [(&mut [u8], usize)]) -> (d_sg_list_t, Vec<d_iov_t>) {
        let mut vectors: Vec<_> = buffers
            .iter_mut()
            .map(|(buffer, used)| d_iov_t {
                iov_buf: buffer.as_mut_ptr().cast(),
                iov_buf_len: buffer.len(),
                iov_len: *used,
            })
            .collect();
        let sg_nr = vectors.len() as u32;
        (d_sg_list_t { sg_nr, sg_nr_out: 0, sg_iovs: vectors.as_mut_ptr() }, vectors)
    }

    #[test]
    fn what_is_in_use_is_copied_if_there_is_room() {
        let (mut a, mut b, mut c) = ([1, 2, 3, 4], [9; 2], [0; 4]);
        let (mut from, _from) = list(&mut [(&mut a, 3), (&mut b, 0)]);
        let mut small = [0; 2];
        let (mut to, to_vectors) = list(&mut [(&mut c, 0), (&mut small, 1)]);
        // SAFETY: both live.
        unsafe {
            assert_eq!(daos_sgl_copy_data(&raw mut to, &raw mut from), 0);
            assert_eq!((*to.sg_iovs).iov_len, 3);
            assert_eq!((*to.sg_iovs.add(1)).iov_len, 1, "of an empty vector nothing is copied");
            to.sg_nr = 1;
            assert_eq!(daos_sgl_copy_data(&raw mut to, &raw mut from), INVAL);
            to.sg_nr = 2;
            (*to.sg_iovs).iov_buf_len = 2;
            assert_eq!(daos_sgl_copy_data(&raw mut to, &raw mut from), INVAL);
            assert_eq!(daos_sgl_copy_data(ptr::null_mut(), &raw mut from), INVAL);
            assert_eq!(daos_sgl_copy_data(&raw mut to, ptr::null_mut()), INVAL);
        }
        drop(to_vectors);
        assert_eq!(c, [1, 2, 3, 0]);
    }

    #[test]
    fn a_copy_has_buffers_of_its_own() {
        let (mut a, mut b) = ([1, 2, 3, 4], [9; 2]);
        let (mut from, _from) = list(&mut [(&mut a, 3), (&mut b, 0)]);
        let mut to = d_sg_list_t { sg_nr: 0, sg_nr_out: 0, sg_iovs: ptr::null_mut() };
        // SAFETY: both live.
        unsafe {
            assert_eq!(daos_sgl_alloc_copy_data(&raw mut to, &raw mut from), 0);
            let copied = vectors(&raw mut to).unwrap();
            assert_eq!((copied[0].iov_len, copied[0].iov_buf_len), (3, 4));
            assert_eq!((copied[1].iov_len, copied[1].iov_buf_len), (0, 2));
            assert_eq!(core::slice::from_raw_parts(copied[0].iov_buf.cast::<u8>(), 3), [1, 2, 3]);
            free(&mut to);
            from.sg_nr = 0;
            assert_eq!(daos_sgl_alloc_copy_data(&raw mut to, &raw mut from), 0);
            assert_eq!(to.sg_nr, 0);
            assert_eq!(daos_sgl_alloc_copy_data(ptr::null_mut(), &raw mut from), INVAL);
        }
    }

    #[test]
    fn servers_have_sensors_and_clients_have_none() {
        // SAFETY: static memory, and nobody else asks in this process.
        unsafe {
            let settings = daos_crt_init_opt_get(true, 7);
            assert_eq!(((*settings).cio_flags, (*settings).cio_ctx_max_num), (0x38, 7));
            assert_eq!((*settings).cio_max_expected_size, RPC_SIZE);
            let again = daos_crt_init_opt_get(false, 1);
            assert_eq!(again, settings);
            assert_eq!(((*settings).cio_flags, (*settings).cio_ctx_max_num), (0x30, 1));
        }
    }
}
