//! The functions of `janus_rs.h` that are about data channels: as those of `api`.
// The text is the header's: [any], [app] and [setup] are no links.
#![allow(rustdoc::broken_intra_doc_links)]

use super::api::{DEFECT, find};
use super::arguments::{bytes, fill, not_null, optional_text, read, text};
use super::channel::Channel;
use super::error::{Error, Result, call};
use super::queue::User;
use super::types::*;
use crate::export;
use crate::media::channel::{ChannelConfig, LARGEST_NEGOTIATED, Reliability};
use std::ffi::{c_char, c_int, c_void};
use std::sync::Arc;

export! {
    /// A data channel. Before the first description it is what makes our offer offer data. It may be sent on at once.
    /// `options` may be NULL. [any]
    "janus_rs.h" fn janus_rs_channel_open(
        core: *mut janus_rs, peer: janus_rs_peer, label: *const c_char, options: *const janus_rs_channel_options,
        out: *mut janus_rs_channel
    ) -> c_int as nonnull() or DEFECT; {
        call(|| {
            let core = find(core)?;
            core.live()?;
            let peer = core.peers.find(peer)?;
            let label = text(label, "label")?;
            not_null(out, "out")?;
            // SAFETY: NULL, or options with their size.
            let options = unsafe { read(options, "options") }?;
            let config = channel_config(label, &options)?;
            let number = core.peers.open_channel(&peer, config, User(options.user), options.low)?;
            // SAFETY: not NULL; the caller's variable.
            unsafe { *out = number };
            Ok(0)
        })
    }

    /// A whole message, JANUS_RS_TEXT or JANUS_RS_BINARY, of up to remote_max_message bytes (janus_rs_peer_get(), at most 16
    /// MiB; JANUS_RS_ETOOBIG), or of none. Copied. JANUS_RS_EAGAIN when 16 MiB wait already: JANUS_RS_EVENT_LOW follows
    /// when the peer has taken some of it. [any]
    "janus_rs.h" fn janus_rs_channel_send(
        core: *mut janus_rs, channel: janus_rs_channel, kind: c_int, data: *const c_void, length: usize
    ) -> c_int as nonnull() or DEFECT; {
        call(|| {
            let channel = find_channel(core, channel)?;
            let binary = match kind {
                k if k == janus_rs_message::JANUS_RS_TEXT as c_int => false,
                k if k == janus_rs_message::JANUS_RS_BINARY as c_int => true,
                _ => return Err(Error::invalid(format!("there is no kind {kind} of messages"))),
            };
            let data = match length {
                0 => &[],
                // SAFETY: NULL, or that long by contract.
                _ => unsafe { bytes(data, length, "data") }?,
            };
            if !binary && std::str::from_utf8(data).is_err() {
                return Err(Error::invalid("the text is not UTF-8"));
            }
            channel.send(binary, data).map(|()| 0)
        })
    }

    /// Bytes that the peer has not acknowledged; INT64_MAX at most, or an error. [any]
    "janus_rs.h" fn janus_rs_channel_buffered(core: *mut janus_rs, channel: janus_rs_channel) -> i64
        as nonnull() or DEFECT as i64; {
        let mut bytes = 0;
        let result = call(|| {
            bytes = i64::try_from(find_channel(core, channel)?.buffered()).unwrap_or(i64::MAX);
            Ok(0)
        });
        if result < 0 { i64::from(result) } else { bytes }
    }

    /// Another `low` than the one that it was opened with (0, for channels of the peer). [any]
    "janus_rs.h" fn janus_rs_channel_low(core: *mut janus_rs, channel: janus_rs_channel, bytes: usize) -> c_int
        as nonnull() or DEFECT; {
        call(|| find_channel(core, channel)?.set_low(bytes).map(|()| 0))
    }

    /// For channels that the peer has made: what the later events of this channel have as `user`. [any]
    "janus_rs.h" fn janus_rs_channel_user(core: *mut janus_rs, channel: janus_rs_channel, user: *mut c_void) -> c_int
        as nonnull() or DEFECT; {
        call(|| {
            find_channel(core, channel)?.set_user(User(user));
            Ok(0)
        })
    }

    /// What a channel is like. [any]
    "janus_rs.h" fn janus_rs_channel_get(
        core: *mut janus_rs, channel: janus_rs_channel, info: *mut janus_rs_channel_info
    ) -> c_int as nonnull() or DEFECT; {
        call(|| {
            let channel = find_channel(core, channel)?;
            // SAFETY: NULL, or a struct with its size.
            unsafe { fill(info, &channel.info(), "info") }
        })
    }

    /// What was sent is still delivered, and nothing comes any more; JANUS_RS_EVENT_CHANNEL_CLOSED follows. [any]
    "janus_rs.h" fn janus_rs_channel_close(core: *mut janus_rs, channel: janus_rs_channel) -> c_int
        as nonnull() or DEFECT; {
        call(|| find_channel(core, channel)?.close().map(|()| 0))
    }
}

fn find_channel(core: *mut janus_rs, number: janus_rs_channel) -> Result<Arc<Channel>> {
    let core = find(core)?;
    core.live()?;
    core.peers.channel(number)
}

fn channel_config(label: String, options: &janus_rs_channel_options) -> Result<ChannelConfig> {
    use janus_rs_reliability::*;
    let protocol = optional_text(options.protocol, "protocol")?.unwrap_or_default();
    if label.len() > usize::from(u16::MAX) || protocol.len() > usize::from(u16::MAX) {
        return Err(Error::invalid("label and protocol have at most 65535 bytes each"));
    }
    let limit = u32::try_from(options.limit).map_err(|_| Error::invalid("`limit` is negative"))?;
    let reliability = match options.reliability {
        kind if kind == JANUS_RS_RELIABLE as i32 => Reliability::Reliable,
        kind if kind == JANUS_RS_MAX_RETRANSMITS as i32 => Reliability::Retransmissions(limit),
        kind if kind == JANUS_RS_MAX_LIFETIME as i32 => Reliability::Lifetime(limit),
        kind => return Err(Error::invalid(format!("there is no reliability {kind}"))),
    };
    let negotiated = match options.negotiated {
        0 => None,
        _ => {
            let id = u16::try_from(options.id).ok().filter(|id| *id <= LARGEST_NEGOTIATED);
            Some(id.ok_or_else(|| Error::invalid(format!("`id` has to be 0 to {LARGEST_NEGOTIATED}")))?)
        }
    };
    Ok(ChannelConfig { label, protocol, ordered: options.unordered == 0, reliability, negotiated })
}
