//! `cart/api.h`: contexts, RPCs and their serialization, bulk transfers, groups and ranks.
//!
//! Unless it says otherwise a function returns 0 or a negative DAOS error code, `-DER_INVAL` for a null pointer.

use crate::*;
use core::ffi::{c_char, c_int, c_uint, c_void};

/// Runs the handler `rpc_hdlr` of a request, with `rpc_hdlr_arg`, when it thinks fit; 0 or a DAOS error code, with
/// which the request is then answered. `arg` is the registrant's.
pub type crt_rpc_task_t = Option<
    unsafe extern "C" fn(
        ctx: *mut crt_context_t,
        rpc_hdlr_arg: *mut c_void,
        rpc_hdlr: Option<unsafe extern "C" fn(arg1: *mut c_void)>,
        arg: *mut c_void,
    ) -> c_int,
>;

/// Called by each `crt_progress` of a context, which would wait `timeout` microseconds; returns how long it shall
/// wait instead.
pub type crt_progress_cb =
    Option<unsafe extern "C" fn(ctx: crt_context_t, timeout: i64, arg: *mut c_void) -> i64>;

/// Values are packed.
pub const CRT_PROC_ENCODE: crt_proc_op_t = 0;
/// They are unpacked.
pub const CRT_PROC_DECODE: crt_proc_op_t = 1;
/// What unpacking has allocated is freed.
pub const CRT_PROC_FREE: crt_proc_op_t = 2;

/// What a [`crt_proc_t`] does.
pub type crt_proc_op_t = c_uint;

/// Not known.
pub const CRT_EVS_UNKNOWN: crt_event_source = 0;
/// The failure detector.
pub const CRT_EVS_SWIM: crt_event_source = 1;
/// A change of the group.
pub const CRT_EVS_GRPMOD: crt_event_source = 2;

/// Who tells of a rank.
pub type crt_event_source = c_uint;

/// It is alive.
pub const CRT_EVT_ALIVE: crt_event_type = 0;
/// It is dead, or excluded.
pub const CRT_EVT_DEAD: crt_event_type = 1;

/// What is told of a rank.
pub type crt_event_type = c_uint;

/// Told of each change of a rank, under a lock: must neither wait nor yield. `incarnation` is known if SWIM tells.
pub type crt_event_cb = Option<
    unsafe extern "C" fn(
        rank: d_rank_t,
        incarnation: u64,
        src: crt_event_source,
        type_: crt_event_type,
        arg: *mut c_void,
    ),
>;

/// Told that the clocks of two engines differ by more than the uncertainty that is allowed.
pub type crt_hlc_error_cb = Option<unsafe extern "C" fn(arg: *mut c_void)>;

/// Shapes of the tree along which a group's messages go.
pub type crt_tree_type = c_uint;

/// No shape.
pub const CRT_TREE_INVALID: crt_tree_type = 0;
/// The first shape.
pub const CRT_TREE_MIN: crt_tree_type = 1;
/// All ranks are children of the root.
pub const CRT_TREE_FLAT: crt_tree_type = 1;
/// Each rank has as many children as the ratio says.
pub const CRT_TREE_KARY: crt_tree_type = 2;
/// A k-nomial tree.
pub const CRT_TREE_KNOMIAL: crt_tree_type = 3;
/// The last shape.
pub const CRT_TREE_MAX: crt_tree_type = 3;

/// Where the shape starts in a topology; the bits before it are the ratio.
pub const CRT_TREE_TYPE_SHIFT: u32 = 16;
/// The smallest ratio.
pub const CRT_TREE_MIN_RATIO: u32 = 2;
/// The largest ratio.
pub const CRT_TREE_MAX_RATIO: u32 = 64;

