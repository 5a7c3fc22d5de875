//! Arrival times of packets with a transport-wide sequence number, until they are reported
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01). The peer uses only their differences, so they are monotonic.

use super::Micros;

/// Beyond this many between two reports, packets are not noted.
const MAX_PENDING: usize = 8192;
/// A larger gap than this is a restart of the numbering, not loss.
const MAX_GAP: i64 = 4000;
/// Statuses in one feedback message.
pub const MAX_STATUSES: usize = 400;

#[derive(Debug, Default)]
pub struct Arrivals {
    /// Number without wrap, arrival (monotonic).
    pending: Vec<(i64, Micros)>,
    /// Highest number ever, without wrap; starts at the first one.
    highest: Option<i64>,
    reported: Option<i64>,
    /// For [`Arrivals::report`], kept for its memory.
    statuses: Vec<(u16, Micros)>,
    /// Feedback message counter.
    pub(in crate::media) feedback: u8,
}

impl Arrivals {
    pub fn note(&mut self, sequence: u16, arrival: Micros) {
        let number = match self.highest {
            None => i64::from(sequence),
            Some(highest) => highest + i64::from(sequence.wrapping_sub(highest as u16) as i16),
        };
        self.highest = self.highest.max(Some(number));
        if self.pending.len() < MAX_PENDING {
            self.pending.push((number, arrival));
        }
    }

    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Forgets what is pending, because nobody can be told.
    pub fn discard(&mut self) {
        self.pending.clear();
    }

    /// Hands out everything not reported yet, in runs of at most [`MAX_STATUSES`] consecutive numbers: number, and
    /// arrival (0 = not received). Each number is reported once (MP-197).
    pub fn report(&mut self, mut emit: impl FnMut(u8, &[(u16, Micros)])) {
        self.pending.sort_unstable();
        for at in 0..self.pending.len() {
            let (number, arrival) = self.pending[at];
            let next = match self.reported {
                Some(reported) if number <= reported => continue,
                Some(reported) if number - reported <= MAX_GAP => reported + 1,
                _ => {
                    // A new run of numbers does not continue the message of the old one.
                    Self::flush(&mut self.statuses, &mut self.feedback, &mut emit);
                    number
                }
            };
            for missing in next..number {
                self.push(missing, 0, &mut emit);
            }
            self.push(number, arrival, &mut emit);
            self.reported = Some(number);
        }
        self.pending.clear();
        Self::flush(&mut self.statuses, &mut self.feedback, &mut emit);
    }

    fn push(&mut self, number: i64, arrival: Micros, emit: &mut impl FnMut(u8, &[(u16, Micros)])) {
        self.statuses.push((number as u16, arrival));
        if self.statuses.len() == MAX_STATUSES {
            Self::flush(&mut self.statuses, &mut self.feedback, emit);
        }
    }

    fn flush(
        statuses: &mut Vec<(u16, Micros)>,
        feedback: &mut u8,
        emit: &mut impl FnMut(u8, &[(u16, Micros)]),
    ) {
        // A message without a received packet has no reference time.
        if statuses.iter().any(|(_, arrival)| *arrival != 0) {
            emit(*feedback, statuses);
            *feedback = feedback.wrapping_add(1);
        }
        statuses.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(arrivals: &mut Arrivals) -> Vec<(u8, Vec<(u16, Micros)>)> {
        let mut messages = Vec::new();
        arrivals.report(|feedback, statuses| messages.push((feedback, statuses.to_vec())));
        messages
    }

    // MP-196, MP-197
    #[test]
    fn reports_each_number_once_with_gaps_filled() {
        let mut arrivals = Arrivals::default();
        assert!(report(&mut arrivals).is_empty());
        for (sequence, at) in [(65534, 1), (1, 4), (65535, 2), (1, 5)] {
            arrivals.note(sequence, at);
        }
        assert_eq!(report(&mut arrivals), [(0, vec![(65534, 1), (65535, 2), (0, 0), (1, 4)])]);
        arrivals.note(0, 6);
        assert!(report(&mut arrivals).is_empty());
        arrivals.note(3, 7);
        assert_eq!(report(&mut arrivals), [(1, vec![(2, 0), (3, 7)])]);
    }

    #[test]
    fn long_reports_are_split_and_jumps_are_not_filled() {
        let mut arrivals = Arrivals::default();
        for sequence in 0..500 {
            arrivals.note(sequence, 1);
        }
        arrivals.note(10_000, 2);
        let messages = report(&mut arrivals);
        let lengths: Vec<_> =
            messages.iter().map(|(feedback, statuses)| (*feedback, statuses.len())).collect();
        assert_eq!(lengths, [(0, 400), (1, 100), (2, 1)]);
        assert_eq!(messages[2].1, [(10_000, 2)]);
    }
}
