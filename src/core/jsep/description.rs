//! The first look at a description, before it changes anything (media-plane.md §2.2).

use crate::media::ice::candidate::{self, Parsed};
use crate::sdp::{MediaType, Mline, ParseError, Sdp};
use std::net::SocketAddr;
use thiserror::Error;

/// Longest `mid` that is accepted (MP-022).
pub const MAX_MID: usize = 16;

/// Most m-lines that are accepted. Plugins look each of them up in a list, so that their time grows with the square.
const MAX_MLINES: usize = 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SdpType {
    Offer,
    Answer,
}

impl SdpType {
    /// Compared case-insensitively; anything but offer and answer is unknown (MP-014).
    pub fn from_name(name: &str) -> Option<SdpType> {
        if name.eq_ignore_ascii_case("offer") {
            Some(SdpType::Offer)
        } else if name.eq_ignore_ascii_case("answer") {
            Some(SdpType::Answer)
        } else {
            None
        }
    }
}

/// `a=setup`, RFC 8842. Unknown values read as actpass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    ActPass,
    Active,
    Passive,
}

impl Setup {
    pub fn from_value(value: &str) -> Setup {
        match value {
            "active" => Setup::Active,
            "passive" => Setup::Passive,
            _ => Setup::ActPass,
        }
    }
}

/// Why a description is refused; the text goes to the client with code 465 or 469.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum JsepError {
    /// No SDP, in the parser's words (MP-015).
    #[error("{0}")]
    Sdp(#[from] ParseError),
    #[error("Invalid SDP (more than {MAX_MLINES} m-lines)")]
    TooManyMlines,
    #[error("Invalid setup attribute (no value)")]
    SetupWithoutValue,
    #[error("Invalid mid attribute (no value)")]
    MidWithoutValue,
    #[error("mid on m-line #{index} too large: ({len} > {MAX_MID})")]
    MidTooLarge { index: usize, len: usize },
    #[error("Invalid msid attribute")]
    Msid,
    #[error("the answer has m-line #{0}, the offer has not")]
    NotOffered(usize),
    #[error("no {0} in the description")]
    Missing(&'static str),
}

/// A parsed description that passed the first look.
#[derive(Clone, Debug)]
pub struct Description {
    pub kind: SdpType,
    pub sdp: Sdp,
    /// First `setup` found: session level, then the m-lines in order.
    pub setup: Option<Setup>,
}

impl Description {
    /// Parses and repairs: m-line 0 and `bundle-only` m-lines with port 0 count as enabled (MP-020, MP-021).
    ///
    /// Errors carry the parser's message (MP-015).
    pub fn parse(kind: SdpType, text: &str) -> Result<Description, JsepError> {
        let mut sdp = Sdp::parse(text)?;
        if sdp.mlines.len() > MAX_MLINES {
            return Err(JsepError::TooManyMlines);
        }
        let mut setup = setup_of(&sdp.attributes)?;
        let first_rejected = is_first_rejected(&sdp);
        for mline in &mut sdp.mlines {
            let bundle_only = mline.attribute("bundle-only").is_some();
            if mline.port == 0 && (mline.index == 0 && !first_rejected || bundle_only) {
                mline.port = 9;
            }
            if setup.is_none() {
                setup = setup_of(&mline.attributes)?;
            }
            check_mid(mline)?;
        }
        Ok(Description { kind, sdp, setup })
    }
}

impl Description {
    /// Of all its candidates, without names that have to be asked for.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let lines = self.sdp.mlines.iter().flat_map(|mline| mline.values("candidate"));
        let known = lines.filter_map(|text| match candidate::parse(text, true) {
            Ok(Parsed::Candidate(candidate)) => Some(candidate.address),
            _ => None,
        });
        let mut addresses: Vec<_> = known.collect();
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    }

    /// The m-line whose transport all others share, which trickled candidates name (MP-105), and its mid: the first one,
    /// unless that is rejected. RFC 9143 §7.2.1.
    pub fn bundle_tag(&self) -> Option<(usize, Option<&str>)> {
        let mlines = || self.sdp.mlines.iter().enumerate();
        let (index, mline) = mlines().find(|(_, m)| m.port > 0).or(mlines().next())?;
        let named = |m: &'_ Mline| m.value("mid").is_some_and(|mid| !mid.is_empty());
        let tagged = Some(mline).filter(|m| named(m)).or_else(|| mlines().map(|(_, m)| m).find(|m| named(m)));
        let mid = tagged.and_then(|m| m.value("mid"));
        Some((index, mid))
    }
}

/// Whether the first m-line is rejected and the transport is described on another one. Where nothing describes a
/// transport (a plugin's description), the first m-line is as good as any.
fn is_first_rejected(sdp: &Sdp) -> bool {
    let has = |attributes: &[crate::sdp::Attribute]| {
        attributes.iter().any(|a| a.name.eq_ignore_ascii_case("ice-ufrag"))
    };
    let Some((first, others)) = sdp.mlines.split_first() else { return false };
    let elsewhere = || others.iter().any(|m| m.port > 0 && (has(&m.attributes) || has(&sdp.attributes)));
    first.port == 0 && (!has(&first.attributes) || is_outside_bundle(sdp, first)) && elsewhere()
}

/// The peer bundles others, and not this one. Chromium writes ICE attributes into an m-line that it rejects, and they are
/// not those of the transport.
fn is_outside_bundle(sdp: &Sdp, mline: &Mline) -> bool {
    let groups = sdp.attributes.iter().filter(|a| a.name.eq_ignore_ascii_case("group"));
    let mut bundle = groups.filter_map(|a| a.value.as_deref()?.strip_prefix("BUNDLE")).peekable();
    let mid = mline.value("mid").unwrap_or_default();
    bundle.peek().is_some() && !bundle.any(|mids| mids.split_ascii_whitespace().any(|name| name == mid))
}

fn setup_of(attributes: &[crate::sdp::Attribute]) -> Result<Option<Setup>, JsepError> {
    match attributes.iter().find(|a| a.name.eq_ignore_ascii_case("setup")) {
        None => Ok(None),
        Some(attribute) => match attribute.value.as_deref() {
            Some(value) => Ok(Some(Setup::from_value(value))),
            None => Err(JsepError::SetupWithoutValue),
        },
    }
}

fn check_mid(mline: &Mline) -> Result<(), JsepError> {
    let Some(attribute) = mline.attribute("mid") else { return Ok(()) };
    let Some(mid) = attribute.value.as_deref() else {
        return Err(JsepError::MidWithoutValue);
    };
    let media = matches!(mline.kind, MediaType::Audio | MediaType::Video);
    if media && mline.port > 0 && mid.len() > MAX_MID {
        return Err(JsepError::MidTooLarge { index: mline.index as usize, len: mid.len() });
    }
    Ok(())
}
