//! Writes the header extension block of an outgoing packet (media-plane.md §6.3, RFC 8285).

use super::extensions::{AudioLevel, Extensions, Orientation, PlayoutDelay};
use super::header_ext::{ExtensionIds, ONE_BYTE, TWO_BYTE};

/// Longest element of the one-byte form.
const ONE_BYTE_MAX: usize = 16;

/// Builds one extension block at the start of a buffer. An element that does not fit, has the id 0 or a length that
/// the form cannot express is left out.
#[derive(Debug)]
pub struct ExtensionWriter<'a> {
    buffer: &'a mut [u8],
    at: usize,
    two_byte: bool,
}

/// What the core itself adds to a packet.
#[derive(Clone, Copy, Debug, Default)]
pub struct CoreValues<'a> {
    pub mid: &'a [u8],
    /// Monotonic time of sending, µs. Video only.
    pub now: i64,
    /// Transport-wide sequence number. Video only.
    pub transport_sequence: u16,
}

/// Six bits of seconds and eighteen of fraction, from microseconds.
pub fn abs_send_time_of(micros: i64) -> u32 {
    // Apart, since no product of the whole fits 64 bits: dividing more than that costs as much as all the rest.
    let (seconds, rest) = (micros.max(0) as u64 / 1_000_000, micros.max(0) as u64 % 1_000_000);
    ((seconds << 18) + (rest << 18) / 1_000_000) as u32 & 0xff_ffff
}

/// Writes the block that a packet of ours carries, in the order of media-plane.md §6.3. Returns its length with the
/// four bytes of its own header: a multiple of 4, 0 when no element applies.
pub fn write_block(
    buffer: &mut [u8],
    ids: &ExtensionIds,
    video: bool,
    core: &CoreValues<'_>,
    values: &Extensions<'_>,
) -> usize {
    let descriptor = if video { values.dependency_descriptor } else { &[] };
    let two_byte = descriptor.len() > ONE_BYTE_MAX && ids.dependency_descriptor > 0;
    let mut writer = ExtensionWriter::new(buffer, two_byte);
    if video {
        writer.abs_send_time(ids.abs_send_time, core.now);
        writer.transport_wide_cc(ids.transport_wide_cc, core.transport_sequence);
        if let Some(orientation) = values.orientation {
            writer.orientation(ids.orientation, orientation);
        }
        if let Some(delay) = values.playout_delay {
            writer.playout_delay(ids.playout_delay, delay);
        }
    } else if let Some(level) = values.audio_level {
        writer.audio_level(ids.audio_level, level);
    }
    if !core.mid.is_empty() {
        writer.long_element(ids.mid, core.mid);
    }
    if !descriptor.is_empty() {
        writer.long_element(ids.dependency_descriptor, descriptor);
    }
    if values.abs_capture_time > 0 {
        writer.element(ids.abs_capture_time, &values.abs_capture_time.to_be_bytes());
    }
    writer.finish()
}

impl<'a> ExtensionWriter<'a> {
    pub fn new(buffer: &'a mut [u8], two_byte: bool) -> Self {
        ExtensionWriter { buffer, at: 4, two_byte }
    }

    /// Appends one element; `false` when it was left out. Inlined: for most of them the length is known when this is compiled.
    #[inline(always)]
    pub fn element(&mut self, id: u8, data: &[u8]) -> bool {
        let fits = match self.two_byte {
            true => id > 0 && data.len() <= 255,
            false => (1..15).contains(&id) && (1..=ONE_BYTE_MAX).contains(&data.len()),
        };
        let start = self.at + 1 + usize::from(self.two_byte);
        let end = start + data.len();
        // The padding has to fit as well.
        if !fits || end.next_multiple_of(4) > self.buffer.len() {
            return false;
        }
        if self.two_byte {
            self.buffer[self.at] = id;
            self.buffer[self.at + 1] = data.len() as u8;
        } else {
            self.buffer[self.at] = (id << 4) | (data.len() - 1) as u8;
        }
        self.buffer[start..end].copy_from_slice(data);
        self.at = end;
        true
    }

    /// The same for one whose length is known to nobody: not inlined.
    #[inline(never)]
    fn long_element(&mut self, id: u8, data: &[u8]) -> bool {
        self.element(id, data)
    }

    /// `now`: monotonic µs.
    pub fn abs_send_time(&mut self, id: u8, now: i64) -> bool {
        self.element(id, &abs_send_time_of(now).to_be_bytes()[1..])
    }

    pub fn transport_wide_cc(&mut self, id: u8, sequence: u16) -> bool {
        self.element(id, &sequence.to_be_bytes())
    }

    pub fn audio_level(&mut self, id: u8, level: AudioLevel) -> bool {
        self.element(id, &[(level.level & 0x7f) | (u8::from(level.voice) << 7)])
    }

