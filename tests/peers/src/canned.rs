//! Small media that needs no encoder.

use bytes::Bytes;

pub const OPUS_PAYLOAD_TYPE: u8 = 111;
pub const VP8_PAYLOAD_TYPE: u8 = 96;

/// RTP payload of an Opus packet (RFC 6716 §3.1: CELT, 20 ms, mono, one frame) that carries `number`.
pub fn opus(number: u32) -> Bytes {
    let mut payload = vec![0xf8];
    payload.extend(number.to_be_bytes());
    payload.resize(40, number as u8);
    payload.into()
}

/// RTP payload of a whole VP8 frame (RFC 7741 §4.2, RFC 6386 §9.1) that carries `number`; every tenth is a key frame.
pub fn vp8(number: u32) -> Bytes {
    const START_OF_PARTITION: u8 = 0x10;
    const FIRST_PARTITION: u32 = 64;
    let key = number.is_multiple_of(10);
    let tag = u32::from(!key) | 1 << 4 | FIRST_PARTITION << 5; // inter frame, show frame, size of the first partition
    let mut payload = vec![START_OF_PARTITION];
    payload.extend(&tag.to_le_bytes()[..3]);
    if key {
        payload.extend([0x9d, 0x01, 0x2a]);
        payload.extend(320u16.to_le_bytes());
        payload.extend(240u16.to_le_bytes());
    }
    payload.extend(number.to_be_bytes());
    payload.resize(120, number as u8);
    payload.into()
}
