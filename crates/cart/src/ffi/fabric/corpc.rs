//! `crt_corpc.c`: collective requests.
//!
//! At the root the request is the user's, elsewhere one that has come in; both bring together what the children answer,
//! with the user's function, in the output that they have.

use abi::{crt_bulk_t, crt_context_t, crt_group_t, crt_opcode_t, crt_rpc_t, d_rank_list_t};
use core::ffi::{c_int, c_void};
use core::ptr;
use std::sync::Arc;

use bytes::Bytes;
use gurt_client::{Facility, Result, debug, error};

use super::bulk::Bulk;
use super::events::Argument;
use super::group::{self, Group};
use super::rpc::{Role, Rpc};
use super::{Context, context, der, invalid, lock, node, outcome, rc, store};
use crate::Rank;
use crate::rpc::collective::Broadcast;
use crate::rpc::{Incoming, IncomingId, SECOND};
use crate::tree::Topology;

/// What a collective request is at its root: what `crt_corpc_req_create` was told.
pub(crate) struct Whole {
    group: Arc<Group>,
    filter: Vec<Rank>,
    flags: u32,
    topology: Topology,
    bulk: Option<Arc<Bulk>>,
    private: Argument,
}

/// The request as the core takes it.
pub(super) fn broadcast(rpc: &Rpc, whole: &Whole) -> Result<Broadcast> {
    let bulk = match &whole.bulk {
        None => None,
        Some(bulk) => Some(bulk.key_in(&rpc.network).ok_or_else(|| {
            invalid("crt_req_send", "the bulk handle of a collective request is of another context")
        })?),
    };
    // SAFETY: written by its user alone, who has just called.
    let (opcode, tag) = unsafe { ((*rpc.public()).cr_opc, (*rpc.public()).cr_ep.ep_tag) };
    Ok(Broadcast {
        group: whole.group.secondary(),
        filter: whole.filter.clone(),
        tag,
        opcode,
        flags: whole.flags,
        topology: whole.topology,
        body: rpc.pack_input()?,
        bulk,
        timeout: Some(u64::from(lock(&rpc.state).timeout) * SECOND),
    })
}

/// What the user gave for his functions at the root; null elsewhere.
fn private(rpc: &Rpc) -> *mut c_void {
    match &rpc.role {
        Role::Whole(whole) => whole.private.0,
        _ => ptr::null_mut(),
    }
}

fn known(network: &Context, id: IncomingId) -> Option<Arc<Rpc>> {
    match id {
        IncomingId::Collective(id) => lock(&network.attached.collectives).get(&id).cloned(),
        IncomingId::Single(..) | IncomingId::OneWay(..) => None,
    }
}

fn forget(network: &Context, id: IncomingId) -> Option<Arc<Rpc>> {
    match id {
        IncomingId::Collective(id) => lock(&network.attached.collectives).remove(&id),
        IncomingId::Single(..) | IncomingId::OneWay(..) => None,
    }
}

/// A request is to be looked at before it goes on: `co_pre_forward`.
pub(super) fn pre_forward(network: &Arc<Context>, mut incoming: Incoming) {
    let rpc = match known(network, incoming.id) {
        Some(rpc) => Ok(rpc),
        None => Rpc::from_incoming(network, &mut incoming),
    };
    let looked = match &rpc {
        Ok(rpc) => {
            if let IncomingId::Collective(id) = incoming.id {
                lock(&network.attached.collectives).insert(id, rpc.clone());
            }
            match rpc.format.collective.and_then(|ops| ops.co_pre_forward) {
                // SAFETY: the user's function; the RPC lives until it is back.
                Some(function) => outcome(unsafe { function(rpc.as_c(), private(rpc)) }),
                None => Ok(()),
            }
        }
        Err(error) => {
            error!(Facility::CORPC, "collective request {:#x} cannot go on: {error}", incoming.opcode);
            Err(*error)
        }
    };
    let gathers = network.with(|context, now| {
        context.forward(now, incoming.id, looked);
        context.gathers(incoming.id)
    });
    if gathers != Some(true) {
        forget(network, incoming.id);
    }
}

/// A child has answered: `co_aggregate`.
pub(super) fn aggregate(network: &Arc<Context>, id: IncomingId, body: Bytes, first: bool) {
    let Some(rpc) = known(network, id) else { return };
    let added = if first {
        // The root takes no part, and has no output of its own. That it has is its user's to free.
        rpc.unpack_output(body, false)
    } else {
        match rpc.format.collective.and_then(|ops| ops.co_aggregate) {
            None => Ok(()),
            Some(function) => rpc.child(body).and_then(|child| {
                // SAFETY: the user's function; both live until it is back.
                outcome(unsafe { function(child.as_c(), rpc.as_c(), private(&rpc)) })
            }),
        }
    };
    if let Err(error) = added {
        error!(Facility::CORPC, "what a rank has answered to a collective request cannot be added: {error}");
        lock(&rpc.state).failed.get_or_insert(error);
    }
}

