//! The way to a TURN server by TCP or TLS (RFC 8656 §3.1): one connection, on which messages follow each other without
//! anything between them. What the server reads too slowly waits up to a limit, and is lost beyond that.
#![forbid(unsafe_code)]

use crate::media::turn::{Server, Transport};
use openssl::ssl::{ErrorCode, SslConnector, SslMethod, SslStream};
use rustix::event::epoll;
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::TcpStream;
use std::ops::Range;

/// Bytes that may wait: a key frame for each of some hundred peers.
const MOST_WAITING: usize = 4 << 20;
/// Longest message: its length has 16 bits.
const LONGEST: usize = 20 + (1 << 16);
/// Bytes that are read at once.
const PORTION: usize = 64 << 10;
/// Reads before other work gets its turn.
pub const READS: usize = 16;
/// Pieces of one system call.
const PIECES: usize = 64;
/// Largest record of TLS.
const RECORD: usize = 16 << 10;

enum Link {
    /// No answer yet. For TLS, what is needed then.
    Connecting(TcpStream, Option<openssl::ssl::Ssl>),
    Shaking(SslStream<TcpStream>),
    Tcp(TcpStream),
    Tls(SslStream<TcpStream>),
    Ended,
}

pub struct Stream {
    link: Link,
    /// For the server, of which the first message may have begun.
    waiting: Vec<u8>,
    /// From the server: the beginning of a message.
    rest: Vec<u8>,
    wants_write: bool,
    pub figures: Figures,
}

/// Since they were last taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub sent: u64,
    /// Messages that found no room.
    pub dropped: u64,
    pub calls: u64,
}

/// Where a worker reads what its relay sends. Lies outside of the core: plugins are given parts of it.
pub struct Room {
    bytes: Vec<u8>,
    messages: Vec<Range<usize>>,
    next: usize,
}

impl Default for Room {
    fn default() -> Room {
        Room { bytes: vec![0; LONGEST + PORTION], messages: Vec::new(), next: 0 }
    }
}

impl Room {
    pub fn next_message(&mut self) -> Option<&mut [u8]> {
        let range = self.messages.get(self.next)?.clone();
        self.next += 1;
        Some(&mut self.bytes[range])
    }

    pub fn count(&self) -> usize {
        self.messages.len()
    }
}

