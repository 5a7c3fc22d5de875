//! What goes: opening channels, messages, closing channels; in order, as the stack has room.

use super::SctpError;
use super::channels::{DEFAULT_LABEL, MAX_CHANNELS, Sctp};
use super::dcep::{MAX_LABEL, MAX_PROTOCOL, Message, Open, shorten};
use super::filter::STREAMS;
use super::table::{Channel, State};
use super::waiting::Operation;
use crate::media::channel::Reliability;
use crate::media::channel::{ChannelConfig, ChannelEnd, ChannelEvent, ChannelId};
use bytes::Bytes;
use rtc_sctp::{PayloadProtocolIdentifier as Ppi, ReliabilityType, StreamId};
use std::time::Instant;

/// Bytes the stack may hold; what comes then waits in order (MP-220).
const HIGH_WATER: usize = 256 << 10;
/// Bytes of messages by label that may wait.
const MAX_WAITING: usize = 16 << 20;

impl Sctp {
    /// Sends a message on the channel `label`, which is opened (ordered, reliable) if nobody has yet (MP-217);
    /// `protocol` only matters then. Waits its turn until the association is up and has room; an error is the
    /// caller's to log.
    pub fn send(
        &mut self,
        label: Option<&str>,
        protocol: Option<&str>,
        binary: bool,
        data: Bytes,
        now: Instant,
    ) -> Result<(), SctpError> {
        if self.closed {
            return Err(SctpError::Closed);
        }
        self.check_size(data.len())?;
        let (label, protocol) = (label.unwrap_or(DEFAULT_LABEL), protocol.unwrap_or(""));
        let outcome = if self.link.is_up() && self.waiting.is_empty() && self.buffered() < HIGH_WATER {
            self.send_labelled(label, protocol, binary, &data, now)
        } else {
            self.postpone(Operation::Labelled {
                label: label.to_owned(),
                protocol: protocol.to_owned(),
                binary,
                data,
            })
        };
        self.advance(now);
        outcome
    }

    fn postpone(&mut self, message: Operation) -> Result<(), SctpError> {
        if self.waiting.bytes() + message.weight() > MAX_WAITING {
            return Err(SctpError::Full);
        }
        self.waiting.push(message);
        Ok(())
    }

    fn send_labelled(
        &mut self,
        label: &str,
        protocol: &str,
        binary: bool,
        data: &Bytes,
        now: Instant,
    ) -> Result<(), SctpError> {
        let known = shorten(label, MAX_LABEL);
        let found = self.channels.iter().find(|c| &*c.label == known && c.state != State::Closing);
        let stream = match found.and_then(|channel| channel.stream) {
            Some(stream) => stream,
            None => self.open_labelled(label, protocol, now)?,
        };
        self.write_message(stream, binary, data, now)
    }

    fn check_size(&self, len: usize) -> Result<(), SctpError> {
        match self.terms.most {
            Some(most) if len > most => Err(SctpError::TooLarge(len, most)),
            _ => Ok(()),
        }
    }

    pub(super) fn open(&mut self, id: ChannelId, config: ChannelConfig) {
        if self.channels.len() >= MAX_CHANNELS {
            return self.tell(ChannelEvent::Closed(id, ChannelEnd::NoStream));
        }
        let (label, protocol) = (config.label.clone(), config.protocol.clone());
        self.channels.push(Channel::new(config, id, &label, &protocol));
        self.waiting.push(Operation::Open(id));
    }

    pub(super) fn send_on(&mut self, id: ChannelId, binary: bool, data: Bytes) {
        // Nobody waits for room on one that is gone.
        if self.named(id).is_some() {
            self.waiting.push(Operation::Send { id, binary, data });
        }
    }

    /// After what was sent before.
    pub(super) fn close_channel(&mut self, id: ChannelId) {
        self.waiting.push(Operation::Close(id));
    }

    /// Whether anything was done.
    pub(super) fn write_waiting(&mut self, now: Instant) -> bool {
        let mut any = false;
        while self.link.is_up() && self.buffered() < HIGH_WATER {
            let Some(operation) = self.waiting.pop() else { break };
            any = true;
            if let Err(error) = self.perform(operation, now) {
                tracing::warn!("SCTP: message dropped: {error}");
            }
        }
        any
    }

