//! Descriptions of plugins that know one audio, one video and one data medium and tell them apart by nothing but their
//! kind (0.9.0 … 0.16.x): what such a plugin is shown of the client's m-lines, and whose m-lines its own are.

use super::description::{Description, SdpType};
use super::extensions;
use super::remote::kind_of;
use super::state::{Medium, MediumKind, Negotiation, Simulcast};
use crate::sdp::{Direction, MediaType, Mline, Sdp};

const FRAME_MARKING: &str = "http://tools.ietf.org/html/draft-ietf-avtext-framemarking-07";

/// Takes out of an anonymised description what such a plugin would not understand: names of m-lines and streams, and all
/// but the first audio and the first video m-line.
pub fn to_single(sdp: &mut Sdp) {
    for mline in &mut sdp.mlines {
        mline
            .attributes
            .retain(|a| !a.name.eq_ignore_ascii_case("mid") && !a.name.eq_ignore_ascii_case("msid"));
    }
    for kind in [MediaType::Audio, MediaType::Video] {
        for further in sdp.mlines.iter_mut().filter(|m| m.kind == kind).skip(1) {
            further.port = 0;
            further.direction = Direction::Inactive;
        }
    }
}

/// M-lines of such a plugin have no names. One that it wrote nevertheless could be another m-line's.
pub fn without_mids(sdp: &mut Sdp) {
    for mline in &mut sdp.mlines {
        mline.attributes.retain(|a| !a.name.eq_ignore_ascii_case("mid"));
    }
}

/// The id of the frame marking extension in the first video m-line, where it is.
pub fn frame_marking(sdp: &Sdp) -> Option<u8> {
    let id = sdp.find(MediaType::Video).map_or(0, |video| extensions::id_in_mline(video, FRAME_MARKING));
    (id > 0).then_some(id)
}

impl Negotiation {
    /// The layers of the first video medium.
    pub fn simulcast_of_single(&self) -> Option<Simulcast> {
        let first = self.media.iter().position(|m| m.kind == MediumKind::Video)?;
        self.simulcast().into_iter().find(|s| s.mindex == first)
    }

    /// Puts the m-lines of such a plugin's description in the places that they speak of: the first of each kind belongs to
    /// the first medium of that kind, whichever number it has; every other medium is rejected. There may be fewer
    /// m-lines than media.
    pub fn from_single(&self, description: &mut Description) {
        let mut given: Vec<Mline> = Vec::new();
        for mline in std::mem::take(&mut description.sdp.mlines) {
            let kind = kind_of(&mline);
            if given.iter().any(|g| kind_of(g) == kind) {
                continue;
            }
            given.push(mline);
        }
        let mut take = |kind| {
            let place = given.iter().position(|m| kind_of(m) == kind);
            place.map(|place| given.remove(place))
        };
        let mut placed: Vec<Mline> = Vec::new();
        for medium in &self.media {
            placed.push(take(medium.kind).unwrap_or_else(|| self.rejected(medium)));
        }
        // What an offer adds.
        if description.kind == SdpType::Offer {
            placed.append(&mut given);
        }
        for (index, mline) in (0..).zip(&mut placed) {
            mline.index = index;
            // The first m-line is never rejected, see Description::parse.
            match (index, mline.kind) {
                (0, MediaType::Audio | MediaType::Video) if mline.port == 0 => mline.port = 9,
                (1.., _) if is_unwanted(mline) => mline.port = 0,
                _ => {}
            }
        }
        description.sdp.mlines = placed;
    }

    /// Merging writes the rest.
    fn rejected(&self, medium: &Medium) -> Mline {
        let profile = self.profile.as_deref().unwrap_or("UDP/TLS/RTP/SAVPF");
        let (kind, proto, format) = match medium.kind {
            MediumKind::Audio => (MediaType::Audio, profile, "0"),
            MediumKind::Video => (MediaType::Video, profile, "0"),
            MediumKind::Data => (MediaType::Application, "UDP/DTLS/SCTP", "webrtc-datachannel"),
            MediumKind::Unsupported => (MediaType::Application, "UDP", "0"),
        };
        let mut mline = Mline::new(kind, 0, proto, Direction::Inactive);
        mline.ptypes = vec![0];
        mline.fmts = vec![format.to_owned()];
        mline
    }
}

/// Answers have it so when a medium is not wanted: it keeps its port, and carries nothing.
fn is_unwanted(mline: &Mline) -> bool {
    matches!(mline.kind, MediaType::Audio | MediaType::Video)
        && mline.direction == Direction::Inactive
        && mline.ptypes.iter().all(|pt| *pt == 0)
        && mline.attribute("rtpmap").is_none()
}

#[cfg(test)]
#[path = "single_tests.rs"]
mod tests;
