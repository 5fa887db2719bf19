//! One endpoint of a network of Mercury: messages to addresses.
//!
//! This is the only place that calls libna. A port has one class with one context; its receives are posted all the
//! time, its sends have buffers of their own, so nothing of a caller's memory is ever in the network's hands. Callbacks
//! run in [`Port::progress`] only, and write down what has ended.

use std::cell::RefCell;
use std::ffi::{CStr, CString};
use std::fmt;
use std::os::fd::{BorrowedFd, RawFd};
use std::ptr::{NonNull, null_mut};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gurt_client::{Facility, warn};
use mercury_sys::{
    Addr, Buffer, CbInfo, Class, Context, INIT_VERSION, InitInfo, Library, LoadError, OP_SINGLE, OpId, RECV,
    Return, SEND, THREAD_MODE_SINGLE,
};

/// Why there is no port.
#[derive(Debug)]
pub(super) enum PortError {
    /// There is no Mercury.
    Load(LoadError),
    /// The text has a NUL in it.
    Text(String),
    /// Mercury refuses, for a reason that it has written to its own log.
    Refused(String),
    /// A function has failed.
    Failed(&'static str, String),
    /// Messages are too small.
    Size(usize),
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PortError::Load(error) => error.fmt(f),
            PortError::Text(text) => write!(f, "{text:?} is no text for Mercury"),
            PortError::Refused(info) => write!(
                f,
                "Mercury does not open {info}: see what it has written to its log (HG_LOG_LEVEL=debug says more), and \
                 whether it was built with that provider"
            ),
            PortError::Failed(function, reason) => write!(f, "{function} has failed: {reason}"),
            PortError::Size(size) => {
                write!(f, "messages of {size} bytes are too small to say who one is; take another provider")
            }
        }
    }
}

impl std::error::Error for PortError {}

impl From<LoadError> for PortError {
    fn from(error: LoadError) -> Self {
        PortError::Load(error)
    }
}

/// An open network. The last of those that refer to it closes it.
struct Network {
    library: &'static Library,
    class: NonNull<Class>,
}

impl Drop for Network {
    fn drop(&mut self) {
        // SAFETY: nobody else refers to the class, and its contexts are gone.
        let result = unsafe { (self.library.finalize)(self.class.as_ptr()) };
        if result != Return::SUCCESS {
            warn!(Facility::MISC, "NA_Finalize: {}", self.library.describe(result));
        }
    }
}

/// An address of a network.
#[derive(Clone)]
pub(super) struct Address(Rc<OwnedAddress>);

struct OwnedAddress {
    network: Rc<Network>,
    address: NonNull<Addr>,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Address").field(&self.0.address).finish()
    }
}

impl Drop for OwnedAddress {
    fn drop(&mut self) {
        let Network { library, class } = *self.network;
        // SAFETY: the class is open, the address its own, and nobody else refers to it.
        unsafe { (library.addr_free)(class.as_ptr(), self.address.as_ptr()) };
    }
}

/// What has ended.
struct Ended {
    slot: NonNull<Slot>,
    result: Return,
    /// Of a message that was received: its size, and its sender if the network tells.
    size: usize,
    source: *mut Addr,
}

/// An operation with its buffer. It stays where it is: the network knows its address.
struct Slot {
    buffer: Buffer,
    op: NonNull<OpId>,
    kind: Use,
    /// It belongs to the network now.
    busy: bool,
    ended: Rc<RefCell<Vec<Ended>>>,
}

/// What an operation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Receive,
    /// It sends something of this number.
    Send(u64),
}

/// What a port tells of.
pub(super) enum Happened<'a> {
    /// A message has come, from there if the network tells.
    Received(&'a [u8], Option<Address>),
    /// What was sent under this number did not go, for this reason.
    Failed(u64, String),
}