    fn perform(&mut self, operation: Operation, now: Instant) -> Result<(), SctpError> {
        match operation {
            Operation::Labelled { label, protocol, binary, data } => {
                self.send_labelled(&label, &protocol, binary, &data, now)
            }
            Operation::Open(id) => {
                if let Err(error) = self.announce(id, now) {
                    tracing::debug!("SCTP: a channel cannot be opened: {error}");
                    self.give_up(id, ChannelEnd::NoStream, now);
                }
                Ok(())
            }
            Operation::Send { id, binary, data } => {
                let Some(channel) = self.named(id).filter(|channel| channel.state != State::Closing) else {
                    // Closed meanwhile.
                    return Ok(());
                };
                let Some(stream) = channel.stream else { return Ok(()) };
                match self.check_size(data.len()) {
                    Ok(()) => {
                        let written = self.write_message(stream, binary, &data, now);
                        // Without the stream, the news of its end is under way. With it, the association is about to end.
                        if written.is_err() && self.link.association.stream(stream).is_ok() {
                            self.give_up(id, ChannelEnd::Association, now);
                        }
                        written
                    }
                    Err(_) => {
                        self.give_up(id, ChannelEnd::TooLarge, now);
                        Ok(())
                    }
                }
            }
            Operation::Close(id) => {
                self.give_up(id, ChannelEnd::Here, now);
                Ok(())
            }
        }
    }

    fn open_labelled(&mut self, label: &str, protocol: &str, now: Instant) -> Result<StreamId, SctpError> {
        if self.channels.len() >= MAX_CHANNELS {
            return Err(SctpError::TooManyChannels);
        }
        let id = ChannelId::fresh();
        let config = ChannelConfig {
            label: label.to_owned(),
            protocol: protocol.to_owned(),
            ordered: true,
            reliability: Reliability::Reliable,
            negotiated: None,
        };
        let (label, protocol) = (shorten(label, MAX_LABEL), shorten(protocol, MAX_PROTOCOL));
        self.channels.push(Channel::new(config, id, label, protocol));
        let stream = self.announce(id, now);
        if stream.is_err() {
            self.channels.retain(|channel| channel.id != id);
        }
        stream
    }

    /// Gives a channel its stream, and tells the peer unless both have agreed on it.
    fn announce(&mut self, id: ChannelId, now: Instant) -> Result<StreamId, SctpError> {
        let config = self.named(id).map(|channel| channel.config.clone()).ok_or(SctpError::Closed)?;
        let stream = match config.negotiated {
            None => self.free_stream().ok_or(SctpError::TooManyChannels)?,
            Some(stream) if stream >= self.most_streams() || self.on_stream(stream).is_some() => {
                return Err(SctpError::TooManyChannels);
            }
            Some(stream) => stream,
        };
        // The peer may have sent on a negotiated one already.
        if self.link.association.stream(stream).is_err() {
            self.link.association.open_stream(stream, Ppi::Binary).map_err(stack)?;
        }
        let agreed = config.negotiated.is_some();
        if let Some(channel) = self.named(id) {
            channel.stream = Some(stream);
            channel.state = if agreed { State::Open } else { State::Announced };
        }
        self.send_as(stream, !agreed || config.ordered, config.reliability);
        if agreed {
            self.tell(ChannelEvent::Opened(id));
        } else {
            let open = Open {
                ordered: config.ordered,
                reliability: config.reliability,
                label: config.label,
                protocol: config.protocol,
            };
            self.write_internal(stream, &Message::Open(open), now)?;
        }
        Ok(stream)
    }

    /// The streams of channels that were open before the association was.
    pub(super) fn open_kept(&mut self) {
        let kept = self.channels.iter().filter(|channel| channel.state == State::Open);
        let kept: Vec<_> =
            kept.filter_map(|c| Some((c.stream?, c.config.ordered, c.config.reliability))).collect();
        for (stream, ordered, reliability) in kept {
            if self.link.association.stream(stream).is_ok()
                || self.link.association.open_stream(stream, Ppi::Binary).is_ok()
            {
                self.send_as(stream, ordered, reliability);
            }
        }
    }

