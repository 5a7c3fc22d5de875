//! Media in and out: demultiplexing, SRTP, streams, retransmissions, RTCP (media-plane.md §5, §6, §7).

use super::capture::Tap;
use super::{Clock, Connection, Incoming, Output, Room, Shared, Srtp, Stage};
use crate::media::batch::{Batch, Cursor, SLOT_SIZE};
use crate::media::counts::{Counts, Direction, Reason};
use crate::media::ice::{Origin, Path};
use crate::media::srtp::SrtpError;
use crate::media::streams::rtcp::Split;
use crate::media::streams::store::SharedStore;
use crate::media::streams::{Content, Medium, Relayed, Resend, Settings, Streams};
use crate::media::types::*;
use crate::record::capture::PacketType;
use crate::rtcp::{compound, is_rtcp};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, Instant};

const RTCP_HEADER: usize = 8;
const RTP_HEADER: usize = 12;
/// Reports and statistics (media-plane.md §7.3, §9.3).
const TICK: Duration = Duration::from_secs(1);

/// Clocks of a PeerConnection that is up.
pub(super) struct Ticks {
    pub(super) reports: Instant,
    feedback: Instant,
    /// Ticks since the last statistics event.
    since_statistics: u32,
}

/// A batch with packets that are not yet encrypted. Should anything panic before they are, nothing of it leaves.
struct Unsealed<'a>(&'a mut Batch);

impl Drop for Unsealed<'_> {
    fn drop(&mut self) {
        self.0.clear();
    }
}

