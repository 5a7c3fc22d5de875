//! The struct of each generation, and what its functions do with the contexts inside it.

use super::HEADER;
use crate::abi::mutex::janus_mutex;
use crate::abi::refcount::janus_refcount;
use crate::abi::rtp::janus_rtp_header_update;
use crate::abi::rtp::layers::janus_rtp_simulcasting_context_process_rtp;
use crate::abi::rtp::older::{self, simulcasting_context_b3, switching_context_a7};
use crate::glib::{TRUE, gboolean};
use crate::media::srtp::Session;
use crate::rtp::SwitchingContext;
use crate::rtp::simulcast::SimulcastContext;
use crate::util::lock::Lock;
use libc::{c_char, c_int, c_void, sockaddr_in, sockaddr_in6};
use std::ptr;

/// The temporal layer, and the substream, of simulcast that forwarders aim at.
const BEST_LAYER: c_int = 2;

/// What a module gets for RTCP that the receiver sends back.
pub type RtcpCallback<N, S> = unsafe extern "C" fn(*mut Forwarder<N, S>, *mut c_char, c_int);

/// One receiver. `N` and `S` are the numbering and simulcast contexts of a generation.
#[repr(C)]
pub struct Forwarder<N, S> {
    /// The module's own.
    pub source: *mut c_void,
    pub context: *mut c_char,
    pub stream_id: u32,
    /// Borrowed.
    pub udp_fd: c_int,
    pub is_video: gboolean,
    pub is_data: gboolean,
    /// 0: as it comes.
    pub ssrc: u32,
    /// 0: as it comes.
    pub payload_type: c_int,
    pub substream: c_int,
    pub serv_addr: sockaddr_in,
    pub serv_addr6: sockaddr_in6,
    pub rtcp_fd: c_int,
    pub local_rtcp_port: u16,
    pub remote_rtcp_port: u16,
    pub rtcp_callback: Option<RtcpCallback<N, S>>,
    pub rtcp_recv: *mut glib_sys::GSource,
    pub simulcast: gboolean,
    pub rtp_context: N,
    pub sim_context: S,
    pub is_srtp: gboolean,
    /// Ours: a boxed [`Protection`].
    pub srtp_ctx: *mut c_void,
    /// libsrtp2's; not used.
    pub srtp_policy: [u64; 16],
    /// The module's own, from GLib; freed with the forwarder.
    pub metadata: *mut c_void,
    pub destroyed: c_int,
    pub r#ref: janus_refcount,
}

/// As the native generation (and 1.2.0 … 1.3.1) sees it.
#[allow(non_camel_case_types)]
pub type janus_rtp_forwarder = Forwarder<SwitchingContext, SimulcastContext>;
/// 1.1.4.
#[allow(non_camel_case_types)]
pub type forwarder_b3 = Forwarder<SwitchingContext, simulcasting_context_b3>;
/// 0.16.
#[allow(non_camel_case_types)]
pub type forwarder_a10 = Forwarder<switching_context_a7, simulcasting_context_b3>;

