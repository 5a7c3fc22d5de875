//! Whether a receiver got exactly what was sent.

/// What of an RTP packet has to arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    pub sequence: u16,
    pub timestamp: u32,
    pub marker: bool,
    pub payload: Vec<u8>,
}

/// Compares one stream. Somebody on the way may have moved all sequence numbers, and all timestamps, by the same amount
/// (videoroom starts each subscription with numbers of its own); apart from that nothing may differ, be missing, come twice
/// or in another order.
///
/// # Panics
/// At the first difference, naming `who`.
pub fn assert_exact(who: &str, sent: &[Packet], received: &[Packet]) {
    let (Some(first_sent), Some(first)) = (sent.first(), received.first()) else {
        panic!("{who}: {} packets sent, {} received", sent.len(), received.len());
    };
    let sequence = first.sequence.wrapping_sub(first_sent.sequence);
    let timestamp = first.timestamp.wrapping_sub(first_sent.timestamp);
    for (index, (sent, received)) in sent.iter().zip(received).enumerate() {
        let expected = Packet {
            sequence: sent.sequence.wrapping_add(sequence),
            timestamp: sent.timestamp.wrapping_add(timestamp),
            ..sent.clone()
        };
        assert!(
            *received == expected,
            "{who}: packet {index} is {}, not {}",
            brief(received),
            brief(&expected)
        );
    }
    assert_eq!(received.len(), sent.len(), "{who}: number of packets");
}

fn brief(packet: &Packet) -> String {
    let Packet { sequence, timestamp, marker, payload } = packet;
    format!(
        "{sequence} at {timestamp}, marker {marker}, {} bytes {:02x?}…",
        payload.len(),
        &payload[..payload.len().min(12)]
    )
}
