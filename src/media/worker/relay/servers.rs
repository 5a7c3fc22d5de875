//! TURN servers, and the way to the one that is used.
#![forbid(unsafe_code)]

use super::stream::{Figures, Stream};
use crate::media::turn::{Client, Server, Transport};
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// Before all servers are tried again of which none would have us.
const NEXT_ROUND: Duration = Duration::from_secs(10);

/// TURN servers, of which one is used at a time.
#[derive(Default)]
pub struct Relay {
    servers: Vec<Server>,
    /// The one that is used.
    current: usize,
    pub(super) client: Option<Client>,
    /// The address of ours that the server is reached from.
    pub(super) base: Option<SocketAddr>,
    /// It was said that there is no allocation.
    pub(super) told: bool,
    /// The way to a server that is reached by TCP or TLS.
    pub(super) stream: Option<Stream>,
    /// Knows that stream; there from the start, since the worker's sleep needs it.
    pub(super) poll: Option<OwnedFd>,
    /// Something has happened to the stream.
    pub(super) attention: Option<Instant>,
    /// Of all streams.
    pub(in crate::media::worker) figures: Figures,
}

impl Relay {
    /// When there is something to be done.
    pub fn due(&self) -> Option<Instant> {
        self.client.as_ref()?.poll_timeout().into_iter().chain(self.attention).min()
    }

    pub fn watch_by(&mut self, poll: Option<OwnedFd>) {
        self.poll = poll;
    }

    /// Sends messages by the stream, which is opened if need be.
    pub(super) fn send_by_stream<'a>(&mut self, now: Instant, messages: impl Iterator<Item = &'a [u8]>) {
        let (Some(client), Some(poll)) = (&self.client, &self.poll) else { return };
        let sent = match &mut self.stream {
            Some(stream) => stream.send(poll, messages),
            None => Stream::open(client.server(), poll)
                .and_then(|stream| self.stream.insert(stream).send(poll, messages)),
        };
        self.count();
        if let Err(error) = sent {
            self.stream_ended(now, &error);
        }
    }

    pub(super) fn count(&mut self) {
        if let Some(stream) = &mut self.stream {
            let Figures { sent, dropped, calls } = std::mem::take(&mut stream.figures);
            self.figures.sent += sent;
            self.figures.dropped += dropped;
            self.figures.calls += calls;
        }
    }

    pub(super) fn stream_ended(&mut self, now: Instant, error: &io::Error) {
        self.stream = None;
        self.attention = Some(now);
        let Some(client) = &mut self.client else { return };
        if !self.told {
            tracing::warn!("the connection to the TURN server {:?} has ended: {error}", client.server());
        }
        client.interrupted(now);
    }

    /// What comes from there by UDP is the server's.
    #[inline]
    pub fn is_from_server(&self, from: SocketAddr) -> bool {
        self.client.as_ref().is_some_and(|client| {
            let server = client.server();
            server.transport == Transport::Udp && server.address == from
        })
    }

    /// Other servers, or other credentials for them. An allocation that there is stays: it belongs to who we were when it was
    /// made.
    pub(super) fn replace(&mut self, servers: Vec<Server>, now: Instant) {
        let place = |server: &Server| (server.address, server.transport);
        let current = self.client.as_ref().map(|client| place(client.server()));
        let same = servers.iter().position(|server| Some(place(server)) == current);
        self.servers = servers;
        match (same, &mut self.client) {
            (Some(at), Some(client)) => {
                self.current = at;
                client.set_credentials(self.servers[at].clone());
            }
            _ => {
                self.current = 0;
                self.client = self.servers.first().map(|first| Client::new(first.clone(), now));
            }
        }
    }

    /// The server would not have us: the next one, if there is one.
    pub(super) fn try_next(&mut self, now: Instant) {
        if self.servers.len() > 1 {
            self.current = (self.current + 1) % self.servers.len();
            let pause = if self.current == 0 { NEXT_ROUND } else { Duration::ZERO };
            self.client = Some(Client::new(self.servers[self.current].clone(), now + pause));
        }
    }
}
