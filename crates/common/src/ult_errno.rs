//! Names and descriptions of Argobots's error codes: src/common/ult_errno.c.

use core::ffi::{CStr, c_char, c_int};

macro_rules! codes {
    ($($code:ident, $text:literal;)*) => {
        /// Code, name, description; the code is the position.
        static CODES: [(c_int, &CStr, &CStr); 58] = [$((abi::$code, {
            const NAME: &[u8] = concat!(stringify!($code), "\0").as_bytes();
            match CStr::from_bytes_with_nul(NAME) { Ok(name) => name, Err(_) => unreachable!() }
        }, $text)),*];
    };
}

codes! {
    ABT_SUCCESS, c"Done";
    ABT_ERR_UNINITIALIZED, c"Argobots is not initialized";
    ABT_ERR_MEM, c"Out of memory";
    ABT_ERR_OTHER, c"Other error";
    ABT_ERR_INV_XSTREAM, c"No such execution stream";
    ABT_ERR_INV_XSTREAM_RANK, c"No such rank of an execution stream";
    ABT_ERR_INV_XSTREAM_BARRIER, c"No such barrier of execution streams";
    ABT_ERR_INV_SCHED, c"No such scheduler";
    ABT_ERR_INV_SCHED_KIND, c"No such kind of scheduler";
    ABT_ERR_INV_SCHED_PREDEF, c"No such predefined scheduler";
    ABT_ERR_INV_SCHED_TYPE, c"No such type of scheduler";
    ABT_ERR_INV_SCHED_CONFIG, c"Bad configuration of a scheduler";
    ABT_ERR_INV_POOL, c"No such pool";
    ABT_ERR_INV_POOL_KIND, c"No such kind of pool";
    ABT_ERR_INV_POOL_ACCESS, c"No such access to a pool";
    ABT_ERR_INV_UNIT, c"No such unit";
    ABT_ERR_INV_THREAD, c"No such ULT";
    ABT_ERR_INV_THREAD_ATTR, c"Bad attributes of a ULT";
    ABT_ERR_INV_TASK, c"No such tasklet";
    ABT_ERR_INV_KEY, c"No such key of unit-local data";
    ABT_ERR_INV_MUTEX, c"No such mutex";
    ABT_ERR_INV_MUTEX_ATTR, c"Bad attributes of a mutex";
    ABT_ERR_INV_COND, c"No such condition variable";
    ABT_ERR_INV_RWLOCK, c"No such read-write lock";
    ABT_ERR_INV_EVENTUAL, c"No such eventual";
    ABT_ERR_INV_FUTURE, c"No such future";
    ABT_ERR_INV_BARRIER, c"No such barrier";
    ABT_ERR_INV_TIMER, c"No such timer";
    ABT_ERR_INV_QUERY_KIND, c"No such query";
    ABT_ERR_XSTREAM, c"The execution stream cannot do this";
    ABT_ERR_XSTREAM_STATE, c"The state of the execution stream does not allow this";
    ABT_ERR_XSTREAM_BARRIER, c"The barrier of execution streams cannot do this";
    ABT_ERR_SCHED, c"The scheduler cannot do this";
    ABT_ERR_SCHED_CONFIG, c"The configuration of a scheduler cannot do this";
    ABT_ERR_POOL, c"The pool cannot do this";
    ABT_ERR_UNIT, c"The unit cannot do this";
    ABT_ERR_THREAD, c"The ULT cannot do this";
    ABT_ERR_TASK, c"The tasklet cannot do this";
    ABT_ERR_KEY, c"The key of unit-local data cannot do this";
    ABT_ERR_MUTEX, c"The mutex cannot do this";
    ABT_ERR_MUTEX_LOCKED, c"The mutex is locked";
    ABT_ERR_COND, c"The condition variable cannot do this";
    ABT_ERR_COND_TIMEDOUT, c"The wait for a condition has timed out";
    ABT_ERR_RWLOCK, c"The read-write lock cannot do this";
    ABT_ERR_EVENTUAL, c"The eventual cannot do this";
    ABT_ERR_FUTURE, c"The future cannot do this";
    ABT_ERR_BARRIER, c"The barrier cannot do this";
    ABT_ERR_TIMER, c"The timer cannot do this";
    ABT_ERR_MIGRATION_TARGET, c"Nowhere to migrate to";
    ABT_ERR_MIGRATION_NA, c"Migration is not supported";
    ABT_ERR_MISSING_JOIN, c"It must be joined first";
    ABT_ERR_FEATURE_NA, c"The feature is not supported";
    ABT_ERR_INV_TOOL_CONTEXT, c"No such context of a tool";
    ABT_ERR_INV_ARG, c"Bad argument";
    ABT_ERR_SYS, c"A system call has failed";
    ABT_ERR_CPUID, c"No such CPU";
    ABT_ERR_INV_POOL_CONFIG, c"Bad configuration of a pool";
    ABT_ERR_INV_POOL_USER_DEF, c"Bad definition of a pool";
}

/// The entry of a code; that of `ABT_ERR_OTHER` for one that Argobots does not have.
fn entry(code: c_int) -> &'static (c_int, &'static CStr, &'static CStr) {
    let known = usize::try_from(code).ok().and_then(|at| CODES.get(at));
    known.unwrap_or(&CODES[abi::ABT_ERR_OTHER as usize])
}

abi::export! {
    /// `dss_abterr2str` (ult_errno.c): the name of an error code of Argobots, `ABT_ERR_OTHER` for an unknown one.
    pub fn dss_abterr2str(rc: c_int) -> *const c_char {
        entry(rc).1.as_ptr()
    }

    /// `dss_abterr2desc` (ult_errno.c): what an error code of Argobots means.
    pub fn dss_abterr2desc(rc: c_int) -> *const c_char {
        entry(rc).2.as_ptr()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(code: c_int) -> &'static str {
        // SAFETY: the function returns a static string.
        unsafe { CStr::from_ptr(dss_abterr2str(code)) }.to_str().unwrap()
    }

    #[test]
    fn every_code_is_at_its_position() {
        for (position, (code, name, text)) in CODES.iter().enumerate() {
            assert_eq!(usize::try_from(*code), Ok(position), "{name:?}");
            assert!(!text.is_empty());
        }
    }

    #[test]
    fn unknown_codes_are_other_errors() {
        assert_eq!(name(0), "ABT_SUCCESS");
        assert_eq!(name(abi::ABT_ERR_INV_POOL_USER_DEF), "ABT_ERR_INV_POOL_USER_DEF");
        for unknown in [-1, 58, c_int::MAX, c_int::MIN] {
            assert_eq!(name(unknown), "ABT_ERR_OTHER");
        }
        // SAFETY: static strings.
        let text = unsafe { CStr::from_ptr(dss_abterr2desc(-1)) };
        assert_eq!(text, c"Other error");
    }
}
