//! One connection of a client: TCP or a Unix socket, in the clear or under TLS.
//!
//! It never blocks. Inside the runtime it is waited for ([`AsyncRead`], [`AsyncWrite`]); [outside of it](Socket::outside) any
//! thread may read and write what goes at once, so that a reply needs no second thread.

use openssl::ssl::{ErrorCode, Ssl, SslStream};
use rustix::net::{RecvFlags, SendFlags};
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::Sleep;

/// What the operating system gives.
#[derive(Debug)]
pub(super) enum Wire {
    Tcp(TcpStream),
    Unix(UnixStream),
    /// Either of them, outside of the runtime.
    Own(Own),
}

/// A socket that somebody else waits for.
#[derive(Debug)]
pub(super) struct Own {
    socket: OwnedFd,
    /// Bytes that may be read before it is said again that there is something: none when the last one who read got less
    /// than there was room for, as there was no more.
    left: AtomicUsize,
}

/// As many at once: of some of them nothing comes that would end a turn, however fast more of them come.
const AT_ONCE: usize = 64 << 10;

impl Own {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.load(Ordering::Relaxed);
        if left == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        let room = buffer.len();
        let (length, _) = rustix::net::recv(&self.socket, buffer, RecvFlags::DONTWAIT)?;
        // The end is found out by a read that has nothing.
        let is_drained = 0 < length && length < room;
        self.left.store(if is_drained { 0 } else { left.saturating_sub(length) }, Ordering::Relaxed);
        Ok(length)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::net::send(&self.socket, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?)
    }
}

/// What an operation waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Read,
    Write,
}

/// How long the kernel waits for an acknowledgement, and how long it is silent before it asks for one.
const UNACKNOWLEDGED: Duration = Duration::from_secs(60);

impl Wire {
    /// Small messages go at once, and a peer that vanished without a word is noticed.
    pub fn prepare(&self) {
        if let Wire::Tcp(tcp) = self {
            let _ = tcp.set_nodelay(true);
            use rustix::net::sockopt;
            let _ = sockopt::set_socket_keepalive(tcp, true);
            let _ = sockopt::set_tcp_keepidle(tcp, UNACKNOWLEDGED);
            let _ = sockopt::set_tcp_keepintvl(tcp, UNACKNOWLEDGED / 6);
            let _ = sockopt::set_tcp_user_timeout(tcp, UNACKNOWLEDGED.as_millis() as u32);
        }
    }

    /// What the client sends first; it stays there. `None`: it does not tell.
    pub async fn first_byte(&self) -> io::Result<Option<u8>> {
        let mut byte = [0];
        match self {
            Wire::Tcp(tcp) => Ok((tcp.peek(&mut byte).await? == 1).then_some(byte[0])),
            Wire::Unix(_) | Wire::Own(_) => Ok(None),
        }
    }

    /// Reads as much as there is room for, and no more.
    pub async fn fill(&self, mut buffer: &mut [u8]) -> io::Result<()> {
        while !buffer.is_empty() {
            std::future::poll_fn(|context| self.poll_ready(Side::Read, context)).await?;
            match self.read(buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(length) => buffer = &mut buffer[length..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Wire::Tcp(tcp) => tcp.try_read(buffer),
            Wire::Unix(unix) => unix.try_read(buffer),
            Wire::Own(own) => own.read(buffer),
        }
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Wire::Tcp(tcp) => tcp.try_write(bytes),
            Wire::Unix(unix) => unix.try_write(bytes),
            Wire::Own(own) => own.write(bytes),
        }
    }

    fn poll_ready(&self, side: Side, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match (self, side) {
            (Wire::Tcp(tcp), Side::Read) => tcp.poll_read_ready(context),
            (Wire::Tcp(tcp), Side::Write) => tcp.poll_write_ready(context),
            (Wire::Unix(unix), Side::Read) => unix.poll_read_ready(context),
            (Wire::Unix(unix), Side::Write) => unix.poll_write_ready(context),
            (Wire::Own(_), _) => Poll::Ready(Err(ErrorKind::Unsupported.into())),
        }
    }

    /// It has been said that there is something to read.
    pub fn is_ready(&self) {
        if let Wire::Own(own) = self {
            own.left.store(AT_ONCE, Ordering::Relaxed);
        }
    }

    /// Both directions end: whoever waits for it finds that out.
    pub fn shut_down(&self) {
        let _ = rustix::net::shutdown(self, rustix::net::Shutdown::Both);
    }
}

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Wire::Tcp(tcp) => tcp.as_fd(),
            Wire::Unix(unix) => unix.as_fd(),
            Wire::Own(own) => own.socket.as_fd(),
        }
    }
}

/// As OpenSSL uses it.
struct Shared(Arc<Wire>);

impl Read for Shared {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What an operation that could not be done comes to.
enum Not {
    Now(Side),
    Ever(io::Error),
}

impl From<Not> for io::Error {
    fn from(not: Not) -> io::Error {
        match not {
            Not::Now(_) => ErrorKind::WouldBlock.into(),
            Not::Ever(error) => error,
        }
    }
}

impl Not {
    fn of_wire(error: io::Error, side: Side) -> Not {
        if error.kind() == ErrorKind::WouldBlock { Not::Now(side) } else { Not::Ever(error) }
    }

