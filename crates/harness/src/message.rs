//! The messages that travel over dRPC, with DAOS's field numbers.

/// Ids of dRPC modules.
pub mod module {
    /// Reserved for tests in DAOS; here the example module `hello`.
    pub const TEST: i32 = 0;
    /// Calls from daos_server to the engine.
    pub const MGMT: i32 = 2;
    /// Calls from the engine to daos_server.
    pub const SRV: i32 = 3;
}

/// Ids of methods.
pub mod method {
    /// `DRPC_MODULE_MGMT`: gives the engine its rank; body [`SetRank`](super::SetRank).
    pub const SET_RANK: i32 = 202;
    /// `DRPC_MODULE_MGMT`: sets up the modules and lets the engine serve; no body.
    pub const SET_UP: i32 = 209;
    /// `DRPC_MODULE_MGMT`: prepares for an ordered stop; body [`Rank`](super::Rank).
    pub const PREP_SHUTDOWN: i32 = 218;
    /// `DRPC_MODULE_MGMT`: asks whether the engine is alive; body [`Rank`](super::Rank).
    pub const PING_RANK: i32 = 225;
    /// `DRPC_MODULE_MGMT`: tells the engine who belongs to the group; body [`GroupUpdate`](super::GroupUpdate).
    pub const GROUP_UPDATE: i32 = 232;
    /// `DRPC_MODULE_SRV`: something has happened; body [`ClusterEvent`](super::ClusterEvent).
    pub const CLUSTER_EVENT: i32 = 304;
    /// `DRPC_MODULE_SRV`: the engine is there and waits; body [`NotifyReady`](super::NotifyReady).
    pub const NOTIFY_READY: i32 = 301;
}

/// What a dRPC call came to, before its own body says more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum Status {
    /// The method ran.
    Success = 0,
    /// The method will run later.
    Submitted = 1,
    /// The method failed and has no body to say why.
    Failure = 2,
    /// Nobody registered for this module id.
    UnknownModule = 3,
    /// The module does not know this method id.
    UnknownMethod = 4,
    /// The packet is no call.
    FailedUnmarshalCall = 5,
    /// The call's body is not what the method expects.
    FailedUnmarshalPayload = 6,
    /// The answer could not be packed.
    FailedMarshal = 7,
}

/// `drpc.Call`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Call {
    /// See [`module`].
    #[prost(int32, tag = "1")]
    pub module: i32,
    /// See [`method`].
    #[prost(int32, tag = "2")]
    pub method: i32,
    /// Returned in the answer.
    #[prost(int64, tag = "3")]
    pub sequence: i64,
    /// What the method reads.
    #[prost(bytes = "vec", tag = "4")]
    pub body: Vec<u8>,
}

/// `drpc.Response`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Response {
    /// That of the call.
    #[prost(int64, tag = "1")]
    pub sequence: i64,
    /// What the call came to.
    #[prost(enumeration = "Status", tag = "2")]
    pub status: i32,
    /// What the method wrote.
    #[prost(bytes = "vec", tag = "3")]
    pub body: Vec<u8>,
}

/// `srv.NotifyReadyReq`: what the engine tells the control plane once it runs.
#[derive(Clone, PartialEq, prost::Message)]
pub struct NotifyReady {
    /// Where other engines reach it.
    #[prost(string, tag = "1")]
    pub uri: String,
    /// Number of network contexts.
    #[prost(uint32, tag = "2")]
    pub nctxs: u32,
    /// The socket on which it answers calls.
    #[prost(string, tag = "3")]
    pub drpc_listener_sock: String,
    /// Which engine of this machine it is.
    #[prost(uint32, tag = "4")]
    pub instance_idx: u32,
    /// Number of targets.
    #[prost(uint32, tag = "5")]
    pub ntgts: u32,
    /// The time of its start, as a hybrid logical clock.
    #[prost(uint64, tag = "6")]
    pub incarnation: u64,
    /// The same as `uri` for further networks.
    #[prost(string, repeated, tag = "7")]
    pub secondary_uris: Vec<String>,
    /// The same as `nctxs` for further networks.
    #[prost(uint32, repeated, tag = "8")]
    pub secondary_nctxs: Vec<u32>,
    /// It was started to check and repair.
    #[prost(bool, tag = "9")]
    pub check_mode: bool,
}

/// `mgmt.SetRankReq`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SetRank {
    /// The engine's number in the system.
    #[prost(uint32, tag = "1")]
    pub rank: u32,
    /// The version of the system map in which it joined.
    #[prost(uint32, tag = "2")]
    pub map_version: u32,
    /// The version of DAOS on which the system agreed.
    #[prost(uint32, tag = "3")]
    pub daos_version: u32,
}

/// `mgmt.GroupUpdateReq.Engine`: a member of the group.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Member {
    /// Its number in the system.
    #[prost(uint32, tag = "1")]
    pub rank: u32,
    /// Where it is reached.
    #[prost(string, tag = "2")]
    pub uri: String,
    /// Which of its lives this is.
    #[prost(uint64, tag = "3")]
    pub incarnation: u64,
}

/// `mgmt.GroupUpdateReq`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct GroupUpdate {
    /// The version of the system map.
    #[prost(uint32, tag = "1")]
    pub map_version: u32,
    /// Who belongs to the group in this version.
    #[prost(message, repeated, tag = "2")]
    pub engines: Vec<Member>,
}

/// What counts of `shared.RASEvent`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Event {
    /// One of [`event`].
    #[prost(uint32, tag = "1")]
    pub id: u32,
    /// What has happened, for people.
    #[prost(string, tag = "2")]
    pub msg: String,
    /// The rank that it is about.
    #[prost(uint32, tag = "7")]
    pub rank: u32,
    /// Which of its lives.
    #[prost(uint64, tag = "8")]
    pub incarnation: u64,
}

/// Ids of events.
pub mod event {
    /// The failure detector has found a rank dead.
    pub const RANK_DEAD: u32 = 17;
}

/// `shared.ClusterEventReq`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ClusterEvent {
    /// The engine's number of the event.
    #[prost(uint64, tag = "1")]
    pub sequence: u64,
    /// What has happened.
    #[prost(message, optional, tag = "2")]
    pub event: Option<Event>,
}

/// `shared.ClusterEventResp`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ClusterEventSeen {
    /// The engine's number of the event.
    #[prost(uint64, tag = "1")]
    pub sequence: u64,
    /// 0 or `-DER_*`.
    #[prost(int32, tag = "2")]
    pub status: i32,
}

/// `mgmt.PingRankReq` and `mgmt.PrepShutdownReq`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Rank {
    /// The engine's number in the system.
    #[prost(uint32, tag = "1")]
    pub rank: u32,
}

/// `mgmt.DaosResp` and its like: the answer of methods that have nothing to tell but their return code.
#[derive(Clone, PartialEq, prost::Message)]
pub struct DaosResponse {
    /// 0 or `-DER_*`.
    #[prost(int32, tag = "1")]
    pub status: i32,
}
