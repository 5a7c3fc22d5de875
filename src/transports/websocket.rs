//! The APIs over WebSocket: one JSON text per message, as the reference's WebSocket transport serves them.
//!
//! Requests are read by the thread of the [readers](super::readers). Replies and events are written by whichever thread has
//! them, at once, as long as the client reads; what it does not read waits here until there is room. What that thread itself
//! has to say during a turn of the connection leaves together, when the turn ends.

use super::deflate::{self, Inflating};
use super::door::{Door, Kind};
use super::guests::{Business, Guest};
use super::proxies::Client;
use super::readers::{Line, Place, Turn};
use super::socket::{Socket, Wire};
use crate::json::{Json, dump};
use crate::modules::host::Connection;
use crate::util::lock::Lock;
use crate::util::{relief, serial};
use bytes::Bytes;
use std::cell::Cell;
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
/// Bytes that leave together; more leave at once.
const TOGETHER: usize = 32 << 10;

thread_local! {
    /// The connection that has its turn on this thread.
    static TURN: Cell<usize> = const { Cell::new(0) };
}

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
    /// No more turns are taken.
    over: Notify,
    place: Place,
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
    /// Bytes that have been held back, or that the client has not taken, at least.
    waiting: usize,
    /// It has a turn when there is room to write.
    is_watched: bool,
    /// What is held back may wait for what other threads will have to say; and they have said something since a request came.
    is_patient: bool,
    is_followed: bool,
}

/// When a message leaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Now,
    /// With the turn's end.
    WithTurn,
    /// A moment later, unless something follows before that.
    WithNext,
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
    fn send(&mut self, message: Message, when: When) -> Sent {
        let alone = self.waiting == 0;
        self.waiting = self.waiting.saturating_add(message.len());
        let written = self.socket.write(message);
        self.is_followed |= when == When::Now;
        self.is_patient = when == When::WithNext && !self.is_followed;
        if when != When::Now && written.is_ok() && self.waiting <= TOGETHER {
            return Sent::All;
        }
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
                (self.waiting, self.is_patient) = (0, false);
                Sent::All
            }
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => Sent::Waits,
            Err(_) => Sent::Never,
        }
    }

    fn wire(&self) -> &Wire {
        self.socket.get_ref().socket().wire()
    }

    fn hear(&mut self) -> Heard {
        self.is_followed = false;
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

    /// `when`: on the thread of this connection's turn; any other one sends now.
    fn send(&self, message: Json, when: When) {
        let Some(text) = message.dump(dump::COMPACT | dump::PRESERVE_ORDER) else { return };
        drop(message);
        let packed = if self.agreed.deflates { deflate::frame(&text) } else { None };
        let message = packed.map_or_else(|| Message::text(text), Message::Frame);
        let has_turn = TURN.get() == self.number;
        let when = if has_turn { when } else { When::Now };
        match self.write(|way| way.send(message, when)) {
            // Looked at after the message was written: who takes the turn over later finds it.
            Some(_) if has_turn && relief::is_relieved() => drop(self.write(Way::flush)),
            Some(_) => {}
            None => self.is_over(),
        }
    }

    /// Writes, and sees to what the client has no room for. `None`: it is over, or will be.
    fn write(&self, act: impl FnOnce(&mut Way) -> Sent) -> Option<Sent> {
        self.at_way(|way| {
            let sent = act(way);
            let waits = sent == Sent::Waits;
            if waits != way.is_watched {
                way.is_watched = waits;
                self.place.watch(self.number as u64, way.wire(), waits);
            }
            if sent == Sent::Never {
                // It has one more turn, which finds out.
                way.wire().shut_down();
            }
            sent
        })
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

    /// The turn ends so, unless something is held back for longer.
    fn rest(&self, turn: Turn) -> Turn {
        if turn == Turn::Done && self.at_way(|way| way.is_patient) == Some(true) {
            return Turn::Held;
        }
        self.write(Way::flush);
        turn
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
        self.send(message, When::WithTurn);
    }

    fn announce(&self, _request_id: usize, _admin: bool, message: Json) {
        self.send(message, When::WithNext);
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

impl Line for Link {
    fn turn(self: Arc<Self>) -> Turn {
        struct Mine;
        impl Drop for Mine {
            fn drop(&mut self) {
                TURN.set(0);
            }
        }
        let _mine = Mine;
        TURN.set(self.number);
        self.at_way(|way| way.wire().is_ready());
        for _ in 0..BURST {
            match self.at_way(Way::hear) {
                Some(Heard::Request(text)) => {
                    self.door.request(self.clone(), 0, &text);
                    if relief::is_relieved() {
                        return Turn::Done;
                    }
                }
                Some(Heard::Other) => {}
                Some(Heard::Nothing) => return self.rest(Turn::Done),
                Some(Heard::End) => {
                    self.at_way(|way| drop(way.socket.flush()));
                    self.end();
                    return Turn::Done;
                }
                None => return Turn::Done,
            }
        }
        self.rest(Turn::Again)
    }

    fn release(&self) {
        self.write(Way::flush);
    }

    fn end(&self) {
        self.at_way(|way| self.place.mute(way.wire()));
        self.over.notify_one();
    }
}

/// Ends the connection, however its task ends.
pub(super) struct Served(Arc<Link>);

impl Drop for Served {
    fn drop(&mut self) {
        let Served(link) = self;
        link.place.leave(link.number as u64);
        let way = link.way.lock().take();
        if let Some(way) = way {
            link.place.mute(way.wire());
        }
        link.is_over();
    }
}

/// What the handshake has told.
#[derive(Clone, Copy)]
pub(super) struct Agreed {
    pub client: Client,
    /// Messages may be compressed, in either direction.
    pub deflates: bool,
}

/// Begins with the connection. `early`: what came behind the handshake.
pub(super) fn begin(
    socket: Socket,
    early: Bytes,
    door: Door,
    package: &'static str,
    guest: Arc<Guest>,
    agreed: Agreed,
    place: Place,
) -> io::Result<Served> {
    let socket = socket.outside()?;
    let most = if door.kind == Kind::Admin { MESSAGE } else { MESSAGE_OF_STRANGER };
    let config = WebSocketConfig::default()
        .read_buffer_size(READ)
        .write_buffer_size(TOGETHER)
        .max_message_size(Some(most))
        .max_frame_size(Some(most));
    let socket = Inflating::new(socket, &early, agreed.deflates, most);
    let socket = WebSocket::from_raw_socket(socket, Role::Server, Some(config));
    let way = Way { socket, waiting: 0, is_watched: true, is_patient: false, is_followed: false };
    let link = Arc::new(Link {
        number: serial::next() as usize,
        package,
        door,
        way: Lock::new(Some(way)),
        over: Notify::new(),
        place,
        guest,
        agreed,
        sessions: Lock::default(),
    });
    let served = Served(link.clone());
    let entered = link.at_way(|way| link.place.enter(link.number as u64, way.wire(), link.clone()));
    entered.unwrap_or(Ok(()))?;
    Ok(served)
}

impl Served {
    /// Until it ends.
    pub async fn serve(self, mut stopped: watch::Receiver<()>) {
        let Served(link) = &self;
        tokio::select! {
            () = link.over.notified() => {}
            _ = stopped.changed() => drop(link.at_way(|way| way.close(CloseCode::Away, ""))),
        }
    }
}

#[cfg(test)]
#[path = "websocket_tests.rs"]
mod tests;
