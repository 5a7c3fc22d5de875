//! Data channels: chunks of a peer that has finished the handshake, with verification tag and checksum made right, so that
//! the input is not simply refused; and DCEP messages.
#![no_main]

use bytes::Bytes;
use janus_rs::media::sctp::{Sctp, dcep};
use libfuzzer_sys::fuzz_target;
use std::time::{Duration, Instant};

/// Common header of SCTP (RFC 9260 §3.1): ports, verification tag, checksum.
const HEADER: usize = 12;

fuzz_target!(|data: &[u8]| {
    if let Some(message) = dcep::Message::parse(data) {
        assert_eq!(dcep::Message::parse(&message.to_vec()), Some(message));
    }
    let mut now = Instant::now();
    let mut raw = Sctp::new(false, 1200, now).expect("SCTP");
    raw.handle(Bytes::copy_from_slice(data), now);
    drain(&mut raw);

    let (mut ours, header) = connected(&mut now);
    // Each record: two bytes of length, then chunks.
    let mut rest = data;
    while let Some((length, more)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length) & 0x3ff).min(more.len());
        let (chunks, more) = more.split_at(length);
        rest = more;
        ours.handle(packet(&header, chunks), now);
        drain(&mut ours);
        now += Duration::from_millis(200);
        ours.handle_timeout(now);
        drain(&mut ours);
    }
    let _ = ours.send(Some("chat"), None, false, Bytes::from_static(b"hello"), now);
    ours.close(now);
    drain(&mut ours);
});

/// One end of an association that is up, and the header of packets to it.
fn connected(now: &mut Instant) -> (Sctp, [u8; HEADER]) {
    let mut ours = Sctp::new(false, 1200, *now).expect("SCTP");
    let mut theirs = Sctp::new(true, 1200, *now).expect("SCTP");
    let mut header = [0; HEADER];
    for _ in 0..50 {
        while let Some(packet) = theirs.poll_transmit() {
            header.copy_from_slice(&packet[..HEADER]);
            ours.handle(packet, *now);
        }
        while let Some(packet) = ours.poll_transmit() {
            theirs.handle(packet, *now);
        }
        if ours.is_up() && theirs.is_up() {
            break;
        }
        *now += Duration::from_millis(50);
        ours.handle_timeout(*now);
        theirs.handle_timeout(*now);
    }
    assert!(ours.is_up(), "no association");
    (ours, header)
}

fn packet(header: &[u8; HEADER], chunks: &[u8]) -> Bytes {
    let mut packet = header.to_vec();
    packet.extend(chunks);
    packet[8..HEADER].fill(0);
    let checksum = crc32c::crc32c(&packet);
    packet[8..HEADER].copy_from_slice(&checksum.to_le_bytes());
    packet.into()
}

fn drain(sctp: &mut Sctp) {
    while sctp.poll_transmit().is_some() {}
    while sctp.poll_event().is_some() {}
}