/// How many messages can come while nobody looks.
const RECEIVES: usize = 64;
/// How many can be on their way.
const SENDS: usize = 64;
/// The smallest message that is of use.
const LEAST: usize = 2 << 10;
/// How long the end of a port waits for operations to end.
const PATIENCE: Duration = Duration::from_secs(2);

/// An endpoint of a network.
pub(super) struct Port {
    network: Rc<Network>,
    context: NonNull<Context>,
    /// Both in boxes that were leaked and are freed in `drop`.
    slots: Vec<NonNull<Slot>>,
    /// Those of them that can send.
    free: Vec<NonNull<Slot>>,
    /// Those that can receive, and are to be given to the network.
    idle: Vec<NonNull<Slot>>,
    sends: usize,
    ended: Rc<RefCell<Vec<Ended>>>,
    header: usize,
    size: usize,
    uri: Arc<str>,
    fd: RawFd,
}

impl Port {
    /// Opens a network by Mercury's info string, `provider://host:port`, for messages of that size if it can have any.
    pub fn open(info: &str, listen: bool, size: usize) -> Result<Self, PortError> {
        let library = Library::open()?;
        let text = CString::new(info).map_err(|_| PortError::Text(info.into()))?;
        let init = InitInfo {
            max_unexpected_size: size,
            max_expected_size: size,
            thread_mode: THREAD_MODE_SINGLE,
            ..InitInfo::default()
        };
        // SAFETY: a C string and a description of that version.
        let class = unsafe { (library.initialize_opt2)(text.as_ptr(), listen, INIT_VERSION, &init) };
        let class = NonNull::new(class).ok_or_else(|| PortError::Refused(info.into()))?;
        let network = Rc::new(Network { library, class });
        // SAFETY: the class is open.
        let context = NonNull::new(unsafe { (library.context_create)(class.as_ptr()) })
            .ok_or_else(|| PortError::Failed("NA_Context_create", "there is no context".into()))?;
        // SAFETY: the class is open.
        let (size, header) =
            unsafe { (class.as_ref().max_unexpected_size(), class.as_ref().unexpected_header_size()) };
        // SAFETY: both are live and used by this thread.
        let fd = unsafe { Class::poll_get_fd(class.as_ptr(), context.as_ptr()) };
        let mut port = Port {
            network,
            context,
            slots: Vec::new(),
            free: Vec::new(),
            idle: Vec::new(),
            sends: 0,
            ended: Rc::default(),
            header,
            size,
            uri: "".into(),
            fd,
        };
        if size < header + LEAST {
            return Err(PortError::Size(size));
        }
        port.uri = port.own_uri()?.into();
        for _ in 0..RECEIVES {
            let slot = port.slot(Use::Receive)?;
            port.post(slot)?;
        }
        Ok(port)
    }

    /// Where others reach it.
    pub fn uri(&self) -> &Arc<str> {
        &self.uri
    }

    /// The size of the largest message.
    pub fn message(&self) -> usize {
        self.size - self.header
    }

