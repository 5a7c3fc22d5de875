//! What is sent to a path before anybody has proven to be there.
//!
//! A full agent's path is proven by the answer to its check. A lite agent has only the peer's word for the first one: until
//! DTLS came through it gets three times what came from there and no more (RFC 9000 §8.1 has the same rule for QUIC), so
//! that a forged source cannot make us an amplifier. It gets it where the handshake comes from: a nomination that somebody
//! has sent again moves the path, but takes no answer away.

use super::demux::fragments;
use super::{Clock, Connection, Path};
use crate::media::dtls::client_hello;
use crate::media::ice::{Origin, Way};

const FACTOR: usize = 3;
/// Of a record of DTLS; and where its message begins, with the type, and has its number.
const HANDSHAKE: u8 = 22;
const MESSAGE: usize = 13;
const NUMBER: std::ops::Range<usize> = 17..19;
/// Messages that a flight begins with.
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const VERIFY_REQUEST: u8 = 3;
/// Datagrams that wait for credit: a long flight.
const MAX_WAITING: usize = 16;
/// Addresses that are counted at a time.
const MAX_ACCOUNTS: usize = 8;

#[derive(Default)]
pub(super) struct Credit {
    /// What may still be sent where.
    accounts: Vec<(Origin, usize)>,
    waiting: Vec<Vec<u8>>,
    /// What tells the flight that waits from another one: its first message, with the random in it.
    flight: Option<u64>,
    /// A request for a cookie does no harm to it: it has begun, or it answers one.
    is_safe: bool,
    /// Where the handshake came from last.
    asked: Option<Origin>,
    /// Where a ClientHello came from last: a request for a cookie goes there. Of somebody else's the flights do not, as
    /// whoever is there would take them for its own.
    hello: Option<Origin>,
}

impl Credit {
    /// So many bytes came from there.
    fn earn(&mut self, from: Origin, bytes: usize) {
        let earned = FACTOR * bytes;
        match self.accounts.iter_mut().find(|(at, _)| *at == from) {
            Some((_, left)) => *left = left.saturating_add(earned),
            None => {
                if self.accounts.len() == MAX_ACCOUNTS {
                    self.accounts.remove(0);
                }
                self.accounts.push((from, earned));
            }
        }
    }

    /// A datagram to send as soon as there is credit; the oldest of too many is lost, as in any network.
    ///
    /// A flight that is sent again goes on where it was waiting, and begins again after that: who earns less than a flight
    /// until it is repeated would never get its end. Another flight takes its place. A request for a cookie comes first, as it
    /// is shorter than what it answers; it takes the place of another request, and of a flight that has not begun: a peer
    /// that has read the request would fail over it. Strangers bring it about, so it takes no other away.
    pub fn keep(&mut self, datagram: Vec<u8>) {
        if first_message(&datagram) == Some(VERIFY_REQUEST) {
            let is_safe = self.is_safe;
            self.waiting.retain(|waiting| is_safe && first_message(waiting) != Some(VERIFY_REQUEST));
            self.waiting.insert(0, datagram);
            return;
        }
        if let Some(CLIENT_HELLO | SERVER_HELLO) = first_message(&datagram) {
            let flight = fragments(&datagram).next();
            if flight != self.flight {
                self.waiting.clear();
                self.flight = flight;
                self.is_safe = datagram.get(NUMBER) != Some(&[0, 0]);
            }
        }
        if self.waiting.iter().any(|waiting| is_repeated(waiting, &datagram)) {
            return;
        }
        if self.waiting.len() == MAX_WAITING {
            self.waiting.remove(0);
        }
        self.waiting.push(datagram);
    }

    /// The next one that there is credit for, and its way; `path` is the selected one.
    pub fn next(&mut self, path: Path) -> Option<(Path, Vec<u8>)> {
        let first = self.waiting.first()?;
        let asked = if first_message(first) == Some(VERIFY_REQUEST) { self.hello } else { self.asked };
        let to = asked.filter(|asked| leads_to(path, *asked)).unwrap_or(path.origin());
        let (_, left) = self.accounts.iter_mut().find(|(at, _)| *at == to)?;
        *left = left.checked_sub(first.len())?;
        let datagram = self.waiting.remove(0);
        self.is_safe |= matches!(first_message(&datagram), Some(CLIENT_HELLO | SERVER_HELLO));
        Some((Path { way: to.way, remote: to.at, ..path }, datagram))
    }
}

/// Whether our end of the path can be the end of one to there, too.
fn leads_to(path: Path, to: Origin) -> bool {
    match to.way {
        Way::Udp => path.way == Way::Udp && path.local.is_ipv4() == to.at.is_ipv4(),
        // A connection has an end of its own.
        Way::Tcp(_) => true,
        // A lite agent has no relay.
        Way::Relay => path.way == Way::Relay,
    }
}

/// Type of the handshake message in the clear that a datagram begins with.
fn first_message(datagram: &[u8]) -> Option<u8> {
    if matches!(datagram, [HANDSHAKE, _, _, 0, 0, ..]) { datagram.get(MESSAGE).copied() } else { None }
}

/// Whether both have the same messages: records are numbered anew.
fn is_repeated(waiting: &[u8], again: &[u8]) -> bool {
    waiting.len() == again.len() && first_message(again).is_some() && fragments(waiting).eq(fragments(again))
}

impl Connection {
    pub(super) fn earn(&mut self, from: Origin, bytes: usize) {
        if let Some(credit) = &mut self.credit {
            credit.earn(from, bytes);
        }
    }

    /// A datagram of DTLS came from there, whose ClientHello was noted.
    pub(super) fn asked_from(&mut self, from: Origin, datagram: &[u8]) {
        let goes_on = self.goes_on_with(datagram);
        if let Some(credit) = &mut self.credit {
            if goes_on {
                credit.asked = Some(from);
            }
            if client_hello(datagram).is_some() {
                credit.hello = Some(from);
            }
        }
    }

    /// What waits is of no use any more.
    pub(super) fn drop_flights(&mut self) {
        if let Some(credit) = &mut self.credit {
            credit.waiting.clear();
            credit.flight = None;
        }
    }

    /// Authentic media or DTLS came from there: who sent it has read what we sent.
    pub(super) fn heard(&mut self, clock: Clock, from: Origin) {
        self.credit = None;
        self.ice.heard(from);
        self.take_ice_events(clock);
        self.note_authentic(from);
        self.listens = self.listens();
    }

    /// As [`Connection::heard`], for the DTLS datagram that is being worked on.
    pub(super) fn heard_dtls(&mut self, clock: Clock) {
        self.authentic = true;
        self.note_sign(clock);
        if let Some(from) = self.from {
            self.heard(clock, from);
        }
    }
}

#[cfg(test)]
#[path = "credit_tests.rs"]
mod tests;
