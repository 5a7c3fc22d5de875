//! The functions of `janus_rs.h`, in its order. Each checks its arguments and asks the rest of this room. build.rs makes the
//! header from these signatures and comments, and from `types`.
// The text is the header's: [any], [app] and [setup] are no links.
#![allow(rustdoc::broken_intra_doc_links)]

use super::arguments::{
    copy_event, fill, give, not_null, only, option, optional_text, path, read, size_of_event, text,
};
use super::channel::Channel;
use super::client::{self, Rights};
use super::direct::Direct;
use super::error::{self, Error, Result, call};
use super::hooks::Hooks;
use super::instance::{self, Instance, Options};
use super::opening;
use super::peer::{Peer, PeerOptions};
use super::peer_plugin;
use super::queue::{Handlers, Queue, User};
use super::types::janus_rs_code::*;
use super::types::*;
use super::{VERSION, signals};
use crate::abi;
use crate::config::{self, Config};
use crate::core::handle::Handle;
use crate::export;
use crate::json::{Json, json_t};
use crate::media::channel::{ChannelConfig, LARGEST_NEGOTIATED, Reliability};
use crate::modules::given::Given;
use crate::modules::head::Kind;
use crate::record::capture::{Capture, Format};
use crate::stall;
use std::ffi::{CStr, OsString, c_char, c_int, c_void};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What functions return when they panic in spite of everything.
pub const DEFECT: c_int = JANUS_RS_EINTERNAL as c_int;

/// How long plugins may take to return at a stop, unless the program says otherwise.
const PATIENCE: Duration = Duration::from_secs(5);

