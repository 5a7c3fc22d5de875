//! Which of a sender's simulcast substreams, and which of its temporal layers, a receiver gets (helpers.md §7.6).

use super::av1::Av1Context;
use super::codec::VideoCodec;
use super::header::{Header, payload};
use super::{SwitchingContext, header_ext, keyframe, vp8, vp9};

/// Silence on the current substream that counts as starvation, µs, unless `drop_trigger` says otherwise.
const DROP_TRIGGER: u32 = 250_000;

/// What is relayed and what should be. Substream 0 has the lowest quality; −1 means none. Booleans are 0 or 1.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layers {
    pub substream: i32,
    pub substream_target: i32,
    /// A lower target while the wanted one sends nothing.
    pub substream_target_temp: i32,
    pub templayer: i32,
    pub templayer_target: i32,
    /// µs; 0 means 250 ms.
    pub drop_trigger: u32,
    /// Monotonic µs.
    pub last_relayed: i64,
    pub changed_substream: i32,
    pub changed_temporal: i32,
    pub need_pli: i32,
}

impl Default for Layers {
    fn default() -> Self {
        Layers {
            substream: -1,
            substream_target: 0,
            substream_target_temp: -1,
            templayer: -1,
            templayer_target: 0,
            drop_trigger: 0,
            last_relayed: 0,
            changed_substream: 0,
            changed_temporal: 0,
            need_pli: 0,
        }
    }
}

/// State of one receiver of a simulcast sender. The layout is `janus_rtp_simulcasting_context` of the native
/// generation.
#[repr(C)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulcastContext {
    /// −1: rids are not looked at.
    pub rid_ext_id: i32,
    pub av1: [Av1Context; 3],
    pub layers: Layers,
}

impl Default for SimulcastContext {
    /// Nothing received yet, rids not looked at (HL-107).
    fn default() -> Self {
        SimulcastContext { rid_ext_id: -1, av1: Default::default(), layers: Layers::default() }
    }
}

/// What differs between the generations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Key frames of AV1 and H.265 are recognised; without, their simulcast never starts (HL-122).
    pub all_keyframes: bool,
    /// Of a fragmented H.264 parameter set only the first fragment counts.
    pub h264_start_only: bool,
    /// Temporal layers of VP9 and AV1 are filtered, not only those of VP8.
    pub all_temporal: bool,
}

impl Rules {
    /// 1.4.1.
    pub const NATIVE: Rules = Rules { all_keyframes: true, h264_start_only: true, all_temporal: true };
    /// 1.1.2 and 0.16.1.
    pub const BEFORE_1_2: Rules = Rules { all_keyframes: false, h264_start_only: false, all_temporal: false };
}

/// One packet, and whose it may be.
#[derive(Debug)]
pub struct Packet<'a> {
    pub data: &'a [u8],
    /// Its dependency descriptor; empty without.
    pub descriptor: &'a [u8],
    pub codec: VideoCodec,
    pub rid_ext_id: i32,
}

/// Finds the substream of `packet`: by SSRC, or by rid, which `rid_index` looks up; its SSRC is then noted
/// (HL-112, HL-113).
pub fn substream(
    packet: &Packet<'_>,
    ssrcs: &mut [u32; 3],
    rid_index: impl FnOnce(&[u8]) -> Option<usize>,
) -> Option<usize> {
    let ssrc = Header::new(packet.data)?.ssrc();
    if let Some(known) = ssrcs.iter().position(|s| *s == ssrc) {
        return Some(known);
    }
    let id = u8::try_from(packet.rid_ext_id).ok().filter(|id| *id > 0)?;
    let rid = header_ext::find(packet.data, id).and_then(header_ext::text)?;
    let found = rid_index(&rid[..rid.len().min(15)])?;
    *ssrcs.get_mut(found)? = ssrc;
    Some(found)
}

impl Layers {
    /// Whether to relay a packet of this substream. A packet that is left out on purpose takes a number off
    /// `numbering`. `now`: monotonic µs (HL-114 … HL-123).
    pub fn process(
        &mut self,
        packet: &Packet<'_>,
        substream: usize,
        av1: Option<&mut [Av1Context; 3]>,
        numbering: Option<&mut SwitchingContext>,
        rules: Rules,
        now: i64,
    ) -> bool {
        (self.changed_substream, self.changed_temporal, self.need_pli) = (0, 0, 0);
        let Some(payload) = payload(packet.data) else { return false };
        let this = substream as i32;
        if self.substream_target_temp != -1
            && (this > self.substream_target_temp || self.substream_target <= self.substream_target_temp)
        {
            self.substream_target_temp = -1;
        }
        let target = match self.substream_target_temp {
            -1 => self.substream_target,
            lower => lower,
        };
        let wanted = if self.substream == -1 {
            true
        } else {
            (target > self.substream && this > self.substream)
                || (target < self.substream && this < self.substream)
        };
        if wanted && is_keyframe(packet.codec, payload, rules) {
            self.substream = this;
            self.changed_substream = 1;
            self.last_relayed = now;
        }
        if self.substream == -1 {
            return false;
        }
        self.starvation(this, now);
        if this != self.substream {
            return false;
        }
        self.last_relayed = now;
        let relay = self.temporal(packet, payload, av1.map(|contexts| &mut contexts[substream]), rules);
        if !relay && let Some(numbering) = numbering {
            numbering.skip_one();
        }
        relay
    }

