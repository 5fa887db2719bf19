//! The protocol of incast variables (crt_rpc.c), whose handlers are crt_iv.c's.

use core::ffi::{c_int, c_void};
use core::mem::offset_of;
use core::ptr;

use abi::{
    CRT_OPC_IV_FETCH, CRT_PROC_DECODE, CRT_PROC_FREE, crt_bulk_t, crt_corpc_ops, crt_iv_fetch_in,
    crt_iv_fetch_out, crt_iv_sync_in, crt_iv_sync_out, crt_iv_update_in, crt_iv_update_out, crt_proc_op_t,
    crt_proc_t, crt_proto_format, crt_proto_rpc_format, crt_req_format, d_iov_t, d_sg_list_t, d_string_t,
};
use gurt_client::{Der, Result};

/// How a member is packed, and where it is.
#[derive(Clone, Copy)]
enum Member {
    Number(usize),
    Long(usize),
    String(usize),
    Vector(usize),
    List(usize),
    Bulk(usize),
}

impl Member {
    /// Packs, unpacks or frees the member.
    ///
    /// # Safety
    /// `data` is a structure with such a member; `proc_` is what CaRT packs with.
    unsafe fn run(self, proc_: crt_proc_t, op: crt_proc_op_t, data: *mut c_void) -> c_int {
        // SAFETY: see the function.
        unsafe {
            match self {
                Member::Number(at) => abi::crt_proc_uint32_t(proc_, op, data.byte_add(at).cast()),
                Member::Long(at) => abi::crt_proc_uint64_t(proc_, op, data.byte_add(at).cast()),
                Member::String(at) => {
                    abi::crt_proc_d_string_t(proc_, op, data.byte_add(at).cast::<d_string_t>())
                }
                Member::Vector(at) => abi::crt_proc_d_iov_t(proc_, op, data.byte_add(at).cast::<d_iov_t>()),
                Member::List(at) => {
                    abi::crt_proc_d_sg_list_t(proc_, op, data.byte_add(at).cast::<d_sg_list_t>())
                }
                Member::Bulk(at) => {
                    abi::crt_proc_crt_bulk_t(proc_, op, data.byte_add(at).cast::<crt_bulk_t>())
                }
            }
        }
    }
}

/// Packs, unpacks or frees a structure. What cannot be unpacked leaves nothing behind.
///
/// # Safety
/// As [`Member::run`], for each of them.
unsafe fn run(members: &[Member], proc_: crt_proc_t, data: *mut c_void) -> c_int {
    let mut op = CRT_PROC_FREE;
    // SAFETY: see the function.
    unsafe {
        let rc = abi::crt_proc_get_op(proc_, &raw mut op);
        if rc != 0 {
            return rc;
        }
        for (at, member) in members.iter().enumerate() {
            let rc = member.run(proc_, op, data);
            if rc != 0 {
                if op == CRT_PROC_DECODE {
                    for member in &members[..at] {
                        let _ = member.run(proc_, CRT_PROC_FREE, data);
                    }
                }
                return rc;
            }
        }
    }
    0
}

/// `crt_proc_cb_t` of a structure: its members in the order in which they go over the wire.
macro_rules! structures {
    ($($name:ident $structure:ident { $($kind:ident $member:ident),* $(,)? })*) => {$(
        unsafe extern "C" fn $name(proc_: crt_proc_t, data: *mut c_void) -> c_int {
            const MEMBERS: &[Member] = &[$(Member::$kind(offset_of!($structure, $member))),*];
            // SAFETY: CaRT calls this with such a structure.
            unsafe { run(MEMBERS, proc_, data) }
        }
    )*};
}

structures! {
    fetch_in crt_iv_fetch_in {
        Number ifi_ivns_id, Number ifi_grp_ver, String ifi_ivns_group, Vector ifi_key, Bulk ifi_value_bulk,
        Number ifi_class_id, Number ifi_root_node,
    }
    fetch_out crt_iv_fetch_out { List ifo_sgl, Number ifo_rc }
    update_in crt_iv_update_in {
        Number ivu_ivns_id, Number ivu_grp_ver, String ivu_ivns_group, Vector ivu_key, Vector ivu_sync_type,
        Bulk ivu_iv_value_bulk, List ivu_iv_sgl, Number ivu_root_node, Number ivu_caller_node, Number ivu_class_id,
        Number padding,
    }
    update_out crt_iv_update_out { Long ivo_rc, List ivo_iv_sgl }
    sync_in crt_iv_sync_in {
        Number ivs_ivns_id, Number ivs_grp_ver, String ivs_ivns_group, Vector ivs_key, Vector ivs_sync_type,
        List ivs_sync_sgl, Number ivs_class_id,
    }
    sync_out crt_iv_sync_out { Number ivs_rc }
}

/// The version of the protocol, which its opcodes have.
const VERSION: u32 = (CRT_OPC_IV_FETCH >> 16) & 0xff;

/// Registers the protocol.
pub(super) fn register() -> Result {
    let mut formats = [
        crt_req_format {
            crf_proc_in: Some(fetch_in),
            crf_proc_out: Some(fetch_out),
            crf_size_in: size_of::<crt_iv_fetch_in>(),
            crf_size_out: size_of::<crt_iv_fetch_out>(),
        },
        crt_req_format {
            crf_proc_in: Some(update_in),
            crf_proc_out: Some(update_out),
            crf_size_in: size_of::<crt_iv_update_in>(),
            crf_size_out: size_of::<crt_iv_update_out>(),
        },
        crt_req_format {
            crf_proc_in: Some(sync_in),
            crf_proc_out: Some(sync_out),
            crf_size_in: size_of::<crt_iv_sync_in>(),
            crf_size_out: size_of::<crt_iv_sync_out>(),
        },
    ];
    let mut collective = crt_corpc_ops {
        co_aggregate: Some(abi::crt_iv_sync_corpc_aggregate),
        co_pre_forward: Some(abi::crt_iv_sync_corpc_pre_forward),
        co_post_reply: None,
    };
    let [fetch, update, sync] = &mut formats;
    let rpc = |format: &mut crt_req_format, handler: unsafe extern "C" fn(*mut abi::crt_rpc_t), co_ops| {
        crt_proto_rpc_format {
            prf_req_fmt: format,
            prf_hdlr: Some(handler),
            prf_co_ops: co_ops,
            prf_flags: 0,
        }
    };
    let mut rpcs = [
        rpc(fetch, abi::crt_hdlr_iv_fetch, ptr::null_mut()),
        rpc(update, abi::crt_hdlr_iv_update, ptr::null_mut()),
        rpc(sync, abi::crt_hdlr_iv_sync, &raw mut collective),
    ];
    let mut protocol = crt_proto_format {
        cpf_name: c"incast".as_ptr(),
        cpf_ver: VERSION,
        cpf_count: rpcs.len() as u32,
        cpf_prf: rpcs.as_mut_ptr(),
        cpf_base: CRT_OPC_IV_FETCH & 0xff00_0000,
    };
    // SAFETY: a description, which is copied.
    Der::check(unsafe { abi::crt_proto_register(&raw mut protocol) }).map(drop)
}
