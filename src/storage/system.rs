//! VOS is linked in.

use super::{AggGap, PoolCreate, PoolOpen, PoolQuerySpace};

/// `vos_pool_create`.
pub fn pool_create() -> Option<PoolCreate> {
    Some(abi::vos_pool_create)
}

/// `vos_pool_open`.
pub fn pool_open() -> Option<PoolOpen> {
    Some(abi::vos_pool_open)
}

/// `vos_pool_query_space`.
pub fn pool_query_space() -> Option<PoolQuerySpace> {
    Some(abi::vos_pool_query_space)
}

/// `vos_get_agg_gap`.
pub fn agg_gap() -> Option<AggGap> {
    Some(abi::vos_get_agg_gap)
}
