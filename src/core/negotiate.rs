//! Offers and answers of one handle, from the client (control-plane.md §5.3) and from the plugin (§5.5): the rules
//! of [`super::jsep`] applied to a real PeerConnection.
//!
//! One description at a time: `Handle::negotiating` is held meanwhile, except while waiting for the end of a previous
//! PeerConnection. No module is called under it.

use super::errors::{ApiError, Code};
use super::flags;
use super::handle::Handle;
use super::jsep::{self, Description, LocalTransport, Negotiation, RemoteChange, RidOrder, SdpType, Setup};
use super::notifier::{Kind, subtype};
use super::signalling::Signalling;
use crate::json::Json;
use crate::media::channel::{DataTerms, LARGEST_MESSAGE};
use crate::media::ice::candidate;
use crate::media::{Command, DtlsRole, IceRole, Peer};
use crate::modules::host::Form;
use crate::sdp::Sdp;
use std::time::Duration;

const CLEANING_LIMIT: Duration = Duration::from_secs(3);
/// Bytes of a data message that plugins can be given: the length in their ABI has 16 bits.
const LARGEST_FOR_PLUGINS: usize = u16::MAX as usize;
/// RFC 8841 §6.1: the largest message of a peer that does not say.
pub const DEFAULT_LARGEST_MESSAGE: u64 = 64 << 10;

/// The client's `jsep`, validated (§5.1).
pub struct ClientJsep {
    pub kind: SdpType,
    /// As the client wrote it (CP-159).
    pub type_text: String,
    pub sdp: String,
    pub trickle: bool,
    pub rid_order: RidOrder,
    pub force_relay: bool,
    pub e2ee: bool,
    pub svc: Option<Json>,
}

/// The plugin's `jsep`.
pub struct PluginJsep {
    type_text: String,
    sdp: String,
    restart: bool,
    e2ee: bool,
}

impl PluginJsep {
    /// Only with both texts it is one (CP-209).
    pub fn read(json: &Json) -> Option<PluginJsep> {
        let flag = |name: &str| json.get(name).and_then(|v| v.as_bool()).unwrap_or(false);
        Some(PluginJsep {
            type_text: json.get("type")?.as_str()?.to_owned(),
            sdp: json.get("sdp")?.as_str()?.to_owned(),
            restart: flag("restart"),
            e2ee: flag("e2ee"),
        })
    }
}

/// What [`Handle::negotiate_from_plugin`] leads to.
pub struct LocalOutcome {
    /// For the client.
    pub jsep: Json,
    /// Trickle all local candidates again after the event was sent.
    pub resend_candidates: bool,
}

fn sdp_error(reason: impl Into<String>) -> ApiError {
    ApiError::new(Code::JsepInvalidSdp, reason)
}

fn no_connection() -> ApiError {
    ApiError::new(Code::WrongWebrtcState, "Invalid PeerConnection")
}

fn unexpected_answer() -> ApiError {
    ApiError::new(Code::UnexpectedAnswer, "Unexpected ANSWER (did we offer?)")
}

impl Handle {
    /// Takes over a description of the client; returns the `jsep` for the plugin.
    pub fn negotiate_from_client(&self, jsep: &ClientJsep) -> Result<Json, ApiError> {
        self.wait_until_clean()?;
        let _one_at_a_time = self.negotiating.lock();
        self.may_change()?;
        if jsep.kind == SdpType::Answer {
            self.may_be_answered().inspect_err(|error| self.tell_refusal(error))?;
        }
        let renegotiation = self.is_negotiated();
        self.note_description(jsep.kind);
        if jsep.kind == SdpType::Offer {
            self.flags.set(flags::PROCESSING_OFFER);
        }
        let result = self.take_from_client(jsep, renegotiation);
        self.flags.clear(flags::PROCESSING_OFFER);
        result
    }

    /// Plugins rely on it that there was an offer of theirs: the video room of 1.1.2 ends the process at an answer of who publishes.
    fn may_be_answered(&self) -> Result<(), ApiError> {
        let is_open = self.link.load().is_none() || self.signalling.lock().has_offered;
        is_open.then_some(()).ok_or_else(unexpected_answer)
    }

