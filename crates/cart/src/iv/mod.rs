//! Incast variables: values that a group shares along a tree. `crt_iv.c`.
//!
//! A *namespace* has classes of variables; a class is a set of callbacks of its user ([`Ops`]), who keeps the
//! values. Each key has a *root*, the rank that the user's `hash` names, and with it a tree over the group.
//!
//! - A **fetch** asks the nearest rank on the way to the root that can answer; on the way back every rank on it
//!   takes the value into its cache. Fetches of one key that meet at a rank become one.
//! - An **update** climbs towards the root until a rank takes it, then its origin spreads it over the tree to all
//!   others: before it completes (*eager*), after (*lazy*), or not at all. An **invalidation** is an update without a
//!   value. A *bidirectional* update comes back with the value that the root made of it, to those on the way only.
//! - Ranks work together only at the same version of the group; otherwise a request fails with `-DER_GRPVER`, and
//!   whoever made it tries again when the news has reached him.
//!
//! [`Namespace`] is one rank's part in this, as a value. It calls its user through [`Ops`] and the network through
//! [`Fabric`], and holds no lock while it does: both may yield, and may come back.

mod in_progress;
mod namespace;
#[cfg(test)]
mod tests;

pub use namespace::{Completion, Id, Namespace};

use gurt_client::Result;

use crate::Rank;
use crate::group::Members;

/// What a value is asked of the user for: bits of `crt_iv_perm_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// To be read: [`Ops::fetch`] follows.
    Read,
    /// To be written: [`Ops::update`] or [`Ops::refresh`] follows.
    Write,
    /// To be read from other buffers: `CRT_IV_PERM_READ | CRT_IV_NO_ALLOC`.
    Borrowed,
}

/// The news that a refresh brings.
#[derive(Debug)]
pub enum News<'a, V> {
    /// A value.
    Value(&'a mut V),
    /// That there is a new one (`CRT_IV_SYNC_EVENT_NOTIFY`).
    Changed,
    /// That it is not valid any more.
    Invalid,
    /// That the fetch or the bidirectional update failed.
    Failed(gurt_client::Der),
}

/// What the user does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is done here.
    Done,
    /// It goes on to the parent: `-DER_IVCB_FORWARD`.
    Forward,
}

/// The user's callbacks of a class: `struct crt_iv_ops`. What [`get`](Self::get) gives, [`put`](Self::put) takes
/// back exactly once.
pub trait Ops: Send + Sync + 'static {
    /// A value: `d_sg_list_t`.
    type Value: Send;
    /// What the user remembers between `get` and `put`: `void *`.
    type Private: Copy + Send;

    /// The root of a key. May not yield. (`ivo_on_hash`)
    fn hash(&self, key: &[u8]) -> Result<Rank>;
    /// Buffers for a value. (`ivo_on_get`)
    fn get(&self, key: &[u8], access: Access) -> Result<(Self::Value, Self::Private)>;
    /// The same where there are buffers already: at the origin of an update, and for a spread.
    fn get_private(&self, key: &[u8], access: Access) -> Result<Self::Private>;
    /// Takes them back. (`ivo_on_put`)
    fn put(&self, value: Option<Self::Value>, private: Self::Private);
    /// Reads the value, `merged` with another fetch of the key. (`ivo_on_fetch`)
    fn fetch(
        &self,
        key: &[u8],
        merged: bool,
        value: &mut Self::Value,
        private: Self::Private,
    ) -> Result<Answer>;
    /// Takes a value on its way to the root, which `is_root` says has been reached. (`ivo_on_update`)
    fn update(
        &self,
        key: &[u8],
        is_root: bool,
        value: &mut Self::Value,
        private: Self::Private,
    ) -> Result<Answer>;
    /// Takes news. Without `private` nothing was asked for with `get`. (`ivo_on_refresh`)
    fn refresh(
        &self,
        key: &[u8],
        news: News<'_, Self::Value>,
        private: Option<Self::Private>,
    ) -> Result<Answer>;
    /// Before a rank passes a value on to its children. (`ivo_pre_sync`)
    fn before_spread(
        &self,
        _key: &[u8],
        _value: Option<&mut Self::Value>,
        _private: Self::Private,
    ) -> Result {
        Ok(())
    }
    /// Whether [`before_spread`](Self::before_spread) does anything.
    fn wants_before_spread(&self) -> bool {
        false
    }
    /// Runs the handling of another rank's request, at once or in a ULT. (`ivo_pre_fetch`, `ivo_pre_update`,
    /// `ivo_pre_refresh`)
    fn handle(&self, _kind: Kind, _key: &[u8], handler: Box<dyn FnOnce() + Send>) {
        handler();
    }
    /// Whether two keys are the same, for users that compare in a way of their own. (`ivo_keys_match`)
    fn same(&self, one: &[u8], other: &[u8]) -> bool {
        one == other
    }
    /// Whether [`same`](Self::same) is equality of bytes, so that keys can be looked up at once.
    fn compares_bytes(&self) -> bool {
        true
    }
}

