//! Real sockets of this host, and a table of connections without a worker.

use super::connection::Room;
use super::frames::prefix;
use super::outbox::MOST_WAITING;
use super::table::{Limits, News, TcpConnections, YOUTH};
use super::*;
use crate::media::batch::{Batch, Cursor};
use crate::media::ice::{Path, TcpId, Way};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(20);
/// First bytes of datagrams that STUN, DTLS and SRTP begin with.
const STUN: u8 = 0;
const DTLS: u8 = 22;

struct Host {
    tcp: TcpConnections,
    at: SocketAddr,
    room: Room,
}

impl Host {
    fn new() -> Host {
        let listener = Listener::open(true, 0, (0, 0)).unwrap();
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, listener.port()));
        Host { tcp: TcpConnections::new(vec![listener], 0).unwrap(), at, room: Room::default() }
    }

    fn poll(&mut self) {
        let ours = [self.at];
        self.tcp.poll(Instant::now(), &ours);
    }

    /// Whom it is from, and the datagrams that came next.
    fn receive(&mut self) -> (Path, Vec<Vec<u8>>) {
        let mut found = None;
        self.until(|host| {
            host.poll();
            found = host.tcp.read(&mut host.room).filter(|_| host.room.count() > 0);
            found.is_some()
        });
        let all = std::iter::from_fn(|| self.room.next_datagram().map(|bytes| bytes.to_vec())).collect();
        (found.unwrap(), all)
    }

    /// A client that has shown who it is.
    fn known(&mut self) -> (TcpStream, TcpId, Path) {
        let mut client = TcpStream::connect(self.at).unwrap();
        client.write_all(&framed(&[STUN; 20])).unwrap();
        let (path, _) = self.receive();
        let Way::Tcp(id) = path.way else { panic!("{path:?}") };
        self.tcp.known(id);
        (client, id, path)
    }

    fn until(&mut self, mut done: impl FnMut(&mut Host) -> bool) {
        let end = Instant::now() + LIMIT;
        while !done(self) {
            assert!(Instant::now() < end);
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Until the connection ends from our side; nothing came through it.
    fn ends(&mut self, client: &mut TcpStream) {
        client.set_nonblocking(true).unwrap();
        self.until(|host| {
            host.poll();
            while host.tcp.read(&mut host.room).is_some() {}
            host.tcp.end_closed();
            match client.read(&mut [0; 100]) {
                Ok(0) => true,
                Ok(_) => panic!("something came"),
                Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
            }
        });
    }
}

fn framed(datagram: &[u8]) -> Vec<u8> {
    [&prefix(datagram.len()).unwrap()[..], datagram].concat()
}

#[test]
fn datagrams_come_and_go_in_frames() {
    let mut host = Host::new();
    let (mut client, _, path) = host.known();
    assert_eq!((path.local, path.remote), (host.at, client.local_addr().unwrap()));
    client.write_all(&[framed(&[DTLS; 1200]), framed(&[128; 50])].concat()).unwrap();
    let mut came = Vec::new();
    while came.len() < 2 {
        came.extend(host.receive().1);
    }
    assert_eq!(came, [vec![DTLS; 1200], vec![128; 50]]);
    let mut batch = Batch::new(8);
    let mut cursor = Cursor::default();
    assert!(batch.push_bytes(&mut cursor, path, b"one") && batch.push_bytes(&mut cursor, path, b"two"));
    // To somebody else, by another way.
    assert!(batch.push_bytes(&mut Cursor::default(), Path::udp(path.local, path.remote), b"three"));
    host.tcp.send(&batch);
    let mut got = [0; 10];
    client.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"\0\x03one\0\x03two");
    let figures = host.tcp.figures;
    assert_eq!((figures.sent, figures.dropped, figures.calls), (2, 0, 1));
}

