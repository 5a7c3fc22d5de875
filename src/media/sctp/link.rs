//! One association of the `rtc-sctp` crate, from INIT to its end.
//!
//! Both sides of WebRTC may send INIT. Browsers cope with the collision (RFC 9260 §5.2), but some peers only answer, some
//! only ask, and the stack cannot merge the two attempts. So we always ask, and give our attempt up for the peer's:
//! as DTLS server when its INIT arrives, as DTLS client when our own INIT has gone unanswered for a second since. Two of
//! us therefore agree. An attempt that was answered gives way to an INIT with another tag (the peer began anew) if it
//! leads to nothing within a second.

use super::chunk::{INIT, INIT_ACK, first_chunk};
use super::filter::{self, Filter, STREAMS, Verdict, repeats};
use super::impatience::Impatience;
use super::{SctpError, bundle};
use crate::media::channel::LARGEST_MESSAGE;
use crate::media::pool;
use bytes::Bytes;
use rtc_sctp::{
    Association, ClientConfig, DatagramEvent, Endpoint, EndpointConfig, Event, Payload, ServerConfig,
    TimerConfig, TransportConfig, max_payload_size_for_mtu,
};
use rtc_shared::TransportProtocol;
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// There are no addresses under DTLS; the crate wants one with a port.
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 5000);
/// How long the DTLS client waits for an answer before it takes up the peer's INIT.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long after our INIT ACK the handshake starts again if nothing came of it.
const ACCEPT_LIMIT: Duration = Duration::from_secs(10);
/// Bytes that may wait to be read, where the largest message has to fit into it: the peer sends no more, but one packet each
/// time that it is answered.
const WIDE_WINDOW: u32 = LARGEST_MESSAGE as u32 + (1 << 20);
/// How long an answer to a reset is waited for at first, and at most.
const FIRST_REPEAT: Duration = Duration::from_secs(1);
const LAST_REPEAT: Duration = Duration::from_secs(30);
/// Header, explicit nonce and tag of a DTLS record with AES-GCM.
const DTLS_OVERHEAD: u32 = 37;

enum Phase {
    /// Our INIT is on its way. `tag`: the peer's, once it has answered; the rest is the stack's then. `held`: the
    /// peer's own INIT, and when to take it up.
    Asking {
        tag: Option<[u8; 4]>,
        held: Option<(Bytes, Instant)>,
    },
    /// The peer's INIT was answered with `answer`.
    Accepting {
        init: Bytes,
        answer: Option<Bytes>,
        until: Instant,
    },
    Up,
    Closed,
}

pub(super) struct Link {
    dtls_client: bool,
    config: Arc<EndpointConfig>,
    /// Messages of [`LARGEST_MESSAGE`] are taken.
    wide: bool,
    endpoint: Endpoint,
    pub association: Association,
    pub filter: Filter,
    /// When resets of ours are repeated, and how long after that again.
    repeat: Option<(Instant, Duration)>,
    impatience: Impatience,
    phase: Phase,
    outgoing: VecDeque<Bytes>,
    /// Bytes of the largest packet.
    most: usize,
}

impl Link {
    /// `mtu`: bytes of the largest DTLS datagram.
    pub fn new(dtls_client: bool, mtu: u16, wide: bool, now: Instant) -> Result<Link, SctpError> {
        let mut config = EndpointConfig::new();
        let most = u32::from(mtu).saturating_sub(DTLS_OVERHEAD);
        config.max_payload_size(max_payload_size_for_mtu(most));
        let config = Arc::new(config);
        let (endpoint, association) = ask(&config, wide, now)?;
        let mut link = Link {
            dtls_client,
            config,
            wide,
            endpoint,
            association,
            filter: Filter::default(),
            repeat: None,
            impatience: Impatience::default(),
            phase: Phase::Asking { tag: None, held: None },
            outgoing: VecDeque::new(),
            most: most as usize,
        };
        link.collect(now);
        Ok(link)
    }

    pub fn is_up(&self) -> bool {
        matches!(self.phase, Phase::Up)
    }

    pub fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    pub fn handle(&mut self, packet: Bytes, now: Instant) {
        match first_chunk(&packet) {
            None => {}
            Some(INIT) => self.handle_init(packet, now),
            Some(kind) => {
                if kind == INIT_ACK
                    && let Phase::Asking { tag: tag @ None, held } = &mut self.phase
                {
                    *tag = initiate_tag(&packet);
                    *held = None;
                    self.filter.expect(&packet);
                }
                match self.filter.inbound(&packet) {
                    Verdict::Pass(packet) if packet.len() <= pool::KEPT => self.deliver(packet, now),
                    // The stack keeps a part that waits where it came, and with it all that came along: longer than any path
                    // lets it be, that would be without bound.
                    Verdict::Pass(packet) => filter::apart(&packet).for_each(|part| self.deliver(part, now)),
                    Verdict::Drop => {}
                    Verdict::Hostile(reason) => {
                        tracing::warn!("SCTP: association aborted: {reason}");
                        self.abort(now);
                    }
                }
            }
        }
    }

