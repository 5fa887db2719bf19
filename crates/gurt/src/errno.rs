//! Names and descriptions of the `DER_*` codes: errno.c.

use core::cell::UnsafeCell;
use core::ffi::{CStr, c_char, c_int};
use std::io::Write;

/// Code (positive), name, description; by code.
type Entry = (u32, &'static CStr, &'static CStr);

macro_rules! table {
    ($($code:ident, $text:literal;)*) => {
        [$((abi::$code, {
            const NAME: &[u8] = concat!(stringify!($code), "\0").as_bytes();
            match CStr::from_bytes_with_nul(NAME) { Ok(name) => name, Err(_) => unreachable!() }
        }, $text)),*]
    };
}

/// Every code that has a name, in ascending order.
static TABLE: [Entry; 98] = table! {
    DER_NO_PERM, c"Operation not permitted";
    DER_NO_HDL, c"Invalid handle";
    DER_INVAL, c"Invalid parameters";
    DER_EXIST, c"Entity already exists";
    DER_NONEXIST, c"The specified entity does not exist";
    DER_UNREACH, c"Unreachable node";
    DER_NOSPACE, c"No space on storage target";
    DER_ALREADY, c"Operation already performed";
    DER_NOMEM, c"Out of memory";
    DER_NOSYS, c"Function not implemented";
    DER_TIMEDOUT, c"Time out";
    DER_BUSY, c"Device or resource busy";
    DER_AGAIN, c"Try again";
    DER_PROTO, c"Incompatible protocol";
    DER_UNINIT, c"Device or resource not initialized";
    DER_TRUNC, c"Buffer too short";
    DER_OVERFLOW, c"Data too long for defined data type or buffer size";
    DER_CANCELED, c"Operation canceled";
    DER_OOG, c"Out of group or member list";
    DER_HG, c"Transport layer mercury error";
    DER_UNREG, c"RPC or protocol version not registered";
    DER_ADDRSTR_GEN, c"Failed to generate an address string";
    DER_PMIX, c"PMIx layer error";
    DER_IVCB_FORWARD, c"Incast variable unavailable locally. Must forward";
    DER_MISC, c"Miscellaneous error";
    DER_BADPATH, c"Bad path name";
    DER_NOTDIR, c"Not a directory";
    DER_CORPC_INCOMPLETE, c"Collective RPC failed";
    DER_NO_RAS_RANK, c"No rank is subscribed to RAS";
    DER_NOTATTACH, c"Service group not attached";
    DER_MISMATCH, c"Version mismatch";
    DER_EXCLUDED, c"Rank has been excluded";
    DER_NOREPLY, c"User provided RPC handler did not send reply back";
    DER_DOS, c"Denial of service";
    DER_BAD_TARGET, c"Incorrect target for the RPC";
    DER_GRPVER, c"Group versioning mismatch";
    DER_HLC_SYNC, c"HLC synchronization error";
    DER_NO_SHMEM, c"Not enough shared memory free";
    DER_ADD_METRIC_FAILED, c"Failed to add the specified metric";
    DER_DURATION_MISMATCH, c"Duration end not paired with duration start";
    DER_OP_NOT_PERMITTED, c"Operation not permitted for metric type provided";
    DER_EXCEEDS_PATH_LEN, c"Path name exceeds permitted length";
    DER_METRIC_NOT_FOUND, c"Read failed because metric not found";
    DER_SHMEM_PERMS, c"Unable to access shared memory segment due to incompatible user or group permissions";
    DER_HG_FATAL, c"Fatal transport layer mercury error";
    DER_QUOTA_LIMIT, c"Quota limit reached";
    DER_IO, c"I / O error";
    DER_FREE_MEM, c"Memory free error";
    DER_ENOENT, c"Entity not found";
    DER_NOTYPE, c"Unknown object type";
    DER_NOSCHEMA, c"Unknown object schema";
    DER_NOLOCAL, c"Object is not local";
    DER_STALE, c"Stale pool map version";
    DER_NOTLEADER, c"Not service leader";
    DER_TGT_CREATE, c"Target create error";
    DER_EP_RO, c"Epoch is read only";
    DER_EP_OLD, c"Epoch is too old. All data have been recycled";
    DER_KEY2BIG, c"Key is too large";
    DER_REC2BIG, c"Record is too large";
    DER_IO_INVAL, c"I / O buffers do not match object extents";
    DER_EQ_BUSY, c"Event queue is busy";
    DER_DOMAIN, c"Domain of cluster component do not match";
    DER_SHUTDOWN, c"Service should shut down";
    DER_INPROGRESS, c"Operation now in progress";
    DER_NOTAPPLICABLE, c"Not applicable";
    DER_NOTREPLICA, c"Not a service replica";
    DER_CSUM, c"Checksum error";
    DER_DF_INVAL, c"Unsupported durable format";
    DER_DF_INCOMPT, c"Incompatible durable format version";
    DER_REC_SIZE, c"Record size error";
    DER_TX_RESTART, c"Transaction should restart";
    DER_DATA_LOSS, c"Data lost or not recoverable";
    DER_OP_CANCELED, c"Operation canceled";
    DER_TX_BUSY, c"TX is not committed";
    DER_AGENT_INCOMPAT, c"Agent is incompatible with libdaos";
    DER_NEED_TX, c"To be handled via distributed transaction";
    DER_RF, c"Failures exceed RF";
    DER_FETCH_AGAIN, c"Fetch again";
    DER_TX_UNCERTAIN, c"TX status is uncertain";
    DER_AGENT_COMM, c"Agent communication error";
    DER_ID_MISMATCH, c"ID mismatch";
    DER_TGT_RETRY, c"Retry with other target";
    DER_NOTSUPPORTED, c"Operation not supported";
    DER_CONTROL_INCOMPAT, c"One or more control plane components are incompatible";
    DER_NO_SERVICE, c"No service available";
    DER_TX_ID_REUSED, c"TX ID may be reused";
    DER_UPDATE_AGAIN, c"update again";
    DER_NVME_IO, c"NVMe I / O error";
    DER_NO_CERT, c"Unable to access one or more certificates";
    DER_BAD_CERT, c"Invalid x509 certificate";
    DER_VOS_PARTIAL_UPDATE, c"Same epoch partial overwrite of VOS array value disallowed";
    DER_CHKPT_BUSY, c"Page is temporarily read only due to checkpointing";
    DER_DIV_BY_ZERO, c"Division by zero";
    DER_OVERLOAD_RETRY, c"retry later because of overloaded service";
    DER_NOT_RESUME, c"Cannot resume former DAOS check instance";
    DER_CONT_NONEXIST, c"The specified container does not exist";
    DER_CONT_DESTROYING, c"The specified container is being destroyed";
    DER_IGNORE, c"current item for iteration or something else should be ignored";
};

