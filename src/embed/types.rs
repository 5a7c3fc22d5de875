//! The types of `janus_rs.h`, as C sees them. build.rs shows this file to cbindgen: what is public here is in the header.
#![allow(non_camel_case_types)]
// The text is the header's: [app] is no link.
#![allow(rustdoc::broken_intra_doc_links)]
#![expect(dead_code, reason = "some names are for C only")]

use std::ffi::{c_char, c_int, c_void};

/// The API level of this header. A program wants janus_rs_api() to be at least this.
pub const JANUS_RS_API: c_int = 1;

/// What functions return when they fail; 0 or a positive count is success. A call that fails changes nothing, and
/// janus_rs_error() says more.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum janus_rs_code {
    JANUS_RS_OK = 0,
    /// NULL, an unknown name or flag, text that is not UTF-8, a struct that is too small.
    JANUS_RS_EINVAL = -1,
    /// Not now: started already, not started yet, stopped.
    JANUS_RS_ESTATE = -2,
    /// There is no such instance, queue, client, peer, channel … (any more).
    JANUS_RS_ENOENT = -3,
    /// Too much waits: nothing was taken.
    JANUS_RS_EAGAIN = -4,
    JANUS_RS_ETIMEDOUT = -5,
    /// Larger than what is taken, here or by the peer.
    JANUS_RS_ETOOBIG = -6,
    /// A description or candidate that cannot be used; the text names the line.
    JANUS_RS_ESDP = -7,
    /// A module refused, or is not sound; the text is what `janus-rs check` says.
    JANUS_RS_EMODULE = -8,
    /// The system refused; the text has its reason.
    JANUS_RS_ESYSTEM = -9,
    /// Another instance of this process hosts modules, or another thread is taking events of this queue.
    JANUS_RS_EBUSY = -10,
    /// An [app] function was called on a thread of the library.
    JANUS_RS_EDEADLK = -11,
    /// The instance belongs to the parent process.
    JANUS_RS_EFORK = -12,
    /// This client may not do that.
    JANUS_RS_EDENIED = -13,
    /// Of checkpoints, which are to come.
    JANUS_RS_ESTALE = -14,
    /// This build cannot do it.
    JANUS_RS_ENOSUP = -15,
    /// A defect of the library, contained; the text is worth a report.
    JANUS_RS_EINTERNAL = -16,
}

/// An instance of the core. A number in disguise: one that was closed is JANUS_RS_ENOENT, never a crash.
pub struct janus_rs {
    _private: [u8; 0],
}

/// A queue of events. A number in disguise, as above.
pub struct janus_rs_queue {
    _private: [u8; 0],
}

/// Flags of an instance.
#[repr(C)]
pub enum janus_rs_flag {
    /// It may load or register Janus modules. Their ABI knows no instance: there is one such instance per process at a time,
    /// and a module file is initialised once per process. Without this flag there may be any number of instances.
    JANUS_RS_MODULES = 1,
}

/// What an instance is opened with. Zero is the default of every member but `size`.
#[repr(C)]
pub struct janus_rs_options {
    pub size: usize,
    /// Of JANUS_RS_MODULES.
    pub flags: u32,
    /// Media threads. 0: general.event_loops, else one per core.
    pub workers: u32,
    /// The folder whose janus.jcfg is read first, and which modules read their files from. NULL: no file is read.
    pub config_folder: *const c_char,
    /// Direct: one finished line at a time, without line end, on the log's thread. `level`: 1 fatal, 2 error, 3 warning, 4
    /// everything else. NULL: general.log_to_stdout and log_to_file of the configuration, and without these nowhere. Lines
    /// are the process's: every running instance that has such a function gets all of them.
    pub log:
        Option<unsafe extern "C" fn(user: *mut c_void, level: c_int, line: *const c_char, length: usize)>,
    /// Direct, on each new thread of the library, and before it ends (affinity, priority, attaching a virtual machine). The
    /// process's, as the log.
    pub thread_started: Option<unsafe extern "C" fn(user: *mut c_void, name: *const c_char)>,
    pub thread_ended: Option<unsafe extern "C" fn(user: *mut c_void, name: *const c_char)>,
    pub user: *mut c_void,
}

