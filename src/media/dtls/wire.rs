//! Numbers of DTLS, RFC 6347 and RFC 5246.
#![forbid(unsafe_code)]

/// Type, version, epoch, sequence number, length.
pub(super) const RECORD_HEADER: usize = 13;
/// Type, length, message number, offset and length of the fragment.
pub(super) const MESSAGE_HEADER: usize = 12;
pub(super) const DTLS_1_2: [u8; 2] = [0xFE, 0xFD];
/// Of the record of a ClientHello, before the version is agreed upon.
pub(super) const DTLS_1_0: [u8; 2] = [0xFE, 0xFF];
pub(super) const HANDSHAKE: u8 = 22;
pub(super) const CLIENT_HELLO: u8 = 1;
