//! The plugin's description with our transport in it: what the client gets (media-plane.md §2.7).

use super::anonymise::anonymise;
use super::description::{Description, SdpType};
use super::remote::data_syntax;
use super::state::{DataSyntax, Medium, MediumKind, Negotiation, RidOrder};
use crate::media::{DtlsRole, IceCredentials};
use crate::sdp::{Attribute, Direction, Mline, Sdp};
use crate::util::time;
use std::net::IpAddr;

/// Our side of the transport, as it is written.
#[derive(Clone, Debug)]
pub struct LocalTransport {
    /// First public, or local, address.
    pub address: IpAddr,
    pub credentials: IceCredentials,
    /// `None` without encryption.
    pub fingerprint: Option<String>,
    /// What an answer says; offers say actpass.
    pub dtls_role: DtlsRole,
    pub ice_lite: bool,
    /// Values of `a=candidate`; `None` with full trickle (MP-071, MP-072).
    pub candidates: Option<Vec<String>>,
    /// Bytes of a data message that is taken (RFC 8841 §6).
    pub largest_message: usize,
}

impl Negotiation {
    /// Completes the plugin's description and sets each medium's direction from it. Returns the text for the client.
    pub fn merge(&mut self, mut description: Description, transport: &LocalTransport) -> String {
        anonymise(&mut description.sdp);
        let kind = description.kind;
        let sdp = &mut description.sdp;
        let mut data_written = false;
        for index in 0..sdp.mlines.len().min(self.media.len()) {
            let mline = &mut sdp.mlines[index];
            self.propose_rtx(index, mline);
            if self.media[index].kind == MediumKind::Data && mline.port > 0 && self.data.is_none() {
                self.data = Some(data_syntax(mline));
            }
            let usable = match self.media[index].kind {
                MediumKind::Audio | MediumKind::Video => mline.port > 0,
                MediumKind::Data => mline.port > 0 && !data_written,
                MediumKind::Unsupported => false,
            } && !(kind == SdpType::Answer && self.media[index].refused);
            data_written |= usable && self.media[index].kind == MediumKind::Data;
            if usable {
                self.write_mline(index, mline, kind, transport);
            } else {
                let profile = self.media_profile(transport);
                reject(&mut self.media[index], mline, profile, transport.address);
            }
        }
        self.write_session(sdp, transport);
        sdp.write()
    }

    fn write_session(&self, sdp: &mut Sdp, transport: &LocalTransport) {
        if sdp.o_sessid == 0 {
            sdp.o_sessid = time::real() as u64;
        }
        if sdp.o_version == 0 {
            sdp.o_version = 1;
        }
        sdp.o_name.get_or_insert_with(|| "-".into());
        sdp.o_ipv4 = transport.address.is_ipv4();
        sdp.o_addr = Some(transport.address.to_string());
        sdp.s_name.get_or_insert_with(|| "Meetecho Janus".into());
        sdp.c_addr = None;
        let mids: Vec<&str> = sdp
            .mlines
            .iter()
            .zip(&self.media)
            .filter(|(mline, _)| mline.port > 0)
            .filter_map(|(_, medium)| medium.mid.as_deref())
            .collect();
        let mut attributes = vec![
            Attribute::new("group", format!("BUNDLE {}", mids.join(" ")).trim_end().to_owned()),
            Attribute::new("ice-options", "trickle"),
        ];
        if let Some(fingerprint) = &transport.fingerprint {
            attributes.push(Attribute::new("fingerprint", format!("sha-256 {fingerprint}")));
        }
        attributes.push(Attribute::flag("extmap-allow-mixed"));
        // The blank is the reference's (MP-058).
        attributes.push(Attribute::new("msid-semantic", " WMS *"));
        if transport.ice_lite {
            attributes.push(Attribute::flag("ice-lite"));
        }
        attributes.append(&mut sdp.attributes);
        sdp.attributes = attributes;
    }

    /// Of all audio and video m-lines, rejected ones as well: what the peer has, else RFC 8829 §5.1.2.
    fn media_profile(&self, transport: &LocalTransport) -> String {
        match (&transport.fingerprint, &self.profile) {
            (Some(_), Some(peers)) => peers.clone(),
            (Some(_), None) => "UDP/TLS/RTP/SAVPF".into(),
            // Whatever the peer says: nothing is encrypted.
            (None, _) => "RTP/AVPF".into(),
        }
    }