unsafe extern "C" {
    /// Stores a list of the protocols that there are, or of those that `info_string` names: "protocol" or
    /// "class+protocol".
    pub fn crt_protocol_info_get(
        info_string: *const c_char,
        protocol_info_p: *mut *mut crt_protocol_info,
    ) -> c_int;
    /// Frees such a list.
    pub fn crt_protocol_info_free(protocol_info: *mut crt_protocol_info);

    /// Starts the RPC layer and joins the group `grpid`; `flags` are `CRT_FLAG_BIT_*`, `opt` may be null. Calls
    /// nest.
    pub fn crt_init_opt(grpid: crt_group_id_t, flags: u32, opt: *mut crt_init_options_t) -> c_int;
    /// Leaves the group and ends the RPC layer, if it is the last of as many calls as of `crt_init_opt`.
    pub fn crt_finalize() -> c_int;

    /// Makes a network context; contexts are numbered from 0.
    pub fn crt_context_create(crt_ctx: *mut crt_context_t) -> c_int;
    /// How many interfaces there are.
    pub fn crt_num_ifaces_get() -> u32;
    /// Makes a context on the interface of a number. For clients.
    pub fn crt_context_create_on_iface_idx(iface_index: u32, crt_ctx: *mut crt_context_t) -> c_int;
    /// Stores the number of an interface.
    pub fn crt_iface_name2idx(iface_name: *const c_char, idx: *mut c_int) -> c_int;
    /// Makes a context on the interface of a name. For clients.
    pub fn crt_context_create_on_iface(iface_name: *const c_char, crt_ctx: *mut crt_context_t) -> c_int;
    /// Destroys a context; with `force` unfinished RPCs are given up, without it they are `-DER_BUSY`.
    pub fn crt_context_destroy(crt_ctx: crt_context_t, force: c_int) -> c_int;
    /// Sets how many seconds requests of a context that are made from now on wait for their reply; not 0.
    pub fn crt_context_set_timeout(crt_ctx: crt_context_t, timeout_sec: u32) -> c_int;
    /// Stores how many seconds requests of a context wait.
    pub fn crt_context_get_timeout(crt_ctx: crt_context_t, timeout_sec: *mut u32) -> c_int;
    /// Whether no request of a context is under way or queued.
    pub fn crt_context_ep_empty(crt_ctx: crt_context_t) -> bool;
    /// Makes progress until no request of a context is under way, for at most `timeout` seconds, 0 for as long as
    /// it takes. `-DER_TIMEDOUT` when the time is up.
    pub fn crt_context_flush(crt_ctx: crt_context_t, timeout: u64) -> c_int;
    /// Stores the number of a context at `ctx_idx`.
    pub fn crt_context_idx(crt_ctx: crt_context_t, ctx_idx: *mut c_int) -> c_int;
    /// Stores how many contexts there are.
    pub fn crt_context_num(ctx_num: *mut c_int) -> c_int;
    /// Stores the URI of a context, to be freed by `D_FREE`.
    pub fn crt_context_uri_get(crt_ctx: crt_context_t, uri: *mut *mut c_char) -> c_int;
    /// Has `rpc_cb` run the handlers of a context's requests and `iv_resp_cb` those of replies to incast
    /// variables; `arg` is passed to both.
    pub fn crt_context_register_rpc_task(
        crt_ctx: crt_context_t,
        rpc_cb: crt_rpc_task_t,
        iv_resp_cb: crt_rpc_task_t,
        arg: *mut c_void,
    ) -> c_int;
    /// Sets a limit of a context.
    pub fn crt_context_quota_limit_set(
        crt_ctx: crt_context_t,
        quota: crt_quota_type_t,
        value: c_int,
    ) -> c_int;
    /// Stores a limit of a context.
    pub fn crt_context_quota_limit_get(
        crt_ctx: crt_context_t,
        quota: crt_quota_type_t,
        value: *mut c_int,
    ) -> c_int;
    /// Sends and receives what is pending, waiting up to `timeout` microseconds for something to do, for ever if
    /// it is -1. `-DER_TIMEDOUT` when there was nothing.
    pub fn crt_progress(crt_ctx: crt_context_t, timeout: i64) -> c_int;
    /// The same until `cond_cb(arg)` is not 0, or the time is up, which is `-DER_TIMEDOUT`. An error of `cond_cb` is
    /// returned.
    pub fn crt_progress_cond(
        crt_ctx: crt_context_t,
        timeout: i64,
        cond_cb: crt_progress_cond_cb_t,
        arg: *mut c_void,
    ) -> c_int;
    /// Has `cb` called by the progress of the context of number `ctx_idx`.
    pub fn crt_register_progress_cb(cb: crt_progress_cb, ctx_idx: c_int, arg: *mut c_void) -> c_int;
    /// Undoes `crt_register_progress_cb` of the same arguments. 0 or `-DER_NONEXIST`.
    pub fn crt_unregister_progress_cb(cb: crt_progress_cb, ctx_idx: c_int, arg: *mut c_void) -> c_int;

    /// Makes a request of the opcode `opc`, with zeroed structures for input and output, and a reference that
    /// `crt_req_send` takes. `tgt_ep` may be null until then. `-DER_UNREG` for an opcode that is not registered.
    pub fn crt_req_create(
        crt_ctx: crt_context_t,
        tgt_ep: *mut crt_endpoint_t,
        opc: crt_opcode_t,
        req: *mut *mut crt_rpc_t,
    ) -> c_int;
    /// Sets where a request goes, once, if it was made without that.
    pub fn crt_req_set_endpoint(req: *mut crt_rpc_t, tgt_ep: *mut crt_endpoint_t) -> c_int;
    /// Sets how many seconds the sender of a request waits; not 0.
    pub fn crt_req_set_timeout(req: *mut crt_rpc_t, timeout_sec: u32) -> c_int;
    /// Stores at `timeout_sec` how many seconds the sender of a request waits.
    pub fn crt_req_get_timeout(req: *mut crt_rpc_t, timeout_sec: *mut u32) -> c_int;
    /// Takes a reference to a request.
    pub fn crt_req_addref(req: *mut crt_rpc_t);
    /// Gives a reference back; with the last one the request is gone.
    pub fn crt_req_decref(req: *mut crt_rpc_t);
    /// Sends a request, of which it takes one reference, in any case. 0, and then `complete_cb` is called once with
    /// what has become of it, or a DAOS error code.
    pub fn crt_req_send(req: *mut crt_rpc_t, complete_cb: crt_cb_t, arg: *mut c_void) -> c_int;
    /// Sends the reply of a request.
    pub fn crt_reply_send(req: *mut crt_rpc_t) -> c_int;
    /// Sends the reply of a request, and frees its input as early as it can.
    pub fn crt_reply_send_input_free(req: *mut crt_rpc_t) -> c_int;
    /// Gives a request up, whose `complete_cb` will be told of `-DER_CANCELED`, unless it has completed.
    pub fn crt_req_abort(req: *mut crt_rpc_t) -> c_int;
    /// Stores the rank that sent a request, `CRT_NO_RANK` for a client.
    pub fn crt_req_src_rank_get(req: *mut crt_rpc_t, rank: *mut d_rank_t) -> c_int;
    /// Stores the rank, in the primary group, that a request was sent to.
    pub fn crt_req_dst_rank_get(req: *mut crt_rpc_t, rank: *mut d_rank_t) -> c_int;
    /// Stores the context that a request was sent to.
    pub fn crt_req_dst_tag_get(req: *mut crt_rpc_t, tag: *mut u32) -> c_int;
    /// Stores how many seconds the sender of a request waits, as its receiver knows it.
    pub fn crt_req_src_timeout_get(rpc: *mut crt_rpc_t, timeout: *mut u32) -> c_int;
    /// The address of a request's sender, for messages; valid as long as the request.
    pub fn crt_req_origin_addr_get(rpc: *mut crt_rpc_t) -> *mut c_char;
    /// The version of a request's protocol.
    pub fn crt_req_get_proto_ver(req: *mut crt_rpc_t) -> c_int;
    /// Gives up all requests to a rank of the primary group.
    pub fn crt_rank_abort(rank: d_rank_t) -> c_int;
    /// Gives up all requests to the ranks of a group.
    pub fn crt_rank_abort_all(grp: *mut crt_group_t) -> c_int;
    /// Gives up all requests to an endpoint's rank.
    pub fn crt_ep_abort(ep: *mut crt_endpoint_t) -> c_int;

    /// Registers a protocol with its handlers: all opcodes of one version. `-DER_EXIST` if one is registered
    /// already.
    pub fn crt_proto_register(cpf: *mut crt_proto_format) -> c_int;
    /// Asks a peer which of `count` versions of a protocol it knows; `cb` gets the highest one. Waits at most
    /// `timeout` seconds, or as long as for any request with 0.
    pub fn crt_proto_query(
        tgt_ep: *mut crt_endpoint_t,
        base_opc: crt_opcode_t,
        ver: *mut u32,
        count: c_int,
        timeout: u32,
        cb: crt_proto_query_cb_t,
        arg: *mut c_void,
    ) -> c_int;
    /// The same by way of a context, where it is the first one with null.
    pub fn crt_proto_query_with_ctx(
        tgt_ep: *mut crt_endpoint_t,
        base_opc: crt_opcode_t,
        ver: *mut u32,
        count: c_int,
        timeout: u32,
        cb: crt_proto_query_cb_t,
        arg: *mut c_void,
        ctx: crt_context_t,
    ) -> c_int;
    /// Makes a collective RPC: a request to all ranks of `grp` but those of `filter_ranks`, along a tree of the shape
    /// `tree_topo` with this rank as its root; `flags` are `CRT_RPC_FLAG_*`, `priv_` goes to the callbacks of
    /// `crt_corpc_ops` at this rank.
    pub fn crt_corpc_req_create(
        crt_ctx: crt_context_t,
        grp: *mut crt_group_t,
        filter_ranks: *mut d_rank_list_t,
        opc: crt_opcode_t,
        co_bulk_hdl: crt_bulk_t,
        priv_: *mut c_void,
        flags: u32,
        tree_topo: c_int,
        req: *mut *mut crt_rpc_t,
    ) -> c_int;

    /// Registers memory for bulk transfers.
    pub fn crt_bulk_create(
        crt_ctx: crt_context_t,
        sgl: *mut d_sg_list_t,
        bulk_perm: crt_bulk_perm_t,
        bulk_hdl: *mut crt_bulk_t,
    ) -> c_int;
    /// Adds the address of a context to a handle, so that who gets it from somebody else can reach its memory.
    pub fn crt_bulk_bind(bulk_hdl: crt_bulk_t, crt_ctx: crt_context_t) -> c_int;
    /// Takes a reference to a handle.
    pub fn crt_bulk_addref(bulk_hdl: crt_bulk_t) -> c_int;
    /// Gives a handle of memory back.
    pub fn crt_bulk_free(bulk_hdl: crt_bulk_t) -> c_int;
    /// Stores the pieces of memory of a handle of this process at `sgl`, which has room for `sg_nr` of them;
    /// `-DER_TRUNC` if these are too few, and `sg_nr_out` tells how many there are.
    pub fn crt_bulk_access(bulk_hdl: crt_bulk_t, sgl: *mut d_sg_list_t) -> c_int;
    /// Transfers memory; `complete_cb` is called when that is done, and may be null. The descriptor is copied.
    pub fn crt_bulk_transfer(
        bulk_desc: *mut crt_bulk_desc,
        complete_cb: crt_bulk_cb_t,
        arg: *mut c_void,
        opid: *mut crt_bulk_opid_t,
    ) -> c_int;
    /// The same with memory of who has bound the remote handle, instead of the request's sender.
    pub fn crt_bulk_bind_transfer(
        bulk_desc: *mut crt_bulk_desc,
        complete_cb: crt_bulk_cb_t,
        arg: *mut c_void,
        opid: *mut crt_bulk_opid_t,
    ) -> c_int;
    /// Stores the bytes of memory of a handle.
    pub fn crt_bulk_get_len(bulk_hdl: crt_bulk_t, bulk_len: *mut usize) -> c_int;
    /// Stores how many pieces of memory a handle has.
    pub fn crt_bulk_get_sgnum(bulk_hdl: crt_bulk_t, bulk_sgnum: *mut c_uint) -> c_int;
    /// Gives a transfer up, whose callback will be told. What it returns is Mercury's error code, 0 for none.
    pub fn crt_bulk_abort(crt_ctx: crt_context_t, opid: crt_bulk_opid_t) -> c_int;

    /// Makes what packs to `buf`, unpacks from it, or frees what was unpacked, for which it may be null.
    pub fn crt_proc_create(
        crt_ctx: crt_context_t,
        buf: *mut c_void,
        buf_size: usize,
        proc_op: crt_proc_op_t,
        proc_: *mut crt_proc_t,
    ) -> c_int;
    /// Ends it. The buffer stays.
    pub fn crt_proc_destroy(proc_: crt_proc_t) -> c_int;
    /// Starts again, with another buffer and operation.
    pub fn crt_proc_reset(
        proc_: crt_proc_t,
        buf: *mut c_void,
        buf_size: usize,
        proc_op: crt_proc_op_t,
    ) -> c_int;
    /// Bytes that were packed or unpacked so far, which may be more than the buffer has room for: then it holds no
    /// message.
    pub fn crp_proc_get_size_used(proc_: crt_proc_t) -> usize;
    /// Stores what it does.
    pub fn crt_proc_get_op(proc_: crt_proc_t, proc_op: *mut crt_proc_op_t) -> c_int;
    /// Packs or unpacks bytes as they are.
    pub fn crt_proc_memcpy(
        proc_: crt_proc_t,
        proc_op: crt_proc_op_t,
        data: *mut c_void,
        data_size: usize,
    ) -> c_int;
    /// Packs or unpacks a number, lowest byte first.
    pub fn crt_proc_int8_t(proc_: crt_proc_t, proc_op: crt_proc_op_t, data: *mut i8) -> c_int;
    /// The same.
    pub fn crt_proc_uint8_t(proc_: crt_proc_t, proc_op: crt_proc_op_t, data: *mut u8) -> c_int;
    /// The same.
    pub fn crt_proc_int16_t(proc_: crt_proc_t, proc_op: crt_proc_op_t, data: *mut i16) -> c_int;
    /// The same.
    pub fn crt_proc_uint16_t(proc_: crt_proc_t, proc_op: crt_proc_op_t, data: *mut u16) -> c_int;
    /// The same.
    pub fn crt_proc_int32_t(proc_: crt_proc_t, proc_op: crt_proc_op_t, data: *mut i32) -> c_int;
    /// The same.
    pub fn crt_proc_uint32_t(proc_: crt_proc_t, proc_op: crt_proc_op_t, data: *mut u32) -> c_int;
    /// The same.
    pub fn crt_proc_int64_t(proc_: crt_proc_t, proc_op: crt_proc_op_t, data: *mut i64) -> c_int;
    /// The same.
    pub fn crt_proc_uint64_t(proc_: crt_proc_t, proc_op: crt_proc_op_t, data: *mut u64) -> c_int;
    /// Packs or unpacks a byte that is 0 or 1.
    pub fn crt_proc_bool(proc_: crt_proc_t, proc_op: crt_proc_op_t, data: *mut bool) -> c_int;
    /// Packs, unpacks or frees a handle of memory, whose owner is then the peer. It may be null.
    pub fn crt_proc_crt_bulk_t(proc_: crt_proc_t, proc_op: crt_proc_op_t, bulk_hdl: *mut crt_bulk_t)
    -> c_int;
    /// Packs, unpacks or frees a string. It may be null.
    pub fn crt_proc_d_string_t(proc_: crt_proc_t, proc_op: crt_proc_op_t, data: *mut d_string_t) -> c_int;
    /// The same.
    pub fn crt_proc_d_const_string_t(
        proc_: crt_proc_t,
        proc_op: crt_proc_op_t,
        data: *mut d_const_string_t,
    ) -> c_int;
    /// Packs or unpacks a UUID.
    pub fn crt_proc_uuid_t(proc_: crt_proc_t, proc_op: crt_proc_op_t, data: *mut uuid_t) -> c_int;
    /// Packs, unpacks or frees a list of ranks. An empty one is unpacked as null.
    pub fn crt_proc_d_rank_list_t(
        proc_: crt_proc_t,
        proc_op: crt_proc_op_t,
        data: *mut *mut d_rank_list_t,
    ) -> c_int;
    /// Packs or unpacks a piece of memory: its used part. Unpacked it lies in the buffer, and freeing only forgets
    /// it.
    pub fn crt_proc_d_iov_t(proc_: crt_proc_t, proc_op: crt_proc_op_t, data: *mut d_iov_t) -> c_int;
    /// Packs, unpacks or frees a list of them. Unpacked the list is allocated, and its pieces lie in the buffer.
    pub fn crt_proc_d_sg_list_t(proc_: crt_proc_t, proc_op: crt_proc_op_t, data: *mut d_sg_list_t) -> c_int;

    /// Makes `rank` the rank of this engine, which joins its group at version `group_version_min` (from 1). Once.
    pub fn crt_rank_self_set(rank: d_rank_t, group_version_min: u32) -> c_int;
    /// Stores the URI of this engine's context `tag`, to be freed by `D_FREE`.
    pub fn crt_self_uri_get(tag: c_int, uri: *mut *mut c_char) -> c_int;
    /// Stores the incarnation of this engine: when it joined its group, in HLC time.
    pub fn crt_self_incarnation_get(incarnation: *mut u64) -> c_int;
    /// Stores the URI of a context of a rank, to be freed by `D_FREE`.
    pub fn crt_rank_uri_get(
        grp: *mut crt_group_t,
        rank: d_rank_t,
        tag: c_int,
        uri: *mut *mut c_char,
    ) -> c_int;
    /// Stores what SWIM knows of a rank. `-DER_NONEXIST` if that is nothing.
    pub fn crt_rank_state_get(grp: *mut crt_group_t, rank: d_rank_t, state: *mut swim_member_state) -> c_int;
    /// The group of a name, the primary one for null; null if there is none.
    pub fn crt_group_lookup(grp_id: crt_group_id_t) -> *mut crt_group_t;
    /// Stores the rank of this engine in `grp`, null for the primary group, at `rank`. `-DER_NONEXIST` (and
    /// `CRT_NO_RANK`) before the rank is set.
    pub fn crt_group_rank(grp: *mut crt_group_t, rank: *mut d_rank_t) -> c_int;
    /// Stores how many ranks a group has.
    pub fn crt_group_size(grp: *mut crt_group_t, size: *mut u32) -> c_int;
    /// Stores the version of a group.
    pub fn crt_group_version(grp: *mut crt_group_t, version: *mut u32) -> c_int;
    /// Sets it.
    pub fn crt_group_version_set(grp: *mut crt_group_t, version: u32) -> c_int;
    /// Stores the ranks of a group, to be freed by `d_rank_list_free`.
    pub fn crt_group_ranks_get(group: *mut crt_group_t, list: *mut *mut d_rank_list_t) -> c_int;
    /// Stores the rank in the primary group of one in a secondary group.
    pub fn crt_group_rank_s2p(subgrp: *mut crt_group_t, rank_in: d_rank_t, rank_out: *mut d_rank_t) -> c_int;
    /// Stores the rank in a secondary group of one in the primary group.
    pub fn crt_group_rank_p2s(subgrp: *mut crt_group_t, rank_in: d_rank_t, rank_out: *mut d_rank_t) -> c_int;
    /// Takes a rank out of a group.
    pub fn crt_group_rank_remove(group: *mut crt_group_t, rank: d_rank_t) -> c_int;
    /// Makes a group that this process is no member of. For clients.
    pub fn crt_group_view_create(grpid: crt_group_id_t, ret_grp: *mut *mut crt_group_t) -> c_int;
    /// Ends it.
    pub fn crt_group_view_destroy(grp: *mut crt_group_t) -> c_int;
    /// Adds a rank to a primary group, with the URI of its first context as one of `ctx`'s provider.
    pub fn crt_group_primary_rank_add(
        ctx: crt_context_t,
        grp: *mut crt_group_t,
        primary_rank: d_rank_t,
        uri: *mut c_char,
    ) -> c_int;
    /// Adds a rank of the primary group to a secondary one, as `secondary_rank`.
    pub fn crt_group_secondary_rank_add(
        grp: *mut crt_group_t,
        secondary_rank: d_rank_t,
        primary_rank: d_rank_t,
    ) -> c_int;
    /// Makes a group of ranks of the primary one, which may be null for none.
    pub fn crt_group_secondary_create(
        grp_name: crt_group_id_t,
        primary_grp: *mut crt_group_t,
        ranks: *mut d_rank_list_t,
        ret_grp: *mut *mut crt_group_t,
    ) -> c_int;
    /// Ends it.
    pub fn crt_group_secondary_destroy(grp: *mut crt_group_t) -> c_int;
    /// Whether ranks that leave the primary group leave a secondary one as well.
    pub fn crt_group_auto_rank_remove(grp: *mut crt_group_t, enable: bool) -> c_int;
    /// Changes a primary group, all at once, to the version `version`. `uris` has, for each of `num_ctxs` contexts,
    /// one URI a rank; `incarnations` one a rank.
    pub fn crt_group_primary_modify(
        grp: *mut crt_group_t,
        ctxs: *mut crt_context_t,
        num_ctxs: c_int,
        ranks: *mut d_rank_list_t,
        incarnations: *mut u64,
        uris: *mut *mut c_char,
        op: crt_group_mod_op_t,
        version: u32,
    ) -> c_int;
    /// Changes a secondary group, all at once, to the version `version`: `sec_ranks` are the ranks there of
    /// `prim_ranks`.
    pub fn crt_group_secondary_modify(
        grp: *mut crt_group_t,
        sec_ranks: *mut d_rank_list_t,
        prim_ranks: *mut d_rank_list_t,
        op: crt_group_mod_op_t,
        version: u32,
    ) -> c_int;
    /// Makes a view of a group from the file that `crt_group_config_save` has written. For clients.
    pub fn crt_group_attach(srv_grpid: crt_group_id_t, attached_grp: *mut *mut crt_group_t) -> c_int;
    /// Ends it.
    pub fn crt_group_detach(attached_grp: *mut crt_group_t) -> c_int;
    /// Sets the directory of groups' files.
    pub fn crt_group_config_path_set(path: *const c_char) -> c_int;
    /// Writes a group's file: the URIs of all ranks, or only of this one.
    pub fn crt_group_config_save(grp: *mut crt_group_t, forall: bool) -> c_int;
    /// Removes a group's file.
    pub fn crt_group_config_remove(grp: *mut crt_group_t) -> c_int;

    /// Starts SWIM on the context of a number.
    pub fn crt_swim_init(crt_ctx_idx: c_int) -> c_int;
    /// Ends SWIM.
    pub fn crt_swim_fini();
    /// Has `event_handler` told of ranks that come and go, with `arg`.
    pub fn crt_register_event_cb(event_handler: crt_event_cb, arg: *mut c_void) -> c_int;
    /// Undoes `crt_register_event_cb` of the same pair. 0 or `-DER_NONEXIST`.
    pub fn crt_unregister_event_cb(event_handler: crt_event_cb, arg: *mut c_void) -> c_int;
    /// Has `event_handler`, and nobody else, told of clocks that differ, with `arg`. 0.
    pub fn crt_register_hlc_error_cb(event_handler: crt_hlc_error_cb, arg: *mut c_void) -> c_int;
}

// What this project's CaRT (`crates/cart`) adds. Absent from libcart: only code of embedded mode may call these.

unsafe extern "C" {
    /// Ends the wait of `crt_progress` on a context, on any thread: the current one, or else the next. It does not wait, and
    /// costs next to nothing while nobody does.
    pub fn crtx_context_wake(crt_ctx: crt_context_t);
}