assert_layout!(janus_rtp_forwarder: 544; source @ 0, context @ 8, stream_id @ 16, udp_fd @ 20, is_video @ 24,
    is_data @ 28, ssrc @ 32, payload_type @ 36, substream @ 40, serv_addr @ 44, serv_addr6 @ 60, rtcp_fd @ 88,
    local_rtcp_port @ 92, remote_rtcp_port @ 94, rtcp_callback @ 96, rtcp_recv @ 104, simulcast @ 112,
    rtp_context @ 120, sim_context @ 216, is_srtp @ 368, srtp_ctx @ 376, srtp_policy @ 384, metadata @ 512,
    destroyed @ 520, r#ref @ 528);
assert_layout!(forwarder_b3: 448; rtp_context @ 120, sim_context @ 216, is_srtp @ 272, srtp_ctx @ 280,
    srtp_policy @ 288, metadata @ 416, destroyed @ 424, r#ref @ 432);
assert_layout!(forwarder_a10: 544; rtp_context @ 120, sim_context @ 312, is_srtp @ 368, srtp_ctx @ 376,
    srtp_policy @ 384, metadata @ 512, destroyed @ 520, r#ref @ 528);

/// Locked once per protected packet, and never contended: the header asks for one sending thread at a time.
pub(super) type Protection = Lock<Session>;

/// A simulcast sender as a module knows it, and the codec.
#[derive(Clone, Copy)]
pub(super) struct Sender {
    pub ssrcs: *mut u32,
    pub rids: *mut *mut c_char,
    pub vcodec: c_int,
    pub mutex: *mut janus_mutex,
}

/// What a generation's functions do with its contexts.
pub(super) trait Layout: Sized {
    type Numbering: Default;
    type Simulcast;

    fn simulcast() -> Self::Simulcast;

    /// Whether the packet belongs to what is forwarded.
    ///
    /// # Safety
    /// As `janus_rtp_simulcasting_context_process_rtp` of the generation asks.
    unsafe fn select(this: *mut Self, buf: *mut c_char, len: c_int, sender: Sender) -> gboolean;

    /// Continuous numbers for the packet of this header.
    ///
    /// # Safety
    /// `this` is live, and its contexts are used by this thread only.
    unsafe fn number(this: *mut Self, header: &mut [u8; HEADER]);
}

impl Layout for janus_rtp_forwarder {
    type Numbering = SwitchingContext;
    type Simulcast = SimulcastContext;

    fn simulcast() -> SimulcastContext {
        let mut context = SimulcastContext::default();
        (context.layers.substream_target, context.layers.templayer_target) = (BEST_LAYER, BEST_LAYER);
        context
    }

    unsafe fn select(this: *mut Self, buf: *mut c_char, len: c_int, sender: Sender) -> gboolean {
        let Sender { ssrcs, rids, vcodec, mutex } = sender;
        // SAFETY: promised by the caller.
        unsafe {
            let (sim, rtp) = (&raw mut (*this).sim_context, &raw mut (*this).rtp_context);
            janus_rtp_simulcasting_context_process_rtp(
                sim,
                buf,
                len,
                ptr::null_mut(),
                0,
                ssrcs,
                rids,
                vcodec,
                rtp,
                mutex,
            )
        }
    }

    unsafe fn number(this: *mut Self, header: &mut [u8; HEADER]) {
        // SAFETY: a whole header; the rest is promised by the caller.
        unsafe { janus_rtp_header_update(header.as_mut_ptr().cast(), &raw mut (*this).rtp_context, TRUE, 0) }
    }
}

fn simulcast_b3() -> simulcasting_context_b3 {
    simulcasting_context_b3 {
        rid_ext_id: -1,
        substream: -1,
        substream_target: BEST_LAYER,
        substream_target_temp: -1,
        templayer: -1,
        templayer_target: BEST_LAYER,
        ..Default::default()
    }
}

impl Layout for forwarder_b3 {
    type Numbering = SwitchingContext;
    type Simulcast = simulcasting_context_b3;

    fn simulcast() -> simulcasting_context_b3 {
        simulcast_b3()
    }

    unsafe fn select(this: *mut Self, buf: *mut c_char, len: c_int, sender: Sender) -> gboolean {
        let Sender { ssrcs, rids, vcodec, mutex } = sender;
        // SAFETY: promised by the caller.
        unsafe {
            let (sim, rtp) = (&raw mut (*this).sim_context, &raw mut (*this).rtp_context);
            older::simulcasting_process_b3(sim, buf, len, ssrcs, rids, vcodec, rtp, mutex)
        }
    }

    unsafe fn number(this: *mut Self, header: &mut [u8; HEADER]) {
        // SAFETY: a whole header; the rest is promised by the caller.
        unsafe { janus_rtp_header_update(header.as_mut_ptr().cast(), &raw mut (*this).rtp_context, TRUE, 0) }
    }
}

impl Layout for forwarder_a10 {
    type Numbering = switching_context_a7;
    type Simulcast = simulcasting_context_b3;

    fn simulcast() -> simulcasting_context_b3 {
        simulcast_b3()
    }

    unsafe fn select(this: *mut Self, buf: *mut c_char, len: c_int, sender: Sender) -> gboolean {
        let Sender { ssrcs, rids, vcodec, .. } = sender;
        // SAFETY: promised by the caller; this form takes either switching context of 0.x.
        unsafe {
            let (sim, rtp) = (&raw mut (*this).sim_context, (&raw mut (*this).rtp_context).cast());
            older::simulcasting_process_a6(sim, buf, len, ssrcs, rids, vcodec, rtp)
        }
    }

    unsafe fn number(this: *mut Self, header: &mut [u8; HEADER]) {
        // SAFETY: a whole header; the rest is promised by the caller.
        unsafe { older::header_update_a7(header.as_mut_ptr().cast(), &raw mut (*this).rtp_context, TRUE, 0) }
    }
}