    /// Lowers the temporary target when the current substream has been silent (HL-117 … HL-119).
    fn starvation(&mut self, this: i32, now: i64) {
        let trigger = if self.drop_trigger > 0 { self.drop_trigger } else { DROP_TRIGGER };
        if self.last_relayed == 0 {
            self.last_relayed = now;
        } else if self.substream > 0 && now.wrapping_sub(self.last_relayed) > trigger.into() {
            self.last_relayed = now;
            if this != self.substream && self.substream_target_temp != 0 && self.substream_target > this {
                let before = self.substream_target_temp;
                let from = if before == -1 { self.substream_target } else { before };
                self.substream_target_temp = (from - 1).max(0);
                self.need_pli = (self.substream_target_temp != before).into();
            }
        }
    }

    /// Whether the packet's temporal layer is relayed (HL-120, HL-121).
    fn temporal(
        &mut self,
        packet: &Packet<'_>,
        payload: &[u8],
        av1: Option<&mut Av1Context>,
        rules: Rules,
    ) -> bool {
        match packet.codec {
            VideoCodec::Vp8 if payload.len() >= vp8::MIN_LEN => {
                let Some(descriptor) = vp8::Descriptor::parse(payload) else { return true };
                let layer = i32::from(descriptor.temporal_layer);
                if self.templayer != self.templayer_target && layer == self.templayer_target {
                    self.templayer = layer;
                    self.changed_temporal = 1;
                }
                self.templayer == -1 || layer <= self.templayer
            }
            VideoCodec::Vp9 if rules.all_temporal => match vp9::svc_info(payload) {
                Ok(Some(info)) => {
                    let step = TemporalStep {
                        layer: info.temporal_layer,
                        may_rise: info.ubit == 1 && info.bbit == 1,
                        may_fall: info.ebit == 1,
                    };
                    step.apply(&mut self.templayer, self.templayer_target, &mut self.changed_temporal)
                }
                _ => true,
            },
            VideoCodec::Av1 if rules.all_temporal && !packet.descriptor.is_empty() => {
                match av1.and_then(|context| context.process(packet.descriptor)) {
                    Some(dependency) => {
                        TemporalStep { layer: dependency.temporal, may_rise: true, may_fall: true }.apply(
                            &mut self.templayer,
                            self.templayer_target,
                            &mut self.changed_temporal,
                        )
                    }
                    None => true,
                }
            }
            _ => true,
        }
    }
}

/// A packet's temporal layer, and whether the receiver may go up to it or down to it here.
#[derive(Clone, Copy, Debug)]
pub(super) struct TemporalStep {
    pub layer: i32,
    pub may_rise: bool,
    pub may_fall: bool,
}

impl TemporalStep {
    /// Moves `current` towards `target` where this packet allows it; `false` when the packet lies above what was in
    /// force. The lowest layer needs no permission to start: nothing could be decoded without it.
    pub(super) fn apply(self, current: &mut i32, target: i32, changed: &mut i32) -> bool {
        let mut in_force = *current;
        let rises = self.layer > *current && self.layer <= target;
        if rises && (self.may_rise || (*current < 0 && self.layer == 0)) {
            (*current, *changed) = (self.layer, 1);
            in_force = self.layer;
        } else if target < *current && self.layer == target && self.may_fall {
            (*current, *changed) = (target, 1);
        }
        self.layer <= in_force
    }
}

fn is_keyframe(codec: VideoCodec, payload: &[u8], rules: Rules) -> bool {
    match codec {
        VideoCodec::Av1 | VideoCodec::H265 if !rules.all_keyframes => false,
        VideoCodec::H264 => keyframe::h264_keyframe(payload, rules.h264_start_only),
        _ => keyframe::is_keyframe(codec, payload),
    }
}

#[cfg(test)]
#[path = "simulcast_tests.rs"]
mod tests;
