//! The C ABI of `common/drpc.c`.
//!
//! A context whose `yield` is set belongs to a ULT, and a ULT must not block its xstream: its packets are sent
//! and received without waiting, and what is unfinished is kept for the next call. Without `yield` a context
//! blocks, as in DAOS.

use core::ffi::{CStr, c_char, c_int, c_void};
use std::borrow::Cow;
use std::cell::Cell;
use std::io;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering::*};
use std::time::Duration;

use abi::{
    Drpc__Call, Drpc__Response, ProtobufCAllocator, drpc, drpc_alloc, drpc_handler_t, drpc_thread_yielder_t,
    unixcomm,
};
use gurt_client::{Der, Facility, Result, alloc, error, info};

use super::assembly::Assembly;
use super::channel::{Mode, Socket};
use super::chunk::{HEADER, Outgoing, PACKET};
use super::unfinished::{self, Sent, Token};

/// First wait of a client for a full or empty socket, while other ULTs have to wait too.
const TICK: Duration = Duration::from_millis(1);
/// How often a response is offered to a peer that takes nothing before the caller is told to come again.
const PATIENCE: u32 = 4;
/// Longest wait of a client between two looks at the other ULTs of its xstream.
const MAX_WAIT: Duration = Duration::from_millis(8);

const fn der(code: abi::daos_errno) -> Der {
    Der::new(code as i64)
}

fn is_again(err: Der) -> bool {
    err == der(abi::DER_AGAIN)
}

/// A context as the functions below use it.
#[derive(Clone, Copy)]
struct Context {
    drpc: NonNull<drpc>,
    socket: Socket,
    yield_: drpc_thread_yielder_t,
}

impl Context {
    /// The context behind `drpc`; `DER_INVAL` without one or without a socket.
    ///
    /// # Safety
    /// `drpc` is null or a live context.
    unsafe fn new(drpc: *mut drpc) -> Result<Self> {
        let drpc = NonNull::new(drpc).ok_or(der(abi::DER_INVAL))?;
        // SAFETY: the caller vouches for the context; its socket lives as long.
        unsafe {
            let drpc_ref = drpc.as_ref();
            let comm = drpc_ref.comm.as_ref().ok_or(der(abi::DER_INVAL))?;
            Ok(Context { drpc, socket: Socket(comm.fd), yield_: drpc_ref.yield_ })
        }
    }

    /// The session or listener behind `drpc`: it has a handler, too.
    ///
    /// # Safety
    /// As for [`Context::new`].
    unsafe fn serving(drpc: *mut drpc) -> Result<Self> {
        // SAFETY: the caller vouches for the context; abi's function checks the rest.
        unsafe {
            if !abi::drpc_is_valid_listener(drpc) {
                error!(Facility::COMMON, "dRPC context {drpc:p} has no handler or no socket");
                return Err(der(abi::DER_INVAL));
            }
            Context::new(drpc)
        }
    }

    /// What identifies the session while it lives.
    fn id(&self) -> usize {
        self.drpc.addr().get()
    }

    fn mode(&self) -> Mode {
        if self.yield_.is_some() { Mode::Try } else { Mode::Block }
    }

    /// Lets other ULTs run; whether this is a ULT at all.
    fn yield_now(&self) -> bool {
        // SAFETY: whoever set the function vouches for it.
        self.yield_.is_some_and(|yield_| unsafe { yield_() } == 0)
    }
}

