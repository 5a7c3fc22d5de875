//! `rtpfwd.h`: sending the RTP packets of a medium to a UDP receiver elsewhere (helpers.md §11).
//!
//! The struct of each generation embeds its own numbering and simulcast contexts; [`layout`] is what differs, everything
//! else is written once over [`Forwarder`]. Feedback from receivers is read by [`feedback`].

mod feedback;
mod layout;

pub use feedback::shut_down;
pub use layout::{Forwarder, RtcpCallback, forwarder_a10, forwarder_b3, janus_rtp_forwarder};

use super::mutex::janus_mutex;
use super::refcount::{self, janus_refcount};
use super::rtp::older::{simulcasting_context_b3, switching_context_a7};
use super::rtp::packet;
use crate::glib::{self, FALSE, gboolean};
use crate::media::srtp::{Profile, Session};
use crate::rtp::simulcast::SimulcastContext;
use crate::rtp::{SwitchingContext, is_rtp};
use crate::util::lock::Lock;
use crate::util::random;
use layout::{Layout, Protection, Sender};
use libc::{c_char, c_int, c_void, sockaddr_in, sockaddr_in6};
use std::collections::HashSet;
use std::ffi::CStr;
use std::net::{IpAddr, SocketAddr};
use std::ptr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicI32, Ordering};

/// Longest packet that is protected.
const PROTECTED_MAX: usize = 1500;
const HEADER: usize = 12;

/// Context and id.
type Key = (Vec<u8>, u32);

/// All forwarders.
static TABLE: LazyLock<Lock<HashSet<Key>>> = LazyLock::new(Lock::default);

fn with_table<R>(work: impl FnOnce(&mut HashSet<Key>) -> R) -> R {
    work(&mut TABLE.lock())
}

/// Takes `id` in `context`, or a random free one for 0.
fn reserve(context: &[u8], id: u32) -> Option<u32> {
    with_table(|table| {
        if id != 0 {
            return table.insert((context.to_vec(), id)).then_some(id);
        }
        loop {
            let id = random::u32();
            if id != 0 && table.insert((context.to_vec(), id)) {
                return Some(id);
            }
        }
    })
}

/// The arguments of `janus_rtp_forwarder_create`.
struct Request {
    context: *const c_char,
    id: u32,
    udp_fd: c_int,
    host: *const c_char,
    port: c_int,
    ssrc: u32,
    payload_type: c_int,
    srtp_suite: c_int,
    srtp_crypto: *const c_char,
    simulcast: gboolean,
    substream: c_int,
    is_video: gboolean,
    is_data: gboolean,
}

/// AES-CM with the tag of the suite; the text is key and salt in base64.
fn protection(suite: c_int, crypto: &CStr) -> Option<Session> {
    let profile = if suite == 32 { Profile::Aes128CmSha1_32 } else { Profile::Aes128CmSha1_80 };
    let keys = glib::base64_decode(crypto);
    let (key, rest) = keys.split_at_checked(profile.key_len())?;
    Session::new(profile, key, rest.get(..profile.salt_len())?).ok()
}

fn addresses(host: IpAddr, port: u16) -> (sockaddr_in, sockaddr_in6) {
    // SAFETY: plain numbers; all zero is "no address".
    let (mut v4, mut v6): (sockaddr_in, sockaddr_in6) = unsafe { std::mem::zeroed() };
    match host {
        IpAddr::V4(address) => {
            v4.sin_family = libc::AF_INET as u16;
            v4.sin_port = port.to_be();
            v4.sin_addr.s_addr = u32::from_ne_bytes(address.octets());
        }
        IpAddr::V6(address) => {
            v6.sin6_family = libc::AF_INET6 as u16;
            v6.sin6_port = port.to_be();
            v6.sin6_addr.s6_addr = address.octets();
        }
    }
    (v4, v6)
}

