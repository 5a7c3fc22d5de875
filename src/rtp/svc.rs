//! Which spatial and temporal layers of one scalable stream a receiver gets (helpers.md §7.7).

use super::av1::Av1Context;
use super::codec::VideoCodec;
use super::header::{Header, payload};
use super::simulcast::TemporalStep;
use super::vp9::SvcInfo;
use super::{SwitchingContext, keyframe};

/// Age from which a spatial layer counts as not sent, µs, unless `drop_trigger` says otherwise.
const DROP_TRIGGER: u32 = 250_000;

/// State of one receiver of a scalable stream. The layout is `janus_rtp_svc_context` of the native generation;
/// −1 means no layer, booleans are 0 or 1.
#[repr(C)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SvcContext {
    pub dd_context: Av1Context,
    pub spatial: i32,
    pub spatial_target: i32,
    pub temporal: i32,
    pub temporal_target: i32,
    /// µs; 0 means 250 ms.
    pub drop_trigger: u32,
    /// When a packet of each layer was seen, monotonic µs.
    pub last_spatial_layer: [i64; 3],
    pub changed_spatial: i32,
    pub changed_temporal: i32,
    pub need_pli: i32,
}

impl Default for SvcContext {
    fn default() -> Self {
        SvcContext {
            dd_context: Av1Context::default(),
            spatial: -1,
            spatial_target: 0,
            temporal: -1,
            temporal_target: 0,
            drop_trigger: 0,
            last_spatial_layer: [0; 3],
            changed_spatial: 0,
            changed_temporal: 0,
            need_pli: 0,
        }
    }
}

/// What one packet brings.
struct Layer {
    spatial: i32,
    temporal: TemporalStep,
    /// Last packet of its layer in this picture.
    end: bool,
    keyframe: bool,
    /// A lower layer can only be entered on a key frame.
    keyframe_to_fall: bool,
}

impl SvcContext {
    /// Whether to relay `packet`. Its marker bit is set where it has become the last one of its picture; a packet that
    /// is left out takes a number off `numbering`. `info`: what [`super::vp9::svc_info`] said, needed for VP9; `now`:
    /// monotonic µs. Other codecs than VP9 and AV1 give `false` (HL-126 … HL-129).
    pub fn process(
        &mut self,
        packet: &mut [u8],
        descriptor: &[u8],
        codec: VideoCodec,
        info: Option<&SvcInfo>,
        numbering: Option<&mut SwitchingContext>,
        now: i64,
    ) -> bool {
        (self.changed_spatial, self.changed_temporal) = (0, 0);
        let Some(payload) = payload(packet) else { return false };
        let layer = match codec {
            VideoCodec::Vp9 => {
                let Some(info) = info else { return false };
                vp9_layer(info, payload)
            }
            VideoCodec::Av1 => match self.av1_layer(descriptor, payload) {
                Some(layer) => layer,
                None => return true,
            },
            _ => return false,
        };
        if let Some(seen) =
            usize::try_from(layer.spatial).ok().and_then(|n| self.last_spatial_layer.get_mut(n))
        {
            *seen = now;
        }
        let in_force = self.spatial(&layer, now);
        let relay = layer.spatial <= in_force
            && layer.temporal.apply(&mut self.temporal, self.temporal_target, &mut self.changed_temporal);
        let last = relay && layer.spatial == in_force && layer.end;
        if last && let Some(mut header) = Header::new(packet) {
            header.set_marker(true);
        }
        if !relay && let Some(numbering) = numbering {
            numbering.skip_one();
        }
        relay
    }

    fn av1_layer(&mut self, descriptor: &[u8], payload: &[u8]) -> Option<Layer> {
        let found = self.dd_context.process(descriptor)?;
        Some(Layer {
            spatial: found.spatial,
            temporal: TemporalStep { layer: found.temporal, may_rise: true, may_fall: true },
            end: found.end_of_frame,
            keyframe: keyframe::av1_keyframe(payload),
            keyframe_to_fall: false,
        })
    }

    /// Moves the spatial layer where this packet allows it, and returns the one in force for this packet.
    fn spatial(&mut self, layer: &Layer, now: i64) -> i32 {
        let before = self.spatial;
        if self.spatial_target > before && layer.keyframe {
            let best = self.best_alive(now);
            if best > before {
                (self.spatial, self.changed_spatial) = (best, 1);
                return best;
            }
        } else if self.spatial_target < before {
            // Between two layers of a picture the end of the picture must stay the end of what is in force.
            let between = layer.end && (layer.spatial <= self.spatial_target || layer.spatial == before);
            if if layer.keyframe_to_fall { layer.keyframe } else { between } {
                (self.spatial, self.changed_spatial) = (self.spatial_target, 1);
                return if layer.spatial <= self.spatial { self.spatial } else { before };
            }
        }
        before
    }

    /// The target, or the next lower layer that is being sent.
    fn best_alive(&self, now: i64) -> i32 {
        let trigger = if self.drop_trigger > 0 { self.drop_trigger } else { DROP_TRIGGER };
        let alive = |layer: i32| {
            let seen = usize::try_from(layer).ok().and_then(|n| self.last_spatial_layer.get(n));
            seen.is_some_and(|seen| *seen > 0 && now.wrapping_sub(*seen) <= trigger.into())
        };
        let mut layer = self.spatial_target;
        while layer > 0 && !alive(layer) {
            layer -= 1;
        }
        layer
    }
}

