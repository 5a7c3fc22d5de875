//! What a media worker counts. One per worker, written by the thread that works as it, read by anybody: a load and a store
//! per number, and nothing is published or added up before somebody asks (decision 52).
#![forbid(unsafe_code)]

use super::srtp::SrtpError;
use crate::metrics::{Histogram, Own, Reading};
use crate::rtcp::compound::{self, Block};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From peers.
    In,
    /// To peers.
    Out,
}

impl Direction {
    pub const BOTH: [(Direction, &str); 2] = [(Direction::In, "in"), (Direction::Out, "out")];
}

/// What RTCP says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    SenderReport,
    ReceiverReport,
    Description,
    Bye,
    Nack,
    Pli,
    Fir,
    Remb,
    TransportFeedback,
    Other,
}

impl Message {
    /// In the order of their numbers.
    pub const ALL: [(Message, &str); 10] = [
        (Message::SenderReport, "sr"),
        (Message::ReceiverReport, "rr"),
        (Message::Description, "sdes"),
        (Message::Bye, "bye"),
        (Message::Nack, "nack"),
        (Message::Pli, "pli"),
        (Message::Fir, "fir"),
        (Message::Remb, "remb"),
        (Message::TransportFeedback, "twcc"),
        (Message::Other, "other"),
    ];

    /// Application layer feedback counts as REMB: nothing else is in use.
    fn of(block: &Block) -> Message {
        match (block.packet_type, block.count) {
            (compound::SR, _) => Message::SenderReport,
            (compound::RR, _) => Message::ReceiverReport,
            (compound::SDES, _) => Message::Description,
            (compound::BYE, _) => Message::Bye,
            (compound::RTPFB, compound::NACK) => Message::Nack,
            (compound::RTPFB, compound::TRANSPORT_CC) => Message::TransportFeedback,
            (compound::PSFB, compound::PLI) => Message::Pli,
            (compound::PSFB, compound::FULL_INTRA) | (compound::FIR, _) => Message::Fir,
            (compound::PSFB, compound::AFB) => Message::Remb,
            _ => Message::Other,
        }
    }
}

/// Why a packet of a peer goes no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    NotReady,
    TooLarge,
    Malformed,
    Unauthentic,
    Replayed,
    UnknownStream,
    NotReceived,
    NotAskedFor,
    Duplicate,
    TooOften,
    PluginBlocks,
}

impl Reason {
    /// In the order of their numbers.
    pub const ALL: [(Reason, &str); 11] = [
        (Reason::NotReady, "not_ready"),
        (Reason::TooLarge, "too_large"),
        (Reason::Malformed, "malformed"),
        (Reason::Unauthentic, "unauthentic"),
        (Reason::Replayed, "replayed"),
        (Reason::UnknownStream, "unknown_stream"),
        (Reason::NotReceived, "not_received"),
        (Reason::NotAskedFor, "not_asked_for"),
        (Reason::Duplicate, "duplicate"),
        (Reason::TooOften, "too_often"),
        (Reason::PluginBlocks, "plugin_blocks"),
    ];
}

impl From<SrtpError> for Reason {
    fn from(why: SrtpError) -> Reason {
        match why {
            SrtpError::Replay => Reason::Replayed,
            SrtpError::Malformed => Reason::Malformed,
            _ => Reason::Unauthentic,
        }
    }
}

/// RTP packets and their bytes, RTX unwrapped, without SRTP's tags.
#[derive(Debug, Default)]
struct Flow {
    packets: Own,
    bytes: Own,
}

#[derive(Debug)]
#[repr(align(128))] // nobody else's writes disturb it
pub struct Counts {
    /// In and out, audio and video.
    rtp: [[Flow; 2]; 2],
    rtcp: [[Own; Message::ALL.len()]; 2],
    /// Packets that peers ask for, and that we ask for.
    nacked: [Own; 2],
    retransmitted: [Own; 2],
    dropped: [Own; Reason::ALL.len()],
    busy_ns: Own,
    /// Datagrams per system call, or per burst of them.
    batches: [Histogram; 2],
    forward: Histogram,
    rtt: Histogram,
    jitter: [Histogram; 2],
    loss: [Histogram; 2],
    ice: Histogram,
    dtls: Histogram,
}

