//! What the checker asks of the control plane: `drpc_chk.c`.

use core::ffi::{c_char, c_int, c_uint, c_void};
use core::ptr;
use std::ffi::CString;

use abi::*;
use gurt_client::{Der, Facility, Result, alloc, error};

use super::upcall::{Answer, Request, Unpacked, answers, ask, label, rank_list, repeated, requests};
use super::uuid::Uuid;

requests! {
    Shared__CheckListPoolReq: shared__check_list_pool_req__init, shared__check_list_pool_req__get_packed_size,
        shared__check_list_pool_req__pack;
    Shared__CheckRegPoolReq: shared__check_reg_pool_req__init, shared__check_reg_pool_req__get_packed_size,
        shared__check_reg_pool_req__pack;
    Shared__CheckDeregPoolReq: shared__check_dereg_pool_req__init, shared__check_dereg_pool_req__get_packed_size,
        shared__check_dereg_pool_req__pack;
    Shared__CheckReportReq: shared__check_report_req__init, shared__check_report_req__get_packed_size,
        shared__check_report_req__pack;
}

answers! {
    Shared__CheckListPoolResp: shared__check_list_pool_resp__unpack, shared__check_list_pool_resp__free_unpacked;
    Shared__CheckRegPoolResp: shared__check_reg_pool_resp__unpack, shared__check_reg_pool_resp__free_unpacked;
    Shared__CheckDeregPoolResp: shared__check_dereg_pool_resp__unpack, shared__check_dereg_pool_resp__free_unpacked;
    Shared__CheckReportResp: shared__check_report_resp__unpack, shared__check_report_resp__free_unpacked;
}

/// Sends `request` to `method`, and returns the status in the answer: the control plane's word, whatever it is.
///
/// # Safety
/// As for [`Request::pack`].
unsafe fn status_of<Q: Request, A: Answer>(method: c_uint, request: &Q, status: fn(&A) -> i32) -> c_int {
    // SAFETY: the caller vouches for the request.
    match unsafe { ask(method, request) } {
        Ok(answer) => status(&answer),
        Err(err) => err.rc(),
    }
}

/// A list of pools in memory of C, freed when dropped.
struct Pools {
    list: *mut chk_list_pool,
    len: u32,
}

impl Pools {
    /// Copies the pools of an answer.
    fn of(answer: &Shared__CheckListPoolResp) -> Result<Self> {
        // SAFETY: the answer holds as many messages as it says.
        let from = unsafe { repeated(answer.pools, answer.n_pools) };
        let len = c_int::try_from(from.len()).map_err(|_| Der::new(DER_OVERFLOW.into()))?;
        // Also a list without pools is memory that the caller frees.
        let list = alloc::array(from.len().max(1)).ok_or(Der::new(DER_NOMEM.into()))?.as_ptr();
        // SAFETY: as large as is written, and all zeroes are pools without label and ranks.
        unsafe { ptr::write_bytes(list, 0, from.len().max(1)) };
        let pools = Pools { list, len: len as u32 };
        for (i, &pool) in from.iter().enumerate() {
            // SAFETY: a message that was unpacked, and a place within the list.
            unsafe { copy_pool(&*pool, &mut *list.add(i)) }?;
        }
        Ok(pools)
    }

    /// Gives the list to a caller that frees it.
    fn into_raw(self) -> *mut chk_list_pool {
        let list = self.list;
        core::mem::forget(self);
        list
    }
}

impl Drop for Pools {
    fn drop(&mut self) {
        for i in 0..self.len as usize {
            // SAFETY: within the list; label and ranks are its own, or null.
            unsafe {
                let pool = self.list.add(i);
                d_free((*pool).clp_label.cast());
                d_rank_list_free((*pool).clp_svcreps);
            }
        }
        // SAFETY: allocated as a list, and given up.
        unsafe { d_free(self.list.cast()) }
    }
}

/// Copies one pool; what is allocated when it fails stays in `to`.
fn copy_pool(from: &Shared__CheckListPoolResp__OnePool, to: &mut chk_list_pool) -> Result {
    // SAFETY: a message that was unpacked holds strings and as many ranks as it says.
    unsafe {
        let uuid = Uuid::from_c(from.uuid).ok_or_else(|| {
            error!(Facility::SERVER, "the control plane lists a pool whose UUID makes no sense");
            Der::new(DER_INVAL.into())
        })?;
        to.clp_uuid = uuid.0;
        to.clp_label = label(from.label)?;
        to.clp_svcreps = rank_list(from.svcreps, from.n_svcreps)?;
    }
    Ok(())
}

