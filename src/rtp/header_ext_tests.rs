use super::*;

/// A packet with one extension block of this profile, padded, and one byte of payload.
fn packet(profile: u16, block: &[u8]) -> Vec<u8> {
    let words = block.len().div_ceil(4);
    let mut bytes = vec![0x90, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1];
    bytes.extend(profile.to_be_bytes());
    bytes.extend((words as u16).to_be_bytes());
    bytes.extend(block);
    bytes.resize(16 + 4 * words, 0);
    bytes.push(0x55);
    bytes
}

// HL-082
#[test]
fn audio_level_splits_voice_and_level() {
    let bytes = packet(ONE_BYTE, &[0x10, 0x85]);
    let level = find(&bytes, 1).and_then(audio_level);
    assert_eq!(level, Some(AudioLevel { level: 5, voice: true }));
}

// HL-083
#[test]
fn nothing_is_found_without_payload() {
    let bytes = packet(ONE_BYTE, &[0x10, 0x85]);
    assert!(find(&bytes[..bytes.len() - 1], 1).is_none());
    assert!(!has_block(&bytes[..bytes.len() - 1]));
}

// HL-084
#[test]
fn one_byte_form_skips_padding_and_stops_at_15() {
    let bytes = packet(ONE_BYTE, &[0, 0, 0x20, 7, 0, 0xf0, 1, 0x30, 9]);
    assert_eq!(find(&bytes, 2), Some(&[7][..]));
    assert!(find(&bytes, 3).is_none());
    assert!(find(&bytes, 15).is_none());
    assert!(find(&bytes, 0).is_none());
}

// HL-085
#[test]
fn two_byte_form() {
    let bytes = packet(TWO_BYTE, &[20, 0, 0, 15, 2, 1, 2, 200, 1, 3]);
    assert_eq!(find(&bytes, 20), Some(&[][..]));
    assert_eq!(find(&bytes, 15), Some(&[1, 2][..]));
    assert_eq!(find(&bytes, 200), Some(&[3][..]));
    assert!(find(&packet(0x1234, &[20, 0]), 20).is_none());
}

// HL-086
#[test]
fn playout_delay_in_three_bytes() {
    let bytes = packet(ONE_BYTE, &[0xc2, 0x00, 0xa0, 0x14]);
    assert_eq!(find(&bytes, 12).and_then(playout_delay), Some(PlayoutDelay { min: 10, max: 20 }));
    assert_eq!(playout_delay(&[1, 2]), None);
}

// HL-089
#[test]
fn replace_id_keeps_the_length() {
    for old in 1..15u8 {
        let mut bytes = packet(ONE_BYTE, &[(old << 4) | 2, 1, 2, 3]);
        assert!(replace_id(&mut bytes, old, 14));
        assert_eq!(find(&bytes, 14), Some(&[1, 2, 3][..]));
        assert!(!replace_id(&mut bytes, 14, 15));
    }
    let mut bytes = packet(TWO_BYTE, &[20, 1, 9]);
    assert!(replace_id(&mut bytes, 20, 255));
    assert_eq!(find(&bytes, 255), Some(&[9][..]));
    assert!(!replace_id(&mut bytes, 20, 1));
}

// HL-090, HL-091
#[test]
fn values_are_written_in_place() {
    let mut bytes = packet(ONE_BYTE, &[0x31, 0, 0, 0x22, 0, 0, 0, 0x77, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert!(set_transport_wide_cc(&mut bytes, 3, 0xabcd));
    assert!(set_abs_send_time(&mut bytes, 2, 0xff12_3456));
    assert!(put_abs_capture_time(find_mut(&mut bytes, 7).unwrap(), 0x0102_0304_0506_0708));
    assert_eq!(find(&bytes, 3).and_then(transport_wide_cc), Some(0xabcd));
    assert_eq!(find(&bytes, 2).and_then(abs_send_time), Some(0x12_3456));
    assert_eq!(find(&bytes, 7).and_then(abs_capture_time), Some(0x0102_0304_0506_0708));
    assert!(!set_abs_send_time(&mut bytes, 3, 1));
    assert!(!set_transport_wide_cc(&mut bytes, 9, 1));
}

// HL-092
#[test]
fn video_layers_counts() {
    // Two streams with the same three spatial layers; 3,3,3 and 1,1,2 temporal layers.
    assert_eq!(video_layers(&[0x17, 0b10_10_10_00, 0b00_01_00_00]), Ok((3, 3)));
    // Three streams with masks of their own: 1, 2 and 0 layers.
    assert_eq!(video_layers(&[0x20, 0x13, 0x00, 0b00_11_01_00]), Ok((2, 4)));
    assert_eq!(video_layers(&[0x01]), Err(LayersError::Short));
    assert_eq!(video_layers(&[0x20, 0x13]), Err(LayersError::Truncated));
    assert_eq!(video_layers(&[0x3f, 0, 0, 0]), Err(LayersError::Truncated));
}

#[test]
fn text_ends_at_nul() {
    assert_eq!(text(b"abc"), Some(&b"abc"[..]));
    assert_eq!(text(b"a\0c"), Some(&b"a"[..]));
    assert_eq!(text(b""), None);
}

#[test]
fn read_gives_what_the_medium_may_have() {
    let ids =
        ExtensionIds { audio_level: 1, orientation: 13, dependency_descriptor: 9, ..Default::default() };
    let bytes = packet(ONE_BYTE, &[0x10, 0x05, 0xd0, 0x0b, 0x92, 1, 2, 3]);
    let audio = Extensions::read(&bytes, &ids, false);
    assert_eq!(audio.audio_level, Some(AudioLevel { level: 5, voice: false }));
    assert_eq!(audio.orientation, None);
    let video = Extensions::read(&bytes, &ids, true);
    assert_eq!(video.audio_level, None);
    assert_eq!(video.orientation, Some(Orientation { rotation: 270, back_camera: true, flipped: false }));
    assert_eq!(video.dependency_descriptor, [1, 2, 3]);
}

#[test]
fn damaged_packets_do_no_harm() {
    for profile in [ONE_BYTE, TWO_BYTE] {
        let good = packet(profile, &[0x31, 2, 1, 2, 0x22, 3, 1, 2, 3, 0x77, 1, 1]);
        for length in 0..=good.len() {
            for at in 0..length.max(1) {
                for flip in [1u8, 0x10, 0x80, 0xff] {
                    let mut bytes = good[..length].to_vec();
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte ^= flip;
                    }
                    for element in elements(&bytes) {
                        assert!(element.data.end < bytes.len());
                        let _ = video_layers(&bytes[element.data]);
                    }
                    replace_id(&mut bytes, 3, 4);
                }
            }
        }
    }
}