export! {
    /// The version of this library, a static string such as "0.1.0". [any]
    "janus_rs.h" fn janus_rs_version() -> *const c_char as nonnull() or VERSION.as_ptr(); {
        VERSION.as_ptr()
    }

    /// The API level of the library; a program wants at least the JANUS_RS_API that it was compiled with. [any]
    "janus_rs.h" fn janus_rs_api() -> c_int as nonnull() or DEFECT; {
        JANUS_RS_API
    }

    /// What the last failed call of this thread found; "" when none failed. Valid until the thread's next call. [any]
    "janus_rs.h" fn janus_rs_error() -> *const c_char as nonnull() or c"".as_ptr(); {
        error::last()
    }

    /// The name of a result, such as "JANUS_RS_EAGAIN"; static, for any number. [any]
    "janus_rs.h" fn janus_rs_error_name(result: c_int) -> *const c_char as nonnull() or c"".as_ptr(); {
        error::name(result).as_ptr()
    }

    /// Frees what a function here returned as yours. NULL is fine. [any]
    "janus_rs.h" fn janus_rs_free(memory: *mut c_void) as nonnull() or (); {
        // SAFETY: from `give`, which has it from malloc; or NULL.
        unsafe { libc::free(memory) }
    }

    /// Makes an instance. No thread and no socket before janus_rs_start(). `options` may be NULL. [app]
    "janus_rs.h" fn janus_rs_open(out: *mut *mut janus_rs, options: *const janus_rs_options) -> c_int
        as nonnull() or DEFECT; {
        call(|| {
            instance::may_wait()?;
            not_null(out, "out")?;
            // SAFETY: NULL, or options with their size.
            let options = unsafe { read(options, "options") }?;
            // SAFETY: the caller's, as the header asks for.
            let options = unsafe { instance_options(options) }?;
            if options.modules {
                crate::modules::library::promote_ourselves();
            }
            let number = instance::open(options)?;
            // SAFETY: not NULL; the caller's variable.
            unsafe { *out = number as *mut janus_rs };
            Ok(0)
        })
    }

    /// Sets "category.item" as janus.jcfg names them: janus_rs_set(core, "nat.ice_lite", "true"). It wins over the folder's
    /// file. Unknown names are JANUS_RS_EINVAL, unlike in a file. NULL takes the value away. [setup]
    "janus_rs.h" fn janus_rs_set(core: *mut janus_rs, name: *const c_char, value: *const c_char) -> c_int
        as nonnull() or DEFECT; {
        call(|| {
            let core = find(core)?;
            let option = option(&text(name, "name")?)?;
            let value = optional_text(value, "value")?;
            core.set_up(|setup| setup.set(option, value.as_deref())).map(|()| 0)
        })
    }

    /// The value in force, yours to free. JANUS_RS_ESTATE before the start, JANUS_RS_ENOENT when there is none. [any]
    "janus_rs.h" fn janus_rs_get(core: *mut janus_rs, name: *const c_char, out: *mut *mut c_char) -> c_int
        as nonnull() or DEFECT; {
        call(|| {
            let core = find(core)?;
            let option = option(&text(name, "name")?)?;
            not_null(out, "out")?;
            let value = core.value(option)?.ok_or_else(|| {
                Error::new(JANUS_RS_ENOENT, format!("{}.{} has no value", option.category, option.name))
            })?;
            give(&value, out)
        })
    }

    /// A configuration file of a module that exists in memory only: modules that read a file of this name get `file_text`.
    /// [setup]
    "janus_rs.h" fn janus_rs_config(core: *mut janus_rs, file: *const c_char, file_text: *const c_char) -> c_int
        as nonnull() or DEFECT; {
        call(|| {
            let core = find(core)?;
            let (file, file_text) = (text(file, "file")?, text(file_text, "text")?);
            if ["janus.jcfg", "janus-rs.jcfg"].contains(&file.as_str()) {
                return Err(Error::invalid(format!("{file} is not a module's: use janus_rs_set()")));
            }
            if file.is_empty() || file.contains('/') {
                return Err(Error::invalid(format!("'{file}' is not the name of a file without folders")));
            }
            // Here, where there is somebody to tell.
            Config::parse(&file, file_text.as_bytes(), &config::no_include)
                .map_err(|why| Error::invalid(why.to_string()))?;
            core.set_up(|setup| setup.file(&file, &file_text)).map(|()| 0)
        })
    }

    /// Binds sockets, starts threads, initialises modules; returns when all is up. No Janus transport is required. An
    /// instance that fails to start can be tried again, unless it has modules: they are initialised once. [app]
    "janus_rs.h" fn janus_rs_start(core: *mut janus_rs) -> c_int as nonnull() or DEFECT; {
        call(|| {
            instance::may_wait()?;
            find(core)?.start().map(|()| 0)
        })
    }

    /// `on`: from now on no session is created, and JANUS_RS_EVENT_DRAINED comes to every queue when the last one has gone. 0
    /// ends it. [any]
    "janus_rs.h" fn janus_rs_drain(core: *mut janus_rs, on: c_int) -> c_int as nonnull() or DEFECT; {
        call(|| find(core)?.drain(on != 0).map(|()| 0))
    }

    /// Hangs up, destroys sessions and modules. Waits at most `timeout_ms` for plugins to return (-1: 5 s). What waits in
    /// queues can still be taken. Does nothing twice. [app]
    "janus_rs.h" fn janus_rs_stop(core: *mut janus_rs, timeout_ms: c_int) -> c_int as nonnull() or DEFECT; {
        call(|| {
            instance::may_wait()?;
            find(core)?.stop(u64::try_from(timeout_ms).map_or(PATIENCE, Duration::from_millis)).map(|()| 0)
        })
    }

    /// Stops it if need be, and frees the instance, its queues and its clients. NULL is fine. [app]
    "janus_rs.h" fn janus_rs_close(core: *mut janus_rs) -> c_int as nonnull() or DEFECT; {
        call(|| {
            if core.is_null() {
                return Ok(0);
            }
            instance::may_wait()?;
            find(core)?.close(PATIENCE).map(|()| 0)
        })
    }

    /// A queue. Events of one client keep their order. `options` may be NULL. [app]
    "janus_rs.h" fn janus_rs_queue_open(
        core: *mut janus_rs, out: *mut *mut janus_rs_queue, options: *const janus_rs_queue_options
    ) -> c_int as nonnull() or DEFECT; {
        call(|| {
            let core = find(core)?;
            not_null(out, "out")?;
            // SAFETY: NULL, or options with their size.
            let options = unsafe { read(options, "options") }?;
            let handlers = if options.handlers.is_null() {
                None
            } else {
                // SAFETY: not NULL: functions with their size.
                let functions = unsafe { read(options.handlers, "handlers") }?;
                Some(Handlers { functions, user: User(options.user) })
            };
            let number = core.add_queue(Queue::new(options.limit, handlers)?)?;
            // SAFETY: not NULL; the caller's variable.
            unsafe { *out = number as *mut janus_rs_queue };
            Ok(0)
        })
    }

    /// A descriptor that is readable while something waits, and only then. For poll, epoll, uv_poll, GLib, asyncio …: never
    /// read, write or close it. With edge-triggered loops take events until there is none. [any]
    "janus_rs.h" fn janus_rs_queue_fd(queue: *mut janus_rs_queue) -> c_int as nonnull() or DEFECT; {
        call(|| Ok(instance::find_queue(queue as usize)?.fd()))
    }

    /// Takes one event: 1, or 0 when none comes within `timeout_ms` (0: at once, -1: no limit), when the queue is woken, or
    /// when its instance was closed. One thread at a time per queue: use several queues for several threads. [app]
    "janus_rs.h" fn janus_rs_next(queue: *mut janus_rs_queue, event: *mut janus_rs_event, timeout_ms: c_int)
        -> c_int as nonnull() or DEFECT; {
        call(|| {
            if timeout_ms != 0 {
                instance::may_wait()?;
            }
            let queue = instance::find_queue(queue as usize)?;
            // SAFETY: NULL, or an event with its size.
            let size = unsafe { size_of_event(event) }?;
            let taken = queue.next(timeout_ms, |found| {
                // SAFETY: the caller's struct of that size, which is not larger than ours, or is ours; `size` stays.
                unsafe { copy_event(found, event, size) };
            })?;
            Ok(c_int::from(taken))
        })
    }

    /// Takes up to `most` waiting events (0: all that wait now) and calls the queue's handlers on this thread. Returns how
    /// many. [app]
    "janus_rs.h" fn janus_rs_dispatch(queue: *mut janus_rs_queue, most: c_int) -> c_int as nonnull() or DEFECT; {
        call(|| {
            instance::may_wait()?;
            let most = usize::try_from(most).map_err(|_| Error::invalid("`most` is negative"))?;
            let count = instance::find_queue(queue as usize)?.dispatch(most)?;
            Ok(c_int::try_from(count).unwrap_or(c_int::MAX))
        })
    }

    /// Makes a waiting janus_rs_next() return 0, or the next one that would wait. [any]
    "janus_rs.h" fn janus_rs_queue_wake(queue: *mut janus_rs_queue) -> c_int as nonnull() or DEFECT; {
        call(|| {
            instance::find_queue(queue as usize)?.wake();
            Ok(0)
        })
    }

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
            not_null(json, "json")?;
            // SAFETY: not NULL, and that long by contract.
            let text = unsafe { std::slice::from_raw_parts(json.cast::<u8>(), length) };
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

    /// Opens and checks one compiled module; janus_rs_start() initialises it. `kind`: JANUS_RS_PLUGIN and so on. Without this
    /// and its siblings nothing is loaded, whatever general.plugins_folder says. A module that is refused is
    /// JANUS_RS_EMODULE. [setup]
    "janus_rs.h" fn janus_rs_load(core: *mut janus_rs, kind: c_int, file: *const c_char) -> c_int
        as nonnull() or DEFECT; {
        call(|| {
            let core = find(core)?;
            let (kind, file) = (module_kind(kind)?, path(file, "file")?);
            core.set_up(|_| ())?;
            core.with_modules()?;
            let module = Given::open(&file, kind).map_err(refused)?;
            core.set_up(|setup| setup.give(module)).map(|()| 0)
        })
    }

    /// The same for all modules of a folder but those named in `disable` ("a.so,b.so", or NULL). Refused ones are log lines;
    /// returns how many are left. [setup]
    "janus_rs.h" fn janus_rs_load_folder(
        core: *mut janus_rs, kind: c_int, folder: *const c_char, disable: *const c_char
    ) -> c_int as nonnull() or DEFECT; {
        call(|| {
            let core = find(core)?;
            let (kind, folder) = (module_kind(kind)?, path(folder, "folder")?);
            let disable = optional_text(disable, "disable")?.unwrap_or_default();
            core.set_up(|_| ())?;
            core.with_modules()?;
            let modules = Given::open_folder(&folder, kind, &disable).map_err(refused)?;
            let count = c_int::try_from(modules.len()).unwrap_or(c_int::MAX);
            core.set_up(|setup| modules.into_iter().for_each(|module| setup.give(module))).map(|()| count)
        })
    }

    /// Registers a module that is part of the program: a `struct janus_plugin *`, `janus_transport *` … compiled with the
    /// headers of this library, whose JANUS_RS_SDK `sdk` is. It is used until the stop. [setup]
    "janus_rs.h" fn janus_rs_register(core: *mut janus_rs, kind: c_int, table: *mut c_void, sdk: c_int) -> c_int
        as nonnull() or DEFECT; {
        call(|| {
            let core = find(core)?;
            let kind = module_kind(kind)?;
            not_null(table, "table")?;
            core.set_up(|_| ())?;
            core.with_modules()?;
            if sdk != SDK {
                let why = format!(
                    "the module was compiled with headers of form {sdk}, this library has form {SDK}"
                );
                return Err(Error::new(JANUS_RS_EMODULE, why));
            }
            // SAFETY: a table of this form, which is static in the program, by contract.
            let module = unsafe { Given::table(table, kind) }.map_err(refused)?;
            core.set_up(|setup| setup.give(module)).map(|()| 0)
        })
    }

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
    /// wrong in which line. [any]
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
            unsafe { fill(info, &super::figures::peer(&instance, &peer), "info") }
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
    /// MiB; JANUS_RS_ETOOBIG), or of none. Copied. JANUS_RS_EAGAIN when 16 MiB wait already: JANUS_RS_EVENT_LOW follows. [any]
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
                _ => {
                    not_null(data, "data")?;
                    // SAFETY: not NULL, and that long by contract.
                    unsafe { std::slice::from_raw_parts(data.cast::<u8>(), length) }
                }
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

    /// Figures of a running instance; cheap. Members beyond `size` are left alone. [any]
    "janus_rs.h" fn janus_rs_count(core: *mut janus_rs, counters: *mut janus_rs_counters) -> c_int
        as nonnull() or DEFECT; {
        call(|| {
            let core = find(core)?;
            not_null(counters, "counters")?;
            // SAFETY: a struct with its size.
            unsafe { fill(counters, &super::figures::count(&core)?, "counters") }
        })
    }

    /// Addresses of the media sockets, as JSON: one list per worker, of texts such as "192.0.2.1:20000". What a firewall has
    /// to let through. Yours to free. [any]
    "janus_rs.h" fn janus_rs_addresses(core: *mut janus_rs, json: *mut *mut c_char) -> c_int as nonnull() or DEFECT; {
        call(|| {
            let core = find(core)?;
            not_null(json, "json")?;
            give(&super::figures::addresses(&core)?, json)
        })
    }

    /// Sets the level of the log, 0 none … 7; of the whole process. [any]
    "janus_rs.h" fn janus_rs_log_level(level: c_int) -> c_int as nonnull() or DEFECT; {
        call(|| {
            if !(0..=7).contains(&level) {
                return Err(Error::invalid(format!("there is no level {level}")));
            }
            abi::log::set_level(level);
            Ok(0)
        })
    }

    /// Runs the daemon with these arguments (argv[0] is the program) until a signal stops it. Returns its exit status: 0 after
    /// a clean stop, 1 otherwise. Call it once, on the main thread, before starting other threads. Installs signal handlers.
    "janus_rs.h" fn janus_rs_main(argc: c_int, argv: *const *const c_char) -> c_int as nonnull(argv) or 1; {
        crate::modules::library::promote_ourselves();
        signals::DAEMON.prepare();
        let count = usize::try_from(argc).unwrap_or(0);
        // SAFETY: the caller passes `argc` C strings, as main() gets them.
        let arguments = unsafe { std::slice::from_raw_parts(argv, count) };
        let arguments = arguments.iter().filter(|a| !a.is_null()).map(|a| {
            // SAFETY: checked, and NUL-terminated as above.
            OsString::from_vec(unsafe { CStr::from_ptr(*a) }.to_bytes().to_vec())
        });
        crate::daemon::main(arguments.collect(), &super::system::Process)
    }
}

