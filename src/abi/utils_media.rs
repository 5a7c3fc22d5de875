//! `utils.h`, the part about media: key frames, VP8 and VP9 descriptors, RED, bits (helpers.md §12.5 … §12.7). Thin
//! over [`crate::rtp`].

use super::rtp::{packet, put};
use crate::glib::{self, FALSE, GList, gboolean};
use crate::rtp::red::{self, RedBlock};
use crate::rtp::vp8::{self, SimulcastContext};
use crate::rtp::vp9::{self, SvcInfo};
use crate::rtp::{VideoCodec, bits, keyframe};
use libc::{c_char, c_int};
use std::ptr;

assert_layout!(SimulcastContext: 10; last_picid @ 0, base_picid @ 2, base_picid_prev @ 4, last_tlzi @ 6, base_tlzi @ 7,
    base_tlzi_prev @ 8);

/// One block of a RED payload; `data` points into the payload and is NULL for an empty block.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_red_block {
    pub pt: u8,
    pub ts_offset: u32,
    pub data: *mut u8,
    pub length: u16,
}

assert_layout!(janus_red_block: 24; pt @ 0, ts_offset @ 4, data @ 8, length @ 16);

/// Bytes that are only read.
///
/// # Safety
/// As [`packet`].
unsafe fn bytes<'a>(buf: *const c_char, len: c_int) -> &'a [u8] {
    match usize::try_from(len) {
        // SAFETY: promised by the caller.
        Ok(len) if !buf.is_null() => unsafe { std::slice::from_raw_parts(buf.cast(), len) },
        _ => &[],
    }
}