    fn handle_init(&mut self, init: Bytes, now: Instant) {
        match &mut self.phase {
            // A peer that answered and asks merges the two itself, under one tag (RFC 9260 §5.2.1).
            Phase::Asking { tag: tag @ Some(_), .. } if *tag == initiate_tag(&init) => {}
            Phase::Asking { tag, held } if tag.is_some() || self.dtls_client => {
                let until = held.as_ref().map_or(now + PATIENCE, |(_, until)| *until);
                *held = Some((init, until));
            }
            Phase::Accepting { init: known, answer, .. } if *known == init => {
                self.outgoing.extend(answer.clone());
            }
            Phase::Asking { .. } | Phase::Accepting { .. } => self.accept(init, now),
            // A late copy; for the stack it would be the end of the association.
            Phase::Up | Phase::Closed => {}
        }
    }

    /// Gives up what was begun and answers the peer's INIT.
    fn accept(&mut self, init: Bytes, now: Instant) {
        let server = Some(Arc::new(ServerConfig::new(transport(self.wide))));
        let mut endpoint = Endpoint::new(NOWHERE, TransportProtocol::UDP, self.config.clone(), server);
        let Some(read) = filter::alone(&init) else { return };
        let answer = survives(|| endpoint.handle(now, NOWHERE, None, read));
        let Some(Some((_, DatagramEvent::NewAssociation(association)))) = answer else {
            return;
        };
        self.endpoint = endpoint;
        self.association = association;
        self.filter = Filter::default();
        self.filter.expect(&init);
        self.outgoing.clear();
        self.phase = Phase::Accepting { init, answer: None, until: now + ACCEPT_LIMIT };
        self.collect(now);
    }

    fn deliver(&mut self, packet: Bytes, now: Instant) {
        let acknowledges_all = self.filter.acknowledges_all(&packet);
        let opens = self.filter.opens(&packet);
        let before = self.association.stats().get_num_sacks();
        let intact = survives(|| {
            if let Some((_, DatagramEvent::AssociationEvent(event))) =
                self.endpoint.handle(now, NOWHERE, None, packet)
            {
                self.association.handle_event(event);
            }
        });
        if acknowledges_all && self.association.stats().get_num_sacks() > before {
            self.filter.note_acknowledged();
        }
        if intact.is_none() {
            self.phase = Phase::Closed;
        } else if opens && self.is_up() {
            self.send_again(now);
        }
    }

    /// The peer has room again. What it refused is under way for the stack, until a timer of up to a minute: its time has come.
    fn send_again(&mut self, now: Instant) {
        /// T3 may be behind the one of a delayed SACK, and the one of resets.
        const TIMERS: usize = 3;
        for _ in 0..TIMERS {
            let Some(at) = self.association.poll_timeout().filter(|_| !self.filter.all_acknowledged()) else {
                return;
            };
            self.association.handle_timeout(at);
            let (before, sent) = (self.outgoing.len(), self.filter.sent());
            self.fetch(now);
            if self.outgoing.range(before..).any(|packet| repeats(packet, sent)) {
                return;
            }
        }
    }

    /// Somebody has read: a peer that waits for room is told of it.
    pub fn tell_room(&mut self, now: Instant) {
        if let Some(copy) = self.filter.copy_to_answer() {
            self.deliver(copy, now);
        }
    }

    /// Next event of the stack.
    pub fn poll(&mut self) -> Option<Event> {
        let event = self.association.poll();
        match event {
            Some(Event::Connected) => {
                self.phase = Phase::Up;
                self.filter.up = true;
            }
            Some(Event::HandshakeFailed { .. }) => self.phase = Phase::Closed,
            // Before the COOKIE ECHO, an association that accepts counts as closed.
            None if self.association.is_closed() && !matches!(self.phase, Phase::Accepting { .. }) => {
                self.phase = Phase::Closed;
            }
            _ => {}
        }
        event
    }

    /// Fetches what the stack wants to send, and gives it the resets that waited for what it has acknowledged now: then it has
    /// something to say.
    pub fn collect(&mut self, now: Instant) -> bool {
        self.fetch(now);
        let mut any = false;
        while let Some(reset) = self.filter.due_reset() {
            any = true;
            self.deliver(reset, now);
            self.fetch(now);
        }
        any
    }

