//! With real sockets. What 1.4.1 does was observed by calling it with the same arguments.

use super::*;
use crate::glib::TRUE;
use crate::media::srtp;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::sync::Mutex;
use std::sync::mpsc;
use std::time::Duration;

/// 30 bytes 0, 1, 2 …
const CRYPTO: &CStr = c"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd";

struct Ends {
    ours: UdpSocket,
    receiver: UdpSocket,
}

impl Ends {
    fn new() -> Ends {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        receiver.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Ends { ours: UdpSocket::bind("127.0.0.1:0").unwrap(), receiver }
    }

    fn request(&self, context: &'static CStr) -> Request {
        Request {
            context: context.as_ptr(),
            id: 0,
            udp_fd: self.ours.as_raw_fd(),
            host: c"127.0.0.1".as_ptr(),
            port: self.receiver.local_addr().unwrap().port().into(),
            ssrc: 0,
            payload_type: 0,
            srtp_suite: 0,
            srtp_crypto: ptr::null(),
            simulcast: FALSE,
            substream: 0,
            is_video: FALSE,
            is_data: FALSE,
        }
    }

    /// The next datagram. Nothing was sent before `marker` if it is the marker.
    fn received(&self) -> Vec<u8> {
        let mut buffer = [0; 2048];
        let len = self.receiver.recv(&mut buffer).unwrap();
        buffer[..len].to_vec()
    }

    fn assert_nothing(&self) {
        self.ours.send_to(b"marker", self.receiver.local_addr().unwrap()).unwrap();
        assert_eq!(self.received(), b"marker");
    }
}

fn create_native(request: &Request) -> *mut janus_rtp_forwarder {
    // SAFETY: texts of the tests.
    unsafe { create(request) }
}

fn packet_of(sequence: u8, ssrc: u8) -> [u8; 40] {
    let mut packet = [0; 40];
    (packet[0], packet[1], packet[3], packet[11], packet[12]) = (0x80, 0x80 | 96, sequence, ssrc, 1);
    packet
}

/// A VP8 key frame.
fn key_frame(sequence: u8, ssrc: u8) -> [u8; 40] {
    let mut packet = packet_of(sequence, ssrc);
    packet[12..22].copy_from_slice(&[0x10, 0, 0, 0, 0x9d, 1, 0x2a, 0x40, 1, 0xf0]);
    packet
}

unsafe fn send_one(rf: *mut janus_rtp_forwarder, packet: &mut [u8], substream: c_int) {
    // SAFETY: a live forwarder and a slice.
    unsafe { janus_rtp_forwarder_send_rtp(rf, packet.as_mut_ptr().cast(), packet.len() as c_int, substream) }
}

#[test]
fn headers_are_overridden_and_the_packet_is_left_alone() {
    let ends = Ends::new();
    let rf = create_native(&Request { ssrc: 0x01020304, payload_type: 111, ..ends.request(c"override") });
    let mut packet = packet_of(7, 9);
    // SAFETY: our own forwarder.
    unsafe {
        send_one(rf, &mut packet, 3);
        let got = ends.received();
        assert_eq!((got[1], got[3], &got[8..12]), (0x80 | 111, 7, &[1, 2, 3, 4][..]));
        assert_eq!(&got[12..], &packet[12..]);
        assert_eq!(packet, packet_of(7, 9));
        // Not RTP.
        send_one(rf, &mut [1, 2, 3], 3);
        ends.assert_nothing();
        janus_rtp_forwarder_destroy(rf);
    }
}

