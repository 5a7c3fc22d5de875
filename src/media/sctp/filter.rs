//! What may reach the SCTP stack.
//!
//! The stack is fast but trusting: some well-formed chunks would keep it busy for seconds, grow it without bound, or end
//! the association for no reason. They are taken out here, chunk by chunk, before it sees them.

use super::chunk::*;
use bytes::{BufMut, Bytes, BytesMut};
use std::ops::Range;

/// Streams each way (media-plane.md §8).
pub(super) const STREAMS: u16 = 300;
/// How far FORWARD-TSN may jump; the stack walks there step by step.
const FORWARD_LIMIT: u32 = 1 << 16;
/// How far DATA may be ahead of the first missing one: bounds the gap list, which goes into every SACK.
const DATA_LIMIT: u32 = 4096;
/// Stream resets that may wait for data still missing.
const WAITING_RESETS: usize = 16;
/// Where data goes that comes on a stream while we close it: the stack would neither hand it out nor let the peer's reset
/// through before somebody takes it.
pub(super) const DISCARD: u16 = u16::MAX;
/// DATA flag: to be answered at once (RFC 7053).
const AT_ONCE: u8 = 8;
/// DATA flags: an unordered message that begins and ends here.
const WHOLE: u8 = 4 | 2 | 1;
/// DATA chunks that the stack may hold. The window counts their bytes only, and the stack needs more for each one than many
/// messages have; of more than 2^15 messages that wait in a stream it loses the others, as the numbers of two are half a circle
/// apart. More than what a message of the largest size consists of, and more than the [`DATA_LIMIT`] small ones that wait for one
/// that is lost.
const HELD: usize = 1 << 14;
/// Bytes that all DATA chunks have on average, at least, if there are [`HELD`] and everything that is complete was read.
const CRUMB: usize = 512;
/// Chunks that packets usually have.
const FEW_CHUNKS: usize = 8;
/// Bytes accepted beyond the advertised window, which a single unfinished message can fill.
const BEYOND_WINDOW: usize = 4 << 20;

/// With less room than this no packet is sent but one from time to time, to ask for more.
const ROOM: u32 = 1500;

const OUTGOING_RESET: u16 = 13;
/// Parameters of a chunk (RFC 6525 §3.1).
const RECONFIGS: usize = 2;
/// RFC 6525 §4.4: results after which the same request has to be sent again: "request already in progress", "bad sequence
/// number" (one before it was lost), "in progress".
const REQUEST_IN_PROGRESS: u32 = 4;
const IN_PROGRESS: u32 = 6;
/// How often a reset is repeated.
const REPEATED_RESETS: u32 = 10;

/// What became of a packet.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Give this to the stack: the packet, or what is left of it.
    Pass(Bytes),
    Drop,
    /// No honest peer does this; the association has to end.
    Hostile(&'static str),
}

/// Follows one association.
#[derive(Default)]
pub(super) struct Filter {
    /// Last TSN of the peer before the first missing one, as we last told it.
    cumulative: Option<u32>,
    window_closed: bool,
    /// We have told the peer that there is no [`ROOM`]; the peer has told us so.
    shut: bool,
    peer_shut: bool,
    /// Ports and verification tag of the peer's packets.
    head: Option<[u8; 8]>,
    beyond_window: usize,
    /// The window when nothing is in it, and what the stack has left of it.
    widest: u32,
    window: u32,
    /// DATA chunks in the stack: at least so many are no more.
    held: usize,
    /// The association is there: before, nothing is read.
    pub up: bool,
    /// Nobody reads at the moment, so that a closed window says nothing about the peer.
    pub paused: bool,
    /// Last TSN of ours, and whether the peer has everything up to it.
    sent: Option<u32>,
    acknowledged: bool,
    /// Resets of the peer that wait for data still missing, or to be read: the TSN, the request's number, the packet. Until then
    /// the stack would answer "in progress", and not reset its own direction afterwards; and it would go through all of them
    /// whenever data comes.
    waiting_resets: Vec<(u32, u32, Bytes)>,
    /// Streams that we are closing.
    closing: Vec<u16>,
    /// Our own resets that are not answered. The stack repeats only those that it was asked for, not those that answer the
    /// peer's, and takes "in progress" for an answer.
    own_resets: Vec<OwnReset>,
    /// Room for the chunks of a packet that are kept.
    kept: Vec<Range<usize>>,
}

