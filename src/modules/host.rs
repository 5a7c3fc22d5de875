//! What modules ask of the core. The callback tables (C) translate to these calls; [`crate::core`] and
//! [`crate::api`] implement them. No lock of the core is held when a module is called.
#![forbid(unsafe_code)]

use crate::json::{Json, ParseError};
use crate::media::channel::ChannelEvent;
use crate::media::{HangupReason, Mindex, PeerEvent, Route, RtpOut};
use crate::rtp::extensions::Accepted;
use arc_swap::ArcSwapOption;
use std::sync::Arc;

/// The core's side of one plugin session (one handle). Behind `janus_plugin_session.gateway_handle`.
pub trait HandleHost: Send + Sync {
    /// control-plane.md §5.5. `transaction` is NULL-able; returns 0 or a code of that table.
    fn push_event(&self, package: &str, transaction: Option<&str>, message: Json, jsep: Option<Json>) -> i32;
    fn relay_rtp(&self, packet: RtpOut<'_>);
    fn relay_rtcp(&self, mindex: Mindex, video: bool, packet: &[u8]);
    fn relay_data(&self, label: Option<&str>, protocol: Option<&str>, binary: bool, message: &[u8]);
    /// `None` = every video medium.
    fn send_pli(&self, mindex: Option<Mindex>);
    fn send_remb(&self, bitrate: u32);
    /// Deferred: never calls back on this thread.
    fn close_pc(&self);
    /// Deferred: never calls back on this thread.
    fn end_session(&self);
    /// For `notify_event` and log lines.
    fn session_id(&self) -> u64;
    fn handle_id(&self) -> u64;
    fn opaque_id(&self) -> Option<String>;
}

/// One connection of a transport: what is for it is told to it, and it knows its transport. Nobody can hand a
/// connection to a transport that it is none of.
/// ```compile_fail,E0599
/// # use janus_rs::{json::Json, modules::{host::Connection, transport::Transport}};
/// # fn mixed(transport: &Transport, of_another: &dyn Connection, message: Json) {
/// transport.send_message(of_another, 0, false, message);
/// # }
/// ```
/// nor make one of a session of C's:
/// ```compile_fail,E0603
/// use janus_rs::modules::transport::Instance;
/// ```
pub trait Connection: Send + Sync {
    /// Of the transport.
    fn package(&self) -> &str;
    /// What it is known by, together with the package: unique in its transport as long as it lives, and hashed in events.
    fn identity(&self) -> usize;
    /// Takes the reference of `message`. `request_id` is 0 for events.
    fn send_message(&self, request_id: usize, admin: bool, message: Json);
    /// The same for one that says only that another one will follow: it may wait for that for a moment.
    fn announce(&self, request_id: usize, admin: bool, message: Json) {
        self.send_message(request_id, admin, message);
    }
    fn session_created(&self, session_id: u64);
    fn session_over(&self, session_id: u64, timeout: bool, claimed: bool);
    fn session_claimed(&self, session_id: u64);
}

/// A request as a transport delivered it.
pub struct Incoming {
    pub admin: bool,
    pub message: Result<Json, Option<ParseError>>,
    /// Opaque; returned with the reply.
    pub request_id: usize,
    /// Whoever delivers it answers for it: secrets and tokens are not asked for.
    pub trusted: bool,
}

/// The core's side of plugins and transports that is not tied to one handle.
pub trait CoreHost: Send + Sync {
    fn events_is_enabled(&self) -> bool;
    /// `handle` is absent when the plugin passed NULL.
    fn notify_plugin_event(&self, package: &str, handle: Option<&dyn HandleHost>, event: Json);
    fn notify_transport_event(&self, package: &str, instance: usize, event: Json);

    fn auth_is_signed(&self) -> bool;
    fn auth_is_signature_valid(&self, package: &str, token: Option<&str>) -> bool;
    fn auth_signature_contains(&self, package: &str, token: Option<&str>, descriptor: &str) -> bool;

    /// Only queues: never calls the transport back on this thread.
    fn incoming_request(&self, from: Arc<dyn Connection>, request: Incoming);
    /// The same for a connection whose [`Connection::send_message`] may be called meanwhile: a request that calls no module
    /// is answered before this returns, if none that it has to wait for is being worked on; so is one that calls a plugin, where
    /// another thread would go on in place of this one ([`crate::util::relief`]).
    fn incoming_request_here(&self, from: Arc<dyn Connection>, request: Incoming);
    /// The connection of this transport, by package and [identity](Connection::identity), is gone.
    fn transport_gone(&self, package: &str, connection: usize);
    fn is_api_secret_needed(&self) -> bool;
    fn is_api_secret_valid(&self, secret: Option<&str>) -> bool;
    fn is_auth_token_needed(&self) -> bool;
    fn is_auth_token_valid(&self, token: Option<&str>) -> bool;
}

/// A transport as the control plane uses it, apart from its [connections](Connection): a loaded module or a built-in one.
pub trait TransportFace: Send + Sync {
    fn package(&self) -> &str;
    /// `None`: not supported.
    fn query(&self, request: Option<&Json>) -> Option<Json>;
}

/// What a plugin answers to a message (control-plane.md §5.4).
pub enum PluginResult {
    /// NULL.
    None,
    /// Synchronous content; `None` when the plugin gave none.
    Ok(Option<Json>),
    /// Asynchronous, with an optional hint.
    Wait(Option<String>),
    Error(Option<String>),
}

/// What a plugin expects of descriptions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// 1.x: any number of m-lines, told apart by index and mid.
    #[default]
    Streams,
    /// 0.x: the first audio, the first video and the first data m-line, told apart by nothing but that.
    Single {
        /// Wants to know the id of the frame marking extension.
        frame_marking: bool,
    },
}

