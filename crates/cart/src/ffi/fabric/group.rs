//! `crt_group.c`: groups.

use abi::{CRT_GROUP_MOD_OP_ADD, CRT_GROUP_MOD_OP_REMOVE, CRT_GROUP_MOD_OP_REPLACE, CRT_NO_RANK};
use abi::{crt_context_t, crt_group_id_t, crt_group_mod_op_t, crt_group_t, d_rank_list_t, d_rank_t};
use core::ffi::{CStr, c_char, c_int};
use core::mem::ManuallyDrop;
use core::slice;
use std::collections::BTreeMap;
use std::ffi::CString;
use std::sync::Arc;

use gurt_client::{Facility, Result, debug, error, info};

use super::{Shell, der, init, invalid, lock, node, rc, store, store_string, text};
use crate::Rank;
use crate::group::{Change, Members, Refused};
use crate::node::{Entry, Node, Wrong};

/// What stands behind a `crt_group_t`: its name, by which the process knows it.
#[repr(C)]
pub(crate) struct Group {
    public: crt_group_t,
    name: Arc<str>,
    kind: Kind,
    /// The name for C.
    _text: CString,
}

// SAFETY: nothing of it changes.
unsafe impl Send for Group {}
// SAFETY: as above.
unsafe impl Sync for Group {}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The process' own, or the one that it looks at.
    Primary,
    Secondary,
}

/// The groups that C has handles of.
pub(crate) struct Handles {
    primary: Arc<Group>,
    view: Option<Arc<Group>>,
    secondaries: BTreeMap<Arc<str>, Arc<Group>>,
}

impl Handles {
    /// Those of a process of this group; none if its name is no text of C.
    pub fn new(name: &Arc<str>) -> Option<Self> {
        let primary = Group::new(name, Kind::Primary)?;
        Some(Handles { primary, view: None, secondaries: BTreeMap::new() })
    }
}

impl Group {
    fn new(name: &Arc<str>, kind: Kind) -> Option<Arc<Self>> {
        let text = CString::new(&**name).ok()?;
        let public = crt_group_t { cg_grpid: text.as_ptr().cast_mut() };
        Some(Arc::new(Group { public, name: name.clone(), kind, _text: text }))
    }

    /// The group behind a handle of C, which is not given back; the primary one for null.
    ///
    /// # Safety
    /// It is null or the handle of a group that is not destroyed.
    pub unsafe fn of(node: &Node<Shell>, group: *mut crt_group_t) -> Arc<Self> {
        if group.is_null() {
            let handles = lock(&node.user.handles);
            return handles.view.as_ref().unwrap_or(&handles.primary).clone();
        }
        // SAFETY: by the caller's promise; the handle keeps its count.
        let group = ManuallyDrop::new(unsafe { Arc::from_raw(group.cast::<Group>().cast_const()) });
        Arc::clone(&group)
    }

    /// The handle as C knows it.
    pub fn as_c(self: &Arc<Self>) -> *mut crt_group_t {
        Arc::as_ptr(self).cast_mut().cast()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        let crt_group_t { .. } = self.public;
        &self.name
    }

    /// Its name, if it is a secondary group.
    pub fn secondary(&self) -> Option<Arc<str>> {
        (self.kind == Kind::Secondary).then(|| self.name.clone())
    }

    /// This process' number in it.
    pub fn rank(&self, node: &Node<Shell>) -> Option<Rank> {
        node.read(|directory| {
            let me = directory.groups().primary.rank()?;
            match self.kind {
                Kind::Primary => Some(me),
                Kind::Secondary => directory.secondary(&self.name).ok()?.secondary(me),
            }
        })
    }

    /// Calls `with` with its members and its version.
    fn look<T>(&self, node: &Node<Shell>, with: impl FnOnce(&Members, u32) -> T) -> Result<T> {
        node.read(|directory| match self.kind {
            Kind::Primary => {
                let primary = &directory.groups().primary;
                Ok(with(primary.members(), primary.version()))
            }
            Kind::Secondary => {
                let group =
                    directory.secondary(&self.name).map_err(|wrong| self.wrong("crt_group", wrong))?;
                Ok(with(group.members(), group.version()))
            }
        })
    }

