//! The vocabulary between the control plane and the engine.
#![forbid(unsafe_code)]

use super::channel::{ChannelCommand, ChannelEvent, ChannelSnapshot, DataTerms};
use super::turn;
use crate::record::capture::Capture;
pub use crate::rtp::ExtensionIds;
use crate::rtp::Extensions;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// RFC 8445 §6.1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IceRole {
    Controlling,
    Controlled,
}

/// RFC 8842; `ActPass` until the answer decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DtlsRole {
    ActPass,
    /// Client.
    Active,
    /// Server.
    Passive,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IceCredentials {
    pub ufrag: String,
    pub pwd: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FingerprintHash {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl FingerprintHash {
    const ALL: [FingerprintHash; 5] = [
        FingerprintHash::Sha1,
        FingerprintHash::Sha224,
        FingerprintHash::Sha256,
        FingerprintHash::Sha384,
        FingerprintHash::Sha512,
    ];

    /// As written in `a=fingerprint:`.
    pub fn name(self) -> &'static str {
        match self {
            FingerprintHash::Sha1 => "sha-1",
            FingerprintHash::Sha224 => "sha-224",
            FingerprintHash::Sha256 => "sha-256",
            FingerprintHash::Sha384 => "sha-384",
            FingerprintHash::Sha512 => "sha-512",
        }
    }

    /// Case does not matter (RFC 8122 §5).
    pub fn from_name(name: &str) -> Option<FingerprintHash> {
        FingerprintHash::ALL.into_iter().find(|hash| hash.name().eq_ignore_ascii_case(name))
    }
}

/// Upper-case hex with colons, as in SDP. Compared case-insensitively.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    pub hash: FingerprintHash,
    pub value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaKind {
    Audio,
    Video,
    Data,
}

impl MediaKind {
    pub fn name(self) -> &'static str {
        match self {
            MediaKind::Audio => "audio",
            MediaKind::Video => "video",
            MediaKind::Data => "data",
        }
    }
}

/// Bytes of an RTP packet that is still taken and sent. Larger ones fit no network (MP-147).
pub const LARGEST_RTP: usize = 1500;

/// Index of an m-line, as plugins name a medium (MP-005). Plugins may pass −1: "the one of that type" (MP-010).
pub type Mindex = i32;

/// What negotiation decided for one medium (media-plane.md §1.3). The engine keeps the running state beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediumConfig {
    pub mindex: Mindex,
    pub kind: MediaKind,
    pub mid: String,
    /// From our viewpoint.
    pub send: bool,
    pub recv: bool,
    /// Local, 0 = not allocated.
    pub ssrc: u32,
    pub ssrc_rtx: u32,
    /// Signalled remote SSRCs per simulcast layer (0 = to be learned), lowest layer first.
    pub remote_ssrc: [u32; 3],
    pub remote_ssrc_rtx: [u32; 3],
    /// Slot 0 is always used when there are rids.
    pub rids: [Option<String>; 3],
    pub nacks: bool,
    /// Payload type → clock rate (Hz).
    pub clock_rates: Vec<(u8, u32)>,
    /// Payload type → RTX payload type (RFC 4588 `apt`).
    pub rtx_payload_types: Vec<(u8, u8)>,
    /// Payload type → codec name (`opus`, `vp8` …) from the local description (MP-161).
    pub codecs: Vec<(u8, String)>,
    pub opus_red_pt: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CandidateType {
    Host,
    ServerReflexive,
    PeerReflexive,
    Relayed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    Udp,
    Tcp,
}

/// One ICE candidate, RFC 8839 §5.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub foundation: String,
    pub component: u16,
    pub protocol: Protocol,
    pub priority: u32,
    pub address: SocketAddr,
    pub kind: CandidateType,
    pub related: Option<SocketAddr>,
    pub tcptype: Option<String>,
}

/// What a new PeerConnection starts from.
#[derive(Clone, Debug)]
pub struct PeerConfig {
    /// Handle id, for log lines.
    pub id: u64,
    pub ice_role: IceRole,
    pub dtls_role: DtlsRole,
    /// Chosen worker (`loop_index`), else the least loaded.
    pub worker: Option<usize>,
    /// Only relayed candidates, on our side.
    pub force_relay: bool,
}

/// What the remote description says about the transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteTransport {
    pub credentials: IceCredentials,
    pub fingerprint: Option<Fingerprint>,
    pub ice_lite: bool,
}

