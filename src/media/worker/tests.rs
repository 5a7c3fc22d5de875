use super::receive::Receiver;
use super::send::Transmitter;
use super::socket::Socket;
use crate::media::batch::{Batch, Cursor};
use crate::media::clock::Clock;
use crate::media::ice::Path;
use crate::media::streams::fixtures::{rtp, streams, video};
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

fn address(socket: &Socket) -> SocketAddr {
    let ip: std::net::IpAddr = if socket.is_ipv4 { [127, 0, 0, 1].into() } else { "::1".parse().unwrap() };
    SocketAddr::new(ip, socket.port())
}

fn collect(receiver: &mut Receiver, socket: &Socket, wanted: usize) -> Vec<(SocketAddr, Vec<u8>)> {
    let mut got = Vec::new();
    while got.len() < wanted {
        let count = receiver.fill(&socket.udp);
        for index in 0..count {
            let (train, bytes) = receiver.train(index).unwrap();
            assert_eq!(train.to, Some(address(socket).ip()));
            got.extend(bytes.chunks(train.segment).map(|d| (train.from, d.to_vec())));
        }
    }
    got
}

fn burst(ipv4: bool, segments: bool) -> u64 {
    let mut sender = Socket::open(ipv4, (0, 0), 0).unwrap();
    sender.segments &= segments;
    let receivers: Vec<Socket> = (0..2).map(|_| Socket::open(ipv4, (0, 0), 0).unwrap()).collect();
    let mut batch = Batch::default();
    let mut cursors = [Cursor::default(); 2];
    for i in 0..200_u8 {
        for (receiver, cursor) in receivers.iter().zip(&mut cursors) {
            let path = Path::udp(address(&sender), address(receiver));
            // Lengths that make trains, end trains, and start new ones.
            let len = if i % 10 == 9 { 60 } else { 100 + usize::from(i / 50) };
            let mut bytes = vec![i; len];
            bytes[0] = i;
            assert!(batch.push_bytes(cursor, path, &bytes));
        }
    }
    let mut transmitter = Transmitter::default();
    transmitter.send(&batch, &mut sender);
    assert_eq!((transmitter.sent, transmitter.dropped), (400, 0));
    let mut receiver = Receiver::default();
    for socket in &receivers {
        let got = collect(&mut receiver, socket, 200);
        assert!(got.iter().all(|(from, _)| *from == address(&sender)));
        let order: Vec<u8> = got.iter().map(|(_, d)| d[0]).collect();
        assert_eq!(order, (0..200).collect::<Vec<u8>>());
        for (_, datagram) in &got {
            let i = datagram[0];
            assert_eq!(datagram.len(), if i % 10 == 9 { 60 } else { 100 + usize::from(i / 50) });
        }
    }
    transmitter.calls
}

#[test]
fn bursts_keep_order_and_boundaries_with_and_without_trains() {
    assert_eq!(burst(true, true), 1);
    burst(true, false);
    if Socket::open(false, (0, 0), 0).is_ok() && std::net::UdpSocket::bind("[::1]:0").is_ok() {
        burst(false, true);
    }
}

/// The system alone would send from 127.0.0.1, which is not what was offered.
#[test]
fn everything_leaves_from_the_address_of_its_path() {
    let offered = "127.0.0.2".parse().unwrap();
    for segments in [true, false] {
        let mut sender = Socket::open(true, (0, 0), 0).unwrap();
        sender.segments &= segments;
        let receiver = Socket::open(true, (0, 0), 0).unwrap();
        let local = SocketAddr::new(offered, sender.port());
        let path = Path::udp(local, address(&receiver));
        let mut batch = Batch::default();
        let mut cursor = Cursor::default();
        for len in [100, 100, 100, 50, 120] {
            assert!(batch.push_bytes(&mut cursor, path, &vec![1; len]));
        }
        Transmitter::default().send(&batch, &mut sender);
        let got = collect(&mut Receiver::default(), &receiver, 5);
        assert!(got.iter().all(|(from, _)| *from == local), "{got:?}");
    }
}

#[test]
fn a_destination_that_cannot_be_reached_does_not_stop_the_others() {
    let mut sender = Socket::open(true, (0, 0), 0).unwrap();
    let receiver = Socket::open(true, (0, 0), 0).unwrap();
    let mut batch = Batch::default();
    let local = address(&sender);
    // Broadcast is refused without SO_BROADCAST.
    let nowhere = Path::udp(local, "255.255.255.255:9".parse().unwrap());
    let there = Path::udp(local, address(&receiver));
    let (mut a, mut b) = (Cursor::default(), Cursor::default());
    for _ in 0..2 {
        assert!(batch.push_bytes(&mut a, nowhere, b"lost"));
        assert!(batch.push_bytes(&mut b, there, b"kept"));
    }
    let mut transmitter = Transmitter::default();
    transmitter.send(&batch, &mut sender);
    assert_eq!((transmitter.sent, transmitter.dropped), (2, 2));
    assert_eq!(collect(&mut Receiver::default(), &receiver, 2).len(), 2);
}

// MP-196: packets that waited together for the worker did not come together.
#[test]
fn feedback_tells_when_each_datagram_came() {
    const PAUSE: Duration = Duration::from_millis(20);
    let socket = Socket::open(true, (0, 0), 0).unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut receiver = Receiver::default();
    // The kernel begins to take the time some moments after it was asked to.
    loop {
        sender.send_to(b"now", address(&socket)).unwrap();
        let sent = Clock::read().wall;
        std::thread::sleep(Duration::from_millis(1));
        assert_eq!(receiver.fill(&socket.udp), 1);
        if receiver.train(0).unwrap().0.arrived.unwrap() <= sent {
            break;
        }
    }
    for number in 0..3 {
        let packet = rtp(96, number.into(), 0, 77, &[(4, b"v"), (3, &[0, number])], &[1]);
        sender.send_to(&packet, address(&socket)).unwrap();
        std::thread::sleep(PAUSE);
    }
    let mut streams = streams(vec![video()]);
    assert_eq!(receiver.fill(&socket.udp), 3);
    let now = Clock::read();
    for index in 0..3 {
        let (train, bytes) = receiver.train(index).unwrap();
        let route = streams.route(bytes).unwrap();
        streams.receive(now.when(train.arrived.unwrap()), route, bytes, &mut [0; 255]).unwrap();
    }
    let mut times = Vec::new();
    streams.arrivals.report(|_, statuses| times.extend(statuses.iter().map(|(_, arrival)| *arrival)));
    let pause = PAUSE.as_micros() as i64;
    assert!(times.len() == 3 && times.windows(2).all(|two| two[1] - two[0] >= pause), "{times:?}");
}