    fn members(&self, node: &Node<Shell>) -> Result<(Members, u32)> {
        self.look(node, |members, version| (members.clone(), version))
    }

    fn version(&self, node: &Node<Shell>) -> Result<u32> {
        self.look(node, |_, version| version)
    }

    /// Its members by their numbers in the primary group.
    pub fn primary_ranks(&self, node: &Node<Shell>) -> Result<Vec<Rank>> {
        let (members, _) = self.members(node)?;
        Ok(node.read(|directory| match (self.kind, directory.secondary(&self.name)) {
            (Kind::Secondary, Ok(group)) => {
                members.as_slice().iter().filter_map(|&rank| group.primary(rank)).collect()
            }
            _ => members.as_slice().to_vec(),
        }))
    }

    /// Only secondary groups have numbers of their own.
    pub fn require(&self, function: &str, kind: Kind) -> Result {
        if self.kind == kind {
            return Ok(());
        }
        let wanted = if kind == Kind::Primary { "primary" } else { "secondary" };
        error!(Facility::GRP, "{function}: group {} is no {wanted} group", self.name);
        Err(der::INVAL)
    }

    fn wrong(&self, function: &str, wrong: Wrong) -> gurt_client::Der {
        wrong_of(function, &self.name, wrong)
    }
}

fn wrong_of(function: &str, name: &str, wrong: Wrong) -> gurt_client::Der {
    let (error, why) = match wrong {
        Wrong::Exists => (der::EXIST, "there is such a group already"),
        Wrong::Unknown => (der::NONEXIST, "there is no such group any more"),
        Wrong::NoMember => (der::OOG, "the rank is no member"),
        Wrong::OneView => (der::BUSY, "this client looks at another group already; destroy that view first"),
    };
    error!(Facility::GRP, "{function}: group {name}: {why}");
    error
}

fn refused(function: &str, refused: Refused) -> gurt_client::Der {
    match refused {
        Refused::NotJoined => {
            info!(Facility::GRP, "{function}: this process has no rank yet, and cannot tell new from old");
            der::GRPVER
        }
        Refused::Outdated { version, least } => {
            info!(
                Facility::GRP,
                "{function}: version {version} of the group is older than what is known, {least} or later is news"
            );
            der::GRPVER
        }
        Refused::Nobody => invalid(function, "there are no ranks in the list"),
        Refused::HasJoined(rank) => {
            error!(Facility::GRP, "{function}: this process has rank {rank} already");
            der::INVAL
        }
    }
}

/// The ranks of a list.
///
/// # Safety
/// It is null or a list that holds its ranks, and lives as long as the result.
pub(super) unsafe fn ranks<'a>(list: *const d_rank_list_t) -> &'a [Rank] {
    // SAFETY: by the caller's promise.
    match unsafe { list.as_ref() } {
        Some(list) if list.rl_nr > 0 && !list.rl_ranks.is_null() => {
            // SAFETY: as above.
            unsafe { slice::from_raw_parts(list.rl_ranks, list.rl_nr as usize) }
        }
        _ => &[],
    }
}

fn join(rank: Rank, version: u32) -> Result {
    const NAME: &str = "crt_rank_self_set";
    let node = node(NAME)?;
    if !node.is_server() {
        error!(Facility::GRP, "{NAME}: a client has no rank");
        return Ok(());
    }
    if rank == CRT_NO_RANK {
        return Err(invalid(NAME, "the number stands for no rank"));
    }
    if version == 0 {
        return Err(invalid(NAME, "versions of a group count from 1"));
    }
    node.join(rank, version).map_err(|why| refused(NAME, why))?;
    info!(Facility::GRP, "this engine is rank {rank}, from version {version} of its group on");
    // SAFETY: takes a number.
    unsafe { abi::d_log_rank_setup(rank as c_int) };
    Ok(())
}

fn change(op: crt_group_mod_op_t) -> Result<Change> {
    match op {
        CRT_GROUP_MOD_OP_REPLACE => Ok(Change::Replace),
        CRT_GROUP_MOD_OP_ADD => Ok(Change::Add),
        CRT_GROUP_MOD_OP_REMOVE => Ok(Change::Remove),
        _ => Err(invalid("crt_group_modify", "there is no such change")),
    }
}