/// What a queue is opened with.
#[repr(C)]
pub struct janus_rs_queue_options {
    pub size: usize,
    /// Bytes that may wait, about; 0: 16 MiB. When full, requests that would be answered here get JANUS_RS_EAGAIN, data channels
    /// are not read, so that their peers slow down, and events of plugins and for handlers are dropped and counted
    /// (JANUS_RS_EVENT_LOST), as are changes of a peer's path. Replies, states and ends always fit.
    pub limit: usize,
    /// For janus_rs_dispatch() only; used as long as the queue is there.
    pub handlers: *const janus_rs_handlers,
    /// Handed to the handlers.
    pub user: *mut c_void,
}

/// Types of events, and which members they fill.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum janus_rs_event_type {
    /// client, tag; text: JSON.
    JANUS_RS_EVENT_REPLY = 1,
    /// client, session, handle; text: JSON, as a transport would send it.
    JANUS_RS_EVENT_JANUS = 2,
    /// client, session; code: JANUS_RS_SESSION_…
    JANUS_RS_EVENT_SESSION = 3,
    /// session, handle; text: JSON, what an event handler module would get.
    JANUS_RS_EVENT_HANDLER = 4,
    /// peer; code: JANUS_RS_PEER_…; text: its name.
    JANUS_RS_EVENT_STATE = 20,
    /// peer; text: a candidate of ours, "candidate:…", or "" after the last one. Only with JANUS_RS_TRICKLE.
    JANUS_RS_EVENT_CANDIDATE = 21,
    /// peer; text: the selected pair of candidates.
    JANUS_RS_EVENT_PATH = 22,
    /// peer, mindex; code: 1 it comes, 0 it has fallen silent; number: the layer of simulcast, or -1.
    JANUS_RS_EVENT_MEDIA = 23,
    /// peer, mindex: the peer wants a key frame of what the program sends. Those of links are asked for by themselves.
    JANUS_RS_EVENT_KEYFRAME = 24,
    /// peer; number: bit/s that the peer can take, as it says (REMB).
    JANUS_RS_EVENT_BITRATE = 25,
    /// peer, mindex; code: packets lost in the last second; flags: 1 on the way to the peer, 0 on the way from it. With
    /// media.slowlink_threshold.
    JANUS_RS_EVENT_SLOW = 26,
    /// peer; text: the reason. The last one of this peer.
    JANUS_RS_EVENT_CLOSED = 27,
    /// peer, channel; text: its label; data: its subprotocol, which ends with a NUL. The peer has made it, and it is open.
    JANUS_RS_EVENT_CHANNEL = 40,
    /// peer, channel: one of ours is open.
    JANUS_RS_EVENT_CHANNEL_OPEN = 41,
    /// peer, channel; data; flags: JANUS_RS_BINARY.
    JANUS_RS_EVENT_MESSAGE = 42,
    /// peer, channel: no more than its `low` bytes wait, and there is room after JANUS_RS_EAGAIN.
    JANUS_RS_EVENT_LOW = 43,
    /// peer, channel; text: the reason. The last one of this channel.
    JANUS_RS_EVENT_CHANNEL_CLOSED = 44,
    /// peer, mindex; data: a packet; flags: 1 video; code: the layer of simulcast, or -1. Only with JANUS_RS_RTP_EVENTS.
    JANUS_RS_EVENT_RTP = 60,
    /// peer, mindex; data: a compound about this medium. Only with JANUS_RS_RTP_EVENTS.
    JANUS_RS_EVENT_RTCP = 61,
    /// Draining, and the last session, or peer, has gone.
    JANUS_RS_EVENT_DRAINED = 81,
    /// The instance has stopped: nothing follows.
    JANUS_RS_EVENT_STOPPED = 82,
    /// number: how many events were dropped since the last one of these.
    JANUS_RS_EVENT_LOST = 83,
}

