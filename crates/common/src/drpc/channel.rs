//! Unix sockets, by the system calls that DAOS makes.
//!
//! They are called by their libc names, one for one as the original calls them, because DAOS's unit tests put
//! their own functions in their place.

use core::ffi::{CStr, c_int, c_short};
use core::ptr;
use std::io;
use std::time::Duration;

use gurt_client::{Der, Facility, Result, error, info};

/// A socket. Not closed when it goes out of scope: C code owns the descriptor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Socket(pub c_int);

/// How a packet is sent or received.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// As the descriptor is set, which is to wait.
    Block,
    /// Never waiting: `DER_AGAIN`. A peer that has left is an error, not a signal.
    Try,
}

impl Mode {
    fn send_flags(self) -> c_int {
        match self {
            Mode::Block => 0,
            Mode::Try => libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
        }
    }

    fn recv_flags(self) -> c_int {
        match self {
            Mode::Block => 0,
            Mode::Try => libc::MSG_DONTWAIT,
        }
    }
}

/// The address of the socket file `path`; `ENAMETOOLONG` when it is too long for one: cut off, it would lead to
/// another file.
fn address(path: &CStr) -> io::Result<libc::sockaddr_un> {
    // SAFETY: all zeroes is an address without a path.
    let mut address: libc::sockaddr_un = unsafe { core::mem::zeroed() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    let path = path.to_bytes();
    if path.len() >= address.sun_path.len() {
        return Err(io::Error::from_raw_os_error(libc::ENAMETOOLONG));
    }
    for (to, &from) in address.sun_path.iter_mut().zip(path) {
        *to = from as libc::c_char;
    }
    Ok(address)
}

const ADDRESS_LEN: libc::socklen_t = size_of::<libc::sockaddr_un>() as libc::socklen_t;

/// Makes a system call again when a signal has interrupted it.
fn uninterrupted(mut call: impl FnMut() -> isize) -> isize {
    loop {
        let result = call();
        if result >= 0 || io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return result;
        }
    }
}

