//! SRTP and SRTCP (RFC 3711, RFC 7714) for one direction, in place.
//!
//! A [`Session`] holds the keys of one direction, as DTLS hands them over (RFC 5764 §4.2). Packets are rewritten where
//! they lie; nothing allocates except the first packet of a new SSRC. Received packets change no state before they
//! have been authenticated. Plain SRTCP (the E bit clear) is refused, as RFC 8827 §6.5 asks for encryption.
#![forbid(unsafe_code)]

mod cipher;
mod header;
mod keys;
mod profile;
mod replay;
mod session;
mod streams;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;

pub use profile::Profile;
pub use replay::Window;
pub use session::{MAX_STREAMS, Session};

/// Why a packet was not protected or not accepted. The packet has to be dropped; its bytes are unspecified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SrtpError {
    /// The key or the salt does not have the profile's length.
    #[error("wrong key or salt length")]
    Key,
    /// Shorter than its own header says, or than header and tag together.
    #[error("malformed packet")]
    Malformed,
    /// No room behind the packet for tag and index.
    #[error("no room for the authentication tag")]
    NoRoom,
    /// The tag is wrong.
    #[error("authentication failed")]
    Authentication,
    /// The same index was seen before, or it is older than the window.
    #[error("replayed")]
    Replay,
    /// SRTCP that is not encrypted.
    #[error("SRTCP is not encrypted")]
    NotEncrypted,
    /// [`MAX_STREAMS`] SSRCs are in use.
    #[error("too many SSRCs")]
    TooManyStreams,
    /// 2^48 RTP or 2^31 RTCP packets: the keys are used up (RFC 3711 §9.2).
    #[error("the keys are used up")]
    KeyExhausted,
}
