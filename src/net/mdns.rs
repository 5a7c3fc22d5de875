//! Names that browsers give out in place of their addresses (RFC 8828, draft-ietf-mmusic-mdns-ice-candidates): one question
//! to the local network (RFC 6762 §5.1), and its answer. Nothing is announced, kept, or answered.
//!
//! Why not a crate: docs/decisions/044-mdns.md.
#![forbid(unsafe_code)]

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::{set_socket_reuseaddr, set_socket_reuseport};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::time::{Duration, Instant};

const PORT: u16 = 5353;
const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
/// The question is asked at once, and again after these pauses; the last one is the wait for an answer.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(250), Duration::from_millis(750), Duration::from_millis(1000)];
/// Addresses of ours that are asked from.
const MOST_SOURCES: usize = 8;
/// RFC 1035 §2.3.4.
const LONGEST_LABEL: usize = 63;
const HEADER: usize = 12;
const A: u16 = 1;
const AAAA: u16 = 28;
const INTERNET: u16 = 1;
/// In a question: the answer may come to us alone (§5.4). In an answer: forget what was known (§10.2).
const TOP_BIT: u16 = 1 << 15;

/// The address of `name` (a label and `.local`), asked for from these addresses of ours. Blocks, up to 2 s. `None`: nobody
/// answers, or it is no such name.
pub fn resolve(name: &str, sources: &[IpAddr]) -> Option<IpAddr> {
    let ours = |source: &IpAddr| match source {
        IpAddr::V4(ip) => Some(*ip),
        IpAddr::V6(_) => None,
    };
    let mut sources: Vec<Ipv4Addr> = sources.iter().filter_map(ours).collect();
    sources.truncate(MOST_SOURCES);
    ask(name, &sources, SocketAddrV4::new(GROUP, PORT)).inspect_err(|e| tracing::debug!("mDNS: {e}")).ok()?
}

fn ask(name: &str, sources: &[Ipv4Addr], group: SocketAddrV4) -> io::Result<Option<IpAddr>> {
    let Some(question) = question(name) else { return Ok(None) };
    let mut sockets = Vec::new();
    for source in sources {
        // The source decides which network it goes to.
        sockets.push(UdpSocket::bind((*source, 0))?);
    }
    // Some answer everybody, whatever is asked for.
    sockets.extend(listener(sources, group).inspect_err(|e| tracing::debug!("mDNS port: {e}")).ok());
    for socket in &sockets {
        socket.set_nonblocking(true)?;
    }
    for pause in PAUSES {
        for socket in &sockets[..sources.len()] {
            // One of several networks may be down.
            let _ = socket.send_to(&question, group);
        }
        let until = Instant::now() + pause;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            let mut fds: Vec<PollFd<'_>> =
                sockets.iter().map(|socket| PollFd::new(socket, PollFlags::IN)).collect();
            if poll(&mut fds, Timespec::try_from(left).ok().as_ref())? == 0 {
                break;
            }
            for socket in &sockets {
                if let Some(found) = received(socket, name, group.port()) {
                    return Ok(Some(found));
                }
            }
        }
    }
    Ok(None)
}

/// Everything that waits there, until it is the answer.
fn received(socket: &UdpSocket, name: &str, port: u16) -> Option<IpAddr> {
    let mut bytes = [0; 1500];
    while let Ok((len, from)) = socket.recv_from(&mut bytes) {
        // §11: from a responder of this network.
        if from.port() == port
            && let Some(found) = answer(&bytes[..len], name)
        {
            return Some(found);
        }
    }
    None
}

/// Hears what is said to the group, beside others of this host.
fn listener(sources: &[Ipv4Addr], group: SocketAddrV4) -> io::Result<UdpSocket> {
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    set_socket_reuseaddr(&socket, true)?;
    set_socket_reuseport(&socket, true)?;
    bind(&socket, &SocketAddr::from(group))?;
    let socket = UdpSocket::from(socket);
    for source in sources {
        socket.join_multicast_v4(group.ip(), source)?;
    }
    Ok(socket)
}

/// A query for the addresses of `name`.
fn question(name: &str) -> Option<Vec<u8>> {
    let label = label_of(name)?;
    let mut message = vec![0; HEADER];
    message[5] = 2;
    for kind in [A, AAAA] {
        if kind == A {
            message.push(label.len() as u8);
            message.extend(label.bytes());
            message.extend(b"\x05local\0");
        } else {
            // The name of before.
            message.extend([0xC0, HEADER as u8]);
        }
        message.extend(kind.to_be_bytes());
        message.extend((INTERNET | TOP_BIT).to_be_bytes());
    }
    Some(message)
}

/// What stands before `.local`: one label (draft §3.1.1 makes it a UUID).
fn label_of(name: &str) -> Option<&str> {
    let label = name.strip_suffix(".local")?;
    let fits = (1..=LONGEST_LABEL).contains(&label.len());
    let is_host = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    (fits && is_host).then_some(label)
}

/// The first address of `name` in an answer; IPv4 before IPv6.
fn answer(message: &[u8], name: &str) -> Option<IpAddr> {
    let number = |at: usize| Some(u16::from_be_bytes(*message.get(at..)?.first_chunk()?));
    if message.get(2)? & 0x80 == 0 {
        return None;
    }
    let mut at = HEADER;
    for _ in 0..number(4)? {
        at = read_name(message, at)?.1 + 4;
    }
    let mut six = None;
    let records = number(6)?.checked_add(number(8)?)?.checked_add(number(10)?)?;
    for _ in 0..records {
        let (owner, data) = read_name(message, at)?;
        let (kind, class, length) = (number(data)?, number(data + 2)?, usize::from(number(data + 8)?));
        let value = message.get(data + 10..data + 10 + length)?;
        at = data + 10 + length;
        if class & !TOP_BIT != INTERNET || !owner.eq_ignore_ascii_case(name) {
            continue;
        }
        match kind {
            A => return Some(Ipv4Addr::from(<[u8; 4]>::try_from(value).ok()?).into()),
            AAAA => six = six.or(Some(Ipv6Addr::from(<[u8; 16]>::try_from(value).ok()?))),
            _ => {}
        }
    }
    six.map(IpAddr::V6)
}