impl Socket {
    /// A socket with the file flags `flags` (`O_NONBLOCK` or 0) that only its user may connect to.
    fn open(flags: c_int) -> io::Result<Self> {
        // SAFETY: takes no pointer.
        let fd = unsafe { libc::socket(libc::AF_UNIX, libc::SOCK_SEQPACKET, 0) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        let socket = Socket(fd);
        socket.close_on_exec();
        // SAFETY: take no pointer.
        let set = unsafe {
            libc::fcntl(fd, libc::F_SETFL, flags) >= 0 && libc::fchmod(fd, libc::S_IRUSR | libc::S_IWUSR) == 0
        };
        socket.keep_if(set)
    }

    /// Keeps the descriptor from programs that the process starts. Not asked for with the socket, nor by `fcntl`:
    /// DAOS's tests want those calls to be the original's.
    fn close_on_exec(self) {
        // SAFETY: takes no pointer. It cannot fail for a socket.
        unsafe { libc::ioctl(self.0, libc::FIOCLEX) };
    }

    /// This socket when `good`; otherwise it is closed and the reason is `errno`.
    fn keep_if(self, good: bool) -> io::Result<Self> {
        if good {
            return Ok(self);
        }
        let err = io::Error::last_os_error();
        self.close();
        Err(err)
    }

    /// A socket connected to the file `path`.
    pub fn connect(path: &CStr, flags: c_int) -> io::Result<Self> {
        let address = address(path)?;
        let socket = Self::open(flags)?;
        // SAFETY: an address of that length.
        let rc = unsafe { libc::connect(socket.0, (&raw const address).cast(), ADDRESS_LEN) };
        socket.keep_if(rc >= 0)
    }

    /// A socket that listens as the file `path`, which must not exist.
    pub fn listen(path: &CStr, flags: c_int) -> io::Result<Self> {
        let address = address(path)?;
        let socket = Self::open(flags)?;
        // SAFETY: an address of that length.
        let good = unsafe {
            libc::bind(socket.0, (&raw const address).cast(), ADDRESS_LEN) >= 0
                && libc::listen(socket.0, libc::SOMAXCONN) >= 0
        };
        socket.keep_if(good)
    }

    /// The next peer that wants to connect.
    pub fn accept(self) -> io::Result<Self> {
        // SAFETY: null asks for no address.
        let fd = unsafe { libc::accept(self.0, ptr::null_mut(), ptr::null_mut()) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        let socket = Socket(fd);
        socket.close_on_exec();
        Ok(socket)
    }

    /// Sends one packet.
    pub fn send(self, packet: &[u8], mode: Mode) -> Result {
        let mut iov = libc::iovec { iov_base: packet.as_ptr().cast_mut().cast(), iov_len: packet.len() };
        // SAFETY: all zeroes is a message without parts; the part lives until the call returns.
        let sent = unsafe {
            let mut message: libc::msghdr = core::mem::zeroed();
            message.msg_iov = &raw mut iov;
            message.msg_iovlen = 1;
            uninterrupted(|| libc::sendmsg(self.0, &raw const message, mode.send_flags()))
        };
        match usize::try_from(sent) {
            Err(_) => Err(self.failure("send")),
            Ok(sent) if sent < packet.len() => {
                error!(Facility::COMMON, "dRPC socket {} takes {sent} of {} bytes", self.0, packet.len());
                Err(Der::new(abi::DER_TRUNC.into()))
            }
            Ok(_) => Ok(()),
        }
    }

    /// Receives one packet into `buffer`; an empty one when the peer has left.
    pub fn receive(self, buffer: &mut [u8], mode: Mode) -> Result<&[u8]> {
        let mut iov = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
        // SAFETY: as in send; the part is writable.
        let received = unsafe {
            let mut message: libc::msghdr = core::mem::zeroed();
            message.msg_iov = &raw mut iov;
            message.msg_iovlen = 1;
            uninterrupted(|| libc::recvmsg(self.0, &raw mut message, mode.recv_flags()))
        };
        let len = usize::try_from(received).map_err(|_| self.failure("receive"))?;
        Ok(&buffer[..len.min(buffer.len())])
    }

    /// The error of the last system call, logged unless it is an everyday one.
    fn failure(self, what: &str) -> Der {
        let err = io::Error::last_os_error();
        match err.kind() {
            io::ErrorKind::WouldBlock => {}
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => {
                info!(Facility::COMMON, "cannot {what} on dRPC socket {}: the peer has left", self.0);
            }
            _ => error!(Facility::COMMON, "cannot {what} on dRPC socket {}: {err}", self.0),
        }
        Der::from_errno(err.raw_os_error().unwrap_or(0))
    }

    /// Waits for `events` (`POLLIN`, `POLLOUT`) or an error on the socket, at most `timeout`.
    pub fn wait(self, events: c_short, timeout: Option<Duration>) {
        let mut fd = libc::pollfd { fd: self.0, events, revents: 0 };
        let timeout = timeout.map_or(-1, |timeout| timeout.as_millis() as c_int);
        // SAFETY: one entry. Whatever the outcome, the caller tries again.
        unsafe { libc::poll(&raw mut fd, 1, timeout) };
    }

    /// Ends the connection: both sides see it go down. The descriptor stays.
    pub fn hang_up(self) {
        // SAFETY: takes no pointer. A connection that has gone down already is as good.
        unsafe { libc::shutdown(self.0, libc::SHUT_RDWR) };
    }

    /// Closes the descriptor; a failure is logged.
    pub fn close(self) {
        // SAFETY: takes no pointer; the caller gives the descriptor up.
        if unsafe { libc::close(self.0) } < 0 {
            error!(Facility::COMMON, "cannot close socket {}: {}", self.0, io::Error::last_os_error());
        }
    }
}
