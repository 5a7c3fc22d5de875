//! The fields of a packet that SRTP has to find, with bounds.

use super::SrtpError;

/// Bytes of an RTCP header that stay readable (RFC 3711 §3.4).
pub(super) const RTCP_HEADER: usize = 8;

pub(super) struct RtpHeader {
    /// Including CSRCs and the extension block: what is authenticated but not encrypted.
    pub len: usize,
    pub sequence: u16,
    pub ssrc: u32,
}

/// RFC 3550 §5.1. `packet` ends where the payload ends at the latest.
pub(super) fn parse_rtp(packet: &[u8]) -> Result<RtpHeader, SrtpError> {
    if packet.len() < 12 || packet[0] >> 6 != 2 {
        return Err(SrtpError::Malformed);
    }
    let mut len = 12 + 4 * usize::from(packet[0] & 0x0f);
    if packet[0] & 0x10 != 0 {
        let words = packet.get(len + 2..len + 4).ok_or(SrtpError::Malformed)?;
        len += 4 + 4 * usize::from(u16::from_be_bytes([words[0], words[1]]));
    }
    if len > packet.len() {
        return Err(SrtpError::Malformed);
    }
    Ok(RtpHeader {
        len,
        sequence: u16::from_be_bytes([packet[2], packet[3]]),
        ssrc: u32::from_be_bytes([packet[8], packet[9], packet[10], packet[11]]),
    })
}

/// SSRC of the sender of an RTCP packet (the first one of a compound).
pub(super) fn parse_rtcp(packet: &[u8]) -> Result<u32, SrtpError> {
    if packet.len() < RTCP_HEADER || packet[0] >> 6 != 2 {
        return Err(SrtpError::Malformed);
    }
    Ok(u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]))
}
