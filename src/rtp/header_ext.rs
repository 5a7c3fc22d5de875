//! RTP header extensions (RFC 8285): finding elements in a packet, and what they say.

use super::extensions::{AudioLevel, Extensions, Orientation, PlayoutDelay};
use super::header::Header;
use std::ops::Range;

/// Profile of the one-byte form.
pub const ONE_BYTE: u16 = 0xbede;
/// Profile of the two-byte form, with the application bits 0.
pub const TWO_BYTE: u16 = 0x1000;

/// Negotiated ids; 0 means that the extension was not negotiated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExtensionIds {
    pub audio_level: u8,
    pub abs_send_time: u8,
    pub transport_wide_cc: u8,
    pub mid: u8,
    pub rid: u8,
    pub repaired_rid: u8,
    pub abs_capture_time: u8,
    pub playout_delay: u8,
    pub orientation: u8,
    pub dependency_descriptor: u8,
    pub video_layers: u8,
}

/// One element: where it stands in the packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    pub id: u8,
    /// Offset of the byte that holds the id.
    pub head: usize,
    pub data: Range<usize>,
}

/// Walks the elements of a packet. A packet without payload after its extension block has none (HL-083); an element
/// that would reach beyond the block ends the walk.
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    /// The packet up to the end of the block.
    bytes: &'a [u8],
    at: usize,
    two_byte: bool,
}

/// The elements of `packet`'s extension block; none when there is no block of a known profile.
#[inline]
pub fn elements(packet: &[u8]) -> Elements<'_> {
    block(packet).unwrap_or(Elements { bytes: &[], at: 0, two_byte: false })
}

/// Whether `packet` has an extension block in which elements can be found, of either form.
pub fn has_block(packet: &[u8]) -> bool {
    block(packet).is_some()
}

#[inline]
fn block(packet: &[u8]) -> Option<Elements<'_>> {
    let header = Header::new(packet).filter(|header| header.version() == 2)?;
    let (profile, data) = header.extension_block()?;
    let two_byte = match profile {
        ONE_BYTE => false,
        TWO_BYTE => true,
        _ => return None,
    };
    let (bytes, payload) = packet.split_at_checked(data.end)?;
    (!payload.is_empty()).then_some(Elements { bytes, at: data.start, two_byte })
}

impl Iterator for Elements<'_> {
    type Item = Element;

    #[inline]
    fn next(&mut self) -> Option<Element> {
        loop {
            let head = self.at;
            let first = *self.bytes.get(head)?;
            if first == 0 {
                self.at += 1;
                continue;
            }
            let (id, start, length) = if self.two_byte {
                (first, head + 2, usize::from(*self.bytes.get(head + 1)?))
            } else {
                (first >> 4, head + 1, usize::from(first & 0x0f) + 1)
            };
            let end = start + length;
            // Id 15 of the one-byte form ends the block (RFC 8285 §4.2).
            if end > self.bytes.len() || (!self.two_byte && id == 15) {
                return None;
            }
            self.at = end;
            if id != 0 {
                return Some(Element { id, head, data: start..end });
            }
        }
    }
}

/// The data of the first element with this id.
#[inline]
pub fn find(packet: &[u8], id: u8) -> Option<&[u8]> {
    packet.get(position(packet, id)?.data)
}

/// As [`find`], to write the value.
#[inline]
pub fn find_mut(packet: &mut [u8], id: u8) -> Option<&mut [u8]> {
    let element = position(packet, id)?;
    packet.get_mut(element.data)
}

fn position(packet: &[u8], id: u8) -> Option<Element> {
    elements(packet).find(|e| e.id == id)
}

/// Gives the first element with id `from` the id `to`; its length stays (HL-089). `false` when there is none, or when
/// `to` does not fit the form.
pub fn replace_id(packet: &mut [u8], from: u8, to: u8) -> bool {
    let Some(walk) = block(packet) else { return false };
    let two_byte = walk.two_byte;
    let Some(element) = position(packet, from) else { return false };
    match two_byte {
        true if to > 0 => packet[element.head] = to,
        false if (1..15).contains(&to) => packet[element.head] = (to << 4) | (packet[element.head] & 0x0f),
        _ => return false,
    }
    true
}

/// RFC 6464 (HL-082).
pub fn audio_level(data: &[u8]) -> Option<AudioLevel> {
    data.first().map(|byte| AudioLevel { level: byte & 0x7f, voice: byte & 0x80 != 0 })
}

/// 3GPP TS 26.114 §7.4.5: bits C (back camera), F (flipped), R1 R0 (rotation in steps of 90°).
pub fn orientation(data: &[u8]) -> Option<Orientation> {
    data.first().map(|byte| Orientation {
        rotation: u16::from(byte & 3) * 90,
        back_camera: byte & 8 != 0,
        flipped: byte & 4 != 0,
    })
}

/// Two 12-bit limits in 3 bytes (HL-086). `None` when shorter.
pub fn playout_delay(data: &[u8]) -> Option<PlayoutDelay> {
    let word = uint24(data)?;
    Some(PlayoutDelay { min: (word >> 12) as u16, max: (word & 0xfff) as u16 })
}

