//! The VP9 payload descriptor (RFC 9628 §4.2), as far as scalability and key frames need it (helpers.md §12.5).

/// Layer indices and flags of a packet. The layout is `janus_vp9_svc_info`; the flags are 0 or 1.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SvcInfo {
    pub spatial_layer: i32,
    pub temporal_layer: i32,
    /// Flexible mode.
    pub fbit: u8,
    /// Inter-picture predicted.
    pub pbit: u8,
    /// Inter-layer dependency used.
    pub dbit: u8,
    /// Switching up point.
    pub ubit: u8,
    /// Start and end of a layer frame.
    pub bbit: u8,
    pub ebit: u8,
}

/// Shortest payload in which the descriptor is read for its layers.
pub const MIN_LEN: usize = 8;

/// The descriptor reaches beyond the payload, or the payload is shorter than [`MIN_LEN`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truncated;

/// The layer of a packet, `None` when the descriptor has no layer indices (HL-233).
#[inline]
pub fn svc_info(payload: &[u8]) -> Result<Option<SvcInfo>, Truncated> {
    if payload.len() < MIN_LEN {
        return Err(Truncated);
    }
    let mut reader = Reader { rest: payload };
    let info = reader.descriptor()?;
    if info.structure && info.layer.is_some() {
        reader.structure()?;
    }
    Ok(info.layer)
}

/// A scalability structure is there and gives some spatial layer a width or height; what follows does not count.
pub fn has_resolution(payload: &[u8]) -> bool {
    let mut reader = Reader { rest: payload };
    match reader.descriptor() {
        Ok(info) if info.structure => reader.sizes().is_ok_and(|(sized, _)| sized),
        _ => false,
    }
}

struct Parsed {
    layer: Option<SvcInfo>,
    /// V: a scalability structure follows.
    structure: bool,
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    #[inline]
    fn byte(&mut self) -> Result<u8, Truncated> {
        let (first, rest) = self.rest.split_first().ok_or(Truncated)?;
        self.rest = rest;
        Ok(*first)
    }

    #[inline]
    fn skip(&mut self, count: usize) -> Result<&[u8], Truncated> {
        let (skipped, rest) = self.rest.split_at_checked(count).ok_or(Truncated)?;
        self.rest = rest;
        Ok(skipped)
    }

    /// All before the scalability structure.
    #[inline]
    fn descriptor(&mut self) -> Result<Parsed, Truncated> {
        let flags = self.byte()?;
        let bit = |n: u8| (flags >> n) & 1;
        let (predicted, flexible) = (bit(6), bit(4));
        if bit(7) == 1 && self.byte()? & 0x80 != 0 {
            self.byte()?;
        }
        let mut layer = None;
        if bit(5) == 1 {
            let indices = self.byte()?;
            layer = Some(SvcInfo {
                temporal_layer: i32::from(indices >> 5),
                ubit: (indices >> 4) & 1,
                spatial_layer: i32::from((indices >> 1) & 7),
                dbit: indices & 1,
                fbit: flexible,
                pbit: predicted,
                bbit: bit(3),
                ebit: bit(2),
            });
            if flexible == 0 {
                self.byte()?;
            }
        }
        if flexible == 1 && predicted == 1 {
            // Up to three reference indices; the last one has its lowest bit 0.
            for _ in 0..3 {
                if self.byte()? & 1 == 0 {
                    break;
                }
            }
        }
        Ok(Parsed { layer, structure: bit(1) == 1 })
    }

    /// The head of a scalability structure and the sizes of its layers: whether some layer has one, and whether a
    /// picture group follows.
    fn sizes(&mut self) -> Result<(bool, bool), Truncated> {
        let head = self.byte()?;
        let layers = usize::from(head >> 5) + 1;
        let sized = head & 0x10 != 0 && self.skip(4 * layers)?.iter().any(|byte| *byte != 0);
        Ok((sized, head & 0x08 != 0))
    }

    /// Skips a whole scalability structure, which few packets have.
    #[cold]
    fn structure(mut self) -> Result<(), Truncated> {
        if let (_, true) = self.sizes()? {
            let pictures = self.byte()?;
            for _ in 0..pictures {
                let references = (self.byte()? >> 2) & 3;
                self.skip(references.into())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // HL-233
    #[test]
    fn no_layer_indices() {
        assert_eq!(svc_info(&[0x88, 0x01, 0, 0, 0, 0, 0, 0]), Ok(None));
        assert_eq!(svc_info(&[0x88; 7]), Err(Truncated));
    }

    #[test]
    fn layer_indices_and_flags() {
        // I P L F B E, 15-bit id, tid 2 U sid 1 D, one reference index.
        let info = svc_info(&[0xfc, 0x80, 0x01, 0b0101_0011, 0x02, 0, 0, 0]).unwrap().unwrap();
        let expected = SvcInfo {
            spatial_layer: 1,
            temporal_layer: 2,
            fbit: 1,
            pbit: 1,
            dbit: 1,
            ubit: 1,
            bbit: 1,
            ebit: 1,
        };
        assert_eq!(info, expected);
    }

    #[test]
    fn an_overrunning_structure_is_an_error() {
        // V with three sized layers, but room for one.
        assert_eq!(svc_info(&[0x2a, 0, 0, 0x50, 1, 1, 1, 1]), Err(Truncated));
        // A picture group longer than the payload.
        assert_eq!(svc_info(&[0x2a, 0, 0, 0x08, 9, 0, 0, 0]), Err(Truncated));
        assert!(svc_info(&[0x2a, 0, 0, 0x08, 2, 0x04, 1, 0x00]).unwrap().is_some());
    }
}
