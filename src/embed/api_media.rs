//! The functions of `janus_rs.h` that are about media: as those of `api`.
// The text is the header's: [any] and [app] are no links.
#![allow(rustdoc::broken_intra_doc_links)]

use super::api::{DEFECT, find, find_peer};
use super::arguments::{bytes, fill, not_null, optional_text, read};
use super::error::{Error, Result, call};
use super::figures;
use super::types::*;
use crate::export;
use crate::links::lines::{Format, Wanted};
use crate::links::link::Wish;
use crate::sdp::Direction;
use std::ffi::{c_int, c_void};

export! {
    /// Audio or video in our next offer, or, when an offer of the peer waits, how our answer takes one of its media (without
    /// that it is rejected, see JANUS_RS_ACCEPT_MEDIA). Returns the index of its m-line. An offer of the peer that comes
    /// before ours was made has its own order: janus_rs_media_get() tells. [any]
    "janus_rs.h" fn janus_rs_peer_media(core: *mut janus_rs, peer: janus_rs_peer, media: *const janus_rs_media) -> c_int
        as nonnull() or DEFECT; {
        call(|| {
            let peer = find_peer(core, peer)?;
            not_null(media, "media")?;
            // SAFETY: media with their size.
            let media = unsafe { read(media, "media") }?;
            peer.add_media(wanted(&media)?)
        })
    }

    /// Another direction, JANUS_RS_SENDRECV and so on; it counts from the next description on. [any]
    "janus_rs.h" fn janus_rs_peer_direction(
        core: *mut janus_rs, peer: janus_rs_peer, mindex: i32, direction: c_int
    ) -> c_int as nonnull() or DEFECT; {
        call(|| find_peer(core, peer)?.set_direction(mindex, direction_of(direction)?).map(|()| 0))
    }

    /// What an m-line is, once there is a description: 0, 1 … until JANUS_RS_ENOENT. [any]
    "janus_rs.h" fn janus_rs_media_get(
        core: *mut janus_rs, peer: janus_rs_peer, mindex: i32, info: *mut janus_rs_media_info
    ) -> c_int as nonnull() or DEFECT; {
        call(|| {
            let peer = find_peer(core, peer)?;
            // SAFETY: NULL, or a struct with its size.
            unsafe { fill(info, &figures::medium(&peer, mindex)?, "info") }
        })
    }

    /// One RTP packet on its way to the peer, of at most 1500 bytes. Payload type, sequence number, timestamp and marker are
    /// yours; SSRC, header extensions, encryption, retransmission and reports are the library's. Copied. JANUS_RS_ESTATE
    /// while the peer is not connected, or when this medium does not send. [any]
    "janus_rs.h" fn janus_rs_send_rtp(
        core: *mut janus_rs, peer: janus_rs_peer, mindex: i32, packet: *const c_void, length: usize
    ) -> c_int as nonnull() or DEFECT; {
        call(|| {
            let peer = find_peer(core, peer)?;
            // SAFETY: NULL, or that long by contract.
            let packet = unsafe { bytes(packet, length, "packet") }?;
            peer.is_up()?;
            Ok(peer.media.send(mindex, packet).map(|()| 0)?)
        })
    }

    /// RTCP about a medium. Reports, NACKs and what else the library does by itself is taken out; SSRCs are the library's.
    /// Copied. [any]
    "janus_rs.h" fn janus_rs_send_rtcp(
        core: *mut janus_rs, peer: janus_rs_peer, mindex: i32, packet: *const c_void, length: usize
    ) -> c_int as nonnull() or DEFECT; {
        call(|| {
            let peer = find_peer(core, peer)?;
            // SAFETY: NULL, or that long by contract.
            let packet = unsafe { bytes(packet, length, "packet") }?;
            peer.is_up()?;
            Ok(peer.media.send_rtcp(mindex, packet).map(|()| 0)?)
        })
    }

    /// Asks the peer for a key frame of a video that it sends; at most every 300 ms, what comes sooner is asked for then.
    /// [any]
    "janus_rs.h" fn janus_rs_ask_keyframe(core: *mut janus_rs, peer: janus_rs_peer, mindex: i32) -> c_int
        as nonnull() or DEFECT; {
        call(|| Ok(find_peer(core, peer)?.media.ask_keyframe(mindex).map(|()| 0)?))
    }

    /// What the peer may send, bit/s, in all (REMB); 0: as much as its path takes. Repeated while it is in force. [any]
    "janus_rs.h" fn janus_rs_limit_bitrate(core: *mut janus_rs, peer: janus_rs_peer, bits_per_second: u32) -> c_int
        as nonnull() or DEFECT; {
        call(|| find_peer(core, peer)?.limit_bitrate(bits_per_second).map(|()| 0))
    }

    /// Forwards what one peer sends to a medium of another one, inside the library, without a call or an event per packet.
    /// The receiver sees one stream: numbers go on without gaps, and payload types are its own. A medium has one source:
    /// setting it again switches, or changes how much is sent. Both media need a description of ours; key frames are asked
    /// for as needed. [any]
    "janus_rs.h" fn janus_rs_link_set(core: *mut janus_rs, link: *const janus_rs_link) -> c_int as nonnull() or DEFECT; {
        call(|| {
            let core = find(core)?;
            core.live()?;
            not_null(link, "link")?;
            // SAFETY: a link with its size.
            let link = unsafe { read(link, "link") }?;
            let layers = |count: i32, name: &str| {
                let few = u8::try_from(count).ok().filter(|count| *count <= 8);
                few.ok_or_else(|| Error::invalid(format!("`{name}` has to be 0 to 8")))
            };
            let wish = Wish {
                layers: layers(link.layers, "layers")?,
                temporal: layers(link.temporal_layers, "temporal_layers")?,
                paused: link.paused != 0,
            };
            core.peers.link((link.from, link.from_mindex), (link.to, link.to_mindex), wish).map(|()| 0)
        })
    }

    /// Ends it. It ends by itself with its receiver, and sends nothing any more when its source has gone. [any]
    "janus_rs.h" fn janus_rs_link_clear(core: *mut janus_rs, to: janus_rs_peer, to_mindex: i32) -> c_int
        as nonnull() or DEFECT; {
        call(|| {
            let core = find(core)?;
            core.live()?;
            core.peers.unlink((to, to_mindex)).map(|()| 0)
        })
    }
}