/// What has happened to a session.
#[repr(C)]
pub enum janus_rs_session_change {
    JANUS_RS_SESSION_CREATED = 0,
    JANUS_RS_SESSION_DESTROYED = 1,
    JANUS_RS_SESSION_TIMED_OUT = 2,
    /// Another client has claimed it.
    JANUS_RS_SESSION_CLAIMED_AWAY = 3,
    /// This client has claimed it.
    JANUS_RS_SESSION_CLAIMED = 4,
}

/// One event. Members that its type does not fill are 0.
#[repr(C)]
pub struct janus_rs_event {
    /// Yours: set it before janus_rs_next(). Members beyond it are left alone.
    pub size: usize,
    pub r#type: u32,
    pub flags: u32,
    pub code: i32,
    /// Index of the m-line.
    pub mindex: i32,
    pub client: u64,
    pub tag: u64,
    pub session: u64,
    pub handle: u64,
    pub peer: u64,
    pub channel: u64,
    pub number: i64,
    /// CLOCK_MONOTONIC, microseconds: when it happened.
    pub time: i64,
    /// UTF-8; never NULL. Lent until the queue is asked for the next event, or closed with its instance.
    pub text: *const c_char,
    /// Never NULL; followed by a NUL that does not count. Lent as above.
    pub data: *const c_void,
    /// Bytes of text or data.
    pub length: usize,
    /// Of the channel, else the peer, else the client that it is about.
    pub user: *mut c_void,
}

/// Functions for janus_rs_dispatch(); each gets the queue's `user`.
#[repr(C)]
pub struct janus_rs_handlers {
    pub size: usize,
    /// JANUS_RS_EVENT_REPLY.
    pub reply: Option<unsafe extern "C" fn(user: *mut c_void, event: *const janus_rs_event)>,
    /// JANUS_RS_EVENT_JANUS.
    pub janus: Option<unsafe extern "C" fn(user: *mut c_void, event: *const janus_rs_event)>,
    /// What the others do not take, or have no function for.
    pub other: Option<unsafe extern "C" fn(user: *mut c_void, event: *const janus_rs_event)>,
    /// JANUS_RS_EVENT_STATE, CANDIDATE, PATH and CLOSED.
    pub state: Option<unsafe extern "C" fn(user: *mut c_void, event: *const janus_rs_event)>,
    /// JANUS_RS_EVENT_CHANNEL, CHANNEL_OPEN, LOW and CHANNEL_CLOSED.
    pub channel: Option<unsafe extern "C" fn(user: *mut c_void, event: *const janus_rs_event)>,
    /// JANUS_RS_EVENT_MESSAGE.
    pub message: Option<unsafe extern "C" fn(user: *mut c_void, event: *const janus_rs_event)>,
    /// JANUS_RS_EVENT_MEDIA, KEYFRAME, BITRATE and SLOW.
    pub media: Option<unsafe extern "C" fn(user: *mut c_void, event: *const janus_rs_event)>,
    /// JANUS_RS_EVENT_RTP and RTCP.
    pub rtp: Option<unsafe extern "C" fn(user: *mut c_void, event: *const janus_rs_event)>,
}

/// A client of the Janus API. A number that is never used again.
pub type janus_rs_client = u64;

/// What a client is opened with.
#[repr(C)]
pub struct janus_rs_client_options {
    pub size: usize,
    /// The transport that it counts as, in events and in handle_info. NULL: "janus.rs.embedded".
    pub name: *const c_char,
    /// Not 0: it may use the Admin API.
    pub admin: c_int,
    /// Not 0: API secret, tokens and admin secret are not asked for, because the program has checked who it is.
    pub trusted: c_int,
    /// In the events of this client.
    pub user: *mut c_void,
}

/// Flags of a request.
#[repr(C)]
pub enum janus_rs_request_flag {
    /// It goes to the Admin API.
    JANUS_RS_ADMIN = 1,
}

/// Kinds of modules.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum janus_rs_module {
    JANUS_RS_PLUGIN = 1,
    JANUS_RS_TRANSPORT = 2,
    JANUS_RS_EVENTHANDLER = 3,
    JANUS_RS_LOGGER = 4,
}

