//! What plugins call. Every function judges its pointers before it looks behind them, enters the session (see
//! [`sessions`]) and hands over to the core's [`HandleHost`]. A panic stays here.

use super::host::{self, HandleHost};
use super::registry::PACKAGES;
use super::sessions::{self, Need};
use crate::abi::entry::guard;
use crate::abi::plugin::{
    janus_callbacks, janus_plugin, janus_plugin_data, janus_plugin_rtcp, janus_plugin_session,
};
use crate::abi::plugin_packets::{FIRST_OF_ITS_KIND, PluginRtp};
use crate::abi::plugin_single::{
    PluginData, janus_callbacks_a1, janus_callbacks_a8, janus_callbacks_single, janus_plugin_rtcp_a1,
};
use crate::glib::{self, FALSE, TRUE, gboolean};
use crate::json::{Json, json_t};
use crate::rtp::extensions::Accepted;
use crate::util::lock::packet_path;
use libc::{c_char, c_int, c_void};

type Session = *mut janus_plugin_session;

/// What plugins of 1.x call, with RTP in the form `Packet`.
pub const fn streams<Packet: PluginRtp>() -> janus_callbacks {
    janus_callbacks {
        push_event,
        relay_rtp: relay_rtp::<Packet>,
        relay_rtcp,
        relay_data: relay_data::<janus_plugin_data>,
        send_pli,
        send_pli_stream,
        send_remb,
        close_pc,
        end_session,
        events_is_enabled,
        notify_event,
        auth_is_signed,
        auth_is_signature_valid,
        auth_signature_contains,
    }
}

/// What plugins of 0.9.0 … 0.11.5 call.
pub const fn single<Packet: PluginRtp, Data: PluginData>() -> janus_callbacks_a1 {
    janus_callbacks_a1 { common: common::<Packet, Data>(), auth_is_signature_valid, auth_signature_contains }
}

/// What plugins of 0.11.6 … 0.16.x call.
pub const fn single_signed<Packet: PluginRtp>() -> janus_callbacks_a8 {
    janus_callbacks_a8 {
        common: common::<Packet, janus_plugin_data>(),
        auth_is_signed,
        auth_is_signature_valid,
        auth_signature_contains,
    }
}

const fn common<Packet: PluginRtp, Data: PluginData>() -> janus_callbacks_single {
    janus_callbacks_single {
        push_event,
        relay_rtp: relay_rtp::<Packet>,
        relay_rtcp: relay_rtcp_of_single,
        relay_data: relay_data::<Data>,
        send_pli,
        send_remb,
        close_pc,
        end_session,
        events_is_enabled,
        notify_event,
    }
}

/// Runs `body` with the host of a session that is alive; anything else is ignored (CP-234). It happens to decent plugins
/// too, packet by packet, while a handle ends: so nobody is told unless debug output is on.
fn with_host(name: &'static str, session: Session, body: impl FnOnce(&dyn HandleHost)) {
    guard(name, (), || match sessions::enter(session, Need::Alive) {
        Some(entered) => body(entered.host()),
        None => tracing::debug!("{name} for a session that is not alive: ignored"),
    });
}

unsafe extern "C" fn push_event(
    session: Session,
    plugin: *mut janus_plugin,
    transaction: *const c_char,
    message: *mut json_t,
    jsep: *mut json_t,
) -> c_int {
    guard("push_event", -2, || {
        if plugin.is_null() || message.is_null() {
            return -1; // CP-205
        }
        let Some(entered) = sessions::enter(session, Need::Alive) else {
            // CP-206, CP-207. Decent plugins report the end of a call that ended because its handle did.
            tracing::debug!("a plugin pushed an event for a session that is not alive");
            return -2;
        };
        // SAFETY: the plugin lends all three for the call; NULL is allowed for the first and the last (CP-212).
        let (transaction, message, jsep) =
            unsafe { (glib::text(transaction), Json::from_borrowed(message), Json::from_borrowed(jsep)) };
        message.map_or(-1, |message| {
            entered.host().push_event(entered.package(), transaction.as_deref(), message, jsep)
        })
    })
}

unsafe extern "C" fn relay_rtp<Packet: PluginRtp>(session: Session, packet: *mut c_void) {
    guard("relay_rtp", (), || {
        if packet.is_null() {
            return;
        }
        let accepted = if Packet::MAY_BE_SHORT { sessions::accepted(session) } else { Accepted::ALL };
        // SAFETY: this generation's struct, as far as the plugin's headers have it, with a buffer of `length` bytes; lent
        // for the call.
        let packet = unsafe { Packet::read(packet.cast::<Packet>(), accepted) };
        let Some(packet) = packet.filter(|p| !p.packet.is_empty()) else { return };
        packet_path(|| {
            if !sessions::relay_rtp(session, &packet) {
                with_host("relay_rtp", session, |host| host.relay_rtp(packet));
            }
        });
    });
}