/// The text of a URI.
///
/// # Safety
/// It is null or a string.
unsafe fn uri(uri: *const c_char) -> Option<Arc<str>> {
    // SAFETY: by the caller's promise.
    (!uri.is_null()).then(|| unsafe { CStr::from_ptr(uri) }.to_string_lossy().into())
}

/// # Safety
/// As [`crt_group_primary_modify`].
unsafe fn modify(
    grp: *mut crt_group_t,
    list: *mut d_rank_list_t,
    incarnations: *mut u64,
    uris: *mut *mut c_char,
    op: crt_group_mod_op_t,
    version: u32,
) -> Result {
    const NAME: &str = "crt_group_primary_modify";
    let (node, change) = (node(NAME)?, change(op)?);
    // SAFETY: by the caller's promise.
    let (group, list) = unsafe { (Group::of(&node, grp), ranks(list)) };
    group.require(NAME, Kind::Primary)?;
    if change != Change::Remove && uris.is_null() {
        return Err(invalid(NAME, "there are no URIs, the pointer is null"));
    }
    let entry = |(at, &rank): (usize, &Rank)| {
        // SAFETY: as many as ranks.
        unsafe {
            let incarnation = if incarnations.is_null() { 0 } else { incarnations.add(at).read() };
            let uri = if uris.is_null() { None } else { uri(uris.add(at).read()) };
            Entry { rank, incarnation, uri }
        }
    };
    let entries: Vec<_> = list.iter().enumerate().map(entry).collect();
    node.modify(change, &entries, version).map_err(|why| refused(NAME, why))
}

/// # Safety
/// As [`crt_group_secondary_modify`].
unsafe fn modify_secondary(
    grp: *mut crt_group_t,
    secondary: *mut d_rank_list_t,
    primary: *mut d_rank_list_t,
    op: crt_group_mod_op_t,
    version: u32,
) -> Result {
    const NAME: &str = "crt_group_secondary_modify";
    let (node, change) = (node(NAME)?, change(op)?);
    // SAFETY: by the caller's promise.
    let (group, secondary, primary) = unsafe { (Group::of(&node, grp), ranks(secondary), ranks(primary)) };
    group.require(NAME, Kind::Secondary)?;
    if change != Change::Remove && primary.len() != secondary.len() {
        error!(
            Facility::GRP,
            "{NAME}: {} ranks cannot stand for {} of the primary group",
            secondary.len(),
            primary.len()
        );
        return Err(der::INVAL);
    }
    let mut pairs: Vec<_> = secondary.iter().map(|&rank| (rank, CRT_NO_RANK)).collect();
    pairs.iter_mut().zip(primary).for_each(|(pair, &rank)| pair.1 = rank);
    let done = node.change(|directory| {
        let group = directory.secondary_mut(&group.name)?;
        Ok(group.modify(change, &pairs, version))
    });
    match done {
        Ok(done) => done.map(drop).map_err(|why| refused(NAME, why)),
        Err(wrong) => Err(group.wrong(NAME, wrong)),
    }
}

/// # Safety
/// As [`crt_group_secondary_create`].
unsafe fn create(
    name: crt_group_id_t,
    primary: *mut crt_group_t,
    list: *mut d_rank_list_t,
) -> Result<*mut crt_group_t> {
    const NAME: &str = "crt_group_secondary_create";
    let node = node(NAME)?;
    // SAFETY: by the caller's promise.
    let (name, primary, list) =
        unsafe { (init::group_name(NAME, text(NAME, name)?)?, Group::of(&node, primary), ranks(list)) };
    primary.require(NAME, Kind::Primary)?;
    let group = Group::new(&name, Kind::Secondary).ok_or(der::NOMEM)?;
    node.change(|directory| directory.create(&name, list)).map_err(|wrong| wrong_of(NAME, &name, wrong))?;
    let handle = group.as_c();
    lock(&node.user.handles).secondaries.insert(name, group);
    Ok(handle)
}

