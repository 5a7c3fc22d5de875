//! The packet path of the media streams does not allocate once it is warm (design: no allocation per packet).

use janus_rs::media::clock::Clock;
use janus_rs::media::rtp::inbound::MAX_DESCRIPTOR;
use janus_rs::media::rtp::{Settings, Streams};
use janus_rs::media::{EngineConfig, ExtensionIds, MediaKind, MediumConfig, RtpOut};
use janus_rs::rtp::Extensions;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: everything is done by the system allocator; counting touches a thread-local without a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promises are System's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `pointer` came from System with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn video() -> MediumConfig {
    MediumConfig {
        mindex: 0,
        kind: MediaKind::Video,
        mid: "v".into(),
        send: true,
        recv: true,
        ssrc: 0xB0,
        ssrc_rtx: 0xB1,
        remote_ssrc: [77, 0, 0],
        remote_ssrc_rtx: [78, 0, 0],
        rids: [None, None, None],
        nacks: true,
        clock_rates: vec![(96, 90_000)],
        rtx_payload_types: vec![(96, 97)],
        codecs: vec![(96, "vp8".into())],
        opus_red_pt: None,
    }
}

/// A packet with a transport-wide number under id 3.
fn packet(ssrc: u32, sequence: u16, buffer: &mut [u8; 1200]) {
    buffer[..2].copy_from_slice(&[0x90, 96]);
    buffer[2..4].copy_from_slice(&sequence.to_be_bytes());
    buffer[8..12].copy_from_slice(&ssrc.to_be_bytes());
    buffer[12..20].copy_from_slice(&[0xBE, 0xDE, 0, 1, 0x31, (sequence >> 8) as u8, sequence as u8, 0]);
}

/// One second of 1000 packets each way, every 50th lost in each direction, with all the RTCP that this causes.
fn second(streams: &mut Streams, start: Clock, seconds: u64) {
    let (mut buffer, mut slot, mut room) = ([0; 1200], [0; 1500], [0; MAX_DESCRIPTOR]);
    let (mut nacks, mut resent) = (0, 0);
    for index in 0..1000 {
        let count = (seconds * 1000 + index) as u16;
        let now = start.after(std::time::Duration::from_millis(seconds * 1000 + index));
        if index % 50 != 7 {
            packet(77, count, &mut buffer);
            let route = streams.route(&buffer).expect("known SSRC");
            let received = streams.receive(now, route, &mut buffer, &mut room).expect("new packet");
            if let Some((stream, missing)) = received.nacks {
                streams.nack(stream, &missing, &mut |_| nacks += 1);
            }
        }
        packet(5, count, &mut buffer);
        let out = RtpOut { mindex: 0, video: true, packet: &buffer, extensions: Extensions::default() };
        let prepared = streams.prepare(now, &out, &mut slot).expect("may send");
        let len = prepared.len;
        streams.protected(now, &prepared, &slot[..len]);
        if index % 50 == 7 {
            let [high, low] = count.to_be_bytes();
            let mut nack = [0x81, 205, 0, 3, 0, 0, 0, 77, 0, 0, 0, 0xB0, high, low, 0, 0];
            let _ = streams.incoming_rtcp(now, &mut nack);
            while streams.next_resend(now, &mut slot).is_some() {
                resent += 1;
            }
        }
        if index % 200 == 0 {
            streams.transport_feedback(&mut |_| ());
        }
    }
    assert!(nacks > 0);
    // The history starts with the first round-trip time.
    assert_eq!(resent, if seconds == 0 { 0 } else { 20 });
    let now = start.after(std::time::Duration::from_millis((seconds + 1) * 1000 - 1));
    streams.reports(now, &mut |_| ());
    streams.tick(now);
    // Answered at once: the history keeps its least length.
    let fraction = ((now.wall % 1_000_000) << 16) / 1_000_000;
    let ntp = ((now.wall / 1_000_000 + 2_208_988_800) as u32) << 16 | fraction as u32;
    let mut report = [0; 32];
    report[..12].copy_from_slice(&[0x81, 201, 0, 7, 0, 0, 0, 77, 0, 0, 0, 0xB0]);
    report[24..28].copy_from_slice(&ntp.to_be_bytes());
    streams.incoming_rtcp(now, &mut report).expect("known SSRCs");
    while streams.next_event().is_some() {}
}

#[test]
fn a_warm_packet_path_does_not_allocate() {
    let mut streams = Streams::new(Settings::from(&EngineConfig::default()));
    streams.set_media(vec![video()]);
    streams.set_extensions(&ExtensionIds {
        mid: 4,
        transport_wide_cc: 3,
        abs_send_time: 2,
        ..Default::default()
    });
    let start = Clock::read();
    for seconds in 0..5 {
        second(&mut streams, start, seconds);
    }
    let before = ALLOCATIONS.get();
    assert!(before > 0);
    for seconds in 5..10 {
        second(&mut streams, start, seconds);
    }
    assert_eq!(ALLOCATIONS.get() - before, 0);
}
