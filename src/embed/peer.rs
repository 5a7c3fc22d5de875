//! Peers: PeerConnections of the program, without a module. Each is a handle of a built-in plugin in a session of its own, so
//! that everything that is there for handles (Admin API, captures, events, bounds) is there for peers.
#![forbid(unsafe_code)]

use super::description::{self, Pasted, unusable};
use super::direct::Direct;
use super::error::{Error, Result};
use super::queue::{Body, Event, Queue, User};
use super::types::janus_rs_code::*;
use super::types::janus_rs_event_type::{self as Type, *};
use super::types::janus_rs_peer_state::{self as Connection, *};
use super::types::janus_rs_signaling::{self as Signaling, *};
use crate::core::errors::{ApiError, Code};
use crate::core::flags;
use crate::core::handle::Handle;
use crate::core::jsep::{MediumKind, RidOrder, SdpType};
use crate::core::negotiate::{ClientJsep, DEFAULT_LARGEST_MESSAGE, PluginJsep};
use crate::core::trickle::Trickle;
use crate::json::Json;
use crate::links::lines::{self, Line, Wanted};
use crate::links::media::Media;
use crate::links::outlet::Fact;
use crate::media::channel::{ChannelCommand, LARGEST_MESSAGE};
use crate::media::ice::candidate;
use crate::media::{DtlsState, HangupReason, IceState, Mindex, PairEnd, PeerEvent, PeerSnapshot};
use crate::modules::host::HandleHost;
use crate::sdp::{Direction, Sdp};
use crate::util::lock::Lock;
use crate::util::time;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock, Weak};

/// Of one peer: as many as are taken of a description.
const MOST_LINES: usize = 1024;
/// What a peer is told that may send as much as it likes, bit/s.
const UNLIMITED: u32 = 1_000_000_000;
/// How often a limit is told, µs.
const LIMIT_AGAIN: i64 = 5_000_000;

/// What a peer is opened with.
pub struct PeerOptions {
    pub trickles: bool,
    /// Offered media that nobody has asked for are taken.
    pub accepts_media: bool,
    /// RTP and RTCP come by the queue.
    pub rtp_events: bool,
    pub direct: Option<Direct>,
    /// Counted from 0.
    pub worker: Option<usize>,
    pub name: Option<String>,
    pub user: User,
}

pub struct Peer {
    pub number: u64,
    pub user: User,
    pub queue: Arc<Queue>,
    pub trickles: bool,
    accepts_media: bool,
    pub rtp_events: bool,
    pub direct: Option<Direct>,
    pub media: Media,
    handle: OnceLock<Weak<Handle>>,
    /// A description is being made or taken.
    busy: AtomicBool,
    /// Bit/s that the peer may send; 0: any. And when it was told so, monotonic µs.
    limit: AtomicU32,
    limited_at: AtomicI64,
    /// Bit/s that the peer can take, as the program was told last.
    told_bitrate: AtomicU32,
    state: Lock<State>,
}

