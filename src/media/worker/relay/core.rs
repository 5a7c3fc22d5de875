//! What a worker's core does with its relay.
#![forbid(unsafe_code)]

use super::stream::Room;
use crate::media::batch::Cursor;
use crate::media::ice::{Path, stun};
use crate::media::turn::{Client, Event, Server, Transport, Unwrapped};
use crate::media::worker::core::Core;
use crate::media::worker::handle::{Relayed, Seen};
use std::ops::Range;

impl Core {
    /// Uses these TURN servers from now on, the first one first.
    pub fn use_relays(&mut self, servers: Vec<Server>) {
        let (now, before) = (self.clock.instant, self.relay.client.as_ref().and_then(Client::relayed));
        if let Some(client) = &mut self.relay.client {
            let place = |server: &Server| (server.address, server.transport);
            if !servers.iter().any(|server| place(server) == place(client.server())) {
                client.end(now);
                self.transmit_to_relay();
            }
        }
        self.relay.replace(servers, now);
        if before.is_some() && self.relay.client.as_ref().and_then(Client::relayed).is_none() {
            self.follow_relay(None);
        }
        self.run_relay();
    }

    /// Lets it do what is due, and says what came of it.
    pub(in crate::media::worker) fn run_relay(&mut self) {
        let now = self.clock.instant;
        let base =
            self.relay.client.as_ref().map(|client| client.server().address).and_then(|server| {
                self.bound().iter().find(|own| own.is_ipv4() == server.is_ipv4()).copied()
            });
        self.relay.attention = None;
        let Some(client) = &mut self.relay.client else { return };
        // Of another address the server knows nothing.
        if self.relay.base != base {
            self.relay.base = base;
            self.relay.stream = None;
            client.interrupted(now);
        }
        if self.relay.due().is_some_and(|due| due <= now)
            && let Some(client) = &mut self.relay.client
        {
            client.handle_timeout(now);
        }
        self.transmit_to_relay();
        self.take_relay_events();
    }

    /// What the client has for the server.
    pub(in crate::media::worker) fn transmit_to_relay(&mut self) {
        let Some(client) = &mut self.relay.client else { return };
        let Server { address: server, transport, .. } = *client.server();
        let mut cursor = Cursor::default();
        while let Some(message) = self.relay.client.as_mut().and_then(Client::poll_transmit) {
            if transport != Transport::Udp {
                self.relay.send_by_stream(self.clock.instant, std::iter::once(&message[..]));
                continue;
            }
            // Without an address of ours nothing leaves, and it is tried again later.
            if let Some(base) = self.relay.base {
                self.batch.push_bytes(&mut cursor, Path::udp(base, server), &message);
            }
        }
    }

    fn take_relay_events(&mut self) {
        while let Some(event) = self.relay.client.as_mut().and_then(Client::poll_event) {
            let Some(client) = &self.relay.client else { return };
            let (index, server) = (self.handle.index, client.server());
            match event {
                Event::Allocated { relayed, mapped } => {
                    tracing::info!("media worker {index}: {relayed} is relayed by {server:?}");
                    self.relay.told = false;
                    let reflexive = (server.transport == Transport::Udp).then_some(mapped);
                    if let (Some(from_outside), Some(base), None) =
                        (reflexive, self.relay.base, &self.reflexive)
                    {
                        self.handle.set_reflexive(Seen { base, from_outside });
                    }
                    self.follow_relay(Some(Relayed { address: relayed, seen_at: mapped }));
                }
                Event::Lost => {
                    tracing::warn!("media worker {index}: {server:?} relays no more");
                    self.follow_relay(None);
                }
                Event::Refused(code) => {
                    if !std::mem::replace(&mut self.relay.told, true) {
                        match code {
                            Some(code) => tracing::warn!("{server:?} does not relay for us: error {code}"),
                            None => tracing::warn!("the TURN server {server:?} does not answer"),
                        }
                    }
                    self.handle.settle_relay();
                    self.relay.stream = None;
                    self.relay.try_next(self.clock.instant);
                }
            }
        }
    }

    /// Another relayed address, or none.
    fn follow_relay(&mut self, relayed: Option<Relayed>) {
        self.handle.set_relayed(relayed);
        self.tell_addresses();
    }

    /// What a datagram of the server's carries, and by which path that came. `None`: it was for the relay's client itself.
    pub fn unwrap_relayed(&mut self, path: Path, bytes: &[u8]) -> Option<(Path, Range<usize>)> {
        let client = self.relay.client.as_mut()?;
        match client.take(self.clock.instant, bytes) {
            Unwrapped::Data(peer, range) => Some((Path::relayed(client.relayed()?, peer), range)),
            Unwrapped::Other => Some((path, 0..bytes.len())),
            Unwrapped::Taken => {
                self.run_relay();
                None
            }
        }
    }

    /// Puts around what goes through the relay what it wants. Before a batch is sent.
    #[inline]
    pub(in crate::media::worker) fn frame_relayed(&mut self) {
        if self.batch.is_relayed() {
            self.frame_all();
        }
    }

    fn frame_all(&mut self) {
        let (now, relay) = (self.clock.instant, &mut self.relay);
        let Some(client) = &mut relay.client else { return };
        let Server { address, transport, .. } = *client.server();
        let out = match (transport, relay.base) {
            (Transport::Udp, Some(base)) => Some(Path::udp(base, address)),
            (Transport::Udp, None) => return,
            (Transport::Tcp | Transport::Tls, _) => None,
        };
        self.batch.frame(out, |peer, first| {
            // More than checks goes only where the peer has been heard.
            if stun::kind(first) != stun::Kind::Stun {
                client.bind(now, peer);
            }
            client.reach(now, peer)
        });
        self.transmit_to_relay();
        if out.is_none() {
            let batch = &self.batch;
            let lanes = batch.lanes().iter().filter(|lane| lane.framed);
            self.relay.send_by_stream(now, lanes.flat_map(|lane| batch.packets(lane)));
        }
    }

    /// The stream to the relay can be read from or written to.
    pub fn advance_relay(&mut self) {
        let relay = &mut self.relay;
        if let (Some(stream), Some(poll)) = (&mut relay.stream, &relay.poll)
            && let Err(error) = stream.advance(poll)
        {
            relay.stream_ended(self.clock.instant, &error);
        }
    }

    /// Some of what the relay has sent by its stream is in `room` then. `None`: nothing more.
    pub fn read_relay(&mut self, room: &mut Room) -> Option<Path> {
        let server = self.relay.client.as_ref()?.server().address;
        match self.relay.stream.as_mut()?.read(room) {
            Ok(true) => Some(Path::relayed(server, server)),
            Ok(false) => None,
            Err(error) => {
                self.relay.stream_ended(self.clock.instant, &error);
                None
            }
        }
    }

    /// Gives the allocation back.
    pub fn end_relay(&mut self) {
        if let Some(client) = &mut self.relay.client {
            client.end(self.clock.instant);
            self.transmit_to_relay();
        }
        self.relay.client = None;
    }
}
