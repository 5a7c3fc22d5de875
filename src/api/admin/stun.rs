//! One STUN Binding transaction (RFC 8489 §2), for `test_stun`.

use crate::util::random;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

const MAGIC_COOKIE: u32 = 0x2112_A442;
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const MAPPED_ADDRESS: u16 = 0x0001;
const LIMIT: Duration = Duration::from_secs(5);
/// First retransmission after this, then doubling (§6.2.1).
const RTO: Duration = Duration::from_millis(500);

/// Our address as `server` sees it. `local_port` 0: any.
pub fn public_address(server: SocketAddr, local_port: u16) -> io::Result<SocketAddr> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, local_port))?;
    socket.connect(server)?;
    let mut transaction = [0; 12];
    random::fill(&mut transaction);
    let request = request(&transaction);
    let deadline = Instant::now() + LIMIT;
    let (mut wait, mut buffer) = (RTO, [0; 1500]);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        socket.send(&request)?;
        socket.set_read_timeout(Some(wait.min(left)))?;
        wait *= 2;
        match socket.recv(&mut buffer) {
            Ok(length) => {
                if let Some(address) = answer(&buffer[..length], &transaction) {
                    return Ok(address);
                }
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(error) => return Err(error),
        }
    }
}

fn request(transaction: &[u8; 12]) -> [u8; 20] {
    let mut message = [0; 20];
    message[..2].copy_from_slice(&BINDING_REQUEST.to_be_bytes());
    message[4..8].copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
    message[8..].copy_from_slice(transaction);
    message
}

/// The mapped address of a success response to `transaction` (§14.1, §14.2).
fn answer(message: &[u8], transaction: &[u8; 12]) -> Option<SocketAddr> {
    let head = message.get(..20)?;
    let number = |at: usize| Some(u16::from_be_bytes(message.get(at..at + 2)?.try_into().ok()?));
    if number(0)? != BINDING_SUCCESS
        || head[4..8] != MAGIC_COOKIE.to_be_bytes()
        || &head[8..20] != transaction
    {
        return None;
    }
    let (mut at, mut plain) = (20, None);
    while let (Some(kind), Some(length)) = (number(at), number(at + 2)) {
        let Some(value) = message.get(at + 4..at + 4 + usize::from(length)) else { break };
        match kind {
            XOR_MAPPED_ADDRESS => return address(value, &head[4..20], true),
            MAPPED_ADDRESS => plain = address(value, &head[4..20], false),
            _ => {}
        }
        at += 4 + usize::from(length).next_multiple_of(4);
    }
    plain
}

/// `key`: magic cookie and transaction id.
fn address(value: &[u8], key: &[u8], xor: bool) -> Option<SocketAddr> {
    let mut bytes = value.get(2..)?.to_vec();
    if xor {
        for (byte, k) in bytes[..2].iter_mut().zip(key) {
            *byte ^= k;
        }
        for (byte, k) in bytes[2..].iter_mut().zip(key) {
            *byte ^= k;
        }
    }
    let port = u16::from_be_bytes(bytes.get(..2)?.try_into().ok()?);
    let ip: IpAddr = match value.get(1)? {
        1 => <[u8; 4]>::try_from(bytes.get(2..6)?).ok()?.into(),
        2 => <[u8; 16]>::try_from(bytes.get(2..18)?).ok()?.into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The IPv4 response of RFC 5769 §2.2, without its integrity and fingerprint attributes.
    const RESPONSE: [u8; 48] = [
        0x01, 0x01, 0x00, 0x1c, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa,
        0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x0b, 0x74, 0x65, 0x73, 0x74, 0x20, 0x76, 0x65, 0x63, 0x74, 0x6f,
        0x72, 0x20, 0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43,
    ];

    #[test]
    fn rfc5769_response() {
        let transaction: [u8; 12] = RESPONSE[8..20].try_into().unwrap();
        assert_eq!(answer(&RESPONSE, &transaction), "192.0.2.1:32853".parse().ok());
        assert_eq!(answer(&RESPONSE, &[0; 12]), None);
        for cut in 0..RESPONSE.len() {
            assert_eq!(answer(&RESPONSE[..cut], &transaction), None, "{cut}");
        }
    }

    #[test]
    fn over_loopback() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        let answering = std::thread::spawn(move || {
            let mut buffer = [0; 100];
            let (length, from) = server.recv_from(&mut buffer).unwrap();
            assert_eq!(length, 20);
            let mut response = RESPONSE.to_vec();
            response[8..20].copy_from_slice(&buffer[8..20]);
            server.send_to(&response, from).unwrap();
        });
        assert_eq!(public_address(address, 0).unwrap(), "192.0.2.1:32853".parse().unwrap());
        answering.join().unwrap();
    }
}