struct State {
    signaling: Signaling,
    connection: Connection,
    ice: IceState,
    dtls: DtlsState,
    sctp: Association,
    /// Nothing has come of the peer for a while.
    away: bool,
    /// Monotonic µs.
    connected_at: i64,
    /// Of channels, before there is a PeerConnection.
    early: Option<Vec<ChannelCommand>>,
    /// What the program wants, by m-line.
    lines: Vec<Line>,
    /// The peer's offer that waits for an answer, as plugins see it.
    offered: Option<Sdp>,
    /// Versions of our descriptions so far.
    version: u64,
    pair: Option<(PairEnd, PairEnd)>,
    snapshot: Option<Arc<PeerSnapshot>>,
    reason: Option<HangupReason>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Association {
    None,
    Connecting,
    Connected,
    Closed,
}

impl State {
    /// RTCPeerConnection's connectionState (W3C webrtc-pc §4.3.3).
    fn connection(&self) -> Connection {
        use IceState::*;
        match (self.ice, self.dtls) {
            (Failed, _) | (_, DtlsState::Failed) => JANUS_RS_PEER_FAILED,
            (Connected | Ready, DtlsState::Connected) if self.away => JANUS_RS_PEER_DISCONNECTED,
            (Connected | Ready, DtlsState::Connected) => JANUS_RS_PEER_CONNECTED,
            (Connecting | Connected | Ready, _) => JANUS_RS_PEER_CONNECTING,
            (Disconnected | Gathering, _) => JANUS_RS_PEER_NEW,
        }
    }
}

/// One description at a time: what the next one means depends on it.
struct Busy<'a>(&'a AtomicBool);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Peer {
    /// Nothing is to be seen of it yet.
    pub fn new(number: u64, queue: Arc<Queue>, options: PeerOptions) -> Peer {
        Peer {
            number,
            user: options.user,
            queue,
            trickles: options.trickles,
            accepts_media: options.accepts_media,
            rtp_events: options.rtp_events,
            direct: options.direct,
            media: Media::default(),
            handle: OnceLock::new(),
            busy: false.into(),
            limit: 0.into(),
            limited_at: 0.into(),
            told_bitrate: 0.into(),
            state: Lock::new(State {
                signaling: JANUS_RS_SIGNALING_STABLE,
                connection: JANUS_RS_PEER_NEW,
                ice: IceState::Disconnected,
                dtls: DtlsState::Created,
                sctp: Association::None,
                away: false,
                connected_at: 0,
                early: Some(Vec::new()),
                lines: Vec::new(),
                offered: None,
                version: 0,
                pair: None,
                snapshot: None,
                reason: None,
            }),
        }
    }

    pub fn event(&self, kind: Type) -> Event {
        Event { peer: self.number, user: self.user, ..Event::new(kind) }
    }

    /// Set once, before anybody knows it.
    pub fn belongs_to(&self, handle: &Arc<Handle>) {
        let _ = self.handle.set(Arc::downgrade(handle));
        let host: Arc<dyn HandleHost> = handle.clone();
        self.media.outlet.belongs_to(Arc::downgrade(&host));
    }

    pub fn handle(&self) -> Option<Arc<Handle>> {
        self.handle.get().and_then(Weak::upgrade)
    }

    /// Its handle, while something can be changed.
    pub fn live(&self) -> Result<Arc<Handle>> {
        let handle = self.handle().ok_or_else(|| self.closing())?;
        let ending = handle.is_detached()
            || handle.flags.any(flags::STOP | flags::CLEANING)
            || self.state.lock().reason.is_some();
        if ending { Err(self.closing()) } else { Ok(handle) }
    }

    pub fn closing(&self) -> Error {
        Error::state(format!("peer {} is being closed", self.number))
    }