/// # Safety
/// As [`crt_group_secondary_destroy`].
unsafe fn destroy(grp: *mut crt_group_t) -> Result {
    const NAME: &str = "crt_group_secondary_destroy";
    if grp.is_null() {
        return Err(invalid(NAME, "there is no group, the pointer is null"));
    }
    let node = node(NAME)?;
    // SAFETY: by the caller's promise.
    let group = unsafe { Group::of(&node, grp) };
    group.require(NAME, Kind::Secondary)?;
    node.change(|directory| directory.destroy(&group.name)).map_err(|wrong| group.wrong(NAME, wrong))?;
    lock(&node.user.handles).secondaries.remove(&group.name);
    Ok(())
}

/// # Safety
/// As [`crt_group_view_create`].
unsafe fn view(name: crt_group_id_t) -> Result<*mut crt_group_t> {
    const NAME: &str = "crt_group_view_create";
    let node = node(NAME)?;
    // SAFETY: by the caller's promise.
    let name = init::group_name(NAME, unsafe { text(NAME, name)? })?;
    if node.is_server() {
        error!(Facility::GRP, "{NAME}: a server belongs to its group, and looks at no other");
        return Err(der::NOSYS);
    }
    let group = Group::new(&name, Kind::Primary).ok_or(der::NOMEM)?;
    node.view(&name).map_err(|wrong| wrong_of(NAME, &name, wrong))?;
    let handle = group.as_c();
    lock(&node.user.handles).view = Some(group);
    Ok(handle)
}

fn unview(grp: *mut crt_group_t) -> Result {
    const NAME: &str = "crt_group_view_destroy";
    let node = node(NAME)?;
    let mut handles = lock(&node.user.handles);
    match &handles.view {
        Some(group) if group.as_c() == grp => handles.view = None,
        _ => return Err(invalid(NAME, "this is no view of a group")),
    }
    drop(handles);
    node.unview();
    Ok(())
}

/// # Safety
/// As [`crt_group_primary_rank_add`].
unsafe fn add(grp: *mut crt_group_t, rank: Rank, address: *const c_char) -> Result {
    const NAME: &str = "crt_group_primary_rank_add";
    let node = node(NAME)?;
    // SAFETY: by the caller's promise.
    let (group, address) = unsafe { (Group::of(&node, grp), uri(address)) };
    group.require(NAME, Kind::Primary)?;
    let address = address.ok_or_else(|| invalid(NAME, "there is no URI, the pointer is null"))?;
    node.add(rank, address);
    Ok(())
}

/// # Safety
/// As [`crt_group_lookup`].
unsafe fn lookup(name: crt_group_id_t) -> Result<Option<Arc<Group>>> {
    const NAME: &str = "crt_group_lookup";
    let node = node(NAME)?;
    if name.is_null() {
        return Ok(Some(lock(&node.user.handles).primary.clone()));
    }
    // SAFETY: by the caller's promise.
    let name = init::group_name(NAME, unsafe { text(NAME, name)? })?;
    let handles = lock(&node.user.handles);
    let primaries = handles.view.iter().chain([&handles.primary]);
    let found = primaries.chain(handles.secondaries.get(&name)).find(|group| group.name == name);
    if found.is_none() {
        debug!(Facility::GRP, "there is no group {name}");
    }
    Ok(found.cloned())
}

/// Something of a group, for C.
///
/// # Safety
/// As [`Group::of`] and [`store`].
pub(super) unsafe fn get<T>(
    name: &str,
    grp: *mut crt_group_t,
    place: *mut T,
    value: impl FnOnce(&Node<Shell>, &Group) -> Result<T>,
) -> c_int {
    rc(node(name).and_then(|node| {
        // SAFETY: by the caller's promise.
        unsafe {
            let group = Group::of(&node, grp);
            value(&node, &group).and_then(|value| store(name, place, value))
        }
    }))
}

