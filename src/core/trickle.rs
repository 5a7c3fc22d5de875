//! Trickled candidates (control-plane.md §3.4, media-plane.md §2.11, §3.5): from the client, and to it.

use super::errors::{ApiError, Code};
use super::flags;
use super::handle::Handle;
use super::signalling::{Pending, Signalling};
use crate::json::{Json, dump, load};
use crate::media::ice::candidate::{self, Parsed};
use crate::media::{Command, Peer};
use crate::net::mdns;
use crate::util::{network, time};
use std::sync::atomic::Ordering;

/// Host names of candidates that may be looked up at the same time: each occupies a thread for seconds when nobody
/// answers, and clients can name any number.
const LOOKUPS_PER_HANDLE: usize = 8;
const LOOKUPS: usize = 64;
/// Requests that wait for a description; browsers send a few dozen.
const MAX_PENDING: usize = 1000;
/// What one of them takes beside its text.
const PENDING_WEIGHT: usize = 128;
/// Bytes of such requests: a candidate has about a hundred.
const MAX_PENDING_BYTES: usize = 1 << 20;
const MAX_PENDING_BYTES_PER_SESSION: usize = 4 << 20;
/// Candidates of one PeerConnection, until it restarts ICE: more than its agent pairs.
const MAX_REMOTE: usize = 256;
/// Of a candidate that cannot be read, this much is logged.
const SHOWN: usize = 200;

/// `candidate` or `candidates` of a `trickle` request.
pub enum Trickle {
    One(Json),
    Several(Json),
}

impl Handle {
    /// Takes candidates from the client: at once, or for later when there is nothing to add them to yet.
    pub fn trickle(&self, trickle: &Trickle) -> Result<(), ApiError> {
        if self.flags.any(flags::CLEANING) {
            return Err(ApiError::new(Code::WrongWebrtcState, "Still cleaning a previous session"));
        }
        let mut signalling = self.signalling.lock();
        self.flags.set(flags::TRICKLE);
        let ready = !self.flags.any(flags::PROCESSING_OFFER)
            && self.flags.all(flags::GOT_OFFER | flags::GOT_ANSWER)
            && signalling.negotiation.is_some();
        if !ready {
            // Early candidates are not validated; a list is taken apart when its turn comes.
            let (Trickle::One(json) | Trickle::Several(json)) = trickle;
            return self.keep_for_later(&mut signalling, json);
        }
        match trickle {
            Trickle::One(candidate) => self.take_candidate(&mut signalling, candidate),
            Trickle::Several(list) if list.is_array() => {
                for candidate in list.elements() {
                    let _ = self.take_candidate(&mut signalling, &candidate);
                }
                Ok(())
            }
            Trickle::Several(_) => Err(ApiError::new(Code::InvalidElementType, "candidates is not an array")),
        }
    }

    fn keep_for_later(&self, signalling: &mut Signalling, json: &Json) -> Result<(), ApiError> {
        let candidate = json.dump(dump::COMPACT | dump::ENCODE_ANY).unwrap_or_default();
        let weight = |candidate: &str| candidate.len() + PENDING_WEIGHT;
        let waiting: usize = signalling.pending.iter().map(|pending| weight(&pending.candidate)).sum();
        let place = (signalling.pending.len() < MAX_PENDING
            && waiting + weight(&candidate) <= MAX_PENDING_BYTES)
            .then(|| self.session.early.take_several(weight(&candidate), MAX_PENDING_BYTES_PER_SESSION));
        let Some(Some(bytes)) = place else {
            self.too_many_candidates();
            return Err(ApiError::full(Code::WrongWebrtcState, "Too many candidates without a description"));
        };
        signalling.pending.push(Pending { received: time::monotonic(), candidate, bytes });
        Ok(())
    }

