//! What lies beneath the scheduler over DAOS's libraries: CaRT, which has to be polled, and NVMe.

mod idle;
pub mod nvme;

pub use idle::Idle;