    /// Nothing that a client or a plugin asks for is queued to a media worker that does not come to look at it: a callback
    /// may block it.
    pub(super) fn may_change(&self) -> Result<(), ApiError> {
        let Some(peer) = &*self.link.load() else { return Ok(()) };
        let (bound, (number, bytes)) = (self.core.settings.bounds.changes, peer.changes_waiting());
        if number < bound.number && bytes < bound.bytes {
            return Ok(());
        }
        if let Some(count) = self.core.queues.changes.one_more() {
            tracing::warn!(
                handle = self.id,
                "{count} descriptions or candidates refused: the media worker has {number} changes waiting"
            );
        }
        Err(ApiError::full(Code::Unknown, "Too many changes of the PeerConnection are waiting"))
    }

    /// Whether a description changes a PeerConnection that there is. The flag alone may be from an answer that the plugin
    /// gave too late, when its PeerConnection was gone.
    fn is_negotiated(&self) -> bool {
        self.flags.any(flags::NEGOTIATED) && self.link.load().is_some()
    }

    /// One line for a description that the client has to do without.
    pub fn tell_refusal(&self, error: &ApiError) {
        let reason = error.reason.as_deref().unwrap_or("no reason given");
        tracing::error!(handle = self.id, "Refusing a description of the client: {reason}");
    }

    /// Whether only relayed candidates may be used. `force_relay` is ignored unless it is allowed (MP-116). Where it is, the
    /// client relies on its address not being used directly, so without a relay there is no connection.
    fn forces_relay(&self, jsep: &ClientJsep) -> Result<bool, ApiError> {
        if jsep.force_relay && !self.core.settings.allow_force_relay {
            tracing::warn!(handle = self.id, "Forcing relay candidates is not allowed");
            return Ok(false);
        }
        if jsep.force_relay && !self.core.engine().is_some_and(|engine| engine.has_relays()) {
            return Err(ApiError::new(Code::Unknown, "No relayed candidates: cannot force them"));
        }
        Ok(jsep.force_relay)
    }

    fn take_from_client(&self, jsep: &ClientJsep, renegotiation: bool) -> Result<Json, ApiError> {
        let mut description = Description::parse(jsep.kind, &jsep.sdp)
            .map_err(|e| sdp_error(e.to_string()))
            .inspect_err(|error| self.tell_refusal(error))?;
        self.tell_jsep("remote", &jsep.type_text, &jsep.sdp);
        let offer = jsep.kind == SdpType::Offer;
        let role = match description.setup {
            Some(Setup::Active) => DtlsRole::Passive,
            _ => DtlsRole::Active,
        };
        if offer && !renegotiation && self.plugin.is_the_program() && self.has_connection() {
            // Made for an offer of ours that was taken back, or for one of the peer's that this one replaces.
            self.use_link_for_remote_offer();
        } else if offer && !renegotiation {
            let force_relay = self.forces_relay(jsep).inspect_err(|error| self.tell_refusal(error))?;
            self.create_link(IceRole::Controlled, role, &description, force_relay)
                .inspect_err(|error| self.tell_refusal(error))?;
        }
        let peer = self
            .link
            .load_full()
            .ok_or_else(unexpected_answer)
            .inspect_err(|error| self.tell_refusal(error))?;
        {
            let mut signalling = self.signalling.lock();
            let media = &self.core.settings.media;
            let negotiation = signalling.negotiation.as_mut().ok_or_else(no_connection)?;
            let transport_at = negotiation.bundle_index;
            let change = negotiation
                .apply_remote(&mut description, jsep.rid_order, media.webrtc_encryption)
                .map_err(|error| {
                    tracing::error!(handle = self.id, "Error processing SDP: {error}");
                    let code = if renegotiation { Code::UnexpectedAnswer } else { Code::JsepInvalidSdp };
                    ApiError::new(code, "Error processing SDP").because(error.to_string())
                })?;
            self.flags.put(flags::DATA_CHANNELS, negotiation.data.is_some());
            let moved = negotiation.bundle_index != transport_at;
            self.apply_media(&signalling, &peer);
            if renegotiation && moved && !change.ice_restart {
                peer.command(Command::ExpectMove);
            }
            if renegotiation {
                self.renegotiate(&mut signalling, &peer, &change, offer);
            } else {
                signalling.dtls_role = Some(role);
                peer.command(Command::SetRemote { transport: change.transport.clone(), dtls_role: role });
            }
            for text in &change.candidates {
                self.add_remote_candidate(&mut signalling, &peer, text);
            }
            if offer {
                if jsep.trickle {
                    self.flags.set(flags::TRICKLE);
                }
            } else {
                self.flags.put(flags::TRICKLE, jsep.trickle);
                self.answered(&mut signalling, &peer, renegotiation);
            }
            signalling.remote_sdp = Some(jsep.sdp.clone());
            if !offer {
                signalling.before_offer = None;
            }
        }
        jsep::anonymise(&mut description.sdp);
        if self.plugin.form() != Form::Streams {
            jsep::to_single(&mut description.sdp);
        }
        if jsep.e2ee {
            self.flags.set(flags::E2EE);
        }
        self.describe_to_plugin(jsep, &description.sdp, renegotiation)
    }

