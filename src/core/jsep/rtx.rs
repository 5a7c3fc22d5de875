//! RTX payload types that we propose ourselves (media-plane.md §2.8).

use super::anonymise::remove_payload_types;
use super::state::{MediumKind, Negotiation};
use crate::sdp::Mline;

impl Negotiation {
    /// Maps every payload type of a video m-line of the plugin to an RTX one, or clears collisions with known ones.
    pub(super) fn propose_rtx(&mut self, index: usize, mline: &mut Mline) {
        if !self.rtx_enabled || self.media[index].kind != MediumKind::Video || mline.port == 0 {
            return;
        }
        if !self.media[index].rtx.is_empty() {
            let known = self.media[index].rtx.values().map(|pt| i32::from(*pt));
            let listed = known.filter(|pt| mline.ptypes.contains(pt)).collect();
            remove_payload_types(mline, &listed);
            return;
        }
        let listed: Vec<u8> = mline.ptypes.iter().filter_map(|p| u8::try_from(*p).ok()).collect();
        for pt in listed {
            if self.rtx.values().any(|r| *r == pt) {
                continue;
            }
            let rtx = match self.rtx.get(&pt) {
                Some(known) => Some(*known),
                None => self.free_payload_type(pt),
            };
            if let Some(rtx) = rtx {
                self.rtx.insert(pt, rtx);
                self.media[index].rtx.insert(pt, rtx);
            }
        }
        self.media[index].nacks = true;
    }

    /// The next one after `pt`, dynamic range, neither a payload type nor an RTX one of this PeerConnection.
    fn free_payload_type(&self, pt: u8) -> Option<u8> {
        let next = |pt: u8| if (96..127).contains(&pt) { pt + 1 } else { 96 };
        let mut candidate = next(pt);
        for _ in 96..=127 {
            let used = self.payload_types.contains(&candidate) || self.rtx.values().any(|r| *r == candidate);
            if !used {
                return Some(candidate);
            }
            candidate = next(candidate);
        }
        None
    }
}