impl Connection {
    /// An SRTP or SRTCP datagram that came from an address of the peer at `clock`. `Some`: for the plugin, decrypted and
    /// rewritten in place.
    pub fn media<'a>(
        &mut self,
        clock: Clock,
        from: Origin,
        datagram: &mut [u8],
        room: &'a mut Room,
        out: &mut Batch,
    ) -> Option<Incoming<'a>> {
        self.authentic = false;
        // MP-141
        if self.stage != Stage::Ready {
            self.counts.dropped(Reason::NotReady);
            return None;
        }
        if datagram.len() > LARGEST_RTP {
            self.record.too_large += 1;
            self.counts.dropped(Reason::TooLarge);
            return None;
        }
        if is_rtcp(datagram) {
            return self.incoming_rtcp(clock, from, datagram, &mut room.rtcp, out);
        }
        if datagram.len() < RTP_HEADER {
            return None;
        }
        let route = self.streams.route(datagram).map_err(|why| self.drop_packet("RTP", why)).ok()?;
        let len = match &mut self.srtp {
            Some(srtp) => srtp.incoming.unprotect_rtp(datagram).map_err(|e| self.complain(e)).ok()?,
            None => datagram.len(),
        };
        self.opened(clock, from);
        self.tap.incoming(PacketType::Rtp, &datagram[..len]);
        let received = self
            .streams
            .receive(clock, route, &mut datagram[..len], &mut room.descriptor)
            .map_err(|why| self.drop_packet("RTP", why))
            .ok()?;
        if self.feedback_rests && self.streams.awaits_feedback() {
            self.resume_feedback(clock);
        }
        if let Some((binding, missing)) = &received.nacks {
            let wire = Wire::of(self.path, &mut self.cursor, &mut self.srtp, &self.tap, &self.counts);
            self.streams.nack(*binding, missing, &mut wire.rtcp(out));
        }
        Some(Incoming::Rtp {
            mindex: received.mindex,
            video: received.video,
            layer: received.layer,
            len: received.len,
            extensions: received.extensions,
        })
    }

    fn incoming_rtcp<'a>(
        &mut self,
        clock: Clock,
        from: Origin,
        datagram: &mut [u8],
        split: &'a mut Split,
        out: &mut Batch,
    ) -> Option<Incoming<'a>> {
        if datagram.len() < RTCP_HEADER || !self.streams.admits_rtcp(clock) {
            self.counts.dropped(Reason::TooOften);
            return None;
        }
        let len = match &mut self.srtp {
            Some(srtp) => srtp.incoming.unprotect_rtcp(datagram).map_err(|e| self.complain(e)).ok()?,
            None => datagram.len(),
        };
        self.opened(clock, from);
        self.tap.incoming(PacketType::Rtcp, &datagram[..len]);
        let outcome = self.streams.incoming_rtcp(clock, &mut datagram[..len], split);
        self.resend(clock, out);
        if let Err(why) = outcome {
            tracing::trace!(handle = self.id, "RTCP dropped: {why:?}");
            if let Some(reason) = why.reason() {
                self.counts.dropped(reason);
            }
            return None;
        }
        Some(Incoming::Rtcp(split))
    }

    /// Whether our keys open this SRTP or SRTCP datagram, whose bytes are unspecified then. Nothing else changes.
    pub fn opens(&self, datagram: &mut [u8]) -> bool {
        match (&self.srtp, is_rtcp(datagram)) {
            (Some(srtp), true) => datagram.len() >= RTCP_HEADER && srtp.incoming.opens_rtcp(datagram),
            (Some(srtp), false) => datagram.len() >= RTP_HEADER && srtp.incoming.opens_rtp(datagram),
            // Without encryption the SSRC decides.
            (None, true) => true,
            (None, false) => datagram.len() >= RTP_HEADER && self.streams.route(datagram).is_ok(),
        }
    }

    /// A packet of the peer's own was decrypted.
    #[inline]
    fn opened(&mut self, clock: Clock, from: Origin) {
        self.authentic = true;
        self.pulse.hear(clock);
        if self.pulse.is_away {
            self.note_return();
        }
        if self.listens {
            self.heard(clock, from);
        }
    }

    /// Whether the peer has asked for lost packets or a key frame since this was called.
    pub fn take_asked(&mut self) -> bool {
        std::mem::take(&mut self.streams.asked)
    }

    /// Step 8 of §5: replays are normal, the rest is worth a line.
    fn complain(&self, error: SrtpError) {
        self.counts.dropped(error.into());
        if error != SrtpError::Replay {
            tracing::debug!(handle = self.id, "SRTP: {error}");
        }
    }

    /// What the peer's NACKs asked for.
    fn resend(&mut self, clock: Clock, out: &mut Batch) {
        let Some(path) = self.path else { return };
        let (streams, srtp, tap) = (&mut self.streams, &mut self.srtp, &self.tap);
        loop {
            let mut more = false;
            out.push(&mut self.cursor, path, |slot| match streams.next_resend(clock, slot)? {
                Resend::Plain(len) => {
                    more = true;
                    tap.outgoing(PacketType::Rtp, &slot[..len]);
                    protect_rtp(srtp, slot, len)
                }
                Resend::Protected(len) => {
                    more = true;
                    Some(len)
                }
            });
            if !more {
                break;
            }
        }
    }

    /// Packets that a plugin sends, at most [`MOST_AT_ONCE`]: written, rewritten and encrypted in the slots that they
    /// leave from. Encrypted only when all are written: the cipher would have to wait for the payload's way into the
    /// cache, which meanwhile is taken by the next payload.
    pub fn send_rtp<'a>(
        &mut self,
        clock: Clock,
        packets: impl Iterator<Item = (Relayed, &'a Content)>,
        out: &mut Batch,
    ) {
        let (Stage::Ready, Some(path)) = (self.stage, self.path) else {
            packets.for_each(drop);
            return;
        };
        let (streams, srtp, tap) = (&mut self.streams, &mut self.srtp, &self.tap);
        let out = Unsealed(out);
        let overhead = srtp.as_ref().map_or(0, |srtp| srtp.outgoing.profile().rtp_overhead());
        let mut written = [const { None }; MOST_AT_ONCE];
        for ((packet, content), written) in packets.zip(&mut written) {
            let mut prepared = None;
            let place = out.0.push(&mut self.cursor, path, |slot| {
                let len = prepared.insert(streams.write(clock, packet, content, &mut slot[..ROOM])?).size();
                tap.outgoing(PacketType::Rtp, &slot[..len]);
                Some(len + overhead)
            });
            *written = place.zip(prepared);
        }
        for (place, prepared) in written.iter().flatten() {
            let Some(packet) = out.0.packet_mut(*place) else { continue };
            match protect_rtp(srtp, packet, prepared.size()) {
                Some(len) => streams.protected(clock, prepared, &packet[..len]),
                None => out.0.withdraw(*place),
            }
        }
        std::mem::forget(out);
    }

    pub(super) fn set_media(&mut self, media: Vec<MediumConfig>) {
        self.streams.set_media(media);
        self.update_gives_feedback();
        self.take_stream_events();
    }

    /// Whether there is anything that the feedback clock has to wake us for.
    fn update_gives_feedback(&mut self) {
        let received = |medium: &Medium| medium.video() && medium.config.recv;
        self.gives_feedback =
            self.extensions.transport_wide_cc > 0 && self.streams.media.iter().any(received);
    }

    pub(super) fn set_extensions(&mut self, ids: &ExtensionIds) {
        self.extensions = *ids;
        self.streams.set_extensions(ids);
        self.update_gives_feedback();
    }

    pub(super) fn send_feedback(&mut self, command: Command, out: &mut Batch) {
        if self.stage != Stage::Ready {
            return;
        }
        let wire = Wire::of(self.path, &mut self.cursor, &mut self.srtp, &self.tap, &self.counts);
        let mut emit = wire.rtcp(out);
        match command {
            Command::SendPli { mindex } => self.streams.send_pli(mindex, &mut emit),
            Command::SendRemb { bitrate } => self.streams.send_remb(bitrate, &mut emit),
            Command::RelayRtcp { mindex, video, packet } => {
                self.streams.relay_rtcp(mindex, video, &packet, &mut emit);
            }
            _ => {}
        }
    }

    /// What streams have to tell comes after the packet that caused it was handed to the plugin.
    pub fn take_stream_events(&mut self) {
        while let Some(event) = self.streams.next_event() {
            self.outputs.push_back(Output::Event(Box::new(event)));
        }
    }

    pub(super) fn start_ticking(&mut self, clock: Clock) {
        let period = self.feedback_period();
        self.ticks = Some(Ticks {
            reports: clock.instant + TICK,
            feedback: clock.instant + period,
            since_statistics: 0,
        });
    }

    fn feedback_period(&self) -> Duration {
        Duration::from_millis(u64::from(self.shared.config.twcc_period_ms.max(1)))
    }

    /// A packet has come after a time without: its feedback leaves when it would have left if the clock had gone on.
    #[cold]
    fn resume_feedback(&mut self, clock: Clock) {
        let period = self.feedback_period();
        let Some(ticks) = &mut self.ticks else { return };
        let missed = clock.instant.saturating_duration_since(ticks.feedback);
        if clock.instant >= ticks.feedback {
            let periods = missed.as_nanos() / period.as_nanos() + 1;
            ticks.feedback += period * u32::try_from(periods).unwrap_or(1);
        }
        self.feedback_rests = false;
        self.hurries = true;
    }

    /// Whether a packet has made [`Connection::poll_timeout`] earlier since this was called.
    pub fn take_hurries(&mut self) -> bool {
        std::mem::take(&mut self.hurries)
    }

    pub(super) fn ticks_due(&self) -> Option<Instant> {
        let ticks = self.ticks.as_ref()?;
        let feedback = self.gives_feedback && !self.feedback_rests;
        Some(if feedback { ticks.reports.min(ticks.feedback) } else { ticks.reports })
    }

    /// Reports, feedback, counters (§7.3, §9.3).
    pub(super) fn tick(&mut self, clock: Clock, out: &mut Batch) {
        let period = self.feedback_period();
        let Some(ticks) = &mut self.ticks else { return };
        let feedback = self.gives_feedback && !self.feedback_rests && clock.instant >= ticks.feedback;
        if feedback {
            ticks.feedback = next(ticks.feedback, period, clock.instant);
            // Of most PeerConnections that might send video none comes: they are muted, or only watch.
            self.feedback_rests = !self.streams.awaits_feedback();
        }
        let reports = clock.instant >= ticks.reports;
        let mut statistics = false;
        if reports {
            ticks.reports = next(ticks.reports, TICK, clock.instant);
            ticks.since_statistics += 1;
            statistics = ticks.since_statistics == self.shared.config.stats_period;
            ticks.since_statistics *= u32::from(!statistics);
        }
        {
            let wire = Wire::of(self.path, &mut self.cursor, &mut self.srtp, &self.tap, &self.counts);
            let mut emit = wire.rtcp(out);
            if feedback {
                self.streams.transport_feedback(&mut emit);
            }
            if reports {
                self.streams.settings = settings_of(&self.shared);
                self.streams.reports(clock, &mut emit);
                self.streams.tick(clock);
            }
        }
        self.resend(clock, out);
        self.take_stream_events();
        if reports {
            self.watch_pulse(clock);
        }
        if statistics {
            let statistics = Arc::new(self.snapshot(clock));
            self.event(PeerEvent::Statistics(statistics));
        }
    }

    pub(super) fn streams_of(shared: &Shared, store: SharedStore, counts: Arc<Counts>) -> Streams {
        Streams::of_worker(settings_of(shared), store, counts)
    }

    /// A packet of the peer goes no further.
    fn drop_packet(&self, what: &str, why: impl Into<Reason> + Debug) {
        tracing::trace!(handle = self.id, "{what} dropped: {why:?}");
        self.counts.dropped(why.into());
    }
}