/// The entry of a code as C functions return it: negative.
fn entry(errnum: c_int) -> Option<&'static Entry> {
    let code = (errnum <= 0).then_some(errnum.unsigned_abs())?;
    TABLE.binary_search_by_key(&code, |entry| entry.0).ok().map(|at| &TABLE[at])
}

/// Room for `Unknown error code -2147483648` and its NUL, as in the original.
type Unknown = [u8; 32];

thread_local! {
    /// Where this thread's last unknown code is spelt out.
    static UNKNOWN: UnsafeCell<Unknown> = const { UnsafeCell::new([0; 32]) };
}

abi::export! {
    /// `d_errstr` (errno.c): name of `-DER_*`, `DER_UNKNOWN` for any other number.
    pub fn d_errstr(errnum: c_int) -> *const c_char {
        match entry(errnum) {
            _ if errnum == 0 => c"DER_SUCCESS",
            Some(entry) => entry.1,
            None => c"DER_UNKNOWN",
        }.as_ptr()
    }

    /// `d_errdesc` (errno.c): what `-DER_*` means. For a number that is no code the text names it, and is
    /// valid until the calling thread asks for the next such number.
    pub fn d_errdesc(errnum: c_int) -> *const c_char {
        if let Some(entry) = entry(errnum) {
            return entry.2.as_ptr();
        }
        match errnum {
            0 => c"Success".as_ptr(),
            _ if errnum == -(abi::DER_UNKNOWN as c_int) => c"Unknown error".as_ptr(),
            _ => UNKNOWN.with(|text| {
                let mut line = Unknown::default();
                // The longest text fits with its NUL, so this cannot fail.
                let _ = write!(&mut line[..31], "Unknown error code {errnum}");
                // SAFETY: only this thread reaches the buffer, and no reference to it outlives this line.
                unsafe { *text.get() = line };
                text.get().cast()
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name and description through the C symbols.
    fn spelt(errnum: c_int) -> (String, String) {
        // SAFETY: both return strings for any number.
        let text = |text| unsafe { CStr::from_ptr(text) }.to_str().unwrap().to_owned();
        // SAFETY: as above.
        unsafe { (text(abi::d_errstr(errnum)), text(abi::d_errdesc(errnum))) }
    }

    fn pair(name: &str, description: &str) -> (String, String) {
        (name.to_owned(), description.to_owned())
    }

    #[test]
    fn the_ranges_have_no_gaps() {
        let codes: Vec<u32> = TABLE.iter().map(|entry| entry.0).collect();
        let gurt = abi::DER_NO_PERM..=abi::DER_QUOTA_LIMIT;
        let daos = abi::DER_IO..abi::DER_LAST_VALID;
        assert_eq!(codes, gurt.chain(daos).collect::<Vec<_>>());
    }

    #[test]
    fn known_codes() {
        assert_eq!(spelt(0), pair("DER_SUCCESS", "Success"));
        assert_eq!(spelt(-1009), pair("DER_NOMEM", "Out of memory"));
        assert_eq!(spelt(-2001), pair("DER_IO", "I / O error"));
        assert_eq!(spelt(-1046), pair("DER_QUOTA_LIMIT", "Quota limit reached"));
        assert_eq!(spelt(-501000), pair("DER_UNKNOWN", "Unknown error"));
    }

    #[test]
    fn anything_else_is_unknown_and_named() {
        for errnum in [1009, -1000, -1047, -2000, -2053, 1, -1, c_int::MAX, c_int::MIN] {
            assert_eq!(spelt(errnum), pair("DER_UNKNOWN", &format!("Unknown error code {errnum}")));
        }
    }
}