struct OwnReset {
    number: u32,
    packet: Bytes,
    /// How often it was repeated.
    repeated: u32,
}

/// Whether the packet begins with DATA that was sent before: `sent` was the last TSN.
pub(super) fn repeats(packet: &[u8], sent: Option<u32>) -> bool {
    first_chunk(packet) == Some(DATA)
        && packet.len() >= HEADER + 8
        && sent.is_some_and(|sent| ahead(be32(packet, HEADER + 4), sent) == 0)
}

impl Filter {
    /// The peer's INIT or INIT ACK, whose first TSN all others are compared with.
    pub fn expect(&mut self, packet: &[u8]) {
        if self.cumulative.is_none() && packet.len() >= HEADER + 20 {
            self.cumulative = Some(be32(packet, HEADER + 16).wrapping_sub(1));
        }
    }

    /// Looks at a packet of ours: SACKs carry what the stack has and how much room it has left. Returns what is to be sent.
    pub fn outbound(&mut self, packet: Bytes) -> Bytes {
        match first_chunk(&packet) {
            Some(INIT | INIT_ACK) if packet.len() >= HEADER + 12 => self.note_window(&packet),
            Some(SACK) if packet.len() >= HEADER + 12 => {
                self.cumulative = Some(be32(&packet, HEADER + 4));
                self.note_window(&packet);
                self.window_closed = self.window == 0;
                self.shut = self.window < ROOM;
                if !self.window_closed {
                    self.beyond_window = 0;
                }
                // Each has a byte at least: what was counted twice, or given up by the peer, does not add up.
                self.held = self.held.min(self.used());
                if self.is_full() && !self.window_closed {
                    self.shut = true;
                    return without_window(&packet);
                }
            }
            Some(DATA) => self.note_sent(&packet),
            Some(RECONFIG) => self.note_reset(&packet),
            _ => {}
        }
        packet
    }

    /// `a_rwnd` is at the same place in INIT, INIT ACK and SACK.
    fn note_window(&mut self, packet: &[u8]) {
        self.window = be32(packet, HEADER + 8);
        self.widest = self.widest.max(self.window);
    }

    fn note_sent(&mut self, packet: &[u8]) {
        let mut at = HEADER;
        while let Some((kind, range)) = chunk_at(packet, at) {
            at = range.end.next_multiple_of(4);
            if kind == DATA && range.len() >= 8 {
                let tsn = be32(packet, range.start + 4);
                if self.sent.is_none_or(|sent| ahead(tsn, sent) > 0) {
                    self.sent = Some(tsn);
                    self.acknowledged = false;
                }
            }
        }
    }

    /// Whether this packet begins with a SACK of everything that was sent. Whether it counts is the stack's to say.
    pub fn acknowledges_all(&self, packet: &[u8]) -> bool {
        first_chunk(packet) == Some(SACK)
            && packet.len() >= HEADER + 8
            && self.sent == Some(be32(packet, HEADER + 4))
    }

    /// The stack has taken such a packet.
    pub fn note_acknowledged(&mut self) {
        self.acknowledged = true;
    }

    /// The peer has everything that was sent. After the stack was asked for more, it holds nothing: it always sends something if
    /// nothing is under way (RFC 9260 §6.1 A).
    pub fn all_acknowledged(&self) -> bool {
        self.acknowledged
    }

    /// Last TSN of ours.
    pub fn sent(&self) -> Option<u32> {
        self.sent
    }

    /// So many DATA chunks were read.
    pub fn note_read(&mut self, chunks: usize) {
        self.held = self.held.saturating_sub(chunks);
    }

    #[cfg(test)]
    pub fn last_sent(&self) -> u32 {
        self.sent.unwrap()
    }

    #[cfg(test)]
    pub fn told_widest_window(&self) -> bool {
        self.window == self.widest
    }

    /// Somebody reads again. How much room there is the next SACK will say; until then the last one is no reason to suspect the
    /// peer of an endless message.
    pub fn read_on(&mut self) {
        self.paused = false;
        self.window_closed = false;
    }

