//! The APIs over WebSocket: one JSON text per message, as the reference's WebSocket transport serves them.
//!
//! Requests are read by the task of the connection. Replies and events are written by whichever thread has them, at
//! once, as long as the client reads; what it does not read waits here, and the task writes it when there is room.

use super::deflate::{self, Inflating};
use super::door::{Door, Kind};
use super::guests::{Business, Guest};
use super::proxies::Client;
use super::socket::Socket;
use crate::json::{Json, dump};
use crate::modules::host::Connection;
use crate::util::lock::Lock;
use crate::util::serial;
use bytes::Bytes;
use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use tokio::sync::{Notify, watch};
use tungstenite::error::CapacityError;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};

pub const PACKAGE: &str = "janus.transport.websockets";

/// Bytes of one message from a client with a session, or of the Admin API,
const MESSAGE: usize = 16 << 20;
/// and of one without: whoever wants a session needs no more.
const MESSAGE_OF_STRANGER: usize = 256 << 10;
/// Bytes that may wait for a client to read them; one message may, whatever its size.
const WAITING: usize = 16 << 20;
/// Bytes that are read at once.
const READ: usize = 8 << 10;
/// Messages that are taken before others have a turn.
const BURST: usize = 32;

const RFC6455_GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What proves that the request was read (RFC 6455 §4.2.2).
pub(super) fn accept_key(key: &[u8]) -> String {
    let mut hash = openssl::sha::Sha1::new();
    hash.update(key);
    hash.update(RFC6455_GUID);
    openssl::base64::encode_block(&hash.finish())
}

/// A connection.
struct Link {
    number: usize,
    package: &'static str,
    door: Door,
    /// `None`: it is over.
    way: Lock<Option<Way>>,
    /// Something waits for room.
    waits: Notify,
    guest: Arc<Guest>,
    agreed: Agreed,
    sessions: Lock<Sessions>,
}

#[derive(Default)]
struct Sessions {
    owned: HashSet<u64>,
    business: Option<Business>,
}

struct Way {
    socket: WebSocket<Inflating>,
    /// Bytes that the client has not taken, at least.
    waiting: usize,
}

/// What became of a message to the client.
#[derive(Debug, PartialEq, Eq)]
enum Sent {
    All,
    Waits,
    /// It reads nothing any more, or is gone.
    Never,
}

/// What came from the client.
enum Heard {
    Request(Bytes),
    /// Something that is no request.
    Other,
    Nothing,
    End,
}

impl Way {
    fn send(&mut self, message: Message) -> Sent {
        let alone = self.waiting == 0;
        self.waiting = self.waiting.saturating_add(message.len());
        let written = self.socket.write(message);
        match self.after(written) {
            Sent::Waits if self.waiting > WAITING && !alone => Sent::Never,
            sent => sent,
        }
    }

    /// Writes what waits.
    fn flush(&mut self) -> Sent {
        self.after(Ok(()))
    }

    fn after(&mut self, written: tungstenite::Result<()>) -> Sent {
        match written.and_then(|()| self.socket.flush()) {
            Ok(()) => {
                self.waiting = 0;
                Sent::All
            }
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => Sent::Waits,
            Err(_) => Sent::Never,
        }
    }

    fn hear(&mut self) -> Heard {
        match self.socket.read() {
            Ok(Message::Text(text)) => Heard::Request(text.into()),
            Ok(Message::Binary(bytes)) => Heard::Request(bytes),
            Ok(_) => Heard::Other,
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => Heard::Nothing,
            Err(error) => {
                match error {
                    Error::Capacity(CapacityError::MessageTooLong { .. }) => self.too_long(),
                    Error::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => self.too_long(),
                    Error::Io(error) if error.kind() != io::ErrorKind::InvalidData => {}
                    Error::Io(_) | Error::Protocol(_) | Error::Utf8(_) => self.close(CloseCode::Protocol, ""),
                    _ => {}
                }
                Heard::End
            }
        }
    }

    fn too_long(&mut self) {
        self.close(CloseCode::Size, "Message too long");
    }

    /// Says so, if the client listens.
    fn close(&mut self, code: CloseCode, reason: &'static str) {
        let _ = self.socket.close(Some(CloseFrame { code, reason: reason.into() }));
    }
}

impl Link {
    /// `None`: it is over.
    fn at_way<T>(&self, act: impl FnOnce(&mut Way) -> T) -> Option<T> {
        self.way.lock().as_mut().map(act)
    }

    fn allow(&self, message: usize) {
        self.at_way(|way| {
            way.socket.set_config(|config| {
                config.max_message_size = Some(message);
                config.max_frame_size = Some(message);
            });
            way.socket.get_mut().allow(message);
        });
    }