thread_local! {
    /// Where packets are received. Taken while in use, because another ULT may run meanwhile.
    static BUFFER: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

/// A buffer for one packet. Not inlined, and so is [`put_buffer`]: a ULT that has moved to another thread in
/// between must not use the first one's variable.
#[inline(never)]
fn take_buffer() -> Box<[u8]> {
    BUFFER.take().unwrap_or_else(|| vec![0; PACKET].into_boxed_slice())
}

#[inline(never)]
fn put_buffer(buffer: Box<[u8]>) {
    BUFFER.set(Some(buffer));
}

/// Runs `work` with a buffer for one packet.
fn with_buffer<R>(work: impl FnOnce(&mut [u8]) -> R) -> R {
    let mut buffer = take_buffer();
    let result = work(&mut buffer);
    put_buffer(buffer);
    result
}

/// Packets that one turn receives of a session that must not block others.
const PACKETS_A_TURN: usize = 64;

/// Receives packets into `incoming` until a message is whole, and runs `work` on that.
///
/// `DER_AGAIN` when the rest has not come yet, or is a matter of more than one turn; `incoming` then keeps what
/// has come.
fn receive<R>(
    context: &Context,
    incoming: &mut Assembly,
    work: impl FnOnce(&[u8]) -> Result<R>,
) -> Result<R> {
    with_buffer(|buffer| {
        let mut packets = 0;
        let message: Vec<u8> = loop {
            if packets == PACKETS_A_TURN && context.mode() == Mode::Try {
                return Err(der(abi::DER_AGAIN));
            }
            packets += 1;
            let packet = context.socket.receive(buffer, context.mode())?;
            let taken = incoming.push(packet).map_err(|err| refused(context.socket, packet, err))?;
            match taken {
                Some(Cow::Borrowed(message)) => {
                    return work(message).map_err(|err| refused(context.socket, packet, err));
                }
                Some(Cow::Owned(message)) => break message,
                None => context.yield_now(),
            };
        };
        work(&message).map_err(|err| refused(context.socket, &message, err))
    })
}

/// A message that `pack` writes, which is `len` bytes long.
///
/// # Safety
/// `pack` initialises `len` bytes.
unsafe fn packed(len: usize, pack: impl FnOnce(*mut u8)) -> Result<Outgoing> {
    Outgoing::new(len, |buffer| {
        debug_assert!(buffer.capacity() >= HEADER + len);
        // SAFETY: the buffer has room for len more bytes, which the caller's function initialises.
        unsafe {
            pack(buffer.as_mut_ptr().add(buffer.len()));
            buffer.set_len(buffer.len() + len);
        }
    })
}

/// Sends all packets of a message, waiting for a peer that is slow. For clients: nobody else uses the socket.
fn send_all(context: &Context, message: &mut Outgoing) -> Result {
    let mut wait = Wait::new(context);
    while let Some(packet) = message.packet() {
        match context.socket.send(packet, context.mode()) {
            Ok(()) => {
                message.advance();
                wait = Wait::new(context);
            }
            Err(err) if is_again(err) && context.mode() == Mode::Try => wait.next(libc::POLLOUT),
            Err(err) => return Err(err),
        }
    }
    Ok(())
}

/// The waits of a client: short at first, so that other ULTs of the xstream run in between.
struct Wait<'a> {
    context: &'a Context,
    time: Duration,
}

impl<'a> Wait<'a> {
    fn new(context: &'a Context) -> Self {
        Wait { context, time: Duration::ZERO }
    }

    fn next(&mut self, events: i16) {
        if !self.context.yield_now() {
            // Not a ULT: nobody waits for this thread.
            return self.context.socket.wait(events, None);
        }
        self.context.socket.wait(events, Some(self.time));
        self.time = (2 * self.time).clamp(TICK, MAX_WAIT);
    }
}

/// Receives the response to a client's call.
fn receive_response(context: &Context) -> Result<*mut Drpc__Response> {
    let mut incoming = Assembly::default();
    let mut wait = Wait::new(context);
    loop {
        let result = receive(context, &mut incoming, |message| {
            // SAFETY: the message has that many bytes.
            unpack(|allocator| unsafe {
                abi::drpc__response__unpack(allocator, message.len(), message.as_ptr())
            })
        });
        match result {
            Err(err) if is_again(err) && context.mode() == Mode::Try => wait.next(libc::POLLIN),
            result => return result,
        }
    }
}

/// `PROTO_ALLOCATOR_INIT`: the allocator of messages. Its `allocator_data` must point to itself when used.
fn allocator() -> drpc_alloc {
    drpc_alloc {
        alloc: ProtobufCAllocator {
            alloc: Some(abi::daos_drpc_alloc),
            free: Some(abi::daos_drpc_free),
            allocator_data: ptr::null_mut(),
        },
        oom: false,
    }
}

/// Runs `work` with an allocator of messages; returns its result and whether memory was short.
fn with_allocator<R>(work: impl FnOnce(*mut ProtobufCAllocator) -> R) -> (R, bool) {
    let mut allocator = allocator();
    let data = &raw mut allocator;
    // SAFETY: data points to the allocator of this function, to which all accesses go.
    unsafe {
        (*data).alloc.allocator_data = data.cast();
        let result = work(&raw mut (*data).alloc);
        (result, (*data).oom)
    }
}

