//! `daos/drpc_modules.h`: ids of dRPC modules and methods.

use core::ffi::c_uint;

/// For tests.
pub const DRPC_MODULE_TEST: drpc_module = 0;
/// The agent's security module.
pub const DRPC_MODULE_SEC_AGENT: drpc_module = 1;
/// The engine's management module.
pub const DRPC_MODULE_MGMT: drpc_module = 2;
/// The control plane on the server.
pub const DRPC_MODULE_SRV: drpc_module = 3;
/// The control plane's security module.
pub const DRPC_MODULE_SEC: drpc_module = 4;
/// Number of modules.
pub const NUM_DRPC_MODULES: drpc_module = 5;

/// Modules that answer dRPC calls.
pub type drpc_module = c_uint;

/// Give a client its credentials.
pub const DRPC_METHOD_SEC_AGENT_REQUEST_CREDS: drpc_sec_agent_method = 101;
/// Behind the last.
pub const NUM_DRPC_SEC_AGENT_METHODS: drpc_sec_agent_method = 102;

/// Methods of `DRPC_MODULE_SEC_AGENT`.
pub type drpc_sec_agent_method = c_uint;

/// End the engine at once.
pub const DRPC_METHOD_MGMT_KILL_RANK: drpc_mgmt_method = 201;
/// Tell the engine its rank.
pub const DRPC_METHOD_MGMT_SET_RANK: drpc_mgmt_method = 202;
/// How clients reach the engines.
pub const DRPC_METHOD_MGMT_GET_ATTACH_INFO: drpc_mgmt_method = 206;
/// Create a pool.
pub const DRPC_METHOD_MGMT_POOL_CREATE: drpc_mgmt_method = 207;
/// Destroy a pool.
pub const DRPC_METHOD_MGMT_POOL_DESTROY: drpc_mgmt_method = 208;
/// Set the modules up.
pub const DRPC_METHOD_MGMT_SET_UP: drpc_mgmt_method = 209;
/// Health of a device.
pub const DRPC_METHOD_MGMT_BIO_HEALTH_QUERY: drpc_mgmt_method = 210;
/// Devices of the engine.
pub const DRPC_METHOD_MGMT_SMD_LIST_DEVS: drpc_mgmt_method = 211;
/// Pools of the devices.
pub const DRPC_METHOD_MGMT_SMD_LIST_POOLS: drpc_mgmt_method = 212;
/// Get a pool's access control list.
pub const DRPC_METHOD_MGMT_POOL_GET_ACL: drpc_mgmt_method = 213;
/// Replace a pool's access control list.
pub const DRPC_METHOD_MGMT_POOL_OVERWRITE_ACL: drpc_mgmt_method = 215;
/// Change entries of a pool's access control list.
pub const DRPC_METHOD_MGMT_POOL_UPDATE_ACL: drpc_mgmt_method = 216;
/// Delete an entry of a pool's access control list.
pub const DRPC_METHOD_MGMT_POOL_DELETE_ACL: drpc_mgmt_method = 217;
/// Prepare to stop.
pub const DRPC_METHOD_MGMT_PREP_SHUTDOWN: drpc_mgmt_method = 218;
/// Set a device faulty.
pub const DRPC_METHOD_MGMT_DEV_SET_FAULTY: drpc_mgmt_method = 220;
/// Replace a device.
pub const DRPC_METHOD_MGMT_DEV_REPLACE: drpc_mgmt_method = 221;
/// Containers of a pool.
pub const DRPC_METHOD_MGMT_LIST_CONTAINERS: drpc_mgmt_method = 222;
/// State of a pool.
pub const DRPC_METHOD_MGMT_POOL_QUERY: drpc_mgmt_method = 223;
/// Set a property of a pool.
pub const DRPC_METHOD_MGMT_POOL_SET_PROP: drpc_mgmt_method = 224;
/// Answer if alive.
pub const DRPC_METHOD_MGMT_PING_RANK: drpc_mgmt_method = 225;
/// Take targets back into a pool.
pub const DRPC_METHOD_MGMT_POOL_REINT: drpc_mgmt_method = 226;
/// Give a container to somebody.
pub const DRPC_METHOD_MGMT_CONT_SET_OWNER: drpc_mgmt_method = 227;
/// Exclude targets from a pool.
pub const DRPC_METHOD_MGMT_POOL_EXCLUDE: drpc_mgmt_method = 228;
/// Add ranks to a pool.
pub const DRPC_METHOD_MGMT_POOL_EXTEND: drpc_mgmt_method = 229;
/// Close the connections to a pool.
pub const DRPC_METHOD_MGMT_POOL_EVICT: drpc_mgmt_method = 230;
/// Move the data of targets away.
pub const DRPC_METHOD_MGMT_POOL_DRAIN: drpc_mgmt_method = 231;
/// Tell the ranks of the system.
pub const DRPC_METHOD_MGMT_GROUP_UPDATE: drpc_mgmt_method = 232;
/// A client has ended.
pub const DRPC_METHOD_MGMT_NOTIFY_EXIT: drpc_mgmt_method = 233;
/// A client has connected to a pool.
pub const DRPC_METHOD_MGMT_NOTIFY_POOL_CONNECT: drpc_mgmt_method = 235;
/// A client has disconnected from a pool.
pub const DRPC_METHOD_MGMT_NOTIFY_POOL_DISCONNECT: drpc_mgmt_method = 236;
/// Get properties of a pool.
pub const DRPC_METHOD_MGMT_POOL_GET_PROP: drpc_mgmt_method = 237;
/// Set the masks of the log.
pub const DRPC_METHOD_MGMT_SET_LOG_MASKS: drpc_mgmt_method = 238;
/// Upgrade a pool's durable format.
pub const DRPC_METHOD_MGMT_POOL_UPGRADE: drpc_mgmt_method = 239;
/// State of targets of a pool.
pub const DRPC_METHOD_MGMT_POOL_QUERY_TARGETS: drpc_mgmt_method = 240;
/// Set or read the LED of a device.
pub const DRPC_METHOD_MGMT_LED_MANAGE: drpc_mgmt_method = 241;
/// Start the checker.
pub const DRPC_METHOD_MGMT_CHK_START: drpc_mgmt_method = 242;
/// Stop the checker.
pub const DRPC_METHOD_MGMT_CHK_STOP: drpc_mgmt_method = 243;
/// State of the checker.
pub const DRPC_METHOD_MGMT_CHK_QUERY: drpc_mgmt_method = 244;
/// Properties of the checker.
pub const DRPC_METHOD_MGMT_CHK_PROP: drpc_mgmt_method = 245;
/// What to do about something that the checker has found.
pub const DRPC_METHOD_MGMT_CHK_ACT: drpc_mgmt_method = 246;
/// Prepare a client's telemetry.
pub const DRPC_METHOD_MGMT_SETUP_CLIENT_TELEM: drpc_mgmt_method = 247;
/// State of the ranks as the engine sees them.
pub const DRPC_METHOD_MGMT_GROUP_STATUS_GET: drpc_mgmt_method = 248;
/// Set what the checker does.
pub const DRPC_METHOD_MGMT_CHK_SET_POLICY: drpc_mgmt_method = 249;
/// Start a rebuild.
pub const DRPC_METHOD_MGMT_POOL_REBUILD_START: drpc_mgmt_method = 250;
/// Stop a rebuild.
pub const DRPC_METHOD_MGMT_POOL_REBUILD_STOP: drpc_mgmt_method = 251;
/// Look again whether a pool must heal itself.
pub const DRPC_METHOD_MGMT_POOL_SELF_HEAL_EVAL: drpc_mgmt_method = 252;
/// Behind the last.
pub const NUM_DRPC_MGMT_METHODS: drpc_mgmt_method = 253;