#[test]
fn what_is_written_leaves_before_the_end() {
    let mut host = Host::new();
    let (mut client, id, path) = host.known();
    let mut batch = Batch::new(8);
    assert!(batch.push_bytes(&mut Cursor::default(), path, b"alert"));
    host.tcp.close(id);
    host.tcp.send(&batch);
    host.tcp.end_closed();
    let mut all = Vec::new();
    client.read_to_end(&mut all).unwrap();
    assert_eq!(all, b"\0\x05alert");
    assert_eq!((host.tcp.len(), host.tcp.next_news()), (0, None));
}

#[test]
fn who_ends_a_connection_is_told_of() {
    let mut host = Host::new();
    let (client, _, path) = host.known();
    drop(client);
    host.until(|host| {
        host.poll();
        host.tcp.read(&mut host.room).is_none() && host.tcp.len() == 0
    });
    assert_eq!(host.tcp.next_news(), Some(News::Lost { seat: None, path }));
}

// RFC 6544 §7: checks come first.
#[test]
fn what_does_not_begin_with_stun_ends() {
    let mut host = Host::new();
    let http = b"GET / HTTP/1.1\r\n\r\n".to_vec();
    let many: Vec<u8> = (0..100).flat_map(|_| framed(&[STUN; 20])).collect();
    for first in [http, framed(&[DTLS; 100]), framed(&[128; 100]), framed(&[STUN; 5000]), many] {
        let mut client = TcpStream::connect(host.at).unwrap();
        client.write_all(&first).unwrap();
        host.ends(&mut client);
        assert_eq!((host.tcp.len(), host.tcp.next_news()), (0, None));
    }
}

#[test]
fn a_silent_connection_ends_in_time_and_a_known_one_stays() {
    let mut host = Host::new();
    let (_client, ..) = host.known();
    let mut silent = TcpStream::connect(host.at).unwrap();
    // Half a frame is as silent.
    silent.write_all(&[0, 20, 1]).unwrap();
    host.until(|host| {
        host.poll();
        while host.tcp.read(&mut host.room).is_some() {}
        host.tcp.len() == 2
    });
    let due = host.tcp.next_timeout().unwrap();
    host.tcp.run_timers(due - Duration::from_millis(1));
    assert_eq!(host.tcp.len(), 2);
    assert!(due <= Instant::now() + YOUTH);
    host.tcp.run_timers(due);
    assert_eq!((host.tcp.len(), host.tcp.next_timeout()), (1, None));
    host.ends(&mut silent);
}

#[test]
fn an_address_that_is_not_offered_is_not_there() {
    let mut host = Host::new();
    let other = SocketAddr::from(([127, 0, 0, 2], host.at.port()));
    let mut client = TcpStream::connect(other).unwrap();
    host.ends(&mut client);
    assert_eq!(host.tcp.len(), 0);
}

#[test]
fn a_flood_takes_the_places_of_the_flood() {
    let mut host = Host::new();
    host.tcp.limits = Limits { all: 100, young: 8, young_of_one: 4 };
    let (_known, known, _) = host.known();
    let from = |last: u8| {
        let socket =
            rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::STREAM, None)
                .unwrap();
        rustix::net::bind(&socket, &SocketAddr::from(([127, 0, 0, last], 0))).unwrap();
        rustix::net::connect(&socket, &host.at).unwrap();
        TcpStream::from(socket)
    };
    // All from one address, then from many, then somebody who means it.
    let flood: Vec<TcpStream> = (0..20).map(|_| from(9)).collect();
    let more: Vec<TcpStream> = (10..30).map(from).collect();
    let mut client = from(30);
    client.write_all(&framed(&[STUN; 20])).unwrap();
    for _ in 0..10 {
        host.poll();
    }
    assert_eq!(host.tcp.len(), 1 + 8);
    assert_eq!(host.receive().1, [vec![STUN; 20]]);
    assert!(host.tcp.is_open(known));
    drop((flood, more));
}

#[test]
fn a_flood_of_one_leaves_room_for_others() {
    let mut host = Host::new();
    host.tcp.limits = Limits { all: 100, young: 8, young_of_one: 4 };
    let flood: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(host.at).unwrap()).collect();
    for _ in 0..10 {
        host.poll();
    }
    assert_eq!(host.tcp.len(), 4);
    drop(flood);
}

