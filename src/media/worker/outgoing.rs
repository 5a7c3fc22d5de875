//! The way of packets from plugins: noted down receiver by receiver, written into the batch, handed to the kernel.
#![forbid(unsafe_code)]

use super::core::{Core, Seat};
use super::handle::WorkerHandle;
use super::tcp::Figures;
use crate::media::address::{Addressee, Urgency};
use crate::media::clock::Clock;
use crate::media::counts::Direction;
use crate::media::peer::{MOST_AT_ONCE, STEPS};
use crate::media::streams::Parts;
use crate::util::lock::packet_path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long part of a frame may wait for the rest of it, so that both leave in one train. With the time that a worker
/// takes to wake up it stays below 1 ms.
pub(super) const GATHER: Duration = Duration::from_micros(700);
/// By how much the time may step on while packets are pending, µs. The store keeps their payloads ten times as long.
const STEP: i64 = 3_000;
/// Packets for other workers after which they are woken at once instead of at the end of the turn.
const MANY: usize = 512;

impl Core {
    /// Tells the time. When the worker was kept from its work, what is pending leaves first: by the new time its
    /// payloads might be old enough to be overwritten.
    pub fn set_clock(&mut self, clock: Clock) {
        if clock.mono - self.clock.mono > STEP && !self.pending.is_empty() {
            packet_path(|| self.flush());
        }
        self.clock = clock;
    }

    /// A packet that a plugin sends. It is written with the others for the same receiver.
    pub fn relay(&mut self, to: Addressee, packet: &Parts<'_>, urgency: Urgency) {
        if self.pending.is_full() {
            self.flush();
        }
        if self.pending.has_seat(to)
            && let Some((packet, content)) = packet.stored(&mut self.store.borrow_mut(), self.clock.mono)
        {
            self.pending.push(to.seat, packet, &content, urgency);
        }
    }

    /// Writes what is pending for one receiver.
    pub(super) fn write_pending(&mut self, index: u32) {
        while self.pending.has_more(index) {
            self.make_room(MOST_AT_ONCE);
            let packets = self.pending.take(index).take(MOST_AT_ONCE);
            match self.seats.get_mut(index as usize) {
                Some(Some(seat)) => {
                    self.busy = Some(index);
                    seat.connection.send_rtp(self.clock, packets, &mut self.batch);
                    self.busy = None;
                }
                _ => packets.for_each(drop),
            }
        }
    }

    /// Another worker was given a packet. It is told once for many.
    pub fn owe(&mut self, worker: &Arc<WorkerHandle>) {
        if !self.owed.iter().any(|known| known.id == worker.id) {
            self.owed.push(worker.clone());
        }
        self.owed_packets += 1;
        if self.owed_packets == MANY {
            self.tell_workers();
        }
    }

    /// Wakes those who were given packets.
    pub fn tell_workers(&mut self) {
        self.owed_packets = 0;
        for worker in self.owed.drain(..) {
            worker.bell.ring(true);
        }
    }

    /// Parts of frames are waiting for the rest.
    pub fn is_gathering(&self) -> bool {
        self.gathering_since.is_some()
    }

    /// At the end of a turn: sends what there is, unless all of it may wait for more.
    pub fn flush_if_due(&mut self) {
        if self.batch.is_empty() && !self.pending.is_empty() && !self.pending.is_urgent() {
            let since = *self.gathering_since.get_or_insert(self.clock.instant);
            if since.elapsed() < GATHER {
                return;
            }
        }
        self.flush();
    }

    /// Writes what is pending, receiver by receiver, and sends everything.
    pub fn flush(&mut self) {
        let since = self.gathering_since.take().unwrap_or(self.clock.instant);
        self.sent_since.get_or_insert(since);
        let mut next = 0;
        while let Some(index) = self.pending.seat(next) {
            next += 1;
            for to_go in 1..=STEPS {
                if let Some(seat) = self.upcoming(next - 1 + to_go) {
                    seat.connection.fetch_ahead(to_go);
                }
            }
            self.write_pending(index);
            if self.batch.is_portion() {
                self.transmit();
            }
        }
        self.pending.clear();
        self.transmit();
    }

    /// The `next`-th receiver of what is pending.
    fn upcoming(&self, next: usize) -> Option<&Seat> {
        self.seats.get(self.pending.seat(next)? as usize)?.as_deref()
    }

    /// Sends what has been written.
    fn transmit(&mut self) {
        if self.batch.is_empty() {
            if let Some(tcp) = &mut self.tcp {
                tcp.end_closed();
            }
            return;
        }
        self.frame_relayed();
        let before = self.transmitter.sent;
        for socket in &mut self.sockets {
            self.transmitter.send(&self.batch, socket);
        }
        let mut by_tcp = Figures::default();
        if let Some(tcp) = &mut self.tcp {
            tcp.send(&self.batch);
            tcp.end_closed();
            by_tcp = tcp.figures;
        }
        self.batch.clear();
        self.handle.counts.batch(Direction::Out, self.transmitter.sent - before);
        let (traffic, transmitter) = (&self.handle.traffic, &self.transmitter);
        let by_relay = self.relay.figures;
        traffic.sent.store(transmitter.sent + by_tcp.sent + by_relay.sent, Ordering::Relaxed);
        traffic.send_calls.store(transmitter.calls + by_tcp.calls + by_relay.calls, Ordering::Relaxed);
        traffic.dropped.store(
            transmitter.dropped
                + by_tcp.dropped
                + by_relay.dropped
                + self.batch.refused()
                + self.handle.ring.dropped(),
            Ordering::Relaxed,
        );
    }

    pub(super) fn make_room(&mut self, packets: usize) {
        if self.batch.room() < packets {
            self.transmit();
        }
    }
}