/// # Safety
/// The texts are NULL or NUL-terminated.
unsafe fn create<N: Default, S>(request: &Request) -> *mut Forwarder<N, S>
where
    Forwarder<N, S>: Layout<Numbering = N, Simulcast = S>,
{
    // SAFETY: promised by the caller.
    let (context, host, crypto) = unsafe {
        (
            glib::bytes(request.context).unwrap_or(b"default"),
            glib::text(request.host).unwrap_or_default(),
            (!request.srtp_crypto.is_null()).then(|| CStr::from_ptr(request.srtp_crypto)),
        )
    };
    let (is_video, is_data) = (request.is_video != FALSE, request.is_data != FALSE);
    let Ok(host) = host.parse::<IpAddr>() else {
        tracing::error!("RTP forwarder: '{host}' is not an IP address");
        return ptr::null_mut();
    };
    let session = match crypto {
        Some(crypto) if !is_data && request.srtp_suite > 0 => match protection(request.srtp_suite, crypto) {
            Some(session) => Some(session),
            None => {
                tracing::error!("RTP forwarder: the SRTP key is not 30 bytes in base64");
                return ptr::null_mut();
            }
        },
        _ => None,
    };
    let Some(stream_id) = reserve(context, request.id) else {
        let context = String::from_utf8_lossy(context);
        tracing::error!("RTP forwarder {} exists already in context '{context}'", request.id);
        return ptr::null_mut();
    };
    let (serv_addr, serv_addr6) = addresses(host, request.port as u16);
    Box::into_raw(Box::new(Forwarder {
        source: ptr::null_mut(),
        context: glib::bytes_dup(context),
        stream_id,
        udp_fd: request.udp_fd,
        is_video: is_video.into(),
        is_data: is_data.into(),
        ssrc: request.ssrc,
        payload_type: request.payload_type,
        substream: request.substream,
        serv_addr,
        serv_addr6,
        rtcp_fd: -1,
        local_rtcp_port: 0,
        remote_rtcp_port: 0,
        rtcp_callback: None,
        rtcp_recv: ptr::null_mut(),
        simulcast: (is_video && request.simulcast != FALSE).into(),
        rtp_context: N::default(),
        sim_context: Forwarder::<N, S>::simulcast(),
        is_srtp: session.is_some().into(),
        srtp_ctx: session.map_or(ptr::null_mut(), |s| Box::into_raw(Box::new(Protection::new(s))).cast()),
        srtp_policy: [0; 16],
        metadata: ptr::null_mut(),
        destroyed: 0,
        r#ref: janus_refcount { count: 2, free: Some(free::<N, S>) },
    }))
}