    /// What becomes readable when something happens, if the network has such a thing.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        // SAFETY: it stays open as long as the context, which is this value's.
        (self.fd >= 0).then(|| unsafe { BorrowedFd::borrow_raw(self.fd) })
    }

    /// Whether nothing is there to be done, so that one can wait.
    pub fn can_wait(&self) -> bool {
        // SAFETY: both are live and used by this thread.
        unsafe { Class::poll_try_wait(self.network.class.as_ptr(), self.context.as_ptr()) }
    }

    /// The address that a URI stands for.
    pub fn lookup(&self, uri: &str) -> Result<Address, PortError> {
        let Network { library, class } = *self.network;
        let text = CString::new(uri).map_err(|_| PortError::Text(uri.into()))?;
        let mut address = null_mut();
        // SAFETY: the class is open, the text a C string, and the address may be written to.
        let result = unsafe { (library.addr_lookup)(class.as_ptr(), text.as_ptr(), &mut address) };
        self.check("NA_Addr_lookup", result)?;
        self.address(address).ok_or_else(|| PortError::Failed("NA_Addr_lookup", "there is no address".into()))
    }

    /// Whether a message can be sent now.
    pub fn can_send(&self) -> bool {
        !self.free.is_empty() || self.sends < SENDS
    }

    /// Whether messages are on their way.
    pub fn is_sending(&self) -> bool {
        self.free.len() < self.sends
    }

    /// Sends a message that the function writes, says to whom it goes and under which number a failure is told of; it may
    /// have none. Whether it had one and a message could be sent.
    pub fn send(
        &mut self,
        write: impl FnOnce(&mut [u8]) -> Option<(Address, u64, usize)>,
    ) -> Result<bool, u64> {
        if self.free.is_empty() && self.sends < SENDS {
            match self.slot(Use::Send(0)) {
                Ok(slot) => {
                    self.sends += 1;
                    self.free.push(slot);
                }
                Err(error) => warn!(Facility::MISC, "no more messages can be on their way: {error}"),
            }
        }
        let Some(slot) = self.free.pop() else { return Ok(false) };
        // SAFETY: a slot lives as long as the port; this one is in nobody's hands.
        let this = unsafe { &mut *slot.as_ptr() };
        // SAFETY: the buffer has that size, and is not the network's now.
        let buffer =
            unsafe { std::slice::from_raw_parts_mut(this.buffer.start.cast::<u8>(), this.buffer.size) };
        let Some((to, number, size)) = write(&mut buffer[self.header..]) else {
            self.free.push(slot);
            return Ok(false);
        };
        (this.kind, this.busy) = (Use::Send(number), true);
        let message = Buffer { size: self.header + size, ..this.buffer };
        // SAFETY: all are live; the buffer and the operation are left alone until the callback has run, the slot stays
        // where it is. The network holds the address as long as it needs it.
        let result = unsafe {
            Class::send_unexpected(
                self.network.class.as_ptr(),
                self.context.as_ptr(),
                ended,
                slot.as_ptr().cast(),
                message,
                to.0.address.as_ptr(),
                this.op.as_ptr(),
            )
        };
        if result != Return::SUCCESS {
            this.busy = false;
            self.free.push(slot);
            return Err(number);
        }
        Ok(true)
    }

    /// Gives up what is on its way under this number.
    pub fn cancel(&mut self, number: u64) {
        for slot in &self.slots {
            // SAFETY: a slot lives as long as the port.
            let Slot { kind, busy, op, .. } = unsafe { slot.as_ref() };
            if *busy && *kind == Use::Send(number) {
                let Network { library, class } = *self.network;
                // SAFETY: all are live. If it has ended meanwhile, nothing happens.
                unsafe { (library.cancel)(class.as_ptr(), self.context.as_ptr(), op.as_ptr()) };
            }
        }
    }

    /// Lets the network work, and tells what has happened.
    pub fn progress(&mut self, mut tell: impl FnMut(Happened<'_>)) -> Result<(), PortError> {
        self.run()?;
        let mut all = self.ended.take();
        for ended in all.drain(..) {
            let source = self.address(ended.source);
            // SAFETY: a slot lives as long as the port; the network has given this one back.
            let slot = unsafe { &mut *ended.slot.as_ptr() };
            slot.busy = false;
            match slot.kind {
                Use::Send(number) => {
                    self.free.push(ended.slot);
                    if ended.result != Return::SUCCESS {
                        tell(Happened::Failed(number, self.network.library.describe(ended.result)));
                    }
                }
                Use::Receive => {
                    // What did not arrive well is missed by whoever waits for it.
                    if ended.result == Return::SUCCESS
                        && (self.header..=slot.buffer.size).contains(&ended.size)
                    {
                        // SAFETY: so many bytes have been received, and the network has given them back.
                        let message =
                            unsafe { std::slice::from_raw_parts(slot.buffer.start.cast::<u8>(), ended.size) };
                        tell(Happened::Received(&message[self.header..], source));
                    }
                    self.idle.push(ended.slot);
                }
            }
        }
        // Its memory is used again.
        self.ended.replace(all);
        // What the network does not take now it is given the next time.
        while let Some(&slot) = self.idle.last() {
            self.post(slot)?;
            self.idle.pop();
        }
        Ok(())
    }

    /// Runs the callbacks of all that has ended.
    fn run(&self) -> Result<(), PortError> {
        let Network { library, class } = *self.network;
        // SAFETY: both are live and used by this thread.
        let result = unsafe { Class::poll(class.as_ptr(), self.context.as_ptr()) };
        self.check("NA_Poll", result)?;
        // SAFETY: the context is live. The callbacks are those of `ended`; how many run need not be told.
        let result = unsafe { (library.trigger)(self.context.as_ptr(), u32::MAX, null_mut()) };
        self.check("NA_Trigger", result)
    }

    fn check(&self, function: &'static str, result: Return) -> Result<(), PortError> {
        match result {
            Return::SUCCESS => Ok(()),
            error => Err(PortError::Failed(function, self.network.library.describe(error))),
        }
    }

    /// Takes over an address that the network has given out.
    fn address(&self, address: *mut Addr) -> Option<Address> {
        let network = self.network.clone();
        NonNull::new(address).map(|address| Address(Rc::new(OwnedAddress { network, address })))
    }

    fn own_uri(&self) -> Result<String, PortError> {
        let Network { library, class } = *self.network;
        let mut address = null_mut();
        // SAFETY: the class is open, and the address may be written to.
        self.check("NA_Addr_self", unsafe { (library.addr_self)(class.as_ptr(), &mut address) })?;
        let address = self
            .address(address)
            .ok_or_else(|| PortError::Failed("NA_Addr_self", "there is no address".into()))?;
        let mut size = 0;
        let own = address.0.address.as_ptr();
        // SAFETY: class and address are live; without room only the size is told.
        let result = unsafe { (library.addr_to_string)(class.as_ptr(), null_mut(), &mut size, own) };
        self.check("NA_Addr_to_string", result)?;
        let mut text = vec![0u8; size];
        // SAFETY: as above, and there is room for so many bytes.
        let result =
            unsafe { (library.addr_to_string)(class.as_ptr(), text.as_mut_ptr().cast(), &mut size, own) };
        self.check("NA_Addr_to_string", result)?;
        let text = CStr::from_bytes_until_nul(&text)
            .map_err(|_| PortError::Failed("NA_Addr_to_string", "the text does not end".into()))?;
        Ok(text.to_string_lossy().into_owned())
    }

    /// A new operation with a buffer.
    fn slot(&mut self, kind: Use) -> Result<NonNull<Slot>, PortError> {
        let Network { library, class } = *self.network;
        let none = |what| PortError::Failed(what, "there is no memory".into());
        let mut plugin_data = null_mut();
        let flags = if kind == Use::Receive { RECV } else { SEND };
        // SAFETY: the class is open, and the plugin's data may be written to.
        let start = unsafe { (library.msg_buf_alloc)(class.as_ptr(), self.size, flags, &mut plugin_data) };
        if start.is_null() {
            return Err(none("NA_Msg_buf_alloc"));
        }
        let buffer = Buffer { start, size: self.size, plugin_data };
        // SAFETY: the memory is the plugin's own and as large as it was asked for.
        unsafe { start.cast::<u8>().write_bytes(0, self.size) };
        // SAFETY: the class is open.
        let op = NonNull::new(unsafe { (library.op_create)(class.as_ptr(), OP_SINGLE) });
        let Some(op) = op else {
            // SAFETY: it was given out above.
            unsafe { (library.msg_buf_free)(class.as_ptr(), start, plugin_data) };
            return Err(none("NA_Op_create"));
        };
        let ended = self.ended.clone();
        let slot = NonNull::from(Box::leak(Box::new(Slot { buffer, op, kind, busy: false, ended })));
        self.slots.push(slot);
        if kind != Use::Receive {
            // SAFETY: class and buffer are live.
            let result = unsafe { (library.msg_init_unexpected)(class.as_ptr(), start, self.size) };
            self.check("NA_Msg_init_unexpected", result)?;
        }
        Ok(slot)
    }

    /// Lets a message come into a slot.
    fn post(&self, slot: NonNull<Slot>) -> Result<(), PortError> {
        // SAFETY: a slot lives as long as the port; this one is in nobody's hands.
        let this = unsafe { &mut *slot.as_ptr() };
        this.busy = true;
        // SAFETY: all are live; the buffer and the operation are left alone until the callback has run, the slot stays
        // where it is.
        let result = unsafe {
            Class::recv_unexpected(
                self.network.class.as_ptr(),
                self.context.as_ptr(),
                ended,
                slot.as_ptr().cast(),
                this.buffer,
                this.op.as_ptr(),
            )
        };
        if result != Return::SUCCESS {
            this.busy = false;
        }
        self.check("NA_Msg_recv_unexpected", result)
    }
}