    fn of_tls(error: openssl::ssl::Error) -> Not {
        match error.code() {
            ErrorCode::WANT_READ => Not::Now(Side::Read),
            ErrorCode::WANT_WRITE => Not::Now(Side::Write),
            _ => Not::Ever(error.into_io_error().unwrap_or_else(io::Error::other)),
        }
    }
}

/// A connection.
pub(super) struct Socket {
    wire: Arc<Wire>,
    tls: Option<SslStream<Shared>>,
    /// Since it could not write; ends when all is written.
    stalled: Option<Pin<Box<Sleep>>>,
    /// How long that may take.
    patience: Duration,
}

impl Socket {
    /// `patience`: for a client that does not read what it asked for, where it is awaited.
    pub fn new(wire: Wire, patience: Duration) -> Socket {
        wire.prepare();
        Socket { wire: Arc::new(wire), tls: None, stalled: None, patience }
    }

    /// The server's side of the handshake.
    pub async fn secure(mut self, ssl: Ssl) -> io::Result<Socket> {
        let mut stream = SslStream::new(ssl, Shared(self.wire.clone())).map_err(io::Error::other)?;
        loop {
            match stream.accept().map_err(Not::of_tls) {
                Ok(()) => break,
                Err(Not::Now(side)) => {
                    std::future::poll_fn(|context| self.wire.poll_ready(side, context)).await?
                }
                Err(Not::Ever(error)) => return Err(error),
            }
        }
        self.tls = Some(stream);
        Ok(self)
    }

    pub fn wire(&self) -> &Wire {
        &self.wire
    }

    /// The same connection outside of the runtime: from now on somebody else waits for it.
    pub fn outside(mut self) -> io::Result<Socket> {
        let socket = self.wire.as_fd().try_clone_to_owned()?;
        self.wire = Arc::new(Wire::Own(Own { socket, left: AT_ONCE.into() }));
        if let Some(tls) = &mut self.tls {
            tls.get_mut().0 = self.wire.clone();
        }
        Ok(self)
    }

    pub fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    /// Agreed on with the handshake (RFC 7301): HTTP/2.
    pub fn is_http2(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.ssl().selected_alpn_protocol() == Some(b"h2"))
    }

    fn read_now(&mut self, buffer: &mut [u8]) -> Result<usize, Not> {
        match &mut self.tls {
            None => self.wire.read(buffer).map_err(|error| Not::of_wire(error, Side::Read)),
            Some(tls) => match tls.ssl_read(buffer) {
                Err(error) if error.code() == ErrorCode::ZERO_RETURN => Ok(0),
                // The peer ended without saying so.
                Err(error) if error.code() == ErrorCode::SYSCALL && error.io_error().is_none() => Ok(0),
                other => other.map_err(Not::of_tls),
            },
        }
    }

    fn write_now(&mut self, bytes: &[u8]) -> Result<usize, Not> {
        match &mut self.tls {
            None => self.wire.write(bytes).map_err(|error| Not::of_wire(error, Side::Write)),
            Some(_) if bytes.is_empty() => Ok(0),
            Some(tls) => tls.ssl_write(bytes).map_err(Not::of_tls),
        }
    }

    /// Until `side` is ready; an error when it has taken too long.
    fn poll_patiently(&mut self, side: Side, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.wire.poll_ready(side, context)?.is_ready() {
            return Poll::Ready(Ok(()));
        }
        let patience = self.patience;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }
}

/// What goes at once, on any thread.
impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.read_now(buffer)?)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(self.write_now(bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            match self.read_now(buffer.initialize_unfilled()) {
                Ok(length) => {
                    buffer.advance(length);
                    return Poll::Ready(Ok(()));
                }
                Err(Not::Now(side)) => ready!(self.wire.poll_ready(side, context))?,
                Err(Not::Ever(error)) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            match self.write_now(bytes) {
                Ok(length) => return Poll::Ready(Ok(length)),
                Err(Not::Now(side)) => ready!(self.poll_patiently(side, context))?,
                Err(Not::Ever(error)) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stalled = None;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(tls) = &mut self.tls {
            // Says so; nobody waits for the answer.
            let _ = tls.shutdown();
        }
        let _ = rustix::net::shutdown(&*self.wire, rustix::net::Shutdown::Write);
        Poll::Ready(Ok(()))
    }
}

/// Where a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    Net(SocketAddr),
    /// At a Unix socket.
    Local,
}

impl Peer {
    pub fn is_this_host(self) -> bool {
        match self {
            Peer::Net(address) => address.ip().to_canonical().is_loopback(),
            Peer::Local => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_come_is_read_in_portions() {
        let (mut theirs, ours) = std::os::unix::net::UnixStream::pair().unwrap();
        rustix::net::sockopt::set_socket_send_buffer_size(&theirs, 8 * AT_ONCE).unwrap();
        theirs.set_nonblocking(true).unwrap();
        let sent: usize =
            std::iter::from_fn(|| theirs.write(&[0; 1 << 10]).ok()).take(3 * AT_ONCE / 1024).sum();
        // Some systems give less.
        assert!(sent > AT_ONCE, "{sent}");
        let wire = Wire::Own(Own { socket: ours.into(), left: 0.into() });
        let mut buffer = [0; 1 << 10];
        assert_eq!(wire.read(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
        let mut portions = Vec::new();
        while portions.iter().sum::<usize>() < sent {
            wire.is_ready();
            portions.push(std::iter::from_fn(|| wire.read(&mut buffer).ok()).sum());
        }
        let (last, others) = portions.split_last().unwrap();
        assert!(others.iter().all(|portion| *portion == AT_ONCE) && *last <= AT_ONCE, "{portions:?}");
    }
}
