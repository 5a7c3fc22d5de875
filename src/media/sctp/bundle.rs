//! Packets of SCTP that leave together: one datagram for what would be several.
#![forbid(unsafe_code)]

use super::chunk::{DATA, HEADER, SACK, first_chunk};
use crate::media::pool;
use bytes::Bytes;
use std::collections::VecDeque;

/// Ports and verification tag.
const HEAD: usize = 8;

/// Takes the next packet, and what of those behind it goes into the same one of `most` bytes: messages, and a SACK, which is
/// the first chunk then (RFC 9260 §6.10). Everything else leaves by itself, and nothing overtakes it.
pub(super) fn next(waiting: &mut VecDeque<Bytes>, most: usize) -> Option<Bytes> {
    let first = waiting.pop_front()?;
    let mut has_sack = match first_chunk(&first) {
        Some(SACK) => true,
        Some(DATA) => false,
        _ => return Some(first),
    };
    let (mut count, mut len) = (0, first.len().next_multiple_of(4));
    for packet in &*waiting {
        let kind = first_chunk(packet);
        let more = packet.len().saturating_sub(HEADER).next_multiple_of(4);
        let joins = kind == Some(DATA) || (kind == Some(SACK) && !has_sack);
        if !joins || len + more > most || packet[..HEAD] != first[..HEAD] {
            break;
        }
        len += more;
        has_sack |= kind == Some(SACK);
        count += 1;
    }
    if count == 0 {
        return Some(first);
    }
    let parts = || std::iter::once(&first).chain(waiting.iter().take(count));
    let whole = pool::filled(len, |whole| {
        whole[..HEAD].copy_from_slice(&first[..HEAD]);
        let mut at = HEADER;
        for sack in [true, false] {
            for part in parts().filter(|part| (first_chunk(part) == Some(SACK)) == sack) {
                let chunks = &part[HEADER..];
                whole[at..][..chunks.len()].copy_from_slice(chunks);
                // The rest is zero.
                at += chunks.len().next_multiple_of(4);
            }
        }
        let checksum = crc32c::crc32c(whole);
        whole[HEAD..HEADER].copy_from_slice(&checksum.to_le_bytes());
        Some(len)
    });
    waiting.drain(..count);
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(kind: u8, tag: u8, content: &[u8]) -> Bytes {
        let mut packet = vec![0x13, 0x88, 0x13, 0x88, 0, 0, 0, tag, 9, 9, 9, 9, kind, 0];
        packet.extend((content.len() as u16 + 4).to_be_bytes());
        packet.extend(content);
        packet.into()
    }

    /// What leaves: the kinds of the chunks of each packet.
    fn leave(packets: &[Bytes], most: usize) -> Vec<Vec<u8>> {
        let mut waiting = packets.iter().cloned().collect();
        let packets = std::iter::from_fn(|| next(&mut waiting, most));
        let kinds = packets.map(|packet| {
            assert!(packet.len() <= most);
            let (mut at, mut kinds) = (HEADER, Vec::new());
            while at < packet.len() {
                kinds.push(packet[at]);
                at += usize::from(u16::from_be_bytes([packet[at + 2], packet[at + 3]])).next_multiple_of(4);
            }
            kinds
        });
        kinds.collect()
    }

    #[test]
    fn messages_leave_together_behind_one_sack() {
        const HEARTBEAT: u8 = 4;
        let [sack, data, heartbeat] = [SACK, DATA, HEARTBEAT].map(|kind| packet(kind, 1, &[7; 13]));
        let of = |packets: &[&Bytes]| leave(&packets.iter().map(|p| (*p).clone()).collect::<Vec<_>>(), 1000);
        assert_eq!(of(&[&data, &sack, &data]), [[SACK, DATA, DATA]]);
        assert_eq!(of(&[&sack, &sack, &data]), [vec![SACK], vec![SACK, DATA]]);
        // What is neither leaves by itself, and in its turn.
        assert_eq!(of(&[&data, &heartbeat, &sack, &data]), [vec![DATA], vec![HEARTBEAT], vec![SACK, DATA]]);
        // Another association's.
        assert_eq!(of(&[&data, &packet(DATA, 2, &[1])]), [[DATA], [DATA]]);
        assert!(of(&[]).is_empty());
    }

    #[test]
    fn a_packet_is_no_larger_than_the_path_takes() {
        let data = packet(DATA, 1, &[7; 13]);
        // 12 bytes of header, 20 for each chunk.
        for (most, expected) in [(32, vec![1, 1, 1, 1]), (52, vec![2, 2]), (71, vec![2, 2]), (72, vec![3, 1])]
        {
            let counts: Vec<_> = leave(&vec![data.clone(); 4], most).iter().map(Vec::len).collect();
            assert_eq!(counts, expected);
        }
    }

    #[test]
    fn the_whole_has_a_checksum_of_its_own() {
        let mut waiting: VecDeque<_> = [packet(DATA, 1, &[7; 13]), packet(SACK, 1, &[8; 12])].into();
        let mut whole = next(&mut waiting, 1000).unwrap().to_vec();
        let checksum = whole[HEAD..HEADER].to_vec();
        whole[HEAD..HEADER].fill(0);
        assert_eq!(checksum, crc32c::crc32c(&whole).to_le_bytes());
        assert_eq!(whole[HEADER..][..4], [SACK, 0, 0, 16]);
        assert_eq!(whole[HEADER + 16..], [&[DATA, 0, 0, 17][..], &[7; 13], &[0; 3]].concat());
    }
}
