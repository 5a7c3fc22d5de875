//! Counters, the last second's bytes, silence, and the picture of it all (media-plane.md §9.2, §9.3, §10).

use super::{Layer, Medium, Micros, Streams};
use crate::media::clock::Clock;
use crate::media::types::{Counter, LayerSnapshot, MediaKind, MediumSnapshot, PeerEvent};
use crate::rtcp::Context;
use crate::rtcp::context::rounded;

const SECOND: Micros = 1_000_000;
/// Bytes of the last second are forgotten after this much silence (MP-235).
const STALE: Micros = 2 * SECOND;

/// Packets and bytes, in all and within the last complete second.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub packets: u64,
    pub bytes: u64,
    /// Of the last complete window of at least a second.
    pub bytes_lastsec: u64,
    window_bytes: u64,
    /// When the current window began; 0 = never.
    window_from: Micros,
}

impl Tally {
    pub fn count(&mut self, now: Micros, bytes: usize) {
        self.packets += 1;
        self.bytes += bytes as u64;
        if self.window_from == 0 {
            self.window_from = now;
        } else if now - self.window_from >= SECOND {
            self.bytes_lastsec = std::mem::take(&mut self.window_bytes);
            self.window_from = now;
        }
        self.window_bytes += bytes as u64;
    }

    /// Empties the windows when nothing was counted for so long that they say nothing any more.
    fn age(&mut self, now: Micros) {
        if now - self.window_from >= STALE {
            self.bytes_lastsec = 0;
            self.window_bytes = 0;
        }
    }

    /// Nothing since `limit` before now, and something before.
    fn silent(&self, now: Micros, limit: Micros) -> bool {
        self.window_from > 0
            && now - self.window_from >= limit
            && self.bytes_lastsec == 0
            && self.window_bytes == 0
    }

    pub(in crate::media) fn counter(&self) -> Counter {
        Counter {
            packets: self.packets,
            bytes: self.bytes,
            bytes_lastsec: self.bytes_lastsec,
            ..Counter::default()
        }
    }
}

/// Whether a layer is being received.
#[derive(Clone, Copy, Debug, Default)]
pub struct Activity {
    receiving: bool,
}

impl Activity {
    /// True when this packet is the first, or the first after silence (MP-228).
    pub fn received(&mut self) -> bool {
        !std::mem::replace(&mut self.receiving, true)
    }

    /// True when it was received until now.
    pub fn stop(&mut self) -> bool {
        std::mem::replace(&mut self.receiving, false)
    }
}

impl Streams {
    /// Once a second, while DTLS has been up for at least that long.
    pub fn tick(&mut self, now: Clock) {
        let timer = self.settings.no_media_timer;
        self.store.borrow_mut().shrink(now.mono);
        for index in self.media.indices() {
            let medium = &mut self.media[index];
            medium.sender.tally.age(now.mono);
            medium.sender.history.shrink();
            for layer in 0..medium.layers.len() {
                let state = &mut self.media[index].layers[layer];
                state.tally.age(now.mono);
                let silent = timer > 0 && state.tally.silent(now.mono, Micros::from(timer) * SECOND);
                if silent && state.activity.stop() {
                    let seconds = if timer > 1 { Some(timer) } else { None };
                    self.report_receiving(index, layer, false, seconds);
                }
            }
        }
    }

    /// MP-230: the substream is named only with simulcast.
    pub(super) fn report_receiving(
        &mut self,
        index: usize,
        layer: usize,
        receiving: bool,
        seconds: Option<u32>,
    ) {
        let medium = &self.media[index];
        self.events.push_back(PeerEvent::Receiving {
            mid: medium.config.mid.clone(),
            kind: medium.config.kind,
            substream: medium.simulcast().then_some(layer as u8),
            receiving,
            seconds,
        });
    }