    /// How messages on this stream are sent from here on.
    pub(super) fn send_as(&mut self, stream: StreamId, ordered: bool, reliability: Reliability) {
        let (kind, value) = match reliability {
            Reliability::Reliable => (ReliabilityType::Reliable, 0),
            Reliability::Retransmissions(count) => (ReliabilityType::Rexmit, count),
            Reliability::Lifetime(milliseconds) => (ReliabilityType::Timed, milliseconds),
        };
        if let Ok(mut stream) = self.link.association.stream(stream) {
            let _ = stream.set_reliability_params(!ordered, kind, value);
        }
    }

    /// Starts the end of a channel; one that never had a stream has ended.
    fn give_up(&mut self, id: ChannelId, end: ChannelEnd, now: Instant) {
        let Some(channel) = self.named(id).filter(|channel| channel.state != State::Closing) else { return };
        match channel.stream {
            Some(stream) if end == ChannelEnd::Here => {
                channel.state = State::Closing;
                self.reset(stream, now);
            }
            stream => {
                if let Some(position) = self.channels.iter().position(|channel| channel.id == id) {
                    self.forget(position);
                }
                self.tell(ChannelEvent::Closed(id, end));
                if let Some(stream) = stream {
                    self.reset(stream, now);
                }
            }
        }
    }

    /// Resets our direction of a stream, behind what was written (RFC 6525); what comes on it is dropped.
    pub(super) fn reset(&mut self, stream: StreamId, now: Instant) {
        self.link.filter.close(stream);
        let Ok(mut open) = self.link.association.stream(stream) else { return };
        // As long as there is something to be read, the stack would not let the peer reset its own direction.
        while let Ok(Some(message)) = open.read_sctp() {
            self.link.filter.note_read(message.chunks.len());
        }
        let _ = open.close(now);
    }

    /// The next stream of our parity (DTLS client even, server odd) that is not in use; stream 0 is left out.
    fn free_stream(&mut self) -> Option<StreamId> {
        let limit = self.most_streams();
        for _ in 0..STREAMS / 2 {
            let stream = self.next_stream;
            self.next_stream = if stream + 2 < STREAMS { stream + 2 } else { 2 - stream % 2 };
            let agreed = self.channels.iter().any(|channel| channel.config.negotiated == Some(stream));
            if stream < limit && !agreed && self.link.association.stream(stream).is_err() {
                return Some(stream);
            }
        }
        None
    }

    fn most_streams(&self) -> u16 {
        self.link.association.negotiated_max_streams().unwrap_or(STREAMS).min(STREAMS)
    }

    fn write_message(
        &mut self,
        stream: StreamId,
        binary: bool,
        data: &Bytes,
        now: Instant,
    ) -> Result<(), SctpError> {
        let empty = data.is_empty();
        let ppi = match (binary, empty) {
            (false, false) => Ppi::String,
            (true, false) => Ppi::Binary,
            (false, true) => Ppi::StringEmpty,
            (true, true) => Ppi::BinaryEmpty,
        };
        // Something has to be in it (RFC 8831 §6.6).
        let data = if empty { &Bytes::from_static(&[0]) } else { data };
        self.write(stream, data, ppi, now)?;
        if let Some(channel) = self.on_stream(stream) {
            channel.wrote(data.len(), empty, false);
        }
        Ok(())
    }

    pub(super) fn write_internal(
        &mut self,
        stream: StreamId,
        message: &Message,
        now: Instant,
    ) -> Result<(), SctpError> {
        let data = Bytes::from(message.to_vec());
        self.write(stream, &data, Ppi::Dcep, now)?;
        if let Some(channel) = self.on_stream(stream) {
            channel.wrote(data.len(), true, true);
        }
        Ok(())
    }

    fn write(&mut self, id: StreamId, data: &Bytes, ppi: Ppi, now: Instant) -> Result<(), SctpError> {
        let mut stream = self.link.association.stream(id).map_err(stack)?;
        stream.write_chunk_with_ppi(now, data, ppi).map_err(stack)?;
        self.busy = true;
        Ok(())
    }

    fn named(&mut self, id: ChannelId) -> Option<&mut Channel> {
        self.channels.iter_mut().find(|channel| channel.id == id)
    }
}

fn stack(error: rtc_shared::error::Error) -> SctpError {
    SctpError::Stack(error.to_string())
}