    /// As if the peer had sent once more what the stack has already: it answers with what room there is now. It does not by itself
    /// when something is read (RFC 9260 §6.2 knows SACKs that update the offered window), and the peer, which was told that there is
    /// no room, would ask after up to a minute. `None`: it was told of some, or there is none.
    pub fn copy_to_answer(&self) -> Option<Bytes> {
        let (head, had) = (self.head?, self.cumulative?);
        if !self.shut || !self.up || self.is_full() {
            return None;
        }
        let mut packet = head.to_vec();
        packet.extend([0; 4]);
        packet.extend([DATA, AT_ONCE | WHOLE, 0, 17]);
        packet.extend(had.to_be_bytes());
        packet.extend([0, 0, 0, 0, 0, 0, 0, 53, 0]);
        let all = HEADER..packet.len();
        Some(rebuild(&packet, std::slice::from_ref(&all)))
    }

    /// Whether this packet says that the peer, which had none, has room again.
    pub fn opens(&mut self, packet: &[u8]) -> bool {
        if first_chunk(packet) != Some(SACK) || packet.len() < HEADER + 12 {
            return false;
        }
        let was_shut = std::mem::replace(&mut self.peer_shut, be32(packet, HEADER + 8) < ROOM);
        was_shut && !self.peer_shut
    }

    /// Bytes in the stack, as we last told the peer.
    fn used(&self) -> usize {
        self.widest.saturating_sub(self.window) as usize
    }

    /// Nobody reads, and no more chunks are to wait. A closed window alone is the stack's to answer: senders that are refused
    /// wait longer each time, and what it takes beyond is counted here.
    fn is_full(&self) -> bool {
        self.paused && self.held >= HELD
    }

    /// Resets are for a stack that has nothing to be read.
    fn holds_resets(&self) -> bool {
        self.paused || !self.up
    }

    /// What comes on this stream from here on is for nobody.
    pub fn close(&mut self, stream: u16) {
        if !self.closing.contains(&stream) {
            self.closing.push(stream);
        }
    }

    /// The stream has been reset: it may be used anew.
    pub fn closed(&mut self, stream: u16) {
        self.closing.retain(|closing| *closing != stream);
    }

    /// A reset of the peer that need not wait any more.
    pub fn due_reset(&mut self) -> Option<Bytes> {
        if self.holds_resets() {
            return None;
        }
        let position = self.waiting_resets.iter().position(|(last, ..)| self.distance(*last) == 0)?;
        Some(self.waiting_resets.remove(position).2)
    }

    fn note_reset(&mut self, packet: &[u8]) {
        let Some(request) = packet.get(HEADER + 4..HEADER + 12) else { return };
        let number = be32(request, 4);
        let known = self.own_resets.iter().any(|own| own.number == number);
        if request[..2] == OUTGOING_RESET.to_be_bytes() && !known {
            self.own_resets.push(OwnReset { number, packet: Bytes::copy_from_slice(packet), repeated: 0 });
        }
    }

    pub fn has_own_resets(&self) -> bool {
        self.own_resets.iter().any(|own| own.repeated < REPEATED_RESETS)
    }

