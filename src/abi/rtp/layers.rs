//! `rtp.h`: simulcast and scalable streams (helpers.md §7.6, §7.7). The decisions are [`crate::rtp::simulcast`]'s and
//! [`crate::rtp::svc`]'s; here their state is mapped onto the structs of each generation.

use super::packet;
use crate::abi::mutex::janus_mutex;
use crate::glib::{self, FALSE, TRUE, gboolean};
use crate::json::{Json, json_t};
use crate::rtp::simulcast::{self, Layers, Packet, Rules, SimulcastContext};
use crate::rtp::svc::SvcContext;
use crate::rtp::{SwitchingContext, VideoCodec, av1::Av1Context, vp9::SvcInfo};
use crate::util::time;
use libc::{c_char, c_int};
use std::ffi::CStr;
use std::mem::offset_of;
use std::ptr;

assert_layout!(Av1Context: 32; tcnt @ 0, tioff @ 1, spatial_layers @ 16, temporal_layers @ 20, updated @ 24);
assert_layout!(SimulcastContext: 152; rid_ext_id @ 0, av1 @ 8, layers @ 104);
assert_layout!(Layers: 48; substream @ 0, substream_target @ 4, substream_target_temp @ 8, templayer @ 12,
    templayer_target @ 16, drop_trigger @ 20, last_relayed @ 24, changed_substream @ 32, changed_temporal @ 36,
    need_pli @ 40);
const _: () = assert!(offset_of!(SimulcastContext, layers) + offset_of!(Layers, last_relayed) == 128);
assert_layout!(SvcContext: 96; dd_context @ 0, spatial @ 32, spatial_target @ 36, temporal @ 40, temporal_target @ 44,
    drop_trigger @ 48, last_spatial_layer @ 56, changed_spatial @ 80, changed_temporal @ 84, need_pli @ 88);
assert_layout!(SvcInfo: 16; spatial_layer @ 0, temporal_layer @ 4, fbit @ 8, pbit @ 9, dbit @ 10, ubit @ 11,
    bbit @ 12, ebit @ 13);

/// One template of a dependency descriptor, as the header declares it; no function takes it.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_av1_svc_template {
    pub id: u8,
    pub spatial: c_int,
    pub temporal: c_int,
}

assert_layout!(janus_av1_svc_template: 12; id @ 0, spatial @ 4, temporal @ 8);

/// No pointer is in it.
const FIRST_PAGE: usize = 4096;

/// What a simulcast sender is known by: three SSRCs and three rids, the latter behind an optional lock.
pub(super) struct Sender {
    pub ssrcs: *mut u32,
    pub rids: *mut *mut c_char,
    pub mutex: *mut janus_mutex,
}

impl Sender {
    /// The substream of `packet` (see [`simulcast::substream`]).
    ///
    /// # Safety
    /// `ssrcs` is NULL or three numbers, `rids` NULL or three pointers that are NULL or NUL-terminated while `mutex`
    /// is held.
    pub unsafe fn substream(&self, packet: &Packet<'_>) -> Option<usize> {
        if self.ssrcs.is_null() {
            return None;
        }
        // SAFETY: promised by the caller.
        let ssrcs = unsafe { &mut *self.ssrcs.cast::<[u32; 3]>() };
        simulcast::substream(packet, ssrcs, |rid| {
            if self.rids.is_null() {
                return None;
            }
            // SAFETY: promised by the caller; the lock is held while the texts are read.
            unsafe {
                let _held = Held::lock(self.mutex);
                (0..3).find(|n| {
                    let known = *self.rids.add(*n);
                    !known.is_null() && CStr::from_ptr(known).to_bytes() == rid
                })
            }
        })
    }
}

/// A `janus_mutex` of a module, held until dropped; NULL is no lock.
struct Held(*mut janus_mutex);

impl Held {
    /// # Safety
    /// `mutex` is NULL or a live GMutex that this thread does not hold.
    unsafe fn lock(mutex: *mut janus_mutex) -> Held {
        if !mutex.is_null() {
            // SAFETY: promised by the caller.
            unsafe { glib_sys::g_mutex_lock(mutex) };
        }
        Held(mutex)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: locked by this thread in `lock`.
            unsafe { glib_sys::g_mutex_unlock(self.0) };
        }
    }
}

/// A codec number as it comes from C; unknown ones filter nothing.
pub(super) fn video_codec(number: c_int) -> VideoCodec {
    VideoCodec::from_number(number).unwrap_or(VideoCodec::None)
}

