//! What the function tables of all four module kinds begin with.

use super::host::ModuleInfo;
use crate::abi::eventhandler::janus_eventhandler;
use crate::abi::logger::janus_logger;
use crate::abi::plugin::janus_plugin;
use crate::abi::transport::janus_transport;
use crate::assert_layout;
use crate::glib;
use libc::{c_char, c_int, c_void};
use std::ptr::NonNull;

type Text = Option<unsafe extern "C" fn() -> *const c_char>;
type Number = Option<unsafe extern "C" fn() -> c_int>;

/// The first nine members; `init` has other arguments in each kind.
#[repr(C)]
struct Head {
    init: *const c_void,
    destroy: Option<unsafe extern "C" fn()>,
    get_api_compatibility: Number,
    get_version: Number,
    get_version_string: Text,
    get_description: Text,
    get_name: Text,
    get_author: Text,
    get_package: Text,
}

assert_layout!(Head: 72; init @ 0, destroy @ 8, get_api_compatibility @ 16, get_package @ 64);

/// The four kinds of modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Plugin,
    Transport,
    EventHandler,
    Logger,
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::Plugin, Kind::Transport, Kind::EventHandler, Kind::Logger];

    pub fn name(self) -> &'static str {
        match self {
            Kind::Plugin => "plugin",
            Kind::Transport => "transport",
            Kind::EventHandler => "event handler",
            Kind::Logger => "logger",
        }
    }

    /// The kind that a module says to be of by its package, which begins so by convention: `janus.plugin.echotest`.
    pub fn of_package(package: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| package.starts_with(kind.prefix()))
    }

    /// See [`Kind::of_package`].
    pub fn prefix(self) -> &'static str {
        match self {
            Kind::Plugin => "janus.plugin.",
            Kind::Transport => "janus.transport.",
            Kind::EventHandler => "janus.eventhandler.",
            Kind::Logger => "janus.logger.",
        }
    }

    /// Pointers in the table, of those the indexes and names that must not be NULL besides the common ones
    /// (CP-051), for modules with this API number.
    fn required(self, api: c_int) -> &'static [(usize, &'static str)] {
        match self {
            // 0.9: no data_ready, and with it a table of 160 bytes.
            Kind::Plugin if api < 15 => &[
                (9, "create_session"),
                (10, "handle_message"),
                (12, "setup_media"),
                (17, "hangup_media"),
                (18, "destroy_session"),
                (19, "query_session"),
            ],
            Kind::Plugin => &[
                (9, "create_session"),
                (10, "handle_message"),
                (12, "setup_media"),
                (18, "hangup_media"),
                (19, "destroy_session"),
                (20, "query_session"),
            ],
            Kind::Transport => &[
                (9, "is_janus_api_enabled"),
                (10, "is_admin_api_enabled"),
                (11, "send_message"),
                (12, "session_created"),
                (13, "session_over"),
                (14, "session_claimed"),
            ],
            Kind::EventHandler => &[(9, "incoming_event")],
            Kind::Logger => &[(9, "incoming_logline")],
        }
    }
}

/// The kind of a module as the type of its function table.
pub trait OfKind {
    const KIND: Kind;
}

impl OfKind for janus_plugin {
    const KIND: Kind = Kind::Plugin;
}
impl OfKind for janus_transport {
    const KIND: Kind = Kind::Transport;
}
impl OfKind for janus_eventhandler {
    const KIND: Kind = Kind::EventHandler;
}
impl OfKind for janus_logger {
    const KIND: Kind = Kind::Logger;
}

/// A module's function table that has all members that its kind requires. One of another kind is another type:
/// ```compile_fail,E0308
/// # use janus_rs::abi::{eventhandler::janus_eventhandler, logger::janus_logger};
/// # use janus_rs::modules::head::Complete;
/// fn mistaken(table: Complete<janus_logger>) -> Complete<janus_eventhandler> {
///     table
/// }
/// ```
/// Plugins of 0.x have a shorter one than the type says.
pub struct Complete<T>(NonNull<T>);

