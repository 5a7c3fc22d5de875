//! The functions of `janus_rs.h`, in its order: here the library, instances and queues, in `api_client` and its siblings the
//! rest. Each checks its arguments and asks the rest of this room. build.rs makes the header from these signatures and
//! comments, and from `types`.
// The text is the header's: [any], [app] and [setup] are no links.
#![allow(rustdoc::broken_intra_doc_links)]

use super::VERSION;
use super::arguments::{copy_event, give, not_null, option, optional_text, path, read, size_of_event, text};
use super::error::{self, Error, Result, call};
use super::hooks::Hooks;
use super::instance::{self, Instance, Options};
use super::peer::Peer;
use super::queue::{Handlers, Queue, User};
use super::types::janus_rs_code::*;
use super::types::*;
use crate::config::{self, Config};
use crate::export;
use std::ffi::{c_char, c_int, c_void};
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
}

pub fn find(core: *mut janus_rs) -> Result<Arc<Instance>> {
    instance::find(core as usize)
}

pub fn find_peer(core: *mut janus_rs, number: janus_rs_peer) -> Result<Arc<Peer>> {
    let core = find(core)?;
    core.live()?;
    core.peers.find(number)
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