    fn alone(&self) -> Result<Busy<'_>> {
        if self.busy.swap(true, Ordering::Acquire) {
            return Err(Error::new(JANUS_RS_EBUSY, "another thread is at a description of this peer"));
        }
        Ok(Busy(&self.busy))
    }

    /// Says goodbye; the rest comes as events.
    pub fn close(&self) -> Result<()> {
        let handle = self.live()?;
        end(&handle);
        Ok(())
    }

    /// Our offer, or our answer to the peer's.
    pub fn describe(&self, restart: bool) -> Result<String> {
        let _alone = self.alone()?;
        let handle = self.live()?;
        let facts = handle.signalling_facts();
        let (kind, text) = {
            let mut state = self.state.lock();
            let version = state.version + 1;
            let described = match &state.offered {
                Some(offered) => {
                    let text = lines::answer(self.number, version, offered, &state.lines);
                    let nothing = "nothing of the offer is taken: add media first, or open the peer with JANUS_RS_ACCEPT_MEDIA";
                    (SdpType::Answer, text.ok_or_else(|| Error::state(nothing))?)
                }
                None if state.lines.is_empty() => {
                    return Err(Error::state("there is nothing to offer: open a channel or add media first"));
                }
                None => {
                    let mids: Vec<_> = facts.media.iter().map(|medium| medium.mid.clone()).collect();
                    let remote = facts.remote_sdp.as_deref();
                    (SdpType::Offer, lines::offer(self.number, version, &state.lines, &mids, remote))
                }
            };
            state.version = version;
            described
        };
        let json = Json::object().with("type", name(kind)).with("sdp", text).with("restart", restart);
        let jsep = PluginJsep::read(&json).ok_or_else(|| unusable("no description"))?;
        let outcome = handle.negotiate_from_plugin(&jsep).map_err(failed)?;
        let sdp = outcome.jsep.get("sdp").and_then(|sdp| sdp.as_str().map(str::to_owned));
        let mut state = self.state.lock();
        state.signaling = match kind {
            SdpType::Offer => JANUS_RS_SIGNALING_LOCAL_OFFER,
            SdpType::Answer => JANUS_RS_SIGNALING_STABLE,
        };
        state.offered = None;
        flush(&mut state, &handle);
        drop(state);
        self.media.update(handle.signalling_facts().media.iter().map(Fact::of).collect());
        if outcome.resend_candidates {
            for candidate in handle.local_candidates() {
                self.tell_candidate(Some(&candidate));
            }
            self.tell_candidate(None);
        }
        Ok(sdp.unwrap_or_default())
    }

    /// The peer's description, as it was pasted.
    pub fn accept(&self, pasted: &str) -> Result<()> {
        let pasted = description::read(pasted)?;
        let _alone = self.alone()?;
        let handle = self.live()?;
        let signaling = self.state.lock().signaling;
        let offered = signaling == JANUS_RS_SIGNALING_LOCAL_OFFER;
        let Pasted::Sdp { kind, text } = pasted else {
            return self.roll_back(&handle);
        };
        let looked_at = description::check(kind.unwrap_or(SdpType::Offer), &text)?;
        let kind =
            kind.unwrap_or(if description::is_answer(&looked_at) { SdpType::Answer } else { SdpType::Offer });
        match kind {
            SdpType::Answer if !offered => {
                return Err(Error::state("this is an answer, and no offer of ours is open"));
            }
            SdpType::Offer if !description::has_anything(&looked_at) => {
                let why = "the offer has neither audio, video nor data channels";
                return Err(Error::new(JANUS_RS_ENOSUP, why));
            }
            SdpType::Offer if offered => self.roll_back(&handle)?,
            _ => {}
        }
        if handle.shares_socket(&looked_at) {
            let why = "the other side is a peer on the same media thread: each of the two needs one of its own (`worker`)";
            return Err(Error::new(JANUS_RS_ENOSUP, why));
        }
        let jsep = ClientJsep {
            kind,
            type_text: name(kind).to_owned(),
            // What comes later is taken all the same; this only says how soon it is hopeless.
            trickle: !text.contains("a=end-of-candidates"),
            sdp: text,
            rid_order: RidOrder::Hml,
            force_relay: false,
            e2ee: false,
            svc: None,
        };
        let known = handle.signalling_facts().media.len();
        let told = handle.negotiate_from_client(&jsep).map_err(failed)?;
        let told = told.get("sdp").and_then(|sdp| Sdp::parse(sdp.as_str()?).ok());
        let mut state = self.state.lock();
        match kind {
            SdpType::Offer => {
                state.signaling = JANUS_RS_SIGNALING_REMOTE_OFFER;
                state.lines = lines::follow(&state.lines, known, &looked_at.sdp, self.accepts_media);
                state.offered = told;
            }
            SdpType::Answer => state.signaling = JANUS_RS_SIGNALING_STABLE,
        }
        flush(&mut state, &handle);
        drop(state);
        self.media.update(handle.signalling_facts().media.iter().map(Fact::of).collect());
        Ok(())
    }

    /// Audio or video in the next offer, or in the answer that is due; its m-line.
    pub fn add_media(&self, wanted: Wanted) -> Result<Mindex> {
        self.live()?;
        let mut state = self.state.lock();
        let kind = if wanted.video { MediumKind::Video } else { MediumKind::Audio };
        let State { lines, offered, .. } = &mut *state;
        let Some(offered) = offered else {
            if lines.len() >= MOST_LINES {
                return Err(Error::new(JANUS_RS_EAGAIN, format!("a peer has at most {MOST_LINES} m-lines")));
            }
            lines.push(Line::Medium(wanted));
            return Ok(lines.len() as Mindex - 1);
        };
        let is_free = |line: &Line| match line {
            Line::Medium(present) => present.automatic,
            Line::Foreign(_) => true,
            Line::Data => false,
        };
        let meant = |mid: Option<&str>| wanted.mid.as_deref().is_none_or(|wanted| mid == Some(wanted));
        let place = offered.mlines.iter().zip(lines.iter()).position(|(mline, line)| {
            lines::kind_of(mline) == kind && mline.port > 0 && is_free(line) && meant(mline.value("mid"))
        });
        let place =
            place.ok_or_else(|| Error::new(JANUS_RS_ENOENT, "the offer has no such medium that is free"))?;
        lines[place] = Line::Medium(wanted);
        Ok(place as Mindex)
    }

    /// For the next description.
    pub fn set_direction(&self, mindex: Mindex, direction: Direction) -> Result<()> {
        self.live()?;
        let mut state = self.state.lock();
        match usize::try_from(mindex).ok().and_then(|index| state.lines.get_mut(index)) {
            Some(Line::Medium(wanted)) => {
                wanted.direction = direction;
                Ok(())
            }
            _ => Err(Error::new(JANUS_RS_ENOENT, format!("there is no audio or video at m-line {mindex}"))),
        }
    }

    /// Codecs of an m-line by preference, as descriptions name them.
    pub fn preferred(&self, mindex: Mindex) -> Vec<String> {
        let state = self.state.lock();
        match usize::try_from(mindex).ok().and_then(|index| state.lines.get(index)) {
            Some(Line::Medium(wanted)) => {
                let name = |rtpmap: &str| rtpmap.split('/').next().unwrap_or_default().to_ascii_lowercase();
                wanted.formats.iter().map(|format| name(format.codec.rtpmap)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether a packet that the program sends now has a way to go.
    pub fn is_up(&self) -> Result<()> {
        match self.handle.get().and_then(Weak::upgrade) {
            Some(handle) if handle.flags.any(flags::READY) && !handle.flags.any(flags::ALERT) => Ok(()),
            _ => Err(Error::state("the peer is not connected")),
        }
    }

    /// What the peer may send, bit/s, over all its video; 0: as much as it likes.
    pub fn limit_bitrate(&self, bits: u32) -> Result<()> {
        self.live()?;
        self.limit.store(bits, Ordering::Relaxed);
        self.tell_limit(bits);
        Ok(())
    }

    fn tell_limit(&self, bits: u32) {
        self.limited_at.store(time::monotonic(), Ordering::Relaxed);
        if let Some(handle) = self.handle() {
            handle.send_remb(if bits == 0 { UNLIMITED } else { bits });
        }
    }

    fn roll_back(&self, handle: &Handle) -> Result<()> {
        handle.roll_back().map_err(failed)?;
        self.state.lock().signaling = JANUS_RS_SIGNALING_STABLE;
        self.media.update(handle.signalling_facts().media.iter().map(Fact::of).collect());
        Ok(())
    }

    /// A candidate of the peer, or the end of them.
    pub fn candidate(&self, mid: Option<&str>, text: Option<&str>) -> Result<()> {
        let handle = self.live()?;
        let text = text.unwrap_or_default().trim();
        let json = if text.starts_with('{') {
            let json = Json::parse(text.as_bytes(), 0).map_err(|why| {
                unusable(format!("the candidate looks like JSON and is none: {}", why.text))
            })?;
            // RTCIceCandidate at the end of candidates.
            if json.get("candidate").is_none_or(|c| c.as_str().is_none_or(str::is_empty)) {
                None
            } else {
                Some(json)
            }
        } else {
            let text = text.strip_prefix("a=").unwrap_or(text);
            (!text.is_empty() && text != "end-of-candidates").then(|| {
                let json = Json::object().with("candidate", text);
                match mid {
                    Some(mid) => json.with("sdpMid", mid),
                    None => json.with("sdpMLineIndex", 0),
                }
            })
        };
        let Some(json) = json else {
            return handle.trickle(&Trickle::One(Json::object().with("completed", true))).map_err(failed);
        };
        let written = json.get("candidate").and_then(|c| c.as_str().map(str::to_owned)).unwrap_or_default();
        candidate::parse(&written, true).map_err(|_| unusable(format!("no candidate: {written}")))?;
        handle.trickle(&Trickle::One(json)).map_err(failed)
    }

    /// In order with others, also before there is a PeerConnection.
    pub fn channel_command(&self, command: ChannelCommand) {
        let mut state = self.state.lock();
        match &mut state.early {
            Some(early) => early.push(command),
            None => {
                if let Some(handle) = self.handle() {
                    handle.channel(command);
                }
            }
        }
    }

    /// The next description has a line for data.
    pub fn wants_data(&self) {
        let mut state = self.state.lock();
        if !state.lines.contains(&Line::Data) {
            state.lines.push(Line::Data);
        }
    }

    /// Bytes of a message that the peer takes, as far as is known.
    pub fn largest_message(&self) -> usize {
        let named = self.handle().and_then(|handle| handle.largest_message());
        match named.unwrap_or(DEFAULT_LARGEST_MESSAGE) {
            0 => LARGEST_MESSAGE,
            most => usize::try_from(most).unwrap_or(LARGEST_MESSAGE).min(LARGEST_MESSAGE),
        }
    }

    pub fn tell_candidate(&self, candidate: Option<&str>) {
        let text = candidate.map(|text| format!("candidate:{text}")).unwrap_or_default();
        self.queue.push(Event { body: Body::Text(text.into()), ..self.event(JANUS_RS_EVENT_CANDIDATE) });
    }

    /// What happens, on the media thread.
    pub fn note(&self, event: &PeerEvent) {
        match event {
            PeerEvent::Ice(state) => self.change(|peer| peer.ice = *state),
            // Told when packets have a way to go, by `note_connected`: the program may send at once.
            PeerEvent::Dtls { state: DtlsState::Connected, .. } => {}
            PeerEvent::Dtls { state, .. } => self.change(|peer| peer.dtls = *state),
            PeerEvent::Away(away) => self.change(|peer| peer.away = *away),
            PeerEvent::LocalCandidate(local) if self.trickles => {
                self.tell_candidate(Some(&candidate::format(local)));
            }
            PeerEvent::LocalCandidatesDone if self.trickles => self.tell_candidate(None),
            PeerEvent::SelectedPair { local, remote } => {
                self.state.lock().pair = Some((local.clone(), remote.clone()));
                let text = format!("{local} <-> {remote}");
                // The path may change as often as the peer likes.
                self.queue.offer(Event { body: Body::Text(text.into()), ..self.event(JANUS_RS_EVENT_PATH) });
            }
            PeerEvent::Receiving { mid, substream, receiving, .. } => {
                let mindex = self.media.outlet.mindex_of(mid).unwrap_or(-1);
                let (code, number) = (i32::from(*receiving), substream.map_or(-1, i64::from));
                self.queue.offer(Event { mindex, code, number, ..self.event(JANUS_RS_EVENT_MEDIA) });
            }
            PeerEvent::SlowLink { mindex, uplink, lost, .. } => {
                let code = i32::try_from(*lost).unwrap_or(i32::MAX);
                let event = self.event(JANUS_RS_EVENT_SLOW);
                self.queue.offer(Event { mindex: *mindex, code, flags: u32::from(*uplink), ..event });
            }
            PeerEvent::Statistics(snapshot) => {
                self.state.lock().snapshot = Some(snapshot.clone());
                self.remind();
            }
            _ => {}
        }
    }

    /// A limit may have been lost on its way, and a key frame still be wanted.
    pub fn remind(&self) {
        let now = time::monotonic();
        self.media.remind(now);
        let bits = self.limit.load(Ordering::Relaxed);
        let since = now - self.limited_at.load(Ordering::Relaxed);
        if bits > 0 && since >= LIMIT_AGAIN {
            self.tell_limit(bits);
        }
    }

    /// The peer says what it can take, bit/s.
    pub fn note_bitrate(&self, bits: u32) {
        self.media.outlet.note_estimate(time::recent(), bits);
        let told = self.told_bitrate.load(Ordering::Relaxed);
        if told.abs_diff(bits) > told / 20 {
            self.told_bitrate.store(bits, Ordering::Relaxed);
            self.queue.offer(Event { number: bits.into(), ..self.event(JANUS_RS_EVENT_BITRATE) });
        }
    }

    /// The peer wants a key frame.
    pub fn note_keyframe(&self, mindex: Mindex) {
        if !self.media.wants_keyframe(mindex) {
            self.queue.offer(Event { mindex, ..self.event(JANUS_RS_EVENT_KEYFRAME) });
        }
    }

    /// DTLS is through, also where it is switched off.
    pub fn note_connected(&self) {
        self.change(|peer| {
            peer.dtls = DtlsState::Connected;
            peer.connected_at = time::monotonic();
            if peer.sctp == Association::None {
                peer.sctp = Association::Connecting;
            }
        });
    }

    pub fn note_association(&self, association: Association) {
        self.state.lock().sctp = association;
    }

    /// The PeerConnection is gone; the peer goes with it.
    pub fn note_end(&self, reason: HangupReason) {
        self.state.lock().reason = Some(reason);
        self.end_session();
    }

    /// Soon, on another thread.
    pub fn end_session(&self) {
        let Some(handle) = self.handle().filter(|handle| !handle.session.is_destroyed()) else { return };
        let core = handle.core().clone();
        core.pool.run(move || end(&handle));
    }

    pub fn reason(&self) -> &'static str {
        match self.state.lock().reason {
            None | Some(HangupReason::Detach) => "closed",
            Some(reason) => reason.text(),
        }
    }

    fn change(&self, act: impl FnOnce(&mut State)) {
        let now = {
            let mut state = self.state.lock();
            act(&mut state);
            let now = state.connection();
            if now == state.connection {
                return;
            }
            state.connection = now;
            now
        };
        self.queue.push(Event {
            code: now as i32,
            body: Body::Text(state_name(now).into()),
            ..self.event(JANUS_RS_EVENT_STATE)
        });
    }

    /// For janus_rs_peer_get.
    pub fn look<T>(&self, with: impl FnOnce(&Look<'_>) -> T) -> T {
        let state = self.state.lock();
        with(&Look {
            connection: state.connection,
            signaling: state.signaling,
            ice: state.ice,
            dtls: state.dtls,
            sctp: state.sctp,
            away: state.away,
            connected_at: state.connected_at,
            pair: state.pair.as_ref(),
            snapshot: state.snapshot.as_deref(),
        })
    }
}

/// What is known of a peer.
pub struct Look<'a> {
    pub connection: Connection,
    pub signaling: Signaling,
    pub ice: IceState,
    pub dtls: DtlsState,
    pub sctp: Association,
    pub away: bool,
    pub connected_at: i64,
    pub pair: Option<&'a (PairEnd, PairEnd)>,
    pub snapshot: Option<&'a PeerSnapshot>,
}

/// There is a PeerConnection, which takes what was meant for it.
fn flush(state: &mut State, handle: &Handle) {
    if handle.has_connection() {
        for command in state.early.take().unwrap_or_default() {
            handle.channel(command);
        }
    }
}

/// Ends the session, and with it the handle.
fn end(handle: &Handle) {
    let core = handle.core();
    if core.destroy_session(&handle.session) {
        core.announce_destroyed(&handle.session);
    }
}

fn name(kind: SdpType) -> &'static str {
    match kind {
        SdpType::Offer => "offer",
        SdpType::Answer => "answer",
    }
}

fn state_name(state: Connection) -> &'static str {
    match state {
        JANUS_RS_PEER_NEW => "new",
        JANUS_RS_PEER_CONNECTING => "connecting",
        JANUS_RS_PEER_CONNECTED => "connected",
        JANUS_RS_PEER_DISCONNECTED => "disconnected",
        JANUS_RS_PEER_FAILED => "failed",
        JANUS_RS_PEER_CLOSED => "closed",
    }
}

fn failed(error: ApiError) -> Error {
    let text = error.cause.clone().unwrap_or_else(|| error.reason().to_owned());
    let code = match error.code {
        _ if error.is_full => JANUS_RS_EAGAIN,
        Code::JsepInvalidSdp | Code::JsepUnknownType => JANUS_RS_ESDP,
        Code::UnexpectedAnswer if error.cause.is_some() => JANUS_RS_ESDP,
        _ => JANUS_RS_ESTATE,
    };
    Error::new(code, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_full_may_be_tried_again_whatever_it_says() {
        let code = |error| failed(error).code();
        assert_eq!(code(ApiError::full(Code::Unknown, "enough")), JANUS_RS_EAGAIN);
        assert_eq!(code(ApiError::new(Code::Unknown, "Too many words")), JANUS_RS_ESTATE);
    }
}
