//! One direction of a DTLS-SRTP session.

use super::cipher::{Cipher, GCM_TAG};
use super::header::{RTCP_HEADER, parse_rtcp, parse_rtp};
use super::keys::Use;
use super::streams::Streams;
use super::{Profile, SrtpError};
use crate::media::prefetch::prefetch;

/// SSRCs a session keeps state for. A browser uses a few dozen; a peer that holds the keys must not grow us for ever.
pub const MAX_STREAMS: usize = 1024;

/// E bit of the SRTCP index word: the packet is encrypted.
const ENCRYPTED: u32 = 1 << 31;

/// An authentic packet: its length without what SRTP added, and where it belongs in the replay window.
struct Opened {
    len: usize,
    ssrc: u32,
    index: u64,
}

/// Keys and counters of one direction: use one for what is sent and one for what is received.
pub struct Session {
    profile: Profile,
    rtp: Cipher,
    rtcp: Cipher,
    rtp_streams: Streams,
    rtcp_streams: Streams,
    /// Index of the next SRTCP packet sent; shared by all SSRCs, which keeps it unique for each.
    next_rtcp: u32,
    keeps_beginning: bool,
}

impl Session {
    /// `key` and `salt` are the master key and salt; [`SrtpError::Key`] if their lengths are not the profile's.
    pub fn new(profile: Profile, key: &[u8], salt: &[u8]) -> Result<Session, SrtpError> {
        Ok(Session {
            profile,
            rtp: Cipher::new(profile, Use::Rtp, key, salt)?,
            rtcp: Cipher::new(profile, Use::Rtcp, key, salt)?,
            rtp_streams: Streams::default(),
            rtcp_streams: Streams::default(),
            next_rtcp: 1,
            keeps_beginning: false,
        })
    }

    /// Sends no stragglers from before the first packet of their stream; see `Window::is_before_all`.
    pub fn keeping_beginning(self) -> Session {
        Session { keeps_beginning: true, ..self }
    }

    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// SSRCs with RTP state.
    pub fn streams(&self) -> usize {
        self.rtp_streams.len()
    }

    /// Fetches what [`Session::protect_rtp`] needs first, and then [`Session::prefetch_rtp_stream`].
    pub fn prefetch_rtp(&self) {
        prefetch(&self.rtp);
        prefetch(&self.rtp_streams);
    }

    pub fn prefetch_rtp_stream(&self) {
        self.rtp_streams.prefetch();
    }

    /// The same for [`Session::unprotect_rtcp`].
    pub fn prefetch_rtcp(&self) {
        prefetch(&self.rtcp);
        prefetch(&self.rtcp_streams);
    }

    pub fn prefetch_rtcp_stream(&self) {
        self.rtcp_streams.prefetch();
    }

    /// Protects the RTP packet in `buf[..len]` and returns its new length; `buf` has [`Profile::rtp_overhead`] to spare.
    /// A sequence number is good for one packet: [`SrtpError::Replay`] for the second.
    pub fn protect_rtp(&mut self, buf: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        let header = parse_rtp(buf.get(..len).ok_or(SrtpError::Malformed)?)?;
        let total = len + self.profile.rtp_overhead();
        let packet = buf.get_mut(..total).ok_or(SrtpError::NoRoom)?;
        let window = self.rtp_streams.get(header.ssrc);
        if self.keeps_beginning && window.is_before_all(header.sequence) {
            return Err(SrtpError::Replay);
        }
        let index = window.estimate(header.sequence);
        if index >> 48 != 0 {
            return Err(SrtpError::KeyExhausted);
        }
        window.check(index)?;
        let (plain, tag) = packet.split_at_mut(len);
        let (head, body) = plain.split_at_mut(header.len);
        match &self.rtp {
            Cipher::Gcm(gcm) => tag.copy_from_slice(gcm.seal(header.ssrc, index, head, body)?.as_ref()),
            Cipher::Cm(cm) => {
                cm.apply(header.ssrc, index, body);
                let full = cm.tag(plain, &roll_over(index));
                tag.copy_from_slice(&full[..tag.len()]);
            }
        }
        self.rtp_streams.mark(header.ssrc, index)?;
        Ok(total)
    }

