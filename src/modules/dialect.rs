//! What the core says differently to plugins of each ABI generation: one row per generation. The functions that such a
//! plugin imports differ too; those are declared beside the native ones, see [`super::binding`].

use super::callbacks::{single, single_signed, streams};
use super::host::Form;
use crate::abi::generation::Generation;
use crate::abi::plugin::{
    janus_callbacks, janus_plugin, janus_plugin_data, janus_plugin_rtcp, janus_plugin_rtp,
    janus_plugin_session,
};
use crate::abi::plugin_packets::{PluginRtp, janus_plugin_rtp_b3, janus_plugin_rtp_b5};
use crate::abi::plugin_single::{
    PluginData, SlowLinkOfSingle, janus_callbacks_a1, janus_callbacks_a8, janus_plugin_a1,
    janus_plugin_data_a1, janus_plugin_rtcp_a1, janus_plugin_rtp_a1, janus_plugin_rtp_a9,
    janus_plugin_rtp_a10,
};
use crate::glib::gboolean;
use crate::media::{Mindex, RtpIn};
use libc::{c_char, c_void};
use std::ptr;

type Session = *mut janus_plugin_session;
/// `incoming_rtp`, `incoming_rtcp` and `incoming_data` of a plugin.
type Incoming = unsafe extern "C" fn(Session, *mut c_void);
/// `slow_link` as the native table has it.
type SlowLink = unsafe extern "C" fn(Session, i32, gboolean, gboolean);

/// The texts and the message of `incoming_data`: NUL-terminated, and as long as its buffer says.
pub struct DataIn<'a> {
    pub label: *mut c_char,
    pub protocol: *mut c_char,
    pub binary: bool,
    /// May be written to.
    pub message: &'a mut [u8],
    /// Of the message; something may follow.
    pub length: u16,
}

