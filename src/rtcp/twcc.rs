//! Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1;
//! helpers.md §8.3).

use super::compound::set_word;

/// One packet of the reported range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Transport-wide sequence number; the low 16 bits count.
    pub sequence: u32,
    /// µs on any clock; 0: not received.
    pub time: u64,
}

/// Longest run a chunk can tell.
const RUN_MAX: usize = 0x1fff;
/// Microseconds per unit of a delta, and per unit of the reference time.
const DELTA_UNIT: i64 = 250;
const REFERENCE_UNIT: i64 = 64_000;

/// Writes one feedback message about consecutive packets and returns its length, a multiple of 4. `number` counts
/// the messages. `None`: no packets, or the buffer is too small (HL-156, HL-158, HL-159).
pub fn build(
    buffer: &mut [u8],
    sender: u32,
    media: u32,
    number: u8,
    arrivals: impl Iterator<Item = Arrival> + Clone,
) -> Option<usize> {
    let first = arrivals.clone().next()?;
    let reference = arrivals.clone().find(|a| a.time > 0).map_or(0, |a| a.time as i64 / REFERENCE_UNIT);
    let deltas = Deltas { arrivals, last: reference * REFERENCE_UNIT };
    let mut out = Output { buffer, at: 20 };
    let mut chunks = Chunks::default();
    let mut count = 0u16;
    for delta in deltas.clone() {
        count = count.wrapping_add(1);
        chunks.push(status(delta), &mut out)?;
    }
    chunks.finish(&mut out)?;
    for delta in deltas.flatten() {
        match status(Some(delta)) {
            1 => out.bytes(&[delta as u8])?,
            _ => out.bytes(&saturate(delta).to_be_bytes())?,
        }
    }
    while !out.at.is_multiple_of(4) {
        out.bytes(&[0])?;
    }
    let length = out.at;
    let head = buffer.get_mut(..20)?;
    set_word(head, 0, 0x8fcd_0000 | (length as u32 / 4 - 1));
    set_word(head, 4, sender);
    set_word(head, 8, media);
    set_word(head, 12, (first.sequence << 16) | u32::from(count));
    set_word(head, 16, ((reference as u32 & 0x7f_ffff) << 8) | u32::from(number));
    Some(length)
}

/// The change of arrival time to the last received packet, in units of 250 µs; `None` for a lost packet.
#[derive(Clone)]
struct Deltas<I> {
    arrivals: I,
    last: i64,
}

impl<I: Iterator<Item = Arrival>> Iterator for Deltas<I> {
    type Item = Option<i64>;

    fn next(&mut self) -> Option<Option<i64>> {
        let arrival = self.arrivals.next()?;
        Some((arrival.time > 0).then(|| {
            let time = arrival.time as i64;
            let delta = time.wrapping_sub(self.last) / DELTA_UNIT;
            // What rounding leaves out counts in the next delta, so that the sum stays true.
            self.last = self.last.wrapping_add(delta * DELTA_UNIT);
            delta
        }))
    }
}

/// 0 lost, 1 a delta of one byte, 2 of two.
fn status(delta: Option<i64>) -> u8 {
    match delta {
        None => 0,
        Some(0..=255) => 1,
        Some(_) => 2,
    }
}

fn saturate(delta: i64) -> i16 {
    i16::try_from(delta).unwrap_or_else(|_| {
        tracing::error!("Transport-wide delta out of range: {delta}");
        if delta > 0 { i16::MAX } else { i16::MIN }
    })
}

struct Output<'a> {
    buffer: &'a mut [u8],
    at: usize,
}

impl Output<'_> {
    fn bytes(&mut self, bytes: &[u8]) -> Option<()> {
        self.buffer.get_mut(self.at..self.at + bytes.len())?.copy_from_slice(bytes);
        self.at += bytes.len();
        Some(())
    }
}

/// Statuses that are not written yet: `len` equal ones, or at most 14 mixed ones.
#[derive(Default)]
struct Chunks {
    queue: [u8; 14],
    len: usize,
    mixed: bool,
}

impl Chunks {
    fn push(&mut self, status: u8, out: &mut Output<'_>) -> Option<()> {
        let differs = self.len > 0 && status != self.queue[0];
        if !self.mixed && ((differs && self.len > 7) || self.len == RUN_MAX) {
            self.run(out)?;
        }
        self.mixed |= self.len > 0 && status != self.queue[0];
        if self.len < 14 {
            self.queue[self.len] = status;
        }
        self.len += 1;
        if self.mixed && self.len > 6 && self.queue[..self.len].contains(&2) {
            self.vector_of_seven(out)?;
        } else if self.mixed && self.len > 13 {
            self.vector_of_fourteen(out)?;
        }
        Some(())
    }

    fn finish(&mut self, out: &mut Output<'_>) -> Option<()> {
        while self.len > 0 {
            if !self.mixed {
                self.run(out)?;
            } else if self.queue[..self.len].contains(&2) {
                self.vector_of_seven(out)?;
            } else {
                self.vector_of_fourteen(out)?;
            }
        }
        Some(())
    }

    fn run(&mut self, out: &mut Output<'_>) -> Option<()> {
        let chunk = (u16::from(self.queue[0]) << 13) | self.len as u16;
        self.len = 0;
        out.bytes(&chunk.to_be_bytes())
    }