    pub fn orientation(&mut self, id: u8, orientation: Orientation) -> bool {
        let rotation = (orientation.rotation / 90 % 4) as u8;
        let camera = u8::from(orientation.back_camera) << 3;
        self.element(id, &[camera | (u8::from(orientation.flipped) << 2) | rotation])
    }

    pub fn playout_delay(&mut self, id: u8, delay: PlayoutDelay) -> bool {
        let word = (u32::from(delay.min & 0xfff) << 12) | u32::from(delay.max & 0xfff);
        self.element(id, &word.to_be_bytes()[1..])
    }

    /// Completes the block and returns its length: a multiple of 4, 0 when there is no element.
    pub fn finish(self) -> usize {
        if self.at == 4 {
            return 0;
        }
        let end = self.at.next_multiple_of(4);
        // At most three bytes: no call for them.
        for byte in self.buffer[self.at..end].iter_mut().take(3) {
            *byte = 0;
        }
        let profile = if self.two_byte { TWO_BYTE } else { ONE_BYTE };
        self.buffer[..2].copy_from_slice(&profile.to_be_bytes());
        self.buffer[2..4].copy_from_slice(&((end / 4 - 1) as u16).to_be_bytes());
        end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: ExtensionIds = ExtensionIds {
        audio_level: 1,
        abs_send_time: 2,
        transport_wide_cc: 3,
        mid: 4,
        rid: 5,
        repaired_rid: 6,
        abs_capture_time: 7,
        playout_delay: 12,
        orientation: 13,
        dependency_descriptor: 9,
        video_layers: 10,
    };

    #[test]
    fn video_block_has_the_documented_order() {
        let mut buffer = [0xffu8; 64];
        let core = CoreValues { mid: b"v1", now: 1_500_000, transport_sequence: 0x0102 };
        let values = Extensions {
            audio_level: Some(AudioLevel { level: 1, voice: true }),
            orientation: Some(Orientation { rotation: 90, back_camera: false, flipped: true }),
            playout_delay: Some(PlayoutDelay { min: 10, max: 20 }),
            ..Default::default()
        };
        let length = write_block(&mut buffer, &IDS, true, &core, &values);
        let expected =
            [0xbe, 0xde, 0, 4, 0x22, 0x06, 0, 0, 0x31, 1, 2, 0xd0, 5, 0xc2, 0, 0xa0, 0x14, 0x41, b'v', b'1'];
        assert_eq!(buffer[..length], expected);
    }

    #[test]
    fn a_long_descriptor_takes_the_two_byte_form() {
        let mut buffer = [0u8; 64];
        let descriptor = [7u8; 17];
        let values = Extensions { dependency_descriptor: &descriptor, ..Default::default() };
        let ids = ExtensionIds { dependency_descriptor: 9, mid: 4, ..Default::default() };
        let core = CoreValues { mid: b"0", ..Default::default() };
        let length = write_block(&mut buffer, &ids, true, &core, &values);
        assert_eq!(buffer[..9], [0x10, 0, 0, 6, 4, 1, b'0', 9, 17]);
        assert_eq!(length, 28);
    }

    #[test]
    fn audio_gets_level_mid_and_capture_time_only() {
        let mut buffer = [0u8; 64];
        let core = CoreValues { mid: b"a", now: 5, transport_sequence: 9 };
        let values = Extensions {
            audio_level: Some(AudioLevel { level: 5, voice: true }),
            orientation: Some(Orientation { rotation: 90, back_camera: false, flipped: false }),
            abs_capture_time: 1,
            ..Default::default()
        };
        let length = write_block(&mut buffer, &IDS, false, &core, &values);
        assert_eq!(
            buffer[..length],
            [0xbe, 0xde, 0, 4, 0x10, 0x85, 0x40, b'a', 0x77, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]
        );
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        let mut buffer = [0u8; 8];
        let mut writer = ExtensionWriter::new(&mut buffer, false);
        assert!(!writer.element(1, &[0; 4]));
        assert!(!writer.element(0, &[0]));
        assert!(!writer.element(15, &[0]));
        assert!(!writer.element(1, &[]));
        assert!(writer.element(14, &[1, 2, 3]));
        assert_eq!(writer.finish(), 8);
        assert_eq!(write_block(&mut [], &IDS, true, &CoreValues::default(), &Extensions::default()), 0);
    }

    #[test]
    fn abs_send_time_wraps_after_64_seconds() {
        assert_eq!(abs_send_time_of(1_000_000), 1 << 18);
        assert_eq!(abs_send_time_of(64_000_000), 0);
        let exact = |micros: i64| (((micros as u128) << 18) / 1_000_000) as u32 & 0xff_ffff;
        for micros in [1, 3, 4, 999_999, 1_000_001, 63_999_999, 123_456_789_012_345, i64::MAX] {
            assert_eq!(abs_send_time_of(micros), exact(micros), "{micros}");
        }
    }
}
