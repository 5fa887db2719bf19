//! `crt_context.c`: contexts and their progress.

use abi::{crt_context_t, crt_progress_cb, crt_progress_cond_cb_t, crt_rpc_task_t};
use core::ffi::{CStr, c_char, c_int, c_void};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gurt_client::{Facility, Result, error};

use super::events::Argument;
use super::group::Group;
use super::rpc::Rpc;
use super::{Context, context, der, init, invalid, lock, node, rc, store, store_string, text};
use crate::Rank;
use crate::node::settings::SWIM_CONTEXT;
use crate::rpc::SECOND;

/// What belongs to a context.
#[derive(Default)]
pub(crate) struct Attached {
    tasks: Mutex<Option<Tasks>>,
    progress: Mutex<Option<(crt_progress_cb, Argument)>>,
    /// How many seconds requests wait, 0 for as long as the process says.
    timeout: AtomicU32,
    /// The collective requests of which something is expected.
    pub(super) collectives: Mutex<HashMap<u64, Arc<Rpc>>>,
}

/// What there is in a `crt_rpc_task_t`.
#[cfg(feature = "iv")]
pub type Task = unsafe extern "C" fn(
    *mut crt_context_t,
    *mut c_void,
    Option<unsafe extern "C" fn(*mut c_void)>,
    *mut c_void,
) -> c_int;

/// Who runs handlers: `cc_rpc_cb` and `cc_iv_resp_cb`.
#[derive(Clone, Copy)]
pub(crate) struct Tasks {
    pub requests: crt_rpc_task_t,
    #[cfg_attr(not(feature = "iv"), expect(dead_code, reason = "crt_iv.c asks for it"))]
    pub iv_responses: crt_rpc_task_t,
    pub arg: Argument,
}

impl Attached {
    /// How many seconds requests of the context wait for their reply.
    pub fn timeout(&self, network: &Context) -> u32 {
        match self.timeout.load(Ordering::Relaxed) {
            0 => (network.node().settings().rpc.timeout / SECOND) as u32,
            seconds => seconds,
        }
    }

    pub fn tasks(&self) -> Option<Tasks> {
        *lock(&self.tasks)
    }
}

/// Who runs what is to be done for the reply to an incast variable, with its argument: what
/// `crt_context_register_rpc_task` was told.
///
/// # Safety
/// The context is not destroyed meanwhile.
#[cfg(feature = "iv")]
pub unsafe fn iv_response_task(ctx: crt_context_t) -> Option<(Task, *mut c_void)> {
    // SAFETY: by the caller's promise.
    let network = unsafe { context("iv_response_task", ctx) }.ok()?;
    let tasks = network.attached.tasks()?;
    Some((tasks.iv_responses?, tasks.arg.0))
}

fn create(interface: usize) -> Result<crt_context_t> {
    let node = node("crt_context_create")?;
    let network = node.open(interface)?;
    if init::starts_swim() && network.tag() == SWIM_CONTEXT {
        node.start_swim(SWIM_CONTEXT)?;
    }
    Ok(Arc::into_raw(network).cast_mut().cast())
}

/// The number of an interface that a client was told of.
fn interface(name: &CStr) -> Result<usize> {
    let node = node("crt_iface_name2idx")?;
    let known = &node.settings().interfaces;
    let at = known.iter().position(|known| known.as_bytes() == name.to_bytes());
    at.ok_or_else(|| {
        error!(
            Facility::RPC,
            "there is no interface {name:?} among those that D_INTERFACE names: {}",
            known.join(", ")
        );
        der::INVAL
    })
}

/// Only clients choose.
fn chosen(interface: usize) -> Result<crt_context_t> {
    const NAME: &str = "crt_context_create_on_iface";
    let node = node(NAME)?;
    if node.is_server() {
        error!(Facility::RPC, "{NAME}: a server's contexts all use one interface, the first of D_INTERFACE");
        return Err(der::NOSYS);
    }
    if interface >= node.settings().interfaces.len() {
        return Err(invalid(NAME, "D_INTERFACE names no such interface"));
    }
    create(interface)
}

