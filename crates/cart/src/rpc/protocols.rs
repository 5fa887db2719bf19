//! The RPCs that a process knows: the table of `crt_register.c`.

use std::collections::BTreeMap;

use gurt_client::Result;

use super::{PROTO_QUERY, der};

/// What an opcode says of its protocol: `CRT_PROTO_BASEOPC_MASK`.
pub(super) const BASE: u32 = 0xff00_0000;
/// And of its version: `CRT_PROTO_VER_MASK`.
const VERSION_SHIFT: u32 = 16;
const VERSIONS: u32 = 1 << 8;
/// The RPCs of a protocol: `CRT_PROTO_COUNT_MASK`.
const RPCS: usize = 1 << VERSION_SHIFT;

/// `CRT_OPC_URI_LOOKUP`: asks where an endpoint listens. Every context answers it by itself.
pub const URI_LOOKUP: u32 = 0xff00_0000 | 4 << VERSION_SHIFT;

/// How an RPC is handled: `struct crt_proto_rpc_format` without its functions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rpc {
    /// Nobody replies: `CRT_RPC_FEAT_NO_REPLY`.
    pub no_reply: bool,
    /// It waits as long as its target is in the group: `CRT_RPC_FEAT_NO_TIMEOUT`.
    pub no_timeout: bool,
    /// It goes before others that wait for credits: `CRT_RPC_FEAT_QUEUE_FRONT`.
    pub queue_front: bool,
    /// What a collective request calls: `struct crt_corpc_ops`.
    pub collectively: Option<Collectively>,
}

/// Which of the functions for a collective request there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collectively {
    /// `co_pre_forward`.
    pub pre_forward: bool,
    /// `co_aggregate`.
    pub aggregate: bool,
}

/// All protocols.
#[derive(Clone, Debug, Default)]
pub struct Protocols(BTreeMap<u32, Vec<Rpc>>);

/// Why a protocol is not registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalid {
    /// Base, version or count are not those of a protocol (`-DER_INVAL`).
    Numbers,
    /// This version of it is registered already (`-DER_EXIST`).
    Exists,
}

impl Protocols {
    /// Registers a version of a protocol: `crt_proto_register`.
    pub fn register(&mut self, base: u32, version: u32, rpcs: Vec<Rpc>) -> std::result::Result<(), Invalid> {
        let valid = base & !BASE == 0 && version < VERSIONS && (1..=RPCS).contains(&rpcs.len());
        if !valid {
            return Err(Invalid::Numbers);
        }
        let name = base | version << VERSION_SHIFT;
        if self.0.contains_key(&name) {
            return Err(Invalid::Exists);
        }
        self.0.insert(name, rpcs);
        Ok(())
    }

    /// The highest of some versions of a protocol that is registered: `crt_hdlr_proto_query`. `-DER_NONEXIST` if no
    /// version of it is, or it was asked for none, `-DER_UNREG` if others are.
    pub fn highest(&self, base: u32, versions: impl Iterator<Item = u32>) -> Result<u32> {
        let any = self.0.range(base..=base | !BASE).next().is_some();
        let known =
            |&version: &u32| version < VERSIONS && self.0.contains_key(&(base | version << VERSION_SHIFT));
        let (mut asked, mut highest) = (false, None);
        for version in versions {
            asked = true;
            highest = highest.max(Some(version).filter(known));
        }
        highest.ok_or(if any && asked { der::UNREG } else { der::NONEXIST })
    }

    /// How to handle an RPC; none if it is not registered (`-DER_UNREG`).
    pub fn get(&self, opcode: u32) -> Option<Rpc> {
        if opcode == URI_LOOKUP || opcode == PROTO_QUERY {
            return Some(Rpc::default());
        }
        let index = opcode as usize % RPCS;
        self.0.get(&(opcode - index as u32))?.get(index).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opcodes_have_base_version_and_index() {
        let mut protocols = Protocols::default();
        let one_way = Rpc { no_reply: true, ..Rpc::default() };
        protocols.register(0x0200_0000, 3, vec![Rpc::default(), one_way]).unwrap();
        assert_eq!(protocols.get(0x0203_0001), Some(one_way));
        assert_eq!(protocols.get(0x0203_0002), None);
        assert_eq!(protocols.get(0x0202_0001), None);
        assert_eq!(protocols.register(0x0200_0000, 3, vec![one_way]), Err(Invalid::Exists));
        assert_eq!(protocols.register(0x0200_0001, 3, vec![one_way]), Err(Invalid::Numbers));
        assert_eq!(protocols.register(0x0200_0000, 256, vec![one_way]), Err(Invalid::Numbers));
        assert_eq!(protocols.register(0x0200_0000, 4, vec![]), Err(Invalid::Numbers));
    }
}
