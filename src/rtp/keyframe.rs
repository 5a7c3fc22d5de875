//! Does this payload start a key frame? (helpers.md §12.6)

use super::codec::VideoCodec;
use super::{vp8, vp9};

/// NAL unit type of a sequence parameter set, with which H.264 key frames begin.
const H264_SPS: u8 = 7;

/// By codec, with the rules of the native generation; `false` for no codec.
pub fn is_keyframe(codec: VideoCodec, payload: &[u8]) -> bool {
    match codec {
        VideoCodec::None => false,
        VideoCodec::Vp8 => vp8_keyframe(payload),
        VideoCodec::Vp9 => vp9_keyframe(payload),
        VideoCodec::H264 => h264_keyframe(payload, true),
        VideoCodec::Av1 => av1_keyframe(payload),
        VideoCodec::H265 => h265_keyframe(payload),
    }
}

/// Start of the first partition of a VP8 frame without inter prediction (RFC 7741 §4.2, RFC 6386 §9.1). HL-226.
pub fn vp8_keyframe(payload: &[u8]) -> bool {
    if payload.len() < 16 || payload[0] & 0x10 == 0 {
        return false;
    }
    let Some(descriptor) = vp8::Descriptor::parse(payload) else { return false };
    match payload.get(descriptor.len..descriptor.len + 6) {
        Some(frame) => frame[0] & 1 == 0 && frame[3..] == [0x9d, 0x01, 0x2a],
        None => false,
    }
}

/// A VP9 scalability structure that gives a layer a size (RFC 9628 §4.2.1). HL-227.
pub fn vp9_keyframe(payload: &[u8]) -> bool {
    payload.len() >= 16 && vp9::has_resolution(payload)
}

/// A sequence parameter set, alone, first in a fragment or within an aggregate (RFC 6184 §5). HL-228.
/// `start_only`: of a fragmented one only the first fragment counts (1.4.1; before, any).
pub fn h264_keyframe(payload: &[u8], start_only: bool) -> bool {
    h264_contains(payload, H264_SPS, start_only)
}

/// A slice of an IDR picture, found in the same ways.
pub fn h264_i_frame(payload: &[u8]) -> bool {
    h264_contains(payload, 5, true)
}

/// A slice of another picture, found in the same ways.
pub fn h264_b_frame(payload: &[u8]) -> bool {
    h264_contains(payload, 1, true)
}

fn h264_contains(payload: &[u8], wanted: u8, start_only: bool) -> bool {
    if payload.len() < 6 {
        return false;
    }
    match payload[0] & 0x1f {
        24 => stap_a(&payload[1..]).any(|unit| unit[0] & 0x1f == wanted),
        28 | 29 => payload[1] & 0x1f == wanted && (!start_only || payload[1] & 0x80 != 0),
        unit => unit == wanted,
    }
}

/// The units of an aggregate, none of them empty; ends at a length that reaches too far.
fn stap_a(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        loop {
            let (length, tail) = rest.split_first_chunk::<2>()?;
            let (unit, next) = tail.split_at_checked(u16::from_be_bytes(*length).into())?;
            rest = next;
            if !unit.is_empty() {
                return Some(unit);
            }
        }
    })
}

/// First packet of a coded video sequence (AV1 RTP specification §4.4: Z = 0, N = 1). HL-230.
pub fn av1_keyframe(payload: &[u8]) -> bool {
    payload.len() >= 3 && payload[0] & 0x88 == 0x08
}