/// # Safety
/// As [`crt_progress_cond`].
unsafe fn progress_until(
    network: &Arc<Context>,
    ctx: crt_context_t,
    timeout: i64,
    condition: impl Fn() -> c_int,
) -> c_int {
    let met = condition();
    if met != 0 {
        return met.min(0);
    }
    let begin = Instant::now();
    loop {
        let left = micros(timeout).map(|limit| limit.saturating_sub(begin.elapsed()));
        // Another thread may do what the condition waits for.
        let slice = left.map_or(Duration::from_millis(1), |left| left.min(Duration::from_secs(1)));
        // SAFETY: by the caller's promise.
        let progressed = unsafe { progress(network, ctx, Some(slice)) };
        let met = condition();
        match (met, progressed) {
            (0, Err(error)) if error != der::TIMEDOUT => return error.rc(),
            (0, _) if left.is_some_and(|_| micros(timeout) <= Some(begin.elapsed())) => {
                return der::TIMEDOUT.rc();
            }
            (0, _) => {}
            (met, _) => return met.min(0),
        }
    }
}

/// A time of C; none for ever.
fn micros(timeout: i64) -> Option<Duration> {
    u64::try_from(timeout).ok().map(Duration::from_micros)
}

/// Progress, with what was registered for it. `-DER_TIMEDOUT` when there was nothing.
///
/// # Safety
/// `ctx` is the context.
unsafe fn progress(network: &Arc<Context>, ctx: crt_context_t, limit: Option<Duration>) -> Result {
    let registered = *lock(&network.attached.progress);
    let mut limit = limit;
    let mut handled = false;
    if let Some((Some(callback), Argument(arg))) = registered {
        handled = network.progress(Some(Duration::ZERO))?;
        let wanted = limit.map_or(-1, |limit| limit.as_micros().min(i64::MAX as u128) as i64);
        // SAFETY: the user's function, with his argument.
        limit = micros(unsafe { callback(ctx, wanted, arg) });
    }
    let limit = if handled { Some(Duration::ZERO) } else { limit };
    handled |= network.progress(limit)?;
    if handled { Ok(()) } else { Err(der::TIMEDOUT) }
}

/// # Safety
/// As [`crt_context_destroy`].
unsafe fn destroy(ctx: crt_context_t, force: bool) -> Result {
    // SAFETY: by the caller's promise.
    let network = unsafe { context("crt_context_destroy", ctx)? };
    node("crt_context_destroy")?.close(&network, force)?;
    // Those of others, of whom nobody hears any more.
    let left = std::mem::take(&mut *lock(&network.attached.collectives));
    drop(left);
    // SAFETY: what `create` gave out, and the caller forgets it.
    drop(unsafe { Arc::from_raw(ctx.cast::<Context>().cast_const()) });
    Ok(())
}

fn set_progress(tag: c_int, callback: Option<(crt_progress_cb, Argument)>) -> Result {
    const NAME: &str = "crt_register_progress_cb";
    let network = u32::try_from(tag).ok().and_then(|tag| node(NAME).ok()?.network(tag));
    let network = network.ok_or_else(|| {
        error!(Facility::RPC, "{NAME}: there is no context {tag}");
        der::NONEXIST
    })?;
    *lock(&network.attached.progress) = callback;
    Ok(())
}

