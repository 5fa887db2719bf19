//! The inside of the DAOS I/O engine, behind the C ABI of DAOS.