/// Figures of an instance.
#[repr(C)]
pub struct janus_rs_counters {
    pub size: usize,
    pub clients: u64,
    pub sessions: u64,
    pub handles: u64,
    /// PeerConnections whose ICE and DTLS are up.
    pub peers_connected: u64,
    /// RTP and RTCP packets.
    pub received_packets: u64,
    pub sent_packets: u64,
    /// Requests that have no reply yet.
    pub requests_waiting: u64,
    /// Events in all queues.
    pub events_waiting: u64,
    /// Events that were dropped, ever.
    pub events_lost: u64,
    /// Of janus_rs_peer_open(). Their sessions and handles are not in the figures above.
    pub peers: u64,
    pub channels: u64,
    /// Of janus_rs_link_set().
    pub links: u64,
    /// System calls that packets were sent with.
    pub send_calls: u64,
    /// Packets that the system, or a full buffer, did not take.
    pub dropped_packets: u64,
    /// Calls of modules or direct functions that blocked a media thread for 100 ms or more, ever, in this process.
    pub slow_calls: u64,
}

/// Forms of figures.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum janus_rs_figures {
    /// OpenMetrics text, application/openmetrics-text; version=1.0.0.
    JANUS_RS_OPENMETRICS = 0,
    /// The older form of Prometheus, text/plain; version=0.0.4.
    JANUS_RS_PROMETHEUS = 1,
}

/// A PeerConnection without a plugin. A number that is never used again.
pub type janus_rs_peer = u64;

/// A data channel of a peer. A number that is never used again.
pub type janus_rs_channel = u64;

/// States of a peer, as RTCPeerConnectionState names them. Only a JANUS_RS_EVENT_CLOSED is final: a peer that comes back, or an
/// ICE restart, leaves JANUS_RS_PEER_FAILED; without either it is closed within 15 s.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum janus_rs_peer_state {
    JANUS_RS_PEER_NEW = 0,
    JANUS_RS_PEER_CONNECTING = 1,
    JANUS_RS_PEER_CONNECTED = 2,
    /// Nothing has come of the peer for 5 s. Its path is kept, and it is connected again with the next thing that comes; with
    /// nat.ice_consent_freshness it fails after longer silence.
    JANUS_RS_PEER_DISCONNECTED = 3,
    JANUS_RS_PEER_FAILED = 4,
    JANUS_RS_PEER_CLOSED = 5,
}

/// What descriptions were exchanged.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum janus_rs_signaling {
    JANUS_RS_SIGNALING_STABLE = 0,
    JANUS_RS_SIGNALING_LOCAL_OFFER = 1,
    JANUS_RS_SIGNALING_REMOTE_OFFER = 2,
}

/// Flags of a peer.
#[repr(C)]
pub enum janus_rs_peer_flag {
    /// Candidates come as events; else they are in the description.
    JANUS_RS_TRICKLE = 1,
    /// Answers take offered audio and video that the program has not asked for, and receive it; else it is rejected.
    JANUS_RS_ACCEPT_MEDIA = 2,
    /// RTP and RTCP of the peer come as events, a copy each. Where there are many, direct functions cost less, and links
    /// nothing.
    JANUS_RS_RTP_EVENTS = 4,
}

/// An RTP packet of a peer, for a direct function.
#[repr(C)]
pub struct janus_rs_rtp {
    pub size: usize,
    pub peer: janus_rs_peer,
    /// Index of the m-line.
    pub mindex: i32,
    /// Not 0: video.
    pub video: i32,
    /// May be written to during the call: nobody looks again.
    pub packet: *mut u8,
    pub length: usize,
    /// CLOCK_MONOTONIC, microseconds: when the media thread took it from the system.
    pub received: i64,
    /// Stays the same for a medium, or a layer of it, whatever the peer does.
    pub ssrc: u32,
    /// dBov, 0 to -127 (RFC 6464); 1: not told.
    pub audio_level: i16,
    /// 1 speech, 0 none; -1: not told.
    pub voice: i8,
    /// Of simulcast, lowest 0; -1: none.
    pub layer: i8,
    /// Degrees, clockwise; -1: not told.
    pub rotation: i16,
}