unsafe extern "C" fn relay_rtcp(session: Session, packet: *mut janus_plugin_rtcp) {
    with_host("relay_rtcp", session, |host| {
        // SAFETY: NULL, or a struct with a buffer of `length` bytes, lent for the call.
        unsafe {
            let Some(packet) = packet.as_ref() else { return };
            let bytes = lent(packet.buffer, packet.length);
            if !bytes.is_empty() {
                host.relay_rtcp(packet.mindex, packet.video != FALSE, bytes);
            }
        }
    });
}

unsafe extern "C" fn relay_rtcp_of_single(session: Session, packet: *mut janus_plugin_rtcp_a1) {
    with_host("relay_rtcp", session, |host| {
        // SAFETY: NULL, or a struct with a buffer of `length` bytes, lent for the call.
        unsafe {
            let Some(packet) = packet.as_ref() else { return };
            let bytes = lent(packet.buffer, packet.length);
            if !bytes.is_empty() {
                host.relay_rtcp(FIRST_OF_ITS_KIND, packet.video != FALSE, bytes);
            }
        }
    });
}

unsafe extern "C" fn relay_data<Data: PluginData>(session: Session, packet: *mut c_void) {
    with_host("relay_data", session, |host| {
        // SAFETY: NULL, or this generation's struct with C strings or NULL and a buffer of `length` bytes, lent for the
        // call.
        unsafe {
            let Some(packet) = packet.cast::<Data>().as_ref() else { return };
            let packet = packet.fields();
            // Nothing is not the same as an empty message.
            if packet.buffer.is_null() {
                return;
            }
            let bytes = lent(packet.buffer, packet.length);
            let (label, protocol) = (glib::lossy(packet.label), glib::lossy(packet.protocol));
            host.relay_data(label.as_deref(), protocol.as_deref(), packet.binary, bytes);
        }
    });
}

/// # Safety
/// `buffer` is NULL or holds `length` bytes through `'a`.
unsafe fn lent<'a>(buffer: *const c_char, length: u16) -> &'a [u8] {
    if buffer.is_null() {
        return &[];
    }
    // SAFETY: promised by the caller.
    unsafe { std::slice::from_raw_parts(buffer.cast::<u8>(), usize::from(length)) }
}

unsafe extern "C" fn send_pli(session: Session) {
    with_host("send_pli", session, |host| host.send_pli(None));
}

unsafe extern "C" fn send_pli_stream(session: Session, mindex: c_int) {
    with_host("send_pli_stream", session, |host| host.send_pli(Some(mindex)));
}

unsafe extern "C" fn send_remb(session: Session, bitrate: u32) {
    with_host("send_remb", session, |host| host.send_remb(bitrate));
}

unsafe extern "C" fn close_pc(session: Session) {
    with_host("close_pc", session, |host| host.close_pc());
}

unsafe extern "C" fn end_session(session: Session) {
    with_host("end_session", session, |host| host.end_session());
}

unsafe extern "C" fn events_is_enabled() -> gboolean {
    guard("events_is_enabled", FALSE, || gboolean::from(host::core().is_some_and(|c| c.events_is_enabled())))
}

unsafe extern "C" fn notify_event(plugin: *mut janus_plugin, session: Session, event: *mut json_t) {
    guard("notify_event", (), || {
        // SAFETY: the plugin hands its reference over, in every case (CP-236).
        let Some(event) = (unsafe { Json::from_owned(event) }) else { return };
        let Some(core) = host::core().filter(|c| event.is_object() && c.events_is_enabled()) else { return };
        match sessions::enter(session, Need::Exists) {
            Some(entered) => core.notify_plugin_event(entered.package(), Some(entered.host()), event),
            // CP-235. A session that is not ours any more counts as none.
            None => {
                if let Some(package) = PACKAGES.get(plugin as usize) {
                    core.notify_plugin_event(&package, None, event);
                }
            }
        }
    });
}

unsafe extern "C" fn auth_is_signed() -> gboolean {
    guard("auth_is_signed", FALSE, || gboolean::from(host::core().is_some_and(|c| c.auth_is_signed())))
}

unsafe extern "C" fn auth_is_signature_valid(plugin: *mut janus_plugin, token: *const c_char) -> gboolean {
    guard("auth_is_signature_valid", FALSE, || {
        // SAFETY: a C string or NULL, lent for the call.
        let token = unsafe { glib::text(token) };
        let (Some(core), Some(package)) = (host::core(), PACKAGES.get(plugin as usize)) else {
            return FALSE;
        };
        if core.auth_is_signature_valid(&package, token.as_deref()) { TRUE } else { FALSE }
    })
}

unsafe extern "C" fn auth_signature_contains(
    plugin: *mut janus_plugin,
    token: *const c_char,
    descriptor: *const c_char,
) -> gboolean {
    guard("auth_signature_contains", FALSE, || {
        // SAFETY: C strings or NULL, lent for the call.
        let (token, descriptor) = unsafe { (glib::text(token), glib::text(descriptor)) };
        let (Some(core), Some(package)) = (host::core(), PACKAGES.get(plugin as usize)) else {
            return FALSE;
        };
        let contains =
            descriptor.is_some_and(|d| core.auth_signature_contains(&package, token.as_deref(), &d));
        gboolean::from(contains)
    })
}
