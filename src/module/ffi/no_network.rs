//! RPC protocols, in an engine without a network: modules that have some are not loaded.

use abi::dss_module;
use gurt_client::Result;

/// Whether modules may bring RPC protocols.
pub const AVAILABLE: bool = false;

/// Registers a module's protocol, which has no format, and thus no RPCs.
///
/// # Safety
/// None is needed.
pub unsafe fn register_protocol(_module: &dss_module, _index: usize) -> Result {
    Ok(())
}
