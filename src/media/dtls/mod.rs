//! DTLS 1.2 with `use_srtp` (RFC 6347, RFC 5764), sans-IO: datagrams and time go in, datagrams and events come out.
//!
//! [`Dtls`] is what a PeerConnection knows; [`DtlsContext`] makes it with OpenSSL, whose place [`settled`] takes after the
//! handshake. `unsafe` is denied except in [`ffi`]
//! (docs/decisions/003-dtls-ffi.md).
#![deny(unsafe_code)]

mod context;
#[allow(unsafe_code)]
mod ffi;
mod gate;
mod hello;
mod identity;
mod keys;
mod openssl;
mod settled;
mod wire;
#[cfg(test)]
mod tests;

pub use self::openssl::OpenSslDtls;
pub use context::{DtlsConfig, DtlsContext};
pub use gate::{certificate, client_hello};
pub use hello::{Cookies, Hello, Random, Secret, is_verify_request};
pub use identity::{Identity, fingerprint_of, seconds_since_1970};
pub use keys::{Connected, Keys};

use bytes::Bytes;
use std::time::Instant;

/// One DTLS association. Never blocks and never panics on input; after [`DtlsEvent::Failed`] or
/// [`DtlsEvent::Closed`] it only gives out what is left to send.
pub trait Dtls {
    /// Starts the handshake: the client sends its ClientHello, the server takes the datagrams that came early.
    fn start(&mut self);

    /// Takes a received datagram. Before [`Dtls::start`] the first few are kept (browsers send their ClientHello
    /// as soon as their side of ICE is done), the others are dropped.
    fn handle(&mut self, datagram: &[u8]);

    /// What a ClientHello may repeat to prove that its sender reads what we send there, and the number that records in the
    /// clear have at least from here on ([`Secret::next_record`]).
    fn expect(&mut self, _cookies: Cookies, _next: u64) {}

    /// As the server: whose ClientHello has begun the present handshake. Without a cookie no other one takes its place.
    fn begun_by(&self) -> Option<Random> {
        None
    }

    /// Somebody has proven to read what we send, with another handshake: one that may be a stranger's ends, if nothing of it
    /// has come but the ClientHello, and another begins with a cookie only. Whether it did.
    fn give_way(&mut self) -> bool {
        false
    }

    /// Next datagram to send.
    fn poll_transmit(&mut self) -> Option<Vec<u8>>;

    /// Next event.
    fn poll_event(&mut self) -> Option<DtlsEvent>;

    /// When [`Dtls::handle_timeout`] is due; may change with every other call.
    fn timeout(&self, now: Instant) -> Option<Instant>;

    /// Retransmits the last flight if it is time.
    fn handle_timeout(&mut self);

    /// Sends application data (one SCTP packet) as one datagram.
    fn write(&mut self, data: &[u8]) -> Result<(), DtlsError>;

    /// The same, written to `out`; how many bytes. `None`, and nothing happened that a [`Dtls::write`] of the same could not make
    /// good: there is no room, something waits that goes before, or it cannot.
    fn write_to(&mut self, _data: &[u8], _out: &mut [u8]) -> Option<usize> {
        None
    }

    /// Sends the close alert, if there is a connection, and ends (MP-139).
    fn close(&mut self);

    /// Flights that were sent again because nothing came back in time (MP-137).
    fn retransmissions(&self) -> u32;

    /// After [`DtlsEvent::Connected`]: one that goes on in its place with less memory, if there is such a one.
    fn settle(&mut self) -> Option<Box<dyn Dtls>>;
}

#[derive(Debug)]
pub enum DtlsEvent {
    /// The handshake is complete. Whether the peer is the one from the SDP is the caller's to check
    /// ([`Connected::matches`]), before any key is used.
    Connected(Box<Connected>),
    /// Application data of one record.
    Data(Bytes),
    /// The peer has repeated what ends the handshake, in a record of its own: our last flight did not arrive.
    Repeated,
    /// The peer sent a close alert (MP-138).
    Closed,
    /// A message broke the handshake, which has begun afresh: it may have been a stranger's. The text is for the log.
    Refused(DtlsError),
    /// The connection failed; the text is for the log.
    Failed(DtlsError),
}

/// Why a connection, or an identity, is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DtlsError {
    #[error("no certificate in the file")]
    NoCertificate,
    #[error("the key is not the certificate's")]
    ForeignKey,
    #[error("the peer has no certificate")]
    NoPeerCertificate,
    #[error("no SRTP profile in common")]
    NoProfile,
    #[error("not connected")]
    NotConnected,
    #[error("too long for a record")]
    TooLong,
    #[error("the keys are used up")]
    KeysUsedUp,
    /// A fatal alert of the peer (RFC 8446 §6).
    #[error("alert {0} of the peer")]
    Alert(u8),
    /// OpenSSL's own words.
    #[error("{0}")]
    OpenSsl(String),
}

impl From<::openssl::error::ErrorStack> for DtlsError {
    fn from(stack: ::openssl::error::ErrorStack) -> DtlsError {
        DtlsError::OpenSsl(stack.to_string())
    }
}
