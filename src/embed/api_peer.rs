//! The functions of `janus_rs.h` that are about peers: as those of `api`.
// The text is the header's: [any], [app] and [setup] are no links.
#![allow(rustdoc::broken_intra_doc_links)]

use super::api::{DEFECT, find, find_peer};
use super::arguments::{fill, give, not_null, only, optional_text, path, read, text};
use super::direct::Direct;
use super::error::{Error, Result, call};
use super::figures;
use super::instance;
use super::opening;
use super::peer::PeerOptions;
use super::peer_plugin;
use super::queue::User;
use super::types::janus_rs_code::*;
use super::types::*;
use crate::core::handle::Handle;
use crate::export;
use crate::record::capture::{Capture, Format};
use crate::stall;
use std::ffi::{c_char, c_int};
use std::path::Path;
use std::sync::Arc;

export! {
    /// A new PeerConnection without a plugin; its events come to `queue`. Nothing is sent before descriptions were exchanged.
    /// `options` may be NULL. [any]
    "janus_rs.h" fn janus_rs_peer_open(
        core: *mut janus_rs, queue: *mut janus_rs_queue, options: *const janus_rs_peer_options,
        out: *mut janus_rs_peer
    ) -> c_int as nonnull() or DEFECT; {
        call(|| {
            let core = find(core)?;
            let live = core.live()?;
            let queue = core.queue(queue as usize)?;
            not_null(out, "out")?;
            // SAFETY: NULL, or options with their size.
            let options = unsafe { read(options, "options") }?;
            let flag = peer_flags(options.flags)?;
            let options = PeerOptions {
                trickles: flag(janus_rs_peer_flag::JANUS_RS_TRICKLE),
                accepts_media: flag(janus_rs_peer_flag::JANUS_RS_ACCEPT_MEDIA),
                rtp_events: flag(janus_rs_peer_flag::JANUS_RS_RTP_EVENTS),
                direct: (options.rtp.is_some() || options.rtcp.is_some()).then(|| Direct {
                    rtp: options.rtp,
                    rtcp: options.rtcp,
                    user: User(options.user),
                    watched: stall::Plugin::of(peer_plugin::PACKAGE),
                }),
                worker: options.worker.checked_sub(1).map(|worker| worker as usize),
                name: optional_text(options.name, "name")?,
                user: User(options.user),
            };
            let number = opening::open(&core.peers, &live.api.core, queue, options)?;
            // SAFETY: not NULL; the caller's variable.
            unsafe { *out = number };
            Ok(0)
        })
    }

    /// Says goodbye to the peer and ends it: JANUS_RS_EVENT_CLOSED follows, behind its channels' ends. [any]
    "janus_rs.h" fn janus_rs_peer_close(core: *mut janus_rs, peer: janus_rs_peer) -> c_int as nonnull() or DEFECT; {
        call(|| find_peer(core, peer)?.close().map(|()| 0))
    }

    /// Our description, yours to free: the answer, if an offer of the peer waits for one, else an offer, which needs a channel
    /// or media. All our addresses are known from the start, so that it never waits. `flags`: JANUS_RS_RESTART_ICE, for an
    /// offer. [any]
    "janus_rs.h" fn janus_rs_peer_describe(
        core: *mut janus_rs, peer: janus_rs_peer, flags: u32, sdp: *mut *mut c_char
    ) -> c_int as nonnull() or DEFECT; {
        call(|| {
            let peer = find_peer(core, peer)?;
            let restart = only(flags, janus_rs_describe_flag::JANUS_RS_RESTART_ICE as u32)?;
            not_null(sdp, "sdp")?;
            give(&peer.describe(restart)?, sdp)
        })
    }

    /// The peer's offer or answer, as people paste it: SDP with any line ends, or {"type": …, "sdp": …}. An offer while ours is
    /// open takes ours back, and so does {"type": "rollback"}. What cannot be used is JANUS_RS_ESDP, and the text says what is
    /// wrong in which line. Of a peer of this process on the same media thread: JANUS_RS_ENOSUP. [any]
    "janus_rs.h" fn janus_rs_peer_accept(core: *mut janus_rs, peer: janus_rs_peer, description: *const c_char) -> c_int
        as nonnull() or DEFECT; {
        call(|| {
            let peer = find_peer(core, peer)?;
            peer.accept(&text(description, "description")?).map(|()| 0)
        })
    }

    /// A candidate of the peer, "candidate:…", "a=candidate:…" or an RTCIceCandidate as JSON; "" or NULL: that was the last.
    /// Kept until there is a description. `mid` may be NULL. [any]
    "janus_rs.h" fn janus_rs_peer_candidate(
        core: *mut janus_rs, peer: janus_rs_peer, mid: *const c_char, candidate: *const c_char
    ) -> c_int as nonnull() or DEFECT; {
        call(|| {
            let peer = find_peer(core, peer)?;
            let (mid, candidate) = (optional_text(mid, "mid")?, optional_text(candidate, "candidate")?);
            peer.candidate(mid.as_deref(), candidate.as_deref()).map(|()| 0)
        })
    }

    /// What is known of a peer; never waits. [any]
    "janus_rs.h" fn janus_rs_peer_get(core: *mut janus_rs, peer: janus_rs_peer, info: *mut janus_rs_peer_info) -> c_int
        as nonnull() or DEFECT; {
        call(|| {
            let instance = find(core)?;
            let peer = find_peer(core, peer)?;
            // SAFETY: NULL, or a struct with its size.
            unsafe { fill(info, &figures::peer(&instance, &peer), "info") }
        })
    }

    /// All that is known of a peer, or of a plugin's handle, as JSON: what the Admin API's handle_info says. Asks the media
    /// thread. Yours to free. [app]
    "janus_rs.h" fn janus_rs_inspect(core: *mut janus_rs, peer_or_handle: u64, json: *mut *mut c_char) -> c_int
        as nonnull() or DEFECT; {
        call(|| {
            instance::may_wait()?;
            let handle = find_handle(core, peer_or_handle)?;
            not_null(json, "json")?;
            let info = crate::api::admin::handle_info::of(&handle);
            give(&info.dump(crate::json::dump::COMPACT).unwrap_or_default(), json)
        })
    }

    /// Writes the unencrypted packets of a peer, or of a plugin's handle, to a file: pcap if its name ends so, else text for
    /// text2pcap. NULL ends it. [app]
    "janus_rs.h" fn janus_rs_peer_capture(core: *mut janus_rs, peer_or_handle: u64, file: *const c_char) -> c_int
        as nonnull() or DEFECT; {
        call(|| {
            instance::may_wait()?;
            let handle = find_handle(core, peer_or_handle)?;
            if file.is_null() {
                return match handle.stop_capture() {
                    true => Ok(0),
                    false => Err(Error::state("nothing is being captured")),
                };
            }
            capture(&handle, &path(file, "file")?).map(|()| 0)
        })
    }
}