impl<T> Clone for Complete<T> {
    fn clone(&self) -> Complete<T> {
        *self
    }
}
impl<T> Copy for Complete<T> {}
impl<T> PartialEq for Complete<T> {
    fn eq(&self, other: &Complete<T>) -> bool {
        self.0 == other.0
    }
}

// SAFETY: static data of a module, or of the program, whose functions expect calls on any thread.
unsafe impl<T> Send for Complete<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Complete<T> {}

impl<T: OfKind> Complete<T> {
    /// The error names required members that are NULL.
    ///
    /// # Safety
    /// `create` of a module of this kind has returned the table, or it has the layout that a header gives one; it lives as
    /// long as the process.
    pub unsafe fn of(table: NonNull<c_void>) -> Result<Complete<T>, Vec<&'static str>> {
        // SAFETY: promised by the caller.
        let absent = unsafe { absent(table.as_ptr(), T::KIND) };
        if absent.is_empty() { Ok(Complete(table.cast())) } else { Err(absent) }
    }

    /// What the module says about itself, and its API number.
    pub fn info(self) -> (ModuleInfo, c_int) {
        // SAFETY: found complete.
        unsafe { info(self.as_ptr().cast()) }
    }

    pub fn as_ptr(self) -> *mut T {
        self.0.as_ptr()
    }
}

/// `get_author` is called by `info`, yet a module without one is fine.
const COMMON: [(usize, &str); 8] = [
    (0, "init"),
    (1, "destroy"),
    (2, "get_api_compatibility"),
    (3, "get_version"),
    (4, "get_version_string"),
    (5, "get_description"),
    (6, "get_name"),
    (8, "get_package"),
];

const _: () = assert!(
    size_of::<janus_plugin>() == 21 * 8
        && size_of::<janus_transport>() == 16 * 8
        && size_of::<janus_eventhandler>() == 12 * 8
        && size_of::<janus_logger>() == 11 * 8
);

/// Names of required members that are NULL (CP-051, CP-052). What is asked for beyond the common beginning depends on
/// the API number, which is in that beginning: older tables are shorter.
///
/// # Safety
/// `table` was returned by `create` of a module of this kind.
unsafe fn absent(table: *const c_void, kind: Kind) -> Vec<&'static str> {
    let null = |index: usize| {
        // SAFETY: the members asked for are inside the smallest table of this kind, all pointers.
        unsafe { table.cast::<usize>().add(index).read() == 0 }
    };
    let absent: Vec<&'static str> = COMMON.iter().filter(|m| null(m.0)).map(|m| m.1).collect();
    if !absent.is_empty() {
        return absent;
    }
    // SAFETY: a table of a module, and the function is there.
    let api = unsafe { (*table.cast::<Head>()).get_api_compatibility.map_or(0, |f| f()) };
    kind.required(api).iter().filter(|m| null(m.0)).map(|m| m.1).collect()
}

/// What a module says about itself, and its API number.
///
/// # Safety
/// `table` was returned by `create` of a module, and [`absent`] was empty.
pub unsafe fn info(table: *const c_void) -> (ModuleInfo, c_int) {
    // SAFETY: every table begins like this; the functions take nothing and return static text or a number.
    unsafe {
        let head = &*table.cast::<Head>();
        let text = |f: Text| f.and_then(|f| glib::text(f()));
        let number = |f: Number| f.map_or(0, |f| f());
        let info = ModuleInfo {
            package: text(head.get_package).unwrap_or_default(),
            name: text(head.get_name),
            author: text(head.get_author),
            description: text(head.get_description),
            version_string: text(head.get_version_string),
            version: number(head.get_version),
        };
        (info, number(head.get_api_compatibility))
    }
}

/// # Safety
/// As [`info`]; once, after which nothing of the module is called.
pub unsafe fn destroy(table: *const c_void) {
    // SAFETY: promised by the caller.
    unsafe {
        if let Some(destroy) = (*table.cast::<Head>()).destroy {
            destroy();
        }
    }
}