/// Commands to a PeerConnection; carried out in order on its worker. A dead one ignores them.
#[derive(Debug)]
pub enum Command {
    /// Remote transport parameters and the DTLS role that follows (first negotiation).
    SetRemote {
        transport: RemoteTransport,
        dtls_role: DtlsRole,
    },
    /// Remote credentials after an ICE restart by the peer.
    SetRemoteCredentials(IceCredentials),
    /// Of a later description: another certificate will come than was announced, unless that has come already.
    SetFingerprint(Fingerprint),
    /// A later description has ended the m-line whose transport the others share, without an ICE restart: browsers open another
    /// transport then, and close this one.
    ExpectMove,
    /// Fresh local credentials (ICE restart); candidates stay.
    RestartIce(IceCredentials),
    /// An offer of ours was taken back, and the peer's takes its place (no checks have started).
    SetRole(IceRole),
    AddRemoteCandidate(Candidate),
    EndOfRemoteCandidates,
    /// Hand the known remote candidates to ICE and start checks.
    StartChecks,
    /// Replace the negotiated media, by mindex; running state of known ones stays.
    SetMedia(Vec<MediumConfig>),
    SetExtensions(ExtensionIds),
    /// Data channels were negotiated; again when the terms change.
    EnableData(DataTerms),
    SendPli {
        mindex: Option<Mindex>,
    },
    SendRemb {
        bitrate: u32,
    },
    /// RTCP written by the plugin, not yet filtered.
    RelayRtcp {
        mindex: Mindex,
        video: bool,
        packet: Vec<u8>,
    },
    RelayData {
        label: Option<String>,
        protocol: Option<String>,
        binary: bool,
        message: Vec<u8>,
    },
    /// Where channels are told apart. What comes before data is negotiated waits.
    Channel(ChannelCommand),
    /// Writes packets to this file, unencrypted, as they come and go; `None` ends that.
    Capture(Option<Arc<Capture>>),
    /// Close alert, last statistics, [`PeerSink::closed`], gone.
    Hangup(HangupReason),
}

/// Texts of the `hangup` event (control-plane.md §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HangupReason {
    JanusApi,
    AdminApi,
    ClosePc,
    DtlsAlert,
    DtlsTimeout,
    IceFailed,
    DtlsSrtpStackError,
    Detach,
}

impl HangupReason {
    pub fn text(self) -> &'static str {
        match self {
            HangupReason::JanusApi => "Janus API",
            HangupReason::AdminApi => "Admin API",
            HangupReason::ClosePc => "Close PC",
            HangupReason::DtlsAlert => "DTLS alert",
            HangupReason::DtlsTimeout => "DTLS timeout",
            HangupReason::IceFailed => "ICE failed",
            HangupReason::DtlsSrtpStackError => "DTLS-SRTP stack error",
            HangupReason::Detach => "Detach",
        }
    }
}

/// media-plane.md §3.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IceState {
    Disconnected,
    Gathering,
    Connecting,
    Connected,
    Ready,
    Failed,
}

impl IceState {
    pub fn name(self) -> &'static str {
        match self {
            IceState::Disconnected => "disconnected",
            IceState::Gathering => "gathering",
            IceState::Connecting => "connecting",
            IceState::Connected => "connected",
            IceState::Ready => "ready",
            IceState::Failed => "failed",
        }
    }
}

/// media-plane.md §4.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DtlsState {
    Created,
    Trying,
    Connected,
    Failed,
}

impl DtlsState {
    pub fn name(self) -> &'static str {
        match self {
            DtlsState::Created => "created",
            DtlsState::Trying => "trying",
            DtlsState::Connected => "connected",
            DtlsState::Failed => "failed",
        }
    }
}

/// One end of the selected pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairEnd {
    pub address: SocketAddr,
    pub kind: CandidateType,
    pub protocol: Protocol,
}

/// `ip:port [type,protocol]`, as in selected-pair texts; IPv6 without brackets, as the reference writes it.
impl fmt::Display for PairEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ip, port) = (self.address.ip(), self.address.port());
        write!(f, "{ip}:{port} [{},{}]", self.kind.name(), self.protocol.name())
    }
}

