//! Compression of WebSocket messages (RFC 7692, permessage-deflate), which browsers offer: of an SDP a quarter is left.
//!
//! Both sides forget everything between two messages, so that a connection costs no memory, and only what is long is
//! compressed. `tungstenite` knows no extensions: what it reads has been inflated below it ([`Inflating`]), and what is
//! compressed for a client is given to it as a frame ([`frame`]).
#![forbid(unsafe_code)]

use super::socket::Socket;
use crate::util::lock::Lock;
use axum::http::HeaderMap;
use axum::http::header::SEC_WEBSOCKET_EXTENSIONS;
use bytes::Bytes;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use std::io::{self, Cursor, ErrorKind, Read, Write};
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::protocol::frame::{Frame, FrameHeader};

/// The answer to an offer that is taken.
pub(super) const ACCEPTED: &str =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// Shorter messages are not compressed, bytes.
const LEAST: usize = 1024;
/// What ends a message, and is not sent (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
/// How many times its size a message may have when it is inflated, and which part of what messages may have at all, anyway:
/// JSON is three to thirty times as long; whoever sends zeros is to pay for them.
const RATIO: usize = 64;
const ANYWAY: usize = 16;
/// Bytes that are read at once.
const READ: usize = 4 << 10;

/// Whether one of the client's offers can be taken (RFC 7692 §7.1).
pub(super) fn is_offered(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(SEC_WEBSOCKET_EXTENSIONS).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(can_be_taken)
}

fn can_be_taken(offer: &str) -> bool {
    let mut words = offer.split(';').map(str::trim);
    if words.next() != Some("permessage-deflate") {
        return false;
    }
    let mut seen = Vec::new();
    words.all(|word| {
        let (name, value) = word
            .split_once('=')
            .map_or((word, None), |(name, value)| (name.trim(), Some(value.trim().trim_matches('"'))));
        let is_new = !seen.contains(&name);
        seen.push(name);
        let bits = value.map(|bits| matches!(bits, "8" | "9" | "10" | "11" | "12" | "13" | "14" | "15"));
        is_new
            && match name {
                "server_no_context_takeover" | "client_no_context_takeover" => value.is_none(),
                "client_max_window_bits" => bits.unwrap_or(true),
                // Ours is always the whole window.
                _ => false,
            }
    })
}

/// One that has been used; it is larger than what it compresses.
static SPARE: Lock<Option<Compress>> = Lock::new(None);

/// `text` compressed. `None`: it is not worth it.
pub(super) fn frame(text: &str) -> Option<Frame> {
    if text.len() < LEAST {
        return None;
    }
    let spare = SPARE.lock().take();
    let mut compress = spare.unwrap_or_else(|| Compress::new(Compression::fast(), false));
    let mut packed = Vec::with_capacity(text.len());
    let done = compress.compress_vec(text.as_bytes(), &mut packed, FlushCompress::Sync);
    let is_whole = done.is_ok() && compress.total_in() == text.len() as u64 && packed.ends_with(&TAIL);
    compress.reset();
    *SPARE.lock() = Some(compress);
    if !is_whole {
        return None;
    }
    packed.truncate(packed.len() - TAIL.len());
    let mut frame = Frame::message(packed, OpCode::Data(Data::Text), true);
    frame.header_mut().rsv1 = true;
    Some(frame)
}

/// What a message means. At most `most` bytes.
fn inflate(mut packed: Vec<u8>, most: usize) -> io::Result<Vec<u8>> {
    let most = most.min((most / ANYWAY).max(packed.len().saturating_mul(RATIO)));
    packed.extend(TAIL);
    let mut inflate = Decompress::new(false);
    let mut message = Vec::with_capacity(most.min(4 * packed.len()));
    loop {
        let (taken, made) = (inflate.total_in() as usize, inflate.total_out());
        let status = inflate
            .decompress_vec(&packed[taken..], &mut message, FlushDecompress::Sync)
            .map_err(|_| wrong())?;
        if message.len() > most {
            return Err(too_long());
        }
        let left = packed.len() - inflate.total_in() as usize;
        match status {
            // Its last block said so: behind it is an empty one, whose first byte was sent (RFC 7692 §7.2.3.4).
            Status::StreamEnd if left <= TAIL.len() + 1 => return Ok(message),
            Status::StreamEnd => return Err(wrong()),
            _ if message.len() == message.capacity() => {
                message.reserve((most + 1 - message.len()).min(message.len().max(256)))
            }
            _ if (inflate.total_in() as usize, inflate.total_out()) != (taken, made) => {}
            _ if left == 0 => return Ok(message),
            _ => return Err(wrong()),
        }
    }
}