export! {
    /// Payload (behind the RTP header) of `len` bytes, 16 at least: the first of a key frame, RFC 7741 §4.3 (HL-226).
    "utils.h" fn janus_vp8_is_keyframe(buffer: *const c_char, len: c_int) -> gboolean as nonnull(buffer) or FALSE; {
        // SAFETY: `buffer` holds `len` bytes.
        keyframe::vp8_keyframe(unsafe { bytes(buffer, len) }).into()
    }

    /// Payload of `len` bytes that announces a resolution in its scalability structure, RFC 9628 §4.2.1 (HL-227).
    "utils.h" fn janus_vp9_is_keyframe(buffer: *const c_char, len: c_int) -> gboolean as nonnull(buffer) or FALSE; {
        // SAFETY: `buffer` holds `len` bytes.
        keyframe::vp9_keyframe(unsafe { bytes(buffer, len) }).into()
    }

    /// Payload of `len` bytes with an SPS: alone, in a STAP-A, or as the beginning of an FU, RFC 6184 §5. Key frames are
    /// preceded by one; an IDR slice alone does not count (HL-228).
    "utils.h" fn janus_h264_is_keyframe(buffer: *const c_char, len: c_int) -> gboolean as nonnull(buffer) or FALSE; {
        // SAFETY: `buffer` holds `len` bytes.
        keyframe::h264_keyframe(unsafe { bytes(buffer, len) }, true).into()
    }

    /// A slice of an IDR picture.
    "utils.h" fn janus_h264_is_i_frame(buffer: *const c_char, len: c_int) -> gboolean as nonnull(buffer) or FALSE; {
        // SAFETY: `buffer` holds `len` bytes.
        keyframe::h264_i_frame(unsafe { bytes(buffer, len) }).into()
    }

    /// A slice of another picture.
    "utils.h" fn janus_h264_is_b_frame(buffer: *const c_char, len: c_int) -> gboolean as nonnull(buffer) or FALSE; {
        // SAFETY: `buffer` holds `len` bytes.
        keyframe::h264_b_frame(unsafe { bytes(buffer, len) }).into()
    }

    /// Payload of `len` bytes that begins a coded video sequence: Z is 0 and N is 1 in its aggregation header, AV1 RTP
    /// specification §4.4 (HL-230).
    "utils.h" fn janus_av1_is_keyframe(buffer: *const c_char, len: c_int) -> gboolean as nonnull(buffer) or FALSE; {
        // SAFETY: `buffer` holds `len` bytes.
        keyframe::av1_keyframe(unsafe { bytes(buffer, len) }).into()
    }

    /// Payload of `len` bytes whose first unit is VPS, SPS, PPS or of a type from 16 to 21 (pictures of random access),
    /// RFC 7798 §1.1.4 (HL-229).
    "utils.h" fn janus_h265_is_keyframe(buffer: *const c_char, len: c_int) -> gboolean as nonnull(buffer) or FALSE; {
        // SAFETY: `buffer` holds `len` bytes.
        keyframe::h265_keyframe(unsafe { bytes(buffer, len) }).into()
    }

    /// By video codec number; FALSE for others.
    "utils.h" fn janus_is_keyframe(codec: c_int, buffer: *const c_char, len: c_int) -> gboolean
        as nonnull(buffer) or FALSE; {
        let codec = VideoCodec::from_number(codec).unwrap_or(VideoCodec::None);
        // SAFETY: `buffer` holds `len` bytes.
        keyframe::is_keyframe(codec, unsafe { bytes(buffer, len) }).into()
    }

    /// All zero.
    "utils.h" fn janus_vp8_simulcast_context_reset(context: *mut SimulcastContext) as nonnull(context) or (); {
        // SAFETY: valid for writes.
        unsafe { context.write(SimulcastContext::default()) }
    }

    /// 0; −1 shorter than 6 bytes. `m`: the picture id has 15 bits. Outputs are 0 where the descriptor has nothing.
    "utils.h" fn janus_vp8_parse_descriptor(buffer: *mut c_char, len: c_int, m: *mut gboolean, picid: *mut u16,
        tl0picidx: *mut u8, tid: *mut u8, y: *mut u8, keyidx: *mut u8) -> c_int as nonnull(buffer) or -1; {
        // SAFETY: `buffer` holds `len` bytes; the outputs may be NULL.
        unsafe { parse_vp8(bytes(buffer, len), m, VP8Outputs { picid, tl0picidx, tid, y, keyidx }) }
    }

    /// Rewrites picture id and TL0PICIDX (RFC 7741 §4.2) of a payload of `len` bytes in place, so that they go on by one
    /// where the substream changes: `switched`. Payloads without them stay as they are (HL-231, HL-232).
    "utils.h" fn janus_vp8_simulcast_descriptor_update(buffer: *mut c_char, len: c_int, context: *mut SimulcastContext,
        switched: gboolean) as nonnull(buffer, context) or (); {
        // SAFETY: `buffer` holds `len` bytes; a context that only this thread uses now.
        unsafe { (*context).update(packet(buffer, len), switched != FALSE) }
    }

    /// 0; −1 truncated. HL-233.
    "utils.h" fn janus_vp9_parse_svc(buffer: *mut c_char, len: c_int, found: *mut gboolean, info: *mut SvcInfo) -> c_int
        as nonnull(buffer) or -1; {
        // SAFETY: `buffer` holds `len` bytes; the outputs may be NULL.
        unsafe {
            let Ok(layer) = vp9::svc_info(bytes(buffer, len)) else { return -1 };
            put(found, layer.is_some().into());
            if let Some(layer) = layer {
                put(info, layer);
            }
        }
        0
    }

    /// A list of `janus_red_block`, to be released with `g_list_free_full(list, g_free)`. HL-234, HL-235.
    "utils.h" fn janus_red_parse_blocks(buffer: *mut c_char, len: c_int) -> *mut GList
        as nonnull(buffer) or ptr::null_mut(); {
        // SAFETY: `buffer` holds `len` bytes.
        let Some(blocks) = red::blocks(unsafe { bytes(buffer, len) }) else { return ptr::null_mut() };
        let mut list = ptr::null_mut();
        for block in blocks {
            let data = if block.data.is_empty() { ptr::null_mut() } else { block.data.as_ptr().cast_mut() };
            let element = glib::new0::<janus_red_block>();
            // SAFETY: a fresh block of this type, and a list that only we know.
            unsafe {
                element.write(janus_red_block {
                    pt: block.payload_type,
                    ts_offset: block.timestamp_offset.into(),
                    data,
                    length: block.data.len() as u16,
                });
                list = glib_sys::g_list_prepend(list, element.cast());
            }
        }
        // SAFETY: as above.
        unsafe { glib_sys::g_list_reverse(list) }
    }

    /// The length, 0 for an empty list; 1 for NULL and negative arguments, −2 when the buffer is too small.
    "utils.h" fn janus_red_pack_blocks(buffer: *mut c_char, len: c_int, blocks: *mut GList) -> c_int
        as nonnull(buffer) or 1; {
        if len < 0 {
            return 1;
        }
        // SAFETY: `buffer` has room for `len` bytes; a list of blocks that nobody changes meanwhile.
        red::pack(unsafe { packet(buffer, len) }, RedList(blocks)).map_or(-2, |length| length as c_int)
    }

    /// Every block gets this payload type. 0; −1 arguments.
    "utils.h" fn janus_red_replace_block_pt(buffer: *mut c_char, len: c_int, pt: c_int) -> c_int
        as nonnull(buffer) or -1; {
        if len < 0 || !(0..128).contains(&pt) {
            return -1;
        }
        // SAFETY: `buffer` holds `len` bytes.
        red::replace_payload_type(unsafe { packet(buffer, len) }, pt as u8);
        0
    }

    /// `word` with the low `num` bits of `val` appended.
    "utils.h" fn janus_push_bits(word: u32, num: usize, val: u32) -> u32 as nonnull() or 0; {
        bits::push(word, num, val)
    }

    /// One byte at index `i`.
    "utils.h" fn janus_set1(data: *mut u8, i: usize, val: u8) as nonnull(data) or (); {
        // SAFETY: `data` has room behind `i`, as the header asks.
        unsafe { data.add(i).write(val) }
    }

    /// Two bytes, big-endian.
    "utils.h" fn janus_set2(data: *mut u8, i: usize, val: u32) as nonnull(data) or (); {
        // SAFETY: `data` has room behind `i`, as the header asks.
        unsafe { data.add(i).cast::<[u8; 2]>().write((val as u16).to_be_bytes()) }
    }

    /// Three bytes, big-endian.
    "utils.h" fn janus_set3(data: *mut u8, i: usize, val: u32) as nonnull(data) or (); {
        let [_, a, b, c] = val.to_be_bytes();
        // SAFETY: `data` has room behind `i`, as the header asks.
        unsafe { data.add(i).cast::<[u8; 3]>().write([a, b, c]) }
    }

    /// Four bytes, big-endian.
    "utils.h" fn janus_set4(data: *mut u8, i: usize, val: u32) as nonnull(data) or (); {
        // SAFETY: `data` has room behind `i`, as the header asks.
        unsafe { data.add(i).cast::<[u8; 4]>().write(val.to_be_bytes()) }
    }

    /// The bit at this offset, most significant first.
    "utils.h" fn janus_bitstream_getbit(base: *mut u8, offset: u32) -> u8 as nonnull(base) or 0; {
        // SAFETY: `base` holds the byte with this bit, as the header asks.
        let byte = unsafe { base.add(offset as usize / 8).read() };
        bits::bit(&[byte], offset % 8)
    }

    /// `num` ≤ 32 bits; `offset` moves on by as many.
    "utils.h" fn janus_bitstream_getbits(base: *mut u8, num: u8, offset: *mut u32) -> u32
        as nonnull(base, offset) or 0; {
        // SAFETY: `offset` is valid, and `base` holds the bytes with these bits, as the header asks.
        unsafe {
            let start = offset.read();
            let length = (start as usize + usize::from(num)).div_ceil(8);
            offset.write(start.wrapping_add(num.into()));
            bits::bits(std::slice::from_raw_parts(base, length), num, start)
        }
    }
}