    fn fetch(&mut self, now: Instant) {
        while let Some(message) = self.association.poll_transmit(now) {
            let Payload::RawEncode(packets) = message.message else { continue };
            for packet in packets {
                let packet = self.filter.outbound(packet);
                if let Phase::Accepting { answer: answer @ None, .. } = &mut self.phase {
                    *answer = Some(packet.clone());
                }
                self.outgoing.push_back(packet);
            }
        }
        match self.filter.has_own_resets() {
            true => drop(self.repeat.get_or_insert((now + FIRST_REPEAT, FIRST_REPEAT))),
            false => self.repeat = None,
        }
        self.impatience.note(self.association.poll_timeout(), now);
    }

    pub fn poll_transmit(&mut self) -> Option<Bytes> {
        bundle::next(&mut self.outgoing, self.most)
    }

    pub fn has_outgoing(&self) -> bool {
        !self.outgoing.is_empty()
    }

    pub fn timeout(&self) -> Option<Instant> {
        let own = match &self.phase {
            Phase::Asking { held: Some((_, until)), .. } | Phase::Accepting { until, .. } => Some(*until),
            Phase::Closed => return None,
            _ => None,
        };
        let repeat = self.repeat.map(|(at, _)| at);
        let of_stack = self.impatience.due(self.association.poll_timeout());
        [own, repeat, of_stack].into_iter().flatten().min()
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        match &mut self.phase {
            Phase::Closed => return,
            Phase::Asking { held: held @ Some(_), .. }
                if held.as_ref().is_some_and(|(_, until)| *until <= now) =>
            {
                if let Some((init, _)) = held.take() {
                    self.accept(init, now);
                }
            }
            Phase::Accepting { until, .. } if *until <= now => self.ask_again(now),
            _ => {}
        }
        if let Some((at, after)) = &mut self.repeat
            && *at <= now
        {
            *after = (*after * 2).min(LAST_REPEAT);
            *at = now + *after;
            self.outgoing.extend(self.filter.repeat_resets());
        }
        let time = self.impatience.time(self.association.poll_timeout(), now);
        self.association.handle_timeout(time);
    }

    fn ask_again(&mut self, now: Instant) {
        self.phase = match ask(&self.config, self.wide, now) {
            Ok((endpoint, association)) => {
                self.endpoint = endpoint;
                self.association = association;
                self.filter = Filter::default();
                Phase::Asking { tag: None, held: None }
            }
            Err(_) => Phase::Closed,
        };
    }

    /// Ends the association with an ABORT (RFC 9260 §9.1).
    pub fn abort(&mut self, now: Instant) {
        if !self.is_closed() {
            let _ = self.association.abort();
            self.collect(now);
            self.phase = Phase::Closed;
        }
    }
}

/// Runs the stack on a packet of the peer. What makes it panic costs the association, not the process; tests want to see it.
fn survives<T>(run: impl FnOnce() -> T) -> Option<T> {
    if cfg!(test) {
        return Some(run());
    }
    catch_unwind(AssertUnwindSafe(run))
        .map_err(|_| tracing::error!("SCTP: the stack failed on a packet; association given up"))
        .ok()
}

fn ask(config: &Arc<EndpointConfig>, wide: bool, now: Instant) -> Result<(Endpoint, Association), SctpError> {
    let mut endpoint = Endpoint::new(NOWHERE, TransportProtocol::UDP, config.clone(), None);
    let (_, association) = endpoint
        .connect(now, ClientConfig::new(transport(wide)), NOWHERE)
        .map_err(|error| SctpError::Stack(error.to_string()))?;
    Ok((endpoint, association))
}

/// Of an INIT or INIT ACK.
fn initiate_tag(packet: &[u8]) -> Option<[u8; 4]> {
    packet.get(16..20)?.try_into().ok()
}

fn transport(wide: bool) -> TransportConfig {
    let config = TransportConfig::default();
    let room = if wide { WIDE_WINDOW } else { config.max_receive_buffer_size() };
    config
        .with_max_receive_buffer_size(room)
        .with_max_num_inbound_streams(STREAMS)
        .with_max_num_outbound_streams(STREAMS)
        .with_max_message_size(LARGEST_MESSAGE as u32)
        // ICE knows when the path is dead. At its limits the stack would give up, or only stop sending.
        .with_timer_config(TimerConfig {
            max_t1_init_retrans: usize::MAX,
            max_t1_cookie_retrans: usize::MAX,
            max_t3_rtx_retrans: usize::MAX,
            max_reconfig_retrans: usize::MAX,
            ..TimerConfig::default()
        })
}