/// Seconds, 6.18 fixed point, in 24 bits.
pub fn abs_send_time(data: &[u8]) -> Option<u32> {
    uint24(data)
}

/// NTP 32.32 fixed point; a following clock offset is not looked at.
pub fn abs_capture_time(data: &[u8]) -> Option<u64> {
    data.first_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

/// The transport-wide sequence number.
pub fn transport_wide_cc(data: &[u8]) -> Option<u16> {
    data.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}

/// mid, rid and repaired rid: the bytes before a NUL; `None` when empty (RFC 8852, RFC 9143).
pub fn text(data: &[u8]) -> Option<&[u8]> {
    let end = data.iter().position(|b| *b == 0).unwrap_or(data.len());
    (end > 0).then(|| &data[..end])
}

/// Writes the low 24 bits of `time` (6.18 fixed point seconds) to an element's data. `false` when that is too short.
#[inline]
pub fn put_abs_send_time(data: &mut [u8], time: u32) -> bool {
    let [_, low @ ..] = time.to_be_bytes();
    put(data, low)
}

/// Writes the transport-wide sequence number to an element's data. `false` when that is too short.
#[inline]
pub fn put_transport_wide_cc(data: &mut [u8], sequence: u16) -> bool {
    put(data, sequence.to_be_bytes())
}

/// Writes an NTP time, 32.32 fixed point, to an element's data. `false` when that is too short.
#[inline]
pub fn put_abs_capture_time(data: &mut [u8], time: u64) -> bool {
    put(data, time.to_be_bytes())
}

#[inline]
fn put<const N: usize>(data: &mut [u8], value: [u8; N]) -> bool {
    data.first_chunk_mut().map(|room| *room = value).is_some()
}

/// As [`put_abs_send_time`], to the first element with this id.
#[inline]
pub fn set_abs_send_time(packet: &mut [u8], id: u8, time: u32) -> bool {
    find_mut(packet, id).is_some_and(|data| put_abs_send_time(data, time))
}

/// As [`put_transport_wide_cc`], to the first element with this id.
#[inline]
pub fn set_transport_wide_cc(packet: &mut [u8], id: u8, sequence: u16) -> bool {
    find_mut(packet, id).is_some_and(|data| put_transport_wide_cc(data, sequence))
}

/// Why a video layers allocation gives no counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayersError {
    /// Fewer than two bytes.
    Short,
    /// The counts reach beyond the element.
    Truncated,
}

/// Largest number of spatial layers of any stream, and of temporal layers of any spatial layer. Bitrates and
/// resolutions, which follow, are not read. (video-layers-allocation00)
pub fn video_layers(data: &[u8]) -> Result<(u8, u8), LayersError> {
    let [first, ..] = *data else { return Err(LayersError::Short) };
    if data.len() < 2 {
        return Err(LayersError::Short);
    }
    let streams = usize::from((first >> 4) & 3) + 1;
    let shared = first & 0x0f;
    let mut at = 1;
    let (mut spatial, mut layers) = (0u8, 0usize);
    for stream in 0..streams {
        let mask = if shared != 0 {
            shared
        } else {
            let byte = *data.get(1 + stream / 2).ok_or(LayersError::Truncated)?;
            at = 2 + stream / 2;
            if stream % 2 == 0 { byte >> 4 } else { byte & 0x0f }
        };
        let count = mask.count_ones() as u8;
        spatial = spatial.max(count);
        layers += usize::from(count);
    }
    let mut temporal = 0;
    for layer in 0..layers {
        let byte = data.get(at + layer / 4).ok_or(LayersError::Truncated)?;
        temporal = temporal.max(((byte >> (6 - 2 * (layer % 4))) & 3) + 1);
    }
    Ok((spatial, temporal))
}

impl<'a> Extensions<'a> {
    /// What plugins are told about a received packet (media-plane.md §5.6). Audio has only the level and the capture
    /// time.
    pub fn read(packet: &'a [u8], ids: &ExtensionIds, video: bool) -> Self {
        let mut seen = Extensions::default();
        for element in elements(packet) {
            let (id, data) = (element.id, &packet[element.data]);
            match id {
                _ if id == ids.abs_capture_time => {
                    seen.abs_capture_time = abs_capture_time(data).unwrap_or(0)
                }
                _ if id == ids.audio_level && !video => seen.audio_level = audio_level(data),
                _ if !video => {}
                _ if id == ids.orientation => seen.orientation = orientation(data),
                _ if id == ids.playout_delay => seen.playout_delay = playout_delay(data),
                _ if id == ids.dependency_descriptor => seen.dependency_descriptor = data,
                _ if id == ids.video_layers => {
                    if let Ok((spatial, temporal)) = video_layers(data) {
                        seen.spatial_layers = Some(spatial);
                        seen.temporal_layers = Some(temporal);
                    }
                }
                _ => {}
            }
        }
        seen
    }
}

fn uint24(data: &[u8]) -> Option<u32> {
    data.first_chunk().map(|[a, b, c]| u32::from_be_bytes([0, *a, *b, *c]))
}

#[cfg(test)]
#[path = "header_ext_tests.rs"]
mod tests;
