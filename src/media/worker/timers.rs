//! When PeerConnections want to be woken.
#![forbid(unsafe_code)]

use super::core::Core;
use super::outgoing::GATHER;
use crate::media::ice::reflexive::Reflexive;
use std::cmp::Reverse;
use std::time::{Duration, Instant};

/// How late the timers of a connection that is up may be, when nothing else wakes the worker in between: each time it wakes
/// costs as much as ten packets, and where media flows it wakes for every frame anyway (reports: 1 s; feedback: 200 ms, and
/// only about packets, which wake it; data channels: 200 ms and more; consent: seconds).
const SLACK: Duration = Duration::from_millis(40);
/// The same while it is being set up (ICE checks: 50 ms; DTLS: 100 ms).
const SETUP_SLACK: Duration = Duration::from_millis(5);
/// Checks whose answers are waited for, on one worker.
const MAX_TRANSACTIONS: usize = 16_384;
/// An answer that comes later is not recognised.
const TRANSACTION_LIFE: Duration = Duration::from_secs(30);

/// When a PeerConnection wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Due {
    /// First, as it decides for how long the worker may sleep.
    latest: Instant,
    at: Instant,
}

impl Due {
    /// The connection `is_up`, or is being set up.
    pub fn new(at: Instant, is_up: bool) -> Due {
        Due { latest: at + if is_up { SLACK } else { SETUP_SLACK }, at }
    }
}

impl Core {
    /// When the worker has to be awake again.
    pub fn next_timeout(&mut self) -> Option<Instant> {
        while let Some(Reverse((due, index))) = self.timers.peek().copied()
            && !self.counts(due, index)
        {
            self.timers.pop();
        }
        let of_seats = self.timers.peek().map(|Reverse((due, _))| due.latest);
        let of_stun = self.reflexive.as_ref().map(Reflexive::due);
        let of_frame = self.gathering_since.map(|since| since + GATHER);
        of_seats.into_iter().chain(of_stun).chain(of_frame).min()
    }

    /// Others are stale.
    fn counts(&self, due: Due, index: u32) -> bool {
        self.seats.get(index as usize).is_some_and(|s| s.as_ref().is_some_and(|s| s.due == Some(due)))
    }

    pub fn run_timers(&mut self) {
        self.ask_stun_server();
        while let Some(Reverse((due, index))) = self.timers.peek().copied() {
            if due.at > self.clock.instant {
                break;
            }
            self.timers.pop();
            if self.counts(due, index) {
                if let Some(seat) = &mut self.seats[index as usize] {
                    seat.due = None;
                }
                self.step(index, |connection, clock, batch| connection.handle_timeout(clock, batch));
            }
        }
        while let Some((sent, id)) = self.transaction_ages.front() {
            if self.clock.instant.saturating_duration_since(*sent) < TRANSACTION_LIFE
                && self.transaction_ages.len() <= MAX_TRANSACTIONS
            {
                break;
            }
            self.transactions.remove(id);
            self.transaction_ages.pop_front();
        }
    }
}
