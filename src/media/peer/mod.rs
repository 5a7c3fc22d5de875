//! One PeerConnection: ICE, DTLS, SRTP, streams and data channels put together. Sans-IO and single-threaded: datagrams,
//! commands and time go in; datagrams (into a [`Batch`]), [`Output`]s for the sink and [`Note`]s for the worker come out.
#![forbid(unsafe_code)]

mod ahead;
mod capture;
mod connect;
mod credit;
mod data;
mod demux;
mod hangup;
mod media;
mod moving;
mod pulse;
mod snapshot;
#[cfg(test)]
mod tests;

pub use ahead::STEPS;
pub use demux::{Fit, Left, is_of_hello};
pub use media::MOST_AT_ONCE;

use super::batch::{Batch, Cursor};
use super::channel::{ChannelCommand, ChannelEvent, DataTerms};
use super::clock::Clock;
use super::counts::Counts;
use super::dtls::{Connected, Dtls, DtlsContext, Secret};
use super::ice::{Agent, AgentConfig, Origin, Path, destinations::Destinations, stun::TransactionId};
use super::sctp::Sctp;
use super::srtp;
use super::streams::rtcp::Split;
use super::streams::store::SharedStore;
use super::streams::{Settings, Streams};
use super::types::*;
use crate::rtp::Extensions;
use crate::util::lock::Lock;
use crate::util::seldom::Seldom;
use bytes::Bytes;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What all PeerConnections of an engine share.
pub struct Shared {
    pub config: EngineConfig,
    pub dtls: DtlsContext,
    /// Of our certificate.
    pub fingerprint: String,
    /// How many checks still go where.
    pub destinations: Destinations,
    /// What ClientHellos prove themselves with.
    pub cookies: Secret,
    /// What may change while running; every PeerConnection looks once a second.
    pub live: Lock<Settings>,
}

/// What a new PeerConnection starts from.
pub struct Setup {
    pub config: PeerConfig,
    pub credentials: IceCredentials,
    /// Real addresses of the worker's sockets.
    pub addresses: Vec<SocketAddr>,
    /// The same of those that take TCP connections.
    pub tcp: Vec<SocketAddr>,
    /// What the worker's relay has for us.
    pub relayed: Option<SocketAddr>,
    /// What of them is advertised.
    pub candidates: Vec<Candidate>,
    pub shared: Arc<Shared>,
    /// Of the worker.
    pub store: SharedStore,
    pub counts: Arc<Counts>,
}

/// For the sink, in the order in which it happened.
#[derive(Debug)]
pub enum Output {
    Connected,
    Data { label: Arc<str>, protocol: Option<Arc<str>>, binary: bool, message: Bytes },
    DataReady,
    Channel(ChannelEvent),
    Event(Box<PeerEvent>),
    Closed(HangupReason),
}

/// For the worker, so that it finds the owner of later datagrams.
#[derive(Debug)]
pub enum Note {
    /// An authenticated STUN message came from there.
    Reachable(Origin),
    /// Nothing more is expected from there.
    Forgotten(Origin),
    /// A request was sent; its answer may come from an address not yet known.
    Check(TransactionId),
    /// A TCP connection to there is wanted.
    Connect(SocketAddr),
    /// New local ufrag.
    Ufrag(String),
}

/// Room of a worker for what a plugin is given and does not lie in the received packet.
pub struct Room {
    /// A copy of the dependency descriptor, because the plugin may write into the packet.
    pub descriptor: [u8; 255],
    pub rtcp: Split,
}

impl Default for Room {
    fn default() -> Room {
        Room { descriptor: [0; 255], rtcp: Split::default() }
    }
}

/// For the plugin: a media packet at the front of the buffer that it was received in, or RTCP, medium by medium.
#[derive(Debug)]
pub enum Incoming<'a> {
    Rtp { mindex: Mindex, video: bool, layer: u8, len: usize, extensions: Extensions<'a> },
    Rtcp(&'a mut Split),
}

/// SRTP of both directions; absent with `no_webrtc_encryption`.
struct Srtp {
    outgoing: srtp::Session,
    incoming: srtp::Session,
}

/// How long a handshake may take, from its start (MP-136).
const DTLS_LIMIT: Duration = Duration::from_secs(20);

/// How far the connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// No path yet.
    New,
    /// DTLS handshake; the time at which it is given up.
    Handshake(Instant),
    /// Media may flow.
    Ready,
    Closed,
}