abi::export! {
    /// `crt_context_create` (crt_context.c): makes a context, which listens on the first interface. 0, `-DER_AGAIN` if
    /// there are as many as may be, or what the network says.
    pub unsafe fn crt_context_create(crt_ctx: *mut crt_context_t) -> c_int {
        if crt_ctx.is_null() {
            return invalid("crt_context_create", "there is no place for the context").rc();
        }
        // SAFETY: not null, and the caller vouches for the rest.
        rc(create(0).and_then(|ctx| unsafe { store("crt_context_create", crt_ctx, ctx) }))
    }

    /// `crt_num_ifaces_get` (crt_context.c): how many interfaces there are.
    pub fn crt_num_ifaces_get() -> u32 {
        node("crt_num_ifaces_get").map_or(0, |node| node.settings().interfaces.len() as u32)
    }

    /// `crt_iface_name2idx` (crt_context.c): the number of an interface of `D_INTERFACE`. 0 or `-DER_INVAL`.
    pub unsafe fn crt_iface_name2idx(iface_name: *const c_char, idx: *mut c_int) -> c_int {
        const NAME: &str = "crt_iface_name2idx";
        // SAFETY: by the caller's promise.
        rc(unsafe { text(NAME, iface_name).and_then(interface).and_then(|at| store(NAME, idx, at as c_int)) })
    }

    /// `crt_context_create_on_iface_idx` (crt_context.c): makes a context of a client on an interface. `-DER_NOSYS` for a
    /// server, `-DER_INVAL` if there is no such interface.
    pub unsafe fn crt_context_create_on_iface_idx(iface_index: u32, crt_ctx: *mut crt_context_t) -> c_int {
        const NAME: &str = "crt_context_create_on_iface_idx";
        if crt_ctx.is_null() {
            return invalid(NAME, "there is no place for the context").rc();
        }
        // SAFETY: not null, and the caller vouches for the rest.
        rc(chosen(iface_index as usize).and_then(|ctx| unsafe { store(NAME, crt_ctx, ctx) }))
    }

    /// `crt_context_create_on_iface` (crt_context.c): the same by the interface's name.
    pub unsafe fn crt_context_create_on_iface(iface_name: *const c_char, crt_ctx: *mut crt_context_t) -> c_int {
        const NAME: &str = "crt_context_create_on_iface";
        if crt_ctx.is_null() {
            return invalid(NAME, "there is no place for the context").rc();
        }
        // SAFETY: not null, and the caller vouches for the rest.
        rc(unsafe {
            text(NAME, iface_name).and_then(interface).and_then(chosen).and_then(|ctx| store(NAME, crt_ctx, ctx))
        })
    }

    /// `crt_context_destroy` (crt_context.c): ends a context. With `force` its requests end first, with `-DER_CANCELED`;
    /// without it they are `-DER_BUSY`, and it stays.
    pub unsafe fn crt_context_destroy(crt_ctx: crt_context_t, force: c_int) -> c_int {
        // SAFETY: by the caller's promise.
        rc(unsafe { destroy(crt_ctx, force != 0) })
    }

    /// `crt_context_set_timeout` (crt_context.c): sets how many seconds requests that are made from now on wait. 0 or
    /// `-DER_INVAL`, also for 0 seconds.
    pub unsafe fn crt_context_set_timeout(crt_ctx: crt_context_t, timeout_sec: u32) -> c_int {
        const NAME: &str = "crt_context_set_timeout";
        if timeout_sec == 0 {
            return invalid(NAME, "a request cannot wait for 0 seconds").rc();
        }
        // SAFETY: by the caller's promise.
        rc(unsafe { context(NAME, crt_ctx) }
            .map(|network| network.attached.timeout.store(timeout_sec, Ordering::Relaxed)))
    }

    /// `crt_context_get_timeout` (crt_context.c): stores that. 0 or `-DER_INVAL`.
    pub unsafe fn crt_context_get_timeout(crt_ctx: crt_context_t, timeout_sec: *mut u32) -> c_int {
        const NAME: &str = "crt_context_get_timeout";
        // SAFETY: by the caller's promise.
        rc(unsafe {
            context(NAME, crt_ctx)
                .and_then(|network| store(NAME, timeout_sec, network.attached.timeout(&network)))
        })
    }

    /// `crt_context_ep_empty` (crt_context.c): whether no request of a context is under way.
    pub unsafe fn crt_context_ep_empty(crt_ctx: crt_context_t) -> bool {
        // SAFETY: by the caller's promise.
        match unsafe { context("crt_context_ep_empty", crt_ctx) } {
            Ok(network) => network.with(|context, _| context.has_requests()) != Some(true),
            Err(_) => true,
        }
    }

    /// `crt_context_flush` (crt_context.c): makes progress until no request of a context is under way. 0, or
    /// `-DER_TIMEDOUT` after `timeout` seconds, unless these are 0.
    pub unsafe fn crt_context_flush(crt_ctx: crt_context_t, timeout: u64) -> c_int {
        // SAFETY: by the caller's promise.
        let network = match unsafe { context("crt_context_flush", crt_ctx) } {
            Ok(network) => network,
            Err(error) => return error.rc(),
        };
        let micros = if timeout == 0 { -1 } else { i64::try_from(timeout).unwrap_or(-1).saturating_mul(1_000_000) };
        let empty = || c_int::from(network.with(|context, _| context.has_requests()) != Some(true));
        // SAFETY: as above.
        unsafe { progress_until(&network, crt_ctx, micros, empty) }
    }

    /// `crt_context_idx` (crt_context.c): stores the number of a context. 0 or `-DER_INVAL`.
    pub unsafe fn crt_context_idx(crt_ctx: crt_context_t, ctx_idx: *mut c_int) -> c_int {
        const NAME: &str = "crt_context_idx";
        // SAFETY: by the caller's promise.
        rc(unsafe { context(NAME, crt_ctx).and_then(|network| store(NAME, ctx_idx, network.tag() as c_int)) })
    }

    /// `crt_context_num` (crt_context.c): stores how many contexts there are. 0, `-DER_INVAL` or `-DER_UNINIT`.
    pub unsafe fn crt_context_num(ctx_num: *mut c_int) -> c_int {
        const NAME: &str = "crt_context_num";
        // SAFETY: by the caller's promise.
        rc(node(NAME).and_then(|node| unsafe { store(NAME, ctx_num, node.networks().len() as c_int) }))
    }

    /// `crt_context_uri_get` (crt_context.c): stores where a context listens, to be freed by `D_FREE`. 0, `-DER_INVAL` or
    /// `-DER_NOMEM`.
    pub unsafe fn crt_context_uri_get(crt_ctx: crt_context_t, uri: *mut *mut c_char) -> c_int {
        const NAME: &str = "crt_context_uri_get";
        // SAFETY: by the caller's promise.
        rc(unsafe {
            context(NAME, crt_ctx).and_then(|network| {
                let own = network.uri().ok_or(der::NONEXIST)?;
                store_string(NAME, uri, own)
            })
        })
    }

    /// `crt_self_uri_get` (crt_context.c): stores where the context of this number listens, to be freed by `D_FREE`. 0,
    /// `-DER_NONEXIST` if there is none, `-DER_INVAL` or `-DER_NOMEM`.
    pub unsafe fn crt_self_uri_get(tag: c_int, uri: *mut *mut c_char) -> c_int {
        const NAME: &str = "crt_self_uri_get";
        let own = node(NAME).and_then(|node| {
            let own = u32::try_from(tag).ok().and_then(|tag| node.read(|directory| directory.own_uri(tag)));
            own.ok_or_else(|| {
                error!(Facility::RPC, "{NAME}: there is no context {tag}");
                der::NONEXIST
            })
        });
        // SAFETY: by the caller's promise.
        rc(own.and_then(|own| unsafe { store_string(NAME, uri, &own) }))
    }

    /// `crt_context_register_rpc_task` (crt_context.c): has `rpc_cb` run the handlers of a context's requests, and
    /// `iv_resp_cb` what follows a reply to an incast variable. 0 or `-DER_INVAL`.
    pub unsafe fn crt_context_register_rpc_task(
        crt_ctx: crt_context_t,
        rpc_cb: crt_rpc_task_t,
        iv_resp_cb: crt_rpc_task_t,
        arg: *mut c_void,
    ) -> c_int {
        const NAME: &str = "crt_context_register_rpc_task";
        if rpc_cb.is_none() {
            return invalid(NAME, "the function for requests is null").rc();
        }
        // SAFETY: by the caller's promise.
        rc(unsafe { context(NAME, crt_ctx) }.map(|network| {
            let tasks = Tasks { requests: rpc_cb, iv_responses: iv_resp_cb, arg: Argument(arg) };
            *lock(&network.attached.tasks) = Some(tasks);
        }))
    }

    /// `crt_progress` (crt_context.c): sends, receives, and calls handlers and callbacks; waits up to `timeout`
    /// microseconds for something to do, for ever if that is negative. 0, `-DER_TIMEDOUT` if there was nothing, or
    /// `crtx_context_wake` has ended the wait.
    pub unsafe fn crt_progress(crt_ctx: crt_context_t, timeout: i64) -> c_int {
        // SAFETY: by the caller's promise.
        rc(unsafe {
            context("crt_progress", crt_ctx).and_then(|network| progress(&network, crt_ctx, micros(timeout)))
        })
    }

    /// `crt_progress_cond` (crt_context.c): the same again and again, until the function does not return 0. 0 if it returns
    /// more, its error if less, `-DER_TIMEDOUT` when the time is up.
    pub unsafe fn crt_progress_cond(
        crt_ctx: crt_context_t,
        timeout: i64,
        cond_cb: crt_progress_cond_cb_t,
        arg: *mut c_void,
    ) -> c_int {
        const NAME: &str = "crt_progress_cond";
        let Some(condition) = cond_cb else { return invalid(NAME, "the function is null").rc() };
        // SAFETY: by the caller's promise.
        unsafe {
            match context(NAME, crt_ctx) {
                Ok(network) => progress_until(&network, crt_ctx, timeout, || condition(arg)),
                Err(error) => error.rc(),
            }
        }
    }

    /// `crtx_context_wake`, which CaRT does not have: ends the wait of `crt_progress`, see there.
    pub unsafe fn crtx_context_wake(crt_ctx: crt_context_t) {
        // SAFETY: by the caller's promise.
        if let Ok(network) = unsafe { context("crtx_context_wake", crt_ctx) } {
            network.wake();
        }
    }

    /// `crt_register_progress_cb` (crt_context.c): has a function called by each `crt_progress` of a context. 0 or
    /// `-DER_NONEXIST`.
    pub unsafe fn crt_register_progress_cb(cb: crt_progress_cb, ctx_idx: c_int, arg: *mut c_void) -> c_int {
        rc(set_progress(ctx_idx, Some((cb, Argument(arg)))))
    }

    /// `crt_unregister_progress_cb` (crt_context.c): undoes that. 0 or `-DER_NONEXIST`.
    pub unsafe fn crt_unregister_progress_cb(_cb: crt_progress_cb, ctx_idx: c_int, _arg: *mut c_void) -> c_int {
        rc(set_progress(ctx_idx, None))
    }

    /// `crt_rank_abort` (crt_context.c): gives up all requests to a rank of the primary group, with `-DER_CANCELED`. 0 or
    /// `-DER_UNINIT`.
    pub fn crt_rank_abort(rank: Rank) -> c_int {
        rc(node("crt_rank_abort").map(|node| {
            for network in node.networks() {
                network.with(|context, now| context.abort_rank(now, rank));
            }
        }))
    }

    /// `crt_rank_abort_all` (crt_context.c): the same for all ranks of a group, null for the primary one. 0, `-DER_UNINIT`,
    /// or `-DER_NONEXIST` for a group that is gone.
    pub unsafe fn crt_rank_abort_all(grp: *mut abi::crt_group_t) -> c_int {
        // SAFETY: by the caller's promise.
        rc(node("crt_rank_abort_all").and_then(|node| unsafe { Group::of(&node, grp) }.primary_ranks(&node)).map(
            |ranks| {
                for rank in ranks {
                    crt_rank_abort(rank);
                }
            },
        ))
    }

    /// `crt_ep_abort` (crt_context.c): the same for an endpoint's rank.
    pub unsafe fn crt_ep_abort(ep: *mut abi::crt_endpoint_t) -> c_int {
        // SAFETY: null or an endpoint.
        match unsafe { ep.as_ref() } {
            Some(ep) => crt_rank_abort(ep.ep_rank),
            None => invalid("crt_ep_abort", "there is no endpoint, the pointer is null").rc(),
        }
    }
}