/// What happens to a PeerConnection besides media; for clients, event handlers and handle_info.
#[derive(Clone, Debug)]
pub enum PeerEvent {
    Ice(IceState),
    LocalCandidate(Candidate),
    LocalCandidatesDone,
    RemoteCandidate(Candidate),
    SelectedPair {
        local: PairEnd,
        remote: PairEnd,
    },
    Dtls {
        state: DtlsState,
        retransmissions: u32,
    },
    /// First packet of a layer, or silence, or a medium that is no longer received (media-plane.md §9.2).
    Receiving {
        mid: String,
        kind: MediaKind,
        substream: Option<u8>,
        receiving: bool,
        seconds: Option<u32>,
    },
    /// media-plane.md §7.4; the plugin's `slow_link` comes first, also through here.
    SlowLink {
        mindex: Mindex,
        mid: String,
        kind: MediaKind,
        uplink: bool,
        lost: u32,
    },
    /// Nothing authentic has come for some seconds, or again after that (`connectionState` "disconnected"; the path is kept).
    Away(bool),
    /// Every stats period and once more at the end.
    Statistics(Arc<PeerSnapshot>),
}

/// Everything the engine knows, for statistics events and handle_info (media-plane.md §9.3, §10).
#[derive(Clone, Debug, Default)]
pub struct PeerSnapshot {
    pub ice_state: Option<IceState>,
    /// Monotonic µs; the failure is being waited out.
    pub ice_failed_at: Option<i64>,
    pub gathered: bool,
    /// Monotonic µs.
    pub gathered_at: Option<i64>,
    pub checks_started_at: Option<i64>,
    pub connected_at: Option<i64>,
    /// When something authentic of the peer came last, of whatever kind.
    pub heard_at: Option<i64>,
    /// µs that the last check on the selected path took that was answered; lite agents send none.
    pub round_trip: Option<i64>,
    pub local_candidates: Vec<String>,
    pub remote_candidates: Vec<String>,
    pub selected_pair: Option<String>,
    pub local_fingerprint: String,
    pub remote_fingerprint: Option<Fingerprint>,
    pub dtls_role: Option<DtlsRole>,
    pub dtls_state: Option<DtlsState>,
    pub dtls_retransmissions: u32,
    pub dtls_valid: bool,
    pub dtls_ready: bool,
    pub dtls_started_at: Option<i64>,
    pub dtls_connected_at: Option<i64>,
    /// `SRTP_AEAD_AES_128_GCM` … or `None`.
    pub srtp_profile: Option<&'static str>,
    pub sctp_association: bool,
    pub channels: Vec<ChannelSnapshot>,
    pub twcc: bool,
    pub extensions: ExtensionIds,
    pub too_large: u32,
    /// Bytes of the plugin's data messages and RTCP that wait for the worker.
    pub relay_waiting: usize,
    /// How many packets of the plugin there was no room for: of those, and RTP beyond the share of the worker's ring.
    pub relay_dropped: u64,
    pub remb_bitrate: Option<u32>,
    pub dtls_in: Counter,
    pub dtls_out: Counter,
    pub media: Vec<MediumSnapshot>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counter {
    pub packets: u64,
    pub bytes: u64,
    /// Of the last complete second.
    pub bytes_lastsec: u64,
    pub nacks: u64,
    pub retransmissions: u64,
}

#[derive(Clone, Debug)]
pub struct MediumSnapshot {
    pub config: MediumConfig,
    /// Learned: payload type, RTX payload type, codec.
    pub payload_type: Option<u8>,
    pub rtx_payload_type: Option<u8>,
    pub codec: Option<String>,
    pub remote_ssrc: [u32; 3],
    pub remote_ssrc_rtx: [u32; 3],
    pub nack_queue_ms: u32,
    /// Per simulcast layer; the first always exists for audio and video.
    pub layers: Vec<LayerSnapshot>,
    pub sent: Counter,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct LayerSnapshot {
    pub received: Counter,
    pub clock_rate: u32,
    pub rtt_ms: u32,
    pub rtt_ntp: u32,
    pub rtt_lsr: u32,
    pub rtt_dlsr: u32,
    pub lost: i32,
    pub lost_by_remote: i32,
    pub jitter_local: u32,
    pub jitter_remote: u32,
    pub in_link_quality: u32,
    pub in_media_link_quality: u32,
    pub out_link_quality: u32,
    pub out_media_link_quality: u32,
}

/// A received RTP packet, decrypted. The plugin may write into `packet` (MP-159); the engine does not look again.
pub struct RtpIn<'a> {
    pub mindex: Mindex,
    pub video: bool,
    /// Of simulcast, 0 the lowest; 0 without.
    pub layer: u8,
    pub packet: &'a mut [u8],
    pub extensions: Extensions<'a>,
}

/// A packet that a plugin sends. Payload type, sequence number, timestamp and marker are the plugin's (MP-172).
pub struct RtpOut<'a> {
    pub mindex: Mindex,
    pub video: bool,
    pub packet: &'a [u8],
    pub extensions: Extensions<'a>,
}