/// What a peer is opened with.
#[repr(C)]
pub struct janus_rs_peer_options {
    pub size: usize,
    /// JANUS_RS_TRICKLE and others.
    pub flags: u32,
    /// 1 …: on that media thread; 0: on the one with least to do.
    pub worker: u32,
    /// Shown by the Admin API and in events, as the handle's opaque id; or NULL.
    pub name: *const c_char,
    /// In the events of this peer, and of channels that have none of their own; handed to the direct functions.
    pub user: *mut c_void,
    /// Direct, on the media thread that the peer lives on, one call at a time: what the peer sends. They must not wait:
    /// everything on that thread stands still meanwhile (after 100 ms the log says so). [any] functions may be called; none
    /// of them is begun after JANUS_RS_EVENT_CLOSED.
    pub rtp: Option<unsafe extern "C" fn(user: *mut c_void, packet: *mut janus_rs_rtp)>,
    pub rtcp: Option<
        unsafe extern "C" fn(
            user: *mut c_void,
            peer: janus_rs_peer,
            mindex: i32,
            packet: *const u8,
            length: usize,
        ),
    >,
}

/// Kinds of media.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum janus_rs_kind {
    JANUS_RS_AUDIO = 1,
    JANUS_RS_VIDEO = 2,
}

/// Directions of media, from our viewpoint.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum janus_rs_direction {
    JANUS_RS_SENDRECV = 0,
    JANUS_RS_SENDONLY = 1,
    JANUS_RS_RECVONLY = 2,
    JANUS_RS_INACTIVE = 3,
}

/// Audio or video that a peer shall have.
#[repr(C)]
pub struct janus_rs_media {
    pub size: usize,
    /// JANUS_RS_AUDIO or JANUS_RS_VIDEO.
    pub kind: i32,
    /// JANUS_RS_SENDRECV and so on.
    pub direction: i32,
    /// In order of preference, such as "opus" or "h264;profile-level-id=42e01f,vp8". An answer takes the first one that is
    /// offered. NULL: opus, vp8.
    pub codecs: *const c_char,
    /// NULL: the index. In an answer: which of the offered ones is meant; NULL: the first that is free.
    pub mid: *const c_char,
    /// Stream and track of what we send, such as "stream track"; NULL: the library's.
    pub msid: *const c_char,
    /// URIs of header extensions, with commas; NULL: the usual ones, "": none.
    pub extensions: *const c_char,
}

/// What is known of an m-line.
#[repr(C)]
pub struct janus_rs_media_info {
    pub size: usize,
    /// JANUS_RS_AUDIO or JANUS_RS_VIDEO; 0: data and others.
    pub kind: i32,
    /// As negotiated, of what is rejected JANUS_RS_INACTIVE.
    pub direction: i32,
    pub mid: [c_char; 32],
    /// The codec of ours that comes first, such as "vp8", and its payload type; empty and -1 if there is none.
    pub codec: [c_char; 16],
    pub payload_type: i32,
    /// Under which we send.
    pub ssrc: u32,
    /// Layers of simulcast that the peer sends; else 1.
    pub layers: i32,
    /// Not 0: a link sends to it.
    pub linked: i32,
}

/// What one peer sends, forwarded to another by the library.
#[repr(C)]
pub struct janus_rs_link {
    pub size: usize,
    /// Whose medium it is, and who gets it.
    pub from: janus_rs_peer,
    pub to: janus_rs_peer,
    pub from_mindex: i32,
    pub to_mindex: i32,
    /// Simulcast and scalable video: at most so many of the layers that come, lowest first; 0: all that the receiver's path
    /// takes.
    pub layers: i32,
    pub temporal_layers: i32,
    /// Not 0: nothing is sent until it is set again.
    pub paused: i32,
}

/// Flags of a description.
#[repr(C)]
pub enum janus_rs_describe_flag {
    /// New ICE credentials: the paths are looked for anew.
    JANUS_RS_RESTART_ICE = 1,
}

