//! Labelled channels over the streams of one association.

use super::dcep::{MAX_LABEL, MAX_PROTOCOL, Message, Open, Reliability, shorten};
use super::filter::STREAMS;
use super::link::Link;
use super::{SctpError, SctpEvent};
use bytes::Bytes;
use rtc_sctp::{Event, PayloadProtocolIdentifier as Ppi, ReliabilityType, StreamEvent, StreamId};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

/// Open channels of an association (media-plane.md §8).
pub const MAX_CHANNELS: usize = 150;
/// Label of messages without one (MP-218).
const DEFAULT_LABEL: &str = "JanusDataChannel";
/// Bytes the stack may hold; what comes then waits in order (MP-220).
const HIGH_WATER: usize = 256 << 10;
/// Bytes that may wait.
const MAX_WAITING: usize = 16 << 20;
/// What a waiting message weighs besides its data.
const WEIGHT: usize = 128;

struct Channel {
    stream: StreamId,
    label: Arc<str>,
    protocol: Arc<str>,
    /// Bytes in the stack, sent or not, that are not acknowledged.
    buffered: usize,
}

struct Waiting {
    label: String,
    protocol: String,
    binary: bool,
    data: Bytes,
}

impl Waiting {
    fn weight(&self) -> usize {
        self.data.len() + self.label.len() + self.protocol.len() + WEIGHT
    }
}

/// The data channels of one PeerConnection.
pub struct Sctp {
    link: Link,
    channels: Vec<Channel>,
    /// Next stream we try; keeps a stream that was just reset out of use for long.
    next_stream: StreamId,
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    /// Streams with data that came before the association was up: its last packet was lost (RFC 9260 §5.1). Nothing can be
    /// answered yet.
    early: Vec<StreamId>,
    /// Something was sent since the last [`SctpEvent::DataReady`].
    busy: bool,
    events: VecDeque<SctpEvent>,
    closed: bool,
}

impl Sctp {
    /// Starts connecting. `dtls_client` decides which streams are ours to open (RFC 8832 §6); `mtu` is the largest DTLS
    /// datagram in bytes.
    pub fn new(dtls_client: bool, mtu: u16, now: Instant) -> Result<Sctp, SctpError> {
        Ok(Sctp {
            link: Link::new(dtls_client, mtu, now)?,
            channels: Vec::new(),
            next_stream: if dtls_client { 2 } else { 1 },
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            early: Vec::new(),
            busy: false,
            events: VecDeque::new(),
            closed: false,
        })
    }

    /// A packet from DTLS.
    pub fn handle(&mut self, packet: Bytes, now: Instant) {
        self.link.handle(packet, now);
        self.advance(now);
    }

    /// Next packet for DTLS.
    pub fn poll_transmit(&mut self) -> Option<Bytes> {
        self.link.poll_transmit()
    }

    pub fn poll_event(&mut self) -> Option<SctpEvent> {
        self.events.pop_front()
    }

    /// When [`Sctp::handle_timeout`] is due.
    pub fn timeout(&self) -> Option<Instant> {
        self.link.timeout()
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        self.link.handle_timeout(now);
        self.advance(now);
    }

    pub fn is_up(&self) -> bool {
        self.link.is_up()
    }