/// µs: from waking up until what followed is sent.
const FORWARD: [u64; 12] = [50, 100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 1_000_000];
/// ms: round trips and jitter.
const TRIP: [u64; 12] = [1, 2, 5, 10, 20, 50, 100, 200, 400, 800, 1600, 3200];
/// ms: until something is up.
const SETUP: [u64; 12] = [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 20_000];
/// 1/256.
const LOSS: [u64; 8] = [0, 1, 3, 5, 13, 26, 51, 128];
const BATCH: [u64; 10] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 1024];

impl Default for Counts {
    fn default() -> Counts {
        let histogram = |bounds: &'static [u64]| move || Histogram::new(bounds);
        let (trip, loss, batch) = (histogram(&TRIP), histogram(&LOSS), histogram(&BATCH));
        Counts {
            rtp: Default::default(),
            rtcp: Default::default(),
            nacked: Default::default(),
            retransmitted: Default::default(),
            dropped: Default::default(),
            busy_ns: Own::default(),
            batches: [batch(), batch()],
            forward: Histogram::new(&FORWARD),
            rtt: trip(),
            jitter: [trip(), trip()],
            loss: [loss(), loss()],
            ice: Histogram::new(&SETUP),
            dtls: Histogram::new(&SETUP),
        }
    }
}

impl Counts {
    #[inline]
    pub fn rtp(&self, direction: Direction, video: bool, bytes: usize) {
        let flow = &self.rtp[direction as usize][usize::from(video)];
        flow.packets.add(1);
        flow.bytes.add(bytes as u64);
    }

    #[inline]
    pub fn rtcp(&self, direction: Direction, block: &Block) {
        self.rtcp[direction as usize][Message::of(block) as usize].add(1);
    }

    /// Packets that somebody asks for again.
    pub fn nacked(&self, direction: Direction, packets: u64) {
        self.nacked[direction as usize].add(packets);
    }

    pub fn retransmitted(&self, direction: Direction) {
        self.retransmitted[direction as usize].add(1);
    }

    #[inline]
    pub fn dropped(&self, why: Reason) {
        self.dropped[why as usize].add(1);
    }

    #[inline]
    pub fn busy(&self, ns: u64) {
        self.busy_ns.add(ns);
    }

    #[inline]
    pub fn batch(&self, direction: Direction, datagrams: u64) {
        if datagrams > 0 {
            self.batches[direction as usize].note(datagrams, 1);
        }
    }

    /// So many datagrams left so long after what caused them was read.
    #[inline]
    pub fn forwarded(&self, us: u64, datagrams: u64) {
        self.forward.note(us, datagrams);
    }

    pub fn rtt(&self, ms: u32) {
        self.rtt.note(ms.into(), 1);
    }

    /// What a report says about a stream that goes in this direction; `lost` in 1/256.
    pub fn report(&self, direction: Direction, jitter_ms: u32, lost: u32) {
        self.jitter[direction as usize].note(jitter_ms.into(), 1);
        self.loss[direction as usize].note(lost.into(), 1);
    }

    /// How long ICE and DTLS took, µs, where they were needed.
    pub fn connected(&self, ice: Option<i64>, dtls: Option<i64>) {
        for (histogram, time) in [(&self.ice, ice), (&self.dtls, dtls)] {
            if let Some(us) = time.and_then(|us| u64::try_from(us).ok()) {
                histogram.note(us / 1000, 1);
            }
        }
    }