pub struct Connection {
    id: u64,
    shared: Arc<Shared>,
    ice: Agent,
    /// Only what a relay has for us is used.
    force_relay: bool,
    stage: Stage,
    remote: Option<RemoteTransport>,
    dtls_role: DtlsRole,
    dtls: Option<Box<dyn Dtls>>,
    dtls_state: DtlsState,
    /// DTLS datagrams that came before the role was known, and where they came from.
    early: Vec<(Origin, Vec<u8>)>,
    srtp: Option<Srtp>,
    streams: Streams,
    /// Of the worker.
    counts: Arc<Counts>,
    extensions: ExtensionIds,
    ticks: Option<media::Ticks>,
    /// Transport-wide feedback has to be sent.
    gives_feedback: bool,
    /// Nothing has come that feedback would be about: its clock wakes nobody until something does.
    feedback_rests: bool,
    /// [`Connection::take_hurries`].
    hurries: bool,
    profile: Option<srtp::Profile>,
    /// Present once data was negotiated.
    data: Option<DataTerms>,
    /// For channels, from before that, or before DTLS is up.
    early_channels: Vec<ChannelCommand>,
    /// Two kilobytes that most have no use for.
    sctp: Option<Box<Sctp>>,
    /// Where packets go.
    path: Option<Path>,
    /// How much DTLS may go to a path that nobody has proven; a lite agent's, until DTLS is through.
    credit: Option<Box<credit::Credit>>,
    /// Where the datagram came from that is being worked on.
    from: Option<Origin>,
    /// The last datagram of media or DTLS was authentic.
    authentic: bool,
    /// The ICE agent waits for authentic media.
    listens: bool,
    /// Hashes of what came of the handshake.
    flights: Vec<u64>,
    /// The datagram that is being worked on may be another PeerConnection's.
    shares_address: bool,
    /// The handshake is through, but with the certificate of somebody else.
    stray: Option<Box<Connected>>,
    /// The handshake that the peer has begun.
    hello: Option<demux::Hello>,
    /// It has come to its end before that one.
    left: Option<Box<Left>>,
    /// Datagrams of DTLS that showed another certificate than the one of the description, and were ignored.
    left_out: demux::LeftOut,
    /// Our place in the worker's batch.
    cursor: Cursor,
    /// All remote candidates are known.
    remote_complete: bool,
    /// ICE failed at this time and did not recover.
    failed_at: Option<Instant>,
    tap: capture::Tap,
    data_dropped: Seldom,
    outputs: VecDeque<Output>,
    notes: VecDeque<Note>,
    record: snapshot::Record,
    pulse: pulse::Pulse,
    /// The transport may change; kept until it has.
    moves: Option<Box<moving::Move>>,
}

/// One for each PeerConnection: what only some have, or only for a while, is elsewhere.
const _: () = assert!(size_of::<Connection>() <= 5200);

impl Connection {
    pub fn new(setup: Setup, clock: Clock) -> Connection {
        let Setup { config, credentials, mut addresses, mut tcp, relayed, candidates, shared, store, counts } =
            setup;
        if config.force_relay {
            addresses.clear();
            tcp.clear();
        }
        let ice = Agent::new(AgentConfig {
            credentials,
            role: config.ice_role,
            lite: shared.config.ice_lite,
            consent_freshness: shared.config.ice_consent_freshness,
            addresses,
            tcp,
            relayed,
        });
        let mut connection = Connection {
            id: config.id,
            ice,
            force_relay: config.force_relay,
            stage: Stage::New,
            remote: None,
            dtls_role: config.dtls_role,
            dtls: None,
            dtls_state: DtlsState::Created,
            early: Vec::new(),
            srtp: None,
            streams: Connection::streams_of(&shared, store, counts.clone()),
            counts,
            extensions: ExtensionIds::default(),
            ticks: None,
            gives_feedback: false,
            feedback_rests: false,
            hurries: false,
            profile: None,
            data: None,
            early_channels: Vec::new(),
            sctp: None,
            path: None,
            credit: shared.config.ice_lite.then(Box::default),
            from: None,
            authentic: false,
            listens: false,
            flights: Vec::new(),
            shares_address: false,
            stray: None,
            hello: None,
            left: None,
            left_out: demux::LeftOut::default(),
            cursor: Cursor::default(),
            remote_complete: false,
            failed_at: None,
            tap: capture::Tap::default(),
            data_dropped: Seldom::default(),
            outputs: VecDeque::new(),
            notes: VecDeque::new(),
            shared,
            record: snapshot::Record::default(),
            pulse: pulse::Pulse::default(),
            moves: None,
        };
        connection.gather(clock, candidates);
        connection
    }

