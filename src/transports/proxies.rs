//! Proxies in front of the web server, and how they say who a client is: `X-Forwarded-For`, or the header of the proxy protocol
//! (HAProxy, "The PROXY protocol", versions 1 and 2) before everything else. Only those count that the operator names:
//! anybody can write either.

use super::socket::{Peer, Wire};
use axum::http::HeaderMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const FORWARDED_FOR: &str = "x-forwarded-for";

/// Version 1: a line of text, with its end, has at most so many bytes.
const LINE: usize = 107;
/// Version 2 begins like this,
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// and may go on for so long: addresses of Unix sockets are the longest, and few of them are followed by anything.
const BODY: usize = 4096;

/// Who they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    nets: Vec<Net>,
    /// Whoever comes by a Unix socket is one.
    local: bool,
    /// Their connections begin with the header.
    with_header: bool,
}

/// The first `bits` of the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Net {
    address: IpAddr,
    bits: u32,
}

/// Where a client is, as far as anybody who is trusted knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    At(IpAddr),
    /// At a Unix socket.
    Local,
}

impl Client {
    /// It created or claimed a session.
    pub fn has(self, session: u64) {
        tracing::debug!("Session {session} is of a client at {self}");
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Client::At(address) => address.fmt(f),
            Client::Local => f.write_str("a Unix socket"),
        }
    }
}

impl Net {
    /// `ADDRESS` or `ADDRESS/BITS`.
    fn parse(text: &str) -> Option<Net> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        (bits <= most).then_some(Net { address, bits })
    }

    fn has(&self, address: IpAddr) -> bool {
        let same = |own: u128, other: u128, of: u32| self.bits == 0 || (own ^ other) >> (of - self.bits) == 0;
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => same(own.to_bits().into(), other.to_bits().into(), 32),
            (IpAddr::V6(own), IpAddr::V6(other)) => same(own.to_bits(), other.to_bits(), 128),
            _ => false,
        }
    }
}

impl Proxies {
    /// `names`: addresses, networks (`10.0.0.0/8`), `unix`. Else what is none of them.
    pub fn new(names: &[String], with_header: bool) -> Result<Proxies, String> {
        let mut proxies = Proxies { with_header, ..Proxies::default() };
        for name in names {
            match Net::parse(name) {
                Some(net) => proxies.nets.push(net),
                None if name == "unix" => proxies.local = true,
                None => return Err(name.clone()),
            }
        }
        Ok(proxies)
    }

    pub(super) fn has(&self, peer: Peer) -> bool {
        match peer {
            Peer::Net(address) => self.has_address(address.ip().to_canonical()),
            Peer::Local => self.local,
        }
    }

    fn has_address(&self, address: IpAddr) -> bool {
        self.nets.iter().any(|net| net.has(address))
    }

    /// Who is at the other end: `peer`, or whom that tells of, when it is a proxy that begins with the header.
    pub(super) async fn peer(&self, wire: &Wire, peer: Peer) -> io::Result<Peer> {
        if !self.with_header || !self.has(peer) {
            return Ok(peer);
        }
        Ok(header(wire).await?.map_or(peer, Peer::Net))
    }

    /// Who sent a request: the last that `X-Forwarded-For` names before those who are proxies themselves.
    pub(super) fn client(&self, peer: Peer, headers: &HeaderMap) -> Client {
        let mut client = match peer {
            Peer::Net(address) => Client::At(address.ip().to_canonical()),
            Peer::Local => Client::Local,
        };
        let mut is_proxy = self.has(peer);
        let lines: Vec<_> = headers.get_all(FORWARDED_FOR).iter().collect();
        let names =
            lines.iter().rev().filter_map(|line| line.to_str().ok()).flat_map(|line| line.rsplit(','));
        for name in names {
            // Who is no proxy may have written whatever stands before.
            let Some(address) = named(name.trim()).filter(|_| is_proxy) else { break };
            client = Client::At(address);
            is_proxy = self.has_address(address);
        }
        client
    }
}

/// Some write a port behind the address.
fn named(name: &str) -> Option<IpAddr> {
    let address = name.parse().or_else(|_| name.parse().map(|address: SocketAddr| address.ip()));
    let bare = || name.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    address.ok().or_else(bare).map(|address: IpAddr| address.to_canonical())
}