impl Stream {
    /// Begins to connect; `poll` is told of it.
    pub fn open(server: &Server, poll: &OwnedFd) -> io::Result<Stream> {
        let ssl = match server.transport {
            Transport::Tls => {
                let connector = SslConnector::builder(SslMethod::tls_client())?.build();
                Some(connector.configure()?.into_ssl(&server.host)?)
            }
            _ => None,
        };
        let family = if server.address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(family, SocketType::STREAM, flags, None)?;
        match connect(&socket, &server.address) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(error.into()),
        }
        let socket = TcpStream::from(socket);
        socket.set_nodelay(true)?;
        let both = epoll::EventFlags::IN | epoll::EventFlags::OUT;
        epoll::add(poll, &socket, epoll::EventData::new_u64(0), both)?;
        Ok(Stream {
            link: Link::Connecting(socket, ssl),
            waiting: Vec::new(),
            rest: Vec::new(),
            wants_write: true,
            figures: Figures::default(),
        })
    }

    /// The socket can be read from or written to. An error: the connection is at its end.
    pub fn advance(&mut self, poll: &OwnedFd) -> io::Result<()> {
        self.link = match std::mem::replace(&mut self.link, Link::Ended) {
            Link::Connecting(socket, ssl) => {
                if let Some(error) = socket.take_error()? {
                    return Err(error);
                }
                match (socket.peer_addr(), ssl) {
                    (Err(_), ssl) => Link::Connecting(socket, ssl),
                    (Ok(_), None) => Link::Tcp(socket),
                    (Ok(_), Some(ssl)) => shake(SslStream::new(ssl, socket)?)?,
                }
            }
            Link::Shaking(stream) => shake(stream)?,
            link => link,
        };
        self.flush()?;
        self.watch(poll)
    }

    /// What has to be waited for.
    fn watch(&mut self, poll: &OwnedFd) -> io::Result<()> {
        let wants_write = !self.waiting.is_empty() && matches!(self.link, Link::Tcp(_) | Link::Tls(_))
            || matches!(self.link, Link::Connecting(..));
        if wants_write != self.wants_write {
            self.wants_write = wants_write;
            let mut flags = epoll::EventFlags::IN;
            flags.set(epoll::EventFlags::OUT, wants_write);
            if let Some(socket) = self.link.socket() {
                epoll::modify(poll, socket.as_fd(), epoll::EventData::new_u64(0), flags)?;
            }
        }
        Ok(())
    }

    /// Sends messages, in their order; those that there is no room for are lost.
    pub fn send<'a>(&mut self, poll: &OwnedFd, messages: impl Iterator<Item = &'a [u8]>) -> io::Result<()> {
        let mut messages = messages.peekable();
        while messages.peek().is_some() {
            let mut pieces = [IoSlice::new(&[]); PIECES];
            let mut count = 0;
            while count < PIECES
                && let Some(message) = messages.next()
            {
                pieces[count] = IoSlice::new(message);
                count += 1;
            }
            self.send_pieces(&pieces[..count])?;
        }
        self.flush()?;
        self.watch(poll)
    }

    fn send_pieces(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<()> {
        let mut written = 0;
        // With TLS they are put together, so that many share a record and a system call.
        if self.waiting.is_empty()
            && let Link::Tcp(socket) = &mut self.link
        {
            self.figures.calls += 1;
            written = taken(socket.write_vectored(pieces))?;
        }
        for piece in pieces {
            let done = written.min(piece.len());
            written -= done;
            // What has begun has to come to its end.
            if done == 0 && self.waiting.len() + piece.len() > MOST_WAITING {
                self.figures.dropped += 1;
                continue;
            }
            self.figures.sent += 1;
            self.waiting.extend_from_slice(&piece[done..]);
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut done = 0;
        while done < self.waiting.len() {
            let left = &self.waiting[done..];
            let written = match &mut self.link {
                Link::Tcp(socket) => taken(socket.write(left))?,
                Link::Tls(stream) => match stream.ssl_write(&left[..left.len().min(RECORD)]) {
                    Ok(written) => written,
                    Err(error) if is_to_wait(error.code()) => 0,
                    Err(error) => return Err(ended(error)),
                },
                Link::Connecting(..) | Link::Shaking(_) | Link::Ended => break,
            };
            self.figures.calls += 1;
            if written == 0 {
                break;
            }
            done += written;
        }
        self.waiting.drain(..done);
        Ok(())
    }

    /// Reads some of what has come, and finds the messages in it. False: there is no more. An error: the connection is at its
    /// end.
    pub fn read(&mut self, room: &mut Room) -> io::Result<bool> {
        let before = self.rest.len();
        room.messages.clear();
        room.next = 0;
        let bytes = &mut room.bytes;
        bytes[..before].copy_from_slice(&self.rest);
        let space = &mut bytes[before..before + PORTION];
        let read = match &mut self.link {
            Link::Tcp(socket) => socket.read(space),
            Link::Tls(stream) => stream.ssl_read(space).map_or_else(
                |error| match error.code() {
                    code if is_to_wait(code) => Err(ErrorKind::WouldBlock.into()),
                    ErrorCode::ZERO_RETURN => Ok(0),
                    _ => Err(ended(error)),
                },
                Ok,
            ),
            Link::Connecting(..) | Link::Shaking(_) => return Ok(false),
            Link::Ended => Ok(0),
        };
        let read = match read {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(read) => read,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        let end = before + read;
        let mut at = 0;
        while let Some(len) = message_length(&bytes[at..end])? {
            if at + len > end {
                break;
            }
            room.messages.push(at..at + len);
            at += len;
        }
        self.rest.clear();
        self.rest.extend_from_slice(&bytes[at..end]);
        Ok(true)
    }
}

impl Link {
    fn socket(&self) -> Option<&TcpStream> {
        match self {
            Link::Connecting(socket, _) | Link::Tcp(socket) => Some(socket),
            Link::Shaking(stream) | Link::Tls(stream) => Some(stream.get_ref()),
            Link::Ended => None,
        }
    }
}

fn shake(mut stream: SslStream<TcpStream>) -> io::Result<Link> {
    match stream.connect() {
        Ok(()) => Ok(Link::Tls(stream)),
        Err(error) if is_to_wait(error.code()) => Ok(Link::Shaking(stream)),
        Err(error) => Err(match stream.ssl().verify_result() {
            openssl::x509::X509VerifyResult::OK => ended(error),
            why => io::Error::other(format!("its certificate: {}", why.error_string())),
        }),
    }
}

fn is_to_wait(code: ErrorCode) -> bool {
    code == ErrorCode::WANT_READ || code == ErrorCode::WANT_WRITE
}

fn ended(error: openssl::ssl::Error) -> io::Error {
    error.into_io_error().unwrap_or_else(io::Error::other)
}

/// Bytes that were taken; none when there is no room.
fn taken(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(0),
        result => result,
    }
}

/// Of the message that begins here; `None`: too little has come to tell. An error: no message begins so.
fn message_length(bytes: &[u8]) -> io::Result<Option<usize>> {
    let Some([first, _, l0, l1]) = bytes.first_chunk() else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes([*l0, *l1]));
    match first {
        0..=3 => Ok(Some(20 + length)),
        // Padded (RFC 8656 §12.5).
        0x40..=0x4F => Ok(Some(4 + length.next_multiple_of(4))),
        _ => Err(io::Error::new(ErrorKind::InvalidData, "no message of TURN")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{SocketAddr, TcpListener};

    fn server(address: SocketAddr) -> Server {
        Server {
            host: "localhost".into(),
            address,
            transport: Transport::Tcp,
            username: String::new(),
            password: String::new().into(),
        }
    }

    fn wait(poll: &OwnedFd) {
        let mut events =
            [epoll::Event { flags: epoll::EventFlags::empty(), data: epoll::EventData::new_u64(0) }];
        epoll::wait(poll, &mut events, None).unwrap();
    }

    fn connected() -> (Stream, TcpStream, OwnedFd) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
        let stream = Stream::open(&server(listener.local_addr().unwrap()), &poll).unwrap();
        (stream, listener.accept().unwrap().0, poll)
    }

    #[test]
    fn messages_come_whole_in_whatever_pieces() {
        let (mut stream, mut relay, poll) = connected();
        let mut binding = vec![0, 1, 0, 4];
        binding.extend([7; 20]);
        let all =
            [&binding[..], &[0x40, 1, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0], &[0x4F, 1, 0, 0], &binding].concat();
        let mut room = Room::default();
        let mut found = Vec::new();
        for piece in all.chunks(3) {
            relay.write_all(piece).unwrap();
            wait(&poll);
            stream.advance(&poll).unwrap();
            while stream.read(&mut room).unwrap() {
                while let Some(message) = room.next_message() {
                    found.push(message.to_vec());
                }
            }
        }
        assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [24, 12, 4, 24]);
        assert_eq!(found.concat(), all);
        relay.write_all(&[0x80, 0, 0, 0]).unwrap();
        let read = |stream: &mut Stream, room: &mut Room| {
            loop {
                wait(&poll);
                match stream.read(room) {
                    Ok(_) => {}
                    Err(error) => return error.kind(),
                }
            }
        };
        assert_eq!(read(&mut stream, &mut room), ErrorKind::InvalidData);
        let (mut stream, relay, poll) = connected();
        drop(relay);
        wait(&poll);
        stream.advance(&poll).unwrap();
        assert!(stream.read(&mut room).is_err());
    }

    #[test]
    fn a_relay_that_does_not_read_costs_packets_and_no_more_memory() {
        let (mut stream, mut relay, poll) = connected();
        // Before the connection is there.
        let message = [9; 1200];
        for _ in 0..20_000 {
            stream.send(&poll, std::iter::repeat_n(&message[..], 10)).unwrap();
        }
        wait(&poll);
        stream.advance(&poll).unwrap();
        assert!(stream.waiting.len() <= MOST_WAITING + message.len());
        assert!(stream.figures.dropped > 100_000 && stream.figures.sent + stream.figures.dropped == 200_000);
        let sent = stream.figures.sent as usize;
        let reading = std::thread::spawn(move || {
            let mut all = vec![0; sent * 1200];
            relay.read_exact(&mut all).unwrap();
            all.iter().all(|byte| *byte == 9)
        });
        while !stream.waiting.is_empty() {
            wait(&poll);
            stream.advance(&poll).unwrap();
        }
        assert!(reading.join().unwrap());
    }

    #[test]
    fn who_does_not_listen_is_told() {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
        let opened = Stream::open(&server(closed), &poll);
        let advanced = opened.and_then(|mut stream| {
            wait(&poll);
            stream.advance(&poll)
        });
        assert_eq!(advanced.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    }
}
