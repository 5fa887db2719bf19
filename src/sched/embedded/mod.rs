//! What lies beneath the scheduler in embedded mode: neither a network nor NVMe to be polled.

mod idle;
pub mod nvme;

pub use idle::Idle;
