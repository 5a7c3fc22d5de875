//! RTCP that plugins send (media-plane.md §7.2).

use super::MAX_COMPOUND;
use crate::media::streams::Streams;
use crate::media::types::Mindex;
use crate::rtcp::compound::{self, AFB, PLI, PSFB};
use crate::rtcp::ssrc::{self, Rewrite};
use crate::rtcp::{feedback, remb, report};

/// Offset of the first SSRC in a REMB.
const REMB_SSRCS: usize = 20;
/// An RR without report blocks.
const EMPTY_RR: usize = 8;

impl Streams {
    /// Filters what the core does itself, addresses the rest, and emits it; nothing when nothing is left (MP-198). A PLI
    /// goes to every layer (MP-199). What would be larger
    /// than [`MAX_COMPOUND`] is not sent.
    pub fn relay_rtcp(&self, mindex: Mindex, video: bool, packet: &[u8], emit: &mut dyn FnMut(&[u8])) {
        let Some(index) = self.media.find(mindex, video) else { return };
        let medium = &self.media[index];
        let local = medium.config.ssrc;
        // Room for the RR that REMB needs in front.
        let mut buffer = [0; MAX_COMPOUND];
        let Some(body) = buffer[EMPTY_RR..].get_mut(..packet.len()) else {
            tracing::debug!(len = packet.len(), "RTCP of a plugin is too large, dropped");
            return;
        };
        body.copy_from_slice(packet);
        let len = compound::filter(body);
        let body = &mut body[..len];
        let rewrite = Rewrite { local, remote: medium.layers[0].ssrc };
        if len == 0 || ssrc::fix(body, Some(rewrite), None, Default::default()).is_err() {
            return;
        }
        let mut has_remb = false;
        let mut walk = compound::Walk::new();
        while let Some(Ok(block)) = walk.next(body) {
            if !block.is(PSFB, AFB) || !remb::is_remb(block.bytes(body)) {
                continue;
            }
            has_remb = true;
            let ssrcs = block.bytes_mut(body)[REMB_SSRCS..].chunks_exact_mut(4);
            for (ssrc, layer) in ssrcs.zip(&medium.layers).skip(1) {
                if layer.ssrc != 0 {
                    ssrc.copy_from_slice(&layer.ssrc.to_be_bytes());
                }
            }
        }
        let has_pli = compound::blocks(body).any(|block| block.is(PSFB, PLI));
        if has_remb {
            report::write_rr(&mut buffer, local, &[]);
            emit(&buffer[..EMPTY_RR + len]);
        } else {
            emit(&buffer[EMPTY_RR..EMPTY_RR + len]);
        }
        if has_pli && medium.video() {
            for layer in medium.layers.iter().skip(1).filter(|layer| layer.ssrc != 0) {
                let mut pli = feedback::pli();
                pli[4..8].copy_from_slice(&local.to_be_bytes());
                pli[8..12].copy_from_slice(&layer.ssrc.to_be_bytes());
                emit(&pli);
            }
        }
    }

    /// A PLI for one medium (MP-201), or for every video medium (MP-200).
    pub fn send_pli(&self, mindex: Option<Mindex>, emit: &mut dyn FnMut(&[u8])) {
        match mindex {
            Some(mindex) => self.relay_rtcp(mindex, true, &feedback::pli(), emit),
            None => {
                for medium in self.media.iter().filter(|medium| medium.video()) {
                    self.relay_rtcp(medium.config.mindex, true, &feedback::pli(), emit);
                }
            }
        }
    }

    /// MP-202: bit/s.
    pub fn send_remb(&self, bitrate: u32, emit: &mut dyn FnMut(&[u8])) {
        let mut packet = [0; remb::LEN];
        if remb::build(&mut packet, bitrate, 1).is_some() {
            self.relay_rtcp(-1, true, &packet, emit);
        }
    }
}

#[cfg(test)]
#[path = "plugin_tests.rs"]
mod tests;