    /// All resets of ours that are not answered, in order, once more. Those that were repeated in vain are no longer, but stay: the
    /// stack keeps them, too.
    pub fn repeat_resets(&mut self) -> impl Iterator<Item = Bytes> + '_ {
        self.own_resets.iter_mut().filter(|own| own.repeated < REPEATED_RESETS).map(|own| {
            own.repeated += 1;
            own.packet.clone()
        })
    }

    /// Judges a packet of an association (not INIT, which [`super::link`] handles).
    pub fn inbound(&mut self, packet: &Bytes) -> Verdict {
        let mut kept = std::mem::take(&mut self.kept);
        kept.clear();
        let verdict = self.judge_all(packet, &mut kept);
        if kept.capacity() <= FEW_CHUNKS {
            self.kept = kept;
        }
        verdict
    }

    fn judge_all(&mut self, packet: &Bytes, kept: &mut Vec<Range<usize>>) -> Verdict {
        let mut complete = true;
        let (mut discarded, mut refused) = (Vec::new(), Vec::new());
        self.head = packet.first_chunk().copied().or(self.head);
        let mut at = HEADER;
        while at < packet.len() {
            let Some((kind, range)) = chunk_at(packet, at) else { return Verdict::Drop };
            at = range.end.next_multiple_of(4);
            let full = self.is_full();
            let Some(length) = extent(kind, &packet[range.clone()]) else {
                complete = false;
                continue;
            };
            complete &= length == range.len();
            let range = range.start..range.start + length;
            match self.judge(kind, &packet[range.clone()]) {
                Ok(true) if kind == RECONFIG && self.waits(packet, range.clone()) => complete = false,
                Ok(true) if kind == DATA && self.is_closing(&packet[range.clone()]) => {
                    discarded.push(range.start);
                    kept.push(range);
                }
                Ok(true) if kind == DATA && full => {
                    refused.push(range.start);
                    kept.push(range);
                }
                Ok(true) => kept.push(range),
                Ok(false) => complete = false,
                Err(reason) => return Verdict::Hostile(reason),
            }
            // RFC 9260 §3.2: the upper bits say whether the chunks behind an unknown one still count.
            if !known(kind) && kind & 0x80 == 0 {
                complete = complete && at >= packet.len();
                break;
            }
        }
        match (complete, kept.is_empty()) {
            (_, true) => Verdict::Drop,
            (true, false) if discarded.is_empty() && refused.is_empty() => Verdict::Pass(packet.clone()),
            (_, false) => {
                let mut altered = packet.to_vec();
                for at in discarded {
                    // Parts whose rest went elsewhere before would wait for it for ever.
                    altered[at + 1] |= WHOLE;
                    altered[at + 8..at + 10].copy_from_slice(&DISCARD.to_be_bytes());
                }
                // As something that the stack has: it keeps nothing, and answers. The peer sends it again.
                for at in refused {
                    let had = self.cumulative.unwrap_or_default();
                    altered[at + 1] |= AT_ONCE;
                    altered[at + 4..at + 8].copy_from_slice(&had.to_be_bytes());
                }
                Verdict::Pass(rebuild(&altered, kept))
            }
        }
    }

    fn is_closing(&self, data: &[u8]) -> bool {
        self.closing.contains(&u16::from_be_bytes([data[8], data[9]]))
    }

    /// Whether a reset (one that was judged) has to wait for data, or for a reader; then it is kept. Without room the peer sends
    /// it again.
    fn waits(&mut self, packet: &Bytes, range: Range<usize>) -> bool {
        let chunk = &packet[range.clone()];
        if chunk.len() < 20 || chunk[4..6] != OUTGOING_RESET.to_be_bytes() {
            return false;
        }
        let (number, last) = (be32(chunk, 8), be32(chunk, 16));
        if self.distance(last) == 0 && !self.holds_resets() {
            return false;
        }
        let known = self.waiting_resets.iter().any(|(_, waiting, _)| *waiting == number);
        if !known && self.waiting_resets.len() < WAITING_RESETS {
            self.waiting_resets.push((last, number, rebuild(packet, &[range])));
        }
        true
    }

    /// Whether a chunk (header included) may pass.
    fn judge(&mut self, kind: u8, chunk: &[u8]) -> Result<bool, &'static str> {
        match kind {
            DATA => self.judge_data(chunk),
            FORWARD_TSN => Ok(chunk.len() >= 8 && self.distance(be32(chunk, 4)) <= FORWARD_LIMIT),
            RECONFIG => Ok(self.judge_reconfig(chunk)),
            // The stack would end the association; errors are remarks (RFC 9260 §3.3.10).
            ERROR => {
                tracing::debug!("SCTP: the peer reports an error: {chunk:02x?}");
                Ok(false)
            }
            INIT => Ok(false),
            _ => Ok(known(kind)),
        }
    }

    fn judge_data(&mut self, chunk: &[u8]) -> Result<bool, &'static str> {
        // A DATA chunk without payload is a protocol violation (RFC 9260 §6.2).
        if chunk.len() <= 16 {
            return Err("DATA without payload");
        }
        let stream = u16::from_be_bytes([chunk[8], chunk[9]]);
        let distance = self.distance(be32(chunk, 4));
        if stream >= STREAMS || distance > DATA_LIMIT {
            return Ok(false);
        }
        if self.window_closed && !self.paused {
            self.beyond_window += (chunk.len() - 16).max(CRUMB);
            if self.beyond_window > BEYOND_WINDOW {
                return Err("an endless message");
            }
        }
        if distance > 0 && (!self.is_full() || self.is_closing(chunk)) {
            self.held += 1;
            if !self.paused && self.held > HELD && self.used() < self.held * CRUMB {
                return Err("messages in crumbs");
            }
        }
        Ok(true)
    }

    /// RFC 6525: only resets of the peer's streams and replies to ours; the stack fails on other parameters.
    fn judge_reconfig(&mut self, chunk: &[u8]) -> bool {
        let (mut at, mut count) = (4, 0);
        while at < chunk.len() {
            let Some(head) = chunk.get(at..at + 4) else { return false };
            count += 1;
            let kind = u16::from_be_bytes([head[0], head[1]]);
            let len = usize::from(u16::from_be_bytes([head[2], head[3]]));
            if at + len > chunk.len() || count > RECONFIGS {
                return false;
            }
            match kind {
                OUTGOING_RESET if len >= 16 => {
                    let last = be32(chunk, at + 12);
                    // A second one in the same chunk would not wait (RFC 6525 §3.1 has no such pair).
                    let second = at > 4 && (self.distance(last) > 0 || self.holds_resets());
                    if self.distance(last) > DATA_LIMIT
                        || second
                        || self.own_resets.len() >= usize::from(STREAMS)
                    {
                        return false;
                    }
                }
                RECONFIG_RESPONSE if len == RESPONSE => {
                    let number = be32(chunk, at + 4);
                    if !matches!(be32(chunk, at + 8), REQUEST_IN_PROGRESS..=IN_PROGRESS) {
                        self.own_resets.retain(|own| own.number != number);
                    }
                }
                _ => return false,
            }
            at += len.next_multiple_of(4);
        }
        true
    }

    /// How far a TSN is ahead of the last one that is complete; 0 if it is not.
    fn distance(&self, tsn: u32) -> u32 {
        self.cumulative.map_or(0, |cumulative| ahead(tsn, cumulative))
    }
}

