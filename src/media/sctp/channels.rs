//! What comes: the stack's events, and messages, in channels.

use super::dcep::{MAX_LABEL, MAX_PROTOCOL, Message, Open, shorten};
use super::filter::DISCARD;
use super::link::Link;
use super::table::{Channel, State};
use super::waiting::{WEIGHT, Waiting};
use super::{SctpError, SctpEvent};
use crate::media::channel::Reliability;
use crate::media::channel::{
    ChannelCommand, ChannelConfig, ChannelEnd, ChannelEvent, ChannelId, ChannelSnapshot, DataTerms,
};
use crate::media::pool;
use bytes::Bytes;
use rtc_sctp::{Chunks, Event, PayloadProtocolIdentifier as Ppi, ReliabilityType, StreamEvent, StreamId};
use std::time::Instant;

/// Open channels of an association (media-plane.md §8).
pub const MAX_CHANNELS: usize = 150;
/// Label of messages without one (MP-218), and of channels that were never announced.
pub(super) const DEFAULT_LABEL: &str = "JanusDataChannel";
/// Where channels are told apart: bytes that are read, with [`WEIGHT`] for each message, before whoever reads is asked.
const READ_AT_ONCE: usize = 64 << 10;

/// The data channels of one PeerConnection.
pub struct Sctp {
    pub(super) link: Link,
    pub(super) terms: DataTerms,
    pub(super) channels: Vec<Channel>,
    /// Bytes in the stack that belong to channels that are gone; it does not say when they are acknowledged.
    pub(super) orphaned: usize,
    /// Next stream we try; keeps a stream that was just reset out of use for long.
    pub(super) next_stream: StreamId,
    pub(super) waiting: Waiting,
    /// Streams with something to read: it came before the association was up (its last packet was lost, RFC 9260 §5.1, and
    /// nothing can be answered yet), or while nobody reads.
    unread: Vec<StreamId>,
    /// What may still be read; `None`: everything.
    budget: Option<usize>,
    /// Something was sent since the last [`SctpEvent::DataReady`].
    pub(super) busy: bool,
    pub(super) events: std::collections::VecDeque<SctpEvent>,
    pub(super) closed: bool,
    /// Another association may follow, with the same channels.
    keeps: bool,
}

impl Sctp {
    /// Starts connecting, with messages by label. `dtls_client` decides which streams are ours to open (RFC 8832 §6); `mtu`
    /// is the largest DTLS datagram in bytes.
    pub fn new(dtls_client: bool, mtu: u16, now: Instant) -> Result<Sctp, SctpError> {
        Sctp::with(dtls_client, mtu, DataTerms::default(), now)
    }

    pub fn with(dtls_client: bool, mtu: u16, terms: DataTerms, now: Instant) -> Result<Sctp, SctpError> {
        Ok(Sctp {
            link: Link::new(dtls_client, mtu, terms.channels, now)?,
            terms,
            channels: Vec::new(),
            orphaned: 0,
            next_stream: if dtls_client { 2 } else { 1 },
            waiting: Waiting::default(),
            unread: Vec::new(),
            budget: terms.channels.then_some(READ_AT_ONCE),
            busy: false,
            events: Default::default(),
            closed: false,
            keeps: false,
        })
    }

    /// The peer may open another transport: Chromium ends the association then and begins another one, in which the channels that are
    /// open go on without being announced again. Those of programs, which are told of each end, end.
    pub fn expect_move(&mut self) {
        self.keeps = !self.terms.channels;
    }