/// Writes down what has ended.
unsafe extern "C" fn ended(info: *const CbInfo) {
    // SAFETY: the network's description of an operation of a port, whose argument was its slot.
    let (info, slot) = unsafe { (&*info, NonNull::new_unchecked((*info).arg.cast::<Slot>())) };
    // SAFETY: a slot lives as long as its port; nobody changes it while the network has it.
    let this = unsafe { slot.as_ref() };
    let received = this.kind == Use::Receive && info.ret == Return::SUCCESS;
    let (size, source) = if received {
        // SAFETY: that of a message which was received.
        let message = unsafe { info.info.recv_unexpected };
        (message.actual_buf_size, message.source)
    } else {
        (0, null_mut())
    };
    this.ended.borrow_mut().push(Ended { slot, result: info.ret, size, source });
}

impl Drop for Port {
    fn drop(&mut self) {
        let Network { library, class } = *self.network;
        let busy = |slot: &NonNull<Slot>| {
            // SAFETY: a slot lives until the end of this function.
            unsafe { slot.as_ref() }.busy
        };
        for slot in self.slots.iter().filter(|slot| busy(slot)) {
            // SAFETY: all are live. If it has ended meanwhile, nothing happens.
            unsafe { (library.cancel)(class.as_ptr(), self.context.as_ptr(), slot.as_ref().op.as_ptr()) };
        }
        let begin = Instant::now();
        while self.slots.iter().any(busy) && begin.elapsed() < PATIENCE && self.run().is_ok() {
            for Ended { slot, source, .. } in self.ended.take() {
                drop(self.address(source));
                // SAFETY: a slot lives until the end of this function; the network has given this one back.
                unsafe { (*slot.as_ptr()).busy = false };
            }
        }
        if self.slots.iter().any(busy) {
            // The network may still write there.
            warn!(Facility::MISC, "{} is left open: Mercury does not end what it has begun", self.uri);
            return std::mem::forget(self.network.clone());
        }
        for slot in self.slots.drain(..) {
            // SAFETY: it was leaked when it was made, and nobody refers to it any more.
            let Slot { buffer, op, .. } = *unsafe { Box::from_raw(slot.as_ptr()) };
            // SAFETY: operation and buffer are the class's, and not in use.
            unsafe {
                (library.op_destroy)(class.as_ptr(), op.as_ptr());
                (library.msg_buf_free)(class.as_ptr(), buffer.start, buffer.plugin_data);
            }
        }
        // SAFETY: the context is live, and without operations.
        let result = unsafe { (library.context_destroy)(class.as_ptr(), self.context.as_ptr()) };
        if result != Return::SUCCESS {
            warn!(Facility::MISC, "NA_Context_destroy: {}", library.describe(result));
        }
    }
}