/// A message that `unpack` makes: `DER_NOMEM` or `DER_PROTO` when it makes none.
fn unpack<M>(unpack: impl FnOnce(*mut ProtobufCAllocator) -> *mut M) -> Result<*mut M> {
    match with_allocator(unpack) {
        (_, true) => Err(der(abi::DER_NOMEM)),
        (message, _) if message.is_null() => Err(der(abi::DER_PROTO)),
        (message, _) => Ok(message),
    }
}

/// Sends `response` on `session`, or as much of it as the peer takes.
///
/// # Safety
/// The response is a live one.
unsafe fn send_response(session: &Context, response: NonNull<Drpc__Response>) -> Result {
    // SAFETY: the caller vouches for the response; pack writes as many bytes as get_packed_size says.
    let pack = || unsafe {
        let response = response.as_ptr();
        packed(abi::drpc__response__get_packed_size(response), |out| {
            abi::drpc__response__pack(response, out);
        })
    };
    if session.mode() == Mode::Block {
        return send_all(session, &mut pack()?);
    }
    // SAFETY: as above.
    let token: Token = (response.addr().get(), unsafe { response.as_ref().sequence });
    let send = |message| unfinished::send(session.id(), session.socket, token, message);
    if unfinished::is_known(session.id(), token) {
        return match send(None)? {
            Sent::All => Ok(()),
            Sent::Blocked { .. } => Err(der(abi::DER_AGAIN)),
        };
    }
    let mut sent = send(Some(pack()?))?;
    let mut patience = PATIENCE;
    loop {
        match sent {
            Sent::All => return Ok(()),
            Sent::Blocked { progress: true } => patience = PATIENCE,
            Sent::Blocked { progress: false } => patience -= 1,
        }
        if patience == 0 {
            return Err(der(abi::DER_AGAIN));
        }
        // Others run, but nobody waits: that is for whoever comes again, who can wait for more than this session.
        session.yield_now();
        sent = send(None)?;
    }
}

/// A new context around `socket`, which is closed when memory is short.
fn context_create(socket: Socket, flags: c_int, handler: drpc_handler_t) -> io::Result<NonNull<drpc>> {
    let no_memory = || io::Error::from_raw_os_error(libc::ENOMEM);
    let Some(comm) = alloc::boxed(unixcomm { fd: socket.0, flags }) else {
        socket.close();
        return Err(no_memory());
    };
    let context = drpc { comm: comm.as_ptr(), sequence: 0, ref_count: 1, handler, yield_: None };
    alloc::boxed(context).ok_or_else(|| {
        socket.close();
        // SAFETY: allocated above.
        unsafe { alloc::free(comm.as_ptr()) };
        no_memory()
    })
}

/// The code of a failure to open a socket.
fn code_of(err: &io::Error) -> Der {
    match err.raw_os_error() {
        Some(libc::ENAMETOOLONG) => der(abi::DER_EXCEEDS_PATH_LEN),
        errno => Der::from_errno(errno.unwrap_or(0)),
    }
}

/// The references to a context. Several xstreams count at a time.
///
/// # Safety
/// `drpc` is a live context.
unsafe fn references<'a>(drpc: NonNull<drpc>) -> &'a AtomicU32 {
    // SAFETY: the caller vouches for it; all accesses from here are atomic.
    unsafe { AtomicU32::from_ptr(&raw mut (*drpc.as_ptr()).ref_count) }
}

/// Logs that what has come on `socket` is no message, or that nothing more will come.
fn refused(socket: Socket, packet: &[u8], err: Der) -> Der {
    if packet.is_empty() {
        info!(Facility::COMMON, "the peer of dRPC socket {} has left", socket.0);
    } else {
        error!(Facility::COMMON, "refusing a message on dRPC socket {}: {err}", socket.0);
    }
    err
}

