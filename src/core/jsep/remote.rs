//! The client's description becomes state (media-plane.md §2.3).

use super::anonymise::{leading_number, remove_payload_types};
use super::description::{Description, JsepError, MAX_MID, SdpType};
use super::extensions;
use super::state::{DataSyntax, Medium, MediumKind, Negotiation, RidOrder};
use crate::media::{Fingerprint, FingerprintHash, IceCredentials, RemoteTransport};
use crate::sdp::{Attribute, Direction, MediaType, Mline};
use crate::util::seldom::Seldom;
use std::collections::HashSet;

/// What a remote description asks for besides the new state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteChange {
    pub transport: RemoteTransport,
    /// The peer changed its ICE credentials: it restarts (MP-086).
    pub ice_restart: bool,
    /// Values of `a=candidate` on the first two m-lines, unparsed.
    pub candidates: Vec<String>,
    /// Data channels are negotiated now and were not before (MP-090).
    pub data_added: bool,
}

/// A line for all of them: a description has up to 1024 m-lines.
static CHANGED_MIDS: Seldom = Seldom::every(1_000_000);

/// Longest rid that is accepted.
const MAX_RID: usize = 15;

impl Negotiation {
    /// Takes over the peer's description. On error nothing has changed.
    ///
    /// `encryption` is false only with `no_webrtc_encryption`: no fingerprint is asked for then.
    pub fn apply_remote(
        &mut self,
        description: &mut Description,
        order: RidOrder,
        encryption: bool,
    ) -> Result<RemoteChange, JsepError> {
        let mut next = self.clone();
        let change = next.take_remote(description, order, encryption)?;
        *self = next;
        Ok(change)
    }

    fn take_remote(
        &mut self,
        description: &mut Description,
        order: RidOrder,
        encryption: bool,
    ) -> Result<RemoteChange, JsepError> {
        let had_data = self.data.is_some();
        let (carrier, transport) = transport(description, encryption)?;
        let kind = description.kind;
        self.begin(description);
        let mut candidates = Vec::new();
        let mut rtx_named = false;
        for index in 0..description.sdp.mlines.len() {
            let mline = &mut description.sdp.mlines[index];
            if index < 2 || index == carrier {
                candidates.extend(values(mline, "candidate").map(str::to_owned));
            }
            rtx_named |= self.take_mline(index, mline, kind, order)?;
        }
        self.rtx_enabled = rtx_named;
        if !rtx_named {
            for medium in &mut self.media {
                medium.ssrc_rtx = 0;
            }
        }
        self.named_by_peer = extensions::named(&description.sdp);
        match description.kind {
            SdpType::Offer => self.extensions = extensions::from_first(&description.sdp),
            SdpType::Answer => extensions::keep_answered_by_peer(&mut self.extensions, &description.sdp),
        }
        let ice_restart = self.remote.as_ref().is_some_and(|old| old.credentials != transport.credentials);
        self.remote = Some(transport.clone());
        Ok(RemoteChange { transport, ice_restart, candidates, data_added: self.data.is_some() && !had_data })
    }

    /// Makes room for the description. An offer says everything anew (RFC 3264 §8): what an earlier one said of payload
    /// types and feedback is gone, and an m-line that is used again for another kind of media starts afresh
    /// (RFC 8829 §5.2.2). An answer only adds to the offer that it answers.
    fn begin(&mut self, description: &Description) {
        let offer = description.kind == SdpType::Offer;
        for (index, mline) in description.sdp.mlines.iter().enumerate() {
            let kind = kind_of(mline);
            match self.media.get_mut(index) {
                None => self.media.push(Medium::new(kind)),
                Some(medium) if offer && medium.kind != kind => *medium = Medium::new(kind),
                Some(medium) if offer => medium.begin_offer(),
                Some(_) => {}
            }
        }
        if !offer {
            return;
        }
        self.rtx.clear();
        let media = |mline: &&Mline| matches!(kind_of(mline), MediumKind::Audio | MediumKind::Video);
        if let Some(mline) = description.sdp.mlines.iter().find(media) {
            self.profile = Some(mline.proto.clone());
        }
        let data = |m: &&Mline| m.port > 0 && kind_of(m) == MediumKind::Data;
        self.data = description.sdp.mlines.iter().find(data).map(data_syntax);
        if let Some((index, mid)) = description.bundle_tag() {
            self.bundle_index = index;
            self.bundle_mid = mid.map(str::to_owned).or(self.bundle_mid.take());
        }
    }