abi::export! {
    /// `crt_rank_self_set` (crt_group.c): makes `rank` the rank of this engine, which joins at group version
    /// `group_version_min`. Once; 0, or `-DER_INVAL` for no rank, version 0, or a second time.
    pub fn crt_rank_self_set(rank: d_rank_t, group_version_min: u32) -> c_int {
        rc(join(rank, group_version_min))
    }

    /// `crt_rank_uri_get` (crt_group.c): stores where a context of a rank listens, to be freed by `D_FREE`. 0, `-DER_OOG` if
    /// that is not known, `-DER_INVAL`, `-DER_NOMEM`.
    pub unsafe fn crt_rank_uri_get(grp: *mut crt_group_t, rank: d_rank_t, tag: c_int, uri: *mut *mut c_char) -> c_int {
        const NAME: &str = "crt_rank_uri_get";
        let found = node(NAME).and_then(|node| {
            // SAFETY: by the caller's promise.
            unsafe { Group::of(&node, grp) }.require(NAME, Kind::Primary)?;
            let tag = u32::try_from(tag).ok().ok_or_else(|| invalid(NAME, "a context has no negative number"))?;
            node.read(|directory| directory.uri(rank, tag)).ok_or(der::OOG)
        });
        // SAFETY: by the caller's promise.
        rc(found.and_then(|found| unsafe { store_string(NAME, uri, &found) }))
    }

    /// `crt_group_lookup` (crt_group.c): the group of a name, the primary one for null; null if there is none.
    pub unsafe fn crt_group_lookup(grp_id: crt_group_id_t) -> *mut crt_group_t {
        // SAFETY: by the caller's promise.
        match unsafe { lookup(grp_id) } {
            Ok(Some(group)) => group.as_c(),
            Ok(None) | Err(_) => core::ptr::null_mut(),
        }
    }

    /// `crt_group_rank` (crt_group.c): stores the number of this process in a group, null for the primary one; that of a
    /// client, which is alone in its own, is 0. 0, `-DER_NONEXIST` (and `CRT_NO_RANK`) if it has none, `-DER_INVAL`,
    /// `-DER_UNINIT`.
    pub unsafe fn crt_group_rank(grp: *mut crt_group_t, rank: *mut d_rank_t) -> c_int {
        const NAME: &str = "crt_group_rank";
        rc(node(NAME).and_then(|node| {
            // SAFETY: by the caller's promise.
            unsafe {
                let alone = grp.is_null() && !node.is_server();
                let found = if alone { Some(0) } else { Group::of(&node, grp).rank(&node) };
                store(NAME, rank, found.unwrap_or(CRT_NO_RANK))?;
                found.map(drop).ok_or(der::NONEXIST)
            }
        }))
    }

    /// `crt_group_size` (crt_group.c): stores how many members a group has. 0, `-DER_INVAL`, `-DER_UNINIT`.
    pub unsafe fn crt_group_size(grp: *mut crt_group_t, size: *mut u32) -> c_int {
        // SAFETY: by the caller's promise.
        unsafe {
            get("crt_group_size", grp, size, |node, group| Ok(group.members(node)?.0.len() as u32))
        }
    }

    /// `crt_group_version` (crt_group.c): stores the version of a group. 0, `-DER_INVAL`, `-DER_UNINIT`.
    pub unsafe fn crt_group_version(grp: *mut crt_group_t, version: *mut u32) -> c_int {
        // SAFETY: by the caller's promise.
        unsafe { get("crt_group_version", grp, version, |node, group| group.version(node)) }
    }

    /// `crt_group_version_set` (crt_group.c): sets it. 0, `-DER_UNINIT`.
    pub unsafe fn crt_group_version_set(grp: *mut crt_group_t, version: u32) -> c_int {
        const NAME: &str = "crt_group_version_set";
        rc(node(NAME).and_then(|node| {
            // SAFETY: by the caller's promise.
            let group = unsafe { Group::of(&node, grp) };
            let set = node.change(|directory| match group.secondary() {
                None => {
                    directory.set_version(version);
                    Ok(())
                }
                Some(name) => directory.secondary_mut(&name).map(|group| group.set_version(version)),
            });
            set.map_err(|wrong| group.wrong(NAME, wrong))
        }))
    }

    /// `crt_group_ranks_get` (crt_group.c): stores the members of a group, to be freed by `d_rank_list_free`. 0,
    /// `-DER_INVAL`, `-DER_NOMEM`, `-DER_UNINIT`.
    pub unsafe fn crt_group_ranks_get(group: *mut crt_group_t, list: *mut *mut d_rank_list_t) -> c_int {
        const NAME: &str = "crt_group_ranks_get";
        // SAFETY: by the caller's promise; the new list has room for all.
        unsafe {
            get(NAME, group, list, |node, group| {
                let (members, _) = group.members(node)?;
                let copy = abi::d_rank_list_alloc(members.len() as u32);
                if copy.is_null() {
                    return Err(der::NOMEM);
                }
                for (at, &rank) in members.as_slice().iter().enumerate() {
                    (*copy).rl_ranks.add(at).write(rank);
                }
                Ok(copy)
            })
        }
    }

    /// `crt_group_rank_s2p` (crt_group.c): stores the primary rank of a member of a secondary group. 0, `-DER_OOG` for
    /// none, `-DER_INVAL`.
    pub unsafe fn crt_group_rank_s2p(subgrp: *mut crt_group_t, rank_in: d_rank_t, rank_out: *mut d_rank_t) -> c_int {
        const NAME: &str = "crt_group_rank_s2p";
        // SAFETY: by the caller's promise.
        unsafe {
            get(NAME, subgrp, rank_out, |node, group| match group.secondary() {
                None => Ok(rank_in),
                Some(name) => node
                    .read(|directory| directory.secondary(&name).ok()?.primary(rank_in))
                    .ok_or_else(|| group.wrong(NAME, Wrong::NoMember)),
            })
        }
    }

    /// `crt_group_rank_p2s` (crt_group.c): stores the number in a secondary group of a primary rank. 0, `-DER_OOG` for
    /// none, `-DER_INVAL`.
    pub unsafe fn crt_group_rank_p2s(subgrp: *mut crt_group_t, rank_in: d_rank_t, rank_out: *mut d_rank_t) -> c_int {
        const NAME: &str = "crt_group_rank_p2s";
        // SAFETY: by the caller's promise.
        unsafe {
            get(NAME, subgrp, rank_out, |node, group| match group.secondary() {
                None => Ok(rank_in),
                Some(name) => node
                    .read(|directory| directory.secondary(&name).ok()?.secondary(rank_in))
                    .ok_or_else(|| group.wrong(NAME, Wrong::NoMember)),
            })
        }
    }

    /// `crt_group_rank_remove` (crt_group.c): takes a rank out of a group. 0, `-DER_OOG` if it is no member.
    pub unsafe fn crt_group_rank_remove(group: *mut crt_group_t, rank: d_rank_t) -> c_int {
        const NAME: &str = "crt_group_rank_remove";
        rc(node(NAME).and_then(|node| {
            // SAFETY: by the caller's promise.
            let group = unsafe { Group::of(&node, group) };
            let removed = match group.secondary() {
                None => node.remove(rank),
                Some(name) => node.change(|directory| {
                    let group = directory.secondary_mut(&name)?;
                    let primary = group.primary(rank).ok_or(Wrong::NoMember)?;
                    group.primary_left(primary);
                    Ok(())
                }),
            };
            removed.map_err(|wrong| group.wrong(NAME, wrong))
        }))
    }

    /// `crt_group_view_create` (crt_group.c): has a client look at a group of servers, one at a time: of its requests that
    /// name no group they are for. 0, `-DER_NOSYS` for a server, `-DER_BUSY` for a second group, `-DER_INVAL`.
    pub unsafe fn crt_group_view_create(grpid: crt_group_id_t, ret_grp: *mut *mut crt_group_t) -> c_int {
        const NAME: &str = "crt_group_view_create";
        if ret_grp.is_null() {
            return invalid(NAME, "there is no place for the group").rc();
        }
        // SAFETY: not null, and the caller vouches for the rest.
        rc(unsafe { view(grpid).and_then(|group| store(NAME, ret_grp, group)) })
    }

    /// `crt_group_view_destroy` (crt_group.c): ends that. 0 or `-DER_INVAL`.
    pub unsafe fn crt_group_view_destroy(grp: *mut crt_group_t) -> c_int {
        rc(unview(grp))
    }

    /// `crt_group_primary_rank_add` (crt_group.c): adds a rank whose first context listens there. 0 or `-DER_INVAL`.
    pub unsafe fn crt_group_primary_rank_add(
        _ctx: crt_context_t,
        grp: *mut crt_group_t,
        primary_rank: d_rank_t,
        uri: *mut c_char,
    ) -> c_int {
        // SAFETY: by the caller's promise.
        rc(unsafe { add(grp, primary_rank, uri) })
    }

    /// `crt_group_secondary_rank_add` (crt_group.c): adds a primary rank to a secondary group, as `secondary_rank`. 0,
    /// `-DER_EXIST` if there is a member of that number, `-DER_INVAL`.
    pub unsafe fn crt_group_secondary_rank_add(
        grp: *mut crt_group_t,
        secondary_rank: d_rank_t,
        primary_rank: d_rank_t,
    ) -> c_int {
        const NAME: &str = "crt_group_secondary_rank_add";
        rc(node(NAME).and_then(|node| {
            // SAFETY: by the caller's promise.
            let group = unsafe { Group::of(&node, grp) };
            group.require(NAME, Kind::Secondary)?;
            let added = node.change(|directory| {
                let group = directory.secondary_mut(&group.name)?;
                if group.primary(secondary_rank).is_some() {
                    return Err(Wrong::Exists);
                }
                let version = group.version();
                // It can only be refused for having nobody in it.
                let _ = group.modify(Change::Add, &[(secondary_rank, primary_rank)], version);
                Ok(())
            });
            added.map_err(|wrong| group.wrong(NAME, wrong))
        }))
    }

    /// `crt_group_secondary_create` (crt_group.c): makes a group of primary ranks, which may be null; their numbers count
    /// from 0. 0, `-DER_EXIST` for a name that there is, `-DER_INVAL`.
    pub unsafe fn crt_group_secondary_create(
        grp_name: crt_group_id_t,
        primary_grp: *mut crt_group_t,
        ranks: *mut d_rank_list_t,
        ret_grp: *mut *mut crt_group_t,
    ) -> c_int {
        const NAME: &str = "crt_group_secondary_create";
        if ret_grp.is_null() {
            return invalid(NAME, "there is no place for the group").rc();
        }
        // SAFETY: not null, and the caller vouches for the rest.
        rc(unsafe { create(grp_name, primary_grp, ranks).and_then(|group| store(NAME, ret_grp, group)) })
    }

    /// `crt_group_secondary_destroy` (crt_group.c): ends a secondary group. 0 or `-DER_INVAL`.
    pub unsafe fn crt_group_secondary_destroy(grp: *mut crt_group_t) -> c_int {
        // SAFETY: by the caller's promise.
        rc(unsafe { destroy(grp) })
    }

    /// `crt_group_auto_rank_remove` (crt_group.c): whether ranks that leave the primary group leave its secondary groups. 0,
    /// `-DER_UNINIT`.
    pub unsafe fn crt_group_auto_rank_remove(grp: *mut crt_group_t, enable: bool) -> c_int {
        rc(node("crt_group_auto_rank_remove").map(|node| {
            // SAFETY: by the caller's promise.
            if unsafe { Group::of(&node, grp) }.kind == Kind::Primary {
                node.change(|directory| directory.set_auto_remove(enable));
            }
        }))
    }

    /// `crt_group_primary_modify` (crt_group.c): changes the primary group to a later version, and tells who wants to
    /// know. 0, `-DER_GRPVER` if that is no news or this process has no rank yet, `-DER_INVAL`.
    pub unsafe fn crt_group_primary_modify(
        grp: *mut crt_group_t,
        _ctxs: *mut crt_context_t,
        _num_ctxs: c_int,
        ranks: *mut d_rank_list_t,
        incarnations: *mut u64,
        uris: *mut *mut c_char,
        op: crt_group_mod_op_t,
        version: u32,
    ) -> c_int {
        // SAFETY: by the caller's promise.
        rc(unsafe { modify(grp, ranks, incarnations, uris, op, version) })
    }

    /// `crt_group_secondary_modify` (crt_group.c): changes a secondary group. 0 or `-DER_INVAL`.
    pub unsafe fn crt_group_secondary_modify(
        grp: *mut crt_group_t,
        sec_ranks: *mut d_rank_list_t,
        prim_ranks: *mut d_rank_list_t,
        op: crt_group_mod_op_t,
        version: u32,
    ) -> c_int {
        // SAFETY: by the caller's promise.
        rc(unsafe { modify_secondary(grp, sec_ranks, prim_ranks, op, version) })
    }
}