variant! {
    /// Any fragment of a parameter set counts.
    janus_h264_is_keyframe in A1 ..= B3, fn h264_is_keyframe_b3(buffer: *const c_char, len: c_int) -> gboolean
        as nonnull(buffer) or FALSE; {
        // SAFETY: `buffer` holds `len` bytes.
        keyframe::h264_keyframe(unsafe { bytes(buffer, len) }, false).into()
    }

    /// Without `m`. 1.1.2 added it within B3 and 0.13.2 within A10: plugins of theirs get the form that they call
    /// ([`Decision::exceptions`](crate::modules::generation::Decision::exceptions)).
    janus_vp8_parse_descriptor in A1 ..= A9, fn vp8_parse_descriptor_a1(buffer: *mut c_char, len: c_int,
        picid: *mut u16, tl0picidx: *mut u8, tid: *mut u8, y: *mut u8, keyidx: *mut u8) -> c_int
        as nonnull(buffer) or -1; {
        // SAFETY: `buffer` holds `len` bytes; the outputs may be NULL.
        unsafe {
            parse_vp8(bytes(buffer, len), ptr::null_mut(), VP8Outputs { picid, tl0picidx, tid, y, keyidx })
        }
    }
    janus_vp8_parse_descriptor in B1 ..= B2, fn vp8_parse_descriptor_b1(buffer: *mut c_char, len: c_int,
        picid: *mut u16, tl0picidx: *mut u8, tid: *mut u8, y: *mut u8, keyidx: *mut u8) -> c_int
        as nonnull(buffer) or -1; {
        // SAFETY: `buffer` holds `len` bytes; the outputs may be NULL.
        unsafe {
            parse_vp8(bytes(buffer, len), ptr::null_mut(), VP8Outputs { picid, tl0picidx, tid, y, keyidx })
        }
    }
}