    /// One m-line; true when it names RTX payload types.
    fn take_mline(
        &mut self,
        index: usize,
        mline: &mut Mline,
        kind: SdpType,
        order: RidOrder,
    ) -> Result<bool, JsepError> {
        let enabled = mline.port > 0;
        self.take_mid(index, mline, kind)?;
        let medium = &mut self.media[index];
        // Of data the reference answers what the plugin answers, also where none was offered.
        medium.refused = kind == SdpType::Offer && !enabled && medium.kind != MediumKind::Data;
        match medium.kind {
            MediumKind::Data => {
                if kind == SdpType::Answer && (enabled || medium.send) {
                    self.data = enabled.then(|| data_syntax(mline));
                }
                if enabled {
                    self.largest_message =
                        mline.value("max-message-size").and_then(|v| v.trim().parse().ok());
                }
                let medium = &mut self.media[index];
                (medium.send, medium.recv) = (enabled, enabled);
                return Ok(false);
            }
            MediumKind::Unsupported => return Ok(false),
            MediumKind::Audio | MediumKind::Video => {}
        }
        if self.profile.is_none() {
            self.profile = Some(mline.proto.clone());
        }
        (medium.send, medium.recv) = match (enabled, mline.direction) {
            (false, _) | (true, Direction::Inactive) => (false, false),
            (true, Direction::SendOnly) => (false, true),
            (true, Direction::RecvOnly) => (true, false),
            (true, _) => (true, true),
        };
        take_msid(medium, mline)?;
        // Inactive m-lines have one as well: only a plugin's offer releases it (MP-009).
        if enabled {
            medium.ensure_ssrc(false);
        }
        take_rids(medium, mline, order);
        take_ssrcs(medium, mline);
        medium.nacks |= values(mline, "rtcp-fb").any(|v| v.contains("nack"));
        if !enabled {
            medium.forget_streams();
        }
        let rtx = self.take_payload_types(index, mline);
        let medium = &mut self.media[index];
        if rtx && medium.ssrc_rtx == 0 && medium.remote_ssrc_rtx.iter().any(|s| *s != 0) {
            medium.ensure_ssrc(true);
        }
        Ok(rtx)
    }

    /// An offer names its m-lines, also one that it uses again by another name; an answer repeats the names.
    fn take_mid(&mut self, index: usize, mline: &Mline, kind: SdpType) -> Result<(), JsepError> {
        let Some(mid) = mline.value("mid").filter(|mid| !mid.is_empty()) else { return Ok(()) };
        if mid.len() > MAX_MID {
            return Err(JsepError::MidTooLarge { index, len: mid.len() });
        }
        let medium = &mut self.media[index];
        match &medium.mid {
            Some(known) if known != mid && kind == SdpType::Answer => {
                if CHANGED_MIDS.one_more().is_some() {
                    tracing::warn!("mid of m-line #{index} changed in an answer ({known} -> {mid}): ignored");
                }
            }
            _ => medium.mid = Some(mid.to_owned()),
        }
        if self.bundle_mid.is_none() {
            self.bundle_mid = Some(mid.to_owned());
            self.bundle_index = index;
        }
        Ok(())
    }

    /// Payload types, clock rates, RTX maps; true when the m-line maps RTX.
    fn take_payload_types(&mut self, index: usize, mline: &mut Mline) -> bool {
        self.payload_types.extend(mline.ptypes.iter().filter_map(|p| u8::try_from(*p).ok()));
        let mut mapped = false;
        for (rtx, original) in values(mline, "fmtp").filter_map(apt).collect::<Vec<_>>() {
            mapped = true;
            let taken = self.rtx.iter().any(|(pt, r)| *r == rtx && *pt != original);
            if !taken {
                self.rtx.entry(original).or_insert(rtx);
                self.media[index].rtx.entry(original).or_insert(rtx);
            }
        }
        let medium = &mut self.media[index];
        let mut colliding = HashSet::new();
        for (pt, encoding) in values(mline, "rtpmap").filter_map(rtpmap) {
            if encoding.to_ascii_lowercase().starts_with("rtx/") {
                continue;
            }
            if medium.rtx.values().any(|r| *r == pt) {
                colliding.insert(i32::from(pt));
                continue;
            }
            if let Some(rate) = clock_rate(encoding) {
                medium.clock_rates.insert(pt, rate);
            }
            if medium.kind == MediumKind::Audio && encoding.eq_ignore_ascii_case("red/48000/2") {
                medium.opus_red_pt = Some(pt);
            }
        }
        remove_payload_types(mline, &colliding);
        mapped
    }
}

