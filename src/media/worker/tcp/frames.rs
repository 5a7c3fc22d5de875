//! Frames of RFC 4571: a datagram behind its length, two bytes in network order.
#![forbid(unsafe_code)]

use std::ops::Range;

/// Of the length.
pub const PREFIX: usize = 2;
/// Longest datagram that is taken from a stream. No peer sends longer ones: RTP has 1500 bytes at most, DTLS and SCTP keep
/// to what fits a network.
pub const LONGEST: usize = 4096;

/// The length as it stands before a datagram; `None`: there is no frame for so much.
pub fn prefix(len: usize) -> Option<[u8; PREFIX]> {
    Some(u16::try_from(len).ok()?.to_be_bytes())
}

/// Cuts a stream into datagrams. Of longer ones than [`LONGEST`] only the number is kept.
#[derive(Debug, Default)]
pub struct Deframer {
    /// The beginning of a frame.
    rest: Vec<u8>,
    /// Bytes of an oversized frame that are still to come.
    skipped: usize,
    pub oversized: u64,
}

impl Deframer {
    /// Puts what waits for its end at the front of `room`, which has space for it; how much that is. What comes now belongs
    /// behind it.
    pub fn begin(&self, room: &mut [u8]) -> usize {
        room[..self.rest.len()].copy_from_slice(&self.rest);
        self.rest.len()
    }

    /// Finds the datagrams in `bytes`, which begin with what [`Deframer::begin`] put there, and keeps the rest.
    pub fn cut(&mut self, bytes: &[u8], datagrams: &mut Vec<Range<usize>>) {
        datagrams.clear();
        let mut at = 0;
        loop {
            let skipped = self.skipped.min(bytes.len() - at);
            self.skipped -= skipped;
            at += skipped;
            let Some(prefix) = bytes[at..].first_chunk::<PREFIX>() else { break };
            let len = usize::from(u16::from_be_bytes(*prefix));
            if len > LONGEST {
                self.oversized += 1;
                self.skipped = PREFIX + len;
                continue;
            }
            let datagram = at + PREFIX..at + PREFIX + len;
            if datagram.end > bytes.len() {
                break;
            }
            at = datagram.end;
            // An empty one is a keepalive.
            if len > 0 {
                datagrams.push(datagram);
            }
        }
        self.rest.clear();
        self.rest.extend_from_slice(&bytes[at..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out of a stream that arrives in pieces of at most `step` bytes.
    fn cut(stream: &[u8], step: usize) -> (Vec<Vec<u8>>, u64) {
        let mut deframer = Deframer::default();
        let (mut room, mut found, mut all) = (vec![0; LONGEST + PREFIX + step], Vec::new(), Vec::new());
        for piece in stream.chunks(step) {
            let before = deframer.begin(&mut room);
            room[before..before + piece.len()].copy_from_slice(piece);
            deframer.cut(&room[..before + piece.len()], &mut found);
            assert!(deframer.rest.len() < LONGEST + PREFIX);
            all.extend(found.iter().map(|range| room[range.clone()].to_vec()));
        }
        (all, deframer.oversized)
    }

    fn framed(datagrams: &[Vec<u8>]) -> Vec<u8> {
        datagrams.iter().flat_map(|d| [prefix(d.len()).unwrap().to_vec(), d.clone()].concat()).collect()
    }

    // RFC 4571 §2
    #[test]
    fn a_stream_in_any_pieces_gives_the_same_datagrams() {
        let datagrams: Vec<Vec<u8>> = [1, 2, 1200, LONGEST, 0, 20, 255, 256, 257]
            .into_iter()
            .enumerate()
            .map(|(index, len)| vec![index as u8; len])
            .collect();
        let stream = framed(&datagrams);
        let wanted: Vec<_> = datagrams.iter().filter(|d| !d.is_empty()).cloned().collect();
        for step in [1, 2, 3, 7, 255, 1202, 4099, 1 << 16] {
            assert_eq!(cut(&stream, step), (wanted.clone(), 0), "{step}");
        }
    }

    #[test]
    fn what_is_too_long_is_passed_over_and_what_follows_is_found() {
        let stream = framed(&[
            vec![1; 3],
            vec![2; LONGEST + 1],
            vec![3; 4],
            vec![4; 65_535],
            vec![5; 65_535],
            vec![6],
        ]);
        for step in [1, 2, 1000, 5000, 1 << 18] {
            assert_eq!(cut(&stream, step), (vec![vec![1; 3], vec![3; 4], vec![6]], 3), "{step}");
        }
    }

    #[test]
    fn there_is_no_frame_for_more_than_its_length_can_tell() {
        assert_eq!(prefix(65_535), Some([0xFF; 2]));
        assert_eq!(prefix(65_536), None);
    }
}