    /// A later description on the same PeerConnection: perhaps with an ICE restart (MP-086).
    fn renegotiate(&self, signalling: &mut Signalling, peer: &Peer, change: &RemoteChange, offer: bool) {
        if !change.ice_restart {
            return;
        }
        self.flags.clear(flags::ALL_TRICKLES);
        if offer {
            peer.restart_ice();
            signalling.remote_candidates = 0;
            if self.trickles() {
                self.flags.set(flags::RESEND_TRICKLES);
            }
        }
        peer.command(Command::SetRemoteCredentials(change.transport.credentials.clone()));
        if let Some(fingerprint) = change.transport.fingerprint.clone() {
            peer.command(Command::SetFingerprint(fingerprint));
        }
    }

    /// Exactly these members, in this order (CP-158). Plugins of 0.x know one simulcast medium, and nothing of SVC.
    fn describe_to_plugin(
        &self,
        jsep: &ClientJsep,
        sdp: &Sdp,
        renegotiation: bool,
    ) -> Result<Json, ApiError> {
        let signalling = self.signalling.lock();
        let negotiation = signalling.negotiation.as_ref().ok_or_else(no_connection)?;
        let json = Json::object().with("type", jsep.type_text.as_str()).with("sdp", sdp.write());
        match self.plugin.form() {
            Form::Streams => {
                let simulcast: Json = negotiation.simulcast().iter().map(simulcast_json).collect();
                if !simulcast.is_empty() {
                    json.set("simulcast", simulcast);
                }
                json.set_some("svc", jsep.svc.as_ref());
            }
            Form::Single { frame_marking } => {
                if let Some(simulcast) = negotiation.simulcast_of_single() {
                    let marking = jsep::frame_marking(sdp).filter(|_| frame_marking);
                    let simulcast = layers_json(Json::object(), &simulcast.layers);
                    json.set("simulcast", simulcast.with_some("framemarking-ext", marking));
                }
            }
        }
        if renegotiation {
            json.set("update", true);
        }
        if self.flags.any(flags::E2EE) {
            json.set("e2ee", true);
        }
        Ok(json)
    }