pub(super) fn kind_of(mline: &Mline) -> MediumKind {
    match mline.kind {
        MediaType::Audio => MediumKind::Audio,
        MediaType::Video => MediumKind::Video,
        MediaType::Application if mline.proto.contains("DTLS/SCTP") => MediumKind::Data,
        _ => MediumKind::Unsupported,
    }
}

pub(super) fn values<'a>(mline: &'a Mline, name: &'a str) -> impl Iterator<Item = &'a str> {
    mline
        .attributes
        .iter()
        .filter(move |a| a.name.eq_ignore_ascii_case(name))
        .filter_map(|a| a.value.as_deref())
}

/// `RTX apt=PT[;…]` → (RTX, PT). RFC 4588 §8.1.
fn apt(fmtp: &str) -> Option<(u8, u8)> {
    let rtx = u8::try_from(leading_number(fmtp)?).ok()?;
    let (_, rest) = fmtp.split_once("apt=")?;
    Some((rtx, u8::try_from(leading_number(rest)?).ok()?))
}

/// `PT encoding/clock…` → (PT, encoding/clock…).
pub(super) fn rtpmap(value: &str) -> Option<(u8, &str)> {
    let (pt, encoding) = value.split_once(' ')?;
    Some((pt.parse().ok()?, encoding.trim()))
}

pub(super) fn clock_rate(encoding: &str) -> Option<u32> {
    encoding.split('/').nth(1)?.parse().ok()
}

pub(super) fn data_syntax(mline: &Mline) -> DataSyntax {
    if mline.proto.contains("UDP/DTLS/SCTP") { DataSyntax::SctpPort } else { DataSyntax::SctpMap }
}

/// Two tokens; anything else is refused.
fn take_msid(medium: &mut Medium, mline: &Mline) -> Result<(), JsepError> {
    medium.remote_msid = None;
    let Some(attribute) = mline.attribute("msid") else { return Ok(()) };
    let tokens: Vec<&str> = attribute.value.as_deref().unwrap_or("").split_ascii_whitespace().collect();
    match tokens[..] {
        [] if attribute.value.is_some() => Ok(()),
        [stream, track, ..] => {
            medium.remote_msid = Some((stream.to_owned(), track.to_owned()));
            Ok(())
        }
        _ => Err(JsepError::Msid),
    }
}

/// RFC 8851 `rid:x send` in either order, RFC 8853 `simulcast`. Re-read on every description.
fn take_rids(medium: &mut Medium, mline: &Mline, order: RidOrder) {
    if medium.kind != MediumKind::Video {
        return;
    }
    let listed: Vec<&str> = values(mline, "rid")
        .filter_map(|v| {
            let mut words = v.split_ascii_whitespace();
            let (rid, direction) = (words.next()?, words.next()?);
            (direction == "send" && rid.len() <= MAX_RID).then_some(rid)
        })
        .take(3)
        .collect();
    medium.rid_order = order;
    medium.rids = [None, None, None];
    medium.disabled_rids.clear();
    medium.legacy_simulcast = false;
    for (position, rid) in listed.iter().enumerate() {
        // Highest first fills from the top; fewer than three move down so that slot 0 is used (MP-029).
        let slot = match order {
            RidOrder::Hml => listed.len() - 1 - position,
            RidOrder::Lmh => position,
        };
        medium.rids[slot] = Some((*rid).to_owned());
    }
    if let Some(simulcast) = mline.value("simulcast") {
        medium.legacy_simulcast = simulcast.contains("rid=");
        if let Some((_, send)) = simulcast.split_once("send ") {
            let list = send.split_ascii_whitespace().next().unwrap_or("");
            let paused = list.split([';', ',']).filter_map(|r| r.strip_prefix('~'));
            medium.disabled_rids = paused.map(str::to_owned).collect();
        }
    }
}

