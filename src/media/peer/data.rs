//! Data channels of a PeerConnection: SCTP inside DTLS (media-plane.md §8).

use super::{Clock, Connection, Output, Stage};
use crate::media::batch::Batch;
use crate::media::channel::{ChannelCommand, ChannelEvent, DataTerms};
use crate::media::sctp::{Sctp, SctpEvent};
use crate::media::types::DtlsRole;
use crate::record::capture::PacketType;
use bytes::Bytes;
use std::time::Instant;

impl Connection {
    /// Negotiated: now, or as soon as DTLS is up (MP-090, MP-213).
    pub(super) fn enable_data(&mut self, clock: Clock, terms: DataTerms) {
        self.data = Some(terms);
        match &mut self.sctp {
            Some(sctp) => sctp.set_terms(terms),
            None => self.start_data(clock),
        }
    }

    pub(super) fn start_data(&mut self, clock: Clock) {
        let Some(terms) = self.data else { return };
        if self.sctp.is_some() || self.stage != Stage::Ready || self.dtls.is_none() {
            return;
        }
        let client = self.dtls_role == DtlsRole::Active;
        match Sctp::with(client, self.shared.config.dtls_mtu, terms, clock.instant) {
            Ok(mut sctp) => {
                for command in std::mem::take(&mut self.early_channels) {
                    sctp.command(command, clock.instant);
                }
                self.sctp = Some(Box::new(sctp));
            }
            Err(error) => tracing::error!(handle = self.id, "no data channels: {error}"),
        }
    }

    /// After a move of the transport.
    pub(super) fn renew_data(&mut self, clock: Clock) {
        let Some(sctp) = &mut self.sctp else { return };
        let client = self.dtls_role == DtlsRole::Active;
        match sctp.next(client, self.shared.config.dtls_mtu, clock.instant) {
            Ok(None) => {}
            Ok(Some(next)) => self.sctp = Some(Box::new(next)),
            Err(error) => tracing::error!(handle = self.id, "no data channels: {error}"),
        }
    }

    /// For channels that are told apart. Those who ask bound what waits.
    pub(super) fn channel(&mut self, clock: Clock, command: ChannelCommand) {
        let Some(sctp) = &mut self.sctp else { return self.early_channels.push(command) };
        if let ChannelCommand::Send { data, .. } = &command {
            self.tap.outgoing(PacketType::Data, data);
        }
        sctp.command(command, clock.instant);
    }

    /// A packet out of DTLS.
    pub(super) fn incoming_sctp(&mut self, clock: Clock, packet: Bytes) {
        if let Some(sctp) = &mut self.sctp {
            sctp.handle(packet, clock.instant);
        }
    }

    /// MP-217 to MP-220; without data channels, and before the PeerConnection is up, ignored.
    pub fn relay_data(
        &mut self,
        clock: Clock,
        label: Option<&str>,
        protocol: Option<&str>,
        binary: bool,
        message: Bytes,
    ) {
        let Some(sctp) = &mut self.sctp else { return };
        self.tap.outgoing(PacketType::Data, &message);
        if let Err(error) = sctp.send(label, protocol, binary, message, clock.instant)
            && let Some(count) = self.data_dropped.one_more()
        {
            tracing::warn!(handle = self.id, "{count} data messages dropped, the last one: {error}");
        }
        self.progress_data();
    }

    pub(super) fn data_due(&self) -> Option<Instant> {
        self.sctp.as_deref().and_then(Sctp::timeout)
    }

    pub(super) fn check_data_timers(&mut self, clock: Clock) {
        if let Some(sctp) = &mut self.sctp
            && sctp.timeout().is_some_and(|at| at <= clock.instant)
        {
            sctp.handle_timeout(clock.instant);
        }
    }

    /// Carries SCTP's events to the sink.
    pub(super) fn progress_data(&mut self) {
        let (Some(sctp), Some(_)) = (&mut self.sctp, &self.dtls) else { return };
        while let Some(event) = sctp.poll_event() {
            match event {
                SctpEvent::Up => {}
                SctpEvent::Incoming { label, protocol, binary, data } => {
                    self.tap.incoming(PacketType::Data, &data);
                    self.outputs.push_back(Output::Data { label, protocol, binary, message: data });
                }
                SctpEvent::DataReady => self.outputs.push_back(Output::DataReady),
                SctpEvent::Channel(event) => {
                    if let ChannelEvent::Message { data, .. } = &event {
                        self.tap.incoming(PacketType::Data, data);
                    }
                    self.outputs.push_back(Output::Channel(event));
                }
                SctpEvent::Closed => tracing::debug!(handle = self.id, "the SCTP association has ended"),
            }
        }
    }

    /// Whether SCTP has packets. They wait for the end of the turn: what acknowledges a message leaves with the plugin's answer.
    pub fn has_data_to_send(&self) -> bool {
        self.dtls.is_some() && self.sctp.as_deref().is_some_and(Sctp::has_outgoing)
    }

    /// Carries packets of SCTP, so many at most, into DTLS and out.
    pub fn send_data(&mut self, clock: Clock, most: usize, out: &mut Batch) {
        // Straight to where they leave from, unless `transmit_dtls` has a say.
        let is_free =
            self.stage == Stage::Ready && self.credit.is_none() && !self.holds_flights(clock.instant);
        let path = self.path.filter(|_| is_free);
        let (Some(sctp), Some(dtls)) = (&mut self.sctp, &mut self.dtls) else { return };
        for packet in std::iter::from_fn(|| sctp.poll_transmit()).take(most) {
            let sealed = path.and_then(|path| {
                let mut len = None;
                out.push(&mut self.cursor, path, |slot| {
                    len = dtls.write_to(&packet, slot);
                    len
                });
                len
            });
            match sealed {
                Some(len) => {
                    self.record.dtls_out.packets += 1;
                    self.record.dtls_out.bytes += len as u64;
                }
                None => {
                    if let Err(error) = dtls.write(&packet) {
                        tracing::debug!(handle = self.id, "SCTP packet dropped: {error}");
                    }
                }
            }
        }
        self.transmit_dtls(clock, out);
    }

    pub(super) fn write_data(&mut self, most: usize) {
        let (Some(sctp), Some(dtls)) = (&mut self.sctp, &mut self.dtls) else { return };
        for packet in std::iter::from_fn(|| sctp.poll_transmit()).take(most) {
            if let Err(error) = dtls.write(&packet) {
                tracing::debug!(handle = self.id, "SCTP packet dropped: {error}");
            }
        }
    }
}