abi::export! {
    /// `daos_drpc_alloc` (drpc.c): zeroed memory for protobuf-c. On failure null, and `oom` of the
    /// `struct drpc_alloc` behind `arg` is set.
    pub unsafe fn daos_drpc_alloc(arg: *mut c_void, size: usize) -> *mut c_void {
        let memory = alloc::allocate(size);
        // SAFETY: the caller passes a struct drpc_alloc, or null.
        if memory.is_none() && let Some(alloc) = unsafe { arg.cast::<drpc_alloc>().as_mut() } {
            alloc.oom = true;
        }
        memory.map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    /// `daos_drpc_free` (drpc.c): frees memory of [`daos_drpc_alloc`]; null is ignored.
    pub unsafe fn daos_drpc_free(_allocater_data: *mut c_void, pointer: *mut c_void) {
        // SAFETY: the caller gives the memory back.
        unsafe { alloc::free(pointer) }
    }

    /// `drpc_call_create` (drpc.c): a call to `method` of `module`, to be freed by [`drpc_call_free`]. 0,
    /// `-DER_INVAL` or `-DER_NOMEM`.
    pub unsafe fn drpc_call_create(
        ctx: *mut drpc,
        module: i32,
        method: i32,
        callp: *mut *mut Drpc__Call,
    ) -> c_int {
        // SAFETY: the caller passes null or writable memory.
        let Some(callp) = (unsafe { callp.as_mut() }) else { return der(abi::DER_INVAL).rc() };
        *callp = ptr::null_mut();
        // SAFETY: the caller passes null or a live context.
        let Some(ctx) = (unsafe { ctx.as_ref() }) else {
            error!(Facility::COMMON, "cannot create a dRPC call without a context");
            return der(abi::DER_INVAL).rc();
        };
        let Some(call) = alloc::allocate(size_of::<Drpc__Call>()) else { return der(abi::DER_NOMEM).rc() };
        let call = call.cast::<Drpc__Call>().as_ptr();
        // SAFETY: just allocated; init makes a whole message of it.
        unsafe {
            abi::drpc__call__init(call);
            (*call).sequence = ctx.sequence.into();
            (*call).module = module;
            (*call).method = method;
        }
        *callp = call;
        0
    }

    /// `drpc_call_free` (drpc.c): frees a call; null is ignored.
    pub unsafe fn drpc_call_free(call: *mut Drpc__Call) {
        // SAFETY: the caller gives the call up.
        with_allocator(|allocator| unsafe { abi::drpc__call__free_unpacked(call, allocator) });
    }

    /// `drpc_response_create` (drpc.c): a response to `call`, to be freed by [`drpc_response_free`]; without a
    /// call its sequence number is -1. Null when memory is short.
    pub unsafe fn drpc_response_create(call: *mut Drpc__Call) -> *mut Drpc__Response {
        let Some(response) = alloc::allocate(size_of::<Drpc__Response>()) else { return ptr::null_mut() };
        let response = response.cast::<Drpc__Response>().as_ptr();
        // SAFETY: just allocated; the caller passes null or a live call.
        unsafe {
            abi::drpc__response__init(response);
            (*response).sequence = call.as_ref().map_or(-1, |call| call.sequence);
        }
        response
    }

    /// `drpc_response_free` (drpc.c): frees a response; null is ignored.
    pub unsafe fn drpc_response_free(resp: *mut Drpc__Response) {
        // SAFETY: the caller gives the response up.
        with_allocator(|allocator| unsafe { abi::drpc__response__free_unpacked(resp, allocator) });
    }

    /// `drpc_call` (drpc.c): sends the call `msg`, numbered by the context, and stores in `resp` the response,
    /// or without `R_SYNC` in `flags` one with the status `SUBMITTED`, to be freed by [`drpc_response_free`].
    ///
    /// 0; `-DER_INVAL`, `-DER_NOMEM`, the error of the socket, or what is wrong with the response.
    pub unsafe fn drpc_call(
        ctx: *mut drpc,
        flags: c_int,
        msg: *mut Drpc__Call,
        resp: *mut *mut Drpc__Response,
    ) -> c_int {
        // SAFETY: the caller passes null or a live context, call and writable memory.
        let (context, call, resp) = unsafe {
            match (Context::new(ctx), msg.as_mut(), resp.as_mut()) {
                (Ok(context), Some(call), Some(resp)) => (context, call, resp),
                _ => {
                    error!(Facility::COMMON, "dRPC call without a context, a message or a place for the response");
                    return der(abi::DER_INVAL).rc();
                }
            }
        };
        // SAFETY: Context::new has checked the pointer; one thread at a time calls on a context.
        unsafe {
            call.sequence = (*ctx).sequence.into();
            (*ctx).sequence = (*ctx).sequence.wrapping_add(1);
        }
        // SAFETY: the call is a live message; pack writes as many bytes as get_packed_size says.
        let message = unsafe {
            packed(abi::drpc__call__get_packed_size(call), |out| {
                abi::drpc__call__pack(call, out);
            })
        };
        let sent = message.and_then(|mut message| send_all(&context, &mut message));
        if let Err(err) = sent {
            return err.rc();
        }
        if flags & abi::R_SYNC as c_int == 0 {
            // SAFETY: the call is a live one, and so is the response unless it is null.
            let response = unsafe { abi::drpc_response_create(call).as_mut() };
            let Some(response) = response else { return der(abi::DER_NOMEM).rc() };
            response.status = abi::DRPC__STATUS__SUBMITTED;
            *resp = response;
            return 0;
        }
        match receive_response(&context) {
            Ok(response) => {
                *resp = response;
                0
            }
            Err(err) => err.rc(),
        }
    }

    /// `drpc_connect` (drpc.c): a context connected to the socket file `sockaddr`, to be closed by
    /// [`drpc_close`]. 0 or `-DER_*`, with null stored.
    pub unsafe fn drpc_connect(sockaddr: *mut c_char, drpcp: *mut *mut drpc) -> c_int {
        if sockaddr.is_null() || drpcp.is_null() {
            error!(Facility::COMMON, "cannot connect a dRPC client without a path and a place for the context");
            return der(abi::DER_INVAL).rc();
        }
        // SAFETY: the caller passes a string and writable memory.
        let path = unsafe {
            drpcp.write(ptr::null_mut());
            CStr::from_ptr(sockaddr)
        };
        match Socket::connect(path, 0).and_then(|socket| context_create(socket, 0, None)) {
            Ok(context) => {
                // SAFETY: as above.
                unsafe { drpcp.write(context.as_ptr()) };
                0
            }
            Err(err) => {
                error!(Facility::COMMON, "cannot connect to {}: {err}", path.to_string_lossy());
                code_of(&err).rc()
            }
        }
    }

    /// `drpc_listen` (drpc.c): a context that listens as the socket file `sockaddr`, which must not exist yet;
    /// `handler` is to answer the calls. To be closed by [`drpc_close`]. Null on failure.
    pub unsafe fn drpc_listen(sockaddr: *mut c_char, handler: drpc_handler_t) -> *mut drpc {
        if sockaddr.is_null() || handler.is_none() {
            error!(Facility::COMMON, "cannot listen for dRPC without a path and a handler");
            return ptr::null_mut();
        }
        // SAFETY: the caller passes a string.
        let path = unsafe { CStr::from_ptr(sockaddr) };
        let flags = libc::O_NONBLOCK;
        match Socket::listen(path, flags).and_then(|socket| context_create(socket, flags, handler)) {
            Ok(context) => context.as_ptr(),
            Err(err) => {
                error!(Facility::COMMON, "cannot listen as {}: {err}", path.to_string_lossy());
                ptr::null_mut()
            }
        }
    }

    /// `drpc_is_valid_listener` (drpc.c): whether `ctx` has a socket and a handler, as listeners and their
    /// sessions have.
    pub unsafe fn drpc_is_valid_listener(ctx: *mut drpc) -> bool {
        // SAFETY: the caller passes null or a live context.
        unsafe { ctx.as_ref() }.is_some_and(|ctx| !ctx.comm.is_null() && ctx.handler.is_some())
    }

    /// `drpc_accept` (drpc.c): stores in `session` a context for the next client of the listener. 0 or `-DER_*`.
    pub unsafe fn drpc_accept(listener_ctx: *mut drpc, session: *mut *mut drpc) -> c_int {
        // SAFETY: the caller passes null or a live context, and writable memory for a success.
        unsafe {
            let listener = match Context::serving(listener_ctx) {
                Ok(listener) => listener,
                Err(err) => return err.rc(),
            };
            let accepted = listener.socket.accept();
            match accepted.and_then(|socket| context_create(socket, 0, (*listener_ctx).handler)) {
                Ok(context) => {
                    session.write(context.as_ptr());
                    0
                }
                Err(err) => {
                    let code = code_of(&err);
                    if !is_again(code) {
                        error!(
                            Facility::COMMON,
                            "cannot accept a client on dRPC socket {}: {err}", listener.socket.0
                        );
                    }
                    code.rc()
                }
            }
        }
    }

    /// `drpc_recv_call` (drpc.c): stores in `call` the next call of the session, to be freed by
    /// [`drpc_call_free`].
    ///
    /// 0; `-DER_AGAIN` when none is whole yet, what has come being kept; `-DER_PROTO` for one that makes no sense;
    /// or another error, after which the session is of no more use.
    pub unsafe fn drpc_recv_call(ctx: *mut drpc, call: *mut *mut Drpc__Call) -> c_int {
        if call.is_null() {
            error!(Facility::COMMON, "cannot receive a dRPC call without a place for it");
            return der(abi::DER_INVAL).rc();
        }
        // SAFETY: the caller passes null or a live context.
        let session = match unsafe { Context::serving(ctx) } {
            Ok(session) => session,
            Err(err) => return err.rc(),
        };
        let mut incoming = unfinished::take_incoming(session.id());
        let received = receive(&session, &mut incoming, |message| {
            // SAFETY: the message has that many bytes.
            unpack(|allocator| unsafe { abi::drpc__call__unpack(allocator, message.len(), message.as_ptr()) })
        });
        match received {
            Ok(received) => {
                // SAFETY: not null, and the caller passes writable memory.
                unsafe { call.write(received) };
                0
            }
            Err(err) => {
                if is_again(err) {
                    unfinished::keep_incoming(session.id(), session.socket, incoming);
                }
                err.rc()
            }
        }
    }

    /// `drpc_send_response` (drpc.c): sends `resp` on the session.
    ///
    /// 0; `-DER_AGAIN` when the peer does not take it, in which case calling again with the same response sends
    /// the rest; or the error of the socket.
    pub unsafe fn drpc_send_response(ctx: *mut drpc, resp: *mut Drpc__Response) -> c_int {
        let Some(response) = NonNull::new(resp) else {
            error!(Facility::COMMON, "cannot send a null dRPC response");
            return der(abi::DER_INVAL).rc();
        };
        // SAFETY: the caller passes null or a live context.
        let session = match unsafe { Context::serving(ctx) } {
            Ok(session) => session,
            Err(err) => return err.rc(),
        };
        // SAFETY: the caller passes a live response.
        Der::rc_of(unsafe { send_response(&session, response) })
    }

    /// `drpc_close` (drpc.c): gives up a reference to the context; the last one closes and frees it. 0, or
    /// `-DER_INVAL` for a context that is closed already.
    pub unsafe fn drpc_close(ctx: *mut drpc) -> c_int {
        // SAFETY: the caller passes null or a live context.
        let Ok(context) = (unsafe { Context::new(ctx) }) else {
            error!(Facility::COMMON, "dRPC context {ctx:p} is closed already");
            return der(abi::DER_INVAL).rc();
        };
        // SAFETY: Context::new has checked the pointer.
        let references = unsafe { references(context.drpc) };
        match references.fetch_update(AcqRel, Acquire, |count| count.checked_sub(1)) {
            Err(_) => {
                error!(Facility::COMMON, "dRPC context {ctx:p} has no reference left to close");
                der(abi::DER_INVAL).rc()
            }
            Ok(1) => {
                unfinished::forget(context.id());
                context.socket.close();
                // SAFETY: this was the last reference.
                unsafe {
                    alloc::free((*ctx).comm);
                    alloc::free(ctx);
                }
                0
            }
            Ok(_) => 0,
        }
    }

    /// `drpc_add_ref` (drpc.c): adds a reference, to be given up by [`drpc_close`]. 0 or `-DER_INVAL`.
    pub unsafe fn drpc_add_ref(ctx: *mut drpc) -> c_int {
        let Some(drpc) = NonNull::new(ctx) else {
            error!(Facility::COMMON, "cannot add a reference to a null dRPC context");
            return der(abi::DER_INVAL).rc();
        };
        // SAFETY: the caller passes a live context.
        let references = unsafe { references(drpc) };
        if references.fetch_update(AcqRel, Acquire, |count| count.checked_add(1)).is_err() {
            error!(Facility::COMMON, "dRPC context {ctx:p} has as many references as can be counted");
            return der(abi::DER_INVAL).rc();
        }
        0
    }
}
