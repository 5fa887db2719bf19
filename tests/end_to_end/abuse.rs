//! Peers that break the channel's rules. Whatever one of them does, the next caller is answered.

use crate::{serving, stop};
use harness::examples::hello;
use harness::message::{Call, Response, Status};
use harness::{Connection, Header, MAX_PACKET, System};
use prost::Message;
use std::io::ErrorKind;

/// What came back to a peer that broke the rules.
#[derive(Debug, PartialEq)]
enum Fate {
    Answered(Status),
    Closed,
    Ignored,
}

fn fate(connection: &mut Connection) -> Fate {
    match connection.receive() {
        Ok(message) => Fate::Answered(Response::decode(message.as_slice()).unwrap().status()),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Fate::Ignored,
        Err(error) if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => {
            Fate::Closed
        }
        Err(error) => panic!("{error}"),
    }
}

/// A call that hello answers.
fn good_call() -> Vec<u8> {
    Call { module: hello::MODULE, method: hello::GREET, sequence: 1, body: b"you".to_vec() }.encode_to_vec()
}

/// The header of a message of one packet.
fn whole(length: usize) -> Header {
    Header { total_data_size: length as u64, chunk_data_size: length as u64, chunk_index: 0, total_chunks: 1 }
}

/// A connection that is answered in no time or not at all.
fn impatient(system: &System) -> Connection {
    Connection::open(
        std::path::Path::new(&system.ready().drpc_listener_sock),
        std::time::Duration::from_secs(2),
    )
    .unwrap()
}

fn assert_serving(system: &System, after: &str) {
    let answer = system.connect().unwrap().call(hello::MODULE, hello::GREET, b"next".to_vec());
    let answer = answer.unwrap_or_else(|error| panic!("after {after}: {error}\n{}", system.failure("")));
    assert_eq!(answer.body, b"Hello, next!", "after {after}");
}

/// Sends `packets` on a connection of its own; the peer's fate must be one of `allowed`, and the listener
/// must go on.
fn abuse(system: &System, name: &str, packets: &[Vec<u8>], allowed: &[Fate]) {
    let mut peer = impatient(system);
    for packet in packets {
        // The engine may close on the first packet already.
        if peer.send_packet(packet).is_err() {
            break;
        }
    }
    // While the peer is still connected:
    assert_serving(system, name);
    let fate = fate(&mut peer);
    assert!(allowed.contains(&fate), "{name}: {fate:?}");
    drop(peer);
    assert_serving(system, name);
}

/// For a packet that is none: an answer that says so, or the end of the session.
const REFUSED: &[Fate] = &[Fate::Answered(Status::FailedUnmarshalCall), Fate::Closed];

#[test]
fn headers_that_lie_are_refused() {
    let system = serving();
    let call = good_call();
    let honest = whole(call.len());
    let lies: [(&str, Header); 8] = [
        ("no pieces at all", Header { total_chunks: 0, ..honest }),
        ("a total beyond all memory", Header { total_data_size: 1 << 60, ..honest }),
        ("a total below the piece", Header { total_data_size: 1, ..honest }),
        (
            "a piece longer than its packet",
            Header { total_data_size: 90_000, chunk_data_size: 90_000, ..honest },
        ),
        (
            "a piece longer than any packet",
            Header { total_data_size: 1 << 20, chunk_data_size: 1 << 20, ..honest },
        ),
        ("a piece of the greatest length", Header { chunk_data_size: u64::MAX, ..honest }),
        ("a message that begins in its middle", Header { chunk_index: 2, total_chunks: 4, ..honest }),
        ("an index beyond the last piece", Header { chunk_index: 5, ..honest }),
    ];
    for (name, header) in lies {
        abuse(&system, name, &[header.packet(&call)], REFUSED);
    }
    stop(system);
}

