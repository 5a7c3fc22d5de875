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
        while let Some(Reverse((entry, index))) = self.timers.peek().copied()
            && !self.is_due(entry, index)
        {
            self.timers.pop();
            self.queue_anew(entry, index);
        }
        let of_seats = self.timers.peek().map(|Reverse((due, _))| due.latest);
        let of_stun = self.reflexive.as_ref().map(Reflexive::due);
        let of_relay = self.relay.due();
        let of_frame = self.gathering_since.map(|since| since + GATHER);
        let of_tcp = self.tcp.as_ref().and_then(|tcp| tcp.next_timeout());
        of_seats.into_iter().chain(of_stun).chain(of_relay).chain(of_frame).chain(of_tcp).min()
    }

    fn is_due(&self, entry: Due, index: u32) -> bool {
        let seat = self.seats.get(index as usize).and_then(Option::as_ref);
        seat.is_some_and(|seat| seat.queued == Some(entry) && seat.due == Some(entry))
    }

    /// In place of an entry that is gone, if that was the one that counted.
    fn queue_anew(&mut self, gone: Due, index: u32) {
        if let Some(Some(seat)) = self.seats.get_mut(index as usize)
            && seat.queued == Some(gone)
        {
            seat.queued = seat.due;
            self.timers.extend(seat.due.map(|due| Reverse((due, index))));
        }
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
        while let Some(Reverse((entry, index))) = self.timers.peek().copied() {
            if entry.at > self.clock.instant {
                break;
            }
            self.timers.pop();
            if !self.is_due(entry, index) {
                self.queue_anew(entry, index);
            } else {
                if let Some(seat) = &mut self.seats[index as usize] {
                    (seat.due, seat.queued) = (None, None);
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