    /// Counters and reports of all media, in the order of their m-lines (MP-231, MP-234).
    pub fn snapshot(&self) -> Vec<MediumSnapshot> {
        self.media.iter().map(Medium::snapshot).collect()
    }

    /// Last bitrate that the peer's REMB allowed, bit/s.
    pub fn remb(&self) -> Option<u32> {
        self.remb
    }
}

impl Medium {
    fn snapshot(&self) -> MediumSnapshot {
        let ssrcs = |of: fn(&Layer) -> u32| {
            let mut all = [0; 3];
            all.iter_mut().zip(&self.layers).for_each(|(ssrc, layer)| *ssrc = of(layer));
            all
        };
        let sent = &self.sender;
        MediumSnapshot {
            payload_type: self.payload_type,
            rtx_payload_type: self.rtx_payload_type,
            codec: self.codec.clone(),
            remote_ssrc: ssrcs(|layer| layer.ssrc),
            remote_ssrc_rtx: ssrcs(|layer| layer.ssrc_rtx),
            nack_queue_ms: sent.nack_queue_ms,
            layers: match self.config.kind {
                MediaKind::Data => Vec::new(),
                MediaKind::Audio | MediaKind::Video => self.layers.iter().map(Layer::snapshot).collect(),
            },
            sent: Counter {
                nacks: sent.nacks_sent,
                retransmissions: sent.retransmissions,
                ..sent.tally.counter()
            },
            config: self.config.clone(),
        }
    }
}

impl Layer {
    pub(super) fn new(kind: MediaKind) -> Layer {
        let statistics = Context {
            tb: if kind == MediaKind::Video { 90_000 } else { 48_000 },
            in_link_quality: 100.0,
            in_media_link_quality: 100.0,
            out_link_quality: 100.0,
            out_media_link_quality: 100.0,
            ..Context::default()
        };
        Layer { statistics, ..Layer::default() }
    }

    fn snapshot(&self) -> LayerSnapshot {
        let statistics = &self.statistics;
        LayerSnapshot {
            received: Counter {
                nacks: self.nacks_received,
                retransmissions: statistics.retransmitted.into(),
                ..self.tally.counter()
            },
            clock_rate: statistics.tb,
            rtt_ms: statistics.rtt,
            rtt_ntp: statistics.rtt_ntp,
            rtt_lsr: statistics.rtt_lsr,
            rtt_dlsr: statistics.rtt_dlsr,
            lost: statistics.lost_all(false),
            lost_by_remote: statistics.lost_all(true),
            jitter_local: statistics.jitter_ms(false),
            jitter_remote: statistics.jitter_ms(true),
            in_link_quality: rounded(statistics.in_link_quality),
            in_media_link_quality: rounded(statistics.in_media_link_quality),
            out_link_quality: rounded(statistics.out_link_quality),
            out_media_link_quality: rounded(statistics.out_media_link_quality),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // MP-235
    #[test]
    fn the_last_second_is_a_complete_one_and_ages() {
        let mut tally = Tally::default();
        tally.count(1, 100);
        tally.count(500_000, 100);
        assert_eq!(tally.bytes_lastsec, 0);
        tally.count(1_000_001, 50);
        assert_eq!((tally.bytes_lastsec, tally.bytes, tally.packets), (200, 250, 3));
        tally.age(3_000_000);
        assert_eq!(tally.bytes_lastsec, 200);
        assert!(!tally.silent(3_000_000, SECOND));
        tally.age(3_000_001);
        assert_eq!(tally.bytes_lastsec, 0);
        assert!(tally.silent(3_000_001, SECOND));
        assert!(!tally.silent(3_000_001, 3 * SECOND));
    }

    // MP-228
    #[test]
    fn only_the_first_packet_starts_receiving() {
        let mut activity = Activity::default();
        assert!(!activity.stop());
        assert!(activity.received());
        assert!(!activity.received());
        assert!(activity.stop());
        assert!(activity.received());
    }
}