export! {
    /// Frees the AV1 tables, then sets everything to 0 and rid_ext_id, substream, substream_target_temp and templayer
    /// to −1. The context must have been zero before its first use. HL-107.
    "rtp.h" fn janus_rtp_simulcasting_context_reset(context: *mut SimulcastContext) as nonnull(context) or (); {
        // SAFETY: a context that was zero or used by these functions only.
        unsafe { *context = SimulcastContext::default() }
    }

    /// Reads the `simulcast` object of a jsep. rids[n−1−i] becomes a copy of element i; old pointers are not freed. Any
    /// output may be NULL. HL-108 … HL-110.
    "rtp.h" fn janus_rtp_simulcasting_prepare(simulcast: *mut json_t, rid_ext_id: *mut c_int, ssrcs: *mut u32,
        rids: *mut *mut c_char) as nonnull(simulcast) or (); {
        // SAFETY: as the header asks; three elements in each array.
        unsafe { prepare(simulcast, rid_ext_id, ssrcs, rids) }
    }

    /// rid_ext_id −1, SSRCs 0, rids freed and NULL, all under `rid_mutex`. Any pointer may be NULL. HL-111.
    "rtp.h" fn janus_rtp_simulcasting_cleanup(rid_ext_id: *mut c_int, ssrcs: *mut u32, rids: *mut *mut c_char,
        rid_mutex: *mut janus_mutex) as nonnull() or (); {
        // SAFETY: as the header asks; three elements in each array.
        unsafe {
            let _held = Held::lock(rid_mutex);
            super::put(rid_ext_id, -1);
            super::put(ssrcs.cast(), [0u32; 3]);
            if !rids.is_null() {
                for n in 0..3 {
                    glib::free(rids.add(n).replace(ptr::null_mut()));
                }
            }
        }
    }

    /// TRUE: relay the packet. HL-112 … HL-123.
    "rtp.h" fn janus_rtp_simulcasting_context_process_rtp(context: *mut SimulcastContext, buf: *mut c_char,
        len: c_int, dd_content: *mut u8, dd_len: c_int, ssrcs: *mut u32, rids: *mut *mut c_char, vcodec: c_int,
        sc: *mut SwitchingContext, rid_mutex: *mut janus_mutex) -> gboolean as nonnull(context, buf) or FALSE; {
        // What modules before 1.2 pass here is a codec: then this one's generation is a wrong one.
        if (1..FIRST_PAGE).contains(&ssrcs.addr()) {
            return FALSE;
        }
        // SAFETY: as the header asks; the contexts are used by this thread only, `sc` may be NULL.
        unsafe {
            let context = &mut *context;
            let packet = Packet {
                data: packet(buf, len),
                descriptor: packet(dd_content.cast(), dd_len),
                codec: video_codec(vcodec),
                rid_ext_id: context.rid_ext_id,
            };
            let sender = Sender { ssrcs, rids, mutex: rid_mutex };
            let Some(substream) = sender.substream(&packet) else { return FALSE };
            let (av1, now) = (Some(&mut context.av1), time::monotonic());
            context.layers.process(&packet, substream, av1, sc.as_mut(), Rules::NATIVE, now).into()
        }
    }

    /// Frees the template table and sets everything to 0.
    "rtp.h" fn janus_av1_svc_context_reset(context: *mut Av1Context) as nonnull(context) or (); {
        // SAFETY: a context that was zero or used by these functions only.
        unsafe { (*context).reset() }
    }

    /// Reads a dependency descriptor: the index of its template, and whether the packet ends a frame. FALSE when it is
    /// not usable. HL-124, HL-125.
    "rtp.h" fn janus_av1_svc_context_process_dd(context: *mut Av1Context, dd: *mut u8, dd_len: c_int,
        template_id: *mut u8, ebit: *mut u8) -> gboolean as nonnull(context, dd) or FALSE; {
        // SAFETY: as the header asks; the outputs may be NULL.
        unsafe {
            let Some(found) = (*context).process(packet(dd.cast(), dd_len)) else { return FALSE };
            super::put(template_id, found.template);
            super::put(ebit, found.end_of_frame.into());
        }
        TRUE
    }

    /// As for simulcast: zero, `spatial` and `temporal` −1.
    "rtp.h" fn janus_rtp_svc_context_reset(context: *mut SvcContext) as nonnull(context) or (); {
        // SAFETY: a context that was zero or used by these functions only.
        unsafe { *context = SvcContext::default() }
    }

    /// TRUE: relay the packet, whose marker bit may have been set. `info` may be NULL for AV1. HL-126 … HL-129.
    "rtp.h" fn janus_rtp_svc_context_process_rtp(context: *mut SvcContext, buf: *mut c_char, len: c_int,
        dd_content: *mut u8, dd_len: c_int, vcodec: c_int, info: *mut SvcInfo, sc: *mut SwitchingContext) -> gboolean
        as nonnull(context, buf) or FALSE; {
        // SAFETY: as the header asks; the contexts are used by this thread only, `info` and `sc` may be NULL.
        unsafe {
            let (data, descriptor) = (packet(buf, len), packet(dd_content.cast(), dd_len));
            let (codec, now) = (video_codec(vcodec), time::monotonic());
            (*context).process(data, descriptor, codec, info.as_ref(), sc.as_mut(), now).into()
        }
    }
}

/// The first rid, which is the best, becomes the last substream.
///
/// # Safety
/// `simulcast` is a JSON value; the outputs are NULL or have room for one number, three numbers, three pointers.
pub(super) unsafe fn prepare(
    simulcast: *mut json_t,
    rid_ext_id: *mut c_int,
    ssrcs: *mut u32,
    rids: *mut *mut c_char,
) {
    // SAFETY: promised by the caller.
    let Some(simulcast) = (unsafe { Json::from_borrowed(simulcast) }) else { return };
    if let Some(names) = simulcast.get("rids").filter(|n| n.is_array() && !n.is_empty()) {
        let id = simulcast.get("rid-ext").and_then(|id| id.as_i64()).unwrap_or(0);
        // SAFETY: promised by the caller.
        unsafe { super::put(rid_ext_id, id as c_int) };
        let count = names.len();
        for (n, name) in names.elements().enumerate() {
            let place = count - 1 - n;
            if let (Some(name), true) = (name.as_str(), place < 3 && !rids.is_null()) {
                // SAFETY: one of three places.
                unsafe { rids.add(place).write(glib::strdup(name)) };
            }
        }
    } else if let Some(numbers) = simulcast.get("ssrcs").filter(|n| n.is_array() && !ssrcs.is_null()) {
        for (n, number) in numbers.elements().take(3).enumerate() {
            if let Some(number) = number.as_i64() {
                // SAFETY: one of three places.
                unsafe { ssrcs.add(n).write(number as u32) };
            }
        }
    }
}

#[cfg(test)]
#[path = "layers_tests.rs"]
mod tests;