#[test]
fn pieces_that_do_not_fit_together_are_refused() {
    let system = serving();
    let call = good_call();
    let half = Header { total_data_size: 2 * call.len() as u64, total_chunks: 2, ..whole(call.len()) };
    let first = half.packet(&call);
    let others = [
        ("the same piece twice", half),
        ("a piece that was skipped", Header { total_chunks: 3, chunk_index: 2, ..half }),
        ("another number of pieces", Header { total_chunks: 9, chunk_index: 1, ..half }),
    ];
    for (name, second) in others {
        abuse(&system, name, &[first.clone(), second.packet(&call)], REFUSED);
    }
    // Only the first piece's total counts, as in DAOS; two calls in a row are one call to protobuf.
    let shrunk = Header { total_data_size: 7, chunk_index: 1, ..half };
    let answered = [Fate::Answered(Status::Success)];
    abuse(&system, "another total", &[first, shrunk.packet(&call)], &answered);
    stop(system);
}

#[test]
fn packets_that_are_no_calls_are_refused() {
    let system = serving();
    let call = good_call();
    abuse(&system, "a packet shorter than a header", &[vec![0; 10]], REFUSED);
    abuse(&system, "bytes that are no message", &[whole(5).packet(&[0xff; 5])], REFUSED);
    let cut = &call[..call.len() - 1];
    abuse(&system, "a call that was cut off", &[whole(cut.len()).packet(cut)], REFUSED);
    // No bytes are a call as well: module 0, method 0, sequence 0.
    let nothing = [Fate::Answered(Status::UnknownMethod), Fate::Closed];
    abuse(&system, "a message of no bytes", &[whole(0).packet(&[])], &nothing);
    stop(system);
}

#[test]
fn a_peer_that_falls_silent_in_a_message_harms_nobody() {
    let system = serving();
    let call = good_call();
    let half = Header { total_data_size: 2 * call.len() as u64, total_chunks: 2, ..whole(call.len()) };
    abuse(&system, "half a message, then silence", &[half.packet(&call)], &[Fate::Ignored, Fate::Closed]);
    // An empty packet is how a sequenced-packet socket spells the end of the connection.
    abuse(&system, "an empty packet", &[Vec::new()], &[Fate::Ignored, Fate::Closed]);
    stop(system);
}

#[test]
fn ids_at_the_ends_of_their_ranges_get_the_right_status() {
    let mut system = serving();
    for module in [-1, i32::MIN, 3, 5, i32::MAX] {
        assert_eq!(
            system.call(module, 1, Vec::new()).unwrap().status(),
            Status::UnknownModule,
            "module {module}"
        );
    }
    for method in [-1, i32::MIN, 0, i32::MAX] {
        let answer = system.call(hello::MODULE, method, Vec::new()).unwrap();
        assert_eq!(answer.status(), Status::UnknownMethod, "method {method}");
    }
    stop(system);
}

#[test]
fn unfinished_messages_hold_little_memory() {
    let mut system = serving();
    assert_serving(&system, "nothing");
    let before = system.engine().usage().unwrap().resident_kib;
    // Each peer announces a gigabyte and delivers one packet of it.
    let data = vec![b'x'; MAX_PACKET - harness::HEADER_LEN];
    let header = Header { total_data_size: 1 << 30, total_chunks: 8194, ..whole(data.len()) };
    let mut peers: Vec<_> = (0..64).map(|_| impatient(&system)).collect();
    for peer in &mut peers {
        let _ = peer.send_packet(&header.packet(&data));
    }
    assert_serving(&system, "unfinished messages");
    let grown = system.engine().usage().unwrap().resident_kib.saturating_sub(before);
    // 64 packets are 8 MiB; 64 announced totals would be 64 GiB.
    assert!(grown < 128 << 10, "{grown} KiB");
    drop(peers);
    assert_serving(&system, "unfinished messages");
    stop(system);
}

#[test]
fn a_peer_that_never_reads_blocks_nobody() {
    let system = serving();
    let mut deaf = impatient(&system);
    let large = Call { module: hello::MODULE, method: hello::GREET, sequence: 1, body: vec![b'x'; 100_000] };
    let message = large.encode_to_vec();
    // Its answers fill the socket, then the engine stops taking its calls: sending ends by our timeout.
    let sent = (0..400).take_while(|_| deaf.send(&message).is_ok()).count();
    assert!(sent > 0);
    for _ in 0..50 {
        assert_serving(&system, "a deaf peer");
    }
    stop(system);
}
