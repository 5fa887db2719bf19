//! Hash tables of C's records: hash.c.
//!
//! Records are C's. A table chains them by the `d_list_t` in each, and asks its owner's functions to compare,
//! hash, count references and free. [`table`] is the table itself, [`handle`] and [`uuid`] are two that come
//! with keys and reference counts of their own.

mod functions;
mod handle;
mod reference;
mod table;
mod uuid;