/// Methods of `DRPC_MODULE_MGMT`.
pub type drpc_mgmt_method = c_uint;

/// The engine is ready for its rank.
pub const DRPC_METHOD_SRV_NOTIFY_READY: drpc_srv_method = 301;
/// Ranks that serve a pool.
pub const DRPC_METHOD_SRV_GET_POOL_SVC: drpc_srv_method = 303;
/// An event for the administrator.
pub const DRPC_METHOD_SRV_CLUSTER_EVENT: drpc_srv_method = 304;
/// Find a pool by its label.
pub const DRPC_METHOD_SRV_POOL_FIND_BYLABEL: drpc_srv_method = 305;
/// Pools that the checker is to look at.
pub const DRPC_METHOD_CHK_LIST_POOL: drpc_srv_method = 306;
/// The checker has found a pool.
pub const DRPC_METHOD_CHK_REG_POOL: drpc_srv_method = 307;
/// The checker drops a pool.
pub const DRPC_METHOD_CHK_DEREG_POOL: drpc_srv_method = 308;
/// What the checker has found.
pub const DRPC_METHOD_CHK_REPORT: drpc_srv_method = 309;
/// All pools.
pub const DRPC_METHOD_SRV_LIST_POOLS: drpc_srv_method = 310;
/// Properties of the system.
pub const DRPC_METHOD_SRV_GET_SYS_PROPS: drpc_srv_method = 311;
/// Behind the last.
pub const NUM_DRPC_SRV_METHODS: drpc_srv_method = 312;

/// Methods of `DRPC_MODULE_SRV`.
pub type drpc_srv_method = c_uint;

/// Check the credentials of a client.
pub const DRPC_METHOD_SEC_VALIDATE_CREDS: drpc_sec_method = 401;
/// Behind the last.
pub const NUM_DRPC_SEC_METHODS: drpc_sec_method = 402;

/// Methods of `DRPC_MODULE_SEC`.
pub type drpc_sec_method = c_uint;