    /// The association that follows, over the other transport; `None` if this one goes on, as Firefox has it.
    pub fn next(&mut self, dtls_client: bool, mtu: u16, now: Instant) -> Result<Option<Sctp>, SctpError> {
        if !self.closed {
            return Ok(None);
        }
        let mut next = Sctp::with(dtls_client, mtu, self.terms, now)?;
        let open =
            std::mem::take(&mut self.channels).into_iter().filter(|channel| channel.state == State::Open);
        next.channels = open.map(Channel::again).collect();
        next.events = std::mem::take(&mut self.events);
        Ok(Some(next))
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

    /// Whether [`Sctp::poll_transmit`] has something. The later it is asked, the more goes into one packet.
    pub fn has_outgoing(&self) -> bool {
        self.link.has_outgoing()
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

    /// A later description says something else of the peer's largest message.
    pub fn set_terms(&mut self, terms: DataTerms) {
        self.terms.most = terms.most;
    }

    /// For channels that are told apart.
    pub fn command(&mut self, command: ChannelCommand, now: Instant) {
        if self.closed {
            // Whoever has opened it waits for news of it.
            if let ChannelCommand::Open(id, _) = command {
                self.tell(ChannelEvent::Closed(id, ChannelEnd::Association));
            }
            return;
        }
        match command {
            ChannelCommand::Open(id, config) => self.open(id, config),
            ChannelCommand::Send { id, binary, data } => self.send_on(id, binary, data),
            ChannelCommand::Close(id) => self.close_channel(id),
            ChannelCommand::ReadOn => self.read_on(now),
        }
        self.advance(now);
    }

    /// Ends the association with an ABORT.
    pub fn close(&mut self, now: Instant) {
        self.link.abort(now);
        self.advance(now);
    }

    pub fn snapshot(&self) -> Vec<ChannelSnapshot> {
        self.channels.iter().map(Channel::snapshot).collect()
    }

    /// Takes up what the stack has to say, then gives it more to send.
    pub(super) fn advance(&mut self, now: Instant) {
        loop {
            while let Some(event) = self.link.poll() {
                self.take(event, now);
            }
            let again = self.link.collect(now);
            if self.link.filter.all_acknowledged() {
                self.orphaned = 0;
            }
            if !self.write_waiting(now) && !again {
                break;
            }
        }
        if self.terms.channels {
            self.tell_released();
        }
        if self.link.is_closed() && !self.closed {
            self.end();
        } else if self.busy && self.link.is_up() && self.waiting.is_empty() && self.buffered() == 0 {
            self.busy = false;
            self.events.push_back(SctpEvent::DataReady);
        }
    }

    fn end(&mut self) {
        self.closed = true;
        self.waiting.clear();
        if self.keeps {
            self.events.push_back(SctpEvent::Closed);
            return;
        }
        for channel in std::mem::take(&mut self.channels) {
            self.tell(ChannelEvent::Closed(channel.id, ChannelEnd::Association));
        }
        self.tell(ChannelEvent::Down);
        self.events.push_back(SctpEvent::Closed);
    }

    /// To whoever tells channels apart.
    pub(super) fn tell(&mut self, event: ChannelEvent) {
        if self.terms.channels {
            self.events.push_back(SctpEvent::Channel(event));
        }
    }

    fn tell_released(&mut self) {
        for channel in &mut self.channels {
            if let Some((bytes, messages)) = channel.take_released() {
                let event = ChannelEvent::Released { id: channel.id, bytes, messages };
                self.events.push_back(SctpEvent::Channel(event));
            }
        }
    }

    fn take(&mut self, event: Event, now: Instant) {
        match event {
            Event::Connected => {
                self.busy = true;
                self.events.push_back(SctpEvent::Up);
                self.tell(ChannelEvent::Up);
                self.open_kept();
                self.read_unread(now);
            }
            // Both directions of the stream are reset: the slot is free, the label may be opened anew.
            Event::AssociationLost { id, .. } => self.stream_gone(id),
            Event::Stream(StreamEvent::Opened { id }) => {
                if let Some(mut stream) = self.link.association.accept_stream()
                    && id == DISCARD
                {
                    // Skipped parts of messages are to leave it.
                    let _ = stream.set_reliability_params(true, ReliabilityType::Reliable, 0);
                }
            }
            Event::Stream(StreamEvent::Readable { id }) => self.readable(id, now),
            Event::Stream(StreamEvent::BufferedAmountReleased { id, n_bytes }) => {
                if let Some(channel) = self.on_stream(id) {
                    channel.release(n_bytes);
                }
            }
            _ => {}
        }
    }

    fn stream_gone(&mut self, stream: StreamId) {
        self.link.filter.closed(stream);
        self.unread.retain(|unread| *unread != stream);
        let Some(position) = self.channels.iter().position(|channel| channel.stream == Some(stream)) else {
            return;
        };
        let channel = self.forget(position);
        let end = match channel.state {
            _ if self.link.association.is_closed() => ChannelEnd::Association,
            State::Closing => ChannelEnd::Here,
            _ => ChannelEnd::Peer,
        };
        self.tell(ChannelEvent::Closed(channel.id, end));
    }

    /// Takes a channel out. What was written stays in the stack until it is acknowledged; what waits does not.
    pub(super) fn forget(&mut self, position: usize) -> Channel {
        let channel = self.channels.remove(position);
        self.orphaned += channel.buffered;
        self.waiting.forget(channel.id);
        channel
    }

    /// What comes before the association is up, or while nobody reads, is read later; what nobody wants at once.
    fn readable(&mut self, id: StreamId, now: Instant) {
        if id == DISCARD || self.link.is_up() && self.may_read() {
            self.read(id, now);
        } else if !self.unread.contains(&id) {
            self.unread.push(id);
        }
    }

    fn may_read(&self) -> bool {
        self.budget != Some(0)
    }

    /// True when reading has to end.
    fn spend(&mut self, len: usize) {
        if let Some(budget) = &mut self.budget {
            *budget = budget.saturating_sub(len + WEIGHT);
            if *budget == 0 {
                self.link.filter.paused = true;
                self.tell(ChannelEvent::Paused);
            }
        }
    }

    fn read_on(&mut self, now: Instant) {
        if self.budget == Some(0) {
            self.budget = Some(READ_AT_ONCE);
            self.link.filter.read_on();
            self.read_unread(now);
            self.link.tell_room(now);
        }
    }

    fn read_unread(&mut self, now: Instant) {
        for id in std::mem::take(&mut self.unread) {
            self.readable(id, now);
        }
    }

    /// All that waits on a stream, as long as somebody reads.
    fn read(&mut self, id: StreamId, now: Instant) {
        loop {
            if !self.may_read() && id != DISCARD {
                if !self.unread.contains(&id) {
                    self.unread.push(id);
                }
                return;
            }
            let Ok(mut stream) = self.link.association.stream(id) else { return };
            let Ok(Some(message)) = stream.read_sctp() else { return };
            self.link.filter.note_read(message.chunks.len());
            if id == DISCARD {
                continue;
            }
            let ppi = message.ppi;
            let Some(data) = self.payload(&message) else { return };
            match ppi {
                Ppi::Dcep => match Message::parse(&data) {
                    Some(Message::Open(open)) => self.opened_by_peer(id, open, now),
                    Some(Message::Ack) => self.known_to_peer(id),
                    None => tracing::warn!("SCTP: malformed DCEP message on stream {id}"),
                },
                Ppi::String => self.deliver(id, false, data),
                Ppi::Binary => self.deliver(id, true, data),
                // The byte in it stands for nothing: SCTP cannot carry less (RFC 8831 §6.6).
                Ppi::StringEmpty => self.deliver(id, false, Bytes::new()),
                Ppi::BinaryEmpty => self.deliver(id, true, Bytes::new()),
                _ => {}
            }
        }
    }

    fn payload(&self, message: &Chunks) -> Option<Bytes> {
        if self.terms.channels {
            // Programs may keep it for long.
            return Some(message.to_payload(usize::MAX).ok()?.freeze());
        }
        pool::filled(message.len(), |slot| message.read(slot).ok())
    }

    fn deliver(&mut self, stream: StreamId, binary: bool, data: Bytes) {
        if self.on_stream(stream).is_none() && !self.terms.channels {
            self.imply(stream);
        }
        // It answers on a channel that it has not acknowledged: it knows it.
        self.known_to_peer(stream);
        let labels = !self.terms.channels;
        let Some(channel) = self.on_stream(stream) else {
            tracing::debug!("SCTP: message on stream {stream}, which is no channel");
            return;
        };
        if labels {
            let label = channel.label.clone();
            let protocol = (!channel.protocol.is_empty()).then(|| channel.protocol.clone());
            self.events.push_back(SctpEvent::Incoming { label, protocol, binary, data });
        } else {
            let id = channel.id;
            let len = data.len();
            self.tell(ChannelEvent::Message { id, binary, data });
            self.spend(len);
        }
    }

    /// The peer has negotiated a channel by itself (`negotiated: true`), and sends. Only it knows the label; answers to the one
    /// that the plugin is told go there.
    fn imply(&mut self, stream: StreamId) {
        if self.channels.len() >= MAX_CHANNELS {
            return;
        }
        let config = ChannelConfig {
            label: DEFAULT_LABEL.into(),
            protocol: String::new(),
            ordered: true,
            reliability: Reliability::Reliable,
            negotiated: Some(stream),
        };
        let channel = Channel::new(config, ChannelId::fresh(), DEFAULT_LABEL, "");
        self.channels.push(channel.on(stream, true));
    }

    /// A channel of ours that the peer is seen to know.
    fn known_to_peer(&mut self, stream: StreamId) {
        let Some(channel) = self.on_stream(stream).filter(|channel| channel.state == State::Announced) else {
            return;
        };
        channel.state = State::Open;
        let (id, config) = (channel.id, channel.config.clone());
        self.send_as(stream, config.ordered, config.reliability);
        self.tell(ChannelEvent::Opened(id));
    }

    /// MP-214: remembered and acknowledged at once.
    fn opened_by_peer(&mut self, stream: StreamId, open: Open, now: Instant) {
        match self.channels.iter().position(|channel| channel.stream == Some(stream)) {
            // Now it has a name.
            Some(position) if self.channels[position].implied => drop(self.forget(position)),
            Some(_) => {
                tracing::warn!("SCTP: stream {stream} is open already");
                return;
            }
            None => {}
        }
        if self.channels.len() >= MAX_CHANNELS {
            tracing::warn!("SCTP: no room for data channel '{}'", shorten(&open.label, MAX_LABEL));
            self.reset(stream, now);
            return;
        }
        let (label, protocol) = (shorten(&open.label, MAX_LABEL), shorten(&open.protocol, MAX_PROTOCOL));
        let (ordered, reliability) = (open.ordered, open.reliability);
        let config = ChannelConfig {
            label: open.label.clone(),
            protocol: open.protocol.clone(),
            ordered,
            reliability,
            negotiated: None,
        };
        let id = ChannelId::fresh();
        let channel = Channel::new(config.clone(), id, label, protocol);
        self.channels.push(channel.on(stream, false));
        // The answer itself is ordered and reliable.
        if let Err(error) = self.write_internal(stream, &Message::Ack, now) {
            tracing::warn!("SCTP: cannot acknowledge data channel '{label}': {error}");
        }
        self.send_as(stream, ordered, reliability);
        self.tell(ChannelEvent::Announced(id, config));
        self.spend(open.label.len() + open.protocol.len());
    }

    pub(super) fn on_stream(&mut self, stream: StreamId) -> Option<&mut Channel> {
        self.channels.iter_mut().find(|channel| channel.stream == Some(stream))
    }

    pub(super) fn buffered(&self) -> usize {
        self.orphaned + self.channels.iter().map(|channel| channel.buffered).sum::<usize>()
    }

    #[cfg(test)]
    pub(super) fn open_channels(&self) -> usize {
        self.channels.len()
    }

    /// What a browser does in `RTCDataChannel.close()`.
    #[cfg(test)]
    pub(super) fn reset_channel(&mut self, label: &str, now: Instant) {
        let id = self.channels.iter().find(|channel| &*channel.label == label).unwrap().id;
        self.close_channel(id);
        self.advance(now);
    }
}
