//! A session of the dRPC server against a peer that sends anything: the C ABI of `drpc.c` over a socket pair.

use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd};
use std::{io, ptr};

use common::drpc::chunk::{HEADER, Header, MAX_DATA};
use common::drpc::ffi::{
    drpc_accept, drpc_call_free, drpc_close, drpc_recv_call, drpc_response_create, drpc_response_free,
    drpc_send_response,
};
use proptest::prelude::*;
use prost::Message;

// Who provides the symbols beneath.
extern crate gurt as _;

/// `drpc.Call`.
#[derive(Clone, PartialEq, prost::Message)]
struct Call {
    #[prost(int32, tag = "1")]
    module: i32,
    #[prost(int32, tag = "2")]
    method: i32,
    #[prost(int64, tag = "3")]
    sequence: i64,
    #[prost(bytes = "vec", tag = "4")]
    body: Vec<u8>,
}

/// `drpc.Response`.
#[derive(Clone, PartialEq, prost::Message)]
struct Response {
    #[prost(int64, tag = "1")]
    sequence: i64,
    #[prost(int32, tag = "2")]
    status: i32,
    #[prost(bytes = "vec", tag = "3")]
    body: Vec<u8>,
}

const AGAIN: i32 = -(abi::DER_AGAIN as i32);

unsafe extern "C" fn nobody(_: *mut abi::Drpc__Call, _: *mut abi::Drpc__Response) {}

unsafe extern "C" fn yield_now() -> i32 {
    0
}

/// A session that never waits, and the peer's end.
struct Pair {
    session: *mut abi::drpc,
    peer: OwnedFd,
}

impl Pair {
    fn new() -> Self {
        use std::os::fd::FromRawFd;
        let mut fds = [0; 2];
        // SAFETY: two descriptors are written, which are ours then.
        let [ours, peer] = unsafe {
            let rc = libc::socketpair(libc::AF_UNIX, libc::SOCK_SEQPACKET, 0, fds.as_mut_ptr());
            assert_eq!(rc, 0, "{}", io::Error::last_os_error());
            fds.map(|fd| OwnedFd::from_raw_fd(fd))
        };
        let comm = abi::unixcomm { fd: ours.into_raw_fd(), flags: 0 };
        let comm = gurt_client::alloc::boxed(comm).expect("memory").as_ptr();
        let session =
            abi::drpc { comm, sequence: 0, ref_count: 1, handler: Some(nobody), yield_: Some(yield_now) };
        Pair { session: gurt_client::alloc::boxed(session).expect("memory").as_ptr(), peer }
    }

    fn send(&self, packet: &[u8]) {
        // SAFETY: that many bytes.
        unsafe {
            libc::send(self.peer.as_raw_fd(), packet.as_ptr().cast(), packet.len(), libc::MSG_NOSIGNAL)
        };
    }

    /// The next call's sequence number and length of body, or the code.
    fn receive(&self) -> Result<(i64, usize), i32> {
        let mut call = ptr::null_mut();
        // SAFETY: a live session; the call is ours when there is one.
        unsafe {
            match drpc_recv_call(self.session, &raw mut call) {
                0 => {
                    let received = ((*call).sequence, (*call).body.len);
                    drpc_call_free(call);
                    Ok(received)
                }
                rc => Err(rc),
            }
        }
    }

    /// Sends a response as often as it takes; the code when that fails.
    fn respond(&self, sequence: i64, body: &[u8]) -> i32 {
        // SAFETY: a live session; the response is ours, and its body only lent.
        unsafe {
            let response = drpc_response_create(ptr::null_mut());
            (*response).sequence = sequence;
            (*response).body.data = body.as_ptr().cast_mut();
            (*response).body.len = body.len();
            let rc = loop {
                match drpc_send_response(self.session, response) {
                    AGAIN => continue,
                    rc => break rc,
                }
            };
            (*response).body.data = ptr::null_mut();
            drpc_response_free(response);
            rc
        }
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        // SAFETY: the last reference.
        assert_eq!(unsafe { drpc_close(self.session) }, 0);
    }
}

fn packet(total: u64, len: u64, index: u32, count: u32, data: &[u8]) -> Vec<u8> {
    let mut packet = Header { total, len, index, count }.to_bytes().to_vec();
    packet.extend_from_slice(data);
    packet
}