/// A name and where it ends (RFC 1035 §4.1.4). Pointers lead only backwards, so it ends.
fn read_name(message: &[u8], begin: usize) -> Option<(String, usize)> {
    let (mut name, mut at, mut end, mut least) = (String::new(), begin, None, begin);
    loop {
        match *message.get(at)? {
            0 => return Some((name, end.unwrap_or(at + 1))),
            length @ 1..=63 => {
                let label = message.get(at + 1..at + 1 + usize::from(length))?;
                if !name.is_empty() {
                    name.push('.');
                }
                name.extend(label.iter().map(|byte| char::from(*byte)));
                at += 1 + usize::from(length);
            }
            high @ 0xC0.. => {
                let to = usize::from(u16::from_be_bytes([high & 0x3F, *message.get(at + 1)?]));
                end = end.or(Some(at + 2));
                if to >= least {
                    return None;
                }
                (at, least) = (to, to);
            }
            _ => return None,
        }
        if name.len() > 255 {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "0f5c-a1.local";

    /// As a responder would answer, with the name by pointer where `compressed`.
    fn response(name: &str, kind: u16, address: &[u8], compressed: bool) -> Vec<u8> {
        let mut message = question(name).unwrap();
        message[2] = 0x84;
        message[7] = 1;
        if compressed {
            message.extend([0xC0, 12]);
        } else {
            let label = label_of(name).unwrap();
            message.push(label.len() as u8);
            message.extend(label.bytes());
            message.extend(b"\x05LOCAL\0");
        }
        message.extend(kind.to_be_bytes());
        message.extend((INTERNET | TOP_BIT).to_be_bytes());
        message.extend([0, 0, 0, 120, 0, address.len() as u8]);
        message.extend(address);
        message
    }

    #[test]
    fn only_single_labels_are_asked_for() {
        for name in
            ["local", ".local", "a.b.local", "a.example", "a b.local", &format!("{}.local", "a".repeat(64))]
        {
            assert_eq!(question(name), None, "{name}");
        }
        let asked = question("ab.local").unwrap();
        assert_eq!(
            asked,
            *b"\0\0\0\0\0\x02\0\0\0\0\0\0\x02ab\x05local\0\0\x01\x80\x01\xC0\x0C\0\x1C\x80\x01"
        );
    }

    #[test]
    fn answers_are_read_and_others_passed_over() {
        for compressed in [false, true] {
            let four = response(NAME, A, &[10, 1, 2, 3], compressed);
            assert_eq!(answer(&four, NAME), Some([10, 1, 2, 3].into()));
            assert_eq!(answer(&four, "other.local"), None);
            let six = response(NAME, AAAA, &[0x20; 16], compressed);
            assert_eq!(answer(&six, NAME), Some([0x20; 16].into()));
            assert_eq!(answer(&response(NAME, 16, b"text", compressed), NAME), None);
            assert_eq!(answer(&response(NAME, A, &[1, 2, 3], compressed), NAME), None);
            // A question of somebody else's.
            assert_eq!(answer(&question(NAME).unwrap(), NAME), None);
            for len in 0..four.len() {
                assert_eq!(answer(&four[..len], NAME), None, "{len}");
            }
        }
        // A name that leads to itself, and one that leads on.
        let mut looping = response(NAME, A, &[10, 1, 2, 3], true);
        let at = looping.len() - 16;
        (looping[at], looping[at + 1]) = (0xC0, at as u8);
        assert_eq!(answer(&looping, NAME), None);
        looping[at + 1] = 200;
        assert_eq!(answer(&looping, NAME), None);
    }

    #[test]
    fn whoever_has_the_name_is_asked() {
        let responder = UdpSocket::bind("127.0.0.1:0").unwrap();
        let SocketAddr::V4(at) = responder.local_addr().unwrap() else { unreachable!() };
        let answering = std::thread::spawn(move || {
            let mut bytes = [0; 500];
            let (len, from) = responder.recv_from(&mut bytes).unwrap();
            assert_eq!(bytes[..len], question(NAME).unwrap());
            // From a stranger's port it does not count.
            let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
            stranger.send_to(&response(NAME, A, &[10, 6, 6, 6], true), from).unwrap();
            // Somebody else's name, and rubbish.
            responder.send_to(&response("other.local", A, &[10, 6, 6, 6], true), from).unwrap();
            responder.send_to(&[0xC0; 40], from).unwrap();
            responder.send_to(&response(NAME, A, &[10, 1, 2, 3], true), from).unwrap();
        });
        assert_eq!(ask(NAME, &[Ipv4Addr::LOCALHOST], at).unwrap(), Some([10, 1, 2, 3].into()));
        answering.join().unwrap();
    }

    #[test]
    fn silence_ends() {
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let SocketAddr::V4(at) = silent.local_addr().unwrap() else { unreachable!() };
        assert_eq!(ask(NAME, &[Ipv4Addr::LOCALHOST], at).unwrap(), None);
        // It was asked once per pause.
        silent.set_nonblocking(true).unwrap();
        assert_eq!(std::iter::from_fn(|| silent.recv_from(&mut [0; 100]).ok()).count(), PAUSES.len());
        assert_eq!(resolve("a.example", &[Ipv4Addr::LOCALHOST.into()]), None);
    }
}