/// A packet of its first chunk alone, as far as the stack reads it: all that an INIT may come with (RFC 9260 §6.10).
pub(super) fn alone(packet: &Bytes) -> Option<Bytes> {
    let (kind, range) = chunk_at(packet, HEADER)?;
    let end = range.start + extent(kind, &packet[range.clone()])?;
    match end.next_multiple_of(4) == packet.len() && end == range.end {
        true => Some(packet.clone()),
        false => Some(rebuild(packet, std::slice::from_ref(&(range.start..end)))),
    }
}

/// The chunks of a packet, each in a packet and memory of its own.
pub(super) fn apart(packet: &Bytes) -> impl Iterator<Item = Bytes> {
    let mut at = HEADER;
    std::iter::from_fn(move || {
        let (_, range) = chunk_at(packet, at)?;
        at = range.end.next_multiple_of(4);
        Some(rebuild(packet, std::slice::from_ref(&range)))
    })
}

/// A SACK that says that there is no room.
fn without_window(packet: &[u8]) -> Bytes {
    let mut altered = packet.to_vec();
    altered[HEADER + 8..HEADER + 12].fill(0);
    altered[8..HEADER].fill(0);
    let checksum = crc32c::crc32c(&altered);
    altered[8..HEADER].copy_from_slice(&checksum.to_le_bytes());
    altered.into()
}

/// Serial number arithmetic, RFC 1982.
fn ahead(tsn: u32, of: u32) -> u32 {
    let distance = tsn.wrapping_sub(of);
    if distance < 1 << 31 { distance } else { 0 }
}

fn known(kind: u8) -> bool {
    matches!(
        kind,
        DATA | INIT
            | INIT_ACK
            | SACK
            | HEARTBEAT
            | ABORT
            | SHUTDOWN
            | SHUTDOWN_ACK
            | ERROR
            | COOKIE_ECHO
            | COOKIE_ACK
            | SHUTDOWN_COMPLETE
            | RECONFIG
            | FORWARD_TSN
    )
}

/// A packet of only these chunks (or beginnings of chunks), with a new checksum.
fn rebuild(packet: &[u8], chunks: &[Range<usize>]) -> Bytes {
    let len = chunks.iter().map(|chunk| chunk.len().next_multiple_of(4)).sum::<usize>();
    // Not more: whoever keeps one chunk keeps it all.
    let mut rebuilt = BytesMut::with_capacity(HEADER + len);
    rebuilt.put_slice(&packet[..8]);
    rebuilt.put_u32(0);
    for chunk in chunks {
        rebuilt.put_slice(&packet[chunk.start..chunk.start + 2]);
        rebuilt.put_u16(chunk.len() as u16);
        rebuilt.put_slice(&packet[chunk.start + 4..chunk.end]);
        rebuilt.put_bytes(0, rebuilt.len().next_multiple_of(4) - rebuilt.len());
    }
    let checksum = crc32c::crc32c(&rebuilt);
    rebuilt[8..HEADER].copy_from_slice(&checksum.to_le_bytes());
    rebuilt.freeze()
}

