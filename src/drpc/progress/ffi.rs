//! The C ABI of `drpc_progress.c`.

use core::ffi::{c_int, c_short, c_void};
use core::mem::offset_of;
use core::ptr::{self, NonNull};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::*};
use std::time::{Duration, Instant};

use abi::{Drpc__Call, drpc, drpc_call_ctx, drpc_list, drpc_progress_context};
use gurt_client::{Der, Facility, Result, alloc, debug, error, info, list};

use super::limits;
use super::stalled::{Offer, Stalled};

/// Longest poll while a session is not read or a response is untaken: those may change without an event.
const BUSY_TIMEOUT: c_int = 1;
/// How long no client is accepted after descriptors or memory have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const fn der(code: abi::daos_errno) -> Der {
    Der::new(code as i64)
}

/// A call that a ULT answers: the C structure, and what this file adds behind it.
#[repr(C)]
#[derive(Clone, Copy)]
struct CallContext {
    c: drpc_call_ctx,
    /// What it takes, counted by [`limits`]: the call, and the response while it is untaken.
    bytes: usize,
}

/// A call whose response is untaken. Owned by whoever holds it.
struct Untaken(NonNull<CallContext>);

// SAFETY: the call is used by one thread at a time, the one that holds it.
unsafe impl Send for Untaken {}

static STALLED: Stalled<Untaken> = Stalled::new();

/// When clients are accepted again, in milliseconds since [`START`].
static ACCEPT_FROM: AtomicU64 = AtomicU64::new(0);
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

fn now_ms() -> u64 {
    START.elapsed().as_millis() as u64
}

/// A node of the list of sessions.
#[derive(Clone, Copy)]
struct Session(NonNull<drpc_list>);

impl Session {
    /// The sessions of `ctx`, first to last.
    ///
    /// # Safety
    /// `ctx` is a live context.
    unsafe fn all(ctx: NonNull<drpc_progress_context>) -> impl Iterator<Item = Session> {
        // SAFETY: the caller vouches for the list; its links are those of drpc_list nodes.
        unsafe {
            list::iter(&raw mut (*ctx.as_ptr()).session_ctx_list).map(|link| {
                Session(NonNull::new_unchecked(link.byte_sub(offset_of!(drpc_list, link)).cast()))
            })
        }
    }

    fn drpc(self) -> *mut drpc {
        // SAFETY: the node is on its list.
        unsafe { (*self.0.as_ptr()).ctx }
    }

    /// Its socket's descriptor.
    ///
    /// # Safety
    /// The session is valid: [`abi::drpc_is_valid_listener`].
    unsafe fn fd(self) -> c_int {
        // SAFETY: the caller vouches for it.
        unsafe { (*(*self.drpc()).comm).fd }
    }

    /// How many of its calls are being worked on: each holds a reference, the list another one.
    ///
    /// # Safety
    /// As for [`Session::fd`].
    unsafe fn calls(self) -> u32 {
        // SAFETY: the caller vouches for it; references are counted atomically.
        let count = unsafe { AtomicU32::from_ptr(&raw mut (*self.drpc()).ref_count) };
        count.load(Acquire).saturating_sub(1)
    }

    /// Takes the session off its list and closes it.
    ///
    /// # Safety
    /// Nobody uses the node any more.
    unsafe fn destroy(self) {
        // SAFETY: the caller vouches for it.
        unsafe {
            abi::drpc_close(self.drpc());
            list::del_init(&raw mut (*self.0.as_ptr()).link);
            alloc::free(self.0.as_ptr());
        }
    }
}

/// What has happened on a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Activity {
    None,
    Input,
    Disconnected,
    Error,
}

impl Activity {
    fn from_events(events: c_short) -> Self {
        if events & libc::POLLHUP != 0 {
            Activity::Disconnected
        } else if events & libc::POLLERR != 0 {
            Activity::Error
        } else if events & libc::POLLIN != 0 {
            Activity::Input
        } else {
            Activity::None
        }
    }
}

/// Frees a call and what belongs to it, and gives up its reference to the session.
///
/// # Safety
/// Nobody uses the call any more.
unsafe fn call_free(call: NonNull<CallContext>) {
    // SAFETY: the caller vouches for it.
    unsafe {
        let CallContext { c, bytes } = *call.as_ptr();
        limits::leave(bytes);
        abi::drpc_close(c.session);
        abi::drpc_call_free(c.call);
        abi::drpc_response_free(c.resp);
        alloc::free(call.as_ptr());
    }
}

