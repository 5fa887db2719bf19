//! `daos_errno.h`: the `DER_*` codes and their names.

use core::ffi::{c_char, c_int, c_uint};

/// No error.
pub const DER_SUCCESS: daos_errno = 0;
/// Codes of gurt and CaRT come behind it.
pub const DER_ERR_GURT_BASE: daos_errno = 1000;
/// Operation not permitted.
pub const DER_NO_PERM: daos_errno = 1001;
/// Invalid handle.
pub const DER_NO_HDL: daos_errno = 1002;
/// Invalid parameters.
pub const DER_INVAL: daos_errno = 1003;
/// Entity already exists.
pub const DER_EXIST: daos_errno = 1004;
/// The specified entity does not exist.
pub const DER_NONEXIST: daos_errno = 1005;
/// Unreachable node.
pub const DER_UNREACH: daos_errno = 1006;
/// No space on storage target.
pub const DER_NOSPACE: daos_errno = 1007;
/// Operation already performed.
pub const DER_ALREADY: daos_errno = 1008;
/// Out of memory.
pub const DER_NOMEM: daos_errno = 1009;
/// Function not implemented.
pub const DER_NOSYS: daos_errno = 1010;
/// Time out.
pub const DER_TIMEDOUT: daos_errno = 1011;
/// Device or resource busy.
pub const DER_BUSY: daos_errno = 1012;
/// Try again.
pub const DER_AGAIN: daos_errno = 1013;
/// Incompatible protocol.
pub const DER_PROTO: daos_errno = 1014;
/// Device or resource not initialized.
pub const DER_UNINIT: daos_errno = 1015;
/// Buffer too short.
pub const DER_TRUNC: daos_errno = 1016;
/// Data too long for defined data type or buffer size.
pub const DER_OVERFLOW: daos_errno = 1017;
/// Operation canceled.
pub const DER_CANCELED: daos_errno = 1018;
/// Out of group or member list.
pub const DER_OOG: daos_errno = 1019;
/// Transport layer mercury error.
pub const DER_HG: daos_errno = 1020;
/// RPC or protocol version not registered.
pub const DER_UNREG: daos_errno = 1021;
/// Failed to generate an address string.
pub const DER_ADDRSTR_GEN: daos_errno = 1022;
/// PMIx layer error.
pub const DER_PMIX: daos_errno = 1023;
/// Incast variable unavailable locally. Must forward.
pub const DER_IVCB_FORWARD: daos_errno = 1024;
/// Miscellaneous error.
pub const DER_MISC: daos_errno = 1025;
/// Bad path name.
pub const DER_BADPATH: daos_errno = 1026;
/// Not a directory.
pub const DER_NOTDIR: daos_errno = 1027;
/// Collective RPC failed.
pub const DER_CORPC_INCOMPLETE: daos_errno = 1028;
/// No rank is subscribed to RAS.
pub const DER_NO_RAS_RANK: daos_errno = 1029;
/// Service group not attached.
pub const DER_NOTATTACH: daos_errno = 1030;
/// Version mismatch.
pub const DER_MISMATCH: daos_errno = 1031;
/// Rank has been excluded.
pub const DER_EXCLUDED: daos_errno = 1032;
/// User provided RPC handler did not send reply back.
pub const DER_NOREPLY: daos_errno = 1033;
/// Denial of service.
pub const DER_DOS: daos_errno = 1034;
/// Incorrect target for the RPC.
pub const DER_BAD_TARGET: daos_errno = 1035;
/// Group versioning mismatch.
pub const DER_GRPVER: daos_errno = 1036;
/// HLC synchronization error.
pub const DER_HLC_SYNC: daos_errno = 1037;
/// Not enough shared memory free.
pub const DER_NO_SHMEM: daos_errno = 1038;
/// Failed to add the specified metric.
pub const DER_ADD_METRIC_FAILED: daos_errno = 1039;
/// Duration end not paired with duration start.
pub const DER_DURATION_MISMATCH: daos_errno = 1040;
/// Operation not permitted for metric type provided.
pub const DER_OP_NOT_PERMITTED: daos_errno = 1041;
/// Path name exceeds permitted length.
pub const DER_EXCEEDS_PATH_LEN: daos_errno = 1042;
/// Read failed because metric not found.
pub const DER_METRIC_NOT_FOUND: daos_errno = 1043;
/// Unable to access shared memory segment due to incompatible user or group permissions.
pub const DER_SHMEM_PERMS: daos_errno = 1044;
/// Fatal transport layer mercury error.
pub const DER_HG_FATAL: daos_errno = 1045;
/// Quota limit reached.
pub const DER_QUOTA_LIMIT: daos_errno = 1046;
/// Codes of DAOS come behind it.
pub const DER_ERR_DAOS_BASE: daos_errno = 2000;
/// I / O error.
pub const DER_IO: daos_errno = 2001;
/// Memory free error.
pub const DER_FREE_MEM: daos_errno = 2002;
/// Entity not found.
pub const DER_ENOENT: daos_errno = 2003;
/// Unknown object type.
pub const DER_NOTYPE: daos_errno = 2004;
/// Unknown object schema.
pub const DER_NOSCHEMA: daos_errno = 2005;
/// Object is not local.
pub const DER_NOLOCAL: daos_errno = 2006;
/// Stale pool map version.
pub const DER_STALE: daos_errno = 2007;
/// Not service leader.
pub const DER_NOTLEADER: daos_errno = 2008;
/// Target create error.
pub const DER_TGT_CREATE: daos_errno = 2009;
/// Epoch is read only.
pub const DER_EP_RO: daos_errno = 2010;
/// Epoch is too old. All data have been recycled.
pub const DER_EP_OLD: daos_errno = 2011;
/// Key is too large.
pub const DER_KEY2BIG: daos_errno = 2012;
/// Record is too large.
pub const DER_REC2BIG: daos_errno = 2013;
/// I / O buffers do not match object extents.
pub const DER_IO_INVAL: daos_errno = 2014;
/// Event queue is busy.
pub const DER_EQ_BUSY: daos_errno = 2015;
/// Domain of cluster component do not match.
pub const DER_DOMAIN: daos_errno = 2016;
/// Service should shut down.
pub const DER_SHUTDOWN: daos_errno = 2017;
/// Operation now in progress.
pub const DER_INPROGRESS: daos_errno = 2018;
/// Not applicable.
pub const DER_NOTAPPLICABLE: daos_errno = 2019;
/// Not a service replica.
pub const DER_NOTREPLICA: daos_errno = 2020;
/// Checksum error.
pub const DER_CSUM: daos_errno = 2021;
/// Unsupported durable format.
pub const DER_DF_INVAL: daos_errno = 2022;
/// Incompatible durable format version.
pub const DER_DF_INCOMPT: daos_errno = 2023;
/// Record size error.
pub const DER_REC_SIZE: daos_errno = 2024;
/// Transaction should restart.
pub const DER_TX_RESTART: daos_errno = 2025;
/// Data lost or not recoverable.
pub const DER_DATA_LOSS: daos_errno = 2026;
/// Operation canceled.
pub const DER_OP_CANCELED: daos_errno = 2027;
/// TX is not committed.
pub const DER_TX_BUSY: daos_errno = 2028;
/// Agent is incompatible with libdaos.
pub const DER_AGENT_INCOMPAT: daos_errno = 2029;
/// To be handled via distributed transaction.
pub const DER_NEED_TX: daos_errno = 2030;
/// Failures exceed RF.
pub const DER_RF: daos_errno = 2031;
/// Fetch again.
pub const DER_FETCH_AGAIN: daos_errno = 2032;
/// TX status is uncertain.
pub const DER_TX_UNCERTAIN: daos_errno = 2033;
/// Agent communication error.
pub const DER_AGENT_COMM: daos_errno = 2034;
/// ID mismatch.
pub const DER_ID_MISMATCH: daos_errno = 2035;
/// Retry with other target.
pub const DER_TGT_RETRY: daos_errno = 2036;
/// Operation not supported.
pub const DER_NOTSUPPORTED: daos_errno = 2037;
/// One or more control plane components are incompatible.
pub const DER_CONTROL_INCOMPAT: daos_errno = 2038;
/// No service available.
pub const DER_NO_SERVICE: daos_errno = 2039;
/// TX ID may be reused.
pub const DER_TX_ID_REUSED: daos_errno = 2040;
/// update again.
pub const DER_UPDATE_AGAIN: daos_errno = 2041;
/// NVMe I / O error.
pub const DER_NVME_IO: daos_errno = 2042;
/// Unable to access one or more certificates.
pub const DER_NO_CERT: daos_errno = 2043;
/// Invalid x509 certificate.
pub const DER_BAD_CERT: daos_errno = 2044;
/// Same epoch partial overwrite of VOS array value disallowed.
pub const DER_VOS_PARTIAL_UPDATE: daos_errno = 2045;
/// Page is temporarily read only due to checkpointing.
pub const DER_CHKPT_BUSY: daos_errno = 2046;
/// Division by zero.
pub const DER_DIV_BY_ZERO: daos_errno = 2047;
/// retry later because of overloaded service.
pub const DER_OVERLOAD_RETRY: daos_errno = 2048;
/// Cannot resume former DAOS check instance.
pub const DER_NOT_RESUME: daos_errno = 2049;
/// The specified container does not exist.
pub const DER_CONT_NONEXIST: daos_errno = 2050;
/// The specified container is being destroyed.
pub const DER_CONT_DESTROYING: daos_errno = 2051;
/// current item for iteration or something else should be ignored.
pub const DER_IGNORE: daos_errno = 2052;
/// Behind the last code.
pub const DER_LAST_VALID: daos_errno = 2053;
/// No code at all.
pub const DER_UNKNOWN: daos_errno = 501000;

/// Error codes; functions return them negated.
pub type daos_errno = c_uint;

unsafe extern "C" {
    /// errno.c: name of `-DER_*`, `DER_UNKNOWN` for any other number.
    pub fn d_errstr(errnum: c_int) -> *const c_char;
    /// errno.c: what `-DER_*` means. For a number that is no code the text names it, and is valid until the
    /// calling thread asks for the next such number.
    pub fn d_errdesc(errnum: c_int) -> *const c_char;
}