/// Both get the same; one reads all of it, the other one nothing until the end.
#[test]
fn a_slow_reader_costs_nobody_else() {
    const COUNT: usize = 20_000;
    const LEN: usize = 1000;
    let mut host = Host::new();
    let (mut slow, _, to_slow) = host.known();
    let (mut quick, _, to_quick) = host.known();
    let reader = std::thread::spawn(move || {
        let mut frame = [0; LEN + 2];
        (0..COUNT).for_each(|number| {
            quick.read_exact(&mut frame).unwrap();
            assert_eq!(u64::from_be_bytes(frame[2..10].try_into().unwrap()), number as u64);
        });
    });
    let mut batch = Batch::new(64);
    let mut sent = 0;
    while sent < COUNT {
        let (mut slow, mut quick) = (Cursor::default(), Cursor::default());
        for number in sent..sent + 20 {
            let mut datagram = [7; LEN];
            datagram[..8].copy_from_slice(&(number as u64).to_be_bytes());
            assert!(batch.push_bytes(&mut slow, to_slow, &datagram));
            assert!(batch.push_bytes(&mut quick, to_quick, &datagram));
        }
        let before = host.tcp.figures.dropped;
        host.tcp.send(&batch);
        batch.clear();
        sent += 20;
        // As fast as the quick one reads, which is not slowed down by the other one.
        let Way::Tcp(id) = to_quick.way else { unreachable!() };
        host.until(|host| {
            host.poll();
            !host.tcp.is_full(id)
        });
        assert!(host.tcp.figures.dropped - before <= 20);
    }
    reader.join().unwrap();
    assert!(host.tcp.figures.dropped > 1000, "{:?}", host.tcp.figures);
    // What was kept for the slow one are whole frames, in order; it is bounded.
    slow.set_nonblocking(true).unwrap();
    let mut all = Vec::new();
    let Way::Tcp(id) = to_slow.way else { unreachable!() };
    host.until(|host| {
        host.poll();
        let _ = slow.read_to_end(&mut all);
        !host.tcp.is_full(id) && all.len() % (LEN + 2) == 0
    });
    let numbers = all.chunks(LEN + 2).map(|frame| u64::from_be_bytes(frame[2..10].try_into().unwrap()));
    assert!(numbers.clone().is_sorted() && numbers.count() < COUNT - 1000);
    const { assert!(MOST_WAITING < COUNT * LEN) };
}

#[test]
fn connections_of_ours_are_told_of_when_they_are_there_and_when_not() {
    let mut host = Host::new();
    let passive = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = passive.local_addr().unwrap();
    host.tcp.open(7, to.ip(), to, Instant::now()).unwrap();
    host.until(|host| {
        host.poll();
        host.tcp.next_timeout().is_some_and(|at| at <= Instant::now())
    });
    let Some(News::Opened { seat: 7, path }) = host.tcp.next_news() else { panic!() };
    let (mut peer, from) = passive.accept().unwrap();
    assert_eq!((path.local, path.remote), (from, to));
    let mut batch = Batch::new(8);
    assert!(batch.push_bytes(&mut Cursor::default(), path, b"check"));
    host.tcp.send(&batch);
    let mut got = [0; 7];
    peer.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"\0\x05check");
    // Nobody listens any more.
    drop((peer, passive));
    host.until(|host| {
        host.poll();
        host.tcp.read(&mut host.room);
        host.tcp.len() == 0
    });
    assert_eq!(host.tcp.next_news(), Some(News::Lost { seat: Some(7), path }));
    host.tcp.open(8, to.ip(), to, Instant::now()).unwrap();
    host.until(|host| {
        host.poll();
        host.tcp.len() == 0
    });
    assert!(matches!(host.tcp.next_news(), Some(News::Lost { seat: Some(8), .. })));
    // For somebody who is gone nothing is told.
    host.tcp.open(9, to.ip(), to, Instant::now()).unwrap();
    host.tcp.close_of(9);
    host.tcp.end_closed();
    assert_eq!((host.tcp.len(), host.tcp.next_news()), (0, None));
}
