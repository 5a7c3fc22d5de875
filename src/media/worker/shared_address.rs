//! Packets from an address that several PeerConnections were reached from.
#![forbid(unsafe_code)]

use super::core::{Core, Delivery, LEAST_ROOM};
use super::owners::Several;
use crate::media::batch::Cursor;
use crate::media::clock::Clock;
use crate::media::dtls::client_hello;
use crate::media::ice::{Origin, Path};
use crate::media::peer::{Fit, Left, Room, is_of_hello};
use crate::media::types::LARGEST_RTP;

/// DTLS records of these types belong to no handshake.
const ALERT: u8 = 21;
const DATA: u8 = 23;
/// Where a record has its epoch.
const EPOCH: std::ops::Range<usize> = 3..5;

impl Core {
    /// SRTP and SRTCP: those that know the SSRC are tried first, then those whose packets came last, until the keys of
    /// one open it. At most as many as [`Owners::tried`](super::owners::Owners::tried) says.
    pub(super) fn media_of_several<'a>(
        &mut self,
        from: Origin,
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
        let likely: Several = knowing.chain(seats.clone().filter(|seat| !knows(seat))).copied().collect();
        let mut copy = [0; LARGEST_RTP];
        let copy = &mut copy[..bytes.len()];
        let index = self.owners.tried(likely).find(|seat| {
            // A cipher that fails may leave anything behind.
            copy.copy_from_slice(bytes);
            self.connection(*seat).is_some_and(|connection| connection.opens(copy))
        })?;
        self.owners.prefer(from, index);
        self.media_of(index, from, arrived, bytes, room)
    }

    /// DTLS: what belongs to a handshake goes to the one that it fits best, one handshake at a time; everything else to
    /// those whose packets came last, until it was authentic.
    pub(super) fn dtls_of_several(&mut self, path: Path, bytes: &[u8]) {
        let from = path.origin();
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
        let is_one = fits.clone().count() == 1;
        let Some((fit, best)) = fits.min_by_key(|(fit, _)| *fit) else { return };
        let Some(connection) = self.connection(best) else { return };
        let cookies = connection.cookies(self.clock, from);
        let needs_no_cookie = fit.goes_on() && connection.is_answered(bytes);
        let may_begin = match client_hello(bytes) {
            Some((_, cookie)) => needs_no_cookie || cookies.include(cookie),
            None => !is_of_hello(bytes) || needs_no_cookie,
        };
        // It comes again when the one that runs is through.
        let runs = |seat: &u32| *seat != best && self.shakes_hands(*seat, from);
        if !fit.goes_on() && several.seats().iter().any(runs) {
            return;
        }
        // So it does when a path leads there, which tells whose it is.
        if may_begin && !is_one && matches!(fit, Fit::Perhaps | Fit::Elsewhere) {
            return;
        }
        if may_begin {
            self.shake(best, from, bytes);
        } else if let Some((hello, cookie)) = client_hello(bytes)
            && let Some(request) = connection.ask(&cookies, hello, cookie)
        {
            // Anybody can say that a PeerConnection is there, and hello; who reads what comes there can be told from others.
            self.make_room(LEAST_ROOM);
            self.batch.push_bytes(&mut Cursor::default(), path, &request);
            self.hold_flights(from);
        }
    }

    /// Somebody else than who was answered there so far may be about to shake hands.
    pub(super) fn hold_flights(&mut self, from: Origin) {
        let now = self.clock.instant;
        for seat in self.owners.several(&from).seats() {
            if let Some(Some(seat)) = self.seats.get_mut(*seat as usize) {
                seat.connection.hold_flights(now, from);
            }
        }
    }

    /// A PeerConnection has come to its end before the handshake that ran in its place, whose may be another one's.
    pub(super) fn pass_on(&mut self, left: Left) {
        let found = left.places().iter().find_map(|from| {
            let adopts = |seat: &&u32| self.connection(**seat).is_some_and(|c| c.may_adopt(&left, *from));
            self.owners.all(from).seats().iter().find(adopts).copied()
        });
        if let Some(seat) = found {
            self.step(seat, |connection, clock, batch| {
                connection.adopt(left);
                connection.go_on(clock, batch);
            });
        }
    }

    /// Gives a sealed record to those that are connected, those first whose packets came last, until it was authentic.
    fn is_opened_by_one(&mut self, from: Origin, bytes: &[u8]) -> bool {
        let several = self.owners.several(&from);
        let connected = |seat: &&u32| self.connection(**seat).is_some_and(|c| c.is_ready());
        let likely = several.seats().iter().filter(connected).copied().collect();
        for seat in self.owners.tried(likely) {
            self.dtls_of(seat, from, bytes);
            if self.connection(seat).is_some_and(|connection| connection.was_authentic()) {
                self.owners.prefer(from, seat);
                return true;
            }
        }
        false
    }

    /// A datagram of a handshake that was taken for this PeerConnection's. Only the certificate tells whose it was.
    fn shake(&mut self, index: u32, from: Origin, bytes: &[u8]) {
        let mut is_stray = false;
        let several = self.owners.several(&from);
        let announces = |seat: &u32| self.connection(*seat).and_then(|c| c.is_announced_in(bytes));
        let of_owner = several.seats().iter().any(|seat| announces(seat) == Some(true));
        self.step(index, |connection, clock, batch| {
            is_stray = connection.dtls_from_shared(clock, from, bytes, of_owner, batch);
        });
        if client_hello(bytes).is_some() && self.connection(index).is_some_and(|c| c.is_proven()) {
            for seat in several.seats().iter().filter(|seat| **seat != index) {
                self.step(*seat, |connection, _, _| connection.give_way(from));
            }
        }
        let mut through = index;
        if is_stray {
            let is_meant = |other: &u32| {
                let pair = self.connection(index).zip(self.connection(*other));
                *other != index && pair.is_some_and(|(ours, other)| ours.has_stray_of(other))
            };
            match several.seats().iter().copied().find(is_meant) {
                Some(other) => {
                    through = other;
                    self.hand_over(index, other, from);
                }
                None => {
                    self.step(index, |connection, clock, batch| connection.keep_stray(clock, batch));
                }
            }
        }
        // Its handshake has just come to its end: what comes next from there is likely its own.
        if self.connection(through).is_some_and(|c| c.is_ready() && c.was_authentic()) {
            self.owners.prefer(from, through);
        }
    }

    /// The handshake that is through was the other one's. One step after the other, and all seats stay in their places: a
    /// panic costs the PeerConnection that it happened in, and none besides.
    fn hand_over(&mut self, index: u32, other: u32, from: Origin) {
        let pair = self.seats.get_disjoint_mut([index as usize, other as usize]);
        let Ok([Some(ours), Some(theirs)]) = pair else { return };
        let Some(connected) = ours.connection.exchange(&mut theirs.connection) else { return };
        self.step(other, |connection, clock, batch| connection.take_up(clock, from, &connected, batch));
        self.step(index, |connection, clock, batch| connection.go_on(clock, batch));
    }

    fn shakes_hands(&self, seat: u32, from: Origin) -> bool {
        self.connection(seat).is_some_and(|connection| connection.shakes_hands(self.clock.instant, from))
    }
}