/// How plugins of one generation are spoken to. The functions call the plugin's own function of that name.
///
/// # Safety
/// The function belongs to a plugin of this generation, and the session is allocated.
pub struct Dialect {
    callbacks: Callbacks,
    table: Table,
    pub incoming_rtp: unsafe fn(Incoming, Session, RtpIn<'_>),
    pub incoming_rtcp: unsafe fn(Incoming, Session, Mindex, bool, &mut [u8]),
    pub incoming_data: unsafe fn(Incoming, Session, DataIn<'_>),
    /// With the medium, whether it is video, and whether the uplink is slow.
    pub slow_link: unsafe fn(SlowLink, Session, Mindex, bool, bool),
    /// How descriptions are exchanged.
    pub form: Form,
}

/// The callback table; lives as long as the process.
enum Callbacks {
    Streams(&'static janus_callbacks),
    Single(&'static janus_callbacks_a1),
    SingleSigned(&'static janus_callbacks_a8),
}

/// The plugin's own table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Table {
    Native,
    /// Without `data_ready`.
    Short,
}

impl Dialect {
    /// What `init` gets. Plugins do not write to it.
    pub fn callbacks(&self) -> *mut c_void {
        match self.callbacks {
            Callbacks::Streams(table) => ptr::from_ref(table).cast_mut().cast(),
            Callbacks::Single(table) => ptr::from_ref(table).cast_mut().cast(),
            Callbacks::SingleSigned(table) => ptr::from_ref(table).cast_mut().cast(),
        }
    }

    /// The functions of a plugin in native order; what it does not know is `None`. Some are still in the form of its
    /// generation, and called by the functions of this dialect only.
    ///
    /// # Safety
    /// `table` is a table of a plugin of this generation, which lives as long as the process.
    pub unsafe fn functions(&self, table: *const c_void) -> &'static janus_plugin {
        if self.table == Table::Native {
            // SAFETY: promised by the caller.
            return unsafe { &*table.cast::<janus_plugin>() };
        }
        let mut slots = [ptr::null::<c_void>(); size_of::<janus_plugin>() / size_of::<*const c_void>()];
        // SAFETY: promised by the caller; both are nothing but pointers, where NULL is `None`.
        unsafe {
            let old = table.cast::<janus_plugin_a1>();
            slots[..16].copy_from_slice(&(*old).common);
            let rest = (&raw const (*old).slow_link).cast::<*const c_void>();
            slots[17..].copy_from_slice(std::slice::from_raw_parts(rest, 4));
            let table: janus_plugin = std::mem::transmute(slots);
            // Once per plugin, whose sessions hold on to it without end.
            Box::leak(Box::new(table))
        }
    }
}

/// All of 1.x.
const fn streams_dialect<Packet: PluginRtp>(callbacks: &'static janus_callbacks) -> Dialect {
    Dialect {
        callbacks: Callbacks::Streams(callbacks),
        table: Table::Native,
        incoming_rtp: incoming_rtp::<Packet>,
        incoming_rtcp,
        incoming_data: incoming_data::<janus_plugin_data>,
        slow_link,
        form: Form::Streams,
    }
}

/// 0.x.
const fn single_dialect<Packet: PluginRtp, Data: PluginData>(
    callbacks: Callbacks,
    table: Table,
    frame_marking: bool,
) -> Dialect {
    Dialect {
        callbacks,
        table,
        incoming_rtp: incoming_rtp::<Packet>,
        incoming_rtcp: incoming_rtcp_of_single,
        incoming_data: incoming_data::<Data>,
        slow_link: slow_link_of_single,
        form: Form::Single { frame_marking },
    }
}

static B6: Dialect = streams_dialect::<janus_plugin_rtp>(const { &streams::<janus_plugin_rtp>() });
static B5: Dialect = streams_dialect::<janus_plugin_rtp_b5>(const { &streams::<janus_plugin_rtp_b5>() });
static B1: Dialect = streams_dialect::<janus_plugin_rtp_b3>(const { &streams::<janus_plugin_rtp_b3>() });
static A10: Dialect = single_dialect::<janus_plugin_rtp_a10, janus_plugin_data>(
    Callbacks::SingleSigned(const { &single_signed::<janus_plugin_rtp_a10>() }),
    Table::Native,
    false,
);
static A9: Dialect = single_dialect::<janus_plugin_rtp_a9, janus_plugin_data>(
    Callbacks::SingleSigned(const { &single_signed::<janus_plugin_rtp_a9>() }),
    Table::Native,
    false,
);
static A8: Dialect = single_dialect::<janus_plugin_rtp_a1, janus_plugin_data>(
    Callbacks::SingleSigned(const { &single_signed::<janus_plugin_rtp_a1>() }),
    Table::Native,
    false,
);
static A6: Dialect = single_dialect::<janus_plugin_rtp_a1, janus_plugin_data>(
    Callbacks::Single(const { &single::<janus_plugin_rtp_a1, janus_plugin_data>() }),
    Table::Native,
    false,
);
static A4: Dialect = single_dialect::<janus_plugin_rtp_a1, janus_plugin_data>(
    Callbacks::Single(const { &single::<janus_plugin_rtp_a1, janus_plugin_data>() }),
    Table::Native,
    true,
);
static A1: Dialect = single_dialect::<janus_plugin_rtp_a1, janus_plugin_data_a1>(
    Callbacks::Single(const { &single::<janus_plugin_rtp_a1, janus_plugin_data_a1>() }),
    Table::Short,
    true,
);

/// The row of a generation.
pub fn of(generation: Generation) -> &'static Dialect {
    match generation {
        Generation::A1 | Generation::A2 | Generation::A3 => &A1,
        Generation::A4 | Generation::A5 => &A4,
        Generation::A6 | Generation::A7 => &A6,
        Generation::A8 => &A8,
        Generation::A9 => &A9,
        Generation::A10 => &A10,
        Generation::B1 | Generation::B2 | Generation::B3 | Generation::B4 => &B1,
        Generation::B5 => &B5,
        Generation::B6 => &B6,
    }
}

/// # Safety
/// See [`Dialect`].
unsafe fn incoming_rtp<Packet: PluginRtp>(function: Incoming, session: Session, mut packet: RtpIn<'_>) {
    let mut filled = Packet::fill(&mut packet);
    // SAFETY: promised by the caller; struct and buffer are lent for the call.
    unsafe { function(session, (&raw mut filled).cast()) }
}

/// # Safety
/// See [`Dialect`].
unsafe fn incoming_rtcp(
    function: Incoming,
    session: Session,
    mindex: Mindex,
    video: bool,
    packet: &mut [u8],
) {
    let Ok(length) = u16::try_from(packet.len()) else { return };
    let (video, buffer) = (gboolean::from(video), packet.as_mut_ptr().cast());
    let mut packet = janus_plugin_rtcp { mindex, video, buffer, length };
    // SAFETY: promised by the caller; struct and buffer are lent for the call, and may be written to.
    unsafe { function(session, (&raw mut packet).cast()) }
}

/// # Safety
/// See [`Dialect`].
unsafe fn incoming_rtcp_of_single(
    function: Incoming,
    session: Session,
    _: Mindex,
    video: bool,
    packet: &mut [u8],
) {
    let Ok(length) = u16::try_from(packet.len()) else { return };
    let (video, buffer) = (gboolean::from(video), packet.as_mut_ptr().cast());
    let mut packet = janus_plugin_rtcp_a1 { video, buffer, length };
    // SAFETY: promised by the caller; struct and buffer are lent for the call, and may be written to.
    unsafe { function(session, (&raw mut packet).cast()) }
}

/// # Safety
/// See [`Dialect`].
unsafe fn incoming_data<Data: PluginData>(function: Incoming, session: Session, data: DataIn<'_>) {
    let buffer = data.message.as_mut_ptr().cast();
    let mut packet = Data::new(data.label, data.protocol, data.binary, buffer, data.length);
    // SAFETY: promised by the caller; struct, texts and buffer are lent for the call.
    unsafe { function(session, (&raw mut packet).cast()) }
}

/// # Safety
/// See [`Dialect`].
unsafe fn slow_link(function: SlowLink, session: Session, mindex: Mindex, video: bool, uplink: bool) {
    // SAFETY: promised by the caller.
    unsafe { function(session, mindex, gboolean::from(video), gboolean::from(uplink)) }
}

/// # Safety
/// See [`Dialect`].
unsafe fn slow_link_of_single(function: SlowLink, session: Session, _: Mindex, video: bool, uplink: bool) {
    // SAFETY: promised by the caller: in these generations the function has these arguments.
    unsafe {
        let function = std::mem::transmute::<SlowLink, SlowLinkOfSingle>(function);
        function(session, gboolean::from(uplink), gboolean::from(video));
    }
}

#[cfg(test)]
mod tests;
