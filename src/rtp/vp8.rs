//! The VP8 payload descriptor (RFC 7741 §4.2), and keeping its counters continuous across simulcast layers
//! (helpers.md §12.5).

/// What a descriptor holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Descriptor {
    /// Bytes before the VP8 payload header.
    pub len: usize,
    /// 7 or 15 bits.
    pub picture_id: Option<u16>,
    /// M: the picture id has 15 bits.
    pub wide: bool,
    pub tl0_index: Option<u8>,
    /// Temporal layer, layer sync, and the five bits of the key frame index; 0 without T and K.
    pub temporal_layer: u8,
    pub sync: bool,
    pub key_index: u8,
}

impl Descriptor {
    /// `None` when the descriptor reaches beyond the payload.
    pub fn parse(payload: &[u8]) -> Option<Descriptor> {
        let mut found = Descriptor { len: 1, ..Default::default() };
        if payload.first()? & 0x80 == 0 {
            return Some(found);
        }
        let mut at = 1;
        let mut next = || {
            let byte = payload.get(at).copied();
            at += 1;
            byte
        };
        let flags = next()?;
        if flags & 0x80 != 0 {
            let first = next()?;
            found.wide = first & 0x80 != 0;
            let high = u16::from(first & 0x7f);
            found.picture_id = Some(if found.wide { (high << 8) | u16::from(next()?) } else { high });
        }
        if flags & 0x40 != 0 {
            found.tl0_index = Some(next()?);
        }
        if flags & 0x30 != 0 {
            let layers = next()?;
            found.temporal_layer = layers >> 6;
            found.sync = layers & 0x20 != 0;
            found.key_index = layers & 0x1f;
        }
        found.len = at;
        Some(found)
    }

    /// Writes picture id and TL0PICIDX back to where [`parse`](Self::parse) read them.
    fn write(&self, payload: &mut [u8]) {
        let mut at = 2;
        if let Some(id) = self.picture_id {
            if self.wide {
                payload[at..at + 2].copy_from_slice(&(id | 0x8000).to_be_bytes());
                at += 2;
            } else {
                payload[at] = id as u8 & 0x7f;
                at += 1;
            }
        }
        if let Some(index) = self.tl0_index {
            payload[at] = index;
        }
    }
}

/// Shortest payload in which descriptors are read.
pub const MIN_LEN: usize = 6;

/// Numbering of one receiver; the layout is `janus_vp8_simulcast_context`, whose fields plugins may read.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SimulcastContext {
    pub last_picid: u16,
    pub base_picid: u16,
    pub base_picid_prev: u16,
    pub last_tlzi: u8,
    pub base_tlzi: u8,
    pub base_tlzi_prev: u8,
}

impl SimulcastContext {
    /// Rewrites the picture id and TL0PICIDX of `payload` so that they go on by one where the source changed
    /// (`switched`). HL-231, HL-232.
    pub fn update(&mut self, payload: &mut [u8], switched: bool) {
        if payload.len() < MIN_LEN {
            return;
        }
        let Some(mut descriptor) = Descriptor::parse(payload) else { return };
        let (id, index) = (descriptor.picture_id.unwrap_or(0), descriptor.tl0_index.unwrap_or(0));
        if switched {
            (self.base_picid_prev, self.base_picid) = (self.last_picid, id);
            (self.base_tlzi_prev, self.base_tlzi) = (self.last_tlzi, index);
        }
        let mask = if descriptor.wide { 0x7fff } else { 0x7f };
        self.last_picid = next(id, self.base_picid, self.base_picid_prev) & mask;
        self.last_tlzi = index.wrapping_sub(self.base_tlzi).wrapping_add(self.base_tlzi_prev).wrapping_add(1);
        descriptor.picture_id = descriptor.picture_id.map(|_| self.last_picid);
        descriptor.tl0_index = descriptor.tl0_index.map(|_| self.last_tlzi);
        descriptor.write(payload);
    }
}

fn next(id: u16, base: u16, base_prev: u16) -> u16 {
    id.wrapping_sub(base).wrapping_add(base_prev).wrapping_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(id: u16, index: u8) -> [u8; 8] {
        let [high, low] = (id | 0x8000).to_be_bytes();
        [0x90, 0xe0, high, low, index, 0x60, 0, 0]
    }

    fn narrow(id: u8) -> [u8; 6] {
        [0x90, 0x80, id, 0, 0, 0]
    }

    #[test]
    fn descriptor_fields() {
        let found = Descriptor::parse(&[0x90, 0xf0, 0x92, 0x34, 7, 0b1010_0101]).unwrap();
        let expected = Descriptor {
            len: 6,
            picture_id: Some(0x1234),
            wide: true,
            tl0_index: Some(7),
            temporal_layer: 2,
            sync: true,
            key_index: 5,
        };
        assert_eq!(found, expected);
        assert_eq!(Descriptor::parse(&[0x10]).map(|d| d.len), Some(1));
        assert_eq!(Descriptor::parse(&[0x90, 0xf0, 0x92, 0x34, 7]), None);
        assert_eq!(Descriptor::parse(&[]), None);
    }

    // HL-231
    #[test]
    fn ids_go_on_across_a_switch() {
        let mut context = SimulcastContext::default();
        let mut packet = wide(500, 9);
        context.update(&mut packet, true);
        assert_eq!(packet, wide(1, 1));
        let mut packet = wide(501, 10);
        context.update(&mut packet, false);
        assert_eq!(packet, wide(2, 2));
        let mut packet = wide(30000, 200);
        context.update(&mut packet, true);
        assert_eq!(packet, wide(3, 3));
    }

    // HL-232
    #[test]
    fn ids_wrap_at_their_width() {
        let mut context = SimulcastContext { last_picid: 32767, last_tlzi: 255, ..Default::default() };
        let mut packet = wide(5, 5);
        context.update(&mut packet, true);
        assert_eq!(packet, wide(0, 0));
        let mut context = SimulcastContext { last_picid: 100, ..Default::default() };
        for (id, switched, out) in [(120, true, 101), (127, false, 108), (0, false, 109), (20, false, 1)] {
            let mut packet = narrow(id);
            context.update(&mut packet, switched);
            assert_eq!(packet, narrow(out));
        }
    }

    #[test]
    fn short_payloads_are_left_alone() {
        let mut context = SimulcastContext::default();
        context.update(&mut [0x90, 0xe0, 0x81, 0, 0], true);
        assert_eq!(context, SimulcastContext::default());
        for length in 0..8 {
            context.update(&mut wide(1, 1)[..length], true);
        }
    }
}