/// Ends a forwarder that nobody refers to.
unsafe extern "C" fn free<N, S>(counter: *const janus_refcount) {
    let offset = std::mem::offset_of!(Forwarder<N, S>, r#ref);
    // SAFETY: the counter stands in a forwarder that `create` boxed; this was the last reference.
    unsafe {
        let forwarder = Box::from_raw(counter.byte_sub(offset).cast_mut().cast::<Forwarder<N, S>>());
        if forwarder.rtcp_fd > -1 {
            libc::close(forwarder.rtcp_fd);
        }
        if !forwarder.srtp_ctx.is_null() {
            drop(Box::from_raw(forwarder.srtp_ctx.cast::<Protection>()));
        }
        glib::free(forwarder.context);
        glib::free(forwarder.metadata);
    }
}

/// # Safety
/// `forwarder` is NULL or live.
unsafe fn is_live<N, S>(forwarder: *mut Forwarder<N, S>) -> bool {
    // SAFETY: promised by the caller; the flag is changed atomically only.
    !forwarder.is_null()
        && unsafe { AtomicI32::from_ptr(&raw mut (*forwarder).destroyed) }.load(Ordering::Acquire) == 0
}

/// # Safety
/// The caller owns one of the two first references and gives both up.
unsafe fn destroy<N, S>(forwarder: *mut Forwarder<N, S>) {
    // SAFETY: promised by the caller; only the first call goes on.
    unsafe {
        if AtomicI32::from_ptr(&raw mut (*forwarder).destroyed).swap(1, Ordering::AcqRel) != 0 {
            return;
        }
        feedback::stop((*forwarder).rtcp_recv);
        let key = (glib::bytes((*forwarder).context).unwrap_or_default().to_vec(), (*forwarder).stream_id);
        with_table(|table| table.remove(&key));
        refcount::decrease(&raw mut (*forwarder).r#ref);
        refcount::decrease(&raw mut (*forwarder).r#ref);
    }
}

impl<N, S> Forwarder<N, S> {
    fn receiver(&self) -> SocketAddr {
        if c_int::from(self.serv_addr6.sin6_family) == libc::AF_INET6 {
            (self.serv_addr6.sin6_addr.s6_addr, u16::from_be(self.serv_addr6.sin6_port)).into()
        } else {
            (self.serv_addr.sin_addr.s_addr.to_ne_bytes(), u16::from_be(self.serv_addr.sin_port)).into()
        }
    }

    /// Puts in what was asked for, and sends it.
    fn forward(&self, header: &mut [u8; HEADER], rest: &[u8]) {
        if self.payload_type > 0 {
            header[1] = (header[1] & 0x80) | (self.payload_type as u8 & 0x7f);
        }
        if self.ssrc > 0 {
            header[8..].copy_from_slice(&self.ssrc.to_be_bytes());
        }
        // SAFETY: NULL or what `create` boxed, freed with the forwarder.
        match unsafe { self.srtp_ctx.cast::<Protection>().as_ref() } {
            Some(session) if self.is_srtp != FALSE => self.send_protected(session, header, rest),
            _ => self.send(header, rest),
        }
    }

    /// Sends the two parts as one datagram.
    fn send(&self, head: &[u8], rest: &[u8]) {
        let (name, length) = if c_int::from(self.serv_addr6.sin6_family) == libc::AF_INET6 {
            ((&raw const self.serv_addr6).cast::<c_void>(), size_of::<sockaddr_in6>())
        } else {
            ((&raw const self.serv_addr).cast(), size_of::<sockaddr_in>())
        };
        let part =
            |bytes: &[u8]| libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
        let mut parts = [part(head), part(rest)];
        // SAFETY: all zero is an empty message; its pointers are set to what lives through the call, which only reads.
        let sent = unsafe {
            let mut message: libc::msghdr = std::mem::zeroed();
            message.msg_name = name.cast_mut();
            message.msg_namelen = length as u32;
            message.msg_iov = parts.as_mut_ptr();
            message.msg_iovlen = parts.len();
            libc::sendmsg(self.udp_fd, &message, libc::MSG_NOSIGNAL)
        };
        if sent < 0 {
            tracing::debug!("RTP forwarder {}: {}", self.stream_id, std::io::Error::last_os_error());
        }
    }

    /// Protects a copy and sends it.
    fn send_protected(&self, session: &Protection, head: &[u8; HEADER], rest: &[u8]) {
        let len = head.len() + rest.len();
        let mut copy = [0; PROTECTED_MAX + 16];
        if len > PROTECTED_MAX {
            tracing::error!("RTP forwarder {}: {len} bytes are too many for SRTP", self.stream_id);
            return;
        }
        copy[..HEADER].copy_from_slice(head);
        copy[HEADER..len].copy_from_slice(rest);
        let protected = session.lock().protect_rtp(&mut copy, len);
        match protected {
            Ok(len) => self.send(&copy[..len], &[]),
            Err(error) => tracing::error!("RTP forwarder {}: {error}", self.stream_id),
        }
    }
}

/// # Safety
/// `forwarder` is NULL or live and sends on this thread only; `buf` holds `len` bytes; `sender` as [`Layout::select`]
/// asks.
unsafe fn send<N, S>(
    forwarder: *mut Forwarder<N, S>,
    buf: *mut c_char,
    len: c_int,
    substream: c_int,
    sender: Sender,
) where
    Forwarder<N, S>: Layout<Numbering = N, Simulcast = S>,
{
    // SAFETY: promised by the caller; the bytes are only read. No reference to the forwarder is held while its contexts
    // change.
    unsafe {
        if !is_live(forwarder) {
            return;
        }
        let data = &*packet(buf, len);
        if (*forwarder).is_data != FALSE {
            return (*forwarder).send(data, &[]);
        }
        let Some((header, rest)) = data.split_first_chunk::<HEADER>().filter(|_| is_rtp(data)) else {
            return;
        };
        let mut header = *header;
        if (*forwarder).simulcast != FALSE {
            if Layout::select(forwarder, buf, len, sender) == FALSE {
                return;
            }
            Layout::number(forwarder, &mut header);
            header[8..].copy_from_slice(&(*forwarder).stream_id.to_be_bytes());
        } else if (*forwarder).is_video != FALSE && (*forwarder).substream != substream {
            return;
        }
        (*forwarder).forward(&mut header, rest);
    }
}

const NO_SENDER: Sender =
    Sender { ssrcs: ptr::null_mut(), rids: ptr::null_mut(), vcodec: 0, mutex: ptr::null_mut() };

export! {
    /// 0. There is nothing to prepare: the table and the feedback thread appear with their first use.
    "rtpfwd.h" fn janus_rtp_forwarders_init() -> c_int as nonnull() or -1; { 0 }

    /// Ends the feedback thread.
    "rtpfwd.h" fn janus_rtp_forwarders_deinit() as nonnull() or (); { shut_down() }

    /// NULL when the id is in use, the host is no IP address, or the SRTP key is wrong. The caller gets two references
    /// at once; destroy drops both.
    "rtpfwd.h" fn janus_rtp_forwarder_create(ctx: *const c_char, stream_id: u32, udp_fd: c_int, host: *const c_char,
        port: c_int, ssrc: u32, pt: c_int, srtp_suite: c_int, srtp_crypto: *const c_char, simulcast: gboolean,
        substream: c_int, is_video: gboolean, is_data: gboolean) -> *mut janus_rtp_forwarder
        as nonnull(host) or ptr::null_mut(); {
        // SAFETY: as the header asks.
        unsafe {
            create(&Request {
                context: ctx,
                id: stream_id,
                udp_fd,
                host,
                port,
                ssrc,
                payload_type: pt,
                srtp_suite,
                srtp_crypto,
                simulcast,
                substream,
                is_video,
                is_data,
            })
        }
    }

    /// 0; −1 destroyed, for data, with feedback already, or `port` < 1; −6 no socket.
    "rtpfwd.h" fn janus_rtp_forwarder_add_rtcp(rf: *mut janus_rtp_forwarder, port: c_int,
        callback: Option<RtcpCallback<SwitchingContext, SimulcastContext>>) -> c_int as nonnull(rf) or -1; {
        // SAFETY: a live forwarder.
        unsafe { feedback::start(rf, port, callback) }
    }

    /// For media without simulcast, and data. Video of another substream is left out.
    "rtpfwd.h" fn janus_rtp_forwarder_send_rtp(rf: *mut janus_rtp_forwarder, buffer: *mut c_char, len: c_int,
        substream: c_int) as nonnull(rf, buffer) or (); {
        // SAFETY: as the header asks.
        unsafe { send(rf, buffer, len, substream, NO_SENDER) }
    }

    /// The packet itself is not changed. With simulcast the forwarder chooses by SSRC or rid.
    "rtpfwd.h" fn janus_rtp_forwarder_send_rtp_full(rf: *mut janus_rtp_forwarder, buffer: *mut c_char, len: c_int,
        substream: c_int, ssrcs: *mut u32, rids: *mut *mut c_char, vcodec: c_int, rid_mutex: *mut janus_mutex)
        as nonnull(rf, buffer) or (); {
        // SAFETY: as the header asks.
        unsafe { send(rf, buffer, len, substream, Sender { ssrcs, rids, vcodec, mutex: rid_mutex }) }
    }

    /// The second call does nothing.
    "rtpfwd.h" fn janus_rtp_forwarder_destroy(rf: *mut janus_rtp_forwarder) as nonnull(rf) or (); {
        // SAFETY: a live forwarder.
        unsafe { destroy(rf) }
    }
}

/// The same functions over the struct of an older generation.
macro_rules! forwarder_variants {
    ($first:ident ..= $last:ident, $numbering:ty, $simulcast:ty, full($($mutex:ident)?): $create:ident $add:ident
        $send:ident $send_full:ident $destroy:ident) => {
        variant! {
            janus_rtp_forwarder_create in $first ..= $last, fn $create(ctx: *const c_char, stream_id: u32,
                udp_fd: c_int, host: *const c_char, port: c_int, ssrc: u32, pt: c_int, srtp_suite: c_int,
                srtp_crypto: *const c_char, simulcast: gboolean, substream: c_int, is_video: gboolean,
                is_data: gboolean) -> *mut Forwarder<$numbering, $simulcast> as nonnull(host) or ptr::null_mut(); {
                // SAFETY: as the header asks.
                unsafe {
                    create(&Request { context: ctx, id: stream_id, udp_fd, host, port, ssrc, payload_type: pt,
                        srtp_suite, srtp_crypto, simulcast, substream, is_video, is_data })
                }
            }
            janus_rtp_forwarder_add_rtcp in $first ..= $last, fn $add(rf: *mut Forwarder<$numbering, $simulcast>,
                port: c_int, callback: Option<RtcpCallback<$numbering, $simulcast>>) -> c_int
                as nonnull(rf) or -1; {
                // SAFETY: a live forwarder.
                unsafe { feedback::start(rf, port, callback) }
            }
            janus_rtp_forwarder_send_rtp in $first ..= $last, fn $send(rf: *mut Forwarder<$numbering, $simulcast>,
                buffer: *mut c_char, len: c_int, substream: c_int) as nonnull(rf, buffer) or (); {
                // SAFETY: as the header asks.
                unsafe { send(rf, buffer, len, substream, NO_SENDER) }
            }
            janus_rtp_forwarder_send_rtp_full in $first ..= $last, fn $send_full(
                rf: *mut Forwarder<$numbering, $simulcast>, buffer: *mut c_char, len: c_int, substream: c_int,
                ssrcs: *mut u32, rids: *mut *mut c_char, vcodec: c_int $(, $mutex: *mut janus_mutex)?)
                as nonnull(rf, buffer) or (); {
                #[allow(clippy::needless_update)] // 0.16 has no lock
                let sender = Sender { ssrcs, rids, vcodec, $(mutex: $mutex,)? ..NO_SENDER };
                // SAFETY: as the header asks.
                unsafe { send(rf, buffer, len, substream, sender) }
            }
            janus_rtp_forwarder_destroy in $first ..= $last, fn $destroy(rf: *mut Forwarder<$numbering, $simulcast>)
                as nonnull(rf) or (); {
                // SAFETY: a live forwarder.
                unsafe { destroy(rf) }
            }
        }
    };
}

forwarder_variants!(B3 ..= B3, SwitchingContext, simulcasting_context_b3, full(rid_mutex):
    create_b3 add_rtcp_b3 send_rtp_b3 send_rtp_full_b3 destroy_b3);
forwarder_variants!(A10 ..= A10, switching_context_a7, simulcasting_context_b3, full():
    create_a10 add_rtcp_a10 send_rtp_a10 send_rtp_full_a10 destroy_a10);

#[cfg(test)]
mod tests;