/// Packets of one call of [`Connection::send_rtp`].
pub const MOST_AT_ONCE: usize = 16;
/// SRTP needs the rest of a slot.
const ROOM: usize = SLOT_SIZE - 32;

fn settings_of(shared: &Shared) -> Settings {
    *shared.live.lock()
}

fn protect_rtp(srtp: &mut Option<Srtp>, slot: &mut [u8], len: usize) -> Option<usize> {
    let Some(srtp) = srtp else { return Some(len) };
    srtp.outgoing
        .protect_rtp(slot, len)
        .inspect_err(|error| tracing::debug!("cannot protect RTP: {error}"))
        .ok()
}

/// The way out for RTCP.
struct Wire<'a> {
    path: Option<Path>,
    cursor: &'a mut Cursor,
    srtp: &'a mut Option<Srtp>,
    tap: &'a Tap,
    counts: &'a Counts,
}

impl<'a> Wire<'a> {
    fn of(
        path: Option<Path>,
        cursor: &'a mut Cursor,
        srtp: &'a mut Option<Srtp>,
        tap: &'a Tap,
        counts: &'a Counts,
    ) -> Wire<'a> {
        Wire { path, cursor, srtp, tap, counts }
    }

    /// Protects and sends what it is called with.
    fn rtcp(self, out: &'a mut Batch) -> impl FnMut(&[u8]) + 'a {
        let Wire { path, cursor, srtp, tap, counts } = self;
        move |packet| {
            let Some(path) = path else { return };
            tap.outgoing(PacketType::Rtcp, packet);
            compound::blocks(packet).for_each(|block| counts.rtcp(Direction::Out, &block));
            out.push(cursor, path, |slot| {
                slot.get_mut(..packet.len())?.copy_from_slice(packet);
                let Some(srtp) = srtp else { return Some(packet.len()) };
                srtp.outgoing.protect_rtcp(slot, packet.len()).ok()
            });
        }
    }
}

/// The first multiple of `period` after `last` that lies in the future; missed ones are not made up for.
fn next(last: Instant, period: Duration, now: Instant) -> Instant {
    let next = last + period;
    if next > now { next } else { now + period }
}