/// A call as its packets.
fn packets(call: &Call) -> Vec<Vec<u8>> {
    let wire = call.encode_to_vec();
    let (total, count) = (wire.len() as u64, wire.len().div_ceil(MAX_DATA).max(1) as u32);
    if wire.is_empty() {
        return vec![packet(0, 0, 0, 1, &[])];
    }
    (0..)
        .zip(wire.chunks(MAX_DATA))
        .map(|(i, data)| packet(total, data.len() as u64, i, count, data))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Calls of any size are received, whenever their packets come.
    #[test]
    fn calls_are_received(
        calls in proptest::collection::vec((any::<i64>(), 0..4 * MAX_DATA), 1..4), early in 0..2usize,
    ) {
        let pair = Pair::new();
        for (sequence, len) in calls {
            let body = vec![7; len];
            let call = Call { module: 1, method: -1, sequence, body };
            let packets = packets(&call);
            for (i, packet) in packets.iter().enumerate() {
                pair.send(packet);
                // Every other time the session looks too early. The socket has room for two packets.
                if i + 1 < packets.len() && i % 2 == early {
                    prop_assert_eq!(pair.receive(), Err(AGAIN));
                }
            }
            prop_assert_eq!(pair.receive(), Ok((sequence, len)));
        }
        prop_assert_eq!(pair.receive(), Err(AGAIN));
    }

    /// Any packets: each is taken or refused, nothing waits, and nothing is left when the session closes.
    #[test]
    fn any_packets_are_taken_or_refused(
        packets in proptest::collection::vec(
            prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..100),
                (0..40u64, 0..40u64, 0..3u32, 0..4u32, proptest::collection::vec(any::<u8>(), 0..40))
                    .prop_map(|(total, len, index, count, data)| packet(total, len, index, count, &data)),
            ],
            1..10,
        )
    ) {
        let pair = Pair::new();
        for packet in &packets {
            pair.send(packet);
        }
        let arrived: usize = packets.iter().map(|packet| packet.len().saturating_sub(HEADER)).sum();
        let mut outcomes = 0;
        loop {
            outcomes += 1;
            match pair.receive() {
                Ok((_, len)) => prop_assert!(len <= arrived),
                Err(AGAIN) => break,
                Err(rc) => prop_assert!(rc < 0),
            }
        }
        prop_assert!(outcomes <= packets.len() + 1);
    }
}

/// A reader on a thread of its own gets large responses whole, however often the sender finds the socket full.
#[test]
fn a_slow_reader_gets_everything() {
    let pair = Pair::new();
    let peer = pair.peer.try_clone().expect("a descriptor");
    let reader = std::thread::spawn(move || {
        let mut buffer = vec![0; HEADER + MAX_DATA];
        let mut wire = Vec::new();
        let mut lens = Vec::new();
        while lens.len() < 3 {
            // SAFETY: that many bytes.
            let n = unsafe { libc::recv(peer.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0) };
            let (header, data) =
                Header::split(&buffer[..usize::try_from(n).expect("data")]).expect("a header");
            wire.extend_from_slice(&data[..header.len as usize]);
            if header.index + 1 == header.count {
                let response = Response::decode(&*wire).expect("a response");
                lens.push((response.sequence, response.body.len()));
                wire.clear();
            }
        }
        lens
    });
    let body = vec![1; 5 << 20];
    for (sequence, len) in [(0, 0), (1, body.len()), (2, 300_000)] {
        assert_eq!(pair.respond(sequence, &body[..len]), 0);
    }
    assert_eq!(reader.join().expect("the reader"), [(0, 0), (1, body.len()), (2, 300_000)]);
}

#[test]
fn a_peer_that_has_left_is_an_error() {
    let pair = Pair::new();
    // SAFETY: takes no pointer.
    unsafe { libc::shutdown(pair.peer.as_raw_fd(), libc::SHUT_RDWR) };
    assert!(matches!(pair.receive(), Err(rc) if rc != AGAIN));
    assert!(pair.respond(1, b"nobody reads this") < 0);
}

#[test]
fn a_session_is_no_listener() {
    let pair = Pair::new();
    let mut session = ptr::null_mut();
    // SAFETY: a live context, and memory for another one.
    let rc = unsafe { drpc_accept(pair.session, &raw mut session) };
    assert!(rc < 0);
    assert!(session.is_null());
}

/// How many packets the peer has; takes them.
fn packets_at(peer: &OwnedFd) -> usize {
    let mut buffer = vec![0u8; 1 << 17];
    let mut count = 0;
    // SAFETY: the buffer has that many bytes.
    while unsafe {
        libc::recv(peer.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), libc::MSG_DONTWAIT)
    } > 0
    {
        count += 1;
    }
    count
}

#[test]
fn a_response_that_another_one_has_pushed_out_is_not_sent_again() {
    let pair = Pair::new();
    let mut body = vec![7u8; 300_000];
    // SAFETY: live sessions and responses; the bodies are taken out again before the responses are freed.
    unsafe {
        let [large, small] = [(1, body.len()), (2, 10)].map(|(sequence, len)| {
            let response = drpc_response_create(ptr::null_mut());
            (*response).sequence = sequence;
            (*response).body = abi::ProtobufCBinaryData { len, data: body.as_mut_ptr() };
            response
        });
        assert_eq!(drpc_send_response(pair.session, large), AGAIN);
        assert_eq!(drpc_send_response(pair.session, small), AGAIN);
        let mut packets = packets_at(&pair.peer);
        for response in [large, small] {
            assert_eq!(drpc_send_response(pair.session, response), 0);
            packets += packets_at(&pair.peer);
        }
        assert_eq!(packets, 4, "three of the large one, one of the small one");
        for response in [large, small] {
            (*response).body = abi::ProtobufCBinaryData { len: 0, data: ptr::null_mut() };
            drpc_response_free(response);
        }
    }
}