fn be32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(chunks: &[Vec<u8>]) -> Bytes {
        let mut bytes = vec![0x13, 0x88, 0x13, 0x88, 1, 2, 3, 4, 0, 0, 0, 0];
        for chunk in chunks {
            bytes.extend(chunk);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        let checksum = crc32c::crc32c(&bytes);
        bytes[8..HEADER].copy_from_slice(&checksum.to_le_bytes());
        bytes.into()
    }

    fn chunk(kind: u8, value: &[u8]) -> Vec<u8> {
        let mut chunk = vec![kind, 3];
        chunk.extend((value.len() as u16 + 4).to_be_bytes());
        chunk.extend(value);
        chunk
    }

    fn data(tsn: u32, stream: u16, payload: &[u8]) -> Vec<u8> {
        let mut value = tsn.to_be_bytes().to_vec();
        value.extend(stream.to_be_bytes());
        value.extend([0, 0, 0, 0, 0, 51]);
        value.extend(payload);
        chunk(DATA, &value)
    }

    fn reset(rsn: u32, last: u32) -> Vec<u8> {
        let mut value = vec![0, 13, 0, 18];
        for number in [rsn, 0, last] {
            value.extend(number.to_be_bytes());
        }
        value.extend([0, 1]);
        chunk(RECONFIG, &value)
    }

    fn sack(cumulative: u32, window: u32) -> Bytes {
        let mut value = cumulative.to_be_bytes().to_vec();
        value.extend(window.to_be_bytes());
        value.extend([0, 0, 0, 0]);
        packet(&[chunk(SACK, &value)])
    }

    /// Follows an association whose peer has sent everything up to TSN 1000.
    fn filter() -> Filter {
        let mut filter = Filter { up: true, ..Filter::default() };
        filter.outbound(sack(1000, 100_000));
        filter
    }

    fn passes(filter: &mut Filter, chunk: Vec<u8>) -> bool {
        let packet = packet(&[chunk]);
        match filter.inbound(&packet) {
            Verdict::Pass(same) => same == packet,
            Verdict::Drop => false,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn distances() {
        let mut filter = filter();
        assert!(passes(&mut filter, data(1000 + DATA_LIMIT, 0, b"x")));
        assert!(!passes(&mut filter, data(1001 + DATA_LIMIT, 0, b"x")));
        assert!(passes(&mut filter, data(500, 0, b"x")), "the stack answers duplicates");
        assert!(!passes(&mut filter, data(1001, STREAMS, b"x")));
        let forward = |to: u32| chunk(FORWARD_TSN, &to.to_be_bytes());
        assert!(passes(&mut filter, forward(1000 + (1 << 16))));
        assert!(!passes(&mut filter, forward(1001 + (1 << 16))));
        assert!(!passes(&mut filter, forward(1000u32.wrapping_add((1 << 31) - 1))));
        assert!(passes(&mut filter, forward(999)));
    }

    #[test]
    fn resets_wait_for_what_is_missing() {
        let mut filter = filter();
        for rsn in 0..WAITING_RESETS as u32 + 5 {
            assert!(!passes(&mut filter, reset(rsn, 1010)));
            assert!(!passes(&mut filter, reset(rsn, 1010)), "the same once more");
        }
        assert!(passes(&mut filter, reset(99, 1000)), "one that need not wait");
        assert_eq!(filter.due_reset(), None);
        // Beside it the rest of a packet goes on.
        let beside = packet(&[reset(5, 1010), data(1001, 1, b"x")]);
        assert_eq!(filter.inbound(&beside), Verdict::Pass(packet(&[data(1001, 1, b"x")])));
        filter.outbound(sack(1009, 1));
        assert_eq!(filter.due_reset(), None);
        filter.outbound(sack(1010, 1));
        let due: Vec<_> = std::iter::from_fn(|| filter.due_reset()).collect();
        assert_eq!(due.len(), WAITING_RESETS);
        assert_eq!(due[3], packet(&[reset(3, 1010)]));
        // Add Outgoing Streams
        assert!(!passes(&mut filter, chunk(RECONFIG, &[0, 17, 0, 12, 0, 0, 0, 1, 0, 5, 0, 0])));
    }

    #[test]
    fn resets_wait_for_a_reader() {
        let mut filter = filter();
        filter.paused = true;
        assert!(!passes(&mut filter, reset(1, 1000)));
        assert_eq!(filter.due_reset(), None);
        // Two in one chunk.
        let mut both = reset(2, 1000);
        both.extend([0, 0, 0, 13, 0, 18, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 3, 232, 0, 2]);
        both[3] = both.len() as u8;
        assert!(!passes(&mut filter, both.clone()));
        filter.paused = false;
        assert_eq!(filter.due_reset(), Some(packet(&[reset(1, 1000)])));
        assert_eq!(filter.due_reset(), None);
        assert!(passes(&mut filter, both));
        // Nothing is read before the association is there.
        filter.up = false;
        assert!(!passes(&mut filter, reset(4, 1000)));
        filter.up = true;
        assert!(filter.due_reset().is_some());
    }

    /// What comes while nobody reads, and the window is closed or full of small messages, is to be sent again.
    #[test]
    fn a_full_stack_keeps_nothing() {
        let sent = packet(&[data(1001, 1, b"x")]);
        let mut again = data(1000, 1, b"x");
        again[1] |= AT_ONCE;
        let again = Verdict::Pass(packet(&[again]));
        let mut crumbs = filter();
        crumbs.paused = true;
        for _ in 0..HELD {
            assert_eq!(crumbs.outbound(sack(1000, 50_000)), sack(1000, 50_000));
            assert_eq!(crumbs.inbound(&sent), Verdict::Pass(sent.clone()));
        }
        assert_eq!(crumbs.inbound(&sent), again);
        assert_eq!(crumbs.outbound(sack(1000, 50_000)), sack(1000, 0), "the peer is told");
        crumbs.note_read(1);
        assert_eq!(crumbs.inbound(&sent), Verdict::Pass(sent.clone()));
        assert_eq!(crumbs.inbound(&sent), again);
        // Everything was read.
        crumbs.outbound(sack(1000, 100_000));
        assert_eq!(crumbs.outbound(sack(1000, 50_000)), sack(1000, 50_000));
        assert_eq!(crumbs.inbound(&sent), Verdict::Pass(sent));
    }

    #[test]
    fn messages_in_crumbs_are_hostile() {
        let mut patient = filter();
        let copy = packet(&[data(1000, 1, b"x")]);
        for _ in 0..2 * HELD {
            assert_eq!(patient.inbound(&copy), Verdict::Pass(copy.clone()), "kept nowhere");
        }
        for (size, hostile) in [(1, true), (CRUMB - 1, true), (CRUMB + 1, false)] {
            let mut filter = Filter { up: true, ..Filter::default() };
            let window = 1 << 30;
            filter.outbound(sack(1000, window));
            let part = packet(&[data(1001, 1, &vec![0; size])]);
            let end = (1..2 * HELD).find(|n| {
                filter.outbound(sack(1000, window - (n * size) as u32));
                matches!(filter.inbound(&part), Verdict::Hostile(_))
            });
            assert_eq!(end, hostile.then_some(HELD + 1), "{size}");
        }
    }

    #[test]
    fn everything_is_acknowledged_when_the_last_is() {
        let mut filter = filter();
        assert!(!filter.acknowledges_all(&sack(6, 0)));
        filter.outbound(packet(&[data(6, 1, b"x"), data(7, 1, b"x")]));
        filter.outbound(packet(&[data(5, 1, b"once more")]));
        assert!(!filter.acknowledges_all(&sack(6, 0)) && !filter.acknowledges_all(&sack(8, 0)));
        assert!(filter.acknowledges_all(&sack(7, 0)));
        filter.note_acknowledged();
        filter.outbound(packet(&[data(7, 1, b"x")]));
        assert!(filter.all_acknowledged());
        filter.outbound(packet(&[data(8, 1, b"x")]));
        assert!(!filter.all_acknowledged());
    }

    #[test]
    fn data_for_what_is_being_closed_goes_elsewhere() {
        let mut filter = filter();
        filter.close(7);
        let mut elsewhere = data(1001, DISCARD, b"late");
        elsewhere[1] |= WHOLE;
        let mixed = packet(&[data(1001, 7, b"late"), data(1002, 8, b"on time")]);
        let expected = packet(&[elsewhere, data(1002, 8, b"on time")]);
        assert_eq!(filter.inbound(&mixed), Verdict::Pass(expected));
        filter.closed(7);
        assert!(passes(&mut filter, data(1003, 7, b"anew")));
    }

    #[test]
    fn resets_that_are_never_answered_are_bounded() {
        let mut filter = filter();
        for rsn in 0..u32::from(STREAMS) {
            assert!(passes(&mut filter, reset(rsn, 1000)));
            // Ours, sent twice.
            filter.outbound(packet(&[reset(rsn, 7)]));
            filter.outbound(packet(&[reset(rsn, 7)]));
        }
        assert!(!passes(&mut filter, reset(999, 1000)));
        let answer = |rsn: u8| chunk(RECONFIG, &[0, 16, 0, 12, 0, 0, 0, rsn, 0, 0, 0, 1]);
        assert!(passes(&mut filter, chunk(RECONFIG, &[0, 16, 0, 12, 0, 0, 0, 5, 0, 0, 0, 6])));
        assert!(!passes(&mut filter, reset(999, 1000)), "in progress is no answer");
        for _ in 0..REPEATED_RESETS {
            assert!(filter.has_own_resets());
            assert_eq!(filter.repeat_resets().count(), usize::from(STREAMS));
        }
        assert!(!filter.has_own_resets() && filter.repeat_resets().next().is_none());
        assert!(!passes(&mut filter, reset(999, 1000)), "given up, and not answered");
        assert!(passes(&mut filter, answer(5)));
        assert!(passes(&mut filter, reset(999, 1000)));
    }

    #[test]
    fn what_is_taken_out_leaves_the_rest() {
        let mut filter = filter();
        let (good, also) = (data(1001, 1, b"abc"), data(1002, 1, b"d"));
        let cases = [
            (vec![good.clone(), chunk(ERROR, &[0, 6, 0, 4]), also.clone()], vec![good.clone(), also.clone()]),
            // Skipped when unknown; ends the packet when unknown.
            (vec![good.clone(), chunk(0x84, &[1]), also.clone()], vec![good.clone(), also.clone()]),
            (vec![good.clone(), chunk(0x40, &[1]), also.clone()], vec![good.clone()]),
            (vec![chunk(ABORT, &[0, 12, 0, 0])], vec![chunk(ABORT, &[])]),
            (vec![good.clone(), chunk(INIT, &[0; 16])], vec![good.clone()]),
            // What the stack would take for a chunk of its own (an ABORT here), and would not survive.
            (
                vec![chunk(SACK, &[&[0; 12][..], &[ABORT, 0, 0, 10], &[0; 8]].concat()), good.clone()],
                vec![chunk(SACK, &[0; 12]), good.clone()],
            ),
            (vec![chunk(SACK, &[0, 0, 0, 1, 0, 0, 0, 0, 0, 9, 0, 0]), good.clone()], vec![good.clone()]),
            (vec![chunk(COOKIE_ACK, &[ABORT, 0, 0, 10, 0, 0])], vec![chunk(COOKIE_ACK, &[])]),
        ];
        for (sent, left) in cases {
            assert_eq!(filter.inbound(&packet(&sent)), Verdict::Pass(packet(&left)));
        }
        assert_eq!(filter.inbound(&packet(&[chunk(ERROR, &[])])), Verdict::Drop);
        assert_eq!(filter.inbound(&packet(&[chunk(0x40, &[])])), Verdict::Drop);
    }

    #[test]
    fn broken_lengths_drop_the_packet() {
        let whole = packet(&[data(1001, 1, b"hello")]);
        for len in 0..whole.len() - 3 {
            assert_eq!(filter().inbound(&whole.slice(..len)), Verdict::Drop, "{len}");
        }
        assert_eq!(filter().inbound(&packet(&[vec![0, 0, 0, 3]])), Verdict::Drop);
    }

    #[test]
    fn endless_messages_and_empty_data_are_hostile() {
        let mut filter = filter();
        assert!(matches!(filter.inbound(&packet(&[data(1001, 1, b"")])), Verdict::Hostile(_)));
        let big = packet(&[data(1001, 1, &[0; 60_000])]);
        for _ in 0..200 {
            assert!(matches!(filter.inbound(&big), Verdict::Pass(_)), "the window is open");
        }
        filter.outbound(sack(1000, 0));
        for _ in 0..BEYOND_WINDOW / 60_000 {
            assert!(matches!(filter.inbound(&big), Verdict::Pass(_)));
        }
        assert!(matches!(filter.inbound(&big), Verdict::Hostile(_)));
        filter.outbound(sack(1000, 1));
        assert!(matches!(filter.inbound(&big), Verdict::Pass(_)));
    }
}
