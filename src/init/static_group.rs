//! A group that a file describes, for an engine without a control plane.
//!
//! `DAOS_ENGINE_GROUP` names the file. The engine then does itself what a control plane has it do: it takes its rank,
//! learns who belongs to the group, and sets its modules up (SetRank, GroupUpdate and SetUp of dRPC).

use core::ffi::{CStr, c_int, c_void};
use core::ptr;
use gurt_client::{Der, Result, env};
use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs;

/// The version that such a group has; there is no other.
const VERSION: u32 = 1;

/// Where each rank listens, and who this engine is.
#[derive(Debug)]
pub struct StaticGroup {
    path: String,
    uris: BTreeMap<abi::d_rank_t, String>,
}

impl StaticGroup {
    /// The group of the file that the environment names, if it names one; a sentence says what is wrong with it.
    pub fn from_environment() -> core::result::Result<Option<Self>, String> {
        let Some(path) = env::text(c"DAOS_ENGINE_GROUP") else { return Ok(None) };
        let text = fs::read_to_string(&path)
            .map_err(|err| format!("cannot read the group file {path} (DAOS_ENGINE_GROUP): {err}"))?;
        let uris = parse(&text).map_err(|why| format!("group file {path}, {why}"))?;
        Ok(Some(StaticGroup { path, uris }))
    }

    /// Joins the group and sets the modules up. The error is a sentence.
    pub fn join(self) -> core::result::Result<(), String> {
        let own = own_uri().map_err(|err| format!("cannot tell the own URI: {err}"))?;
        let Some(rank) = self.uris.iter().find(|(_, uri)| **uri == own).map(|(rank, _)| *rank) else {
            return Err(format!(
                "group file {} has no rank with the URI {own} of this engine; D_INTERFACE and D_PORT say where it \
                 listens",
                self.path
            ));
        };
        let mut membership = Membership { rank, uris: self.uris, result: Ok(()) };
        // SAFETY: waits until the ULT has run; xstreams run.
        let rc = unsafe {
            abi::dss_ult_execute(
                Some(join),
                (&raw mut membership).cast(),
                None,
                ptr::null_mut(),
                abi::DSS_XS_SYS as c_int,
                0,
                abi::DSS_DEEP_STACK_SZ as usize,
            )
        };
        check(rc)
            .and(membership.result)
            .map_err(|err| format!("cannot join the group of {} as rank {rank}: {err}", self.path))
    }
}

/// Reads lines of a rank and a URI. The error names the line.
fn parse(text: &str) -> core::result::Result<BTreeMap<abi::d_rank_t, String>, String> {
    let mut uris = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.split_once('#').map_or(line, |(before, _)| before).trim();
        if line.is_empty() {
            continue;
        }
        let (rank, uri) = line
            .split_once(char::is_whitespace)
            .and_then(|(rank, uri)| Some((rank.parse().ok()?, uri.trim())))
            .filter(|&(rank, uri)| rank != abi::CRT_NO_RANK && !uri.contains(char::is_whitespace))
            .ok_or_else(|| format!("line {number}: not `<rank> <URI>`: {line}"))?;
        if uris.values().any(|other| other == uri) || uris.insert(rank, uri.to_owned()).is_some() {
            return Err(format!("line {number}: rank or URI a second time: {line}"));
        }
    }
    if uris.is_empty() {
        return Err("which has no ranks".into());
    }
    Ok(uris)
}

/// A C function that returns 0 or `-DER_*`.
fn check(rc: c_int) -> Result {
    Der::check(rc).map(drop)
}

/// Where the first context of this engine listens.
fn own_uri() -> Result<String> {
    let mut uri = ptr::null_mut();
    // SAFETY: writes a string that is freed here.
    unsafe {
        check(abi::crt_self_uri_get(0, &raw mut uri))?;
        let text = CStr::from_ptr(uri).to_string_lossy().into_owned();
        abi::d_free(uri.cast());
        Ok(text)
    }
}

/// What [`join`] works on.
struct Membership {
    rank: abi::d_rank_t,
    uris: BTreeMap<abi::d_rank_t, String>,
    result: Result,
}

/// Joins the group, in a ULT of the system xstream.
unsafe extern "C" fn join(arg: *mut c_void) -> c_int {
    let boundary = abi::Boundary::enter("ULT that joins a static group");
    // SAFETY: `StaticGroup::join` passes it, and waits.
    let membership = unsafe { &mut *arg.cast::<Membership>() };
    membership.result = become_member(membership.rank, &membership.uris);
    boundary.leave();
    0
}

fn become_member(rank: abi::d_rank_t, uris: &BTreeMap<abi::d_rank_t, String>) -> Result {
    let mut ranks: Vec<_> = uris.keys().copied().collect();
    let mut incarnations = vec![u64::from(abi::CRT_NO_INCARNATION); ranks.len()];
    let uris = uris.values().map(|uri| CString::new(uri.as_str()));
    let uris: Vec<_> =
        uris.collect::<core::result::Result<_, _>>().map_err(|_| Der::new(abi::DER_INVAL.into()))?;
    let mut uris: Vec<_> = uris.iter().map(|uri| uri.as_ptr().cast_mut()).collect();
    let mut list = abi::d_rank_list_t { rl_ranks: ranks.as_mut_ptr(), rl_nr: ranks.len() as u32 };
    let Some(info) = crate::inline::module_info() else { return Err(Der::new(abi::DER_UNINIT.into())) };
    let parts = abi::daos_version_parts {
        protocol: abi::DAOS_VERSION_PROTOCAL as u8,
        patch: abi::DAOS_VERSION_FIX as u8,
        minor: abi::DAOS_VERSION_MINOR as u8,
        major: abi::DAOS_VERSION_MAJOR as u8,
    };
    // SAFETY: this xstream's own information; all lists live until the call is over, and have as many elements as there
    // are ranks.
    unsafe {
        check(abi::crt_rank_self_set(rank, VERSION))?;
        abi::dss_set_join_version(abi::daos_version_t { parts });
        check(abi::crt_group_primary_modify(
            ptr::null_mut(),
            &raw mut (*info.as_ptr()).dmi_ctx,
            1,
            &raw mut list,
            incarnations.as_mut_ptr(),
            uris.as_mut_ptr(),
            abi::CRT_GROUP_MOD_OP_REPLACE,
            VERSION,
        ))?;
        check(abi::dss_module_setup_all())?;
        abi::dss_init_state_set(abi::DSS_INIT_STATE_SET_UP);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_ranks_with_their_uris() {
        let uris = parse("# the two of us\n0 tcp://10.0.0.1:31416\n\n  7\ttcp://10.0.0.2:31416 # far away\n")
            .unwrap();
        let expected = [(0, "tcp://10.0.0.1:31416".to_owned()), (7, "tcp://10.0.0.2:31416".to_owned())];
        assert_eq!(uris, BTreeMap::from(expected));
    }

    #[test]
    fn what_is_no_group_is_refused_with_its_line() {
        for (text, line) in [
            ("", "no ranks"),
            ("# nobody\n", "no ranks"),
            ("0 tcp://a:1\n1\n", "line 2"),
            ("-1 tcp://a:1\n", "line 1"),
            ("4294967295 tcp://a:1\n", "line 1"),
            ("0 tcp://a:1 tcp://b:1\n", "line 1"),
            ("0 tcp://a:1\n0 tcp://b:1\n", "line 2"),
            ("0 tcp://a:1\n1 tcp://a:1\n", "line 2"),
        ] {
            let said = parse(text).unwrap_err();
            assert!(said.contains(line), "{text:?}: {said}");
        }
    }
}