/// The ULT of a call: runs the handler and sends the response.
unsafe extern "C" fn handle(call: *mut c_void) {
    let Some(call) = NonNull::new(call.cast::<CallContext>()) else { return };
    // SAFETY: the listener has handed the call over; session and messages live as long as it does.
    unsafe {
        let c = (*call.as_ptr()).c;
        let (module, method) = ((*c.call).module, (*c.call).method);
        debug!(Facility::DRPC, "dRPC call to method {method} of module {module}");
        if let Some(handler) = (*c.session).handler {
            handler(c.call, c.resp);
        }
        let rc = abi::drpc_send_response(c.session, c.resp);
        if rc == der(abi::DER_AGAIN).rc() {
            // The response, and what the channel keeps of it.
            let more = 2 * (*c.resp).body.len;
            limits::enter(more);
            (*call.as_ptr()).bytes += more;
            if let Some(Untaken(call)) = STALLED.leave(Untaken(call)) {
                call_free(call);
            }
            return;
        }
        if let Err(err) = Der::check(rc) {
            info!(Facility::DRPC, "no response to method {method} of module {module}: {err}");
        }
        call_free(call);
    }
}

/// Offers the untaken responses again, and closes the connections of peers that have had their time.
fn offer_stalled() {
    // SAFETY: the calls are live, and ours while they are in the list; freed when they leave it.
    let offer = |Untaken(call): &Untaken| unsafe {
        let c = (*call.as_ptr()).c;
        let rc = abi::drpc_send_response(c.session, c.resp);
        if rc == der(abi::DER_AGAIN).rc() {
            return Offer::Untaken;
        }
        if let Err(err) = Der::check(rc) {
            info!(
                Facility::DRPC,
                "the client of session {} has left a response: {err}",
                (*(*c.session).comm).fd
            );
        }
        call_free(*call);
        Offer::Done
    };
    // SAFETY: as above. The poll sees the connection go down and closes the session.
    let give_up = |Untaken(call): Untaken| unsafe {
        let fd = (*(*(*call.as_ptr()).c.session).comm).fd;
        error!(Facility::DRPC, "the client of session {fd} reads no responses; closing the connection");
        libc::shutdown(fd, libc::SHUT_RDWR);
        call_free(call);
    };
    STALLED.offer(offer, give_up);
}

/// Receives a call of `session` and starts a ULT for it.
///
/// # Safety
/// `session` is a valid one.
unsafe fn receive_call(session: *mut drpc) -> Result {
    // SAFETY: the caller vouches for the session; each message and call has one owner, which frees it.
    unsafe {
        let mut call = ptr::null_mut();
        let received = Der::check(abi::drpc_recv_call(session, &raw mut call));
        if let Err(err) = received
            && err != der(abi::DER_PROTO)
        {
            return Err(err);
        }
        // Garbage is answered too.
        let response = abi::drpc_response_create(call);
        if response.is_null() {
            abi::drpc_call_free(call);
            return Err(der(abi::DER_NOMEM));
        }
        if let Err(err) = received {
            (*response).status = abi::DRPC__STATUS__FAILED_UNMARSHAL_CALL;
            // The session is closed in any case.
            abi::drpc_send_response(session, response);
            abi::drpc_response_free(response);
            return Err(err);
        }
        start_handler(session, call, response)
    }
}

/// Bytes that the fields take which a message does not know.
///
/// # Safety
/// The message was unpacked.
unsafe fn unknown_bytes(message: &abi::ProtobufCMessage) -> usize {
    let count = message.n_unknown_fields as usize;
    // SAFETY: the caller vouches for as many fields.
    let lens = (0..count).map(|i| unsafe { (*message.unknown_fields.add(i)).len });
    count * size_of::<abi::ProtobufCMessageUnknownField>() + lens.sum::<usize>()
}

/// Starts the ULT of a call. Takes both messages.
///
/// # Safety
/// As for [`receive_call`]; the messages are live.
unsafe fn start_handler(
    session: *mut drpc,
    call: *mut Drpc__Call,
    response: *mut abi::Drpc__Response,
) -> Result {
    // SAFETY: the caller vouches for all of them.
    unsafe {
        let bytes = (*call).body.len + unknown_bytes(&(*call).base);
        let context = CallContext { c: drpc_call_ctx { session, call, resp: response }, bytes };
        let Some(context) = alloc::boxed(context) else {
            abi::drpc_call_free(call);
            abi::drpc_response_free(response);
            return Err(der(abi::DER_NOMEM));
        };
        // The session counts at most limits::MAX_CALLS references: there is always another one.
        abi::drpc_add_ref(session);
        limits::enter(bytes);
        let arg = context.as_ptr().cast();
        let rc = abi::dss_ult_create(Some(handle), arg, abi::DSS_XS_SYS, 0, 0, ptr::null_mut());
        Der::check(rc).map(drop).inspect_err(|err| {
            error!(Facility::DRPC, "cannot create a ULT for a dRPC call: {err}");
            call_free(context);
        })
    }
}