/// A random access picture or a parameter set (RFC 7798 §1.1.4); aggregates and fragments are not opened. HL-229.
pub fn h265_keyframe(payload: &[u8]) -> bool {
    payload.len() >= 2 && matches!((payload[0] >> 1) & 0x3f, 16..=21 | 32..=34)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn padded(start: &[u8]) -> Vec<u8> {
        let mut payload = start.to_vec();
        payload.resize(20, 0);
        payload
    }

    // HL-226
    #[test]
    fn vp8() {
        let key = padded(&[0x10, 0x10, 0, 0, 0x9d, 0x01, 0x2a]);
        assert!(vp8_keyframe(&key));
        assert!(vp8_keyframe(&key[..16]));
        assert!(!vp8_keyframe(&key[..15]));
        assert!(vp8_keyframe(&padded(&[0x90, 0xf0, 0x81, 0x23, 5, 0x40, 0x10, 0, 0, 0x9d, 0x01, 0x2a])));
        for (at, value) in [(0, 0), (1, 0x11), (4, 0x9c)] {
            let mut other = key.clone();
            other[at] = value;
            assert!(!vp8_keyframe(&other), "{at}");
        }
    }

    // HL-227
    #[test]
    fn vp9() {
        // I L B V; 7-bit id; layer byte and TL0PICIDX; one layer, Y, 640×360.
        let key = padded(&[0xaa, 0x01, 0x00, 0x00, 0x10, 0x02, 0x80, 0x01, 0x68]);
        assert!(vp9_keyframe(&key));
        assert!(!vp9_keyframe(&key[..15]));
        let mut no_size = key.clone();
        no_size[4] = 0x00;
        assert!(!vp9_keyframe(&no_size));
        assert!(!vp9_keyframe(&padded(&[0xaa, 0x01, 0x00, 0x00, 0x10])));
        assert!(!vp9_keyframe(&padded(&[0xa8, 0x01])));
    }

    // HL-228
    #[test]
    fn h264() {
        assert!(h264_keyframe(&[0x67, 0, 0, 0, 0, 0], true));
        assert!(!h264_keyframe(&[0x67, 0, 0, 0, 0], true));
        assert!(!h264_keyframe(&[0x65, 0, 0, 0, 0, 0], true));
        assert!(h264_i_frame(&[0x65, 0, 0, 0, 0, 0]) && h264_b_frame(&[0x61, 0, 0, 0, 0, 0]));
        assert!(h264_keyframe(&[0x18, 0, 1, 0x68, 0, 2, 0x67, 0xaa], true));
        assert!(!h264_keyframe(&[0x18, 0, 1, 0x68, 0, 9, 0x67, 0xaa], true));
        let middle = [0x7c, 0x07, 0, 0, 0, 0];
        assert!(h264_keyframe(&middle, false) && !h264_keyframe(&middle, true));
        assert!(h264_keyframe(&[0x7c, 0x87, 0, 0, 0, 0], true));
    }

    // HL-229, HL-230
    #[test]
    fn h265_and_av1() {
        for unit in 0..64u8 {
            let key = (16..=21).contains(&unit) || (32..=34).contains(&unit);
            assert_eq!(h265_keyframe(&[unit << 1, 1]), key, "{unit}");
        }
        assert!(!h265_keyframe(&[0x26]));
        assert!(av1_keyframe(&[0x08, 0, 0]));
        assert!(!av1_keyframe(&[0x88, 0, 0]) && !av1_keyframe(&[0, 0, 0]) && !av1_keyframe(&[0x08, 0]));
        assert!(is_keyframe(VideoCodec::Av1, &[0x08, 0, 0]) && !is_keyframe(VideoCodec::None, &[0x08, 0, 0]));
    }

    #[test]
    fn damaged_payloads_do_no_harm() {
        let samples: [&[u8]; 3] = [
            &[0x90, 0xf0, 0x81, 0x23, 5, 0x40, 0x10, 0, 0, 0x9d, 1, 0x2a, 0, 0, 0, 0],
            &[0xaa, 1, 0, 0, 0x38, 2, 0x80, 1, 0x68, 2, 0x80, 1, 0x68, 1, 2, 3, 4],
            &[0x18, 0, 1, 0x68, 0, 2, 0x67, 0xaa],
        ];
        for sample in samples {
            for length in 0..=sample.len() {
                for at in 0..length {
                    for value in [0, 1, 0x7f, 0x80, 0xff] {
                        let mut bytes = sample[..length].to_vec();
                        bytes[at] = value;
                        for codec in VideoCodec::ALL {
                            is_keyframe(codec, &bytes);
                        }
                    }
                }
            }
        }
    }
}