    /// Sends a message on the channel `label`, which is opened (ordered, reliable) if nobody has yet (MP-217);
    /// `protocol` only matters then. Waits its turn until the association is up and has room; an error is the
    /// caller's to log. Empty messages are never sent.
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
        if data.is_empty() {
            return Ok(());
        }
        let message = Waiting {
            label: label.unwrap_or(DEFAULT_LABEL).to_owned(),
            protocol: protocol.unwrap_or("").to_owned(),
            binary,
            data,
        };
        let outcome = if self.link.is_up() && self.waiting.is_empty() && self.buffered() < HIGH_WATER {
            self.write(message, now)
        } else if self.waiting_bytes + message.weight() > MAX_WAITING {
            Err(SctpError::Full)
        } else {
            self.waiting_bytes += message.weight();
            self.waiting.push_back(message);
            Ok(())
        };
        self.advance(now);
        outcome
    }

    /// Ends the association with an ABORT.
    pub fn close(&mut self, now: Instant) {
        self.link.abort(now);
        self.advance(now);
    }

    /// Takes up what the stack has to say, then gives it more to send.
    fn advance(&mut self, now: Instant) {
        loop {
            while let Some(event) = self.link.poll() {
                self.take(event, now);
            }
            self.link.collect(now);
            if !self.write_waiting(now) {
                break;
            }
        }
        if self.link.is_closed() && !self.closed {
            self.closed = true;
            self.channels.clear();
            self.waiting.clear();
            self.events.push_back(SctpEvent::Closed);
        } else if self.busy && self.link.is_up() && self.waiting.is_empty() && self.buffered() == 0 {
            self.busy = false;
            self.events.push_back(SctpEvent::DataReady);
        }
    }

    fn take(&mut self, event: Event, now: Instant) {
        match event {
            Event::Connected => {
                self.busy = true;
                self.events.push_back(SctpEvent::Up);
                for id in std::mem::take(&mut self.early) {
                    self.read(id, now);
                }
            }
            // The peer closed the stream: the slot is free, the label may be opened anew.
            Event::AssociationLost { id, .. } => self.channels.retain(|channel| channel.stream != id),
            Event::Stream(StreamEvent::Opened { .. }) => {
                let _ = self.link.association.accept_stream();
            }
            Event::Stream(StreamEvent::Readable { id }) => self.readable(id, now),
            Event::Stream(StreamEvent::BufferedAmountReleased { id, n_bytes }) => {
                if let Some(channel) = self.channel(id) {
                    channel.buffered = channel.buffered.saturating_sub(n_bytes);
                }
            }
            _ => {}
        }
    }

    /// What comes before the association is up is read when it is.
    fn readable(&mut self, id: u16, now: Instant) {
        if self.link.is_up() {
            self.read(id, now);
        } else if !self.early.contains(&id) {
            self.early.push(id);
        }
    }

    fn read(&mut self, id: StreamId, now: Instant) {
        while let Ok(mut stream) = self.link.association.stream(id)
            && let Ok(Some(message)) = stream.read_sctp()
        {
            let Ok(data) = message.to_payload(usize::MAX) else { return };
            match message.ppi {
                Ppi::Dcep => match Message::parse(&data) {
                    Some(Message::Open(open)) => self.opened_by_peer(id, &open, now),
                    // Messages need not wait for it, so there is nothing to do.
                    Some(Message::Ack) => {}
                    None => tracing::warn!("SCTP: malformed DCEP message on stream {id}"),
                },
                Ppi::String => self.deliver(id, false, data.freeze()),
                Ppi::Binary => self.deliver(id, true, data.freeze()),
                _ => {}
            }
        }
    }

    fn deliver(&mut self, id: StreamId, binary: bool, data: Bytes) {
        let Some(channel) = self.channel(id) else {
            tracing::debug!("SCTP: message on stream {id}, which is no channel");
            return;
        };
        let label = channel.label.clone();
        let protocol = (!channel.protocol.is_empty()).then(|| channel.protocol.clone());
        self.events.push_back(SctpEvent::Incoming { label, protocol, binary, data });
    }

    /// MP-214: remembered and acknowledged at once.
    fn opened_by_peer(&mut self, id: StreamId, open: &Open, now: Instant) {
        if self.channel(id).is_some() {
            tracing::warn!("SCTP: stream {id} is open already");
            return;
        }
        if self.channels.len() >= MAX_CHANNELS {
            tracing::warn!("SCTP: no room for data channel '{}'", open.label);
            if let Ok(mut stream) = self.link.association.stream(id) {
                let _ = stream.close(now);
            }
            return;
        }
        self.channels.push(Channel {
            stream: id,
            label: open.label.as_str().into(),
            protocol: open.protocol.as_str().into(),
            buffered: 0,
        });
        // The answer itself is ordered and reliable.
        if let Err(error) = self.write_to(id, Message::Ack.to_vec().into(), Ppi::Dcep, now) {
            tracing::warn!("SCTP: cannot acknowledge data channel '{}': {error}", open.label);
        }
        let (kind, value) = match open.reliability {
            Reliability::Reliable => (ReliabilityType::Reliable, 0),
            Reliability::Retransmissions(count) => (ReliabilityType::Rexmit, count),
            Reliability::Lifetime(milliseconds) => (ReliabilityType::Timed, milliseconds),
        };
        if let Ok(mut stream) = self.link.association.stream(id) {
            let _ = stream.set_reliability_params(!open.ordered, kind, value);
        }
    }

    /// Whether anything was written.
    fn write_waiting(&mut self, now: Instant) -> bool {
        let mut any = false;
        while self.link.is_up() && self.buffered() < HIGH_WATER {
            let Some(message) = self.waiting.pop_front() else { break };
            self.waiting_bytes -= message.weight();
            any = true;
            if let Err(error) = self.write(message, now) {
                tracing::warn!("SCTP: message dropped: {error}");
            }
        }
        any
    }

    fn write(&mut self, message: Waiting, now: Instant) -> Result<(), SctpError> {
        let known = shorten(&message.label, MAX_LABEL);
        let stream = match self.channels.iter().find(|channel| &*channel.label == known) {
            Some(channel) => channel.stream,
            None => self.open(&message.label, &message.protocol, now)?,
        };
        let ppi = if message.binary { Ppi::Binary } else { Ppi::String };
        self.write_to(stream, message.data, ppi, now)
    }

    fn open(&mut self, label: &str, protocol: &str, now: Instant) -> Result<StreamId, SctpError> {
        if self.channels.len() >= MAX_CHANNELS {
            return Err(SctpError::TooManyChannels);
        }
        let stream = self.free_stream().ok_or(SctpError::TooManyChannels)?;
        self.link.association.open_stream(stream, Ppi::Binary).map_err(stack)?;
        self.channels.push(Channel {
            stream,
            label: shorten(label, MAX_LABEL).into(),
            protocol: shorten(protocol, MAX_PROTOCOL).into(),
            buffered: 0,
        });
        let open = Open {
            ordered: true,
            reliability: Reliability::Reliable,
            label: label.to_owned(),
            protocol: protocol.to_owned(),
        };
        self.write_to(stream, Message::Open(open).to_vec().into(), Ppi::Dcep, now)?;
        Ok(stream)
    }

    /// The next stream of our parity (DTLS client even, server odd) that is not in use; stream 0 is left out.
    fn free_stream(&mut self) -> Option<StreamId> {
        let limit = self.link.association.negotiated_max_streams().unwrap_or(STREAMS).min(STREAMS);
        for _ in 0..STREAMS / 2 {
            let stream = self.next_stream;
            self.next_stream = if stream + 2 < STREAMS { stream + 2 } else { 2 - stream % 2 };
            if stream < limit && self.link.association.stream(stream).is_err() {
                return Some(stream);
            }
        }
        None
    }

    fn write_to(&mut self, id: StreamId, data: Bytes, ppi: Ppi, now: Instant) -> Result<(), SctpError> {
        let mut stream = self.link.association.stream(id).map_err(stack)?;
        stream.write_chunk_with_ppi(now, &data, ppi).map_err(stack)?;
        self.busy = true;
        if let Some(channel) = self.channel(id) {
            channel.buffered += data.len();
        }
        Ok(())
    }

    fn channel(&mut self, stream: StreamId) -> Option<&mut Channel> {
        self.channels.iter_mut().find(|channel| channel.stream == stream)
    }

    fn buffered(&self) -> usize {
        self.channels.iter().map(|channel| channel.buffered).sum()
    }

    #[cfg(test)]
    pub(super) fn open_channels(&self) -> usize {
        self.channels.len()
    }

    /// What a browser does in `RTCDataChannel.close()`.
    #[cfg(test)]
    pub(super) fn reset_channel(&mut self, label: &str, now: Instant) {
        let id = self.channels.iter().find(|channel| &*channel.label == label).unwrap().stream;
        self.link.association.stream(id).unwrap().close(now).unwrap();
        self.advance(now);
    }
}

fn stack(error: rtc_shared::error::Error) -> SctpError {
    SctpError::Stack(error.to_string())
}
