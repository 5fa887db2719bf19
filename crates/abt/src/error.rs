//! Error codes of `abt.h`.

use core::ffi::c_int;

/// One of the `ABT_ERR_*` codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Error(c_int);

/// What the functions of this crate return.
pub(crate) type Result<T = ()> = core::result::Result<T, Error>;

macro_rules! errors {
    ($($name:ident = $code:ident,)*) => {
        impl Error {
            $(pub(crate) const $name: Error = Error(abi::$code);)*
        }
    };
}

errors! {
    UNINITIALIZED = ABT_ERR_UNINITIALIZED,
    MEM = ABT_ERR_MEM,
    SYS = ABT_ERR_SYS,
    INV_ARG = ABT_ERR_INV_ARG,
    INV_XSTREAM = ABT_ERR_INV_XSTREAM,
    INV_XSTREAM_RANK = ABT_ERR_INV_XSTREAM_RANK,
    INV_SCHED = ABT_ERR_INV_SCHED,
    INV_SCHED_CONFIG = ABT_ERR_INV_SCHED_CONFIG,
    INV_POOL = ABT_ERR_INV_POOL,
    INV_POOL_KIND = ABT_ERR_INV_POOL_KIND,
    INV_POOL_ACCESS = ABT_ERR_INV_POOL_ACCESS,
    INV_UNIT = ABT_ERR_INV_UNIT,
    INV_THREAD = ABT_ERR_INV_THREAD,
    INV_THREAD_ATTR = ABT_ERR_INV_THREAD_ATTR,
    INV_MUTEX = ABT_ERR_INV_MUTEX,
    INV_MUTEX_ATTR = ABT_ERR_INV_MUTEX_ATTR,
    INV_COND = ABT_ERR_INV_COND,
    INV_RWLOCK = ABT_ERR_INV_RWLOCK,
    INV_EVENTUAL = ABT_ERR_INV_EVENTUAL,
    INV_FUTURE = ABT_ERR_INV_FUTURE,
    SCHED = ABT_ERR_SCHED,
    POOL = ABT_ERR_POOL,
    THREAD = ABT_ERR_THREAD,
    MUTEX_LOCKED = ABT_ERR_MUTEX_LOCKED,
    COND = ABT_ERR_COND,
    COND_TIMEDOUT = ABT_ERR_COND_TIMEDOUT,
    RWLOCK = ABT_ERR_RWLOCK,
    EVENTUAL = ABT_ERR_EVENTUAL,
    FUTURE = ABT_ERR_FUTURE,
}

impl Error {
    /// An error code that a user's callback returned.
    pub(crate) fn from_user(code: c_int) -> Result {
        if code == abi::ABT_SUCCESS { Ok(()) } else { Err(Error(code)) }
    }

    /// The code, as C returns it.
    pub(crate) fn code(self) -> c_int {
        self.0
    }
}

/// A result, as C returns it.
#[inline(always)]
pub(crate) fn code(result: Result) -> c_int {
    match result {
        Ok(()) => abi::ABT_SUCCESS,
        Err(error) => error.code(),
    }
}
