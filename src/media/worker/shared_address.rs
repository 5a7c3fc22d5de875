//! Packets from an address that several PeerConnections were reached from.
#![forbid(unsafe_code)]

use super::core::{Core, Delivery};
use super::owners::TRIALS;
use crate::media::clock::Clock;
use crate::media::peer::{Fit, Room};
use crate::media::types::LARGEST_RTP;
use std::net::SocketAddr;

/// DTLS records of these types belong to no handshake.
const ALERT: u8 = 21;
const DATA: u8 = 23;
/// Where a record has its epoch.
const EPOCH: std::ops::Range<usize> = 3..5;

impl Core {
    /// SRTP and SRTCP: those that know the SSRC are tried first, then those whose packets came last, until the keys of
    /// one open it.
    pub(super) fn media_of_several<'a>(
        &mut self,
        from: SocketAddr,
        arrived: Clock,
        bytes: &mut [u8],
        room: &'a mut Room,
    ) -> Option<Delivery<'a>> {
        if bytes.len() > LARGEST_RTP {
            return None;
        }
        let at = if (64..96).contains(&(bytes.get(1)? & 0x7F)) { 4 } else { 8 };
        let ssrc = u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?);
        let several = self.owners.several(&from);
        let ready = |seat: &u32| self.connection(*seat).is_some_and(|c| c.is_ready());
        let knows = |seat: &u32| self.connection(*seat).is_some_and(|c| c.knows(ssrc));
        let seats = several.seats().iter().filter(|seat| ready(seat));
        let knowing = seats.clone().filter(|seat| knows(seat));
        let mut trials = [None; TRIALS];
        let ordered = knowing.chain(seats.clone().filter(|seat| !knows(seat)));
        trials.iter_mut().zip(ordered).for_each(|(trial, seat)| *trial = Some(*seat));
        let mut copy = [0; LARGEST_RTP];
        let copy = &mut copy[..bytes.len()];
        let index = trials.into_iter().flatten().find(|seat| {
            // A cipher that fails may leave anything behind.
            copy.copy_from_slice(bytes);
            self.connection(*seat).is_some_and(|connection| connection.opens(copy))
        })?;
        self.owners.prefer(from, index);
        self.media_of(index, from, arrived, bytes, room)
    }

    /// DTLS: what belongs to a handshake goes to the one that it fits best, one handshake at a time; everything else to
    /// those whose packets came last, until it was authentic.
    pub(super) fn dtls_of_several(&mut self, from: SocketAddr, bytes: &[u8]) {
        let several = self.owners.several(&from);
        let now = self.clock.instant;
        let again = |seat: &&u32| self.connection(**seat).is_some_and(|c| c.heard_before(bytes));
        if let Some(seat) = several.seats().iter().find(again) {
            return self.dtls_of(*seat, from, bytes);
        }
        let is_clear = bytes.get(EPOCH) == Some(&[0, 0]);
        if (!is_clear && self.is_opened_by_one(from, bytes)) || matches!(bytes.first(), Some(&(ALERT | DATA)))
        {
            return;
        }
        let fits = several.seats().iter().filter_map(|seat| {
            let fit = self.connection(*seat)?.fits(now, from, bytes)?;
            Some((fit, *seat))
        });
        match fits.min_by_key(|(fit, _)| *fit) {
            Some((Fit::Running | Fit::Moved, seat)) => self.shake(seat, from, bytes),
            // It comes again when the one that runs is through.
            Some(_) if several.seats().iter().any(|seat| self.shakes_hands(*seat, from)) => {}
            Some((_, seat)) => self.shake(seat, from, bytes),
            None => {}
        }
    }

    /// Gives a sealed record to those that are connected, those first whose packets came last, until it was authentic.
    fn is_opened_by_one(&mut self, from: SocketAddr, bytes: &[u8]) -> bool {
        let several = self.owners.several(&from);
        let connected = |seat: &&u32| self.connection(**seat).is_some_and(|c| c.is_ready());
        let mut trials = [None; TRIALS];
        let ordered = several.seats().iter().filter(connected);
        trials.iter_mut().zip(ordered).for_each(|(trial, seat)| *trial = Some(*seat));
        for seat in trials.into_iter().flatten() {
            self.dtls_of(seat, from, bytes);
            if self.connection(seat).is_some_and(|connection| connection.was_authentic()) {
                self.owners.prefer(from, seat);
                return true;
            }
        }
        false
    }

    /// A datagram of a handshake that was taken for this PeerConnection's. Only the certificate tells whose it was.
    fn shake(&mut self, index: u32, from: SocketAddr, bytes: &[u8]) {
        let mut is_stray = false;
        let several = self.owners.several(&from);
        let announces = |seat: &u32| self.connection(*seat).and_then(|c| c.is_announced_in(bytes));
        let of_owner = several.seats().iter().any(|seat| announces(seat) == Some(true));
        self.step(index, |connection, clock, batch| {
            is_stray = connection.dtls_from_shared(clock, from, bytes, of_owner, batch);
        });
        if !is_stray {
            return;
        }
        let Some(mut seat) = self.seats.get_mut(index as usize).and_then(Option::take) else { return };
        let other = several.seats().iter().copied().find(|other| {
            self.connection(*other).is_some_and(|connection| seat.connection.has_stray_of(connection))
        });
        match other {
            Some(other) => self.step(other, |connection, clock, batch| {
                seat.connection.exchange(connection, clock, from, batch);
            }),
            None => seat.connection.keep_stray(self.clock, &mut self.batch),
        }
        self.seats[index as usize] = Some(seat);
        self.settle(index);
    }

    fn shakes_hands(&self, seat: u32, from: SocketAddr) -> bool {
        self.connection(seat).is_some_and(|connection| connection.shakes_hands(self.clock.instant, from))
    }
}
