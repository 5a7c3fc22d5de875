//! The fixed RTP header (RFC 3550 §5.1) as a view over a packet's bytes.

use std::ops::Range;

/// Bytes before the first CSRC.
pub const FIXED_LEN: usize = 12;

/// At least a fixed header, and not one of the payload types that RTCP occupies (RFC 5761 §4). The version bits are
/// not looked at (HL-074, HL-075).
pub fn is_rtp(packet: &[u8]) -> bool {
    packet.len() >= FIXED_LEN && !(64..96).contains(&(packet[1] & 0x7f))
}

/// What follows CSRCs and header extension, padding included. `None` when that is nothing, when the version is not
/// 2, or when the header announces more than the packet has (HL-076, HL-077).
pub fn payload(packet: &[u8]) -> Option<&[u8]> {
    let start = Header::new(packet)?.payload_start()?;
    packet.get(start..).filter(|p| !p.is_empty())
}

/// As [`payload`].
pub fn payload_mut(packet: &mut [u8]) -> Option<&mut [u8]> {
    let start = Header::new(&*packet)?.payload_start()?;
    packet.get_mut(start..).filter(|p| !p.is_empty())
}

/// A packet of at least [`FIXED_LEN`] bytes; the setters exist over `&mut [u8]`.
#[derive(Clone, Copy, Debug)]
pub struct Header<B>(B);

impl<B: AsRef<[u8]>> Header<B> {
    /// `None` when the packet is shorter than a fixed header.
    pub fn new(packet: B) -> Option<Self> {
        (packet.as_ref().len() >= FIXED_LEN).then_some(Header(packet))
    }

    pub fn version(&self) -> u8 {
        self.byte(0) >> 6
    }

    pub fn padding(&self) -> bool {
        self.byte(0) & 0x20 != 0
    }

    pub fn extension(&self) -> bool {
        self.byte(0) & 0x10 != 0
    }

    pub fn csrc_count(&self) -> usize {
        (self.byte(0) & 0x0f).into()
    }

    pub fn marker(&self) -> bool {
        self.byte(1) & 0x80 != 0
    }

    pub fn payload_type(&self) -> u8 {
        self.byte(1) & 0x7f
    }

    pub fn sequence(&self) -> u16 {
        u16::from_be_bytes([self.byte(2), self.byte(3)])
    }

    pub fn timestamp(&self) -> u32 {
        self.word(4)
    }

    pub fn ssrc(&self) -> u32 {
        self.word(8)
    }

    /// Offset of what follows the CSRC list: the extension block, or the payload. It may lie beyond the packet.
    pub fn csrc_end(&self) -> usize {
        FIXED_LEN + 4 * self.csrc_count()
    }

    /// Offset of the payload, which may be the packet's length. `None` when the version is not 2 or the packet is
    /// shorter than its header says.
    #[inline]
    pub fn payload_start(&self) -> Option<usize> {
        if self.version() != 2 {
            return None;
        }
        let start = if self.extension() { self.extension_block()?.1.end } else { self.csrc_end() };
        (start <= self.0.as_ref().len()).then_some(start)
    }

    /// The profile of the header extension (RFC 3550 §5.3.1) and where its data stands, which may reach beyond the
    /// packet. `None` without extension, and when the packet ends before the data.
    #[inline]
    pub fn extension_block(&self) -> Option<(u16, Range<usize>)> {
        if !self.extension() {
            return None;
        }
        let at = self.csrc_end();
        let [profile @ .., high, low] = *self.0.as_ref().get(at..)?.first_chunk::<4>()?;
        let (start, words) = (at + 4, u16::from_be_bytes([high, low]));
        Some((u16::from_be_bytes(profile), start..start + 4 * usize::from(words)))
    }

    fn byte(&self, at: usize) -> u8 {
        self.0.as_ref()[at]
    }