    fn vector_of_seven(&mut self, out: &mut Output<'_>) -> Option<()> {
        let symbols = self.take(7);
        let chunk = symbols[..7].iter().fold(0b11, |chunk, status| (chunk << 2) | u16::from(*status));
        out.bytes(&chunk.to_be_bytes())
    }

    fn vector_of_fourteen(&mut self, out: &mut Output<'_>) -> Option<()> {
        let symbols = self.take(14);
        let chunk = symbols.iter().fold(0b10, |chunk, status| (chunk << 1) | u16::from(*status));
        out.bytes(&chunk.to_be_bytes())
    }

    /// The first `count` statuses, the missing ones 0; the others move up.
    fn take(&mut self, count: usize) -> [u8; 14] {
        let mut taken = [0; 14];
        let present = self.len.min(count);
        taken[..present].copy_from_slice(&self.queue[..present]);
        self.queue.copy_within(present..self.len, 0);
        self.len -= present;
        self.mixed = self.queue[..self.len].iter().any(|status| *status != self.queue[0]);
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::super::compound::tests::hex;
    use super::*;

    fn feedback(times: &[u64]) -> String {
        let mut buffer = [0xee; 1500];
        let arrivals = times.iter().zip(10..).map(|(time, sequence)| Arrival { sequence, time: *time });
        let length = build(&mut buffer, 0x1111_1111, 0x2222_2222, 5, arrivals).unwrap();
        hex(&buffer[..length])
    }

    // HL-156, observed
    #[test]
    fn observed_bytes() {
        let times = [1_000_000, 1_000_250, 0, 1_010_000, 1_010_000, 0, 0, 1_100_000];
        let expected = "8fcd00071111111122222222000a000800000f05d4504001a001270001680000";
        assert_eq!(feedback(&times), expected);
    }

    // HL-158, HL-159, observed
    #[test]
    fn more_observed_bytes() {
        let tail = |times: &[u64]| feedback(times)[32..].to_owned();
        assert_eq!(tail(&[1_000_000, 999_900, 999_649, 1_000_000]), "00000f05d640a000ffff0100");
        let runs: Vec<u64> = (0..20).map(|i| if i < 10 { 0 } else { 64_000 + i * 100_000 }).collect();
        assert_eq!(&tail(&runs)[..24], "00001005000adaaa4003a001");
        let late = |i: u64| if i == 13 { 6_400_000 } else { 64_000 * u64::from(!i.is_multiple_of(3)) };
        assert_eq!(&tail(&(0..20).map(late).collect::<Vec<_>>())[8..20], "c514d452e144");
        assert_eq!(tail(&[0; 5]), "0000000500050000");
        assert_eq!(tail(&[64_000, 64_000_000]), "00000105d800007fff000000");
    }

    #[test]
    fn rounding_does_not_add_up() {
        let times: Vec<u64> = (0..6).map(|i| 1_000_000 + i * 249).collect();
        assert_eq!(&feedback(&times)[40..], "2006a00001010101");
    }

    /// Times come from plugins: any value.
    #[test]
    fn absurd_times_do_no_harm() {
        let times = [1, 10 << 58, 10 << 60, 1 << 63, u64::MAX, 1];
        assert_eq!(feedback(&times).len() % 8, 0);
    }

    // HL-158
    #[test]
    fn long_runs_are_run_lengths() {
        let mut times = [64_000; 9];
        times[8] = 0;
        // Eight of status 1, one of status 0.
        assert_eq!(&feedback(&times)[32..48], "0000010520080001");
        let lost = feedback(&[0; 300]);
        assert_eq!(&lost[24..], "000a012c00000005012c0000");
    }

    // HL-159
    #[test]
    fn negative_deltas_take_two_bytes() {
        // Deltas 0, −4, 4: statuses 1, 2, 1.
        let bytes = feedback(&[64_000, 63_000, 64_000]);
        assert_eq!(&bytes[40..], "d90000fffc040000");
    }

    #[test]
    fn mixed_statuses() {
        // Fourteen of 0 and 1 in one vector, then a tail.
        let times: Vec<u64> = (0..16).map(|n| if n % 2 == 0 { 64_000 } else { 0 }).collect();
        assert_eq!(&feedback(&times)[40..48], "aaaaa000");
        // Seven equal ones and a two: a vector of seven, then a run of one.
        let mut times = [64_000; 8];
        times[7] = 6_400_000;
        assert_eq!(&feedback(&times)[40..48], "d5554001");
    }

    #[test]
    fn limits() {
        let all = |n: usize| std::iter::repeat_n(Arrival { sequence: 1, time: 64_000 }, n);
        assert_eq!(build(&mut [0; 64], 0, 0, 0, all(0)), None);
        for room in 0..64 {
            let needed = 20 + 2 + 20 + 2;
            assert_eq!(build(&mut vec![0; room], 0, 0, 0, all(20)).is_some(), room >= needed, "{room}");
        }
        let mut big = vec![0; 20000];
        assert_eq!(build(&mut big, 0, 0, 0, all(9000)), Some(20 + 4 + 9000));
        assert_eq!(hex(&big[20..24]), "3fff2329");
    }
}