    pub fn read(&self) -> Snapshot {
        let both = |histograms: &[Histogram; 2]| histograms.each_ref().map(Histogram::read);
        Snapshot {
            rtp: self.rtp.each_ref().map(|kinds| kinds.each_ref().map(|f| (f.packets.get(), f.bytes.get()))),
            rtcp: self.rtcp.each_ref().map(|kinds| kinds.each_ref().map(Own::get)),
            nacked: self.nacked.each_ref().map(Own::get),
            retransmitted: self.retransmitted.each_ref().map(Own::get),
            dropped: self.dropped.each_ref().map(Own::get),
            busy_ns: self.busy_ns.get(),
            batches: both(&self.batches),
            forward_us: self.forward.read(),
            rtt_ms: self.rtt.read(),
            jitter_ms: both(&self.jitter),
            loss: both(&self.loss),
            ice_ms: self.ice.read(),
            dtls_ms: self.dtls.read(),
        }
    }
}

/// The numbers of one worker, or of several.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// By [`Direction`], audio and video: packets and bytes.
    pub rtp: [[(u64, u64); 2]; 2],
    /// By [`Message`].
    pub rtcp: [[u64; Message::ALL.len()]; 2],
    pub nacked: [u64; 2],
    pub retransmitted: [u64; 2],
    /// By [`Reason`].
    pub dropped: [u64; Reason::ALL.len()],
    pub busy_ns: u64,
    pub batches: [Reading; 2],
    pub forward_us: Reading,
    pub rtt_ms: Reading,
    pub jitter_ms: [Reading; 2],
    /// In 1/256.
    pub loss: [Reading; 2],
    pub ice_ms: Reading,
    pub dtls_ms: Reading,
}

impl Snapshot {
    pub fn and(self, other: &Snapshot) -> Snapshot {
        fn sums<const N: usize>(mut one: [u64; N], other: &[u64; N]) -> [u64; N] {
            one.iter_mut().zip(other).for_each(|(count, more)| *count += more);
            one
        }
        fn both([one_in, one_out]: [Reading; 2], other: &[Reading; 2]) -> [Reading; 2] {
            [one_in.and(&other[0]), one_out.and(&other[1])]
        }
        let mut rtp = self.rtp;
        for (flow, more) in rtp.iter_mut().flatten().zip(other.rtp.iter().flatten()) {
            *flow = (flow.0 + more.0, flow.1 + more.1);
        }
        let [rtcp_in, rtcp_out] = self.rtcp;
        Snapshot {
            rtp,
            rtcp: [sums(rtcp_in, &other.rtcp[0]), sums(rtcp_out, &other.rtcp[1])],
            nacked: sums(self.nacked, &other.nacked),
            retransmitted: sums(self.retransmitted, &other.retransmitted),
            dropped: sums(self.dropped, &other.dropped),
            busy_ns: self.busy_ns + other.busy_ns,
            batches: both(self.batches, &other.batches),
            forward_us: self.forward_us.and(&other.forward_us),
            rtt_ms: self.rtt_ms.and(&other.rtt_ms),
            jitter_ms: both(self.jitter_ms, &other.jitter_ms),
            loss: both(self.loss, &other.loss),
            ice_ms: self.ice_ms.and(&other.ice_ms),
            dtls_ms: self.dtls_ms.and(&other.dtls_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_at_their_numbers() {
        assert!(Message::ALL.iter().enumerate().all(|(index, (message, _))| *message as usize == index));
        assert!(Reason::ALL.iter().enumerate().all(|(index, (reason, _))| *reason as usize == index));
    }

    #[test]
    fn workers_add_up() {
        let (one, other) = (Counts::default(), Counts::default());
        one.rtp(Direction::In, true, 100);
        other.rtp(Direction::In, true, 50);
        other.rtp(Direction::Out, false, 7);
        other.dropped(Reason::Replayed);
        other.forwarded(300, 4);
        one.connected(Some(20_000), None);
        let all = Snapshot::default().and(&one.read()).and(&other.read());
        assert_eq!(all.rtp, [[(0, 0), (2, 150)], [(1, 7), (0, 0)]]);
        assert_eq!(all.dropped[Reason::Replayed as usize], 1);
        assert_eq!((all.forward_us.sum, all.forward_us.counts[3]), (1200, 4));
        assert_eq!((all.ice_ms.sum, all.dtls_ms.sum), (20, 0));
    }
}