    fn word(&self, at: usize) -> u32 {
        u32::from_be_bytes([self.byte(at), self.byte(at + 1), self.byte(at + 2), self.byte(at + 3)])
    }
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Header<B> {
    pub fn set_padding(&mut self, on: bool) {
        self.set_bit(0, 0x20, on);
    }

    pub fn set_extension(&mut self, on: bool) {
        self.set_bit(0, 0x10, on);
    }

    /// At most 15.
    pub fn set_csrc_count(&mut self, count: u8) {
        let first = &mut self.0.as_mut()[0];
        *first = (*first & 0xf0) | (count & 0x0f);
    }

    pub fn set_marker(&mut self, on: bool) {
        self.set_bit(1, 0x80, on);
    }

    /// Seven bits.
    pub fn set_payload_type(&mut self, payload_type: u8) {
        let second = &mut self.0.as_mut()[1];
        *second = (*second & 0x80) | (payload_type & 0x7f);
    }

    pub fn set_sequence(&mut self, sequence: u16) {
        self.0.as_mut()[2..4].copy_from_slice(&sequence.to_be_bytes());
    }

    pub fn set_timestamp(&mut self, timestamp: u32) {
        self.0.as_mut()[4..8].copy_from_slice(&timestamp.to_be_bytes());
    }

    pub fn set_ssrc(&mut self, ssrc: u32) {
        self.0.as_mut()[8..12].copy_from_slice(&ssrc.to_be_bytes());
    }

    fn set_bit(&mut self, at: usize, mask: u8, on: bool) {
        let byte = &mut self.0.as_mut()[at];
        *byte = if on { *byte | mask } else { *byte & !mask };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: [u8; 14] = [0x80, 0xe0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xaa, 0xbb];

    // HL-074, HL-075
    #[test]
    fn rtp_is_told_by_length_and_payload_type() {
        let mut packet = [0u8; 12];
        for pt in 0..=127u8 {
            packet[1] = pt | 0x80;
            assert_eq!(is_rtp(&packet), !(64..=95).contains(&pt), "{pt}");
        }
        assert!(!is_rtp(&packet[..11]));
    }

    // HL-076
    #[test]
    fn payload_follows_csrcs_and_extension() {
        assert_eq!(payload(&PLAIN), Some(&[0xaa, 0xbb][..]));
        assert_eq!(payload(&PLAIN[..12]), None);
        let mut full = vec![0x92, 96];
        full.extend([0; 18]);
        full.extend([0xbe, 0xde, 0, 1, 0x10, 0xff, 0, 0, 0x77]);
        assert_eq!(payload(&full), Some(&[0x77][..]));
        // Ends after its extension, or within it: no payload.
        assert_eq!(payload(&full[..28]), None);
        assert_eq!(payload(&full[..26]), None);
        assert_eq!(payload_mut(&mut full).map(|p| p.len()), Some(1));
    }

    // HL-077
    #[test]
    fn payload_needs_version_2() {
        let mut packet = PLAIN;
        packet[0] = 0x40;
        assert_eq!(payload(&packet), None);
    }

    #[test]
    fn fields_are_read_and_written_in_place() {
        let mut bytes = PLAIN;
        let mut header = Header::new(&mut bytes[..]).unwrap();
        assert_eq!((header.version(), header.marker(), header.payload_type()), (2, true, 96));
        assert_eq!((header.sequence(), header.timestamp(), header.ssrc()), (1, 2, 3));
        header.set_marker(false);
        header.set_payload_type(111);
        header.set_sequence(0xfffe);
        header.set_timestamp(0x0102_0304);
        header.set_ssrc(0x0506_0708);
        header.set_padding(true);
        header.set_extension(true);
        header.set_csrc_count(15);
        assert!(header.padding() && header.extension());
        assert_eq!(bytes, [0xbf, 111, 0xff, 0xfe, 1, 2, 3, 4, 5, 6, 7, 8, 0xaa, 0xbb]);
        assert!(Header::new(&bytes[..11]).is_none());
    }
}
