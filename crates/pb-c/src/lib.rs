//! Messages in the memory layout of protobuf-c, from a table of their fields.
//!
//! For each message of a `.proto` file protoc-c generates a C structure, a descriptor that says how it lies in memory
//! and on the wire, and seven functions. Structures and declarations are in `abi`; [`messages!`] makes the rest:
//!
//! ```ignore
//! pb_c::messages! {
//!     package "srv";
//!
//!     Srv__GetPoolSvcResp "srv.GetPoolSvcResp" {
//!         status: int32 = 1,
//!         svcreps [n_svcreps]: uint32 = 2,
//!     }
//!     functions srv__get_pool_svc_resp__init srv__get_pool_svc_resp__get_packed_size … ;
//!     descriptor srv__get_pool_svc_resp__descriptor;
//! }
//! ```
//!
//! The descriptors are those that protoc-c would generate, so libprotobuf-c's generic functions
//! (`protobuf_c_message_unpack`, …) work by them. The functions work by them as well, without libprotobuf-c and by its
//! rules: memory is the caller's allocator's (malloc and free without one), bytes without content are null, the last
//! of several values of a field wins, messages merge, and unknown fields are kept and written back. They also follow
//! descriptors of others, of messages within ours.
//!
//! | module | does |
//! | --- | --- |
//! | `wire` | fields on the wire: keys, varints, lengths |
//! | `memory` | fields in memory: where they are, whether they are there, their values |
//! | [`codec`] | between the two: pack, unpack, free |
//! | [`descriptor`] | the tables |

pub mod codec;
pub mod descriptor;
mod memory;
mod wire;

#[doc(hidden)]
pub use abi;
pub use wire::MAX_UNKNOWN;