    /// Takes over a description of the plugin; returns the `jsep` for the client.
    pub fn negotiate_from_plugin(&self, jsep: &PluginJsep) -> Result<LocalOutcome, ApiError> {
        let kind = SdpType::from_name(&jsep.type_text).ok_or_else(|| {
            ApiError::new(Code::JsepUnknownType, format!("unknown message type '{}'", jsep.type_text))
        })?;
        let offer = kind == SdpType::Offer;
        let updating = self.is_negotiated();
        if offer {
            self.wait_until_clean()?;
        }
        let full_trickle = self.trickles();
        let (mut description, peer, first) = {
            let _one_at_a_time = self.negotiating.lock();
            self.may_change()?;
            self.note_description(kind);
            let mut description =
                Description::parse(kind, &jsep.sdp).map_err(|e| sdp_error(e.to_string()))?;
            let single = self.plugin.form() != Form::Streams;
            if single {
                jsep::without_mids(&mut description.sdp);
            }
            let first = offer && self.link.load().is_none();
            if first {
                self.create_link(IceRole::Controlling, DtlsRole::ActPass, &description, false)?;
                self.flags.set(flags::RFC4588_RTX);
            }
            let peer = self.link.load_full().ok_or_else(no_connection)?;
            let mut signalling = self.signalling.lock();
            let negotiation = signalling.negotiation.as_mut().ok_or_else(no_connection)?;
            if single {
                negotiation.from_single(&mut description);
            }
            let before = (offer && self.plugin.is_the_program()).then(|| Box::new(negotiation.clone()));
            negotiation.apply_local(&mut description).map_err(|e| sdp_error(e.to_string()))?;
            if signalling.before_offer.is_none() {
                signalling.before_offer = before;
            }
            signalling.has_offered |= offer;
            (description, peer, first)
        };
        jsep::anonymise(&mut description.sdp);
        let _one_at_a_time = self.negotiating.lock();
        let restart = offer && jsep.restart && !first;
        let credentials = if restart { peer.restart_ice() } else { peer.local_credentials() };
        let candidates = (!full_trickle)
            .then(|| peer.local_candidates().iter().map(candidate::format).collect::<Vec<_>>());
        let sdp = {
            let mut signalling = self.signalling.lock();
            let transport = self.local_transport(credentials, signalling.dtls_role, candidates);
            let negotiation = signalling.negotiation.as_mut().ok_or_else(no_connection)?;
            let sdp = negotiation.merge(description, &transport);
            signalling.local_sdp = Some(sdp.clone());
            self.apply_media(&signalling, &peer);
            if first {
                self.flags.set(flags::PROCESSING_OFFER);
            }
            if !offer {
                self.answered(&mut signalling, &peer, updating);
            }
            sdp
        };
        if jsep.e2ee {
            self.flags.set(flags::E2EE);
        }
        self.tell_jsep("local", &jsep.type_text, &sdp);
        let json = Json::object().with("type", jsep.type_text.as_str()).with("sdp", sdp);
        if self.flags.any(flags::E2EE) {
            json.set("e2ee", true);
        }
        let resend = self.flags.any(flags::RESEND_TRICKLES);
        self.flags.clear(flags::RESEND_TRICKLES);
        Ok(LocalOutcome { jsep: json, resend_candidates: full_trickle && (restart || resend) })
    }

    fn local_transport(
        &self,
        credentials: crate::media::IceCredentials,
        role: Option<DtlsRole>,
        candidates: Option<Vec<String>>,
    ) -> LocalTransport {
        let settings = &self.core.settings;
        let address = settings.facts.public_ips.first().cloned().unwrap_or_else(|| self.core.local_ip());
        let fingerprint = self.core.engine().map(|e| e.fingerprint().to_owned());
        LocalTransport {
            address: address.parse().unwrap_or(std::net::IpAddr::from([127, 0, 0, 1])),
            credentials,
            fingerprint: fingerprint.filter(|_| settings.media.webrtc_encryption),
            dtls_role: role.unwrap_or(DtlsRole::ActPass),
            ice_lite: settings.media.ice_lite,
            candidates,
            largest_message: if self.plugin.is_the_program() { LARGEST_MESSAGE } else { LARGEST_FOR_PLUGINS },
        }
    }

    /// Takes an offer of ours back that is not answered (RFC 8829 §4.1.10.2). What it gave away (ICE credentials of a restart)
    /// stays as it is.
    pub fn roll_back(&self) -> Result<(), ApiError> {
        let _one_at_a_time = self.negotiating.lock();
        let mut signalling = self.signalling.lock();
        let before = signalling.before_offer.take();
        let before =
            before.ok_or_else(|| ApiError::new(Code::WrongWebrtcState, "no offer of ours is open"))?;
        self.flags.clear(flags::PROCESSING_OFFER);
        if before.remote.is_some() {
            self.flags.set(flags::GOT_OFFER | flags::GOT_ANSWER);
        } else {
            self.flags.clear(flags::GOT_OFFER | flags::GOT_ANSWER);
        }
        signalling.negotiation = Some(*before);
        if let Some(peer) = self.link.load_full() {
            self.apply_media(&signalling, &peer);
        }
        Ok(())
    }

    /// The PeerConnection that there is becomes the one of the peer's first offer.
    fn use_link_for_remote_offer(&self) {
        let mut signalling = self.signalling.lock();
        signalling.negotiation = Some(Negotiation::for_remote_offer());
        signalling.ice_role = Some(IceRole::Controlled);
        if let Some(peer) = self.link.load_full() {
            peer.command(Command::SetRole(IceRole::Controlled));
        }
    }