fn vp9_layer(info: &SvcInfo, payload: &[u8]) -> Layer {
    Layer {
        spatial: info.spatial_layer,
        temporal: TemporalStep {
            layer: info.temporal_layer,
            may_rise: info.ubit == 1 && info.bbit == 1,
            may_fall: info.ebit == 1,
        },
        end: info.ebit == 1,
        keyframe: keyframe::vp9_keyframe(payload),
        keyframe_to_fall: info.fbit == 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::av1::tests::announcing;
    use crate::rtp::vp9;

    struct Receiver {
        context: SvcContext,
        numbering: SwitchingContext,
    }

    impl Receiver {
        fn new(target: i32) -> Self {
            let context = SvcContext { spatial_target: target, ..Default::default() };
            Receiver { context, numbering: SwitchingContext::default() }
        }

        /// Whether it was relayed, and with which marker bit.
        fn vp9(&mut self, layer: u8, key: bool, end: bool, flexible: bool, now: i64) -> (bool, bool) {
            let flags = 0x28 | (u8::from(key) << 1) | (u8::from(end) << 2) | (u8::from(flexible) << 4);
            let mut packet = vec![0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, flags, (layer << 1) | 0x10];
            packet.extend(if flexible { &[][..] } else { &[0] });
            packet.extend([0x10, 1, 1, 1, 1]);
            packet.resize(40, 0);
            let info = vp9::svc_info(&packet[12..]).unwrap();
            let numbering = Some(&mut self.numbering);
            let now = 1_000_000 + now;
            let relayed =
                self.context.process(&mut packet, &[], VideoCodec::Vp9, info.as_ref(), numbering, now);
            (relayed, packet[1] & 0x80 != 0)
        }
    }

    // HL-126, HL-127
    #[test]
    fn layers_above_are_dropped_and_the_marker_moves() {
        let mut receiver = Receiver::new(0);
        assert_eq!(receiver.vp9(0, true, true, false, 1), (true, true));
        assert_eq!(receiver.vp9(1, false, true, false, 2), (false, false));
        assert_eq!(receiver.numbering.base_seq, 1);
        assert_eq!(receiver.vp9(0, false, false, false, 3), (true, false));
    }

    // HL-128
    #[test]
    fn rising_needs_a_key_frame_and_a_living_layer() {
        let mut receiver = Receiver::new(2);
        receiver.vp9(0, true, true, false, 1);
        assert_eq!(receiver.context.spatial, 0);
        receiver.vp9(1, false, true, false, 2);
        receiver.vp9(2, false, true, false, 2);
        assert_eq!(receiver.context.spatial, 0);
        // Layer 2 is too old by then, layer 1 is not.
        receiver.vp9(1, false, true, false, 100_000);
        receiver.vp9(0, true, true, false, 300_000);
        assert_eq!((receiver.context.spatial, receiver.context.changed_spatial), (1, 1));
        receiver.vp9(2, false, true, false, 300_001);
        assert_eq!(receiver.vp9(0, true, true, false, 300_002), (true, false));
        assert_eq!(receiver.context.spatial, 2);
    }

    // HL-129
    #[test]
    fn falling_waits_for_a_key_frame_or_an_end() {
        for flexible in [false, true] {
            let mut receiver = Receiver::new(1);
            receiver.vp9(1, false, true, flexible, 1);
            receiver.vp9(0, true, true, flexible, 2);
            assert_eq!(receiver.context.spatial, 1);
            receiver.context.spatial_target = 0;
            assert_eq!(receiver.vp9(0, false, false, flexible, 3), (true, false));
            assert_eq!(receiver.context.spatial, 1);
            assert_eq!(receiver.vp9(0, false, true, flexible, 4), (true, flexible));
            assert_eq!(receiver.context.spatial, i32::from(!flexible));
            receiver.vp9(0, true, true, flexible, 5);
            assert_eq!(receiver.context.spatial, 0);
        }
    }

    #[test]
    fn av1_layers() {
        let mut context = SvcContext::default();
        let mut packet = [0x80u8, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0x08, 0, 0, 0];
        let mut send = |context: &mut SvcContext, dd: &[u8]| {
            context.process(&mut packet, dd, VideoCodec::Av1, None, None, 1_000_000)
        };
        // Unknown structure: as it is.
        assert!(send(&mut context, &[0, 0, 1]));
        // Templates: spatial layers 0 and 1.
        assert!(send(&mut context, &announcing(0, true, 0, &[2])));
        assert_eq!((context.spatial, context.temporal), (0, 0));
        assert!(!send(&mut context, &[0x41, 0, 1]));
        context.spatial_target = 1;
        assert!(send(&mut context, &[0x40, 0, 2]));
        assert_eq!(context.spatial, 1);
        assert!(!SvcContext::default().process(&mut packet, &[], VideoCodec::Vp8, None, None, 1));
    }
}
