//! As much of RTCP (RFC 3550 §6, RFC 4585 §6) as a receiver with complaints needs; not yet protected.

/// Of whoever sends the feedback; nobody looks at it.
const SENDER: u32 = 1;

const HEADER: usize = 4;

/// SSRC and LSR (the middle of the NTP time) of all sender reports in a compound.
pub fn sender_reports(mut compound: &[u8]) -> Vec<(u32, u32)> {
    let mut reports = vec![];
    while let Some((header, _)) = compound.split_first_chunk::<HEADER>() {
        let words = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let Some((packet, rest)) = compound.split_at_checked(HEADER + 4 * words) else { break };
        compound = rest;
        if let (200, &[ssrc, seconds, fraction, ..]) = (header[1], &words_of(packet)[1..]) {
            reports.push((ssrc, seconds << 16 | fraction >> 16));
        }
    }
    reports
}

fn words_of(packet: &[u8]) -> Vec<u32> {
    packet.as_chunks().0.iter().copied().map(u32::from_be_bytes).collect()
}

/// A receiver report without loss; `last_report` is the LSR of a sender report that was answered without delay.
pub fn report(ssrc: u32, last_report: u32) -> Vec<u8> {
    let mut packet = vec![0x81, 201, 0, 7];
    packet.extend(SENDER.to_be_bytes());
    for word in [ssrc, 0, 0, 0, last_report, 0] {
        packet.extend(word.to_be_bytes());
    }
    packet
}

/// A generic NACK for `count` packets up to `last`, rounded up to a multiple of 17.
pub fn nack(ssrc: u32, last: u16, count: u16) -> Vec<u8> {
    let entries = count.div_ceil(17);
    let first = last.wrapping_sub(entries * 17 - 1);
    let starts = (0..entries).map(|entry| first.wrapping_add(entry * 17));
    feedback(
        1,
        205,
        ssrc,
        &starts.flat_map(|start| [start.to_be_bytes(), [0xff; 2]].concat()).collect::<Vec<_>>(),
    )
}

/// A picture loss indication.
pub fn pli(ssrc: u32) -> Vec<u8> {
    feedback(1, 206, ssrc, &[])
}

fn feedback(format: u8, kind: u8, ssrc: u32, information: &[u8]) -> Vec<u8> {
    let words = (2 + information.len() / 4) as u16;
    let mut packet = vec![0x80 | format, kind];
    packet.extend(words.to_be_bytes());
    packet.extend(SENDER.to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend(information);
    packet
}
