//! What one PeerConnection may have waiting for its worker, so that a plugin that asks without end fills no memory.
#![forbid(unsafe_code)]

use crate::media::types::{Command, MediumConfig, Mindex};
use crate::util::seldom::Seldom;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// Bytes of data messages and RTCP that may wait, with [`ENTRY`] for each of them. One packet always may.
const MOST_BYTES: usize = 4 << 20;
/// Least cost of something that waits.
const ENTRY: usize = 256;
/// The bit of `pli` that stands for every video medium; those below are mindexes.
const EVERY: Mindex = 63;
const NO_REMB: u64 = u64::MAX;

/// Requests for a key frame and for a bit rate merge, the rest is counted. No locks but for a line in the log.
pub struct Intake {
    /// Of the handle, for the log.
    id: u64,
    /// Media that are to send a key frame.
    pli: AtomicU64,
    /// The last bit rate asked for.
    remb: AtomicU64,
    /// A job that takes the two waits.
    asked: AtomicBool,
    /// Commands waiting that change what the PeerConnection is.
    changes: AtomicUsize,
    /// What they take.
    change_bytes: AtomicUsize,
    /// See [`MOST_BYTES`].
    bytes: AtomicUsize,
    dropped: AtomicU64,
    line: Seldom,
}

/// What is to happen with a command.
pub enum Entry {
    /// It waits on its own; [`Intake::leave`] is owed this cost.
    Single(Command, Cost),
    /// Merged, and nobody has asked the worker to look yet.
    First,
    /// Merged into what waits already, or too much.
    Nothing,
}

/// What a waiting command counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// So many bytes, as all others.
    Change(usize),
    Bytes(usize),
    Free,
}

impl Intake {
    pub fn new(id: u64) -> Intake {
        Intake {
            id,
            pli: AtomicU64::new(0),
            remb: AtomicU64::new(NO_REMB),
            asked: AtomicBool::new(false),
            changes: AtomicUsize::new(0),
            change_bytes: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            dropped: AtomicU64::new(0),
            line: Seldom::default(),
        }
    }

    /// For the log.
    pub fn handle_id(&self) -> u64 {
        self.id
    }

    pub fn enter(&self, command: Command) -> Entry {
        match command {
            Command::SendPli { mindex: None } => self.merge_pli(EVERY),
            Command::SendPli { mindex: Some(mindex) } if (0..EVERY).contains(&mindex) => {
                self.merge_pli(mindex)
            }
            Command::SendRemb { bitrate } => {
                self.remb.store(bitrate.into(), Ordering::Release);
                self.ask()
            }
            Command::SendPli { .. } => self.counted(command, 0),
            Command::RelayRtcp { ref packet, .. } => {
                let len = packet.len();
                self.counted(command, len)
            }
            Command::RelayData { ref message, ref label, ref protocol, .. } => {
                let texts = [label, protocol].map(|text| text.as_ref().map_or(0, String::len));
                let len = message.len() + texts[0] + texts[1];
                self.counted(command, len)
            }
            // Nothing that is merged is to wait for it.
            Command::Hangup(_) => Entry::Single(command, Cost::Free),
            // Bounded by whoever sends, who learns what has gone.
            Command::Channel(_) => Entry::Single(command, Cost::Free),
            _ => {
                let bytes = ENTRY + more_than_its_entry(&command);
                self.changes.fetch_add(1, Ordering::AcqRel);
                self.change_bytes.fetch_add(bytes, Ordering::AcqRel);
                Entry::Single(command, Cost::Change(bytes))
            }
        }
    }

    fn merge_pli(&self, bit: Mindex) -> Entry {
        self.pli.fetch_or(1 << bit, Ordering::Release);
        self.ask()
    }

    /// After what is asked for was written down.
    fn ask(&self) -> Entry {
        if self.asked.swap(true, Ordering::AcqRel) { Entry::Nothing } else { Entry::First }
    }

    fn counted(&self, command: Command, len: usize) -> Entry {
        let cost = len + ENTRY;
        let more = |waiting: usize| (waiting == 0 || waiting + cost <= MOST_BYTES).then_some(waiting + cost);
        if self.bytes.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).is_ok() {
            return Entry::Single(command, Cost::Bytes(cost));
        }
        self.dropped.fetch_add(1, Ordering::Relaxed);
        if let Some(count) = self.line.one_more() {
            tracing::warn!(
                handle = self.id,
                "{count} data messages or RTCP packets of the plugin dropped: {MOST_BYTES} bytes are waiting already"
            );
        }
        Entry::Nothing
    }

    /// A command of its own waits no longer.
    pub fn leave(&self, cost: Cost) {
        match cost {
            Cost::Change(bytes) => {
                self.changes.fetch_sub(1, Ordering::AcqRel);
                self.change_bytes.fetch_sub(bytes, Ordering::AcqRel);
            }
            Cost::Bytes(bytes) => drop(self.bytes.fetch_sub(bytes, Ordering::AcqRel)),
            Cost::Free => {}
        }
    }

    /// Whether changes wait that what is merged may have been asked for after.
    pub fn must_wait(&self) -> bool {
        self.changes.load(Ordering::Acquire) > 0
    }

    /// Changes waiting, and what they take. They are not bounded here: who asks for one learns it before
    /// ([`Peer::changes_waiting`](crate::media::Peer::changes_waiting)).
    pub fn changes(&self) -> (usize, usize) {
        (self.changes.load(Ordering::Acquire), self.change_bytes.load(Ordering::Acquire))
    }

    /// What was merged until now. What is asked for from here on needs another look.
    pub fn take(&self) -> impl Iterator<Item = Command> + use<> {
        self.asked.swap(false, Ordering::AcqRel);
        let (pli, remb) = (self.pli.swap(0, Ordering::AcqRel), self.remb.swap(NO_REMB, Ordering::AcqRel));
        let bits = (0..=EVERY).filter(move |bit| pli & (1 << bit) != 0);
        let plis = bits.map(|bit| Command::SendPli { mindex: (bit != EVERY).then_some(bit) });
        plis.chain(u32::try_from(remb).ok().map(|bitrate| Command::SendRemb { bitrate }))
    }

    /// Bytes of data and RTCP waiting, and how many packets there was no room for.
    pub fn figures(&self) -> (usize, u64) {
        (self.bytes.load(Ordering::Relaxed), self.dropped.load(Ordering::Relaxed))
    }
}

/// Media are as many as a description has m-lines.
fn more_than_its_entry(command: &Command) -> usize {
    let Command::SetMedia(media) = command else { return 0 };
    let lists = |medium: &MediumConfig| {
        medium.clock_rates.len() * 8 + medium.rtx_payload_types.len() * 2 + medium.codecs.len() * 48
    };
    media.iter().map(|medium| size_of::<MediumConfig>() + medium.mid.len() + lists(medium)).sum()
}

#[cfg(test)]
#[path = "intake_tests.rs"]
mod tests;