/// The form of modules that are registered: generation B6.
const SDK: c_int = 6;

pub fn find(core: *mut janus_rs) -> Result<Arc<Instance>> {
    instance::find(core as usize)
}

pub fn find_peer(core: *mut janus_rs, number: janus_rs_peer) -> Result<Arc<Peer>> {
    let core = find(core)?;
    core.live()?;
    core.peers.find(number)
}

fn find_channel(core: *mut janus_rs, number: janus_rs_channel) -> Result<Arc<Channel>> {
    let core = find(core)?;
    core.live()?;
    core.peers.channel(number)
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

fn request_flags(flags: u32) -> Result<bool> {
    only(flags, janus_rs_request_flag::JANUS_RS_ADMIN as u32)
}

/// A module that is not taken.
fn refused(why: impl std::fmt::Display) -> Error {
    Error::new(JANUS_RS_EMODULE, why.to_string())
}

fn module_kind(kind: c_int) -> Result<Kind> {
    use janus_rs_module::*;
    let kinds = [
        (JANUS_RS_PLUGIN, Kind::Plugin),
        (JANUS_RS_TRANSPORT, Kind::Transport),
        (JANUS_RS_EVENTHANDLER, Kind::EventHandler),
        (JANUS_RS_LOGGER, Kind::Logger),
    ];
    let found = kinds.into_iter().find(|(number, _)| *number as c_int == kind);
    found.map(|(_, kind)| kind).ok_or_else(|| Error::invalid(format!("there is no kind {kind} of modules")))
}

/// # Safety
/// Pointers in it are NULL or what the header says.
unsafe fn instance_options(options: janus_rs_options) -> Result<Options> {
    const MODULES: u32 = janus_rs_flag::JANUS_RS_MODULES as u32;
    if options.flags & !MODULES != 0 {
        return Err(Error::invalid(format!("unknown flags {:#x}", options.flags)));
    }
    let user = User(options.user);
    let hooks = (options.thread_started.is_some() || options.thread_ended.is_some()).then_some(Hooks {
        started: options.thread_started,
        ended: options.thread_ended,
        user,
    });
    Ok(Options {
        modules: options.flags & MODULES != 0,
        workers: options.workers,
        folder: if options.config_folder.is_null() {
            None
        } else {
            Some(path(options.config_folder, "config_folder")?)
        },
        log: options.log.map(|function| (function, user)),
        hooks,
    })
}
