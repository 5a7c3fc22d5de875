//! When PeerConnections want to be woken.
#![forbid(unsafe_code)]

use super::core::Core;
use super::due::Due;
use super::outgoing::GATHER;
use crate::media::ice::reflexive::Reflexive;
use std::cmp::Reverse;
use std::time::{Duration, Instant};

/// Checks whose answers are waited for, on one worker.
const MAX_TRANSACTIONS: usize = 16_384;
/// An answer that comes later is not recognised.
const TRANSACTION_LIFE: Duration = Duration::from_secs(30);

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
        let of_relay = self.relay.due();
        let of_frame = self.gathering_since.map(|since| since + GATHER);
        let of_tcp = self.tcp.as_ref().and_then(|tcp| tcp.next_timeout());
        of_seats.into_iter().chain(of_stun).chain(of_relay).chain(of_frame).chain(of_tcp).min()
    }

    /// Others are stale.
    fn counts(&self, due: Due, index: u32) -> bool {
        self.seats.get(index as usize).is_some_and(|s| s.as_ref().is_some_and(|s| s.due == Some(due)))
    }

    pub fn run_timers(&mut self) {
        self.ask_stun_server();
        if let Some(tcp) = &mut self.tcp {
            tcp.run_timers(self.clock.instant);
            self.tell_of_tcp();
        }
        if self.relay.due().is_some_and(|due| due <= self.clock.instant) {
            self.run_relay();
        }
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
