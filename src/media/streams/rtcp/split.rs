//! One compound of a peer, taken apart by the medium that each piece is about.
//!
//! Browsers bundle feedback about all their media: a report about audio may stand before a request for a key frame of
//! video. A plugin is told of one medium at a time, so it gets one compound for each.

use crate::media::types::{LARGEST_RTP, Mindex};
use crate::rtcp::compound::RR;

/// Most media that one compound can be about: the smallest feedback has twelve bytes.
const MOST: usize = LARGEST_RTP / 12;
/// Report blocks get a header of their own (8 bytes for 24), entries of a FIR two (a header of 12 and a PLI for 8). What
/// exceeds this is a hostile compound, and left out.
const ROOM: usize = 4 * LARGEST_RTP;
/// An RR without report blocks.
const EMPTY_RR: usize = 8;

/// A compound about one medium.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    /// Index of the medium in the PeerConnection's.
    medium: u16,
    start: u16,
    len: u16,
    mindex: Mindex,
    video: bool,
}

/// Room for the parts of one compound, of the worker: used again for every compound.
#[derive(Debug)]
pub struct Split {
    bytes: [u8; ROOM],
    used: usize,
    parts: [Part; MOST],
    count: usize,
}

impl Default for Split {
    fn default() -> Split {
        Split { bytes: [0; ROOM], used: 0, parts: [Part::default(); MOST], count: 0 }
    }
}

impl Split {
    pub(super) fn clear(&mut self) {
        (self.used, self.count) = (0, 0);
    }

    /// Something is about this medium; they are delivered in the order of this.
    pub(super) fn want(&mut self, medium: usize) {
        let known = self.parts[..self.count].iter().any(|part| usize::from(part.medium) == medium);
        if !known && let (Some(part), Ok(medium)) = (self.parts.get_mut(self.count), u16::try_from(medium)) {
            *part = Part { medium, ..Part::default() };
            self.count += 1;
        }
    }

    pub(super) fn wanted(&self) -> usize {
        self.count
    }

    /// The medium of a part.
    pub(super) fn medium(&self, part: usize) -> usize {
        self.parts[part].medium.into()
    }

    /// Begins the compound of a part, with room for a report in front.
    pub(super) fn begin(&mut self) -> Writing<'_> {
        let start = (self.used + EMPTY_RR).min(ROOM);
        Writing { split: self, start, end: start }
    }

    /// How many compounds there are.
    pub fn len(&self) -> usize {
        self.parts[..self.count].iter().filter(|part| part.len > 0).count()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Each compound, with the medium that it is about and whether that is video.
    pub fn each(&mut self, mut to: impl FnMut(Mindex, bool, &mut [u8])) {
        for part in self.parts[..self.count].iter().filter(|part| part.len > 0) {
            let start = usize::from(part.start);
            to(part.mindex, part.video, &mut self.bytes[start..start + usize::from(part.len)]);
        }
    }
}

/// The compound of one part while it is written.
pub(super) struct Writing<'a> {
    split: &'a mut Split,
    start: usize,
    end: usize,
}

impl Writing<'_> {
    /// Appends a block from its pieces and sets its length; nothing when there is no room. Returns the block.
    pub(super) fn block(&mut self, head: [u8; 2], pieces: &[&[u8]]) -> Option<&mut [u8]> {
        let len = 4 + pieces.iter().map(|piece| piece.len()).sum::<usize>();
        let end = self.end.checked_add(len).filter(|end| *end <= ROOM)?;
        let block = &mut self.split.bytes[self.end..end];
        block[..2].copy_from_slice(&head);
        block[2..4].copy_from_slice(&((len / 4 - 1) as u16).to_be_bytes());
        let mut at = 4;
        for piece in pieces {
            block[at..at + piece.len()].copy_from_slice(piece);
            at += piece.len();
        }
        self.end = end;
        Some(block)
    }

    /// One more report block for the last block, a report that begins at `report_at`. True when there was room.
    pub(super) fn report(&mut self, report_at: usize, block: &[u8]) -> bool {
        let end = self.end + block.len();
        let full = self.split.bytes[report_at] & 0x1f == 31;
        let Some(room) = self.split.bytes.get_mut(self.end..end).filter(|_| !full) else { return false };
        room.copy_from_slice(block);
        self.split.bytes[report_at] += 1;
        let words = ((end - report_at) / 4 - 1) as u16;
        self.split.bytes[report_at + 2..report_at + 4].copy_from_slice(&words.to_be_bytes());
        self.end = end;
        true
    }

    /// Where the next block begins.
    pub(super) fn at(&self) -> usize {
        self.end
    }

    pub(super) fn written(&self) -> &[u8] {
        &self.split.bytes[self.start..self.end]
    }

    /// Writes four bytes into what is there.
    pub(super) fn set_word(&mut self, at: usize, value: u32) {
        self.split.bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
    }

    /// Ends the compound. One of several begins with a report where theirs did (RFC 3550 §6.1), `reporter` in it.
    pub(super) fn finish(mut self, part: usize, mindex: Mindex, video: bool, reporter: Option<u32>) {
        if self.written().is_empty() {
            return;
        }
        if let Some(ssrc) = reporter {
            self.start -= EMPTY_RR;
            let report = &mut self.split.bytes[self.start..self.start + EMPTY_RR];
            report[..4].copy_from_slice(&[0x80, RR, 0, 1]);
            report[4..].copy_from_slice(&ssrc.to_be_bytes());
        }
        let (start, len) = (self.start as u16, (self.end - self.start) as u16);
        let medium = self.split.parts[part].medium;
        self.split.parts[part] = Part { medium, start, len, mindex, video };
        self.split.used = self.end;
    }
}
