//! `DAOS_IO_BYPASS`: parts of the I/O path that performance debugging switches off.

use core::ffi::{CStr, c_uint};

/// The parts, by the bit of each and its name in the environment.
pub const PARTS: [(c_uint, &CStr); 6] = [
    (abi::IOBP_CLI_RPC, c"cli_rpc"),
    (abi::IOBP_SRV_BULK, c"srv_bulk"),
    (abi::IOBP_TARGET, c"target"),
    (abi::IOBP_NVME, c"nvme"),
    (abi::IOBP_SRV_BULK_CACHE, c"srv_bulk_cache"),
    (abi::IOBP_WAL_COMMIT, c"wal_commit"),
];

/// The parts that a comma-separated list names, in the list's order; what it names wrongly is ignored.
pub fn parse(list: &str) -> impl Iterator<Item = (c_uint, &'static CStr)> {
    list.split(',').map(str::trim).filter_map(|word| {
        PARTS.into_iter().find(|(_, name)| name.to_bytes().eq_ignore_ascii_case(word.as_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_case_is_ignored() {
        let bits = |list| parse(list).fold(0, |bits, (bit, _)| bits | bit);
        assert_eq!(bits(""), abi::IOBP_OFF);
        assert_eq!(bits(" Target ,NVME"), abi::IOBP_TARGET | abi::IOBP_NVME);
        assert_eq!(bits("srv_bulk,srv_bulk_cache"), abi::IOBP_SRV_BULK | abi::IOBP_SRV_BULK_CACHE);
        assert_eq!(bits("targets,,cli_rpc"), abi::IOBP_CLI_RPC);
    }
}