/// Deals with what has happened on a session, which may end it.
///
/// # Safety
/// The session is a valid one and on its list.
unsafe fn process_session(session: Session, activity: Activity) -> Result {
    // SAFETY: the caller vouches for the session.
    unsafe {
        match activity {
            Activity::None => {}
            Activity::Input => match receive_call(session.drpc()) {
                Err(err) if err == der(abi::DER_AGAIN) => return Err(err),
                Err(err) => {
                    info!(Facility::DRPC, "closing session {}: {err}", session.fd());
                    session.destroy();
                }
                Ok(()) => {}
            },
            Activity::Disconnected | Activity::Error => {
                debug!(Facility::DRPC, "the client of session {} has left", session.fd());
                session.destroy();
            }
        }
    }
    Ok(())
}

/// Accepts a client.
///
/// # Safety
/// `ctx` is a valid context.
unsafe fn accept(ctx: NonNull<drpc_progress_context>) -> Result {
    // SAFETY: the caller vouches for the context; the node is new and on no list.
    unsafe {
        let mut session = ptr::null_mut();
        Der::check(abi::drpc_accept((*ctx.as_ptr()).listener_ctx, &raw mut session))?;
        let link = abi::d_list_t { next: ptr::null_mut(), prev: ptr::null_mut() };
        let Some(node) = alloc::boxed(drpc_list { ctx: session, link }) else {
            abi::drpc_close(session);
            return Err(der(abi::DER_NOMEM));
        };
        (*session).yield_ = Some(abi::ABT_thread_yield);
        list::add(&raw mut (*node.as_ptr()).link, &raw mut (*ctx.as_ptr()).session_ctx_list);
    }
    Ok(())
}

/// Deals with what has happened on the listener.
///
/// # Safety
/// As for [`accept`].
unsafe fn process_listener(ctx: NonNull<drpc_progress_context>, activity: Activity) -> Result {
    match activity {
        Activity::None => Ok(()),
        // SAFETY: the caller vouches for the context.
        Activity::Input => unsafe { accept(ctx) }.inspect_err(|&err| {
            if err == der(abi::DER_MISC) || err == der(abi::DER_NOMEM) {
                // Out of descriptors or memory. The client stays, and polling it would only spin.
                ACCEPT_FROM.store(now_ms() + ACCEPT_PAUSE.as_millis() as u64, Relaxed);
            }
        }),
        Activity::Error | Activity::Disconnected => {
            info!(Facility::DRPC, "the dRPC listener's socket reports {activity:?}");
            Err(der(abi::DER_MISC))
        }
    }
}

/// What a round polls: the sessions in their order, then the listener.
struct Round {
    sessions: Vec<Session>,
    fds: Vec<libc::pollfd>,
    /// Whether there may be something to do without an event.
    busy: bool,
}

impl Round {
    /// `DER_INVAL` when a session is no valid one.
    ///
    /// # Safety
    /// `ctx` is a live context with a valid listener.
    unsafe fn new(ctx: NonNull<drpc_progress_context>) -> Result<Self> {
        const INPUT: c_short = libc::POLLIN | libc::POLLPRI;
        let pollfd = |fd, events| libc::pollfd { fd, events, revents: 0 };
        // SAFETY: a call in the list is live, and so is its session.
        let untaken = STALLED.open(|Untaken(call)| unsafe { (*call.as_ptr()).c.session });
        let mut round = Round { sessions: Vec::new(), fds: Vec::new(), busy: !untaken.is_empty() };
        // SAFETY: the caller vouches for the context; sessions are checked before they are used.
        unsafe {
            for session in Session::all(ctx) {
                if !abi::drpc_is_valid_listener(session.drpc()) {
                    error!(Facility::DRPC, "a session of the dRPC listener has no socket or handler");
                    return Err(der(abi::DER_INVAL));
                }
                let admitted = limits::admit(session.calls());
                round.busy |= !admitted;
                let mut events = if admitted { INPUT } else { 0 };
                if untaken.contains(&session.drpc()) {
                    events |= libc::POLLOUT;
                }
                round.sessions.push(session);
                round.fds.push(pollfd(session.fd(), events));
            }
            let accepting = ACCEPT_FROM.load(Relaxed) <= now_ms();
            round.busy |= !accepting;
            let listener = (*(*(*ctx.as_ptr()).listener_ctx).comm).fd;
            round.fds.push(pollfd(listener, if accepting { INPUT } else { 0 }));
        }
        Ok(round)
    }