/// Of a peer, or of a plugin.
fn find_handle(core: *mut janus_rs, number: u64) -> Result<Arc<Handle>> {
    let core = find(core)?;
    let live = core.live()?;
    let sessions = live.api.core.sessions();
    let found = sessions.iter().find_map(|session| session.handle(number));
    found
        .ok_or_else(|| Error::new(JANUS_RS_ENOENT, format!("there is no peer or handle {number} (any more)")))
}

fn capture(handle: &Handle, file: &Path) -> Result<()> {
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else {
        return Err(Error::invalid(format!("{} is no file", file.display())));
    };
    let format = match file.extension() {
        Some(ending) if ending == "pcap" => Format::Pcap,
        _ => Format::Text,
    };
    let folder = folder.to_str().filter(|folder| !folder.is_empty()).or(Some("."));
    let capture = Capture::create(folder, name.to_str(), 0, format)
        .map_err(|why| Error::new(JANUS_RS_ESYSTEM, format!("{}: {why}", file.display())))?;
    match handle.start_capture(Arc::new(capture)) {
        true => Ok(()),
        false => Err(Error::state("packets are being captured already")),
    }
}

/// Tells which flags of a peer are set.
fn peer_flags(flags: u32) -> Result<impl Fn(janus_rs_peer_flag) -> bool> {
    use janus_rs_peer_flag::*;
    only(flags, JANUS_RS_TRICKLE as u32 | JANUS_RS_ACCEPT_MEDIA as u32 | JANUS_RS_RTP_EVENTS as u32)?;
    Ok(move |flag| flags & flag as u32 != 0)
}