fn wanted(media: &janus_rs_media) -> Result<Wanted> {
    use janus_rs_kind::*;
    let video = match media.kind {
        kind if kind == JANUS_RS_AUDIO as i32 => false,
        kind if kind == JANUS_RS_VIDEO as i32 => true,
        kind => return Err(Error::invalid(format!("there is no kind {kind} of media"))),
    };
    let word = |text: &str, name: &str| {
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if plain {
            Ok(text.to_owned())
        } else {
            Err(Error::invalid(format!("`{name}`: '{text}' is no name")))
        }
    };
    let mid = optional_text(media.mid, "mid")?.map(|mid| word(&mid, "mid")).transpose()?;
    if mid.as_ref().is_some_and(|mid| mid.len() > 16) {
        return Err(Error::invalid("`mid` has at most 16 bytes"));
    }
    let msid = match optional_text(media.msid, "msid")? {
        None => None,
        Some(text) => {
            let (stream, track) = text.split_once(' ').unwrap_or((&text, ""));
            Some((word(stream, "msid")?, word(track, "msid")?))
        }
    };
    let extensions = match optional_text(media.extensions, "extensions")? {
        None => None,
        Some(text) => {
            let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
            Some(names.map(|name| word(name, "extensions")).collect::<Result<_>>()?)
        }
    };
    Ok(Wanted {
        video,
        direction: direction_of(media.direction)?,
        formats: Format::list(optional_text(media.codecs, "codecs")?.as_deref(), video)?,
        mid,
        msid,
        extensions,
        automatic: false,
    })
}

fn direction_of(direction: c_int) -> Result<Direction> {
    use janus_rs_direction::*;
    let directions = [
        (JANUS_RS_SENDRECV, Direction::SendRecv),
        (JANUS_RS_SENDONLY, Direction::SendOnly),
        (JANUS_RS_RECVONLY, Direction::RecvOnly),
        (JANUS_RS_INACTIVE, Direction::Inactive),
    ];
    let found = directions.into_iter().find(|(number, _)| *number as c_int == direction);
    found.map(|(_, found)| found).ok_or_else(|| Error::invalid(format!("there is no direction {direction}")))
}
