use std::io::{Read, Write};
use std::net::TcpStream;

use super::super::session::LARGE;
use super::*;
use crate::wire::{Moved, Reply};

fn hello(incarnation: u64) -> Hello {
    Hello { group: "group".into(), rank: Some(1), tag: 0, incarnation, channel: 7 }
}

fn listening(limits: Limits) -> Tcp {
    Tcp::new(hello(2), Some(([127, 0, 0, 1], 0).into()), limits).unwrap()
}

/// Polls two transports until the condition holds.
fn until(
    one: (&mut Tcp, &mut Vec<Arrival>),
    other: (&mut Tcp, &mut Vec<Arrival>),
    mut done: impl FnMut(&[Arrival], &[Arrival]) -> bool,
) {
    let begin = Instant::now();
    while !done(one.1, other.1) {
        one.0.poll(Some(Duration::from_millis(1)), one.1).unwrap();
        other.0.poll(Some(Duration::from_millis(1)), other.1).unwrap();
        assert!(begin.elapsed() < Duration::from_secs(60), "{:?} {:?}", one.1, other.1);
    }
}

fn raw(transport: &Tcp) -> TcpStream {
    let address = transport.listener.as_ref().unwrap().local_addr().unwrap();
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

fn frame(head: &Head, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    head.encode(body.len(), MaxFrame::default(), &mut bytes).unwrap();
    bytes.extend(body);
    bytes
}

/// Polls until the other end has closed the connection.
fn closed(transport: &mut Tcp, mut stream: TcpStream) -> Vec<Arrival> {
    let mut arrivals = Vec::new();
    stream.set_nonblocking(true).unwrap();
    let begin = Instant::now();
    loop {
        transport.poll(Some(Duration::from_millis(1)), &mut arrivals).unwrap();
        match stream.read(&mut [0; 1024]) {
            Ok(0) => return arrivals,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return arrivals,
            _ => assert!(begin.elapsed() < Duration::from_secs(60)),
        }
    }
}

const REPLY: Head = Head::Reply(Reply { id: 1, hlc: 2, status: 0 });

#[test]
fn frames_of_all_sizes_arrive_in_order() {
    frames_of_all_sizes(true, AddressFamily::UNIX);
    frames_of_all_sizes(false, AddressFamily::INET);
}

fn frames_of_all_sizes(shortcut: bool, family: AddressFamily) {
    let mut server = listening(Limits::default());
    let mut client = Tcp::new(hello(1), None, Limits::default()).unwrap();
    client.set_shortcut(shortcut);
    let link = Link::opened(1);
    client.connect(link, &server.uri().unwrap(), &hello(1));
    let (mut here, mut there) = (Vec::new(), Vec::new());
    until((&mut client, &mut here), (&mut server, &mut there), |here, there| {
        matches!((here, there), ([Arrival::Connected(..)], [Arrival::Connected(..)]))
    });
    let socket = &client.connections[&link].socket;
    assert_eq!(rustix::net::getsockname(socket).unwrap().address_family(), family);
    let sizes = [0, 1, 100, LARGE - 1, LARGE, SCRATCH + 1, 3_000_000, 8, 5_000_000, 0];
    let body = |size: usize| -> Bytes { (0..size).map(|byte| (byte * 7 + size) as u8).collect() };
    for (number, size) in sizes.into_iter().enumerate() {
        let body = body(size);
        let head = Head::Data(Moved { id: number as u64, status: 0 });
        if number % 2 == 0 {
            client.send(link, &head, Payload::Bytes(body));
        } else {
            let (front, back) = body.split_at(size / 3);
            client.send(link, &head, Payload::Borrowed(&[IoSlice::new(front), IoSlice::new(back)]));
        }
    }
    until((&mut client, &mut here), (&mut server, &mut there), |_, there| there.len() == 1 + sizes.len());
    for (number, (size, arrival)) in sizes.into_iter().zip(&there[1..]).enumerate() {
        let Arrival::Frame(_, Head::Data(moved), arrived) = arrival else { panic!("{arrival:?}") };
        assert_eq!((moved.id, arrived.len()), (number as u64, size));
        assert!(*arrived == body(size));
    }
    assert_eq!(client.queued, 0);
    let Arrival::Connected(accepted, _) = &there[0] else { panic!() };
    server.close(*accepted);
    until(
        (&mut client, &mut here),
        (&mut server, &mut there),
        |here, _| matches!(here.last(), Some(Arrival::Lost(lost)) if *lost == link),
    );
}

#[test]
fn memory_in_many_pieces_goes_like_any_other() {
    let mut server = listening(Limits::default());
    let mut client = Tcp::new(hello(1), None, Limits::default()).unwrap();
    let link = Link::opened(1);
    client.connect(link, &server.uri().unwrap(), &hello(1));
    let (mut here, mut there) = (Vec::new(), Vec::new());
    until((&mut client, &mut here), (&mut server, &mut there), |here, there| {
        matches!((here, there), ([Arrival::Connected(..)], [Arrival::Connected(..)]))
    });
    // More than the system takes at a time, and more than twice as many.
    for count in [PIECES, PIECES + 1, 3 * PIECES] {
        let body: Vec<u8> = (0..3 * count).map(|byte| (byte * 7) as u8).collect();
        let slices: Vec<_> = body.chunks(3).map(IoSlice::new).collect();
        let head = Head::Data(Moved { id: count as u64, status: 0 });
        client.send(link, &head, Payload::Borrowed(&slices));
        until(
            (&mut client, &mut here),
            (&mut server, &mut there),
            |_, there| matches!(there.last(), Some(Arrival::Frame(_, Head::Data(moved), _)) if moved.id == count as u64),
        );
        let Some(Arrival::Frame(_, _, arrived)) = there.last() else { panic!("{there:?}") };
        assert!(*arrived == body);
    }
    assert_eq!(here.len(), 1, "the connection is still there");
}

#[test]
fn who_is_not_there_or_of_another_system_is_lost() {
    let mut server = listening(Limits::default());
    let mut client = Tcp::new(hello(1), None, Limits::default()).unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    client.connect(Link::opened(1), &format!("tcp://{nobody}").into(), &hello(1));
    client.connect(Link::opened(2), &"ofi+tcp://127.0.0.1:1".into(), &hello(1));
    let stranger = Hello { group: "other".into(), ..hello(1) };
    client.connect(Link::opened(3), &server.uri().unwrap(), &stranger);
    let (mut here, mut there) = (Vec::new(), Vec::new());
    until((&mut client, &mut here), (&mut server, &mut there), |here, _| here.len() == 3);
    assert!(here.iter().all(|arrival| matches!(arrival, Arrival::Lost(_))), "{here:?}");
    assert!(!there.iter().any(|arrival| matches!(arrival, Arrival::Connected(..))));
}

#[test]
fn who_does_not_keep_to_the_protocol_is_cut_off() {
    let mut server = listening(Limits::default());
    let known = frame(&Head::Hello(hello(1)), b"");
    let announced = {
        // A body of 3 GiB.
        let mut bytes = frame(&REPLY, b"");
        bytes[8..12].copy_from_slice(&(3u32 << 30).to_le_bytes());
        [&known[..], &bytes].concat()
    };
    let hostile = [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        vec![0; 100],
        frame(&REPLY, b""),
        frame(&Head::Welcome(hello(1)), b""),
        frame(&Head::Hello(hello(1)), b"x"),
        announced,
    ];
    for bytes in hostile {
        let mut stream = raw(&server);
        stream.write_all(&bytes).unwrap();
        let arrivals = closed(&mut server, stream);
        assert!(matches!(arrivals.last(), Some(Arrival::Lost(_))), "{arrivals:?}");
        assert!(server.connections.is_empty());
    }
}

#[test]
fn what_is_announced_takes_no_memory_before_it_comes() {
    let mut server = listening(Limits::default());
    let mut stream = raw(&server);
    let large = frame(&REPLY, &[1; LARGE + 1]);
    let mut bytes = frame(&Head::Hello(hello(1)), b"");
    let at = bytes.len();
    bytes.extend(&large);
    bytes[at + 8..at + 12].copy_from_slice(&(64u32 << 20).to_le_bytes());
    stream.write_all(&bytes).unwrap();
    let mut arrivals = Vec::new();
    let begin = Instant::now();
    while server.connections.values().all(|connection| connection.session.kept() < LARGE) {
        server.poll(Some(Duration::from_millis(1)), &mut arrivals).unwrap();
        assert!(begin.elapsed() < Duration::from_secs(60));
    }
    let large = server.connections.values_mut().find_map(|connection| connection.session.large()).unwrap();
    assert!(large.body.capacity() <= 2 << 20);
}

#[test]
fn who_says_nothing_has_to_go() {
    let limits = Limits { handshake: Duration::from_millis(20), unknown: 2, ..Limits::default() };
    let mut server = listening(limits);
    let silent: Vec<_> = (0..4).map(|_| raw(&server)).collect();
    for stream in silent {
        closed(&mut server, stream);
    }
    assert!(server.connections.is_empty());
}

#[test]
fn who_takes_nothing_is_not_read_from_and_then_cut_off() {
    let mut server = listening(Limits { pause: 1 << 20, peer: 32 << 20, ..Limits::default() });
    let mut stream = raw(&server);
    stream.write_all(&frame(&Head::Hello(hello(1)), b"")).unwrap();
    let mut arrivals = Vec::new();
    while arrivals.is_empty() {
        server.poll(Some(Duration::from_millis(1)), &mut arrivals).unwrap();
    }
    let Some(Arrival::Connected(link, _)) = arrivals.pop() else { panic!() };
    let body = Bytes::from(vec![1; 1 << 20]);
    while server.queued <= 1 << 20 {
        server.send(link, &REPLY, Payload::Bytes(body.clone()));
    }
    stream.write_all(&frame(&REPLY, b"")).unwrap();
    for _ in 0..20 {
        server.poll(Some(Duration::from_millis(1)), &mut arrivals).unwrap();
    }
    assert!(arrivals.is_empty(), "{arrivals:?}");
    for _ in 0..64 {
        server.send(link, &REPLY, Payload::Bytes(body.clone()));
        assert!(server.queued <= 33 << 20);
    }
    server.poll(Some(Duration::ZERO), &mut arrivals).unwrap();
    assert!(matches!(arrivals[..], [Arrival::Lost(lost)] if lost == link), "{arrivals:?}");
    assert_eq!(server.queued, 0);
}

#[test]
fn who_comes_while_the_system_accepts_nobody_waits() {
    let (mut server, mut client) = (listening(Limits::default()), listening(Limits::default()));
    let (mut here, mut there) = (Vec::new(), Vec::new());
    server.pause(Errno::MFILE);
    assert!(server.patience().is_some_and(|patience| patience <= PAUSE));
    client.connect(Link::opened(1), &server.uri().unwrap(), &hello(1));
    server.poll(Some(Duration::ZERO), &mut here).unwrap();
    assert!(server.accepted == 0 || server.paused.is_none());
    until((&mut server, &mut here), (&mut client, &mut there), |here, there| {
        matches!((here, there), ([Arrival::Connected(..)], [Arrival::Connected(..)]))
    });
    assert!(server.paused.is_none());
}