    /// Next thing for the sink; nothing follows [`Output::Closed`].
    pub fn next_output(&mut self) -> Option<Output> {
        let next = self.outputs.pop_front();
        if next.is_none() && self.stage == Stage::Ready && self.data.is_none() {
            // Most of it happens while it is set up.
            self.outputs = VecDeque::new();
        }
        next
    }

    pub fn has_output(&self) -> bool {
        !self.outputs.is_empty()
    }

    pub fn next_note(&mut self) -> Option<Note> {
        self.notes.pop_front()
    }

    pub fn command(&mut self, clock: Clock, command: Command, out: &mut Batch) {
        if self.stage == Stage::Closed {
            return;
        }
        match command {
            Command::SetRemote { transport, dtls_role } => self.set_remote(transport, dtls_role),
            Command::SetRemoteCredentials(credentials) => self.set_remote_credentials(credentials),
            Command::SetFingerprint(fingerprint) => self.set_fingerprint(fingerprint),
            Command::ExpectMove => self.expect_move(clock),
            Command::RestartIce(credentials) => self.restart_ice(credentials),
            Command::SetRole(role) => self.ice.set_role(role),
            Command::AddRemoteCandidate(candidate) => self.add_remote_candidate(candidate),
            Command::EndOfRemoteCandidates => self.remote_complete = true,
            Command::StartChecks => {
                self.record.checks_started_at.get_or_insert(clock.mono);
                self.ice.start(clock.instant);
            }
            Command::Hangup(reason) => self.hang_up(clock, reason, out),
            Command::SetMedia(media) => self.set_media(media),
            Command::SetExtensions(ids) => self.set_extensions(&ids),
            Command::SendPli { .. } | Command::SendRemb { .. } | Command::RelayRtcp { .. } => {
                self.send_feedback(command, out);
            }
            Command::Capture(capture) => self.tap = capture::Tap::new(capture),
            Command::EnableData(terms) => self.enable_data(clock, terms),
            Command::Channel(command) => self.channel(clock, command),
            Command::RelayData { label, protocol, binary, message } => {
                self.relay_data(clock, label.as_deref(), protocol.as_deref(), binary, message.into());
            }
        }
        self.progress(clock, out);
    }

    pub fn handle_timeout(&mut self, clock: Clock, out: &mut Batch) {
        if self.stage == Stage::Closed {
            return;
        }
        self.ice.handle_timeout(clock.instant);
        self.check_dtls_timers(clock, out);
        self.check_move(clock, out);
        self.check_data_timers(clock);
        self.tick(clock, out);
        self.progress(clock, out);
    }

    /// Media may flow, and no path is being looked for.
    pub fn is_up(&self) -> bool {
        self.stage == Stage::Ready && self.ice.state() == IceState::Ready
    }

    /// When [`Connection::handle_timeout`] is due.
    pub fn poll_timeout(&mut self, now: Instant) -> Option<Instant> {
        if self.stage == Stage::Closed {
            return None;
        }
        [
            self.ice.poll_timeout(),
            self.ice_failure_due(now),
            self.dtls_due(now),
            self.move_due(),
            self.data_due(),
            self.ticks_due(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn event(&mut self, event: PeerEvent) {
        self.outputs.push_back(Output::Event(Box::new(event)));
    }

    /// Sends one datagram on the selected path.
    fn send(&mut self, out: &mut Batch, bytes: &[u8]) {
        if let Some(path) = self.path {
            out.push_bytes(&mut self.cursor, path, bytes);
        }
    }
}