/// The kinds of requests between ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `CRT_OPC_IV_FETCH`.
    Fetch,
    /// `CRT_OPC_IV_UPDATE`.
    Update,
    /// `CRT_OPC_IV_SYNC`.
    Sync,
}

/// When the others hear of an update: `crt_iv_sync_mode_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Never.
    None,
    /// Before the update completes.
    Eager,
    /// When it has completed.
    Lazy,
}

/// What the others hear of an update: `crt_iv_sync_event_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The value.
    Update,
    /// That there is a new one.
    Notify,
}

/// How an update spreads: `crt_iv_sync_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncPolicy {
    /// When the others hear of it.
    pub mode: Mode,
    /// What they hear.
    pub event: Event,
    /// Whether the value comes back from the root: `CRT_IV_SYNC_BIDIRECTIONAL`.
    pub bidirectional: bool,
    /// Whether a rank that does not have the namespace is to make much of that: `CRT_IV_SYNC_FLAG_NS_ERRORS_FATAL`.
    pub expects_namespace: bool,
}

/// The way to the root: `crt_iv_shortcut_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortcut {
    /// Along the tree.
    None,
    /// Directly.
    ToRoot,
}

/// The group as a rank sees it at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// Its version, which goes with its members.
    pub version: u32,
    /// This rank, once it has joined.
    pub me: Option<Rank>,
}

/// What every request carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The namespace.
    pub namespace: Id,
    /// The version of the group at the sender.
    pub version: u32,
    /// The class.
    pub class: u32,
    /// The key.
    pub key: Vec<u8>,
    /// The root; of no meaning for a spread.
    pub root: Rank,
    /// Where an update began.
    pub origin: Rank,
    /// How an update spreads.
    pub sync: Option<SyncPolicy>,
}

/// Called when a request has been answered or has failed; gives back the value that went with it.
pub type Done<V> = Box<dyn FnOnce(Result, V) + Send>;

/// What a namespace needs of the network beneath. Every request that came in is answered once, and every completion
/// called once, before the function returns if nothing could be sent.
pub trait Fabric: Send + Sync + 'static {
    /// A value: `d_sg_list_t`.
    type Value: Send;
    /// A request that came in.
    type Incoming: Send;

    /// The group of the namespace.
    fn view(&self) -> View;
    /// Its version alone, which is asked for more often.
    fn version(&self) -> u32 {
        self.view().version
    }
    /// Its members, as they are now.
    fn members(&self) -> Members;
    /// Asks `to` for a value, which the answer fills.
    fn fetch(&self, to: Rank, header: &Header, value: Self::Value, done: Done<Self::Value>);
    /// Sends `to` an update; no value for an invalidation. The answer to a bidirectional one fills the value.
    fn update(&self, to: Rank, header: &Header, value: Option<Self::Value>, done: Done<Option<Self::Value>>);
    /// Tells all others, along a tree whose root this rank is.
    fn spread(&self, header: &Header, value: Option<Self::Value>, done: Done<Option<Self::Value>>);
    /// The same without waiting for what comes of it; takes a copy of the value before it returns.
    fn spread_copy(&self, header: &Header, value: Option<&mut Self::Value>) -> Result;

    /// Fills a value from an update that came in.
    fn receive(
        &self,
        incoming: Self::Incoming,
        value: Self::Value,
        done: Box<dyn FnOnce(Received<Self>) + Send>,
    ) where
        Self: Sized;
    /// Answers with a result only.
    fn answer(&self, incoming: Self::Incoming, result: Result);
    /// Answers with a value, and gives it back when it is not needed any more.
    fn answer_with(
        &self,
        incoming: Self::Incoming,
        value: Self::Value,
        done: Box<dyn FnOnce(Self::Value) + Send>,
    );
    /// Whether there is a value with an update or a spread that came in; an invalidation has none.
    fn has_value(&self, incoming: &Self::Incoming) -> bool;
    /// The value of a spread that came in.
    fn spread_value(&self, incoming: &mut Self::Incoming) -> Result<Self::Value>;
}

/// An update that came in, its value, and whether that came along with it. If not, it was fetched in the meantime,
/// and who handles the update now is not the one who was called with it.
pub struct Received<F: Fabric> {
    /// The update.
    pub incoming: F::Incoming,
    /// Whether the value is there.
    pub result: Result,
    /// The value.
    pub value: F::Value,
    /// Whether it came along.
    pub at_once: bool,
}