/// What is known of a peer. Traffic is that of the last statistics (events.stats_period, 1 s), the rest that of now.
#[repr(C)]
pub struct janus_rs_peer_info {
    pub size: usize,
    /// JANUS_RS_PEER_…
    pub state: i32,
    /// JANUS_RS_SIGNALING_…
    pub signaling: i32,
    /// 0 new, 1 checking, 2 connected, 3 ready, 4 disconnected, 5 failed.
    pub ice: i32,
    /// 0 new, 1 handshake, 2 connected, 3 failed.
    pub dtls: i32,
    /// 0 none, 1 connecting, 2 connected, 3 closed.
    pub sctp: i32,
    pub ice_controlling: i32,
    pub dtls_client: i32,
    /// As in janus_rs_peer_options; 0: not placed yet.
    pub worker: u32,
    /// Of the selected pair, such as "192.0.2.1:5004" or "[2001:db8::1]:5004"; empty without one.
    pub local: [c_char; 64],
    pub remote: [c_char; 64],
    /// "host", "srflx", "prflx" or "relay".
    pub local_type: [c_char; 8],
    pub remote_type: [c_char; 8],
    /// Such as "SRTP_AEAD_AES_128_GCM"; empty before statistics know it.
    pub srtp: [c_char; 32],
    /// Of the peer's certificate, such as "sha-256 AB:CD:…"; empty before statistics know it.
    pub remote_fingerprint: [c_char; 256],
    /// CLOCK_MONOTONIC, microseconds; 0: never.
    pub connected_at: i64,
    pub received_packets: u64,
    pub received_bytes: u64,
    pub sent_packets: u64,
    pub sent_bytes: u64,
    /// Bytes of the largest message that the peer takes.
    pub remote_max_message: i64,
    pub channels: u32,
    /// When something authentic of the peer came last, of whatever kind: CLOCK_MONOTONIC, microseconds; 0: never.
    pub last_received: i64,
    /// Microseconds, of the last check of the path, or of the peer's RTCP; -1: not known.
    pub round_trip: i64,
    /// RTP packets that did not arrive here; there, as the peer says.
    pub lost_in: u64,
    pub lost_out: u64,
}

/// How hard a channel tries.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum janus_rs_reliability {
    JANUS_RS_RELIABLE = 0,
    /// At most `limit` retransmissions of a message.
    JANUS_RS_MAX_RETRANSMITS = 1,
    /// A message is tried for `limit` milliseconds.
    JANUS_RS_MAX_LIFETIME = 2,
}

/// What a channel is opened with.
#[repr(C)]
pub struct janus_rs_channel_options {
    pub size: usize,
    /// Subprotocol; NULL: none.
    pub protocol: *const c_char,
    /// Not 0: messages may overtake each other.
    pub unordered: i32,
    /// JANUS_RS_RELIABLE …
    pub reliability: i32,
    pub limit: i32,
    /// Not 0: the peer is told nothing, and opens the same `id` by itself.
    pub negotiated: i32,
    /// 0 to 298, with `negotiated`.
    pub id: i32,
    /// JANUS_RS_EVENT_LOW when no more than so many bytes wait; less than 16 MiB.
    pub low: usize,
    /// In the events of this channel; NULL: the peer's.
    pub user: *mut c_void,
}

/// What a channel is like, whoever made it.
#[repr(C)]
pub struct janus_rs_channel_info {
    pub size: usize,
    pub peer: janus_rs_peer,
    /// 0 connecting, 1 open, 2 closing.
    pub state: i32,
    pub unordered: i32,
    /// JANUS_RS_RELIABLE …
    pub reliability: i32,
    pub limit: i32,
    pub negotiated: i32,
    /// Not 0: the peer has made it.
    pub remote: i32,
    /// Bytes and messages that the peer has not acknowledged.
    pub buffered: u64,
    pub messages: u64,
}

/// Kinds of messages.
#[repr(C)]
pub enum janus_rs_message {
    JANUS_RS_TEXT = 0,
    JANUS_RS_BINARY = 1,
}
