//! The functions of `janus_rs.h` that are about clients of the Janus API: as those of `api`.
// The text is the header's: [any], [app] and [setup] are no links.
#![allow(rustdoc::broken_intra_doc_links)]

use super::api::{DEFECT, find};
use super::arguments::{bytes, give, not_null, only, optional_text, read};
use super::client::{self, Rights};
use super::error::{Error, Result, call};
use super::instance;
use super::queue::User;
use super::types::*;
use crate::export;
use crate::json::{Json, json_t};
use std::ffi::{CStr, c_char, c_int};

export! {
    /// One connection of yours (a WebSocket, an HTTP session, a person). What it creates belongs to it, and its replies and
    /// events come to `queue`. `options` may be NULL. [any]
    "janus_rs.h" fn janus_rs_client_open(
        core: *mut janus_rs, queue: *mut janus_rs_queue, options: *const janus_rs_client_options,
        out: *mut janus_rs_client
    ) -> c_int as nonnull() or DEFECT; {
        call(|| {
            let core = find(core)?;
            core.live()?;
            let queue = core.queue(queue as usize)?;
            not_null(out, "out")?;
            // SAFETY: NULL, or options with their size.
            let options = unsafe { read(options, "options") }?;
            let rights = Rights {
                name: optional_text(options.name, "name")?.unwrap_or_else(|| client::NAME.to_owned()),
                admin: options.admin != 0,
                trusted: options.trusted != 0,
                user: User(options.user),
            };
            let number = core.clients.open(queue, rights);
            // SAFETY: not NULL; the caller's variable.
            unsafe { *out = number };
            Ok(0)
        })
    }

    /// It has gone: its sessions end, or wait to be claimed (general.reclaim_session_timeout). Requests that wait are served,
    /// and their replies dropped. [any]
    "janus_rs.h" fn janus_rs_client_close(core: *mut janus_rs, client: janus_rs_client) -> c_int as nonnull() or DEFECT; {
        call(|| {
            let core = find(core)?;
            let live = core.live()?;
            core.clients.close(client, &live.api).map(|()| 0)
        })
    }

    /// A request, one JSON object of `length` bytes. Queued; JANUS_RS_EVENT_REPLY brings exactly one reply with this `tag`,
    /// also for text that is no JSON. Requests of one handle are served in order. `flags`: JANUS_RS_ADMIN. JANUS_RS_EAGAIN
    /// when too many wait. [any]
    "janus_rs.h" fn janus_rs_request(
        core: *mut janus_rs, client: janus_rs_client, tag: u64, flags: u32, json: *const c_char, length: usize
    ) -> c_int as nonnull() or DEFECT; {
        call(|| {
            let core = find(core)?;
            let live = core.live()?;
            let client = core.clients.find(client)?;
            let admin = request_flags(flags)?;
            // SAFETY: NULL, or that long by contract.
            let text = unsafe { bytes(json.cast(), length, "json") }?;
            client.request(&live.api, admin, tag, Json::parse(text, 0).map_err(Some)).map(|()| 0)
        })
    }

    /// The same, of a jansson value, without text in between. The reference of `message` is taken over, always. [any]
    "janus_rs.h" fn janus_rs_request_json(
        core: *mut janus_rs, client: janus_rs_client, tag: u64, flags: u32, message: *mut json_t
    ) -> c_int as nonnull() or DEFECT; {
        call(|| {
            // SAFETY: NULL, or a reference that the caller gives up.
            let message = unsafe { Json::from_owned(message) };
            let core = find(core)?;
            let live = core.live()?;
            let client = core.clients.find(client)?;
            let admin = request_flags(flags)?;
            let message = message.ok_or_else(|| Error::invalid("the message is NULL"))?;
            client.request(&live.api, admin, tag, Ok(message)).map(|()| 0)
        })
    }

    /// A request whose reply is waited for, at most `timeout_ms` (-1: without limit); the reply is yours to free. `json` ends
    /// with a NUL. Not for what a plugin says later, nor for sessions' ends, which come as events: take them, too. [app]
    "janus_rs.h" fn janus_rs_call(
        core: *mut janus_rs, client: janus_rs_client, flags: u32, json: *const c_char, reply: *mut *mut c_char,
        timeout_ms: c_int
    ) -> c_int as nonnull() or DEFECT; {
        call(|| {
            instance::may_wait()?;
            let core = find(core)?;
            let live = core.live()?;
            let client = core.clients.find(client)?;
            let admin = request_flags(flags)?;
            not_null(json, "json")?;
            not_null(reply, "reply")?;
            // SAFETY: not NULL; NUL-terminated by contract.
            let text = unsafe { CStr::from_ptr(json) };
            let message = Json::parse(text.to_bytes(), 0).map_err(Some);
            let answer = client.call(&live.api, admin, message, timeout_ms)?;
            give(&answer.dump(crate::json::dump::COMPACT).unwrap_or_default(), reply)
        })
    }

    /// Events as event handler modules get them, of the kinds in `mask` (1 sessions, 2 handles, 4 external, 8 JSEP, 16 WebRTC,
    /// 32 media, 64 plugins, 128 transports, 256 core); 0 ends it. Before the start it switches events.broadcast on; after
    /// it JANUS_RS_ESTATE says that it is off. [any]
    "janus_rs.h" fn janus_rs_watch(core: *mut janus_rs, queue: *mut janus_rs_queue, mask: u32) -> c_int
        as nonnull() or DEFECT; {
        call(|| {
            let core = find(core)?;
            let found = core.queue(queue as usize)?;
            let live = match core.live() {
                Ok(live) => Some(live),
                Err(_) => core.set_up(|_| None)?,
            };
            let api = live.as_ref().map(|live| &live.api);
            core.watches.set(queue as usize, found, mask as usize, api).map(|()| 0)
        })
    }
}

fn request_flags(flags: u32) -> Result<bool> {
    only(flags, janus_rs_request_flag::JANUS_RS_ADMIN as u32)
}
