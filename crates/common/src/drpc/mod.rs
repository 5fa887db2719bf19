//! The dRPC channel: `common/drpc.c`, and its messages, `common/drpc.pb-c.c`.
//!
//! | module | does |
//! | --- | --- |
//! | [`message`] | calls and responses on the wire: protobuf, through prost |
//! | [`pb_c`] | the same in the memory layout of protobuf-c, with descriptors: the C ABI of `drpc.pb-c.c` |
//! | [`chunk`] | the header that precedes each packet, cutting a message into packets |
//! | [`assembly`] | putting packets together again, from a peer that may send anything |
//! | [`channel`] | the Unix socket: connect, listen, send and receive without blocking an xstream |
//! | [`ffi`] | the C ABI of `drpc.c` |

#[cfg(feature = "drpc-pb-c")]
pub mod message;
#[cfg(feature = "drpc-pb-c")]
pub mod pb_c;