    fn write_mline(&mut self, index: usize, mline: &mut Mline, kind: SdpType, transport: &LocalTransport) {
        let data = self.data;
        let rtx_enabled = self.rtx_enabled;
        let profile = self.media_profile(transport);
        let medium = &mut self.media[index];
        mline.c_ipv4 = transport.address.is_ipv4();
        mline.c_addr = Some(transport.address.to_string());
        if medium.kind.is_media() {
            mline.proto = profile;
            (medium.send, medium.recv) = match mline.direction {
                Direction::SendOnly => (true, false),
                Direction::RecvOnly => (false, true),
                Direction::Inactive => (false, false),
                _ => (true, true),
            };
        } else {
            (medium.send, medium.recv) = (true, true);
        }
        let mut out = Vec::new();
        if let Some(mid) = &medium.mid {
            out.push(Attribute::new("mid", mid));
        }
        match (medium.kind, data) {
            (MediumKind::Data, Some(DataSyntax::SctpMap)) => {
                out.push(Attribute::new("sctpmap", "5000 webrtc-datachannel 16"));
            }
            (MediumKind::Data, _) => {
                out.push(Attribute::new("sctp-port", "5000"));
                out.push(Attribute::new("max-message-size", transport.largest_message.to_string()));
            }
            _ => out.push(Attribute::flag("rtcp-mux")),
        }
        out.push(Attribute::new("ice-ufrag", &transport.credentials.ufrag));
        out.push(Attribute::new("ice-pwd", &transport.credentials.pwd));
        out.push(Attribute::new("ice-options", "trickle"));
        if transport.fingerprint.is_some() {
            out.push(Attribute::new("setup", setup(kind, transport.dtls_role)));
        }
        out.append(&mut mline.attributes);
        if medium.kind == MediumKind::Video && medium.nacks && rtx_enabled {
            write_rtx(medium, mline, &mut out);
        }
        if medium.kind.is_media() {
            write_streams(medium, mline.direction, rtx_enabled, &mut out);
        }
        if medium.kind == MediumKind::Video && medium.has_rids() {
            write_simulcast(medium, &mut out);
        }
        if let Some(candidates) = &transport.candidates {
            out.extend(candidates.iter().map(|c| Attribute::new("candidate", c)));
            out.push(Attribute::flag("end-of-candidates"));
        }
        mline.attributes = out;
    }
}

fn setup(kind: SdpType, role: DtlsRole) -> &'static str {
    match (kind, role) {
        (SdpType::Offer, _) | (SdpType::Answer, DtlsRole::ActPass) => "actpass",
        (SdpType::Answer, DtlsRole::Active) => "active",
        (SdpType::Answer, DtlsRole::Passive) => "passive",
    }
}

/// Port 0, inactive, mid only (MP-063, MP-064).
fn reject(medium: &mut Medium, mline: &mut Mline, profile: String, address: IpAddr) {
    mline.port = 0;
    mline.direction = Direction::Inactive;
    mline.c_ipv4 = address.is_ipv4();
    mline.c_addr = Some(address.to_string());
    mline.attributes = medium.mid.iter().map(|mid| Attribute::new("mid", mid)).collect();
    if medium.kind.is_media() {
        mline.proto = profile;
        mline.ptypes = vec![0];
        mline.fmts = vec!["0".into()];
        medium.release_ssrc();
    }
    (medium.send, medium.recv) = (false, false);
}

/// Lines and payload types of RFC 4588, in the order of the list (MP-076).
fn write_rtx(medium: &Medium, mline: &mut Mline, out: &mut Vec<Attribute>) {
    let mapped: Vec<(i32, u8)> = mline
        .ptypes
        .iter()
        .filter_map(|pt| Some((*pt, *medium.rtx.get(&u8::try_from(*pt).ok()?)?)))
        .collect();
    for (pt, rtx) in mapped {
        mline.ptypes.push(i32::from(rtx));
        mline.fmts.push(rtx.to_string());
        out.push(Attribute::new("rtpmap", format!("{rtx} rtx/90000")));
        out.push(Attribute::new("fmtp", format!("{rtx} apt={pt}")));
    }
}

/// FID group, msid and ssrc lines (MP-065 … MP-067).
fn write_streams(medium: &Medium, direction: Direction, rtx_enabled: bool, out: &mut Vec<Attribute>) {
    let sending = matches!(direction, Direction::Default | Direction::SendRecv | Direction::SendOnly);
    let rtx = sending && rtx_enabled && medium.kind == MediumKind::Video && medium.ssrc_rtx != 0;
    if rtx {
        out.push(Attribute::new("ssrc-group", format!("FID {} {}", medium.ssrc, medium.ssrc_rtx)));
    }
    if direction != Direction::Inactive {
        let msid = match &medium.msid {
            Some((stream, track)) => format!("{stream} {track}"),
            None => format!("janus janus{}", medium.mid.as_deref().unwrap_or("")),
        };
        out.push(Attribute::new("msid", msid));
    }
    if medium.ssrc != 0 {
        out.push(Attribute::new("ssrc", format!("{} cname:janus", medium.ssrc)));
    }
    if rtx {
        out.push(Attribute::new("ssrc", format!("{} cname:janus", medium.ssrc_rtx)));
    }
}

/// `rid:x recv` and `simulcast:recv …` in the peer's order (MP-068 … MP-070).
fn write_simulcast(medium: &Medium, out: &mut Vec<Attribute>) {
    let mut rids: Vec<&str> = medium.rids.iter().flatten().map(String::as_str).collect();
    if medium.rid_order == RidOrder::Hml {
        rids.reverse();
    }
    out.extend(rids.iter().map(|rid| Attribute::new("rid", format!("{rid} recv"))));
    let mark =
        |rid: &&str| if medium.disabled_rids.contains(*rid) { format!("~{rid}") } else { (*rid).to_owned() };
    let list = rids.iter().map(mark).collect::<Vec<_>>().join(";");
    let value = if medium.legacy_simulcast { format!(" recv rid={list}") } else { format!("recv {list}") };
    out.push(Attribute::new("simulcast", value));
}