    fn owns(&self, session: u64) {
        let mut sessions = self.sessions.lock();
        sessions.owned.insert(session);
        if sessions.business.is_none() {
            sessions.business = Some(self.guest.begin());
            drop(sessions);
            self.allow(MESSAGE);
        }
    }

    /// It has ended, before this or just now: so do sessions that were created for it, or claimed, too late to be seen.
    fn is_over(&self) {
        let sessions = std::mem::take(&mut *self.sessions.lock());
        if !sessions.owned.is_empty() {
            self.door.core.transport_gone(self.package, self.number);
        }
    }

    fn owns_no_more(&self, session: u64) {
        let mut sessions = self.sessions.lock();
        sessions.owned.remove(&session);
        if sessions.owned.is_empty() {
            sessions.business = None;
        }
    }
}

impl Connection for Link {
    fn package(&self) -> &str {
        self.package
    }

    fn identity(&self) -> usize {
        self.number
    }

    fn send_message(&self, _request_id: usize, _admin: bool, message: Json) {
        let Some(text) = message.dump(dump::COMPACT | dump::PRESERVE_ORDER) else { return };
        drop(message);
        let packed = if self.agreed.deflates { deflate::frame(&text) } else { None };
        let message = packed.map_or_else(|| Message::text(text), Message::Frame);
        match self.at_way(|way| way.send(message)) {
            Some(Sent::All) => {}
            Some(Sent::Waits) => self.waits.notify_one(),
            // Its task finds out.
            Some(Sent::Never) => drop(self.at_way(|way| way.socket.get_ref().socket().wire().shut_down())),
            None => self.is_over(),
        }
    }

    fn session_created(&self, session_id: u64) {
        self.agreed.client.has(session_id);
        self.owns(session_id);
    }

    fn session_over(&self, session_id: u64, _timeout: bool, _claimed: bool) {
        self.owns_no_more(session_id);
    }

    fn session_claimed(&self, session_id: u64) {
        self.agreed.client.has(session_id);
        self.owns(session_id);
    }
}

/// Ends the connection, however its task ends.
struct End(Arc<Link>);

impl Drop for End {
    fn drop(&mut self) {
        let way = self.0.way.lock().take();
        drop(way);
        self.0.is_over();
    }
}

/// What the handshake has told.
#[derive(Clone, Copy)]
pub(super) struct Agreed {
    pub client: Client,
    /// Messages may be compressed, in either direction.
    pub deflates: bool,
}

/// Serves the connection until it ends. `early`: what came behind the handshake.
pub(super) async fn serve(
    socket: Socket,
    early: Bytes,
    door: Door,
    package: &'static str,
    guest: Arc<Guest>,
    agreed: Agreed,
    mut stopped: watch::Receiver<()>,
) {
    let wire = socket.wire();
    let most = if door.kind == Kind::Admin { MESSAGE } else { MESSAGE_OF_STRANGER };
    let config = WebSocketConfig::default()
        .read_buffer_size(READ)
        .write_buffer_size(0)
        .max_message_size(Some(most))
        .max_frame_size(Some(most));
    let socket = Inflating::new(socket, &early, agreed.deflates, most);
    let socket = WebSocket::from_raw_socket(socket, Role::Server, Some(config));
    let link = Arc::new(Link {
        number: serial::next() as usize,
        package,
        door,
        way: Lock::new(Some(Way { socket, waiting: 0 })),
        waits: Notify::new(),
        guest,
        agreed,
        sessions: Lock::default(),
    });
    let end = End(link);
    let link = &end.0;
    while let Some(waits) = take(link).await {
        tokio::select! {
            ready = wire.ready(waits) => if ready.is_err() { return },
            () = link.waits.notified() => {}
            _ = stopped.changed() => {
                link.at_way(|way| way.close(CloseCode::Away, ""));
                return;
            }
        }
    }
}

/// Takes what there is; whether something waits to be written then. `None`: it has ended.
async fn take(link: &Arc<Link>) -> Option<bool> {
    loop {
        for _ in 0..BURST {
            match link.at_way(Way::hear)? {
                Heard::Request(text) => link.door.request(link.clone(), 0, &text),
                Heard::Other => {}
                Heard::Nothing => {
                    return match link.at_way(Way::flush)? {
                        Sent::All => Some(false),
                        Sent::Waits => Some(true),
                        Sent::Never => None,
                    };
                }
                Heard::End => return None,
            }
        }
        tokio::task::yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 6455 §1.3
    #[test]
    fn the_key_of_the_rfc() {
        assert_eq!(accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
