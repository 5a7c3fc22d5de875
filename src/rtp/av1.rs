//! The AV1 dependency descriptor, as far as layers need it (AV1 RTP specification, appendix A; helpers.md §7.7).

/// Layers of the templates that a stream announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Templates {
    spatial: [u8; 64],
    temporal: [u8; 64],
}

/// Template structure of one stream. The layout is `janus_av1_svc_context`; the table behind the pointer is ours, and
/// [`reset`](Self::reset) frees it. It is allocated when a stream announces its structure, not per packet.
#[repr(C)]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Av1Context {
    /// Number of templates, and the id of the first one.
    pub tcnt: u8,
    pub tioff: u8,
    templates: Option<Box<Templates>>,
    /// Highest layers of any template.
    pub spatial_layers: i32,
    pub temporal_layers: i32,
    /// Set when a packet changed the structure; whoever reads it clears it.
    pub updated: i32,
}

/// What a descriptor says about its packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// Index into the templates, from 0.
    pub template: u8,
    pub start_of_frame: bool,
    pub end_of_frame: bool,
    pub spatial: i32,
    pub temporal: i32,
}

impl Av1Context {
    pub fn reset(&mut self) {
        *self = Av1Context::default();
    }

    /// Reads one descriptor. `None` when it is shorter than 3 bytes, truncated, or names a template that was not
    /// announced (HL-124, HL-125).
    pub fn process(&mut self, descriptor: &[u8]) -> Option<Dependency> {
        let [first, _, _, rest @ ..] = descriptor else { return None };
        if rest.first().is_some_and(|flags| flags & 0x80 != 0) {
            self.structure(&mut Bits { bytes: rest, at: 5 })?;
        }
        let templates = self.templates.as_deref()?;
        let template = (first & 0x3f).wrapping_add(64).wrapping_sub(self.tioff) & 0x3f;
        (template < self.tcnt).then(|| Dependency {
            template,
            start_of_frame: first & 0x80 != 0,
            end_of_frame: first & 0x40 != 0,
            spatial: templates.spatial[usize::from(template)].into(),
            temporal: templates.temporal[usize::from(template)].into(),
        })
    }

    fn structure(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        let offset = bits.take(6)? as u8;
        bits.take(5)?;
        let mut table = Templates { spatial: [0; 64], temporal: [0; 64] };
        let (mut spatial, mut temporal, mut count) = (0u8, 0u8, 0usize);
        let (mut highest_spatial, mut highest_temporal) = (0, 0);
        loop {
            *table.spatial.get_mut(count)? = spatial;
            table.temporal[count] = temporal;
            (highest_spatial, highest_temporal) =
                (highest_spatial.max(spatial), highest_temporal.max(temporal));
            count += 1;
            match bits.take(2)? {
                0 => {}
                1 => temporal += 1,
                2 => (spatial, temporal) = (spatial + 1, 0),
                _ => break,
            }
        }
        let layers = (i32::from(highest_spatial), i32::from(highest_temporal));
        let same = (self.tcnt, self.tioff) == (count as u8, offset)
            && (self.spatial_layers, self.temporal_layers) == layers
            && self.templates.as_deref() == Some(&table);
        if !same {
            (self.tcnt, self.tioff) = (count as u8, offset);
            (self.spatial_layers, self.temporal_layers) = layers;
            match self.templates.as_deref_mut() {
                Some(known) => *known = table,
                None => self.templates = Some(Box::new(table)),
            }
            self.updated = 1;
        }
        Some(())
    }
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> Option<u32> {
        let mut value = 0;
        for at in self.at..self.at + count {
            let byte = self.bytes.get(at / 8)?;
            value = (value << 1) | u32::from((byte >> (7 - at % 8)) & 1);
        }
        self.at += count;
        Some(value)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A descriptor of template id `id` that announces templates with these next-layer codes.
    pub fn announcing(id: u8, end: bool, offset: u8, codes: &[u8]) -> Vec<u8> {
        let mut bits: Vec<u8> = vec![1, 0, 0, 0, 0];
        let mut push = |value: u8, count: u8| bits.extend((0..count).rev().map(|n| (value >> n) & 1));
        push(offset, 6);
        push(1, 5);
        codes.iter().for_each(|code| push(*code, 2));
        push(3, 2);
        let mut bytes = vec![0x80 | (u8::from(end) << 6) | id, 0, 1];
        bytes
            .extend(bits.chunks(8).map(|c| c.iter().enumerate().fold(0, |b, (n, bit)| b | (bit << (7 - n)))));
        bytes
    }

    // HL-124
    #[test]
    fn a_structure_must_come_first() {
        let mut context = Av1Context::default();
        assert_eq!(context.process(&[0x80, 0, 1]), None);
        assert_eq!(context.process(&[0x80, 0]), None);
        // Two spatial layers of two temporal ones.
        let found = context.process(&announcing(3, true, 0, &[1, 2, 1])).unwrap();
        assert_eq!((found.template, found.spatial, found.temporal, found.end_of_frame), (3, 1, 1, true));
        assert_eq!(
            (context.tcnt, context.spatial_layers, context.temporal_layers, context.updated),
            (4, 1, 1, 1)
        );
        assert_eq!(context.process(&[0x04, 0, 2]), None);
        context.updated = 0;
        context.process(&announcing(3, true, 0, &[1, 2, 1])).unwrap();
        assert_eq!(context.updated, 0);
        assert_eq!(context.process(&[0x42, 0, 2]).map(|d| (d.spatial, d.temporal)), Some((1, 0)));
        context.reset();
        assert_eq!(context, Av1Context::default());
    }

    // HL-125
    #[test]
    fn template_ids_wrap() {
        let mut context = Av1Context::default();
        assert_eq!(context.process(&announcing(1, false, 62, &[0, 1, 1])).map(|d| d.template), Some(3));
        assert_eq!(context.process(&[62, 0, 1]).map(|d| d.template), Some(0));
        assert_eq!(context.process(&[61, 0, 1]), None);
    }

    #[test]
    fn damaged_descriptors_do_no_harm() {
        let good = announcing(3, true, 0, &[1, 2, 1, 0, 0, 1, 2]);
        for length in 0..=good.len() {
            for at in 0..length {
                for value in 0..=255 {
                    let mut bytes = good[..length].to_vec();
                    bytes[at] = value;
                    Av1Context::default().process(&bytes);
                }
            }
        }
        // More templates than there are ids.
        assert_eq!(Av1Context::default().process(&announcing(0, false, 0, &[0; 64])), None);
        assert_eq!(
            Av1Context::default().process(&announcing(0, false, 0, &[1; 63])).map(|d| d.temporal),
            Some(0)
        );
    }
}
