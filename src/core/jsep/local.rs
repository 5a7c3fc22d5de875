//! The plugin's description becomes state (media-plane.md §2.5, §2.6).

use super::description::{Description, JsepError, MAX_MID, SdpType};
use super::extensions::{self, REPAIRED_RID, RID};
use super::remote::{clock_rate, kind_of, rtpmap, values};
use super::state::{Medium, MediumKind, Negotiation};
use crate::sdp::{Direction, Mline};

impl Negotiation {
    /// Takes over the plugin's description and takes mid, msid and rid extmaps out of it: merging writes them anew.
    /// On error nothing has changed.
    pub fn apply_local(&mut self, description: &mut Description) -> Result<(), JsepError> {
        let mut next = self.clone();
        next.take_local(description)?;
        *self = next;
        Ok(())
    }

    fn take_local(&mut self, description: &mut Description) -> Result<(), JsepError> {
        for index in 0..description.sdp.mlines.len() {
            let mline = &mut description.sdp.mlines[index];
            match description.kind {
                SdpType::Offer => self.take_offered(index, mline)?,
                SdpType::Answer => self.take_answered(index, mline)?,
            }
            take_codecs(&mut self.media[index], mline);
        }
        self.named_by_plugin = extensions::named(&description.sdp);
        match description.kind {
            SdpType::Offer => {
                self.extensions = extensions::from_last(&description.sdp);
            }
            SdpType::Answer => extensions::keep_answered_by_plugin(&mut self.extensions, &description.sdp),
        }
        Ok(())
    }

    fn take_offered(&mut self, index: usize, mline: &mut Mline) -> Result<(), JsepError> {
        let kind = kind_of(mline);
        match self.media.get_mut(index) {
            None => self.media.push(Medium::new(kind)),
            Some(medium) if medium.kind != kind => *medium = Medium::new(kind),
            // RTX payload types stay: the peer knows them.
            Some(medium) => {
                let rtx = std::mem::take(&mut medium.rtx);
                medium.begin_offer();
                medium.rtx = rtx;
            }
        }
        self.media[index].refused = false;
        // All m-lines', before merging chooses RTX payload types beside them (MP-075).
        self.payload_types.extend(mline.ptypes.iter().filter_map(|p| u8::try_from(*p).ok()));
        let medium = &mut self.media[index];
        let mid = mline.value("mid").map_or_else(|| index.to_string(), str::to_owned);
        if mid.len() > MAX_MID {
            return Err(JsepError::MidTooLarge { index, len: mid.len() });
        }
        if medium.mid.is_none() {
            medium.mid = Some(mid.clone());
        }
        if self.bundle_mid.is_none() {
            self.bundle_mid = Some(mid);
        }
        take_msid(medium, mline)?;
        mline.attributes.retain(|a| {
            let rid_extension = a.name.eq_ignore_ascii_case("extmap")
                && a.value.as_deref().is_some_and(|v| v.ends_with(RID) || v.ends_with(REPAIRED_RID));
            !rid_extension && !a.name.eq_ignore_ascii_case("mid") && !a.name.eq_ignore_ascii_case("msid")
        });
        if medium.kind.is_media() {
            if mline.direction == Direction::Inactive || mline.port == 0 {
                medium.release_ssrc();
            } else {
                medium.ensure_ssrc(self.rtx_enabled);
            }
            medium.nacks |= values(mline, "rtcp-fb").any(|v| v.contains("nack"));
        }
        Ok(())
    }

    fn take_answered(&mut self, index: usize, mline: &mut Mline) -> Result<(), JsepError> {
        let Some(medium) = self.media.get_mut(index) else {
            return Err(JsepError::NotOffered(index));
        };
        take_msid(medium, mline)?;
        mline
            .attributes
            .retain(|a| !a.name.eq_ignore_ascii_case("mid") && !a.name.eq_ignore_ascii_case("msid"));
        if !medium.kind.is_media() {
            return Ok(());
        }
        let red = values(mline, "rtpmap").any(|v| v.to_ascii_lowercase().contains("red/48000/2"));
        if !red {
            medium.opus_red_pt = None;
        }
        if medium.has_rids() && extensions::id_in_mline(mline, RID) == 0 {
            // The plugin does not want simulcast (MP-077).
            medium.rids = [None, None, None];
            medium.disabled_rids.clear();
            if medium.remote_ssrc[0] == 0 {
                medium.remote_ssrc[0] = medium.fallback_ssrc;
            }
        }
        Ok(())
    }
}

/// The plugin's stream and track name, or none.
fn take_msid(medium: &mut Medium, mline: &Mline) -> Result<(), JsepError> {
    let Some(attribute) = mline.attribute("msid") else {
        medium.msid = None;
        return Ok(());
    };
    let mut tokens = attribute.value.as_deref().unwrap_or("").split_ascii_whitespace();
    match (tokens.next(), tokens.next()) {
        (Some(stream), Some(track)) => {
            medium.msid = Some((stream.to_owned(), track.to_owned()));
            Ok(())
        }
        _ => Err(JsepError::Msid),
    }
}

/// Clock rates and codec names by payload type; the local description is what names codecs (MP-161).
fn take_codecs(medium: &mut Medium, mline: &Mline) {
    if !matches!(medium.kind, MediumKind::Audio | MediumKind::Video) {
        return;
    }
    medium.codecs.clear();
    for (pt, encoding) in values(mline, "rtpmap").filter_map(rtpmap) {
        if let Some(rate) = clock_rate(encoding) {
            medium.clock_rates.insert(pt, rate);
        }
        let name = encoding.split('/').next().unwrap_or("").to_ascii_lowercase();
        if name == "red"
            && medium.kind == MediumKind::Audio
            && encoding.to_ascii_lowercase().contains("48000/2")
        {
            medium.opus_red_pt = Some(pt);
        }
        medium.codecs.insert(pt, name);
    }
    // Static payload types need no rtpmap (RFC 3551 §6).
    for (pt, name) in [(0, "pcmu"), (8, "pcma"), (9, "g722")] {
        if mline.ptypes.contains(&i32::from(pt)) && medium.kind == MediumKind::Audio {
            medium.codecs.entry(pt).or_insert_with(|| name.to_owned());
            medium.clock_rates.entry(pt).or_insert(8000);
        }
    }
}