fn wrong() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "a compressed message that is none")
}

fn too_long() -> io::Error {
    io::Error::new(ErrorKind::FileTooLarge, "a compressed message that is too long")
}

/// The socket of a client that may compress its messages: what is read from it is not.
///
/// [`ErrorKind::InvalidData`]: it breaks the rules; [`ErrorKind::FileTooLarge`]: its message is longer than it may be.
pub(super) struct Inflating<S = Socket> {
    socket: S,
    /// The client may compress.
    is_on: bool,
    /// Bytes of a message, compressed or not.
    most: usize,
    /// From the socket, not looked at yet.
    raw: Vec<u8>,
    /// To be read, from `at` on.
    ready: Vec<u8>,
    at: usize,
    /// Bytes of the frame that pass as they are.
    passing: u64,
    /// Of a message that is not complete: what it is, and its compressed bytes.
    message: Option<(OpCode, Vec<u8>)>,
}

impl<S> Inflating<S> {
    /// `early`: what came behind the handshake.
    pub fn new(socket: S, early: &Bytes, is_on: bool, most: usize) -> Inflating<S> {
        let (raw, ready) = if is_on { (early.to_vec(), Vec::new()) } else { (Vec::new(), early.to_vec()) };
        Inflating { socket, is_on, most, raw, ready, at: 0, passing: 0, message: None }
    }

    pub fn socket(&self) -> &S {
        &self.socket
    }

    pub fn allow(&mut self, most: usize) {
        self.most = most;
    }

    /// Makes something of `raw` ready to be read. `false`: there is too little of it.
    fn advance(&mut self) -> io::Result<bool> {
        if self.passing > 0 {
            let length = self.raw.len().min(usize::try_from(self.passing).unwrap_or(usize::MAX));
            self.passing -= length as u64;
            self.ready.extend(self.raw.drain(..length));
            return Ok(length > 0);
        }
        let mut cursor = Cursor::new(&self.raw);
        let Some((header, length)) = FrameHeader::parse(&mut cursor).map_err(|_| wrong())? else {
            return Ok(false);
        };
        let head = cursor.position() as usize;
        let is_ours = match header.opcode {
            OpCode::Data(Data::Continue) => self.message.is_some() && !header.rsv1,
            OpCode::Data(_) => header.rsv1 && self.message.is_none(),
            OpCode::Control(_) => false,
        };
        if !is_ours {
            self.passing = length;
            self.ready.extend(self.raw.drain(..head));
            return Ok(true);
        }
        let Some(mask) = header.mask else { return Err(wrong()) };
        let had = self.message.as_ref().map_or(0, |(_, packed)| packed.len());
        let length = usize::try_from(length).ok().filter(|length| *length <= self.most.saturating_sub(had));
        let Some(length) = length else { return Err(too_long()) };
        if self.raw.len() < head + length {
            return Ok(false);
        }
        let (_, packed) = self.message.get_or_insert_with(|| (header.opcode, Vec::new()));
        let payload = self.raw.drain(..head + length).skip(head);
        packed.extend(payload.enumerate().map(|(at, byte)| byte ^ mask[at % 4]));
        if header.is_final
            && let Some((opcode, packed)) = self.message.take()
        {
            let message = inflate(packed, self.most)?;
            // A mask of zeros changes nothing.
            let header = FrameHeader { opcode, mask: Some([0; 4]), ..FrameHeader::default() };
            header.format(message.len() as u64, &mut self.ready).map_err(|_| wrong())?;
            self.ready.extend(message);
        }
        Ok(true)
    }
}

impl<S: Read> Read for Inflating<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.at < self.ready.len() {
                let length = (&self.ready[self.at..]).read(buffer)?;
                self.at += length;
                return Ok(length);
            }
            (self.ready, self.at) = (Vec::new(), 0);
            if !self.is_on {
                return self.socket.read(buffer);
            }
            if self.advance()? {
                continue;
            }
            let had = self.raw.len();
            self.raw.resize(had + READ, 0);
            let read = self.socket.read(&mut self.raw[had..]);
            self.raw.truncate(had + read.as_ref().map_or(0, |length| *length));
            if read? == 0 {
                return Ok(0);
            }
        }
    }
}

impl<S: Write> Write for Inflating<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

#[cfg(test)]
#[path = "deflate_tests.rs"]
mod tests;
