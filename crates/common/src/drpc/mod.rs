//! The dRPC channel: `common/drpc.c`, and its messages, `common/drpc.pb-c.c`.
//!
//! | module | does |
//! | --- | --- |
//! | [`pb_c`] | calls and responses in the memory layout of protobuf-c, with descriptors: the C ABI of `drpc.pb-c.c` |
//! | [`chunk`] | the header that precedes each packet, cutting a message into packets |
//! | [`assembly`] | putting packets together again, from a peer that may send anything |
//! | `unfinished` | what a session has received or sent in part |
//! | [`channel`] | the Unix socket: connect, listen, send and receive without blocking an xstream |
//! | [`ffi`] | the C ABI of `drpc.c` |

#[cfg(feature = "drpc")]
pub mod assembly;
#[cfg(feature = "drpc")]
pub mod channel;
#[cfg(feature = "drpc")]
pub mod chunk;
#[cfg(feature = "drpc")]
pub mod ffi;
#[cfg(feature = "drpc-pb-c")]
pub mod pb_c;
#[cfg(feature = "drpc")]
mod unfinished;