/// The text of the UUID at `uuid`.
///
/// # Safety
/// `uuid` points to a UUID.
unsafe fn uuid_text(uuid: *const u8) -> CString {
    // SAFETY: the caller vouches for it.
    let uuid = Uuid(unsafe { uuid.cast::<uuid_t>().read() });
    CString::new(uuid.to_string()).expect("no NUL in a UUID")
}

abi::export! {
    /// `ds_chk_free_pool_list` (drpc_chk.c): frees a list of `nr` pools; null is ignored.
    pub unsafe fn ds_chk_free_pool_list(clp: *mut chk_list_pool, nr: u32) {
        if !clp.is_null() {
            drop(Pools { list: clp, len: nr });
        }
    }

    /// `ds_chk_listpool_upcall` (drpc_chk.c): stores in `clp` the pools that the control plane knows, to be freed by
    /// [`ds_chk_free_pool_list`], and returns their number, or `-DER_*`.
    pub unsafe fn ds_chk_listpool_upcall(clp: *mut *mut chk_list_pool) -> c_int {
        // SAFETY: the request points to nothing.
        let listed = unsafe { ask(DRPC_METHOD_CHK_LIST_POOL, &Shared__CheckListPoolReq::new()) };
        let pools = listed.and_then(|answer: Unpacked<Shared__CheckListPoolResp>| match answer.status {
            0 => Pools::of(&answer).map(Ok),
            refused => Ok(Err(refused)),
        });
        match pools {
            Ok(Ok(pools)) => {
                let len = pools.len;
                // SAFETY: the caller passes writable memory.
                unsafe { clp.write(pools.into_raw()) };
                len as c_int
            }
            Ok(Err(refused)) => refused,
            Err(err) => err.rc(),
        }
    }

    /// `ds_chk_regpool_upcall` (drpc_chk.c): makes a pool known to the control plane, or its label and ranks of now.
    ///
    /// `seq` is the number of the checker's event, `label` may be null. Returns what the control plane says, or
    /// `-DER_*`.
    pub unsafe fn ds_chk_regpool_upcall(
        seq: u64,
        uuid: *mut u8,
        label: *mut c_char,
        svcreps: *mut d_rank_list_t,
    ) -> c_int {
        // SAFETY: takes a number.
        if unsafe { daos_fail_check(DAOS_CHK_LEADER_FAIL_REGPOOL.into()) } != 0 {
            return Der::new(DER_IO.into()).rc();
        }
        // SAFETY: the caller passes null or a list.
        let Some(ranks) = (unsafe { svcreps.as_ref() }) else {
            error!(Facility::SERVER, "cannot register a pool without the ranks of its service");
            return Der::new(DER_INVAL.into()).rc();
        };
        // SAFETY: the caller passes a UUID.
        let uuid = unsafe { uuid_text(uuid) };
        let mut request = Shared__CheckRegPoolReq::new();
        request.seq = seq;
        request.uuid = uuid.as_ptr().cast_mut();
        request.label = label;
        request.n_svcreps = ranks.rl_nr as usize;
        request.svcreps = ranks.rl_ranks;
        // SAFETY: what the request points to outlives the call.
        unsafe { status_of(DRPC_METHOD_CHK_REG_POOL, &request, |answer: &Shared__CheckRegPoolResp| answer.status) }
    }

    /// `ds_chk_deregpool_upcall` (drpc_chk.c): makes the control plane forget a pool.
    ///
    /// `seq` is the number of the checker's event. Returns what the control plane says, or `-DER_*`.
    pub unsafe fn ds_chk_deregpool_upcall(seq: u64, uuid: *mut u8) -> c_int {
        // SAFETY: the caller passes a UUID.
        let uuid = unsafe { uuid_text(uuid) };
        let mut request = Shared__CheckDeregPoolReq::new();
        request.seq = seq;
        request.uuid = uuid.as_ptr().cast_mut();
        // SAFETY: the UUID outlives the call.
        unsafe { status_of(DRPC_METHOD_CHK_DEREG_POOL, &request, |answer: &Shared__CheckDeregPoolResp| answer.status) }
    }

    /// `ds_chk_report_upcall` (drpc_chk.c): hands `rpt`, a `Chk__CheckReport`, to the control plane.
    ///
    /// Returns what the control plane says, which may be positive, or `-DER_*`.
    pub unsafe fn ds_chk_report_upcall(rpt: *mut c_void) -> c_int {
        if rpt.is_null() {
            error!(Facility::SERVER, "cannot hand over a report that is null");
            return Der::new(DER_INVAL.into()).rc();
        }
        let mut request = Shared__CheckReportReq::new();
        request.report = rpt.cast();
        // SAFETY: the report is the caller's, and outlives the call.
        unsafe { status_of(DRPC_METHOD_CHK_REPORT, &request, |answer: &Shared__CheckReportResp| answer.status) }
    }
}
