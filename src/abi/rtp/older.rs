//! `rtp.h` as older generations see it: their structs, mapped onto the native ones around the same functions.

use super::layers::{Sender, prepare, video_codec};
use super::{audio_from_name, packet, rtp_header, skew_result};
use crate::abi::mutex::janus_mutex;
use crate::glib::{FALSE, TRUE, gboolean};
use crate::json::json_t;
use crate::rtp::simulcast::{Layers, Packet, Rules};
use crate::rtp::svc::SvcContext;
use crate::rtp::{AudioCodec, SwitchingContext, av1::Av1Context, vp9::SvcInfo};
use crate::util::time;
use libc::{c_char, c_int};
use std::ffi::CStr;
use std::ptr;

/// A `janus_rtp_simulcasting_context` of some generations.
trait Simulcast {
    fn rid_ext_id(&self) -> c_int;
    fn load(&self) -> Layers;
    fn store(&mut self, layers: &Layers);
}

/// Declares one such layout. `temp`: `own` has a temporary target; `lowers` has none, so starvation lowers the target
/// itself; `none` has no drop trigger either.
macro_rules! simulcast_layout {
    ($(#[$meta:meta])* $name:ident { $($field:ident: $ty:ty = $offset:literal),* $(,)? } size $size:literal,
        temp $temp:ident) => {
        $(#[$meta])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, Default)]
        #[allow(non_camel_case_types)]
        pub struct $name { $(pub $field: $ty),* }
        assert_layout!($name: $size; $($field @ $offset),*);
        impl Simulcast for $name {
            fn rid_ext_id(&self) -> c_int {
                self.rid_ext_id
            }

            fn load(&self) -> Layers {
                Layers {
                    substream: self.substream,
                    substream_target: self.substream_target,
                    substream_target_temp: simulcast_layout!(@load self, $temp),
                    templayer: self.templayer,
                    templayer_target: self.templayer_target,
                    last_relayed: self.last_relayed,
                    drop_trigger: simulcast_layout!(@trigger self, $temp),
                    ..Layers::default()
                }
            }

            fn store(&mut self, layers: &Layers) {
                self.substream = layers.substream;
                self.templayer = layers.templayer;
                self.last_relayed = layers.last_relayed;
                self.changed_substream = layers.changed_substream;
                self.changed_temporal = layers.changed_temporal;
                self.need_pli = layers.need_pli;
                simulcast_layout!(@store self, layers, $temp);
            }
        }
    };
    (@load $self:ident, own) => { $self.substream_target_temp };
    (@load $self:ident, $other:ident) => { -1 };
    (@trigger $self:ident, none) => { 0 };
    (@trigger $self:ident, $other:ident) => { $self.drop_trigger };
    (@store $self:ident, $layers:ident, own) => { $self.substream_target_temp = $layers.substream_target_temp };
    (@store $self:ident, $layers:ident, $other:ident) => {
        if $layers.substream_target_temp != -1 {
            $self.substream_target = $layers.substream_target_temp;
        }
    };
}

simulcast_layout! {
    /// 0.9.0 … 0.9.2: no drop trigger.
    simulcasting_context_a1 {
        rid_ext_id: c_int = 0, framemarking_ext_id: c_int = 4, substream: c_int = 8, substream_target: c_int = 12,
        templayer: c_int = 16, templayer_target: c_int = 20, last_relayed: i64 = 24, changed_substream: gboolean = 32,
        changed_temporal: gboolean = 36, need_pli: gboolean = 40,
    } size 48, temp none
}
simulcast_layout! {
    /// 0.9.3 … 0.10.1: no temporary target.
    simulcasting_context_a2 {
        rid_ext_id: c_int = 0, framemarking_ext_id: c_int = 4, substream: c_int = 8, substream_target: c_int = 12,
        templayer: c_int = 16, templayer_target: c_int = 20, drop_trigger: u32 = 24, last_relayed: i64 = 32,
        changed_substream: gboolean = 40, changed_temporal: gboolean = 44, need_pli: gboolean = 48,
    } size 56, temp lowers
}
simulcast_layout! {
    /// 0.10.2 … 0.11.1.
    simulcasting_context_a5 {
        rid_ext_id: c_int = 0, framemarking_ext_id: c_int = 4, substream: c_int = 8, substream_target: c_int = 12,
        substream_target_temp: c_int = 16, templayer: c_int = 20, templayer_target: c_int = 24,
        drop_trigger: u32 = 28, last_relayed: i64 = 32, changed_substream: gboolean = 40,
        changed_temporal: gboolean = 44, need_pli: gboolean = 48,
    } size 56, temp own
}
simulcast_layout! {
    /// 0.11.2 … 0.16.1 and 1.0.0 … 1.1.4.
    simulcasting_context_b3 {
        rid_ext_id: c_int = 0, substream: c_int = 4, substream_target: c_int = 8, substream_target_temp: c_int = 12,
        templayer: c_int = 16, templayer_target: c_int = 20, drop_trigger: u32 = 24, last_relayed: i64 = 32,
        changed_substream: gboolean = 40, changed_temporal: gboolean = 44, need_pli: gboolean = 48,
    } size 56, temp own
}

/// The switching context of 0.x: an audio and a video half. Before 0.11.5 the two `ts_reset` were missing.
macro_rules! switching_layout {
    ($(#[$meta:meta])* $name:ident, $size:literal, reset [$($a_reset:ident, $v_reset:ident)?], last_time @ $last:literal) => {
        $(#[$meta])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, Default)]
        #[allow(non_camel_case_types)]
        pub struct $name {
            /// last_ssrc, last_ts, base_ts, base_ts_prev, prev_ts, target_ts, start_ts: audio, then video.
            pub words: [[u32; 7]; 2],
            /// last_seq, prev_seq, base_seq, base_seq_prev.
            pub sequences: [[u16; 4]; 2],
            $(pub $a_reset: gboolean,)?
            pub a_seq_reset: gboolean,
            pub a_new_ssrc: gboolean,
            $(pub $v_reset: gboolean,)?
            pub v_seq_reset: gboolean,
            pub v_new_ssrc: gboolean,
            pub seq_offset: [i16; 2],
            /// prev_delay, active_delay, ts_offset.
            pub delays: [[i32; 3]; 2],
            /// last_time, reference_time, start_time, evaluating_start_time.
            pub times: [[i64; 4]; 2],
        }
        assert_layout!($name: $size; words @ 0, sequences @ 56, times @ $last);
        impl $name {
            fn load(&self, video: bool) -> SwitchingContext {
                let half = usize::from(video);
                let [last_ssrc, last_ts, base_ts, base_ts_prev, prev_ts, target_ts, start_ts] = self.words[half];
                let [last_seq, prev_seq, base_seq, base_seq_prev] = self.sequences[half];
                let [prev_delay, active_delay, ts_offset] = self.delays[half];
                let [last_time, reference_time, start_time, evaluating_start_time] = self.times[half];
                let (seq_reset, new_ssrc) = match video {
                    false => (self.a_seq_reset, self.a_new_ssrc),
                    true => (self.v_seq_reset, self.v_new_ssrc),
                };
                // Before there were two flags, one stood for both.
                let ts_reset = [seq_reset, $(if video { self.$v_reset } else { self.$a_reset })?];
                let ts_reset = ts_reset[ts_reset.len() - 1];
                SwitchingContext {
                    last_ssrc, last_ts, base_ts, base_ts_prev, prev_ts, target_ts, start_ts,
                    last_seq, prev_seq, base_seq, base_seq_prev, ts_reset, seq_reset, new_ssrc,
                    seq_offset: self.seq_offset[half], prev_delay, active_delay, ts_offset,
                    last_time, reference_time, start_time, evaluating_start_time,
                }
            }

            fn store(&mut self, video: bool, c: &SwitchingContext) {
                let half = usize::from(video);
                self.words[half] =
                    [c.last_ssrc, c.last_ts, c.base_ts, c.base_ts_prev, c.prev_ts, c.target_ts, c.start_ts];
                self.sequences[half] = [c.last_seq, c.prev_seq, c.base_seq, c.base_seq_prev];
                self.delays[half] = [c.prev_delay, c.active_delay, c.ts_offset];
                self.times[half] = [c.last_time, c.reference_time, c.start_time, c.evaluating_start_time];
                self.seq_offset[half] = c.seq_offset;
                match video {
                    false => (self.a_seq_reset, self.a_new_ssrc) = (c.seq_reset, c.new_ssrc),
                    true => (self.v_seq_reset, self.v_new_ssrc) = (c.seq_reset, c.new_ssrc),
                }
                $( if video { self.$v_reset = c.ts_reset } else { self.$a_reset = c.ts_reset } )?
            }

            /// Lets `work` run on one half.
            fn with<R>(&mut self, video: bool, work: impl FnOnce(&mut SwitchingContext) -> R) -> R {
                let mut half = self.load(video);
                let result = work(&mut half);
                self.store(video, &half);
                result
            }
        }
    };
}

switching_layout! {
    /// 0.9.0 … 0.11.4.
    switching_context_a1, 184, reset [], last_time @ 120
}
switching_layout! {
    /// 0.11.5 … 0.16.1.
    switching_context_a7, 192, reset [a_ts_reset, v_ts_reset], last_time @ 128
}

const _: () = {
    use std::mem::offset_of;
    assert!(
        offset_of!(switching_context_a1, a_seq_reset) == 72
            && offset_of!(switching_context_a1, seq_offset) == 88
    );
    assert!(offset_of!(switching_context_a1, delays) == 92);
    assert!(
        offset_of!(switching_context_a7, a_ts_reset) == 72
            && offset_of!(switching_context_a7, v_ts_reset) == 84
    );
    assert!(
        offset_of!(switching_context_a7, seq_offset) == 96 && offset_of!(switching_context_a7, delays) == 100
    );
};

/// `janus_rtp_svc_context` of 1.1.4.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(non_camel_case_types)]
pub struct svc_context_b3 {
    pub spatial: c_int,
    pub spatial_target: c_int,
    pub temporal: c_int,
    pub temporal_target: c_int,
    pub drop_trigger: u32,
    pub last_spatial_layer: [i64; 3],
    pub changed_spatial: gboolean,
    pub changed_temporal: gboolean,
    pub need_pli: gboolean,
}

assert_layout!(svc_context_b3: 64; spatial @ 0, spatial_target @ 4, temporal @ 8, temporal_target @ 12,
    drop_trigger @ 16, last_spatial_layer @ 24, changed_spatial @ 48, changed_temporal @ 52, need_pli @ 56);

/// The reset of every layout: zero, and −1 where there is "none".
///
/// # Safety
/// `context` is valid for writes.
unsafe fn reset<T: Simulcast + Default>(context: *mut T, rid: impl FnOnce(&mut T)) {
    let mut fresh = T::default();
    fresh.store(&Layers { substream_target_temp: -1, ..Layers::default() });
    rid(&mut fresh);
    // SAFETY: promised by the caller.
    unsafe { context.write(fresh) }
}

/// More than there are numbers of video codecs.
const MOST_CODECS: c_int = 64;

/// The decision for every layout.
///
/// # Safety
/// `context` is used by this thread only, `buf` holds `len` bytes, `sender` as [`Sender::substream`] asks.
unsafe fn process<T: Simulcast>(
    context: *mut T,
    buf: *mut c_char,
    len: c_int,
    sender: &Sender,
    vcodec: c_int,
    sc: Option<&mut SwitchingContext>,
) -> gboolean {
    // What modules of 1.2 and later pass here is an address: then this one's generation is a wrong one.
    if !(0..MOST_CODECS).contains(&vcodec) {
        return FALSE;
    }
    // SAFETY: promised by the caller.
    unsafe {
        let context = &mut *context;
        let data = packet(buf, len);
        let packet =
            Packet { data, descriptor: &[], codec: video_codec(vcodec), rid_ext_id: context.rid_ext_id() };
        let Some(substream) = sender.substream(&packet) else { return FALSE };
        let mut layers = context.load();
        let relay = layers.process(&packet, substream, None, sc, Rules::BEFORE_1_2, time::monotonic());
        context.store(&layers);
        relay.into()
    }
}

/// As [`process`] with the video half of a 0.x switching context; both layouts have its base_seq in the same place.
///
/// # Safety
/// As [`process`]; `sc` is NULL or a live context.
unsafe fn process_0x<T: Simulcast>(
    context: *mut T,
    buf: *mut c_char,
    len: c_int,
    sender: &Sender,
    vcodec: c_int,
    sc: *mut switching_context_a1,
) -> gboolean {
    let mut numbering = SwitchingContext::default();
    // SAFETY: promised by the caller.
    unsafe {
        let relay = process(context, buf, len, sender, vcodec, Some(&mut numbering));
        if let Some(sc) = sc.as_mut() {
            let base = &mut sc.sequences[1][2];
            *base = base.wrapping_add(numbering.base_seq);
        }
        relay
    }
}

fn sender(ssrcs: *mut u32, rids: *mut *mut c_char, mutex: *mut janus_mutex) -> Sender {
    Sender { ssrcs, rids, mutex }
}

/// The audio codecs that generations numbered in another way.
const AUDIO_A1: [AudioCodec; 7] = [
    AudioCodec::None,
    AudioCodec::Opus,
    AudioCodec::Pcmu,
    AudioCodec::Pcma,
    AudioCodec::G722,
    AudioCodec::Isac32k,
    AudioCodec::Isac16k,
];
const AUDIO_A3: [AudioCodec; 8] = [
    AudioCodec::None,
    AudioCodec::Opus,
    AudioCodec::MultiOpus,
    AudioCodec::Pcmu,
    AudioCodec::Pcma,
    AudioCodec::G722,
    AudioCodec::Isac32k,
    AudioCodec::Isac16k,
];

fn numbered(codecs: &[AudioCodec], number: c_int) -> AudioCodec {
    usize::try_from(number).ok().and_then(|n| codecs.get(n).copied()).unwrap_or(AudioCodec::Opus)
}

fn number_of(codecs: &[AudioCodec], name: &CStr) -> c_int {
    let codec = audio_from_name(name);
    codecs.iter().position(|c| *c == codec).unwrap_or(0) as c_int
}

variant! {
    /// −1 where nothing is known yet (extension ids, current layers), 0 elsewhere, in each generation's layout (HL-107).
    janus_rtp_simulcasting_context_reset in A1 ..= A1, fn simulcasting_context_reset_a1(
        context: *mut simulcasting_context_a1) as nonnull(context) or (); {
        // SAFETY: valid for writes.
        unsafe { reset(context, |c| (c.rid_ext_id, c.framemarking_ext_id) = (-1, -1)) }
    }
    janus_rtp_simulcasting_context_reset in A2 ..= A4, fn simulcasting_context_reset_a2(
        context: *mut simulcasting_context_a2) as nonnull(context) or (); {
        // SAFETY: valid for writes.
        unsafe { reset(context, |c| (c.rid_ext_id, c.framemarking_ext_id) = (-1, -1)) }
    }
    janus_rtp_simulcasting_context_reset in A5 ..= A5, fn simulcasting_context_reset_a5(
        context: *mut simulcasting_context_a5) as nonnull(context) or (); {
        // SAFETY: valid for writes.
        unsafe { reset(context, |c| (c.rid_ext_id, c.framemarking_ext_id) = (-1, -1)) }
    }
    janus_rtp_simulcasting_context_reset in A6 ..= B3, fn simulcasting_context_reset_b3(
        context: *mut simulcasting_context_b3) as nonnull(context) or (); {
        // SAFETY: valid for writes.
        unsafe { reset(context, |c| c.rid_ext_id = -1) }
    }

    janus_rtp_simulcasting_context_process_rtp in A1 ..= A1, fn simulcasting_process_a1(
        context: *mut simulcasting_context_a1, buf: *mut c_char, len: c_int, ssrcs: *mut u32, rids: *mut *mut c_char,
        vcodec: c_int, sc: *mut switching_context_a1) -> gboolean as nonnull(context, buf) or FALSE; {
        // SAFETY: as the header of this generation asks.
        unsafe { process_0x(context, buf, len, &sender(ssrcs, rids, ptr::null_mut()), vcodec, sc) }
    }
    janus_rtp_simulcasting_context_process_rtp in A2 ..= A4, fn simulcasting_process_a2(
        context: *mut simulcasting_context_a2, buf: *mut c_char, len: c_int, ssrcs: *mut u32, rids: *mut *mut c_char,
        vcodec: c_int, sc: *mut switching_context_a1) -> gboolean as nonnull(context, buf) or FALSE; {
        // SAFETY: as the header of this generation asks.
        unsafe { process_0x(context, buf, len, &sender(ssrcs, rids, ptr::null_mut()), vcodec, sc) }
    }
    janus_rtp_simulcasting_context_process_rtp in A5 ..= A5, fn simulcasting_process_a5(
        context: *mut simulcasting_context_a5, buf: *mut c_char, len: c_int, ssrcs: *mut u32, rids: *mut *mut c_char,
        vcodec: c_int, sc: *mut switching_context_a1) -> gboolean as nonnull(context, buf) or FALSE; {
        // SAFETY: as the header of this generation asks.
        unsafe { process_0x(context, buf, len, &sender(ssrcs, rids, ptr::null_mut()), vcodec, sc) }
    }
    janus_rtp_simulcasting_context_process_rtp in A6 ..= A10, fn simulcasting_process_a6(
        context: *mut simulcasting_context_b3, buf: *mut c_char, len: c_int, ssrcs: *mut u32, rids: *mut *mut c_char,
        vcodec: c_int, sc: *mut switching_context_a1) -> gboolean as nonnull(context, buf) or FALSE; {
        // SAFETY: as the header of this generation asks.
        unsafe { process_0x(context, buf, len, &sender(ssrcs, rids, ptr::null_mut()), vcodec, sc) }
    }
    janus_rtp_simulcasting_context_process_rtp in B1 ..= B1, fn simulcasting_process_b1(
        context: *mut simulcasting_context_b3, buf: *mut c_char, len: c_int, ssrcs: *mut u32, rids: *mut *mut c_char,
        vcodec: c_int, sc: *mut SwitchingContext) -> gboolean as nonnull(context, buf) or FALSE; {
        // SAFETY: as the header of this generation asks.
        unsafe { process(context, buf, len, &sender(ssrcs, rids, ptr::null_mut()), vcodec, sc.as_mut()) }
    }
    janus_rtp_simulcasting_context_process_rtp in B2 ..= B3, fn simulcasting_process_b3(
        context: *mut simulcasting_context_b3, buf: *mut c_char, len: c_int, ssrcs: *mut u32, rids: *mut *mut c_char,
        vcodec: c_int, sc: *mut SwitchingContext, rid_mutex: *mut janus_mutex) -> gboolean
        as nonnull(context, buf) or FALSE; {
        // SAFETY: as the header of this generation asks.
        unsafe { process(context, buf, len, &sender(ssrcs, rids, rid_mutex), vcodec, sc.as_mut()) }
    }

    /// With the id of the frame marking extension, which we do not negotiate. The core names the best rid first for all
    /// generations, so it becomes the last substream for all.
    janus_rtp_simulcasting_prepare in A1 ..= A5, fn simulcasting_prepare_a1(simulcast: *mut json_t,
        rid_ext_id: *mut c_int, framemarking_ext_id: *mut c_int, ssrcs: *mut u32, rids: *mut *mut c_char)
        as nonnull(simulcast) or (); {
        // SAFETY: as the header of this generation asks.
        unsafe {
            super::put(framemarking_ext_id, 0);
            prepare(simulcast, rid_ext_id, ssrcs, rids);
        }
    }

    /// Without the end-of-frame output.
    janus_av1_svc_context_process_dd in A9 ..= B3, fn av1_process_dd_b3(context: *mut Av1Context, dd: *mut u8,
        dd_len: c_int, template_id: *mut u8) -> gboolean as nonnull(context, dd) or FALSE; {
        // SAFETY: as the header of this generation asks; the output may be NULL.
        unsafe {
            let Some(found) = (*context).process(packet(dd.cast(), dd_len)) else { return FALSE };
            super::put(template_id, found.template);
        }
        TRUE
    }

    janus_rtp_svc_context_reset in B3 ..= B3, fn svc_context_reset_b3(context: *mut svc_context_b3)
        as nonnull(context) or (); {
        // SAFETY: valid for writes.
        unsafe { context.write(svc_context_b3 { spatial: -1, temporal: -1, ..Default::default() }) }
    }

    /// 1.1.4: VP9 only.
    janus_rtp_svc_context_process_rtp in B3 ..= B3, fn svc_process_b3(context: *mut svc_context_b3, buf: *mut c_char,
        len: c_int, vcodec: c_int, info: *mut SvcInfo, sc: *mut SwitchingContext) -> gboolean
        as nonnull(context, buf, info) or FALSE; {
        // SAFETY: as the header of this generation asks.
        unsafe {
            let context = &mut *context;
            let mut native = SvcContext {
                spatial: context.spatial,
                spatial_target: context.spatial_target,
                temporal: context.temporal,
                temporal_target: context.temporal_target,
                drop_trigger: context.drop_trigger,
                last_spatial_layer: context.last_spatial_layer,
                need_pli: context.need_pli,
                ..SvcContext::default()
            };
            let (data, codec) = (packet(buf, len), video_codec(vcodec));
            let relay = native.process(data, &[], codec, info.as_ref(), sc.as_mut(), time::monotonic());
            context.spatial = native.spatial;
            context.temporal = native.temporal;
            context.last_spatial_layer = native.last_spatial_layer;
            (context.changed_spatial, context.changed_temporal) =
                (native.changed_spatial, native.changed_temporal);
            relay.into()
        }
    }

    janus_rtp_switching_context_reset in A1 ..= A6, fn switching_context_reset_a1(context: *mut switching_context_a1)
        as nonnull(context) or (); {
        // SAFETY: valid for writes.
        unsafe { context.write(Default::default()) }
    }
    janus_rtp_switching_context_reset in A7 ..= A10, fn switching_context_reset_a7(context: *mut switching_context_a7)
        as nonnull(context) or (); {
        // SAFETY: valid for writes.
        unsafe { context.write(Default::default()) }
    }
    janus_rtp_header_update in A1 ..= A6, fn header_update_a1(header: *mut rtp_header,
        context: *mut switching_context_a1, video: gboolean, _step: c_int) as nonnull(header, context) or (); {
        // SAFETY: a header of 12 bytes, and a context that only this thread uses now.
        let (header, context) = unsafe { (packet(header.cast(), 12), &mut *context) };
        let video = video != FALSE;
        context.with(video, |half| half.header_update(header, video, time::monotonic()));
    }
    janus_rtp_header_update in A7 ..= A10, fn header_update_a7(header: *mut rtp_header,
        context: *mut switching_context_a7, video: gboolean, _step: c_int) as nonnull(header, context) or (); {
        // SAFETY: a header of 12 bytes, and a context that only this thread uses now.
        let (header, context) = unsafe { (packet(header.cast(), 12), &mut *context) };
        let video = video != FALSE;
        context.with(video, |half| half.header_update(header, video, time::monotonic()));
    }
    janus_rtp_skew_compensate_audio in A1 ..= A6, fn skew_audio_a1(header: *mut rtp_header,
        context: *mut switching_context_a1, now: i64) -> c_int as nonnull(header, context) or 0; {
        // SAFETY: as above.
        let (header, context) = unsafe { (packet(header.cast(), 12), &mut *context) };
        context.with(false, |half| skew_result(half.skew_compensate(header, false, now)))
    }
    janus_rtp_skew_compensate_video in A1 ..= A6, fn skew_video_a1(header: *mut rtp_header,
        context: *mut switching_context_a1, now: i64) -> c_int as nonnull(header, context) or 0; {
        // SAFETY: as above.
        let (header, context) = unsafe { (packet(header.cast(), 12), &mut *context) };
        context.with(true, |half| skew_result(half.skew_compensate(header, true, now)))
    }
    janus_rtp_skew_compensate_audio in A7 ..= A10, fn skew_audio_a7(header: *mut rtp_header,
        context: *mut switching_context_a7, now: i64) -> c_int as nonnull(header, context) or 0; {
        // SAFETY: as above.
        let (header, context) = unsafe { (packet(header.cast(), 12), &mut *context) };
        context.with(false, |half| skew_result(half.skew_compensate(header, false, now)))
    }
    janus_rtp_skew_compensate_video in A7 ..= A10, fn skew_video_a7(header: *mut rtp_header,
        context: *mut switching_context_a7, now: i64) -> c_int as nonnull(header, context) or 0; {
        // SAFETY: as above.
        let (header, context) = unsafe { (packet(header.cast(), 12), &mut *context) };
        context.with(true, |half| skew_result(half.skew_compensate(header, true, now)))
    }

    janus_audiocodec_name in A1 ..= A2, fn audiocodec_name_a1(acodec: c_int) -> *const c_char
        as nonnull() or ptr::null(); { numbered(&AUDIO_A1, acodec).c_name().as_ptr() }
    janus_audiocodec_pt in A1 ..= A2, fn audiocodec_pt_a1(acodec: c_int) -> c_int as nonnull() or -1; {
        numbered(&AUDIO_A1, acodec).payload_type()
    }
    janus_audiocodec_from_name in A1 ..= A2, fn audiocodec_from_name_a1(name: *const c_char) -> c_int
        as nonnull(name) or 0; {
        // SAFETY: NUL-terminated text.
        number_of(&AUDIO_A1, unsafe { CStr::from_ptr(name) })
    }
    janus_audiocodec_name in A3 ..= A8, fn audiocodec_name_a3(acodec: c_int) -> *const c_char
        as nonnull() or ptr::null(); { numbered(&AUDIO_A3, acodec).c_name().as_ptr() }
    janus_audiocodec_pt in A3 ..= A8, fn audiocodec_pt_a3(acodec: c_int) -> c_int as nonnull() or -1; {
        numbered(&AUDIO_A3, acodec).payload_type()
    }
    janus_audiocodec_from_name in A3 ..= A8, fn audiocodec_from_name_a3(name: *const c_char) -> c_int
        as nonnull(name) or 0; {
        // SAFETY: NUL-terminated text.
        number_of(&AUDIO_A3, unsafe { CStr::from_ptr(name) })
    }
}

export! {
    /// The temporal layer of a frame marking extension (draft-ietf-avtext-framemarking), 0 in its short form. Of 0.9.0 …
    /// 0.11.1. 0; −1 not found, −2 empty.
    "-" fn janus_rtp_header_extension_parse_framemarking(buf: *mut c_char, len: c_int, id: c_int, codec: c_int,
        tid: *mut u8) -> c_int as nonnull(buf) or -1; {
        let _ = codec;
        // SAFETY: `buf` holds `len` bytes; the output may be NULL.
        unsafe {
            let Some(data) = super::element(buf, len, id) else { return -1 };
            let Some(first) = data.first().copied() else { return -2 };
            super::put(tid, if data.len() > 1 { first & 7 } else { 0 });
        }
        0
    }
}

#[cfg(test)]
#[path = "older_tests.rs"]
mod tests;
