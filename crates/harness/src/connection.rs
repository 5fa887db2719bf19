//! The dRPC channel: messages over a `SOCK_SEQPACKET` socket, cut into packets with a header each.

use crate::message::{Call, Response};
use prost::Message;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType};
use rustix::net::{connect, recv, send, socket_with};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

/// The largest packet on the channel, its header included.
pub const MAX_PACKET: usize = 1 << 17;
/// The length of the header of each packet.
pub const HEADER_LEN: usize = 24;

/// What a packet says about itself and its message. On the wire: two 8-byte and two 4-byte numbers in the
/// machine's byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The length of the whole message.
    pub total_data_size: u64,
    /// The length of the piece that follows this header.
    pub chunk_data_size: u64,
    /// The piece's number, from 0.
    pub chunk_index: u32,
    /// The number of pieces.
    pub total_chunks: u32,
}

impl Header {
    /// The packet made of this header and `data`, whether or not the two agree.
    pub fn packet(self, data: &[u8]) -> Vec<u8> {
        let mut packet = Vec::with_capacity(HEADER_LEN + data.len());
        packet.extend(self.total_data_size.to_ne_bytes());
        packet.extend(self.chunk_data_size.to_ne_bytes());
        packet.extend(self.chunk_index.to_ne_bytes());
        packet.extend(self.total_chunks.to_ne_bytes());
        packet.extend(data);
        packet
    }

    /// Splits a packet into its header and its data.
    fn parse(packet: &[u8]) -> io::Result<(Self, &[u8])> {
        let (header, data) =
            packet.split_first_chunk::<HEADER_LEN>().ok_or_else(|| bad("a packet without header"))?;
        let wide = |at: usize| u64::from_ne_bytes(std::array::from_fn(|i| header[at + i]));
        let narrow = |at: usize| u32::from_ne_bytes(std::array::from_fn(|i| header[at + i]));
        let header = Self {
            total_data_size: wide(0),
            chunk_data_size: wide(8),
            chunk_index: narrow(16),
            total_chunks: narrow(20),
        };
        if header.chunk_data_size != data.len() as u64 {
            return Err(bad("a packet whose length is not what its header says"));
        }
        Ok((header, data))
    }
}

/// One end of a dRPC connection.
pub struct Connection {
    socket: OwnedFd,
    sequence: i64,
}

impl Connection {
    /// Connects to the listener at `path`. No later operation on the connection takes longer than `limit`.
    pub fn open(path: &Path, limit: Duration) -> io::Result<Self> {
        let socket = new_socket()?;
        connect(&socket, &SocketAddrUnix::new(path)?)?;
        Self::over(socket, limit)
    }

    /// Makes a connection of an accepted socket.
    pub(crate) fn over(socket: OwnedFd, limit: Duration) -> io::Result<Self> {
        set_socket_timeout(&socket, Timeout::Recv, Some(limit))?;
        set_socket_timeout(&socket, Timeout::Send, Some(limit))?;
        Ok(Self { socket, sequence: 0 })
    }

    /// Calls a method and returns its answer; the answer to another call is an error.
    pub fn call(&mut self, module: i32, method: i32, body: Vec<u8>) -> io::Result<Response> {
        self.sequence += 1;
        let call = Call { module, method, sequence: self.sequence, body };
        let response = self.exchange(&call)?;
        if response.sequence != call.sequence {
            return Err(bad("the answer to another call"));
        }
        Ok(response)
    }

    /// Sends `call` as it is and returns whatever answer comes.
    pub fn exchange(&mut self, call: &Call) -> io::Result<Response> {
        self.send(&call.encode_to_vec())?;
        Response::decode(self.receive()?.as_slice()).map_err(|error| bad(error.to_string()))
    }

    /// Sends one message in as many packets as it needs.
    pub fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let pieces: Vec<&[u8]> = match message {
            [] => vec![&[]],
            message => message.chunks(MAX_PACKET - HEADER_LEN).collect(),
        };
        for (index, piece) in pieces.iter().enumerate() {
            let header = Header {
                total_data_size: message.len() as u64,
                chunk_data_size: piece.len() as u64,
                chunk_index: index as u32,
                total_chunks: pieces.len() as u32,
            };
            self.send_packet(&header.packet(piece))?;
        }
        Ok(())
    }

    /// Sends one packet, well-formed or not.
    pub fn send_packet(&mut self, packet: &[u8]) -> io::Result<()> {
        let sent = send(&self.socket, packet, SendFlags::NOSIGNAL)?;
        if sent == packet.len() { Ok(()) } else { Err(bad("a packet that went out in part")) }
    }

    /// Receives one message. The peer's end of the connection is [`io::ErrorKind::UnexpectedEof`], its silence
    /// [`io::ErrorKind::WouldBlock`].
    pub fn receive(&mut self) -> io::Result<Vec<u8>> {
        let mut message = Vec::new();
        let mut packet = vec![0; MAX_PACKET];
        for expected in 0.. {
            let (_, length) = recv(&self.socket, packet.as_mut_slice(), RecvFlags::empty())?;
            if length == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let (header, data) = Header::parse(&packet[..length])?;
            if header.chunk_index != expected {
                return Err(bad("a packet out of order"));
            }
            message.extend(data);
            if header.chunk_index + 1 == header.total_chunks {
                break;
            }
        }
        Ok(message)
    }
}

/// A socket of the channel's kind.
pub(crate) fn new_socket() -> io::Result<OwnedFd> {
    Ok(socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

fn bad(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::socketpair;

    fn pair() -> (Connection, Connection) {
        let (a, b) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
        let limit = Duration::from_secs(20);
        (Connection::over(a, limit).unwrap(), Connection::over(b, limit).unwrap())
    }

    #[test]
    fn messages_of_all_lengths_arrive_whole() {
        let (mut a, mut b) = pair();
        let piece = MAX_PACKET - HEADER_LEN;
        for length in [0, 1, piece - 1, piece, piece + 1, 5 * piece + 7] {
            let message: Vec<u8> = (0..length).map(|i| i as u8).collect();
            std::thread::scope(|scope| {
                scope.spawn(|| a.send(&message).unwrap());
                assert_eq!(b.receive().unwrap(), message);
            });
        }
    }

    #[test]
    fn a_packet_that_contradicts_its_header_is_refused() {
        let (mut a, mut b) = pair();
        let header = Header { total_data_size: 9, chunk_data_size: 9, chunk_index: 0, total_chunks: 1 };
        a.send_packet(&header.packet(b"short")).unwrap();
        assert_eq!(b.receive().unwrap_err().kind(), io::ErrorKind::InvalidData);
        a.send_packet(b"no header").unwrap();
        assert_eq!(b.receive().unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_closed_peer_is_told_from_a_silent_one() {
        let (a, mut b) = pair();
        drop(a);
        assert_eq!(b.receive().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        let (a, b) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
        let mut silent = Connection::over(b, Duration::from_millis(10)).unwrap();
        assert_eq!(silent.receive().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(a);
    }
}