struct VP8Outputs {
    picid: *mut u16,
    tl0picidx: *mut u8,
    tid: *mut u8,
    y: *mut u8,
    keyidx: *mut u8,
}

/// # Safety
/// The outputs are NULL or valid for writes.
unsafe fn parse_vp8(payload: &[u8], m: *mut gboolean, out: VP8Outputs) -> c_int {
    if payload.len() < vp8::MIN_LEN {
        return -1;
    }
    let Some(found) = vp8::Descriptor::parse(payload) else { return -1 };
    // SAFETY: promised by the caller.
    unsafe {
        if found.picture_id.is_some() {
            put(m, found.wide.into());
        }
        put(out.picid, found.picture_id.unwrap_or(0));
        put(out.tl0picidx, found.tl0_index.unwrap_or(0));
        put(out.tid, found.temporal_layer);
        put(out.y, found.sync.into());
        put(out.keyidx, found.key_index);
    }
    0
}

/// Walks a list of `janus_red_block`; made only where the list outlives it.
#[derive(Clone)]
struct RedList(*mut GList);

impl Iterator for RedList {
    type Item = RedBlock<'static>;

    fn next(&mut self) -> Option<RedBlock<'static>> {
        // SAFETY: a node of the list, which lives and is not changed while this walks.
        let (data, next) = unsafe { self.0.as_ref().map(|n| (n.data, n.next))? };
        self.0 = next;
        // SAFETY: the list's elements are blocks; the data is only used while the list lives.
        unsafe {
            let block = data.cast::<janus_red_block>().as_ref()?;
            Some(RedBlock {
                payload_type: block.pt,
                timestamp_offset: block.ts_offset as u16,
                data: bytes(block.data.cast(), block.length.into()),
            })
        }
    }
}

#[cfg(test)]
#[path = "utils_media_tests.rs"]
mod tests;