/// Reads the header, and nothing behind it. `None`: the proxy tells of nobody, because it asks for itself or does not know.
async fn header(wire: &Wire) -> io::Result<Option<SocketAddr>> {
    let mut head = [0; SIGNATURE.len()];
    wire.fill(&mut head).await?;
    if head == SIGNATURE {
        let mut rest = [0; 4];
        wire.fill(&mut rest).await?;
        let length = usize::from(u16::from_be_bytes([rest[2], rest[3]]));
        if length > BODY {
            return Err(wrong());
        }
        let mut body = vec![0; length];
        wire.fill(&mut body).await?;
        return second(rest[0], rest[1], &body).ok_or_else(wrong);
    }
    let mut line = head.to_vec();
    while !line.ends_with(b"\r\n") {
        let mut byte = [0];
        wire.fill(&mut byte).await?;
        line.push(byte[0]);
        if line.len() > LINE || !line.starts_with(b"PROXY ") {
            return Err(wrong());
        }
    }
    first(&line).ok_or_else(wrong)
}

fn wrong() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "no header of the proxy protocol")
}

/// `PROXY TCP4 SOURCE DESTINATION PORT PORT\r\n`; outside `None`: wrong.
fn first(line: &[u8]) -> Option<Option<SocketAddr>> {
    let line = std::str::from_utf8(line).ok()?.strip_suffix("\r\n")?;
    let mut words = line.split(' ');
    if words.next()? != "PROXY" {
        return None;
    }
    let family = words.next()?;
    if family == "UNKNOWN" {
        return Some(None);
    }
    let (source, destination): (IpAddr, IpAddr) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let (from, _): (u16, u16) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let is_right = match family {
        "TCP4" => source.is_ipv4() && destination.is_ipv4(),
        "TCP6" => source.is_ipv6() && destination.is_ipv6(),
        _ => false,
    };
    (is_right && words.next().is_none()).then(|| Some(SocketAddr::new(source, from)))
}

