//! What units wait on. Every object serves ULTs of any execution stream and plain OS threads alike.

pub(crate) mod cond;
pub(crate) mod eventual;
pub(crate) mod future;
pub(crate) mod mutex;
pub(crate) mod rwlock;
pub(crate) mod timer;
pub(crate) mod waiter;
