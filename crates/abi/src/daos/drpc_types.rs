//! `daos/drpc_types.h`: how a dRPC message is cut into packets.

/// Most bytes of a packet on the socket, header included.
pub const UNIXCOMM_MAXMSGSIZE: u32 = 131072;

/// `struct drpc_header`: begins each packet of a dRPC message; in the byte order of the machine.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct drpc_header {
    /// Bytes of the whole message.
    pub total_data_size: usize,
    /// Bytes of it in this packet.
    pub chunk_data_size: usize,
    /// Position of this packet, from 0.
    pub chunk_idx: u32,
    /// Packets of the message.
    pub total_chunks: u32,
}