/// Command, family and addresses; outside `None`: wrong.
fn second(command: u8, family: u8, body: &[u8]) -> Option<Option<SocketAddr>> {
    let port = |at: usize| Some(u16::from_be_bytes(*body.get(at..at + 2)?.first_chunk()?));
    match (command, family) {
        // LOCAL: the proxy looks whether we are there.
        (0x20, _) => Some(None),
        (0x21, 0x11) => {
            let source: [u8; 4] = *body.first_chunk()?;
            Some(Some(SocketAddr::new(Ipv4Addr::from(source).into(), port(8).filter(|_| body.len() >= 12)?)))
        }
        (0x21, 0x21) => {
            let source: [u8; 16] = *body.first_chunk()?;
            Some(Some(SocketAddr::new(Ipv6Addr::from(source).into(), port(32).filter(|_| body.len() >= 36)?)))
        }
        // Neither IPv4 nor IPv6: it has no address that we know.
        (0x21, _) => Some(None),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use tokio::io::AsyncWriteExt;
    use tokio::net::UnixStream;

    fn proxies(names: &[&str]) -> Proxies {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Proxies::new(&names, true).unwrap()
    }

    fn net(address: &str) -> Peer {
        Peer::Net(SocketAddr::new(address.parse().unwrap(), 1))
    }

    #[test]
    fn networks() {
        let these = proxies(&["10.0.0.0/8", "192.0.2.7", "2001:db8::/33"]);
        for (address, is_one) in [
            ("10.255.0.1", true),
            ("11.0.0.1", false),
            ("192.0.2.7", true),
            ("192.0.2.6", false),
            ("2001:db8:7fff::1", true),
            ("2001:db8:8000::1", false),
            // As a socket of IPv6 shows it.
            ("::ffff:10.1.2.3", true),
        ] {
            assert_eq!(these.has(net(address)), is_one, "{address}");
        }
        assert!(!these.has(Peer::Local));
        assert!(proxies(&["unix"]).has(Peer::Local));
        assert!(proxies(&["0.0.0.0/0"]).has(net("203.0.113.9")));
        for wrong in ["10.0.0.0/33", "::/129", "10.0.0/8", "host", "", "10.0.0.0/", "10.0.0.0/-1"] {
            assert_eq!(Proxies::new(&[wrong.to_owned()], false), Err(wrong.to_owned()));
        }
    }

    #[test]
    fn who_is_forwarded_for() {
        let these = proxies(&["10.0.0.0/8", "unix"]);
        let client = |peer: Peer, lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(FORWARDED_FOR, HeaderValue::from_static(line));
            }
            these.client(peer, &headers).to_string()
        };
        for (peer, lines, is) in [
            (net("10.0.0.1"), &[][..], "10.0.0.1"),
            (net("10.0.0.1"), &["203.0.113.9"], "203.0.113.9"),
            (net("10.0.0.1"), &["198.51.100.1, 203.0.113.9 , 10.0.0.2"], "203.0.113.9"),
            (net("10.0.0.1"), &["198.51.100.1", "203.0.113.9,10.0.0.2"], "203.0.113.9"),
            (net("10.0.0.1"), &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            (net("10.0.0.1"), &["[2001:db8::1]:80"], "2001:db8::1"),
            (net("10.0.0.1"), &["203.0.113.9:80"], "203.0.113.9"),
            (net("10.0.0.1"), &["198.51.100.1, unknown"], "10.0.0.1"),
            (net("10.0.0.1"), &["198.51.100.1,"], "10.0.0.1"),
            (Peer::Local, &["203.0.113.9"], "203.0.113.9"),
            // Whoever is no proxy says what it likes.
            (net("203.0.113.9"), &["10.0.0.1"], "203.0.113.9"),
        ] {
            assert_eq!(client(peer, lines), is, "{lines:?}");
        }
    }

    /// What the header says, and the first byte behind it.
    async fn read(bytes: &[u8]) -> io::Result<(Option<SocketAddr>, u8)> {
        let (mut proxy, server) = UnixStream::pair().unwrap();
        proxy.write_all(bytes).await.unwrap();
        drop(proxy);
        let wire = Wire::Unix(server);
        let said = header(&wire).await?;
        let mut next = [0];
        wire.fill(&mut next).await?;
        Ok((said, next[0]))
    }

    #[tokio::test]
    async fn headers() {
        let long = [b"\r\n\r\n\0\r\nQUIT\n".as_slice(), &[0x21, 0x21, 0, 39]].concat();
        let six: Vec<u8> =
            [&long[..], &[0x20, 1, 0xd, 0xb8], &[0; 11], &[9], &[1; 16], &[0, 80, 1, 187], b"\x04\0\0", b"G"]
                .concat();
        let four = |command: u8, family: u8, length: u8| {
            let head = [SIGNATURE.as_slice(), &[command, family, 0, length]].concat();
            [head, vec![203, 0, 113, 9, 10, 0, 0, 1, 4, 0, 1, 187], b"G".to_vec()].concat()
        };
        for (bytes, says) in [
            (b"PROXY TCP4 203.0.113.9 10.0.0.1 1024 443\r\nG".to_vec(), Some("203.0.113.9:1024")),
            (b"PROXY TCP6 2001:db8::9 2001:db8::1 80 443\r\nG".to_vec(), Some("[2001:db8::9]:80")),
            (b"PROXY UNKNOWN\r\nG".to_vec(), None),
            (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\nG".to_vec(), None),
            (four(0x21, 0x11, 12), Some("203.0.113.9:1024")),
            (four(0x20, 0, 12), None),
            (four(0x21, 0x31, 12), None),
            (six.clone(), Some("[2001:db8::9]:80")),
        ] {
            let (said, next) = read(&bytes).await.unwrap();
            assert_eq!((said.map(|address| address.to_string()).as_deref(), next), (says, b'G'), "{bytes:?}");
        }
        for wrong in [
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
            b"POST /janus HTTP/1.1\r\n".to_vec(),
            b"PROXY TCP4 203.0.113.9 10.0.0.1 1024\r\nG".to_vec(),
            b"PROXY TCP4 2001:db8::9 10.0.0.1 1024 443\r\nG".to_vec(),
            b"PROXY TCP4 203.0.113.9 10.0.0.1 1024 65536\r\nG".to_vec(),
            b"PROXY TCP4 203.0.113.9 10.0.0.1 1024 443 1\r\nG".to_vec(),
            [b"PROXY UNKNOWN".as_slice(), &[b' '; 200], b"\r\nG"].concat(),
            four(0x21, 0x11, 8),
            four(0x22, 0x11, 12),
            four(0x11, 0x11, 12),
            [SIGNATURE.as_slice(), &[0x21, 0x11, 0xff, 0xff], &[0; 100]].concat(),
            six[..40].to_vec(),
            Vec::new(),
        ] {
            assert!(read(&wrong).await.is_err(), "{wrong:?}");
        }
    }
}
