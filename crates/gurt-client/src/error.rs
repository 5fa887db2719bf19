//! `-DER_*` codes as a Rust error.

use core::ffi::{CStr, c_int};
use core::fmt;

/// A DAOS error: the positive value of a `DER_*` constant of `daos_errno.h`.
///
/// C functions return it negated: [`Der::rc`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Der(c_int);

/// Result of a core function whose C shell returns 0 or `-DER_*`.
pub type Result<T = ()> = core::result::Result<T, Der>;

impl Der {
    /// The error of a `DER_*` constant, given as `abi` declares it: positive.
    pub const fn new(code: i64) -> Self {
        Der(code as c_int)
    }

    /// Splits a C return code: 0 and above is success, below is `-DER_*`.
    pub const fn check(rc: c_int) -> Result<c_int> {
        if rc < 0 { Err(Der(-rc)) } else { Ok(rc) }
    }

    /// `daos_errno2der` of `daos/common.h`: the error of a system call's `errno`.
    pub const fn from_errno(errno: c_int) -> Self {
        let code = match errno {
            libc::EPERM | libc::EACCES => abi::DER_NO_PERM,
            libc::ENOMEM => abi::DER_NOMEM,
            libc::EDQUOT | libc::ENOSPC => abi::DER_NOSPACE,
            libc::EEXIST => abi::DER_EXIST,
            libc::ENOENT => abi::DER_NONEXIST,
            libc::ECANCELED => abi::DER_CANCELED,
            libc::EBUSY => abi::DER_BUSY,
            libc::EOVERFLOW => abi::DER_OVERFLOW,
            libc::EBADF => abi::DER_NO_HDL,
            libc::ENOSYS => abi::DER_NOSYS,
            libc::ETIMEDOUT => abi::DER_TIMEDOUT,
            libc::EWOULDBLOCK => abi::DER_AGAIN,
            libc::EPROTO => abi::DER_PROTO,
            libc::EINVAL => abi::DER_INVAL,
            libc::ENOTDIR => abi::DER_NOTDIR,
            libc::EIO => abi::DER_IO,
            libc::ENOTSUP => abi::DER_NOTSUPPORTED,
            _ if errno < 0 => abi::DER_UNKNOWN,
            _ => abi::DER_MISC,
        };
        Der::new(code as i64)
    }

    /// [`Der::from_errno`] of this thread's last system call.
    pub fn last_os_error() -> Self {
        Der::from_errno(std::io::Error::last_os_error().raw_os_error().unwrap_or(0))
    }

    /// The code as C returns it: `-DER_*`.
    pub const fn rc(self) -> c_int {
        -self.0
    }

    /// What a C function returns for this result: 0, or `-DER_*`.
    pub fn rc_of(result: Result) -> c_int {
        match result {
            Ok(()) => 0,
            Err(err) => err.rc(),
        }
    }

    /// The error that an I/O error becomes: [`Der::from_errno`] of its number, `DER_MISC` if it has none.
    pub fn from_io(err: &std::io::Error) -> Self {
        Der::from_errno(err.raw_os_error().unwrap_or(0))
    }
}

impl fmt::Display for Der {
    /// As `DF_RC` prints it: `DER_NOMEM(-1009): 'Out of memory'`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: d_errstr and d_errdesc take any number and return static strings.
        let (name, text) =
            unsafe { (CStr::from_ptr(abi::d_errstr(self.rc())), CStr::from_ptr(abi::d_errdesc(self.rc()))) };
        write!(f, "{}({}): '{}'", name.to_string_lossy(), self.rc(), text.to_string_lossy())
    }
}

impl fmt::Debug for Der {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "-DER {}", self.0)
    }
}

impl core::error::Error for Der {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_results() {
        assert_eq!(Der::check(-1009), Err(Der::new(1009)));
        assert_eq!(Der::check(3), Ok(3));
        assert_eq!(Der::rc_of(Err(Der::new(1003))), -1003);
        assert_eq!(Der::rc_of(Ok(())), 0);
    }

    #[test]
    fn system_errors() {
        assert_eq!(Der::from_errno(libc::EACCES).rc(), -(abi::DER_NO_PERM as c_int));
        assert_eq!(Der::from_errno(libc::EIO).rc(), -(abi::DER_IO as c_int));
        let err = std::io::Error::from_raw_os_error(libc::ENOENT);
        assert_eq!(Der::from_io(&err).rc(), -(abi::DER_NONEXIST as c_int));
    }
}