    /// Verifies and decrypts an SRTP packet; returns the length of the RTP packet at its start.
    pub fn unprotect_rtp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let opened = self.open_rtp(packet)?;
        self.rtp_streams.mark(opened.ssrc, opened.index)?;
        Ok(opened.len)
    }

    /// Whether [`Session::unprotect_rtp`] would accept the packet; its bytes are unspecified then.
    pub fn opens_rtp(&self, packet: &mut [u8]) -> bool {
        self.open_rtp(packet).is_ok()
    }

    #[inline]
    fn open_rtp(&self, packet: &mut [u8]) -> Result<Opened, SrtpError> {
        let len = packet.len().checked_sub(self.profile.rtp_overhead()).ok_or(SrtpError::Malformed)?;
        let header = parse_rtp(&packet[..len])?;
        let window = self.rtp_streams.get(header.ssrc);
        let index = window.estimate(header.sequence);
        window.check(index)?;
        match &self.rtp {
            Cipher::Gcm(gcm) => {
                let (head, body) = packet.split_at_mut(header.len);
                gcm.open(header.ssrc, index, head, body)?;
            }
            Cipher::Cm(cm) => {
                let (plain, tag) = packet.split_at_mut(len);
                cm.verify(plain, &roll_over(index), tag)?;
                cm.apply(header.ssrc, index, &mut plain[header.len..]);
            }
        }
        Ok(Opened { len, ssrc: header.ssrc, index })
    }

    /// Protects the (compound) RTCP packet in `buf[..len]` and returns its new length; `buf` has
    /// [`Profile::rtcp_overhead`] to spare.
    pub fn protect_rtcp(&mut self, buf: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        let ssrc = parse_rtcp(buf.get(..len).ok_or(SrtpError::Malformed)?)?;
        let total = len + self.profile.rtcp_overhead();
        let packet = buf.get_mut(..total).ok_or(SrtpError::NoRoom)?;
        let index = self.next_rtcp;
        if index & ENCRYPTED != 0 {
            return Err(SrtpError::KeyExhausted);
        }
        let word = (ENCRYPTED | index).to_be_bytes();
        match &self.rtcp {
            // Header, body, tag, index word.
            Cipher::Gcm(gcm) => {
                let (plain, trailer) = packet.split_at_mut(len);
                let (head, body) = plain.split_at_mut(RTCP_HEADER);
                let tag = gcm.seal(ssrc, index.into(), &rtcp_aad(head, word), body)?;
                trailer[..GCM_TAG].copy_from_slice(tag.as_ref());
                trailer[GCM_TAG..].copy_from_slice(&word);
            }
            // Header, body, index word, tag.
            Cipher::Cm(cm) => {
                cm.apply(ssrc, index.into(), &mut packet[RTCP_HEADER..len]);
                packet[len..len + 4].copy_from_slice(&word);
                let (covered, tag) = packet.split_at_mut(len + 4);
                tag.copy_from_slice(&cm.tag(covered, &[])[..tag.len()]);
            }
        }
        self.next_rtcp += 1;
        Ok(total)
    }

    /// Verifies and decrypts an SRTCP packet; returns the length of the RTCP packet at its start.
    pub fn unprotect_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let opened = self.open_rtcp(packet)?;
        self.rtcp_streams.mark(opened.ssrc, opened.index)?;
        Ok(opened.len)
    }

    /// Whether [`Session::unprotect_rtcp`] would accept the packet; its bytes are unspecified then.
    pub fn opens_rtcp(&self, packet: &mut [u8]) -> bool {
        self.open_rtcp(packet).is_ok()
    }

    #[inline]
    fn open_rtcp(&self, packet: &mut [u8]) -> Result<Opened, SrtpError> {
        let len = packet.len().checked_sub(self.profile.rtcp_overhead()).ok_or(SrtpError::Malformed)?;
        let ssrc = parse_rtcp(&packet[..len])?;
        let word_at = if self.profile.is_aead() { len + GCM_TAG } else { len };
        let mut word = [0; 4];
        word.copy_from_slice(&packet[word_at..word_at + 4]);
        let index = u32::from_be_bytes(word);
        if index & ENCRYPTED == 0 {
            return Err(SrtpError::NotEncrypted);
        }
        let index = u64::from(index & !ENCRYPTED);
        self.rtcp_streams.get(ssrc).check(index)?;
        match &self.rtcp {
            Cipher::Gcm(gcm) => {
                let (head, body) = packet[..word_at].split_at_mut(RTCP_HEADER);
                gcm.open(ssrc, index, &rtcp_aad(head, word), body)?;
            }
            Cipher::Cm(cm) => {
                let (covered, tag) = packet.split_at_mut(len + 4);
                cm.verify(covered, &[], tag)?;
                cm.apply(ssrc, index, &mut covered[RTCP_HEADER..len]);
            }
        }
        Ok(Opened { len, ssrc, index })
    }

    #[cfg(test)]
    pub(super) fn with_ciphers(profile: Profile, rtp: Cipher, rtcp: Cipher) -> Session {
        Session {
            profile,
            rtp,
            rtcp,
            rtp_streams: Streams::default(),
            rtcp_streams: Streams::default(),
            next_rtcp: 1,
            keeps_beginning: false,
        }
    }

    #[cfg(test)]
    pub(super) fn set_next_rtcp(&mut self, index: u32) {
        self.next_rtcp = index;
    }
}

/// The 32 bits HMAC covers behind the packet (RFC 3711 §4.2).
fn roll_over(index: u64) -> [u8; 4] {
    ((index >> 16) as u32).to_be_bytes()
}

/// RFC 7714 §9.2: the readable header, then the word with E bit and index.
fn rtcp_aad(head: &[u8], word: [u8; 4]) -> [u8; RTCP_HEADER + 4] {
    let mut aad = [0; RTCP_HEADER + 4];
    aad[..RTCP_HEADER].copy_from_slice(head);
    aad[RTCP_HEADER..].copy_from_slice(&word);
    aad
}