    /// Waits for an event, at most `timeout_ms`, for ever when that is negative. `DER_TIMEDOUT` without one.
    fn poll(&mut self, timeout_ms: c_int) -> Result {
        let short = self.busy && !(0..=BUSY_TIMEOUT).contains(&timeout_ms);
        let timeout_ms = if short { BUSY_TIMEOUT } else { timeout_ms };
        // SAFETY: that many entries.
        match unsafe { libc::poll(self.fds.as_mut_ptr(), self.fds.len() as libc::nfds_t, timeout_ms) } {
            0 => Err(der(abi::DER_TIMEDOUT)),
            1.. => Ok(()),
            _ => match Der::last_os_error() {
                // A signal: as good as a timeout.
                _ if std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted => {
                    Err(der(abi::DER_TIMEDOUT))
                }
                err => {
                    error!(Facility::DRPC, "cannot poll the dRPC sockets: {err}");
                    Err(err)
                }
            },
        }
    }

    /// Deals with all that has happened; returns the first failure.
    ///
    /// # Safety
    /// The context is as it was when the round began.
    unsafe fn process(&self, ctx: NonNull<drpc_progress_context>) -> Result {
        let mut result = Ok(());
        for (&session, fd) in self.sessions.iter().zip(&self.fds) {
            // SAFETY: only this ULT changes the list, and only its own node of it.
            result = result.and(unsafe { process_session(session, Activity::from_events(fd.revents)) });
        }
        let listener = self.fds.last().expect("the listener is always polled");
        // SAFETY: the caller vouches for the context.
        result.and(unsafe { process_listener(ctx, Activity::from_events(listener.revents)) })
    }
}

abi::export! {
    /// `drpc_progress_context_create` (drpc_progress.c): a context for `listener`, without sessions. Null for no
    /// valid listener, or when memory is short.
    pub unsafe fn drpc_progress_context_create(listener: *mut drpc) -> *mut drpc_progress_context {
        // SAFETY: the caller passes null or a live context.
        if !unsafe { abi::drpc_is_valid_listener(listener) } {
            error!(Facility::DRPC, "dRPC progress needs a listener with a socket and a handler");
            return ptr::null_mut();
        }
        let session_ctx_list = abi::d_list_t { next: ptr::null_mut(), prev: ptr::null_mut() };
        let Some(ctx) = alloc::boxed(drpc_progress_context { listener_ctx: listener, session_ctx_list }) else {
            return ptr::null_mut();
        };
        // SAFETY: just allocated.
        unsafe { list::init(&raw mut (*ctx.as_ptr()).session_ctx_list) };
        ctx.as_ptr()
    }

    /// `drpc_progress_context_close` (drpc_progress.c): closes the sessions and the listener, and frees `ctx`.
    pub unsafe fn drpc_progress_context_close(ctx: *mut drpc_progress_context) {
        let Some(ctx) = NonNull::new(ctx) else {
            return error!(Facility::DRPC, "cannot close a null dRPC progress context");
        };
        // SAFETY: the caller gives the context up; calls being worked on keep their sessions alive.
        unsafe {
            for session in Session::all(ctx) {
                session.destroy();
            }
            STALLED.close().for_each(|Untaken(call)| call_free(call));
            abi::drpc_close((*ctx.as_ptr()).listener_ctx);
            alloc::free(ctx.as_ptr());
        }
    }

    /// `drpc_progress` (drpc_progress.c): waits at most `timeout` milliseconds, for ever when negative, for
    /// something to happen on the sockets of `ctx`, and deals with it. It returns early when a peer is to be
    /// looked at again without an event.
    ///
    /// 0; `-DER_TIMEDOUT` when nothing happened; `-DER_AGAIN` when a call has not come whole; `-DER_INVAL`,
    /// `-DER_NOMEM`; `-DER_MISC` or another code when the listener fails. A failing session is closed.
    pub unsafe fn drpc_progress(ctx: *mut drpc_progress_context, timeout: c_int) -> c_int {
        // SAFETY: the caller passes null or a live context.
        let valid = NonNull::new(ctx)
            .filter(|ctx| unsafe { abi::drpc_is_valid_listener((*ctx.as_ptr()).listener_ctx) });
        let Some(ctx) = valid else {
            error!(Facility::DRPC, "dRPC progress needs a context with a valid listener");
            return der(abi::DER_INVAL).rc();
        };
        offer_stalled();
        // SAFETY: the context is valid; only this ULT works on it.
        let result = unsafe {
            Round::new(ctx).and_then(|mut round| {
                round.poll(timeout)?;
                round.process(ctx)
            })
        };
        Der::rc_of(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hangup_outweighs_an_error_outweighs_input() {
        use Activity::*;
        let cases = [
            (0, None),
            (libc::POLLOUT, None),
            (libc::POLLIN, Input),
            (libc::POLLIN | libc::POLLERR, Error),
            (libc::POLLIN | libc::POLLERR | libc::POLLHUP, Disconnected),
        ];
        for (events, activity) in cases {
            assert_eq!(Activity::from_events(events), activity);
        }
    }
}
