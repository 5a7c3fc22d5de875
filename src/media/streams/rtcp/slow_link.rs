//! Tells when a link loses too much (media-plane.md §7.4).

use crate::media::streams::Streams;
use crate::media::types::PeerEvent;

impl Streams {
    /// Once a second: compares with the losses of a second ago. Off with threshold 0 (MP-210).
    pub(super) fn look_for_slow_link(&mut self, index: usize) {
        let medium = &mut self.media[index];
        let layer = &mut medium.layers[0];
        // MP-211: what the peer lost of ours, then what we lost of the peer's.
        let directions = [
            (true, layer.statistics.lost_remote, &mut layer.lost_by_remote_then),
            (false, layer.statistics.lost, &mut layer.lost_then),
        ];
        for (uplink, total, then) in directions {
            let lost = total.saturating_sub(std::mem::replace(then, total)).max(0) as u32;
            if self.settings.slowlink_threshold > 0 && lost >= self.settings.slowlink_threshold {
                self.events.push_back(PeerEvent::SlowLink {
                    mindex: medium.config.mindex,
                    mid: medium.config.mid.clone(),
                    kind: medium.config.kind,
                    uplink,
                    lost,
                });
            }
        }
    }
}