/// All have answered: the request ends here, and `co_post_reply` follows.
pub(super) fn gathered(network: &Arc<Context>, id: IncomingId, result: Result) {
    let rpc = forget(network, id);
    let failed = rpc.as_ref().and_then(|rpc| lock(&rpc.state).failed);
    let result = result.and(failed.map_or(Ok(()), Err));
    let whole = rpc.as_ref().is_some_and(|rpc| matches!(rpc.role, Role::Whole(_)));
    let packed = match (&rpc, result) {
        (Some(rpc), Ok(())) if !whole => rpc.pack_output(),
        (_, result) => result.map(|()| Bytes::new()),
    };
    let (result, output) = match packed {
        Ok(output) => (Ok(()), output),
        Err(error) => (Err(error), Bytes::new()),
    };
    network.with(|context, now| context.conclude(now, id, result, output));
    let post_reply = rpc.as_ref().and_then(|rpc| rpc.format.collective?.co_post_reply);
    if let (Some(rpc), Some(function), false) = (rpc, post_reply, whole) {
        // SAFETY: the user's function; the RPC lives until it is back.
        let said = outcome(unsafe { function(rpc.as_c(), private(&rpc)) });
        if let Err(error) = said {
            debug!(Facility::CORPC, "what follows the reply to a collective request has failed: {error}");
        }
    }
}

/// # Safety
/// As [`crt_corpc_req_create`].
#[allow(clippy::too_many_arguments, reason = "those of the C function")]
unsafe fn create(
    ctx: crt_context_t,
    grp: *mut crt_group_t,
    filter: *mut d_rank_list_t,
    opcode: u32,
    bulk: crt_bulk_t,
    private: *mut c_void,
    flags: u32,
    topology: c_int,
) -> Result<*mut crt_rpc_t> {
    const NAME: &str = "crt_corpc_req_create";
    let node = node(NAME)?;
    // SAFETY: by the caller's promise.
    let (network, group, filter) =
        unsafe { (context(NAME, ctx)?, Group::of(&node, grp), group::ranks(filter).to_vec()) };
    if !node.is_server() {
        error!(Facility::CORPC, "{NAME}: clients send no collective requests");
        return Err(der::NO_PERM);
    }
    let topology = Topology::try_from(topology).map_err(|error| invalid(NAME, &error.to_string()))?;
    let me = group.rank(&node);
    if me.is_none() {
        debug!(Facility::CORPC, "{NAME}: this process has no rank in group {} yet", group.name());
        return Err(der::GRPVER);
    }
    // SAFETY: by the caller's promise.
    let counted = unsafe { Bulk::counted(bulk) };
    let private = Argument(private);
    let whole = Whole { group, filter, flags, topology, bulk: counted, private };
    let rpc = Rpc::new(&network, opcode, Role::Whole(whole))?;
    // SAFETY: nobody else knows of it yet.
    unsafe { (*rpc.public()).cr_co_bulk_hdl = bulk };
    Ok(rpc.into_c())
}

abi::export! {
    /// `crt_corpc_req_create` (crt_corpc.c): makes a request to all ranks of a group but those of the list, along a tree
    /// whose root this rank is. 0, `-DER_GRPVER` before this process has a rank in the group, `-DER_UNREG`,
    /// `-DER_NO_PERM` for a client, `-DER_INVAL`, `-DER_NOMEM`.
    pub unsafe fn crt_corpc_req_create(
        crt_ctx: crt_context_t,
        grp: *mut crt_group_t,
        filter_ranks: *mut d_rank_list_t,
        opc: crt_opcode_t,
        co_bulk_hdl: crt_bulk_t,
        priv_: *mut c_void,
        flags: u32,
        tree_topo: c_int,
        req: *mut *mut crt_rpc_t,
    ) -> c_int {
        const NAME: &str = "crt_corpc_req_create";
        if req.is_null() {
            return invalid(NAME, "there is no place for the request").rc();
        }
        // SAFETY: not null, and the caller vouches for the rest.
        rc(unsafe {
            create(crt_ctx, grp, filter_ranks, opc, co_bulk_hdl, priv_, flags, tree_topo)
                .and_then(|rpc| store(NAME, req, rpc))
        })
    }
}