/// RFC 5576 `ssrc` and `ssrc-group`. What the description names replaces what an earlier one named; naming none is
/// naming nothing new, because packets can say by themselves where they belong.
fn take_ssrcs(medium: &mut Medium, mline: &Mline) {
    let first = values(mline, "ssrc").find_map(|v| v.split_ascii_whitespace().next()?.parse::<u32>().ok());
    if medium.has_rids() {
        // Layers are told apart by rid; groups are ignored (MP-033).
        medium.fallback_ssrc = first.unwrap_or(0);
        for slot in 0..3 {
            // One that a former answer without rids fell back to goes on until the next answer.
            if medium.remote_ssrc[slot] != medium.fallback_ssrc {
                (medium.remote_ssrc[slot], medium.remote_ssrc_rtx[slot]) = (0, 0);
            }
        }
        return;
    }
    let groups: Vec<(&str, Vec<u32>)> = values(mline, "ssrc-group")
        .filter_map(|v| {
            let mut words = v.split_ascii_whitespace();
            Some((words.next()?, words.filter_map(|w| w.parse().ok()).collect()))
        })
        .collect();
    let video = medium.kind == MediumKind::Video;
    let mut named = [0; 3];
    if video && let Some((_, layers)) = groups.iter().find(|(semantics, _)| *semantics == "SIM") {
        named.iter_mut().zip(layers).for_each(|(slot, ssrc)| *slot = *ssrc);
    }
    if named[0] == 0 {
        named[0] = first.unwrap_or(0);
    }
    if named == [0; 3] {
        return;
    }
    medium.remote_ssrc = named;
    medium.remote_ssrc_rtx = [0; 3];
    if video {
        for (_, pair) in groups.iter().filter(|(semantics, _)| *semantics == "FID") {
            if let [original, rtx, ..] = pair[..]
                && let Some(slot) = named.iter().position(|s| *s == original && original != 0)
            {
                medium.remote_ssrc_rtx[slot] = rtx;
            }
        }
    }
}

/// Credentials and fingerprint of the m-line that carries the transport, session level as default (MP-017, MP-023,
/// MP-024), and which m-line that is: the first, unless only others have credentials.
fn transport(description: &Description, encryption: bool) -> Result<(usize, RemoteTransport), JsepError> {
    let sdp = &description.sdp;
    let (carrier, _) = description.bundle_tag().unwrap_or_default();
    let carrying = sdp.mlines.get(carrier);
    let find = |name: &str| -> Option<&str> {
        let in_mline = carrying.and_then(|m| last_value(&m.attributes, name));
        in_mline.or_else(|| last_value(&sdp.attributes, name)).filter(|value| !value.is_empty())
    };
    let ufrag = find("ice-ufrag").ok_or(JsepError::Missing("ICE username fragment"))?.to_owned();
    let pwd = find("ice-pwd").ok_or(JsepError::Missing("ICE password"))?.to_owned();
    let in_mline = carrying.and_then(|m| fingerprint(&m.attributes));
    let fingerprint = in_mline.or_else(|| fingerprint(&sdp.attributes));
    if fingerprint.is_none() && encryption {
        return Err(JsepError::Missing("fingerprint"));
    }
    let ice_lite = sdp.attribute("ice-lite").is_some();
    Ok((carrier, RemoteTransport { credentials: IceCredentials { ufrag, pwd }, fingerprint, ice_lite }))
}

fn last_value<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a str> {
    attributes.iter().rev().find(|a| a.name.eq_ignore_ascii_case(name)).and_then(|a| a.value.as_deref())
}

/// The last one by a hash that we know, RFC 8122 §5; others count as missing (MP-024, MP-132).
fn fingerprint(attributes: &[Attribute]) -> Option<Fingerprint> {
    attributes
        .iter()
        .filter(|a| a.name.eq_ignore_ascii_case("fingerprint"))
        .filter_map(|a| a.value.as_deref()?.split_once(' '))
        .filter_map(|(hash, value)| {
            Some(Fingerprint { hash: FingerprintHash::from_name(hash)?, value: value.trim().to_owned() })
        })
        .next_back()
}