    /// Says so once.
    fn too_many_candidates(&self) {
        if !self.candidates_told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                handle = self.id,
                "The client names too many candidates: further ones are ignored"
            );
        }
    }

    /// Uses what came early; too old ones are dropped (CP-188).
    pub(super) fn replay_trickles(&self, signalling: &mut Signalling) {
        let oldest = time::monotonic() - i64::from(self.core.settings.candidates_timeout) * 1_000_000;
        for pending in std::mem::take(&mut signalling.pending) {
            if pending.received < oldest {
                continue;
            }
            let Ok(json) = Json::parse(pending.candidate.as_bytes(), load::DECODE_ANY) else {
                continue;
            };
            if json.is_array() {
                for candidate in json.elements() {
                    let _ = self.take_candidate(signalling, &candidate);
                }
            } else {
                let _ = self.take_candidate(signalling, &json);
            }
        }
    }

    fn take_candidate(&self, signalling: &mut Signalling, json: &Json) -> Result<(), ApiError> {
        self.may_change()?;
        if !json.is_object() || json.get("completed").is_some() {
            self.flags.set(flags::ALL_TRICKLES);
            if let Some(peer) = self.link.load_full() {
                peer.command(Command::EndOfRemoteCandidates);
            }
            return Ok(());
        }
        let candidate = read(json)?;
        let other_line = candidate.index.is_some_and(|index| index > signalling.bundle_index() as i64);
        let other_mid = match (&candidate.mid, signalling.bundle_mid()) {
            (Some(mid), Some(bundle)) => mid != bundle,
            _ => false,
        };
        if other_line || other_mid {
            return Ok(());
        }
        let Some(peer) = self.link.load_full() else {
            return Err(no_peer_connection());
        };
        self.add_remote_candidate(signalling, &peer, &candidate.text);
        if !self.flags.any(flags::PROCESSING_OFFER) && !signalling.checking {
            self.flags.set(flags::START);
            signalling.checking = true;
            peer.command(Command::StartChecks);
        }
        Ok(())
    }

    /// From a description or trickled. What cannot be read is no error to the client.
    pub(super) fn add_remote_candidate(&self, signalling: &mut Signalling, peer: &Peer, text: &str) {
        let media = &self.core.settings.media;
        if signalling.remote_candidates >= MAX_REMOTE {
            return self.too_many_candidates();
        }
        match candidate::parse(text, media.ice_tcp) {
            Ok(Parsed::Candidate(candidate)) => {
                signalling.remote_candidates += 1;
                peer.command(Command::AddRemoteCandidate(candidate));
            }
            Ok(Parsed::Name(name)) if !media.ignore_mdns => {
                // RFC 8828: resolving may take a while, so elsewhere.
                let own = signalling.lookups.take(LOOKUPS_PER_HANDLE);
                let places = own.zip(self.core.lookups.take(LOOKUPS));
                if places.is_none() {
                    tracing::debug!(handle = self.id, "Too many host names at once: not resolving {name}");
                    return;
                }
                signalling.remote_candidates += 1;
                let (peer, text, tcp) = (peer.clone(), text.to_owned(), media.ice_tcp);
                let own = peer.own_addresses();
                self.core.pool.run(move || {
                    let _places = places;
                    // The system knows such names only where it was set up for them.
                    let Some(address) = mdns::resolve(&name, &own).or_else(|| network::resolve(&name)) else {
                        tracing::warn!("Cannot resolve the candidate address {name}");
                        return;
                    };
                    let text = text.replace(&name, &address.to_string());
                    if let Ok(Parsed::Candidate(candidate)) = candidate::parse(&text, tcp) {
                        peer.command(Command::AddRemoteCandidate(candidate));
                    }
                });
            }
            Ok(Parsed::Name(_) | Parsed::Ignored) => {}
            Err(_) if signalling.unreadable_candidates < MAX_REMOTE => {
                signalling.unreadable_candidates += 1;
                let shown = &text[..text.floor_char_boundary(SHOWN)];
                tracing::error!(handle = self.id, "Failed to parse candidate: {shown}");
            }
            Err(_) => self.too_many_candidates(),
        }
    }

    /// Full trickle: one candidate of ours, or the end of them (CP-195).
    pub(super) fn trickle_to_client(&self, text: Option<&str>) {
        let candidate = match text {
            None => Json::object().with("completed", true),
            Some(text) => {
                let (mid, index) = {
                    let signalling = self.signalling.lock();
                    (signalling.bundle_mid().map(str::to_owned), signalling.bundle_index())
                };
                Json::object()
                    .with_some("sdpMid", mid)
                    .with("sdpMLineIndex", index as i64)
                    .with("candidate", format!("candidate:{text}"))
            }
        };
        self.session.notify(self.event("trickle").with("candidate", candidate));
    }

    /// After an ICE restart with full trickle (CP-196).
    pub(super) fn resend_candidates(&self) {
        let Some(peer) = self.link.load_full() else { return };
        for candidate in peer.local_candidates() {
            self.trickle_to_client(Some(&candidate::format(&candidate)));
        }
        self.trickle_to_client(None);
    }
}

struct Read {
    mid: Option<String>,
    index: Option<i64>,
    text: String,
}

fn invalid(what: &str) -> ApiError {
    ApiError::new(Code::InvalidElementType, format!("Trickle error: invalid element type ({what})"))
}

/// In the reference's words.
fn no_peer_connection() -> ApiError {
    let text = "Trickle error: invalid element type (no such PeerConnection)";
    ApiError::new(Code::InvalidStream, text)
}

fn missing(what: &str) -> ApiError {
    ApiError::new(Code::MissingElement, format!("Trickle error: missing mandatory element ({what})"))
}

/// RTCIceCandidateInit as far as it is used.
fn read(json: &Json) -> Result<Read, ApiError> {
    let mid = json.get("sdpMid");
    if mid.as_ref().is_some_and(|m| !m.is_string()) {
        return Err(invalid("sdpMid should be a string"));
    }
    let index = match json.get("sdpMLineIndex") {
        None => None,
        Some(value) => match value.as_i64() {
            Some(index) if index >= 0 => Some(index),
            _ => return Err(invalid("sdpMLineIndex should be a positive integer")),
        },
    };
    if mid.is_none() && index.is_none() {
        return Err(missing("sdpMid or sdpMLineIndex"));
    }
    let text = json.get("candidate").ok_or_else(|| missing("candidate"))?;
    let text = text.as_str().ok_or_else(|| invalid("candidate should be a string"))?;
    Ok(Read { mid: mid.and_then(|m| m.as_str().map(Into::into)), index, text: text.to_owned() })
}
