//! What lies beneath the scheduler in embedded mode: a network that a push can wake, and no NVMe.

mod idle;
pub mod nvme;

pub use idle::Idle;