    /// What the peer says of the largest data message that it takes; 0: any.
    pub fn largest_message(&self) -> Option<u64> {
        self.signalling.lock().negotiation.as_ref().and_then(|negotiation| negotiation.largest_message)
    }

    /// Flags that follow from the arrival of a description, whoever sent it and whatever comes of it.
    fn note_description(&self, kind: SdpType) {
        match kind {
            SdpType::Offer => {
                self.flags.set(flags::GOT_OFFER);
                self.flags.clear(flags::GOT_ANSWER);
            }
            SdpType::Answer => {
                self.flags.set(flags::GOT_ANSWER);
                if self.flags.any(flags::GOT_OFFER) {
                    self.flags.set(flags::NEGOTIATED);
                }
            }
        }
    }

    /// Offer and answer are both known: what waited for that (media-plane.md §2.9).
    fn answered(&self, signalling: &mut Signalling, peer: &Peer, renegotiation: bool) {
        self.flags.clear(flags::PROCESSING_OFFER);
        let data = signalling.negotiation.as_ref().is_some_and(|n| n.data.is_some());
        if data {
            let named = signalling.negotiation.as_ref().and_then(|n| n.largest_message);
            let channels = self.plugin.is_the_program();
            // RFC 8841 §6.1: 64 KiB where nothing is said. Plugins' messages went out whatever it was, and many peers take more.
            let named = named.or(channels.then_some(DEFAULT_LARGEST_MESSAGE)).filter(|most| *most > 0);
            let most = named.map(|most| usize::try_from(most).unwrap_or(usize::MAX));
            let terms = DataTerms { most, channels };
            if signalling.data_enabled != Some(terms) {
                signalling.data_enabled = Some(terms);
                peer.command(Command::EnableData(terms));
            }
        }
        self.replay_trickles(signalling);
        if self.flags.any(flags::TRICKLE) && signalling.remote_candidates == 0 && !renegotiation {
            self.flags.set(flags::START);
        } else {
            signalling.checking = true;
            peer.command(Command::StartChecks);
            if !self.flags.any(flags::TRICKLE) {
                // The description held all of them: a failure need not wait for more (media-plane.md §3.4).
                peer.command(Command::EndOfRemoteCandidates);
            }
        }
    }

    fn apply_media(&self, signalling: &Signalling, peer: &Peer) {
        if let Some(negotiation) = &signalling.negotiation {
            peer.command(Command::SetExtensions(negotiation.extensions));
            peer.command(Command::SetMedia(negotiation.media_configs()));
            if let Some(plugin) = self.plugin_session() {
                plugin.accept(negotiation.accepted());
            }
            self.flags.put(flags::RFC4588_RTX, negotiation.rtx_enabled);
            let newer = negotiation.data == Some(jsep::DataSyntax::SctpPort);
            self.flags.put(flags::NEW_DATACHAN_SDP, newer);
        }
    }

    fn wait_until_clean(&self) -> Result<(), ApiError> {
        if self.is_clean_within(CLEANING_LIMIT) {
            return Ok(());
        }
        Err(ApiError::new(Code::WrongWebrtcState, "Still cleaning a previous session"))
    }

    fn tell_jsep(&self, owner: &str, type_text: &str, sdp: &str) {
        tracing::debug!(handle = self.id, "SDP ({owner} {type_text}):\n{sdp}");
        self.core.notifier.emit(Kind::Jsep, subtype::NONE, self.subject(), || {
            Json::object()
                .with("owner", owner)
                .with("jsep", Json::object().with("type", type_text).with("sdp", sdp))
        });
    }
}

fn simulcast_json(simulcast: &jsep::Simulcast) -> Json {
    let json = Json::object().with("mindex", simulcast.mindex).with_some("mid", simulcast.mid.as_deref());
    layers_json(json, &simulcast.layers)
}

fn layers_json(json: Json, layers: &jsep::SimulcastLayers) -> Json {
    match layers {
        jsep::SimulcastLayers::Rids { rids, extension } => json
            .with("rids", rids.iter().collect::<Json>())
            .with_some("rid-ext", extension.filter(|id| *id > 0)),
        jsep::SimulcastLayers::Ssrcs(ssrcs) => json.with("ssrcs", ssrcs.iter().copied().collect::<Json>()),
    }
}