#[test]
fn ids_belong_to_a_context_until_the_forwarder_is_destroyed() {
    let ends = Ends::new();
    let first = create_native(&Request { id: 5, ..ends.request(c"ids") });
    assert!(create_native(&Request { id: 5, ..ends.request(c"ids") }).is_null());
    let other = create_native(&Request { id: 5, ..ends.request(c"other ids") });
    let random = create_native(&Request { context: ptr::null(), ..ends.request(c"") });
    // SAFETY: our own forwarders; ours hold a third reference.
    unsafe {
        assert_eq!(CStr::from_ptr((*random).context), c"default");
        assert!((*random).stream_id != 0);
        assert_eq!((*first).r#ref.count, 2);
        refcount::increase(&raw mut (*first).r#ref);
        janus_rtp_forwarder_destroy(first);
        assert_eq!((*first).r#ref.count, 1);
        // Once only, and nothing is sent any more.
        janus_rtp_forwarder_destroy(first);
        assert_eq!((*first).r#ref.count, 1);
        send_one(first, &mut packet_of(1, 1), 0);
        ends.assert_nothing();
        assert_eq!(janus_rtp_forwarder_add_rtcp(first, 5000, None), -1);
        refcount::decrease(&raw mut (*first).r#ref);
        let again = create_native(&Request { id: 5, ..ends.request(c"ids") });
        assert!(!again.is_null());
        for rf in [other, random, again] {
            janus_rtp_forwarder_destroy(rf);
        }
    }
}

#[test]
fn bad_arguments() {
    let ends = Ends::new();
    let with = |host: &'static CStr, suite, crypto: Option<&'static CStr>, is_data| {
        create_native(&Request {
            host: host.as_ptr(),
            srtp_suite: suite,
            srtp_crypto: crypto.map_or(ptr::null(), CStr::as_ptr),
            is_data,
            ..ends.request(c"bad")
        })
    };
    assert!(with(c"localhost", 0, None, FALSE).is_null());
    assert!(with(c"127.0.0.1", 80, Some(c"AAEC"), FALSE).is_null());
    assert!(with(c"127.0.0.1", 80, Some(c"!!!!"), FALSE).is_null());
    // SAFETY: our own forwarders.
    unsafe {
        for (rf, protected) in [
            (with(c"127.0.0.1", 80, Some(CRYPTO), FALSE), TRUE),
            (with(c"127.0.0.1", 5, Some(CRYPTO), FALSE), TRUE),
            (with(c"127.0.0.1", 80, None, FALSE), FALSE),
            (with(c"127.0.0.1", -1, Some(CRYPTO), FALSE), FALSE),
            (with(c"127.0.0.1", 80, Some(c"AAEC"), TRUE), FALSE),
        ] {
            assert_eq!((*rf).is_srtp, protected);
            janus_rtp_forwarder_destroy(rf);
        }
    }
}

#[test]
fn video_goes_out_for_its_substream_only() {
    let ends = Ends::new();
    let rf = create_native(&Request { is_video: TRUE, substream: 1, ..ends.request(c"substream") });
    // SAFETY: our own forwarder.
    unsafe {
        send_one(rf, &mut packet_of(1, 1), 0);
        send_one(rf, &mut packet_of(2, 1), 1);
        assert_eq!(ends.received()[3], 2);
        janus_rtp_forwarder_destroy(rf);
    }
}

#[test]
fn data_goes_out_as_it_is() {
    let ends = Ends::new();
    let rf = create_native(&Request { is_data: TRUE, ssrc: 1, payload_type: 1, ..ends.request(c"data") });
    // SAFETY: our own forwarder.
    unsafe {
        send_one(rf, &mut b"hello".to_owned(), 0);
        assert_eq!(ends.received(), b"hello");
        assert_eq!(janus_rtp_forwarder_add_rtcp(rf, 5000, None), -1);
        janus_rtp_forwarder_destroy(rf);
    }
}

#[test]
fn srtp_of_both_suites_is_readable_with_the_key() {
    let ends = Ends::new();
    let keys: Vec<u8> = (0..30).collect();
    for (suite, profile, tag) in [
        (80, Profile::Aes128CmSha1_80, 10),
        (32, Profile::Aes128CmSha1_32, 4),
        (1, Profile::Aes128CmSha1_80, 10),
    ] {
        let request = Request { srtp_suite: suite, srtp_crypto: CRYPTO.as_ptr(), ..ends.request(c"srtp") };
        let rf = create_native(&request);
        let mut session = srtp::Session::new(profile, &keys[..16], &keys[16..]).unwrap();
        // SAFETY: our own forwarder.
        unsafe {
            send_one(rf, &mut packet_of(1, 1), 0);
            let mut got = ends.received();
            assert_eq!(got.len(), 40 + tag);
            let len = session.unprotect_rtp(&mut got).unwrap();
            assert_eq!(got[..len], packet_of(1, 1));
            // Too long for a datagram that anybody would take.
            let mut long = [0; 1501];
            long[..40].copy_from_slice(&packet_of(2, 1));
            send_one(rf, &mut long, 0);
            send_one(rf, &mut long[..1500], 0);
            assert_eq!(ends.received().len(), 1500 + tag);
            janus_rtp_forwarder_destroy(rf);
        }
    }
}

/// The best of three substreams, renumbered, under the forwarder's id; the same in every layout.
#[test]
fn simulcast_is_chosen_by_the_forwarder() {
    let ends = Ends::new();
    let request = || Request { id: 77, simulcast: TRUE, is_video: TRUE, ..ends.request(c"simulcast") };
    let mut ssrcs = [11, 22, 33];
    let ssrcs = ssrcs.as_mut_ptr();
    let rids = ptr::null_mut();
    let mutex = ptr::null_mut();
    let (vp8, len) = (1, 40);
    let assert_chosen = |send: &mut dyn FnMut(*mut c_char)| {
        for (sequence, ssrc) in [(5, 11), (9, 33), (6, 11), (10, 33)] {
            send(key_frame(sequence, ssrc).as_mut_ptr().cast());
        }
        let got = [ends.received(), ends.received(), ends.received()];
        let numbers = got.each_ref().map(|packet| (packet[3], packet[11]));
        assert_eq!(numbers, [(1, 77), (2, 77), (3, 77)], "the lowest until the best shows up");
        ends.assert_nothing();
    };
    // SAFETY: our own forwarders and packets of 40 bytes.
    unsafe {
        let rf = create_native(&request());
        let layers = (*rf).sim_context.layers;
        assert_eq!(
            (layers.substream, layers.substream_target, layers.templayer, layers.templayer_target),
            (-1, 2, -1, 2)
        );
        assert_chosen(&mut |p| janus_rtp_forwarder_send_rtp_full(rf, p, len, 0, ssrcs, rids, vp8, mutex));
        janus_rtp_forwarder_destroy(rf);
        let rf: *mut forwarder_b3 = create(&request());
        assert_chosen(&mut |p| send_rtp_full_b3(rf, p, len, 0, ssrcs, rids, vp8, mutex));
        destroy_b3(rf);
        let rf: *mut forwarder_a10 = create(&request());
        assert_chosen(&mut |p| send_rtp_full_a10(rf, p, len, 0, ssrcs, rids, vp8));
        // Without its sender's SSRCs there is nothing to choose by.
        send_rtp_a10(rf, key_frame(9, 33).as_mut_ptr().cast(), len, 0);
        ends.assert_nothing();
        destroy_a10(rf);
    }
}

static FEEDBACK: Mutex<Option<mpsc::Sender<Vec<u8>>>> = Mutex::new(None);

unsafe extern "C" fn on_rtcp(_: *mut janus_rtp_forwarder, data: *mut c_char, len: c_int) {
    // SAFETY: the packet that was received.
    let packet = unsafe { packet(data, len) }.to_vec();
    if let Some(sender) = &*FEEDBACK.lock().unwrap() {
        sender.send(packet).unwrap();
    }
}

#[test]
fn feedback_reaches_the_callback() {
    let ends = Ends::new();
    let rf = create_native(&ends.request(c"feedback"));
    let port = ends.receiver.local_addr().unwrap().port();
    let (sender, feedback) = mpsc::channel();
    *FEEDBACK.lock().unwrap() = Some(sender);
    // SAFETY: our own forwarder.
    unsafe {
        assert_eq!(janus_rtp_forwarder_add_rtcp(rf, 0, Some(on_rtcp)), -1);
        assert_eq!(janus_rtp_forwarder_add_rtcp(rf, port.into(), Some(on_rtcp)), 0);
        assert_eq!(janus_rtp_forwarder_add_rtcp(rf, port.into(), Some(on_rtcp)), -1);
        assert_eq!((*rf).r#ref.count, 3);
        assert!((*rf).remote_rtcp_port == port && !(*rf).rtcp_recv.is_null());
        let introduction = [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!([ends.received(), ends.received()], [introduction, introduction]);
        let pli = [0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2];
        let to = ("127.0.0.1", (*rf).local_rtcp_port);
        ends.receiver.send_to(b"no RTCP at all", to).unwrap();
        ends.receiver.send_to(&pli, to).unwrap();
        assert_eq!(feedback.recv_timeout(Duration::from_secs(20)).unwrap(), pli);
        janus_rtp_forwarder_destroy(rf);
        janus_rtp_forwarders_deinit();
        // It can start anew.
        let rf = create_native(&ends.request(c"feedback"));
        assert_eq!(janus_rtp_forwarder_add_rtcp(rf, port.into(), None), 0);
        janus_rtp_forwarder_destroy(rf);
    }
    *FEEDBACK.lock().unwrap() = None;
}