/// A loaded plugin as the control plane uses it.
pub trait PluginFace: Send + Sync {
    fn package(&self) -> &str;
    fn form(&self) -> Form {
        Form::Streams
    }
    /// The program that the core is inside of: its data channels are told apart, it may choose its media worker, and take an
    /// offer back.
    fn is_the_program(&self) -> bool {
        false
    }
    /// Creates the plugin session and calls `create_session`. Errors are the plugin's numbers.
    fn attach(&self, host: Arc<dyn HandleHost>) -> Result<Arc<dyn PluginSessionFace>, i32>;
    /// `None`: the plugin has no such hook.
    fn handle_admin_message(&self, message: Option<&Json>) -> Option<Json>;
}

/// The live `janus_plugin_session` of one handle. Calls after [`PluginSessionFace::stop`] do nothing, except
/// `hangup_media` and `destroy`.
pub trait PluginSessionFace: Send + Sync {
    fn is_alive(&self) -> bool;
    /// Whose callbacks it makes; `None`: nobody watches them.
    fn watched(&self) -> Option<&'static crate::stall::Plugin> {
        None
    }
    /// Where RTP that the plugin relays is put at once, without asking the [`HandleHost`]. Kept up to date by the core.
    fn route(&self) -> Option<&Route>;
    /// Which header extension values are taken from the packets that it relays. Only for plugins of [`Form::Single`]; from
    /// others all are.
    fn accept(&self, _: Accepted) {}
    fn handle_message(&self, transaction: &str, body: Json, jsep: Option<Json>) -> PluginResult;
    fn query(&self) -> Option<Json>;
    fn setup_media(&self);
    fn incoming_rtp(&self, packet: crate::media::RtpIn<'_>);
    fn incoming_rtcp(&self, mindex: Mindex, video: bool, packet: &mut [u8]);
    fn incoming_data(&self, label: &str, protocol: &str, binary: bool, message: &[u8]);
    fn data_ready(&self);
    fn slow_link(&self, mindex: Mindex, video: bool, uplink: bool);
    fn hangup_media(&self);
    /// Whether candidates of ours come by themselves; `None`: as the configuration says.
    fn trickles(&self) -> Option<bool> {
        None
    }
    /// What else happens to the PeerConnection.
    fn event(&self, _: &PeerEvent) {}
    /// Data channels, where they are told apart.
    fn channel(&self, _: ChannelEvent) {}
    /// The PeerConnection is gone, and a new one may come.
    fn ended(&self, _: HangupReason) {}
    /// Marks it stopped and takes it out of the registry: `push_event` returns −2 from here on (CP-207).
    fn stop(&self);
    /// `destroy_session`, once; then drops the core's reference.
    fn destroy(&self);
}

/// What `info` shows of a module (control-plane.md §3.3). Strings that the module gives as NULL are absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModuleInfo {
    pub package: String,
    pub name: Option<String>,
    pub author: Option<String>,
    pub description: Option<String>,
    pub version_string: Option<String>,
    pub version: i32,
}

impl ModuleInfo {
    /// With another package name, if there is one.
    pub fn renamed(mut self, alias: Option<&str>) -> ModuleInfo {
        if let Some(alias) = alias {
            self.package = alias.to_owned();
        }
        self
    }
}

/// A loaded event handler as the notifier and the Admin API use it (control-plane.md §10.1).
pub trait EventHandlerFace: Send + Sync {
    fn package(&self) -> &str;
    /// `events_mask`, read anew for every event: the module changes it live (CP-255).
    fn events_mask(&self) -> usize;
    /// Borrowed by the module: it adds a reference to what it keeps. Always on the events thread (CP-327).
    fn incoming_event(&self, event: &Json);
    /// `handle_request`; `None`: not supported. NULL from the module is an empty object (CP-251).
    fn query(&self, request: Option<&Json>) -> Option<Json>;
}

/// A loaded logger as the log thread and the Admin API use it (control-plane.md §10.5).
pub trait LoggerFace: Send + Sync {
    fn package(&self) -> &str;
    /// `timestamp`: wall clock, µs, of queueing. `line` is as printed, with colours and newline.
    fn incoming_logline(&self, timestamp: i64, line: &std::ffi::CStr);
    /// As [`EventHandlerFace::query`].
    fn query(&self, request: Option<&Json>) -> Option<Json>;
}

static CORE: ArcSwapOption<Arc<dyn CoreHost>> = ArcSwapOption::const_empty();

/// Installs the core that modules call, before the first module is initialised: the callbacks of modules name none.
pub fn install(core: Arc<dyn CoreHost>) {
    crate::abi::events::set_enabled(core.events_is_enabled());
    CORE.store(Some(Arc::new(core)));
}

/// What modules call from here on finds nobody.
pub fn uninstall() {
    CORE.store(None);
}

/// The installed core, if any.
pub fn core() -> Option<Arc<dyn CoreHost>> {
    CORE.load_full().map(|core| (*core).clone())
}