/// What the engine calls, on the worker that owns the PeerConnection; never two at a time for one PeerConnection.
/// Any method may call back into the [`Peer`](crate::media::Peer) of this or any other PeerConnection.
pub trait PeerSink: Send + Sync {
    /// Whose callbacks those are that media leads to; `None`: nobody watches them.
    fn watched(&self) -> Option<&'static crate::stall::Plugin> {
        None
    }
    /// DTLS-SRTP is up (MP-224): plugin `setup_media`, then `webrtcup`.
    fn connected(&self);
    fn incoming_rtp(&self, packet: RtpIn<'_>);
    fn incoming_rtcp(&self, mindex: Mindex, video: bool, packet: &mut [u8]);
    /// One of the two above comes soon: fetches the memory that it will need.
    fn prefetch(&self) {}
    /// `protocol` is empty when the channel has none.
    fn incoming_data(&self, label: &str, protocol: &str, binary: bool, message: &[u8]);
    fn data_ready(&self);
    /// In place of the two above, where channels are told apart.
    fn channel(&self, _: ChannelEvent) {}
    fn event(&self, event: PeerEvent);
    /// The last call: plugin `hangup_media`, then `hangup`.
    fn closed(&self, reason: HangupReason);
}

/// The media part of janus.jcfg.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Number of workers; `None` = one per core.
    pub workers: Option<usize>,
    /// Inclusive; (0, 0) = the system chooses.
    pub rtp_port_range: (u16, u16),
    /// One for each worker, in place of the range; empty = the range.
    pub udp_ports: Vec<u16>,
    /// Addresses to listen on and to advertise as host candidates, at first.
    pub addresses: Vec<IpAddr>,
    /// There may be IPv6 addresses later.
    pub ipv6: bool,
    /// Public addresses advertised instead of (or beside) the host ones.
    pub nat_1_1_mapping: Vec<IpAddr>,
    pub keep_private_host: bool,
    pub stun_server: Option<SocketAddr>,
    /// Relays, the first one first; another one is tried when that does not answer.
    pub turn_servers: Vec<turn::Server>,
    /// There may be relays later.
    pub turn_later: bool,
    pub ice_lite: bool,
    pub ice_tcp: bool,
    pub regular_nomination: bool,
    pub ice_consent_freshness: bool,
    pub ice_keepalive_conncheck: bool,
    pub hangup_on_failed: bool,
    pub ignore_mdns: bool,
    pub dscp: u8,
    pub dtls_mtu: u16,
    pub dtls_ciphers: Option<String>,
    pub dtls_accept_selfsigned: bool,
    pub rsa_private_key: bool,
    /// PEM certificate, key, password.
    pub certificate: Option<(String, String, Option<String>)>,
    pub webrtc_encryption: bool,
    pub min_nack_queue: u16,
    pub nack_optimizations: bool,
    pub no_media_timer: u32,
    pub slowlink_threshold: u32,
    pub twcc_period_ms: u32,
    /// Seconds between [`PeerEvent::Statistics`]; 0 = never.
    pub stats_period: u32,
}

impl EngineConfig {
    /// A lite agent has host candidates only (RFC 8445 §5.2).
    pub fn may_be_relayed(&self) -> bool {
        !self.ice_lite && (self.turn_later || !self.turn_servers.is_empty())
    }
}

impl Default for EngineConfig {
    fn default() -> EngineConfig {
        EngineConfig {
            workers: None,
            rtp_port_range: (0, 0),
            udp_ports: Vec::new(),
            addresses: Vec::new(),
            ipv6: false,
            nat_1_1_mapping: Vec::new(),
            keep_private_host: false,
            stun_server: None,
            turn_servers: Vec::new(),
            turn_later: false,
            ice_lite: false,
            ice_tcp: false,
            regular_nomination: false,
            ice_consent_freshness: false,
            ice_keepalive_conncheck: false,
            hangup_on_failed: false,
            ignore_mdns: false,
            dscp: 0,
            dtls_mtu: 1200,
            dtls_ciphers: None,
            dtls_accept_selfsigned: true,
            rsa_private_key: false,
            certificate: None,
            webrtc_encryption: true,
            min_nack_queue: 200,
            nack_optimizations: false,
            no_media_timer: 1,
            slowlink_threshold: 0,
            twcc_period_ms: 200,
            stats_period: 1,
        }
    }
}
